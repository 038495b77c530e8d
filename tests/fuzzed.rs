//! Texts that nobody would write: every plan and compose file of the examples and tests, cut, doubled, mixed and bitten into, read, checked and
//! told of in every form. Nothing panics, every span lies in its file, and no text takes long.
//!
//! The seed is printed when something is found. `PLAN_FUZZ_SEED` tries another one, `PLAN_FUZZ_ROUNDS` more texts.

use rollout_plan::check::{FileError, Files, check};
use rollout_plan::compose;
use rollout_plan::diagnostic::Diagnostic;
use rollout_plan::fmt::format;
use rollout_plan::model::load;
use rollout_plan::report::diagnostics::{Look, human, json};
use rollout_plan::source::{SourceMap, Span};
use rollout_plan::syntax::parse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

const SEED: u64 = 20_240_229;
const ROUNDS: u64 = 150;
/// A text may take so long on a machine that does something else, too.
const LONGEST: Duration = Duration::from_secs(20);
/// Longer texts are cut: their growth is looked at elsewhere.
const MAX_BYTES: usize = 12_000;

/// Pieces of the language and of YAML that bring a reader into its corners.
const PIECES: &[&str] = &[
    "{",
    "}",
    "{\n",
    "\n}\n",
    "\"",
    "'",
    "[",
    "]",
    "(",
    ")",
    ",",
    "#",
    "\n",
    "\r\n",
    "\r",
    "=",
    ":",
    ": ",
    " ",
    "\t",
    "\\",
    "$",
    "${",
    "${A:-b}",
    "{x}",
    "..",
    "/",
    "/(/",
    "10",
    "99999999999999999999",
    "5 minutes",
    "0s",
    "“",
    "é",
    "漢",
    "👩‍👩‍👧",
    "e\u{301}",
    "\u{202e}",
    "\u{feff}",
    "\0",
    "\u{1b}[2J",
    "\u{a0}",
    "phase",
    "service x {",
    "expect",
    "within",
    "after",
    "env(",
    "secret(\"",
    "&a ",
    "*a",
    "<<: *a",
    "- ",
    "? ",
    "|\n",
    ">-\n",
    "!!binary ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "services:\n",
    "  web: {}\n",
    "null",
    "~",
];

/// A small generator of numbers that look random (`SplitMix64`), so that a seed gives the same texts on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// A range of the text, at most so long.
    fn range(&mut self, text: &str, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(text.len() + 1);
        let (start, end) = (floor(text, start), floor(text, start + self.below(longest)));
        start..end.max(start)
    }
}

fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap()
}

fn mutated(dice: &mut Dice, seeds: &[String]) -> String {
    let mut text = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(6) {
        match dice.below(8) {
            0 | 1 => {
                let range = dice.range(&text, 1);
                text.insert_str(range.start, dice.one_of(PIECES));
            }
            2 => {
                let range = dice.range(&text, 40);
                text.replace_range(range, dice.one_of(PIECES));
            }
            3 => {
                let range = dice.range(&text, 400);
                text.replace_range(range, "");
            }
            4 => {
                let range = dice.range(&text, 300);
                let (at, doubled) = (range.start, text[range].to_owned());
                text.insert_str(at, &doubled);
            }
            5 => {
                let other = &seeds[dice.below(seeds.len())];
                let taken = other[dice.range(other, 300)].to_owned();
                let range = dice.range(&text, 60);
                text.replace_range(range, &taken);
            }
            6 => {
                let many = dice.one_of(PIECES).repeat(1 + dice.below(200));
                let range = dice.range(&text, 1);
                text.insert_str(range.start, &many);
            }
            // A byte, as a broken disk would: what is no UTF-8 any more is replaced as it would be shown.
            _ => {
                let mut bytes = text.into_bytes();
                let at = dice.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
                text = String::from_utf8_lossy(&bytes).into_owned();
            }
        }
    }
    text.truncate(floor(&text, MAX_BYTES));
    text
}

/// All texts of a folder, those in folders below too, whose names end so.
fn texts(folder: &Path, end: &[&str], found: &mut Vec<String>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            texts(&path, end, found);
        } else if path.extension().is_some_and(|extension| end.iter().any(|end| extension == *end)) {
            found.extend(std::fs::read_to_string(&path).ok());
        }
    }
}

