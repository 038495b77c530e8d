//! Published ports as `docker ps` prints them: `127.0.0.1:18081->8080/tcp, [::]:80->80/tcp, 0.0.0.0:8000-8002->8000-8002/tcp, 9000/tcp`.

/// Host ports as (address, port, protocol), ranges expanded. What is exposed without being published, or cannot be read, is left out.
pub(super) fn host_ports(text: &str) -> Vec<(String, u16, String)> {
    text.split(',').filter_map(|entry| entry_ports(entry.trim())).flatten().collect()
}

fn entry_ports(entry: &str) -> Option<Vec<(String, u16, String)>> {
    let (host, container) = entry.split_once("->")?;
    let protocol = container.rsplit_once('/').map_or("tcp", |(_, protocol)| protocol);
    // An IPv6 address comes with brackets or, from older engines, as `:::80`.
    let (address, ports) = host.rsplit_once(':')?;
    let address = address.trim_matches(['[', ']']);
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    Some((first..=last).map(|port| (address.to_owned(), port, protocol.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::host_ports;
    use proptest::prelude::*;

    fn ports(text: &str) -> Vec<(String, u16, String)> {
        host_ports(text)
    }

    #[test]
    fn reads_every_form_that_docker_prints() {
        let port = |address: &str, port, protocol: &str| (address.to_owned(), port, protocol.to_owned());
        assert_eq!(ports("127.0.0.1:18081->8080/tcp, :::80->80/tcp"), [port("127.0.0.1", 18081, "tcp"), port("::", 80, "tcp")]);
        assert_eq!(ports("[::]:18095->8080/udp, 9000/tcp"), [port("::", 18095, "udp")]);
        let range = [port("0.0.0.0", 8000, "tcp"), port("0.0.0.0", 8001, "tcp"), port("0.0.0.0", 8002, "tcp")];
        assert_eq!(ports("0.0.0.0:8000-8002->8000-8002/tcp"), range);
        assert!(ports("").is_empty() && ports("0.0.0.0:99999->1/tcp, nonsense->, ->").is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9:.,>/ \\-\\[\\]é]{0,40}") {
            ports(&text);
        }
    }
}
