//! Means of correlated measurements with an honest interval, and percentiles.

/// Fewest batches that an interval may rest on.
pub const BATCHES_MIN: usize = 20;

/// A mean with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Half the width of the interval.
    pub half_width: f64,
    /// How many batches it rests on.
    pub batches: usize,
    /// How many values each batch has.
    pub batch_size: usize,
}

impl Interval {
    /// Whether the interval holds `value`.
    #[must_use]
    pub fn covers(&self, value: f64) -> bool {
        (self.mean - value).abs() <= self.half_width
    }
}

/// Why there is no interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoInterval {
    /// Too few batches for Student's t to mean much.
    #[error("{0} batches are too few; use at least {BATCHES_MIN}")]
    TooFewBatches(usize),
    /// Not one value per batch.
    #[error("{values} values do not fill {batches} batches")]
    TooFewValues {
        /// How many values are left after the warm-up.
        values: usize,
        /// How many batches were asked for.
        batches: usize,
    },
}

/// The mean of a correlated sequence by the method of batch means: the first `warm_up` values are cut, the rest is
/// divided into equal batches whose means are nearly independent (what does not fill the last is left out), and
/// the interval is Student's t with `batches − 1` degrees of freedom. Source: A. M. Law, "Simulation Modeling and
/// Analysis", the chapter on output analysis of steady-state simulation.
///
/// # Errors
/// With fewer than [`BATCHES_MIN`] batches, or fewer values than batches.
pub fn batch_means(values: &[f64], warm_up: usize, batches: usize) -> Result<Interval, NoInterval> {
    if batches < BATCHES_MIN {
        return Err(NoInterval::TooFewBatches(batches));
    }
    let steady = values.get(warm_up..).unwrap_or_default();
    let batch_size = steady.len() / batches;
    if batch_size == 0 {
        return Err(NoInterval::TooFewValues { values: steady.len(), batches });
    }
    let means: Vec<f64> = steady.chunks_exact(batch_size).take(batches).map(mean).collect();
    let centre = mean(&means);
    let variance = means.iter().map(|mean| (mean - centre).powi(2)).sum::<f64>() / (batches - 1) as f64;
    let half_width = student_t_95(batches - 1) * (variance / batches as f64).sqrt();
    Ok(Interval { mean: centre, half_width, batches, batch_size })
}

/// The arithmetic mean; 0 of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The smallest value that at least `share` (0 to 1) of the ascending values do not exceed; `None` of nothing.
#[must_use]
pub fn percentile(ascending: &[u64], share: f64) -> Option<u64> {
    let rank = (share * ascending.len() as f64).ceil() as usize;
    ascending.get(rank.clamp(1, ascending.len().max(1)) - 1).copied()
}

/// Two-sided 95 % points of Student's t for 1 to 30 degrees of freedom (NIST/SEMATECH e-Handbook of Statistical
/// Methods, table 1.3.6.7.2).
const T_95: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/// The same for larger numbers of degrees of freedom, by their reciprocal.
const T_95_BY_RECIPROCAL: [(f64, f64); 5] =
    [(1.0 / 30.0, 2.042), (1.0 / 40.0, 2.021), (1.0 / 60.0, 2.000), (1.0 / 120.0, 1.980), (0.0, 1.960)];

/// The two-sided 95 % point of Student's t, beyond the table interpolated over the reciprocal of `freedom`.
#[must_use]
pub fn student_t_95(freedom: usize) -> f64 {
    if let Some(&point) = freedom.checked_sub(1).and_then(|at| T_95.get(at)) {
        return point;
    }
    let reciprocal = if freedom == 0 { f64::INFINITY } else { 1.0 / freedom as f64 };
    for pair in T_95_BY_RECIPROCAL.windows(2) {
        let [(high, t_high), (low, t_low)] = [pair[0], pair[1]];
        if (low..=high).contains(&reciprocal) {
            return t_low + (t_high - t_low) * (reciprocal - low) / (high - low);
        }
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_t_agrees_with_published_points() {
        for (freedom, t) in [(1, 12.706), (19, 2.093), (29, 2.045), (30, 2.042), (50, 2.009), (100, 1.984)] {
            assert!((student_t_95(freedom) - t).abs() < 0.001, "{freedom}: {}", student_t_95(freedom));
        }
        assert!((student_t_95(1_000_000) - 1.960).abs() < 0.001);
        assert!(student_t_95(0).is_infinite());
    }

    #[test]
    fn batch_means_cut_the_warm_up_and_what_fills_no_batch() {
        let mut values = vec![1_000.0; 5];
        values.extend((0..43).map(|i| f64::from(i % 2)));
        let interval = batch_means(&values, 5, 20).unwrap();
        assert_eq!((interval.mean, interval.half_width), (0.5, 0.0));
        assert_eq!((interval.batches, interval.batch_size), (20, 2));
    }

    /// Batch means −1 and 1 in turn: variance 20/19, half-width t(19) · √(1/19).
    #[test]
    fn half_width_is_students_t_over_the_batches() {
        let values: Vec<f64> = (0..20).map(|i| if i % 2 == 0 { -1.0 } else { 1.0 }).collect();
        let interval = batch_means(&values, 0, 20).unwrap();
        assert!((interval.half_width - 2.093 * (1.0f64 / 19.0).sqrt()).abs() < 1e-12);
        assert!(interval.covers(0.4) && !interval.covers(0.5));
    }

    #[test]
    fn too_few_batches_or_values_give_no_interval() {
        assert_eq!(batch_means(&[0.0; 100], 0, 19), Err(NoInterval::TooFewBatches(19)));
        let missing = NoInterval::TooFewValues { values: 10, batches: 20 };
        assert_eq!(batch_means(&[0.0; 100], 90, 20), Err(missing));
    }

    #[test]
    fn percentile_is_the_nearest_rank() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&values, 0.5), Some(50));
        assert_eq!(percentile(&values, 0.99), Some(99));
        assert_eq!(percentile(&values, 0.0), Some(1));
        assert_eq!(percentile(&values, 1.0), Some(100));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
