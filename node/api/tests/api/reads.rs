//! Lists, single reads and events.

use ringmain_protocol::v1;
use ringmain_protocol::v1::event::Event;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;

use crate::support::{ADMIN, Node, SUPERVISOR, gateway_hello, operator_hello, plan, push};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_operators_and_contacts_are_listed_page_by_page() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    for op in 1..=5 {
        gateway.say(GatewayUp::Push(push(op, &format!("k{op}")))).await;
        gateway.accepted(op).await;
    }
    let mut supervisor = node.supervisor(SUPERVISOR).await;
    let queues = supervisor.list_queues(v1::ListQueuesRequest::default()).await.unwrap().into_inner();
    assert_eq!((queues.queues[0].waiting, queues.queues[0].entered_total), (5, 5));
    assert!(queues.stamp.unwrap().log_index >= 5);
    let operators =
        supervisor.list_operators(v1::ListOperatorsRequest::default()).await.unwrap().into_inner();
    assert_eq!(operators.operators[0].login, "anna");

    let (mut keys, mut page_cursor) = (Vec::new(), String::new());
    loop {
        let request =
            v1::ListContactsRequest { page_size: 2, page_cursor, ..v1::ListContactsRequest::default() };
        let page = supervisor.list_contacts(request).await.unwrap().into_inner();
        assert!(page.contacts.len() <= 2);
        keys.extend(page.contacts.into_iter().map(|contact| contact.key));
        page_cursor = page.next_page_cursor;
        if page_cursor.is_empty() {
            break;
        }
    }
    assert_eq!(keys, ["k1", "k2", "k3", "k4", "k5"]);

    let key = v1::GatewayKey { gateway: "sip".into(), key: "k3".into() };
    let name = Some(v1::get_contact_request::Name::Key(key));
    let found = supervisor.get_contact(v1::GetContactRequest { name }).await.unwrap().into_inner();
    assert_eq!(found.contact.unwrap().state(), v1::ContactState::Waiting);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_listed_from_the_start_and_watched_from_a_cursor() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    let (mut anna, _) = node.operator(operator_hello(2)).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    gateway.accepted(1).await;
    let mut supervisor = node.supervisor(SUPERVISOR).await;
    let listed = supervisor.list_events(v1::ListEventsRequest::default()).await.unwrap().into_inner();
    let queued = listed.events.iter().find(|event| matches!(event.event, Some(Event::Queued(_)))).unwrap();
    assert_eq!((queued.key.as_str(), queued.queue.as_str(), queued.gateway.as_str()), ("k1", "calls", "sip"));

    let filter = Some(v1::EventFilter { operator_login: "anna".into(), ..v1::EventFilter::default() });
    let request = v1::WatchEventsRequest { cursor: queued.cursor.clone(), filter };
    let mut watched = supervisor.watch_events(request).await.unwrap().into_inner();
    anna.ready(1, 1).await;
    let mut seen = Vec::new();
    while !seen.iter().any(|event: &v1::Event| matches!(event.event, Some(Event::Rung(_)))) {
        seen.extend(watched.message().await.unwrap().unwrap().events);
    }
    assert!(seen.iter().all(|event| event.cursor > queued.cursor));
    assert!(seen.windows(2).all(|pair| pair[0].cursor < pair[1].cursor));
    assert!(!seen.iter().any(|event| matches!(event.event, Some(Event::Queued(_)))), "the filter holds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_page_by_page_without_gap_or_repeat() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    for op in 1..=7 {
        gateway.say(GatewayUp::Push(push(op, &format!("k{op}")))).await;
        gateway.accepted(op).await;
    }
    let mut supervisor = node.supervisor(SUPERVISOR).await;
    let all = v1::ListEventsRequest::default();
    let all = supervisor.list_events(all).await.unwrap().into_inner().events;
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = v1::ListEventsRequest { page_size: 2, cursor, filter: None };
        let page = supervisor.list_events(request).await.unwrap().into_inner();
        paged.extend(page.events);
        cursor = page.next_cursor;
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
}

fn by_key(key: &str) -> v1::ExplainContactRequest {
    let key = v1::GatewayKey { gateway: "sip".into(), key: key.into() };
    v1::ExplainContactRequest { name: Some(v1::explain_contact_request::Name::Key(key)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_says_why_it_waits_and_then_why_its_operator_has_it() {
    let node = Node::start().await;
    // Decisions are recorded from the first plan with rules on.
    let mut ruled = plan(2);
    let rules = v1::QueueRules { promote_after_ms: Some(600_000), ..v1::QueueRules::default() };
    ruled.queues[0].rules = Some(rules);
    let request = v1::ApplyPlanRequest { plan: Some(ruled), dry_run: false };
    node.admin(ADMIN).await.apply_plan(request).await.unwrap();
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    for op in 1..=2 {
        gateway.say(GatewayUp::Push(push(op, &format!("k{op}")))).await;
        gateway.accepted(op).await;
    }
    let mut supervisor = node.supervisor(SUPERVISOR).await;
    let waits = supervisor.explain_contact(by_key("k2")).await.unwrap().into_inner();
    assert_eq!((waits.ahead, waits.step, waits.steps, waits.plan_version), (1, 1, 1, 2));
    let [kept] = &waits.kept[..] else { panic!("one reason: {waits:?}") };
    assert_eq!(kept.why_not.as_ref().unwrap().reason(), v1::WhyNotReason::NotSignedIn);
    assert_eq!((kept.operators, waits.decision), (1, None));
    assert_eq!(waits.stamp.unwrap().node, 1);

    let request = v1::ExplainOperatorRequest { login: "anna".into() };
    let why = supervisor.explain_operator(request.clone()).await.unwrap().into_inner();
    assert_eq!(why.at_all.unwrap().reason(), v1::WhyNotReason::NotSignedIn);
    assert_eq!((why.queues[0].queue.as_str(), why.queues[0].waiting), ("calls", 2));

    let (mut anna, _) = node.operator(operator_hello(2)).await;
    anna.ready(1, 1).await;
    let ring = anna.ring().await;
    let id = v1::explain_contact_request::Name::Contact(ring.contact.unwrap().contact);
    let request_by_id = v1::ExplainContactRequest { name: Some(id) };
    let rings = supervisor.explain_contact(request_by_id).await.unwrap().into_inner();
    assert_eq!(rings.contact.unwrap().state(), v1::ContactState::Offered);
    assert_eq!((rings.kept.len(), rings.ahead), (0, 0), "it does not wait");
    let decision = rings.decision.unwrap();
    assert_eq!((decision.operator_login.as_str(), decision.tier, decision.step), ("anna", 5, 1));
    assert_eq!(decision.side(), v1::DecisionSide::Operator, "anna came free");
    assert_eq!((decision.fitting, decision.available), (Some(1), Some(1)));
    let waits = supervisor.explain_contact(by_key("k2")).await.unwrap().into_inner();
    let reason = waits.kept[0].why_not.clone().unwrap();
    assert_eq!((reason.reason(), reason.units), (v1::WhyNotReason::NoRoom, 1));
    let why = supervisor.explain_operator(request).await.unwrap().into_inner();
    assert_eq!(why.at_all.unwrap().reason(), v1::WhyNotReason::NoRoom);
    assert_eq!(why.operator.unwrap().used, 1);
}
