//! How a notice is spelt: our own JSON, or what Slack's incoming webhooks take. A published format (`docs/notices.md`).

use super::notice::{AtFault, Notice};
use serde_json::{Value, json};

/// The version of our own JSON: grows when a key changes its meaning or goes away, not when one is added.
pub const SCHEMA: u32 = 1;

/// Whose spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Our own.
    Own,
    /// `{"text": …}`.
    Slack,
}

impl Shape {
    /// The body, one line of JSON.
    pub fn body(self, notice: &Notice) -> String {
        match self {
            Self::Own => own(notice),
            Self::Slack => slack(notice),
        }
        .to_string()
    }
}

fn own(notice: &Notice) -> Value {
    let services: Vec<Value> = notice.services.iter().map(service).collect();
    json!({
        "schema": SCHEMA,
        "event": notice.event.as_str(),
        "what": notice.what,
        "rollout": notice.rollout,
        "app": notice.app,
        "run": notice.run,
        "at_ms": u64::try_from(notice.at.0.as_millis()).unwrap_or(u64::MAX),
        "phase": notice.phase,
        "services": services,
        "live": notice.live,
        "verified": notice.verified,
        "exit": notice.exit,
        "text": notice.text,
        "details": notice.details,
    })
}

fn service(one: &AtFault) -> Value {
    let mut service = json!({ "service": one.service, "what": one.what, "expected": one.expected, "actual": one.actual, "hint": one.hint });
    if let Some(lasting) = &one.lasting {
        service["since"] = lasting.since.as_str().into();
        service["bad"] = lasting.bad.into();
        service["samples"] = lasting.samples.into();
    }
    service
}

fn slack(notice: &Notice) -> Value {
    let whose = match notice.run.as_str() {
        // A watch is of an app, and of no run.
        "" => notice.is_of_a_watch().then(|| notice.app.clone()),
        run => Some(format!("{}, run {run}", notice.app)),
    };
    let lines = [&notice.text].into_iter().chain(&notice.details).chain(&whose);
    let text: Vec<String> = lines.map(|line| escaped(line)).collect();
    json!({ "text": text.join("\n") })
}

/// What Slack would take for a link, a channel or a person, as characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
