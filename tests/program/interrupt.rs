//! Signals and streams that close, in the middle of a run against a separate sandbox.

use super::between::{Between, Fate};
use super::binary::Home;
use super::served::{Exports, Served, side_by_side, wait_until};
use super::{requests, small};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// CI kills what is still there so long after its first signal; the rest is for a machine that has much to do.
const CI_KILLS: Duration = Duration::from_millis(7500);

fn signal(process: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What a process left: its exit code, its streams, and how long it took from now.
fn end(process: Child) -> (Option<i32>, String, String, Duration) {
    let began = Instant::now();
    let output = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr), began.elapsed())
}

/// A plan whose builds are long enough to be interrupted in.
fn slow(home: &Home) {
    small::put(home);
    home.file("one.yml", &small::ONE.replace("build: 200ms", "build: 20s"));
    home.file("two.yml", &small::two().replace("build: 200ms", "build: 20s"));
}

fn deploys(exports: &Exports) -> bool {
    let log = exports.log();
    let deploy = log.iter().position(|request| request.procedure == "compose.deploy");
    deploy.is_some_and(|at| log[at..].iter().any(|request| request.procedure == "deployment.allByCompose"))
}

fn interrupted(with: Signal, code: i32) {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    slow(&home);
    let process = spawn(&mut home.command(["run", "--yes", "--report", "junit=report.xml", "--report", "markdown=report.md"]));
    wait_until("the deploy is asked for and found", || deploys(&served.exports));
    let before = served.exports.log();
    signal(&process, with);
    let (ended, stdout, stderr, took) = end(process);
    assert_eq!(ended, Some(code), "{stdout}{stderr}");
    assert!(took < CI_KILLS, "{took:?}");
    assert!(stdout.contains("interrupted in phase `one`, which is not verified"), "{stdout}");
    assert!(stderr.contains("To go on where it stopped"), "{stderr}");
    assert_eq!(requests::changes(&served.exports.log()), requests::changes(&before), "nothing was started after it");
    assert_eq!(requests::changes(&before), ["compose.update", "compose.deploy"]);

    let journal = home.journal();
    assert_eq!(journal.last().unwrap()["event"]["event"], "run-ended");
    assert_eq!(journal.last().unwrap()["event"]["ending"]["facts"]["verified"], false);

    let report = |name: &str| std::fs::read_to_string(home.path().join(name)).unwrap();
    let [xml, page] = ["report.xml", "report.md"].map(report);
    assert!(xml.contains(&format!(">exit {code}: interrupted")) && xml.contains("<testcase classname=\"one\" name=\"verified\""), "{xml}");
    assert!(page.contains(&format!("interrupted in phase `one`, which is not verified** (exit {code}: ")), "{page}");
}

#[test]
fn an_interrupted_run_ends_130_and_starts_nothing_more() {
    interrupted(Signal::INT, 130);
}

#[test]
fn a_terminated_run_ends_143_and_starts_nothing_more() {
    interrupted(Signal::TERM, 143);
}

#[test]
fn a_run_whose_terminal_is_gone_ends_143_and_starts_nothing_more() {
    interrupted(Signal::HUP, 143);
}

/// A run before a server that never answers one procedure, when it waits for that answer.
fn hanging(procedure: &'static str, is_done: bool) -> (Served, Home, Child) {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let between = Between::start(&served.exports.url, move |asked, _| match asked == procedure {
        true if is_done => Fate::Swallow,
        true => Fate::Hang,
        false => Fate::Pass,
    });
    let home = Exports { url: between.url.clone(), ..served.exports.clone() }.home();
    small::put(&home);
    let process = spawn(&mut home.command(["run", "--yes", "--report", "markdown=report.md"]));
    wait_until("the call hangs", || between.seen().iter().any(|asked| asked == procedure));
    (served, home, process)
}

#[test]
fn a_write_that_hangs_is_waited_for_no_longer_than_ci_waits() {
    let cases = [
        (Signal::TERM, 143, "compose.update", false),
        (Signal::INT, 130, "compose.deploy", true),
        (Signal::HUP, 143, "compose.update", true),
    ];
    side_by_side(cases, |(with, code, procedure, is_done)| {
        let (served, home, process) = hanging(procedure, is_done);
        signal(&process, with);
        let (ended, stdout, stderr, took) = end(process);
        assert_eq!(ended, Some(code), "{stdout}{stderr}");
        assert!(took < CI_KILLS, "{took:?}");
        assert!(stdout.contains("it is not known what backend runs"), "{stdout}");
        let journal = home.journal();
        let last = &journal.last().unwrap()["event"];
        assert_eq!((&last["event"], &last["ending"]["facts"]["known"]), (&"run-ended".into(), &false.into()), "{last}");
        let not_done = journal.iter().find(|entry| entry["event"]["event"] == "not-done").unwrap();
        assert_eq!(not_done["event"]["may_have_acted"], true);
        assert!(requests::count(&served.exports.log(), "compose.deploy") <= 1);
    });
}

