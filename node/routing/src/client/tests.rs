//! The rules of the client, each as a test. Time is a number; what the client does is compared as a whole.

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::ids::LogIndex;

const BEAT: u64 = 1_000;

#[test]
fn the_first_tick_says_hello_to_the_first_address() {
    let mut client = client();
    client.tick(Timestamp(5));
    let Some(Action::Connect { connection, address, hello }) = client.poll() else { panic!("no connect") };
    assert_eq!((connection, &*address), (ConnectionId(1), "a:1"));
    assert_eq!((hello.resume, hello.cursor, hello.takeover), (None, Position::default(), false));
    assert_eq!(client.poll(), None);
}

#[test]
fn nothing_is_sent_before_the_welcome_and_everything_in_order_after_it() {
    let mut client = client();
    client.tick(Timestamp(0));
    submit(&mut client, "k1", "push 1");
    submit(&mut client, "k2", "push 2");
    assert_eq!(sent(&mut client), vec![]);
    welcome(&mut client, 1, 1, 10);
    assert_eq!(sent(&mut client), vec![(1, 1, "push 1"), (2, 2, "push 2")]);
}

#[test]
fn an_unanswered_operation_is_sent_again_under_its_number_on_the_next_node() {
    let mut client = live(10);
    let op_id = submit(&mut client, "k1", "push 1");
    assert_eq!(sent(&mut client), vec![(1, 1, "push 1")]);
    let next = lose(&mut client, 100);
    assert_eq!((&*next.0, next.1.resume), ("b:1", Some(Epoch(1))));
    welcome(&mut client, 2, 2, 10);
    assert_eq!(sent(&mut client), vec![(1, 1, "push 1")]);
    assert_eq!(client.answered(Timestamp(120), op_id), Verdict::Settled("push 1"));
    assert_eq!(client.answered(Timestamp(121), op_id), Verdict::NotPending, "a second answer is dropped");
}

#[test]
fn an_unknown_outcome_is_resolved_by_the_same_operation() {
    let mut client = live(10);
    let op_id = submit(&mut client, "k1", "push 1");
    sent(&mut client);
    let unknown = Failure::Unknown { retry_after: Millis(300) };
    assert_eq!(client.failed(Timestamp(10), ConnectionId(1), op_id, unknown), Verdict::Retrying);
    assert_eq!(sent(&mut client), vec![]);
    assert_eq!(client.next_deadline(), Some(Timestamp(310)));
    client.tick(Timestamp(310));
    assert_eq!(sent(&mut client), vec![(1, 1, "push 1")], "the same number within the opening too");
}

#[test]
fn unavailable_waits_at_least_as_long_as_the_node_asks_and_backs_off() {
    let mut client = live(10);
    let op_id = submit(&mut client, "k1", "push 1");
    let mut now = Timestamp(0);
    let mut delays = Vec::new();
    for _ in 0..5 {
        assert_eq!(sent(&mut client).len(), 1);
        let failure = Failure::Unavailable { retry_after: Millis(60), hint: None };
        client.failed(now, ConnectionId(1), op_id, failure);
        let due = client.next_deadline().expect("a retry is due");
        delays.push(due.since(now).0);
        now = due;
        client.heard_on(now, ConnectionId(1));
        client.tick(now);
    }
    assert!(delays.iter().all(|delay| *delay >= 60), "{delays:?}");
    assert!(delays[4] >= 400 && delays[4] <= 800, "{delays:?}");
}

#[test]
fn a_refusal_is_final() {
    let mut client = live(10);
    let op_id = submit(&mut client, "k1", "push 1");
    sent(&mut client);
    let verdict = client.failed(Timestamp(10), ConnectionId(1), op_id, Failure::Final);
    assert_eq!(verdict, Verdict::Settled("push 1"));
    assert_eq!(client.pending.len(), 0);
}

