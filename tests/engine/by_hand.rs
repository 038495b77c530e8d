//! What an operator may ask for: going back, starting where told, waiving a service, failing the phase in flight; and what is refused.

use super::fake::{Behaviour, Deploying, Fake, Run, drive, options};
use super::plan::{PHASES, SERVICES, schedule, seconds};
use rollout_plan::engine::*;
use rollout_plan::schedule::{Header, PhaseId, Pin, body_of};
use std::collections::BTreeSet;

fn names(count: usize) -> BTreeSet<String> {
    SERVICES[..count].iter().map(|name| (*name).to_owned()).collect()
}

/// The plan brought up to this phase by run `r1`.
fn up_to(phase: usize) -> Fake {
    let mut fake = Fake::new(schedule());
    let run = drive(&mut fake, Options { until: Some(PhaseId(phase)), ..options() });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    fake
}

/// A phase as a run left it.
fn state(run: &str, phase: usize) -> Remembered {
    let found = &schedule().phases[phase];
    Remembered {
        run: run.to_owned(),
        name: found.name.clone(),
        compose_id: Some("c1".to_owned()),
        text: rollout_plan::schedule::render(found, run, &rollout_plan::schedule::Commits::new(), true),
        services: found.services.clone(),
        proof: Proof::Verified(found.services.clone()),
    }
}

fn back_to(to: To, states: Vec<Remembered>) -> Options {
    Options { run: "r2".to_owned(), goal: Goal::Back(Back { to, states }), ..options() }
}

/// What `r1` knows after it verified the first phases.
fn states(count: usize) -> Vec<Remembered> {
    (0..count).map(|phase| state("r1", phase)).collect()
}

fn target(run: &Run) -> Target {
    let found = run.events.iter().find_map(|(_, event)| match event {
        Event::TargetFound { target, .. } => Some(target.clone()),
        _ => None,
    });
    found.expect("a target was found")
}

fn removes(run: &Run) -> BTreeSet<String> {
    let found = run.events.iter().find_map(|(_, event)| match event {
        Event::TargetFound { removes, .. } => Some(removes.clone()),
        _ => None,
    });
    found.expect("a target was found")
}

#[track_caller]
fn refused(run: &Run, code: u8, words: &str) {
    assert_eq!((run.code(), run.changes()), (code, vec![]), "{}", run.ending.verdict);
    let why = match &run.ending.reason {
        Reason::Refused { why } => why.join("\n"),
        Reason::Busy { who: why } | Reason::CouldNotAsk { why } => why.clone(),
        other => panic!("{other:?}"),
    };
    assert!(why.contains(words), "{words:?} is not in {why:?}");
}

// Going back.

#[test]
fn the_last_verified_state_before_a_verified_phase_is_the_phase_before_it() {
    for known in [states(3), Vec::new()] {
        let mut fake = up_to(2);
        let run = drive(&mut fake, back_to(To::Last, known));
        assert_eq!(run.code(), 0, "{}", run.ending.verdict);
        assert_eq!(run.ending.verdict, "backend runs phase `core`, 2/2 healthy");
        assert_eq!((target(&run), removes(&run)), (Target::Phase(PhaseId(1)), ["crm".to_owned()].into()));
        assert_eq!(run.changes(), ["replace core", "deploy rollback-to=core", "replace core verified"]);
        assert_eq!(fake.containers.keys().cloned().collect::<BTreeSet<_>>(), names(2));
        let header = Header::parse(&fake.text).unwrap();
        assert_eq!((header.run.as_str(), header.verified, run.ending.live.as_deref()), ("r2", true, Some("core")));
        // What was live and what is gone back to are on disk before the first change, and the user was asked.
        let kept = run.effects.iter().filter_map(|(_, effect)| match effect {
            Effect::KeepSnapshot { name, .. } => Some(name.as_str()),
            _ => None,
        });
        assert_eq!(kept.collect::<Vec<_>>(), ["baseline", "core"]);
        let at = |test: fn(&Event) -> bool| run.at(test).unwrap();
        let agreed = at(|event| matches!(event, Event::Agreed));
        assert!(at(|event| matches!(event, Event::TargetFound { .. })) < agreed);
        assert!(
            at(|event| matches!(event, Event::SnapshotKept { name, .. } if name == "core"))
                < at(|event| matches!(event, Event::Replacing { .. }))
        );
    }
}

