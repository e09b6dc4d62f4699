//! Supervisors beside talks in a simulated centre, and operators who ask for help; and work that is interrupted there.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::command::{Action, AskForHelp};
use ringmain_routing::rules::{Interruptible, QueueRules};
use ringmain_routing::{
    Command, ContactId, ContactState, ContactView, Epoch, Name, OperatorId, Router, SupervisedBy,
};

use super::Sim;
use super::centre::{CHANNELS, Kind};
use super::events::{Act, Operation};

/// The queue's work may be interrupted.
pub(super) fn put_into_queue(rng: &mut ChaCha8Rng, rules: &mut QueueRules) {
    if rng.random_bool(0.3) {
        return;
    }
    let channel = CHANNELS[rng.random_range(0..CHANNELS.len())];
    rules.interruptible = Some(Interruptible {
        by_tier: rng.random_range(0..5),
        by_channels: if rng.random_bool(0.4) { vec![channel.into()] } else { Vec::new() },
        parks_max: rng.random_range(1..4),
    });
}

/// A supervisor sits down beside a talk, leaves it, or helps whoever asks; `None` when nobody talks.
pub(super) fn some_action(rng: &mut ChaCha8Rng, router: &Router) -> Option<Action> {
    let asking: Vec<Name> =
        router.operators().filter(|view| view.help.is_some()).map(|view| view.login.clone()).collect();
    if !asking.is_empty() && rng.random_bool(0.4) {
        return Some(Action::AnswerHelp { login: asking[rng.random_range(0..asking.len())].clone() });
    }
    let talks = |view: &ContactView| matches!(view.state, ContactState::Handling { .. });
    let talks: Vec<ContactId> = router.contacts().filter(talks).map(|view| view.id).collect();
    let contact = talks.get(rng.random_range(0..talks.len().max(1))).copied()?;
    let ways = [SupervisedBy::Listening, SupervisedBy::Whispering, SupervisedBy::Barging];
    Some(Action::Supervise { contact, how: ways.get(rng.random_range(0..4)).copied() })
}

pub(super) fn ask(
    (operator, epoch, seq): (OperatorId, Epoch, u64),
    contact: Option<ContactId>,
    on: bool,
) -> Command {
    Command::AskForHelp(AskForHelp { operator, epoch, seq, contact, on })
}

impl Sim {
    /// In the middle of a talk somebody asks for help now and then, and sometimes needs none any more.
    pub(super) fn need_help(&mut self, place: usize, contact: ContactId) {
        if !Kind::of(self.plan.seed).has_supervision || !self.clients[place].rng.random_bool(0.4) {
            return;
        }
        let rng = &mut self.clients[place].rng;
        let (about, is_over) = (rng.random_bool(0.7).then_some(contact), rng.random_bool(0.3));
        self.submit(place, Operation::AskForHelp(about, true));
        if is_over {
            let delay = self.within(place, 50, 900);
            self.act_later(place, delay, Act::NeedNoHelp);
        }
    }
}
