//! The clocks of a simulated machine: a monotonic one that drifts, and a wall clock that jumps.

/// A machine's clocks, by true time in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    /// The monotonic clock showed this many microseconds at `since`.
    base_us: u64,
    since: u64,
    drift_ppm: i64,
    /// How far the wall clock is off, in ms.
    pub wall_off: i64,
}

impl Clocks {
    pub(super) fn new(now: u64, started_us: u64) -> Clocks {
        Clocks { base_us: started_us, since: now, drift_ppm: 0, wall_off: 0 }
    }

    pub(super) fn monotonic_us(&self, now: u64) -> u64 {
        let passed_us = ((now - self.since) * 1_000) as i64;
        self.base_us.saturating_add_signed(passed_us + passed_us * self.drift_ppm / 1_000_000)
    }

    pub(super) fn monotonic_ms(&self, now: u64) -> u64 {
        self.monotonic_us(now) / 1_000
    }

    pub(super) fn wall_ms(&self, now: u64) -> u64 {
        now.saturating_add_signed(self.wall_off)
    }

    /// From here on the monotonic clock goes by so many parts per million too fast.
    pub(super) fn drift(&mut self, now: u64, ppm: i64) {
        (self.base_us, self.since, self.drift_ppm) = (self.monotonic_us(now), now, ppm);
    }
}
