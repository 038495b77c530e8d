//! `expect logs`: which lines count, and what they say.
//!
//! Lines count from the deploy on; without a deploy from the first look on, and for a checkup those of the last ten minutes. What a service
//! wrote before is known noise: a line of the same kind is not held against it later. Each look reads on where the last one ended; when more
//! was written than one look reads, nobody knows what, and that is an error.

use super::lines::{kind, stamped};
use super::{Ask, Told, why_not};
use crate::engine::containers::Before;
use crate::engine::{Answer, Container, Moment, Reading, Sample};
use crate::model::Logs;
use crate::schedule::ServiceName;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How far back a checkup reads.
const RECENT: Duration = Duration::from_secs(10 * 60);
/// A look reads on from so long before the last one: clocks are read at both ends. What was read is told by its stamp.
const OVERLAP: Duration = Duration::from_secs(5);
/// Kinds of lines that are remembered as noise.
const KINDS_MAX: usize = 200;
/// Characters of a line that are shown.
const SHOWN: usize = 200;

/// Kinds of lines that a service wrote before it was deployed anew.
pub(in crate::engine) type Noise = BTreeMap<ServiceName, BTreeSet<String>>;

/// From when on lines count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum From {
    /// From a deploy that was asked for then.
    Deploy(Moment),
    /// From the first look; what was written before is noise.
    Now,
    /// For a checkup: a while back.
    Recent,
}

/// Reads a service's logs, look by look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct LogReader {
    from: From,
    /// Where reading ended, by container.
    marks: BTreeMap<String, Mark>,
    /// Whether there was a look.
    has_looked: bool,
    /// Kinds of lines that nobody minds.
    pub noise: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    /// The newest line's stamp; empty when there was none.
    stamp: String,
    /// When it was looked for.
    at: Moment,
    /// Nothing from before counts.
    not_before: Option<Moment>,
}

/// What one look read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Look {
    lines: Vec<Line>,
    /// Why lines that count were not read.
    gap: Option<String>,
    /// Whether all that a container ever wrote was read, as far as this look is concerned.
    is_cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: String,
    counts: bool,
    /// Whether it stands in a container's whole log, where lines that must be are looked for.
    is_of_all: bool,
}

/// What an expectation has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct Findings {
    minded: Option<String>,
    /// Patterns of `some` that were found.
    found: BTreeSet<usize>,
    /// Whether a log was too long to be searched from its beginning.
    is_cut: bool,
    lines: u64,
}

impl LogReader {
    pub(in crate::engine) fn new(from: From, noise: BTreeSet<String>) -> Self {
        Self { from, marks: BTreeMap::new(), has_looked: false, noise }
    }

    /// What to read of these containers. `wants_all`: lines that must be somewhere are looked for from a container's beginning.
    pub(in crate::engine) fn asks(&self, containers: &[&Container], before: &Before, wants_all: bool, now: Moment) -> Vec<Ask> {
        let mut asks = Vec::new();
        for container in containers {
            let ask = |seconds| Ask::Log { service: container.service.clone(), container: container.id.clone(), seconds };
            if let Some(mark) = self.marks.get(container.id.short()) {
                let since = (now - mark.at) + OVERLAP;
                let bound = mark.not_before.filter(|_| mark.stamp.is_empty()).map(|bound| now - bound);
                asks.push(ask(Some(seconds(bound.map_or(since, |bound| bound.min(since))))));
                continue;
            }
            match self.bound(container, before) {
                None => asks.push(ask(None)),
                Some(bound) => {
                    asks.push(ask(Some(seconds(bound.back(now)))));
                    if wants_all {
                        asks.push(ask(None));
                    }
                }
            }
        }
        asks
    }

    /// How far back a container that was not read yet is read; `None`: from its beginning.
    fn bound(&self, container: &Container, before: &Before) -> Option<Bound> {
        match self.from {
            From::Deploy(at) => (!before.is_new(container)).then_some(Bound::Since(at)),
            From::Now => None,
            From::Recent => (!self.has_looked).then_some(Bound::Back(RECENT)),
        }
    }

