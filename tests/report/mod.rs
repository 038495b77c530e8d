//! What a run shows, in each format and at several widths. `UPDATE_FIXTURES=1` rewrites the files in `tests/report`; read them as a user
//! would before committing them.

mod runs;
mod screens;
mod stage;

use crate::support::captured::{Captured, Window};
use console::measure_text_width;
use rollout_plan::engine::{Event, ExitCode, Moment};
use rollout_plan::report::live::frame;
use rollout_plan::report::outline::Outline;
use rollout_plan::report::progress::View;
use rollout_plan::report::terminal::Screen;
use rollout_plan::report::{Format, Reporter, Setting, Speed, Streams, exit, json};
use serde_json::Value;
use stage::{Script, schedule};
use std::fmt::Write as _;
use std::path::Path;

struct Run {
    out: String,
    err: String,
    screen: String,
}

fn setting(sandbox: bool) -> Setting {
    let sandbox = sandbox.then_some(Speed::Times(20.0));
    Setting { sandbox, plan: "examples/bizosaas/rollout.plan".to_owned(), back: None, probed_from: Some("build-7".to_owned()) }
}

fn play(script: &Script, format: Format, width: u16, setting: Setting) -> Run {
    let (out, err) = (Captured::default(), Captured::default());
    let screen = Window::new(usize::from(width), 24);
    let streams = Streams {
        out: Box::new(out.clone()),
        err: Box::new(err.clone()),
        screen: Some(Box::new(screen.clone())),
        width: usize::from(width),
        colour: false,
    };
    let mut reporter = Reporter::new(format, setting, &schedule(), streams);
    let mut now = 0;
    for (at, event) in &script.events {
        while Moment::millis(now * 1000) < *at {
            reporter.tick(Moment::millis(now * 1000));
            now += 1;
        }
        reporter.event(*at, event);
    }
    let (ending, code) = script.ending.as_ref().expect("a script ends");
    reporter.finish(ending, ExitCode(*code));
    drop(reporter);
    Run { out: out.text(), err: err.text(), screen: screen.contents() }
}

fn compare(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report").join(name);
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, actual).expect("fixtures can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{name} differs (UPDATE_FIXTURES=1 rewrites it):\n{}",
        similar::TextDiff::from_lines(expected.as_str(), actual).unified_diff()
    );
}

/// Every script, by name.
pub fn all() -> Vec<(&'static str, Script)> {
    vec![
        ("success", runs::success()),
        ("crash-loop", runs::crash_loop_rolled_back()),
        ("build-failure", runs::build_failure()),
        ("approval", runs::approval_unanswered()),
        ("degraded", runs::degraded()),
        ("refused", runs::refused()),
        ("first-phase", runs::first_phase()),
        ("candidates", runs::candidates()),
        ("gate", runs::gate_not_held()),
        ("earned", runs::earned_then_not_held()),
    ]
}

#[test]
fn human_output_reads_well() {
    for (name, script) in all() {
        let mut page = String::new();
        for width in [60, 80, 120] {
            let run = play(&script, Format::Human, width, setting(name == "success"));
            assert_eq!(run.err, "", "human output goes to the screen");
            write!(page, "════ {width} columns ════\n{}\n\n── stdout ──\n{}\n", run.screen, run.out).expect("a string");
        }
        compare(&format!("{name}.human.txt"), &page);
    }
}

#[test]
fn plain_output_reads_well() {
    for (name, script) in all() {
        let run = play(&script, Format::Plain, 100, setting(name == "success"));
        assert_eq!(run.screen, "", "plain output paints nothing");
        compare(&format!("{name}.plain.txt"), &format!("{}── stdout ──\n{}", run.err, run.out));
    }
}

