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
pub fn look(world: &mut World, now: Duration, question: &Question, timeout: Duration) -> (Outcome, Duration) {
    let at_once = |outcome| (outcome, Duration::ZERO);
    let in_vain = || (Outcome::NoAnswer { within: timeout, status: None }, timeout);
    match question {
        Question::Http { request, .. } => {
            let target = &request.target;
            let path = target.path.split(['?', '#']).next().unwrap_or_default();
            match answer(world, now, &target.host, target.port, path) {
                ServiceAnswer::Refused => at_once(Outcome::Refused),
                ServiceAnswer::Http { status, body, after } if after < timeout => {
                    let form = if serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok() { JSON } else { TEXT };
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

/// Whether a connection that a question opened is broken by now: nothing answers there any more.
pub(super) fn is_gone(world: &mut World, now: Duration, question: &Question) -> bool {
    let Some((host, port)) = question.address() else { return false };
    matches!(who(world, host, port), Who::External(name, _) if !externals_up(world, now, &name))
        || matches!(who(world, host, port), Who::Service) && !is_listening(world, now, port)
}

/// Who answers at an address.
enum Who {
    External(String, Speaks),
    Service,
}

fn who(world: &World, host: &str, port: u16) -> Who {
    let external = world.externals().iter().find(|external| external.host.eq_ignore_ascii_case(host) && external.port == port);
    external.map_or(Who::Service, |external| Who::External(external.name.clone(), external.speaks))
}

fn externals_up(world: &mut World, now: Duration, name: &str) -> bool {
    world.advance(now);
    world.externals_up().contains(name)
}

fn is_listening(world: &mut World, now: Duration, port: u16) -> bool {
    world.advance(now);
    world.network_is_up() && world.listening().contains(&port)
}

/// Whether what stands for a command or for repositories answers.
fn is_up(world: &mut World, now: Duration, stand_in: &str) -> bool {
    world.advance(now);
    let name = world.externals().iter().find(|external| external.host == stand_in).map(|external| external.name.clone());
    name.is_some_and(|name| externals_up(world, now, &name))
}

/// Whatever answers at a host and port: an external, or the service that publishes the port.
fn answer(world: &mut World, now: Duration, host: &str, port: u16, path: &str) -> ServiceAnswer {
    match who(world, host, port) {
        Who::External(name, Speaks::Http | Speaks::Git) => world.external(now, &name, path),
        Who::External(name, _) if !externals_up(world, now, &name) => ServiceAnswer::Refused,
        Who::External(name, Speaks::Postgres | Speaks::Redis) if !world.external_hangs(now, &name) => {
            ServiceAnswer::Http { status: 200, body: String::new(), after: Duration::ZERO }
        }
        Who::External(..) => ServiceAnswer::Hang,
        Who::Service => world.service(now, port, path),
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
    let is_external = matches!(who(world, &url.host, url.port), Who::External(_, spoken) if spoken == speaks);
    let outcome = match answer(world, now, &url.host, url.port, "/") {
        ServiceAnswer::Refused => Outcome::Refused,
        ServiceAnswer::Http { status: 500.., .. } => Outcome::Closed,
        ServiceAnswer::Http { .. } if is_external => Outcome::Found(found()),
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
