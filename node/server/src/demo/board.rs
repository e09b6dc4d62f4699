//! The demo's live table: the centre's queues and the cluster, drawn anew each second.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use hdrhistogram::Histogram;

use super::watcher::Look;

/// Draws to a terminal, or writes a line now and then elsewhere.
pub struct Board {
    on_terminal: bool,
    lines: usize,
    speed: f64,
    regions: Vec<&'static str>,
}

/// What the board shows besides the look.
pub struct Figures {
    /// Since the demo began to play.
    pub elapsed: Duration,
    /// Offer times of the probe, in ns.
    pub offers: Histogram<u64>,
    /// Something that has just happened.
    pub news: String,
}

impl Board {
    /// A board for standard output.
    pub fn new(speed: f64, regions: Vec<&'static str>) -> Board {
        Board { on_terminal: io::stdout().is_terminal(), lines: 0, speed, regions }
    }

    /// Shows one look.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn show(&mut self, look: &Look, figures: &Figures) -> io::Result<()> {
        if !self.on_terminal {
            return self.show_line(look, figures);
        }
        let text = format!("{}\n{}\n{}", self.queues(look), self.cluster(look, figures), self.foot(figures));
        let mut out = io::stdout().lock();
        if self.lines > 0 {
            write!(out, "\x1b[{}A\x1b[J", self.lines)?;
        }
        // Raw mode, in which keys are read, does not return the carriage by itself.
        write!(out, "{}\r\n", text.replace('\n', "\r\n"))?;
        self.lines = text.lines().count();
        out.flush()
    }

    fn show_line(&mut self, look: &Look, figures: &Figures) -> io::Result<()> {
        self.lines += 1;
        if !self.lines.is_multiple_of(5) && figures.news.is_empty() {
            return Ok(());
        }
        let (waiting, handled) = look
            .queues
            .iter()
            .fold((0, 0), |sum, queue| (sum.0 + queue.waiting, sum.1 + queue.completed_total));
        let (leader, term) = look.leader().unwrap_or_default();
        writeln!(
            io::stdout().lock(),
            "{:>5.1}s  leader {leader} term {term}  waiting {waiting}  handled {handled}  offer p50 {} p99 {}  {}",
            figures.elapsed.as_secs_f64(),
            ms(figures.offers.value_at_quantile(0.5)),
            ms(figures.offers.value_at_quantile(0.99)),
            figures.news,
        )
    }

    fn queues(&self, look: &Look) -> Table {
        let mut table = table(&["queue", "in", "waiting", "handled", "ASA", "service level", "abandoned"]);
        for queue in &look.queues {
            let answered = queue.connected_total;
            let asa_ms = queue.answered_wait_ms_total.unwrap_or(0).checked_div(answered).unwrap_or(0) as f64
                * self.speed;
            let judged = answered + queue.abandoned_total;
            let level = (100 * queue.answered_in_target_total.unwrap_or(0)).checked_div(judged);
            table.add_row([
                queue.name.clone(),
                queue.entered_total.to_string(),
                queue.waiting.to_string(),
                queue.completed_total.to_string(),
                format!("{:.1} s", asa_ms / 1000.0),
                level.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %")),
                queue.abandoned_total.to_string(),
            ]);
        }
        align(table)
    }

    fn cluster(&self, look: &Look, figures: &Figures) -> Table {
        let mut table = table(&["node", "region", "role", "term", "behind", "offer p50 / p99 of all"]);
        let leader = look.leader().map_or(0, |leader| leader.0);
        for (place, status) in look.nodes.iter().enumerate() {
            let number = place as u64 + 1;
            let role = match status {
                None => "DOWN",
                Some(status) if status.read_only => "read-only",
                Some(_) if number == leader => "leader",
                Some(_) => "follower",
            };
            let (p50, p99) = (figures.offers.value_at_quantile(0.5), figures.offers.value_at_quantile(0.99));
            table.add_row([
                number.to_string(),
                self.regions.get(place).copied().unwrap_or_default().to_owned(),
                role.to_owned(),
                status.as_ref().map_or_else(|| "–".to_owned(), |status| status.term.to_string()),
                look.lag(place).map_or_else(|| "–".to_owned(), |lag| lag.to_string()),
                if place == 0 { format!("{} / {}", ms(p50), ms(p99)) } else { String::new() },
            ]);
        }
        align(table)
    }

    fn foot(&self, figures: &Figures) -> String {
        let news = if figures.news.is_empty() { String::new() } else { format!("  ▸ {}", figures.news) };
        format!(
            "{:.0} s played   s surge ×20   k kill the leader   r restart it   h help   q quit{news}",
            figures.elapsed.as_secs_f64()
        )
    }
}

/// Nanoseconds as milliseconds for people.
pub fn ms(ns: u64) -> String {
    format!("{:.1} ms", ns as f64 / 1e6)
}

fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(head);
    table
}

/// Words to the left, numbers to the right.
fn align(mut table: Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