    /// Takes the answers of a round.
    fn look(&mut self, told: &Told, containers: &[&Container], before: &Before) -> Result<Look, String> {
        let mut look = Look::default();
        for container in containers {
            let id = container.id.short().to_owned();
            let mark = self.marks.get(&id).cloned();
            let of_container = told.answers.iter().filter_map(|(ask, answer)| match ask {
                Ask::Log { service, container: one, seconds } if *service == container.service && one.short() == id => {
                    Some((*seconds, answer))
                }
                _ => None,
            });
            let mut newest = mark.as_ref().map_or_else(String::new, |mark| mark.stamp.clone());
            let mut was_read = false;
            let is_bounded = mark.is_none() && self.bound(container, before).is_some();
            for (seconds, answer) in of_container {
                let Answer::Logs(logs) = answer else { return Err(why_not(Some(answer))) };
                let log = logs.get(&container.service).ok_or_else(|| why_not(None))?;
                if let Some(why) = &log.missing {
                    return Err(why.clone());
                }
                was_read = true;
                let is_all = seconds.is_none();
                // Read besides the lines that count, for those that must be somewhere.
                let is_extra = is_bounded && is_all;
                // Before the first look of a watch without a deploy everything is old.
                let is_old = self.from == From::Now && !self.has_looked;
                let first = log.lines.first().map(|line| stamped(line).0);
                for line in &log.lines {
                    let (stamp, text) = stamped(line);
                    if let (Some(stamp), Some(mark)) = (stamp, &mark)
                        && *stamp <= *mark.stamp
                    {
                        continue;
                    }
                    if let Some(stamp) = stamp.filter(|stamp| **stamp > *newest) {
                        stamp.clone_into(&mut newest);
                    }
                    look.lines.push(Line { text: text.to_owned(), counts: !is_extra && !is_old, is_of_all: mark.is_some() || is_all });
                }
                if log.is_cut {
                    let is_joined = mark.as_ref().is_some_and(|mark| first.flatten().is_some_and(|first| *first <= *mark.stamp));
                    look.is_cut |= is_all || mark.is_some() && !is_joined;
                    if !is_extra && !is_old && !is_joined {
                        look.gap = Some(format!("it writes too much: of what is new only the last {} lines were read", log.lines.len()));
                    }
                }
            }
            if !was_read {
                return Err(why_not(None));
            }
            let not_before = mark.as_ref().map_or_else(
                || match self.from {
                    From::Deploy(at) if is_bounded => Some(at),
                    _ => None,
                },
                |mark| mark.not_before,
            );
            self.marks.insert(id, Mark { stamp: newest, at: told.started, not_before });
        }
        self.has_looked = true;
        Ok(look)
    }

    /// One sample of each of a service's expectations on its logs, in their order. The containers are known.
    pub(in crate::engine) fn samples<'a>(
        &mut self,
        told: &Told,
        containers: &[&Container],
        before: &Before,
        expectations: impl Iterator<Item = (&'a Logs, &'a mut Findings)>,
    ) -> Vec<Sample> {
        let look = if containers.is_empty() { Err("it has no container".to_owned()) } else { self.look(told, containers, before) };
        let mut samples = Vec::new();
        let mut fresh = BTreeSet::new();
        for (logs, findings) in expectations {
            if let Ok(look) = &look {
                findings.take(look, logs, &self.noise);
                fresh
                    .extend(look.lines.iter().filter(|line| !line.counts && logs.minds(&line.text).is_some()).map(|line| kind(&line.text)));
            }
            samples.push(findings.sample(told, logs, &look));
        }
        if self.from == From::Now {
            let room = KINDS_MAX.saturating_sub(self.noise.len());
            self.noise.extend(fresh.into_iter().take(room));
        }
        samples
    }
}

/// How far back to read.
enum Bound {
    Since(Moment),
    Back(Duration),
}

impl Bound {
    fn back(&self, now: Moment) -> Duration {
        match self {
            Self::Since(at) => now - *at,
            Self::Back(while_back) => *while_back,
        }
    }
}

/// Whole seconds, as Dokploy takes them: none from before.
fn seconds(back: Duration) -> u32 {
    u32::try_from(back.as_secs()).unwrap_or(u32::MAX).max(1)
}

impl Findings {
    fn take(&mut self, look: &Look, logs: &Logs, noise: &BTreeSet<String>) {
        self.lines += look.lines.iter().filter(|line| line.counts).count() as u64;
        self.is_cut |= look.is_cut;
        for line in &look.lines {
            if line.counts
                && self.minded.is_none()
                && let Some(pattern) = logs.minds(&line.text)
                && !noise.contains(&kind(&line.text))
            {
                self.minded = Some(format!("a line matches {pattern}: {}", shown(&line.text)));
            }
            if line.is_of_all {
                let missing = logs.some.iter().enumerate().filter(|(at, _)| !self.found.contains(at));
                let found: Vec<usize> = missing.filter(|(_, pattern)| pattern.is_match(line.text.as_bytes())).map(|(at, _)| at).collect();
                self.found.extend(found);
            }
        }
    }

