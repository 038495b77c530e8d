//! The way between `plan` and a sandbox: passes every exchange on, and can kill `plan` at one of them.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// When a call kills its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before it reaches Dokploy.
    Before,
    /// When it took effect and nothing of the answer came back.
    After,
}

/// What is to be killed at which call.
#[derive(Debug, Default)]
struct Trap {
    call: Option<(String, Moment)>,
    process: Option<Pid>,
    procedures: Vec<String>,
}

/// A way, for as long as this lives.
pub struct Way {
    address: SocketAddr,
    trap: Arc<(Mutex<Trap>, Condvar)>,
}

impl Way {
    /// A way to this sandbox.
    pub fn to(url: &str) -> Self {
        let upstream: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let trap = Arc::new((Mutex::new(Trap::default()), Condvar::new()));
        let shared = Arc::clone(&trap);
        // Both threads end with the test's process; the connections with their ends.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let trap = Arc::clone(&shared);
                std::thread::spawn(move || pass(&stream, upstream, &trap));
            }
        });
        Self { address, trap }
    }

    /// Where it begins.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets the first call of a procedure kill whoever [`Way::victim`] names.
    pub fn arm(&self, procedure: &str, moment: Moment) {
        self.trap.0.lock().unwrap().call = Some((procedure.to_owned(), moment));
    }

    /// Names the process to be killed. A call that kills waits for this.
    pub fn victim(&self, process: u32) {
        self.trap.0.lock().unwrap().process = Pid::from_raw(i32::try_from(process).unwrap());
        self.trap.1.notify_all();
    }

    /// The procedures that were called, each once, in the order of their first call.
    pub fn procedures(&self) -> Vec<String> {
        self.trap.0.lock().unwrap().procedures.clone()
    }
}

/// Passes exchange after exchange on, each on a connection of its own to the sandbox.
fn pass(client: &TcpStream, upstream: SocketAddr, trap: &(Mutex<Trap>, Condvar)) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    loop {
        let request = message(&mut reader)?;
        let procedure = procedure(&request);
        if springs(trap, &procedure, Moment::Before) {
            return None;
        }
        let mut sandbox = TcpStream::connect(upstream).ok()?;
        sandbox.write_all(&request).ok()?;
        let answer = message(&mut BufReader::new(sandbox))?;
        if springs(trap, &procedure, Moment::After) {
            return None;
        }
        (&mut &*client).write_all(&answer).ok()?;
    }
}

/// One HTTP message with a body of known length.
fn message(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let (mut whole, mut length) = (Vec::new(), 0);
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
        whole.extend_from_slice(&line);
        let line = String::from_utf8(line).ok()?.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let head = whole.len();
    whole.resize(head + length, 0);
    reader.read_exact(&mut whole[head..]).ok()?;
    Some(whole)
}

/// `compose.one` of `GET /api/compose.one?composeId=… HTTP/1.1`.
fn procedure(request: &[u8]) -> String {
    let line = String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    let path = line.split(' ').nth(1).unwrap_or_default();
    path.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned()
}

/// Kills the victim if this is the call that does, and says whether it was.
fn springs((trap, named): &(Mutex<Trap>, Condvar), procedure: &str, moment: Moment) -> bool {
    let mut trap = trap.lock().unwrap();
    if moment == Moment::Before && !trap.procedures.iter().any(|known| known == procedure) {
        trap.procedures.push(procedure.to_owned());
    }
    if trap.call != Some((procedure.to_owned(), moment)) {
        return false;
    }
    trap.call = None;
    let trap = named.wait_while(trap, |trap| trap.process.is_none()).unwrap();
    // A process that is gone already was not disturbed; the test sees that.
    let _ = kill_process(trap.process.expect("it was waited for"), Signal::KILL);
    true
}
