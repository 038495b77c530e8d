//! The faults of a world and which of them are in force.

use super::fault::{DokployFault, ExternalFault, Fault, GateFault, ServiceFault, Target};
use super::scope::Scope;
use std::collections::BTreeSet;
use std::time::Duration;

/// What a service suffers from at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Symptoms {
    pub(super) build_fails: bool,
    pub(super) image_missing: bool,
    /// It ends shortly after each start.
    pub(super) ends: Option<Death>,
    /// Its restart policy is taken away.
    pub(super) stays_down: bool,
    pub(super) hangs: bool,
    pub(super) answers_500: bool,
    pub(super) boot: Option<Duration>,
    pub(super) port_taken: bool,
    /// It answers so much later than usual.
    pub(super) slower: Duration,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) code: i64,
    pub(super) oom: bool,
}

/// How Dokploy loses sight of a command on another server (FACTS §13.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CutOff {
    /// The session ends: Dokploy takes it for the command's end.
    Killed,
    /// The connection is gone: Dokploy never learns of any end.
    Lost,
}

#[derive(Clone, Debug)]
struct Armed {
    fault: Fault,
    /// Since when its time counts: its scope was entered, and was not left.
    since: Option<Duration>,
    /// Struck, and strikes only once.
    spent: bool,
    /// The last strike that a process died of.
    struck: Option<Duration>,
    /// Had an effect at least once.
    felt: bool,
    /// When it struck first.
    first: Option<Duration>,
}

impl Armed {
    /// Whether nothing comes of it any more.
    fn is_over(&self, now: Duration) -> bool {
        let ended = |since: Duration| self.fault.lasting().is_some_and(|lasts| since + self.fault.after + lasts <= now);
        self.spent || (self.fault.every.is_none() && self.since.is_some_and(ended))
    }

    fn is_in_force(&self, now: Duration) -> bool {
        self.since.is_some_and(|since| self.fault.window(since).is_open(now))
    }

    /// It strikes now, and never again.
    fn spend(&mut self, now: Duration) {
        (self.spent, self.felt) = (true, true);
        self.first.get_or_insert(now);
    }

    /// When it comes into force or leaves it, after `now`. One that strikes a deploy, or one call, does neither by itself.
    fn next_edge(&self, now: Duration) -> Option<Duration> {
        match self.fault.target {
            Target::Dokploy(DokployFault::Restarts | DokployFault::AnswerLost) => None,
            _ => self.fault.window(self.since?).next_edge(now),
        }
    }
}

