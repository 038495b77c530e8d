//! `--connect-to HOST:PORT=ADDR`: leads a plan's own addresses elsewhere, as curl's option does. The sandbox rests on it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;

/// Where addresses of the plan lead. Anything not listed leads where it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectTo {
    /// From host (lowercase) and port to the address that is connected to instead.
    pub routes: BTreeMap<(String, u16), SocketAddr>,
    /// Whether they lead to a sandbox in this process: it speaks no TLS, and is asked without.
    pub pretends: bool,
}

impl ConnectTo {
    /// Whether TLS is left out at an address because a sandbox answers there.
    pub(super) fn leaves_out_tls(&self, host: &str, port: u16) -> bool {
        self.pretends && self.route(host, port).is_some()
    }

    /// The route of an address, if it has one.
    pub fn route(&self, host: &str, port: u16) -> Option<SocketAddr> {
        self.routes.get(&(host.to_lowercase(), port)).copied()
    }
}

impl FromStr for ConnectTo {
    type Err = String;

    /// Reads `HOST:PORT=ADDR:PORT`, several separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut routes = BTreeMap::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let parsed = entry.split_once('=').and_then(|(from, to)| {
                let (host, port) = from.rsplit_once(':')?;
                Some(((host.trim_matches(['[', ']']).to_lowercase(), port.parse().ok()?), to.parse().ok()?))
            });
            let (from, to) = parsed.ok_or_else(|| format!("`{entry}` is not HOST:PORT=ADDRESS:PORT"))?;
            routes.insert(from, to);
        }
        Ok(Self { routes, ..Self::default() })
    }
}

impl std::fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Port 0 is no address: there a sandbox answers for commands.
        for (at, ((host, port), to)) in self.routes.iter().filter(|((_, port), _)| *port != 0).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            if host.contains(':') { write!(f, "{comma}[{host}]:{port}={to}")? } else { write!(f, "{comma}{host}:{port}={to}")? }
        }
        Ok(())
    }
}
