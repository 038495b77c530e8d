//! `plan fmt`, the program: in place, `--check`, stdin, what is refused, links and permissions.

use super::binary::{Home, Ran, example};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

const MESSY: &str = "rollout   shop\ngate a {\napprove \"go?\"   # ask\n}\n";
const TIDY: &str = "rollout shop\ngate a {\n  approve \"go?\" # ask\n}\n";

/// What `plan fmt` says to a text on stdin.
fn piped(arguments: &[&str], text: &[u8]) -> Ran {
    let home = Home::new();
    let mut command = home.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// The names in a folder: nothing is left beside the file.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_plan_is_formatted_in_place_once() {
    let home = Home::new();
    let plan = home.file("rollout.plan", MESSY);
    let ran = home.plan(["fmt"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", "formatted rollout.plan\n"));
    assert_eq!(fs::read_to_string(&plan).unwrap(), TIDY);
    let before = fs::metadata(&plan).unwrap().modified().unwrap();
    let ran = home.plan(["fmt", "rollout.plan"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
    assert_eq!(fs::metadata(&plan).unwrap().modified().unwrap(), before, "a formatted plan is not written");
    assert_eq!(names(home.path()), ["rollout.plan"]);
}

#[test]
fn check_shows_what_would_change_and_changes_nothing() {
    let home = Home::new();
    let plan = home.file("a.plan", MESSY);
    let ran = home.plan(["fmt", "--check", "a.plan"]);
    ran.ends(2).says("error: \"a.plan\" is not formatted").says("help: plan fmt a.plan");
    let diff = "--- a.plan\n+++ a.plan (formatted)\n@@ -1,4 +1,4 @@\n-rollout   shop\n+rollout shop\n gate a {\n-approve \"go?\"   # ask\n+  approve \"go?\" # ask\n }\n";
    assert_eq!(ran.stdout, diff);
    assert_eq!(fs::read_to_string(&plan).unwrap(), MESSY);
    let ran = home.plan(["fmt", "--check", &example()]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
}

#[test]
fn stdin_goes_to_stdout() {
    for text in [MESSY, TIDY, "\u{feff}rollout   shop\r\ngate a {\r\napprove \"go?\" # ask\r\n}"] {
        let ran = piped(&["fmt", "-"], text.as_bytes());
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, TIDY, ""));
    }
    piped(&["fmt", "--check", "-"], MESSY.as_bytes()).ends(2).shows("--- <stdin>").says("help: plan fmt -");
    piped(&["fmt", "--check", "-"], TIDY.as_bytes()).ends(0);
    let ran = piped(&["fmt", "-"], b"gate a {");
    ran.ends(2).says("<stdin>:1").says("never closed");
    assert_eq!(ran.stdout, "");
    piped(&["fmt", "-"], b"caf\xe9").ends(2).says("it is not UTF-8");
    assert_eq!(piped(&["fmt", "-"], b"").ends(0).stdout, "");
}

#[test]
fn what_is_no_plan_is_refused_and_untouched() {
    let home = Home::new();
    for (name, text, told) in [
        ("broken.plan", "gate   a {\n", "the block of `gate` is never closed"),
        ("compose.yml", "services:\n  web:   {}\n", "is a YAML file, not a plan"),
    ] {
        let file = home.file(name, text);
        let ran = home.plan(["fmt", name]);
        ran.ends(2).says(told);
        assert_eq!((ran.stdout.as_str(), fs::read_to_string(&file).unwrap().as_str()), ("", text));
    }
    home.plan(["fmt"]).ends(2).says("there is no plan \"rollout.plan\"");
    home.plan(["fmt", "."]).ends(2).says("it is a folder");
    // Names that nothing declares are for `plan check` to tell.
    home.file("unknown.plan", "phase   a after nowhere { deploy gone from \"x\" }\n");
    home.plan(["fmt", "unknown.plan"]).ends(0);
}

#[test]
fn of_several_plans_each_is_seen_to() {
    let home = Home::new();
    let (broken, messy) = (home.file("a.plan", "gate {"), home.file("b.plan", MESSY));
    home.file("c.plan", TIDY);
    let ran = home.plan(["fmt", "a.plan", "b.plan", "c.plan"]);
    ran.ends(2).says("a.plan:1").says("formatted b.plan").does_not_say("c.plan");
    assert_eq!((fs::read_to_string(broken).unwrap().as_str(), fs::read_to_string(messy).unwrap().as_str()), ("gate {", TIDY));
}

#[test]
#[cfg(unix)]
fn a_link_stays_a_link_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let home = Home::new();
    let target = home.file("shared/real.plan", MESSY);
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("shared/real.plan", home.path().join("rollout.plan")).unwrap();
    home.plan(["fmt"]).ends(0).says("formatted rollout.plan");
    assert!(fs::symlink_metadata(home.path().join("rollout.plan")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&target).unwrap(), TIDY);
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(names(&home.path().join("shared")), ["real.plan"]);
}

#[test]
fn a_read_only_plan_is_not_replaced() {
    let home = Home::new();
    let plan = home.file("rollout.plan", MESSY);
    let mut permissions = fs::metadata(&plan).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&plan, permissions.clone()).unwrap();
    home.plan(["fmt"]).ends(1).says("\"rollout.plan\" cannot be written: it is read-only").says("plan fmt - < rollout.plan");
    assert_eq!(fs::read_to_string(&plan).unwrap(), MESSY);
    assert_eq!(names(home.path()), ["rollout.plan"]);
    home.plan(["fmt", "--check"]).ends(2);
}
