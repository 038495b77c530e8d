//! How long each call may take.

use crate::dokploy::Call;
use std::time::Duration;

/// Time limits of one exchange, as plain data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimits {
    /// For the connection.
    pub connect: Duration,
    /// For the whole answer, from the start of the request.
    pub answer: Duration,
}

/// For a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// For an answer out of Dokploy's database or its own host: the slowest under an overload was 3 s (FACTS §13.4).
const NEAR: Duration = Duration::from_secs(15);
/// For an answer that Dokploy fetches over SSH: an sshd that hangs makes each take 20 s (FACTS §13.1).
const FAR: Duration = Duration::from_secs(30);
/// For `compose.stop`, which answers once every container is stopped: 10 s for each that ignores SIGTERM, in order of dependency
/// (FACTS §7, §13.3).
const STOP: Duration = Duration::from_secs(180);

/// The time limits of a call; `remote` says whether the app runs on a server of its own.
pub fn limits(call: &Call, remote: bool) -> TimeLimits {
    let answer = match call {
        Call::Stop { .. } => STOP,
        Call::AppContainers { server, .. }
        | Call::HostContainers { server }
        | Call::OwnContainers { server }
        | Call::Inspect { server, .. }
            if server.is_some() =>
        {
            FAR
        }
        Call::ContainerLog { .. } | Call::DeployLog { .. } | Call::ConvertedCompose { .. } if remote => FAR,
        _ => NEAR,
    };
    TimeLimits { connect: CONNECT, answer }
}

#[cfg(test)]
mod tests {
    use super::limits;
    use crate::dokploy::Call;
    use std::time::Duration;

    #[test]
    fn what_goes_over_ssh_outlasts_a_hanging_handshake() {
        let hang = Duration::from_secs(25);
        let inspect = |server: Option<&str>| Call::Inspect { container: "c".to_owned(), server: server.map(str::to_owned) };
        assert!(limits(&inspect(Some("s")), false).answer > hang);
        assert!(limits(&inspect(None), false).answer < hang);
        assert!(limits(&Call::DeployLog { deployment: "d".to_owned(), lines: 9 }, true).answer > hang);
        assert!(limits(&Call::Queue, true).answer < hang, "the queue is in Dokploy's memory");
    }
}
