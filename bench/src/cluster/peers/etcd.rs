//! etcd: three members, every transaction in the log of two of them before it is answered.
//!
//! Waiting contacts are keys below `waiting/`, contacts in hand are keys below `hand/` and the number of a desk. One
//! dispatcher, which holds the key `dispatcher`, watches both, knows therefore who waits and who has room, and moves
//! contacts from one to the other: a transaction with the comparison that it is still the dispatcher. Desks watch their
//! part of `hand/`, and delete what is completed if it is what they were told of. What has gathered while a transaction
//! was on its way goes into the next one.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use anyhow::{Context as _, bail};
use futures::future::{BoxFuture, join_all, try_join_all};
use tokio::sync::mpsc;

use super::super::book::Answer;
use super::super::figures::Setup;
use super::super::port::Arrival;
use super::super::port::ContactNumber;
use super::super::reading::http;
use super::super::system::Syncs;
use super::clients::{Agent, BATCH_MAX, Clients, Closer, Desk, Gate, Offer, Taker};
use super::etcd_api::{Compare, Event, Member, Operation, Outcome, Transaction, Watch};
use super::start;
use super::{DESKS, Observed, Observer, Opened};
use crate::nodes::NODES;
use crate::servers::{End, Server};

/// Operations in one transaction: a batch moves each contact by two.
const OPERATIONS_MAX: usize = 2 * BATCH_MAX;
/// The code of contacts that the server refuses because it has too much to do.
const TOO_MUCH: &str = "too-many-requests";
const WAITING: &str = "waiting/";
const HAND: &str = "hand/";
const DISPATCHER: &str = "dispatcher";
/// Changes that the dispatcher has not looked at, at most; beyond that the watch waits.
const CHANGES_MAX: usize = 10_000;

struct Enqueue(Member);

struct Listen(Watch);

struct Complete(Member);

/// Gives waiting contacts to operators with room: the most urgent and oldest to who has had room longest.
struct Dispatcher {
    member: Member,
    /// The revision in which it became the dispatcher.
    since: i64,
    changes: mpsc::Receiver<Vec<Event>>,
    /// By tier and in the order of their arrival.
    waiting: BTreeMap<(u32, u64), ContactNumber>,
    arrived: u64,
    room: VecDeque<u32>,
    in_hand: BTreeMap<ContactNumber, u32>,
}

/// What each member says of itself.
struct Metrics(Vec<String>);

/// Starts the members and connects everybody.
pub(super) async fn open(setup: &Setup, program: &Path, folder: &Path) -> anyhow::Result<Opened> {
    let ports = start::ports::<{ 2 * NODES }>()?;
    let (client, peer) = ports.split_at(NODES);
    let mut servers = Vec::new();
    for place in 0..NODES {
        servers.push(server(program, folder, place, (client, peer))?);
    }
    let addresses: Vec<String> = client.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let check = || servers.iter_mut().try_for_each(Server::check_running);
    start::until("all members take transactions", check, async || {
        let taken = addresses
            .iter()
            .map(async |address| Member::open(address).await?.transact(Transaction::default()).await);
        Ok(try_join_all(taken).await?.iter().all(|outcome| matches!(outcome, Outcome::Done(_))))
    })
    .await?;
    let clients = connect(setup, &addresses).await?;
    Ok(Opened { servers, clients, observer: Some(Box::new(Metrics(addresses))) })
}

fn server(
    program: &Path,
    folder: &Path,
    place: usize,
    (client, peer): (&[u16], &[u16]),
) -> anyhow::Result<Server> {
    let name = |place: usize| format!("etcd-{}", place + 1);
    let home = start::home(folder, &name(place), None)?;
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let members: Vec<String> =
        peer.iter().enumerate().map(|(place, port)| format!("{}={}", name(place), url(*port))).collect();
    let mut command = start::tied(program, "KILL", None);
    command.arg("--name").arg(name(place)).arg("--data-dir").arg(home.join("data"));
    for option in ["--listen-client-urls", "--advertise-client-urls"] {
        command.arg(option).arg(url(client[place]));
    }
    for option in ["--listen-peer-urls", "--initial-advertise-peer-urls"] {
        command.arg(option).arg(url(peer[place]));
    }
    command.arg("--initial-cluster").arg(members.join(",")).args(["--initial-cluster-state", "new"]);
    command.arg("--max-txn-ops").arg(OPERATIONS_MAX.to_string());
    command.args(["--auto-compaction-mode", "revision", "--auto-compaction-retention", "10000"]);
    command.args(["--logger", "zap", "--log-level", "warn"]);
    Server::start(name(place), command, &home, End::Kill)
}

