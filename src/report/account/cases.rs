//! `JUnit` of a run: a suite for the run as a whole, one for each phase, one for the way back. It is red exactly when the exit code is not 0.

use super::fold::{Account, Approval, End, GateAccount, Spans};
use super::places;
use crate::engine::{Cause, Ending, ExitCode, FailedService, Moment, Reason, RowStatus, Verdict};
use crate::model::Severity;
use crate::report::junit::{Case, Outcome, Suite, document};
use crate::report::progress::{Failure, ServiceView, Stage, Step};
use crate::report::story::target_words;
use crate::report::{cause, difference, exit, words};
use crate::schedule::{GateId, PhaseId, Subject};
use std::collections::{BTreeMap, BTreeSet};

/// The whole document.
pub fn junit(account: &Account) -> String {
    let mut suites = vec![run_suite(account)];
    // Going back by hand has no phases of its own.
    if account.view.target.is_none() {
        let known = Known::of(account);
        suites.extend((0..account.phases.len()).map(|at| phase_suite(account, PhaseId(at), &known)));
    }
    suites.extend(back_suite(account));
    document(&format!("plan run {}", account.view.outline.rollout), &suites)
}

/// What all phases are told by.
struct Known<'a> {
    /// Numbers and texts of what each service is asked, in the plan's order.
    asked: BTreeMap<&'a str, Vec<(usize, &'a str)>>,
    /// Gates as each phase asked them last.
    gates: BTreeMap<(GateId, Option<PhaseId>), &'a GateAccount>,
}

impl<'a> Known<'a> {
    fn of(account: &'a Account) -> Self {
        let mut asked: BTreeMap<&str, Vec<(usize, &str)>> = BTreeMap::new();
        for (at, (subject, text)) in account.view.outline.expectations.iter().enumerate() {
            if let Subject::Service(name) = subject {
                asked.entry(name).or_default().push((at, text));
            }
        }
        Self { asked, gates: account.gates.iter().map(|asked| ((asked.gate, asked.phase), asked)).collect() }
    }
}

fn suite(account: &Account, name: String, cases: Vec<Case>, out: Vec<String>) -> Suite {
    let timestamp = Some(account.began.clone()).filter(|began| !began.is_empty());
    Suite { name, timestamp, hostname: account.setting.probed_from.clone(), properties: Vec::new(), cases, out }
}

fn case(class: &str, name: impl Into<String>, outcome: Outcome) -> Case {
    Case { class: class.to_owned(), name: name.into(), seconds: 0.0, outcome }
}

fn run_suite(account: &Account) -> Suite {
    let view = &account.view;
    let sentence = account.sentence();
    let outcome = match &account.end {
        End::Ended(_, ExitCode(0)) => Outcome::Passed,
        End::Ended(ending, code) => {
            let text = format!("exit {}: {}{}", code.0, exit::meaning(*code), why(ending));
            match code.0 {
                3 | 4 | 5 | 6 | 8 => Outcome::Failed(sentence.clone(), text),
                _ => Outcome::Error(sentence.clone(), text),
            }
        }
        End::Unfinished { .. } => Outcome::Error(sentence.clone(), "it has no end, so nobody knows its exit code".to_owned()),
    };
    let mut out = vec![sentence];
    out.extend(account.evidence.iter().map(|path| format!("evidence: {path}")));
    out.extend(account.warnings.iter().map(|text| format!("warning: {text}")));
    let mut suite = suite(account, "run".to_owned(), vec![case("run", "ends as asked", outcome)], out);
    let origin = &account.origin;
    let facts = [
        ("run", view.run.as_str()),
        ("rollout", &view.outline.rollout),
        ("app", &view.app),
        ("plan", &origin.plan),
        ("plan-digest", &origin.plan_digest),
        ("plan-version", &origin.version),
        ("dokploy", view.version.as_deref().unwrap_or_default()),
        ("sandbox", origin.sandbox.as_deref().unwrap_or_default()),
    ];
    suite.properties = facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key, value.to_owned())).collect();
    suite
}

