//! What `JUnit` reports have to look like: the schema beside this file, and what no schema of that kind can say, that the numbers are right.

use super::xsd;
use roxmltree::{Document, Node};

/// How many cases a document has, and of which kinds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub tests: usize,
    pub failures: usize,
    pub errors: usize,
    pub skipped: usize,
}

/// Holds a document against the schema and against its own numbers.
pub fn structure(xml: &str) -> Result<Totals, String> {
    let document = Document::parse(xml).map_err(|error| error.to_string())?;
    let root = document.root_element();
    let schema = Document::parse(include_str!("junit.xsd")).expect("the schema is XML");
    xsd::valid(schema.root_element(), root)?;
    for suite in root.children().filter(|node| node.has_tag_name("testsuite")) {
        numbers(suite)?;
    }
    numbers(root)
}

fn numbers(node: Node<'_, '_>) -> Result<Totals, String> {
    let count = |name: &str| node.descendants().filter(|node| node.has_tag_name(name)).count();
    let totals = Totals { tests: count("testcase"), failures: count("failure"), errors: count("error"), skipped: count("skipped") };
    let said = [("tests", totals.tests), ("failures", totals.failures), ("errors", totals.errors), ("skipped", totals.skipped)];
    for (name, number) in said {
        if node.attribute(name).is_some_and(|value| value != number.to_string()) {
            return Err(format!("{} says {name}=\"{}\" of {number}", node.tag_name().name(), node.attribute(name).unwrap_or_default()));
        }
    }
    Ok(totals)
}

#[test]
fn what_is_no_report_is_refused() {
    let good = "<testsuites name=\"a\" tests=\"1\" failures=\"1\" errors=\"0\" time=\"1.5\"><testsuite name=\"b\" tests=\"1\" failures=\"1\" \
                errors=\"0\" skipped=\"0\" timestamp=\"2026-11-28T10:00:00.658Z\" hostname=\"build-7\"><properties><property name=\"run\" \
                value=\"x\"/></properties><testcase classname=\"c\" name=\"d\" time=\"0.1\"><failure message=\"e\">f</failure></testcase>\
                <system-out>g</system-out></testsuite></testsuites>";
    assert_eq!(structure(good), Ok(Totals { tests: 1, failures: 1, ..Totals::default() }));
    for (what, from, to) in [
        ("no XML", "</testsuites>", ""),
        ("another root", "testsuites", "results"),
        ("a suite as the root", "testsuites", "testsuite"),
        ("a number that is wrong", "failures=\"1\" errors", "failures=\"0\" errors"),
        ("a number in words", "tests=\"1\" failures=\"1\" errors=\"0\" time", "tests=\"one\" failures=\"1\" errors=\"0\" time"),
        ("a number below zero", "skipped=\"0\"", "skipped=\"-1\""),
        ("a time in words", "time=\"0.1\"", "time=\"0.1s\""),
        ("a time with an exponent", "time=\"0.1\"", "time=\"1e-1\""),
        ("a day in words", "2026-11-28T10:00:00.658Z", "Saturday"),
        ("a case without a name", " name=\"d\"", ""),
        ("a case whose name is empty", " name=\"d\"", " name=\"\""),
        ("a case of nobody", "classname=\"c\" ", ""),
        ("a suite without its number of errors", "errors=\"0\" skipped", "skipped"),
        ("a property without a value", " value=\"x\"", ""),
        ("an attribute that there is not", "<testsuites name", "<testsuites skipped=\"0\" name"),
        ("an element that there is not", "<system-out>g</system-out>", "<output>g</output>"),
        ("a failure that says nothing", " message=\"e\"", ""),
        ("two outcomes", "</failure>", "</failure><skipped/>"),
        ("text between cases", "<system-out>", "text<system-out>"),
        ("an element within a failure", ">f<", "><b>f</b><"),
        ("output before the cases", "<testcase", "<system-out>x</system-out><testcase"),
        ("properties after the cases", "<system-out>", "<properties/><system-out>"),
        ("a case outside a suite", "<testsuite name", "<testcase classname=\"c\" name=\"d\" time=\"0.1\"/><testsuite name"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{what}");
        assert!(structure(&bad).is_err(), "{what} is accepted: {bad}");
    }
}
