//! A run shown again from its record says what it said when it ran.

use crate::support::captured::{Captured, Window};
use crate::support::live::{Left, rollout_told, sandbox, seed};
use console::measure_text_width;
use rollout_plan::drive::Report;
use rollout_plan::engine::{Event, Moment, Options, Origin};
use rollout_plan::report::terminal::Screen;
use rollout_plan::report::{Format, Reporter, Setting, Speed, Streams, past};
use rollout_plan::schedule::{Header, PhaseId, body_of, digest};
use rollout_plan::store::bundle::{self, Unsound};
use rollout_plan::store::{Archive, Past};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const WIDTH: u16 = 100;

fn lines(captured: &Captured) -> Vec<String> {
    captured.text().lines().map(str::to_owned).collect()
}

fn streams(out: &Captured, err: &Captured, screen: Option<&Window>) -> Streams {
    let screen = screen.map(|screen| Box::new(screen.clone()) as Box<dyn Screen>);
    Streams { out: Box::new(out.clone()), err: Box::new(err.clone()), screen, width: usize::from(WIDTH), colour: false }
}

/// Several reporters of one run.
struct Several(Vec<Reporter>);

impl Report for Several {
    fn event(&mut self, now: Moment, event: &Event) {
        self.0.iter_mut().for_each(|reporter| reporter.event(now, event));
    }
}

fn setting() -> Setting {
    Setting { sandbox: Some(Speed::Times(20.0)), plan: "it's/rollout.plan".to_owned(), back: None, probed_from: Some("build-7".to_owned()) }
}

/// What a run showed: the screen, plain lines, JSON lines, and each one's stdout.
struct Shown {
    human: Vec<String>,
    plain: Vec<String>,
    json: Vec<String>,
    verdict: Vec<String>,
}

fn again(past: &Past) -> Shown {
    let replay = |format| {
        let (out, err) = (Captured::default(), Captured::default());
        assert!(past::replay(past, None, format, streams(&out, &err, None)));
        (lines(&out), lines(&err))
    };
    let ((verdict, human), (_, plain), (json, _)) = (replay(Format::Human), replay(Format::Plain), replay(Format::Json));
    // The first line says which run it is and when it was.
    Shown { human: human[1..].to_vec(), plain: plain[1..].to_vec(), json, verdict }
}

/// Runs the example and gives what was shown, what is shown again, and what is left.
async fn twice(faults: &[&str], state: &Path, options: Options) -> (Shown, Shown, Left) {
    let sandbox = sandbox(faults).await;
    let captured: Vec<(Captured, Captured)> = (0..3).map(|_| Default::default()).collect();
    let screen = Window::new(usize::from(WIDTH), 24);
    let formats = [Format::Human, Format::Plain, Format::Json];
    let reporters = formats.iter().zip(&captured).map(|(format, (out, err))| {
        let screen = (*format == Format::Human).then_some(&screen);
        Reporter::new(*format, setting(), &seed(), streams(out, err, screen))
    });
    let mut told = Several(reporters.collect());
    let options = Options { origin: Origin { dokploy: "http://127.0.0.1:3000".to_owned(), ..setting().origin() }, ..options };
    let left = rollout_told(seed(), "20261123-164501-k3f9", &sandbox, state, options, &mut told).await;
    told.0.iter_mut().for_each(|reporter| reporter.finish(&left.ending, left.ending.exit_code()));
    drop(told);
    let [(human_out, _), (_, plain), (json, _)] = captured.as_slice() else { panic!() };
    let live = Shown {
        human: screen.contents().lines().map(|line| line.trim_end().to_owned()).collect(),
        plain: lines(plain),
        json: lines(json),
        verdict: lines(human_out),
    };
    (live, again(&past_of(state)), left)
}

fn past_of(state: &Path) -> Past {
    let archive = Archive::open(Some(state.to_owned())).unwrap();
    let places = archive.places().unwrap();
    assert_eq!(places.len(), 1);
    places[0].read()
}

