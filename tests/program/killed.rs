//! The process really killed (SIGKILL), at each durable write and at each distinct call to Dokploy, before the call arrives and after it took
//! effect, against a sandbox that lives on; then resumed. Each ends as the run that nobody disturbed, with as many deploys.

use super::binary::Home;
use super::served::{Exports, Served};
use super::small;
use super::way::{Moment, Way};
use rollout_plan::schedule::{Header, body_of};
use rollout_plan::world::{Config, Fault};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Runs at once. They mostly wait.
const SIDE_BY_SIDE: usize = 8;

/// A rollout to be killed in.
#[derive(Clone, Copy)]
enum Story {
    /// Both phases are verified.
    Succeeds,
    /// The second phase never answers and is rolled back.
    RollsBack,
}

/// Where the process is killed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Killed {
    Never,
    /// As soon as the journal has so many lines.
    AtLine(usize),
    /// At the first call of this procedure.
    AtCall(String, Moment),
}

/// How a story ended, as far as a disturbed one must be like the undisturbed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    code: i32,
    verdict: String,
    /// The marker's phase and whether it says verified, and the text below it.
    text: (String, bool, String),
    running: BTreeSet<String>,
    /// Calls of `compose.deploy` by what they are for.
    deploys: BTreeMap<String, usize>,
}

/// A world, a home with the plan, and the way between them.
struct Scene {
    served: Served,
    way: Way,
    home: Home,
}

impl Scene {
    fn set(story: Story) -> Self {
        let (faults, settle) = match story {
            Story::Succeeds => (Vec::new(), "30s"),
            Story::RollsBack => (vec![Fault::parse("worker: http-500").unwrap()], "1s"),
        };
        let served = Served::start(Config { faults, ..Config::default() }, &small::ADDRESSES);
        let way = Way::to(&served.exports.url);
        let Exports { key, connect_to, .. } = &served.exports;
        let home = Home::new().with("DOKPLOY_URL", &way.url()).with("DOKPLOY_API_KEY", key).with("PLAN_CONNECT_TO", connect_to);
        small::put_quick(&home, "1.0", settle);
        Self { served, way, home }
    }

    /// Lines of the journal of the first run.
    fn lines(&self) -> usize {
        let journal = self.home.runs().first().map(|run| run.join("journal.jsonl"));
        let text = journal.and_then(|journal| std::fs::read_to_string(journal).ok()).unwrap_or_default();
        text.matches('\n').count()
    }

    /// Whether the run recorded its end. A line that was torn in the middle of its write is no record.
    fn has_ended(&self) -> bool {
        let text = std::fs::read_to_string(self.home.run().join("journal.jsonl")).unwrap();
        text.split_inclusive('\n').any(|line| line.ends_with('\n') && line.contains("\"event\":\"run-ended\""))
    }

    /// Runs the story, killed or not, and resumes what was killed. `None`: it was over before it could be killed.
    fn play(&self, killed: &Killed) -> Option<End> {
        if let Killed::AtCall(procedure, moment) = killed {
            self.way.arm(procedure, *moment);
        }
        let mut process = self.home.command(["run", "--yes"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        self.way.victim(process.id());
        if let Killed::AtLine(line) = killed {
            while self.lines() < *line && process.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_micros(200));
            }
            process.kill().unwrap();
        }
        let output = process.wait_with_output().unwrap();
        match (output.status.code(), killed) {
            (Some(code), Killed::Never) => {
                let stdout = String::from_utf8(output.stdout).unwrap();
                Some(self.end(code, stdout.lines().last().unwrap_or_default()))
            }
            (Some(_), _) => None,
            // It had said how it ended, and died before it could leave: there is nothing to go on with, and its record says the same.
            (None, _) if self.has_ended() => {
                let shown = self.home.plan(["show", "latest"]);
                let verdict = shown.ends(0).verdict();
                let code = verdict.split("exit ").nth(1).and_then(|rest| rest.split(':').next()).unwrap().parse().unwrap();
                Some(self.end(code, verdict))
            }
            (None, _) => {
                let ran = self.home.plan(["run", "--resume", "--yes"]);
                assert!([0, 4].contains(&ran.code), "{killed:?}: {}\n{}", ran.stdout, ran.stderr);
                Some(self.end(ran.code, ran.verdict()))
            }
        }
    }

    fn end(&self, code: i32, verdict: &str) -> End {
        let text = self.served.exports.app()["composeFile"].as_str().unwrap().to_owned();
        let header = Header::parse(&text).unwrap();
        let mut deploys = BTreeMap::new();
        for request in self.served.exports.log().iter().filter(|request| request.procedure == "compose.deploy") {
            let title = request.title.clone().unwrap_or_default();
            let purpose = title.split(' ').find(|word| word.starts_with("phase=") || word.starts_with("rollback-to=")).unwrap_or_default();
            *deploys.entry(purpose.to_owned()).or_default() += 1;
        }
        End {
            code,
            verdict: verdict.to_owned(),
            text: (header.phase.clone(), header.verified, body_of(&text).to_owned()),
            running: self.served.exports.containers().into_keys().collect(),
            deploys,
        }
    }
}

/// Kills the story everywhere and compares each end with the undisturbed one's.
fn killed_everywhere(story: Story, code: i32) {
    let undisturbed = Scene::set(story);
    let end = undisturbed.play(&Killed::Never).unwrap();
    assert_eq!(end.code, code, "{end:?}");
    let lines = (1..undisturbed.lines()).map(Killed::AtLine);
    let procedures = undisturbed.way.procedures().into_iter();
    let calls = procedures.flat_map(|call| [Killed::AtCall(call.clone(), Moment::Before), Killed::AtCall(call, Moment::After)]);
    let kills: Vec<Killed> = lines.chain(calls).collect();
    let (next, wrong, late) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(killed) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match Scene::set(story).play(killed) {
                        Some(disturbed) if disturbed == end => {}
                        Some(disturbed) => wrong.lock().unwrap().push((killed.clone(), disturbed)),
                        None => {
                            late.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "undisturbed: {end:#?}\n{} of {} are not like it: {wrong:#?}", wrong.len(), kills.len());
    // Only a kill at one of the last lines can come too late.
    assert!(late.into_inner() <= 3, "the process was hardly ever killed");
}

#[test]
fn a_killed_rollout_is_resumed_to_the_same_end() {
    killed_everywhere(Story::Succeeds, 0);
}

#[test]
fn a_killed_rollback_is_resumed_to_the_same_end() {
    killed_everywhere(Story::RollsBack, 4);
}
