//! What `JUnit` reports have to look like: the structure that Jenkins' and Surefire's schemas have in common, and what they cannot say, that the
//! numbers are right. Written by what those schemas allow; the XML itself is read by a library.

use roxmltree::{Document, Node};

/// An element: its name, the attributes it must and may have, its children, and whether it may hold text.
struct Rule {
    name: &'static str,
    must: &'static [&'static str],
    may: &'static [&'static str],
    children: &'static [&'static str],
    text: bool,
}

const RULES: [Rule; 9] = [
    Rule { name: "testsuites", must: &[], may: &["name", "time", "tests", "failures", "errors"], children: &["testsuite"], text: false },
    Rule {
        name: "testsuite",
        must: &["name", "tests", "failures", "errors"],
        may: &["time", "skipped", "timestamp", "hostname", "id", "package", "file"],
        children: &["properties", "testcase", "system-out", "system-err"],
        text: false,
    },
    Rule { name: "properties", must: &[], may: &[], children: &["property"], text: false },
    Rule { name: "property", must: &["name", "value"], may: &[], children: &[], text: false },
    Rule {
        name: "testcase",
        must: &["name", "classname", "time"],
        may: &[],
        children: &["skipped", "error", "failure", "system-out", "system-err"],
        text: false,
    },
    Rule { name: "failure", must: &["message"], may: &["type"], children: &[], text: true },
    Rule { name: "error", must: &["message"], may: &["type"], children: &[], text: true },
    Rule { name: "skipped", must: &[], may: &["message"], children: &[], text: true },
    Rule { name: "system-out", must: &[], may: &[], children: &[], text: true },
];

/// How many cases a document has, and of which kinds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub tests: usize,
    pub failures: usize,
    pub errors: usize,
    pub skipped: usize,
}

/// Holds a document against the common structure and against its own numbers.
pub fn structure(xml: &str) -> Result<Totals, String> {
    let document = Document::parse(xml).map_err(|error| error.to_string())?;
    let root = document.root_element();
    if root.tag_name().name() != "testsuites" {
        return Err(format!("the root is {}", root.tag_name().name()));
    }
    for node in document.descendants().filter(Node::is_element) {
        element(node)?;
    }
    let totals = numbers(root)?;
    for suite in root.children().filter(|node| node.has_tag_name("testsuite")) {
        numbers(suite)?;
        let order: Vec<&str> = suite.children().filter(Node::is_element).map(|node| node.tag_name().name()).collect();
        let place = |name: &str| ["properties", "testcase", "system-out", "system-err"].iter().position(|known| *known == name);
        if !order.windows(2).all(|pair| place(pair[0]) <= place(pair[1])) {
            return Err(format!("Ant and Surefire have properties, cases and output in this order, not {order:?}"));
        }
    }
    Ok(totals)
}

fn element(node: Node<'_, '_>) -> Result<(), String> {
    let name = node.tag_name().name();
    let rule = RULES.iter().find(|rule| rule.name == name).ok_or_else(|| format!("there is no element {name}"))?;
    for attribute in node.attributes() {
        if !rule.must.contains(&attribute.name()) && !rule.may.contains(&attribute.name()) {
            return Err(format!("{name} has no attribute {}", attribute.name()));
        }
        let is_whole = |value: &str| value.parse::<usize>().is_ok();
        let is_time = |value: &str| {
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            value.split_once('.').map_or_else(|| digits(value), |(whole, rest)| digits(whole) && digits(rest))
        };
        let fits = match attribute.name() {
            "tests" | "failures" | "errors" | "skipped" => is_whole(attribute.value()),
            "time" => is_time(attribute.value()),
            "timestamp" => attribute.value().parse::<jiff::Timestamp>().is_ok(),
            "name" => !attribute.value().is_empty(),
            _ => true,
        };
        if !fits {
            return Err(format!("{}=\"{}\" of {name}", attribute.name(), attribute.value()));
        }
    }
    if let Some(missing) = rule.must.iter().find(|must| node.attribute(**must).is_none()) {
        return Err(format!("{name} lacks {missing}"));
    }
    for child in node.children() {
        let fits = if child.is_element() {
            rule.children.contains(&child.tag_name().name())
        } else {
            rule.text || child.text().is_none_or(|text| text.trim().is_empty())
        };
        if !fits {
            return Err(format!("{name} must not hold {:?}", child.tag_name().name()));
        }
    }
    if name == "testcase" && node.children().filter(Node::is_element).count() > 1 {
        return Err("a case has one outcome".to_owned());
    }
    Ok(())
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
                errors=\"0\" skipped=\"0\"><testcase classname=\"c\" name=\"d\" time=\"0.1\"><failure message=\"e\">f</failure></testcase>\
                <system-out>g</system-out></testsuite></testsuites>";
    assert_eq!(structure(good), Ok(Totals { tests: 1, failures: 1, ..Totals::default() }));
    for (what, from, to) in [
        ("no XML", "</testsuites>", ""),
        ("another root", "testsuites", "results"),
        ("a number that is wrong", "failures=\"1\" errors", "failures=\"0\" errors"),
        ("a number in words", "tests=\"1\" failures=\"1\" errors=\"0\" time", "tests=\"one\" failures=\"1\" errors=\"0\" time"),
        ("a time in words", "time=\"0.1\"", "time=\"0.1s\""),
        ("a case without a name", " name=\"d\"", ""),
        ("an attribute that there is not", "<testsuites name", "<testsuites skipped=\"0\" name"),
        ("two outcomes", "</failure>", "</failure><skipped/>"),
        ("text between cases", "<system-out>", "text<system-out>"),
        ("output before the cases", "skipped=\"0\">", "skipped=\"0\"><system-out>x</system-out>"),
        ("a case outside a suite", "<testsuite name", "<testcase classname=\"c\" name=\"d\" time=\"0.1\"/><testsuite name"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{what}");
        assert!(structure(&bad).is_err(), "{what} is accepted: {bad}");
    }
}
