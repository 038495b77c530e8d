//! What a vigil tells: the stream that screen, lines, JSON and notices are made of.

use super::{SightTold, Standing, Turn, Turned};
use crate::engine::troubleshoot::Advice;
use crate::engine::{Finding, Reading};
use crate::model::Severity;
use crate::schedule::{ServiceName, Subject};
use std::collections::BTreeSet;
use std::time::Duration;

/// Something that is told of a vigil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VigilEvent {
    /// It begins.
    Begun {
        /// What is watched.
        subjects: BTreeSet<Subject>,
        /// What is live, in words.
        live: String,
        /// From the start of one round to the start of the next.
        every: Duration,
        /// How long; `None`: until somebody ends it.
        length: Option<Duration>,
    },
    /// What is delivered was read again, and is something else.
    LookedAfresh {
        /// Services that are watched from now on.
        added: Vec<ServiceName>,
        /// Services that are not delivered any more.
        gone: Vec<ServiceName>,
        /// What is live, in words.
        live: String,
    },
    /// A run is at work on the app: no round begins.
    Suspended {
        /// Whose, in words.
        who: String,
    },
    /// That run is over.
    GoesOn,
    /// Nobody watched for a while.
    Overslept {
        /// For how long.
        gap: Duration,
    },
    /// Something turned, or is told again: all of one round that turned alike.
    Turned {
        /// How.
        turn: Turn,
        /// Which, and what was seen of each. Those that lean on nothing unwell come first.
        told: Vec<Told>,
        /// A deploy of the app that ran or waited meanwhile, by its title.
        deploying: Option<String>,
    },
    /// What can be seen from here turned.
    Sight(SightTold),
    /// A round is over, and this is how everything stands after it.
    Round(Standing),
    /// It is over.
    Ended {
        /// How everything stands.
        standing: Standing,
        /// How long it took.
        took: Duration,
        /// Whether somebody ended it.
        interrupted: bool,
    },
}

/// One of those that turned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which, since when, and how many samples that were.
    pub turned: Turned,
    /// What was seen in the last round.
    pub seen: Seen,
}

/// What a round saw of a service or external.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// What is at fault: the expectation as the plan writes it, or `its container`.
    pub what: String,
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub actual: String,
    /// The plan's hint.
    pub hint: Option<String>,
    /// Those that it leans on and that are not well either.
    pub leans_on: Vec<Subject>,
    /// Likely causes.
    pub advice: Vec<Advice>,
}

impl Seen {
    /// What a finding says, of the worst that it has.
    pub fn of(finding: &Finding) -> Self {
        let deciding = finding.asked.iter().filter(|asked| asked.severity == Severity::Decides);
        let samples = deciding.filter_map(|asked| Some((asked, asked.last.as_ref()?)));
        let worst = samples.filter(|(_, sample)| sample.reading != Reading::Pass).max_by_key(|(_, sample)| sample.reading);
        let (what, expected, actual) = match worst {
            Some((asked, sample)) if finding.reading == sample.reading => {
                (asked.text.clone(), sample.expected.clone(), sample.actual.clone())
            }
            _ => ("its container".to_owned(), "runs".to_owned(), finding.actual.clone().unwrap_or_default()),
        };
        let (hint, leans_on, advice) = (finding.hint.clone(), finding.leans_on.clone(), finding.advice.clone());
        Self { what, expected, actual, hint, leans_on, advice }
    }
}

/// What a round has to tell, in the order in which it is told.
pub fn told_of(turned: &[Turned], findings: &[Finding], deploying: Option<&str>) -> Vec<VigilEvent> {
    let of = |subject: &Subject| findings.iter().find(|finding| finding.subject == *subject);
    // By its verdict nothing is well after one round: what this round saw counts.
    let is_unwell = |subject: &Subject| of(subject).is_some_and(|finding| finding.reading != Reading::Pass);
    let seen = |subject: &Subject| {
        let mut seen = of(subject).map(Seen::of).unwrap_or_default();
        seen.leans_on.retain(is_unwell);
        seen
    };
    let mut events = Vec::new();
    for turn in [Turn::Unhealthy, Turn::Unasked, Turn::Recovered, Turn::Gone, Turn::StillUnhealthy, Turn::StillUnasked] {
        let alike = turned.iter().filter(|turned| turned.turn == turn);
        let mut told: Vec<Told> = alike.map(|turned| Told { seen: seen(&turned.subject), turned: turned.clone() }).collect();
        told.sort_by_key(|told| !told.seen.leans_on.is_empty());
        if !told.is_empty() {
            events.push(VigilEvent::Turned { turn, told, deploying: deploying.map(str::to_owned) });
        }
    }
    events
}
