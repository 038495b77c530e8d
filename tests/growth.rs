//! What a check costs grows with the plan and the number of its mistakes, and not faster. Never times by themselves: a text sixteen times as
//! long, once, against the short one sixteen times, both of which a busy machine slows.

use rollout_plan::check::{FileError, Files, check};
use rollout_plan::model::load;
use rollout_plan::report::diagnostics::{Look, human, json};
use rollout_plan::source::SourceMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// The short text's size, and how often it is read; the long one is so many times its size.
const SHORT: usize = 40;
const TIMES: usize = 16;
/// Linear is 1, the square is 16.
const ROOM: u32 = 5;

const HEAD: &str = "rollout r\ndokploy {\n  url \"https://dokploy.example\"\n  api-key secret(\"K\")\n}\napp a {\n  project \"P\"\n  environment \"e\"\n  compose \"c\"\n}\n";

/// A compose file with so many services, whatever it is called.
struct Composed(usize);

impl Files for Composed {
    fn read(&self, path: &str) -> Result<String, FileError> {
        if path.starts_with("gone") {
            return Err(FileError::Missing);
        }
        let mut text = "services:\n".to_owned();
        for n in 0..self.0 {
            let _ = write!(text, "  s{n}:\n    image: i:{n}\n    ports: [\"{}:80\"]\n", 1000 + n);
        }
        Ok(text)
    }

    fn beside(&self, _: &str) -> Vec<String> {
        (0..self.0).map(|n| format!("phase{n}.yml")).collect()
    }
}

/// How long checking and telling takes.
fn time(plan: &str, files: &Composed, times: usize) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        let mut sources = SourceMap::default();
        let file = sources.add("rollout.plan", plan);
        let checked = check(&load(file, plan), &mut sources, files);
        let look = Look { width: 80, colour: false, all: false };
        std::hint::black_box((human(&checked.diagnostics, &sources, look), json(&checked.diagnostics, &sources)));
    }
    start.elapsed()
}

/// `text` makes a plan of a size; `composed` says how many services its compose files have for it.
#[track_caller]
fn grows_linearly(what: &str, composed: impl Fn(usize) -> usize, text: impl Fn(usize) -> String) {
    let (short, long) = (text(SHORT), text(SHORT * TIMES));
    let (few, many) = (Composed(composed(SHORT)), Composed(composed(SHORT * TIMES)));
    let mut measured = Vec::new();
    for _ in 0..5 {
        let (short, long) = (time(&short, &few, TIMES).max(Duration::from_micros(500)), time(&long, &many, 1));
        if long < short * ROOM {
            return;
        }
        measured.push((short, long));
    }
    panic!("{what}: {measured:?}");
}

fn each(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(HEAD.to_owned(), |text, n| text + &line(n))
}

const PHASE: &str = "phase p {\n  deploy a from \"one.yml\"\n}\n";

#[test]
fn a_valid_plan_with_its_compose_file() {
    let service = |n: usize| format!("service s{n} {{\n  expect tcp \"10.0.0.1:{}\"\n}}\n", 1000 + n);
    grows_linearly("services of a compose file", |size| size, |size| each(size, service) + PHASE);
    let external = |n: usize| format!("external e{n} {{ expect tcp \"10.0.0.1:{}\" }}\ngate g{n} {{ expect external e{n} }}\n", 1000 + n);
    grows_linearly("externals and gates", |_| 1, |size| each(size, external) + PHASE);
    grows_linearly(
        "phases",
        |_| 1,
        |size| {
            let after = |n: usize| if n == 0 { String::new() } else { format!(" after p{}", n - 1) };
            each(size, |n| format!("phase p{n}{} {{\n  deploy a from \"f{n}.yml\"\n}}\n", after(n)))
        },
    );
}

/// The n-th piece of a text.
type Line = fn(usize) -> String;

#[test]
fn mistakes_and_telling_of_them() {
    let mistakes: [(&str, Line); 9] = [
        ("unknown names", |n| format!("gate g{n} {{\n  expect external x{n}\n}}\n")),
        ("duplicates", |_| "external e {\n  expect tcp \"10.0.0.1:1\"\n}\n".to_owned()),
        ("given twice", |_| "run within 5m\n".to_owned()),
        ("unclosed blocks", |n| format!("gate g{n} {{\n  approve \"go?\"\n")),
        ("unclosed strings", |n| format!("rollout \"r{n}\n")),
        ("misspelt keywords", |n| format!("gaet g{n} {{\n  expetc tcp \"10.0.0.1:1\"\n}}\n")),
        ("garbage", |n| format!("%&/ ({n}=\n")),
        ("services without a compose service", |n| format!("service web{n} {{ expect tcp \"10.0.0.1:1\" }}\n")),
        ("phases after themselves", |n| format!("phase p{n} after p{n} {{\n  deploy a from \"gone{n}.yml\"\n}}\n")),
    ];
    for (what, line) in mistakes {
        grows_linearly(what, |_| 1, |size| each(size, line) + PHASE);
    }
}

#[test]
fn long_lines_and_long_comments() {
    grows_linearly("closing braces on a line", |_| 1, |size| "}".repeat(size * 20));
    grows_linearly("blocks on a line", |_| 1, |size| "gate a {} ".repeat(size * 4));
    grows_linearly("a long comment", |_| 1, |size| format!("{HEAD}# {}\n{PHASE}", "é".repeat(size * 200)));
    grows_linearly("a long string", |_| 1, |size| format!("{HEAD}rollout \"{}\"\n{PHASE}", "é ".repeat(size * 200)));
    grows_linearly("comments", |_| 1, |size| each(size * 10, |n| format!("# {n}\n")) + PHASE);
}

/// Suggestions end where they would cost the square: an unknown name against each of many valid ones.
#[test]
fn many_unknown_names_among_many_valid_ones() {
    let lines = |size: usize| {
        each(size * 8, |n| format!("external e{n}-here {{ expect tcp \"10.0.0.1:1\" }}\ngate g{n} {{ expect external other-{n} }}\n"))
    };
    let (short, long) = (lines(SHORT * 4), lines(SHORT * 16));
    let measured: Vec<_> = (0..5).map(|_| (time(&short, &Composed(1), 4), time(&long, &Composed(1), 1))).collect();
    assert!(measured.iter().any(|(short, long)| *long < *short * 3), "{measured:?}");
}
