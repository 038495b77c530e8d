//! The transport against real servers on loopback: what is told of an exchange that did not come off, and whether it may have happened.

use crate::support::{answers, closed, hang, head, reset, secured, serve};
use rollout_plan::drive::{BaseUrl, HttpTransport, Limits, Transport as _, TransportError, install_tls};
use rollout_plan::wire::{HttpRequest, HttpResponse, Method};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KEY: &str = "canary-key-91c2";

async fn send_to(base: &str, request: HttpRequest, answer: Duration) -> Result<HttpResponse, TransportError> {
    install_tls();
    let transport = HttpTransport::new(BaseUrl::parse(base).unwrap(), KEY).unwrap();
    assert!(!format!("{transport:?}").contains(KEY));
    transport.send(request, Limits { connect: Duration::from_secs(5), answer }).await
}

fn get(with_key: bool) -> HttpRequest {
    HttpRequest { method: Method::Get, path: "/api/project.all?x=1".into(), with_key, body: None }
}

async fn send(address: SocketAddr) -> Result<HttpResponse, TransportError> {
    send_to(&format!("http://u:hunter2@{address}/under/"), get(true), Duration::from_secs(10)).await
}

/// Fails, and says so without address, key or password.
async fn fails(address: SocketAddr, may_have_left: bool) -> String {
    let error = send(address).await.unwrap_err();
    assert_eq!(error.may_have_left, may_have_left, "{error}");
    for hidden in [KEY, "hunter2", "127.0.0.1"] {
        assert!(!format!("{error} {error:?}").contains(hidden), "{error}");
    }
    error.message
}

#[tokio::test]
async fn a_request_goes_out_as_it_is_and_its_answer_comes_back_whole() {
    let seen = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&seen);
    let address = serve(move |mut stream| {
        let head = head(&mut stream).to_lowercase();
        let mut body = vec![0; if head.contains("content-length: 7") { 7 } else { 0 }];
        stream.read_exact(&mut body).unwrap();
        *log.lock().unwrap() = head + &String::from_utf8(body).unwrap();
        stream
            .write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-type: Application/JSON; charset=utf-8\r\ncontent-length: 2\r\n\r\n{}")
            .unwrap();
    });
    let request = HttpRequest { method: Method::Post, path: "/api/compose.deploy".into(), with_key: true, body: Some("{\"a\":1}".into()) };
    let response = send_to(&format!("http://{address}/under//"), request, Duration::from_secs(10)).await.unwrap();
    assert_eq!((response.status, response.content_type.as_deref(), response.body.as_slice()), (401, Some("application/json"), &b"{}"[..]));
    let request = seen.lock().unwrap().clone();
    assert!(request.starts_with("post /under/api/compose.deploy http/1.1\r\n") && request.ends_with("{\"a\":1}"), "{request}");
    assert!(request.contains(&format!("x-api-key: {KEY}\r\n")) && request.contains("content-type: application/json\r\n"), "{request}");

    send_to(&format!("http://{address}"), get(false), Duration::from_secs(10)).await.unwrap();
    assert!(!seen.lock().unwrap().contains("x-api-key"), "the keyless health check carries no key");
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = serve(|_stream| panic!("followed with the key"));
    let address = answers(format!("HTTP/1.1 308 Permanent Redirect\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n"));
    assert_eq!(send(address).await.unwrap().status, 308);
}

#[tokio::test]
async fn without_a_connection_nothing_has_left() {
    assert_eq!(fails(closed(), false).await, "no connection: connection refused");
    let error = send_to("http://nowhere.invalid", get(true), Duration::from_secs(10)).await.unwrap_err();
    assert!(!error.may_have_left && error.message.starts_with("its name cannot be resolved"), "{error}");
}

#[tokio::test]
async fn once_there_is_a_connection_the_request_may_have_left() {
    assert!(fails(serve(reset), true).await.contains("reset"));
    let closes = serve(|mut stream| {
        head(&mut stream);
    });
    assert!(fails(closes, true).await.starts_with("the connection broke"));
    assert!(fails(answers("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), true).await.starts_with("the connection broke"));
    assert!(fails(answers("SSH-2.0-OpenSSH_9.9\r\n\r\n"), true).await.starts_with("the connection broke"));
}

#[tokio::test]
async fn silence_before_or_after_the_head_ends_at_the_time_limit() {
    let before = serve(|_stream| hang());
    let after = serve(|mut stream| {
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n").unwrap();
        hang();
    });
    for address in [before, after] {
        let error = send_to(&format!("http://{address}"), get(true), Duration::from_millis(300)).await.unwrap_err();
        assert_eq!((error.may_have_left, error.message.as_str()), (true, "no whole answer within 0.3 s"));
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let address = serve(|mut stream| {
        head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let chunk = vec![b'x'; 65536];
        while stream.write_all(&chunk).is_ok() {}
    });
    assert_eq!(fails(address, true).await, "an answer of more than 16 MiB");
}

const AUTHORITY: &str = include_str!("tls/authority.pem");

/// A server with this certificate that answers everything with `{}`.
fn secure(certificate: &str) -> SocketAddr {
    let config = secured(certificate);
    serve(move |mut stream| {
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut stream);
        if head(&mut stream).is_empty() {
            return;
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    })
}

async fn send_trusting(base: &str, pem: Option<&str>) -> Result<HttpResponse, TransportError> {
    install_tls();
    let transport = HttpTransport::new(BaseUrl::parse(base).unwrap(), KEY).unwrap();
    let transport = match pem {
        Some(pem) => transport.trusting(pem).unwrap(),
        None => transport,
    };
    transport.send(get(true), Limits { connect: Duration::from_secs(10), answer: Duration::from_secs(20) }).await
}

#[tokio::test]
async fn an_authority_of_one_s_own_is_trusted_when_it_is_named() {
    let address = secure(include_str!("tls/server.pem"));
    for base in [format!("https://{address}"), format!("https://localhost:{}", address.port())] {
        assert_eq!(send_trusting(&base, Some(AUTHORITY)).await.unwrap().status, 200);
        let error = send_trusting(&base, None).await.unwrap_err();
        assert!(!error.may_have_left, "the key has not left");
        assert!(error.message.contains("does not know who issued its certificate"), "{error}");
        assert!(error.message.contains("`ca \"FILE.pem\"`"), "the remedy: {error}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_no_good_is_told_with_what_to_do() {
    let expired = secure(include_str!("tls/expired.pem"));
    let error = send_trusting(&format!("https://{expired}"), Some(AUTHORITY)).await.unwrap_err();
    assert!(!error.may_have_left && error.message.contains("has expired"), "{error}");

    let plain = serve(|mut stream| {
        let _ = stream.read(&mut [0; 16]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    });
    let error = send_trusting(&format!("https://{plain}"), Some(AUTHORITY)).await.unwrap_err();
    assert!(!error.may_have_left && error.message.contains("does not speak TLS"), "{error}");
}

#[tokio::test]
async fn a_file_without_a_certificate_is_refused() {
    install_tls();
    let trusting = |pem: &str| HttpTransport::new(BaseUrl::parse("https://dokploy.example").unwrap(), KEY).unwrap().trusting(pem).err();
    assert_eq!(trusting(AUTHORITY), None);
    for nothing in ["", "no certificate", include_str!("tls/server.key")] {
        assert_eq!(trusting(nothing).as_deref(), Some("holds no certificate"));
    }
    let broken = AUTHORITY.replace('M', "N");
    assert_eq!(trusting(&broken).as_deref(), Some("holds a certificate that cannot be read"));
}
