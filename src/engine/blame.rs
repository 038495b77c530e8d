//! Whose fault a failed deploy is, from its log. Dokploy keeps the reason nowhere else (FACTS §6), and compose words it in a dozen ways
//! (FACTS §13.5); what is not recognised leaves the candidates: the services that the phase adds or changes.

use crate::schedule::{Phase, ServiceName};
use std::collections::BTreeSet;

/// At most so many telling lines go into a cause; the whole log is in the evidence.
const LINES_MAX: usize = 12;
/// No service is a candidate when Docker itself was away or the disk is full.
const HOST_SIGNS: [&str; 2] = ["Cannot connect to the Docker daemon", "no space left on device"];

/// What a log says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Blame {
    /// Services that it names as failing; else the candidates.
    pub services: BTreeSet<ServiceName>,
    /// Whether they are only candidates.
    pub are_candidates: bool,
    /// The lines that tell, oldest first.
    pub lines: Vec<String>,
}

/// Reads a deploy's log. `app` is the compose project's name, the prefix of its containers' names.
pub(super) fn blame(log: &[String], phase: &Phase, previous: Option<&Phase>, app: &str) -> Blame {
    let reader = Reader { phase, app, steps: build_steps(log, phase) };
    let mut services: BTreeSet<ServiceName> = log.iter().filter_map(|line| reader.failing(line)).collect();
    let are_candidates = services.is_empty() && !log.iter().any(|line| is_the_hosts(line));
    if are_candidates {
        services = candidates(phase, previous);
    }
    Blame { services, are_candidates, lines: telling(log) }
}

struct Reader<'a> {
    phase: &'a Phase,
    app: &'a str,
    /// The service of each numbered step of the build log.
    steps: Vec<(&'a str, &'a str)>,
}

/// `#5 [web 2/2] RUN …` says that step 5 belongs to `web`; later lines of the step carry the number only.
fn build_steps<'a>(log: &'a [String], phase: &Phase) -> Vec<(&'a str, &'a str)> {
    let step = |line: &'a String| {
        let (number, rest) = line.strip_prefix('#')?.split_once(' ')?;
        Some((number, bracketed(rest, phase)?))
    };
    log.iter().filter_map(step).collect()
}

/// The service of `[service stage n/m] …`.
fn bracketed<'a>(text: &'a str, phase: &Phase) -> Option<&'a str> {
    let (inside, _) = text.strip_prefix('[')?.split_once(']')?;
    let name = inside.split(' ').next()?;
    phase.services.contains(name).then_some(name)
}

