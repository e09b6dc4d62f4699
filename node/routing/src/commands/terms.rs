//! Terms of cases: until when something is due, in working time.

use crate::calendar::CalendarPlan;
use crate::ids::{Millis, Name, Timestamp, UnitId};
use crate::planted::{Planted, is};
use crate::router::Router;

/// The dates of a stage that begins.
pub(super) struct Dates {
    pub due: Timestamp,
    pub warn_at: Option<Timestamp>,
}

impl Router {
    /// When all of a case that opens now is due.
    pub(super) fn due_of(&self, route: &Name, unit: Option<UnitId>) -> Option<Timestamp> {
        let route = self.tables.directory.find_route(route).ok()?;
        let calendar = self.tables.directory.working_calendar(unit, route);
        route.term.map(|term| due_after(calendar, self.now, term))
    }

    /// The dates of a stage that begins now.
    pub(super) fn dates_of(&self, route: &Name, stage: u16, unit: Option<UnitId>) -> Dates {
        self.dates_since(route, stage, unit, self.now)
    }

    fn dates_since(&self, route: &Name, stage: u16, unit: Option<UnitId>, since: Timestamp) -> Dates {
        let directory = &self.tables.directory;
        let route = directory.find_route(route).ok();
        let calendar = route.and_then(|route| directory.working_calendar(unit, route));
        let stage = route.and_then(|route| route.stages.get(usize::from(stage)));
        let (term, before) = stage.map_or((Millis(0), Millis(0)), |stage| (stage.term, stage.warn_before));
        let due = due_after(calendar, since, term);
        let warn_at = (before.0 > 0)
            .then(|| due_after(calendar, since, Millis(term.0.saturating_sub(before.0))).min(due));
        Dates { due, warn_at }
    }

    /// A mistake on purpose: dates that were given change with the plan.
    pub(super) fn reckon_again(&mut self) {
        for slot in 0..self.tables.cases.slots() {
            let Some(case) = self.tables.cases.at(slot).filter(|case| case.is_open()) else { continue };
            let Dates { due, warn_at } =
                self.dates_since(&case.route, case.stage, case.unit, case.stage_since);
            self.tables.change_case(slot, |row| (row.stage_due, row.warn_at) = (due, warn_at));
        }
    }
}

/// When so much working time has gone by since `from`. Without a calendar, or with one that never has so much open
/// time, every moment counts.
pub(super) fn due_after(calendar: Option<&CalendarPlan>, from: Timestamp, term: Millis) -> Timestamp {
    let calendar = calendar.filter(|_| !is(Planted::CalendarIgnored));
    calendar.and_then(|calendar| calendar.working_until(from, term)).unwrap_or(from + term)
}
