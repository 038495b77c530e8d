//! One address on loopback: reserved for good, listening only while something answers there.

use super::serve::serve;
use super::shell::Shell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// Who answers at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Dokploy.
    Dokploy,
    /// The service that publishes this host port.
    Service(u16),
    /// The external of this name, in HTTP.
    External(String),
    /// One that accepts connections and says nothing.
    Silent(String),
    /// One that speaks PostgreSQL.
    Postgres(String),
    /// One that speaks Redis.
    Redis(String),
}

/// A reserved address. The bound socket that never listens keeps it from others, and makes the kernel refuse connections while no second socket
/// listens there.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) target: Target,
    pub(super) at: SocketAddr,
    _reservation: TcpSocket,
    listening: Option<Listening>,
}

/// Somebody listens. Dropped, it ends.
#[derive(Debug)]
struct Listening {
    _until: oneshot::Sender<()>,
    accepting: JoinHandle<()>,
}

impl Address {
    /// Reserves an address; port 0 takes a free one.
    pub(super) fn reserve(target: Target, at: SocketAddr) -> io::Result<Self> {
        let reservation = bound(at)?;
        Ok(Self { target, at: reservation.local_addr()?, _reservation: reservation, listening: None })
    }

    /// Listens from now on, where nobody does.
    pub(super) fn listen(&mut self, shell: &Arc<Shell>) -> io::Result<()> {
        if self.listening.is_none() {
            let listener = bound(self.at)?.listen(BACKLOG)?;
            let (until, over) = oneshot::channel();
            let accepting = tokio::spawn(accept(listener, self.target.clone(), Arc::clone(shell), over));
            self.listening = Some(Listening { _until: until, accepting });
        }
        Ok(())
    }

    /// Begins to break off. Connections are broken, and new ones refused, when what this gives is over.
    pub(super) fn break_off(&mut self) -> Option<JoinHandle<()>> {
        Some(self.listening.take()?.accepting)
    }

    pub(super) fn close(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.accepting.abort();
        }
    }
}

fn bound(at: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Two sockets may hold one address as long as at most one listens, and connections that linger do not stand in the way.
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    Ok(socket)
}

async fn accept(listener: TcpListener, target: Target, shell: Arc<Shell>, mut over: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut over => break,
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, target.clone(), Arc::clone(&shell)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}
