//! Published ports: short, long, ranges, addresses, protocols.

use super::{Port, Protocol, interpolate};
use std::net::IpAddr;

/// What is read of one entry of `ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// These, ranges expanded.
    Known(Vec<Port>),
    /// A variable without a default, or a range that Docker chooses from.
    Unknown,
    /// Nothing compose would take.
    Invalid,
}

/// The short form: `[[address:]host:]container[/protocol]`, host and container single or ranges.
pub(super) fn short(written: &str) -> Ports {
    let Some(text) = interpolate::with_defaults(written) else { return Ports::Unknown };
    let mut parts = text.split('/');
    let rest = parts.next().unwrap_or_default();
    let protocol = parts.next().filter(|protocol| !protocol.is_empty()).unwrap_or("tcp");
    let (address, host, container) = split(rest);
    let number = (host.is_none() && rest == text).then(|| integer(rest)).flatten();
    match assemble(address, host, number.as_deref().unwrap_or(container), protocol) {
        // The defaults alone may be no port: what the app's environment says counts.
        Ports::Invalid if written.contains('$') => Ports::Unknown,
        read => read,
    }
}

/// Other spellings that YAML has for a whole number, as digits: `0x1F`, `0o17`, `8_080`.
fn integer(text: &str) -> Option<String> {
    let digits = text.replace('_', "");
    let radix = |prefix: &str, radix| digits.strip_prefix(prefix).and_then(|digits| u16::from_str_radix(digits, radix).ok());
    let number = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2)).or_else(|| digits.parse().ok())?;
    Some(number.to_string())
}

/// The long form's fields. Compose looks at little of it before it starts the service: what is odd is unknown here.
pub(super) fn long(target: &str, published: Option<&str>, host_ip: Option<&str>, protocol: Option<&str>) -> Ports {
    let fields = [Some(target), published, host_ip, protocol].map(|field| field.map(interpolate::with_defaults));
    if fields.iter().any(|field| matches!(field, Some(None))) {
        return Ports::Unknown;
    }
    let [target, published, host_ip, protocol] = fields.map(Option::flatten);
    let target = target.filter(|target| !target.is_empty());
    match assemble(host_ip.as_deref(), published.as_deref(), target.as_deref().unwrap_or_default(), protocol.as_deref().unwrap_or("tcp")) {
        Ports::Invalid if target.is_some() => Ports::Unknown,
        read => read,
    }
}

/// Address, host and container of the short form. An IPv6 address holds colons itself, in brackets or not.
fn split(text: &str) -> (Option<&str>, Option<&str>, &str) {
    let Some((rest, container)) = text.rsplit_once(':') else { return (None, None, text) };
    match rest.rsplit_once(':') {
        Some((address, host)) => (Some(address), Some(host), container),
        None => (None, Some(rest), container),
    }
}

