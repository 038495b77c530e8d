//! The rehearsal notices: thirteen mistakes that the engine can be made to make, each caught by a property, with a path that shows it. The
//! paths are in `tests/flaws/`, to be read as a user would (`UPDATE_FIXTURES=1` writes them anew).

use crate::fixture;
use crate::support::in_memory::{NoVariables, schedule_of};
use rollout_plan::engine::{DeployPurpose, Ending, Event, Flaw, Moment, Options, Target as Back};
use rollout_plan::rehearse::{Broken, Budget, Case, Explorer, Mishap, Outcome, Place, Played, Rehearsal, setting};
use rollout_plan::report::rehearsal::broken_in_words;
use rollout_plan::schedule::{PhaseId, Schedule};
use rollout_plan::world::{Config, DokployFault, Fault, GateFault, ServiceFault, Target, When, World};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A mistake, and what notices it.
struct Exhibit {
    flaw: Flaw,
    /// In words, as in docs/rehearsal.md.
    does: &'static str,
    /// The property, by its name.
    property: &'static str,
    /// What has to go wrong for it to show.
    shows: fn(&Case) -> bool,
}

fn of_service(case: &Case, wanted: &str, is_such: impl Fn(&Fault, ServiceFault) -> bool) -> bool {
    matches!(&case.mishap, Mishap::Fault(fault) if matches!(&fault.target, Target::Service(name, kind) if name == wanted && is_such(fault, *kind)))
}

fn of_dokploy(case: &Case, is_such: impl Fn(&Fault, DokployFault) -> bool) -> bool {
    matches!(&case.mishap, Mishap::Fault(fault) if matches!(&fault.target, Target::Dokploy(kind) if is_such(fault, *kind)))
}

fn is_for_good(fault: &Fault) -> bool {
    fault.lasting().is_none() && fault.every.is_none()
}

/// While this phase is the newest, by its place in the plan.
fn is_in(case: &Case, phase: usize) -> bool {
    case.phase == Some(PhaseId(phase))
}

const EXHIBITS: [Exhibit; 13] = [
    Exhibit {
        flaw: Flaw::ForgetsEarlier,
        does: "services that earlier phases delivered are not asked again",
        property: "NoticedLate",
        shows: |case| is_in(case, 1) && of_service(case, "web", |fault, kind| kind == ServiceFault::Http500 && is_for_good(fault)),
    },
    Exhibit {
        flaw: Flaw::CountsInAll,
        does: "passes are counted in all instead of in a row",
        property: "ShortRow",
        shows: |case| is_in(case, 0) && of_service(case, "web", |fault, kind| kind == ServiceFault::Http500 && fault.lasts == Some(SAMPLE)),
    },
    Exhibit {
        flaw: Flaw::BackToTheStart,
        does: "a rollback goes back to before the run, although a phase is verified",
        property: "WrongWayBack",
        shows: |case| of_service(case, "api", |_, kind| kind == ServiceFault::CrashLoop),
    },
    Exhibit {
        flaw: Flaw::SilenceIsAsBefore,
        does: "Docker's silence about the containers is taken for \"as before\"",
        property: "VerifiedUnseen",
        shows: |case| case.phase.is_some() && of_dokploy(case, |fault, kind| kind == DokployFault::DockerDown(None) && is_for_good(fault)),
    },
    Exhibit {
        flaw: Flaw::SendsAgain,
        does: "a deploy whose answer was lost is sent again without a look",
        property: "DeployedTwice",
        shows: |case| of_dokploy(case, |_, kind| kind == DokployFault::AnswerLost),
    },
    Exhibit {
        flaw: Flaw::JudgesWhileSettling,
        does: "failing samples decide while services still settle",
        property: "JudgedTooEarly",
        shows: |case| of_service(case, "worker", |_, kind| matches!(kind, ServiceFault::SlowStart(_))),
    },
    Exhibit {
        flaw: Flaw::ErrorsPass,
        does: "what could not be asked counts as a pass",
        property: "ShortRow",
        shows: |case| is_in(case, 0) && of_dokploy(case, |fault, kind| matches!(kind, DokployFault::DockerDown(_)) && !is_for_good(fault)),
    },
    Exhibit {
        flaw: Flaw::SkipsSoak,
        does: "a phase is verified as soon as it has settled",
        property: "VerifiedTooSoon",
        shows: |case| is_in(case, 0) && of_service(case, "web", |fault, kind| kind == ServiceFault::Exits && is_for_good(fault)),
    },
    Exhibit {
        flaw: Flaw::RestartIsTheSame,
        does: "a container that restarted is taken for the one before",
        property: "AnotherContainer",
        shows: |case| is_in(case, 0) && of_service(case, "web", |fault, kind| kind == ServiceFault::Crash && fault.every.is_none()),
    },
    Exhibit {
        flaw: Flaw::TrustsRollback,
        does: "a rollback is called verified when its deploy has ended",
        property: "VerifiedTooSoon",
        shows: |case| of_service(case, "api", |_, kind| kind == ServiceFault::CrashLoop),
    },
    Exhibit {
        flaw: Flaw::SoaksBlindly,
        does: "what fails during the soak is not looked at",
        property: "VerifiedAndUnwell",
        shows: |case| is_in(case, 1) && of_service(case, "api", |fault, kind| kind == ServiceFault::Http500 && is_for_good(fault)),
    },
    Exhibit {
        flaw: Flaw::SilenceIsYes,
        does: "an approver's silence is a yes",
        property: "WithoutAYes",
        shows: |case| matches!(&case.mishap, Mishap::Fault(fault) if matches!(fault.target, Target::Gate(_, GateFault::Silent))),
    },
    Exhibit {
        flaw: Flaw::ForgetsEvidence,
        does: "a rollback begins before the evidence of the failure is kept",
        property: "NoEvidence",
        shows: |case| of_service(case, "api", |_, kind| kind == ServiceFault::BuildFails),
    },
];

