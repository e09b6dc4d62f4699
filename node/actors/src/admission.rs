//! How much a client may have under way at once. What a node has in hand decides: first it turns reads away, then it
//! lowers the credits of gateways, and last it refuses new work; life safety and what ends work have room to the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::limits;

/// The credits of a gateway, by those granted so far and the commands that the node has in hand. Between the two marks
/// nothing changes, so that credits do not flutter.
pub(crate) fn gateway_credits(granted: u32, open: usize) -> u32 {
    if open >= limits::CREDITS_LOWERED_OPEN {
        limits::GATEWAY_CREDITS_LOW
    } else if open <= limits::CREDITS_RAISED_OPEN {
        limits::GATEWAY_CREDITS
    } else {
        granted
    }
}

/// Whether reads for dashboards are answered with so many commands in hand.
#[must_use]
pub fn answers_reads(open: usize) -> bool {
    open < limits::READS_SHED_OPEN
}

/// How many operations of a session may be unanswered, and how many are.
#[derive(Debug)]
pub(crate) struct Credits {
    granted: AtomicU32,
    used: AtomicU32,
}

/// One operation under way; its credit comes back when it is dropped.
#[derive(Debug)]
pub(crate) struct Credit {
    credits: Arc<Credits>,
}

impl Credits {
    pub(crate) fn new(granted: u32) -> Arc<Credits> {
        Arc::new(Credits { granted: AtomicU32::new(granted), used: AtomicU32::new(0) })
    }

    pub(crate) fn granted(&self) -> u32 {
        self.granted.load(Ordering::Relaxed)
    }

    /// What is under way goes on; with fewer credits than that nothing more is taken.
    pub(crate) fn grant(&self, credits: u32) {
        self.granted.store(credits, Ordering::Relaxed);
    }

    /// A credit, if there is one; `reserve` are at hand beyond those granted.
    pub(crate) fn take(self: &Arc<Self>, reserve: u32) -> Option<Credit> {
        let max = self.granted().saturating_add(reserve);
        let more = |used: u32| (used < max).then_some(used + 1);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Credit { credits: Arc::clone(self) })
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.credits.used.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_fall_under_load_and_rise_when_it_is_worked_off() {
        let mut granted = limits::GATEWAY_CREDITS;
        let mut seen = Vec::new();
        for open in [0, 2_000, 4_095, 4_096, 8_000, 4_095, 1_025, 1_024, 2_000] {
            granted = gateway_credits(granted, open);
            seen.push(granted);
        }
        assert_eq!(seen, [512, 512, 512, 64, 64, 64, 64, 512, 512]);
    }

    #[test]
    fn reads_are_the_first_to_go() {
        assert!(answers_reads(limits::READS_SHED_OPEN - 1) && !answers_reads(limits::READS_SHED_OPEN));
        let credits = |open| gateway_credits(limits::GATEWAY_CREDITS, open);
        assert_eq!(credits(limits::READS_SHED_OPEN), limits::GATEWAY_CREDITS, "work goes on meanwhile");
    }

    #[test]
    fn never_more_is_under_way_than_there_are_credits() {
        let credits = Credits::new(3);
        let mut held: Vec<_> = (0..3).map(|_| credits.take(0).unwrap()).collect();
        assert!(credits.take(0).is_none());
        held.pop();
        held.push(credits.take(0).unwrap());
        credits.grant(1);
        held.pop();
        held.pop();
        assert!(credits.take(0).is_none(), "one is under way, and one is granted");
        held.pop();
        assert!(credits.take(0).is_some());
    }

    #[test]
    fn life_safety_has_credits_beyond_those_granted() {
        let credits = Credits::new(1);
        let _held = credits.take(0).unwrap();
        assert!(credits.take(0).is_none());
        let reserved: Vec<_> = std::iter::from_fn(|| credits.take(2)).collect();
        assert_eq!(reserved.len(), 2);
    }
}
