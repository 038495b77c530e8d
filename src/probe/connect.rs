//! A fresh TCP connection, and what it means when there is none.

use super::{ConnectTo, Outcome};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Connects, giving each of the host's addresses an equal share of the time that is left.
pub(super) async fn connect(host: &str, port: u16, routes: &ConnectTo, deadline: Instant, limit: Duration) -> Result<TcpStream, Outcome> {
    let addresses = match routes.route(host, port) {
        Some(address) => vec![address],
        None => lookup(host, port, deadline).await?,
    };
    let mut worst = None;
    for (at, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        let now = Instant::now();
        let until = now + deadline.saturating_duration_since(now) / left;
        let outcome = match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => from_io(&error, limit),
            Err(_) => Outcome::NoAnswer { within: limit, status: None },
        };
        // A host that is reached by one of its addresses has answered; another that has no route from here says less.
        if worst.is_none() || matches!(worst, Some(Outcome::CouldNotAsk(_))) {
            worst = Some(outcome);
        }
    }
    Err(worst.unwrap_or_else(|| Outcome::CouldNotAsk("the host has no address".into())))
}

async fn lookup(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, Outcome> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    match timeout_at(deadline, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(error)) => Err(Outcome::CouldNotAsk(format!("the name {host} cannot be resolved: {}", plain(&error)))),
        Err(_) => Err(Outcome::CouldNotAsk(format!("the name {host} was not resolved in time"))),
    }
}

/// What an I/O error says of the service.
pub(super) fn from_io(error: &io::Error, limit: Duration) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Outcome::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => Outcome::Reset,
        io::ErrorKind::UnexpectedEof => Outcome::Closed,
        io::ErrorKind::TimedOut => Outcome::NoAnswer { within: limit, status: None },
        // No route, no network, no sockets or files left, not permitted: all on this side of the service.
        _ => Outcome::CouldNotAsk(plain(error)),
    }
}

/// What a TLS handshake that failed says of the service.
pub(super) fn tls_failed(error: &io::Error, limit: Duration) -> Outcome {
    match error.get_ref().and_then(|source| source.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidMessage(_)) => Outcome::Garbage("an answer that is not TLS".into()),
        Some(tls) => Outcome::Garbage(format!("TLS: {tls}")),
        None => from_io(error, limit),
    }
}

/// The system's sentence, lowercase and without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(text);
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_on_this_side_is_an_error_and_what_the_service_does_is_not() {
        let limit = Duration::from_secs(3);
        // Linux: EMFILE, EADDRNOTAVAIL, ENETUNREACH, EHOSTUNREACH, EACCES.
        for number in [24, 99, 101, 113, 13] {
            let outcome = from_io(&io::Error::from_raw_os_error(number), limit);
            assert!(matches!(outcome, Outcome::CouldNotAsk(_)), "{number}: {outcome:?}");
        }
        assert_eq!(from_io(&io::Error::from(io::ErrorKind::ConnectionRefused), limit), Outcome::Refused);
        assert_eq!(from_io(&io::Error::from(io::ErrorKind::BrokenPipe), limit), Outcome::Reset);
        assert_eq!(from_io(&io::Error::from_raw_os_error(110), limit), Outcome::NoAnswer { within: limit, status: None });
    }
}
