//! What gateways and operators do with what they hear.

use rand::RngExt;
use ringmain_routing::command::Role;
use ringmain_routing::effect::PresenceState;
use ringmain_routing::rules::Treatment;
use ringmain_routing::{AssignmentEpoch, ContactId, ContactState, ContactView, Effect};

use super::Sim;
use super::cases::Word;
use super::centre::{self, Kind};
use super::events::{Act, Event, Operation, Order};
use super::schedule::{Habit, Intent};
use super::time;
use crate::model::KNOWS_CASES;

impl Sim {
    /// A client does what the schedule has it do.
    pub(super) fn intend(&mut self, place: usize, intent: &Intent) {
        match intent {
            Intent::Bring(number) => {
                let row = &mut self.clients[place];
                let order = centre::order(self.plan.seed, &row.name, *number, self.now);
                row.orders.insert(order.key.clone(), order.clone());
                self.submit(place, Operation::Bring(Box::new(order)));
            }
            Intent::BringAgain => {
                if let Some((_, order)) = self.some_promise(place) {
                    self.submit(place, Operation::Bring(Box::new(order)));
                }
            }
            Intent::ReuseKey => {
                if let Some((_, order)) = self.some_promise(place) {
                    self.submit(place, Operation::Misuse(Box::new(order)));
                }
            }
            Intent::Leave => {
                if let Some((contact, _)) = self.some_promise(place) {
                    self.submit(place, Operation::Abandon(contact));
                }
            }
            Intent::Pause => self.submit(place, Operation::Pause),
            Intent::HandOut => self.hand_out(place),
            Intent::SignOut => self.submit(place, Operation::SignOut),
            Intent::Garbage(number) => self.submit(place, Operation::Garbage(*number)),
        }
    }

    fn some_promise(&mut self, place: usize) -> Option<(ContactId, Order)> {
        let row = &mut self.clients[place];
        let at = row.rng.random_range(0..row.promised.len().max(1));
        row.promised.values().nth(at).cloned()
    }

    /// Whether a client does something odd now.
    pub(super) fn is_odd(&mut self, place: usize, probability: f64) -> bool {
        let may = !self.healing && self.plan.has(Habit::Confusion);
        let odd = may && self.clients[place].rng.random_bool(probability);
        if odd {
            self.report.count("confusion");
        }
        odd
    }

    pub(super) fn within(&mut self, place: usize, from: u64, to: u64) -> u64 {
        self.clients[place].rng.random_range(from..to)
    }

    /// A client takes in an event.
    pub(super) fn react(&mut self, place: usize, effect: &Effect) {
        match (self.clients[place].role, *effect) {
            (Role::Gateway, Effect::AnnounceQueued { contact, .. }) => {
                if self.is_odd(place, 0.15) {
                    let patience = self.within(place, 100, 6_000);
                    self.act_later(place, patience, Act::Abandon(contact));
                }
            }
            (Role::Gateway, Effect::AnnounceAssigned { contact, .. }) => {
                if self.is_odd(place, 0.05) {
                    self.submit(place, Operation::WantPerson(contact));
                }
                self.begin_to_write(place, contact);
            }
            (Role::Gateway, Effect::ParkContact { contact, on: true, .. })
            | (Role::Gateway, Effect::WithdrawAssignment { contact, .. }) => {
                self.break_silence(place, contact);
            }
            (Role::Gateway, Effect::OfferDeflection { contact, to, .. }) => {
                if self.clients[place].rng.random_bool(0.4) {
                    let is_mixed_up = self.is_odd(place, 0.2);
                    let to = if is_mixed_up { Treatment::Message } else { to };
                    self.submit(place, Operation::TakeOffer(contact, to));
                }
            }
            (Role::Operator, Effect::AnnounceConsult { contact, of, .. }) => {
                self.think_of_the_asked(place, of, contact);
            }
            (Role::Operator, Effect::NotifyEnquiry { enquiry, .. }) => self.hear_of_enquiry(place, enquiry),
            (Role::Operator, Effect::RingOperator { contact, assignment, .. }) => {
                self.take_in_hand(place, contact, assignment);
                self.plan_answer(place, contact, assignment);
            }
            (Role::Operator, Effect::ConnectContact { contact, assignment, .. }) => {
                self.take_in_hand(place, contact, assignment);
                self.plan_end_of_talk(place, contact, assignment);
            }
            (Role::Operator, Effect::WithdrawAssignment { contact, assignment, .. })
            | (Role::Operator, Effect::ReleaseOperator { contact, assignment, .. }) => {
                let hands = &mut self.clients[place].hands;
                if hands.get(&contact) == Some(&assignment) {
                    hands.remove(&contact);
                }
                self.think_of_a_break(place);
            }
            (Role::Operator, Effect::StartWrapUp { contact, assignment, .. }) => {
                if self.clients[place].rng.random_bool(0.5) {
                    let delay = self.within(place, 10, 400);
                    self.act_later(place, delay, Act::EndWrapUp(contact, assignment));
                }
            }
            (Role::Operator, Effect::AnnouncePresence { presence, .. }) => {
                let rests = matches!(presence, PresenceState::Break { .. })
                    && self.clients[place].rng.random_bool(0.7);
                if presence != PresenceState::Ready && !rests {
                    let delay = self.within(place, 50, 1_500);
                    self.act_later(place, delay, Act::BeReady);
                }
            }
            (Role::Gateway | Role::Operator, _) => {}
        }
    }

