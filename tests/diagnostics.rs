//! docs/diagnostics.md: typical mistakes in the example, and exactly what `plan check` prints of each. `UPDATE_FIXTURES=1` writes it anew.

use crate::fixture;
use crate::program::binary::Home;
use rollout_plan::diagnostic::Code;
use similar::TextDiff;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// A mistake that somebody makes in one file of the example.
struct Mistake {
    title: &'static str,
    file: &'static str,
    right: &'static str,
    wrong: &'static str,
    /// The codes of what is told of it, in order.
    codes: &'static [Code],
}

const PLAN: &str = "rollout.plan";

const MISTAKES: [Mistake; 14] = [
    Mistake {
        title: "A service that is misspelt",
        file: PLAN,
        right: "service brain-api {",
        wrong: "service brian-api {",
        codes: &[Code::ServiceNotInCompose],
    },
    Mistake { title: "A colon after a keyword", file: PLAN, right: "  every 5s\n", wrong: "  every: 5s\n", codes: &[Code::Syntax] },
    Mistake {
        title: "`and` in a list",
        file: PLAN,
        right: "  expect external postgres, redis, temporal\n",
        wrong: "  expect external postgres, redis and temporal\n",
        codes: &[Code::Syntax],
    },
    Mistake {
        title: "A time in quotes",
        file: PLAN,
        right: "  deploy backend from \"phase2.yml\" within 10m\n",
        wrong: "  deploy backend from \"phase2.yml\" within \"10m\"\n",
        codes: &[Code::WrongKind],
    },
    Mistake {
        title: "A time in words",
        file: PLAN,
        right: "  settle within 3m\n",
        wrong: "  settle within 3 minutes\n",
        codes: &[Code::Syntax],
    },
    Mistake { title: "A time without its unit", file: PLAN, right: "  soak 1m\n", wrong: "  soak 60\n", codes: &[Code::UnitMissing] },
    Mistake {
        title: "A list as in YAML",
        file: PLAN,
        right: "  expect external postgres, redis, temporal\n",
        wrong: "  expect external\n    - postgres\n    - redis\n    - temporal\n",
        codes: &[Code::Syntax],
    },
    Mistake {
        title: "A compose file's lines, with tabs",
        file: PLAN,
        right: "  note \"AI gateway\"\n",
        wrong: "\tenvironment:\n\t\tPORT: \"8001\"\n\tports:\n\t\t- \"8001:8001\"\n  note \"AI gateway\"\n",
        codes: &[Code::Syntax],
    },
    Mistake {
        title: "Quotes from a word processor",
        file: PLAN,
        right: "  project \"Backend\"\n",
        wrong: "  project “Backend”\n",
        codes: &[Code::Syntax],
    },
    Mistake {
        title: "A brace that is missing",
        file: PLAN,
        right: "    time < 2s\n  }\n  expect logs",
        wrong: "    time < 2s\n  expect logs",
        codes: &[Code::UnclosedBlock],
    },
    Mistake {
        title: "A JSON text in double quotes",
        file: PLAN,
        right: "\"http://{host}:8003/health\" { status == 200 }",
        wrong: "\"http://{host}:8003/health\" { body contains \"{\\\"status\\\":\\\"ok\\\"}\" }",
        codes: &[Code::Interpolation],
    },
    Mistake {
        title: "A phase after one that is misspelt",
        file: PLAN,
        right: "phase business after core {",
        wrong: "phase business after cor {",
        codes: &[Code::UnknownName],
    },
    Mistake {
        title: "A compose file that is not there",
        file: PLAN,
        right: "\"phase4.yml\"",
        wrong: "\"phase-4.yml\"",
        codes: &[Code::ComposeMissing],
    },
    Mistake {
        title: "A port that is published twice",
        file: "phase3.yml",
        right: "      - \"8004:8004\"\n",
        wrong: "      - \"8003:8004\"\n",
        codes: &[Code::PortClash],
    },
];

const HEAD: &str = "\
# Diagnostics

Typical mistakes in the plan of `examples/bizosaas`, one at a time, and what `plan check` prints of each. All findings of a plan are shown in
one go, sorted by their place. A finding has a code, a message, the place with what is there, and a help that can mostly be pasted;
`plan explain CODE` prints the page of a code, which lies in docs/codes, and `plan explain --list` lists them. The forms for logs, programs
and GitHub stand in [output.md](output.md).

<!-- written by tests/diagnostics.rs -->
";

/// The changed lines, with one around them.
fn difference(file: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut shown = format!("{file}\n");
    for line in diff.unified_diff().context_radius(1).to_string().lines().filter(|line| !line.starts_with("@@")) {
        let _ = writeln!(shown, "{line}");
    }
    shown
}

/// What is printed of the example with a mistake in it, and what was changed.
fn made(mistake: &Mistake) -> (String, String) {
    let home = Home::new();
    let folder = home.copy_of_example();
    let path = folder.join(mistake.file);
    let before = fs::read_to_string(&path).unwrap();
    let after = before.replacen(mistake.right, mistake.wrong, 1);
    assert_ne!(before, after, "{}: {:?} is not in {}", mistake.title, mistake.right, mistake.file);
    fs::write(path, &after).unwrap();
    let ran = home.command(["check", "--offline", "--color", "never"]).current_dir(folder).output().unwrap();
    assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(2), [].as_slice()), "{}", mistake.title);
    (String::from_utf8(ran.stderr).unwrap(), difference(mistake.file, &before, &after))
}

#[test]
fn typical_mistakes_are_told_as_the_document_shows() {
    let mut document = HEAD.to_owned();
    for mistake in &MISTAKES {
        let (told, difference) = made(mistake);
        let told: String = told.lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
        let _ = write!(document, "\n## {}\n\n```diff\n{difference}```\n\n```text\n{told}```\n", mistake.title);
        let codes: Vec<&str> = told.lines().filter(|line| Code::ALL.iter().any(|code| code.as_str() == *line)).collect();
        let expected: BTreeSet<&str> = mistake.codes.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.iter().copied().collect::<BTreeSet<_>>(), expected, "{}:\n{told}", mistake.title);
        assert!(told.lines().all(|line| line.chars().count() <= 110), "{told}");
    }
    fixture::compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md"), &document);
}
