//! The sandbox over real sockets, on a running clock and on a paused one.

use rollout_plan::sandbox::{Options, Sandbox};
use rollout_plan::world::{Config, External, Fault, Speaks, World};
use serde_json::{Value, json};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

const TEXT: &str = "services:\n  web:\n    image: web\n    restart: always\n    ports: [\"8001:80\"]\n  api:\n    image: api\n    restart: always\n    \
                    ports: [\"8002:80\"]\n";

async fn start(faults: &[&str], externals: Vec<External>) -> Sandbox {
    let faults = faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect();
    let addresses = [8001, 8002].map(|port| ("127.0.0.1".to_owned(), port)).to_vec();
    let world = World::new(Config { faults, externals, ..Config::default() });
    Sandbox::start(world, Options { addresses, ..Options::default() }).await.expect("a sandbox")
}

/// One exchange on a connection of its own.
async fn exchange(at: SocketAddr, head: &str, body: &str) -> std::io::Result<(u16, String, String)> {
    let mut stream = TcpStream::connect(at).await?;
    let request = format!("{head} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    let request = format!("{request}x-api-key: {}\r\ncontent-type: application/json\r\n\r\n{body}", Config::API_KEY);
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    Ok((head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned()))
}

fn api(sandbox: &Sandbox) -> SocketAddr {
    sandbox.url.trim_start_matches("http://").parse().unwrap()
}

fn routed(sandbox: &Sandbox, port: u16) -> SocketAddr {
    sandbox.connect_to.route("127.0.0.1", port).expect("a route")
}

async fn call(sandbox: &Sandbox, head: &str, body: Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, _, answer) = exchange(api(sandbox), head, &body).await.expect("an answer");
    assert_eq!(status, 200, "{head}: {answer}");
    serde_json::from_str(&answer).expect("JSON")
}

async fn compose(sandbox: &Sandbox) -> String {
    let projects = call(sandbox, "GET /api/project.all", Value::Null).await;
    let environments = projects[0]["environments"].as_array().unwrap();
    environments.iter().find_map(|one| one["compose"][0]["composeId"].as_str()).unwrap().to_owned()
}

/// Deploys and waits for the row's end; gives its status.
async fn deploy(sandbox: &Sandbox, text: &str, title: &str) -> String {
    let id = compose(sandbox).await;
    call(sandbox, "POST /api/compose.update", json!({"composeId": id, "composeFile": text})).await;
    call(sandbox, "POST /api/compose.deploy", json!({"composeId": id, "title": title})).await;
    loop {
        sleep(Duration::from_millis(500)).await;
        let rows = call(sandbox, &format!("GET /api/deployment.allByCompose?composeId={id}"), Value::Null).await;
        if rows[0]["title"] == title && rows[0]["status"] != "running" {
            return rows[0]["status"].as_str().unwrap().to_owned();
        }
    }
}

