//! The world as its callers see it: Dokploy's queue and rows, compose's rules, faults, and containers over time.

use rollout_plan::world::{
    ApiRequest, ApiResponse, Compose, Config, Content, Environment, Fault, Key, MemberRights, OtherContainer, Project, ServiceAnswer, World,
};
use serde_json::{Value, json};
use std::time::Duration;

const KEY: &str = Config::API_KEY;

/// A world and a clock that a test moves.
struct Bench {
    world: World,
    now: Duration,
}

impl Bench {
    fn new(config: Config) -> Self {
        Self { world: World::new(config), now: Duration::ZERO }
    }

    fn with_faults(faults: &[&str]) -> Self {
        let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
        Self::new(Config { faults, ..Config::default() })
    }

    fn wait(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.world.advance(self.now);
    }

    fn get(&mut self, procedure: &str, query: &[(&str, &str)]) -> ApiResponse {
        self.world.api(self.now, &ApiRequest::get(&format!("/api/{procedure}"), query, KEY)).expect("Dokploy is up")
    }

    fn read(&mut self, procedure: &str, query: &[(&str, &str)]) -> Value {
        let response = self.get(procedure, query);
        assert_eq!(response.status, 200, "{procedure}: {}", response.text());
        response.json().expect("JSON")
    }

    fn post(&mut self, procedure: &str, body: &Value) -> ApiResponse {
        self.world.api(self.now, &ApiRequest::post(&format!("/api/{procedure}"), body, KEY)).expect("Dokploy is up")
    }

    fn compose_id(&mut self) -> String {
        let projects = self.read("project.all", &[]);
        let environments = projects[0]["environments"].as_array().unwrap();
        let staging = environments.iter().find(|environment| environment["name"] == "staging").expect("staging");
        staging["compose"][0]["composeId"].as_str().unwrap().to_owned()
    }

    fn app_name(&mut self) -> String {
        let id = self.compose_id();
        self.read("compose.one", &[("composeId", &id)])["appName"].as_str().unwrap().to_owned()
    }

    fn write(&mut self, text: &str) {
        let id = self.compose_id();
        assert_eq!(self.post("compose.update", &json!({"composeId": id, "composeFile": text})).status, 200);
    }

    fn call_deploy(&mut self, title: &str) {
        let id = self.compose_id();
        let answer = self.post("compose.deploy", &json!({"composeId": id, "title": title, "description": title}));
        assert_eq!(answer.json().unwrap()["message"], "Deployment queued");
    }

    /// Writes, deploys and waits until the row is final; gives the row.
    fn deploy(&mut self, text: &str, title: &str) -> Value {
        self.write(text);
        self.call_deploy(title);
        for _ in 0..600 {
            self.wait(100);
            let row = self.rows()[0].clone();
            if row["title"] == title && row["status"] != "running" {
                return row;
            }
        }
        panic!("the deploy does not end");
    }

    fn rows(&mut self) -> Value {
        let id = self.compose_id();
        self.read("deployment.allByCompose", &[("composeId", &id)])
    }

    fn deploy_log(&mut self) -> String {
        let row = self.rows()[0]["deploymentId"].as_str().unwrap().to_owned();
        self.read("deployment.readLogs", &[("deploymentId", &row), ("tail", "1000")]).as_str().unwrap().to_owned()
    }

    /// What `docker inspect` says of a service's container.
    fn inspect(&mut self, service: &str) -> Value {
        let app = self.app_name();
        let listed = self.read("docker.getContainersByAppNameMatch", &[("appName", &app), ("appType", "docker-compose")]);
        for container in listed.as_array().unwrap() {
            let inspected = self.read("docker.getConfig", &[("containerId", container["containerId"].as_str().unwrap())]);
            if inspected["Config"]["Labels"]["com.docker.compose.service"] == service {
                return inspected;
            }
        }
        Value::Null
    }

    fn services(&mut self) -> Vec<String> {
        let app = self.app_name();
        let listed = self.read("docker.getContainersByAppNameMatch", &[("appName", &app), ("appType", "docker-compose")]);
        let mut names: Vec<String> = listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names.iter().map(|name| name.trim_start_matches(&*app).trim_matches('-').trim_end_matches("-1").to_owned()).collect()
    }

    fn status(&mut self, port: u16) -> Option<u16> {
        match self.world.service(self.now, port, "/health") {
            ServiceAnswer::Http { status, .. } => Some(status),
            ServiceAnswer::Hang | ServiceAnswer::Refused => None,
        }
    }
}

/// `a` on 8001, `b` on 8002 which depends on `a`, `c` on 8003 which depends on nothing.
fn text(a: &str, c: Option<&str>) -> String {
    let mut text = format!(
        "services:\n  a:\n    image: {a}\n    restart: unless-stopped\n    ports: [\"8001:80\"]\n  b:\n    image: b:1\n    restart: unless-stopped\n    \
         ports: [\"8002:80\"]\n    depends_on: [a]\n"
    );
    if let Some(c) = c {
        text = format!("{text}  c:\n    image: {c}\n    restart: unless-stopped\n    ports: [\"8003:80\"]\n");
    }
    text
}

