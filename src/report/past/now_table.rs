//! The look at what is now as a table and as JSON.

use super::now::{Now, PhaseNow, Probed, Seen, ServiceNow, row_word};
use crate::engine::Reading;
use crate::report::line::{Line, Style, hanging};
use serde_json::{Value, json};

/// A name that is longer is cut.
const LONGEST_NAME: usize = 28;
/// Columns of a container's words; longer ones are cut, and whole in the sentence below.
const CONTAINER: usize = 24;
/// What the columns are, in their order.
const HEADS: [&str; 4] = ["phase / service", "Dokploy", "container", "probes"];

impl Now {
    /// The table, in at most `width` columns.
    pub(super) fn table(&self, width: usize) -> Vec<Line> {
        let names = self.services().map(|service| service.name.len()).chain(self.externals.iter().map(|(name, _)| name.len()));
        let name = names.max().unwrap_or_default().clamp(HEADS[0].len(), LONGEST_NAME) + 2;
        let dokploy = self.phases.iter().map(|phase| phase.dokploy().len()).chain([PRESENT.len()]).max().unwrap_or_default();
        let container = self.services().filter_map(|service| service.container.as_ref()).map(|seen| seen.in_words().len());
        let container = container.max().unwrap_or_default().clamp(HEADS[2].len(), CONTAINER);
        let widths = [name, dokploy, container];
        let row = |cells: [(Style, String); 3], last: (Style, String)| {
            let line =
                widths.iter().zip(cells).fold(Line::text("  "), |line, (width, (style, text))| line.cell(style, text, *width).plain("  "));
            line.styled(last.0, last.1).fit(width)
        };
        let dim = |text: &str| (Style::Dim, text.to_owned());
        let mut lines = vec![row([dim(HEADS[0]), dim(HEADS[1]), dim(HEADS[2])], dim(HEADS[3]))];
        let of_service = |service: &ServiceNow| {
            let words = service.container.as_ref().map_or_else(|| "not known".to_owned(), Seen::in_words);
            let (text, plain) = if service.is_in_text { (PRESENT, Style::Plain) } else { (ABSENT, Style::Dim) };
            let style = if service.is_in_text && !service.is_container_right() { Style::Bad } else { plain };
            row([(plain, format!("  {}", service.name)), (plain, text.to_owned()), (style, words)], service.probed.cell())
        };
        for (at, phase) in self.phases.iter().enumerate() {
            let title = format!("{}. {}", at + 1, phase.name);
            let style = if phase.is_live { Style::Bold } else { Style::Plain };
            lines.push(row([(style, title), (style, phase.dokploy()), dim("")], dim("")));
            lines.extend(phase.services.iter().map(of_service));
        }
        if !self.others.is_empty() {
            lines.push(row([dim("not in the plan"), dim(""), dim("")], dim("")));
            lines.extend(self.others.iter().map(of_service));
        }
        if self.externals.iter().any(|(_, probed)| *probed != Probed::Not) {
            lines.push(row([dim("outside the app"), dim(""), dim("")], dim("")));
            lines.extend(
                self.externals.iter().map(|(name, probed)| row([(Style::Plain, format!("  {name}")), dim(""), dim("")], probed.cell())),
            );
        }
        if let Some(why) = &self.not_probed {
            lines.extend(hanging(&Line::text("  ").styled(Style::Warn, "! "), Style::Plain, &format!("no probe was made: {why}"), width));
        }
        lines
    }

    pub(super) fn object(&self) -> Value {
        let service = |service: &ServiceNow| {
            json!({
                "service": service.name,
                "in_live_text": service.is_in_text,
                "container": service.container.as_ref().map(Seen::in_words),
                "restarts": match &service.container { Some(Seen::There { restarts, .. }) => Some(*restarts), _ => None },
                "reading": service.probed.word(),
                "actual": service.probed.actual(),
                "differs": service.difference(self.newest),
            })
        };
        let phases = self.phases.iter().map(|phase| {
            json!({
                "phase": phase.name,
                "row": phase.row.as_ref().map(|row| row.status.map_or("running", row_word)),
                "live": phase.is_live,
                "services": phase.services.iter().map(service).collect::<Vec<_>>(),
            })
        });
        let externals =
            self.externals.iter().map(|(name, probed)| json!({ "external": name, "reading": probed.word(), "actual": probed.actual() }));
        json!({
            "probed": self.not_probed.is_none(),
            "why": self.not_probed,
            "page": self.badge,
            "newest": self.newest.map(row_word),
            "phases": phases.collect::<Vec<_>>(),
            "others": self.others.iter().map(service).collect::<Vec<_>>(),
            "externals": externals.collect::<Vec<_>>(),
        })
    }
}

/// What stands beside a service that the live text has, and beside one that it has not.
const PRESENT: &str = "in the text";
const ABSENT: &str = "not in it";

impl PhaseNow {
    /// `done, live`, `error`, `no row`.
    fn dokploy(&self) -> String {
        let row = self.row.as_ref().map_or("no deploy", |row| row.status.map_or("running", row_word));
        format!("{row}{}", if self.is_live { ", live" } else { "" })
    }
}

impl Probed {
    fn word(&self) -> Option<&'static str> {
        match self {
            Probed::Not | Probed::Nothing => None,
            Probed::Answered(Reading::Pass, _) => Some("pass"),
            Probed::Answered(Reading::Fail, _) => Some("fail"),
            Probed::Answered(Reading::Error, _) => Some("error"),
        }
    }

    fn actual(&self) -> Option<&str> {
        match self {
            Probed::Answered(_, actual) => actual.as_deref(),
            Probed::Not | Probed::Nothing => None,
        }
    }

    fn cell(&self) -> (Style, String) {
        let said = self.actual().map_or(String::new(), |actual| format!("  {actual}"));
        match self {
            Probed::Not => (Style::Dim, "not asked".to_owned()),
            Probed::Nothing => (Style::Dim, "nothing to ask".to_owned()),
            Probed::Answered(Reading::Pass, _) => (Style::Good, "pass".to_owned()),
            Probed::Answered(Reading::Fail, _) => (Style::Bad, format!("fail{said}")),
            Probed::Answered(Reading::Error, _) => (Style::Warn, format!("error{said}")),
        }
    }
}