#[test]
fn nobody_agreed_so_nothing_is_gone_back_to() {
    let mut fake = up_to(2);
    fake.confirms = false;
    refused(&drive(&mut fake, back_to(To::Last, states(3))), 3, "not agreed");
}

#[test]
fn from_what_failed_or_is_somebody_elses_the_newest_verified_state_is_gone_back_to() {
    // A phase that failed and was left as it was.
    let mut fake = up_to(1);
    fake.behaviour = Box::new(|name, _| if name == "crm" { Behaviour::Unhealthy } else { Behaviour::Well });
    let failed = drive(&mut fake, Options { on_failure_stop: Some(true), ..options() });
    assert_eq!(failed.code(), 5);
    let run = drive(&mut fake, back_to(To::Last, states(2)));
    assert_eq!((run.code(), target(&run)), (0, Target::Phase(PhaseId(1))), "{}", run.ending.verdict);

    // Somebody's text, and somebody's edit of ours.
    for text in ["services:\n  legacy: {image: old}\n".to_owned(), up_to(2).text + "  extra: {image: x}\n"] {
        let mut fake = up_to(2);
        fake.text = text;
        let run = drive(&mut fake, back_to(To::Last, states(3)));
        assert_eq!((run.code(), target(&run)), (0, Target::Phase(PhaseId(2))), "{}", run.ending.verdict);
    }
}

#[test]
fn without_a_journal_the_marker_alone_names_the_phase_before() {
    let mut fake = up_to(1);
    fake.behaviour = Box::new(|name, _| if name == "crm" { Behaviour::Unhealthy } else { Behaviour::Well });
    drive(&mut fake, Options { on_failure_stop: Some(true), ..options() });
    let run = drive(&mut fake, back_to(To::Last, Vec::new()));
    assert_eq!((run.code(), target(&run)), (0, Target::Phase(PhaseId(1))), "{}", run.ending.verdict);

    // An edit of a verified text: the text itself.
    let mut fake = up_to(1);
    fake.text.push_str("  extra: {image: x}\n");
    let run = drive(&mut fake, back_to(To::Last, Vec::new()));
    assert_eq!((run.code(), target(&run)), (0, Target::Phase(PhaseId(1))), "{}", run.ending.verdict);
}

#[test]
fn where_nothing_verified_is_known_nothing_is_gone_back_to() {
    let mut fake = Fake::new(schedule());
    refused(&drive(&mut fake, back_to(To::Last, Vec::new())), 3, "nothing is live, no journal of this machine knows");
    fake.text = "services: {}\n".to_owned();
    refused(&drive(&mut fake, back_to(To::Last, Vec::new())), 3, "what is live is not verified");
    let mut other = state("r1", 1);
    other.compose_id = Some("another".to_owned());
    refused(&drive(&mut fake, back_to(To::Last, vec![other.clone()])), 3, "no journal of this machine knows");
    refused(&drive(&mut fake, back_to(To::Run("r1".to_owned()), vec![other])), 3, "about another app");
    refused(
        &drive(&mut up_to(0), back_to(To::Last, states(1))),
        3,
        "it is the plan's first: no phase is before it; `--to RUN` goes back to what a run left or found, such as --to r1",
    );
}

#[test]
fn a_phase_that_nobody_saw_verified_is_no_target() {
    let mut fake = up_to(1);
    refused(&drive(&mut fake, back_to(To::Phase(PhaseId(3)), states(2))), 3, "`plan run --until complete` brings it up and verifies it");
    let mut fake = up_to(3);
    refused(&drive(&mut fake, back_to(To::Phase(PhaseId(0)), Vec::new())), 3, "`plan rollback` without --to goes back one phase");
    // Verified with another file than the phase has now.
    let mut old = state("r1", 0);
    old.text.push_str("# another file\n");
    refused(&drive(&mut fake, back_to(To::Phase(PhaseId(0)), vec![old])), 3, "never verified with the file it has now");
    // A run found it, which proves nothing.
    let found = Remembered { proof: Proof::Found { healthy: names(1), not_healthy: BTreeSet::new() }, ..state("r1", 0) };
    refused(&drive(&mut fake, back_to(To::Phase(PhaseId(0)), vec![found])), 3, "never verified");
    let run = drive(&mut fake, back_to(To::Phase(PhaseId(0)), states(1)));
    assert_eq!((run.code(), removes(&run).len()), (0, 3), "{}", run.ending.verdict);
}

