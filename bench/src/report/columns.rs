//! The columns that tables and sheets have in common.

use super::Figures;

/// A figure as a cell shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shown {
    /// A number of things.
    Count(u64),
    /// A time in seconds.
    Seconds(Option<f64>),
    /// A part of 1, shown in percent.
    Share(Option<f64>),
    /// A mean number.
    Mean(Option<f64>),
}

/// A column over figures of a class.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) value: fn(&Figures) -> Shown,
    /// Whether the short table has it too.
    pub(crate) short: bool,
}

impl Shown {
    /// Milliseconds as seconds.
    pub(crate) fn ms(ms: Option<u64>) -> Shown {
        Shown::Seconds(ms.map(|ms| ms as f64 / 1_000.0))
    }

    /// The cell of a text table; a dash stands for nothing.
    pub(crate) fn text(self) -> String {
        let dash = || "–".to_owned();
        match self {
            Shown::Count(count) => count.to_string(),
            Shown::Seconds(seconds) => seconds.map_or_else(dash, |seconds| format!("{seconds:.1}")),
            Shown::Share(share) => share.map_or_else(dash, |share| format!("{:.1}", share * 100.0)),
            Shown::Mean(mean) => mean.map_or_else(dash, |mean| format!("{mean:.1}")),
        }
    }
}

const fn short(name: &'static str, value: fn(&Figures) -> Shown) -> Column {
    Column { name, value, short: true }
}

const fn long(name: &'static str, value: fn(&Figures) -> Shown) -> Column {
    Column { name, value, short: false }
}

/// What is said of each class of contacts.
pub(crate) const QUEUE_COLUMNS: [Column; 17] = [
    short("contacts", |figures| Shown::Count(figures.contacts)),
    short("served", |figures| Shown::Count(figures.served)),
    short("abandoned", |figures| Shown::Count(figures.abandoned)),
    short("≤ 5 s", |figures| Shown::Count(figures.abandoned_early)),
    short("merged", |figures| Shown::Count(figures.merged)),
    short("rejected", |figures| Shown::Count(figures.rejected)),
    short("open", |figures| Shown::Count(figures.waiting + figures.in_service)),
    long("requeued", |figures| Shown::Count(figures.requeued)),
    short("ASA s", |figures| Shown::Seconds(figures.asa_ms.map(|ms| ms / 1_000.0))),
    long("p50 s", |figures| Shown::ms(figures.wait_ms.map(|waits| waits.p50))),
    short("p90 s", |figures| Shown::ms(figures.wait_ms.map(|waits| waits.p90))),
    short("p99 s", |figures| Shown::ms(figures.wait_ms.map(|waits| waits.p99))),
    long("max s", |figures| Shown::ms(figures.wait_ms.map(|waits| waits.max))),
    long("longest s", |figures| Shown::ms(figures.longest_ms)),
    long("starved", |figures| Shown::Count(figures.starved)),
    long("talk s", |figures| Shown::Seconds(figures.talk_ms.map(|ms| ms / 1_000.0))),
    short("SL %", |figures| Shown::Share(figures.service_level)),
];
