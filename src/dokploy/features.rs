//! Which versions of Dokploy this client speaks with, and what each can do: the one table. Nothing else compares versions; the code asks
//! whether a feature is there, and what is done without it stands beside the feature. `docs/versions.md` shows the same table.

use crate::engine::Untested;
use std::fmt;

/// Below it nothing works: environments and deploy titles came with it.
const FLOOR: Version = Version(0, 25, 0);
/// What the facts were measured on.
const TESTED: Version = Version(0, 30, 2);

/// Something that not every supported version can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    /// A row that a restart cut off says `cancelled`.
    CancelledRows,
    /// The answer to `compose.deploy` names the app.
    AppInDeployAnswer,
    /// The list of an app's containers shows their health.
    HealthInList,
    /// `deployment.queueList`.
    Queue,
    /// `compose.readLogs`.
    ContainerLogs,
    /// `deployment.readLogs` of apps on Dokploy's own host.
    DeployLogs,
    /// `deployment.readLogs` of apps on other servers.
    RemoteDeployLogs,
    /// Each server has a queue of its own, in memory.
    QueuePerServer,
    /// `docker.getServerHealth`.
    ServerHealth,
}

/// A feature, when it came, and what is so without it.
struct Row {
    feature: Feature,
    since: Version,
    without: Without,
}

/// What is done without a feature.
enum Without {
    /// Nothing that a user would notice: why.
    Nothing(&'static str),
    /// This is told, once a run.
    Told(&'static str),
    /// This is told of apps on other servers.
    ToldRemote(&'static str),
}

/// Without a log of the deploy.
const NO_DEPLOY_LOG: &str = "logs of deploys cannot be read: which service made one fail is guessed from what the phase adds";

/// In the order of versions.
const TABLE: [Row; 9] = [
    Row {
        feature: Feature::CancelledRows,
        since: Version(0, 25, 4),
        without: Without::Told(
            "a deploy that a restart of Dokploy cuts off says `running` for ever: its time limit ends the wait, with the outcome unknown",
        ),
    },
    Row {
        feature: Feature::AppInDeployAnswer,
        since: Version(0, 26, 4),
        without: Without::Nothing("any 200 to `compose.deploy` counts as taken; the marker finds the deploy in any case"),
    },
    Row {
        feature: Feature::HealthInList,
        since: Version(0, 27, 0),
        without: Without::Nothing("every container is inspected, and health is read there"),
    },
    Row {
        feature: Feature::Queue,
        since: Version(0, 28, 3),
        without: Without::Told(
            "its queue cannot be seen: a deploy that waits cannot be told from one that is lost, nor be taken out again, and who stands \
             before it is not known",
        ),
    },
    Row {
        feature: Feature::ContainerLogs,
        since: Version(0, 29, 0),
        without: Without::Told("logs of containers cannot be read: the evidence of a failure is without them"),
    },
    Row { feature: Feature::DeployLogs, since: Version(0, 29, 5), without: Without::Told(NO_DEPLOY_LOG) },
    Row { feature: Feature::RemoteDeployLogs, since: Version(0, 29, 9), without: Without::ToldRemote(NO_DEPLOY_LOG) },
    Row {
        feature: Feature::QueuePerServer,
        since: Version(0, 29, 9),
        without: Without::Nothing("jobs of every server count as being before ours"),
    },
    Row {
        feature: Feature::ServerHealth,
        since: Version(0, 30, 0),
        without: Without::Nothing("an empty list of containers is believed only when Docker lists another one"),
    },
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}.{}", self.0, self.1, self.2)
    }
}

impl Version {
    /// As Dokploy says it: `v0.30.2`, perhaps with a suffix.
    fn parse(said: &str) -> Option<Self> {
        let numbers = said.trim().trim_start_matches('v').split(['-', '+']).next()?;
        let mut numbers = numbers.split('.').map(|number| number.parse().ok());
        let version = Version(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }

    fn minor(self) -> (u32, u32) {
        (self.0, self.1)
    }
}

/// What a version means for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// Go on.
    Full,
    /// Go on and say so.
    Newer(String),
    /// Only read, unless the user allows this version.
    ReadOnly(Untested),
    /// Refused.
    None(String),
}

/// What a Dokploy can do, by its version. One whose version cannot be read is asked for everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Features(Option<Version>);

impl Features {
    /// Those of a version as Dokploy says it.
    pub(super) fn of(said: &str) -> Self {
        Self(Version::parse(said))
    }

    /// Whether it can do this.
    pub(super) fn has(self, feature: Feature) -> bool {
        self.0.is_none_or(|version| TABLE.iter().all(|row| row.feature != feature || version >= row.since))
    }

