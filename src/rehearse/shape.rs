//! What the compose files say of a service that decides what becomes of it, its names aside.

use crate::compose::{self, Service};
use crate::schedule::{Schedule, ServiceName};
use crate::source::SourceMap;
use std::collections::BTreeMap;

/// The shape of each service of the last phase that has it: how it comes to be, how it is restarted and checked, and what it depends on.
pub(super) fn shapes(schedule: &Schedule) -> BTreeMap<ServiceName, String> {
    let mut shapes = BTreeMap::new();
    for phase in &schedule.phases {
        let file = SourceMap::default().add(&phase.path, phase.text.as_str());
        let Ok(read) = compose::read(file, &phase.text) else { continue };
        for service in &read.services {
            let name = &service.name.value;
            let dependents: Vec<&String> = read
                .services
                .iter()
                .filter(|other| other.depends_on.iter().any(|on| on.service.value == *name))
                .map(|other| &other.name.value)
                .collect();
            shapes.insert(name.clone(), format!("{} {dependents:?}", shape(service)));
        }
    }
    shapes
}

/// Members of a definition that decide how a service starts, lives and ends.
const TELLING: [&str; 7] = ["depends_on", "deploy", "healthcheck", "profiles", "restart", "stop_grace_period", "x-sandbox"];

fn shape(service: &Service) -> String {
    let told: Vec<String> = TELLING.iter().filter_map(|key| Some(format!("{key}={}", service.definition.get(key)?))).collect();
    let ports = service.ports.len() + service.unknown_ports.len();
    format!("{} {ports} {told:?}", service.build.is_some())
}