#[test]
fn a_run_is_gone_back_to_by_what_it_left_though_the_plan_has_another_file_now() {
    let mut fake = up_to(1);
    let mut old = state("r0", 1);
    old.text = format!("{}\nservices:\n  api: {{image: api:0}}\n  legacy: {{image: old}}\n", old.text.lines().next().unwrap());
    old.services = ["api".to_owned(), "legacy".to_owned()].into();
    old.proof = Proof::Verified(old.services.clone());
    fake.foreign = old.services.clone();
    let run = drive(&mut fake, back_to(To::Run("r0".to_owned()), vec![state("r0", 0), old.clone(), state("r1", 1)]));
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert_eq!(run.ending.verdict, "backend runs `core` as run r0 left it, 2/2 healthy");
    assert_eq!(target(&run), Target::Kept { run: "r0".to_owned(), name: "core".to_owned() });
    assert_eq!((removes(&run), body_of(&fake.text)), (["brain".to_owned()].into(), body_of(&old.text)));
    assert_eq!(run.changes(), ["replace core", "deploy rollback-to=core", "replace core verified"]);
    let header = Header::parse(&fake.text).unwrap();
    assert!(header.verified && header.run == "r2" && header.is_intact(&fake.text));
}

fn baseline(healthy: &[&str], not_healthy: &[&str], text: &str) -> Remembered {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let services = set(healthy).union(&set(not_healthy)).cloned().collect();
    let proof = Proof::Found { healthy: set(healthy), not_healthy: set(not_healthy) };
    Remembered { name: "baseline".to_owned(), text: text.to_owned(), services, proof, ..state("r0", 0) }
}

#[test]
fn a_run_that_verified_nothing_is_gone_back_to_by_what_it_found() {
    let mut fake = up_to(1);
    fake.foreign = ["legacy".to_owned(), "sick".to_owned()].into();
    fake.behaviour = Box::new(|name, _| if name == "sick" { Behaviour::Exits } else { Behaviour::Well });
    let found = baseline(&["legacy"], &["sick"], "services:\n  legacy: {image: old}\n  sick: {image: s}\n");
    let run = drive(&mut fake, back_to(To::Run("r0".to_owned()), vec![found]));
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert_eq!(run.ending.verdict, "backend runs what it ran before run r0, 1/2 healthy");
    assert!(run.has(|event| matches!(event, Event::RollbackVerified { not_held_against, .. } if not_held_against.contains("sick"))));
    assert_eq!(run.changes(), ["replace baseline", "deploy rollback-to=baseline", "replace baseline verified"]);
}

#[test]
fn where_nothing_was_healthy_what_runs_is_stopped_and_that_is_shown_before() {
    let mut fake = up_to(1);
    let run = drive(&mut fake, back_to(To::Run("r0".to_owned()), vec![baseline(&[], &[], "")]));
    assert_eq!((run.code(), removes(&run)), (0, names(2)), "{}", run.ending.verdict);
    assert_eq!(run.ending.verdict, "backend is stopped, nothing of it was healthy before run r0");
    assert_eq!((run.changes(), fake.text.as_str()), (vec!["replace".to_owned(), "stop".to_owned()], ""));
}

#[test]
fn a_target_that_is_live_and_holds_is_left_alone_and_one_that_does_not_is_deployed_again() {
    let mut fake = up_to(1);
    let run = drive(&mut fake, back_to(To::Phase(PhaseId(1)), states(2)));
    assert_eq!((run.code(), run.changes()), (0, vec![]), "{}", run.ending.verdict);
    assert_eq!(run.ending.verdict, "backend runs phase `core`, 2/2 healthy; there was nothing to do");

    fake.make("brain", Moment::START, Behaviour::Unhealthy);
    fake.replaces = Box::new(|_, _| ["brain".to_owned()].into());
    let run = drive(&mut fake, back_to(To::Phase(PhaseId(1)), states(2)));
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert_eq!(run.changes(), ["replace core", "deploy rollback-to=core", "replace core verified"]);
}

#[test]
fn a_target_that_is_live_and_was_never_marked_is_proved_and_marked() {
    let mut fake = up_to(1);
    fake.text = fake.text.replace("verified=yes", "verified=no");
    let run = drive(&mut fake, back_to(To::Phase(PhaseId(1)), states(2)));
    assert_eq!((run.code(), run.changes()), (0, vec!["replace core verified".to_owned()]), "{}", run.ending.verdict);
    assert!(run.has(|event| matches!(event, Event::RollbackStarted { undo: Undo::TextOnly, .. })));
}

