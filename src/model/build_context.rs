//! What a service is built from.

use std::fmt;

/// A `build:` of a compose file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuildContext {
    /// The service that is built.
    pub service: String,
    /// The compose file, as the plan names it.
    pub file: String,
    /// Where the context is.
    pub place: ContextPlace,
    /// The Dockerfile in it.
    pub dockerfile: Dockerfile,
}

/// Where a build context is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContextPlace {
    /// In a git repository.
    Git {
        /// The repository, with whatever user and password are written.
        repository: String,
        /// The branch, tag or commit; the default branch where none is written.
        reference: Option<String>,
        /// The directory; empty for the repository's own.
        directory: String,
    },
    /// A path on the machine that builds.
    Local(String),
    /// Another address: an archive, an image.
    Other(String),
    /// What a variable of Dokploy's decides, as it is written.
    Variable(String),
}

/// The Dockerfile of a build context.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dockerfile {
    /// The one that is taken where none is named: `Dockerfile`, or else `dockerfile`.
    Default,
    /// The one at this path in the context.
    Named(String),
    /// Its text stands in the compose file.
    Inline,
    /// What a variable of Dokploy's decides, as it is written.
    Variable(String),
}

/// A repository's address may hold a password.
impl fmt::Debug for ContextPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git { reference, directory, .. } => {
                f.debug_struct("Git").field("reference", reference).field("directory", directory).finish_non_exhaustive()
            }
            Self::Local(path) => f.debug_tuple("Local").field(path).finish(),
            Self::Other(_) => f.debug_tuple("Other").finish_non_exhaustive(),
            Self::Variable(written) => f.debug_tuple("Variable").field(written).finish(),
        }
    }
}
