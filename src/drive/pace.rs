//! When the samples of a round begin: a plan's usual few at once, more of them in groups. A thousand at one instant would wait for each other
//! here, and be a wave of connections to whoever is asked.

use std::cell::Cell;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Samples that begin at once.
const GROUP: usize = 50;

/// Between groups: 5,000 samples a second.
const APART: Duration = Duration::from_millis(10);

/// The group that is beginning: when, and how many of it have their place.
#[derive(Debug, Default)]
pub(super) struct Pace(Cell<Option<(Instant, usize)>>);

impl Pace {
    /// Waits until the next sample may begin. Samples get their places in the order in which they ask.
    pub(super) async fn keep(&self) {
        let now = Instant::now();
        let (begins, places) = match self.0.get() {
            Some((begins, places)) if begins + APART > now && places < GROUP => (begins, places),
            Some((begins, _)) if begins + APART > now => (begins + APART, 0),
            _ => (now, 0),
        };
        self.0.set(Some((begins, places + 1)));
        if begins > now {
            sleep_until(begins).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::{JoinSet, LocalSet};

    /// When each of so many samples begins, in milliseconds, asked at once.
    async fn begun(pace: &std::rc::Rc<Pace>, samples: usize) -> Vec<u128> {
        let started = Instant::now();
        let local = LocalSet::new();
        let mut tasks = JoinSet::new();
        for _ in 0..samples {
            let pace = std::rc::Rc::clone(pace);
            let task = async move {
                pace.keep().await;
                started.elapsed().as_millis()
            };
            tasks.spawn_local_on(task, &local);
        }
        let mut begun = local.run_until(tasks.join_all()).await;
        begun.sort_unstable();
        begun
    }

    #[tokio::test(start_paused = true)]
    async fn few_begin_at_once_and_many_in_groups() {
        let pace = std::rc::Rc::default();
        assert_eq!(begun(&pace, GROUP).await, vec![0; GROUP]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let many = begun(&pace, 1000).await;
        for (at, begun) in many.into_iter().enumerate() {
            assert_eq!(begun, u128::try_from(at / GROUP * 10).unwrap(), "{at}");
        }
        assert_eq!(begun(&pace, 1).await, vec![10], "the next comes after those before it");
    }
}
