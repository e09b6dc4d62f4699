//! The simulated contact centre: its plan, its people, and the commands that their operations become.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::command::{
    AbandonContact, AnswerOffer, ApplyPlan, AskForBreak, AssignContact, CallbackOrder, CaseStep,
    CloseSession, CompleteContact, ContactDetails, DeclaredPresence, DeflectContact, EnqueueContact,
    ExtendWrapUp, HoldContact, OperatorPlan, PutOperators, RequestPerson, Requester, SetPresence, TakeNext,
    TransferContact, TransferTarget, UpdateContact,
};
use ringmain_routing::plan::{Answer, ChannelPlan, Orphan, QueuePlan, SessionPlan, UnitPlan};
use ringmain_routing::rules::{Facts, OperatorRules, PlanRules, QueueRules, UnitRules};
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Epoch, GatewayId, Millis, Name, OperatorId, Party, Plan, Router,
    Timestamp, UnitId,
};

use super::events::{Operation, Order};
use super::net::rng_of;
use super::{EPOCH_MS, cases, enquiries, rule_book, supervision, talk, threads, time, triggers, waits};
use crate::model::{KNOWS_CASES, KNOWS_TIME};

pub(super) const QUEUES: [&str; 3] = ["calls", "chats", "call-backs"];
pub(super) const SKILLS: [&str; 2] = ["kazakh", "billing"];
pub(super) const CHANNELS: [&str; 2] = ["voice", "chat"];
const OPERATORS: usize = 4;

/// Org units and the unit above each. Scopes are drawn from the line of the last one, so that somebody who belongs to
/// that may serve everybody.
pub(super) const UNITS: [(&str, Option<u32>); 4] =
    [("company", None), ("west", Some(0)), ("east", Some(0)), ("almaty", Some(2))];
pub(super) const SCOPES: [&str; 3] = ["company", "east", "almaty"];
pub(super) const PRINCIPALS: [&str; 2] = ["retail", "business"];

/// What stays the same in all plans of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// There are org units, and not everybody may serve everybody.
    pub(super) has_units: bool,
    /// The centre works by a rule book: entry rules, ladders, promotion, caps.
    pub(super) has_rules: bool,
    /// Operators have shifts, breaks and rest.
    pub(super) has_time: bool,
    /// Some of what arrives goes a route of stages.
    has_cases: bool,
    /// The last operator is a bot.
    has_bot: bool,
    /// Operators ask people without a seat.
    pub(super) has_enquiries: bool,
    /// People write, and are silent.
    pub(super) has_threads: bool,
    /// Work is interrupted for what is more urgent.
    has_interrupts: bool,
    /// Callers are invited to send something meanwhile.
    pub(super) has_companions: bool,
    /// Supervisors sit beside talks, and operators ask for help.
    pub(super) has_supervision: bool,
    /// How long keys are remembered: in a third of the runs shorter than what passes in them.
    key_window: Millis,
}

impl Kind {
    pub(super) fn of(seed: u64) -> Kind {
        let rng = &mut rng_of(seed, "kind of centre", 0);
        let has_units = rng.random_bool(0.5);
        let is_short = rng.random_bool(1.0 / 3.0);
        let key_window = Millis(if is_short { rng.random_range(1_000..20_000) } else { 3_600_000 });
        let has_rules = rng.random_bool(0.6);
        let has_time = KNOWS_TIME && has_rules && rng.random_bool(0.6);
        let has_cases = KNOWS_CASES && has_rules && rng.random_bool(0.6);
        let has_bot = has_rules && rng.random_bool(0.4);
        // By the number: the other centres keep their days, and what was seldom found in them is found.
        let has_enquiries = has_rules && seed.is_multiple_of(3);
        let has_threads = matches!(seed % 10, 1 | 6 | 8);
        let has_interrupts = matches!(seed % 10, 3 | 8);
        let has_companions = has_rules && matches!(seed % 10, 4 | 7);
        let has_supervision = matches!(seed % 10, 4 | 9);
        Kind {
            has_units,
            has_rules,
            has_time,
            has_cases,
            has_bot,
            has_enquiries,
            has_threads,
            has_interrupts,
            has_companions,
            has_supervision,
            key_window,
        }
    }

    pub(super) fn is_bot(self, number: usize) -> bool {
        self.has_bot && number + 1 == OPERATORS
    }

    /// The bot, if there is one.
    pub(super) fn bot_login(self) -> Option<Name> {
        self.has_bot.then(|| login(OPERATORS - 1))
    }

    fn scope(self, rng: &mut ChaCha8Rng, probability: f64) -> Option<Name> {
        let place = rng.random_range(0..SCOPES.len());
        (rng.random_bool(probability) && self.has_units).then(|| SCOPES[place].into())
    }
}

