//! Where an app stands: the first line is fit for a chat, the rest says what it is drawn from.

use super::history::Listed;
use super::now::Now;
use super::summary::{End, Left};
use crate::engine::{Position, Survey};
use crate::report::line::{Line, Style, hanging};
use crate::report::words::{count, list};
use crate::report::{difference, exit, reporter, safe};
use crate::schedule::{Header, Schedule};
use crate::store::times;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The version of the object that `--format json` gives.
const VERSION: u32 = 1;

/// Columns of the labels.
const LABEL: usize = 10;

/// Runs that are told of.
const LAST: usize = 3;

/// Where an app stands.
#[derive(Debug)]
pub struct Status {
    /// The app as `project/environment/compose`.
    pub app: String,
    /// Its runs as far as they are told, newest first, none of the sandbox unless all are.
    pub runs: Vec<Listed>,
    /// The state folder.
    pub folder: PathBuf,
    /// What Dokploy says, or why it was not asked; `None` when it was not to be asked.
    pub live: Option<Result<Live, String>>,
    /// What Dokploy, containers and services say now; `None` when Dokploy was not asked.
    pub now: Option<Now>,
}

/// What is live by Dokploy's own word.
#[derive(Debug)]
pub struct Live {
    /// Dokploy's address, without credentials.
    pub address: String,
    /// Its version.
    pub version: String,
    /// The marker of the live text.
    pub marker: Option<Header>,
    /// The phase of the plan that the text is, as it is now; with whether the marker says that it was verified.
    pub phase: Option<(String, Option<bool>)>,
    /// What is live, in words.
    pub words: String,
    /// The app's containers, in words.
    pub containers: String,
    /// A deploy of the app that runs or waits, by title.
    pub busy: Option<String>,
}

impl Live {
    /// What a survey says.
    pub fn of(schedule: &Schedule, address: &str, survey: &Survey, position: &Position) -> Self {
        let marker = Header::parse(&survey.text);
        let name = |phase: &crate::schedule::PhaseId| schedule.phase(*phase).name.clone();
        let phase = match position {
            Position::Phase(phase, verified) => Some((name(phase), *verified)),
            _ => None,
        };
        let by = marker.as_ref().map_or(String::new(), |marker| format!(" by run {}", marker.run));
        let words = match position {
            Position::Empty => "nothing: its compose text is blank".to_owned(),
            Position::Phase(phase, Some(true)) => format!("phase {}, verified{by}", name(phase)),
            Position::Phase(phase, Some(false)) => format!("phase {}, put there{by} and not verified", name(phase)),
            Position::Phase(phase, None) => format!("the file of phase {}, not put there by plan", name(phase)),
            Position::OlderVersion { phase, verified: true } => format!("an older version of phase {phase}, verified{by}"),
            Position::OlderVersion { phase, verified: false } => {
                format!("an older version of phase {phase}, put there{by} and not verified")
            }
            Position::Edited { phase } => format!("the text of phase {phase} of{}, edited since by somebody", by.trim_start_matches(" by")),
            Position::Foreign => "a text that is none of this plan".to_owned(),
        };
        let waiting = survey.queue.iter().find(|job| job.this_app).map(|job| job.title.clone());
        Self {
            address: address.to_owned(),
            version: survey.version.clone(),
            marker,
            phase,
            words,
            containers: crate::report::standing::containers(survey),
            busy: survey.running_row.clone().or(waiting),
        }
    }

    /// Whether what is live says of itself that it was verified.
    fn is_verified(&self) -> bool {
        self.marker.as_ref().is_some_and(|marker| marker.verified)
    }
}

impl Status {
    /// `backend (Backend/staging)`.
    fn name(&self) -> String {
        match self.app.rsplit_once('/') {
            Some((rest, name)) => format!("{name} ({rest})"),
            None => self.app.clone(),
        }
    }

    /// The run that what is live is owed to, by the records alone.
    fn last_word(&self) -> Option<&Listed> {
        self.runs.iter().find(|run| match &run.summary.end {
            End::CutOff { so_far } => !["before", "while it waited"].iter().any(|nothing| so_far.starts_with(nothing)),
            _ => run.summary.left.is_some(),
        })
    }

    /// The first line: where the app stands.
    fn headline(&self) -> String {
        let at_work = self.at_work();
        let now = self.now.as_ref().filter(|_| at_work.is_none()).and_then(Now::in_a_word);
        let now = now.map_or(String::new(), |now| format!("; {now}"));
        let state = at_work.or_else(|| self.by_dokploy()).unwrap_or_else(|| self.by_records() + &self.unread());
        format!("{}: {state}{now}", self.name())
    }