/// Keys of each event besides `v`, `at_ms` and `event`, as docs/output.md has them.
const KEYS: [(&str, &[&str]); 35] = [
    ("run-started", &["run", "rollout", "app", "files", "phases", "every_ms", "healthy_after"]),
    ("surveyed", &["dokploy", "app_name", "live", "containers", "queue", "warnings"]),
    ("pinned", &["commits"]),
    ("snapshot-kept", &["name", "path"]),
    ("start-found", &["after", "to_run", "earns"]),
    ("agreed", &[]),
    ("gate-asked", &["gate", "phase"]),
    ("gate-held", &["gate"]),
    ("gate-not-held", &["gate", "cause"]),
    ("approval-asked", &["gate", "question", "until_ms"]),
    ("approval-given", &["gate", "by"]),
    ("approval-not-given", &["gate", "by"]),
    ("phase-started", &["phase", "adds", "services"]),
    ("replacing", &["for", "digest"]),
    ("replaced", &["for"]),
    ("deploying", &["for", "marker"]),
    ("queued", &["for", "ahead", "active"]),
    ("deploy-started", &["for", "deployment", "until_ms"]),
    ("deploy-ended", &["for", "status"]),
    ("round", &["round", "samples", "services", "others"]),
    ("settled", &["for", "soak_ms", "until_ms"]),
    ("holding", &["why", "until_ms"]),
    ("phase-verified", &["phase", "services", "healthy", "samples", "images", "asserted_only"]),
    ("phase-failed", &["phase", "cause"]),
    ("evidence-kept", &["path", "advice"]),
    ("rollback-started", &["to", "undo"]),
    ("rollback-verified", &["to", "services", "not_held_against"]),
    ("rollback-failed", &["to", "cause"]),
    ("stopping", &[]),
    ("stopped", &[]),
    ("warned", &["text"]),
    ("baseline-taken", &["healthy", "not_healthy"]),
    ("not-held", &["phase", "services"]),
    ("not-done", &["why", "may_have_acted"]),
    ("run-ended", &["reason", "why", "changed", "verified", "known", "live", "healthy", "verdict"]),
];

/// The JSON lines of a run of a script in the sandbox.
pub fn played(script: &Script) -> Vec<Value> {
    json_lines(script, true)
}

fn json_lines(script: &Script, sandbox: bool) -> Vec<Value> {
    let run = play(script, Format::Json, 80, setting(sandbox));
    assert_eq!((run.err.as_str(), run.screen.as_str()), ("", ""), "JSON goes to stdout alone");
    run.out.lines().map(|line| serde_json::from_str(line).expect("every line is JSON")).collect()
}

#[test]
fn json_lines_hold_what_is_documented() {
    let documented = include_str!("../../docs/output.md");
    for (name, script) in all() {
        let lines = json_lines(&script, name == "success");
        for line in &lines {
            assert_eq!(line["v"], json::VERSION);
            assert!(line["at_ms"].is_u64());
            let event = line["event"].as_str().expect("an event has a name");
            assert!(documented.contains(&format!("`{event}`")), "docs/output.md does not name {event}");
            if let Some((_, keys)) = KEYS.iter().find(|(name, _)| *name == event) {
                for key in *keys {
                    assert!(line.get(key).is_some(), "{event} lacks {key}: {line}");
                    assert!(documented.contains(&format!("`{key}`")), "docs/output.md does not name {key}");
                }
            } else {
                assert_eq!(event, "verdict");
            }
        }
        let (ending, code) = script.ending.as_ref().expect("a script ends");
        let last = lines.last().expect("there is a verdict");
        assert_eq!(
            (&last["event"], &last["verdict"], &last["exit"]),
            (&"verdict".into(), &ending.verdict.as_str().into(), &(*code).into())
        );
    }
}

#[test]
fn json_lines_tell_soaks_and_samples_in_plan_time() {
    let lines = json_lines(&runs::success(), true);
    assert_eq!(lines[0]["sandbox"]["speed"], 20.0, "the first line names the sandbox and its speed");
    assert!(lines[1..].iter().all(|line| line.get("sandbox").is_none()));
    let of = |event: &str, key: &str| -> Vec<Value> {
        lines.iter().filter(|line| line["event"] == event).map(|line| line[key].clone()).collect()
    };
    assert_eq!(of("settled", "soak_ms"), [30_000, 60_000, 25_000, 25_000]);
    assert_eq!(of("phase-verified", "samples"), [10, 64, 63, 90]);
    assert_eq!(of("phase-verified", "phase"), ["foundation", "core", "business", "complete"]);
    let samples = of("round", "samples");
    assert_eq!(samples.last(), Some(&(10 + 64 + 63 + 90).into()), "every sample of every round is counted");
    let real = json_lines(&runs::build_failure(), false);
    assert_eq!(real[0].get("sandbox"), Some(&Value::Null));
}

#[test]
fn json_lines_hold_no_compose_text() {
    for (name, script) in all() {
        let out = play(&script, Format::Json, 80, setting(false)).out;
        for text in ["no output may hold", "image: ghcr", "hunter2", "booting worker"] {
            assert!(!out.contains(text), "{name} shows {text:?}");
        }
    }
}

