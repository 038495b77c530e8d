//! A server's error text, made fit to be shown: one line, bounded, without the shell command that it may hold.

use serde_json::{Map, Value};

/// Characters of a message at most. What is shown is cut shorter, once secrets are masked in it.
const LONGEST: usize = 4_000;

/// What precedes the shell command in the message of a failed one (FACTS §2).
const COMMAND: &str = "Command failed:";

/// The text of an error body, one line. Validation errors name the fields.
pub(super) fn of_error(body: &Map<String, Value>) -> String {
    let message = body.get("message").and_then(Value::as_str).unwrap_or("");
    let fields: Vec<String> = body
        .get("data")
        .and_then(|data| data.pointer("/zodError/fieldErrors"))
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(field, errors)| match errors.get(0).and_then(Value::as_str) {
            Some(error) => format!("{field}: {error}"),
            None => field.clone(),
        })
        .collect();
    let line = one_line(message);
    if fields.is_empty() { line } else { bounded(&format!("{line}: {}", fields.join("; "))) }
}

/// One line of a message. Of a failed command only what it printed last is kept: the command itself may hold whole files.
pub(super) fn one_line(message: &str) -> String {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or("no message");
    let line = match first.split_once(COMMAND) {
        Some((before, _)) => match lines.next_back() {
            Some(printed) => format!("{before}{printed}"),
            None => format!("{before}a command failed"),
        },
        None => first.to_owned(),
    };
    bounded(&line)
}

fn bounded(line: &str) -> String {
    let mut shown: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    if line.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn the_command_of_a_failed_one_is_dropped() {
        let message = "Command execution failed: Command failed: env -i PATH=\"$PATH\" docker compose -p web stop\n\
                       Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?\n";
        assert_eq!(
            one_line(message),
            "Command execution failed: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
        );
        assert_eq!(one_line("Command failed: echo c2VjcmV0 | base64 -d"), "a command failed");
    }

    #[test]
    fn the_parameters_of_a_failed_query_are_not_shown() {
        assert_eq!(
            one_line("Failed query: update \"compose\" set \"env\" = $1\nparams: KEY=hunter2"),
            "Failed query: update \"compose\" set \"env\" = $1"
        );
    }

    #[test]
    fn a_message_is_one_bounded_line() {
        assert_eq!(one_line(""), "no message");
        assert_eq!(one_line(&"é".repeat(10_000)).chars().count(), 4_001);
        assert!(!one_line("a\u{1b}[31mb").contains('\u{1b}'));
    }
}
