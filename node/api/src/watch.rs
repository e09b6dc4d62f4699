//! Events for those who watch: read from the history as far as it goes back, and from the feed as it goes on.

use std::sync::Arc;
use std::time::Duration;

use ringmain_actors::task::spawn_named;
use ringmain_protocol::v1::{self, Error};
use ringmain_replication::{FeedRead, Replica};
use ringmain_routing::{
    ContactId, Effect, LogIndex, Millis, OperatorId, Outcome, Position, QueueId, Router, Timestamp,
};
use ringmain_telemetry::codes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::convert::Life;
use crate::convert::event::contact_of;
use crate::convert::watched::for_watchers;
use crate::error;
use crate::shared::Shared;
use crate::validate::Problems;

/// Commands read at once.
const BATCH: usize = 512;
/// Commands looked at for one page.
const SCAN_MAX: usize = 20_000;
/// Events in one message.
const EVENTS_PER_MESSAGE_MAX: usize = 500;
/// A watcher that takes nothing for so long is given up.
const CLIENT_STUCK: Duration = Duration::from_secs(10);
/// A message at least so often, so that a watcher sees how old its view is.
const STAMP_EVERY: Duration = Duration::from_secs(1);

/// Which events are to be seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    queues: Vec<QueueId>,
    contact: Option<ContactId>,
    operator: Option<OperatorId>,
}

impl Filter {
    /// Reads a filter; names must exist.
    pub(crate) fn read(filter: Option<v1::EventFilter>, router: &Router) -> Result<Filter, Error> {
        let filter = filter.unwrap_or_default();
        let mut problems = Problems::default();
        let mut queues = Vec::new();
        for (place, name) in filter.queues.iter().enumerate() {
            match router.plan().queues.iter().position(|queue| *queue.name == **name) {
                Some(id) => queues.push(QueueId(id as u32)),
                None => problems.add(&format!("filter.queues[{place}]"), "the plan has no such queue"),
            }
        }
        let contact =
            (!filter.contact.is_empty()).then(|| problems.contact("filter.contact", &filter.contact));
        let operator = (!filter.operator_login.is_empty()).then(|| {
            let role = ringmain_routing::command::Role::Operator;
            match router.party(role, &filter.operator_login) {
                Some(ringmain_routing::Party::Operator(operator)) => Some(operator),
                Some(ringmain_routing::Party::Gateway(_)) | None => {
                    problems.add("filter.operator_login", "nobody is known by this login");
                    None
                }
            }
        });
        problems.into_result(Filter { queues, contact, operator: operator.flatten() })
    }

    fn lets_pass(&self, effect: &Effect, router: &Router) -> bool {
        let contact = contact_of(effect);
        let queue_fits = self.queues.is_empty()
            || contact
                .and_then(|id| router.brief(id))
                .is_some_and(|brief| self.queues.contains(&brief.queue));
        let contact_fits = self.contact.is_none() || contact == self.contact;
        let operator_fits = self.operator.is_none() || operator_of(effect) == self.operator;
        queue_fits && contact_fits && operator_fits
    }
}

