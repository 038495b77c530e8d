//! The layers hold: what each may name, where each library is confined to, and what the pure ones must do without.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each layer and the layers that its code may name. Nothing may name a layer to its right; several may name less than that.
const LAYERS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("secrets", &[]),
    ("diagnostic", &["source"]),
    ("syntax", &["source", "diagnostic"]),
    ("model", &["source", "diagnostic", "syntax"]),
    ("fmt", &["source", "diagnostic", "syntax", "model"]),
    // Knows YAML, not plans: `world` reads compose files with it.
    ("compose", &["source", "secrets", "diagnostic"]),
    ("check", &["source", "diagnostic", "syntax", "model", "compose"]),
    // Writes a plan's text; whether it holds is for whoever calls it to check.
    ("init", &["source", "model", "compose"]),
    ("schedule", &["source", "diagnostic", "model", "compose", "check"]),
    ("engine", &["source", "model", "compose", "schedule"]),
    ("dokploy", &["secrets", "diagnostic", "compose", "schedule", "engine"]),
    ("wire", &["dokploy"]),
    // Of `dokploy` its masks: one way to hide secrets.
    ("probe", &["source", "secrets", "model", "schedule", "engine", "dokploy"]),
    ("store", &["schedule", "engine"]),
    ("drive", &["source", "secrets", "model", "schedule", "engine", "dokploy", "wire", "probe", "store"]),
    ("notify", &["source", "secrets", "model", "schedule", "engine", "probe", "drive"]),
    // The other side of the wire: it must not know what the client expects of it.
    ("world", &["source", "diagnostic", "compose"]),
    // Everything that decides, on virtual time: of `probe` what is asked and the judging.
    ("rehearse", &["source", "model", "compose", "schedule", "engine", "dokploy", "wire", "probe", "world"]),
    // What rehearsing plays, in the words of a file.
    ("scenario", &["source", "diagnostic", "syntax", "model", "schedule", "engine", "world", "rehearse"]),
    ("sandbox", &["source", "diagnostic", "model", "compose", "schedule", "engine", "wire", "probe", "drive", "world"]),
    (
        "report",
        &["source", "diagnostic", "model", "compose", "check", "schedule", "engine", "probe", "store", "drive", "rehearse", "scenario"],
    ),
    (
        "cli",
        &[
            "source",
            "secrets",
            "diagnostic",
            "syntax",
            "model",
            "fmt",
            "compose",
            "check",
            "init",
            "schedule",
            "engine",
            "dokploy",
            "wire",
            "probe",
            "store",
            "drive",
            "notify",
            "world",
            "rehearse",
            "scenario",
            "sandbox",
            "report",
        ],
    ),
];

/// Layers without clock, I/O and async, and with ordered collections only.
const PURE: &[&str] = &[
    "source",
    "secrets",
    "diagnostic",
    "syntax",
    "model",
    "fmt",
    "compose",
    "check",
    "init",
    "schedule",
    "engine",
    "dokploy",
    "wire",
    "world",
    "rehearse",
    "scenario",
];

/// What the pure layers do without.
const IMPURE: &[&str] = &[
    "Instant",
    "SystemTime",
    "std::fs",
    "std::env",
    "std::process",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "tokio",
    "HashMap",
    "HashSet",
    "async",
    "await",
];

/// Words and the only places that may have them: a layer, or a file of one.
const CONFINED: &[(&str, &[&str])] = &[
    ("reqwest", &["drive/transport.rs"]),
    ("miette", &["report/"]),
    ("serde_yaml", &["compose/"]),
    ("pest", &["syntax/"]),
    ("tokio_postgres", &["probe/postgres.rs"]),
    ("clap", &["cli/"]),
    ("schemars", &["report/json/"]),
    ("aho_corasick", &["engine/troubleshoot/read.rs"]),
    // `dokploy` and `world` read and write Docker's times with it; a clock it is in `store` only.
    ("jiff", &["store/", "dokploy/", "world/"]),
    ("Timestamp::now", &["store/"]),
    ("println", &["report/", "main.rs"]),
    ("eprintln", &["report/", "main.rs"]),
    ("print", &["report/", "main.rs"]),
    ("eprint", &["report/", "main.rs"]),
    ("io::stdout", &["report/", "main.rs"]),
    ("io::stderr", &["report/", "main.rs"]),
    ("process::exit", &["main.rs"]),
    ("dbg", &[]),
];

/// Words of [`CONFINED`] that are macros, and ordinary names otherwise.
const MACROS: &[&str] = &["println", "eprintln", "print", "eprint", "dbg"];

