//! Evidence of a failure, as files that an operator can read with nothing but a pager.

use super::{StoreError, files};
use crate::engine::{Evidence, Log};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Writes `compose.yml`, `containers.json`, `deploy.log`, `logs/SERVICE.log`, `samples.jsonl` and `cause.txt` into a folder, which is
/// there whole or not at all.
pub(super) fn keep(evidence: &Evidence, folder: &Path) -> Result<(), StoreError> {
    let unfinished = folder.with_file_name(".unfinished");
    // Left by a write that failed before.
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(|error| StoreError::io("remove", &unfinished, error))?;
    }
    let logs = unfinished.join("logs");
    files::make_folder(&logs)?;
    files::write(&unfinished.join("cause.txt"), lines(&evidence.cause).as_bytes())?;
    files::write(&unfinished.join("compose.yml"), evidence.text.as_bytes())?;
    files::write(&unfinished.join("containers.json"), &json(&evidence.containers, &unfinished)?)?;
    files::write(&unfinished.join("deploy.log"), log(&evidence.deploy_log).as_bytes())?;
    for (service, tail) in &evidence.logs {
        files::write(&logs.join(format!("{}.log", files::file_name(service))), log(tail).as_bytes())?;
    }
    files::write(&unfinished.join("samples.jsonl"), &samples(evidence, &unfinished)?)?;
    files::sync_folder(&logs)?;
    files::sync_folder(&unfinished)?;
    files::move_into_place(&unfinished, folder)
}

/// Reads evidence back, as far as it is there: what cannot be read is left empty. The compose text is not read.
pub fn read(folder: &Path) -> Evidence {
    let text = |path: &Path| files::read_if_there(path).ok().flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let log = |path: &Path| text(path).map_or_else(Log::default, |text| unlogged(&text));
    let phase = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let phase = phase.split_once('-').map_or(phase.as_str(), |(_, phase)| phase).to_owned();
    let containers = text(&folder.join("containers.json")).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let mut logs = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join("logs")).into_iter().flatten().flatten() {
        if let Some(service) = entry.file_name().to_string_lossy().strip_suffix(".log") {
            logs.insert(service.to_owned(), log(&entry.path()));
        }
    }
    Evidence {
        phase,
        cause: text(&folder.join("cause.txt")).unwrap_or_default().lines().map(str::to_owned).collect(),
        text: String::new(),
        containers,
        deploy_log: log(&folder.join("deploy.log")),
        logs,
        samples: BTreeMap::new(),
    }
}

/// The file of an evidence folder that holds the compose text, and with it whatever secrets stand there in clear.
pub const TEXT: &str = "compose.yml";

