//! What the service manager is told (sd_notify(3)): a datagram to the socket that it names in the environment. Where it
//! names none, nothing is done.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use ringmain_replication::{Replica, ReplicaStatus};

/// The service manager that has started this process, if one has.
#[derive(Debug)]
pub(crate) struct ServiceManager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// Reads the environment.
    pub(crate) fn of_environment() -> ServiceManager {
        let text = |name: &str| std::env::var(name).ok();
        let socket = text("NOTIFY_SOCKET").and_then(|name| match connect(&name) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(%error, "the service manager's socket cannot be reached");
                None
            }
        });
        let watchdog = watchdog(text("WATCHDOG_USEC"), text("WATCHDOG_PID"), std::process::id());
        ServiceManager { socket, watchdog }
    }

    /// The node serves.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The node sends its clients elsewhere and ends.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping");
    }

    /// Tells that the replica moves, twice as often as is asked for, for as long as it is polled. When it does not, nothing is told,
    /// and the service manager ends this process and starts another one.
    pub(crate) async fn watch(&self, replica: Replica) {
        let Some(patience) = self.watchdog.filter(|_| self.socket.is_some()) else { return };
        let mut looks = tokio::time::interval(patience / 2);
        let mut pulse = Pulse::default();
        loop {
            looks.tick().await;
            // Takes the locks of the state: one that is held for ever keeps the word from being sent, too.
            let status = replica.status();
            if pulse.beats(due(&status), status.raft_applied) {
                self.tell(&format!("WATCHDOG=1\nSTATUS={}", in_words(&status)));
            }
        }
    }

    fn tell(&self, words: &str) {
        if let Some(Err(error)) = self.socket.as_ref().map(|socket| socket.send(words.as_bytes())) {
            tracing::warn!(%error, "the service manager was not told");
        }
    }
}

/// Never waits: a service manager that does not read must not hold the node up.
fn connect(name: &str) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    match name.strip_prefix('@') {
        Some(name) => socket.connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => socket.connect(name)?,
    }
    Ok(socket)
}

/// How long the service manager waits for a word. A watchdog meant for another process is none.
fn watchdog(usec: Option<String>, pid: Option<String>, own_pid: u32) -> Option<Duration> {
    let is_meant = pid.is_none_or(|pid| pid.parse() == Ok(own_pid));
    let usec = usec?.parse().ok().filter(|usec| *usec > 0 && is_meant)?;
    Some(Duration::from_micros(usec))
}

/// The last entry that the replica could apply: what is committed, as far as it stands in its own log. A node that
/// waits for a snapshot has nothing to apply, and is not stuck.
fn due(status: &ReplicaStatus) -> u64 {
    status.raft_committed.min(status.raft_last)
}

fn in_words(status: &ReplicaStatus) -> String {
    let leader = status.leader.map_or("no leader".to_owned(), |leader| format!("node {leader} leads"));
    format!("{leader}, applied log index {}", status.applied)
}

/// Whether entries are applied as long as there are any.
#[derive(Debug, Default)]
struct Pulse {
    applied: Option<u64>,
}

impl Pulse {
    fn beats(&mut self, due: u64, applied: u64) -> bool {
        let has_moved = self.applied.replace(applied).is_none_or(|before| applied > before);
        has_moved || applied >= due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_or_a_busy_replica_lives_and_one_that_applies_nothing_of_what_is_due_does_not() {
        let mut pulse = Pulse::default();
        assert!(pulse.beats(10, 0), "the first look knows of no standstill");
        assert!(pulse.beats(1_000, 5), "it is behind and moves");
        assert!(!pulse.beats(1_000, 5), "it stands still");
        assert!(pulse.beats(1_000, 1_000));
        assert!(pulse.beats(1_000, 1_000), "there is nothing to do");
    }

    #[test]
    fn a_watchdog_for_another_process_is_none() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(watchdog(text("30000000"), None, 7), Some(Duration::from_secs(30)));
        assert_eq!(watchdog(text("30000000"), text("7"), 7), Some(Duration::from_secs(30)));
        assert_eq!(watchdog(text("30000000"), text("8"), 7), None);
        assert_eq!(watchdog(text("0"), None, 7), None);
        assert_eq!(watchdog(text("soon"), None, 7), None);
        assert_eq!(watchdog(None, None, 7), None);
    }
}
