//! `JUnit`'s XML, in the form that Jenkins, GitLab and the others read: suites of cases, each passed, failed, in error or skipped.

use super::safe;
use std::fmt::Write as _;

/// Cases that belong together.
#[derive(Debug, Default)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// When it began (RFC 3339, UTC), if that is known.
    pub timestamp: Option<String>,
    /// Where it was run, if that is known.
    pub hostname: Option<String>,
    /// What is known of it besides.
    pub properties: Vec<(&'static str, String)>,
    /// Its cases.
    pub cases: Vec<Case>,
    /// Lines for its output.
    pub out: Vec<String>,
}

/// One case.
#[derive(Debug)]
pub struct Case {
    /// Whom it is about.
    pub class: String,
    /// What is to be so.
    pub name: String,
    /// How long it took.
    pub seconds: f64,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is so.
    Passed,
    /// It is not: a line, and all that is known.
    Failed(String, String),
    /// It could not be told: a line, and all that is known.
    Error(String, String),
    /// It was not asked, or decides nothing: why.
    Skipped(String),
}

/// The numbers of some cases, as attributes.
#[derive(Default)]
struct Numbers {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    seconds: f64,
}

impl Numbers {
    fn of<'a>(cases: impl Iterator<Item = &'a Case>) -> Self {
        let mut numbers = Self::default();
        for case in cases {
            numbers.tests += 1;
            numbers.seconds += case.seconds;
            match case.outcome {
                Outcome::Passed => {}
                Outcome::Failed(..) => numbers.failures += 1,
                Outcome::Error(..) => numbers.errors += 1,
                Outcome::Skipped(_) => numbers.skipped += 1,
            }
        }
        numbers
    }

    /// Those that suites and their root both have; the root may have no others.
    fn attributes(&self) -> String {
        let Self { tests, failures, errors, seconds, .. } = self;
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds:.3}\"")
    }
}

/// The whole document: one `testsuites` element.
pub fn document(name: &str, suites: &[Suite]) -> String {
    let numbers = Numbers::of(suites.iter().flat_map(|suite| &suite.cases)).attributes();
    let mut xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" {numbers}>\n", escaped(name));
    for suite in suites {
        // Writing to a string cannot fail.
        let _ = write_suite(&mut xml, suite);
    }
    xml + "</testsuites>\n"
}

fn write_suite(xml: &mut String, suite: &Suite) -> std::fmt::Result {
    let numbers = Numbers::of(suite.cases.iter());
    write!(xml, "  <testsuite name=\"{}\" {} skipped=\"{}\"", escaped(&suite.name), numbers.attributes(), numbers.skipped)?;
    for (key, value) in [("timestamp", &suite.timestamp), ("hostname", &suite.hostname)] {
        if let Some(value) = value {
            write!(xml, " {key}=\"{}\"", escaped(value))?;
        }
    }
    xml.push_str(">\n");
    if !suite.properties.is_empty() {
        xml.push_str("    <properties>\n");
        for (name, value) in &suite.properties {
            writeln!(xml, "      <property name=\"{name}\" value=\"{}\"/>", escaped(value))?;
        }
        xml.push_str("    </properties>\n");
    }
    for case in &suite.cases {
        let (class, name) = (escaped(&case.class), escaped(&case.name));
        write!(xml, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{:.3}\"", case.seconds)?;
        match &case.outcome {
            Outcome::Passed => writeln!(xml, "/>")?,
            Outcome::Failed(line, text) => element(xml, "failure", line, text)?,
            Outcome::Error(line, text) => element(xml, "error", line, text)?,
            Outcome::Skipped(why) => writeln!(xml, "><skipped message=\"{}\"/></testcase>", escaped(why))?,
        }
    }
    if !suite.out.is_empty() {
        writeln!(xml, "    <system-out>{}</system-out>", escaped(&suite.out.join("\n")))?;
    }
    writeln!(xml, "  </testsuite>")
}

fn element(xml: &mut String, name: &str, line: &str, text: &str) -> std::fmt::Result {
    writeln!(xml, "><{name} message=\"{}\">{}</{name}></testcase>", escaped(line), escaped(text))
}

/// Text as XML has it, in elements and attributes alike: what a terminal would obey or nobody sees is spelt out, and so nothing is left that
/// XML cannot hold; `]]>` is no end of anything here, and could be none.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, line) in safe::lines(text).iter().enumerate() {
        if at > 0 {
            escaped.push_str("&#10;");
        }
        for character in line.chars() {
            match character {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
                other => escaped.push(other),
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_xml_cannot_hold_is_spelt_out_and_what_it_reads_as_its_own_is_escaped() {
        assert_eq!(escaped("a<b>&\"c\"\u{1b}[31m\u{0}\u{fffe}é"), "a&lt;b&gt;&amp;&quot;c&quot;\\u{0}\u{fffd}é");
        assert_eq!(escaped("]]>\none\u{8}"), "]]&gt;&#10;one\\u{8}");
    }

    fn suite(text: &str) -> Suite {
        let case = |outcome| Case { class: text.to_owned(), name: text.to_owned(), seconds: 0.25, outcome };
        let text = || text.to_owned();
        let outcomes =
            [Outcome::Passed, Outcome::Failed(text(), text()), Outcome::Error(text(), text()), Outcome::Skipped(text())].map(case);
        Suite {
            name: text(),
            hostname: Some(text()),
            properties: vec![("a", text())],
            cases: outcomes.into(),
            out: vec![text()],
            timestamp: None,
        }
    }

    proptest! {
        #[test]
        fn whatever_services_say_it_is_one_document_that_says_it(text in any::<String>()) {
            let xml = document(&text, &[suite(&text)]);
            let read = roxmltree::Document::parse(&xml).expect("it is XML");
            let elements: Vec<&str> = read.descendants().filter(roxmltree::Node::is_element).map(|node| node.tag_name().name()).collect();
            prop_assert_eq!(elements, ["testsuites", "testsuite", "properties", "property", "testcase", "testcase", "failure", "testcase", "error",
                "testcase", "skipped", "system-out"]);
            let said = read.descendants().find(|node| node.has_tag_name("failure")).and_then(|node| node.text()).unwrap_or_default().to_owned();
            let shown = safe::lines(&text).join("\n").replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
            prop_assert_eq!(said, shown);
        }
    }
}
