//! Holds the core and the naive model together: equal outcomes, equal state.

use std::fmt::Debug;

use ringmain_routing::command::{Closure, Role};
use ringmain_routing::{ContactView, EnquiryFilter, OperatorView, Outcome, Party, Refusal, Router};

use crate::model::{Contact, ContactState, Model, Operator, SessionState};

/// A difference between two implementations of the rules, in words.
pub type Difference = String;

/// Whether two outcomes say the same. The wording of two refusals is the core's own, so only their kind counts.
#[must_use]
pub fn same_outcome(left: &Outcome, right: &Outcome) -> bool {
    let same_reply = match (&left.reply, &right.reply) {
        (Err(left), Err(right)) => same_refusal(left, right),
        (left, right) => left == right,
    };
    same_reply && left.effects == right.effects
}

fn same_refusal(left: &Refusal, right: &Refusal) -> bool {
    let is_worded = matches!(
        left,
        Refusal::InvalidField { .. } | Refusal::PlanConflict(_) | Refusal::LimitReached { .. }
    );
    if is_worded { left.code() == right.code() } else { left == right }
}

fn same<T: PartialEq + Debug>(what: &str, model: T, router: T) -> Result<(), Difference> {
    if model == router { Ok(()) } else { Err(format!("{what}: model {model:?}, router {router:?}")) }
}

/// Compares everything that the core lets others read.
///
/// # Errors
/// The first difference.
pub fn same_state(model: &Model, router: &Router) -> Result<(), Difference> {
    same("index", model.index(), router.index())?;
    same("now", model.now(), router.now())?;
    same("plan", model.plan(), router.plan())?;
    same_contacts(model, router)?;
    same_operators(model, router)?;
    same_queues(model, router)?;
    same_cases(model, router)?;
    same_enquiries(model, router)?;
    same_gateways(model, router)?;
    same_closures(model, router)?;
    same("next deadline", model.next_deadline(), router.next_deadline())
}

fn same_contacts(model: &Model, router: &Router) -> Result<(), Difference> {
    let views: Vec<ContactView> = router.contacts().collect();
    let rows: Vec<&Contact> = model.contacts().collect();
    let ids = |left: Vec<_>, right: Vec<_>| same("contacts", left, right);
    ids(rows.iter().map(|row| row.id).collect(), views.iter().map(|view| view.id).collect())?;
    rows.iter().zip(&views).try_for_each(|(row, view)| same_contact(model, row, view))
}

fn same_contact(model: &Model, row: &Contact, view: &ContactView) -> Result<(), Difference> {
    let what = |field: &str| format!("{} {field}", row.id);
    same(&what("state"), view_of(&row.state), view.state)?;
    same(&what("key"), &row.body.key, &view.key)?;
    same(&what("queue"), &row.queue, &view.queue)?;
    same(&what("channel"), &row.body.channel, &view.channel)?;
    same(&what("gateway"), row.gateway(), view.gateway_id)?;
    same(&what("tier"), row.tier, view.tier)?;
    same(&what("enqueued_at"), row.enqueued_at, view.enqueued_at)?;
    same(&what("order"), row.order(), view.order)?;
    same(&what("index"), row.index, view.index)?;
    same(&what("units"), row.units_shown(), view.units)?;
    same(&what("skills"), model.wanted_skills(row), view.skills.iter().cloned().collect())?;
    same(&what("scopes"), model.wanted_scopes(row), view.scopes.iter().cloned().collect())?;
    same(&what("not_before"), row.not_before, view.not_before)?;
    same(&what("assignment"), row.assignment, view.assignment)?;
    same(&what("holder"), row.last_holder, view.holder)?;
    same(&what("held_for"), row.held_for, view.held_for)?;
    same(&what("sources"), row.sources, view.sources)?;
    same(&what("transfers"), row.transfers, view.transfers)?;
    same(&what("case"), row.case, view.case)?;
    same(&what("callback"), row.callback(), view.callback.as_ref())?;
    same(&what("note"), &row.note, &view.note)?;
    same(&what("result"), &row.result, &view.result)?;
    same(&what("wants people"), row.wants_people, view.wants_people)?;
    same(&what("seats"), model.seats(row.id), view.seats.clone())?;
    same(&what("legs"), model.legs_of(row.id), view.legs.clone())?;
    same(&what("leg of"), model.leg_of(row), view.leg_of)?;
    same(&what("parked"), row.parked_since(), view.parked)?;
    same(&what("thread"), model.thread(row), view.thread)?;
    same(&what("invitation"), model.invitation(row.id), view.invitation.clone())?;
    same(&what("companion of"), model.companion_of(row.id), view.companion_of)?;
    same(&what("context"), &row.context, &view.context)?;
    same(&what("offered"), row.offered.clone(), view.offered.iter().copied().collect())?;
    same(&what("reserved"), model.reserved_for(row.id), view.reserved)?;
    same(&what("details"), &row.details, &view.details)
}

