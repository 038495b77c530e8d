//! Replacing the live text, against a server that holds one.

use crate::play::{Played, answered, compose_with, lost, not_sent, play, reply_with, server_error, surveyed};
use crate::recorded::reply;
use rollout_plan::dokploy::{Body, Call, Refusal, Reply};
use rollout_plan::engine::{Answer, DeployEnd, FailureKind, Intent, LARGEST_TEXT_AND_ENVIRONMENT, Moment};

const OLD: &str = "services:\n  web:\n    image: app:v1\n";
const NEW: &str = "services:\n  web:\n    image: app:v2\n";

fn replace(answer: impl FnMut(&Call, Moment) -> Reply) -> Played {
    play(&mut surveyed(), &Intent::Replace { expected: OLD.to_owned(), text: NEW.to_owned() }, answer)
}

/// Nobody deploys the app.
fn nobody(call: &Call) -> Reply {
    match call {
        Call::Queue => reply(call, "deployment.queueList-empty"),
        _ => reply(call, "deployment.allByCompose-empty"),
    }
}

/// What is asked before a text is changed.
const LOOK: [&str; 3] = ["compose.one", "deployment.queueList", "deployment.allByCompose"];

/// A server that keeps what `update` says it keeps.
fn server(mut update: impl FnMut(&str, &mut String) -> Reply) -> impl FnMut(&Call, Moment) -> Reply {
    let mut live = OLD.to_owned();
    move |call, _| match call {
        Call::Compose { .. } => compose_with(&live),
        Call::UpdateText { text, .. } => update(text, &mut live),
        Call::Queue | Call::Deployments { .. } => nobody(call),
        other => panic!("{other:?} is not expected"),
    }
}

fn keep(text: &str, live: &mut String) -> Reply {
    text.clone_into(live);
    compose_with(text)
}

fn kind(played: &Played) -> (FailureKind, bool) {
    match played.answer() {
        Answer::Failed(failure) => (failure.kind, failure.may_have_acted),
        other => panic!("{other:?}"),
    }
}

#[test]
fn is_proved_by_reading_back() {
    let played = replace(server(keep));
    assert_eq!(played.answer(), &Answer::Replaced);
    let order: Vec<&str> = played.sent.iter().map(|(_, call)| call.procedure()).collect();
    assert_eq!(order, [&LOOK[..], &["compose.update", "compose.one"]].concat());
}

#[test]
fn what_is_live_already_is_not_sent() {
    let played = replace(|call, _| match call {
        Call::Compose { .. } => compose_with(&NEW.replace('\n', "  \r\n")),
        _ => nobody(call),
    });
    assert_eq!((played.answer(), played.writes()), (&Answer::Replaced, 0));
}

#[test]
fn another_live_text_stops_it() {
    let played = replace(|call, _| match call {
        Call::Compose { .. } => compose_with("services: {}\n"),
        _ => nobody(call),
    });
    assert_eq!((played.answer(), played.writes()), (&Answer::TextChanged { live: "services: {}\n".to_owned() }, 0));
}

#[test]
fn an_empty_200_is_looked_up() {
    let played = replace(server(|_, _| Reply::Answered(Body::Empty)));
    assert_eq!(kind(&played), (FailureKind::Unreachable, false));
    let mut emptied = 1;
    let once = replace(server(|text, live| match std::mem::take(&mut emptied) {
        0 => keep(text, live),
        _ => Reply::Answered(Body::Empty),
    }));
    assert_eq!(once.answer(), &Answer::Replaced);
}

#[test]
fn an_update_that_does_not_stick_is_not_done() {
    let played = replace(server(|text, _| compose_with(text)));
    assert_eq!(kind(&played), (FailureKind::ServerError, false));
}

#[test]
fn a_lost_answer_is_looked_up_before_the_text_is_sent_again() {
    for lose in [lost, || server_error("boom"), || Reply::Refused(Refusal::Server(502, "a proxy".to_owned()))] {
        let landed = replace(server(|text, live| {
            keep(text, live);
            lose()
        }));
        assert_eq!((landed.answer(), landed.writes()), (&Answer::Replaced, 1));
        let not_landed = replace(server(|_, _| lose()));
        assert_eq!((kind(&not_landed), not_landed.writes()), ((FailureKind::Unreachable, false), 3));
        let order: Vec<bool> = not_landed.sent.iter().map(|(_, call)| call.is_read()).collect();
        assert!(order.split(|is_read| !is_read).skip(1).all(|looks| looks.len() >= 4), "{order:?}");
    }
}

