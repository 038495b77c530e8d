//! Troubleshooting over texts that nobody wrote: lines put together of parts of signs, whole and not, in any order, against a second reading of
//! the table of rules by regular expressions. What a rule is for is in `tests/troubleshooting/`.

use crate::support::dice::Dice;
use regex::Regex;
use rollout_plan::engine::troubleshoot::{Advice, Sign, Source, State, Troubleshooter, rules};
use rollout_plan::engine::{Container, ContainerId, ContainerState, Health};
use std::collections::BTreeMap;

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Failed,
    WentThrough,
    Log,
    Sample(&'static str),
}

const KINDS: [Kind; 6] = [Kind::Failed, Kind::Failed, Kind::WentThrough, Kind::Log, Kind::Sample("http"), Kind::Sample("postgres")];
const STAMP: &str = "2026-11-23T14:22:43.772852754Z ";
/// In no sign, nor a part of one.
const QUIET: &str = "fine";
const FILLERS: [&str; 6] = ["", " ", " and then ", "WARN: ", " 127.0.0.1:8000 ", "…"];

/// What a sign looks for, as one expression.
fn expression(sign: &Sign) -> Option<Regex> {
    let joined = |parts: &[&str]| parts.iter().map(|part| regex::escape(part)).collect::<Vec<_>>().join("(?s:.*?)");
    let source = match sign {
        Sign::Deploy(parts) | Sign::Warning(parts) | Sign::Log(parts) => joined(parts),
        Sign::Message(message) => format!("^({STAMP})?\\s*{}\\s*$", regex::escape(message)),
        Sign::Sample(_, parts) => format!("^{}", joined(parts)),
        Sign::State(_) => return None,
    };
    Some(regex::RegexBuilder::new(&source).case_insensitive(true).build().unwrap())
}

fn is_of(sign: &Sign, kind: Kind) -> bool {
    match (sign, kind) {
        (Sign::Deploy(_), Kind::Failed)
        | (Sign::Warning(_), Kind::Failed | Kind::WentThrough)
        | (Sign::Log(_) | Sign::Message(_), Kind::Log) => true,
        (Sign::Sample(of, _), Kind::Sample(protocol)) => of.is_empty() || *of == protocol,
        _ => false,
    }
}

/// The second reading.
struct Table(Vec<(&'static str, Vec<(Sign, Regex)>)>);

impl Table {
    fn new() -> Self {
        let texts = |signs: &[Sign]| signs.iter().filter_map(|sign| Some((*sign, expression(sign)?))).collect();
        Self(rules().map(|rule| (rule.id, texts(rule.signs))).collect())
    }

    fn first(&self, kind: Kind, line: &str) -> Option<&'static str> {
        if line == QUIET {
            return None;
        }
        let fits = |(sign, regex): &(Sign, Regex)| is_of(sign, kind) && regex.is_match(line);
        self.0.iter().find(|(_, signs)| signs.iter().any(fits)).map(|(id, _)| *id)
    }

    /// The rules that lines of one text lead to, in order.
    fn of(&self, kind: Kind, lines: &[String]) -> Vec<&'static str> {
        let mut found: Vec<&'static str> = Vec::new();
        let mut add = |id: &'static str| {
            if !found.contains(&id) {
                found.push(id);
            }
            found.len()
        };
        if kind == Kind::Log {
            // The two that were written last.
            let _ = lines.iter().rev().filter_map(|line| self.first(kind, line)).any(|id| add(id) == 2);
        } else {
            lines.iter().filter_map(|line| self.first(kind, line)).for_each(|id| _ = add(id));
        }
        let says_little = |id: &str| ["never-started", "variable-blank"].contains(&id);
        if matches!(kind, Kind::Failed | Kind::WentThrough) && found.iter().any(|id| !says_little(id)) {
            found.retain(|id| !says_little(id));
        }
        found.sort_by_key(|id| says_little(id));
        found.truncate(5);
        found
    }
}

