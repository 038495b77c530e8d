//! What a plan asks, as a command that a person can paste into a shell. Variables stay variables, so that no secret is ever written out.

use crate::model::{Docker, HttpAuth, HttpOptions, Probe, Text, TextPart};
use crate::schedule::{Expectation, without_user};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Headers whose values are no secrets.
const PLAIN_HEADERS: [&str; 5] = ["accept", "accept-language", "content-type", "host", "user-agent"];

/// What stands where a text that is written out could be a secret.
const HIDDEN: &str = "…";

/// A command that asks the same, as far as there is one. `container` is the name of the service's container, where it has a fixed one.
pub(super) fn command(expectation: &Expectation, timeout: Duration, container: Option<&str>) -> Option<String> {
    let seconds = timeout.as_secs().max(1);
    match &expectation.probe {
        Probe::Http { url, options, .. } => Some(curl(&url.value, options, seconds)),
        Probe::Tcp { address, .. } => {
            let text = quoted(&address.value, false);
            let (host, port) = split_port(&text)?;
            Some(format!("nc -vz -w {seconds} {host} {port}"))
        }
        Probe::Postgres { url, queries } => {
            let query = queries.first().map_or("SELECT 1", |query| query.value.name.as_str());
            Some(format!("psql {} -c {}", unseen(&url.value), word(query)))
        }
        Probe::Redis { url, database, infos } => {
            let number = database.map_or(String::new(), |number| format!(" -n {number}"));
            let asked = if infos.is_empty() { "ping" } else { "info" };
            Some(format!("redis-cli -u {}{number} {asked}", unseen(&url.value)))
        }
        Probe::Exec(exec) => Some(exec.command.iter().map(|word| quoted(&word.value, false)).collect::<Vec<_>>().join(" ")),
        Probe::Docker(Docker::Container { name, .. }) => {
            Some(format!("docker ps -a --filter name={}", word(name.as_deref().or(container)?)))
        }
        Probe::Docker(Docker::Logs(_)) => Some(format!("docker logs --tail 200 {}", word(container?))),
        Probe::Docker(Docker::Server(_)) => Some("df -h && free -h".to_owned()),
        Probe::BuildContexts(_) => None,
    }
}

fn curl(url: &Text, options: &HttpOptions, seconds: u64) -> String {
    let mut command = format!("curl -sS -i -m {seconds}");
    if options.follow {
        command.push_str(" -L");
    }
    if let Some(method) = options.method.as_deref().filter(|method| *method != "GET") {
        let _ = write!(command, " -X {}", word(method));
    }
    for (name, value) in &options.headers {
        let is_plain = PLAIN_HEADERS.contains(&name.value.to_ascii_lowercase().as_str());
        let shown = if is_plain { inner(&value.value) } else { inner_unseen(&value.value) };
        let _ = write!(command, " -H \"{}: {shown}\"", escaped(&name.value));
    }
    match &options.auth {
        Some(HttpAuth::Bearer(token)) => {
            let _ = write!(command, " -H \"Authorization: Bearer {}\"", inner_unseen(&token.value));
        }
        Some(HttpAuth::Basic { user, password }) => {
            let _ = write!(command, " -u \"{}:{}\"", inner(&user.value), inner_unseen(&password.value));
        }
        None => {}
    }
    if let Some(body) = &options.body {
        let _ = write!(command, " --data \"{}\"", inner_unseen(&body.value));
    }
    format!("{command} {}", quoted(url, true))
}

/// Environment variables that the commands take, with their defaults; `None` for those that have none.
pub(super) fn variables<'a>(expectations: impl IntoIterator<Item = &'a Expectation>) -> BTreeMap<&'a str, Variable<'a>> {
    let mut found = BTreeMap::new();
    for part in expectations.into_iter().flat_map(|expectation| expectation.probe.texts()).flat_map(|text| &text.parts) {
        match part {
            TextPart::Literal(_) => {}
            TextPart::Env { name, default } => {
                found.entry(name.as_str()).or_insert(Variable { default: default.as_deref(), is_secret: false });
            }
            TextPart::Secret { name } => {
                found.insert(name.as_str(), Variable { default: None, is_secret: true });
            }
        }
    }
    found
}

