//! The sandbox: [`crate::world`] over HTTP on loopback.
//!
//! Dokploy's API listens on one address, each published host port and each external on one of its own. A port whose container is down refuses
//! connections, since nothing listens there; it stays reserved all the same. Everything runs on tokio's clock: embedded in a run, that clock is
//! paused and time is virtual.

mod address;
mod control;
mod http;
mod postgres;
mod redis;
mod serve;
mod shell;

use crate::probe::ConnectTo;
use crate::world::{LoggedCall, World};
use shell::Shell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How a sandbox is served.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where Dokploy's API listens. Default a random port of 127.0.0.1.
    pub listen: SocketAddr,
    /// Addresses of the plan that lead to the sandbox: an external's own, or any host with the port that a service publishes.
    pub addresses: Vec<(String, u16)>,
    /// World seconds in a second of tokio's clock. Default 1.
    pub speed: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), addresses: Vec::new(), speed: 1.0 }
    }
}

/// A world that is being served. Dropping it ends it.
#[derive(Debug)]
pub struct Sandbox {
    /// Dokploy's address.
    pub url: String,
    /// A key that it accepts.
    pub api_key: String,
    /// Where the plan's addresses lead.
    pub connect_to: ConnectTo,
    shell: Arc<Shell>,
    pacer: JoinHandle<()>,
}

impl Sandbox {
    /// Serves a world in the current runtime. The world's time starts now.
    ///
    /// # Errors
    /// When an address cannot be bound.
    pub async fn start(world: World, options: Options) -> io::Result<Self> {
        let api_key = world.api_key().to_owned();
        let shell = Arc::new(Shell::new(world, options.speed));
        let (api, connect_to) = shell.reserve(options.listen, &options.addresses).await?;
        shell.sync().await;
        let pacer = tokio::spawn(Arc::clone(&shell).pace());
        Ok(Self { url: format!("http://{api}"), api_key, connect_to, shell, pacer })
    }

    /// What a shell needs to know to run `plan` against it.
    pub fn exports(&self) -> [String; 3] {
        [
            format!("export DOKPLOY_URL={}", self.url),
            format!("export DOKPLOY_API_KEY={}", self.api_key),
            format!("export PLAN_CONNECT_TO={}", self.connect_to),
        ]
    }

    /// Looks into the world, or changes it, at this moment.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World, Duration) -> T) -> T {
        self.shell.with_world(look)
    }

    /// The same for somebody who outlives a borrow.
    pub fn access(&self) -> Access {
        Access(Arc::clone(&self.shell))
    }

    /// Every request to Dokploy's API, oldest first.
    pub fn log(&self) -> Vec<LoggedCall> {
        self.with_world(|world, _| world.log().to_vec())
    }

    /// The same as JSON lines.
    pub fn request_log(&self) -> String {
        control::log(&self.shell)
    }

    /// Serves until ctrl-c.
    ///
    /// # Errors
    /// When the signal cannot be listened to.
    pub async fn until_interrupted(&self) -> io::Result<()> {
        tokio::signal::ctrl_c().await
    }
}

/// A way into a world that is being served.
#[derive(Clone, Debug)]
pub struct Access(Arc<Shell>);

impl Access {
    /// Looks into the world, or changes it, at this moment.
    pub fn with_world<T>(&self, look: impl FnOnce(&mut World, Duration) -> T) -> T {
        self.0.with_world(look)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.pacer.abort();
        self.shell.close();
    }
}
