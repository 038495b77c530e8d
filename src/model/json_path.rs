//! Paths into JSON that name one value: `$.checks.db`, `$.items[0]`, `$['content-type']`.

use serde_json::Value;
use std::fmt;

/// A path that leads to one value, or to none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    written: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    /// Negative numbers count from the end.
    Element(i64),
}

impl JsonPath {
    /// Reads a path, as far as RFC 9535 has ones that name a single value.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence, and what to write instead where that can be told.
    pub fn new(written: &str) -> Result<Self, (&'static str, Option<String>)> {
        let Some(mut rest) = written.strip_prefix('$') else {
            let instead = if written.starts_with(['.', '[']) { format!("${written}") } else { format!("$.{written}") };
            return Err(("a path begins with `$`", Self::new(&instead).ok().map(|_| instead)));
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = if let Some(inside) = rest.strip_prefix('[') {
                bracketed(inside)?
            } else if rest.starts_with("..") {
                return Err(("`..` finds many values, and a path names one", None));
            } else if let Some(name) = rest.strip_prefix('.') {
                let end = name.find(['.', '[']).unwrap_or(name.len());
                match &name[..end] {
                    "" => return Err(("a name is missing after a `.`", None)),
                    "*" => return Err(("`*` finds many values, and a path names one", None)),
                    odd if odd.contains(|next: char| next.is_ascii() && !next.is_ascii_alphanumeric() && next != '_') => {
                        return Err(("a name with other signs than letters, digits and `_` is written `['name']`", None));
                    }
                    plain => (Step::Member(plain.to_owned()), &name[end..]),
                }
            } else {
                return Err(("a `.` or `[` is missing between its parts", None));
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self { written: written.to_owned(), steps })
    }

    /// The value that it leads to.
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(value, |value, step| match step {
            Step::Member(name) => value.as_object()?.get(name),
            Step::Element(at) => {
                let list = value.as_array()?;
                let at =
                    if *at < 0 { list.len().checked_sub(usize::try_from(at.unsigned_abs()).ok()?)? } else { usize::try_from(*at).ok()? };
                list.get(at)
            }
        })
    }
}

/// What stands in brackets, and what follows them.
fn bracketed(inside: &str) -> Result<(Step, &str), (&'static str, Option<String>)> {
    const UNCLOSED: (&str, Option<String>) = ("a `[` is never closed", None);
    if let Some(quote) = inside.chars().next().filter(|first| matches!(first, '\'' | '"')) {
        let (name, after) = inside[1..].split_once(quote).ok_or(UNCLOSED)?;
        let after = after.strip_prefix(']').ok_or(UNCLOSED)?;
        return Ok((Step::Member(name.to_owned()), after));
    }
    let (index, after) = inside.split_once(']').ok_or(UNCLOSED)?;
    match index.parse() {
        Ok(at) => Ok((Step::Element(at), after)),
        Err(_) if index.contains(['*', '?', ':', ',']) => Err(("this finds many values, and a path names one", None)),
        Err(_) => Err(("in brackets stands a whole number, or a name in quotes", None)),
    }
}

/// As the plan writes it.
impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_one_value_or_none() {
        let value = json!({"a": {"b-c": [1, {"d": null}, "x"]}, "": 7, "é": 8});
        let find = |path: &str| JsonPath::new(path).expect(path).find(&value).cloned();
        assert_eq!(find("$"), Some(value.clone()));
        assert_eq!(find("$.a['b-c'][0]"), Some(json!(1)));
        assert_eq!(find("$.a[\"b-c\"][1].d"), Some(json!(null)));
        assert_eq!(find("$['a']['b-c'][-1]"), Some(json!("x")));
        assert_eq!(find("$['']"), Some(json!(7)));
        assert_eq!(find("$.é"), Some(json!(8)));
        for missing in ["$.b", "$.a.d", "$.a['b-c'][3]", "$.a['b-c'][-4]", "$.a[0]", "$[0]", "$.a['b-c'].length"] {
            assert_eq!(find(missing), None, "{missing}");
        }
    }

    #[test]
    fn what_names_no_single_value_is_refused() {
        for path in
            ["", "$.", "$a", "$..a", "$.*", "$[*]", "$[0:2]", "$[?@.a]", "$['a'", "$['a]", "$[a]", "$.b-c", "$.a b", "$[1", "$.a..b"]
        {
            assert!(JsonPath::new(path).is_err(), "{path}");
        }
        assert_eq!(JsonPath::new("status").unwrap_err().1.as_deref(), Some("$.status"));
        assert_eq!(JsonPath::new(".a[0]").unwrap_err().1.as_deref(), Some("$.a[0]"));
    }
}
