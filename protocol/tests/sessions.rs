//! The sessions of gateways and operators against nodes that do what a test says, over real connections.

mod node;

use node::{GatewayStream, Node, OperatorStream, clock};
use ringmain_protocol::client::{
    AssignmentOf, GatewayClient, GatewayNotice, Notice, OperationError, OperatorClient, OperatorNotice,
    OperatorOperation, Pushed, SessionConfig, StopReason,
};
use ringmain_protocol::v1::gateway_event::Event as Happened;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_protocol::v1::gateway_service_session_response::Message as GatewayDown;
use ringmain_protocol::v1::operator_service_session_request::Message as OperatorUp;
use ringmain_protocol::v1::operator_service_session_response::Message as OperatorDown;
use ringmain_protocol::v1::{
    Contact, ContactQueued, Error, ErrorKind, GatewayAccepted, GatewayEvent, GatewayFailed, GatewayHello,
    GatewayPush, GatewayReconcileReport, GatewayResync, GatewayWelcome, OperatorDone, OperatorEvent,
    OperatorHello, OperatorRing, OperatorSetPresence, OperatorWelcome, PresenceKind, Receipt,
};
use ringmain_routing::{Cursor, LogIndex, Position};
use tokio::sync::mpsc;

type GatewayNotices = mpsc::Receiver<GatewayNotice>;

#[tokio::test]
async fn a_push_that_the_node_took_with_it_is_answered_by_the_next_node() {
    let (a, b) = (Node::start().await, Node::start().await);
    let (gateway, _notices) = gateway(&[&a, &b]);
    let mut at_a = a.gateway().await;
    assert_eq!(hello(&mut at_a).await.resume_epoch, None);
    welcome(&at_a, 1).await;
    let pushing = tokio_task(async move { gateway.push(push("k1")).await });
    assert_eq!(pushed(&mut at_a).await, push_with(1, "k1"));
    drop(at_a);

    let mut at_b = b.gateway().await;
    assert_eq!(hello(&mut at_b).await.resume_epoch, Some(1));
    welcome(&at_b, 2).await;
    assert_eq!(pushed(&mut at_b).await, push_with(1, "k1"), "the same number and key");
    accept(&at_b, 1, "k1").await;
    let answer = pushing.await.expect("the task lives").expect("accepted");
    assert_eq!((answer.contact(), answer.receipt().log_index), ("c1.0", 77));
    assert!(matches!(answer, Pushed::Accepted(_)));
}

#[tokio::test]
async fn an_unknown_outcome_is_asked_for_again_with_the_same_key() {
    let a = Node::start().await;
    let (gateway, _notices) = gateway(&[&a]);
    let mut at_a = a.gateway().await;
    hello(&mut at_a).await;
    welcome(&at_a, 1).await;
    let pushing = tokio_task(async move { gateway.push(push("k1")).await });
    pushed(&mut at_a).await;
    fail(&at_a, 1, ErrorKind::Unknown, "unknown-outcome", "").await;
    assert_eq!(pushed(&mut at_a).await, push_with(1, "k1"));
    accept(&at_a, 1, "k1").await;
    assert!(pushing.await.expect("the task lives").is_ok());
}

#[tokio::test]
async fn a_hint_is_followed_and_the_operation_goes_along() {
    let (a, b) = (Node::start().await, Node::start().await);
    let (gateway, _notices) = gateway(&[&a]);
    let mut at_a = a.gateway().await;
    hello(&mut at_a).await;
    welcome(&at_a, 1).await;
    let pushing = tokio_task(async move { gateway.push(push("k1")).await });
    pushed(&mut at_a).await;
    fail(&at_a, 1, ErrorKind::Unavailable, "read-only", &b.address).await;
    let mut at_b = b.gateway().await;
    hello(&mut at_b).await;
    welcome(&at_b, 2).await;
    assert_eq!(pushed(&mut at_b).await, push_with(1, "k1"));
    accept(&at_b, 1, "k1").await;
    assert!(pushing.await.expect("the task lives").is_ok());
}

