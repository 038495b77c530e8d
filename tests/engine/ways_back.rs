//! Going back by hand from whatever is live, with whatever is known of earlier runs: where to, and what is there then, by rules that are written
//! down here once more.

use super::fake::{Behaviour, Deploying, Fake, Run, drive, options};
use super::plan::{PHASES, SERVICES, schedule};
use crate::support::dice::{Dice, each};
use rollout_plan::engine::*;
use rollout_plan::schedule::{Commits, PhaseId, render};
use std::collections::BTreeSet;

const DRAWN: usize = 600;

/// What is known of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Verified,
    /// Verified with another file than the phase has now.
    VerifiedOld,
    /// A run found it, and did not bring it up.
    Found,
    /// The same, and its last service was not healthy then.
    FoundSick,
}

impl Known {
    fn is_verified(self) -> bool {
        matches!(self, Known::Verified | Known::VerifiedOld)
    }
}

#[derive(Debug)]
struct Drawn {
    /// The phase whose text is live, and whether it was verified; if not, it failed and was left so.
    live: usize,
    is_verified: bool,
    /// Oldest first.
    known: Vec<(usize, Known)>,
    is_of_this_app: bool,
    to: To,
    /// Whether the deploy of the way back fails.
    fails: bool,
    agrees: bool,
}

fn names(phase: usize) -> BTreeSet<String> {
    SERVICES[..=phase].iter().map(|name| (*name).to_owned()).collect()
}

impl Drawn {
    fn draw(dice: &mut Dice) -> Self {
        let is_verified = dice.roll(3) > 0;
        let live = if is_verified { dice.roll(4) } else { 1 + dice.roll(3) };
        let mut known = Vec::new();
        for phase in 0..=live {
            if dice.roll(3) > 0 {
                known.push((phase, [Known::Verified, Known::Verified, Known::VerifiedOld, Known::Found, Known::FoundSick][dice.roll(5)]));
            }
        }
        let to = match dice.roll(4) {
            0 | 1 => To::Last,
            2 => To::Phase(PhaseId(dice.roll(4))),
            _ => To::Run(["r1", "r9"][dice.roll(2)].to_owned()),
        };
        Self { live, is_verified, known, is_of_this_app: dice.roll(6) > 0, to, fails: dice.roll(6) == 0, agrees: dice.roll(8) > 0 }
    }

    fn states(&self) -> Vec<Remembered> {
        let state = |(phase, known): &(usize, Known)| {
            let found = &schedule().phases[*phase];
            let mut text = render(found, "r1", &Commits::new(), true);
            if *known == Known::VerifiedOld {
                text.push_str("# another file\n");
            }
            Remembered {
                run: "r1".to_owned(),
                name: found.name.clone(),
                compose_id: Some(if self.is_of_this_app { "c1" } else { "c2" }.to_owned()),
                text,
                services: names(*phase),
                proof: match known {
                    Known::FoundSick if *phase > 0 => {
                        Proof::Found { healthy: names(phase - 1), not_healthy: [SERVICES[*phase].to_owned()].into() }
                    }
                    Known::Found | Known::FoundSick => Proof::Found { healthy: names(*phase), not_healthy: BTreeSet::new() },
                    _ => Proof::Verified(names(*phase)),
                },
            }
        };
        self.known.iter().map(state).collect()
    }

    /// The target and the phase that it is or was, if there is one.
    fn target(&self) -> Option<(Target, usize)> {
        let kept = |phase: usize| Some((Target::Kept { run: "r1".to_owned(), name: PHASES[phase].to_owned() }, phase));
        let phase = |phase: usize| Some((Target::Phase(PhaseId(phase)), phase));
        let known = if self.is_of_this_app { &self.known[..] } else { &[] };
        // Itself if it was verified, and the phase before it, which held when it was sent.
        let is_marked = |phase: usize| (self.is_verified && phase == self.live) || phase + 1 == self.live;
        let by_phase = |wanted: usize| if known.contains(&(wanted, Known::Verified)) || is_marked(wanted) { phase(wanted) } else { None };
        let of = |(at, known): (usize, Known)| if known == Known::Verified { phase(at) } else { kept(at) };
        match &self.to {
            To::Phase(wanted) => by_phase(wanted.0),
            To::Last if self.is_verified => self.live.checked_sub(1).and_then(by_phase),
            To::Last => match known.iter().rev().find(|(_, known)| known.is_verified()) {
                Some(newest) => of(*newest),
                None => phase(self.live - 1),
            },
            To::Run(run) if run != "r1" => None,
            To::Run(_) => known.iter().rev().find(|(_, known)| known.is_verified()).or(known.first()).and_then(|state| of(*state)),
        }
    }
}

