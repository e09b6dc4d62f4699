//! A small centre whose clients write down what they do: two gateways and four operators work through some hundred
//! commands, and three nodes have applied them all.

use ringmain_chaos::checker::{
    ClientOp, ClientOpKind, HistoryEntry, NodeScan, OpResult, SeenEvent, SeenEventKind, Verdict, judge,
};
use ringmain_routing::command::{
    AbandonContact, AnswerOffer, ApplyPlan, CaseStep, CompleteContact, ContactDetails, DeclaredPresence,
    EnqueueContact, OpenSession, OperatorPlan, PutOperators, Role, SetPresence,
};
use ringmain_routing::plan::{Answer, ChannelPlan, QueuePlan, SessionPlan};
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Effect, Epoch, GatewayId, Incarnation, Millis, NodeId, OperatorId,
    Outcome, Party, Plan, Reply, Router, Timestamp, hash_parts,
};

/// Everything that the checker is given.
pub struct Scene {
    pub ops: Vec<ClientOp>,
    pub seen: Vec<SeenEvent>,
    pub scans: Vec<NodeScan>,
}

impl Scene {
    pub fn judge(&self) -> Verdict {
        judge(&self.ops, &self.seen, &self.scans)
    }

    /// Changes a record in the same way on all nodes, and makes the chains follow.
    pub fn change(&mut self, index: u64, change: impl Fn(&mut HistoryEntry)) {
        for scan in &mut self.scans {
            change(&mut scan.history[index as usize - 1]);
            rechain(&mut scan.history);
        }
    }

    pub fn history(&self) -> &[HistoryEntry] {
        &self.scans[0].history
    }

    /// Log index of the first record that is so.
    pub fn find(&self, is_it: impl Fn(&HistoryEntry) -> bool) -> u64 {
        self.history().iter().find(|entry| is_it(entry)).expect("the scene has such a record").log_index
    }
}

pub fn rechain(history: &mut [HistoryEntry]) {
    let mut chain = 0u128;
    for entry in history {
        let frames = [entry.command.encode(), entry.outcome.encode()].concat();
        let (index, at) = (entry.log_index.to_le_bytes(), entry.at.0.to_le_bytes());
        chain = hash_parts(&[&chain.to_le_bytes(), &index, &at, &frames]);
        entry.chain = chain;
    }
}

pub fn restored(router: &Router) -> Router {
    Router::restore(&router.snapshot().encode()).expect("a snapshot just written can be read")
}

/// Writes a history while a router decides.
pub struct Centre {
    pub router: Router,
    pub history: Vec<HistoryEntry>,
    ops: Vec<ClientOp>,
    seen: Vec<SeenEvent>,
    ns: u64,
    pub now: u64,
}

const GATEWAYS: [&str; 2] = ["pbx", "site"];
const OPERATORS: [&str; 4] = ["anna", "boris", "vera", "gleb"];

impl Centre {
    pub fn new() -> Centre {
        let (router, history) = (Router::new(), Vec::new());
        Centre { router, history, ops: Vec::new(), seen: Vec::new(), ns: 0, now: 1_000 }
    }

    /// Appends a command.
    pub fn apply(&mut self, command: Command) -> Outcome {
        let at = Timestamp(self.now).max(self.router.now());
        let outcome = self.router.apply(at, &command);
        let log_index = self.router.index().0;
        self.history.push(HistoryEntry {
            log_index,
            raft_index: log_index + 3,
            term: 1 + log_index / 100,
            at: self.router.now(),
            command,
            outcome: outcome.clone(),
            chain: self.router.chain(),
        });
        self.ns += 1_000;
        outcome.effects.iter().for_each(|effect| self.see(effect));
        outcome
    }

    fn ask(&mut self, client: &str, op: ClientOpKind, command: Command) -> Outcome {
        // Clients live in the same time.
        self.ns = self.ns.max(self.now * 1_000_000);
        let invoked_ns = self.ns;
        let outcome = self.apply(command);
        let last = self.history.last().expect("just pushed");
        let (log_index, term) = (last.log_index, last.term);
        let result = match &outcome.reply {
            Ok(Reply::Enqueued { contact } | Reply::Merged { contact, .. }) => {
                OpResult::Done { log_index, term, contact: Some(*contact) }
            }
            Ok(_) => OpResult::Done { log_index, term, contact: None },
            Err(refusal) => OpResult::Refused { log_index, term, code: refusal.code().to_owned() },
        };
        self.ns += 1_000;
        let client = client.to_owned();
        self.ops.push(ClientOp { client, op, invoked_ns, returned_ns: self.ns - 500, result });
        outcome
    }

