//! Every fault of the wire at every endpoint, over real sockets: what the client makes of it.
//!
//! The matrix in memory says what becomes of a run when a call ends so or so. This says that calls do end so.

use crate::support;
use rollout_plan::dokploy::{Body, Call, Refusal, Reply};
use rollout_plan::drive::{BaseUrl, HttpTransport, Limits, Transport as _, install_tls};
use rollout_plan::wire::{decode, encode};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Every call there is.
fn calls() -> Vec<Call> {
    let text = || "x".to_owned();
    let all = vec![
        Call::Health,
        Call::Version,
        Call::Projects,
        Call::Compose { compose: text() },
        Call::UpdateText { compose: text(), text: "services: {}\n".to_owned() },
        Call::ConvertedCompose { compose: text() },
        Call::Deploy { compose: text(), marker: "plan run=a phase=b try=1".to_owned() },
        Call::Stop { compose: text() },
        Call::CleanQueues { compose: text() },
        Call::ContainerLog { compose: text(), container: text(), lines: 10, seconds: None },
        Call::Queue,
        Call::Deployments { compose: text() },
        Call::DeployLog { deployment: text(), lines: 10 },
        Call::AppContainers { app_name: text(), server: None },
        Call::HostContainers { server: None },
        Call::OwnContainers { server: Some(text()) },
        Call::ServerHealth { server: None },
        Call::Inspect { container: text(), server: None },
        Call::Cloud,
    ];
    // A new call is a place in this list.
    let place = |call: &Call| match call {
        Call::Health => 0,
        Call::Version => 1,
        Call::Projects => 2,
        Call::Compose { .. } => 3,
        Call::UpdateText { .. } => 4,
        Call::ConvertedCompose { .. } => 5,
        Call::Deploy { .. } => 6,
        Call::Stop { .. } => 7,
        Call::CleanQueues { .. } => 8,
        Call::ContainerLog { .. } => 9,
        Call::Queue => 10,
        Call::Deployments { .. } => 11,
        Call::DeployLog { .. } => 12,
        Call::AppContainers { .. } => 13,
        Call::HostContainers { .. } => 14,
        Call::OwnContainers { .. } => 15,
        Call::ServerHealth { .. } => 16,
        Call::Inspect { .. } => 17,
        Call::Cloud => 18,
    };
    assert!(all.iter().map(place).eq(0..all.len()));
    all
}

/// What a server does to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Refused,
    ResetBeforeItIsRead,
    ClosedAfterItIsRead,
    Hang,
    SlowBody,
    CutBody,
    BadGateway,
    EmptyBody,
    Redirect,
    WebPage,
    TooLarge,
    BadChunks,
    NotHttp,
    ClosedWhenIdle,
}

const FAULTS: [Wire; 14] = [
    Wire::Refused,
    Wire::ResetBeforeItIsRead,
    Wire::ClosedAfterItIsRead,
    Wire::Hang,
    Wire::SlowBody,
    Wire::CutBody,
    Wire::BadGateway,
    Wire::EmptyBody,
    Wire::Redirect,
    Wire::WebPage,
    Wire::TooLarge,
    Wire::BadChunks,
    Wire::NotHttp,
    Wire::ClosedWhenIdle,
];

/// More than the client takes.
const TOO_LARGE: usize = 17 * 1024 * 1024;

/// More than a busy machine needs on top of a time limit.
const BUSY: Duration = Duration::from_secs(20);

impl Wire {
    /// Short where the limit is what is tested; elsewhere nothing should come near it.
    fn limits(self) -> Limits {
        let answer = match self {
            Self::Hang | Self::SlowBody => Duration::from_millis(250),
            _ => Duration::from_secs(60),
        };
        Limits { connect: Duration::from_secs(5), answer }
    }

