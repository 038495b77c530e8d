//! Replacing, deploying and reading logs, with a Dokploy that answers as it likes and with somebody else at work beside us. What the client
//! says in the end is held against what was done: that is written down as it happens, and nothing of the client's is asked for it.

use crate::play::{Played, answered, compose_with, lost, not_sent, play, server_error, surveyed, surveyed_remote};
use crate::support::dice::Dice;
use rollout_plan::dokploy::{Body, Call, Refusal, Reply};
use rollout_plan::engine::{Answer, ContainerId, DeployEnd, DeployProgress, DeploymentId, Intent, Log, Moment, RowStatus};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const DRAWN: u64 = 1500;
const OLD: &str = "services:\n  web:\n    image: app:v1\n";
const NEW: &str = "services:\n  web:\n    image: app:v2\n";
const OTHERS: &str = "services:\n  web:\n    image: app:v3\n";
const US: &str = "ml7I_tvF8zsmmM-iEVIQ8";
const MARKER: &str = "plan run=us phase=one try=1";
/// So often a change is sent.
const ATTEMPTS: usize = 3;

/// Two texts that Dokploy would call the same are one.
fn is(text: &str, other: &str) -> bool {
    text.lines().map(str::trim_end).eq(other.lines().map(str::trim_end))
}

/// A deploy that Dokploy took.
#[derive(Clone, Debug)]
struct Deploy {
    title: String,
    starts: Moment,
    ends: Moment,
    status: &'static str,
    error: Option<&'static str>,
    /// The text that was live when it started.
    text: Option<String>,
}

/// A Dokploy that answers as it likes.
struct Moody {
    dice: Dice,
    /// Of so many answers one is none; 0 for never.
    trouble: usize,
    live: String,
    /// What somebody else puts there, and when.
    foreign_text: Option<Moment>,
    /// When somebody else deploys.
    foreign_deploy: Option<Moment>,
    /// How long a deploy waits before it starts.
    waits: Duration,
    deploys: Vec<Deploy>,
    /// What we were shown last: the text, and titles of what waits or runs.
    shown_text: Option<String>,
    shown_jobs: Vec<String>,
    shown_running: Vec<String>,
    /// The text that we were shown first of all.
    first_shown: Option<String>,
    /// When something was sent, and whether it was done.
    sent: Vec<(Moment, bool)>,
}

