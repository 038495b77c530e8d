//! Probes against real servers on loopback that refuse, reset, hang, drip, talk nonsense or too much.

use crate::support::{answers, closed, hang, head, reset, serve};
use rollout_plan::engine::{Moment, Reading, Sample};
use rollout_plan::model::{HttpAssertion, Probe, Text, TextPart, Variables};
use rollout_plan::probe::{Asking, ConnectTo, Tls, ask, judge, prepare};
use rollout_plan::source::{SourceMap, Span, Spanned};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The secret that no sample may show.
const CANARY: &str = "canary-7f3a";
/// Time limit of a sample, where the test is not about it.
const LONG: Duration = Duration::from_secs(10);
/// Time limit of a sample that is meant to run into it.
const SHORT: Duration = Duration::from_millis(300);

struct Canary;

impl Variables for Canary {
    fn get(&self, name: &str) -> Option<String> {
        (name == "TOKEN").then(|| CANARY.to_owned())
    }
}

fn place<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::new(SourceMap::default().add("rollout.plan", ""), 0..0))
}

fn http(url: &str, assertions: Vec<HttpAssertion>) -> Probe {
    Probe::Http { url: place(Text::literal(url)), options: Box::default(), assertions: assertions.into_iter().map(place).collect() }
}

fn ok() -> HttpAssertion {
    HttpAssertion::Status(vec![(200, 200)])
}

async fn sample(probe: &Probe, asking: &Asking, timeout: Duration) -> Sample {
    let request = prepare(probe, &Canary).unwrap().unwrap();
    let began = Instant::now();
    let outcome = ask(&request, asking, timeout).await;
    assert!(began.elapsed() < timeout + Duration::from_secs(5), "a sample never takes longer than its time limit");
    judge(&request, &outcome, Moment::START, began.elapsed())
}

async fn get(address: SocketAddr, timeout: Duration) -> (Reading, String) {
    let sample = sample(&http(&format!("http://{address}/health"), vec![ok()]), &Asking::default(), timeout).await;
    assert_eq!(sample.expected, "status == 200");
    (sample.reading, sample.actual)
}

fn fail(actual: &str) -> (Reading, String) {
    (Reading::Fail, actual.into())
}

#[tokio::test]
async fn a_good_answer_passes_and_the_request_is_a_plain_get() {
    let seen = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&seen);
    let address = serve(move |mut stream| {
        *log.lock().unwrap() = head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
    });
    assert_eq!(get(address, LONG).await, (Reading::Pass, "HTTP 200".into()));
    let request = seen.lock().unwrap().to_lowercase();
    assert!(request.starts_with("get /health http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {address}\r\n")) && request.contains("connection: close\r\n"), "{request}");
}

#[tokio::test]
async fn a_wrong_status_fails_with_the_body_made_safe() {
    let address = answers("HTTP/1.1 500 Oops\r\ncontent-length: 27\r\n\r\nno database\r\n\x1b[2Jat db:5432");
    assert_eq!(get(address, LONG).await, fail("HTTP 500 (body: no database \u{FFFD}[2Jat db:5432)"));
}

#[tokio::test]
async fn refused_reset_and_closed_are_failures() {
    assert_eq!(get(closed(), LONG).await, fail("connection refused"));
    assert_eq!(get(serve(reset), LONG).await, fail("connection reset"));
    let closes = serve(|mut stream| {
        head(&mut stream);
    });
    assert_eq!(get(closes, LONG).await, fail("connection closed before the answer was whole"));
    let half = answers("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf");
    assert_eq!(get(half, LONG).await, fail("connection closed before the answer was whole"));
}

