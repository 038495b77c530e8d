//! `JUnit`'s XML: a suite for each file, a test case for each scenario. Its time is that of the run, which was virtual.

use super::{Played, Tested, command, file, human, path, wording};
use crate::report::junit::{Case, Outcome, Suite, document};

/// The report as one `testsuites` element.
pub fn junit(tested: &Tested<'_>) -> String {
    let mut suites: Vec<Suite> = Vec::new();
    for played in &tested.played {
        let (name, case) = (file(played.scenario.name.span, tested.sources), of(played, tested));
        match suites.last_mut().filter(|last| last.name == name) {
            Some(suite) => suite.cases.push(case),
            None => suites.push(Suite { name, properties: vec![("plan", tested.plan.to_owned())], cases: vec![case], ..Suite::default() }),
        }
    }
    document("plan rehearse", &suites)
}

fn of(played: &Played<'_>, tested: &Tested<'_>) -> Case {
    let (scenario, judged) = (played.scenario, &played.judged);
    let outcome = if judged.holds() {
        Outcome::Passed
    } else {
        let mut text = human::faults_and_findings(played, tested.sources).join("\n");
        text.push_str("\n\n");
        text.push_str(&path::text(played, tested.schedule));
        text.push_str(&command(tested.plan, scenario, tested.sources));
        Outcome::Failed(wording::end(judged), text)
    };
    Case { class: tested.schedule.rollout.clone(), name: scenario.name.value.clone(), seconds: judged.took.as_secs_f64(), outcome }
}