    /// What a run is told of everything that is missing, each once.
    pub(super) fn told(self, remote: bool) -> Vec<&'static str> {
        let mut told = Vec::new();
        for row in TABLE.iter().filter(|row| !self.has(row.feature)) {
            match row.without {
                Without::Told(effect) => told.push(effect),
                Without::ToldRemote(effect) if remote && !told.contains(&effect) => told.push(effect),
                Without::ToldRemote(_) | Without::Nothing(_) => {}
            }
        }
        told
    }
}

/// What is told when a feature is missing: because of the version, or because the procedure is not there although the table has it.
pub(super) fn without(feature: Feature) -> &'static str {
    TABLE.iter().find(|row| row.feature == feature).map_or("", |row| match row.without {
        Without::Nothing(effect) | Without::Told(effect) | Without::ToldRemote(effect) => effect,
    })
}

/// Judges a version as Dokploy says it (`v0.30.2`).
pub(super) fn support(said: &str) -> Support {
    let shown = bounded(said);
    let Some(version) = Version::parse(said) else {
        let why = format!("Dokploy says its version is `{shown}`, which cannot be compared with those that are known");
        return Support::ReadOnly(Untested { allow: shown, why });
    };
    if version < FLOOR {
        Support::None(format!("Dokploy {shown} is too old: {FLOOR} is the first that has what a rollout needs"))
    } else if version.minor() > TESTED.minor() {
        let why = format!("Dokploy {shown} is newer than {TESTED}, the last that was tested, by more than a patch");
        Support::ReadOnly(Untested { allow: format!("{}.{}", version.0, version.1), why })
    } else if version > TESTED {
        Support::Newer(format!("Dokploy {shown} is newer than {TESTED}, the last that was tested"))
    } else {
        Support::Full
    }
}

fn bounded(said: &str) -> String {
    said.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::{FLOOR, Feature, Features, Support, TABLE, TESTED, Version, Without, support};

    /// From here on nothing is missing that a rollout shows.
    const FULL: Version = Version(0, 29, 9);

    fn allowed_by(said: &str) -> Option<String> {
        match support(said) {
            Support::ReadOnly(untested) => Some(untested.allow),
            _ => None,
        }
    }

    #[test]
    fn the_floor_refuses_a_patch_warns_and_a_newer_minor_is_only_read() {
        for old in ["v0.24.12", "0.19.0"] {
            assert!(matches!(support(old), Support::None(_)), "{old}");
        }
        for good in ["v0.25.0", "v0.29.8", "v0.29.9", "v0.30.2", "v0.30.2-canary"] {
            assert_eq!(support(good), Support::Full, "{good}");
        }
        assert!(matches!(support("v0.30.3"), Support::Newer(_)));
        for (said, allow) in [("v0.31.0", "0.31"), ("v0.31.7-rc1", "0.31"), ("v1.0.0", "1.0"), ("canary", "canary"), ("v0.30", "v0.30")] {
            assert_eq!(allowed_by(said).as_deref(), Some(allow), "{said}");
        }
        assert!(allowed_by("").is_some() && allowed_by("v99999999999.0.0").is_some());
    }

    #[test]
    fn features_come_with_their_version_and_none_is_missing_from_the_full_one_on() {
        assert!(TABLE.iter().map(|row| row.since).is_sorted());
        for row in &TABLE {
            let Version(major, minor, patch) = row.since;
            let before = if patch > 0 { Version(major, minor, patch - 1) } else { Version(major, minor - 1, 99) };
            assert!(Features(Some(row.since)).has(row.feature) && !Features(Some(before)).has(row.feature), "{:?}", row.feature);
        }
        assert!(Features(Some(FULL)).told(true).is_empty());
        assert!(Features::of("canary").has(Feature::Queue) && Features::of("canary").told(true).is_empty());
        assert_eq!(Features(Some(FLOOR)).told(false).len(), 4);
        assert_eq!(Features::of("v0.29.5").told(false).len(), 0);
        assert_eq!(Features::of("v0.29.5").told(true).len(), 1);
    }

    #[test]
    fn the_document_shows_this_table() {
        let document = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/versions.md"));
        let shown: Vec<&str> = document.lines().filter(|line| line.starts_with("| v0") && line.split(" | ").count() == 3).collect();
        let expected: Vec<String> = TABLE
            .iter()
            .map(|row| match row.without {
                Without::Nothing(effect) | Without::Told(effect) => format!("| {} | {effect} |", row.since),
                Without::ToldRemote(effect) => format!("| {} | of apps on other servers: {effect} |", row.since),
            })
            .collect();
        assert_eq!(shown.iter().map(|line| rest_of(line)).collect::<Vec<_>>(), expected);
        for version in [FLOOR, FULL, TESTED] {
            assert!(document.contains(&format!("**{version}**")), "{version}");
        }
    }

    /// A row without its second column, which names the feature for people.
    fn rest_of(line: &str) -> String {
        let cells: Vec<&str> = line.split(" | ").collect();
        format!("{} | {}", cells[0], cells[2..].join(" | "))
    }
}
