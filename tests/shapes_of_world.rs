//! What the world answers has the shape of what was recorded of a live Dokploy: status, content type, keys and JSON types at every depth.

use crate::recorded::called;
use crate::shapes::answers as recorded;
use rollout_plan::world::{ApiRequest, ApiResponse, Config, Fault, Key, MemberRights, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const KEY: &str = Config::API_KEY;

/// Kinds of answers that the world never gives: logs over a megabyte, and logs of a server behind SSH that cannot be reached.
const LEFT_OUT: [(&str, u16); 2] = [("compose.readLogs", 500), ("deployment.readLogs", 500)];

/// A world in which everything is to be seen: two deploys behind it, one running, one waiting, a container in each state.
struct Busy {
    world: World,
    now: Duration,
    compose: String,
}

impl Busy {
    fn new() -> Self {
        let keys = vec![
            Key::owner(KEY),
            Key::member("stranger", MemberRights::default()),
            Key::member("granted", MemberRights { services: true, ..MemberRights::default() }),
        ];
        let faults = ["loop: crash-loop", "gone: exits", "sick: http-500"].map(|fault| Fault::parse(fault).unwrap()).to_vec();
        let mut world = World::new(Config { keys, faults, ..Config::default() });
        let projects = world.api(Duration::ZERO, &ApiRequest::get("/api/project.all", &[], KEY)).unwrap().json().unwrap();
        let environments = projects[0]["environments"].as_array().unwrap();
        let compose = environments.iter().find_map(|one| one["compose"][0]["composeId"].as_str()).unwrap().to_owned();
        let mut busy = Self { world, now: Duration::ZERO, compose };
        let text = "services:\n  web: {image: web, restart: always, ports: ['8001:80'], environment: {A: '${A}'}}\n  loop: {image: loop, restart: \
                    always}\n  gone: {image: gone}\n  sick: {image: sick, healthcheck: {test: 'curl http://localhost/', interval: 1s, retries: 1}}\n  \
                    late: {image: late, depends_on: {sick: {condition: service_healthy}}}\n";
        for title in ["first", "second"] {
            busy.post("compose.update", &json!({"composeId": busy.compose, "composeFile": text}));
            busy.post("compose.deploy", &json!({"composeId": busy.compose, "title": title}));
            busy.now += Duration::from_secs(20);
        }
        while !busy.get("docker.getContainers", &[], KEY).text().contains("restarting") {
            busy.now += Duration::from_millis(100);
        }
        busy.post("compose.deploy", &json!({"composeId": busy.compose, "title": "third"}));
        busy.post("compose.deploy", &json!({"composeId": busy.compose, "title": "fourth"}));
        busy.now += Duration::from_millis(200);
        busy
    }

    fn get(&mut self, procedure: &str, query: &[(&str, &str)], key: &str) -> ApiResponse {
        self.world.api(self.now, &ApiRequest::get(&format!("/api/{procedure}"), query, key)).unwrap()
    }

    fn post(&mut self, procedure: &str, body: &Value) -> ApiResponse {
        self.world.api(self.now, &ApiRequest::post(&format!("/api/{procedure}"), body, KEY)).unwrap()
    }
}

#[test]
fn answers_have_the_recorded_shape() {
    let mut busy = Busy::new();
    let compose = busy.compose.clone();
    let one = busy.get("compose.one", &[("composeId", &compose)], KEY).json().unwrap();
    let app = one["appName"].as_str().unwrap().to_owned();
    let row = one["deployments"][0]["deploymentId"].as_str().unwrap().to_owned();
    let listed = busy.get("docker.getContainersByAppNameMatch", &[("appName", &app), ("appType", "docker-compose")], KEY).json().unwrap();
    let ids: Vec<String> = listed.as_array().unwrap().iter().map(|one| one["containerId"].as_str().unwrap().to_owned()).collect();
    let states: BTreeSet<&str> = listed.as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, BTreeSet::from(["created", "exited", "restarting", "running"]), "a container in each state");

    let mut answers: Vec<(&str, ApiResponse)> = Vec::new();
    let get = |busy: &mut Busy, procedure: &'static str, query: &[(&str, &str)], key: &str| (procedure, busy.get(procedure, query, key));
    let trpc = |busy: &mut Busy, procedure: &'static str, query: &[(&str, &str)], key: &str| {
        (procedure, busy.get(&format!("trpc/{procedure}"), query, key))
    };
    answers.push(trpc(&mut busy, "settings.health", &[], ""));
    answers.push(get(&mut busy, "settings.getDokployVersion", &[], KEY));
    answers.push(get(&mut busy, "settings.isCloud", &[], KEY));
    answers.push(get(&mut busy, "settings.getDokployVersion", &[], "wrong"));
    for key in [KEY, "wrong", "stranger", "granted"] {
        answers.push(get(&mut busy, "project.all", &[], key));
        answers.push(get(&mut busy, "deployment.queueList", &[], if key == "wrong" { KEY } else { key }));
        answers.push(get(&mut busy, "docker.getContainersByAppNameMatch", &[("appName", &app)], if key == "wrong" { KEY } else { key }));
    }
    for key in [KEY, "stranger", "granted"] {
        answers.push(get(&mut busy, "compose.one", &[("composeId", &compose)], key));
        answers.push(get(&mut busy, "deployment.allByCompose", &[("composeId", &compose)], key));
        answers.push(get(&mut busy, "deployment.readLogs", &[("deploymentId", &row)], key));
        answers.push(get(&mut busy, "docker.getContainers", &[], key));
    }
    for faulty in [false, true] {
        if faulty {
            busy.world.add_fault(busy.now, Fault::parse("dokploy: docker-down").unwrap());
        }
        answers.push(get(&mut busy, "docker.getServerHealth", &[], KEY));
        busy.world.clear_faults(busy.now);
    }
    answers.push(get(&mut busy, "compose.one", &[], KEY));
    answers.push(get(&mut busy, "compose.one", &[("composeId", "x")], KEY));
    answers.push(get(&mut busy, "deployment.readLogs", &[("deploymentId", "x")], KEY));
    answers.push(get(&mut busy, "deployment.readLogs", &[("deploymentId", &row), ("tail", "10001")], KEY));
    answers.push(get(&mut busy, "docker.getContainersByAppNameMatch", &[("appName", &app), ("serverId", "x")], KEY));
    answers.push(get(&mut busy, "docker.getContainers", &[("serverId", "x")], KEY));
    answers.push(get(&mut busy, "docker.getConfig", &[("containerId", &ids[0]), ("serverId", "x")], KEY));
    answers.push(get(&mut busy, "compose.getConvertedCompose", &[("composeId", &compose)], KEY));
    answers.push(get(&mut busy, "compose.getConvertedCompose", &[("composeId", &compose)], "granted"));
    answers.push(get(&mut busy, "docker.getConfig", &[("containerId", &ids[0])], "granted"));
    answers.push(get(&mut busy, "docker.getConfig", &[("containerId", "deadbeef0000")], KEY));
    for id in &ids {
        answers.push(get(&mut busy, "docker.getConfig", &[("containerId", id)], KEY));
        answers.push(get(&mut busy, "compose.readLogs", &[("composeId", &compose), ("containerId", id)], KEY));
    }
    for body in [json!({"composeId": compose, "env": "A=1"}), json!({"composeId": "x"}), json!({"composeId": compose, "sourceType": "x"})] {
        answers.push(("compose.update", busy.post("compose.update", &body)));
    }
    for body in [json!({"composeId": compose}), json!({}), json!({"composeId": "x"}), json!({"composeId": 5})] {
        answers.push(("compose.deploy", busy.post("compose.deploy", &body)));
    }
    for procedure in ["compose.update", "compose.deploy"] {
        let request = ApiRequest::post(&format!("/api/{procedure}"), &json!({"composeId": compose}), "stranger");
        answers.push((procedure, busy.world.api(busy.now, &request).unwrap()));
    }
    let without_type = ApiRequest { content_type: None, ..ApiRequest::post("/api/compose.deploy", &json!({}), KEY) };
    answers.push(("compose.deploy", busy.world.api(busy.now, &without_type).unwrap()));
    answers.push(("compose.cleanQueues", busy.post("compose.cleanQueues", &json!({"composeId": compose}))));
    answers.push(("compose.stop", busy.post("compose.stop", &json!({"composeId": compose}))));
    busy.world.add_fault(busy.now, Fault::parse("dokploy: docker-down").unwrap());
    answers.push(("compose.stop", busy.post("compose.stop", &json!({"composeId": compose}))));
    busy.world.add_fault(busy.now, Fault::parse("dokploy: database-down").unwrap());
    answers.push(trpc(&mut busy, "settings.health", &[], ""));

    let mut compared = BTreeSet::new();
    let mut wrong = Vec::new();
    for (procedure, answer) in answers {
        let of_procedure = recorded(procedure);
        let Some(shape) = of_procedure.get(&answer.status) else {
            wrong.push(format!("{procedure} was never recorded with {}: {}", answer.status, answer.text()));
            continue;
        };
        compared.insert((procedure, answer.status));
        let place = format!("{procedure} {}", answer.status);
        let kind = answer.content_type.map(|kind| kind.split(';').next().unwrap().to_owned());
        if !shape.content_types.contains(&kind) {
            wrong.push(format!("{place}: content type {kind:?}, recorded {:?}", shape.content_types));
        }
        match answer.json() {
            Some(body) => wrong.extend(shape.shape.differences(&body).into_iter().map(|difference| format!("{place}: {difference}"))),
            None if answer.text().is_empty() && shape.may_be_empty => {}
            None => wrong.push(format!("{place}: not JSON: {}", answer.text())),
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "\n{}", wrong.join("\n"));
    let all = called();
    let all = all.iter().flat_map(|call| recorded(call.procedure()).into_keys().map(|status| (call.procedure(), status)));
    let missing: Vec<(&str, u16)> = all.filter(|place| !compared.contains(place) && !LEFT_OUT.contains(place)).collect();
    assert_eq!(missing, [], "recorded and not compared");
}
