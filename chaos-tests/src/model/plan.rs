//! A new plan: names keep their places, nobody who waits is left to nobody, and who may be served by others is matched
//! anew. What an arrival before format 3 requires is fixed.

use ringmain_routing::{ContactId, Name, Plan, Refusal, Reply};

use super::ladder::queue_of;
use super::{Freed, Model};

impl Model {
    pub(super) fn apply_plan(&mut self, plan: &Plan) -> Result<Reply, Refusal> {
        if *plan == self.plan {
            return Ok(Reply::PlanApplied { version: plan.version });
        }
        if plan.version != self.plan.version + 1 {
            return Err(Refusal::PlanVersion { current: self.plan.version });
        }
        super::bounds::check_plan(plan)?;
        super::rule_bounds::check_rules(plan)?;
        self.check_places(plan)?;
        self.check_routes_in_use(plan)?;
        self.check_stranded(plan)?;
        let matched_again = self.concerned(plan);
        let triggers = self.triggers_under(plan);
        let before = std::mem::replace(&mut self.plan, plan.clone());
        self.triggers = triggers;
        self.begin_estimates();
        self.follow_triggers();
        self.follow_stranded();
        self.end_vain_holds(&matched_again);
        let mut freed = Freed { contacts: matched_again, ..Freed::default() };
        freed.join(self.change_time(&before));
        freed.join(self.change_interruptible(&before));
        freed.join(self.change_threads(&before));
        self.settle(freed);
        Ok(Reply::PlanApplied { version: plan.version })
    }

    /// Queues, skills, channels, units and principals keep their place for ever.
    fn check_places(&self, plan: &Plan) -> Result<(), Refusal> {
        let names = |plan: &Plan| -> [Vec<Name>; 5] {
            [
                plan.queues.iter().map(|row| row.name.clone()).collect(),
                plan.skills.clone(),
                plan.channels.iter().map(|row| row.name.clone()).collect(),
                plan.units.iter().map(|row| row.name.clone()).collect(),
                plan.rules.principals.clone(),
            ]
        };
        for (old, new) in names(&self.plan).iter().zip(&names(plan)) {
            if !new.starts_with(old) {
                return Err(Refusal::PlanConflict("a name has left its place".to_owned()));
            }
        }
        if self.plan.units.iter().zip(&plan.units).any(|(old, new)| old.parent != new.parent) {
            return Err(Refusal::PlanConflict("a unit has left its parent".to_owned()));
        }
        Ok(())
    }

    /// Contacts in line or held whom others may serve under this plan: of queues with other rules, or all of them where
    /// some unit has other neighbours.
    fn concerned(&self, plan: &Plan) -> Vec<ContactId> {
        let mut units = self.plan.units.iter().zip(&plan.units);
        let by_neighbours = units.any(|(old, new)| old.rules.neighbours != new.rules.neighbours);
        let waiting = self.contacts.values().filter(|contact| contact.is_eligible());
        let concerned = waiting.filter(|contact| {
            let (old, new) = (queue_of(&self.plan, &contact.queue), queue_of(plan, &contact.queue));
            let by_queue = (&old.required, &old.scope, &old.rules.ladder, old.rules.cap)
                != (&new.required, &new.scope, &new.rules.ladder, new.rules.cap);
            by_queue || by_neighbours
        });
        concerned.map(|contact| contact.id).collect()
    }
}
