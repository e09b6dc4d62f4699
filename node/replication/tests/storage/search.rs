//! Ended contacts are found by customer, operator and time, and the index can always be built anew.

use std::fs;
use std::path::Path;

use ringmain_replication::search_index::{EndedContact, SearchIndex};
use ringmain_routing::command::*;
use ringmain_routing::effect::EndReason;
use ringmain_routing::plan::{ChannelPlan, Plan, QueuePlan, SessionPlan};
use ringmain_routing::*;

use crate::node::{Node, batch_entry, open};

const OPERATOR: OperatorId = OperatorId { slot: 0, generation: 0 };

fn session(role: Role, name: &str) -> Command {
    Command::OpenSession(OpenSession {
        role,
        name: name.into(),
        node: NodeId(1),
        incarnation: Incarnation(1),
        nonce: 1,
        resume: None,
        takeover: false,
    })
}

fn enqueue(key: &str, customer: &str) -> Command {
    Command::EnqueueContact(Box::new(EnqueueContact {
        gateway: GatewayId { slot: 0, generation: 0 },
        epoch: Epoch(1),
        key: key.into(),
        queue: "main".into(),
        channel: "voice".into(),
        tier: 5,
        head_start: Millis(0),
        skills: vec![],
        scope: None,
        units: None,
        not_before: None,
        preferred: None,
        callback: None,
        details: ContactDetails { customer: Some(customer.into()), ..ContactDetails::default() },
        facts: Default::default(),
    }))
}

/// A queue, a gateway and one operator, who is ready.
fn opening() -> Vec<Command> {
    let plan = Plan {
        version: 1,
        queues: vec![QueuePlan::named("main")],
        skills: vec![],
        channels: vec![ChannelPlan { name: "voice".into(), units: 100 }],
        units: vec![],
        sessions: SessionPlan::default(),
        rules: Default::default(),
    };
    let operator = OperatorPlan {
        login: "aigul".into(),
        skills: vec![],
        capacity: 100,
        unit: None,
        ranks: vec![],
        rules: Default::default(),
    };
    vec![
        Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })),
        session(Role::Gateway, "pbx"),
        Command::PutOperators(PutOperators { operators: vec![operator], by: None }),
        session(Role::Operator, "aigul"),
        Command::SetPresence(SetPresence {
            operator: OPERATOR,
            epoch: Epoch(1),
            seq: 1,
            presence: DeclaredPresence::Ready,
        }),
    ]
}

fn contact(slot: u32) -> ContactId {
    ContactId { slot, generation: 0 }
}

fn complete(slot: u32) -> Command {
    let answer = AnswerOffer {
        operator: OPERATOR,
        epoch: Epoch(1),
        contact: contact(slot),
        assignment: AssignmentEpoch(1),
    };
    Command::CompleteContact(CompleteContact { answer, wrap_up: None, step: CaseStep::Next, result: None })
}

fn abandon(slot: u32) -> Command {
    let gateway = GatewayId { slot: 0, generation: 0 };
    Command::AbandonContact(AbandonContact { gateway, epoch: Epoch(1), contact: contact(slot) })
}

/// Applies each command in an entry of its own, from index `from` on.
async fn run(node: &mut Node, from: u64, commands: Vec<Command>) {
    for (n, command) in commands.into_iter().enumerate() {
        let entry = batch_entry(1, from + n as u64, &[(None, command)]);
        node.append(vec![entry.clone()]).await;
        node.apply(vec![entry]).await.unwrap();
    }
}

fn keys(found: &[EndedContact]) -> Vec<&str> {
    found.iter().map(|ended| &*ended.key).collect()
}

/// Two served, one abandoned while waiting, one still open.
async fn day(dir: &Path) -> Node {
    let mut node = open(dir).unwrap();
    run(&mut node, 1, opening()).await;
    let calls =
        vec![enqueue("a", "Petrov"), enqueue("b", "Serik"), abandon(1), complete(0), enqueue("c", "Petrov")];
    run(&mut node, 6, calls).await;
    run(&mut node, 11, vec![complete(2), enqueue("d", "Petrov"), enqueue("a", "Petrov")]).await;
    node
}

fn check(index: &SearchIndex) {
    assert_eq!(keys(&index.by_customer("Petrov", 9).unwrap()), ["c", "a"], "the latest first, open ones not");
    assert_eq!(keys(&index.by_customer("Petrov", 1).unwrap()), ["c"]);
    assert_eq!(keys(&index.by_customer("Serik", 9).unwrap()), ["b"]);
    assert_eq!(keys(&index.by_operator(OPERATOR, 9).unwrap()), ["c", "a"]);
    assert_eq!(keys(&index.by_time(Timestamp(0), Timestamp(9_000), 9).unwrap()), ["c", "a", "b"]);
    let served = &index.by_customer("Petrov", 9).unwrap()[1];
    assert_eq!((served.enqueued, served.ended), (LogIndex(6), LogIndex(9)));
    assert_eq!(served.reason, EndReason::Completed(OPERATOR));
}

#[tokio::test]
async fn ended_contacts_are_found_by_customer_operator_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let node = day(dir.path()).await;
    let index = SearchIndex::open(dir.path(), node.machine.clone()).unwrap();
    assert_eq!(index.catch_up().unwrap(), LogIndex(13));
    check(&index);
}

#[tokio::test]
async fn a_contact_that_ends_after_a_restart_is_found_with_what_was_known_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = day(dir.path()).await;
    let index = SearchIndex::open(dir.path(), node.machine.clone()).unwrap();
    index.catch_up().unwrap();
    drop(index);
    run(&mut node, 14, vec![complete(3)]).await;
    let index = SearchIndex::open(dir.path(), node.machine.clone()).unwrap();
    index.catch_up().unwrap();
    assert_eq!(keys(&index.by_customer("Petrov", 9).unwrap()), ["d", "c", "a"]);
}

#[tokio::test]
async fn an_unusable_index_is_set_aside_and_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let node = day(dir.path()).await;
    let index = SearchIndex::open(dir.path(), node.machine.clone()).unwrap();
    index.catch_up().unwrap();
    drop(index);
    for (file, content) in [("conf", &b"no configuration"[..]), ("db", &[0xa5; 5_000])] {
        fs::write(dir.path().join("search").join(file), content).unwrap();
        let index = SearchIndex::open(dir.path(), node.machine.clone()).unwrap();
        index.catch_up().unwrap();
        check(&index);
    }
    assert!(dir.path().join("search.unusable").is_dir());
}
