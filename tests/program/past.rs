//! `plan history`, `plan show` and `plan status` after runs of the real binary.

use super::binary::{Home, Ran};
use super::requests::changes;
use super::served::{Served, wait_until};
use super::small;
use serde_json::{Value, json};
use std::process::Stdio;

fn line(ran: &Ran) -> &str {
    ran.stdout.lines().next().unwrap_or_default()
}

#[test]
fn a_sandbox_run_is_listed_shown_and_told_apart() {
    let home = Home::new();
    let live = home.told(&["ai-agents: crash-loop"]);
    live.ends(4);
    let folder = home.run();
    let run = folder.file_name().unwrap().to_str().unwrap();

    let history = home.plan(["history"]);
    assert_eq!(history.ends(0).stdout, "");
    history.says("no run is recorded in").says("--sandbox");
    let history = home.plan(["history", "--sandbox"]);
    history.ends(0);
    for words in [run, "exit 4", "in the sandbox", "business verified, complete failed, rolled back to business"] {
        assert!(history.stdout.contains(words), "{words:?} is not in\n{}", history.stdout);
    }

    // The tail, the head and the newest: the same lines as the live run's, but for what only shows that time goes on.
    let lasting = |text: &str| -> Vec<String> {
        let notes = ["  waiting     ", "sandbox's own", "it answers for", "it makes up", "nobody is at a terminal"];
        text.lines().filter(|line| !notes.iter().any(|note| line.contains(note))).map(str::to_owned).collect()
    };
    let expected = lasting(&format!("{}{}", live.stderr, live.stdout));
    for name in [run, &run[run.len() - 4..], &run[..12], "latest"] {
        let shown = home.plan(["show", name]);
        assert_eq!(shown.ends(0).stderr, "");
        assert_eq!(lasting(&shown.stdout)[1..], expected, "{name}");
        assert!(line(&shown).contains(run), "{}", line(&shown));
    }
    let json = home.plan(["show", run, "--format", "json"]);
    let events = json.ends(0).events();
    assert_eq!((&events[0]["sandbox"]["speed"], &events.last().unwrap()["exit"]), (&json!("max"), &json!(4)));

    let status = home.plan(["status", "--sandbox"]);
    assert!(line(status.ends(0)).starts_with("backend (Backend/staging): phase business verified 20"), "{}", status.stdout);
    assert!(line(&status).ends_with(&format!(" UTC by run {run}, 7/7 healthy then")), "{}", status.stdout);

    let copied = home.plan(["show", run, "--evidence", "out/evidence"]);
    copied.ends(0).says("files of evidence in out/evidence; compose texts may hold secrets");
    let evidence = home.path().join("out/evidence/01-complete");
    assert!(evidence.join("logs/ai-agents.log").is_file() && !evidence.join("compose.yml").exists());
    let again = home.plan(["show", run, "--evidence", "out/evidence"]);
    assert_eq!(again.ends(2).says("must be new or empty").stdout, "");
}

#[test]
fn a_run_that_is_not_there_is_told_with_those_that_are() {
    let home = Home::new();
    home.plan(["show", "latest"]).ends(2).says("no run is recorded");
    home.sandboxed(&[]).ends(0);
    home.sandboxed(&[]).ends(0);
    let runs = home.runs();
    let newest = runs[1].file_name().unwrap().to_str().unwrap();
    home.plan(["show", "elsewhere"]).ends(2).says("no run `elsewhere` is recorded").says(newest);
    home.plan(["show", "20"]).ends(2).says("`20` could be any of 2 runs").says(newest);
    home.plan(["show", ""]).ends(2);
    let near = format!("{newest}x");
    home.plan(["show", &near]).ends(2).says(&format!("did you mean {newest}?"));

    let journal = runs[1].join("journal.jsonl");
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes[10] = b'#';
    std::fs::write(&journal, bytes).unwrap();
    let damaged = home.plan(["show", newest]);
    damaged
        .ends(1)
        .says("is damaged at byte 0")
        .says("05-complete.yml")
        .says("its bundle says that it verified foundation, core, business and complete");
    let history = home.plan(["history", "--sandbox", "--format", "json"]);
    let listed = super::binary::json_lines(&history.ends(0).stdout);
    assert_eq!((&listed[0]["state"], &listed[0]["damaged_at"], &listed[0]["snapshots"]), (&json!("damaged"), &json!(0), &json!(5)));
    assert_eq!((&listed[1]["state"], &listed[1]["exit"]), (&json!("ended"), &json!(0)));
}

