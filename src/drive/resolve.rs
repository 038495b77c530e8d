//! The commits of git references, by `git ls-remote`: git knows the user's credentials, proxies and hosts.

use super::Sources;
use crate::engine::{Answer, Failure, FailureKind};
use crate::probe::git::{self, Broken, complaint, shown};
use crate::probe::{ConnectTo, safe};
use crate::schedule::without_user;
use std::collections::BTreeMap;
use std::process::Output;
use std::time::Duration;
use tokio::time::Instant;

/// How long one repository may take to answer.
const LIMIT: Duration = Duration::from_secs(30);

/// The commits of several references, as `repository#reference` → commit.
pub async fn resolve(sources: &impl Sources, references: &[(String, String)]) -> Answer {
    let mut commits = BTreeMap::new();
    for (repository, reference) in references {
        match sources.commit(repository, reference).await {
            Ok(commit) => commits.insert(format!("{}#{reference}", without_user(repository)), commit),
            Err(failure) => return Answer::Failed(failure),
        };
    }
    Answer::Resolved(commits)
}

/// Asks the repositories themselves.
#[derive(Clone, Debug)]
pub struct GitSources {
    /// Where hosts of repositories lead. A route to a loopback address is spoken to over plain HTTP, whatever the repository says.
    pub connect_to: ConnectTo,
    /// Time limit for one repository. Default 30 s.
    pub limit: Duration,
}

impl Default for GitSources {
    fn default() -> Self {
        Self { connect_to: ConnectTo::default(), limit: LIMIT }
    }
}

impl Sources for GitSources {
    async fn commit(&self, repository: &str, reference: &str) -> Result<String, Failure> {
        if is_commit(reference) {
            return Ok(reference.to_lowercase());
        }
        let shown = format!("`{}` of {}", safe(reference, 80), shown(repository));
        if reference.is_empty() || reference.starts_with('-') || repository.starts_with('-') {
            return Err(failure(FailureKind::NotFound, format!("{shown} cannot be a reference"), Duration::ZERO));
        }
        let asked = Instant::now();
        let output = self.ls_remote(repository, reference).await;
        let tried = asked.elapsed();
        match output {
            Err(why) => Err(failure(FailureKind::Unreachable, format!("the commit of {shown} cannot be found: {why}"), tried)),
            Ok(output) if !output.status.success() => {
                let why = complaint(&String::from_utf8_lossy(&output.stderr), repository);
                Err(failure(FailureKind::Unreachable, format!("the commit of {shown} cannot be found: {why}"), tried))
            }
            Ok(output) => pick(&String::from_utf8_lossy(&output.stdout), reference)
                .ok_or_else(|| failure(FailureKind::NotFound, format!("{shown} is neither a branch nor a tag there"), tried)),
        }
    }
}

impl GitSources {
    async fn ls_remote(&self, repository: &str, reference: &str) -> Result<Output, String> {
        let mut command = git::command(&self.connect_to, repository, &[]);
        // The second pattern asks for the commit that an annotated tag stands for.
        command.args(["ls-remote", "--", git::REMOTE, reference, &format!("{reference}^{{}}")]);
        match git::run(command, Instant::now() + self.limit).await {
            Err(Broken::TimeOver) => Err(format!("no answer within {} s", self.limit.as_secs_f32())),
            Err(Broken::Off(why)) => Err(why),
            Ok(output) => Ok(output),
        }
    }
}

/// The commit of a reference in the lines of `ls-remote`, as git itself prefers: the full name, then tags, then branches; of an
/// annotated tag the commit it stands for.
fn pick(output: &str, reference: &str) -> Option<String> {
    let found: BTreeMap<&str, &str> =
        output.lines().filter_map(|line| line.split_once('\t')).map(|(commit, name)| (name, commit)).collect();
    let names = [reference.to_owned(), format!("refs/{reference}"), format!("refs/tags/{reference}"), format!("refs/heads/{reference}")];
    names.iter().find_map(|name| {
        let commit = found.get(format!("{name}^{{}}").as_str()).or_else(|| found.get(name.as_str()))?;
        is_commit(commit).then(|| (*commit).to_owned())
    })
}

fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn failure(kind: FailureKind, message: String, tried_for: Duration) -> Failure {
    Failure { kind, message, may_have_acted: false, tried_for }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    #[test]
    fn only_the_very_reference_counts_and_tags_go_before_branches() {
        assert_eq!(pick(&format!("{A}\trefs/heads/feature/main\n{B}\trefs/heads/main\n"), "main"), Some(B.into()));
        assert_eq!(pick(&format!("{A}\trefs/heads/v1\n{B}\trefs/tags/v1\n"), "v1"), Some(B.into()));
        assert_eq!(pick(&format!("{A}\trefs/heads/feature/main\n"), "main"), None);
        assert_eq!(pick(&format!("{A}\tHEAD\n"), "HEAD"), Some(A.into()));
        assert_eq!(pick(&format!("{A}\trefs/heads/main\n"), "refs/heads/main"), Some(A.into()));
        assert_eq!(pick("", "main"), None);
    }

    #[test]
    fn an_annotated_tag_is_the_commit_it_stands_for() {
        assert_eq!(pick(&format!("{A}\trefs/tags/v1\n{B}\trefs/tags/v1^{{}}\n"), "v1"), Some(B.into()));
    }

    #[tokio::test]
    async fn a_commit_is_itself_and_an_option_is_refused_without_asking() {
        let git = GitSources::default();
        assert_eq!(git.commit("https://git.invalid/x", &A.to_uppercase()).await.unwrap(), A);
        for reference in ["--upload-pack=touch x", "-", ""] {
            let failure = git.commit("https://git.invalid/x", reference).await.unwrap_err();
            assert_eq!((failure.kind, failure.tried_for), (FailureKind::NotFound, Duration::ZERO));
        }
    }
}
