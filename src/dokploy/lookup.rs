//! Names to the compose service's id. Names are not unique in Dokploy (FACTS §4), so one is taken only when it is the only one.

use super::failure::failure;
use super::rows::{Environment, Project};
use super::session::Target;
use crate::diagnostic::nearest;
use crate::engine::{Failure, FailureKind};
use std::collections::BTreeMap;

/// Names listed in a message at most.
const NAMES_SHOWN: usize = 8;

/// The id of the compose service that a target names.
pub(super) fn find(target: &Target, projects: &[Project]) -> Result<String, Failure> {
    let all: Vec<&str> = projects.iter().map(|project| project.name.as_str()).collect();
    let projects: Vec<&Project> = projects.iter().filter(|project| project.name == target.project).collect();
    if projects.is_empty() {
        let sees = if all.is_empty() {
            "; the key sees no project at all: its user may have no service assigned".to_owned()
        } else {
            String::new()
        };
        return Err(unknown("project", &target.project, "", &all, &sees));
    }
    let within = format!(" in project `{}`", target.project);
    let all: Vec<&Environment> = projects.iter().flat_map(|project| &project.environments).collect();
    let names: Vec<&str> = all.iter().map(|environment| environment.name.as_str()).collect();
    let environments: Vec<&Environment> = all.into_iter().filter(|environment| environment.name == target.environment).collect();
    if environments.is_empty() {
        return Err(unknown("environment", &target.environment, &within, &names, ""));
    }
    let within = format!("{within}, environment `{}`", target.environment);
    let all: Vec<&(String, String)> = environments.iter().flat_map(|environment| &environment.composes).collect();
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    let found: Vec<&str> = all.iter().filter(|(name, _)| *name == target.compose).map(|(_, id)| id.as_str()).collect();
    match found.as_slice() {
        [] => Err(unknown("compose service", &target.compose, &within, &names, "")),
        [id] => Ok((*id).to_owned()),
        several => Err(failure(
            FailureKind::NotFound,
            format!(
                "the name is ambiguous: {} compose services are called `{}`{within}; rename all but one",
                several.len(),
                target.compose
            ),
        )),
    }
}

/// Where each compose service is, by its id.
pub(super) fn places(projects: &[Project]) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    for project in projects {
        for environment in &project.environments {
            for (name, id) in &environment.composes {
                places.insert(id.clone(), format!("{}/{}/{name}", project.name, environment.name));
            }
        }
    }
    places
}

fn unknown(kind: &str, name: &str, within: &str, valid: &[&str], more: &str) -> Failure {
    let hint = match nearest(name, valid.iter().copied()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if valid.is_empty() => String::new(),
        None => {
            let names: Vec<String> = valid.iter().take(NAMES_SHOWN).map(|name| format!("`{name}`")).collect();
            let rest = if valid.len() > NAMES_SHOWN { ", …" } else { "" };
            format!("; there are {}{rest}", names.join(", "))
        }
    };
    failure(FailureKind::NotFound, format!("Dokploy shows this key no {kind} `{name}`{within}{hint}{more}"))
}

#[cfg(test)]
mod tests {
    use super::find;
    use crate::dokploy::rows::{Environment, Project};
    use crate::dokploy::session::Target;

    fn target(project: &str, environment: &str, compose: &str) -> Target {
        Target { project: project.to_owned(), environment: environment.to_owned(), compose: compose.to_owned() }
    }

    fn projects(composes: &[(&str, &str)]) -> Vec<Project> {
        let composes = composes.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect();
        vec![Project { name: "Backend".to_owned(), environments: vec![Environment { name: "staging".to_owned(), composes }] }]
    }

    fn message(target: &Target, projects: &[Project]) -> String {
        find(target, projects).expect_err("it is not there").message
    }

    #[test]
    fn an_exact_name_is_found() {
        assert_eq!(find(&target("Backend", "staging", "backend"), &projects(&[("backend", "c1"), ("other", "c2")])), Ok("c1".to_owned()));
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let projects = projects(&[("backend", "c1")]);
        assert!(message(&target("backend", "staging", "backend"), &projects).ends_with("no project `backend`; did you mean `Backend`?"));
        assert!(message(&target("Backend", "stagin", "backend"), &projects).contains("did you mean `staging`?"));
        assert!(message(&target("Backend", "staging", "web"), &projects).ends_with("environment `staging`; there are `backend`"));
        assert!(message(&target("Backend", "staging", "web"), &[]).contains("no project at all"));
    }

    #[test]
    fn an_ambiguous_name_is_refused_with_the_count() {
        let message = message(&target("Backend", "staging", "web"), &projects(&[("web", "c1"), ("web", "c2")]));
        assert!(message.contains("ambiguous: 2 compose services"), "{message}");
    }
}
