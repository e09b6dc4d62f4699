//! One list of everything a node says about itself: metrics, log fields, alerts and error codes; and of what is
//! looked at and who is told: [`dashboard`] and [`rules`].
//!
//! Use the constants, never the text: `metrics::counter!(names::CONTACTS_ENQUEUED, labels::QUEUE => queue)`.
//! The documents `docs/METRICS.md` and `docs/ERRORS.md` are held against these lists by a test.
//!
//! **Invariant:** the names of metrics live here and nowhere else. Labels are bounded sets: never the id of a
//! contact or an operator, never anything a customer said.

pub mod alerts;
pub mod buckets;
pub mod codes;
pub mod dashboard;
pub mod fields;
pub mod labels;
pub mod metric;
pub mod names;
pub mod rules;

pub use codes::{Acts, ErrorCode, GrpcStatus, Retry};
pub use metric::{Kind, Metric, Unit, begin, metrics_markdown};
pub use names::METRICS;