fn corpus(end: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["examples", "tests"] {
        texts(&root.join(folder), end, &mut found);
    }
    found
}

/// Whatever file a plan names, it is this one.
struct Always<'a>(&'a str);

impl Files for Always<'_> {
    fn read(&self, path: &str) -> Result<String, FileError> {
        if path.contains("missing") { Err(FileError::Missing) } else { Ok(self.0.to_owned()) }
    }

    fn beside(&self, _: &str) -> Vec<String> {
        vec!["phase1.yml".to_owned(), "two.yml".to_owned()]
    }
}

fn lie_in_their_files(diagnostics: &[Diagnostic], sources: &SourceMap) {
    for diagnostic in diagnostics {
        for label in std::iter::once(&diagnostic.primary).chain(&diagnostic.labels) {
            lies_in_its_file(label.span, sources);
        }
        assert!(!diagnostic.message.is_empty() && !diagnostic.message.contains('\n'), "{diagnostic:?}");
    }
}

fn lies_in_its_file(span: Span, sources: &SourceMap) {
    let text = sources.file(span.file).text();
    assert!(text.get(span.range()).is_some(), "{span:?} is no range of a text of {} bytes", text.len());
}

/// Everything that is done with a plan and a compose file before anything is asked of Dokploy.
fn use_up(plan: &str, composed: &str) {
    let mut sources = SourceMap::default();
    let file = sources.add("rollout.plan", plan);
    lie_in_their_files(&parse(file, plan).problems, &sources);
    if let Ok(once) = format(plan) {
        assert_eq!(format(&once).expect("it was read before"), once, "laying out twice is laying out once");
    }
    let other = sources.add("phase1.yml", composed);
    if let Err(faults) = compose::read(other, composed) {
        for at in faults.iter().filter_map(|fault| fault.at.clone()) {
            lies_in_its_file(Span::new(other, at), &sources);
        }
    }
    let lowered = load(file, plan);
    let checked = check(&lowered, &mut sources, &Always(composed));
    lie_in_their_files(&checked.diagnostics, &sources);
    for width in [40, 80, 200] {
        for colour in [false, true] {
            let shown = human(&checked.diagnostics, &sources, Look { width, colour, all: width == 80 });
            assert_eq!(shown.is_empty(), checked.diagnostics.is_empty());
            let escapes = shown.matches('\u{1b}').count();
            assert!(colour || escapes == 0, "an escape sequence that is not ours");
        }
    }
    let lines = json(&checked.diagnostics, &sources);
    assert_eq!(lines.lines().count(), checked.diagnostics.len());
    lines.lines().for_each(|line| assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}"));
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |value| value.parse().unwrap())
}

#[test]
fn nothing_that_is_written_breaks_the_reading() {
    let (seed, rounds) = (number("PLAN_FUZZ_SEED", SEED), number("PLAN_FUZZ_ROUNDS", ROUNDS));
    let (plans, composed) = (corpus(&["plan"]), corpus(&["yml", "yaml"]));
    assert!(plans.len() > 10 && composed.len() > 10, "{} plans, {} compose files", plans.len(), composed.len());
    for round in 0..rounds {
        let mut dice = Dice(seed.wrapping_add(round.wrapping_mul(0x5851_F42D_4C95_7F2D)));
        // One of the two as it is, most of the time: two broken ones hide each other.
        let plan = if round % 3 == 0 { plans[dice.below(plans.len())].clone() } else { mutated(&mut dice, &plans) };
        let compose = if round % 3 == 1 { composed[dice.below(composed.len())].clone() } else { mutated(&mut dice, &composed) };
        let start = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| use_up(&plan, &compose)));
        let taken = start.elapsed();
        assert!(
            read.is_ok() && taken < LONGEST,
            "PLAN_FUZZ_SEED={seed}, round {round}, {taken:?}\nplan: {plan:?}\ncompose file: {compose:?}"
        );
    }
}

/// What the loop has found once.
#[test]
fn what_was_found_stays_mended() {
    let plan = include_str!("../examples/bizosaas/rollout.plan");
    for nested in ["- ", "? ", "[", "{a: "] {
        // More stack than a thread has, where depth was not bounded enough.
        use_up(plan, &format!("services:\n  {}\n", nested.repeat(200)));
    }
}
