//! What people write instead: each known mistake with its message and its cure. The first that fits is told.

use super::build::{leading_word, list};
use super::expected::{connector, words};
use super::form::{Form, Place};
use super::grammar::Rule;
use super::repair::{Failure, attempt};
use super::spelled;
use crate::diagnostic::{Code, nearest};
use std::ops::Range;

/// A change to the statement's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fix {
    pub(super) range: Range<usize>,
    pub(super) with: String,
}

/// One mistake, in offsets of the statement's text.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) range: Range<usize>,
    pub(super) label: String,
    /// Only where the mended line would not say it.
    pub(super) help: Option<String>,
    pub(super) fix: Option<Fix>,
    /// Whether what follows is a statement of its own.
    pub(super) next_statement: bool,
}

impl Problem {
    fn new(code: Code, range: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { code, message: message.into(), range, label: label.into(), help: None, fix: None, next_statement: false }
    }

    fn fix(mut self, range: Range<usize>, with: impl Into<String>) -> Self {
        self.fix = Some(Fix { range, with: with.into() });
        self
    }

    fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// The place where a statement stopped making sense.
struct Stop<'a> {
    form: &'static Form,
    place: Place,
    text: &'a str,
    /// Where the rule stopped, blanks skipped.
    at: usize,
    /// Where what was understood ends.
    understood: usize,
    expected: &'a [Rule],
    /// Whether the statement would be whole if it ended here.
    may_end: bool,
}

