//! Contacts of a queue, counted by state. Who waits for its customer to write is not among those who wait: nobody can do
//! anything for it.

use crate::contact::{State, Wait};

/// Contacts of one queue by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gauges {
    pub waiting: u32,
    pub offered: u32,
    pub handling: u32,
    pub wrap_up: u32,
    /// Those whose customer is silent and whose operator was lost.
    pub for_customer: u32,
}

/// Of a contact that is counted nowhere yet.
pub(crate) const NO_STATE: u8 = u8::MAX;

pub(crate) fn state_number(state: &State) -> u8 {
    match state {
        State::Waiting(Wait::Later | Wait::Held { .. } | Wait::InLine) => 0,
        State::Offered { .. } => 1,
        State::Handling { .. } => 2,
        State::WrapUp { .. } => 3,
        State::Ended { .. } => 4,
        State::Waiting(Wait::ForCustomer) => 5,
    }
}

pub(crate) fn gauge_of(gauges: &mut Gauges, state: u8) -> Option<&mut u32> {
    match state {
        0 => Some(&mut gauges.waiting),
        1 => Some(&mut gauges.offered),
        2 => Some(&mut gauges.handling),
        3 => Some(&mut gauges.wrap_up),
        5 => Some(&mut gauges.for_customer),
        _ => None,
    }
}
