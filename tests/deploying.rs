//! Deploying and following, against recorded queues and histories.

use crate::play::{
    Played, answered, compose_with, lost, not_sent, play, play_until, reply_with, server_error, surveyed, surveyed_remote, unauthorized,
};
use crate::recorded::reply;
use rollout_plan::dokploy::{Body, Call, Refusal, Reply};
use rollout_plan::engine::{Answer, DeployEnd, DeployProgress, DeploymentId, FailureKind, Intent, Moment, RowStatus};
use serde_json::json;

const TEXT: &str = "services:\n  web:\n    image: app:v1\n";
const WEB: &str = "ml7I_tvF8zsmmM-iEVIQ8";

/// Answers as a Dokploy whose queue and history are those of the numbered looks since the deploy was sent; the last stays.
struct Script {
    sent: Reply,
    looks: Vec<(Reply, Reply)>,
    /// The history before.
    before: Reply,
    /// The deploy's log, look by look; the last stays.
    logs: Vec<Reply>,
}

fn queue(name: &str, replaced: &[(&str, &str)]) -> Reply {
    reply_with(&Call::Queue, name, replaced)
}

fn rows(name: &str, replaced: &[(&str, &str)]) -> Reply {
    reply_with(&Call::Deployments { compose: String::new() }, name, replaced)
}

fn log(name: &str) -> Reply {
    reply(&Call::DeployLog { deployment: String::new(), lines: 1 }, name)
}

fn no_jobs() -> Reply {
    queue("deployment.queueList-empty", &[])
}

fn no_rows() -> Reply {
    rows("deployment.allByCompose-empty", &[])
}

fn taken() -> Reply {
    reply(&Call::Deploy { compose: String::new(), marker: String::new() }, "compose.deploy")
}

fn script(looks: Vec<(Reply, Reply)>) -> Script {
    Script { sent: taken(), looks, before: no_rows(), logs: vec![log("deployment.readLogs-cancelled")] }
}

impl Script {
    /// With this history before.
    fn before(self, rows: &[(&str, &str)]) -> Self {
        Self { before: history(rows), ..self }
    }

    fn answers(self) -> impl FnMut(&Call, Moment) -> Reply {
        let mut look: Option<usize> = None;
        let mut read = 0;
        move |call, _| match call {
            Call::Compose { .. } => compose_with(TEXT),
            Call::Deploy { .. } => {
                look = Some(look.unwrap_or_default());
                self.sent.clone()
            }
            Call::Queue => look.map_or_else(no_jobs, |at| self.looks[at.min(self.looks.len() - 1)].0.clone()),
            Call::Deployments { .. } => {
                let rows = look.map_or_else(|| self.before.clone(), |at| self.looks[at.min(self.looks.len() - 1)].1.clone());
                look = look.map(|at| at + 1);
                rows
            }
            Call::DeployLog { .. } => {
                read += 1;
                self.logs[(read - 1).min(self.logs.len() - 1)].clone()
            }
            Call::AppContainers { .. } => reply(call, "docker.getContainersByAppNameMatch"),
            Call::Health => reply(call, "trpc-settings.health-no-key"),
            other => panic!("{other:?} is not expected"),
        }
    }
}

fn deploy(marker: &str, answer: impl FnMut(&Call, Moment) -> Reply) -> Played {
    let intent = Intent::Deploy { expected: TEXT.to_owned(), marker: marker.to_owned() };
    play(&mut surveyed(), &intent, answer)
}

fn end(played: &Played) -> &DeployEnd {
    match played.answer() {
        Answer::Deployed(end) => end,
        other => panic!("{other:?}"),
    }
}

fn finished(id: &str, status: RowStatus) -> DeployEnd {
    DeployEnd::Finished { deployment: DeploymentId(id.to_owned()), status, error: None }
}

fn started(id: &str) -> DeployProgress {
    DeployProgress::Started { deployment: DeploymentId(id.to_owned()) }
}

