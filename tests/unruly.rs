//! Procedures against servers that answer anything: whatever comes back, nothing is done twice and nothing is made up.

use crate::play::{answered, play_until, surveyed};
use crate::recorded::{Recording, recordings};
use crate::recordings::mutated;
use proptest::prelude::*;
use rollout_plan::dokploy::{Body, Call, Refusal, Reply, rows};
use rollout_plan::engine::{Answer, ContainerId, DeployEnd, DeploymentId, Intent, Moment, Observed, RowStatus};
use rollout_plan::wire;
use std::collections::BTreeSet;
use std::time::Duration;

/// The live text of the bench's recorded app.
fn live() -> String {
    let call = Call::Compose { compose: String::new() };
    match crate::recorded::reply(&call, "compose.one") {
        Reply::Answered(Body::Json(body)) => body["composeFile"].as_str().expect("a text").to_owned(),
        other => panic!("{other:?}"),
    }
}

fn intents() -> Vec<Intent> {
    vec![
        Intent::Survey,
        Intent::Find,
        Intent::Replace { expected: live(), text: "services: {}\n".to_owned() },
        Intent::Deploy { expected: live(), marker: "deploy v1".to_owned() },
        Intent::Deploy { expected: live(), marker: "m".to_owned() },
        Intent::Observe,
        Intent::DeployLog { deployment: DeploymentId("d".to_owned()), lines: 200 },
        Intent::ContainerLogs { containers: vec![("web".to_owned(), ContainerId("c".to_owned()))], lines: 50, seconds: None },
        Intent::Stop,
        Intent::Withdraw { marker: "B1".to_owned() },
        Intent::StillOurs { expected: live(), deployment: Some(DeploymentId("d".to_owned())) },
    ]
}

/// Any reply to a call: a recorded one, one with a place changed, or trouble. `tame` of 10 are the procedure's plainest recording.
fn unruly(call: &Call, die: u64, tame: u64) -> Reply {
    let all = recordings(call.procedure());
    let pick = |seed: u64| &all[usize::try_from(seed).unwrap_or(0) % all.len()];
    let plain = |recording: &Recording| wire::decode(call, &recording.response());
    if die % 10 < tame {
        let own = all.iter().find(|recording| recording.name == call.procedure()).unwrap_or(&all[0]);
        return plain(own);
    }
    let seed = die / 10;
    match seed % 10 {
        0 => Reply::NotSent("refused".to_owned()),
        1 => Reply::Lost("reset".to_owned()),
        2 => Reply::Refused(Refusal::Unauthorized),
        3 => Reply::Refused(Refusal::Server(502, "a proxy".to_owned())),
        4 => Reply::Refused(Refusal::NotDokploy(200, "a web page".to_owned())),
        5 => match plain(pick(seed / 10)) {
            Reply::Answered(Body::Json(body)) => {
                answered(mutated(&body, usize::try_from(seed / 100).unwrap_or(0), usize::try_from(seed / 7).unwrap_or(0)))
            }
            other => other,
        },
        6 => Reply::Refused(Refusal::TooMany),
        7 => Reply::Answered(Body::Empty),
        _ => plain(pick(seed / 10)),
    }
}

/// Whether a write so answered may have been done.
fn may_have_acted(reply: &Reply) -> bool {
    let is_certain = |refusal: &Refusal| !matches!(refusal, Refusal::Server(..) | Refusal::NotDokploy(..));
    !matches!(reply, Reply::NotSent(_)) && !matches!(reply, Reply::Refused(refusal) if is_certain(refusal))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_done_twice_and_nothing_is_made_up(which in 0usize..11, tame in 0u64..10, dice in prop::collection::vec(any::<u64>(), 1..40)) {
        let intent = &intents()[which];
        let (mut acted, mut rolled) = (0, 0);
        // When a write last may have been done, and what was read since.
        let mut last: Option<(Moment, BTreeSet<&'static str>)> = None;
        let mut blind = Vec::new();
        let mut finals: Vec<(String, rows::Status)> = Vec::new();
        let mut docker_answered = false;
        let played = play_until(&mut surveyed(), intent, Moment::millis(1_800_000), |call, now| {
            rolled += 1;
            let reply = unruly(call, dice[rolled % dice.len()].rotate_left(u32::try_from(rolled % 64).unwrap_or(0)), tame);
            if call.is_read() {
                if let Some((_, read)) = &mut last {
                    read.insert(call.procedure());
                }
            } else {
                // Sent again only after it was looked for, and a deploy not before half a minute.
                if let Some((at, read)) = &last {
                    let is_soon = matches!(call, Call::Deploy { .. }) && now - *at < Duration::from_secs(30);
                    let needed: &[&str] = match call {
                        Call::Deploy { .. } => &["deployment.queueList", "deployment.allByCompose"],
                        Call::UpdateText { .. } => &["compose.one"],
                        _ => &["docker.getContainersByAppNameMatch"],
                    };
                    if is_soon || needed.iter().any(|one| !read.contains(one)) {
                        blind.push(format!("{call:?} again after {:?} and {read:?}", now - *at));
                    }
                }
                if may_have_acted(&reply) {
                    acted += 1;
                    last = Some((now, BTreeSet::new()));
                }
            }
            if let (Call::Deployments { .. }, Reply::Answered(Body::Json(body))) = (call, &reply) {
                finals.extend(rows::deployments(body).into_iter().flatten().map(|row| (row.id, row.status)));
            }
            docker_answered |= match (call, &reply) {
                (Call::HostContainers { .. }, Reply::Answered(Body::Json(body))) => rows::docker_answered(body),
                (Call::OwnContainers { .. }, Reply::Answered(Body::Json(body))) => rows::app_containers(body).is_ok_and(|rows| !rows.is_empty()),
                (Call::ServerHealth { .. }, Reply::Answered(Body::Json(body))) => rows::engine_answered(body),
                _ => false,
            };
            reply
        });
        prop_assert!(acted <= 3 && blind.is_empty(), "{acted} writes may have been done, {blind:?}");
        let writes = !matches!(intent, Intent::Find | Intent::Survey | Intent::StillOurs { .. } | Intent::Observe | Intent::DeployLog { .. } | Intent::ContainerLogs { .. });
        prop_assert!(writes || played.writes() == 0);
        match played.answer {
            Some(Answer::Deployed(DeployEnd::Finished { deployment, status, .. })) => {
                let status = match status {
                    RowStatus::Done => rows::Status::Done,
                    RowStatus::Error => rows::Status::Error,
                    RowStatus::Cancelled => rows::Status::Cancelled,
                };
                prop_assert!(finals.contains(&(deployment.0, status)), "a row that was never seen");
            }
            Some(Answer::Observed(Observed::Known(containers))) if containers.is_empty() => {
                prop_assert!(docker_answered, "none, though Docker never showed that it answers");
            }
            Some(Answer::Failed(failure)) => prop_assert!(!failure.message.is_empty() && !failure.message.contains('\n')),
            // Only following a deploy may go on for ever: the engine has the deadlines.
            None => prop_assert!(which == 3 || which == 4, "it goes on for ever"),
            _ => {}
        }
    }
}
