//! Sends one notice once: a POST over a connection of its own, redirects not followed, or a command with the notice on its standard input.

use super::post::{Carry, Undelivered};
use super::recipient::Recipient;
use crate::model::duration;
use crate::probe::{self, Asking, Ended, Outcome, Question, safe};
use crate::secrets::Masks;
use std::time::Duration;

/// Characters of a command's complaint that are shown.
const SHOWN: usize = 80;

/// Sends for real.
#[derive(Debug)]
pub struct Mail {
    recipients: Vec<Recipient>,
    asking: Asking,
}

impl Mail {
    /// Sends to these, with these routes and certificates; commands are run in the folder of `asking`.
    pub fn new(recipients: Vec<Recipient>, asking: Asking) -> Self {
        Self { recipients, asking }
    }
}

impl Carry for Mail {
    async fn carry(&self, recipient: usize, body: &str, limit: Duration) -> Result<(), Undelivered> {
        let recipient = &self.recipients[recipient];
        let mut request = recipient.request.clone();
        match &mut request.question {
            Question::Http { request, .. } => body.as_bytes().clone_into(&mut request.body),
            Question::Exec { target, .. } => target.input = Some(body.as_bytes().to_owned()),
            _ => {}
        }
        let outcome = probe::ask(&request, &self.asking, limit).await;
        delivered(&outcome, &request.masks).map_err(|undelivered| {
            // An address is as good as a key.
            let host = request.question.address().map_or("", |(host, _)| host);
            Undelivered { why: safe(&without(host, &undelivered.why), 2 * SHOWN), ..undelivered }
        })
    }
}

/// A text that names a host, without it.
fn without(host: &str, text: &str) -> String {
    let of_a_name = |char: char| char.is_alphanumeric() || matches!(char, '.' | '-' | '_');
    let (mut shown, mut from) = (String::new(), 0);
    let found = text.match_indices(host).filter(|(at, _)| {
        !host.is_empty()
            && !text[..*at].ends_with(of_a_name)
            && !text[at + host.len()..].starts_with(|char: char| char.is_alphanumeric() || char == '-')
    });
    for (at, _) in found {
        shown.push_str(&text[from..at]);
        shown.push_str("its host");
        from = at + host.len();
    }
    shown + &text[from..]
}

/// Whether a notice was taken. Of what a server answers only the status counts, and is shown: its words could be our own address.
fn delivered(outcome: &Outcome, masks: &Masks) -> Result<(), Undelivered> {
    let again = |why: String| Err(Undelivered { why, is_final: false });
    let never = |why: String| Err(Undelivered { why, is_final: true });
    let by_status = |status: u16| match status {
        200..=299 => Ok(()),
        408 | 429 | 500.. => again(format!("HTTP {status}")),
        300..=399 => never(format!("HTTP {status}, a redirect, which is not followed")),
        _ => never(format!("HTTP {status}")),
    };
    match outcome {
        Outcome::Answered(answer) => by_status(answer.status),
        // What comes after the status does not matter.
        Outcome::NoAnswer { status: Some(status), .. } => by_status(*status),
        Outcome::NoAnswer { within, status: None } => again(format!("no answer within {}", duration(*within))),
        Outcome::Refused => again("the connection was refused".to_owned()),
        Outcome::Reset => again("the connection was reset".to_owned()),
        Outcome::Closed | Outcome::ShownTheDoor => again("the connection was closed before an answer".to_owned()),
        Outcome::Garbage(what) => again(masks.apply(what)),
        Outcome::Ended(ended) if ended.code == Some(0) => Ok(()),
        Outcome::Ended(ended) => again(complaint(ended, masks)),
        Outcome::StillRunning { after } => again(format!("still running after {}, and ended", duration(*after))),
        Outcome::CouldNotAsk(why) => again(masks.apply(why)),
        Outcome::Found(_) | Outcome::Sources(_) | Outcome::Said(_) | Outcome::Connected | Outcome::SaidNo(_) => {
            again("an answer of another kind".to_owned())
        }
    }
}

/// `exit 3 (stderr: …)`
fn complaint(ended: &Ended, masks: &Masks) -> String {
    let how = match (ended.code, ended.signal) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    };
    match safe(&masks.apply(&String::from_utf8_lossy(&ended.stderr)), SHOWN) {
        said if said.is_empty() => how,
        said => format!("{how} (stderr: {said})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::HttpAnswer;

    #[test]
    fn a_host_is_not_shown_and_other_words_are() {
        assert_eq!(without("hooks.example", "the name hooks.example cannot be resolved: no"), "the name its host cannot be resolved: no");
        assert_eq!(without("a", "a name that a has. a"), "its host name that its host has. its host");
        assert_eq!(without("example", "hooks.example and example-2, (example)."), "hooks.example and example-2, (its host).");
        assert_eq!(without("", "nothing"), "nothing");
    }

    #[test]
    fn what_can_pass_is_tried_again_and_what_cannot_is_not() {
        let status = |status| {
            let answer = HttpAnswer { status, body: b"the address is /secret".to_vec(), ..HttpAnswer::default() };
            delivered(&Outcome::Answered(Box::new(answer)), &Masks::default())
        };
        for taken in [200, 201, 204] {
            assert_eq!(status(taken), Ok(()), "{taken}");
        }
        for (refused, is_final) in
            [(302, true), (400, true), (401, true), (404, true), (410, true), (408, false), (429, false), (500, false), (503, false)]
        {
            let undelivered = status(refused).unwrap_err();
            assert_eq!(undelivered.is_final, is_final, "{refused}");
            assert!(!undelivered.why.contains("secret"), "{undelivered:?}");
        }
        let within = Duration::from_secs(5);
        assert_eq!(delivered(&Outcome::NoAnswer { within, status: Some(200) }, &Masks::default()), Ok(()), "a body that drips is nobody's");
    }
}