#[test]
fn waits_behind_others_starts_and_is_done() {
    // B1 waits behind A1, which is the active one, and A2: jobs of another app.
    let waiting = || queue("deployment.queueList-active-and-waiting", &[("6XW8Psn6NqgyJwewMftlV", WEB)]);
    let played = deploy(
        "B1",
        script(vec![
            (waiting(), no_rows()),
            (waiting(), no_rows()),
            (jobs(&[("B1", "active")]), history(&[("B1", "running")])),
            (no_jobs(), history(&[("B1", "done")])),
        ])
        .answers(),
    );
    assert_eq!(end(&played), &finished("row-of-B1", RowStatus::Done));
    let [DeployProgress::Queued { ahead: 2, active: Some(active), whose: Some(whose), since: Some(since) }, rest @ ..] =
        played.progress.as_slice()
    else {
        panic!("{:?}", played.progress)
    };
    assert_eq!((active.as_str(), since.as_str()), ("A1", "2026-11-23 13:13:07 UTC by its clock"));
    assert!(whose.contains("/services/compose/Gk_KCkfPOtBPA2kHsKGlv") || whose.matches('/').count() == 2, "{whose}");
    assert_eq!(rest, [started("row-of-B1")]);
    assert_eq!(played.writes(), 1);
}

#[test]
fn jobs_of_other_servers_are_not_ahead() {
    let played = play_until(
        &mut surveyed(),
        &Intent::Deploy { expected: TEXT.to_owned(), marker: "B1".to_owned() },
        Moment::millis(60_000),
        script(vec![(
            queue("deployment.queueList-active-and-waiting", &[("6XW8Psn6NqgyJwewMftlV", WEB), ("\"server\":false", "\"serverId\":\"s\"")]),
            no_rows(),
        )])
        .answers(),
    );
    assert_eq!(played.answer, None);
    // All three stand in the queue of `s`, so even ours is only seen, never behind.
    assert_eq!(played.progress, [DeployProgress::Queued { ahead: 0, active: None, whose: None, since: None }]);
}

#[test]
fn each_recorded_end_is_read() {
    for (name, title, expected) in [
        ("deployment.allByCompose-port", "port conflict", finished("uBLNB11TKmirNRGqjXVoe", RowStatus::Error)),
        ("deployment.allByCompose-cancelled", "R1", finished("hfXH5jjk9wrlvHNG1SLwY", RowStatus::Cancelled)),
        ("deployment.allByCompose", "deploy v1", finished("KKiObpEkwSS8rbiAiUEEV", RowStatus::Done)),
    ] {
        // What else is there was there before.
        let before = rows(name, &[(&format!("\"{title}\""), "\"before\"")]);
        let played = deploy(title, Script { before, ..script(vec![(no_jobs(), rows(name, &[]))]) }.answers());
        assert_eq!(end(&played), &expected, "{name}");
    }
    let before = rows("remote-sshdown-deployment.allByCompose", &[("D1 sshd down", "before")]);
    let down = script(vec![(no_jobs(), rows("remote-sshdown-deployment.allByCompose", &[]))]);
    let down = deploy("D1 sshd down", Script { before, ..down }.answers());
    let DeployEnd::Finished { status: RowStatus::Error, error: Some(error), .. } = end(&down) else { panic!("{:?}", end(&down)) };
    assert!(error.contains("SSH connection error"), "{error}");
}

/// What was noticed on the way.
fn noticed(played: &Played) -> Vec<&str> {
    played.progress.iter().filter_map(|step| if let DeployProgress::Noticed { what } = step { Some(what.as_str()) } else { None }).collect()
}

/// A recorded history before the deploy with this title.
fn earlier(name: &str, title: &str) -> Reply {
    rows(name, &[(&format!("\"{title}\""), "\"before\""), ("\"running\"", "\"done\"")])
}

const ORPHAN: &str = "u5-md_BOtHY6XsxrdfmUa";

fn orphan(logs: Vec<Reply>) -> Played {
    let lost = (no_jobs(), rows("remote-sshlost-deployment.allByCompose", &[]));
    let before = earlier("remote-sshlost-deployment.allByCompose", "Sa");
    deploy("Sa", Script { before, logs, ..script(vec![lost]) }.answers())
}

