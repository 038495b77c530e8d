//! `plan run --resume` as a whole program, against a world beside it.

use super::requests;
use super::served::{Served, wait_until};
use super::small;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Output, Stdio};

fn said(output: &Output) -> (String, String) {
    (String::from_utf8(output.stdout.clone()).unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

/// Sends a signal in the middle of the first deploy and gives what it said.
fn stopped(served: &Served, home: &super::binary::Home, signal: Signal) -> Output {
    let process = home.command(["run", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    wait_until("the deploy is asked for and found", || {
        let log = served.exports.log();
        let deploy = log.iter().position(|request| request.procedure == "compose.deploy");
        deploy.is_some_and(|at| log[at..].iter().any(|request| request.procedure == "deployment.allByCompose"))
    });
    kill_process(pid, signal).unwrap();
    process.wait_with_output().unwrap()
}

fn resumes_after(signal: Signal, code: Option<i32>) {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    home.file("one.yml", &small::ONE.replace("build: 200ms", "build: 4s"));
    home.file("two.yml", &small::two().replacen("build: 200ms", "build: 4s", 1));
    let output = stopped(&served, &home, signal);
    let (stdout, stderr) = said(&output);
    assert_eq!(output.status.code(), code, "{stdout}{stderr}");
    let run = home.journal()[0]["event"]["run"].as_str().unwrap().to_owned();
    if code.is_some() {
        assert!(stderr.contains(&format!("plan run --resume {run}")), "{stderr}");
    }

    // Its files bind it.
    let two = small::two().replacen("build: 200ms", "build: 4s", 1);
    home.file("two.yml", &format!("{two}# changed\n"));
    let output = home.command(["run", "--resume"]).output().unwrap();
    let (stdout, stderr) = said(&output);
    assert_eq!(output.status.code(), Some(3), "{stdout}{stderr}");
    assert!(stderr.contains("two.yml of phase `two` was changed"), "{stderr}");
    home.file("two.yml", &two);

    let output = home.command(["run", "--resume", "rollout.plan"]).output().unwrap();
    let (stdout, stderr) = said(&output);
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert!(stderr.contains("resumed"), "{stderr}");
    let deploys = requests::changes(&served.exports.log()).into_iter().filter(|call| *call == "compose.deploy").count();
    assert_eq!(deploys, 2, "one for each phase");
    assert_eq!(home.journal().iter().filter(|line| line["event"]["event"] == "resumed").count(), 1);

    let output = home.command(["run", "--resume", &run]).output().unwrap();
    let (stdout, stderr) = said(&output);
    assert_eq!(output.status.code(), Some(3), "{stdout}{stderr}");
    assert!(stderr.contains("exit 0"), "{stderr}");
}

#[test]
fn a_run_that_was_interrupted_is_resumed() {
    resumes_after(Signal::INT, Some(130));
}

#[test]
fn a_run_that_was_killed_is_resumed() {
    resumes_after(Signal::KILL, None);
}

#[test]
fn a_run_in_the_sandbox_cannot_be_resumed_and_says_why() {
    let home = super::binary::Home::new();
    small::put(&home);
    let output = home.command(["run", "--sandbox", "--resume"]).output().unwrap();
    let (_, stderr) = said(&output);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("its world ended with the process"), "{stderr}");
}

#[test]
fn nothing_to_go_on_with_is_said() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    let output = home.command(["run", "--resume"]).output().unwrap();
    let (_, stderr) = said(&output);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("nothing to go on with"), "{stderr}");
}

/// Only what changed something is worth going on with; one that Dokploy did not answer left nothing behind.
#[test]
fn a_run_that_changed_nothing_is_not_recalled() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    let output = home.command(["run", "--yes"]).env("DOKPLOY_URL", "http://127.0.0.1:1").output().unwrap();
    assert_eq!(output.status.code(), Some(9), "{:?}", said(&output));
    let ran = home.plan(["run", "--yes"]);
    ran.ends(0).does_not_say("was cut off");
}
