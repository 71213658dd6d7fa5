//! The answer to a client that speaks plain text where TLS is asked for, in its own protocol.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long and how much is read on after the answer: a socket closed with something unread would be reset, and the client
/// would never see the answer.
const LINGER: Duration = Duration::from_secs(1);
const MOST_READ: usize = 64 * 1024;

/// What a client that speaks HTTP/1.1 in plain text is told.
pub const TLS_ONLY: &str = "This port takes TLS only; use https.";
const HTTP_1: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n";

/// How an HTTP/2 connection begins.
const HTTP_2_PREFACE: &[u8] = b"PRI * HTTP/2.0";
/// Empty settings, and a GOAWAY with INADEQUATE_SECURITY and a word for people: gRPC clients show it.
const HTTP_2: &[u8] = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\
    \x00\x00\x32\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0c\
    this port takes TLS only; use TLS or https";

/// Says what is wrong and ends the connection.
pub(super) async fn refuse(mut socket: TcpStream) {
    let mut start = [0; 1024];
    let Ok(read) = socket.read(&mut start).await else {
        return;
    };
    let start = start.get(..read).unwrap_or_default();
    let answer = match start {
        start if start.starts_with(HTTP_2_PREFACE) => HTTP_2.to_vec(),
        [b'A'..=b'Z', ..] => format!("{HTTP_1}{TLS_ONLY}\n").into_bytes(),
        _ => Vec::new(),
    };
    if socket.write_all(&answer).await.is_err() || socket.shutdown().await.is_err() {
        return;
    }
    let _ = tokio::time::timeout(LINGER, async {
        let mut rest = [0; 4096];
        let mut all: usize = 0;
        while let Ok(1..) = socket.read(&mut rest).await {
            all = all.saturating_add(rest.len());
            if all > MOST_READ {
                return;
            }
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_goaway_is_as_long_as_it_says() {
        let (settings, goaway) = HTTP_2.split_at(9);
        assert_eq!(settings[..4], [0, 0, 0, 4]);
        let length = usize::from(goaway[1]) << 8 | usize::from(goaway[2]);
        assert_eq!((goaway[0], goaway[3], length), (0, 7, goaway.len() - 9));
    }
}
