//! Files that are made to break a reader: each gets a diagnostic or a correct result, soon and in bounded memory.

use super::binary::{EXAMPLE, Home, Ran};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Address space, in KiB: what reading a plan may take, whatever is in it. The program's allocator reserves a good part of it at once.
const MEMORY_KIB: usize = 3 * 1024 * 1024;

/// A build without optimization on a busy machine.
const LONGEST: Duration = Duration::from_secs(60);

/// `plan check --offline FILE` with bounded memory and time.
#[track_caller]
fn check(home: &Home, file: &Path) -> Ran {
    let plan = home.command([""; 0]).get_program().to_owned();
    let mut command = home.command([""; 0]);
    let limited = format!("ulimit -v {MEMORY_KIB} && exec \"$0\" check --offline \"$1\"");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &limited]).arg(plan).arg(file).env_clear().current_dir(home.path()).stdin(Stdio::null());
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command = shell;
    // Into files: nobody reads a pipe while this waits.
    let (out, err) = (home.path().join("out"), home.path().join("err"));
    command.stdout(fs::File::create(&out).unwrap()).stderr(fs::File::create(&err).unwrap());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > LONGEST {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{} is not read after {LONGEST:?}", file.display());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let stderr = fs::read_to_string(err).unwrap();
    assert!(!stderr.contains("panicked") && stderr.len() < 200_000, "{stderr}");
    Ran { code: status.code().expect("no signal ends it"), stdout: fs::read_to_string(out).unwrap(), stderr }
}

#[track_caller]
fn is_refused(home: &Home, file: &Path, words: &[&str]) {
    let ran = check(home, file);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    for words in words {
        assert!(ran.stderr.contains(words), "{words:?} is not in\n{}", ran.stderr);
    }
}

fn plan(text: impl AsRef<[u8]>) -> (Home, PathBuf) {
    let home = Home::new();
    let path = home.path().join("rollout.plan");
    fs::write(&path, text).unwrap();
    (home, path)
}

/// The example with another text in place of its first compose file.
fn composed(text: impl AsRef<[u8]>) -> (Home, PathBuf) {
    let home = Home::new();
    let folder = home.copy_of_example();
    fs::write(folder.join("phase1.yml"), text).unwrap();
    (home, folder.join("rollout.plan"))
}

fn example() -> String {
    fs::read_to_string(Path::new(EXAMPLE).join("rollout.plan")).unwrap()
}

#[test]
fn braces_without_end() {
    for text in ["phase p { ".repeat(10_000), "{".repeat(10_000), "gate g {\n".repeat(10_000), "}".repeat(10_000)] {
        let (home, path) = plan(text);
        is_refused(&home, &path, &["rollout.plan:1:"]);
    }
    let (home, path) = plan("expect http \"http://a/\" { ".repeat(10_000));
    is_refused(&home, &path, &["does not belong"]);
    // It stands behind more than fifty others.
    let ran = home.plan(["check", "--offline", "--format", "plain", path.to_str().unwrap()]);
    ran.ends(2).says("error[E0106]: blocks are nested too deeply");
}

#[test]
fn yaml_that_grows_when_it_is_read() {
    let laughs = (1..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
        text + &format!("a{n}: &a{n} [{}*a{}]\n", format!("*a{}, ", n - 1).repeat(8), n - 1)
    });
    let (home, path) = composed(laughs + "services: *a11\n");
    is_refused(&home, &path, &["phase1.yml"]);
    let (home, path) = composed(format!("services: {}\n", "{a: ".repeat(10_000)));
    is_refused(&home, &path, &["phase1.yml"]);
    let (home, path) = composed(format!("services: {}\n", "[".repeat(40_000)));
    is_refused(&home, &path, &["phase1.yml"]);
    let (home, path) = composed("services: &s\n  web: *s\n");
    is_refused(&home, &path, &["phase1.yml"]);
}

#[test]
fn fifty_megabytes() {
    let (home, path) = plan(vec![b'#'; 50_000_000]);
    is_refused(&home, &path, &["it is larger than 4 MiB"]);
    let (home, path) = composed(vec![b'#'; 50_000_000]);
    is_refused(&home, &path, &["\"phase1.yml\" cannot be read", "it is larger than 4 MiB"]);
}

#[test]
fn what_is_no_plain_file() {
    let (home, folder) = (Home::new(), "folder");
    fs::create_dir(home.path().join(folder)).unwrap();
    is_refused(&home, Path::new(folder), &["it is a folder"]);
    #[cfg(unix)]
    {
        let pipe = home.path().join("pipe.plan");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        is_refused(&home, &pipe, &["it is not a plain file"]);
        let (home, path) = composed("");
        let compose = path.with_file_name("phase1.yml");
        fs::remove_file(&compose).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&compose).status().unwrap().success());
        is_refused(&home, &path, &["\"phase1.yml\" cannot be read", "it is not a plain file"]);
    }
}

