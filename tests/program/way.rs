//! The way between `plan` and a sandbox: passes every exchange on and keeps it, can kill `plan` at one of them, and can hold one up.

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// When a call kills its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before it reaches Dokploy.
    Before,
    /// When it took effect and nothing of the answer came back.
    After,
}

/// A call as it came, or its answer as it was about to go back.
#[derive(Clone, Debug)]
pub struct Passed {
    pub at: Instant,
    pub procedure: String,
    pub is_answer: bool,
    pub body: String,
}

/// Says whether a call that is held up may go on.
type Until = Box<dyn Fn() -> bool + Send>;

/// What is to be killed at which call, what is to be held up, and what there was.
#[derive(Default)]
struct Trap {
    call: Option<(String, Moment)>,
    process: Option<Pid>,
    held: Option<(String, Until)>,
    passed: Vec<Passed>,
}

impl Trap {
    fn keep(&mut self, procedure: &str, is_answer: bool, message: &[u8]) {
        let text = String::from_utf8_lossy(message);
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
        self.passed.push(Passed { at: Instant::now(), procedure: procedure.to_owned(), is_answer, body });
    }
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

    /// Holds the first call of a procedure up until something is so.
    pub fn hold(&self, procedure: &str, until: impl Fn() -> bool + Send + 'static) {
        self.trap.0.lock().unwrap().held = Some((procedure.to_owned(), Box::new(until)));
    }

    /// How many calls came.
    pub fn calls(&self) -> usize {
        self.trap.0.lock().unwrap().passed.iter().filter(|passed| !passed.is_answer).count()
    }

    /// What came and went, in order.
    pub fn passed(&self) -> Vec<Passed> {
        self.trap.0.lock().unwrap().passed.clone()
    }

    /// The procedures that were called, each once, in the order of their first call.
    pub fn procedures(&self) -> Vec<String> {
        let mut procedures: Vec<String> = Vec::new();
        for call in self.passed().into_iter().filter(|passed| !passed.is_answer) {
            if !procedures.contains(&call.procedure) {
                procedures.push(call.procedure);
            }
        }
        procedures
    }
}

/// Passes exchange after exchange on, each on a connection of its own to the sandbox.
fn pass(client: &TcpStream, upstream: SocketAddr, trap: &(Mutex<Trap>, Condvar)) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    loop {
        let request = message(&mut reader)?;
        let procedure = procedure(&request);
        trap.0.lock().unwrap().keep(&procedure, false, &request);
        if let Some(until) = held(trap, &procedure) {
            while !until() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        if springs(trap, &procedure, Moment::Before) {
            return None;
        }
        let mut sandbox = TcpStream::connect(upstream).ok()?;
        sandbox.write_all(&request).ok()?;
        let answer = message(&mut BufReader::new(sandbox))?;
        if springs(trap, &procedure, Moment::After) {
            return None;
        }
        trap.0.lock().unwrap().keep(&procedure, true, &answer);
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

/// What the call has to wait for, if it is the one that is held up.
fn held((trap, _): &(Mutex<Trap>, Condvar), procedure: &str) -> Option<Until> {
    trap.lock().unwrap().held.take_if(|(held, _)| held == procedure).map(|(_, until)| until)
}

/// Kills the victim if this is the call that does, and says whether it was.
fn springs((trap, named): &(Mutex<Trap>, Condvar), procedure: &str, moment: Moment) -> bool {
    let mut trap = trap.lock().unwrap();
    if trap.call != Some((procedure.to_owned(), moment)) {
        return false;
    }
    trap.call = None;
    let trap = named.wait_while(trap, |trap| trap.process.is_none()).unwrap();
    // A process that is gone already was not disturbed; the test sees that.
    let _ = kill_process(trap.process.expect("it was waited for"), Signal::KILL);
    true
}
