//! What a variable of a compose file tells of the Redis or other database that it names, as far as the file alone tells it.

use crate::compose::with_defaults;

/// Which table a variable belongs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Redis,
    Other,
}

/// What a variable names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) kind: Kind,
    /// The number or the name.
    pub(super) what: Option<String>,
    /// Host and port, variables as written.
    pub(super) server: Option<String>,
    /// Why something of it is not known.
    pub(super) unknown: Option<String>,
}

/// Schemes of addresses of databases.
const OTHERS: [&str; 9] = ["postgres", "postgresql", "mysql", "mariadb", "mongodb", "mongodb+srv", "mssql", "sqlserver", "clickhouse"];

/// Names that hold nothing but a database's name.
const NAMES: [&str; 8] =
    ["POSTGRES_DB", "MYSQL_DATABASE", "MARIADB_DATABASE", "MONGO_INITDB_DATABASE", "PGDATABASE", "DB_NAME", "DATABASE_NAME", "DB_DATABASE"];

/// What a variable names; `None` where it has nothing to do with databases.
pub(super) fn read(name: &str, value: Option<&str>) -> Option<Address> {
    let upper = name.to_ascii_uppercase();
    let by_name = by_name(&upper);
    let Some(written) = value else {
        let unknown = Some("the environment of the app passes it on".to_owned());
        return by_name.map(|kind| Address { kind, what: None, server: None, unknown });
    };
    let text = with_defaults(written).unwrap_or_else(|| written.to_owned());
    if let Some((scheme, rest)) = text.split_once("://") {
        // `postgresql+asyncpg://` is PostgreSQL as well.
        let plain = scheme.split('+').next().unwrap_or(scheme).to_ascii_lowercase();
        let kind = match plain.as_str() {
            "redis" | "rediss" | "valkey" => Kind::Redis,
            other if OTHERS.contains(&other) => Kind::Other,
            _ => return None,
        };
        return Some(address(kind, rest));
    }
    if NAMES.contains(&upper.as_str()) || upper == "REDIS_DB" || upper == "REDIS_DATABASE" {
        let kind = if upper.starts_with("REDIS") { Kind::Redis } else { Kind::Other };
        let (what, unknown) = known(&text);
        return Some(Address {
            kind,
            what,
            server: None,
            unknown: unknown.or_else(|| Some("another variable names its server".to_owned())),
        });
    }
    let kind = by_name.filter(|_| text.contains('$'))?;
    Some(Address { kind, what: None, server: None, unknown: Some(reason(&text)) })
}

/// What a variable's name says that its value is.
fn by_name(upper: &str) -> Option<Kind> {
    let is_address = ["_URL", "_URI", "_DSN"].iter().any(|end| upper.ends_with(end));
    let has = |words: &[&str]| upper.split('_').any(|part| words.contains(&part));
    match () {
        () if !is_address => None,
        () if has(&["REDIS", "VALKEY"]) => Some(Kind::Redis),
        () if has(&["DATABASE", "DB", "POSTGRES", "POSTGRESQL", "PG", "MYSQL", "MARIADB", "MONGO", "MONGODB", "SQLALCHEMY"]) => {
            Some(Kind::Other)
        }
        () => None,
    }
}

/// After the scheme: `user:password@host:port/name?options`.
fn address(kind: Kind, rest: &str) -> Address {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    // A password may hold slashes; nothing of it is shown.
    let rest = rest.rsplit_once('@').map_or(rest, |(_, server)| server);
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = if kind == Kind::Redis { query.split('&').find_map(|field| field.strip_prefix("db=")).unwrap_or(path) } else { path };
    let (what, mut unknown) = match (kind, path) {
        (Kind::Redis, "") => (Some("0".to_owned()), None),
        (Kind::Other, "") => (None, Some("the address names no database".to_owned())),
        (Kind::Redis, number) if !number.contains('$') && number.parse::<u32>().is_err() => {
            (None, Some(format!("`{number}` is no number")))
        }
        (_, path) => known(path),
    };
    let server = (!server.is_empty()).then(|| server.to_owned());
    if server.is_none() {
        unknown = unknown.or_else(|| Some("the address names no server".to_owned()));
    }
    Address { kind, what, server, unknown }
}

/// A text without variables, or why it is not known.
fn known(text: &str) -> (Option<String>, Option<String>) {
    if text.contains('$') { (None, Some(reason(text))) } else { (Some(text.to_owned()), None) }
}

/// The variables that hide a text, by name alone: a default may be a secret.
pub(super) fn reason(text: &str) -> String {
    let name = |after: &str| {
        let name: String = after.trim_start_matches('{').chars().take_while(|next| next.is_ascii_alphanumeric() || *next == '_').collect();
        format!("`${{{name}}}`")
    };
    let names: Vec<String> = text.split('$').skip(1).map(name).filter(|name| name != "`${}`").collect();
    match names.len() {
        0 | 1 => format!("{} has no default in the file", names.first().map_or("a variable", String::as_str)),
        _ => format!("{} have no default in the file", names.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, value: &str) -> Option<(Kind, Option<String>, Option<String>)> {
        read(name, Some(value)).map(|address| (address.kind, address.what, address.server))
    }

    #[test]
    fn addresses_are_told_without_who_may_use_them() {
        let some = |text: &str| Some(text.to_owned());
        let postgres = shown("DATABASE_URL", "postgresql+asyncpg://${DB_USER}:${DB_PASSWORD}@${DB_HOST}:5433/shop?sslmode=require");
        assert_eq!(postgres, Some((Kind::Other, some("shop"), some("${DB_HOST}:5433"))));
        assert_eq!(shown("BROKER", "redis://:p/w@cache:6380/4"), Some((Kind::Redis, some("4"), some("cache:6380"))));
        assert_eq!(shown("CACHE", "redis://cache"), Some((Kind::Redis, some("0"), some("cache"))));
        assert_eq!(shown("POSTGRES_DB", "shop"), Some((Kind::Other, some("shop"), None)));
        assert_eq!(shown("HOMEPAGE_URL", "https://shop.example/"), None);
    }

    #[test]
    fn what_is_not_known_has_a_reason_and_is_not_left_out() {
        let why = |name: &str, value: Option<&str>| read(name, value).and_then(|address| address.unknown);
        assert_eq!(why("REDIS_URL", Some("${REDIS_URL}")).as_deref(), Some("`${REDIS_URL}` has no default in the file"));
        assert_eq!(why("DATABASE_URL", Some("postgres://db/${NAME}")).as_deref(), Some("`${NAME}` has no default in the file"));
        assert_eq!(why("DATABASE_URL", None).as_deref(), Some("the environment of the app passes it on"));
        assert_eq!(why("REDIS_URL", Some("redis://c/x")).as_deref(), Some("`x` is no number"));
    }
}
