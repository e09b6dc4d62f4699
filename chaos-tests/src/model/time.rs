//! Breaks of operators: when they are due, when they may begin and when they end (R3.11).

use std::collections::BTreeSet;

use ringmain_routing::command::AskForBreak;
use ringmain_routing::effect::{BreakAnswer, PresenceState};
use ringmain_routing::rules::{BreakRule, OperatorRules};
use ringmain_routing::{
    AssignmentEpoch, ContactId, Millis, Name, OperatorId, Plan, Refusal, Reply, Timestamp,
};

use super::rest::calendar_of;
use super::state::{Operator, SessionState};
use super::{Freed, Model};

/// The clock of one of an operator's breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakClock {
    /// Which break.
    pub name: Name,
    /// Since when it runs.
    pub since: Timestamp,
    /// When the operator asked for it.
    pub asked_at: Option<Timestamp>,
}

/// A break that an operator is on, as it was when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnBreak {
    /// When it began.
    pub since: Timestamp,
    /// Which.
    pub name: Name,
    /// How long it is.
    pub length: Millis,
    /// Ready behind it.
    pub returns: bool,
}

/// Whose breaks are looked at before this event's matching.
#[derive(Clone, Debug, Default)]
pub(super) struct Looks {
    operators: BTreeSet<OperatorId>,
    teams: BTreeSet<Option<Name>>,
    everybody_due: bool,
}

/// One of an operator's breaks that the plan has.
struct Due<'a> {
    place: usize,
    rule: &'a BreakRule,
    /// `None` for one that nobody has asked for.
    at: Option<Timestamp>,
    is_asked: bool,
}

impl Due<'_> {
    fn latest(&self) -> Option<Timestamp> {
        self.at.map(|at| at + self.rule.defer_max)
    }
}

/// Whether an operator has rules of time at all.
pub(super) fn has_rules_of_time(rules: &OperatorRules) -> bool {
    !rules.breaks.is_empty() || rules.shift.is_some() || rules.rests
}

impl Model {
    fn breaks_of<'a>(&'a self, operator: &'a Operator) -> impl Iterator<Item = Due<'a>> {
        let breaks = operator.rules.breaks.iter().enumerate();
        breaks.filter_map(|(place, name)| {
            let rule = self.plan.rules.breaks.iter().find(|rule| rule.name == *name)?;
            let clock = operator.breaks.iter().find(|clock| clock.name == *name)?;
            let by_itself = (!rule.on_request).then(|| clock.since + rule.every);
            let at = by_itself.into_iter().chain(clock.asked_at).min();
            Some(Due { place, rule, at, is_asked: clock.asked_at.is_some() })
        })
    }

    /// A break can wait no longer.
    pub(super) fn is_kept_free(&self, operator: &Operator) -> bool {
        let is_over = |due: Due<'_>| due.latest().is_some_and(|latest| self.now >= latest);
        operator.on_break.is_none() && self.breaks_of(operator).any(is_over)
    }

    /// When the operator is to be looked at next, if nothing else happens to it.
    pub(super) fn time_deadline(&self, operator: &Operator) -> Option<Timestamp> {
        if !has_rules_of_time(&operator.rules) || operator.session.state == SessionState::None {
            return None;
        }
        let breaks = self.breaks_of(operator).flat_map(|due| [due.at, due.latest()]);
        let shift = calendar_of(&self.plan, operator.rules.shift.as_ref());
        let opening = shift.and_then(|calendar| {
            let from = operator.touched_at;
            if calendar.is_open(from) {
                calendar.next_change(from).and_then(|closing| calendar.next_open(closing))
            } else {
                calendar.next_open(from)
            }
        });
        let moments = breaks.chain([opening, self.rest_deadline(operator)]).flatten();
        moments.filter(|moment| *moment > operator.touched_at).min()
    }

    /// All clocks of an operator begin: a session is opened from none.
    pub(super) fn begin_clocks(&mut self, id: OperatorId) {
        let now = self.now;
        let row = self.operator_mut(id);
        let clock = |name: &Name| BreakClock { name: name.clone(), since: now, asked_at: None };
        row.breaks = row.rules.breaks.iter().map(clock).collect();
        self.begin_rest(id);
    }

