//! The stages of `plan check --offline` one by one, in this process: for each plan named on the command line a line of JSON with the median time
//! of each stage in milliseconds.

use rollout_plan::check::{FileError, Files, check};
use rollout_plan::diagnostic::Diagnostic;
use rollout_plan::model::{load, lower};
use rollout_plan::report::diagnostics::{Look, human, json};
use rollout_plan::source::{FileId, SourceMap};
use rollout_plan::syntax::parse;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 9;
/// A stage that takes longer in one run is not repeated as often.
const LONG: Duration = Duration::from_secs(1);

struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<String, FileError> {
        std::fs::read_to_string(self.0.join(path)).map_err(|_| FileError::Missing)
    }

    fn beside(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

fn median<T>(mut stage: impl FnMut() -> T) -> f64 {
    let mut taken: Vec<Duration> = Vec::new();
    while taken.len() < RUNS && taken.iter().sum::<Duration>() < LONG * 3 {
        let start = Instant::now();
        black_box(stage());
        taken.push(start.elapsed());
    }
    taken.sort();
    taken[taken.len() / 2].as_secs_f64() * 1000.0
}

fn all_checks(file: FileId, text: &str, sources: &SourceMap, files: &Folder) -> (SourceMap, Vec<Diagnostic>) {
    let mut sources = sources.clone();
    let found = check(&load(file, text), &mut sources, files).diagnostics;
    (sources, found)
}

fn measure(path: &str) -> std::io::Result<()> {
    let text = std::fs::read_to_string(path)?;
    let files = Folder(Path::new(path).parent().unwrap_or(Path::new(".")).to_owned());
    let mut sources = SourceMap::default();
    let file = sources.add(path, text.as_str());
    let parsed = parse(file, &text);
    let loaded = load(file, &text);
    let (full, found) = all_checks(file, &text, &sources, &files);
    let look = Look { width: 100, colour: false, all: false };
    let stages = [
        ("parse", median(|| parse(file, &text))),
        ("lower", median(|| lower(&parsed.ast))),
        ("check", median(|| check(&loaded, &mut sources.clone(), &files))),
        ("all", median(|| all_checks(file, &text, &sources, &files))),
        ("human", median(|| human(&found, &full, look))),
        ("json", median(|| json(&found, &full))),
    ];
    let stages: Vec<String> = stages.iter().map(|(stage, taken)| format!("\"{stage}\": {taken:.4}")).collect();
    #[allow(clippy::print_stdout, reason = "what the script reads")]
    {
        println!("{{\"bytes\": {}, \"found\": {}, {}}}", text.len(), found.len(), stages.join(", "));
    }
    Ok(())
}

fn main() -> std::io::Result<()> {
    std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).try_for_each(|path| measure(&path))
}