impl Moody {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed | 1);
        (0..8).for_each(|_| _ = dice.roll(2));
        let at = |dice: &mut Dice, chance: usize| (dice.roll(chance) == 0).then(|| Moment::millis(dice.roll(12_000) as u64));
        let live = [OLD, OLD, OLD, NEW, OTHERS, "services:  \r\n  web:\r\n    image: app:v1\r\n"][dice.roll(6)].to_owned();
        Self {
            trouble: [0, 0, 8, 4, 2][dice.roll(5)],
            foreign_text: at(&mut dice, 5),
            foreign_deploy: at(&mut dice, 5),
            waits: Duration::from_millis(dice.roll(4000) as u64),
            live,
            deploys: Vec::new(),
            shown_text: None,
            shown_jobs: Vec::new(),
            shown_running: Vec::new(),
            first_shown: None,
            sent: Vec::new(),
            dice,
        }
    }

    fn takes(&mut self, title: &str, now: Moment) {
        // One after the other.
        let free = self.deploys.last().map_or(now, |last| last.ends.max(now));
        let starts = if self.deploys.iter().any(|other| other.ends > now) { free } else { now + self.waits };
        let ends = starts + Duration::from_millis(300 + self.dice.roll(9000) as u64);
        let (status, error) =
            [("done", None), ("done", Some("")), ("error", None), ("error", Some("no such builder")), ("cancelled", None)]
                [self.dice.roll(5)];
        self.deploys.push(Deploy { title: title.to_owned(), starts, ends, status, error, text: None });
    }

    /// What happens by itself until now.
    fn goes_on(&mut self, now: Moment) {
        let mut moments: Vec<Moment> = self.deploys.iter().filter(|one| one.text.is_none()).map(|one| one.starts).collect();
        moments.extend(self.foreign_text.into_iter().chain(self.foreign_deploy));
        moments.sort();
        for then in moments.into_iter().filter(|then| *then <= now) {
            if self.foreign_text.is_some_and(|at| at <= then) {
                (self.foreign_text, self.live) = (None, OTHERS.to_owned());
            }
            if self.foreign_deploy.is_some_and(|at| at <= then) {
                self.foreign_deploy = None;
                self.takes("somebody's", then);
            }
            for deploy in self.deploys.iter_mut().filter(|one| one.text.is_none() && one.starts <= then) {
                deploy.text = Some(self.live.clone());
            }
        }
    }

    fn rows(&self, now: Moment) -> Value {
        let begun = self.deploys.iter().enumerate().filter(|(_, one)| one.starts <= now);
        let rows = begun.rev().map(|(at, one)| {
            let status = if one.ends <= now { one.status } else { "running" };
            let error = one.error.filter(|_| one.ends <= now);
            json!({"deploymentId": format!("row-{at}"), "title": one.title, "status": status, "errorMessage": error, "logPath": format!("/log/{at}")})
        });
        rows.collect()
    }

    fn queue(&self, now: Moment) -> Value {
        let alive = self.deploys.iter().enumerate().filter(|(_, one)| one.ends > now);
        let jobs = alive.rev().map(|(at, one)| {
            let state = if one.starts <= now { "active" } else { "waiting" };
            json!({"data": {"composeId": US, "titleLog": one.title}, "timestamp": at, "state": state})
        });
        jobs.collect()
    }

    fn trouble(&mut self) -> Option<Reply> {
        if self.trouble == 0 || self.dice.roll(self.trouble) > 0 {
            return None;
        }
        Some([not_sent(), lost(), server_error("boom"), Reply::Refused(Refusal::TooMany)][self.dice.roll(4)].clone())
    }

    fn answer(&mut self, call: &Call, now: Moment) -> Reply {
        self.goes_on(now);
        match call {
            Call::UpdateText { text, .. } => {
                let text = text.clone();
                self.writes(now, |moody| moody.live.clone_from(&text), &compose_with(&text))
            }
            Call::Deploy { marker, .. } => {
                let taken = answered(json!({"success": true, "composeId": US}));
                self.writes(now, |moody| moody.takes(marker, now), &taken)
            }
            Call::Health => answered(json!("ok")),
            _ => match (self.trouble(), call) {
                (Some(trouble), _) => trouble,
                (None, Call::Compose { .. }) => {
                    self.shown_text = Some(self.live.clone());
                    self.first_shown.get_or_insert(self.live.clone());
                    compose_with(&self.live)
                }
                (None, Call::Queue) => {
                    self.shown_jobs = self.deploys.iter().filter(|one| one.ends > now).map(|one| one.title.clone()).collect();
                    answered(self.queue(now))
                }
                (None, Call::Deployments { .. }) => {
                    let running = self.deploys.iter().filter(|one| one.starts <= now && one.ends > now);
                    self.shown_running = running.map(|one| one.title.clone()).collect();
                    answered(self.rows(now))
                }
                (None, other) => panic!("{other:?} is not expected"),
            },
        }
    }

    /// A change: done or not, and told or not.
    fn writes(&mut self, now: Moment, mut change: impl FnMut(&mut Self), told: &Reply) -> Reply {
        let (is_done, reply) = match self.trouble() {
            None => (true, told.clone()),
            Some(reply @ (Reply::NotSent(_) | Reply::Refused(Refusal::TooMany))) => (false, reply),
            Some(reply) => (self.dice.roll(2) == 0, reply),
        };
        if is_done {
            change(self);
        }
        self.sent.push((now, is_done));
        reply
    }

    /// What waited or ran when we were shown last.
    fn busy(&self) -> Vec<&String> {
        self.shown_jobs.iter().chain(&self.shown_running).collect()
    }

    fn done(&self) -> usize {
        self.sent.iter().filter(|(_, is_done)| *is_done).count()
    }
}