#[test]
fn a_deploy_makes_its_row_when_it_starts_and_its_services_answer_after_their_boot() {
    let mut bench = Bench::new(Config::default());
    bench.write(&text("a:1", None));
    bench.call_deploy("first");
    assert_eq!(bench.rows(), json!([]), "no row before the job starts");
    assert_eq!(bench.read("deployment.queueList", &[])[0]["state"], "active");
    bench.wait(60);
    assert_eq!(bench.rows()[0]["status"], "running");
    assert_eq!(bench.rows()[0]["description"], "first");
    assert!(bench.deploy_log().starts_with("Initializing deployment\n"), "the log can be read while it runs");
    bench.wait(4_500);
    assert_eq!(bench.rows()[0]["status"], "done");
    assert_eq!(bench.read("deployment.queueList", &[]), json!([]));
    assert!(bench.deploy_log().ends_with(" Started\nDocker Compose Deployed: ✅\n"), "{}", bench.deploy_log());
    assert_eq!(bench.status(8001), None, "it boots");
    bench.wait(2_500);
    assert_eq!(bench.status(8001), Some(200));
    assert_eq!(bench.services(), ["a", "b"]);
}

#[test]
fn unchanged_services_stay_and_changed_ones_take_their_dependents_along() {
    let mut bench = Bench::new(Config::default());
    bench.deploy(&text("a:1", Some("c:1")), "one");
    let before = ["a", "b", "c"].map(|service| bench.inspect(service));
    let started = bench.now;
    bench.deploy(&text("a:1", Some("c:1")), "again");
    assert!(bench.now < started + Duration::from_millis(1_500), "nothing to do takes no time");
    assert_eq!(["a", "b", "c"].map(|service| bench.inspect(service)), before);
    bench.deploy(&text("a:2", Some("c:1")), "two");
    assert_ne!(bench.inspect("a")["Id"], before[0]["Id"]);
    assert_ne!(bench.inspect("b")["Id"], before[1]["Id"], "a dependent is recreated");
    assert_eq!(bench.inspect("c"), before[2]);
    bench.deploy(&text("a:2", None), "three");
    assert_eq!(bench.services(), ["a", "b"], "an orphan goes");
    assert!(bench.deploy_log().contains("-c-1  Removed"));
}

#[test]
fn a_missing_image_touches_nothing() {
    let mut bench = Bench::with_faults(&["c: image-missing"]);
    bench.deploy(&text("a:1", None), "plan run=r phase=one try=1");
    let before = ["a", "b"].map(|service| bench.inspect(service));
    let row = bench.deploy(&text("a:2", Some("c:1")), "plan run=r phase=two try=1");
    assert_eq!(row["status"], "error");
    assert_eq!(["a", "b"].map(|service| bench.inspect(service)), before);
    let log = bench.deploy_log();
    assert!(log.contains(" c Error manifest for c:1 not found"), "{log}");
    assert!(log.ends_with("Error: ❌ Docker command failed\n\nError occurred ❌, check the logs for details.\n"), "{log}");
    assert_eq!(row["errorMessage"], Value::Null);
}

#[test]
fn a_failing_build_is_named_in_the_log() {
    let mut bench = Bench::with_faults(&["web: build-fails in two"]);
    let built = "services:\n  web:\n    build: https://git.example/x.git#main:web\n    ports: [\"8001:80\"]\n";
    assert_eq!(bench.deploy(built, "plan run=r phase=one try=1")["status"], "done");
    let id = bench.inspect("web")["Id"].clone();
    let row = bench.deploy(built, "plan run=r phase=two try=1");
    assert_eq!(row["status"], "error", "a build that is cached is made all the same");
    let log = bench.deploy_log();
    assert!(log.contains("\n > [web 4/4] RUN pip install") && log.contains("\nfailed to solve: "), "{log}");
    assert_eq!(bench.inspect("web")["Id"], id);
}

#[test]
fn a_taken_port_leaves_the_container_created() {
    let containers = vec![OtherContainer {
        name: "other".into(),
        image: "x".into(),
        ports: vec![(8003, 80)],
        running: true,
        has_healthcheck: false,
        external: None,
    }];
    let mut bench = Bench::new(Config { containers, ..Config::default() });
    let row = bench.deploy(&text("a:1", Some("c:1")), "one");
    assert_eq!(row["status"], "error");
    assert_eq!(bench.inspect("c")["State"]["Status"], "created");
    assert!(bench.deploy_log().contains("Bind for 0.0.0.0:8003 failed: port is already allocated"));
    let host = bench.read("docker.getContainers", &[]);
    let other = host.as_array().unwrap().iter().find(|one| one["name"] == "other").expect("listed");
    assert_eq!(other["ports"], "0.0.0.0:8003->80/tcp, [::]:8003->80/tcp");
}