/// The first commands of the log.
pub(super) fn opening(seed: u64) -> Vec<Command> {
    let rng = &mut rng_of(seed, "centre", 0);
    let kind = Kind::of(seed);
    let put = PutOperators { operators: operators(rng, kind), by: None };
    vec![
        Command::ApplyPlan(Box::new(ApplyPlan { plan: plan(rng, kind, 1), by: Some("olga".into()) })),
        Command::PutOperators(put),
    ]
}

pub(super) fn plan(rng: &mut ChaCha8Rng, kind: Kind, version: u64) -> Plan {
    let within = Millis(rng.random_range(300..3_000));
    let span = |rng: &mut ChaCha8Rng, most: u64| {
        Millis(if rng.random_bool(0.3) { 0 } else { rng.random_range(1..most) })
    };
    let is_previewed = kind.has_rules && within.0.is_multiple_of(2);
    let last = if is_previewed { Answer::Previewed { within } } else { Answer::Confirmed { within } };
    let answers = [Answer::Automatic, Answer::Offered { within }, last];
    let queue = |rng: &mut ChaCha8Rng, place: usize| QueuePlan {
        answer: answers[rng.random_range(0..answers.len())],
        wrap_up: span(rng, 500),
        wrap_up_max: Millis(1_000),
        orphan: if rng.random_bool(0.5) { Orphan::Requeue } else { Orphan::Close },
        scope: kind.scope(rng, 0.3),
        rules: queue_rules(rng, kind),
        ..QueuePlan::named(QUEUES[place])
    };
    let mut plan = Plan {
        version,
        queues: (0..QUEUES.len()).map(|place| queue(rng, place)).collect(),
        skills: SKILLS.iter().map(|name| Name::from(*name)).collect(),
        channels: vec![
            ChannelPlan { name: "voice".into(), units: 3 },
            ChannelPlan { name: "chat".into(), units: 1 },
        ],
        units: if kind.has_units { units(rng, kind) } else { Vec::new() },
        sessions: SessionPlan {
            grace: Millis(rng.random_range(0..4_000)),
            missed: span(rng, 2_000),
            exclusion: span(rng, 3_000),
            key_window: kind.key_window,
        },
        rules: plan_rules(rng, kind),
    };
    if kind.has_rules && rng.random_bool(0.8) {
        triggers::put_into(rng, &mut plan);
    }
    plan
}

fn plan_rules(rng: &mut ChaCha8Rng, kind: Kind) -> PlanRules {
    let has_rules = kind.has_rules;
    let mut rules = if has_rules { rule_book::plan_rules(rng, kind.has_units) } else { PlanRules::default() };
    if kind.has_time {
        time::put_into(&mut rules, rng, Timestamp(EPOCH_MS));
    }
    if kind.has_cases {
        cases::put_routes(rng, &mut rules);
    }
    if has_rules {
        waits::put_into_plan(rng, &mut rules);
    }
    if kind.has_enquiries && rng.random_bool(0.9) {
        enquiries::put_into_plan(rng, &mut rules);
    }
    if kind.has_companions && rng.random_bool(0.9) {
        rules.companion = Some(Millis(rng.random_range(1..4_000)));
    }
    rules
}

fn queue_rules(rng: &mut ChaCha8Rng, kind: Kind) -> QueueRules {
    let mut rules = if kind.has_rules { rule_book::queue_rules(rng) } else { QueueRules::default() };
    if kind.has_time {
        time::put_last_start(&mut rules, rng);
    }
    if kind.has_rules && rng.random_bool(0.5) {
        waits::put_into_queue(rng, &mut rules);
    }
    if kind.has_rules {
        talk::put_into_queue(rng, &mut rules);
    }
    if kind.has_threads {
        threads::put_into_queue(rng, &mut rules);
    }
    if kind.has_interrupts {
        supervision::put_into_queue(rng, &mut rules);
    }
    rules
}

fn operator_rules(rng: &mut ChaCha8Rng, kind: Kind, number: usize) -> OperatorRules {
    let mut rules =
        if kind.has_rules { rule_book::operator_rules(rng, number) } else { OperatorRules::default() };
    if kind.has_time {
        time::put_into_operator(&mut rules, rng, number);
    }
    rules
}

fn units(rng: &mut ChaCha8Rng, kind: Kind) -> Vec<UnitPlan> {
    let unit = |(name, parent): (&str, Option<u32>)| {
        let mut rules = if kind.has_rules { rule_book::unit_rules(rng) } else { UnitRules::default() };
        rules.calendar = if kind.has_cases { cases::unit_calendar(rng) } else { None };
        UnitPlan { name: name.into(), parent: parent.map(UnitId), rules }
    };
    UNITS.into_iter().map(unit).collect()
}

