//! What happens in the middle of a talk in a simulated centre: consultation, conference, a request for a person, and what
//! came of it; and what the plan says of all that.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::command::{
    AnswerOffer, CaseStep, CompleteContact, Consult, ConsultTarget, ContactResult, EndConsult,
    InviteCompanion, JoinConsult, OperatorPlan, RequestPerson, Requester, TransferContact, TransferTarget,
};
use ringmain_routing::rules::{OrphanRule, QueueRules, ResultRule};
use ringmain_routing::{AssignmentEpoch, Command, ContactId, EnquiryId, Millis, Name, Plan, Router};

use super::Sim;
use super::centre::{self, CHANNELS, Kind, QUEUES};
use super::enquiries::{Asking, Promise};
use super::events::{Act, Operation};

const TOPICS: [&str; 2] = ["outage", "bill"];
const OUTCOMES: [&str; 2] = ["done", "promised"];

/// What an operator does while it talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Asks whoever takes it in this queue, by its place.
    AskQueue(usize),
    /// Asks this colleague, by number, who has so many ms to be free.
    AskColleague(usize, u64),
    EndAsking(ContactId),
    /// The customer comes in, or is out again.
    Join(ContactId, bool),
    /// The asked one goes on with the customer.
    PassOn(ContactId),
    /// A bot says that the customer wants a person.
    WantPerson,
    /// Completes it without a word of what came of it.
    EndSilently,
    /// Asks somebody without a seat.
    Ask(Asking),
    /// The caller of that question goes, and is promised to be called.
    Free(EnquiryId, Promise),
    /// The caller, of this number, is invited to send something in that channel, by its place.
    Invite(u8, usize),
}

impl Turn {
    /// The command that it is.
    pub(super) fn command(self, answer: AnswerOffer, router: &Router) -> Command {
        let ask = |answer, to| Command::Consult(Consult { answer, to, units: None });
        match self {
            Turn::Ask(asking) => asking.command(answer, router),
            Turn::Free(enquiry, promise) => promise.command(answer, enquiry, router),
            Turn::Invite(number, channel) => {
                let (number, channel) = (format!("+7{number}").into(), CHANNELS[channel].into());
                Command::InviteCompanion(Box::new(InviteCompanion { answer, number, channel }))
            }
            Turn::AskQueue(place) => ask(answer, ConsultTarget::Queue(QUEUES[place].into())),
            Turn::AskColleague(number, hold) => {
                let (login, hold) = (centre::login(number), Millis(hold));
                ask(answer, ConsultTarget::Operator { login, hold })
            }
            Turn::EndAsking(leg) => Command::EndConsult(EndConsult { answer, leg }),
            Turn::Join(leg, on) => Command::JoinConsult(JoinConsult { answer, leg, on }),
            Turn::PassOn(leg) => {
                let to = TransferTarget::Consulted { leg };
                Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None }))
            }
            Turn::WantPerson => {
                let by = Requester::Bot(answer);
                Command::RequestPerson(Box::new(RequestPerson { by, context: None, danger: false }))
            }
            Turn::EndSilently => Command::CompleteContact(CompleteContact {
                answer,
                wrap_up: None,
                step: CaseStep::Next,
                result: None,
            }),
        }
    }
}

/// What every queue of a centre with a rule book takes for an answer, today or by its next plan.
pub(super) fn result(plan: &Plan) -> Option<ContactResult> {
    let has_rules = !plan.rules.entry.is_empty();
    has_rules.then(|| ContactResult { topic: TOPICS[0].into(), outcome: OUTCOMES[0].into() })
}

/// Results, orphans, the queue of people, and what a consultation takes.
pub(super) fn put_into_queue(rng: &mut ChaCha8Rng, rules: &mut QueueRules) {
    let list = |rng: &mut ChaCha8Rng, names: [&str; 2]| -> Vec<Name> {
        let count = rng.random_range(0..=names.len());
        names[..count].iter().map(|name| (*name).into()).collect()
    };
    if rng.random_bool(0.4) {
        rules.results = Some(ResultRule { topics: list(rng, TOPICS), outcomes: list(rng, OUTCOMES) });
    }
    if rng.random_bool(0.5) {
        let waits = Millis(rng.random_range(1..4_000));
        let all = [OrphanRule::Close, OrphanRule::Requeue, OrphanRule::Wait(waits), OrphanRule::Stay];
        let channel = CHANNELS[rng.random_range(0..CHANNELS.len())];
        rules.orphans = vec![(channel.into(), all[rng.random_range(0..all.len())])];
    }
    if rng.random_bool(0.5) {
        rules.people_queue = Some(centre::some_queue(rng));
    }
    if rng.random_bool(0.4) {
        rules.consult_units = Some(rng.random_range(0..3));
    }
}

