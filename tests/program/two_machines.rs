//! Two runs of one app from two machines, each with its own records and lock, against one Dokploy: at most one ends well, the other changes
//! nothing after it knows, and nobody takes the other's deploy back. In memory both are in step (`tests/two_machines.rs`); here they are
//! processes, each with a way of its own to one sandbox: the second is begun at each call of the first, or begun with it and held up before
//! its own first change until the first has made so many calls. Dokploy has no compare-and-swap, so a change that was decided on before the
//! other could be seen may still arrive; one that was decided on after that may not.

use super::binary::{Home, Ran};
use super::requests::Request;
use super::served::Served;
use super::small;
use super::way::{Passed, Way};
use rollout_plan::schedule::Header;
use rollout_plan::world::{Config, Fault};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Races at once. They mostly wait.
const SIDE_BY_SIDE: usize = 8;

/// What both roll out.
#[derive(Clone, Copy, Debug)]
struct Story {
    /// The second's version of the images; the first's is 1.0.
    version: &'static str,
    fault: Option<&'static str>,
    settle: &'static str,
    /// The exit code of a run that comes to its own end.
    well: i32,
    /// Deploys of a run alone.
    deploys: usize,
}

const SAME: Story = Story { version: "1.0", fault: None, settle: "30s", well: 0, deploys: 2 };
const OTHER: Story = Story { version: "1.1", ..SAME };
/// The second phase never answers and is rolled back.
const ROLLED_BACK: Story = Story { version: "1.1", fault: Some("worker: http-500"), settle: "1s", well: 4, deploys: 3 };

/// When the second acts.
#[derive(Clone, Copy, Debug)]
enum Second {
    Never,
    /// It is begun when the first has made so many calls.
    Begun(usize),
    /// It is begun with the first, and its first call of this procedure arrives when the first has made so many.
    Held(&'static str, usize),
}

/// A machine: its own home and its own way to Dokploy.
struct Machine {
    home: Home,
    way: Arc<Way>,
}

impl Machine {
    fn set_up(served: &Served, version: &str, settle: &str) -> Self {
        let way = Arc::new(Way::to(&served.exports.url));
        let home = served.exports.home().with("DOKPLOY_URL", &way.url());
        small::put_quick(&home, version, settle);
        Self { home, way }
    }
}

/// What one of the two left.
struct Left {
    /// Empty, if it did not come as far as to have one.
    run: String,
    ran: Ran,
    passed: Vec<Passed>,
}

impl Left {
    fn of(machine: &Machine, ran: Ran) -> Self {
        let run = machine.home.runs().first().map(|run| run.file_name().unwrap().to_str().unwrap().to_owned());
        Self { run: run.unwrap_or_default(), ran, passed: machine.way.passed() }
    }

    fn is(&self, title: &str) -> bool {
        !self.run.is_empty() && run_of(title) == self.run
    }

    /// When it sent what changes something.
    fn changes(&self) -> impl Iterator<Item = Instant> {
        self.passed.iter().filter(|passed| !passed.is_answer && is_change(&passed.procedure)).map(|passed| passed.at)
    }

    /// When its first deploy was taken.
    fn deployed(&self) -> Option<Instant> {
        self.answers("compose.deploy").next().map(|passed| passed.at)
    }

    /// When it sent this call.
    fn sent(&self, procedure: &str) -> impl Iterator<Item = Instant> {
        self.passed.iter().filter(move |passed| !passed.is_answer && passed.procedure == procedure).map(|passed| passed.at)
    }

    /// When its last change of the text had taken effect.
    fn put_text(&self) -> Option<Instant> {
        self.answers("compose.update").last().map(|passed| passed.at)
    }

    fn answers(&self, procedure: &str) -> impl Iterator<Item = &Passed> {
        self.passed.iter().filter(move |passed| passed.is_answer && passed.procedure == procedure)
    }

    /// When it first saw a deploy of the other's that it had not found there at first.
    fn saw_deploy_of(&self, other: &Self) -> Option<Instant> {
        let titles = |passed: &Passed| -> BTreeSet<String> {
            let rows: Vec<Value> = serde_json::from_str(&passed.body).unwrap_or_default();
            rows.iter().filter_map(|row| row["title"].as_str().map(str::to_owned)).collect()
        };
        let mut histories = self.answers("deployment.allByCompose");
        let found = histories.next().map(titles)?;
        histories.find(|passed| titles(passed).difference(&found).any(|title| other.is(title))).map(|passed| passed.at)
    }

