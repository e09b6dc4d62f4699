//! A screen as an SVG picture: each run of cells that look the same is one text on the grid.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Size of a cell.
const CELL_WIDTH: f64 = 8.4;
const CELL_HEIGHT: f64 = 18.0;
/// From the top of a cell to the foot of its letters.
const BASELINE: f64 = 13.5;
/// Around the screen.
const MARGIN: f64 = 12.0;
const GROUND: &str = "#16181d";
const INK: &str = "#d7dae0";

/// The picture of a screen.
pub(super) fn svg(buffer: &Buffer, title: &str) -> String {
    let (columns, rows) = (f64::from(buffer.area.width), f64::from(buffer.area.height));
    let (width, height) = (columns * CELL_WIDTH + 2.0 * MARGIN, rows * CELL_HEIGHT + 2.0 * MARGIN);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.1} {height:.1}\" role=\"img\">\n\
         <title>{}</title>\n<rect width=\"{width:.1}\" height=\"{height:.1}\" rx=\"8\" fill=\"{GROUND}\"/>\n\
         <g font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"14\" \
         transform=\"translate({MARGIN} {MARGIN})\">\n",
        escaped(title)
    );
    for row in 0..buffer.area.height {
        let mut column = 0;
        while column < buffer.area.width {
            let end = run_end(buffer, column, row);
            draw_run(&mut picture, buffer, row, column, end);
            column = end;
        }
    }
    picture.push_str("</g>\n</svg>\n");
    picture
}

/// Where the cells that look like this one end.
fn run_end(buffer: &Buffer, column: u16, row: u16) -> u16 {
    let look = |at: u16| {
        let cell = &buffer[(at, row)];
        (cell.fg, cell.bg, cell.modifier)
    };
    (column + 1..buffer.area.width).find(|at| look(*at) != look(column)).unwrap_or(buffer.area.width)
}

fn draw_run(picture: &mut String, buffer: &Buffer, row: u16, from: u16, to: u16) {
    let first: &Cell = &buffer[(from, row)];
    let (x, y) = (f64::from(from) * CELL_WIDTH, f64::from(row) * CELL_HEIGHT);
    let width = f64::from(to - from) * CELL_WIDTH;
    let mut part = String::new();
    let mut written = Ok(());
    if let Some(ground) = hex(first.bg) {
        written = write!(
            part,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{CELL_HEIGHT}\" fill=\"{ground}\"/>"
        );
    }
    let text: String = (from..to).map(|column| buffer[(column, row)].symbol()).collect();
    if !text.trim().is_empty() {
        let weight = if first.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
        let ink = hex(first.fg).unwrap_or(INK);
        written = written.and_then(|()| {
            // The length keeps the grid whatever font a reader has.
            write!(
                part,
                "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
                 fill=\"{ink}\"{weight} xml:space=\"preserve\">{}</text>",
                y + BASELINE,
                escaped(&text)
            )
        });
    }
    written.expect("a String takes all");
    if !part.is_empty() {
        picture.push_str(&part);
        picture.push('\n');
    }
}

/// The colour on a dark ground; `None` for the ground or the plain ink.
fn hex(color: Color) -> Option<&'static str> {
    match color {
        Color::Reset | Color::Rgb(..) | Color::Indexed(_) => None,
        Color::Black => Some("#101216"),
        Color::Red | Color::LightRed => Some("#ff6b68"),
        Color::Green | Color::LightGreen => Some("#7fd88f"),
        Color::Yellow | Color::LightYellow => Some("#f5c76a"),
        Color::Blue | Color::LightBlue => Some("#6aa8ff"),
        Color::Magenta | Color::LightMagenta => Some("#d58fff"),
        Color::Cyan | Color::LightCyan => Some("#5fd7d7"),
        Color::Gray => Some("#b0b4bd"),
        Color::DarkGray => Some("#7d828e"),
        Color::White => Some("#f2f4f8"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn cells_that_look_the_same_are_one_text_in_their_colour() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, "ab", Style::new().fg(Color::Red));
        buffer.set_string(2, 0, "<&", Style::new().fg(Color::Green).add_modifier(Modifier::BOLD));
        let picture = svg(&buffer, "a \"title\"");
        assert_eq!(picture.matches("<text ").count(), 2, "{picture}");
        assert!(picture.contains("fill=\"#ff6b68\" xml:space=\"preserve\">ab</text>"), "{picture}");
        assert!(
            picture.contains("font-weight=\"bold\" xml:space=\"preserve\">&lt;&amp;</text>"),
            "{picture}"
        );
        assert!(picture.contains("<title>a &quot;title&quot;</title>"), "{picture}");
    }
}
