//! A drill as a picture: what came and was assigned, how long it took, who led, and the faults as bands behind.
//!
//! SVG without scripts. Colours are of medium lightness and text follows the reader's scheme, so that it can be read on
//! light and dark paper.

use std::fmt::{Result, Write};

use super::record::{Record, Second};
use crate::drills::report::Kill;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
/// Top and height of the three panels.
const RATES: (f64, f64) = (36.0, 110.0);
const WAITS: (f64, f64) = (176.0, 110.0);
const LEADERS: (f64, f64) = (316.0, 22.0);
const FAULTS_TOP: f64 = 366.0;
const FAULT_HEIGHT: f64 = 16.0;
/// Faults listed below the picture; the bands show all.
const FAULTS_MAX: usize = 40;
/// Waits are drawn on a scale of powers of ten, from 1 ms to 100 s.
const DECADES: f64 = 5.0;

const STYLE: &str = "<style>\
    text{font:11px sans-serif;fill:#444}\
    .pushed{stroke:#8a8a8a}.assigned{stroke:#2f7fd1}.p50{stroke:#3a9d5d}.p99{stroke:#c9711f}\
    polyline{fill:none;stroke-width:1.5}\
    .grid{stroke:#8884;stroke-width:1}\
    .fault{fill:#d0433033}.mark{fill:#d04330}\
    .l0{fill:#8886}.l1{fill:#2f7fd1}.l2{fill:#3a9d5d}.l3{fill:#9a62c7}.l4{fill:#c9711f}.l5{fill:#16929b}\
    @media (prefers-color-scheme:dark){text{fill:#ccc}}\
    </style>";

/// Draws a drill.
///
/// # Errors
/// Never; writing to a text cannot fail.
pub(super) fn draw(record: &Record) -> std::result::Result<String, std::fmt::Error> {
    let seconds = record.seconds.last().map_or(1, |last| last.second + 1) as f64;
    let faults = record.report.kills.len().min(FAULTS_MAX);
    let height = FAULTS_TOP + FAULT_HEIGHT * faults as f64 + 30.0;
    let picture = Picture { seconds, height };
    let mut svg = String::new();
    write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{}\">{STYLE}",
        escape(&format!("{}: {}", record.report.drill, outcome(record)))
    )?;
    let title = format!(
        "{}, {} nodes, {} contacts/s: {}",
        record.report.drill,
        record.nodes,
        record.rate,
        outcome(record)
    );
    text(&mut svg, LEFT, 16.0, &title)?;
    picture.bands(&mut svg, &record.report.kills)?;
    picture.rates(&mut svg, &record.seconds)?;
    picture.waits(&mut svg, &record.seconds)?;
    picture.leaders(&mut svg, &record.seconds)?;
    picture.faults(&mut svg, &record.report.kills)?;
    picture.axis(&mut svg)?;
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn outcome(record: &Record) -> &'static str {
    if record.is_clean() { "clean" } else { "not clean" }
}

struct Picture {
    seconds: f64,
    height: f64,
}

impl Picture {
    fn x(&self, second: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (second / self.seconds).clamp(0.0, 1.0)
    }

    fn bands(&self, svg: &mut String, kills: &[Kill]) -> Result {
        let bottom = LEADERS.0 + LEADERS.1;
        for kill in kills {
            let (from, to) = self.span(kill);
            let (top, high, wide) = (RATES.0, bottom - RATES.0, (to - from).max(1.5));
            write!(
                svg,
                "<rect class=\"fault\" x=\"{from:.1}\" y=\"{top}\" width=\"{wide:.1}\" height=\"{high}\"/>"
            )?;
        }
        Ok(())
    }

    fn span(&self, kill: &Kill) -> (f64, f64) {
        let until_ms = kill.until_ms.unwrap_or(kill.at_ms);
        (self.x(kill.at_ms as f64 / 1e3), self.x(until_ms as f64 / 1e3))
    }

    fn rates(&self, svg: &mut String, rows: &[Second]) -> Result {
        let most = rows.iter().map(|row| row.pushed.max(row.assigned)).max().unwrap_or(1).max(1);
        let (top, high) = RATES;
        text(svg, LEFT, top - 4.0, "contacts a second: brought (grey), assigned (blue)")?;
        for share in [0.0, 0.5, 1.0] {
            let y = top + high * (1.0 - share);
            self.grid(svg, y, &format!("{:.0}", most as f64 * share))?;
        }
        let y = |count: u64| top + high * (1.0 - count as f64 / most as f64);
        self.line(svg, "pushed", rows.iter().map(|row| (row.second, Some(y(row.pushed)))))?;
        self.line(svg, "assigned", rows.iter().map(|row| (row.second, Some(y(row.assigned)))))
    }

