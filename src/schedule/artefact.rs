//! The text that is sent for a phase: a marker line, then the compose file with its git references replaced by commits.
//!
//! The marker lets any machine with the plan's files tell the state without a journal. Dokploy stores the text as it
//! is given, comments and all (FACTS.md §5), and drops comments only in the file it deploys, so the marker changes
//! nothing that runs.

use super::Phase;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

/// A git reference in a compose text that a commit takes the place of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// First byte of the reference in [`Phase::text`].
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// The repository.
    pub repository: String,
    /// The reference as written: a branch, a tag or a commit.
    pub reference: String,
}

/// The commit of each (repository, reference), resolved once at the start of a run.
pub type Commits = BTreeMap<(String, String), String>;

/// The marker line: `# plan run=… phase=… files=sha256:… text=sha256:… verified=no`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The run that put the text there.
    pub run: String,
    /// The phase it belongs to.
    pub phase: String,
    /// Digest of the phase's file as it was on disk.
    pub files: String,
    /// Digest of what follows the marker line: tells somebody's edit from ours.
    pub text: String,
    /// Whether the phase was verified with this text.
    pub verified: bool,
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verified = if self.verified { "yes" } else { "no" };
        write!(f, "# plan run={} phase={} files={} text={} verified={verified}", self.run, self.phase, self.files, self.text)
    }
}

impl Header {
    /// The marker of a live text, if its first line is one.
    pub fn parse(text: &str) -> Option<Self> {
        let line = text.lines().next()?.trim_end().strip_prefix("# plan ")?;
        let fields: BTreeMap<&str, &str> = line.split(' ').filter_map(|field| field.split_once('=')).collect();
        Some(Self {
            run: (*fields.get("run")?).to_owned(),
            phase: (*fields.get("phase")?).to_owned(),
            files: (*fields.get("files")?).to_owned(),
            text: (*fields.get("text")?).to_owned(),
            verified: *fields.get("verified")? == "yes",
        })
    }

    /// Whether what follows the marker line is still what was sent.
    pub fn is_intact(&self, text: &str) -> bool {
        digest(body_of(text)) == self.text
    }
}

/// The text without its marker line.
pub fn body_of(text: &str) -> &str {
    match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("# plan run=") => rest,
        _ => text,
    }
}

/// The text that is sent for a phase.
pub fn render(phase: &Phase, run: &str, commits: &Commits, verified: bool) -> String {
    let body = pinned(phase, commits);
    let header = Header { run: run.to_owned(), phase: phase.name.clone(), files: phase.digest.clone(), text: digest(&body), verified };
    format!("{header}\n{body}")
}

/// Whether a live text is this phase: with or without a marker, and whatever commits its references were pinned to.
/// Line by line and without regard to line ends, as for [`digest`].
pub fn is_phase(phase: &Phase, live: &str) -> bool {
    commits_at(phase, live).is_some()
}

/// The commits that stand in a live text in the place of a phase's references; none where it is not that phase's text.
pub fn commits_in(phase: &Phase, live: &str) -> Commits {
    let found = commits_at(phase, live).unwrap_or_default();
    let key = |pin: &Pin| (without_user(&pin.repository), pin.reference.clone());
    let commits = phase.pins.iter().zip(found).filter_map(|(pin, commit)| Some((key(pin), commit?)));
    commits.collect()
}

/// The commit at each of the phase's references, where one is; `None` for a text that is not the phase's.
fn commits_at(phase: &Phase, live: &str) -> Option<Vec<Option<String>>> {
    let live = canonical(body_of(live));
    let mut commits = Vec::with_capacity(phase.pins.len());
    let mut live = live.lines();
    let mut pins = phase.pins.as_slice();
    let mut start = 0;
    let written = phase.text.trim_end();
    for line in written.split_inclusive('\n') {
        let end = start + line.len();
        let (here, later) = pins.split_at(pins.partition_point(|pin| pin.start < end));
        commits.extend(commits_of_line(line.trim_end(), here, start, live.next()?)?);
        (pins, start) = (later, end);
    }
    // What is left of an empty file in canonical form is one empty line.
    live.all(str::is_empty).then_some(commits)
}