#[test]
fn the_verdict_is_alone_on_stdout() {
    for format in [Format::Human, Format::Plain] {
        for (name, script) in all() {
            let out = play(&script, format, 60, setting(name == "success")).out;
            let (ending, code) = script.ending.as_ref().expect("a script ends");
            assert_eq!(out.lines().count(), 1);
            assert!(out.contains(&ending.verdict) && out.contains(exit::meaning(ExitCode(*code))));
            assert_eq!(out.starts_with("[sandbox, 20×]"), name == "success");
        }
    }
}

#[test]
fn frames_fit_any_terminal() {
    for (name, script) in all() {
        for width in [20_usize, 60, 61, 80, 133, 200] {
            for height in [2_usize, 5, 24] {
                let mut view = View::new(Outline::new(&schedule()));
                for (at, event) in &script.events {
                    view.apply(*at, event);
                    let lines = frame(&view, width, height, false);
                    assert!(lines.len() <= height, "{name}: {} lines on {height}", lines.len());
                    for line in &lines {
                        assert!(measure_text_width(line) <= width, "{name}: {line:?} on {width}");
                    }
                    let coloured: Vec<String> =
                        frame(&view, width, height, true).iter().map(|line| console::strip_ansi_codes(line).into_owned()).collect();
                    assert_eq!(coloured, lines, "colour changes nothing but colour");
                }
            }
        }
    }
}

#[test]
fn a_crowd_of_services_shows_the_ill_ones_first() {
    let mut view = View::new(Outline::new(&schedule()));
    for (at, event) in &runs::crash_loop_rolled_back().events {
        if matches!(event, Event::PhaseFailed { .. }) {
            break;
        }
        view.apply(*at, event);
    }
    let lines = frame(&view, 80, 6, false);
    assert!(lines.iter().any(|line| line.contains("business-directory") && line.contains("restarting")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("more, all healthy")), "{lines:#?}");
}

#[test]
fn nothing_is_painted_over_what_is_being_typed() {
    let screen = Window::new(80, 24);
    let (out, err) = (Captured::default(), Captured::default());
    let streams = Streams { out: Box::new(out), err: Box::new(err), screen: Some(Box::new(screen.clone())), width: 80, colour: false };
    let mut reporter = Reporter::new(Format::Human, setting(true), &schedule(), streams);
    let script = runs::success();
    let agreed = script.events.iter().position(|(_, event)| matches!(event, Event::Agreed)).expect("somebody agrees");
    for (at, event) in &script.events[..agreed] {
        reporter.event(*at, event);
    }
    reporter.ask_to_go_on();
    let asked = screen.contents();
    let question = "Deploy phases foundation, core, business and complete to Backend/staging/backend? [sandbox, 20×] [y/N]";
    assert!(asked.replace('\n', " ").trim_end().ends_with(question), "{asked}");
    reporter.tick(Moment::millis(4_000));
    assert_eq!(screen.contents(), asked);
    screen.write("y\n");
    reporter.event(Moment::millis(5_000), &script.events[agreed].1);
    assert!(screen.contents().contains("waiting:"), "the view is back: {}", screen.contents());
    drop(reporter);
    assert!(!screen.contents().contains("waiting:"), "and gone when the reporter is: {}", screen.contents());
}

#[test]
fn a_heartbeat_comes_at_least_every_thirty_seconds() {
    let run = play(&runs::approval_unanswered(), Format::Plain, 100, setting(false));
    let seconds = |line: &str| -> Option<u64> {
        let mut parts = line.get(..8)?.split(':').map(str::parse::<u64>);
        Some(parts.next()?.ok()? * 3600 + parts.next()?.ok()? * 60 + parts.next()?.ok()?)
    };
    let stamps: Vec<u64> = run.err.lines().filter_map(seconds).collect();
    assert!(stamps.len() > 50);
    assert!(stamps.windows(2).all(|pair| pair[1] - pair[0] <= 30), "{stamps:?}");
    assert!(run.err.contains("waits for approval of go-ahead; 15m left"));
}

#[test]
fn exit_codes_are_documented_as_they_are_told() {
    let documented = include_str!("../../docs/exit-codes.md");
    for (code, meaning) in exit::MEANINGS {
        assert!(documented.contains(&format!("| {code} | {meaning}")), "docs/exit-codes.md lacks | {code} | {meaning}");
    }
    assert!(documented.contains(exit::meaning(ExitCode(130))));
}