/// What is wrong with a file at `path`, relative to `src`.
fn violations(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| line.starts_with("//!")) {
        found.push(format!("{path}: does not begin with a `//!` line that says what it is"));
    }
    let code = words(text);
    let tests = tests_begin(&code);
    let layer = path.split(['/', '.']).next().unwrap_or_default();

    if let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) {
        for named in layers_named(path, &code, tests) {
            if named != layer && !allowed.contains(&named.as_str()) {
                found.push(format!("{path}: `{layer}` must not name `{named}`"));
            }
        }
    } else if !matches!(path, "lib.rs" | "main.rs") {
        found.push(format!("{path}: `{layer}` is not among the layers"));
    }
    for (word, places) in CONFINED {
        let allowed = places.iter().any(|place| path == *place || place.ends_with('/') && path.starts_with(place));
        // Tests may print.
        let code = if MACROS.contains(word) { &code[..tests] } else { &code[..] };
        if !allowed && has(code, word, MACROS.contains(word)) {
            found.push(format!("{path}: `{word}` belongs in {places:?} only"));
        }
    }
    if PURE.contains(&layer) && !path.ends_with("/tests.rs") {
        for word in IMPURE {
            if has(&code[..tests], word, false) {
                found.push(format!("{path}: `{word}` in a pure layer"));
            }
        }
    }
    found
}

/// Layers that code names, by `crate::` or by as many `super::` as lead to the root.
fn layers_named(path: &str, code: &[String], tests: usize) -> Vec<String> {
    let file_modules = path.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count();
    let mut named = Vec::new();
    let mut at = 0;
    while at < code.len() {
        let start = at;
        while code[at..].starts_with(&["super".into(), "::".into()]) {
            at += 2;
        }
        let depth = file_modules + usize::from(start >= tests);
        let at_root = code[at..].starts_with(&["crate".into(), "::".into()]);
        if at_root || at > start && (at - start) / 2 >= depth {
            at += if at_root { 2 } else { 0 };
            match code.get(at).map(String::as_str) {
                Some("{") => named.extend(group(&code[at..])),
                Some(name) => named.push(name.to_owned()),
                None => {}
            }
        }
        at = at.max(start + 1);
    }
    named
}

