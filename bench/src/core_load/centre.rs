//! The imagined centre behind the mixed load: its clients, and what they do next.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use ringmain_routing::command::{
    AbandonContact, AnswerOffer, ApplyPlan, CompleteContact, ContactDetails, DeclaredPresence,
    EnqueueContact, OpenSession, OperatorPlan, PutOperators, Role, SetPresence, UpdateContact,
};
use ringmain_routing::limits::OPERATORS_PER_COMMAND_MAX;
use ringmain_routing::plan::{Answer, ChannelPlan, QueuePlan, SessionPlan};
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Effect, Epoch, GatewayId, Incarnation, Millis, Name, NodeId,
    OperatorId, Party, Plan, Reply, Router, Timestamp,
};

use super::CoreLoad;

/// Commands per millisecond of virtual time: the pace of a busy national centre.
const COMMANDS_PER_MS: u64 = 4;
/// Offers must be answered within this time.
const OFFER: Millis = Millis(15_000);
/// Wrap-up in the queues that have one.
const WRAP_UP: Millis = Millis(20_000);

/// Where a contact of the centre is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Ringing(OperatorId, AssignmentEpoch),
    Talking(OperatorId, AssignmentEpoch),
    WrapUp(OperatorId, AssignmentEpoch),
    Ended,
}

/// One signed-in operator.
struct Seat {
    id: OperatorId,
    epoch: Epoch,
    seq: u64,
    is_ready: bool,
}

/// The centre: a core, its clients, and the log of what they asked.
pub(super) struct Centre {
    load: CoreLoad,
    rng: ChaCha12Rng,
    router: Router,
    log: Vec<(Timestamp, Command)>,
    gateway: (GatewayId, Epoch),
    seats: Vec<Seat>,
    /// By slot of the core: which contact, and where it is.
    stages: Vec<(ContactId, Stage)>,
    /// Contacts that may be in one of the stages; each is looked up before use.
    waiting: Vec<ContactId>,
    ringing: Vec<ContactId>,
    talking: Vec<ContactId>,
    wrapping: Vec<ContactId>,
    /// How many wait.
    waiting_count: u32,
    keys: u64,
    refused: u64,
}

