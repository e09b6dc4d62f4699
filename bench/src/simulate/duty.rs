//! Operators whose plan names breaks: the core gives them, so the pauses between their shifts are none. They sign in
//! when a shift begins and out when it has ended and their hands are empty, so that the clocks of their breaks start
//! with the shift.

use std::collections::BTreeMap;

use ringmain_routing::command::{CloseSession, DeclaredPresence, OpenSession, Role};
use ringmain_routing::effect::PresenceState;
use ringmain_routing::{
    Command, Incarnation, Millis, NodeId, OperatorId, OperatorView, Party, Plan, Reply, Timestamp,
};
use serde::Serialize;

use super::schedule::Event;
use super::{CannotSimulate, Run};
use crate::scenario::Scenario;

/// How the breaks of one name were kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BreakFigures {
    /// Begun.
    pub begun: u64,
    /// How long they were put off in all.
    pub put_off_ms: u64,
    /// How long the one that waited longest was put off.
    pub put_off_longest_ms: u64,
    /// Due, and not begun when the shift ended.
    pub missed: u64,
}

/// What is known of an operator's time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Duty {
    /// Whether the core gives it breaks.
    has_breaks: bool,
    is_on_duty: bool,
    is_signed_in: bool,
    is_away: bool,
}

impl Duty {
    /// Of an operator who is not there yet.
    pub(super) fn with(has_breaks: bool) -> Duty {
        Duty { has_breaks, ..Duty::default() }
    }
}

/// For each operator to whom the core gives breaks how long the longest of them is: so long a gap between two shifts
/// is a pause.
pub(super) fn longest_breaks(scenario: &Scenario, plan: &Plan) -> Vec<Option<u64>> {
    let planned: BTreeMap<&str, _> =
        scenario.planned.iter().map(|operator| (&*operator.login, &operator.rules)).collect();
    let longest = |login: &str| {
        let names = &planned.get(login)?.breaks;
        let rules = plan.rules.breaks.iter().filter(|rule| names.contains(&rule.name));
        rules.map(|rule| rule.length.0).max()
    };
    scenario.operators.iter().map(|operator| longest(&operator.operator_id)).collect()
}

/// How long after it is set a timer of the operators' time may still give somebody work.
pub(super) fn rest_matters(plan: &Plan) -> Millis {
    plan.rules.rest.map_or(Millis(0), |rest| Millis(rest.window.0.saturating_mul(2)))
}

impl Run<'_> {
    /// The operator comes on duty.
    pub(super) fn begin_duty(&mut self, at: Timestamp, place: usize) -> Result<(), CannotSimulate> {
        self.seats[place].duty.is_on_duty = true;
        if self.seats[place].duty.has_breaks && !self.seats[place].duty.is_signed_in {
            self.sign_in(at, place)?;
        }
        self.set_presence(at, place, DeclaredPresence::Ready)
    }

    fn sign_in(&mut self, at: Timestamp, place: usize) -> Result<(), CannotSimulate> {
        let opening = OpenSession {
            role: Role::Operator,
            name: (&*self.seats[place].login).into(),
            node: NodeId(1),
            incarnation: Incarnation(1),
            nonce: at.0,
            resume: None,
            takeover: false,
        };
        if let Reply::Opened { epoch, .. } = self.apply(at, &Command::OpenSession(opening))? {
            let seat = &mut self.seats[place];
            (seat.epoch, seat.presence_seq, seat.duty.is_signed_in) = (epoch, 0, true);
        }
        Ok(())
    }

    /// The operator's last millisecond on duty is over.
    pub(super) fn end_duty(&mut self, at: Timestamp, place: usize) -> Result<(), CannotSimulate> {
        self.seats[place].duty.is_on_duty = false;
        let view = self.router.operator(self.seats[place].id).filter(|_| self.seats[place].duty.has_breaks);
        if let Some(view) = view {
            let due = view.breaks.iter().filter(|of| of.due.is_some_and(|due| due <= at));
            for of in due.filter(|of| Some(&of.name) != view.on_break.as_ref()) {
                self.breaks.entry(of.name.to_string()).or_default().missed += 1;
            }
            self.schedule.push(at.0, Event::SignOut { operator: place });
        }
        self.set_presence(at, place, DeclaredPresence::NotReady(0))
    }

    /// Signs an operator out whose shift is over and whose hands are empty.
    pub(super) fn sign_out(&mut self, at: Timestamp, place: usize) -> Result<(), CannotSimulate> {
        let seat = &self.seats[place];
        let is_empty = |view: OperatorView| view.contacts.is_empty() && view.wrap_ups.is_empty();
        if seat.duty.is_on_duty
            || !seat.duty.is_signed_in
            || !self.router.operator(seat.id).is_some_and(is_empty)
        {
            return Ok(());
        }
        let (party, epoch) = (Party::Operator(seat.id), seat.epoch);
        self.seats[place].duty.is_signed_in = false;
        self.apply(at, &Command::CloseSession(CloseSession { party, epoch })).map(drop)
    }

    /// An operator whose break did not end in readiness comes back.
    pub(super) fn come_back(&mut self, at: Timestamp, place: usize) -> Result<(), CannotSimulate> {
        if !self.seats[place].duty.is_on_duty {
            return Ok(());
        }
        self.set_presence(at, place, DeclaredPresence::Ready)
    }

    /// The operator has let go of something: it may be time to go home.
    pub(super) fn hands_changed(&mut self, at: Timestamp, operator: OperatorId) {
        let place = self.seat_of_slot[operator.slot as usize];
        let duty = self.seats[place].duty;
        self.timers_matter_until = self.timers_matter_until.max(at + self.rest_matters);
        if duty.has_breaks && !duty.is_on_duty {
            self.schedule.push(at.0, Event::SignOut { operator: place });
        }
    }

    /// An operator's presence is another one.
    pub(super) fn presence_changed(&mut self, at: Timestamp, operator: OperatorId, presence: PresenceState) {
        let place = self.seat_of_slot[operator.slot as usize];
        let was_away = self.seats[place].duty.is_away;
        self.seats[place].duty.is_away = matches!(presence, PresenceState::Break { .. });
        match presence {
            PresenceState::Break { until, .. } => {
                self.timers_matter_until = self.timers_matter_until.max(until);
                self.count_break(at, operator);
            }
            PresenceState::NotReady(_) if was_away => {
                self.schedule.push(at.0, Event::ComeBack { operator: place });
            }
            PresenceState::Offline
            | PresenceState::Ready
            | PresenceState::NotReady(_)
            | PresenceState::Missed { .. } => {}
        }
    }

    fn count_break(&mut self, at: Timestamp, operator: OperatorId) {
        let Some(view) = self.router.operator(operator) else { return };
        let Some(of) = view.breaks.iter().find(|of| Some(&of.name) == view.on_break.as_ref()) else { return };
        let put_off = of.due.map_or(0, |due| at.since(due).0);
        let figures = self.breaks.entry(of.name.to_string()).or_default();
        figures.begun += 1;
        figures.put_off_ms += put_off;
        figures.put_off_longest_ms = figures.put_off_longest_ms.max(put_off);
    }
}
