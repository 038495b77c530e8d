//! Why containers are not made, or do not start.

use super::Rule;

pub(super) const RULES: [Rule; 12] = [
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
