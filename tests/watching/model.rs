//! A watch over whatever comes, against a second telling that counts nothing: what is to be told of a round is looked up in the list of all
//! rounds before it.

use crate::support::dice::Dice;
use rollout_plan::engine::vigil::{Rules, Sight, SightTurn, Turn, Vigil};
use rollout_plan::engine::{Moment, Reading};
use rollout_plan::schedule::Subject;
use std::collections::BTreeMap;
use std::time::Duration;

const RULES: Rules = Rules { every: Duration::from_secs(60), down_after: 3, up_after: 2 };

/// What one round says of one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Pass,
    Fail,
    Error,
    /// Nothing is said of it.
    Nothing,
    /// It answers well, and nobody saw its container: no row goes on over that.
    Unproven,
    /// Nobody looked.
    Gap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saw {
    Clear,
    Unlooked,
    Blind,
    Gap,
}

/// How many of one kind stand at the end of a list, and where they begin; these end the row, all others are passed over.
fn row<T: Copy>(list: &[(Moment, T)], is_one: impl Fn(T) -> bool, ends: impl Fn(T) -> bool) -> Vec<usize> {
    let mut found: Vec<usize> = list
        .iter()
        .enumerate()
        .rev()
        .take_while(|(_, (_, one))| !ends(*one))
        .filter(|(_, (_, one))| is_one(*one))
        .map(|(at, _)| at)
        .collect();
    found.reverse();
    found
}

/// What is so of one subject, by everything that was said of it.
#[derive(Default)]
struct Account {
    said: Vec<(Moment, Token)>,
    /// Rounds at which so many errors were in a row that failures before them are in none.
    cuts: Vec<usize>,
    trouble: Option<(Turn, Moment, usize)>,
    is_well: bool,
    times: u64,
    told: Vec<Moment>,
}

impl Account {
    fn passes(&self) -> usize {
        row(&self.said, |one| one == Token::Pass, |one| one != Token::Pass).len()
    }

    fn failures(&self) -> Vec<usize> {
        let from = self.cuts.last().map_or(0, |cut| cut + 1);
        let of = |one| matches!(one, Token::Pass | Token::Unproven | Token::Gap);
        row(&self.said[from..], |one| one == Token::Fail, of).into_iter().map(|at| at + from).collect()
    }

    fn errors(&self) -> Vec<usize> {
        row(&self.said, |one| one == Token::Error, |one| matches!(one, Token::Pass | Token::Fail | Token::Unproven | Token::Gap))
    }

    /// Takes what a round says, and gives what is to be told: how it turned, since when, and of how many samples.
    fn take(&mut self, now: Moment, token: Token) -> Option<(Turn, Moment, u64, u64)> {
        self.said.push((now, token));
        if token == Token::Error && self.errors().len() >= 3 {
            self.cuts.push(self.said.len() - 1);
        }
        let turn = match token {
            Token::Pass if self.passes() >= 2 => {
                self.is_well = true;
                self.trouble.is_some().then_some((Turn::Recovered, None))
            }
            Token::Fail if self.failures().len() >= 3 && !matches!(self.trouble, Some((Turn::Unhealthy, ..))) => {
                self.times += 1;
                Some((Turn::Unhealthy, Some(self.failures()[0])))
            }
            Token::Error if self.errors().len() >= 3 && self.trouble.is_none() => Some((Turn::Unasked, Some(self.errors()[0]))),
            _ => None,
        };
        if let Some((turn, Some(first))) = turn {
            (self.trouble, self.is_well, self.told) = (Some((turn, self.said[first].0, first)), false, vec![now]);
        }
        let turn = turn.map(|(turn, _)| turn).or_else(|| self.reminder(now))?;
        let (_, since, first) = self.trouble.expect("it was in trouble");
        if turn == Turn::Recovered {
            self.trouble = None;
        }
        let sampled = |token: &Token| matches!(token, Token::Pass | Token::Fail | Token::Error);
        let since_then = || self.said[first..].iter().map(|(_, token)| token).filter(|token| sampled(token));
        Some((turn, since, since_then().filter(|token| **token != Token::Pass).count() as u64, since_then().count() as u64))
    }

