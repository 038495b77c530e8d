//! Certificates for probes that speak TLS: the machine's own roots, ring for the cryptography.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::sync::{Arc, OnceLock};
use tokio_rustls::TlsConnector;

/// TLS settings, read from the machine when first needed and then kept.
#[derive(Clone, Default)]
pub struct Tls {
    http: Arc<OnceLock<Result<Arc<ClientConfig>, String>>>,
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
        tls.http.get_or_init(|| for_http(roots));
        tls
    }

    /// A connector for HTTPS and the name to verify.
    pub(super) fn for_http(&self, host: &str) -> Result<(TlsConnector, ServerName<'static>), String> {
        let config = self.http.get_or_init(|| for_http(machine_roots()?)).clone()?;
        Ok((TlsConnector::from(config), server_name(host)?))
    }
}

fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} cannot be the name of a certificate"))
}

fn machine_roots() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 { Err("this machine has no root certificates; install its ca-certificates package".into()) } else { Ok(roots) }
}

fn for_http(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = versions.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