impl Centre {
    /// Opens the centre: plan, operators, sessions, the backlog, then everybody is ready.
    pub(super) fn open(load: &CoreLoad) -> Centre {
        let mut centre = Centre {
            load: *load,
            rng: ChaCha12Rng::seed_from_u64(load.seed),
            router: Router::new(),
            log: Vec::new(),
            gateway: (GatewayId { slot: 0, generation: 0 }, Epoch(0)),
            seats: Vec::new(),
            stages: Vec::new(),
            waiting: Vec::new(),
            ringing: Vec::new(),
            talking: Vec::new(),
            wrapping: Vec::new(),
            waiting_count: 0,
            keys: 0,
            refused: 0,
        };
        centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan: plan(load), by: None })));
        if let Some((Party::Gateway(id), epoch)) = centre.sign_in(Role::Gateway, "gateway".into()) {
            centre.gateway = (id, epoch);
        }
        centre.hire();
        for _ in 0..load.waiting + load.operators {
            centre.enqueue();
        }
        for seat in 0..centre.seats.len() {
            centre.set_presence(seat);
        }
        centre
    }

    /// The commands since the last time this was asked.
    pub(super) fn take_log(&mut self) -> Vec<(Timestamp, Command)> {
        std::mem::take(&mut self.log)
    }

    /// How many commands the core has refused.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// The core's chain.
    pub(super) fn chain(&self) -> u128 {
        self.router.chain()
    }

    /// One more command of the mix. What is impossible at the moment becomes an arrival, or above the wanted
    /// backlog the end of a talk.
    pub(super) fn step(&mut self) {
        let done = match self.rng.random_range(0..100u32) {
            0..4 => self.tick(),
            4..9 => self.update(),
            9..14 => self.abandon(),
            14..20 => self.toggle_presence(),
            20..45 => self.answer_ring(),
            45..55 => self.end_wrap_up(),
            _ => false,
        };
        if done {
            return;
        }
        if self.waiting_count < self.load.waiting || !self.complete() {
            self.enqueue();
        }
    }

    fn hire(&mut self) {
        let logins: Vec<Name> = (0..self.load.operators).map(|i| format!("operator-{i:05}").into()).collect();
        for some in logins.chunks(OPERATORS_PER_COMMAND_MAX) {
            let operators = some.iter().map(|login| self.operator(login.clone())).collect();
            self.apply(Command::PutOperators(PutOperators { operators, by: None }));
        }
        for login in logins {
            if let Some((Party::Operator(id), epoch)) = self.sign_in(Role::Operator, login) {
                self.seats.push(Seat { id, epoch, seq: 0, is_ready: false });
            }
        }
    }

    /// Teams of equal skills: real centres have few profiles, not one per person.
    fn operator(&mut self, login: Name) -> OperatorPlan {
        let team = self.rng.random_range(0..self.load.skills.max(1));
        let skills = (0..self.load.skills).filter(|skill| (skill + team) % 3 == 0 || *skill == team);
        OperatorPlan {
            login,
            skills: skills.map(|skill| (skill_name(skill), 1 + (team % 5) as u8)).collect(),
            capacity: 1 + team % 3,
            unit: None,
            ranks: Vec::new(),
        }
    }

    fn sign_in(&mut self, role: Role, name: Name) -> Option<(Party, Epoch)> {
        let opening = OpenSession {
            role,
            name,
            node: NodeId(1),
            incarnation: Incarnation(1),
            nonce: 1,
            resume: None,
            takeover: false,
        };
        match self.apply(Command::OpenSession(opening)) {
            Some(Reply::Opened { party, epoch }) => Some((party, epoch)),
            Some(
                Reply::Done
                | Reply::Enqueued { .. }
                | Reply::Merged { .. }
                | Reply::PlanApplied { .. }
                | Reply::Acted { .. },
            )
            | None => None,
        }
    }

    fn tick(&mut self) -> bool {
        self.apply(Command::Tick);
        true
    }

    fn enqueue(&mut self) {
        self.keys += 1;
        let (gateway, epoch) = self.gateway;
        let queue = self.rng.random_range(0..self.load.queues.max(1));
        let skills = self.skills_needed(queue);
        let command = EnqueueContact {
            gateway,
            epoch,
            key: format!("call-{:012}", self.keys).into(),
            queue: queue_name(queue),
            channel: "voice".into(),
            tier: self.rng.random_range(0..5),
            head_start: Millis(0),
            skills,
            scope: None,
            units: None,
            not_before: None,
            preferred: None,
            callback: None,
            details: ContactDetails {
                customer: Some(format!("customer-{}", self.keys % 100_000).into()),
                ..ContactDetails::default()
            },
        };
        self.apply(Command::EnqueueContact(Box::new(command)));
    }

    /// Each queue has its skill, and every fifth contact needs one of three others too.
    fn skills_needed(&mut self, queue: u32) -> Vec<(Name, u8)> {
        let skills = self.load.skills.max(1);
        let first = queue % skills;
        let other = (first + 3 * self.rng.random_range(1..4u32)) % skills;
        let second = (self.rng.random_bool(0.2) && other != first).then_some(other);
        [Some(first), second].into_iter().flatten().map(|skill| (skill_name(skill), 1)).collect()
    }

    fn update(&mut self) -> bool {
        let Some((contact, _)) =
            pick(&mut self.rng, &mut self.waiting, &self.stages, |stage| stage == Stage::Waiting)
        else {
            return false;
        };
        self.waiting.push(contact);
        let (gateway, epoch) = self.gateway;
        let tier = Some(self.rng.random_range(0..5));
        let update = UpdateContact { gateway, epoch, contact, details: None, tier, not_before: None };
        self.apply(Command::UpdateContact(Box::new(update)));
        true
    }

    fn abandon(&mut self) -> bool {
        let Some((contact, _)) =
            pick(&mut self.rng, &mut self.waiting, &self.stages, |stage| stage == Stage::Waiting)
        else {
            return false;
        };
        let (gateway, epoch) = self.gateway;
        self.apply(Command::AbandonContact(AbandonContact { gateway, epoch, contact }));
        true
    }

    fn toggle_presence(&mut self) -> bool {
        if self.seats.is_empty() {
            return false;
        }
        let seat = self.rng.random_range(0..self.seats.len());
        // Most of the centre is at work: who is away comes back, who is there seldom leaves.
        if self.seats[seat].is_ready && self.rng.random_bool(0.7) {
            return false;
        }
        self.set_presence(seat);
        true
    }

    fn set_presence(&mut self, seat: usize) {
        let seat = &mut self.seats[seat];
        seat.seq += 1;
        seat.is_ready = !seat.is_ready;
        let presence = if seat.is_ready { DeclaredPresence::Ready } else { DeclaredPresence::NotReady(1) };
        let command = SetPresence { operator: seat.id, epoch: seat.epoch, seq: seat.seq, presence };
        self.apply(Command::SetPresence(command));
    }

    /// Accepts, and one time in twenty declines.
    fn answer_ring(&mut self) -> bool {
        let is_ringing = |stage| matches!(stage, Stage::Ringing(..));
        let Some((contact, Stage::Ringing(operator, assignment))) =
            pick(&mut self.rng, &mut self.ringing, &self.stages, is_ringing)
        else {
            return false;
        };
        let answer = self.answer(contact, operator, assignment);
        let declines = self.rng.random_bool(0.05);
        self.apply(if declines { Command::DeclineOffer(answer) } else { Command::AcceptOffer(answer) });
        true
    }

    fn complete(&mut self) -> bool {
        let is_talking = |stage| matches!(stage, Stage::Talking(..));
        let Some((contact, Stage::Talking(operator, assignment))) =
            pick(&mut self.rng, &mut self.talking, &self.stages, is_talking)
        else {
            return false;
        };
        let answer = self.answer(contact, operator, assignment);
        self.apply(Command::CompleteContact(CompleteContact { answer, wrap_up: None }));
        true
    }

    fn end_wrap_up(&mut self) -> bool {
        let is_wrapping = |stage| matches!(stage, Stage::WrapUp(..));
        let Some((contact, Stage::WrapUp(operator, assignment))) =
            pick(&mut self.rng, &mut self.wrapping, &self.stages, is_wrapping)
        else {
            return false;
        };
        let answer = self.answer(contact, operator, assignment);
        self.apply(Command::EndWrapUp(answer));
        true
    }

    fn answer(&self, contact: ContactId, operator: OperatorId, assignment: AssignmentEpoch) -> AnswerOffer {
        let epoch = self.seats.get(operator.slot as usize).map_or(Epoch(0), |seat| seat.epoch);
        AnswerOffer { operator, epoch, contact, assignment }
    }

    /// Puts a command to the core, in the log, and its effects in the books.
    fn apply(&mut self, command: Command) -> Option<Reply> {
        let at = Timestamp(self.router.index().0 / COMMANDS_PER_MS);
        let outcome = self.router.apply(at, &command);
        self.log.push((at, command));
        self.refused += u64::from(outcome.reply.is_err());
        let reply = outcome.reply.ok();
        if let Some(Reply::Enqueued { contact }) = reply {
            self.move_to(contact, Stage::Waiting);
        }
        for effect in &outcome.effects {
            self.take(effect);
        }
        reply
    }

    fn take(&mut self, effect: &Effect) {
        match *effect {
            Effect::RingOperator { contact, operator, assignment, .. } => {
                self.move_to(contact, Stage::Ringing(operator, assignment));
            }
            Effect::ConnectContact { contact, operator, assignment, .. } => {
                self.move_to(contact, Stage::Talking(operator, assignment));
            }
            Effect::StartWrapUp { contact, operator, assignment, .. } => {
                self.move_to(contact, Stage::WrapUp(operator, assignment));
            }
            Effect::WithdrawAssignment { contact, .. } => self.move_to(contact, Stage::Waiting),
            Effect::AnnounceEnded { contact, .. } => self.move_to(contact, Stage::Ended),
            Effect::AnnounceQueued { .. }
            | Effect::AnnounceAssigned { .. }
            | Effect::ReleaseOperator { .. }
            | Effect::AnnouncePresence { .. }
            | Effect::HoldContact { .. }
            | Effect::AnnounceMoved { .. }
            | Effect::EndStream { .. } => {}
        }
    }

    fn move_to(&mut self, contact: ContactId, stage: Stage) {
        let slot = contact.slot as usize;
        self.stages.resize(self.stages.len().max(slot + 1), (contact, Stage::Ended));
        let before = std::mem::replace(&mut self.stages[slot], (contact, stage)).1;
        self.waiting_count -= u32::from(before == Stage::Waiting);
        self.waiting_count += u32::from(stage == Stage::Waiting);
        match stage {
            Stage::Waiting => self.waiting.push(contact),
            Stage::Ringing(..) => self.ringing.push(contact),
            Stage::Talking(..) => self.talking.push(contact),
            Stage::WrapUp(..) => self.wrapping.push(contact),
            Stage::Ended => {}
        }
    }
}