#[test]
fn a_crash_loop_restarts_with_a_doubling_backoff() {
    let mut bench = Bench::with_faults(&["a: crash-loop"]);
    assert_eq!(bench.deploy(&text("a:1", None), "one")["status"], "done", "done only means that the command exited 0");
    let mut counts = Vec::new();
    for _ in 0..12 {
        bench.wait(2_000);
        let inspected = bench.inspect("a");
        counts.push(inspected["RestartCount"].as_u64().unwrap());
        assert_eq!(bench.status(8001), None);
    }
    assert!(counts.windows(2).all(|pair| pair[0] <= pair[1]) && counts[0] >= 1, "{counts:?}");
    let early = counts[3] - counts[0];
    let late = counts[11] - counts[8];
    assert!(early > late, "the backoff grows: {counts:?}");
    let id = bench.inspect("a")["Id"].as_str().unwrap()[..12].to_owned();
    let compose = bench.compose_id();
    let log = bench.read("compose.readLogs", &[("composeId", &compose), ("containerId", &id), ("tail", "500")]);
    assert!(log.as_str().unwrap().lines().count() >= 100, "a crash loop writes enough to keep a tail of it");
    assert!(log.as_str().unwrap().contains("Traceback (most recent call last):"));
    assert_eq!(bench.inspect("b")["RestartCount"], 0);
}

#[test]
fn rolling_back_from_a_fault_leaves_earlier_services_untouched() {
    let mut bench = Bench::with_faults(&["c: crash-loop"]);
    bench.deploy(&text("a:1", None), "plan run=r phase=one try=1");
    bench.wait(5_000);
    let before = ["a", "b"].map(|service| bench.inspect(service));
    bench.deploy(&text("a:1", Some("c:1")), "plan run=r phase=two try=1");
    bench.wait(10_000);
    assert!(bench.inspect("c")["RestartCount"].as_u64().unwrap() > 2);
    assert_eq!(bench.deploy(&text("a:1", None), "plan run=r rollback-to=one try=1")["status"], "done");
    assert_eq!(["a", "b"].map(|service| bench.inspect(service)), before);
    assert_eq!((bench.status(8001), bench.status(8003)), (Some(200), None));
}

#[test]
fn a_fault_of_a_rollback_strikes_then_only() {
    let mut bench = Bench::with_faults(&["a: http-500 in rollback"]);
    bench.deploy(&text("a:1", None), "plan run=r phase=one try=1");
    bench.wait(3_000);
    assert_eq!(bench.status(8001), Some(200));
    bench.deploy(&text("a:1", None), "plan run=r rollback-to=one try=1");
    bench.wait(3_000);
    assert_eq!((bench.status(8001), bench.status(8002)), (Some(500), Some(200)));
}

#[test]
fn the_other_kinds_of_faults() {
    let mut bench = Bench::with_faults(&["a: never-healthy", "b: oom", "c: slow-start 30s"]);
    bench.deploy(&text("a:1", Some("c:1")), "one");
    bench.wait(10_000);
    assert_eq!(bench.world.service(bench.now, 8001, "/"), ServiceAnswer::Hang);
    assert_eq!(bench.inspect("a")["State"]["Running"], true);
    let oom = bench.inspect("b");
    assert!(oom["RestartCount"].as_u64().unwrap() >= 2 && bench.status(8002).is_none());
    assert_eq!(bench.status(8003), None);
    bench.wait(25_000);
    assert_eq!(bench.status(8003), Some(200));

    let mut bench = Bench::with_faults(&["a: exits", "c: port-conflict"]);
    assert_eq!(bench.deploy(&text("a:1", Some("c:1")), "one")["status"], "error");
    bench.wait(5_000);
    let exited = bench.inspect("a");
    assert_eq!((&exited["State"]["Status"], &exited["State"]["ExitCode"]), (&json!("exited"), &json!(1)));
    assert_eq!(exited["HostConfig"]["RestartPolicy"]["Name"], "no");
    assert_eq!(bench.inspect("c")["State"]["Status"], "created");
}

#[test]
fn docker_judges_health_by_what_the_service_answers() {
    let text = "services:\n  db:\n    image: db\n    healthcheck: {test: \"curl -f http://localhost/ok\", interval: 2s, retries: 2}\n  web:\n    image: \
                web\n    depends_on: {db: {condition: service_healthy}}\n";
    let mut bench = Bench::new(Config::default());
    assert_eq!(bench.deploy(text, "one")["status"], "done");
    assert_eq!(bench.inspect("db")["State"]["Health"]["Status"], "healthy");
    assert!(bench.deploy_log().contains("-db-1  Waiting\n") && bench.deploy_log().contains("-db-1  Healthy\n"));
    let mut bench = Bench::with_faults(&["db: http-500"]);
    assert_eq!(bench.deploy(text, "one")["status"], "error");
    assert!(bench.deploy_log().contains("dependency failed to start: container"));
    assert_eq!(bench.inspect("web")["State"]["Status"], "created");
    let app = bench.app_name();
    let listed = bench.read("docker.getContainersByAppNameMatch", &[("appName", &app), ("appType", "docker-compose")]);
    assert!(listed.to_string().contains("(unhealthy)"), "{listed}");
}