    fn think_of_a_break(&mut self, place: usize) {
        let has_time = Kind::of(self.plan.seed).has_time;
        if has_time && self.clients[place].rng.random_bool(0.3) {
            let name = time::some_break(&mut self.clients[place].rng);
            self.submit(place, Operation::AskForBreak(name));
        }
    }

    fn take_in_hand(&mut self, place: usize, contact: ContactId, assignment: AssignmentEpoch) {
        self.clients[place].hands.insert(contact, assignment);
    }

    fn plan_answer(&mut self, place: usize, contact: ContactId, assignment: AssignmentEpoch) {
        if !self.is_odd(place, 0.1) {
            let delay = self.within(place, 10, 600);
            self.act_later(place, delay, Act::AnswerRing(contact, assignment));
        }
    }

    fn plan_end_of_talk(&mut self, place: usize, contact: ContactId, assignment: AssignmentEpoch) {
        let long = self.long_talk(place);
        let delay = long.unwrap_or_else(|| self.within(place, 20, 1_200));
        self.act_later(place, delay, Act::EndTalk(contact, assignment));
    }

    /// The full list of what lives replaces what the desktop knew.
    pub(super) fn replace_hands(&mut self, place: usize, contacts: &[ContactView]) {
        if self.clients[place].role == Role::Gateway {
            return self.hear_of_threads(place, contacts);
        }
        self.clients[place].hands.clear();
        for view in contacts {
            self.take_in_hand(place, view.id, view.assignment);
            match view.state {
                ContactState::Offered { .. } => self.plan_answer(place, view.id, view.assignment),
                ContactState::Handling { .. } => self.plan_end_of_talk(place, view.id, view.assignment),
                ContactState::Waiting | ContactState::WrapUp { .. } | ContactState::Ended { .. } => {}
            }
        }
        self.submit(place, Operation::Ready);
    }

    pub(super) fn act_later(&mut self, client: usize, delay: u64, act: Act) {
        let life = self.clients[client].life;
        self.schedule(delay, Event::Act { client, life, act });
    }

    /// A client does what it meant to do, if that still makes sense to it; sometimes also if it does not.
    pub(super) fn act(&mut self, place: usize, act: Act) {
        let holds = |contact: ContactId, assignment: AssignmentEpoch| {
            self.clients[place].hands.get(&contact) == Some(&assignment)
        };
        let makes_sense = match act {
            Act::AnswerRing(contact, assignment)
            | Act::EndTalk(contact, assignment)
            | Act::InTalk(contact, assignment, _)
            | Act::EndWrapUp(contact, assignment) => holds(contact, assignment),
            Act::Abandon(_)
            | Act::CloseEnquiry(..)
            | Act::Write(..)
            | Act::NeedNoHelp
            | Act::BeReady
            | Act::Browse
            | Act::StartAnew => true,
        };
        if !makes_sense && !self.is_odd(place, 0.2) {
            return;
        }
        match act {
            Act::Abandon(contact) => self.submit(place, Operation::Abandon(contact)),
            Act::AnswerRing(contact, assignment) => self.answer_ring(place, contact, assignment),
            Act::EndTalk(contact, assignment) => self.end_talk(place, contact, assignment),
            Act::InTalk(contact, assignment, turn) => {
                self.submit(place, Operation::InTalk(contact, assignment, turn));
            }
            Act::EndWrapUp(contact, assignment) => {
                self.submit(place, Operation::EndWrapUp(contact, assignment));
            }
            Act::CloseEnquiry(enquiry, answer) => {
                self.submit(place, Operation::CloseEnquiry(enquiry, answer));
            }
            Act::Write(contact, messages) => self.write(place, contact, messages),
            Act::NeedNoHelp => self.submit(place, Operation::AskForHelp(None, false)),
            Act::BeReady => self.submit(place, Operation::Ready),
            Act::Browse => self.browse(place),
            Act::StartAnew => self.start_anew(place),
        }
    }

    fn answer_ring(&mut self, place: usize, contact: ContactId, assignment: AssignmentEpoch) {
        if self.is_odd(place, 0.15) {
            return self.submit(place, Operation::Decline(contact, assignment));
        }
        self.submit(place, Operation::Accept(contact, assignment));
        if self.is_odd(place, 0.05) {
            // Twice, as after a nervous click.
            self.submit(place, Operation::Accept(contact, assignment));
        }
    }

    fn end_talk(&mut self, place: usize, contact: ContactId, assignment: AssignmentEpoch) {
        self.need_help(place, contact);
        if self.take_a_turn(place, contact, assignment) {
            return;
        }
        if self.is_odd(place, 0.1) {
            self.submit(place, Operation::Hold(contact, assignment));
        }
        if self.is_odd(place, 0.15) {
            let queue = centre::some_queue(&mut self.clients[place].rng);
            self.submit(place, Operation::Transfer(contact, assignment, queue));
        }
        if KNOWS_CASES && self.is_odd(place, 0.25) {
            let word = Word::some(&mut self.clients[place].rng);
            self.submit(place, Operation::OfCase(contact, assignment, word));
        }
        self.submit(place, Operation::Complete(contact, assignment));
        if self.is_odd(place, 0.1) {
            self.submit(place, Operation::Extend(contact, assignment));
        }
    }
}
