//! Compose text as it may be shown and journalled: values that look like secrets are masked. The plan's own secrets are masked where they
//! are read; this is for what somebody wrote into a text.

use super::read::read;
use crate::secrets::{Masks, names_a_secret};
use crate::source::SourceMap;

const MASK: &str = "••••";

/// A line of YAML or of a diff of it, with the value of a telling key and passwords in addresses masked. References (`${X}`) stay.
pub fn masked_line(text: &str) -> String {
    without_passwords(&without_secret_value(text))
}

/// What a compose text holds that must not be shown: values of variables, by the same rule as the app's environment, passwords in addresses,
/// and whatever looks generated, be it in a label, an argument or a comment. A text that cannot be read is searched line by line.
pub fn masks_of(text: &str) -> Masks {
    let mut masks = Masks::default();
    let file = read(SourceMap::default().add("compose.yml", text), text);
    for service in file.iter().flat_map(|file| &file.services) {
        let names = [Some(&service.name), service.image.as_ref(), service.container_name.as_ref()];
        names.into_iter().flatten().for_each(|name| masks.spare(&name.value));
    }
    for variable in file.iter().flat_map(|file| &file.services).flat_map(|service| &service.environment) {
        if let Some(value) = &variable.value {
            add_variable(&mut masks, &variable.name.value, &value.value);
        }
    }
    for line in text.lines() {
        if let Some((_, key, value)) = entry(line) {
            if key == "image" {
                continue;
            }
            // The convention for variables; the other keys of a compose file are small.
            let is_variable = key.len() > 1 && key.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
            if is_variable || names_a_secret(key) {
                add_variable(&mut masks, key, unquoted(value));
            }
        }
        passwords(line).for_each(|(_, password)| masks.add_password(password));
        masks.add_tokens(line);
    }
    masks
}

fn add_variable(masks: &mut Masks, name: &str, value: &str) {
    // What a reference stands for comes from the app's environment and is masked as such.
    if !value.contains('$') && !value.starts_with(['[', '{', '|', '>', '&', '*', '!']) {
        masks.add_variable(name, value);
    }
}

/// A value without its quotes, or without the comment after it.
pub(super) fn unquoted(value: &str) -> &str {
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| Some(rest.split_once(quote)?.0));
    quoted('"')
        .or_else(|| quoted('\''))
        .unwrap_or_else(|| value.split(" #").next().unwrap_or(value).trim_end_matches(['"', '\'', ' ', ',']))
}

/// Where the value of a line's entry begins, its key and its value: `key: value` or `key=value`, also in a list, a difference or quotes.
pub(super) fn entry(text: &str) -> Option<(usize, &str, &str)> {
    let content = text.trim_start_matches(['+', '-', ' ', '"', '\'', '#']);
    let end = content.find([':', '='])?;
    let key = content[..end].trim_end_matches(['"', '\'', ' ']);
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let value = content[end + 1..].trim();
    (is_key && !value.is_empty()).then_some((text.len() - content.len() + end + 1, key, value))
}

fn without_secret_value(text: &str) -> String {
    let Some((kept, key, value)) = entry(text) else { return text.to_owned() };
    if !names_a_secret(key) || value.trim_matches(['"', '\'']).starts_with("${") {
        return text.to_owned();
    }
    let blank = if text[kept..].starts_with(' ') { " " } else { "" };
    format!("{}{blank}{MASK}", &text[..kept])
}

/// `scheme://user:password@host` without the password.
fn without_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut past = 0;
    for (at, password) in passwords(text) {
        if at < past {
            continue;
        }
        shown.push_str(&text[past..at]);
        shown.push_str(MASK);
        past = at + password.len();
    }
    shown.push_str(&text[past..]);
    shown
}

/// The passwords of addresses in a text, with where they begin, in order; references are none.
fn passwords(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices("://").filter_map(|(at, _)| {
        let after = &text[at + 3..];
        // Up to the last `@`, though a slash should end the authority: people do not escape the slashes in their passwords.
        let end = after.find(|char: char| char.is_whitespace() || matches!(char, '"' | '\'')).unwrap_or(after.len());
        let (user, _) = after[..end].rsplit_once('@')?;
        let (name, password) = user.split_once(':')?;
        // Of `a://b://c:d@e` the inner address has the password.
        (!password.starts_with("${") && !password.starts_with("//")).then_some((at + 3 + name.len() + 1, password))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_telling_keys_go() {
        assert_eq!(masked_line("+      POSTGRES_PASSWORD: hunter2"), "+      POSTGRES_PASSWORD: ••••");
        assert_eq!(masked_line("-      - SECRET_KEY=hunter2"), "-      - SECRET_KEY=••••");
        assert_eq!(masked_line("+  \"API_TOKEN\": \"hunter2\""), "+  \"API_TOKEN\": ••••");
    }

    #[test]
    fn a_text_tells_what_to_hide_wherever_it_stands() {
        const GENERATED: [&str; 5] = [
            "k7Qm2ZpX9vRt4WbN6cYdL1sHf8JgT3aE",
            "p3Lw8XcV5bNm1QaZ7sWe2DrF6tGy9HuJ",
            "Zx4Cv7Bn1Mq8Ws3Ed6Rf9Tg2Yh5Uj0Ik",
            "9f8a7c6b5d4e3f2a1b0c9d8e7f6a5b4c",
            "Tr5Ew2Qa9Sd6Fg3Hj0Kl7Zx4Cv1Bn8Mq",
        ];
        let [value, password, label, argument, comment] = GENERATED;
        let text = format!(
            "services:\n  brain-api:\n    image: ghcr.io/x/brain-api:1.2.3\n    environment: {{greeting: hello there, GREETING: {value}}}\n    \
             command: [serve, --with={argument}]\n    labels: [\"a={label}\"]\n    x-u: redis://:{password}@redis:6379/0\n    # {comment}\n"
        );
        for text in [text.clone(), text.replace("services:", "services: [")] {
            let masks = masks_of(&text);
            let shown = masks.apply(&text);
            for secret in GENERATED {
                assert!(!shown.contains(&secret[8..16]), "{secret} in\n{shown}");
            }
            let log = "brain-api:1.2.3 says serve to redis:6379/0 of brain-api";
            assert_eq!(masks.apply(log), log);
        }
        assert_eq!(masks_of(&text).apply("he said hello there"), "he said [$greeting]");
    }

    #[test]
    fn references_and_other_values_stay() {
        for text in [
            "+      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD}",
            " image: nginx:1.29",
            "@@ -1,3 +1,4 @@",
            "-  ports: [\"8000:8000\"]",
            "secrets:",
        ] {
            assert_eq!(masked_line(text), text);
        }
    }

    #[test]
    fn passwords_in_addresses_go() {
        assert_eq!(masked_line("+ DATABASE_URL: postgres://app:hunter2@db:5433/x"), "+ DATABASE_URL: postgres://app:••••@db:5433/x");
        assert_eq!(masked_line("+ U: redis://:hunter2@db/4 and http://h/"), "+ U: redis://:••••@db/4 and http://h/");
        assert_eq!(masked_line("+ U: postgres://app:${PW}@db/x"), "+ U: postgres://app:${PW}@db/x");
        assert_eq!(masked_line("+ U: postgres://app:a@b@db/x"), "+ U: postgres://app:••••@db/x");
        assert_eq!(masked_line("+ U: postgres://app:a/b@db/x"), "+ U: postgres://app:••••@db/x");
    }
}
