//! What stops a node or a drill: a signal, or the end of its standard input where it was asked to watch that.

use std::io::Read;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::exit::{Failure, FailureKind};

/// Waits for SIGTERM, SIGINT or the end of standard input. Made before the node starts, so that none is missed.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Option<Signal>,
    stdin_closed: Option<oneshot::Receiver<()>>,
}

impl StopSignals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(crate) fn listen(until_stdin_closes: bool) -> Result<StopSignals, Failure> {
        let refused = |error| Failure::new(FailureKind::Internal, "internal", error);
        let stdin_closed = if until_stdin_closes { Some(watch_stdin().map_err(refused)?) } else { None };
        Ok(StopSignals {
            terminate: signal(SignalKind::terminate()).map_err(refused)?,
            interrupt: signal(SignalKind::interrupt()).map_err(refused)?,
            hangup: None,
            stdin_closed,
        })
    }

    /// The same, and the terminal that goes away. A node does not stop for that: it may have been told to live on.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(crate) fn or_hangup(mut self) -> Result<StopSignals, Failure> {
        let refused = |error| Failure::new(FailureKind::Internal, "internal", error);
        self.hangup = Some(signal(SignalKind::hangup()).map_err(refused)?);
        Ok(self)
    }

    /// The next of them. Standard input closes once.
    pub(crate) async fn next(&mut self) -> &'static str {
        let closed = async {
            match &mut self.stdin_closed {
                Some(closed) => closed.await.unwrap_or(()),
                None => std::future::pending().await,
            }
        };
        let hung_up = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        let signal = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = hung_up => "SIGHUP",
            () = closed => "end of standard input",
        };
        if signal == "end of standard input" {
            self.stdin_closed = None;
        }
        signal
    }
}

/// A thread of its own, because reading standard input cannot be taken back.
fn watch_stdin() -> std::io::Result<oneshot::Receiver<()>> {
    let (closed, receiver) = oneshot::channel();
    let watch = move || {
        let mut unread = [0; 256];
        let mut stdin = std::io::stdin().lock();
        while matches!(stdin.read(&mut unread), Ok(read) if read > 0) {}
        // Nobody waits any more when the node has stopped for another reason.
        let _ = closed.send(());
    };
    std::thread::Builder::new().name("stdin".to_owned()).spawn(watch)?;
    Ok(receiver)
}
