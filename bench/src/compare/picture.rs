//! Two plans as a picture: a day under both, and the waits from the shortest to the longest.

use std::fmt::Error;

use super::{Comparison, HourCompared, filled};
use crate::chart::{self, Chart, Scale, Series};
use crate::report::Figures;

/// Four charts below each other.
///
/// # Errors
/// Never; writing to a text cannot fail.
pub(super) fn of(comparison: &Comparison) -> Result<String, Error> {
    let hours = |title, value: fn(&Figures) -> Option<f64>| Chart {
        title,
        x_name: "hour of the day",
        x_scale: Scale::Hours,
        scale: Scale::Linear,
        series: vec![
            series("plan A", &comparison.hours, |hour| value(&hour.a)),
            series("plan B", &comparison.hours, |hour| value(&hour.b)),
        ],
    };
    let [a, b] = &comparison.percentiles_ms;
    let charts = [
        hours("Service level by the hour of arrival, percent", |figures| {
            figures.service_level.map(|level| level * 100.0)
        }),
        hours("Mean wait of those answered (ASA) by the hour of arrival, seconds", |figures| {
            figures.asa_ms.map(|ms| ms / 1_000.0)
        }),
        hours("Customers who left, by the hour of arrival", |figures| Some(figures.abandoned as f64)),
        Chart {
            title: "So many percent of those answered waited no longer than, seconds",
            x_name: "percent",
            x_scale: Scale::Linear,
            scale: Scale::Log,
            series: vec![percentiles("plan A", a), percentiles("plan B", b)],
        },
    ];
    let drawn = charts.iter().map(Chart::draw).collect::<Result<Vec<_>, _>>()?;
    Ok(chart::page("Two plans, the same contacts", &drawn))
}

fn series(
    name: &'static str,
    hours: &[HourCompared],
    value: impl Fn(&HourCompared) -> Option<f64>,
) -> Series {
    let point = |hour: &HourCompared| value(hour).map(|value| (hour.hour as f64, value));
    Series { name: name.into(), points: filled(hours).filter_map(point).collect() }
}

fn percentiles(name: &'static str, waits_ms: &[u64]) -> Series {
    let seconds = |ms: u64| ms as f64 / 1_000.0;
    let points = waits_ms.iter().enumerate().map(|(place, &ms)| ((place + 1) as f64, seconds(ms)));
    Series { name: name.into(), points: points.collect() }
}
