//! Threads with targets for replies, and interruptible work, as gateways, operators and supervisors see them.

use ringmain_protocol::v1;
use ringmain_protocol::v1::gateway_event::Event as GatewayEvent;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_protocol::v1::gateway_service_session_response::Message as GatewayDown;
use ringmain_protocol::v1::operator_event::Event as OperatorEvent;
use ringmain_protocol::v1::operator_service_session_request::Message as OperatorUp;

use crate::support::*;

async fn node_with(rules: v1::QueueRules) -> Node {
    let node = Node::start().await;
    let mut ruled = plan(2);
    ruled.queues[0].rules = Some(rules);
    let mut admin = node.admin(ADMIN).await;
    admin.apply_plan(v1::ApplyPlanRequest { plan: Some(ruled), dry_run: false }).await.unwrap();
    let operators = vec![anna()];
    admin.put_operators(v1::PutOperatorsRequest { operators, ..Default::default() }).await.unwrap();
    node
}

fn thread(rule: v1::ThreadRule) -> v1::QueueRules {
    v1::QueueRules { thread: Some(rule), ..v1::QueueRules::default() }
}

/// `anna` is ready and has accepted the gateway's contact `k1`.
async fn in_talk(node: &Node) -> (GatewayStream, OperatorStream, String) {
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    let (mut anna, _) = node.operator(operator_hello(2)).await;
    anna.ready(1, 1).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    gateway.accepted(1).await;
    let contact = accept(&mut anna, 2).await;
    (gateway, anna, contact)
}

async fn accept(operator: &mut OperatorStream, op_id: u64) -> String {
    let ring = operator.ring().await;
    let contact = ring.contact.unwrap().contact;
    let accept = v1::OperatorAccept { op_id, contact: contact.clone(), assignment: ring.assignment };
    operator.say(OperatorUp::Accept(accept)).await;
    operator.done(op_id).await;
    contact
}

fn message(op_id: u64, number: u64, by: v1::ThreadWriter) -> GatewayUp {
    GatewayUp::NoteMessage(v1::GatewayNoteMessage { op_id, key: "k1".into(), number, by: by.into() })
}

async fn noted(gateway: &mut GatewayStream, op_id: u64) {
    let is_it = |receipt: &Option<v1::Receipt>| receipt.as_ref().is_some_and(|it| it.op_id == op_id);
    gateway
        .find(|message| {
            let GatewayDown::Done(done) = message else { return None };
            is_it(&done.receipt).then_some(())
        })
        .await;
}

async fn seen(node: &Node, contact: &str) -> v1::Contact {
    let name = Some(v1::get_contact_request::Name::Contact(contact.into()));
    let mut vera = node.supervisor(SUPERVISOR).await;
    vera.get_contact(v1::GetContactRequest { name }).await.unwrap().into_inner().contact.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_overdue_is_told_to_gateway_and_operator() {
    let node = node_with(thread(v1::ThreadRule { first_reply_ms: Some(1), ..Default::default() })).await;
    let (mut gateway, mut anna, contact) = in_talk(&node).await;
    let overdue = i32::from(v1::ThreadNews::ReplyOverdue);
    let is_overdue = |event: &GatewayEvent| matches!(event, GatewayEvent::Thread(told) if told.news == overdue && told.operator_login == "anna");
    gateway.event(is_overdue).await;
    let is_overdue = |event: &OperatorEvent| matches!(event, OperatorEvent::Thread(told) if told.news == overdue && told.contact == contact);
    anna.event(is_overdue).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_rests_until_its_customer_writes_again() {
    let node = node_with(thread(v1::ThreadRule { park_after_ms: Some(1), ..Default::default() })).await;
    let (mut gateway, mut anna, contact) = in_talk(&node).await;
    gateway.say(message(10, 1, v1::ThreadWriter::Operator)).await;
    noted(&mut gateway, 10).await;
    gateway.event(|event| matches!(event, GatewayEvent::Parked(parked) if parked.on)).await;
    anna.event(|event| matches!(event, OperatorEvent::Parked(parked) if parked.on)).await;
    let view = seen(&node, &contact).await;
    let thread = view.thread.unwrap();
    assert!(view.parked_since_ms.is_some() && thread.rests && thread.messages == 1);
    let mut vera = node.supervisor(SUPERVISOR).await;
    let queues = vera.list_queues(v1::ListQueuesRequest::default()).await.unwrap().into_inner().queues;
    assert_eq!((queues[0].handling, queues[0].parked), (1, 1));
    let operators = vera.list_operators(v1::ListOperatorsRequest::default()).await.unwrap().into_inner();
    assert_eq!((operators.operators[0].parked.as_slice(), operators.operators[0].used), (&[contact][..], 0));

    gateway.say(message(11, 1, v1::ThreadWriter::Customer)).await;
    noted(&mut gateway, 11).await;
    gateway.say(message(12, 2, v1::ThreadWriter::Customer)).await;
    noted(&mut gateway, 12).await;
    anna.event(|event| matches!(event, OperatorEvent::Parked(parked) if !parked.on)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_says_too_little_is_told_what_is_wrong() {
    let node = node_with(v1::QueueRules::default()).await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    gateway.say(message(5, 0, v1::ThreadWriter::Unspecified)).await;
    let error = gateway.failed(5).await;
    assert_eq!(fields(&error), ["number", "by"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_work_is_told_as_parked_and_goes_on() {
    let interruptible = Some(v1::InterruptibleRule { by_tier: 1, by_channels: vec![], parks_max: 3 });
    let node = node_with(v1::QueueRules { interruptible, ..v1::QueueRules::default() }).await;
    let (mut gateway, mut anna, contact) = in_talk(&node).await;
    gateway.say(GatewayUp::Push(v1::GatewayPush { tier: 1, ..push(3, "k2") })).await;
    gateway.accepted(3).await;
    gateway.event(|event| matches!(event, GatewayEvent::Parked(parked) if parked.on)).await;
    assert!(seen(&node, &contact).await.parked_since_ms.is_some());
    let urgent = accept(&mut anna, 4).await;
    let complete =
        v1::OperatorComplete { op_id: 5, contact: urgent, assignment: 1, ..v1::OperatorComplete::default() };
    anna.say(OperatorUp::Complete(complete)).await;
    anna.done(5).await;
    anna.event(|event| matches!(event, OperatorEvent::Parked(parked) if !parked.on)).await;
    assert_eq!(seen(&node, &contact).await.parked_since_ms, None);
}