/// The faults of a world.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
    scope: Scope,
    /// Phases of which a deploy was started.
    begun: BTreeSet<String>,
    /// Up to when strikes and ends are dealt with.
    dealt_with: Duration,
}

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        let mut all = Self::default();
        for fault in faults {
            all.add(fault, Duration::ZERO);
        }
        all
    }

    pub(super) fn add(&mut self, fault: Fault, now: Duration) {
        self.armed.push(Armed { fault, since: None, spent: false, struck: None, felt: false, first: None });
        self.enter(self.scope.clone(), now);
    }

    pub(super) fn clear(&mut self) {
        self.armed.clear();
    }

    /// A deploy was started: another phase may be in force.
    pub(super) fn enter(&mut self, scope: Scope, now: Duration) {
        if let Scope::Forward(Some(phase)) = &scope {
            self.begun.insert(phase.clone());
        }
        self.scope = scope;
        let began = |phase: &str| self.begun.contains(phase);
        for armed in &mut self.armed {
            let strikes = match &armed.fault.target {
                Target::Service(..) => self.scope.strikes_service(&armed.fault.when, began),
                _ => self.scope.strikes(&armed.fault.when, began),
            };
            armed.since = strikes.then(|| armed.since.unwrap_or(now));
        }
        self.deal_with(now);
    }

    /// When a fault comes into force or leaves it next, by itself.
    pub(super) fn next_edge(&self) -> Option<Duration> {
        self.armed.iter().filter_map(|armed| armed.next_edge(self.dealt_with)).min()
    }

    /// Whatever comes into force or leaves it up to now has done so. Those that cut connections off are felt by that alone.
    pub(super) fn deal_with(&mut self, now: Duration) {
        self.dealt_with = now;
        for armed in &mut self.armed {
            if armed.is_in_force(now) {
                armed.felt |= matches!(armed.fault.target, Target::Network(_) | Target::Dokploy(DokployFault::Down(_)));
                if !armed.fault.strikes_once() {
                    armed.first.get_or_insert(now);
                }
            }
        }
    }

    /// Faults that had no effect yet: a misspelled service, a phase that never came.
    pub(super) fn unfelt(&self) -> impl Iterator<Item = &Fault> {
        self.armed.iter().filter(|armed| !armed.felt).map(|armed| &armed.fault)
    }

    /// Every fault, and when it struck first, if anything came of it.
    pub(super) fn struck(&self) -> impl Iterator<Item = (&Fault, Option<Duration>)> {
        self.armed.iter().map(|armed| (&armed.fault, armed.first.filter(|_| armed.felt)))
    }

    /// What a service suffers from now.
    pub(super) fn symptoms(&mut self, service: &str, now: Duration) -> Symptoms {
        let mut symptoms = Symptoms::default();
        for armed in &mut self.armed {
            let Target::Service(name, kind) = &armed.fault.target else { continue };
            if name != service || *kind == ServiceFault::Crash || !armed.is_in_force(now) {
                continue;
            }
            match kind {
                ServiceFault::BuildFails => symptoms.build_fails = true,
                ServiceFault::ImageMissing => symptoms.image_missing = true,
                ServiceFault::CrashLoop => symptoms.ends = Some(Death { code: 1, oom: false }),
                ServiceFault::Exits => {
                    symptoms.ends = Some(Death { code: 1, oom: false });
                    symptoms.stays_down = true;
                }
                ServiceFault::Oom => symptoms.ends = Some(Death { code: 137, oom: true }),
                ServiceFault::NeverHealthy => symptoms.hangs = true,
                ServiceFault::Http500 => symptoms.answers_500 = true,
                ServiceFault::SlowStart(boot) => symptoms.boot = Some(*boot),
                ServiceFault::SlowAnswers(by) => symptoms.slower = symptoms.slower.max(*by),
                ServiceFault::PortConflict => symptoms.port_taken = true,
                ServiceFault::Crash => {}
            }
            armed.felt = true;
        }
        symptoms
    }

    /// Says which faults are or may come in force, and since when, as far as that decides anything.
    pub(super) fn sign(&self, now: Duration, hasher: &mut impl std::hash::Hasher, matters: impl Fn(&str) -> bool) {
        use std::hash::Hash as _;
        self.scope.hash(hasher);
        let can_be_felt = |armed: &&Armed| !matches!(&armed.fault.target, Target::Service(name, _) if !matters(name));
        for armed in self.armed.iter().filter(|armed| !armed.is_over(now)).filter(can_be_felt) {
            (&armed.fault, armed.spent).hash(hasher);
            let counts = armed.fault.lasting().is_some() || armed.fault.every.is_some() || !armed.is_in_force(now);
            armed.since.map(|since| if counts { now.saturating_sub(since) } else { Duration::ZERO }).hash(hasher);
        }
    }

    /// Whether a service's process, which runs, ends at this very moment: once at each strike.
    pub(super) fn crashes(&mut self, service: &str, now: Duration) -> bool {
        let mut crashes = false;
        for armed in &mut self.armed {
            let Target::Service(name, ServiceFault::Crash) = &armed.fault.target else { continue };
            let strike = armed.since.and_then(|since| armed.fault.window(since).last_strike(now));
            if name == service && strike == Some(now) && armed.struck != strike {
                armed.struck = strike;
                armed.felt = true;
                crashes = true;
            }
        }
        crashes
    }

    /// Whether Docker's daemon is unreachable now.
    pub(super) fn docker_is_down(&mut self, now: Duration) -> bool {
        self.strikes_dokploy(now, |kind| matches!(kind, DokployFault::DockerDown(_)))
    }

    /// Whether Dokploy's database is unreachable now.
    pub(super) fn database_is_down(&mut self, now: Duration) -> bool {
        self.strikes_dokploy(now, |kind| matches!(kind, DokployFault::DatabaseDown(_)))
    }

    /// Whether the server says that its disk is full.
    pub(super) fn disk_is_full(&mut self, now: Duration) -> bool {
        self.strikes_dokploy(now, |kind| matches!(kind, DokployFault::DiskFull(_)))
    }

    /// Whether a login shell on other servers prints something now.
    pub(super) fn shell_is_noisy(&mut self, now: Duration) -> bool {
        self.strikes_dokploy(now, |kind| matches!(kind, DokployFault::NoisyShell(_)))
    }

    fn strikes_dokploy(&mut self, now: Duration, is: impl Fn(DokployFault) -> bool) -> bool {
        self.strikes(now, |target| matches!(target, Target::Dokploy(kind) if is(*kind)))
    }

    /// Whether one of these is in force. All that are, are felt.
    fn strikes(&mut self, now: Duration, is: impl Fn(&Target) -> bool) -> bool {
        let mut strikes = false;
        for armed in &mut self.armed {
            if is(&armed.fault.target) && armed.is_in_force(now) {
                armed.felt = true;
                strikes = true;
            }
        }
        strikes
    }

    /// Whether connections to Dokploy are refused.
    pub(super) fn refuses_dokploy(&self, now: Duration) -> bool {
        let is = |target: &Target| matches!(target, Target::Dokploy(DokployFault::Down(_)) | Target::Network(_));
        self.armed.iter().any(|armed| is(&armed.fault.target) && armed.is_in_force(now))
    }

    /// Whether nothing can be reached from here.
    pub(super) fn network_is_down(&self, now: Duration) -> bool {
        self.armed.iter().any(|armed| matches!(armed.fault.target, Target::Network(_)) && armed.is_in_force(now))
    }

    /// Whether an external is down: for everybody, not only from here.
    pub(super) fn external_is_down(&mut self, name: &str, now: Duration) -> bool {
        self.strikes(now, |target| matches!(target, Target::External(of, ExternalFault::Down) if of == name))
    }

    /// Whether an external accepts connections and never answers.
    pub(super) fn external_hangs(&mut self, name: &str, now: Duration) -> bool {
        self.strikes(now, |target| matches!(target, Target::External(of, ExternalFault::Hangs) if of == name))
    }

    /// What a gate's approver does instead of agreeing. A no counts for more than silence.
    pub(super) fn of_gate(&mut self, name: &str, now: Duration) -> Option<GateFault> {
        let mut does = |fault| self.strikes(now, |target| matches!(target, Target::Gate(of, kind) if of == name && *kind == fault));
        [GateFault::Refused, GateFault::Silent].into_iter().find(|fault| does(*fault))
    }

    /// Whether the answer to a call that changed something is lost. A deploy is told by its title, any other call by the last deploy. Once.
    pub(super) fn loses_answer(&mut self, title: Option<&str>, now: Duration) -> bool {
        let (scope, begun) = (title.map(Scope::of_title), &self.begun);
        let lost = self.armed.iter_mut().find(|armed| {
            let of_title = armed.fault.after.is_zero()
                && scope.as_ref().is_some_and(|scope| scope.strikes(&armed.fault.when, |phase| begun.contains(phase)));
            !armed.spent && armed.fault.target == Target::Dokploy(DokployFault::AnswerLost) && (of_title || armed.is_in_force(now))
        });
        lost.map(|armed| armed.spend(now)).is_some()
    }

    /// Whether the job of a deploy with this title gets lost. Once.
    pub(super) fn loses_job(&mut self, title: &str, now: Duration) -> bool {
        self.once(title, now, |fault| (fault.target == Target::Dokploy(DokployFault::JobLost)).then_some(())).is_some()
    }

    /// How long after the row of a deploy with this title Dokploy restarts; 0 when nothing says. Once.
    pub(super) fn restarts_during(&mut self, title: &str, now: Duration) -> Option<Duration> {
        self.once(title, now, |fault| (fault.target == Target::Dokploy(DokployFault::Restarts)).then_some(fault.after))
    }

    /// How the SSH session of a deploy with this title on another server is cut off. Once.
    pub(super) fn cuts_off(&mut self, title: &str, now: Duration) -> Option<CutOff> {
        self.once(title, now, |fault| match fault.target {
            Target::Dokploy(DokployFault::ErrorRowGoesOn) => Some(CutOff::Killed),
            Target::Dokploy(DokployFault::RowNeverEnds) => Some(CutOff::Lost),
            _ => None,
        })
    }

    /// How long somebody else's job before a deploy with this title takes. Once.
    pub(super) fn busy_before(&mut self, title: &str, now: Duration) -> Option<Duration> {
        self.once(title, now, |fault| if let Target::Dokploy(DokployFault::QueueBusy(takes)) = fault.target { Some(takes) } else { None })
    }

    /// These strike by the title of the deploy in question, which was not started yet.
    fn once<T>(&mut self, title: &str, now: Duration, of: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let (scope, begun) = (Scope::of_title(title), &self.begun);
        let strikes = |armed: &&mut Armed| !armed.spent && scope.strikes(&armed.fault.when, |phase| begun.contains(phase));
        self.armed.iter_mut().filter(strikes).find_map(|armed| {
            let found = of(&armed.fault)?;
            armed.spend(now);
            Some(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(texts: &[&str]) -> Faults {
        Faults::new(texts.iter().map(|text| Fault::parse(text).expect("a fault")).collect())
    }

    #[test]
    fn a_fault_of_a_phase_ends_with_it() {
        let mut all = faults(&["a: http-500 in core"]);
        assert_eq!(all.symptoms("a", Duration::ZERO), Symptoms::default());
        all.enter(Scope::of_title("plan run=r phase=core try=1"), Duration::ZERO);
        assert!(all.symptoms("a", Duration::ZERO).answers_500);
        assert!(!all.symptoms("b", Duration::ZERO).answers_500);
        all.enter(Scope::of_title("plan run=r rollback-to=foundation try=1"), Duration::ZERO);
        assert!(!all.symptoms("a", Duration::ZERO).answers_500);
    }

    #[test]
    fn one_that_lasts_is_over_when_its_time_is() {
        let mut all = faults(&["dokploy: docker-down 10s in core"]);
        all.enter(Scope::of_title("plan run=r phase=core try=1"), Duration::from_secs(5));
        assert!(all.docker_is_down(Duration::from_secs(14)));
        assert!(!all.docker_is_down(Duration::from_secs(15)));
    }

    #[test]
    fn one_that_strikes_once_is_spent() {
        let mut all = faults(&["dokploy: job-lost in core"]);
        assert!(!all.loses_job("plan run=r phase=other try=1", Duration::ZERO));
        assert_eq!(all.unfelt().count(), 1);
        assert!(all.loses_job("plan run=r phase=core try=1", Duration::ZERO));
        assert!(!all.loses_job("plan run=r phase=core try=2", Duration::ZERO));
        assert_eq!(all.unfelt().count(), 0);
    }

    #[test]
    fn from_a_phase_on_is_for_good() {
        let mut all = faults(&["a: http-500 from core after 10s", "b: http-500 in core after 10s"]);
        let at = Duration::from_secs;
        all.enter(Scope::of_title("plan run=r phase=core try=1"), at(5));
        assert_eq!(all.next_edge(), Some(at(15)));
        all.enter(Scope::of_title("plan run=r phase=later try=1"), at(7));
        all.enter(Scope::of_title("plan run=r rollback-to=foundation try=1"), at(9));
        assert!(!all.symptoms("a", at(14)).answers_500);
        assert!(all.symptoms("a", at(15)).answers_500);
        assert!(!all.symptoms("b", at(15)).answers_500, "core is over");
        all.add(Fault::parse("c: http-500 from core").expect("a fault"), at(20));
        assert!(all.symptoms("c", at(20)).answers_500, "core was there before the fault was");
    }

    #[test]
    fn a_crash_is_one_death_at_each_strike() {
        let mut all = faults(&["a: crash after 5s every 10s"]);
        let at = Duration::from_secs;
        all.enter(Scope::of_title("plan run=r phase=core try=1"), at(0));
        let died: Vec<u64> = (0..30).filter(|second| all.crashes("a", at(*second)) && !all.crashes("a", at(*second))).collect();
        assert_eq!(died, [5, 15, 25]);
    }

    #[test]
    fn an_answer_is_lost_once_in_the_phase_that_the_deploy_names() {
        let mut all = faults(&["dokploy: answer-lost in core"]);
        let now = Duration::ZERO;
        assert!(!all.loses_answer(None, now), "the phase did not begin");
        assert!(!all.loses_answer(Some("plan run=r phase=other try=1"), now));
        assert!(all.loses_answer(Some("plan run=r phase=core try=1"), now));
        assert!(!all.loses_answer(Some("plan run=r phase=core try=1"), now), "once");
        let mut all = faults(&["dokploy: answer-lost in core after 3s"]);
        all.enter(Scope::of_title("plan run=r phase=core try=1"), Duration::from_secs(1));
        assert!(!all.loses_answer(None, Duration::from_secs(3)));
        assert!(all.loses_answer(None, Duration::from_secs(4)));
    }
}