/// A line of the parts of one or two signs, now and then without one of them, or in another order.
fn line(dice: &mut Dice, signs: &[(Kind, Vec<&'static str>)], kind: Kind) -> String {
    let fitting: Vec<&Vec<&str>> = signs.iter().filter(|(of, _)| *of == kind).map(|(_, parts)| parts).collect();
    let mut parts = fitting[dice.roll(fitting.len())].clone();
    match dice.roll(6) {
        0 => _ = parts.remove(dice.roll(parts.len())),
        1 => parts.reverse(),
        2 => parts.extend(fitting[dice.roll(fitting.len())]),
        _ => {}
    }
    let mut line = if dice.roll(3) == 0 { FILLERS[dice.roll(FILLERS.len())].to_owned() } else { String::new() };
    for part in parts {
        line.push_str(&if dice.roll(4) == 0 { part.to_uppercase() } else { part.to_owned() });
        line.push_str(FILLERS[dice.roll(FILLERS.len())]);
    }
    if kind == Kind::Log && dice.roll(2) == 0 { format!("{STAMP}{line}") } else { line }
}

fn read(kind: Kind, lines: &[String]) -> Vec<Advice> {
    let mut reader = Troubleshooter::new();
    match kind {
        Kind::Failed | Kind::WentThrough => reader.read_deploy_log(lines, kind == Kind::Failed),
        Kind::Log => reader.read_container_log("web", lines),
        Kind::Sample(protocol) => lines.iter().for_each(|line| reader.read_sample("web", &format!("{protocol} {{host}}:80"), line)),
    }
    reader.advice()
}

#[test]
fn whatever_is_written_the_rules_read_what_their_signs_say_and_no_more() {
    let table = Table::new();
    let mut signs: Vec<(Kind, Vec<&'static str>)> = Vec::new();
    for kind in KINDS {
        let of_kind = rules().flat_map(|rule| rule.signs).filter(|sign| is_of(sign, kind)).filter_map(|sign| match sign {
            Sign::Deploy(parts) | Sign::Warning(parts) | Sign::Log(parts) | Sign::Sample(_, parts) => Some(parts.to_vec()),
            Sign::Message(message) => Some(vec![*message]),
            Sign::State(_) => None,
        });
        signs.extend(of_kind.map(|parts| (kind, parts)));
    }
    let mut dice = Dice(0x5eed_2026);
    let mut fired: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..1200 {
        let kind = KINDS[dice.roll(KINDS.len())];
        let mut lines: Vec<String> = (0..=dice.roll(6)).map(|_| line(&mut dice, &signs, kind)).collect();
        // Only the last 400 are read of a log, however long it is.
        if !matches!(kind, Kind::Sample(_)) && dice.roll(20) == 0 {
            lines = lines.iter().cloned().chain(vec![QUIET.to_owned(); 399]).collect();
        }
        let is_read = if matches!(kind, Kind::Sample(_)) { 0 } else { lines.len().saturating_sub(400) };
        let (found, expected) = (read(kind, &lines), table.of(kind, &lines[is_read..]));
        assert_eq!(found.iter().map(|one| one.rule).collect::<Vec<_>>(), expected, "{kind:?}: {lines:#?}");
        for advice in found {
            let (rule, source) = (rules().find(|rule| rule.id == advice.rule).unwrap(), advice.source);
            assert_eq!((advice.cause, advice.remedy), (rule.cause, rule.remedy));
            let (of, is_source) = match kind {
                Kind::Failed | Kind::WentThrough => (vec![], source == Source::DeployLog),
                Kind::Log => (vec!["web".to_owned()], source == Source::ContainerLog),
                Kind::Sample(_) => (vec!["web".to_owned()], source == Source::Sample),
            };
            assert!(advice.of == of && is_source, "{advice:?}");
            // It shows what the rule read, without Docker's time.
            let shown = advice.seen.trim_matches('…');
            let is_from = |line: &String| line.contains(shown) && table.first(kind, line) == Some(advice.rule);
            assert!(!advice.seen.starts_with("2026-") && lines.iter().any(is_from), "{advice:?} of {lines:#?}");
            *fired.entry(advice.rule).or_default() += 1;
        }
    }
    assert!(fired.len() > 50, "most rules were tried: {}", fired.len());
}

#[test]
fn of_every_container_the_rules_say_what_docker_does() {
    let states = [
        ContainerState::Running,
        ContainerState::Restarting,
        ContainerState::Created,
        ContainerState::Exited(0),
        ContainerState::Exited(1),
        ContainerState::Exited(126),
        ContainerState::Exited(127),
        ContainerState::Exited(132),
        ContainerState::Exited(137),
        ContainerState::Exited(139),
        ContainerState::Other("paused".to_owned()),
        ContainerState::Other("dead".to_owned()),
    ];
    for state in states {
        for health in [None, Some(Health::Healthy), Some(Health::Unhealthy), Some(Health::Starting)] {
            for oom_killed in [false, true] {
                let container = Container {
                    id: ContainerId("0123456789ab".to_owned()),
                    name: "app-web-1".to_owned(),
                    service: "web".to_owned(),
                    state: state.clone(),
                    restarts: 0,
                    started_at: String::new(),
                    health,
                    oom_killed,
                    restarts_itself: false,
                    image: "web:1".to_owned(),
                    image_id: String::new(),
                };
                let is_up = state == ContainerState::Running;
                let is_so = |sign: &Sign| match sign {
                    Sign::State(State::OutOfMemory) => oom_killed && !is_up,
                    Sign::State(State::Exit(code)) => !oom_killed && state == ContainerState::Exited(*code),
                    Sign::State(State::Unhealthy) => is_up && health == Some(Health::Unhealthy),
                    Sign::State(State::NoVerdict) => is_up && health == Some(Health::Starting),
                    Sign::State(State::NeverStarted) => state == ContainerState::Created,
                    Sign::State(State::Word(word)) => state == ContainerState::Other((*word).to_owned()),
                    _ => false,
                };
                let expected: Vec<&str> = rules().filter(|rule| rule.signs.iter().any(is_so)).map(|rule| rule.id).collect();
                let mut reader = Troubleshooter::new();
                reader.look_at(&container);
                let found = reader.advice();
                assert_eq!(found.iter().map(|one| one.rule).collect::<Vec<_>>(), expected, "{container:?}");
                assert!(found.iter().all(|one| one.source == Source::State && one.of == ["web"]));
            }
        }
    }
}