/// Between two attempts more is waited each time, and before each the text that is there was seen to be the one that is expected.
fn is_sent_with_care(moody: &Moody, call: &Call, now: Moment, expected: &str) {
    if call.is_read() {
        return;
    }
    assert!(moody.sent.len() < ATTEMPTS, "sent for the fourth time");
    assert!(moody.shown_text.as_deref().is_some_and(|text| is(text, expected)), "another text was there: {:?}", moody.shown_text);
    assert_eq!(moody.busy(), [""; 0], "somebody deploys");
    if let Some((last, _)) = moody.sent.last() {
        assert!(now - *last >= Duration::from_secs(moody.sent.len() as u64), "attempt {} at {now:?}, after {last:?}", moody.sent.len() + 1);
    }
}

fn replaced(seed: u64) -> &'static str {
    let mut moody = Moody::new(seed);
    let intent = Intent::Replace { expected: OLD.to_owned(), text: NEW.to_owned() };
    let played = play(&mut surveyed(), &intent, |call, now| {
        is_sent_with_care(&moody, call, now, OLD);
        moody.answer(call, now)
    });
    let shown = moody.shown_text.clone().unwrap_or_default();
    if moody.first_shown.as_deref().is_some_and(|text| !is(text, OLD)) {
        assert_eq!(moody.sent, [], "what is there already is not sent, and what is somebody's is left alone");
    }
    match played.answer() {
        Answer::Replaced => {
            assert!(is(&shown, NEW), "it was seen to be there");
            "replaced"
        }
        Answer::TextChanged { live } => {
            assert!(*live == shown && !is(live, OLD) && !is(live, NEW), "{live}");
            "changed"
        }
        Answer::Deployed(DeployEnd::Busy { title }) => {
            assert!(moody.busy().contains(&title));
            "busy"
        }
        Answer::Failed(failure) => {
            assert!(moody.trouble > 0, "{failure:?}");
            assert!(failure.may_have_acted || moody.done() == 0, "it was done: {failure:?}");
            "failed"
        }
        other => panic!("{other:?}"),
    }
}

/// The deploy of ours that was taken, if one was.
fn ours(moody: &Moody) -> Option<(usize, &Deploy)> {
    let mut ours = moody.deploys.iter().enumerate().filter(|(_, one)| one.title == MARKER);
    let first = ours.next();
    assert!(ours.next().is_none(), "deployed twice");
    first
}

