//! Judges a result by brute force from the rules of the format alone: it looks at every moment, every waiting
//! contact and every operator, and shares no code with the core. Where events of one millisecond could stand in
//! either order it accepts both.

use std::collections::BTreeMap;

use ringmain_bench::result::{ResultOutcome, ResultRow};
use ringmain_bench::scenario::{Contact, Kind, Operator, Scenario};

/// A contact with its final row.
struct Case<'a> {
    contact: &'a Contact,
    row: &'a ResultRow,
    /// Its place in the file: the order among equals.
    place: usize,
    /// The place of the row: the order of decisions.
    decided: usize,
}

impl Case<'_> {
    /// The moment from which it waited no longer; `None` when it waited to the end.
    fn left_queue_ms(&self) -> Option<u64> {
        match self.row.outcome {
            ResultOutcome::Served | ResultOutcome::InService | ResultOutcome::Requeued => {
                self.row.assigned_ms
            }
            ResultOutcome::Abandoned | ResultOutcome::Merged | ResultOutcome::Rejected => {
                self.row.completed_ms
            }
            ResultOutcome::Waiting => None,
        }
    }

    fn key(&self) -> (u8, u64, usize) {
        (self.contact.priority, self.contact.arrival_ms, self.place)
    }

    /// Takes the operator's units during this span.
    fn held(&self) -> Option<(u64, u64)> {
        self.row.assigned_ms.map(|from| (from, self.row.released_ms.unwrap_or(u64::MAX)))
    }
}

/// Everything that is wrong with the rows; empty for a good result.
pub fn faults(scenario: &Scenario, rows: &[ResultRow]) -> Vec<String> {
    let mut faults = Vec::new();
    let cases = final_rows(scenario, rows, &mut faults);
    check_order_of_rows(rows, &mut faults);
    for case in &cases {
        check_times(case, &mut faults);
        check_merge(case, &cases, &mut faults);
    }
    for operator in &scenario.operators {
        check_operator(operator, &cases, &mut faults);
    }
    check_work_conserving(scenario, &cases, &mut faults);
    faults
}

fn final_rows<'a>(scenario: &'a Scenario, rows: &'a [ResultRow], faults: &mut Vec<String>) -> Vec<Case<'a>> {
    let mut by_id: BTreeMap<&str, Vec<(usize, &ResultRow)>> = BTreeMap::new();
    for (decided, row) in rows.iter().enumerate().filter(|(_, row)| row.outcome != ResultOutcome::Requeued) {
        by_id.entry(&row.contact_id).or_default().push((decided, row));
    }
    let mut cases = Vec::new();
    for (place, contact) in scenario.contacts.iter().enumerate() {
        match by_id.remove(&*contact.contact_id).as_deref() {
            Some(&[(decided, row)]) => cases.push(Case { contact, row, place, decided }),
            Some(many) => faults.push(format!("{} has {} final rows", contact.contact_id, many.len())),
            None => faults.push(format!("{} has no final row", contact.contact_id)),
        }
    }
    faults.extend(by_id.keys().map(|id| format!("{id} is not in the scenario")));
    cases
}

fn check_order_of_rows(rows: &[ResultRow], faults: &mut Vec<String>) {
    let time = |row: &ResultRow| row.assigned_ms.or(row.completed_ms).unwrap_or(u64::MAX);
    for pair in rows.windows(2).filter(|pair| time(&pair[0]) > time(&pair[1])) {
        faults.push(format!("the row of {} stands after a later one", pair[1].contact_id));
    }
}

fn check_times(case: &Case<'_>, faults: &mut Vec<String>) {
    let (contact, row) = (case.contact, case.row);
    let mut expect = |what: &str, holds: bool| {
        if !holds {
            faults.push(format!("{}: {what}: {row:?}", contact.contact_id));
        }
    };
    expect("repeats the arrival", row.arrival_ms == contact.arrival_ms);
    match row.outcome {
        ResultOutcome::Served => {
            let (from, to) = (row.assigned_ms.unwrap_or(0), row.completed_ms.unwrap_or(0));
            expect("arrives before it is assigned", from >= contact.arrival_ms);
            expect("takes its service time", to == from + contact.service_ms);
            expect(
                "is released after wrap-up",
                row.released_ms == Some(to + contact.wrap_up_ms.unwrap_or(0)),
            );
            let patient = contact
                .patience_ms
                .is_none_or(|patience| from.saturating_sub(contact.arrival_ms) <= patience);
            expect("does not outwait its patience", patient);
            expect("has an operator", row.operator_id.is_some());
        }
        ResultOutcome::Abandoned => {
            let left = contact.patience_ms.map(|patience| contact.arrival_ms + patience);
            expect("leaves when patience ends", row.completed_ms == left && left.is_some());
            expect("has no operator", row.operator_id.is_none() && row.assigned_ms.is_none());
        }
        ResultOutcome::Waiting => expect("has no patience", contact.patience_ms.is_none()),
        ResultOutcome::Merged => expect("is a call-back", contact.kind == Kind::Callback),
        ResultOutcome::Rejected | ResultOutcome::InService | ResultOutcome::Requeued => {
            expect("is served, left, merged or waits", false);
        }
    }
}

