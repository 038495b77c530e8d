//! What holds of every text that is read as a compose file: no panic, the same answer twice, places that lie in the text, and bounded work.

use crate::compose_styles::{checked, corpus, shown, texts};
use proptest::prelude::*;
use rollout_plan::compose::{self, ComposeFile, Fault, Service};
use rollout_plan::source::{SourceMap, Span};
use std::fmt::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

fn read_text(text: &str) -> Result<ComposeFile, Vec<Fault>> {
    compose::read(SourceMap::default().add("compose.yml", text), text)
}

/// Every file of the corpus, the broken ones included.
fn originals() -> &'static [String] {
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    TEXTS.get_or_init(|| {
        let files = ["styles", "broken"].iter().flat_map(|folder| texts(&corpus().join(folder)));
        // The large ones are slow to read a hundred times.
        files.map(|(_, text)| text).filter(|text| !text.is_empty() && text.len() < 8_000).collect()
    })
}

fn spans(service: &Service) -> Vec<Span> {
    let mut spans = vec![service.name.span];
    spans.extend([&service.image, &service.container_name, &service.restart].into_iter().flatten().map(|value| value.span));
    spans.extend(service.build.iter().map(|build| build.context.span));
    spans.extend(service.build.iter().filter_map(|build| Some(build.git.as_ref()?.reference.as_ref()?.span)));
    spans.extend(service.ports.iter().map(|port| port.span));
    let names = [&service.unknown_ports, &service.env_files, &service.profiles, &service.networks];
    spans.extend(names.into_iter().flatten().map(|name| name.span));
    spans.extend(service.depends_on.iter().map(|wanted| wanted.service.span));
    spans.extend(
        service.environment.iter().flat_map(|entry| std::iter::once(entry.name.span).chain(entry.value.iter().map(|value| value.span))),
    );
    spans
}

/// Reads a text and checks what must hold of every reading.
fn holds(text: &str) {
    let lies_in = |range: std::ops::Range<usize>| assert!(text.get(range.clone()).is_some(), "{range:?} is no range of {text:?}");
    let read = read_text(text);
    match &read {
        Ok(file) => {
            file.services.iter().flat_map(spans).for_each(|span| lies_in(span.range()));
            file.networks.iter().chain(&file.volumes).for_each(|(name, _)| lies_in(name.span.range()));
        }
        Err(faults) => {
            assert!(!faults.is_empty(), "refused, and nobody says why: {text:?}");
            for fault in faults {
                assert!(!fault.message.is_empty() && !fault.message.contains('\n'), "{fault:?}");
                fault.at.iter().for_each(|at| lies_in(at.clone()));
            }
        }
    }
    assert_eq!(format!("{read:?}"), format!("{:?}", read_text(text)), "the same text twice");
}

