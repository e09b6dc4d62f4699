//! Rows of cases and what is derived from them. A row changes only through `change_case`.

use crate::case::Case;
use crate::ids::{CaseId, Name, Timestamp};
use crate::planted::{Planted, is};
use crate::tables::{Tables, TimerOf};

/// What a case's row shows to the indexes.
struct Facets {
    deadline: Option<Timestamp>,
    /// The stage of an open case, and whether it is overdue.
    open_at: Option<(u16, bool)>,
}

impl Tables {
    pub(crate) fn case(&self, slot: u32) -> &Case {
        self.cases.at(slot).expect("indexes name only cases that exist")
    }

    pub(crate) fn find_case(&self, id: CaseId) -> Option<&Case> {
        self.cases.get(id.slot, id.generation)
    }

    pub(crate) fn add_case(&mut self, case: Case) {
        let slot = case.id.slot;
        let inserted = self.cases.insert(case);
        assert_eq!(inserted, slot, "the case was given the slot's id");
        self.put_up_case(slot);
    }

    pub(crate) fn change_case(&mut self, slot: u32, change: impl FnOnce(&mut Case)) {
        let row = self.cases.at_mut(slot).expect("indexes name only cases that exist");
        let before = facets(row);
        change(row);
        let after = facets(row);
        self.show_case(slot, Some(before), Some(after));
    }

    /// Forgets a closed case.
    pub(crate) fn remove_case(&mut self, slot: u32) {
        let before = facets(self.case(slot));
        self.show_case(slot, Some(before), None);
        self.cases.remove(slot);
    }

    /// Puts up all cases of a snapshot that was read.
    pub(crate) fn derive_cases(&mut self) {
        for slot in 0..self.cases.slots() {
            if self.cases.at(slot).is_some() {
                self.put_up_case(slot);
            }
        }
        if is(Planted::CaseTimersLostAtRestore) {
            self.ix.timers.retain(|timer| timer.1 != TimerOf::Case);
        }
    }

    fn put_up_case(&mut self, slot: u32) {
        let after = facets(self.case(slot));
        self.show_case(slot, None, Some(after));
    }

    fn show_case(&mut self, slot: u32, before: Option<Facets>, after: Option<Facets>) {
        let deadline = |facets: &Option<Facets>| facets.as_ref().and_then(|facets| facets.deadline);
        self.move_timer(TimerOf::Case, slot, deadline(&before), deadline(&after));
        let (was, is) = (before.and_then(|f| f.open_at), after.and_then(|f| f.open_at));
        if was != is {
            self.count_case(slot, was, is);
        }
    }

    fn count_case(&mut self, slot: u32, was: Option<(u16, bool)>, is: Option<(u16, bool)>) {
        let route: Name = self.case(slot).route.clone();
        let stages = self.ix.cases_at.entry(route.clone()).or_default();
        if let Some((stage, is_overdue)) = was
            && let Some(count) = stages.get_mut(&stage)
        {
            count.open -= 1;
            count.overdue -= u32::from(is_overdue);
            if count.open == 0 {
                stages.remove(&stage);
            }
        }
        if let Some((stage, is_overdue)) = is {
            let count = stages.entry(stage).or_default();
            count.open += 1;
            count.overdue += u32::from(is_overdue);
        }
        if stages.is_empty() {
            self.ix.cases_at.remove(&route);
        }
    }
}

fn facets(case: &Case) -> Facets {
    Facets { deadline: case.deadline(), open_at: case.is_open().then(|| (case.stage, case.is_overdue())) }
}