    fn see(&mut self, effect: &Effect) {
        let (contact, kind, assignment) = match *effect {
            Effect::RingOperator { contact, assignment, .. } => (contact, SeenEventKind::Offered, assignment),
            Effect::ConnectContact { contact, assignment, .. } => {
                (contact, SeenEventKind::Connected, assignment)
            }
            Effect::WithdrawAssignment { contact, assignment, .. } => {
                (contact, SeenEventKind::Withdrawn, assignment)
            }
            Effect::AnnounceEnded { contact, .. } => (contact, SeenEventKind::Ended, AssignmentEpoch(0)),
            Effect::AnnounceQueued { .. }
            | Effect::AnnounceAssigned { .. }
            | Effect::StartWrapUp { .. }
            | Effect::ReleaseOperator { .. }
            | Effect::AnnouncePresence { .. }
            | Effect::NotifyThread { .. }
            | Effect::ParkContact { .. }
            | Effect::HoldContact { .. }
            | Effect::AnnounceMoved { .. }
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
            | Effect::EndStream { .. } => return,
        };
        let key = self.router.contact(contact).expect("just decided about").key.to_string();
        let gateway = effect.gateway().map(|id| GATEWAYS[id.slot as usize]);
        let operator = effect.operator().map(|id| OPERATORS[id.slot as usize]);
        for client in gateway.into_iter().chain(operator) {
            let (log_index, at_ns) = (self.router.index().0, self.ns);
            let (client, key) = (client.to_owned(), key.clone());
            self.seen.push(SeenEvent { client, log_index, at_ns, key, kind, assignment: assignment.0 });
        }
    }

    fn open(&mut self, role: Role, name: &str) {
        let command = OpenSession {
            role,
            name: name.into(),
            node: NodeId(1),
            incarnation: Incarnation(1),
            nonce: self.now,
            resume: None,
            takeover: false,
        };
        self.apply(Command::OpenSession(command)).reply.expect("a first session opens");
    }

    pub fn push(&mut self, gateway: u32, key: &str, change: impl FnOnce(&mut EnqueueContact)) -> Outcome {
        let mut command = EnqueueContact {
            gateway: GatewayId { slot: gateway, generation: 0 },
            epoch: Epoch(1),
            key: key.into(),
            queue: "calls".into(),
            channel: "voice".into(),
            tier: 2,
            head_start: Millis(0),
            skills: vec![],
            scope: None,
            units: None,
            not_before: None,
            preferred: None,
            callback: None,
            details: ContactDetails::default(),
            facts: Default::default(),
        };
        change(&mut command);
        let op = ClientOpKind::Push { key: key.to_owned() };
        self.ask(GATEWAYS[gateway as usize], op, Command::EnqueueContact(Box::new(command)))
    }

    pub fn abandon(&mut self, gateway: u32, key: &str) {
        let contact = self.router.contact_by_key(GATEWAYS[gateway as usize], key).expect("pushed before").id;
        let gateway_id = GatewayId { slot: gateway, generation: 0 };
        let command = AbandonContact { gateway: gateway_id, epoch: Epoch(1), contact };
        let op = ClientOpKind::Abandon { key: key.to_owned() };
        self.ask(GATEWAYS[gateway as usize], op, Command::AbandonContact(command));
    }

    pub fn presence(&mut self, operator: u32, ready: bool) {
        let presence = if ready { DeclaredPresence::Ready } else { DeclaredPresence::NotReady(1) };
        let command =
            SetPresence { operator: operator_id(operator), epoch: Epoch(1), seq: self.ns, presence };
        let op = ClientOpKind::Presence { ready };
        self.ask(OPERATORS[operator as usize], op, Command::SetPresence(command));
    }

    fn answer(&self, contact: ContactId) -> (u32, AnswerOffer) {
        let view = self.router.contact(contact).expect("known");
        let operator = view.holder.expect("assigned before");
        (operator.slot, AnswerOffer { operator, epoch: Epoch(1), contact, assignment: view.assignment })
    }

    pub fn accept(&mut self, contact: ContactId) {
        let (operator, answer) = self.answer(contact);
        let op = ClientOpKind::Accept { contact: contact.to_string(), assignment: answer.assignment.0 };
        self.ask(OPERATORS[operator as usize], op, Command::AcceptOffer(answer));
    }

    pub fn decline(&mut self, contact: ContactId) {
        let (operator, answer) = self.answer(contact);
        let op = ClientOpKind::Decline { contact: contact.to_string(), assignment: answer.assignment.0 };
        self.ask(OPERATORS[operator as usize], op, Command::DeclineOffer(answer));
    }

