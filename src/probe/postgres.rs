//! A PostgreSQL session of its own: let in, asked, left again. Read-only, and the server ends what takes too long.

use super::connect::{self, First, Wire};
use super::database_url::{DatabaseUrl, Encrypt};
use super::judge::Found;
use super::request::{PrepareError, Resolver};
use super::tls::Verify;
use super::{Asking, Outcome};
use crate::model::{Named, Text};
use crate::source::Spanned;
use serde_json::Value;
use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::error::DbError;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row};

/// Asks whether the server speaks TLS: length 8, then the number that stands for the question.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// How long a session may take to say goodbye once all is known.
const GOODBYE: Duration = Duration::from_millis(100);

/// Where PostgreSQL is, and as whom to go there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresTarget {
    /// The address.
    pub url: DatabaseUrl,
    encrypt: Encrypt,
}

/// Makes an address ready.
pub(super) fn prepare(text: &Spanned<Text>, texts: &mut Resolver<'_>) -> Result<PostgresTarget, PrepareError> {
    let url = DatabaseUrl::resolve(text, &["postgres", "postgresql", "postgis"], 5432, texts)?;
    let bad = |why| PrepareError::BadAddress { shown: "postgres://…".to_owned(), why, span: text.span };
    if url.user.is_none() {
        return Err(bad("names no user"));
    }
    let roots = url.option("sslrootcert").filter(|file| *file != "system").map(Into::into);
    // As libpq has it: without `verify-`, who answers is not looked at.
    let encrypt = match url.option("sslmode") {
        Some("disable" | "allow") => Encrypt::Never,
        None | Some("prefer") => Encrypt::IfOffered,
        Some("require") if roots.is_none() => Encrypt::Always(Verify::Nothing),
        Some("require" | "verify-ca") => Encrypt::Always(Verify::Issuer(roots)),
        Some("verify-full") => Encrypt::Always(Verify::IssuerAndName(roots)),
        Some(_) => return Err(bad("has an `sslmode` that PostgreSQL does not know")),
    };
    Ok(PostgresTarget { url, encrypt })
}

/// Opens a session and asks the queries.
pub(super) async fn ask(target: &PostgresTarget, queries: &[Named], asking: &Asking, limit: Duration) -> Outcome {
    let deadline = Instant::now() + limit;
    let url = &target.url;
    let stream = match connect::connect(&url.host, url.port, First::Probe, &asking.connect_to, deadline, limit).await {
        Ok(stream) => connect::capped(stream),
        Err(outcome) => return outcome,
    };
    let session = async {
        match encrypted(target, Box::new(stream), asking, limit).await {
            Ok(stream) => session(target, queries, stream, limit).await,
            Err(outcome) => outcome,
        }
    };
    timeout_at(deadline, session).await.unwrap_or(Outcome::NoAnswer { within: limit, status: None })
}

async fn encrypted(target: &PostgresTarget, mut stream: Box<dyn Wire>, asking: &Asking, limit: Duration) -> Result<Box<dyn Wire>, Outcome> {
    let url = &target.url;
    let verify = match &target.encrypt {
        Encrypt::Never => return Ok(stream),
        _ if asking.connect_to.leaves_out_tls(&url.host, url.port) => return Ok(stream),
        Encrypt::IfOffered => &Verify::Nothing,
        Encrypt::Always(verify) => verify,
    };
    let mut answer = [0];
    let asked = async {
        stream.write_all(&SSL_REQUEST).await?;
        stream.flush().await?;
        stream.read_exact(&mut answer).await
    };
    asked.await.map_err(|error| connect::from_io(&error, limit))?;
    match (answer[0], &target.encrypt) {
        (b'S', _) => connect::over_tls(stream, asking.tls.for_database(&url.host, verify), limit).await,
        (b'N', Encrypt::IfOffered) => Ok(stream),
        (b'N', _) => Err(Outcome::SaidNo("the server offers no TLS, and the address asks for it".into())),
        _ => Err(not_postgres()),
    }
}