#[test]
fn a_rollback_by_hand_that_fails_is_degraded_and_not_rolled_back() {
    let mut fake = up_to(2);
    fake.deploying =
        Box::new(
            |marker, _| if marker.contains("rollback-to") { Deploying::Fails(vec!["no space left".to_owned()]) } else { Deploying::Done },
        );
    let run = drive(&mut fake, back_to(To::Last, states(3)));
    assert_eq!(run.code(), 5, "{}", run.ending.verdict);
    assert!(
        run.ending.verdict.starts_with("backend is degraded") && run.ending.verdict.ends_with("going back to `core` failed"),
        "{}",
        run.ending.verdict
    );
    assert_eq!(run.changes(), ["replace core", "deploy rollback-to=core"]);
    let evidence = run.effects.iter().find_map(|(_, effect)| match effect {
        Effect::KeepEvidence { evidence, .. } => Some(evidence.phase.as_str()),
        _ => None,
    });
    assert_eq!(evidence, Some("core"));
    assert!(
        run.has(|event| matches!(event, Event::RollbackFailed { text, .. } if body_of(text) == schedule().phases[1].text)),
        "the text to paste"
    );
    assert!(!Header::parse(&fake.text).unwrap().verified);
}

#[test]
fn a_text_that_changed_before_the_first_change_is_refused_and_another_runs_names_it() {
    let mut fake = up_to(2);
    fake.meddle = Box::new(|_, text| text.push_str("# by hand\n"));
    refused_after(&drive(&mut fake, back_to(To::Last, states(3))), 3);
    let mut fake = up_to(2);
    fake.meddle = Box::new(|_, text| *text = state("r9", 3).text);
    let run = drive(&mut fake, back_to(To::Last, states(3)));
    assert!(matches!(&run.ending.reason, Reason::Busy { who } if who.contains("run r9")), "{:?}", run.ending.reason);
    refused_after(&run, 7);
}

#[track_caller]
fn refused_after(run: &Run, code: u8) {
    assert_eq!((run.code(), run.changes().len()), (code, 1), "{}", run.ending.verdict);
    assert!(run.ending.verdict.starts_with("backend was not touched"), "{}", run.ending.verdict);
}

#[test]
fn commits_that_nobody_knows_are_not_built_anew() {
    let mut plan = schedule();
    let text = plan.phases[0].text.clone();
    plan.phases[0].text = format!("{text}# #main\n");
    plan.phases[0].digest = rollout_plan::schedule::digest(&plan.phases[0].text);
    let start = text.len() + 3;
    plan.phases[0].pins =
        vec![Pin { start, end: start + 4, repository: "https://git.example/a.git".to_owned(), reference: "main".to_owned() }];
    let mut fake = up_to(1);
    fake.schedule = std::sync::Arc::new(plan.clone());
    refused(&drive(&mut fake, back_to(To::Last, Vec::new())), 3, "would build today's code");

    // The live text has the commit, or a journal of this machine does.
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let pin = plan.phases[0].pins[0].clone();
    let commits = [((pin.repository.clone(), pin.reference.clone()), commit.to_owned())].into();
    let kept = rollout_plan::schedule::render(&plan.phases[0], "r1", &commits, true);
    let run = drive(&mut fake, back_to(To::Last, vec![Remembered { text: kept.clone(), ..state("r1", 0) }]));
    assert_eq!((run.code(), fake.text.contains(commit)), (0, true), "{}", run.ending.verdict);

    let at = plan.phases[1].text.len() + 3;
    plan.phases[1].text.push_str("# #main\n");
    plan.phases[1].digest = rollout_plan::schedule::digest(&plan.phases[1].text);
    plan.phases[1].pins = vec![Pin { start: at, end: at + 4, ..pin }];
    let mut fake = up_to(1);
    fake.text = rollout_plan::schedule::render(&plan.phases[1], "r1", &commits, true);
    fake.schedule = std::sync::Arc::new(plan);
    let run = drive(&mut fake, back_to(To::Last, Vec::new()));
    assert_eq!((run.code(), fake.text.contains(commit)), (0, true), "{}", run.ending.verdict);
}

// A run at work.

fn held(heard: Result<HolderHeard, String>, takes: u64) -> Fake {
    let mut fake = up_to(1);
    fake.holders = vec![("ada runs it".to_owned(), seconds(takes))];
    fake.heard = heard;
    fake
}

