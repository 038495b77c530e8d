//! Probes from the plan's text to the sample, against real servers on loopback.

mod build_contexts;
mod exec;
mod faults;
mod held_up;
mod http;
mod postgres;
mod redis;
mod sandboxed;

use rollout_plan::engine::{Moment, Sample};
use rollout_plan::model::{self, Probe, Variables};
use rollout_plan::probe::{Asking, Request, ask, judge, prepare};
use rollout_plan::source::SourceMap;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What every secret of a test holds, so that it can be looked for.
const CANARY: &str = "canary-7f3a-canary";
/// Time limit of a sample, where the test is not about it.
const LONG: Duration = Duration::from_secs(10);
/// Time limit of a sample that is meant to run into it.
const SHORT: Duration = Duration::from_millis(400);

/// Variables of a plan; every one that is not given holds the canary.
#[derive(Default)]
struct Given(BTreeMap<&'static str, String>);

impl Variables for Given {
    fn get(&self, name: &str) -> Option<String> {
        Some(self.0.get(name).cloned().unwrap_or_else(|| CANARY.to_owned()))
    }
}

/// The probe of `expect …` as the plan writes it.
fn probe(text: &str) -> Probe {
    let plan = format!("external it {{\n  expect {text}\n}}\nphase one {{\n  deploy app from \"one.yml\"\n}}\napp app {{\n}}\n");
    let lowered = model::load(SourceMap::default().add("rollout.plan", plan.as_str()), &plan);
    let wrong: Vec<_> = lowered.diagnostics.iter().filter(|found| found.code.as_str() != "E0203").collect();
    assert!(wrong.is_empty(), "{text}: {wrong:#?}");
    lowered.plan.unwrap().externals[0].expectations[0].probe.clone()
}

fn request(text: &str, variables: &Given) -> Request {
    prepare(&probe(text), variables).unwrap().unwrap()
}

/// One look, which never takes longer than its time limit and never shows a secret.
async fn sample_with(text: &str, variables: &Given, asking: &Asking, timeout: Duration) -> Sample {
    let request = request(text, variables);
    let began = Instant::now();
    let outcome = ask(&request, asking, timeout).await;
    let took = began.elapsed();
    assert!(took < timeout + Duration::from_secs(2), "{text}: took {took:?} of {timeout:?}");
    let sample = judge(&request, &outcome, Moment::START, took);
    assert!(!format!("{sample:?}").contains(CANARY) && !format!("{request:?}").contains(CANARY), "{sample:?} {request:?}");
    sample
}

/// One look with a long time limit.
async fn sample(text: &str) -> Sample {
    sample_with(text, &Given::default(), &Asking::default(), LONG).await
}
