//! Containers, logs, stopping and withdrawing, against recorded answers.

use crate::play::{Played, answered, lost, not_sent, owner, play, reply_with, server_error, surveyed};
use crate::recorded::reply;
use crate::support::dice::Dice;
use rollout_plan::dokploy::{Body, Call, Masks, Reply};
use rollout_plan::engine::{
    Answer, Container, ContainerId, ContainerState, DeploymentId, FailureKind, Health, Intent, Log, Moment, Observed,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

const WEB: &str = "ml7I_tvF8zsmmM-iEVIQ8";

fn observe(answer: impl FnMut(&Call, Moment) -> Reply) -> Played {
    play(&mut surveyed(), &Intent::Observe, answer)
}

fn known(played: &Played) -> &[Container] {
    match played.answer() {
        Answer::Observed(Observed::Known(containers)) => containers,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_crash_loop_shows_in_its_restarts() {
    let restarts: Vec<(u64, ContainerState)> = (0..8)
        .map(|at| {
            let played = observe(|call, _| match call {
                Call::AppContainers { .. } => reply(call, &format!("docker.getContainersByAppNameMatch-crash-{at}")),
                _ => reply(call, &format!("docker.getConfig-crash-{at}")),
            });
            let container = &known(&played)[0];
            assert!(container.restarts_itself);
            (container.restarts, container.state.clone())
        })
        .collect();
    let counts: Vec<u64> = restarts.iter().map(|(count, _)| *count).collect();
    assert_eq!(counts, [2, 4, 5, 6, 6, 6, 7, 7]);
    assert!(restarts.iter().skip(1).all(|(_, state)| *state == ContainerState::Restarting), "{restarts:?}");
}

#[test]
fn health_and_ends_are_read() {
    let one = |listed: &str, inspected: &str, id: &str| {
        let played = observe(|call, _| match call {
            Call::AppContainers { .. } => answered(json!([{ "containerId": id, "name": listed, "state": "running", "status": "" }])),
            _ => reply(call, inspected),
        });
        known(&played)[0].clone()
    };
    let unhealthy = one("w", "docker.getConfig-unhealthy", "c43dcefd5070");
    assert_eq!((unhealthy.health, unhealthy.state), (Some(Health::Unhealthy), ContainerState::Running));
    let oom = one("o", "edge-oom-once-docker.getConfig", "fcce053ec684");
    assert_eq!((oom.state, oom.oom_killed), (ContainerState::Exited(137), true));
    let created = one("w", "edge-migrate-fail-first-web-docker.getConfig", "ebc6704db484");
    assert_eq!((created.state, created.service.as_str()), (ContainerState::Created, "web"));
    let migrated = one("m", "edge-migrate-fail-first-migrate-docker.getConfig", "aa67756db98d");
    assert_eq!((migrated.state, migrated.restarts_itself), (ContainerState::Exited(3), false));
}

#[test]
fn docker_s_silence_is_unknown() {
    let silent = |call: &Call| reply(call, &format!("dockerdown-{}", call.procedure()));
    let listed = observe(|call, _| silent(call));
    assert!(matches!(listed.answer(), Answer::Observed(Observed::Unknown(_))));
    assert_eq!(listed.calls("docker.getServerHealth"), 1, "an empty list is not believed by itself");
    let inspected = observe(|call, now| match call {
        Call::Inspect { .. } => reply(call, "dockerdown-docker.getConfig"),
        _ => owner(call, now),
    });
    assert!(matches!(inspected.answer(), Answer::Observed(Observed::Unknown(_))));
    assert_eq!(inspected.calls("docker.getContainersByAppNameMatch"), 2, "it is listed again, in case it vanished");
}

#[test]
fn an_empty_list_is_none_when_docker_answers_in_between() {
    let none = |call: &Call| reply(call, "dockerdown-docker.getContainersByAppNameMatch");
    let by_host = observe(|call, _| match call {
        Call::AppContainers { .. } => none(call),
        _ => reply(call, "empty-host-docker.getContainers"),
    });
    assert_eq!(*by_host.answer(), Answer::Observed(Observed::Known(Vec::new())));
    assert_eq!(by_host.calls("docker.getContainersByAppNameMatch"), 2, "it is listed again after Docker has shown that it answers");
    // Dokploy hides its own containers, so the host's list may be empty too.
    let by_own = observe(|call, _| match call {
        Call::AppContainers { .. } => none(call),
        Call::HostContainers { .. } => reply(call, "dockerdown-docker.getContainers"),
        _ => reply(call, "docker.getContainersByAppNameMatch"),
    });
    assert_eq!(*by_own.answer(), Answer::Observed(Observed::Known(Vec::new())));
    assert_eq!(by_own.calls("docker.getServerHealth"), 0);
    let by_health = observe(|call, _| match call {
        Call::AppContainers { .. } | Call::OwnContainers { .. } => none(call),
        Call::HostContainers { .. } => reply(call, "dockerdown-docker.getContainers"),
        _ => reply(call, "docker.getServerHealth"),
    });
    assert_eq!(*by_health.answer(), Answer::Observed(Observed::Known(Vec::new())));
}

#[test]
fn a_container_that_vanishes_in_between_is_gone() {
    let mut lists = 0;
    let played = observe(|call, now| match call {
        Call::AppContainers { .. } => {
            lists += 1;
            let gone = json!({ "containerId": "deadbeef0000", "name": "old", "state": "running", "status": "" });
            match (lists, owner(call, now)) {
                (1, Reply::Answered(Body::Json(mut list))) => {
                    list.as_array_mut().expect("a list").insert(0, gone);
                    answered(list)
                }
                (_, reply) => reply,
            }
        }
        Call::Inspect { container, .. } if container == "deadbeef0000" => reply(call, "docker.getConfig-unknown"),
        _ => owner(call, now),
    });
    assert_eq!(known(&played).len(), 1);
}

#[test]
fn the_greeting_of_a_login_shell_is_no_container() {
    let played = observe(|call, _| match call {
        Call::AppContainers { .. } => {
            reply_with(call, "remote-noisy-stdout-docker.getContainersByAppNameMatch", &[("3bb0411c0ad5", "0ad1e2efb87a")])
        }
        _ => reply(call, "docker.getConfig"),
    });
    assert_eq!((known(&played).len(), played.calls("docker.getConfig")), (1, 1));
}

#[test]
fn what_cannot_be_asked_fails_soon() {
    let played = observe(|_, _| not_sent());
    assert!(matches!(played.answer(), Answer::Failed(failure) if failure.kind == FailureKind::Unreachable));
    assert!(played.ended < Moment::millis(3_000));
}

fn logs(intent: &Intent, answer: impl FnMut(&Call, Moment) -> Reply) -> BTreeMap<String, Log> {
    match play(&mut surveyed(), intent, answer).answer() {
        Answer::Logs(logs) => logs.clone(),
        other => panic!("{other:?}"),
    }
}

fn deploy_log() -> Intent {
    Intent::DeployLog { deployment: DeploymentId("d".to_owned()), lines: 400 }
}

#[test]
fn a_deploy_log_is_read_to_its_end() {
    let log = &logs(&deploy_log(), |call, _| reply(call, "deployment.readLogs-port"))[""];
    assert_eq!(log.missing, None);
    assert!(log.lines.iter().any(|line| line.contains("Docker command failed")), "{:?}", log.lines);
}

#[test]
fn a_log_that_is_not_there_is_missing() {
    for name in ["deployment.readLogs-file-gone", "remote-sshdown-deployment.readLogs-deploy"] {
        let log = &logs(&deploy_log(), |call, _| reply(call, name))[""];
        assert!(log.missing.is_some() && log.lines.is_empty(), "{name}: {log:?}");
    }
    let containers = Intent::ContainerLogs { containers: vec![("web".to_owned(), ContainerId("c".to_owned()))], lines: 100, seconds: None };
    for name in ["compose.readLogs-unknown-container", "dockerdown-compose.readLogs", "remote-sshdown-compose.readLogs"] {
        let log = &logs(&containers, |call, _| reply(call, name))["web"];
        assert!(log.missing.is_some() && log.lines.is_empty(), "{name}: {log:?}");
    }
}

#[test]
fn a_log_over_dokploy_s_limit_is_asked_for_in_less() {
    let mut asked = Vec::new();
    let log = logs(&deploy_log(), |call, _| {
        let Call::DeployLog { lines, .. } = call else { panic!("{call:?}") };
        asked.push(*lines);
        if *lines > 50 { reply(call, "err-deployment.readLogs-over-1MiB") } else { reply(call, "deployment.readLogs-success") }
    });
    assert_eq!((asked, log[""].missing.as_deref()), (vec![400, 100, 25], None));
}

#[test]
fn logs_of_several_containers_of_a_service_stand_together() {
    let id = |id: &str| ContainerId(id.to_owned());
    let containers = vec![("web".to_owned(), id("a")), ("web".to_owned(), id("b")), ("db".to_owned(), id("c"))];
    let read = logs(&Intent::ContainerLogs { containers, lines: 9, seconds: None }, |call, _| match call {
        Call::ContainerLog { container, .. } if container == "b" => server_error("gone"),
        Call::ContainerLog { container, .. } => answered(json!(format!("from {container}\n"))),
        other => panic!("{other:?}"),
    });
    assert_eq!(read["db"].lines, ["from c"]);
    let web: Vec<&str> = read["web"].lines.iter().map(String::as_str).collect();
    assert_eq!(web[..3], ["--- container a", "from a", "--- container b"]);
    assert!(web[3].contains("no log") && read["web"].missing.is_none());
}

#[test]
fn secrets_do_not_get_into_logs_and_messages() {
    let mut masks = Masks::default();
    masks.add_secret("top-secret-key");
    let mut session = rollout_plan::dokploy::Session::new(crate::play::target(), masks);
    let with_env = |call: &Call, now: Moment| match (call, owner(call, now)) {
        (Call::Compose { .. }, Reply::Answered(Body::Json(mut body))) => {
            body["env"] = json!("TOKEN=s3cr3t-token\nURL=postgres://app:pa55word@db/app");
            answered(body)
        }
        (_, reply) => reply,
    };
    play(&mut session, &Intent::Survey, with_env);
    let said = "\u{1b}[31mtop-secret-key\u{1b}[0m s3cr3t-\u{1b}[1mtoken pa55word\n";
    let played = play(&mut session, &deploy_log(), |_, _| answered(json!(said)));
    let Answer::Logs(logs) = played.answer() else { panic!("{:?}", played.answer()) };
    assert_eq!(logs[""].lines, ["[secret] [$TOKEN] [$URL]"]);
    let played = play(&mut session, &Intent::Stop, |_, _| server_error("cannot stop with s3cr3t-token"));
    assert!(matches!(played.answer(), Answer::Failed(failure) if failure.message.contains("[$TOKEN]") && failure.may_have_acted));
    assert!(!format!("{session:?}").contains("s3cr3t"));
}

fn stop(answer: impl FnMut(&Call, Moment) -> Reply) -> Played {
    play(&mut surveyed(), &Intent::Stop, answer)
}

#[test]
fn stopping_says_so_or_is_looked_up() {
    assert_eq!(stop(|call, _| reply(call, "compose.stop")).answer(), &Answer::Stopped);
    let mut looks = 0;
    let looked_up = stop(|call, now| {
        if !call.is_read() {
            return lost();
        }
        looks += 1;
        if looks < 3 { owner(call, now) } else { reply(call, "docker.getContainersByAppNameMatch-stopped") }
    });
    assert_eq!((looked_up.answer(), looked_up.writes()), (&Answer::Stopped, 1));
    let silent = stop(|call, _| match call {
        Call::Stop { .. } => lost(),
        _ => reply(call, "dockerdown-docker.getContainersByAppNameMatch"),
    });
    assert!(matches!(silent.answer(), Answer::Failed(failure) if failure.may_have_acted), "an empty list is no proof");
    let refused = stop(|call, _| match call {
        Call::Stop { .. } => reply(call, "dockerdown-compose.stop"),
        _ => reply(call, "dockerdown-docker.getContainersByAppNameMatch"),
    });
    let Answer::Failed(failure) = refused.answer() else { panic!("{:?}", refused.answer()) };
    assert!(failure.message.contains("Cannot connect to the Docker daemon") && !failure.message.contains("env -i"), "{}", failure.message);
}

fn withdraw(answer: impl FnMut(&Call, Moment) -> Reply) -> Played {
    play(&mut surveyed(), &Intent::Withdraw { marker: "B1".to_owned() }, answer)
}

#[test]
fn our_waiting_job_is_withdrawn_if_all_that_wait_are_ours() {
    let ours = || reply_with(&Call::Queue, "deployment.queueList-active-and-waiting", &[("6XW8Psn6NqgyJwewMftlV", WEB)]);
    let both = || {
        let ids = [("6XW8Psn6NqgyJwewMftlV", WEB), ("Gk_KCkfPOtBPA2kHsKGlv", WEB)];
        reply_with(&Call::Queue, "deployment.queueList-active-and-waiting", &ids)
    };
    let empty = || reply(&Call::Deployments { compose: String::new() }, "deployment.allByCompose-empty");
    for clean in [|call: &Call| reply(call, "compose.cleanQueues-with-waiting"), |_: &Call| lost()] {
        let mut cleaned = false;
        let played = withdraw(|call, _| match call {
            Call::CleanQueues { .. } => {
                cleaned = true;
                clean(call)
            }
            Call::Queue if cleaned => reply(call, "deployment.queueList-empty"),
            Call::Queue => ours(),
            _ => empty(),
        });
        assert_eq!((played.answer(), played.writes()), (&Answer::Withdrawn(true), 1));
    }
    let others = withdraw(|call, _| if *call == Call::Queue { both() } else { empty() });
    assert_eq!((others.answer(), others.writes()), (&Answer::Withdrawn(false), 0));
    let started = withdraw(|call, _| match call {
        Call::Queue => reply(call, "deployment.queueList-empty"),
        _ => reply_with(call, "deployment.allByCompose", &[("deploy v1", "B1")]),
    });
    assert_eq!((started.answer(), started.writes()), (&Answer::Withdrawn(false), 0));
}

/// A container is found by its whole name, in the list that has it: Dokploy's own by theirs, and what Dokploy hides is not said to be gone.
#[test]
fn a_container_is_found_by_its_name_or_it_is_said_why_it_cannot_be() {
    let names = ["proxy", "proxy2", "dokploy", "dokploy-traefik", "my-dokploy", "db"];
    let mut dice = Dice(0x0A0A_0AED);
    let mut ends = BTreeSet::new();
    for _ in 0..1000 {
        let wanted = names[dice.roll(names.len())];
        let listed: Vec<(String, &str)> = (0..dice.roll(4)).map(|at| (format!("{at:012x}"), names[dice.roll(names.len())])).collect();
        // Gone between the list and the look, so often.
        let gone = if dice.roll(3) == 0 { 1 + dice.roll(2) } else { 0 };
        let mut looks = 0;
        let is_own = |name: &str| name.starts_with("dokploy");
        let rows = |own: bool| {
            let shown = listed.iter().filter(|(_, name)| is_own(name) == own && (own || !name.contains("dokploy")));
            let row = |(id, name): &(String, &str)| json!({"containerId": id, "name": name, "image": "i", "ports": "", "state": "running", "status": "Up"});
            answered(shown.map(row).collect())
        };
        let played = play(&mut surveyed(), &Intent::ObserveNamed { name: wanted.to_owned() }, |call, _| match call {
            Call::OwnContainers { .. } => rows(true),
            Call::HostContainers { .. } => rows(false),
            Call::Inspect { container, .. } => {
                assert!(listed.iter().any(|(id, name)| id == container && *name == wanted), "{container} is another one");
                looks += 1;
                let of_it = [("0ad1e2efb87a", container.as_str())];
                if looks <= gone { Reply::Answered(Body::Empty) } else { reply_with(call, "docker.getConfig", &of_it) }
            }
            other => panic!("{other:?} is not expected"),
        });
        let beside = listed.iter().filter(|(_, name)| is_own(name) == is_own(wanted) && (is_own(wanted) || !name.contains("dokploy")));
        let (is_hidden, is_listed) = (wanted == "my-dokploy", listed.iter().any(|(_, name)| *name == wanted));
        let expected = match (is_hidden, is_listed) {
            (true, _) => "hides containers",
            (_, true) if gone > 1 => "does not say how",
            (_, true) => "found",
            _ if beside.count() > 0 => "none",
            _ => "lists no container",
        };
        ends.insert(expected);
        match played.answer() {
            Answer::Observed(Observed::Known(found)) => assert_eq!(found.len(), usize::from(expected == "found"), "{wanted} of {listed:?}"),
            Answer::Observed(Observed::Unknown(why)) => assert!(why.contains(expected), "{why}: {wanted} of {listed:?}"),
            other => panic!("{other:?}"),
        }
        assert!(matches!(played.answer(), Answer::Observed(Observed::Known(_))) == matches!(expected, "found" | "none"));
    }
    assert_eq!(ends.len(), 5, "{ends:?}");
}
