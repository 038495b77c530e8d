//! The commits of git references, by `git ls-remote`: git knows the user's credentials, proxies and hosts.

use super::Sources;
use crate::engine::{Answer, Failure, FailureKind};
use crate::probe::ConnectTo;
use crate::probe::safe;
use crate::schedule::without_user;
use crate::secrets::{base64, percent_decoded};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;
use tokio::time::Instant;

/// The name that git knows the repository by while it is asked.
const REMOTE: &str = "plan-build-context";
/// How long one repository may take to answer.
const LIMIT: Duration = Duration::from_secs(30);
/// Ways to reach a repository that run no command of the repository's choosing.
const PROTOCOLS: &str = "https:http:ssh:git:file";

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
    /// Where git is to ask, when the host of the repository has a route: scheme, host and port there.
    fn route(&self, repository: &str) -> Option<String> {
        let (scheme, rest) = repository.split_once("://")?;
        let standard = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let authority = rest.split('/').next()?;
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match host_and_port.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (host_and_port, standard),
        };
        let to = self.connect_to.route(host.trim_matches(['[', ']']), port)?;
        let scheme_there = if to.ip().is_loopback() { "http" } else { scheme };
        Some(format!("{scheme_there}://{to}"))
    }

    /// What git is told through its environment, which only the user can read, while its arguments can be read by everybody: the address, by
    /// the name [`REMOTE`], and user name and password as a header for that server alone.
    fn settings(&self, repository: &str) -> Vec<(String, String)> {
        let open = without_user(repository);
        let Some((scheme, rest)) = open.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
            return vec![(format!("remote.{REMOTE}.url"), repository.to_owned())];
        };
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let base = self.route(repository).unwrap_or_else(|| format!("{scheme}://{host}"));
        let mut settings = vec![(format!("remote.{REMOTE}.url"), format!("{base}{path}"))];
        let authority = repository.split_once("://").and_then(|(_, rest)| rest.split('/').next()).unwrap_or_default();
        if let Some((user, _)) = authority.rsplit_once('@') {
            let credentials = match user.split_once(':') {
                Some((name, password)) => format!("{}:{}", percent_decoded(name), percent_decoded(password)),
                None => format!("{}:", percent_decoded(user)),
            };
            settings.push((format!("http.{base}/.extraHeader"), format!("Authorization: Basic {}", base64(credentials.as_bytes()))));
        }
        settings
    }

    async fn ls_remote(&self, repository: &str, reference: &str) -> Result<Output, String> {
        let mut command = Command::new("git");
        // Beside what the user's own environment sets that way.
        let first: usize = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
        let settings = self.settings(repository);
        command.env("GIT_CONFIG_COUNT", (first + settings.len()).to_string());
        for (at, (key, value)) in settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{}", first + at), key).env(format!("GIT_CONFIG_VALUE_{}", first + at), value);
        }
        // The second pattern asks for the commit that an annotated tag stands for.
        command.args(["ls-remote", "--", REMOTE, reference, &format!("{reference}^{{}}")]);
        command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "").env("SSH_ASKPASS", "").env("GIT_ALLOW_PROTOCOL", PROTOCOLS);
        if std::env::var_os("GIT_SSH_COMMAND").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
        }
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that what git starts (ssh, a credential tool) ends with it, and Ctrl-C does not reach it before us.
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "`git` is not installed here".to_owned(),
            _ => format!("`git` cannot be started: {error}"),
        })?;
        let mut group = Group(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)));
        match tokio::time::timeout(self.limit, child.wait_with_output()).await {
            Ok(output) => {
                group.0 = None;
                output.map_err(|error| format!("`git` broke off: {error}"))
            }
            Err(_) => Err(format!("no answer within {} s", self.limit.as_secs_f32())),
        }
    }
}

/// A process group that ends when this is dropped, however its time limit or its run ended.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Gone already is as good.
            let _ = kill_process_group(group, Signal::KILL);
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

/// What git says is wrong, on one line, without the repository's credentials.
fn complaint(stderr: &str, repository: &str) -> String {
    let telling = stderr.lines().find(|line| line.starts_with("fatal:") || line.starts_with("ERROR:") || line.starts_with("ssh:"));
    let line = telling.or_else(|| stderr.lines().next_back()).unwrap_or("git gives no reason").replace(repository, &shown(repository));
    safe(line.trim_start_matches("fatal:").trim(), 160)
}

/// A repository's address fit to be shown.
fn shown(repository: &str) -> String {
    safe(&without_user(repository), 120)
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

    #[test]
    fn credentials_of_a_repository_are_not_shown() {
        let repository = "https://ci:hunter2@git.example/shop.git";
        assert_eq!(shown(repository), "https://git.example/shop.git");
        let text = complaint(&format!("warning: x\nfatal: unable to access '{repository}': nothing there\n"), repository);
        assert_eq!(text, "unable to access 'https://git.example/shop.git': nothing there");
        assert_eq!(shown("git@git.example:shop.git"), "git@git.example:shop.git");
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
