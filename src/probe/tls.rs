//! Certificates for probes that speak TLS: the machine's own roots, ring for the cryptography.

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tokio_rustls::TlsConnector;

/// TLS settings, read from the machine when first needed and then kept.
#[derive(Clone, Default)]
pub struct Tls {
    roots: Arc<OnceLock<Result<Arc<RootCertStore>, String>>>,
    http: Arc<OnceLock<Result<Arc<ClientConfig>, String>>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// What a server must show, as `sslmode` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verify {
    /// Nothing: the connection is encrypted, and who answers is not known.
    Nothing,
    /// A certificate of an issuer that is trusted, whatever its name: by the machine, or by a file of certificates.
    Issuer(Option<PathBuf>),
    /// The same, for the host's own name.
    IssuerAndName(Option<PathBuf>),
}

impl Tls {
    /// Settings that trust these roots and no others.
    pub fn trusting(roots: RootCertStore) -> Self {
        let tls = Self::default();
        tls.roots.get_or_init(|| Ok(Arc::new(roots)));
        tls
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, String> {
        self.roots.get_or_init(machine_roots).clone()
    }

    /// A connector for HTTPS and the name to verify.
    pub(super) fn for_http(&self, host: &str) -> Result<(TlsConnector, ServerName<'static>), String> {
        let config = self.http.get_or_init(|| {
            let mut config = builder()?.with_root_certificates(self.roots()?).with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok(Arc::new(config))
        });
        Ok((TlsConnector::from(config.clone()?), server_name(host)?))
    }

    /// A connector for a database and the name to verify.
    pub(super) fn for_database(&self, host: &str, verify: &Verify) -> Result<(TlsConnector, ServerName<'static>), String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let issued = |file: &Option<PathBuf>| {
            let roots = match file {
                Some(file) => Arc::new(roots_of(file)?),
                None => self.roots()?,
            };
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build().map_err(|error| error.to_string())
        };
        let chain: Option<Arc<WebPkiServerVerifier>> = match verify {
            Verify::Nothing => None,
            Verify::Issuer(file) | Verify::IssuerAndName(file) => Some(issued(file)?),
        };
        let named = matches!(verify, Verify::IssuerAndName(_));
        let verifier = Arc::new(Lenient { chain, named, provider: Arc::clone(&provider) });
        let config = builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        Ok((TlsConnector::from(Arc::new(config)), server_name(host)?))
    }
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| error.to_string())
}

fn server_name(host: &str) -> Result<ServerName<'static>, String> {
    ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} cannot be the name of a certificate"))
}

fn machine_roots() -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err("this machine has no root certificates; install its ca-certificates package".into());
    }
    Ok(Arc::new(roots))
}

fn roots_of(file: &PathBuf) -> Result<RootCertStore, String> {
    let unreadable = "the file of root certificates that the address names cannot be read";
    let read = CertificateDer::pem_file_iter(file).map_err(|_| unreadable)?;
    let certificates: Vec<_> = read.collect::<Result<_, _>>().map_err(|_| unreadable)?;
    let mut roots = RootCertStore::empty();
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(unreadable.to_owned()),
        _ => Ok(roots),
    }
}

/// Looks at a certificate as far as it is asked to. Signatures of the handshake are always looked at.
#[derive(Debug)]
struct Lenient {
    chain: Option<Arc<WebPkiServerVerifier>>,
    named: bool,
    provider: Arc<rustls::crypto::CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last: what gets as far as this is good otherwise.
            Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }))
                if !self.named =>
            {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
