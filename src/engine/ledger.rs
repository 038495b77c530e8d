//! What a run has done and what that makes so: a fold of durable events alone, and therefore what a journal knows.
//! Where the work stands in this very moment is [`super::stage`].

use super::destination::{self, Destination};
use super::underway::Underway;
use super::verified::{Baseline, Restore, Verified};
use super::{Container, DeployPurpose, Ending, Event, Goal, Moment, Observed, Options, Position, Reading, Survey, Target, Undo};
use crate::schedule::{Commits, ExpectationId, Header, PhaseId, Schedule, ServiceName, body_of, canonical, digest, render, without_user};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The fold.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// When the time of the run began to count: at its start, and anew when the user agreed.
    began: Moment,
    /// Time that people took to answer approvals, and other runs to free the app: not counted.
    waited: Duration,
    asked_at: Option<Moment>,
    awaiting_lock: Option<Moment>,
    pub survey: Option<Survey>,
    pub position: Option<Position>,
    commits: Commits,
    pub baseline: Baseline,
    /// By hand: where the run goes back to.
    pub destination: Option<Destination>,
    /// Why the run started although what is live did not hold: the reason, and what was so.
    pub broken: Option<(String, Vec<String>)>,
    /// Services that held then, though nothing is verified.
    held_then: BTreeSet<ServiceName>,
    /// Who asked that the phase in flight be failed.
    pub asked: Option<String>,
    pub to_run: Vec<PhaseId>,
    pub earns: bool,
    /// The text that is believed to be live.
    pub live: String,
    /// The text that the one of the phase under way took the place of.
    pub previous: String,
    /// Texts of verified phases.
    texts: BTreeMap<PhaseId, String>,
    /// Whether this run changed anything, or may have.
    pub changed: bool,
    has_changed: bool,
    /// Kinds of lines that services wrote before they were deployed anew.
    pub noise: super::docker::Noise,
    /// What was begun and has not come to its end.
    pub underway: Underway,
    pub standing: Standing,
    verified: Option<Verified<PhaseId>>,
    tries: Vec<DeployPurpose>,
    /// `warn` expectations that do not hold and were told.
    pub warned: BTreeSet<ExpectationId>,
    /// Healthy and all services of what is live, as last sampled.
    pub healthy: (usize, usize),
    pub ending: Option<Ending>,
}

/// What is live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// What was there before, of which nothing is claimed.
    #[default]
    Untouched,
    /// A phase that was sent and is not verified yet.
    Unverified(PhaseId),
    /// A phase that is verified.
    Verified(PhaseId),
    /// A phase that failed; nothing is undone.
    Failed(PhaseId),
    /// A rollback on its way, after this phase failed.
    GoingBack { failed: PhaseId, undo: Undo },
    /// A verified rollback. `stopped`: by stopping what ran.
    RolledBack { failed: PhaseId, target: Target, stopped: bool },
    /// A rollback that failed.
    Degraded { failed: PhaseId },
}

impl Ledger {
    pub(super) fn apply(&mut self, now: Moment, event: &Event, schedule: &Schedule, options: &Options) {
        self.underway.apply(now, event, self.after(self.underway.done));
        self.fold(now, event, schedule, options);
        self.changed = self.has_changed || self.underway.replacing.is_some();
    }