/// Takes a random contact of the list that is in a fitting stage; the others it meets have moved on and are
/// dropped from the list.
fn pick(
    rng: &mut ChaCha12Rng,
    list: &mut Vec<ContactId>,
    stages: &[(ContactId, Stage)],
    fits: impl Fn(Stage) -> bool,
) -> Option<(ContactId, Stage)> {
    while !list.is_empty() {
        let place = rng.random_range(0..list.len());
        let contact = list.swap_remove(place);
        let (present, stage) = stages[contact.slot as usize];
        if present == contact && fits(stage) {
            return Some((contact, stage));
        }
    }
    None
}

fn plan(load: &CoreLoad) -> Plan {
    Plan {
        version: 1,
        queues: (0..load.queues.max(1)).map(queue).collect(),
        skills: (0..load.skills.max(1)).map(skill_name).collect(),
        channels: vec![ChannelPlan { name: "voice".into(), units: 1 }],
        units: Vec::new(),
        // Memories are short, so that a long run has forgetting in its mix too.
        sessions: SessionPlan { key_window: Millis(30_000), ..SessionPlan::default() },
    }
}

/// Every second queue answers automatically, the others offer; every third has wrap-up.
fn queue(i: u32) -> QueuePlan {
    QueuePlan {
        answer: if i.is_multiple_of(2) { Answer::Automatic } else { Answer::Offered { within: OFFER } },
        wrap_up: if i.is_multiple_of(3) { WRAP_UP } else { Millis(0) },
        ..QueuePlan::named(&queue_name(i))
    }
}

fn queue_name(i: u32) -> Name {
    format!("queue-{i:03}").into()
}

fn skill_name(i: u32) -> Name {
    format!("skill-{i:03}").into()
}
