//! Two runs of one app from two machines, each with its own records and lock, against one Dokploy: at most one goes on, the other changes
//! nothing after it knows, and nobody takes the other's deploy back. In memory the second begins at every call of the first
//! (`tests/two_machines.rs`); here the real binary is begun at some of them.

use super::binary::{Home, Ran};
use super::served::{Served, side_by_side};
use super::small;
use std::time::Duration;

/// After how many requests of the first run the second begins.
const BEGUN_AFTER: [usize; 8] = [0, 3, 8, 14, 18, 22, 28, 36];

fn machine(served: &Served) -> Home {
    let home = served.exports.home();
    small::put(&home);
    home
}

/// The run's id, if it came as far as to have one.
fn run_of(home: &Home) -> String {
    home.runs().first().map(|run| run.file_name().unwrap().to_str().unwrap().to_owned()).unwrap_or_default()
}

#[test]
fn of_two_machines_one_goes_on_and_the_other_stops_and_says_why() {
    side_by_side(BEGUN_AFTER, |after| {
        let served = Served::start(small::config(), &small::ADDRESSES);
        let homes = [machine(&served), machine(&served)];
        let [first, second] = std::thread::scope(|scope| {
            let first = scope.spawn(|| homes[0].plan(["run", "--yes"]));
            while served.exports.log().len() < after {
                assert!(!first.is_finished(), "the first run made less than {after} requests");
                std::thread::sleep(Duration::from_millis(5));
            }
            let second = homes[1].plan(["run", "--yes"]);
            [first.join().unwrap(), second]
        });
        let runs = homes.each_ref().map(run_of);
        let told = |ran: &Ran| format!("begun after {after}: exit {}\n{}{}", ran.code, ran.stdout, ran.stderr);
        let both = format!("{}\n{}", told(&first), told(&second));

        let codes = [first.code, second.code];
        let winner = codes.iter().position(|code| *code == 0).unwrap_or_else(|| panic!("nobody went on\n{both}"));
        let (ours, theirs) = (&runs[winner], &runs[1 - winner]);
        assert_eq!(codes[1 - winner], 7, "{both}");
        assert!([&first, &second][1 - winner].verdict().contains(ours), "it does not say who\n{both}");

        // Each phase was deployed once, by the run that went on; nothing was taken back.
        let log = served.exports.log();
        let deploys: Vec<&str> =
            log.iter().filter(|asked| asked.procedure == "compose.deploy").filter_map(|asked| asked.title.as_deref()).collect();
        assert_eq!(deploys.len(), 2, "{deploys:?}\n{both}");
        assert!(deploys.iter().all(|title| title.contains(ours) && (theirs.is_empty() || !title.contains(theirs))), "{deploys:?}\n{both}");
        assert!(log.iter().all(|asked| asked.procedure != "compose.stop"), "{both}");
        let live = served.exports.app()["composeFile"].as_str().unwrap().to_owned();
        assert!(live.contains(ours) && live.contains("verified=yes"), "{live}\n{both}");
    });
}
