//! What clients are told when a node has too much to do, goes away, or stands alone.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use ringmain_actors::limits::{CREDITS_LOWERED_OPEN, GATEWAY_CREDITS, GATEWAY_CREDITS_LOW, READS_SHED_OPEN};
use ringmain_protocol::v1;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_protocol::v1::gateway_service_session_response::Message as GatewayDown;
use ringmain_replication::{Answer, ProposeError, Replica};
use ringmain_routing::{Command, Cursor, Millis, Position};

use crate::support::{
    GATEWAY, GatewayStream, NEVER, Node, SUPERVISOR, Setup, carried, gateway_hello, operator_hello, push,
};

type Proposal = Pin<Box<dyn Future<Output = Result<Answer, ProposeError>> + Send>>;

/// Commands that a node has in hand and cannot get rid of, as long as this lives.
struct InHand {
    _proposals: Vec<Proposal>,
}

impl InHand {
    fn hold(replica: &Replica, count: usize) -> InHand {
        let proposal = |_| {
            let replica = replica.clone();
            let propose = async move { replica.propose(Command::Tick, Millis(600_000)).await };
            let mut proposal: Proposal = Box::pin(propose);
            let first = proposal.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(first.is_pending(), "{first:?}");
            proposal
        };
        InHand { _proposals: (0..count).map(proposal).collect() }
    }
}

/// A node that is not read-only yet and has nobody to agree with: what it takes stays in hand.
async fn stuck() -> Vec<Node> {
    let nodes = Node::cluster(2, Setup::default()).await;
    nodes[1].stop().await;
    nodes
}

