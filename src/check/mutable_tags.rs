//! An image's tag that moves: what a phase deploys then depends on the day, and going back does not bring back what ran before.

use super::context::{Context, is_started};
use crate::compose::with_defaults;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Allowed;
use std::collections::BTreeSet;

/// Words of tags that move.
const MOVING: [&str; 31] = [
    "latest",
    "main",
    "master",
    "trunk",
    "head",
    "stable",
    "edge",
    "nightly",
    "dev",
    "develop",
    "development",
    "next",
    "rolling",
    "unstable",
    "canary",
    "beta",
    "alpha",
    "testing",
    "test",
    "snapshot",
    "current",
    "lts",
    "mainline",
    "staging",
    "production",
    "prod",
    "release",
    "preview",
    "alpine",
    "slim",
    "daily",
];

pub(super) fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut told = BTreeSet::new();
    for file in context.files() {
        // Of a service that is built the image is the name that the build gets.
        for service in file.services.iter().filter(|service| is_started(service) && service.build.is_none()) {
            let (name, Some(written)) = (&service.name.value, &service.image) else { continue };
            let Some(image) = with_defaults(&written.value) else { continue };
            let Some(label) = moving(&image) else { continue };
            if !told.insert(name) || context.allows.permit(name, Allowed::MutableTag) {
                continue;
            }
            let message = format!("the image of service \"{name}\" is another one whenever its tag moves");
            let way = context.allows.way(name, Allowed::MutableTag);
            let help = format!("write the version, like `{}:1.4.2`, or a digest; {way}", repository(&image));
            found.push(Diagnostic::new(Code::MutableTag, message, written.span, label).help(help));
        }
    }
}

/// Why an image moves, if it does.
fn moving(image: &str) -> Option<String> {
    if image.contains('@') || image.is_empty() {
        return None;
    }
    let Some(tag) = image[repository(image).len()..].strip_prefix(':').filter(|tag| !tag.is_empty()) else {
        return Some("no tag: `latest` is taken".to_owned());
    };
    let mut words = tag.split(['-', '_', '.']).map(str::to_ascii_lowercase);
    let moves = if tag.contains(|char: char| char.is_ascii_digit()) {
        words.any(|word| word == "latest")
    } else {
        words.any(|word| MOVING.contains(&word.as_str()))
    };
    moves.then(|| format!("`{tag}` moves"))
}

/// An image without its tag and digest: the colon of a registry's port begins none.
fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let name = image.rfind('/').map_or(0, |slash| slash + 1);
    image[name..].find(':').map_or(image, |colon| &image[..name + colon])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_move_are_known() {
        for image in [
            "nginx",
            "nginx:",
            "nginx:latest",
            "ghcr.io/o/web:main",
            "registry.example:5000/web",
            "web:stable-alpine",
            "web:Nightly",
            "node:lts-slim",
            "web:v1-latest",
        ] {
            assert!(moving(image).is_some(), "{image}");
        }
        for image in [
            "nginx:1.27",
            "postgres:15-alpine",
            "registry.example:5000/web:2",
            "web:main-3f2a1b0",
            "web@sha256:0123",
            "web:latest@sha256:01",
            "web:stable-20260101",
            "debian:bookworm",
            "web:abcdef",
        ] {
            assert_eq!(moving(image), None, "{image}");
        }
    }
}
