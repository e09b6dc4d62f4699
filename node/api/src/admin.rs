//! For those who run the cluster: plan, operators, state of the cluster, exports. Reads of the plan are
//! linearizable; status and exports are those of the node that is asked.

use std::sync::Arc;

use ringmain_protocol::plan::{from_message, operator_from_message, to_message};
use ringmain_protocol::v1::admin_service_server::AdminService;
use ringmain_protocol::v1::{self, Error, FieldProblem};
use ringmain_replication::disk::DiskState;
use ringmain_replication::{Answer, MemberStatus, ReplicaRole};
use ringmain_routing::command::{ApplyPlan, PutOperators};
use ringmain_routing::limits::OPERATORS_PER_COMMAND_MAX;
use ringmain_routing::{Command, LogIndex, Name, Plan, Reply, Router};
use ringmain_telemetry::codes;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::auth::caller_name;
use crate::backup;
use crate::convert::receipt;
use crate::error;
use crate::export;
use crate::nodes::node_address;
use crate::shared::Shared;
use crate::watch;

/// `AdminService`.
pub(crate) struct Admins {
    pub(crate) shared: Arc<Shared>,
}

#[tonic::async_trait]
impl AdminService for Admins {
    type ExportStateStream = ReceiverStream<Result<v1::ExportStateResponse, Status>>;
    type SaveSnapshotStream = ReceiverStream<Result<v1::SaveSnapshotResponse, Status>>;
    type ExportHistoryStream = ReceiverStream<Result<v1::ExportHistoryResponse, Status>>;

    async fn apply_plan(
        &self,
        request: Request<v1::ApplyPlanRequest>,
    ) -> Result<Response<v1::ApplyPlanResponse>, Status> {
        let by = caller_name(&request);
        let applied = self.apply_plan(request.into_inner(), by).await;
        applied.map(Response::new).map_err(|error| error::status(&error))
    }

    async fn get_plan(
        &self,
        request: Request<v1::GetPlanRequest>,
    ) -> Result<Response<v1::GetPlanResponse>, Status> {
        let read = self.get_plan(request.into_inner().version).await;
        read.map(Response::new).map_err(|error| error::status(&error))
    }

    async fn put_operators(
        &self,
        request: Request<v1::PutOperatorsRequest>,
    ) -> Result<Response<v1::PutOperatorsResponse>, Status> {
        let by = caller_name(&request);
        let put = self.put_operators(request.into_inner(), by).await;
        put.map(Response::new).map_err(|error| error::status(&error))
    }

    async fn cluster_status(
        &self,
        _: Request<v1::ClusterStatusRequest>,
    ) -> Result<Response<v1::ClusterStatusResponse>, Status> {
        Ok(Response::new(self.status()))
    }

    async fn export_state(
        &self,
        request: Request<v1::ExportStateRequest>,
    ) -> Result<Response<Self::ExportStateStream>, Status> {
        let started = export::state(Arc::clone(&self.shared), request.into_inner());
        started.map(Response::new).map_err(|error| error::status(&error))
    }

    async fn export_history(
        &self,
        request: Request<v1::ExportHistoryRequest>,
    ) -> Result<Response<Self::ExportHistoryStream>, Status> {
        let started = export::history(Arc::clone(&self.shared), request.into_inner());
        started.map(Response::new).map_err(|error| error::status(&error))
    }

    async fn save_snapshot(
        &self,
        request: Request<v1::SaveSnapshotRequest>,
    ) -> Result<Response<Self::SaveSnapshotStream>, Status> {
        let started = backup::save(Arc::clone(&self.shared), request.into_inner()).await;
        started.map(Response::new).map_err(|error| error::status(&error))
    }
}

impl Admins {
    async fn apply_plan(
        &self,
        request: v1::ApplyPlanRequest,
        by: Option<Name>,
    ) -> Result<v1::ApplyPlanResponse, Error> {
        let Some(plan) = request.plan else {
            let problem = FieldProblem { field: "plan".into(), problem: "is absent".into() };
            return Err(error::invalid(vec![problem]));
        };
        let plan = from_message(plan).map_err(error::invalid)?;
        let version = plan.version;
        let command = Command::ApplyPlan(Box::new(ApplyPlan { plan, by }));
        if request.dry_run {
            self.try_out(&command)?;
            return Ok(v1::ApplyPlanResponse { version, receipt: Some(v1::Receipt::default()) });
        }
        let answer = self.carry_out(command).await?;
        let version = match &answer.reply {
            Ok(Reply::PlanApplied { version }) => *version,
            Ok(
                Reply::Done
                | Reply::Enqueued { .. }
                | Reply::Merged { .. }
                | Reply::Opened { .. }
                | Reply::Acted { .. }
                | Reply::Taken { .. }
                | Reply::Asked { .. }
                | Reply::Break(_),
            ) => version,
            Err(refusal) => return Err(error::refused(refusal)),
        };
        Ok(v1::ApplyPlanResponse { version, receipt: Some(receipt(0, &answer)) })
    }

    async fn put_operators(
        &self,
        request: v1::PutOperatorsRequest,
        by: Option<Name>,
    ) -> Result<v1::PutOperatorsResponse, Error> {
        let command = read_operators(request.operators, by)?;
        if request.dry_run {
            self.try_out(&command)?;
            return Ok(v1::PutOperatorsResponse { receipt: Some(v1::Receipt::default()) });
        }
        let answer = self.carry_out(command).await?;
        match &answer.reply {
            Ok(_) => Ok(v1::PutOperatorsResponse { receipt: Some(receipt(0, &answer)) }),
            Err(refusal) => Err(error::refused(refusal)),
        }
    }