fn assemble(address: Option<&str>, host: Option<&str>, container: &str, protocol: &str) -> Ports {
    let protocol = match protocol.to_ascii_lowercase().as_str() {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        // Known to Docker, and of no interest here.
        "sctp" => return Ports::Known(Vec::new()),
        _ => return Ports::Invalid,
    };
    let address = address.map(|text| text.trim_start_matches('[').trim_end_matches(']')).filter(|text| !text.is_empty());
    let Ok(host_ip) = address.map(str::parse::<IpAddr>).transpose() else { return Ports::Invalid };
    // All addresses, however they are written, are one thing.
    let host_ip = host_ip.filter(|address| !address.is_unspecified());
    let Some(container) = range(container).filter(|(first, _)| *first != 0) else { return Ports::Invalid };
    let port = |host, container| Port { host_ip, host, container, protocol };
    let Some(host) = host.filter(|text| !text.is_empty() && *text != "0") else {
        return Ports::Known((container.0..=container.1).map(|container| port(None, container)).collect());
    };
    let Some(host) = range(host) else { return Ports::Invalid };
    if host.1 - host.0 == container.1 - container.0 {
        Ports::Known((host.0..=host.1).zip(container.0..=container.1).map(|(host, container)| port(Some(host), container)).collect())
    } else if container.0 == container.1 {
        Ports::Unknown
    } else {
        Ports::Invalid
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

/// Digits only: Rust's own parser would take a sign.
fn number(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl Port {
    /// Whether both cannot be published on one host. An address that is not given means all of them.
    pub fn clashes_with(self, other: Self) -> bool {
        let same_address = match (self.host_ip, other.host_ip) {
            (Some(one), Some(two)) => one == two,
            _ => true,
        };
        same_address && self.protocol == other.protocol && self.host.is_some() && self.host == other.host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(ip: Option<&str>, host: Option<u16>, container: u16, protocol: Protocol) -> Port {
        Port { host_ip: ip.map(|ip| ip.parse().unwrap()), host, container, protocol }
    }

    #[test]
    fn the_short_form_in_every_style() {
        use Protocol::{Tcp, Udp};
        for (text, expected) in [
            ("8000", port(None, None, 8000, Tcp)),
            ("8001:8000", port(None, Some(8001), 8000, Tcp)),
            ("127.0.0.1:8001:8000", port(Some("127.0.0.1"), Some(8001), 8000, Tcp)),
            ("127.0.0.1::8000", port(Some("127.0.0.1"), None, 8000, Tcp)),
            ("0.0.0.0:8001:8000", port(None, Some(8001), 8000, Tcp)),
            ("[::1]:8001:8000", port(Some("::1"), Some(8001), 8000, Tcp)),
            ("::1:8001:8000", port(Some("::1"), Some(8001), 8000, Tcp)),
            ("53:53/udp", port(None, Some(53), 53, Udp)),
            ("53:53/UDP", port(None, Some(53), 53, Udp)),
            ("${PORT:-8000}:8000", port(None, Some(8000), 8000, Tcp)),
            ("${BIND:-127.0.0.1}:${PORT:-8000}:80/${PROTO:-tcp}", port(Some("127.0.0.1"), Some(8000), 80, Tcp)),
            ("0:80", port(None, None, 80, Tcp)),
            ("80:80/", port(None, Some(80), 80, Tcp)),
            ("0x50", port(None, None, 80, Tcp)),
            ("8_080", port(None, None, 8080, Tcp)),
        ] {
            assert_eq!(short(text), Ports::Known(vec![expected]), "{text}");
        }
        assert_eq!(short("9000-9001:80-81"), Ports::Known(vec![port(None, Some(9000), 80, Tcp), port(None, Some(9001), 81, Tcp)]));
    }

    #[test]
    fn what_cannot_be_known_is_not_guessed_and_what_is_wrong_is_said() {
        for unknown in ["${PORT}:8000", "$PORT:8000", "8000-8010:80", "${PORT:?}:80", "${PORT:-}:${INNER:-}", "${PORT:-none}:80"] {
            assert_eq!(short(unknown), Ports::Unknown, "{unknown}");
        }
        for invalid in [
            "",
            "web",
            "8000:web",
            "8000:",
            "70000:80",
            "80:70000",
            "+1:80",
            "8000:80/http",
            "host:80:80",
            "9-8:9-8",
            "1-3:1-2",
            "80:0",
            "0x50:80",
        ] {
            assert_eq!(short(invalid), Ports::Invalid, "{invalid}");
        }
    }

    #[test]
    fn the_long_form() {
        assert_eq!(
            long("80", Some("8080"), Some("::1"), Some("udp")),
            Ports::Known(vec![port(Some("::1"), Some(8080), 80, Protocol::Udp)])
        );
        assert_eq!(long("80", None, None, None), Ports::Known(vec![port(None, None, 80, Protocol::Tcp)]));
        assert_eq!(long("80", Some("${P}"), None, None), Ports::Unknown);
        assert_eq!(long("", Some("80"), None, None), Ports::Invalid);
        for (published, address, protocol) in
            [("web", "::1", "tcp"), ("99999", "::1", "tcp"), ("80", "localhost", "tcp"), ("80", "::1", "odd")]
        {
            assert_eq!(long("80", Some(published), Some(address), Some(protocol)), Ports::Unknown, "{published} {address} {protocol}");
        }
    }

    #[test]
    fn ports_clash_on_overlapping_addresses_and_the_same_protocol() {
        let known = |text| match short(text) {
            Ports::Known(ports) => ports[0],
            other => panic!("{text}: {other:?}"),
        };
        for (one, two, clash) in [
            ("8000:80", "8000:81", true),
            ("8000:80", "127.0.0.1:8000:80", true),
            ("0.0.0.0:8000:80", "127.0.0.1:8000:80", true),
            ("127.0.0.1:8000:80", "127.0.0.2:8000:80", false),
            ("127.0.0.1:8000:80", "127.0.0.1:8000:81", true),
            ("53:53/tcp", "53:53/udp", false),
            ("8000:80", "8001:80", false),
            ("80", "80", false),
        ] {
            assert_eq!(known(one).clashes_with(known(two)), clash, "{one} and {two}");
            assert_eq!(known(two).clashes_with(known(one)), clash, "{two} and {one}");
        }
    }
}
