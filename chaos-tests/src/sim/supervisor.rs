//! A supervisor at her desk: she acts at any node, tries again at another under the same key when she hears nothing,
//! and sometimes when she heard.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::command::{
    Act, Action, ApplyPlan, CloseEntry, DeclaredPresence, EntryOf, MoveFrom, PutOperators,
};
use ringmain_routing::{Command, ContactId, Millis, Name, Refusal, Reply, Router};

use super::Sim;
use super::centre::{self, Kind, SCOPES};
use super::enquiries;
use super::events::Event;
use super::hand_out;
use super::net::rng_of;
use super::node::Waiting;
use super::rule_book;
use super::rules::{Breach, Rule};
use super::schedule::Errand;
use super::supervision;

/// Before she tries at another node.
const AGAIN_MS: u64 = 150;
/// After so many tries she gives it up.
const ATTEMPTS_MAX: u32 = 60;

/// What she is about.
#[derive(Debug, Default)]
pub(super) struct Desk {
    errands: BTreeMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    command: Command,
    rng: ChaCha8Rng,
    reply: Option<Reply>,
    is_over: bool,
}

impl Sim {
    /// She looks at what some node shows, and decides what to do.
    pub(super) fn begin_errand(&mut self, errand: Errand, number: u64) {
        let mut rng = rng_of(self.plan.seed, "errand", number);
        let node = rng.random_range(0..self.nodes.len());
        let kind = Kind::of(self.plan.seed);
        let command = command(&mut rng, kind, (errand, number), &self.nodes[node].router);
        self.desk.errands.insert(number, Open { command, rng, reply: None, is_over: false });
        self.try_errand(number, 0);
    }

    pub(super) fn try_errand(&mut self, number: u64, attempt: u32) {
        let Some(open) = self.desk.errands.get_mut(&number).filter(|open| !open.is_over) else { return };
        let node = open.rng.random_range(0..self.nodes.len());
        let command = open.command.clone();
        let may = self.nodes[node].is_up && self.nodes[node].paused_until <= self.now;
        if !may || self.propose(node, &command, Waiting::Errand(number, attempt)).is_err() {
            self.try_errand_later(number, attempt);
        }
    }

    /// She heard nothing, or that nothing was done.
    pub(super) fn try_errand_later(&mut self, number: u64, attempt: u32) {
        if attempt < ATTEMPTS_MAX {
            self.schedule(AGAIN_MS, Event::Errand { number, attempt: attempt + 1 });
        }
    }

    /// She is answered. The same key again must get the same answer.
    pub(super) fn errand_done(&mut self, number: u64, reply: &Result<Reply, Refusal>) {
        let Some(open) = self.desk.errands.get_mut(&number) else { return };
        let Command::Act(_) = open.command else {
            open.is_over = true;
            return;
        };
        match (reply, open.reply) {
            (Err(_), None) => open.is_over = true,
            (Ok(reply), None) => {
                open.reply = Some(*reply);
                open.is_over = !open.rng.random_bool(0.4);
                if !open.is_over {
                    let again = open.rng.random_range(50..3_000);
                    self.report.count("repeated-actions");
                    self.schedule(again, Event::Errand { number, attempt: 0 });
                }
            }
            (reply, Some(first)) => {
                open.is_over = true;
                let Command::Act(act) = &open.command else { return };
                if *reply != Ok(first) && !self.official.may_be_done_again(&act.key) {
                    let what = format!("{:?} was answered {first:?} and then {reply:?}", open.command);
                    self.breach(Breach::new(Rule::I5, what));
                }
            }
        }
    }
}

fn command(rng: &mut ChaCha8Rng, kind: Kind, (errand, number): (Errand, u64), router: &Router) -> Command {
    let by = Some(Name::from("olga"));
    match errand {
        Errand::Plan => {
            let plan = centre::plan(rng, kind, router.plan().version + 1);
            Command::ApplyPlan(Box::new(ApplyPlan { plan, by }))
        }
        Errand::Staff => Command::PutOperators(PutOperators { operators: centre::operators(rng, kind), by }),
        Errand::Register if kind.has_rules => Command::PutLifeSupport(rule_book::register(rng)),
        Errand::Act | Errand::Register => {
            let key = format!("errand-{number}").into();
            let action = action(rng, kind, router);
            Command::Act(Box::new(Act { by: "olga".into(), key, action }))
        }
    }
}

/// A queue or a unit takes no arrivals for a while, or does again.
fn entry(rng: &mut ChaCha8Rng, kind: Kind, router: &Router) -> Action {
    let closed: Vec<EntryOf> = router.closures().map(|closure| closure.of.clone()).collect();
    if !closed.is_empty() && rng.random_bool(0.5) {
        return Action::OpenEntry { of: closed[rng.random_range(0..closed.len())].clone() };
    }
    let now = router.now();
    let unit = SCOPES[rng.random_range(0..SCOPES.len())];
    let of = match kind.has_units && rng.random_bool(0.5) {
        true => EntryOf::Unit(unit.into()),
        false => EntryOf::Queue(centre::some_queue(rng)),
    };
    if rng.random_bool(0.4) {
        return Action::OpenEntry { of };
    }
    let until = rng.random_bool(0.7).then(|| now + Millis(rng.random_range(1..5_000)));
    Action::CloseEntry(Box::new(CloseEntry { of, why: "smoke in the hall".into(), until }))
}

fn action(rng: &mut ChaCha8Rng, kind: Kind, router: &Router) -> Action {
    if kind.has_time && rng.random_bool(0.2) {
        return Action::DeferBreaks { on: rng.random_bool(0.5) };
    }
    if kind.has_supervision
        && rng.random_bool(0.6)
        && let Some(action) = supervision::some_action(rng, router)
    {
        return action;
    }
    let login: Name = format!("operator-{}", rng.random_range(0..4)).into();
    let open: Vec<ContactId> = router.contacts().map(|view| view.id).collect();
    let Some(contact) = open.get(rng.random_range(0..open.len().max(1))).copied() else {
        return Action::Note { what: "quiet".into(), detail: "nobody is here yet".into() };
    };
    if kind.has_enquiries
        && rng.random_bool(0.3)
        && let Some(action) = enquiries::some_action(rng, router)
    {
        return action;
    }
    let to = centre::some_queue(rng);
    if kind.has_rules && rng.random_bool(0.2) {
        return entry(rng, kind, router);
    }
    match rng.random_range(0..12) {
        0 => Action::ForcePresence { login, presence: DeclaredPresence::Ready },
        1 => Action::ForcePresence { login, presence: DeclaredPresence::NotReady(2) },
        2 => Action::SignOut { login },
        3 => Action::RequeueContact { contact },
        4 => Action::CloseContact { contact, reason: "stuck".into() },
        5 => Action::MoveContacts { from: MoveFrom::Contacts(vec![contact]), to },
        6 => {
            let count_max = rng.random_bool(0.5).then(|| rng.random_range(1..5));
            Action::MoveContacts { from: MoveFrom::Queue { name: centre::some_queue(rng), count_max }, to }
        }
        7 => {
            let head_start = rng.random_bool(0.5).then(|| Millis(rng.random_range(0..3_000)));
            Action::LiftContact { contact, tier: Some(rng.random_range(0..6)), head_start }
        }
        8 | 9 => {
            let waiting = hand_out::some_waiting(rng, router).unwrap_or(contact);
            let hold = Millis(rng.random_range(1..3_000));
            Action::AssignContact { contact: waiting, to: login, hold }
        }
        10 => hand_out::shift_over(rng, router, login),
        _ => Action::Note { what: "look".into(), detail: "all well".into() },
    }
}
