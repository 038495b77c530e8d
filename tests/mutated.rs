//! Every answer of every endpoint, with each place of it spoilt in each way, once and for good: no panic, and nothing is taken for a
//! success that the world does not bear out. The world is the truth; what is spoilt is only what the client is told of it.

use crate::recorded::called;
use rollout_plan::dokploy::{Call, Masks, Next, Procedure, Reply, Session, Target};
use rollout_plan::engine::{Answer, ContainerId, ContainerState, DeployEnd, DeploymentId, Intent, Moment, Observed, RowStatus};
use rollout_plan::wire::{self, HttpResponse, Method};
use rollout_plan::world::{ApiRequest, Compose, Config, Environment, Fault, Project, Verb, World};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const MARKER: &str = "plan run=r phase=core try=1";
const NEW: &str = "services:\n  web: {image: 'web:2', restart: always}\n  db: {image: 'db:1'}\n";
const OLD: &str = "services:\n  web: {image: 'web:1', restart: always}\n";

/// How a place is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoil {
    Missing,
    Null,
    WrongType,
    Other,
    Huge,
    EmptyArray,
    ExtraRows,
    /// Another status, but never a success that is none: that would be Dokploy's own word.
    Status(&'static str),
}

const SPOILS: [Spoil; 11] = [
    Spoil::Missing,
    Spoil::Null,
    Spoil::WrongType,
    Spoil::Other,
    Spoil::Huge,
    Spoil::EmptyArray,
    Spoil::ExtraRows,
    Spoil::Status("queued"),
    Spoil::Status("error"),
    Spoil::Status("running"),
    Spoil::Status("cancelled"),
];

fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| places(value, &format!("{path}/{}", key.replace('/', "~1")), found)),
        // What is wrong with the second row is wrong with the first.
        Value::Array(list) => list.iter().take(1).enumerate().for_each(|(at, value)| places(value, &format!("{path}/{at}"), found)),
        _ => {}
    }
}

/// The body with a place spoilt; `None` when this way makes no sense there.
fn spoilt(body: &Value, path: &str, how: Spoil) -> Option<Value> {
    let mut spoilt = body.clone();
    let place = spoilt.pointer_mut(path)?;
    *place = match (how, &*place) {
        (Spoil::Missing, _) => {
            let (parent, key) = path.rsplit_once('/')?;
            match spoilt.pointer_mut(parent)? {
                Value::Object(map) => drop(map.remove(&key.replace("~1", "/"))),
                Value::Array(list) => drop(list.remove(key.parse().ok()?)),
                _ => return None,
            }
            return Some(spoilt);
        }
        (Spoil::Null, _) => Value::Null,
        (Spoil::WrongType, Value::String(_)) => json!(7),
        (Spoil::WrongType, Value::Number(_) | Value::Bool(_)) => json!("x"),
        (Spoil::WrongType, _) => json!(true),
        (Spoil::Other, Value::String(_)) => json!("something else"),
        (Spoil::Other, Value::Number(_)) => json!(999_999),
        (Spoil::Other, Value::Bool(said)) => json!(!said),
        (Spoil::Huge, Value::String(_)) => json!("x".repeat(200_000)),
        (Spoil::Huge, Value::Number(_)) => json!(u64::MAX),
        (Spoil::EmptyArray, Value::Array(list)) if !list.is_empty() => json!([]),
        (Spoil::ExtraRows, Value::Array(list)) => list.iter().chain(list).chain([&json!({}), &json!(null)]).cloned().collect(),
        (Spoil::Status(status), Value::String(_)) if path.ends_with("/status") || path.ends_with("/state") => json!(status),
        _ => return None,
    };
    Some(spoilt)
}

/// Who spoils what.
#[derive(Clone, Debug)]
struct Liar {
    procedure: &'static str,
    path: String,
    how: Spoil,
    once: bool,
}

/// A world and the client's view of it.
#[derive(Clone)]
struct Play {
    world: World,
    now: Moment,
    /// The first answer of each procedure.
    seen: BTreeMap<&'static str, Value>,
    lied: bool,
}

impl Play {
    fn new(world: World, now: Moment) -> Self {
        Self { world, now, seen: BTreeMap::new(), lied: false }
    }

    fn answer(&mut self, call: &Call, liar: Option<&Liar>) -> Reply {
        let request = wire::encode(call);
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let request = ApiRequest {
            method: if request.method == Method::Get { Verb::Get } else { Verb::Post },
            path: path.to_owned(),
            query: pairs.map(|(name, value)| (name.to_owned(), value.replace("%20", " "))).collect(),
            key: request.with_key.then(|| Config::API_KEY.to_owned()),
            content_type: Some("application/json".to_owned()),
            body: request.body.clone().unwrap_or_default().into_bytes(),
        };
        let response = self.world.api(time(self.now), &request).expect("it is up");
        let mut body = response.text().into_bytes();
        if let Some(json) = response.json() {
            if let Some(liar) = liar.filter(|liar| liar.procedure == call.procedure() && !(liar.once && self.lied))
                && let Some(spoilt) = spoilt(&json, &liar.path, liar.how)
            {
                self.lied = true;
                body = spoilt.to_string().into_bytes();
            }
            self.seen.entry(call.procedure()).or_insert(json);
        }
        let content_type = response.content_type.map(|form| form.split(';').next().unwrap_or(form).to_owned());
        wire::decode(call, &HttpResponse { status: response.status, content_type, body })
    }