#[test]
fn a_row_that_nobody_will_end_is_judged_by_its_log() {
    let played = orphan(vec![log("remote-sshlost-deployment.readLogs-while-down"), log("remote-sshlost-deployment.readLogs")]);
    assert_eq!(end(&played), &finished(ORPHAN, RowStatus::Done));
    assert!(played.ended >= Moment::millis(8_000) && played.ended < Moment::millis(30_000), "one look is not enough");
    assert_eq!(played.progress[0], started(ORPHAN));
    let noticed = noticed(&played);
    assert!(
        noticed[0].contains("Dokploy follows it no longer") && noticed[1].ends_with("its log says that the command ended well"),
        "{noticed:?}"
    );

    let failed = orphan(vec![log("deployment.readLogs-port")]);
    assert_eq!(end(&failed), &finished(ORPHAN, RowStatus::Error));
}

#[test]
fn a_row_that_nobody_will_end_and_whose_log_says_nothing_is_orphaned() {
    for (name, says) in
        [("deployment.readLogs-cancelled", "has no word of the end"), ("remote-sshlost-deployment.readLogs-while-down", "cannot be read")]
    {
        let played = orphan(vec![log(name)]);
        let DeployEnd::Orphaned { deployment, evidence } = end(&played) else { panic!("{:?}", end(&played)) };
        assert_eq!(deployment.0, ORPHAN);
        assert!(evidence.contains(says) && evidence.contains("nothing changed for 120 s"), "{evidence}");
        assert!(played.ended >= Moment::millis(120_000) && played.ended < Moment::millis(150_000), "{:?}", played.ended);
    }
}

fn remote(marker: &str, script: Script) -> Played {
    let intent = Intent::Deploy { expected: TEXT.to_owned(), marker: marker.to_owned() };
    play(&mut surveyed_remote(), &intent, script.answers())
}

/// The session was killed: the row says error, and the command goes on.
fn killed(logs: Vec<Reply>) -> Played {
    let before = earlier("remote-sesskill-deployment.allByCompose", "Sb");
    remote("Sb", Script { before, logs, ..script(vec![(no_jobs(), rows("remote-sesskill-deployment.allByCompose", &[]))]) })
}

#[test]
fn an_error_row_on_a_remote_server_is_not_believed_before_its_command_is_over() {
    let early = || log("remote-sesskill-deployment.readLogs");
    let played = killed(vec![early(), early(), early(), log("remote-sesskill-later-deployment.readLogs")]);
    assert_eq!(end(&played), &finished("o_7pxI5L4Ot3Drl5H_RLC", RowStatus::Done));
    let told = noticed(&played);
    assert!(told[0].contains("may go on all the same") && told[1].ends_with("the new version is live after all"), "{told:?}");

    // Nothing more comes: after a while it is what the row says.
    let played = killed(vec![early()]);
    assert_eq!(end(&played), &finished("o_7pxI5L4Ot3Drl5H_RLC", RowStatus::Error));
    assert!(played.ended >= Moment::millis(120_000) && played.ended < Moment::millis(150_000), "{:?}", played.ended);

    // The command's own word is believed at once, and so is a reason in the row: the command was never begun then.
    let played = killed(vec![log("deployment.readLogs-port")]);
    assert!(played.ended < Moment::millis(5_000) && noticed(&played).is_empty(), "{:?}", played.ended);
    let name = "remote-sshdown-deployment.allByCompose";
    let down = Script { before: earlier(name, "D1 sshd down"), ..script(vec![(no_jobs(), rows(name, &[]))]) };
    let down = remote("D1 sshd down", down);
    assert!(matches!(end(&down), DeployEnd::Finished { error: Some(_), .. }) && down.ended < Moment::millis(5_000), "{:?}", down.ended);
}

