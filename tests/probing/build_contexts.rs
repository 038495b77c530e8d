//! Build contexts, asked of a real git server on loopback and of servers that are none.

use super::{CANARY, LONG, SHORT};
use crate::git_sources::git;
use crate::support::{answers, hang, serve};
use rollout_plan::engine::{Moment, Reading, Sample};
use rollout_plan::model::{BuildContext, ContextPlace, Dockerfile, Probe};
use rollout_plan::probe::{Asking, ask, judge, prepare};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// `git daemon` with one repository, ended with the test.
struct Daemon {
    folder: TempDir,
    process: Child,
    port: u16,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Daemon {
    /// `leaves_out`: whether the server leaves files out when it is asked to.
    fn start(leaves_out: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (work, bare) = (folder.path().join("work"), folder.path().join("shop.git"));
        std::fs::create_dir_all(work.join("apps/web")).unwrap();
        git(&work, &["init", "-q", "-b", "main"]);
        std::fs::write(work.join("apps/web/Dockerfile"), "FROM scratch\n").unwrap();
        std::fs::write(work.join("apps/prod.Dockerfile"), "FROM scratch\n").unwrap();
        std::fs::write(work.join("large.bin"), "a file that nobody needs").unwrap();
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "one"]);
        git(&work, &["tag", "-a", "v1", "-m", "first"]);
        std::fs::create_dir_all(work.join("apps/api")).unwrap();
        std::fs::write(work.join("apps/api/Dockerfile"), "FROM scratch\n").unwrap();
        git(&work, &["add", "."]);
        git(&work, &["commit", "-q", "-m", "two"]);
        git(folder.path(), &["clone", "-q", "--bare", "work", "shop.git"]);
        git(&bare, &["config", "uploadpack.allowFilter", if leaves_out { "true" } else { "false" }]);
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new("git");
        command.args(["daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1", &format!("--port={port}")]);
        command.arg(format!("--base-path={}", folder.path().display())).arg(folder.path());
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("git has its daemon");
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "git daemon does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { folder, process, port }
    }

    fn url(&self) -> String {
        format!("git://127.0.0.1:{}/shop.git", self.port)
    }

    /// Takes a file out of the server's repository: whoever asks for it breaks.
    fn loses(&self, path: &str) {
        let bare = self.folder.path().join("shop.git");
        git(&bare, &["gc", "-q"]);
        let id = git(&bare, &["rev-parse", &format!("HEAD:{path}")]);
        let packs: Vec<_> = std::fs::read_dir(bare.join("objects/pack")).unwrap().flatten().map(|entry| entry.path()).collect();
        let aside = self.folder.path().join("aside");
        std::fs::create_dir_all(&aside).unwrap();
        for pack in packs {
            let there = aside.join(pack.file_name().unwrap());
            std::fs::rename(&pack, &there).unwrap();
            if there.extension().is_some_and(|end| end == "pack") {
                let mut unpack = Command::new("git");
                unpack.current_dir(&bare).args(["unpack-objects", "-q"]).stdin(std::fs::File::open(&there).unwrap());
                assert!(unpack.status().unwrap().success());
            }
        }
        std::fs::remove_file(bare.join("objects").join(&id[..2]).join(&id[2..])).unwrap();
    }
}

fn context(repository: &str, reference: Option<&str>, directory: &str, dockerfile: Dockerfile) -> BuildContext {
    let (repository, reference, directory) = (repository.to_owned(), reference.map(str::to_owned), directory.to_owned());
    BuildContext {
        service: "web".to_owned(),
        file: "one.yml".to_owned(),
        place: ContextPlace::Git { repository, reference, directory },
        dockerfile,
    }
}

async fn look_at(contexts: Vec<BuildContext>, limit: Duration) -> Sample {
    let request = prepare(&Probe::BuildContexts(contexts), &super::Given::default()).unwrap().unwrap();
    let began = Instant::now();
    let outcome = ask(&request, &Asking::default(), limit).await;
    assert!(began.elapsed() < limit + Duration::from_secs(2), "took {:?} of {limit:?}", began.elapsed());
    let sample = judge(&request, &outcome, Moment::START, began.elapsed());
    assert!(!format!("{sample:?}").contains(CANARY) && !format!("{request:?}").contains(CANARY), "{sample:?}");
    sample
}

/// One look at one context with a Dockerfile of the usual name.
pub(super) async fn look(repository: &str, reference: Option<&str>, directory: &str, limit: Duration) -> Sample {
    look_at(vec![context(repository, reference, directory, Dockerfile::Default)], limit).await
}

#[tokio::test]
async fn repository_reference_directory_and_dockerfile_are_asked_for() {
    let daemon = Daemon::start(true);
    let url = daemon.url();
    for (reference, directory) in
        [(None, "apps/web"), (Some("main"), "apps/api"), (Some("v1"), "apps/web"), (Some("refs/heads/main"), "apps/web")]
    {
        let sample = look(&url, reference, directory, LONG).await;
        assert_eq!(sample.reading, Reading::Pass, "{reference:?} {directory}: {}", sample.actual);
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert!(
            sample.actual.contains(&format!("1 of 1 build contexts are there, of 1 services, seen from {}", host.trim())),
            "{}",
            sample.actual
        );
    }
    for (reference, directory, why) in [
        (Some("mian"), "apps/web", "neither a branch nor a tag"),
        (Some("v1"), "apps/api", "there is no directory apps/api in `v1` of git://127.0.0.1"),
        (None, "", "there is no Dockerfile in git://127.0.0.1"),
        (None, "apps", "there is no Dockerfile in apps of"),
    ] {
        let sample = look(&url, reference, directory, LONG).await;
        assert!(sample.reading == Reading::Fail && sample.actual.contains(why), "{reference:?} {directory}: {sample:?}");
    }
    let named = vec![context(&url, None, "apps", Dockerfile::Named("prod.Dockerfile".to_owned()))];
    assert_eq!(look_at(named, LONG).await.reading, Reading::Pass);
    let missing = look(&url.replace("shop", "shoop"), None, "", LONG).await;
    assert!(missing.reading != Reading::Pass && missing.actual.contains("shoop.git"), "{}", missing.actual);
}

