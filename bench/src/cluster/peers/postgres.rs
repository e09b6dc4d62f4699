//! PostgreSQL: a primary and two standbys, a commit answered when it is on the primary's disk and on one standby's.
//!
//! Waiting contacts are rows that no operator has, found by a partial index on tier and order of arrival. Gateways
//! insert what has gathered as one statement and wake one desk after the commit: a notification inside the transaction
//! would make all commits wait for each other. A desk takes as many contacts as its operators have room for with
//! `FOR UPDATE SKIP LOCKED`, so that desks do not wait for each other, and deletes what is completed; while nothing
//! waits it sleeps until it is woken.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Statement};

use super::super::book::Answer;
use super::super::figures::Setup;
use super::super::port::Arrival;
use super::super::port::ContactNumber;
use super::super::system::Syncs;
use super::clients::{BATCH_MAX, Clients, Closer, Desk, Gate, Offer, Slots, Taker};
use super::start::{self, Account};
use super::{DESKS, Observed, Observer, Opened};
use crate::nodes::NODES;
use crate::servers::{End, Server};
use crate::task::Owned;

const USER: &str = "bench";
/// A desk that was not woken looks all the same: a notification may be lost with its sender.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What all servers are told beyond the defaults.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 60
shared_buffers = 256MB
wal_buffers = 16MB
max_wal_size = 4GB
synchronous_commit = on
synchronous_standby_names = 'ANY 1 (standby_1, standby_2)'
autovacuum_naptime = 5s
jit = off
";

/// Rows live for milliseconds: room on their page for the update, and a vacuum that counts rows and not shares. The
/// planner knows nothing of so short-lived a table, so sessions are told that its indexes are the way.
const SCHEMA: &str = "
CREATE TABLE contact (
  key text PRIMARY KEY,
  tier smallint NOT NULL,
  arrived bigint GENERATED ALWAYS AS IDENTITY,
  operator integer
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000);
CREATE INDEX waiting ON contact (tier, arrived) WHERE operator IS NULL;
";
const SESSION: &str = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off \
    -c enable_hashjoin=off -c enable_mergejoin=off";

const ENQUEUE: &str = "INSERT INTO contact (key, tier) SELECT * FROM unnest($1::text[], $2::smallint[])";
const TAKE: &str = "
WITH next AS MATERIALIZED (
  SELECT key FROM contact WHERE operator IS NULL ORDER BY tier, arrived
  LIMIT cardinality($1::integer[]) FOR UPDATE SKIP LOCKED
), placed AS MATERIALIZED (SELECT key, row_number() OVER () AS place FROM next)
UPDATE contact SET operator = ($1::integer[])[placed.place] FROM placed WHERE contact.key = placed.key
RETURNING contact.key, contact.operator";
const COMPLETE: &str = "
DELETE FROM contact USING unnest($1::text[], $2::integer[]) AS done (key, operator)
WHERE contact.key = done.key AND contact.operator = done.operator";

struct Enqueue {
    session: Session,
    insert: Statement,
    /// Desks are woken in turn.
    next_desk: usize,
}

struct Take {
    session: Session,
    take: Statement,
    slots: Slots,
    /// The connection that hears notifications, and what it has heard.
    _listener: Session,
    woken: Arc<Notify>,
}

struct Complete {
    session: Session,
    complete: Statement,
    slots: Slots,
}

/// A connection to the primary.
struct Session {
    client: Client,
    _connection: Owned,
}

/// Syncs of the primary's log; a standby of this version does not count those of what it receives.
struct WalSyncs(Session);

/// Folder of the programs of the newest version that is installed.
pub(super) fn programs() -> Option<PathBuf> {
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = fs::read_dir("/usr/lib/postgresql").ok()?;
    let versions =
        folders.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| version(path).is_some());
    let programs = versions.max_by_key(version)?.join("bin");
    ["initdb", "postgres", "pg_basebackup"]
        .iter()
        .all(|name| programs.join(name).is_file())
        .then_some(programs)
}