fn fake(drawn: &Drawn) -> Fake {
    let mut fake = Fake::new(schedule());
    if drawn.is_verified {
        assert_eq!(drive(&mut fake, Options { until: Some(PhaseId(drawn.live)), ..options() }).code(), 0);
    } else {
        let broken = SERVICES[drawn.live];
        fake.behaviour = Box::new(move |name, _| if name == broken { Behaviour::Unhealthy } else { Behaviour::Well });
        assert_eq!(drive(&mut fake, Options { on_failure_stop: Some(true), ..options() }).code(), 5);
    }
    let fails = drawn.fails;
    fake.deploying = Box::new(move |marker, _| {
        if fails && marker.contains("rollback-to") { Deploying::Fails(vec!["no space left".to_owned()]) } else { Deploying::Done }
    });
    fake.replaces = Box::new(|_, _| names(SERVICES.len() - 1));
    fake.confirms = drawn.agrees;
    fake
}

fn found(run: &Run) -> Option<(&Target, &BTreeSet<String>, bool)> {
    run.events.iter().find_map(|(_, event)| match event {
        Event::TargetFound { target, removes, is_live, .. } => Some((target, removes, *is_live)),
        _ => None,
    })
}

fn goes_there(drawn: &Drawn) -> &'static str {
    let mut fake = fake(drawn);
    let (before, ran) = (fake.text.clone(), names(drawn.live));
    let goal = Goal::Back(Back { to: drawn.to.clone(), states: drawn.states() });
    let expected = drawn.target();
    // What was not healthy when it was found is not now.
    let mut sick = BTreeSet::new();
    if let Some((target, phase)) = &expected {
        fake.foreign = names(*phase);
        if matches!(target, Target::Kept { .. }) && *phase > 0 && drawn.known.contains(&(*phase, Known::FoundSick)) {
            sick.insert(SERVICES[*phase].to_owned());
        }
    }
    let exits = sick.clone();
    fake.behaviour = Box::new(move |name, _| if exits.contains(name) { Behaviour::Exits } else { Behaviour::Well });
    let run = drive(&mut fake, Options { run: "r2".to_owned(), goal, ..options() });
    let code = run.code();
    let Some((target, phase)) = expected else {
        assert!(code == 3 && matches!(run.ending.reason, Reason::Refused { .. }), "{:?}", run.ending);
        assert!(found(&run).is_none() && run.changes().is_empty() && fake.text == before);
        return "refused";
    };
    let (told, removes, is_live) = found(&run).expect("a target was found");
    let gone: BTreeSet<String> = ran.difference(&names(phase)).cloned().collect();
    assert_eq!((told, removes), (&target, &gone));
    // By its text, whoever says what of it.
    let is_old = matches!(target, Target::Kept { .. }) && drawn.known.contains(&(phase, Known::VerifiedOld));
    assert_eq!(is_live, phase == drawn.live && !is_old, "{target:?}");
    if is_live && drawn.is_verified {
        assert_eq!((code, run.changes().len()), (0, 0), "{}", run.ending.verdict);
        return "there already";
    }
    if !drawn.agrees {
        assert_eq!((code, run.changes(), &fake.text), (3, Vec::new(), &before));
        return "not agreed";
    }
    let deploys = run.changes().iter().filter(|change| change.starts_with("deploy")).count();
    if drawn.fails && deploys > 0 {
        assert_eq!((code, deploys), (5, 1), "{}", run.ending.verdict);
        return "failed";
    }
    assert_eq!(code, 0, "{}", run.ending.verdict);
    assert_eq!(fake.containers.keys().cloned().collect::<BTreeSet<_>>(), names(phase));
    let not_held = run.events.iter().find_map(|(_, event)| match event {
        Event::RollbackVerified { not_held_against, .. } => Some(not_held_against),
        _ => None,
    });
    assert_eq!(not_held, Some(&sick), "it was not well before either");
    "went back"
}

#[test]
fn a_way_back_leads_where_the_rules_say_or_is_refused() {
    let ends = each(0x0B_AC_C0_DE, DRAWN, Drawn::draw, goes_there);
    assert_eq!(ends, BTreeSet::from(["failed", "not agreed", "refused", "there already", "went back"]));
}
