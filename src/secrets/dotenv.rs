//! Dotenv text, as Dokploy reads an app's environment (FACTS §5).

/// Names and values, in the order written. A later line of the same name comes later.
pub(crate) fn entries(text: &str) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim();
        if name.is_empty() || name.starts_with('#') || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
            continue;
        }
        let value = value.trim();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
        let value = match quote {
            Some(quote) => {
                // A quoted value may go on over lines.
                let opened = value[1..].to_owned() + if after.is_empty() { "" } else { "\n" } + after;
                match closing(&opened, quote) {
                    Some(end) => {
                        let inside = opened[..end].to_owned();
                        rest = nth_line(after, inside.matches('\n').count());
                        if quote == '"' { unescaped(&inside) } else { inside }
                    }
                    None => value.to_owned(),
                }
            }
            None => value.split('#').next().unwrap_or("").trim_end().to_owned(),
        };
        entries.push((name.to_owned(), value));
    }
    entries
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

fn nth_line(text: &str, skipped: usize) -> &str {
    (0..skipped).fold(text, |rest, _| rest.split_once('\n').map_or("", |(_, after)| after))
}

fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\r", "\r").replace("\\\"", "\"").replace("\\$", "$")
}

#[cfg(test)]
mod tests {
    use super::entries;
    use proptest::prelude::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        entries(text)
    }

    #[test]
    fn reads_what_dokploy_reads() {
        let text = "# comment\nA=1\nexport B = two words # rest\nC=\"a # b\\nc\"\nD='x=y'\nE=\n\nnot a line\nJ=a#b\n";
        let read = pairs(text);
        let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read, [("A", "1"), ("B", "two words"), ("C", "a # b\nc"), ("D", "x=y"), ("E", ""), ("J", "a")]);
    }

    #[test]
    fn a_quoted_value_may_span_lines() {
        assert_eq!(pairs("K=\"one\ntwo\"\nL=3"), [("K".to_owned(), "one\ntwo".to_owned()), ("L".to_owned(), "3".to_owned())]);
        assert_eq!(pairs("K=\"open\nL=3"), [("K".to_owned(), "\"open".to_owned()), ("L".to_owned(), "3".to_owned())]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[A-C=\"'#\\\\\n é]{0,40}") {
            entries(&text);
        }
    }
}
