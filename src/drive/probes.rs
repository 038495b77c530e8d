//! The live prober: every expectation of a schedule, ready to be asked.

use super::clock::asleep;
use super::pace::Pace;
use super::turns::Turns;
use super::{Heard, Prober, SharedMasks, instant};
use crate::engine::{Moment, Sample};
use crate::model::Variables;
use crate::probe::{self, Asking, Outcome, PrepareError, Request};
use crate::schedule::{ExpectationId, Schedule};
use std::cell::Cell;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// A look that took so much longer than it may was not let: a busy machine is not as late.
const LATE: Duration = Duration::from_secs(5);

/// Every expectation of a schedule.
#[derive(Debug)]
pub struct Probes {
    /// One for each expectation; `None` for those that Dokploy answers.
    requests: Vec<Option<Request>>,
    asking: Asking,
    timeout: Duration,
    pace: Pace,
    turns: Turns,
    masks: SharedMasks,
    heard: Cell<Heard>,
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
        let secrets = SharedMasks::default();
        for request in requests.iter().flatten() {
            secrets.borrow_mut().merge(&request.masks);
        }
        let turns = Turns::new(&schedule.expectations, &requests);
        Ok(Self {
            requests,
            asking,
            timeout: schedule.sampling.timeout,
            pace: Pace::default(),
            turns,
            masks: secrets,
            heard: Cell::default(),
        })
    }

    /// Masks what others know to be secret in what services say, too, and lets them know the secrets of the addresses.
    #[must_use]
    pub fn sharing(mut self, masks: SharedMasks) -> Self {
        masks.borrow_mut().merge(&self.masks.borrow());
        self.masks = masks;
        self
    }
}

impl Prober for Probes {
    async fn sample(&self, expectation: ExpectationId, now: Moment) -> Sample {
        let request = self.requests[expectation.0].as_ref().expect("the engine asks Dokploy for what is Dokploy's");
        let called = Instant::now();
        self.pace.keep().await;
        let turn = self.turns.take(expectation.0, &request.question, self.timeout).await;
        if self.asking.connect_to.pretends {
            instant::after_changes().await;
        }
        let (asked, slept) = (Instant::now(), asleep());
        let mut outcome = match &turn {
            Ok(_turn) => probe::ask(request, &self.asking, request.limit(self.timeout)).await,
            Err(why) => Outcome::CouldNotAsk((*why).to_owned()),
        };
        if asked.elapsed() > request.limit(self.timeout) + LATE || asleep().saturating_sub(slept) > LATE {
            // Stopped, or asleep: that the answer is late says nothing of the service.
            outcome = Outcome::CouldNotAsk("nobody was at work here while it was asked".to_owned());
        }
        if let (true, Some((host, _))) = (outcome.is_answer(), request.question.address()) {
            let mut heard = self.heard.get();
            heard.count(is_loopback(host));
            self.heard.set(heard);
        }
        probe::judge_masked(request, &self.masks.borrow(), &outcome, now + called.elapsed(), asked.elapsed())
    }
    fn heard(&self) -> Option<Heard> {
        Some(self.heard.get())
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
