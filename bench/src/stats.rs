//! Means with an honest interval, also of correlated measurements, and percentiles.

/// Fewest batches that an interval may rest on.
pub const BATCHES_MIN: usize = 20;

/// A mean with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Half the width of the interval.
    pub half_width: f64,
    /// How many batches it rests on.
    pub batches: usize,
    /// How many values each batch has, on average.
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
    /// Too few to know a variance.
    #[error("{0} runs or batches are too few")]
    TooFewRuns(usize),
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

/// The mean of independent runs, each of which gave one mean of `run_size` values: Student's t with `runs − 1` degrees of
/// freedom. Source: A. M. Law, as above, the method of replication and deletion.
///
/// # Errors
/// With fewer than two runs.
pub fn replications(means: &[f64], run_size: usize, confidence: f64) -> Result<Interval, NoInterval> {
    let runs = means.len();
    if runs < 2 {
        return Err(NoInterval::TooFewRuns(runs));
    }
    let centre = mean(means);
    let variance = means.iter().map(|mean| (mean - centre).powi(2)).sum::<f64>() / (runs - 1) as f64;
    let half_width = student_t(runs - 1, confidence) * (variance / runs as f64).sqrt();
    Ok(Interval { mean: centre, half_width, batches: runs, batch_size: run_size })
}

/// The mean of values that come in batches of unequal size, each given by its sum and its number of values, when values of
/// one batch may depend on each other: the ratio of the sums, with the variance of a ratio over clusters,
/// `Σ(sum − mean·count)² · b/(b − 1) ÷ (Σ count)²`, and Student's t with `b − 1` degrees of freedom for b batches that have
/// values. Source: W. G. Cochran, "Sampling Techniques" (3rd edition, 1977), sections 6.3 and 9A.2 (ratio to size).
///
/// # Errors
/// With fewer than `least` batches that have values, or fewer than two.
pub fn ratio_of_batches(
    batches: &[(f64, u64)],
    least: usize,
    confidence: f64,
) -> Result<Interval, NoInterval> {
    let filled: Vec<(f64, f64)> =
        batches.iter().filter(|(_, count)| *count > 0).map(|&(sum, count)| (sum, count as f64)).collect();
    let number = filled.len();
    if number < least.max(2) {
        return Err(NoInterval::TooFewRuns(number));
    }
    let values: f64 = filled.iter().map(|(_, count)| count).sum();
    let centre = filled.iter().map(|(sum, _)| sum).sum::<f64>() / values;
    let squares: f64 = filled.iter().map(|(sum, count)| (sum - centre * count).powi(2)).sum();
    let variance = squares * number as f64 / (number - 1) as f64 / (values * values);
    let half_width = student_t(number - 1, confidence) * variance.sqrt();
    Ok(Interval {
        mean: centre,
        half_width,
        batches: number,
        batch_size: (values / number as f64).round() as usize,
    })
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

/// The two-sided 95 % point of Student's t.
#[must_use]
pub fn student_t_95(freedom: usize) -> f64 {
    student_t(freedom, 0.95)
}

/// Degrees of freedom beyond which Student's t is taken for what it is there: 0.2 % wider than in the limit.
const FREEDOM_MAX: usize = 1_000;

/// The point that Student's t with `freedom` degrees exceeds in absolute value with the probability `1 − confidence`; infinite
/// for 0 degrees. Found by bisection of [`within_student_t`].
#[must_use]
pub fn student_t(freedom: usize, confidence: f64) -> f64 {
    if freedom == 0 {
        return f64::INFINITY;
    }
    let freedom = freedom.min(FREEDOM_MAX);
    let (mut low, mut high) = (0.0, 1.0);
    while within_student_t(high, freedom) < confidence && high < 1e9 {
        high *= 2.0;
    }
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if within_student_t(middle, freedom) < confidence { low = middle } else { high = middle }
    }
    high
}

/// The probability that Student's t lies between −t and t. Source: M. Abramowitz, I. A. Stegun, "Handbook of Mathematical
/// Functions", 26.7.3 and 26.7.4: finite sums for whole degrees of freedom.
fn within_student_t(t: f64, freedom: usize) -> f64 {
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let is_odd = freedom % 2 == 1;
    // The first power of the cosine, 1 or 0, and the steps by which one term follows from the one before.
    let mut term = if is_odd { cosine } else { 1.0 };
    let mut sum = if freedom == 1 { 0.0 } else { term };
    for step in (2 + usize::from(is_odd)..freedom).step_by(2) {
        term *= (step - 1) as f64 / step as f64 * cosine * cosine;
        sum += term;
    }
    if is_odd { (angle + sine * sum) * std::f64::consts::FRAC_2_PI } else { sine * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2, and for 99.9 % Abramowitz and Stegun, table 26.10.
    #[test]
    fn student_t_agrees_with_published_points() {
        for (freedom, t) in [
            (1, 12.706),
            (2, 4.303),
            (3, 3.182),
            (19, 2.093),
            (29, 2.045),
            (30, 2.042),
            (50, 2.009),
            (100, 1.984),
        ] {
            assert!((student_t_95(freedom) - t).abs() < 0.001, "{freedom}: {}", student_t_95(freedom));
        }
        for (freedom, t) in [(1, 636.619), (2, 31.599), (10, 4.587), (19, 3.883), (20, 3.850), (60, 3.460)] {
            assert!(
                (student_t(freedom, 0.999) - t).abs() < 0.001,
                "{freedom}: {}",
                student_t(freedom, 0.999)
            );
        }
        assert!((1.960..1.963).contains(&student_t_95(1_000_000)));
        assert!(student_t_95(0).is_infinite());
    }

    /// Runs of −1 and 1: variance 2, half-width t(1) · √(2/2).
    #[test]
    fn replications_are_students_t_over_the_runs() {
        let interval = replications(&[-1.0, 1.0], 5, 0.95).unwrap();
        assert!((interval.half_width - 12.706).abs() < 0.001, "{interval:?}");
        assert_eq!(replications(&[1.0], 5, 0.95), Err(NoInterval::TooFewRuns(1)));
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
        assert!((interval.half_width - 2.093 * (1.0f64 / 19.0).sqrt()).abs() < 1e-4);
        assert!(interval.covers(0.4) && !interval.covers(0.5));
    }

    /// Batches of equal size are batch means; of unequal ones the larger counts more.
    #[test]
    fn a_ratio_of_batches_weighs_them_by_their_size() {
        let equal = ratio_of_batches(&[(-2.0, 2), (2.0, 2)], 2, 0.95).unwrap();
        let means = replications(&[-1.0, 1.0], 2, 0.95).unwrap();
        assert!((equal.half_width - means.half_width).abs() < 1e-9 && equal.mean == 0.0, "{equal:?}");
        let unequal = ratio_of_batches(&[(9.0, 9), (0.0, 1), (0.0, 0)], 2, 0.95).unwrap();
        assert_eq!((unequal.mean, unequal.batches, unequal.batch_size), (0.9, 2, 5));
        assert_eq!(ratio_of_batches(&[(1.0, 1)], 2, 0.95), Err(NoInterval::TooFewRuns(1)));
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
