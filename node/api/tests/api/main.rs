//! The API over real gRPC on the loopback, in front of a real one-node replica.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what must be there is there, or the test fails")]

mod access;
mod bad_input;
mod exports;
mod operations;
mod reads;
mod sessions;
mod support;
