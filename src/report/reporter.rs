//! The reporter: the one way from a run's events to what a user or a program sees.

use super::line::{Line, Style, hanging};
use super::live::{frame, name_width};
use super::narrator::{Narrator, Told};
use super::outline::Outline;
use super::plain::Plain;
use super::progress::{Stage, View};
use super::setting::{ColourChoice, Format, Setting};
use super::story::Beat;
use super::stream::Stream;
use super::terminal::{Painter, Screen};
use super::{close, header, json, safe, terminal, words};
use crate::engine::{DeploymentId, Ending, Event, ExitCode, Moment};
use crate::schedule::{GateId, Schedule};
use console::Term;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Columns of plain output that goes to no terminal.
pub const PLAIN_WIDTH: usize = 120;

/// Where output goes, and how it looks there.
pub struct Streams {
    /// Data: the verdict, JSON lines.
    pub out: Box<dyn Write>,
    /// Everything else.
    pub err: Box<dyn Write>,
    /// The terminal behind `err`, if it is one that can be painted on (not a dumb one).
    pub screen: Option<Box<dyn Screen>>,
    /// Columns of `err` when it is not painted on.
    pub width: usize,
    /// Whether `err` is coloured.
    pub colour: bool,
}

impl Streams {
    /// The process's own streams.
    pub fn of_process(colour: ColourChoice, variable: impl Fn(&str) -> Option<String>) -> Self {
        let err = Term::stderr();
        let width = err.size_checked().map_or(PLAIN_WIDTH, |(_, columns)| usize::from(columns));
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            screen: terminal::of_stderr(&variable),
            width,
            colour: colour.resolve(err.is_term(), variable),
        }
    }

    /// Everything on the process's stdout, in order: for what is data as a whole.
    pub fn of_stdout(colour: ColourChoice, variable: impl Fn(&str) -> Option<String>) -> Self {
        let width = terminal::columns_of_stdout().unwrap_or(PLAIN_WIDTH);
        let colour = colour.resolve(Term::stdout().is_term(), variable);
        Self { out: Box::new(io::stdout()), err: Box::new(io::stdout()), screen: None, width, colour }
    }
}

/// Shows a run. Feed it every event in order, [`Reporter::tick`] now and then (ten times a second looks alive), and
/// [`Reporter::finish`] once; it never asks for anything.
#[derive(Debug)]
pub struct Reporter {
    setting: Setting,
    view: View,
    narrator: Narrator,
    kind: Kind,
    out: Stream,
    err: Stream,
    width: usize,
    colour: bool,
    titled: bool,
    /// Whether the last line was empty.
    blank: bool,
    /// A question stands on the screen: nothing is painted over what is being typed.
    asking: bool,
    /// Whether people at other terminals can answer gates, and the gates that are answered beforehand.
    elsewhere: Option<BTreeSet<GateId>>,
    /// Notices that were delivered and that were not, if the plan has somebody told.
    notices: Option<(usize, usize)>,
    /// What is told is over: a record has only the rounds that something followed from, and they are no lines of their own.
    past: bool,
}

#[derive(Debug)]
enum Kind {
    Human(Painter),
    /// What stays of the live view, of a run that is over.
    Stays,
    Plain(Plain),
    Json(json::Lines),
}

impl Reporter {
    /// A reporter for a run of `schedule`. `Human` without a screen is `Plain`.
    pub fn new(format: Format, setting: Setting, schedule: &Schedule, streams: Streams) -> Self {
        let Streams { out, err, screen, width, colour } = streams;
        let kind = match (format, screen) {
            (Format::Json, _) => Kind::Json(json::Lines::default()),
            (Format::Human, Some(screen)) => Kind::Human(Painter::new(screen)),
            (Format::Human | Format::Plain | Format::Github, _) => Kind::Plain(Plain::default()),
        };
        let reporter = Self::of(kind, setting, Outline::new(schedule), (out, err), (width, colour));
        match format {
            Format::Github => Self { out: reporter.out.defused(), err: reporter.err.defused(), ..reporter },
            _ => reporter,
        }
    }

