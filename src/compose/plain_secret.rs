//! Secrets that stand in a compose file as they are, for whoever can read the file. Narrower than what is masked: a word too many that is
//! masked harms nobody, a warning too many is soon overlooked.

use super::masked::{entry, masks_of, unquoted};
use super::read::read;
use super::{Service, with_defaults};
use crate::secrets::names_a_secret;
use crate::source::{SourceMap, Span};
use std::ops::Range;

/// A secret that is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainSecret {
    /// The variable that has it; `None` for the address of a build context.
    pub variable: Option<String>,
    /// Where it stands, with what is around it.
    pub span: Span,
    /// It is the password of an address; otherwise the whole value.
    pub in_address: bool,
    /// It is what a variable is without the app's environment (`${NAME:-…}`).
    pub as_default: bool,
}

/// Ends of names whose values are secrets, whatever else stands before them.
const SECRET_ENDS: [&str; 19] = [
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "API-KEY",
    "PRIVATE_KEY",
    "SECRET_KEY",
    "ACCESS_KEY",
    "ENCRYPTION_KEY",
    "SIGNING_KEY",
    "MASTER_KEY",
    "AUTH_KEY",
    "JWT_KEY",
    "SECRET_KEY_BASE",
    "CREDENTIAL",
    "CREDENTIALS",
];

/// Ends of names whose values are secrets unless they are one plain word: `SORT_KEY: name`, `SMTP_AUTH: login`.
const LIKELY_ENDS: [&str; 6] = ["_KEY", "_PASS", "_PW", "_PWD", "_AUTH", "_SALT"];

/// Parts of names whose values everybody may know.
const PUBLIC: [&str; 4] = ["PUBLIC", "PUBLISHABLE", "SITE_KEY", "ALLOW_EMPTY"];

/// Values that switch something and are no secret, whatever the name.
const SWITCHES: [&str; 14] = ["true", "false", "yes", "no", "on", "off", "none", "null", "nil", "0", "1", "auto", "enabled", "disabled"];

/// The secrets that a service has written out in its variables and its build context, in the order written.
pub fn plain_secrets(service: &Service) -> Vec<PlainSecret> {
    let variables = service.environment.iter().filter_map(|variable| {
        let value = variable.value.as_ref()?;
        let (in_address, as_default) = judge(&variable.name.value, &value.value)?;
        Some(PlainSecret { variable: Some(variable.name.value.clone()), span: value.span, in_address, as_default })
    });
    let context = service.build.as_ref().filter(|build| password(&build.context.value).is_some());
    let context = context.map(|build| PlainSecret { variable: None, span: build.context.span, in_address: true, as_default: false });
    variables.chain(context).collect()
}

/// Whether a variable's value is or has a secret: whether as the password of an address, and whether as a default.
fn judge(name: &str, value: &str) -> Option<(bool, bool)> {
    let known = with_defaults(value);
    let as_default = value.contains("${");
    let value = known.as_deref().unwrap_or(value);
    if password(value).is_some() {
        return Some((true, as_default));
    }
    (known.is_some() && is_secret(name, value)).then_some((false, as_default))
}

fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // `API_TOKEN_2` is a token as well.
    let name = name.trim_end_matches(|end: char| end.is_ascii_digit()).trim_end_matches("_V").trim_end_matches('_');
    if PUBLIC.iter().any(|part| name.contains(part)) || is_no_secret(value) {
        return false;
    }
    let is_word = value.chars().all(|char| char.is_ascii_alphabetic());
    SECRET_ENDS.iter().any(|end| name.ends_with(end)) || LIKELY_ENDS.iter().any(|end| name.ends_with(end)) && !is_word
}

/// Nothing, a switch, a path, a reference to another place, or a public key.
fn is_no_secret(value: &str) -> bool {
    let value = value.trim();
    value.is_empty()
        || SWITCHES.iter().any(|switch| value.eq_ignore_ascii_case(switch))
        || value.starts_with(['/', '.'])
        || value.contains("://")
        || ["arn:", "ssh-", "ecdsa-", "pk_", "-----BEGIN PUBLIC", "-----BEGIN CERTIFICATE"].iter().any(|start| value.starts_with(start))
}

/// Where the password of the first address in a text that has one stands, unless a variable stands for it.
fn password(text: &str) -> Option<Range<usize>> {
    text.match_indices("://").find_map(|(at, _)| {
        let after = &text[at + 3..];
        let end = after.find(|char: char| char.is_whitespace() || matches!(char, '/' | '?' | '#' | '"' | '\'')).unwrap_or(after.len());
        let (user, _) = after[..end].rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        let start = at + 3 + name.len() + 1;
        (!password.is_empty() && !password.contains('$')).then_some(start..start + password.len())
    })
}

