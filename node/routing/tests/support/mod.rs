//! A small centre to test rules with: one gateway, operators by name, contacts by key.
#![allow(dead_code)]

use std::collections::BTreeMap;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::*;

pub struct Centre {
    pub router: Router,
    pub at: u64,
    pub gateway: GatewayId,
    pub contacts: BTreeMap<String, ContactId>,
    pub effects: Vec<Effect>,
}

pub fn plan(queues: Vec<QueuePlan>) -> Plan {
    Plan {
        version: 1,
        queues,
        skills: ["voice", "chat", "kk"].map(Name::from).to_vec(),
        channels: vec![
            ChannelPlan { name: "voice".into(), units: 100 },
            ChannelPlan { name: "chat".into(), units: 33 },
        ],
        units: vec![
            UnitPlan { name: "company".into(), parent: None, rules: Default::default() },
            UnitPlan { name: "north".into(), parent: Some(UnitId(0)), rules: Default::default() },
            UnitPlan { name: "south".into(), parent: Some(UnitId(0)), rules: Default::default() },
        ],
        sessions: SessionPlan::default(),
        rules: Default::default(),
    }
}

pub fn operator(login: &str) -> OperatorPlan {
    OperatorPlan {
        login: login.into(),
        skills: vec![("voice".into(), 5), ("chat".into(), 5)],
        capacity: 100,
        unit: None,
        ranks: vec![],
        rules: Default::default(),
    }
}

pub fn contact(key: &str, queue: &str, tier: u8) -> EnqueueContact {
    EnqueueContact {
        gateway: GatewayId { slot: 0, generation: 0 },
        epoch: Epoch(1),
        key: key.into(),
        queue: queue.into(),
        channel: "voice".into(),
        tier,
        head_start: Millis(0),
        skills: vec![],
        scope: None,
        units: None,
        not_before: None,
        preferred: None,
        callback: None,
        details: ContactDetails::default(),
        facts: Default::default(),
    }
}

pub fn open(role: Role, name: &str, nonce: u64) -> OpenSession {
    OpenSession {
        role,
        name: name.into(),
        node: NodeId(1),
        incarnation: Incarnation(1),
        nonce,
        resume: None,
        takeover: false,
    }
}

impl Centre {
    pub fn new(plan: Plan) -> Centre {
        let gateway = GatewayId { slot: 0, generation: 0 };
        let mut centre = Centre {
            router: Router::new(),
            at: 1_000,
            gateway,
            contacts: BTreeMap::new(),
            effects: Vec::new(),
        };
        centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
        centre.ok(Command::OpenSession(open(Role::Gateway, "pbx", 1)));
        centre
    }

    pub fn apply(&mut self, command: Command) -> Result<Reply, Refusal> {
        let outcome = self.router.apply(Timestamp(self.at), &command);
        self.effects = outcome.effects;
        outcome.reply
    }

    pub fn ok(&mut self, command: Command) -> Reply {
        let shown = format!("{command:?}");
        self.apply(command).unwrap_or_else(|refusal| panic!("{shown} was refused: {refusal}"))
    }

    pub fn tick(&mut self, at: u64) {
        self.at = at;
        self.ok(Command::Tick);
    }

    pub fn put(&mut self, operator: OperatorPlan) {
        self.ok(Command::PutOperators(PutOperators { operators: vec![operator], by: None }));
    }

    /// Adds an operator and signs it in, ready.
    pub fn ready(&mut self, operator: OperatorPlan) -> OperatorId {
        let login = operator.login.clone();
        self.put(operator);
        self.ok(Command::OpenSession(open(Role::Operator, &login, 7)));
        let id = self.operator(&login);
        self.presence(&login, DeclaredPresence::Ready);
        id
    }

    pub fn operator(&self, login: &str) -> OperatorId {
        match self.router.party(Role::Operator, login) {
            Some(Party::Operator(id)) => id,
            other => panic!("{login} is {other:?}"),
        }
    }

    pub fn epoch(&self, login: &str) -> Epoch {
        self.router.operator(self.operator(login)).expect("known").epoch
    }

    pub fn presence(&mut self, login: &str, presence: DeclaredPresence) {
        let (operator, epoch) = (self.operator(login), self.epoch(login));
        let seq = self.router.index().0;
        self.ok(Command::SetPresence(SetPresence { operator, epoch, seq, presence }));
    }

    pub fn push(&mut self, contact: EnqueueContact) -> ContactId {
        let key = contact.key.to_string();
        let Reply::Enqueued { contact: id } = self.ok(Command::EnqueueContact(Box::new(contact))) else {
            panic!("{key} was merged")
        };
        self.contacts.insert(key, id);
        id
    }

    pub fn view(&self, key: &str) -> ContactView {
        self.router.contact_by_key("pbx", key).unwrap_or_else(|| panic!("{key} is not known"))
    }

    /// The operator who has the contact in hand.
    pub fn with(&self, key: &str) -> Option<String> {
        let operator = match self.view(key).state {
            ContactState::Offered { operator, .. }
            | ContactState::Handling { operator, .. }
            | ContactState::WrapUp { operator, .. } => operator,
            ContactState::Waiting | ContactState::Ended { .. } => return None,
        };
        Some(self.router.operator(operator).expect("known").login.to_string())
    }

    pub fn answer(&self, key: &str) -> AnswerOffer {
        let view = self.view(key);
        let operator = view.holder.expect("was assigned");
        let epoch = self.router.operator(operator).expect("known").epoch;
        AnswerOffer { operator, epoch, contact: view.id, assignment: view.assignment }
    }

    pub fn complete(&mut self, key: &str) {
        let answer = self.answer(key);
        self.ok(Command::CompleteContact(CompleteContact {
            answer,
            wrap_up: None,
            step: CaseStep::Next,
            result: None,
        }));
    }
}