#[tokio::test]
async fn a_refusal_comes_back_with_its_place_in_the_log() {
    let a = Node::start().await;
    let (gateway, _notices) = gateway(&[&a]);
    let mut at_a = a.gateway().await;
    hello(&mut at_a).await;
    welcome(&at_a, 1).await;
    let pushing = tokio_task(async move { gateway.push(push("k1")).await });
    pushed(&mut at_a).await;
    fail(&at_a, 1, ErrorKind::Refusal, "queue-closed", "").await;
    let Err(OperationError::Refused(refused)) = pushing.await.expect("the task lives") else {
        panic!("not refused")
    };
    assert_eq!((refused.error.code.as_str(), refused.receipt.log_index), ("queue-closed", 77));
}

#[tokio::test]
async fn events_come_once_and_the_stream_resumes_behind_the_last() {
    let (a, b) = (Node::start().await, Node::start().await);
    let (_gateway, mut notices) = gateway(&[&a, &b]);
    let mut at_a = a.gateway().await;
    hello(&mut at_a).await;
    welcome(&at_a, 1).await;
    for n in [0, 1, 1, 0, 2] {
        event(&at_a, 5, n).await;
    }
    assert!(matches!(notices.recv().await, Some(Notice::Online(_))));
    assert_eq!(events(&mut notices, 3).await, [at(5, 0), at(5, 1), at(5, 2)]);
    drop(at_a);

    let mut at_b = b.gateway().await;
    assert_eq!(hello(&mut at_b).await.cursor, at(5, 2));
    welcome(&at_b, 2).await;
    event(&at_b, 5, 2).await;
    event(&at_b, 6, 0).await;
    assert_eq!(notices.recv().await, Some(Notice::Offline));
    assert!(matches!(notices.recv().await, Some(Notice::Online(_))));
    assert_eq!(events(&mut notices, 1).await, [at(6, 0)]);
}

#[tokio::test]
async fn an_owner_without_room_misses_nothing() {
    let a = Node::start().await;
    let config = SessionConfig { notices_max: 1, ..config("gw", &[&a]) };
    let (_gateway, mut notices) = GatewayClient::connect(config).expect("a good configuration");
    let mut at_a = a.gateway().await;
    hello(&mut at_a).await;
    welcome(&at_a, 1).await;
    for n in 0..500 {
        event(&at_a, 5, n).await;
    }
    assert!(matches!(notices.recv().await, Some(Notice::Online(_))));
    let cursors = events(&mut notices, 500).await;
    assert!(cursors.iter().zip(0..).all(|(cursor, n)| *cursor == at(5, n)));
}

#[tokio::test]
async fn lists_in_parts_arrive_whole() {
    let a = Node::start().await;
    let (gateway, mut notices) = gateway(&[&a]);
    let mut at_a = a.gateway().await;
    hello(&mut at_a).await;
    welcome(&at_a, 1).await;
    for (contact, last) in [("c1.0", false), ("c2.0", true)] {
        let contacts = vec![Contact { contact: contact.to_owned(), ..Contact::default() }];
        at_a.send(GatewayDown::Resync(GatewayResync { as_of: at(9, u32::MAX), contacts, last })).await;
    }
    assert!(matches!(notices.recv().await, Some(Notice::Online(_))));
    let Some(Notice::Resync(resync)) = notices.recv().await else { panic!("no resync") };
    assert_eq!(
        resync.contacts.iter().map(|contact| contact.contact.as_str()).collect::<Vec<_>>(),
        ["c1.0", "c2.0"]
    );

    let keys: Vec<String> = (0..3_000).map(|n| format!("{n:0>250}")).collect();
    let expected = keys.clone();
    let reconciling = tokio_task(async move { gateway.reconcile(keys).await });
    let mut named = Vec::new();
    loop {
        let GatewayUp::Reconcile(part) = at_a.next().await else { continue };
        named.extend(part.keys);
        if part.last {
            break;
        }
    }
    assert_eq!(named, expected);
    for last in [false, true] {
        let receipt = Some(Receipt { op_id: 1, ..Receipt::default() });
        let unknown_to_gateway = vec![Contact::default()];
        let report = GatewayReconcileReport { receipt, unknown_to_gateway, last, ..Default::default() };
        at_a.send(GatewayDown::ReconcileReport(report)).await;
    }
    let report = reconciling.await.expect("the task lives").expect("compared");
    assert_eq!(report.unknown_to_gateway.len(), 2);
}

