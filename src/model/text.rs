//! Strings of the plan that may name the environment. They are resolved once, at the start of a command, never in the engine.

use std::fmt;

/// A piece of a [`Text`], with every `let` already put in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPart {
    /// Characters as they are.
    Literal(String),
    /// `env("NAME", "default")`.
    Env {
        /// The variable.
        name: String,
        /// What it is when unset; `None` makes the variable required.
        default: Option<String>,
    },
    /// `secret("NAME")`: a variable whose value is never shown.
    Secret {
        /// The variable.
        name: String,
    },
}

/// A string of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Its pieces in order.
    pub parts: Vec<TextPart>,
}

impl Text {
    /// A string without variables.
    pub fn literal(text: impl Into<String>) -> Self {
        Self { parts: vec![TextPart::Literal(text.into())] }
    }

    /// The value, taking variables from `variables`.
    ///
    /// # Errors
    /// The first variable that is required and not set. An empty value counts as not set: `FOO=` in CI means a forgotten secret.
    pub fn resolve(&self, variables: &dyn Variables) -> Result<Resolved, Unset> {
        let mut value = String::new();
        let mut secrets = Vec::new();
        for part in &self.parts {
            match part {
                TextPart::Literal(text) => value.push_str(text),
                TextPart::Env { name, default } => {
                    let found = variables.get(name).filter(|found| !found.is_empty());
                    let found = found.or_else(|| default.clone()).ok_or_else(|| Unset { name: name.clone(), secret: false })?;
                    value.push_str(&found);
                }
                TextPart::Secret { name } => {
                    let found = variables.get(name).filter(|found| !found.is_empty());
                    let found = found.ok_or_else(|| Unset { name: name.clone(), secret: true })?;
                    value.push_str(&found);
                    secrets.push(found);
                }
            }
        }
        Ok(Resolved { value, secrets })
    }
}

/// Where variables come from: the process environment, or the sandbox's answers on top of it.
pub trait Variables {
    /// The variable's value, if it is set.
    fn get(&self, name: &str) -> Option<String>;
}

/// A resolved [`Text`]. Its `Debug` form shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The whole value, secrets included.
    pub value: String,
    /// The secret values in it, to be masked wherever text is shown.
    pub secrets: Vec<String>,
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secrets.is_empty() { write!(f, "{:?}", self.value) } else { f.write_str("[secret]") }
    }
}

/// A variable that is required and not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unset {
    /// Its name.
    pub name: String,
    /// Whether the plan takes it with `secret()`.
    pub secret: bool,
}
