//! A command of its own: no shell, an environment of PATH, HOME and what the plan names, and a process group that does not outlive the sample.

use super::process_group::ProcessGroup;
use super::request::{PrepareError, Resolver, bad};
use super::safe::safe;
use super::{Asking, Outcome};
use crate::dokploy::Masks;
use crate::engine::Reading;
use crate::model::{Condition, Exec, ExecAssertion, Holds, duration};
use crate::probe::judge::short;
use serde_json::Value;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

/// As much of what a command writes as is kept; the rest is read and dropped, so that it does not wait for us.
const OUTPUT_LIMIT: usize = 1024 * 1024;

/// How long output is waited for when the command has ended and something that it started still holds its end.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Characters of output that are shown.
const OUTPUT_SHOWN: usize = 80;

/// A command, ready to be run.
#[derive(Clone, PartialEq, Eq)]
pub struct ExecTarget {
    /// The program and its arguments.
    pub words: Vec<String>,
    environment: Vec<(String, String)>,
    /// What it finds on its standard input. Default: nothing, and no standard input at all.
    pub input: Option<Vec<u8>>,
}

/// Its environment may hold secrets.
impl fmt::Debug for ExecTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecTarget").field("words", &self.words).finish_non_exhaustive()
    }
}

impl ExecTarget {
    /// The name under which a sandbox answers in place of the command, at port 0.
    pub fn stand_in(&self) -> String {
        format!("command {}", self.words.join(" ")).to_lowercase()
    }
}

/// What came of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it wrote, at most 1 MiB.
    pub stdout: Vec<u8>,
    /// What it complained of, at most 1 MiB.
    pub stderr: Vec<u8>,
}

/// Makes a command ready.
pub(super) fn prepare(exec: &Exec, texts: &mut Resolver<'_>) -> Result<ExecTarget, PrepareError> {
    let mut words = Vec::new();
    for word in &exec.command {
        let resolved = texts.text(word)?;
        if resolved.value.contains('\0') {
            return Err(bad(&resolved, "cannot be an argument: it has a NUL in it", word.span));
        }
        words.push(resolved.value);
    }
    let mut environment = Vec::new();
    for (name, value) in &exec.environment {
        let resolved = texts.text(value)?;
        if resolved.value.contains('\0') {
            return Err(bad(&resolved, "cannot be set: it has a NUL in it", value.span));
        }
        environment.push((name.value.clone(), resolved.value));
    }
    Ok(ExecTarget { words, environment, input: None })
}

/// Runs the command to its end, or to the end of its time.
pub(super) async fn ask(target: &ExecTarget, asking: &Asking, limit: Duration) -> Outcome {
    let deadline = Instant::now() + limit;
    if let Some(address) = asking.connect_to.route(&target.stand_in(), 0) {
        let answers = TcpStream::connect(address).await.is_ok();
        return Outcome::Ended(Box::new(Ended { code: Some(i32::from(!answers)), ..Ended::default() }));
    }
    let Some((program, arguments)) = target.words.split_first() else { return Outcome::CouldNotAsk("no command is named".into()) };
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    for name in ["PATH", "HOME"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.envs(target.environment.iter().map(|(name, value)| (name, value)));
    if let Some(folder) = &asking.folder {
        command.current_dir(folder);
    }
    let stdin = if target.input.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that whatever it starts ends with it, and Ctrl-C does not reach it before us.
    command.process_group(0).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Outcome::CouldNotAsk(not_started(program, &error)),
    };
    // Killed on every way out of here: a look leaves nothing running behind.
    let _group = ProcessGroup::led_by(child.id());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (input, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let status = {
        let mut output =
            Box::pin(async { tokio::join!(feed(input, target.input.as_deref()), keep(out, &mut stdout), keep(err, &mut stderr)) });
        let both = async {
            tokio::select! {
                status = child.wait() => {
                    let _ = timeout_at(deadline.min(Instant::now() + LAST_WORDS), &mut output).await;
                    status
                }
                // All is said; it may still be on its way out.
                _ = &mut output => child.wait().await,
            }
        };
        timeout_at(deadline, both).await
    };
    match status {
        Ok(Ok(status)) => Outcome::Ended(Box::new(Ended { code: status.code(), signal: status.signal(), stdout, stderr })),
        Ok(Err(error)) => Outcome::CouldNotAsk(format!("`{program}` was lost: {error}")),
        Err(_) => Outcome::StillRunning { after: limit },
    }
}

fn not_started(program: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => format!("`{program}` is not there"),
        io::ErrorKind::PermissionDenied => format!("`{program}` may not be run"),
        _ => format!("`{program}` cannot be started: {error}"),
    }
}

