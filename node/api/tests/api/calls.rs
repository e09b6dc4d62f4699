//! Sessions without a stream.

use std::time::Duration;

use ringmain_protocol::v1;
use ringmain_protocol::v1::gateway_event::Event as GatewayEvent;
use ringmain_protocol::v1::gateway_service_push_response::Outcome;
use ringmain_protocol::v1::operator_event::Event as OperatorEvent;
use ringmain_routing::command::Role;
use ringmain_routing::{Epoch, Millis, SessionState};
use tonic::{Code, Status};

use crate::support::{
    GATEWAY, GatewayCalls, Node, OPERATOR, OperatorCalls, Setup, carried, fields, gateway_hello,
    operator_hello, push,
};

/// Longer than anything here takes, and the longest that a node lets a poll wait.
const WAIT_MS: u64 = 20_000;

/// A gateway that calls.
struct Gateway {
    calls: GatewayCalls,
    session: String,
    cursor: String,
}

impl Gateway {
    async fn open(node: &Node, nonce: u64) -> Gateway {
        let mut calls = node.gateway_calls(GATEWAY).await;
        let hello = Some(gateway_hello(nonce));
        let opened = calls.open_session(v1::GatewayServiceOpenSessionRequest { hello }).await.unwrap();
        Gateway { calls, session: opened.into_inner().session, cursor: String::new() }
    }

    /// The same client at another node.
    async fn at(&self, node: &Node) -> Gateway {
        let calls = node.gateway_calls(GATEWAY).await;
        Gateway { calls, session: self.session.clone(), cursor: self.cursor.clone() }
    }

    async fn push(&mut self, push: v1::GatewayPush) -> Result<v1::GatewayAccepted, Status> {
        let request = v1::GatewayServicePushRequest { session: self.session.clone(), push: Some(push) };
        match self.calls.push(request).await?.into_inner().outcome {
            Some(Outcome::Accepted(accepted)) => Ok(accepted),
            other => panic!("not accepted: {other:?}"),
        }
    }

    async fn ask(&mut self, wait_ms: u64) -> Result<v1::GatewayServicePollEventsResponse, Status> {
        let (session, cursor) = (self.session.clone(), self.cursor.clone());
        let request = v1::GatewayServicePollEventsRequest { session, cursor, wait_ms, events_max: 0 };
        Ok(self.calls.poll_events(request).await?.into_inner())
    }

    /// Asks, and goes on behind what was told.
    async fn poll(&mut self, wait_ms: u64) -> v1::GatewayServicePollEventsResponse {
        let page = self.ask(wait_ms).await.unwrap();
        self.cursor.clone_from(&page.cursor);
        page
    }

    /// Takes in the list of what is live.
    async fn take_live(&mut self) -> Vec<String> {
        let mut keys = Vec::new();
        loop {
            let part = self.poll(0).await.resync.expect("a list comes");
            keys.extend(part.contacts.into_iter().map(|contact| contact.key));
            if part.last {
                return keys;
            }
        }
    }

    async fn event(&mut self, wanted: impl Fn(&GatewayEvent) -> bool) -> v1::GatewayEvent {
        loop {
            let page = self.poll(WAIT_MS).await;
            let found = page.events.into_iter().find(|event| event.event.as_ref().is_some_and(&wanted));
            if let Some(found) = found {
                return found;
            }
        }
    }
}

/// An operator who calls.
struct Desk {
    calls: OperatorCalls,
    session: String,
    cursor: String,
}

impl Desk {
    async fn open(node: &Node, nonce: u64) -> Desk {
        let mut calls = node.operator_calls(OPERATOR).await;
        let hello = Some(operator_hello(nonce));
        let opened = calls.open_session(v1::OperatorServiceOpenSessionRequest { hello }).await.unwrap();
        let mut desk = Desk { calls, session: opened.into_inner().session, cursor: String::new() };
        assert!(desk.poll(0).await.resync.unwrap().last);
        desk
    }

    async fn ready(&mut self, seq: u64) -> Result<v1::Receipt, Status> {
        let presence = v1::PresenceKind::Ready.into();
        let set = v1::OperatorSetPresence { op_id: 0, seq, presence, not_ready_reason: 0 };
        let (session, set_presence) = (self.session.clone(), Some(set));
        let request = v1::OperatorServiceSetPresenceRequest { session, set_presence };
        Ok(self.calls.set_presence(request).await?.into_inner().receipt.unwrap())
    }

    async fn poll(&mut self, wait_ms: u64) -> v1::OperatorServicePollEventsResponse {
        let (session, cursor) = (self.session.clone(), self.cursor.clone());
        let request = v1::OperatorServicePollEventsRequest { session, cursor, wait_ms, events_max: 0 };
        let page = self.calls.poll_events(request).await.unwrap().into_inner();
        self.cursor.clone_from(&page.cursor);
        page
    }

