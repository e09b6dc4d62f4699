//! Contacts whom nobody at all could serve: a plan that makes such is refused, unless their queue says where they go.

use std::collections::BTreeSet;

use ringmain_routing::limits::{JOB_ROWS_PER_ENTRY_MAX, REQUIRED_SKILLS_MAX};
use ringmain_routing::{Name, Plan, Refusal};

use super::ladder::{Fit, last_step, queue_of, skills_asked};
use super::state::{Contact, ContactState, Job, MoveStranded, Operator};
use super::{Freed, Model};

impl Model {
    /// Nobody who waits and could be served by somebody is left to nobody who stays where it is.
    pub(super) fn check_stranded(&self, plan: &Plan) -> Result<(), Refusal> {
        let under = self.operators_under(plan, &self.triggers_under(plan));
        for queue in &self.plan.queues {
            let here = self.contacts.values().filter(|row| is_nobodys(row) && row.queue == queue.name);
            let stranded = here.filter(|contact| {
                let had_somebody = has_somebody_for(&self.operators, &self.plan, contact);
                let is_left = !has_somebody_for(&under, plan, contact);
                had_somebody && is_left && self.way_out(&under, plan, contact).is_none()
            });
            let contacts = stranded.count() as u32;
            if contacts > 0 {
                return Err(Refusal::WouldStrand { queue: queue.name.clone(), contacts });
            }
        }
        Ok(())
    }

    /// Behind a plan and behind other operators: where somebody is stranded, a job begins, anew if one is under way.
    pub(super) fn follow_stranded(&mut self) {
        let mut waiting = self.contacts.values().filter(|row| is_nobodys(row));
        if waiting.any(|contact| self.way_out(&self.operators, &self.plan, contact).is_some()) {
            self.jobs.retain(|job| !matches!(job, Job::MoveStranded(_)));
            self.jobs.push_back(Job::MoveStranded(MoveStranded { arrived_by: self.index, next_slot: 0 }));
        }
    }

    /// Moves who is stranded among the next so many slots.
    pub(super) fn move_some_stranded(&mut self, job: MoveStranded) -> Option<MoveStranded> {
        let next_slot = job.next_slot + JOB_ROWS_PER_ENTRY_MAX as u32;
        let looked_at = self.contacts.values().filter(|row| {
            (job.next_slot..next_slot).contains(&row.id.slot)
                && row.index <= job.arrived_by
                && is_nobodys(row)
        });
        let mut moves: Vec<_> = looked_at
            .filter_map(|row| Some((row.id, self.way_out(&self.operators, &self.plan, row)?.clone())))
            .collect();
        moves.sort_by_key(|(id, _)| id.slot);
        let mut freed = Freed::default();
        for (id, to) in moves {
            freed.join(self.move_to_queue(id, &to));
        }
        self.settle(freed);
        (next_slot < self.slot_uses.len() as u32).then_some(MoveStranded { next_slot, ..job })
    }

    /// Where a contact goes whom nobody could serve in its queue under this plan, and somebody there.
    fn way_out<'a>(&self, operators: &[Operator], plan: &'a Plan, contact: &Contact) -> Option<&'a Name> {
        let to = queue_of(plan, &contact.queue).rules.stranded_to.as_ref()?;
        let follows_queue = contact.wish.is_some() && !contact.is_leg_to_operator();
        let there = Contact { queue: to.clone(), ..contact.clone() };
        let skills: BTreeSet<_> = skills_asked(plan, &there).map(|(skill, _)| skill).collect();
        let is_served_there =
            follows_queue && skills.len() <= REQUIRED_SKILLS_MAX && has_somebody_for(operators, plan, &there);
        (is_served_there && !has_somebody_for(operators, plan, contact)).then_some(to)
    }
}

/// Whether it waits for an operator; a thread that waits for its customer does not.
fn is_nobodys(contact: &Contact) -> bool {
    contact.state == ContactState::Waiting && !contact.is_asleep()
}

/// Whether any of them, whatever the presence, fits at the last step under this plan.
fn has_somebody_for(operators: &[Operator], plan: &Plan, contact: &Contact) -> bool {
    let step = last_step(plan, &contact.queue);
    operators.iter().any(|operator| Fit { plan, operator, contact, step }.holds())
}