/// Without what only shows that time goes on.
fn lasting(lines: &[String]) -> Vec<&String> {
    lines.iter().filter(|line| !line.contains("  waiting     ") && !line.contains(r#""event":"round""#)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_shown_again_says_what_it_said() {
    let cases: [(&[&str], u8); 6] = [
        (&[], 0),
        (&["ai-agents: crash-loop"], 4),
        (&["saleor-api: crash-loop"], 4),
        (&["brain-api: build-fails"], 4),
        (&["ai-agents: crash-loop in complete", "brain-api: crash-loop in rollback"], 5),
        (&["external postgres: down"], 3),
    ];
    for (faults, code) in cases {
        let state = tempfile::tempdir().unwrap();
        let (live, again, left) = twice(faults, state.path(), Options::default()).await;
        assert_eq!(left.ending.exit_code().0, code, "{faults:?}: {}", left.ending.verdict);
        assert_eq!(lasting(&live.plain), lasting(&again.plain), "{faults:?}");
        assert_eq!(lasting(&live.json), lasting(&again.json), "{faults:?}");
        assert_eq!(live.human, again.human, "{faults:?}");
        assert_eq!((live.verdict.len(), &live.verdict), (1, &again.verdict), "{faults:?}");
        assert!(again.human.iter().all(|line| measure_text_width(line) <= usize::from(WIDTH) || line.contains('/')), "{:#?}", again.human);
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_is_shown_without_the_plan_and_wherever_it_was_moved_to() {
    let state = tempfile::tempdir().unwrap();
    let (live, _, _) = twice(&["ai-agents: crash-loop"], state.path(), Options::default()).await;
    let moved = tempfile::tempdir().unwrap();
    std::fs::rename(state.path().join("runs"), moved.path().join("runs")).unwrap();
    assert_eq!(live.human, again(&past_of(moved.path())).human);
}

#[tokio::test(start_paused = true)]
async fn a_run_leaves_a_bundle_of_what_it_verified() {
    let state = tempfile::tempdir().unwrap();
    let (_, _, left) = twice(&["ai-agents: crash-loop"], state.path(), Options::default()).await;
    assert_eq!(left.ending.exit_code().0, 4);
    let past = past_of(state.path());
    let folder = &past.place.folder;
    let bundle = past.place.bundle().unwrap().unwrap();
    let names: Vec<&str> = bundle.phases.iter().map(|phase| phase.phase.as_str()).collect();
    assert_eq!(names, ["foundation", "core", "business"], "what failed is in no bundle");
    assert_eq!((bundle.run.as_str(), bundle.app.name.as_str()), ("20261123-164501-k3f9", "Backend/staging/backend"));
    assert_eq!((bundle.app.dokploy.as_str(), bundle.dokploy.as_str()), ("http://127.0.0.1:3000", "v0.30.2"));
    assert!(!bundle.app.compose_id.is_empty() && bundle.sandbox.as_deref() == Some("20"));
    assert_eq!(bundle.baseline.as_ref().unwrap().read(folder).unwrap(), "");
    for (at, phase) in bundle.phases.iter().enumerate() {
        let text = phase.text.read(folder).unwrap();
        let header = Header::parse(&text).unwrap();
        assert!(header.verified && header.phase == phase.phase && header.files == phase.files);
        assert_eq!((&phase.text.body, &phase.files), (&digest(body_of(&text)), &seed().phase(PhaseId(at)).digest));
        assert_eq!(phase.services, seed().phase(PhaseId(at)).services);
        assert!(phase.images.keys().eq(&phase.services) && phase.commits.values().all(|commit| commit.len() == 40));
    }
    let mode = std::fs::metadata(folder.join(bundle::FILE)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);

    // A text that was changed since is not what was verified, and a path cannot lead elsewhere.
    let kept = &bundle.last().unwrap().text;
    std::fs::write(folder.join(&kept.file), "services: {}\n").unwrap();
    assert!(matches!(kept.read(folder), Err(Unsound::Changed { .. })));
    for file in ["../../secret", "/etc/hostname", "snapshots/../../x"] {
        assert!(matches!(bundle::KeptText { file: file.to_owned(), ..kept.clone() }.read(folder), Err(Unsound::Unreadable(_))), "{file}");
    }
    // It does not need the journal, and a damaged one is told.
    std::fs::write(folder.join("journal.jsonl"), "{}\n").unwrap();
    assert_eq!(past.place.bundle().unwrap().unwrap(), bundle);
    std::fs::write(folder.join(bundle::FILE), r#"{"v":2}"#).unwrap();
    assert!(past.place.bundle().unwrap_err().to_string().contains("form 2"));
}

/// A run that starts after a live phase keeps that phase's text as its baseline: it is in the bundle, too.
#[tokio::test(start_paused = true)]
async fn what_was_live_and_held_is_in_the_bundle() {
    use crate::support::live::rollout_of;
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sandbox = sandbox(&[]).await;
    let until = |phase| Options { until: Some(PhaseId(phase)), ..Options::default() };
    rollout_of(seed(), "first", &sandbox, first.path(), until(0)).await;
    rollout_of(seed(), "second", &sandbox, second.path(), until(1)).await;
    let past = past_of(second.path());
    let bundle = past.place.bundle().unwrap().unwrap();
    let phases: Vec<(&str, bool)> = bundle.phases.iter().map(|phase| (phase.phase.as_str(), phase.asserted_only)).collect();
    assert_eq!(phases, [("foundation", true), ("core", false)]);
    assert_eq!(Some(&bundle.phases[0].text), bundle.baseline.as_ref());
    assert!(Header::parse(&bundle.phases[0].text.read(&past.place.folder).unwrap()).unwrap().verified);
}

/// The address of a build context may hold a token: it goes to Dokploy with the text, and into nothing but the texts that are kept.
#[tokio::test(start_paused = true)]
async fn a_token_in_a_repositorys_address_is_in_no_record() {
    use crate::support::live::{rollout_of, seed_with};
    let state = tempfile::tempdir().unwrap();
    let file = std::fs::read_to_string(super::root().join("examples/bizosaas/phase2.yml")).unwrap();
    let telling = file.replace("https://git.example/", "https://me:canary-7f3a@git.example/");
    assert_ne!(file, telling);
    let until = Options { until: Some(PhaseId(1)), ..Options::default() };
    let left = rollout_of(seed_with(&[("phase2.yml", telling)]), "one", &sandbox(&[]).await, state.path(), until).await;
    assert_eq!(left.ending.exit_code().0, 0, "{}", left.ending.verdict);
    let past = past_of(state.path());
    let bundle = past.place.bundle().unwrap().unwrap();
    let core = bundle.phase("core").unwrap();
    let text = core.text.read(&past.place.folder).unwrap();
    let commit = core.commits.values().next().unwrap();
    assert!(text.contains("canary-7f3a@git.example/") && text.contains(commit), "it is sent as it is, with its commit:\n{text}");
    for file in ["journal.jsonl", bundle::FILE] {
        let record = std::fs::read_to_string(past.place.folder.join(file)).unwrap();
        assert!(record.contains("git.example/") && !record.contains("canary"), "{file}");
    }
}
