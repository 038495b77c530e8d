//! The facts of `plan check --tables` as tables of the page, and the graph of who leans on whom.

use super::markdown::{cell, prose};
use super::{Book, Rows as _};
use crate::report::facts::Use;
use crate::report::graph::Graph;

/// What stands in a cell of which nothing is known.
const UNKNOWN: &str = "unknown";

impl Book<'_> {
    pub(super) fn tables(&mut self) {
        let facts = self.facts;
        self.page.heading(2, "Ports");
        let rows: Vec<[String; 5]> = facts
            .ports
            .iter()
            .map(|port| {
                let container = cell(&port.container);
                let unknown = port.unknown.as_deref().map(prose).unwrap_or_default();
                [prose(&port.host), cell(&port.service), container, prose(&port.phase), unknown]
            })
            .collect();
        let rows = rows.map_rows();
        self.page.table(
            &columns(&rows, &["port of the host", "service", "in the container", "phase", "note"]),
            &trimmed(rows),
            "No service publishes one.",
        );

        self.page.heading(2, "Redis databases");
        self.uses(&facts.redis, "number");
        self.page.heading(2, "Other databases");
        self.uses(&facts.databases, "database");
        self.contexts();
        self.kept();
        self.environment();
        if !facts.unread.is_empty() {
            self.page.heading(2, "Not read");
            self.page.paragraph("These may say more than the tables above.");
            let rows: Vec<[String; 2]> = facts.unread.iter().map(|(service, why)| [cell(service), prose(why)]).collect();
            self.page.table(&["service", "what"], &rows.map_rows(), "");
        }
    }

    fn uses(&mut self, uses: &[Use], what: &str) {
        let known = |text: &Option<String>| text.as_ref().map_or_else(|| UNKNOWN.to_owned(), |text| cell(text));
        let rows: Vec<[String; 6]> = uses
            .iter()
            .map(|one| {
                let unknown = one.unknown.as_deref().map(prose).unwrap_or_default();
                [known(&one.what), known(&one.server), cell(&one.service), cell(&one.variable), prose(&one.phase), unknown]
            })
            .collect();
        let rows = rows.map_rows();
        self.page.table(
            &columns(&rows, &[what, "server", "service", "variable", "phase", "note"]),
            &trimmed(rows),
            "No variable names one.",
        );
    }

    fn contexts(&mut self) {
        self.page.heading(2, "Build contexts");
        let rows: Vec<[String; 7]> = self
            .facts
            .builds
            .iter()
            .map(|build| {
                let context = build.directory.as_deref().or(build.context.as_deref()).unwrap_or(".");
                let change = if build.is_change { "an earlier phase builds it otherwise, or not" } else { "" };
                let note = build.unknown.as_deref().map_or_else(|| change.to_owned(), prose);
                [
                    cell(&build.service),
                    build.repository.as_deref().map(cell).unwrap_or_default(),
                    build
                        .reference
                        .as_deref()
                        .map_or_else(|| build.repository.as_ref().map_or(String::new(), |_| "its default branch".to_owned()), cell),
                    if build.unknown.is_some() { UNKNOWN.to_owned() } else { cell(context) },
                    build.dockerfile.as_deref().map_or_else(|| cell("Dockerfile"), cell),
                    prose(&build.phase),
                    note,
                ]
            })
            .collect();
        let rows = rows.map_rows();
        let heads = columns(&rows, &["service", "repository", "reference", "directory", "Dockerfile", "phase", "note"]);
        self.page.table(&heads, &trimmed(rows), "No service is built.");
    }

    /// What outlives containers.
    fn kept(&mut self) {
        if self.facts.volumes.is_empty() {
            return;
        }
        self.page.heading(2, "Volumes");
        let rows: Vec<[String; 4]> = self
            .facts
            .volumes
            .iter()
            .map(|volume| {
                let source = volume.source.as_deref().map_or_else(|| "without a name".to_owned(), cell);
                [source, cell(&volume.service), cell(&volume.target), prose(&volume.phase)]
            })
            .collect();
        self.page.table(&["volume or folder", "service", "in the container", "phase"], &rows.map_rows(), "");
    }

    fn environment(&mut self) {
        self.page.heading(2, "The app's environment");
        let rows: Vec<[String; 3]> = self
            .facts
            .variables
            .iter()
            .map(|variable| {
                let without = if variable.is_required { "compose refuses the file" } else { "it is empty there" };
                [cell(&variable.name), prose(&variable.phase), without.to_owned()]
            })
            .collect();
        if !rows.is_empty() {
            self.page
                .paragraph("Compose files take these from the environment that Dokploy keeps for the app; their values stand there alone.");
        }
        self.page.table(
            &["variable", "from phase", "without it"],
            &rows.map_rows(),
            "The compose files take nothing from it that has no default.",
        );
    }

    pub(super) fn dependencies(&mut self) {
        self.page.heading(2, "Dependencies");
        let graph = Graph::with_facts(self.schedule, self.facts);
        self.page.fence("mermaid", &graph.mermaid());
        self.page.paragraph("A service is not well without what it `needs`; it can do without what it `uses`; compose starts it after what it `depends_on`.");
        let rows: Vec<[String; 4]> = self
            .facts
            .leans
            .iter()
            .map(|lean| {
                let external = if lean.is_external { "external " } else { "" };
                [cell(&lean.service), format!("{external}{}", cell(&lean.on)), lean.how.join(", "), prose(&lean.phase)]
            })
            .collect();
        self.page.table(&["service", "leans on", "by", "phase"], &rows.map_rows(), "No service leans on another.");
    }
}

/// The heads, without the last one where no row has anything in it.
fn columns<'a>(rows: &[Vec<String>], heads: &[&'a str]) -> Vec<&'a str> {
    let is_used = rows.iter().any(|row| row.last().is_some_and(|last| !last.is_empty()));
    heads[..if is_used { heads.len() } else { heads.len() - 1 }].to_vec()
}

/// The rows, likewise.
fn trimmed(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    if rows.iter().all(|row| row.last().is_some_and(String::is_empty)) {
        for row in &mut rows {
            row.pop();
        }
    }
    rows
}
