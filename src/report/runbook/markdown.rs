//! Markdown that means what it says: whatever a plan has in its names, notes and expectations is text on the page and never its syntax.

use crate::report::safe;
use std::fmt::Write as _;

/// A page that grows at its end.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// A heading; `text` is Markdown, as everywhere here.
    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.gap();
        let _ = writeln!(self.text, "{} {text}", "#".repeat(level));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.gap();
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A list; an item's further lines are indented below it.
    pub(super) fn bullets(&mut self, items: &[String]) {
        self.list(items, |_| "- ".to_owned());
    }

    pub(super) fn numbered(&mut self, items: &[String]) {
        self.list(items, |at| format!("{}. ", at + 1));
    }

    fn list(&mut self, items: &[String], sign: impl Fn(usize) -> String) {
        self.gap();
        for (at, item) in items.iter().enumerate() {
            let sign = sign(at);
            let indented = item.replace('\n', &format!("\n{}", " ".repeat(sign.len())));
            // An empty line inside an item has no blanks at its end.
            for line in format!("{sign}{indented}").lines() {
                self.text.push_str(line.trim_end());
                self.text.push('\n');
            }
        }
    }

    /// A table; where there are no rows, `nothing` in its place.
    pub(super) fn table(&mut self, heads: &[&str], rows: &[Vec<String>], nothing: &str) {
        if rows.is_empty() {
            return self.paragraph(nothing);
        }
        self.gap();
        self.row(&heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>());
        self.row(&vec!["---".to_owned(); heads.len()]);
        for row in rows {
            self.row(row);
        }
    }

    fn row(&mut self, cells: &[String]) {
        for cell in cells {
            let _ = write!(self.text, "|{}{cell}", if cell.is_empty() { "" } else { " " });
            self.text.push(' ');
        }
        self.text.push_str("|\n");
    }

    pub(super) fn fence(&mut self, kind: &str, text: &str) {
        self.gap();
        self.text.push_str(&fenced(kind, text));
        self.text.push('\n');
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }
}

/// A block of lines that nothing in it can end, without a line end of its own.
pub(super) fn fenced(kind: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{kind}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// A text of the plan, on one line, to be read as it is written; fit for a table's cell, too.
pub(super) fn prose(text: &str) -> String {
    let line = safe::line(text);
    let chars: Vec<char> = line.trim().chars().collect();
    let is_word = |at: Option<usize>| at.and_then(|at| chars.get(at)).is_some_and(|char| char.is_alphanumeric());
    let mut shown = String::with_capacity(line.len());
    for (at, char) in chars.iter().enumerate() {
        let means_something = match char {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '$' | '&' => true,
            // Inside a name it is none but itself.
            '_' => !(is_word(at.checked_sub(1)) && is_word(Some(at + 1))),
            // Headings and lists, where they begin a line.
            '#' | '+' | '-' => at == 0,
            '.' | ')' => {
                let ends = chars.get(at + 1).is_none_or(|next| next.is_whitespace());
                at > 0 && ends && chars[..at].iter().all(char::is_ascii_digit)
            }
            // Before a bracket that is escaped anyway it makes no image.
            _ => false,
        };
        if means_something {
            shown.push('\\');
        }
        shown.push(*char);
    }
    shown
}

/// A name, path or expectation as code, outside tables.
pub(super) fn code(text: &str) -> String {
    let line = safe::line(text);
    let line = line.trim();
    if line.is_empty() {
        return String::new();
    }
    let ticks = "`".repeat(longest_run(line) + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{line}{pad}{ticks}")
}

/// The same in a table's cell, where a bar ends the cell even inside of code.
pub(super) fn cell(text: &str) -> String {
    let line = safe::line(text);
    // A backslash before a bar would take the bar's own away.
    if line.contains("\\|") || line.ends_with('\\') && line.contains('|') {
        let entities = line.trim().chars().fold(String::new(), |mut shown, char| {
            if char.is_alphanumeric() || char == ' ' || char == '/' || char == '.' || char == '-' {
                shown.push(char);
            } else {
                let _ = write!(shown, "&#{};", u32::from(char));
            }
            shown
        });
        return format!("<code>{entities}</code>");
    }
    code(text).replace('|', "\\|")
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|char| char != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_no_syntax() {
        assert_eq!(prose("a|b `c` *d* <e> [f](g) saleor_staging _x_"), "a\\|b \\`c\\` \\*d\\* \\<e\\> \\[f\\](g) saleor_staging \\_x\\_");
        assert_eq!(prose("# not a title"), "\\# not a title");
        assert_eq!(prose("1. no list"), "1\\. no list");
        assert_eq!(prose("127.0.0.1:80"), "127.0.0.1:80");
        assert_eq!(prose("two\nlines"), "two lines");
    }

    #[test]
    fn code_holds_backticks_and_bars() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`x`"), "`` `x` ``");
        assert_eq!(cell("matches /A|B/"), "`matches /A\\|B/`");
        assert_eq!(cell("/a\\|b/"), "<code>/a&#92;&#124;b/</code>");
        assert_eq!(fenced("sh", "echo '```'\n"), "````sh\necho '```'\n````");
    }

    #[test]
    fn lists_and_tables_keep_their_form() {
        let mut page = Page::default();
        page.heading(1, "T");
        page.numbered(&["one".to_owned(), format!("two\n\n{}", fenced("sh", "x\n\ny"))]);
        page.table(&["a", "b"], &[vec!["1".to_owned(), String::new()]], "none");
        page.table(&["a"], &[], "none");
        assert_eq!(
            page.into_text(),
            "# T\n\n1. one\n2. two\n\n   ```sh\n   x\n\n   y\n   ```\n\n| a | b |\n| --- | --- |\n| 1 | |\n\nnone\n"
        );
    }
}