    /// When it first saw the other's text, unverified.
    fn saw_text_of(&self, other: &Self) -> Option<Instant> {
        let is_others = |passed: &&Passed| {
            let row: Value = serde_json::from_str(&passed.body).unwrap_or_default();
            let header = Header::parse(row["composeFile"].as_str().unwrap_or_default());
            header.is_some_and(|header| header.run == other.run && !header.verified)
        };
        self.answers("compose.one").find(is_others).map(|passed| passed.at)
    }
}

fn is_change(procedure: &str) -> bool {
    ["compose.update", "compose.deploy", "compose.stop"].contains(&procedure)
}

/// The run that a deploy's title names.
fn run_of(title: &str) -> &str {
    title.strip_prefix("plan run=").and_then(|rest| rest.split(' ').next()).unwrap_or("nobody")
}

/// Two runs, the first first, and what they left in Dokploy.
struct Race {
    left: Vec<Left>,
    log: Vec<Request>,
    live: String,
}

impl Race {
    fn run(story: Story, second: Second) -> Self {
        let faults = story.fault.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
        let served = Served::start(Config { faults, ..Config::default() }, &small::ADDRESSES);
        let machines = ["1.0", story.version].map(|version| Machine::set_up(&served, version, story.settle));
        let is_over = Arc::new(AtomicBool::new(false));
        let until = |calls: usize| {
            let (way, is_over) = (Arc::clone(&machines[0].way), Arc::clone(&is_over));
            move || way.calls() >= calls || is_over.load(Ordering::SeqCst)
        };
        let rans = std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                let ran = machines[0].home.plan(["run", "--yes"]);
                is_over.store(true, Ordering::SeqCst);
                ran
            });
            let begun = match second {
                Second::Never => return vec![first.join().unwrap()],
                Second::Begun(calls) => until(calls),
                Second::Held(procedure, calls) => {
                    machines[1].way.hold(procedure, until(calls));
                    until(0)
                }
            };
            while !begun() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let second = machines[1].home.plan(["run", "--yes"]);
            vec![first.join().unwrap(), second]
        });
        let live = served.exports.app()["composeFile"].as_str().unwrap().to_owned();
        let left = machines.iter().zip(rans).map(|(machine, ran)| Left::of(machine, ran)).collect();
        Self { left, log: served.exports.log(), live }
    }

    /// Titles of the deploys that Dokploy took, in order.
    fn deploys(&self) -> Vec<&str> {
        let taken = self.log.iter().filter(|asked| asked.procedure == "compose.deploy" && asked.status == 200);
        taken.filter_map(|asked| asked.title.as_deref()).collect()
    }

    /// Whether the second changed nothing before the first was over: one after the other is no race.
    fn is_none(&self) -> bool {
        let over = self.left[0].passed.last().map(|passed| passed.at);
        self.left.get(1).is_none_or(|second| second.changes().next().is_none_or(|at| Some(at) > over))
    }

    /// What is wrong with it.
    fn wrongs(&self, story: Story, second: Second) -> Vec<String> {
        let mut wrongs = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                wrongs.push(what.to_owned());
            }
        };
        let deploys = self.deploys();
        let well: Vec<&Left> = self.left.iter().filter(|left| left.ran.code == story.well).collect();
        let others = self.left.iter().filter(|left| left.ran.code != story.well);
        must(well.len() <= 1 || self.is_none(), "both end well");
        must(others.clone().all(|left| left.ran.code == 7), "one ends neither well nor with 7");
        for (at, left) in self.left.iter().enumerate().filter(|(_, left)| left.ran.code == 7) {
            let Some(other) = self.left.get(1 - at) else { continue };
            must(left.ran.verdict().contains(&other.run), "the one that stops does not say for whom");
            let knew = [left.saw_text_of(other), left.saw_deploy_of(other)].into_iter().flatten().min();
            must(!left.changes().any(|change| knew.is_some_and(|knew| change > knew)), "it changes something after it knew");
            let late = left.changes().filter(|change| other.deployed().is_some_and(|deployed| *change > deployed)).count();
            must(late <= 1, "it changes more than what was on its way when the other had deployed");
            // Who was begun after the other had put its text there never gets as far as to deploy.
            if matches!(second, Second::Begun(_)) && other.ran.code == story.well {
                must(at == 0 || !deploys.iter().any(|title| left.is(title)), "the later one deployed");
            }
        }
        // Nor does the one that goes on deploy over what it saw the other deploy.
        for (left, other) in self.left.iter().zip(self.left.iter().rev()).filter(|_| self.left.len() == 2) {
            let knew = left.saw_deploy_of(other);
            must(!left.sent("compose.deploy").any(|at| knew.is_some_and(|knew| at > knew)), "it deploys over what it saw the other deploy");
        }
        // What the one that ends well says is so: its text is live, verified, and nobody deployed since. Another's text may arrive later.
        if let Some(last) = well.last().filter(|left| left.sent("compose.update").next().is_some()) {
            let over = last.passed.last().map(|passed| passed.at);
            let is_late = self.left.iter().any(|left| left.run != last.run && left.put_text() > over);
            let header = Header::parse(&self.live);
            must(is_late || header.is_some_and(|header| header.run == last.run && header.verified), "what is live is not what ended well");
            must(deploys.last().is_some_and(|title| last.is(title)), "somebody else deployed last");
        }
        must(deploys.iter().collect::<BTreeSet<_>>().len() == deploys.len(), "one deploy was asked for twice");
        let mut turns: Vec<&str> = deploys.iter().map(|title| run_of(title)).collect();
        turns.dedup();
        must(turns.len() <= 2, "deploys alternate");
        for (at, title) in deploys.iter().enumerate().filter(|(_, title)| title.contains("rollback-to=")) {
            must(at > 0 && run_of(deploys[at - 1]) == run_of(title), "a deploy of the other's is taken back");
        }
        must(!self.log.iter().any(|asked| asked.procedure == "compose.stop"), "something was stopped");
        if self.left.len() == 1 {
            must(deploys.len() == story.deploys && well.len() == 1, "a run alone does not do its work");
        }
        wrongs
    }

    /// `first`, `second`, `neither` or `one after the other`, and how many deploys each of the two made.
    fn class(&self, story: Story) -> (&'static str, Vec<usize>) {
        let made = self.left.iter().map(|left| self.deploys().iter().filter(|title| left.is(title)).count()).collect();
        let won = match self.left.iter().map(|left| left.ran.code == story.well).collect::<Vec<_>>()[..] {
            [true, true] => "one after the other",
            [true, ..] => "first",
            [_, true] => "second",
            _ => "neither",
        };
        (won, made)
    }

    fn told(&self) -> String {
        let start = self.left[0].passed[0].at;
        let one = |left: &Left| {
            let passed = left.passed.iter().filter(|passed| is_change(&passed.procedure));
            let changes: Vec<String> = passed
                .map(|passed| {
                    let what = if passed.is_answer { "answered" } else { "asked" };
                    format!("{} {what} at {:?}", passed.procedure, passed.at - start)
                })
                .collect();
            format!("run {} exit {}: {}\n{changes:#?}", left.run, left.ran.code, left.ran.verdict())
        };
        let both: Vec<String> = self.left.iter().map(one).collect();
        format!("{}\ndeploys: {:#?}\nlive: {}", both.join("\n"), self.deploys(), self.live.lines().next().unwrap_or_default())
    }
}