    async fn event(&mut self, wanted: impl Fn(&OperatorEvent) -> bool) -> OperatorEvent {
        loop {
            let page = self.poll(WAIT_MS).await;
            let found = page.events.into_iter().filter_map(|event| event.event).find(&wanted);
            if let Some(found) = found {
                return found;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_goes_through_calls_alone() {
    let node = Node::start().await;
    let mut gateway = Gateway::open(&node, 1).await;
    assert!(gateway.take_live().await.is_empty());
    let mut desk = Desk::open(&node, 2).await;
    desk.ready(1).await.unwrap();
    let accepted = gateway.push(push(0, "k1")).await.unwrap();
    assert_eq!((accepted.key.as_str(), accepted.receipt.unwrap().op_id), ("k1", 0));

    let OperatorEvent::Ring(ring) = desk.event(|event| matches!(event, OperatorEvent::Ring(_))).await else {
        panic!("it rings");
    };
    let (contact, assignment) = (ring.contact.unwrap().contact, ring.assignment);
    assert_eq!(contact, accepted.contact);
    let accept = v1::OperatorAccept { op_id: 7, contact: contact.clone(), assignment };
    let (session, accept) = (desk.session.clone(), Some(accept));
    let request = v1::OperatorServiceAcceptRequest { session, accept };
    let receipt = desk.calls.accept(request).await.unwrap().into_inner().receipt.unwrap();
    assert!(receipt.op_id == 7 && receipt.log_index > 0, "the client's own number comes back");
    gateway.event(|event| matches!(event, GatewayEvent::Connect(_))).await;

    let complete = Some(v1::OperatorComplete {
        op_id: 0,
        contact: contact.clone(),
        assignment,
        wrap_up_ms: None,
        step: 0,
        result: None,
    });
    let session = desk.session.clone();
    desk.calls.complete(v1::OperatorServiceCompleteRequest { session, complete }).await.unwrap();
    desk.event(|event| matches!(event, OperatorEvent::Released(_))).await;
    let ended = gateway.event(|event| matches!(event, GatewayEvent::Ended(_))).await;
    assert_eq!(ended.contact, contact);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_call_refuses_is_refused_as_on_a_stream() {
    let node = Node::start().await;
    let mut gateway = Gateway::open(&node, 1).await;
    let first = gateway.push(push(1, "k1")).await.unwrap();
    let again = gateway.push(push(9, "k1")).await.unwrap();
    assert_eq!(first.contact, again.contact, "the same key gets the first answer");
    let status = gateway.push(v1::GatewayPush { tier: 1, ..push(1, "k1") }).await.unwrap_err();
    assert_eq!(carried(&status).code, "key-reused");
    let status = gateway.push(v1::GatewayPush { tier: 99, ..push(1, "k2") }).await.unwrap_err();
    assert_eq!(fields(&carried(&status)), ["tier"]);
    let session = gateway.session.clone();
    let abandon = Some(v1::GatewayAbandon { op_id: 0, key: "never-seen".into() });
    let request = v1::GatewayServiceAbandonRequest { session: session.clone(), abandon };
    let status = gateway.calls.abandon(request).await.unwrap_err();
    assert_eq!(carried(&status).code, "unknown-contact");
    let abandon = Some(v1::GatewayAbandon { op_id: 0, key: "k1".into() });
    gateway.calls.abandon(v1::GatewayServiceAbandonRequest { session, abandon }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_polls_again_with_the_same_cursor_is_told_the_same_again() {
    let node = Node::start().await;
    let mut gateway = Gateway::open(&node, 1).await;
    gateway.take_live().await;
    gateway.push(push(1, "k1")).await.unwrap();
    gateway.push(push(2, "k2")).await.unwrap();
    let first = gateway.ask(WAIT_MS).await.unwrap();
    let again = gateway.ask(WAIT_MS).await.unwrap();
    assert_eq!(first.events[0], again.events[0]);
    let mut keys = Vec::new();
    while keys.len() < 2 {
        keys.extend(gateway.poll(WAIT_MS).await.events.into_iter().map(|event| event.key));
    }
    assert_eq!(keys, ["k1", "k2"]);
    let nothing = gateway.ask(0).await.unwrap();
    assert!(nothing.events.is_empty() && nothing.resync.is_none(), "{nothing:?}");
    assert_eq!(nothing.cursor, gateway.cursor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_of_what_is_live_comes_in_parts_and_events_go_on_behind_it() {
    let node = Node::start_with(Setup { ring_effects_max: 4, ..Setup::default() }).await;
    let mut gateway = Gateway::open(&node, 1).await;
    gateway.take_live().await;
    for number in 1..=150 {
        gateway.push(push(number, &format!("k{number}"))).await.unwrap();
    }
    // The cursor is older than what the node retains.
    let mut keys = gateway.take_live().await;
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 150);
    gateway.push(push(151, "k151")).await.unwrap();
    let next = gateway.event(|_| true).await;
    assert_eq!(next.key, "k151", "and nothing of what the list held");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_without_calls_runs_out_and_the_next_call_resumes_the_session() {
    let heartbeat = Duration::from_millis(50);
    let node = Node::start_with(Setup { heartbeat, ..Setup::default() }).await;
    let mut desk = Desk::open(&node, 1).await;
    until(&node, |state| matches!(state, SessionState::Grace { .. })).await;
    desk.ready(1).await.unwrap();
    assert!(session(&node).0 > Epoch(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poll_that_waits_keeps_the_lease() {
    let heartbeat = Duration::from_millis(200);
    let node = Node::start_with(Setup { heartbeat, ..Setup::default() }).await;
    let mut desk = Desk::open(&node, 1).await;
    // Much longer than three heartbeats.
    desk.poll(2_000).await;
    assert_eq!(session(&node).0, Epoch(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_session_is_in_its_grace_and_may_be_resumed() {
    let node = Node::start().await;
    let mut desk = Desk::open(&node, 1).await;
    let session = desk.session.clone();
    desk.calls.close_session(v1::OperatorServiceCloseSessionRequest { session }).await.unwrap();
    until(&node, |state| matches!(state, SessionState::Grace { .. })).await;
    desk.ready(1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_after_signing_out_does_not_sign_in_again() {
    let node = Node::start().await;
    let mut desk = Desk::open(&node, 1).await;
    let (session, sign_out) = (desk.session.clone(), Some(v1::OperatorSignOut { op_id: 0 }));
    desk.calls.sign_out(v1::OperatorServiceSignOutRequest { session, sign_out }).await.unwrap();
    until(&node, |state| *state == SessionState::None).await;
    loop {
        let status = desk.ready(1).await.unwrap_err();
        match carried(&status).code.as_str() {
            "session-over" => break,
            // The node is about to notice.
            code => assert_eq!(code, "unavailable"),
        }
    }
    assert_eq!(crate::calls::session(&node).1, SessionState::None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_taken_over_by_a_stream_is_over_for_calls() {
    let node = Node::start().await;
    let mut desk = Desk::open(&node, 1).await;
    let hello = v1::OperatorHello { takeover: true, ..operator_hello(2) };
    let (mut stream, _) = node.operator(hello).await;
    loop {
        let status = desk.ready(1).await.unwrap_err();
        match carried(&status).code.as_str() {
            "session-over" => break,
            code => assert_eq!(code, "unavailable"),
        }
    }
    stream.ready(1, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opening_that_is_repeated_is_the_same_session() {
    let node = Node::start().await;
    let mut first = Desk::open(&node, 1).await;
    let mut second = Desk::open(&node, 1).await;
    assert_eq!((&first.session, session(&node).0), (&second.session, Epoch(1)));
    second.ready(1).await.unwrap();
    first.ready(2).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_many_polls_wait_at_once_and_no_more() {
    let node = Node::start().await;
    let mut gateway = Gateway::open(&node, 1).await;
    gateway.take_live().await;
    let mut polls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut gateway = gateway.at(&node).await;
        let poll = async move { gateway.ask(WAIT_MS).await.err().map(|status| carried(&status).code) };
        #[expect(clippy::disallowed_methods, reason = "the test waits for all of them")]
        polls.spawn(poll);
    }
    let refused = polls.join_next().await.unwrap().unwrap();
    assert_eq!(refused.as_deref(), Some("overloaded"), "those too many come back at once");
    gateway.push(push(1, "k1")).await.unwrap();
    let told = polls.join_all().await.into_iter().filter(Option::is_none).count();
    assert!(told > 0, "and the others with the event");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_at_another_node_resumes_the_session_there() {
    let nodes = Node::cluster(3, Setup::default()).await;
    let mut first = Gateway::open(&nodes[0], 1).await;
    first.take_live().await;
    let pushed = first.push(push(1, "k1")).await.unwrap();

    let mut second = first.at(&nodes[1]).await;
    let again = second.push(push(1, "k1")).await.unwrap();
    assert_eq!(again.contact, pushed.contact, "another node gives the first answer");
    let told = second.event(|event| matches!(event, GatewayEvent::Queued(_))).await;
    assert_eq!(told.key, "k1", "the cursor of one node holds on the other");

    nodes[1].stop().await;
    let mut third = second.at(&nodes[2]).await;
    let mut tries = tokio::time::interval(Duration::from_millis(50));
    loop {
        match third.push(push(2, "k2")).await {
            Ok(_) => break,
            Err(status) => assert!(carried(&status).retryable, "{status}"),
        }
        tries.tick().await;
    }
    assert_eq!(third.event(|_| true).await.key, "k2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_reconciles_in_parts_and_pages() {
    let node = Node::start().await;
    let mut gateway = Gateway::open(&node, 1).await;
    for number in 1..=150 {
        gateway.push(push(number, &format!("k{number}"))).await.unwrap();
    }
    let mut compare = async |keys: &[&str], last, page| {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let reconcile = Some(v1::GatewayReconcile { op_id: 5, keys, last });
        let session = gateway.session.clone();
        let request = v1::GatewayServiceReconcileRequest { session, reconcile, page };
        gateway.calls.reconcile(request).await.map(|answer| answer.into_inner().report)
    };
    assert_eq!(compare(&["k1"], false, 0).await.unwrap(), None);
    let (mut page, mut report) = (0, compare(&["k2", "imagined"], true, 0).await.unwrap().unwrap());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    loop {
        ours.extend(report.unknown_to_gateway.into_iter().map(|contact| contact.key));
        theirs.extend(report.unknown_to_cluster.into_iter().map(|orphan| orphan.key));
        if report.last {
            break;
        }
        page += 1;
        report = compare(&[], true, page).await.unwrap().unwrap();
    }
    assert_eq!((ours.len(), theirs), (148, vec!["imagined".to_owned()]));
    assert!(page > 0 && !ours.contains(&"k1".to_owned()) && !ours.contains(&"k2".to_owned()));
    let status = compare(&[], true, page + 1).await.unwrap_err();
    assert_eq!(fields(&carried(&status)), ["page"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_node_tells_those_who_poll() {
    let nodes = Node::cluster(2, Setup::default()).await;
    let mut gateway = Gateway::open(&nodes[0], 1).await;
    gateway.take_live().await;
    let mut waiting = gateway.at(&nodes[0]).await;
    let (page, ()) = tokio::join!(waiting.poll(WAIT_MS), async { nodes[0].api.drain(Millis(5_000)) });
    let drain = page.drain.expect("it is told");
    assert_eq!((drain.hint, drain.within_ms), (nodes[1].address.to_string(), 5_000));
    // Elsewhere it goes on.
    let mut elsewhere = gateway.at(&nodes[1]).await;
    elsewhere.push(push(1, "k1")).await.unwrap();
    let mut back = elsewhere.at(&nodes[0]).await;
    loop {
        let status = match back.push(push(2, "k2")).await {
            Ok(_) => panic!("a draining node resumes nothing"),
            Err(status) => status,
        };
        match carried(&status).code.as_str() {
            "draining" => break,
            code => assert_eq!(code, "unavailable"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_wrong_is_told_what_is_wrong() {
    let node = Node::start().await;
    let mut gateway = Gateway::open(&node, 1).await;
    let mut calls = node.gateway_calls(GATEWAY).await;
    let hello = Some(gateway_hello(0));
    let status = calls.open_session(v1::GatewayServiceOpenSessionRequest { hello }).await.unwrap_err();
    assert_eq!(fields(&carried(&status)), ["hello.nonce"]);
    let request = v1::GatewayServicePushRequest { session: "mine".into(), push: Some(push(1, "k1")) };
    assert_eq!(fields(&carried(&calls.push(request).await.unwrap_err())), ["session"]);
    let request = v1::GatewayServicePushRequest { session: gateway.session.clone(), push: None };
    assert_eq!(fields(&carried(&calls.push(request).await.unwrap_err())), ["push"]);
    let session = "00000000000000ff".to_owned();
    let status = calls.push(v1::GatewayServicePushRequest { session, push: Some(push(1, "k1")) }).await;
    let status = status.unwrap_err();
    assert_eq!((status.code(), carried(&status).code.as_str()), (Code::FailedPrecondition, "session-over"));
    assert_eq!(fields(&carried(&gateway.ask(WAIT_MS + 1).await.unwrap_err())), ["wait_ms"]);
    gateway.cursor = "nonsense".into();
    assert_eq!(carried(&gateway.ask(0).await.unwrap_err()).code, "invalid-cursor");
}

/// Anna's session in the log.
fn session(node: &Node) -> (Epoch, SessionState) {
    node.replica.read(|router| {
        let session = router.session(router.party(Role::Operator, "anna").unwrap()).unwrap();
        (session.epoch, session.state)
    })
}

async fn until(node: &Node, so: impl Fn(&SessionState) -> bool) {
    let mut feed = node.replica.feed();
    while !so(&session(node).1) {
        feed.changed().await;
    }
}
