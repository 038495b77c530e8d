//! The canary: 32 random characters in every place where a secret can be, looked for in everything that a run leaves. No piece of eight of any of
//! them may be found, as it is, URL-encoded or in base64; the snapshot store alone may hold them.
//!
//! The world is a fake Dokploy behind a server that puts canaries into logs, build logs and error messages. Characters are drawn anew in each
//! run of the test; a failure prints them.

use super::between::{Between, Fate};
use super::binary::{Home, Ran};
use super::served::{Exports, Served, side_by_side};
use super::small;
use rollout_plan::world::{Compose, Config, Environment, Fault, Key, Project};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where canaries sit.
const PLACES: [&str; 14] = [
    "key",
    "app-env",
    "hex-env",
    "compose-env",
    "small-env",
    "password",
    "label",
    "argument",
    "comment",
    "git",
    "probe-path",
    "probe-query",
    "live-env",
    "webhook",
];

type Canaries = BTreeMap<&'static str, String>;

/// One for each place: letters and digits, or hexadecimal digits.
fn canaries() -> Canaries {
    let draw = |place: &&'static str| {
        let alphabet: &[u8] = match *place {
            "hex-env" | "argument" => b"0123456789abcdef",
            _ => b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        };
        let mut bytes = [0; 32];
        loop {
            getrandom::fill(&mut bytes).unwrap();
            let drawn: String = bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect();
            // One in a hundred thousand looks like words, and has hardly a digit.
            if drawn.bytes().filter(u8::is_ascii_digit).count() >= 4 {
                return (*place, drawn);
            }
        }
    };
    PLACES.iter().map(draw).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    bits.chunks(6)
        .map(|chunk| (0..6).fold(0, |index, at| index << 1 | chunk.get(at).copied().unwrap_or(0)))
        .map(|at| char::from(DIGITS[usize::from(at)]))
        .collect()
}

