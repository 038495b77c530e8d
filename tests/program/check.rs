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
        "1. foundation  +1, 1 service ",
        "2. core  +3, 4 services ",
        "3. business  +3, 7 services ",
        "4. complete  +3, 10 services ",
        "40s to 23m 24s\n",
        "gates     infrastructure\n",
        "asks \"Bring up the AI services?\" within 30m, else stop\n",
        "best case 2m 30s, worst case 1h 52m; with a rollback 2h 25m\n",
    ] {
        assert!(ran.stdout.contains(words), "{words:?} is not in\n{}", ran.stdout);
    }
    // From the plan's own folder, by default.
    let there = home.command(["check", "--offline"]).current_dir(EXAMPLE).output().unwrap();
    assert_eq!(String::from_utf8(there.stdout).unwrap(), ran.stdout);
    assert!(!home.path().join("state").exists(), "a check writes nothing");
}

/// The plan that the language was designed by, its ten services spelled out, beside the example's compose files.
#[test]
fn the_plan_that_the_language_was_designed_by_has_no_finding_and_is_laid_out() {
    let home = Home::new();
    for entry in std::fs::read_dir(EXAMPLE).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
        std::fs::copy(entry.path(), home.path().join(entry.file_name())).unwrap();
    }
    let more = [
        ("auth-service", 8006),
        ("django-crm", 8003),
        ("business-directory", 8004),
        ("coreldove-backend", 8005),
        ("ai-agents", 8008),
        ("amazon-sourcing", 8009),
    ];
    let service =
        |(name, port): &(&str, u16)| format!("service {name} {{\n  expect http \"http://{{host}}:{port}/health\" {{ status == 200 }}\n}}");
    let more = more.iter().map(service).collect::<Vec<_>>().join("\n\n");
    let designed = include_str!("../fmt/tidy/bizosaas.plan");
    assert_eq!(designed.matches("# … seven more …").count(), 1);
    home.file("rollout.plan", &designed.replace("# … seven more …", &more));
    let ran = home.plan(["check", "--offline", "--deny", "warnings"]);
    assert_eq!(ran.ends(0).stderr, "");
    ran.shows("4 phases, 10 services").shows("notifies").shows("watches");
    home.plan(["fmt", "--check"]).ends(0);
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
        assert!(ran.stderr.contains("\n1 error\n`plan explain ") && ran.stderr.ends_with("` says more\n"), "{wrong:?}\n{}", ran.stderr);
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
    for wrong in &MISTAKES {
        mistake(&folder, wrong);
    }
    let ran = check(&home, &[]);
    ran.ends(2);
    assert!(ran.stderr.ends_with("\n5 errors\n`plan explain E0503` says more\n"), "{}", ran.stderr);
    for (.., at) in &MISTAKES {
        assert!(ran.stderr.contains(at), "{at}: {}", ran.stderr);
    }
    assert_eq!(check(&home, &["--format", "json"]).events().len(), 5);
}

/// A plan with one warning: what is told of it, in a form, and the exit code.
fn warned(home: &Home, more: &[&str]) -> Ran {
    let folder = home.copy_of_example();
    let plan = folder.join("rollout.plan");
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, text.replace("  api-key secret(\"DOKPLOY_API_KEY\")", "  api-key \"dk_4f9a1c2b\"")).unwrap();
    check(home, more)
}

