//! What the sandbox's connections share: the world, its clock, and the addresses.

use super::address::{Address, Target};
use crate::drive::instant;
use crate::probe::ConnectTo;
use crate::world::{Speaks, World};
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The world is looked at so often at the least: a clock cannot sleep until the end of time, which a fault may name.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 3600);
/// Where random addresses are taken.
const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

#[derive(Debug)]
pub(super) struct Shell {
    world: Mutex<World>,
    addresses: tokio::sync::Mutex<Vec<Address>>,
    started: Instant,
    speed: f64,
    /// The world was changed from outside: what happens next may happen earlier.
    changed: Notify,
}

impl Shell {
    pub(super) fn new(world: World, speed: f64) -> Self {
        Self { world: Mutex::new(world), addresses: tokio::sync::Mutex::default(), started: Instant::now(), speed, changed: Notify::new() }
    }

    /// Reserves Dokploy's address and those of the plan: each external and each host port gets one.
    pub(super) async fn reserve(&self, listen: SocketAddr, plan: &[(String, u16)]) -> io::Result<(SocketAddr, ConnectTo)> {
        let mut addresses = self.addresses.lock().await;
        let dokploy = Address::reserve(Target::Dokploy, listen)?;
        let api = dokploy.at;
        addresses.push(dokploy);
        let externals = self.world().externals().to_vec();
        let mut connect_to = ConnectTo { pretends: true, ..ConnectTo::default() };
        for (host, port) in plan.iter().cloned().chain(externals.iter().map(|external| (external.host.clone(), external.port))) {
            let external = externals.iter().find(|external| external.host.eq_ignore_ascii_case(&host) && external.port == port);
            let target = match external {
                Some(external) => {
                    let name = external.name.clone();
                    match external.speaks {
                        Speaks::Tcp => Target::Silent(name),
                        Speaks::Postgres => Target::Postgres(name),
                        Speaks::Redis => Target::Redis(name),
                        Speaks::Http | Speaks::Git => Target::External(name),
                    }
                }
                None => Target::Service(port),
            };
            let known = addresses.iter().find(|address| address.target == target).map(|address| address.at);
            let at = if let Some(at) = known {
                at
            } else {
                let address = Address::reserve(target, (LOOPBACK, 0).into())?;
                let at = address.at;
                addresses.push(address);
                at
            };
            connect_to.routes.insert((host.to_lowercase(), port), at);
        }
        Ok((api, connect_to))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// World time.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed().mul_f64(self.speed)
    }

    pub(super) fn with_world<T>(&self, look: impl FnOnce(&mut World, Duration) -> T) -> T {
        let result = look(&mut self.world(), self.now());
        self.changed.notify_one();
        result
    }

    /// Waits for so long in world time.
    pub(super) async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration.div_f64(self.speed)).await;
    }

    /// Lets the world go on for as long as the sandbox lives.
    pub(super) async fn pace(self: Arc<Self>) {
        loop {
            self.sync().await;
            let next = self.world().next_change();
            tokio::select! {
                () = self.until(next) => {}
                () = self.changed.notified() => {}
            }
            instant::after_answers().await;
        }
    }

    async fn until(&self, moment: Option<Duration>) {
        match moment {
            Some(moment) => self.sleep(moment.saturating_sub(self.now()).min(LONGEST_SLEEP)).await,
            None => std::future::pending().await,
        }
    }

    /// Brings the world up to now and the addresses in line with it. Whoever waits for that may be a connection that breaks in it.
    pub(super) async fn sync(self: &Arc<Self>) {
        let _ = self.syncing().await;
    }

    fn syncing(self: &Arc<Self>) -> JoinHandle<()> {
        tokio::spawn(Arc::clone(self).bring_in_line())
    }

    async fn bring_in_line(self: Arc<Self>) {
        let mut addresses = self.addresses.lock().await;
        let (dokploy, services, externals) = {
            let mut world = self.world();
            let now = self.now();
            // Step by step, so that a port is known to be free or taken before a container wants it.
            while let Some(at) = world.next_change().filter(|at| *at <= now) {
                world.advance(at);
                reserve_published(&mut addresses, &mut world);
            }
            world.advance(now);
            reserve_published(&mut addresses, &mut world);
            (world.dokploy_is_up(), world.listening(), world.externals_up())
        };
        let is_up = |target: &Target| match target {
            Target::Dokploy => dokploy,
            Target::Service(port) => services.contains(port),
            Target::External(name) | Target::Silent(name) | Target::Postgres(name) | Target::Redis(name) => externals.contains(name),
        };
        let (up, down): (Vec<&mut Address>, Vec<&mut Address>) = addresses.iter_mut().partition(|address| is_up(&address.target));
        // Whatever goes away goes away together.
        let broken_off: Vec<JoinHandle<()>> = down.into_iter().filter_map(Address::break_off).collect();
        for address in up {
            if address.listen(&self).is_err()
                && let Target::Service(port) = address.target
            {
                self.world().block_port(port);
            }
        }
        for over in broken_off {
            let _ = over.await;
        }
    }

    /// Ends every listener.
    pub(super) fn close(&self) {
        if let Ok(mut addresses) = self.addresses.try_lock() {
            addresses.iter_mut().for_each(Address::close);
        }
    }
}

/// Ports that the plan did not tell of are taken where they say, on 127.0.0.1; one that is not free is blocked.
fn reserve_published(addresses: &mut Vec<Address>, world: &mut World) {
    let known: BTreeSet<u16> =
        addresses.iter().filter_map(|address| if let Target::Service(port) = address.target { Some(port) } else { None }).collect();
    for port in world.published().difference(&known).copied() {
        match Address::reserve(Target::Service(port), (LOOPBACK, port).into()) {
            Ok(address) => addresses.push(address),
            Err(_) => world.block_port(port),
        }
    }
}
