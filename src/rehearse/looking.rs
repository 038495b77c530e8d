//! What a look at a service finds in the world, and how long it takes: the asking half of the probes, without the network.

use crate::model::Named;
use crate::probe::{
    CONTEXTS_STAND_IN, DatabaseUrl, Ended, Found, HttpAnswer, Outcome, PRETENDED_VALIDITY, Question, Source, SourceState, redis_field,
};
use crate::world::{Cell, RedisReply, ServiceAnswer, Speaks, World, redis, selected};
use std::time::Duration;

/// What a service says its answer is.
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// How long a connection is watched for being closed again.
const TCP_TAKES: Duration = Duration::from_millis(250);

/// Asks `question` now; never takes longer than `timeout`.
pub(super) fn look(world: &mut World, now: Duration, question: &Question, timeout: Duration) -> (Outcome, Duration) {
    let at_once = |outcome| (outcome, Duration::ZERO);
    let in_vain = || (Outcome::NoAnswer { within: timeout, status: None }, timeout);
    match question {
        Question::Http { request, .. } => {
            let target = &request.target;
            let path = target.path.split(['?', '#']).next().unwrap_or_default();
            match answer(world, now, &target.host, target.port, path) {
                ServiceAnswer::Refused => at_once(Outcome::Refused),
                ServiceAnswer::Http { status, body, after } if after < timeout => {
                    let form = if serde_json::from_str::<serde_json::Value>(&body).is_ok() { JSON } else { TEXT };
                    let certificate = target.tls.then_some(PRETENDED_VALIDITY);
                    let headers = vec![("content-type".to_owned(), form.to_owned())];
                    let body = body.into_bytes();
                    (Outcome::Answered(Box::new(HttpAnswer { status, location: None, headers, body, cut: false, certificate })), after)
                }
                ServiceAnswer::Http { .. } | ServiceAnswer::Hang => in_vain(),
            }
        }
        Question::Tcp { host, port, banner } => match answer(world, now, host, *port, "/") {
            ServiceAnswer::Refused => at_once(Outcome::Refused),
            _ if banner.is_empty() => (Outcome::Connected, TCP_TAKES.min(timeout)),
            // Nothing here says anything by itself.
            _ => in_vain(),
        },
        Question::Postgres { target, queries } => database(world, now, Speaks::Postgres, &target.url, timeout, || cells(queries)),
        Question::Redis { target, infos } => database(world, now, Speaks::Redis, &target.url, timeout, || fields(infos)),
        Question::Exec { target, .. } => {
            let is_up = is_up(world, now, &target.stand_in());
            at_once(Outcome::Ended(Box::new(Ended { code: Some(i32::from(!is_up)), ..Ended::default() })))
        }
        Question::BuildContexts(contexts) => {
            let missing = "nothing answers in the place of its repository";
            let is = if is_up(world, now, CONTEXTS_STAND_IN) { SourceState::There } else { SourceState::Missing(missing.to_owned()) };
            at_once(Outcome::Sources(contexts.iter().map(|one| Source { service: one.service.clone(), is: is.clone() }).collect()))
        }
    }
}

/// Whether what stands for a command or for repositories answers.
fn is_up(world: &mut World, now: Duration, stand_in: &str) -> bool {
    world.advance(now);
    let name = world.externals().iter().find(|external| external.host == stand_in).map(|external| external.name.clone());
    name.is_some_and(|name| world.externals_up().contains(&name))
}

/// Whatever answers at a host and port: an external, or the service that publishes the port.
fn answer(world: &mut World, now: Duration, host: &str, port: u16, path: &str) -> ServiceAnswer {
    let external = world.externals().iter().find(|external| external.host.eq_ignore_ascii_case(host) && external.port == port);
    match external.map(|external| (external.name.clone(), external.speaks)) {
        Some((name, Speaks::Http | Speaks::Git)) => world.external(now, &name, path),
        Some((name, _)) => {
            world.advance(now);
            if world.externals_up().contains(&name) { ServiceAnswer::Hang } else { ServiceAnswer::Refused }
        }
        None => world.service(now, port, path),
    }
}

/// What a database answers, if one answers here: an external that is up, or a service whose image is one.
fn database(
    world: &mut World,
    now: Duration,
    speaks: Speaks,
    url: &DatabaseUrl,
    timeout: Duration,
    found: impl FnOnce() -> Vec<Found>,
) -> (Outcome, Duration) {
    let is_external = world.externals().iter().any(|external| {
        external.host.eq_ignore_ascii_case(&url.host) && external.port == url.port && external.speaks == speaks
    });
    let outcome = match answer(world, now, &url.host, url.port, "/") {
        ServiceAnswer::Refused => Outcome::Refused,
        ServiceAnswer::Http { status: 500.., .. } => Outcome::Closed,
        ServiceAnswer::Hang if is_external => Outcome::Found(found()),
        ServiceAnswer::Http { .. } if world.speaks(url.port) == Some(speaks) => Outcome::Found(found()),
        ServiceAnswer::Http { .. } => Outcome::Garbage("an answer of another kind".to_owned()),
        ServiceAnswer::Hang => return (Outcome::NoAnswer { within: timeout, status: None }, timeout),
    };
    (outcome, Duration::ZERO)
}

fn cells(queries: &[Named]) -> Vec<Found> {
    let cell = |query: &Named| match selected(&query.name) {
        Cell::Whole(number) => number.into(),
        Cell::Text(text) => text.into(),
        Cell::Truth(truth) => truth.into(),
    };
    queries.iter().map(|query| Found::Value(cell(query))).collect()
}

fn fields(infos: &[Named]) -> Vec<Found> {
    let RedisReply::Bulk(info) = redis(&["INFO".to_owned()]) else { return Vec::new() };
    infos.iter().map(|wanted| redis_field(&info, wanted)).collect()
}
