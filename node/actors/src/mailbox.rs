//! A bounded way into an actor. ractor's mailboxes are unbounded, so each sender holds a permit for every message
//! that the actor has not yet dealt with.

use std::sync::Arc;

use ractor::{ActorRef, Message};
use ringmain_telemetry::{labels, names};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A message with the room it takes in the mailbox.
pub struct Envelope<M> {
    /// What is said.
    pub message: M,
    /// Given back when the actor has dealt with the message.
    pub permit: Option<OwnedSemaphorePermit>,
}

/// Why a message did not get into a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// The actor has as much to do as it may.
    #[error("the mailbox is full")]
    Full,
    /// The actor has ended.
    #[error("the actor has ended")]
    Gone,
}

/// Sends to one actor, never more than the mailbox may hold.
pub struct Mailbox<M: Message> {
    actor: ActorRef<Envelope<M>>,
    permits: Arc<Semaphore>,
    size: usize,
    kind: &'static str,
}

impl<M: Message> Clone for Mailbox<M> {
    fn clone(&self) -> Self {
        Mailbox {
            actor: self.actor.clone(),
            permits: Arc::clone(&self.permits),
            size: self.size,
            kind: self.kind,
        }
    }
}

impl<M: Message> Mailbox<M> {
    /// A way into `actor` for `size` messages at once; `kind` is the actor's kind in metrics.
    #[must_use]
    pub fn new(actor: ActorRef<Envelope<M>>, size: usize, kind: &'static str) -> Mailbox<M> {
        Mailbox { actor, permits: Arc::new(Semaphore::new(size)), size, kind }
    }

    /// Sends if there is room.
    ///
    /// # Errors
    /// [`NotTold::Full`] when there is none, [`NotTold::Gone`] when the actor has ended.
    pub fn try_tell(&self, message: M) -> Result<(), NotTold> {
        let room = self.try_reserve()?;
        self.send(message, room)
    }

    /// Room for one message, if there is any, for [`Mailbox::send`].
    ///
    /// # Errors
    /// [`NotTold::Full`] when there is none.
    pub fn try_reserve(&self) -> Result<OwnedSemaphorePermit, NotTold> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| {
            metrics::counter!(names::MAILBOX_PERMITS_EXHAUSTED, labels::ACTOR => self.kind).increment(1);
            NotTold::Full
        })
    }

    /// Sends as soon as there is room.
    ///
    /// # Errors
    /// [`NotTold::Gone`] when the actor has ended.
    pub async fn tell(&self, message: M) -> Result<(), NotTold> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| NotTold::Gone)?;
        self.send(message, permit)
    }

    /// Sends into room that was reserved.
    ///
    /// # Errors
    /// [`NotTold::Gone`] when the actor has ended.
    pub fn send(&self, message: M, room: OwnedSemaphorePermit) -> Result<(), NotTold> {
        let envelope = Envelope { message, permit: Some(room) };
        self.actor.send_message(envelope).map_err(|_| NotTold::Gone)
    }

    /// Whether nothing sent this way is waiting or being dealt with.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.permits.available_permits() == self.size
    }

    /// The actor behind it.
    #[must_use]
    pub fn actor(&self) -> &ActorRef<Envelope<M>> {
        &self.actor
    }
}