    /// Plays an intent to its end; `None` when it has none in twenty minutes.
    fn play(&mut self, session: &mut Session, intent: &Intent, liar: Option<&Liar>) -> Option<Answer> {
        let mut procedure: Procedure = session.begin(intent).expect("an intent for Dokploy");
        let (until, mut replies) = (self.now + Duration::from_secs(1_200), Vec::new());
        while self.now < until {
            match procedure.turn(self.now, std::mem::take(&mut replies)).next {
                Next::Calls(calls) => {
                    replies = calls.iter().map(|call| self.answer(call, liar)).collect();
                    self.now = self.now + Duration::from_millis(20);
                }
                Next::Wait(then) => self.now = then,
                Next::Done(answer) => {
                    session.learn(&procedure);
                    return Some(answer);
                }
            }
        }
        None
    }

    fn truth(&mut self, procedure: &str, query: &[(&str, &str)]) -> Value {
        let request = ApiRequest::get(&format!("/api/{procedure}"), query, Config::API_KEY);
        self.world.api(time(self.now), &request).expect("it is up").json().unwrap_or(Value::Null)
    }
}

fn time(now: Moment) -> Duration {
    now - Moment::START
}

/// A world with the old text live and deployed, and these faults.
fn world(faults: &[&str]) -> World {
    let compose = Compose { text: OLD.to_owned(), deployed: true, ..Compose::named("backend") };
    let environments = vec![Environment { name: "staging".to_owned(), composes: vec![compose] }];
    let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
    World::new(Config { projects: vec![Project { name: "Backend".to_owned(), environments }], faults, ..Config::default() })
}

/// An intent, and the world that it meets.
struct Scene {
    intent: Intent,
    faults: &'static [&'static str],
    /// What was done before.
    before: Vec<Intent>,
}

fn scenes() -> Vec<Scene> {
    let replace = || Intent::Replace { expected: OLD.to_owned(), text: NEW.to_owned() };
    let deploy = || Intent::Deploy { expected: NEW.to_owned(), marker: MARKER.to_owned() };
    let scene = |intent, faults, before| Scene { intent, faults, before };
    vec![
        scene(Intent::Survey, &[], vec![]),
        // Nothing of the app is there: an empty list has to be settled.
        scene(Intent::Observe, &["web: exits"], vec![Intent::Stop]),
        scene(replace(), &[], vec![]),
        scene(deploy(), &[], vec![replace()]),
        scene(deploy(), &["web: image-missing"], vec![replace()]),
        scene(deploy(), &["dokploy: job-lost"], vec![replace()]),
        scene(Intent::Observe, &["web: crash-loop"], vec![replace(), deploy()]),
        scene(Intent::DeployLog { deployment: DeploymentId("d".to_owned()), lines: 50 }, &[], vec![]),
        scene(
            Intent::ContainerLogs { containers: vec![("web".to_owned(), ContainerId("c".to_owned()))], lines: 50, seconds: None },
            &[],
            vec![],
        ),
        scene(Intent::Stop, &[], vec![replace(), deploy()]),
        scene(Intent::Withdraw { marker: MARKER.to_owned() }, &[], vec![]),
    ]
}

/// The client, its world, and the intent with real ids.
fn stage(scene: &Scene) -> (Play, Session, Intent) {
    let target = Target { project: "Backend".into(), environment: "staging".into(), compose: "backend".into() };
    let mut session = Session::new(target, Masks::default());
    let mut play = Play::new(world(scene.faults), Moment::START);
    play.play(&mut session, &Intent::Survey, None).unwrap();
    for intent in &scene.before {
        play.play(&mut session, intent, None);
    }
    let app = session.app().unwrap().clone();
    let intent = match &scene.intent {
        Intent::DeployLog { lines, .. } => {
            let row = play.truth("deployment.allByCompose", &[("composeId", &app.compose)])[0]["deploymentId"].as_str().unwrap().to_owned();
            Intent::DeployLog { deployment: DeploymentId(row), lines: *lines }
        }
        Intent::ContainerLogs { lines, .. } => {
            let id = containers(&mut play)[0]["containerId"].as_str().unwrap().to_owned();
            Intent::ContainerLogs { containers: vec![("web".to_owned(), ContainerId(id))], lines: *lines, seconds: None }
        }
        Intent::Withdraw { .. } => {
            // Our job waits behind another deploy of somebody else.
            for title in ["somebody else's", MARKER] {
                let body = json!({ "composeId": app.compose, "title": title });
                play.world.api(time(play.now), &ApiRequest::post("/api/compose.deploy", &body, Config::API_KEY)).unwrap();
            }
            scene.intent.clone()
        }
        other => other.clone(),
    };
    play.seen.clear();
    (play, session, intent)
}

