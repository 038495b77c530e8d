//! What a valid plan becomes.

use super::load;
use crate::model::{HttpAssertion, OnFailure, Probe, TextPart};
use crate::source::SourceMap;
use std::time::Duration;

const PLAN: &str = include_str!("../../../tests/language/bizosaas.plan");

#[test]
fn the_example_lowers_whole() {
    let lowered = load(SourceMap::default().add("rollout.plan", PLAN), PLAN);
    assert_eq!(lowered.diagnostics, []);
    assert_eq!(lowered.gaps, super::Gaps::default());
    let plan = lowered.plan.expect("a plan");
    assert_eq!(plan.name.value, "bizosaas-backend-staging");
    assert_eq!(plan.services.len(), 10);
    assert_eq!(plan.line(), Some(vec![0, 1, 2, 3]));
    assert_eq!(plan.dokploy.api_key.value.parts, [TextPart::Secret { name: "DOKPLOY_API_KEY".into() }]);
    assert_eq!(plan.gates[0].externals.iter().map(|index| index.value).collect::<Vec<_>>(), [1, 2, 0]);
    assert_eq!(plan.phases[3].require[0].value, 1);
    assert_eq!(plan.phases[3].on_failure, OnFailure::Rollback);
    assert_eq!(plan.phases[0].within, Duration::from_secs(180));
    assert_eq!(plan.phases[2].soak, Duration::from_secs(10), "every × healthy after");

    let Probe::Http { url, assertions, .. } = &plan.services[1].expectations[0].probe else { panic!("an HTTP probe") };
    let host = TextPart::Env { name: "STAGING_HOST".into(), default: Some("127.0.0.1".into()) };
    assert_eq!(url.value.parts, [TextPart::Literal("http://".into()), host, TextPart::Literal(":8001/health".into())]);
    let assertions: Vec<_> = assertions.iter().map(|assertion| assertion.value.clone()).collect();
    assert_eq!(
        assertions,
        [
            HttpAssertion::Status(vec![(200, 200)]),
            HttpAssertion::TimeBelow(Duration::from_secs(2)),
            HttpAssertion::BodyContains("\"status\":\"ok\"".into()),
        ]
    );
    let Probe::Http { assertions, .. } = &plan.services[4].expectations[0].probe else { panic!("an HTTP probe") };
    assert_eq!(assertions[0].value, HttpAssertion::Status(vec![(200, 299)]), "what holds without assertions");
}

#[test]
fn an_http_expectation_always_has_a_status() {
    let text = PLAN.replace("    status == 200\n    time < 2s\n", "    time < 2s\n");
    let plan = load(SourceMap::default().add("rollout.plan", text.as_str()), &text).plan.expect("a plan");
    let Probe::Http { assertions, .. } = &plan.services[1].expectations[0].probe else { panic!("an HTTP probe") };
    assert_eq!(assertions[0].value, HttpAssertion::Status(vec![(200, 299)]));
    assert_eq!(assertions.len(), 3);
}
