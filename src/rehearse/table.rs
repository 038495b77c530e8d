//! The table: what goes wrong, how that ends, when it is noticed; and what stands out of it.

use super::outcome::{End, Outcome};
use super::properties::Broken;
use super::space::{Case, Mishap};
use crate::schedule::{PhaseId, Schedule, ServiceName};
use crate::world::{DokployFault, Fault, ServiceFault, Target};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What goes wrong, in a word; how long it lasts is another column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Whom it strikes: services that are alike together.
    pub whom: String,
    /// What.
    pub what: &'static str,
    /// Whether it is over by itself.
    pub span: Span,
}

/// For how long something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// For good.
    ForGood,
    /// For a while.
    AWhile,
    /// Again and again.
    AgainAndAgain,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ForGood => "for good",
            Self::AWhile => "for a while",
            Self::AgainAndAgain => "again and again",
        })
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// While which phase; `None`: before the first.
    pub phase: Option<PhaseId>,
    /// Whether it strikes the rollback of that phase.
    pub in_rollback: bool,
    /// What.
    pub kind: Kind,
    /// How many paths ended how.
    pub ends: BTreeMap<End, u64>,
    /// The longest time from the strike to the first sign of it.
    pub noticed: Option<Duration>,
    /// Paths that show no sign of it.
    pub unnoticed: u64,
    /// The longest run; of a rollback: from its begin.
    pub took: Duration,
}

type Key = (Option<PhaseId>, bool, Kind);

/// The table while it is made.
pub(super) struct Table<'a> {
    schedule: &'a Schedule,
    alike: &'a [Vec<ServiceName>],
    rows: BTreeMap<Key, Row>,
    pub(super) unnoticed: BTreeMap<(Option<PhaseId>, String), Case>,
    shaken: Vec<String>,
    broken: BTreeMap<Broken, (Case, Option<Case>, Duration)>,
}

impl<'a> Table<'a> {
    pub(super) fn new(schedule: &'a Schedule, alike: &'a [Vec<ServiceName>]) -> Self {
        let (rows, unnoticed, shaken, broken) = (BTreeMap::new(), BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { schedule, alike, rows, unnoticed, shaken, broken }
    }

    pub(super) fn add(&mut self, first: &Case, second: Option<&Case>, outcome: &Outcome, paths: u64) {
        let case = second.unwrap_or(first);
        let kind = kind(&case.mishap, self.alike);
        let key = (first.phase, second.is_some(), kind.clone());
        let row = self.rows.entry(key).or_insert_with(|| Row {
            phase: first.phase,
            in_rollback: second.is_some(),
            kind: kind.clone(),
            ends: BTreeMap::new(),
            noticed: None,
            unnoticed: 0,
            took: Duration::ZERO,
        });
        *row.ends.entry(outcome.end.clone()).or_default() += paths;
        row.noticed = row.noticed.max(outcome.noticed);
        row.took = row.took.max(outcome.took);
        if outcome.noticed.is_none() {
            row.unnoticed += paths;
        }
        let in_time = first.at.0 + self.schedule.detection_bound() < outcome.took;
        if second.is_none() && outcome.end == End::Unharmed && case.mishap.is_down_for_good() && in_time {
            self.unnoticed.entry((first.phase, kind.whom)).or_insert_with(|| first.clone());
        }
        self.shaken.extend(outcome.gate.clone());
        for broken in &outcome.broken {
            let shorter = self.broken.get(broken).is_none_or(|(_, _, took)| outcome.took < *took);
            if shorter {
                self.broken.insert(broken.clone(), (first.clone(), second.cloned(), outcome.took));
            }
        }
    }

    /// Gates that no path saw fail.
    pub(super) fn sure_gates(&self, schedule: &Schedule) -> Vec<String> {
        let used = schedule.gates.iter().filter(|gate| !gate.expectations.is_empty() || gate.approval.is_some());
        used.map(|gate| &gate.name).filter(|name| !self.shaken.iter().any(|what| what.contains(name.as_str()))).cloned().collect()
    }

    pub(super) fn sorted(self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.into_values().collect();
        rows.sort_by(|one, other| {
            let worst = |row: &Row| row.ends.last_key_value().map(|(end, paths)| (end.clone(), *paths));
            worst(other).cmp(&worst(one)).then(one.phase.cmp(&other.phase)).then(one.kind.cmp(&other.kind))
        });
        rows
    }

    pub(super) fn broken(&self) -> Vec<(Broken, Case, Option<Case>)> {
        self.broken.iter().map(|(broken, (first, second, _))| (broken.clone(), first.clone(), second.clone())).collect()
    }
}

/// What goes wrong, in a word.
fn kind(mishap: &Mishap, alike: &[Vec<ServiceName>]) -> Kind {
    let Mishap::Fault(fault) = mishap else {
        return Kind { whom: "plan".to_owned(), what: "killed and resumed", span: Span::AWhile };
    };
    let (whom, what) = match &fault.target {
        Target::Service(name, kind) => {
            let class = alike.iter().find(|class| class.contains(name));
            (class.map_or_else(|| name.clone(), |class| class.join(", ")), kind.kind())
        }
        Target::Dokploy(kind) => ("dokploy".to_owned(), kind.kind()),
        Target::External(name, kind) => (name.clone(), kind.kind()),
        Target::Network(_) => ("network".to_owned(), "down"),
        Target::Gate(name, kind) => (name.clone(), kind.kind()),
    };
    Kind { whom, what, span: span(fault) }
}

fn span(fault: &Fault) -> Span {
    match (&fault.target, fault.every, fault.lasting()) {
        (_, Some(_), _) => Span::AgainAndAgain,
        (Target::Service(_, ServiceFault::Crash | ServiceFault::SlowStart(_)), ..) | (_, _, Some(_)) => Span::AWhile,
        (Target::Dokploy(DokployFault::AnswerLost | DokployFault::Restarts | DokployFault::JobLost | DokployFault::QueueBusy(_)), ..) => {
            Span::AWhile
        }
        _ => Span::ForGood,
    }
}
