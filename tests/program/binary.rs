//! The built binary in a home of its own.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The example's folder.
pub const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/bizosaas");

/// The example's plan.
pub fn example() -> String {
    format!("{EXAMPLE}/rollout.plan")
}

/// A home directory and nothing else of an environment, which `plan` is started in.
pub struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// Also sets a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file below the home and gives its path.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// A copy of the example.
    pub fn copy_of_example(&self) -> PathBuf {
        for entry in fs::read_dir(EXAMPLE).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            self.file(&format!("example/{}", entry.file_name().to_str().unwrap()), &fs::read_to_string(entry.path()).unwrap());
        }
        self.path().join("example")
    }

    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plan"));
        command.args(arguments).env_clear().current_dir(self.path()).stdin(Stdio::null());
        command.env("HOME", self.path()).env("XDG_STATE_HOME", self.path().join("state"));
        // For `git`.
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts `plan` and waits for its end.
    pub fn plan<S: AsRef<std::ffi::OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: status.code().unwrap(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// The example in the sandbox inside the process, with these faults, its events as JSON.
    pub fn sandboxed(&self, faults: &[&str]) -> Ran {
        self.plan(in_sandbox(&example(), faults, &["--format", "json"]))
    }

    /// The same, told in plain lines.
    pub fn told(&self, faults: &[&str]) -> Ran {
        self.plan(in_sandbox(&example(), faults, &[]))
    }

    /// The folder of the only run, be it in the sandbox or not.
    pub fn run(&self) -> PathBuf {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    /// The folders of all runs, oldest first.
    pub fn runs(&self) -> Vec<PathBuf> {
        let folders = ["state/plan/runs", "state/plan/sandbox/runs"].map(|folder| self.path().join(folder));
        let mut runs: Vec<PathBuf> =
            folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().map(|entry| entry.unwrap().path()).collect();
        runs.sort();
        runs
    }

    /// The journal of the only run.
    pub fn journal(&self) -> Vec<Value> {
        json_lines(&fs::read_to_string(self.run().join("journal.jsonl")).unwrap())
    }
}

/// Arguments of a run in the sandbox inside the process, at full speed.
pub fn in_sandbox(plan: &str, faults: &[&str], more: &[&str]) -> Vec<String> {
    let mut arguments: Vec<String> = ["run", plan, "--sandbox", "--speed", "max"].map(str::to_owned).into();
    arguments.extend(faults.iter().flat_map(|fault| ["--fault".to_owned(), (*fault).to_owned()]));
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    arguments
}

/// What a process left.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The exit code, and everything else when it is another one.
    #[track_caller]
    pub fn ends(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "── stdout ──\n{}── stderr ──\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(&self, words: &str) -> &Self {
        // Lines are broken to fit; words are not.
        let flat = self.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(words), "{words:?} is not in\n{}", self.stderr);
        self
    }

    /// The same of stdout.
    #[track_caller]
    pub fn shows(&self, words: &str) -> &Self {
        let flat = self.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(words), "{words:?} is not in\n{}", self.stdout);
        self
    }

    #[track_caller]
    pub fn does_not_say(&self, words: &str) -> &Self {
        assert!(!self.stderr.contains(words) && !self.stdout.contains(words), "{words:?} is in\n{}{}", self.stderr, self.stdout);
        self
    }

    /// The last line on stdout.
    pub fn verdict(&self) -> &str {
        self.stdout.lines().last().unwrap_or("")
    }

    /// The events on stdout.
    pub fn events(&self) -> Vec<Value> {
        json_lines(&self.stdout)
    }

    /// The events of one kind.
    pub fn events_of(&self, kind: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["event"] == kind).collect()
    }
}

pub fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Where an event of this kind stands.
#[track_caller]
pub fn place(events: &[Value], kind: &str) -> usize {
    let name = |event: &Value| event["event"].as_str().or_else(|| event["event"]["event"].as_str()).unwrap_or("").to_owned();
    events.iter().position(|event| name(event) == kind).unwrap_or_else(|| panic!("no {kind} in {events:#?}"))
}
