//! The README keeps its word: it is short, its commands do what it says, its transcript is what they print, and its picture is what a run
//! really shows. `UPDATE_FIXTURES=1` draws the picture anew.

use crate::fixture;
use crate::program::binary::Home;
use crate::support::captured::{Captured, Window};
use crate::support::live::{rollout_told, sandbox_of, seed};
use crate::support::svg;
use rollout_plan::compose::asked;
use rollout_plan::drive::Report;
use rollout_plan::engine::{Event, Moment, Options};
use rollout_plan::report::{Format, Reporter, Setting, Speed, Streams};
use rollout_plan::world::{Compose, Config, Environment, Project};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Words of the README, its commands counted, the plan and what is printed not.
const WORDS: usize = 400;
/// Commands on the way to a rollout that is verified, a broken one and the tests.
const COMMANDS: usize = 3;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Prose and blocks, each with its kind; prose has none.
fn blocks() -> Vec<(Option<String>, String)> {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut blocks: Vec<(Option<String>, String)> = vec![(None, String::new())];
    for line in text.lines() {
        match (line.strip_prefix("```"), &blocks.last().unwrap().0) {
            (Some(_), Some(_)) => blocks.push((None, String::new())),
            (Some(kind), None) => blocks.push((Some(kind.to_owned()), String::new())),
            (None, _) => {
                let text = &mut blocks.last_mut().unwrap().1;
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    blocks
}

/// The commands under "Try it", in their order.
fn commands() -> Vec<String> {
    let (mut is_there, mut found) = (false, Vec::new());
    for (kind, text) in blocks() {
        match kind.as_deref() {
            None => {
                if let Some(heading) = text.lines().rfind(|line| line.starts_with("## ")) {
                    is_there = heading == "## Try it";
                }
            }
            Some("sh") if is_there => found.extend(text.lines().filter(|line| !line.is_empty()).map(str::to_owned)),
            Some(_) => {}
        }
    }
    found
}

/// The words of a command, quotes taken off.
fn words(command: &str) -> Vec<String> {
    command
        .split('"')
        .enumerate()
        .flat_map(|(at, part)| {
            let is_quoted = at % 2 == 1;
            if is_quoted { vec![part.to_owned()] } else { part.split_whitespace().map(str::to_owned).collect() }
        })
        .collect()
}

/// Runs a command as it stands there, from the repository; the program that the tests were built with takes the place of building it.
fn run(command: &str) -> (i32, String) {
    let plan = command.strip_prefix("cargo run --release -- ").unwrap_or_else(|| panic!("{command}"));
    let home = Home::new();
    let output = home.command(words(plan)).current_dir(root()).output().unwrap();
    let shown = [output.stderr, output.stdout].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap(), shown)
}

#[test]
fn it_is_read_in_two_minutes() {
    let counted = |(kind, text): &(Option<String>, String)| match kind.as_deref() {
        None | Some("sh") => text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count(),
        Some(_) => 0,
    };
    let words: usize = blocks().iter().map(counted).sum();
    assert!(words <= WORDS, "{words} words");
    assert!(words > WORDS / 2, "only {words} were counted");
    assert!(commands().len() <= COMMANDS, "{:?}", commands());
}

#[test]
fn the_first_command_is_a_rollout_that_is_verified() {
    let (code, shown) = run(&commands()[0]);
    assert_eq!(code, 0, "{shown}");
    let verdict = shown.lines().last().unwrap();
    assert!(verdict.contains("10/10 healthy") && verdict.ends_with("(exit 0: as asked)"), "{verdict}");
    for phase in ["foundation", "core", "business", "complete"] {
        assert!(shown.lines().any(|line| line.contains(&format!(" {phase} ")) && line.contains(" verified ")), "{phase} in {shown}");
    }
}

#[test]
fn the_second_command_is_there_and_runs_the_tests() {
    // The tests cannot run themselves; what there is to see of it from inside is seen.
    let command = &commands()[1];
    let script = std::fs::read_to_string(root().join(command)).unwrap();
    assert!(script.starts_with("#!/bin/sh\n") && script.lines().any(|line| line.contains("exec cargo test")), "{script}");
    assert!(Command::new("sh").arg("-n").arg(root().join(command)).status().unwrap().success());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_ne!(std::fs::metadata(root().join(command)).unwrap().permissions().mode() & 0o111, 0, "it can be started");
    }
}

#[test]
fn the_third_command_prints_its_transcript() {
    let (code, shown) = run(&commands()[2]);
    assert_eq!(code, 4, "{shown}");
    let transcript = blocks().into_iter().find(|(kind, _)| kind.as_deref() == Some("text")).unwrap().1;
    let shown: Vec<&str> = shown.lines().collect();
    let mut from = 0;
    let passages: Vec<Vec<&str>> = transcript.lines().collect::<Vec<_>>().split(|line| *line == "…").map(<[&str]>::to_vec).collect();
    for passage in passages.iter().filter(|passage| !passage.is_empty()) {
        let found = shown[from..].windows(passage.len()).position(|lines| lines == passage.as_slice());
        let found =
            found.unwrap_or_else(|| panic!("not printed, or not in this order:\n{}\n\nbut:\n{}", passage.join("\n"), shown.join("\n")));
        from += found + passage.len();
    }
    assert_eq!(from, shown.len(), "it ends where the run does");
    assert!(passages.len() >= 5, "{passages:?}");
}

/// Looks at the terminal when the third phase settles.
struct Photographer {
    reporter: Reporter,
    screen: Window,
    rounds: usize,
    taken: Option<String>,
}

impl Report for Photographer {
    fn event(&mut self, now: Moment, event: &Event) {
        self.reporter.event(now, event);
        let is_third = self.reporter.view().current.is_some_and(|phase| phase.0 == 2);
        if is_third && matches!(event, Event::Round { .. }) && self.taken.is_none() {
            self.reporter.tick(now);
            self.rounds += usize::from(self.screen.seen().iter().any(|line| line.contains(" settling ")));
            // In the second round it is seen who holds and who does not.
            if self.rounds == 2 {
                self.taken = Some(self.screen.formatted());
            }
        }
    }
}

/// The example's app with an environment, as the command makes it up.
fn made_up() -> Config {
    let names: BTreeSet<String> =
        seed().phases.iter().flat_map(|phase| asked(&phase.text)).map(|(variable, _)| variable.name.value).collect();
    let env = names.iter().map(|name| format!("{name}=1")).collect::<Vec<_>>().join("\n");
    let compose = Compose { env: Some(env), ..Compose::named("backend") };
    let environment = Environment { name: "staging".to_owned(), composes: vec![compose] };
    Config { projects: vec![Project { name: "Backend".to_owned(), environments: vec![environment] }], ..Config::default() }
}

#[tokio::test(start_paused = true)]
async fn the_picture_is_what_a_run_shows() {
    let state = tempfile::tempdir().unwrap();
    let sandbox = sandbox_of(made_up(), &["temporal-integration: slow-start 40s"]).await;
    let screen = Window::like_xterm(100, 200);
    let streams = Streams {
        out: Box::new(Captured::default()),
        err: Box::new(Captured::default()),
        screen: Some(Box::new(screen.clone())),
        width: 100,
        colour: true,
    };
    let setting =
        Setting { sandbox: Some(Speed::Times(20.0)), plan: "examples/bizosaas/rollout.plan".to_owned(), back: None, probed_from: None };
    let reporter = Reporter::new(Format::Human, setting, &seed(), streams);
    let mut photographer = Photographer { reporter, screen, rounds: 0, taken: None };
    let left = rollout_told(seed(), "picture", &sandbox, state.path(), Options::default(), &mut photographer).await;
    assert_eq!(left.ending.exit_code().0, 0, "{}", left.ending.verdict);
    let shown = photographer.taken.expect("the third phase was asked");
    let command = commands()[0].replace("cargo run --release --", "plan");
    let drawn = svg::picture(&command, shown.trim_end());
    for word in ["foundation", "verified", "temporal-integration", "settling", "complete"] {
        assert!(drawn.contains(word), "{word} is not in\n{shown}");
    }
    assert!(!drawn.contains("href") && !drawn.contains("@font-face") && !drawn.contains('\u{1b}'), "nothing is fetched");
    fixture::compare(&root().join("docs/terminal.svg"), &drawn);
}
