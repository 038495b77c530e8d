//! A line to be shown: pieces of harmless text with styles, cut to a width before colour is added. Everything that human and plain output
//! show passes through here, and so through [`super::safe`].

use super::safe;
use console::{measure_text_width, truncate_str};

/// What a piece of text is, for colour. Without colour nothing is lost: words and signs say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Running text.
    Plain,
    /// What the eye should find first.
    Bold,
    /// Of second rank.
    Dim,
    /// Verified, healthy.
    Good,
    /// Failed.
    Bad,
    /// Worth a look: warnings, waiting for a person.
    Warn,
    /// A path or a command to type.
    Path,
}

impl Style {
    /// The parameters of its `ESC [ … m`.
    fn sgr(self) -> Option<&'static str> {
        match self {
            Style::Plain => None,
            Style::Bold => Some("1"),
            Style::Dim => Some("2"),
            Style::Good => Some("32"),
            Style::Bad => Some("1;31"),
            Style::Warn => Some("33"),
            Style::Path => Some("36"),
        }
    }
}

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pieces: Vec<(Style, String)>,
    whole: bool,
}

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of running text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::new().plain(text)
    }

    /// The line with running text added.
    #[must_use]
    pub fn plain(self, text: impl AsRef<str>) -> Self {
        self.styled(Style::Plain, text)
    }

    /// The line with a piece added.
    #[must_use]
    pub fn styled(mut self, style: Style, text: impl AsRef<str>) -> Self {
        self.pieces.push((style, safe::line(text.as_ref())));
        self
    }

    /// The line with a piece added that fills exactly `width` columns, cut or padded.
    #[must_use]
    pub fn cell(self, style: Style, text: impl AsRef<str>, width: usize) -> Self {
        let text = cut(&safe::line(text.as_ref()), width);
        let pad = " ".repeat(width.saturating_sub(measure_text_width(&text)));
        self.styled(style, text).plain(pad)
    }

    /// Never to be cut: a path or a command is worth nothing in parts.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// The line with another one behind it.
    #[must_use]
    pub fn join(mut self, other: Line) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// Columns it takes.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| measure_text_width(text)).sum()
    }

    /// The line with `right` at the right edge of `width` columns; where there is no room for both, the left part is cut.
    #[must_use]
    pub fn with_right(self, right: &Line, width: usize) -> Self {
        let room = width.saturating_sub(right.width() + 2);
        let mut line = self.fit(room);
        line.pieces.push((Style::Plain, " ".repeat(width.saturating_sub(line.width() + right.width()))));
        line.pieces.extend(right.pieces.iter().cloned());
        line
    }

    /// The line, cut to so many columns; `…` shows that something is missing.
    #[must_use]
    pub fn fit(mut self, width: usize) -> Self {
        if self.whole || self.width() <= width {
            return self;
        }
        let mut room = width;
        let mut kept = Vec::new();
        for (style, text) in self.pieces {
            let wide = measure_text_width(&text);
            if wide < room {
                room -= wide;
                kept.push((style, text));
            } else {
                kept.push((style, truncate_str(&text, room.saturating_sub(1), "").into_owned()));
                if room > 0 {
                    kept.push((Style::Dim, "…".to_owned()));
                }
                break;
            }
        }
        self.pieces = kept;
        self
    }

    /// The line, cut to so many columns between two words, where that costs less than half of it.
    #[must_use]
    pub fn fit_words(self, width: usize) -> Self {
        if self.whole || self.width() <= width {
            return self;
        }
        let mut line = self.fit(width);
        // The piece before the `…` is the one that was cut.
        if let [.., (_, cut), _] = line.pieces.as_mut_slice()
            && let Some(at) = cut.trim_end().rfind(' ').filter(|at| *at > cut.len() / 2)
        {
            cut.truncate(at + 1);
        }
        line
    }

    /// The characters to write, without blanks at the end and without a line break.
    pub fn render(&self, colour: bool) -> String {
        let last = self.pieces.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        let mut shown = String::new();
        for (at, (style, text)) in self.pieces.iter().enumerate().take(last.map_or(0, |last| last + 1)) {
            let text = if Some(at) == last { text.trim_end() } else { text.as_str() };
            match style.sgr().filter(|_| colour && !text.is_empty()) {
                Some(sgr) => {
                    shown.push_str("\u{1b}[");
                    shown.push_str(sgr);
                    shown.push('m');
                    shown.push_str(text);
                    shown.push_str("\u{1b}[0m");
                }
                None => shown.push_str(text),
            }
        }
        shown
    }
}

/// A sentence broken at blanks into lines of at most `width` columns, each after `indent` blanks. Words are never broken.
pub fn wrapped(style: Style, text: &str, indent: usize, width: usize) -> Vec<Line> {
    hanging(&Line::text(" ".repeat(indent)), style, text, width)
}