#[test]
fn a_one_shot_is_waited_for_and_runs_again_on_every_deploy() {
    let text = "services:\n  migrate:\n    image: m\n  web:\n    image: web\n    depends_on: {migrate: {condition: service_completed_successfully}}\n";
    let mut bench = Bench::new(Config::default());
    assert_eq!(bench.deploy(text, "one")["status"], "done");
    let (first, web) = (bench.inspect("migrate"), bench.inspect("web"));
    assert_eq!((&first["State"]["Status"], &first["State"]["ExitCode"]), (&json!("exited"), &json!(0)));
    assert_eq!(bench.deploy(text, "two")["status"], "done");
    let second = bench.inspect("migrate");
    assert_eq!(second["Id"], first["Id"]);
    assert_ne!(second["State"]["StartedAt"], first["State"]["StartedAt"]);
    assert_eq!(bench.inspect("web"), web);
    let mut bench = Bench::with_faults(&["migrate: crash-loop"]);
    assert_eq!(bench.deploy(text, "one")["status"], "error");
    assert!(bench.deploy_log().contains("service \"migrate\" didn't complete successfully: exit 1"));
}

#[test]
fn the_queue_is_first_in_first_out_and_a_waiting_job_takes_the_text_of_its_start() {
    let mut bench = Bench::with_faults(&["dokploy: queue-busy 20s in one"]);
    bench.write(&text("a:1", None));
    bench.call_deploy("plan run=r phase=one try=1");
    bench.wait(15_000);
    let queue = bench.read("deployment.queueList", &[]);
    assert_eq!((&queue[0]["id"], &queue[0]["state"]), (&json!("job-2"), &json!("waiting")), "newest first");
    assert_eq!((&queue[1]["id"], &queue[1]["state"], &queue[1]["servicePath"]["href"]), (&json!("job-1"), &json!("active"), &Value::Null));
    assert!(queue[0].get("processedOn").is_none());
    assert_eq!(bench.rows(), json!([]));
    bench.write(&text("a:2", None));
    bench.wait(15_000);
    assert_eq!(bench.inspect("a")["Config"]["Image"], "a:2");
}

#[test]
fn cleaning_the_queue_drops_what_waits_without_a_trace() {
    let mut bench = Bench::new(Config::default());
    bench.write(&text("a:1", None));
    bench.call_deploy("first");
    bench.call_deploy("second");
    let id = bench.compose_id();
    assert_eq!(bench.post("compose.cleanQueues", &json!({"composeId": id})).json().unwrap()["success"], true);
    bench.wait(20_000);
    let titles: Vec<Value> = bench.rows().as_array().unwrap().iter().map(|row| row["title"].clone()).collect();
    assert_eq!(titles, ["first"]);
}

#[test]
fn a_restart_cancels_what_runs_and_loses_what_waits() {
    let mut bench = Bench::with_faults(&["dokploy: restarts"]);
    bench.write(&text("a:1", None));
    bench.call_deploy("first");
    bench.call_deploy("second");
    bench.wait(1_000);
    let request = ApiRequest::get("/api/project.all", &[], KEY);
    assert_eq!(bench.world.api(bench.now, &request), None, "connections are refused");
    bench.wait(5_000);
    let rows = bench.rows();
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["status"], &rows[0]["finishedAt"]), (1, &json!("cancelled"), &Value::Null));
    assert_eq!(bench.services(), Vec::<String>::new(), "the compose command died with it");
    bench.call_deploy("third");
    assert_eq!(bench.read("deployment.queueList", &[])[0]["id"], "job-1", "ids begin anew");
    bench.wait(20_000);
    assert_eq!(bench.rows()[0]["status"], "done", "it strikes once");
}

#[test]
fn a_restart_comes_as_late_as_it_is_told() {
    let mut bench = Bench::with_faults(&["dokploy: restarts in one after 3s"]);
    bench.write(&text("a:1", None));
    bench.call_deploy("plan run=r phase=one try=1");
    bench.wait(2_900);
    assert!(bench.world.dokploy_is_up());
    bench.wait(200);
    assert!(!bench.world.dokploy_is_up());
}

#[test]
fn a_fault_with_a_time_strikes_and_ends_at_its_moments() {
    let mut bench = Bench::with_faults(&["a: http-500 in one after 20s for 10s every 30s"]);
    bench.write(&text("a:1", None));
    bench.call_deploy("plan run=r phase=one try=1");
    let mut seen = Vec::new();
    for second in 1..=70 {
        bench.wait(1_000);
        if bench.status(8001) == Some(500) {
            seen.push(second);
        }
    }
    // The row comes a moment after the call.
    assert_eq!(seen, (21..=30).chain(51..=60).collect::<Vec<_>>());
    bench.deploy(&text("a:1", None), "plan run=r phase=two try=1");
    bench.wait(12_000);
    assert_eq!(bench.status(8001), Some(200), "phase one is over");
}

