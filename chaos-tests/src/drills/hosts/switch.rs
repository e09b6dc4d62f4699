//! A switch in this program: it carries packets between hosts, and loses, delays, doubles or cuts as it is told.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::net::unix::pipe;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::links::{Links, Port, Rule, RuleId};
use crate::clock::Stopwatch;
use crate::drills::task::Owned;

/// Packets on their way to one host; more are lost, as at a switch whose buffer is full.
const UNDER_WAY_MAX: usize = 4_096;
const PACKET_BYTES_MAX: usize = 65_536;
/// Where an IP packet names its receiver.
const RECEIVER: std::ops::Range<usize> = 16..20;

/// The switch. Its work ends when it is dropped.
pub(super) struct Switch {
    links: Arc<Mutex<Links>>,
    watch: Stopwatch,
    tasks: Vec<Owned>,
    /// A thread of its own: packets do not wait until clients have had their turn.
    runtime: Option<Runtime>,
}

/// A packet, when it arrives, and where it came from.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct UnderWay {
    arrives: Duration,
    number: u64,
    from: Port,
    bytes: Vec<u8>,
}

impl Switch {
    /// Connects hosts, each by its address and the file of its device.
    pub(super) fn start(hosts: Vec<(Ipv4Addr, File)>, seed: u64) -> Result<Switch> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("switch").enable_all().build()?;
        let links = Arc::new(Mutex::new(Links::new(seed)));
        let watch = Stopwatch::start();
        let inside = runtime.enter();
        let mut ends = BTreeMap::new();
        let mut senders = BTreeMap::new();
        let mut tasks = Vec::new();
        for (port, (address, file)) in hosts.into_iter().enumerate() {
            // The two halves of a device behave as the ends of two pipes whose messages are packets.
            let sends = pipe::Receiver::from_file_unchecked(file.try_clone()?)?;
            let device = pipe::Sender::from_file_unchecked(file)?;
            let (sender, inbox) = mpsc::channel(UNDER_WAY_MAX);
            senders.insert(address, (port, sender));
            ends.insert(port, sends);
            tasks.push(Owned::start(deliver(port, device, inbox, Arc::clone(&links), watch)));
        }
        let senders = Arc::new(senders);
        for (port, device) in ends {
            tasks.push(Owned::start(collect(port, device, Arc::clone(&senders), Arc::clone(&links), watch)));
        }
        drop(inside);
        Ok(Switch { links, watch, tasks, runtime: Some(runtime) })
    }

    fn links(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a rule in force.
    pub(super) fn add(&self, rule: Rule) -> RuleId {
        self.links().add(rule)
    }

    /// Takes a rule away.
    pub(super) fn remove(&self, rule: RuleId) {
        self.links().remove(rule);
    }

    /// Time of the switch's own clock, which flapping counts from.
    pub(super) fn now(&self) -> Duration {
        self.watch.elapsed()
    }

    /// Packets kept back by cuts, and packets lost on bad lines.
    pub(super) fn kept_back(&self) -> (u64, u64) {
        let links = self.links();
        (links.cut, links.lost)
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.tasks.clear();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

type Senders = Arc<BTreeMap<Ipv4Addr, (Port, mpsc::Sender<UnderWay>)>>;

/// Takes what a host sends and decides what becomes of it.
async fn collect(
    from: Port,
    device: pipe::Receiver,
    senders: Senders,
    links: Arc<Mutex<Links>>,
    watch: Stopwatch,
) {
    let mut buffer = vec![0; PACKET_BYTES_MAX];
    let mut number = 0;
    // A device whose host has gone gives no more.
    while let Ok(bytes) = read(&device, &mut buffer).await {
        let Some(receiver) = receiver_of(&buffer[..bytes]) else { continue };
        let Some((to, sender)) = senders.get(&receiver) else { continue };
        let arrivals = {
            let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
            links.pass(from, *to, bytes, watch.elapsed())
        };
        for arrives in [arrivals.first, arrivals.second].into_iter().flatten() {
            number += 1;
            let packet = UnderWay { arrives, number, from, bytes: buffer[..bytes].to_vec() };
            // Without room it is lost.
            let _sent = sender.try_send(packet);
        }
    }
}

/// Hands packets to a host when their time has come.
async fn deliver(
    to: Port,
    device: pipe::Sender,
    mut inbox: mpsc::Receiver<UnderWay>,
    links: Arc<Mutex<Links>>,
    watch: Stopwatch,
) {
    let mut waiting: BinaryHeap<Reverse<UnderWay>> = BinaryHeap::new();
    loop {
        let wait = waiting.peek().map(|Reverse(next)| next.arrives.saturating_sub(watch.elapsed()));
        if wait.is_some_and(|wait| wait.is_zero()) {
            let Some(Reverse(packet)) = waiting.pop() else { continue };
            let is_open = {
                let mut links = links.lock().unwrap_or_else(PoisonError::into_inner);
                links.still_open(packet.from, to, watch.elapsed())
            };
            if is_open {
                // What a device that is down for a moment cannot take is a lost packet.
                let _written = write(&device, &packet.bytes).await;
            }
            continue;
        }
        tokio::select! {
            packet = inbox.recv(), if waiting.len() < UNDER_WAY_MAX => match packet {
                Some(packet) => waiting.push(Reverse(packet)),
                None => return,
            },
            () = tokio::time::sleep(wait.unwrap_or(Duration::MAX)), if wait.is_some() => {}
        }
    }
}

/// One packet. Not by `AsyncRead`, which takes a read that does not fill the buffer for the last one for now.
async fn read(device: &pipe::Receiver, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        device.readable().await?;
        match device.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}

async fn write(device: &pipe::Sender, packet: &[u8]) -> io::Result<usize> {
    loop {
        device.writable().await?;
        match device.try_write(packet) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
    }
}

/// Whom a packet of IP version 4 is for.
fn receiver_of(packet: &[u8]) -> Option<Ipv4Addr> {
    let is_version_4 = packet.first().is_some_and(|first| first >> 4 == 4);
    let address: [u8; 4] = packet.get(RECEIVER)?.try_into().ok()?;
    is_version_4.then(|| Ipv4Addr::from(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receiver_stands_in_the_packet() {
        let mut packet = vec![0; 20];
        packet[0] = 0x45;
        packet[16..20].copy_from_slice(&[198, 18, 0, 2]);
        assert_eq!(receiver_of(&packet), Some(Ipv4Addr::new(198, 18, 0, 2)));
        packet[0] = 0x60;
        assert_eq!(receiver_of(&packet), None);
        assert_eq!(receiver_of(&[0x45, 0, 0]), None);
    }
}