/// The same, with `first` before the first line and as many blanks before the others; few where `first` takes more than half of the width.
pub fn hanging(first: &Line, style: Style, text: &str, width: usize) -> Vec<Line> {
    let indent = if first.width() * 2 > width { first.width().min(4) } else { first.width() };
    let room = |row: usize| width.saturating_sub(if row == 0 { first.width() } else { indent }).max(20);
    let mut rows: Vec<String> = Vec::new();
    let clean = safe::line(text);
    for word in clean.split_whitespace() {
        let at = rows.len().saturating_sub(1);
        match rows.last_mut() {
            Some(row) if measure_text_width(row) + 1 + measure_text_width(word) <= room(at) => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.to_owned()),
        }
    }
    if rows.is_empty() {
        rows.push(String::new());
    }
    let blanks = " ".repeat(indent);
    rows.into_iter()
        .enumerate()
        .map(|(at, row)| if at == 0 { first.clone().styled(style, row) } else { Line::text(&blanks).styled(style, row) })
        .map(Line::whole)
        .collect()
}

/// The same in at most so many lines, none of them wider than `width`: what does not fit is cut.
pub fn paragraph(first: &Line, style: Style, text: &str, width: usize, most: usize) -> Vec<Line> {
    let mut lines = hanging(first, style, text, width);
    if lines.len() > most {
        let rest: Vec<Line> = lines.split_off(most.saturating_sub(1));
        let words = rest.iter().filter_map(|line| line.pieces.last()).map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(" ");
        // As far in as the line that it takes the place of.
        let before = Line { pieces: rest[0].pieces[..rest[0].pieces.len() - 1].to_vec(), whole: false };
        lines.push(before.styled(style, words));
    }
    lines.into_iter().map(|line| Line { whole: false, ..line }.fit_words(width)).collect()
}

/// A line of a log, blanks kept, broken wherever `width` ends; after `most` rows the rest is cut. Each row begins with `first`.
pub fn folded(first: &Line, text: &str, width: usize, most: usize) -> Vec<Line> {
    let room = width.saturating_sub(first.width()).max(20);
    let clean = safe::line(text);
    let mut rest = clean.trim_end();
    let mut rows = Vec::new();
    while rows.len() + 1 < most && measure_text_width(rest) > room {
        let row = truncate_str(rest, room, "").into_owned();
        // A character wider than the room would never fit.
        if row.is_empty() {
            break;
        }
        rest = &rest[row.len()..];
        rows.push(first.clone().plain(row));
    }
    rows.push(first.clone().plain(rest).fit(width.max(first.width() + room)));
    rows
}

fn cut(text: &str, width: usize) -> String {
    truncate_str(text, width, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cuts_by_columns_not_by_characters() {
        let line = Line::text("漢字漢字").fit(5);
        assert_eq!(line.render(false), "漢字…");
        assert_eq!(Line::text("abc").plain("def").fit(5).render(false), "abcd…");
        assert_eq!(Line::text("abc").plain("def").fit(6).render(false), "abcdef");
    }

    #[test]
    fn colour_changes_no_column() {
        let line = Line::new().styled(Style::Good, "verified").plain(" 4/4");
        assert_eq!(line.render(true), "\u{1b}[32mverified\u{1b}[0m 4/4");
        assert_eq!(measure_text_width(&line.render(true)), line.width());
    }

    #[test]
    fn sentences_wrap_and_hang() {
        let lines = hanging(&Line::text("hint: "), Style::Plain, "one two three four five six", 26);
        let lines: Vec<String> = lines.iter().map(|line| line.render(false)).collect();
        assert_eq!(lines, ["hint: one two three four", "      five six"]);
    }

    #[test]
    fn what_is_too_long_is_cut_between_words() {
        let fit = |width| Line::text("one two three four").fit_words(width).render(false);
        assert_eq!((fit(18).as_str(), fit(17).as_str(), fit(12).as_str()), ("one two three four", "one two three …", "one two …"));
        assert_eq!(Line::text("a-word-without-blanks").fit_words(10).render(false), "a-word-wi…");
        let rows = |most| {
            let lines = paragraph(&Line::text("hint: "), Style::Plain, "one two three four five six seven", 26, most);
            lines.iter().map(|line| line.render(false)).collect::<Vec<_>>()
        };
        assert_eq!(rows(3), ["hint: one two three four", "      five six seven"]);
        assert_eq!(rows(1), ["hint: one two three …"]);
    }

    #[test]
    fn log_lines_fold_and_keep_their_blanks() {
        let rows = |most| {
            folded(&Line::text("| "), "    indented text of a log", 22, most).iter().map(|line| line.render(false)).collect::<Vec<_>>()
        };
        assert_eq!(rows(5), ["|     indented text of", "|  a log"]);
        assert_eq!(rows(1), ["|     indented text o…"]);
    }

    proptest! {
        #[test]
        fn never_wider_than_asked(pieces in proptest::collection::vec(any::<String>(), 0..5), width in 1_usize..40) {
            let line = pieces.iter().fold(Line::new(), Line::plain).fit(width);
            prop_assert!(line.width() <= width, "{:?} takes {}", line, line.width());
            prop_assert!(safe::is_harmless(&line.render(false)));
        }

        #[test]
        fn paragraphs_are_never_wider_nor_longer(text in any::<String>(), width in 30_usize..60, most in 1_usize..4) {
            let lines = paragraph(&Line::text("  waiting: "), Style::Plain, &text, width, most);
            prop_assert!(lines.len() <= most && lines.iter().all(|line| line.width() <= width), "{lines:?}");
        }
    }
}
