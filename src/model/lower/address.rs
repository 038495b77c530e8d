//! The shape of addresses, as far as it can be told before variables are known.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Text, TextPart};
use crate::source::Spanned;

/// What is known of a text: its beginning, and whether that is all of it.
struct Known {
    text: String,
    whole: bool,
}

impl Known {
    /// A default counts as known: it is what will be used where nobody says otherwise.
    fn of(text: &Text) -> Self {
        let mut known = String::new();
        for part in &text.parts {
            match part {
                TextPart::Literal(text) => known.push_str(text),
                TextPart::Env { default: Some(default), .. } => known.push_str(default),
                TextPart::Env { default: None, .. } | TextPart::Secret { .. } => return Self { text: known, whole: false },
            }
        }
        Self { text: known, whole: true }
    }
}

/// Tells of a URL that is none, or not one for HTTP.
pub(super) fn http(url: &Spanned<Text>, problems: &mut Vec<Diagnostic>) {
    if url.value.parts.is_empty() {
        return empty(url, "URL", problems);
    }
    let known = Known::of(&url.value);
    let mut bad = |message: String, label: &str, help: Option<String>| {
        let problem = Diagnostic::new(Code::BadAddress, message, url.span, label);
        problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    };
    let text = known.text.as_str();
    let lower = text.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://")) else {
        match lower.split_once("://") {
            Some((scheme, _)) => bad(
                format!("`{scheme}` is not a scheme that can be asked"),
                "expected `http://` or `https://`",
                Some("begin it with `http://` or `https://`; for a bare connection write `expect tcp \"HOST:PORT\"`".to_owned()),
            ),
            None if known.whole || text.contains('/') || (!text.is_empty() && !"https://".starts_with(&lower)) => bad(
                "a URL without `http://` or `https://`".to_owned(),
                "expected `http://` or `https://` at its start",
                known.whole.then(|| format!("write `\"http://{}\"`", text.trim_start_matches('/'))),
            ),
            None => {}
        }
        return;
    };
    if text.contains(char::is_whitespace) {
        return bad("a URL with a blank in it".to_owned(), "blanks cannot stand in a URL", Some("write `%20` for a blank".to_owned()));
    }
    let authority_end = rest.find(['/', '?', '#']);
    if authority_end.is_none() && !known.whole {
        return;
    }
    let authority = &rest[..authority_end.unwrap_or(rest.len())];
    let (host, port) = split_port(authority.rsplit('@').next().unwrap_or(authority));
    if host.is_empty() {
        bad("a URL without a host".to_owned(), "no host after `://`", None);
    } else if port.is_some_and(|port| !valid_port(port)) {
        let message = format!("`{}` is not a port", port.unwrap_or_default());
        bad(message, "a port is a number from 1 to 65535", None);
    }
}

/// Tells of an address that is not `HOST:PORT`.
pub(super) fn tcp(address: &Spanned<Text>, problems: &mut Vec<Diagnostic>) {
    if address.value.parts.is_empty() {
        return empty(address, "address", problems);
    }
    let known = Known::of(&address.value);
    let mut bad = |message: String, label: &str, help: String| {
        problems.push(Diagnostic::new(Code::BadAddress, message, address.span, label).help(help));
    };
    if let Some((scheme, rest)) = known.text.split_once("://") {
        let help = if known.whole { format!("write `\"{}\"`", rest.trim_end_matches('/')) } else { "write HOST:PORT".to_owned() };
        return bad(format!("`{scheme}://` does not belong in a TCP address"), "expected `HOST:PORT`", help);
    }
    if !known.whole {
        return;
    }
    let help = "write `\"HOST:PORT\"`".to_owned();
    match split_port(&known.text) {
        (host, _) if host.is_empty() || host.contains(['/', ' ']) => {
            bad("a TCP address without a host".to_owned(), "expected `HOST:PORT`", help);
        }
        (_, None) => bad("a TCP address without a port".to_owned(), "expected `HOST:PORT`", help),
        (_, Some(port)) if !valid_port(port) => bad(format!("`{port}` is not a port"), "a port is a number from 1 to 65535", help),
        _ => {}
    }
}

pub(super) fn empty(text: &Spanned<Text>, what: &str, problems: &mut Vec<Diagnostic>) {
    // A text that was not understood is empty too; the string itself is at least two quotes and nothing between them.
    if text.span.end - text.span.start == 2 {
        problems.push(Diagnostic::new(Code::BadAddress, format!("an empty {what}"), text.span, format!("expected a {what}")));
    }
}

/// Host and port; an IPv6 host stands in brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn valid_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, SourceMap, Span};

    fn file() -> FileId {
        SourceMap::default().add("plan", "")
    }

    fn faults(check: fn(&Spanned<Text>, &mut Vec<Diagnostic>), text: &Text) -> usize {
        let mut problems = Vec::new();
        check(&Spanned::new(text.clone(), Span::new(file(), 0..9)), &mut problems);
        problems.len()
    }

    #[test]
    fn urls_are_judged_by_what_is_known_of_them() {
        for good in ["http://a", "https://a:8000/x?y", "http://[::1]:80/", "HTTP://a/"] {
            assert_eq!(faults(http, &Text::literal(good)), 0, "{good}");
        }
        for bad in [
            "a",
            "/health",
            "ftp://a",
            "http://",
            "http:///x",
            "http://:80/",
            "http://a:0/",
            "http://a:x/",
            "http://a b/",
            "http://a:99999",
        ] {
            assert_eq!(faults(http, &Text::literal(bad)), 1, "{bad}");
        }
        let unknown = |start: &str, end: &str| Text {
            parts: vec![TextPart::Literal(start.into()), TextPart::Env { name: "X".into(), default: None }, TextPart::Literal(end.into())],
        };
        assert_eq!(faults(http, &unknown("", "/health")), 0);
        assert_eq!(faults(http, &unknown("http://", ":8000/")), 0);
        assert_eq!(faults(http, &unknown("ht", "")), 0);
        assert_eq!(faults(http, &unknown("tcp://", "")), 1);
        assert_eq!(faults(http, &unknown("/x/", "")), 1);
    }

    #[test]
    fn tcp_addresses_are_host_and_port() {
        for good in ["a:1", "127.0.0.1:5432", "[::1]:80"] {
            assert_eq!(faults(tcp, &Text::literal(good)), 0, "{good}");
        }
        for bad in ["a", ":80", "a:0", "a:65536", "a:b", "tcp://a:1", "a/b:1", "[::1]"] {
            assert_eq!(faults(tcp, &Text::literal(bad)), 1, "{bad}");
        }
    }
}
