//! Cases, as clients see them.

use ringmain_protocol::v1;
use ringmain_routing::command::CaseStep;
use ringmain_routing::{CaseEnd, CaseId, CaseState, CaseTally, CaseView, Router, StageDone, Timestamp};

use super::contact::login;

/// A case in full. Logins are looked up in the state it was read from.
pub(crate) fn case(view: &CaseView, router: &Router) -> v1::Case {
    let (end, closed_at_ms) = match view.state {
        CaseState::Open => (v1::CaseEnd::Unspecified, None),
        CaseState::Closed { at, why, .. } => (end_word(why), Some(at.0)),
    };
    v1::Case {
        case: view.id.to_string(),
        gateway: view.gateway.to_string(),
        reference: view.reference.to_string(),
        route: view.route.to_string(),
        place: u32::from(view.stage),
        stage: view.stage_name.to_string(),
        unit: view.unit.as_ref().map(ToString::to_string),
        reply_by: view.reply_by.as_ref().map(ToString::to_string),
        opened_at_ms: view.opened_at.0,
        due_ms: view.due.map(|due| due.0),
        stage_since_ms: view.stage_since.0,
        stage_due_ms: view.stage_due.0,
        warned: view.warned,
        escalated: view.escalated,
        overdue: view.overdue,
        begun: view.begun,
        contact: view.contact.map(|contact| contact.to_string()),
        opened_by: view.opened_by.map(|contact| contact.to_string()),
        end: end.into(),
        closed_at_ms,
        in_term: view.in_term,
        history: view.history.iter().map(|done| stage_done(done, router)).collect(),
    }
}

fn stage_done(done: &StageDone, router: &Router) -> v1::CaseStageDone {
    v1::CaseStageDone {
        place: u32::from(done.stage),
        stage: done.name.to_string(),
        since_ms: done.since.0,
        due_ms: done.due.0,
        ended_ms: done.ended.0,
        operator_login: done.operator.and_then(|operator| login(operator, router)),
        escalated: done.escalated,
    }
}

/// How many cases are open in a stage.
pub(crate) fn count(tally: &CaseTally) -> v1::CaseCount {
    v1::CaseCount {
        route: tally.route.to_string(),
        place: u32::from(tally.stage),
        stage: tally.stage_name.to_string(),
        open: tally.open,
        overdue: tally.overdue,
    }
}

/// Where a case goes by an operator's word; one that says nothing goes to the next stage.
pub(crate) fn step(step: v1::CaseStep) -> CaseStep {
    match step {
        v1::CaseStep::Unspecified | v1::CaseStep::Next => CaseStep::Next,
        v1::CaseStep::Return => CaseStep::Return,
        v1::CaseStep::Close => CaseStep::Close,
    }
}

/// Which case an event is about, as far as the state remembers it.
pub(crate) fn name(case: CaseId, router: &Router) -> v1::CaseName {
    let view = router.case(case);
    v1::CaseName {
        case: case.to_string(),
        reference: view.as_ref().map(|view| view.reference.to_string()).unwrap_or_default(),
        route: view.map(|view| view.route.to_string()).unwrap_or_default(),
    }
}

/// A stage begins.
pub(crate) fn begun(case: CaseId, stage: u16, due: Timestamp, router: &Router) -> v1::CaseStageBegun {
    let route = router.case(case).map(|view| view.route);
    let routes = &router.plan().rules.routes;
    let route = route.and_then(|name| routes.iter().find(|route| route.name == name));
    let plan = route.and_then(|route| route.stages.get(usize::from(stage)));
    v1::CaseStageBegun {
        name: Some(name(case, router)),
        place: u32::from(stage),
        stage: plan.map(|stage| stage.name.to_string()).unwrap_or_default(),
        due_ms: due.0,
    }
}

/// A deadline is near.
pub(crate) fn warned(case: CaseId, due: Timestamp, router: &Router) -> v1::CaseWarned {
    v1::CaseWarned { name: Some(name(case, router)), due_ms: due.0 }
}

/// A deadline has passed.
pub(crate) fn escalated(case: CaseId, whole: bool, router: &Router) -> v1::CaseEscalated {
    v1::CaseEscalated { name: Some(name(case, router)), whole }
}

/// A case is over.
pub(crate) fn closed(case: CaseId, end: CaseEnd, in_term: bool, router: &Router) -> v1::CaseClosed {
    v1::CaseClosed { name: Some(name(case, router)), end: end_word(end).into(), in_term }
}

/// A case that somebody watches.
pub(crate) fn watched(
    case: CaseId,
    operator: ringmain_routing::OperatorId,
    escalated: bool,
    router: &Router,
) -> v1::CaseWatched {
    v1::CaseWatched {
        name: Some(name(case, router)),
        escalated,
        operator: operator.to_string(),
        operator_login: login(operator, router).unwrap_or_default(),
    }
}

fn end_word(end: CaseEnd) -> v1::CaseEnd {
    match end {
        CaseEnd::Done => v1::CaseEnd::Done,
        CaseEnd::Withdrawn => v1::CaseEnd::Withdrawn,
        CaseEnd::ClosedEarly => v1::CaseEnd::ClosedEarly,
    }
}