/// A variable of the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variable<'a> {
    pub(super) default: Option<&'a str>,
    pub(super) is_secret: bool,
}

/// A word of a shell, as it is written.
pub(super) fn word(text: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "-_./:@%+=,".contains(char);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// A text as one word, its variables for the shell to fill in.
fn quoted(text: &Text, is_address: bool) -> String {
    if let [TextPart::Literal(literal)] = text.parts.as_slice() {
        return word(&if is_address { without_user(literal) } else { literal.clone() });
    }
    let inner = inner(text);
    format!("\"{}\"", if is_address { without_user(&inner) } else { inner })
}

/// An address that may hold a password: by its variables alone.
fn unseen(text: &Text) -> String {
    format!("\"{}\"", inner_unseen(text))
}

/// A text between double quotes.
fn inner(text: &Text) -> String {
    let part = |part: &TextPart| match part {
        TextPart::Literal(text) => escaped(text),
        TextPart::Env { name, default: Some(default) } => format!("${{{name}:-{}}}", escaped(default).replace('}', "\\}")),
        TextPart::Env { name, default: None } | TextPart::Secret { name } => format!("${{{name}}}"),
    };
    text.parts.iter().map(part).collect()
}

/// The same, where whatever is written out is hidden.
fn inner_unseen(text: &Text) -> String {
    let part = |part: &TextPart| match part {
        TextPart::Literal(_) => HIDDEN.to_owned(),
        TextPart::Env { name, .. } | TextPart::Secret { name } => format!("${{{name}}}"),
    };
    text.parts.iter().map(part).collect()
}

/// Harmless between double quotes of a shell.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut shown, char| {
        if matches!(char, '"' | '\\' | '$' | '`') {
            shown.push('\\');
        }
        shown.push(char);
        shown
    })
}

/// A quoted `HOST:PORT` as two words, where the port is a number.
fn split_port(text: &str) -> Option<(String, String)> {
    let (open, close) = (text.strip_prefix('"').unwrap_or(text), text.ends_with('"'));
    let (host, port) = open.strip_suffix('"').unwrap_or(open).rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // A variable that holds both cannot be taken apart here.
    let is_number = !port.is_empty() && port.chars().all(|char| char.is_ascii_digit());
    is_number.then(|| (if close { format!("\"{host}\"") } else { host.to_owned() }, port.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: &[TextPart]) -> Text {
        Text { parts: parts.to_vec() }
    }

    fn literal(text: &str) -> TextPart {
        TextPart::Literal(text.to_owned())
    }

    #[test]
    fn addresses_keep_their_variables_and_lose_their_passwords() {
        let host = TextPart::Env { name: "STAGING_HOST".to_owned(), default: Some("127.0.0.1".to_owned()) };
        let url = text(&[literal("http://"), host.clone(), literal(":8000/health/")]);
        assert_eq!(curl(&url, &HttpOptions::default(), 3), "curl -sS -i -m 3 \"http://${STAGING_HOST:-127.0.0.1}:8000/health/\"");
        let url = text(&[literal("http://admin:hunter2@db.example/$x")]);
        assert_eq!(curl(&url, &HttpOptions::default(), 3), "curl -sS -i -m 3 'http://db.example/$x'");
        assert_eq!(unseen(&text(&[literal("postgres://a:b@c/d")])), "\"…\"");
        assert_eq!(unseen(&text(&[TextPart::Secret { name: "DATABASE_URL".to_owned() }])), "\"${DATABASE_URL}\"");
        let address = quoted(&text(&[host, literal(":5433")]), false);
        assert_eq!(split_port(&address), Some(("\"${STAGING_HOST:-127.0.0.1}\"".to_owned(), "5433".to_owned())));
        assert_eq!(split_port("[::1]:80"), Some(("::1".to_owned(), "80".to_owned())));
        assert_eq!(split_port("\"${ADDRESS:-db:5432}\""), None);
    }

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more_into_them() {
        assert_eq!(word("web-1"), "web-1");
        assert_eq!(word("it's"), "'it'\\''s'");
        assert_eq!(word(""), "''");
    }
}
