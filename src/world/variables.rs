//! The variables of an app: from its environment's dotenv text into its compose text.

use crate::compose;
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Dokploy's environment of an app: dotenv text. An unquoted `#` after a blank starts a comment (FACTS §5).
pub(super) fn dotenv(text: &str) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let Some((name, value)) = line.strip_prefix("export ").unwrap_or(line).split_once('=') else { continue };
        let value = value.trim();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or("").to_owned(),
            _ => value.split('#').next().unwrap_or("").trim_end().to_owned(),
        };
        variables.insert(name.trim().to_owned(), value);
    }
    variables
}

/// Fills variables into definitions, and remembers those that are not set.
pub(super) struct Filler<'a> {
    env: &'a BTreeMap<String, String>,
    unset: BTreeSet<String>,
}

impl<'a> Filler<'a> {
    pub(super) fn new(env: &'a BTreeMap<String, String>) -> Self {
        Self { env, unset: BTreeSet::new() }
    }

    /// Variables that were not set and had no default: compose takes nothing for them and warns.
    pub(super) fn into_unset(self) -> BTreeSet<String> {
        self.unset
    }

    /// The value at `place` with its variables filled in.
    ///
    /// # Errors
    /// Compose's own line about a variable that is required or cannot be read.
    pub(super) fn fill(&mut self, place: &str, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.text(place, text)?),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.fill(place, item)).collect::<Result<_, _>>()?),
            Value::Object(members) => {
                let mut filled = Map::new();
                for (key, value) in members {
                    filled.insert(key.clone(), self.fill(&format!("{place}.{key}"), value)?);
                }
                Value::Object(filled)
            }
            other => other.clone(),
        })
    }

    fn text(&mut self, place: &str, text: &str) -> Result<String, String> {
        let asked = RefCell::new(BTreeSet::new());
        let filled = compose::interpolate(text, &|name| {
            let value = self.env.get(name).cloned();
            if value.is_none() {
                asked.borrow_mut().insert(name.to_owned());
            }
            value
        })
        .map_err(|error| format!("error while interpolating {place}: {error}"))?;
        // One with a default was asked for as well, and compose does not warn of it.
        let is_plain = |name: &String| {
            let bare = text.contains(&format!("${name}")) && !text.contains(&format!("$${name}"));
            text.contains(&format!("${{{name}}}")) || bare
        };
        self.unset.extend(asked.into_inner().into_iter().filter(is_plain));
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotenv_as_dokploy_reads_it() {
        let read = dotenv("A=1\n# no\nexport B=\"two words\"\nC=x#y\nD='$z'\nbroken\n");
        let expected = [("A", "1"), ("B", "two words"), ("C", "x"), ("D", "$z")];
        assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }
}
