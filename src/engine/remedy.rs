//! What to do about a failed deploy, by the words of its log: compose and Docker say what is wrong, seldom what helps.

/// Signs in a log, in small letters, and what helps. The first of a line that fits counts (FACTS §13.5, §13.4).
const REMEDIES: [(&[&str], &str); 19] = [
    (
        &["non-overlapping ipv4 address pool", "address pools have been fully subnetted"],
        "Docker has no address left for another network: let apps share an external network, remove unused ones with `docker network prune`, \
         or widen default-address-pools in the daemon's configuration",
    ),
    (
        &["port is already allocated", "address already in use"],
        "the host port is taken: `docker ps` and `ss -ltnp` on the host say by whom; publish another one, or stop what has it",
    ),
    (&["refers to undefined network"], "declare the network under `networks:` at the top of the compose file, or correct its name"),
    (
        &["declared as external, but could not be found", "error response from daemon: network "],
        "an external network is not there: create it on the host with `docker network create NAME`, or correct its name",
    ),
    (&["external volume "], "an external volume is not there: create it on the host with `docker volume create NAME`, or correct its name"),
    (&["no space left on device"], "the disk is full: `docker system df` and `df -h` on the host say with what"),
    (&["cannot connect to the docker daemon"], "Docker on the host does not run: `systemctl status docker` there"),
    (
        &["pull access denied", "authentication required", "no basic auth credentials"],
        "the registry refuses: correct the image's name, or add the registry's credentials in Dokploy under Registry",
    ),
    (&["manifest for ", "manifest unknown"], "the registry has no such image or tag: correct the tag, or push it first"),
    (
        &["no such host", "dial tcp", "i/o timeout", "tls handshake timeout"],
        "a registry or repository cannot be reached from Dokploy's host: its name, its network, or the registry itself",
    ),
    (&["subdir not supported yet"], "this Docker engine builds no sub-directory of a git repository: it needs a newer one than 20.10"),
    (&["does not match the specified platform"], "the image is for another processor: build or choose one for the host's platform"),
    (
        &["env file ", "bind source path does not exist"],
        "Dokploy empties the folder of the compose file at each deploy: put variables into the app's environment, and files under ../files or \
         into the app's mounts",
    ),
    (&["is already in use by container"], "another container has the name: remove it, or drop `container_name` from the compose file"),
    (&["required variable"], "add the variable to the app's environment in Dokploy, or a default to the compose file"),
    (&["invalid project environment variable", "invalid environment variable:"], "a `${{…}}` names a variable that Dokploy does not have"),
    (&["minimum memory limit"], "raise the service's memory limit to 6m or more"),
    (&["no service selected"], "every service of the file has a profile, and none is chosen: take a service out of its profile"),
    (
        &["didn't complete successfully"],
        "a job that others wait for failed; where it replaced a running version, that one is down until the next good deploy",
    ),
];

/// Dokploy's closing words, without any of the command's own before them.
const CLOSING: &str = "Error occurred ❌";

/// What helps, each once, in the order of the log.
pub(super) fn remedies(log: &[String], lines: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in lines {
        let line = line.to_lowercase();
        let remedy = REMEDIES.iter().find(|(signs, _)| signs.iter().any(|sign| line.contains(sign)));
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