pub(super) fn operators(rng: &mut ChaCha8Rng, kind: Kind) -> Vec<OperatorPlan> {
    (0..OPERATORS).map(|number| operator(rng, kind, number)).collect()
}

/// The first operator can do everything, so that in the end everybody can be served.
fn operator(rng: &mut ChaCha8Rng, kind: Kind, number: usize) -> OperatorPlan {
    let place = if number == 0 { UNITS.len() - 1 } else { rng.random_range(0..UNITS.len()) };
    let belongs = number == 0 || rng.random_bool(0.8);
    let chosen = SKILLS.iter().filter(|_| number == 0 || rng.random_bool(0.5));
    let skills = chosen.map(|name| (Name::from(*name), 5)).collect();
    let mut row = OperatorPlan {
        login: login(number),
        skills,
        capacity: 3 + rng.random_range(0..3),
        unit: (kind.has_units && belongs).then(|| UNITS[place].0.into()),
        ranks: if rng.random_bool(0.5) { vec![("calls".into(), 1)] } else { Vec::new() },
        rules: operator_rules(rng, kind, number),
    };
    if kind.has_rules {
        talk::put_into_operator(rng, kind, number, &mut row);
    }
    row
}

/// The name by which an operator signs in.
pub(super) fn login(number: usize) -> Name {
    format!("operator-{number}").into()
}

/// The nodes' addresses, in an order of the client's own.
pub(super) fn addresses(rng: &mut ChaCha8Rng, nodes: usize) -> Vec<Name> {
    let first = rng.random_range(0..nodes);
    (0..nodes).map(|step| address((first + step) % nodes)).collect()
}

pub(super) fn address(node: usize) -> Name {
    format!("node-{node}").into()
}

