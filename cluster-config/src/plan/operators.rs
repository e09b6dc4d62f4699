//! The operators of the plan file; a group with `count` is spelled out.

use std::collections::BTreeSet;

use ringmain_routing::Name;
use ringmain_routing::command::OperatorPlan;
use ringmain_routing::limits::{NAME_BYTES_MAX, OPERATORS_MAX};

use super::read::{read_levels, read_unit, small};
use super::rules::{self, Known};
use crate::problem::Sink;
use crate::section::Section;

/// All operators of the file, in its order.
pub(super) fn read(file: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> Vec<OperatorPlan> {
    let mut logins = BTreeSet::new();
    let mut operators = Vec::new();
    for section in file.sections("operators") {
        let pattern = read_operator(&section, known, sink);
        let Some(login) = section.text("login") else { continue };
        for name in spelled_out(login.value, section.optional_number("count")) {
            if operators.len() as u64 >= OPERATORS_MAX {
                let message = format!("with this group there are more than {OPERATORS_MAX} operators");
                sink.add(&section.span_of("count"), &section.path_of("count"), message);
                return operators;
            }
            if name.len() > NAME_BYTES_MAX {
                let message = format!("with its number it is longer than {NAME_BYTES_MAX} bytes");
                sink.add(&login.span, &login.path, message);
                break;
            }
            if !logins.insert(name.clone()) {
                let message = format!("the plan has operator {name:?} already");
                sink.add_hint(&login.span, &login.path, message, "each login may be given once");
                break;
            }
            operators.push(OperatorPlan { login: name.into(), ..pattern.clone() });
        }
    }
    operators
}

fn read_operator(section: &Section<'_>, known: &Known<'_>, sink: &mut Sink<'_>) -> OperatorPlan {
    super::together::check_bot(section, sink);
    let mut ranks = Vec::new();
    for (queue, rank) in section.numbers("ranks") {
        if known.queues.resolve(&queue, sink) {
            ranks.push((Name::from(queue.value), u8::try_from(rank).unwrap_or(u8::MAX)));
        }
    }
    OperatorPlan {
        login: Name::from(""),
        skills: read_levels(section, "skills", known.skills, sink),
        capacity: small(section.number("capacity")),
        unit: read_unit(section, "unit", known.units, sink),
        ranks,
        rules: rules::read_operator(section, known, sink),
    }
}

/// The logins of a group, as generated workloads name them: numbered from 1 with as many digits as the last, behind a
/// dash unless the name ends with one.
fn spelled_out(login: &str, count: Option<u64>) -> Vec<String> {
    match count {
        None => vec![login.to_owned()],
        Some(count) => {
            let count = count.min(OPERATORS_MAX + 1);
            let width = count.to_string().len();
            let dash = if login.ends_with(['_', '-']) { "" } else { "-" };
            (1..=count).map(|number| format!("{login}{dash}{number:0width$}")).collect()
        }
    }
}