#[test]
fn a_dead_row_of_an_earlier_deploy_is_not_somebody_else_s() {
    let mut session = surveyed();
    let lost = || (no_jobs(), rows("remote-sshlost-deployment.allByCompose", &[]));
    let first = Intent::Deploy { expected: TEXT.to_owned(), marker: "Sa".to_owned() };
    let before = earlier("remote-sshlost-deployment.allByCompose", "Sa");
    let logs = vec![log("remote-sshlost-deployment.readLogs")];
    play(&mut session, &first, Script { before, logs, ..script(vec![lost()]) }.answers());
    // The next deploy finds that row still running.
    let next = Intent::Deploy { expected: TEXT.to_owned(), marker: "Sa2".to_owned() };
    let both = || rows("remote-sshlost-next-deployment.allByCompose", &[]);
    let played = play(&mut session, &next, Script { before: lost().1, ..script(vec![(no_jobs(), both())]) }.answers());
    assert!(matches!(end(&played), DeployEnd::Finished { status: RowStatus::Done, .. }), "{:?}", end(&played));
    // Who does not know it to be dead, waits.
    let played = play(&mut surveyed(), &next, Script { before: lost().1, ..script(vec![(no_jobs(), both())]) }.answers());
    assert!(matches!(end(&played), DeployEnd::Busy { .. }), "{:?}", end(&played));
}

/// A marker of the run whose other deploys fill the history.
const MINE: &str = "plan run=r phase=mine try=1";

/// So many rows of other deploys of the same run.
fn others(count: usize) -> Reply {
    let row = |at: usize| json!({ "deploymentId": format!("other-{at}"), "title": format!("plan run=r phase=p try={at}"), "status": "done", "errorMessage": null, "logPath": "" });
    answered((0..count).map(row).collect())
}

#[test]
fn a_row_that_may_have_been_pushed_out_is_not_called_lost() {
    let nowhere = |rows| script(vec![(no_jobs(), rows)]);
    let played = deploy(MINE, nowhere(others(11)).answers());
    let DeployEnd::Forgotten { evidence } = end(&played) else { panic!("{:?}", end(&played)) };
    assert!(evidence.contains("full of 11 other deploys"), "{evidence}");
    // An older row is still there: a newer one would be too.
    let played = deploy(MINE, Script { before: others(3), ..nowhere(others(11)) }.answers());
    assert!(matches!(end(&played), DeployEnd::NeverStarted { .. }), "{:?}", end(&played));
    // It was there, and is not any more.
    let seen = (no_jobs(), history(&[(MINE, "running")]));
    let played = deploy(MINE, script(vec![seen, (no_jobs(), others(11))]).answers());
    assert!(matches!(end(&played), DeployEnd::Forgotten { evidence } if evidence.contains("is gone")), "{:?}", end(&played));
}

#[test]
fn a_log_that_two_deploys_share_is_said_to_be_shared_and_settles_nothing() {
    let path = [("\"title\":\"A1\"", "\"title\":\"m\"")];
    let Reply::Answered(Body::Json(body)) = rows("deployment.allByCompose-one-running-one-queued", &path) else { panic!("no rows") };
    let mut list = body.as_array().unwrap().clone();
    let mut twin = list[0].clone();
    twin["deploymentId"] = json!("twin");
    twin["title"] = json!("theirs");
    twin["status"] = json!("done");
    let before = answered(json!([twin]));
    list.insert(1, twin);
    let looks = vec![(no_jobs(), answered(json!(list)))];
    let played = deploy("m", Script { logs: vec![log("deployment.readLogs-success")], before, ..script(looks) }.answers());
    assert!(
        matches!(end(&played), DeployEnd::Orphaned { evidence, .. } if evidence.contains("also that of another deploy")),
        "{:?}",
        end(&played)
    );
    assert!(noticed(&played)[0].contains("\"theirs\" began in the same second and shares its log"), "{:?}", noticed(&played));
}

#[test]
fn accepted_and_nowhere_to_be_seen_never_started() {
    let played = deploy("m", script(vec![(no_jobs(), no_rows())]).answers());
    assert!(matches!(end(&played), DeployEnd::NeverStarted { evidence } if evidence.starts_with("Dokploy took the deploy")));
    assert!(played.ended >= Moment::millis(30_000) && played.ended < Moment::millis(40_000), "{:?}", played.ended);
    assert_eq!(played.writes(), 1);
}

