//! Git references as the sandbox answers them: every repository exists and has every branch and tag.

use super::names;

/// The commit of a branch, tag or commit; `None` for what cannot be a reference.
pub(super) fn commit_of(repository: &str, reference: &str) -> Option<String> {
    if reference.is_empty() || reference.starts_with('-') || reference.contains([' ', '~', '^', ':', '?', '*', '[', '\\']) {
        return None;
    }
    let is_commit = reference.len() == 40 && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(if is_commit { reference.to_ascii_lowercase() } else { names::hex40(&["commit", repository, reference]) })
}

/// The reference list of a repository over HTTP, which git asks for at `…/info/refs`; `None` for another path or an unknown repository.
pub(super) fn references(known: &[(String, String)], path: &str) -> Option<String> {
    let repository_path = path.strip_suffix("/info/refs")?;
    let of_it = known.iter().filter(|(repository, _)| repository.ends_with(repository_path));
    let lines: Vec<String> = of_it
        .filter_map(|(repository, reference)| {
            let name = if reference.starts_with("refs/") { reference.clone() } else { format!("refs/heads/{reference}") };
            Some(format!("{}\t{name}\n", commit_of(repository, reference)?))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.concat())
}

#[cfg(test)]
mod tests {
    use super::commit_of;

    #[test]
    fn references_have_one_commit_each() {
        let repository = "https://git.example/a.git";
        let main = commit_of(repository, "main").expect("a commit");
        assert_eq!(main.len(), 40);
        assert_eq!(commit_of(repository, "main").as_deref(), Some(&*main));
        assert_ne!(commit_of(repository, "v1").as_deref(), Some(&*main));
        assert_ne!(commit_of("https://git.example/b.git", "main").as_deref(), Some(&*main));
        assert_eq!(commit_of(repository, &main), Some(main), "a commit is its own");
        assert_eq!(commit_of(repository, "bad name"), None);
    }
}
