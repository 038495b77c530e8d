//! The example, built in: what `plan sandbox` serves when there is no plan at hand.

use crate::check::{FileError, Files};

/// The files of `examples/bizosaas`.
pub(super) struct Example;

const FILES: [(&str, &str); 5] = [
    ("rollout.plan", include_str!("../../examples/bizosaas/rollout.plan")),
    ("phase1.yml", include_str!("../../examples/bizosaas/phase1.yml")),
    ("phase2.yml", include_str!("../../examples/bizosaas/phase2.yml")),
    ("phase3.yml", include_str!("../../examples/bizosaas/phase3.yml")),
    ("phase4.yml", include_str!("../../examples/bizosaas/phase4.yml")),
];

impl Files for Example {
    fn read(&self, path: &str) -> Result<String, FileError> {
        FILES.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned()).ok_or(FileError::Missing)
    }

    fn beside(&self, _path: &str) -> Vec<String> {
        FILES.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}
