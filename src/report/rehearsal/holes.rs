//! Holes of the plan that a rehearsal shows, each with its line: failures that nobody would notice, gates that nothing makes fail, and a
//! failure before anything is verified.

use super::Findings;
use super::wording;
use crate::model::OnFailure;
use crate::report::words::list;
use crate::schedule::Subject;
use std::collections::BTreeMap;

/// What kind of hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A failure that nobody would notice.
    Unnoticed,
    /// A gate that nothing makes fail.
    GateCannotFail,
    /// A failure before anything is verified.
    NoTarget,
}

impl Kind {
    /// A word for machines, which does not change.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unnoticed => "unnoticed",
            Self::GateCannotFail => "gate-cannot-fail",
            Self::NoTarget => "no-target",
        }
    }
}

/// A hole of the plan.
pub(super) struct Hole {
    /// What kind it is of.
    pub(super) kind: Kind,
    /// Whom it is about.
    pub(super) whom: String,
    /// Its phases, by their names; `before the first phase` is one as well.
    pub(super) phases: Vec<String>,
    /// The line of the plan that it is about.
    pub(super) line: Option<usize>,
    /// What is so, and what follows from it.
    pub(super) text: String,
    /// A command that shows it.
    pub(super) command: Option<String>,
}

impl Hole {
    /// `rollout.plan:12`, or the plan alone.
    pub(super) fn place(&self, plan: &str) -> String {
        self.line.map_or_else(|| plan.to_owned(), |line| format!("{plan}:{line}"))
    }
}

/// All of them: first what stays unnoticed, then the rest.
pub(super) fn holes(found: &Findings<'_>) -> Vec<Hole> {
    let mut holes = unnoticed(found);
    holes.extend(found.explored.sure_gates.iter().map(|gate| Hole {
        kind: Kind::GateCannotFail,
        whom: gate.clone(),
        phases: Vec::new(),
        line: found.lines.subject(&Subject::Gate(gate.clone())),
        text: format!("no fault made gate {gate} fail: what is asked there does not depend on anything that was broken"),
        command: None,
    }));
    holes.extend(nothing_to_go_back_to(found));
    holes
}

fn unnoticed(found: &Findings<'_>) -> Vec<Hole> {
    let mut whom: BTreeMap<&str, (Vec<String>, Option<String>)> = BTreeMap::new();
    for ((phase, name), _, played) in &found.unnoticed {
        let (phases, command) = whom.entry(name).or_default();
        phases.push(phase.map_or_else(|| "before the first phase".to_owned(), |phase| found.schedule.phase(phase).name.clone()));
        if command.is_none() {
            *command = wording::command(found.plan, played);
        }
    }
    let hole = |(name, (phases, command)): (&str, (Vec<String>, Option<String>))| Hole {
        kind: Kind::Unnoticed,
        whom: name.to_owned(),
        line: line_of_service(found, name),
        text: format!("{name} down for good, struck in {}, and the run says that all is well", list(&phases)),
        phases,
        command,
    };
    whom.into_iter().map(hole).collect()
}

/// Where the plan declares a service, else where the phase begins that brings it.
fn line_of_service(found: &Findings<'_>, name: &str) -> Option<usize> {
    // Of services that are alike the first stands in the plan as well as any.
    let name = name.split(", ").next().unwrap_or(name);
    let brought = || found.lines.phase(&found.schedule.phase(found.schedule.services.get(name)?.added_in).name);
    found.lines.subject(&Subject::Service(name.to_owned())).or_else(brought)
}

/// The first phase, if a failure of it leads back to what nothing has verified: each later one has the one before.
fn nothing_to_go_back_to(found: &Findings<'_>) -> Option<Hole> {
    let first = found.schedule.phases.first().filter(|phase| phase.on_failure != OnFailure::Stop)?;
    Some(Hole {
        kind: Kind::NoTarget,
        whom: first.name.clone(),
        phases: vec![first.name.clone()],
        line: found.lines.phase(&first.name),
        text: format!(
            "{} has no verified phase to go back to: where it fails, what was found before the run is put back as it was; where nothing ran \
             well, what the run started is stopped. `on failure stop` leaves it for you to look at",
            first.name
        ),
        command: None,
    })
}