    fn reminder(&mut self, now: Moment) -> Option<Turn> {
        let (turn, ..) = self.trouble?;
        is_due(&mut self.told, now).then_some(if turn == Turn::Unhealthy { Turn::StillUnhealthy } else { Turn::StillUnasked })
    }
}

/// Told again half an hour after it was told first, then after one, two, four and six hours, and every six hours.
fn is_due(told: &mut Vec<Moment>, now: Moment) -> bool {
    let minutes = [30, 60, 120, 240].get(told.len() - 1).copied().unwrap_or(360);
    let is_due = now - *told.last().expect("it was told once") >= Duration::from_secs(60 * minutes);
    if is_due {
        told.push(now);
    }
    is_due
}

/// The same of what can be seen.
#[derive(Default)]
struct Sky {
    saw: Vec<(Moment, Saw)>,
    lost: Option<(bool, Moment)>,
    told: Vec<Moment>,
}

impl Sky {
    fn take(&mut self, now: Moment, saw: Saw) -> Option<(SightTurn, bool, Moment)> {
        self.saw.push((now, saw));
        let clear = row(&self.saw, |one| one == Saw::Clear, |one| one != Saw::Clear);
        let lost = row(&self.saw, |one| one != Saw::Clear, |one| matches!(one, Saw::Clear | Saw::Gap));
        let blind = row(&self.saw, |one| one == Saw::Blind, |one| one != Saw::Blind);
        if let Some((is_blind, since)) = self.lost.filter(|_| clear.len() >= 2) {
            self.lost = None;
            return Some((SightTurn::Regained, is_blind, since));
        }
        let is_blind = blind.len() >= 3 && !matches!(self.lost, Some((true, _)));
        let is_silent = saw == Saw::Unlooked && lost.len() >= 3 && self.lost.is_none();
        if is_blind || is_silent {
            let since = self.saw[if is_blind { blind[0] } else { lost[0] }].0;
            (self.lost, self.told) = (Some((is_blind, since)), vec![now]);
            return Some((SightTurn::Lost, is_blind, since));
        }
        let (is_blind, since) = self.lost.filter(|_| saw != Saw::Clear)?;
        is_due(&mut self.told, now).then_some((SightTurn::StillLost, is_blind, since))
    }
}

/// Rounds of a service and an external: runs of one kind, mostly short, some of hours.
fn rounds(dice: &mut Dice) -> Vec<(Duration, Saw, [Option<Reading>; 2])> {
    let mut rounds = Vec::new();
    for _ in 0..40 {
        let saw = [Saw::Clear, Saw::Clear, Saw::Clear, Saw::Clear, Saw::Unlooked, Saw::Blind][dice.roll(6)];
        let said = [Some(Reading::Pass), Some(Reading::Pass), Some(Reading::Fail), Some(Reading::Fail), Some(Reading::Error), None];
        let readings = [0, 1].map(|_| said[dice.roll(6)]);
        // Three rounds missed, and the time that one may take: that long is still watched.
        let first = [60, 60, 60, 60, 270, 271][dice.roll(6)];
        rounds.push((Duration::from_secs(first), saw, readings));
        let (length, apart) = if dice.roll(8) == 0 { (20 + dice.roll(350), 240) } else { (dice.roll(5), 60) };
        rounds.extend((0..length).map(|_| (Duration::from_secs(apart), saw, readings)));
    }
    rounds
}

