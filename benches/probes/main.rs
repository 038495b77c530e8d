//! The other side of the benchmark of probes: a thousand endpoints on loopback, and a driver for an exporter that probes when it is asked.
//! `run.py` in this folder starts both and measures; `docs/performance.md` says what came of it.
//!
//! `serve PORT TARGETS FILE` answers at as many addresses of 127.1.0.0/16 until its input ends, and then writes which was connected to
//! when, in nanoseconds of the monotonic clock. `scrape EXPORTER PORT TARGETS SECONDS` asks an exporter at that address for each of them
//! once a second, as Prometheus does: over connections that are kept, the targets spread over the second.

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustix::time::{ClockId, clock_gettime};
use std::cell::Cell;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep_until};

/// Of so many targets one accepts and says nothing.
const ONE_HANGS_OF: usize = 10;
/// Targets to a /24.
const TO_A_NET: usize = 250;
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\nconnection: close\r\n\r\n{\"status\":\"ok\"}";

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.as_slice() {
        ["serve", port, targets, file] => {
            let log = runtime.block_on(LocalSet::new().run_until(serve(port.parse()?, targets.parse()?)))?;
            std::fs::write(file, log)?;
            Ok(())
        }
        ["scrape", exporter, port, targets, seconds] => {
            let scrape = scrape(exporter.parse()?, port.parse()?, targets.parse()?, seconds.parse()?);
            say(&runtime.block_on(LocalSet::new().run_until(scrape))?)
        }
        [] => say("benches/probes/run.py runs this"),
        _ => Err("serve PORT TARGETS FILE, or scrape EXPORTER PORT TARGETS SECONDS".into()),
    }
}

fn say(line: &str) -> Result<(), Failed> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

fn now() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn address(target: usize) -> Ipv4Addr {
    let part = |value: usize| u8::try_from(value).expect("there are fewer targets than addresses");
    Ipv4Addr::new(127, 1, part(target / TO_A_NET), part(1 + target % TO_A_NET))
}

fn target(address: IpAddr) -> Option<usize> {
    let IpAddr::V4(address) = address else { return None };
    let [_, _, net, host] = address.octets();
    Some(usize::from(net) * TO_A_NET + usize::from(host).checked_sub(1)?)
}

/// Answers until standard input ends. Gives a line for each connection: when it was accepted, and by which target.
async fn serve(port: u16, targets: usize) -> Result<String, Failed> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    let listener = socket.listen(4096)?;
    say("ready")?;
    let mut input = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    let mut seen = Vec::with_capacity(1 << 20);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut input => break,
            accepted = listener.accept() => {
                let at = now();
                let Ok((stream, _)) = accepted else { continue };
                let Some(target) = target(stream.local_addr()?.ip()).filter(|target| *target < targets) else { continue };
                seen.push((at, target));
                connections.spawn_local(answer(stream, target.is_multiple_of(ONE_HANGS_OF)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
    let mut log = String::new();
    for (at, target) in seen {
        writeln!(log, "{at} {target}")?;
    }
    Ok(log)
}

async fn answer(mut stream: TcpStream, hangs: bool) -> std::io::Result<()> {
    let mut head = [0; 4096];
    let mut length = 0;
    while length < head.len() {
        let read = stream.read(&mut head[length..]).await?;
        if read == 0 {
            return Ok(());
        }
        length += read;
        if !hangs && head[..length].ends_with(b"\r\n\r\n") {
            stream.write_all(ANSWER).await?;
            return Ok(());
        }
    }
    Ok(())
}

/// Asks for every target once a second, at its own place in it. Says when that began, and how many were asked and how many found well.
async fn scrape(exporter: SocketAddr, port: u16, targets: usize, seconds: u32) -> Result<String, Failed> {
    let (asked, well) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(0_u64)));
    let began = Instant::now() + Duration::from_secs(1);
    let began_at = now() + 1_000_000_000;
    let mut tasks = JoinSet::new();
    for target in 0..targets {
        let (asked, well) = (Rc::clone(&asked), Rc::clone(&well));
        let first = began + Duration::from_secs(1) * u32::try_from(target)? / u32::try_from(targets)?;
        let path = format!("/probe?module=status&target=http://{}:{port}/health", address(target));
        tasks.spawn_local(async move {
            let (mut sender, connection) = http1::handshake(TokioIo::new(TcpStream::connect(exporter).await?)).await?;
            let driver = tokio::task::spawn_local(connection);
            for second in 0..seconds {
                sleep_until(first + Duration::from_secs(1) * second).await;
                let request = hyper::Request::get(path.as_str()).header("host", "exporter").body(Empty::<Bytes>::new())?;
                asked.set(asked.get() + 1);
                sender.ready().await?;
                let body = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
                let is_well = body.split(|byte| *byte == b'\n').any(|line| line == b"probe_success 1");
                well.set(well.get() + u64::from(is_well));
            }
            driver.abort();
            Ok::<(), Failed>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(format!("{{\"began\": {began_at}, \"asked\": {}, \"well\": {}}}", asked.get(), well.get()))
}
