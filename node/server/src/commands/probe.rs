//! `probe`: the answer of a node's health pages as an exit code, for service managers and containers that have no
//! other client of HTTP.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};

use ringmain_telemetry::codes;

use crate::cli::ProbeArgs;
use crate::exit::{Failure, FailureKind};

/// Longer than any health page.
const ANSWER_BYTES_MAX: u64 = 64 * 1_024;

/// Asks once.
pub(super) fn run(args: &ProbeArgs) -> Result<(), Failure> {
    let path = if args.live { "/livez" } else { "/readyz?verbose" };
    let answer = ask(args, path).map_err(|error| {
        let message = format!("{}: {error}; name the node's HTTP address as HOST:PORT", args.address);
        Failure::new(FailureKind::Unavailable, codes::UNREACHABLE.code, message)
    })?;
    let (status, body) = read(&answer).ok_or_else(|| foreign(args, "no HTTP"))?;
    match (status, args.live) {
        ("200", _) => {
            print!("{body}");
            Ok(())
        }
        ("503", true) => Err(Failure::new(FailureKind::Node, codes::FATAL.code, body.trim_end())),
        ("503", false) => {
            let failed: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix("[-] ")).collect();
            let message = format!("{}: {}", args.address, failed.join("; "));
            Err(Failure::new(FailureKind::Unavailable, codes::NOT_READY.code, message))
        }
        (status, _) => Err(foreign(args, status)),
    }
}

fn ask(args: &ProbeArgs, path: &str) -> std::io::Result<String> {
    let mut last = std::io::Error::other("the name stands for no address");
    for address in args.address.to_socket_addrs()? {
        let mut stream = match TcpStream::connect_timeout(&address, args.timeout) {
            Ok(stream) => stream,
            Err(error) => {
                last = error;
                continue;
            }
        };
        stream.set_read_timeout(Some(args.timeout))?;
        stream.set_write_timeout(Some(args.timeout))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", args.address)?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        return Ok(String::from_utf8_lossy(&answer).into_owned());
    }
    Err(last)
}

/// Status and body of an answer.
fn read(answer: &str) -> Option<(&str, &str)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    Some((status.trim_end(), body))
}

fn foreign(args: &ProbeArgs, what: &str) -> Failure {
    let message = format!(
        "{}: this is no node's HTTP port, it answers {what}; see listen.http of its config",
        args.address
    );
    Failure::new(FailureKind::Invalid, codes::UNREACHABLE.code, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_http_is_told_from_an_answer() {
        assert_eq!(read("HTTP/1.1 200 OK\r\na: b\r\n\r\nok\n"), Some(("200", "ok\n")));
        assert_eq!(read("HTTP/1.0 503\r\n\r\n"), Some(("503", "")));
        assert_eq!(read("SSH-2.0-OpenSSH\r\n\r\n"), None);
        assert_eq!(read(""), None);
    }
}
