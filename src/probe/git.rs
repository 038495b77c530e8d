//! `git` as a client of repositories: asked without prompts, without a word of credentials in its arguments, and ended with all that it
//! started when its time is over.

use super::process_group::ProcessGroup;
use super::{ConnectTo, safe};
use crate::schedule::without_user;
use crate::secrets::{base64, percent_decoded};
use std::io;
use std::process::{Output, Stdio};
use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

/// The name that git knows the repository by while it is asked.
pub(crate) const REMOTE: &str = "plan-build-context";
/// Ways to reach a repository that run no command of the repository's choosing.
const PROTOCOLS: &str = "https:http:ssh:git:file";
/// What a git that starts us (a hook, an alias) leaves in the environment, and what would lead ours into that one's repository.
const OF_ANOTHER_REPOSITORY: [&str; 7] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_SHALLOW_FILE",
];

/// Why git gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Its time was over, and it was ended.
    TimeOver,
    /// It could not be started, or broke off; why.
    Off(String),
}

/// A `git` that knows the repository as [`REMOTE`], with these settings besides. Arguments are the caller's to add.
///
/// What git is told of the repository goes through its environment, which only the user can read, while its arguments can be read by
/// everybody: the address, and user name and password as a header for that server alone.
pub(crate) fn command(connect_to: &ConnectTo, repository: &str, settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new("git");
    // Beside what the user's own environment sets that way.
    let first: usize = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    let own = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let settings: Vec<(String, String)> = remote(connect_to, repository).into_iter().chain(own).collect();
    command.env("GIT_CONFIG_COUNT", (first + settings.len()).to_string());
    for (at, (key, value)) in settings.into_iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{}", first + at), key).env(format!("GIT_CONFIG_VALUE_{}", first + at), value);
    }
    for name in OF_ANOTHER_REPOSITORY {
        command.env_remove(name);
    }
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "").env("SSH_ASKPASS", "").env("GIT_ALLOW_PROTOCOL", PROTOCOLS);
    if std::env::var_os("GIT_SSH_COMMAND").is_none() {
        command.env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
    }
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that what git starts (ssh, a credential tool) ends with it, and Ctrl-C does not reach it before us.
    command.process_group(0).kill_on_drop(true);
    command
}

/// Runs it to its end, or to the end of its time.
pub(crate) async fn run(mut command: Command, deadline: Instant) -> Result<Output, Broken> {
    let child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Broken::Off("`git` is not installed here".to_owned()),
        _ => Broken::Off(format!("`git` cannot be started: {error}")),
    })?;
    // Killed on every way out of here: whoever stops waiting leaves nothing running behind.
    let _group = ProcessGroup::led_by(child.id());
    match timeout_at(deadline, child.wait_with_output()).await {
        Ok(output) => output.map_err(|error| Broken::Off(format!("`git` broke off: {error}"))),
        Err(_) => Err(Broken::TimeOver),
    }
}

/// Where git is to ask, when the host of the repository has a route: scheme, host and port there.
fn route(connect_to: &ConnectTo, repository: &str) -> Option<String> {
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
    let to = connect_to.route(host.trim_matches(['[', ']']), port)?;
    let scheme_there = if to.ip().is_loopback() { "http" } else { scheme };
    Some(format!("{scheme_there}://{to}"))
}

fn remote(connect_to: &ConnectTo, repository: &str) -> Vec<(String, String)> {
    let open = without_user(repository);
    let Some((scheme, rest)) = open.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https")) else {
        return vec![(format!("remote.{REMOTE}.url"), repository.to_owned())];
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let base = route(connect_to, repository).unwrap_or_else(|| format!("{scheme}://{host}"));
    let mut settings = vec![(format!("remote.{REMOTE}.url"), format!("{base}{path}"))];
    if let Some((name, password)) = credentials(repository) {
        let both = format!("{name}:{}", password.unwrap_or_default());
        settings.push((format!("http.{base}/.extraHeader"), format!("Authorization: Basic {}", base64(both.as_bytes()))));
    }
    settings
}

/// User name and password in a repository's address, decoded.
pub(super) fn credentials(repository: &str) -> Option<(String, Option<String>)> {
    let (scheme, rest) = repository.split_once("://")?;
    let (user, _) = rest.split('/').next()?.rsplit_once('@').filter(|_| scheme != "ssh")?;
    Some(match user.split_once(':') {
        Some((name, password)) => (percent_decoded(name), Some(percent_decoded(password))),
        None => (percent_decoded(user), None),
    })
}

/// What git says is wrong, on one line, without the repository's credentials.
pub(crate) fn complaint(stderr: &str, repository: &str) -> String {
    let telling = stderr.lines().find(|line| line.starts_with("fatal:") || line.starts_with("ERROR:") || line.starts_with("ssh:"));
    let line = telling.or_else(|| stderr.lines().next_back()).unwrap_or("git gives no reason").replace(repository, &shown(repository));
    safe(line.trim_start_matches("fatal:").trim(), 160)
}

/// A repository's address fit to be shown.
pub(crate) fn shown(repository: &str) -> String {
    safe(&without_user(repository), 120)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_a_repository_are_not_shown() {
        let repository = "https://ci:hunter2@git.example/shop.git";
        assert_eq!(shown(repository), "https://git.example/shop.git");
        let text = complaint(&format!("warning: x\nfatal: unable to access '{repository}': nothing there\n"), repository);
        assert_eq!(text, "unable to access 'https://git.example/shop.git': nothing there");
        assert_eq!(shown("git@git.example:shop.git"), "git@git.example:shop.git");
    }

    #[test]
    fn credentials_are_what_stands_before_the_host() {
        let both = |name: &str, password: Option<&str>| Some((name.to_owned(), password.map(str::to_owned)));
        assert_eq!(credentials("https://ci:p%40ss@git.example/shop.git"), both("ci", Some("p@ss")));
        assert_eq!(credentials("https://t0ken@git.example/shop.git"), both("t0ken", None));
        assert_eq!(credentials("https://git.example/a@b.git"), None);
        assert_eq!(credentials("ssh://git@git.example/shop.git"), None);
    }
}
