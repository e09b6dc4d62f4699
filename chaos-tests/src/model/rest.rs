//! Shifts and rest: what keeps contacts from an operator as a lack of room does (R3.11).

use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::rules::RestRule;
use ringmain_routing::{Millis, Name, OperatorId, Plan, Timestamp};

use super::Model;
use super::ladder::queue_of;
use super::state::{Contact, Operator};

/// How busy an operator was in the present window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestClock {
    /// When the first window began.
    pub start: Timestamp,
    /// Up to when it is reckoned.
    pub mark: Timestamp,
    /// Busy time in the window of `mark`, up to then.
    pub busy: Millis,
    /// Something is in hand from then on.
    pub is_busy: bool,
}

impl RestClock {
    fn begin_of_window(&self, at: Timestamp, rule: RestRule) -> Timestamp {
        let windows = (at.0 - self.start.0) / rule.window.0;
        self.start + Millis(windows * rule.window.0)
    }

    /// Busy time in the window of that moment, if the hands stay as they are.
    fn busy_at(&self, at: Timestamp, rule: RestRule) -> Millis {
        let (begin, begin_of_mark) = (self.begin_of_window(at, rule), self.begin_of_window(self.mark, rule));
        let known = if begin == begin_of_mark { self.busy.0 } else { 0 };
        let since = begin.max(self.mark);
        Millis(known + if self.is_busy { at.0 - since.0 } else { 0 })
    }

    /// The end of the first window in which it will have been busy for too long.
    fn end_of_too_much(&self, rule: RestRule) -> Option<Timestamp> {
        let end = self.begin_of_window(self.mark, rule) + rule.window;
        let busy = self.busy.0 + if self.is_busy { end.0 - self.mark.0 } else { 0 };
        if busy >= most(rule).0 {
            return Some(end);
        }
        self.is_busy.then(|| end + rule.window)
    }
}

fn most(rule: RestRule) -> Millis {
    Millis((u128::from(rule.window.0) * u128::from(rule.busy_percent_max) / 100) as u64)
}

pub(super) fn calendar_of<'a>(plan: &'a Plan, name: Option<&Name>) -> Option<&'a CalendarPlan> {
    plan.rules.calendars.iter().find(|calendar| Some(&calendar.name) == name)
}

impl Model {
    fn rest_of(&self, operator: &Operator) -> Option<(RestClock, RestRule)> {
        operator.rest.zip(self.plan.rules.rest).filter(|_| operator.rules.rests)
    }

    /// The clock begins, whatever was.
    pub(super) fn begin_rest(&mut self, id: OperatorId) {
        let is_busy = self.is_busy(id);
        let now = self.now;
        let rests = self.plan.rules.rest.is_some();
        let row = self.operator_mut(id);
        let clock = RestClock { start: now, mark: now, busy: Millis(0), is_busy };
        row.rest = (rests && row.rules.rests).then_some(clock);
    }

    /// The hands have changed, or may have: reckons up to now.
    pub(super) fn reckon_rest(&mut self, id: OperatorId) {
        let is_busy = self.is_busy(id);
        let row = &self.operators[id.slot as usize];
        let Some((clock, rule)) = self.rest_of(row) else { return };
        let clock = RestClock { busy: clock.busy_at(self.now, rule), mark: self.now, is_busy, ..clock };
        self.operator_mut(id).rest = Some(clock);
    }

    pub(super) fn is_busy(&self, id: OperatorId) -> bool {
        self.contacts_of(id).any(|row| !row.is_parked())
            || !self.operators[id.slot as usize].wrap_ups.is_empty()
    }

    pub(super) fn rest_deadline(&self, operator: &Operator) -> Option<Timestamp> {
        self.rest_of(operator).and_then(|(clock, rule)| clock.end_of_too_much(rule))
    }

    /// Neither a break that can wait no longer, nor rest, nor the end of the shift keeps the contact away.
    pub(super) fn has_time_for(&self, operator: &Operator, contact: &Contact) -> bool {
        let has_rested = |(clock, rule): (RestClock, RestRule)| clock.busy_at(self.now, rule) < most(rule);
        contact.tier == 0
            || (!self.is_kept_free(operator)
                && self.rest_of(operator).is_none_or(has_rested)
                && self.is_within_shift(operator, contact))
    }

    fn is_within_shift(&self, operator: &Operator, contact: &Contact) -> bool {
        let Some(shift) = calendar_of(&self.plan, operator.rules.shift.as_ref()) else { return true };
        let Some(last_start) = queue_of(&self.plan, &contact.queue).rules.last_start else { return true };
        let stays = |change: Timestamp| change.0 - self.now.0 > last_start.0;
        shift.is_open(self.now) && shift.next_change(self.now).is_none_or(stays)
    }
}