#[test]
fn the_world_tells_when_a_fault_strikes_or_ends() {
    let bench = Bench::with_faults(&["dokploy: down after 20s for 10s"]);
    assert_eq!(bench.world.next_change(), Some(Duration::from_secs(20)));
    let mut bench = bench;
    bench.wait(20_000);
    assert!(!bench.world.dokploy_is_up());
    assert_eq!(bench.world.next_change(), Some(Duration::from_secs(30)));
    bench.wait(10_000);
    assert!(bench.world.dokploy_is_up());
    assert_eq!((bench.world.next_change(), bench.world.unfelt_faults().count()), (None, 0));
}

#[test]
fn a_crash_ends_the_process_once_and_its_restart_policy_does_the_rest() {
    let mut bench = Bench::with_faults(&["a: crash in one after 20s every 40s", "c: crash in one after 20s"]);
    bench.write(&text("a:1", None));
    bench.call_deploy("plan run=r phase=one try=1");
    bench.wait(19_900);
    assert_eq!((bench.inspect("a")["RestartCount"].clone(), bench.status(8001)), (json!(0), Some(200)));
    bench.wait(200);
    assert_eq!((bench.inspect("a")["State"]["Status"].clone(), bench.status(8001)), (json!("restarting"), None));
    bench.wait(10_000);
    assert_eq!((bench.inspect("a")["RestartCount"].clone(), bench.status(8001)), (json!(1), Some(200)));
    bench.wait(35_000);
    assert_eq!(bench.inspect("a")["RestartCount"], json!(2));
    let unfelt: Vec<String> = bench.world.unfelt_faults().map(ToString::to_string).collect();
    assert_eq!(unfelt, ["c: crash in one after 20s"], "there is no c that could feel it");
}

#[test]
fn slow_answers_come_later_and_wholly() {
    let mut bench = Bench::with_faults(&["a: slow-answers 2s in one"]);
    bench.deploy(&text("a:1", None), "plan run=r phase=one try=1");
    bench.wait(10_000);
    let ServiceAnswer::Http { status: 200, after, .. } = bench.world.service(bench.now, 8001, "/") else { panic!("no answer") };
    assert!(after > Duration::from_secs(2) && after < Duration::from_millis(2_100), "{after:?}");
}

#[test]
fn an_answer_that_is_lost_is_to_a_call_that_was_carried_out() {
    let mut bench = Bench::with_faults(&["dokploy: answer-lost in one"]);
    bench.write(&text("a:1", None));
    let id = bench.compose_id();
    let deploy = json!({"composeId": id, "title": "plan run=r phase=one try=1"});
    let answer = bench.post("compose.deploy", &deploy);
    assert_eq!((answer.lost, answer.status), (true, 200));
    assert_eq!(bench.read("deployment.queueList", &[]).as_array().unwrap().len(), 1, "it is done all the same");
    assert!(!bench.post("compose.deploy", &deploy).lost, "once");
}

#[test]
fn without_a_network_everything_goes_on_and_nothing_is_reached() {
    let mut bench = Bench::with_faults(&["network: down 30s in one after 1s"]);
    bench.write(&text("a:1", None));
    bench.call_deploy("plan run=r phase=one try=1");
    bench.wait(20_000);
    assert_eq!(bench.world.api(bench.now, &ApiRequest::get("/api/project.all", &[], KEY)), None);
    assert_eq!((bench.status(8001), bench.world.listening().len()), (None, 0));
    bench.wait(15_000);
    assert_eq!((bench.rows()[0]["status"].clone(), bench.status(8001)), (json!("done"), Some(200)));
}

#[test]
fn a_lost_job_leaves_no_trace() {
    let mut bench = Bench::with_faults(&["dokploy: job-lost in one"]);
    bench.write(&text("a:1", None));
    bench.call_deploy("plan run=r phase=one try=1");
    assert_eq!((bench.read("deployment.queueList", &[]), bench.rows()), (json!([]), json!([])));
    assert_eq!(bench.deploy(&text("a:1", None), "plan run=r phase=one try=2")["status"], "done");
}

#[test]
fn at_most_eleven_rows_are_kept_with_their_logs() {
    let mut bench = Bench::new(Config::default());
    for n in 0..14 {
        bench.deploy(&text("a:1", None), &format!("deploy {n}"));
        bench.wait(1_000);
    }
    let rows = bench.rows();
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["title"], &rows[10]["title"]), (11, &json!("deploy 13"), &json!("deploy 3")));
    let id = bench.compose_id();
    let oldest_first = bench.read("compose.one", &[("composeId", &id)])["deployments"].clone();
    assert_eq!(oldest_first[0]["title"], "deploy 3");
}

