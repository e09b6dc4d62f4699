//! The actor of one signed-in operator. It holds the desktop's stream and puts the desktop's commands to the log in the
//! order in which they came, so that a completion never overtakes its acceptance; it does not wait for one before the
//! next, so that who serves many is not held up by the way to the log.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use ringmain_replication::{Answer, ProposeError, Replica};
use ringmain_routing::Command;
use tracing::Instrument;

use crate::event::{Ticket, Unanswered};
use crate::hub::{Hub, Outlet};
use crate::limits;
use crate::mailbox::{Envelope, Mailbox};
use crate::offers::OfferTimes;
use crate::proposals::propose_timed;
use crate::session::{Over, Progress, SessionSeed, Stream, StreamMessage, stop_if_over};
use crate::task::{Alive, spawn_named};

/// Holds the stream of one operator; owns no truth.
pub(crate) struct OperatorActor;

/// What an operator's actor is told.
pub(crate) enum OperatorMessage {
    /// By the delivery task or the supervisor.
    Stream(StreamMessage),
    /// By the desktop.
    Request { ticket: Ticket, command: Command },
    /// By the log.
    Answered { ticket: Ticket, answer: Result<Answer, ProposeError> },
    #[cfg(test)]
    Panic,
}

/// What an operator's actor starts from.
pub(crate) struct OperatorArgs {
    pub(crate) seed: SessionSeed,
    pub(crate) hub: Hub,
    pub(crate) replica: Replica,
    pub(crate) offers: OfferTimes,
    pub(crate) progress: Arc<Progress>,
}

pub(crate) struct OperatorState {
    stream: Stream,
    replica: Replica,
    offers: OfferTimes,
    /// Commands that are with the log; no more than the session's credits.
    asked: u32,
    /// The log has ended the session; what is with the log is answered yet (it may have been the signing out).
    ending: bool,
    _alive: Alive,
}

impl Actor for OperatorActor {
    type Msg = Envelope<OperatorMessage>;
    type State = OperatorState;
    type Arguments = OperatorArgs;

    async fn pre_start(
        &self,
        myself: ActorRef<Self::Msg>,
        args: OperatorArgs,
    ) -> Result<OperatorState, ActorProcessingErr> {
        let OperatorArgs { seed, hub, replica, offers, progress } = args;
        let outlet = Outlet::Operator(Mailbox::new(myself, limits::SESSION_EFFECTS_MAX, "operator"));
        let stream = Stream::open(seed, hub, replica.clone(), offers.clone(), outlet, progress);
        let _alive = Alive::new("operator");
        Ok(OperatorState { stream, replica, offers, asked: 0, ending: false, _alive })
    }

    async fn post_start(
        &self,
        myself: ActorRef<Self::Msg>,
        state: &mut OperatorState,
    ) -> Result<(), ActorProcessingErr> {
        let started = state.stream.start().await;
        stop_if_over(&myself, started);
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<Self::Msg>,
        envelope: Self::Msg,
        state: &mut OperatorState,
    ) -> Result<(), ActorProcessingErr> {
        let Envelope { message, permit } = envelope;
        let mut heeded = state.heed(message, &myself).await;
        drop(permit);
        if heeded.is_ok() && !state.ending {
            heeded = state.stream.settle().await;
        }
        stop_if_over(&myself, state.end_in_order(heeded));
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Self::Msg>,
        state: &mut OperatorState,
    ) -> Result<(), ActorProcessingErr> {
        state.stream.close();
        Ok(())
    }
}

impl OperatorState {
    async fn heed(
        &mut self,
        message: OperatorMessage,
        myself: &ActorRef<Envelope<OperatorMessage>>,
    ) -> Result<(), Over> {
        match message {
            OperatorMessage::Stream(message) => self.stream.heed(message).await,
            OperatorMessage::Request { ticket, command } => self.ask(ticket, &command, myself).await,
            OperatorMessage::Answered { ticket, answer } => {
                self.asked -= 1;
                Ok(ticket.answer(answer.map_err(Unanswered::from), 0).await?)
            }
            #[cfg(test)]
            OperatorMessage::Panic => panic!("asked to"),
        }
    }

    /// Puts off the end of the session until what is with the log is answered.
    fn end_in_order(&mut self, heeded: Result<(), Over>) -> Result<(), Over> {
        match heeded {
            Err(Over::StreamGone) => return Err(Over::StreamGone),
            Err(Over::Ended) => self.ending = true,
            Ok(()) => {}
        }
        if self.ending && self.asked == 0 { Err(Over::Ended) } else { Ok(()) }
    }

    /// Puts a command to the log, behind those that came before. The actor goes on meanwhile.
    async fn ask(
        &mut self,
        ticket: Ticket,
        command: &Command,
        myself: &ActorRef<Envelope<OperatorMessage>>,
    ) -> Result<(), Over> {
        let span = ticket.span();
        let answer = match span.in_scope(|| propose_timed(&self.replica, &self.offers, command)) {
            Ok(answer) => answer,
            Err(error) => return Ok(ticket.answer(Err(Unanswered::from(error)), 0).await?),
        };
        self.asked += 1;
        let myself = myself.clone();
        spawn_named("operator-command", async move {
            let answer = answer.instrument(span).await;
            let message = OperatorMessage::Answered { ticket, answer };
            // An actor that has ended has no client to answer.
            drop(myself.send_message(Envelope { message, permit: None }));
        });
        Ok(())
    }
}
