//! Certificates for `https` probes: the machine's own roots, ring for the cryptography.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::{Arc, OnceLock};
use tokio_rustls::TlsConnector;

/// TLS settings, read from the machine when first needed and then kept.
#[derive(Clone, Default)]
pub struct Tls {
    config: Arc<OnceLock<Result<Arc<ClientConfig>, String>>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Settings that trust these roots and no others.
    pub fn trusting(roots: RootCertStore) -> Self {
        let tls = Self::default();
        tls.config.get_or_init(|| config(roots));
        tls
    }

    /// A connector and the name to verify.
    pub(super) fn connector(&self, host: &str) -> Result<(TlsConnector, ServerName<'static>), String> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} cannot be the name of a certificate"))?;
        let config = self.config.get_or_init(|| config(machine_roots()?)).clone()?;
        Ok((TlsConnector::from(config), name))
    }
}

fn machine_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 { Err("this machine has no root certificates; install its ca-certificates package".into()) } else { Ok(roots) }
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = versions.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
