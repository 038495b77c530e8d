//! The classes of what can go wrong: as docs/rehearsal.md tells them, and as a case of a rehearsal is one of them.

use rollout_plan::rehearse::Mishap;
use rollout_plan::world::{Target, When};
use std::collections::BTreeSet;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/rehearsal.md");

/// Whom it strikes, and how: without who of them it is, when, and for how long.
pub fn class(mishap: &Mishap) -> String {
    let Mishap::Fault(fault) = mishap else { return "`plan` itself: killed".to_owned() };
    let whom = match (&fault.target, &fault.when) {
        (Target::Service(..), When::Always) => "a service that runs",
        (Target::Service(..), _) => "a service that is deployed",
        (Target::Dokploy(_), _) => "Dokploy",
        (Target::Network(_), _) => "the network of this machine",
        (Target::External(..), _) => "an external",
        (Target::Gate(..), _) => "an approver",
    };
    let text = fault.to_string();
    let (_, how) = text.split_once(": ").unwrap();
    format!("{whom}: {}", how.split(' ').next().unwrap())
}

/// The same of the table in docs/rehearsal.md: the first cell says whom, or is empty where that is as above; the second has how in backticks.
pub fn documented() -> BTreeSet<String> {
    let text = std::fs::read_to_string(DOCS).unwrap();
    let mut lines = text.lines().skip_while(|line| !line.starts_with("| whom | what |")).skip(2).take_while(|line| line.starts_with('|'));
    let (mut classes, mut whom) = (BTreeSet::new(), String::new());
    for line in &mut lines {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if !cells[1].is_empty() {
            cells[1].clone_into(&mut whom);
        }
        classes.extend(cells[2].split('`').skip(1).step_by(2).map(|how| format!("{whom}: {how}")));
    }
    assert!(!classes.is_empty(), "docs/rehearsal.md has no table of what goes wrong");
    classes
}
