//! The protocol of NATS: lines, and messages whose length a line says. Requests to JetStream are messages with an
//! address for the answer.

use std::collections::VecDeque;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// No message is longer, bytes.
const MESSAGE_BYTES_MAX: usize = 4 << 20;
const HELLO: &str = "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"rust\",\"version\":\"0\",\
    \"protocol\":1,\"headers\":true,\"no_responders\":true}\r\n";

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) subject: String,
    /// Where an answer goes; empty if nowhere.
    pub(super) reply: String,
    /// Whether the server says something about a request instead of answering it.
    pub(super) is_status: bool,
    pub(super) text: String,
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Received {
    Message(Message),
    Ping,
    Other,
}

/// A connection.
pub(super) struct Connection {
    stream: TcpStream,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
    /// Received and not asked for.
    messages: VecDeque<Message>,
}

impl Connection {
    /// Connects and listens for all answers below an address.
    pub(super) async fn open(address: &str, inbox: &str) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        let (outgoing, incoming, messages) = (HELLO.as_bytes().to_vec(), Vec::new(), VecDeque::new());
        let mut connection = Connection { stream, outgoing, incoming, messages };
        connection.outgoing.extend_from_slice(format!("SUB {inbox}.* 1\r\n").as_bytes());
        connection.send().await?;
        Ok(connection)
    }

    /// Adds a message to what is sent next.
    pub(super) fn add(&mut self, subject: &str, reply: &str, text: &str) {
        self.outgoing
            .extend_from_slice(format!("PUB {subject} {reply} {}\r\n{text}\r\n", text.len()).as_bytes());
    }

    /// Sends what was added.
    pub(super) async fn send(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(&self.outgoing).await.context("sending")?;
        self.outgoing.clear();
        Ok(())
    }

    /// Waits for the next message.
    pub(super) async fn next(&mut self) -> anyhow::Result<Message> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.incoming).await.context("receiving")? == 0 {
                bail!("the server has closed the connection");
            }
            self.sort()?;
            if !self.outgoing.is_empty() && self.messages.is_empty() {
                self.send().await?;
            }
        }
    }

    /// A message that is there already.
    pub(super) fn next_at_hand(&mut self) -> Option<Message> {
        self.messages.pop_front()
    }

    /// Asks JetStream, with JSON; its answer.
    pub(super) async fn ask(
        &mut self,
        subject: &str,
        inbox: &str,
        text: &str,
    ) -> anyhow::Result<serde_json::Value> {
        self.add(subject, &format!("{inbox}.asked"), text);
        self.send().await?;
        let message = self.next().await?;
        if message.is_status {
            bail!("nobody answers {subject}: {}", message.text);
        }
        let answer: serde_json::Value =
            serde_json::from_str(&message.text).context("an answer that is no JSON")?;
        match answer.get("error") {
            Some(error) => bail!("{subject}: the server says {error}"),
            None => Ok(answer),
        }
    }

    /// Puts what was received where it belongs.
    fn sort(&mut self) -> anyhow::Result<()> {
        let mut rest = self.incoming.as_slice();
        while let Some(received) = parse(&mut rest)? {
            match received {
                Received::Message(message) => self.messages.push_back(message),
                Received::Ping => self.outgoing.extend_from_slice(b"PONG\r\n"),
                Received::Other => {}
            }
        }
        let used = self.incoming.len() - rest.len();
        self.incoming.drain(..used);
        Ok(())
    }
}

/// Takes what the server has sent off the front; `None` when it is not complete.
fn parse(rest: &mut &[u8]) -> anyhow::Result<Option<Received>> {
    let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let line = String::from_utf8_lossy(&rest[..end]).into_owned();
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = &rest[end + 2..];
    match words.first().copied() {
        Some("-ERR") => bail!("the server says: {line}"),
        Some("PING") => {
            *rest = after;
            Ok(Some(Received::Ping))
        }
        Some(kind @ ("MSG" | "HMSG")) => {
            let Some((message, after)) = message(kind == "HMSG", &words, after)? else { return Ok(None) };
            *rest = after;
            Ok(Some(Received::Message(message)))
        }
        Some(_) | None => {
            *rest = after;
            Ok(Some(Received::Other))
        }
    }
}

/// The message that a line announces: its subject, a number, perhaps a reply, the length of headers if it has some, and
/// of all of it.
fn message<'a>(
    has_headers: bool,
    words: &[&str],
    after: &'a [u8],
) -> anyhow::Result<Option<(Message, &'a [u8])>> {
    let numbers = if has_headers { 2 } else { 1 };
    let broken = || format!("a message announced as {words:?}");
    let split =
        words.len().checked_sub(numbers).filter(|split| (3..=4).contains(split)).with_context(broken)?;
    let lengths: Vec<usize> = words[split..].iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
    let (headers, total) = (if has_headers { lengths[0] } else { 0 }, *lengths.last().with_context(broken)?);
    if total > MESSAGE_BYTES_MAX || headers > total {
        bail!(broken());
    }
    let Some((body, after)) = after.split_at_checked(total + 2) else { return Ok(None) };
    let status = String::from_utf8_lossy(&body[..headers]).into_owned();
    // Headers that begin with a number of three digits are of the server: "NATS/1.0 408 Request Timeout".
    let is_status = status.split_whitespace().nth(1).is_some_and(|word| word.parse::<u16>().is_ok());
    let text = if is_status { status } else { String::from_utf8_lossy(&body[headers..total]).into_owned() };
    let reply = words[3..split].first().copied().unwrap_or_default().to_owned();
    Ok(Some((Message { subject: words[1].to_owned(), reply, is_status, text }, after)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_when_all_of_them_is_there() {
        let bytes = b"MSG inbox.3 1 $JS.ACK.a 5\r\ns1-20\r\nPING\r\nHMSG inbox.4 1 32 32\r\nNATS/1.0 408 Request Timeout\r\n\r\n\r\n";
        let mut rest = bytes.as_slice();
        let mut next = || parse(&mut rest).expect("it can be read");
        let Some(Received::Message(first)) = next() else { panic!("a message comes first") };
        assert_eq!(
            (first.subject.as_str(), first.reply.as_str(), first.text.as_str()),
            ("inbox.3", "$JS.ACK.a", "s1-20")
        );
        assert_eq!(next(), Some(Received::Ping));
        let Some(Received::Message(last)) = next() else { panic!("a message comes last") };
        assert!(last.is_status && last.text.contains("408"), "{last:?}");
        for length in 0..33 {
            assert_eq!(parse(&mut &bytes[..length]).expect("it can be read"), None, "{length} bytes");
        }
    }
}
