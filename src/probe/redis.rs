//! Redis over a connection of its own: AUTH and SELECT where the address asks for them, PING, and INFO where something of it is expected.

use super::connect::{self, First, Wire};
use super::database_url::{DatabaseUrl, Encrypt};
use super::judge::Found;
use super::request::{PrepareError, Resolver};
use super::tls::Verify;
use super::{Asking, Outcome};
use crate::model::{Condition, Literal, Named, Text};
use crate::source::Spanned;
use serde_json::Value;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::time::{Instant, timeout_at};

/// A line of the protocol is a number or a short message.
const LONGEST_LINE: u64 = 4096;

/// Where Redis is, and as whom to go there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisTarget {
    /// The address.
    pub url: DatabaseUrl,
    /// The database number.
    pub database: u32,
    encrypt: Encrypt,
}

/// Makes an address ready. A number of the plan stands in place of the address's own.
pub(super) fn prepare(text: &Spanned<Text>, database: Option<u32>, texts: &mut Resolver<'_>) -> Result<RedisTarget, PrepareError> {
    let url = DatabaseUrl::resolve(text, &["redis", "rediss"], 6379, texts)?;
    let bad = |why| PrepareError::BadAddress { shown: "redis://…".to_owned(), why, span: text.span };
    let own = url.option("db").unwrap_or(&url.path).trim_end_matches('/');
    let own = if own.is_empty() { Ok(0) } else { own.parse() };
    let database = match database {
        Some(number) => number,
        None => own.map_err(|_| bad("has a database number that is none"))?,
    };
    let encrypt = match (url.scheme.as_str(), url.option("ssl_cert_reqs")) {
        ("redis", _) => Encrypt::Never,
        (_, Some("none" | "CERT_NONE")) => Encrypt::Always(Verify::Nothing),
        _ => Encrypt::Always(Verify::IssuerAndName(url.option("ssl_ca_certs").map(Into::into))),
    };
    Ok(RedisTarget { url, database, encrypt })
}

/// Connects, and asks.
pub(super) async fn ask(target: &RedisTarget, infos: &[Named], asking: &Asking, limit: Duration) -> Outcome {
    let deadline = Instant::now() + limit;
    let url = &target.url;
    let stream = match connect::connect(&url.host, url.port, First::Probe, &asking.connect_to, deadline, limit).await {
        Ok(stream) => connect::capped(stream),
        Err(outcome) => return outcome,
    };
    let asked = async {
        let stream: Box<dyn Wire> = match &target.encrypt {
            Encrypt::Always(verify) if !asking.connect_to.leaves_out_tls(&url.host, url.port) => {
                connect::over_tls(Box::new(stream), asking.tls.for_database(&url.host, verify), limit).await?
            }
            _ => Box::new(stream),
        };
        let mut session = Session { stream: BufStream::new(stream), limit };
        session.asked(target, infos).await
    };
    match timeout_at(deadline, asked).await {
        Ok(Ok(outcome) | Err(outcome)) => outcome,
        Err(_) => Outcome::NoAnswer { within: limit, status: None },
    }
}

/// What Redis answers.
enum Reply {
    /// `+PONG`, `:5`, or a text of any length.
    Text(String),
    /// `-ERR …`
    Error(String),
}

struct Session {
    stream: BufStream<Box<dyn Wire>>,
    limit: Duration,
}

impl Session {
    async fn asked(&mut self, target: &RedisTarget, infos: &[Named]) -> Result<Outcome, Outcome> {
        let url = &target.url;
        if let Some(password) = &url.password {
            let mut command = vec!["AUTH"];
            // Without a user it is the default one, which servers before version 6 only know so.
            command.extend(url.user.as_deref().filter(|user| *user != "default"));
            command.push(password);
            self.ok(&command).await?;
        }
        if target.database != 0 {
            self.ok(&["SELECT", &target.database.to_string()]).await?;
        }
        if self.ok(&["PING"]).await? != "PONG" {
            return Err(not_redis());
        }
        if infos.is_empty() {
            return Ok(Outcome::Found(Vec::new()));
        }
        let info = self.ok(&["INFO"]).await?;
        let found = infos.iter().map(|wanted| field(&info, wanted)).collect();
        Ok(Outcome::Found(found))
    }