#[test]
fn a_run_that_holds_the_app_is_asked_and_this_one_does_nothing() {
    let run = drive(&mut held(Ok(HolderHeard::Taken), 600), back_to(To::Last, states(2)));
    assert_eq!((run.code(), run.changes()), (0, vec![]), "{}", run.ending.verdict);
    let words = "backend was not touched by this command; ada runs it: it was asked to fail its phase, and took the request";
    assert_eq!(run.ending.verdict, words);

    for to in [To::Phase(PhaseId(0)), To::Run("r1".to_owned())] {
        let mut fake = held(Ok(HolderHeard::Taken), 600);
        let run = drive(&mut fake, back_to(to, states(2)));
        refused(&run, 7, "ada runs it; `plan rollback` without --to asks it to fail its phase");
        assert!(!run.effects.iter().any(|(_, effect)| matches!(effect, Effect::AskHolder { .. })));
    }
    refused(&drive(&mut held(Ok(HolderHeard::NotTaken), 600), back_to(To::Last, states(2))), 7, "did not take the request");
    refused(
        &drive(&mut held(Err("no disk".to_owned()), 600), back_to(To::Last, states(2))),
        9,
        "could not be asked to fail its phase: no disk",
    );
}

#[test]
fn where_the_run_ends_while_it_is_asked_this_one_goes_back_itself() {
    // The lock comes free before the answer, and after it.
    for (heard, takes) in [(Ok(HolderHeard::Taken), 0), (Ok(HolderHeard::NobodyThere), 5)] {
        let run = drive(&mut held(heard, takes), back_to(To::Last, states(2)));
        assert_eq!((run.code(), run.ending.live.as_deref()), (0, Some("foundation")), "{}", run.ending.verdict);
    }
}

// Failing the phase in flight.

fn asked_at(at: u64) -> Fake {
    let mut fake = Fake::new(schedule());
    fake.also = vec![(Moment(seconds(at)), Input::FailureAsked("ada at a terminal".to_owned()))];
    fake
}

fn time(run: &Run, test: impl Fn(&Event) -> bool) -> u64 {
    run.events.iter().find(|(_, event)| test(event)).unwrap().0.0.as_secs()
}

#[test]
fn a_phase_that_is_asked_to_fail_is_failed_as_soon_as_its_row_is_final_and_undone() {
    let calm = drive(&mut Fake::new(schedule()), options());
    let core = DeployPurpose::Phase(PhaseId(1));
    let deploying = time(&calm, |event| matches!(event, Event::Deploying { purpose, .. } if *purpose == core));
    let ended = time(&calm, |event| matches!(event, Event::DeployEnded { purpose, .. } if *purpose == core));
    let verified = time(&calm, |event| matches!(event, Event::PhaseVerified { phase: PhaseId(1), .. }));
    assert!(ended - deploying > 10 && verified - ended > 20);
    for at in deploying + 1..verified {
        let run = drive(&mut asked_at(at), options());
        assert_eq!(run.code(), 4, "at {at}: {}", run.ending.verdict);
        assert_eq!(run.ending.verdict, "backend runs phase `foundation`, 1/1 healthy; phase `core` failed and was rolled back");
        assert!(
            run.has(|event| matches!(event, Event::PhaseFailed { cause: Cause::Asked { by }, .. } if by == "ada at a terminal")),
            "at {at}"
        );
        let place = |test: &dyn Fn(&Event) -> bool| run.at(test).unwrap();
        let back = place(&|event| matches!(event, Event::RollbackStarted { .. }));
        assert!(place(&|event| matches!(event, Event::EvidenceKept { .. })) < back);
        let deployed = run.at(|event| matches!(event, Event::Deploying { purpose, .. } if *purpose == core));
        let is_final = run.at(|event| matches!(event, Event::DeployEnded { purpose, .. } if *purpose == core));
        assert!(deployed.is_none() || is_final.unwrap() < back, "at {at}: nothing is changed while the row may act");
    }
}

#[test]
fn asked_while_its_text_is_being_put_there_a_phase_is_not_deployed() {
    let calm = drive(&mut Fake::new(schedule()), options());
    let replacing =
        calm.events.iter().find(|(_, event)| matches!(event, Event::Replacing { purpose: DeployPurpose::Phase(PhaseId(1)), .. }));
    let mut fake = Fake::new(schedule());
    fake.also = vec![(replacing.unwrap().0 + std::time::Duration::from_millis(5), Input::FailureAsked("ada".to_owned()))];
    let run = drive(&mut fake, options());
    assert_eq!((run.code(), run.changes()[3..].to_vec()), (4, vec!["replace core".to_owned(), "replace foundation verified".to_owned()]));
}

