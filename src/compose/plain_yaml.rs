//! The YAML that most compose files are written in, read line by line: block mappings and lists of simple values, with comments.
//!
//! A plan's phases repeat each other's services, so that much is read, and the YAML reader takes several times as long for it as all checks
//! together. Whatever is not as simple as that (anchors, tags, block scalars, mappings in braces, values of several lines, mistakes) is
//! nothing here, and the whole file goes to the YAML reader: what is read here, it would read alike, places included.

use super::node::{Key, Node, Over, Value};
use crate::source::{FileId, Span};
use std::collections::BTreeSet;

/// More than Dokploy deploys. Within it, lines like these stay below what the YAML reader takes of events.
const MAX_BYTES: usize = 100_000;

/// Levels; the YAML reader takes twice as many.
const MAX_DEPTH: usize = 16;

/// Bytes of a key; the YAML reader takes a thousand.
const MAX_KEY: usize = 200;

/// A longer number may be one that the YAML reader has no type for.
const MAX_NUMBER: usize = 15;

/// Keys that YAML may take for something else than a text.
const NO_KEYS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// A text as a tree, when it is as simple as that.
pub(super) fn read(file: FileId, text: &str) -> Option<Node> {
    if text.len() > MAX_BYTES || !is_harmless(text) {
        return None;
    }
    let mut reader = Reader { file, text, lines: lines(text), at: 0 };
    let first = reader.lines.first()?;
    if first.indent != 0 || reader.is_item(*first) {
        return None;
    }
    let root = reader.map(0, 0)?;
    (reader.at == reader.lines.len()).then_some(root)
}

/// Whether no character of the text means more to YAML than itself, wherever it stands.
fn is_harmless(text: &str) -> bool {
    let plain = |byte: u8| byte == b'\n' || (b' '..0x7f).contains(&byte);
    let odd =
        |char: char| (char != '\n' && char.is_control()) || matches!(char, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    let harmless = if text.is_ascii() { text.bytes().all(plain) } else { !text.contains(odd) };
    harmless && (!text.contains('!') || (!text.contains("!reset") && !text.contains("!override")))
}

/// A line that says something.
#[derive(Clone, Copy)]
struct Line {
    indent: usize,
    /// Where it begins, after its blanks.
    start: usize,
    end: usize,
}

fn lines(text: &str) -> Vec<Line> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let indent = line.bytes().take_while(|byte| *byte == b' ').count();
        let said = line.trim_ascii();
        if !said.is_empty() && !said.starts_with('#') {
            lines.push(Line { indent, start: start + indent, end: start + indent + said.len() });
        }
        start += line.len();
    }
    lines
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    lines: Vec<Line>,
    /// The line that is next.
    at: usize,
}

