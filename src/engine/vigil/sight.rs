//! What can be seen from here: before services are blamed, whether it is us who cannot ask.

use super::Rules;
use super::trouble::Trouble;
use crate::engine::Moment;

/// What could be seen in one round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Dokploy said how the containers are.
    Clear,
    /// It did not, and somebody else answered: the trouble is Dokploy's. Why.
    Unlooked(String),
    /// It could not be reached, and nobody answered: the trouble may be our own. Why.
    Blind(String),
}

/// What is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SightTurn {
    /// It is lost.
    Lost,
    /// It is still lost.
    StillLost,
    /// It is there again.
    Regained,
}

/// A turn of what can be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SightTold {
    /// How it turned.
    pub turn: SightTurn,
    /// Whether nothing at all answers, and not only Dokploy does not. Of what was regained: how it was.
    pub is_blind: bool,
    /// Since when it was so.
    pub since: Moment,
    /// Why, as the last round had it; empty for what was regained.
    pub why: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Clear,
    /// Dokploy alone, or everything.
    Lost { trouble: Trouble, is_blind: bool },
}

/// How far one sees, over rounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Horizon {
    state: State,
    clear: u32,
    /// Rounds in a row without sight, and since when; and those of them at the end that saw nothing at all.
    lost: u32,
    since: Moment,
    blind: u32,
    blind_since: Moment,
    /// Whether the last round saw nothing of the containers.
    is_unclear: bool,
    why: String,
}

impl Horizon {
    pub(super) fn begin_anew(&mut self) {
        (self.clear, self.lost, self.blind) = (0, 0, 0);
    }

    /// Whether the last round saw how the containers are, if there was one.
    pub(super) fn is_clear(&self) -> bool {
        !self.is_unclear
    }

    /// Why nothing can be seen, when that is so by now.
    pub(super) fn blind(&self) -> Option<&str> {
        matches!(self.state, State::Lost { .. }).then_some(self.why.as_str())
    }

    pub(super) fn take(&mut self, now: Moment, sight: &Sight, rules: Rules) -> Option<SightTold> {
        self.is_unclear = !matches!(sight, Sight::Clear);
        let why = match sight {
            Sight::Clear => {
                (self.clear, self.lost, self.blind) = (self.clear.saturating_add(1), 0, 0);
                return self.regain(rules);
            }
            Sight::Unlooked(why) => {
                self.blind = 0;
                why
            }
            Sight::Blind(why) => {
                if self.blind == 0 {
                    self.blind_since = now;
                }
                self.blind = self.blind.saturating_add(1);
                why
            }
        };
        if self.lost == 0 {
            self.since = now;
        }
        (self.clear, self.lost) = (0, self.lost.saturating_add(1));
        self.why.clone_from(why);
        let (was_lost, was_blind) = match self.state {
            State::Clear => (false, false),
            State::Lost { is_blind, .. } => (true, is_blind),
        };
        let is_blind = self.blind >= rules.down_after;
        // A round that saw nothing may be the beginning of seeing nothing for long: that is told as one thing.
        let is_silent = self.lost >= rules.down_after && matches!(sight, Sight::Unlooked(_));
        if is_blind && !was_blind || is_silent && !was_lost {
            let since = if is_blind { self.blind_since } else { self.since };
            self.state = State::Lost { trouble: Trouble::told(since, now), is_blind };
            return Some(SightTold { turn: SightTurn::Lost, is_blind, since, why: why.clone() });
        }
        match &mut self.state {
            State::Clear => None,
            State::Lost { trouble, is_blind } => {
                let (is_blind, since) = (*is_blind, trouble.since);
                trouble.remind(now).then(|| SightTold { turn: SightTurn::StillLost, is_blind, since, why: why.clone() })
            }
        }
    }

    fn regain(&mut self, rules: Rules) -> Option<SightTold> {
        if self.clear < rules.up_after {
            return None;
        }
        match std::mem::take(&mut self.state) {
            State::Clear => None,
            State::Lost { trouble, is_blind } => {
                Some(SightTold { turn: SightTurn::Regained, is_blind, since: trouble.since, why: String::new() })
            }
        }
    }
}
