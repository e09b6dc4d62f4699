//! Routes as a part of the plan: the ways that cases go, stage by stage.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::ids::{Millis, Name};

/// A way through the back office: stages, each with a term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Its name, one of a kind in the plan.
    pub name: Name,
    /// 1 to [`crate::limits::STAGES_MAX`], in their order. A case knows its stage by its place here.
    pub stages: Vec<Stage>,
    /// Working time until all of it is due; `None` for no date of its own.
    pub term: Option<Millis>,
    /// What counts as working time where no unit of the customer says so; `None` for every moment.
    pub calendar: Option<Name>,
}

/// One stage of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name, one of a kind in the route.
    pub name: Name,
    /// The queue in which its contact waits for an operator.
    pub queue: Name,
    /// Working time until it is due.
    pub term: Millis,
    /// Working time before that at which it is near; 0 for no warning.
    pub warn_before: Millis,
    /// Where its contact goes that nobody has in hand when it is due.
    pub escalate_to: Option<Name>,
    /// Operators who hear of warning and deadline, at most [`crate::limits::WATCHERS_MAX`]. An unknown login is
    /// nobody to tell.
    pub watchers: Vec<Name>,
    /// Only cases whose customer wants the answer in one of these ways have the stage; none named: every case. At most
    /// [`crate::limits::REPLY_WAYS_MAX`].
    pub reply_by: Vec<Name>,
    /// The channel of its contact; `None` for that of the one before.
    pub channel: Option<Name>,
    /// Its contact is a call-back order of the customer's phone for these principals; `None` where nobody is called.
    pub call_back: Option<Name>,
}

impl Stage {
    /// Whether it is for cases whose customer wants this answer.
    pub(crate) fn is_for(&self, way: Option<&Name>) -> bool {
        self.reply_by.is_empty() || way.is_some_and(|way| self.reply_by.contains(way))
    }
}