/// An order is merged if and only if an order of the same customer is open when it arrives.
fn check_merge(case: &Case<'_>, cases: &[Case<'_>], faults: &mut Vec<String>) {
    if case.contact.kind != Kind::Callback {
        return;
    }
    let arrival = case.contact.arrival_ms;
    let same = cases.iter().filter(|other| {
        other.contact.kind == Kind::Callback
            && other.contact.customer_id == case.contact.customer_id
            && other.row.outcome != ResultOutcome::Merged
            && other.place < case.place
    });
    let end = |other: &Case<'_>| other.row.released_ms.or(other.row.completed_ms).unwrap_or(u64::MAX);
    let open: Vec<&Case<'_>> = same.filter(|other| end(other) >= arrival).collect();
    let surely_open = open.iter().any(|other| end(other) > arrival);
    match &case.row.merged_into {
        Some(into) if !open.iter().any(|other| other.contact.contact_id == *into) => {
            faults.push(format!("{} joined {into}, which was not open", case.contact.contact_id));
        }
        None if surely_open => faults.push(format!("{} joined no open order", case.contact.contact_id)),
        Some(_) | None => {}
    }
}

fn on_duty(operator: &Operator, at: u64) -> bool {
    operator.shifts.as_ref().is_none_or(|shifts| shifts.iter().any(|s| (s.from_ms..s.to_ms).contains(&at)))
}

fn has_skills(operator: &Operator, contact: &Contact) -> bool {
    contact.required_skills.iter().all(|skill| operator.skills.iter().any(|(own, _)| own == skill))
}

/// Capacity, fit, duty, and order among those who waited.
fn check_operator(operator: &Operator, cases: &[Case<'_>], faults: &mut Vec<String>) {
    let own: Vec<&Case<'_>> =
        cases.iter().filter(|case| case.row.operator_id.as_ref() == Some(&operator.operator_id)).collect();
    for case in &own {
        let Some((from, _)) = case.held() else { continue };
        let name = format!("{} to {} at {from}", case.contact.contact_id, operator.operator_id);
        let used = used_units(&own, from);
        if used > u64::from(operator.capacity) {
            faults.push(format!("{name}: {used} units in hand, capacity {}", operator.capacity));
        }
        if !has_skills(operator, case.contact) {
            faults.push(format!("{name}: lacks a skill"));
        }
        if !on_duty(operator, from) {
            faults.push(format!("{name}: off duty"));
        }
        check_first_in_line(operator, case, &own, cases, faults);
    }
}

/// Units in hand right after `at`.
fn used_units(own: &[&Case<'_>], at: u64) -> u64 {
    let in_hand = own.iter().filter(|case| case.held().is_some_and(|(from, to)| from <= at && at < to));
    in_hand.map(|case| u64::from(case.contact.weight)).sum()
}

/// No other contact that surely waited, surely fitted and goes before stood in line at this assignment.
fn check_first_in_line(
    operator: &Operator,
    case: &Case<'_>,
    own: &[&Case<'_>],
    cases: &[Case<'_>],
    faults: &mut Vec<String>,
) {
    let Some((from, _)) = case.held() else { return };
    // What was surely free: units given before and not released by then, later rows of the millisecond aside.
    let before = own.iter().filter(|other| {
        other.held().is_some_and(|(start, end)| start <= from && end >= from) && other.decided < case.decided
    });
    let used: u64 = before.map(|other| u64::from(other.contact.weight)).sum();
    let free = u64::from(operator.capacity).saturating_sub(used).max(u64::from(case.contact.weight));
    let overtaken = cases.iter().find(|other| {
        let waited = other.contact.arrival_ms < from
            && match other.left_queue_ms() {
                None => true,
                Some(left) if left == from => {
                    other.row.assigned_ms == Some(from) && other.decided > case.decided
                }
                Some(left) => left > from,
            };
        waited
            && other.key() < case.key()
            && has_skills(operator, other.contact)
            && u64::from(other.contact.weight) <= free
    });
    if let Some(other) = overtaken {
        faults.push(format!(
            "{} overtook {} at {from} with {}",
            case.contact.contact_id, other.contact.contact_id, operator.operator_id
        ));
    }
}

/// After no event does a contact wait while an operator on duty has the skills and room for it.
fn check_work_conserving(scenario: &Scenario, cases: &[Case<'_>], faults: &mut Vec<String>) {
    let mut moments: Vec<u64> = cases
        .iter()
        .flat_map(|case| [Some(case.contact.arrival_ms), case.left_queue_ms(), case.row.released_ms])
        .flatten()
        .chain(scenario.operators.iter().flat_map(|op| op.shifts.iter().flatten()).map(|shift| shift.from_ms))
        .collect();
    moments.sort_unstable();
    moments.dedup();
    let own: Vec<(&Operator, Vec<&Case<'_>>)> = scenario
        .operators
        .iter()
        .map(|operator| {
            let of = |case: &&Case<'_>| case.row.operator_id.as_ref() == Some(&operator.operator_id);
            (operator, cases.iter().filter(of).collect())
        })
        .collect();
    for at in moments {
        for (operator, in_hand) in own.iter().filter(|(operator, _)| on_duty(operator, at)) {
            let free = u64::from(operator.capacity).saturating_sub(used_units(in_hand, at));
            let idle_for = cases.iter().find(|case| {
                case.contact.arrival_ms <= at
                    && case.left_queue_ms().is_none_or(|left| left > at)
                    && has_skills(operator, case.contact)
                    && u64::from(case.contact.weight) <= free
            });
            if let Some(case) = idle_for {
                let id = &case.contact.contact_id;
                faults.push(format!("{id} waits at {at} while {} could take it", operator.operator_id));
            }
        }
    }
}