fn containers(play: &mut Play) -> Vec<Value> {
    play.truth("docker.getContainers", &[]).as_array().unwrap().iter().filter(|row| row["state"] != "No state").cloned().collect()
}

/// Whether the world bears the answer out; why not.
fn contradiction(play: &mut Play, session: &Session, answer: &Answer, liar: &Liar) -> Option<String> {
    let compose = session.app().unwrap().compose.clone();
    let rows = |play: &mut Play| play.truth("deployment.allByCompose", &[("composeId", &compose)]);
    match answer {
        Answer::Replaced => {
            let live = play.truth("compose.one", &[("composeId", &compose)])["composeFile"].clone();
            (live != NEW).then(|| format!("replaced, and live is {live}"))
        }
        Answer::Deployed(DeployEnd::Finished { status: RowStatus::Done, .. }) => {
            let rows = rows(play);
            let row = rows.as_array().unwrap().iter().find(|row| row["title"] == MARKER).cloned().unwrap_or(Value::Null);
            (row["status"] != "done").then(|| format!("deployed, and the row is {row}"))
        }
        Answer::Observed(Observed::Known(seen)) => {
            let there: BTreeMap<String, String> = containers(play)
                .iter()
                .map(|row| (row["containerId"].as_str().unwrap().to_owned(), row["state"].as_str().unwrap().to_owned()))
                .collect();
            let ids: BTreeSet<&str> = seen.iter().map(|one| one.id.short()).collect();
            if seen.is_empty() && !there.is_empty() {
                return Some(format!("no container, and there are {there:?}"));
            }
            let ghosts: Vec<&&str> = ids.iter().filter(|id| !there.contains_key(**id)).collect();
            // What an inspection itself says of the state is Docker's own word.
            let is_docker_s = liar.procedure == "docker.getConfig" && liar.path.starts_with("/State");
            let alive = seen
                .iter()
                .find(|one| one.state == ContainerState::Running && there.get(one.id.short()).is_some_and(|state| state == "exited"));
            (!ghosts.is_empty() || alive.is_some() && !is_docker_s).then(|| format!("{ghosts:?} {alive:?}, and there are {there:?}"))
        }
        Answer::Stopped => {
            let running: Vec<Value> = containers(play).into_iter().filter(|row| row["state"] == "running").collect();
            (!running.is_empty()).then(|| format!("stopped, and {running:?} run"))
        }
        Answer::Withdrawn(true) => {
            let (queue, rows) = (play.truth("deployment.queueList", &[]).to_string(), rows(play).to_string());
            (queue.contains(MARKER) || rows.contains(MARKER)).then(|| format!("withdrawn, and there is {queue} and {rows}"))
        }
        Answer::Surveyed(survey) => {
            let is_text = liar.path == "/composeFile" || liar.path.is_empty();
            (survey.text != OLD && !is_text).then(|| format!("the live text is {}", survey.text))
        }
        _ => None,
    }
}

#[test]
fn nothing_spoilt_is_taken_for_a_success_that_is_none() {
    let mut heard: BTreeSet<&'static str> = BTreeSet::new();
    let mut tried = 0;
    for scene in scenes() {
        let staged = stage(&scene);
        let (mut honest, mut session, intent) = staged.clone();
        honest.play(&mut session, &intent, None);
        for (procedure, body) in honest.seen.clone() {
            heard.insert(procedure);
            let mut found = Vec::new();
            places(&body, "", &mut found);
            for path in found {
                for how in SPOILS {
                    if spoilt(&body, &path, how).is_none() {
                        continue;
                    }
                    // Alternately, except where a single lie and a lasting one differ most.
                    let both = path.is_empty() || matches!(how, Spoil::Status(_) | Spoil::EmptyArray);
                    let chosen: &[bool] = if both { &[true, false] } else { &[tried % 2 == 0] };
                    for &once in chosen {
                        let liar = Liar { procedure, path: path.clone(), how, once };
                        let (mut play, mut session, intent) = staged.clone();
                        let answer = play.play(&mut session, &intent, Some(&liar));
                        tried += 1;
                        let wrong = answer.as_ref().and_then(|answer| contradiction(&mut play, &session, answer, &liar));
                        assert_eq!(wrong, None, "{intent:?} with {liar:?}: {answer:?}");
                    }
                }
            }
        }
    }
    let all: BTreeSet<&str> = called().iter().map(Call::procedure).collect();
    // Its body is not asked for unless Docker shows nothing at all; `tests/observing.rs` has it.
    let missing: Vec<&&str> = all.difference(&heard).filter(|name| !["docker.getServerHealth"].contains(*name)).collect();
    assert!(missing.is_empty(), "never asked: {missing:?}");
    assert!(tried > 1_000, "{tried}");
}
