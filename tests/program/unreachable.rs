//! No network, no name, no trust, a proxy in the way: a clear error, exit code 9 within seconds, and no request that changes anything.

use super::between::{body, pass, reply};
use super::binary::{Home, Ran};
use super::interrupt::in_shell;
use super::served::{Served, side_by_side};
use super::{requests, small};
use crate::support::{self, secured};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const KEY: &str = "canary-key-44d1e0";

fn home(url: &str) -> Home {
    let home = Home::new().with("DOKPLOY_URL", url).with("DOKPLOY_API_KEY", KEY);
    small::put(&home);
    home
}

/// Ends with 9 soon, and names the address.
#[track_caller]
fn could_not_ask(home: &Home, url: &str) -> Ran {
    let began = Instant::now();
    let ran = home.plan(["run", "--yes"]);
    ran.ends(9).says(&format!("Dokploy was asked at {url}")).does_not_say(KEY);
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    assert!(ran.verdict().contains("backend was not touched"), "{}", ran.verdict());
    ran
}

#[test]
fn nobody_there_and_a_name_that_nobody_has() {
    let address = format!("http://{}", support::closed());
    let name = "http://dokploy.invalid:3000".to_owned();
    side_by_side([(address, "connection refused"), (name, "cannot be resolved")], |(url, words)| {
        could_not_ask(&home(&url), &url).says(words);
        let checked = home(&url).plan(["check", "--live"]);
        checked.ends(9).says(words).does_not_say(KEY);
    });
}

/// A network without any device that is up. Made for this process alone, where the system lets one make it.
#[test]
fn no_network_at_all() {
    let home = home("http://127.0.0.1:3000");
    let mut there = in_shell(&home, "exec unshare -n true");
    if !there.status().is_ok_and(|status| status.success()) {
        return; // Not allowed here; the tests beside this one remain.
    }
    let output = in_shell(&home, "exec unshare -n plan run --yes").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(9), "{stderr}");
    assert!(stderr.contains("network is unreachable"), "{stderr}");
}

/// A network that goes away in the middle: what was begun is left to itself, and the end says what is known.
#[test]
fn a_network_that_goes_away_in_the_middle_ends_honestly() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let between = super::between::Between::start(&served.exports.url, |procedure, before| match procedure {
        // Answered once after the deploy was asked for, and never again.
        "deployment.queueList" | "deployment.allByCompose" if before > 3 => {
            super::between::Fate::Answer(502, "text/html", "<html>gone</html>".to_owned())
        }
        _ => super::between::Fate::Pass,
    });
    let home = super::served::Exports { url: between.url.clone(), ..served.exports.clone() }.home();
    small::put(&home);
    // What nobody answers for is waited for to the end of every limit.
    home.file("rollout.plan", &(small::PLAN.replace("within 1m", "within 10s") + "\nqueue within 10s\n"));
    let ran = home.plan(["run", "--yes"]);
    let log = served.exports.log();
    assert!(requests::count(&log, "compose.deploy") <= 2, "{log:?}");
    assert!([0, 5, 10].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code == 0, requests::count(&log, "compose.deploy") == 2, "{}", ran.verdict());
}

/// A proxy, and the first lines of what it was asked. It refuses, or leads every tunnel to one server.
fn proxy(leads_to: Option<SocketAddr>) -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let address = support::serve(move |mut stream| {
        let head = support::head(&mut stream);
        log.lock().unwrap().push(head.lines().next().unwrap_or_default().to_owned());
        let Some(address) = leads_to.filter(|_| head.starts_with("CONNECT ")) else {
            let page = "<html>who are you?</html>";
            let _ = write!(
                stream,
                "HTTP/1.1 407 No\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
                page.len()
            );
            return;
        };
        let _ = stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n");
        let there = TcpStream::connect(address).unwrap();
        let (mut to, mut from) = (there.try_clone().unwrap(), stream.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let (mut there, mut back) = (there, stream);
        let _ = std::io::copy(&mut there, &mut back);
    });
    (format!("http://{address}"), asked)
}