#[test]
fn docker_down_looks_like_nothing_there() {
    let mut bench = Bench::new(Config::default());
    bench.deploy(&text("a:1", None), "one");
    let id = bench.inspect("a")["Id"].as_str().unwrap().to_owned();
    let app = bench.app_name();
    let compose = bench.compose_id();
    bench.world.add_fault(bench.now, Fault::parse("dokploy: docker-down 30s").unwrap());
    assert_eq!(bench.read("docker.getContainersByAppNameMatch", &[("appName", &app), ("appType", "docker-compose")]), json!([]));
    assert_eq!(bench.read("docker.getContainers", &[]), json!([]));
    let inspected = bench.get("docker.getConfig", &[("containerId", &id)]);
    assert_eq!((inspected.status, inspected.text().as_str()), (200, ""));
    let log = bench.read("compose.readLogs", &[("composeId", &compose), ("containerId", &id)]);
    assert!(log.as_str().unwrap().starts_with("Cannot connect to the Docker daemon"));
    assert_eq!(bench.post("compose.stop", &json!({"composeId": compose})).status, 500);
    assert_eq!(bench.status(8001), None, "still booting");
    bench.wait(30_000);
    assert_eq!(bench.inspect("a")["Id"], id.as_str());
}

#[test]
fn a_database_that_is_down_looks_like_a_wrong_key() {
    let mut bench = Bench::with_faults(&["dokploy: database-down"]);
    let refused = bench.get("project.all", &[]);
    assert_eq!((refused.status, refused.json()), (401, Some(json!({"message": "Unauthorized"}))));
    let health = |bench: &mut Bench, path: &str| {
        let request = ApiRequest { key: None, ..ApiRequest::get(path, &[], "") };
        bench.world.api(bench.now, &request).unwrap().status
    };
    assert_eq!(health(&mut bench, "/api/trpc/settings.health"), 500, "this tells it from a wrong key");
    assert_eq!(health(&mut bench, "/api/health"), 200);
    bench.world.clear_faults(bench.now);
    assert_eq!(health(&mut bench, "/api/trpc/settings.health"), 200);
    assert_eq!(bench.get("project.all", &[]).status, 200);
}

#[test]
fn stop_stops_and_start_starts_what_was_deployed_last() {
    let mut bench = Bench::new(Config::default());
    let compose = bench.compose_id();
    assert_eq!(bench.post("compose.start", &json!({"composeId": compose})).status, 500, "nothing was deployed yet");
    bench.deploy(&text("a:1", None), "one");
    bench.write(&text("a:2", None));
    let id = bench.inspect("a")["Id"].clone();
    assert_eq!(bench.post("compose.stop", &json!({"composeId": compose})).json(), Some(json!(true)));
    bench.wait(3_000);
    assert_eq!((bench.inspect("a")["State"]["Status"].as_str(), bench.status(8001)), (Some("exited"), None));
    assert_eq!(bench.post("compose.start", &json!({"composeId": compose})).json(), Some(json!(true)));
    bench.wait(3_000);
    assert_eq!(
        (&bench.inspect("a")["Id"], bench.inspect("a")["Config"]["Image"].as_str(), bench.status(8001)),
        (&id, Some("a:1"), Some(200))
    );
}

#[test]
fn a_deployed_app_runs_from_the_start() {
    let compose = Compose { text: text("a:1", None), deployed: true, ..Compose::named("backend") };
    let staging = Environment { name: "staging".into(), composes: vec![compose] };
    let projects = vec![Project { name: "Backend".into(), environments: vec![staging] }];
    let mut bench = Bench::new(Config { projects, ..Config::default() });
    assert_eq!((bench.status(8001), bench.services()), (Some(200), vec!["a".to_owned(), "b".to_owned()]));
    let before = bench.inspect("a");
    bench.wait(1_000);
    bench.deploy(&text("a:1", None), "one");
    assert_eq!(bench.inspect("a"), before, "it is what a deploy finds unchanged");
}

#[test]
fn bad_texts_fail_in_the_log_only() {
    let mut bench = Bench::new(Config { networks: Some(vec!["dokploy-network".into()]), ..Config::default() });
    for (text, line) in [
        ("services:\n  web:\n    image: x\n   ports: [oops\n", "❌ Has occurred an error: "),
        ("services:\n  a: {image: x, depends_on: [b]}\n", "service \"a\" depends on undefined service \"b\": invalid compose project"),
        ("services:\n  a: {image: x, networks: [n]}\nnetworks: {n: {external: true}}\n", "Error response from daemon: network n not found"),
    ] {
        let row = bench.deploy(text, line);
        assert_eq!((&row["status"], &row["errorMessage"]), (&json!("error"), &Value::Null));
        assert!(bench.deploy_log().contains(line), "{}", bench.deploy_log());
    }
    let long = format!("services:\n  a:\n    image: x\n# {}\n", "x".repeat(99_000));
    assert_eq!(bench.deploy(&long, "long")["status"], "error");
    assert!(!bench.deploy_log().contains("App Name"), "without a reason");
}

