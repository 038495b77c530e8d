//! Which values of an environment are secrets, as far as name and value tell. What is plain is shown: logs without `production`, `127.0.0.1`
//! and the names of services tell nothing.

use super::masks::SHORTEST_ENVIRONMENT_VALUE;
use super::random::{is_word, tokens};
use std::net::IpAddr;

/// Whether a name says that its value is a secret.
pub(crate) fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "API_KEY", "API-KEY", "PRIVATE_KEY", "ACCESS_KEY", "CREDENTIAL"]
        .iter()
        .any(|word| name.contains(word))
        || ["_KEY", "_PASS", "_PW", "_PWD", "_DSN", "_AUTH", "_SALT"].iter().any(|end| name.ends_with(end))
}

/// Whether a value may be shown although its name says nothing: too short to be one, one word, an IP address, or an address of a server (`HOST:PORT`, or
/// a URL) without user, parameters and anything random.
pub(super) fn is_plain(value: &str) -> bool {
    value.chars().count() < SHORTEST_ENVIRONMENT_VALUE || is_word(value) || value.parse::<IpAddr>().is_ok() || is_open_address(value)
}

fn is_open_address(value: &str) -> bool {
    let is_port = |text: &str| text.parse::<u16>().is_ok();
    let (is_address, rest) = match value.split_once("://") {
        Some((scheme, rest)) => (is_word(scheme), rest),
        None => (value.rsplit_once(':').is_some_and(|(_, port)| is_port(port)), value),
    };
    is_address
        && !rest.is_empty()
        && rest.chars().all(|char| char.is_ascii_alphanumeric() || "-._:/".contains(char))
        && tokens(rest).next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_reads_logs_by_is_plain() {
        for value in [
            "true",
            "8000",
            "production",
            "INFO",
            "Warning",
            "127.0.0.1",
            "::1",
            "http://brain-api:8001/v1",
            "redis://redis:6379/0",
            "temporal-1.staging:7233",
        ] {
            assert!(is_plain(value), "{value}");
        }
    }

    #[test]
    fn everything_else_may_be_a_secret() {
        for value in [
            "hunter22",
            "correct horse",
            "p@ss w/rd+1",
            "postgres://app:pw@db/x",
            "https://h/?t=abc",
            "https://hooks.example/services/T0/xK3p9QmZ4vRt7WbN2cYd",
            "qwrtpsdfghjklzxc",
            "12345678",
            "k7Qm2ZpX9vRt4WbN:7233",
        ] {
            assert!(!is_plain(value), "{value}");
        }
    }

    #[test]
    fn names_tell() {
        for name in ["POSTGRES_PASSWORD", "secret-key", "STRIPE_API_KEY", "REDIS_AUTH", "SENTRY_DSN"] {
            assert!(names_a_secret(name), "{name}");
        }
        for name in ["AUTHOR", "KEYCLOAK_URL", "LOG_LEVEL", "image"] {
            assert!(!names_a_secret(name), "{name}");
        }
    }
}
