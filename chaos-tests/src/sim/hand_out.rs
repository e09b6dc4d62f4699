//! Operators who take the next contact, and leads who hand contacts out.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::command::{Action, HandOver, HandOverFrom};
use ringmain_routing::{ContactId, ContactState, Millis, Name, OperatorId, Router};

use super::Sim;
use super::centre::{self, Kind};
use super::events::{Act, Operation};

/// How often somebody looks for something to take.
const BROWSE_MS: (u64, u64) = (200, 1_800);

/// A contact that waits, as a node knows it.
pub(super) fn some_waiting(rng: &mut ChaCha8Rng, router: &Router) -> Option<ContactId> {
    let waiting = router.contacts().filter(|view| view.state == ContactState::Waiting);
    let waiting: Vec<ContactId> = waiting.map(|view| view.id).collect();
    waiting.get(rng.random_range(0..waiting.len().max(1))).copied()
}

impl Sim {
    /// Where contacts may be taken, a desktop shows them from the moment that its operator has signed in.
    pub(super) fn begin_to_browse(&mut self, place: usize) {
        if Kind::of(self.plan.seed).has_rules {
            let (from, to) = BROWSE_MS;
            let delay = self.clients[place].rng.random_range(from..to);
            self.act_later(place, delay, Act::Browse);
        }
    }

    /// The operator takes the next contact, if there is one, and looks again later.
    pub(super) fn browse(&mut self, place: usize) {
        let rng = &mut self.clients[place].rng;
        let queue = rng.random_bool(0.3).then(|| centre::some_queue(rng));
        self.submit(place, Operation::TakeNext(queue));
        self.begin_to_browse(place);
    }

    /// Somebody who may be a lead hands a contact out that waits.
    pub(super) fn hand_out(&mut self, place: usize) {
        let node = self.clients[place].rng.random_range(0..self.nodes.len());
        let rng = &mut self.clients[place].rng;
        let Some(contact) = some_waiting(rng, &self.nodes[node].router) else { return };
        let (to, hold) = (centre::login(rng.random_range(0..4)), Millis(rng.random_range(1..3_000)));
        self.submit(place, Operation::HandOut(contact, to, hold));
    }
}

/// Somebody who has something in hand goes home, or else the operator of this login.
pub(super) fn shift_over(rng: &mut ChaCha8Rng, router: &Router, login: Name) -> Action {
    let holder = |state: ContactState| match state {
        ContactState::Offered { operator, .. } | ContactState::Handling { operator, .. } => Some(operator),
        ContactState::Waiting | ContactState::WrapUp { .. } | ContactState::Ended { .. } => None,
    };
    let in_hand: Vec<(ContactId, OperatorId)> =
        router.contacts().filter_map(|view| Some((view.id, holder(view.state)?))).collect();
    let chosen = in_hand.get(rng.random_range(0..in_hand.len().max(1)));
    let holder = chosen.and_then(|(contact, operator)| Some((*contact, router.operator(*operator)?.login)));
    let (from, notes) = match holder {
        Some((contact, login)) => (login, vec![(contact, "half done".into())]),
        None => (login, Vec::new()),
    };
    let to = rng.random_bool(0.7).then(|| centre::login(rng.random_range(0..4)));
    let hold = Millis(rng.random_range(1..3_000));
    Action::HandOver(Box::new(HandOver { from: HandOverFrom::Operator(from), to, hold, notes }))
}
