//! Asks what a [`Checkup`] asks, round by round, until it is over.

use super::in_flight::{Answers, InFlight};
use super::{Clock, Platform, Prober};
use crate::engine::{Checkup, Effect, Input};
use std::rc::Rc;
use tokio::task::LocalSet;

/// Drives a checkup to its end. `told` hears after each round how it stands. Without a platform no container is looked at, and the
/// checkup's scope must say so.
///
/// # Panics
/// When containers are asked for without a platform: a bug of `plan`.
pub async fn check_up<P, Q, C>(checkup: &mut Checkup, platform: Option<Rc<P>>, prober: Rc<Q>, clock: Rc<C>, told: &mut dyn FnMut(&Checkup))
where
    P: Platform + 'static,
    Q: Prober + 'static,
    C: Clock + 'static,
{
    LocalSet::new()
        .run_until(async {
            let mut in_flight = InFlight::new(clock.is_virtual());
            loop {
                for effect in checkup.begin_round(clock.now()) {
                    start(&mut in_flight, effect, platform.as_ref(), &prober, &clock);
                }
                while checkup.is_asking() {
                    tokio::select! {
                        biased;
                        () = in_flight.answered() => {}
                        () = clock.sleep_until(checkup.next_wake()) => {
                            checkup.take(clock.now(), Input::Woke);
                        }
                    }
                    for input in in_flight.drain().await {
                        for effect in checkup.take(clock.now(), input) {
                            start(&mut in_flight, effect, platform.as_ref(), &prober, &clock);
                        }
                    }
                }
                told(checkup);
                if checkup.is_over() {
                    return;
                }
                clock.sleep_until(checkup.next_wake()).await;
            }
        })
        .await;
}

fn start<P, Q, C>(in_flight: &mut InFlight, effect: Effect, platform: Option<&Rc<P>>, prober: &Rc<Q>, clock: &Rc<C>)
where
    P: Platform + 'static,
    Q: Prober + 'static,
    C: Clock + 'static,
{
    let answers: Answers = in_flight.answers();
    match effect {
        Effect::Platform { op, intent } => {
            let platform = Rc::clone(platform.expect("containers are only looked at where there is a platform"));
            in_flight.start(op, async move { answers.tell(op, Input::Answered(op, platform.carry_out(intent, &mut |_| {}).await)) });
        }
        Effect::Sample { op, expectation } => {
            let (prober, now) = (Rc::clone(prober), clock.now());
            in_flight.start(op, async move { answers.tell(op, Input::Sampled(op, prober.sample(expectation, now).await)) });
        }
        // A checkup asks for nothing else.
        _ => {}
    }
}