#[test]
fn a_lost_answer_is_looked_up_by_marker() {
    for sent in [lost(), server_error("boom")] {
        let found = vec![(no_jobs(), no_rows()), (no_jobs(), rows("deployment.allByCompose", &[]))];
        let played = deploy("deploy v1", Script { sent: sent.clone(), ..script(found) }.answers());
        assert_eq!((end(&played), played.writes()), (&finished("KKiObpEkwSS8rbiAiUEEV", RowStatus::Done), 1));
        // Nowhere to be seen for half a minute: Dokploy never took it. So it is sent once more, and not for ever.
        let played = deploy("m", Script { sent, ..script(vec![(no_jobs(), no_rows())]) }.answers());
        assert!(matches!(end(&played), DeployEnd::NeverStarted { evidence } if evidence.contains("was lost")));
        let sent: Vec<Moment> = played.sent.iter().filter(|(_, call)| !call.is_read()).map(|(at, _)| *at).collect();
        assert_eq!(sent.len(), 3);
        assert!(sent.windows(2).all(|two| two[1] - two[0] >= std::time::Duration::from_secs(30)), "{sent:?}");
    }
}

#[test]
fn a_lost_deploy_that_shows_up_late_is_not_sent_again() {
    let late = (0..14).map(|_| (no_jobs(), no_rows())).chain([(no_jobs(), rows("deployment.allByCompose", &[]))]);
    let played = deploy("deploy v1", Script { sent: lost(), ..script(late.collect()) }.answers());
    assert_eq!((end(&played), played.writes()), (&finished("KKiObpEkwSS8rbiAiUEEV", RowStatus::Done), 1));
}

#[test]
fn what_refuses_a_deploy_for_a_moment_is_asked_again() {
    for no in [unauthorized(), Reply::Refused(Refusal::TooMany), Reply::Refused(Refusal::NoSuchProcedure)] {
        let mut left = 2;
        let mut rest = script(vec![(no_jobs(), rows("deployment.allByCompose", &[]))]).answers();
        let played = deploy("deploy v1", |call, now| match call {
            Call::Deploy { .. } if left > 0 => {
                left -= 1;
                no.clone()
            }
            _ => rest(call, now),
        });
        assert_eq!(end(&played), &finished("KKiObpEkwSS8rbiAiUEEV", RowStatus::Done), "{no:?}");
    }
}

#[test]
fn what_did_not_leave_is_looked_at_again_before_it_is_sent_again() {
    let mut attempts = 0;
    let mut rest = script(vec![(no_jobs(), rows("deployment.allByCompose", &[]))]).answers();
    let played = deploy("deploy v1", |call, now| match call {
        Call::Deploy { .. } if attempts < 2 => {
            attempts += 1;
            not_sent()
        }
        _ => rest(call, now),
    });
    assert_eq!(end(&played), &finished("KKiObpEkwSS8rbiAiUEEV", RowStatus::Done));
    assert_eq!((played.calls("compose.deploy"), played.calls("compose.one")), (3, 4));
    let never = deploy("m", |call, _| match call {
        Call::Deploy { .. } => not_sent(),
        Call::Compose { .. } => compose_with(TEXT),
        Call::Queue => no_jobs(),
        _ => no_rows(),
    });
    assert!(matches!(never.answer(), Answer::Failed(failure) if failure.kind == FailureKind::Unreachable && !failure.may_have_acted));
}

#[test]
fn a_marker_that_is_there_already_is_followed_and_not_sent() {
    let played = deploy("deploy v1", Script { before: rows("deployment.allByCompose", &[]), ..script(Vec::new()) }.answers());
    assert_eq!((end(&played), played.writes()), (&finished("KKiObpEkwSS8rbiAiUEEV", RowStatus::Done), 0));
}

