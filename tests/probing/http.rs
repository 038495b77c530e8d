//! `expect http`: what is sent, what is judged, certificates, redirects and the plan's own limits.

use super::{CANARY, Given, LONG, sample, sample_with};
use crate::support::{answers, hang, head, serve};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rollout_plan::engine::Reading;
use rollout_plan::probe::{Asking, Tls};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// A request as it was sent: head and body.
fn whole(stream: &mut TcpStream) -> String {
    let head = head(stream);
    let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8(body).unwrap()
}

/// A server that keeps what it is sent and answers 200.
fn recorder() -> (SocketAddr, Arc<Mutex<String>>) {
    let seen = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&seen);
    let address = serve(move |mut stream| {
        *log.lock().unwrap() = whole(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    (address, seen)
}

fn json(body: &str) -> SocketAddr {
    answers(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

#[tokio::test]
async fn method_headers_body_and_credentials_are_sent_as_written() {
    let (address, seen) = recorder();
    let text = format!(
        "http \"http://{address}/rpc?x=1\" {{\n send header \"X-Key\" secret(\"KEY\")\n send header \"Accept\" \"application/json\"\n \
         send body '{{\"ping\":true}}'\n auth basic \"health\" secret(\"PASSWORD\")\n}}"
    );
    assert_eq!(sample(&text).await.reading, Reading::Pass);
    let sent = seen.lock().unwrap().clone();
    assert!(sent.starts_with("POST /rpc?x=1 HTTP/1.1\r\n"), "a body makes it a POST: {sent}");
    for part in
        [&format!("x-key: {CANARY}\r\n"), "accept: application/json\r\n", "authorization: Basic aGVhbHRoOmNhbmFyeS03ZjNhLWNhbmFyeQ==\r\n"]
    {
        assert!(sent.contains(part), "{part} in {sent}");
    }
    assert!(sent.ends_with("\r\n\r\n{\"ping\":true}") && sent.matches("accept:").count() == 1, "{sent}");

    let text = format!("http \"http://{address}/\" {{\n method DELETE\n auth bearer secret(\"TOKEN\")\n}}");
    assert_eq!(sample(&text).await.reading, Reading::Pass);
    let sent = seen.lock().unwrap().clone();
    assert!(sent.starts_with("DELETE / HTTP/1.1\r\n") && sent.contains(&format!("authorization: Bearer {CANARY}\r\n")), "{sent}");
}

#[tokio::test]
async fn what_is_sent_is_never_shown() {
    let echo = serve(|mut stream| {
        let sent = whole(&mut stream);
        write!(stream, "HTTP/1.1 401 No\r\ncontent-length: {}\r\n\r\n{sent}", sent.len()).unwrap();
    });
    for auth in ["basic \"health\" secret(\"P\")", "bearer secret(\"P\")"] {
        let text = format!("http \"http://{echo}/\" {{\n auth {auth}\n send body secret(\"BODY\")\n body contains \"never\"\n}}");
        let shown = sample(&text).await.actual;
        assert!(shown.starts_with("HTTP 401 (body: POST / HTTP/1.1") && !shown.contains("aGVhbHRoOmNh"), "{shown}");
    }
    // A line end in a secret would begin a header of its own.
    let smuggled = Given([("TOKEN", "x\r\nevil: 1".to_owned())].into());
    let error = rollout_plan::probe::prepare(&super::probe("http \"http://127.0.0.1/\" { auth bearer secret(\"TOKEN\") }"), &smuggled);
    let told = error.unwrap_err().to_string();
    assert!(told.contains("cannot stand in a header") && !told.contains("evil"), "{told}");
}

#[tokio::test]
async fn an_error_in_a_good_status_is_found_and_a_missing_path_is_no_answer() {
    let address = json(r#"{"status":"error","checks":{"db":false},"n":"5"}"#);
    for (assertion, reading, actual) in [
        ("json '$.status' == \"ok\"", Reading::Fail, "HTTP 200, $.status is \"error\""),
        ("json '$.checks.db' == true", Reading::Fail, "HTTP 200, $.checks.db is false"),
        ("json '$.checks.redis' exists", Reading::Fail, "HTTP 200, $.checks.redis is not there"),
        ("json '$.n' == 5", Reading::Error, "HTTP 200, $.n is the text \"5\", not a number"),
        ("header \"content-type\" contains \"json\"", Reading::Pass, "HTTP 200"),
        ("header \"content-type\" matches /html/", Reading::Fail, "HTTP 200, content-type is \"application/json\""),
    ] {
        let sample = sample(&format!("http \"http://{address}/\" {{ {assertion} }}")).await;
        assert_eq!((sample.reading, sample.actual.as_str()), (reading, actual));
        assert_eq!(sample.expected, format!("status in [200..299], {assertion}"));
    }
    let missing = sample(&format!("http \"http://{address}/\" {{ json '$.checks.redis' == true }}")).await;
    assert_eq!(missing.reading, Reading::Error, "{missing:?}");
    let page = answers("HTTP/1.1 200 OK\r\n\r\n<html>sign in</html>");
    let page = sample(&format!("http \"http://{page}/\" {{ json '$.status' == \"ok\" }}")).await;
    assert_eq!((page.reading, page.actual.as_str()), (Reading::Fail, "HTTP 200, not JSON (body: <html>sign in</html>)"));
}

#[tokio::test]
async fn redirects_are_followed_only_where_asked_and_not_in_circles() {
    let (there, seen) = recorder();
    let elsewhere = answers(format!("HTTP/1.1 302 Found\r\nlocation: http://{there}/login\r\ncontent-length: 0\r\n\r\n"));
    let followed =
        format!("http \"http://{elsewhere}/\" {{\n follow redirects\n auth bearer secret(\"T\")\n send header \"x-key\" secret(\"K\")\n}}");
    assert_eq!(sample(&followed).await.reading, Reading::Pass);
    let sent = seen.lock().unwrap().to_lowercase();
    assert!(sent.starts_with("get /login ") && !sent.contains(CANARY), "nothing secret goes to another host: {sent}");
    let circle = answers("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n");
    let circle = sample(&format!("http \"http://{circle}/\" {{ follow redirects }}")).await;
    assert_eq!((circle.reading, circle.actual.as_str()), (Reading::Fail, "HTTP 302 after 10 redirects, once more to /"));
    let lost = answers("HTTP/1.1 302 Found\r\nlocation: ftp://files.example/\r\ncontent-length: 0\r\n\r\n");
    let lost = sample(&format!("http \"http://{lost}/\" {{ follow redirects }}")).await;
    assert_eq!((lost.reading, lost.actual.as_str()), (Reading::Fail, "HTTP 302 to ftp://files.example/, which is neither http nor https"));
}

#[tokio::test]
async fn the_plans_own_limits_end_a_sample_earlier() {
    let pauses = serve(|mut stream| {
        head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok");
        hang();
    });
    let quiet = sample(&format!("http \"http://{pauses}/\" {{ read within 200ms }}")).await;
    assert_eq!((quiet.reading, quiet.actual.as_str()), (Reading::Fail, "HTTP 200, but no whole answer within 200ms"));
    // Ten bytes with pauses that are each short enough.
    let slow = serve(|mut stream| {
        head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(100));
            let _ = stream.write_all(b"x");
        }
    });
    assert_eq!(sample(&format!("http \"http://{slow}/\" {{ read within 2s }}")).await.reading, Reading::Pass);
    let handshake = serve(|_stream| hang());
    let never = sample(&format!("http \"https://{handshake}/\" {{ connect within 200ms }}")).await;
    assert_eq!((never.reading, never.actual.as_str()), (Reading::Fail, "no answer within 200ms"));
    let slow = sample(&format!("http \"http://{slow}/\" {{ time < 100ms }}")).await;
    assert!(slow.reading == Reading::Fail && slow.actual.starts_with("HTTP 200 in "), "{slow:?}");
}

/// A TLS server whose certificate is good for so long from now, and settings that trust it.
fn tls_server(names: &[&str], left: Duration) -> (SocketAddr, Asking) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(40 * 86_400)).into();
    params.not_after = if left.is_zero() { (now - Duration::from_secs(3_600)).into() } else { (now + left).into() };
    let key = KeyPair::generate().unwrap();
    let shown = params.signed_by(&key, &issuer).unwrap();

    let mut roots = rustls::RootCertStore::empty();
    roots.add(issuer.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![shown.der().clone()], private).unwrap());
    let address = serve(move |stream| {
        let mut tls = rustls::StreamOwned::new(rustls::ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        let mut byte = [0; 4096];
        if tls.read(&mut byte).is_ok_and(|read| read > 0) {
            let _ = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
    });
    (address, Asking { tls: Tls::trusting(roots), ..Asking::default() })
}

#[tokio::test]
async fn a_certificate_must_be_trusted_and_good_for_long_enough() {
    let days = |days: u64| Duration::from_secs(days * 86_400 + 3_600);
    let (address, asking) = tls_server(&["127.0.0.1"], days(20));
    for (least, reading, actual) in [("14d", Reading::Pass, "HTTP 200"), ("30d", Reading::Fail, "HTTP 200, certificate expires in 20d")] {
        let text = format!("http \"https://{address}/\" {{ certificate expires after {least} }}");
        let sample = sample_with(&text, &Given::default(), &asking, LONG).await;
        assert_eq!((sample.reading, sample.actual.as_str()), (reading, actual));
    }
    let plain = |address: SocketAddr| format!("http \"https://{address}/\"");
    let (other_name, trusting) = tls_server(&["shop.example"], days(20));
    let (expired, trusting_expired) = tls_server(&["127.0.0.1"], Duration::ZERO);
    let nobody = Asking { tls: Tls::trusting(rustls::RootCertStore::empty()), ..Asking::default() };
    for (address, asking) in [(other_name, &trusting), (expired, &trusting_expired), (address, &nobody)] {
        let sample = sample_with(&plain(address), &Given::default(), asking, LONG).await;
        assert!(sample.reading == Reading::Fail && sample.actual.starts_with("TLS: invalid peer certificate"), "{sample:?}");
    }
}

#[test]
fn a_certificate_of_plain_http_cannot_be_asked_for() {
    let probe = super::probe("http env(\"URL\") { certificate expires after 14d }");
    let plain = Given([("URL", "http://127.0.0.1/".to_owned())].into());
    let told = rollout_plan::probe::prepare(&probe, &plain).unwrap_err().to_string();
    assert_eq!(told, "`certificate expires after 14d` needs an address that begins with https://");
}
