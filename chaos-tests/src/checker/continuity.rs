//! Whether a client was told everything that concerned it, in order and each once, over all of its streams.

use ringmain_routing::{Effect, LogIndex, Position};
use serde::{Deserialize, Serialize};

use super::client_records::HistoryEntry;
use super::parties::Parties;

/// Something that reached a client and moved its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delivery {
    /// An event.
    Event(Position),
    /// The full list of what lives, up to there: it stands for all events before.
    Resync(Position),
}

/// How whole a client's events were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continuity {
    /// Events that reached the client.
    pub delivered: u64,
    /// Full lists that did.
    pub resyncs: u64,
    /// Events that concerned the client and never reached it, nor a list in their place.
    pub missed: u64,
    /// Events that came again, or after a later one.
    pub repeated: u64,
}

/// Holds what a client took in against the effects that the history has for it, up to a log index.
#[must_use]
pub fn continuity(
    client: &str,
    deliveries: &[Delivery],
    history: &[HistoryEntry],
    until: LogIndex,
) -> Continuity {
    let parties = Parties::of(history);
    let expected = expected(client, history, &parties, until);
    let mut found = Continuity::default();
    let mut cursor = Position::default();
    let mut next = 0;
    for delivery in deliveries {
        let (position, excused) = match *delivery {
            Delivery::Event(position) => (position, false),
            Delivery::Resync(position) => (position, true),
        };
        found.delivered += u64::from(!excused);
        found.resyncs += u64::from(excused);
        if !excused && position <= cursor {
            found.repeated += 1;
            continue;
        }
        let passed = expected[next..].iter().take_while(|other| **other < position).count();
        found.missed += if excused { 0 } else { passed as u64 };
        next += passed;
        next += usize::from(expected.get(next) == Some(&position));
        cursor = cursor.max(position);
    }
    found.missed += (expected.len() - next) as u64;
    found
}

fn expected(client: &str, history: &[HistoryEntry], parties: &Parties, until: LogIndex) -> Vec<Position> {
    let concerns = |effect: &Effect| {
        let is_told = !matches!(effect, Effect::EndStream { .. });
        let by_gateway = effect.gateway().is_some_and(|id| parties.gateway(id) == client);
        is_told && (by_gateway || effect.operator().is_some_and(|id| parties.operator(id) == client))
    };
    let entries = history.iter().take_while(|entry| entry.log_index <= until.0);
    let positions = entries.flat_map(|entry| {
        let numbered = (0u32..).zip(&entry.outcome.effects);
        numbered
            .filter(|(_, effect)| concerns(effect))
            .map(|(n, _)| Position { index: LogIndex(entry.log_index), n })
    });
    positions.collect()
}