#[test]
fn operations_on_one_subject_never_overtake_each_other() {
    let mut client = live(10);
    let push = submit(&mut client, "k1", "push 1");
    submit(&mut client, "k1", "abandon 1");
    submit(&mut client, "k2", "push 2");
    assert_eq!(sent(&mut client), vec![(1, 1, "push 1"), (3, 2, "push 2")]);
    client.failed(Timestamp(1), ConnectionId(1), push, Failure::Unknown { retry_after: Millis(5) });
    assert_eq!(sent(&mut client), vec![]);
    client.tick(Timestamp(100));
    assert_eq!(sent(&mut client), vec![(1, 1, "push 1")]);
    client.answered(Timestamp(101), push);
    assert_eq!(sent(&mut client), vec![(2, 3, "abandon 1")]);
}

#[test]
fn credits_bound_what_is_under_way() {
    let mut client = live(1);
    let first = submit(&mut client, "k1", "push 1");
    submit(&mut client, "k2", "push 2");
    submit(&mut client, "k3", "push 3");
    assert_eq!(sent(&mut client).len(), 1);
    client.answered(Timestamp(1), first);
    assert_eq!(sent(&mut client).len(), 1);
    client.credits(Timestamp(2), ConnectionId(1), 2);
    assert_eq!(sent(&mut client).len(), 1);
}

#[test]
fn too_many_pending_operations_are_refused() {
    let mut config = config();
    config.limits.pending_max = 1;
    let mut client = Client::new(config);
    submit(&mut client, "k1", "push 1");
    assert!(!client.has_room());
    assert_eq!(client.submit(Subject::Session, "x"), Err(NoRoom("x")));
}

#[test]
fn repeated_events_are_dropped_and_the_stream_resumes_behind_the_last() {
    let mut client = live(10);
    assert!(client.event(Timestamp(1), ConnectionId(1), at(7, 0)));
    assert!(client.event(Timestamp(1), ConnectionId(1), at(7, 1)));
    assert!(!client.event(Timestamp(1), ConnectionId(1), at(7, 0)));
    let (_, hello) = lose(&mut client, 100);
    assert_eq!(hello.cursor, at(7, 1));
    welcome(&mut client, 2, 2, 10);
    assert!(!client.event(Timestamp(1), ConnectionId(2), at(7, 1)));
    assert!(!client.event(Timestamp(1), ConnectionId(1), at(9, 0)), "an earlier connection is not heard");
    assert!(client.event(Timestamp(1), ConnectionId(2), at(8, 0)));
}

#[test]
fn a_resync_counts_as_seen_and_an_old_one_is_dropped() {
    let mut client = live(10);
    assert!(client.event(Timestamp(1), ConnectionId(1), at(7, 0)));
    assert!(!client.resync(Timestamp(1), ConnectionId(1), Position::end_of(LogIndex(6))));
    assert!(client.resync(Timestamp(1), ConnectionId(1), Position::end_of(LogIndex(9))));
    assert!(!client.event(Timestamp(1), ConnectionId(1), at(9, 3)));
    assert!(client.event(Timestamp(1), ConnectionId(1), at(10, 0)));
}

#[test]
fn events_are_acknowledged_in_bulk_and_at_the_heartbeat() {
    let mut client = live(10);
    for n in 0..64 {
        client.event(Timestamp(1), ConnectionId(1), at(7, n));
    }
    assert_eq!(actions(&mut client), vec![Action::Ack { cursor: at(7, 63) }]);
    client.event(Timestamp(2), ConnectionId(1), at(8, 0));
    client.tick(Timestamp(BEAT));
    assert_eq!(actions(&mut client), vec![Action::Heartbeat { seq: 1 }, Action::Ack { cursor: at(8, 0) }]);
}

#[test]
fn silence_of_three_heartbeats_is_a_lost_stream() {
    let mut client = live(10);
    client.tick(Timestamp(BEAT));
    client.tick(Timestamp(2 * BEAT));
    actions(&mut client);
    client.tick(Timestamp(3 * BEAT));
    assert_eq!(actions(&mut client), vec![Action::Close { connection: ConnectionId(1) }]);
    client.tick(Timestamp(3 * BEAT));
    assert!(matches!(client.poll(), Some(Action::Connect { address, .. }) if &*address == "b:1"));
}