#[test]
fn refusals_are_as_recorded() {
    let mut bench = Bench::new(Config::default());
    let id = bench.compose_id();
    let mut case = |request: ApiRequest, status: u16, holds: &str| {
        let response = bench.world.api(bench.now, &request).unwrap();
        assert_eq!(response.status, status, "{request:?}: {}", response.text());
        assert!(response.text().contains(holds), "{}", response.text());
        response
    };
    let post = |procedure: &str, body: Value| ApiRequest::post(&format!("/api/{procedure}"), &body, KEY);
    case(ApiRequest::get("/api/project.all", &[], "wrong"), 401, r#"{"message":"Unauthorized"}"#);
    case(ApiRequest { key: None, ..ApiRequest::get("/api/project.all", &[], "") }, 401, r#"{"message":"Unauthorized"}"#);
    case(ApiRequest::get("/api/nope.nope", &[], KEY), 404, r#""message":"Not found""#);
    case(ApiRequest::get("/api/compose.deploy", &[("composeId", &id)], KEY), 404, r#""message":"Not found""#);
    case(ApiRequest::get("/api/compose.one", &[("composeId", "x")], KEY), 404, "Compose not found");
    case(ApiRequest::get("/api/compose.one", &[], KEY), 400, "expected string, received undefined");
    case(post("compose.deploy", json!({"composeId": 5})), 400, "expected string, received number");
    case(post("compose.deploy", json!({"composeId": ""})), 400, "Too small");
    case(post("compose.deploy", json!({"composeId": "x"})), 404, "Compose not found");
    case(post("compose.update", json!({"composeId": id, "sourceType": "nope"})), 400, "Invalid option");
    let empty = case(post("compose.update", json!({"composeId": "x", "env": "A=1"})), 200, "");
    assert_eq!(empty.text(), "", "an unknown id changes nothing and is answered with nothing");
    case(ApiRequest { content_type: None, ..post("compose.deploy", json!({})) }, 415, "Missing content-type header");
    case(ApiRequest { content_type: Some("text/plain".into()), ..post("compose.deploy", json!({})) }, 415, "Unsupported content-type");
    case(ApiRequest { body: b"{not json".to_vec(), ..post("compose.deploy", json!({})) }, 400, "Invalid JSON");
    case(post("compose.update", json!({"composeId": id, "composeFile": "x".repeat(1_049_000)})), 413, "Body exceeded 1mb limit");
    case(ApiRequest::get("/dokploy/api/project.all", &[], KEY), 404, "<!DOCTYPE html>");
    assert_eq!(case(ApiRequest::get("/", &[], KEY), 307, "").location(), Some("/dashboard/home"));
    assert_eq!(case(ApiRequest::get("/api//project.all/", &[], KEY), 308, "").location(), Some("/api/project.all"));
    case(ApiRequest::get("/api/deployment.allByCompose", &[("composeId", "x")], KEY), 200, "[]");
    case(ApiRequest::get("/api/docker.getConfig", &[("containerId", "deadbeef0000")], KEY), 200, "");
    case(ApiRequest::get("/api/deployment.readLogs", &[("deploymentId", "x"), ("tail", "0")], KEY), 400, "Too small");
    case(ApiRequest::get("/api/docker.getContainers", &[("serverId", "x")], KEY), 404, "Server not found");
}

#[test]
fn members_see_and_do_what_they_were_given() {
    let rights = |services, create_services, docker| MemberRights { services, create_services, docker };
    let keys = vec![
        Key::owner(KEY),
        Key::member("stranger", rights(false, false, false)),
        Key::member("reader", rights(true, false, false)),
        Key::member("full", rights(true, true, true)),
        Key { requests: Some(2), ..Key::owner("limited") },
    ];
    let mut bench = Bench::new(Config { keys, ..Config::default() });
    let id = bench.compose_id();
    let mut status = |key: &str, procedure: &str, query: &[(&str, &str)]| {
        let response = bench.world.api(Duration::ZERO, &ApiRequest::get(&format!("/api/{procedure}"), query, key)).unwrap();
        (response.status, response.text())
    };
    assert_eq!(status("stranger", "project.all", &[]), (200, "[]".to_owned()));
    let unknown = status("stranger", "compose.one", &[("composeId", "x")]);
    assert!(unknown.0 == 401 && unknown.1.contains("You don't have access to this service") && unknown.1.contains("\"code\""));
    assert_eq!(status("reader", "compose.one", &[("composeId", "x")]).0, 401, "not 404 for a member");
    assert_eq!(status("reader", "compose.one", &[("composeId", &id)]).0, 200);
    assert_eq!(status("reader", "docker.getConfig", &[("containerId", "x")]).0, 401);
    assert_eq!(status("reader", "compose.getConvertedCompose", &[("composeId", &id)]).0, 401);
    assert_eq!(status("reader", "docker.getContainersByAppNameMatch", &[("appName", "x")]), (200, "[]".to_owned()));
    assert_eq!(status("full", "docker.getConfig", &[("containerId", "x")]).0, 200);
    assert_eq!(status("full", "server.all", &[]).0, 401);
    assert_eq!([0; 3].map(|_| status("limited", "project.all", &[]).0), [200, 200, 401]);
    let update = bench.world.api(Duration::ZERO, &ApiRequest::post("/api/compose.update", &json!({"composeId": id}), "reader")).unwrap();
    assert_eq!(update.status, 401);
}

#[test]
fn the_log_tells_what_was_meant_to_change_something() {
    let mut bench = Bench::new(Config::default());
    let id = bench.compose_id();
    bench.post("compose.update", &json!({"composeId": id}));
    bench.post("compose.update", &json!({"composeId": "unknown", "env": ""}));
    bench.post("compose.deploy", &json!({"composeId": id, "title": "t"}));
    let logged: Vec<(&str, bool, u16)> =
        bench.world.log().iter().map(|call| (call.procedure.as_str(), call.changes, call.status)).collect();
    let expected =
        [("project.all", false, 200), ("compose.update", false, 200), ("compose.update", true, 200), ("compose.deploy", true, 200)];
    assert_eq!(logged, expected);
    assert_eq!(bench.world.log()[3].title.as_deref(), Some("t"));
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let run = || {
        let mut bench = Bench::with_faults(&["c: crash-loop", "b: http-500 in two"]);
        bench.deploy(&text("a:1", None), "plan run=r phase=one try=1");
        bench.deploy(&text("a:1", Some("c:1")), "plan run=r phase=two try=1");
        bench.wait(7_345);
        let id = bench.compose_id();
        let answers = [
            bench.get("compose.one", &[("composeId", &id)]),
            bench.get("docker.getContainers", &[]),
            ApiResponse { body: Content::Json(bench.inspect("c")), ..bench.get("deployment.queueList", &[]) },
        ];
        (answers.map(|answer| answer.text()), bench.deploy_log())
    };
    assert_eq!(run(), run());
}

#[test]
fn unfelt_faults_can_be_told() {
    let mut bench = Bench::with_faults(&["a: http-500", "typo: oom", "c: crash-loop in never"]);
    bench.deploy(&text("a:1", None), "one");
    bench.wait(3_000);
    bench.status(8001);
    let unfelt: Vec<String> = bench.world.unfelt_faults().map(ToString::to_string).collect();
    assert_eq!(unfelt, ["typo: oom", "c: crash-loop in never"]);
}

#[test]
fn the_answer_of_a_service_comes_from_x_sandbox() {
    let text = "services:\n  a:\n    image: a\n    ports: [\"8001:80\"]\n    x-sandbox: {status: {/admin: 302, '*': 404}, body: hello, boot: 100ms, build: 1s}\n";
    let mut bench = Bench::new(Config::default());
    bench.deploy(text, "one");
    bench.wait(500);
    let mut answer = |path: &str| match bench.world.service(bench.now, 8001, path) {
        ServiceAnswer::Http { status, body, .. } => (status, body),
        other => panic!("{other:?}"),
    };
    assert_eq!(answer("/admin"), (302, "hello".to_owned()));
    assert_eq!(answer("/x").0, 404);
}

/// The example's compose file of a phase.
fn phase(number: usize) -> String {
    std::fs::read_to_string(format!("{}/examples/bizosaas/phase{number}.yml", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn the_example_grows_without_touching_what_runs() {
    let mut bench = Bench::new(Config::default());
    let mut earlier: Vec<(Value, Value)> = Vec::new();
    for (number, services) in [(1, 1), (2, 4), (3, 7), (4, 10)] {
        assert_eq!(bench.deploy(&phase(number), &format!("plan run=r phase=p{number} try=1"))["status"], "done", "{}", bench.deploy_log());
        bench.wait(10_000);
        let listed = bench.read("docker.getContainers", &[]);
        let inspected: Vec<(Value, Value)> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|one| bench.read("docker.getConfig", &[("containerId", one["containerId"].as_str().unwrap())]))
            .map(|one| (one["Id"].clone(), one["State"]["StartedAt"].clone()))
            .collect();
        assert_eq!(inspected.len(), services);
        assert!(earlier.iter().all(|one| inspected.contains(one)), "phase {number} touched an earlier service");
        earlier = inspected;
    }
    for port in 8000..8010 {
        assert_eq!(bench.status(port), Some(200), "{port}");
    }
    bench.deploy(&phase(2), "plan run=r rollback-to=p2 try=1");
    assert_eq!(bench.read("docker.getContainers", &[]).as_array().unwrap().len(), 4);
}
