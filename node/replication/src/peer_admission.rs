//! What leader and node say to each other when the node is taken in or out.
//!
//! A node that was never asked takes part in nothing, so that a folder which was wiped cannot slip back in under its
//! old id and vote for a leader that lacks what the node once acknowledged.

use std::time::Duration;

use ringmain_protocol::v1;
use tonic::{Code, Status};

use crate::changes::ChangeError;
use crate::config::Peer;
use crate::identity::FORMAT;
use crate::links::{InvalidAddress, Link};
use crate::shared::Shared;

/// Form of what the data folder holds. Nodes of one cluster have the same when one joins.
pub const DATA_FORMAT: u32 = FORMAT as u32;

/// A node that is asked by the leader must answer within this.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// A node whose clock is further off is not taken in.
const CLOCK_OFF_MAX_MS: u64 = 10_000;
/// How often a node that leaves is told so before it is left to ask.
const TELL_TIMES: u32 = 3;
/// Between two times.
const TELL_AGAIN: Duration = Duration::from_millis(100);

/// What a node is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// To take part from here on.
    Granted,
    /// Whether it could; it goes on waiting.
    Tried,
}

/// Answers the leader that wants to take this node in, or to know whether it could; once it is granted, the node takes
/// part.
pub async fn answer(
    shared: &Shared,
    request: &v1::AdmitRequest,
    admission: Admission,
) -> Result<v1::AdmitResponse, Status> {
    if request.data_format == DATA_FORMAT {
        check(shared, request.member).await?;
        if admission == Admission::Granted {
            shared.identity.become_member().map_err(|error| Status::internal(error.to_string()))?;
        }
    }
    Ok(v1::AdmitResponse {
        incarnation: shared.identity.incarnation().0,
        data_format: DATA_FORMAT,
        wall_ms: shared.clock.wall_ms(),
    })
}

async fn check(shared: &Shared, member: bool) -> Result<(), Status> {
    let refuse = |what: &str| Err(Status::failed_precondition(what));
    if shared.is_removed() {
        return refuse(
            "data_dir: the node was removed from a cluster; empty its folder and give it a new id",
        );
    }
    let admitted = shared.identity.is_member();
    if member {
        let wiped = "data_dir: the cluster has the node as a member, but its folder is empty: remove the node and \
                     add it under a new id";
        return if admitted { Ok(()) } else { refuse(wiped) };
    }
    let stopped = |error: openraft::errors::Fatal<_>| Status::unavailable(error.to_string());
    if shared.raft.is_initialized().await.map_err(stopped)? {
        return refuse(
            "data_dir: it holds data of a running cluster; empty it and start the node with --join",
        );
    }
    if !admitted && !shared.config.joining {
        return refuse(
            "join: the node does not wait to be taken in; set `join = true` or start it with --join",
        );
    }
    Ok(())
}

/// Asks the node whether it can be taken in; `member`: the membership has it already.
pub async fn ask_admission(
    shared: &Shared,
    peer: &Peer,
    member: bool,
    admission: Admission,
) -> Result<(), ChangeError> {
    let at = format!("node {} at {}", peer.node, peer.peer_addr);
    let now_ms = shared.time.now().map_or(0, |now| now.0);
    let request = v1::AdmitRequest { data_format: DATA_FORMAT, now_ms, member };
    let invalid = |error: InvalidAddress| ChangeError::Refused(error.to_string());
    let link = shared.links.to(peer.node.0, &peer.peer_addr).map_err(invalid)?;
    let answer = match tokio::time::timeout(ANSWER_WITHIN, ask(link, request, admission)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(status)) if status.code() == Code::Unimplemented => {
            let what =
                format!("version: {at} is of one that knows no trials; install the same version there");
            return Err(ChangeError::Refused(what));
        }
        Ok(Err(status)) if status.code() == Code::FailedPrecondition => {
            return Err(ChangeError::Refused(format!("{}: {at} refuses", status.message())));
        }
        Ok(Err(status)) => {
            return Err(ChangeError::Unfinished(format!("{at} cannot be reached: {}", status.message())));
        }
        Err(_) => return Err(ChangeError::Unfinished(format!("{at} does not answer"))),
    };
    judge(&answer, &at, now_ms)
}

async fn ask(
    mut link: Link,
    request: v1::AdmitRequest,
    admission: Admission,
) -> Result<v1::AdmitResponse, Status> {
    match admission {
        Admission::Granted => Ok(link.control.admit(request).await?.into_inner()),
        Admission::Tried => {
            let request = v1::TryAdmitRequest { request: Some(request) };
            let answer = link.control.try_admit(request).await?.into_inner();
            answer.response.ok_or_else(|| Status::internal("an answer without content"))
        }
    }
}

/// Whether a node that answered so can be taken in when replicated time is `now_ms`.
fn judge(answer: &v1::AdmitResponse, at: &str, now_ms: u64) -> Result<(), ChangeError> {
    if answer.data_format != DATA_FORMAT {
        return Err(ChangeError::Refused(format!(
            "version: {at} has data format {}, this cluster {DATA_FORMAT}; install the same version there",
            answer.data_format
        )));
    }
    let off = answer.wall_ms.abs_diff(now_ms);
    if off > CLOCK_OFF_MAX_MS {
        let what = format!("clock: that of {at} is {off} ms off the cluster's; set it first");
        return Err(ChangeError::Refused(what));
    }
    Ok(())
}

/// Tells the node that it is out; it asks by itself when it cannot be reached.
pub async fn dismiss(shared: &Shared, peer: &Peer) -> bool {
    for _ in 0..TELL_TIMES {
        let Ok(mut link) = shared.links.to(peer.node.0, &peer.peer_addr) else { return false };
        let told = tokio::time::timeout(ANSWER_WITHIN, link.control.dismiss(v1::DismissRequest {})).await;
        if matches!(told, Ok(Ok(_))) {
            return true;
        }
        tokio::time::sleep(TELL_AGAIN).await;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn judged(data_format: u32, wall_ms: u64) -> Result<(), ChangeError> {
        let answer = v1::AdmitResponse { incarnation: 1, data_format, wall_ms };
        judge(&answer, "node 4 at 10.0.0.4:7112", 100 * HOUR_MS)
    }

    fn refusal(judged: Result<(), ChangeError>) -> String {
        match judged {
            Err(ChangeError::Refused(what)) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_node_of_another_data_format_is_refused_by_both_numbers() {
        let what = refusal(judged(DATA_FORMAT + 1, 100 * HOUR_MS));
        assert!(
            what.starts_with("version: node 4 at 10.0.0.4:7112 has data format 3, this cluster 2"),
            "{what}"
        );
    }

    #[test]
    fn a_clock_may_be_ten_seconds_off_and_no_more() {
        for off in [0, CLOCK_OFF_MAX_MS] {
            judged(DATA_FORMAT, 100 * HOUR_MS + off).unwrap();
            judged(DATA_FORMAT, 100 * HOUR_MS - off).unwrap();
        }
        for wall_ms in [102 * HOUR_MS, 98 * HOUR_MS] {
            let what = refusal(judged(DATA_FORMAT, wall_ms));
            assert!(what.starts_with("clock: ") && what.contains("7200000 ms off"), "{what}");
        }
    }
}
