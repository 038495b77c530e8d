//! Evidence of a failure, as files that an operator can read with nothing but a pager.

use super::{StoreError, files};
use crate::engine::{Evidence, Log};
use serde::Serialize;
use std::path::Path;

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

fn log(log: &Log) -> String {
    match &log.missing {
        Some(why) => format!("# could not be read: {why}\n{}", lines(&log.lines)),
        None => lines(&log.lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Moment, Reading, Sample};
    use std::collections::BTreeMap;

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
            deploy_log: Log { lines: vec!["done".into()], missing: None },
            logs: BTreeMap::from([("web/../x".into(), Log { lines: Vec::new(), missing: Some("no container".into()) })]),
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
    }
}
