//! Transfer and hold on an operator's stream; what supervisors do by hand, and the audit of it.

use ringmain_protocol::v1;
use ringmain_protocol::v1::action_service_client::ActionServiceClient;
use ringmain_protocol::v1::gateway_event::Event as GatewayEvent;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_protocol::v1::operator_event::Event as OperatorEvent;
use ringmain_protocol::v1::operator_service_session_request::Message as OperatorUp;
use tonic::Code;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::support::{
    ADMIN, Bearer, GATEWAY, GatewayStream, Node, OperatorStream, SUPERVISOR, carried, fields, gateway_hello,
    operator_hello, plan, push,
};

type Client = ActionServiceClient<InterceptedService<Channel, Bearer>>;

async fn actions(node: &Node, token: &str) -> Client {
    ActionServiceClient::with_interceptor(node.channel().await, Bearer::new(token))
}

/// A node on which `anna` talks to the contact `k1`: its streams, the contact and the assignment.
async fn in_talk(node: &Node) -> (GatewayStream, OperatorStream, String, u32) {
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    let (mut anna, _) = node.operator(operator_hello(2)).await;
    anna.ready(1, 1).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    gateway.accepted(1).await;
    let ring = anna.ring().await;
    let (contact, assignment) = (ring.contact.unwrap().contact, ring.assignment);
    anna.say(OperatorUp::Accept(v1::OperatorAccept { op_id: 2, contact: contact.clone(), assignment })).await;
    anna.done(2).await;
    (gateway, anna, contact, assignment)
}

