//! Who hangs holds up nobody else: a whole round of samples at once, as a gate takes them.

use super::Given;
use crate::support::in_memory::schedule_of;
use crate::support::{answers, hang, head, serve};
use rollout_plan::drive::{Prober as _, Probes};
use rollout_plan::engine::{Moment, Reading, Sample};
use rollout_plan::probe::Asking;
use rollout_plan::schedule::ExpectationId;
use std::io::Write as _;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, LocalSet};

const TIMEOUT: Duration = Duration::from_secs(2);

/// Well before a time limit is over, on a busy machine too.
const SOON: Duration = Duration::from_millis(1500);

/// Takes one sample of everything that these blocks expect. Gives each with how long the round had lasted when it was there.
fn round(blocks: &str) -> Vec<(Sample, Duration)> {
    let plan = format!(
        "rollout r\ndokploy {{\n  url \"http://127.0.0.1:9\"\n  api-key secret(\"KEY\")\n}}\n\
         app a {{\n  project \"p\"\n  environment \"e\"\n  compose \"c\"\n}}\nsampling {{\n  every 2s\n  timeout 2s\n}}\n\
         {blocks}\nservice web {{\n  expect tcp \"127.0.0.1:9\"\n}}\nphase one {{\n  deploy a from \"one.yml\"\n}}\n"
    );
    let schedule = schedule_of(&[("rollout.plan", &plan), ("one.yml", "services:\n  web:\n    image: registry.example/web:1.0\n")]);
    assert_eq!(schedule.sampling.timeout, TIMEOUT);
    let probes = Rc::new(Probes::prepare(&schedule, &Given::default(), Asking::default()).unwrap());
    let runtime = rollout_plan::drive::runtime(false).unwrap();
    LocalSet::new().block_on(&runtime, async {
        let began = Instant::now();
        let mut samples = JoinSet::new();
        for (at, expectation) in schedule.expectations.iter().enumerate().filter(|(_, expectation)| !expectation.text.ends_with(":9")) {
            let (probes, text) = (Rc::clone(&probes), expectation.text.clone());
            samples.spawn_local(async move { (at, text, probes.sample(ExpectationId(at), Moment::START).await, began.elapsed()) });
        }
        let mut all = samples.join_all().await;
        all.sort_by_key(|(at, ..)| *at);
        all.into_iter().map(|(_, _, sample, took)| (sample, took)).collect()
    })
}

fn external(name: &str, expectations: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = expectations.into_iter().map(|expectation| format!("  expect {expectation}\n")).collect();
    format!("external {name} {{\n{}}}\n", lines.concat())
}

fn http(address: &str) -> String {
    format!("http \"http://{address}\" {{ status == 200 }}")
}

/// Connections are accepted by the system and never answered.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn read(sample: &Sample) -> (Reading, &str) {
    (sample.reading, &sample.actual)
}

#[test]
fn a_hundred_targets_that_hang_hold_up_nobody_else() {
    let (_listener, port) = silent();
    let good = answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    // Linux answers on all of 127.0.0.0/8.
    let hanging = (1..=100).map(|host| http(&format!("127.1.0.{host}:{port}/")));
    let samples = round(&external("all", hanging.chain([http(&format!("{good}/"))])));
    let ((last, took), hung) = samples.split_last().unwrap();
    assert_eq!(read(last), (Reading::Pass, "HTTP 200"));
    assert!(*took < SOON, "{took:?}: waited for those that hang");
    assert_eq!(hung.len(), 100);
    for (sample, took) in hung {
        assert_eq!(read(sample), (Reading::Fail, "no answer within 2s"));
        assert!(*took < 2 * TIMEOUT, "{took:?}: one after the other");
    }
}

#[test]
fn much_that_is_asked_of_one_target_that_hangs_costs_one_time_limit() {
    let (_listener, port) = silent();
    let good = answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let much = (0..20).map(|path| http(&format!("127.0.0.1:{port}/{path}")));
    let samples = round(&external("all", much.chain([http(&format!("{good}/"))])));
    let ((last, took), hung) = samples.split_last().unwrap();
    assert_eq!(read(last), (Reading::Pass, "HTTP 200"));
    assert!(*took < SOON, "{took:?}");
    for (at, (sample, took)) in hung.iter().enumerate() {
        let expected = if at < 6 {
            (Reading::Fail, "no answer within 2s")
        } else {
            // Not a no of the service: nobody asked it.
            (Reading::Error, "not asked: what else is asked at this address was not answered in time")
        };
        assert_eq!(read(sample), expected, "{at}");
        assert!(*took < TIMEOUT + SOON, "{took:?}: several time limits, one after the other");
    }
}

#[test]
fn a_service_that_hangs_behind_a_proxy_does_not_hold_up_its_neighbour() {
    let proxy = serve(|mut stream| match head(&mut stream) {
        head if head.starts_with("GET /hangs") => hang(),
        _ => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap(),
    });
    let hangs = external("a", (0..10).map(|path| http(&format!("{proxy}/hangs/{path}"))));
    let well = external("b", (0..10).map(|path| http(&format!("{proxy}/well/{path}"))));
    let samples = round(&format!("{hangs}{well}"));
    assert_eq!(samples.iter().filter(|(sample, _)| sample.reading == Reading::Pass).count(), 10);
    for (sample, took) in &samples[10..] {
        assert_eq!(read(sample), (Reading::Pass, "HTTP 200"));
        assert!(*took < SOON, "{took:?}: waited for its neighbour");
    }
}

#[test]
fn commands_that_hang_hold_up_no_connection() {
    let good = answers("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let commands = (0..40).map(|_| "exec [\"sleep\", \"30\"] { exit == 0 }".to_owned());
    let samples = round(&external("all", commands.chain([http(&format!("{good}/"))])));
    let ((last, took), hung) = samples.split_last().unwrap();
    assert_eq!(read(last), (Reading::Pass, "HTTP 200"));
    assert!(*took < SOON, "{took:?}");
    let ended = hung.iter().filter(|(sample, _)| read(sample) == (Reading::Fail, "still running after 2s, and ended")).count();
    let in_vain = hung.iter().filter(|(sample, _)| sample.actual.contains("too many other commands")).count();
    // Where starting 32 takes a good part of the time limit, more of them get their turn.
    assert!(ended >= 32 && ended + in_vain == 40, "{ended} ended, {in_vain} not asked");
}
