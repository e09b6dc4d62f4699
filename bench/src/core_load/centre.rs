//! The imagined centre: its clients, what they do next, and what they have heard.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;
use ringmain_routing::command::{
    AbandonContact, AnswerOffer, ApplyPlan, CallbackOrder, CaseStep, CompleteContact, ContactDetails,
    DeclaredPresence, EnqueueContact, OpenSession, PutOperators, Role, SetPresence, UpdateContact,
};
use ringmain_routing::limits::OPERATORS_PER_COMMAND_MAX;
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Effect, Epoch, GatewayId, Incarnation, Millis, NodeId, OperatorId,
    Outcome, Party, Reply, Router, Timestamp,
};
use serde::Serialize;

use super::shape::{self, Size};

/// Commands per millisecond of virtual time: the pace of a busy national centre.
const COMMANDS_PER_MS: u64 = 4;

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A contact arrives and nobody is free for it.
    ArrivalWaits,
    /// A contact arrives and goes to the one of the free operators whose turn it is.
    ArrivalServed,
    /// An operator comes free and takes the contact whose turn it is.
    FreedTakes,
    /// An operator comes free and nobody waits whom it could serve.
    FreedIdles,
    /// A talk ends, its wrap-up begins.
    WrapUp,
    /// An offer is accepted.
    Accept,
    /// An offer is declined: the contact goes to another one, or back to its place.
    Decline,
    /// A waiting customer leaves.
    Abandon,
    /// A waiting contact changes its tier.
    Update,
    /// An operator leaves or comes back.
    Presence,
    /// Time goes on.
    Tick,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 11] = [
        Kind::ArrivalWaits,
        Kind::ArrivalServed,
        Kind::FreedTakes,
        Kind::FreedIdles,
        Kind::WrapUp,
        Kind::Accept,
        Kind::Decline,
        Kind::Abandon,
        Kind::Update,
        Kind::Presence,
        Kind::Tick,
    ];

    /// The kind in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Kind::ArrivalWaits => "arrival, waits",
            Kind::ArrivalServed => "arrival, served at once",
            Kind::FreedTakes => "operator freed, takes the next",
            Kind::FreedIdles => "operator freed, nobody waits",
            Kind::WrapUp => "talk ends, wrap-up",
            Kind::Accept => "accept",
            Kind::Decline => "decline",
            Kind::Abandon => "abandon",
            Kind::Update => "update",
            Kind::Presence => "presence",
            Kind::Tick => "tick",
        }
    }

    /// Whether the core decides who serves whom.
    #[must_use]
    pub fn is_decision(self) -> bool {
        matches!(self, Kind::ArrivalWaits | Kind::ArrivalServed | Kind::FreedTakes | Kind::FreedIdles)
    }

    /// What it came to, by what the core did.
    fn settled(self, outcome: &Outcome, freed: Option<OperatorId>) -> Kind {
        match (self, &outcome.reply) {
            (Kind::ArrivalWaits | Kind::ArrivalServed, Ok(Reply::Enqueued { contact })) => {
                let is_served = outcome.effects.iter().any(|effect| assigned(effect, *contact));
                if is_served { Kind::ArrivalServed } else { Kind::ArrivalWaits }
            }
            (Kind::FreedTakes | Kind::FreedIdles, _) => {
                let takes = outcome.effects.iter().any(|effect| freed.is_some() && taken_by(effect) == freed);
                if takes { Kind::FreedTakes } else { Kind::FreedIdles }
            }
            (kind, _) => kind,
        }
    }
}

/// How a command is put to the core: under a stopwatch, say.
pub type CountedApply<'a> = &'a mut dyn FnMut(Kind, &mut Router, Timestamp, &Command) -> Outcome;

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

/// What is known of the contact in a slot of the core.
#[derive(Clone, Copy)]
struct Known {
    contact: ContactId,
    stage: Stage,
    class: u32,
}

/// Contacts that may be in a stage, apart for the busy and the calm; each is looked up before use.
#[derive(Default)]
struct Pools {
    waiting: Vec<ContactId>,
    ringing: Vec<ContactId>,
    wrapping: Vec<ContactId>,
    talking: [Vec<ContactId>; 2],
}

