//! A phase for each file, with times by its healthchecks.

use super::write::{self, Writer};
use super::{App, Given, Names, healthcheck, is_started, layers, names};
use crate::model::duration;
use std::time::Duration;

/// The shortest time to settle that is written: the language's default.
const LEAST: Duration = Duration::from_secs(2 * 60);
/// The longest: the language takes no more than 30 days.
const MOST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The phases. `sources` is the first file that builds from git.
pub(super) fn write(app: &App<'_>, plan: &Names, sources: Option<usize>, command: &str, out: &mut Writer) {
    let names = names::phases(app.files);
    for (at, file) in app.files.iter().enumerate() {
        out.blank();
        layers::suggest(app, command, out);
        let name = write::name(&names[at]);
        match at.checked_sub(1) {
            None => out.open(&format!("phase {name}")),
            Some(before) => out.open(&format!("phase {name} after {}", write::name(&names[before]))),
        }
        if sources == Some(at) {
            out.line("require sources");
        }
        let deploy = format!("deploy {} from {} within 10m", write::name(&plan.rollout.value), write::quoted(&file.path));
        out.marked(&deploy, true);
        out.marked(&format!("settle within {}", duration(settle(file))), true);
        out.marked("soak 1m", true);
        out.close();
    }
}

/// How long the slowest healthcheck may take to its verdict, in whole minutes.
fn settle(file: &Given) -> Duration {
    let started = file.compose.services.iter().filter(|service| is_started(service) && healthcheck::is_there(service));
    let checks = started.filter_map(|service| service.healthcheck.as_ref());
    let verdict = checks.map(|check| {
        let tries = check.interval.saturating_mul(check.retries.max(1));
        check.start_period.saturating_add(tries).saturating_add(check.timeout)
    });
    let longest = verdict.max().unwrap_or_default().min(MOST);
    Duration::from_secs(longest.as_millis().div_ceil(60_000).try_into().unwrap_or(u64::MAX).saturating_mul(60)).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose;
    use crate::source::SourceMap;

    #[test]
    fn settling_waits_for_the_slowest_healthcheck() {
        for (check, minutes) in [
            ("", 2),
            ("interval: 10s, timeout: 5s, retries: 3", 2),
            ("interval: 30s, timeout: 30s, retries: 3", 2),
            ("interval: 30s, timeout: 31s, retries: 3", 3),
            ("interval: 10s, timeout: 5s, retries: 5, start_period: 4m", 5),
            ("interval: 10h, retries: 4000000000", 30 * 24 * 60),
            ("disable: true, start_period: 10m", 2),
        ] {
            let text = format!("services:\n  a: {{image: a, healthcheck: {{{check}}}}}\n");
            let file = SourceMap::default().add("compose.yml", text.as_str());
            let given = Given { path: "compose.yml".to_owned(), compose: compose::read(file, &text).unwrap() };
            assert_eq!(settle(&given), Duration::from_secs(minutes * 60), "{check}");
        }
    }
}
