//! `plan approve` and `plan deny`: a person's answer to the gate that a live run asks, from another terminal.

use super::args::Answer as Args;
use super::look::complain;
use super::past;
use crate::diagnostic::nearest;
use crate::engine::Event;
use crate::report::{self, safe, words};
use crate::store::{Answer, Archive, Delivered, Key, LockFolder, Note, Place, StoreError, this_user};
use std::path::PathBuf;
use std::time::Duration;

/// How long a run may take to hear an answer: it looks four times a second, unless its machine is very busy.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// Runs that are named when it is not clear which one is meant.
const NAMED: usize = 5;

/// There is no such run, or it is not clear which one is meant.
const UNCLEAR: u8 = 2;
/// Nothing is asked to which this would be the answer.
const NOT_ASKED: u8 = 3;
/// Nobody can be reached.
const UNREACHABLE: u8 = 9;

/// Why there is no answer: exit code, what is wrong, what to do about it.
struct Not(u8, String, String);

/// `plan approve`, or `plan deny`; gives the exit code.
pub(super) fn answer(args: &Args, yes: bool) -> u8 {
    match give(args, yes) {
        Ok(said) => {
            report::to_stdout(&format!("{}\n", safe::line(&said)));
            0
        }
        Err(Not(code, message, help)) => {
            complain(&args.display, &message, &help);
            code
        }
    }
}

fn give(args: &Args, yes: bool) -> Result<String, Not> {
    let unreachable = |error: StoreError| Not(UNREACHABLE, error.to_string(), String::new());
    let folder = LockFolder::open().map_err(unreachable)?;
    let at_work = folder.at_work().map_err(unreachable)?;
    let word = if yes { "approve" } else { "deny" };
    let (key, note) = meant(args, word, &at_work)?;
    must_ask(note, &args.gate, word)?;
    let who = args.r#as.clone().unwrap_or_else(|| this_user().0);
    let answer = Answer::of_this_process(&note.run, &args.gate, &who, yes);
    let run = &note.run;
    match folder.answer(key, &answer, HEARD_WITHIN).map_err(unreachable)? {
        Delivered::Taken if yes => Ok(format!("gate {} is approved by {who}: run {run} goes on", args.gate)),
        Delivered::Taken => Ok(format!("gate {} is denied by {who}: run {run} stops", args.gate)),
        Delivered::NotTaken => {
            let message = format!(
                "run {run} did not take the answer within {}: it is stopped, or its machine is too busy",
                words::duration(HEARD_WITHIN)
            );
            Err(Not(UNREACHABLE, message, format!("its process is {} on {}; the answer was taken back", note.pid, note.host)))
        }
        Delivered::TooLate => {
            let now = folder.at_work().map_err(unreachable)?;
            match now.iter().find(|(_, note)| note.run == *run) {
                Some((_, note)) => must_ask(note, &args.gate, word)?,
                None => return Err(over(run, args)),
            }
            Err(Not(NOT_ASKED, format!("run {run} does not ask gate `{}` any more", safe::line(&args.gate)), String::new()))
        }
    }
}

/// The run that is meant, of those at work.
fn meant<'a>(args: &Args, word: &str, at_work: &'a [(Key, Note)]) -> Result<&'a (Key, Note), Not> {
    let Some(name) = &args.run else { return the_one_that_asks(&args.gate, word, at_work) };
    if let Some(run) = at_work.iter().find(|(_, note)| note.run == *name) {
        return Ok(run);
    }
    let fits = |(_, note): &&(Key, Note)| !name.is_empty() && (note.run.starts_with(name.as_str()) || note.run.ends_with(name.as_str()));
    let fitting: Vec<&(Key, Note)> = at_work.iter().filter(fits).collect();
    match fitting.as_slice() {
        [only] => Ok(only),
        [] => Err(not_at_work(name, args, at_work)),
        several => {
            let message = format!("`{}` could be any of {} runs at work", safe::line(name), several.len());
            Err(Not(UNCLEAR, message, words::short_list(several.iter().map(|(_, note)| note.run.as_str()), NAMED)))
        }
    }
}

