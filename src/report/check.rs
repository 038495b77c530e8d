//! What `plan check` prints of a plan that is valid: what would happen, in which order, and how long it may take.

use super::forecast;
use super::line::{Line, Style, hanging, wrapped};
use super::outline::Outline;
use super::words::{self, count};
use crate::model::{OnFailure, duration};
use crate::schedule::{Back, Bounds, Expected, Forecast, Foreseen, Gate, Phase, Schedule, without_user};

/// The schedule in lines of at most `width` columns; names and paths are never cut. `forecast`: what is foreseen of it.
pub fn schedule(schedule: &Schedule, forecast: &Forecast, width: usize, colour: bool) -> String {
    let page = Page { schedule, forecast, width };
    let mut lines = page.head();
    for at in 0..schedule.phases.len() {
        lines.push(Line::new());
        lines.extend(page.phase(at));
    }
    if !schedule.gates.is_empty() {
        lines.push(Line::new());
        lines.push(Line::new().styled(Style::Bold, "Gates"));
        lines.extend(schedule.gates.iter().flat_map(|gate| page.gate(gate)));
    }
    lines.push(Line::new());
    lines.extend(page.total());
    let mut out = String::new();
    for line in lines {
        out.push_str(&line.render(colour));
        out.push('\n');
    }
    out
}

/// The column that explanations start in.
const LABEL: usize = 10;

struct Page<'a> {
    schedule: &'a Schedule,
    forecast: &'a Forecast,
    width: usize,
}

