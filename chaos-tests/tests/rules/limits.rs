//! Limits that random worlds are too small to reach, with core and model held together.

use ringmain_routing::command::{
    Act, Action, AnswerOffer, ApplyPlan, ContactDetails, DeclaredPresence, EnqueueContact, MoveFrom,
    NodeLost, OpenSession, OperatorPlan, PutOperators, Role, SetPresence, TransferContact, TransferTarget,
};
use ringmain_routing::limits::{
    EXCLUSIONS_PER_OPERATOR_MAX, JOB_ROWS_PER_ENTRY_MAX, TIMERS_PER_ENTRY_MAX, WRAP_UPS_PER_OPERATOR_MAX,
};
use ringmain_routing::plan::{Answer, ChannelPlan, QueuePlan, SessionPlan};
use ringmain_routing::{
    Command, ContactId, Epoch, GatewayId, Incarnation, Millis, NodeId, OperatorId, Plan, Timestamp,
};

use crate::both::Both;

const NODE: NodeId = NodeId(1);

fn centre(answer: Answer, sessions: SessionPlan) -> Both {
    let mut both = Both::new();
    let plan = Plan {
        version: 1,
        queues: vec![QueuePlan { answer, ..QueuePlan::named("calls") }, QueuePlan::named("backs")],
        channels: vec![ChannelPlan { name: "voice".into(), units: 1 }],
        sessions,
        ..Plan::default()
    };
    ask(&mut both, 0, Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    ask(&mut both, 0, open(Role::Gateway, "pbx"));
    both
}

/// Applies to both and returns the effects.
fn ask(both: &mut Both, at: u64, command: Command) -> usize {
    let before = both.scenario.entries.len();
    both.apply(Timestamp(at), &command).unwrap_or_else(|difference| panic!("{difference}"));
    both.scenario.entries[before].trace.len() - 1
}

fn open(role: Role, name: &str) -> Command {
    let (node, incarnation) = (NODE, Incarnation(1));
    Command::OpenSession(OpenSession {
        role,
        name: name.into(),
        node,
        incarnation,
        nonce: 1,
        resume: None,
        takeover: false,
    })
}

fn put(names: impl Iterator<Item = usize>, capacity: u32) -> Command {
    let row = |number| OperatorPlan {
        login: format!("op{number}").into(),
        skills: Vec::new(),
        capacity,
        unit: None,
        ranks: Vec::new(),
        rules: Default::default(),
    };
    Command::PutOperators(PutOperators { operators: names.map(row).collect(), by: None })
}

fn sign_in(both: &mut Both, at: u64, number: u32) {
    ask(both, at, open(Role::Operator, &format!("op{number}")));
    let operator = OperatorId { slot: number, generation: 0 };
    let presence = DeclaredPresence::Ready;
    ask(both, at, Command::SetPresence(SetPresence { operator, epoch: Epoch(1), seq: 1, presence }));
}

fn bring(both: &mut Both, at: u64, number: u32) {
    let command = EnqueueContact {
        gateway: GatewayId { slot: 0, generation: 0 },
        epoch: Epoch(1),
        key: format!("k{number}").into(),
        queue: "calls".into(),
        channel: "voice".into(),
        tier: 5,
        head_start: Millis(0),
        skills: Vec::new(),
        scope: None,
        units: None,
        not_before: None,
        preferred: None,
        callback: None,
        details: ContactDetails::default(),
        facts: Default::default(),
    };
    ask(both, at, Command::EnqueueContact(Box::new(command)));
}

#[test]
fn at_most_256_timers_fire_with_one_command_and_the_rest_with_the_next() {
    let sessions = SessionPlan { missed: Millis(0), exclusion: Millis(0), ..SessionPlan::default() };
    let mut both = centre(Answer::Offered { within: Millis(1_000) }, sessions);
    ask(&mut both, 0, put(0..1, 1_000));
    sign_in(&mut both, 0, 0);
    let count = TIMERS_PER_ENTRY_MAX as u32 + 40;
    for number in 0..count {
        bring(&mut both, 0, number);
    }
    let lose = Command::LoseSession(ringmain_routing::command::LoseSession {
        party: ringmain_routing::Party::Operator(OperatorId { slot: 0, generation: 0 }),
        epoch: Epoch(1),
    });
    ask(&mut both, 10, lose);
    let back = OpenSession {
        role: Role::Operator,
        name: "op0".into(),
        node: NodeId(2),
        incarnation: Incarnation(1),
        nonce: 2,
        resume: Some(Epoch(1)),
        takeover: false,
    };
    ask(&mut both, 20, Command::OpenSession(back));
    ask(&mut both, 1_020, Command::Tick);
    assert_eq!(both.router.next_deadline(), Some(Timestamp(1_020)), "more is due");
    ask(&mut both, 1_020, Command::Tick);
}

#[test]
fn a_lost_node_is_taken_down_500_parties_at_a_time() {
    let mut both = centre(Answer::Offered { within: Millis(60_000) }, SessionPlan::default());
    let count = JOB_ROWS_PER_ENTRY_MAX + 30;
    ask(&mut both, 0, put(0..300, 1));
    ask(&mut both, 0, put(300..count, 1));
    for number in (0..count as u32).step_by(7) {
        sign_in(&mut both, 0, number);
    }
    bring(&mut both, 5, 1);
    let lost = NodeLost { node: NODE, incarnation: Incarnation(1) };
    ask(&mut both, 10, Command::NodeLost(lost.clone()));
    ask(&mut both, 10, Command::NodeLost(lost));
    assert_eq!(both.router.next_deadline(), Some(Timestamp(10)));
    let first = ask(&mut both, 10, Command::Tick);
    assert!(first > 0, "the job advances with the next command");
    bring(&mut both, 10, 2);
    both.restore().unwrap_or_else(|difference| panic!("{difference}"));
    for _ in 0..4 {
        ask(&mut both, 10, Command::Tick);
    }
    assert!(both.router.next_deadline() > Some(Timestamp(10)), "the jobs are over");
}

#[test]
fn the_oldest_of_more_than_64_exclusions_ends() {
    let sessions = SessionPlan { missed: Millis(0), ..SessionPlan::default() };
    let mut both = centre(Answer::Offered { within: Millis(60_000) }, sessions);
    ask(&mut both, 0, put(0..2, 1));
    sign_in(&mut both, 0, 0);
    sign_in(&mut both, 0, 1);
    bring(&mut both, 0, 9_999);
    let count = EXCLUSIONS_PER_OPERATOR_MAX as u32 + 3;
    for number in 0..count {
        bring(&mut both, 1, number);
    }
    for round in 0..2 * count {
        decline_first(&mut both, 2 + u64::from(round));
    }
    let most = both.model.operators().iter().map(|row| row.exclusions.len()).max();
    assert_eq!(most, Some(EXCLUSIONS_PER_OPERATOR_MAX));
}

/// The second operator declines what is in hand; the first keeps its own, so that the exclusions count.
fn decline_first(both: &mut Both, at: u64) {
    let operator = OperatorId { slot: 1, generation: 0 };
    let in_hand = both.model.contacts_of(operator).next().map(|row| (row.id, row.assignment));
    if let Some((contact, assignment)) = in_hand {
        let epoch = Epoch(1);
        ask(both, at, Command::DeclineOffer(AnswerOffer { operator, epoch, contact, assignment }));
    }
}

#[test]
fn a_slot_is_used_again_under_the_next_generation() {
    let sessions = SessionPlan { key_window: Millis(10), ..SessionPlan::default() };
    let mut both = centre(Answer::Automatic, sessions);
    for number in 0..3 {
        bring(&mut both, 1, number);
    }
    let abandon = |slot| {
        Command::AbandonContact(ringmain_routing::command::AbandonContact {
            gateway: GatewayId { slot: 0, generation: 0 },
            epoch: Epoch(1),
            contact: ContactId { slot, generation: 0 },
        })
    };
    ask(&mut both, 2, abandon(0));
    ask(&mut both, 3, abandon(2));
    ask(&mut both, 20, Command::Tick);
    both.restore().unwrap_or_else(|difference| panic!("{difference}"));
    for number in 3..6 {
        bring(&mut both, 21, number);
    }
    let ids: Vec<String> = both.router.contacts().map(|view| view.id.to_string()).collect();
    assert_eq!(ids, ["c0.1", "c1.0", "c2.1", "c3.0"]);
}

#[test]
fn a_line_is_moved_500_contacts_at_a_time_and_later_arrivals_stay() {
    let mut both = centre(Answer::Automatic, SessionPlan::default());
    let count = JOB_ROWS_PER_ENTRY_MAX as u32 + 60;
    for number in 0..count {
        bring(&mut both, 0, number);
    }
    let from = MoveFrom::Queue { name: "calls".into(), count_max: None };
    let action = Action::MoveContacts { from, to: "backs".into() };
    let act = Act { by: "olga".into(), key: "k".into(), action };
    ask(&mut both, 10, Command::Act(Box::new(act)));
    assert_eq!(both.router.next_deadline(), Some(Timestamp(10)));
    bring(&mut both, 10, count);
    both.restore().unwrap_or_else(|difference| panic!("{difference}"));
    ask(&mut both, 10, Command::Tick);
    let waiting: Vec<u32> = both.router.queues().iter().map(|queue| queue.waiting).collect();
    assert_eq!(waiting, [1, count]);
    assert_eq!(both.router.next_deadline(), None, "the job is over");
}

#[test]
fn the_oldest_of_more_than_64_wrap_ups_of_contacts_passed_on_ends() {
    let mut both = centre(Answer::Automatic, SessionPlan::default());
    ask(&mut both, 0, put(0..1, 1_000));
    sign_in(&mut both, 0, 0);
    let operator = OperatorId { slot: 0, generation: 0 };
    let pass = |both: &mut Both, number: u32| {
        let contact = ContactId { slot: number, generation: 0 };
        let view = both.router.contact(contact).expect("was brought");
        let answer = AnswerOffer { operator, epoch: Epoch(1), contact, assignment: view.assignment };
        let to = TransferTarget::Queue("backs".into());
        let transfer = TransferContact { answer, to, wrap_up: Some(Millis(60_000)) };
        ask(both, 10, Command::TransferContact(Box::new(transfer)));
    };
    let count = WRAP_UPS_PER_OPERATOR_MAX as u32 + 1;
    for number in 0..count {
        bring(&mut both, 5, number);
    }
    for number in 0..count {
        pass(&mut both, number);
    }
    let view = both.router.operator(operator).expect("was put");
    assert_eq!(view.wrap_ups.len(), WRAP_UPS_PER_OPERATOR_MAX);
    assert_eq!(view.wrap_ups[0].0.slot, 1, "the first has ended");
    assert_eq!(view.used, count + WRAP_UPS_PER_OPERATOR_MAX as u32, "all are back: nobody else is there");
}