/// Everything that must not be found of one canary: each piece of eight of its forms. In base64 what depends on the canary alone.
fn pieces(canary: &str) -> Vec<String> {
    let escaped = canary.bytes().fold(String::new(), |escaped, byte| escaped + &format!("%{byte:02x}"));
    let mut forms = vec![canary.to_owned(), escaped.to_uppercase(), escaped];
    for before in ["", "x", "xx"] {
        let encoded = base64(format!("{before}{canary}").as_bytes());
        let end = (before.len() + canary.len()) * 8 / 6;
        forms.push(encoded[(before.len() * 8).div_ceil(6)..end].to_owned());
    }
    // Of the escaped form three characters say one.
    let size = |form: &str| if form.starts_with('%') { 24 } else { 8 };
    forms.iter().flat_map(|form| (0..=form.len() - size(form)).map(|at| form[at..at + size(form)].to_owned())).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[track_caller]
fn no_piece(canaries: &Canaries, text: &str, of: &str) {
    for (place, canary) in canaries {
        for piece in pieces(canary) {
            assert!(!text.contains(&piece), "{piece} of {place} in {of}; canaries {canaries:?}:\n{text}");
        }
    }
}

/// The streams and every file of the state folder: nothing of any canary, and snapshots are their owner's alone.
#[track_caller]
fn nothing_leaks(canaries: &Canaries, home: &Home, ran: &Ran) {
    no_piece(canaries, &ran.stdout, "stdout");
    no_piece(canaries, &ran.stderr, "stderr");
    for format in ["junit", "github", "markdown"] {
        let shown = home.plan(["show", "latest", "--format", format]);
        no_piece(canaries, &shown.stdout, format);
    }
    for path in files(&home.path().join("state")) {
        if path.parent().unwrap().ends_with("snapshots") {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        } else {
            no_piece(canaries, &String::from_utf8_lossy(&fs::read(&path).unwrap()), &path.display().to_string());
        }
    }
}

/// What the services write, and what the server between makes of it: each form of a canary.
fn said(canaries: &Canaries, text: String) -> String {
    canaries.iter().fold(text, |text, (place, canary)| {
        let (head, tail) = canary.split_at(14);
        let escaped = canary.bytes().fold(String::new(), |escaped, byte| escaped + &format!("%{byte:02X}"));
        text.replace(&format!("raw of {place};"), &format!("raw {canary};"))
            .replace(&format!("url of {place};"), &format!("url ?a={escaped}&b=1;"))
            .replace(&format!("one of {place};"), &base64(canary.as_bytes()))
            .replace(&format!("two of {place};"), &base64(format!("u{canary}").as_bytes()))
            .replace(&format!("three of {place};"), &base64(format!("uv{canary}w").as_bytes()))
            .replace(&format!("begin of {place};"), head)
            .replace(&format!("end of {place};"), tail)
            .replace(&format!("cut of {place};"), &canary[..21])
    })
}

/// Log lines with a mark for each form of each canary. None of them is a canary: what the text holds is found there already.
fn marks() -> String {
    let forms = |place: &&str| {
        format!(
            "'raw of {place};', 'url of {place};', 'one of {place};', 'two of {place};', 'three of {place};', 'x begin of {place};', \
             'end of {place}; y', 'far too long cut of {place};'"
        )
    };
    PLACES.iter().map(forms).collect::<Vec<_>>().join(", ")
}

/// The plan's text of phase one.
fn text(canaries: &Canaries) -> String {
    let of = |place: &str| &canaries[place];
    format!(
        "# by {comment}, the one before\nservices:\n  web:\n    image: registry.example/web:1.0\n    command: [serve, \"--with={argument}\"]\n    \
         labels:\n      note: \"{label}\"\n    environment:\n      GREETING: {compose}\n      greeting: {small}\n      QUEUE: redis://worker:{password}@redis:6379/0\n      \
         MODE: production\n      FROM_APP: ${{FROM_APP}}\n    ports: [\"18080:80\"]\n    x-sandbox: {{ build: 100ms, boot: 100ms, log: [{marks}], build-log: [{marks}] }}\n",
        comment = of("comment"),
        argument = of("argument"),
        label = of("label"),
        compose = of("compose-env"),
        small = of("small-env"),
        password = of("password"),
        marks = marks(),
    )
}

fn worker(canaries: &Canaries) -> String {
    format!(
        "  worker:\n    build:\n      context: https://ci:{}@git.example/small/worker.git#main:service\n    ports: [\"18081:80\"]\n    x-sandbox: {{ build: 300ms, boot: 100ms, log: [{marks}], build-log: [{marks}] }}\n",
        canaries["git"],
        marks = marks(),
    )
}

struct Scene {
    canaries: Canaries,
    served: Served,
    between: Between,
    home: Home,
}

/// A home whose plan has canaries, a world that has them too, and a server between that says them.
fn scene(live: &str, faults: &[&str], fate: impl Fn(&Canaries, &str, usize) -> Option<Fate> + Send + Sync + 'static) -> Scene {
    let mut canaries = canaries();
    if live != "foreign" {
        // Nobody knows it then.
        canaries.remove("live-env");
    }
    let env = format!("FROM_APP={}\nHEX={}\nLOG_LEVEL=info\n", canaries["app-env"], canaries["hex-env"]);
    let live = match live {
        "foreign" => text(&canaries).replace("web:1.0", "web:0.9").replace("MODE: production", &format!("OLD: {}", canaries["live-env"])),
        live => live.to_owned(),
    };
    let compose = Compose { env: Some(env), text: live, ..Compose::named("backend") };
    let environments = vec![Environment { name: "staging".to_owned(), composes: vec![compose] }];
    let config = Config {
        keys: vec![Key::owner(&canaries["key"])],
        projects: vec![Project { name: "Backend".to_owned(), environments }],
        faults: faults.iter().map(|fault| Fault::parse(fault).unwrap()).collect(),
        ..small::config()
    };
    let served = Served::start(config, &small::ADDRESSES);
    let mine = canaries.clone();
    let between = Between::start(&served.exports.url, move |procedure, before| {
        fate(&mine, procedure, before).unwrap_or_else(|| match procedure {
            "compose.readLogs" | "deployment.readLogs" => {
                let mine = mine.clone();
                Fate::Change(Box::new(move |body| said(&mine, body)))
            }
            _ => Fate::Pass,
        })
    });
    let exports = Exports { url: between.url.clone(), key: canaries["key"].clone(), connect_to: served.exports.connect_to.clone() };
    let home = exports.home().with("PROBE_PATH", &canaries["probe-path"]).with("PROBE_QUERY", &canaries["probe-query"]);
    // What somebody is told is laid beside the state, to be looked through with it.
    let webhook = super::notices::Receiver::start(&home.path().join("state/told"));
    let home = home.with("OPS_WEBHOOK", &format!("{}/{}", webhook.url, canaries["webhook"]));
    let plan =
        format!("{}\nnotify webhook secret(\"OPS_WEBHOOK\") about start, phase, approval, delay, failure, rollback, end\n", small::PLAN);
    let plan = plan
        .replace("service web {", "let path = secret(\"PROBE_PATH\")\nlet query = secret(\"PROBE_QUERY\")\n\nservice web {")
        .replace("http://127.0.0.1:18080/health", "http://127.0.0.1:18080/{path}/health?token={query}");
    home.file("rollout.plan", &plan.replace("settle within 30s", "settle within 5s"));
    home.file("one.yml", &text(&canaries));
    home.file("two.yml", &format!("{}{}", text(&canaries), worker(&canaries)));
    Scene { canaries, served, between, home }
}

fn as_it_is(_: &Canaries, _: &str, _: usize) -> Option<Fate> {
    None
}

const FORMATS: [&str; 3] = ["human", "plain", "json"];

#[test]
fn a_run_that_succeeds_leaves_no_piece_of_a_secret() {
    side_by_side(FORMATS, |format| {
        let scene = scene("", &[], as_it_is);
        let ran = scene.home.plan(["run", "--yes", "--format", format]);
        ran.ends(0);
        nothing_leaks(&scene.canaries, &scene.home, &ran);
    });
}

#[test]
fn a_failure_its_evidence_and_its_rollback_leave_no_piece_of_a_secret() {
    let cases = [
        ("human", "worker: crash-loop", "logs/worker.log"),
        ("plain", "worker: build-fails", "deploy.log"),
        ("json", "web: http-500 in two", "logs/web.log"),
    ];
    side_by_side(cases, |(format, fault, log)| {
        let scene = scene("", &[fault], as_it_is);
        let ran = scene.home.plan(["run", "--yes", "--format", format]);
        assert!([4, 5].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
        nothing_leaks(&scene.canaries, &scene.home, &ran);
        let told = files(&scene.home.path().join("state/told")).len();
        assert!(told >= 5, "only {told} notices");
        // Masked, and not merely absent; and what an operator reads logs by is there.
        let evidence = scene.home.run().join("evidence/01-two");
        let log = fs::read_to_string(evidence.join(log)).unwrap();
        for shown in ["raw [$FROM_APP];", "raw [secret];", "raw [$GREETING];", "x [$FROM_APP]"] {
            assert!(log.contains(shown), "{shown} is not in {log}");
        }
        let compose = fs::read_to_string(evidence.join("compose.yml")).unwrap();
        for shown in ["GREETING: [$GREETING]", "MODE: production", "image: registry.example/web:1.0", "FROM_APP: ${FROM_APP}"] {
            assert!(compose.contains(shown), "{shown} is not in {compose}");
        }
        let original =
            compose.lines().find_map(|line| line.strip_prefix("# values that may be secret are masked here; the text as it was: "));
        let original = fs::read_to_string(original.unwrap_or_else(|| panic!("{compose}"))).unwrap();
        assert!(original.contains(&scene.canaries["compose-env"]));
    });
}

#[test]
fn a_refusal_and_its_difference_show_no_piece_of_a_secret() {
    side_by_side(FORMATS, |format| {
        let scene = scene("foreign", &[], as_it_is);
        let ran = scene.home.plan(["run", "--yes", "--format", format]);
        ran.ends(3);
        assert!(
            format == "json" || ran.stderr.contains("web:0.9") && ran.stderr.contains("OLD"),
            "the difference is shown: {}{}",
            ran.stdout,
            ran.stderr
        );
        nothing_leaks(&scene.canaries, &scene.home, &ran);
        let checked = scene.home.plan(["check", "--live", "--format", format]);
        checked.ends(3);
        nothing_leaks(&scene.canaries, &scene.home, &checked);
    });
}

/// Everything that Dokploy might say, in one message.
fn confession(canaries: &Canaries) -> String {
    let all: Vec<String> = canaries.iter().map(|(place, canary)| format!("{place}={canary}")).collect();
    format!("insert into compose values ({}) {}", all.join(", "), said(canaries, marks().replace('\'', "")))
}

#[test]
fn what_dokploy_and_proxies_say_of_an_error_shows_no_piece_of_a_secret() {
    let message = |canaries: &Canaries| serde_json::json!({ "message": confession(canaries), "code": "INTERNAL_SERVER_ERROR" }).to_string();
    let page = |canaries: &Canaries| format!("<html><title>{}</title></html>", confession(canaries));
    let cases: [(&str, &str, u16, bool); 4] = [
        ("human", "compose.update", 400, true),
        ("plain", "compose.deploy", 400, true),
        ("json", "docker.getContainersByAppNameMatch", 500, true),
        ("plain", "settings.getDokployVersion", 200, false),
    ];
    side_by_side(cases, |(format, procedure, status, is_message)| {
        let scene = scene("", &[], move |canaries, asked, _| {
            let body = if is_message { message(canaries) } else { page(canaries) };
            let kind = if is_message { "application/json" } else { "text/html" };
            (asked == procedure).then_some(Fate::Answer(status, kind, body))
        });
        let ran = scene.home.plan(["run", "--yes", "--format", format]);
        assert!(![0, 1, 2].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
        assert!(scene.between.seen().iter().any(|seen| seen == procedure));
        nothing_leaks(&scene.canaries, &scene.home, &ran);
    });
}

#[test]
fn a_transport_that_breaks_in_the_middle_shows_no_piece_of_a_secret() {
    let scene = scene("", &[], |_, asked, before| match asked {
        "compose.deploy" => Some(Fate::Answer(502, "text/html", "<html>bad gateway</html>".to_owned())),
        // Known before the first change, and gone after it.
        "project.all" | "compose.one" if before > 6 => Some(Fate::Answer(502, "text/html", "<html>bad gateway</html>".to_owned())),
        _ => None,
    });
    let plan = fs::read_to_string(scene.home.path().join("rollout.plan")).unwrap();
    scene.home.file("rollout.plan", &(plan.replace("within 1m", "within 10s") + "\nqueue within 10s\n"));
    let ran = scene.home.plan(["run", "--yes", "--format", "json"]);
    assert!(ran.code >= 4, "{}{}", ran.stdout, ran.stderr);
    nothing_leaks(&scene.canaries, &scene.home, &ran);
}

#[test]
fn a_text_that_is_wrong_is_shown_without_what_it_holds() {
    let scene = scene("", &[], as_it_is);
    // Every line of it is pointed at, or stands beside one that is.
    let wrong = text(&scene.canaries)
        .replace("ports: [\"18080:80\"]", "ports: [\"18080:80\", \"18080:81\", \"x:y\"]")
        .replace("    labels:", "   labels:");
    scene.home.file("one.yml", &wrong);
    for format in ["human", "json"] {
        let ran = scene.home.plan(["check", "--offline", "--format", format]);
        ran.ends(2);
        nothing_leaks(&scene.canaries, &scene.home, &ran);
    }
    // As user and password of an address, which no expectation takes.
    let plan = fs::read_to_string(scene.home.path().join("rollout.plan")).unwrap();
    scene.home.file("rollout.plan", &plan.replace("http://127.0.0.1:18080/{path}", "http://{path}:{query}@127.0.0.1:18080"));
    scene.home.file("one.yml", &text(&scene.canaries));
    let ran = scene.home.plan(["run", "--yes"]);
    ran.ends(2);
    nothing_leaks(&scene.canaries, &scene.home, &ran);
    assert_eq!(scene.served.exports.log(), []);
}

/// Everybody on the machine can read the arguments of its processes.
#[test]
fn no_process_has_a_piece_of_a_secret_among_its_arguments() {
    let scene = scene("", &[], as_it_is);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut seen = String::new();
            while !ended.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").unwrap().flatten() {
                    let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                    let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
                    if arguments.contains("git") || arguments.contains("/plan ") {
                        seen.push_str(&arguments);
                        seen.push('\n');
                    }
                }
            }
            seen
        });
        let output = scene.home.command(["run", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).output();
        ended.store(true, Ordering::Relaxed);
        let seen = looking.join().unwrap();
        assert!(output.unwrap().status.success());
        assert!(seen.contains("ls-remote"), "git was seen asking");
        no_piece(&scene.canaries, &seen, "the arguments of processes");
    });
}
