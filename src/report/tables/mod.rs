//! `plan check --tables`: who publishes which port, uses which Redis and other database, is built from where and leans on whom. What cannot
//! be read of the files alone is shown as unknown, with the reason, and never left out. And how long each phase may take.

use super::facts::{Build, Facts, Use};
use super::forecast;
use super::line::{Line, Style, hanging};
use super::words::{self, duration};
use crate::schedule::{Forecast, Schedule, Times};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What stands in a column of which nothing is known.
const UNKNOWN: &str = "unknown";

/// Columns that a note beside a row has at least; with less it stands below the row.
const ROOM_OF_A_NOTE: usize = 24;

/// The tables in lines of at most `width` columns; names and addresses are never cut.
pub fn human(schedule: &Schedule, forecast: &Forecast, width: usize, colour: bool) -> String {
    let facts = Facts::of(schedule);
    let mut page = Page { width, lines: Vec::new() };
    let phases = words::list(schedule.phases.iter().map(|phase| phase.name.as_str()));
    page.lines.push(Line::text("rollout ").styled(Style::Bold, &schedule.rollout));
    page.lines.extend(hanging(
        &Line::text("  "),
        Style::Dim,
        &format!("phases in order: {phases}; each row says in which one it begins"),
        width,
    ));

    let services: Vec<Vec<String>> = facts
        .services
        .iter()
        .map(|service| vec![service.name.clone(), service.phase.clone(), service.runs.clone(), service.note.clone().unwrap_or_default()])
        .collect();
    page.table("Services", &["service", "phase", "runs", ""], &services, "none");

    let ports: Vec<Vec<String>> = facts
        .ports
        .iter()
        .map(|port| {
            let (host, container) = (port.host.clone(), port.container.clone());
            vec![host, port.service.clone(), container, port.phase.clone(), port.unknown.clone().unwrap_or_default()]
        })
        .collect();
    page.table("Ports of the host", &["port", "service", "in it", "phase", ""], &ports, "no service publishes one");

    page.uses("Redis databases", &["number", "service", "variable", "phase", ""], &facts.redis, |one| {
        let server = one.server.clone().unwrap_or_else(|| format!("server {UNKNOWN}"));
        (server, vec![one.what.clone().unwrap_or_else(|| UNKNOWN.to_owned())])
    });
    page.uses("Other databases", &["service", "variable", "phase", ""], &facts.databases, |one| {
        let what = one.what.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        (one.server.as_ref().map_or_else(|| format!("{what}, server {UNKNOWN}"), |server| format!("{what} at {server}")), Vec::new())
    });

    page.builds(&facts.builds);

    let leans: Vec<Vec<String>> =
        facts.leans.iter().map(|lean| vec![lean.service.clone(), lean.on.clone(), lean.how.join(", "), lean.phase.clone()]).collect();
    page.table("Dependencies", &["service", "leans on", "by", "phase"], &leans, "none");

    page.times(schedule, forecast);

    if !facts.unread.is_empty() {
        let unread: Vec<Vec<String>> = facts.unread.iter().map(|(service, why)| vec![service.clone(), why.clone()]).collect();
        page.table("Not read", &["service", "what may say more"], &unread, "");
    }
    let allows: Vec<Vec<String>> =
        facts.allows.iter().map(|(service, word, reason)| vec![service.clone(), word.clone(), format!("\"{reason}\"")]).collect();
    if !allows.is_empty() {
        page.table("Allowed", &["service", "warning", "reason"], &allows, "");
    }
    page.lines.iter().map(|line| line.render(colour) + "\n").collect()
}