/// A command and what it is for.
struct Planned {
    kind: Kind,
    command: Command,
    class: u32,
    freed: Option<OperatorId>,
}

/// The centre: a core, and its clients.
pub struct Centre {
    size: Size,
    rng: ChaCha12Rng,
    router: Router,
    gateway: (GatewayId, Epoch),
    seats: Vec<Seat>,
    known: Vec<Known>,
    pools: Pools,
    waiting: u32,
    /// How many wait when the mix is in balance.
    target: u32,
    calm_in_hand: u32,
    keys: u64,
    commands: u64,
    refused: u64,
    plain: bool,
}

impl Centre {
    /// Opens the centre: plan, operators, sessions; everybody is ready and nobody waits.
    #[must_use]
    pub fn open(size: Size) -> Centre {
        let mut centre = Centre {
            size,
            rng: ChaCha12Rng::seed_from_u64(size.seed),
            router: Router::new(),
            gateway: (GatewayId { slot: 0, generation: 0 }, Epoch(0)),
            seats: Vec::with_capacity(size.operators as usize),
            known: Vec::new(),
            pools: Pools::default(),
            waiting: 0,
            target: 0,
            calm_in_hand: 0,
            keys: 0,
            commands: 0,
            refused: 0,
            plain: true,
        };
        let plan = ApplyPlan { plan: size.plan(), by: Some("benchmark".into()) };
        centre.set_up(Command::ApplyPlan(Box::new(plan)));
        if let Some((Party::Gateway(id), epoch)) = centre.sign_in(Role::Gateway, "gateway".into()) {
            centre.gateway = (id, epoch);
        }
        centre.hire();
        for seat in 0..centre.seats.len() {
            let ready = centre.presence(seat);
            centre.set_up(ready);
        }
        centre
    }

    /// Lets contacts arrive, and operators accept, until so many wait.
    pub fn grow(&mut self, waiting: u32) {
        self.target = waiting;
        // Who would arrive for later waits too; while operators are to be made busy that would count as a backlog.
        while self.waiting < waiting {
            let class = self.busy_class();
            let arrival = self.arrival(class);
            self.carry_out(&arrival, &mut |_, router, at, command| router.apply(at, command));
            while let Some(answer) = self.answer(0) {
                self.carry_out(&answer, &mut |_, router, at, command| router.apply(at, command));
            }
        }
        self.plain = false;
    }

    /// One more command of the mix; what it came to.
    pub fn step(&mut self, apply: CountedApply<'_>) -> Kind {
        let planned = self.next();
        self.carry_out(&planned, apply)
    }

