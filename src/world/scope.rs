//! Which phase is in force, as far as the world can tell: it reads the title of the last deploy that was started.

use super::fault::When;

/// The last deploy that was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// None yet.
    #[default]
    Untouched,
    /// A phase by name, or a deploy by somebody who does not write markers.
    Forward(Option<String>),
    /// A rollback.
    Rollback,
}

impl Scope {
    /// From a deploy's title: `plan run=… phase=… try=…` or `plan run=… rollback-to=… try=…`.
    pub(super) fn of_title(title: &str) -> Self {
        let Some(marker) = title.strip_prefix("plan ") else { return Self::Forward(None) };
        let field = |name| marker.split(' ').find_map(|field| field.strip_prefix(name));
        match (field("phase="), field("rollback-to=")) {
            (_, Some(_)) => Self::Rollback,
            (phase, None) => Self::Forward(phase.map(str::to_owned)),
        }
    }

    /// Whether a service's fault strikes now. `began`: whether a deploy of this phase was ever started.
    pub(super) fn strikes_service(&self, when: &When, began: impl Fn(&str) -> bool) -> bool {
        match when {
            When::Always => *self != Self::Untouched,
            when => self.strikes(when, began),
        }
    }

    /// Whether a fault of anything else strikes now.
    pub(super) fn strikes(&self, when: &When, began: impl Fn(&str) -> bool) -> bool {
        let is = |name: &str| matches!(self, Self::Forward(Some(phase)) if phase == name);
        match when {
            When::Always => true,
            When::Phase(name) => is(name),
            When::Rollback => *self == Self::Rollback,
            When::From(name) => is(name) || began(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_tells_the_phase() {
        assert_eq!(Scope::of_title("plan run=x phase=core try=1"), Scope::Forward(Some("core".to_owned())));
        assert_eq!(Scope::of_title("plan run=x rollback-to=baseline try=1"), Scope::Rollback);
        assert_eq!(Scope::of_title("Manual deployment"), Scope::Forward(None));
    }

    #[test]
    fn faults_strike_in_their_scope_only() {
        let core = Scope::of_title("plan run=x phase=core try=1");
        let never = |_: &str| false;
        assert!(core.strikes_service(&When::Phase("core".to_owned()), never));
        assert!(!core.strikes_service(&When::Phase("business".to_owned()), never));
        assert!(!core.strikes_service(&When::Rollback, never));
        assert!(!Scope::Untouched.strikes_service(&When::Always, never), "what runs before the first deploy runs well");
        assert!(Scope::Rollback.strikes_service(&When::Always, never));
        assert!(Scope::Untouched.strikes(&When::Always, never));
        let from = When::From("core".to_owned());
        assert!(core.strikes(&from, never));
        assert!(!Scope::Rollback.strikes(&from, never));
        assert!(Scope::Rollback.strikes(&from, |phase| phase == "core"));
    }
}
