//! Who is behind the ids of a history: names as the openings of sessions bound them.

use std::collections::BTreeMap;

use ringmain_routing::{Command, GatewayId, Name, OperatorId, Party, Reply};

use super::client_records::HistoryEntry;

/// Names of gateways and logins of operators.
#[derive(Debug, Default)]
pub(super) struct Parties {
    gateways: BTreeMap<GatewayId, Name>,
    operators: BTreeMap<OperatorId, Name>,
}

impl Parties {
    /// Everybody who opened a session.
    pub(super) fn of(history: &[HistoryEntry]) -> Parties {
        let mut parties = Parties::default();
        for entry in history {
            if let (Command::OpenSession(open), Ok(Reply::Opened { party, .. })) =
                (&entry.command, &entry.outcome.reply)
            {
                match *party {
                    Party::Gateway(id) => drop(parties.gateways.insert(id, open.name.clone())),
                    Party::Operator(id) => drop(parties.operators.insert(id, open.name.clone())),
                }
            }
        }
        parties
    }

    /// Name of a gateway; empty for one that never opened a session.
    pub(super) fn gateway(&self, id: GatewayId) -> &str {
        self.gateways.get(&id).map_or("", |name| name)
    }

    /// Login of an operator; empty for one that never opened a session.
    pub(super) fn operator(&self, id: OperatorId) -> &str {
        self.operators.get(&id).map_or("", |name| name)
    }
}
