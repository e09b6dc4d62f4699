//! NATS with JetStream: three servers, a stream and a consumer with three replicas each.
//!
//! Contacts are messages of a work queue, taken out when they are acknowledged. Desks keep a request for the next ones
//! open, so that nobody polls. There are no priorities, and the assignment is the delivery; whoever of a desk's
//! operators has had room longest gets the contact.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, ensure};
use futures::future::BoxFuture;
use serde_json::json;

use super::super::book::Answer;
use super::super::figures::Setup;
use super::super::port::Arrival;
use super::super::port::ContactNumber;
use super::clients::{BATCH_MAX, Clients, Closer, Desk, Gate, Offer, Slots, Taker};
use super::nats_wire::{Connection, Message};
use super::{DESKS, Opened, start};
use crate::nodes::NODES;
use crate::servers::{End, Server};

const STREAM: &str = "contacts";
const CONSUMER: &str = "operators";
const SUBJECT: &str = "contact";
/// How long a request for contacts stays open, ns.
const OPEN_NS: u64 = 30_000_000_000;
/// How long an operator may have a contact before somebody else gets it, ns.
const ACKNOWLEDGE_NS: u64 = 120_000_000_000;

struct Publish {
    connection: Connection,
    inbox: String,
}

struct Pull {
    connection: Connection,
    inbox: String,
    slots: Slots,
    receipts: Receipts,
    /// Contacts that may come for the request that is open.
    open: usize,
}

struct Acknowledge {
    connection: Connection,
    inbox: String,
    slots: Slots,
    receipts: Receipts,
}

/// Where each contact in hand is acknowledged.
#[derive(Clone, Default)]
struct Receipts(Arc<Mutex<BTreeMap<ContactNumber, String>>>);

/// Starts the servers and connects everybody.
pub(super) async fn open(setup: &Setup, program: &Path, folder: &Path) -> anyhow::Result<Opened> {
    let ports = start::ports::<{ 2 * NODES }>()?;
    let (client, peer) = ports.split_at(NODES);
    let mut servers = Vec::new();
    for place in 0..NODES {
        servers.push(server(program, folder, place, (client, peer))?);
    }
    let addresses: Vec<String> = client.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let check = || servers.iter_mut().try_for_each(Server::check_running);
    start::until("the stream is there", check, async || furnish(setup, &addresses[0]).await.map(|()| true))
        .await?;
    let clients = connect(setup, &addresses).await?;
    Ok(Opened { servers, clients, observer: None })
}

fn server(
    program: &Path,
    folder: &Path,
    place: usize,
    (client, peer): (&[u16], &[u16]),
) -> anyhow::Result<Server> {
    let name = format!("nats-{}", place + 1);
    let home = start::home(folder, &name, None)?;
    let routes: Vec<String> = peer.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
    let config = format!(
        "server_name: {name}\nlisten: \"127.0.0.1:{}\"\njetstream {{ store_dir: {:?} }}\n\
         cluster {{ name: bench, listen: \"127.0.0.1:{}\", routes: [{}] }}\n",
        client[place],
        home.join("data"),
        peer[place],
        routes.join(", ")
    );
    let file = home.join("nats.conf");
    std::fs::write(&file, config).context("writing nats.conf")?;
    let mut command = start::tied(program, "KILL", None);
    command.arg("--config").arg(&file);
    Server::start(name, command, &home, End::Kill)
}

/// Makes stream and consumer, as soon as the servers have found each other.
async fn furnish(setup: &Setup, address: &str) -> anyhow::Result<()> {
    let inbox = "inbox.furnish";
    let mut connection = Connection::open(address, inbox).await?;
    let stream = json!({
        "name": STREAM, "subjects": [SUBJECT], "retention": "workqueue", "storage": "file", "num_replicas": NODES,
    });
    connection.ask(&format!("$JS.API.STREAM.CREATE.{STREAM}"), inbox, &stream.to_string()).await?;
    let consumer = json!({
        "stream_name": STREAM,
        "config": {
            "durable_name": CONSUMER, "ack_policy": "explicit", "ack_wait": ACKNOWLEDGE_NS, "num_replicas": NODES,
            "max_ack_pending": setup.operators * setup.capacity as usize,
        },
    });
    let subject = format!("$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.{CONSUMER}");
    connection.ask(&subject, inbox, &consumer.to_string()).await?;
    Ok(())
}

