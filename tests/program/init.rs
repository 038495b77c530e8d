//! `plan init`, the real binary: from a folder with compose files to a plan that runs in the sandbox.

use super::binary::{EXAMPLE, Home, Ran};
use std::fs;

/// `plan init` in a folder of the home that is called as an app would be.
fn init(home: &Home, more: &[&str]) -> Ran {
    in_shop(home, &[&["init"], more].concat())
}

fn in_shop(home: &Home, words: &[&str]) -> Ran {
    let folder = home.path().join("shop");
    fs::create_dir_all(&folder).unwrap();
    let output = home.command(words).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn plan(home: &Home) -> String {
    fs::read_to_string(home.path().join("shop/rollout.plan")).unwrap()
}

fn files(home: &Home) -> Vec<String> {
    let entries = fs::read_dir(home.path().join("shop")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const WEB: &str = "services:\n  web:\n    image: nginx:1.27\n    ports: [\"8080:80\"]\n";

fn and(more: &str) -> String {
    format!("{WEB}  {more}:\n    image: {more}:1\n")
}

#[test]
fn one_file_becomes_a_plan_that_checks_and_runs() {
    let home = Home::new();
    home.file("shop/compose.yml", WEB);
    let ran = init(&home, &[]);
    ran.ends(0)
        .says("took compose.yml wrote rollout.plan: 1 phase, 1 service")
        .says("no errors and no warnings")
        .says("plan run --sandbox");
    assert_eq!(ran.stdout, "", "stdout is for data");
    let plan = plan(&home);
    for line in ["rollout shop # guess\n", "phase first {\n", "  deploy shop from \"compose.yml\" within 10m # guess\n"] {
        assert!(plan.contains(line), "{line:?} is not in\n{plan}");
    }
    assert!(plan.contains("  expect http \"http://{host}:8080/\" { status in [200..399] } # guess\n"), "{plan}");
    in_shop(&home, &["check", "--offline"]).ends(0);
    let run = in_shop(&home, &["run", "--sandbox", "--yes", "--speed", "max"]);
    assert!(run.ends(0).verdict().contains("shop runs phase `first`, 1/1 healthy"), "{}", run.verdict());
}

#[test]
fn the_names_that_are_said_are_no_guesses() {
    let home = Home::new();
    home.file("shop/docker-compose.yml", WEB);
    init(&home, &["--name", "web shop", "--project", "Shop", "--environment", "staging", "--compose", "shop-web"]).ends(0);
    let plan = plan(&home);
    let app = "rollout \"web shop\"\n";
    assert!(plan.contains(app), "{plan}");
    assert!(plan.contains("app \"web shop\" {\n  project \"Shop\"\n  environment \"staging\"\n  compose \"shop-web\"\n}\n"), "{plan}");
    assert!(plan.contains("deploy \"web shop\" from \"docker-compose.yml\""), "{plan}");
    init(&home, &["--force", "--name", " "]).ends(2);
}

#[test]
fn numbered_files_are_taken_in_their_order_before_any_other() {
    let home = Home::new();
    home.file("shop/phase10.yml", &and("worker"));
    home.file("shop/phase2.yml", WEB);
    home.file("shop/compose.yml", WEB);
    let ran = init(&home, &[]);
    ran.ends(0).says("took phase2.yml and phase10.yml left out compose.yml");
    assert!(plan(&home).contains("\nphase phase2 {\n") && plan(&home).contains("\nphase phase10 after phase2 {\n"), "{}", plan(&home));
    init(&home, &["compose.yml", "--force"]).ends(0).says("took compose.yml wrote").does_not_say("left out");
    assert!(plan(&home).contains("\nphase first {\n"));
}

#[test]
fn files_that_grow_in_another_order_are_sorted_and_files_that_do_not_are_refused() {
    let home = Home::new();
    home.file("shop/all.yml", &and("worker"));
    home.file("shop/base.yml", WEB);
    home.file("shop/other.yml", "services:\n  other:\n    image: other:1\n");
    init(&home, &["all.yml", "base.yml"]).ends(0).says("took base.yml and all.yml, in this order");
    fs::remove_file(home.path().join("shop/rollout.plan")).unwrap();
    init(&home, &["base.yml", "other.yml"])
        .ends(2)
        .says("other.yml does not have \"web\" of base.yml, while other.yml adds \"other\"")
        .says("add \"web\" to other.yml")
        .says("`removes web`");
    init(&home, &["base.yml", "base.yml"]).ends(2).says("base.yml is named twice");
    assert_eq!(files(&home), ["all.yml", "base.yml", "other.yml"], "nothing was written");
}

#[test]
fn a_plan_that_is_there_is_not_overwritten() {
    let home = Home::new();
    home.file("shop/compose.yml", WEB);
    home.file("shop/rollout.plan", "precious");
    init(&home, &[]).ends(2).says("rollout.plan is there already, and was left as it is").says("plan init --force");
    assert_eq!(plan(&home), "precious");
    init(&home, &["--output", "other.plan"]).ends(0).says("wrote other.plan").says("plan check other.plan");
    init(&home, &["--force"]).ends(0).says("wrote rollout.plan");
    assert!(plan(&home).starts_with("# A first plan for shop"));
    assert_eq!(files(&home), ["compose.yml", "other.plan", "rollout.plan"]);
}

#[test]
fn nothing_to_begin_with() {
    let home = Home::new();
    let ran = init(&home, &[]);
    ran.ends(2).says("no compose file in this folder").says("plan init FILE");
    home.file("shop/stack.yml", WEB);
    init(&home, &[]).ends(2).says("there are stack.yml");
    init(&home, &["gone.yml"]).ends(2).says("there is no compose file gone.yml");
    init(&home, &["."]).ends(2).says("compose file . cannot be read: it is a folder");
    init(&home, &["stack.yml", "--output", "gone/rollout.plan"]).ends(2).says("the plan cannot go to gone/rollout.plan");
    init(&home, &["stack.yml", "--output", "stack.yml", "--force"]).ends(2).says("stack.yml is no name for a plan");
    assert_eq!(files(&home), ["stack.yml"]);
}

#[test]
fn a_broken_file_is_shown_and_nothing_is_written() {
    for (text, code, words) in [
        ("services:\n  web:\n    imagge: a\n", "E0502", "service \"web\" has neither `image` nor `build`"),
        ("services:\n  a: {image: a, ports: ['80:80']}\n  b: {image: b, ports: ['80:80']}\n", "E0505", "both publish host port 80"),
        ("services:\n  a: {image: a, depends_on: [gone]}\n", "E0404", "depends on \"gone\""),
    ] {
        let home = Home::new();
        home.file("shop/compose.yml", text);
        let ran = init(&home, &[]);
        ran.ends(2).says(code).says(words).says("no plan was written");
        assert!(ran.stderr.contains("compose.yml:"), "{}", ran.stderr);
        assert_eq!(files(&home), ["compose.yml"]);
    }
}

#[test]
fn on_stdout_the_plan_is_alone() {
    let home = Home::new();
    home.file("shop/compose.yml", WEB);
    home.file("shop/rollout.plan", "precious");
    let ran = init(&home, &["--output", "-"]);
    ran.ends(0).says("took compose.yml this plan has 1 phase, 1 service");
    assert!(ran.stdout.starts_with("# A first plan for shop") && ran.stdout.ends_with("}\n"), "{}", ran.stdout);
    assert_eq!(plan(&home), "precious");
}

#[test]
fn paths_are_relative_to_the_plan() {
    let home = Home::new();
    home.file("shop/deploy/compose.yml", WEB);
    home.file("shop/plans/keep", "");
    init(&home, &["deploy/compose.yml", "--output", "plans/web.plan"]).ends(0).says("plan check plans/web.plan");
    let text = fs::read_to_string(home.path().join("shop/plans/web.plan")).unwrap();
    assert!(text.contains("from \"../deploy/compose.yml\""), "{text}");
    in_shop(&home, &["check", "--offline", "plans/web.plan"]).ends(0);
}

#[test]
fn the_example_made_anew_runs_in_the_sandbox() {
    let home = Home::new();
    for number in 1..=4 {
        let name = format!("phase{number}.yml");
        home.file(&format!("shop/{name}"), &fs::read_to_string(format!("{EXAMPLE}/{name}")).unwrap());
    }
    init(&home, &[]).ends(0).says("wrote rollout.plan: 4 phases, 10 services");
    let run = in_shop(&home, &["run", "rollout.plan", "--sandbox", "--yes", "--speed", "max"]);
    assert!(run.ends(0).verdict().contains("shop runs phase `phase4`, 10/10 healthy"), "{}", run.verdict());
}

#[test]
fn the_document_shows_what_happens() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/init.md");
    let text = fs::read_to_string(document).unwrap();
    let block = |kind: &str| {
        let (before, rest) = text.split_once(&format!("```{kind}\n")).unwrap();
        let block = rest.split_once("```\n").unwrap().0;
        (before.len() + kind.len() + 4, block)
    };
    let home = Home::new();
    home.file("shop/compose.yml", block("yaml").1);
    let ran = init(&home, &[]);
    ran.ends(0);
    let (said, written) = (block("text"), block("plan"));
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        let (between, after) = (&text[said.0 + said.1.len()..written.0], &text[written.0 + written.1.len()..]);
        return fs::write(document, [&text[..said.0], &ran.stderr, between, &plan(&home), after].concat()).unwrap();
    }
    assert_eq!((said.1, written.1), (ran.stderr.as_str(), plan(&home).as_str()));
}