#[tokio::test]
async fn a_client_without_a_right_stops_and_says_what_the_node_said() {
    let a = Node::start().await;
    let (gateway, mut notices) = gateway(&[&a]);
    let mut at_a = a.gateway().await;
    assert_eq!(at_a.token, "Bearer secret");
    hello(&mut at_a).await;
    fail(&at_a, 0, ErrorKind::Unauthorized, "permission-denied", "").await;
    let Some(Notice::Stopped { reason, error }) = notices.recv().await else { panic!("not stopped") };
    assert_eq!(
        (reason, error.map(|error| error.code)),
        (StopReason::Refused, Some("permission-denied".to_owned()))
    );
    assert!(matches!(gateway.push(push("k1")).await, Err(OperationError::Stopped(_))));
}

#[tokio::test]
async fn a_message_that_no_node_would_read_is_refused_at_once() {
    let a = Node::start().await;
    let (gateway, _notices) = gateway(&[&a]);
    let long = GatewayPush { key: "k".repeat(1_100_000), ..push("") };
    let Err(OperationError::Refused(refused)) = gateway.push(long).await else { panic!("not refused") };
    assert_eq!(refused.error.code, "message-too-large");
}

#[tokio::test]
async fn a_dropped_client_ends_its_stream() {
    let a = Node::start().await;
    let (gateway, notices) = gateway(&[&a]);
    let mut at_a = a.gateway().await;
    hello(&mut at_a).await;
    drop(gateway);
    assert_eq!(at_a.try_next().await, None);
    drop(notices);
}

#[tokio::test]
async fn presence_is_counted_anew_in_each_opening_of_the_session() {
    let (a, b) = (Node::start().await, Node::start().await);
    let (operator, _notices) = operator(&[&a, &b]);
    let mut at_a = a.operator().await;
    assert_eq!(operator_hello(&mut at_a).await.login, "anna");
    operator_welcome(&at_a, 1).await;
    for seq in 1..=2 {
        let asked = operator.begin(OperatorOperation::Ready).await.expect("it lives");
        assert_eq!(presence(&mut at_a).await.seq, seq);
        done(&at_a, seq).await;
        assert_eq!(asked.await.expect("done").receipt.map(|receipt| receipt.op_id), Some(seq));
    }
    let asked = operator.begin(OperatorOperation::NotReady(7)).await.expect("it lives");
    assert_eq!(presence(&mut at_a).await.seq, 3);
    drop(at_a);
    let mut at_b = b.operator().await;
    operator_hello(&mut at_b).await;
    operator_welcome(&at_b, 2).await;
    let again = presence(&mut at_b).await;
    assert_eq!((again.op_id, again.seq, again.presence()), (3, 1, PresenceKind::NotReady));
    assert_eq!(again.not_ready_reason, 7);
    done(&at_b, 3).await;
    assert!(asked.await.is_ok());
}

#[tokio::test]
async fn a_ring_is_answered_and_signing_out_ends_the_client() {
    let a = Node::start().await;
    let (operator, mut notices) = operator(&[&a]);
    let mut at_a = a.operator().await;
    operator_hello(&mut at_a).await;
    operator_welcome(&at_a, 1).await;
    let ring = OperatorRing { assignment: 1, deadline_ms: 15_000, ..OperatorRing::default() };
    let event = Some(ringmain_protocol::v1::operator_event::Event::Ring(ring));
    at_a.send(OperatorDown::Event(OperatorEvent { cursor: at(5, 0), at_ms: 1, event })).await;
    assert!(matches!(notices.recv().await, Some(Notice::Online(_))));
    assert!(matches!(notices.recv().await, Some(Notice::Event(_))));
    let accept =
        operator.begin(OperatorOperation::Accept(AssignmentOf::new("c1.0", 1))).await.expect("it lives");
    let OperatorUp::Accept(message) = at_a.next().await else { panic!("no accept") };
    assert_eq!((message.op_id, message.contact.as_str(), message.assignment), (1, "c1.0", 1));
    done(&at_a, 1).await;
    assert!(accept.await.is_ok());
    let leaving = operator.begin(OperatorOperation::SignOut).await.expect("it lives");
    assert!(matches!(at_a.next().await, OperatorUp::SignOut(_)));
    done(&at_a, 2).await;
    assert!(leaving.await.is_ok());
    assert_eq!(notices.recv().await, Some(Notice::Offline));
    assert_eq!(notices.recv().await, Some(Notice::Stopped { reason: StopReason::Asked, error: None }));
}

