//! `cluster add`, `cluster join`, `cluster remove`: each is tried until it is done or refused, over elections and lost
//! nodes, until its time is up. Whatever it got done stays done, and the same command goes on from there.

use std::time::Duration;

use ringmain_protocol::client::{CallError, ClusterClient};
use ringmain_protocol::v1::{
    AddNodeRequest, AddNodeResponse, AddStage, RemoveNodeRequest, RemoveNodeResponse, RemoveStage,
    TryAddNodeRequest, TryRemoveNodeRequest,
};
use serde_json::json;

use super::trial;
use crate::cli::{AddArgs, Format, JoinArgs, NodeArgs, RemoveArgs};
use crate::commands::start::load;
use crate::connection::{Clients, failed};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, span};

/// Between two tries.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Of the steps that say how much is missing, which come ten times a second, one in so many is shown.
const SHOW_ONE_IN: u32 = 10;

/// Takes a node in.
pub(super) async fn add(args: AddArgs) -> Result<(), Failure> {
    let request =
        AddNodeRequest { node: args.id, peer_address: args.peer, api_address: args.api, region: args.region };
    if args.dry_run {
        return try_in(request, &args.node).await;
    }
    take_in(request, &args.node, args.timeout).await
}

/// Takes the node of a config in.
pub(super) async fn join(args: JoinArgs) -> Result<(), Failure> {
    let config = load(&args.config)?;
    let me = config.me().ok_or_else(|| {
        Failure::new(FailureKind::Invalid, "invalid-config", "node: is not among the peers of its own config")
    })?;
    let request = AddNodeRequest {
        node: me.node.0,
        peer_address: me.peer.clone(),
        api_address: me.api.clone(),
        region: me.region.clone(),
    };
    let via = NodeArgs { address: args.via, context: None, token: args.token, format: args.format };
    if args.dry_run {
        return try_in(request, &via).await;
    }
    take_in(request, &via, args.timeout).await
}

async fn try_in(request: AddNodeRequest, via: &NodeArgs) -> Result<(), Failure> {
    let clients = Clients::open(via).await?;
    let AddNodeRequest { node, peer_address, api_address, region } = request;
    let request = TryAddNodeRequest { node, peer_address, api_address, region };
    let tried = clients.cluster.try_add_node(request).await.map_err(|error| failed(&error))?;
    output::print(&trial::would_add(node, &tried), via.format, false)
}

async fn take_in(request: AddNodeRequest, via: &NodeArgs, timeout: Duration) -> Result<(), Failure> {
    let node = request.node;
    let clients = Clients::open(via).await?;
    let mut steps = AddSteps { node, shown: 0, stage: AddStage::Unspecified };
    let adding =
        async |cluster: &ClusterClient| cluster.add_node(request.clone(), |step| steps.show(step)).await;
    let done = until_done(&clients.cluster, timeout, adding).await?;
    let answer = Answer {
        json: json!({ "node": node, "voter": true, "voters": done.voters, "dry_run": false }),
        text: vec![Block::Line(format!("node {node} votes; the cluster has {} voters", done.voters))],
    };
    output::print(&answer, via.format, false)
}

/// Shows steps on standard error, each stage once and what is missing now and then.
struct AddSteps {
    node: u64,
    shown: u32,
    stage: AddStage,
}

impl AddSteps {
    fn show(&mut self, step: &AddNodeResponse) {
        let (node, stage) = (self.node, step.stage());
        let again = stage == self.stage;
        self.stage = stage;
        self.shown += 1;
        match stage {
            AddStage::Admitted if !again => eprintln!("node {node} may take part"),
            AddStage::CatchingUp if !again || self.shown.is_multiple_of(SHOW_ONE_IN) => {
                eprintln!("node {node} catches up: {} entries to go", step.lag_entries);
            }
            AddStage::Admitted | AddStage::CatchingUp | AddStage::Voter | AddStage::Unspecified => {}
        }
    }
}

/// Takes a node out.
pub(super) async fn remove(args: RemoveArgs) -> Result<(), Failure> {
    let node = args.id;
    let clients = Clients::open(&args.node).await?;
    if args.dry_run {
        let request = TryRemoveNodeRequest { node };
        let tried = clients.cluster.try_remove_node(request).await.map_err(|error| failed(&error))?;
        return output::print(&trial::would_remove(node, &tried), args.node.format, false);
    }
    let request = RemoveNodeRequest { node };
    let show = |step: &RemoveNodeResponse| match step.stage() {
        RemoveStage::LeaderMoved => eprintln!("node {node} led and has handed over"),
        RemoveStage::Removed => eprintln!("node {node} is no member any more; its sessions go elsewhere"),
        RemoveStage::Done | RemoveStage::Unspecified => {}
    };
    let removing = async |cluster: &ClusterClient| cluster.remove_node(request, show).await;
    let done = until_done(&clients.cluster, args.timeout, removing).await?;
    print_removed(node, &done, args.node.format)
}

fn print_removed(node: u64, done: &RemoveNodeResponse, format: Format) -> Result<(), Failure> {
    let told = if done.told { "it knows" } else { "it was not reached and will ask when it comes back" };
    let answer = Answer {
        json: json!({ "node": node, "removed": true, "told": done.told, "voters": done.voters, "dry_run": false }),
        text: vec![Block::Line(format!(
            "node {node} is out ({told}); the cluster has {} voters",
            done.voters
        ))],
    };
    output::print(&answer, format, false)
}

/// Tries until it is done, refused, or late.
async fn until_done<T>(
    cluster: &ClusterClient,
    timeout: Duration,
    mut change: impl AsyncFnMut(&ClusterClient) -> Result<T, CallError>,
) -> Result<T, Failure> {
    let mut last = None;
    let trying = async {
        loop {
            match change(cluster).await {
                Ok(done) => return Ok(done),
                Err(error) => {
                    let failure = failed(&error);
                    if !matches!(failure.kind, FailureKind::Unavailable | FailureKind::Unknown) {
                        return Err(failure);
                    }
                    if last.as_ref().is_none_or(|last: &Failure| last.message != failure.message) {
                        eprintln!("not yet: {}", failure.message);
                    }
                    last = Some(failure);
                }
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    };
    if let Ok(ended) = tokio::time::timeout(timeout, trying).await {
        return ended;
    }
    let why = last.map_or("no answer".to_owned(), |failure| failure.message);
    let message = format!(
        "not done within {}: {why}; the same command again goes on where it was",
        span(timeout.as_millis() as u64)
    );
    Err(Failure::new(FailureKind::Unknown, "change-unfinished", message))
}