    pub fn complete(&mut self, contact: ContactId) {
        let (operator, answer) = self.answer(contact);
        let op = ClientOpKind::Complete { contact: contact.to_string(), assignment: answer.assignment.0 };
        let command = CompleteContact { answer, wrap_up: None, step: CaseStep::Next, result: None };
        self.ask(OPERATORS[operator as usize], op, Command::CompleteContact(command));
    }

    /// Contacts in hand, by whether they are only offered yet.
    pub fn in_hand(&self, offered: bool) -> Vec<ContactId> {
        let is_it = |state: &ringmain_routing::ContactState| match state {
            ringmain_routing::ContactState::Offered { .. } => offered,
            ringmain_routing::ContactState::Handling { .. } => !offered,
            ringmain_routing::ContactState::Waiting
            | ringmain_routing::ContactState::WrapUp { .. }
            | ringmain_routing::ContactState::Ended { .. } => false,
        };
        self.router.contacts().filter(|view| is_it(&view.state)).map(|view| view.id).collect()
    }

    pub fn scene(self) -> Scene {
        let scan = |node| NodeScan {
            node: NodeId(node),
            state: restored(&self.router),
            history: self.history.clone(),
        };
        let scans = (1..=3).map(scan).collect();
        Scene { ops: self.ops, seen: self.seen, scans }
    }
}

pub fn operator_id(slot: u32) -> OperatorId {
    OperatorId { slot, generation: 0 }
}

/// Plan, operators, sessions: everybody is ready.
pub fn opened() -> Centre {
    let mut centre = Centre::new();
    let mut chat = QueuePlan::named("chat");
    chat.answer = Answer::Offered { within: Millis(5_000) };
    chat.required = vec![("typing".into(), 1)];
    let mut calls = QueuePlan::named("calls");
    calls.wrap_up = Millis(200);
    let plan = Plan {
        version: 1,
        queues: vec![calls, chat],
        skills: vec!["typing".into()],
        channels: vec![
            ChannelPlan { name: "voice".into(), units: 2 },
            ChannelPlan { name: "text".into(), units: 1 },
        ],
        units: vec![],
        sessions: SessionPlan { missed: Millis(0), ..SessionPlan::default() },
        rules: Default::default(),
    };
    centre.apply(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    let operator = |(place, login): (usize, &&str)| OperatorPlan {
        login: (**login).into(),
        skills: if place % 2 == 0 { vec![("typing".into(), 5)] } else { vec![] },
        capacity: 3,
        unit: None,
        ranks: if place == 2 { vec![("calls".into(), 1)] } else { vec![] },
        rules: Default::default(),
    };
    let operators = OPERATORS.iter().enumerate().map(operator).collect();
    centre.apply(Command::PutOperators(PutOperators { operators, by: None }));
    GATEWAYS.iter().for_each(|name| centre.open(Role::Gateway, name));
    OPERATORS.iter().for_each(|name| centre.open(Role::Operator, name));
    (0..4).for_each(|operator| centre.presence(operator, true));
    centre
}

/// A clean day: lines grow and shrink, keys repeat, offers are declined, customers leave.
pub fn day() -> Scene {
    let mut centre = opened();
    for round in 0u64..60 {
        centre.now += 70;
        let gateway = (round % 2) as u32;
        for part in 0..3 {
            let key = format!("k{round}-{part}");
            let chat = (round + part).is_multiple_of(3);
            centre.push(gateway, &key, |command| {
                command.tier = if round.is_multiple_of(7) { 1 } else { 2 + (round % 3) as u8 };
                if chat {
                    (command.queue, command.channel) = ("chat".into(), "text".into());
                }
            });
        }
        if round % 5 == 4 {
            centre.push(gateway, &format!("k{round}-0"), |command| {
                command.tier = if round.is_multiple_of(7) { 1 } else { 2 + (round % 3) as u8 };
                if round.is_multiple_of(3) {
                    (command.queue, command.channel) = ("chat".into(), "text".into());
                }
            });
            let waiting = centre.router.contact_by_key(GATEWAYS[gateway as usize], &format!("k{round}-1"));
            if waiting.is_some_and(|view| view.state == ringmain_routing::ContactState::Waiting) {
                centre.abandon(gateway, &format!("k{round}-1"));
            }
        }
        for (place, contact) in centre.in_hand(true).into_iter().enumerate() {
            if place == 0 && round % 4 == 0 { centre.decline(contact) } else { centre.accept(contact) }
        }
        centre.now += 30;
        for contact in centre.in_hand(false).into_iter().take(2 + (round % 3) as usize) {
            centre.complete(contact);
        }
    }
    centre.scene()
}

pub fn party(operator: u32) -> Party {
    Party::Operator(operator_id(operator))
}
