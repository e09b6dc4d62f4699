//! One change of the members as one entry of the log, and what has to be in the log before it.

use futures::future::BoxFuture;
use openraft::entry::RaftPayload;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::metrics::RaftServerMetrics;
use openraft::raft::ClientWriteResponse;
use openraft::{Precondition, async_runtime::WatchReceiver};
use ringmain_routing::command::NodeStarted;
use ringmain_routing::{Command, Incarnation, NodeId};

use super::{CONFIRMED_WITHIN, ChangeError, TOO_EARLY_RETRY};
use crate::members::Members;
use crate::pending::Numbered;
use crate::shared::{Shared, until};
use crate::type_config::{EntryPayload, TypeConfig};

/// Who takes part, once a majority has confirmed the last change.
pub(super) async fn confirmed(shared: &Shared) -> Result<Members, ChangeError> {
    let mut metrics = shared.raft.server_metrics();
    let same = |metrics: &RaftServerMetrics<TypeConfig>| {
        metrics.committed_membership_config.log_id() == metrics.membership_config.log_id()
    };
    match tokio::time::timeout(CONFIRMED_WITHIN, until(&mut metrics, same)).await {
        Ok(true) => {}
        Ok(false) => return Err(ChangeError::Fatal("raft stopped".into())),
        Err(_) => {
            return Err(ChangeError::Unfinished("no majority has confirmed the last change yet".into()));
        }
    }
    let stored = Members::stored(&metrics.borrow_watched().membership_config);
    stored.ok_or(ChangeError::NotLeader { leader: None })
}

type Written = ClientWriteResponse<TypeConfig>;

/// Writes one membership, if `before` is still the last, and waits until this node goes by it.
pub(super) async fn append(
    shared: &Shared,
    before: &Members,
    after: &Members,
) -> Result<Members, ChangeError> {
    let membership = after.to_raft().map_err(ChangeError::Refused)?;
    let writing = async {
        loop {
            let unchanged = Precondition::LastMembershipLogId { last_membership_log_id: before.since };
            let write: BoxFuture<'_, Result<Written, _>> = Box::pin(shared.raft.append_membership(
                membership.clone(),
                EntryPayload::blank(),
                [unchanged],
            ));
            match write.await {
                Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(
                    ChangeMembershipError::UncommittedLeaderLog(_),
                ))) => tokio::time::sleep(TOO_EARLY_RETRY).await,
                written => return written,
            }
        }
    };
    let unconfirmed = || ChangeError::Unfinished("no majority has confirmed the change yet".into());
    let written = tokio::time::timeout(CONFIRMED_WITHIN, writing).await.map_err(|_| unconfirmed())?;
    let at = written.map_err(refused)?.log_id;
    let mut members = shared.members.subscribe();
    let shown = members.wait_for(|members| members.since >= Some(at));
    let shown = tokio::time::timeout(CONFIRMED_WITHIN, shown).await.map_err(|_| unconfirmed())?;
    shown.map(|members| members.clone()).map_err(|_| unconfirmed())
}

fn refused(error: RaftError<TypeConfig, ClientWriteError<TypeConfig>>) -> ChangeError {
    match error {
        RaftError::Fatal(fatal) => ChangeError::Fatal(fatal.to_string()),
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
            ChangeError::NotLeader { leader: forward.leader_id.map(NodeId) }
        }
        RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) => {
            ChangeError::Unfinished("leadership was lost meanwhile".into())
        }
        RaftError::APIError(
            ClientWriteError::PreconditionFailed(_)
            | ClientWriteError::ChangeMembershipError(ChangeMembershipError::InProgress(_)),
        ) => ChangeError::Busy,
        RaftError::APIError(ClientWriteError::ChangeMembershipError(error)) => {
            ChangeError::Refused(format!("members: {error}"))
        }
    }
}

/// Gives the id its row among the origins, by which the cluster remembers that it was used.
pub(super) async fn remember(shared: &Shared, node: NodeId) -> Result<(), ChangeError> {
    if shared.machine.last_run(node).is_some() {
        return Ok(());
    }
    let lost = || ChangeError::NotLeader { leader: None };
    let reign = shared.reign.borrow().clone().ok_or_else(lost)?;
    let none = Incarnation(0);
    let frame = Command::NodeStarted(NodeStarted { node, incarnation: none }).encode().into();
    reign.accept(node, none, vec![Numbered { seq: 1, frame }]).await.map_err(|_| lost())?;
    let written = async {
        let mut looks = tokio::time::interval(TOO_EARLY_RETRY);
        while shared.machine.last_run(node).is_none() {
            looks.tick().await;
        }
    };
    let late = |_| ChangeError::Unfinished("no majority has confirmed it yet".into());
    tokio::time::timeout(CONFIRMED_WITHIN, written).await.map_err(late)
}
