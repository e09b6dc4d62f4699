//! Who fits a contact, step by step of its queue's ladder (R3.1, R3.3). Plan and time are given, so that the same
//! questions can be asked of a plan that is not in force yet.

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::plan::QueuePlan;
use ringmain_routing::rules::{Reach, Step};
use ringmain_routing::{Name, Plan, Timestamp};

use super::state::{Contact, Operator, is_within};

/// The queue of this name, which is known to exist.
pub(super) fn queue_of<'a>(plan: &'a Plan, name: &str) -> &'a QueuePlan {
    let queue = plan.queues.iter().find(|queue| &*queue.name == name);
    queue.expect("a queue that was named stays in the plan")
}

/// The steps of a queue's ladder; without a ladder the one of [`Step::default`].
pub(super) fn steps_of(plan: &Plan, queue: &str) -> Vec<Step> {
    let ladder = &queue_of(plan, queue).rules.ladder;
    if ladder.is_empty() { vec![Step::default()] } else { ladder.clone() }
}

/// The widest step of a queue. Where no step reaches anybody, one more stands behind them.
pub(super) fn last_step(plan: &Plan, queue: &str) -> Step {
    let steps = steps_of(plan, queue);
    steps.last().copied().filter(|step| step.reach != Reach::Nobody).unwrap_or_default()
}

/// The step at which the contact may be kept for somebody or taken by hand: the one at which it stands, or the first
/// that reaches anybody if that is later.
pub(super) fn step_by_hand(plan: &Plan, opened: usize, contact: &Contact, now: Timestamp) -> Step {
    let present = step_of(plan, opened, contact, now);
    if present.reach != Reach::Nobody {
        return present;
    }
    let steps = steps_of(plan, &contact.queue);
    steps.into_iter().find(|step| step.reach != Reach::Nobody).unwrap_or_default()
}

/// The step at which the contact stands at this time, where triggers have opened the ladder so far.
pub(super) fn step_of(plan: &Plan, opened: usize, contact: &Contact, now: Timestamp) -> Step {
    if contact.tier == 0 {
        return last_step(plan, &contact.queue);
    }
    let place_ms = now.0.saturating_sub(contact.order().0);
    let steps = steps_of(plan, &contact.queue);
    let reached = steps.iter().rposition(|step| step.after.0 <= place_ms).unwrap_or(0);
    steps.get(reached.max(opened)).copied().unwrap_or_default()
}

/// The moments at which the contact comes to another step than the first.
pub(super) fn moments_of(plan: &Plan, contact: &Contact) -> Vec<Timestamp> {
    if contact.tier == 0 {
        return Vec::new();
    }
    let steps = steps_of(plan, &contact.queue);
    steps.iter().skip(1).map(|step| contact.order() + step.after).collect()
}

/// Every skill that the contact wants, its queue's included.
pub(super) fn wanted_skills(plan: &Plan, contact: &Contact) -> BTreeMap<Name, u8> {
    let mut wanted: BTreeMap<Name, u8> = BTreeMap::new();
    for (skill, level) in skills_asked(plan, contact) {
        let highest = wanted.entry(skill.clone()).or_default();
        *highest = (*highest).max(*level);
    }
    wanted
}

/// Every unit that the contact wants its operator to be of, its queue's included.
pub(super) fn wanted_scopes(plan: &Plan, contact: &Contact) -> BTreeSet<Name> {
    scopes_asked(plan, contact).cloned().collect()
}

/// The contact's own skills and its queue's; a skill may come twice.
pub(super) fn skills_asked<'a>(
    plan: &'a Plan,
    contact: &'a Contact,
) -> impl Iterator<Item = (&'a Name, &'a u8)> {
    let follows = contact.wish.is_some();
    let own = contact.own.iter().filter(move |_| follows).flat_map(|(skills, _)| skills.iter());
    let asks_queue = follows && !contact.is_leg_to_operator();
    let queue = asks_queue.then(|| queue_of(plan, &contact.queue));
    let by_queue =
        queue.into_iter().flat_map(|queue| queue.required.iter().map(|(name, level)| (name, level)));
    let fixed = contact.required.iter().filter(move |_| !follows);
    fixed.chain(own).chain(by_queue)
}

