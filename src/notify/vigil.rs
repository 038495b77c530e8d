//! From what a vigil tells to notices. Whatever turned alike in one round is one notice, however many services it is of: a server that falls
//! with two hundred of them must not push anything out of anybody's queue.

use super::notice::{AtFault, Lasting, Notice};
use super::words::{DETAILED, first_line, names};
use crate::engine::vigil::{SightTold, SightTurn, Standing, Told, Turn, VigilEvent};
use crate::engine::{Moment, Outline};
use crate::model::NoticeEvent;
use crate::schedule::Subject;
use std::fmt;
use std::time::Duration;

/// Makes notices of what a vigil tells.
pub struct VigilTeller {
    rollout: String,
    app: String,
    /// The run that is watched on after; empty without one.
    run: String,
    /// The machine that asks.
    from: Option<String>,
    wall: Box<dyn Fn(Moment) -> String>,
}

impl fmt::Debug for VigilTeller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VigilTeller").field("app", &self.app).field("run", &self.run).finish_non_exhaustive()
    }
}

/// What of a notice differs from event to event.
struct Words {
    event: NoticeEvent,
    what: &'static str,
    services: Vec<AtFault>,
    exit: Option<u8>,
    text: String,
    details: Vec<String>,
}

impl VigilTeller {
    /// One for this plan. `run`: the run that is watched on after, or nothing; `from`: this machine; `wall` gives run time as a time of day
    /// (RFC 3339).
    pub fn new(outline: &Outline, run: String, from: Option<String>, wall: impl Fn(Moment) -> String + 'static) -> Self {
        Self { rollout: outline.rollout.clone(), app: outline.app.clone(), run, from, wall: Box::new(wall) }
    }

    /// The notice that something is worth.
    pub fn hear(&self, now: Moment, event: &VigilEvent) -> Option<Notice> {
        let words = match event {
            VigilEvent::Turned { turn, told, deploying } => self.turned(now, *turn, told, deploying.as_deref()),
            VigilEvent::Sight(told) => self.sight(now, told),
            VigilEvent::Suspended { who } => plain(NoticeEvent::Delay, "watch-suspended", format!("not watched meanwhile: {who}")),
            VigilEvent::Overslept { gap } => plain(NoticeEvent::Delay, "watch-overslept", format!("nobody watched for {}", rough(*gap))),
            VigilEvent::Ended { standing, took, interrupted } => ended(standing, *took, *interrupted),
            VigilEvent::Begun { .. } | VigilEvent::LookedAfresh { .. } | VigilEvent::GoesOn | VigilEvent::Round(_) => return None,
        };
        let Words { event, what, services, exit, text, details } = words;
        let (rollout, app, run) = (self.rollout.clone(), self.app.clone(), self.run.clone());
        let text = format!("{rollout}: {text}");
        let (phase, live, verified) = (None, None, false);
        Some(Notice { event, what, at: now, rollout, app, run, phase, services, live, verified, exit, text, details })
    }

    fn turned(&self, now: Moment, turn: Turn, told: &[Told], deploying: Option<&str>) -> Words {
        let (event, what, is, are) = match turn {
            Turn::Unhealthy => (NoticeEvent::Unhealthy, "unhealthy", "is unhealthy", "are unhealthy"),
            Turn::StillUnhealthy => (NoticeEvent::Unhealthy, "still-unhealthy", "is still unhealthy", "are still unhealthy"),
            Turn::Unasked => (NoticeEvent::Blind, "cannot-ask", "cannot be asked", "cannot be asked"),
            Turn::StillUnasked => (NoticeEvent::Blind, "still-cannot-ask", "still cannot be asked", "still cannot be asked"),
            Turn::Recovered => (NoticeEvent::Recovered, "recovered", "is healthy again", "are healthy again"),
            Turn::Gone => (NoticeEvent::Recovered, "not-delivered", "is not delivered any more", "are not delivered any more"),
        };
        let is_over = matches!(turn, Turn::Recovered | Turn::Gone);
        let text = match told {
            [only] if is_over => format!("{} {is}, after {}", name(&only.turned.subject), rough(now - only.turned.since)),
            [only] => {
                format!("{} {is}, for {}: {}", name(&only.turned.subject), rough(now - only.turned.since), first_line(&only.seen.actual))
            }
            several => format!("{} {are}", names(several.iter().map(|told| name(&told.turned.subject)))),
        };
        let mut details: Vec<String> = told.iter().take(DETAILED).map(|told| detail(now, told, is_over)).collect();
        if told.len() > DETAILED {
            details.push(format!("and {} more", told.len() - DETAILED));
        }
        details.extend(deploying.filter(|_| !is_over).map(|title| format!("a deploy of the app runs or waits: \"{title}\"")));
        Words { event, what, services: told.iter().map(|told| self.at_fault(told, is_over)).collect(), exit: None, text, details }
    }

