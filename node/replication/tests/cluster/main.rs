//! Whole replicas in one process, over real sockets and real files.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test where they stand")]

mod disaster;
mod disk;
mod failover;
mod forming;
mod harness;
mod joining;
mod membership;
mod peers;
mod proposing;
mod recovery;
mod trials;