/// A compose text as a diagnostic may show it, byte for byte as long: what may be secret in it is blotted out, and what
/// [`plain_secrets`] tells of is, however short it is.
pub fn blotted(text: &str) -> String {
    let mut shown = masks_of(text).blot(text);
    let file = read(SourceMap::default().add("compose.yml", text), text);
    let mut hidden: Vec<Range<usize>> = Vec::new();
    for variable in file.iter().flat_map(|file| &file.services).flat_map(|service| &service.environment) {
        let Some(value) = variable.value.as_ref().filter(|value| judge(&variable.name.value, &value.value).is_some()) else { continue };
        let written = text.get(value.span.range()).unwrap_or_default();
        // In a list the entry begins with the name, which may be the same word.
        let from = if variable.name.span == value.span { written.find('=').map_or(0, |at| at + 1) } else { 0 };
        let start = value.span.start as usize + from;
        hidden.extend(secret_part(&written[from..]).map(|part| start + part.start..start + part.end));
    }
    // What an alias leads to, what is commented out, and a file that cannot be read.
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some((_, key, value)) = entry(line).filter(|(_, key, _)| names_a_secret(key)) {
            let value = unquoted(value);
            if judge(key, value).is_some() {
                let at = start + value.as_ptr() as usize - line.as_ptr() as usize;
                hidden.extend(secret_part(value).map(|part| at + part.start..at + part.end));
            }
        }
        start += line.len();
    }
    for part in hidden {
        // `*` is one byte, as each byte that it stands for.
        if text.is_char_boundary(part.start) && text.is_char_boundary(part.end) {
            let hiding = "*".repeat(part.len());
            shown.replace_range(part, &hiding);
        }
    }
    shown
}

/// What of a value that has a secret is not shown: the password of an address, the default of a variable, or all of it, quotes aside.
fn secret_part(written: &str) -> Option<Range<usize>> {
    if let Some(password) = password(written) {
        return Some(password);
    }
    let defaults = written.match_indices('-').filter(|(at, _)| written[..*at].contains("${"));
    let default = defaults.map(|(at, _)| at + 1).next();
    let start = default.unwrap_or_else(|| written.len() - written.trim_start_matches(['"', '\'']).len());
    let end = written.trim_end().trim_end_matches(['"', '\'', '}']).len();
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_are_written_out_are_told() {
        for (name, value) in [
            ("POSTGRES_PASSWORD", "hunter2"),
            ("DB_PASSWORD", "changeme"),
            ("db-password", "x"),
            ("API_TOKEN_2", "abc"),
            ("JWT_SECRET", "correct horse"),
            ("REDIS_AUTH", "hunter22"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI"),
            ("DB_PASSWORD", "${DB_PASSWORD:-hunter2}"),
            ("DATABASE_URL", "postgres://app:hunter2@db:5432/app"),
            ("DATABASE_URL", "postgres://app:${PW:-hunter2}@db/app"),
            ("BROKER", "redis://:pw@cache/0"),
            ("DATABASE_URL", "postgres://app:pw@${DB_HOST}/app"),
        ] {
            assert!(judge(name, value).is_some(), "{name}={value}");
        }
    }

    #[test]
    fn what_is_no_secret_is_silent() {
        for (name, value) in [
            ("POSTGRES_PASSWORD", "${POSTGRES_PASSWORD}"),
            ("POSTGRES_PASSWORD", "${POSTGRES_PASSWORD:?set it}"),
            ("POSTGRES_PASSWORD", "${POSTGRES_PASSWORD:-}"),
            ("POSTGRES_PASSWORD", ""),
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/password"),
            ("DB_PASSWORD", "/run/secrets/password"),
            ("POSTGRES_HOST_AUTH_METHOD", "trust"),
            ("MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
            ("MYSQL_RANDOM_ROOT_PASSWORD", "1"),
            ("JWT_PUBLIC_KEY", "MIIBIjANBgkq"),
            ("STRIPE_PUBLISHABLE_KEY", "pk_live_123"),
            ("DEPLOY_KEY", "ssh-ed25519 AAAA"),
            ("TOKEN_EXPIRE_MINUTES", "30"),
            ("MAX_TOKENS", "4096"),
            ("PASSWORD_MIN_LENGTH", "12"),
            ("SMTP_AUTH", "login"),
            ("SORT_KEY", "name"),
            ("TOKEN_URL", "https://auth.example/token"),
            ("DATABASE_URL", "postgresql://${DB_USER}:${DB_PASSWORD}@${DB_HOST}:5433/x"),
            ("SITE_URL", "http://web:8000/a?mail=a@b"),
            ("SENTRY_DSN", "https://abc@sentry.example/1"),
        ] {
            assert_eq!(judge(name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn no_secret_is_left_in_what_is_shown() {
        let text = "services:\n  web:\n    image: web:1\n    environment:\n      DB_PASSWORD: abc\n      TOKEN: ${TOKEN:-abc}\n      \
                    URL: \"redis://:abc@cache/0\"\n  api:\n    image: api:1\n    environment: [\"API_KEY=abc\", 'X_SECRET=abc']\n  \
                    flow: {image: flow:1, environment: {A_TOKEN: abc}}\n";
        let shown = blotted(text);
        assert_eq!(shown.len(), text.len());
        assert!(!shown.contains("abc"), "{shown}");
        assert!(shown.contains("image: web:1") && shown.contains("${TOKEN:-***}"), "{shown}");
        let broken = blotted(&text.replace("services:", "services: ["));
        assert!(!broken.contains("DB_PASSWORD: abc"), "{broken}");
    }
}
