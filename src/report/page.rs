//! The page of a code at a terminal: headings stand out, examples are indented, and no mark-up is left but backticks.

use super::line::{Line, Style, hanging, wrapped};
use crate::diagnostic::{Code, Severity};

/// Blanks before the lines of an example.
const INDENT: usize = 4;

/// The page, its sentences in lines of at most `width` columns. Examples are never broken: they are there to be pasted.
pub fn page(code: Code, width: usize, colour: bool) -> String {
    let mut shown = String::new();
    for line in lines(code.page(), width) {
        shown.push_str(&line.render(colour));
        shown.push('\n');
    }
    shown
}

/// All codes, one a line: code, severity, title.
pub fn list(colour: bool) -> String {
    let mut shown = String::new();
    for code in Code::ALL {
        let (style, severity) = match code.severity() {
            Severity::Error => (Style::Bad, "error"),
            Severity::Warning => (Style::Warn, "warning"),
        };
        let line =
            Line::new().styled(Style::Bold, code.as_str()).plain("  ").cell(style, severity, "warning".len() + 2).plain(code.title());
        shown.push_str(&line.render(colour));
        shown.push('\n');
    }
    shown
}

fn lines(page: &str, width: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut paragraph = String::new();
    let mut rest = page.lines();
    while let Some(line) = rest.next() {
        let is_text = !(line.is_empty() || line.starts_with('#') || line.starts_with("```"));
        if is_text {
            paragraph.push_str(line);
            paragraph.push(' ');
            continue;
        }
        lines.extend(text(&std::mem::take(&mut paragraph), width));
        if let Some(kind) = line.strip_prefix("```") {
            lines.push(Line::text("  ").styled(Style::Path, file(kind)));
            let example = rest.by_ref().take_while(|line| *line != "```");
            lines.extend(example.map(|line| Line::text(" ".repeat(INDENT)).plain(line).whole()));
        } else if let Some(heading) = line.strip_prefix('#') {
            lines.push(Line::new().styled(Style::Bold, heading.trim_start_matches('#').trim()));
        } else {
            lines.push(Line::new());
        }
    }
    lines.extend(text(&paragraph, width));
    lines
}

/// A paragraph, or an entry of a list.
fn text(paragraph: &str, width: usize) -> Vec<Line> {
    match paragraph.strip_prefix("- ") {
        _ if paragraph.is_empty() => Vec::new(),
        Some(entry) => hanging(&Line::text("- "), Style::Plain, entry, width),
        None => wrapped(Style::Plain, paragraph, 0, width),
    }
}

/// The file that an example is, by the words after its fence.
fn file(kind: &str) -> &str {
    match kind.split_once(' ') {
        Some(("plan", _)) => "rollout.plan",
        Some((_, name)) => name,
        None if kind == "plan" => "rollout.plan",
        None => "at the terminal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# E0999: a title\n\nOne two three\nfour five six seven.\n\n## Wrong\n\n```plan\nphase a {\n  soak 1\n}\n```\n\n\
                        ```yaml phase1.yml\nservices:\n```\n";

    fn shown(width: usize) -> String {
        lines(PAGE, width).iter().map(|line| line.render(false) + "\n").collect()
    }

    #[test]
    fn fences_and_hashes_are_gone_and_examples_are_indented() {
        let expected = "E0999: a title\n\nOne two three four\nfive six seven.\n\nWrong\n\n  rollout.plan\n    phase a {\n      soak 1\n    }\n\n  \
                        phase1.yml\n    services:\n";
        assert_eq!(shown(20), expected);
    }

    #[test]
    fn every_page_is_free_of_mark_up_and_within_its_width() {
        for code in Code::ALL {
            let plain = page(*code, 80, false);
            assert!(plain.starts_with(&format!("{code}: {}\n\n", code.title())), "{plain}");
            assert!(!plain.contains("```") && !plain.lines().any(|line| line.starts_with('#')), "{plain}");
            let sentences = plain.lines().filter(|line| !line.starts_with("    "));
            assert!(sentences.clone().all(|line| line.chars().count() <= 80), "{plain}");
            assert!(page(*code, 80, true).starts_with("\u{1b}[1m"));
        }
        assert_eq!(list(false).lines().count(), Code::ALL.len());
    }
}