#[test]
fn a_policy_of_stopping_or_asking_gives_way_only_where_the_command_line_did_not_say_stop() {
    let mut plan = schedule();
    plan.phases[0].on_failure = rollout_plan::model::OnFailure::Ask;
    let mut fake = asked_at(40);
    fake.schedule = std::sync::Arc::new(plan);
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 4, "{}", run.ending.verdict);
    let run = drive(&mut asked_at(40), Options { on_failure_stop: Some(true), ..options() });
    assert_eq!((run.code(), run.changes().len()), (5, 2), "{}", run.ending.verdict);
}

#[test]
fn before_the_first_change_it_refuses_the_run_and_between_phases_it_stops_it() {
    let run = drive(&mut asked_at(0), options());
    refused(&run, 3, "ada at a terminal asked for it before anything was changed");
    let mut fake = Fake::new(super::plan::with_approval(schedule()));
    let calm = drive(&mut fake, options());
    let asks = time(&calm, |event| matches!(event, Event::ApprovalAsked { .. }));
    let mut fake = asked_at(asks + 5);
    fake.schedule = std::sync::Arc::new(super::plan::with_approval(schedule()));
    let run = drive(&mut fake, options());
    assert_eq!(run.code(), 6, "{}", run.ending.verdict);
    assert_eq!(
        run.ending.verdict,
        "backend runs phase `business`, 3/3 healthy; stopped: ada at a terminal asked for it between two phases"
    );
}

#[test]
fn a_rollback_is_not_rolled_back_and_says_so() {
    let crash = |also| {
        let mut fake = Fake::new(schedule());
        fake.behaviour = Box::new(|name, _| if name == "crm" { Behaviour::CrashLoop } else { Behaviour::Well });
        fake.also = also;
        fake
    };
    let calm = drive(&mut crash(Vec::new()), options());
    let from = time(&calm, |event| matches!(event, Event::RollbackStarted { .. }));
    let until = time(&calm, |event| matches!(event, Event::RunEnded { .. }));
    for at in from + 1..until {
        let run = drive(&mut crash(vec![(Moment(seconds(at)), Input::FailureAsked("ada".to_owned()))]), options());
        assert_eq!((run.code(), run.changes()), (4, calm.changes()), "at {at}");
        assert!(run.has(|event| matches!(event, Event::Warned { text } if text.contains("is not rolled back"))), "at {at}");
        assert!(!run.has(|event| matches!(event, Event::FailureAsked { .. })));
    }
}

#[test]
fn whenever_it_is_asked_the_run_ends_well() {
    let calm = drive(&mut Fake::new(schedule()), options());
    let length = time(&calm, |event| matches!(event, Event::RunEnded { .. }));
    for at in 0..length {
        let run = drive(&mut asked_at(at), options());
        assert!(matches!(run.code(), 0 | 3 | 4 | 6), "at {at}: {}", run.ending.verdict);
        assert!(run.code() != 0 || at + 2 > length, "at {at}: asked in vain");
    }
}

// Starting where told.

fn from(phase: usize) -> Options {
    Options { run: "r2".to_owned(), from: Some(PhaseId(phase)), ..options() }
}

fn broken(phase: Option<usize>) -> Options {
    Options { from: phase.map(PhaseId), from_broken: Some("a fix".to_owned()), run: "r2".to_owned(), ..options() }
}

#[test]
fn a_run_starts_exactly_where_told_if_the_phase_before_is_live_and_holds() {
    let mut fake = up_to(1);
    let run = drive(&mut fake, Options { until: Some(PhaseId(2)), ..from(2) });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert_eq!(run.changes(), ["replace business", "deploy phase=business", "replace business verified"]);

    refused(&drive(&mut up_to(1), from(3)), 3, "--from complete needs phase `business` live, and `core` is: `plan run` goes on after it");
    refused(
        &drive(&mut up_to(2), from(2)),
        3,
        "and `business` itself is: --redeploy repeats its deploy, `plan rollback --to core` goes back first",
    );
    refused(&drive(&mut up_to(3), from(2)), 3, "and `complete` is: `plan rollback --to core` goes back first");
    refused(&drive(&mut Fake::new(schedule()), from(1)), 3, "nothing is live: `plan run --until foundation` brings it up");
    let mut fake = up_to(1);
    fake.make("brain", Moment::START, Behaviour::Unhealthy);
    refused(&drive(&mut fake, from(2)), 3, "phase `core` is live and `brain` does not hold");
    let mut fake = up_to(1);
    fake.text = fake.text.replace("verified=yes", "verified=no");
    refused(&drive(&mut fake, from(2)), 3, "live and not verified, so nothing starts after it");
}