    /// A reporter for a run that is over, as its record has it: the same lines, but for what shows that time goes on. `Human` gives the
    /// lines that stay above a live view, and needs no screen; rounds of samples are not told.
    pub fn of_the_past(format: Format, setting: Setting, outline: Outline, streams: Streams) -> Self {
        let Streams { out, err, width, colour, .. } = streams;
        let kind = match format {
            Format::Json => Kind::Json(json::Lines::default()),
            Format::Human => Kind::Stays,
            Format::Plain | Format::Github => Kind::Plain(Plain::of_the_past()),
        };
        Self { past: true, ..Self::of(kind, setting, outline, (out, err), (width, colour)) }
    }

    fn of(
        kind: Kind,
        setting: Setting,
        outline: Outline,
        (out, err): (Box<dyn Write>, Box<dyn Write>),
        (width, colour): (usize, bool),
    ) -> Self {
        Self {
            setting,
            view: View::new(outline),
            narrator: Narrator::default(),
            kind,
            out: Stream::new(out),
            err: Stream::new(err),
            width,
            colour,
            titled: false,
            blank: false,
            asking: false,
            elsewhere: None,
            notices: None,
            past: false,
        }
    }

    /// What the run's surroundings are.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// What is known of the run so far.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Takes that `plan approve` reaches this run, save for gates that are answered already: with each question it is said how.
    pub fn can_be_answered_elsewhere(&mut self, beforehand: impl IntoIterator<Item = GateId>) {
        self.elsewhere = Some(beforehand.into_iter().collect());
    }

    /// Takes what was before the run goes on, without showing it.
    pub fn recall(&mut self, past: &[(Moment, Event)]) {
        if let Some((_, Event::RunStarted { outline: Some(outline), .. })) = past.first()
            && outline.phases.len() == self.view.outline.phases.len()
        {
            self.view.outline.clone_from(outline);
        }
        for (now, event) in past {
            self.view.apply(*now, event);
        }
        // Whether it is still under way is to be seen.
        self.view.built();
    }

    /// Shows an event.
    pub fn event(&mut self, now: Moment, event: &Event) {
        if !event.is_shown() {
            return;
        }
        self.view.apply(now, event);
        let now = self.view.now;
        if self.past && matches!(event, Event::Round { .. }) {
            return;
        }
        self.end_of_question(event);
        if let Kind::Json(lines) = &mut self.kind {
            if let Some(line) = lines.event(&self.view, &self.setting, now, event) {
                self.out.line(&line);
            }
            return;
        }
        let width = self.columns();
        if matches!(event, Event::RunStarted { .. } | Event::Resumed { .. }) {
            self.title();
        }
        let mut told = self.narrator.tell(&self.view, now, event, width);
        if let (Event::ApprovalAsked { gate, .. }, Some(beforehand)) = (event, &self.elsewhere)
            && !beforehand.contains(gate)
        {
            told.push(Told::Block(header::how_to_answer(&self.view, *gate)));
        }
        let lines = match &mut self.kind {
            Kind::Plain(plain) => plain.tell(&self.view, &told, width),
            Kind::Human(_) | Kind::Stays | Kind::Json(_) => told.iter().flat_map(|told| staying(&self.view, told, width)).collect(),
        };
        self.say(&lines);
        self.paint();
    }

    /// Time went on and nothing happened.
    pub fn tick(&mut self, now: Moment) {
        self.view.tick(now);
        let width = self.columns();
        if let Kind::Plain(plain) = &mut self.kind {
            let lines = plain.tick(&self.view, width);
            self.say(&lines);
        }
        self.paint();
    }

    /// Whether there is a live view, which shows how a build goes on.
    pub fn is_live(&self) -> bool {
        matches!(self.kind, Kind::Human(_))
    }

    /// The deploy whose log the live view shows now.
    pub fn building(&self) -> Option<DeploymentId> {
        let builds = self.view.current_step().is_some_and(|step| matches!(step.stage, Stage::Deploying | Stage::Overdue));
        self.view.building.clone().filter(|_| builds && self.is_live())
    }

