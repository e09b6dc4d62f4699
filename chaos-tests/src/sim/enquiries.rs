//! Questions to people without a seat in a simulated centre: who asks, who is freed, who closes them and who would like to.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::command::{
    Action, AnswerOffer, BeginEnquiry, CallbackOrder, CloseEnquiry, FreeCaller, PromisedCall, Role,
};
use ringmain_routing::rules::{Addressee, EnquiryRule, PlanRules};
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, EnquiryFilter, EnquiryId, Epoch, Millis, Name, OperatorId, Reply,
    Router, Timestamp,
};

use super::Sim;
use super::centre::{CHANNELS, Kind, PRINCIPALS};
use super::events::{Act, Operation};
use super::talk::Turn;

/// Whom operators ask; the last one is in no plan.
const ASKED: [&str; 3] = ["the foreman", "the dispatcher", "the meter shop"];
const ENQUIRIES_LOOKED_AT: usize = 50;

/// A question as an operator means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asking {
    to: usize,
    question: u8,
    term: Option<u64>,
    call: Option<Promise>,
}

/// A promise as an operator means it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    /// Under the number of the order that it talks about, if that is one.
    is_of_own: bool,
    number: u8,
    at: u64,
}

impl Asking {
    pub(super) fn command(self, answer: AnswerOffer, router: &Router) -> Command {
        let contact = answer.contact;
        Command::BeginEnquiry(Box::new(BeginEnquiry {
            answer,
            to: ASKED[self.to].into(),
            question: format!("how long, {}", self.question).into(),
            term: self.term.map(Millis),
            call: self.call.map(|call| call.meant(contact, router)),
        }))
    }
}

impl Promise {
    fn some(rng: &mut ChaCha8Rng, now: u64) -> Promise {
        let (is_of_own, number) = (rng.random_bool(0.7), rng.random_range(0..8));
        Promise { is_of_own, number, at: now + rng.random_range(300..4_000) }
    }

    /// The caller of this enquiry goes.
    pub(super) fn command(self, answer: AnswerOffer, enquiry: EnquiryId, router: &Router) -> Command {
        let call = self.meant(answer.contact, router);
        Command::FreeCaller(Box::new(FreeCaller { answer, enquiry, call }))
    }

    fn meant(self, about: ContactId, router: &Router) -> PromisedCall {
        let own = router.contact(about).and_then(|view| view.callback).filter(|_| self.is_of_own);
        let number = || Name::from(format!("+7{}", self.number));
        let principals = PRINCIPALS[usize::from(self.number) % PRINCIPALS.len()].into();
        PromisedCall {
            order: own.unwrap_or_else(|| CallbackOrder { number: number(), principals }),
            channel: CHANNELS[usize::from(self.number) % CHANNELS.len()].into(),
            not_before: Timestamp(self.at),
            wrap_up: None,
        }
    }
}

/// The word with which somebody closes an enquiry, or none.
fn answer_of(number: Option<u8>) -> Option<Name> {
    number.map(|number| format!("by {number} o'clock").into())
}

pub(super) fn close(
    (operator, epoch): (OperatorId, Epoch),
    enquiry: EnquiryId,
    answer: Option<u8>,
) -> Command {
    Command::CloseEnquiry(Box::new(CloseEnquiry { operator, epoch, enquiry, answer: answer_of(answer) }))
}

/// What the system of somebody who was asked says, or a supervisor.
pub(super) fn some_action(rng: &mut ChaCha8Rng, router: &Router) -> Option<Action> {
    let open = EnquiryFilter { open: Some(rng.random_bool(0.9)), ..EnquiryFilter::default() };
    let (known, _) = router.enquiries_from(&open, 0, ENQUIRIES_LOOKED_AT, u32::MAX);
    let enquiry = known.get(rng.random_range(0..known.len().max(1)))?.id;
    Some(Action::CloseEnquiry { enquiry, answer: answer_of(some_answer(rng)) })
}

