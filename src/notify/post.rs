//! The post: a short queue for each recipient, worked off beside the run and never waited for by it.
//!
//! A notice is tried three times, 5 s each, half a second and then two seconds apart. One recipient never holds up another. When the run
//! has ended, what is still waiting gets what time is given it, and is then told as lost.

use super::notice::Notice;
use super::recipient::Recipient;
use super::teller::Teller;
use crate::drive::{Report, SharedMasks};
use crate::engine::{Event, Moment};
use crate::model::NoticeEvent;
use crate::probe::safe;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// How long one try may take.
const TRY: Duration = Duration::from_secs(5);

/// How long is waited after a try that failed; one try more than these.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Notices that wait for one recipient. Of more than these the oldest gives way: what comes later says more.
const WAITING: usize = 64;

/// Characters of one text that are sent.
const SENT: usize = 600;

/// Sends one notice to one recipient, once.
#[expect(async_fn_in_trait, reason = "one current-thread runtime; nothing here needs Send")]
pub trait Carry {
    /// Sends, and takes no longer than `limit`.
    ///
    /// # Errors
    /// When it was not taken.
    async fn carry(&self, recipient: usize, body: &str, limit: Duration) -> Result<(), Undelivered>;
}

/// Why a notice was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Why, without address or secret.
    pub why: String,
    /// Whether another try would be no use.
    pub is_final: bool,
}

/// Notices that one recipient did not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Who, for people.
    pub to: String,
    /// What they were about, oldest first.
    pub about: Vec<NoticeEvent>,
    /// Why.
    pub why: String,
}

/// How many notices got where they should, counted by recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken.
    pub delivered: usize,
    /// Not.
    pub lost: usize,
}

/// Takes a run's events and sends what is to be told of them.
pub struct Post<C> {
    carrier: C,
    teller: RefCell<Teller>,
    boxes: Vec<Letterbox>,
    masks: SharedMasks,
    tally: Cell<Tally>,
    closing: Cell<bool>,
    on_lost: Box<dyn Fn(&Lost)>,
}

impl<C> fmt::Debug for Post<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post").field("tally", &self.tally).finish_non_exhaustive()
    }
}

/// What waits for one recipient; the first is under way.
struct Letterbox {
    recipient: Recipient,
    waiting: RefCell<VecDeque<Letter>>,
    changed: Notify,
}

struct Letter {
    event: NoticeEvent,
    body: String,
    /// What the last try said.
    why: Option<String>,
}

impl<C: Carry> Post<C> {
    /// A post for these, whose numbers `carrier` knows. What is told goes through `masks`; `on_lost` hears what was not delivered.
    pub fn new(carrier: C, recipients: Vec<Recipient>, teller: Teller, masks: SharedMasks, on_lost: impl Fn(&Lost) + 'static) -> Self {
        let boxes =
            recipients.into_iter().map(|recipient| Letterbox { recipient, waiting: RefCell::default(), changed: Notify::new() }).collect();
        let (tally, closing) = (Cell::default(), Cell::new(false));
        Self { carrier, teller: RefCell::new(teller), boxes, masks, tally, closing, on_lost: Box::new(on_lost) }
    }

    /// Takes an event of a run. Never waits.
    pub fn event(&self, now: Moment, event: &Event) {
        let told = self.teller.borrow_mut().hear(now, event);
        if let Some(notice) = told {
            self.tell(notice);
        }
    }

    /// Takes a notice. Never waits.
    pub fn tell(&self, notice: Notice) {
        let notice = self.made_fit(notice);
        for own in self.boxes.iter().filter(|own| notice.concerns(&own.recipient.about)) {
            let mut waiting = own.waiting.borrow_mut();
            // The first is under way.
            let dropped = if waiting.len() == WAITING { waiting.remove(1) } else { None };
            waiting.push_back(Letter { event: notice.event, body: own.recipient.shape.body(&notice), why: None });
            drop(waiting);
            if let Some(dropped) = dropped {
                self.lose(own, &[dropped], "too many were waiting");
            }
            own.changed.notify_one();
        }
    }

    /// Without secrets, and nothing in it that a terminal would obey.
    fn made_fit(&self, notice: Notice) -> Notice {
        let masks = self.masks.borrow();
        notice.map(|text| safe(&masks.apply(text), SENT))
    }

    /// Sends what there is, and waits for more: ends only after [`Post::finish`] was called.
    pub async fn work(&self) {
        let mut workers: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> =
            self.boxes.iter().enumerate().map(|(at, own)| Box::pin(self.work_off(at, own)) as Pin<Box<dyn Future<Output = ()>>>).collect();
        poll_fn(|context| {
            workers.retain_mut(|worker| worker.as_mut().poll(context).is_pending());
            if workers.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The run has ended: works on for at most `limit`, `working` being what [`Post::work`] gave. What is left then is told as lost.
    pub async fn finish(&self, working: impl Future<Output = ()>, limit: Duration) -> Tally {
        self.closing.set(true);
        self.boxes.iter().for_each(|own| own.changed.notify_one());
        let _ = timeout(limit, pin!(working)).await;
        for own in &self.boxes {
            let left: Vec<Letter> = own.waiting.borrow_mut().drain(..).collect();
            let why = left
                .first()
                .and_then(|first| first.why.as_ref())
                .map_or("no time was left".to_owned(), |why| format!("{why}, and no time was left"));
            self.lose(own, &left, &why);
        }
        self.tally.get()
    }

    async fn work_off(&self, at: usize, own: &Letterbox) {
        loop {
            let body = own.waiting.borrow().front().map(|letter| letter.body.clone());
            let Some(body) = body else {
                if self.closing.get() {
                    return;
                }
                own.changed.notified().await;
                continue;
            };
            let sent = self.send(at, own, &body).await;
            let Some(letter) = own.waiting.borrow_mut().pop_front() else { continue };
            match sent {
                Ok(()) => {
                    let tally = self.tally.get();
                    self.tally.set(Tally { delivered: tally.delivered + 1, ..tally });
                }
                Err(why) => self.lose(own, &[letter], &why),
            }
        }
    }

    async fn send(&self, at: usize, own: &Letterbox, body: &str) -> Result<(), String> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let answer = timeout(TRY, self.carrier.carry(at, body, TRY)).await;
            let late = || Undelivered { why: format!("no answer within {} s", TRY.as_secs()), is_final: false };
            let Err(undelivered) = answer.unwrap_or_else(|_| Err(late())) else { return Ok(()) };
            let pause = pauses.next().filter(|_| !undelivered.is_final);
            let Some(pause) = pause else {
                let tries = if undelivered.is_final { String::new() } else { format!(", {} times", PAUSES.len() + 1) };
                return Err(format!("{}{tries}", undelivered.why));
            };
            if let Some(letter) = own.waiting.borrow_mut().front_mut() {
                letter.why = Some(undelivered.why);
            }
            sleep(pause).await;
        }
    }

    fn lose(&self, own: &Letterbox, letters: &[Letter], why: &str) {
        if letters.is_empty() {
            return;
        }
        let tally = self.tally.get();
        self.tally.set(Tally { lost: tally.lost + letters.len(), ..tally });
        let why = self.masks.borrow().apply(why);
        (self.on_lost)(&Lost { to: own.recipient.label.clone(), about: letters.iter().map(|letter| letter.event).collect(), why });
    }
}

impl<C: Carry> Report for &Post<C> {
    fn event(&mut self, now: Moment, event: &Event) {
        Post::event(self, now, event);
    }
}
