//! What a report is made for: the run's surroundings and the look that was asked for.

use std::fmt;

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
}

/// How much faster than real time the sandbox runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times.
    Times(f64),
    /// As fast as it can.
    Max,
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
            ColourChoice::Auto => is_terminal && set("TERM").is_none_or(|term| term != "dumb"),
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
    fn colour_follows_the_conventions() {
        use ColourChoice::{Always, Auto, Never};
        assert!(resolve(Auto, true, &[]));
        assert!(!resolve(Auto, false, &[]));
        assert!(!resolve(Auto, true, &[("NO_COLOR", "1")]));
        assert!(resolve(Auto, true, &[("NO_COLOR", "")]), "an empty NO_COLOR is none");
        assert!(!resolve(Auto, true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(resolve(Auto, false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!resolve(Auto, true, &[("CLICOLOR", "0")]));
        assert!(!resolve(Auto, true, &[("TERM", "dumb")]));
        assert!(resolve(Always, false, &[("NO_COLOR", "1")]), "the command line wins");
        assert!(!resolve(Never, true, &[("CLICOLOR_FORCE", "1")]));
    }
}