#[test]
fn what_refuses_a_change_for_a_moment_is_asked_again() {
    for no in [Refusal::Unauthorized, Refusal::TooMany, Refusal::Forbidden("no".to_owned()), Refusal::NoSuchProcedure] {
        let mut left = 2;
        let mut rest = server(keep);
        let played = replace(|call, now| match call {
            Call::UpdateText { .. } if left > 0 => {
                left -= 1;
                Reply::Refused(no.clone())
            }
            Call::Health => reply(call, "trpc-settings.health-no-key"),
            _ => rest(call, now),
        });
        assert_eq!(played.answer(), &Answer::Replaced, "{no:?}");
    }
}

#[test]
fn what_did_not_leave_is_sent_again_after_another_look() {
    let mut first = true;
    let played = replace(server(|text, live| if std::mem::take(&mut first) { not_sent() } else { keep(text, live) }));
    assert_eq!(played.answer(), &Answer::Replaced);
    let order: Vec<&str> = played.sent.iter().map(|(_, call)| call.procedure()).collect();
    assert_eq!(order, [&LOOK[..], &["compose.update"], &LOOK[..], &["compose.update", "compose.one"]].concat());
}

#[test]
fn a_read_back_that_fails_leaves_it_open() {
    let mut updated = false;
    let played = replace(|call, _| match call {
        Call::UpdateText { .. } => {
            updated = true;
            lost()
        }
        _ if updated => not_sent(),
        Call::Compose { .. } => compose_with(OLD),
        _ => nobody(call),
    });
    assert_eq!(kind(&played), (FailureKind::Unreachable, true));
}

#[test]
fn a_missing_right_is_named() {
    let played =
        replace(server(|_, _| reply(&Call::UpdateText { compose: String::new(), text: String::new() }, "member-granted-compose.update")));
    assert_eq!(kind(&played), (FailureKind::MissingRight, false));
}

#[test]
fn too_large_is_refused_with_the_figures_before_anything_is_sent() {
    let text = "x".repeat(LARGEST_TEXT_AND_ENVIRONMENT - 9);
    let intent = Intent::Replace { expected: OLD.to_owned(), text: text.clone() };
    let played = play(&mut surveyed(), &intent, |call, _| match compose_with(OLD) {
        _ if !matches!(call, Call::Compose { .. }) => nobody(call),
        Reply::Answered(Body::Json(mut body)) => {
            body["env"] = serde_json::json!("ABC=defghi");
            answered(body)
        }
        other => other,
    });
    let Answer::Failed(failure) = played.answer() else { panic!("{:?}", played.answer()) };
    assert_eq!((failure.kind, played.writes()), (FailureKind::TooLarge, 0));
    assert!(failure.message.contains("89991") && failure.message.contains("10, together 90001"), "{}", failure.message);
}

#[test]
fn a_text_is_not_changed_under_a_deploy_of_somebody_else() {
    let web = [("6XW8Psn6NqgyJwewMftlV", "ml7I_tvF8zsmmM-iEVIQ8")];
    let waiting = replace(|call, _| match call {
        Call::Compose { .. } => compose_with(OLD),
        Call::Queue => reply_with(call, "deployment.queueList-active-and-waiting", &web),
        _ => nobody(call),
    });
    let busy = |title: &str| Answer::Deployed(DeployEnd::Busy { title: title.to_owned() });
    assert_eq!((waiting.answer(), waiting.writes()), (&busy("B1"), 0));
    let running = replace(|call, _| match call {
        Call::Compose { .. } => compose_with(OLD),
        Call::Queue => nobody(call),
        _ => reply(call, "deployment.allByCompose-one-running-one-queued"),
    });
    assert_eq!((running.answer(), running.writes()), (&busy("A1"), 0));
}
