//! The simulated contact centre: its plan, its people, and the commands that their operations become.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::command::{
    AbandonContact, AnswerOffer, ApplyPlan, CallbackOrder, CompleteContact, ContactDetails, DeclaredPresence,
    EnqueueContact, ExtendWrapUp, HoldContact, OperatorPlan, PutOperators, Role, SetPresence,
    TransferContact, TransferTarget,
};
use ringmain_routing::plan::{Answer, ChannelPlan, Orphan, QueuePlan, SessionPlan};
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Epoch, GatewayId, Millis, Name, OperatorId, Party, Plan, Timestamp,
};

use super::client::SimClient;
use super::events::{Operation, Order};

const QUEUES: [&str; 3] = ["calls", "chats", "call-backs"];
const SKILLS: [&str; 2] = ["kazakh", "billing"];
const OPERATORS: usize = 4;
const GATEWAYS: usize = 3;

/// The first commands of the log.
pub(super) fn opening(rng: &mut ChaCha8Rng) -> Vec<Command> {
    let put =
        PutOperators { operators: (0..OPERATORS).map(|number| operator(rng, number)).collect(), by: None };
    vec![
        Command::ApplyPlan(Box::new(ApplyPlan { plan: plan(rng), by: Some("olga".into()) })),
        Command::PutOperators(put),
    ]
}

fn plan(rng: &mut ChaCha8Rng) -> Plan {
    let within = Millis(rng.random_range(300..3_000));
    let span = |rng: &mut ChaCha8Rng, most: u64| {
        Millis(if rng.random_bool(0.3) { 0 } else { rng.random_range(1..most) })
    };
    let answers = [Answer::Automatic, Answer::Offered { within }, Answer::Confirmed { within }];
    let queue = |rng: &mut ChaCha8Rng, place: usize| QueuePlan {
        answer: answers[rng.random_range(0..answers.len())],
        wrap_up: span(rng, 500),
        wrap_up_max: Millis(1_000),
        orphan: if rng.random_bool(0.5) { Orphan::Requeue } else { Orphan::Close },
        ..QueuePlan::named(QUEUES[place])
    };
    Plan {
        version: 1,
        queues: (0..QUEUES.len()).map(|place| queue(rng, place)).collect(),
        skills: SKILLS.iter().map(|name| Name::from(*name)).collect(),
        channels: vec![
            ChannelPlan { name: "voice".into(), units: 3 },
            ChannelPlan { name: "chat".into(), units: 1 },
        ],
        units: Vec::new(),
        sessions: SessionPlan {
            grace: Millis(rng.random_range(0..4_000)),
            missed: span(rng, 2_000),
            exclusion: span(rng, 3_000),
            key_window: Millis(3_600_000),
        },
    }
}

/// The first operator can do everything, so that in the end everybody can be served.
fn operator(rng: &mut ChaCha8Rng, number: usize) -> OperatorPlan {
    let chosen = SKILLS.iter().filter(|_| number == 0 || rng.random_bool(0.5));
    let skills = chosen.map(|name| (Name::from(*name), 5)).collect();
    OperatorPlan {
        login: format!("operator-{number}").into(),
        skills,
        capacity: 3 + rng.random_range(0..3),
        unit: None,
        ranks: if rng.random_bool(0.5) { vec![("calls".into(), 1)] } else { Vec::new() },
    }
}

/// Gateways, then operators.
pub(super) fn clients(rng: &mut ChaCha8Rng) -> Vec<SimClient> {
    let gateways = (0..GATEWAYS).map(|number| (Role::Gateway, format!("gateway-{number}")));
    let operators = (0..OPERATORS).map(|number| (Role::Operator, format!("operator-{number}")));
    let everybody = gateways.chain(operators);
    everybody.map(|(role, name)| SimClient::new(role, &name, rng.random(), addresses(rng))).collect()
}

/// The nodes' addresses, in an order of the client's own.
pub(super) fn addresses(rng: &mut ChaCha8Rng) -> Vec<Name> {
    let first = rng.random_range(0..super::NODES);
    (0..super::NODES).map(|step| address((first + step) % super::NODES)).collect()
}

pub(super) fn address(node: usize) -> Name {
    format!("node-{node}").into()
}

