//! House rules as tests. Each names the rule it holds, and its failure says where and what to do.

mod arrows;
mod bans;
mod dependencies;
mod docs;
mod house;
mod promql;
mod pure;
mod routing;
mod sizes;
mod source;
mod watching;
