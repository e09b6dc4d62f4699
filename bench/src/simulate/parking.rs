//! Work that rests for who is urgent: its service time stands still, and what is left of it is carried on afterwards.

use std::collections::BTreeMap;

use ringmain_routing::AssignmentEpoch;

/// One assignment of one contact.
type Work = (usize, AssignmentEpoch);

/// What rests now, and what has rested while its end was still ahead.
#[derive(Debug, Default)]
pub(super) struct Rests {
    resting: BTreeMap<Work, Resting>,
    late: BTreeMap<Work, u64>,
}

#[derive(Debug)]
struct Resting {
    since_ms: u64,
    /// Service time left, once the end that was planned has gone by.
    left_ms: Option<u64>,
}

/// What becomes of a talk whose end has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It ends.
    Now,
    /// It has rested meanwhile.
    At(u64),
    /// It rests.
    WhenResumed,
}

impl Rests {
    /// The work rests from now on.
    pub(super) fn begin(&mut self, work: Work, at_ms: u64) {
        self.resting.insert(work, Resting { since_ms: at_ms, left_ms: None });
    }

    /// The work goes on; when it ends, if the end that was planned has gone by.
    pub(super) fn end(&mut self, work: Work, at_ms: u64) -> Option<u64> {
        let rest = self.resting.remove(&work)?;
        if rest.left_ms.is_none() {
            *self.late.entry(work).or_default() += at_ms - rest.since_ms;
        }
        rest.left_ms.map(|left| at_ms + left)
    }

    /// The end that was planned has come.
    pub(super) fn planned_end(&mut self, work: Work, at_ms: u64) -> End {
        let late = self.late.remove(&work).unwrap_or(0);
        match self.resting.get_mut(&work) {
            Some(rest) => {
                rest.left_ms = Some(at_ms + late - rest.since_ms);
                End::WhenResumed
            }
            None if late > 0 => End::At(at_ms + late),
            None => End::Now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work = (3, AssignmentEpoch(1));

    #[test]
    fn work_takes_as_long_as_without_its_rests() {
        let mut rests = Rests::default();
        rests.begin(WORK, 10);
        assert_eq!(rests.end(WORK, 15), None, "its end is still ahead");
        rests.begin(WORK, 18);
        assert_eq!(rests.planned_end(WORK, 20), End::WhenResumed);
        assert_eq!(rests.end(WORK, 50), Some(57), "5 before, 2 of its own after 18");
        assert_eq!(rests.planned_end(WORK, 57), End::Now);
    }

    #[test]
    fn a_rest_that_is_over_delays_the_end() {
        let mut rests = Rests::default();
        rests.begin(WORK, 10);
        assert_eq!(rests.end(WORK, 14), None);
        assert_eq!(rests.planned_end(WORK, 20), End::At(24));
        assert_eq!(rests.planned_end(WORK, 24), End::Now);
    }
}