pub(super) fn node_at(address: &str) -> usize {
    address.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A contact out of the gateway's day.
pub(super) fn order(rng: &mut ChaCha8Rng, key: Name, now: u64) -> Order {
    let queue = QUEUES[rng.random_range(0..QUEUES.len())];
    let skills = SKILLS.iter().filter(|_| rng.random_bool(0.25)).map(|name| (Name::from(*name), 3)).collect();
    let is_callback = queue == "call-backs";
    let who = rng.random_range(0..OPERATORS);
    Order {
        key,
        queue: queue.into(),
        channel: if rng.random_bool(0.5) { "voice".into() } else { "chat".into() },
        tier: rng.random_range(0..6),
        skills,
        not_before: rng.random_bool(0.15).then(|| now + rng.random_range(0..8_000)),
        preferred: rng
            .random_bool(0.2)
            .then(|| (format!("operator-{who}").into(), rng.random_range(0..2_000))),
        number: is_callback.then(|| format!("+7{}", rng.random_range(0..8)).into()),
    }
}

/// The command of an operation, by the party of the stream that carried it.
pub(super) fn command(
    party: Party,
    epoch: Epoch,
    seq: u64,
    operation: &Operation,
    now: Timestamp,
) -> Command {
    let answer = |contact: ContactId, assignment: AssignmentEpoch| {
        let operator = operator_of(party);
        AnswerOffer { operator, epoch, contact, assignment }
    };
    match *operation {
        Operation::Bring(ref order) => Command::EnqueueContact(Box::new(bring(party, epoch, order))),
        Operation::Abandon(contact) => {
            Command::AbandonContact(AbandonContact { gateway: gateway_of(party), epoch, contact })
        }
        Operation::Ready => presence(party, epoch, seq, DeclaredPresence::Ready),
        Operation::Pause => presence(party, epoch, seq, DeclaredPresence::NotReady(1)),
        Operation::Accept(contact, assignment) => Command::AcceptOffer(answer(contact, assignment)),
        Operation::Decline(contact, assignment) => Command::DeclineOffer(answer(contact, assignment)),
        Operation::Complete(contact, assignment) => {
            let answer = answer(contact, assignment);
            Command::CompleteContact(CompleteContact { answer, wrap_up: None })
        }
        Operation::Extend(contact, assignment) => {
            let until = now + Millis(400);
            Command::ExtendWrapUp(ExtendWrapUp { answer: answer(contact, assignment), until })
        }
        Operation::EndWrapUp(contact, assignment) => Command::EndWrapUp(answer(contact, assignment)),
        Operation::Transfer(contact, assignment, ref queue) => {
            let (answer, to) = (answer(contact, assignment), TransferTarget::Queue(queue.clone()));
            Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None }))
        }
        Operation::Hold(contact, assignment) => {
            Command::HoldContact(HoldContact { answer: answer(contact, assignment), on: true })
        }
    }
}

/// Some queue, to pass a contact to.
pub(super) fn some_queue(rng: &mut ChaCha8Rng) -> Name {
    QUEUES[rng.random_range(0..QUEUES.len())].into()
}

fn presence(party: Party, epoch: Epoch, seq: u64, presence: DeclaredPresence) -> Command {
    Command::SetPresence(SetPresence { operator: operator_of(party), epoch, seq, presence })
}

fn operator_of(party: Party) -> OperatorId {
    match party {
        Party::Operator(id) => id,
        Party::Gateway(_) => OperatorId { slot: u32::MAX, generation: 0 },
    }
}

fn gateway_of(party: Party) -> GatewayId {
    match party {
        Party::Gateway(id) => id,
        Party::Operator(_) => GatewayId { slot: u32::MAX, generation: 0 },
    }
}

fn bring(party: Party, epoch: Epoch, order: &Order) -> EnqueueContact {
    EnqueueContact {
        gateway: gateway_of(party),
        epoch,
        key: order.key.clone(),
        queue: order.queue.clone(),
        channel: order.channel.clone(),
        tier: order.tier,
        head_start: Millis(0),
        skills: order.skills.clone(),
        scope: None,
        units: None,
        not_before: order.not_before.map(Timestamp),
        preferred: order.preferred.as_ref().map(|(login, hold)| (login.clone(), Millis(*hold))),
        callback: order
            .number
            .as_ref()
            .map(|number| CallbackOrder { number: number.clone(), principals: "all".into() }),
        details: ContactDetails::default(),
    }
}
