//! The protocol of Redis (RESP2): requests are arrays of texts, answers are values.
//!
//! The crates that speak it bring along URLs with all of Unicode, for which a workspace is compiled anew; this is all
//! that a benchmark needs of it.

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// No answer is longer, bytes.
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// No answer is deeper.
const DEPTH_MAX: u32 = 8;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Value>),
}

/// A connection. Requests are answered in their order, so several may be under way.
pub(super) struct Connection {
    stream: TcpStream,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

impl Connection {
    pub(super) async fn open(address: &str) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, outgoing: Vec::new(), incoming: Vec::new() })
    }

    /// Adds a request to what is sent next.
    pub(super) fn add(&mut self, words: &[&str]) {
        self.outgoing.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        for word in words {
            self.outgoing.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
    }

    /// Sends what was added.
    pub(super) async fn send(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(&self.outgoing).await.context("sending")?;
        self.outgoing.clear();
        Ok(())
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    /// The server says that the request failed, or the connection is lost.
    pub(super) async fn answer(&mut self) -> anyhow::Result<Value> {
        loop {
            let mut rest = self.incoming.as_slice();
            if let Some(value) = parse(&mut rest, DEPTH_MAX)? {
                let used = self.incoming.len() - rest.len();
                self.incoming.drain(..used);
                return Ok(value);
            }
            if self.incoming.len() > ANSWER_BYTES_MAX {
                bail!("an answer is longer than {ANSWER_BYTES_MAX} bytes");
            }
            if self.stream.read_buf(&mut self.incoming).await.context("receiving")? == 0 {
                bail!("the server has closed the connection");
            }
        }
    }

    /// Asks and waits for the answer.
    pub(super) async fn call(&mut self, words: &[&str]) -> anyhow::Result<Value> {
        self.add(words);
        self.send().await?;
        self.answer().await
    }
}

/// Takes a value off the front; `None` when it is not complete.
fn parse(rest: &mut &[u8], depth_left: u32) -> anyhow::Result<Option<Value>> {
    let mut ahead = *rest;
    let Some(line) = take_line(&mut ahead) else { return Ok(None) };
    let (kind, text) = line.split_at_checked(1).context("an answer is empty")?;
    let value = match kind {
        "+" => Value::Text(text.to_owned()),
        ":" => Value::Number(text.parse().context("an answer holds a broken number")?),
        "-" => bail!("the server says: {text}"),
        "$" => match length(text)? {
            None => Value::Nothing,
            Some(length) => {
                let Some((body, after)) = ahead.split_at_checked(length + 2) else { return Ok(None) };
                ahead = after;
                Value::Text(String::from_utf8_lossy(&body[..length]).into_owned())
            }
        },
        "*" => match length(text)? {
            None => Value::Nothing,
            Some(_) if depth_left == 0 => bail!("an answer is deeper than {DEPTH_MAX}"),
            Some(length) => {
                let mut values = Vec::new();
                for _ in 0..length {
                    let Some(value) = parse(&mut ahead, depth_left - 1)? else { return Ok(None) };
                    values.push(value);
                }
                Value::List(values)
            }
        },
        _ => bail!("an answer begins with {kind:?}"),
    };
    *rest = ahead;
    Ok(Some(value))
}

fn take_line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let line = &rest[..end];
    *rest = &rest[end + 2..];
    // What is no UTF-8 is no answer of Redis either; it fails as an unknown kind.
    Some(std::str::from_utf8(line).unwrap_or("?"))
}

/// Absent where the protocol says -1: there is no such value.
fn length(text: &str) -> anyhow::Result<Option<usize>> {
    let length: i64 = text.parse().context("an answer holds a broken length")?;
    let length = usize::try_from(length).ok();
    if length.is_some_and(|length| length > ANSWER_BYTES_MAX) {
        bail!("an answer is longer than {ANSWER_BYTES_MAX} bytes");
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(mut bytes: &[u8]) -> (Option<Value>, usize) {
        let value = parse(&mut bytes, DEPTH_MAX).expect("it is an answer");
        (value, bytes.len())
    }

    #[test]
    fn an_answer_is_read_when_all_of_it_is_there_and_not_before() {
        let bytes = b"*3\r\n$6\r\ndesk:1\r\n*2\r\n$-1\r\n:42\r\n+OK\r\nrest";
        let expected = Value::List(vec![
            Value::Text("desk:1".to_owned()),
            Value::List(vec![Value::Nothing, Value::Number(42)]),
            Value::Text("OK".to_owned()),
        ]);
        assert_eq!(parse_all(bytes), (Some(expected), 4));
        for length in 0..bytes.len() - 4 {
            assert_eq!(parse_all(&bytes[..length]), (None, length), "{length} bytes");
        }
    }

    #[test]
    fn what_the_server_refuses_and_what_is_no_answer_are_errors() {
        let error = |mut bytes: &[u8]| parse(&mut bytes, DEPTH_MAX).expect_err("it is none").to_string();
        assert_eq!(error(b"-NOSCRIPT no such script\r\n"), "the server says: NOSCRIPT no such script");
        assert!(error(b"!\r\n").contains("begins with"));
        assert!(error(b"$99999999999\r\n").contains("longer than"));
        assert!(error(&b"*1\r\n".repeat(9)).contains("deeper than"));
    }
}
