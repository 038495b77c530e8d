//! Records that somebody cut, changed or put something beside: told, never hidden, and never a panic.

use super::{STATE, root};
use rollout_plan::report::past::{End, Listed, Summary, history, history_json, replay};
use rollout_plan::report::{Format, Streams};
use rollout_plan::store::{Archive, Condition, Past};
use std::path::Path;

fn streams() -> Streams {
    Streams { out: Box::new(std::io::sink()), err: Box::new(std::io::sink()), screen: None, width: 80, colour: false }
}

/// Reads, lists and shows the only run of a state folder.
fn use_it(state: &Path) -> Past {
    let places = Archive::open(Some(state.to_owned())).unwrap().places().unwrap();
    let past = places[0].read();
    let listed = [Listed::of(&past, None)];
    assert!(history(&listed, true, (60, false)).starts_with("20261121-160000-4b9c"));
    assert!(serde_json::from_str::<serde_json::Value>(&history_json(&listed)).is_ok());
    for format in [Format::Human, Format::Plain, Format::Json] {
        replay(&past, None, format, streams());
    }
    past
}

fn state_with(journal: &[u8]) -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("runs/20261121-160000-4b9c");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("journal.jsonl"), journal).unwrap();
    state
}

fn recorded() -> Vec<u8> {
    std::fs::read(root().join(STATE).join("runs/20261121-160000-4b9c/journal.jsonl")).unwrap()
}

#[test]
fn a_journal_cut_anywhere_is_shown_as_far_as_it_goes() {
    let whole = recorded();
    let lines: Vec<usize> = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    let state = state_with(&whole);
    let path = state.path().join("runs/20261121-160000-4b9c/journal.jsonl");
    // Around the end of every line, and at every byte of the last one.
    let cuts = lines.iter().flat_map(|end| end.saturating_sub(2)..=end + 2).chain(lines[lines.len() - 2]..whole.len());
    for cut in cuts.filter(|cut| *cut <= whole.len()) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let past = use_it(state.path());
        let begun = lines.iter().filter(|end| **end <= cut).count();
        assert_eq!(past.entries.len(), begun, "{cut}");
        match past.condition {
            Condition::Whole => assert!(cut == 0 || lines.contains(&cut), "{cut}"),
            Condition::Torn(at) => assert_eq!(at, if begun == 0 { 0 } else { lines[begun - 1] as u64 }),
            other => panic!("{cut}: {other:?}"),
        }
        if cut < whole.len() {
            assert!(matches!(Summary::of(&past).end, End::CutOff { .. }), "{cut}");
        }
    }
}

#[test]
fn what_was_changed_by_hand_is_damage_with_its_offset() {
    let text = String::from_utf8(recorded()).unwrap();
    let far = usize::MAX.to_string();
    for (from, to) in [
        (r#""phase":3"#, r#""phase":7"#.to_owned()),
        (r#""phase":3"#, format!(r#""phase":{far}"#)),
        (r#""gate":1"#, format!(r#""gate":{far}"#)),
        (r#""to_run":[0,1,2,3]"#, r#""to_run":[0,1,2,3,4]"#.to_owned()),
        (r#""gates":[0]"#, r#""gates":[9]"#.to_owned()),
        (r#"{"rollback":{"phase":2}}"#, r#"{"rollback":{"phase":4}}"#.to_owned()),
        (r#""event":"agreed""#, r#""event":"agreeable""#.to_owned()),
    ] {
        let at = text.find(from).unwrap_or_else(|| panic!("{from} is not in the record"));
        let changed = text.replacen(from, &to, 1);
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1) as u64;
        let past = use_it(state_with(changed.as_bytes()).path());
        let End::Damaged { offset, what } = Summary::of(&past).end else { panic!("{from}: {:?}", past.condition) };
        assert_eq!(offset, Some(line), "{from}: {what}");
    }
}

#[test]
fn no_change_of_a_number_makes_a_reader_fall_over() {
    let text = recorded();
    let digits: Vec<usize> = (0..text.len()).filter(|at| text[*at].is_ascii_digit()).collect();
    let state = state_with(&text);
    let path = state.path().join("runs/20261121-160000-4b9c/journal.jsonl");
    for at in digits.iter().step_by(53) {
        for digit in [b'0', b'9'] {
            let mut changed = text.clone();
            changed[*at] = digit;
            std::fs::write(&path, &changed).unwrap();
            use_it(state.path());
        }
    }
}

#[test]
fn whatever_lies_in_a_state_folder_reading_goes_on() {
    let state = tempfile::tempdir().unwrap();
    let runs = state.path().join("runs");
    let make = |name: &str| std::fs::create_dir_all(runs.join(name)).unwrap();
    make("20261121-160000-fldr/journal.jsonl");
    make("20261121-160001-bnry");
    std::fs::write(runs.join("20261121-160001-bnry/journal.jsonl"), [0xff, 0xfe, b'\n', 0]).unwrap();
    make("20261121-160002-pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        runs.join("20261121-160002-pipe/journal.jsonl"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    make("\u{1b}[31mred");
    std::fs::write(runs.join("a file"), "x").unwrap();
    std::os::unix::fs::symlink("nowhere", runs.join("20261121-160003-link")).unwrap();
    let archive = Archive::open(Some(state.path().to_owned())).unwrap();
    let listed: Vec<Listed> = archive.places().unwrap().iter().map(|place| Listed::of(&place.read(), None)).collect();
    let names: Vec<&str> = listed.iter().map(|run| run.summary.run.as_str()).collect();
    assert_eq!(names, ["20261121-160002-pipe", "20261121-160001-bnry", "20261121-160000-fldr", "\u{1b}[31mred"]);
    let text = history(&listed, true, (80, false));
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("no journal") && text.contains("damaged at byte 0") && text.contains("is no plain file"), "{text}");

    let nothing = Archive::open(Some(state.path().join("none"))).unwrap();
    assert!(nothing.places().unwrap().is_empty() && !state.path().join("none").exists(), "looking makes nothing");
}
