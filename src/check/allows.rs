//! `allow WORD "reason"` in a service silences one kind of warning about it; an `allow` that silences nothing is a warning itself.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::model::{Allow, Allowed, Plan};
use crate::source::Span;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What a plan allows, and what of it was needed so far.
pub(super) struct Allows<'a> {
    by_service: BTreeMap<&'a str, &'a [Allow]>,
    needed: RefCell<BTreeSet<Span>>,
}

impl<'a> Allows<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        let by_service = plan.services.iter().map(|service| (service.name.value.as_str(), service.allows.as_slice())).collect();
        Self { by_service, needed: RefCell::default() }
    }

    /// Whether a warning of this kind about a service is meant. Asked only when there is one: the `allow` is needed then.
    pub(super) fn permit(&self, service: &str, word: Allowed) -> bool {
        let allow = self.by_service.get(service).and_then(|allows| allows.iter().find(|allow| allow.word == word));
        allow.is_some_and(|allow| {
            self.needed.borrow_mut().insert(allow.span);
            true
        })
    }

    /// How a warning is silenced, for the end of its help.
    pub(super) fn way(&self, service: &str, word: Allowed) -> String {
        if self.by_service.contains_key(service) {
            format!("if it is meant, write `allow {word} \"reason\"` in its block")
        } else {
            format!("if it is meant, add `service {service} {{ allow {word} \"reason\" }}` to the plan")
        }
    }
}

/// After all other rules. An error may keep them from looking, so nothing is concluded beside one.
pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let sound = context.complete() && context.is_ordered() && found.iter().all(|one| one.severity() != Severity::Error);
    if !sound {
        return;
    }
    let needed = context.allows.needed.borrow();
    for service in &context.plan.services {
        for allow in service.allows.iter().filter(|allow| !needed.contains(&allow.span)) {
            let message = format!("service \"{}\" allows `{}`, and nothing here needs it", service.name.value, allow.word);
            found.push(Diagnostic::new(Code::NeedlessAllow, message, allow.span, "there is no such warning").help("remove it"));
        }
    }
}
