//! The server's side of PostgreSQL's protocol (version 3), as far as a health check speaks it: anybody is let in, queries are answered by the
//! world, in the text or binary form that is asked for.

use crate::world::{self, Cell};
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;

/// Requests that may stand in place of a startup message.
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const VERSION_3: u32 = 0x0003_0000;

/// Bytes of one message; nobody who asks for health needs more.
const MOST: u32 = 64 * 1024;

/// Object ids of types.
const BOOL: u32 = 16;
const INT4: u32 = 23;
const TEXT: u32 = 25;

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    loop {
        let startup = body(&mut stream).await?;
        match number(&startup) {
            Some(SSL | GSS) => {
                stream.write_all(b"N").await?;
                stream.flush().await?;
            }
            Some(VERSION_3) => break,
            _ => return Ok(()),
        }
    }
    let mut greeting = message(b'R', &0u32.to_be_bytes());
    for (name, value) in [("server_version", "16.3"), ("client_encoding", "UTF8"), ("server_encoding", "UTF8"), ("DateStyle", "ISO, MDY")] {
        greeting.extend(message(b'S', format!("{name}\0{value}\0").as_bytes()));
    }
    greeting.extend(message(b'K', &[0; 8]));
    greeting.extend(ready());
    stream.write_all(&greeting).await?;
    stream.flush().await?;
    session(&mut stream).await
}

async fn session(stream: &mut BufStream<TcpStream>) -> io::Result<()> {
    let (mut query, mut binary) = (String::new(), false);
    loop {
        let kind = stream.read_u8().await?;
        let body = body(stream).await?;
        let reply = match kind {
            b'Q' => {
                let mut reply = Vec::new();
                for statement in text(&body).split(';').filter(|statement| !statement.trim().is_empty()) {
                    if !world::is_without_rows(statement) {
                        reply.extend(described(statement, false));
                    }
                    reply.extend(executed(statement, false));
                }
                reply.extend(ready());
                reply
            }
            b'P' => {
                // The statement's name, then its text.
                query = text(body.splitn(2, |byte| *byte == 0).nth(1).unwrap_or_default());
                message(b'1', &[])
            }
            b'B' => {
                // The last two bytes are the form of the results, where one is asked for.
                binary = body.ends_with(&[0, 1]);
                message(b'2', &[])
            }
            b'D' if world::is_without_rows(&query) => [parameters(&body), message(b'n', &[])].concat(),
            b'D' => [parameters(&body), described(&query, binary)].concat(),
            b'E' => executed(&query, binary),
            b'C' => message(b'3', &[]),
            b'S' => ready(),
            b'H' => Vec::new(),
            // `X`, and whatever is not spoken here.
            _ => return Ok(()),
        };
        stream.write_all(&reply).await?;
        stream.flush().await?;
    }
}

/// A message's body, whose length comes first.
async fn body(stream: &mut BufStream<TcpStream>) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let length = length.checked_sub(4).filter(|length| *length <= MOST).ok_or(io::ErrorKind::InvalidData)?;
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

fn number(body: &[u8]) -> Option<u32> {
    body.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// A statement that is described has no parameters; a portal is not asked for them.
fn parameters(body: &[u8]) -> Vec<u8> {
    if body.first() == Some(&b'S') { message(b't', &[0, 0]) } else { Vec::new() }
}

/// One column and its type.
fn described(query: &str, binary: bool) -> Vec<u8> {
    let (oid, size): (u32, i16) = match world::selected(query) {
        Cell::Whole(_) => (INT4, 4),
        Cell::Truth(_) => (BOOL, 1),
        Cell::Text(_) => (TEXT, -1),
    };
    let mut row = b"\0\x01?column?\0".to_vec();
    row.extend([0; 6]);
    row.extend(oid.to_be_bytes());
    row.extend(size.to_be_bytes());
    row.extend((-1i32).to_be_bytes());
    row.extend(i16::from(binary).to_be_bytes());
    message(b'T', &row)
}

/// One row, where there is one, and the end.
fn executed(query: &str, binary: bool) -> Vec<u8> {
    if world::is_without_rows(query) {
        let word = query.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        return message(b'C', format!("{word}\0").as_bytes());
    }
    let value = match (world::selected(query), binary) {
        (Cell::Whole(number), true) => number.to_be_bytes().to_vec(),
        (Cell::Whole(number), false) => number.to_string().into_bytes(),
        (Cell::Truth(truth), true) => vec![u8::from(truth)],
        (Cell::Truth(truth), false) => if truth { b"t" } else { b"f" }.to_vec(),
        (Cell::Text(text), _) => text.into_bytes(),
    };
    let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
    let row = [&[0, 1], &length.to_be_bytes()[..], &value].concat();
    [message(b'D', &row), message(b'C', b"SELECT 1\0")].concat()
}
