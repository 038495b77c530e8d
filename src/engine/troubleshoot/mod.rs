//! What to do about a failed deploy, by the words of its log: compose and Docker say what is wrong, seldom what helps.

mod build;
mod start;

/// Signs in a line of a log, in small letters, and what helps (FACTS §13.5, §13.4).
type Rule = (&'static [&'static str], &'static str);

/// Dokploy's closing words, without any of the command's own before them.
const CLOSING: &str = "Error occurred ❌";

fn rules() -> impl Iterator<Item = &'static Rule> {
    build::RULES.iter().chain(&start::RULES)
}

/// What helps, each once, in the order of the log.
pub(super) fn remedies(log: &[String], lines: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in lines {
        let line = line.to_lowercase();
        // The first that fits a line counts.
        let remedy = rules().find(|(signs, _)| signs.iter().any(|sign| line.contains(sign)));
        if let Some((_, remedy)) = remedy.filter(|(_, remedy)| !found.iter().any(|known| known == remedy)) {
            found.push((*remedy).to_owned());
        }
    }
    let is_silent = lines.is_empty() && log.iter().any(|line| line.contains(CLOSING)) && !log.iter().any(|line| line.contains("Command: "));
    if is_silent {
        let text =
            "the log gives no reason, which is what a compose text and environment over the limit of a shell argument look like (FACTS §5)";
        found.push(text.to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::remedies;

    fn helps(line: &str) -> Vec<String> {
        let lines = [line.to_owned()];
        remedies(&lines, &lines)
    }

    #[test]
    fn each_recorded_reason_has_its_remedy() {
        for (line, remedy) in [
            (
                "failed to create network a_default: Error response from daemon: could not find an available, non-overlapping IPv4 address pool among \
                 the defaults to assign to the network",
                "docker network prune",
            ),
            ("all predefined address pools have been fully subnetted", "docker network prune"),
            (
                "driver failed programming external connectivity on endpoint a: Bind for 0.0.0.0:80 failed: port is already allocated",
                "ss -ltnp",
            ),
            ("Error response from daemon: network outer not found", "docker network create"),
            ("network outer declared as external, but could not be found", "docker network create"),
            ("service \"web\" refers to undefined network outer: invalid compose project", "declare the network"),
            ("external volume \"data\" not found", "docker volume create"),
            ("write /x: no space left on device", "docker system df"),
            ("Error response from daemon: manifest for a:1 not found: manifest unknown", "push it first"),
            ("Error response from daemon: pull access denied for a, repository does not exist", "credentials"),
            ("dial tcp 127.0.0.1:5999: connect: connection refused", "cannot be reached"),
            ("failed to load cache key: subdir not supported yet", "newer one than 20.10"),
            ("image with reference a was found but does not match the specified platform: wanted linux/arm64", "processor"),
            ("env file /etc/dokploy/compose/a/code/prod.env not found: stat", "at each deploy"),
            ("invalid mount config for type \"bind\": bind source path does not exist: /x", "at each deploy"),
            ("Conflict. The container name \"/x\" is already in use by container \"0a\"", "container_name"),
            ("error while interpolating services.web.environment.A: required variable A is missing a value: text", "app's environment"),
            ("Invalid project environment variable: project.X", "${{…}}"),
            ("Minimum memory limit allowed is 6MB", "memory limit"),
            ("no service selected", "profile"),
            ("service \"migrate\" didn't complete successfully: exit 3", "job"),
            ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "systemctl status docker"),
        ] {
            let found = helps(line);
            assert!(found.len() == 1 && found[0].contains(remedy), "{line}: {found:?}");
        }
        assert!(helps("#5 ERROR: executor failed running [/bin/sh -c make]: exit code: 2").is_empty());
    }

    #[test]
    fn a_log_without_a_reason_points_at_the_size() {
        let log = ["Initializing deployment".to_owned(), "Error occurred ❌, check the logs for details.".to_owned()];
        assert!(remedies(&log, &[])[0].contains("over the limit"));
        let log = ["║ Command: docker compose up ║".to_owned(), "Error occurred ❌, check the logs for details.".to_owned()];
        assert!(remedies(&log, &[]).is_empty());
    }
}
