//! The actors beside a real one-node replica.

use ringmain_replication::ProposeError;
use ringmain_routing::command::{AbandonContact, CloseSession, LoseSession};
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Effect, LogIndex, Millis, Party, Position, QueueId, Reply,
    SessionState,
};

use crate::GatewaySession;
use crate::board::BoardMessage;
use crate::conversation::GatewayRequest;
use crate::event::{SessionEvent, StreamEnd, Unanswered};
use crate::limits;
use crate::mailbox::Envelope;
use crate::task::spawn_named;
use crate::testing::{Events, Node, OUTBOX_EVENTS_MAX, complete, contact, gateway_of, offer, ready};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_goes_from_its_gateway_to_the_operator_and_back() {
    let node = Node::start(1_000).await;
    let (gateway, mut calls) = node.gateway(None).await;
    let (anna, mut desk) = node.operator(None).await;
    anna.request(1, ready(&anna, 1)).unwrap();
    push(&gateway, 1, "k1");
    let (id, assignment) = rung(&mut desk).await;
    anna.request(2, Command::AcceptOffer(offer(&anna, id, assignment))).unwrap();
    desk.find(|event| effect(event, |effect| matches!(effect, Effect::ConnectContact { .. }))).await;
    anna.request(3, complete(&anna, id, assignment)).unwrap();
    let ended = |effect: &Effect| matches!(effect, Effect::AnnounceEnded { contact, .. } if *contact == id);
    calls.find(|event| effect(event, ended)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_operator_does_gets_into_the_log_in_order_though_nothing_is_waited_for() {
    let node = Node::start(1_000).await;
    let (gateway, _calls) = node.gateway(None).await;
    let (anna, mut desk) = node.operator(None).await;
    anna.request(1, ready(&anna, 1)).unwrap();
    push(&gateway, 1, "k1");
    let (id, assignment) = rung(&mut desk).await;
    anna.request(2, Command::AcceptOffer(offer(&anna, id, assignment))).unwrap();
    anna.request(3, complete(&anna, id, assignment)).unwrap();
    anna.request(4, ready(&anna, 2)).unwrap();
    // Answers may come in any order; each says where its command stands.
    let mut places = Vec::new();
    while places.len() < 3 {
        let (op, index) = desk.find(place_of_answer).await;
        places.extend((op > 1).then_some((index, op)));
    }
    places.sort_unstable();
    assert_eq!(places.iter().map(|(_, op)| *op).collect::<Vec<_>>(), [2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_goes_over_to_another_contact_speaks_of_that_one() {
    let node = Node::start(1_000).await;
    let (gateway, mut calls) = node.gateway(None).await;
    for (op, key) in [(1, "k1"), (2, "k2"), (3, "k3")] {
        push(&gateway, op, key);
        assert!(matches!(answered(&mut calls, op).await, Ok(Reply::Enqueued { .. })));
    }
    for (op, key) in [(4, "k2"), (5, "k1")] {
        gateway.request(op, GatewayRequest::Abandon { key: key.into() }).unwrap();
        assert_eq!(answered(&mut calls, op).await, Ok(Reply::Done));
    }
    let waiting = node.replica.read(|router| {
        let live = router.live_contact_ids(gateway.seed().party);
        live.iter().filter_map(|id| router.contact(*id)).map(|contact| contact.key).collect::<Vec<_>>()
    });
    assert_eq!(waiting, ["k3".into()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_gateway_says_about_one_contact_is_carried_out_in_order() {
    let node = Node::start(1_000).await;
    let (gateway, mut calls) = node.gateway(None).await;
    push(&gateway, 1, "k1");
    gateway.request(2, GatewayRequest::Abandon { key: "k1".into() }).unwrap();
    assert!(matches!(answered(&mut calls, 1).await, Ok(Reply::Enqueued { .. })));
    assert!(matches!(answered(&mut calls, 2).await, Ok(Reply::Done)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_nobody_pushed_is_not_known() {
    let node = Node::start(1_000).await;
    let (gateway, mut calls) = node.gateway(None).await;
    gateway.request(1, GatewayRequest::Abandon { key: "none".into() }).unwrap();
    let answer = calls.find(|event| answer_of(event, 1)).await;
    assert_eq!(answer, Err(Unanswered::UnknownKey));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_operations_than_credits_are_turned_away() {
    let node = Node::start(1_000).await;
    let (anna, _desk) = node.operator(None).await;
    let turned_away = (0..1_000).filter(|op| anna.request(*op, ready(&anna, 1)).is_err()).count();
    assert!(turned_away > 0 && turned_away <= 1_000 - limits::OPERATOR_CREDITS as usize);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_lags_and_loses_nothing() {
    let node = Node::start(10_000).await;
    let (gateway, mut calls) = node.gateway(None).await;
    told_what_is_live(&mut calls).await;
    let pushed = OUTBOX_EVENTS_MAX + limits::SESSION_EFFECTS_MAX + 100;
    enqueue_many(&node, &gateway, pushed).await;
    assert_eq!(collect_queued(&mut calls, pushed).await, pushed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_fell_too_far_behind_gets_what_is_live_instead() {
    let node = Node::start(16).await;
    let (gateway, mut calls) = node.gateway(None).await;
    let pushed = OUTBOX_EVENTS_MAX + limits::SESSION_EFFECTS_MAX + 100;
    enqueue_many(&node, &gateway, pushed).await;
    // The welcome brought an empty list; the second list makes up for what the ring has lost.
    let parts = |event: &SessionEvent| {
        let SessionEvent::Resync(part) = event else { return None };
        Some((part.contacts.len(), part.last))
    };
    assert_eq!(calls.find(parts).await, (0, true));
    let mut live = 0;
    loop {
        let (contacts, last) = calls.find(parts).await;
        live += contacts;
        if last {
            break;
        }
    }
    assert_eq!(live, pushed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_goes_on_from_its_cursor() {
    let node = Node::start(1_000).await;
    let (gateway, mut calls) = node.gateway(None).await;
    told_what_is_live(&mut calls).await;
    enqueue(&node, &gateway, "k1").await;
    let seen = calls.find(position).await;
    drop((gateway, calls));
    let (gateway, mut calls) = node.gateway(Some(seen)).await;
    assert!(matches!(calls.next().await, SessionEvent::Welcome { resumed: true }));
    enqueue(&node, &gateway, "k2").await;
    let next = calls.find(position).await;
    assert!(next > seen, "{next:?} comes after {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_crashes_goes_on_where_its_stream_had_got_to() {
    let node = Node::start(1_000).await;
    let (gateway, mut calls) = node.gateway(None).await;
    told_what_is_live(&mut calls).await;
    enqueue(&node, &gateway, "k1").await;
    let seen = calls.find(position).await;
    gateway.crash();
    enqueue(&node, &gateway, "k2").await;
    let next = calls.find(position).await;
    assert!(next > seen, "{next:?} comes after {seen:?}");
    // The handle reaches the new actor. What hit the old one was answered "unknown" and is asked again.
    for op in 1.. {
        push(&gateway, op, "k3");
        if calls.find(|event| answer_of(event, op)).await.is_ok() {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_crashes_is_made_anew_and_knows_its_contact() {
    let node = Node::start(1_000).await;
    let (gateway, mut calls) = node.gateway(None).await;
    push(&gateway, 1, "k1");
    assert!(matches!(answered(&mut calls, 1).await, Ok(Reply::Enqueued { .. })));
    gateway.crash_conversation("k1");
    for op in 2.. {
        gateway.request(op, GatewayRequest::Abandon { key: "k1".into() }).unwrap();
        match calls.find(|event| answer_of(event, op)).await {
            Ok(answer) => return assert_eq!(answer.reply, Ok(Reply::Done)),
            Err(lost) => assert_eq!(lost, Unanswered::Propose(ProposeError::Unknown)),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_lost_in_a_crash_is_answered_unknown() {
    let node = Node::start(1_000).await;
    let (anna, mut desk) = node.operator(None).await;
    told_what_is_live(&mut desk).await;
    anna.crash();
    anna.request(1, ready(&anna, 1)).unwrap();
    // Either the crash took it, or it came to the new actor.
    drop(desk.find(|event| answer_of(event, 1)).await);
    let session = node.replica.read(|router| router.session(anna.seed().party)).unwrap();
    assert!(matches!(session.state, SessionState::Live { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_keeps_crashing_is_given_up_and_the_log_learns_of_it() {
    let node = Node::start(1_000).await;
    let (anna, mut desk) = node.operator(None).await;
    let ended = async {
        desk.find(|event| matches!(event, SessionEvent::Ended { .. }).then_some(())).await;
    };
    tokio::pin!(ended);
    loop {
        anna.crash();
        tokio::select! {
            () = &mut ended => break,
            () = tokio::task::yield_now() => {}
        }
    }
    until_not_live(&node, anna.seed().party).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_gone_starts_the_grace() {
    let node = Node::start(1_000).await;
    let (anna, _desk) = node.operator(None).await;
    let party = anna.seed().party;
    drop(anna);
    until_not_live(&node, party).await;
    let session = node.replica.read(|router| router.session(party)).unwrap();
    assert!(matches!(session.state, SessionState::Grace { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_is_answered_before_the_stream_ends() {
    let node = Node::start(1_000).await;
    let (anna, mut desk) = node.operator(None).await;
    let close = CloseSession { party: anna.seed().party, epoch: anna.seed().epoch };
    anna.request(7, Command::CloseSession(close)).unwrap();
    assert!(matches!(answered(&mut desk, 7).await, Ok(Reply::Done)));
    assert_eq!(desk.find(stream_end).await, StreamEnd::SignedOut);
    anna.over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_stream_ends_the_first() {
    let node = Node::start(1_000).await;
    let (first, mut desk) = node.operator(None).await;
    let (second, mut other_desk) = node.operator(None).await;
    assert_eq!(desk.find(stream_end).await, StreamEnd::TakenOver);
    first.over().await;
    drop(first);
    second.request(1, ready(&second, 1)).unwrap();
    assert!(matches!(answered(&mut other_desk, 1).await, Ok(Reply::Done)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_the_log_took_for_lost_ends_its_stream() {
    let node = Node::start(1_000).await;
    let (anna, mut desk) = node.operator(None).await;
    let lose = LoseSession { party: anna.seed().party, epoch: anna.seed().epoch };
    node.carry_out(Command::LoseSession(lose)).await;
    assert_eq!(desk.find(stream_end).await, StreamEnd::Lost);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_learn_what_they_disagree_on() {
    let node = Node::start(1_000).await;
    let (gateway, mut calls) = node.gateway(None).await;
    for key in ["live", "forgotten-by-gateway", "gone"] {
        enqueue(&node, &gateway, key).await;
    }
    let gone = node.replica.read(|router| router.contact_by_key("sip", "gone")).unwrap().id;
    let (id, epoch) = (gateway_of(&gateway), gateway.seed().epoch);
    node.carry_out(Command::AbandonContact(AbandonContact { gateway: id, epoch, contact: gone })).await;
    gateway.reconcile(5, vec!["live".into()], false).unwrap();
    gateway.reconcile(5, vec!["gone".into(), "never-seen".into()], true).unwrap();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    loop {
        let part = calls
            .find(|event| {
                let SessionEvent::Reconciled(part) = event else { return None };
                Some(std::sync::Arc::clone(part))
            })
            .await;
        assert_eq!(part.op, 5);
        ours.extend(part.unknown_to_gateway.iter().map(|contact| contact.key.to_string()));
        theirs.extend(
            part.unknown_to_cluster.iter().map(|orphan| (orphan.key.to_string(), orphan.ended.is_some())),
        );
        if part.last {
            break;
        }
    }
    assert_eq!(ours, ["forgotten-by-gateway"]);
    assert_eq!(theirs, [("gone".to_owned(), true), ("never-seen".to_owned(), false)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queues_view_survives_the_crash_of_its_actor() {
    let node = Node::start(1_000).await;
    let (gateway, _calls) = node.gateway(None).await;
    enqueue(&node, &gateway, "k1").await;
    until_waiting(&node, 1).await;
    let crash = Envelope { message: BoardMessage::Crash(QueueId(0)), permit: None };
    node.actors.board_supervisor.send_message(crash).unwrap();
    enqueue(&node, &gateway, "k2").await;
    until_waiting(&node, 2).await;
}

async fn until_waiting(node: &Node, waiting: u32) {
    loop {
        if node.actors.board().queue(QueueId(0)).is_some_and(|live| live.view.waiting == waiting) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn until_not_live(node: &Node, party: Party) {
    let mut feed = node.replica.feed();
    let is_live = || {
        let session = node.replica.read(|router| router.session(party));
        session.is_some_and(|session| matches!(session.state, SessionState::Live { .. }))
    };
    while is_live() {
        feed.changed().await;
    }
}

fn push(gateway: &GatewaySession, op: u64, key: &str) {
    let contact = contact(key, gateway_of(gateway), gateway.seed().epoch);
    gateway.request(op, GatewayRequest::Push(contact)).unwrap();
}

/// Brings a contact past the actors, so that no answer takes room in the stream.
async fn enqueue(node: &Node, gateway: &GatewaySession, key: &str) {
    let contact = contact(key, gateway_of(gateway), gateway.seed().epoch);
    node.carry_out(Command::EnqueueContact(contact)).await;
}

/// As [`enqueue`], all at once.
async fn enqueue_many(node: &Node, gateway: &GatewaySession, count: usize) {
    let mut feed = node.replica.feed();
    for number in 0..count {
        let contact = contact(&format!("k{number}"), gateway_of(gateway), gateway.seed().epoch);
        let replica = node.replica.clone();
        spawn_named("enqueue", async move {
            let answer = replica.propose(Command::EnqueueContact(contact), Millis(60_000)).await;
            assert!(answer.is_ok_and(|answer| answer.reply.is_ok()));
        });
    }
    while node.replica.read(|router| router.contacts().count()) < count {
        feed.changed().await;
    }
}

/// What arrives before this is in the list of what is live and is not told as an effect.
async fn told_what_is_live(events: &mut Events) {
    events.find(|event| matches!(event, SessionEvent::Resync(part) if part.last).then_some(())).await;
}

async fn collect_queued(calls: &mut Events, expected: usize) -> usize {
    let (mut found, mut last) = (0, Position::default());
    while found < expected {
        let position = calls.find(position).await;
        assert!(position > last, "in order and once");
        last = position;
        found += 1;
    }
    found
}

async fn rung(desk: &mut Events) -> (ContactId, AssignmentEpoch) {
    desk.find(|event| {
        let SessionEvent::Effect(delivered) = event else { return None };
        let Effect::RingOperator { contact, assignment, .. } = delivered.effect else { return None };
        Some((contact, assignment))
    })
    .await
}

async fn answered(events: &mut Events, op: u64) -> Result<Reply, ringmain_routing::Refusal> {
    events.find(|event| answer_of(event, op)).await.expect("the log answers").reply
}

fn answer_of(event: &SessionEvent, wanted: u64) -> Option<Result<ringmain_replication::Answer, Unanswered>> {
    let SessionEvent::Answered { op, answer, .. } = event else { return None };
    (*op == wanted).then(|| answer.clone())
}

fn place_of_answer(event: &SessionEvent) -> Option<(u64, LogIndex)> {
    let SessionEvent::Answered { op, answer, .. } = event else { return None };
    let answer = answer.as_ref().expect("the log answers");
    assert!(answer.reply.is_ok(), "{op}: {:?}", answer.reply);
    Some((*op, answer.index))
}

fn effect(event: &SessionEvent, wanted: impl Fn(&Effect) -> bool) -> Option<()> {
    let SessionEvent::Effect(delivered) = event else { return None };
    wanted(&delivered.effect).then_some(())
}

fn position(event: &SessionEvent) -> Option<Position> {
    let SessionEvent::Effect(delivered) = event else { return None };
    Some(delivered.position)
}

fn stream_end(event: &SessionEvent) -> Option<StreamEnd> {
    let SessionEvent::Ended { reason, .. } = event else { return None };
    Some(*reason)
}
