//! A connection, given to whoever speaks at its address.

use super::address::Target;
use super::shell::Shell;
use super::{http, postgres, redis};
use crate::world::{ServiceAnswer, Speaks};
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, target: Target, shell: Arc<Shell>) {
    let _ = stream.set_nodelay(true);
    let speaks = match &target {
        Target::Silent(_) => Some(Speaks::Tcp),
        Target::Postgres(name) | Target::Redis(name) if shell.with_world(|world, now| world.external_hangs(now, name)) => Some(Speaks::Tcp),
        Target::Postgres(_) => Some(Speaks::Postgres),
        Target::Redis(_) => Some(Speaks::Redis),
        Target::Service(port) => match shell.with_world(|world, _| world.speaks(*port)) {
            None => None,
            speaks => match shell.with_world(|world, now| world.service(now, *port, "/")) {
                // One that hangs accepts and says nothing, whatever it speaks; one that is broken cannot serve a database.
                ServiceAnswer::Hang => Some(Speaks::Tcp),
                ServiceAnswer::Refused | ServiceAnswer::Http { status: 500.., .. } => return,
                ServiceAnswer::Http { .. } => speaks,
            },
        },
        Target::Dokploy | Target::External(_) => None,
    };
    // How a connection ends is the client's affair.
    match speaks {
        Some(Speaks::Tcp) => silent(stream).await,
        Some(Speaks::Postgres) => drop(postgres::serve(stream).await),
        Some(Speaks::Redis) => drop(redis::serve(stream).await),
        Some(Speaks::Http | Speaks::Git) | None => http::serve(stream, target, shell).await,
    }
}

async fn silent(mut stream: TcpStream) {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}
