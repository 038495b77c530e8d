//! Why images are not there: they were not built, or could not be pulled (FACTS §13.5).

use super::read::SILENT;
use super::rule::{
    Rule,
    Sign::{Deploy, Log},
};

pub(super) const RULES: [Rule; 29] = [
    Rule {
        id: "disk-full",
        signs: &[Deploy(&["no space left on device"]), Log(&["no space left on device"])],
        cause: "the disk is full",
        remedy: "`df -h` and `docker system df` on the host say with what; `docker builder prune` and `docker image prune` free what builds left",
    },
    Rule {
        id: "docker-down",
        signs: &[Deploy(&["cannot connect to the docker daemon"])],
        cause: "Docker on the host does not run",
        remedy: "`systemctl status docker` there says why",
    },
    Rule {
        id: "dockerfile-missing",
        signs: &[
            Deploy(&["failed to read dockerfile: open ", "no such file or directory"]),
            Deploy(&["unable to evaluate symlinks in dockerfile path"]),
            Deploy(&["cannot locate specified dockerfile"]),
        ],
        cause: "there is no Dockerfile where the build looks for it",
        remedy: "correct `build.context` or `build.dockerfile` in the compose file, whose path is relative to the context; see that the file is committed, with this spelling",
    },
    Rule {
        id: "build-context-missing",
        signs: &[Deploy(&["unable to prepare context: path ", "not found"])],
        cause: "the folder that `build.context` names is not beside the compose file",
        remedy: "a compose text in Dokploy comes without its repository: build from a git URL (`https://…git#branch:folder`), or push an image and name it",
    },
    Rule {
        id: "copy-source-missing",
        signs: &[Deploy(&["failed to calculate checksum of ref", "not found"]), Deploy(&["failed to compute cache key: ", "not found"])],
        cause: "a file that the Dockerfile copies is not in the build context",
        remedy: "see that it is committed and not in .dockerignore, and that its path is relative to the context",
    },
    Rule {
        id: "git-reference-missing",
        signs: &[
            Deploy(&["repository does not contain ref"]),
            Deploy(&["couldn't find remote ref"]),
            Deploy(&["fatal: remote branch ", "not found in upstream"]),
        ],
        cause: "the repository has no such branch or tag",
        remedy: "correct the part after `#` in the build context, or push the branch or tag",
    },
    Rule {
        id: "git-not-let-in",
        signs: &[
            Deploy(&["could not read username for "]),
            Deploy(&["fatal: authentication failed for "]),
            Deploy(&["permission denied (publickey)"]),
            Deploy(&["host key verification failed"]),
        ],
        cause: "the git server does not let Dokploy's host in",
        remedy: "a private repository needs a token or a deploy key that this host has; or push a built image and name that",
    },
    Rule {
        id: "git-repository-missing",
        signs: &[Deploy(&["fatal: repository '", "not found"])],
        cause: "the repository is not there, or is private: git servers say the same of both",
        remedy: "correct the address in the build context, or give the host access",
    },
    Rule {
        id: "git-subdirectory",
        signs: &[Deploy(&["subdir not supported yet"])],
        cause: "this Docker engine builds no sub-directory of a git repository",
        remedy: "it needs a newer engine than 20.10; until then move the Dockerfile to the top, or push a built image",
    },
    Rule {
        id: "dockerfile-invalid",
        signs: &[Deploy(&["dockerfile parse error"])],
        cause: "the Dockerfile cannot be read",
        remedy: "correct the line that the message names; `docker build --check .` finds the same without a deploy",
    },
    Rule {
        id: "build-target-missing",
        signs: &[Deploy(&["target stage ", "could not be found"])],
        cause: "the Dockerfile has no stage of the name in `build.target`",
        remedy: "correct the name, or add `AS NAME` to the stage's FROM",
    },
    Rule {
        id: "pip-requirement-missing",
        signs: &[
            Deploy(&["could not find a version that satisfies the requirement"]),
            Deploy(&["no matching distribution found for"]),
            Deploy(&["resolutionimpossible"]),
        ],
        cause: "pip finds no version that the requirements allow, for this Python",
        remedy: "correct the pin in requirements.txt; see with `pip index versions NAME` what there is, and whether the base image's Python is old or new enough",
    },
    Rule {
        id: "pip-build-failed",
        signs: &[Deploy(&["failed building wheel for"]), Deploy(&["failed to build installable wheels"])],
        cause: "a Python package has no wheel for this image and does not compile in it",
        remedy: "install its compiler and headers first (`build-essential`, `libpq-dev`, …), take its binary variant, or use a slim image in place of an alpine one",
    },
    Rule {
        id: "poetry-unsolved",
        signs: &[
            Deploy(&["version solving failed"]),
            Deploy(&["pyproject.toml changed significantly since poetry.lock was last generated"]),
        ],
        cause: "poetry's lock and pyproject.toml do not go together",
        remedy: "run `poetry lock` and commit poetry.lock",
    },
    Rule {
        id: "javascript-lock-outdated",
        signs: &[
            Deploy(&["can only install packages when your package.json and package-lock.json"]),
            Deploy(&["can only install with an existing package-lock.json"]),
            Deploy(&["your lockfile needs to be updated, but yarn was run with `--frozen-lockfile`"]),
            Deploy(&["err_pnpm_outdated_lockfile"]),
        ],
        cause: "the lockfile is missing or does not go with package.json",
        remedy: "run the package manager's install where you develop, and commit the lockfile",
    },
    Rule {
        id: "npm-install-failed",
        signs: &[
            Deploy(&["npm err! code e"]),
            Deploy(&["npm error code e"]),
            Deploy(&["error couldn't find package"]),
            Deploy(&["err_pnpm_fetch_404"]),
        ],
        cause: "npm, yarn or pnpm could not install the packages",
        remedy: "ERESOLVE: peers contradict each other; E404 and ETARGET: no such package or version, or a private one without a token; the same install in the same base image shows it whole",
    },
    Rule {
        id: "bundler-unsolved",
        signs: &[
            Deploy(&["could not find compatible versions for gem"]),
            Deploy(&["could not find gem '"]),
            Deploy(&["your bundle only supports platforms"]),
            Deploy(&["gem::ext::builderror"]),
        ],
        cause: "bundler could not install the gems",
        remedy: "`bundle lock --add-platform x86_64-linux` and a committed Gemfile.lock; a native extension needs its compiler and headers in the image first",
    },
    Rule {
        id: "go-modules-failed",
        signs: &[
            Deploy(&["missing go.sum entry"]),
            Deploy(&["unknown revision"]),
            Deploy(&["no required module provides package"]),
            Deploy(&["verifying ", "checksum mismatch"]),
        ],
        cause: "Go's modules do not resolve",
        remedy: "run `go mod tidy` and commit go.mod and go.sum; private modules need GOPRIVATE and credentials in the build",
    },
    Rule {
        id: "maven-unresolved",
        signs: &[
            Deploy(&["could not resolve dependencies for project"]),
            Deploy(&["non-resolvable parent pom"]),
            Deploy(&["could not resolve all files for configuration"]),
        ],
        cause: "Maven or Gradle could not resolve the dependencies",
        remedy: "correct the version, or give the build the repository and its credentials (settings.xml, `repositories`)",
    },
    Rule {
        id: "system-package-missing",
        signs: &[Deploy(&["e: unable to locate package"]), Deploy(&["does not have a release file"]), Deploy(&["(no such package)"])],
        cause: "the base image's distribution has no such package, or its lists are old or gone",
        remedy: "`apt-get update` in the same RUN as the install, the package's name in this release, or a base image that is still supported",
    },
    Rule {
        id: "build-network",
        signs: &[
            Deploy(&["temporary failure in name resolution"]),
            Deploy(&["temporary failure resolving '"]),
            Deploy(&["could not resolve host: "]),
            Deploy(&["getaddrinfo eai_again"]),
            Deploy(&["getaddrinfo enotfound"]),
        ],
        cause: "the build has no working network or DNS",
        remedy: "`docker run --rm busybox nslookup example.com` on the host; set `dns` in the daemon's configuration, or see whether a firewall drops Docker's traffic",
    },
    Rule {
        id: "build-killed-for-memory",
        signs: &[
            Deploy(&["did not complete successfully: exit code: 137"]),
            Deploy(&["executor failed running [", "exit code: 137"]),
            Deploy(&["javascript heap out of memory"]),
            Deploy(&["cannot allocate memory"]),
        ],
        cause: "the build ran out of memory",
        remedy: "more memory or swap for the host, fewer builds at once, a smaller step (`NODE_OPTIONS=--max-old-space-size`, fewer jobs), or build elsewhere and push the image",
    },
    Rule {
        id: "pull-rate-limit",
        signs: &[Deploy(&["toomanyrequests"])],
        cause: "the registry's limit of anonymous pulls is reached",
        remedy: "wait, add credentials in Dokploy under Registry, or pull through a mirror",
    },
    Rule {
        id: "registry-refuses",
        signs: &[
            Deploy(&["pull access denied"]),
            Deploy(&["authentication required"]),
            Deploy(&["no basic auth credentials"]),
            Deploy(&["requested access to the resource is denied"]),
        ],
        cause: "the registry refuses: no such repository, or no access to it",
        remedy: "correct the image's name, or add the registry's credentials in Dokploy under Registry",
    },
    Rule {
        id: "image-missing",
        signs: &[
            Deploy(&["manifest for ", "not found"]),
            Deploy(&["manifest unknown"]),
            Deploy(&["failed to resolve source metadata for ", "not found"]),
            Deploy(&["error: docker.io/", ": not found"]),
            Deploy(&["failed to solve: docker.io/", ": not found"]),
        ],
        cause: "the registry has no such image or tag",
        remedy: "correct the tag, or push it first",
    },
    Rule {
        id: "image-name-invalid",
        signs: &[Deploy(&["invalid reference format"])],
        cause: "the image's name is none: often a variable in it that is not set",
        remedy: "add the variable to the app's environment in Dokploy, or correct `image:`",
    },
    Rule {
        id: "platform-differs",
        signs: &[Deploy(&["does not match the specified platform"]), Deploy(&["no matching manifest for "])],
        cause: "the image is for another processor",
        remedy: "build or choose one for the host's platform (`docker buildx build --platform linux/amd64,linux/arm64`)",
    },
    Rule {
        id: "registry-unreachable",
        signs: &[
            Deploy(&["no such host"]),
            Deploy(&["dial tcp"]),
            Deploy(&["i/o timeout"]),
            Deploy(&["tls handshake timeout"]),
            Deploy(&["fatal: unable to access '"]),
        ],
        cause: "a registry or repository cannot be reached from Dokploy's host",
        remedy: "its name, the host's network and DNS, or the registry itself: `curl -v https://…/v2/` on the host",
    },
    Rule {
        id: SILENT,
        signs: &[],
        cause: "the command was never begun: a compose text and environment over the limit of a shell argument look like this (FACTS §5)",
        remedy: "make text and environment smaller: large values belong into files or mounts",
    },
];
