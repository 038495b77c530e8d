//! Faults: what goes wrong in a world, and when.

use super::window::Window;
use std::time::Duration;

/// Something that goes wrong: `TARGET: KIND [DURATION] [in PHASE | in rollback | from PHASE] [after DURATION] [for DURATION] [every DURATION]`.
///
/// Without `in` and `from`, a fault of a service strikes from the first deploy on, for good: whatever phase is in force, and whenever the
/// service is created anew. Any other fault strikes from the start. With `in`, either strikes only while a deploy of that phase (or a
/// rollback) is the last one that was started; with `from`, from the first deploy of that phase on, for good. Which phase a deploy is of
/// stands in its title.
///
/// From that moment, `after` counts; then the fault is in force for as long as `for` says, and anew each time that `every` has passed.
/// Times are whole milliseconds: a text cannot say more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// What it strikes.
    pub target: Target,
    /// When its time begins to count.
    pub when: When,
    /// So long after that it strikes. Default 0; `restarts`: 400 ms after the row of the next deploy.
    pub after: Duration,
    /// So long after it struck it is over; `None`: never. A kind that has a duration of its own has `None` here: see [`Fault::lasting`].
    pub lasts: Option<Duration>,
    /// It strikes anew each so often; longer than it lasts.
    pub every: Option<Duration>,
}

/// What a fault strikes, and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A compose service.
    Service(String, ServiceFault),
    /// Dokploy itself.
    Dokploy(DokployFault),
    /// An external stand-in.
    External(String, ExternalFault),
    /// The network of the machine that `plan` runs on: Dokploy, services and externals refuse connections, and go on. For so long; `None`: as
    /// [`Fault::lasts`] says.
    Network(Option<Duration>),
    /// The approver of a gate.
    Gate(String, GateFault),
}

impl Fault {
    /// Whether it strikes only apps that run on a server of their own.
    pub fn needs_a_server(&self) -> bool {
        use DokployFault::{ErrorRowGoesOn, NoisyShell, RowNeverEnds};
        matches!(self.target, Target::Dokploy(ErrorRowGoesOn | RowNeverEnds | NoisyShell(_)))
    }

    /// Whether it strikes only within the process of a run: a gate's question is never asked of Dokploy.
    pub fn needs_the_run(&self) -> bool {
        matches!(self.target, Target::Gate(..))
    }

    /// One without timing: in force for as long as its scope is.
    pub fn new(target: Target, when: When) -> Self {
        Self { target, when, after: Duration::ZERO, lasts: None, every: None }
    }

    /// Whether it strikes one deploy or one call, and is spent.
    pub(super) fn strikes_once(&self) -> bool {
        let at_a_call = matches!(self.target, Target::Dokploy(DokployFault::Restarts | DokployFault::AnswerLost));
        at_a_call || matches!(self.target, Target::Dokploy(kind) if kind.strikes_a_deploy())
    }

    /// How long it is in force once it struck: `for`, or the duration of its kind, which means the same. `None`: for as long as its scope is.
    pub fn lasting(&self) -> Option<Duration> {
        use DokployFault::{DatabaseDown, DiskFull, DockerDown, Down, NoisyShell};
        match self.target {
            Target::Network(own) | Target::Dokploy(DockerDown(own) | DatabaseDown(own) | NoisyShell(own) | DiskFull(own) | Down(own)) => {
                own.or(self.lasts)
            }
            _ => self.lasts,
        }
    }

    /// When it is in force, if its scope was entered at `since`.
    pub(super) fn window(&self, since: Duration) -> Window {
        Window { first: since + self.after, lasts: self.lasting(), every: self.every }
    }
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// Always.
    Always,
    /// While this phase is in force.
    Phase(String),
    /// While a rollback is in force.
    Rollback,
    /// From the first deploy of this phase on, for good: in later phases and in rollbacks, too.
    From(String),
}

/// What goes wrong with a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceFault {
    /// Its build ends with an error; a service that is not built cannot be pulled.
    BuildFails,
    /// Its image cannot be pulled; a service that is built misses its base image.
    ImageMissing,
    /// It ends with 1 shortly after each start, and Docker starts it again.
    CrashLoop,
    /// It ends with 1 shortly after its start and nothing starts it again: its restart policy is taken away.
    Exits,
    /// It runs, accepts connections and never answers.
    NeverHealthy,
    /// It answers 500 to everything.
    Http500,
    /// It takes so long to its first answer.
    SlowStart(Duration),
    /// Its host port is taken when it is started.
    PortConflict,
    /// The kernel kills it for memory shortly after each start.
    Oom,
    /// Its process ends with 1 at the moment the fault strikes, if it runs then; its restart policy does the rest.
    Crash,
    /// It answers so much later than usual.
    SlowAnswers(Duration),
}

/// What goes wrong with Dokploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DokployFault {
    /// The next deploy is accepted, and its job vanishes from the queue without a row. Once.
    JobLost,
    /// Dokploy restarts in the middle of the next deploy. Once.
    Restarts,
    /// Docker's daemon cannot be reached: empty lists, and deploys fail.
    DockerDown(Option<Duration>),
    /// Somebody else's job that takes so long stands before the next deploy. Once.
    QueueBusy(Duration),
    /// Dokploy's database is down: every key is refused.
    DatabaseDown(Option<Duration>),
    /// The SSH session of the next deploy on another server is killed: its row says error, and its command goes on. Once.
    ErrorRowGoesOn,
    /// The connection to another server is lost in the middle of the next deploy there: its job is gone, its row says running for ever, and
    /// its command goes on. Once.
    RowNeverEnds,
    /// A login shell on another server prints something: empty lists of its containers.
    NoisyShell(Option<Duration>),
    /// The server's disk has nothing left, and says so. Nothing else comes of it.
    DiskFull(Option<Duration>),
    /// The next call that changes something is carried out, and the connection breaks before its answer. Once.
    AnswerLost,
    /// Connections are refused, as while it restarts; nothing is lost, and what was begun goes on.
    Down(Option<Duration>),
}

impl DokployFault {
    /// Whether it strikes the next deploy, once: when, the deploy's title alone decides.
    pub(super) fn strikes_a_deploy(self) -> bool {
        matches!(self, Self::JobLost | Self::QueueBusy(_) | Self::ErrorRowGoesOn | Self::RowNeverEnds)
    }
}

/// What goes wrong with an external.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExternalFault {
    /// It refuses connections.
    Down,
    /// It accepts them and never answers.
    Hangs,
}

/// What a gate's approver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateFault {
    /// Says no.
    Refused,
    /// Says nothing.
    Silent,
}
