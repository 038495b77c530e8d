//! Two runs of one app on one machine, with the real binary against a sandbox beside them: exactly one goes on.

use super::binary::{Home, Ran};
use super::requests::changes;
use super::served::{Served, wait_until};
use super::small;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::process::{Child, Stdio};

/// The plan, with a question between its phases: who asks it holds the app for as long as a test wants.
pub fn put_with_question(home: &Home) {
    let gate = "gate go-ahead {\n  approve \"Go on?\" within 10m\n}\n\nphase one";
    let plan = small::PLAN.replacen("phase one", gate, 1);
    let plan = plan.replace("phase two after one {", "phase two after one {\n  require go-ahead");
    home.file("rollout.plan", &plan);
    home.file("one.yml", small::ONE);
    home.file("two.yml", &small::two());
}

/// A run as a process, ended when dropped.
struct Running(Child);

impl Running {
    /// A run that has come to its question.
    fn asking(served: &Served, home: &Home) -> Self {
        let child = home.command(["run", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let running = Self(child);
        wait_until("the first phase is marked as verified", || {
            served.exports.app()["composeFile"].as_str().unwrap().contains("verified=yes")
        });
        running
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap(), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn run_of(home: &Home) -> String {
    home.runs()[0].file_name().unwrap().to_str().unwrap().to_owned()
}

/// The note beside the lock.
fn note(home: &Home) -> Value {
    let folder = std::fs::read_dir(home.path().join("state/plan/locks")).unwrap();
    let note = folder.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|kind| kind == "json")).unwrap();
    serde_json::from_str(&std::fs::read_to_string(note).unwrap()).unwrap()
}

fn world() -> Served {
    Served::start(small::config(), &small::ADDRESSES)
}

#[test]
fn whoever_meets_a_resumed_run_is_told_of_the_run_that_goes_on() {
    let served = world();
    let home = served.exports.home();
    put_with_question(&home);
    let first = Running::asking(&served, &home);
    let run = run_of(&home);
    first.signal(Signal::KILL);
    drop(first);

    let resumed = Running(home.command(["run", "--resume", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    wait_until("the resumed run holds the app", || note(&home)["pid"] == resumed.pid());
    assert_eq!(note(&home)["run"], run.as_str());
    home.plan(["run", "--yes"]).ends(7).says(&run);
}

#[test]
fn the_second_of_two_runs_ends_7_and_names_the_first_and_a_killed_one_is_in_nobody_s_way() {
    let served = world();
    let home = served.exports.home().with("USER", "ada");
    put_with_question(&home);
    let first = Running::asking(&served, &home);
    let (run, pid) = (run_of(&home), format!("pid {}", first.pid()));
    let before = served.exports.log();

    // Another state folder is no way around it.
    for more in [vec![], vec!["--state", "elsewhere"], vec!["--format", "json"]] {
        let second = home.plan([vec!["run", "--yes"], more].concat());
        second.ends(7);
        let all = format!("{}{}", second.stdout, second.stderr);
        for part in ["ada on ", pid.as_str(), run.as_str(), "phase `one`", "--lock-wait 15m"] {
            assert!(all.contains(part), "{part} is not in\n{all}");
        }
        assert!(second.verdict().contains("backend was not touched"), "{}", second.verdict());
    }
    let note = note(&home);
    assert_eq!((&note["who"], &note["pid"], &note["run"]), (&"ada".into(), &first.pid().into(), &run.as_str().into()));
    assert_eq!((&note["phase"], &note["command"]), (&"phase `one`".into(), &"plan run rollout.plan".into()));
    assert!(note["since"].as_str().unwrap().ends_with('Z') && !note["host"].as_str().unwrap().is_empty(), "{note}");
    home.plan(["check", "--live"]).ends(0);

    let since = served.exports.log().split_off(before.len());
    assert_eq!(changes(&since), [""; 0]);
    // The text is among what a survey reads: nothing that a run goes by is read before it has the lock.
    let surveys = since.iter().filter(|request| request.procedure == "compose.getConvertedCompose").count();
    assert_eq!(surveys, 1, "only `check` surveys the app");

    first.signal(Signal::KILL);
    drop(first);
    home.plan(["run", "--yes", "--approve", "go-ahead=ada"]).ends(0);
}

#[test]
fn lock_wait_waits_and_then_does_its_job() {
    let served = world();
    let home = served.exports.home();
    put_with_question(&home);
    let first = Running::asking(&served, &home);

    let impatient = home.plan(["run", "--yes", "--lock-wait", "1s"]);
    impatient.ends(7).says("another run holds this app").says(" UTC");
    assert!(impatient.stderr.contains("1s left"), "{}", impatient.stderr);

    let command = |format: &str| home.command(["run", "--yes", "--lock-wait", "1m", "--approve", "go-ahead=ada", "--format", format]);
    let second = command("json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the second run has begun", || home.runs().len() == 3);
    std::thread::sleep(std::time::Duration::from_millis(600));
    first.signal(Signal::TERM);
    let output = second.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let second = Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) };
    second.ends(0);
    let awaited = second.events_of("lock-awaited");
    assert_eq!(awaited.len(), 1, "{awaited:?}");
    assert!(awaited[0]["holder"].as_str().unwrap().contains(&format!("pid {}", first.pid())), "{awaited:?}");
    assert!(served.exports.app()["composeFile"].as_str().unwrap().contains("phase=two"));
}

#[test]
fn a_wrong_duration_is_a_wrong_command_line() {
    let home = Home::new();
    small::put(&home);
    for wrong in ["15", "15 m", "m", "99999999h"] {
        home.plan(["run", "--lock-wait", wrong]).ends(2).says("--lock-wait");
    }
}

#[test]
fn without_a_place_for_locks_nothing_is_changed() {
    let served = world();
    let home = served.exports.home();
    small::put(&home);
    home.file("state/plan/locks", "");
    let refused = home.plan(["run", "--yes", "--state", "elsewhere"]);
    refused.ends(9).says("a file is where a folder belongs").says("XDG_STATE_HOME").says("nothing was changed");
    assert_eq!(served.exports.log().len(), 0);
}

#[test]
fn a_git_that_outlives_a_killed_run_does_not_hold_its_lock() {
    let served = world();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&asked);
    let silent = crate::support::serve(move |_stream| {
        seen.store(true, std::sync::atomic::Ordering::SeqCst);
        crate::support::hang();
    });
    let git = |routes: &str| {
        let routes: Vec<&str> = routes.split(',').filter(|route| !route.starts_with("git.example:443")).collect();
        format!("{},git.example:443={silent}", routes.join(","))
    };
    let home = served.exports.home();
    small::put(&home);
    let mut first = home.command(["run", "--yes", "--connect-to", &git(&served.exports.connect_to)]);
    let first = Running(first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    wait_until("git asks", || asked.load(std::sync::atomic::Ordering::SeqCst));
    first.signal(Signal::KILL);
    drop(first);
    home.plan(["run", "--yes", "--until", "one"]).ends(0);
}