    fn sample(&self, told: &Told, logs: &Logs, look: &Result<Look, String>) -> Sample {
        let none = logs.none.iter().map(|pattern| format!("no line matches {pattern}"));
        let some = logs.some.iter().map(|pattern| format!("some line matches {pattern}"));
        let expected = none.chain(some).collect::<Vec<_>>().join(", ");
        let missing = logs.some.iter().enumerate().find(|(at, _)| !self.found.contains(at)).map(|(_, pattern)| pattern);
        match (look, &self.minded, missing) {
            // What was written was written, whatever can be read now.
            (_, Some(minded), _) => told.sample(Reading::Fail, expected, minded.clone()),
            (Err(why), _, _) => told.sample(Reading::Error, expected, format!("its log could not be read: {why}")),
            (Ok(Look { gap: Some(why), .. }), _, _) => told.sample(Reading::Error, expected, why.clone()),
            (_, _, Some(pattern)) if self.is_cut => {
                let why = format!("its log is longer than what is read of it, and no line that was read matches {pattern}");
                told.sample(Reading::Error, expected, why)
            }
            (_, _, Some(pattern)) => told.sample(Reading::Fail, expected, format!("no line matches {pattern} yet")),
            (Ok(_), None, None) => {
                let read = if self.lines == 1 { "1 line was read".to_owned() } else { format!("{} lines were read", self.lines) };
                told.sample(Reading::Pass, expected, read)
            }
        }
    }
}

