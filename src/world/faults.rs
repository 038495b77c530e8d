//! The faults of a world and which of them are in force.

use super::fault::{DokployFault, Fault, ServiceFault, Target};
use super::scope::Scope;
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
    /// Since when it is in force.
    since: Option<Duration>,
    /// Struck, and strikes only once.
    spent: bool,
    /// Had an effect at least once.
    felt: bool,
}

/// The faults of a world.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
    scope: Scope,
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
        self.armed.push(Armed { fault, since: None, spent: false, felt: false });
        self.enter(self.scope.clone(), now);
    }

    pub(super) fn clear(&mut self) {
        self.armed.clear();
    }

    /// A deploy was started: another phase may be in force.
    pub(super) fn enter(&mut self, scope: Scope, now: Duration) {
        self.scope = scope;
        for armed in &mut self.armed {
            let strikes = match &armed.fault.target {
                Target::Service(..) => self.scope.strikes_service(&armed.fault.when),
                Target::Dokploy(_) | Target::External(_) => self.scope.strikes(&armed.fault.when),
            };
            armed.since = strikes.then(|| armed.since.unwrap_or(now));
        }
    }

    /// Faults that had no effect yet: a misspelled service, a phase that never came.
    pub(super) fn unfelt(&self) -> impl Iterator<Item = &Fault> {
        self.armed.iter().filter(|armed| !armed.felt).map(|armed| &armed.fault)
    }

    /// What a service suffers from now.
    pub(super) fn symptoms(&mut self, service: &str) -> Symptoms {
        let mut symptoms = Symptoms::default();
        for armed in self.armed.iter_mut().filter(|armed| armed.since.is_some()) {
            let Target::Service(name, kind) = &armed.fault.target else { continue };
            if name != service {
                continue;
            }
            armed.felt = true;
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
                ServiceFault::PortConflict => symptoms.port_taken = true,
            }
        }
        symptoms
    }

    /// Whether Docker's daemon is unreachable now.
    pub(super) fn docker_is_down(&mut self, now: Duration) -> bool {
        self.lasting(now, |kind| if let DokployFault::DockerDown(lasts) = kind { Some(lasts) } else { None })
    }

    /// Whether Dokploy's database is unreachable now.
    pub(super) fn database_is_down(&mut self, now: Duration) -> bool {
        self.lasting(now, |kind| if let DokployFault::DatabaseDown(lasts) = kind { Some(lasts) } else { None })
    }

    /// Whether the server says that its disk is full.
    pub(super) fn disk_is_full(&mut self, now: Duration) -> bool {
        self.lasting(now, |kind| if let DokployFault::DiskFull(lasts) = kind { Some(lasts) } else { None })
    }

    /// Whether a login shell on other servers prints something now.
    pub(super) fn shell_is_noisy(&mut self, now: Duration) -> bool {
        self.lasting(now, |kind| if let DokployFault::NoisyShell(lasts) = kind { Some(lasts) } else { None })
    }

    fn lasting(&mut self, now: Duration, of: impl Fn(DokployFault) -> Option<Option<Duration>>) -> bool {
        let mut down = false;
        for armed in &mut self.armed {
            let (Some(since), Target::Dokploy(kind)) = (armed.since, &armed.fault.target) else { continue };
            if let Some(lasts) = of(*kind)
                && lasts.is_none_or(|lasts| now < since + lasts)
            {
                armed.felt = true;
                down = true;
            }
        }
        down
    }

    /// Whether an external refuses connections.
    pub(super) fn external_is_down(&mut self, name: &str) -> bool {
        let mut down = false;
        for armed in self.armed.iter_mut().filter(|armed| armed.since.is_some()) {
            if matches!(&armed.fault.target, Target::External(target) if target == name) {
                armed.felt = true;
                down = true;
            }
        }
        down
    }

    /// Whether the job of a deploy with this title gets lost. Once.
    pub(super) fn loses_job(&mut self, title: &str) -> bool {
        self.once(title, |kind| (kind == DokployFault::JobLost).then_some(())).is_some()
    }

    /// Whether Dokploy restarts in the middle of a deploy with this title. Once.
    pub(super) fn restarts_during(&mut self, title: &str) -> bool {
        self.once(title, |kind| (kind == DokployFault::Restarts).then_some(())).is_some()
    }

    /// How the SSH session of a deploy with this title on another server is cut off. Once.
    pub(super) fn cuts_off(&mut self, title: &str) -> Option<CutOff> {
        self.once(title, |kind| match kind {
            DokployFault::ErrorRowGoesOn => Some(CutOff::Killed),
            DokployFault::RowNeverEnds => Some(CutOff::Lost),
            _ => None,
        })
    }

    /// How long somebody else's job before a deploy with this title takes. Once.
    pub(super) fn busy_before(&mut self, title: &str) -> Option<Duration> {
        self.once(title, |kind| if let DokployFault::QueueBusy(takes) = kind { Some(takes) } else { None })
    }

    /// These strike by the title of the deploy in question, which was not started yet.
    fn once<T>(&mut self, title: &str, of: impl Fn(DokployFault) -> Option<T>) -> Option<T> {
        let scope = Scope::of_title(title);
        self.armed.iter_mut().filter(|armed| !armed.spent && scope.strikes(&armed.fault.when)).find_map(|armed| {
            let Target::Dokploy(kind) = &armed.fault.target else { return None };
            let found = of(*kind)?;
            armed.spent = true;
            armed.felt = true;
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
        assert_eq!(all.symptoms("a"), Symptoms::default());
        all.enter(Scope::of_title("plan run=r phase=core try=1"), Duration::ZERO);
        assert!(all.symptoms("a").answers_500);
        assert!(!all.symptoms("b").answers_500);
        all.enter(Scope::of_title("plan run=r rollback-to=foundation try=1"), Duration::ZERO);
        assert!(!all.symptoms("a").answers_500);
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
        assert!(!all.loses_job("plan run=r phase=other try=1"));
        assert_eq!(all.unfelt().count(), 1);
        assert!(all.loses_job("plan run=r phase=core try=1"));
        assert!(!all.loses_job("plan run=r phase=core try=2"));
        assert_eq!(all.unfelt().count(), 0);
    }
}
