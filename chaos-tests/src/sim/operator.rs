//! What gateways and operators do with what they hear.

use rand::RngExt;
use ringmain_routing::command::Role;
use ringmain_routing::effect::PresenceState;
use ringmain_routing::{AssignmentEpoch, ContactId, ContactState, ContactView, Effect};

use super::Sim;
use super::centre;
use super::events::{Event, Intent, Operation};

impl Sim {
    /// Now and then a gateway brings a contact and an operator takes a break.
    pub(super) fn live(&mut self, place: usize) {
        if self.healing {
            return;
        }
        let pause = self.rng.random_range(20..900);
        self.schedule(pause, Event::Live(place));
        match self.clients[place].role {
            Role::Gateway => self.bring(place),
            Role::Operator => {
                if self.rng.random_bool(0.05) {
                    self.submit(place, Operation::Pause);
                }
            }
        }
    }

    fn bring(&mut self, place: usize) {
        let row = &mut self.clients[place];
        row.brought += 1;
        let key = format!("{}-{}", row.name, row.brought);
        let order = centre::order(&mut self.rng, key.into(), self.now);
        self.clients[place].orders.insert(order.key.clone(), order.clone());
        self.submit(place, Operation::Bring(Box::new(order)));
    }

    /// A client takes in an event.
    pub(super) fn react(&mut self, place: usize, effect: &Effect) {
        match (self.clients[place].role, *effect) {
            (Role::Gateway, Effect::AnnounceQueued { contact, .. }) => {
                if self.mishap(0.15) {
                    let patience = self.rng.random_range(100..6_000);
                    self.intend(place, patience, Intent::Abandon(contact));
                }
            }
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
            }
            (Role::Operator, Effect::StartWrapUp { contact, assignment, .. }) => {
                if self.rng.random_bool(0.5) {
                    let delay = self.rng.random_range(10..400);
                    self.intend(place, delay, Intent::EndWrapUp(contact, assignment));
                }
            }
            (Role::Operator, Effect::AnnouncePresence { presence, .. }) => {
                if presence != PresenceState::Ready {
                    let delay = self.rng.random_range(50..1_500);
                    self.intend(place, delay, Intent::BeReady);
                }
            }
            (Role::Gateway | Role::Operator, _) => {}
        }
    }

    fn take_in_hand(&mut self, place: usize, contact: ContactId, assignment: AssignmentEpoch) {
        self.clients[place].hands.insert(contact, assignment);
    }

    fn plan_answer(&mut self, place: usize, contact: ContactId, assignment: AssignmentEpoch) {
        if !self.mishap(0.1) {
            let delay = self.rng.random_range(10..600);
            self.intend(place, delay, Intent::AnswerRing(contact, assignment));
        }
    }

    fn plan_end_of_talk(&mut self, place: usize, contact: ContactId, assignment: AssignmentEpoch) {
        let delay = self.rng.random_range(20..1_200);
        self.intend(place, delay, Intent::EndTalk(contact, assignment));
    }

    /// The full list of what lives replaces what the desktop knew.
    pub(super) fn replace_hands(&mut self, place: usize, contacts: &[ContactView]) {
        if self.clients[place].role == Role::Gateway {
            return;
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

    fn intend(&mut self, client: usize, delay: u64, intent: Intent) {
        self.schedule(delay, Event::Act { client, intent });
    }

    /// A client does what it meant to do, if that still makes sense to it; sometimes also if it does not.
    pub(super) fn act(&mut self, place: usize, intent: Intent) {
        let holds = |contact: ContactId, assignment: AssignmentEpoch| {
            self.clients[place].hands.get(&contact) == Some(&assignment)
        };
        let makes_sense = match intent {
            Intent::AnswerRing(contact, assignment)
            | Intent::EndTalk(contact, assignment)
            | Intent::EndWrapUp(contact, assignment) => holds(contact, assignment),
            Intent::Abandon(_) | Intent::BeReady | Intent::StartAnew => true,
        };
        if !makes_sense && !self.mishap(0.2) {
            return;
        }
        match intent {
            Intent::Abandon(contact) => self.submit(place, Operation::Abandon(contact)),
            Intent::AnswerRing(contact, assignment) => {
                let operation = if self.mishap(0.15) {
                    Operation::Decline(contact, assignment)
                } else {
                    Operation::Accept(contact, assignment)
                };
                self.submit(place, operation);
            }
            Intent::EndTalk(contact, assignment) => {
                if self.mishap(0.1) {
                    self.submit(place, Operation::Hold(contact, assignment));
                }
                if self.mishap(0.15) {
                    let queue = centre::some_queue(&mut self.rng);
                    self.submit(place, Operation::Transfer(contact, assignment, queue));
                }
                self.submit(place, Operation::Complete(contact, assignment));
                if self.mishap(0.1) {
                    self.submit(place, Operation::Extend(contact, assignment));
                }
            }
            Intent::EndWrapUp(contact, assignment) => {
                self.submit(place, Operation::EndWrapUp(contact, assignment))
            }
            Intent::BeReady => self.submit(place, Operation::Ready),
            Intent::StartAnew => self.start_anew(place),
        }
    }
}
