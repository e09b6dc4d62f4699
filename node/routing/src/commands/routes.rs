//! Routes of a plan are judged before it applies, and a plan may not leave out what open cases go by.

use super::apply_plan::{check_names, conflict};
use crate::directory::Directory;
use crate::fields::{check_name, check_span, invalid};
use crate::ids::{Millis, Name};
use crate::limits::{REPLY_WAYS_MAX, ROUTES_MAX, STAGES_MAX, WATCHERS_MAX};
use crate::refusal::Refusal;
use crate::router::Router;
use crate::rules::{Route, Stage};

impl Router {
    /// Open cases go on by the stage's place in the route: there must be one.
    pub(super) fn check_routes_kept(&self, next: &Directory) -> Result<(), Refusal> {
        for (route, stages) in &self.tables.ix.cases_at {
            let kept = next.find_route(route).map_or(0, |route| route.stages.len());
            let in_others = stages.iter().filter(|(stage, _)| usize::from(**stage) >= kept);
            let cases = in_others.map(|(_, count)| count.open).sum();
            if cases > 0 {
                return Err(Refusal::RouteInUse { route: route.clone(), cases });
            }
        }
        Ok(())
    }
}

/// The routes of a plan, in their order.
pub(super) fn check_routes(routes: &[Route], directory: &Directory) -> Result<(), Refusal> {
    check_names("rules.routes", routes.iter().map(|route| &route.name), ROUTES_MAX)?;
    routes.iter().try_for_each(|route| check_route(route, directory))
}

fn check_route(route: &Route, directory: &Directory) -> Result<(), Refusal> {
    if route.stages.is_empty() || route.stages.len() > STAGES_MAX {
        return Err(invalid("rules.routes.stages", "1 to 32 stages"));
    }
    check_names("rules.routes.stages", route.stages.iter().map(|stage| &stage.name), STAGES_MAX)?;
    route.term.map_or(Ok(()), |term| check_term("rules.routes.term_ms", term))?;
    route.calendar.iter().try_for_each(|name| directory.find_calendar(name).map(drop))?;
    route.stages.iter().try_for_each(|stage| check_stage(&route.name, stage, directory))?;
    match route.stages.first() {
        Some(first) if !first.reply_by.is_empty() => Err(conflict(alloc::format!(
            "route {:?}: every case begins with the first stage; only those behind it have a reply_by",
            route.name
        ))),
        Some(_) | None => Ok(()),
    }
}

fn check_stage(route: &Name, stage: &Stage, directory: &Directory) -> Result<(), Refusal> {
    directory.find_queue(&stage.queue)?;
    check_term("rules.routes.stages.term_ms", stage.term)?;
    if stage.warn_before >= stage.term {
        let stage = &stage.name;
        return Err(conflict(alloc::format!(
            "route {route:?}, stage {stage:?}: the warning must come after the stage begins; make warn_before shorter"
        )));
    }
    stage.escalate_to.iter().try_for_each(|name| directory.find_queue(name).map(drop))?;
    check_names("rules.routes.stages.watchers", stage.watchers.iter(), WATCHERS_MAX)?;
    stage.channel.iter().try_for_each(|name| directory.find_channel(name).map(drop))?;
    stage
        .call_back
        .iter()
        .try_for_each(|principals| check_name("rules.routes.stages.call_back", principals))?;
    check_names("rules.routes.stages.reply_by", stage.reply_by.iter(), REPLY_WAYS_MAX)
}

fn check_term(field: &str, term: Millis) -> Result<(), Refusal> {
    if term.0 == 0 {
        return Err(invalid(field, "above 0 ms"));
    }
    check_span(field, term)
}
