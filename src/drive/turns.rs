//! Whose turn it is: how many samples are in the air at once, in all and at one address, so that what hangs holds up nobody else.

use crate::probe::{Question, Request};
use crate::schedule::{Expectation, Subject};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// Samples at once that one subject takes at one address: as many as a browser. A service that struggles is not asked to death by those who
/// ask how it is; and services behind one proxy do not wait for each other.
const AT_ONE_ADDRESS: usize = 6;

/// Commands at once: each is a process.
const COMMANDS: usize = 32;

/// Open files that a sample takes: its connection, and in a sandbox the other end of it.
const FILES_OF_A_SAMPLE: u64 = 2;

/// Open files for everything else: pipes of commands, Dokploy, the journal.
const OTHER_FILES: u64 = 160;

/// Samples at once when nobody knows how many files may be open, or hardly any.
const FEW: usize = 64;

/// Who may ask. Samples that are alone at their address, as most are, wait for nobody.
#[derive(Debug)]
pub(super) struct Turns {
    /// All connections, when there may be fewer open files than expectations.
    all: Option<Semaphore>,
    commands: Semaphore,
    /// The address of each expectation, where it shares one with too many others.
    address: Vec<Option<usize>>,
    addresses: Vec<Semaphore>,
}

/// A turn. Over when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _permits: [Option<SemaphorePermit<'a>>; 2],
}

impl Turns {
    /// For these expectations. Lets this process open as many files as asking all of them at once takes, as far as it may.
    pub(super) fn new(expectations: &[Expectation], requests: &[Option<Request>]) -> Self {
        let most = affordable(requests.len());
        let mut at: BTreeMap<(&Subject, &str, u16), Vec<usize>> = BTreeMap::new();
        for (index, (expectation, request)) in expectations.iter().zip(requests).enumerate() {
            if let Some((host, port)) = request.as_ref().and_then(|request| request.question.address()) {
                at.entry((&expectation.subject, host, port)).or_default().push(index);
            }
        }
        let (mut address, mut addresses) = (vec![None; requests.len()], Vec::new());
        for crowd in at.into_values().filter(|crowd| crowd.len() > AT_ONE_ADDRESS) {
            for index in crowd {
                address[index] = Some(addresses.len());
            }
            addresses.push(Semaphore::new(AT_ONE_ADDRESS));
        }
        let all = (most < requests.len()).then(|| Semaphore::new(most));
        Self { all, commands: Semaphore::new(COMMANDS), address, addresses }
    }

    /// Waits for the turn of an expectation, for three quarters of what a sample may take: those before it hang then, the next would hang as
    /// well, and the round with it.
    ///
    /// # Errors
    /// Why its turn did not come.
    pub(super) async fn take(&self, expectation: usize, question: &Question, timeout: Duration) -> Result<Turn<'_>, &'static str> {
        let here = self.address.get(expectation).copied().flatten().map(|address| &self.addresses[address]);
        let (all, why) = match question {
            Question::Exec { .. } | Question::BuildContexts(_) => {
                (Some(&self.commands), "not asked: too many other commands did not end in time")
            }
            _ => (self.all.as_ref(), "not asked: too many other services did not answer in time"),
        };
        // Less than the whole time limit: those before it began a moment earlier, and end a moment before its own would be over.
        let until = Instant::now() + timeout * 3 / 4;
        let here = wait(here, until).await.ok_or("not asked: what else is asked at this address was not answered in time")?;
        let all = wait(all, until).await.ok_or(why)?;
        Ok(Turn { _permits: [here, all] })
    }
}

/// Waits where there is something to wait for. `None`: in vain.
async fn wait(places: Option<&Semaphore>, until: Instant) -> Option<Option<SemaphorePermit<'_>>> {
    let Some(places) = places else { return Some(None) };
    if let Ok(permit) = places.try_acquire() {
        return Some(Some(permit));
    }
    let permit = timeout_at(until, places.acquire()).await.ok()?;
    Some(Some(permit.expect("the semaphore is never closed")))
}

/// How many samples there may be at once, after the soft limit on open files was raised as far as that many need and may have it.
fn affordable(samples: usize) -> usize {
    let wanted = OTHER_FILES + FILES_OF_A_SAMPLE * u64::try_from(samples).unwrap_or(u64::MAX / FILES_OF_A_SAMPLE);
    let limit = getrlimit(Resource::Nofile);
    if let Some(raised) = raised(limit, wanted) {
        // Refused, the limit stays and is kept to.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    fitting(getrlimit(Resource::Nofile))
}

/// The limit to ask for, if the one there is too low and may be raised.
fn raised(limit: Rlimit, wanted: u64) -> Option<Rlimit> {
    let current = limit.current?;
    let wanted = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
    (wanted > current).then_some(Rlimit { current: Some(wanted), maximum: limit.maximum })
}

/// How many samples fit under a limit.
fn fitting(limit: Rlimit) -> usize {
    let Some(current) = limit.current else { return usize::MAX };
    usize::try_from(current.saturating_sub(OTHER_FILES) / FILES_OF_A_SAMPLE).unwrap_or(usize::MAX).max(FEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(current: u64, maximum: u64) -> Rlimit {
        Rlimit { current: Some(current), maximum: Some(maximum) }
    }

    #[test]
    fn the_limit_on_files_is_raised_as_far_as_needed_and_allowed() {
        assert_eq!(raised(limit(1024, 4096), 500), None, "what is enough is left alone");
        assert_eq!(raised(limit(1024, 4096), 2160), Some(limit(2160, 4096)));
        assert_eq!(raised(limit(1024, 2000), 2160), Some(limit(2000, 2000)));
        assert_eq!(raised(limit(1024, 1024), 2160), None);
        assert_eq!(raised(Rlimit { current: None, maximum: None }, 2160), None);
        let open = Rlimit { current: Some(256), maximum: None };
        assert_eq!(raised(open, 2160), Some(Rlimit { current: Some(2160), maximum: None }));
    }

    #[test]
    fn as_many_samples_as_files_for_them_and_never_hardly_any() {
        assert_eq!(fitting(limit(2160, 4096)), 1000);
        assert_eq!(fitting(limit(256, 256)), FEW);
        assert_eq!(fitting(limit(20, 20)), FEW);
        assert_eq!(fitting(Rlimit { current: None, maximum: None }), usize::MAX);
    }
}