#[test]
fn warnings_end_with_0_unless_they_are_denied() {
    let home = Home::new();
    let ran = warned(&home, &[]);
    assert!(ran.ends(0).stderr.ends_with("\n1 warning\n`plan explain W0301` says more\n"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("rollout "), "{}", ran.stdout);
    let ran = warned(&home, &["--deny", "warnings"]);
    let told = "\n1 warning\nwarnings count as errors: `--deny warnings`\n`plan explain W0301` says more\n";
    assert!(ran.ends(2).stderr.ends_with(told), "{}", ran.stderr);
    assert_eq!(ran.stdout, "", "nothing would run");
    for form in ["plain", "json", "github"] {
        let ran = warned(&home, &["--deny", "warnings", "--format", form]);
        assert!(ran.ends(2).stderr.ends_with("warnings count as errors: `--deny warnings`\n"), "{form}: {}", ran.stderr);
        warned(&home, &["--format", form]).ends(0);
    }
    // Without a warning there is nothing to deny.
    let ran = home.plan(["check", "--offline", "--deny", "warnings", &super::binary::example()]);
    assert_eq!((ran.ends(0).stderr.as_str(), ran.stdout.starts_with("rollout ")), ("", true));
    home.plan(["check", "--offline", "--deny", "errors", &super::binary::example()]).ends(2);
}

#[test]
fn plain_is_a_line_each_as_compilers_write_it() {
    let home = Home::new();
    let folder = home.copy_of_example();
    mistake(&folder, &MISTAKES[2]);
    mistake(&folder, &MISTAKES[3]);
    let (plan, compose) = (folder.join("rollout.plan"), folder.join("phase3.yml"));
    let ran = check(&home, &["--format", "plain"]);
    let (plan, compose) = (plan.display(), compose.display());
    let expected = format!(
        "{plan}:142:8: error[E0301]: `60` has no unit: a duration ends in `ms`, `s`, `m` or `h`; help: write `soak 60s`\n\
         {compose}:89:9: error[E0505]: services \"django-crm\" and \"business-directory\" both publish host port 8003: 8003 again, by \
         \"business-directory\"; help: the number before the last colon is the host's: give one of them another\n    \
         {compose}:72:9: 8003 published by \"django-crm\"\n2 errors\n"
    );
    assert_eq!((ran.ends(2).stderr.as_str(), ran.stdout.as_str()), (expected.as_str(), ""));
}

#[test]
fn github_gets_workflow_commands_and_nothing_else_on_stdout() {
    let home = Home::new();
    let folder = home.copy_of_example();
    mistake(&folder, &MISTAKES[2]);
    let ran = check(&home, &["--format", "github"]);
    let expected = format!(
        "::error file={},line=142,endLine=142,col=8,endColumn=9,title=E0301::`60` has no unit: a duration ends in `ms`, `s`, `m` or \
         `h`%0Ahelp: write `soak 60s`\n",
        folder.join("rollout.plan").display()
    );
    assert_eq!((ran.ends(2).stdout.as_str(), ran.stderr.as_str()), (expected.as_str(), "1 error\n"));
    let ran = warned(&home, &["--format", "github"]);
    assert!(ran.ends(0).stdout.starts_with("::warning file=") && ran.stdout.lines().count() == 1, "{}", ran.stdout);
    let ran = home.plan(["check", "--offline", "--format", "github", &super::binary::example()]);
    assert_eq!((ran.ends(0).stdout.as_str(), ran.stderr.as_str()), ("", ""));
}

#[test]
fn what_a_plan_allows_stands_behind_the_findings_in_json_and_nowhere_else() {
    let home = Home::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/allows-needless");
    for name in ["rollout.plan", "one.yml"] {
        home.file(name, &std::fs::read_to_string(folder.join(name)).unwrap());
    }
    let ran = home.plan(["check", "--offline", "--format", "json"]);
    let lines = super::binary::json_lines(&ran.ends(0).stdout);
    let told: Vec<_> = lines.iter().map(|line| (line["code"].as_str(), line["severity"].as_str().unwrap())).collect();
    let (needless, allowed) = ((Some("W0510"), "warning"), (None, "allowed"));
    assert_eq!(told, [needless, needless, allowed, allowed, allowed], "{}", ran.stdout);
    let finding: Vec<&String> = lines[0].as_object().unwrap().keys().collect();
    let last = lines[4].as_object().unwrap();
    assert!(finding.iter().all(|key| last.contains_key(*key)), "a reader of findings finds its keys: {last:?}");
    assert_eq!((&last["service"], &last["word"], &last["reason"]), (&"web".into(), &"mutable-tag".into(), &"needed".into()));
    assert_eq!((&last["file"], &last["line"], &last["column"]), (&"rollout.plan".into(), &20.into(), &3.into()));
    let github = home.plan(["check", "--offline", "--format", "github"]);
    assert_eq!(github.ends(0).stdout.lines().count(), 2, "{}", github.stdout);
}