impl Reader<'_> {
    fn node(&self, value: Value, start: usize, end: usize) -> Node {
        let span = Span::new(self.file, start..end);
        Node { value, span, defined: span, over: Over::Join }
    }

    fn next(&self) -> Option<Line> {
        self.lines.get(self.at).copied()
    }

    fn is_item(&self, line: Line) -> bool {
        let said = &self.text[line.start..line.end];
        said == "-" || said.starts_with("- ")
    }

    /// A mapping whose keys stand in column `indent`. The next line holds the first.
    fn map(&mut self, indent: usize, depth: usize) -> Option<Node> {
        let first = self.next()?.start;
        let mut entries: Vec<(Key, Node)> = Vec::new();
        while let Some(line) = self.next().filter(|line| line.indent >= indent) {
            if line.indent != indent || depth >= MAX_DEPTH {
                return None;
            }
            let (key, after) = self.key(line)?;
            self.at += 1;
            let value = self.value(after, line, indent, depth)?;
            entries.push((key, value));
        }
        are_distinct(&entries).then(|| self.node(Value::Map(entries), first, first))
    }

    /// The key of a line, and where its colon ends.
    fn key(&self, line: Line) -> Option<(Key, usize)> {
        let said = &self.text[line.start..line.end];
        let length = said.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/')).count();
        let key = &said[..length];
        let ends = said[length..].strip_prefix(':').is_some_and(|after| after.is_empty() || after.starts_with(' '));
        let starts = key.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        if !ends || !starts || length > MAX_KEY || NO_KEYS.iter().any(|odd| key.eq_ignore_ascii_case(odd)) {
            return None;
        }
        let end = line.start + length;
        Some((Key { text: key.to_owned(), span: Span::new(self.file, line.start..end) }, end + 1))
    }

    /// What follows a key of a mapping in column `indent`: on its line from `after` on, or in the lines below.
    fn value(&mut self, after: usize, line: Line, indent: usize, depth: usize) -> Option<Node> {
        if let Some(start) = self.said(after, line) {
            return self.scalar_or_list(start, line, indent);
        }
        match self.next() {
            Some(next) if next.indent > indent && self.is_item(next) => self.list(next.indent, depth + 1, next.start),
            Some(next) if next.indent > indent => self.map(next.indent, depth + 1),
            // A list may stand in the column of its key. Its place is that of its first item then.
            Some(next) if next.indent == indent && self.is_item(next) => {
                let first = self.said(next.start + 1, next)?;
                if self.text[first..].starts_with('[') {
                    return None;
                }
                self.list(indent, depth + 1, first)
            }
            // Nothing stands where the key ends, before its colon.
            _ => Some(self.node(Value::Null, after - 1, after - 1)),
        }
    }

    /// A list whose dashes stand in column `indent`. The next line holds the first.
    fn list(&mut self, indent: usize, depth: usize, place: usize) -> Option<Node> {
        let mut items = Vec::new();
        while let Some(line) = self.next().filter(|line| line.indent == indent && self.is_item(*line)) {
            if depth >= MAX_DEPTH {
                return None;
            }
            items.push(self.item(line, depth)?);
        }
        let ends = self.next().is_none_or(|line| line.indent <= indent);
        ends.then(|| self.node(Value::List(items), place, place))
    }

    fn item(&mut self, line: Line, depth: usize) -> Option<Node> {
        let after = line.start + 1;
        let Some(start) = self.said(after, line) else {
            self.at += 1;
            let ends = self.next().is_none_or(|next| next.indent <= line.indent);
            return ends.then(|| self.node(Value::Null, after, after));
        };
        let inner = Line { indent: line.indent + (start - line.start), start, end: line.end };
        if self.is_item(inner) {
            return None;
        }
        if self.key(inner).is_some() {
            self.lines[self.at] = inner;
            return self.map(inner.indent, depth + 1);
        }
        self.at += 1;
        self.scalar_or_list(start, line, line.indent)
    }

    /// Where a line goes on after `from`, unless only a comment does.
    fn said(&self, from: usize, line: Line) -> Option<usize> {
        let rest = &self.text[from..line.end];
        let said = rest.trim_ascii_start();
        (!said.is_empty() && !said.starts_with('#')).then_some(line.end - said.len())
    }

    /// The value that begins at `start` and ends with its line: what is below stands no deeper than `indent`.
    fn scalar_or_list(&self, start: usize, line: Line, indent: usize) -> Option<Node> {
        if self.next().is_some_and(|next| next.indent > indent) {
            return None;
        }
        let said = &self.text[start..line.end];
        let (node, end) = match said.as_bytes()[0] {
            b'"' | b'\'' => self.quoted(start, line.end)?,
            b'[' => self.flow_list(start, line.end)?,
            b'{' if said.starts_with("{}") => (self.node(Value::Map(Vec::new()), start, start + 1), start + 2),
            _ => {
                let length = said.find(" #").unwrap_or(said.len());
                let written = said[..length].trim_ascii_end();
                (self.plain(written, start)?, start + written.len())
            }
        };
        let rest = &self.text[end..line.end];
        (rest.is_empty() || (rest.starts_with(' ') && rest.trim_ascii_start().starts_with('#'))).then_some(node)
    }

    /// A value in quotes with nothing escaped, and where it ends.
    fn quoted(&self, start: usize, limit: usize) -> Option<(Node, usize)> {
        let said = &self.text[start..limit];
        let quote = said.as_bytes()[0];
        let length = said[1..].bytes().position(|byte| byte == quote || byte == b'\\')?;
        let (inner, end) = (&said[1..=length], length + 2);
        // In single quotes a backslash is one; two quotes are one.
        if said.as_bytes()[length + 1] != quote || said.as_bytes().get(end) == Some(&quote) {
            return None;
        }
        Some((self.node(Value::Scalar(inner.to_owned()), start, start + end), start + end))
    }

    /// A value without quotes that is all of `written`.
    fn plain(&self, written: &str, start: usize) -> Option<Node> {
        let bytes = written.as_bytes();
        let starts = match bytes.first()? {
            b'_' | b'.' | b'/' | b'$' => true,
            b'-' | b'+' => bytes.get(1).is_some_and(u8::is_ascii_alphanumeric),
            b'~' => written == "~",
            first => first.is_ascii_alphanumeric(),
        };
        let number = |byte: &u8| byte.is_ascii_hexdigit() || b"+-._xobn".contains(byte);
        let is_long_number = bytes.len() > MAX_NUMBER && bytes.iter().all(number);
        if !starts || is_long_number || written.ends_with(':') || written.contains(": ") || written.trim() != written {
            return None;
        }
        let value = match written {
            "~" | "null" | "Null" | "NULL" => Value::Null,
            _ => Value::Scalar(written.to_owned()),
        };
        Some(self.node(value, start, start + written.len()))
    }

    /// A list in brackets of simple values, and where it ends.
    fn flow_list(&self, start: usize, limit: usize) -> Option<(Node, usize)> {
        let mut items = Vec::new();
        let bytes = self.text.as_bytes();
        let skip = |mut at: usize| {
            while at < limit && bytes[at] == b' ' {
                at += 1;
            }
            at
        };
        let mut at = skip(start + 1);
        while *bytes[..limit].get(at)? != b']' || !items.is_empty() {
            let (item, end) = match bytes[at] {
                b'"' | b'\'' => self.quoted(at, limit)?,
                _ => {
                    let simple = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'=');
                    let length = bytes[at..limit].iter().take_while(|byte| simple(byte)).count();
                    (self.plain(&self.text[at..at + length], at)?, at + length)
                }
            };
            items.push(item);
            at = skip(end);
            match *bytes[..limit].get(at)? {
                b',' => at = skip(at + 1),
                b']' => break,
                _ => return None,
            }
        }
        Some((self.node(Value::List(items), start, start + 1), at + 1))
    }
}

