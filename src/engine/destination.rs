//! Where a rollback by hand goes: chosen from what is live, what this machine keeps of earlier runs, and what the live text's marker says.
//! A state that nobody verified is no destination, unless a run is named and its baseline is what that run has to offer.

use super::judgement::listed;
use super::ledger::known_containers;
use super::verified::{Restore, Verified};
use super::{Back, ContainerState, Position, Proof, Remembered, Survey, To};
use crate::schedule::{
    Commits, Header, Phase, PhaseId, Schedule, ServiceName, body_of, canonical, commits_in, is_phase, render, without_user,
};
use std::collections::BTreeSet;

/// A way's other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    pub restore: Restore,
    /// The text as it is kept, with the marker it has.
    pub text: String,
    /// The services that it starts.
    pub services: BTreeSet<ServiceName>,
    /// Who says that it was well.
    pub because: String,
}

impl Destination {
    /// Whether its text is live already, whatever its marker says.
    pub(super) fn is_live(&self, live: &str) -> bool {
        canonical(body_of(live)) == canonical(body_of(&self.text))
    }

    /// Services that run and that it does not have.
    pub(super) fn removes(&self, survey: &Survey) -> BTreeSet<ServiceName> {
        let containers = known_containers(survey).unwrap_or_default().iter();
        let running = containers.filter(|one| matches!(one.state, ContainerState::Running | ContainerState::Restarting));
        let is_gone = |service: &ServiceName| self.restore.is_dead() || !self.services.contains(service);
        running.map(|one| one.service.clone()).filter(is_gone).collect()
    }
}

/// Chooses it.
///
/// # Errors
/// Why there is none, one sentence each.
pub(super) fn choose(schedule: &Schedule, back: &Back, survey: &Survey, position: &Position) -> Result<Destination, Vec<String>> {
    let choice = Choice { schedule, back, survey, position };
    match &back.to {
        To::Last => choice.last(),
        To::Phase(phase) => choice.phase(*phase),
        To::Run(run) => choice.run(run),
    }
    .map_err(|why| vec![why])
}

struct Choice<'a> {
    schedule: &'a Schedule,
    back: &'a Back,
    survey: &'a Survey,
    position: &'a Position,
}