    fn fold(&mut self, now: Moment, event: &Event, schedule: &Schedule, options: &Options) {
        match event {
            Event::RunStarted { .. } => (self.began, self.waited) = (now, Duration::ZERO),
            Event::Agreed => {
                (self.began, self.waited) = (now, Duration::ZERO);
                self.underway.agree(self.position.as_ref(), &self.to_run);
            }
            Event::Resumed { gap, .. } => self.resumed(now, *gap),
            Event::LockAwaited { .. } => {
                self.awaiting_lock.get_or_insert(now);
            }
            // What was there before the first change was read before it.
            Event::Surveyed { .. } if self.changed => self.stop_waiting(now),
            Event::Surveyed { survey, live } => {
                self.stop_waiting(now);
                self.begin_anew();
                self.live.clone_from(&survey.text);
                self.survey = Some(survey.clone());
                self.position = Some(live.clone());
            }
            Event::Pinned { commits } => {
                let pins = commits.iter().filter_map(|(key, commit)| {
                    let (repository, reference) = key.split_once('#')?;
                    Some(((repository.to_owned(), reference.to_owned()), commit.clone()))
                });
                self.commits = pins.collect();
            }
            Event::BaselineTaken { healthy, not_healthy } => {
                self.baseline = Baseline { healthy: healthy.clone(), not_healthy: not_healthy.clone() };
            }
            Event::StartFound { to_run, earns, .. } => {
                self.to_run.clone_from(to_run);
                self.earns = *earns;
            }
            Event::TargetFound { .. } => self.destination = self.chosen(schedule, options),
            Event::StartedBroken { reason, what, held, .. } => {
                self.broken.get_or_insert_with(|| (reason.clone(), Vec::new())).1.push(what.clone());
                self.held_then.extend(held.iter().cloned());
            }
            Event::WarningBegan { expectation, .. } => {
                self.warned.insert(*expectation);
            }
            Event::WarningOver { expectation, .. } => {
                self.warned.remove(expectation);
            }
            Event::FailureAsked { by } => self.asked = Some(by.clone()),
            Event::ApprovalAsked { .. } => self.asked_at = Some(now),
            Event::ApprovalGiven { .. } | Event::ApprovalNotGiven { .. } => {
                self.waited += self.asked_at.take().map_or(Duration::ZERO, |asked| now - asked);
            }
            Event::Replaced { purpose } => self.replaced(purpose, schedule, options),
            Event::Deploying { purpose, .. } => self.tries.push(purpose.clone()),
            Event::PhaseStarted { .. } => self.noise.clear(),
            Event::NoiseKnown { noise } => self.noise.clone_from(noise),
            Event::DeployStarted { .. } | Event::Stopped => self.has_changed = true,
            Event::Round { services, .. } if !services.is_empty() && !matches!(self.standing, Standing::Failed(_)) => {
                let decide = || services.iter().filter(|(name, _)| !options.waived.contains_key(*name));
                self.healthy = (decide().filter(|(_, one)| one.reading == Reading::Pass).count(), decide().count());
            }
            Event::PhaseVerified { phase, services, asserted_only, .. } => {
                self.verified = Verified::phase(event);
                self.standing = Standing::Verified(*phase);
                self.healthy = (services.len(), services.len());
                let is_live = matches!(self.position, Some(Position::Phase(live, _)) if live == *phase);
                if !asserted_only {
                    self.texts.insert(*phase, self.marked(*phase, schedule, options));
                } else if is_live {
                    self.texts.insert(*phase, self.live.clone());
                }
            }
            Event::PhaseFailed { phase, .. } => self.standing = Standing::Failed(*phase),
            Event::RollbackStarted { undo, .. } => {
                self.standing = Standing::GoingBack { failed: self.failed_or_first(), undo: *undo };
            }
            Event::RollbackVerified { target, services, .. } => {
                let stopped = matches!(self.standing, Standing::GoingBack { undo: Undo::Stop, .. });
                self.standing = Standing::RolledBack { failed: self.failed_or_first(), target: target.clone(), stopped };
                self.healthy = (services.len(), services.len() + self.not_held_against(target));
            }
            Event::RollbackFailed { .. } => self.standing = Standing::Degraded { failed: self.failed_or_first() },
            Event::RunEnded { ending } => self.ending = Some(ending.clone()),
            _ => {}
        }
    }

    /// Nobody was at work for so long: that is none of the run's time. What was open when it was cut off is looked at anew.
    fn resumed(&mut self, now: Moment, gap: Duration) {
        self.ending = None;
        let since = [self.asked_at.take(), self.awaiting_lock.take()].into_iter().flatten().min();
        self.waited += since.map_or(gap, |since| now - since);
        if let (Standing::Failed(phase), None) = (&self.standing, &self.underway.failure) {
            self.standing = Standing::Unverified(*phase);
        }
    }

    /// The app is ours.
    fn stop_waiting(&mut self, now: Moment) {
        self.waited += self.awaiting_lock.take().map_or(Duration::ZERO, |since| now - since);
    }

    /// Forgets what was read, found and asserted by a run that was cut off before it changed anything.
    fn begin_anew(&mut self) {
        let Self { began, waited, asked_at, ref commits, .. } = *self;
        let (commits, underway) = (commits.clone(), self.underway.anew());
        *self = Self { began, waited, asked_at, commits, underway, ..Self::default() };
    }

    fn replaced(&mut self, purpose: &DeployPurpose, schedule: &Schedule, options: &Options) {
        let text = self.text_of(purpose, schedule, options);
        let live = std::mem::replace(&mut self.live, text);
        if matches!(purpose, DeployPurpose::Phase(_)) {
            self.previous = live;
        }
        self.has_changed = true;
        if let DeployPurpose::Phase(phase) = purpose {
            self.standing = Standing::Unverified(*phase);
        }
    }