fn some_answer(rng: &mut ChaCha8Rng) -> Option<u8> {
    rng.random_bool(0.7).then(|| rng.random_range(6..8))
}

/// What the plan says of them.
pub(super) fn put_into_plan(rng: &mut ChaCha8Rng, rules: &mut PlanRules) {
    let calendars: Vec<Name> = rules.calendars.iter().map(|calendar| calendar.name.clone()).collect();
    let addressee = |rng: &mut ChaCha8Rng, name: &str| Addressee {
        name: name.into(),
        term: Millis(rng.random_range(200..5_000)),
        calendar: calendars.first().filter(|_| rng.random_bool(0.3)).cloned(),
    };
    let addressees = ASKED[..2].iter().map(|name| addressee(rng, name)).collect();
    rules.enquiries = Some(EnquiryRule {
        keep_for: Millis(rng.random_range(1..3_000)),
        remind_percent: rng.random_range(0..90),
        addressees,
    });
}

impl Sim {
    /// Who talks asks somebody without a seat now and then; whether the talk goes another way by that.
    pub(super) fn ask_somebody(
        &mut self,
        place: usize,
        contact: ContactId,
        assignment: AssignmentEpoch,
    ) -> bool {
        let (now, may) = (self.now, !self.healing && Kind::of(self.plan.seed).has_enquiries);
        if !may || !self.clients[place].rng.random_bool(0.35) {
            return false;
        }
        let rng = &mut self.clients[place].rng;
        let asking = Asking {
            to: rng.random_range(0..ASKED.len()),
            question: rng.random_range(0..3),
            term: rng.random_bool(0.5).then(|| rng.random_range(100..4_000)),
            call: rng.random_bool(0.5).then(|| Promise::some(rng, now)),
        };
        let is_nervous = rng.random_bool(0.3);
        let turn = Turn::Ask(asking);
        self.submit(place, Operation::InTalk(contact, assignment, turn));
        if is_nervous {
            self.submit(place, Operation::InTalk(contact, assignment, turn));
        }
        let delay = self.within(place, 50, 1_500);
        self.act_later(place, delay, Act::EndTalk(contact, assignment));
        true
    }

    /// A question was put: its caller may be freed, and somebody will close it, with a right to or without.
    pub(super) fn think_of_enquiry(&mut self, place: usize, operation: &Operation, reply: Reply) {
        let Reply::Asked { enquiry } = reply else { return };
        let Operation::InTalk(contact, assignment, Turn::Ask(asking)) = *operation else { return };
        let now = self.now;
        let rng = &mut self.clients[place].rng;
        let (is_freed, is_closed, is_known_elsewhere) =
            (rng.random_bool(0.5), rng.random_bool(0.5), rng.random_bool(0.3));
        let (answer, call) = (some_answer(rng), Promise::some(rng, now));
        if asking.call.is_none() && is_freed {
            let delay = self.within(place, 20, 300);
            self.act_later(place, delay, Act::InTalk(contact, assignment, Turn::Free(enquiry, call)));
        }
        if is_closed {
            self.close_later(place, enquiry, answer);
        }
        let others: Vec<usize> = (0..self.clients.len())
            .filter(|other| *other != place && self.clients[*other].role == Role::Operator)
            .collect();
        if is_known_elsewhere && !others.is_empty() {
            let at = self.clients[place].rng.random_range(0..others.len());
            self.close_later(others[at], enquiry, answer);
        }
    }

    /// Who is told of an enquiry may close it.
    pub(super) fn hear_of_enquiry(&mut self, place: usize, enquiry: EnquiryId) {
        let rng = &mut self.clients[place].rng;
        let (may, answer) = (rng.random_bool(0.3), some_answer(rng));
        if may {
            self.close_later(place, enquiry, answer);
        }
    }

    fn close_later(&mut self, place: usize, enquiry: EnquiryId, answer: Option<u8>) {
        let delay = self.within(place, 50, 3_500);
        self.act_later(place, delay, Act::CloseEnquiry(enquiry, answer));
    }
}