fn close(key: &str, contact: &str) -> v1::CloseContactRequest {
    v1::CloseContactRequest {
        idempotency_key: key.into(),
        dry_run: false,
        contact: contact.into(),
        reason: "stuck".into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_put_on_hold_and_passed_on() {
    let node = Node::start().await;
    let mut admin = node.admin(ADMIN).await;
    let mut wider = plan(2);
    wider.queues.push(v1::QueuePlan { name: "backs".into(), ..wider.queues[0].clone() });
    admin.apply_plan(v1::ApplyPlanRequest { plan: Some(wider), dry_run: false }).await.unwrap();
    let (mut gateway, mut anna, contact, assignment) = in_talk(&node).await;

    let hold = v1::OperatorHold { op_id: 3, contact: contact.clone(), assignment, on: true };
    anna.say(OperatorUp::Hold(hold)).await;
    anna.done(3).await;
    anna.event(|event| matches!(event, OperatorEvent::Held(held) if held.on)).await;
    let held = gateway.event(|event| matches!(event, GatewayEvent::Held(_))).await;
    assert_eq!(held.contact, contact);

    let nobody = v1::OperatorTransfer {
        op_id: 4,
        contact: contact.clone(),
        assignment,
        login: "nobody".into(),
        hold_ms: 5_000,
        ..v1::OperatorTransfer::default()
    };
    anna.say(OperatorUp::Transfer(nobody.clone())).await;
    assert_eq!(anna.failed(4).await.code, "unknown-operator");
    let to =
        v1::OperatorTransfer { op_id: 5, login: String::new(), hold_ms: 0, queue: "backs".into(), ..nobody };
    anna.say(OperatorUp::Transfer(to)).await;
    anna.done(5).await;
    let withdrawn = anna.event(|event| matches!(event, OperatorEvent::Withdrawn(_))).await;
    let Some(OperatorEvent::Withdrawn(withdrawn)) = withdrawn.event else { panic!("was asked for") };
    assert_eq!(withdrawn.reason(), v1::WithdrawReason::Transferred);
    let moved = gateway.event(|event| matches!(event, GatewayEvent::Moved(_))).await;
    let Some(GatewayEvent::Moved(moved)) = moved.event else { panic!("was asked for") };
    assert_eq!(moved.queue, "backs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_closes_a_contact_once_and_it_stands_in_the_audit_under_the_tokens_name() {
    let node = Node::start().await;
    let (mut gateway, _anna, contact, _) = in_talk(&node).await;
    let mut vera = actions(&node, SUPERVISOR).await;

    let dry = v1::CloseContactRequest { dry_run: true, ..close("c1", &contact) };
    let would = vera.close_contact(dry).await.unwrap().into_inner();
    assert_eq!((would.contacts, would.receipt), (1, None));
    let done = vera.close_contact(close("c1", &contact)).await.unwrap().into_inner();
    let again = vera.close_contact(close("c1", &contact)).await.unwrap().into_inner();
    assert_eq!((done.contacts, again.contacts), (1, 1), "the first answer again");
    let ended = gateway.event(|event| matches!(event, GatewayEvent::Ended(_))).await;
    let Some(GatewayEvent::Ended(ended)) = ended.event else { panic!("was asked for") };
    assert_eq!(ended.reason(), v1::EndReason::Closed);
    let reused = vera.close_contact(close("c1", "c9.0")).await.unwrap_err();
    assert_eq!(carried(&reused).code, "action-key-reused");

    let listed = vera.list_audit(v1::ListAuditRequest::default()).await.unwrap().into_inner();
    let told: Vec<_> = listed.records.iter().map(|row| (row.by.as_str(), row.action.as_str())).collect();
    let expected = [
        ("root", "apply-plan"),
        ("root", "put-operators"),
        ("vera", "close-contact"),
        ("vera", "close-contact"),
        ("vera", "close-contact"),
    ];
    assert_eq!(told, expected);
    assert_eq!(listed.records[4].refused, "action-key-reused");
    let only =
        v1::ListAuditRequest { contact: contact.clone(), page_size: 1, ..v1::ListAuditRequest::default() };
    let page = vera.list_audit(only.clone()).await.unwrap().into_inner();
    assert_eq!((page.records.len(), page.records[0].detail.as_str()), (1, "stuck"));
    let next = v1::ListAuditRequest { page_cursor: page.next_page_cursor, ..only };
    let page = vera.list_audit(next).await.unwrap().into_inner();
    assert_eq!((page.records.len(), page.records[0].log_index), (1, listed.records[3].log_index));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_verifies_its_history_up_to_its_state() {
    let node = Node::start().await;
    let mut vera = actions(&node, SUPERVISOR).await;
    let mut progress = vera.verify_audit(v1::VerifyAuditRequest {}).await.unwrap().into_inner();
    let mut last = v1::VerifyAuditResponse::default();
    while let Some(next) = progress.message().await.unwrap() {
        last = next;
    }
    assert!(last.done && last.problem.is_empty(), "{last:?}");
    assert_eq!((last.first_log_index, last.verified_log_index), (1, last.last_log_index));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actions_that_say_too_little_or_come_from_the_wrong_role_are_refused() {
    let node = Node::start().await;
    let mut vera = actions(&node, SUPERVISOR).await;
    let lift = v1::LiftContactRequest { contact: "o1.0".into(), tier: Some(10), ..Default::default() };
    let error = carried(&vera.lift_contact(lift).await.unwrap_err());
    assert_eq!(fields(&error), ["idempotency_key"]);
    let lift = v1::LiftContactRequest {
        idempotency_key: "k".into(),
        contact: "o1.0".into(),
        tier: Some(10),
        ..Default::default()
    };
    assert_eq!(fields(&carried(&vera.lift_contact(lift).await.unwrap_err())), ["contact", "tier"]);
    let both = v1::MoveContactsRequest {
        idempotency_key: "k".into(),
        contacts: vec!["c1.0".into()],
        from_queue: "calls".into(),
        to_queue: "calls".into(),
        ..Default::default()
    };
    assert_eq!(fields(&carried(&vera.move_contacts(both).await.unwrap_err())), ["contacts"]);
    let sign_out = v1::SignOutOperatorRequest {
        idempotency_key: "k".into(),
        login: "nobody".into(),
        ..Default::default()
    };
    let refused = vera.sign_out_operator(sign_out.clone()).await.unwrap_err();
    assert_eq!(carried(&refused).code, "unknown-operator");
    let mut gateway = actions(&node, GATEWAY).await;
    assert_eq!(gateway.sign_out_operator(sign_out).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_is_forced_and_signed_out() {
    let node = Node::start().await;
    let (mut anna, _) = node.operator(operator_hello(2)).await;
    let mut vera = actions(&node, SUPERVISOR).await;
    let force = v1::ForcePresenceRequest {
        idempotency_key: "f".into(),
        dry_run: false,
        login: "anna".into(),
        presence: v1::PresenceKind::NotReady.into(),
        not_ready_reason: 7,
    };
    vera.force_presence(force).await.unwrap();
    anna.event(|event| matches!(event, OperatorEvent::Presence(presence) if presence.not_ready_reason == 7))
        .await;
    let sign_out = v1::SignOutOperatorRequest {
        idempotency_key: "s".into(),
        login: "anna".into(),
        ..Default::default()
    };
    vera.sign_out_operator(sign_out).await.unwrap();
    let ended = anna
        .find(|message| {
            let v1::operator_service_session_response::Message::StreamEnded(ended) = message else {
                return None;
            };
            Some(ended.reason())
        })
        .await;
    assert_ne!(ended, v1::StreamEndReason::Unspecified);
}
