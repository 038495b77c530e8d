//! The engine host: containers, images, networks, and ports.

use super::container::{Container, State};
use super::definition::Definition;
use super::faults::Faults;
use super::names;
use crate::compose::Protocol;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The host that Dokploy deploys to.
#[derive(Clone, Debug, Default)]
pub(super) struct Host {
    /// Every container, in the order in which they were created. One that has nothing to do with Dokploy has no project.
    pub(super) containers: Vec<Container>,
    /// Networks that compose made.
    pub(super) networks: BTreeSet<String>,
    /// Networks that exist besides; `None`: every one that is asked for.
    pub(super) external_networks: Option<Vec<String>>,
    /// Volumes that exist; `None`: every one that is asked for.
    pub(super) external_volumes: Option<Vec<String>>,
    /// Ids of images that are there.
    pub(super) images: BTreeSet<String>,
    /// Services that do their work and end with 0, though nothing in their compose file says so.
    pub(super) jobs: BTreeSet<String>,
    /// Host ports that something outside the world holds.
    pub(super) blocked: BTreeSet<u16>,
    created: u64,
}

impl Host {
    /// When something becomes of a container next.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.containers.iter().filter_map(Container::next_at).min()
    }

    pub(super) fn advance(&mut self, now: Duration, faults: &mut Faults) {
        for container in &mut self.containers {
            container.advance(now, faults);
        }
    }

    /// Faults came into force or left it.
    pub(super) fn feel(&mut self, now: Duration, faults: &mut Faults) {
        for container in &mut self.containers {
            let symptoms = faults.symptoms(container.service(), now);
            container.feel(now, symptoms);
            if container.is_running() && faults.crashes(container.service(), now) {
                container.crash(now);
            }
        }
    }

    /// The container of a service of a project.
    pub(super) fn of_service(&self, project: &str, service: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.project == project && container.service() == service)
    }

    pub(super) fn of_service_mut(&mut self, project: &str, service: &str) -> Option<&mut Container> {
        self.containers.iter_mut().find(|container| container.project == project && container.service() == service)
    }

    /// By id or its beginning, or by name.
    pub(super) fn find(&self, id: &str) -> Option<&Container> {
        let is_id = id.len() >= 4 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.containers.iter().find(|container| (is_id && container.id.starts_with(id)) || container.name == id)
    }

    /// A project's containers, newest first, as `docker ps` has them.
    pub(super) fn of_project<'a>(&'a self, project: &'a str) -> impl Iterator<Item = &'a Container> {
        self.containers.iter().rev().filter(move |container| container.project == project)
    }

    /// Creates a container.
    ///
    /// # Errors
    /// The id of the container that has its name.
    pub(super) fn create(&mut self, project: &str, definition: &Arc<Definition>, now: Duration) -> Result<(), String> {
        let name = container_name(project, definition);
        if let Some(other) = self.containers.iter().find(|container| container.name == name) {
            return Err(other.id.clone());
        }
        self.created += 1;
        let mut definition = Arc::clone(definition);
        if !definition.one_shot && self.jobs.contains(&definition.name) {
            Arc::make_mut(&mut definition).one_shot = true;
        }
        let id = names::hex64(&["container", &name, &self.created.to_string()]);
        self.containers.push(Container::create(id, name, project, definition, now));
        Ok(())
    }

    pub(super) fn remove(&mut self, project: &str, service: &str) {
        self.containers.retain(|container| container.project != project || container.service() != service);
    }

    /// Starts a service's container.
    ///
    /// # Errors
    /// The address and port that are taken.
    pub(super) fn start(&mut self, project: &str, service: &str, now: Duration, faults: &mut Faults) -> Result<(), String> {
        let symptoms = faults.symptoms(service, now);
        let Some(container) = self.of_service(project, service) else { return Ok(()) };
        if let Some(taken) = self.taken_port(container, symptoms.port_taken) {
            return Err(taken);
        }
        if let Some(container) = self.of_service_mut(project, service) {
            container.start(now, symptoms);
        }
        Ok(())
    }

    fn taken_port(&self, container: &Container, by_fault: bool) -> Option<String> {
        for port in container.definition.ports.iter().filter(|port| port.protocol == Protocol::Tcp) {
            let Some(host) = port.host else { continue };
            let clashes = |other: Option<IpAddr>| match (port.host_ip, other) {
                (Some(one), Some(other)) => one == other || one.is_unspecified() || other.is_unspecified(),
                _ => true,
            };
            let taken = self.containers.iter().any(|other| {
                other.id != container.id
                    && other.state != State::Created
                    && other.state != State::Exited
                    && other.definition.ports.iter().any(|theirs| theirs.host == Some(host) && clashes(theirs.host_ip))
            });
            if by_fault || taken || self.blocked.contains(&host) {
                let address = port.host_ip.map_or_else(|| "0.0.0.0".to_owned(), |address| address.to_string());
                return Some(format!("{address}:{host}"));
            }
        }
        None
    }

    /// The container that publishes a host port and runs.
    pub(super) fn publisher(&mut self, port: u16) -> Option<&mut Container> {
        self.containers.iter_mut().find(|container| container.is_running() && publishes(&container.definition, port))
    }

    /// Host ports of every container there is.
    pub(super) fn published(&self) -> BTreeSet<u16> {
        self.containers.iter().flat_map(|container| host_ports(&container.definition)).collect()
    }
}

/// The TCP ports that a definition publishes on the host.
pub(super) fn host_ports(definition: &Definition) -> impl Iterator<Item = u16> + '_ {
    definition.ports.iter().filter(|port| port.protocol == Protocol::Tcp).filter_map(|port| port.host)
}

fn publishes(definition: &Definition, wanted: u16) -> bool {
    host_ports(definition).any(|port| port == wanted)
}

/// `container_name`, or the name that compose makes.
pub(super) fn container_name(project: &str, definition: &Definition) -> String {
    definition.container_name.clone().unwrap_or_else(|| format!("{project}-{}-1", definition.name))
}

/// The image's name: compose names what it builds by project and service.
pub(super) fn image_name(project: &str, definition: &Definition) -> String {
    definition.image.clone().unwrap_or_else(|| format!("{project}-{}", definition.name))
}