    /// Newer runs that nobody can read: what the others say may not be the last word.
    fn unread(&self) -> String {
        let last = self.last_word().map(|run| &run.summary.run);
        let newer = self.runs.iter().take_while(|run| Some(&run.summary.run) != last);
        let damaged: Vec<&str> =
            newer.filter(|run| matches!(run.summary.end, End::Damaged { .. })).map(|run| run.summary.run.as_str()).collect();
        if damaged.is_empty() { String::new() } else { format!("; after that the journal of {} is damaged", list(damaged)) }
    }

    fn at_work(&self) -> Option<String> {
        let run = self.runs.iter().find(|run| run.at_work.is_some())?;
        let so_far = match &run.summary.end {
            End::CutOff { so_far } => format!(" {so_far}"),
            _ => String::new(),
        };
        Some(format!("run {} is at work now{so_far} ({})", run.summary.run, run.at_work.as_deref().unwrap_or_default()))
    }

    /// What is live by Dokploy's word, with what the record of the run that put it there adds. A run that was cut off is told all the same.
    fn by_dokploy(&self) -> Option<String> {
        let Some(Ok(live)) = &self.live else { return None };
        let run = live.marker.as_ref().and_then(|marker| self.runs.iter().find(|run| run.summary.run == marker.run));
        if let Some(run) = run.filter(|_| !live.is_verified())
            && let Some(cut_off) = cut_off(run)
        {
            return Some(cut_off);
        }
        let known = run.and_then(|run| Some((run.summary.left.as_ref()?, &run.summary.run)));
        match (&live.phase, known) {
            (Some((phase, Some(true))), Some((left, run))) if left.verified.as_ref() == Some(phase) => Some(verified(phase, left, run)),
            _ => Some(live.words.clone()),
        }
    }

    fn by_records(&self) -> String {
        let Some(run) = self.last_word() else {
            return match self.runs.len() {
                0 => format!("no run of it is recorded in {}", self.folder.display()),
                some => format!("no run recorded here changed or verified anything ({})", count(some, "run")),
            };
        };
        if let Some(cut_off) = cut_off(run) {
            return cut_off;
        }
        let id = &run.summary.run;
        match (&run.summary.left, &run.summary.end) {
            (Some(left @ Left { verified: Some(phase), .. }), _) => verified(phase, left, id),
            (Some(left), End::Ended(ending, code)) => {
                let (verdict, at) = (difference::sentence_and_diff(&ending.verdict).0, times::utc(&left.at));
                format!("not verified: {verdict} (run {id}, {at}, exit {}: {})", code.0, exit::meaning(*code))
            }
            _ => format!("not known: see `plan show {id}`"),
        }
    }

    /// Where Dokploy's word and the records say different things, and where Dokploy, containers and services do.
    fn differences(&self) -> Vec<String> {
        let mut told = self.by_marker();
        told.extend(self.now.iter().flat_map(Now::differences));
        told
    }

    fn by_marker(&self) -> Vec<String> {
        let Some(Ok(live)) = &self.live else { return Vec::new() };
        let mut told = Vec::new();
        let known = live.marker.as_ref().map(|marker| self.runs.iter().any(|run| run.summary.run == marker.run));
        if let (Some(marker), Some(false)) = (&live.marker, known) {
            told.push(format!("the live text is of run {}, which has no record here: another machine or another state folder", marker.run));
        }
        let Some(run) = self.last_word() else { return told };
        let Some(Left { verified: Some(phase), .. }) = &run.summary.left else { return told };
        let id = &run.summary.run;
        // Going back puts an older run's text there again, by its own marker.
        match &live.marker {
            Some(marker) if known == Some(true) && marker.phase != *phase && phase != "baseline" => {
                told.push(format!(
                    "by the records run {id} left phase {phase} verified; live is the text of phase {} of run {}",
                    marker.phase, marker.run
                ));
            }
            Some(marker) if marker.run == *id && !marker.verified => {
                told.push(format!("by the records run {id} verified phase {phase}; the live text does not say so"));
            }
            None if phase != "baseline" => {
                told.push(format!("by the records run {id} left phase {phase} verified; the live text has no marker of it"));
            }
            _ => {}
        }
        told
    }
}

/// `phase core verified 2026-11-23 16:41 UTC by run 20261123-…, 4/4 healthy then`.
fn verified(phase: &str, left: &Left, run: &str) -> String {
    let (healthy, all) = left.healthy;
    let at = times::utc(&left.at);
    match phase {
        "baseline" if all == 0 => format!("what was there before run {run} is back since {at}: nothing runs"),
        "baseline" => format!("what was there before run {run} is back since {at}, {healthy}/{all} healthy then"),
        phase => format!("phase {phase} verified {at} by run {run}, {healthy}/{all} healthy then"),
    }
}

