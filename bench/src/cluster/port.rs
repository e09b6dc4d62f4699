//! Where contacts are brought: to a gateway, which has a window.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;

/// A contact of a step, as its key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ContactNumber {
    pub(super) step: u32,
    pub(super) number: u32,
}

impl ContactNumber {
    pub(super) fn key(self) -> String {
        format!("s{}-{}", self.step, self.number)
    }

    pub(super) fn of_key(key: &str) -> Option<ContactNumber> {
        let (step, number) = key.strip_prefix('s')?.split_once('-')?;
        Some(ContactNumber { step: step.parse().ok()?, number: number.parse().ok()? })
    }
}

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
