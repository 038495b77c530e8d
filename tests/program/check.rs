//! `plan check --offline`, the real binary.

use super::binary::{EXAMPLE, Home, Ran};
use std::path::Path;

#[test]
fn the_example_has_a_schedule_and_no_finding() {
    let home = Home::new();
    let ran = home.plan(["check", "--offline", &super::binary::example()]);
    ran.ends(0);
    assert_eq!(ran.stderr, "");
    for words in [
        "rollout bizosaas-backend-staging: 4 phases, 10 services\n",
        "saleor-api",
        "auth-service, brain-api and wagtail-cms",
        "gate",
        "go-ahead",
        "best",
        "worst",
    ] {
        assert!(ran.stdout.contains(words), "{words:?} is not in\n{}", ran.stdout);
    }
    // From the plan's own folder, by default.
    let there = home.command(["check", "--offline"]).current_dir(EXAMPLE).output().unwrap();
    assert_eq!(String::from_utf8(there.stdout).unwrap(), ran.stdout);
    assert!(!home.path().join("state").exists(), "a check writes nothing");
}

/// File, what it says, what it says wrongly, and the code, file and line of the one diagnostic.
type Mistake = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const MISTAKES: [Mistake; 5] = [
    ("rollout.plan", "service brain-api {", "service brian-api {", "E0503", "rollout.plan", "brian-api"),
    ("rollout.plan", "phase business after core {", "phase business after cor {", "", "rollout.plan", "cor"),
    ("rollout.plan", "  soak 1m\n", "  soak 60\n", "", "rollout.plan", "60"),
    ("phase3.yml", "\"8004:8004\"", "\"8003:8004\"", "E0505", "phase3.yml", "8003"),
    ("rollout.plan", "\"phase4.yml\"", "\"phase5.yml\"", "E0501", "rollout.plan", "phase5.yml"),
];

fn mistake(folder: &Path, (file, right, wrong, ..): &Mistake) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(right).count(), 1, "{right}");
    std::fs::write(&path, text.replace(right, wrong)).unwrap();
}

fn check(home: &Home, more: &[&str]) -> Ran {
    let plan = home.path().join("example/rollout.plan");
    home.plan(["check", "--offline", plan.to_str().unwrap()].iter().chain(more))
}

#[test]
fn each_of_five_mistakes_is_one_diagnostic_and_nothing_else() {
    for wrong in &MISTAKES {
        let home = Home::new();
        mistake(&home.copy_of_example(), wrong);
        let ran = check(&home, &[]);
        ran.ends(2);
        assert_eq!(ran.stdout, "", "{wrong:?}");
        assert!(ran.stderr.ends_with("\n1 error\n"), "{wrong:?}\n{}", ran.stderr);
        let (.., code, file, at) = wrong;
        assert!(ran.stderr.contains(code) && ran.stderr.contains(&format!("{file}:")) && ran.stderr.contains(at), "{}", ran.stderr);
        let json = check(&home, &["--format", "json"]);
        let found = json.ends(2).events();
        assert_eq!((found.len(), json.stderr.as_str()), (1, ""), "{found:?}");
        // The same, run: nothing is begun.
        let plan = home.path().join("example/rollout.plan");
        home.plan(["run", plan.to_str().unwrap(), "--sandbox"]).ends(2);
        assert!(!home.path().join("state").exists());
    }
}

#[test]
fn a_port_published_twice_is_shown_at_both_lines_of_the_compose_file() {
    let home = Home::new();
    mistake(&home.copy_of_example(), &MISTAKES[3]);
    let ran = check(&home, &[]);
    ran.ends(2);
    for line in ["phase3.yml:89:9", "phase3.yml:72:9"] {
        assert!(ran.stderr.contains(line), "{}", ran.stderr);
    }
}

#[test]
fn all_five_at_once_are_all_told() {
    let home = Home::new();
    let folder = home.copy_of_example();
    MISTAKES.iter().for_each(|wrong| mistake(&folder, wrong));
    let ran = check(&home, &[]);
    ran.ends(2);
    assert!(ran.stderr.ends_with("\n5 errors\n"), "{}", ran.stderr);
    for (.., at) in &MISTAKES {
        assert!(ran.stderr.contains(at), "{at}: {}", ran.stderr);
    }
    assert_eq!(check(&home, &["--format", "json"]).events().len(), 5);
}
