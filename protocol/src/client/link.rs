//! The stream of a session, from the attempt to open it, and what can happen to it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use ringmain_routing::client::ConnectionId;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::driver::Submit;
use super::role::Role;

pub(super) type Opening<R> =
    Pin<Box<dyn Future<Output = Result<Streaming<<R as Role>::Down>, Status>> + Send>>;

pub(super) enum Link<R: Role> {
    /// Between attempts.
    None,
    Opening {
        connection: ConnectionId,
        up: mpsc::Sender<R::Up>,
        opening: Opening<R>,
    },
    Open {
        connection: ConnectionId,
        up: mpsc::Sender<R::Up>,
        down: Box<Streaming<R::Down>>,
    },
}

/// What the task of a session waits for.
pub(super) enum Input<R: Role> {
    Due,
    Submitted(Option<Submit<R>>),
    Opened(Result<Box<Streaming<R::Down>>, Box<Status>>),
    Down(Result<Option<R::Down>, Box<Status>>),
    Flushed,
    UpClosed,
    OwnerGone,
}

impl<R: Role> Link<R> {
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Link::None => None,
            Link::Opening { connection, .. } | Link::Open { connection, .. } => Some(*connection),
        }
    }

    pub(super) fn up(&self) -> Option<&mpsc::Sender<R::Up>> {
        match self {
            Link::None => None,
            Link::Opening { up, .. } | Link::Open { up, .. } => Some(up),
        }
    }

    pub(super) fn opened(&mut self, down: Box<Streaming<R::Down>>) {
        *self = match std::mem::replace(self, Link::None) {
            Link::Opening { connection, up, .. } => Link::Open { connection, up, down },
            other @ (Link::None | Link::Open { .. }) => other,
        };
    }

    pub(super) async fn next(&mut self, reading: bool) -> Input<R> {
        match self {
            Link::Opening { opening, .. } => Input::Opened(opening.await.map(Box::new).map_err(Box::new)),
            Link::Open { down, .. } if reading => Input::Down(down.message().await.map_err(Box::new)),
            Link::None | Link::Open { .. } => std::future::pending().await,
        }
    }
}

/// Moves what waits into the channel as soon as there is room; never ends when nothing waits.
pub(super) async fn flush<T, R: Role>(
    channel: Option<mpsc::Sender<T>>,
    waiting: &mut VecDeque<T>,
    closed: Input<R>,
) -> Input<R> {
    let (Some(channel), false) = (channel, waiting.is_empty()) else { return std::future::pending().await };
    while !waiting.is_empty() {
        let Ok(permit) = channel.reserve().await else { return closed };
        if let Some(message) = waiting.pop_front() {
            permit.send(message);
        }
    }
    Input::Flushed
}