/// Starts the servers and connects everybody.
pub(super) async fn open(setup: &Setup, programs: &Path, folder: &Path) -> anyhow::Result<Opened> {
    let account = Account::instead_of_root(&["postgres", "nobody"])?;
    let ports = start::ports::<NODES>()?;
    let mut servers = vec![primary(programs, folder, ports[0], account)?];
    let config = config(ports[0]);
    let accepts = async || Ok(Session::open(&config, None).await.is_ok());
    start::until("the primary accepts", || servers.iter_mut().try_for_each(Server::check_running), accepts)
        .await?;
    for (place, port) in ports.iter().enumerate().skip(1) {
        servers.push(standby(programs, folder, (place, *port), ports[0], account)?);
    }
    let session = Session::open(&config, None).await?;
    let follows = async || {
        let following = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
        let count: i64 = session.client.query_one(following, &[]).await?.get(0);
        Ok(count == NODES as i64 - 1)
    };
    let check = || servers.iter_mut().try_for_each(Server::check_running);
    start::until("both standbys follow", check, follows).await?;
    session.client.batch_execute(SCHEMA).await.context("making the table")?;
    let clients = connect(setup, &config).await?;
    Ok(Opened { servers, clients, observer: Some(Box::new(WalSyncs(session))) })
}

fn primary(programs: &Path, folder: &Path, port: u16, account: Option<Account>) -> anyhow::Result<Server> {
    let home = start::home(folder, "postgres-1", account)?;
    let mut init = start::tied(&programs.join("initdb"), "KILL", account);
    init.arg("--pgdata").arg(home.join("data")).args(["--username", USER, "--auth", "trust", "--no-sync"]);
    init.args(["--encoding", "UTF8", "--locale", "C"]);
    start::output(init)?;
    let mut settings = OpenOptions::new().append(true).open(home.join("data/postgresql.conf"))?;
    settings.write_all(SETTINGS.as_bytes()).context("writing postgresql.conf")?;
    serve(programs, &home, (1, port), account, &[])
}

fn standby(
    programs: &Path,
    folder: &Path,
    (place, port): (usize, u16),
    primary: u16,
    account: Option<Account>,
) -> anyhow::Result<Server> {
    let home = start::home(folder, &format!("postgres-{}", place + 1), account)?;
    let mut copy = start::tied(&programs.join("pg_basebackup"), "KILL", account);
    copy.arg("--pgdata").arg(home.join("data")).args([
        "--host",
        "127.0.0.1",
        "--username",
        USER,
        "--no-sync",
    ]);
    copy.args(["--checkpoint", "fast", "--wal-method", "stream", "--port"]).arg(primary.to_string());
    start::output(copy)?;
    fs::write(home.join("data/standby.signal"), "").context("writing standby.signal")?;
    let source = format!(
        "primary_conninfo=host=127.0.0.1 port={primary} user={USER} application_name=standby_{place}"
    );
    serve(programs, &home, (place + 1, port), account, &["-c", &source])
}

fn serve(
    programs: &Path,
    home: &Path,
    (number, port): (usize, u16),
    account: Option<Account>,
    more: &[&str],
) -> anyhow::Result<Server> {
    // By this signal it ends its processes at once and leaves no shared memory behind.
    let mut command = start::tied(&programs.join("postgres"), "QUIT", account);
    command.arg("-D").arg(home.join("data")).arg("-p").arg(port.to_string()).args(more);
    Server::start(format!("postgres {number}"), command, home, End::Ask("QUIT"))
}

fn config(port: u16) -> Config {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).user(USER).dbname("postgres").options(SESSION);
    config
}

async fn connect(setup: &Setup, config: &Config) -> anyhow::Result<Clients> {
    let mut clients = Clients::default();
    for gateway in 0..setup.gateways + setup.gateways_of_tier_0 {
        let session = Session::open(config, None).await?;
        let insert = session.client.prepare(ENQUEUE).await?;
        clients.gates.push(Box::new(Enqueue { session, insert, next_desk: gateway % DESKS }));
    }
    for desk in 0..DESKS {
        let operators = (0..setup.operators as u32).skip(desk).step_by(DESKS);
        let slots = Slots::of(operators, setup.capacity);
        let (session, woken) = (Session::open(config, None).await?, Arc::<Notify>::default());
        let listener = Session::open(config, Some(woken.clone())).await?;
        listener.client.batch_execute(&format!("LISTEN desk_{desk}")).await?;
        let take = session.client.prepare(TAKE).await?;
        let taker = Take { session, take, slots: slots.clone(), _listener: listener, woken };
        let session = Session::open(config, None).await?;
        let complete = session.client.prepare(COMPLETE).await?;
        let closer = Complete { session, complete, slots };
        clients.desks.push(Desk { taker: Box::new(taker), closer: Box::new(closer) });
    }
    Ok(clients)
}