    fn waits(&self, svg: &mut String, rows: &[Second]) -> Result {
        let (top, high) = WAITS;
        text(
            svg,
            LEFT,
            top - 4.0,
            "from push to assignment: half within (green), 99 of 100 within (orange)",
        )?;
        let y = |ms: f64| top + high * (1.0 - (ms.max(1.0).log10() / DECADES).min(1.0));
        for (ms, label) in [(1.0, "1 ms"), (10.0, "10 ms"), (100.0, "100 ms"), (1e3, "1 s"), (1e4, "10 s")] {
            self.grid(svg, y(ms), label)?;
        }
        self.line(svg, "p50", rows.iter().map(|row| (row.second, row.p50_ms.map(y))))?;
        self.line(svg, "p99", rows.iter().map(|row| (row.second, row.p99_ms.map(y))))
    }

    fn leaders(&self, svg: &mut String, rows: &[Second]) -> Result {
        let (top, high) = LEADERS;
        text(svg, LEFT, top - 4.0, "who leads (the number is the node; grey is nobody)")?;
        let mut rest = rows;
        while let Some(first) = rest.first() {
            let count = rest.iter().take_while(|row| row.leader == first.leader).count();
            let (from, to) = (self.x(first.second as f64), self.x((first.second + count as u64) as f64));
            let colour = if first.leader == 0 { 0 } else { (first.leader - 1) % 5 + 1 };
            let wide = to - from;
            write!(
                svg,
                "<rect class=\"l{colour}\" x=\"{from:.1}\" y=\"{top}\" width=\"{wide:.1}\" height=\"{high}\"/>"
            )?;
            if first.leader > 0 && wide > 12.0 {
                text(svg, from + 3.0, top + high - 7.0, &first.leader.to_string())?;
            }
            rest = &rest[count..];
        }
        Ok(())
    }

    fn faults(&self, svg: &mut String, kills: &[Kill]) -> Result {
        for (row, kill) in kills.iter().take(FAULTS_MAX).enumerate() {
            let (from, to) = self.span(kill);
            let y = FAULTS_TOP + FAULT_HEIGHT * row as f64;
            let wide = (to - from).max(2.0);
            write!(
                svg,
                "<rect class=\"mark\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"4\"/>"
            )?;
            let words = format!("{}: {} {:?}", kill.how, kill.role, kill.nodes);
            // Words that would leave the picture end at the band instead of beginning there.
            let anchor = if from > WIDTH / 2.0 { ("end", to) } else { ("start", from) };
            write!(
                svg,
                "<text text-anchor=\"{}\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                anchor.0,
                anchor.1,
                y + 14.0,
                escape(&words)
            )?;
        }
        Ok(())
    }

    fn axis(&self, svg: &mut String) -> Result {
        let step = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0]
            .into_iter()
            .find(|step| self.seconds / step <= 14.0)
            .unwrap_or(1_800.0);
        let mut second = 0.0;
        while second <= self.seconds {
            text(svg, self.x(second), self.height - 8.0, &format!("{second:.0} s"))?;
            second += step;
        }
        Ok(())
    }

    fn grid(&self, svg: &mut String, y: f64, label: &str) -> Result {
        let right = WIDTH - RIGHT;
        write!(svg, "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>")?;
        let (x, y) = (LEFT - 6.0, y + 4.0);
        write!(svg, "<text text-anchor=\"end\" x=\"{x:.1}\" y=\"{y:.1}\">{label}</text>")
    }

    /// A line that has gaps where there is no value.
    fn line(
        &self,
        svg: &mut String,
        class: &str,
        points: impl Iterator<Item = (u64, Option<f64>)>,
    ) -> Result {
        let mut piece = String::new();
        for (second, y) in points {
            match y {
                Some(y) => write!(piece, "{:.1},{y:.1} ", self.x(second as f64 + 0.5))?,
                None => end_piece(svg, class, &mut piece)?,
            }
        }
        end_piece(svg, class, &mut piece)
    }
}

fn end_piece(svg: &mut String, class: &str, piece: &mut String) -> Result {
    if !piece.is_empty() {
        write!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", piece.trim_end())?;
        piece.clear();
    }
    Ok(())
}

fn text(svg: &mut String, x: f64, y: f64, words: &str) -> Result {
    write!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(words))
}

fn escape(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