    /// Sends a command and takes its answer.
    async fn ok(&mut self, command: &[&str]) -> Result<String, Outcome> {
        let mut sent = format!("*{}\r\n", command.len());
        for word in command {
            let _ = write!(sent, "${}\r\n{word}\r\n", word.len());
        }
        let exchange = async {
            self.stream.write_all(sent.as_bytes()).await?;
            self.stream.flush().await?;
            self.reply().await
        };
        match exchange.await {
            Ok(Reply::Text(text)) => Ok(text),
            Ok(Reply::Error(error)) => Err(refused(command[0], &error)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(not_redis()),
            Err(error) => Err(connect::from_io(&error, self.limit)),
        }
    }

    async fn reply(&mut self) -> io::Result<Reply> {
        let line = self.line().await?;
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let (kind, rest) = line.split_at_checked(1).ok_or_else(invalid)?;
        match kind {
            "+" | ":" => Ok(Reply::Text(rest.to_owned())),
            "-" => Ok(Reply::Error(rest.to_owned())),
            "$" => {
                let length: u64 = rest.parse().map_err(|_| invalid())?;
                let mut text = Vec::new();
                (&mut self.stream).take(length.saturating_add(2)).read_to_end(&mut text).await?;
                if u64::try_from(text.len()).is_ok_and(|read| read < length.saturating_add(2)) {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                text.truncate(text.len() - 2);
                Ok(Reply::Text(String::from_utf8_lossy(&text).into_owned()))
            }
            _ => Err(invalid()),
        }
    }

    /// A line without its end.
    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        (&mut self.stream).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
            // Something that ends its lines otherwise, or never.
            None if line.last() == Some(&b'\n') || line.len() as u64 == LONGEST_LINE => Err(io::ErrorKind::InvalidData.into()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn not_redis() -> Outcome {
    Outcome::Garbage("an answer that is not Redis".into())
}

/// What a refused command says: about us, or about the server.
fn refused(command: &str, error: &str) -> Outcome {
    let kind = error.split(' ').next().unwrap_or_default();
    match (command, kind) {
        ("AUTH", "LOADING" | "BUSY" | "MASTERDOWN") => Outcome::SaidNo(format!("Redis says: {error}")),
        ("AUTH", _) | (_, "NOAUTH" | "NOPERM" | "WRONGPASS") => Outcome::CouldNotAsk(format!("not let in: {error}")),
        ("SELECT", "ERR") => Outcome::CouldNotAsk(format!("the database cannot be chosen: {error}")),
        _ => Outcome::SaidNo(format!("Redis says: {error}")),
    }
}

/// The value of a field of INFO: a number where it is compared with one, and reads as one.
pub fn field(info: &str, wanted: &Named) -> Found {
    let value = info.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| *name == wanted.name).map(|(_, value)| value.trim());
    let Some(value) = value else { return Found::Missing };
    let is_number = matches!(&wanted.condition, Condition::Compare(_, Literal::Number(_)));
    let number = serde_json::from_str(value).ok().filter(|read: &Value| is_number && read.is_number());
    Found::Value(number.unwrap_or_else(|| value.into()))
}

/// What `ping` and the fields of INFO look like in one line.
pub(super) fn asks(infos: &[Named]) -> String {
    let infos = infos.iter().map(|info| format!("info {:?} {}", info.name, info.condition));
    std::iter::once("ping".to_owned()).chain(infos).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Comparison, Decimal, Holds, Number};

    #[test]
    fn fields_are_numbers_only_where_a_number_is_expected() {
        let info = "# Server\r\nredis_version:7.0.15\r\n\r\n# Memory\r\nused_memory:1048576\r\nrole:master\r\ndb0:keys=1,expires=0\r\n";
        let number = Literal::Number(Number { written: "2MiB".into(), value: Decimal::Whole(2 << 20) });
        let holds = |name: &str, condition: Condition| match field(info, &Named { name: name.into(), condition: condition.clone() }) {
            Found::Value(value) => condition.holds(Some(&value)),
            Found::Missing => condition.holds(None),
            Found::Odd(why) => Holds::Unclear(why),
        };
        assert_eq!(holds("used_memory", Condition::Compare(Comparison::Less, number.clone())), Holds::Yes);
        assert_eq!(holds("used_memory", Condition::Compare(Comparison::Equal, Literal::Text("1048576".into()))), Holds::Yes);
        assert_eq!(holds("db0", Condition::Contains("keys=1".into())), Holds::Yes);
        assert!(matches!(holds("role", Condition::Compare(Comparison::Less, number.clone())), Holds::Unclear(_)));
        assert!(matches!(holds("redis_version", Condition::Compare(Comparison::Less, number)), Holds::Unclear(_)));
        assert_eq!(holds("maxmemory", Condition::Exists), Holds::No);
    }

    #[test]
    fn who_is_not_let_in_has_not_asked() {
        for (command, error, could_not_ask) in [
            ("AUTH", "WRONGPASS invalid username-password pair or user is disabled.", true),
            ("AUTH", "ERR Client sent AUTH, but no password is set", true),
            ("PING", "NOAUTH Authentication required.", true),
            ("SELECT", "ERR DB index is out of range", true),
            ("PING", "LOADING Redis is loading the dataset in memory", false),
            ("INFO", "MISCONF", false),
            ("AUTH", "LOADING", false),
        ] {
            assert_eq!(matches!(refused(command, error), Outcome::CouldNotAsk(_)), could_not_ask, "{error}");
        }
    }
}
