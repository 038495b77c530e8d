//! Git URLs as build contexts, taken apart: `https://host/owner/repository.git#reference:directory`.

use super::GitContext;
use crate::source::{Span, Spanned};

/// The parts of a context that is a git URL; `None` for a path or another URL. `written` is where the context stands
/// and the text there, which is longer than `context` by quotes or a block's indicator.
pub(super) fn parse(context: &str, span: Span, written: &str) -> Option<GitContext> {
    let (repository, reference, directory) = repository(context)?;
    // Only a context that is written in one piece has a place for its reference.
    let reference = reference.map(|reference| {
        let place = written.find(context).map(|at| span.start as usize + at + repository.len() + 1);
        let span = place.map_or(span, |start| Span::new(span.file, start..start + reference.len()));
        Spanned::new(reference, span)
    });
    Some(GitContext { repository, reference, directory })
}

/// A repository, its reference and its directory, where they are written.
pub type Repository = (String, Option<String>, Option<String>);

/// A context taken apart; `None` for a path or another URL.
pub fn repository(context: &str) -> Option<Repository> {
    let (repository, fragment) = context.split_once('#').unwrap_or((context, ""));
    let written = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let (reference, directory) = split_fragment(fragment);
    is_repository(repository).then(|| (repository.to_owned(), written(reference), written(directory)))
}

/// Docker's own rule: these schemes always, http only with a `.git` at the end, and the short form of ssh.
fn is_repository(url: &str) -> bool {
    let scheme = |name: &str| url.strip_prefix(name).is_some_and(|rest| !rest.is_empty());
    let http = scheme("https://") || scheme("http://");
    scheme("git://")
        || scheme("ssh://")
        || scheme("git@")
        || (http && url.split('?').next().and_then(|path| path.strip_suffix(".git")).is_some())
}

/// A reference may hold `${NAME:-default}`, so the colon that counts is the first one outside braces.
fn split_fragment(fragment: &str) -> (&str, &str) {
    let mut depth = 0_usize;
    for (at, byte) in fragment.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => return (&fragment[..at], &fragment[at + 1..]),
            _ => {}
        }
    }
    (fragment, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    fn parts(context: &str) -> Option<Parts> {
        let file = SourceMap::default().add("compose.yml", context);
        let git = parse(context, Span::new(file, 0..context.len()), context)?;
        if let Some(reference) = &git.reference {
            assert_eq!(context[reference.span.range()], reference.value, "the span is the reference's own");
        }
        Some((git.repository, git.reference.map(|reference| reference.value), git.directory))
    }

    type Parts = (String, Option<String>, Option<String>);

    fn of(repository: &str, reference: Option<&str>, directory: Option<&str>) -> Parts {
        (repository.to_owned(), reference.map(str::to_owned), directory.map(str::to_owned))
    }

    #[test]
    fn urls_are_taken_apart() {
        let https = "https://git.example/o/r.git";
        assert_eq!(parts(https), Some(of(https, None, None)));
        assert_eq!(parts(&format!("{https}#main")), Some(of(https, Some("main"), None)));
        assert_eq!(parts(&format!("{https}#main:a/b")), Some(of(https, Some("main"), Some("a/b"))));
        assert_eq!(parts(&format!("{https}#:a/b")), Some(of(https, None, Some("a/b"))));
        assert_eq!(parts(&format!("{https}#${{REF:-main}}:a")), Some(of(https, Some("${REF:-main}"), Some("a"))));
        assert_eq!(parts("git@git.example:o/r.git#v1:d"), Some(of("git@git.example:o/r.git", Some("v1"), Some("d"))));
        assert_eq!(parts("ssh://git@git.example/o/r#v1"), Some(of("ssh://git@git.example/o/r", Some("v1"), None)));
    }

    #[test]
    fn paths_and_archives_are_not_repositories() {
        for context in [".", "./api", "../o/r.git", "/srv/app", "https://files.example/app.tar.gz", "${CONTEXT}", "https://.git.example/"] {
            assert_eq!(parts(context), None, "{context}");
        }
    }

    #[test]
    fn a_quoted_context_still_knows_the_place_of_its_reference() {
        let text = "context: \"https://git.example/o/r.git#main:d\"";
        let file = SourceMap::default().add("compose.yml", text);
        let span = Span::new(file, 9..text.len());
        let git = parse("https://git.example/o/r.git#main:d", span, &text[9..]).unwrap();
        assert_eq!(&text[git.reference.unwrap().span.range()], "main");
    }
}
