//! The survey, against recorded answers.

use crate::play::{Played, answered, lost, not_sent, owner, play, reply_with, server_error, target, unauthorized};
use crate::recorded::reply;
use rollout_plan::dokploy::{Body, Call, Masks, Refusal, Reply, Session, Target};
use rollout_plan::engine::{Answer, ContainerState, Failure, FailureKind, HostContainer, Intent, Moment, Observed, Right, Survey};
use rollout_plan::wire::{self, HttpResponse};
use serde_json::json;
use std::time::Duration;

fn survey_as(target: Target, answer: impl FnMut(&Call, Moment) -> Reply) -> Played {
    let played = play(&mut Session::new(target, Masks::default()), &Intent::Survey, answer);
    assert_eq!(played.writes(), 0, "a survey changes nothing");
    played
}

fn survey(answer: impl FnMut(&Call, Moment) -> Reply) -> Played {
    survey_as(target(), answer)
}

fn found(played: &Played) -> &Survey {
    match played.answer() {
        Answer::Surveyed(survey) => survey,
        other => panic!("{other:?}"),
    }
}

fn failed(played: &Played) -> &Failure {
    match played.answer() {
        Answer::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_the_app_its_containers_and_the_host() {
    let played = survey(owner);
    let survey = found(&played);
    assert_eq!((survey.version.as_str(), survey.compose_id.as_str()), ("v0.30.2", "ml7I_tvF8zsmmM-iEVIQ8"));
    assert_eq!((survey.app_name.as_str(), survey.server.as_deref()), ("bench-web-uauhae", None));
    assert!(survey.text.starts_with("services:\n  web:\n"));
    let Observed::Known(containers) = &survey.containers else { panic!("{:?}", survey.containers) };
    assert_eq!(containers.len(), 1);
    assert_eq!((containers[0].service.as_str(), &containers[0].state), ("web", &ContainerState::Running));
    let published = vec![("127.0.0.1".to_owned(), 18081, "tcp".to_owned())];
    let host = HostContainer { name: "bench-web-uauhae-web-1".to_owned(), ours: true, ports: published, running: true };
    assert_eq!(survey.host, Some(vec![host]));
    assert!(survey.queue.is_empty() && survey.running_row.is_none());
    assert!(survey.unsupported.is_empty() && survey.missing_rights.is_empty());
    assert_eq!(survey.warnings.len(), 1, "{:?}", survey.warnings);
    assert!(survey.warnings[0].contains("autoDeploy"));
}

#[test]
fn a_member_s_missing_rights_are_named_together() {
    let played = survey(|call, now| match call {
        Call::Compose { .. } => reply(call, "member-granted-compose.one"),
        Call::ConvertedCompose { .. } => reply(call, "member-granted-getConvertedCompose"),
        Call::Queue => reply(call, "member-deployment.queueList"),
        Call::Deployments { .. } => reply(call, "member-granted-deployment.allByCompose"),
        Call::HostContainers { .. } => reply(call, "member-granted-docker.getContainers"),
        Call::Inspect { .. } => reply(call, "member-granted-docker.getConfig"),
        _ => owner(call, now),
    });
    assert_eq!(found(&played).missing_rights, [Right::CreateServices, Right::Docker]);
    assert!(found(&played).variables.contains("GREETING") && found(&played).variables.contains("APP_NAME"));
    let all = survey(|call, now| match call {
        Call::Compose { .. } => reply(call, "member-compose.one-forbidden"),
        Call::ConvertedCompose { .. } => reply(call, "member-granted-getConvertedCompose"),
        Call::Deployments { .. } => reply(call, "member-deployment.allByCompose-forbidden"),
        Call::HostContainers { .. } => reply(call, "member-docker.getContainers-forbidden"),
        _ => owner(call, now),
    });
    assert_eq!(failed(&all).kind, FailureKind::MissingRight);
    for right in ["access to the service", "Create Services", "Access to Docker", "access to deployments"] {
        assert!(failed(&all).message.contains(right), "{}", failed(&all).message);
    }
}

#[test]
fn a_member_with_every_right_lacks_none() {
    let played = survey(|call, now| match call {
        Call::Projects => reply(call, "member-full-project.all"),
        Call::Compose { .. } => reply(call, "member-full-compose.one"),
        Call::ConvertedCompose { .. } => reply(call, "member-full-getConvertedCompose"),
        Call::Deployments { .. } => reply(call, "member-full-deployment.allByCompose"),
        Call::AppContainers { .. } => reply(call, "member-full-docker.getContainersByAppNameMatch"),
        Call::HostContainers { .. } => reply(call, "member-full-docker.getContainers"),
        Call::Inspect { .. } => reply(call, "member-full-docker.getConfig"),
        _ => owner(call, now),
    });
    assert_eq!(found(&played).missing_rights, []);
}

#[test]
fn a_database_that_is_down_is_not_a_wrong_key() {
    let played = survey(|call, _| match call {
        Call::Health => reply(call, "dbdown-trpc-settings.health"),
        Call::Version => reply(call, "dbdown-settings.getDokployVersion"),
        _ => reply(call, "dbdown-project.all"),
    });
    assert_eq!(failed(&played).kind, FailureKind::DatabaseDown);
}

#[test]
fn a_wrong_key_is_told_soon() {
    let played = survey(|call, now| match call {
        Call::Health => owner(call, now),
        Call::Projects => reply(call, "err-wrong-key"),
        _ => unauthorized(),
    });
    assert_eq!(failed(&played).kind, FailureKind::KeyRefused);
    assert!(played.ended < Moment::millis(2_500) && played.sent.len() < 14, "{:?}", played.sent);
}

#[test]
fn a_key_that_stops_working_is_told_to_be_rate_limited_perhaps() {
    let mut left = 5;
    let played = survey(|call, now| match call {
        Call::Health => owner(call, now),
        _ if left > 0 => {
            left -= 1;
            owner(call, now)
        }
        _ => reply(&Call::Projects, "ratelimit-default-key-6"),
    });
    assert_eq!(failed(&played).kind, FailureKind::KeyRefused);
    assert!(failed(&played).message.contains("accepted the key before") && failed(&played).message.contains("rate"));
    assert!(failed(&played).tried_for >= Duration::from_secs(30), "a 401 in the middle is not believed at once");
}

#[test]
fn unknown_and_ambiguous_names_are_not_found() {
    let near = survey_as(Target { compose: "wep".to_owned(), ..target() }, owner);
    assert_eq!(failed(&near).kind, FailureKind::NotFound);
    assert!(failed(&near).message.contains("did you mean `web`?"), "{}", failed(&near).message);
    assert_eq!(near.calls("compose.one"), 0);
    let twice = survey(|call, now| match call {
        Call::Projects => match owner(call, now) {
            Reply::Answered(Body::Json(mut body)) => {
                let list = body.pointer_mut("/0/environments/0/compose").and_then(|list| list.as_array_mut()).expect("a list");
                list.push(json!({ "composeId": "other", "name": "web", "composeStatus": "idle" }));
                answered(body)
            }
            other => other,
        },
        _ => owner(call, now),
    });
    assert!(failed(&twice).message.contains("ambiguous: 2 compose services"), "{}", failed(&twice).message);
    let none = survey(|call, now| if *call == Call::Projects { reply(call, "member-project.all") } else { owner(call, now) });
    assert!(failed(&none).message.contains("no service assigned"), "{}", failed(&none).message);
}

#[test]
fn what_is_not_dokploy_is_told_soon() {
    let played = survey(|_, _| Reply::Refused(Refusal::NotDokploy(200, "a web page".to_owned())));
    assert_eq!(failed(&played).kind, FailureKind::NotDokploy);
    assert_eq!(played.sent.len(), 9, "each of the three first questions three times");
    assert!(played.ended < Moment::millis(2_000));
}

#[test]
fn what_answers_with_nonsense_for_a_moment_is_asked_again() {
    for nonsense in [Reply::Answered(Body::Empty), answered(json!({"items": 7})), Reply::Refused(Refusal::Forbidden("no".to_owned()))] {
        let mut left = std::collections::BTreeMap::new();
        let played = survey(|call, now| {
            let left = left.entry(call.procedure()).or_insert(2);
            if *left > 0 && !matches!(call, Call::Inspect { .. }) {
                *left -= 1;
                return nonsense.clone();
            }
            owner(call, now)
        });
        let Answer::Surveyed(survey) = played.answer() else { panic!("{nonsense:?}: {:?}", played.answer()) };
        assert_eq!(survey.missing_rights, []);
    }
}

#[test]
fn a_server_that_answers_500_or_nothing_is_given_up() {
    let broken = survey(|call, now| if *call == Call::Health { owner(call, now) } else { server_error("boom") });
    assert_eq!(failed(&broken).kind, FailureKind::ServerError);
    assert!(failed(&broken).message.contains("boom"));
    for silence in [not_sent, lost] {
        let played = survey(|_, _| silence());
        assert_eq!(failed(&played).kind, FailureKind::Unreachable);
        assert!(
            !failed(&played).may_have_acted && played.ended < Moment::millis(16_000),
            "a Dokploy that restarts is waited out, and no more"
        );
    }
}

#[test]
fn apps_of_another_kind_are_refused_with_the_reason() {
    let git = survey(|call, now| match call {
        Call::Compose { .. } => reply_with(call, "git-v1-phase1-compose.one", &[("YNZOjkoW7273x7hTTxtMY", "ml7I_tvF8zsmmM-iEVIQ8")]),
        _ => owner(call, now),
    });
    assert_eq!(found(&git).unsupported.len(), 1, "{:?}", found(&git).unsupported);
    assert!(found(&git).unsupported[0].contains("`git`"));
    let odd = survey(|call, now| match (call, owner(call, now)) {
        (Call::Compose { .. }, Reply::Answered(Body::Json(mut body))) => {
            body["composeType"] = json!("stack");
            body["randomize"] = json!(true);
            body["suffix"] = json!("x");
            body["isolatedDeployment"] = json!(true);
            body["command"] = json!("compose up");
            answered(body)
        }
        (_, reply) => reply,
    });
    assert_eq!(found(&odd).unsupported.len(), 5, "{:?}", found(&odd).unsupported);
}

#[test]
fn an_app_on_another_server_is_asked_for_there() {
    let ids = [("oqVIboaAjlAZ9khCvBr6W", "ml7I_tvF8zsmmM-iEVIQ8")];
    let mut session = Session::new(target(), Masks::default());
    let played = play(&mut session, &Intent::Survey, |call, now| match call {
        Call::Compose { .. } => reply_with(call, "remote-compose.one", &ids),
        Call::Queue => reply_with(call, "remote-deployment.queueList-two", &ids),
        Call::AppContainers { .. } => reply(call, "remote-docker.getContainersByAppNameMatch"),
        Call::HostContainers { .. } => reply(call, "remote-docker.getContainers"),
        Call::Inspect { .. } => reply(call, "remote-docker.getConfig"),
        _ => owner(call, now),
    });
    assert!(session.is_remote());
    for (_, call) in &played.sent {
        if let Call::AppContainers { server, .. } | Call::HostContainers { server } | Call::Inspect { server, .. } = call {
            assert_eq!(server.as_deref(), Some("pS4QDTcV-kpSzQFrBfiBp"), "{call:?}");
        }
    }
    let queue: Vec<(&str, bool, bool)> = found(&played).queue.iter().map(|job| (job.title.as_str(), job.this_app, job.active)).collect();
    assert_eq!(queue, [("P1", false, true), ("P2 other remote", true, false)]);
}

#[test]
fn silent_docker_is_unknown_and_not_nothing() {
    let played = survey(|call, now| match call {
        Call::AppContainers { .. } | Call::OwnContainers { .. } => reply(call, "dockerdown-docker.getContainersByAppNameMatch"),
        Call::HostContainers { .. } => reply(call, "dockerdown-docker.getContainers"),
        Call::ServerHealth { .. } => reply(call, "dockerdown-docker.getServerHealth"),
        _ => owner(call, now),
    });
    assert!(matches!(found(&played).containers, Observed::Unknown(_)));
    assert_eq!(found(&played).host, None);
}

#[test]
fn old_and_new_versions() {
    let with =
        |version: &'static str| survey(move |call, now| if *call == Call::Version { answered(json!(version)) } else { owner(call, now) });
    assert_eq!(failed(&with("v0.24.9")).kind, FailureKind::Unsupported);
    let newer = with("v0.31.0");
    assert!(found(&newer).untested.as_ref().is_some_and(|untested| untested.allow == "0.31" && untested.why.contains("newer")));
}

#[test]
fn a_row_that_says_running_without_a_job_is_no_deploy_under_way() {
    let going = |call: &Call| reply_with(call, "deployment.allByCompose-one-running-one-queued", &[]);
    let dead = survey(|call, now| if matches!(call, Call::Deployments { .. }) { going(call) } else { owner(call, now) });
    assert_eq!(found(&dead).running_row, None);
    assert!(found(&dead).warnings.iter().any(|warning| warning.contains("nobody will ever end it")), "{:?}", found(&dead).warnings);
    assert!(dead.ended >= Moment::millis(8_000), "one look is not enough");

    // With a job of the app it is one, and so it is where the queue cannot be seen.
    let busy = survey(|call, now| match call {
        Call::Deployments { .. } => going(call),
        Call::Queue => reply_with(call, "deployment.queueList-active", &[("Gk_KCkfPOtBPA2kHsKGlv", "ml7I_tvF8zsmmM-iEVIQ8")]),
        _ => owner(call, now),
    });
    assert_eq!(found(&busy).running_row.as_deref(), Some("A1"));
    let blind = survey(|call, now| match call {
        Call::Version => answered(json!("v0.27.0")),
        Call::Deployments { .. } => going(call),
        _ => owner(call, now),
    });
    assert_eq!(found(&blind).running_row.as_deref(), Some("A1"));
}

#[test]
fn the_cloud_is_refused_and_a_dokploy_that_does_not_know_the_question_is_none() {
    let cloud = |answer: Reply| survey(move |call, now| if *call == Call::Cloud { answer.clone() } else { owner(call, now) });
    let refused = cloud(answered(json!(true)));
    assert!(found(&refused).unsupported[0].contains("Dokploy Cloud"), "{:?}", found(&refused).unsupported);
    for own in [answered(json!(false)), Reply::Refused(Refusal::NoSuchProcedure), Reply::Answered(Body::Empty)] {
        assert!(found(&cloud(own)).unsupported.is_empty());
    }
}

#[test]
fn a_health_question_that_an_old_dokploy_does_not_know_is_no_trouble() {
    let body = r#"{"error":{"json":{"message":"No procedure found on path \"settings.health\"","code":-32004,"data":{"code":"NOT_FOUND","httpStatus":404,"path":"settings.health"}}}}"#;
    let response = HttpResponse { status: 404, content_type: Some("application/json".to_owned()), body: body.as_bytes().to_vec() };
    let unknown = wire::decode(&Call::Health, &response);
    assert_eq!(unknown, Reply::Refused(Refusal::NoSuchProcedure));
    let played = survey(|call, now| if *call == Call::Health { unknown.clone() } else { owner(call, now) });
    assert_eq!(found(&played).version, "v0.30.2");
}

#[test]
fn a_shell_that_prints_is_named_with_where_to_look() {
    let rows =
        reply(&Call::AppContainers { app_name: String::new(), server: None }, "remote-noisy-stdout-docker.getContainersByAppNameMatch");
    let Reply::Answered(Body::Json(mut noise)) = rows else { panic!("{rows:?}") };
    noise.as_array_mut().unwrap().truncate(1);
    let played = survey(|call, now| if matches!(call, Call::AppContainers { .. }) { answered(noise.clone()) } else { owner(call, now) });
    let Observed::Unknown(why) = &found(&played).containers else { panic!("{:?}", found(&played).containers) };
    assert!(why.contains("~/.bashrc"), "{why}");
}