fn scopes_asked<'a>(plan: &'a Plan, contact: &'a Contact) -> impl Iterator<Item = &'a Name> {
    let follows = contact.wish.is_some();
    let own = contact.own.iter().filter(move |_| follows).flat_map(|(_, scopes)| scopes.iter());
    let asks_queue = follows && !contact.is_leg_to_operator();
    let by_queue = asks_queue.then(|| queue_of(plan, &contact.queue)).and_then(|queue| queue.scope.as_ref());
    contact.scopes.iter().filter(move |_| !follows).chain(own).chain(by_queue)
}

/// The questions whether an operator fits a contact at a step, one by one.
#[derive(Clone, Copy)]
pub(super) struct Fit<'a> {
    pub plan: &'a Plan,
    pub operator: &'a Operator,
    pub contact: &'a Contact,
    pub step: Step,
}

impl Fit<'_> {
    /// All of them.
    pub(super) fn holds(self) -> bool {
        self.by_rank()
            && self.by_skills()
            && self.by_scopes()
            && self.by_language()
            && self.by_principal()
            && self.by_channel()
            && self.by_people()
    }

    /// Who wants a person gets no bot.
    pub(super) fn by_people(self) -> bool {
        !(self.contact.wants_people && self.operator.rules.bot)
    }

    pub(super) fn by_rank(self) -> bool {
        self.operator.rank(&self.contact.queue) <= self.step.rank_max
    }

    pub(super) fn by_skills(self) -> bool {
        skills_asked(self.plan, self.contact).all(|(skill, level)| {
            let least = level.saturating_sub(self.step.levels_lowered).max(1);
            self.operator.has_skill(skill, least)
        })
    }

    pub(super) fn by_scopes(self) -> bool {
        let unit = self.operator.unit.as_ref();
        self.step.reach != Reach::Nobody
            && scopes_asked(self.plan, self.contact)
                .all(|scope| reaches(self.plan, unit, scope, self.step.reach))
    }

    pub(super) fn by_language(self) -> bool {
        let Some(wish) = &self.contact.wish else { return true };
        let Some(language) = &wish.language else { return true };
        self.operator.has_skill(language, 0) || (self.step.any_language && wish.any_language)
    }

    pub(super) fn by_principal(self) -> bool {
        let principal = self.contact.wish.as_ref().and_then(|wish| wish.principal.as_ref());
        let Some(principal) = principal else { return true };
        let rules = &self.operator.rules;
        rules.principals.contains(principal)
            || (rules.principals.is_empty() && rules.lent_principals.is_empty())
            || (self.step.lent && rules.lent_principals.contains(principal))
    }

    pub(super) fn by_channel(self) -> bool {
        let channels = &self.operator.rules.channels;
        self.contact.channel().is_none_or(|channel| channels.is_empty() || channels.contains(channel))
    }
}

/// Whether an operator of this unit is within reach of a scope.
fn reaches(plan: &Plan, unit: Option<&Name>, scope: &Name, reach: Reach) -> bool {
    if reach == Reach::All {
        return true;
    }
    let Some(unit) = unit else { return false };
    let is_own = is_within(&plan.units, unit, scope);
    let is_neighbour = || {
        let row = plan.units.iter().find(|row| row.name == *scope);
        row.is_some_and(|row| row.rules.neighbours.iter().any(|next| is_within(&plan.units, unit, next)))
    };
    match reach {
        Reach::Nobody => false,
        Reach::Own => is_own,
        Reach::Neighbours => is_own || is_neighbour(),
        Reach::Up(levels) => {
            is_own || is_neighbour() || is_within(&plan.units, unit, &above(plan, scope, levels))
        }
        Reach::All => true,
    }
}

/// The unit so many levels above, or the top.
fn above(plan: &Plan, unit: &Name, levels: u8) -> Name {
    let mut here = unit.clone();
    for _ in 0..levels {
        let parent = plan.units.iter().find(|row| row.name == here).and_then(|row| row.parent);
        match parent.and_then(|parent| plan.units.get(parent.0 as usize)) {
            Some(row) => here = row.name.clone(),
            None => break,
        }
    }
    here
}
