//! Who is on duty when: groups of a profile as operators with shifts and staggered breaks.

use super::{DAY_MS, MINUTE_MS, Selection, scaled_count};
use crate::intern::Interner;
use crate::profile::{Group, Profile};
use crate::scenario::{Operator, Shift, joined};

const HOUR_MS: u64 = 3_600_000;

/// The operators of all groups, group by group.
pub(super) fn operators(profile: &Profile, selection: &Selection, names: &mut Interner) -> Vec<Operator> {
    let mut operators = Vec::new();
    for group in &profile.groups {
        let count = scaled_count(group.count, selection.scale);
        // As the profile's own, so that a plan's rules reach the operators of a smaller centre too.
        let width = count.max(group.count).to_string().len();
        let dash = if group.name.ends_with(['_', '-']) { "" } else { "-" };
        for i in 0..count {
            operators.push(Operator {
                operator_id: format!("{}{dash}{:0width$}", group.name, i + 1).into(),
                skills: group.skills.iter().map(|skill| (names.text(skill), 1)).collect(),
                capacity: group.capacity,
                region: group.region.as_deref().map(|region| names.text(region)),
                shifts: shifts(group, i, count, selection),
            });
        }
    }
    operators
}

/// The shifts of the group's `i`-th operator of `count`, from the scenario's time 0 on.
fn shifts(group: &Group, i: u64, count: u64, selection: &Selection) -> Option<Vec<Shift>> {
    let pause_ms = (group.break_min_per_hour * MINUTE_MS as f64).round() as u64;
    if group.hours.is_none() && pause_ms == 0 {
        return None;
    }
    // Evenly spread over what is left of the hour, so that as few as possible are away at once.
    let pause_from = i * (HOUR_MS - pause_ms) / count;
    let mut shifts = Vec::new();
    for span in duty_spans(group, selection.days) {
        without_pauses(span, pause_from, pause_ms, &mut shifts);
    }
    let start = selection.from.ms();
    let moved = joined(shifts).into_iter().filter(|shift| shift.to_ms > start);
    Some(
        moved
            .map(|shift| Shift { from_ms: shift.from_ms.saturating_sub(start), to_ms: shift.to_ms - start })
            .collect(),
    )
}

/// The group's time on duty, in milliseconds since the first midnight. Hours over midnight have begun on the eve.
fn duty_spans(group: &Group, days: u32) -> Vec<Shift> {
    let end = u64::from(days) * DAY_MS;
    let Some((from_h, to_h)) = group.hours else { return vec![Shift { from_ms: 0, to_ms: end }] };
    let ms = |hours: f64| (hours * HOUR_MS as f64).round() as u64;
    let mut spans = Vec::new();
    for midnight in (0..u64::from(days)).map(|day| day * DAY_MS) {
        if from_h < to_h {
            spans.push(Shift { from_ms: midnight + ms(from_h), to_ms: midnight + ms(to_h) });
        } else {
            spans.push(Shift { from_ms: midnight, to_ms: midnight + ms(to_h) });
            spans.push(Shift { from_ms: midnight + ms(from_h), to_ms: midnight + DAY_MS });
        }
    }
    spans.retain(|span| span.from_ms < span.to_ms);
    spans
}

/// The parts of a span outside the pause of each clock hour.
fn without_pauses(span: Shift, pause_from: u64, pause_ms: u64, shifts: &mut Vec<Shift>) {
    let mut from_ms = span.from_ms;
    let mut hour = span.from_ms / HOUR_MS * HOUR_MS;
    while pause_ms > 0 && hour < span.to_ms {
        let pause = Shift { from_ms: hour + pause_from, to_ms: hour + pause_from + pause_ms };
        if pause.from_ms > from_ms {
            shifts.push(Shift { from_ms, to_ms: pause.from_ms.min(span.to_ms) });
        }
        from_ms = from_ms.max(pause.to_ms);
        hour += HOUR_MS;
    }
    if from_ms < span.to_ms {
        shifts.push(Shift { from_ms, to_ms: span.to_ms });
    }
}
