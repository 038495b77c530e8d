//! What a compose healthcheck asks, where it asks what the plan can ask from outside: an address in HTTP, PostgreSQL, Redis.
//!
//! Only what is certain to mean the same is taken over. Of any other healthcheck Docker's own verdict is asked.

use crate::compose::{Service, with_defaults};
use serde_json::Value;

/// What a healthcheck asks, by ports of the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// An address in HTTP.
    Http {
        /// The container's port.
        port: u16,
        /// Path and query, with the first `/`.
        path: String,
    },
    /// Whether PostgreSQL accepts connections.
    Postgres {
        /// The container's port.
        port: u16,
    },
    /// Whether Redis answers without a password.
    Redis {
        /// The container's port.
        port: u16,
    },
    /// Something else.
    Other,
}

/// Whether a service has a healthcheck of its own. One of its image is not known here.
pub(super) fn is_there(service: &Service) -> bool {
    service.healthcheck.as_ref().is_some_and(|check| !check.disabled)
}

/// What a service's healthcheck asks; `None` when it has none.
pub(super) fn asks(service: &Service) -> Option<Asks> {
    is_there(service).then(|| {
        let words = test(&service.definition).and_then(words);
        words.and_then(|words| understood(&words, service)).unwrap_or(Asks::Other)
    })
}

/// `test`, as it is written: the service's own, or that of what it extends.
fn test(definition: &Value) -> Option<&Value> {
    let mut definition = definition;
    loop {
        if let Some(healthcheck) = definition.get("healthcheck") {
            return healthcheck.get("test");
        }
        definition = definition.get("extends").filter(|base| base.is_object())?;
    }
}

/// The words of the one command that decides; `None` where there are several. A variable without a default stays as it is written.
fn words(test: &Value) -> Option<Vec<String>> {
    let filled = |value: &Value| value.as_str().map(|text| with_defaults(text).unwrap_or_else(|| text.to_owned()));
    let Some(items) = test.as_array() else { return command(&filled(test)?) };
    let items: Vec<String> = items.iter().map(filled).collect::<Option<_>>()?;
    match items.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["CMD-SHELL", script] => command(script),
        ["CMD", shell, "-c", script] if matches!(shell.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash")) => command(script),
        ["CMD", words @ ..] => Some(words.iter().map(|word| (*word).to_owned()).collect()),
        _ => None,
    }
}

/// The words of a shell's line whose first command decides: what follows may only turn its failure into another exit code.
fn command(script: &str) -> Option<Vec<String>> {
    if script.contains("$(") {
        return None;
    }
    let (first, rest) = script.split_at(script.find(['|', ';', '&', '\n', '>', '<', '`']).unwrap_or(script.len()));
    let quiet = |text: &str| {
        text.split_whitespace().filter(|word| !matches!(*word, ">" | "/dev/null" | ">/dev/null" | "2>&1")).collect::<Vec<_>>().join(" ")
    };
    let rest = quiet(rest);
    let turned = matches!(rest.trim_end_matches(';'), "" | "|| exit 1" | "||exit 1" | "|| false" | "|| exit 2" | "|| kill 1");
    let answered = matches!(rest.as_str(), "| grep PONG" | "| grep -q PONG" | "| grep PONG || exit 1" | "| grep -q PONG || exit 1");
    if !(turned || answered && first.contains("ping")) {
        return None;
    }
    let words: Vec<String> = first.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect();
    // A quoted word with blanks in it is no word any more.
    let whole = first.matches('"').count() % 2 == 0 && first.matches('\'').count() % 2 == 0;
    (whole && !words.is_empty()).then_some(words)
}

fn understood(words: &[String], service: &Service) -> Option<Asks> {
    let (program, arguments) = words.split_first()?;
    match program.rsplit('/').next()? {
        "curl" | "wget" => http(arguments),
        "pg_isready" => Some(Asks::Postgres { port: option(arguments, &["-p", "--port"]).map_or(Some(5432), |port| port.parse().ok())? }),
        "redis-cli" | "valkey-cli" | "keydb-cli" => redis(arguments, service),
        _ => None,
    }
}

/// The one address among the arguments of curl or wget, asked without anything that a plain GET would not say.
fn http(arguments: &[String]) -> Option<Asks> {
    const SAYS_MORE: [&str; 13] =
        ["-X", "--request", "-H", "--header", "-d", "--data", "-u", "--user", "--post-data", "--data-raw", "-F", "--unix-socket", "--json"];
    let says_more = |argument: &String| SAYS_MORE.iter().any(|option| argument == option || argument.starts_with(&format!("{option}=")));
    if arguments.iter().any(says_more) {
        return None;
    }
    let mut addresses = arguments.iter().filter_map(|argument| address(argument));
    let (port, path) = addresses.next()?;
    (addresses.next().is_none()).then_some(Asks::Http { port, path })
}

/// Port and path of an address of the container itself, in plain HTTP: who asks from outside could not trust its certificate.
fn address(argument: &str) -> Option<(u16, String)> {
    let rest = argument.strip_prefix("http://").unwrap_or(argument);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let own = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"].iter().find_map(|host| authority.strip_prefix(host))?;
    let port = match own.strip_prefix(':') {
        Some(port) => port.parse().ok()?,
        None if own.is_empty() => 80,
        None => return None,
    };
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~%?&=+:@,;!*".contains(&byte));
    plain.then_some((port, path))
}