/// The first name of each member of a `{…}` group.
fn group(code: &[String]) -> Vec<String> {
    let (mut depth, mut first, mut names) = (0, true, Vec::new());
    for word in code {
        match word.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 1 => first = true,
            word if depth == 1 && first => {
                names.push(word.to_owned());
                first = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// Whether code has a word, or a path of words; with `macro_call`, followed by `!`.
fn has(code: &[String], word: &str, macro_call: bool) -> bool {
    let mut wanted: Vec<String> = word.split("::").flat_map(|part| [part.to_owned(), "::".to_owned()]).collect();
    wanted.pop();
    if macro_call {
        wanted.push("!".into());
    }
    code.windows(wanted.len()).any(|window| window == wanted)
        // `use std::{fs, io}` and `use tokio::…` alike.
        || word.split_once("::").is_some_and(|(parent, child)| {
            let parent = [parent.to_owned(), "::".to_owned(), "{".to_owned()];
            (0..code.len()).any(|at| code[at..].starts_with(&parent) && group(&code[at + 2..]).iter().any(|name| name == child))
        })
}

/// Where `#[cfg(test)]` first stands before a module with a body.
fn tests_begin(code: &[String]) -> usize {
    let test = ["#", "[", "cfg", "(", "test", ")", "]", "mod"].map(String::from);
    code.windows(test.len()).position(|window| window == test).unwrap_or(code.len())
}

/// A text's words, `::` and other signs; comments and literals left out.
fn words(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        let rest = &characters[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['r', '"' | '#', ..] if raw_string(rest).is_some() => raw_string(rest).unwrap(),
            ['b', 'r', '"' | '#', ..] if raw_string(&rest[1..]).is_some() => 1 + raw_string(&rest[1..]).unwrap(),
            ['"', ..] => quoted(rest, '"'),
            ['\'', '\\', ..] => quoted(rest, '\''),
            ['\'', _, '\'', ..] => 3,
            [':', ':', ..] => {
                words.push("::".into());
                2
            }
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                let length = rest.iter().position(|c| !c.is_alphanumeric() && *c != '_').unwrap_or(rest.len());
                words.push(rest[..length].iter().collect());
                length
            }
            [c, ..] => {
                if !c.is_whitespace() {
                    words.push(c.to_string());
                }
                1
            }
            [] => 1,
        };
    }
    words
}

fn block_comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(text: &[char], end: char) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != end {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_string(text: &[char]) -> Option<usize> {
    let hashes = text[1..].iter().take_while(|c| **c == '#').count();
    if text.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = 2 + hashes;
    let length = text[body..].windows(end.len()).position(|window| window == end)?;
    Some(body + length + end.len())
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_file_keeps_to_its_layer() {
    let src = root().join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files.sort();
    assert!(files.len() > 20, "{files:?}");
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| violations(file.strip_prefix(&src).unwrap().to_str().unwrap(), &std::fs::read_to_string(file).unwrap()))
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn the_layers_are_those_of_the_library_in_its_order() {
    let library = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let order: String = library.lines().filter(|line| line.starts_with("//!") && line.contains('→')).collect();
    let order = order.split(". ").next().unwrap();
    let named: Vec<&str> = order.split('`').skip(1).step_by(2).filter(|name| LAYERS.iter().any(|(layer, _)| layer == name)).collect();
    let layers: Vec<&str> = LAYERS.iter().map(|(layer, _)| *layer).collect();
    assert!(layers.iter().all(|layer| library.contains(&format!("pub mod {layer};"))));
    let place: BTreeMap<&str, usize> = layers.iter().enumerate().map(|(at, layer)| (*layer, at)).collect();
    assert!(named.windows(2).all(|pair| place[pair[0]] < place[pair[1]]), "{named:?}");
    for (layer, allowed) in LAYERS {
        assert!(allowed.iter().all(|other| place[other] < place[layer]), "{layer} may name a layer to its right");
    }
}

#[test]
fn what_breaks_the_rules_is_caught() {
    let caught = |path: &str, code: &str| violations(path, &format!("//! Doc.\n{code}")).join("\n");
    for (path, code, complaint) in [
        ("engine/machine.rs", "use crate::drive::Clock;", "`engine` must not name `drive`"),
        ("engine/machine.rs", "use crate::{model::Plan, dokploy::Call};", "`engine` must not name `dokploy`"),
        ("engine/machine.rs", "fn f(x: crate::wire::Method) {}", "`engine` must not name `wire`"),
        ("engine/machine.rs", "use super::super::drive::Clock;", "`engine` must not name `drive`"),
        ("engine/mod.rs", "use super::drive::Clock;", "`engine` must not name `drive`"),
        ("compose/file.rs", "use crate::model::Plan;", "`compose` must not name `model`"),
        ("world/git.rs", "use crate::dokploy::Call;", "`world` must not name `dokploy`"),
        ("drive/run.rs", "#[cfg(test)] mod tests { use crate::sandbox::Sandbox; }", "`drive` must not name `sandbox`"),
        ("drive/run.rs", "use reqwest::Client;", "`reqwest` belongs"),
        ("cli/run.rs", "fn f() { println!(\"x\"); }", "`println` belongs"),
        ("cli/run.rs", "fn f() { std::process::exit(1); }", "`process::exit` belongs"),
        ("model/plan.rs", "use std::collections::{BTreeMap, HashMap};", "`HashMap` in a pure layer"),
        ("engine/x.rs", "use std::{fs, io};", "`std::fs` in a pure layer"),
        ("engine/x.rs", "fn f() { let _ = std::time::Instant::now(); }", "`Instant` in a pure layer"),
        ("wire/x.rs", "async fn f() {}", "`async` in a pure layer"),
        ("model/x.rs", "use serde_yaml::Value;", "`serde_yaml` belongs"),
        ("check/x.rs", "use miette::Report;", "`miette` belongs"),
        ("attic/x.rs", "", "not among the layers"),
    ] {
        assert!(caught(path, code).contains(complaint), "{path}: {code}: {:?}", caught(path, code));
    }
    assert!(violations("engine/x.rs", "fn f() {}").join("").contains("`//!`"));
}

#[test]
fn what_keeps_to_the_rules_is_not() {
    for (path, code) in [
        ("engine/machine.rs", "// crate::drive is right of this\nuse crate::schedule::Phase; /* tokio /* std::fs */ */"),
        ("engine/machine.rs", "const X: &str = \"crate::drive HashMap \\\" println!\"; const Y: &str = r#\"tokio \" async\"#;"),
        ("engine/machine.rs", "#[cfg(test)] mod tests { use super::*; use std::fs; fn f() { println!(); } }"),
        ("engine/mod.rs", "#[cfg(test)] mod tests { use super::*; use super::drive; }"),
        ("engine/x.rs", "fn f<'a>(x: &'a str) -> char { '\"' } // '"),
        ("drive/transport.rs", "use reqwest::Client; use crate::wire::HttpRequest;"),
        ("report/plain.rs", "fn f() { println!(); }"),
    ] {
        assert_eq!(violations(path, &format!("//! Doc.\n{code}")), Vec::<String>::new(), "{path}: {code}");
    }
}

#[test]
fn tls_is_rustls_with_ring_and_nothing_else() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let locked = |name: &str| lock.contains(&format!("name = \"{name}\""));
    assert!(locked("ring") && locked("rustls"));
    for unwanted in ["aws-lc-sys", "aws-lc-rs", "openssl-sys", "native-tls"] {
        assert!(!locked(unwanted), "{unwanted} is in Cargo.lock");
    }
}
