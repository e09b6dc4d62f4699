//! What a person writes for Ringmain: the config of a node, the file of tokens and the routing plan, all TOML.
//!
//! Every file is read against a [`shape::Shape`], the one description of its fields from which the errors, the
//! defaults and the JSON Schema come. A file is taken whole or not at all.
//!
//! **Invariant:** all problems of a file are listed at once, each with line, field and what to do; a key that
//! nobody reads is a problem, never ignored.

pub mod calendar;
pub mod node;
pub mod plan;
pub mod problem;
pub mod profiles;
pub mod schema;
pub mod shape;
pub mod tokens;

mod check;
mod section;
mod suggest;
mod telemetry;

pub use calendar::Calendar;
pub use node::{Listen, LogConfig, LogFormat, NodeConfig, NodeLimits, PeerConfig, Timeouts};
pub use plan::RoutingPlan;
pub use problem::{Problem, Problems};
pub use telemetry::TelemetryConfig;
pub use tokens::{TokenHolder, TokenRole, Tokens};
