//! What the statements of a scenario say: when something strikes, what, and what must come of it.

use super::ast::{Head, Name};
use super::grammar::Rule;
use super::value::{Slots, Values};
use crate::source::Spanned;
use pest::iterators::Pair;
use std::time::Duration;

/// When the faults of a block strike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `when phase NAME`
    Phase(Name),
    /// `when rollback`
    Rollback,
    /// `from phase NAME`
    From(Name),
    /// `always`
    Always,
}

/// One fault as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultExpr {
    /// Whom it strikes.
    pub whom: Whom,
    /// What goes wrong. Which kinds there are is known where faults are.
    pub kind: Name,
    /// The duration right after the kind.
    pub length: Option<Spanned<Duration>>,
    /// What follows, as often as it is written.
    pub clauses: Vec<(Clause, Spanned<Duration>)>,
}

/// Whom a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// A service by name; `dokploy` and `network`, too, which are told apart where faults are.
    Named(Name),
    /// `external NAME`
    External(Name),
    /// `gate NAME`
    Gate(Name),
}

/// Which time of a fault is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clause {
    /// `after DURATION`
    After,
    /// `for DURATION`
    For,
    /// `every DURATION`
    Every,
}

impl Clause {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::For => "for",
            Self::Every => "every",
        }
    }
}

/// What must come of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `verified [within DURATION]`
    Verified(Option<Spanned<Duration>>),
    /// `rolled back [to NAME] [within DURATION]`
    RolledBack(Option<Name>, Option<Spanned<Duration>>),
    /// `stopped [within DURATION]`
    Stopped(Option<Spanned<Duration>>),
    /// `degraded [within DURATION]`
    Degraded(Option<Spanned<Duration>>),
    /// `exit N`
    Exit(Spanned<u64>),
    /// `phase NAME verified`
    PhaseVerified(Name),
    /// `phase NAME failed`
    PhaseFailed(Name),
    /// `service NAME blamed [within DURATION]`
    Blamed(Name, Option<Spanned<Duration>>),
    /// `service NAME healthy`
    Healthy(Name),
    /// `noticed [within DURATION]`
    Noticed(Option<Spanned<Duration>>),
    /// `unnoticed`
    Unnoticed,
}

impl Values<'_> {
    /// The head of a statement that only scenarios have.
    pub(super) fn scenario_head(&mut self, pair: &Pair<'_, Rule>) -> Option<Head> {
        let mut slots = Slots(pair.clone().into_inner());
        Some(match pair.as_rule() {
            Rule::scenario => Head::Scenario(self.name(&mut slots)?),
            Rule::when if slots.has(Rule::k_rollback) => Head::When(Scope::Rollback),
            Rule::when => Head::When(Scope::Phase(self.name(&mut slots)?)),
            Rule::from => Head::When(Scope::From(self.name(&mut slots)?)),
            Rule::always => Head::When(Scope::Always),
            Rule::fault => Head::Fault(self.fault(slots)?),
            Rule::wanted => Head::Wanted(self.wanted(slots)?),
            _ => return None,
        })
    }

    fn fault(&mut self, mut slots: Slots<'_>) -> Option<FaultExpr> {
        let (is_external, is_gate) = (slots.has(Rule::k_external), slots.has(Rule::k_gate));
        let name = self.name(&mut slots)?;
        let kind = slots.take(Rule::fault_kind)?;
        let kind = Spanned::new(kind.as_str().to_owned(), self.span(&kind));
        let whom = if is_external {
            Whom::External(name)
        } else if is_gate {
            Whom::Gate(name)
        } else {
            Whom::Named(name)
        };
        let mut fault = FaultExpr { whom, kind, length: None, clauses: Vec::new() };
        let mut clause = None;
        for slot in slots.0 {
            clause = match slot.as_rule() {
                Rule::k_after => Some(Clause::After),
                Rule::k_for => Some(Clause::For),
                Rule::k_every => Some(Clause::Every),
                _ => {
                    let time = self.duration_of(&slot);
                    match clause {
                        None => fault.length = Some(time),
                        Some(clause) => fault.clauses.push((clause, time)),
                    }
                    clause
                }
            };
        }
        Some(fault)
    }

    fn wanted(&mut self, mut slots: Slots<'_>) -> Option<Wanted> {
        let kinds = [
            Rule::k_rolled,
            Rule::k_stopped,
            Rule::k_degraded,
            Rule::k_exit,
            Rule::k_phase,
            Rule::k_service,
            Rule::k_noticed,
            Rule::k_unnoticed,
        ];
        let kind = kinds.into_iter().find(|kind| slots.has(*kind)).unwrap_or(Rule::k_verified);
        let (failed, blamed) = (slots.has(Rule::k_failed), slots.has(Rule::k_blamed));
        Some(match kind {
            Rule::k_rolled => Wanted::RolledBack(slots.take_if(Rule::name).map(|name| self.name_of(&name)), self.duration(&mut slots)),
            Rule::k_stopped => Wanted::Stopped(self.duration(&mut slots)),
            Rule::k_degraded => Wanted::Degraded(self.duration(&mut slots)),
            Rule::k_exit => Wanted::Exit(self.integer(&mut slots)?),
            Rule::k_phase if failed => Wanted::PhaseFailed(self.name(&mut slots)?),
            Rule::k_phase => Wanted::PhaseVerified(self.name(&mut slots)?),
            Rule::k_service if blamed => Wanted::Blamed(self.name(&mut slots)?, self.duration(&mut slots)),
            Rule::k_service => Wanted::Healthy(self.name(&mut slots)?),
            Rule::k_noticed => Wanted::Noticed(self.duration(&mut slots)),
            Rule::k_unnoticed => Wanted::Unnoticed,
            _ => Wanted::Verified(self.duration(&mut slots)),
        })
    }
}