pub(super) fn node_at(address: &str) -> usize {
    address.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A contact out of a gateway's day, by its number.
pub(super) fn order(seed: u64, gateway: &Name, number: u64, now: u64) -> Order {
    let rng = &mut rng_of(seed, &format!("order of {gateway}"), number);
    let key = format!("{gateway}-{number}").into();
    let queue = QUEUES[rng.random_range(0..QUEUES.len())];
    let skills = SKILLS.iter().filter(|_| rng.random_bool(0.25)).map(|name| (Name::from(*name), 3)).collect();
    let is_callback = queue == "call-backs";
    let who = rng.random_range(0..OPERATORS);
    let kind = Kind::of(seed);
    let names_queue = !kind.has_rules || rng.random_bool(0.7);
    Order {
        key,
        queue: if names_queue { queue.into() } else { "".into() },
        channel: if rng.random_bool(0.5) { "voice".into() } else { "chat".into() },
        tier: rng.random_range(0..6),
        skills,
        not_before: rng.random_bool(0.15).then(|| now + rng.random_range(0..8_000)),
        preferred: rng.random_bool(0.2).then(|| (login(who), rng.random_range(0..2_000))),
        scope: kind.scope(rng, 0.25),
        units: rng.random_bool(0.1).then(|| rng.random_range(0..4)),
        principals: PRINCIPALS[rng.random_range(0..PRINCIPALS.len())].into(),
        number: is_callback.then(|| format!("+7{}", rng.random_range(0..8)).into()),
        topic: if kind.has_rules { rule_book::topic(rng) } else { None },
        facts: if kind.has_rules && rng.random_bool(0.8) {
            rule_book::facts(rng, kind.has_units)
        } else {
            Facts::default()
        },
    }
}

/// The command of an operation, by the party of the stream that carried it.
pub(super) fn command(
    (party, epoch): (Party, Epoch),
    seq: u64,
    operation: &Operation,
    router: &Router,
) -> Command {
    let now = router.now();
    let result = talk::result(router.plan());
    let answer = |contact: ContactId, assignment: AssignmentEpoch| {
        let operator = operator_of(party);
        AnswerOffer { operator, epoch, contact, assignment }
    };
    match *operation {
        Operation::Garbage(number) => garbage((party, epoch), seq, number, router),
        Operation::SignOut => Command::CloseSession(CloseSession { party, epoch }),
        Operation::Misuse(ref order) => {
            Command::EnqueueContact(Box::new(bring(party, epoch, &misused(order))))
        }
        Operation::Bring(ref order) => Command::EnqueueContact(Box::new(bring(party, epoch, order))),
        Operation::Abandon(contact) => {
            Command::AbandonContact(AbandonContact { gateway: gateway_of(party), epoch, contact })
        }
        Operation::Ready => presence(party, epoch, seq, DeclaredPresence::Ready),
        Operation::Pause => presence(party, epoch, seq, DeclaredPresence::NotReady(1)),
        Operation::AskForBreak(ref name) => {
            let (operator, name) = (operator_of(party), name.clone());
            Command::AskForBreak(AskForBreak { operator, epoch, seq, name })
        }
        Operation::Accept(contact, assignment) => Command::AcceptOffer(answer(contact, assignment)),
        Operation::Decline(contact, assignment) => Command::DeclineOffer(answer(contact, assignment)),
        Operation::Complete(contact, assignment) => {
            let answer = answer(contact, assignment);
            Command::CompleteContact(CompleteContact { answer, wrap_up: None, step: CaseStep::Next, result })
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
        Operation::TakeNext(ref queue) => {
            let (operator, queue) = (operator_of(party), queue.clone());
            Command::TakeNext(TakeNext { operator, epoch, seq, queue })
        }
        Operation::HandOut(contact, ref to, hold) => {
            let (operator, to) = (operator_of(party), to.clone());
            Command::AssignContact(AssignContact { operator, epoch, contact, to, hold })
        }
        Operation::OfCase(contact, assignment, word) => word.command(answer(contact, assignment), result),
        Operation::InTalk(contact, assignment, turn) => turn.command(answer(contact, assignment), router),
        Operation::WantPerson(contact) => {
            let by = Requester::Gateway { gateway: gateway_of(party), epoch, contact };
            Command::RequestPerson(Box::new(RequestPerson { by, context: None, danger: false }))
        }
        Operation::CloseEnquiry(enquiry, answer) => {
            enquiries::close((operator_of(party), epoch), enquiry, answer)
        }
        Operation::Write(contact, number, by) => {
            threads::note((gateway_of(party), epoch), contact, (number, by))
        }
        Operation::AskForHelp(contact, on) => supervision::ask((operator_of(party), epoch, seq), contact, on),
        Operation::TakeOffer(contact, to) => {
            Command::DeflectContact(DeflectContact { gateway: gateway_of(party), epoch, contact, to })
        }
        Operation::Hold(contact, assignment) => {
            Command::HoldContact(HoldContact { answer: answer(contact, assignment), on: true })
        }
    }
}

/// What a gateway means that uses a key again for something else.
pub(super) fn misused(order: &Order) -> Order {
    Order { tier: (order.tier + 1) % 6, ..order.clone() }
}

/// Some queue, to pass a contact to.
pub(super) fn some_queue(rng: &mut ChaCha8Rng) -> Name {
    QUEUES[rng.random_range(0..QUEUES.len())].into()
}

/// A command that makes no sense, or does by chance: any contact, an assignment near its own, an epoch near the
/// session's.
fn garbage((party, epoch): (Party, Epoch), seq: u64, number: u64, router: &Router) -> Command {
    let rng = &mut rng_of(number, "garbage", router.index().0);
    let contacts: Vec<_> = router.contacts().collect();
    let epoch = Epoch(epoch.0.saturating_sub(rng.random_range(0..2)));
    let Some(view) = contacts.get(rng.random_range(0..contacts.len().max(1))) else { return Command::Tick };
    let contact = view.id;
    let Party::Operator(operator) = party else {
        let not_before = rng.random_bool(0.5).then(|| router.now() + Millis(rng.random_range(0..3_000)));
        let tier = rng.random_bool(0.5).then(|| rng.random_range(1..6));
        let update =
            UpdateContact { gateway: gateway_of(party), epoch, contact, details: None, tier, not_before };
        return Command::UpdateContact(Box::new(update));
    };
    let assignment = AssignmentEpoch((view.assignment.0 + rng.random_range(0..3)).saturating_sub(1));
    let answer = AnswerOffer { operator, epoch, contact, assignment };
    match rng.random_range(0..8) {
        0 => Command::AcceptOffer(answer),
        1 => Command::DeclineOffer(answer),
        2 => Command::CompleteContact(CompleteContact {
            answer,
            wrap_up: Some(Millis(200)),
            step: CaseStep::Next,
            result: None,
        }),
        3 => Command::EndWrapUp(answer),
        4 => Command::HoldContact(HoldContact { answer, on: rng.random_bool(0.5) }),
        // A word about presence that was said long ago.
        5 | 6 => presence(party, epoch, rng.random_range(0..=seq), DeclaredPresence::NotReady(3)),
        _ => {
            let login = login(rng.random_range(0..OPERATORS));
            let to = TransferTarget::Operator { login, hold: Millis(500), queue: None };
            Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: Some(Millis(300)) }))
        }
    }
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
        scope: order.scope.clone(),
        units: order.units,
        not_before: order.not_before.map(Timestamp),
        preferred: order.preferred.as_ref().map(|(login, hold)| (login.clone(), Millis(*hold))),
        callback: order
            .number
            .as_ref()
            .map(|number| CallbackOrder { number: number.clone(), principals: order.principals.clone() }),
        details: ContactDetails { topic: order.topic.clone(), ..ContactDetails::default() },
        facts: order.facts.clone(),
    }
}
