//! An expectation as one line, in the words of the plan.

use crate::model::{Probe, Text};
use crate::source::{SourceMap, Spanned};

/// `http http://{host}:8000/health/ status in [200, 302]`, names as written.
pub(super) fn expectation(probe: &Probe, sources: &SourceMap) -> String {
    match probe {
        Probe::Http { url, assertions, .. } => {
            let assertions: Vec<String> = assertions.iter().map(|assertion| assertion.value.to_string()).collect();
            format!("http {} {}", written(url, sources), assertions.join(", "))
        }
        Probe::Tcp { address } => format!("tcp {}", written(address, sources)),
    }
}

/// The text as it stands in the plan, without its quotes.
fn written<'a>(text: &Spanned<Text>, sources: &'a SourceMap) -> &'a str {
    let slice = sources.slice(text.span).trim();
    let inside = |quote: char| slice.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::HttpAssertion;
    use crate::source::Span;
    use std::time::Duration;

    #[test]
    fn one_line_in_the_words_of_the_plan() {
        let mut sources = SourceMap::default();
        let text = "\"http://{host}:8000/health/\" \"{host}:5433\"";
        let file = sources.add("rollout.plan", text);
        let spanned = |range: std::ops::Range<usize>| Spanned::new(Text::literal("resolved elsewhere"), Span::new(file, range));
        let assertions = [
            HttpAssertion::Status(vec![(200, 200), (300, 399)]),
            HttpAssertion::TimeBelow(Duration::from_secs(2)),
            HttpAssertion::BodyContains("\"ok\"".to_owned()),
        ];
        let assertions = assertions.into_iter().map(|assertion| Spanned::new(assertion, Span::new(file, 0..0))).collect();
        let http = Probe::Http { url: spanned(0..28), options: Box::default(), assertions };
        assert_eq!(
            expectation(&http, &sources),
            "http http://{host}:8000/health/ status in [200, 300..399], time < 2s, body contains \"\\\"ok\\\"\""
        );
        assert_eq!(expectation(&Probe::Tcp { address: spanned(29..42) }, &sources), "tcp {host}:5433");
        assert_eq!(HttpAssertion::Status(vec![(200, 200)]).to_string(), "status == 200");
        assert_eq!(HttpAssertion::Status(vec![(200, 299)]).to_string(), "status in [200..299]");
    }
}