#[test]
fn a_node_that_cannot_serve_names_the_one_to_go_to() {
    let mut client = live(10);
    let op_id = submit(&mut client, "k1", "push 1");
    sent(&mut client);
    let failure = Failure::Unavailable { retry_after: Millis(5_000), hint: Some("z:1".into()) };
    assert_eq!(client.failed(Timestamp(10), ConnectionId(1), op_id, failure), Verdict::Retrying);
    client.tick(Timestamp(10));
    assert!(
        matches!(actions(&mut client).last(), Some(Action::Connect { address, .. }) if &**address == "z:1")
    );
    welcome(&mut client, 2, 2, 10);
    assert_eq!(sent(&mut client), vec![(1, 1, "push 1")], "the other node is asked at once");
}

#[test]
fn nodes_that_name_each_other_are_not_asked_in_a_tight_loop() {
    let mut client = live(10);
    let op_id = submit(&mut client, "k1", "push 1");
    let mut now = Timestamp(0);
    for n in 1..=6_u64 {
        sent(&mut client);
        let hint = Some(if n % 2 == 1 { "b:1".into() } else { "a:1".into() });
        client.failed(now, ConnectionId(n), op_id, Failure::Unavailable { retry_after: Millis(0), hint });
        now = client.next_deadline().expect("goes on");
        client.tick(now);
        welcome(&mut client, n + 1, n as u32 + 1, 10);
    }
    assert!(now.0 > 500, "{now:?}");
}

/// Five nodes of which the first two are cut off from the others, and each names the other.
fn names_its_like(address: &str) -> Option<Name> {
    match address {
        "1:1" => Some("2:1".into()),
        "2:1" => Some("1:1".into()),
        _ => None,
    }
}

fn of_five() -> Client<&'static str> {
    let addresses = (1..=5).map(|n| Name::from(alloc::format!("{n}:1").as_str())).collect();
    Client::new(ClientConfig { addresses, ..config() })
}

#[test]
fn nodes_that_cannot_serve_and_name_each_other_do_not_keep_a_client_from_those_that_can() {
    let mut client = of_five();
    client.tick(Timestamp(0));
    let mut tried = Vec::new();
    while let Some(Action::Connect { connection, address, .. }) = actions(&mut client).pop() {
        let hint = names_its_like(&address);
        tried.push(address);
        if hint.is_none() {
            break;
        }
        let failure = StreamFailure::Unavailable { retry_after: Millis(1_000), hint };
        client.stream_failed(Timestamp(0), connection, failure);
        client.tick(Timestamp(0));
    }
    assert_eq!(tried, ["1:1", "2:1", "3:1"].map(Name::from), "and at once");
}

#[test]
fn a_client_that_a_cut_off_node_sends_away_passes_by_the_other_cut_off_one() {
    let mut client = of_five();
    client.tick(Timestamp(0));
    welcome(&mut client, 1, 1, 10);
    actions(&mut client);
    client.drain(Timestamp(0), ConnectionId(1), Millis(1_000), names_its_like("1:1"));
    client.tick(client.next_deadline().expect("goes on"));
    let Some(Action::Connect { connection, address, .. }) = actions(&mut client).pop() else {
        panic!("no connect")
    };
    assert_eq!(&*address, "2:1");
    let failure = StreamFailure::Unavailable { retry_after: Millis(1_000), hint: names_its_like("2:1") };
    client.stream_failed(Timestamp(100), connection, failure);
    client.tick(Timestamp(100));
    let next = actions(&mut client).pop();
    assert!(matches!(&next, Some(Action::Connect { address, .. }) if &**address == "3:1"), "{next:?}");
}