/// A repository's address without user name and password, as it is shown and journalled. The user of an ssh address is no secret and stays.
pub fn without_user(repository: &str) -> String {
    match repository.split_once("://") {
        Some((scheme, rest)) if scheme != "ssh" => {
            let (authority, path) = rest.split_at(rest.find(['/', '#', '?']).unwrap_or(rest.len()));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        _ => repository.to_owned(),
    }
}

fn pinned(phase: &Phase, commits: &Commits) -> String {
    let mut text = String::with_capacity(phase.text.len());
    let mut from = 0;
    for pin in &phase.pins {
        if let Some(commit) = commits.get(&(without_user(&pin.repository), pin.reference.clone())) {
            text.push_str(&phase.text[from..pin.start]);
            text.push_str(commit);
            from = pin.end;
        }
    }
    text.push_str(&phase.text[from..]);
    text
}

/// What stands for each of `pins` in a line that was found: a commit, or nothing where the reference stands as written. `None` if it is
/// not the line of the phase's file. `start` is where the line begins in the file.
fn commits_of_line(line: &str, pins: &[Pin], start: usize, found: &str) -> Option<Vec<Option<String>>> {
    let (mut from, mut rest) = (0, found);
    let mut commits = Vec::with_capacity(pins.len());
    for pin in pins {
        let (at, end) = (pin.start - start, pin.end - start);
        let after = rest.strip_prefix(&line[from..at])?;
        let is_commit = after.bytes().take(COMMIT_LENGTH).take_while(u8::is_ascii_hexdigit).count() == COMMIT_LENGTH;
        let commit = after.get(..COMMIT_LENGTH).filter(|_| is_commit);
        commits.push(commit.map(str::to_owned));
        rest = if is_commit { after.get(COMMIT_LENGTH..)? } else { after.strip_prefix(&line[at..end])? };
        from = end;
    }
    (rest == &line[from..]).then_some(commits)
}

/// Hex digits of a git commit.
const COMMIT_LENGTH: usize = 40;

/// `sha256:` and the hex digest of the text in canonical form.
pub fn digest(text: &str) -> String {
    let mut hex = String::from("sha256:");
    for byte in Sha256::digest(canonical(text).as_bytes()) {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
    }
    hex
}

/// CRLF as LF, no blanks at line ends, one final newline: what an editor or a web form may change without anybody
/// meaning it.
pub fn canonical(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    while lines.last() == Some(&"") {
        lines.pop();
    }
    let mut canonical = lines.join("\n");
    canonical.push('\n');
    canonical
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OnFailure;
    use std::collections::BTreeSet;
    use std::time::Duration;

    const REPOSITORY: &str = "https://git.example/o/r.git";

    fn phase(text: &str) -> Phase {
        let pins = text.match_indices("#main").map(|(at, _)| Pin {
            start: at + 1,
            end: at + 5,
            repository: REPOSITORY.to_owned(),
            reference: "main".to_owned(),
        });
        Phase {
            name: "core".to_owned(),
            note: None,
            gates: Vec::new(),
            path: "core.yml".to_owned(),
            text: text.to_owned(),
            digest: digest(text),
            pins: pins.collect(),
            services: BTreeSet::new(),
            adds: BTreeSet::new(),
            removes: BTreeSet::new(),
            ports: BTreeMap::new(),
            images: BTreeMap::new(),
            container_names: BTreeMap::new(),
            within: Duration::ZERO,
            settle: Duration::ZERO,
            soak: Duration::ZERO,
            on_failure: OnFailure::Rollback,
        }
    }

    fn commits(commit: &str) -> Commits {
        Commits::from([((REPOSITORY.to_owned(), "main".to_owned()), commit.to_owned())])
    }

    const TEXT: &str = "services:\n  a:\n    build: https://git.example/o/r.git#main:a\n  b: {build: https://git.example/o/r.git#main}\n";

    #[test]
    fn what_is_sent_has_a_marker_and_commits_and_reads_back() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let phase = phase(TEXT);
        let sent = render(&phase, "r1", &commits(commit), false);
        assert_eq!(body_of(&sent), TEXT.replace("main", commit));
        let header = Header::parse(&sent).unwrap();
        assert_eq!((header.run.as_str(), header.phase.as_str(), header.verified), ("r1", "core", false));
        assert_eq!(header.files, phase.digest);
        assert_eq!(sent.lines().next().unwrap(), header.to_string());
        assert!(header.is_intact(&sent));
        assert!(!header.is_intact(&sent.replace("a:", "x:")));
        assert!(Header::parse(&render(&phase, "r1", &Commits::new(), true)).unwrap().verified);
        assert_eq!(body_of(&render(&phase, "r1", &Commits::new(), true)), TEXT, "an unresolved reference stays");
    }

    #[test]
    fn the_commits_of_a_live_text_are_read_back() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let phase = phase(TEXT);
        assert_eq!(commits_in(&phase, &render(&phase, "r1", &commits(commit), true)), commits(commit));
        assert_eq!(commits_in(&phase, TEXT), Commits::new(), "references as written are no commits");
        assert_eq!(commits_in(&phase, "services: {}"), Commits::new());
    }

    #[test]
    fn records_know_a_repository_without_its_credentials() {
        assert_eq!(without_user("https://me:t0ken@git.example/o/r.git#a@b"), "https://git.example/o/r.git#a@b");
        assert_eq!(without_user("https://git.example/o/r.git#main"), "https://git.example/o/r.git#main");
        assert_eq!(without_user("git@git.example:o/r.git"), "git@git.example:o/r.git");
        let mut phase = phase(TEXT);
        phase.pins.iter_mut().for_each(|pin| pin.repository = REPOSITORY.replace("://", "://me:t0ken@"));
        let commit = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(body_of(&render(&phase, "r1", &commits(commit), false)), TEXT.replace("main", commit));
    }

    #[test]
    fn a_live_text_is_the_phase_whatever_commit_marker_and_line_ends() {
        let phase = phase(TEXT);
        for commit in ["0123456789abcdef0123456789abcdef01234567", "ffffffffffffffffffffffffffffffffffffffff"] {
            let sent = render(&phase, "r1", &commits(commit), true);
            assert!(is_phase(&phase, &sent));
            assert!(is_phase(&phase, &sent.replace('\n', "\r\n")), "a web form's line ends");
            assert!(is_phase(&phase, body_of(&sent).trim_end()));
        }
        assert!(is_phase(&phase, TEXT));
        assert!(is_phase(&phase, &format!("{TEXT}\n\n")));
        assert!(is_phase(&self::phase(&TEXT.replace('\n', "  \r\n")), TEXT));
        assert!(is_phase(&self::phase(""), "\n"));
    }

    #[test]
    fn anything_else_is_not_the_phase() {
        let phase = phase(TEXT);
        let half = TEXT.replacen("main", "0123456789abcdef", 1);
        for other in [
            TEXT.replace("main", "develop"),
            half,
            format!("{TEXT}  c: {{image: c}}\n"),
            TEXT.lines().take(3).collect::<Vec<_>>().join("\n"),
            TEXT.replace("  b", " b"),
            String::new(),
            "# plan run=x".to_owned(),
        ] {
            assert!(!is_phase(&phase, &other), "{other}");
        }
    }

    #[test]
    fn only_a_whole_marker_is_one() {
        for text in ["", "# plan", "# plan run=a phase=b", "services:\n", "# planned run=a phase=b files=c text=d verified=no"] {
            assert_eq!(Header::parse(text), None, "{text}");
        }
        assert_eq!(body_of("# a comment\nx"), "# a comment\nx");
    }

    #[test]
    fn canonical_form_forgives_line_ends_only() {
        assert_eq!(canonical("a \r\nb\n\n\n"), "a\nb\n");
        assert_eq!(canonical(canonical("a\t\nb").as_str()), "a\nb\n");
        assert_eq!(digest("a\r\n"), digest("a"));
        assert_ne!(digest(" a"), digest("a"));
        assert!(digest("").starts_with("sha256:") && digest("").len() == 71);
    }
}
