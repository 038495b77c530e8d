//! Words that all forms of the report share.

use crate::rehearse::End;
use crate::report::words::{duration, list};
use crate::scenario::{Came, Finding, Judged};

/// How a run ended, in the words that a scenario expects it in: `rolled back to core, exit 4, after 9m 12s`.
pub(super) fn end(judged: &Judged) -> String {
    let after = duration(judged.took);
    let Some(end) = &judged.end else { return format!("waiting for something that never comes, from {after} on: a bug of plan") };
    let code = judged.code.map_or_else(String::new, |code| format!(", exit {code}"));
    match end {
        End::Unharmed | End::Recovered => format!("verified after {after}"),
        End::RolledBack(target) => format!("rolled back to {target} after {after}"),
        End::Stopped(_) => format!("stopped{code}, after {after}"),
        End::Degraded(_) => format!("degraded{code}, after {after}"),
    }
}

/// What came of an expectation, as a clause.
pub(super) fn came(finding: &Finding, judged: &Judged) -> String {
    match &finding.came {
        Came::Exit(Some(code)) => format!("exit {code}: {}", end(judged)),
        Came::End | Came::Exit(None) => end(judged),
        Came::Verified => "it was verified".to_owned(),
        Came::Failed => "it failed".to_owned(),
        Came::Begun => "it was begun, and neither verified nor failed".to_owned(),
        Came::NeverBegun => "it never began".to_owned(),
        Came::Blamed(after) => format!("blamed {} after the strike", duration(*after)),
        Came::NotBlamed(others) if others.is_empty() => "nobody was blamed".to_owned(),
        Came::NotBlamed(others) => format!("{} was blamed", list(others)),
        Came::Healthy => "healthy at the end".to_owned(),
        Came::Unwell => "not healthy at the end".to_owned(),
        Came::Gone => "not there at the end".to_owned(),
        Came::Noticed(after) => format!("noticed {} after the strike", duration(*after)),
        Came::Unnoticed => "nothing showed that anything went wrong".to_owned(),
    }
}
