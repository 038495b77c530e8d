//! What looks like a generated secret: a run of characters whose kinds change more often than in any word, name, version or path.

/// What is shorter is too easily a word, a tag or a version.
const SHORTEST: usize = 12;
/// As many consonants in a row no word has.
const CONSONANTS: usize = 6;
/// A word is no longer than this.
const LONGEST_WORD: usize = 20;
/// Digits in a row that are no port, size, date or time in nanoseconds.
const DIGITS: usize = 20;

/// Signs that stand inside of UUIDs and tokens.
const JOINTS: &str = "+-_";

/// The runs of a text that look generated, in order. A digest after `sha256:` and a commit after `#` or `@` are none: they name images and
/// sources, and hide nothing.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let jumbled = runs(text, |char| !char.is_whitespace() && !"\"'`=:,;/@()[]{}<>".contains(char)).filter(|(_, run)| is_jumble(run));
    let joined = runs(text, |char| char.is_ascii_alphanumeric() || JOINTS.contains(char)).filter(|(_, run)| is_joined(run));
    let alone = runs(text, |char| char.is_ascii_alphanumeric()).filter(|(_, run)| is_random(run));
    jumbled.chain(joined).chain(alone).filter(|(at, run)| !is_digest(&text[..*at], run)).map(|(_, run)| run)
}

/// Whether one value, taken as a whole, looks generated. An address never does: what is generated in it is a part of it.
pub(super) fn looks_random(value: &str) -> bool {
    !value.contains("://") && (is_random(value) || is_joined(value) || is_jumble(value))
}

/// Whether this is one word, written small, large or with a capital.
pub(super) fn is_word(text: &str) -> bool {
    let rest = text.get(1..).unwrap_or_default();
    text.len() <= LONGEST_WORD
        && text.bytes().all(|byte| byte.is_ascii_alphabetic())
        && (rest.bytes().all(|byte| byte.is_ascii_lowercase()) || text.bytes().all(|byte| byte.is_ascii_uppercase()))
        && consonants(text) < CONSONANTS
}

/// The longest runs of such characters, with where they begin.
fn runs(text: &str, is_part: impl Fn(char) -> bool) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(&is_part)?;
        let length = text[start..].find(|char| !is_part(char)).unwrap_or(text.len() - start);
        at = start + length;
        Some((start, &text[start..at]))
    })
}

fn is_digest(before: &str, run: &str) -> bool {
    let is_hex = run.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex && (run.len() == 64 && before.ends_with("sha256:") || run.len() == 40 && before.ends_with(['#', '@']))
}

/// Letters and digits only.
fn is_random(run: &str) -> bool {
    let length = run.len();
    if length < SHORTEST || !run.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let changes = Changes::of(run);
    let mixes = changes.digits >= 3 && (changes.digits + changes.cases) * 12 >= length;
    // `DjangoSettingsModule` changes as often, but into words.
    let stutters = changes.cases >= 4 && in_words(run) * 10 < length * 7;
    let babbles = run.bytes().all(|byte| byte.is_ascii_alphabetic()) && consonants(run) >= CONSONANTS;
    let counts = length >= DIGITS && run.bytes().all(|byte| byte.is_ascii_digit());
    mixes || stutters || babbles || counts
}

/// With signs between, as a UUID has them: enough changes beside them.
fn is_joined(run: &str) -> bool {
    let characters = run.bytes().filter(u8::is_ascii_alphanumeric).count();
    let changes = Changes::of(run);
    let signs = run.chars().all(|char| char.is_ascii_alphanumeric() || JOINTS.contains(char));
    let telling = run.split(|char: char| !char.is_ascii_alphanumeric()).any(|part| part.len() >= 6 && Changes::of(part).digits >= 2);
    signs && characters >= SHORTEST && telling && changes.digits >= 4 && (changes.digits + changes.cases) * 5 >= characters
}

/// With any sign between: every kind of character, changing all the time. A reference to a variable is none.
fn is_jumble(run: &str) -> bool {
    let count = |is: fn(&char) -> bool| run.chars().filter(is).count();
    let all = run.chars().count();
    let kind = |char: char| match char {
        'a'..='z' => 0,
        'A'..='Z' => 1,
        '0'..='9' => 2,
        _ => 3,
    };
    let changes = run.chars().zip(run.chars().skip(1)).filter(|(one, next)| kind(*one) != kind(*next)).count();
    all >= 16
        && !run.contains("${")
        && count(char::is_ascii_lowercase) >= 3
        && count(char::is_ascii_uppercase) >= 3
        && count(char::is_ascii_digit) >= 1
        && changes * 2 >= all
}

/// Neighbours of different kinds, signs left aside.
struct Changes {
    /// A letter and a digit.
    digits: usize,
    /// A small letter and a capital.
    cases: usize,
}

