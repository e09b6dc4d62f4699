//! Those who serve: how much of their time on duty they had work in hand.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::day::{Presence, Window};
use super::spans::{Span, length_ms, spread, union, within};
use super::{group_of, ratio};
use crate::result::ResultRow;
use crate::scenario::{Contact, Operator, Scenario};

/// All operators, the groups, and each one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Staff {
    /// All together.
    pub all: GroupFigures,
    /// Each group: logins without their numbers.
    pub groups: Vec<GroupFigures>,
    /// Each operator, in the order of the scenario.
    pub operators: Vec<OperatorFigures>,
}

/// One operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OperatorFigures {
    /// The login.
    pub login: String,
    /// The group.
    pub group: String,
    /// Contacts connected to this operator.
    pub contacts: u64,
    /// Time with customers, each contact counted.
    pub handling_ms: u64,
    /// Time of wrap-up, each contact counted.
    pub wrap_up_ms: u64,
    /// Time with at least one contact in handling or wrap-up.
    pub busy_ms: u64,
    /// Time on duty, and whatever of the work in hand lies beyond a shift's end.
    pub on_duty_ms: u64,
    /// `busy_ms ÷ on_duty_ms`; `None` for who was never on duty.
    pub occupancy: Option<f64>,
    /// Units in hand ÷ capacity, on average over the time on duty; differs from the occupancy where an operator has
    /// several contacts at once.
    pub load: Option<f64>,
    /// Units in hand × ms.
    #[serde(skip)]
    units_ms: u64,
    /// Capacity × ms on duty.
    #[serde(skip)]
    capacity_ms: u64,
}

/// A group of operators, or all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GroupFigures {
    /// The group's name.
    pub group: String,
    /// How many operators.
    pub operators: u64,
    /// Contacts connected to them.
    pub contacts: u64,
    /// The fewest contacts that one of them had.
    pub contacts_least: u64,
    /// The most.
    pub contacts_most: u64,
    /// Time with customers.
    pub handling_ms: u64,
    /// Time of wrap-up.
    pub wrap_up_ms: u64,
    /// Time with work in hand.
    pub busy_ms: u64,
    /// Time on duty.
    pub on_duty_ms: u64,
    /// `busy_ms ÷ on_duty_ms`.
    pub occupancy: Option<f64>,
    /// Units in hand ÷ capacity.
    pub load: Option<f64>,
    #[serde(skip)]
    units_ms: u64,
    #[serde(skip)]
    capacity_ms: u64,
}

/// A contact in an operator's hands.
struct Held {
    connected_ms: u64,
    talk_ended_ms: u64,
    released_ms: u64,
    units: u64,
}

/// The figures of all operators, and when they were there.
pub(super) fn of(
    scenario: &Scenario,
    rows: &[ResultRow],
    contacts: &HashMap<&str, &Contact>,
    window: &Window,
) -> (Staff, Presence) {
    let mut held: HashMap<&str, Vec<Held>> = HashMap::new();
    for row in rows {
        if let (Some(login), Some(connected_ms)) = (&row.operator_id, row.assigned_ms) {
            let talk_ended_ms = row.completed_ms.unwrap_or(window.end_ms);
            let released_ms = row.released_ms.unwrap_or(window.end_ms);
            let units = contacts.get(&*row.contact_id).map_or(1, |contact| u64::from(contact.weight));
            let work = Held { connected_ms, talk_ended_ms, released_ms, units };
            held.entry(login).or_default().push(work);
        }
    }
    let capacities: BTreeMap<&str, u32> =
        scenario.planned.iter().map(|operator| (&*operator.login, operator.capacity)).collect();
    let mut presence = Presence::default();
    let operators: Vec<OperatorFigures> = scenario
        .operators
        .iter()
        .map(|operator| {
            let work = held.remove(&*operator.operator_id).unwrap_or_default();
            let said = capacities.get(&*operator.operator_id);
            one(operator, u64::from(*said.unwrap_or(&operator.capacity)), &work, window, &mut presence)
        })
        .collect();
    let mut groups: BTreeMap<&str, GroupFigures> = BTreeMap::new();
    let mut all = GroupFigures { group: "all".into(), ..GroupFigures::default() };
    for operator in &operators {
        groups.entry(&operator.group).or_default().add(operator);
        all.add(operator);
    }
    let named = |(name, figures): (&str, GroupFigures)| GroupFigures { group: name.to_owned(), ..figures };
    let groups = groups.into_iter().map(named).map(GroupFigures::with_shares).collect();
    (Staff { all: all.with_shares(), groups, operators }, presence)
}

fn one(
    operator: &Operator,
    capacity: u64,
    work: &[Held],
    window: &Window,
    presence: &mut Presence,
) -> OperatorFigures {
    let cut = |span: Span| within(span, window.span());
    let busy = union(work.iter().map(|held| cut((held.connected_ms, held.released_ms))).collect());
    let shifts = match &operator.shifts {
        None => vec![window.span()],
        Some(shifts) => shifts.iter().map(|shift| cut((shift.from_ms, shift.to_ms))).collect(),
    };
    let on_duty = union(shifts.into_iter().chain(busy.iter().copied()).collect());
    busy.iter().for_each(|&span| spread(span, window.begins_at_ms, &mut presence.busy_ms));
    on_duty.iter().for_each(|&span| spread(span, window.begins_at_ms, &mut presence.on_duty_ms));
    let sum = |part: fn(&Held) -> u64| work.iter().map(part).sum();
    let (busy_ms, on_duty_ms) = (length_ms(&busy), length_ms(&on_duty));
    let units_ms = sum(|held| held.units * held.released_ms.saturating_sub(held.connected_ms));
    let capacity_ms = capacity * on_duty_ms;
    OperatorFigures {
        login: operator.operator_id.to_string(),
        group: group_of(&operator.operator_id).to_owned(),
        contacts: work.len() as u64,
        handling_ms: sum(|held| held.talk_ended_ms.saturating_sub(held.connected_ms)),
        wrap_up_ms: sum(|held| held.released_ms.saturating_sub(held.talk_ended_ms)),
        busy_ms,
        on_duty_ms,
        occupancy: ratio(busy_ms, on_duty_ms),
        load: ratio(units_ms, capacity_ms),
        units_ms,
        capacity_ms,
    }
}

impl GroupFigures {
    /// Takes an operator in; the shares are counted at the end.
    pub(crate) fn add(&mut self, operator: &OperatorFigures) {
        let least = if self.operators == 0 { u64::MAX } else { self.contacts_least };
        self.contacts_least = least.min(operator.contacts);
        self.contacts_most = self.contacts_most.max(operator.contacts);
        self.operators += 1;
        self.contacts += operator.contacts;
        self.handling_ms += operator.handling_ms;
        self.wrap_up_ms += operator.wrap_up_ms;
        self.busy_ms += operator.busy_ms;
        self.on_duty_ms += operator.on_duty_ms;
        self.units_ms += operator.units_ms;
        self.capacity_ms += operator.capacity_ms;
    }

    /// With occupancy and load.
    pub(crate) fn with_shares(self) -> GroupFigures {
        GroupFigures {
            occupancy: ratio(self.busy_ms, self.on_duty_ms),
            load: ratio(self.units_ms, self.capacity_ms),
            ..self
        }
    }
}
