//! How much history a node keeps. Whole old segments go, right after a snapshot that no longer names them.
//!
//! Each node decides by its own settings and replicated time: what one keeps is nobody else's state. A node that is
//! installed from another gets what that one has.

use ringmain_routing::{LogIndex, Timestamp};

use super::History;
use crate::files::StorageError;

/// How much history is kept; what exceeds either limit goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// For so long in replicated time; 0 for ever.
    pub keep_ms: u64,
    /// So many bytes; 0 for as many as there are.
    pub bytes_max: u64,
}

/// A whole segment, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aged {
    /// Its first log index.
    pub first: LogIndex,
    /// Its last.
    pub last: LogIndex,
    /// Replicated time of its last record.
    pub until: Timestamp,
    /// Its length.
    pub bytes: u64,
}

impl Retention {
    /// The first log index that is kept of these segments, oldest first, when it is `now`.
    #[must_use]
    pub fn oldest_kept(&self, segments: &[Aged], now: Timestamp) -> Option<LogIndex> {
        let mut bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
        let mut kept = segments.first()?.first;
        for segment in segments {
            let too_old = self.keep_ms > 0 && segment.until.0.saturating_add(self.keep_ms) < now.0;
            let too_much = self.bytes_max > 0 && bytes > self.bytes_max;
            if !too_old && !too_much {
                break;
            }
            bytes -= segment.bytes;
            kept = LogIndex(segment.last.0 + 1);
        }
        Some(kept)
    }
}

impl History {
    /// The first log index that is kept from here on, of the whole segments up to `index`.
    pub fn oldest_kept(
        &self,
        retention: Retention,
        index: LogIndex,
        now: Timestamp,
    ) -> Result<LogIndex, StorageError> {
        let state = self.lock()?;
        let aged = |segment: &super::Segment| Aged {
            first: segment.named.first,
            last: segment.named.last,
            until: segment.until,
            bytes: segment.named.bytes,
        };
        let whole = state.segments.values().filter(|segment| segment.named.last <= index && !segment.absent);
        let whole: Vec<Aged> = whole.map(aged).collect();
        Ok(retention.oldest_kept(&whole, now).unwrap_or(state.oldest()).max(state.oldest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments() -> Vec<Aged> {
        let aged = |n: u64| Aged {
            first: LogIndex(n * 10 + 1),
            last: LogIndex(n * 10 + 10),
            until: Timestamp(n * 1_000),
            bytes: 100,
        };
        (0..5).map(aged).collect()
    }

    fn kept(keep_ms: u64, bytes_max: u64) -> u64 {
        Retention { keep_ms, bytes_max }.oldest_kept(&segments(), Timestamp(5_000)).unwrap().0
    }

    #[test]
    fn without_limits_all_is_kept() {
        assert_eq!(kept(0, 0), 1);
    }

    #[test]
    fn a_segment_goes_when_its_last_record_is_too_old() {
        assert_eq!(kept(2_500, 0), 31);
        assert_eq!(kept(3_000, 0), 21, "as old as allowed is not too old");
        assert_eq!(kept(1, 0), 51, "only what is being written stays");
    }

    #[test]
    fn the_oldest_go_until_the_rest_is_small_enough() {
        assert_eq!(kept(0, 250), 31);
        assert_eq!(kept(0, 500), 1);
        assert_eq!(kept(4_500, 250), 31, "either limit counts");
    }
}
