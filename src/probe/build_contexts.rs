//! Whether what services are built from is there: repository, reference, directory and Dockerfile of each build context. Trees are fetched,
//! and no file: what a repository lists is all that is looked at.

use super::git::{self, Broken, complaint, shown};
use super::safe::safe;
use super::{Asking, Outcome};
use crate::dokploy::Masks;
use crate::engine::Reading;
use crate::model::{BuildContext, ContextPlace, Dockerfile};
use crate::probe::judge::short;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// How long one look at all of them may take, whatever the plan says of samples: repositories are fetched from, one after the other.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
/// The name under which a sandbox answers in the place of all repositories, at port 0.
pub(crate) const STAND_IN: &str = "build contexts";
/// Bytes of a repository's listing that are read: some hundred thousand paths.
const LISTING_MAX: usize = 32 * 1024 * 1024;

/// What was found of one build context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The service that is built.
    pub service: String,
    /// How it is.
    pub is: SourceState,
}

/// How a build context is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceState {
    /// It is there.
    There,
    /// It is not, and what is missing.
    Missing(String),
    /// It could not be asked for, and why.
    Unknown(String),
    /// It cannot be seen from here, and why.
    OutOfSight(String),
}

/// A repository at a reference: its paths and what each is.
type Listing = BTreeMap<String, Kind>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
    /// Another repository, which is not fetched.
    Submodule,
}

/// Looks at every context.
pub(super) async fn ask(contexts: &[BuildContext], asking: &Asking, limit: Duration) -> Outcome {
    if let Some(address) = asking.connect_to.route(STAND_IN, 0) {
        let is = match TcpStream::connect(address).await {
            Ok(_) => SourceState::There,
            Err(_) => SourceState::Missing("nothing answers in the place of its repository".to_owned()),
        };
        return Outcome::Sources(contexts.iter().map(|context| Source { service: context.service.clone(), is: is.clone() }).collect());
    }
    let deadline = Instant::now() + limit;
    let mut listings: BTreeMap<(&str, Option<&str>), Result<Listing, SourceState>> = BTreeMap::new();
    let mut sources = Vec::new();
    for context in contexts {
        let is = match &context.place {
            ContextPlace::Git { repository, reference, directory } => {
                let key = (repository.as_str(), reference.as_deref());
                let listing = match listings.entry(key) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(list(repository, reference.as_deref(), asking, (deadline, limit)).await),
                };
                match listing {
                    Ok(listing) => look(listing, &at(repository, reference.as_deref()), directory, &context.dockerfile),
                    Err(state) => state.clone(),
                }
            }
            ContextPlace::Local(path) => local(path),
            ContextPlace::Other(address) => SourceState::OutOfSight(format!("{} is no git repository", shown(address))),
            ContextPlace::Variable(written) => SourceState::OutOfSight(format!("a variable of Dokploy's decides {}", safe(written, 60))),
        };
        sources.push(Source { service: context.service.clone(), is });
    }
    Outcome::Sources(sources)
}

/// A path on the machine that builds. Dokploy empties the folder of the compose file at each deploy (FACTS §13.5), so nothing in it is there.
fn local(path: &str) -> SourceState {
    let is_beside = !path.starts_with(['/', '~']) && normal(path).is_some();
    if is_beside {
        SourceState::Missing(format!("{}: Dokploy empties the folder of the compose file at each deploy", safe(path, 60)))
    } else {
        SourceState::OutOfSight(format!("{} is on the server", safe(path, 60)))
    }
}

/// `main of https://git.example/shop.git`
fn at(repository: &str, reference: Option<&str>) -> String {
    match reference {
        Some(reference) => format!("`{}` of {}", safe(reference, 60), shown(repository)),
        None => shown(repository),
    }
}

/// Fetches the trees of a reference, and lists them.
async fn list(
    repository: &str,
    reference: Option<&str>,
    asking: &Asking,
    (deadline, limit): (Instant, Duration),
) -> Result<Listing, SourceState> {
    let shown = at(repository, reference);
    let wanted = reference.unwrap_or("HEAD");
    if wanted.starts_with('-') || repository.starts_with('-') {
        return Err(SourceState::Missing(format!("{shown} cannot be a reference")));
    }
    let unknown = |why: String| SourceState::Unknown(format!("{shown} cannot be asked: {why}"));
    let folder = tempfile::tempdir().map_err(|error| unknown(format!("there is no room for it here: {error}")))?;
    let broken = |broken: Broken| {
        unknown(match broken {
            Broken::TimeOver => format!("no answer within {}", short(limit)),
            Broken::Off(why) => why,
        })
    };
    let in_folder = |arguments: &[&str]| {
        let mut command = git::command(&asking.connect_to, repository, &[("fetch.negotiationAlgorithm", "noop")]);
        command.current_dir(folder.path()).env("GIT_DIR", folder.path()).env("GIT_NO_LAZY_FETCH", "1").args(arguments);
        command
    };
    let made = git::run(in_folder(&["init", "--quiet", "--bare"]), deadline).await.map_err(broken)?;
    if !made.status.success() {
        return Err(unknown(complaint(&String::from_utf8_lossy(&made.stderr), repository)));
    }
    let fetch = ["fetch", "--quiet", "--depth=1", "--filter=blob:none", "--no-tags", "--", git::REMOTE, wanted];
    let fetched = git::run(in_folder(&fetch), deadline).await.map_err(broken)?;
    if !fetched.status.success() {
        return Err(refused(&String::from_utf8_lossy(&fetched.stderr), repository, &shown));
    }
    let listed = git::run(in_folder(&["ls-tree", "-r", "-t", "-z", "--full-tree", "FETCH_HEAD"]), deadline).await.map_err(broken)?;
    if !listed.status.success() {
        return Err(unknown(complaint(&String::from_utf8_lossy(&listed.stderr), repository)));
    }
    if listed.stdout.len() > LISTING_MAX {
        return Err(unknown(format!("it lists more than {} MiB of paths", LISTING_MAX / 1024 / 1024)));
    }
    Ok(read(&listed.stdout))
}

