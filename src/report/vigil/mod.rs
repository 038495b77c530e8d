//! What a vigil tells, for people and for programs: a line when something turns, quiet otherwise. The last line on stdout is one sentence on
//! how everything stood at the end.

mod json;
mod lines;

use super::line::Line;
use super::setting::Format;
use super::stream::Stream;
use super::words::list;
use super::{Streams, exit, safe};
use crate::engine::vigil::{Standing, VigilEvent};
use crate::engine::{ExitCode, Moment};
use crate::report::words::{count, duration, short_list};
use crate::schedule::Subject;
use crate::store::times;
use std::fmt;
use std::time::Duration;

/// Where nothing is painted, a line says at least so often that somebody is still at work.
const HEARTBEAT: Duration = Duration::from_secs(10 * 60);
/// Names in a sentence; more are counted.
const NAMED: usize = 4;

/// What a vigil's report is made for.
#[derive(Clone, Debug)]
pub struct VigilSetting {
    /// The app's name in the plan.
    pub app: String,
    /// `sandbox, 20×`, or nothing.
    pub label: Option<String>,
    /// The machine that asks.
    pub probed_from: Option<String>,
    /// What makes a service unhealthy and well again, in a row.
    pub rows: (u32, u32),
}

/// Shows a vigil.
pub struct VigilReporter {
    setting: VigilSetting,
    format: Format,
    out: Stream,
    err: Stream,
    width: usize,
    colour: bool,
    wall: Box<dyn Fn(Moment) -> String>,
    /// When something was said last.
    said: Moment,
    /// The day of the last line.
    day: String,
    /// Whether it was said how everything stands at the beginning.
    is_settled: bool,
    standing: Standing,
    took: Duration,
    notices: Option<(usize, usize)>,
}

impl fmt::Debug for VigilReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VigilReporter").field("setting", &self.setting).finish_non_exhaustive()
    }
}

impl VigilReporter {
    /// One that has said nothing. `wall` gives run time as a time of day (RFC 3339).
    pub fn new(format: Format, setting: VigilSetting, streams: Streams, wall: impl Fn(Moment) -> String + 'static) -> Self {
        let Streams { out, err, screen, width, colour } = streams;
        let format = if format == Format::Human && screen.is_none() { Format::Plain } else { format };
        Self {
            setting,
            format,
            out: Stream::new(out),
            err: Stream::new(err),
            width: width.clamp(40, 200),
            colour,
            wall: Box::new(wall),
            said: Moment::START,
            day: String::new(),
            is_settled: false,
            standing: Standing::default(),
            took: Duration::ZERO,
            notices: None,
        }
    }

    /// Shows what happened.
    pub fn hear(&mut self, now: Moment, event: &VigilEvent) {
        match event {
            VigilEvent::Round(standing) => {
                self.standing.clone_from(standing);
                let is_decided = standing.undecided.is_empty() && standing.unseen.is_empty();
                // Once, that nobody has to wonder whether it works; then only where nothing is painted over.
                let is_first = is_decided && !self.is_settled;
                self.is_settled |= is_decided;
                if !is_first && (self.format == Format::Human || now < self.said + HEARTBEAT) {
                    return;
                }
            }
            VigilEvent::Ended { standing, took, .. } => {
                (self.standing, self.took) = (standing.clone(), *took);
                return;
            }
            _ => {}
        }
        self.said = now;
        if self.format == Format::Json {
            let line = json::line(now, &(self.wall)(now), event, &self.setting, &*self.wall);
            return self.out.line(&line);
        }
        let wall = (self.wall)(now);
        let (stamp, day) = (times::of_day(&wall), times::day(&wall));
        let is_begin = matches!(event, VigilEvent::Begun { .. });
        if self.day != day {
            if !self.day.is_empty() && self.format == Format::Human {
                self.say(&[Line::text(&day)]);
            }
            self.day.clone_from(&day);
        }
        let stamp = if self.format == Format::Human { stamp } else { format!("{day} {stamp}") };
        let stamp = if is_begin { String::new() } else { stamp };
        let lines = lines::of(event, now, &stamp, &self.setting, self.width, &*self.wall);
        self.say(&lines);
    }

    /// Says that notices did not get to somebody.
    pub fn notice_lost(&mut self, now: Moment, to: &str, about: &[&str], why: &str) {
        if self.format == Format::Json {
            let line = json::notice_lost(now, &(self.wall)(now), to, about, why);
            return self.out.line(&line);
        }
        let notices = if about.len() == 1 { "a notice" } else { "notices" };
        self.note(&format!("{notices} about {} did not get to {to}: {why}", list(about)));
    }

    /// Takes how many notices were delivered and how many were not, to be said at the end.
    pub fn notices_sent(&mut self, delivered: usize, lost: usize) {
        self.notices = Some((delivered, lost));
    }

    /// Says something that is no event.
    pub fn note(&mut self, text: &str) {
        let lines = super::line::hanging(&Line::text("  "), super::line::Style::Dim, text, self.width);
        self.say(&lines);
    }

    /// Says how it ended: the last line.
    pub fn finish(&mut self, now: Moment, code: ExitCode) {
        let sentence = sentence(&self.setting, &self.standing, self.took);
        if self.format == Format::Json {
            let at = (self.wall)(now);
            let line = json::ended(now, &at, &self.standing, self.took, code, &sentence, self.notices);
            return self.out.line(&line);
        }
        let lines = lines::unsteady(&self.standing, self.width);
        self.say(&lines);
        match self.notices {
            Some((_, 1)) => self.note("1 notice was not delivered"),
            Some((_, lost)) if lost > 1 => self.note(&format!("{lost} notices were not delivered")),
            _ => {}
        }
        self.out.line(&safe::line(&format!("{sentence} (exit {}: {})", code.0, meaning(code))));
    }

    fn say(&mut self, lines: &[Line]) {
        for line in lines {
            self.err.line(&line.render(self.colour));
        }
    }
}

/// What an exit code means here.
fn meaning(code: ExitCode) -> &'static str {
    match code.0 {
        0 => "all healthy",
        130 | 143 => "interrupted",
        _ => exit::meaning(code),
    }
}

/// How everything stood at the end, in one sentence without a full stop.
fn sentence(setting: &VigilSetting, standing: &Standing, took: Duration) -> String {
    let label = setting.label.as_ref().map_or(String::new(), |label| format!("[{label}] "));
    let rounds = count(standing.rounds, "round");
    let parts = so_far(standing);
    format!("{label}{}: watched for {}, {rounds}: {parts}", setting.app, duration(took))
}

/// `9/10 healthy; web is unhealthy`.
fn so_far(standing: &Standing) -> String {
    let mut parts = vec![format!("{}/{} healthy", standing.healthy, standing.services)];
    for (subjects, is, are) in [
        (&standing.unwell, "is unhealthy", "are unhealthy"),
        (&standing.undecided, "does not hold still", "do not hold still"),
        (&standing.unasked, "could not be asked", "could not be asked"),
        (&standing.unseen, "was not seen", "were not seen"),
    ] {
        let names: Vec<String> = subjects.iter().map(named).collect();
        if !names.is_empty() {
            parts.push(format!("{} {}", short_list(&names, NAMED), if names.len() == 1 { is } else { are }));
        }
    }
    if let Some(why) = &standing.blind {
        parts.push(format!("not everything can be seen from here: {why}"));
    }
    parts.join("; ")
}

/// An external is called one.
fn named(subject: &Subject) -> String {
    match subject {
        Subject::Service(name) | Subject::Gate(name) => name.clone(),
        Subject::External(name) => format!("external {name}"),
    }
}
