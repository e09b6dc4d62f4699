//! Breaks, rest and shifts of the random worlds, in small numbers.

use ringmain_routing::command::AskForBreak;
use ringmain_routing::rules::{BreakRule, OperatorRules, PlanRules, RestRule};
use ringmain_routing::{Command, Epoch, Millis, Name, OperatorId};

use super::rule_book::{CALENDARS, chosen};
use super::world::{OPERATORS, pick};
use super::{BreakAskSpec, Flaw};
use crate::model::Model;

/// Breaks of the world.
pub const BREAKS: [&str; 3] = ["short", "lunch", "smoke"];
/// The shortest window of rest.
const WINDOW_MS: u64 = 60_000;

/// One break of the plan.
#[derive(Clone, Copy, Debug)]
pub struct BreakSpec {
    /// Due after so long, and how long it is.
    pub every: u8,
    /// How long it is.
    pub length: u8,
    /// How long it may be put off.
    pub defer: u8,
    /// How many of the team may be away.
    pub away: u8,
    /// Also where nobody else is there.
    pub alone: bool,
    /// Only when asked for.
    pub on_request: bool,
    /// Ready behind it.
    pub returns: bool,
}

/// The time of an operator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OperatorTimeSpec {
    /// Its breaks by bits.
    pub breaks: u8,
    /// In the other order.
    pub is_turned: bool,
    /// Its shifts.
    pub shift: Option<u8>,
    /// Whether it rests.
    pub rests: bool,
}

/// Puts breaks and rest into a plan's rules.
pub(super) fn put_into(rules: &mut PlanRules, breaks: &[BreakSpec], rest: Option<u8>) {
    let span = |ms: u8| Millis(u64::from(ms));
    let row = |(name, spec): (&&str, &BreakSpec)| BreakRule {
        name: (*name).into(),
        reason: u16::from(spec.length % 2),
        every: span(spec.every),
        length: span(spec.length),
        defer_max: span(spec.defer),
        away_percent_max: spec.away,
        alone: spec.alone,
        on_request: spec.on_request,
        returns: spec.returns,
    };
    rules.breaks = BREAKS.iter().zip(breaks).map(row).collect();
    rules.rest = rest.map(|busy_percent_max| RestRule { window: Millis(WINDOW_MS), busy_percent_max });
}

pub(super) fn put_into_operator(rules: &mut OperatorRules, spec: &OperatorTimeSpec) {
    rules.breaks = chosen(BREAKS.into_iter(), spec.breaks);
    if spec.is_turned {
        rules.breaks.reverse();
    }
    rules.shift = spec.shift.map(|number| pick(&CALENDARS, number).into());
    rules.rests = spec.rests;
}

pub(super) fn ask(spec: &BreakAskSpec, model: &Model) -> Command {
    let login = pick(&OPERATORS, spec.who);
    let row = model.operators().iter().find(|row| &*row.login == login);
    let nobody = (OperatorId { slot: 70, generation: 0 }, Epoch(0), 0);
    let (operator, epoch, seq) = row.map_or(nobody, |row| (row.id, row.session.epoch, row.presence_seq));
    let epoch = if spec.flaw == Flaw::Epoch { Epoch(epoch.0 + 1) } else { epoch };
    let seq = seq + u64::from(spec.flaw != Flaw::Assignment);
    let own = row.map_or(&[][..], |row| &row.rules.breaks);
    let of_own = own.get(usize::from(spec.name) % own.len().max(1)).cloned();
    let any: Name = pick(&BREAKS, spec.name).into();
    let name = of_own.filter(|_| spec.flaw != Flaw::Party).unwrap_or(any);
    Command::AskForBreak(AskForBreak { operator, epoch, seq, name })
}
