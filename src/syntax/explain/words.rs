//! Mistakes between values: operators, small words, commas and names.

use super::{Problem, Stop};
use crate::diagnostic::{Code, nearest};
use crate::syntax::build::{leading_word, list};
use crate::syntax::expected::connector;
use crate::syntax::form::BlockUse;
use crate::syntax::grammar::Rule;
use crate::syntax::repair::attempt;

impl Stop<'_> {
    /// `=`, `:` and comparisons that are not the language's.
    pub(super) fn assignment(&self) -> Option<Problem> {
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
                "=" | ":" | ":=" if self.form.rule == Rule::status && self.text[range.end..].trim_start().starts_with('[') => {
                    Some(problem("expected `in` before a list").fix(range.clone(), format!("{blank}in")))
                }
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

    /// `service web:` and `service web (`: another sign where the block is opened.
    pub(super) fn opening(&self) -> Option<Problem> {
        let sign = self.rest().lines().next().unwrap_or_default().trim_end();
        if self.form.block == BlockUse::Never || !self.may_end || !matches!(sign, ":" | "(" | "[" | "=") {
            return None;
        }
        let range = self.at..self.at + sign.len();
        let problem = Problem::new(Code::Syntax, range, format!("`{sign}` opens no block"), "a block is opened by `{`");
        let help = format!("write `{} {{`", &self.text[..self.understood]);
        Some(problem.help(help).fix(self.understood..self.text.len(), ""))
    }

    /// One of a few fixed words: probes and policies.
    pub(super) fn choice(&self) -> Option<Problem> {
        const PROBES: &[&str] = &["http", "tcp", "external", "logs", "container", "postgres", "redis", "server", "build-contexts", "exec"];
        const POLICIES: &[&str] = &["rollback", "stop", "ask"];
        const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        const CHANNELS: &[&str] = &["webhook", "slack", "exec"];
        const ENDS: &[&str] = &["verified", "rolled", "stopped", "degraded", "exit", "phase", "service", "noticed", "unnoticed"];
        let (valid, what) = if self.expects(Rule::k_rolled) && self.expects(Rule::k_unnoticed) {
            (ENDS, "something that a scenario can expect")
        } else if self.expects(Rule::k_slack) {
            (CHANNELS, "a way to be told")
        } else if self.expects(Rule::probe) {
            (PROBES, "something that can be asked")
        } else if self.expects(Rule::policy) {
            (POLICIES, "a policy")
        } else if self.expects(Rule::verb) {
            (METHODS, "a method")
        } else {
            return None;
        };
        let token = self.token();
        let found = &self.text[token.clone()];
        if valid == PROBES && found.starts_with(['"', '\'']) {
            let probe = if found.contains("://") { "http" } else { "tcp" };
            let message = format!("`{}` does not say what to ask", self.form.keyword);
            let label = format!("expected `{probe}` before this");
            return Some(Problem::new(Code::Syntax, token, message, label).fix(self.at..self.at, format!("{probe} ")));
        }
        if valid == CHANNELS && (found.starts_with(['"', '\'', '[']) || found.starts_with("secret(") || found.starts_with("env(")) {
            let channel = if found.starts_with('[') { "exec" } else { "webhook" };
            let message = "`notify` does not say how";
            let label = format!("expected `{channel}` before this");
            return Some(Problem::new(Code::Syntax, token, message, label).fix(self.at..self.at, format!("{channel} ")));
        }
        let word = leading_word(found);
        let problem = |label: String| Problem::new(Code::Syntax, token.clone(), format!("`{found}` is not {what}"), label);
        let near = nearest(word, valid.iter().copied()).or_else(|| (word == "https").then_some("http"));
        if let Some(near) = near.filter(|_| !word.is_empty()) {
            return Some(problem(format!("did you mean `{near}`?")).fix(self.at..self.at + word.len(), near));
        }
        let valid: Vec<String> = valid.iter().map(|word| format!("`{word}`")).collect();
        Some(problem("expected one of a few words".to_owned()).help(format!("it may be {}", list(&valid, "or"))))
    }

    /// A small word that is misspelled, missing or another one.
    pub(super) fn connective(&self) -> Option<Problem> {
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
        // Another word in its place, where the line is whole with it: more likely than one that is missing.
        let whole =
            |word: &&&str| attempt(self.form.rule, &format!("{}{word}{}", &self.text[..token.start], &self.text[token.end..])).is_ok();
        if let Some(other) = words.iter().find(whole) {
            let message = format!("expected `{other}`, found `{found}`");
            return Some(Problem::new(Code::Syntax, token.clone(), message, format!("expected `{other}`")).fix(token, *other));
        }
        let missing = words.iter().find(|word| self.better(self.at..self.at, &format!("{word} ")));
        // `phase after one`: the small word was taken for the name before it.
        if let Some(missing) = missing.filter(|missing| self.text[..self.understood].ends_with(**missing)) {
            let start = self.understood - missing.len();
            let label = format!("expected a name before `{missing}`");
            return Some(Problem::new(Code::Syntax, start..self.understood, "a name is missing", label));
        }
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
    pub(super) fn list_item(&self) -> Option<Problem> {
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
        let names = matches!(self.form.rule, Rule::require | Rule::removes | Rule::needs | Rule::uses | Rule::notify)
            || (self.form.rule == Rule::expect && leading_word(self.text.trim_start_matches("expect").trim_start()) == "external");
        if names && self.expects(Rule::name) && rest.starts_with(['[', '(']) {
            let bare = rest.replace(['[', ']', '(', ')'], "");
            let label = "names stand bare, with commas between them";
            let problem = Problem::new(Code::Syntax, self.at..self.text.len(), "names stand without brackets", label);
            return Some(problem.fix(self.at..self.text.len(), bare.trim()));
        }
        if !names || !self.may_end {
            return None;
        }
        let found = &self.text[token.clone()];
        let (range, with) = match found {
            "and" | "&" | "&&" | "or" | ";" | "|" | "+" => (self.understood..token.end, ","),
            _ if rest.starts_with(|first: char| first.is_ascii_alphabetic() || matches!(first, '_' | '"')) => {
                (self.understood..self.at, ", ")
            }
            _ => return None,
        };
        Some(Problem::new(Code::Syntax, token, "names are separated by commas", "expected `,`").fix(range, with))
    }

    /// A name with characters that only a quoted one may have.
    pub(super) fn name(&self) -> Option<Problem> {
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
}
