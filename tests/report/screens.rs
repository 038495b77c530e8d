//! The live view as an operator sees it: what the reporter writes, fed to a terminal, and the window's contents at chosen moments.
//! `UPDATE_FIXTURES=1` rewrites the pictures in `tests/report/screens`; look at them as a user would before committing them.

use super::runs;
use super::stage::{GO_AHEAD, Script, person, schedule};
use super::{compare, setting};
use crate::support::captured::{Captured, Window};
use console::measure_text_width;
use rollout_plan::engine::{Event, ExitCode, Moment};
use rollout_plan::report::terminal::Screen as _;
use rollout_plan::report::{Format, Reporter, Streams};
use std::fmt::Write as _;

const ROWS: usize = 24;

/// A run on a window.
struct Played {
    reporter: Reporter,
    now: u64,
}

impl Played {
    fn on(window: &Window, colour: bool) -> Self {
        let (out, err) = (Box::new(window.clone()), Box::new(Captured::default()));
        let streams = Streams { out: Box::new(Stdout(out)), err, screen: Some(Box::new(window.clone())), width: window.size().0, colour };
        let mut reporter = Reporter::new(Format::Human, setting(false), &schedule(), streams);
        reporter.can_be_answered_elsewhere([]);
        Self { reporter, now: 0 }
    }

    /// Lets everything before this moment happen.
    fn until(&mut self, script: &Script, second: u64) {
        while self.now <= second {
            let at = Moment::millis(self.now * 1000);
            for (_, event) in script.events.iter().filter(|(when, _)| when.0.as_secs() == self.now) {
                self.reporter.event(at, event);
            }
            // For real it is ten times a second.
            (0..3).for_each(|tenth| self.reporter.tick(Moment::millis(self.now * 1000 + tenth * 100)));
            if let Some(deployment) = self.reporter.building() {
                let lines = build_log(usize::try_from(self.now).expect("a run is short"));
                self.reporter.build_log(&deployment, lines);
            }
            self.now += 1;
        }
    }

    fn play_out(mut self, script: &Script) {
        let (last, _) = script.events.last().expect("a script has events");
        self.until(script, last.0.as_secs());
        let (ending, code) = script.ending.as_ref().expect("a script ends");
        self.reporter.finish(ending, ExitCode(*code));
    }
}

/// stdout and stderr are one terminal.
struct Stdout(Box<Window>);

impl std::io::Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(std::str::from_utf8(bytes).expect("output is UTF-8"));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a build says, so far.
fn build_log(seconds: usize) -> Vec<String> {
    let steps =
        ["FROM docker.io/library/python:3.12-slim", "WORKDIR /app", "COPY requirements.txt .", "RUN pip install -r requirements.txt"];
    let mut lines: Vec<String> = vec!["Cloning Repo Custom: /etc/dokploy/compose/backend-a1b2c3/code: ✅".to_owned(), String::new()];
    for at in 0..seconds.min(40) {
        let step = at % steps.len() + 1;
        lines.push(format!("#{} [brain-api {step}/4] {}", at + 5, steps[step - 1]));
        lines.push(format!(
            "#{} {}.{:03} Collecting django-extensions>=3.2.3,<4.0.0 (from -r requirements.txt (line {at}))",
            at + 5,
            at,
            at * 37 % 1000
        ));
    }
    lines
}

/// The window's contents in a frame, so that its edges are seen.
fn picture(title: &str, window: &Window) -> String {
    let (columns, rows) = window.size();
    let mut page = format!("{title} ({columns} × {rows})\n┌{}┐\n", "─".repeat(columns));
    let mut lines = window.seen();
    lines.resize(rows.min(lines.len() + 1), String::new());
    for line in lines {
        writeln!(page, "│{line}{}│", " ".repeat(columns.saturating_sub(measure_text_width(&line)))).expect("a string");
    }
    writeln!(page, "└{}┘\n", "─".repeat(columns)).expect("a string");
    page
}

/// Pictures of a run at these of its moments, or so many seconds before them, and after its end, on windows of several widths.
fn album(script: &Script, moments: &[(&str, usize, u64)], widths: &[usize]) -> String {
    let mut album = String::new();
    for columns in widths {
        let window = Window::new(*columns, ROWS);
        let mut played = Played::on(&window, false);
        for (title, moment, before) in moments {
            played.until(script, script.pictures[*moment] - before);
            album.push_str(&picture(title, &window));
        }
        played.play_out(script);
        album.push_str(&picture("at the end", &window));
    }
    album
}

#[test]
fn a_success_reads_well_from_60_to_200_columns() {
    let script = runs::success();
    let moments = [
        ("before the first change", 0, 0),
        ("in the queue", 5, 0),
        ("building", 6, 0),
        ("settling", 7, 0),
        ("soaking", 8, 0),
        ("the last phase settles", 15, 0),
    ];
    compare("screens/success.txt", &album(&script, &moments, &[60, 100, 200]));
}

#[test]
fn a_failure_and_its_rollback_read_well_from_60_to_200_columns() {
    let script = runs::crash_loop_rolled_back();
    let moments =
        [("a service is ill", 3, 1), ("going back, in the queue", 4, 0), ("going back, building", 5, 0), ("going back, soaking", 6, 0)];
    compare("screens/rollback.txt", &album(&script, &moments, &[60, 100, 200]));
}

