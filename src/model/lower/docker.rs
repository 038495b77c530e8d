//! Expectations that Dokploy answers: containers, logs, the server.

use super::Lowering;
use super::once::given_twice;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Amount, Comparison, ContainerAssertion, Docker, Free, Logs, Pattern, Probe, ServerAssertion};
use crate::source::{Span, Spanned};
use crate::syntax::{self, ConditionKind, Head, Literal, LiteralKind, Statement, TextExpr};

/// Restarts that a plan may ask about: more is a mistake, and every count is below it.
const MOST_RESTARTS: u64 = 1000;

/// Whose block an expectation stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A service.
    Service,
    /// A job.
    Job,
    /// An external or a gate.
    Outside,
}

impl Lowering<'_> {
    /// `expect container`. `None` after an error.
    pub(super) fn container(&mut self, name: Option<&TextExpr>, statement: &Statement, owner: Owner) -> Option<Probe> {
        let given = match name {
            Some(text) => Some(Spanned::new(self.plain(text)?, text.span)),
            None => None,
        };
        if given.is_none() && owner == Owner::Outside {
            let problem = Diagnostic::new(Code::Missing, "a container without a name", statement.span, "whose container?");
            self.problems.push(problem.help("write `expect container \"NAME\"`, as `docker ps` on the server shows it"));
            return None;
        }
        if let Some(name) = given.as_ref().filter(|name| !is_container_name(&name.value)) {
            let message = format!("`{}` is not the name of a container", name.value);
            let problem = Diagnostic::new(Code::WrongKind, message, name.span, "letters, digits, `_`, `.` and `-`");
            self.problems.push(problem.help("write the name in full, as `docker ps` on the server shows it"));
            return None;
        }
        let mut assertions: Vec<Spanned<ContainerAssertion>> = Vec::new();
        let mut is_damaged = false;
        for inner in statement.body() {
            let assertion = match &inner.head {
                Head::Running => Some(ContainerAssertion::Running),
                Head::Healthy => Some(ContainerAssertion::Healthy),
                Head::Restarts(sign, count) => self.restarts(sign, *count),
                Head::RestartsMax(count) => self.restarts(&Spanned::new("<=".to_owned(), count.span), *count),
                Head::Image(condition) => self.text_condition(condition, "the image's name").map(ContainerAssertion::Image),
                Head::Exit(sign, code) => self.exit_code(sign, *code).map(|(comparison, code)| ContainerAssertion::Exit(comparison, code)),
                Head::HealthyAfter(_) => {
                    let problem = Diagnostic::new(Code::Misplaced, "passes are counted in `sampling`", inner.span, "not for one container");
                    self.problems.push(problem.help("write `healthy` alone: Docker's own healthcheck says so"));
                    None
                }
                _ => None,
            };
            is_damaged |= assertion.is_none();
            if let Some(assertion) = assertion {
                let same =
                    |other: &&Spanned<ContainerAssertion>| std::mem::discriminant(&other.value) == std::mem::discriminant(&assertion);
                if let Some(first) = assertions.iter().find(same) {
                    self.problems.push(given_twice(inner.form.keyword, inner.span, first.span));
                }
                assertions.push(Spanned::new(assertion, inner.span));
            }
        }
        self.contradicting(&assertions);
        let is_own_job = owner == Owner::Job && given.is_none();
        if is_own_job {
            self.not_of_a_job(&assertions);
        }
        if assertions.is_empty() && !is_damaged {
            let usual = if is_own_job { ContainerAssertion::Exit(Comparison::Equal, 0) } else { ContainerAssertion::Running };
            assertions.push(Spanned::new(usual, statement.span));
        }
        let assertions = assertions.into_iter().map(|assertion| assertion.value).collect();
        Some(Probe::Docker(Docker::Container { name: given.map(|name| name.value), assertions }))
    }

    /// Tells of what cannot be both.
    fn contradicting(&mut self, assertions: &[Spanned<ContainerAssertion>]) {
        let exit = assertions.iter().find(|assertion| matches!(assertion.value, ContainerAssertion::Exit(..)));
        let runs = assertions.iter().find(|assertion| matches!(assertion.value, ContainerAssertion::Running | ContainerAssertion::Healthy));
        if let (Some(exit), Some(runs)) = (exit, runs) {
            let message = format!("a container that is `{}` has no exit code", runs.value);
            self.problems.push(
                Diagnostic::new(Code::WrongKind, message, exit.span, "only one that has ended has one")
                    .label(runs.span, "and this one runs")
                    .help("remove one of them"),
            );
        }
    }

    /// Tells of what a job that is over cannot be.
    fn not_of_a_job(&mut self, assertions: &[Spanned<ContainerAssertion>]) {
        let runs =
            |assertion: &&Spanned<ContainerAssertion>| matches!(assertion.value, ContainerAssertion::Running | ContainerAssertion::Healthy);
        if let Some(runs) = assertions.iter().find(runs) {
            let message = format!("a job that is over is not `{}`", runs.value);
            self.problems.push(
                Diagnostic::new(Code::WrongKind, message, runs.span, "it must end with 0")
                    .help("leave it out: that it ends with 0 is asked of every job"),
            );
        }
    }

    fn restarts(&mut self, sign: &Spanned<String>, count: Spanned<u64>) -> Option<ContainerAssertion> {
        let comparison = Comparison::of_sign(&sign.value)?;
        if count.value > MOST_RESTARTS {
            let problem = Diagnostic::new(Code::OutOfRange, "a number out of range", count.span, format!("from 0 to {MOST_RESTARTS}"));
            self.problems.push(problem.help(format!("write a number from 0 to {MOST_RESTARTS}")));
            return None;
        }
        let span = Span { start: sign.span.start, ..count.span };
        let takes = |restarts: u64| comparison.takes(Some(restarts.cmp(&count.value)));
        if (0..=MOST_RESTARTS + 1).all(takes) {
            self.problems.push(
                Diagnostic::new(Code::Vacuous, "every container restarted that often", span, "no container can fail it")
                    .help("write `restarts == 0`"),
            );
            return None;
        }
        if !takes(0) && !(1..=MOST_RESTARTS + 1).any(takes) {
            self.problems.push(
                Diagnostic::new(Code::OutOfRange, "no container restarted less than never", span, "nothing can meet it")
                    .help("write `restarts == 0`"),
            );
            return None;
        }
        Some(ContainerAssertion::Restarts(comparison, count.value))
    }

    /// `expect logs`. `None` after an error.
    pub(super) fn logs(&mut self, statement: &Statement, owner: Owner, whose: &str) -> Option<Probe> {
        if owner == Owner::Outside {
            self.problems.push(
                Diagnostic::new(Code::Misplaced, "`expect logs` belongs in a service", statement.span, format!("in {whose}"))
                    .help("Dokploy shows the logs of the app's own services: move it into a `service` block"),
            );
            return None;
        }
        let mut logs = Logs::default();
        let mut is_damaged = statement.is_damaged();
        for inner in statement.body() {
            let (list, condition, consequence): (&mut Vec<Pattern>, _, _) = match &inner.head {
                Head::LogsNone(condition) => (&mut logs.none, condition, "no line can pass it"),
                Head::LogsSome(condition) => (&mut logs.some, condition, "no log can fail it"),
                Head::LogsIgnore(condition) => (&mut logs.ignore, condition, "every line would be ignored"),
                _ => continue,
            };
            let pattern = self.log_pattern(condition, consequence);
            is_damaged |= pattern.is_none();
            list.extend(pattern);
        }
        if !is_damaged && logs.none.is_empty() && logs.some.is_empty() {
            let message = if logs.ignore.is_empty() {
                "`expect logs` expects nothing"
            } else {
                "lines are ignored where nothing is expected of them"
            };
            let label = "nothing in this block can fail";
            self.problems.push(
                Diagnostic::new(Code::Vacuous, message, statement.span, label).help("add `none matches /CRITICAL|Traceback/` to the block"),
            );
            return None;
        }
        Some(Probe::Docker(Docker::Logs(logs)))
    }

    fn log_pattern(&mut self, condition: &syntax::Condition, consequence: &str) -> Option<Pattern> {
        match &condition.kind {
            ConditionKind::Matches(pattern) => self.pattern_that(pattern, consequence),
            _ => None,
        }
    }

    /// `expect server`. `None` after an error.
    pub(super) fn server(&mut self, statement: &Statement, owner: Owner, whose: &str) -> Option<Probe> {
        if owner != Owner::Outside {
            self.problems.push(
                Diagnostic::new(Code::Misplaced, "`expect server` belongs in a gate", statement.span, format!("in {whose}"))
                    .help("move it into a `gate` block, and `require` the gate in a phase"),
            );
            return None;
        }
        let mut assertions: Vec<Spanned<ServerAssertion>> = Vec::new();
        for inner in statement.body() {
            let assertion = match &inner.head {
                Head::DiskFree(sign, amount) => self.free(sign, amount).map(ServerAssertion::DiskFree),
                Head::MemoryFree(sign, amount) => self.free(sign, amount).map(ServerAssertion::MemoryFree),
                _ => None,
            };
            let Some(assertion) = assertion else { continue };
            let same = |other: &&Spanned<ServerAssertion>| std::mem::discriminant(&other.value) == std::mem::discriminant(&assertion);
            if let Some(first) = assertions.iter().find(same) {
                self.problems.push(given_twice(inner.form.keyword, inner.span, first.span));
            }
            assertions.push(Spanned::new(assertion, inner.span));
        }
        if assertions.is_empty() {
            if !statement.is_damaged() && statement.body().is_empty() {
                self.problems.push(
                    Diagnostic::new(Code::Vacuous, "`expect server` expects nothing", statement.span, "nothing in it can fail")
                        .help("add `{ disk free > 10GiB }`, or `memory free > 10%`"),
                );
            }
            return None;
        }
        Some(Probe::Docker(Docker::Server(assertions.into_iter().map(|assertion| assertion.value).collect())))
    }

    fn free(&mut self, sign: &Spanned<String>, given: &Literal) -> Option<Free> {
        let comparison = Comparison::of_sign(&sign.value)?;
        if !matches!(comparison, Comparison::Greater | Comparison::AtLeast) {
            let message = format!("`{}` asks that little is free", sign.value);
            self.problems.push(
                Diagnostic::new(Code::WrongKind, message, sign.span, "more is always well")
                    .help(format!("write `free > {}`", given.written)),
            );
            return None;
        }
        let amount = match given.kind {
            LiteralKind::Percent => share(&given.written).map(Amount::Share),
            _ => bytes(&given.written).map(Amount::Bytes),
        };
        let Some(amount) = amount else {
            let problem = Diagnostic::new(Code::OutOfRange, "more than there can be", given.span, "no server has so much");
            self.problems.push(problem.help("write a size like `10GiB`, or a share below `100%`"));
            return None;
        };
        let nothing = matches!(amount, Amount::Bytes(0) | Amount::Share(0));
        if nothing && comparison == Comparison::AtLeast {
            self.problems.push(
                Diagnostic::new(Code::Vacuous, "nothing is always free", given.span, "no server can fail it")
                    .help("write how much must be left, like `10GiB`"),
            );
            return None;
        }
        Some(Free { comparison, written: given.written.clone(), amount })
    }
}

/// Docker's own rule for names.
fn is_container_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '.' | '-'))
}

/// The bytes of `10GiB`.
fn bytes(written: &str) -> Option<u64> {
    let split = written.find(|next: char| !next.is_ascii_digit())?;
    let power = match &written[split..] {
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    written[..split].parse::<u64>().ok()?.checked_mul(1 << power)
}

/// Hundredths of a percent of `12.5%`; `None` for all and more.
fn share(written: &str) -> Option<u32> {
    let number = written.strip_suffix('%')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = format!("{:0<2}", fraction.get(..fraction.len().min(2))?);
    let share = whole.parse::<u32>().ok()?.checked_mul(100)?.checked_add(fraction.parse().ok()?)?;
    (share < 10_000).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        assert_eq!((bytes("10GiB"), bytes("99999999999TiB")), (Some(10 << 30), None));
        assert_eq!((share("10%"), share("0.5%"), share("12.25%"), share("100%")), (Some(1000), Some(50), Some(1225), None));
    }
}
