//! What services say gets into every format as text, and as nothing else.

use super::junit::structure;
use super::recorded::{STATE, past};
use super::root;
use rollout_plan::report::Format;
use rollout_plan::report::account::{Account, github, junit, markdown};
use rollout_plan::report::past::replayed;
use rollout_plan::store::{Archive, Past};
use std::path::Path;

/// What the container of the recorded failure was seen to do, and what it is made to say instead.
const SAID: &str = "restarted 4 times since the deploy, 3 are forgiven";
const HOSTILE: &str = "]]></failure>\n::error file=x::owned\r\n  ::add-mask::a ##[error]b | c `d` ``` <script>alert(1)</script> \
                       [x](javascript:alert(1)) **e** @team \u{1b}[31mred\u{1b}[0m\u{0}\u{8}\u{202e}\u{fffe}%0A::warning::f";

/// The recorded failure with that in its place, in the journal and in the log that was kept.
fn said_by_somebody(state: &Path) -> Past {
    let run = "20261128-100000-back";
    let (from, to) = (root().join(STATE).join("runs").join(run), state.join("runs").join(run));
    let evidence = "evidence/01-complete/logs";
    std::fs::create_dir_all(to.join(evidence)).unwrap();
    let journal = std::fs::read_to_string(from.join("journal.jsonl")).unwrap();
    let quoted = serde_json::to_string(HOSTILE).unwrap();
    assert!(journal.contains(SAID), "the recorded run is another one");
    std::fs::write(to.join("journal.jsonl"), journal.replace(SAID, quoted.trim_matches('"'))).unwrap();
    std::fs::write(to.join(evidence).join("ai-agents.log"), format!("starting\n{HOSTILE}\nfatal: the end\n")).unwrap();
    Archive::open(Some(state.to_owned())).unwrap().places().unwrap()[0].read()
}

#[test]
fn what_services_say_is_text_in_every_format() {
    let state = tempfile::tempdir().unwrap();
    let hostile = said_by_somebody(state.path());
    let account = Account::of(&hostile, None, None).unwrap();
    let tame = Account::of(&past("20261128-100000-back"), None, None).unwrap();

    let xml = junit(&account);
    assert_eq!(structure(&xml), structure(&junit(&tame)), "the same cases, whatever they say");
    assert!(xml.contains("]]&gt;&lt;/failure&gt;"), "{xml}");

    let commands = github(&account);
    assert_eq!(commands.lines().count(), github(&tame).lines().count(), "no command more");
    for command in commands.lines() {
        let (properties, message) = command.strip_prefix("::").unwrap().split_once("::").unwrap();
        assert!(["error ", "warning ", "notice "].iter().any(|level| properties.starts_with(level)), "{command}");
        assert!(!message.contains('\r') && !properties.contains("file=x"), "{command}");
    }
    assert!(commands.contains("%0A::error file=x::owned%0D%0A") || commands.contains("::error file=x::owned"), "it is told: {commands}");

    let report = markdown(&account);
    let fences: Vec<&str> = report.lines().filter(|line| line.starts_with("````")).collect();
    assert!(fences.len().is_multiple_of(2) && !fences.is_empty(), "the log's own fence is inside of a longer one: {report}");
    let mut is_verbatim = false;
    for line in report.lines() {
        is_verbatim ^= line.starts_with("```");
        if !is_verbatim {
            let line = line.replace("\\]", "");
            assert!(!line.contains("<script") && !line.contains("](javascript") && !line.contains("@team"), "{line}");
            let cells = line.replace("\\|", "").matches('|').count();
            assert!(!line.starts_with('|') || [3, 5, 6, 4, 10].contains(&cells), "{cells} cells: {line}");
        }
    }

    for text in [&xml, &commands, &report] {
        assert!(!text.contains(['\u{1b}', '\u{0}', '\u{8}', '\u{202e}']), "{text:?}");
    }
    assert!(!xml.contains('\u{fffe}'), "XML has no such character");
    for format in [Format::Human, Format::Plain, Format::Json] {
        assert!(!replayed(&hostile, None, format).unwrap().contains(['\u{1b}', '\u{0}', '\u{8}', '\u{202e}']));
    }
}
