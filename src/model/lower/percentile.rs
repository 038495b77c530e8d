//! `time p95 < 500ms over 2m`: a part of an expectation that looks at many samples.

use super::Lowering;
use super::once::given_twice;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Percentile, duration};
use crate::source::{Span, Spanned};
use crate::syntax::{Head, Statement};
use std::time::Duration;

/// Over how long, in a message that proposes it.
const PROPOSED: Duration = Duration::from_secs(120);

impl Lowering<'_> {
    /// The percentiles of a statement's block.
    pub(super) fn percentiles(&mut self, statement: &Statement) -> Vec<Spanned<Percentile>> {
        let mut percentiles: Vec<Spanned<Percentile>> = Vec::new();
        for inner in statement.body() {
            let Head::TimePercentile { percentile, limit, over } = &inner.head else { continue };
            let Some(given) = self.percentile(percentile.as_ref(), *limit, *over, inner.span) else { continue };
            if let Some(first) = percentiles.iter().find(|first| first.value.tenths == given.tenths) {
                self.problems.push(given_twice("time", inner.span, first.span));
            }
            percentiles.push(Spanned::new(given, inner.span));
        }
        percentiles
    }

    fn percentile(
        &mut self,
        percentile: Option<&Spanned<String>>,
        limit: Spanned<Duration>,
        over: Option<Spanned<Duration>>,
        span: Span,
    ) -> Option<Percentile> {
        let shown = |limit: Duration| duration(limit);
        let Some(percentile) = percentile else {
            self.problems.push(
                Diagnostic::new(Code::WrongKind, "a time over a window, and no percentile", span, "every sample, or how many of them?")
                    .help(format!(
                        "write `time < {0}` for every sample, or `time p95 < {0} over {1}`",
                        shown(limit.value),
                        over.map_or(shown(PROPOSED), |over| shown(over.value))
                    )),
            );
            return None;
        };
        let Some(over) = over else {
            let message = format!("`{}` of how many samples?", percentile.value);
            self.problems.push(Diagnostic::new(Code::Missing, message, span, "no window").help(format!(
                "write `time {} < {} over {}`",
                percentile.value,
                shown(limit.value),
                shown(PROPOSED)
            )));
            return None;
        };
        let Some(tenths) = tenths(&percentile.value) else {
            let message = format!("`{}` is not a percentile", percentile.value);
            self.problems.push(
                Diagnostic::new(Code::OutOfRange, message, percentile.span, "from `p1` to `p99.9`")
                    .help("write `p50`, `p95` or `p99`; for all samples write `time` without one"),
            );
            return None;
        };
        Some(Percentile { tenths, limit: self.time(limit), over: self.time(over) })
    }
}

/// Tenths of a percent of `p95`, `p99.9`.
fn tenths(written: &str) -> Option<u16> {
    let number = written.strip_prefix('p')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.len() != 1 {
        return None;
    }
    let tenths = whole.parse::<u16>().ok()?.checked_mul(10)?.checked_add(fraction.parse().ok()?)?;
    (1..1000).contains(&tenths).then_some(tenths)
}

#[cfg(test)]
mod tests {
    use super::tenths;

    #[test]
    fn percentiles_go_from_one_tenth_to_just_below_all() {
        assert_eq!(["p50", "p95", "p99.9", "p0.1"].map(tenths), [Some(500), Some(950), Some(999), Some(1)]);
        assert_eq!(["p0", "p100", "p99.99", "p65536"].map(tenths), [None; 4]);
    }
}
