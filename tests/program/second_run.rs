//! A second run with the real binary against a `plan sandbox` beside it.

use super::binary::Home;
use super::requests::changes;
use super::served::Beside;
use super::small;

#[test]
fn a_second_run_changes_nothing_and_no_command_takes_a_container_away() {
    let host = Home::new();
    small::put(&host);
    let beside = Beside::start(&host, &[]);
    let home = beside.exports.home();
    small::put(&home);
    home.plan(["run", "--yes"]).ends(0);
    let (done, containers) = (beside.exports.log().len(), beside.exports.containers());
    assert_eq!(containers.len(), 2, "{containers:?}");

    let again = home.plan(["run", "--yes"]);
    again.ends(0);
    assert!(again.verdict().contains("there was nothing to do"), "{}", again.verdict());
    home.plan(["run", "--yes", "--until", "one"]).ends(0);
    // A plan of fewer phases, and one whose phase dropped a service.
    home.file("rollout.plan", small::PLAN.split("phase two").next().unwrap());
    let fewer = home.plan(["run", "--yes"]);
    assert!(matches!(fewer.code, 2 | 3), "{fewer:?}");
    let plan = small::PLAN.split("phase two").next().unwrap();
    let (before, after) = plan.split_once("service worker").unwrap();
    home.file("rollout.plan", &format!("{before}{}", &after[after.find("phase one").unwrap()..]));
    home.plan(["run", "--yes"]).ends(3).says("worker");

    let after = beside.exports.log().split_off(done);
    assert_eq!(changes(&after), [""; 0]);
    assert_eq!(beside.exports.containers(), containers);
    small::put(&home);

    // Somebody edits the text in Dokploy: refused with the difference, and nothing is touched.
    let live = beside.exports.app()["composeFile"].as_str().unwrap().to_owned();
    let edited = live.replace("registry.example/web:1.0", "registry.example/web:1.1");
    assert_ne!(live, edited);
    beside.exports.post_to_app("compose.update", &serde_json::json!({ "composeFile": edited }));
    let done = beside.exports.log().len();
    let refused = home.plan(["run", "--yes"]);
    refused.ends(3).says("edited since").says("--adopt");
    assert!(refused.stderr.contains("-    image: registry.example/web:1.0"), "{}", refused.stderr);
    assert!(refused.stderr.contains("+    image: registry.example/web:1.1"), "{}", refused.stderr);
    assert_eq!(changes(&beside.exports.log().split_off(done)), [""; 0]);
    assert_eq!(beside.exports.app()["composeFile"], edited.as_str());
    assert_eq!(beside.exports.containers(), containers);
}
