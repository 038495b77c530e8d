//! Which versions of Dokploy this client speaks with.

/// Below it nothing works: environments and deploy titles came with it.
const FLOOR: Version = Version(0, 25, 0);
/// From here on nothing is missing: the queue can be seen and remote logs can be read.
const FULL: Version = Version(0, 29, 9);
/// What the facts were measured on.
const TESTED: Version = Version(0, 30, 2);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32, u32);

/// What a version means for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Support {
    /// Go on.
    Full,
    /// Go on and say so.
    Doubtful(String),
    /// Refused.
    None(String),
}

/// Judges a version as Dokploy says it (`v0.30.2`).
pub(super) fn support(said: &str) -> Support {
    let Some(version) = parse(said) else {
        return Support::Doubtful(format!("Dokploy says its version is `{}`, which cannot be compared", bounded(said)));
    };
    if version < FLOOR {
        Support::None(format!("Dokploy {said} is too old: v0.25.0 is the first that has what a rollout needs"))
    } else if version < FULL {
        Support::Doubtful(format!("Dokploy {said} shows less than v0.29.9 does: its queue or its logs may be missing"))
    } else if (version.0, version.1) > (TESTED.0, TESTED.1) {
        Support::Doubtful(format!("Dokploy {said} is newer than v0.30.2, which this client was tested with"))
    } else {
        Support::Full
    }
}

fn parse(said: &str) -> Option<Version> {
    let numbers = said.trim().trim_start_matches('v').split(['-', '+']).next()?;
    let mut numbers = numbers.split('.').map(|number| number.parse().ok());
    let version = Version(numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(version)
}

fn bounded(said: &str) -> String {
    said.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::{Support, support};

    #[test]
    fn the_floor_refuses_and_the_rest_warns() {
        for old in ["v0.24.12", "0.19.0"] {
            assert!(matches!(support(old), Support::None(_)), "{old}");
        }
        for doubtful in ["v0.25.0", "v0.29.8", "v0.31.0", "v1.0.0", "canary", "", "v0.30", "v99999999999.0.0"] {
            assert!(matches!(support(doubtful), Support::Doubtful(_)), "{doubtful}");
        }
        for full in ["v0.29.9", "v0.30.2", "v0.30.7", "v0.30.2-canary"] {
            assert_eq!(support(full), Support::Full, "{full}");
        }
    }
}
