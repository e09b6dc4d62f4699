//! Triggers in the plan file: what a shape cannot say.

use ringmain_routing::limits::{SPAN_MS_MAX, TRIGGER_EVERY_MS_MAX, TRIGGER_EVERY_MS_MIN, TRIGGER_RANKS_MAX};
use ringmain_routing::plan::QueuePlan;
use ringmain_routing::rules::{GroupRank, Measure, Trigger};
use ringmain_routing::{Millis, Name};

use super::diff::{ms, named};
use super::names::Names;
use super::read::{read_unit, small};
use super::rules::Known;
use super::shape::NAME;
use crate::problem::Sink;
use crate::section::Section;
use crate::shape::{Field, Kind, Need, Shape};

pub(super) static TRIGGER: Shape = Shape {
    doc: "While a queue's figure is bad, other ranks count and its ladder is open further; when it is good again, all is as before.",
    exactly_one: false,
    fields: &[
        Field { name: "name", kind: NAME, need: Need::Required, doc: "Its name." },
        Field { name: "queue", kind: NAME, need: Need::Required, doc: "Whose figure counts." },
        Field {
            name: "measure",
            kind: Kind::Choice(&["waiting", "longest_wait", "expected_wait", "service_level"]),
            need: Need::Required,
            doc: "Contacts in line, the longest wait or the expected wait in ms, or percent answered in time since the last look.",
        },
        Field {
            name: "on",
            kind: Kind::Integer(0, SPAN_MS_MAX),
            need: Need::Required,
            doc: "It goes on when the figure has come to this.",
        },
        Field {
            name: "off",
            kind: Kind::Integer(0, SPAN_MS_MAX),
            need: Need::Required,
            doc: "It goes off when the figure is below this; of a service level, when it has come to this.",
        },
        Field {
            name: "every_ms",
            kind: Kind::Integer(TRIGGER_EVERY_MS_MIN, TRIGGER_EVERY_MS_MAX),
            need: Need::Number(10_000),
            doc: "How often the figure is looked at; of a service level also the time that it is taken over.",
        },
        Field {
            name: "calm_ms",
            kind: Kind::Integer(0, SPAN_MS_MAX),
            need: Need::Number(0),
            doc: "It goes off when the figure has been good for so long.",
        },
        Field {
            name: "step",
            kind: Kind::Integer(1, 255),
            need: Need::Optional,
            doc: "The queue's ladder is open to this step, counted from 0.",
        },
        Field {
            name: "ranks",
            kind: Kind::List(&Kind::Table(&GROUP_RANK), TRIGGER_RANKS_MAX),
            need: Need::Optional,
            doc: "Ranks that count instead of the operators' own; the first that concerns an operator.",
        },
    ],
};

static GROUP_RANK: Shape = Shape {
    doc: "Another rank of a queue for operators of a unit, with a skill, or both.",
    exactly_one: false,
    fields: &[
        Field { name: "queue", kind: NAME, need: Need::Required, doc: "The queue." },
        Field {
            name: "unit",
            kind: NAME,
            need: Need::Optional,
            doc: "For operators of this unit or one below it.",
        },
        Field {
            name: "skill",
            kind: NAME,
            need: Need::Optional,
            doc: "For those with this skill, at any level.",
        },
        Field {
            name: "rank",
            kind: Kind::Integer(0, 255),
            need: Need::Required,
            doc: "The rank; smaller ones come first.",
        },
    ],
};

/// The triggers of the plan, in the order of the file.
pub(super) fn read(
    file: &Section<'_>,
    known: &Known<'_>,
    queues: &[QueuePlan],
    sink: &mut Sink<'_>,
) -> Vec<Trigger> {
    let (mut names, mut triggers) = (Names::new("trigger"), Vec::new());
    for section in file.sections("triggers") {
        let queue = section.text("queue").filter(|queue| known.queues.resolve(queue, sink));
        let ranks: Vec<GroupRank> = section
            .sections("ranks")
            .iter()
            .filter_map(|table| read_rank(table, known, queues, sink))
            .collect();
        let measure = read_measure(&section, sink);
        let step = section.optional_number("step").map(byte);
        if step.is_none() && !section.has("ranks") {
            let hint = "say `step`, `ranks` or both";
            sink.add_hint(&section.span, &section.path, "changes nothing".to_owned(), hint);
        }
        let (Some(name), Some(queue), Some(measure)) = (section.text("name"), queue, measure) else {
            continue;
        };
        let ladder =
            queues.iter().find(|plan| &*plan.name == queue.value).map_or(0, |plan| plan.rules.ladder.len());
        if step.is_some_and(|step| usize::from(step) >= ladder) {
            let message = format!("the ladder of queue {:?} has {ladder} steps, counted from 0", queue.value);
            sink.add_hint(
                &section.span_of("step"),
                &section.path_of("step"),
                message,
                "name one of them behind the first",
            );
        }
        if names.declare(&name, sink) {
            triggers.push(Trigger {
                name: name.value.into(),
                queue: queue.value.into(),
                measure,
                every: Millis(section.number("every_ms")),
                calm: Millis(section.number("calm_ms")),
                step,
                ranks,
            });
        }
    }
    triggers
}