    /// The core.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// Contacts that wait, those for later included.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.waiting
    }

    /// Operators signed in.
    #[must_use]
    pub fn operators(&self) -> usize {
        self.seats.len()
    }

    /// How many commands the core has refused: 0 unless the centre outgrows a limit.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Bytes that the centre itself holds beside the core.
    #[must_use]
    pub fn own_bytes(&self) -> usize {
        let Pools { waiting, ringing, wrapping, talking } = &self.pools;
        let pooled: usize =
            [waiting, ringing, wrapping, &talking[0], &talking[1]].map(Vec::capacity).iter().sum();
        pooled * size_of::<ContactId>()
            + self.known.capacity() * size_of::<Known>()
            + self.seats.capacity() * size_of::<Seat>()
    }

    /// What is impossible at the moment becomes an arrival, or above the wanted backlog the end of a talk.
    fn next(&mut self) -> Planned {
        let planned = match self.rng.random_range(0..100u32) {
            0..3 => Some(Planned::new(Kind::Tick, Command::Tick)),
            3..7 => self.update(),
            7..10 => self.abandon(),
            10..12 => self.toggle_presence(),
            12..32 => self.answer(8),
            32..42 => self.end_wrap_up(),
            42..58 => self.calm(),
            _ => None,
        };
        if let Some(planned) = planned {
            return planned;
        }
        if self.waiting >= self.target
            && let Some(complete) = self.complete(false)
        {
            return complete;
        }
        let class = self.busy_class();
        self.arrival(class)
    }

    fn hire(&mut self) {
        let numbers: Vec<u32> = (0..self.size.operators).collect();
        for some in numbers.chunks(OPERATORS_PER_COMMAND_MAX) {
            let operators = some.iter().map(|number| self.size.operator(*number)).collect();
            self.set_up(Command::PutOperators(PutOperators { operators, by: Some("benchmark".into()) }));
        }
        for number in numbers {
            if let Some((Party::Operator(id), epoch)) =
                self.sign_in(Role::Operator, shape::operator_name(number))
            {
                self.seats.push(Seat { id, epoch, seq: 0, is_ready: false });
            }
        }
    }

    fn sign_in(&mut self, role: Role, name: ringmain_routing::Name) -> Option<(Party, Epoch)> {
        let opening = OpenSession {
            role,
            name,
            node: NodeId(1),
            incarnation: Incarnation(1),
            nonce: 1,
            resume: None,
            takeover: false,
        };
        let opened = self.set_up(Command::OpenSession(opening));
        let Some(Reply::Opened { party, epoch }) = opened else { return None };
        Some((party, epoch))
    }

    fn busy_class(&mut self) -> u32 {
        let class = self.rng.random_range(0..self.size.classes);
        if shape::is_calm(class) { class - 1 } else { class }
    }

    /// One in ten has a head start, one in fifty is for later or for the operator whom the customer knows, one in
    /// twenty is a call-back.
    fn arrival(&mut self, class: u32) -> Planned {
        self.keys += 1;
        let (gateway, epoch) = self.gateway;
        let draw = if self.plain || shape::is_calm(class) { 99 } else { self.rng.random_range(0..100u32) };
        let tier = [0, 1, 2, 2, 3, 3, 3, 4, 4, 5][self.rng.random_range(0..10usize)];
        let number = format!("+7700{:07}", self.keys % 10_000_000);
        let callback = (10..15).contains(&draw);
        let command = EnqueueContact {
            gateway,
            epoch,
            key: format!("call-{:012}", self.keys).into(),
            queue: shape::queue_name(self.size.queue_of(class)),
            channel: shape::channel_of(class),
            tier,
            head_start: Millis(if draw < 10 { 1_000 * (1 + u64::from(draw) * 60) } else { 0 }),
            skills: shape::skills_of(class),
            scope: shape::scope_of(class),
            units: None,
            not_before: ((15..17).contains(&draw)).then(|| self.now() + Millis(60_000)),
            preferred: ((17..19).contains(&draw)).then(|| self.acquaintance()),
            callback: callback.then(|| CallbackOrder { number: number.into(), principals: "bank".into() }),
            details: ContactDetails {
                customer: Some(format!("customer-{:06}", self.keys % 1_000_000).into()),
                ..ContactDetails::default()
            },
            facts: Default::default(),
        };
        let kind = if shape::is_calm(class) { Kind::ArrivalServed } else { Kind::ArrivalWaits };
        Planned { class, ..Planned::new(kind, Command::EnqueueContact(Box::new(command))) }
    }

    fn acquaintance(&mut self) -> (ringmain_routing::Name, Millis) {
        (shape::operator_name(self.rng.random_range(0..self.size.operators)), Millis(20_000))
    }

    /// In the calm part half of what there is room for is in hand.
    fn calm(&mut self) -> Option<Planned> {
        let room = self.size.operators / 10;
        if self.calm_in_hand >= room.div_ceil(2) {
            return self.complete(true);
        }
        let tens = self.size.classes / 10;
        if tens == 0 || room == 0 {
            return None;
        }
        let class = 10 * self.rng.random_range(0..tens) + 9;
        Some(self.arrival(class))
    }

    fn update(&mut self) -> Option<Planned> {
        let waits = |stage| stage == Stage::Waiting;
        let contact = pick(&mut self.rng, &mut self.pools.waiting, &self.known, waits)?.contact;
        self.pools.waiting.push(contact);
        let (gateway, epoch) = self.gateway;
        let tier = Some(self.rng.random_range(1..5));
        let update = UpdateContact { gateway, epoch, contact, details: None, tier, not_before: None };
        Some(Planned::new(Kind::Update, Command::UpdateContact(Box::new(update))))
    }

    fn abandon(&mut self) -> Option<Planned> {
        let waits = |stage| stage == Stage::Waiting;
        let contact = pick(&mut self.rng, &mut self.pools.waiting, &self.known, waits)?.contact;
        let (gateway, epoch) = self.gateway;
        let command = Command::AbandonContact(AbandonContact { gateway, epoch, contact });
        Some(Planned::new(Kind::Abandon, command))
    }

    /// Most of the centre is at work: who is away comes back, who is there seldom leaves.
    fn toggle_presence(&mut self) -> Option<Planned> {
        let seat = self.rng.random_range(0..self.seats.len().max(1));
        let is_ready = self.seats.get(seat)?.is_ready;
        if is_ready && self.rng.random_bool(0.5) {
            return None;
        }
        let command = self.presence(seat);
        Some(Planned::new(Kind::Presence, command))
    }

    fn presence(&mut self, seat: usize) -> Command {
        let seat = &mut self.seats[seat];
        seat.seq += 1;
        seat.is_ready = !seat.is_ready;
        let presence = if seat.is_ready { DeclaredPresence::Ready } else { DeclaredPresence::NotReady(1) };
        Command::SetPresence(SetPresence { operator: seat.id, epoch: seat.epoch, seq: seat.seq, presence })
    }

    /// Accepts an offer, or declines it: so many times in a hundred.
    fn answer(&mut self, declines: u32) -> Option<Planned> {
        let rings = |stage| matches!(stage, Stage::Ringing(..));
        let known = pick(&mut self.rng, &mut self.pools.ringing, &self.known, rings)?;
        let answer = self.answer_of(known)?;
        Some(if self.rng.random_range(0..100) < declines {
            Planned::new(Kind::Decline, Command::DeclineOffer(answer))
        } else {
            Planned::new(Kind::Accept, Command::AcceptOffer(answer))
        })
    }

    fn complete(&mut self, calm: bool) -> Option<Planned> {
        let talks = |stage| matches!(stage, Stage::Talking(..));
        let known = pick(&mut self.rng, &mut self.pools.talking[usize::from(calm)], &self.known, talks)?;
        let answer = self.answer_of(known)?;
        let freed = Some(answer.operator);
        let kind = match (self.size.has_wrap_up(known.class), calm) {
            (true, _) => Kind::WrapUp,
            (false, false) => Kind::FreedTakes,
            (false, true) => Kind::FreedIdles,
        };
        let command = Command::CompleteContact(CompleteContact {
            answer,
            wrap_up: None,
            step: CaseStep::Next,
            result: None,
        });
        Some(Planned { freed, ..Planned::new(kind, command) })
    }

    fn end_wrap_up(&mut self) -> Option<Planned> {
        let wraps = |stage| matches!(stage, Stage::WrapUp(..));
        let known = pick(&mut self.rng, &mut self.pools.wrapping, &self.known, wraps)?;
        let answer = self.answer_of(known)?;
        let freed = Some(answer.operator);
        let kind = if shape::is_calm(known.class) { Kind::FreedIdles } else { Kind::FreedTakes };
        Some(Planned { freed, ..Planned::new(kind, Command::EndWrapUp(answer)) })
    }

    fn answer_of(&self, known: Known) -> Option<AnswerOffer> {
        let (operator, assignment) = match known.stage {
            Stage::Ringing(operator, assignment)
            | Stage::Talking(operator, assignment)
            | Stage::WrapUp(operator, assignment) => (operator, assignment),
            Stage::Waiting | Stage::Ended => return None,
        };
        let epoch = self.seats.get(operator.slot as usize)?.epoch;
        Some(AnswerOffer { operator, epoch, contact: known.contact, assignment })
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.commands / COMMANDS_PER_MS)
    }

    /// Puts a command of the beginning to the core.
    fn set_up(&mut self, command: Command) -> Option<Reply> {
        let outcome = self.router.apply(self.now(), &command);
        self.commands += 1;
        self.refused += u64::from(outcome.reply.is_err());
        outcome.reply.ok()
    }

    /// Puts a command to the core, and its effects in the books.
    fn carry_out(&mut self, planned: &Planned, apply: CountedApply<'_>) -> Kind {
        let at = self.now();
        let outcome = apply(planned.kind, &mut self.router, at, &planned.command);
        self.commands += 1;
        self.refused += u64::from(outcome.reply.is_err());
        if let Ok(Reply::Enqueued { contact }) = outcome.reply {
            self.enter(contact, planned.class);
        }
        for effect in &outcome.effects {
            self.take(effect);
        }
        planned.kind.settled(&outcome, planned.freed)
    }

    fn enter(&mut self, contact: ContactId, class: u32) {
        let slot = contact.slot as usize;
        let entered = Known { contact, stage: Stage::Waiting, class };
        if slot >= self.known.len() {
            self.known.resize(slot + 1, entered);
        }
        self.known[slot] = entered;
        self.waiting += 1;
        self.pools.waiting.push(contact);
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
            | Effect::NotifyThread { .. }
            | Effect::ParkContact { .. }
            | Effect::HoldContact { .. }
            | Effect::AnnounceStage { .. }
            | Effect::WarnCase { .. }
            | Effect::EscalateCase { .. }
            | Effect::AnnounceCaseClosed { .. }
            | Effect::NotifyWatcher { .. }
            | Effect::InviteCompanion { .. }
            | Effect::OfferDeflection { .. }
            | Effect::CallDuty { .. }
            | Effect::AnnounceEnquiry { .. }
            | Effect::NotifyEnquiry { .. }
            | Effect::SuperviseContact { .. }
            | Effect::AnnounceHelp { .. }
            | Effect::AnnounceAlarm { .. }
            | Effect::AnnounceConsult { .. }
            | Effect::JoinConsult { .. }
            | Effect::AnnounceExpectedWait { .. }
            | Effect::AnnounceMoved { .. }
            | Effect::EndStream { .. } => {}
        }
    }

    fn move_to(&mut self, contact: ContactId, stage: Stage) {
        let Some(known) = self.known.get_mut(contact.slot as usize).filter(|known| known.contact == contact)
        else {
            return;
        };
        let before = std::mem::replace(&mut known.stage, stage);
        let is_calm = shape::is_calm(known.class);
        self.waiting =
            self.waiting + u32::from(stage == Stage::Waiting) - u32::from(before == Stage::Waiting);
        let in_hand = |stage| u32::from(is_calm && !matches!(stage, Stage::Waiting | Stage::Ended));
        self.calm_in_hand = self.calm_in_hand + in_hand(stage) - in_hand(before);
        match stage {
            Stage::Waiting => self.pools.waiting.push(contact),
            Stage::Ringing(..) => self.pools.ringing.push(contact),
            Stage::Talking(..) => self.pools.talking[usize::from(is_calm)].push(contact),
            Stage::WrapUp(..) => self.pools.wrapping.push(contact),
            Stage::Ended => {}
        }
    }
}

impl Planned {
    fn new(kind: Kind, command: Command) -> Planned {
        Planned { kind, command, class: 0, freed: None }
    }
}

/// Whether an effect gives this contact to an operator.
fn assigned(effect: &Effect, contact: ContactId) -> bool {
    matches!(effect, Effect::RingOperator { contact: one, .. } | Effect::ConnectContact { contact: one, .. } if *one == contact)
}

/// The operator to whom an effect gives a contact.
fn taken_by(effect: &Effect) -> Option<OperatorId> {
    if let Effect::RingOperator { operator, .. } | Effect::ConnectContact { operator, .. } = effect {
        Some(*operator)
    } else {
        None
    }
}

/// Takes a random contact of the list that is in a fitting stage; the others it meets have moved on and are
/// dropped from the list.
fn pick(
    rng: &mut ChaCha12Rng,
    list: &mut Vec<ContactId>,
    known: &[Known],
    fits: impl Fn(Stage) -> bool,
) -> Option<Known> {
    while !list.is_empty() {
        let place = rng.random_range(0..list.len());
        let contact = list.swap_remove(place);
        let present = known[contact.slot as usize];
        if present.contact == contact && fits(present.stage) {
            return Some(present);
        }
    }
    None
}
