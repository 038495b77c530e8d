//! The text that is sent for a phase: a marker line, then the compose file with its git references replaced by commits.
//!
//! The marker lets any machine with the plan's files tell the state without a journal. Dokploy stores the text as it is given, comments
//! and all (FACTS.md §5), and drops comments only in the file it deploys, so the marker changes nothing that runs.

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
pub fn is_phase(phase: &Phase, live: &str) -> bool {
    let live = body_of(live);
    if canonical(live) == canonical(&phase.text) {
        return true;
    }
    // References become commits on both sides, so compare with each place masked.
    unpinned(phase, live).is_some_and(|text| canonical(&text) == canonical(&phase.text))
}

fn pinned(phase: &Phase, commits: &Commits) -> String {
    let mut text = String::with_capacity(phase.text.len());
    let mut from = 0;
    for pin in &phase.pins {
        if let Some(commit) = commits.get(&(pin.repository.clone(), pin.reference.clone())) {
            text.push_str(&phase.text[from..pin.start]);
            text.push_str(commit);
            from = pin.end;
        }
    }
    text.push_str(&phase.text[from..]);
    text
}

/// The live text with commits put back to the references of the phase's file, place by place; `None` when it does not line up.
fn unpinned(phase: &Phase, live: &str) -> Option<String> {
    let mut text = String::with_capacity(phase.text.len());
    let (mut from, mut rest) = (0, live);
    for pin in &phase.pins {
        let before = &phase.text[from..pin.start];
        rest = rest.strip_prefix(before)?;
        text.push_str(before);
        let commit = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        let reference = &phase.text[pin.start..pin.end];
        rest = if commit == 40 { &rest[40..] } else { rest.strip_prefix(reference)? };
        text.push_str(reference);
        from = pin.end;
    }
    text.push_str(rest);
    Some(text)
}

/// `sha256:` and the hex digest of the text in canonical form.
pub fn digest(text: &str) -> String {
    let mut hex = String::from("sha256:");
    for byte in Sha256::digest(canonical(text).as_bytes()) {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
    }
    hex
}

/// CRLF as LF, no blanks at line ends, one final newline: what an editor or a web form may change without anybody meaning it.
pub fn canonical(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    while lines.last() == Some(&"") {
        lines.pop();
    }
    let mut canonical = lines.join("\n");
    canonical.push('\n');
    canonical
}