/// What is an operator's own; the last one of some centres is a bot.
pub(super) fn put_into_operator(rng: &mut ChaCha8Rng, kind: Kind, number: usize, row: &mut OperatorPlan) {
    let sometimes = |rng: &mut ChaCha8Rng| rng.random_bool(0.25);
    if number == 0 {
        return;
    }
    if kind.is_bot(number) {
        row.rules.bot = true;
        row.rules.rests = false;
        row.rules.breaks.clear();
    }
    let channel = CHANNELS[rng.random_range(0..CHANNELS.len())];
    if sometimes(rng) {
        row.rules.units = vec![(channel.into(), rng.random_range(1..4))];
    }
    if sometimes(rng) {
        row.rules.queue_caps = vec![(centre::some_queue(rng), rng.random_range(1..3))];
    }
    if sometimes(rng) && !row.rules.bot {
        row.rules.wrap_up = Some(Millis(rng.random_range(0..600)));
    }
}

impl Sim {
    /// In the middle of a talk an operator asks a colleague, and a bot gives up; whether the talk is over by that.
    pub(super) fn take_a_turn(
        &mut self,
        place: usize,
        contact: ContactId,
        assignment: AssignmentEpoch,
    ) -> bool {
        let kind = Kind::of(self.plan.seed);
        if !kind.has_rules {
            return false;
        }
        let is_bot = kind.bot_login().is_some_and(|login| login == self.clients[place].name);
        if is_bot && self.clients[place].rng.random_bool(0.7) {
            self.submit(place, Operation::InTalk(contact, assignment, Turn::WantPerson));
            return true;
        }
        if !is_bot && self.ask_somebody(place, contact, assignment) {
            return true;
        }
        if !is_bot && self.invite_somebody(place, contact, assignment) {
            return true;
        }
        if self.is_odd(place, 0.2) {
            let rng = &mut self.clients[place].rng;
            let turn = if rng.random_bool(0.5) {
                Turn::AskQueue(rng.random_range(0..QUEUES.len()))
            } else {
                Turn::AskColleague(rng.random_range(0..4), rng.random_range(1..3_000))
            };
            self.submit(place, Operation::InTalk(contact, assignment, turn));
            let delay = self.within(place, 50, 1_500);
            self.act_later(place, delay, Act::EndTalk(contact, assignment));
            return true;
        }
        if self.is_odd(place, 0.05) {
            self.submit(place, Operation::InTalk(contact, assignment, Turn::EndSilently));
        }
        false
    }

    /// Who talks invites its caller into another channel now and then; whether the talk goes on for that.
    fn invite_somebody(&mut self, place: usize, contact: ContactId, assignment: AssignmentEpoch) -> bool {
        let may = !self.healing && Kind::of(self.plan.seed).has_companions;
        let rng = &mut self.clients[place].rng;
        if !may || !rng.random_bool(0.4) {
            return false;
        }
        let turn = Turn::Invite(rng.random_range(0..6), rng.random_range(0..CHANNELS.len()));
        self.submit(place, Operation::InTalk(contact, assignment, turn));
        let delay = self.within(place, 50, 2_500);
        self.act_later(place, delay, Act::EndTalk(contact, assignment));
        true
    }

    /// Whoever asked a colleague goes on, some time later.
    pub(super) fn think_of_the_asked(&mut self, place: usize, of: ContactId, leg: ContactId) {
        let Some(assignment) = self.clients[place].hands.get(&of).copied() else { return };
        let rng = &mut self.clients[place].rng;
        let turn = match rng.random_range(0..5) {
            0 => Turn::EndAsking(leg),
            1 => Turn::Join(leg, true),
            2 => Turn::Join(leg, false),
            _ => Turn::PassOn(leg),
        };
        let delay = self.within(place, 20, 900);
        self.act_later(place, delay, Act::InTalk(of, assignment, turn));
    }
}
