//! Ctrl-C in the middle of a run.

use super::served::{Served, wait_until};
use super::{requests, small};
use rollout_plan::world::Config;
use rustix::process::{Pid, Signal, kill_process};
use std::process::Stdio;

fn interrupted(signal: Signal, code: i32) {
    let config = Config { references: vec![("https://git.example/small/worker.git".to_owned(), "main".to_owned())], ..Config::default() };
    let served = Served::start(with_git(config), &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    // Long enough to be interrupted in.
    home.file("one.yml", &small::ONE.replace("build: 200ms", "build: 20s"));
    home.file("two.yml", &small::two().replace("build: 200ms", "build: 20s"));
    let process = home.command(["run", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    wait_until("the deploy is asked for and found", || {
        let log = served.exports.log();
        let deploy = log.iter().position(|request| request.procedure == "compose.deploy");
        deploy.is_some_and(|at| log[at..].iter().any(|request| request.procedure == "deployment.allByCompose"))
    });
    let before = served.exports.log();
    kill_process(pid, signal).unwrap();
    let output = process.wait_with_output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    assert!(stdout.contains("interrupted"), "{stdout}");
    assert!(stderr.contains("`one`") || stdout.contains("phase `one`"), "the phase in flight is named\n{stdout}{stderr}");
    assert!(stderr.contains("To go on where it stopped"), "{stderr}");
    assert_eq!(requests::changes(&served.exports.log()), requests::changes(&before), "nothing was started after it");
    assert_eq!(requests::changes(&before), ["compose.update", "compose.deploy"]);

    let journal = home.journal();
    assert_eq!(journal.last().unwrap()["event"]["event"], "run-ended");
    assert_eq!(journal.last().unwrap()["event"]["ending"]["facts"]["verified"], false);
}

/// Git answers for the plan's repository.
fn with_git(config: Config) -> Config {
    use rollout_plan::world::{External, Speaks};
    let git = External { name: "git.example".to_owned(), host: "git.example".to_owned(), port: 443, speaks: Speaks::Git };
    Config { externals: vec![git], ..config }
}

#[test]
fn an_interrupted_run_ends_130_and_starts_nothing_more() {
    interrupted(Signal::INT, 130);
}

#[test]
fn a_terminated_run_ends_143_and_starts_nothing_more() {
    interrupted(Signal::TERM, 143);
}