impl Reader<'_> {
    /// The service that this line says fails.
    fn failing(&self, line: &str) -> Option<ServiceName> {
        self.build(line)
            .or_else(|| self.status(line))
            .or_else(|| self.container(line))
            .or_else(|| self.quoted(line))
            .or_else(|| self.image(line))
            .or_else(|| self.port(line))
            .or_else(|| self.schema(line))
    }

    fn service(&self, name: &str) -> Option<ServiceName> {
        self.phase.services.get(name).cloned()
    }

    /// `BuildKit`: `#5 ERROR: …`, the summary's ` > [web 2/2] RUN …:`, and `target web: failed to solve`.
    fn build(&self, line: &str) -> Option<ServiceName> {
        if let Some((number, "ERROR:")) =
            line.strip_prefix('#').and_then(|rest| rest.split_once(' ')).map(|(number, rest)| (number, first(rest)))
        {
            let (_, service) = self.steps.iter().rev().find(|(step, _)| *step == number)?;
            return self.service(service);
        }
        if let Some(summary) = line.trim_start().strip_prefix("> ") {
            return self.service(bracketed(summary, self.phase)?);
        }
        let (before, _) = line.split_once(": failed to solve")?;
        self.service(before.strip_prefix("target ")?.trim())
    }

    /// Compose's progress: ` web Error manifest for …`, ` Service web  Error`.
    fn status(&self, line: &str) -> Option<ServiceName> {
        let mut words = line.split_whitespace();
        let mut name = words.next()?;
        if matches!(name, "Service" | "Image" | "✘") {
            name = words.next()?;
        }
        let is_failure = matches!(words.next()?, "Error" | "error" | "Failed");
        if is_failure { self.service(name) } else { None }
    }

    /// ` Container app-web-1  Error`, `container app-web-1 is unhealthy`, `endpoint app-web-1 (…): Bind for …`.
    fn container(&self, line: &str) -> Option<ServiceName> {
        const SIGNS: [&str; 6] = ["Error", "is unhealthy", "has no healthcheck", "exited (", "failed", "Conflict"];
        if !SIGNS.iter().any(|sign| line.contains(sign)) {
            return None;
        }
        line.split(|c: char| c.is_whitespace() || matches!(c, '"' | '(' | ')' | ',' | ':')).find_map(|word| {
            let word = word.trim_start_matches('/');
            let fixed = self.phase.container_names.iter().find(|(_, name)| *name == word).map(|(service, _)| service.clone());
            fixed.or_else(|| self.service_of_container(word))
        })
    }

    /// Compose names containers `<app>-<service>-<number>`.
    fn service_of_container(&self, name: &str) -> Option<ServiceName> {
        let (service, number) = name.strip_prefix(self.app)?.strip_prefix('-')?.rsplit_once('-')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { self.service(service) } else { None }
    }

    /// `service "web" refers to undefined network …`, `service "migrate" didn't complete successfully: exit 3`.
    fn quoted(&self, line: &str) -> Option<ServiceName> {
        let (_, rest) = line.split_once("service \"")?;
        self.service(rest.split_once('"')?.0)
    }

    /// `manifest for IMAGE not found`, `pull access denied for REPOSITORY`, `unable to get image 'IMAGE'`.
    fn image(&self, line: &str) -> Option<ServiceName> {
        let after = |sign: &str| line.split_once(sign).map(|(_, rest)| rest);
        let named = after("manifest for ")
            .or_else(|| after("pull access denied for "))
            .or_else(|| after("unable to get image '"))
            .or_else(|| after("image with reference "))?;
        let named = first(named).trim_matches(|c| matches!(c, '\'' | ':' | ',' | '"'));
        let mut users = self.phase.images.iter().filter(|(_, image)| is_same_image(image, named));
        let (service, _) = users.next()?;
        // Two services of one image: the log does not say which.
        if users.next().is_none() { Some(service.clone()) } else { None }
    }

    /// `Bind for 0.0.0.0:8004 failed: port is already allocated`.
    fn port(&self, line: &str) -> Option<ServiceName> {
        let (address, _) = line.split_once("Bind for ")?.1.split_once(" failed")?;
        let port: u16 = address.rsplit_once(':')?.1.parse().ok()?;
        let publishes = |ports: &BTreeSet<crate::compose::Port>| ports.iter().any(|one| one.host == Some(port));
        self.phase.ports.iter().find(|(_, ports)| publishes(ports)).map(|(service, _)| service.clone())
    }

    /// `validating …: services.web Additional property imagge is not allowed`, `while interpolating services.web.environment.A`.
    fn schema(&self, line: &str) -> Option<ServiceName> {
        if !line.contains("validating") && !line.contains("error while") {
            return None;
        }
        let (_, rest) = line.split_once("services.")?;
        self.service(rest.split(|c: char| c == '.' || c.is_whitespace()).next()?)
    }
}

fn first(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or("")
}

/// Whether a log's image is the one that a file names: with or without tag, registry and Docker Hub's `library/`.
fn is_same_image(written: &str, named: &str) -> bool {
    let bare = |image: &str| {
        let image = image.trim_start_matches("docker.io/").trim_start_matches("library/");
        image.to_owned()
    };
    let untagged = |image: &str| match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name.to_owned(),
        _ => image.to_owned(),
    };
    let (written, named) = (bare(written), bare(named));
    written == named || untagged(&written) == named
}

/// Services that the phase adds; when it adds none, those of the file, all of which may have changed.
fn candidates(phase: &Phase, previous: Option<&Phase>) -> BTreeSet<ServiceName> {
    let differs = |name: &&ServiceName| {
        previous.is_none_or(|previous| {
            !previous.services.contains(*name)
                || previous.images.get(*name) != phase.images.get(*name)
                || previous.ports.get(*name) != phase.ports.get(*name)
        })
    };
    let changed: BTreeSet<ServiceName> = phase.services.iter().filter(differs).cloned().collect();
    if changed.is_empty() { phase.services.clone() } else { changed }
}

