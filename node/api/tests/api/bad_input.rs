//! Bad input: one clear error each, with code and field, and nothing half done.

use ringmain_protocol::v1;
use ringmain_protocol::v1::ErrorKind;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_protocol::v1::operator_service_session_request::Message as OperatorUp;

use crate::support::{
    ADMIN, GATEWAY, GatewayStream, Node, SUPERVISOR, carried, fields, gateway_hello, operator_hello, plan,
    push,
};

async fn refused(gateway: &mut GatewayStream, push: v1::GatewayPush) -> v1::Error {
    let op = push.op_id;
    gateway.say(GatewayUp::Push(push)).await;
    gateway.failed(op).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_push_gets_one_error_with_code_and_field() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    let mut op = 0;
    let mut bad = |change: &dyn Fn(&mut v1::GatewayPush)| {
        op += 1;
        let mut push = push(op, "k");
        change(&mut push);
        push
    };
    let attributes = |bytes: usize| {
        Some(v1::ContactDetails { attributes: vec![1; bytes].into(), ..v1::ContactDetails::default() })
    };
    let skill = |name: &str, level| vec![v1::SkillLevel { skill: name.into(), level }];
    let cases = [
        (bad(&|push| push.queue = "nowhere".into()), "unknown-queue", "queue"),
        (bad(&|push| push.channel = "smoke".into()), "unknown-channel", "channel"),
        (bad(&|push| push.skills = skill("flying", 1)), "unknown-skill", "skills"),
        (bad(&|push| push.scope = Some("moon".into())), "unknown-unit", "unit"),
        (bad(&|push| push.key = String::new()), "invalid-request", "key"),
        (bad(&|push| push.key = "k".repeat(257)), "invalid-request", "key"),
        (bad(&|push| push.details = attributes(16 * 1024 + 1)), "invalid-request", "details.attributes"),
        (bad(&|push| push.tier = 10), "invalid-request", "tier"),
        (bad(&|push| push.skills = skill("ru", 11)), "invalid-request", "skills[0].level"),
        // -1 as a client without unsigned numbers would send it.
        (bad(&|push| push.not_before_ms = Some(u64::MAX)), "invalid-request", "not_before_ms"),
        (bad(&|push| push.head_start_ms = u64::MAX), "invalid-request", "head_start_ms"),
        (bad(&|push| push.units = Some(u32::MAX)), "invalid-request", "units"),
        (bad(&|push| push.op_id = 0), "invalid-request", "op_id"),
    ];
    for (push, code, field) in cases {
        let error = refused(&mut gateway, push).await;
        assert_eq!((error.code.as_str(), fields(&error)), (code, vec![field]), "{error:?}");
        assert!(!error.retryable && !error.message.is_empty());
    }
    assert_eq!(node.replica.read(|router| router.contacts().count()), 0, "nothing half done");
    gateway.say(GatewayUp::Push(push(100, "k"))).await;
    gateway.accepted(100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attributes_of_exactly_16_kib_are_taken() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    let mut push = push(1, "k1");
    push.details =
        Some(v1::ContactDetails { attributes: vec![7; 16 * 1024].into(), ..v1::ContactDetails::default() });
    gateway.say(GatewayUp::Push(push)).await;
    gateway.accepted(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_over_1_mib_ends_the_stream_with_a_clear_error() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    let mut huge = push(1, "k1");
    huge.details =
        Some(v1::ContactDetails { attributes: vec![0; 1024 * 1024].into(), ..v1::ContactDetails::default() });
    gateway.say(GatewayUp::Push(huge)).await;
    let error = gateway.failed(0).await;
    assert_eq!(error.code, "message-too-large");
    let status = gateway.down.message().await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::OutOfRange);
    assert_eq!(carried(&status).code, "message-too-large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_before_hello_ends_the_stream() {
    let node = Node::start().await;
    let mut gateway = node.gateway_stream(GATEWAY).await.unwrap();
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    assert_eq!(gateway.failed(0).await.code, "unexpected-message");
    assert_eq!(gateway.down.message().await.unwrap_err().code(), tonic::Code::FailedPrecondition);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_is_none_is_refused() {
    let node = Node::start().await;
    let mut gateway = node.gateway_stream(GATEWAY).await.unwrap();
    let mut hello = gateway_hello(1);
    hello.cursor = "yesterday".into();
    gateway.say(GatewayUp::Hello(hello)).await;
    let error = gateway.failed(0).await;
    assert_eq!((error.code.as_str(), fields(&error)), ("invalid-cursor", vec!["cursor"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_who_answers_for_an_unknown_contact_is_told_so() {
    let node = Node::start().await;
    let (mut anna, _) = node.operator(operator_hello(1)).await;
    let accept = |op_id, contact: &str| {
        OperatorUp::Accept(v1::OperatorAccept { op_id, contact: contact.into(), assignment: 1 })
    };
    anna.say(accept(1, "c5.0")).await;
    assert_eq!(anna.failed(1).await.code, "unknown-contact");
    anna.say(accept(2, "twelve")).await;
    let error = anna.failed(2).await;
    assert_eq!((error.code.as_str(), fields(&error)), ("invalid-request", vec!["contact"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_key_cannot_be_abandoned() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    gateway.say(GatewayUp::Abandon(v1::GatewayAbandon { op_id: 1, key: "none".into() })).await;
    let error = gateway.failed(1).await;
    assert_eq!((error.code.as_str(), error.kind()), ("unknown-contact", ErrorKind::Refusal));
    assert_eq!(fields(&error), ["key"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_reads_name_their_fields() {
    let node = Node::start().await;
    let mut supervisor = node.supervisor(SUPERVISOR).await;
    let list = v1::ListContactsRequest { page_size: 1_000_000, ..v1::ListContactsRequest::default() };
    let status = supervisor.list_contacts(list).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(fields(&carried(&status)), ["page_size"]);

    let filter = v1::EventFilter {
        queues: vec!["nowhere".into()],
        contact: "twelve".into(),
        operator_login: "nobody".into(),
    };
    let list = v1::ListEventsRequest { filter: Some(filter), ..v1::ListEventsRequest::default() };
    let status = supervisor.list_events(list).await.unwrap_err();
    let error = carried(&status);
    assert_eq!(fields(&error), ["filter.queues[0]", "filter.contact", "filter.operator_login"]);

    let status = supervisor.get_contact(v1::GetContactRequest { name: None }).await.unwrap_err();
    assert_eq!(fields(&carried(&status)), ["name"]);
    let name = Some(v1::get_contact_request::Name::Contact("c9.0".into()));
    let status = supervisor.get_contact(v1::GetContactRequest { name }).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::NotFound);

    let status = supervisor.explain_contact(v1::ExplainContactRequest { name: None }).await.unwrap_err();
    assert_eq!(fields(&carried(&status)), ["name"]);
    let status = supervisor.explain_operator(v1::ExplainOperatorRequest::default()).await.unwrap_err();
    assert_eq!(fields(&carried(&status)), ["login"]);
    let unknown = v1::ExplainOperatorRequest { login: "nobody".into() };
    let status = supervisor.explain_operator(unknown).await.unwrap_err();
    assert_eq!(carried(&status).code, "not-found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_plan_is_refused_whole_and_a_dry_run_changes_nothing() {
    let node = Node::start().await;
    let mut admin = node.admin(ADMIN).await;
    let stale = v1::ApplyPlanRequest { plan: Some(plan(7)), dry_run: false };
    let status = admin.apply_plan(stale).await.unwrap_err();
    assert_eq!(carried(&status).code, "plan-version");
    assert_eq!(status.code(), tonic::Code::FailedPrecondition);

    let mut bad = plan(2);
    bad.queues[0].answer = 0;
    bad.queues[0].orphan = 0;
    let status =
        admin.apply_plan(v1::ApplyPlanRequest { plan: Some(bad), dry_run: false }).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(carried(&status).problems.len(), 2, "{status}");

    let tried = v1::ApplyPlanRequest { plan: Some(plan(2)), dry_run: true };
    admin.apply_plan(tried).await.unwrap();
    let in_force = admin.get_plan(v1::GetPlanRequest::default()).await.unwrap().into_inner();
    assert_eq!(in_force.plan.unwrap().version, 1);
}
