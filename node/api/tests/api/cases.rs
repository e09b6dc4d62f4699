//! Cases over the API: a call is handed to the back office, its stage is told, completed, listed and counted.

use ringmain_protocol::v1;
use ringmain_protocol::v1::gateway_event::Event as GatewayEvent;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_protocol::v1::operator_service_session_request::Message as OperatorUp;
use tonic::Code;

use crate::support::{ADMIN, Node, SUPERVISOR, carried, gateway_hello, operator_hello, plan, push};

fn plan_with_a_route() -> v1::Plan {
    let stage = |name: &str| v1::RouteStage {
        name: name.into(),
        queue: "calls".into(),
        term_ms: 3_600_000,
        warn_before_ms: 600_000,
        watchers: vec!["anna".into()],
        ..v1::RouteStage::default()
    };
    let letter = v1::RouteStage { reply_by: vec!["post".into()], ..stage("letter") };
    let route = v1::Route {
        name: "claims".into(),
        stages: vec![stage("check"), letter, stage("answer")],
        term_ms: Some(7_200_000),
        calendar: None,
    };
    let mut wider = plan(2);
    wider.rules = Some(v1::PlanRules { routes: vec![route], ..v1::PlanRules::default() });
    wider
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_becomes_a_case_that_supervisors_list_and_operators_close() {
    let node = Node::start().await;
    let mut admin = node.admin(ADMIN).await;
    let wider = v1::ApplyPlanRequest { plan: Some(plan_with_a_route()), dry_run: false };
    admin.apply_plan(wider).await.unwrap();
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    let (mut anna, _) = node.operator(operator_hello(2)).await;
    anna.ready(1, 1).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    gateway.accepted(1).await;
    let ring = anna.ring().await;
    let (contact, assignment) = (ring.contact.unwrap().contact, ring.assignment);
    anna.say(OperatorUp::Accept(v1::OperatorAccept { op_id: 2, contact: contact.clone(), assignment })).await;
    anna.done(2).await;

    let to = v1::OperatorTransfer {
        op_id: 3,
        contact,
        assignment,
        route: "claims".into(),
        channel: "voice".into(),
        reply_by: "post".into(),
        ..v1::OperatorTransfer::default()
    };
    let both = v1::OperatorTransfer { queue: "calls".into(), ..to.clone() };
    anna.say(OperatorUp::Transfer(both)).await;
    assert_eq!(anna.failed(3).await.code, "invalid-request");
    anna.say(OperatorUp::Transfer(v1::OperatorTransfer { op_id: 4, ..to })).await;
    anna.done(4).await;
    let begun = gateway.event(|event| matches!(event, GatewayEvent::StageBegun(_))).await;
    assert_eq!(begun.key, "k1/1");
    let Some(GatewayEvent::StageBegun(stage)) = begun.event else { panic!("was asked for") };
    let name = stage.name.unwrap();
    assert_eq!((&*name.reference, &*name.route, &*stage.stage, stage.place), ("k1", "claims", "check", 0));

    let mut vera = node.supervisor(SUPERVISOR).await;
    let counted = vera.count_cases(v1::CountCasesRequest {}).await.unwrap().into_inner();
    assert_eq!((counted.counts.len(), counted.counts[0].open, counted.counts[0].overdue), (1, 1, 0));
    let wanted = v1::ListCasesRequest { route: "claims".into(), open: Some(true), ..Default::default() };
    let listed = vera.list_cases(wanted).await.unwrap().into_inner();
    assert_eq!((listed.cases.len(), &*listed.cases[0].case), (1, &*name.case));
    let late = v1::ListCasesRequest { overdue: true, ..Default::default() };
    assert_eq!(vera.list_cases(late).await.unwrap().into_inner().cases, []);

    let ring = anna.ring().await;
    let work = ring.contact.unwrap();
    assert_eq!(work.case.as_deref(), Some(&*name.case));
    let (contact, assignment) = (work.contact, ring.assignment);
    anna.say(OperatorUp::Accept(v1::OperatorAccept { op_id: 5, contact: contact.clone(), assignment })).await;
    anna.done(5).await;
    let close = v1::OperatorComplete {
        op_id: 6,
        contact,
        assignment,
        wrap_up_ms: None,
        step: v1::CaseStep::Close.into(),
        result: None,
    };
    anna.say(OperatorUp::Complete(close)).await;
    anna.done(6).await;
    let closed = gateway.event(|event| matches!(event, GatewayEvent::CaseClosed(_))).await;
    let Some(GatewayEvent::CaseClosed(closed)) = closed.event else { panic!("was asked for") };
    assert_eq!((closed.end(), closed.in_term), (v1::CaseEnd::ClosedEarly, true));

    let case =
        vera.get_case(v1::GetCaseRequest { case: name.case }).await.unwrap().into_inner().case.unwrap();
    assert_eq!((case.end(), case.history.len(), case.contact), (v1::CaseEnd::ClosedEarly, 1, None));
    assert_eq!(case.history[0].operator_login.as_deref(), Some("anna"));
    assert_eq!(case.reply_by.as_deref(), Some("post"));
    let unknown = vera.get_case(v1::GetCaseRequest { case: "k9.9".into() }).await.unwrap_err();
    assert_eq!((unknown.code(), &*carried(&unknown).code), (Code::NotFound, "not-found"));
}