/// Whether a line says that the host is at fault, whatever the services are like.
fn is_the_hosts(line: &str) -> bool {
    HOST_SIGNS.iter().any(|sign| line.contains(sign))
}

/// Lines that carry a reason, without Dokploy's box and its closing words.
fn telling(log: &[String]) -> Vec<String> {
    const SIGNS: [&str; 18] = [
        "error",
        "failed",
        "not found",
        "denied",
        "no such",
        "unhealthy",
        "refers to",
        "conflict",
        "invalid",
        "no space left",
        "exit code",
        "didn't complete",
        "fatal:",
        "not allowed",
        "already allocated",
        "undefined",
        "missing",
        "no service selected",
    ];
    const CLOSING: [&str; 2] = ["Docker command failed", "Error occurred ❌"];
    let tells = |line: &&String| {
        let lower = line.to_lowercase();
        !line.starts_with(['║', '╔', '╚'])
            && (SIGNS.iter().any(|sign| lower.contains(sign)) || is_the_hosts(line))
            && !CLOSING.iter().any(|words| line.contains(words))
    };
    let mut lines: Vec<String> = Vec::new();
    for line in log.iter().filter(tells) {
        let line = line.trim_end().to_owned();
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    let skip = lines.len().saturating_sub(LINES_MAX);
    lines.split_off(skip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::{Port, Protocol};
    use crate::model::OnFailure;
    use std::collections::BTreeMap;
    use std::time::Duration;

    fn phase(services: &[&str]) -> Phase {
        let names: BTreeSet<ServiceName> = services.iter().map(|name| (*name).to_owned()).collect();
        Phase {
            name: "core".into(),
            note: None,
            gates: vec![],
            path: "phase2.yml".into(),
            text: String::new(),
            digest: String::new(),
            pins: vec![],
            services: names.clone(),
            adds: names,
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

    fn blamed(log: &str, phase: &Phase) -> (Vec<String>, bool) {
        let log: Vec<String> = log.lines().map(str::to_owned).collect();
        let blame = blame(&log, phase, None, "bench-app-x1");
        (blame.services.into_iter().collect(), blame.are_candidates)
    }

    fn named(service: &str) -> (Vec<String>, bool) {
        (vec![service.to_owned()], false)
    }

    #[test]
    fn a_build_that_fails_is_blamed_by_its_step() {
        let log = "#3 [web internal] load metadata for 127.0.0.1:5000/bench/app:v1\n#5 [web 2/2] RUN make\n#5 0.156 error: it does not compile\n\
                   #5 ERROR: executor failed running [/bin/sh -c make]: exit code: 3\n------\n > [web 2/2] RUN make:\n\
                   failed to solve: executor failed running [/bin/sh -c make]: exit code: 3\nError: ❌ Docker command failed";
        assert_eq!(blamed(log, &phase(&["web", "worker"])), named("web"));
        assert_eq!(blamed("target worker: failed to solve: exit code: 1", &phase(&["web", "worker"])), named("worker"));
    }

    #[test]
    fn other_services_that_were_built_are_not_blamed() {
        let log = "#4 [worker 1/1] FROM app\n#4 DONE 0.0s\n#5 [web 1/1] RUN x\n#5 ERROR: exit code: 1";
        assert_eq!(blamed(log, &phase(&["web", "worker"])), named("web"));
    }

    /// Every way in which Docker may name an image, against every way in which a file may.
    #[test]
    fn an_image_is_the_same_by_its_name_and_by_its_tag_if_one_is_named() {
        let hubs = ["", "library/", "docker.io/", "docker.io/library/"].map(|hub| (hub, "redis"));
        let all = hubs.into_iter().chain([("", "acme/api"), ("docker.io/", "acme/api"), ("", "registry.example:5000/api"), ("", "api")]);
        let tagged = |(hub, name): (&str, &'static str)| {
            [None, Some("1"), Some("1.2")]
                .map(|tag| (name, tag, format!("{hub}{name}{}", tag.map_or(String::new(), |tag| format!(":{tag}")))))
        };
        let all: Vec<_> = all.flat_map(tagged).collect();
        for (written, tag, in_file) in &all {
            for (named, its_tag, in_log) in &all {
                let is_same = written == named && (its_tag.is_none() || tag == its_tag);
                assert_eq!(is_same_image(in_file, in_log), is_same, "{in_file} in the file, {in_log} in the log");
            }
        }
    }

    #[test]
    fn a_missing_image_is_blamed_by_the_progress_line_or_by_its_name() {
        let line = " s8 Pulling \n s8 Error manifest for 127.0.0.1:5000/bench/app:nope not found: manifest unknown: manifest unknown";
        assert_eq!(blamed(line, &phase(&["s7", "s8"])), named("s8"));
        let daemon = "Error response from daemon: manifest for 127.0.0.1:5000/bench/app:nope not found: manifest unknown: manifest unknown";
        let mut by_image = phase(&["s7", "s8"]);
        by_image.images.insert("s7".into(), "127.0.0.1:5000/bench/app:v1".into());
        by_image.images.insert("s8".into(), "127.0.0.1:5000/bench/app:nope".into());
        assert_eq!(blamed(daemon, &by_image), named("s8"));
        by_image.images.insert("s7".into(), "private/app:1".into());
        let denied =
            "Error response from daemon: pull access denied for private/app, repository does not exist or may require 'docker login'";
        assert_eq!(blamed(denied, &by_image), named("s7"));
    }

    #[test]
    fn a_port_that_is_taken_is_blamed_by_container_and_by_port() {
        let line = "Error response from daemon: driver failed programming external connectivity on endpoint bench-app-x1-web-1 (ce72e382): \
                    Bind for 127.0.0.1:18081 failed: port is already allocated";
        assert_eq!(blamed(line, &phase(&["web", "db"])), named("web"));
        let mut by_port = phase(&["web", "db"]);
        let port = Port { host_ip: None, host: Some(8004), container: 80, protocol: Protocol::Tcp };
        by_port.ports.insert("db".into(), [port].into());
        assert_eq!(blamed("Bind for 0.0.0.0:8004 failed: port is already allocated", &by_port), named("db"));
    }

    #[test]
    fn an_unhealthy_dependency_is_blamed_and_its_dependents_are_not() {
        let log = " Container bench-app-x1-web-1  Created\n Container bench-app-x1-db-1  Waiting\n Container bench-app-x1-db-1  Error\n\
                   dependency failed to start: container bench-app-x1-db-1 is unhealthy";
        assert_eq!(blamed(log, &phase(&["web", "db"])), named("db"));
    }

    #[test]
    fn compose_names_services_in_quotes_and_by_path() {
        let two = phase(&["web", "migrate"]);
        assert_eq!(blamed("service \"migrate\" didn't complete successfully: exit 3", &two), named("migrate"));
        assert_eq!(blamed("service \"web\" refers to undefined network outer: invalid compose project", &two), named("web"));
        let schema = "validating /etc/dokploy/compose/x/code/docker-compose.yml: services.web Additional property imagge is not allowed";
        assert_eq!(blamed(schema, &two), named("web"));
    }

    #[test]
    fn a_log_that_names_nobody_leaves_what_the_phase_changes() {
        let (mut before, mut after) = (phase(&["web"]), phase(&["web", "db"]));
        before.images.insert("web".into(), "app:1".into());
        after.images.insert("web".into(), "app:1".into());
        let log = ["Error response from daemon: network outer not found".to_owned()];
        let blame = blame(&log, &after, Some(&before), "x");
        assert_eq!((blame.services, blame.are_candidates), (["db".to_owned()].into(), true));
        assert_eq!(blame.lines, log);
    }

    #[test]
    fn nobody_is_a_candidate_when_the_host_is_at_fault() {
        let down = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?";
        assert_eq!(blamed(down, &phase(&["web", "db"])), (vec![], false));
        assert_eq!(telling(&[down.to_owned()]), [down]);
        let full = "#5 [web 2/2] RUN make\n#5 ERROR: write /x: no space left on device";
        assert_eq!(blamed(full, &phase(&["web", "db"])), named("web"), "who it struck is told all the same");
    }

    #[test]
    fn telling_lines_leave_out_the_box_and_the_closing_words() {
        let log = "║ Command: docker compose up error ║\nfailed to solve: exit code: 3\nError: ❌ Docker command failed\n\
                   Error occurred ❌, check the logs for details.";
        let log: Vec<String> = log.lines().map(str::to_owned).collect();
        assert_eq!(telling(&log), ["failed to solve: exit code: 3"]);
    }
}