#[test]
fn whatever_comes_what_turns_is_told_as_the_list_of_rounds_has_it() {
    let subjects = [Subject::Service("web".to_owned()), Subject::External("db".to_owned())];
    let mut turns: BTreeMap<Turn, usize> = BTreeMap::new();
    for seed in 1..=40u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut vigil = Vigil::new(RULES);
        vigil.look_afresh(&subjects.iter().cloned().collect());
        let (mut accounts, mut sky, mut now) = ([Account::default(), Account::default()], Sky::default(), Moment::START);
        let rounds = rounds(&mut dice);
        for (at, (after, saw, said)) in rounds.iter().enumerate() {
            now = now + *after;
            let is_gap = at > 0 && *after > RULES.every * 3 + Duration::from_secs(90);
            let sight = match saw {
                Saw::Clear | Saw::Gap => Sight::Clear,
                Saw::Unlooked => Sight::Unlooked("HTTP 502".to_owned()),
                Saw::Blind => Sight::Blind("no route".to_owned()),
            };
            let readings = subjects.iter().cloned().zip(said).filter_map(|(subject, said)| Some((subject, (*said)?))).collect();
            let round = vigil.take(now, &readings, &sight);
            assert_eq!(round.overslept, is_gap.then_some(*after), "seed {seed}, round {at}");
            if is_gap {
                for account in &mut accounts {
                    account.said.push((now, Token::Gap));
                }
                sky.saw.push((now, Saw::Gap));
            }
            let told = round.sight.map(|told| (told.turn, told.is_blind, told.since));
            assert_eq!(told, sky.take(now, *saw), "seed {seed}, round {at}");
            let mut expected = Vec::new();
            for (of, account) in accounts.iter_mut().enumerate().filter(|_| *saw != Saw::Blind) {
                let by_address = *saw == Saw::Unlooked && of == 0;
                let token = match said[of] {
                    Some(Reading::Pass) if by_address => Token::Unproven,
                    Some(Reading::Error) if by_address => Token::Nothing,
                    Some(Reading::Pass) => Token::Pass,
                    Some(Reading::Fail) => Token::Fail,
                    Some(Reading::Error) => Token::Error,
                    None => Token::Nothing,
                };
                expected.extend(account.take(now, token).map(|told| (&subjects[of], told)));
            }
            let turned: Vec<_> = round.turned.iter().map(|one| (&one.subject, (one.turn, one.since, one.bad, one.samples))).collect();
            // In the order of the subjects, which has externals before or after services once and for all.
            let sorted = |mut list: Vec<_>| {
                list.sort();
                list
            };
            assert_eq!(sorted(turned), sorted(expected), "seed {seed}, round {at}");
            round.turned.iter().for_each(|one| *turns.entry(one.turn).or_default() += 1);
        }
        stands(&vigil, &subjects, &accounts, &sky, rounds.len() as u64);
    }
    assert_eq!(turns.len(), 5, "all but `Gone`: {turns:?}");
}

fn stands(vigil: &Vigil, subjects: &[Subject; 2], accounts: &[Account; 2], sky: &Sky, rounds: u64) {
    let standing = vigil.standing();
    let sampled = |account: &Account, wanted: &[Token]| account.said.iter().filter(|(_, token)| wanted.contains(token)).count() as u64;
    let of = |is_such: &dyn Fn(&Account) -> bool| -> Vec<Subject> {
        let mut such: Vec<Subject> =
            subjects.iter().zip(accounts).filter(|(_, account)| is_such(account)).map(|(subject, _)| subject.clone()).collect();
        such.sort();
        such
    };
    let is = |account: &Account, turn: Turn| matches!(account.trouble, Some((of, ..)) if of == turn);
    let all = [Token::Pass, Token::Fail, Token::Error];
    assert_eq!(standing.unwell, of(&|account| is(account, Turn::Unhealthy)));
    assert_eq!(standing.unasked, of(&|account| is(account, Turn::Unasked)));
    let is_open = |account: &Account| account.trouble.is_none() && !account.is_well;
    assert_eq!(standing.undecided, of(&|account| is_open(account) && sampled(account, &all) > 0));
    assert_eq!(standing.unseen, of(&|account| is_open(account) && sampled(account, &all) == 0));
    assert_eq!((standing.well, standing.all()), (accounts.iter().filter(|account| account.is_well).count(), 2));
    assert_eq!((standing.services, standing.healthy), (1, usize::from(accounts[0].is_well)));
    assert_eq!((standing.blind.is_some(), standing.rounds), (sky.lost.is_some(), rounds));
    for (subject, failed, samples, times) in &standing.unsteady {
        let account = &accounts[usize::from(*subject == subjects[1])];
        assert_eq!((*failed, *samples, *times), (sampled(account, &[Token::Fail]), sampled(account, &all), account.times));
    }
    assert_eq!(standing.unsteady.len(), accounts.iter().filter(|account| sampled(account, &[Token::Fail]) > 0).count());
    let code = if !standing.unwell.is_empty() || !standing.undecided.is_empty() {
        8
    } else if standing.well == 2 && sky.lost.is_none() {
        0
    } else {
        9
    };
    assert_eq!(standing.exit_code().0, code, "{standing:?}");
}
