//! How to go back: from each phase to the one before, by hand, and what does not come back with it.

use super::markdown::{cell, code, prose};
use super::phases::policy;
use super::{Book, Rows as _};
use crate::report::words::{count, list};
use crate::schedule::Phase;
use std::collections::{BTreeMap, BTreeSet};

impl Book<'_> {
    pub(super) fn way_back(&mut self) {
        let schedule = self.schedule;
        self.page.heading(2, "Rolling back");
        self.page.paragraph(
            "Always to the last text that was verified, and never blindly: what is put back is asked like any phase. `plan run` does so by \
             itself where a phase says \"roll back\"; `plan rollback` does it afterwards.",
        );
        let rows: Vec<[String; 5]> = schedule
            .phases
            .iter()
            .enumerate()
            .map(|(at, phase)| {
                let before = at.checked_sub(1).map(|at| &schedule.phases[at]);
                [
                    cell(&phase.name),
                    before.map_or_else(|| "what was there before".to_owned(), |before| cell(&before.name)),
                    before.map_or_else(|| "the text that was copied before the first change".to_owned(), |before| cell(&before.path)),
                    before.map_or_else(|| "what was well then".to_owned(), |before| count(before.services.len(), "service")),
                    policy(phase.on_failure).to_owned(),
                ]
            })
            .collect();
        self.page.table(&["if this fails", "go back to", "by the text of", "must be well then", "`plan run` will"], &rows.map_rows(), "");
        self.page.paragraph("By hand:");
        let mut steps = vec![
            "Keep what tells why, since going back destroys it: the deploy's log in Dokploy, and `docker logs` of what fails.",
            "See that Dokploy deploys nothing of the app any more: it cannot cancel, and two deploys at once leave a mixture.",
        ];
        if !schedule.externals.is_empty() {
            steps.push(
                "Ask what is [outside the app](#outside-the-app): where something is down that a failing service needs, bring that up first. \
                 Going back would not help.",
            );
        }
        steps.extend([
            "Put the text of the table in place of the compose text, whole, and save it. Builds take the references as they are now, not as \
             they were; `plan rollback` sends the very commits that were verified.",
            "Press *Deploy* and wait for its end. What only the failed phase had may go on running: `docker ps -a` shows it, and \
             `docker rm -f NAME` removes it.",
            "Ask every service of that phase for as long as it soaks. If they are not well either, stop here and get help: do not go back \
             further.",
        ]);
        self.page.numbered(&steps.into_iter().map(str::to_owned).collect::<Vec<_>>());
        self.not_undone();
    }

    /// What a deploy changes for good.
    fn not_undone(&mut self) {
        let schedule = self.schedule;
        self.page.heading(3, "What does not come back");
        let mut items: Vec<String> = Vec::new();
        for volume in &self.facts.volumes {
            let source = volume.source.as_deref().map_or_else(|| "a volume without a name".to_owned(), code);
            items.push(format!("what {} wrote to {source} ({}) stays as it is then", code(&volume.service), code(&volume.target)));
        }
        let mut databases: BTreeMap<Option<&str>, BTreeSet<&str>> = BTreeMap::new();
        for one in &self.facts.databases {
            databases.entry(one.what.as_deref()).or_default().insert(&one.service);
        }
        for (name, services) in databases {
            let name = name.map_or_else(|| "databases that the files do not name".to_owned(), code);
            let services = list(services.iter().map(|service| code(service)));
            items.push(format!("rows and migrations in {name}, by {services}: an older version may not read what a newer one migrated"));
        }
        let jobs = schedule.services.iter().filter(|(_, service)| service.job.is_some()).map(|(name, _)| code(name));
        let jobs: Vec<String> = jobs.collect();
        if !jobs.is_empty() {
            items.push(format!("what the jobs did: {}; a deploy of a text that has them runs them again", list(&jobs)));
        }
        for phase in schedule.phases.iter().filter(|phase| !phase.removes.is_empty()) {
            items.push(removed(phase));
        }
        items.push("whatever else was done outside the containers: messages sent, calls to others, keys in Redis".to_owned());
        self.page.bullets(&items);
    }
}

fn removed(phase: &Phase) -> String {
    let names = list(phase.removes.iter().map(|name| code(name)));
    format!("containers that phase {} removes ({names}) are made anew, without what was in them", prose(&phase.name))
}
