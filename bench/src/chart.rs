//! A figure over another one, as a picture: latency over the rate, cost over the number of those who wait.
//!
//! SVG without scripts. Colours are of medium lightness and text follows the reader's scheme, so that it can be read on
//! light and dark paper.

use std::borrow::Cow;
use std::fmt::{Result, Write};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 46.0;
/// Distance of two names in the legend.
const LEGEND_STEP: f64 = 150.0;

const STYLE: &str = "<style>\
    text{font:11px sans-serif;fill:#444}.title{font-weight:bold}\
    polyline{fill:none;stroke-width:1.8}.grid{stroke:#8884;stroke-width:1}\
    .mark{stroke:#c33;stroke-width:1.2;stroke-dasharray:4 3}\
    .c0{stroke:#2f7fd1}.c1{stroke:#c9711f}.c2{stroke:#3a9d5d}.c3{stroke:#9a62c7}\
    circle.c0{fill:#2f7fd1}circle.c1{fill:#c9711f}circle.c2{fill:#3a9d5d}circle.c3{fill:#9a62c7}\
    @media (prefers-color-scheme:dark){text{fill:#ccc}}\
    </style>";

/// How values are placed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scale {
    /// From 0.
    Linear,
    /// By powers of ten.
    Log,
    /// The hours of a day, from 0 to 24.
    Hours,
}

/// Values of one kind.
pub(crate) struct Series {
    pub(crate) name: Cow<'static, str>,
    /// Place on the x axis and value, in any order.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A picture of at most four series.
pub(crate) struct Chart {
    pub(crate) title: &'static str,
    pub(crate) x_name: &'static str,
    pub(crate) x_scale: Scale,
    pub(crate) scale: Scale,
    pub(crate) series: Vec<Series>,
}

/// A moment or a value on the x axis that is marked by a line and a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) at: f64,
    pub(crate) word: &'static str,
}

/// Where the values of one axis are.
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Chart {
    /// Draws it.
    ///
    /// # Errors
    /// Never; writing to a text cannot fail.
    pub(crate) fn draw(&self) -> std::result::Result<String, std::fmt::Error> {
        self.draw_marked(&[])
    }

    /// Draws it with places on the x axis marked.
    ///
    /// # Errors
    /// Never; writing to a text cannot fail.
    pub(crate) fn draw_marked(&self, marks: &[Mark]) -> std::result::Result<String, std::fmt::Error> {
        let points = || self.series.iter().flat_map(|series| series.points.iter().copied());
        let x = Axis::over(self.x_scale, points().map(|point| point.0));
        let y = Axis::over(self.scale, points().map(|point| point.1));
        let mut svg = String::new();
        write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">{STYLE}",
            self.title
        )?;
        write!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"16\">{}</text>", self.title)?;
        grid(&mut svg, &x, &y)?;
        marks.iter().try_for_each(|mark| draw_mark(&mut svg, &x, mark))?;
        let (middle, low) = ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8.0);
        write!(svg, "<text text-anchor=\"middle\" x=\"{middle}\" y=\"{low}\">{}</text>", self.x_name)?;
        for (place, series) in self.series.iter().enumerate() {
            line(&mut svg, place, series, &x, &y)?;
            let (from, mark) = (LEFT + LEGEND_STEP * place as f64, TOP - 18.0);
            write!(
                svg,
                "<circle class=\"c{place}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/>",
                from + 5.0,
                mark - 4.0
            )?;
            write!(svg, "<text x=\"{:.1}\" y=\"{mark:.1}\">{}</text>", from + 14.0, series.name)?;
        }
        svg.push_str("</svg>\n");
        Ok(svg)
    }
}

/// Pictures below each other as one.
pub(crate) fn page(title: &str, charts: &[String]) -> String {
    let height = HEIGHT * charts.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\n"
    );
    for (place, chart) in charts.iter().enumerate() {
        let at = HEIGHT * place as f64;
        svg.push_str(&chart.replacen(
            "<svg ",
            &format!("<svg y=\"{at}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" "),
            1,
        ));
    }
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String, x: &Axis, y: &Axis) -> Result {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for tick in &y.ticks {
        let at = y_of(y, *tick);
        write!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>")?;
        write!(svg, "<text text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{tick}</text>", LEFT - 6.0, at + 4.0)?;
    }
    for tick in &x.ticks {
        let at = x_of(x, *tick);
        write!(svg, "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>")?;
        write!(svg, "<text text-anchor=\"middle\" x=\"{at:.1}\" y=\"{:.1}\">{tick}</text>", bottom + 16.0)?;
    }
    Ok(())
}

fn draw_mark(svg: &mut String, x: &Axis, mark: &Mark) -> Result {
    let (at, bottom) = (x_of(x, mark.at), HEIGHT - BOTTOM);
    write!(svg, "<line class=\"mark\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>")?;
    write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", at + 4.0, TOP + 12.0, mark.word)
}