/// What is asked at the terminal before the last phase, and when.
fn asked(script: &Script) -> u64 {
    let asked = script.events.iter().find(|(_, event)| matches!(event, Event::ApprovalAsked { .. }));
    asked.expect("a question").0.0.as_secs()
}

#[test]
fn an_approval_reads_well_wherever_it_is_answered() {
    let script = runs::success();
    let asked = asked(&script);
    let mut album = String::new();
    for columns in [60, 100, 200] {
        // Nobody is at this terminal, and somebody answers from another one.
        let window = Window::new(columns, ROWS);
        let mut played = Played::on(&window, false);
        played.until(&script, asked + 20);
        album.push_str(&picture("nobody can be asked here", &window));
        played.until(&script, asked + 42);
        album.push_str(&picture("answered", &window));
    }
    for elsewhere in [false, true] {
        let window = Window::new(100, ROWS);
        let mut played = Played::on(&window, false);
        played.until(&script, asked);
        played.reporter.ask_for_approval();
        played.until(&script, asked + 20);
        album.push_str(&picture("asked here", &window));
        if elsewhere {
            window.write("ye");
            played.reporter.answered_elsewhere();
        } else {
            window.write("maybe\n");
            played.reporter.ask_again();
            window.write("yes\n");
        }
        played.reporter.event(Moment::millis((asked + 21) * 1000), &Event::ApprovalGiven { gate: GO_AHEAD, by: person("maria") });
        album.push_str(&picture(if elsewhere { "answered from elsewhere" } else { "answered here" }, &window));
    }
    compare("screens/approval.txt", &album);
}

#[test]
fn a_window_may_be_resized_at_any_time() {
    let script = runs::success();
    let mut album = String::new();
    // Before the window is full, and after.
    for (at, xterm) in [(7, false), (7, true), (14, false), (14, true)] {
        let window = if xterm { Window::like_xterm(100, ROWS) } else { Window::new(100, ROWS) };
        let kind = if xterm { "a terminal that cuts lines" } else { "a terminal that breaks lines anew" };
        let mut played = Played::on(&window, false);
        played.until(&script, script.pictures[at]);
        album.push_str(&picture(kind, &window));
        for (title, columns, rows) in [("narrower", 60, ROWS), ("wider", 140, ROWS), ("lower", 140, 12), ("as before", 100, ROWS)] {
            window.resize(columns, rows);
            played.until(&script, played.now);
            album.push_str(&picture(title, &window));
            let feet = window.seen().iter().filter(|line| line.contains("waiting:")).count();
            assert_eq!(feet, 1, "one view is to be seen, on {kind}, {title}:\n{}", window.seen().join("\n"));
        }
    }
    compare("screens/resize.txt", &album);
}

#[test]
fn what_was_said_is_still_there_after_any_resizing() {
    let script = runs::crash_loop_rolled_back();
    let window = Window::new(100, ROWS);
    let mut played = Played::on(&window, false);
    let (last, _) = script.events.last().expect("events");
    for second in 0..last.0.as_secs() {
        let columns = [100, 61, 140, 80][usize::try_from(second / 7 % 4).expect("small")];
        window.resize(columns, [24, 30, 18][usize::try_from(second / 11 % 3).expect("small")]);
        played.until(&script, second);
    }
    window.resize(100, ROWS);
    played.play_out(&script);
    let all = window.contents();
    let flat = all.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = [
        "phase core is live and holds",
        "✗ business failed",
        "the container keeps restarting",
        "hint: the directory needs",
        "rollback started",
        "rollback verified",
        "exit 4",
    ];
    for words in said {
        assert!(flat.contains(words), "{words:?} in\n{all}");
    }
    assert!(!all.contains("waiting:"), "nothing of the view is left:\n{all}");
}

#[test]
fn nothing_is_written_while_nothing_changes_and_little_when_little_does() {
    let script = runs::success();
    let window = Window::new(100, ROWS);
    let mut played = Played::on(&window, false);
    played.until(&script, script.pictures[7]);
    let written = || window.written().len();
    let (before, now) = (written(), played.now * 1000);
    (0..9).for_each(|tenth| played.reporter.tick(Moment::millis(now + tenth * 100)));
    let second = written() - before;
    assert!(second < 300, "{second} bytes for a second in which only the clocks went on");
    let before = written();
    (0..100).for_each(|_| played.reporter.tick(Moment::millis(now + 900)));
    assert_eq!(written(), before);
}

#[test]
fn colour_changes_nothing_but_colour_and_there_is_none_without() {
    for script in [runs::success(), runs::crash_loop_rolled_back()] {
        let (plain, coloured) = (Window::new(100, ROWS), Window::new(100, ROWS));
        for (window, colour) in [(&plain, false), (&coloured, true)] {
            let mut played = Played::on(window, colour);
            played.until(&script, script.pictures[script.pictures.len() / 2]);
            let moment = window.seen();
            played.play_out(&script);
            window.write(&moment.join("\n"));
        }
        assert_eq!(plain.all(), coloured.all());
        let styles = |window: &Window| {
            window
                .written()
                .split("\x1b[")
                .filter(|part| part.split_once('m').is_some_and(|(sgr, _)| sgr.bytes().all(|byte| byte.is_ascii_digit() || byte == b';')))
                .count()
        };
        assert_eq!(styles(&plain), 0);
        assert!(styles(&coloured) > 50);
    }
}
