//! The lines for people.

use super::{VigilSetting, named, so_far};
use crate::engine::Moment;
use crate::engine::vigil::{SightTold, SightTurn, Standing, Told, Turn, VigilEvent};
use crate::report::line::{Line, Style, hanging};
use crate::report::words::{count, duration, elapsed, list, short_list};
use crate::schedule::Subject;
use crate::store::times;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

/// So many that turned in one round have a line each.
const SHOWN: usize = 20;
/// So many are told with all that is known of them.
const WHOLE: usize = 5;
/// Names in a line; more are counted.
const NAMED: usize = 6;

/// The lines for an event; `stamp` is its time of day.
pub(super) fn of(
    event: &VigilEvent,
    now: Moment,
    stamp: &str,
    setting: &VigilSetting,
    width: usize,
    wall: &dyn Fn(Moment) -> String,
) -> Vec<Line> {
    let line = |style: Style, sign: &str, text: &str| {
        let first = Line::new().styled(Style::Dim, stamp).plain(" ").styled(style, sign).plain(" ");
        hanging(&first, Style::Plain, text, width)
    };
    match event {
        VigilEvent::Begun { subjects, live, every, length } => begun(subjects, live, *every, *length, setting, width),
        VigilEvent::LookedAfresh { added, gone, live } => {
            let mut text = format!("live: {live}");
            for (names, what) in [(added, "watched from now on"), (gone, "not delivered any more")] {
                if !names.is_empty() {
                    let _ = write!(text, "; {what}: {}", short_list(names, NAMED));
                }
            }
            line(Style::Dim, "·", &text)
        }
        VigilEvent::Suspended { who } => line(Style::Warn, "!", &format!("{who}; no round begins until it is over")),
        VigilEvent::GoesOn => line(Style::Dim, "·", "the run is over, the watch goes on from a fresh look"),
        VigilEvent::Overslept { gap } => {
            line(Style::Warn, "!", &format!("nobody watched for {}: what has to be in a row begins anew", elapsed(*gap)))
        }
        VigilEvent::Sight(told) => {
            let (style, sign) = if told.turn == SightTurn::Regained { (Style::Good, "✓") } else { (Style::Warn, "?") };
            line(style, sign, &sight(now, told, setting))
        }
        VigilEvent::Turned { turn, told, deploying } => {
            let names = told.iter().map(|told| console::measure_text_width(&named(&told.turned.subject))).max().unwrap_or_default().min(28);
            let mut lines: Vec<Line> = Vec::new();
            for (at, told) in told.iter().take(SHOWN).enumerate() {
                lines.extend(turned(*turn, now, told, (stamp, names, at < WHOLE), width, wall));
            }
            if told.len() > SHOWN {
                lines.extend(line(Style::Dim, " ", &format!("and {} more", told.len() - SHOWN)));
            }
            if let Some(title) = deploying {
                lines.extend(line(Style::Warn, "!", &format!("a deploy of this app runs or waits: \"{title}\"; it may be the reason")));
            }
            lines
        }
        VigilEvent::Round(standing) => line(Style::Dim, "·", &format!("{}, {}", so_far(standing), count(standing.rounds, "round"))),
        VigilEvent::Ended { .. } => Vec::new(),
    }
}

fn begun(
    subjects: &BTreeSet<Subject>,
    live: &str,
    every: Duration,
    length: Option<Duration>,
    setting: &VigilSetting,
    width: usize,
) -> Vec<Line> {
    let services = subjects.iter().filter(|subject| matches!(subject, Subject::Service(_))).count();
    let mut what = vec![count(services, "service")];
    if subjects.len() > services {
        what.push(count(subjects.len() - services, "external"));
    }
    let (length, ends) = match length {
        Some(length) => (format!(" for {}", duration(length)), ""),
        None => (String::new(), "; Ctrl-C ends it"),
    };
    let label = setting.label.as_ref().map_or(String::new(), |label| format!("[{label}] "));
    let title = format!("{label}watching {}: {} every {}{length}", setting.app, list(&what), duration(every));
    let from = setting.probed_from.as_ref().map_or(String::new(), |host| format!("asked from {host}; "));
    let (down, up) = setting.rows;
    let rule = format!("unhealthy after {}, healthy again after {}{ends}", in_a_row(down, "failure"), in_a_row(up, "pass"));
    let mut lines = hanging(&Line::new(), Style::Bold, &title, width);
    lines.extend(hanging(&Line::text("  "), Style::Dim, &format!("{from}live: {live}"), width));
    lines.extend(hanging(&Line::text("  "), Style::Dim, &rule, width));
    lines
}

