//! A run from its first event to its exit code.

use super::{Connection, Job, Stopped};
use crate::cli::answering::Answering;
use crate::cli::notices::{self, Notices};
use crate::cli::resume::Taken;
use crate::cli::variables::no_authority;
use crate::cli::{build_log, past, reports, watch};
use crate::dokploy::Session;
use crate::drive::{self, Clock, Dokploy, Driven, HttpTransport, Locks, Masking, Outside, Report, SharedMasks, Signals, Sources};
use crate::engine::{Ending, Engine, Event, ExitCode, Moment, NotResumable, Options, Origin, Outline, Reason};
use crate::notify::{Mail, Post, Teller};
use crate::report::{Format, Reporter};
use crate::scenario::Signs;
use crate::store::{Place, Store};
use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

impl Job<'_> {
    #[expect(clippy::too_many_arguments, reason = "everything outside that differs between Dokploy and the sandbox, each used once")]
    pub(super) async fn roll_out<S: Sources + 'static, C: Clock + 'static, L: Locks + 'static>(
        self,
        connection: Connection<S>,
        clock: C,
        people: Answering,
        locks: L,
        reporter: Rc<RefCell<Reporter>>,
        store: Store,
        taken: Option<Taken>,
    ) -> Result<u8, Stopped> {
        let clock = Rc::new(clock);
        let (address, is_near) = (connection.url.to_string(), connection.url.is_loopback());
        let dokploy = if self.args.sandbox { String::new() } else { address.clone() };
        let mut transport = HttpTransport::new(connection.url, &connection.key).map_err(|why| self.stop(1, &why, ""))?;
        if let Some((pem, span)) = &connection.authority {
            transport = transport.trusting(pem).map_err(|why| self.refuse(vec![no_authority(&why, *span)]))?;
        }
        let verified_before = if self.args.sandbox { Vec::new() } else { past::verified_before(store.folder(), &dokploy) };
        let (plan_digest, lines) = (self.plan_digest.clone(), self.lines.clone());
        let origin = Origin { plan_digest, dokploy, lines, ..reporter.borrow().setting().origin() };
        let options = Options { origin, verified_before, ..self.options.clone() };
        let run = taken.as_ref().map_or_else(|| self.options.run.clone(), |taken| taken.id.clone());
        let place = Place { folder: store.run_folder(&run), run, in_sandbox: self.args.sandbox };
        let mut teller = Teller::new(Outline::new(&self.schedule));
        if let Some(taken) = &taken {
            teller.recall(&taken.past);
        }
        let schedule = Arc::new(self.schedule.clone());
        let (engine, mut record) = match taken {
            None => {
                let record = store.begin(&options.run).map_err(|error| self.stop(9, &error.to_string(), "nothing was changed"))?;
                (Engine::new(schedule, options), record)
            }
            Some(taken) => {
                let engine = Engine::resume(&schedule, options, &taken.past, taken.baseline, taken.gap);
                let not = |why: NotResumable| {
                    self.stop(why.exit_code().0, &format!("run {} cannot be resumed: {why}", taken.id), "nothing was changed")
                };
                (engine.map_err(not)?, taken.record)
            }
        };
        // Before anything is asked for: a signal must find somebody who listens.
        let mut signals = Signals::listen().map_err(|error| self.stop(1, &format!("signals cannot be listened to: {error}"), ""))?;
        let masks = SharedMasks::default();
        let probes = connection.probes.sharing(Rc::clone(&masks));
        let mut secrets = connection.masks;
        secrets.merge(&masks.borrow());
        let session = Session::new(connection.target, secrets).jittered_by(&self.options.run);
        let platform = Dokploy::new(session, transport, Rc::clone(&clock), connection.sources).sharing(Rc::clone(&masks));
        let platform = Rc::new(platform);
        let after = watch::Outside { platform: Rc::clone(&platform), prober: Rc::new(probes), clock: Rc::clone(&clock), is_near };
        let told_after = (connection.notices.clone(), Rc::clone(&masks));
        let outside = Outside {
            platform: Rc::clone(&platform),
            prober: Rc::clone(&after.prober),
            clock: Rc::clone(&clock),
            people: Rc::new(people),
            locks: Rc::new(locks),
        };
        let post = connection.notices.post(teller, Rc::clone(&masks), Rc::clone(&reporter));
        let mut record = Masking::new(&mut record, masks);
        let witness = self.scenario.as_ref().map(|(_, signs)| Rc::clone(signs));
        let mut telling = Telling { reporter: Rc::clone(&reporter), post: post.clone(), witness };
        let mut sending = pin!(notices::work(post.as_deref()));
        let watching = Box::pin(build_log::follow(&reporter, &*platform, &*clock));
        let ticking = tick(&reporter, &*clock, self.args.sandbox);
        let driven = tokio::select! {
            driven = drive::run(engine, outside, &mut record, &mut telling, &mut signals) => driven,
            () = ticking => unreachable!("ticking never ends"),
            () = watching => unreachable!("there may always be another build"),
            () = &mut sending => unreachable!("there may always be more to send"),
        };
        match driven {
            Driven::Ended(ending, signal) => {
                let mut code = ending.exit_code();
                if let (130, Some(signal)) = (code.0, signal) {
                    code = signal.exit_code();
                }
                if matches!(ending.reason, Reason::CouldNotAsk { .. }) && !self.args.sandbox {
                    reporter.borrow_mut().note(&format!("Dokploy was asked at {address}"));
                }
                if let Some(post) = &post {
                    notices::finish(post, sending, signal.is_some(), &mut signals, &reporter).await;
                }
                let is_watched = self.args.watch && code.0 == 0;
                if self.back.is_none() && !is_watched {
                    notices::no_watch(&self.schedule, code, &reporter);
                }
                self.leave_reports(&place, Some((&ending, code)), &reporter);
                reporter.borrow_mut().finish(&ending, code);
                if !is_watched {
                    return Ok(code.0);
                }
                let label = reporter.borrow().setting().label();
                let setup = self.watch(place.run.clone(), address, label, told_after);
                Ok(Box::pin(watch::keep(setup, after, &self.args.display, &mut signals)).await)
            }
            Driven::Left(signal) => {
                reporter.borrow_mut().note("left at once; the journal says how far it came");
                self.leave_reports(&place, None, &reporter);
                Ok(signal.exit_code().0)
            }
        }
    }

    /// Leaves the reports that were asked for. One that cannot be written is told; the run ended as it did all the same.
    fn leave_reports(&self, place: &Place, ended: Option<(&Ending, ExitCode)>, reporter: &RefCell<Reporter>) {
        let is_github = self.format == Format::Github;
        reports::leave(&self.args.report, is_github, place, ended, &|text| reporter.borrow_mut().note(text));
    }

    /// The watch after a run that is verified.
    fn watch(&self, run: String, address: String, label: Option<String>, (notices, masks): (Notices, SharedMasks)) -> watch::Setup {
        let schedule = Arc::new(self.schedule.clone());
        let watch = schedule.watch.expect("without a `watch` in the plan `--watch` is refused");
        let (length, every, plan) = (Some(watch.length), watch.every, self.args.file.display().to_string());
        watch::Setup { schedule, length, every, plan, run, label, address, format: self.format, notices, masks }
    }
}

/// Hands the engine's events to the reporter, to those who are told, and to whoever judges a scenario.
struct Telling {
    reporter: Rc<RefCell<Reporter>>,
    post: Option<Rc<Post<Mail>>>,
    witness: Option<Rc<RefCell<Signs>>>,
}

impl Report for Telling {
    fn event(&mut self, now: Moment, event: &Event) {
        self.reporter.borrow_mut().event(now, event);
        if let Some(post) = &self.post {
            post.event(now, event);
        }
        if let Some(witness) = &self.witness {
            witness.borrow_mut().tell(now, event);
        }
    }
}

/// Lets the reporter know that time goes on: ten times a second, in the sandbox once a second of its own time.
async fn tick(reporter: &RefCell<Reporter>, clock: &impl Clock, in_sandbox: bool) {
    let every = if in_sandbox { Duration::from_secs(1) } else { Duration::from_millis(100) };
    loop {
        clock.sleep_until(clock.now() + every).await;
        reporter.borrow_mut().tick(clock.now());
    }
}
