//! A new plan: names keep their places. What contacts require is fixed at their arrival, so nothing is matched anew.

use ringmain_routing::{Name, Plan, Refusal, Reply};

use super::Model;

impl Model {
    pub(super) fn apply_plan(&mut self, plan: &Plan) -> Result<Reply, Refusal> {
        if *plan == self.plan {
            return Ok(Reply::PlanApplied { version: plan.version });
        }
        if plan.version != self.plan.version + 1 {
            return Err(Refusal::PlanVersion { current: self.plan.version });
        }
        super::bounds::check_plan(plan)?;
        self.check_places(plan)?;
        self.plan = plan.clone();
        Ok(Reply::PlanApplied { version: plan.version })
    }

    /// Queues, skills, channels and units keep their place for ever.
    fn check_places(&self, plan: &Plan) -> Result<(), Refusal> {
        let names = |plan: &Plan| -> [Vec<Name>; 4] {
            [
                plan.queues.iter().map(|row| row.name.clone()).collect(),
                plan.skills.clone(),
                plan.channels.iter().map(|row| row.name.clone()).collect(),
                plan.units.iter().map(|row| row.name.clone()).collect(),
            ]
        };
        for (old, new) in names(&self.plan).iter().zip(&names(plan)) {
            if !new.starts_with(old) {
                return Err(Refusal::PlanConflict("a name has left its place".to_owned()));
            }
        }
        Ok(())
    }
}