/// Without a run: the one that waits for an answer, or of several the one that asks this gate.
fn the_one_that_asks<'a>(gate: &str, word: &str, at_work: &'a [(Key, Note)]) -> Result<&'a (Key, Note), Not> {
    let waiting: Vec<&(Key, Note)> = at_work.iter().filter(|(_, note)| note.asks.is_some()).collect();
    let asking: Vec<&(Key, Note)> = waiting.iter().copied().filter(|(_, note)| asks(note) == gate).collect();
    match (waiting.as_slice(), asking.as_slice()) {
        ([only], _) | (_, [only]) => Ok(only),
        ([], _) => {
            let help = match at_work {
                [] => "no run is at work here; a run in the sandbox inside its process asks at its own terminal alone".to_owned(),
                runs => format!("at work: {}", words::short_list(runs.iter().map(|(_, note)| at_what(note)), NAMED)),
            };
            Err(Not(NOT_ASKED, "no run on this machine waits for an answer".to_owned(), help))
        }
        (several, _) => {
            let message = format!("{} runs wait for an answer: say which is meant", several.len());
            Err(Not(UNCLEAR, message, several.iter().take(NAMED).map(|(_, note)| command(word, note)).collect::<Vec<_>>().join("\n")))
        }
    }
}

/// The run is not at work: it is over, was cut off, or never was.
fn not_at_work(name: &str, args: &Args, at_work: &[(Key, Note)]) -> Not {
    let waiting: Vec<&Note> = at_work.iter().map(|(_, note)| note).filter(|note| note.asks.is_some()).collect();
    let near = nearest(name, waiting.iter().map(|note| note.run.as_str()));
    if let Some(run) = recorded(name, args.state.clone()) {
        return over(&run, args);
    }
    let help = match (near, waiting.as_slice()) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, []) => "no run on this machine waits for an answer".to_owned(),
        (None, waiting) => format!("waiting for an answer: {}", words::short_list(waiting.iter().map(|note| &note.run), NAMED)),
    };
    Not(UNCLEAR, format!("no run `{}` is at work on this machine", safe::line(name)), help)
}

fn recorded(name: &str, state: Option<PathBuf>) -> Option<String> {
    let places = Archive::open(state).and_then(|archive| archive.places()).unwrap_or_default();
    past::find(&places, name).ok().map(|place| place.run)
}

/// A run that nobody is at work on.
fn over(run: &str, args: &Args) -> Not {
    let places = Archive::open(args.state.clone()).and_then(|archive| archive.places()).unwrap_or_default();
    let past = places.iter().find(|place| place.run == run).map(Place::read);
    let ended = past.iter().flat_map(|past| &past.entries).rev().find_map(|entry| match &entry.event {
        Event::RunEnded { ending } => Some(ending.verdict.clone()),
        _ => None,
    });
    match (past, ended) {
        (_, Some(verdict)) => Not(NOT_ASKED, format!("run {run} is over: {verdict}"), format!("plan show {run}")),
        (Some(past), None) if past.is_sandbox() => {
            let help = "it asks at its own terminal alone; against a sandbox beside it, `plan sandbox`, answers come from elsewhere, too";
            Not(NOT_ASKED, format!("run {run} is in the sandbox inside its process"), help.to_owned())
        }
        (Some(_), None) => {
            let help = format!("plan run --resume {run}\nresumed, it asks again, for what is left of the time");
            Not(NOT_ASKED, format!("run {run} was cut off, and nobody is at work on it"), help)
        }
        (None, None) => Not(NOT_ASKED, format!("run {run} is over"), format!("plan show {run}")),
    }
}

/// Refuses an answer to what is not asked.
fn must_ask(note: &Note, gate: &str, word: &str) -> Result<(), Not> {
    let (run, asked) = (&note.run, asks(note));
    if asked == gate {
        return Ok(());
    }
    let shown = safe::line(gate);
    if let Some(answered) = note.answered.iter().rev().find(|answered| answered.gate == gate) {
        let message = match (&answered.by, answered.yes) {
            (Some(by), true) => format!("gate `{shown}` of run {run} is approved already, by {by}"),
            (Some(by), false) => format!("gate `{shown}` of run {run} was denied already, by {by}"),
            (None, _) => format!("gate `{shown}` of run {run} was not answered in time, and the run stops"),
        };
        return Err(Not(NOT_ASKED, message, String::new()));
    }
    if note.asks.is_some() {
        return Err(Not(NOT_ASKED, format!("run {run} asks `{asked}` now, not `{shown}`"), command(word, note)));
    }
    let (now, beforehand) = (at_what(note), "it is told when a gate is asked; `--approve GATE=WHO` of `plan run` answers beforehand");
    Err(Not(NOT_ASKED, format!("run {run} does not ask gate `{shown}` now"), format!("at work: {now}\n{beforehand}")))
}

/// The gate that a run asks now; empty: none.
fn asks(note: &Note) -> &str {
    note.asks.as_ref().map_or("", |question| question.gate.as_str())
}

fn at_what(note: &Note) -> String {
    note.phase.as_ref().map_or_else(|| note.run.clone(), |phase| format!("{} ({phase})", note.run))
}

/// The command that answers what a run asks.
fn command(word: &str, note: &Note) -> String {
    report::answer_command(word, &note.run, asks(note))
}