/// Whether no key is there twice.
fn are_distinct(entries: &[(Key, Node)]) -> bool {
    if entries.len() <= 8 {
        return entries.iter().enumerate().all(|(at, (key, _))| entries[..at].iter().all(|(other, _)| other.text != key.text));
    }
    let mut seen = BTreeSet::new();
    entries.iter().all(|(key, _)| seen.insert(key.text.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    /// Whether the text is read here; if it is, the YAML reader must read it alike.
    #[track_caller]
    fn is_read(text: &str) -> bool {
        let file = SourceMap::default().add("compose.yml", text);
        let Some(node) = read(file, text) else { return false };
        let reference = Node::parse_any(file, text).unwrap_or_else(|fault| panic!("{fault:?}\n{text}"));
        assert_eq!(node, reference, "{text}");
        true
    }

    #[test]
    fn files_as_people_write_them_are_read_alike() {
        for text in [
            include_str!("../../examples/bizosaas/phase1.yml"),
            include_str!("../../examples/bizosaas/phase2.yml"),
            include_str!("../../examples/bizosaas/phase3.yml"),
            include_str!("../../examples/bizosaas/phase4.yml"),
        ] {
            is_read(text);
        }
        for text in [
            "services:\n  web: # c\n    image: \"a b\" # x\n    p:   \n    q:\n      - 8080\n      - \"80:80\"\n      -\n      - a: 1\n        b: 'x'\n\
             \x20   z: ~\n    l:\n    - x\n    - y\n    m: a → b – c\n    o:\n    - k: v\n      oo:\n      - 'o'\n    e: x é\n  w2:\n    i: tail   # com\n\n    # com\n\n\
             \x20   j: x#y\n# end\nvolumes:\n  data:\n  # c\n\n  other: {} # none\n",
            "a:\n  test: [\"CMD\", 'curl', -f, http]\n  none: [] # c\n  env:\n    A: ${B:-c}\n    C: postgresql://u@h/1\n  p:\n    - 80:80\n    - -x",
            "a: 1\n",
            "# é\na: 0x10\nb: 08\nc: on\nd: 1.20\ne: .5\nf: 1_000\ng: -1\nh: 2026-11-28\ni: NULL\nj: .inf\nk: a, b [c] {d}\n",
        ] {
            assert!(is_read(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_so_simple_is_left_to_the_yaml_reader() {
        for text in [
            "",
            "- a\n",
            "a: &b c\n",
            "a: *b\n",
            "a: !reset\n",
            "a: # !reset\n  b: 1\n",
            "a: |\n  b\n",
            "a: b\n  c\n",
            "a: \"b\n",
            "a: \"b\\n\"\n",
            "a: 'b''c'\n",
            "a: {b: c}\n",
            "a: [b, [c]]\n",
            "a: [b,]\n",
            "a: [b\n",
            "a: b: c\n",
            "a: 1\na: 2\n",
            "a:\n  b: 1\n c: 2\n",
            "a:\n    b: 1\n  c: 2\n",
            "a:\n  - 1\n  b: 2\n",
            "a: 1\n- 2\n",
            "---\na: 1\n",
            "a: 1\n---\nb: 2\n",
            "a: 1\r\n",
            "a:\t1\n",
            "<<: 1\n",
            "? a\n",
            "null: 1\n",
            "a: b\u{85}c\n",
            "a: b\u{a0}\n",
            "a: 123456789012345678901234567890\n",
            "a: \"b\"c\n",
            "a:\n- - b\n",
            "a:\n-\n  b: 1\n",
        ] {
            assert!(!is_read(text), "{text}");
        }
    }

    /// Lines that are right alone and mostly wrong together, in any order and depth.
    #[test]
    fn whatever_is_read_here_the_yaml_reader_reads_alike() {
        const LINES: [&str; 30] = [
            "services:",
            "a:",
            "b: 1",
            "c: x y",
            "d: \"q # r\"",
            "e: 'q'  # r",
            "f: [a, \"b\", 'c d']",
            "- g",
            "- h: 1",
            "- \"i\"",
            "-",
            "- j:",
            "# k",
            "",
            "l: ~",
            "m: {}",
            "n: []",
            "o: a#b",
            "p: a: b",
            "q: x #",
            "r : 1",
            "- - s",
            "t: |",
            "u: \"",
            "- [v]",
            "w: -1",
            "x: - 1",
            "y:1",
            "- z:1",
            "aa: http://h:1/",
        ];
        let mut state: u64 = 7;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        let mut read = 0;
        for _ in 0..30_000 {
            let mut depth = 0_usize;
            let mut text = String::new();
            for line in 0..=random(9) {
                depth = if line == 0 { 0 } else { (depth + 3).saturating_sub(random(5) + 1).min(8) };
                let last = LINES[if line == 0 { random(2) } else { random(LINES.len()) }];
                text.extend([&" ".repeat(if random(20) == 0 { depth + 1 } else { depth }), last, "\n"]);
            }
            read += usize::from(is_read(&text));
        }
        assert!(read > 1_000, "{read}");
    }
}
