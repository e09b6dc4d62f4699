//! Streams of gateways and operators.

use std::time::Duration;

use ringmain_protocol::v1;
use ringmain_protocol::v1::gateway_event::Event as GatewayEvent;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_protocol::v1::gateway_service_session_response::Message as GatewayDown;
use ringmain_protocol::v1::operator_event::Event as OperatorEvent;
use ringmain_protocol::v1::operator_service_session_request::Message as OperatorUp;
use ringmain_protocol::v1::operator_service_session_response::Message as OperatorDown;
use ringmain_routing::command::Role;
use ringmain_routing::{Millis, SessionState};

use crate::support::{Node, Setup, gateway_hello, operator_hello, push};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_is_pushed_rung_accepted_and_completed() {
    let node = Node::start().await;
    let (mut gateway, welcome) = node.gateway(gateway_hello(1)).await;
    assert!(welcome.credits > 0 && !welcome.resumed && welcome.node == 1, "{welcome:?}");
    let (mut anna, welcome) = node.operator(operator_hello(2)).await;
    assert_eq!((welcome.capacity, welcome.skills.len()), (1, 1));
    anna.ready(1, 1).await;
    let mut contact = push(1, "k1");
    contact.skills = vec![v1::SkillLevel { skill: "ru".into(), level: 5 }];
    gateway.say(GatewayUp::Push(contact)).await;
    let accepted = gateway.accepted(1).await;
    let assigned = gateway.event(|event| matches!(event, GatewayEvent::Assigned(_))).await;
    assert_eq!((accepted.key.as_str(), accepted.queue.as_str(), accepted.position), ("k1", "calls", 0));
    assert_eq!((assigned.key.as_str(), &assigned.contact), ("k1", &accepted.contact));

    let ring = anna.ring().await;
    let rung = ring.contact.unwrap();
    assert_eq!((rung.contact.as_str(), rung.key.as_str()), (accepted.contact.as_str(), "k1"));
    assert_eq!(ring.matches, [v1::SkillMatch { skill: "ru".into(), required: 5, level: 9 }]);
    let (contact, assignment) = (rung.contact, ring.assignment);

    anna.say(OperatorUp::Accept(v1::OperatorAccept { op_id: 2, contact: contact.clone(), assignment })).await;
    anna.done(2).await;
    anna.event(|event| matches!(event, OperatorEvent::Connect(_))).await;
    let connect = gateway.event(|event| matches!(event, GatewayEvent::Connect(_))).await;
    assert_eq!(connect.key, "k1");

    let complete = v1::OperatorComplete {
        op_id: 3,
        contact: contact.clone(),
        assignment,
        wrap_up_ms: None,
        step: 0,
        result: None,
    };
    anna.say(OperatorUp::Complete(complete)).await;
    anna.done(3).await;
    anna.event(|event| matches!(event, OperatorEvent::Released(_))).await;
    let ended = gateway.event(|event| matches!(event, GatewayEvent::Ended(_))).await;
    assert_eq!(ended.contact, contact);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_again_gets_the_first_answer_and_rings_nobody() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    gateway.say(GatewayUp::Push(push(2, "k1"))).await;
    let (first, second) = (gateway.accepted(1).await, gateway.accepted(2).await);
    assert_eq!(first.contact, second.contact);
    assert_eq!(node.replica.read(|router| router.contacts().count()), 1);
    let mut other = push(3, "k1");
    other.tier = 1;
    gateway.say(GatewayUp::Push(other)).await;
    assert_eq!(gateway.failed(3).await.code, "key-reused");
}

