//! Upper bounds of histogram buckets. Few, because each bucket is one more series of each metric.

/// Durations of the machine, in seconds.
pub const FAST: &[f64] = &[
    0.000_01, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128,
    0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Durations that people notice, in seconds; 20 s and 30 s are there because service levels are stated for them.
pub const HUMAN: &[f64] =
    &[0.1, 0.5, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 14_400.0];
