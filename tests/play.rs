//! Plays a procedure on virtual time against answers that a test gives, most of them recorded.

use crate::recorded::reply;
use rollout_plan::dokploy::{Body, Call, Masks, Next, Refusal, Reply, Session, Target};
use rollout_plan::engine::{Answer, DeployProgress, Intent, Moment};
use serde_json::{Value, json};
use std::time::Duration;

/// How long an exchange takes.
const EXCHANGE: Duration = Duration::from_millis(20);

/// Turns after which a procedure is taken to run in circles.
const TURNS: usize = 20_000;

/// The bench's app.
pub fn target() -> Target {
    Target { project: "bench".to_owned(), environment: "production".to_owned(), compose: "web".to_owned() }
}

/// What came of playing.
pub struct Played {
    /// The end; `None` when it was still going when time was up.
    pub answer: Option<Answer>,
    /// What was told on the way.
    pub progress: Vec<DeployProgress>,
    /// What was sent, and when.
    pub sent: Vec<(Moment, Call)>,
    /// When it ended.
    pub ended: Moment,
}

impl Played {
    /// The end.
    pub fn answer(&self) -> &Answer {
        self.answer.as_ref().expect("it ended")
    }

    /// How often a procedure was called.
    pub fn calls(&self, procedure: &str) -> usize {
        self.sent.iter().filter(|(_, call)| call.procedure() == procedure).count()
    }

    /// How many of the calls change something.
    pub fn writes(&self) -> usize {
        self.sent.iter().filter(|(_, call)| !call.is_read()).count()
    }
}

/// Plays an intent to its end.
pub fn play(session: &mut Session, intent: &Intent, answer: impl FnMut(&Call, Moment) -> Reply) -> Played {
    let played = play_until(session, intent, Moment::millis(3_600_000), answer);
    assert!(played.answer.is_some(), "it goes on for an hour");
    played
}

/// Plays an intent until its end or until time is up.
pub fn play_until(session: &mut Session, intent: &Intent, until: Moment, mut answer: impl FnMut(&Call, Moment) -> Reply) -> Played {
    let mut procedure = session.begin(intent).expect("an intent for Dokploy");
    let mut played = Played { answer: None, progress: Vec::new(), sent: Vec::new(), ended: Moment::START };
    let mut replies: Vec<Reply> = Vec::new();
    for _ in 0..TURNS {
        // A fork at the same point does the same.
        let mut fork = procedure.clone();
        let turn = procedure.turn(played.ended, replies.clone());
        assert_eq!(fork.turn(played.ended, std::mem::take(&mut replies)), turn);
        assert_eq!(fork, procedure);
        played.progress.extend(turn.progress);
        match turn.next {
            Next::Calls(calls) => {
                assert!((1..=3).contains(&calls.len()), "{} calls at once", calls.len());
                let now = played.ended;
                replies = calls.iter().map(|call| answer(call, now)).collect();
                played.sent.extend(calls.into_iter().map(|call| (now, call)));
                played.ended = now + EXCHANGE;
            }
            Next::Wait(then) => {
                assert!(then > played.ended, "a wait that is over");
                played.ended = then;
            }
            Next::Done(answer) => {
                played.answer = Some(answer);
                session.learn(&procedure);
                return played;
            }
        }
        if played.ended > until {
            return played;
        }
    }
    panic!("it runs in circles");
}

/// A session that has surveyed the bench's `web`.
pub fn surveyed() -> Session {
    let mut session = Session::new(target(), Masks::default());
    play(&mut session, &Intent::Survey, owner);
    assert!(session.app().is_some());
    session
}

/// The same, as if the app ran on a server of its own.
pub fn surveyed_remote() -> Session {
    let mut session = Session::new(target(), Masks::default());
    play(&mut session, &Intent::Survey, |call, now| match call {
        Call::Compose { .. } => reply_with(call, "compose.one", &[("\"serverId\":null", "\"serverId\":\"s\"")]),
        _ => owner(call, now),
    });
    assert!(session.is_remote());
    session
}

/// The bench's `web` as its owner sees it.
pub fn owner(call: &Call, _: Moment) -> Reply {
    let name = match call {
        Call::Health => "trpc-settings.health-no-key",
        Call::Version => "settings.getDokployVersion",
        Call::Cloud => "settings.isCloud",
        Call::Projects => "project.all",
        Call::Compose { .. } => "compose.one",
        Call::ConvertedCompose { .. } => "compose.getConvertedCompose",
        Call::Queue => "deployment.queueList-empty",
        Call::Deployments { .. } => "deployment.allByCompose",
        Call::AppContainers { .. } => "docker.getContainersByAppNameMatch",
        Call::HostContainers { .. } => "docker.getContainers",
        Call::Inspect { .. } => "docker.getConfig",
        other => panic!("{other:?} is not expected"),
    };
    reply(call, name)
}

/// A recorded body with some of its text replaced: names and ids of another app.
pub fn reply_with(call: &Call, name: &str, replaced: &[(&str, &str)]) -> Reply {
    match reply(call, name) {
        Reply::Answered(Body::Json(body)) => {
            let text = replaced.iter().fold(body.to_string(), |text, (from, to)| text.replace(from, to));
            answered(serde_json::from_str(&text).expect("still JSON"))
        }
        other => other,
    }
}

/// A 200 with a body.
pub fn answered(body: Value) -> Reply {
    Reply::Answered(Body::Json(body))
}

/// `compose.one` of the bench's `web` with another text.
pub fn compose_with(text: &str) -> Reply {
    match reply(&Call::Compose { compose: String::new() }, "compose.one") {
        Reply::Answered(Body::Json(mut body)) => {
            body["composeFile"] = json!(text);
            answered(body)
        }
        other => panic!("{other:?}"),
    }
}

/// 401 without a code.
pub fn unauthorized() -> Reply {
    Reply::Refused(Refusal::Unauthorized)
}

/// 500 with a message.
pub fn server_error(message: &str) -> Reply {
    Reply::Refused(Refusal::Server(500, message.to_owned()))
}

/// No connection.
pub fn not_sent() -> Reply {
    Reply::NotSent("connection refused".to_owned())
}

/// Sent, and no answer.
pub fn lost() -> Reply {
    Reply::Lost("no answer within 15 s".to_owned())
}