async fn credits(gateway: &mut GatewayStream) -> u32 {
    let told = |message: &GatewayDown| {
        let GatewayDown::Credits(credits) = message else { return None };
        Some(credits.credits)
    };
    gateway.find(told).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_too_much_in_hand_lowers_credits_and_raises_them_again() {
    let nodes = Node::cluster(2, Setup::default()).await;
    let (mut gateway, welcome) = nodes[0].gateway(gateway_hello(1)).await;
    assert_eq!(welcome.credits, GATEWAY_CREDITS);
    nodes[1].stop().await;
    let in_hand = InHand::hold(&nodes[0].replica, CREDITS_LOWERED_OPEN);
    assert_eq!(credits(&mut gateway).await, GATEWAY_CREDITS_LOW);
    // More than that are not taken, and the client is told when to come back.
    let sent = u64::from(GATEWAY_CREDITS_LOW) + 1;
    for op in 1..=sent {
        gateway.say(GatewayUp::Push(push(op, &format!("k{op}")))).await;
    }
    let error = gateway.failed(sent).await;
    assert!(error.code == "overloaded" && error.retry_after_ms > 0, "{error:?}");
    drop(in_hand);
    assert_eq!(credits(&mut gateway).await, GATEWAY_CREDITS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_too_much_in_hand_turns_reads_away_before_work() {
    let nodes = stuck().await;
    let mut supervisor = nodes[0].supervisor(SUPERVISOR).await;
    supervisor.list_queues(v1::ListQueuesRequest::default()).await.unwrap();
    let in_hand = InHand::hold(&nodes[0].replica, READS_SHED_OPEN);
    let status = supervisor.list_queues(v1::ListQueuesRequest::default()).await.unwrap_err();
    let error = carried(&status);
    assert!(error.code == "overloaded" && error.retry_after_ms > 0, "{error:?}");
    let watch = supervisor.watch_events(v1::WatchEventsRequest::default()).await;
    assert_eq!(carried(&watch.err().unwrap()).code, "overloaded");
    // Work is still taken.
    drop(InHand::hold(&nodes[0].replica, 1));
    drop(in_hand);
    supervisor.list_queues(v1::ListQueuesRequest::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_node_names_another_one_on_each_stream() {
    let nodes = Node::cluster(2, Setup::default()).await;
    let (mut gateway, _) = nodes[0].gateway(gateway_hello(1)).await;
    let (mut anna, _) = nodes[0].operator(operator_hello(2)).await;
    nodes[0].api.drain(Millis(5_000));
    let other = nodes[1].address.to_string();
    let told = |message: &GatewayDown| {
        let GatewayDown::Drain(drain) = message else { return None };
        Some((drain.hint.clone(), drain.within_ms))
    };
    assert_eq!(gateway.find(told).await, (other.clone(), 5_000));
    let told = |message: &v1::operator_service_session_response::Message| {
        let v1::operator_service_session_response::Message::Drain(drain) = message else { return None };
        Some((drain.hint.clone(), drain.within_ms))
    };
    assert_eq!(anna.find(told).await, (other, 5_000));
    // The stream goes on meanwhile.
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    gateway.accepted(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_alone_says_with_each_read_since_when_it_is_stale() {
    let read_only = Duration::from_secs(3);
    let nodes = Node::cluster(3, Setup { read_only, ..Setup::default() }).await;
    let mut supervisor = nodes[0].supervisor(SUPERVISOR).await;
    let queues = supervisor.list_queues(v1::ListQueuesRequest::default()).await.unwrap().into_inner();
    assert_eq!(queues.stamp.unwrap().stale_since_ms, None);
    let (mut gateway, _) = nodes[0].gateway(gateway_hello(1)).await;
    nodes[1].stop().await;
    nodes[2].stop().await;
    // Its clients are sent elsewhere.
    let drained = gateway.find(|message| matches!(message, GatewayDown::Drain(_)).then_some(()));
    drained.await;
    let stale = |stamp: Option<v1::ReadStamp>| stamp.unwrap().stale_since_ms.expect("it is stale");
    let queues = supervisor.list_queues(v1::ListQueuesRequest::default()).await.unwrap().into_inner();
    let operators =
        supervisor.list_operators(v1::ListOperatorsRequest::default()).await.unwrap().into_inner();
    let contacts = supervisor.list_contacts(v1::ListContactsRequest::default()).await.unwrap().into_inner();
    let events = supervisor.list_events(v1::ListEventsRequest::default()).await.unwrap().into_inner();
    for stamp in [queues.stamp, operators.stamp, contacts.stamp, events.stamp] {
        assert!(stale(stamp) > 0 && stamp.unwrap().age_ms > 0);
    }
    // And takes no work, saying so. It names none of the others, for it knows of none that lives.
    let error = turned_away(&nodes[0]).await;
    assert!(error.code == "read-only" && error.retry_after_ms > 0, "{error:?}");
    assert_eq!(error.hint, "");
    assert!(error.message.contains("stale since"), "{error:?}");
}

/// What somebody is told who wants to begin a session.
async fn turned_away(node: &Node) -> v1::Error {
    let mut late = node.operator_stream(crate::support::OPERATOR).await.unwrap();
    late.say(v1::operator_service_session_request::Message::Hello(operator_hello(2))).await;
    late.failed(0).await
}

/// Asks for a session again and again until the node with this code names that one.
async fn names(node: &Node, code: &str, other: &Node) {
    let asking = async {
        loop {
            let error = turned_away(node).await;
            assert_ne!(error.hint, node.address.to_string(), "never itself");
            if error.code == code && error.hint == other.address.to_string() {
                return;
            }
        }
    };
    tokio::time::timeout(NEVER, asking).await.expect("it names one that lives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_node_names_one_that_lives_and_takes_clients() {
    let nodes = Node::cluster(4, Setup::default()).await;
    nodes[0].api.drain(Millis(600_000));
    names(&nodes[0], "draining", &nodes[1]).await;
    // The next one by number dies, the one behind it drains as well.
    nodes[1].stop().await;
    nodes[2].api.drain(Millis(600_000));
    names(&nodes[0], "draining", &nodes[3]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_without_a_majority_do_not_name_each_other() {
    let read_only = Duration::from_secs(2);
    let nodes = Node::cluster(4, Setup { read_only, ..Setup::default() }).await;
    nodes[1].stop().await;
    nodes[2].stop().await;
    // One of both leads and one follows: neither has a majority, and both know.
    for node in [&nodes[0], &nodes[3]] {
        let turned = async {
            let mut looks = tokio::time::interval(Duration::from_millis(20));
            while !node.replica.status().read_only {
                looks.tick().await;
            }
        };
        tokio::time::timeout(NEVER, turned).await.expect("it knows that it stands alone");
    }
    // They have asked each other several times by then: each lives and takes no sessions, so that whoever came from
    // the one would be sent back and forth.
    for node in [&nodes[0], &nodes[3]] {
        let error = turned_away(node).await;
        assert_eq!((error.code.as_str(), error.hint.as_str()), ("read-only", ""), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_removed_names_one_that_serves() {
    let nodes = Node::cluster(4, Setup::default()).await;
    let leader = nodes[0].replica.status().leader.expect("one leads");
    let at = |n: usize| (leader.0 as usize - 1 + n) % nodes.len();
    let (progress, _steps) = tokio::sync::mpsc::channel(16);
    let removed = nodes[at(1)].replica.status().node;
    nodes[at(0)]
        .replica
        .remove_node(removed, &progress, std::future::ready(()))
        .await
        .expect("it is removed");
    names(&nodes[at(1)], "read-only", &nodes[at(2)]).await;
}

/// A cursor that an earlier life of this cluster gave out.
fn of_an_earlier_life(cursor: &str) -> String {
    let cursor = Cursor::from_text(cursor).unwrap();
    assert!(cursor.generation > 0, "{cursor:?}");
    Cursor { generation: cursor.generation + 7, ..cursor }.to_text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_another_life_of_the_cluster_gets_the_full_list() {
    let node = Node::start().await;
    let (mut gateway, welcome) = node.gateway(gateway_hello(1)).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    let seen = gateway.event(|_| true).await.cursor;
    assert!(Cursor::from_text(&seen).unwrap().position > Position::default());
    drop(gateway);
    let mut hello = gateway_hello(2);
    hello.cursor = of_an_earlier_life(&seen);
    hello.resume_epoch = Some(welcome.epoch);
    let (mut gateway, resumed) = node.gateway(hello).await;
    assert!(!resumed.resumed, "never silently on behind a position of another log");
    let GatewayDown::Resync(list) = gateway.next().await else { panic!("the list comes") };
    assert_eq!(list.contacts.iter().map(|contact| contact.key.as_str()).collect::<Vec<_>>(), ["k1"]);

    let mut calls = node.gateway_calls(GATEWAY).await;
    let hello = v1::GatewayHello { takeover: true, ..gateway_hello(3) };
    let opened = calls.open_session(v1::GatewayServiceOpenSessionRequest { hello: Some(hello) }).await;
    let request = v1::GatewayServicePollEventsRequest {
        session: opened.unwrap().into_inner().session,
        cursor: of_an_earlier_life(&seen),
        wait_ms: 0,
        events_max: 0,
    };
    let page = calls.poll_events(request).await.unwrap().into_inner();
    assert_eq!(page.resync.unwrap().contacts.len(), 1);

    let mut supervisor = node.supervisor(SUPERVISOR).await;
    let cursor = of_an_earlier_life(&seen);
    let request = v1::ListEventsRequest { cursor, ..v1::ListEventsRequest::default() };
    let status = supervisor.list_events(request).await.unwrap_err();
    assert_eq!(carried(&status).code, "invalid-cursor");
}