async fn connect(setup: &Setup, addresses: &[String]) -> anyhow::Result<Clients> {
    let member = async |place: usize| Member::open(&addresses[place % NODES]).await;
    let mut clients = Clients::default();
    let (dispatcher, watches) = Dispatcher::elect(setup, member(0).await?).await?;
    for gateway in 0..setup.gateways + setup.gateways_of_tier_0 {
        clients.gates.push(Box::new(Enqueue(member(gateway).await?)));
    }
    for desk in 0..DESKS {
        let listen = Listen(member(desk).await?.watch(&format!("{HAND}{desk}/"), dispatcher.since).await?);
        let complete = Complete(member(desk).await?);
        clients.desks.push(Desk { taker: Box::new(listen), closer: Box::new(complete) });
    }
    clients.agents =
        watches.into_iter().map(|watch| Agent::new("a watch of the dispatcher", watch)).collect();
    clients.agents.push(Agent::new("the dispatcher", dispatcher.work()));
    Ok(clients)
}

impl Dispatcher {
    /// Becomes the dispatcher; it hears of all changes from that moment on by what follows them for it.
    async fn elect(
        setup: &Setup,
        member: Member,
    ) -> anyhow::Result<(Dispatcher, Vec<BoxFuture<'static, anyhow::Result<()>>>)> {
        let election = Transaction {
            compare: vec![Compare::created(DISPATCHER.as_bytes(), 0)],
            success: vec![Operation::put(DISPATCHER.into(), Vec::new())],
        };
        let Outcome::Done(since) = member.transact(election).await? else {
            bail!("somebody else is the dispatcher");
        };
        let (tell, changes) = mpsc::channel(CHANGES_MAX);
        let mut watches: Vec<BoxFuture<'static, anyhow::Result<()>>> = Vec::new();
        for prefix in [WAITING, HAND] {
            let (mut watch, tell) = (member.watch(prefix, since).await?, tell.clone());
            watches.push(Box::pin(async move {
                loop {
                    tell.send(watch.next().await?).await.context("the dispatcher has ended")?;
                }
            }));
        }
        let room = (0..setup.capacity).flat_map(|_| 0..setup.operators as u32).collect();
        let (waiting, in_hand) = (BTreeMap::new(), BTreeMap::new());
        Ok((Dispatcher { member, since, changes, waiting, arrived: 0, room, in_hand }, watches))
    }

    async fn work(mut self) -> anyhow::Result<()> {
        let mut heard = Vec::new();
        while self.changes.recv_many(&mut heard, CHANGES_MAX).await > 0 {
            heard.drain(..).flatten().try_for_each(|event| self.note(&event))?;
            let count = BATCH_MAX.min(self.waiting.len()).min(self.room.len());
            if count > 0 {
                self.assign(count).await?;
            }
        }
        Ok(())
    }

    fn note(&mut self, event: &Event) -> anyhow::Result<()> {
        let key = event.kv.as_ref().map(|kv| String::from_utf8_lossy(&kv.key)).unwrap_or_default();
        let (path, contact) = contact_of(&key)?;
        match (path.strip_prefix(WAITING), event.is_put()) {
            (Some(tier), true) => {
                self.arrived += 1;
                self.waiting.insert((tier.parse().context("a tier")?, self.arrived), contact);
            }
            (None, false) => self.room.extend(self.in_hand.remove(&contact)),
            // What it has done itself.
            (Some(_), false) | (None, true) => {}
        }
        Ok(())
    }

    async fn assign(&mut self, count: usize) -> anyhow::Result<()> {
        let mut transaction = Transaction {
            compare: vec![Compare::created(DISPATCHER.as_bytes(), self.since)],
            success: Vec::new(),
        };
        for operator in self.room.drain(..count) {
            let Some(((tier, _), contact)) = self.waiting.pop_first() else { break };
            let (key, desk) = (contact.key(), operator as usize % DESKS);
            transaction.success.push(Operation::delete(format!("{WAITING}{tier}/{key}").into()));
            transaction
                .success
                .push(Operation::put(format!("{HAND}{desk}/{key}").into(), operator.to_string().into()));
            self.in_hand.insert(contact, operator);
        }
        match self.member.transact(transaction).await? {
            Outcome::Done(_) => Ok(()),
            Outcome::NotSo => bail!("it is not the dispatcher any more"),
            Outcome::TooMuch => bail!("the server does not take an assignment"),
        }
    }
}

