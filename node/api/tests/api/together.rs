//! Several people, bots and channels around one contact: consultations, requests for a person, companions, results, the
//! hand-over of a shift.

use ringmain_protocol::v1;
use ringmain_protocol::v1::action_service_client::ActionServiceClient;
use ringmain_protocol::v1::gateway_event::Event as GatewayEvent;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_protocol::v1::gateway_service_session_response::Message as GatewayDown;
use ringmain_protocol::v1::operator_event::Event as OperatorEvent;
use ringmain_protocol::v1::operator_service_session_request::Message as OperatorUp;
use ringmain_protocol::v1::operator_service_session_response::Message as OperatorDown;

use crate::support::*;

/// A node with operators `anna` and `boris`, under a plan with these rules for its queue and the whole.
async fn node_with(queue: v1::QueueRules, rules: v1::PlanRules) -> Node {
    let node = Node::start().await;
    let mut ruled = plan(2);
    ruled.queues[0].rules = Some(queue);
    ruled.channels.push(v1::ChannelPlan { name: "chat".into(), units: 1 });
    ruled.rules = Some(rules);
    let mut admin = node.admin(ADMIN).await;
    admin.apply_plan(v1::ApplyPlanRequest { plan: Some(ruled), dry_run: false }).await.unwrap();
    let colleague = v1::OperatorPlan { login: "boris".into(), capacity: 2, ..anna() };
    let operators = vec![v1::OperatorPlan { capacity: 2, ..anna() }, colleague];
    admin.put_operators(v1::PutOperatorsRequest { operators, ..Default::default() }).await.unwrap();
    node
}

/// `anna` is ready and has accepted the gateway's contact `k1`.
async fn in_talk(node: &Node) -> (GatewayStream, OperatorStream, String) {
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    let (mut anna, _) = node.operator(operator_hello(2)).await;
    anna.ready(1, 1).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    gateway.accepted(1).await;
    let contact = accept(&mut anna, 2).await.contact;
    (gateway, anna, contact)
}

async fn accept(operator: &mut OperatorStream, op_id: u64) -> v1::Contact {
    let ring = operator.ring().await;
    let contact = ring.contact.unwrap();
    let accept = v1::OperatorAccept { op_id, contact: contact.contact.clone(), assignment: ring.assignment };
    operator.say(OperatorUp::Accept(accept)).await;
    operator.done(op_id).await;
    contact
}

async fn boris(node: &Node) -> OperatorStream {
    let hello = v1::OperatorHello { login: "boris".into(), ..operator_hello(3) };
    let (mut boris, _) = node.operator_with(COLLEAGUE, hello).await;
    boris.ready(1, 1).await;
    boris
}