#[test]
fn the_first_phase_is_started_with_only_if_nothing_of_a_later_one_runs() {
    let run = drive(&mut Fake::new(schedule()), Options { until: Some(PhaseId(0)), ..from(0) });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    let run = drive(&mut up_to(0), Options { until: Some(PhaseId(0)), ..from(0) });
    assert_eq!(run.changes().len(), 3, "it is sent again: {}", run.ending.verdict);
    refused(&drive(&mut up_to(1), from(0)), 3, "`brain` of a later phase runs, which phase `foundation` would take away");
    let mut fake = up_to(1);
    fake.containers.clear();
    refused(&drive(&mut fake, from(0)), 3, "needs nothing of a later phase, and `core` is");
}

#[test]
fn a_run_from_broken_deploys_a_fix_and_says_why_and_what_was_broken() {
    for from in [None, Some(2)] {
        let mut fake = up_to(1);
        fake.make("brain", Moment::START, Behaviour::Unhealthy);
        fake.replaces = Box::new(|marker, _| if marker.contains("business") { ["brain".to_owned()].into() } else { [].into() });
        let run = drive(&mut fake, Options { until: Some(PhaseId(2)), ..broken(from) });
        assert_eq!(run.code(), 0, "{}", run.ending.verdict);
        assert_eq!(run.ending.verdict, "backend runs phase `business`, 3/3 healthy; started from broken (a fix): `brain` did not hold");
        let told = run.events.iter().find_map(|(_, event)| match event {
            Event::StartedBroken { reason, services, held, .. } => Some((reason.clone(), services[0].service.clone(), held.clone())),
            _ => None,
        });
        assert_eq!(told, Some(("a fix".to_owned(), "brain".to_owned(), names(1))));
    }
}

#[test]
fn from_broken_what_fails_goes_back_to_what_was_found_and_what_was_broken_is_not_held_against_it() {
    let mut fake = up_to(1);
    fake.make("brain", Moment::START, Behaviour::Unhealthy);
    fake.behaviour = Box::new(|name, _| if name == "crm" { Behaviour::CrashLoop } else { Behaviour::Well });
    let run = drive(&mut fake, broken(None));
    assert_eq!(run.code(), 4, "{}", run.ending.verdict);
    assert!(run.has(|event| matches!(event, Event::RollbackVerified { target: Target::Baseline, not_held_against, .. } if not_held_against.contains("brain"))));
    assert!(run.ending.verdict.starts_with("backend runs what it ran before the run, 1/2 healthy"), "{}", run.ending.verdict);
    // `api` held, so it is an earlier service all the same.
    let mut fake = up_to(1);
    fake.make("brain", Moment::START, Behaviour::Unhealthy);
    fake.dies = Some(("api".to_owned(), Moment(seconds(20))));
    let run = drive(&mut fake, broken(None));
    assert!(run.has(|event| matches!(event, Event::PhaseFailed { cause: Cause::Services { services, regression: true }, .. } if services[0].service == "api")));
}

#[test]
fn from_broken_changes_nothing_where_no_phase_would_follow() {
    let mut fake = up_to(3);
    fake.make("crm", Moment::START, Behaviour::Unhealthy);
    refused(&drive(&mut fake, broken(None)), 3, "--redeploy repeats its deploy");
}

// Waiving.