    /// Takes the end of a deploy's log; of one that is over it is of no use any more.
    pub fn build_log(&mut self, deployment: &DeploymentId, lines: Vec<String>) {
        if self.view.building.as_ref() == Some(deployment) {
            self.view.build_log = lines;
            self.paint();
        }
    }

    /// Says something that is no event: what the sandbox stands in for, a signal that was received.
    pub fn note(&mut self, text: &str) {
        let width = self.columns();
        self.say(&hanging(&Line::text("  "), Style::Dim, text, width));
    }

    /// Says that notices did not get to somebody: to whom, what they were about, and why.
    pub fn notice_lost(&mut self, to: &str, about: &[&str], why: &str) {
        if let Kind::Json(lines) = &mut self.kind {
            return self.out.line(&lines.notice_lost(&self.view, &self.setting, to, about, why));
        }
        let notices = if about.len() == 1 { "a notice" } else { "notices" };
        self.note(&format!("{notices} about {} did not get to {to}: {why}", words::list(about)));
    }

    /// Takes how many notices were delivered and how many were not, to be said at the end.
    pub fn notices_sent(&mut self, delivered: usize, lost: usize) {
        self.notices = Some((delivered, lost));
    }

    /// The question before the first change.
    pub fn ask_to_go_on(&mut self) {
        let question = header::confirm_question(&self.view, &self.setting);
        self.ask(&question);
    }

    /// The question of the gate that is being asked.
    pub fn ask_for_approval(&mut self) {
        if let Some(question) = header::approval_question(&self.view, &self.setting) {
            self.ask(&question);
        }
    }

    /// The question after a failure whose policy is to ask.
    pub fn ask_to_roll_back(&mut self) {
        let question = header::rollback_question(&self.view, &self.setting);
        self.ask(&question);
    }

    /// The question that stands there was answered from another terminal.
    pub fn answered_elsewhere(&mut self) {
        if std::mem::take(&mut self.asking) {
            self.say(&[Line::new()]);
        }
    }

    /// What was typed was neither yes nor no.
    pub fn ask_again(&mut self) {
        self.ask("please answer yes or no: ");
    }

    /// Says how it ended. The verdict is the last line on stdout; in JSON it is a line of its own, of event `verdict`.
    pub fn finish(&mut self, ending: &Ending, code: ExitCode) {
        if self.view.ending.is_none() {
            // It ended before there was a run, or the run could not say so itself.
            let now = self.view.now;
            self.view.apply(now, &Event::RunEnded { ending: ending.clone() });
        }
        if let Kind::Human(painter) = &mut self.kind {
            painter.clear();
        }
        if let Kind::Json(lines) = &mut self.kind {
            return self.out.line(&lines.verdict(&self.view, &self.setting, ending, code, self.notices));
        }
        // Whoever ends before it began says at least what it was about.
        self.title();
        let width = self.columns();
        self.say(&close::block(&self.view, ending, &self.setting, width));
        match self.notices {
            Some((_, 1)) => self.note("1 notice was not delivered"),
            Some((_, lost)) if lost > 1 => self.note(&format!("{lost} notices were not delivered")),
            _ => {}
        }
        self.out.line(&close::verdict(ending, code, &self.setting));
    }

    /// Says that a run has no end: it was cut off, or somebody is at work on it, as `at_work` says in words. The last line on stdout, as a
    /// verdict would be.
    pub fn end_unfinished(&mut self, so_far: &str, at_work: Option<&str>, torn_at: Option<u64>) {
        if let Kind::Json(lines) = &mut self.kind {
            return self.out.line(&lines.unfinished(&self.view, &self.setting, so_far, at_work, torn_at));
        }
        self.title();
        let (run, label) = (&self.view.run, self.setting.label().map_or(String::new(), |label| format!("[{label}] ")));
        let how = match at_work {
            Some(who) => format!("is at work now {so_far} ({who})"),
            None if self.setting.sandbox.is_some() => format!("was cut off {so_far}, and its sandbox went with it"),
            None => format!("was cut off {so_far}; {}", resume(&self.setting.plan, run)),
        };
        self.out.line(&safe::line(&format!("{label}run {run} {how}")));
    }