impl Choice<'_> {
    /// The states of this app, newest first.
    fn states(&self) -> impl Iterator<Item = &Remembered> {
        let is_ours = |state: &&Remembered| state.compose_id.as_ref() == Some(&self.survey.compose_id);
        self.back.states.iter().rev().filter(is_ours)
    }

    fn name(&self, phase: PhaseId) -> &str {
        &self.schedule.phase(phase).name
    }

    /// The last verified state before what is live.
    fn last(&self) -> Result<Destination, String> {
        match self.position {
            Position::Phase(live, Some(true)) => match live.0.checked_sub(1) {
                Some(before) => self.phase(PhaseId(before)),
                None => Err(self.nothing_before(&format!(
                    "phase `{}` is live and verified, and it is the plan's first: no phase is before it",
                    self.name(*live)
                ))),
            },
            Position::OlderVersion { phase, verified: true } => self.before_the_live_text().ok_or_else(|| {
                self.nothing_before(&format!(
                    "an older version of phase `{phase}` is live and verified, and no journal of this machine knows what was verified before it"
                ))
            }),
            _ => self.newest().or_else(|| self.by_marker()).unwrap_or_else(|| {
                let what = match self.position {
                    Position::Empty => "nothing is live",
                    _ => "what is live is not verified",
                };
                Err(self.nothing_before(&format!(
                    "{what}, no journal of this machine knows a verified state of this app, and the live text has no marker that names a phase after another"
                )))
            }),
        }
    }

    fn nothing_before(&self, what: &str) -> String {
        let runs: BTreeSet<&str> = self.states().map(|state| state.run.as_str()).collect();
        match runs.last() {
            Some(run) => format!("{what}; `--to RUN` goes back to what a run left or found, such as --to {run}"),
            None => format!("{what}; the machine that ran the rollout has its texts"),
        }
    }

    /// The newest verified state.
    fn newest(&self) -> Option<Result<Destination, String>> {
        self.states().filter(|state| Verified::kept(state).is_some()).find_map(|state| self.kept(state)).map(Ok)
    }

    /// The newest verified state of another text, from before the live one was verified last.
    fn before_the_live_text(&self) -> Option<Destination> {
        let live = canonical(body_of(&self.survey.text));
        let is_live = |state: &&Remembered| canonical(body_of(&state.text)) == live;
        let mut verified = self.states().filter(|state| Verified::kept(state).is_some()).skip_while(|state| !is_live(state));
        verified.find(|state| !is_live(state)).and_then(|state| self.kept(state))
    }

    /// What the marker alone tells: the phase itself, if it was verified and edited since; else the phase before it.
    fn by_marker(&self) -> Option<Result<Destination, String>> {
        let header = Header::parse(&self.survey.text)?;
        let named = self.schedule.phase_named(&header.phase)?;
        let before = named.0.checked_sub(1).map(PhaseId);
        let phase = [Some(named), before].into_iter().flatten();
        phase.into_iter().find_map(|phase| self.marked(phase))
    }

    fn marked(&self, phase: PhaseId) -> Option<Result<Destination, String>> {
        let verified = Verified::marked(phase, &self.survey.text, self.schedule)?;
        let found = self.schedule.phase(phase);
        let text = if is_phase(found, &self.survey.text) {
            self.survey.text.clone()
        } else {
            match self.commits(found) {
                Ok(commits) => render(found, &Header::parse(&self.survey.text)?.run, &commits, true),
                Err(why) => return Some(Err(why)),
            }
        };
        let because = "the live text's marker says so".to_owned();
        Some(Ok(Destination { restore: Restore::Phase(verified), text, services: found.services.clone(), because }))
    }

    /// The commits that a phase's git references had: those of the live text. Anything else would build today's code, which nobody verified.
    fn commits(&self, phase: &Phase) -> Result<Commits, String> {
        let live = match self.position {
            Position::Phase(live, _) => commits_in(self.schedule.phase(*live), &self.survey.text),
            _ => Commits::new(),
        };
        let keys = phase.pins.iter().map(|pin| (without_user(&pin.repository), pin.reference.clone()));
        let missing = keys.filter(|key| !live.contains_key(key));
        let missing: BTreeSet<String> = missing.map(|(repository, reference)| format!("{repository}#{reference}")).collect();
        if missing.is_empty() {
            return Ok(live);
        }
        Err(format!(
            "phase `{}` was verified with commits that are known neither here nor from the live text ({}): deploying it would build today's \
             code, which nobody verified. The machine that ran it knows them",
            phase.name,
            listed(missing)
        ))
    }

    fn phase(&self, phase: PhaseId) -> Result<Destination, String> {
        let name = self.name(phase);
        let is_phase = |state: &&Remembered| Verified::remembered(state, self.schedule).is_some_and(|verified| verified.id() == phase);
        if let Some(known) = self.states().find(is_phase).and_then(|state| self.kept(state)) {
            return Ok(known);
        }
        if let Some(marked) = self.marked(phase) {
            return marked;
        }
        let unknown = format!(
            "phase `{name}` was never verified with the file it has now, as far as the journals of this machine and the live text's marker know"
        );
        Err(match self.position {
            Position::Phase(live, _) if *live > phase => {
                format!("{unknown}; `plan rollback` without --to goes back one phase, and verifies it")
            }
            _ => format!("{unknown}; `plan run --until {name}` brings it up and verifies it"),
        })
    }

    fn run(&self, run: &str) -> Result<Destination, String> {
        let of_run: Vec<&Remembered> = self.back.states.iter().filter(|state| state.run == run).collect();
        if of_run.is_empty() {
            return Err(format!("run {run} keeps no text: it ended before it changed anything"));
        }
        // A damaged journal may not say which app it was about. Then the texts have to.
        let is_of_plan = |text: &str| {
            self.schedule.phases.iter().any(|phase| is_phase(phase, text))
                || Header::parse(text).is_some_and(|header| self.schedule.phase_named(&header.phase).is_some())
        };
        let is_ours = match of_run.iter().find_map(|state| state.compose_id.as_ref()) {
            Some(id) => *id == self.survey.compose_id,
            None => of_run.iter().any(|state| is_of_plan(&state.text)),
        };
        if !is_ours {
            return Err(format!("run {run} was about another app"));
        }
        let verified = of_run.iter().rev().find(|state| Verified::kept(state).is_some());
        let best = verified.or_else(|| of_run.iter().find(|state| matches!(state.proof, Proof::Found { .. })));
        best.and_then(|state| self.kept(state))
            .ok_or_else(|| format!("run {run} keeps no text that was verified, nor the one that it found"))
    }

    fn kept(&self, state: &Remembered) -> Option<Destination> {
        let restore = Restore::remembered(state, self.schedule)?;
        let because = match restore {
            Restore::Found(..) => format!("run {} found it before its first change", state.run),
            _ => format!("run {} verified it", state.run),
        };
        Some(Destination { restore, text: state.text.clone(), services: state.services.clone(), because })
    }
}
