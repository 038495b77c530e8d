//! The live prober: every expectation of a schedule, ready to be asked.

use super::Prober;
use crate::engine::{Moment, Sample};
use crate::model::Variables;
use crate::probe::{self, Asking, PrepareError, Request};
use crate::schedule::{ExpectationId, Schedule};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Samples in flight at once: well below the usual limit of 1024 open files, well above what a plan asks in one round.
const IN_FLIGHT: usize = 64;

/// Every expectation of a schedule.
#[derive(Debug)]
pub struct Probes {
    requests: Vec<Request>,
    asking: Asking,
    timeout: Duration,
    permits: Semaphore,
}

impl Probes {
    /// Resolves every expectation's address.
    ///
    /// # Errors
    /// Every variable that is not set and every address that cannot be used.
    pub fn prepare(schedule: &Schedule, variables: &dyn Variables, asking: Asking) -> Result<Self, Vec<PrepareError>> {
        let (mut requests, mut errors) = (Vec::new(), Vec::new());
        for expectation in &schedule.expectations {
            match probe::prepare(&expectation.probe, variables) {
                Ok(request) => requests.push(request),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self { requests, asking, timeout: schedule.sampling.timeout, permits: Semaphore::new(IN_FLIGHT) })
    }
}

impl Prober for Probes {
    async fn sample(&self, expectation: ExpectationId, now: Moment) -> Sample {
        let request = &self.requests[expectation.0];
        let called = Instant::now();
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let asked = Instant::now();
        let outcome = probe::ask(request, &self.asking, self.timeout).await;
        probe::judge(request, &outcome, now + called.elapsed(), asked.elapsed())
    }
}