impl Gate for Enqueue {
    fn enqueue<'a>(&'a mut self, contacts: &'a [Arrival]) -> BoxFuture<'a, anyhow::Result<Answer>> {
        Box::pin(async move {
            let put = |it: &Arrival| {
                Operation::put(format!("{WAITING}{}/{}", it.tier, it.contact.key()).into(), Vec::new())
            };
            let success = contacts.iter().map(put).collect();
            match self.0.transact(Transaction { compare: Vec::new(), success }).await? {
                Outcome::Done(_) => Ok(Answer::Accepted),
                Outcome::TooMuch => Ok(Answer::Refused(TOO_MUCH.to_owned())),
                Outcome::NotSo => bail!("nothing was compared, and yet not so"),
            }
        })
    }
}

impl Taker for Listen {
    fn take(&mut self) -> BoxFuture<'_, anyhow::Result<Vec<Offer>>> {
        Box::pin(async move {
            let events = self.0.next().await?;
            events.iter().filter(|event| event.is_put()).map(offer).collect()
        })
    }
}

impl Closer for Complete {
    fn complete<'a>(&'a mut self, offers: &'a [Offer]) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let key = |offer: &Offer| {
                format!("{HAND}{}/{}", offer.operator as usize % DESKS, offer.contact.key()).into_bytes()
            };
            let compare = offers.iter().map(|offer| Compare::created(&key(offer), offer.receipt)).collect();
            let success = offers.iter().map(|offer| Operation::delete(key(offer))).collect();
            match self.0.transact(Transaction { compare, success }).await? {
                Outcome::Done(_) => Ok(()),
                Outcome::NotSo => bail!("an operator does not have a contact that was offered"),
                Outcome::TooMuch => bail!("the server does not take a completion"),
            }
        })
    }
}

fn offer(event: &Event) -> anyhow::Result<Offer> {
    let kv = event.kv.as_ref().context("a change of no key")?;
    let (_, contact) = contact_of(&String::from_utf8_lossy(&kv.key))?;
    let operator = String::from_utf8_lossy(&kv.value).parse().context("an operator")?;
    Ok(Offer { contact, operator, receipt: kv.create_revision })
}

/// What stands before the last slash of a key, and the contact behind it.
fn contact_of(key: &str) -> anyhow::Result<(&str, ContactNumber)> {
    let (path, contact) = key.rsplit_once('/').with_context(|| format!("a key {key}"))?;
    Ok((path, ContactNumber::of_key(contact).with_context(|| format!("a key {key}"))?))
}

impl Observer for Metrics {
    fn observe(&self) -> BoxFuture<'_, anyhow::Result<Vec<Observed>>> {
        Box::pin(async move {
            let pages = join_all(self.0.iter().map(|address| http(address, "/metrics"))).await;
            pages.into_iter().map(|page| Ok(observed(&page?))).collect()
        })
    }
}

fn observed(page: &str) -> Observed {
    let value = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|text| text.trim().parse::<f64>().ok())
    };
    let count = value("etcd_disk_wal_fsync_duration_seconds_count");
    let total_s = value("etcd_disk_wal_fsync_duration_seconds_sum");
    let syncs =
        count.map(|count| Syncs { count: count as u64, ns: total_s.map(|total| (total * 1e9) as u64) });
    Observed { is_leader: value("etcd_server_is_leader") == Some(1.0), syncs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_tier_or_desk_and_the_contact() {
        let contact = ContactNumber { step: 2, number: 17 };
        assert_eq!(contact_of("waiting/3/s2-17").expect("it is one"), ("waiting/3", contact));
        assert!(contact_of("dispatcher").is_err() && contact_of("waiting/3/else").is_err());
    }

    #[test]
    fn syncs_and_leadership_are_read_from_a_page_of_metrics() {
        let page = "# HELP etcd_disk_wal_fsync_duration_seconds x\n\
                    etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"} 5\n\
                    etcd_disk_wal_fsync_duration_seconds_sum 0.25\n\
                    etcd_disk_wal_fsync_duration_seconds_count 120\n\
                    etcd_server_is_leader 1\n";
        let Observed { is_leader, syncs } = observed(page);
        let syncs = syncs.expect("they are counted");
        assert_eq!((is_leader, syncs.count, syncs.ns), (true, 120, Some(250_000_000)));
        assert!(!observed("").is_leader && observed("").syncs.is_none());
    }
}
