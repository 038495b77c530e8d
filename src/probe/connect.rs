//! A fresh TCP connection, and what it means when there is none.

use super::{ConnectTo, Outcome};
use rustix::net::RecvFlags;
use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

/// Who speaks first on a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// We do, at once.
    Probe,
    /// The service, or nobody.
    Service,
}

/// Connects, giving each of the host's addresses an equal share of the time that is left.
pub(super) async fn connect(
    host: &str,
    port: u16,
    first: First,
    routes: &ConnectTo,
    deadline: Instant,
    limit: Duration,
) -> Result<TcpStream, Outcome> {
    let addresses = match routes.route(host, port) {
        Some(address) => vec![address],
        None => lookup(host, port, deadline).await?,
    };
    let mut worst = None;
    for (at, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        let now = Instant::now();
        let until = now + deadline.saturating_duration_since(now) / left;
        let outcome = match timeout_at(until, open(*address, first)).await {
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

/// One connection. Where what we say follows at once, the handshake's last packet goes along with it instead of before it.
async fn open(address: SocketAddr, first: First) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(target_os = "linux")]
    if first == First::Probe {
        // Refused, it costs a packet.
        let _ = rustix::net::sockopt::set_tcp_quickack(&socket, false);
    }
    socket.connect(address).await
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

/// A connection, encrypted or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// As much of a server's answers as is read from one connection.
const READ_LIMIT: usize = 1024 * 1024;

/// A connection from which no more than 1 MiB is read: more is an error of the kind `FileTooLarge`.
pub(super) struct Capped {
    stream: TcpStream,
    left: usize,
}

/// Limits what is read from a connection.
pub(super) fn capped(stream: TcpStream) -> Capped {
    Capped { stream, left: READ_LIMIT }
}

impl AsyncRead for Capped {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.left = self.left.saturating_sub(buffer.filled().len() - before);
        polled
    }
}

impl AsyncWrite for Capped {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A connection of one exchange, made and ended with as few packets as that takes. Its end is said by closing it, not by saying first that
/// nothing more is written. Where the service has closed its side already, nothing can be lost any more and a reset ends both at once: no
/// FIN and its answer, and no socket that the service has to remember for a minute for each time it was asked (as load balancers close
/// what they check by).
pub(super) struct Once(pub(super) TcpStream);

impl Drop for Once {
    fn drop(&mut self) {
        let closed = rustix::net::recv(&self.0, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        if matches!(closed, Ok((0, _))) {
            // Refused, it is closed as ever.
            let _ = self.0.set_zero_linger();
        }
    }
}

impl AsyncRead for Once {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Once {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The same connection, encrypted.
pub(super) async fn over_tls(
    stream: Box<dyn Wire>,
    connector: Result<(TlsConnector, ServerName<'static>), String>,
    limit: Duration,
) -> Result<Box<dyn Wire>, Outcome> {
    let (connector, name) = connector.map_err(Outcome::CouldNotAsk)?;
    match connector.connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(tls_failed(&error, limit)),
    }
}

/// What an I/O error says of the service.
pub(super) fn from_io(error: &io::Error, limit: Duration) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Outcome::Refused,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => Outcome::Reset,
        io::ErrorKind::UnexpectedEof => Outcome::Closed,
        io::ErrorKind::FileTooLarge => Outcome::Garbage("an answer of more than 1 MiB".into()),
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
