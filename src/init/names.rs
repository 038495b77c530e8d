//! Names: of the app by its folder, of the phases by their files.

use super::Given;
use std::collections::BTreeSet;

/// A name that the plan gives, and whether it is a guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub value: String,
    /// Nobody said it.
    pub guessed: bool,
}

impl Named {
    /// What was said, or else the guess.
    fn said_or(said: Option<&str>, guess: &str) -> Self {
        Self { value: said.unwrap_or(guess).to_owned(), guessed: said.is_none() }
    }
}

/// What the plan calls itself, and its app in Dokploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The rollout, and the app in the plan.
    pub rollout: Named,
    /// Dokploy's project.
    pub project: Named,
    /// Its environment.
    pub environment: Named,
    /// The compose service in it.
    pub compose: Named,
}

impl Names {
    /// What was said, in the order of the fields, and for the rest guesses from the name of the plan's folder: Dokploy calls the first
    /// environment of a project `production`.
    pub fn guessed(folder: &str, [rollout, project, environment, compose]: [Option<&str>; 4]) -> Self {
        let bare = bare(folder);
        let rollout = Named::said_or(rollout, if bare.is_empty() { "app" } else { &bare });
        let project = Named::said_or(project, if folder.trim().is_empty() { "app" } else { folder.trim() });
        let compose = Named::said_or(compose, &rollout.value);
        Self { rollout, project, environment: Named::said_or(environment, "production"), compose }
    }
}

/// A folder's name in small letters, with `-` for what a bare name cannot hold.
fn bare(folder: &str) -> String {
    let kept = |character: char| if character.is_ascii_alphanumeric() || character == '_' { character.to_ascii_lowercase() } else { '-' };
    let spelled: String = folder.chars().map(kept).collect();
    spelled.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// The number of a phase's file: 2 of `phase2.yml` and of `deploy/phase-2-core.yaml`. `None` for any other file.
pub fn phase_number(path: &str) -> Option<u64> {
    let name = path.rsplit(['/', '\\']).next()?;
    let stem = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml"))?;
    let rest = stem.strip_prefix("phase")?;
    let rest = rest.strip_prefix(['-', '_']).unwrap_or(rest);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let after = &rest[digits..];
    (after.is_empty() || after.starts_with(['-', '_', '.'])).then(|| rest[..digits].parse().ok())?
}

/// What the phases are called where their files do not say.
const ORDINALS: [&str; 10] = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];

/// The phases' names, one for each file: the file's own without its ending, or, where that says nothing, its place in the line.
pub(super) fn phases(files: &[Given]) -> Vec<String> {
    let stem = |file: &'_ Given| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let stem = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml")).unwrap_or(name).to_owned();
        let says_nothing = ["compose", "docker-compose", "stack", ""].contains(&stem.as_str());
        (!says_nothing).then_some(stem)
    };
    let stems: Vec<Option<String>> = files.iter().map(stem).collect();
    let different: BTreeSet<&String> = stems.iter().flatten().collect();
    if different.len() == files.len() {
        return stems.into_iter().flatten().collect();
    }
    let ordinal = |at: usize| ORDINALS.get(at).map_or_else(|| format!("phase{}", at + 1), |ordinal| (*ordinal).to_owned());
    (0..files.len()).map(ordinal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose;
    use crate::source::SourceMap;

    fn phases_of(paths: &[&str]) -> Vec<String> {
        let text = "services:\n  web:\n    image: web\n";
        let given = |path: &&str| {
            let file = SourceMap::default().add(path, text);
            Given { path: (*path).to_owned(), compose: compose::read(file, text).unwrap() }
        };
        phases(&paths.iter().map(given).collect::<Vec<_>>())
    }

    #[test]
    fn phases_are_called_as_their_files_are() {
        assert_eq!(phases_of(&["phase1.yml", "deploy/phase2.yaml"]), ["phase1", "phase2"]);
        assert_eq!(phases_of(&["base.yml", "all.yml"]), ["base", "all"]);
        assert_eq!(phases_of(&["compose.yml"]), ["first"]);
        assert_eq!(phases_of(&["a/compose.yml", "b/compose.yml"]), ["first", "second"]);
        assert_eq!(phases_of(&["a/web.yml", "b/web.yml", "c.yml"]), ["first", "second", "third"]);
        let many = vec!["compose.yml"; 11];
        assert_eq!(phases_of(&many)[9..], ["tenth", "phase11"]);
    }

    #[test]
    fn numbered_files_are_told_from_others() {
        for (path, number) in [
            ("phase1.yml", Some(1)),
            ("deploy/phase-10.yaml", Some(10)),
            ("phase2-core.yml", Some(2)),
            ("phase_3.final.yml", Some(3)),
            ("phase.yml", None),
            ("phase1", None),
            ("phase1a.yml", None),
            ("phases.yml", None),
            ("compose.yml", None),
            ("phase99999999999999999999.yml", None),
        ] {
            assert_eq!(phase_number(path), number, "{path}");
        }
    }

    #[test]
    fn what_nobody_says_is_guessed_from_the_folder() {
        let names = Names::guessed("My Shop (old)", [None; 4]);
        assert_eq!([&names.rollout, &names.compose].map(|named| named.value.as_str()), ["my-shop-old"; 2]);
        assert_eq!((names.project.value.as_str(), names.environment.value.as_str()), ("My Shop (old)", "production"));
        let names = Names::guessed("", [None, Some("P"), Some("staging"), None]);
        assert_eq!((names.rollout.value.as_str(), names.compose.value.as_str()), ("app", "app"));
        assert!(names.rollout.guessed && !names.project.guessed && !names.environment.guessed);
    }
}
