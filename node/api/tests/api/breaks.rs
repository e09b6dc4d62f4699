//! Operators ask for breaks, on a stream and by calls; supervisors see them and defer them.

use ringmain_protocol::v1;
use ringmain_protocol::v1::action_service_client::ActionServiceClient;
use ringmain_protocol::v1::operator_service_session_request::Message as OperatorUp;
use ringmain_protocol::v1::operator_service_session_response::Message as OperatorDown;

use crate::support::*;

/// A node whose only operator has a break on request.
async fn with_breaks() -> Node {
    let node = Node::start().await;
    let mut ruled = plan(2);
    let smoke = v1::BreakRule {
        name: "smoke".into(),
        reason: 13,
        length_ms: 300_000,
        alone: true,
        on_request: true,
        returns: true,
        ..v1::BreakRule::default()
    };
    ruled.rules = Some(v1::PlanRules { breaks: vec![smoke], ..v1::PlanRules::default() });
    let mut admin = node.admin(ADMIN).await;
    admin.apply_plan(v1::ApplyPlanRequest { plan: Some(ruled), dry_run: false }).await.unwrap();
    let rules = v1::OperatorRules { breaks: vec!["smoke".into()], ..v1::OperatorRules::default() };
    let operators = vec![v1::OperatorPlan { rules: Some(rules), ..anna() }];
    admin.put_operators(v1::PutOperatorsRequest { operators, ..Default::default() }).await.unwrap();
    node
}

fn ask(op_id: u64, seq: u64, name: &str) -> v1::OperatorAskForBreak {
    v1::OperatorAskForBreak { op_id, seq, name: name.into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_break_is_asked_for_on_a_stream_and_everybody_sees_it() {
    let node = with_breaks().await;
    let (mut anna, _) = node.operator(operator_hello(2)).await;
    anna.ready(1, 1).await;
    anna.say(OperatorUp::AskForBreak(ask(2, 2, "lunch"))).await;
    assert_eq!(anna.failed(2).await.code, "unknown-break");
    anna.say(OperatorUp::AskForBreak(ask(3, 3, "smoke"))).await;
    let done = anna
        .find(|message| {
            let OperatorDown::Done(done) = message else { return None };
            (done.receipt.as_ref().unwrap().op_id == 3).then(|| done.clone())
        })
        .await;
    assert_eq!(done.break_answer(), v1::BreakAnswer::Begun);
    let request = v1::ExplainOperatorRequest { login: "anna".into() };
    let why = node.supervisor(SUPERVISOR).await.explain_operator(request).await.unwrap().into_inner();
    let at_all = why.at_all.unwrap();
    assert_eq!((at_all.reason(), at_all.until_ms), (v1::WhyNotReason::OnBreak, done.until_ms));
    let operator = why.operator.unwrap();
    assert_eq!((operator.on_break.as_deref(), operator.breaks.len()), (Some("smoke"), 1));
    assert_eq!(operator.presence.unwrap().kind(), v1::PresenceKind::Break);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_break_is_asked_for_by_a_call_and_waits_while_breaks_are_deferred() {
    let node = with_breaks().await;
    let mut calls = node.operator_calls(OPERATOR).await;
    let hello = Some(operator_hello(1));
    let opened = calls.open_session(v1::OperatorServiceOpenSessionRequest { hello }).await.unwrap();
    let session = opened.into_inner().session;
    let presence = v1::PresenceKind::Ready.into();
    let set = v1::OperatorSetPresence { op_id: 0, seq: 1, presence, not_ready_reason: 0 };
    let request = v1::OperatorServiceSetPresenceRequest { session: session.clone(), set_presence: Some(set) };
    calls.set_presence(request).await.unwrap();
    let channel = node.channel().await;
    let mut vera = ActionServiceClient::with_interceptor(channel, Bearer::new(SUPERVISOR));
    let on = v1::DeferBreaksRequest { idempotency_key: "d".into(), dry_run: false, on: true };
    assert!(vera.defer_breaks(on).await.unwrap().into_inner().receipt.is_some());
    let ask_for_break = Some(ask(0, 2, "smoke"));
    let request = v1::OperatorServiceAskForBreakRequest { session, ask_for_break };
    let answer = calls.ask_for_break(request).await.unwrap().into_inner();
    // With no time to be put off by, the break is at its latest moment at once.
    assert_eq!(answer.answer(), v1::BreakAnswer::Begun);
    let off = v1::DeferBreaksRequest { idempotency_key: "e".into(), dry_run: true, on: false };
    assert!(vera.defer_breaks(off).await.unwrap().into_inner().receipt.is_none());
}