/// The beginning of a line.
fn shown(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ContainerId, ContainerState, Log};
    use crate::model::Pattern;

    fn container(id: &str) -> Container {
        Container {
            id: ContainerId(id.repeat(12)),
            name: "app-web-1".to_owned(),
            service: "web".to_owned(),
            state: ContainerState::Running,
            restarts: 0,
            started_at: "t".to_owned(),
            health: None,
            oom_killed: false,
            restarts_itself: true,
            image: "web:v1".to_owned(),
            image_id: "sha256:1".to_owned(),
        }
    }

    fn patterns(sources: &[&str]) -> Vec<Pattern> {
        sources.iter().map(|source| Pattern::new(source).expect("a pattern")).collect()
    }

    /// A service's log that is read look by look.
    struct Story {
        reader: LogReader,
        logs: Logs,
        findings: Findings,
        before: Before,
        now: u64,
    }

    impl Story {
        fn new(from: From, noise: &[&str], none: &[&str], some: &[&str], before: Before) -> Self {
            let noise = noise.iter().map(|line| kind(line)).collect();
            let logs = Logs { none: patterns(none), some: patterns(some), ignore: Vec::new() };
            Self { reader: LogReader::new(from, noise), logs, findings: Findings::default(), before, now: 10_000 }
        }

        /// A look five seconds later. `written`: second and line. Gives how far back it read, and the sample.
        fn look(&mut self, id: &str, written: &[(u32, &str)], is_cut: bool) -> (Vec<Option<u32>>, Sample) {
            self.now += 5_000;
            let (now, container) = (Moment::millis(self.now), container(id));
            let asks = self.reader.asks(&[&container], &self.before, !self.logs.some.is_empty(), now);
            let back = asks.iter().map(|ask| if let Ask::Log { seconds, .. } = ask { *seconds } else { None }).collect();
            let answer = |ask: &Ask| {
                let Ask::Log { seconds, .. } = ask else { panic!("only logs are read") };
                let from = seconds.map_or(0, |seconds| u32::try_from(self.now / 1000).expect("soon").saturating_sub(seconds));
                let lines = written.iter().filter(|(at, _)| *at >= from);
                let lines = lines.map(|(at, line)| format!("2026-01-05T09:{:02}:{:02}.000000000Z {line}", at / 60, at % 60)).collect();
                Answer::Logs(BTreeMap::from([("web".to_owned(), Log { lines, missing: None, is_cut })]))
            };
            let answers = asks.iter().map(|ask| (ask.clone(), answer(ask))).collect();
            let told = Told { now, started: now, answers };
            let mut samples = self.reader.samples(&told, &[&container], &self.before, std::iter::once((&self.logs, &mut self.findings)));
            (back, samples.remove(0))
        }
    }

    const BAD: &str = "CRITICAL: no heartbeat from 7";

    #[test]
    fn of_a_new_container_every_line_counts_and_of_a_kept_one_those_since_the_deploy() {
        let deploy = From::Deploy(Moment::millis(10_000));
        let before = || Before(Some(vec![container("a")]));
        let mut new = Story::new(deploy, &[], &["CRITICAL"], &[], before());
        assert_eq!(new.look("b", &[(2, BAD)], false).1.reading, Reading::Fail);
        let mut kept = Story::new(deploy, &[], &["CRITICAL"], &[], before());
        let (back, sample) = kept.look("a", &[(2, BAD), (12, "fine")], false);
        assert_eq!((back, sample.reading), (vec![Some(5)], Reading::Pass), "{}", sample.actual);
        assert_eq!(kept.look("a", &[(2, BAD), (12, "fine"), (17, "CRITICAL: no disk")], false).1.reading, Reading::Fail);
        assert_eq!(kept.look("a", &[], false).1.reading, Reading::Fail, "what was written was written");
    }

    #[test]
    fn a_kept_container_that_wrote_nothing_is_never_read_from_before_the_deploy() {
        let mut kept = Story::new(From::Deploy(Moment::millis(14_000)), &[], &["CRITICAL"], &[], Before(Some(vec![container("a")])));
        let old = [(13, BAD)];
        for _ in 0..4 {
            let (back, sample) = kept.look("a", &old, false);
            assert_eq!(sample.reading, Reading::Pass, "{back:?}: {}", sample.actual);
        }
    }

    #[test]
    fn known_noise_is_of_a_kind_and_not_the_very_line() {
        let deploy = From::Deploy(Moment::millis(10_000));
        let mut web = Story::new(deploy, &[BAD], &["CRITICAL"], &[], Before(Some(Vec::new())));
        assert_eq!(web.look("b", &[(11, "CRITICAL: no heartbeat from 12345")], false).1.reading, Reading::Pass);
        let sample = web.look("b", &[(11, BAD), (17, "CRITICAL: no disk")], false).1;
        assert_eq!((sample.reading, sample.actual.as_str()), (Reading::Fail, "a line matches /CRITICAL/: CRITICAL: no disk"));
    }

    #[test]
    fn without_a_deploy_what_was_there_is_noise_and_what_comes_counts() {
        let mut web = Story::new(From::Now, &[], &["CRITICAL"], &[], Before::default());
        assert_eq!(web.look("a", &[(2, BAD)], false).1.reading, Reading::Pass);
        assert_eq!(web.reader.noise.len(), 1);
        assert_eq!(web.look("a", &[(2, BAD), (18, BAD)], false).1.reading, Reading::Pass, "the same again");
        assert_eq!(web.look("a", &[(2, BAD), (18, BAD), (22, "CRITICAL: no disk")], false).1.reading, Reading::Fail);
    }

    #[test]
    fn lines_that_must_be_there_are_looked_for_from_the_beginning() {
        let mut kept = Story::new(From::Deploy(Moment::millis(10_000)), &[], &[], &["ready"], Before(Some(vec![container("a")])));
        let (back, sample) = kept.look("a", &[(1, "ready")], false);
        assert_eq!((back.len(), sample.reading), (2, Reading::Pass), "{}", sample.actual);
        let mut missing = Story::new(From::Deploy(Moment::millis(10_000)), &[], &[], &["ready"], Before(Some(Vec::new())));
        assert_eq!(missing.look("b", &[(11, "starting")], false).1.reading, Reading::Fail);
        assert_eq!(missing.look("b", &[(11, "starting"), (17, "ready")], false).1.reading, Reading::Pass);
    }

    #[test]
    fn lines_that_were_not_read_are_an_error() {
        let mut web = Story::new(From::Deploy(Moment::millis(10_000)), &[], &["CRITICAL"], &[], Before(Some(Vec::new())));
        assert_eq!(web.look("b", &[(14, "fine")], true).1.reading, Reading::Error);
        assert_eq!(web.look("b", &[(14, "fine"), (19, "fine")], true).1.reading, Reading::Pass, "joined to what was read before");
        assert_eq!(web.look("b", &[(24, "fine")], true).1.reading, Reading::Error);
        let mut whole = Story::new(From::Now, &[], &[], &["ready"], Before::default());
        assert_eq!(whole.look("b", &[(14, "fine")], true).1.reading, Reading::Error, "it may have been said before");
    }

    #[test]
    fn a_checkup_reads_the_last_ten_minutes() {
        let mut web = Story::new(From::Recent, &[], &["CRITICAL"], &[], Before::default());
        let (back, sample) = web.look("a", &[(2, BAD)], false);
        assert_eq!((back, sample.reading), (vec![Some(600)], Reading::Fail));
    }
}
