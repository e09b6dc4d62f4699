//! What a session without a stream is told when it asks. Reads the ring and the replicated state; nothing is kept for
//! the client between two of its questions, so that it may ask again, or ask another node.

use std::collections::VecDeque;

use ringmain_replication::Replica;
use ringmain_routing::delivery::{Delivered, Pulled};
use ringmain_routing::{ContactId, Effect, Party, Position};
use ringmain_telemetry::{labels, names};

use crate::event::Resync;
use crate::hub::{Hub, delivered_to, role_label};
use crate::limits;
use crate::session::{next_part, operator_of};

/// What there is behind a client's cursor.
#[derive(Clone, Debug)]
pub enum Polled {
    /// The next effects, oldest first; never none.
    Effects(Vec<Delivered>),
    /// Nothing yet.
    Nothing,
    /// The effects are no longer at hand: ask for what is live ([`crate::Sessions::live_part`]).
    TooOld,
}

/// A part of what is live, and where the next part begins.
#[derive(Clone, Debug)]
pub struct LivePart {
    /// The part.
    pub resync: Resync,
    /// To be given for the next part; `None` after the last.
    pub next: Option<u32>,
}

pub(crate) fn poll(hub: &Hub, party: Party, after: Position, max: usize) -> Polled {
    match hub.read(party, after, max.clamp(1, limits::PULL_EFFECTS_MAX)) {
        Pulled::Effects(effects) => {
            let told = effects.iter().filter(|effect| !matches!(effect.effect, Effect::EndStream { .. }));
            delivered_to(party).increment(told.count() as u64);
            Polled::Effects(effects)
        }
        Pulled::CaughtUp | Pulled::Unknown => Polled::Nothing,
        Pulled::TooOld => Polled::TooOld,
    }
}

/// The part that begins at slot `from`. A list that begins is as of now; its later parts keep the position of the first.
pub(crate) fn live_part(replica: &Replica, party: Party, as_of: Option<Position>, from: u32) -> LivePart {
    let part = replica.read(|router| {
        let ids = router.live_contact_ids_from(party, from, limits::PART_CONTACTS_MAX + 1);
        let mut ids: VecDeque<ContactId> = ids.into();
        let contacts = next_part(router, &mut ids);
        let as_of = as_of.unwrap_or_else(|| Position::end_of(router.index()));
        let next = ids.front().map(|contact| contact.slot);
        let (operator, last) = (operator_of(router, party), next.is_none());
        LivePart { resync: Resync { as_of, contacts, operator, last }, next }
    });
    if part.next.is_none() {
        metrics::counter!(names::RESYNCS, labels::ROLE => role_label(party)).increment(1);
    }
    part
}