    fn title(&mut self) {
        if !std::mem::replace(&mut self.titled, true) {
            self.say(&header::title(&self.view, &self.setting, self.columns()));
        }
    }

    fn ask(&mut self, question: &str) {
        self.asking = true;
        self.blank = false;
        // Broken at blanks, the cursor to stand after the last word.
        let lines = hanging(&Line::new(), Style::Plain, question, self.columns());
        let lines: Vec<String> = lines.iter().map(|line| line.render(self.colour)).collect();
        let question = format!("{} ", lines.join("\n").trim_end());
        match &mut self.kind {
            Kind::Human(painter) => painter.ask(&question),
            Kind::Plain(_) | Kind::Stays | Kind::Json(_) => self.err.write(&question),
        }
    }

    /// The answer came, or it is of no use any more.
    fn end_of_question(&mut self, event: &Event) {
        let (answered, typed) = match event {
            Event::Agreed | Event::RollbackStarted { .. } | Event::ApprovalGiven { .. } | Event::ApprovalNotGiven { by: Some(_), .. } => {
                (true, true)
            }
            Event::ApprovalNotGiven { by: None, .. } | Event::RunEnded { .. } => (true, false),
            _ => (false, false),
        };
        if std::mem::take(&mut self.asking) {
            self.asking = !answered;
            if answered && !typed {
                self.say(&[Line::new()]);
            }
        }
    }

    /// Writes lines that stay.
    fn say(&mut self, lines: &[Line]) {
        let mut lines: Vec<String> = lines.iter().map(|line| line.render(self.colour)).collect();
        // Blocks bring their own empty lines; between two of them one is enough.
        lines.retain(|line| !std::mem::replace(&mut self.blank, line.is_empty()) || !line.is_empty());
        match &mut self.kind {
            Kind::Human(painter) => painter.above(&lines),
            Kind::Plain(_) | Kind::Stays | Kind::Json(_) => lines.iter().for_each(|line| self.err.line(line)),
        }
    }

    fn paint(&mut self) {
        if self.asking {
            return;
        }
        if let Kind::Human(painter) = &mut self.kind {
            let (width, height) = painter.size();
            painter.paint(frame(&self.view, width, height, self.colour), (width, height));
        }
    }

    fn columns(&self) -> usize {
        match &self.kind {
            Kind::Human(painter) => painter.size().0,
            Kind::Plain(_) | Kind::Stays | Kind::Json(_) => self.width,
        }
        .max(40)
    }
}

impl crate::drive::Report for Reporter {
    fn event(&mut self, now: Moment, event: &Event) {
        Reporter::event(self, now, event);
    }
}

/// How to go on with a run that was cut off.
pub(super) fn resume(plan: &str, run: &str) -> String {
    match close::quoted(plan) {
        plan if matches!(plan.as_str(), "" | "rollout.plan") => format!("plan run --resume {run}"),
        plan => format!("plan run {plan} --resume {run}"),
    }
}

/// What stays above the live view of what is told.
fn staying(view: &View, told: &Told, width: usize) -> Vec<Line> {
    match told {
        Told::Beat(beat) if beat.stays => signed(view, beat, width),
        Told::Beat(_) => Vec::new(),
        Told::Block(lines) => lines.clone(),
    }
}

/// `  ✓ core        verified  4/4 healthy, 96 samples, 4m 12s`.
fn signed(view: &View, beat: &Beat, width: usize) -> Vec<Line> {
    let sign = match beat.style {
        Style::Good => "✓",
        Style::Bad => "✗",
        Style::Warn => "!",
        _ => "·",
    };
    let first = Line::text("  ").styled(beat.style, sign).plain(" ").cell(Style::Bold, &beat.subject, name_width(view)).plain("  ");
    let first = if beat.word.is_empty() { first } else { first.styled(beat.style, format!("{:9}", beat.word)).plain("  ") };
    hanging(&first, Style::Plain, &beat.detail, width)
}