impl Page<'_> {
    /// `  deploys   …`, continued below itself.
    fn row(&self, label: &str, text: &str) -> Vec<Line> {
        hanging(&Line::text("  ").cell(Style::Dim, label, LABEL), Style::Plain, text, self.width)
    }

    fn head(&self) -> Vec<Line> {
        let schedule = self.schedule;
        let (sampling, limits) = (schedule.sampling, schedule.limits);
        let size = format!("{}, {}", count(schedule.phases.len(), "phase"), count(schedule.services.len(), "service"));
        let mut lines = vec![Line::text("rollout ").styled(Style::Bold, &schedule.rollout).plain(format!(": {size}"))];
        lines.extend(self.row("app", &Outline::new(schedule).app));
        let (every, timeout) = (duration(sampling.every), duration(sampling.timeout));
        let streaks = format!("healthy after {}, unhealthy after {}", sampling.healthy_after, sampling.unhealthy_after);
        let sampled = format!("every {every}, timeout {timeout}, {streaks}");
        lines.extend(self.row("samples", &sampled));
        let limited =
            format!("queue within {}, run within {}, restarts max {}", duration(limits.queue), duration(limits.run), limits.restarts);
        lines.extend(self.row("limits", &limited));
        if let Some(watch) = schedule.watch {
            let watched =
                format!("for {} every {}, with `plan watch` and `plan run --watch`", duration(watch.length), duration(watch.every));
            lines.extend(self.row("watches", &watched));
        }
        for (first, told) in (0..).zip(&schedule.told) {
            let about: Vec<&str> = told.notify.about.iter().map(|event| event.as_str()).collect();
            let label = if first == 0 { "notifies" } else { "" };
            lines.extend(self.row(label, &format!("{} about {}", told.text, about.join(", "))));
        }
        lines
    }

    fn phase(&self, at: usize) -> Vec<Line> {
        let schedule = self.schedule;
        let phase = &schedule.phases[at];
        let foreseen = &self.forecast.phases[at];
        let Bounds { best, worst } = foreseen.times.bounds;
        let expected =
            foreseen.times.expected.map_or_else(String::new, |expected| format!(", {} expected", words::duration(expected.median)));
        let right = Line::new().styled(Style::Dim, format!("{} to {}{expected}", words::duration(best), words::duration(worst)));
        let title = Line::text(format!("{}. ", at + 1)).styled(Style::Bold, &phase.name).plain(format!("  {}", growth(phase)));
        let mut lines = vec![title.with_right(&right, self.width)];
        if let Some(note) = &phase.note {
            lines.extend(wrapped(Style::Dim, note, 2, self.width));
        }
        if !phase.gates.is_empty() {
            let gates = phase.gates.iter().map(|gate| schedule.gates[gate.0].name.as_str());
            lines.extend(self.row("gates", &words::list(gates)));
        }
        lines.extend(self.row("deploys", &format!("{} within {}", phase.path, duration(phase.within))));
        lines.extend(self.row(
            "then",
            &format!("settle within {}, soak {}, on failure {}", duration(phase.settle), duration(phase.soak), policy(phase, foreseen)),
        ));
        for (first, name) in (0..).zip(&phase.adds) {
            lines.extend(self.service(if first == 0 { "adds" } else { "" }, name));
        }
        // Compose starts what has ended at each deploy.
        let is_job = |name: &&String| schedule.services.get(*name).is_some_and(|service| service.job.is_some());
        let again: Vec<&str> = phase.services.difference(&phase.adds).filter(is_job).map(String::as_str).collect();
        if !again.is_empty() {
            lines.extend(self.row("reruns", &words::list(&again)));
        }
        if !phase.removes.is_empty() {
            lines.extend(self.row("removes", &words::list(&phase.removes)));
        }
        let interrupts = forecast::interrupts(foreseen);
        if !interrupts.is_empty() {
            lines.extend(self.row("recreates", &interrupts));
        }
        let stays = forecast::stays(&foreseen.lasting);
        if !stays.is_empty() {
            lines.extend(self.row("no undo", &stays.join("; ")));
        }
        let builds = phase.pins.iter().map(|pin| format!("{} at {}", without_user(&pin.repository), pin.reference));
        let mut builds: Vec<String> = builds.collect();
        builds.sort();
        builds.dedup();
        for (first, build) in (0..).zip(&builds) {
            lines.extend(self.row(if first == 0 { "builds" } else { "" }, build));
        }
        lines
    }

    /// The service with each of its expectations.
    fn service(&self, label: &str, name: &str) -> Vec<Line> {
        let widest = self.schedule.services.keys().map(String::len).max().unwrap_or_default();
        let ids = self.schedule.services.get(name).map(|service| (&service.expectations, &service.asides));
        let ids = ids.into_iter().flat_map(|(expectations, asides)| expectations.iter().chain(asides));
        let mut texts: Vec<&str> = ids.map(|id| self.schedule.expectations[id.0].text.as_str()).collect();
        let job = self.schedule.services.get(name).and_then(|service| service.job).map(|job| match job.within {
            Some(within) => format!("a job: ends with 0 within {}", duration(within)),
            None => "a job: ends with 0".to_owned(),
        });
        if let Some(job) = &job {
            texts.insert(0, job);
        }
        if texts.is_empty() {
            texts.push("containers only");
        }
        let allows = self.schedule.services.get(name).map(|service| service.allows.as_slice()).unwrap_or_default();
        let allows: Vec<String> = allows.iter().map(|(word, reason)| format!("allows {word}: \"{reason}\"")).collect();
        texts.extend(allows.iter().map(String::as_str));
        self.named(label, name, widest, &texts)
    }

    fn gate(&self, gate: &Gate) -> Vec<Line> {
        let widest = self.schedule.gates.iter().map(|gate| gate.name.len()).max().unwrap_or_default();
        let mut texts: Vec<&str> = gate.asked().map(|id| self.schedule.expectations[id.0].text.as_str()).collect();
        let asked = gate
            .approval
            .as_ref()
            .map(|approval| format!("asks \"{}\" within {}, else stop", approval.question, duration(approval.within)));
        texts.extend(asked.as_deref());
        self.named("", &gate.name, widest, &texts)
    }

    /// A name, and what is to be said of it below each other in a column of its own.
    fn named(&self, label: &str, name: &str, widest: usize, texts: &[&str]) -> Vec<Line> {
        let is_labelled = self.schedule.services.contains_key(name) || !label.is_empty();
        let before = |at: usize| {
            let (label, name) = if at == 0 { (label, name) } else { ("", "") };
            let line = Line::text("  ");
            let line = if is_labelled { line.cell(Style::Dim, label, LABEL) } else { line };
            line.cell(Style::Plain, name, widest).plain("  ")
        };
        texts.iter().enumerate().flat_map(|(at, text)| hanging(&before(at), Style::Dim, text, self.width)).collect()
    }

    fn total(&self) -> Vec<Line> {
        let times = self.forecast.in_all;
        let Bounds { best, worst } = times.bounds;
        let limit = if worst < self.schedule.bounds_after(None).worst { ", where the run's own limit ends it" } else { "" };
        let back = times.worst_with_rollback.map_or_else(String::new, |longest| format!("; with a rollback {}", words::duration(longest)));
        let total = format!("best case {}, worst case {}{limit}{back}", words::duration(best), words::duration(worst));
        let mut lines = hanging(&Line::new().styled(Style::Bold, "Total").plain("  "), Style::Plain, &total, self.width);
        let expected = match times.expected {
            Some(Expected { median, runs: 1 }) => format!("{}, as in the one run recorded here", words::duration(median)),
            Some(Expected { median, runs }) => format!("{}, the median of {runs} runs recorded here", words::duration(median)),
            None => "unknown until every phase was verified once from here".to_owned(),
        };
        lines.extend(self.row("expected", &expected));
        lines.extend(self.row("unnoticed", &forecast::unnoticed(self.schedule)));
        let mut notes = "The best case does not count pulls and builds, the worst counts every limit in full".to_owned();
        if self.schedule.gates.iter().any(|gate| gate.approval.is_some()) {
            notes.push_str("; neither counts waiting for an approval");
        }
        lines.extend(wrapped(Style::Dim, &format!("{notes}."), 2, self.width));
        lines
    }
}

/// `+3, 4 services`.
fn growth(phase: &Phase) -> String {
    let services = count(phase.services.len(), "service");
    match (phase.adds.len(), phase.removes.len()) {
        (adds, 0) => format!("+{adds}, {services}"),
        (adds, removes) => format!("+{adds} −{removes}, {services}"),
    }
}

fn policy(phase: &Phase, foreseen: &Foreseen) -> &'static str {
    match (phase.on_failure, foreseen.back) {
        // Nothing of the plan is verified before it: where nothing was healthy, what was started is stopped.
        (OnFailure::Rollback, Back::Found) => "rollback to the baseline",
        (OnFailure::Rollback, _) => "rollback",
        (OnFailure::Stop, _) => "stop",
        (OnFailure::Ask, _) => "ask",
    }
}