    fn not_held_against(&self, target: &Target) -> usize {
        match (target, &self.destination) {
            (Target::Baseline, _) => self.baseline.not_healthy.len(),
            (Target::Kept { .. }, Some(destination)) => destination.restore.not_held_against().len(),
            (Target::Phase(_) | Target::Kept { .. }, _) => 0,
        }
    }

    /// Where a rollback by hand goes: a function of what was surveyed, so that the event need not carry the text.
    fn chosen(&self, schedule: &Schedule, options: &Options) -> Option<Destination> {
        let (Goal::Back(back), Some(survey), Some(position)) = (&options.goal, &self.survey, &self.position) else { return None };
        destination::choose(schedule, back, survey, position).ok()
    }

    /// Whether a rollback is verified.
    pub(super) fn is_back(&self) -> bool {
        matches!(self.standing, Standing::RolledBack { .. })
    }

    /// The phase whose failure is being dealt with.
    pub(super) fn failed(&self) -> Option<PhaseId> {
        match self.standing {
            Standing::Failed(failed)
            | Standing::GoingBack { failed, .. }
            | Standing::RolledBack { failed, .. }
            | Standing::Degraded { failed } => Some(failed),
            Standing::Untouched | Standing::Unverified(_) | Standing::Verified(_) => None,
        }
    }

    /// A rollback without a failure before it is in no journal that the engine wrote.
    fn failed_or_first(&self) -> PhaseId {
        self.failed().unwrap_or(PhaseId(0))
    }

    /// The text that is sent for this purpose.
    pub(super) fn text_of(&self, purpose: &DeployPurpose, schedule: &Schedule, options: &Options) -> String {
        let rendered = |phase: &PhaseId, verified| render(schedule.phase(*phase), &options.run, &self.commits, verified);
        match purpose {
            DeployPurpose::Phase(phase) => rendered(phase, false),
            DeployPurpose::Mark(phase) => self.marked(*phase, schedule, options),
            DeployPurpose::Rollback(Target::Phase(phase)) => {
                if let Some(destination) = &self.destination {
                    return with_mark(*phase, &destination.text, !self.must_prove(), schedule, options);
                }
                let text = self.texts.get(phase).cloned().unwrap_or_else(|| rendered(phase, true));
                if self.must_prove() { with_mark(*phase, &text, false, schedule, options) } else { text }
            }
            DeployPurpose::Rollback(Target::Kept { name, .. }) => {
                self.destination.as_ref().map(|kept| kept_text(&kept.text, name, !self.must_prove(), options)).unwrap_or_default()
            }
            DeployPurpose::Rollback(Target::Baseline) => self.survey.as_ref().map(|survey| survey.text.clone()).unwrap_or_default(),
        }
    }

    /// Whether the phase under way repeats the text that was live before it.
    pub(super) fn repeats(&self) -> bool {
        canonical(body_of(&self.previous)) == canonical(body_of(&self.live))
    }

    /// Whether a rollback's text has yet to be deployed: it must not say that it is verified, or the next run would believe it.
    fn must_prove(&self) -> bool {
        matches!(self.standing, Standing::GoingBack { undo: Undo::Redeploy, .. })
    }

    /// The live text with a marker that says verified. Its body stays as it is, with the commits it was deployed with.
    pub(super) fn marked(&self, phase: PhaseId, schedule: &Schedule, options: &Options) -> String {
        with_mark(phase, &self.live, true, schedule, options)
    }

    /// Whether the live text says that it is not verified.
    pub(super) fn lacks_mark(&self) -> bool {
        Header::parse(&self.live).is_some_and(|header| !header.verified)
    }

    /// Whether the last deploy that went through was of the text that is live: its title and the marker name one run and one phase. A text
    /// that was put there and never deployed says nothing of what runs.
    pub(super) fn is_live_deployed(&self) -> bool {
        let Some(survey) = &self.survey else { return false };
        let (Some(title), Some(header)) = (&survey.last_done, Header::parse(&survey.text)) else { return false };
        let Header { run, phase, .. } = header;
        title.starts_with(&format!("plan run={run} phase={phase} ")) || title.starts_with(&format!("plan run={run} rollback-to={phase} "))
    }

    /// When the run's time is over. Approval waits are not counted.
    pub(super) fn deadline(&self, schedule: &Schedule) -> Moment {
        self.began + schedule.limits.run + self.waited
    }

