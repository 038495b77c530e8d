//! JSON lines: one event a line, phases and gates by name, times in milliseconds of run time (`docs/output.md`). A published format, so
//! each event is spelt out here and does not follow from how the journal writes it. `line` and `parts` are its types, from which both what is
//! written and the published schema are made; `spell` fills them.

mod line;
mod parts;
mod spell;

pub(super) use spell::{advice, verdict};

use self::line::{Line, Told};
use super::progress::View;
use super::setting::{Setting, Speed};
use super::{difference, exit, safe};
use crate::engine::{Ending, Event, ExitCode, Moment};
use schemars::generate::SchemaSettings;

/// The format's version: grows when a key changes its meaning or goes away, not when one is added.
pub const VERSION: u32 = 1;

/// The JSON Schema (2020-12) of one line, as published in `docs/schema/run-events-1.json`.
///
/// # Panics
/// Never: a schema has a JSON form.
pub fn schema() -> String {
    let mut schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<Line<'static>>();
    schema.insert("$id".to_owned(), format!("urn:plan:run-events:{VERSION}").into());
    serde_json::to_string_pretty(&schema).expect("a schema has a JSON form") + "\n"
}

/// Writes a run's lines.
#[derive(Debug, Default)]
pub struct Lines {
    /// Whether the first line, which names the sandbox, is written.
    begun: bool,
    /// Rounds so far.
    rounds: u64,
    /// Samples so far.
    samples: u64,
}

impl Lines {
    /// The line for an event; `view` has it applied already. None for the engine's own notes.
    pub fn event(&mut self, view: &View, setting: &Setting, now: Moment, event: &Event) -> Option<String> {
        if let Event::Round { services, others, asides } = event {
            self.rounds += 1;
            let asked = services.values().map(|service| service.samples.len()).sum::<usize>() + others.len() + asides.len();
            self.samples += u64::try_from(asked).unwrap_or(u64::MAX);
        }
        // What it rests on outlives the words.
        let likely = spell::likely(view, event);
        let told = spell::told(view, now, event, &likely, (self.rounds, self.samples))?;
        Some(self.line(setting, now, told))
    }

    /// The last line.
    pub fn verdict(&mut self, view: &View, setting: &Setting, ending: &Ending, code: ExitCode, notices: Option<(usize, usize)>) -> String {
        let told = Told::Verdict {
            verdict: spell::sentence(&ending.verdict),
            exit: code.0,
            meaning: exit::meaning(code),
            live: ending.live.as_deref(),
            probed_from: setting.probed_from.as_deref(),
            waived: &view.waived,
            notices: notices.map(|(delivered, lost)| parts::Notices { delivered, lost }),
        };
        self.line(setting, view.now, told)
    }

    /// The line for notices that somebody did not get.
    pub fn notice_lost(&mut self, view: &View, setting: &Setting, to: &str, about: &[&str], why: &str) -> String {
        self.line(setting, view.now, Told::NoticeLost { to, about, why })
    }

    /// The last line of a run that has no end.
    pub fn unfinished(&mut self, view: &View, setting: &Setting, so_far: &str, at_work: Option<&str>, torn_at: Option<u64>) -> String {
        self.line(setting, view.now, Told::Unfinished { run: &view.run, so_far, at_work, torn_at })
    }

    fn line(&mut self, setting: &Setting, now: Moment, told: Told<'_>) -> String {
        let sandbox = (!std::mem::replace(&mut self.begun, true)).then(|| setting.sandbox.map(sandbox));
        let line = Line { v: VERSION, at_ms: spell::millis(now), sandbox, told };
        safe::json(&serde_json::to_string(&line).expect("a line has a JSON form: its keys are strings"))
    }
}

fn sandbox(speed: Speed) -> parts::Sandbox {
    let speed = match speed {
        Speed::Times(times) => parts::Speed::Times(times),
        Speed::Max => parts::Speed::Word(parts::Fastest::Max),
    };
    parts::Sandbox { speed }
}
