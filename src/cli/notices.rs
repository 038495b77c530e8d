//! Notices of a run: made ready before it begins, sent beside it, waited for a little at its end.

use crate::dokploy::Masks;
use crate::drive::{Interrupts, SharedMasks};
use crate::engine::ExitCode;
use crate::model::{Variables, duration};
use crate::notify::{Lost, Mail, Post, Recipient, Tally, Teller, prepare};
use crate::probe::{Asking, PrepareError};
use crate::report::Reporter;
use crate::schedule::Schedule;
use std::cell::RefCell;
use std::future::{Future, pending};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// How long notices are waited for when the run has ended.
const LAST: Duration = Duration::from_secs(5);

/// The same after a signal: CI kills what is still there a few seconds later.
const LAST_AFTER_SIGNAL: Duration = Duration::from_secs(1);

/// Who is told of a run.
#[derive(Clone)]
pub(super) struct Notices {
    recipients: Vec<Recipient>,
    asking: Asking,
}

impl Notices {
    /// Nobody.
    pub(super) fn none() -> Self {
        Self { recipients: Vec::new(), asking: Asking::default() }
    }

    /// Those that the plan names.
    pub(super) fn prepare(schedule: &Schedule, variables: &dyn Variables, asking: Asking) -> Result<Self, Vec<PrepareError>> {
        Ok(Self { recipients: prepare(&schedule.told, variables)?, asking })
    }

    /// Their own secrets.
    pub(super) fn masks(&self) -> Masks {
        let mut masks = Masks::default();
        self.recipients.iter().for_each(|recipient| masks.merge(recipient.masks()));
        masks
    }

    /// Their post; `None` when there is nobody to be told.
    pub(super) fn post(self, teller: Teller, masks: SharedMasks, reporter: Rc<RefCell<Reporter>>) -> Option<Rc<Post<Mail>>> {
        self.post_to(teller, masks, move |lost: &Lost| {
            let about: Vec<&str> = lost.about.iter().map(|event| event.as_str()).collect();
            reporter.borrow_mut().notice_lost(&lost.to, &about, &lost.why);
        })
    }

    /// The same; `on_lost` hears what was not delivered.
    pub(super) fn post_to(self, teller: Teller, masks: SharedMasks, on_lost: impl Fn(&Lost) + 'static) -> Option<Rc<Post<Mail>>> {
        if self.recipients.is_empty() {
            return None;
        }
        let mail = Mail::new(self.recipients.clone(), self.asking);
        Some(Rc::new(Post::new(mail, self.recipients, teller, masks, on_lost)))
    }
}

/// Sends for as long as it is asked to.
pub(super) async fn work(post: Option<&Post<Mail>>) {
    match post {
        Some(post) => post.work().await,
        None => pending().await,
    }
}

/// Waits a little for what is still to be sent; a signal ends that.
pub(super) async fn finish(
    post: &Post<Mail>,
    sending: Pin<&mut impl Future<Output = ()>>,
    after_signal: bool,
    signals: &mut impl Interrupts,
    reporter: &RefCell<Reporter>,
) {
    let limit = if after_signal { LAST_AFTER_SIGNAL } else { LAST };
    let sent = async {
        tokio::select! {
            () = sending => {}
            _ = signals.next() => {}
        }
    };
    let Tally { delivered, lost } = post.finish(sent, limit).await;
    reporter.borrow_mut().notices_sent(delivered, lost);
}

/// Says that nobody is told of what happens in the sandbox, where the plan has somebody told.
pub(super) fn not_in_sandbox(schedule: &Schedule, reporter: &RefCell<Reporter>) {
    if !schedule.told.is_empty() {
        reporter.borrow_mut().note("notices are not sent in the sandbox");
    }
}

/// Says at the end of a run that went well how the plan's watch begins, which was not asked for.
pub(super) fn no_watch(schedule: &Schedule, code: ExitCode, reporter: &RefCell<Reporter>) {
    if let Some(watch) = schedule.watch.filter(|_| code.0 == 0) {
        let (length, every) = (duration(watch.length), duration(watch.every));
        reporter
            .borrow_mut()
            .note(&format!("`plan watch` asks on for {length} every {every}, as the plan says; `plan run --watch` begins it by itself"));
    }
}
