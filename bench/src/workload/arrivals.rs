//! When contacts arrive: a non-homogeneous Poisson process whose daily volume is gamma-distributed.

use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use rand_distr::{Distribution, Exp1, Gamma};

use crate::profile::{Profile, Surge};

const HOUR_S: f64 = 3_600.0;
/// The rate is bounded anew for each slice; short slices keep few proposals rejected on steep surges.
const SLICE_S: f64 = 60.0;
const SLICES: u32 = 1_440;

/// A day's volume relative to its expectation: gamma with mean 1 and this coefficient of variation.
pub(super) fn day_volume(cv: f64, rng: &mut ChaCha12Rng) -> f64 {
    let shape = 1.0 / (cv * cv);
    match Gamma::new(shape, cv * cv) {
        Ok(gamma) if shape.is_finite() => gamma.sample(rng),
        Ok(_) | Err(_) => 1.0,
    }
}

/// The rate of one class during one day.
pub(super) struct DayRate<'p> {
    /// Contacts per second in each hour, surges aside.
    per_s: [f64; 24],
    surges: Vec<&'p Surge>,
    day: u32,
}

impl<'p> DayRate<'p> {
    /// The rate of `class` on `day`, all times `volume`.
    pub(super) fn new(profile: &'p Profile, class: usize, day: u32, volume: f64) -> Self {
        let sum: f64 = profile.hourly_share.iter().sum();
        let day_total = profile.contacts_per_day * profile.classes[class].share * volume;
        DayRate {
            per_s: profile.hourly_share.map(|share| day_total * share / sum / HOUR_S),
            surges: profile
                .surges
                .iter()
                .filter(|surge| surge.class.is_none_or(|only| only == class))
                .collect(),
            day,
        }
    }

    /// The rate per second at a second of the day.
    fn at(&self, second: f64) -> f64 {
        self.base(second) * self.factor(excess, second)
    }

    fn base(&self, second: f64) -> f64 {
        self.per_s[((second / HOUR_S) as usize).min(23)]
    }

    /// An upper bound of the rate from `second` to the end of its slice.
    fn bound(&self, second: f64) -> f64 {
        self.base(second) * self.factor(highest_excess, second)
    }

    /// What surges multiply the rate by: 1 plus what each adds. A surge comes on each day at its hour, and what
    /// is left of it runs on into the days after.
    fn factor(&self, excess: impl Fn(&Surge, f64) -> f64, second: f64) -> f64 {
        let mut factor = 1.0;
        for surge in &self.surges {
            for days_ago in 0..=self.day {
                factor += excess(surge, f64::from(days_ago) * 24.0 + second / HOUR_S - surge.start_h);
            }
        }
        factor.max(0.0)
    }

    /// Calls `each` with the milliseconds since midnight of every arrival, in order. Thinning: Lewis and Shedler,
    /// "Simulation of nonhomogeneous Poisson processes by thinning" (1979).
    pub(super) fn each_arrival(&self, rng: &mut ChaCha12Rng, mut each: impl FnMut(u64)) {
        for slice in 0..SLICES {
            let from = f64::from(slice) * SLICE_S;
            let bound = self.bound(from);
            if bound <= 0.0 {
                continue;
            }
            let mut second = from;
            loop {
                let gap: f64 = Exp1.sample(rng);
                second += gap / bound;
                if second >= from + SLICE_S {
                    break;
                }
                if rng.random::<f64>() * bound < self.at(second) {
                    each((second * 1_000.0) as u64);
                }
            }
        }
    }

    /// How many arrivals are expected within the milliseconds `from..to` of the day (midpoint rule per slice).
    pub(super) fn expected(&self, (from, to): (u64, u64)) -> f64 {
        let slices = (0..SLICES).map(|slice| f64::from(slice) * SLICE_S);
        slices
            .filter(|second| (from..to).contains(&((second * 1_000.0) as u64)))
            .map(|second| self.at(second + SLICE_S / 2.0) * SLICE_S)
            .sum()
    }
}

/// What a surge adds to the factor 1, so many hours after its start.
fn excess(surge: &Surge, hours: f64) -> f64 {
    (surge.factor - 1.0) * height(surge, hours)
}

/// From 0 (no surge) to 1 (its full height).
fn height(surge: &Surge, hours: f64) -> f64 {
    let falling = hours - surge.ramp_h - surge.hold_h;
    if hours < 0.0 {
        0.0
    } else if hours < surge.ramp_h {
        hours / surge.ramp_h
    } else if falling < 0.0 {
        1.0
    } else if surge.decay_h > 0.0 {
        (-falling / surge.decay_h).exp()
    } else {
        0.0
    }
}

/// The largest excess within the slice that begins so many hours after the start. The height rises, stays and
/// falls, so over the slice it is largest at an end or, where the slice touches the top, 1.
fn highest_excess(surge: &Surge, hours: f64) -> f64 {
    let end = hours + SLICE_S / HOUR_S;
    let ends = excess(surge, hours).max(excess(surge, end));
    let touches_top = end >= surge.ramp_h && hours <= surge.ramp_h + surge.hold_h && end >= 0.0;
    if touches_top { ends.max(surge.factor - 1.0) } else { ends }
}
