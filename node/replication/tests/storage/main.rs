//! The node's storage against what disks, crashes and people do to it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test where they stand")]

mod archive;
mod damage;
mod formats;
mod history;
mod install;
mod log;
mod node;
mod restart;
mod search;