/// Writes the whole input and closes it. A command need not read it.
async fn feed(stream: Option<impl AsyncWrite + Unpin>, input: Option<&[u8]>) {
    if let (Some(mut stream), Some(input)) = (stream, input) {
        let _ = stream.write_all(input).await;
    }
}

/// Reads to the end and keeps the beginning.
async fn keep(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut more = vec![0; 16 * 1024];
    while let Ok(read) = stream.read(&mut more).await {
        if read == 0 {
            return;
        }
        let room = OUTPUT_LIMIT - kept.len();
        kept.extend_from_slice(&more[..read.min(room)]);
    }
}

/// What must hold, as the plan writes it.
pub(super) fn asks(assertions: &[ExecAssertion]) -> String {
    assertions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The reading, and what was seen.
pub(super) fn judge(assertions: &[ExecAssertion], ended: &Ended, masks: &Masks, took: Duration) -> (Reading, String) {
    let fit = |bytes: &[u8]| safe(&masks.apply(&String::from_utf8_lossy(bytes)), OUTPUT_SHOWN);
    let how = match (ended.code, ended.signal) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    };
    let with = |name: &str, bytes: &[u8]| match fit(bytes).as_str() {
        "" => format!("{how}, nothing on {name}"),
        shown => format!("{how} ({name}: {shown})"),
    };
    for assertion in assertions {
        let unmet = match assertion {
            ExecAssertion::Exit(comparison, wanted) => {
                let met = ended.code.is_some_and(|code| comparison.takes(Some(i64::from(code).cmp(wanted))));
                (!met).then(|| if ended.stderr.is_empty() { with("stdout", &ended.stdout) } else { with("stderr", &ended.stderr) })
            }
            ExecAssertion::Stdout(condition) => (!holds(condition, &ended.stdout)).then(|| with("stdout", &ended.stdout)),
            ExecAssertion::Stderr(condition) => (!holds(condition, &ended.stderr)).then(|| with("stderr", &ended.stderr)),
            ExecAssertion::TimeBelow(limit) => (took >= *limit).then(|| format!("{how} after {}", short(took))),
        };
        if let Some(actual) = unmet {
            return (Reading::Fail, actual);
        }
    }
    (Reading::Pass, how)
}

/// A condition on output, whose last line end does not count: that is how a shell takes it too.
fn holds(condition: &Condition, output: &[u8]) -> bool {
    let text = String::from_utf8_lossy(output.strip_suffix(b"\n").unwrap_or(output));
    condition.holds(Some(&Value::from(text))) == Holds::Yes
}

/// `still running after 3s`
pub(super) fn still_running(after: Duration) -> String {
    format!("still running after {}, and ended", duration(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Comparison, Pattern};

    #[test]
    fn exit_and_output_are_judged() {
        let zero = || ExecAssertion::Exit(Comparison::Equal, 0);
        let says = |text: &str| ExecAssertion::Stdout(Condition::Matches(Pattern::new(text).unwrap()));
        let ended = |code, stdout: &str, stderr: &str| Ended { code, signal: None, stdout: stdout.into(), stderr: stderr.into() };
        let mut masks = Masks::default();
        masks.add_secret("hunter2");
        for (assertions, ended, reading, actual) in [
            (vec![zero()], ended(Some(0), "", ""), Reading::Pass, "exit 0"),
            (vec![zero(), says("^ok$")], ended(Some(0), "ok\n", ""), Reading::Pass, "exit 0"),
            (vec![zero(), says("^ok$")], ended(Some(0), "no\n", ""), Reading::Fail, "exit 0 (stdout: no)"),
            (vec![zero(), says("^ok$")], ended(Some(0), "", ""), Reading::Fail, "exit 0, nothing on stdout"),
            (vec![zero()], ended(Some(2), "x", "bad\x1b[2J hunter2"), Reading::Fail, "exit 2 (stderr: bad\u{FFFD}[2J [secret])"),
            (vec![zero()], ended(Some(2), "x", ""), Reading::Fail, "exit 2 (stdout: x)"),
            (vec![zero()], Ended { signal: Some(9), ..ended(None, "", "") }, Reading::Fail, "ended by signal 9, nothing on stdout"),
            (vec![ExecAssertion::Exit(Comparison::AtMost, 1)], ended(Some(1), "", ""), Reading::Pass, "exit 1"),
            (vec![ExecAssertion::TimeBelow(Duration::from_secs(1))], ended(Some(0), "", ""), Reading::Fail, "exit 0 after 1s"),
        ] {
            assert_eq!(judge(&assertions, &ended, &masks, Duration::from_secs(1)), (reading, actual.to_owned()));
        }
    }
}