#[test]
fn somebody_else_s_deploy_keeps_ours_from_being_sent() {
    let running =
        deploy("m", Script { before: rows("deployment.allByCompose-one-running-one-queued", &[]), ..script(Vec::new()) }.answers());
    assert_eq!((end(&running), running.writes()), (&DeployEnd::Busy { title: "A1".to_owned() }, 0));
    let waiting = deploy("m", |call, _| match call {
        Call::Compose { .. } => compose_with(TEXT),
        Call::Queue => queue("deployment.queueList-active-and-waiting", &[("6XW8Psn6NqgyJwewMftlV", WEB)]),
        _ => no_rows(),
    });
    assert_eq!((end(&waiting), waiting.writes()), (&DeployEnd::Busy { title: "B1".to_owned() }, 0));
}

#[test]
fn a_text_that_was_long_on_its_way_is_not_deployed_over_what_another_run_deployed_meanwhile() {
    let before = || history(&[("old", "done")]);
    let now = |title: &'static str| history(&[(title, "done"), ("old", "done")]);
    let ended = |title: &'static str| {
        let mut session = surveyed();
        let (mut is_ours, text) = (false, "services: {}\n");
        let replace = Intent::Replace { expected: text.to_owned(), text: TEXT.to_owned() };
        let replaced = play(&mut session, &replace, |call, _| {
            is_ours |= matches!(call, Call::UpdateText { .. });
            match call {
                Call::Compose { .. } | Call::UpdateText { .. } => compose_with(if is_ours { TEXT } else { text }),
                Call::Queue => no_jobs(),
                _ => before(),
            }
        });
        assert_eq!(replaced.answer(), &Answer::Replaced);
        let own = history(&[(OURS, "done"), (title, "done"), ("old", "done")]);
        let deploy = Intent::Deploy { expected: TEXT.to_owned(), marker: OURS.to_owned() };
        let played = play(&mut session, &deploy, Script { before: now(title), ..script(vec![(no_jobs(), own)]) }.answers());
        (end(&played).clone(), played.writes())
    };
    assert_eq!(ended(THEIRS), (DeployEnd::Busy { title: THEIRS.to_owned() }, 0));
    // Who deploys by hand deploys the text that is there: nothing of it is taken back.
    assert_eq!(ended("Manual deployment").1, 1);
}

#[test]
fn another_live_text_stops_it() {
    let played = deploy("m", |call, _| match call {
        Call::Compose { .. } => compose_with("services: {}\n"),
        Call::Queue => no_jobs(),
        _ => no_rows(),
    });
    assert_eq!((played.answer(), played.writes()), (&Answer::TextChanged { live: "services: {}\n".to_owned() }, 0));
}

#[test]
fn a_server_that_cannot_be_asked_is_asked_until_it_answers() {
    let mut rest = script(vec![(no_jobs(), rows("deployment.allByCompose", &[]))]).answers();
    let mut sent = None;
    let played = deploy("deploy v1", |call, now| match call {
        Call::Deploy { .. } => {
            sent = Some(now);
            rest(call, now)
        }
        // Dokploy restarts, then its database does.
        _ if sent.is_some_and(|sent| now - sent < std::time::Duration::from_secs(200)) => not_sent(),
        Call::Health if sent.is_some_and(|sent| now - sent < std::time::Duration::from_secs(260)) => {
            reply(call, "dbdown-trpc-settings.health")
        }
        _ if sent.is_some_and(|sent| now - sent < std::time::Duration::from_secs(260)) => unauthorized(),
        _ => rest(call, now),
    });
    assert_eq!(end(&played), &finished("KKiObpEkwSS8rbiAiUEEV", RowStatus::Done));
    let why: Vec<&str> = played
        .progress
        .iter()
        .filter_map(|news| if let DeployProgress::Unreachable { why } = news { Some(why.as_str()) } else { None })
        .collect();
    assert_eq!(why, ["Dokploy cannot be reached: connection refused", "Dokploy answers, but its database does not"]);
    assert!(played.sent.len() < 120, "{} requests", played.sent.len());
}

