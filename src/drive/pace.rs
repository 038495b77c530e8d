//! Waits until a sample may begin, at the pace of [`crate::engine::Pace`].

use crate::engine::{self, Moment};
use std::cell::{Cell, OnceCell};
use tokio::time::{Instant, sleep_until};

/// The pace of one prober, whose time counts from its first sample.
#[derive(Debug, Default)]
pub(super) struct Pace {
    began: OnceCell<Instant>,
    pace: Cell<engine::Pace>,
}

impl Pace {
    /// Waits until the next sample may begin.
    pub(super) async fn keep(&self) {
        let began = *self.began.get_or_init(Instant::now);
        let (mut pace, now) = (self.pace.get(), Moment(began.elapsed()));
        let begins = pace.place(now);
        self.pace.set(pace);
        if begins > now {
            sleep_until(began + begins.0).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
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
        assert_eq!(begun(&pace, 50).await, vec![0; 50]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let many = begun(&pace, 1000).await;
        for (at, begun) in many.into_iter().enumerate() {
            assert_eq!(begun, u128::try_from(at / 50 * 10).unwrap(), "{at}");
        }
        assert_eq!(begun(&pace, 1).await, vec![10], "the next comes after those before it");
    }
}
