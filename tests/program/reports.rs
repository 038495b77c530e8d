//! The reports that a run of the real binary leaves are those that `plan show` gives of it later.

use super::binary::{EXAMPLE, Home, example, in_sandbox};
use super::served::Served;
use super::small;
use crate::reports::junit::structure;
use std::fs;

fn read(home: &Home, name: &str) -> String {
    fs::read_to_string(home.path().join(name)).unwrap()
}

#[test]
fn what_a_run_leaves_is_what_is_shown_of_it_later() {
    for (faults, code) in [(&[][..], 0), (&["ai-agents: crash-loop"], 4), (&["external postgres: down"], 3)] {
        let home = Home::new();
        let home = home.with("GITHUB_STEP_SUMMARY", "summary.md");
        home.file("summary.md", "# Another step\n");
        let reports = ["plain", "json", "junit", "markdown"];
        let wanted: Vec<String> = reports.iter().flat_map(|format| ["--report".to_owned(), format!("{format}={format}.report")]).collect();
        let mut more: Vec<&str> = wanted.iter().map(String::as_str).collect();
        more.extend(["--format", "github"]);
        let ran = home.plan(in_sandbox(&example(), faults, &more));
        ran.ends(code).says("report: junit.report").says("report: markdown.report");

        for format in reports {
            let shown = home.plan(["show", "latest", "--format", format]);
            assert_eq!(shown.ends(0).stdout, read(&home, &format!("{format}.report")), "{format}");
        }
        let totals = structure(&read(&home, "junit.report")).unwrap();
        assert_eq!(totals.failures + totals.errors == 0, code == 0, "{totals:?}");

        // Annotations, then the verdict, and nothing else that GitHub would obey.
        let (commands, verdict) = ran.stdout.trim_end().rsplit_once('\n').unwrap();
        assert!(
            commands.lines().all(|line| ["::error ", "::warning ", "::notice "].iter().any(|level| line.starts_with(level))),
            "{commands}"
        );
        assert!(verdict.starts_with("[sandbox, max speed] backend ") && verdict.contains(&format!("exit {code}: ")), "{verdict}");
        assert!(!ran.stderr.lines().any(|line| line.trim_start().starts_with("::") || line.contains("##[")), "{}", ran.stderr);
        assert_eq!(read(&home, "summary.md"), format!("# Another step\n{}", read(&home, "markdown.report")));
        let shown = home.plan(["show", "latest", "--format", "github"]);
        assert_eq!(shown.ends(0).stdout.trim_end(), commands);
    }
}

/// What was live before the run took none of its time.
#[test]
fn a_phase_that_was_live_before_has_no_time_in_the_table() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home();
    small::put(&home);
    home.plan(["run", "--yes"]).ends(0);
    home.plan(["run", "--yes", "--report", "markdown=again.md"]).ends(0);
    let page = read(&home, "again.md");
    for row in ["| one | was live | web |  |  |  |  |  |  |", "| two | ✅ was live, holds | worker |"] {
        assert!(page.contains(row), "{row} is not in\n{page}");
    }
}

#[test]
fn annotations_lead_to_the_line_of_the_plan() {
    let home = Home::new();
    let ran = home.plan(in_sandbox(&example(), &["ai-agents: crash-loop"], &["--format", "github"]));
    ran.ends(4).says("GITHUB_STEP_SUMMARY is not set, so there is no job summary");
    let plan = fs::read_to_string(format!("{EXAMPLE}/rollout.plan")).unwrap();
    let line = 1 + plan.lines().position(|line| line.starts_with("service ai-agents ")).unwrap();
    let wanted = format!("rollout.plan,line={line},endLine={line},title=ai-agents failed in phase complete::ai-agents: its container%0A");
    assert!(ran.stdout.contains(&wanted), "{wanted} is not in\n{}", ran.stdout);
}

#[test]
fn a_report_without_a_place_is_told_before_anything_is_done() {
    let home = Home::new();
    fs::create_dir(home.path().join("folder")).unwrap();
    for (reports, says) in [
        (&["junit=out/report.xml"][..], "there is no folder for the report out/report.xml"),
        (&["junit=folder"], "would have to be a file, and is a folder"),
        (&["junit=report", "markdown=report"], "two reports would go to report"),
        (&["html=report"], "such as junit=report.xml; formats are plain, json, junit and markdown"),
        (&["junit"], "such as junit=report.xml; formats are plain, json, junit and markdown"),
    ] {
        let more: Vec<&str> = reports.iter().flat_map(|report| ["--report", report]).collect();
        home.plan(in_sandbox(&example(), &[], &more)).ends(2).says(says);
    }
    assert!(home.runs().is_empty());
}

#[test]
fn a_report_that_cannot_be_written_changes_nothing_of_how_the_run_ended() {
    let home = Home::new().with("GITHUB_STEP_SUMMARY", "/dev/full");
    std::os::unix::fs::symlink("/dev/full", home.path().join("full")).unwrap();
    let ran = home.plan(in_sandbox(&example(), &[], &["--until", "foundation", "--report", "junit=full", "--format", "github"]));
    ran.ends(0).says("the report full could not be written: ").says("the job summary /dev/full could not be written: ");
    let run = home.run();
    let run = run.file_name().unwrap().to_str().unwrap();
    ran.says(&format!("plan show {run} --format junit gives it"));
}

#[test]
fn the_schema_is_at_hand() {
    let home = Home::new();
    let published = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/run-events-1.json")).unwrap();
    assert_eq!(home.plan(["schema"]).ends(0).stdout, published);
}
