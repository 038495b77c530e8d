//! Variables of the phases' compose files that neither a default nor the app's environment gives a value: told for all phases before the
//! first, since compose finds out at the last one's deploy.

use super::Survey;
use crate::compose::{Variable, asked};
use crate::schedule::Schedule;
use std::collections::BTreeMap;

/// A run tells of so many; more are counted.
const MOST_TOLD: usize = 12;

/// A variable that nothing gives a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unset {
    /// The first place that asks for it.
    pub variable: Variable,
    /// The compose file's path as written in the plan.
    pub path: String,
    /// The line of that place, from 1.
    pub line: usize,
    /// How many further places ask for it.
    pub more: usize,
}

impl Unset {
    /// One sentence.
    pub fn sentence(&self) -> String {
        let then = if self.variable.required { "compose refuses the file without it" } else { "it becomes nothing" };
        let more = match self.more {
            0 => String::new(),
            1 => "; 1 more place asks for it".to_owned(),
            more => format!("; {more} more places ask for it"),
        };
        let name = &self.variable.name.value;
        format!("`${{{name}}}` in {} line {} has no default and is not in the app's environment: {then}{more}", self.path, self.line)
    }
}

/// Every variable of every phase that has no value, each once, in the order of phases and lines. None where Dokploy did not show the
/// environment, or the app writes it into no file: that is told by itself.
pub fn unset(schedule: &Schedule, survey: &Survey) -> Vec<Unset> {
    if survey.variables.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<Unset> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    for phase in &schedule.phases {
        for (variable, line) in asked(&phase.text) {
            if survey.variables.contains(&variable.name.value) {
                continue;
            }
            if let Some(&known) = at.get(&variable.name.value) {
                found[known].more += 1;
                found[known].variable.required |= variable.required;
            } else {
                at.insert(variable.name.value.clone(), found.len());
                found.push(Unset { variable, path: phase.path.clone(), line, more: 0 });
            }
        }
    }
    found
}

/// What a run says of them before its first change.
pub(super) fn warnings(schedule: &Schedule, survey: &Survey) -> Vec<String> {
    let mut unset = unset(schedule, survey);
    // What stops a deploy comes first.
    unset.sort_by_key(|one| !one.variable.required);
    let mut told: Vec<String> = unset.iter().take(MOST_TOLD).map(Unset::sentence).collect();
    if unset.len() > MOST_TOLD {
        told.push(format!("{} more variables have no value: `plan check` names them", unset.len() - MOST_TOLD));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceMap, Span, Spanned};

    #[test]
    fn one_sentence_whatever_the_number_of_places() {
        let file = SourceMap::default().add("one.yml", "${A}");
        let sentence = |required, more| {
            let variable = Variable { name: Spanned::new("A".to_owned(), Span::new(file, 0..4)), required };
            Unset { variable, path: "one.yml".to_owned(), line: 6, more }.sentence()
        };
        let start = "`${A}` in one.yml line 6 has no default and is not in the app's environment: ";
        assert_eq!(sentence(false, 0), format!("{start}it becomes nothing"));
        assert_eq!(sentence(true, 1), format!("{start}compose refuses the file without it; 1 more place asks for it"));
        assert_eq!(sentence(false, 21), format!("{start}it becomes nothing; 21 more places ask for it"));
    }
}