fn view_of(state: &ContactState) -> ringmain_routing::ContactState {
    use ringmain_routing::ContactState as View;
    match *state {
        ContactState::Waiting => View::Waiting,
        ContactState::Offered { operator, at, deadline, mode, .. } => {
            View::Offered { operator, at, deadline, mode }
        }
        ContactState::Handling { operator, since, on_hold } => View::Handling { operator, since, on_hold },
        ContactState::WrapUp { operator, until, .. } => View::WrapUp { operator, until },
        ContactState::Ended { at, reason, .. } => View::Ended { at, reason },
    }
}

fn same_operators(model: &Model, router: &Router) -> Result<(), Difference> {
    let views: Vec<OperatorView> = router.operators().collect();
    same("number of operators", model.operators().len(), views.len())?;
    model.operators().iter().zip(&views).try_for_each(|(row, view)| same_operator(model, row, view))
}

fn same_operator(model: &Model, row: &Operator, view: &OperatorView) -> Result<(), Difference> {
    let what = |field: &str| format!("{} {field}", row.id);
    same(&what("id"), row.id, view.id)?;
    same(&what("login"), &row.login, &view.login)?;
    same(&what("presence"), row.presence, view.presence)?;
    same(&what("session"), session_of(row.session.state), view.session)?;
    same(&what("epoch"), row.session.epoch, view.epoch)?;
    same(&what("capacity"), row.capacity, view.capacity)?;
    same(&what("unit"), &row.unit, &view.unit)?;
    same(&what("help"), model.help(row.id), view.help)?;
    same(&what("used"), model.used_units(row.id), u64::from(view.used))?;
    same(&what("idle_since"), row.idle_since, view.idle_since)?;
    let in_hand: Vec<_> = model.contacts_of(row.id).map(|contact| contact.id).collect();
    same(&what("contacts"), &in_hand, &view.contacts)?;
    let parked: Vec<_> = model.contacts_of(row.id).filter(|row| row.is_parked()).map(|row| row.id).collect();
    same(&what("parked"), &parked, &view.parked)?;
    let exclusions: Vec<_> = row.exclusions.iter().map(|mark| (mark.contact, mark.until)).collect();
    same(&what("exclusions"), &exclusions, &view.exclusions)?;
    let wrap_ups: Vec<_> = row.wrap_ups.iter().map(|row| (row.contact, row.assignment, row.until)).collect();
    same(&what("wrap-ups"), &wrap_ups, &view.wrap_ups)
}

fn session_of(state: SessionState) -> ringmain_routing::SessionState {
    use ringmain_routing::SessionState as View;
    match state {
        SessionState::None => View::None,
        SessionState::Live { node, incarnation } => View::Live { node, incarnation },
        SessionState::Grace { until } => View::Grace { until },
    }
}

fn same_queues(model: &Model, router: &Router) -> Result<(), Difference> {
    for view in router.queues() {
        let what = |field: &str| format!("queue {} {field}", view.name);
        let count = |word: &str| {
            let rows = model.contacts().filter(|row| row.queue == view.name);
            rows.filter(|row| row.state.word() == word).count() as u32
        };
        let here = || model.contacts().filter(|row| row.queue == view.name);
        let for_customer = here().filter(|row| row.is_asleep()).count() as u32;
        same(&what("waiting"), count("waiting") - for_customer, view.waiting)?;
        same(&what("for customer"), for_customer, view.for_customer)?;
        same(&what("offered"), count("offered"), view.offered)?;
        same(&what("handling"), count("handling"), view.handling)?;
        same(&what("wrap-up"), count("wrap-up"), view.wrap_up)?;
        let parked = model.contacts().filter(|row| row.queue == view.name && row.is_parked()).count() as u32;
        same(&what("parked"), parked, view.parked)?;
        let (own, other) = (model.totals(&view.name), view.totals);
        same(&what("entered"), own.entered, other.entered)?;
        same(&what("connected"), own.connected, other.connected)?;
        same(&what("connected in target"), own.connected_in_target, other.connected_in_target)?;
        same(&what("abandoned early"), own.abandoned_early, other.abandoned_early)?;
        same(&what("completed"), own.ended_completed, other.completed)?;
        same(&what("abandoned"), own.abandoned, other.abandoned)?;
        same(&what("merged"), own.merged, other.merged)?;
        same(&what("requeued"), own.requeued, other.requeued)?;
        same(&what("transferred"), own.transferred, other.transferred)?;
        same(&what("moved in"), own.moved_in, other.moved_in)?;
        same(&what("moved out"), own.moved_out, other.moved_out)?;
        same(&what("closed"), own.closed, other.closed)?;
        same(&what("expected wait"), model.expected_wait(&view.name), view.expected_wait)?;
        same(&what("band"), model.wait_band(&view.name), view.wait_band)?;
        same(&what("alarm since"), model.alarm_since(&view.name), view.alarm_since)?;
        same(&what("deflected"), own.deflected, other.deflected)?;
    }
    Ok(())
}