/// The same as one JSON object on one line. What is not known is `null`, with a member `unknown` that says why.
pub fn json(schedule: &Schedule, forecast: &Forecast) -> String {
    let facts = Facts::of(schedule);
    let uses = |name: &str, uses: &[Use]| -> Vec<Value> {
        uses.iter()
            .map(|one| {
                let what = if name == "number" { one.what.as_ref().and_then(|number| number.parse::<u32>().ok()).into() } else { json!(one.what) };
                json!({ name: what, "service": one.service, "server": one.server, "variable": one.variable, "phase": one.phase, "unknown": one.unknown })
            })
            .collect()
    };
    let ports: Vec<Value> = facts
        .ports
        .iter()
        .map(|port| {
            json!({
                "port": port.number, "address": port.address, "container": port.inside, "protocol": port.protocol, "service": port.service,
                "phase": port.phase, "unknown": port.unknown,
            })
        })
        .collect();
    let services: Vec<Value> = facts
        .services
        .iter()
        .map(|service| json!({ "service": service.name, "phase": service.phase, "image": service.image, "note": service.note }))
        .collect();
    let builds: Vec<Value> = facts
        .builds
        .iter()
        .map(|build| {
            json!({
                "service": build.service, "repository": build.repository, "reference": build.reference, "directory": build.directory,
                "context": build.context, "dockerfile": build.dockerfile, "phase": build.phase, "unknown": build.unknown,
            })
        })
        .collect();
    let leans: Vec<Value> =
        facts.leans.iter().map(|lean| json!({ "service": lean.service, "on": lean.on, "by": lean.how, "phase": lean.phase })).collect();
    let unread: Vec<Value> = facts.unread.iter().map(|(service, why)| json!({ "service": service, "why": why })).collect();
    let allows: Vec<Value> =
        facts.allows.iter().map(|(service, word, reason)| json!({ "service": service, "word": word, "reason": reason })).collect();
    let phases: Vec<&str> = schedule.phases.iter().map(|phase| phase.name.as_str()).collect();
    let object = json!({
        "v": super::json::VERSION, "rollout": schedule.rollout, "phases": phases, "services": services, "ports": ports,
        "redis": uses("number", &facts.redis), "databases": uses("name", &facts.databases), "builds": builds, "dependencies": leans,
        "not_read": unread, "allows": allows, "forecast": forecast::json(schedule, forecast),
    });
    super::safe::json(&object.to_string()) + "\n"
}

