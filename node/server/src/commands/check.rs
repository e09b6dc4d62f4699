//! `check`: is the cluster well, and may a node stop?

use ringmain_protocol::v1::{CheckQuorumRequest, ClusterStatusResponse, DiskState, NodeStatus};
use ringmain_telemetry::codes;
use serde_json::json;

use crate::cli::{CheckArgs, CheckCommand, QuorumCriticalArgs};
use crate::connection::{Clients, failed};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, Column, Rows, span};

/// A node that the leader has not heard for longer is away.
const HEARD_MAX_MS: u64 = 2_000;
/// A node that lacks more entries is behind.
const LAG_MAX: u64 = 10_000;

/// Carries out the check.
pub(super) fn run(args: CheckArgs) -> Result<(), Failure> {
    match args.only {
        None => super::client(all(CheckArgs { only: None, ..args })),
        Some(CheckCommand::QuorumCritical(args)) => super::client(quorum_critical(args)),
    }
}

async fn quorum_critical(args: QuorumCriticalArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let request = CheckQuorumRequest { node: args.id };
    let judged = clients.cluster.check_quorum(request).await.map_err(|error| failed(&error))?;
    let word = if judged.safe { "may stop" } else { "must not stop now" };
    let answer = Answer {
        json: json!({
            "node": judged.node,
            "safe": judged.safe,
            "reason": judged.reason,
            "voters": judged.voters,
            "fit": judged.fit,
            "majority": judged.majority,
        }),
        text: vec![Block::Line(format!("node {} {word}: {}", judged.node, judged.reason))],
    };
    output::print(&answer, args.node.format, false)?;
    if judged.safe {
        return Ok(());
    }
    let message = format!("node {} must not stop now: {}", judged.node, judged.reason);
    Err(Failure::new(FailureKind::Refused, codes::QUORUM_CRITICAL.code, message))
}

/// One thing that was looked at.
struct Finding {
    what: String,
    well: bool,
    detail: String,
}

async fn all(args: CheckArgs) -> Result<(), Failure> {
    let clients = Clients::open(&args.node).await?;
    let status = clients.admin.cluster_status().await.map_err(|error| failed(&error))?;
    output::print(&answer(&look(&status)), args.node.format, false)?;
    let ill = ill(&status);
    if ill.is_empty() {
        return Ok(());
    }
    let message = format!("look at: {}", ill.join(", "));
    Err(Failure::new(FailureKind::Refused, codes::UNHEALTHY.code, message))
}

/// What is to be looked at; nothing when the cluster is well.
pub(super) fn ill(status: &ClusterStatusResponse) -> Vec<String> {
    look(status).into_iter().filter(|finding| !finding.well).map(|finding| finding.what).collect()
}

fn look(status: &ClusterStatusResponse) -> Vec<Finding> {
    let finding = |what: &str, well, detail| Finding { what: what.to_owned(), well, detail };
    let leader = if status.leader == 0 { "none".to_owned() } else { format!("node {}", status.leader) };
    let age = status.stamp.unwrap_or_default().age_ms;
    let voters: Vec<&NodeStatus> = status.nodes.iter().filter(|node| node.voter).collect();
    let live = voters.iter().filter(|node| is_live(node)).count();
    let spare = (live + 1).saturating_sub(voters.len() / 2 + 2);
    let mut findings = vec![
        finding("leader", status.leader != 0, leader),
        finding("asked node", !status.read_only, format!("node {}, in touch {} ago", status.node, span(age))),
        finding(
            "majority",
            live > voters.len() / 2,
            format!("{live} of {} voters live; {spare} more may fail", voters.len()),
        ),
    ];
    findings.extend(status.nodes.iter().map(of_node));
    findings
}

fn is_live(node: &NodeStatus) -> bool {
    !node.suspect && node.last_heard_ms.is_some_and(|ms| ms <= HEARD_MAX_MS)
}

fn has_room(node: &NodeStatus) -> bool {
    matches!(node.disk(), DiskState::Unspecified | DiskState::Room)
}

fn of_node(node: &NodeStatus) -> Finding {
    let heard = node.last_heard_ms.map_or("never heard".to_owned(), |ms| format!("heard {} ago", span(ms)));
    let lag = node.lag_entries.unwrap_or(0);
    let mut detail = vec![heard, format!("{lag} entries behind")];
    if node.suspect {
        detail.push("suspect: remove it, wipe it, add it under a new id".to_owned());
    }
    match node.disk() {
        DiskState::Unspecified | DiskState::Room => {}
        DiskState::Full => detail.push("its disk is nearly full".to_owned()),
        DiskState::OnReserve => detail.push("its disk is full and its reserve given up".to_owned()),
    }
    if node.draining {
        detail.push("drains".to_owned());
    }
    if !node.voter {
        detail.push("does not vote".to_owned());
    }
    Finding {
        what: format!("node {}", node.address.as_ref().map_or(0, |address| address.node)),
        well: is_live(node) && lag <= LAG_MAX && has_room(node),
        detail: detail.join(", "),
    }
}

fn answer(findings: &[Finding]) -> Answer {
    let mut rows = Rows::new(&[Column::Words("check"), Column::Words("state"), Column::Words("detail")]);
    for finding in findings {
        let state = if finding.well { "ok" } else { "LOOK" };
        rows.push([finding.what.clone(), state.to_owned(), finding.detail.clone()]);
    }
    let checks: Vec<_> = findings
        .iter()
        .map(|finding| json!({ "check": finding.what, "ok": finding.well, "detail": finding.detail }))
        .collect();
    let well = findings.iter().all(|finding| finding.well);
    Answer { json: json!({ "ok": well, "checks": checks }), text: vec![Block::Rows(rows)] }
}

#[cfg(test)]
mod tests {
    use ringmain_protocol::v1::NodeAddress;

    use super::*;

    fn node(node: u64, heard: Option<u64>) -> NodeStatus {
        let address = Some(NodeAddress { node, ..NodeAddress::default() });
        NodeStatus {
            address,
            voter: true,
            lag_entries: Some(0),
            last_heard_ms: heard,
            ..NodeStatus::default()
        }
    }

    fn ill(nodes: Vec<NodeStatus>) -> Vec<String> {
        let status = ClusterStatusResponse { leader: 1, nodes, ..ClusterStatusResponse::default() };
        look(&status).into_iter().filter(|finding| !finding.well).map(|finding| finding.what).collect()
    }

    #[test]
    fn a_whole_cluster_is_well_and_whatever_is_not_is_named() {
        assert!(ill(vec![node(1, Some(0)), node(2, Some(90)), node(3, Some(90))]).is_empty());
        assert_eq!(ill(vec![node(1, Some(0)), node(2, Some(90)), node(3, Some(9_000))]), ["node 3"]);
        let suspect = NodeStatus { suspect: true, ..node(3, Some(9)) };
        assert_eq!(ill(vec![node(1, Some(0)), node(2, None), suspect]), ["majority", "node 2", "node 3"]);
    }

    #[test]
    fn it_says_how_many_more_may_fail() {
        let nodes = vec![node(1, Some(0)), node(2, Some(90)), node(3, Some(90))];
        let status = ClusterStatusResponse { leader: 1, nodes, ..ClusterStatusResponse::default() };
        assert!(look(&status)[2].detail.ends_with("1 more may fail"));
    }
}
