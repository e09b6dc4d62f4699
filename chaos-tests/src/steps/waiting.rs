//! What becomes of those who wait, in small numbers.

use ringmain_routing::command::DeflectContact;
use ringmain_routing::rules::{QueueRules, Treatment, WaitRule};
use ringmain_routing::{Command, Millis};

use super::ContactPick;
use super::resolve::contact_of_gateway;
use super::world::pick;
use crate::model::{ContactState, Model};

/// What may be offered to those who wait; the last two may not.
const TREATMENTS: [Treatment; 5] =
    [Treatment::CallBack, Treatment::Voicemail, Treatment::Message, Treatment::Queue, Treatment::Refuse];

/// What a queue says of those who wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitingSpec {
    /// After so long behind the one before this is offered, or the contact leaves by it.
    pub waits: [Option<(u8, u8, bool)>; 3],
    /// Thresholds of the expected wait that is told, each behind the one before.
    pub bands: [Option<u8>; 2],
    /// Its leads hear of it after so long.
    pub alarm_after: Option<u8>,
}

/// A customer takes what was offered.
#[derive(Clone, Copy, Debug)]
pub struct DeflectSpec {
    /// Which.
    pub pick: ContactPick,
    /// Which of what was offered, or anything.
    pub to: u8,
}

pub(super) fn put_into(rules: &mut QueueRules, spec: WaitingSpec) {
    let mut after = 0;
    for (gap, to, leave) in spec.waits.into_iter().flatten() {
        after += u64::from(gap);
        rules.waits.push(WaitRule { after: Millis(after), to: pick(&TREATMENTS, to), leave });
    }
    let mut band = 0;
    for gap in spec.bands.into_iter().flatten() {
        band += u64::from(gap);
        rules.bands.push(Millis(band));
    }
    rules.alarm_after = spec.alarm_after.map(|ms| Millis(u64::from(ms)));
}

pub(super) fn deflect(spec: &DeflectSpec, model: &Model) -> Command {
    let is_open = |state: &ContactState| match state {
        ContactState::Waiting | ContactState::Offered { .. } => true,
        ContactState::Handling { .. } | ContactState::WrapUp { .. } | ContactState::Ended { .. } => false,
    };
    let offered = |id| model.contact(id).map(|row| row.offered.clone()).unwrap_or_default();
    let suits = |row: &crate::model::Contact| is_open(&row.state) && !row.offered.is_empty();
    let (contact, gateway, epoch) = contact_of_gateway(spec.pick, model, suits);
    let offered: Vec<Treatment> = offered(contact).into_iter().collect();
    let to = offered.get(usize::from(spec.to)).copied().unwrap_or(pick(&TREATMENTS, spec.to));
    Command::DeflectContact(DeflectContact { gateway, epoch, contact, to })
}
