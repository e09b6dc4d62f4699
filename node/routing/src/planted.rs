//! Mistakes on purpose, to see that they are found. Without the feature `planted` none of this is compiled into
//! anything: [`is`] is `false` for the compiler, and no program that serves anybody has the feature.

/// A mistake. `ringmain-chaos mutants` plants one after the other and must find each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// A new leader stamps earlier than what was applied.
    TimeGoesBack,
    /// The leader's wall clock is replicated time.
    WallClockRules,
    /// A command that entered the log twice is applied twice.
    RepeatApplied,
}

/// Whether this mistake is made now.
#[cfg(not(feature = "planted"))]
#[inline(always)]
#[must_use]
pub const fn is(_: Planted) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use switch::{is, plant};

#[cfg(feature = "planted")]
mod switch {
    use core::sync::atomic::{AtomicU32, Ordering};

    use super::Planted;

    /// 0 for none, else the mistake's number and 1.
    static NOW: AtomicU32 = AtomicU32::new(0);

    /// Makes this mistake from here on, in the whole process; `None` makes none.
    pub fn plant(mistake: Option<Planted>) {
        NOW.store(mistake.map_or(0, |mistake| mistake as u32 + 1), Ordering::SeqCst);
    }

    /// Whether this mistake is made now.
    #[must_use]
    pub fn is(mistake: Planted) -> bool {
        NOW.load(Ordering::Relaxed) == mistake as u32 + 1
    }
}
