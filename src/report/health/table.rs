//! The verdict, the table and what to do next, for people.

use super::{Health, Shown, named, of_subject, reading_word, seen, slowest, state_in_words, word};
use crate::engine::troubleshoot::Source;
use crate::engine::{Finding, Reading, ServiceState, Verdict};
use crate::model::Severity;
use crate::report::exit;
use crate::report::line::{Line, Style, hanging};
use crate::report::words::{count, duration, list};
use crate::schedule::Subject;

/// Columns of the verdict's word.
const VERDICT: usize = 11;
/// Columns of a time.
const TIME: usize = 7;
/// A name that is longer than so many columns is cut in the table, and whole below it.
const LONGEST_NAME: usize = 28;
/// Columns of the labels of what is not well.
const LABEL: usize = 10;
/// So many that are not well are all told of whole; of more, those where to look first.
const FEW: usize = 4;
/// Services that are named as not delivered yet.
const NAMED: usize = 6;

/// What was found, in at most `width` columns.
pub fn human(shown: &Shown<'_>, width: usize, colour: bool) -> String {
    let lines = match shown {
        Shown::Skipped { app, why } => vec![Line::text(format!("{app}: skipped, nothing was asked: {why}")).whole()],
        Shown::Asked(health) => lines(shown, health, width),
    };
    lines.iter().map(|line| line.render(colour) + "\n").collect()
}

/// One line on how far it is, while it is asked.
pub fn so_far(rounds: u64, findings: &[Finding]) -> String {
    let open = findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Unknown | Verdict::Holding));
    let open: Vec<String> = open.map(named).collect();
    let text = format!("after {}: {} still open", count(rounds, "round"), crate::report::words::short_list(&open, 4));
    Line::new().styled(Style::Dim, text).render(false) + "\n"
}

fn lines(shown: &Shown<'_>, health: &Health, width: usize) -> Vec<Line> {
    let code = shown.exit_code();
    let style = if health.is_try {
        Style::Bold
    } else if code.0 == 0 {
        Style::Good
    } else {
        Style::Bad
    };
    let meaning = if code.0 == 0 && !health.is_try { "all healthy" } else { exit::meaning(code) };
    let headline = format!("{} (exit {}: {meaning})", health.sentence(), code.0);
    let mut lines = hanging(&Line::new(), style, &headline, width);
    lines.extend(hanging(&Line::text("  "), Style::Dim, &health.circumstances(), width));
    if let Some(title) = &health.delivered.busy {
        let text = format!("a deploy of this app runs or waits: \"{title}\"; what is asked now may be on its way up or down");
        lines.extend(hanging(&Line::text("  ").styled(Style::Warn, "! "), Style::Plain, &text, width));
    }
    if !health.findings.is_empty() {
        lines.push(Line::new());
        let names = health.findings.iter().map(|finding| console::measure_text_width(&named(finding))).max().unwrap_or_default();
        lines.extend(health.findings.iter().flat_map(|finding| row(finding, health.is_try, names.min(LONGEST_NAME), width)));
    }
    if health.nothing_runs() {
        lines.push(Line::new());
        let text = "none of its containers runs: the app was stopped, or Docker was; what leans on what says little now";
        lines.extend(hanging(&Line::new().styled(Style::Warn, "→ "), Style::Bold, text, width));
    }
    for cause in health.causes.iter().filter(|cause| !health.nothing_runs() || matches!(cause.root, Subject::External(_))) {
        lines.push(Line::new());
        let root = of_subject(&cause.root);
        let along: Vec<String> = cause.takes_along.iter().map(of_subject).collect();
        let verb = if along.len() == 1 { "leans" } else { "lean" };
        let text = format!("look at {root} first: {} {verb} on it", list(&along));
        lines.extend(hanging(&Line::new().styled(Style::Warn, "→ "), Style::Bold, &text, width));
    }
    let unwell: Vec<&Finding> = health.findings.iter().filter(|finding| is_worth_a_word(finding, health.is_try)).collect();
    // Those that lean on something unwell may follow from it: they have their line in the table.
    let (roots, others): (Vec<&Finding>, Vec<&Finding>) =
        unwell.iter().partition(|finding| finding.leans_on.is_empty() || health.is_narrowed || unwell.len() <= FEW);
    for finding in roots {
        lines.push(Line::new());
        lines.extend(details(finding, health, width));
    }
    if let Some(first) = others.first() {
        let text = format!("the others may follow from these; `--only {}` shows one of them whole", first.name());
        lines.push(Line::new());
        lines.extend(hanging(&Line::text("  "), Style::Dim, &text, width));
    }
    lines.extend(warnings(health, width));
    lines.extend(missing(health, width));
    lines.extend(next(health, &unwell, width));
    lines
}

