//! Mistakes in values: strings, durations, numbers and lists of them.

use super::{Problem, Stop};
use crate::diagnostic::Code;
use crate::syntax::build::leading_word;
use crate::syntax::grammar::Rule;
use crate::syntax::spelled;

impl Stop<'_> {
    pub(super) fn duration(&self) -> Option<Problem> {
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
            Rule::certificate => "d",
            Rule::time | Rule::connect | Rule::read if self.token().len() > 2 => "ms",
            Rule::every | Rule::timeout if self.token().len() > 3 => "ms",
            Rule::every | Rule::timeout | Rule::soak | Rule::time | Rule::connect | Rule::read => "s",
            _ => "m",
        }
    }

    pub(super) fn count(&self) -> Option<Problem> {
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

    pub(super) fn status_list(&self) -> Option<Problem> {
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
        if let Some(problem) = self.second_status(in_list) {
            return Some(problem);
        }
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

    /// `status == 200 or 302`: a list, said in words.
    fn second_status(&self, in_list: bool) -> Option<Problem> {
        let rest = self.rest();
        let (joint, rest) = ["or", "||", "|", ","].into_iter().find_map(|joint| Some((joint, rest.strip_prefix(joint)?)))?;
        let operator = self.text[..self.at].find("==").filter(|_| !in_list && self.may_end)?;
        let first = self.text[operator + 2..self.at].trim();
        let second = rest.trim();
        let is_status = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        (is_status(first) && is_status(second)).then(|| {
            let range = self.at..self.at + joint.len();
            let with = format!("in [{first}, {second}]");
            Problem::new(Code::Syntax, range, "`==` compares with one number", "several stand in a list")
                .fix(operator..self.text.len(), with)
        })
    }

    pub(super) fn unclosed_string(&self) -> Option<Problem> {
        let quote = self.rest().chars().next().filter(|next| matches!(next, '"' | '\''))?;
        let curly = self.rest().char_indices().find(|(_, next)| matches!(next, '“' | '”' | '’'));
        if let Some((at, other)) = curly.filter(|_| !self.rest()[1..].contains(quote)) {
            let range = self.at + at..self.at + at + other.len_utf8();
            let message = format!("`{other}` is a typographic quote");
            return Some(Problem::new(Code::Syntax, range.clone(), message, "this quote is not the one on the keyboard").fix(range, quote));
        }
        if self.rest()[1..].contains(quote) || self.expects(Rule::end) {
            return None;
        }
        let message = "a string that is never closed";
        let label = "it begins here, and the line ends without its second quote";
        Some(Problem::new(Code::Syntax, self.at..self.text.len(), message, label).help(format!("add a `{quote}` where it ends")))
    }

    pub(super) fn unquoted(&self) -> Option<Problem> {
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
        let rest = self.rest();
        match self.form.rule {
            Rule::note | Rule::hint => token.end = self.text.len(),
            Rule::project | Rule::environment | Rule::compose if !rest.contains(['"', '\'']) => token.end = self.text.len(),
            Rule::approve if !rest.contains(['"', '\'']) => {
                let ends = [" within ", " else "].iter().filter_map(|word| rest.find(word)).min();
                token.end = self.at + ends.unwrap_or(rest.len());
            }
            _ => {}
        }
        let bare = &self.text[token.clone()];
        let with = if bare.contains('"') { format!("'{}'", bare.replace('\'', "")) } else { format!("\"{bare}\"") };
        let missing = if self.better(token.clone(), &with) { "a string without quotes" } else { "something that is not a string" };
        Some(Problem::new(Code::Syntax, token.clone(), missing, "strings stand in quotes").fix(token, with))
    }

    /// `http://…` and `HOST:PORT`, whose first word was taken for the name of a `let`.
    pub(super) fn bare_address(&self) -> Option<Problem> {
        let rest = self.rest();
        let is_address =
            rest.starts_with("://") || rest.strip_prefix(':').is_some_and(|port| port.starts_with(|first: char| first.is_ascii_digit()));
        if !is_address || self.understood != self.at {
            return None;
        }
        let begins = self.text[..self.at].rfind([' ', '\t', '[', '(', ','])? + 1;
        let ends = rest.find([' ', '\t', ',', ']', ')', '"', '\'']).map_or(self.text.len(), |length| self.at + length);
        let with = format!("\"{}\"", &self.text[begins..ends]);
        let problem = Problem::new(Code::Syntax, begins..ends, "a string without quotes", "strings stand in quotes");
        self.better(begins..ends, &with).then(|| problem.fix(begins..ends, with))
    }

    pub(super) fn typographic_quotes(&self) -> Option<Problem> {
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

    pub(super) fn odd_blank(&self) -> Option<Problem> {
        let blank = self.rest().chars().next().filter(|next| !next.is_ascii() && (next.is_whitespace() || *next == '\u{200b}'))?;
        let range = self.at..self.at + blank.len_utf8();
        let message = "a blank that is not a space";
        Some(Problem::new(Code::Syntax, range.clone(), message, format!("this is U+{:04X}", u32::from(blank))).fix(range, " "))
    }
}