#[test]
fn an_operation_that_cut_off_nodes_hand_to_each_other_comes_to_one_that_can() {
    let mut client = of_five();
    client.tick(Timestamp(0));
    welcome(&mut client, 1, 1, 10);
    actions(&mut client);
    let op_id = submit(&mut client, "k1", "push 1");
    let mut now = Timestamp(0);
    for (n, address) in [(1, "1:1"), (2, "2:1")] {
        sent(&mut client);
        let failure = Failure::Unavailable { retry_after: Millis(0), hint: names_its_like(address) };
        assert_eq!(client.failed(now, ConnectionId(n), op_id, failure), Verdict::Retrying);
        now = client.next_deadline().expect("goes on");
        client.tick(now);
        if n == 1 {
            welcome(&mut client, 2, 2, 10);
        }
    }
    let next = actions(&mut client).pop();
    assert!(matches!(&next, Some(Action::Connect { address, .. }) if &**address == "3:1"), "{next:?}");
}

#[test]
fn when_all_have_failed_the_node_may_say_how_long_to_wait() {
    let mut client = client();
    client.tick(Timestamp(0));
    let busy = || StreamFailure::Unavailable { retry_after: Millis(1_000), hint: None };
    client.stream_failed(Timestamp(0), ConnectionId(1), busy());
    assert_eq!(client.next_deadline(), Some(Timestamp(0)), "the other node is asked at once");
    client.tick(Timestamp(0));
    client.stream_failed(Timestamp(0), ConnectionId(2), busy());
    assert_eq!(client.next_deadline(), Some(Timestamp(1_000)));
}

#[test]
fn addresses_learned_from_the_welcome_are_tried_too() {
    let mut client = client();
    client.tick(Timestamp(0));
    client.welcomed(Timestamp(0), ConnectionId(1), welcome_with(1, 10, vec!["c:1".into(), "a:1".into()]));
    let mut tried = Vec::new();
    for connection in 1..=3 {
        client.stream_failed(Timestamp(1), ConnectionId(connection), StreamFailure::Lost);
        client.tick(client.next_deadline().expect("goes on"));
        for action in actions(&mut client) {
            if let Action::Connect { address, .. } = action {
                tried.push(address);
            }
        }
    }
    assert_eq!(tried.iter().map(|name| &**name).collect::<Vec<_>>(), vec!["b:1", "c:1", "a:1"]);
}

#[test]
fn all_nodes_are_tried_at_once_then_there_is_a_pause() {
    let mut client = client();
    client.tick(Timestamp(0));
    client.stream_failed(Timestamp(0), ConnectionId(1), StreamFailure::Lost);
    assert_eq!(client.next_deadline(), Some(Timestamp(0)));
    client.tick(Timestamp(0));
    client.stream_failed(Timestamp(0), ConnectionId(2), StreamFailure::Lost);
    let pause = client.next_deadline().expect("goes on").0;
    assert!((25..=50).contains(&pause), "{pause}");
}

#[test]
fn a_welcome_that_does_not_come_is_a_failed_attempt() {
    let mut client = client();
    client.tick(Timestamp(0));
    actions(&mut client);
    client.tick(Timestamp(2_000));
    client.tick(Timestamp(2_000));
    let done = actions(&mut client);
    assert_eq!(done[0], Action::Close { connection: ConnectionId(1) });
    assert!(matches!(&done[1], Action::Connect { connection: ConnectionId(2), .. }));
    client.welcomed(Timestamp(2_001), ConnectionId(1), welcome_with(1, 10, vec![]));
    assert_eq!(client.epoch(), None, "a late welcome of an earlier attempt changes nothing");
}

#[test]
fn each_attempt_has_its_own_nonce() {
    let mut client = client();
    client.tick(Timestamp(0));
    let Some(Action::Connect { hello: first, .. }) = client.poll() else { panic!("no connect") };
    client.stream_failed(Timestamp(0), ConnectionId(1), StreamFailure::Lost);
    client.tick(Timestamp(0));
    let second = actions(&mut client).pop();
    let Some(Action::Connect { hello: second, .. }) = second else { panic!("no connect") };
    assert_ne!(first.nonce, second.nonce);
}