#[test]
fn a_second_signal_leaves_at_once() {
    side_by_side([(Signal::TERM, 143), (Signal::INT, 130)], |(with, code)| {
        let (_served, home, process) = hanging("compose.update", false);
        signal(&process, with);
        std::thread::sleep(Duration::from_millis(300));
        signal(&process, with);
        let (ended, stdout, stderr, took) = end(process);
        assert_eq!(ended, Some(code), "{stdout}{stderr}");
        assert!(took < Duration::from_secs(3), "{took:?}");
        let journal = home.journal();
        assert_eq!(journal.last().unwrap()["event"]["event"], "replacing", "what was sent stands in the journal");
        let page = std::fs::read_to_string(home.path().join("report.md")).unwrap();
        assert!(page.contains("was cut off in phase one (its compose text was being put in place)"), "{page}");
    });
}

/// `plan run --yes` in a shell of its own, which sets something up first.
pub fn in_shell(home: &Home, script: &str) -> Command {
    let command = home.command([""; 0]);
    let mut shell = Command::new("sh");
    shell.args(["-c", &script.replace("plan run", &format!("{} run", env!("CARGO_BIN_EXE_plan")))]);
    shell.current_dir(home.path()).stdin(Stdio::null()).env_clear();
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))));
    shell
}

#[test]
fn under_nohup_a_terminal_that_is_gone_changes_nothing() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    let process = spawn(&mut in_shell(&home, "trap '' HUP; exec plan run --yes"));
    wait_until("the deploy is asked for and found", || deploys(&served.exports));
    signal(&process, Signal::HUP);
    let (ended, stdout, stderr, _) = end(process);
    assert_eq!(ended, Some(0), "{stdout}{stderr}");
}

#[test]
fn a_run_goes_on_when_nobody_reads_it_any_more_and_its_exit_code_stays_true() {
    let scripts = [
        ("plan run --yes --format json >&-", "", 0),
        ("plan run --yes --format plain 2>&-", "", 0),
        ("plan run --yes --format json >&- 2>&- <&-", "", 0),
        ("plan run --yes --format json >&- 2>&-", "web: http-500", 4),
    ];
    side_by_side(scripts, |(script, fault, code)| {
        let faults = Some(fault).filter(|fault| !fault.is_empty()).map(|fault| rollout_plan::world::Fault::parse(fault).unwrap());
        let served =
            Served::start(rollout_plan::world::Config { faults: faults.into_iter().collect(), ..small::config() }, &small::ADDRESSES);
        let home = served.exports.home();
        small::put(&home);
        home.file("rollout.plan", &small::PLAN.replace("settle within 30s", "settle within 5s"));
        let (ended, stdout, stderr, _) = end(spawn(&mut in_shell(&home, &format!("exec {script}"))));
        assert_eq!(ended, Some(code), "{script}: {stdout}{stderr}");
        assert_eq!(home.journal().last().unwrap()["event"]["event"], "run-ended", "{script}");
    });
}

/// `plan run | head -1`.
#[test]
fn a_pipe_that_is_closed_in_the_middle_does_not_stop_a_rollout() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    let mut process = spawn(&mut home.command(["run", "--yes", "--format", "json"]));
    // One line, and the reader is gone.
    let mut stdout = process.stdout.take().unwrap();
    let mut byte = [0];
    while stdout.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {}
    drop(stdout);
    drop(process.stderr.take());
    assert_eq!(process.wait().unwrap().code(), Some(0));
    let journal = home.journal();
    assert_eq!(journal.last().unwrap()["event"]["event"], "run-ended");
    assert_eq!(requests::count(&served.exports.log(), "compose.deploy"), 2);
}

/// A laptop that is closed, or `kill -STOP`: nobody is at work, and nothing that was half seen counts.
#[test]
fn a_process_that_was_stopped_begins_its_soak_anew() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    let plan = small::PLAN.replace("soak 900ms", "soak 4s");
    home.file(
        "rollout.plan",
        &plan[..plan.find("phase two").unwrap()]
            .replace("service worker {\n  expect http \"http://127.0.0.1:18081/health\" { status == 200 }\n}\n", ""),
    );
    let process = spawn(&mut home.command(["run", "--yes"]));
    let place = |event: &str| {
        let runs = home.runs();
        let journal = runs.first().map(|run| std::fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default());
        journal.is_some_and(|journal| journal.contains(&format!("\"event\":\"{event}\"")))
    };
    wait_until("it soaks", || place("settled"));
    signal(&process, Signal::STOP);
    std::thread::sleep(Duration::from_secs(34));
    signal(&process, Signal::CONT);
    let (ended, stdout, stderr, _) = end(process);
    assert_eq!(ended, Some(0), "{stdout}{stderr}");
    let journal = home.journal();
    let at = |kind: &str| {
        let entry = journal.iter().find(|entry| entry["event"]["event"] == kind).unwrap_or_else(|| panic!("no {kind}: {journal:#?}"));
        (entry["at"].as_u64().unwrap(), entry["event"].clone())
    };
    let (woken, overslept) = at("overslept");
    assert!(overslept["gap"].as_u64().unwrap() >= 30_000, "{overslept}");
    assert!(at("phase-verified").0 - woken >= 4_000, "the soak is whole");
}
