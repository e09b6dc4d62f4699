//! The way of a node's commands to the leader, over one stream at a time.
//!
//! **Invariant:** a leader appends a node's commands in their order, those of one term only, none left out between
//! two that it appends. What a broken stream leaves in doubt is sent again within the term, and the leader drops
//! what it has; what a lost leader leaves in doubt is sent again only after an entry of the next term was applied
//! here, and the state machine drops what was applied before.

use std::sync::Arc;
use std::time::Duration;

use futures::SinkExt;
use futures::channel::mpsc;
use ringmain_protocol::v1;
use ringmain_routing::{Incarnation, NodeId};
use tonic::{Status, Streaming};

use crate::pending::Numbered;
use crate::proposer::Reign;
use crate::shared::{Leadership, Shared};
use crate::type_config::{COMMAND_BYTES_MAX, COMMANDS_PER_ENTRY_MAX, ENTRY_BYTES_TARGET};

/// Messages on their way to the leader's machine. What comes meanwhile goes in larger batches.
const STREAM_DEPTH: usize = 8;
/// Before a broken stream is opened anew.
const REOPEN_AFTER: Duration = Duration::from_millis(20);

/// Brings this node's open commands to whoever leads, for as long as the replica lives.
pub async fn deliver(shared: Arc<Shared>) {
    let mut leadership = shared.leadership.subscribe();
    let mut sent_in = 0;
    loop {
        let lead = *leadership.borrow_and_update();
        let Some(leader) = lead.leader else {
            if leadership.changed().await.is_err() {
                return;
            }
            continue;
        };
        tokio::select! {
            changed = leadership.changed() => if changed.is_err() { return },
            () = deliver_to(&shared, lead.term, leader, &mut sent_in) => tokio::time::sleep(REOPEN_AFTER).await,
        }
    }
}

async fn deliver_to(shared: &Shared, term: u64, leader: NodeId, sent_in: &mut u64) {
    if *sent_in < term && shared.pending.any_sent() {
        shared.applied_of_term(term).await;
    }
    shared.pending.rewind();
    *sent_in = term;
    if leader == shared.config.node {
        deliver_here(shared, term).await;
    } else {
        deliver_there(shared, term, leader).await;
    }
}

async fn deliver_here(shared: &Shared, term: u64) {
    let Some(reign) = reign_of(shared, term).await else {
        return;
    };
    let mut more = shared.pending.watch();
    loop {
        let batch = tokio::select! {
            batch = next_batch(shared, &mut more) => batch,
            () = reign.over() => return,
        };
        if reign.accept(shared.config.node, shared.pending.incarnation(), batch).await.is_err() {
            return;
        }
    }
}

async fn deliver_there(shared: &Shared, term: u64, leader: NodeId) {
    let Some(mut link) = shared.link(leader) else {
        return;
    };
    let (mut sender, receiver) = mpsc::channel(STREAM_DEPTH);
    let answers = match link.forward.forward(receiver).await {
        Ok(response) => response.into_inner(),
        Err(status) => {
            tracing::debug!(%leader, %status, "leader takes no commands");
            return;
        }
    };
    let mut more = shared.pending.watch();
    let sending = async {
        loop {
            let commands = next_batch(shared, &mut more).await;
            let incarnation = shared.pending.incarnation().0;
            let commands = commands.into_iter().map(to_wire).collect();
            if sender.send(v1::ForwardRequest { term, incarnation, commands }).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = sending => {}
        () = last_words(answers, leader) => {}
    }
}

/// A leader says something only when it takes no more.
async fn last_words(mut answers: Streaming<v1::ForwardResponse>, leader: NodeId) {
    match answers.message().await {
        Ok(Some(answer)) => tracing::debug!(%leader, term = answer.term, "node does not lead that term"),
        Ok(None) => tracing::debug!(%leader, "leader closed the stream"),
        Err(status) => tracing::debug!(%leader, %status, "stream to the leader broke"),
    }
}

async fn next_batch(shared: &Shared, more: &mut tokio::sync::watch::Receiver<u64>) -> Vec<Numbered> {
    loop {
        more.borrow_and_update();
        let batch = shared.pending.next_to_send(COMMANDS_PER_ENTRY_MAX, ENTRY_BYTES_TARGET);
        if !batch.is_empty() {
            return batch;
        }
        if more.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn to_wire(command: Numbered) -> v1::ForwardedCommand {
    v1::ForwardedCommand { seq: command.seq, frame: command.frame.to_vec().into() }
}

/// The leader's end: takes what a node sends until the term is over, and says which term it is then.
pub async fn take_in(
    shared: &Shared,
    from: NodeId,
    mut stream: Streaming<v1::ForwardRequest>,
) -> Result<v1::ForwardResponse, Status> {
    let mut reign: Option<Arc<Reign>> = None;
    while let Some(request) = next_request(shared, reign.as_deref(), &mut stream).await? {
        let run = Incarnation(request.incarnation);
        let batch = request.commands.into_iter().map(from_wire).collect::<Result<Vec<_>, _>>()?;
        if batch.len() > COMMANDS_PER_ENTRY_MAX {
            return Err(Status::invalid_argument("commands: more than an entry holds"));
        }
        if shared.members().peer(from).is_none() {
            return Err(Status::failed_precondition(format!(
                "caller: node {from} is no member of this cluster"
            )));
        }
        if reign.is_none() {
            reign = reign_of(shared, request.term).await;
        }
        // A stream belongs to one reign: one that begins anew has lost what the one before it took.
        let Some(reign) = reign.as_ref().filter(|reign| reign.term() == request.term) else {
            break;
        };
        if reign.accept(from, run, batch).await.is_err() {
            break;
        }
    }
    let lead = *shared.leadership.borrow();
    Ok(v1::ForwardResponse { term: lead.term, leader: lead.leader.map_or(0, |node| node.0) })
}

/// The next request; `None` at the end of the stream, of the reign that it feeds, or of the replica.
async fn next_request(
    shared: &Shared,
    reign: Option<&Reign>,
    stream: &mut Streaming<v1::ForwardRequest>,
) -> Result<Option<v1::ForwardRequest>, Status> {
    let reign_over = async {
        match reign {
            Some(reign) => reign.over().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        request = stream.message() => request,
        () = reign_over => Ok(None),
        () = shared.failed() => Ok(None),
    }
}

fn from_wire(command: v1::ForwardedCommand) -> Result<Numbered, Status> {
    if command.frame.len() > COMMAND_BYTES_MAX {
        return Err(Status::invalid_argument("frame: longer than a command may be"));
    }
    Ok(Numbered { seq: command.seq, frame: command.frame.as_ref().into() })
}

/// This node's reign of `term`, as soon as it takes commands; `None` when it does not lead that term.
async fn reign_of(shared: &Shared, term: u64) -> Option<Arc<Reign>> {
    let mut reigns = shared.reign.subscribe();
    let mut leadership = shared.leadership.subscribe();
    loop {
        if let Some(reign) = reigns.borrow_and_update().as_ref()
            && reign.term() == term
        {
            return Some(Arc::clone(reign));
        }
        let Leadership { term: known, leader } = *leadership.borrow_and_update();
        let another = leader.is_some_and(|leader| leader != shared.config.node);
        if known > term || (known == term && another) {
            return None;
        }
        tokio::select! {
            changed = reigns.changed() => changed.ok()?,
            changed = leadership.changed() => changed.ok()?,
        }
    }
}