fn read_measure(section: &Section<'_>, sink: &mut Sink<'_>) -> Option<Measure> {
    let (on, off) = (section.number("on"), section.number("off"));
    let spans = (Millis(on), Millis(off));
    let (measure, is_sound, hint) = match section.word("measure") {
        "waiting" => (Measure::Waiting { on: small(on), off: small(off) }, off < on, "`off` is below `on`"),
        "longest_wait" => {
            (Measure::LongestWait { on: spans.0, off: spans.1 }, off < on, "`off` is below `on`, both in ms")
        }
        "expected_wait" => {
            (Measure::ExpectedWait { on: spans.0, off: spans.1 }, off < on, "`off` is below `on`, both in ms")
        }
        "service_level" => (
            Measure::ServiceLevel { on: byte(on), off: byte(off) },
            on < off && off <= 100,
            "`on` is below `off`, and `off` at most 100: it goes on when the level is low",
        ),
        _ => return None,
    };
    if !is_sound {
        sink.add_hint(
            &section.span_of("off"),
            &section.path_of("off"),
            "leaves no room between on and off".to_owned(),
            hint,
        );
    }
    Some(measure)
}

fn byte(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn read_rank(
    table: &Section<'_>,
    known: &Known<'_>,
    queues: &[QueuePlan],
    sink: &mut Sink<'_>,
) -> Option<GroupRank> {
    let unit = read_unit(table, "unit", known.units, sink);
    let skill = table.text("skill").filter(|skill| known.skills.resolve(skill, sink));
    if !table.has("unit") && !table.has("skill") {
        sink.add_hint(
            &table.span,
            &table.path,
            "is for nobody".to_owned(),
            "name a unit, a skill or both: the operators for whom it counts",
        );
    }
    let queue = table.text("queue").filter(|queue| known.queues.resolve(queue, sink))?;
    let rank = byte(table.number("rank"));
    let plan = queues.iter().find(|plan| &*plan.name == queue.value);
    let reached = plan.and_then(|plan| plan.rules.ladder.last()).map_or(u8::MAX, |step| step.rank_max);
    if rank > reached {
        let message = format!("the ladder of queue {:?} reaches rank {reached} at most", queue.value);
        sink.add_hint(
            &table.span_of("rank"),
            &table.path_of("rank"),
            message,
            "nobody is shut out by a trigger",
        );
    }
    let skill = skill.map(|skill| Name::from(skill.value));
    Some(GroupRank { queue: queue.value.into(), unit, skill, rank })
}

/// One line for each trigger that changes.
pub(super) fn changes(old: &[Trigger], new: &[Trigger], lines: &mut Vec<String>) {
    for trigger in new {
        match old.iter().find(|known| known.name == trigger.name) {
            None => lines.push(format!("trigger {:?} added: {}", trigger.name, words(trigger))),
            Some(known) if known != trigger => lines.push(format!(
                "trigger {:?}: {} instead of {}",
                trigger.name,
                words(trigger),
                words(known)
            )),
            Some(_) => {}
        }
    }
    for trigger in old.iter().filter(|trigger| !new.iter().any(|other| other.name == trigger.name)) {
        lines.push(format!("trigger {:?} left out", trigger.name));
    }
}

fn words(trigger: &Trigger) -> String {
    let figure = match trigger.measure {
        Measure::Waiting { on, off } => format!("{on} wait, until fewer than {off} do"),
        Measure::LongestWait { on, off } => format!("longest wait {}, until below {}", ms(on.0), ms(off.0)),
        Measure::ExpectedWait { on, off } => format!("expected wait {}, until below {}", ms(on.0), ms(off.0)),
        Measure::ServiceLevel { on, off } => format!("service level {on} %, until {off} %"),
    };
    let mut parts = vec![format!("in {} {figure}", trigger.queue), format!("every {}", ms(trigger.every.0))];
    if trigger.calm.0 > 0 {
        parts.push(format!("calm for {}", ms(trigger.calm.0)));
    }
    parts.extend(trigger.step.map(|step| format!("step {step}")));
    parts.extend(trigger.ranks.iter().map(|shift| {
        let (unit, skill) = (named(shift.unit.as_deref()), named(shift.skill.as_deref()));
        format!("rank {} in {} for unit {unit}, skill {skill}", shift.rank, shift.queue)
    }));
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::{RoutingPlan, changes};

    const PLAN: &str = r#"
        channels = [{ name = "voice" }]
        skills = ["voice"]
        units = [{ name = "north" }]
        queues = [
            { name = "calls", ladder = [{ rank_max = 0 }, { after_ms = 600_000, rank_max = 9 }] },
            { name = "post" },
        ]
        [[triggers]]
        name = "storm"
        queue = "calls"
        measure = "longest_wait"
        on = 180_000
        off = 60_000
        calm_ms = 300_000
        step = 1
        ranks = [{ queue = "post", unit = "north", rank = 5 }]
    "#;

    #[test]
    fn a_trigger_says_when_and_what() {
        let plan = RoutingPlan::parse("plan.toml", PLAN).expect("it is sound").plan;
        let trigger = &plan.rules.triggers[0];
        assert_eq!((trigger.step, trigger.every.0, trigger.ranks[0].rank), (Some(1), 10_000, 5));
        let before =
            RoutingPlan::parse("plan.toml", &PLAN.replace("rank = 5", "rank = 4")).expect("it is sound").plan;
        let lines = changes(&before, &plan);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("rank 5 in post"), "{lines:?}");
    }

    #[test]
    fn what_is_wrong_with_triggers_is_named_all_at_once() {
        let wrong = PLAN
            .replace("off = 60_000", "off = 180_000")
            .replace("step = 1", "step = 2")
            .replace("unit = \"north\", ", "")
            .replace("queue = \"post\", rank", "queue = \"calls\", rank")
            .replace("rank = 5", "rank = 10");
        let problems = RoutingPlan::parse("plan.toml", &wrong).expect_err("four mistakes").to_string();
        for part in ["no room between on and off", "has 2 steps", "is for nobody", "reaches rank 9"] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
    }
}