fn in_a_row(number: u32, noun: &str) -> String {
    match (number, noun) {
        (1, noun) => format!("1 {noun}"),
        (number, "pass") => format!("{number} passes in a row"),
        (number, noun) => format!("{number} {noun}s in a row"),
    }
}

fn sight(now: Moment, told: &SightTold, setting: &VigilSetting) -> String {
    let lasted = elapsed(now - told.since);
    let still = if told.turn == SightTurn::StillLost { "still " } else { "" };
    match (told.turn, told.is_blind) {
        (SightTurn::Regained, _) => format!("everything can be asked again, after {lasted}"),
        (_, true) => {
            let from = setting.probed_from.as_ref().map_or("here", |from| from.as_str());
            format!(
                "{still}nothing answers from {from}, Dokploy included, for {lasted}: {}; the network from here or the whole server is down, and no \
                 service is blamed meanwhile",
                told.why
            )
        }
        (_, false) => format!(
            "Dokploy {still}does not say how the containers are, for {lasted}: {}; services that fail by their addresses are told all the same",
            told.why
        ),
    }
}

/// One that turned: `✗ web  unhealthy  HTTP 500; 3 of 3 samples bad since 14:00:11`, and below it what is known.
fn turned(
    turn: Turn,
    now: Moment,
    told: &Told,
    (stamp, names, is_whole): (&str, usize, bool),
    width: usize,
    wall: &dyn Fn(Moment) -> String,
) -> Vec<Line> {
    let Told { turned, seen } = told;
    let (style, sign, word) = match turn {
        Turn::Unhealthy => (Style::Bad, "✗", "unhealthy"),
        Turn::StillUnhealthy => (Style::Bad, "✗", "still unhealthy"),
        Turn::Unasked => (Style::Warn, "?", "cannot ask"),
        Turn::StillUnasked => (Style::Warn, "?", "still cannot ask"),
        Turn::Recovered => (Style::Good, "✓", "healthy again"),
        Turn::Gone => (Style::Dim, "·", "not delivered any more"),
    };
    let (lasted, at) = (elapsed(now - turned.since), wall(turned.since));
    let is_today = times::day(&at) == times::day(&wall(now));
    let since = if is_today { times::of_day(&at) } else { format!("{} {}", times::day(&at), times::of_day(&at)) };
    let counts = format!("{} of {} bad", turned.bad, count(turned.samples, "sample"));
    let is_over = matches!(turn, Turn::Recovered | Turn::Gone);
    let detail = match turn {
        _ if is_over => format!("after {lasted}; {counts}"),
        Turn::StillUnhealthy | Turn::StillUnasked => format!("for {lasted}: {}; {counts} since {since}", seen.actual),
        _ => format!("{}; {counts} since {since}", seen.actual),
    };
    let first = Line::new().styled(Style::Dim, stamp).plain(" ").styled(style, sign).plain(" ");
    let first = first.cell(Style::Bold, named(&turned.subject), names).plain("  ").styled(style, word).plain("  ");
    let mut lines = hanging(&first, Style::Plain, &detail, width);
    let is_news = matches!(turn, Turn::Unhealthy | Turn::Unasked);
    if !is_news || !is_whole {
        return lines;
    }
    let indent = " ".repeat(stamp.chars().count() + 3);
    let row = |label: &str, text: &str| hanging(&Line::text(&indent).cell(Style::Dim, label, 10), Style::Plain, text, width);
    let expects = if seen.what == "its container" { format!("its container {}", seen.expected) } else { seen.what.clone() };
    lines.extend(row("expects", &expects));
    if !seen.leans_on.is_empty() {
        let on: Vec<String> = seen.leans_on.iter().map(named).collect();
        lines.extend(row("because?", &format!("it leans on {}, not well either", list(&on))));
    }
    if let Some(hint) = &seen.hint {
        lines.extend(row("hint", hint));
    }
    for advice in &seen.advice {
        lines.extend(row("likely", &format!("{} [{}]", advice.cause, advice.rule)));
        lines.extend(row("helps", advice.remedy));
    }
    lines
}

/// What was not always well, said at the end.
pub(super) fn unsteady(standing: &Standing, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for (subject, failed, samples, times) in standing.unsteady.iter().take(SHOWN) {
        let turned = match times {
            0 => "never often enough in a row to be told".to_owned(),
            1 => "told as unhealthy once".to_owned(),
            times => format!("told as unhealthy {times} times"),
        };
        let text = format!("{}: {failed} of {} failed, {turned}", named(subject), count(*samples, "sample"));
        lines.extend(hanging(&Line::text("  "), Style::Dim, &text, width));
    }
    if standing.unsteady.len() > SHOWN {
        lines.push(Line::text(format!("  and {} more were not always well", standing.unsteady.len() - SHOWN)));
    }
    lines
}
