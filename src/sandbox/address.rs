//! One address on loopback: reserved for good, listening only while something answers there.

use super::serve::serve;
use super::shell::Shell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket};
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
    listening: Option<JoinHandle<()>>,
}

impl Address {
    /// Reserves an address; port 0 takes a free one.
    pub(super) fn reserve(target: Target, at: SocketAddr) -> io::Result<Self> {
        let reservation = bound(at)?;
        Ok(Self { target, at: reservation.local_addr()?, _reservation: reservation, listening: None })
    }

    /// Listens, or stops. When it returns, connections are accepted or refused.
    pub(super) async fn listen(&mut self, up: bool, shell: &Arc<Shell>) -> io::Result<()> {
        match (up, self.listening.take()) {
            (true, None) => {
                let listener = bound(self.at)?.listen(BACKLOG)?;
                self.listening = Some(spawn(listener, self.target.clone(), Arc::clone(shell)));
            }
            (false, Some(task)) => {
                task.abort();
                // The socket is closed when the task is gone, its connections with it.
                let _ = task.await;
            }
            (_, same) => self.listening = same,
        }
        Ok(())
    }

    pub(super) fn close(&mut self) {
        if let Some(task) = self.listening.take() {
            task.abort();
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

/// Apart from `listen`, since a connection may itself make addresses listen.
fn spawn(listener: TcpListener, target: Target, shell: Arc<Shell>) -> JoinHandle<()> {
    tokio::spawn(accept(listener, target, shell))
}

async fn accept(listener: TcpListener, target: Target, shell: Arc<Shell>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream, target.clone(), Arc::clone(&shell)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
