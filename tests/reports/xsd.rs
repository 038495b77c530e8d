//! The part of XML Schema that the schema beside this file is written in. What it does not know in a schema it refuses, so that no rule is
//! passed over.

use regex::Regex;
use roxmltree::Node;

/// Holds a document's root against a schema's.
pub fn valid(schema: Node<'_, '_>, root: Node<'_, '_>) -> Result<(), String> {
    let declared = parts(schema).find(|part| is(*part, "element") && part.attribute("name") == Some(root.tag_name().name()));
    element(schema, declared.ok_or_else(|| format!("the root is {}", root.tag_name().name()))?, root)
}

fn parts<'a, 'i: 'a>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.tag_name().name() == name
}

/// What the schema declares under a name.
fn named<'a, 'i: 'a>(schema: Node<'a, 'i>, kind: &str, name: &str) -> Option<Node<'a, 'i>> {
    parts(schema).find(|part| is(*part, kind) && part.attribute("name") == Some(name))
}

fn element(schema: Node<'_, '_>, declared: Node<'_, '_>, found: Node<'_, '_>) -> Result<(), String> {
    let Some(kind) = declared.attribute("type") else {
        let inline = parts(declared).find(|part| is(*part, "complexType"));
        return complex(schema, inline.expect("an element of the schema has a type"), found);
    };
    if let Some(rule) = named(schema, "complexType", kind) {
        return complex(schema, rule, found);
    }
    attributes(schema, &[], found)?;
    text(schema, kind, found)
}

/// An element with attributes, and either text or elements.
fn complex(schema: Node<'_, '_>, rule: Node<'_, '_>, found: Node<'_, '_>) -> Result<(), String> {
    let (mut sequence, mut base, mut declared) = (None, None, Vec::new());
    for part in parts(rule) {
        match part.tag_name().name() {
            "sequence" => sequence = Some(part),
            "attribute" => declared.push(part),
            "simpleContent" => {
                let extension = parts(part).find(|part| is(*part, "extension")).expect("text is extended, and not restricted");
                base = extension.attribute("base");
                declared.extend(parts(extension));
            }
            other => panic!("`{other}` in a complexType of the schema"),
        }
    }
    attributes(schema, &declared, found)?;
    if let Some(base) = base {
        return text(schema, base, found);
    }
    let name = found.tag_name().name();
    if found.children().any(|child| child.is_text() && child.text().is_some_and(|text| !text.trim().is_empty())) {
        return Err(format!("{name} must not hold text"));
    }
    let children: Vec<Node<'_, '_>> = parts(found).collect();
    let taken = sequence.map_or(Ok(0), |sequence| in_order(schema, sequence, &children))?;
    match children.get(taken) {
        Some(other) => Err(format!("{name} must not hold {} there", other.tag_name().name())),
        None => Ok(()),
    }
}

/// How many of the children a sequence takes.
fn in_order(schema: Node<'_, '_>, sequence: Node<'_, '_>, children: &[Node<'_, '_>]) -> Result<usize, String> {
    let mut at = 0;
    for part in parts(sequence) {
        let (least, most) = occurs(part);
        let mut count = 0;
        while count < most
            && let Some(child) = children.get(at)
        {
            let is_it = |one: &Node<'_, '_>| one.attribute("name") == Some(child.tag_name().name());
            let declared = match part.tag_name().name() {
                "element" => Some(part).filter(is_it),
                "choice" => parts(part).find(is_it),
                other => panic!("`{other}` in a sequence of the schema"),
            };
            let Some(declared) = declared else { break };
            element(schema, declared, *child)?;
            (at, count) = (at + 1, count + 1);
        }
        if count < least {
            return Err(format!("{} is missing", part.attribute("name").unwrap_or("one of a choice")));
        }
    }
    Ok(at)
}

fn occurs(part: Node<'_, '_>) -> (usize, usize) {
    let number = |name: &str| match part.attribute(name) {
        None => 1,
        Some("unbounded") => usize::MAX,
        Some(number) => number.parse().expect("a number of occurrences"),
    };
    (number("minOccurs"), number("maxOccurs"))
}

fn attributes(schema: Node<'_, '_>, declared: &[Node<'_, '_>], found: Node<'_, '_>) -> Result<(), String> {
    let element = found.tag_name().name();
    for given in found.attributes() {
        let rule = declared.iter().find(|rule| rule.attribute("name") == Some(given.name()));
        let rule = rule.ok_or_else(|| format!("{element} has no attribute {}", given.name()))?;
        value(schema, rule.attribute("type").expect("an attribute of the schema has a type"), given.value())
            .map_err(|why| format!("{} of {element}: {why}", given.name()))?;
    }
    let is_missing = |rule: &&Node<'_, '_>| {
        rule.attribute("use") == Some("required") && rule.attribute("name").is_none_or(|name| !found.has_attribute(name))
    };
    match declared.iter().find(is_missing) {
        Some(missing) => Err(format!("{element} lacks {}", missing.attribute("name").unwrap_or_default())),
        None => Ok(()),
    }
}

/// An element that holds text and nothing else.
fn text(schema: Node<'_, '_>, kind: &str, found: Node<'_, '_>) -> Result<(), String> {
    if let Some(child) = parts(found).next() {
        return Err(format!("{} must not hold {}", found.tag_name().name(), child.tag_name().name()));
    }
    value(schema, kind, found.text().unwrap_or_default())
}

fn value(schema: Node<'_, '_>, kind: &str, given: &str) -> Result<(), String> {
    let fits = match kind {
        "xs:string" => true,
        "xs:nonNegativeInteger" => given.parse::<u64>().is_ok(),
        "xs:dateTime" => given.parse::<jiff::Timestamp>().is_ok(),
        own => {
            let own = named(schema, "simpleType", own).expect("a type that is used is there");
            let restriction = parts(own).find(|part| is(*part, "restriction")).expect("a type of its own restricts another");
            value(schema, restriction.attribute("base").expect("which one"), given)?;
            parts(restriction).all(|facet| {
                let limit = facet.attribute("value").expect("a facet has a value");
                match facet.tag_name().name() {
                    "minLength" => given.chars().count() >= limit.parse().expect("a length"),
                    "pattern" => Regex::new(&format!("^(?:{limit})$")).expect("a pattern").is_match(given),
                    other => panic!("`{other}` in a simpleType of the schema"),
                }
            })
        }
    };
    if fits { Ok(()) } else { Err(format!("\"{given}\" is no {kind}")) }
}
