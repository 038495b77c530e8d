//! Runs of other machines. Dokploy has no compare-and-swap and no lock, so the marker of the live text is all that two machines have in
//! common: a text that says `verified=no` under a run that this machine does not know may be at work there, and a text found changed that
//! carries another run's marker says who changed it.

use super::turn::Turn;
use super::{Options, Position, Survey};
use crate::schedule::Header;

/// The run of another machine that may be at work, with its phase.
fn stranger(options: &Options, survey: &Survey, position: &Position) -> Option<(String, String)> {
    // What somebody edited or put there is no run's work any more.
    if matches!(position, Position::Empty | Position::Edited { .. } | Position::Foreign) {
        return None;
    }
    let header = Header::parse(&survey.text)?;
    let is_known = header.run == options.run || options.known_runs.contains(&header.run);
    (!header.verified && !is_known).then_some((header.run, header.phase))
}

/// Who is in the way, unless somebody answers for starting all the same.
pub(super) fn busy(options: &Options, survey: &Survey, position: &Position) -> Option<String> {
    if options.from_broken.is_some() {
        return None;
    }
    let (run, phase) = stranger(options, survey, position)?;
    Some(format!(
        "run {run}, of which nothing is kept on this machine, put phase `{phase}` there and has not verified it: it may be at work on \
         another machine, or have been cut off there. Where its journal is, `plan run --resume {run}` goes on; here, \
         --from-broken \"reason\" starts all the same"
    ))
}

/// What `--from-broken` passes over, in words.
pub(super) fn passed_over(options: &Options, survey: &Survey, position: &Position) -> Option<String> {
    options.from_broken.as_ref()?;
    let (run, phase) = stranger(options, survey, position)?;
    Some(format!("run {run} of another machine had left phase `{phase}` unverified"))
}

/// The other run whose text was found where ours, or what we began with, was expected. Of the run that had put there what we began with,
/// it is another text, and its own as long as nobody edited it: that run is at work, too.
pub(super) fn other_run(turn: &Turn, found: &str) -> Option<String> {
    let header = Header::parse(found)?;
    let believed = Header::parse(&turn.ledger().live).map(|header| header.run);
    let is_of_a_run = header.is_intact(found) || believed.as_ref() != Some(&header.run);
    let is_another = header.run != turn.options().run && is_of_a_run;
    is_another.then(|| {
        format!(
            "run {} put its text for `{}` there during this run: two runs are at work on this app, and this one gives way",
            header.run, header.phase
        )
    })
}
