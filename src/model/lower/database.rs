//! `expect postgres` and `expect redis`.

use super::once::Once;
use super::{Lowering, address};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Condition, Named, Probe, Text, TextPart};
use crate::source::Spanned;
use crate::syntax::{self, Head, Statement, TextExpr};

/// Schemes of the addresses that programs have for PostgreSQL; what follows a `+` names their driver.
const POSTGRES: [&str; 3] = ["postgres", "postgresql", "postgis"];
const REDIS: [&str; 2] = ["redis", "rediss"];

/// Database numbers that a Redis can have been told to offer.
const MOST_DATABASES: u32 = 1024;

impl Lowering<'_> {
    /// A PostgreSQL expectation. `None` if its address was not understood.
    pub(super) fn postgres(&mut self, url: &TextExpr, statement: &Statement) -> Option<Probe> {
        let url = self.database_url(url, &POSTGRES, "postgres://USER:PASSWORD@HOST:5432/DATABASE", "DATABASE_URL");
        let mut queries = Vec::new();
        for inner in statement.body() {
            if let Head::Query { sql, condition } = &inner.head {
                queries.extend(self.named(sql, condition, "query").map(|named| Spanned::new(named, inner.span)));
            }
        }
        Some(Probe::Postgres { url: url?, queries })
    }

    /// A Redis expectation. `None` if its address was not understood.
    pub(super) fn redis(&mut self, url: &TextExpr, statement: &Statement) -> Option<Probe> {
        let url = self.database_url(url, &REDIS, "redis://:PASSWORD@HOST:6379/0", "REDIS_URL");
        let (mut ping, mut database) = (Once::default(), Once::default());
        let mut infos = Vec::new();
        for inner in statement.body() {
            match &inner.head {
                Head::Ping => self.once(&mut ping, (), inner),
                Head::Database(number) => {
                    let given = u32::try_from(number.value).ok().filter(|number| *number < MOST_DATABASES);
                    if given.is_none() {
                        let message = "not a database number";
                        let label = format!("from 0 to {}", MOST_DATABASES - 1);
                        self.problems.push(
                            Diagnostic::new(Code::OutOfRange, message, number.span, label)
                                .help("write the number that the service uses, 0 to 15 unless Redis was told to have more"),
                        );
                    }
                    self.once(&mut database, given.unwrap_or_default(), inner);
                }
                Head::Info { field, condition } => {
                    infos.extend(self.named(field, condition, "field").map(|named| Spanned::new(named, inner.span)));
                }
                _ => {}
            }
        }
        Some(Probe::Redis { url: url?, database: database.take(), infos })
    }

    fn named(&mut self, name: &TextExpr, condition: &syntax::Condition, what: &str) -> Option<Named> {
        let text = self.plain(name);
        let condition: Option<Condition> = self.condition(condition);
        let text = text?;
        if text.trim().is_empty() {
            let problem = Diagnostic::new(Code::Vacuous, format!("an empty {what}"), name.span, "nothing is asked");
            self.problems.push(problem.help("write what is asked, or leave the line out"));
            return None;
        }
        Some(Named { name: text, condition: condition? })
    }

    /// The address of a database, which begins with one of these schemes as far as it is known.
    fn database_url(&mut self, url: &TextExpr, schemes: &[&str], form: &str, variable: &str) -> Option<Spanned<Text>> {
        let url = Spanned::new(self.text(url)?, url.span);
        let Some(TextPart::Literal(start)) = url.value.parts.first() else {
            if url.value.parts.is_empty() {
                address::empty(&url, "address", &mut self.problems);
            }
            return Some(url);
        };
        let (scheme, rest) = start.split_once("://").unwrap_or(("", start));
        let scheme = scheme.split('+').next().unwrap_or_default().to_ascii_lowercase();
        if !schemes.contains(&scheme.as_str()) {
            let label = format!("expected `{}://` at its start", schemes[0]);
            let message =
                if scheme.is_empty() { "an address without its kind".to_owned() } else { format!("`{scheme}` is another kind of server") };
            let problem = Diagnostic::new(Code::BadAddress, message, url.span, label);
            self.problems.push(problem.help(format!("write `\"{form}\"`, or better `secret(\"{variable}\")`")));
        } else if rest
            .split(['/', '?'])
            .next()
            .is_some_and(|authority| authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':') && !user.ends_with(':')))
        {
            self.problems.push(
                Diagnostic::new(Code::LiteralSecret, "a password stands in the plan", url.span, "whoever reads the plan can use it")
                    .help(format!("write `secret(\"{variable}\")`, and make a new one: this one may be known")),
            );
        }
        Some(url)
    }
}