/// Races the second against the first at all these moments, and gives how often each came out how.
fn race(story: Story, seconds: &[Second]) -> BTreeMap<(&'static str, Vec<usize>), usize> {
    let (next, wrong, classes) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(second) = seconds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let race = Race::run(story, *second);
                    let wrongs = race.wrongs(story, *second);
                    if !wrongs.is_empty() {
                        wrong.lock().unwrap().push(format!("{second:?}: {wrongs:?}\n{}", race.told()));
                    }
                    *classes.lock().unwrap().entry(race.class(story)).or_default() += 1;
                }
            });
        }
    });
    let (wrong, classes) = (wrong.into_inner().unwrap(), classes.into_inner().unwrap());
    assert!(wrong.is_empty(), "{story:?}: {} of {} are wrong: {classes:?}\n{}", wrong.len(), seconds.len(), wrong.join("\n\n"));
    classes
}

/// How many calls the first makes when it is alone.
fn calls_alone(story: Story) -> usize {
    let alone = Race::run(story, Second::Never);
    assert_eq!(alone.wrongs(story, Second::Never), [""; 0], "{}", alone.told());
    alone.left[0].passed.iter().filter(|passed| !passed.is_answer).count()
}

/// The second begun at every `step`th call of the first: the first goes on as if it were alone in most of them, and nobody is in its way.
fn begun_at_each(story: Story, step: usize) {
    let seconds: Vec<Second> = (0..calls_alone(story)).step_by(step).map(Second::Begun).collect();
    let classes = race(story, &seconds);
    let undisturbed = classes.get(&("first", vec![story.deploys, 0])).copied().unwrap_or_default();
    assert!(undisturbed * 2 > seconds.len(), "{classes:?}");
}

#[test]
fn of_two_machines_one_goes_on_and_the_other_stops_and_says_why() {
    begun_at_each(SAME, 1);
}

#[test]
fn a_second_machine_with_another_version_stops_or_goes_on_alone() {
    begun_at_each(OTHER, 2);
}

#[test]
fn a_second_machine_leaves_a_first_that_goes_back_alone() {
    begun_at_each(ROLLED_BACK, 2);
}

#[test]
fn a_change_that_was_on_its_way_too_long_lets_nobody_take_the_other_s_deploy_back() {
    for story in [OTHER, ROLLED_BACK] {
        let calls = calls_alone(story);
        let held = ["compose.update", "compose.deploy"].into_iter();
        let seconds: Vec<Second> =
            held.flat_map(|procedure| (0..calls).step_by(4).chain([usize::MAX]).map(move |calls| Second::Held(procedure, calls))).collect();
        race(story, &seconds);
    }
}