fn not_postgres() -> Outcome {
    Outcome::Garbage("an answer that is not PostgreSQL".into())
}

async fn session(target: &PostgresTarget, queries: &[Named], stream: Box<dyn Wire>, limit: Duration) -> Outcome {
    let url = &target.url;
    let mut config = Config::new();
    let user = url.user.as_deref().unwrap_or_default();
    config.user(user).dbname(if url.path.is_empty() { user } else { &url.path }).application_name("rollout-plan");
    if let Some(password) = &url.password {
        config.password(password);
    }
    // Settings of the session, such as a search path, that queries may rest on.
    if let Some(options) = url.option("options") {
        config.options(options);
    }
    let (client, connection) = match config.connect_raw(stream, NoTls).await {
        Ok(pair) => pair,
        Err(error) => return failed(&error, limit),
    };
    // Ends with this function, however it is left, and the session with it.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let outcome = match answers(&client, queries, limit).await {
        Ok(found) => Outcome::Found(found),
        // Why it is closed, the connection knows.
        Err(error) if error.is_closed() => match driver.join_next().await {
            Some(Ok(Err(why))) => failed(&why, limit),
            _ => Outcome::Closed,
        },
        Err(error) => failed(&error, limit),
    };
    drop(client);
    // Politely, so that the server's log has no lost client for each sample.
    let _ = timeout(GOODBYE, driver.join_next()).await;
    outcome
}

async fn answers(client: &Client, queries: &[Named], limit: Duration) -> Result<Vec<Found>, tokio_postgres::Error> {
    if queries.is_empty() {
        return Ok(Vec::new());
    }
    // Nothing that is asked changes anything, and nothing goes on at the server when nobody waits for it any more.
    client.batch_execute(&format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {}", limit.as_millis().max(1))).await?;
    let mut found = Vec::new();
    for query in queries {
        // Prepared under no name: poolers that hand a session on after each transaction take it too.
        let rows = client.query_typed_raw(&query.name, Vec::<(&(dyn tokio_postgres::types::ToSql + Sync), Type)>::new()).await?;
        let mut rows = pin!(rows);
        let mut first = None;
        // The rest is read too, for what goes wrong in it.
        while let Some(row) = std::future::poll_fn(|context| futures_core::Stream::poll_next(rows.as_mut(), context)).await {
            let row = row?;
            first.get_or_insert_with(|| first_value(&row));
        }
        found.push(first.unwrap_or(Found::Missing));
    }
    Ok(found)
}

fn first_value(row: &Row) -> Found {
    let Some(column) = row.columns().first() else { return Found::Missing };
    match row.try_get::<_, Option<Plain>>(0) {
        Ok(Some(Plain(value))) => Found::Value(value),
        Ok(None) => Found::Value(Value::Null),
        Err(_) => Found::Odd(format!("is a {}, which cannot be compared; add `::text`", column.type_())),
    }
}

/// A value of a type that has an equal in the plan.
struct Plain(Value);

impl<'a> FromSql<'a> for Plain {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *kind {
            Type::BOOL => bool::from_sql(kind, raw)?.into(),
            Type::INT2 => i16::from_sql(kind, raw)?.into(),
            Type::INT4 => i32::from_sql(kind, raw)?.into(),
            Type::INT8 => i64::from_sql(kind, raw)?.into(),
            Type::OID => u32::from_sql(kind, raw)?.into(),
            Type::FLOAT4 => serde_json::from_str(&f32::from_sql(kind, raw)?.to_string())?,
            Type::FLOAT8 => serde_json::from_str(&f64::from_sql(kind, raw)?.to_string())?,
            Type::NUMERIC => serde_json::from_str(&numeric(raw).ok_or("a number that is none")?)?,
            _ => String::from_sql(kind, raw)?.into(),
        }))
    }

    fn accepts(kind: &Type) -> bool {
        const NUMBERS: [Type; 8] = [Type::BOOL, Type::INT2, Type::INT4, Type::INT8, Type::OID, Type::FLOAT4, Type::FLOAT8, Type::NUMERIC];
        NUMBERS.contains(kind) || <String as FromSql>::accepts(kind)
    }
}

