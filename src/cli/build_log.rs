//! The log of the build that is under way, for the live view: read beside what the run itself asks. Nothing follows from it, and nothing of it
//! is recorded; a failed deploy's log is read by the run.

use crate::drive::{Clock, Platform};
use crate::engine::{Answer, Intent};
use crate::report::Reporter;
use std::cell::RefCell;
use std::future::pending;
use std::time::Duration;

/// Between two looks. Dokploy bears less than five requests a second while a deploy runs, and the run asks it once a second.
const EVERY: Duration = Duration::from_secs(3);

/// Between two looks at most, while there is nothing to be read.
const LONGEST: Duration = Duration::from_secs(60);

/// Lines that are asked for: empty ones are not shown.
const LINES: u32 = 20;

/// Shows how builds go on, for as long as the run does. Where there is no live view nothing is asked.
pub(super) async fn follow(reporter: &RefCell<Reporter>, platform: &impl Platform, clock: &impl Clock) {
    if !reporter.borrow().is_live() {
        return pending().await;
    }
    let mut gap = EVERY;
    loop {
        clock.sleep_until(clock.now() + gap).await;
        let Some(deployment) = reporter.borrow().building() else {
            gap = EVERY;
            continue;
        };
        let intent = Intent::DeployLog { deployment: deployment.clone(), lines: LINES };
        let log = match platform.carry_out(intent, &mut |_| {}).await {
            Answer::Logs(mut logs) => logs.pop_first().map(|(_, log)| log).filter(|log| log.missing.is_none()),
            _ => None,
        };
        match log {
            Some(log) => {
                gap = EVERY;
                reporter.borrow_mut().build_log(&deployment, log.lines);
            }
            None => gap = LONGEST.min(gap * 2),
        }
    }
}