/// The answer was lost, and so was the event, or a full list took its place: nothing else would tell the gateway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_a_contact_that_is_over_is_answered_with_its_end() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    assert_eq!(gateway.accepted(1).await.ended(), v1::EndReason::Unspecified);
    gateway.say(GatewayUp::Abandon(v1::GatewayAbandon { op_id: 2, key: "k1".into() })).await;
    gateway.event(|event| matches!(event, GatewayEvent::Ended(_))).await;
    gateway.say(GatewayUp::Push(push(3, "k1"))).await;
    assert_eq!(gateway.accepted(3).await.ended(), v1::EndReason::Abandoned);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_resumed_with_its_cursor_gets_only_what_it_has_not_seen() {
    let node = Node::start().await;
    let (mut gateway, welcome) = node.gateway(gateway_hello(1)).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    let seen = gateway.event(|event| matches!(event, GatewayEvent::Queued(_))).await;
    drop(gateway);

    let mut hello = gateway_hello(2);
    hello.cursor = seen.cursor.clone();
    hello.resume_epoch = Some(welcome.epoch);
    let (mut gateway, resumed) = node.gateway(hello).await;
    assert!(resumed.resumed && resumed.epoch > welcome.epoch, "{resumed:?}");
    gateway.say(GatewayUp::Push(push(2, "k2"))).await;
    let next = gateway.event(|_| true).await;
    assert_eq!(next.key, "k2");
    assert!(next.cursor > seen.cursor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_older_than_what_is_retained_gets_the_full_list() {
    let node = Node::start_with(Setup { ring_effects_max: 4, ..Setup::default() }).await;
    let (mut gateway, welcome) = node.gateway(gateway_hello(1)).await;
    for op in 1..=20 {
        gateway.say(GatewayUp::Push(push(op, &format!("k{op}")))).await;
        gateway.accepted(op).await;
    }
    drop(gateway);
    let mut hello = gateway_hello(2);
    hello.cursor = welcome_cursor(&welcome);
    hello.resume_epoch = Some(welcome.epoch);
    let (mut gateway, resumed) = node.gateway(hello).await;
    assert!(!resumed.resumed);
    let mut keys = Vec::new();
    loop {
        let GatewayDown::Resync(part) = gateway.next().await else { panic!("a resync follows at once") };
        keys.extend(part.contacts.into_iter().map(|contact| contact.key));
        if part.last {
            break;
        }
    }
    assert_eq!(keys.len(), 20);
    gateway.say(GatewayUp::Push(push(21, "k21"))).await;
    assert_eq!(gateway.event(|_| true).await.key, "k21", "events go on behind the list");
}

/// A cursor from before everything that followed the opening.
fn welcome_cursor(welcome: &v1::GatewayWelcome) -> String {
    let index = ringmain_routing::LogIndex(welcome.receipt.as_ref().unwrap().log_index);
    ringmain_routing::Position::end_of(index).to_cursor()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_resumes_with_the_contact_in_hand() {
    let node = Node::start().await;
    let (gateway, _) = node.gateway(gateway_hello(1)).await;
    let (mut anna, welcome) = node.operator(operator_hello(2)).await;
    anna.ready(1, 1).await;
    gateway.say(GatewayUp::Push(push(1, "k1"))).await;
    let ring = anna.ring().await;
    let contact = ring.contact.unwrap().contact;
    let accept = v1::OperatorAccept { op_id: 2, contact: contact.clone(), assignment: ring.assignment };
    anna.say(OperatorUp::Accept(accept)).await;
    anna.done(2).await;
    drop(anna);

    let mut hello = operator_hello(3);
    hello.resume_epoch = Some(welcome.epoch);
    let (mut anna, _) = node.operator(hello).await;
    let OperatorDown::Resync(resync) = anna.next().await else { panic!("without a cursor the list comes") };
    assert_eq!(
        resync.contacts.iter().map(|row| row.contact.as_str()).collect::<Vec<_>>(),
        [contact.as_str()]
    );
    let assignment = ring.assignment;
    anna.say(OperatorUp::Complete(v1::OperatorComplete {
        op_id: 3,
        contact,
        assignment,
        wrap_up_ms: None,
        step: 0,
        result: None,
    }))
    .await;
    anna.done(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_stream_without_takeover_is_refused_and_with_it_ends_the_first() {
    let node = Node::start().await;
    let (mut first, _) = node.operator(operator_hello(1)).await;
    let mut second = node.operator_stream(crate::support::OPERATOR).await.unwrap();
    second.say(OperatorUp::Hello(operator_hello(2))).await;
    assert_eq!(second.failed(0).await.code, "already-signed-in");

    let mut hello = operator_hello(3);
    hello.takeover = true;
    let (_second, _) = node.operator(hello).await;
    let ended = first
        .find(|message| {
            let OperatorDown::StreamEnded(ended) = message else { return None };
            Some(ended.clone())
        })
        .await;
    assert_eq!(ended.reason(), v1::StreamEndReason::TakenOver);
    assert!(matches!(first.down.message().await, Ok(None)), "nothing follows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_an_unanswered_attempt_of_the_same_client_opened_does_not_keep_it_out() {
    let node = Node::start().await;
    // Carried out, but the client has given the attempt up and does not know its epoch.
    let (mut unheard, welcome) = node.operator(operator_hello(7)).await;
    let mut stranger = node.operator_stream(crate::support::OPERATOR).await.unwrap();
    let unanswered_nonces = vec![5, 6];
    stranger.say(OperatorUp::Hello(v1::OperatorHello { unanswered_nonces, ..operator_hello(8) })).await;
    assert_eq!(stranger.failed(0).await.code, "already-signed-in", "none of these attempts is in");

    let unanswered_nonces = vec![6, 7];
    let hello = v1::OperatorHello { unanswered_nonces, ..operator_hello(9) };
    let (_anna, again) = node.operator(hello).await;
    assert_eq!(again.epoch, welcome.epoch + 1, "a stream of its own");
    let ended = unheard
        .find(|message| {
            let OperatorDown::StreamEnded(ended) = message else { return None };
            Some(ended.clone())
        })
        .await;
    assert_eq!(ended.reason(), v1::StreamEndReason::TakenOver);

    let mut greedy = node.operator_stream(crate::support::OPERATOR).await.unwrap();
    let unanswered_nonces = (100..117).collect();
    greedy.say(OperatorUp::Hello(v1::OperatorHello { unanswered_nonces, ..operator_hello(10) })).await;
    let error = greedy.failed(0).await;
    assert_eq!(crate::support::fields(&error), ["hello.unanswered_nonces"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_is_answered_and_ends_the_stream() {
    let node = Node::start().await;
    let (mut anna, _) = node.operator(operator_hello(1)).await;
    anna.say(OperatorUp::SignOut(v1::OperatorSignOut { op_id: 9 })).await;
    anna.done(9).await;
    let ended = anna
        .find(|message| {
            let OperatorDown::StreamEnded(ended) = message else { return None };
            Some(ended.clone())
        })
        .await;
    assert_eq!(ended.reason(), v1::StreamEndReason::SignedOut);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_no_heartbeat_loses_its_session() {
    let heartbeat = Duration::from_millis(50);
    let node = Node::start_with(Setup { heartbeat, ..Setup::default() }).await;
    let anna = node.operator_stream(crate::support::OPERATOR).await.unwrap();
    anna.say(OperatorUp::Hello(operator_hello(1))).await;
    let party = node.replica.read(|router| router.party(Role::Operator, "anna")).unwrap();
    let mut feed = node.replica.feed();
    let in_grace = || {
        let session = node.replica.read(|router| router.session(party)).unwrap();
        matches!(session.state, SessionState::Grace { .. })
    };
    while !in_grace() {
        feed.changed().await;
    }
    drop(anna);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_is_echoed() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    gateway.say(GatewayUp::Heartbeat(v1::GatewayHeartbeat { seq: 77 })).await;
    let echo = gateway
        .find(|message| {
            let GatewayDown::Heartbeat(echo) = message else { return None };
            Some(*echo)
        })
        .await;
    assert_eq!(echo.seq, 77);
    assert!(echo.log_index > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_reconciles_what_it_has_in_hand() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    for (op, key) in [(1, "known"), (2, "forgotten")] {
        gateway.say(GatewayUp::Push(push(op, key))).await;
        gateway.accepted(op).await;
    }
    let keys = vec!["known".into(), "imagined".into()];
    gateway.say(GatewayUp::Reconcile(v1::GatewayReconcile { op_id: 3, keys, last: true })).await;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    loop {
        let part = gateway
            .find(|message| {
                let GatewayDown::ReconcileReport(part) = message else { return None };
                Some(part.clone())
            })
            .await;
        assert_eq!(part.receipt.unwrap().op_id, 3);
        ours.extend(part.unknown_to_gateway.into_iter().map(|contact| contact.key));
        theirs.extend(part.unknown_to_cluster.into_iter().map(|orphan| orphan.key));
        if part.last {
            break;
        }
    }
    assert_eq!((ours, theirs), (vec!["forgotten".to_owned()], vec!["imagined".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_node_asks_its_clients_to_go_and_takes_no_new_ones() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    node.api.drain(Millis(5_000));
    let drain = gateway
        .find(|message| {
            let GatewayDown::Drain(drain) = message else { return None };
            Some(drain.clone())
        })
        .await;
    assert_eq!(drain.within_ms, 5_000);
    let mut late = node.operator_stream(crate::support::OPERATOR).await.unwrap();
    late.say(OperatorUp::Hello(operator_hello(2))).await;
    let error = late.failed(0).await;
    assert_eq!((error.code.as_str(), error.retryable), ("draining", true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_node_ends_its_streams() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    node.actors.stop().await;
    gateway
        .find(|message| {
            let GatewayDown::StreamEnded(ended) = message else { return None };
            Some(ended.clone())
        })
        .await;
}
