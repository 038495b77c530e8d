//! Compose text as it may be shown and journalled: values that look like secrets are masked. The plan's own secrets are masked where they
//! are read; this is for what somebody wrote into a text.

const MASK: &str = "••••";

/// A line of YAML or of a diff of it, with the value of a telling key and passwords in addresses masked. References (`${X}`) stay.
pub fn masked_line(text: &str) -> String {
    without_passwords(&without_secret_value(text))
}

fn without_secret_value(text: &str) -> String {
    let content = text.trim_start_matches(['+', '-', ' ', '"', '\'']);
    let Some(end) = content.find([':', '=']) else { return text.to_owned() };
    let key = content[..end].trim_end_matches(['"', '\'', ' ']);
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let value = content[end + 1..].trim();
    if !is_key || !names_a_secret(key) || value.is_empty() || value.trim_matches(['"', '\'']).starts_with("${") {
        return text.to_owned();
    }
    let kept = text.len() - content.len() + end + 1;
    let blank = if content[end + 1..].starts_with(' ') { " " } else { "" };
    format!("{}{blank}{MASK}", &text[..kept])
}

fn names_a_secret(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "API_KEY", "API-KEY", "PRIVATE_KEY", "ACCESS_KEY", "CREDENTIAL"]
        .iter()
        .any(|word| key.contains(word))
        || ["_KEY", "_PASS", "_PW", "_DSN"].iter().any(|end| key.ends_with(end))
}

/// `scheme://user:password@host` without the password.
fn without_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        // Up to the last `@`, though a slash should end the authority: people do not escape the slashes in their passwords.
        let end = after.find(|char: char| char.is_whitespace() || matches!(char, '"' | '\'')).unwrap_or(after.len());
        let authority = &after[..end];
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?, host))) {
            Some(((user, password), host)) if !password.starts_with("${") => {
                shown.push_str(user);
                shown.push(':');
                shown.push_str(MASK);
                shown.push('@');
                shown.push_str(host);
            }
            _ => shown.push_str(authority),
        }
        rest = &after[end..];
    }
    shown.push_str(rest);
    shown
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