/// From one sample to the next.
const SAMPLE: Duration = Duration::from_secs(1);

const PLAN: &str = "\
rollout small
dokploy {
  url env(\"DOKPLOY_URL\")
  api-key secret(\"DOKPLOY_API_KEY\")
}
app shop {
  project \"Shop\"
  environment \"staging\"
  compose \"shop\"
}
sampling {
  every 1s
  timeout 500ms
}
service web { expect http \"http://127.0.0.1:8080/health\" }
service worker { expect http \"http://127.0.0.1:8081/health\" }
service api { expect http \"http://127.0.0.1:8082/health\" }
gate go-ahead { approve \"Go on?\" within 10m }
phase one {
  deploy shop from \"one.yml\" within 1m
  settle within 20s
  soak 6s
}
phase two after one {
  require go-ahead
  deploy shop from \"two.yml\" within 1m
  settle within 20s
  soak 6s
}
";

fn schedule() -> Arc<Schedule> {
    let service = |name: &str, port: u16, boot: &str| {
        format!(
            "  {name}:\n    image: registry.example/{name}:v1\n    restart: unless-stopped\n    ports: [\"{port}:80\"]\n    x-sandbox: {{ boot: \
             {boot} }}\n"
        )
    };
    let one = format!("services:\n{}{}", service("web", 8080, "300ms"), service("worker", 8081, "4s"));
    let two = format!("{one}{}", service("api", 8082, "300ms"));
    schedule_of(&[("rollout.plan", PLAN), ("one.yml", &one), ("two.yml", &two)])
}

/// An explorer of the plan by an engine, and its run in which nothing goes wrong.
struct Lab {
    explorer: Explorer,
    meant: Rehearsal,
}

impl Lab {
    fn new(schedule: &Arc<Schedule>, flaw: Option<Flaw>) -> Self {
        let options = Options { run: "r1".to_owned(), flaw, ..Options::default() };
        let place = Arc::new(Place::prepare(schedule, &NoVariables, Config::API_KEY, options).unwrap());
        let world = World::new(setting(schedule, &NoVariables, Vec::new()).config).in_brief();
        let mut meant = Rehearsal::new(&place, world.clone());
        meant.finish();
        Self { explorer: Explorer { place, world, symmetry: false, merging: false, workers: 1, budget: Budget::of(1) }, meant }
    }

    fn cases(&self) -> Vec<Case> {
        self.explorer.cases(&self.meant)
    }

    fn go(&self, case: &Case) -> (Played, Outcome) {
        self.explorer.try_one(case, &self.meant)
    }
}

/// A property's name without what it is about.
fn name(broken: &Broken) -> String {
    format!("{broken:?}").split(['(', ' ']).next().unwrap().to_owned()
}

fn kebab(flaw: Flaw) -> String {
    let mut name = String::new();
    for letter in format!("{flaw:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[test]
fn every_flaw_is_caught_by_its_property_and_the_engine_itself_by_none() {
    assert!(EXHIBITS.iter().map(|exhibit| exhibit.flaw).eq(Flaw::ALL), "each flaw once, in order");
    let schedule = schedule();
    let sound = Lab::new(&schedule, None);
    let mut missed = Vec::new();
    let cases: Vec<Case> = sound.cases().into_iter().filter(|case| EXHIBITS.iter().any(|exhibit| (exhibit.shows)(case))).collect();
    // A third of them is enough to see that the flaws are not found in an engine without any; the path of each flaw is tried below.
    for case in cases.iter().step_by(3) {
        let (played, outcome) = sound.go(case);
        if !outcome.broken.is_empty() {
            missed.push(format!("no flaw, and broken: {:?} by {case:?}\n{}", outcome.broken, timeline(&played, case)));
        }
    }
    for exhibit in &EXHIBITS {
        let lab = Lab::new(&schedule, Some(exhibit.flaw));
        let cases = lab.cases();
        let mut others = Vec::new();
        let found = cases.iter().filter(|case| (exhibit.shows)(case)).find_map(|case| {
            let (played, outcome) = lab.go(case);
            others.extend(outcome.broken.iter().map(name));
            let broken = outcome.broken.into_iter().find(|broken| name(broken) == exhibit.property)?;
            Some((case, played, broken))
        });
        let Some((case, played, broken)) = found else {
            missed.push(format!("{:?}: {others:?} of {} cases", exhibit.flaw, cases.iter().filter(|case| (exhibit.shows)(case)).count()));
            continue;
        };
        let (as_it_is, outcome) = sound.go(case);
        if !outcome.broken.is_empty() {
            missed.push(format!("no flaw, and broken: {:?} by {case:?}", outcome.broken));
        }
        let told = format!(
            "flaw:     {}\nbroken:   {}\n\n{}\nthe same without the flaw\n{}",
            exhibit.does,
            broken_in_words(&broken),
            timeline(&played, case),
            end(&as_it_is),
        );
        fixture::compare(&Path::new("tests/flaws").join(format!("{}.txt", kebab(exhibit.flaw))), &told);
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// What went wrong, and what the run told.
fn timeline(played: &Played, case: &Case) -> String {
    let schedule = played.run.schedule();
    let mut lines: Vec<(Moment, u8, String)> = Vec::new();
    let mishap = match (&case.mishap, &played.faults[0]) {
        (Mishap::Killed(gap), _) => format!("plan is killed, and resumed {} s later", gap.as_secs()),
        (Mishap::Fault(fault), _) => in_words(fault),
    };
    lines.push((case.at, 0, format!("!! {mishap}")));
    lines.extend(played.run.told().iter().filter_map(|(at, event)| Some((*at, 2, telling(schedule, event)?))));
    let mut last = String::new();
    for (at, names) in played.run.unwell() {
        let names = names.iter().cloned().collect::<Vec<_>>().join(", ");
        if names != last {
            let told = if names.is_empty() { "   every sample passes".to_owned() } else { format!("   no pass: {names}") };
            lines.push((*at, 1, told));
            last = names;
        }
    }
    lines.sort_by_key(|(at, order, _)| (*at, *order));
    let mut told = String::new();
    for (at, _, line) in lines {
        let _ = writeln!(told, "{:>7.3} s  {line}", at.0.as_secs_f64());
    }
    told + &end(played)
}

/// A fault of this moment, without the scope that a world of its own would need.
fn in_words(fault: &Fault) -> String {
    let when = if matches!(fault.when, When::From(_)) { When::Always } else { fault.when.clone() };
    let is_once = fault.target == Target::Dokploy(DokployFault::AnswerLost);
    let for_good = if is_for_good(fault) && !is_once && matches!(fault.when, When::Always) { ", for good" } else { "" };
    format!("{}{for_good}", Fault { when, ..fault.clone() })
}

/// How it ended, and what Dokploy deployed.
fn end(played: &Played) -> String {
    let verdict = |ending: &Ending| format!("exit {}: {}", ending.exit_code().0, ending.verdict);
    let ending = played.run.ending().map_or_else(|| "never".to_owned(), verdict);
    let begun = played.run.clone().truth().begun.join("\n          ");
    format!("ends:     {ending}\ndeploys:  {begun}\n")
}

fn telling(schedule: &Schedule, event: &Event) -> Option<String> {
    let phase = |id: &PhaseId| schedule.phase(*id).name.clone();
    let target = |to: &Back| if let Back::Phase(id) = to { phase(id) } else { "the baseline".to_owned() };
    let what = |purpose: &DeployPurpose| match purpose {
        DeployPurpose::Phase(id) | DeployPurpose::Mark(id) => phase(id),
        DeployPurpose::Rollback(to) => format!("the rollback to {}", target(to)),
    };
    Some(match event {
        Event::RunStarted { .. } => "the run starts".to_owned(),
        Event::ApprovalAsked { question, .. } => format!("a person is asked: {question}"),
        Event::ApprovalGiven { by, .. } => format!("{} says yes", by.0),
        Event::ApprovalNotGiven { .. } => "nobody says yes".to_owned(),
        Event::Deploying { purpose, .. } => format!("the deploy of {} is asked for", what(purpose)),
        Event::DeployStarted { purpose, .. } => format!("the deploy of {} starts", what(purpose)),
        Event::DeployEnded { purpose, status, .. } => format!("the deploy of {} ends: {status:?}", what(purpose)),
        Event::Settled { purpose, .. } => format!("{} has settled", what(purpose)),
        Event::SoakRestarted { service, why, .. } => format!("the soak begins anew: {service}: {why}"),
        Event::Holding { why, .. } => format!("cannot be asked: {why}"),
        Event::PhaseVerified { phase: id, services, .. } => {
            format!("{} is verified: {}", phase(id), services.iter().cloned().collect::<Vec<_>>().join(", "))
        }
        Event::PhaseFailed { phase: id, .. } => format!("{} has failed", phase(id)),
        Event::EvidenceKept { .. } => "the evidence is kept".to_owned(),
        Event::RollbackStarted { target: to, undo } => format!("the rollback to {} starts: {undo:?}", target(to)),
        Event::Stopped => "the app is stopped".to_owned(),
        Event::RollbackVerified { target: to, .. } => format!("the rollback to {} is verified", target(to)),
        Event::RollbackFailed { target: to, .. } => format!("the rollback to {} has failed", target(to)),
        Event::RunEnded { .. } => "the run ends".to_owned(),
        _ => return None,
    })
}

#[test]
fn no_command_line_and_no_record_asks_for_a_flaw() {
    let flawed = Options { run: "r1".to_owned(), flaw: Some(Flaw::SkipsSoak), ..Options::default() };
    let record = serde_json::to_string(&flawed).unwrap();
    assert!(!record.to_lowercase().contains("soak") && !record.contains("flaw"), "{record}");
    let forged = record.replacen('{', "{\"flaw\":\"SkipsSoak\",", 1);
    let read: Result<Options, _> = serde_json::from_str(&forged);
    assert!(read.is_err() || read.is_ok_and(|read| read.flaw.is_none()));
    for room in ["cli", "drive", "store", "sandbox"] {
        let mut folders = vec![Path::new("src").join(room)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else {
                    let text = std::fs::read_to_string(&entry).unwrap();
                    assert!(!text.contains("Flaw") && !text.contains("flaw"), "{} names flaws", entry.display());
                }
            }
        }
    }
}

#[test]
fn the_page_names_every_flaw_and_what_catches_it() {
    let page = std::fs::read_to_string("docs/rehearsal.md").unwrap();
    for exhibit in &EXHIBITS {
        let line = format!("| {} | `{}` | [path](../tests/flaws/{}.txt) |", exhibit.does, exhibit.property, kebab(exhibit.flaw));
        assert!(page.contains(&line), "docs/rehearsal.md lacks this line:\n{line}");
        assert!(page.contains(&format!("- `{}`: ", exhibit.property)), "docs/rehearsal.md does not say what `{}` is", exhibit.property);
    }
}
