//! What a node does around the core, as far as it is free of I/O: a node and the simulator run the same code. Clocks
//! are numbers that are handed in.

pub mod forwarding;
pub mod liveness;
pub mod reckoning;
