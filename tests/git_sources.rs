//! Git references against a real repository on disk and a server that never answers.

use crate::support::{hang, serve};
use rollout_plan::drive::{GitSources, Sources, resolve};
use rollout_plan::engine::{Answer, FailureKind};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// What git says in this folder, as somebody without settings of their own.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@git.example", "-c", "tag.gpgsign=false"])
        .args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    let output = command.output().expect("these tests need git; install it");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn branches_tags_and_missing_references_of_a_real_repository() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    git(at, &["init", "-q", "-b", "main"]);
    git(at, &["commit", "-q", "--allow-empty", "-m", "one"]);
    git(at, &["tag", "-a", "v1", "-m", "first"]);
    let one = git(at, &["rev-parse", "HEAD"]);
    git(at, &["checkout", "-q", "-b", "feature/main"]);
    git(at, &["commit", "-q", "--allow-empty", "-m", "two"]);
    let two = git(at, &["rev-parse", "HEAD"]);
    let repository = at.to_str().unwrap().to_owned();

    let sources = GitSources::default();
    for (reference, commit) in [("main", &one), ("feature/main", &two), ("v1", &one), ("refs/heads/main", &one)] {
        assert_eq!(sources.commit(&repository, reference).await.as_ref(), Ok(commit), "{reference}");
    }
    let missing = sources.commit(&repository, "mian").await.unwrap_err();
    assert_eq!(missing.kind, FailureKind::NotFound);
    assert!(missing.message.contains("neither a branch nor a tag"), "{}", missing.message);

    let asked = [(repository.clone(), "main".to_owned()), (repository.clone(), "v1".to_owned())];
    let Answer::Resolved(commits) = resolve(&sources, &asked).await else { panic!("not resolved") };
    assert_eq!(commits.get(&format!("{repository}#v1")), Some(&one));
    let asked = [(repository.clone(), "mian".to_owned())];
    assert!(matches!(resolve(&sources, &asked).await, Answer::Failed(_)));
}

#[tokio::test]
async fn what_is_no_repository_is_explained_on_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let failure = GitSources::default().commit(folder.path().to_str().unwrap(), "main").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(failure.message.contains("does not appear to be a git repository") && !failure.message.contains('\n'), "{}", failure.message);
}

#[tokio::test]
async fn no_command_is_run_for_an_address_that_names_one() {
    let folder = tempfile::tempdir().unwrap();
    let proof = folder.path().join("proof");
    let failure = GitSources::default().commit(&format!("ext::touch {}", proof.display()), "main").await.unwrap_err();
    assert!(!proof.exists(), "{}", failure.message);
}

#[tokio::test]
async fn a_server_that_never_answers_costs_the_time_limit_and_leaves_no_process() {
    let address = serve(|_stream| hang());
    let repository = format!("http://ci:hunter2@{address}/shop-{}.git", std::process::id());
    let began = Instant::now();
    let failure = GitSources { limit: Duration::from_millis(500), ..GitSources::default() }.commit(&repository, "main").await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(failure.kind, FailureKind::Unreachable);
    assert!(failure.message.contains("no answer within 0.5 s") && !failure.message.contains("hunter2"), "{}", failure.message);

    // `git` starts `git-remote-http`, which holds the connection: both must be gone.
    std::thread::sleep(Duration::from_millis(500));
    let left = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command);
        command.contains(&repository) && command.contains("ls-remote") | command.contains("remote-http")
    });
    assert_eq!(left.count(), 0);
}
