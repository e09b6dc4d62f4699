//! The core and the naive model follow the same rules.

mod both;
mod limits;
mod random_worlds;
mod rule_book;
mod scenarios;
mod simulation;
#[path = "../support/strategies.rs"]
mod strategies;
