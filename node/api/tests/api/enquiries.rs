//! Questions to people without a seat: how desktops ask, who hears, how an answer comes in.

use ringmain_protocol::v1;
use ringmain_protocol::v1::action_service_client::ActionServiceClient;
use ringmain_protocol::v1::gateway_event::Event as GatewayEvent;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_protocol::v1::operator_event::Event as OperatorEvent;
use ringmain_protocol::v1::operator_service_client::OperatorServiceClient;
use ringmain_protocol::v1::operator_service_session_request::Message as OperatorUp;
use ringmain_protocol::v1::operator_service_session_response::Message as OperatorDown;

use crate::support::*;

fn dispatcher() -> v1::EnquiryRule {
    let addressee = v1::Addressee { name: "dispatcher".into(), term_ms: 1_200_000, calendar: None };
    v1::EnquiryRule { keep_for_ms: 300_000, remind_percent: 75, addressees: vec![addressee] }
}

/// A node whose operator `anna` talks to the customer of `k1`.
async fn in_talk() -> (Node, GatewayStream, OperatorStream, String) {
    let node = Node::start().await;
    let mut ruled = plan(2);
    ruled.rules = Some(v1::PlanRules { enquiries: Some(dispatcher()), ..Default::default() });
    let mut admin = node.admin(ADMIN).await;
    admin.apply_plan(v1::ApplyPlanRequest { plan: Some(ruled), dry_run: false }).await.unwrap();
    admin
        .put_operators(v1::PutOperatorsRequest { operators: vec![anna()], ..Default::default() })
        .await
        .unwrap();
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    let (mut anna, _) = node.operator(operator_hello(2)).await;
    anna.ready(1, 1).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    gateway.accepted(1).await;
    let ring = anna.ring().await;
    let contact = ring.contact.unwrap().contact;
    let accept = v1::OperatorAccept { op_id: 2, contact: contact.clone(), assignment: ring.assignment };
    anna.say(OperatorUp::Accept(accept)).await;
    anna.done(2).await;
    (node, gateway, anna, contact)
}

/// The enquiry that the operation began.
async fn begun(anna: &mut OperatorStream, op_id: u64) -> String {
    let enquiry = anna.find(|message| {
        let OperatorDown::Done(done) = message else { return None };
        let is_answer = done.receipt.as_ref().is_some_and(|receipt| receipt.op_id == op_id);
        done.enquiry.clone().filter(|_| is_answer)
    });
    enquiry.await
}

fn question(op_id: u64, contact: &str) -> v1::OperatorBeginEnquiry {
    v1::OperatorBeginEnquiry {
        op_id,
        contact: contact.into(),
        assignment: 1,
        to: "dispatcher".into(),
        question: "When is line 7 up?".into(),
        term_ms: None,
        call: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_freed_and_called_when_the_answer_is_there() {
    let (node, mut gateway, mut anna, contact) = in_talk().await;
    let mut vera = node.supervisor(SUPERVISOR).await;
    let name = Some(v1::get_contact_request::Name::Contact(contact.clone()));
    let stamp = vera.get_contact(v1::GetContactRequest { name }).await.unwrap().into_inner().stamp.unwrap();
    let order = v1::CallbackOrder { number: "+79990000001".into(), principals: "grid".into() };
    let call = v1::PromisedCall {
        order: Some(order),
        channel: push(1, "k1").channel,
        not_before_ms: stamp.at_ms + 3_600_000,
        wrap_up_ms: Some(0),
    };
    let asked = v1::OperatorBeginEnquiry { call: Some(call), ..question(3, &contact) };
    anna.say(OperatorUp::BeginEnquiry(asked)).await;
    let id = begun(&mut anna, 3).await;
    let told = gateway.event(|event| matches!(event, GatewayEvent::Enquiry(_))).await;
    let Some(GatewayEvent::Enquiry(told)) = told.event else { panic!("was asked for") };
    assert_eq!(
        (told.news(), told.enquiry.unwrap().question.as_str()),
        (v1::EnquiryNews::Begun, "When is line 7 up?")
    );

    let listed = vera.list_enquiries(v1::ListEnquiriesRequest::default()).await.unwrap().into_inner();
    let promised = listed.enquiries[0].call.clone().expect("is promised");
    assert_eq!((listed.enquiries.len(), listed.enquiries[0].enquiry.as_str()), (1, id.as_str()));
    let mut own = OperatorServiceClient::with_interceptor(node.channel().await, Bearer::new(OPERATOR));
    let own = own.list_enquiries(v1::OperatorServiceListEnquiriesRequest::default()).await.unwrap();
    assert_eq!(own.into_inner().enquiries, listed.enquiries);
    let name = Some(v1::explain_contact_request::Name::Contact(promised.clone()));
    let why = vera.explain_contact(v1::ExplainContactRequest { name }).await.unwrap().into_inner();
    assert_eq!(why.awaits, ["dispatcher"]);

    let mut system = ActionServiceClient::with_interceptor(node.channel().await, Bearer::new(SUPERVISOR));
    let answer = v1::CloseEnquiryRequest {
        idempotency_key: "a".into(),
        enquiry: id.clone(),
        answer: Some("by six".into()),
        ..Default::default()
    };
    assert_eq!(system.close_enquiry(answer).await.unwrap().into_inner().calls, 1);
    let heard = anna.event(|event| matches!(event, OperatorEvent::Enquiry(_))).await;
    let Some(OperatorEvent::Enquiry(heard)) = heard.event else { panic!("was asked for") };
    assert_eq!(heard.enquiry.unwrap().answer.as_deref(), Some("by six"));
    let rung = anna.ring().await.contact.unwrap();
    assert_eq!((rung.contact, rung.note.as_deref()), (promised, Some("by six")));
    let shown = vera.get_enquiry(v1::GetEnquiryRequest { enquiry: id }).await.unwrap().into_inner();
    assert_eq!(shown.enquiry.unwrap().closed_by, "vera");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_question_is_named() {
    let (node, _gateway, mut anna, contact) = in_talk().await;
    let wrong = v1::OperatorBeginEnquiry {
        question: "?".repeat(1_025),
        to: String::new(),
        call: Some(v1::PromisedCall::default()),
        ..question(3, &contact)
    };
    anna.say(OperatorUp::BeginEnquiry(wrong)).await;
    let failed = anna.failed(3).await;
    assert_eq!(fields(&failed), ["to", "question", "call.number", "call.principals", "call.channel"]);
    anna.say(OperatorUp::BeginEnquiry(question(4, &contact))).await;
    let id = begun(&mut anna, 4).await;
    let close = v1::OperatorCloseEnquiry { op_id: 5, enquiry: "c1.0".into(), answer: None };
    anna.say(OperatorUp::CloseEnquiry(close.clone())).await;
    assert_eq!(fields(&anna.failed(5).await), ["enquiry"]);
    anna.say(OperatorUp::CloseEnquiry(v1::OperatorCloseEnquiry {
        op_id: 6,
        enquiry: "q9.0".into(),
        ..close.clone()
    }))
    .await;
    assert_eq!(anna.failed(6).await.code, "unknown-enquiry");
    anna.say(OperatorUp::CloseEnquiry(v1::OperatorCloseEnquiry { op_id: 7, enquiry: id, ..close })).await;
    anna.done(7).await;
    let mut vera = node.supervisor(SUPERVISOR).await;
    let open = v1::ListEnquiriesRequest { open: Some(true), ..Default::default() };
    assert_eq!(vera.list_enquiries(open).await.unwrap().into_inner().enquiries, []);
}
