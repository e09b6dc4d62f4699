//! What is going to happen in a scenario, by time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ringmain_routing::AssignmentEpoch;

use crate::scenario::{Scenario, Shift};

/// Something that happens at a time known beforehand. Of several at the same time the first in this list goes
/// first; contacts and operators are named by their place in the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// The operator takes the offer.
    Accept { contact: usize, assignment: AssignmentEpoch },
    /// Customer and operator have finished.
    EndTalk { contact: usize, assignment: AssignmentEpoch },
    /// The operator comes on duty.
    BeginShift { operator: usize },
    /// The operator comes back from a break.
    ComeBack { operator: usize },
    /// The operator of a call invites its customer into another channel.
    Invite { contact: usize },
    /// The customer's patience ends.
    Leave { contact: usize },
    /// The contact comes.
    Arrive { contact: usize },
    /// A contact comes that is not of the scenario.
    ArriveMade { contact: usize },
    /// The operator's last millisecond on duty is over.
    EndShift { operator: usize },
    /// The operator signs out if its hands are empty.
    SignOut { operator: usize },
}

/// Shifts of which those no further apart than a break are one.
fn without_pauses(shifts: &[Shift], longest_break: Option<u64>) -> Vec<Shift> {
    let mut joined: Vec<Shift> = Vec::with_capacity(shifts.len());
    for shift in shifts {
        match (joined.last_mut(), longest_break) {
            (Some(last), Some(longest)) if shift.from_ms.saturating_sub(last.to_ms) <= longest => {
                last.to_ms = shift.to_ms;
            }
            (Some(_) | None, _) => joined.push(*shift),
        }
    }
    joined
}

/// All that is known to come. Arrivals stand apart in a sorted list, so that the heap stays small.
pub(super) struct Schedule {
    arrivals: Vec<(u64, usize)>,
    next_arrival: usize,
    heap: BinaryHeap<Reverse<(u64, Event)>>,
}

impl Schedule {
    /// Arrivals and shifts of a scenario; for operators to whom the core gives breaks pauses of their length are none.
    pub(super) fn of(scenario: &Scenario, longest_breaks: &[Option<u64>]) -> Schedule {
        let mut arrivals: Vec<(u64, usize)> =
            scenario.contacts.iter().enumerate().map(|(i, contact)| (contact.arrival_ms, i)).collect();
        arrivals.sort_unstable();
        let mut schedule = Schedule { arrivals, next_arrival: 0, heap: BinaryHeap::new() };
        for (operator, row) in scenario.operators.iter().enumerate() {
            let Some(shifts) = &row.shifts else {
                schedule.push(0, Event::BeginShift { operator });
                continue;
            };
            for shift in without_pauses(shifts, longest_breaks[operator]) {
                schedule.push(shift.from_ms, Event::BeginShift { operator });
                // The core's timers of the millisecond `to_ms` go before any command: the shift ends before them.
                schedule.push(shift.to_ms - 1, Event::EndShift { operator });
            }
        }
        schedule
    }

    pub(super) fn push(&mut self, at_ms: u64, event: Event) {
        self.heap.push(Reverse((at_ms, event)));
    }

    /// When the next event is.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.next().map(|(at_ms, _)| at_ms)
    }

    fn next(&self) -> Option<(u64, Event)> {
        let arrival = self.arrivals.get(self.next_arrival);
        let arrival = arrival.map(|&(at_ms, contact)| (at_ms, Event::Arrive { contact }));
        let other = self.heap.peek().map(|entry| entry.0);
        [arrival, other].into_iter().flatten().min()
    }

    /// Takes the next event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        let (_, event) = self.next()?;
        match event {
            Event::Arrive { .. } => self.next_arrival += 1,
            Event::Accept { .. }
            | Event::EndShift { .. }
            | Event::ComeBack { .. }
            | Event::SignOut { .. }
            | Event::EndTalk { .. }
            | Event::BeginShift { .. }
            | Event::Invite { .. }
            | Event::ArriveMade { .. }
            | Event::Leave { .. } => {
                self.heap.pop();
            }
        }
        Some(event)
    }
}