#[tokio::test]
async fn no_file_is_fetched_where_the_server_can_leave_files_out() {
    let daemon = Daemon::start(true);
    daemon.loses("large.bin");
    let sample = look(&daemon.url(), None, "apps/web", LONG).await;
    assert_eq!(sample.reading, Reading::Pass, "{}", sample.actual);
    let bare = daemon.folder.path().join("shop.git");
    git(&bare, &["config", "uploadpack.allowFilter", "false"]);
    let sample = look(&daemon.url(), None, "apps/web", LONG).await;
    assert_eq!(sample.reading, Reading::Error, "the file is asked for, so the test is one: {}", sample.actual);
}

#[tokio::test]
async fn a_server_that_cannot_leave_files_out_is_asked_all_the_same() {
    let daemon = Daemon::start(false);
    assert_eq!(look(&daemon.url(), Some("main"), "apps/web", LONG).await.reading, Reading::Pass);
}

#[tokio::test]
async fn what_cannot_be_asked_is_an_error_and_passwords_stay_where_they_are() {
    let asks_who =
        answers("HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm=\"git\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let url = format!("http://ci:{CANARY}@{asks_who}/shop.git");
    let sample = look(&url, None, "", LONG).await;
    assert!(sample.reading == Reading::Error && sample.actual.contains("cannot be asked"), "{sample:?}");
    let nothing = answers("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let sample = look(&format!("http://{nothing}/shop.git"), None, "", LONG).await;
    assert!(sample.reading == Reading::Fail && sample.actual.contains("not found"), "{sample:?}");
    let silent = serve(|_stream| hang());
    let sample = look(&format!("http://{silent}/shop.git"), None, "", SHORT).await;
    assert!(sample.reading == Reading::Error && sample.actual.contains("no answer within 400ms"), "{sample:?}");
}

#[tokio::test]
async fn what_is_on_the_server_is_named_and_not_taken_for_there() {
    let daemon = Daemon::start(true);
    let on_server = || BuildContext {
        place: ContextPlace::Local("/srv/web".to_owned()),
        service: "api".to_owned(),
        ..context("", None, "", Dockerfile::Default)
    };
    let seen = context(&daemon.url(), None, "apps/web", Dockerfile::Default);
    let sample = look_at(vec![seen, on_server()], LONG).await;
    assert!(sample.reading == Reading::Pass && sample.actual.contains("not looked at: api: /srv/web is on the server"), "{sample:?}");
    let sample = look_at(vec![on_server()], LONG).await;
    assert_eq!(sample.reading, Reading::Error, "{}", sample.actual);
}

#[test]
fn the_contexts_of_a_gate_are_those_of_the_phases_behind_it() {
    let plan = "rollout r\ndokploy {\n  url env(\"U\")\n  api-key secret(\"K\")\n}\napp backend {\n  project \"P\"\n  environment \"e\"\n  compose \
                \"c\"\n}\nservice old { allow unpinned \"its only branch\" }\nservice web\nservice api\ngate sources { expect build-contexts }\nphase one { deploy backend from \"one.yml\" }\nphase two \
                after one {\n  require sources\n  deploy backend from \"two.yml\"\n}\n";
    let one = "services:\n  old:\n    build: https://git.example/old.git\n";
    let two = format!(
        "{one}  web:\n    build:\n      context: https://git.example/shop.git#${{BRANCH:-main}}:apps/web\n      dockerfile: prod.Dockerfile\n  \
         api:\n    build: ./api\n"
    );
    let schedule = crate::support::in_memory::schedule_of(&[("rollout.plan", plan), ("one.yml", one), ("two.yml", &two)]);
    let contexts = schedule.expectations.iter().find_map(|expectation| match &expectation.probe {
        Probe::BuildContexts(contexts) => Some(contexts),
        _ => None,
    });
    let contexts = contexts.unwrap();
    let services: Vec<&str> = contexts.iter().map(|context| context.service.as_str()).collect();
    assert_eq!(services, ["old", "web", "api"]);
    let git = |repository: &str, reference: Option<&str>, directory: &str| ContextPlace::Git {
        repository: repository.to_owned(),
        reference: reference.map(str::to_owned),
        directory: directory.to_owned(),
    };
    assert_eq!(contexts[1].place, git("https://git.example/shop.git", Some("main"), "apps/web"));
    assert_eq!(contexts[1].dockerfile, Dockerfile::Named("prod.Dockerfile".to_owned()));
    assert_eq!(contexts[2].place, ContextPlace::Local("./api".to_owned()));
    assert!(Path::new(&contexts[0].file).ends_with("two.yml"), "told by the first file behind the gate");
}
