//! The day as a picture: what came, how long it waited, how much of it was in time, and who was there.

use std::fmt::Error;

use super::{HourFigures, Report};
use crate::chart::{self, Chart, Scale, Series};

/// Four charts below each other.
///
/// # Errors
/// Never; writing to a text cannot fail.
pub(super) fn of(report: &Report) -> Result<String, Error> {
    let hours = &report.hours;
    let count = |name, value: fn(&HourFigures) -> u64| {
        series(name, hours, move |hour| hour.on_duty.map(|_| value(hour) as f64))
    };
    let seconds = |ms: Option<u64>| ms.map(|ms| ms as f64 / 1_000.0);
    let arrivals = vec![
        count("contacts", |hour| hour.figures.contacts),
        count("served", |hour| hour.figures.served),
        count("abandoned", |hour| hour.figures.abandoned),
    ];
    let waits = vec![
        series("mean (ASA)", hours, |hour| hour.figures.asa_ms.map(|ms| ms / 1_000.0)),
        series("p90", hours, move |hour| seconds(hour.figures.wait_ms.map(|waits| waits.p90))),
        series("p99", hours, move |hour| seconds(hour.figures.wait_ms.map(|waits| waits.p99))),
        series("longest", hours, move |hour| seconds(hour.figures.longest_ms)),
    ];
    let occupancy = |hour: &HourFigures| {
        hour.busy
            .zip(hour.on_duty)
            .filter(|(_, there)| *there > 0.0)
            .map(|(busy, there)| 100.0 * busy / there)
    };
    let shares = vec![
        series("service level", hours, |hour| hour.figures.service_level.map(|level| level * 100.0)),
        series("occupancy", hours, occupancy),
    ];
    let staff = vec![
        series("on duty", hours, |hour| hour.on_duty),
        series("with work in hand", hours, |hour| hour.busy),
    ];
    let charts = [
        day("Contacts by the hour of their arrival", arrivals),
        day("Waits in seconds by the hour of arrival", waits),
        day("Service level and occupancy, percent", shares),
        day("Operators, on average", staff),
    ];
    let drawn = charts.iter().map(Chart::draw).collect::<Result<Vec<_>, _>>()?;
    Ok(chart::page("A day in the simulation", &drawn))
}

/// A chart over the hours of the day.
fn day(title: &'static str, series: Vec<Series>) -> Chart {
    Chart { title, x_name: "hour of the day", x_scale: Scale::Hours, scale: Scale::Linear, series }
}

/// A line over the hours that have a value.
fn series(name: &'static str, hours: &[HourFigures], value: impl Fn(&HourFigures) -> Option<f64>) -> Series {
    let points = hours.iter().filter_map(|hour| value(hour).map(|value| (hour.hour as f64, value))).collect();
    Series { name: name.into(), points }
}
