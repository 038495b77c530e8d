//! What a report is made for: the run's surroundings and the look that was asked for.

use crate::engine::Origin;
use std::fmt;
use std::str::FromStr;

/// What the reporter knows of a run besides its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Setting {
    /// The sandbox's speed; `None` for a real Dokploy.
    pub sandbox: Option<Speed>,
    /// The plan's path as it was typed, for the next command.
    pub plan: String,
    /// What `plan rollback` was given besides the plan, when it is one: ` --to core`, or nothing.
    pub back: Option<String>,
    /// The host that the probes are sent from, if it is known.
    pub probed_from: Option<String>,
}

impl Setting {
    /// `sandbox, 20×`, or nothing.
    pub fn label(&self) -> Option<String> {
        self.sandbox.map(|speed| format!("sandbox, {speed}"))
    }

    /// The setting of a run that is shown from its record.
    pub fn of(origin: &Origin) -> Self {
        // A speed that cannot be read is a sandbox's all the same.
        let sandbox = origin.sandbox.as_ref().map(|speed| speed.parse().unwrap_or(Speed::Max));
        Self { sandbox, plan: origin.plan.clone(), back: None, probed_from: origin.probed_from.clone() }
    }

    /// What of it goes into a run's record. Digest and address are for the caller to add.
    pub fn origin(&self) -> Origin {
        let sandbox = self.sandbox.map(|speed| match speed {
            Speed::Times(times) => times.to_string(),
            Speed::Max => "max".to_owned(),
        });
        let (plan, probed_from) = (self.plan.clone(), self.probed_from.clone());
        Origin { plan, sandbox, probed_from, version: env!("CARGO_PKG_VERSION").to_owned(), ..Origin::default() }
    }
}

/// How much faster than real time the sandbox runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times.
    Times(f64),
    /// As fast as it can.
    Max,
}

impl FromStr for Speed {
    type Err = std::num::ParseFloatError;

    /// Reads `20` or `max`, as records have it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" { Ok(Self::Max) } else { text.parse().map(Self::Times) }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Times(times) => write!(f, "{times}×"),
            Speed::Max => f.write_str("max speed"),
        }
    }
}

/// `--format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people at a terminal: a live view. Anywhere else the same as `Plain`.
    #[default]
    Human,
    /// One line per event that matters, for CI and files.
    Plain,
    /// JSON lines on stdout.
    Json,
    /// As `Plain`, in a step's log of GitHub: no line of it is a command there.
    Github,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourChoice {
    /// By terminal and environment.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColourChoice {
    /// Whether to colour. `Auto` asks, in this order: `NO_COLOR` (any value: no), `CLICOLOR_FORCE` (not 0: yes), `CLICOLOR=0` (no), a
    /// dumb terminal (no), and whether it is a terminal at all. Empty variables count as not set.
    pub fn resolve(self, is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        match self {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto if set("NO_COLOR").is_some() => false,
            ColourChoice::Auto if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            ColourChoice::Auto if set("CLICOLOR").is_some_and(|value| value == "0") => false,
            // One that does not say what it is may be able to do nothing.
            ColourChoice::Auto => is_terminal && set("TERM").is_some_and(|term| term != "dumb"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(choice: ColourChoice, is_terminal: bool, variables: &[(&str, &str)]) -> bool {
        choice.resolve(is_terminal, |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_setting_is_found_again_in_a_record() {
        for sandbox in [None, Some(Speed::Max), Some(Speed::Times(20.0)), Some(Speed::Times(0.5))] {
            let setting = Setting { sandbox, plan: "a/rollout.plan".to_owned(), back: None, probed_from: Some("build-7".to_owned()) };
            assert_eq!(Setting::of(&setting.origin()), setting);
        }
    }

    #[test]
    fn colour_follows_the_conventions() {
        use ColourChoice::{Always, Auto, Never};
        let xterm = ("TERM", "xterm");
        assert!(resolve(Auto, true, &[xterm]));
        assert!(!resolve(Auto, false, &[xterm]));
        assert!(!resolve(Auto, true, &[]), "nobody knows what it can do");
        assert!(!resolve(Auto, true, &[xterm, ("NO_COLOR", "1")]));
        assert!(resolve(Auto, true, &[xterm, ("NO_COLOR", "")]), "an empty NO_COLOR is none");
        assert!(!resolve(Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(resolve(Auto, false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!resolve(Auto, true, &[xterm, ("CLICOLOR", "0")]));
        assert!(!resolve(Auto, true, &[("TERM", "dumb")]));
        assert!(resolve(Always, false, &[("NO_COLOR", "1")]), "the command line wins");
        assert!(!resolve(Never, true, &[("CLICOLOR_FORCE", "1")]));
    }
}
