//! What a YAML parser says, in the words of somebody who wants to mend the file.

use super::{Fault, cause};
use std::ops::Range;

/// A fault from the parser's line of text and the place that it names.
pub(super) fn plain(said: &str, at: Option<Range<usize>>, text: &str) -> Fault {
    let place = at.as_ref().map_or(0, |at| at.start);
    if let Some((message, help)) = at.as_ref().and_then(|_| of_line(line_at(text, place))) {
        return Fault { message: message.to_owned(), at, help: Some(help.to_owned()) };
    }
    // The parser stumbles after what is wrong; people look for it where they wrote it.
    let cause = at.as_ref().and_then(|_| {
        if said.contains("mapping values are not allowed") {
            cause::of_a_colon(text, place)
        } else if said.contains("illegal placement of ':'") {
            cause::open_bracket(text, place)
        } else if said.contains("trailing content after") {
            cause::open_quote(text, place)
        } else {
            None
        }
    });
    cause.unwrap_or_else(|| {
        let (message, help) = of_parser(said);
        Fault { message, at, help: (!help.is_empty()).then(|| help.to_owned()) }
    })
}

/// The line that holds a byte.
fn line_at(text: &str, at: usize) -> &str {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let end = at + after.find('\n').unwrap_or(after.len());
    text.get(start..end).unwrap_or_default()
}

/// What is wrong with a line whatever the parser stumbled over.
fn of_line(line: &str) -> Option<(&'static str, &'static str)> {
    let blanks = &line[..line.len() - line.trim_start().len()];
    if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|marker| line.starts_with(marker)) {
        Some(("a merge conflict stands here", "keep one of the two sides and remove the lines with `<<<<<<<`, `=======` and `>>>>>>>`"))
    } else if blanks.contains('\t') {
        Some(("a tab indents this line", "indent with blanks: YAML takes no tabs there"))
    } else if line.contains("{{") || line.contains("{%") {
        Some((
            "this is a template that nobody has filled in",
            "render it first and name the result in the plan; a value that means braces is quoted",
        ))
    } else {
        None
    }
}

/// The parser's own words, taken apart: what is here, and what to do; the latter may be empty.
fn of_parser(said: &str) -> (String, &'static str) {
    let known = |part: &str| said.contains(part);
    let (message, help) = if said.starts_with("budget breached") || said.starts_with("alias replay") || said.starts_with("recursion limit")
    {
        ("the file nests or repeats more than any compose file does", "look for an alias that holds aliases of its own")
    } else if known("recursive references") {
        ("an alias holds itself", "remove it, or name another anchor")
    } else if known("unknown anchor") {
        ("no anchor of this name stands above", "write `&NAME` at what is meant, above this line, and the same name here")
    } else if known("merge value must be") {
        ("only a mapping can be merged with `<<`", "let the alias stand for a mapping, or write the value at its own key")
    } else if let Some(rest) = said.split_once("duplicate mapping key: ").map(|(_, rest)| rest) {
        let key = rest.split(", set ").next().unwrap_or(rest);
        return (
            format!("`{key}` stands twice in the same mapping"),
            if key == "<<" { "write one list: `<<: [*a, *b]`" } else { "remove one of the two" },
        );
    } else if known("mapping values are not allowed") || known("illegal placement of ':'") {
        ("a colon where no key can stand", "indent this line as its neighbours are, or quote the value that holds the colon")
    } else if known("did not find expected '-'") {
        ("a list goes on here without a dash", "write all as a list, `- KEY=VALUE`, or all as a mapping, `KEY: VALUE`")
    } else if known("while parsing a block mapping") || known("did not find expected key") {
        ("this line is indented like none above it", "indent it as the lines are that it belongs to")
    } else if known("simple key expect") || known("could not find expected ':'") {
        ("this is neither a key nor a value", "write `KEY: VALUE`; a long text is quoted or begins with `|`")
    } else if known("trailing content after") || known("quoted scalar") || known("closing quote") || known("unexpected end of stream") {
        (
            "a quoted text ends before this, or never does",
            "close the quotes on the line that opens them; quotes inside are doubled or escaped",
        )
    } else if known("unclosed bracket") || known("flow sequence") || known("flow mapping") || known("unexpected end of flow") {
        ("a bracket opens here that nothing closes", "close it, and separate what is inside with commas")
    } else if known("expected string scalar") {
        ("a key is a text", "quote the value if it begins with a brace or a bracket")
    } else if known("unexpected character") || known("cannot start any token") {
        ("no value begins with this character", "quote the value")
    } else if known("escape") {
        ("no escape that YAML knows", "use single quotes, where a backslash is a backslash")
    } else if known("tabs") || known("tab ") {
        ("a tab stands where only blanks may", "indent with blanks: YAML takes no tabs there")
    } else if known("control char") || known("null byte") || known("non-printable") {
        ("a character that cannot be seen stands here", "remove it: the file may be damaged")
    } else {
        // Where it is our own rendering says, and the reader's options are not the user's.
        let line = said.split(" at line ").next().and_then(|line| line.split(", set ").next()).unwrap_or(said);
        return (line.trim_end_matches([':', '.', ',', ' ']).to_owned(), "");
    };
    (message.to_owned(), help)
}
