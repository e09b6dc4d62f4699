//! Where contacts are brought: to a gateway, which has a window.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;

use super::book::ContactNumber;

/// A contact on its way to a gateway.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub(super) contact: ContactNumber,
    pub(super) tier: u32,
}

/// Where contacts are brought to one gateway; holds no more than its window.
#[derive(Clone)]
pub struct Port {
    /// Which gateway.
    pub(super) gateway: u32,
    arrivals: mpsc::Sender<Arrival>,
    unanswered: Arc<AtomicU32>,
    window: u32,
}

impl Port {
    /// The port of a gateway with a number and a window, and what is brought there.
    pub(super) fn new(gateway: u32, window: u32) -> (Port, mpsc::Receiver<Arrival>) {
        let (arrivals, inbox) = mpsc::channel(window.max(1) as usize);
        (Port { gateway, arrivals, unanswered: Arc::default(), window }, inbox)
    }

    /// Brings a contact; `false` when as many pushes as the window allows are unanswered.
    pub(super) fn bring(&self, arrival: Arrival) -> bool {
        // Only one thread brings contacts, so what it finds below the window stays there.
        if self.unanswered.load(Ordering::Relaxed) >= self.window {
            return false;
        }
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        let is_brought = self.arrivals.try_send(arrival).is_ok();
        if !is_brought {
            self.unanswered.fetch_sub(1, Ordering::Relaxed);
        }
        is_brought
    }

    /// A contact that was brought has its answer.
    pub(super) fn answered(&self) {
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
    }
}
