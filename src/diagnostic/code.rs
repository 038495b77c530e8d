//! Stable codes, one range for each stage. A number is never given to another meaning.
//!
//! Each has a page, `docs/codes/CODE.md`, which is built in: a code without one does not compile.

use super::Severity;
use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable code of a diagnostic: `E` for errors, `W` for warnings, then the stage's range.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// How it is written: `E0101`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// What `plan explain` prints of it, in Markdown: a title, what it means and what to do, an example of it and of its cure.
            pub fn page(self) -> &'static str {
                match self { $(Code::$name => include_str!(concat!("../../docs/codes/", $text, ".md")),)* }
            }
        }
    };
}

codes! {
    // 01xx: syntax.
    /// A statement that cannot be read.
    Syntax = "E0101",
    /// A block that is never closed.
    UnclosedBlock = "E0102",
    /// A closing brace without a block.
    StrayBrace = "E0103",
    /// A statement in a block where it has no meaning.
    Misplaced = "E0104",
    /// A construct of the language that this version does not build yet.
    NotBuilt = "E0105",
    /// A file too large or nested too deeply to be read.
    TooLarge = "E0106",
    /// A file that is not there or cannot be read.
    Unreadable = "E0107",

    // 02xx: names.
    /// A name that nothing declares.
    UnknownName = "E0201",
    /// A name declared twice.
    DeclaredTwice = "E0202",
    /// A block or statement that must be there and is not.
    Missing = "E0203",
    /// A statement given twice where one is meant.
    GivenTwice = "E0204",

    // 03xx: values.
    /// A bare number where a unit belongs.
    UnitMissing = "E0301",
    /// A value of the wrong kind.
    WrongKind = "E0302",
    /// A value outside its range.
    OutOfRange = "E0303",
    /// A string whose interpolation cannot be read.
    Interpolation = "E0304",
    /// An assertion that cannot fail.
    Vacuous = "E0305",
    /// An environment variable that the plan names and that is not set.
    VariableNotSet = "E0306",
    /// A URL or address that cannot be used.
    BadAddress = "E0307",
    /// A pattern or a path that cannot be read.
    BadPattern = "E0308",
    /// A secret where everybody on the machine can see it.
    SecretExposed = "E0309",

    // W03xx: values, worth knowing.
    /// A secret that is written out in the plan.
    LiteralSecret = "W0301",

    // 04xx: order and time.
    /// Phases that are not one line.
    PhaseOrder = "E0401",
    /// Times that contradict each other.
    TimeAlgebra = "E0402",
    /// A service that a later phase drops without saying so.
    ServiceDropped = "E0403",
    /// A dependency that no phase up to this one delivers.
    DependencyLater = "E0404",
    /// A `removes` of a service that is not dropped.
    RemovesNothing = "E0405",
    /// Services that wait for each other.
    DependencyCycle = "E0406",

    // W04xx: order and time, worth knowing.
    /// A soak that ends before a crash loop has come round.
    ShortSoak = "W0401",

    // 05xx: compose files, and other files that the plan names.
    /// A compose file that is not there.
    ComposeMissing = "E0501",
    /// A compose file that cannot be read as one.
    ComposeInvalid = "E0502",
    /// A service of the plan that no compose file has.
    ServiceNotInCompose = "E0503",
    /// Two services that publish the same host port.
    PortClash = "E0505",
    /// Two services with the same container name.
    ContainerNameClash = "E0506",
    /// A compose file over what Dokploy can deploy.
    ComposeTooLarge = "E0507",
    /// The wrong machine would be verified: a loopback probe beside a Dokploy that is elsewhere.
    LoopbackProbe = "E0508",
    /// A file of certificates that holds none.
    NoCertificate = "E0509",
    /// A job that never ends, or a service that must end.
    JobOrService = "E0510",
    /// A git build that cannot be fixed to a commit, in a phase that a later one goes back to.
    UnpinnedTarget = "E0511",

    // W05xx: compose files, worth knowing.
    /// A service that publishes a port and has no expectation.
    Unasserted = "W0501",
    /// A later phase silently changes a service of an earlier one.
    SilentChange = "W0502",
    /// Two services share a Redis database number.
    RedisClash = "W0503",
    /// An external network or volume that only some of the phases' files have.
    ExternalDiffers = "W0504",
    /// A variable that neither the compose file nor the app's environment gives a value. Known only where Dokploy is asked.
    VariableUnset = "W0505",
    /// A git build whose commit cannot be fixed at the start of a run, in the last phase.
    Unpinned = "W0506",
    /// A secret written out in a compose file.
    PlainSecret = "W0507",
    /// An image tag that moves.
    MutableTag = "W0508",
    /// A healthcheck that takes longer to decide than its phase settles.
    SlowHealthcheck = "W0509",
    /// An `allow` of a warning that is not there.
    NeedlessAllow = "W0510",
}

impl Code {
    /// Errors start with `E`, warnings with `W`.
    pub fn severity(self) -> Severity {
        if self.as_str().starts_with('W') { Severity::Warning } else { Severity::Error }
    }

    /// What it stands for in a few words: the title of its page.
    pub fn title(self) -> &'static str {
        let first = self.page().lines().next().unwrap_or_default();
        first.split_once(": ").map_or(first, |(_, title)| title)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
