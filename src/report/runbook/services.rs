//! Services and externals: what each is, where it is asked, and what it leans on.

use super::markdown::{cell, prose};
use super::{Book, Rows as _};
use crate::model::duration;
use crate::report::words::list;
use crate::schedule::Subject;
use std::collections::BTreeMap;

impl Book<'_> {
    pub(super) fn services(&mut self) {
        let schedule = self.schedule;
        self.page.heading(2, "Services");
        let mut ports: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for port in &self.facts.ports {
            ports.entry(&port.service).or_default().push(prose(&port.host));
        }
        let rows: Vec<[String; 8]> = self
            .facts
            .services
            .iter()
            .map(|service| {
                let planned = schedule.services.get(&service.name);
                let mut texts: Vec<String> = self.texts(self.asked_of(&service.name)).iter().map(|text| cell(text)).collect();
                if let Some(job) = planned.and_then(|planned| planned.job) {
                    let within = job.within.map_or(String::new(), |within| format!(" within {}", duration(within)));
                    texts.insert(0, format!("a job: ends with 0{within}"));
                }
                if texts.is_empty() {
                    texts.push("its container runs".to_owned());
                }
                let leans = |subjects: Option<&std::collections::BTreeSet<Subject>>| {
                    list(subjects.into_iter().flatten().map(|subject| cell(subject.name())))
                };
                [
                    cell(&service.name),
                    prose(&service.phase),
                    service.note.as_deref().map(prose).unwrap_or_default(),
                    service.image.as_ref().map_or_else(|| service.runs.clone(), |image| cell(image)),
                    ports.get(service.name.as_str()).map(|ports| ports.join(", ")).unwrap_or_default(),
                    texts.join("<br>"),
                    leans(planned.map(|planned| &planned.needs)),
                    leans(planned.map(|planned| &planned.uses)),
                ]
            })
            .collect();
        let heads = ["service", "phase", "what it is", "runs", "port", "well when", "needs", "uses"];
        self.page.table(&heads, &rows.map_rows(), "There is none.");
        let allows: Vec<[String; 3]> =
            self.facts.allows.iter().map(|(service, word, reason)| [cell(service), cell(word), prose(reason)]).collect();
        if !allows.is_empty() {
            self.page.heading(3, "Meant so");
            self.page.table(&["service", "warning", "why it is meant"], &allows.map_rows(), "");
        }
        self.externals();
    }

    /// What is there without this app, and must be.
    fn externals(&mut self) {
        if self.schedule.externals.is_empty() {
            return;
        }
        self.page.heading(3, "Outside the app");
        let rows: Vec<[String; 4]> = self
            .schedule
            .externals
            .iter()
            .map(|(name, external)| {
                let texts = self.texts(external.expectations.iter().chain(&external.asides).copied());
                let leaners = self.leaners.get(&(true, name.as_str())).map(Vec::as_slice).unwrap_or_default();
                [
                    cell(name),
                    texts.iter().map(|text| cell(text)).collect::<Vec<_>>().join("<br>"),
                    list(leaners.iter().map(|name| cell(name))),
                    external.hint.as_deref().map(prose).unwrap_or_default(),
                ]
            })
            .collect();
        self.page.table(&["external", "well when", "leant on by", "hint"], &rows.map_rows(), "");
    }
}
