//! The pure core of Ringmain: who is served next, and by whom.
//!
//! [`Router::apply`] takes one command of the replicated log and returns what it decided: a reply for the
//! one who asked and effects for those who must hear of it. Every replica applies the same commands in the
//! same order and reaches the same state, bit for bit.
//!
//! **Invariant:** no clock, no I/O, no randomness, no floating point in a decision, no hash-order iteration,
//! no async. Time arrives as `at`, a number.
#![no_std]

extern crate alloc;

mod action;
mod bitset;
mod breaks;
pub mod calendar;
mod case;
mod case_view;
mod cases;
mod classes;
pub mod client;
mod closures;
mod codec;
pub mod command;
mod commands;
mod companions;
mod contact;
pub mod delivery;
mod directory;
pub mod effect;
mod endings;
mod enquiries;
mod enquiry;
mod enquiry_view;
mod entry;
mod expected_wait;
mod fields;
mod fits;
mod gauges;
pub mod ids;
mod invariants;
mod ladder;
mod legs;
mod life_safety;
mod lifecycle;
pub mod limits;
mod matching;
mod memory;
mod operator;
mod order;
mod orphans;
mod parking;
pub mod plan;
pub mod planted;
mod profiles;
pub mod recall;
mod refusal;
mod reserve;
mod route;
mod router;
pub mod rules;
mod same_person;
pub mod session;
pub mod shell;
mod slab;
mod slots;
mod snapshot;
mod snapshot_v1;
mod snapshot_v2;
mod snapshot_v3;
mod stranded;
mod supervision;
mod tables;
mod teams;
mod threads;
mod time;
mod together;
mod triggers;
mod view;
mod waits;
mod why;

pub use case::{CaseEnd, CaseState, StageDone};
pub use case_view::{CaseFilter, CaseTally, CaseView};
pub use codec::DecodeError;
pub use command::Command;
pub use effect::{Effect, Outcome, Reply};
pub use enquiry::{EnquiryEnd, EnquiryNews};
pub use enquiry_view::{EnquiryFilter, EnquiryView};
pub use ids::*;
pub use invariants::{CHECKS_INVARIANTS, Violation};
pub use plan::Plan;
pub use refusal::Refusal;
pub use router::{QueueTotals, Router, next_chain};
pub use session::{SessionState, SessionView};
pub use snapshot::{Snapshot, SnapshotError};
pub use supervision::{HelpAsked, Seat, SupervisedBy};
pub use triggers::TriggerView;
pub use view::{BreakView, ContactState, ContactView, InvitationView, OperatorView, QueueView, ThreadView};
pub use why::{ContactWhy, Decision, OperatorWhy, Side, WhyNot};
