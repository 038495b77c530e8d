//! Real receivers on loopback that behave badly, and real commands.

use super::schedule;
use crate::support::{answers, closed, hang, head, reset, serve};
use rollout_plan::model::Variables;
use rollout_plan::notify::{Carry as _, Mail, Undelivered, prepare};
use rollout_plan::probe::Asking;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What an address of a webhook ends in, which is as good as a key.
const KEY: &str = "canary-7f3a-canary";

struct Hook(SocketAddr);

impl Variables for Hook {
    fn get(&self, name: &str) -> Option<String> {
        (name == "HOOK").then(|| format!("http://localhost:{}/services/{KEY}", self.0.port()))
    }
}

async fn sent_to(address: SocketAddr, limit: Duration) -> Result<(), Undelivered> {
    let recipients = prepare(&schedule("notify webhook secret(\"HOOK\")").told, &Hook(address)).unwrap();
    assert!(!format!("{recipients:?}").contains(KEY));
    let sent = Mail::new(recipients, Asking::default()).carry(0, "{\"schema\":1}", limit).await;
    if let Err(undelivered) = &sent {
        assert!(!undelivered.why.contains(KEY) && !undelivered.why.contains("localhost"), "{undelivered:?}");
    }
    sent
}

/// Reads a whole request and gives head and body.
fn request(stream: &mut TcpStream) -> (String, String) {
    let head = head(stream);
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(|length| length.parse().unwrap()));
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = stream.read_exact(&mut body);
    (head, String::from_utf8(body).unwrap())
}

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(400);

#[tokio::test]
async fn a_notice_is_posted_as_json() {
    let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let address = serve(move |mut stream| {
        keep.lock().unwrap().push(request(&mut stream));
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
    });
    assert_eq!(sent_to(address, LONG).await, Ok(()));
    let seen = seen.lock().unwrap();
    let (head, body) = &seen[0];
    assert!(head.starts_with(&format!("POST /services/{KEY} HTTP/1.1\r\n")), "{head}");
    assert!(head.to_lowercase().contains("content-type: application/json\r\n"), "{head}");
    assert_eq!((seen.len(), body.as_str()), (1, "{\"schema\":1}"));
}

#[tokio::test]
async fn receivers_that_behave_badly_are_told_from_each_other() {
    let elsewhere: Arc<Mutex<usize>> = Arc::default();
    let counted = Arc::clone(&elsewhere);
    let other = serve(move |mut stream| {
        *counted.lock().unwrap() += 1;
        let _ = request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    let redirect = answers(format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{other}/x\r\ncontent-length: 0\r\n\r\n"));
    let echo = answers(format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\nno /services/{KEY}", KEY.len() + 13));
    for (address, limit, why, is_final) in [
        (serve(|_| hang()), SHORT, "no answer within 400ms", false),
        (serve(reset), LONG, "the connection was reset", false),
        (closed(), LONG, "the connection was refused", false),
        (answers("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"), LONG, "HTTP 500", false),
        (answers("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n"), LONG, "HTTP 429", false),
        (answers("nonsense\r\n\r\n"), LONG, "", false),
        (redirect, LONG, "HTTP 307, a redirect, which is not followed", true),
        (echo, LONG, "HTTP 404", true),
    ] {
        let began = Instant::now();
        let undelivered = sent_to(address, limit).await.unwrap_err();
        assert!(undelivered.why.contains(why) && undelivered.is_final == is_final, "{why}: {undelivered:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{why}: took {:?}", began.elapsed());
    }
    assert_eq!(*elsewhere.lock().unwrap(), 0, "a redirect was followed");
}

#[tokio::test]
async fn a_receiver_that_drips_has_answered_with_its_status() {
    let drip = serve(|mut stream| {
        let _ = request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        while stream.write_all(b".").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let began = Instant::now();
    assert_eq!(sent_to(drip, SHORT).await, Ok(()));
    assert!(began.elapsed() < Duration::from_secs(3));
}

async fn hooked(words: &str, folder: &Path, body: &str, limit: Duration) -> Result<(), Undelivered> {
    let recipients = prepare(&schedule(&format!("notify exec [{words}]")).told, &Hook(closed())).unwrap();
    Mail::new(recipients, Asking { folder: Some(folder.to_owned()), ..Asking::default() }).carry(0, body, limit).await
}

fn is_gone(file: &Path) -> bool {
    let pid = fs::read_to_string(file).unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        match fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
            Ok(stat) if !stat.contains(") Z ") => std::thread::sleep(Duration::from_millis(20)),
            _ => return true,
        }
    }
    false
}

#[tokio::test]
async fn a_command_finds_the_notice_on_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(300_000));
    assert_eq!(hooked("\"sh\", \"-c\", 'cat > got'", folder.path(), &body, LONG).await, Ok(()));
    assert_eq!(fs::read_to_string(folder.path().join("got")).unwrap(), body);
    // It need not read it, and may close it.
    for words in ["\"true\"", "\"sh\", \"-c\", 'exec <&-; sleep 0.1'", "\"sh\", \"-c\", 'exec >&- 2>&-; sleep 0.1'"] {
        assert_eq!(hooked(words, folder.path(), &body, LONG).await, Ok(()), "{words}");
    }
}

#[tokio::test]
async fn a_command_that_fails_or_hangs_is_told_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let failed = hooked("\"sh\", \"-c\", 'echo no pager >&2; exit 3'", folder.path(), "{}", LONG).await.unwrap_err();
    assert_eq!((failed.why.as_str(), failed.is_final), ("exit 3 (stderr: no pager)", false));
    let missing = hooked("\"./no-such-hook\"", folder.path(), "{}", LONG).await.unwrap_err();
    assert!(missing.why.contains("`./no-such-hook` is not there"), "{missing:?}");
    let hangs = hooked("\"sh\", \"-c\", 'sleep 60 & echo $! > pid; sleep 60'", folder.path(), "{}", SHORT).await.unwrap_err();
    assert_eq!(hangs.why, "still running after 400ms, and ended");
    assert!(is_gone(&folder.path().join("pid")), "what the hook started runs on");
}

#[test]
fn an_address_that_cannot_be_used_is_told_without_its_secret() {
    struct Bad(&'static str);
    impl Variables for Bad {
        fn get(&self, _: &str) -> Option<String> {
            Some(self.0.to_owned())
        }
    }
    let told = schedule("notify webhook secret(\"HOOK\")").told.clone();
    for address in ["gopher://hook.example/canary-7f3a", "http://user:canary-7f3a@hook.example/", "canary-7f3a"] {
        let errors = prepare(&told, &Bad(address)).unwrap_err();
        assert_eq!(errors.len(), 1);
        let shown = format!("{} {:?}", errors[0], errors[0]);
        assert!(!shown.contains("canary-7f3a") && !shown.contains("auth basic"), "{shown}");
    }
    let unset = prepare(&told, &crate::support::in_memory::NoVariables).unwrap_err();
    assert_eq!(unset[0].to_string(), "the variable HOOK is not set");
}
