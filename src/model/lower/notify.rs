//! `notify`: who is told, and of what.

use super::once::given_twice;
use super::{Lowering, address};
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::model::{Channel, NoticeEvent, Notify, Text, TextPart};
use crate::source::{Span, Spanned};
use crate::syntax::{self, Head, Name, TextExpr};
use std::collections::BTreeMap;

impl Lowering<'_> {
    /// Every `notify` of the plan that was understood.
    pub(super) fn notifies(&mut self) -> Vec<Notify> {
        let mut notifies = Vec::new();
        let mut told: BTreeMap<String, Span> = BTreeMap::new();
        for statement in &self.ast.statements {
            let Head::Notify { channel, about } = &statement.head else { continue };
            let about = match about {
                None => NoticeEvent::DEFAULT.into(),
                Some(names) => self.events(names),
            };
            let Some(channel) = self.channel(channel) else { continue };
            if let Some(first) = told.get(&identity(&channel)) {
                let mut problem = given_twice("notify", statement.span, *first);
                "the same one is told twice".clone_into(&mut problem.message);
                self.problems.push(problem.help("name all events after one `about`"));
                continue;
            }
            told.insert(identity(&channel), statement.span);
            notifies.push(Notify { channel, about, span: statement.span });
        }
        notifies
    }

    fn channel(&mut self, channel: &syntax::Channel) -> Option<Channel> {
        Some(match channel {
            syntax::Channel::Webhook(url) => Channel::Webhook(self.webhook(url)?),
            syntax::Channel::Slack(url) => {
                let url = self.webhook(url)?;
                if url.value.parts.iter().all(|part| matches!(part, TextPart::Literal(_))) {
                    let message = "the address of the Slack webhook stands in the plan";
                    let problem = Diagnostic::new(Code::LiteralSecret, message, url.span, "whoever reads the plan can post there");
                    self.problems
                        .push(problem.help("write `notify slack secret(\"SLACK_WEBHOOK\")`, and make a new one: this may be known"));
                }
                Channel::Slack(url)
            }
            syntax::Channel::Exec(words) => {
                let instead =
                    |_: &str| "let the command read it from a file; it has PATH, HOME and the notice on its standard input".to_owned();
                Channel::Exec(self.command(words, "notify", instead)?)
            }
        })
    }

    /// The address of a webhook. `None` if it was not understood.
    fn webhook(&mut self, url: &TextExpr) -> Option<Spanned<Text>> {
        let text = Spanned::new(self.text(url)?, url.span);
        address::http(&text, &mut self.problems);
        Some(text)
    }

    /// What stands after `about`.
    fn events(&mut self, names: &[Name]) -> std::collections::BTreeSet<NoticeEvent> {
        let mut about: BTreeMap<NoticeEvent, Span> = BTreeMap::new();
        for name in names {
            let Some(event) = self.event(name) else { continue };
            match about.get(&event) {
                None => {
                    about.insert(event, name.span);
                }
                Some(first) => self.problems.push(given_twice(event.as_str(), name.span, *first)),
            }
        }
        about.into_keys().collect()
    }

    fn event(&mut self, name: &Name) -> Option<NoticeEvent> {
        let known = NoticeEvent::of(&name.value);
        if known.is_some() {
            return known;
        }
        let synonym = match name.value.to_lowercase().as_str() {
            "success" | "finish" | "finished" | "done" | "stop" => Some("end"),
            "error" | "errors" | "failed" => Some("failure"),
            "begin" | "started" => Some("start"),
            "gate" | "question" => Some("approval"),
            _ => None,
        };
        let near = nearest(&name.value, NoticeEvent::ALL.map(NoticeEvent::as_str)).or(synonym);
        let problem =
            |label: String| Diagnostic::new(Code::UnknownName, format!("no event is called \"{}\"", name.value), name.span, label);
        self.problems.push(match near {
            Some(near) => problem(format!("did you mean \"{near}\"?")).help(format!("write `{near}`")),
            None => problem("not an event".to_owned()).help(format!("events: {}", NoticeEvent::ALL.map(NoticeEvent::as_str).join(", "))),
        });
        near.and_then(NoticeEvent::of)
    }
}

/// What makes two of them the same.
fn identity(channel: &Channel) -> String {
    match channel {
        Channel::Webhook(url) => format!("webhook {:?}", url.value.parts),
        Channel::Slack(url) => format!("slack {:?}", url.value.parts),
        Channel::Exec(words) => format!("exec {:?}", words.iter().map(|word| &word.value.parts).collect::<Vec<_>>()),
    }
}