/// A file of the corpus with pieces cut, doubled, swapped or put in.
fn mutated() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "",
        ":",
        ": ",
        "-",
        "- ",
        "\n",
        "\r\n",
        "\r",
        "\t",
        "  ",
        "\"",
        "'",
        "[",
        "]",
        "{",
        "}",
        "{{",
        ",",
        "&a ",
        "*a",
        "<<: *a\n",
        "<<: [",
        "|",
        ">-\n",
        "#",
        "!reset ",
        "!override",
        "!!binary ",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "? ",
        "$",
        "${",
        "${A:-",
        "}",
        "$$",
        "~",
        "é",
        "🚀",
        "\u{feff}",
        "\u{0}",
        "\u{85}",
        "\u{2028}",
        "\\",
        "services:\n",
        "ports: [80]\n",
        "extends: web\n",
        "0x",
        "99999999999999999999",
        "-1",
        ".inf",
        "=",
        "/udp",
        "build: https://g/a.git#b:c\n",
    ]);
    let edit = (any::<prop::sample::Index>(), 0_usize..40, piece);
    (any::<prop::sample::Index>(), prop::collection::vec(edit, 1..6)).prop_map(|(original, edits)| {
        let mut text = original.get(originals()).clone();
        for (at, cut, piece) in edits {
            let floor = |text: &str, at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let start = floor(&text, at.index(text.len() + 1));
            let end = floor(&text, start + cut).max(start);
            text.replace_range(start..end, piece);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_file_is_read(text in mutated()) {
        holds(&text);
    }

    #[test]
    fn any_text_is_read(text in "\\PC*|(.|\n){0,200}") {
        holds(&text);
    }

    #[test]
    fn a_file_cut_anywhere_is_read(original in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let text = original.get(originals());
        let at = at.index(text.len());
        holds(&text[..(0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_found_in_a_mutated_file_can_be_shown(text in mutated()) {
        let (found, sources) = checked("compose.yml", &text);
        assert_eq!(shown(&found, &sources).is_empty(), found.is_empty());
    }
}

/// Each refused, or read, within what a busy machine needs; none with more memory than a small multiple of the largest text.
#[test]
fn bombs_are_defused() {
    let mut aliases = String::from("x0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    let mut merges = String::from("x0: &a0 {k: v}\n");
    let mut chain = String::from("x0: &a0 {image: a}\n");
    for level in 1..12 {
        let above = format!("*a{}, ", level - 1).repeat(10);
        writeln!(aliases, "x{level}: &a{level} [{above}]").unwrap();
        writeln!(merges, "x{level}: &a{level} {{<<: [{above}], k{level}: v}}").unwrap();
    }
    for level in 1..2_000 {
        writeln!(chain, "x{level}: &a{level} {{<<: *a{}}}", level - 1).unwrap();
    }
    let services = "services: {a: {image: a}}\n";
    let extends =
        (1..3_000).fold("services:\n  s0: {image: a}\n".to_owned(), |text, n| text + &format!("  s{n}: {{extends: s{}}}\n", n - 1));
    for (what, text) in [
        ("aliases of aliases", aliases + services),
        ("merges of merges", merges + services),
        ("a chain of merges", chain + services),
        ("a chain of extends", extends),
        ("flow brackets", "[".repeat(100_000)),
        ("flow mappings", "{a: ".repeat(50_000)),
        ("dashes", "- ".repeat(50_000)),
        ("lists in lists on their own lines", (0..900).fold(String::new(), |text, level| text + &" ".repeat(level) + "-\n")),
        ("thirty levels", format!("services: {}x{}", "[".repeat(30), "]".repeat(30))),
        ("thirty dashes", format!("services:\n  {}x\n", "- ".repeat(30))),
        ("question marks", "? ".repeat(50_000)),
        ("fifty megabytes", "#".repeat(50 * 1024 * 1024)),
        ("null bytes", "\u{0}".repeat(10_000)),
        ("more ports than there are", format!("services:\n  a:\n    image: a\n    ports:\n{}", "      - 1-65535:1-65535\n".repeat(500))),
        ("ten thousand documents", "---\na: b\n".repeat(10_000)),
        ("braces in a variable", format!("services: {{a: {{image: a, ports: ['{}']}}}}", "${A:-".repeat(20_000))),
    ] {
        let start = Instant::now();
        let faults = read_text(&text).err().map(|faults| faults.into_iter().map(|fault| fault.message).take(3).collect::<Vec<_>>());
        assert!(start.elapsed() < Duration::from_secs(20), "{what} took {:?}: {faults:?}", start.elapsed());
        assert!(faults.is_some() || what == "braces in a variable", "{what} was read");
    }
}

/// A text sixteen times as long, read once, is about the work of the short one read sixteen times.
#[track_caller]
fn grows_linearly(what: &str, text: impl Fn(usize) -> String) {
    const ROOM: u32 = 6;
    let time = |text: &str, times: usize| {
        let start = Instant::now();
        for _ in 0..times {
            let _ = std::hint::black_box(read_text(text));
        }
        start.elapsed()
    };
    let (short, long) = (text(64), text(1_024));
    let mut measured = Vec::new();
    for _ in 0..5 {
        let (short, long) = (time(&short, 16).max(Duration::from_micros(500)), time(&long, 1));
        if long < short * ROOM {
            return;
        }
        measured.push((short, long));
    }
    panic!("{what}: {measured:?}");
}

#[test]
fn reading_takes_no_more_than_linear_time() {
    let many = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    grows_linearly("services", |count| format!("services:\n{}", many(count, &|n| format!("  s{n}:\n    image: a\n"))));
    grows_linearly("variables", |count| {
        format!("services:\n  a:\n    image: a\n    environment:\n{}", many(count, &|n| format!("      V{n}: x\n")))
    });
    grows_linearly("dependencies", |count| {
        format!(
            "services:\n  a:\n    image: a\n    depends_on:\n{}",
            many(count, &|n| format!("      s{n}: {{condition: service_healthy}}\n"))
        )
    });
    grows_linearly("ports", |count| {
        format!("services:\n  a:\n    image: a\n    ports:\n{}", many(count, &|n| format!("      - {n}:80\n")))
    });
    grows_linearly("faults", |count| format!("services:\n{}", many(count, &|n| format!("  s{n}:\n"))));
    grows_linearly("services without an image in one line", |count| format!("services: {{{}}}", many(count, &|n| format!("s{n}: , "))));
    grows_linearly("uses of one anchor", |count| {
        format!("x: &x {{image: a, environment: {{A: b}}}}\nservices:\n{}", many(count, &|n| format!("  s{n}: {{<<: *x}}\n")))
    });
    grows_linearly("services on one base", |count| {
        format!("services:\n  base: {{image: a, environment: {{A: b}}}}\n{}", many(count, &|n| format!("  s{n}: {{extends: base}}\n")))
    });
    grows_linearly("comments", |count| format!("{}services: {{a: {{image: a}}}}\n", "# comment\n".repeat(count)));
    grows_linearly("a long line", |count| format!("services: {{a: {{image: a, command: '{}'}}}}\n", "x ".repeat(count * 10)));
    grows_linearly("a quote left open", |count| format!("services:\n  a:\n    image: \"a\n{}", "    x: \"y\"\n".repeat(count)));
    grows_linearly("dollars", |count| format!("services: {{a: {{image: a, ports: ['{}']}}}}\n", "$A".repeat(count)));
}
