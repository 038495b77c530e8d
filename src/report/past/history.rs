//! The list of runs.

use super::summary::{End, Summary};
use crate::report::line::{Line, Style, hanging};
use crate::report::words::{duration, millis};
use crate::report::{difference, exit, reporter, safe};
use crate::store::{Past, times};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The version of the lines that `--format json` gives.
const VERSION: u32 = 1;

/// A run of the list.
#[derive(Debug)]
pub struct Listed {
    /// What it came to.
    pub summary: Summary,
    /// The plan as it was typed.
    pub plan: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The texts that it kept: what remains of a run whose journal is damaged.
    pub snapshots: usize,
    /// Who is at work on it now, in words.
    pub at_work: Option<String>,
}

impl Listed {
    /// A run of the list. `at_work` says who is at work on it now, if somebody is.
    pub fn of(past: &Past, at_work: Option<String>) -> Self {
        let plan = past.origin().map(|origin| origin.plan.clone()).unwrap_or_default();
        let snapshots = past.place.snapshots().len();
        Self { summary: Summary::of(past), plan, folder: past.place.folder.clone(), snapshots, at_work }
    }

    fn outcome(&self) -> (Style, String) {
        match &self.summary.end {
            End::Ended(_, code) => {
                let style = match code.0 {
                    0 => Style::Good,
                    5 | 10 => Style::Bad,
                    _ => Style::Warn,
                };
                (style, format!("exit {}", code.0))
            }
            End::CutOff { .. } if self.at_work.is_some() => (Style::Bold, "at work now".to_owned()),
            End::CutOff { .. } => (Style::Bad, "unfinished".to_owned()),
            End::Damaged { offset: Some(at), .. } => (Style::Bad, format!("damaged at byte {at}")),
            End::Damaged { offset: None, .. } => (Style::Bad, "unreadable".to_owned()),
            End::NoJournal => (Style::Bad, "no journal".to_owned()),
        }
    }

    fn lines(&self, with_app: bool, (column, width): (usize, usize)) -> Vec<Line> {
        let Self { summary, .. } = self;
        let began = summary.began.as_ref().map_or_else(|| "began nobody knows when".to_owned(), |began| times::local(began));
        let took = summary.took.map_or(String::new(), duration);
        let (style, outcome) = self.outcome();
        let first = Line::new().cell(Style::Bold, &summary.run, column).plain("  ").cell(Style::Plain, &began, 26);
        let first = first.plain("  ").cell(Style::Dim, &took, 8).plain("  ");
        let mut lines = vec![first.styled(style, outcome).fit(width)];
        let mut row = |style: Style, text: &str| lines.extend(hanging(&Line::text("    "), style, text, width));
        if let (true, Some(app)) = (with_app, &summary.app) {
            row(Style::Plain, &format!("{app} ({})", summary.rollout.as_deref().unwrap_or_default()));
        }
        if summary.is_sandbox {
            row(Style::Warn, "in the sandbox");
        }
        match &summary.end {
            End::Ended(ending, _) => {
                row(Style::Plain, &summary.deeds());
                row(Style::Plain, difference::sentence_and_diff(&ending.verdict).0);
            }
            End::CutOff { so_far } => {
                if let Some(who) = &self.at_work {
                    row(Style::Plain, &format!("{so_far}; {who}"));
                } else {
                    row(Style::Plain, &format!("{}; cut off {so_far}", summary.deeds()));
                    let resume = self.resume();
                    row(Style::Path, resume.as_deref().unwrap_or("its sandbox went with it"));
                }
            }
            End::Damaged { what, .. } => row(Style::Plain, what),
            End::NoJournal => row(Style::Plain, "it was cut off before anything was recorded, or this is no run's folder"),
        }
        if matches!(summary.end, End::Damaged { .. } | End::NoJournal) {
            let texts = match self.snapshots {
                0 => "it kept no texts".to_owned(),
                1 => "the text it kept is there".to_owned(),
                several => format!("the {several} texts it kept are there"),
            };
            row(Style::Plain, &format!("{texts}: {}", self.folder.display()));
        }
        lines
    }

    fn resume(&self) -> Option<String> {
        (!self.summary.is_sandbox).then(|| reporter::resume(&self.plan, &self.summary.run))
    }
}

/// The list for people, newest first, in at most `width` columns. `with_app` names each run's app.
pub fn history(runs: &[Listed], with_app: bool, (width, colour): (usize, bool)) -> String {
    let column = runs.iter().map(|run| console::measure_text_width(&run.summary.run)).max().unwrap_or(0).clamp(1, 40);
    let lines = runs.iter().flat_map(|run| run.lines(with_app, (column, width)));
    lines.map(|line| line.render(colour) + "\n").collect()
}

/// The list for programs: one object a line.
pub fn history_json(runs: &[Listed]) -> String {
    runs.iter().map(|run| safe::json(&object(run).to_string()) + "\n").collect()
}

pub(super) fn object(run: &Listed) -> Value {
    let Summary { run: id, app, rollout, is_sandbox, began, took, asserted, verified, failed, rollback, end, .. } = &run.summary;
    let mut object = json!({
        "v": VERSION,
        "run": id,
        "app": app,
        "rollout": rollout,
        "sandbox": is_sandbox,
        "began": began,
        "took_ms": took.map(millis),
        "asserted": asserted,
        "verified": verified,
        "failed": failed,
        "rolled_back": rollback.as_ref().map(|(to, is_verified)| json!({ "to": to, "verified": is_verified })),
        "folder": run.folder.display().to_string(),
    });
    let rest = match end {
        End::Ended(ending, code) => {
            let verdict = difference::sentence_and_diff(&ending.verdict).0;
            json!({ "state": "ended", "exit": code.0, "meaning": exit::meaning(*code), "live": ending.live, "verdict": verdict })
        }
        End::CutOff { so_far } => match &run.at_work {
            Some(who) => json!({ "state": "at-work", "so_far": so_far, "by": who }),
            None => json!({ "state": "unfinished", "so_far": so_far, "resume": run.resume() }),
        },
        End::Damaged { offset, what } => json!({ "state": "damaged", "damaged_at": offset, "why": what, "snapshots": run.snapshots }),
        End::NoJournal => json!({ "state": "no-journal", "snapshots": run.snapshots }),
    };
    if let (Value::Object(object), Value::Object(rest)) = (&mut object, rest) {
        object.extend(rest);
    }
    object
}
