//! A server between `plan` and a sandbox, which does to each request what a test wants done.

use crate::support;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

/// What becomes of a request.
pub enum Fate {
    /// It is passed on, and so is its answer.
    Pass,
    /// It is passed on, and its answer is changed.
    Change(Box<dyn Fn(String) -> String>),
    /// It gets this status, content type and body, and is not passed on.
    Answer(u16, &'static str, String),
    /// It is passed on, and its answer never comes.
    Swallow,
    /// It is not passed on, and never answered.
    Hang,
}

/// The server; it lives as long as the test's process.
pub struct Between {
    /// Its address, as a base address of Dokploy.
    pub url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Between {
    /// Serves before `upstream`. `fate` is given the procedure, and how often it was asked for before.
    pub fn start(upstream: &str, fate: impl Fn(&str, usize) -> Fate + Send + Sync + 'static) -> Self {
        let upstream = upstream.strip_prefix("http://").unwrap().to_owned();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, fate) = (Arc::clone(&seen), Arc::new(fate));
        let address = support::serve(move |mut stream| {
            let head = support::head(&mut stream);
            if head.is_empty() {
                return;
            }
            let procedure = head.split([' ', '?']).nth(1).unwrap_or("").trim_start_matches("/api/").to_owned();
            let before = {
                let mut log: std::sync::MutexGuard<'_, Vec<String>> = log.lock().unwrap();
                log.push(procedure.clone());
                log.iter().filter(|asked| **asked == procedure).count() - 1
            };
            let body = body(&head, &mut stream);
            match fate(&procedure, before) {
                Fate::Pass => reply(&mut stream, &pass(&upstream, &head, &body)),
                Fate::Change(change) => {
                    let (status, kind, body) = pass(&upstream, &head, &body);
                    reply(&mut stream, &(status, kind, change(body)));
                }
                Fate::Answer(status, kind, body) => reply(&mut stream, &(status.to_string(), kind.to_owned(), body)),
                Fate::Swallow => {
                    pass(&upstream, &head, &body);
                    support::hang();
                }
                Fate::Hang => support::hang(),
            }
        });
        Self { url: format!("http://{address}"), seen }
    }

    /// The procedures asked for so far, in order.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

pub fn body(head: &str, stream: &mut impl Read) -> Vec<u8> {
    let length = head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let _ = stream.read_exact(&mut body);
    body
}

/// Status, content type and body of the sandbox's answer.
pub fn pass(upstream: &str, head: &str, body: &[u8]) -> (String, String, String) {
    let mut stream = TcpStream::connect(upstream).unwrap();
    let head = head.trim_end().to_owned() + "\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).unwrap_or("502").to_owned();
    let kind = head.to_lowercase().lines().find_map(|line| Some(line.strip_prefix("content-type:")?.trim().to_owned()));
    (status, kind.unwrap_or_default(), body.to_owned())
}

pub fn reply(stream: &mut impl Write, (status, kind, body): &(String, String, String)) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
