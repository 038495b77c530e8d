//! Why images are not there: they were not built, or could not be pulled.

use super::Rule;

pub(super) const RULES: [Rule; 7] = [
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
];
