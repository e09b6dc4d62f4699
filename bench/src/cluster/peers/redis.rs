//! Redis: a primary and two replicas, every write in the append-only file before it is answered.
//!
//! Waiting contacts are a sorted set by tier and order of arrival, room of operators is a list, contacts in hand are a
//! hash. One script enqueues, another completes; both then give waiting contacts to operators with room, so that the
//! assignment is one atomic step with what makes it possible, as it is in our log. Each desk pops its offers from a list
//! of its own and is blocked while there are none: nobody polls.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use futures::future::BoxFuture;

use super::super::book::Answer;
use super::super::figures::Setup;
use super::super::port::Arrival;
use super::super::port::ContactNumber;
use super::clients::{BATCH_MAX, Clients, Closer, Desk, Gate, Offer, Taker};
use super::resp::{Connection, Value};
use super::start;
use super::{DESKS, Opened};
use crate::nodes::NODES;
use crate::servers::{End, Server};

/// How long a replica may take to confirm, ms.
const CONFIRM_MS: &str = "5000";
/// So many operators at a time are given room when the centre is set up.
const CHUNK: usize = 1_000;

/// Gives waiting contacts to operators with room: the most urgent and oldest to who has had room longest.
const ASSIGN: &str = "
local function give(contacts, operators)
  local hands, desks = {}, {}
  for i, contact in ipairs(contacts) do
    local operator = operators[i]
    hands[#hands + 1] = contact
    hands[#hands + 1] = operator
    local desk = 'desk:' .. (operator % DESKS)
    desks[desk] = desks[desk] or {}
    table.insert(desks[desk], contact .. ' ' .. operator)
  end
  redis.call('HSET', 'hands', unpack(hands))
  for _, desk in ipairs(NAMES) do
    if desks[desk] then redis.call('RPUSH', desk, unpack(desks[desk])) end
  end
end
local function assign()
  local count = math.min(redis.call('ZCARD', 'waiting'), redis.call('LLEN', 'room'), 256)
  if count == 0 then return end
  local operators, popped, contacts = redis.call('LPOP', 'room', count), redis.call('ZPOPMIN', 'waiting', count), {}
  for i = 1, #popped, 2 do contacts[#contacts + 1] = popped[i] end
  give(contacts, operators)
end
";

/// Contacts and their tiers, in turn. They go to operators at once when nobody waits and all of them find room.
const ENQUEUE: &str = "
local count = #ARGV / 2
if redis.call('ZCARD', 'waiting') == 0 and redis.call('LLEN', 'room') >= count then
  local contacts = {}
  for i = 1, #ARGV, 2 do contacts[#contacts + 1] = ARGV[i] end
  give(contacts, redis.call('LPOP', 'room', count))
  return count
end
local last, members = redis.call('INCRBY', 'order', count), {}
for i = 1, count do
  members[#members + 1] = string.format('%.0f', ARGV[2 * i] * 2 ^ 44 + last - count + i)
  members[#members + 1] = ARGV[2 * i - 1]
end
redis.call('ZADD', 'waiting', unpack(members))
assign()
return count
";

/// Contacts and the operators who have them, in turn.
const COMPLETE: &str = "
local contacts, operators = {}, {}
for i = 1, #ARGV, 2 do
  if redis.call('HGET', 'hands', ARGV[i]) ~= ARGV[i + 1] then
    return redis.error_reply('ERR operator ' .. ARGV[i + 1] .. ' does not have contact ' .. ARGV[i])
  end
  contacts[#contacts + 1] = ARGV[i]
  operators[#operators + 1] = ARGV[i + 1]
end
redis.call('HDEL', 'hands', unpack(contacts))
redis.call('RPUSH', 'room', unpack(operators))
assign()
return #contacts
";

struct Enqueue {
    connection: Connection,
    script: String,
}

struct Pop {
    connection: Connection,
    desk: String,
}

struct Complete {
    connection: Connection,
    script: String,
}

/// Starts the servers and connects everybody.
pub(super) async fn open(setup: &Setup, program: &Path, folder: &Path) -> anyhow::Result<Opened> {
    let ports = start::ports::<NODES>()?;
    let mut servers = Vec::new();
    for (place, port) in ports.iter().enumerate() {
        servers.push(server(program, folder, (place, *port), ports[0])?);
    }
    let address = format!("127.0.0.1:{}", ports[0]);
    let check = || servers.iter_mut().try_for_each(Server::check_running);
    start::until("both replicas follow", check, async || {
        let mut primary = Connection::open(&address).await?;
        let Value::Text(words) = primary.call(&["INFO", "replication"]).await? else { return Ok(false) };
        Ok(words.matches("state=online").count() == NODES - 1)
    })
    .await?;
    let clients = connect(setup, &address).await?;
    Ok(Opened { servers, clients, observer: None })
}

fn server(
    program: &Path,
    folder: &Path,
    (place, port): (usize, u16),
    primary: u16,
) -> anyhow::Result<Server> {
    let home = start::home(folder, &format!("redis-{}", place + 1), None)?;
    let mut command = start::tied(program, "KILL", None);
    command.arg("--dir").arg(&home).arg("--port").arg(port.to_string());
    command.args(["--bind", "127.0.0.1", "--daemonize", "no", "--save", ""]);
    command.args(["--appendonly", "yes", "--appendfsync", "always"]);
    command.args(["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]);
    command.args(["--min-replicas-to-write", if place == 0 { "1" } else { "0" }]);
    if place > 0 {
        command.args(["--replicaof", "127.0.0.1"]).arg(primary.to_string());
    }
    Server::start(format!("redis {}", place + 1), command, &home, End::Kill)
}

async fn connect(setup: &Setup, address: &str) -> anyhow::Result<Clients> {
    let mut primary = Connection::open(address).await?;
    let desks: Vec<String> = (0..DESKS).map(|desk| format!("'desk:{desk}'")).collect();
    let assign =
        ASSIGN.replace("DESKS", &DESKS.to_string()).replace("NAMES", &format!("{{{}}}", desks.join(",")));
    let mut scripts = Vec::new();
    for script in [ENQUEUE, COMPLETE] {
        let Value::Text(digest) = primary.call(&["SCRIPT", "LOAD", &format!("{assign}{script}")]).await?
        else {
            bail!("the server did not take a script");
        };
        scripts.push(digest);
    }
    let operators = (0..setup.capacity).flat_map(|_| 0..setup.operators).map(|operator| operator.to_string());
    for room in operators.collect::<Vec<_>>().chunks(CHUNK) {
        let words: Vec<&str> = ["RPUSH", "room"].into_iter().chain(room.iter().map(String::as_str)).collect();
        primary.call(&words).await?;
    }
    let mut clients = Clients::default();
    for _ in 0..setup.gateways + setup.gateways_of_tier_0 {
        let connection = Connection::open(address).await?;
        clients.gates.push(Box::new(Enqueue { connection, script: scripts[0].clone() }));
    }
    for desk in 0..DESKS {
        let pop = Pop { connection: Connection::open(address).await?, desk: format!("desk:{desk}") };
        let complete = Complete { connection: Connection::open(address).await?, script: scripts[1].clone() };
        clients.desks.push(Desk { taker: Box::new(pop), closer: Box::new(complete) });
    }
    Ok(clients)
}

impl Gate for Enqueue {
    fn enqueue<'a>(&'a mut self, contacts: &'a [Arrival]) -> BoxFuture<'a, anyhow::Result<Answer>> {
        Box::pin(async move {
            let words = contacts.iter().flat_map(|it| [it.contact.key(), it.tier.to_string()]);
            run(&mut self.connection, &self.script, words.collect()).await?;
            Ok(Answer::Accepted)
        })
    }
}

impl Taker for Pop {
    /// `WAIT` covers what its connection has written, and a pop that was blocked does not count as written by it: any
    /// command after it makes up for that.
    fn take(&mut self) -> BoxFuture<'_, anyhow::Result<Vec<Offer>>> {
        Box::pin(async move {
            let connection = &mut self.connection;
            let count = BATCH_MAX.to_string();
            connection.add(&["BLMPOP", "0", "1", &self.desk, "LEFT", "COUNT", &count]);
            connection.add(&["PING"]);
            connection.add(&["WAIT", "1", CONFIRM_MS]);
            connection.send().await?;
            let popped = connection.answer().await?;
            connection.answer().await?;
            confirmed(&connection.answer().await?)?;
            offers(popped).context("offers that nobody wrote")
        })
    }
}

impl Closer for Complete {
    fn complete<'a>(&'a mut self, offers: &'a [Offer]) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let words = offers.iter().flat_map(|offer| [offer.contact.key(), offer.operator.to_string()]);
            run(&mut self.connection, &self.script, words.collect()).await
        })
    }
}

/// Runs a script with pairs of words, and waits until a replica has it too.
async fn run(connection: &mut Connection, script: &str, words: Vec<String>) -> anyhow::Result<()> {
    let request: Vec<&str> =
        ["EVALSHA", script, "0"].into_iter().chain(words.iter().map(String::as_str)).collect();
    connection.add(&request);
    connection.add(&["WAIT", "1", CONFIRM_MS]);
    connection.send().await?;
    let done = connection.answer().await?;
    confirmed(&connection.answer().await?)?;
    ensure!(done == Value::Number(words.len() as i64 / 2), "{done:?} of {} were done", words.len() / 2);
    Ok(())
}

fn confirmed(answer: &Value) -> anyhow::Result<()> {
    let Value::Number(1..) = answer else {
        bail!("no replica has confirmed within {CONFIRM_MS} ms");
    };
    Ok(())
}

fn offers(popped: Value) -> Option<Vec<Offer>> {
    let Value::List(mut parts) = popped else { return None };
    let Some(Value::List(texts)) = parts.pop() else { return None };
    texts.into_iter().map(offer).collect()
}

fn offer(text: Value) -> Option<Offer> {
    let Value::Text(text) = text else { return None };
    let (key, operator) = text.split_once(' ')?;
    Some(Offer { contact: ContactNumber::of_key(key)?, operator: operator.parse().ok()?, receipt: 0 })
}
