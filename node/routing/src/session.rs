//! Sessions of gateways and operators: which node holds the stream, under which epoch, and the grace after its
//! loss. The rules that open, lose and close them are in `commands/`.

use serde::{Deserialize, Serialize};

use crate::ids::{Epoch, Incarnation, Name, NodeId, Party, Timestamp};
use crate::planted::{Planted, is};
use crate::refusal::Refusal;

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionState {
    /// No session.
    #[default]
    None,
    /// A stream on a node.
    Live {
        /// Which node.
        node: NodeId,
        /// Which run of it.
        incarnation: Incarnation,
    },
    /// The stream is gone; it may come back on any node until then.
    Grace {
        /// When it ends for good.
        until: Timestamp,
    },
}

/// A party's session as part of its row.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Session {
    pub state: SessionState,
    pub epoch: Epoch,
    /// Of the last opening.
    pub nonce: u64,
    /// The last presence declaration of this epoch.
    pub presence_seq: u64,
}

impl Session {
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, SessionState::Live { .. })
    }

    /// Live, or in grace.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state, SessionState::None)
    }

    /// Lets a command of this epoch pass.
    pub(crate) fn admit(&self, epoch: Epoch) -> Result<(), Refusal> {
        if self.epoch != epoch && !is(Planted::StaleEpochAccepted) {
            return Err(Refusal::StaleEpoch { current: self.epoch });
        }
        if self.is_live() { Ok(()) } else { Err(Refusal::NotSignedIn) }
    }

    pub(crate) fn view(&self, party: Party, name: Name) -> SessionView {
        let Session { state, epoch, nonce, presence_seq: _ } = *self;
        SessionView { party, name, epoch, state, nonce }
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            SessionState::Grace { until } => Some(until),
            SessionState::None | SessionState::Live { .. } => None,
        }
    }
}

/// A gateway as a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Gateway {
    pub name: Name,
    pub session: Session,
}

/// A party's session as others may see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionView {
    /// Whose.
    pub party: Party,
    /// The gateway's name or the operator's login.
    pub name: Name,
    /// How often it was opened.
    pub epoch: Epoch,
    /// Where it is in its life.
    pub state: SessionState,
    /// What the client chose for the last opening.
    pub nonce: u64,
}