/// What git's complaint means: the repository answered and has not what is wanted, or nothing is known.
fn refused(stderr: &str, repository: &str, shown: &str) -> SourceState {
    let why = complaint(stderr, repository);
    let has = |sign: &str| stderr.to_lowercase().contains(sign);
    if has("couldn't find remote ref") || has("could not find remote ref") || has("no such ref") {
        SourceState::Missing(format!("{shown} is neither a branch nor a tag there"))
    } else if has("not our ref") || has("unadvertised object") {
        SourceState::Unknown(format!("{shown} cannot be asked: the server tells of branches and tags only"))
    } else if has("repository") && has("not found") || has("does not appear to be a git repository") {
        SourceState::Missing(format!("{shown}: {why}"))
    } else {
        SourceState::Unknown(format!("{shown} cannot be asked: {why}"))
    }
}

/// The paths of `git ls-tree -z`: `MODE TYPE ID\tPATH\0`.
fn read(listing: &[u8]) -> Listing {
    let entries = listing.split(|byte| *byte == 0).filter_map(|entry| {
        let tab = entry.iter().position(|byte| *byte == b'\t')?;
        let kind = std::str::from_utf8(&entry[..tab]).ok()?.split(' ').nth(1)?;
        let kind = match kind {
            "tree" => Kind::Directory,
            "blob" => Kind::File,
            _ => Kind::Submodule,
        };
        Some((String::from_utf8_lossy(&entry[tab + 1..]).into_owned(), kind))
    });
    entries.collect()
}

/// A context in what its repository lists.
fn look(listing: &Listing, shown: &str, directory: &str, dockerfile: &Dockerfile) -> SourceState {
    let Some(directory) = normal(directory) else {
        return SourceState::Missing(format!("{} leads out of {shown}", safe(directory, 60)));
    };
    let submodule = listing.iter().find(|(path, kind)| **kind == Kind::Submodule && is_in(&directory, path));
    if let Some((path, _)) = submodule {
        return SourceState::OutOfSight(format!("{} of {shown} is a repository of its own", safe(path, 60)));
    }
    match listing.get(&directory) {
        _ if directory.is_empty() => {}
        Some(Kind::Directory) => {}
        Some(_) => return SourceState::Missing(format!("{} of {shown} is a file", safe(&directory, 60))),
        None => {
            return SourceState::Missing(format!("there is no directory {} in {shown}{}", safe(&directory, 60), near(listing, &directory)));
        }
    }
    let names: Vec<&str> = match dockerfile {
        Dockerfile::Default => vec!["Dockerfile", "dockerfile"],
        Dockerfile::Named(name) => vec![name],
        Dockerfile::Inline | Dockerfile::Variable(_) => return SourceState::There,
    };
    let is_there = |name: &&&str| {
        let path = normal(&format!("{directory}/{name}"));
        path.is_some_and(|path| listing.get(&path) == Some(&Kind::File))
    };
    if names.iter().any(|name| is_there(&name)) {
        return SourceState::There;
    }
    let place = if directory.is_empty() { shown.to_owned() } else { format!("{} of {shown}", safe(&directory, 60)) };
    SourceState::Missing(format!("there is no {} in {place}", safe(names[0], 60)))
}