/// Copies folders of evidence into a folder that is new or empty, for others to read: without the compose texts. Gives the number of files.
///
/// # Errors
/// When the folder holds something already, or something cannot be read or written.
pub fn copy(folders: &[PathBuf], to: &Path) -> Result<usize, StoreError> {
    let listed = |path: &Path| std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let is_free = match listed(to) {
        Ok(entries) => entries.is_empty(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if !is_free {
        return Err(StoreError::not_free(to));
    }
    let mut copied = 0;
    let mut waiting: Vec<(PathBuf, PathBuf)> =
        folders.iter().filter_map(|folder| Some((folder.clone(), to.join(folder.file_name()?)))).collect();
    files::make_folder(to)?;
    while let Some((from, to)) = waiting.pop() {
        files::make_folder(&to)?;
        for entry in listed(&from).map_err(|error| StoreError::io("list", &from, error))? {
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            // Of the entry itself: a link leads who knows where.
            let kind = entry.file_type().map_err(|error| StoreError::io("read", &source, error))?;
            if kind.is_dir() {
                waiting.push((source, target));
            } else if kind.is_file() && entry.file_name() != TEXT {
                let bytes = std::fs::read(&source).map_err(|error| StoreError::io("read", &source, error))?;
                files::write(&target, &bytes)?;
                copied += 1;
            }
        }
    }
    Ok(copied)
}

fn samples(evidence: &Evidence, folder: &Path) -> Result<Vec<u8>, StoreError> {
    #[derive(Serialize)]
    struct Line<'a> {
        expectation: &'a str,
        #[serde(flatten)]
        sample: &'a crate::engine::Sample,
    }
    let mut bytes = Vec::new();
    for (expectation, samples) in &evidence.samples {
        for sample in samples {
            serde_json::to_writer(&mut bytes, &Line { expectation, sample })
                .map_err(|error| StoreError::io("write", folder, error.into()))?;
            bytes.push(b'\n');
        }
    }
    Ok(bytes)
}

fn json(value: &impl Serialize, folder: &Path) -> Result<Vec<u8>, StoreError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| StoreError::io("write", folder, error.into()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn lines(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// How a log's file begins that could not be read.
const MISSING: &str = "# could not be read: ";

fn log(log: &Log) -> String {
    match &log.missing {
        Some(why) => format!("{MISSING}{why}\n{}", lines(&log.lines)),
        None => lines(&log.lines),
    }
}

fn unlogged(text: &str) -> Log {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let missing = lines.first().and_then(|first| first.strip_prefix(MISSING)).map(str::to_owned);
    if missing.is_some() {
        lines.remove(0);
    }
    Log { lines, missing, is_cut: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Moment, Reading, Sample};

    #[test]
    fn every_part_is_there_and_nothing_unfinished_is() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("01-core");
        std::fs::create_dir(parent.path().join(".unfinished")).unwrap();
        let sample = Sample {
            reading: Reading::Fail,
            expected: "status == 200".into(),
            actual: "HTTP 500".into(),
            at: Moment::millis(9),
            took_ms: 2,
        };
        let evidence = Evidence {
            phase: "core".into(),
            cause: vec!["web answers 500".into()],
            text: "services: {}\n".into(),
            containers: Vec::new(),
            deploy_log: Log { lines: vec!["done".into()], missing: None, is_cut: false },
            logs: BTreeMap::from([("web/../x".into(), Log { lines: Vec::new(), missing: Some("no container".into()), is_cut: false })]),
            samples: BTreeMap::from([("http …".into(), vec![sample])]),
        };
        keep(&evidence, &folder).unwrap();
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(text("cause.txt"), "web answers 500\n");
        assert_eq!(text("compose.yml"), "services: {}\n");
        assert_eq!(text("containers.json"), "[]\n");
        assert_eq!(text("deploy.log"), "done\n");
        assert_eq!(text("logs/web_.._x.log"), "# could not be read: no container\n");
        assert_eq!(
            text("samples.jsonl"),
            "{\"expectation\":\"http …\",\"reading\":\"fail\",\"expected\":\"status == 200\",\"actual\":\"HTTP 500\",\"at\":9,\"took_ms\":2}\n"
        );
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);

        let back = read(&folder);
        assert_eq!((&back.phase, &back.cause, &back.deploy_log), (&"core".to_owned(), &evidence.cause, &evidence.deploy_log));
        assert_eq!(back.logs["web_.._x"], evidence.logs["web/../x"]);
        assert_eq!(back.text, "", "the compose text is not for showing");

        let copies = parent.path().join("copies");
        std::os::unix::fs::symlink("/etc/hostname", folder.join("link")).unwrap();
        assert_eq!(copy(std::slice::from_ref(&folder), &copies).unwrap(), 5);
        assert!(copies.join("01-core/logs/web_.._x.log").is_file());
        assert!(!copies.join("01-core/compose.yml").exists(), "it may hold secrets in clear");
        assert!(!copies.join("01-core/link").exists());
        let again = copy(&[folder], &copies).unwrap_err();
        assert!(again.to_string().contains("must be new or empty"), "{again}");
    }
}
