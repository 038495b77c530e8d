//! Probes against the sandbox: it speaks each protocol as far as a health check does.

use super::{Given, LONG, sample_with};
use rollout_plan::engine::Reading;
use rollout_plan::probe::Asking;
use rollout_plan::sandbox::{Options, Sandbox};
use rollout_plan::world::{Config, External, Fault, Speaks, World};

#[tokio::test]
async fn its_databases_answer_and_its_faults_strike() {
    let external = |name: &str, port, speaks| External { name: name.to_owned(), host: format!("{name}.example"), port, speaks };
    let externals =
        vec![external("postgres", 5432, Speaks::Postgres), external("redis", 6379, Speaks::Redis), external("login", 443, Speaks::Http)];
    let sandbox = Sandbox::start(World::new(Config { externals, ..Config::default() }), Options::default()).await.unwrap();
    let asking = Asking { connect_to: sandbox.connect_to.clone(), ..Asking::default() };
    let urls = Given(
        [
            // Its own encryption is left out: the sandbox speaks none.
            ("PG", "postgres://app:pw-of-the-app@postgres.example/shop?sslmode=verify-full".to_owned()),
            ("REDIS", "rediss://:pw-of-the-app@redis.example/3".to_owned()),
        ]
        .into(),
    );
    let ask = async |text: &str| {
        let sample = sample_with(text, &urls, &asking, LONG).await;
        (sample.reading, sample.actual)
    };
    for (text, reading, actual) in [
        ("postgres secret(\"PG\")", Reading::Pass, "connected"),
        ("postgres secret(\"PG\") { query 'SELECT 1' == 1 }", Reading::Pass, "the answer to SELECT 1 is 1"),
        ("postgres secret(\"PG\") { query \"SELECT 'up'\" == \"up\" }", Reading::Pass, "the answer to SELECT 'up' is \"up\""),
        ("postgres secret(\"PG\") { query 'SELECT true' == true }", Reading::Pass, "the answer to SELECT true is true"),
        ("postgres secret(\"PG\") { query 'SELECT 1' == 2 }", Reading::Fail, "the answer to SELECT 1 is 1"),
        ("redis secret(\"REDIS\") { ping }", Reading::Pass, "connected"),
        ("redis secret(\"REDIS\") { info \"role\" == \"master\" }", Reading::Pass, "role is \"master\""),
        ("redis secret(\"REDIS\") { info \"role\" == \"slave\" }", Reading::Fail, "role is \"master\""),
        ("redis secret(\"REDIS\") { database 16 }", Reading::Error, "the database cannot be chosen: ERR DB index is out of range"),
        ("http \"https://login.example/\" { certificate expires after 14d }", Reading::Pass, "HTTP 200"),
        ("http \"https://login.example/\" { json '$.status' == \"ok\" }", Reading::Pass, "HTTP 200"),
        ("http \"https://login.example/\" { certificate expires after 100d }", Reading::Fail, "HTTP 200, certificate expires in 90d"),
        ("tcp \"postgres.example:5432\"", Reading::Pass, "connected"),
    ] {
        assert_eq!(ask(text).await, (reading, actual.to_owned()), "{text}");
    }
    for name in ["postgres", "redis"] {
        let fault = Fault::parse(&format!("external {name}: down")).unwrap();
        sandbox.with_world(|world, now| world.add_fault(now, fault));
    }
    // The address follows the world at its next step.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(ask("postgres secret(\"PG\") { query 'SELECT 1' == 1 }").await, (Reading::Fail, "connection refused".into()));
    assert_eq!(ask("redis secret(\"REDIS\") { ping }").await, (Reading::Fail, "connection refused".into()));
}
