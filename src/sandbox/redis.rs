//! The server's side of Redis's protocol, as far as a health check speaks it.

use crate::world::{self, RedisReply};
use std::io;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

/// Words and bytes of a command; nobody who asks for health needs more.
const MOST: usize = 4096;

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    while let Some(command) = command(&mut stream).await? {
        let reply = match world::redis(&command) {
            RedisReply::Simple(word) => format!("+{word}\r\n"),
            RedisReply::Bulk(text) => format!("${}\r\n{text}\r\n", text.len()),
            RedisReply::Error(error) => format!("-{error}\r\n"),
        };
        stream.write_all(reply.as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// The next command; `None` at the end, or where something else is spoken.
async fn command(stream: &mut BufStream<TcpStream>) -> io::Result<Option<Vec<String>>> {
    let Some(count) = length(stream, '*').await? else { return Ok(None) };
    let mut words = Vec::new();
    for _ in 0..count {
        let Some(length) = length(stream, '$').await? else { return Ok(None) };
        let mut word = vec![0; length + 2];
        stream.read_exact(&mut word).await?;
        word.truncate(length);
        words.push(String::from_utf8_lossy(&word).into_owned());
    }
    Ok(Some(words))
}

/// A line that holds a length.
async fn length(stream: &mut BufStream<TcpStream>, sign: char) -> io::Result<Option<usize>> {
    let mut line = Vec::new();
    (&mut *stream).take(16).read_until(b'\n', &mut line).await?;
    let text = String::from_utf8_lossy(&line);
    Ok(text.strip_prefix(sign).and_then(|rest| rest.trim_end().parse().ok()).filter(|length| *length <= MOST))
}
