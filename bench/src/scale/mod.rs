//! What size does to a cluster: thousands of queues and gateways, tens of thousands of operators, up to a million
//! waiting contacts in three real nodes; then a node that was killed comes back, and a fourth one joins.
//!
//! Everything is measured on one cluster that grows: at each size the rate at which contacts are taken in, the memory of
//! the nodes, a snapshot, a restart, and how fast decisions are made beside all those who wait.

mod centre;
mod crew;
mod crowd;
mod figures;
mod flood;
mod gauge;
mod measure;
mod page;
mod restart;
mod sessions;
mod size;
mod stand;
mod voice;

pub use self::figures::{
    Asked, Comeback, Crowd, FORMAT, Fact, Furnishing, Joining, NodeSnapshot, Run, Setup, Size,
};
pub use self::measure::{judge, measure};
pub use self::voice::Voice;