/// Sentences of a reason that has some.
fn why(ending: &Ending) -> String {
    match &ending.reason {
        Reason::Refused { why } => {
            let sentences = why.iter().map(|why| difference::sentence_and_diff(why).0).filter(|sentence| !sentence.is_empty());
            sentences.flat_map(|sentence| ["\n", sentence]).collect()
        }
        _ => String::new(),
    }
}

/// What is to be said of the cases of a phase.
enum Way<'a> {
    /// It was not begun: why.
    NotReached(&'static str),
    Verified,
    Failed(&'a Cause),
    /// Nobody says how it ended.
    Open,
}

fn phase_suite(account: &Account, id: PhaseId, known: &Known<'_>) -> Suite {
    let view = &account.view;
    let (phase, told, step) = (view.outline.phase(id), &account.phases[id.0], &view.phases[id.0]);
    let way = match (&step.stage, &told.cause) {
        (Stage::Verified, _) => Way::Verified,
        (Stage::Live, _) if told.asserted_only => Way::Verified,
        (Stage::Live, _) => Way::NotReached("live before the run, as part of a later phase"),
        (Stage::Failed, Some(cause)) => Way::Failed(cause),
        (Stage::Held, _) if told.not_held.is_empty() => Way::NotReached("not begun: its gates do not hold"),
        (Stage::Held, _) => Way::NotReached("not begun: what was delivered before does not hold"),
        (Stage::Pending, _) => Way::NotReached("not reached"),
        _ => Way::Open,
    };
    let mut cases = Vec::new();
    for gate in &phase.gates {
        cases.extend(gate_cases(account, &phase.name, *gate, known.gates.get(&(*gate, Some(id))).copied()));
    }
    let class = |service: &str| format!("{}.{service}", phase.name);
    // The phase's own services may have been there before it, and are told as they were then.
    let unwell: BTreeSet<&str> = told.not_held.iter().map(|failed| failed.service.as_str()).collect();
    let blamed = blamed(told.cause.as_ref());
    // Services of an earlier phase that this one's file lacks are not asked below.
    let gone = blamed.values().copied().filter(|failed| !phase.services.contains(&failed.service));
    for failed in told.not_held.iter().chain(gone) {
        cases.push(case(&class(&failed.service), &failed.what, failed_outcome(failed)));
    }
    let is_live = told.asserted_only || view.is_earned(id);
    let mut deploy = case(&phase.name, format!("deploy of {}", phase.path), deploy_outcome(account, &way, &told.spans, is_live));
    deploy.seconds = between(told.spans.asked, told.spans.deployed.as_ref().map(|(at, _)| *at).or(step.ended));
    cases.push(deploy);
    let is_asked = is_live || matches!(told.spans.deployed, Some((_, RowStatus::Done)));
    for service in phase.services.iter().filter(|service| !unwell.contains(service.as_str())) {
        let class = class(service);
        let texts = known.asked.get(service.as_str()).map(Vec::as_slice).unwrap_or_default();
        let seen = if matches!(way, Way::Failed(_)) { told.services.get(service) } else { view.services.get(service) };
        let judge = |what: &str| match (&way, view.waived.get(service)) {
            (_, Some(reason)) => Outcome::Skipped(format!("waived: {reason}")),
            (Way::NotReached(why), _) => Outcome::Skipped((*why).to_owned()),
            (Way::Verified, _) => Outcome::Passed,
            (Way::Failed(_) | Way::Open, _) if !is_asked => Outcome::Skipped("not asked: the deploy had not ended well".to_owned()),
            (Way::Failed(_), _) => match blamed.get(service.as_str()) {
                Some(failed) if failed.what == what => failed_outcome(failed),
                Some(failed) => Outcome::Skipped(format!("not told apart: what failed is {}", failed.what)),
                None => as_seen(seen),
            },
            (Way::Open, _) => as_seen(seen),
        };
        cases.push(case(&class, RUNS, judge(CONTAINER)));
        for (at, text) in texts {
            let outcome = aside(account, *at, text).unwrap_or_else(|| judge(text));
            cases.push(case(&class, *text, outcome));
        }
    }
    let outcome = match &way {
        Way::NotReached(why) => Outcome::Skipped((*why).to_owned()),
        Way::Verified => Outcome::Passed,
        Way::Failed(cause) => cause_outcome(account, cause),
        Way::Open => Outcome::Error(account.sentence(), String::new()),
    };
    let mut verified = case(&phase.name, "verified", outcome);
    verified.seconds = held_for(&told.spans, step, is_live);
    cases.push(verified);
    let mut out: Vec<String> = Vec::new();
    if let Some(failure) = view.failure.as_ref().filter(|failure| failure.phase == Some(id)) {
        out.extend(failure.path.iter().map(|path| format!("evidence: {path}")));
    }
    out.extend(view.snapshots.get(&phase.name).map(|path| format!("compose text: {path}")));
    out.extend(told.images.iter().map(|(service, image)| format!("image of {service}: {image}")));
    let suite = suite(account, phase.name.clone(), cases, out);
    Suite { timestamp: told.began.clone().or(suite.timestamp), ..suite }
}

/// What the engine calls a container in what failed.
const CONTAINER: &str = "its container";

/// What is asked of it, in the words of `plan health`.
const RUNS: &str = "its container runs";

fn gate_cases(account: &Account, class: &str, gate: GateId, asked: Option<&GateAccount>) -> Vec<Case> {
    let outline = account.view.outline.gate(gate);
    let skipped = || Outcome::Skipped("not reached".to_owned());
    let mut cases = Vec::new();
    if !outline.asks.is_empty() {
        let outcome = match asked.map(|asked| &asked.held) {
            Some(Some(Ok(()))) => Outcome::Passed,
            Some(Some(Err(cause))) => cause_outcome(account, cause),
            Some(None) if asked.is_some_and(|asked| asked.approval.is_some()) => Outcome::Passed,
            Some(None) => Outcome::Error("nobody knows whether it holds".to_owned(), account.sentence()),
            None => skipped(),
        };
        cases.push(case(class, format!("gate {}", outline.name), outcome));
    }
    if let Some((question, _)) = &outline.approval {
        let outcome = match asked.and_then(|asked| asked.approval.as_ref()) {
            Some(Approval::Given(_)) => Outcome::Passed,
            Some(Approval::Refused(Some(who))) => Outcome::Failed(format!("{who} said no"), question.clone()),
            Some(Approval::Refused(None)) => Outcome::Failed("nobody answered in time".to_owned(), question.clone()),
            Some(Approval::Asked) => Outcome::Error("nobody has answered yet".to_owned(), question.clone()),
            None => skipped(),
        };
        cases.push(case(class, format!("approval of {}", outline.name), outcome));
    }
    cases
}

fn deploy_outcome(account: &Account, way: &Way<'_>, spans: &Spans, is_live: bool) -> Outcome {
    match way {
        Way::NotReached(why) => Outcome::Skipped((*why).to_owned()),
        _ if is_live => Outcome::Skipped("live before the run: nothing to deploy".to_owned()),
        _ if matches!(spans.deployed, Some((_, RowStatus::Done))) => Outcome::Passed,
        Way::Failed(cause) => cause_outcome(account, cause),
        Way::Verified => Outcome::Passed,
        Way::Open if spans.asked.is_none() => Outcome::Skipped("not reached".to_owned()),
        Way::Open => Outcome::Error("nobody knows how the deploy ended".to_owned(), String::new()),
    }
}

fn between(from: Option<Moment>, until: Option<Moment>) -> f64 {
    from.zip(until).map_or(0.0, |(from, until)| (until - from).as_secs_f64())
}

/// How long the phase was held to its expectations.
fn held_for(spans: &Spans, step: &Step, is_live: bool) -> f64 {
    let from = if is_live { step.began } else { spans.deployed.as_ref().map(|(at, _)| *at) };
    between(from, step.ended)
}

/// A cause as an outcome: what somebody said no to is a failure, what could not be asked or ended an error.
fn cause_outcome(account: &Account, cause: &Cause) -> Outcome {
    let line = cause::headline(&account.view.outline, cause);
    let text = places::detail(account, cause).join("\n");
    match cause {
        Cause::Deploy { status: RowStatus::Done | RowStatus::Error, .. }
        | Cause::Services { .. }
        | Cause::Expectations { .. }
        | Cause::Asked { .. }
        | Cause::TextChanged { .. } => Outcome::Failed(line, text),
        Cause::Deploy { status: RowStatus::Cancelled, .. }
        | Cause::NeverStarted { .. }
        | Cause::QueueTimeout { .. }
        | Cause::DeployTimeout
        | Cause::RunTimeout
        | Cause::CouldNotAsk { .. } => Outcome::Error(line, text),
    }
}

/// The services that a cause names as failed.
fn blamed(cause: Option<&Cause>) -> BTreeMap<&str, &FailedService> {
    match cause {
        Some(Cause::Services { services, .. }) => services.iter().map(|failed| (failed.service.as_str(), failed)).collect(),
        _ => BTreeMap::new(),
    }
}

fn failed_outcome(failed: &FailedService) -> Outcome {
    let (passed, refused, errored) = failed.counts;
    let hint = failed.hint.as_ref().map_or_else(String::new, |hint| format!("\nhint: {hint}"));
    let line = if failed.actual.is_empty() { &failed.what } else { &failed.actual };
    let text = format!(
        "expected: {}\nactual: {}\nsamples: {refused} failed, {passed} passed, {errored} could not be taken{hint}",
        failed.expected, failed.actual
    );
    Outcome::Failed(line.clone(), text)
}

/// By all that was last seen of a service.
fn as_seen(seen: Option<&ServiceView>) -> Outcome {
    let actual = || seen.and_then(|seen| seen.actual.clone()).unwrap_or_default();
    match seen.map(|seen| seen.verdict) {
        Some(Verdict::Met) => Outcome::Passed,
        Some(Verdict::Errored) => Outcome::Error("could not be asked".to_owned(), actual()),
        Some(Verdict::Failed) => Outcome::Failed("did not hold when last asked".to_owned(), actual()),
        Some(Verdict::Holding | Verdict::Unknown) | None => Outcome::Skipped("undecided when the phase ended".to_owned()),
    }
}

/// What is told and decides nothing: `JUnit` has no word for it.
fn aside(account: &Account, at: usize, text: &str) -> Option<Outcome> {
    let keyword = [Severity::Warns, Severity::Observes]
        .map(Severity::keyword)
        .into_iter()
        .find(|word| text.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')))?;
    let seen = account.warned.get(&at).map_or_else(String::new, |sample| format!(": {}", sample.actual));
    Some(Outcome::Skipped(format!("{keyword}, and decides nothing{seen}")))
}

fn back_suite(account: &Account) -> Option<Suite> {
    let view = &account.view;
    let back = view.rollback.as_ref()?;
    let target = target_words(view.outline.target(&back.target), &back.target);
    let mut cases: Vec<Case> =
        back.services.iter().map(|service| case(&format!("rollback.{service}"), "healthy again", Outcome::Passed)).collect();
    let excused = || Outcome::Skipped("not healthy before either".to_owned());
    cases.extend(back.excused.iter().map(|service| case(&format!("rollback.{service}"), "healthy again", excused())));
    if let Some(Failure { cause: Cause::Services { services, .. }, .. }) = &back.failure {
        cases.extend(services.iter().map(|failed| case(&format!("rollback.{}", failed.service), &failed.what, failed_outcome(failed))));
    }
    let outcome = match (&back.failure, &back.step.stage) {
        (Some(failure), _) => cause_outcome(account, &failure.cause),
        (None, Stage::Verified) => Outcome::Passed,
        (None, _) => Outcome::Error(account.sentence(), String::new()),
    };
    let mut verified = case("rollback", format!("{target} is back"), outcome);
    verified.seconds = between(back.step.began, back.step.ended);
    cases.push(verified);
    let mut out = Vec::new();
    if let Some(failure) = &back.failure {
        out.extend(failure.path.iter().map(|path| format!("evidence: {path}")));
    }
    let text = view.snapshots.get(view.outline.target(&back.target)).map(|path| format!("compose text: {path}"));
    out.extend(text);
    if !back.excused.is_empty() {
        out.push(format!("not healthy before either: {}", words::list(&back.excused)));
    }
    let suite = suite(account, format!("rollback to {target}"), cases, out);
    Some(Suite { timestamp: account.back_began.clone().or(suite.timestamp), ..suite })
}
