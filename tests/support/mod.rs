//! Loopback servers that behave as badly as a test needs, on plain sockets and threads of their own.

pub mod captured;
pub mod dice;
pub mod in_memory;
pub mod live;
pub mod servers;
pub mod svg;
pub mod trial;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A server whose every connection is given to `serve`. It ends with the test's process.
pub fn serve(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// A server that reads a request's head and answers with these bytes.
pub fn answers(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes = bytes.into();
    serve(move |mut stream| {
        head(&mut stream);
        let _ = stream.write_all(&bytes);
    })
}

/// A port that nothing listens on.
pub fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Reads as far as the blank line that ends a request's head.
pub fn head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Longer than any time limit of a test.
pub fn hang() {
    std::thread::sleep(Duration::from_secs(30));
}

/// Ends a connection with a reset: closing with unread bytes waiting makes the system send one.
pub fn reset(stream: TcpStream) {
    let mut byte = [0];
    let _ = stream.peek(&mut byte);
    drop(stream);
}

/// TLS for a server with this certificate, one of `tests/tls`.
pub fn secured(certificate: &str) -> Arc<rustls::ServerConfig> {
    let certificates = CertificateDer::pem_slice_iter(certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../tls/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_no_client_auth().with_single_cert(certificates, key).unwrap())
}
