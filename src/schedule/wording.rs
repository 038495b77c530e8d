//! An expectation as one line, in the words of the plan.

use crate::model::{Channel, Expectation, Named, Notify, Probe, Severity, Text, TextPart};
use crate::source::{SourceMap, Spanned};

/// `http http://{host}:8000/health/ status in [200, 302], time p95 < 500ms over 2m`, names as written; what decides nothing
/// begins with its keyword.
pub(super) fn expectation(expectation: &Expectation, sources: &SourceMap) -> String {
    let probe = match expectation.severity {
        Severity::Decides => of_probe(&expectation.probe, sources),
        beside => format!("{} {}", beside.keyword(), of_probe(&expectation.probe, sources)),
    };
    expectation.percentiles.iter().fold(probe, |text, percentile| format!("{text}, {}", percentile.value))
}

fn of_probe(probe: &Probe, sources: &SourceMap) -> String {
    match probe {
        Probe::Docker(docker) => docker.to_string(),
        Probe::Http { url, assertions, .. } => {
            let assertions: Vec<String> = assertions.iter().map(|assertion| assertion.value.to_string()).collect();
            format!("http {} {}", written(url, sources), assertions.join(", "))
        }
        Probe::Tcp { address, banner } => {
            let banner = banner.iter().map(|condition| format!("banner {condition}"));
            line(format!("tcp {}", written(address, sources)), banner)
        }
        Probe::Exec(exec) => {
            let words: Vec<&str> = exec.command.iter().map(|word| written(word, sources)).collect();
            line(format!("exec {}", words.join(" ")), exec.assertions.iter().map(|assertion| assertion.value.to_string()))
        }
        Probe::BuildContexts(_) => "build-contexts".to_owned(),
        // The address is left out where it could be more than the name of a variable.
        Probe::Postgres { url, queries } => {
            line(format!("postgres {}", of_variable(url, sources)), queries.iter().map(|query| query_text(&query.value)))
        }
        Probe::Redis { url, database, infos } => {
            let database = database.map(|number| format!("database {number}"));
            let infos = infos.iter().map(|info| format!("info {} {}", info.value.name, info.value.condition));
            line(format!("redis {}", of_variable(url, sources)), database.into_iter().chain(infos))
        }
    }
}

/// Who is told, in the words of the plan. An address that is written out is as good as a key: its line is named instead.
pub(super) fn told(notify: &Notify, sources: &SourceMap) -> String {
    let address = |kind: &str, url: &Spanned<Text>| match of_variable(url, sources) {
        "…" => format!("{kind} in line {}", sources.file(url.span.file).line_column(url.span.start as usize).0),
        variable => format!("{kind} {variable}"),
    };
    match &notify.channel {
        Channel::Webhook(url) => address("webhook", url),
        Channel::Slack(url) => address("slack", url),
        Channel::Exec(words) => {
            let words: Vec<&str> = words.iter().map(|word| written(word, sources)).collect();
            format!("exec {}", words.join(" "))
        }
    }
}

fn line(asked: String, wants: impl Iterator<Item = String>) -> String {
    let wants: Vec<String> = wants.collect();
    if wants.is_empty() { asked } else { format!("{asked} {}", wants.join(", ")) }
}

fn query_text(query: &Named) -> String {
    format!("query '{}' {}", query.name, query.condition)
}

/// `secret("DATABASE_URL")`; nothing of an address that is written out, since it may hold a password.
fn of_variable<'a>(url: &Spanned<Text>, sources: &'a SourceMap) -> &'a str {
    let literal = url.value.parts.iter().any(|part| matches!(part, TextPart::Literal(_)));
    if literal { "…" } else { written(url, sources) }
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
            of_probe(&http, &sources),
            "http http://{host}:8000/health/ status in [200, 300..399], time < 2s, body contains \"\\\"ok\\\"\""
        );
        assert_eq!(of_probe(&Probe::Tcp { address: spanned(29..42), banner: Vec::new() }, &sources), "tcp {host}:5433");
        assert_eq!(HttpAssertion::Status(vec![(200, 200)]).to_string(), "status == 200");
        assert_eq!(HttpAssertion::Status(vec![(200, 299)]).to_string(), "status in [200..299]");
    }
}