    async fn carry_out(&self, command: Command) -> Result<Answer, Error> {
        self.shared.admit()?;
        let answer = ringmain_actors::propose(&self.shared.replica, command).await;
        answer.map_err(|failed| error::not_proposed(&failed, &self.shared.nodes))
    }

    /// Carries a command out on a copy of the state, to learn what the core would say.
    fn try_out(&self, command: &Command) -> Result<(), Error> {
        let snapshot = self.shared.replica.read(Router::snapshot);
        let mut copy = Router::restore(&snapshot.encode())
            .map_err(|_| error::of_code(&codes::FATAL, "the state could not be copied"))?;
        let outcome = copy.apply(snapshot.now(), command);
        outcome.reply.map(drop).map_err(|refusal| error::refused(&refusal))
    }

    async fn get_plan(&self, version: Option<u64>) -> Result<v1::GetPlanResponse, Error> {
        let replica = &self.shared.replica;
        let reached = replica.read_index().await;
        reached.map_err(|failed| error::not_proposed(&failed, &self.shared.nodes))?;
        let in_force = replica.read(|router| router.plan().version);
        let plan = match version.filter(|wanted| *wanted != in_force) {
            None => replica.read(|router| to_message(router.plan())),
            Some(earlier) => to_message(&self.earlier_plan(earlier).await?),
        };
        Ok(v1::GetPlanResponse { plan: Some(plan), stamp: Some(self.shared.stamp()) })
    }

    /// A plan that is in force no more, from the history.
    async fn earlier_plan(&self, version: u64) -> Result<Plan, Error> {
        let absent = || {
            let message = format!("version: plan {version} is not among those that are kept in the history");
            error::of_code(&codes::NOT_FOUND, message)
        };
        let replica = &self.shared.replica;
        let applied_at = replica.read(|router| router.plan_applied_at(version)).ok_or_else(absent)?;
        let before = LogIndex(applied_at.0.saturating_sub(1));
        let records = watch::history(replica, before, 1).await?;
        let record = records.first().filter(|record| record.log_index == applied_at).ok_or_else(absent)?;
        let unreadable = |error| error::of_code(&codes::FATAL, format!("record {applied_at}: {error}"));
        let Command::ApplyPlan(applied) = Command::decode(&record.command).map_err(unreadable)? else {
            return Err(absent());
        };
        if applied.plan.version == version { Ok(applied.plan) } else { Err(absent()) }
    }

    fn status(&self) -> v1::ClusterStatusResponse {
        let status = self.shared.replica.status();
        v1::ClusterStatusResponse {
            cluster: status.cluster.clone(),
            node: status.node.0,
            incarnation: status.incarnation.0,
            group: u64::from(status.group.0),
            leader: status.leader.map_or(0, |leader| leader.0),
            term: status.term,
            role: role(status.role).into(),
            read_only: status.read_only,
            raft_last_log: status.raft_last,
            raft_committed: status.raft_committed,
            raft_applied: status.raft_applied,
            raft_snapshot: status.snapshot.unwrap_or(0),
            stamp: Some(self.shared.stamp()),
            chain: self.shared.replica.read(Router::chain).to_be_bytes().to_vec().into(),
            nodes: status.members.iter().map(node_status).collect(),
            sync_count: status.log_syncs.count,
            sync_ns_total: status.log_syncs.total.as_nanos() as u64,
            version: self.shared.version.clone(),
            removed: status.removed,
            http_address: self.shared.http_address.clone(),
        }
    }
}

fn node_status(one: &MemberStatus) -> v1::NodeStatus {
    v1::NodeStatus {
        address: Some(node_address(&one.peer)),
        voter: one.voter,
        lag_entries: one.lag,
        last_heard_ms: one.heard.map(|heard| heard.0),
        suspect: one.suspect,
        draining: one.draining,
        peer_address: one.peer.peer_addr.clone(),
        disk: disk_state(one.disk).into(),
    }
}

fn disk_state(disk: DiskState) -> v1::DiskState {
    match disk {
        DiskState::Room => v1::DiskState::Room,
        DiskState::Full => v1::DiskState::Full,
        DiskState::OnReserve => v1::DiskState::OnReserve,
    }
}

fn role(role: ReplicaRole) -> v1::NodeRole {
    match role {
        ReplicaRole::Leader => v1::NodeRole::Leader,
        ReplicaRole::Follower => v1::NodeRole::Follower,
        ReplicaRole::Candidate => v1::NodeRole::Candidate,
        ReplicaRole::Learner => v1::NodeRole::Learner,
        ReplicaRole::Stopped => v1::NodeRole::Shutdown,
    }
}

fn read_operators(operators: Vec<v1::OperatorPlan>, by: Option<Name>) -> Result<Command, Error> {
    if operators.len() > OPERATORS_PER_COMMAND_MAX {
        let problem = format!("has {} entries; at most {OPERATORS_PER_COMMAND_MAX} at once", operators.len());
        return Err(error::invalid(vec![FieldProblem { field: "operators".into(), problem }]));
    }
    let (mut read, mut problems) = (Vec::new(), Vec::new());
    for (place, operator) in operators.into_iter().enumerate() {
        match operator_from_message(&format!("operators[{place}]"), operator) {
            Ok(operator) => read.push(operator),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(Command::PutOperators(PutOperators { operators: read, by }))
    } else {
        Err(error::invalid(problems))
    }
}
