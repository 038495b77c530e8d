//! A probe of this machine beside a Dokploy that runs on another would verify the wrong machine. Only what the plan
//! says literally counts: an address from the environment may turn out either way.

use super::context::Context;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Text, TextPart};
use std::net::IpAddr;

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let plan = context.plan;
    let Some(dokploy) = host(&plan.dokploy.url.value).filter(|host| !is_loopback(host)) else { return };
    let mut astray = plan
        .expectations()
        .filter_map(|expectation| expectation.probe.address())
        .filter(|address| host(&address.value).is_some_and(|host| is_loopback(&host)));
    let Some(first) = astray.next() else { return };
    let more = match astray.count() {
        0 => String::new(),
        1 => ", as does 1 more".to_owned(),
        more => format!(", as do {more} more"),
    };
    let message = format!("this probe asks the machine that `plan` runs on, while Dokploy runs on {dokploy}");
    found.push(
        Diagnostic::new(Code::LoopbackProbe, message, first.span, format!("asks this machine{more}"))
            .label(plan.dokploy.url.span, "deploys there")
            .help(format!("probe {dokploy}, or take the host from the environment: `let host = env(\"STAGING_HOST\")`")),
    );
}

/// The host of a URL or `HOST:PORT`, when the text is literal as far as the host goes.
fn host(text: &Text) -> Option<String> {
    let literal = match text.parts.first()? {
        TextPart::Literal(literal) => literal,
        TextPart::Env { .. } | TextPart::Secret { .. } => return None,
    };
    let rest = literal.split_once("://").map_or(literal.as_str(), |(_, rest)| rest);
    let end = rest.find(['/', '?', '#']);
    // Without an end inside the literal, what follows may still belong to the host; a colon ends it in any case.
    let authority = &rest[..end.unwrap_or(rest.len())];
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let whole = end.is_some() || text.parts.len() == 1;
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map(|(host, _)| host)?,
        None => match authority.split_once(':') {
            Some((host, _)) => host,
            None if whole => authority,
            None => return None,
        },
    };
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_of(parts: Vec<TextPart>) -> Option<String> {
        host(&Text { parts })
    }

    #[test]
    fn only_literal_hosts_are_known() {
        let literal = |text: &str| TextPart::Literal(text.to_owned());
        let env = || TextPart::Env { name: "H".to_owned(), default: Some("127.0.0.1".to_owned()) };
        assert_eq!(host_of(vec![literal("http://localhost:80/x")]).as_deref(), Some("localhost"));
        assert_eq!(host_of(vec![literal("https://user@Dk.example")]).as_deref(), Some("dk.example"));
        assert_eq!(host_of(vec![literal("http://[::1]:80")]).as_deref(), Some("::1"));
        assert_eq!(host_of(vec![literal("127.0.0.1:"), env()]).as_deref(), Some("127.0.0.1"));
        assert_eq!(host_of(vec![literal("http://"), env(), literal(":80/")]), None);
        assert_eq!(host_of(vec![literal("http://dk."), env()]), None);
        assert_eq!(host_of(vec![env()]), None);
    }

    #[test]
    fn loopback_in_every_spelling() {
        for host in ["localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["192.0.2.1", "dk.example", "localhost.example", "0.0.0.0"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