/// The widths of all columns but the last.
fn widths<'a>(heads: &[&str], rows: impl IntoIterator<Item = &'a Vec<String>>) -> Vec<usize> {
    let mut widths: Vec<usize> = heads[..heads.len() - 1].iter().map(|head| head.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

struct Page {
    width: usize,
    lines: Vec<Line>,
}

impl Page {
    fn title(&mut self, title: &str) {
        self.lines.push(Line::new());
        self.lines.push(Line::new().styled(Style::Bold, title));
    }

    /// How long each phase takes, and for how long what was delivered earlier may be broken in it before the run acts on it.
    fn times(&mut self, schedule: &Schedule, forecast: &Forecast) {
        let row = |name: &str, times: &Times, unnoticed: String| {
            let (best, worst) = (duration(times.bounds.best), duration(times.bounds.worst));
            let expected = times.expected.map_or_else(|| UNKNOWN.to_owned(), |expected| duration(expected.median));
            vec![name.to_owned(), best, expected, worst, times.worst_with_rollback.map(duration).unwrap_or_default(), unnoticed]
        };
        let mut rows: Vec<Vec<String>> = Vec::with_capacity(schedule.phases.len() + 1);
        for (phase, foreseen) in schedule.phases.iter().zip(&forecast.phases) {
            rows.push(row(
                &phase.name,
                &foreseen.times,
                foreseen.unnoticed.earlier.map(|(longest, _)| duration(longest)).unwrap_or_default(),
            ));
        }
        rows.push(row("in all", &forecast.in_all, String::new()));
        self.table("Times", &["phase", "best", "expected", "worst", "rolled back", "unnoticed"], &rows, "none");
    }

    /// Databases, those of one place below each other. `split` gives the place of a row and what comes before the service in it.
    fn uses(&mut self, title: &str, heads: &[&str], uses: &[Use], split: impl Fn(&Use) -> (String, Vec<String>)) {
        self.title(title);
        if uses.is_empty() {
            self.lines.push(Line::text("  ").styled(Style::Dim, "no variable names one"));
            return;
        }
        let mut places: Vec<String> = Vec::new();
        let mut rows: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
        for one in uses {
            let (place, mut row) = split(one);
            row.extend([one.service.clone(), one.variable.clone(), one.phase.clone(), one.unknown.clone().unwrap_or_default()]);
            if !rows.contains_key(&place) {
                places.push(place.clone());
            }
            rows.entry(place).or_default().push(row);
        }
        let widths = widths(heads, rows.values().flatten());
        for place in places {
            self.lines.push(Line::text("  ").styled(Style::Path, &place).whole());
            self.rows(4, &widths, heads, &rows[&place]);
        }
    }

    /// Rows below their heads. The last column is broken where the line ends, and goes below its row where there is no room beside it.
    fn table(&mut self, title: &str, heads: &[&str], rows: &[Vec<String>], nothing: &str) {
        self.title(title);
        if rows.is_empty() {
            self.lines.push(Line::text("  ").styled(Style::Dim, nothing));
            return;
        }
        let widths = widths(heads, rows);
        self.rows(2, &widths, heads, rows);
    }

    fn rows(&mut self, indent: usize, widths: &[usize], heads: &[&str], rows: &[Vec<String>]) {
        let last = heads.len() - 1;
        let start = |style: Style, cells: &[&str]| {
            let begin = Line::text(" ".repeat(indent));
            widths.iter().zip(cells).fold(begin, |line, (width, cell)| line.cell(style, cell, *width).plain("  "))
        };
        self.lines.push(start(Style::Dim, heads).styled(Style::Dim, heads[last]));
        for row in rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            let line = start(Style::Plain, &cells);
            // A reason or a note: never in the way of the other columns.
            if heads[last].is_empty() && line.width() + ROOM_OF_A_NOTE > self.width && !row[last].is_empty() {
                self.lines.push(line);
                self.lines.extend(hanging(&Line::text(" ".repeat(indent + 2)), Style::Dim, &row[last], self.width));
            } else {
                let style = if heads[last].is_empty() { Style::Dim } else { Style::Plain };
                self.lines.extend(hanging(&line, style, &row[last], self.width));
            }
        }
    }

    /// Builds, those of one repository and reference below each other.
    fn builds(&mut self, builds: &[Build]) {
        self.title("Build contexts");
        if builds.is_empty() {
            self.lines.push(Line::text("  ").styled(Style::Dim, "no service is built"));
            return;
        }
        let mut grouped: BTreeMap<(String, String), Vec<&Build>> = BTreeMap::new();
        for build in builds {
            let repository = build.repository.clone().unwrap_or_default();
            grouped.entry((repository, build.reference.clone().unwrap_or_default())).or_default().push(build);
        }
        let name = builds.iter().map(|build| build.service.chars().count()).max().unwrap_or_default();
        for ((repository, reference), builds) in &grouped {
            if !repository.is_empty() {
                let at = if reference.is_empty() { "its default branch" } else { reference };
                self.lines.push(Line::text("  ").styled(Style::Path, repository).plain(format!(" at {at}")).whole());
            }
            for build in builds {
                let begin = Line::text("    ").cell(Style::Plain, &build.service, name).plain("  ");
                let what = build.directory.clone().or_else(|| build.context.clone()).unwrap_or_else(|| ".".to_owned());
                let dockerfile = build.dockerfile.as_ref().map(|file| format!(", {file}")).unwrap_or_default();
                let text = match &build.unknown {
                    Some(why) => format!("{UNKNOWN}: {why}"),
                    None => format!("{what}{dockerfile}"),
                };
                // Most are built from the same place for as long as they are there.
                let since = if build.is_change { format!(", from phase {} on", build.phase) } else { String::new() };
                self.lines.extend(hanging(&begin, Style::Plain, &(text + &since), self.width));
            }
        }
    }
}
