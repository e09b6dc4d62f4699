//! The one binary of Ringmain: the command line, the wiring of a node, the one clock.
//!
//! [`cli`] says what can be asked, [`commands`] has one file for each command, [`running`] is a node at work.
//!
//! **Invariant:** nothing but [`clock`] reads a clock; nothing but [`running`] makes a replica.

pub mod cli;
pub mod clock;
pub mod commands;
pub mod connection;
pub mod contexts;
pub mod demo;
pub mod exit;
pub mod output;
pub mod progress;
pub mod running;
pub mod words;