fn deployed(seed: u64) -> &'static str {
    let mut moody = Moody::new(seed);
    let intent = Intent::Deploy { expected: OLD.to_owned(), marker: MARKER.to_owned() };
    let played = play(&mut surveyed(), &intent, |call, now| {
        is_sent_with_care(&moody, call, now, OLD);
        moody.answer(call, now)
    });
    let ours = ours(&moody);
    let is_told = |wanted: fn(&DeployProgress) -> bool| played.progress.iter().filter(|one| wanted(one)).count();
    match played.answer() {
        Answer::Deployed(DeployEnd::Finished { deployment, status, error }) => {
            let (at, deploy) = ours.expect("it was taken");
            assert_eq!(deployment.0, format!("row-{at}"));
            let ended = match deploy.status {
                "done" => RowStatus::Done,
                "error" => RowStatus::Error,
                _ => RowStatus::Cancelled,
            };
            assert_eq!((*status, error.as_deref()), (ended, deploy.error.filter(|error| !error.is_empty())));
            assert!(is(deploy.text.as_deref().unwrap(), OLD), "it deployed another text");
            assert!(played.ended > deploy.ends, "told before it was over");
            if moody.trouble == 0 {
                let late = played.ended - deploy.ends;
                assert!(late < Duration::from_millis(2100), "told {late:?} after it was over");
            }
            // Told again once Dokploy answers again.
            let (started, silent) = (
                is_told(|one| matches!(one, DeployProgress::Started { .. })),
                is_told(|one| matches!(one, DeployProgress::Unreachable { .. })),
            );
            assert!(started > 0 && started <= 1 + silent, "{:?}", played.progress);
            "finished"
        }
        Answer::Deployed(DeployEnd::Busy { title }) => {
            assert!(moody.busy().contains(&title) && title != MARKER);
            "busy"
        }
        Answer::Deployed(DeployEnd::Overtaken { title }) => {
            assert!(title == "somebody's" && moody.foreign_deploy.is_none());
            "overtaken"
        }
        Answer::TextChanged { live } => {
            assert!(!is(live, OLD), "{live}");
            "changed"
        }
        Answer::Deployed(DeployEnd::NeverStarted { .. }) => {
            assert!(ours.is_none());
            "never started"
        }
        Answer::Failed(failure) => {
            assert!(moody.trouble > 0, "{failure:?}");
            assert!(failure.may_have_acted || ours.is_none(), "it was done: {failure:?}");
            "failed"
        }
        other => panic!("{other:?}"),
    }
}

fn comes_to(end: fn(u64) -> &'static str, all: &[&str]) {
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 1..=DRAWN {
        let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let came = std::panic::catch_unwind(|| end(seed));
        *ends.entry(came.unwrap_or_else(|_| panic!("with seed {seed:#x}"))).or_default() += 1;
    }
    assert!(ends.keys().eq(all) && ends.values().all(|times| *times > 3), "{ends:?}");
}

#[test]
fn a_text_is_replaced_or_it_is_said_why_not() {
    comes_to(replaced, &["busy", "changed", "failed", "replaced"]);
}

#[test]
fn a_deploy_is_asked_for_once_and_told_as_it_ended() {
    comes_to(deployed, &["busy", "changed", "failed", "finished", "never started", "overtaken"]);
}

/// Logs of so many lines, of which Dokploy gives no more at once than it can.
struct Written {
    service: String,
    lines: usize,
    /// More than so many lines are too much for it.
    most: u32,
    kind: usize,
}

impl Written {
    fn draw(dice: &mut Dice) -> Self {
        let (most, lines) = ([u32::MAX, u32::MAX, 100, 30, 5][dice.roll(5)], [0, 1, 19, 20, 70, 400][dice.roll(6)]);
        Self { service: ["web", "worker", "db"][dice.roll(3)].to_owned(), lines, most, kind: dice.roll(8) }
    }

    fn answer(&self, asked: u32) -> Reply {
        let last = self.lines.saturating_sub(asked as usize)..self.lines;
        match self.kind {
            0 => answered(json!("Error response from daemon: No such container: abc")),
            1 => Reply::Answered(Body::Empty),
            2 => Reply::Refused(Refusal::NotFound("no such compose".to_owned())),
            _ if asked > self.most => server_error("stdout maxBuffer length exceeded"),
            _ => {
                let lines: Vec<String> = last.map(|line| format!("line {line}")).collect();
                answered(json!(lines.join("\n") + if lines.is_empty() { "" } else { "\n" }))
            }
        }
    }

    /// What is to be found when so many lines are wanted: a quarter of them again and again, down to twenty, until they are not too many.
    fn found(&self, wanted: u32) -> Log {
        let missing = |why: &str| Log { lines: Vec::new(), missing: Some(why.to_owned()), is_cut: false };
        let mut asked = wanted;
        while asked > self.most && asked > 20 {
            asked = (asked / 4).max(20);
        }
        match self.kind {
            0 => missing("No such container"),
            1 => missing("no log of it"),
            2 => missing("no such compose"),
            _ if asked > self.most => missing("maxBuffer"),
            _ => {
                let first = self.lines.saturating_sub(asked as usize);
                let lines: Vec<String> = (first..self.lines).map(|line| format!("line {line}")).collect();
                Log { is_cut: lines.len() >= asked as usize, missing: None, lines }
            }
        }
    }
}