/// What is wrong where `failure` says that the statement's rule stopped.
pub(super) fn explain<'a>(form: &'static Form, place: Place, text: &'a str, failure: &'a Failure) -> Problem {
    let rest = &text[failure.at..];
    let at = failure.at + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    let understood = text[..at].trim_end().len();
    let may_end = failure.expected.contains(&Rule::end) || attempt(form.rule, &text[..understood]).is_ok();
    let stop = Stop { form, place, text, at, understood, expected: &failure.expected, may_end };
    let mistakes: [fn(&Stop<'a>) -> Option<Problem>; 14] = [
        Stop::typographic_quotes,
        Stop::odd_blank,
        Stop::cut_short,
        Stop::status_list,
        Stop::assignment,
        Stop::duration,
        Stop::count,
        Stop::unclosed_string,
        Stop::unquoted,
        Stop::choice,
        Stop::connective,
        Stop::list_item,
        Stop::next_statement,
        Stop::name,
    ];
    mistakes.iter().find_map(|mistake| mistake(&stop)).unwrap_or_else(|| stop.unexpected())
}

impl Stop<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn expects(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    /// The next token: a whole string, or everything up to a blank, comma or closing bracket.
    fn token(&self) -> Range<usize> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
        let length = match quote.and_then(|quote| rest[1..].find(quote)) {
            Some(close) => close + 2,
            None => rest
                .char_indices()
                .find(|(at, next)| *at > 0 && (next.is_whitespace() || matches!(next, ',' | ')' | ']' | ';')))
                .map_or(rest.len(), |(at, _)| at),
        };
        self.at..self.at + length
    }

    fn found(&self) -> String {
        let token = &self.text[self.token()];
        let mut short: String = token.chars().take(32).collect();
        if short.len() < token.len() {
            short.push('…');
        }
        short
    }

    fn wanted(&self) -> String {
        let mut wanted: Vec<String> = Vec::new();
        for rule in self.expected {
            let Some(words) = words(*rule) else { continue };
            if !wanted.iter().any(|known| known == words) {
                wanted.push(words.to_owned());
            }
        }
        if self.may_end && !self.expects(Rule::end) {
            wanted.push("the end of the line".to_owned());
        }
        list(&wanted, "or")
    }

    /// How far the statement is understood with a change made; `None` if no farther than before.
    fn better(&self, range: Range<usize>, with: &str) -> bool {
        let changed = format!("{}{with}{}", &self.text[..range.start], &self.text[range.end..]);
        match attempt(self.form.rule, &changed) {
            Ok(_) => true,
            Err(failure) => failure.at > range.start + with.len(),
        }
    }

    fn typographic_quotes(&self) -> Option<Problem> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        if !matches!(first, '“' | '”' | '„' | '‘' | '’' | '«' | '»') {
            return None;
        }
        let straight: String = rest
            .chars()
            .map(|character| match character {
                '“' | '”' | '„' | '«' | '»' => '"',
                '‘' | '’' => '\'',
                other => other,
            })
            .collect();
        let label = "these quotes are not the ones on the keyboard";
        Some(
            Problem::new(Code::Syntax, self.at..self.at + first.len_utf8(), format!("`{first}` is a typographic quote"), label)
                .fix(self.at..self.text.len(), straight),
        )
    }

    fn odd_blank(&self) -> Option<Problem> {
        let blank = self.rest().chars().next().filter(|next| !next.is_ascii() && (next.is_whitespace() || *next == '\u{200b}'))?;
        let range = self.at..self.at + blank.len_utf8();
        let message = "a blank that is not a space";
        Some(Problem::new(Code::Syntax, range.clone(), message, format!("this is U+{:04X}", u32::from(blank))).fix(range, " "))
    }

    fn cut_short(&self) -> Option<Problem> {
        if !self.rest().is_empty() {
            return None;
        }
        let here = self.understood..self.understood;
        let wanted = self.wanted();
        let open = |open: char, close: char| self.text.matches(open).count() > self.text.matches(close).count();
        if self.expects(Rule::comment) {
            for (opening, closing) in [('[', ']'), ('(', ')')] {
                if open(opening, closing) {
                    let message = format!("a `{opening}` that is never closed");
                    return Some(Problem::new(Code::Syntax, here.clone(), message, format!("expected `{closing}`")).fix(here, closing));
                }
            }
        }
        let message = if wanted.is_empty() {
            format!("`{}` is not finished", self.text)
        } else {
            format!("`{}` is not finished: expected {wanted}", self.text)
        };
        Some(Problem::new(Code::Syntax, here, message, "the line ends here").help(format!("it is written `{}`", self.form.shape)))
    }

    /// `=`, `:` and comparisons that are not the language's.
    fn assignment(&self) -> Option<Problem> {
        let rest = self.rest();
        let sign_end = rest.find(|next: char| !matches!(next, '=' | ':' | '<' | '>' | '!' | '~')).unwrap_or(rest.len());
        let sign = &rest[..sign_end];
        let range = self.at..self.at + sign_end;
        let word_comparison = ["is", "equals", "eq"].into_iter().find(|word| leading_word(rest) == *word);
        let wants_equal = self.expects(Rule::equal) || self.expects(Rule::comparison);
        if let Some(word) = word_comparison.filter(|_| wants_equal) {
            let range = self.at..self.at + word.len();
            return Some(Problem::new(Code::Syntax, range.clone(), format!("`{word}` is no comparison"), "expected `==`").fix(range, "=="));
        }
        if sign.is_empty() || self.at == 0 {
            return None;
        }
        let problem = |label: &str| Problem::new(Code::Syntax, range.clone(), format!("`{sign}` does not belong here"), label);
        let blank = if self.understood == self.at { " " } else { "" };
        if self.expects(Rule::equals) {
            return Some(problem("expected `=`").fix(range.clone(), format!("{blank}=")));
        }
        if wants_equal {
            return match sign {
                "=" | ":" | ":=" | "===" => Some(problem("expected `==`").fix(range.clone(), format!("{blank}=="))),
                "=<" => Some(problem("expected `<=`").fix(range.clone(), "<=")),
                "=>" => Some(problem("expected `>=`").fix(range.clone(), ">=")),
                _ if self.form.rule == Rule::status => Some(problem("expected `==` or `in`").help("write `status in [200..299]`")),
                _ => None,
            };
        }
        if self.expects(Rule::less) {
            return Some(problem("expected `<`").fix(range.clone(), "<"));
        }
        let instead = self.expected.iter().filter_map(|rule| connector(*rule)).find(|word| self.better(range.clone(), word));
        if let Some(word) = instead.filter(|_| !self.may_end && blank.is_empty()) {
            return Some(problem(&format!("expected `{word}`")).fix(range.clone(), word));
        }
        let before = self.text[..self.understood].rsplit([' ', '\t']).next().unwrap_or("");
        matches!(sign, "=" | ":" | ":=" | "=>" | "==").then(|| {
            let trailing = if self.understood < self.at { self.understood..range.end } else { range.clone() };
            let with = if self.text[range.end..].starts_with([' ', '\t']) { "" } else { " " };
            let label = format!("the value follows `{before}` after a blank");
            Problem::new(Code::Syntax, range.clone(), format!("no `{sign}` after `{before}`"), label).fix(trailing, with)
        })
    }

    fn duration(&self) -> Option<Problem> {
        if !self.expects(Rule::duration) {
            return None;
        }
        let token = self.token();
        let found = &self.text[token.clone()];
        let inside = found.trim_matches(['"', '\'']);
        if inside.len() < found.len() {
            let (_, literal) = spelled::duration(inside, self.unit())?;
            let message = "a duration in quotes";
            return Some(Problem::new(Code::WrongKind, token.clone(), message, "a duration has no quotes").fix(token, literal));
        }
        if let Some((length, literal)) = spelled::duration(self.rest(), self.unit()) {
            let range = self.at..self.at + length;
            let written = &self.text[range.clone()];
            let problem = if written.bytes().all(|byte| byte.is_ascii_digit()) {
                let message = format!("`{written}` has no unit");
                Problem::new(Code::UnitMissing, range.clone(), message, "a duration ends in `ms`, `s`, `m` or `h`")
            } else {
                let message = format!("`{written}` is not how a duration is written");
                Problem::new(Code::Syntax, range.clone(), message, "a whole number and `ms`, `s`, `m` or `h`, without a blank")
            };
            return Some(problem.fix(range, literal));
        }
        let is_value = found.starts_with(|first: char| first.is_ascii_digit() || first == '-');
        is_value.then(|| {
            let message = format!("`{found}` is not a duration");
            Problem::new(Code::WrongKind, token, message, "expected a duration such as `10m`")
        })
    }

    /// The unit that is most likely meant where none is written.
    fn unit(&self) -> &'static str {
        match self.form.rule {
            Rule::time if self.token().len() > 2 => "ms",
            Rule::every | Rule::timeout | Rule::soak | Rule::time => "s",
            _ => "m",
        }
    }

    fn count(&self) -> Option<Problem> {
        if !self.expects(Rule::integer) || self.form.rule == Rule::status {
            return None;
        }
        let token = self.token();
        let found = &self.text[token.clone()];
        let inside = found.trim_matches(['"', '\'']);
        let digits: String = inside.chars().take_while(char::is_ascii_digit).collect();
        let message = format!("`{found}` is not a whole number");
        let problem = Problem::new(Code::WrongKind, token.clone(), message, "expected a whole number such as `3`");
        Some(if digits.is_empty() { problem } else { problem.fix(token, digits) })
    }

    fn status_list(&self) -> Option<Problem> {
        if self.form.rule != Rule::status {
            return None;
        }
        let rest = self.rest();
        let token = self.token();
        let found = &self.text[token.clone()];
        if self.expects(Rule::equal) && self.expects(Rule::k_in) {
            let with = if rest.starts_with('[') { "in " } else { "== " };
            if rest.starts_with(|first: char| first == '[' || first.is_ascii_digit()) {
                let message = format!("`{}` is missing", with.trim());
                let label = format!("expected `{}` before this", with.trim());
                return Some(Problem::new(Code::Syntax, token, message, label).fix(self.at..self.at, with));
            }
        }
        let in_list = self.text[..self.at].contains('[');
        if let Some(range) = spelled::status_range(found) {
            let message = format!("`{found}` is not how a range is written");
            let problem = Problem::new(Code::Syntax, token.clone(), message, format!("a range is written `{range}`"));
            let operator = self.text[..self.at].find("==").filter(|_| !in_list);
            return Some(match operator {
                Some(operator) => problem.fix(operator..token.end, format!("in [{range}]")),
                None if in_list => problem.fix(token, range),
                None => problem.fix(token, format!("[{range}]")),
            });
        }
        if in_list && self.text[..self.at].ends_with("..") && rest.starts_with(['=', '.']) {
            let range = self.at..self.at + 1;
            let message = "a range has two dots and nothing else";
            return Some(Problem::new(Code::Syntax, range.clone(), message, "remove this").fix(range, ""));
        }
        if self.expects(Rule::integer) && rest.starts_with('[') {
            let operator = self.text[..self.at].find("==")?;
            let message = "`==` compares with one number";
            return Some(
                Problem::new(Code::Syntax, operator..operator + 2, message, "a list follows `in`").fix(operator..operator + 2, "in"),
            );
        }
        if self.expects(Rule::statuses) && rest.starts_with(|first: char| first.is_ascii_digit()) {
            let list = self.at..self.text.len();
            let message = "a list stands in brackets";
            let with = format!("[{}]", &self.text[list.clone()]);
            return Some(Problem::new(Code::Syntax, list.clone(), message, "expected `[`").fix(list, with));
        }
        None
    }

    fn unclosed_string(&self) -> Option<Problem> {
        let quote = self.rest().chars().next().filter(|next| matches!(next, '"' | '\''))?;
        if self.rest()[1..].contains(quote) || self.expects(Rule::end) {
            return None;
        }
        let message = "a string that is never closed";
        let label = "it begins here, and the line ends without its second quote";
        Some(Problem::new(Code::Syntax, self.at..self.text.len(), message, label).help(format!("add a `{quote}` where it ends")))
    }

    fn unquoted(&self) -> Option<Problem> {
        let any = self.expects(Rule::text);
        if !any && !self.expects(Rule::plain) {
            return None;
        }
        let mut token = self.token();
        let found = &self.text[token.clone()];
        if found.is_empty() || found.starts_with([',', ')', ']', '"', '\'']) {
            return None;
        }
        if found.starts_with("env(") || found.starts_with("secret(") {
            let message = format!("`{}` cannot stand here", leading_word(found));
            let label = "this must be known when the plan is read";
            return Some(Problem::new(Code::WrongKind, token, message, label).help("write the text itself in quotes"));
        }
        if let Some(variable) = found.strip_prefix('$').filter(|_| any) {
            let name = leading_word(variable.trim_start_matches('{'));
            let message = format!("`{found}` is the shell's way to name a variable");
            return Some(Problem::new(Code::Syntax, token.clone(), message, "expected `env(…)`").fix(token, format!("env(\"{name}\")")));
        }
        if matches!(self.form.rule, Rule::note | Rule::hint) {
            token.end = self.text.len();
        }
        let bare = &self.text[token.clone()];
        let with = if bare.contains('"') { format!("'{}'", bare.replace('\'', "")) } else { format!("\"{bare}\"") };
        let missing = if self.better(token.clone(), &with) { "a string without quotes" } else { "something that is not a string" };
        Some(Problem::new(Code::Syntax, token.clone(), missing, "strings stand in quotes").fix(token, with))
    }

    /// One of a few fixed words: probes and policies.
    fn choice(&self) -> Option<Problem> {
        const PROBES: &[&str] = &["http", "tcp", "external", "logs", "container", "postgres", "redis", "server", "build-contexts", "exec"];
        const POLICIES: &[&str] = &["rollback", "stop", "ask"];
        let (valid, what) = if self.expects(Rule::probe) {
            (PROBES, "something that can be asked")
        } else if self.expects(Rule::policy) {
            (POLICIES, "a policy")
        } else {
            return None;
        };
        let token = self.token();
        let found = &self.text[token.clone()];
        if valid == PROBES && found.starts_with(['"', '\'']) {
            let probe = if found.contains("://") { "http" } else { "tcp" };
            let message = "`expect` does not say what to ask";
            let label = format!("expected `{probe}` before this");
            return Some(Problem::new(Code::Syntax, token, message, label).fix(self.at..self.at, format!("{probe} ")));
        }
        let word = leading_word(found);
        let problem = |label: String| Problem::new(Code::Syntax, token.clone(), format!("`{found}` is not {what}"), label);
        let near = nearest(word, valid.iter().copied()).or_else(|| (word == "https").then_some("http"));
        Some(match near.filter(|_| !word.is_empty()) {
            Some(near) => problem(format!("did you mean `{near}`?")).fix(self.at..self.at + word.len(), near),
            None => {
                let valid: Vec<String> = valid.iter().map(|word| format!("`{word}`")).collect();
                problem("expected one of a few words".to_owned()).help(format!("it may be {}", list(&valid, "or")))
            }
        })
    }

    /// A small word that is misspelled, missing or another one.
    fn connective(&self) -> Option<Problem> {
        let words: Vec<&'static str> = self.expected.iter().filter_map(|rule| connector(*rule)).collect();
        let token = self.token();
        let found = &self.text[token.clone()];
        let word = leading_word(found);
        let close = |valid: &&&str| word.len() > 2 && (valid.starts_with(word) || word.starts_with(**valid));
        let near = nearest(word, words.iter().copied()).or_else(|| words.iter().find(close).copied());
        let near = near.filter(|_| !word.is_empty()).filter(|near| !self.may_end || self.better(self.at..self.at + word.len(), near));
        if let Some(near) = near {
            let range = self.at..self.at + word.len();
            let message = format!("expected `{near}`, found `{word}`");
            return Some(Problem::new(Code::Syntax, range.clone(), message, format!("did you mean `{near}`?")).fix(range, near));
        }
        let missing = words.iter().find(|word| self.better(self.at..self.at, &format!("{word} ")));
        if let Some(missing) = missing {
            let message = format!("`{missing}` is missing");
            let label = format!("expected `{missing}` before this");
            return Some(Problem::new(Code::Syntax, token, message, label).fix(self.at..self.at, format!("{missing} ")));
        }
        let other = words.iter().find(|valid| self.better(token.clone(), valid))?;
        let message = format!("expected `{other}`, found `{found}`");
        Some(Problem::new(Code::Syntax, token.clone(), message, format!("expected `{other}`")).fix(token, *other))
    }

    /// Commas: missing, or words in their place, or where none belongs.
    fn list_item(&self) -> Option<Problem> {
        let rest = self.rest();
        let token = self.token();
        if self.may_end && matches!(rest.trim_end(), "," | ";") {
            let range = self.at..self.at + 1;
            let message = format!("a `{}` at the end of a line", rest.trim_end());
            return Some(
                Problem::new(Code::Syntax, range, message, "the end of the line is enough").fix(self.understood..self.text.len(), ""),
            );
        }
        if self.expects(Rule::comment) && rest.starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '"' | '\'')) {
            return Some(
                Problem::new(Code::Syntax, token, "a `,` is missing", "expected `,` before this").fix(self.understood..self.at, ", "),
            );
        }
        let names = matches!(self.form.rule, Rule::require | Rule::removes | Rule::needs | Rule::uses)
            || (self.form.rule == Rule::expect && leading_word(self.text.trim_start_matches("expect").trim_start()) == "external");
        if !names || !self.may_end {
            return None;
        }
        let found = &self.text[token.clone()];
        let (range, with) = match found {
            "and" | "&" | "&&" | "or" => (self.understood..token.end, ","),
            _ if rest.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '_' | '"')) => {
                (self.understood..self.at, ", ")
            }
            _ => return None,
        };
        Some(Problem::new(Code::Syntax, token, "names are separated by commas", "expected `,`").fix(range, with))
    }

    /// A name with characters that only a quoted one may have.
    fn name(&self) -> Option<Problem> {
        let (start, end) = if self.expects(Rule::name) {
            (self.at, self.token().end)
        } else if self.understood == self.at
            && self.text[..self.at].ends_with(|last: char| last.is_ascii_alphanumeric())
            && self.rest().starts_with(|next: char| !matches!(next, ',' | ';' | ')' | ']'))
        {
            let start = self.text[..self.at].rfind([' ', '\t', ',']).map_or(0, |blank| blank + 1);
            (start, self.token().end)
        } else {
            return None;
        };
        let bare = &self.text[start..end];
        if start == 0 || bare.is_empty() || bare.contains(['"', '\'', '{', '=', ':']) {
            return None;
        }
        let message = format!("`{bare}` cannot stand without quotes");
        let label = "a bare name starts with a letter and has letters, digits, `-` and `_`";
        Some(Problem::new(Code::Syntax, start..end, message, label).fix(start..end, format!("\"{bare}\"")))
    }

    fn next_statement(&self) -> Option<Problem> {
        if !self.may_end {
            return None;
        }
        let rest = self.rest();
        let separators = rest.len() - rest.trim_start_matches([',', ';', '&', ' ', '\t']).len();
        let after = &rest[separators..];
        let joined = leading_word(after) == "and";
        let after = if joined { after["and".len()..].trim_start() } else { after };
        let word = leading_word(after);
        if !self.place.forms().any(|form| form.keyword == word) {
            return None;
        }
        let start = self.text.len() - after.len();
        let mut problem =
            Problem::new(Code::Syntax, start..self.text.len(), "two statements on one line", format!("begin a new line before `{word}`"))
                .help(format!("put `{}` on a line of its own", after.trim_end()))
                .fix(self.understood..self.text.len(), "");
        problem.next_statement = true;
        Some(problem)
    }

    fn unexpected(&self) -> Problem {
        let found = self.found();
        let wanted = self.wanted();
        let label = if wanted.is_empty() { "not understood".to_owned() } else { format!("expected {wanted}") };
        let problem = Problem::new(Code::Syntax, self.token(), format!("`{found}` is not understood here"), label);
        if self.may_end { problem.fix(self.understood..self.text.len(), "") } else { problem }
    }
}