/// The operator that an effect is about, whoever it is told to.
fn operator_of(effect: &Effect) -> Option<OperatorId> {
    match *effect {
        Effect::AnnounceAssigned { operator, .. } => Some(operator),
        Effect::AnnounceQueued { .. }
        | Effect::RingOperator { .. }
        | Effect::ConnectContact { .. }
        | Effect::WithdrawAssignment { .. }
        | Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::AnnounceEnded { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::NotifyThread { .. }
        | Effect::ParkContact { .. }
        | Effect::HoldContact { .. }
        | Effect::AnnounceStage { .. }
        | Effect::WarnCase { .. }
        | Effect::EscalateCase { .. }
        | Effect::AnnounceCaseClosed { .. }
        | Effect::NotifyWatcher { .. }
        | Effect::InviteCompanion { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::AnnounceConsult { .. }
        | Effect::JoinConsult { .. }
        | Effect::AnnounceExpectedWait { .. }
        | Effect::AnnounceMoved { .. }
        | Effect::EndStream { .. } => effect.operator(),
    }
}

/// The effects of one command.
struct Told {
    index: LogIndex,
    at: Timestamp,
    effects: Vec<Effect>,
}

/// The commands after `after`: from the feed, or from the history when they are no longer there.
async fn read(replica: &Replica, after: LogIndex) -> Result<Vec<Told>, Error> {
    if let FeedRead::Entries(entries) = replica.feed().since(after, BATCH) {
        let told = |applied: Arc<ringmain_replication::Applied>| Told {
            index: applied.index,
            at: applied.at,
            effects: applied.outcome.effects.clone(),
        };
        return Ok(entries.into_iter().map(told).collect());
    }
    let records = history(replica, after, BATCH).await?;
    records
        .into_iter()
        .map(|record| {
            let outcome = Outcome::decode(&record.outcome)
                .map_err(|_| error::of_code(&codes::FATAL, "a record of the history could not be read"))?;
            Ok(Told { index: record.log_index, at: record.at, effects: outcome.effects })
        })
        .collect()
}

/// Records of the history, read beside the runtime's own threads.
pub(crate) async fn history(
    replica: &Replica,
    after: LogIndex,
    max: usize,
) -> Result<Vec<ringmain_replication::HistoryRecord>, Error> {
    let replica = replica.clone();
    let read = tokio::task::spawn_blocking(move || replica.history(after, max)).await;
    match read {
        Ok(Ok(records)) => Ok(records),
        Ok(Err(gone @ ringmain_replication::HistoryError::Gone { .. })) => {
            Err(error::of_code(&codes::NOT_FOUND, gone.to_string()))
        }
        Ok(Err(absent @ ringmain_replication::HistoryError::SetAside { .. })) => {
            Err(error::come_back(&codes::UNAVAILABLE, absent.to_string(), Millis(1_000), ""))
        }
        Ok(Err(damaged)) => Err(error::of_code(&codes::FATAL, damaged.to_string())),
        Err(_) => Err(error::of_code(&codes::FATAL, "the history could not be read")),
    }
}

/// What was found of the events behind a position.
pub(crate) struct Page {
    pub(crate) events: Vec<v1::Event>,
    /// Everything up to here was looked at.
    pub(crate) reached: Position,
    /// Whether the end of what is applied was reached.
    pub(crate) at_end: bool,
}

/// Up to `max` events behind `after`, looking at a bounded number of commands.
pub(crate) async fn page(
    replica: &Replica,
    after: Position,
    filter: &Filter,
    max: usize,
    life: Life,
) -> Result<Page, Error> {
    let mut page = Page { events: Vec::new(), reached: after, at_end: false };
    let mut looked_at = 0;
    while page.events.len() < max && looked_at < SCAN_MAX {
        // The command of the position may have effects behind it.
        let told = read(replica, LogIndex(page.reached.index.0.saturating_sub(1))).await?;
        let fresh: Vec<Told> =
            told.into_iter().filter(|told| Position::end_of(told.index) > page.reached).collect();
        if fresh.is_empty() {
            page.at_end = true;
            break;
        }
        looked_at += fresh.len();
        replica.read(|router| take(&mut page, &fresh, filter, max, (router, life)));
    }
    Ok(page)
}

fn take(page: &mut Page, told: &[Told], filter: &Filter, max: usize, (router, life): (&Router, Life)) {
    for told in told {
        for (n, effect) in (0_u32..).zip(&told.effects) {
            let position = Position { index: told.index, n };
            if position <= page.reached {
                continue;
            }
            if filter.lets_pass(effect, router) {
                if page.events.len() == max {
                    return;
                }
                page.events.push(for_watchers(told.index, n, told.at, effect, router, life));
            }
            page.reached = position;
        }
        page.reached = Position::end_of(told.index);
    }
}

/// Starts a stream of events behind `after`.
pub(crate) fn watch(
    shared: Arc<Shared>,
    after: Position,
    filter: Filter,
    permit: OwnedSemaphorePermit,
) -> ReceiverStream<Result<v1::WatchEventsResponse, Status>> {
    let (sender, receiver) = mpsc::channel(4);
    spawn_named("watch-events", async move {
        follow(&shared, after, &filter, &sender).await;
        drop(permit);
    });
    ReceiverStream::new(receiver)
}

async fn follow(
    shared: &Shared,
    mut after: Position,
    filter: &Filter,
    sender: &mpsc::Sender<Result<v1::WatchEventsResponse, Status>>,
) {
    let mut feed = shared.replica.feed();
    loop {
        let response = match page(&shared.replica, after, filter, EVENTS_PER_MESSAGE_MAX, shared.life()).await
        {
            Ok(page) => page,
            Err(error) => {
                drop(sender.send(Err(error::status(&error))).await);
                return;
            }
        };
        after = response.reached;
        let message = v1::WatchEventsResponse {
            events: response.events,
            cursor: shared.life().cursor(after),
            stamp: Some(shared.stamp()),
        };
        let sent = tokio::time::timeout(CLIENT_STUCK, sender.send(Ok(message))).await;
        if !matches!(sent, Ok(Ok(()))) {
            return;
        }
        if response.at_end {
            tokio::select! {
                _ = feed.changed() => {}
                () = tokio::time::sleep(STAMP_EVERY) => {}
                () = sender.closed() => return,
            }
        }
    }
}

/// Room for one more watcher.
pub(crate) fn room(shared: &Shared) -> Result<OwnedSemaphorePermit, Error> {
    shared.admit_read()?;
    Arc::clone(&shared.watchers).try_acquire_owned().map_err(|_| {
        let message = "too many watch or export already; try again later";
        error::come_back(&codes::OVERLOADED, message, Millis(1_000), &shared.nodes.other_than_me())
    })
}