    fn at_fault(&self, told: &Told, is_over: bool) -> AtFault {
        let Told { turned, seen } = told;
        let known = |text: &String| (!is_over && !text.is_empty()).then(|| text.clone());
        let lasting = Lasting { since: (self.wall)(turned.since), bad: turned.bad, samples: turned.samples };
        AtFault {
            service: name(&turned.subject),
            what: if is_over { "its trouble is over".to_owned() } else { seen.what.clone() },
            expected: known(&seen.expected),
            actual: known(&seen.actual),
            hint: seen.hint.clone().filter(|_| !is_over),
            lasting: Some(lasting),
        }
    }

    fn sight(&self, now: Moment, told: &SightTold) -> Words {
        let SightTold { turn, is_blind, since, why } = told;
        let from = self.from.as_deref().unwrap_or("here");
        let still = if *turn == SightTurn::StillLost { "still " } else { "" };
        let lasted = rough(now - *since);
        match (turn, is_blind) {
            (SightTurn::Regained, _) => {
                plain(NoticeEvent::Recovered, "sight-regained", format!("everything can be asked again, after {lasted}"))
            }
            (_, true) => {
                let text = format!("{still}nothing answers from {from}, Dokploy included, for {lasted}: {}", first_line(why));
                let details =
                    vec!["the network from here or the whole server is down; no service is blamed while nothing can be seen".to_owned()];
                let what = if still.is_empty() { "blind" } else { "still-blind" };
                Words { details, ..plain(NoticeEvent::Blind, what, text) }
            }
            (_, false) => {
                let text = format!("Dokploy {still}does not say how the containers are, for {lasted}: {}", first_line(why));
                let details = vec!["services that fail by their addresses are told all the same".to_owned()];
                let what = if still.is_empty() { "dokploy-silent" } else { "dokploy-still-silent" };
                Words { details, ..plain(NoticeEvent::Blind, what, text) }
            }
        }
    }
}

fn plain(event: NoticeEvent, what: &'static str, text: String) -> Words {
    Words { event, what, services: Vec::new(), exit: None, text, details: Vec::new() }
}

fn ended(standing: &Standing, took: Duration, interrupted: bool) -> Words {
    let mut parts = vec![format!("{}/{} healthy", standing.healthy, standing.services)];
    for (subjects, how) in [
        (&standing.unwell, "unhealthy"),
        (&standing.undecided, "undecided"),
        (&standing.unasked, "could not be asked"),
        (&standing.unseen, "not seen"),
    ] {
        if !subjects.is_empty() {
            parts.push(format!("{how}: {}", names(subjects.iter().map(name))));
        }
    }
    if standing.blind.is_some() {
        parts.push("not everything could be asked at the end".to_owned());
    }
    let until = if interrupted { ", until it was interrupted" } else { "" };
    let text = format!("watched for {}{until}: {}", rough(took), parts.join("; "));
    // As for a run: 130 after any signal.
    let exit = if interrupted { 130 } else { standing.exit_code().0 };
    Words { exit: Some(exit), ..plain(NoticeEvent::End, "watch-ended", text) }
}

/// All of one in a line.
fn detail(now: Moment, told: &Told, is_over: bool) -> String {
    let Told { turned, seen } = told;
    let (name, lasted) = (name(&turned.subject), rough(now - turned.since));
    let counts = format!("{} of {} samples bad in {lasted}", turned.bad, turned.samples);
    if is_over {
        return format!("{name}: {counts}");
    }
    let because = (!seen.leans_on.is_empty()).then(|| format!("leans on {}, not well either", names(seen.leans_on.iter().map(self::name))));
    let parts =
        [("expected", Some(&seen.expected)), ("actual", Some(&seen.actual)), ("because?", because.as_ref()), ("hint", seen.hint.as_ref())];
    let parts = parts
        .iter()
        .filter_map(|(label, text)| text.filter(|text| !text.is_empty()).map(|text| format!("; {label}: {}", first_line(text))));
    format!("{name}: {}{}; {counts}", seen.what, parts.collect::<String>())
}

fn name(subject: &Subject) -> String {
    match subject {
        Subject::Service(name) | Subject::Gate(name) => name.clone(),
        Subject::External(name) => format!("external {name}"),
    }
}

/// A length of time in its two largest units, for people: `45s`, `3m 20s`, `5h 3m`, `2d 4h`.
fn rough(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let from = parts.iter().position(|(number, _)| *number > 0).unwrap_or(3);
    let shown: Vec<String> =
        parts[from..].iter().take(2).filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number}{unit}")).collect();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}