#[test]
fn a_history_that_cannot_be_read_is_no_end() {
    let odd = answered(json!([{ "deploymentId": "x", "title": 7, "status": "done" }]));
    let intent = Intent::Deploy { expected: TEXT.to_owned(), marker: "m".to_owned() };
    let played = play_until(&mut surveyed(), &intent, Moment::millis(600_000), script(vec![(no_jobs(), odd)]).answers());
    assert_eq!(played.answer, None);
    assert!(matches!(played.progress.as_slice(), [DeployProgress::Unreachable { .. }]));
}

#[test]
fn the_status_of_a_later_version_is_not_final() {
    let queued = [("\"done\"", "\"queued\"")];
    let looks = vec![
        (queue("deployment.queueList-active", &[]), rows("deployment.allByCompose", &queued)),
        (no_jobs(), rows("deployment.allByCompose", &[])),
    ];
    let played = deploy("deploy v1", script(looks).answers());
    assert_eq!(end(&played), &finished("KKiObpEkwSS8rbiAiUEEV", RowStatus::Done));
    assert_eq!(played.progress, [started("KKiObpEkwSS8rbiAiUEEV")]);
}

#[test]
fn a_title_that_changes_after_the_latch_changes_nothing() {
    let looks = vec![
        (no_jobs(), rows("deployment.allByCompose", &[("\"done\"", "\"running\"")])),
        (no_jobs(), rows("deployment.allByCompose", &[("deploy v1", "Merge branch"), ("\"done\"", "\"error\"")])),
    ];
    let played = deploy("deploy v1", script(looks).answers());
    assert_eq!(end(&played), &finished("KKiObpEkwSS8rbiAiUEEV", RowStatus::Error));
}

#[test]
fn a_deploy_that_is_not_allowed_is_not_asked_for_for_ever() {
    let sent = reply(&Call::Deploy { compose: String::new(), marker: String::new() }, "member-compose.deploy-forbidden");
    let played = deploy("m", Script { sent, ..script(vec![(no_jobs(), no_rows())]) }.answers());
    assert!(matches!(played.answer(), Answer::Failed(failure) if failure.kind == FailureKind::MissingRight && !failure.may_have_acted));
    assert_eq!(played.writes(), 3);
}

/// A history, newest first, of rows as (title, status).
fn history(rows: &[(&str, &str)]) -> Reply {
    let row = |(title, status): &(&str, &str)| json!({ "deploymentId": format!("row-of-{title}"), "title": title, "status": status });
    answered(rows.iter().map(row).collect())
}

/// A queue, the next job first, of jobs of the app as (title, state).
fn jobs(jobs: &[(&str, &str)]) -> Reply {
    let job = |(at, (title, state)): (usize, &(&str, &str))| json!({ "id": format!("job-{at}"), "timestamp": at, "state": state, "data": { "titleLog": title, "composeId": WEB } });
    let mut jobs: Vec<_> = jobs.iter().enumerate().map(job).collect();
    jobs.reverse();
    answered(jobs.into())
}

const OURS: &str = "plan run=ours phase=core try=1";
const THEIRS: &str = "plan run=theirs phase=core try=1";

fn overtaken(title: &str) -> DeployEnd {
    DeployEnd::Overtaken { title: title.to_owned() }
}

#[test]
fn a_deploy_that_came_between_our_look_and_ours_is_not_waited_for() {
    for looks in [
        (jobs(&[(THEIRS, "active"), (OURS, "waiting")]), history(&[(THEIRS, "running")])),
        (jobs(&[(THEIRS, "waiting"), (OURS, "waiting")]), history(&[])),
        // Begun and over already.
        (jobs(&[(OURS, "active")]), history(&[(OURS, "running"), (THEIRS, "done")])),
        // Ours is not to be seen yet, or never will be.
        (jobs(&[(THEIRS, "active")]), history(&[])),
    ] {
        let played = deploy(OURS, script(vec![looks]).answers());
        assert_eq!((end(&played), played.writes()), (&overtaken(THEIRS), 1));
    }
}

