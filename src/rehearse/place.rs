//! A plan made ready to be rehearsed: what does not change from path to path.

use crate::dokploy::{Masks, Session, Target};
use crate::engine::Options;
use crate::model::{Text, Variables};
use crate::probe::{self, PrepareError, Request};
use crate::schedule::{ExpectationId, Schedule};
use crate::source::Spanned;
use std::sync::Arc;

/// What does not change while a plan is rehearsed.
#[derive(Clone, Debug)]
pub struct Place {
    pub(super) schedule: Arc<Schedule>,
    requests: Vec<Option<Request>>,
    target: Target,
    pub(super) key: String,
    masks: Masks,
    pub(super) options: Options,
    has_whole_gaps: bool,
}

impl Place {
    /// Makes a plan ready to be rehearsed.
    ///
    /// # Errors
    /// Every variable that is not set and every address that cannot be used.
    pub fn prepare(schedule: &Arc<Schedule>, variables: &dyn Variables, key: &str, options: Options) -> Result<Self, Vec<PrepareError>> {
        let (mut requests, mut errors) = (Vec::new(), Vec::new());
        for expectation in &schedule.expectations {
            match probe::prepare(&expectation.probe, variables) {
                Ok(request) => requests.push(request),
                Err(error) => errors.push(error),
            }
        }
        let app = &schedule.app;
        let mut name = |text: &Spanned<Text>| match text.value.resolve(variables) {
            Ok(resolved) => resolved.value,
            Err(unset) => {
                errors.push(PrepareError::Unset { unset, span: text.span });
                String::new()
            }
        };
        let target = Target { project: name(&app.project), environment: name(&app.environment), compose: name(&app.compose) };
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut masks = Masks::default();
        masks.add_secret(key);
        Ok(Self { schedule: Arc::clone(schedule), requests, target, key: key.to_owned(), masks, options, has_whole_gaps: false })
    }

    /// The same without jitter: gaps between repetitions are whole, which is the longest that they can be, and whether a call is made a
    /// moment sooner or later shortens none.
    #[must_use]
    pub fn with_whole_gaps(self) -> Self {
        Self { has_whole_gaps: true, ..self }
    }

    /// What is asked for an expectation that Dokploy does not answer.
    pub(super) fn request(&self, expectation: ExpectationId) -> &Request {
        self.requests[expectation.0].as_ref().expect("the engine asks Dokploy for what is Dokploy's")
    }

    /// A conversation that has not begun.
    pub(super) fn session(&self, run: &str) -> Session {
        let session = Session::new(self.target.clone(), self.masks.clone()).flawed_by(self.options.flaw);
        if self.has_whole_gaps { session } else { session.jittered_by(run) }
    }

    /// The plan.
    pub fn schedule(&self) -> &Arc<Schedule> {
        &self.schedule
    }
}