#[test]
fn a_run_at_work_is_told_from_one_that_was_cut_off() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    let mut run = home.command(["run", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let says = |words: &str| line(home.plan(["status", "--offline"]).ends(0)).contains(words);
    wait_until("the run is at work", || says("is at work now in phase one ("));
    let pid = format!("pid {}, since ", run.id());
    assert!(says(&pid));
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(says(" was cut off "), "{}", home.plan(["status", "--offline"]).stdout);
    let folder = home.run();
    let id = folder.file_name().unwrap().to_str().unwrap();
    assert!(says(&format!("; plan run --resume {id}")));
    let shown = home.plan(["show", "latest"]);
    assert!(shown.ends(0).verdict().starts_with(&format!("run {id} was cut off ")), "{}", shown.stdout);
    let told = home.plan(["show", id, "--format", "json"]).events().pop().unwrap();
    assert_eq!((&told["event"], &told["run"], &told["at_work"]), (&json!("unfinished"), &json!(id), &Value::Null));
}

#[test]
fn status_knows_what_dokploy_knows_and_where_the_records_differ() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let exports = &served.exports;
    let home = exports.home();
    small::put(&home);
    let status = home.plan(["status"]);
    assert!(line(status.ends(0)).starts_with("backend (Backend/staging): nothing: its compose text is blank"), "{}", status.stdout);
    home.plan(["run", "--yes", "--until", "one"]).ends(0);
    let folder = home.run();
    let run = folder.file_name().unwrap().to_str().unwrap();
    let before = changes(&exports.log()).len();
    // A look that is made on a busy machine.
    let patient = small::PLAN.replace("400ms", "3s").replace("soak 900ms", "soak 10s");
    home.file("rollout.plan", &patient);

    for arguments in [vec!["status"], vec!["status", "--offline"], vec!["status", "rollout.plan", "--format", "plain"]] {
        let status = home.plan(&arguments);
        assert!(line(status.ends(0)).starts_with("backend (Backend/staging): phase one verified 20"), "{}", status.stdout);
        let is_offline = arguments.contains(&"--offline");
        let now = if is_offline { "" } else { "; asked now: 1/1 pass" };
        assert!(line(&status).ends_with(&format!(" UTC by run {run}, 1/1 healthy then{now}")), "{}", status.stdout);
        assert!(!status.stdout.contains("differs") && !status.stdout.contains(&exports.key), "{}", status.stdout);
        assert_eq!(status.stdout.contains("phase one, verified by run"), !is_offline, "{}", status.stdout);
    }

    // A tag that moved: nothing in the text tells it.
    small::put(&home);
    let path = folder.join("bundle.json");
    let bundle = std::fs::read_to_string(&path).unwrap();
    let image = serde_json::from_str::<Value>(&bundle).unwrap()["phases"][0]["images"]["web"].as_str().unwrap().to_owned();
    std::fs::write(&path, bundle.replace(&image, "sha256:0123456789abcdef")).unwrap();
    let told = format!("web runs image {} and ran 0123456789ab when run {run} verified phase one, by the same text", &image[7..19]);
    home.plan(["run", "--yes", "--until", "one"]).ends(0).says(&told);
    std::fs::remove_dir_all(home.runs().pop().unwrap()).unwrap();

    // Another machine: the plan's files and no record of any run.
    let other = exports.home();
    small::put(&other);
    other.file("rollout.plan", &patient);
    let status = other.plan(["status", "--format", "json"]);
    let told: Value = serde_json::from_str(&status.ends(0).stdout).unwrap();
    assert_eq!(told["status"], format!("backend (Backend/staging): phase one, verified by run {run}; asked now: 1/1 pass"));
    assert_eq!((&told["live"]["marker"]["phase"], &told["by_records"]), (&json!("one"), &Value::Null));
    assert!(told["differs"][0].as_str().unwrap().contains("has no record here"));

    // Somebody's edit in Dokploy's page.
    let text = exports.app()["composeFile"].as_str().unwrap().replace("web:1.0", "web:6.6");
    let (_, body) = text.split_once('\n').unwrap();
    exports.post_to_app("compose.update", &json!({ "composeFile": body }));
    home.file("rollout.plan", &patient);
    let status = home.plan(["status"]);
    assert!(line(status.ends(0)).ends_with("a text that is none of this plan; asked now: 1/1 pass"), "{}", status.stdout);
    assert!(status.stdout.contains("differs   by the records run"), "{}", status.stdout);
    assert_eq!(changes(&exports.log()).len(), before + 1, "asking changes nothing");
    home.plan(["status", "gone.plan"]).ends(2);
}
