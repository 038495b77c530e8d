//! Two services of one file that use the same Redis database number share their keys: now and then meant, mostly not.

use super::context::{Context, is_started};
use crate::compose::{Service, with_defaults};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Allowed;
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut told: BTreeSet<(Database, &str)> = BTreeSet::new();
    for file in context.files() {
        let mut users: BTreeMap<Database, BTreeMap<&str, Span>> = BTreeMap::new();
        for service in file.services.iter().filter(|service| is_started(service)) {
            for (database, span) in databases(service) {
                users.entry(database).or_default().entry(&service.name.value).or_insert(span);
            }
        }
        for (database, users) in users.iter().filter(|(_, users)| users.len() > 1) {
            let mut in_file: Vec<(&str, Span)> = users.iter().map(|(name, span)| (*name, *span)).collect();
            in_file.retain(|(name, _)| !context.allows.permit(name, Allowed::SharedRedis));
            if in_file.len() < 2 {
                continue;
            }
            in_file.sort_by_key(|(_, span)| *span);
            // Phases repeat what earlier ones have: only who joins is told.
            let joined = in_file.iter().rfind(|(name, _)| !told.contains(&(database.clone(), name))).copied();
            told.extend(in_file.iter().map(|(name, _)| (database.clone(), *name)));
            let Some((name, place)) = joined else { continue };
            let others: Vec<(&str, Span)> = in_file.into_iter().filter(|(other, _)| *other != name).collect();
            let way = context.allows.way(name, Allowed::SharedRedis);
            found.push(diagnostic(database, name, place, &others).help(format!("give each its own number; {way}")));
        }
    }
}

fn diagnostic(database: &Database, name: &str, place: Span, others: &[(&str, Span)]) -> Diagnostic {
    let number = database.number;
    let message = match others {
        [(other, _)] => format!("services \"{other}\" and \"{name}\" use the same Redis database, {number}"),
        _ => format!("service \"{name}\" and {} others use the same Redis database, {number}", others.len()),
    };
    let diagnostic = Diagnostic::new(Code::RedisClash, message, place, format!("database {number} again, for \"{name}\""));
    others.iter().fold(diagnostic, |diagnostic, (other, span)| diagnostic.label(*span, format!("database {number} of \"{other}\"")))
}

/// A Redis database: the server as it is written, and the number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Database {
    server: String,
    number: u32,
}

/// The databases that a service's variables name, each with its place.
fn databases(service: &Service) -> Vec<(Database, Span)> {
    service
        .environment
        .iter()
        .filter_map(|entry| entry.value.as_ref())
        .filter_map(|value| Some((parse(&value.value)?, value.span)))
        .collect()
}

/// The database of a `redis://` URL. The server may hide behind variables, as long as it does so in the same words; a
/// number that does is unknown.
fn parse(url: &str) -> Option<Database> {
    let url = with_defaults(url).unwrap_or_else(|| url.to_owned());
    let rest = ["redis://", "rediss://"].iter().find_map(|scheme| url.strip_prefix(scheme))?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
    let from_query = query.split('&').find_map(|field| field.strip_prefix("db="));
    let number = match from_query.unwrap_or(path) {
        "" => 0,
        number => number.parse().ok()?,
    };
    Some(Database { server: server.to_owned(), number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_though_the_server_is_a_variable() {
        let read = |url| parse(url).map(|database| (database.server, database.number));
        let on = |server: &str, number| Some((server.to_owned(), number));
        assert_eq!(read("redis://${REDIS_HOST}:6380/4"), on("${REDIS_HOST}:6380", 4));
        assert_eq!(read("redis://:${PASSWORD}@${HOST:-cache}:6379/0"), on("${HOST:-cache}:6379", 0));
        assert_eq!(read("redis://${HOST:-cache}:6379/${DB:-3}"), on("cache:6379", 3));
        assert_eq!(read("rediss://cache"), on("cache", 0));
        assert_eq!(read("redis://cache:6379?db=2"), on("cache:6379", 2));
        assert_eq!(read("${REDIS_URL}"), None);
        assert_eq!(read("redis://cache/${DB}"), None);
        assert_eq!(read("postgresql://db/4"), None);
    }
}