fn cut_off(run: &Listed) -> Option<String> {
    let End::CutOff { so_far } = &run.summary.end else { return None };
    let id = &run.summary.run;
    let resume = if run.summary.is_sandbox { String::new() } else { format!("; {}", reporter::resume(&run.plan, id)) };
    Some(format!("run {id} was cut off {so_far}{resume}"))
}

/// For people: the first line, then what it is drawn from, in at most `width` columns.
pub fn status(status: &Status, (width, colour): (usize, bool)) -> String {
    let mut lines = vec![Line::new().styled(Style::Bold, status.headline()).whole(), Line::new()];
    let row = |label: &str, text: &str| hanging(&Line::text("  ").cell(Style::Dim, label, LABEL), Style::Plain, text, width);
    match &status.live {
        Some(Ok(live)) => {
            lines.extend(row("live", &format!("{} (as Dokploy {} at {} says)", live.words, live.version, live.address)));
            if is_empty(status.now.as_ref()) {
                lines.extend(row("runs", &live.containers));
            }
            if let Some(title) = &live.busy {
                lines.extend(row("deploying", &format!("\"{title}\"")));
            }
        }
        Some(Err(why)) => lines.extend(row("live", &format!("not asked: {why}"))),
        None => {}
    }
    for difference in status.differences() {
        lines.extend(hanging(&Line::text("  ").cell(Style::Warn, "differs", LABEL), Style::Plain, &difference, width));
    }
    if let Some(now) = status.now.as_ref().filter(|now| !is_empty(Some(now))) {
        lines.push(Line::new());
        lines.extend(now.table(width));
        lines.push(Line::new());
    }
    let mut label = "last runs";
    for run in status.runs.iter().take(LAST) {
        lines.extend(row(std::mem::take(&mut label), &in_a_line(run)));
    }
    if let Some(run) = status.last_word() {
        lines.extend(row("kept", &format!("texts and evidence of run {}, as far as it kept any, in", run.summary.run)));
        lines.push(Line::text(" ".repeat(2 + LABEL)).styled(Style::Path, run.folder.display().to_string()).whole());
    }
    lines.iter().map(|line| line.render(colour) + "\n").collect()
}

/// Whether there is nothing to make a table of.
fn is_empty(now: Option<&Now>) -> bool {
    now.is_none_or(|now| now.services().all(|service| !service.is_in_text && !service.is_there()))
}

fn in_a_line(run: &Listed) -> String {
    let summary = &run.summary;
    let began = summary.began.as_ref().map_or(String::new(), |began| format!(", {}", times::local(began)));
    let what = match &summary.end {
        End::Ended(_, code) => format!("{}; exit {}", summary.deeds(), code.0),
        End::CutOff { so_far } if run.at_work.is_some() => format!("at work now {so_far}"),
        End::CutOff { so_far } => format!("cut off {so_far}"),
        End::Damaged { offset: Some(at), .. } => format!("its journal is damaged at byte {at}"),
        End::Damaged { .. } => "its journal cannot be read".to_owned(),
        End::NoJournal => "it has no journal".to_owned(),
    };
    let sandbox = if summary.is_sandbox { " [sandbox]" } else { "" };
    format!("{}{sandbox}{began}: {what}", summary.run)
}

/// For programs: one object.
pub fn status_json(status: &Status) -> String {
    let live = match &status.live {
        None => Value::Null,
        Some(Err(why)) => json!({ "asked": false, "why": why }),
        Some(Ok(live)) => {
            let marker =
                live.marker.as_ref().map(|marker| json!({ "run": marker.run, "phase": marker.phase, "verified": marker.verified }));
            json!({
                "asked": true,
                "dokploy": live.version,
                "address": live.address,
                "phase": live.phase.as_ref().map(|(phase, _)| phase),
                "marker": marker,
                "words": live.words,
                "containers": live.containers,
                "deploying": live.busy,
            })
        }
    };
    let last = status.last_word().map(|run| {
        let left = run.summary.left.as_ref();
        json!({
            "run": run.summary.run,
            "verified": left.and_then(|left| left.verified.clone()),
            "at": left.map(|left| left.at.clone()),
            "healthy": left.map(|left| [left.healthy.0, left.healthy.1]),
            "folder": run.folder.display().to_string(),
        })
    });
    let runs: Vec<Value> = status.runs.iter().take(LAST).map(super::history::object).collect();
    let object = json!({
        "v": VERSION,
        "app": status.app,
        "status": status.headline(),
        "at_work": status.runs.iter().find(|run| run.at_work.is_some()).map(|run| &run.summary.run),
        "live": live,
        "now": status.now.as_ref().map(Now::object),
        "by_records": last,
        "differs": status.differences(),
        "runs": runs,
        "state": status.folder.display().to_string(),
    });
    safe::json(&object.to_string()) + "\n"
}