    fn server(self) -> SocketAddr {
        match self {
            Self::Refused => support::closed(),
            Self::ResetBeforeItIsRead => support::serve(support::reset),
            Self::Hang => support::serve(|mut stream| {
                request(&mut stream);
                support::hang();
            }),
            Self::SlowBody => support::serve(|mut stream| {
                request(&mut stream);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 64\r\n\r\n[{");
                support::hang();
            }),
            Self::TooLarge => support::serve(|mut stream| {
                request(&mut stream);
                let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {TOO_LARGE}\r\n\r\n").as_bytes());
                let some = vec![b' '; 64 * 1024];
                while stream.write_all(&some).is_ok() {}
            }),
            Self::ClosedWhenIdle => support::serve(|mut stream| {
                // One request a connection, though the client may believe that it stays open.
                if request(&mut stream) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                }
            }),
            _ => support::serve(move |mut stream| {
                request(&mut stream);
                let _ = stream.write_all(self.answer().as_bytes());
            }),
        }
    }

    /// These end their connections aloud: what one that ends silently does to the next call is [`Self::ClosedWhenIdle`]'s affair.
    fn answer(self) -> &'static str {
        match self {
            Self::CutBody => "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 64\r\n\r\n[{",
            Self::BadGateway => {
                "HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"
            }
            Self::EmptyBody => "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\r\n",
            Self::Redirect => "HTTP/1.1 308 Permanent Redirect\r\nconnection: close\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
            Self::WebPage => "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
            Self::BadChunks => {
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nnot a length\r\n[]\r\n0\r\n\r\n"
            }
            Self::NotHttp => "SSH-2.0-OpenSSH_9.2p1\r\n",
            _ => "",
        }
    }

    fn is_right(self, reply: &Reply) -> bool {
        match self {
            // Only what found nobody certainly did not happen.
            Self::Refused => matches!(reply, Reply::NotSent(_)),
            Self::ResetBeforeItIsRead
            | Self::ClosedAfterItIsRead
            | Self::Hang
            | Self::SlowBody
            | Self::CutBody
            | Self::TooLarge
            | Self::BadChunks
            | Self::NotHttp => matches!(reply, Reply::Lost(_)),
            Self::BadGateway => matches!(reply, Reply::Refused(Refusal::Server(502, _))),
            Self::EmptyBody => *reply == Reply::Answered(Body::Empty),
            // Either its end was seen in time and another connection was made, or the request went into the dying one.
            Self::ClosedWhenIdle => matches!(reply, Reply::Answered(Body::Empty) | Reply::Lost(_)),
            Self::Redirect => matches!(reply, Reply::Refused(Refusal::NotDokploy(308, _))),
            Self::WebPage => matches!(reply, Reply::Refused(Refusal::NotDokploy(200, _))),
        }
    }
}

/// Reads a whole request; whether there was one.
fn request(stream: &mut TcpStream) -> bool {
    let head = support::head(stream).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).is_ok() && !head.is_empty()
}

/// As the driver does it.
async fn send(transport: &HttpTransport, call: &Call, limits: Limits) -> Reply {
    match transport.send(encode(call), limits).await {
        Ok(response) => decode(call, &response),
        Err(error) if error.may_have_left => Reply::Lost(error.message),
        Err(error) => Reply::NotSent(error.message),
    }
}

#[test]
fn every_fault_of_the_wire_at_every_endpoint_has_its_reply() {
    install_tls();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let wrong: Vec<String> = tokio::task::LocalSet::new().block_on(&runtime, async {
        let mut tasks = tokio::task::JoinSet::new();
        for fault in FAULTS {
            let base = BaseUrl::parse(&format!("http://{}", fault.server())).unwrap();
            let transport = Rc::new(HttpTransport::new(base, "a-key").unwrap());
            tasks.spawn_local(async move {
                let mut wrong = Vec::new();
                for call in calls() {
                    if fault == Wire::ClosedWhenIdle {
                        // The connection of the call before is in the pool, and its other end is closed.
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    let began = Instant::now();
                    let reply = send(&transport, &call, fault.limits()).await;
                    if !fault.is_right(&reply) {
                        wrong.push(format!("{fault:?} at {call:?}: {reply:?}"));
                    }
                    assert!(
                        matches!(fault, Wire::TooLarge) || began.elapsed() < fault.limits().answer.min(BUSY) + BUSY,
                        "{fault:?} {call:?}"
                    );
                    if let Reply::Lost(why) | Reply::NotSent(why) = &reply {
                        assert!(!why.is_empty() && !why.contains("127.0.0.1") && !why.contains("a-key"), "{why}");
                    }
                }
                wrong
            });
        }
        let mut wrong = Vec::new();
        while let Some(done) = tasks.join_next().await {
            wrong.extend(done.unwrap());
        }
        wrong
    });
    assert_eq!(wrong, [""; 0]);
}
