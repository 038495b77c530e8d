//! What databases answer: PostgreSQL to a query, Redis to a command. Both are empty and well.

/// Fields of INFO, in the order in which Redis has them.
const INFO: [(&str, &[(&str, &str)]); 6] = [
    ("Server", &[("redis_version", "7.2.4"), ("redis_mode", "standalone"), ("uptime_in_seconds", "86400")]),
    ("Clients", &[("connected_clients", "1"), ("maxclients", "10000"), ("blocked_clients", "0")]),
    ("Memory", &[("used_memory", "1048576"), ("maxmemory", "0"), ("maxmemory_policy", "noeviction")]),
    ("Persistence", &[("loading", "0"), ("rdb_last_bgsave_status", "ok"), ("aof_enabled", "0"), ("aof_last_write_status", "ok")]),
    ("Stats", &[("rejected_connections", "0"), ("evicted_keys", "0"), ("expired_keys", "0")]),
    ("Replication", &[("role", "master"), ("connected_slaves", "0"), ("master_failover_state", "no-failover")]),
];

/// Databases that a Redis has unless it is told otherwise.
const DATABASES: u32 = 16;

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A whole number.
    Whole(i32),
    /// A text.
    Text(String),
    /// `true`, `false`
    Truth(bool),
}

/// What Redis answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisReply {
    /// A short word.
    Simple(String),
    /// A text of any length.
    Bulk(String),
    /// An error.
    Error(String),
}

/// The one value of a query's one row: a literal that is selected is itself, and 1 stands for whatever cannot be known without tables.
pub fn selected(sql: &str) -> Cell {
    let sql = sql.trim().trim_end_matches(';').trim_end();
    let Some(literal) = sql.get(..7).filter(|word| word.eq_ignore_ascii_case("select ")).map(|_| sql[7..].trim()) else {
        return Cell::Whole(1);
    };
    let quoted = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).filter(|inside| !inside.contains('\''));
    match (literal.to_ascii_lowercase().as_str(), quoted, literal.parse()) {
        (_, Some(text), _) => Cell::Text(text.to_owned()),
        (_, _, Ok(number)) => Cell::Whole(number),
        ("true", ..) => Cell::Truth(true),
        ("false", ..) => Cell::Truth(false),
        _ => Cell::Whole(1),
    }
}

/// Whether a statement opens, closes or sets up a transaction, and has no rows.
pub fn is_without_rows(sql: &str) -> bool {
    let first = sql.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
    matches!(first.trim_end_matches(';'), "BEGIN" | "SET" | "COMMIT" | "ROLLBACK")
}

/// What Redis answers to a command, words as sent.
pub fn redis(command: &[String]) -> RedisReply {
    let name = command.first().map(|name| name.to_ascii_uppercase()).unwrap_or_default();
    match (name.as_str(), &command[1.min(command.len())..]) {
        ("PING", []) => RedisReply::Simple("PONG".to_owned()),
        ("PING", [text]) => RedisReply::Bulk(text.clone()),
        // Any password: what it is, only the plan's environment knows.
        ("AUTH", [_] | [_, _]) | ("QUIT", []) => RedisReply::Simple("OK".to_owned()),
        ("SELECT", [number]) => match number.parse::<u32>() {
            Ok(number) if number < DATABASES => RedisReply::Simple("OK".to_owned()),
            Ok(_) => RedisReply::Error("ERR DB index is out of range".to_owned()),
            Err(_) => RedisReply::Error("ERR invalid DB index".to_owned()),
        },
        ("INFO", _) => RedisReply::Bulk(info()),
        _ => RedisReply::Error(format!("ERR unknown command '{}'", command.first().map_or("", String::as_str))),
    }
}

fn info() -> String {
    let mut text = String::new();
    for (section, fields) in INFO {
        text.push_str("# ");
        text.push_str(section);
        text.push_str("\r\n");
        for (name, value) in fields {
            text.extend([name, ":", value, "\r\n"]);
        }
        text.push_str("\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_selected_is_itself() {
        for (sql, cell) in [
            ("SELECT 1", Cell::Whole(1)),
            (" select 42 ; ", Cell::Whole(42)),
            ("SELECT 'ready'", Cell::Text("ready".into())),
            ("SELECT true", Cell::Truth(true)),
            ("SELECT count(*) FROM orders", Cell::Whole(1)),
            ("SELECT 'a' || 'b'", Cell::Whole(1)),
            ("é", Cell::Whole(1)),
            ("", Cell::Whole(1)),
        ] {
            assert_eq!(selected(sql), cell, "{sql}");
        }
        assert!(is_without_rows("begin read only; set local x = 1") && !is_without_rows("SELECT 1"));
    }

    #[test]
    fn redis_answers_what_a_health_check_asks() {
        let say = |words: &[&str]| redis(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(say(&["ping"]), RedisReply::Simple("PONG".into()));
        assert_eq!(say(&["SELECT", "15"]), RedisReply::Simple("OK".into()));
        assert!(matches!(say(&["SELECT", "16"]), RedisReply::Error(_)));
        assert!(matches!(say(&["INFO"]), RedisReply::Bulk(text) if text.contains("role:master\r\n")));
        assert!(matches!(say(&["FLUSHALL"]), RedisReply::Error(_)) && matches!(say(&[]), RedisReply::Error(_)));
    }
}
