//! Watching after a rollout: round after round everything that is delivered is asked, and what turns is told once.
//!
//! Pure, and of one size: of each service there are a few counters and a time, and no sample is kept. A row of failures makes a service
//! unhealthy, a row of passes makes it well again; what lies between tells nothing, so that one that flaps is told of when it falls and when it
//! stands, not at each sample. Rounds in which nothing can be seen from here count for no service ([`Sight`]).

mod event;
mod kept;
mod restarts;
mod sight;
mod trouble;

pub use event::{Seen, Told, VigilEvent, told_of};
pub use kept::{Turn, Turned};
pub use restarts::restarted;
pub use sight::{Sight, SightTold, SightTurn};

use self::kept::Kept;
use self::sight::Horizon;
use super::{ExitCode, Finding, Health, Moment, Reading};
use crate::model::Severity;
use crate::schedule::Subject;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// When so many rounds' time passed without one, nobody watched: what was in a row before is none any more.
const MISSED: u32 = 3;
/// A round may take so long by itself, where nothing answers.
const SLOW: Duration = Duration::from_secs(90);

/// How a vigil counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// From the start of one round to the start of the next.
    pub every: Duration,
    /// Failures in a row that make a service unhealthy; errors in a row that make it one that cannot be asked. Default: 3.
    pub down_after: u32,
    /// Passes in a row that make it well. Default: 2.
    pub up_after: u32,
}

/// What is watched, and how it stands.
#[derive(Clone, Debug)]
pub struct Vigil {
    rules: Rules,
    watched: BTreeMap<Subject, Kept>,
    horizon: Horizon,
    last: Option<Moment>,
    rounds: u64,
}

/// What one round came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Whatever turned, or is to be remembered, in order of the subjects.
    pub turned: Vec<Turned>,
    /// The same of what can be seen from here.
    pub sight: Option<SightTold>,
    /// How long nobody watched before it, where that is long.
    pub overslept: Option<Duration>,
}

/// How everything stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many services and externals are well.
    pub well: usize,
    /// How many services are.
    pub healthy: usize,
    /// How many services there are.
    pub services: usize,
    /// Those that are not.
    pub unwell: Vec<Subject>,
    /// Those that could not be asked, too often.
    pub unasked: Vec<Subject>,
    /// Those that neither failed nor passed often enough in a row.
    pub undecided: Vec<Subject>,
    /// Those of which nothing was seen at all.
    pub unseen: Vec<Subject>,
    /// Those that were not always well, with how many of their samples failed, of how many, and how often that made them unhealthy.
    pub unsteady: Vec<(Subject, u64, u64, u64)>,
    /// Why nothing can be seen from here, when that is so.
    pub blind: Option<String>,
    /// Rounds in all.
    pub rounds: u64,
}

impl Vigil {
    /// One that watches nothing yet.
    pub fn new(rules: Rules) -> Self {
        Self { rules, watched: BTreeMap::new(), horizon: Horizon::default(), last: None, rounds: 0 }
    }

    /// Looks afresh: this is what is delivered now. What was and is not any more is watched no longer, and told when it was in trouble.
    /// Nothing of before is in a row with what comes.
    pub fn look_afresh(&mut self, subjects: &BTreeSet<Subject>) -> Vec<Turned> {
        let gone: Vec<Subject> = self.watched.keys().filter(|subject| !subjects.contains(subject)).cloned().collect();
        let told = gone.into_iter().filter_map(|subject| self.watched.remove(&subject)?.gone(subject)).collect();
        self.begin_anew();
        for subject in subjects {
            self.watched.entry(subject.clone()).or_default();
        }
        told
    }

    /// Nobody looked for a while: no row goes on.
    fn begin_anew(&mut self) {
        self.watched.values_mut().for_each(Kept::begin_anew);
        self.horizon.begin_anew();
        self.last = None;
    }

    /// Takes a round. `readings` has one for each subject that something can be said of; the others are neither well nor unwell in it.
    pub fn take(&mut self, now: Moment, readings: &BTreeMap<Subject, Reading>, sight: &Sight) -> Round {
        let mut round = Round::default();
        if let Some(last) = self.last
            && now - last > self.rules.every * MISSED + SLOW
        {
            round.overslept = Some(now - last);
            self.begin_anew();
        }
        self.last = Some(now);
        self.rounds += 1;
        round.sight = self.horizon.take(now, sight, self.rules);
        if matches!(sight, Sight::Blind(_)) {
            return round;
        }
        // Both are in order: walked side by side, so that a round costs no more than its subjects.
        let mut readings = readings.iter().peekable();
        for (subject, kept) in &mut self.watched {
            while readings.next_if(|(of, _)| *of < subject).is_some() {}
            let reading = readings.next_if(|(of, _)| *of == subject).map(|(_, reading)| *reading);
            let by_address = matches!((sight, subject), (Sight::Unlooked(_), Subject::Service(_)));
            let turn = if by_address { kept.take_by_address(now, reading, self.rules) } else { kept.take(now, reading, self.rules) };
            if let Some(turn) = turn.or_else(|| kept.remind(now)) {
                round.turned.push(kept.turned(subject.clone(), turn));
            }
        }
        round
    }

    /// Whether the last round saw how the containers are; as long as there was none that is hoped for.
    pub fn sees(&self) -> bool {
        self.horizon.is_clear()
    }

    /// What is watched.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.watched.keys()
    }

    /// How everything stands.
    pub fn standing(&self) -> Standing {
        let mut standing = Standing { rounds: self.rounds, blind: self.horizon.blind().map(str::to_owned), ..Standing::default() };
        for (subject, kept) in &self.watched {
            kept.stand(subject, &mut standing);
        }
        standing
    }
}

impl Standing {
    /// 8: something is unhealthy, or does not hold still. 9: nothing is known to be so, and not everything could be asked. 0: all is well.
    pub fn exit_code(&self) -> ExitCode {
        let nothing = self.well == 0 && self.unasked.is_empty() && self.unseen.is_empty();
        if !self.unwell.is_empty() || !self.undecided.is_empty() || nothing {
            ExitCode(8)
        } else if !self.unasked.is_empty() || !self.unseen.is_empty() || self.blind.is_some() {
            ExitCode(9)
        } else {
            ExitCode(0)
        }
    }

    /// All that is watched.
    pub fn all(&self) -> usize {
        self.well + self.unwell.len() + self.unasked.len() + self.undecided.len() + self.unseen.len()
    }
}

/// What a round's findings say of each; nothing of one whose healthcheck has no verdict yet, unless something else of it fails.
pub fn readings(findings: &[Finding]) -> BTreeMap<Subject, Reading> {
    let is_starting = |finding: &Finding| {
        let deciding = finding.asked.iter().filter(|asked| asked.severity == Severity::Decides);
        let mut samples = deciding.filter_map(|asked| asked.last.as_ref());
        matches!(finding.container, Some((_, Some(Health::Starting)))) && samples.all(|sample| sample.reading == Reading::Pass)
    };
    let told = findings.iter().filter(|finding| !is_starting(finding));
    told.map(|finding| (finding.subject.clone(), finding.reading)).collect()
}