async fn seen(node: &Node, contact: &str) -> v1::Contact {
    let name = Some(v1::get_contact_request::Name::Contact(contact.into()));
    let mut vera = node.supervisor(SUPERVISOR).await;
    vera.get_contact(v1::GetContactRequest { name }).await.unwrap().into_inner().contact.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_colleague_is_asked_joins_the_talk_and_takes_it_over() {
    let node = node_with(v1::QueueRules::default(), v1::PlanRules::default()).await;
    let (mut gateway, mut anna, contact) = in_talk(&node).await;
    let mut boris = boris(&node).await;
    let ask = v1::OperatorAskColleague {
        op_id: 3,
        contact: contact.clone(),
        assignment: 1,
        login: "boris".into(),
        hold_ms: 60_000,
        ..Default::default()
    };
    anna.say(OperatorUp::Consult(ask)).await;
    let leg = anna
        .find(|message| {
            let OperatorDown::Done(done) = message else { return None };
            done.contact.clone().filter(|_| done.receipt.as_ref().is_some_and(|receipt| receipt.op_id == 3))
        })
        .await;
    let asked = accept(&mut boris, 2).await;
    assert_eq!((asked.contact.as_str(), asked.leg_of.as_ref()), (leg.as_str(), Some(&contact)));
    assert_eq!(seen(&node, &contact).await.legs, std::slice::from_ref(&leg));
    let join = v1::OperatorJoinConsult {
        op_id: 4,
        contact: contact.clone(),
        assignment: 1,
        leg: leg.clone(),
        on: true,
    };
    anna.say(OperatorUp::JoinConsult(join)).await;
    anna.done(4).await;
    let joined = |event: &GatewayEvent| matches!(event, GatewayEvent::Consult(told) if told.change() == v1::ConsultChange::Joined);
    assert_eq!(gateway.event(joined).await.contact, leg);
    let over = v1::OperatorTransfer {
        op_id: 5,
        contact: contact.clone(),
        assignment: 1,
        leg,
        ..v1::OperatorTransfer::default()
    };
    anna.say(OperatorUp::Transfer(over)).await;
    anna.done(5).await;
    let taken = boris
        .event(|event| matches!(event, OperatorEvent::Connect(connect) if connect.assignment == 2))
        .await;
    let Some(OperatorEvent::Connect(taken)) = taken.event else { panic!("was asked for") };
    assert_eq!(taken.contact.unwrap().contact, contact);
    assert_eq!(seen(&node, &contact).await.operator_login.as_deref(), Some("boris"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_requests_a_person_with_what_its_bot_has_learned() {
    let node = node_with(v1::QueueRules::default(), v1::PlanRules::default()).await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    let contact = gateway.accepted(1).await.contact;
    let context = v1::ContactContext {
        intent: Some("outage".into()),
        slots: vec![v1::ContextSlot { name: "street".into(), value: "Mira 4".into() }],
        transcript: None,
    };
    let request = v1::GatewayRequestPerson { op_id: 2, key: "k1".into(), context: Some(context.clone()) };
    gateway.say(GatewayUp::RequestPerson(request.clone())).await;
    let is_done = |message: &GatewayDown| matches!(message, GatewayDown::Done(done) if done.receipt.is_some_and(|receipt| receipt.op_id == 2));
    gateway.find(|message| is_done(message).then_some(())).await;
    let known = seen(&node, &contact).await;
    assert_eq!((known.wants_people, known.context.as_ref()), (true, Some(&context)));
    gateway
        .say(GatewayUp::RequestPerson(v1::GatewayRequestPerson { op_id: 3, key: "k9".into(), ..request }))
        .await;
    assert_eq!(gateway.failed(3).await.code, "unknown-contact");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_is_asked_for_and_kept() {
    let results = v1::ResultRule { topics: vec!["bill".into()], outcomes: vec!["explained".into()] };
    let node =
        node_with(v1::QueueRules { results: Some(results), ..Default::default() }, v1::PlanRules::default())
            .await;
    let (_gateway, mut anna, contact) = in_talk(&node).await;
    let without =
        v1::OperatorComplete { op_id: 3, contact: contact.clone(), assignment: 1, ..Default::default() };
    anna.say(OperatorUp::Complete(without.clone())).await;
    assert_eq!(fields(&anna.failed(3).await), ["result"]);
    let result = v1::ContactResult { topic: "bill".into(), outcome: "lost".into() };
    let wrong = v1::OperatorComplete { op_id: 4, result: Some(result.clone()), ..without.clone() };
    anna.say(OperatorUp::Complete(wrong)).await;
    assert_eq!(fields(&anna.failed(4).await), ["result.outcome"]);
    let result = v1::ContactResult { outcome: "explained".into(), ..result };
    let told = v1::OperatorComplete { op_id: 5, result: Some(result.clone()), ..without };
    anna.say(OperatorUp::Complete(told)).await;
    anna.done(5).await;
    assert_eq!(seen(&node, &contact).await.result, Some(result));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_invited_into_a_chat_and_meets_the_same_operator() {
    let node = node_with(
        v1::QueueRules::default(),
        v1::PlanRules { companion_ms: Some(60_000), ..Default::default() },
    )
    .await;
    let (mut gateway, mut anna, contact) = in_talk(&node).await;
    let invite = v1::OperatorInviteCompanion {
        op_id: 3,
        contact: contact.clone(),
        assignment: 1,
        number: "+79990000001".into(),
        channel: "chat".into(),
    };
    anna.say(OperatorUp::InviteCompanion(invite)).await;
    anna.done(3).await;
    let told = gateway.event(|event| matches!(event, GatewayEvent::CompanionInvited(_))).await;
    let Some(GatewayEvent::CompanionInvited(told)) = told.event else { panic!("was asked for") };
    assert_eq!((told.operator_login.as_str(), told.channel.as_str()), ("anna", "chat"));
    let facts = v1::ContactFacts { phone: Some("+79990000001".into()), ..Default::default() };
    let chat = v1::GatewayPush { channel: "chat".into(), facts: Some(facts), ..push(2, "k2") };
    gateway.say(GatewayUp::Push(chat)).await;
    let companion = gateway.accepted(2).await.contact;
    let known = seen(&node, &companion).await;
    assert_eq!(
        (known.companion_of.as_ref(), known.operator_login.as_deref()),
        (Some(&contact), Some("anna"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shift_is_handed_over_with_notes() {
    let node = node_with(v1::QueueRules::default(), v1::PlanRules::default()).await;
    let (_gateway, mut anna, contact) = in_talk(&node).await;
    let mut boris = boris(&node).await;
    let mut vera = ActionServiceClient::with_interceptor(node.channel().await, Bearer::new(SUPERVISOR));
    let note = v1::HandOverNote { contact: contact.clone(), text: "the master rings twice".into() };
    let over = v1::HandOverRequest {
        idempotency_key: "h".into(),
        login: "anna".into(),
        to: "boris".into(),
        hold_ms: 60_000,
        notes: vec![note],
        ..Default::default()
    };
    let dry = v1::HandOverRequest { dry_run: true, ..over.clone() };
    assert_eq!(vera.hand_over(dry).await.unwrap().into_inner().contacts, 1);
    let both = v1::HandOverRequest { unit: "north".into(), ..over.clone() };
    assert_eq!(fields(&carried(&vera.hand_over(both).await.unwrap_err())), ["login"]);
    let itself = v1::HandOverRequest { to: "anna".into(), ..over.clone() };
    assert_eq!(fields(&carried(&vera.hand_over(itself).await.unwrap_err())), ["to"]);
    assert_eq!(vera.hand_over(over).await.unwrap().into_inner().contacts, 1);
    let withdrawn = anna.event(|event| matches!(event, OperatorEvent::Withdrawn(_))).await;
    let Some(OperatorEvent::Withdrawn(withdrawn)) = withdrawn.event else { panic!("was asked for") };
    assert_eq!(withdrawn.reason(), v1::WithdrawReason::HandedOver);
    let ring = boris.ring().await.contact.unwrap();
    assert_eq!((ring.contact, ring.note.as_deref()), (contact.clone(), Some("the master rings twice")));
    let asked = v1::ListAuditRequest { contact, ..Default::default() };
    let audit = vera.list_audit(asked).await.unwrap().into_inner().records;
    let told: Vec<_> =
        audit.iter().map(|row| (row.action.as_str(), row.subject.as_str(), row.detail.as_str())).collect();
    assert_eq!(told.last(), Some(&("hand-over", "anna", "to boris, 1 notes")), "{audit:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_is_closed_for_arrivals_and_opened_again() {
    let node = node_with(v1::QueueRules::default(), v1::PlanRules::default()).await;
    let queue = push(1, "k1").queue;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    let mut vera = ActionServiceClient::with_interceptor(node.channel().await, Bearer::new(SUPERVISOR));
    let close = v1::CloseEntryRequest {
        idempotency_key: "c".into(),
        queue: queue.clone(),
        why: "fire alarm".into(),
        until_ms: Some(4_102_444_800_000),
        ..Default::default()
    };
    let both = v1::CloseEntryRequest { unit: "north".into(), ..close.clone() };
    assert_eq!(fields(&carried(&vera.close_entry(both).await.unwrap_err())), ["queue"]);
    assert!(vera.close_entry(close).await.unwrap().into_inner().receipt.is_some());
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    let failed = gateway.failed(1).await;
    assert_eq!((failed.code.as_str(), failed.opens_at_ms), ("queue-closed", 4_102_444_800_000));
    let closures = vera.list_closures(v1::ListClosuresRequest {}).await.unwrap().into_inner().closures;
    let told: Vec<_> =
        closures.iter().map(|row| (row.queue.as_str(), row.why.as_str(), row.until_ms)).collect();
    assert_eq!(told, [(queue.as_str(), "fire alarm", Some(4_102_444_800_000))]);
    let open = v1::OpenEntryRequest { idempotency_key: "o".into(), queue, ..Default::default() };
    vera.open_entry(open).await.unwrap();
    gateway.say(GatewayUp::Push(push(2, "k1"))).await;
    gateway.accepted(2).await;
    let audit = vera.list_audit(v1::ListAuditRequest::default()).await.unwrap().into_inner().records;
    let told: Vec<_> = audit.iter().map(|row| (row.action.as_str(), row.detail.as_str())).collect();
    assert!(told.contains(&("close-entry", "fire alarm, until 4102444800000")), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_takes_part_and_an_operator_is_helped() {
    let queue = v1::QueueRules { leads: vec!["boris".into()], ..Default::default() };
    let node = node_with(queue, v1::PlanRules::default()).await;
    let (mut gateway, mut anna, contact) = in_talk(&node).await;
    let mut boris = boris(&node).await;
    let mut vera = ActionServiceClient::with_interceptor(node.channel().await, Bearer::new(SUPERVISOR));
    let listen = v1::SuperviseRequest {
        idempotency_key: "s".into(),
        contact: contact.clone(),
        how: v1::SupervisionWay::Whisper.into(),
        ..Default::default()
    };
    assert!(vera.supervise(listen).await.unwrap().into_inner().changed);
    let told = gateway.event(|event| matches!(event, GatewayEvent::Supervised(_))).await;
    let Some(GatewayEvent::Supervised(told)) = told.event else { panic!("was asked for") };
    assert_eq!((told.by.as_str(), told.how(), told.on), ("vera", v1::SupervisionWay::Whisper, true));
    assert_eq!(seen(&node, &contact).await.seats[0].by, "vera");

    let ask = v1::OperatorAskForHelp { op_id: 3, seq: 2, contact: Some(contact.clone()), on: true };
    anna.say(OperatorUp::AskForHelp(ask)).await;
    anna.done(3).await;
    let heard = boris.event(|event| matches!(event, OperatorEvent::Help(_))).await;
    let Some(OperatorEvent::Help(heard)) = heard.event else { panic!("was asked for") };
    assert_eq!((heard.of_login.as_str(), heard.contact, heard.on), ("anna", Some(contact), true));
    let help =
        v1::AnswerHelpRequest { idempotency_key: "h".into(), login: "anna".into(), ..Default::default() };
    assert!(vera.answer_help(help).await.unwrap().into_inner().asked);
    let heard = anna.event(|event| matches!(event, OperatorEvent::Help(_))).await;
    let Some(OperatorEvent::Help(heard)) = heard.event else { panic!("was asked for") };
    assert!(!heard.on);
}