/// A TLS server before a sandbox.
fn secure(upstream: &str) -> SocketAddr {
    let (config, upstream) = (secured(include_str!("../tls/server.pem")), upstream.strip_prefix("http://").unwrap().to_owned());
    support::serve(move |mut stream| {
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = rustls::Stream::new(&mut connection, &mut stream);
        let head = support::head(&mut tls);
        if head.is_empty() {
            return;
        }
        let body = body(&head, &mut tls);
        reply(&mut tls, &pass(&upstream, &head, &body));
        connection.send_close_notify();
        let _ = connection.write_tls(&mut stream);
        let _ = stream.read(&mut [0]);
    })
}

#[test]
fn a_proxy_is_honoured_and_told_apart_from_dokploy() {
    let (proxy, asked) = proxy(None);
    let clear = "http://dokploy.example:3000";
    let home = home(clear).with("HTTP_PROXY", &proxy).with("http_proxy", &proxy);
    could_not_ask(&home, clear).says("407 and a proxy that asks for a name and a password").says("the key is sent in clear");
    assert!(asked.lock().unwrap().iter().any(|line| line.contains("dokploy.example:3000/api/")), "{asked:?}");

    // Through a tunnel, which the proxy does not give.
    let tunnel = "https://dokploy.example";
    let home = self::home(tunnel).with("HTTPS_PROXY", &proxy);
    could_not_ask(&home, tunnel).says("proxy");
    assert!(asked.lock().unwrap().iter().any(|line| line.starts_with("CONNECT dokploy.example:443")), "{asked:?}");

    // What needs no proxy does not ask it.
    let before = asked.lock().unwrap().len();
    let home = self::home("https://dokploy.invalid").with("HTTPS_PROXY", &proxy).with("NO_PROXY", "dokploy.invalid");
    could_not_ask(&home, "https://dokploy.invalid").says("cannot be resolved");
    let served = Served::start(small::config(), &small::ADDRESSES);
    let home = served.exports.home().with("HTTP_PROXY", &proxy).with("http_proxy", &proxy).with("ALL_PROXY", &proxy);
    small::put(&home);
    home.plan(["check", "--live"]).ends(0);
    assert_eq!(asked.lock().unwrap().len(), before);
}

#[test]
fn a_server_with_a_certificate_of_one_s_own_is_reached_through_a_proxy_once_the_plan_names_the_authority() {
    let served = Served::start(small::config(), &small::ADDRESSES);
    let (proxy, _) = proxy(Some(secure(&served.exports.url)));
    let url = "https://dokploy.example";
    let home = Home::new().with("DOKPLOY_URL", url).with("DOKPLOY_API_KEY", &served.exports.key).with("HTTPS_PROXY", &proxy);
    let home = home.with("PLAN_CONNECT_TO", &served.exports.connect_to);
    small::put(&home);
    let ran = home.plan(["run", "--yes"]);
    ran.ends(9).says("does not know who issued its certificate").says("ca \"FILE.pem\"");
    assert_eq!(served.exports.log(), []);

    home.file("certificates/own.pem", include_str!("../tls/authority.pem"));
    let plan = small::PLAN
        .replace("  api-key secret(\"DOKPLOY_API_KEY\")\n", "  api-key secret(\"DOKPLOY_API_KEY\")\n  ca \"certificates/own.pem\"\n");
    // Probes of this machine beside a Dokploy that is elsewhere would verify the wrong one.
    home.file("rollout.plan", &plan);
    home.plan(["check", "--live"]).ends(0);
    home.plan(["run", "--yes"]).ends(0);
    assert_eq!(requests::count(&served.exports.log(), "compose.deploy"), 2);

    for (file, text, words) in [
        ("own.pem", None, "the certificate file \"own.pem\" is not there"),
        ("key.pem", Some(include_str!("../tls/server.key")), "\"key.pem\" holds no certificate"),
    ] {
        text.inspect(|text| drop(home.file(file, text)));
        home.file("rollout.plan", &plan.replace("certificates/own.pem", file));
        home.plan(["run", "--yes"]).ends(2).says(words);
    }
}