#[tokio::test]
async fn the_first_event_of_a_contact_may_come_before_the_answer_to_its_push() {
    let a = Node::start().await;
    let (gateway, mut notices) = gateway(&[&a]);
    let mut at_a = a.gateway().await;
    hello(&mut at_a).await;
    welcome(&at_a, 1).await;
    assert!(matches!(notices.recv().await, Some(Notice::Online(_))));
    let pushing = tokio_task(async move { gateway.push(push("k1")).await });
    pushed(&mut at_a).await;
    let queued = Some(Happened::Queued(ContactQueued {}));
    let event = GatewayEvent { cursor: at(77, 0), key: "k1".to_owned(), event: queued, ..Default::default() };
    at_a.send(GatewayDown::Event(event)).await;
    let Some(Notice::Event(event)) = notices.recv().await else { panic!("the event is told") };
    assert_eq!(event.key, "k1", "by its key the owner knows which push it belongs to");
    accept(&at_a, 1, "k1").await;
    assert!(pushing.await.expect("the task lives").is_ok());
}

#[tokio::test]
async fn a_cluster_that_began_anew_is_believed_though_its_positions_are_smaller() {
    let (a, b) = (Node::start().await, Node::start().await);
    let (_gateway, mut notices) = gateway(&[&a, &b]);
    let mut at_a = a.gateway().await;
    hello(&mut at_a).await;
    welcome(&at_a, 1).await;
    event(&at_a, 500, 0).await;
    assert!(matches!(notices.recv().await, Some(Notice::Online(_))));
    assert_eq!(events(&mut notices, 1).await, [at(500, 0)]);
    drop(at_a);

    let mut at_b = b.gateway().await;
    hello(&mut at_b).await;
    welcome(&at_b, 2).await;
    let restored = |index, n| of_life(9, index, n);
    let resync = GatewayResync { as_of: restored(20, 0), contacts: vec![], last: true };
    at_b.send(GatewayDown::Resync(resync)).await;
    let told = GatewayEvent { cursor: restored(20, 1), ..GatewayEvent::default() };
    at_b.send(GatewayDown::Event(told)).await;
    assert!(matches!(notices.recv().await, Some(Notice::Offline)));
    assert!(matches!(notices.recv().await, Some(Notice::Online(_))));
    assert!(matches!(notices.recv().await, Some(Notice::Resync(list)) if list.as_of == restored(20, 0)));
    assert_eq!(events(&mut notices, 1).await, [restored(20, 1)]);
    drop(at_b);
    let mut at_a = a.gateway().await;
    assert_eq!(hello(&mut at_a).await.cursor, restored(20, 1), "with the life it is of");
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused() {
    let refused = |config: SessionConfig| GatewayClient::connect(config).err().expect("refused").to_string();
    let good = || SessionConfig::new(vec!["127.0.0.1:1".to_owned()], "secret", "gw", clock(), 1);
    assert!(refused(SessionConfig { addresses: vec![], ..good() }).starts_with("addresses"));
    assert!(
        refused(SessionConfig { addresses: vec!["nowhere".to_owned()], ..good() }).starts_with("addresses")
    );
    assert!(refused(SessionConfig { name: String::new(), ..good() }).starts_with("name"));
    assert!(refused(SessionConfig { cursor: "x".to_owned(), ..good() }).starts_with("cursor"));
    assert!(refused(SessionConfig { token: "a\nb".to_owned(), ..good() }).starts_with("token"));
    assert!(!format!("{:?}", good()).contains("secret"), "the token must not reach a log");
}

fn config(name: &str, nodes: &[&Node]) -> SessionConfig {
    let addresses = nodes.iter().map(|node| node.address.clone()).collect();
    SessionConfig::new(addresses, "secret", name, clock(), 1)
}

fn gateway(nodes: &[&Node]) -> (GatewayClient, GatewayNotices) {
    GatewayClient::connect(config("gw", nodes)).expect("a good configuration")
}

fn operator(nodes: &[&Node]) -> (OperatorClient, mpsc::Receiver<OperatorNotice>) {
    OperatorClient::connect(config("anna", nodes)).expect("a good configuration")
}

#[expect(clippy::disallowed_methods, reason = "a test waits for its tasks")]
fn tokio_task<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    tokio::spawn(task)
}