async fn refuses(at: SocketAddr) -> bool {
    TcpStream::connect(at).await.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[tokio::test(start_paused = true)]
async fn a_service_refuses_until_it_has_booted_and_after_it_was_stopped() {
    let sandbox = start(&[], Vec::new()).await;
    let (web, api) = (routed(&sandbox, 8001), routed(&sandbox, 8002));
    assert!(refuses(web).await && refuses(api).await);
    assert_eq!(deploy(&sandbox, TEXT, "one").await, "done");
    sleep(Duration::from_secs(3)).await;
    let (status, head, body) = exchange(web, "GET /health", "").await.unwrap();
    assert_eq!((status, body.as_str()), (200, r#"{"status":"ok"}"#));
    assert!(head.contains("content-type: application/json"), "{head}");
    let id = compose(&sandbox).await;
    call(&sandbox, "POST /api/compose.stop", json!({"composeId": id})).await;
    assert!(refuses(web).await && refuses(api).await);
    call(&sandbox, "POST /api/compose.start", json!({"composeId": id})).await;
    sleep(Duration::from_secs(3)).await;
    assert_eq!(exchange(api, "GET /x", "").await.unwrap().0, 200);
}

/// A question to Dokploy's database takes 24 ms.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_due_when_dokploy_goes_away_is_had_and_a_later_one_is_lost() {
    for (down_after, is_had) in [(1023, false), (1024, true), (1025, true)] {
        let sandbox = start(&[&format!("dokploy: down after {down_after}ms")], Vec::new()).await;
        sleep(Duration::from_secs(1)).await;
        let answer = exchange(api(&sandbox), "GET /api/project.all", "").await;
        assert_eq!(answer.is_ok(), is_had, "{down_after}: {answer:?}");
        sleep(Duration::from_millis(2)).await;
        assert!(refuses(api(&sandbox)).await, "{down_after}");
    }
}

#[tokio::test(start_paused = true)]
async fn time_is_tokios() {
    let sandbox = start(&[], Vec::new()).await;
    let began = std::time::Instant::now();
    sleep(Duration::from_secs(3_600)).await;
    assert_eq!(deploy(&sandbox, TEXT, "one").await, "done");
    let at = sandbox.log().iter().find(|call| call.procedure == "compose.deploy").unwrap().at_ms;
    assert!((3_600_000..3_601_000).contains(&at), "{at}");
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn faults_show_on_the_wire() {
    let sandbox = start(&["web: never-healthy", "api: crash-loop"], Vec::new()).await;
    assert_eq!(deploy(&sandbox, TEXT, "one").await, "done");
    sleep(Duration::from_secs(5)).await;
    assert!(refuses(routed(&sandbox, 8002)).await);
    let hangs = timeout(Duration::from_secs(30), exchange(routed(&sandbox, 8001), "GET /", "")).await;
    assert!(hangs.is_err(), "the connection is accepted and no answer comes: {hangs:?}");
}

#[tokio::test(start_paused = true)]
async fn faults_can_be_added_while_it_runs() {
    let sandbox = start(&[], Vec::new()).await;
    deploy(&sandbox, TEXT, "one").await;
    sleep(Duration::from_secs(3)).await;
    let web = routed(&sandbox, 8001);
    assert_eq!(exchange(api(&sandbox), "POST /sandbox/fault", "web: http-500").await.unwrap().0, 200);
    assert_eq!(exchange(web, "GET /", "").await.unwrap().0, 500);
    let (status, _, said) = exchange(api(&sandbox), "POST /sandbox/fault", "web: http500").await.unwrap();
    assert_eq!((status, said.as_str()), (400, "`http500` is not a fault of a service: did you mean `http-500`?\n"));
    let (status, _, said) = exchange(api(&sandbox), "POST /sandbox/fault", "gate ai: silent").await.unwrap();
    assert!(status == 400 && said.contains("`plan run --sandbox`"), "{status} {said}");
    assert_eq!(exchange(api(&sandbox), "POST /sandbox/clear-faults", "").await.unwrap().0, 200);
    assert_eq!(exchange(web, "GET /", "").await.unwrap().0, 200);
    let (_, _, log) = exchange(api(&sandbox), "GET /sandbox/log", "").await.unwrap();
    let changing = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|call| call["changes"] == true);
    let changing: Vec<String> = changing.map(|call| call["procedure"].as_str().unwrap().to_owned()).collect();
    assert_eq!(changing, ["compose.update", "compose.deploy"], "the sandbox's own requests are not in the log");
}

#[tokio::test(start_paused = true)]
async fn dokploy_is_not_there_while_it_restarts() {
    let sandbox = start(&[], Vec::new()).await;
    sandbox.with_world(World::restart_dokploy);
    sleep(Duration::from_millis(10)).await;
    assert!(refuses(api(&sandbox)).await);
    sleep(Duration::from_secs(6)).await;
    call(&sandbox, "GET /api/project.all", Value::Null).await;
}

#[tokio::test(start_paused = true)]
async fn addresses_follow_a_fault_at_its_moments() {
    let cache = External { name: "cache".into(), host: "redis.example".into(), port: 6380, speaks: Speaks::Redis };
    let faults = ["dokploy: down after 2m for 10s every 1m", "network: down 10s after 270s", "external cache: hangs after 5m"];
    let began = tokio::time::Instant::now();
    let sandbox = start(&faults, vec![cache]).await;
    let (web, cache) = (routed(&sandbox, 8001), sandbox.connect_to.route("redis.example", 6380).unwrap());
    let until = |seconds| tokio::time::sleep_until(began + Duration::from_secs(seconds));
    deploy(&sandbox, TEXT, "one").await;
    until(121).await;
    assert!(refuses(api(&sandbox)).await && !refuses(web).await);
    until(131).await;
    assert!(!refuses(api(&sandbox)).await);
    until(181).await;
    assert!(refuses(api(&sandbox)).await);
    until(271).await;
    assert!(refuses(api(&sandbox)).await && refuses(web).await && refuses(cache).await);
    until(281).await;
    assert!(!refuses(api(&sandbox)).await && !refuses(web).await);
    let mut buffer = [0; 64];
    let mut stream = TcpStream::connect(cache).await.unwrap();
    stream.write_all(b"*1\r\n$4\r\nPING\r\n").await.unwrap();
    assert_eq!(stream.read(&mut buffer).await.unwrap(), 7, "+PONG");
    until(301).await;
    let mut stream = TcpStream::connect(cache).await.unwrap();
    stream.write_all(b"*1\r\n$4\r\nPING\r\n").await.unwrap();
    assert!(timeout(Duration::from_secs(60), stream.read(&mut buffer)).await.is_err(), "it accepts and says nothing");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_a_broken_connection() {
    let sandbox = start(&["dokploy: answer-lost"], Vec::new()).await;
    let id = compose(&sandbox).await;
    let body = json!({"composeId": id, "title": "one"}).to_string();
    let error = exchange(api(&sandbox), "POST /api/compose.deploy", &body).await.expect_err("no answer");
    assert_ne!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(sandbox.log().last().unwrap().procedure, "compose.deploy", "it came there");
    assert_eq!(exchange(api(&sandbox), "POST /api/compose.deploy", &body).await.unwrap().0, 200, "once");
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_five_seconds() {
    let sandbox = start(&[], Vec::new()).await;
    let mut stream = TcpStream::connect(api(&sandbox)).await.unwrap();
    let mut buffer = [0; 2048];
    for _ in 0..2 {
        stream.write_all(b"GET /api/health HTTP/1.1\r\nhost: sandbox\r\n\r\n").await.unwrap();
        let read = stream.read(&mut buffer).await.unwrap();
        let answer = String::from_utf8_lossy(&buffer[..read]).to_lowercase();
        assert!(answer.contains("keep-alive: timeout=5") && answer.ends_with(r#"{"ok":true}"#), "{answer}");
        sleep(Duration::from_secs(3)).await;
    }
    let ended = timeout(Duration::from_secs(3), stream.read(&mut buffer)).await.expect("it is closed in time");
    assert_eq!(ended.unwrap_or(0), 0);
}

#[tokio::test(start_paused = true)]
async fn externals_answer_unless_they_are_down() {
    let external = |name: &str, host: &str, port, speaks| External { name: name.into(), host: host.into(), port, speaks };
    let externals = vec![external("cache", "redis.example", 6380, Speaks::Tcp), external("login", "login.example", 443, Speaks::Http)];
    let sandbox = start(&["external cache: down in one"], externals).await;
    let (cache, login) =
        (sandbox.connect_to.route("redis.example", 6380).unwrap(), sandbox.connect_to.route("login.example", 443).unwrap());
    TcpStream::connect(cache).await.expect("it accepts");
    assert_eq!(exchange(login, "GET /", "").await.unwrap().0, 200);
    deploy(&sandbox, TEXT, "plan run=r phase=one try=1").await;
    assert!(refuses(cache).await);
}

#[tokio::test]
async fn a_port_that_the_plan_did_not_tell_of_is_taken_where_it_says() {
    // A free port of this machine, and one that is taken.
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let free = { TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap() };
    let options = Options { speed: 50.0, ..Options::default() };
    let sandbox = Sandbox::start(World::new(Config::default()), options).await.unwrap();
    let text = |port: u16| format!("services:\n  web:\n    image: web\n    ports: [\"{port}:80\"]\n");
    assert_eq!(deploy(&sandbox, &text(free.port()), "one").await, "done");
    sleep(Duration::from_millis(200)).await;
    assert_eq!(exchange(free, "GET /", "").await.unwrap().0, 200);
    assert_eq!(deploy(&sandbox, &text(taken.local_addr().unwrap().port()), "two").await, "error");
}

#[tokio::test]
async fn a_shell_is_told_where_it_is() {
    let sandbox = start(&[], Vec::new()).await;
    let exports = sandbox.exports();
    assert_eq!(exports[0], format!("export DOKPLOY_URL=http://{}", api(&sandbox)));
    assert_eq!(exports[1], format!("export DOKPLOY_API_KEY={}", Config::API_KEY));
    assert_eq!(
        exports[2],
        format!("export PLAN_CONNECT_TO=127.0.0.1:8001={},127.0.0.1:8002={}", routed(&sandbox, 8001), routed(&sandbox, 8002))
    );
    let taken = Options { listen: api(&sandbox), ..Options::default() };
    assert!(Sandbox::start(World::new(Config::default()), taken).await.is_err(), "somebody listens there");
}

#[tokio::test]
async fn what_ends_stops_listening() {
    let sandbox = start(&[], Vec::new()).await;
    let at = api(&sandbox);
    call(&sandbox, "GET /api/project.all", Value::Null).await;
    drop(sandbox);
    sleep(Duration::from_millis(50)).await;
    assert!(refuses(at).await);
}

#[test]
fn the_same_run_gives_the_same_log() {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let sandbox = start(&["api: crash-loop"], Vec::new()).await;
            deploy(&sandbox, TEXT, "one").await;
            sleep(Duration::from_secs(30)).await;
            let listed = call(&sandbox, "GET /api/docker.getContainers", Value::Null).await;
            (sandbox.log(), listed)
        })
    };
    assert_eq!(run(), run());
}