#[test]
fn an_attempt_tells_of_those_before_it_that_nobody_answered() {
    let mut client = client();
    let mut now = Timestamp(0);
    let mut nonces: Vec<u64> = Vec::new();
    for _ in 0..UNANSWERED_MAX + 3 {
        client.tick(now);
        let Some(Action::Connect { hello, .. }) = actions(&mut client).pop() else { panic!("no connect") };
        let from = nonces.len().saturating_sub(UNANSWERED_MAX);
        assert_eq!(hello.unanswered, nonces[from..], "the latest, without its own");
        nonces.push(hello.nonce);
        client.tick(now + Millis(2_000));
        now = client.next_deadline().expect("goes on").max(now + Millis(2_000));
    }
    client.tick(now);
    actions(&mut client);
    client.welcomed(now, ConnectionId(client.connections), welcome_with(1, 10, vec![]));
    client.stream_failed(now, ConnectionId(client.connections), StreamFailure::Lost);
    client.tick(client.next_deadline().expect("goes on"));
    let Some(Action::Connect { hello, .. }) = actions(&mut client).pop() else { panic!("no connect") };
    assert_eq!((hello.resume, hello.unanswered), (Some(Epoch(1)), Vec::new()), "it has the epoch");
}

#[test]
fn already_signed_in_is_taken_for_an_own_echo_only_for_a_while() {
    let mut client = client();
    client.tick(Timestamp(0));
    let mut now = Timestamp(0);
    let mut attempts = 0;
    while let Some(due) = client.next_deadline() {
        now = now.max(due);
        client.tick(now);
        attempts += 1;
        assert!(attempts < 100, "does not end");
        client.stream_failed(now, ConnectionId(client.connections), StreamFailure::AlreadySignedIn);
    }
    assert!(now.0 >= 10_000, "{now:?}");
    assert_eq!(actions(&mut client).pop(), Some(Action::Stop { reason: StopReason::AlreadySignedIn }));
}

#[test]
fn a_client_that_was_taken_over_stops_and_gives_back_what_is_pending() {
    let mut client = live(10);
    submit(&mut client, "k1", "push 1");
    client.stream_failed(Timestamp(1), ConnectionId(1), StreamFailure::TakenOver);
    assert_eq!(actions(&mut client).pop(), Some(Action::Stop { reason: StopReason::TakenOver }));
    assert_eq!(client.take_pending(), vec![(OpId(1), "push 1")]);
    assert_eq!(client.next_deadline(), None);
    assert!(!client.has_room());
}

#[test]
fn takeover_is_asked_for_until_the_first_welcome() {
    let mut client = Client::<&str>::new(ClientConfig { takeover: true, ..config() });
    client.tick(Timestamp(0));
    welcome(&mut client, 1, 4, 10);
    let (_, hello) = lose(&mut client, 10);
    assert_eq!((hello.takeover, hello.resume), (false, Some(Epoch(4))));
}

#[test]
fn a_session_that_is_over_is_opened_anew_before_the_operation_is_sent_again() {
    let mut client = live(10);
    let op_id = submit(&mut client, "k1", "push 1");
    sent(&mut client);
    client.failed(Timestamp(10), ConnectionId(1), op_id, Failure::SessionOver);
    client.tick(Timestamp(100));
    assert!(matches!(actions(&mut client).pop(), Some(Action::Connect { .. })));
    welcome(&mut client, 2, 5, 10);
    assert_eq!(sent(&mut client), vec![(1, 1, "push 1")]);
}

#[test]
fn a_draining_node_is_left_when_nothing_is_under_way_there() {
    let mut client = live(10);
    let op_id = submit(&mut client, "k1", "push 1");
    sent(&mut client);
    client.drain(Timestamp(10), ConnectionId(1), Millis(1_000), Some("b:1".into()));
    submit(&mut client, "k2", "push 2");
    assert_eq!(actions(&mut client), vec![], "nothing new goes to a node that drains");
    client.answered(Timestamp(20), op_id);
    client.tick(Timestamp(100));
    assert!(
        matches!(actions(&mut client).pop(), Some(Action::Connect { address, .. }) if &*address == "b:1")
    );
    welcome(&mut client, 2, 2, 10);
    assert_eq!(sent(&mut client), vec![(2, 1, "push 2")], "numbers within an opening start again");
}

