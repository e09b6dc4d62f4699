//! `plan calendar`: a calendar of a plan file day by day, without a node.

use ringmain_cluster_config::calendar::{CalendarDay, OpenSpan};
use ringmain_cluster_config::{Calendar, RoutingPlan};
use ringmain_routing::Timestamp;
use ringmain_telemetry::codes;
use serde_json::{Value, json};

use super::start::read_plan;
use crate::cli::PlanCalendarArgs;
use crate::clock::wall;
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, Column, Rows, moment};

/// Prints the days.
pub(super) fn run(args: &PlanCalendarArgs) -> Result<(), Failure> {
    let plan = read_plan(&args.plan)?;
    let calendar = find(&plan, args.name.as_deref())?;
    let now = wall();
    let until = calendar.expand(now).map_err(|error| invalid(&error))?.until;
    let days = calendar.days(args.from.as_deref(), now, args.days.into()).map_err(|error| invalid(&error))?;
    output::print(&answer(calendar, &days, until), args.format, false)
}

fn find<'p>(plan: &'p RoutingPlan, name: Option<&str>) -> Result<&'p Calendar, Failure> {
    let names: Vec<&str> = plan.calendars.iter().map(Calendar::name).collect();
    let there_are = match names.len() {
        0 => "the plan has none".to_owned(),
        1..=12 => format!("the plan has {}", names.join(", ")),
        many => format!("the plan has {many} others"),
    };
    match (name, plan.calendars.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err(invalid(&format!("name one calendar: {there_are}"))),
        (Some(name), calendars) => calendars
            .iter()
            .find(|calendar| calendar.name() == name)
            .ok_or_else(|| invalid(&format!("no calendar {name:?}: {there_are}"))),
    }
}

fn invalid(message: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, message)
}

fn answer(calendar: &Calendar, days: &[CalendarDay], until: Timestamp) -> Answer {
    let mut rows = Rows::new(&[
        Column::Words("date"),
        Column::Words("day"),
        Column::Words("open"),
        Column::Words("UTC"),
        Column::Words("why"),
    ]);
    for day in days {
        let each = |text: fn(&OpenSpan) -> String| match day.open.len() {
            0 => "closed".to_owned(),
            _ => day.open.iter().map(text).collect::<Vec<_>>().join(", "),
        };
        rows.push([
            day.date.clone(),
            day.weekday.to_owned(),
            each(|span| format!("{}-{}", span.opens, span.closes)),
            each(|span| format!("{} to {}", minute(span.from), minute(span.to))),
            day.reason.to_string(),
        ]);
    }
    let horizon = format!(
        "{} ({}), applied today, is known until {}; then its regular week repeats",
        calendar.name(),
        calendar.zone_name(),
        minute(until)
    );
    Answer {
        json: json!({
            "calendar": calendar.name(),
            "zone": calendar.zone_name(),
            "until_ms": until.0,
            "days": days.iter().map(day_json).collect::<Vec<_>>(),
        }),
        text: vec![Block::Rows(rows), Block::Line(horizon)],
    }
}

fn day_json(day: &CalendarDay) -> Value {
    let span = |span: &OpenSpan| json!({"opens": span.opens, "closes": span.closes, "from_ms": span.from.0, "to_ms": span.to.0});
    json!({
        "date": day.date,
        "day": day.weekday,
        "why": day.reason.to_string(),
        "open": day.open.iter().map(span).collect::<Vec<_>>(),
    })
}

/// A moment in UTC to the minute: calendars know nothing finer.
fn minute(at: Timestamp) -> String {
    let text = moment(at.0);
    text.get(..16).map_or(text.clone(), |minutes| format!("{minutes}Z"))
}
