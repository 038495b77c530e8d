//! Real PostgreSQL and Redis servers on loopback, each in a folder of its own, ended with the test. `tests/run` installs them.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The password of every server here.
pub const PASSWORD: &str = "canary-7f3a-canary";

/// A server that runs as long as this lives.
pub struct Server {
    child: Child,
    pub port: u16,
    /// A second port, for TLS, where the server has one.
    pub tls_port: u16,
    folder: TempDir,
}

impl Server {
    /// The file with the certificate of the issuer that signed the server's own, which is for `localhost`.
    pub fn issuer(&self) -> PathBuf {
        self.folder.path().join("issuer.pem")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        // The signal on which both end at once.
        let _ = kill_process(pid, Signal::QUIT);
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(5) {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A program of a Debian package.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|version| version.path().join("bin"));
    let mut folders: Vec<PathBuf> = versions.chain(std::env::split_paths(&path)).collect();
    folders.sort_by_key(|folder| !folder.starts_with("/usr/lib/postgresql"));
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not installed; tests/run installs it (apt-get install postgresql redis-server)"))
}

/// PostgreSQL does not run as root: where the tests do, it runs as its package's user.
fn command(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn run(command: &mut Command) {
    let output = command.env("LC_ALL", "C").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A certificate for `localhost`, its key, and the certificate of who signed it.
fn certificates(folder: &Path) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let shown = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    for (name, text) in [("issuer.pem", issuer.pem()), ("server.pem", shown.pem()), ("server.key", key.serialize_pem())] {
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn give_away(folder: &Path) {
    if rustix::process::geteuid().is_root() {
        run(Command::new("chown").args(["-R", "postgres:postgres"]).arg(folder));
    }
}

fn start(mut command: Command, folder: TempDir, port: u16, tls_port: u16) -> Server {
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let child = command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let mut server = Server { child, port, tls_port, folder };
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = || fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
        assert!(matches!(server.child.try_wait(), Ok(None)), "it ended: {}", log());
        assert!(began.elapsed() < Duration::from_secs(60), "it never listened: {}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

/// PostgreSQL with TLS; user `plan`, database `plan`.
pub fn postgres() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    certificates(path);
    fs::write(path.join("password"), PASSWORD).unwrap();
    give_away(path);
    let data = path.join("data");
    let mut initdb = command(&program("initdb"));
    initdb.args(["-U", "plan", "--auth=scram-sha-256", "-E", "UTF8", "--no-sync", "-D"]).arg(&data);
    run(initdb.arg(format!("--pwfile={}", path.join("password").display())));
    let port = free_port();
    let mut server = command(&program("postgres"));
    server.arg("-D").arg(&data);
    let file = |name: &str| path.join(name).display().to_string();
    for (name, value) in [
        ("listen_addresses", "127.0.0.1".to_owned()),
        ("port", port.to_string()),
        ("unix_socket_directories", String::new()),
        ("fsync", "off".to_owned()),
        ("shared_buffers", "8MB".to_owned()),
        ("max_connections", "12".to_owned()),
        ("ssl", "on".to_owned()),
        ("ssl_cert_file", file("server.pem")),
        ("ssl_key_file", file("server.key")),
    ] {
        server.arg("-c").arg(format!("{name}={value}"));
    }
    let server = start(server, folder, port, port);
    // It listens a moment before it lets anybody in.
    let mut psql = Command::new(program("createdb"));
    psql.args(["-h", "127.0.0.1", "-U", "plan", "-p", &port.to_string(), "plan"]).env("PGPASSWORD", PASSWORD);
    let began = Instant::now();
    while !psql.output().unwrap().status.success() {
        assert!(began.elapsed() < Duration::from_secs(60), "nobody is let in");
        std::thread::sleep(Duration::from_millis(100));
    }
    server
}

/// Redis with TLS on a second port, and a user `health` who may only PING and INFO.
pub fn redis() -> Server {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let (port, tls_port) = (free_port(), free_port());
    let mut server = Command::new(program("redis-server"));
    let file = |name: &str| folder.path().join(name).into_os_string();
    let (port_text, tls_text) = (port.to_string(), tls_port.to_string());
    let arguments: [(&str, &OsStr); 11] = [
        ("--port", port_text.as_ref()),
        ("--tls-port", tls_text.as_ref()),
        ("--bind", "127.0.0.1".as_ref()),
        ("--dir", folder.path().as_ref()),
        ("--save", "".as_ref()),
        ("--requirepass", PASSWORD.as_ref()),
        ("--tls-cert-file", &file("server.pem")),
        ("--tls-key-file", &file("server.key")),
        ("--tls-ca-cert-file", &file("issuer.pem")),
        ("--tls-auth-clients", "no".as_ref()),
        ("--user", "health".as_ref()),
    ];
    for (name, value) in arguments {
        server.arg(name).arg(value);
    }
    server.args(["on", &format!(">{PASSWORD}"), "+ping", "+info"]);
    start(server, folder, port, tls_port)
}