impl Changes {
    fn of(run: &str) -> Self {
        let mut changes = Self { digits: 0, cases: 0 };
        for pair in run.as_bytes().windows(2).filter(|pair| pair.iter().all(u8::is_ascii_alphanumeric)) {
            if pair[0].is_ascii_digit() != pair[1].is_ascii_digit() {
                changes.digits += 1;
            } else if pair[0].is_ascii_lowercase() != pair[1].is_ascii_lowercase() && !pair[0].is_ascii_digit() {
                changes.cases += 1;
            }
        }
        changes
    }
}

/// How many characters stand in three small letters in a row, or more.
fn in_words(text: &str) -> usize {
    text.split(|char: char| !char.is_ascii_lowercase()).map(str::len).filter(|length| *length >= 3).sum()
}

/// The longest row of consonants.
fn consonants(text: &str) -> usize {
    text.split(|char: char| "aeiouyAEIOUY".contains(char) || !char.is_ascii_alphabetic()).map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        tokens(text).collect()
    }

    #[test]
    fn generated_secrets_are_found_wherever_they_stand() {
        for secret in [
            "k7Qm2ZpX9vRt4WbN6cYdL1sHf8JgT3aE",
            "9f8a7c6b5d4e3f2a1b0c9d8e7f6a5b4c",
            "550e8400-e29b-41d4-a716-446655440000",
            "xoxb-2f9KqLm81Zr-77TyWcVb3N",
            "AKfyQbNeRtGhUiOpLsDfXcVbMw",
            "hkqzxwvbnmtrplkjgfds",
        ] {
            for text in [
                format!("      LABEL: {secret}"),
                format!("# was {secret}, remove it"),
                format!("command: [\"serve\", \"--with={secret}\"]"),
                format!("x: redis://:{secret}@db:6379/0"),
            ] {
                assert!(tokens(&text).any(|token| token.contains(secret) || secret.contains(token)), "{text}: {:?}", found(&text));
            }
        }
        let jumble = "aB3$dE%fG5&hJ7*kL9!mN2~pQ4#rS6^t";
        assert_eq!(found(&format!("note: {jumble}")), [jumble]);
    }

    #[test]
    fn names_versions_paths_and_digests_are_left_alone() {
        let digest = "9f8a7c6b5d4e3f2a1b0c9d8e7f6a5b4c".repeat(2);
        for text in [
            "image: ghcr.io/saleor/saleor:3.20.98-alpine3.19",
            "container_name: bizosaas-temporal-integration-staging",
            "DJANGO_SETTINGS_MODULE: djangoProject.settings.ProductionConfiguration",
            "test: [\"CMD-SHELL\", \"curl -f http://localhost:8000/health/?format=json || exit 1\"]",
            "ports: [\"127.0.0.1:15432:5432/tcp\"]",
            "/usr/local/lib/python3.11/site-packages/uvicorn/main.py",
            "DATABASE_URL: postgresql://app:${DB_PASSWORD:-postgres}@postgres-16:5432/saleor_staging",
            "# plan run=20261123-164501-k3f9 phase=core verified=no",
            "class: org.springframework.boot.SpringApplicationAdminJmxAutoConfiguration",
            "linux-x86_64-gnu-node20-ubuntu22.04-py311",
            "2026-11-23T16:45:01.123456789Z level=info",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
        assert_eq!(found(&format!("# files=sha256:{digest}")), [""; 0]);
        assert_eq!(found(&format!("context: https://git.example/r.git#{}:dir", &digest[..40])), [""; 0]);
        assert!(!found(&format!("SALT: {}", &digest[..40])).is_empty(), "alone it may be anything");
    }

    #[test]
    fn thirty_two_characters_drawn_at_random_are_found() {
        let mut state = 1_u64;
        let mut draw = |alphabet: &[u8]| -> String {
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(state >> 33).unwrap()
            };
            (0..32).map(|_| char::from(alphabet[next() % alphabet.len()])).collect()
        };
        let mixed: Vec<u8> = (b'a'..=b'z').chain(b'A'..=b'Z').chain(b'0'..=b'9').collect();
        for alphabet in [&*mixed, b"0123456789abcdef"] {
            // One in a hundred thousand looks like words.
            let missed = (0..20_000).filter(|_| !is_random(&draw(alphabet))).count();
            assert!(missed <= 2, "{missed}");
        }
    }

    #[test]
    fn words_are_words() {
        for word in ["production", "INFO", "Warning", "postgres", "a"] {
            assert!(is_word(word), "{word}");
        }
        for other in ["hunter2", "camelCase", "two words", "x-y", "qwrtpsdfg", "abcdefghijklmnopqrstuvwxyz"] {
            assert!(!is_word(other), "{other}");
        }
    }
}