fn line(svg: &mut String, place: usize, series: &Series, x: &Axis, y: &Axis) -> Result {
    let mut points = series.points.clone();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    write!(svg, "<polyline class=\"c{place}\" points=\"")?;
    for (rate, value) in &points {
        write!(svg, "{:.1},{:.1} ", x_of(x, *rate), y_of(y, *value))?;
    }
    svg.push_str("\"/>");
    for (rate, value) in &points {
        let (at, high) = (x_of(x, *rate), y_of(y, *value));
        write!(svg, "<circle class=\"c{place}\" cx=\"{at:.1}\" cy=\"{high:.1}\" r=\"3\">")?;
        write!(svg, "<title>{}: {value:.2} at {rate:.0}</title></circle>", series.name)?;
    }
    Ok(())
}

fn x_of(axis: &Axis, value: f64) -> f64 {
    LEFT + (WIDTH - LEFT - RIGHT) * axis.share(value)
}

fn y_of(axis: &Axis, value: f64) -> f64 {
    TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - axis.share(value))
}

impl Axis {
    /// An axis that has room for the values.
    fn over(scale: Scale, values: impl Iterator<Item = f64> + Clone) -> Axis {
        match scale {
            Scale::Linear => {
                let most = values.fold(0.0, f64::max).max(1e-9);
                let step = step_for(most);
                let count = (most / step).ceil().max(1.0) as u32;
                // Rounded, so that a tick of 0.3 is not written as 0.30000000000000004.
                let tick = |n: u32| (f64::from(n) * step * 1e9).round() / 1e9;
                Axis { scale, low: 0.0, high: tick(count), ticks: (0..=count).map(tick).collect() }
            }
            Scale::Log => {
                let positive = values.filter(|value| *value > 0.0);
                let low = positive.clone().fold(f64::INFINITY, f64::min).min(1e6);
                let high = positive.fold(low, f64::max);
                let (from, to) = (low.log10().floor() as i32, high.log10().ceil() as i32);
                let to = to.max(from + 1);
                let ticks = (from..=to).map(|power| 10_f64.powi(power)).collect();
                Axis { scale, low: f64::from(from), high: f64::from(to), ticks }
            }
            Scale::Hours => {
                let ticks = (0..=24).step_by(3).map(f64::from).collect();
                Axis { scale, low: 0.0, high: 24.0, ticks }
            }
        }
    }

    /// Where a value is, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let at = match self.scale {
            Scale::Linear | Scale::Hours => value,
            Scale::Log => value.max(1e-9).log10(),
        };
        ((at - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// 1, 2 or 5 times a power of ten, so that there are four to ten steps up to `most`.
fn step_for(most: f64) -> f64 {
    let power = 10_f64.powf((most / 10.0).log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|times| times * power)
        .find(|step| most / step <= 10.0)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_round_ticks_that_hold_all_values() {
        let axis = Axis::over(Scale::Linear, [10.0, 730.0].into_iter());
        assert_eq!((axis.ticks.first(), axis.ticks.last()), (Some(&0.0), Some(&800.0)));
        assert_eq!(axis.ticks.len(), 9);
        let axis = Axis::over(Scale::Linear, [0.27].into_iter());
        assert_eq!(axis.ticks.last(), Some(&0.3));
        let axis = Axis::over(Scale::Log, [0.0, 4.0, 250.0].into_iter());
        assert_eq!(axis.ticks, [1.0, 10.0, 100.0, 1_000.0]);
        assert!((axis.share(10.0) - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!((axis.share(0.0), axis.share(1e9)), (0.0, 1.0));
    }

    #[test]
    fn a_chart_without_values_is_drawn_as_well() {
        for scale in [Scale::Linear, Scale::Log] {
            let series = vec![Series { name: "a".into(), points: Vec::new() }];
            let svg = Chart { title: "t", x_name: "x", x_scale: Scale::Linear, scale, series }
                .draw()
                .expect("a String takes all");
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn points_are_joined_in_the_order_of_their_rates() {
        let series = vec![Series { name: "a".into(), points: vec![(200.0, 2.0), (100.0, 1.0)] }];
        let svg = Chart { title: "t", x_name: "x", x_scale: Scale::Linear, scale: Scale::Linear, series }
            .draw()
            .expect("a String takes all");
        let line = svg.split("points=\"").nth(1).and_then(|rest| rest.split(' ').next()).expect("a line");
        assert_eq!(line, "405.0,182.0");
    }

    #[test]
    fn a_mark_stands_at_its_place() {
        let series = vec![Series { name: "a".into(), points: vec![(0.0, 1.0), (10.0, 2.0)] }];
        let chart = Chart { title: "t", x_name: "x", x_scale: Scale::Linear, scale: Scale::Linear, series };
        let svg = chart.draw_marked(&[Mark { at: 5.0, word: "killed" }]).expect("a String takes all");
        assert!(svg.contains("class=\"mark\" x1=\"405.0\"") && svg.contains(">killed<"), "{svg}");
    }
}
