//! Triggers between their two forms.

use ringmain_routing::rules::{GroupRank, Measure, Trigger};
use ringmain_routing::{Millis, Name};

use super::super::{problem, text};
use crate::v1::{self, FieldProblem, TriggerMeasure};

/// A trigger as a message.
#[must_use]
pub fn trigger_to_message(trigger: &Trigger) -> v1::Trigger {
    let (measure, on, off) = match trigger.measure {
        Measure::Waiting { on, off } => (TriggerMeasure::Waiting, u64::from(on), u64::from(off)),
        Measure::LongestWait { on, off } => (TriggerMeasure::LongestWait, on.0, off.0),
        Measure::ExpectedWait { on, off } => (TriggerMeasure::ExpectedWait, on.0, off.0),
        Measure::ServiceLevel { on, off } => (TriggerMeasure::ServiceLevel, u64::from(on), u64::from(off)),
    };
    v1::Trigger {
        name: text(&trigger.name),
        queue: text(&trigger.queue),
        measure: measure.into(),
        on,
        off,
        every_ms: trigger.every.0,
        calm_ms: trigger.calm.0,
        step: trigger.step.map(u32::from),
        ranks: trigger.ranks.iter().map(rank_to_message).collect(),
    }
}

fn rank_to_message(shift: &GroupRank) -> v1::GroupRank {
    v1::GroupRank {
        queue: text(&shift.queue),
        unit: shift.unit.as_ref().map(text),
        skill: shift.skill.as_ref().map(text),
        rank: shift.rank.into(),
    }
}

pub(super) fn from_messages(triggers: Vec<v1::Trigger>, problems: &mut Vec<FieldProblem>) -> Vec<Trigger> {
    let mut known = Vec::new();
    for (at, trigger) in triggers.into_iter().enumerate() {
        let field = format!("plan.rules.triggers[{at}]");
        let Some(measure) = measure(&field, &trigger, problems) else {
            let message = "say WAITING, LONGEST_WAIT, EXPECTED_WAIT or SERVICE_LEVEL";
            problems.push(problem(&format!("{field}.measure"), message));
            continue;
        };
        let step = trigger.step.map(|step| fits(&format!("{field}.step"), u64::from(step), problems));
        let ranks = trigger.ranks.into_iter().map(|shift| GroupRank {
            queue: shift.queue.into(),
            unit: shift.unit.map(Name::from),
            skill: shift.skill.map(Name::from),
            rank: fits(&format!("{field}.ranks"), u64::from(shift.rank), problems),
        });
        let ranks = ranks.collect();
        known.push(Trigger {
            name: trigger.name.into(),
            queue: trigger.queue.into(),
            measure,
            every: Millis(trigger.every_ms),
            calm: Millis(trigger.calm_ms),
            step,
            ranks,
        });
    }
    known
}

fn measure(field: &str, trigger: &v1::Trigger, problems: &mut Vec<FieldProblem>) -> Option<Measure> {
    let (on, off) = (format!("{field}.on"), format!("{field}.off"));
    Some(match trigger.measure() {
        TriggerMeasure::Unspecified => return None,
        TriggerMeasure::Waiting => {
            Measure::Waiting { on: fits(&on, trigger.on, problems), off: fits(&off, trigger.off, problems) }
        }
        TriggerMeasure::LongestWait => {
            Measure::LongestWait { on: Millis(trigger.on), off: Millis(trigger.off) }
        }
        TriggerMeasure::ExpectedWait => {
            Measure::ExpectedWait { on: Millis(trigger.on), off: Millis(trigger.off) }
        }
        TriggerMeasure::ServiceLevel => Measure::ServiceLevel {
            on: fits(&on, trigger.on, problems),
            off: fits(&off, trigger.off, problems),
        },
    })
}

fn fits<T: TryFrom<u64> + Default>(field: &str, value: u64, problems: &mut Vec<FieldProblem>) -> T {
    T::try_from(value).unwrap_or_else(|_| {
        problems.push(problem(field, &format!("{value} is far too much here")));
        T::default()
    })
}
