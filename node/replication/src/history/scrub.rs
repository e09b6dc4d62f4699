//! Reading the history again while the node works: a start takes full segments by their seal, and what has rotted
//! between header and seal is found here, before somebody needs it.

use ringmain_routing::{LogIndex, Timestamp};

use super::{History, Segment};
use crate::files::{StorageError, set_aside};
use crate::segments::{SegmentRef, scan};

impl Segment {
    /// A full one that was not read yet. Its last record's time is not known: it counts as young.
    pub(super) fn sealed(named: SegmentRef) -> Segment {
        Segment { named, sparse: Vec::new(), until: Timestamp(u64::MAX), absent: false }
    }

    fn is_unread(&self) -> bool {
        self.sparse.is_empty() && !self.absent
    }
}

impl History {
    /// Reads one segment that was not read since the start and checks all of it; what is damaged is set aside and has to be
    /// fetched. False when there is none left.
    pub fn scrub_next(&self) -> Result<bool, StorageError> {
        let unread = {
            let state = self.lock()?;
            state.segments.values().find(|segment| segment.is_unread()).map(|segment| segment.named)
        };
        let Some(named) = unread else { return Ok(false) };
        let path = self.path(named.first);
        let found = scan(&path, named.first, &self.inner.cut)?;
        let sound = found.sealed && found.damage.is_none() && found.segment_ref() == named;
        let mut state = self.lock()?;
        // It may have been given up meanwhile.
        let Some(segment) = state.segments.get_mut(&LogIndex(named.first.0)) else { return Ok(true) };
        if sound {
            (segment.sparse, segment.until) = (found.sparse, found.until);
        } else {
            let what = found.damage.map_or("its hash is wrong".to_owned(), |damage| damage.to_string());
            *segment = Segment::absent(named);
            set_aside(&path, &what)?;
        }
        Ok(true)
    }
}