#[test]
fn bytes_that_are_no_text() {
    let (home, path) = plan(b"rollout caf\xe9\n");
    is_refused(&home, &path, &["it is not UTF-8: byte 12"]);
    let (home, path) = composed(b"services:\n  caf\xe9: {}\n");
    is_refused(&home, &path, &["phase1.yml", "it is not UTF-8: byte 16"]);
    let (home, path) = plan(vec![0; 10_000]);
    is_refused(&home, &path, &["a line that is no statement"]);
    let (home, path) = plan(example().replace("note \"", "note \"\0"));
    let ran = check(&home, &path);
    assert!(!ran.stderr.contains('\0') && !ran.stdout.contains('\0'), "a NUL is shown as something else");
}

#[test]
fn line_ends_and_marks_of_other_systems_change_nothing() {
    let home = Home::new();
    let folder = home.copy_of_example();
    let usual = check(&home, &folder.join("rollout.plan"));
    usual.ends(0);
    for change in [
        |text: String| text.replace('\n', "\r\n"),
        |text: String| format!("\u{feff}{text}"),
        |text: String| text.trim_end().to_owned(),
        |text: String| text + &"\n".repeat(100_000),
        |text: String| "\r\n".repeat(100_000) + &text,
        |text: String| text + &"# a comment\n".repeat(100_000),
        |text: String| text + "# " + &"x".repeat(1_000_000),
    ] {
        for file in ["rollout.plan", "phase1.yml"] {
            let written = fs::read_to_string(Path::new(EXAMPLE).join(file)).unwrap();
            let changed = change(written);
            if file == "rollout.plan" || changed.len() < 90_000 {
                fs::write(folder.join(file), changed).unwrap();
            }
        }
        let ran = check(&home, &folder.join("rollout.plan"));
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, usual.stdout.as_str(), ""));
    }
}

#[test]
fn a_megabyte_on_a_line() {
    for (text, words) in [
        (format!("note {}\n", "x".repeat(1_000_000)), "a line too long to be read"),
        (format!("rollout \"{}\n", "x".repeat(1_000_000)), "a line too long to be read"),
        ("- ".repeat(500_000), "a line that is no statement"),
        (format!("{}\n", "x".repeat(1_000_000)), "a line too long to be read"),
    ] {
        let (home, path) = plan(text);
        let ran = check(&home, &path);
        assert_eq!(ran.code, 2);
        assert!(ran.stderr.contains(words), "{}", &ran.stderr[..ran.stderr.len().min(2000)]);
    }
}

#[test]
fn nothing_at_all() {
    for text in ["", "\u{feff}", "\n", "\r", "# only\n# comments", &"# a comment\n".repeat(100_000), &"\n".repeat(100_000)] {
        let (home, path) = plan(text);
        is_refused(&home, &path, &["E0203", "the plan is empty"]);
    }
}

/// The sign under a place begins in the column where the place is shown.
#[test]
fn wide_characters_before_a_place() {
    for before in ["漢字", "é", "e\u{301}", "🚀", "ｶﾅ", "한국어", "שלום", "مرحبا", "\u{200b}", "\t"] {
        let (home, path) = plan(format!("gate g {{\n  approve \"x{before}\" oops\n}}\n# {before}\n"));
        let ran = check(&home, &path);
        ran.ends(2);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        let at = lines.iter().position(|line| line.contains("approve \"")).unwrap_or_else(|| panic!("{before:?}\n{}", ran.stderr));
        let place = lines[at].find("oops").unwrap();
        let sign = lines[at + 1].find(['─', '┬']).unwrap();
        let width = console::measure_text_width;
        assert_eq!(width(&lines[at][..place]), width(&lines[at + 1][..sign]), "{before:?}\n{}", ran.stderr);
    }
}

#[test]
fn wide_characters_in_names_strings_and_comments() {
    let home = Home::new();
    let folder = home.copy_of_example();
    let text = example().replace("note \"", "note \"漢字 🚀 e\u{301} שלום: ") + "# 漢字 🚀\n";
    fs::write(folder.join("rollout.plan"), &text).unwrap();
    let ran = check(&home, &folder.join("rollout.plan"));
    ran.ends(0);
    assert!(ran.stdout.contains("漢字"), "{}", ran.stdout);
    let (home, path) = plan("service 漢字 {\n}\nservice \"🚀\" {\n}\nlet é = \"x\"\n");
    is_refused(&home, &path, &["rollout.plan:1:9", "rollout.plan:5:5"]);
}