/// Whether a path is this one or in it.
fn is_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path without `.`, `..` and doubled slashes; `None` for one that leads out.
fn normal(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A directory of another case, which some file systems would take.
fn near(listing: &Listing, directory: &str) -> String {
    let same = listing.iter().find(|(path, kind)| **kind == Kind::Directory && path.eq_ignore_ascii_case(directory));
    same.map_or_else(String::new, |(path, _)| format!(", but {}", safe(path, 60)))
}

/// The reading, and what was seen. `from`: the machine that looked.
pub(super) fn judge(sources: &[Source], masks: &Masks) -> (Reading, String) {
    let told = |source: &Source, why: &str| format!("{}: {}", source.service, masks.apply(why));
    let of = |wanted: fn(&SourceState) -> Option<&String>| -> Vec<String> {
        sources.iter().filter_map(|source| Some(told(source, wanted(&source.is)?))).collect()
    };
    let missing = of(|state| if let SourceState::Missing(why) = state { Some(why) } else { None });
    let unknown = of(|state| if let SourceState::Unknown(why) = state { Some(why) } else { None });
    let out_of_sight = of(|state| if let SourceState::OutOfSight(why) = state { Some(why) } else { None });
    let there = sources.iter().filter(|source| source.is == SourceState::There).count();
    let from = machine().map_or_else(|| "seen from here".to_owned(), |name| format!("seen from {name}"));
    if !missing.is_empty() {
        return (Reading::Fail, format!("{}; {from}", joined(&missing)));
    }
    if !unknown.is_empty() {
        return (Reading::Error, format!("{}; {from}", joined(&unknown)));
    }
    if there == 0 {
        return (Reading::Error, format!("none can be seen from here: {}", joined(&out_of_sight)));
    }
    let all = if out_of_sight.is_empty() { String::new() } else { format!("; not looked at: {}", joined(&out_of_sight)) };
    let services: BTreeSet<&str> = sources.iter().map(|source| source.service.as_str()).collect();
    (Reading::Pass, format!("{there} of {} build contexts are there, of {} services, {from}{all}", sources.len(), services.len()))
}

/// The first few, and how many more there are.
fn joined(told: &[String]) -> String {
    const SHOWN: usize = 3;
    let first = told.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if told.len() > SHOWN { format!("{first}; and {} more", told.len() - SHOWN) } else { first }
}

/// This machine's name, as Linux tells it.
fn machine() -> Option<String> {
    let name = std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname")).ok()?;
    Some(safe(name.trim(), 60)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing() -> Listing {
        let paths = [
            ("040000 tree", "apps"),
            ("040000 tree", "apps/web"),
            ("100644 blob", "apps/web/Dockerfile"),
            ("100644 blob", "apps/prod.Dockerfile"),
            ("160000 commit", "vendor/lib"),
            ("040000 tree", "vendor"),
            ("100644 blob", "README.md"),
        ];
        let entries: Vec<String> = paths.iter().map(|(kind, path)| format!("{kind} 1111\t{path}\0")).collect();
        read(entries.concat().as_bytes())
    }

    fn looked(directory: &str, dockerfile: &Dockerfile) -> SourceState {
        look(&listing(), "`main` of r", directory, dockerfile)
    }

    #[test]
    fn directory_and_dockerfile_are_looked_for_as_docker_does() {
        for (directory, dockerfile) in [
            ("apps/web", Dockerfile::Default),
            ("./apps//web/", Dockerfile::Default),
            ("apps/web", Dockerfile::Named("../prod.Dockerfile".to_owned())),
            ("apps", Dockerfile::Named("web/Dockerfile".to_owned())),
            ("apps", Dockerfile::Inline),
            ("", Dockerfile::Named("apps/web/Dockerfile".to_owned())),
        ] {
            assert_eq!(looked(directory, &dockerfile), SourceState::There, "{directory} {dockerfile:?}");
        }
        for (directory, dockerfile, why) in [
            ("apps/api", Dockerfile::Default, "no directory apps/api"),
            ("Apps/Web", Dockerfile::Default, ", but apps/web"),
            ("README.md", Dockerfile::Default, "is a file"),
            ("apps", Dockerfile::Default, "no Dockerfile in apps"),
            ("", Dockerfile::Default, "no Dockerfile in `main` of r"),
            ("../x", Dockerfile::Default, "leads out"),
            ("apps/web", Dockerfile::Named("../../../x".to_owned()), "no ../../../x in apps/web"),
        ] {
            let SourceState::Missing(told) = looked(directory, &dockerfile) else { panic!("{directory}") };
            assert!(told.contains(why), "{told}");
        }
        assert!(matches!(looked("vendor/lib/src", &Dockerfile::Default), SourceState::OutOfSight(_)));
    }

    #[test]
    fn paths_beside_the_compose_file_are_emptied_and_others_are_out_of_sight() {
        assert!(matches!(local("./web"), SourceState::Missing(_)));
        assert!(matches!(local("../files/web"), SourceState::OutOfSight(_)));
        assert!(matches!(local("/srv/web"), SourceState::OutOfSight(_)));
    }

    #[test]
    fn what_is_missing_weighs_more_than_what_is_not_known_and_nothing_seen_is_no_pass() {
        let source = |is| Source { service: "web".to_owned(), is };
        let reading = |states: Vec<SourceState>| judge(&states.into_iter().map(source).collect::<Vec<_>>(), &Masks::default()).0;
        let (missing, unknown) = (SourceState::Missing("m".to_owned()), SourceState::Unknown("u".to_owned()));
        let hidden = SourceState::OutOfSight("o".to_owned());
        assert_eq!(reading(vec![SourceState::There, unknown.clone(), missing]), Reading::Fail);
        assert_eq!(reading(vec![SourceState::There, unknown]), Reading::Error);
        assert_eq!(reading(vec![hidden.clone()]), Reading::Error);
        assert_eq!(reading(vec![SourceState::There, hidden]), Reading::Pass);
    }
}