impl Session {
    /// Connects; notifications wake whoever waits for them.
    async fn open(config: &Config, woken: Option<Arc<Notify>>) -> anyhow::Result<Session> {
        let (client, mut connection) = config.connect(NoTls).await?;
        let carry = async move {
            // Requests under way fail when the connection does, and say why.
            while let Some(Ok(message)) = futures::future::poll_fn(|task| connection.poll_message(task)).await
            {
                if let (AsyncMessage::Notification(_), Some(woken)) = (message, &woken) {
                    woken.notify_one();
                }
            }
        };
        Ok(Session { client, _connection: Owned::start(carry) })
    }
}

impl Gate for Enqueue {
    fn enqueue<'a>(&'a mut self, contacts: &'a [Arrival]) -> BoxFuture<'a, anyhow::Result<Answer>> {
        Box::pin(async move {
            let keys: Vec<String> = contacts.iter().map(|arrival| arrival.contact.key()).collect();
            let tiers: Vec<i16> = contacts.iter().map(|arrival| arrival.tier as i16).collect();
            let wake = format!("NOTIFY desk_{}", self.next_desk);
            self.next_desk = (self.next_desk + 1) % DESKS;
            // Both are sent at once; the second is a transaction of its own after the first has committed.
            let columns: [&(dyn ToSql + Sync); 2] = [&keys, &tiers];
            let insert = self.session.client.execute(&self.insert, &columns);
            let (inserted, woken) = futures::join!(insert, self.session.client.batch_execute(&wake));
            woken?;
            ensure!(inserted? == contacts.len() as u64, "not all contacts were inserted");
            Ok(Answer::Accepted)
        })
    }
}

impl Taker for Take {
    fn take(&mut self) -> BoxFuture<'_, anyhow::Result<Vec<Offer>>> {
        Box::pin(async move {
            loop {
                let operators: Vec<i32> =
                    self.slots.take(BATCH_MAX).await.into_iter().map(|operator| operator as i32).collect();
                let rows = self.session.client.query(&self.take, &[&operators]).await?;
                // The statement has filled places from the first one on.
                self.slots.give_back_first(operators[rows.len()..].iter().map(|operator| *operator as u32));
                if !rows.is_empty() {
                    return rows.iter().map(offer).collect();
                }
                // Woken or not, it looks again.
                let _woken = tokio::time::timeout(LOOK_EVERY, self.woken.notified()).await;
            }
        })
    }
}

impl Closer for Complete {
    fn complete<'a>(&'a mut self, offers: &'a [Offer]) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let keys: Vec<String> = offers.iter().map(|offer| offer.contact.key()).collect();
            let operators: Vec<i32> = offers.iter().map(|offer| offer.operator as i32).collect();
            let deleted = self.session.client.execute(&self.complete, &[&keys, &operators]).await?;
            ensure!(deleted == offers.len() as u64, "{deleted} of {} contacts were in hand", offers.len());
            self.slots.give_back(offers.iter().map(|offer| offer.operator));
            Ok(())
        })
    }
}

fn offer(row: &tokio_postgres::Row) -> anyhow::Result<Offer> {
    let (key, operator): (&str, i32) = (row.try_get(0)?, row.try_get(1)?);
    let contact =
        ContactNumber::of_key(key).with_context(|| format!("a contact {key} that nobody enqueued"))?;
    Ok(Offer { contact, operator: operator as u32, receipt: 0 })
}

impl Observer for WalSyncs {
    fn observe(&self) -> BoxFuture<'_, anyhow::Result<Vec<Observed>>> {
        Box::pin(async move {
            let count: i64 = self.0.client.query_one("SELECT wal_sync FROM pg_stat_wal", &[]).await?.get(0);
            let syncs = u64::try_from(count).ok().map(|count| Syncs { count, ns: None });
            let standby = Observed { is_leader: false, syncs: None };
            Ok(vec![Observed { is_leader: true, syncs }, standby, standby])
        })
    }
}