#[test]
fn a_draining_node_is_left_in_time_even_when_it_does_not_answer() {
    let mut client = live(10);
    submit(&mut client, "k1", "push 1");
    sent(&mut client);
    client.drain(Timestamp(10), ConnectionId(1), Millis(1_000), None);
    client.tick(Timestamp(510));
    assert_eq!(actions(&mut client), vec![Action::Close { connection: ConnectionId(1) }]);
    client.tick(Timestamp(600));
    assert!(
        matches!(actions(&mut client).pop(), Some(Action::Connect { address, .. }) if &*address == "b:1")
    );
}

#[test]
fn equal_inputs_lead_to_equal_actions() {
    let run = || {
        let mut client = client();
        let mut all = Vec::new();
        for step in 0..200_u64 {
            let now = Timestamp(step * 70);
            client.tick(now);
            match step % 5 {
                0 => client.welcomed(now, ConnectionId(client.connections), welcome_with(1, 3, vec![])),
                1 => drop(client.submit(Subject::Contact("k".into()), "op")),
                2 => drop(client.answered(now, OpId(step / 5))),
                3 => drop(client.event(now, ConnectionId(client.connections), at(step, 0))),
                _ => {
                    client.stream_failed(now, ConnectionId(client.connections), StreamFailure::Lost);
                }
            }
            all.extend(actions(&mut client));
        }
        all
    };
    assert_eq!(run(), run());
}

fn config() -> ClientConfig {
    ClientConfig {
        addresses: vec!["a:1".into(), "b:1".into()],
        seed: 1,
        takeover: false,
        cursor: Position::default(),
        resume: None,
        limits: ClientLimits::default(),
    }
}

fn client() -> Client<&'static str> {
    Client::new(config())
}

/// Welcomed on connection 1 with epoch 1.
fn live(credits: u32) -> Client<&'static str> {
    let mut client = client();
    client.tick(Timestamp(0));
    welcome(&mut client, 1, 1, credits);
    actions(&mut client);
    client
}

fn welcome(client: &mut Client<&'static str>, connection: u64, epoch: u32, credits: u32) {
    client.welcomed(Timestamp(0), ConnectionId(connection), welcome_with(epoch, credits, vec![]));
}

fn welcome_with(epoch: u32, credits: u32, addresses: Vec<Name>) -> Welcome {
    Welcome { epoch: Epoch(epoch), heartbeat: Millis(BEAT), credits, addresses }
}

fn submit(client: &mut Client<&'static str>, key: &str, operation: &'static str) -> OpId {
    client.submit(Subject::Contact(key.into()), operation).expect("there is room")
}

/// Loses the present stream and lets the client go to the next node.
fn lose(client: &mut Client<&'static str>, now: u64) -> (Name, Hello) {
    client.stream_failed(Timestamp(now), ConnectionId(client.connections), StreamFailure::Lost);
    client.tick(client.next_deadline().expect("goes on"));
    match actions(client).pop() {
        Some(Action::Connect { address, hello, .. }) => (address, hello),
        other => panic!("no attempt to connect but {other:?}"),
    }
}

fn actions(client: &mut Client<&'static str>) -> Vec<Action<&'static str>> {
    core::iter::from_fn(|| client.poll()).collect()
}

fn sent(client: &mut Client<&'static str>) -> Vec<(u64, u64, &'static str)> {
    let send = |action| match action {
        Action::Send { op_id, seq, operation } => Some((op_id.0, seq, operation)),
        Action::Connect { .. }
        | Action::Heartbeat { .. }
        | Action::Ack { .. }
        | Action::Close { .. }
        | Action::Stop { .. } => None,
    };
    actions(client).into_iter().filter_map(send).collect()
}

fn at(index: u64, n: u32) -> Position {
    Position { index: LogIndex(index), n }
}