/// `numeric` as PostgreSQL sends it: digits to the base of 10,000, the weight of the first, a sign, and how many decimals it shows.
/// `None` for what is no number.
fn numeric(raw: &[u8]) -> Option<String> {
    let mut words = raw.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]]));
    let (count, weight, sign, _) = (words.next()?, words.next()?.cast_signed(), words.next()?, words.next()?);
    let digits: Vec<u16> = words.collect();
    if digits.len() != usize::from(count) || !matches!(sign, 0 | 0x4000) || weight > 32 {
        return None;
    }
    let weight = i32::from(weight);
    let at = |place: i32| usize::try_from(weight - place).ok().and_then(|index| digits.get(index)).copied().unwrap_or(0);
    let written = |places: std::ops::Range<i32>| {
        places.rev().fold(String::new(), |mut text, place| {
            let _ = write!(text, "{:04}", at(place));
            text
        })
    };
    let whole = written(0..weight.max(0) + 1);
    let last = weight - i32::from(count) + 1;
    let fraction = written(last.min(0)..0);
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let minus = if sign == 0 { "" } else { "-" };
    Some(if fraction.is_empty() { format!("{minus}{whole}") } else { format!("{minus}{whole}.{fraction}") })
}

fn failed(error: &tokio_postgres::Error, limit: Duration) -> Outcome {
    if let Some(said) = error.as_db_error() {
        return from_server(said, limit);
    }
    if let Some(io) = error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
        return match io.kind() {
            // What cannot be decoded is reported as an I/O error.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => not_postgres(),
            _ => connect::from_io(io, limit),
        };
    }
    if error.is_closed() {
        return Outcome::Closed;
    }
    let text = error.to_string();
    match error.source() {
        Some(_) if text.starts_with("invalid configuration") => {
            Outcome::CouldNotAsk("not let in: the server wants a password, and the address has none".into())
        }
        Some(why) if text.starts_with("authentication error") => Outcome::CouldNotAsk(format!("not let in: {why}")),
        _ => not_postgres(),
    }
}

/// What the server's own error says of it: classes of SQLSTATE.
fn from_server(said: &DbError, limit: Duration) -> Outcome {
    let code = said.code().code();
    let text = format!("{} ({code})", said.message());
    match &code[..code.len().min(2)] {
        // Invalid authorization: our credentials are at fault, and nothing was asked.
        "28" => Outcome::CouldNotAsk(format!("not let in: {text}")),
        // Syntax error or access rule violation, data exception, invalid transaction state: the query is at fault.
        "42" | "22" | "25" => Outcome::CouldNotAsk(format!("the query cannot be answered: {text}")),
        _ if code == "57014" => Outcome::NoAnswer { within: limit, status: None },
        _ => Outcome::SaidNo(format!("PostgreSQL says: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let count = u16::try_from(digits.len()).unwrap();
        let words = [count, weight.cast_unsigned(), sign, 0].into_iter().chain(digits.iter().copied());
        words.flat_map(u16::to_be_bytes).collect()
    }

    #[test]
    fn numeric_values_are_read_whole() {
        for (weight, sign, digits, text) in [
            (0, 0, &[5][..], "5"),
            (0, 0x4000, &[1, 5000], "-1.5"),
            (1, 0, &[1234, 5678], "12345678"),
            (2, 0, &[1], "100000000"),
            (-1, 0, &[500], "0.05"),
            (-2, 0, &[1], "0.00000001"),
            (0, 0, &[], "0"),
        ] {
            assert_eq!(numeric(&encoded(weight, sign, digits)).as_deref(), Some(text));
        }
        assert_eq!(numeric(&encoded(0, 0xC000, &[])), None, "NaN");
        assert_eq!(numeric(&[0, 2, 0, 0]), None);
    }
}