/// A PING that needs no password: one that does could only be asked with a secret.
fn redis(arguments: &[String], service: &Service) -> Option<Asks> {
    let guarded = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["requirepass", "--tls", "password", "redis_pass", "redis_args"].iter().any(|word| text.contains(word))
    };
    let secret = arguments.iter().any(|argument| ["-a", "--pass", "-u", "--user", "--tls", "--askpass"].contains(&argument.as_str()));
    let started = ["command", "entrypoint"].iter().any(|key| service.definition.get(*key).is_some_and(|value| guarded(&value.to_string())));
    let told = service.environment.iter().any(|variable| guarded(&variable.name.value));
    let pings = arguments.iter().any(|argument| argument.eq_ignore_ascii_case("ping"));
    if secret || started || told || !pings {
        return None;
    }
    Some(Asks::Redis { port: option(arguments, &["-p"]).map_or(Some(6379), |port| port.parse().ok())? })
}

/// The value of an option: `-p 5433`, `-p5433`, `--port=5433`.
fn option<'a>(arguments: &'a [String], names: &[&str]) -> Option<&'a str> {
    arguments.iter().enumerate().find_map(|(at, argument)| {
        names.iter().find_map(|name| match argument.strip_prefix(name)? {
            "" => Some(arguments.get(at + 1).map_or("", String::as_str)),
            joined => Some(joined.strip_prefix('=').unwrap_or(joined)),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose;
    use crate::source::SourceMap;

    fn asked(test: &str, more: &str) -> Option<Asks> {
        let yaml = format!("services:\n  a:\n    image: a\n    healthcheck: {{test: {test}}}\n{more}");
        let file = SourceMap::default().add("compose.yml", yaml.as_str());
        asks(&compose::read(file, &yaml).unwrap().services[0])
    }

    fn http(port: u16, path: &str) -> Asks {
        Asks::Http { port, path: path.to_owned() }
    }

    #[test]
    fn an_address_is_read_in_every_form() {
        for test in [
            r#"["CMD", "curl", "-f", "http://localhost:8000/health"]"#,
            r#"["CMD-SHELL", "curl -fsS http://127.0.0.1:8000/health || exit 1"]"#,
            r#""curl --fail http://localhost:8000/health > /dev/null 2>&1 || exit 1""#,
            r#"["CMD-SHELL", "wget -qO- 'http://0.0.0.0:8000/health'"]"#,
            r#"["CMD", "wget", "--no-verbose", "--tries=1", "--spider", "localhost:8000/health"]"#,
            r#"["CMD", "sh", "-c", "/usr/bin/curl -f http://[::1]:${PORT:-8000}/health"]"#,
        ] {
            assert_eq!(asked(test, ""), Some(http(8000, "/health")), "{test}");
        }
        assert_eq!(asked("curl -f http://localhost", ""), Some(http(80, "/")));
        assert_eq!(asked("curl -f http://localhost:3000?deep=1", ""), Some(http(3000, "/?deep=1")));
    }

    #[test]
    fn what_may_mean_something_else_is_left_to_docker() {
        for test in [
            "curl -fk https://localhost:8443/health",
            "curl -f http://backend:8000/health",
            "curl -f http://localhost:$$PORT/health",
            "curl -f http://localhost:${PORT}/health",
            "curl -s http://localhost:8000/health | grep ok",
            "curl -f http://localhost:8000/a && curl -f http://localhost:8000/b",
            "curl -f http://localhost:8000/a || true",
            "curl -f -X POST http://localhost:8000/a",
            "curl -f http://localhost:8000/a http://localhost:8000/b",
            "curl -f 'http://localhost:8000/{a,b}'",
            "curl -f http://localhost:80000/",
            "test -f /tmp/ready",
            r#"["CMD", "python", "check.py"]"#,
            "[]",
        ] {
            assert_eq!(asked(&format!("{test:?}"), ""), Some(Asks::Other), "{test}");
        }
    }

    #[test]
    fn databases_are_known_by_their_own_tools() {
        assert_eq!(asked(r#"["CMD-SHELL", "pg_isready -U $${POSTGRES_USER}"]"#, ""), Some(Asks::Postgres { port: 5432 }));
        assert_eq!(asked(r#""pg_isready -U ${DB_USER} || exit 1""#, ""), Some(Asks::Postgres { port: 5432 }));
        assert_eq!(asked(r#""pg_isready -p $PGPORT""#, ""), Some(Asks::Other));
        assert_eq!(asked(r#"["CMD-SHELL", "pg_isready -U app -d app"]"#, ""), Some(Asks::Postgres { port: 5432 }));
        assert_eq!(asked(r#"["CMD", "pg_isready", "--port=5433"]"#, ""), Some(Asks::Postgres { port: 5433 }));
        assert_eq!(asked(r#"["CMD", "redis-cli", "ping"]"#, ""), Some(Asks::Redis { port: 6379 }));
        assert_eq!(asked("redis-cli -p 6380 ping | grep PONG", ""), Some(Asks::Redis { port: 6380 }));
        for (test, more) in [
            ("redis-cli -a hunter2 ping", ""),
            ("redis-cli ping", "    command: redis-server --requirepass hunter2\n"),
            ("redis-cli ping", "    environment: {REDIS_PASSWORD: hunter2}\n"),
        ] {
            assert_eq!(asked(test, more), Some(Asks::Other), "{test}{more}");
        }
    }

    #[test]
    fn no_healthcheck_asks_nothing() {
        assert_eq!(asked("NONE", ""), None);
        assert_eq!(asked(r#"["NONE"]"#, ""), None);
        assert_eq!(asked("a, disable: true", ""), None);
    }

    #[test]
    fn an_inherited_healthcheck_counts() {
        let text = "services:\n  b: {image: a, healthcheck: {test: curl -f http://localhost:81/x}}\n  a: {extends: b}\n";
        let file = SourceMap::default().add("compose.yml", text);
        assert_eq!(asks(&compose::read(file, text).unwrap().services[1]), Some(http(81, "/x")));
    }
}