#[test]
fn a_deploy_that_comes_after_ours_is_told_when_ours_is_over() {
    let behind = || (jobs(&[(OURS, "active"), (THEIRS, "waiting")]), history(&[(OURS, "running"), ("old", "done")]));
    let gone =
        deploy(OURS, script(vec![behind(), (jobs(&[]), history(&[(OURS, "done"), ("old", "done")]))]).before(&[("old", "done")]).answers());
    assert_eq!(end(&gone), &finished(&format!("row-of-{OURS}"), RowStatus::Done), "it was withdrawn");
    let begun = script(vec![behind(), (jobs(&[]), history(&[(THEIRS, "running"), (OURS, "done")]))]).before(&[("old", "done")]);
    assert_eq!(end(&deploy(OURS, begun.answers())), &overtaken(THEIRS));
}

#[test]
fn a_deploy_whose_row_began_with_another_text_is_not_ours_to_judge() {
    let mut sent = false;
    let mut rest =
        script(vec![(jobs(&[(OURS, "active")]), history(&[(OURS, "running")])), (jobs(&[]), history(&[(OURS, "done")]))]).answers();
    let played = deploy(OURS, |call, now| {
        sent |= matches!(call, Call::Deploy { .. });
        // Somebody's update falls between our last look and the start of the job, which takes that text (FACTS §6).
        if sent && matches!(call, Call::Compose { .. }) { compose_with("services: {}\n") } else { rest(call, now) }
    });
    assert_eq!((played.answer(), played.writes()), (&Answer::TextChanged { live: "services: {}\n".to_owned() }, 1));
    assert_eq!(played.progress.last(), Some(&started(&format!("row-of-{OURS}"))));
}

#[test]
fn a_text_that_cannot_be_read_when_the_row_is_there_is_read_later() {
    let (mut sent, mut asked) = (false, 0);
    let mut rest = script(vec![(jobs(&[]), history(&[(OURS, "done")]))]).answers();
    let played = deploy(OURS, |call, now| {
        sent |= matches!(call, Call::Deploy { .. });
        asked += usize::from(sent && matches!(call, Call::Compose { .. }));
        if (1..4).contains(&asked) && matches!(call, Call::Compose { .. }) { server_error("boom") } else { rest(call, now) }
    });
    assert_eq!((end(&played), played.writes()), (&finished(&format!("row-of-{OURS}"), RowStatus::Done), 1));
    assert!(asked >= 4, "{asked}");
}

#[test]
fn whether_the_app_is_still_ours_goes_by_text_history_and_queue() {
    let ask = |live: &str, queue: Reply, rows: Reply, deployment: Option<&str>| {
        let deployment = deployment.map(|title| DeploymentId(format!("row-of-{title}")));
        let intent = Intent::StillOurs { expected: TEXT.to_owned(), deployment };
        let live = live.to_owned();
        let played = play(&mut surveyed(), &intent, move |call, _| match call {
            Call::Compose { .. } => compose_with(&live),
            Call::Queue => queue.clone(),
            _ => rows.clone(),
        });
        assert_eq!(played.writes(), 0);
        played.answer().clone()
    };
    let busy = |title: &str| Answer::Deployed(DeployEnd::Busy { title: title.to_owned() });
    let ours = || history(&[(OURS, "done"), (THEIRS, "done")]);
    assert_eq!(ask(TEXT, jobs(&[]), ours(), Some(OURS)), Answer::StillOurs);
    assert_eq!(ask(TEXT, jobs(&[]), ours(), None), Answer::StillOurs);
    let other = "services: {}\n";
    assert_eq!(ask(other, jobs(&[]), ours(), Some(OURS)), Answer::TextChanged { live: other.to_owned() });
    assert_eq!(ask(TEXT, jobs(&[]), history(&[(THEIRS, "done"), (OURS, "done")]), Some(OURS)), busy(THEIRS));
    assert_eq!(ask(TEXT, jobs(&[(THEIRS, "waiting")]), ours(), Some(OURS)), busy(THEIRS));
    assert_eq!(ask(TEXT, jobs(&[]), history(&[(THEIRS, "running"), ("old", "done")]), None), busy(THEIRS));
}