    /// The operator's rules are others: clocks of breaks that stay go on.
    pub(super) fn keep_clocks(&mut self, id: OperatorId, before: &OperatorRules) {
        let now = self.now;
        let row = self.operator_mut(id);
        let old = std::mem::take(&mut row.breaks);
        let clock = |name: &Name| {
            let known = old.iter().find(|clock| clock.name == *name).cloned();
            known.unwrap_or_else(|| BreakClock { name: name.clone(), since: now, asked_at: None })
        };
        row.breaks = row.rules.breaks.iter().map(clock).collect();
        if before.rests != row.rules.rests {
            self.begin_rest(id);
        }
    }

    /// Something happened to the operator: it is looked at in this event.
    pub(super) fn touch(&mut self, id: OperatorId) {
        self.reckon_rest(id);
        let now = self.now;
        self.operator_mut(id).touched_at = now;
        self.looks.operators.insert(id);
    }

    /// Something happened in the team that an operator is of.
    pub(super) fn touch_team(&mut self, id: OperatorId) {
        let unit = self.operators[id.slot as usize].unit.clone();
        self.looks.teams.insert(unit);
    }

    /// An operator came from another unit.
    pub(super) fn touch_teams(&mut self, id: OperatorId, before: Option<Name>) {
        self.looks.teams.insert(before);
        self.touch_team(id);
    }

    /// Touches those from whose hands something has gone since this was asked last.
    fn notice_hands(&mut self) {
        for slot in 0..self.operators.len() {
            let row = &self.operators[slot];
            let id = row.id;
            let hands = self.hands(row);
            let has_lost = !row.hands.is_subset(&hands);
            self.operator_mut(id).hands = hands;
            if has_lost {
                self.touch(id);
            }
        }
    }

    fn hands(&self, operator: &Operator) -> BTreeSet<(ContactId, AssignmentEpoch)> {
        let in_hand = self.contacts_of(operator.id).map(|contact| (contact.id, contact.assignment));
        let kept = operator.wrap_ups.iter().map(|kept| (kept.contact, kept.assignment));
        in_hand.chain(kept).collect()
    }

    /// The operator was given something: its rest is reckoned with that, but it is not touched.
    pub(super) fn notice_given(&mut self, id: OperatorId) {
        self.reckon_rest(id);
        let hands = self.hands(&self.operators[id.slot as usize]);
        self.operator_mut(id).hands = hands;
    }

    /// Hands as they are behind the event.
    pub(super) fn end_looks(&mut self) {
        self.notice_hands();
        self.looks = Looks::default();
    }

    /// Breaks of those who are looked at begin, before anybody is matched.
    pub(super) fn look(&mut self, freed: &mut Freed) {
        self.notice_hands();
        let looks = std::mem::take(&mut self.looks);
        let mut looked_at: Vec<(Timestamp, OperatorId)> = Vec::new();
        for row in &self.operators {
            let Some(first) = self.breaks_of(row).filter_map(|due| due.at).min() else { continue };
            let by_team = looks.everybody_due || looks.teams.contains(&row.unit);
            if looks.operators.contains(&row.id) || (by_team && first <= self.now) {
                looked_at.push((first, row.id));
            }
        }
        looked_at.sort();
        for (_, id) in looked_at {
            if !self.is_busy(id)
                && let Some(next) = self.break_that_may_begin(id)
            {
                freed.join(self.begin_break(id, &next));
            }
        }
        self.looks = Looks::default();
    }

    fn break_that_may_begin(&self, id: OperatorId) -> Option<BreakRule> {
        let row = &self.operators[id.slot as usize];
        let may = self.breaks_of(row).filter(|due| self.may_begin(row, due));
        may.min_by_key(|due| (due.at, due.place)).map(|due| due.rule.clone())
    }

    /// Everything but empty hands.
    fn may_begin(&self, operator: &Operator, due: &Due<'_>) -> bool {
        let is_due = due.at.is_some_and(|at| at <= self.now);
        let is_there = match operator.presence {
            PresenceState::Ready | PresenceState::Missed { .. } => true,
            PresenceState::NotReady(_) => due.is_asked,
            PresenceState::Offline | PresenceState::Break { .. } => false,
        };
        let waits_no_longer = due.latest().is_some_and(|latest| self.now >= latest);
        let is_allowed =
            waits_no_longer || (!self.are_breaks_deferred && self.team_allows(operator, due.rule));
        is_due && operator.session.is_live() && is_there && is_allowed
    }