fn is_the_same_log(log: &Log, expected: &Log) {
    assert_eq!((&log.lines, log.is_cut), (&expected.lines, expected.is_cut));
    match (&log.missing, &expected.missing) {
        (Some(why), Some(word)) => assert!(why.contains(word.as_str()), "{why}"),
        (why, word) => assert_eq!(why, word),
    }
}

#[test]
fn logs_are_read_as_far_as_dokploy_gives_them() {
    let mut dice = Dice(0x1065);
    for _ in 0..DRAWN {
        let written: Vec<Written> = (0..=dice.roll(4)).map(|_| Written::draw(&mut dice)).collect();
        let wanted = [10, 20, 21, 200, 1000][dice.roll(5)];
        let containers = written.iter().enumerate().map(|(at, one)| (one.service.clone(), ContainerId(format!("c{at}")))).collect();
        let intent = Intent::ContainerLogs { containers, lines: wanted, seconds: None };
        let played = play(&mut surveyed(), &intent, |call, _| match call {
            Call::ContainerLog { container, lines, .. } => written[container[1..].parse::<usize>().unwrap()].answer(*lines),
            other => panic!("{other:?} is not expected"),
        });
        let Answer::Logs(logs) = played.answer() else { panic!("{:?}", played.answer()) };
        let services: std::collections::BTreeSet<&str> = written.iter().map(|one| one.service.as_str()).collect();
        assert!(logs.keys().map(String::as_str).eq(services.iter().copied()));
        for service in services {
            let of: Vec<(usize, Log)> =
                written.iter().enumerate().filter(|(_, one)| one.service == service).map(|(at, one)| (at, one.found(wanted))).collect();
            if let [(_, one)] = &of[..] {
                is_the_same_log(&logs[service], one);
                continue;
            }
            // One after the other, each under its container.
            let mut lines = logs[service].lines.iter();
            for (at, one) in &of {
                assert_eq!(lines.next(), Some(&format!("--- container c{at}")));
                assert!(one.lines.iter().all(|line| lines.next() == Some(line)), "{:?}", logs[service]);
                if let Some(word) = &one.missing {
                    assert!(
                        lines.next().is_some_and(|line| line.starts_with("(no log: ") && line.contains(word.as_str())),
                        "{:?}",
                        logs[service]
                    );
                }
            }
            assert_eq!((lines.next(), &logs[service].missing), (None, &None));
            assert_eq!(logs[service].is_cut, of.iter().any(|(_, one)| one.is_cut));
        }
    }
}

/// On another server a deploy's log is Dokploy's, too, and a log that is none is none there as well.
#[test]
fn a_deploys_log_is_read_as_far_as_dokploy_gives_it() {
    let mut dice = Dice(0xD109);
    for at in 0..DRAWN {
        let written = Written::draw(&mut dice);
        let intent = Intent::DeployLog { deployment: DeploymentId("d".to_owned()), lines: 200 };
        let mut session = if at % 2 == 0 { surveyed() } else { surveyed_remote() };
        let played: Played = play(&mut session, &intent, |call, _| match call {
            Call::DeployLog { lines, .. } => written.answer(*lines),
            other => panic!("{other:?} is not expected"),
        });
        let Answer::Logs(logs) = played.answer() else { panic!("{:?}", played.answer()) };
        let mut expected = written.found(200);
        // A deploy always writes something.
        if expected.missing.is_none() && expected.lines.is_empty() {
            expected = Log { lines: Vec::new(), missing: Some("no log of it".to_owned()), is_cut: false };
        }
        is_the_same_log(&logs[""], &expected);
    }
}
