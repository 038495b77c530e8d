//! Published ports: where they are reached from outside, and what most likely answers there.

use crate::compose::{Port, Protocol, Service};
use std::collections::BTreeSet;

/// More than this many of one service are not written out.
const MOST: usize = 3;

/// A service's ports that can be asked from outside, each host port once: those of all addresses first.
pub(super) fn reachable(service: &Service) -> Vec<Port> {
    let mut ports: Vec<Port> =
        service.ports.iter().map(|port| port.value).filter(|port| port.protocol == Protocol::Tcp && port.host.is_some()).collect();
    ports.sort_by_key(|port| port.host_ip.is_some());
    let mut seen = BTreeSet::new();
    ports.retain(|port| seen.insert(port.host));
    ports
}

/// The host's port for a port of the container, if it is published on all addresses.
pub(super) fn published(service: &Service, container: u16) -> Option<u16> {
    reachable(service).into_iter().find(|port| port.container == container && port.host_ip.is_none())?.host
}

/// Whether what listens on a port of a container most likely speaks HTTP, by custom.
pub(super) fn speaks_http(container: u16) -> bool {
    /// Customs that are not HTTP, or that begin with TLS, in the ranges below.
    const OTHERS: [u16; 8] = [3306, 3389, 3478, 8443, 8883, 8554, 8333, 9443];
    let custom = matches!(container, 80 | 81 | 591 | 3000..=3999 | 4000 | 4200 | 5000 | 5001 | 5173 | 5601 | 5678 | 8000..=8999 | 9000 | 9001 | 9090 | 10_000);
    custom && !OTHERS.contains(&container)
}

/// The ports that are worth an expectation each, and how many more there are.
pub(super) fn worth_asking(service: &Service) -> (Vec<Port>, usize) {
    let mut ports = reachable(service);
    let more = ports.len().saturating_sub(MOST);
    ports.truncate(MOST);
    (ports, more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose;
    use crate::source::SourceMap;

    fn service(ports: &str) -> Service {
        let text = format!("services:\n  a: {{image: a, ports: [{ports}]}}\n");
        let file = SourceMap::default().add("compose.yml", text.as_str());
        compose::read(file, &text).unwrap().services.remove(0)
    }

    #[test]
    fn each_host_port_is_asked_once_and_udp_never() {
        let one = service("'127.0.0.1:53:53', '53:53', '53:53/udp', '[::1]:53:53', 7000");
        assert_eq!(reachable(&one).iter().map(|port| (port.host, port.host_ip)).collect::<Vec<_>>(), [(Some(53), None)]);
        assert_eq!(published(&one, 53), Some(53));
        assert_eq!(published(&one, 7000), None, "Docker chooses");
        assert_eq!(published(&service("'127.0.0.1:80:80'"), 80), None, "from outside it is not there");
        let (ports, more) = worth_asking(&service("'8000-8009:8000-8009'"));
        assert_eq!((ports.len(), more), (3, 7));
    }

    #[test]
    fn customs() {
        assert!([80, 3000, 5000, 8000, 8080, 8999].into_iter().all(speaks_http));
        assert!(![443, 8443, 3306, 5432, 6379, 22, 25, 27017, 5672].into_iter().any(speaks_http));
    }
}
