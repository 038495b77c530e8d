//! Who is told, made ready: variables resolved, addresses taken apart.

use super::body::Shape;
use crate::model::{Channel, Comparison, Exec, ExecAssertion, HttpOptions, NoticeEvent, Probe, TextPart, Variables};
use crate::probe::{self, PrepareError, Question, Request};
use crate::schedule::Told;
use crate::secrets::Masks;
use crate::source::Spanned;
use std::collections::BTreeSet;

/// Characters that a part of an address has at least when it may be a key.
const KEY: usize = 12;

/// Somebody who can be told.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// For people, without its address.
    pub label: String,
    /// What of.
    pub about: BTreeSet<NoticeEvent>,
    /// How it takes a notice.
    pub shape: Shape,
    /// Where to, and how; the notice itself is still missing.
    pub(super) request: Request,
}

impl Recipient {
    /// Its own secrets, to be masked wherever text is shown.
    pub fn masks(&self) -> &Masks {
        &self.request.masks
    }
}

/// Makes everybody ready who is to be told.
///
/// # Errors
/// Every variable that is not set and every address that cannot be used, with its place.
pub fn prepare(told: &[Told], variables: &dyn Variables) -> Result<Vec<Recipient>, Vec<PrepareError>> {
    let (mut recipients, mut wrong) = (Vec::new(), Vec::new());
    for one in told {
        let shape = if matches!(one.notify.channel, Channel::Slack(_)) { Shape::Slack } else { Shape::Own };
        match probe::prepare(&asked(&one.notify.channel, one.notify.span), variables) {
            Ok(Some(mut request)) => {
                if let Question::Http { request, .. } = &mut request.question {
                    "POST".clone_into(&mut request.method);
                    request.headers.push(("content-type".to_owned(), "application/json".to_owned()));
                }
                if let (Question::Http { request: http, .. }, true) = (&request.question, is_secret(&one.notify.channel)) {
                    keys_in(&http.target.path).for_each(|key| request.masks.add_secret(key));
                }
                let about = one.notify.about.clone();
                recipients.push(Recipient { label: one.text.clone(), about, shape, request });
            }
            Ok(None) => {}
            Err(PrepareError::BadAddress { shown, why, span }) if why.contains("auth basic") => {
                let why = "holds a user name or password, which is not sent with a notice";
                wrong.push(PrepareError::BadAddress { shown, why, span });
            }
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(recipients) } else { Err(wrong) }
}

/// Whether a channel's address is taken from a secret.
fn is_secret(channel: &Channel) -> bool {
    match channel {
        Channel::Webhook(url) | Channel::Slack(url) => url.value.parts.iter().any(|part| matches!(part, TextPart::Secret { .. })),
        Channel::Exec(_) => false,
    }
}

/// What of a path may be a key: all of it, and each part that is as long as one. A server that answers may say them without the rest.
fn keys_in(path: &str) -> impl Iterator<Item = &str> {
    let whole = path.trim_start_matches('/');
    whole.split(['/', '?', '&', '=']).chain([whole]).filter(|part| part.len() >= KEY)
}

/// A channel as something that can be asked: it is asked with a notice.
fn asked(channel: &Channel, span: crate::source::Span) -> Probe {
    match channel {
        Channel::Webhook(url) | Channel::Slack(url) => {
            Probe::Http { url: url.clone(), options: Box::new(HttpOptions::default()), assertions: Vec::new() }
        }
        Channel::Exec(command) => Probe::Exec(Box::new(Exec {
            command: command.clone(),
            environment: Vec::new(),
            assertions: vec![Spanned::new(ExecAssertion::Exit(Comparison::Equal, 0), span)],
            span,
        })),
    }
}
