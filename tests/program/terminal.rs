//! The real binary at a terminal: a window of its own, a person who types, and what is to be seen in the end.

use super::binary::{Home, example};
use super::served::{Served, wait_until};
use super::small;
use super::two_runs::put_with_question;
use crate::support::captured::Window;
use rollout_plan::report::terminal::Screen as _;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A process at a terminal; ended when dropped.
struct AtTerminal {
    child: Child,
    keyboard: File,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
    columns: u16,
}

const ROWS: u16 = 30;

impl AtTerminal {
    fn start(home: &Home, columns: u16, variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        tcsetwinsize(&theirs, Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = home.command(arguments);
        let child = command.envs(variables.iter().copied()).stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        drop((command, theirs));
        let (keyboard, shown) = (File::from(ours), Arc::new(Mutex::new(Vec::new())));
        let (mut screen, seen) = (keyboard.try_clone().unwrap(), Arc::clone(&shown));
        // It ends with an error, once nobody has the other end any more.
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(number @ 1..) = screen.read(&mut bytes) {
                seen.lock().unwrap().extend_from_slice(&bytes[..number]);
            }
        });
        Self { child, keyboard, shown, reader: Some(reader), columns }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    fn sees(&self, words: &str) {
        wait_until(words, || self.shown().contains(words));
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// The exit code, everything that was written, and what the terminal makes of it.
    fn ended(mut self) -> (i32, String, Vec<String>) {
        let code = self.child.wait().unwrap().code().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let shown = self.shown();
        let window = Window::new(usize::from(self.columns), usize::from(ROWS));
        window.write(&shown.replace("\r\n", "\n"));
        (code, shown, window.all())
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const XTERM: (&str, &str) = ("TERM", "xterm-256color");

#[test]
fn a_run_at_a_terminal_asks_there_and_leaves_what_it_said_and_nothing_of_the_view() {
    let home = Home::new().with("USER", "maria");
    let mut run = AtTerminal::start(&home, 100, &[XTERM], &["run", &example(), "--sandbox", "--speed", "max"]);
    run.sees("[yes/no]");
    run.types("maybe\n");
    run.sees("please answer yes or no:");
    run.types("yes\n");
    let (code, written, screen) = run.ended();
    assert_eq!(code, 0, "{}", screen.join("\n"));
    assert!(written.contains("\x1b[") && written.contains("waiting: "), "there was a live view");
    let said: Vec<&str> = screen
        .iter()
        .map(|line| line.trim_start())
        .filter(|line| line.starts_with(['✓', '▸', '·', '!']) || line.starts_with("[sandbox"))
        .collect();
    let phases = [
        "foundation  verified",
        "core        verified",
        "business    verified",
        "complete    approved   go-ahead by maria",
        "complete    verified",
    ];
    assert_eq!(said.len(), 2 + phases.len() + 1, "{said:#?}");
    assert!(said[1].starts_with("✓ foundation") && said[4].starts_with("! complete    approval   go-ahead asks"), "{said:#?}");
    assert!(phases.iter().all(|phase| said.iter().any(|line| line.contains(phase))), "{said:#?}");
    assert!(said.last().unwrap().starts_with("[sandbox, max speed] backend runs phase `complete`, 10/10 healthy"), "{said:#?}");
    assert!(!screen.iter().any(|line| line.contains("waiting:")), "{}", screen.join("\n"));
}

#[test]
fn a_build_is_watched_at_a_terminal_alone() {
    let home = Home::new();
    let arguments = ["run", &example(), "--sandbox", "--speed", "200", "--yes", "--until", "core"];
    let (code, written, screen) = AtTerminal::start(&home, 120, &[XTERM], &arguments).ended();
    assert_eq!(code, 0, "{}", screen.join("\n"));
    assert!(written.contains("│ ") && written.contains("Build Compose"), "the log of a build was to be seen");
    assert!(!screen.iter().any(|line| line.contains("Build Compose")), "and is gone with it");
    let asked =
        |home: &Home| std::fs::read_to_string(home.run().join("sandbox-requests.jsonl")).unwrap().matches("deployment.readLogs").count();
    assert!(asked(&home) > 0);
    // Elsewhere nothing is asked that nobody would see.
    let quiet = Home::new();
    quiet.plan(arguments).ends(0);
    assert_eq!(asked(&quiet), 0);
}

#[test]
fn a_dumb_terminal_gets_plain_lines_and_without_colour_there_is_none() {
    let arguments = ["run", &example(), "--sandbox", "--speed", "max", "--approve", "go-ahead=maria"];
    for variables in [&[("TERM", "dumb")][..], &[]] {
        let (code, written, _) = AtTerminal::start(&Home::new(), 120, variables, &arguments).ended();
        assert_eq!(code, 0, "{written}");
        assert!(!written.contains('\x1b'), "{written}");
        assert!(written.contains("00:00:50 foundation  verified    1/1 healthy, 9 samples, 49s"), "{written}");
        assert!(written.contains("core        waiting     4/4 healthy; waits for the soak to be over"), "a heartbeat: {written}");
    }
    let styled = |variables: &[(&str, &str)]| {
        let (code, written, _) = AtTerminal::start(&Home::new(), 120, variables, &arguments).ended();
        assert_eq!(code, 0);
        assert!(written.contains("\x1b[K"), "there was a live view");
        written.contains("\x1b[32m")
    };
    assert!(styled(&[XTERM]));
    assert!(!styled(&[XTERM, ("NO_COLOR", "1")]));
}

#[test]
fn a_question_at_a_terminal_may_be_answered_from_another_one() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home().with("USER", "ada");
    put_with_question(&home);
    let mut run = AtTerminal::start(&home, 100, &[XTERM], &["run", "--yes"]);
    run.sees("[yes/no]");
    run.types("ye");
    home.plan(["approve", "go-ahead", "--as", "maria"]).ends(0);
    let (code, _, screen) = run.ended();
    let screen = screen.join("\n");
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("[yes/no] ye\n  ✓ two       approved   go-ahead by maria\n  ✓ two       verified"), "{screen}");
    assert!(screen.contains("to answer from another terminal of this machine:\n      plan approve "), "{screen}");
}
