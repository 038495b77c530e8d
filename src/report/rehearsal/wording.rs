//! Words that all forms of a rehearsal's report share.

use crate::rehearse::{Broken, End, Played, Row};
use crate::report::close::quoted;
use crate::report::words::duration;
use crate::schedule::Schedule;

/// The four columns of ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) well: u64,
    pub(super) back: u64,
    pub(super) stopped: u64,
    pub(super) degraded: u64,
}

impl Ends {
    pub(super) fn of(row: &Row) -> Self {
        let mut ends = Self::default();
        for (end, paths) in &row.ends {
            *match end {
                End::Unharmed | End::Recovered => &mut ends.well,
                End::RolledBack(_) => &mut ends.back,
                End::Stopped(_) => &mut ends.stopped,
                End::Degraded(_) => &mut ends.degraded,
            } += paths;
        }
        ends
    }

    pub(super) fn add(&mut self, other: Self) {
        self.well += other.well;
        self.back += other.back;
        self.stopped += other.stopped;
        self.degraded += other.degraded;
    }

    pub(super) fn all(self) -> u64 {
        self.well + self.back + self.stopped + self.degraded
    }
}

/// Where a line of the table is: `core`, `rollback of core`, `before foundation`.
pub(super) fn place(row: &Row, schedule: &Schedule) -> String {
    let first = schedule.phases.first().map_or("", |phase| phase.name.as_str());
    match (row.phase, row.in_rollback) {
        (None, false) => format!("before {first}"),
        (None, true) => format!("rollback of {first}"),
        (Some(phase), false) => schedule.phase(phase).name.clone(),
        (Some(phase), true) => format!("rollback in {}", schedule.phase(phase).name),
    }
}

/// What goes wrong: `http-500 for good`.
pub(super) fn what(row: &Row) -> String {
    format!("{} {}", row.kind.what, row.kind.span)
}

/// A property that does not hold, as a sentence.
pub fn broken(broken: &Broken) -> String {
    match broken {
        Broken::NeverEnds => "the run waits for something that never comes".to_owned(),
        Broken::VerifiedAndUnwell(service) => format!("the end says verified, and {service} is not well"),
        Broken::VerifiedAndMissing(service) => format!("the end says verified, and {service} is not there"),
        Broken::DeployedTwice(title) => format!("deployed twice: {title}"),
        Broken::Removed(service) => format!("{service} ran, and was taken away though no phase removes it"),
        Broken::NoticedLate(service, after) => format!("{service} was down for {} of watching before it was noticed", duration(*after)),
        Broken::TookTooLong(took) => format!("the run took {}, longer than its limits allow", duration(*took)),
        Broken::ShortRow(service) => format!("{service} counted as settled with fewer passes in a row than the plan asks for"),
        Broken::VerifiedTooSoon(what, held) => {
            format!("{what} was called verified after it had held for {}, less than its soak", duration(*held))
        }
        Broken::AnotherContainer(service) => format!("{service} restarted during the soak, and its phase was called verified all the same"),
        Broken::VerifiedUnseen(what) => format!("{what} was called verified while nobody could look at the containers"),
        Broken::JudgedTooEarly(service, after) => {
            format!("{service} was called failed {} after its deploy, and may take longer to settle", duration(*after))
        }
        Broken::WrongWayBack(to, wanted) => format!("the rollback goes back to {to}, and {wanted} was verified last"),
        Broken::NoEvidence(phase) => format!("the rollback began before the evidence of {phase}'s failure was kept"),
        Broken::WithoutAYes(gate) => format!("gate {gate} was passed without a yes"),
    }
}

/// The command that plays a path over real HTTP, where one can.
pub(super) fn command(plan: &str, played: &Played) -> Option<String> {
    let faults = played.faults.iter().map(|fault| Some(format!(" --fault \"{}\"", fault.as_ref()?))).collect::<Option<String>>()?;
    Some(format!("plan run {} --sandbox --yes{faults}", quoted(plan)))
}
