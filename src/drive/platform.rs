//! Dokploy as the engine's platform: runs the protocol's procedures over a transport, and asks git for what is git's.

use super::{Clock, Limits, Platform, SharedMasks, Sources, Transport, instant, resolve};
use crate::dokploy::{Call, Next, Reply, Session};
use crate::engine::{Answer, Intent};
use crate::wire::{self, TimeLimits};
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

/// One conversation with one Dokploy.
#[derive(Debug)]
pub struct Dokploy<T, C, S> {
    transport: T,
    clock: Rc<C>,
    sources: S,
    session: RefCell<Session>,
    masks: SharedMasks,
}

impl<T: Transport, C: Clock, S: Sources> Dokploy<T, C, S> {
    /// A conversation that has not begun.
    pub fn new(session: Session, transport: T, clock: Rc<C>, sources: S) -> Self {
        Self { transport, clock, sources, session: RefCell::new(session), masks: SharedMasks::default() }
    }

    /// Lets others know what must not be shown, as soon as it is known.
    #[must_use]
    pub fn sharing(mut self, masks: SharedMasks) -> Self {
        masks.borrow_mut().merge(self.session.borrow().masks());
        self.masks = masks;
        self
    }

    async fn send(&self, call: Call, remote: bool) -> Reply {
        let limits = wire::limits(&call, remote).into();
        self.let_others_go_first().await;
        match self.transport.send(wire::encode(&call), limits).await {
            Ok(response) => wire::decode(&call, &response),
            Err(error) if error.may_have_left => Reply::Lost(error.message),
            Err(error) => Reply::NotSent(error.message),
        }
    }

    async fn let_others_go_first(&self) {
        if self.clock.is_virtual() {
            instant::after_changes().await;
        }
    }

    async fn resolve(&self, references: &[(String, String)]) -> Answer {
        self.let_others_go_first().await;
        match resolve(&self.sources, references).await {
            Answer::Failed(mut failure) => {
                failure.message = self.session.borrow().masks().apply(&failure.message);
                Answer::Failed(failure)
            }
            answer => answer,
        }
    }
}

impl<T: Transport, C: Clock, S: Sources> Platform for Dokploy<T, C, S> {
    async fn carry_out(&self, intent: Intent, progress: &mut dyn FnMut(Answer)) -> Answer {
        if let Intent::Resolve(references) = &intent {
            return self.resolve(references).await;
        }
        let (procedure, remote) = {
            let session = self.session.borrow();
            (session.begin(&intent), session.is_remote())
        };
        let mut procedure = procedure.expect("only `Resolve` has no procedure");
        let mut replies = Vec::new();
        loop {
            let turn = procedure.turn(self.clock.now(), std::mem::take(&mut replies));
            turn.progress.into_iter().map(Answer::Progress).for_each(&mut *progress);
            match turn.next {
                Next::Calls(calls) => replies = all(calls.into_iter().map(|call| self.send(call, remote))).await,
                Next::Wait(until) => self.clock.sleep_until(until).await,
                Next::Done(answer) => {
                    let mut session = self.session.borrow_mut();
                    session.learn(&procedure);
                    self.masks.borrow_mut().merge(session.masks());
                    return answer;
                }
            }
        }
    }
}

impl From<TimeLimits> for Limits {
    fn from(limits: TimeLimits) -> Self {
        Self { connect: limits.connect, answer: limits.answer }
    }
}

/// Waits for a few futures at once and gives their outputs in order.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<Result<F::Output, Pin<Box<F>>>> = futures.map(|future| Err(Box::pin(future))).collect();
    let waiting = poll_fn(|context| {
        let mut ready = true;
        for slot in &mut pending {
            if let Err(future) = slot {
                match pin!(future).poll(context) {
                    Poll::Ready(output) => *slot = Ok(output),
                    Poll::Pending => ready = false,
                }
            }
        }
        if ready { Poll::Ready(()) } else { Poll::Pending }
    });
    waiting.await;
    pending.into_iter().filter_map(Result::ok).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dokploy::{Masks, Target};
    use crate::drive::{PacedClock, Speed, TransportError};
    use crate::engine::{Failure, FailureKind};
    use crate::wire::{HttpRequest, HttpResponse};
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    /// Answers every request alike.
    struct Always(Result<HttpResponse, TransportError>);

    impl Transport for Always {
        async fn send(&self, _: HttpRequest, limits: Limits) -> Result<HttpResponse, TransportError> {
            assert!(limits.connect < limits.answer);
            self.0.clone()
        }
    }

    /// A repository that tells a secret.
    struct Telling;

    impl Sources for Telling {
        async fn commit(&self, _: &str, _: &str) -> Result<String, Failure> {
            let message = "token hunter2 is not accepted".into();
            Err(Failure { kind: FailureKind::Unreachable, message, may_have_acted: false, tried_for: Duration::ZERO })
        }
    }

    fn dokploy(answer: Result<HttpResponse, TransportError>) -> Dokploy<Always, PacedClock, Telling> {
        let name = || "backend".to_owned();
        let mut masks = Masks::default();
        masks.add_secret("hunter2");
        let session = Session::new(Target { project: name(), environment: name(), compose: name() }, masks);
        Dokploy::new(session, Always(answer), Rc::new(PacedClock::start(Speed::Max)), Telling)
    }

    fn broken(may_have_left: bool) -> Result<HttpResponse, TransportError> {
        Err(TransportError { may_have_left, message: "no connection: connection refused".into() })
    }

    async fn survey(answer: Result<HttpResponse, TransportError>) -> Failure {
        match dokploy(answer).carry_out(Intent::Survey, &mut |_| panic!("a survey has no progress")).await {
            Answer::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_reached_is_tried_for_a_while_and_then_told() {
        let failure = survey(broken(false)).await;
        assert_eq!(failure.kind, FailureKind::Unreachable);
        assert!(failure.tried_for >= Duration::from_secs(1), "{failure:?}");
        assert!(failure.message.contains("connection refused"), "{failure:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_dokploy_is_told() {
        let page = HttpResponse { status: 200, content_type: Some("text/html".into()), body: b"<html>".into() };
        assert_eq!(survey(Ok(page)).await.kind, FailureKind::NotDokploy);
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_surely_did_not_leave_was_not_sent() {
        let stop = || Call::Stop { compose: "c".into() };
        assert!(matches!(dokploy(broken(false)).send(stop(), false).await, Reply::NotSent(_)));
        assert!(matches!(dokploy(broken(true)).send(stop(), false).await, Reply::Lost(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_in_git_s_complaint_is_masked() {
        let references = vec![("https://git.example/shop.git".into(), "main".into())];
        let answer = dokploy(broken(false)).carry_out(Intent::Resolve(references), &mut |_| {}).await;
        assert!(matches!(&answer, Answer::Failed(failure) if failure.message == "token [secret] is not accepted"), "{answer:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_of_a_turn_are_under_way_together_and_answered_in_order() {
        let began = Instant::now();
        let slow = |seconds| async move {
            sleep(Duration::from_secs(seconds)).await;
            seconds
        };
        assert_eq!(all([3, 1, 2].into_iter().map(slow)).await, [3, 1, 2]);
        assert!(began.elapsed() < Duration::from_millis(3100));
    }
}