async fn connect(setup: &Setup, addresses: &[String]) -> anyhow::Result<Clients> {
    let mut clients = Clients::default();
    let open = async |place: usize, inbox: &str| Connection::open(&addresses[place % NODES], inbox).await;
    for gateway in 0..setup.gateways + setup.gateways_of_tier_0 {
        let inbox = format!("inbox.gateway{gateway}");
        let connection = open(gateway, &inbox).await?;
        clients.gates.push(Box::new(Publish { connection, inbox }));
    }
    for desk in 0..DESKS {
        let operators = (0..setup.operators as u32).skip(desk).step_by(DESKS);
        let (slots, receipts) = (Slots::of(operators, setup.capacity), Receipts::default());
        let inbox = format!("inbox.pull{desk}");
        let connection = open(desk, &inbox).await?;
        let pull = Pull { connection, inbox, slots: slots.clone(), receipts: receipts.clone(), open: 0 };
        let inbox = format!("inbox.done{desk}");
        let connection = open(desk, &inbox).await?;
        let acknowledge = Acknowledge { connection, inbox, slots, receipts };
        clients.desks.push(Desk { taker: Box::new(pull), closer: Box::new(acknowledge) });
    }
    Ok(clients)
}

impl Gate for Publish {
    fn enqueue<'a>(&'a mut self, contacts: &'a [Arrival]) -> BoxFuture<'a, anyhow::Result<Answer>> {
        Box::pin(async move {
            let reply = format!("{}.answer", self.inbox);
            contacts.iter().for_each(|it| self.connection.add(SUBJECT, &reply, &it.contact.key()));
            self.connection.send().await?;
            for _ in contacts {
                let answer = self.connection.next().await?;
                let is_kept = !answer.is_status && answer.text.contains("\"seq\"");
                ensure!(is_kept, "a contact was not kept: {}", answer.text);
            }
            Ok(Answer::Accepted)
        })
    }
}

impl Taker for Pull {
    fn take(&mut self) -> BoxFuture<'_, anyhow::Result<Vec<Offer>>> {
        Box::pin(async move {
            loop {
                if self.open == 0 {
                    self.request().await?;
                }
                let mut next = Some(self.connection.next().await?);
                let mut messages = Vec::new();
                while let Some(message) = next {
                    // The request is over, whether by time or because a leader has changed.
                    if message.is_status {
                        self.open = 0;
                    } else {
                        self.open = self.open.saturating_sub(1);
                        messages.push(message);
                    }
                    next = self.connection.next_at_hand();
                }
                if !messages.is_empty() {
                    return self.hand_out(messages).await;
                }
            }
        })
    }
}

impl Pull {
    async fn request(&mut self) -> anyhow::Result<()> {
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}");
        let request = json!({ "batch": BATCH_MAX, "expires": OPEN_NS }).to_string();
        self.connection.add(&subject, &format!("{}.next", self.inbox), &request);
        self.open = BATCH_MAX;
        self.connection.send().await
    }

    async fn hand_out(&self, messages: Vec<Message>) -> anyhow::Result<Vec<Offer>> {
        let mut offers = Vec::new();
        for message in messages {
            let contact = ContactNumber::of_key(&message.text)
                .with_context(|| format!("a contact {} that nobody enqueued", message.text))?;
            let operator = *self.slots.take(1).await.first().context("somebody with room")?;
            self.receipts.all().insert(contact, message.reply);
            offers.push(Offer { contact, operator, receipt: 0 });
        }
        Ok(offers)
    }
}

impl Closer for Acknowledge {
    /// Waits until the servers have taken note: an acknowledgement alone may be lost.
    fn complete<'a>(&'a mut self, offers: &'a [Offer]) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let reply = format!("{}.answer", self.inbox);
            for offer in offers {
                let receipt = self.receipts.all().remove(&offer.contact).context("a contact in hand")?;
                self.connection.add(&receipt, &reply, "+ACK");
            }
            self.connection.send().await?;
            for _ in offers {
                let answer = self.connection.next().await?;
                ensure!(!answer.is_status, "a completion was not noted: {}", answer.text);
            }
            self.slots.give_back(offers.iter().map(|offer| offer.operator));
            Ok(())
        })
    }
}

impl Receipts {
    fn all(&self) -> MutexGuard<'_, BTreeMap<ContactNumber, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