/// In the order of what is closed.
fn same_closures(model: &Model, router: &Router) -> Result<(), Difference> {
    let sorted = |mut list: Vec<Closure>| {
        list.sort_by(|one, other| one.of.cmp(&other.of));
        list
    };
    let (own, other) = (model.closures().cloned().collect(), router.closures().cloned().collect());
    same("closures", sorted(own), sorted(other))
}

fn same_cases(model: &Model, router: &Router) -> Result<(), Difference> {
    for row in model.cases() {
        let what = |field: &str| format!("{} {field}", row.id);
        let Some(view) = router.case(row.id) else { return Err(what("is not known to the router")) };
        same(&what("gateway"), row.gateway, view.gateway_id)?;
        same(&what("reference"), &row.reference, &view.reference)?;
        same(&what("route"), &row.route, &view.route)?;
        same(&what("stage"), row.stage, view.stage)?;
        same(&what("unit"), &row.unit, &view.unit)?;
        same(&what("opened_at"), row.opened_at, view.opened_at)?;
        same(&what("due"), row.due, view.due)?;
        same(&what("since"), row.stage_since, view.stage_since)?;
        same(&what("stage's due"), row.stage_due, view.stage_due)?;
        same(&what("warned"), row.warned, view.warned)?;
        same(&what("escalated"), row.escalated, view.escalated)?;
        same(&what("begun"), row.begun, view.begun)?;
        same(&what("contact"), row.contact, view.contact)?;
        same(&what("opened_by"), row.opened_by, view.opened_by)?;
        same(&what("reply_by"), &row.reply_by, &view.reply_by)?;
        same(&what("history"), &row.history, &view.history)?;
        same(&what("state"), row.state, view.state)?;
    }
    Ok(())
}

fn same_enquiries(model: &Model, router: &Router) -> Result<(), Difference> {
    for row in model.enquiries() {
        let what = |field: &str| format!("enquiry {} {field}", row.id);
        let Some(view) = router.enquiry(row.id) else { return Err(what("is not known to the router")) };
        same(&what("contact"), row.contact, view.contact)?;
        same(&what("gateway"), row.gateway, view.gateway_id)?;
        same(&what("asker"), row.asker, view.asker)?;
        same(&what("unit"), &row.unit, &view.unit)?;
        same(&what("to"), &row.to, &view.to)?;
        same(&what("question"), &row.question, &view.question)?;
        same(&what("begun_at"), row.begun_at, view.begun_at)?;
        same(&what("due"), row.due, view.due)?;
        same(&what("remind_at"), row.remind_at, view.remind_at)?;
        same(&what("reminded"), row.reminded, view.reminded)?;
        same(&what("overdue"), row.overdue, view.overdue)?;
        same(&what("call"), row.call, view.call)?;
        same(&what("end"), &row.end, &view.end)?;
    }
    let (known, _) = router.enquiries_from(&EnquiryFilter::default(), 0, usize::MAX, u32::MAX);
    same("enquiries", model.enquiries().count(), known.len())
}

fn same_gateways(model: &Model, router: &Router) -> Result<(), Difference> {
    for row in model.gateways() {
        let party = Party::Gateway(row.id);
        same("gateway", Some(party), router.party(Role::Gateway, &row.name))?;
        let view = router.session(party).map(|view| (view.epoch, view.state));
        let own = Some((row.session.epoch, session_of(row.session.state)));
        same(&format!("session of {}", row.name), own, view)?;
        let live = router.live_contacts(party);
        let open =
            model.contacts().filter(|contact| contact.gateway() == row.id && !contact.state.is_ended());
        let live: Vec<_> = live.iter().map(|view| view.id).collect();
        same(&format!("open contacts of {}", row.name), open.map(|contact| contact.id).collect(), live)?;
    }
    for row in model.contacts() {
        let gateway = &model.gateways()[row.gateway().slot as usize].name;
        let found = router.contact_by_key(gateway, &row.body.key).map(|view| view.id);
        same(&format!("contact of key {}", row.body.key), Some(row.id), found)?;
    }
    Ok(())
}