    fn team_allows(&self, operator: &Operator, rule: &BreakRule) -> bool {
        let is_here = |row: &&Operator| row.session.state != SessionState::None && !row.rules.bot;
        let team: Vec<&Operator> =
            self.operators.iter().filter(|row| row.unit == operator.unit).filter(is_here).collect();
        let size = team.len() as u64;
        let away =
            team.iter().filter(|row| matches!(row.presence, PresenceState::Break { .. })).count() as u64;
        (away == 0 && (size > 1 || rule.alone))
            || ((away + 1) * 100 <= size * u64::from(rule.away_percent_max) && away + 1 < size)
    }

    fn begin_break(&mut self, id: OperatorId, rule: &BreakRule) -> Freed {
        let until = self.span_after_now(rule.length);
        let freed = self.become_present(id, PresenceState::Break { reason: rule.reason, until });
        let on_break =
            OnBreak { name: rule.name.clone(), since: self.now, length: rule.length, returns: rule.returns };
        self.operator_mut(id).on_break = Some(on_break);
        freed
    }

    /// The operator's presence is another from here on: a break that it was on is over.
    pub(super) fn end_break(&mut self, id: OperatorId) {
        let Some(over) = self.operator_mut(id).on_break.take() else { return };
        let plan: Plan = self.plan.clone();
        let is_short = |name: &Name| {
            let rule = plan.rules.breaks.iter().find(|rule| rule.name == *name);
            rule.is_some_and(|rule| rule.length <= over.length)
        };
        let now = self.now;
        for clock in &mut self.operator_mut(id).breaks {
            if clock.name == over.name || is_short(&clock.name) {
                (clock.since, clock.asked_at) = (now, None);
            }
        }
        self.touch_team(id);
    }

    /// The time of a break has come to its end.
    pub(super) fn return_from_break(&mut self, id: OperatorId, reason: u16) -> Freed {
        let returns = self.operators[id.slot as usize].on_break.as_ref().is_some_and(|on| on.returns);
        let presence = if returns { PresenceState::Ready } else { PresenceState::NotReady(reason) };
        self.become_present(id, presence)
    }

    pub(super) fn ask_for_break(&mut self, command: &AskForBreak) -> Result<Reply, Refusal> {
        let (id, now) = (command.operator, self.now);
        self.check_operator(id, command.epoch)?;
        let row = &self.operators[id.slot as usize];
        if command.seq <= row.presence_seq {
            return Ok(Reply::Done);
        }
        if !self.breaks_of(row).any(|due| due.rule.name == command.name) {
            return Err(Refusal::UnknownBreak(command.name.clone()));
        }
        let row = self.operator_mut(id);
        row.presence_seq = command.seq;
        if row.on_break.is_some() {
            return Ok(Reply::Done);
        }
        let clock = row.breaks.iter_mut().find(|clock| clock.name == command.name);
        if let Some(clock) = clock {
            clock.asked_at = clock.asked_at.or(Some(now));
        }
        self.touch(id);
        let mut freed = Freed::operator(id);
        self.look(&mut freed);
        let answer = match self.operators[id.slot as usize].presence {
            PresenceState::Break { until, .. } => BreakAnswer::Begun { until },
            PresenceState::Offline
            | PresenceState::Ready
            | PresenceState::NotReady(_)
            | PresenceState::Missed { .. } => match self.break_that_may_begin(id) {
                Some(_) => BreakAnswer::WhenFree,
                None => BreakAnswer::WhenOthersReturn,
            },
        };
        self.settle(freed);
        Ok(Reply::Break(answer))
    }

    pub(super) fn defer_breaks(&mut self, on: bool) -> u32 {
        let was_on = std::mem::replace(&mut self.are_breaks_deferred, on);
        self.looks.everybody_due |= was_on && !on;
        self.settle(Freed::default());
        0
    }

    /// A plan has changed what operators' time goes by: all who have such rules are looked at and take work.
    pub(super) fn change_time(&mut self, before: &Plan) -> Freed {
        let times = |plan: &Plan| {
            let last: Vec<Option<Millis>> = plan.queues.iter().map(|queue| queue.rules.last_start).collect();
            (plan.rules.breaks.clone(), plan.rules.rest, plan.rules.calendars.clone(), last)
        };
        let mut freed = Freed::default();
        if times(before) == times(&self.plan) {
            return freed;
        }
        let concerned = self.operators.iter().filter(|row| has_rules_of_time(&row.rules));
        let concerned: Vec<OperatorId> = concerned.map(|row| row.id).collect();
        for id in concerned {
            if before.rules.rest != self.plan.rules.rest {
                self.begin_rest(id);
            }
            self.touch(id);
            freed.join(Freed::operator(id));
        }
        freed
    }
}