    /// Where a rollback would go.
    pub(super) fn restore(&self) -> Restore {
        match &self.verified {
            Some(phase) => Restore::Phase(phase.clone()),
            None => Restore::Baseline(self.baseline.clone()),
        }
    }

    /// Services that this run saw verified, or at least well: what every later phase must not break.
    pub(super) fn held(&self) -> BTreeSet<ServiceName> {
        self.verified.as_ref().map_or_else(|| self.held_then.clone(), |phase| phase.services().clone())
    }

    /// Whether the app had no container when the run began. Dokploy's empty list says "unknown" (FACTS §7): it means none when Docker
    /// answered for the rest of the host and shows nothing of ours, or when there is no text that could have made any.
    pub(super) fn began_with_nothing(&self) -> bool {
        let Some(survey) = &self.survey else { return false };
        match known_containers(survey) {
            Some(containers) => containers.is_empty(),
            None => self.position == Some(Position::Empty),
        }
    }

    /// The last verified phase.
    pub(super) fn last_verified(&self) -> Option<PhaseId> {
        self.verified.as_ref().map(Verified::id)
    }

    /// The phase that runs after `done`.
    pub(super) fn after(&self, done: Option<PhaseId>) -> Option<PhaseId> {
        self.to_run.iter().copied().find(|phase| done.is_none_or(|done| *phase > done))
    }

    /// Whether the commit of each of these references is known.
    pub(super) fn has_pinned<'a>(&self, references: impl IntoIterator<Item = &'a (String, String)>) -> bool {
        let key = |(repository, reference): &(String, String)| (without_user(repository), reference.clone());
        references.into_iter().all(|reference| self.commits.contains_key(&key(reference)))
    }

    /// Whether this run has asked for a deploy.
    pub(super) fn has_deployed(&self) -> bool {
        !self.tries.is_empty()
    }

    /// The marker of the next deploy for this purpose: nothing else carries it. One that was asked for and never seen goes on under its own:
    /// should it arrive yet, it is found.
    pub(super) fn marker(&self, purpose: &DeployPurpose, schedule: &Schedule, options: &Options) -> String {
        if let Some(deploy) = self.underway.deploy_for(purpose).filter(|deploy| deploy.row.is_none() && deploy.ended.is_none()) {
            return deploy.marker.clone();
        }
        let attempt = self.tries.iter().filter(|tried| *tried == purpose).count() + 1;
        let run = &options.run;
        match purpose {
            DeployPurpose::Phase(phase) | DeployPurpose::Mark(phase) => {
                format!("plan run={run} phase={} try={attempt}", schedule.phase(*phase).name)
            }
            DeployPurpose::Rollback(target) => format!("plan run={run} rollback-to={} try={attempt}", name_of(target, schedule)),
        }
    }
}

/// A text with a marker of this run in the place of its own.
fn with_mark(phase: PhaseId, text: &str, verified: bool, schedule: &Schedule, options: &Options) -> String {
    let phase = schedule.phase(phase);
    marked_as(text, &phase.name, phase.digest.clone(), verified, options)
}

/// The same for a text that is no phase of the plan. One that is blank stays so: there is nothing to deploy.
fn kept_text(text: &str, name: &str, verified: bool, options: &Options) -> String {
    let body = body_of(text);
    if body.trim().is_empty() {
        return text.to_owned();
    }
    let files = Header::parse(text).map_or_else(|| digest(body), |header| header.files);
    marked_as(text, name, files, verified, options)
}

fn marked_as(text: &str, name: &str, files: String, verified: bool, options: &Options) -> String {
    let body = body_of(text);
    let header = Header { run: options.run.clone(), phase: name.to_owned(), files, text: digest(body), verified };
    format!("{header}\n{body}")
}

/// The app's containers, as far as the survey can tell them: by themselves, or by their absence among those of the host.
pub(super) fn known_containers(survey: &Survey) -> Option<&[Container]> {
    match (&survey.containers, &survey.host) {
        (Observed::Known(containers), _) => Some(containers),
        (Observed::Unknown(_), Some(host)) if !host.is_empty() && !host.iter().any(|one| one.ours) => Some(&[]),
        (Observed::Unknown(_), _) => None,
    }
}

/// A rollback target's name.
pub(super) fn name_of(target: &Target, schedule: &Schedule) -> String {
    match target {
        Target::Phase(phase) => schedule.phase(*phase).name.clone(),
        Target::Baseline => "baseline".to_owned(),
        Target::Kept { name, .. } => name.clone(),
    }
}
