//! The way of a command of this node's clients, as spans: `rpc` from the client's message to its answer (made by those
//! who take the message), below it `propose` until this node has applied the command, `apply` while the core decides,
//! `deliver` while its effects are handed to streams of this node. Spans carry names and numbers of ours, nothing of a
//! customer. As long as nobody collects spans of [`TARGET`], a command's way costs a look at a flag.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ringmain_routing::{Command, LogIndex};
use tracing::Span;
use tracing::field::Empty;

/// The target of these spans, and of nothing else: those who want them ask for it at the level `trace`.
pub const TARGET: &str = "ringmain::way";

/// Commands applied and not yet handed out that are remembered; the oldest gives way.
const OPEN_MAX: usize = 1_024;

/// Whether anybody collects these spans.
#[must_use]
pub fn is_wanted() -> bool {
    tracing::enabled!(target: TARGET, tracing::Level::TRACE)
}

/// The span of a session's message, below that of the call that brought it, if one did.
#[must_use]
pub fn rpc(role: &'static str) -> Span {
    tracing::trace_span!(target: TARGET, "rpc", role)
}

/// The span of a call of this method.
#[must_use]
pub fn call(method: &'static str) -> Span {
    tracing::trace_span!(target: TARGET, parent: None, "rpc", method)
}

/// The spans of one open command.
#[derive(Clone, Debug)]
pub struct Way {
    rpc: Span,
    propose: Span,
}

impl Way {
    /// Begins where the command is proposed: below the present span.
    #[must_use]
    pub fn begin(command: &Command) -> Way {
        let propose =
            tracing::trace_span!(target: TARGET, "propose", command = command.name(), log_index = Empty);
        let rpc = if propose.is_disabled() { Span::none() } else { Span::current() };
        Way { rpc, propose }
    }

    /// Carries the decision out below the command's span.
    pub fn applying<R>(way: Option<&Way>, decide: impl FnOnce() -> R) -> R {
        match way {
            Some(way) => tracing::trace_span!(target: TARGET, parent: &way.propose, "apply").in_scope(decide),
            None => decide(),
        }
    }

    /// Whether anybody collects it.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        !self.propose.is_disabled()
    }
}

/// The ways of commands whose effects are still to be handed out.
#[derive(Debug, Default)]
pub struct Ways {
    open: Mutex<BTreeMap<LogIndex, Span>>,
}

impl Ways {
    /// The command has this place in the log.
    pub fn keep(&self, index: LogIndex, way: Way) {
        way.propose.record("log_index", index.0);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(index, if way.rpc.is_disabled() { way.propose } else { way.rpc });
        if open.len() > OPEN_MAX {
            open.pop_first();
        }
    }

    /// The span in which the effects of this command are handed out; one that nobody sees where it is not followed.
    #[must_use]
    pub fn deliver(&self, index: LogIndex) -> Span {
        if !is_wanted() {
            return Span::none();
        }
        let parent = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&index);
        parent.map_or_else(
            Span::none,
            |parent| tracing::trace_span!(target: TARGET, parent: &parent, "deliver", log_index = index.0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_that_nobody_walks_to_their_end_are_bounded() {
        let ways = Ways::default();
        for index in 0..5_000 {
            ways.keep(LogIndex(index), Way::begin(&Command::Tick));
        }
        assert_eq!(ways.open.lock().unwrap().len(), OPEN_MAX);
        assert!(ways.deliver(LogIndex(4_999)).is_disabled(), "nobody collects spans in this test");
    }
}
