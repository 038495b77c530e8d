//! `expect exec`: what a command is given, how it ends, and that nothing of it is left.

use super::{CANARY, Given, LONG, SHORT, sample, sample_with};
use rollout_plan::engine::Reading;
use rollout_plan::probe::Asking;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

#[tokio::test]
async fn exit_and_output_decide() {
    let shell = "'echo ok; echo bad >&2; exit 3'";
    for (text, reading, actual) in [
        ("exec [\"true\"]".to_owned(), Reading::Pass, "exit 0"),
        ("exec [\"false\"]".to_owned(), Reading::Fail, "exit 1, nothing on stdout"),
        ("exec [\"cat\"]".to_owned(), Reading::Pass, "exit 0"),
        (format!("exec [\"sh\", \"-c\", {shell}]"), Reading::Fail, "exit 3 (stderr: bad)"),
        (
            format!("exec [\"sh\", \"-c\", {shell}] {{\n exit == 3\n stdout matches /^ok$/\n stderr contains \"bad\"\n}}"),
            Reading::Pass,
            "exit 3",
        ),
        (format!("exec [\"sh\", \"-c\", {shell}] {{\n exit == 3\n stdout contains \"no\"\n}}"), Reading::Fail, "exit 3 (stdout: ok)"),
        ("exec [\"sh\", \"-c\", 'kill -9 $$'] { exit <= 200 }".to_owned(), Reading::Fail, "ended by signal 9, nothing on stdout"),
        // No shell takes the words apart or fills anything in.
        ("exec [\"echo\", '$HOME; a  b'] { stdout matches /^\\$HOME; a  b$/ }".to_owned(), Reading::Pass, "exit 0"),
        // 100 MB are read, and no more than the first MiB is kept.
        ("exec [\"head\", \"-c\", \"100000000\", \"/dev/zero\"]".to_owned(), Reading::Pass, "exit 0"),
        ("exec [\"no-such-program-here\"]".to_owned(), Reading::Error, "`no-such-program-here` is not there"),
        ("exec [\"/etc/passwd\"]".to_owned(), Reading::Error, "`/etc/passwd` may not be run"),
    ] {
        let sample = sample(&text).await;
        assert_eq!((sample.reading, sample.actual.as_str()), (reading, actual), "{text}");
    }
}

#[tokio::test]
async fn the_environment_is_path_home_and_what_is_named() {
    // The tests themselves run with this one set.
    let inherited = "'test -z \"$CARGO_MANIFEST_DIR\" && test -n \"$PATH\"'";
    assert_eq!(sample(&format!("exec [\"sh\", \"-c\", {inherited}]")).await.reading, Reading::Pass);
    let named =
        sample(&format!("exec [\"env\"] {{\n set TOKEN = secret(\"TOKEN\")\n stdout contains \"TOKEN={}\"\n}}", &CANARY[..11])).await;
    assert_eq!(named.reading, Reading::Pass, "{named:?}");
    let told = sample("exec [\"sh\", \"-c\", 'echo $TOKEN >&2; exit 1'] { set TOKEN = secret(\"TOKEN\") }").await;
    assert_eq!((told.reading, told.actual.as_str()), (Reading::Fail, "exit 1 (stderr: [secret])"));
}

fn is_gone(file: &Path) -> bool {
    let pid = fs::read_to_string(file).unwrap();
    let began = Instant::now();
    // One that is killed may wait for its end to be taken notice of by whoever adopted it.
    while began.elapsed() < Duration::from_secs(5) {
        match fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
            Ok(stat) if !stat.contains(") Z ") => std::thread::sleep(Duration::from_millis(20)),
            _ => return true,
        }
    }
    false
}

#[tokio::test]
async fn nothing_outlives_a_sample() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let start = format!("'sleep 60 & echo $! > {}; ", file.display());
    let slow = format!("exec [\"sh\", \"-c\", {start} sleep 60']");
    let slow = sample_with(&slow, &Given::default(), &Asking::default(), SHORT).await;
    assert_eq!((slow.reading, slow.actual.as_str()), (Reading::Fail, "still running after 400ms, and ended"));
    assert!(is_gone(&file), "what the command started runs on after its time limit");
    // It ends, and leaves something behind that holds its output.
    let began = Instant::now();
    let behind = sample_with(&format!("exec [\"sh\", \"-c\", {start} echo ok']"), &Given::default(), &Asking::default(), LONG).await;
    assert_eq!((behind.reading, behind.actual.as_str()), (Reading::Pass, "exit 0"));
    assert!(began.elapsed() < Duration::from_secs(3) && is_gone(&file), "what the command started runs on");
}

#[tokio::test]
async fn a_command_runs_in_the_plans_folder() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("check.sh");
    fs::write(&script, "#!/bin/sh\npwd\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let asking = Asking { folder: Some(folder.path().to_path_buf()), ..Asking::default() };
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let text = format!("exec [\"./check.sh\"] {{ stdout contains \"{name}\" }}");
    let sample = sample_with(&text, &Given::default(), &asking, LONG).await;
    assert_eq!(sample.reading, Reading::Pass, "{sample:?}");
}