fn is_worth_a_word(finding: &Finding, is_try: bool) -> bool {
    if is_try { finding.reading != Reading::Pass } else { !finding.is_well() }
}

fn sign(finding: &Finding, is_try: bool) -> (Style, &'static str, &'static str) {
    if is_try {
        return match finding.reading {
            Reading::Pass => (Style::Good, "✓", "pass"),
            Reading::Fail => (Style::Bad, "✗", "fail"),
            Reading::Error => (Style::Warn, "?", "cannot ask"),
        };
    }
    let word = word(finding.verdict);
    match finding.verdict {
        Verdict::Met => (Style::Good, "✓", word),
        Verdict::Failed => (Style::Bad, "✗", word),
        Verdict::Errored | Verdict::Unknown | Verdict::Holding => (Style::Warn, "?", word),
    }
}

/// One line of the table, or more where what was seen is long and bad.
fn row(finding: &Finding, is_try: bool, names: usize, width: usize) -> Vec<Line> {
    let (style, sign, word) = sign(finding, is_try);
    let time = slowest(finding).map_or(String::new(), |took| if took.is_zero() { "<1ms".to_owned() } else { duration(took) });
    let pad = " ".repeat(TIME.saturating_sub(time.len()));
    let head = Line::text("  ")
        .styled(style, sign)
        .plain(" ")
        .cell(Style::Plain, named(finding), names)
        .plain("  ")
        .cell(style, word, VERDICT)
        .styled(Style::Dim, format!("{pad}{time}  "));
    vec![head.plain(seen(finding)).fit(width)]
}

/// All that is known of what is not well.
fn details(finding: &Finding, health: &Health, width: usize) -> Vec<Line> {
    let (style, sign, word) = sign(finding, health.is_try);
    let row = |label: &str, style: Style, text: &str| hanging(&Line::text("    ").cell(Style::Dim, label, LABEL), style, text, width);
    let mut lines = vec![Line::new().styled(style, sign).plain(" ").styled(Style::Bold, named(finding)).plain(format!("  {word}"))];
    if let Some((state, health)) = &finding.container {
        let health = health.map_or(String::new(), |health| format!(", healthcheck {}", health_in_words(health)));
        // A state that has no word of its own, such as paused, is said by what was seen.
        let state = match (state, &finding.actual) {
            (ServiceState::Unknown, Some(actual)) => actual.clone(),
            _ => state_in_words(state),
        };
        lines.extend(row("container", Style::Plain, &format!("{state}{health}")));
    }
    for asked in &finding.asked {
        let (label, text) = match asked.severity {
            Severity::Decides => ("expects", asked.text.as_str()),
            Severity::Warns => ("warns", asked.text.strip_prefix("warn ").unwrap_or(&asked.text)),
            Severity::Observes => ("observes", asked.text.strip_prefix("observe ").unwrap_or(&asked.text)),
        };
        lines.extend(row(label, Style::Plain, text));
        let Some(sample) = &asked.last else { continue };
        let (passes, failures, errors) = asked.totals;
        let each = [(passes, "passed"), (failures, "failed"), (errors, "could not be asked")];
        let each: Vec<String> = each.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
        let counts = format!(" ({} of {} samples)", each.join(", "), passes + failures + errors);
        let style = match (sample.reading, asked.severity) {
            (Reading::Pass, _) | (_, Severity::Observes) => Style::Plain,
            (_, Severity::Warns) => Style::Warn,
            (_, Severity::Decides) => Style::Bad,
        };
        let text = format!("{}: {}{counts}", reading_word(sample.reading), sample.actual);
        lines.extend(row("saw", style, &text));
    }
    if finding.asked.is_empty()
        && let Some(actual) = &finding.actual
    {
        lines.extend(row("saw", Style::Bad, actual));
    }
    if !finding.leans_on.is_empty() {
        let on: Vec<String> = finding.leans_on.iter().map(of_subject).collect();
        lines.extend(row("because?", Style::Plain, &format!("it leans on {}, not well either", list(&on))));
    }
    if let Some(hint) = &finding.hint {
        lines.extend(row("hint", Style::Plain, hint));
    }
    for advice in &finding.advice {
        lines.extend(row("likely", Style::Warn, &format!("{} [{}]", advice.cause, advice.rule)));
        if advice.source == Source::State {
            lines.extend(row("by", Style::Plain, &format!("{}: {}", advice.source.in_words(), advice.seen)));
        }
        lines.extend(row("helps", Style::Plain, advice.remedy));
    }
    lines
}