fn at(index: u64, n: u32) -> String {
    of_life(1, index, n)
}

fn of_life(generation: u64, index: u64, n: u32) -> String {
    let position = Position { index: LogIndex(index), n };
    Cursor { generation, group: 0, position }.to_text()
}

fn push(key: &str) -> GatewayPush {
    GatewayPush {
        key: key.to_owned(),
        queue: "outage".to_owned(),
        channel: "voice".to_owned(),
        ..Default::default()
    }
}

fn push_with(op_id: u64, key: &str) -> GatewayPush {
    GatewayPush { op_id, ..push(key) }
}

fn receipt(op_id: u64) -> Option<Receipt> {
    Some(Receipt { op_id, log_index: 77, term: 3, at_ms: 1 })
}

async fn hello(stream: &mut GatewayStream) -> GatewayHello {
    let GatewayUp::Hello(hello) = stream.next().await else { panic!("no hello") };
    hello
}

async fn welcome(stream: &GatewayStream, epoch: u32) {
    let welcome = GatewayWelcome { epoch, credits: 100, heartbeat_ms: 60_000, ..GatewayWelcome::default() };
    stream.send(GatewayDown::Welcome(welcome)).await;
}

async fn pushed(stream: &mut GatewayStream) -> GatewayPush {
    let GatewayUp::Push(push) = stream.next().await else { panic!("no push") };
    push
}

async fn accept(stream: &GatewayStream, op_id: u64, key: &str) {
    let (key, contact) = (key.to_owned(), "c1.0".to_owned());
    let accepted = GatewayAccepted { receipt: receipt(op_id), key, contact, ..Default::default() };
    stream.send(GatewayDown::Accepted(accepted)).await;
}

async fn fail(stream: &GatewayStream, op_id: u64, kind: ErrorKind, code: &str, hint: &str) {
    let error = Error { kind: kind.into(), code: code.to_owned(), hint: hint.to_owned(), ..Error::default() };
    stream.send(GatewayDown::Failed(GatewayFailed { receipt: receipt(op_id), error: Some(error) })).await;
}

async fn event(stream: &GatewayStream, index: u64, n: u32) {
    let event = Some(Happened::Queued(ContactQueued {}));
    let event = GatewayEvent { cursor: at(index, n), event, ..GatewayEvent::default() };
    stream.send(GatewayDown::Event(event)).await;
}

async fn events(notices: &mut GatewayNotices, count: usize) -> Vec<String> {
    let mut cursors = Vec::new();
    while cursors.len() < count {
        let Some(Notice::Event(event)) = notices.recv().await else { panic!("no event") };
        cursors.push(event.cursor.clone());
    }
    cursors
}

async fn operator_hello(stream: &mut OperatorStream) -> OperatorHello {
    let OperatorUp::Hello(hello) = stream.next().await else { panic!("no hello") };
    hello
}

async fn operator_welcome(stream: &OperatorStream, epoch: u32) {
    let welcome = OperatorWelcome { epoch, credits: 100, heartbeat_ms: 60_000, ..OperatorWelcome::default() };
    stream.send(OperatorDown::Welcome(welcome)).await;
}

async fn presence(stream: &mut OperatorStream) -> OperatorSetPresence {
    let OperatorUp::SetPresence(presence) = stream.next().await else { panic!("no presence") };
    presence
}

async fn done(stream: &OperatorStream, op_id: u64) {
    stream
        .send(OperatorDown::Done(OperatorDone { receipt: receipt(op_id), ..OperatorDone::default() }))
        .await;
}
