//! The API over real gRPC on the loopback, in front of real replicas.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what must be there is there, or the test fails")]

mod access;
mod actions;
mod bad_input;
mod breaks;
mod calls;
mod cases;
mod enquiries;
mod exports;
mod failures;
mod life_support;
mod operations;
mod reads;
mod sessions;
mod support;
mod threads;
mod together;