fn health_in_words(health: crate::engine::Health) -> &'static str {
    match health {
        crate::engine::Health::Healthy => "healthy",
        crate::engine::Health::Unhealthy => "unhealthy",
        crate::engine::Health::Starting => "without a verdict yet",
    }
}

/// What the plan warns of, of those that are told of in one line only.
fn warnings(health: &Health, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for finding in health.findings.iter().filter(|finding| !is_worth_a_word(finding, health.is_try)) {
        for asked in finding.warnings() {
            let Some(sample) = &asked.last else { continue };
            let text = asked.text.strip_prefix("warn ").unwrap_or(&asked.text);
            let text = format!("{}: {}, where the plan would have {text}", named(finding), sample.actual);
            lines.extend(hanging(&Line::text("  ").styled(Style::Warn, "! "), Style::Plain, &text, width));
        }
    }
    if !lines.is_empty() {
        lines.insert(0, Line::new());
    }
    lines
}

/// Services of the plan that are not delivered yet.
fn missing(health: &Health, width: usize) -> Vec<Line> {
    let missing = &health.delivered.missing;
    if missing.is_empty() || (health.is_narrowed && health.absent.is_empty()) {
        return Vec::new();
    }
    let names = missing.iter().map(|(service, phase)| format!("{service} ({phase})"));
    let text = format!("not delivered, so not asked: {}", crate::report::words::short_list(names, NAMED));
    let mut lines = vec![Line::new()];
    lines.extend(hanging(&Line::text("  "), Style::Dim, &text, width));
    lines
}

/// Commands that help further.
fn next(health: &Health, unwell: &[&Finding], width: usize) -> Vec<Line> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let roots: Vec<&Subject> = health.causes.iter().map(|cause| &cause.root).collect();
    let is_root = |finding: &&&Finding| unwell.len() <= FEW || roots.contains(&&finding.subject) || finding.leans_on.is_empty();
    for finding in unwell.iter().filter(is_root).filter(|finding| finding.is_service()) {
        for (_, container) in health.containers.iter().filter(|(service, _)| service == finding.name()) {
            commands.push((format!("docker logs --tail 100 {container}"), "on the app's server".to_owned()));
        }
    }
    if health.delivered.services.is_empty() && !health.is_narrowed {
        commands.push((format!("plan run {}", health.plan), "brings it up, phase by phase".to_owned()));
    } else if health.delivered.live.is_err() && !health.offline {
        commands.push((format!("plan health {} --offline", health.plan), "does without Dokploy".to_owned()));
    } else if !unwell.is_empty() && !health.offline {
        commands.push((format!("plan status {}", health.plan), "what was verified last, and what differs".to_owned()));
    }
    if commands.is_empty() {
        return Vec::new();
    }
    let longest = commands.iter().map(|(command, _)| command.len()).max().unwrap_or_default();
    let mut lines = vec![Line::new(), Line::text("next:")];
    for (command, why) in commands {
        let room = longest + 4 + why.len() <= width;
        let line = Line::text("  ").styled(Style::Path, if room { format!("{command:longest$}") } else { command });
        lines.push(if room { line.styled(Style::Dim, format!("  {why}")) } else { line }.whole());
    }
    lines
}