#[test]
fn a_waived_service_is_asked_and_shown_and_decides_nothing() {
    let waive = || Options { waived: [("crm".to_owned(), "known".to_owned())].into(), ..options() };
    let mut fake = Fake::new(schedule());
    fake.behaviour = Box::new(|name, _| if name == "crm" { Behaviour::CrashLoop } else { Behaviour::Well });
    let run = drive(&mut fake, waive());
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert_eq!(run.ending.verdict, "backend runs phase `complete`, 3/3 healthy, waived: crm (known)");
    assert_eq!(run.at(|event| matches!(event, Event::Waived { .. })), Some(2), "at the start");
    assert!(run.has(
        |event| matches!(event, Event::Round { services, .. } if services.get("crm").is_some_and(|crm| crm.reading != Reading::Pass))
    ));
    assert!(!run.has(|event| matches!(event, Event::PhaseVerified { services, .. } if services.contains("crm"))), "nobody saw it well");

    // Nor is it an earlier service, nor does it keep a live phase from holding.
    let run = drive(&mut fake, Options { run: "r2".to_owned(), ..waive() });
    assert_eq!(run.ending.verdict, "backend runs phase `complete`, 3/3 healthy, waived: crm (known); there was nothing to do");

    // Nor does a rollback need it.
    let mut fake = Fake::new(schedule());
    fake.behaviour = Box::new(|name, _| if name == "agents" || name == "crm" { Behaviour::CrashLoop } else { Behaviour::Well });
    fake.replaces = Box::new(|marker, _| if marker.contains("rollback") { ["crm".to_owned()].into() } else { [].into() });
    let run = drive(&mut fake, waive());
    assert_eq!(run.code(), 4, "{}", run.ending.verdict);
    assert_eq!(
        run.ending.verdict,
        "backend runs phase `business`, 2/2 healthy, waived: crm (known); phase `complete` failed and was rolled back"
    );
}

// Other machines.

#[test]
fn another_machines_unfinished_run_is_not_disturbed() {
    let unfinished = || {
        let mut fake = up_to(1);
        fake.text = fake.text.replace("run=r1", "run=r9").replace("verified=yes", "verified=no");
        fake
    };
    let run = drive(&mut unfinished(), options());
    refused(&run, 7, "run r9, of which nothing is kept on this machine, put phase `core` there and has not verified it");
    for words in ["plan run --resume r9", "--from-broken \"reason\""] {
        assert!(matches!(&run.ending.reason, Reason::Busy { who } if who.contains(words)), "{:?}", run.ending.reason);
    }
    refused(&drive(&mut unfinished(), back_to(To::Last, states(2))), 7, "run r9");
    refused(&drive(&mut unfinished(), from(2)), 7, "run r9");

    // A run of this machine, or one that was verified, is as ever.
    let mut fake = unfinished();
    let known = Options { known_runs: ["r9".to_owned()].into(), until: Some(PhaseId(1)), ..options() };
    assert_eq!(drive(&mut fake, known).code(), 0);
    // And somebody may answer for it.
    let run = drive(&mut unfinished(), Options { until: Some(PhaseId(1)), ..broken(None) });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
    assert!(
        run.ending.verdict.ends_with("started from broken (a fix): run r9 of another machine had left phase `core` unverified"),
        "{}",
        run.ending.verdict
    );
    let run = drive(&mut unfinished(), Options { goal: Goal::Back(Back { to: To::Phase(PhaseId(0)), states: states(2) }), ..broken(None) });
    assert_eq!(run.code(), 0, "{}", run.ending.verdict);
}

#[test]
fn of_two_runs_at_most_one_ends_well_wherever_the_other_one_comes() {
    let calm = drive(&mut Fake::new(schedule()), options()).changes();
    let replacements = calm.iter().filter(|change| change.starts_with("replace")).count() as u64;
    for number in 1..=replacements {
        let mut fake = Fake::new(schedule());
        fake.meddle = Box::new(move |at, text| {
            if at == number {
                *text = state("r9", 3).text;
            }
        });
        let run = drive(&mut fake, options());
        assert_eq!(run.code(), 7, "at replacement {number} of {PHASES:?}: {}", run.ending.verdict);
        assert!(matches!(&run.ending.reason, Reason::Busy { who } if who.contains("run r9")), "{:?}", run.ending.reason);
        assert_eq!(
            run.changes().len(),
            calm.iter()
                .scan(0, |seen, change| {
                    *seen += u64::from(change.starts_with("replace"));
                    Some(*seen)
                })
                .position(|seen| seen == number)
                .unwrap()
                + 1,
            "nothing more is sent"
        );
    }
    // Also instead of a rollback.
    let mut fake = Fake::new(schedule());
    fake.behaviour = Box::new(|name, _| if name == "brain" { Behaviour::CrashLoop } else { Behaviour::Well });
    fake.meddle = Box::new(|at, text| {
        if at == 4 {
            *text = state("r9", 3).text;
        }
    });
    let run = drive(&mut fake, options());
    assert_eq!((run.code(), run.changes().len()), (7, 6), "{}", run.ending.verdict);
    assert!(!run.has(|event| matches!(event, Event::RollbackFailed { .. })));
}