#[tokio::test]
async fn hanging_before_or_after_the_head_and_dripping_are_failures_in_time() {
    let silent = serve(|_stream| hang());
    assert_eq!(get(silent, SHORT).await, fail("no answer within 300ms"));
    let stuck = serve(|mut stream| {
        head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n").unwrap();
        hang();
    });
    assert_eq!(get(stuck, SHORT).await, fail("HTTP 200, but no whole answer within 300ms"));
    let drips = serve(|mut stream| {
        head(&mut stream);
        for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    assert_eq!(get(drips, SHORT).await, fail("no answer within 300ms"));
}

#[tokio::test]
async fn nonsense_is_a_failure() {
    for nonsense in ["SSH-2.0-OpenSSH_9.9\r\n\r\n", "220 mail.example ESMTP\r\n", "\0\0\0\0\0\0\0\0\r\n\r\n"] {
        let (reading, actual) = get(answers(nonsense), LONG).await;
        assert_eq!(reading, Reading::Fail, "{nonsense:?}");
        assert!(actual.starts_with("an answer that is not HTTP"), "{nonsense:?}: {actual}");
    }
    let broken = answers("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnot-a-size\r\n");
    assert_eq!(get(broken, LONG).await.0, Reading::Fail);
    let endless = answers(format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(2_000_000)));
    assert_eq!(get(endless, LONG).await, fail("an HTTP head that is too large"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = serve(|_stream| panic!("followed"));
    let address = answers(format!("HTTP/1.1 302 Found\r\nlocation: http://{target}/login\r\ncontent-length: 0\r\n\r\n"));
    assert_eq!(get(address, LONG).await, fail(&format!("HTTP 302 to http://{target}/login")));
}

#[tokio::test]
async fn a_huge_body_is_read_no_further_than_one_mebibyte() {
    const SIZE: usize = 100_000_000;
    let sent = Arc::new(Mutex::new(0));
    let count = Arc::clone(&sent);
    let address = serve(move |mut stream| {
        head(&mut stream);
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n").unwrap();
        let chunk = vec![b'x'; 65536];
        while *count.lock().unwrap() < SIZE && stream.write_all(&chunk).is_ok() {
            *count.lock().unwrap() += chunk.len();
        }
    });
    let assertions = vec![ok(), HttpAssertion::BodyContains("never there".into())];
    let sample = sample(&http(&format!("http://{address}/"), assertions), &Asking::default(), LONG).await;
    assert_eq!(sample.reading, Reading::Fail);
    assert!(sample.actual.ends_with("; not in the first MiB"), "{}", sample.actual);
    assert!(*sent.lock().unwrap() < SIZE / 2, "{}", sent.lock().unwrap());
}

#[tokio::test]
async fn a_name_that_does_not_resolve_could_not_be_asked() {
    let sample = sample(&http("http://nowhere.invalid/", vec![ok()]), &Asking::default(), LONG).await;
    assert_eq!(sample.reading, Reading::Error);
    assert!(sample.actual.starts_with("the name nowhere.invalid"), "{}", sample.actual);
}

#[tokio::test]
async fn connect_to_leads_elsewhere_and_the_host_header_stays() {
    let seen = Arc::new(Mutex::new(String::new()));
    let log = Arc::clone(&seen);
    let address = serve(move |mut stream| {
        *log.lock().unwrap() = head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let connect_to: ConnectTo = format!("shop.example:8000={address}").parse().unwrap();
    let asking = Asking { connect_to, ..Asking::default() };
    let sample = sample(&http("http://Shop.Example:8000/", vec![ok()]), &asking, LONG).await;
    assert_eq!(sample.reading, Reading::Pass, "{}", sample.actual);
    assert!(seen.lock().unwrap().to_lowercase().contains("host: shop.example:8000\r\n"));
}

#[tokio::test]
async fn tcp_asks_for_a_connection_that_is_kept_and_nothing_more() {
    let tcp = |address: SocketAddr| Probe::Tcp { address: place(Text::literal(address.to_string())), banner: Vec::new() };
    // One that waits for its client to speak first, and one that greets and hangs up.
    let silent = serve(|mut stream| drop(stream.read(&mut [0; 1])));
    let greets = serve(|mut stream| stream.write_all(b"220 ready\r\n").unwrap());
    for listens in [silent, greets] {
        let open = sample(&tcp(listens), &Asking::default(), LONG).await;
        assert_eq!((open.reading, open.expected.as_str(), open.actual.as_str()), (Reading::Pass, "a connection that is kept", "connected"));
    }
    // What Docker's proxy does for a container that does not listen.
    let proxy = sample(&tcp(serve(drop)), &Asking::default(), LONG).await;
    assert_eq!(
        (proxy.reading, proxy.actual.as_str()),
        (Reading::Fail, "connection accepted and closed at once: nothing listens behind the port")
    );
    let shut = sample(&tcp(closed()), &Asking::default(), LONG).await;
    assert_eq!((shut.reading, shut.actual.as_str()), (Reading::Fail, "connection refused"));
}

#[tokio::test]
async fn a_secret_of_the_address_is_in_no_sample() {
    // The service says the token back, in its body and in a redirect, plain and encoded.
    for answer in [
        format!("HTTP/1.1 500 Oops\r\n\r\nbad token {CANARY}"),
        format!("HTTP/1.1 302 Found\r\nlocation: /login?token={CANARY}\r\ncontent-length: 0\r\n\r\n"),
    ] {
        let address = answers(answer);
        let parts = vec![TextPart::Literal(format!("http://{address}/?token=")), TextPart::Secret { name: "TOKEN".into() }];
        let probe = Probe::Http { url: place(Text { parts }), options: Box::default(), assertions: vec![place(ok())] };
        let sample = sample(&probe, &Asking::default(), LONG).await;
        assert!(sample.actual.contains("[secret]") && !format!("{sample:?}").contains(CANARY), "{sample:?}");
    }
}

#[tokio::test]
async fn what_is_not_tls_is_a_failure_of_the_service() {
    let plain = serve(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        hang();
    });
    let asking = Asking { tls: Tls::trusting(rustls::RootCertStore::empty()), ..Asking::default() };
    let sample = sample(&http(&format!("https://{plain}/"), vec![ok()]), &asking, LONG).await;
    assert_eq!((sample.reading, sample.actual.as_str()), (Reading::Fail, "an answer that is not TLS"));
}
