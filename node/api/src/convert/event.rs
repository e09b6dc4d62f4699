//! Effects as events: for a gateway and for an operator.

use ringmain_protocol::plan::treatment_to_message;
use ringmain_protocol::v1;
use ringmain_routing::delivery::Delivered;
use ringmain_routing::effect::{OfferMode, ThreadNews, WithdrawReason};
use ringmain_routing::rules::Treatment;
use ringmain_routing::{
    AssignmentEpoch, ContactId, ContactView, Effect, OperatorId, QueueId, Router, Timestamp,
};

use super::contact::{contact, ended, forgotten, login, presence, withdraw_reason};
use super::{Life, case, enquiry, supervision, together};

/// An effect as its contact's gateway hears of it; `None` for one that is not for gateways.
pub(crate) fn for_gateway(delivered: &Delivered, router: &Router, life: Life) -> Option<v1::GatewayEvent> {
    use v1::gateway_event::Event;
    let name = |id: OperatorId| (id.to_string(), login(id, router).unwrap_or_default());
    let (id, event) = match delivered.effect {
        Effect::AnnounceQueued { contact, .. } => (contact, Event::Queued(v1::ContactQueued {})),
        Effect::AnnounceAssigned { contact, operator, assignment, .. } => {
            (contact, Event::Assigned(assigned(name(operator), assignment)))
        }
        Effect::ConnectContact { contact, operator, assignment, .. } => {
            (contact, Event::Connect(connect(name(operator), assignment)))
        }
        Effect::WithdrawAssignment { contact, operator, assignment, reason, .. } => {
            (contact, Event::Withdrawn(withdrawn(name(operator), assignment, reason)))
        }
        Effect::AnnounceEnded { contact, reason, .. } => (contact, Event::Ended(ended(reason))),
        Effect::HoldContact { contact, operator, assignment, on, .. } => {
            (contact, Event::Held(held(name(operator), assignment, on)))
        }
        Effect::ParkContact { contact, operator, assignment, on, .. } => {
            (contact, Event::Parked(parked(name(operator), assignment, on)))
        }
        Effect::NotifyThread { contact, operator, assignment, news, .. } => {
            (contact, Event::Thread(thread(name(operator), assignment, news)))
        }
        Effect::AnnounceMoved { contact, queue, .. } => (contact, Event::Moved(moved(queue, router))),
        Effect::InviteCompanion { contact, .. } => {
            (contact, Event::CompanionInvited(invited(&delivered.effect, router)))
        }
        Effect::AnnounceConsult { contact, of, operator, .. } => {
            let begun = v1::ConsultChange::Begun;
            (contact, Event::Consult(together::consult_changed(begun, of, operator, router)))
        }
        Effect::JoinConsult { contact, of, operator, on, .. } => {
            let changed = together::joined(on);
            (contact, Event::Consult(together::consult_changed(changed, of, operator, router)))
        }
        Effect::AnnounceExpectedWait { contact, band, .. } => {
            (contact, Event::ExpectedWait(v1::ExpectedWaitAnnounced { band: u32::from(band) }))
        }
        Effect::OfferDeflection { contact, to, .. } => (contact, Event::DeflectionOffered(offered(to))),
        Effect::CallDuty { contact, .. } => (contact, Event::DutyCalled(v1::DutyCalled {})),
        Effect::SuperviseContact { contact, assignment, seat, how, on, .. } => (
            contact,
            Event::Supervised(supervision::supervised(contact, assignment, (seat, how, on), router)),
        ),
        Effect::AnnounceEnquiry { enquiry, contact, news, .. } => {
            (contact, Event::Enquiry(enquiry::changed(enquiry, news, router)))
        }
        Effect::AnnounceStage { .. }
        | Effect::WarnCase { .. }
        | Effect::EscalateCase { .. }
        | Effect::AnnounceCaseClosed { .. } => return case_for_gateway(delivered, router, life),
        Effect::NotifyWatcher { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::RingOperator { .. }
        | Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::EndStream { .. } => return None,
    };
    Some(v1::GatewayEvent {
        cursor: life.cursor(delivered.position),
        at_ms: delivered.at.0,
        contact: id.to_string(),
        key: key(id, router),
        event: Some(event),
    })
}

/// What a gateway hears of its cases.
fn case_for_gateway(delivered: &Delivered, router: &Router, life: Life) -> Option<v1::GatewayEvent> {
    use v1::gateway_event::Event;
    let event = match delivered.effect {
        Effect::AnnounceStage { case, stage, due, .. } => {
            Event::StageBegun(case::begun(case, stage, due, router))
        }
        Effect::WarnCase { case, due, .. } => Event::CaseWarned(case::warned(case, due, router)),
        Effect::EscalateCase { case, contact, .. } => {
            Event::CaseEscalated(case::escalated(case, contact.is_none(), router))
        }
        Effect::AnnounceCaseClosed { case, end, in_term, .. } => {
            Event::CaseClosed(case::closed(case, end, in_term, router))
        }
        Effect::AnnounceQueued { .. }
        | Effect::RingOperator { .. }
        | Effect::AnnounceAssigned { .. }
        | Effect::ConnectContact { .. }
        | Effect::WithdrawAssignment { .. }
        | Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::AnnounceEnded { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::EndStream { .. }
        | Effect::NotifyThread { .. }
        | Effect::ParkContact { .. }
        | Effect::HoldContact { .. }
        | Effect::AnnounceMoved { .. }
        | Effect::InviteCompanion { .. }
        | Effect::AnnounceConsult { .. }
        | Effect::JoinConsult { .. }
        | Effect::AnnounceExpectedWait { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::NotifyWatcher { .. } => return None,
    };
    let contact = contact_of(&delivered.effect);
    Some(v1::GatewayEvent {
        cursor: life.cursor(delivered.position),
        at_ms: delivered.at.0,
        contact: contact.map(|id| id.to_string()).unwrap_or_default(),
        key: contact.map(|id| key(id, router)).unwrap_or_default(),
        event: Some(event),
    })
}

/// An effect as the operator hears of it; `None` for one that is not for operators.
pub(crate) fn for_operator(delivered: &Delivered, router: &Router, life: Life) -> Option<v1::OperatorEvent> {
    use v1::operator_event::Event;
    let consult = |contact: ContactId, changed| {
        Event::Consult(v1::OperatorConsult { contact: contact.to_string(), changed: Some(changed) })
    };
    let asked = |enquiry, news| Event::Enquiry(enquiry::changed(enquiry, news, router));
    let event = match delivered.effect {
        Effect::RingOperator { contact, operator, assignment, deadline, mode } => {
            Event::Ring(ring(look(contact, operator, delivered.at, router), assignment, deadline, mode))
        }
        Effect::ConnectContact { contact, operator, assignment, .. } => {
            Event::Connect(operator_connect(look(contact, operator, delivered.at, router), assignment))
        }
        Effect::WithdrawAssignment { contact, assignment, reason, .. } => {
            Event::Withdrawn(operator_withdrawn(contact, assignment, reason))
        }
        Effect::StartWrapUp { contact, assignment, until, .. } => Event::WrapUp(v1::OperatorWrapUp {
            contact: contact.to_string(),
            assignment: assignment.0,
            until_ms: until.0,
        }),
        Effect::ReleaseOperator { contact, assignment, .. } => {
            Event::Released(v1::OperatorReleased { contact: contact.to_string(), assignment: assignment.0 })
        }
        Effect::AnnouncePresence { presence: is, .. } => Event::Presence(presence(is)),
        Effect::HoldContact { contact, assignment, on, .. } => {
            Event::Held(v1::OperatorHeld { contact: contact.to_string(), assignment: assignment.0, on })
        }
        Effect::ParkContact { contact, assignment, on, .. } => {
            Event::Parked(v1::OperatorParked { contact: contact.to_string(), assignment: assignment.0, on })
        }
        Effect::NotifyThread { contact, assignment, news, .. } => {
            Event::Thread(operator_thread(contact, assignment, news))
        }
        Effect::NotifyWatcher { operator, case, escalated } => {
            Event::CaseWatched(case::watched(case, operator, escalated, router))
        }
        Effect::InviteCompanion { .. } => Event::CompanionInvited(invited(&delivered.effect, router)),
        Effect::AnnounceAlarm { operator, queue, trigger, on } => {
            Event::QueueAlarm(alarm(operator, queue, (trigger, on), router))
        }
        Effect::AnnounceConsult { contact, of, operator, .. } => {
            consult(contact, together::consult_changed(v1::ConsultChange::Begun, of, operator, router))
        }
        Effect::JoinConsult { contact, of, operator, on, .. } => {
            consult(contact, together::consult_changed(together::joined(on), of, operator, router))
        }
        Effect::NotifyEnquiry { enquiry, news, .. } => asked(enquiry, news),
        Effect::AnnounceHelp { operator, of, contact, on } => {
            Event::Help(supervision::help(operator, of, (contact, on), router))
        }
        Effect::AnnounceExpectedWait { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceQueued { .. }
        | Effect::AnnounceAssigned { .. }
        | Effect::AnnounceEnded { .. }
        | Effect::AnnounceMoved { .. }
        | Effect::AnnounceStage { .. }
        | Effect::WarnCase { .. }
        | Effect::EscalateCase { .. }
        | Effect::AnnounceCaseClosed { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::EndStream { .. } => return None,
    };
    Some(v1::OperatorEvent {
        cursor: life.cursor(delivered.position),
        at_ms: delivered.at.0,
        event: Some(event),
    })
}

fn operator_connect(look: Look, assignment: AssignmentEpoch) -> v1::OperatorConnect {
    let Look { contact, waited_ms, matches } = look;
    v1::OperatorConnect { contact: Some(contact), assignment: assignment.0, waited_ms, matches }
}

fn ring(look: Look, assignment: AssignmentEpoch, deadline: Timestamp, mode: OfferMode) -> v1::OperatorRing {
    v1::OperatorRing {
        contact: Some(look.contact),
        assignment: assignment.0,
        deadline_ms: deadline.0,
        automatic: mode == OfferMode::Confirmed,
        preview: mode == OfferMode::Previewed,
        waited_ms: look.waited_ms,
        matches: look.matches,
    }
}

fn operator_withdrawn(
    contact: ContactId,
    assignment: AssignmentEpoch,
    reason: WithdrawReason,
) -> v1::OperatorWithdrawn {
    let reason = withdraw_reason(reason).into();
    v1::OperatorWithdrawn { contact: contact.to_string(), assignment: assignment.0, reason }
}

/// What an operator must see of a contact to decide in one look.
struct Look {
    contact: v1::Contact,
    waited_ms: u64,
    matches: Vec<v1::SkillMatch>,
}

fn look(id: ContactId, operator: OperatorId, at: Timestamp, router: &Router) -> Look {
    match router.contact(id) {
        Some(view) => Look {
            waited_ms: at.since(view.enqueued_at).0,
            matches: matches(&view, operator, router),
            contact: contact(&view, router),
        },
        None => Look { contact: forgotten(id), waited_ms: 0, matches: Vec::new() },
    }
}

fn matches(view: &ContactView, operator: OperatorId, router: &Router) -> Vec<v1::SkillMatch> {
    if view.skills.is_empty() {
        return Vec::new();
    }
    let Some(operator) = router.operator(operator) else { return Vec::new() };
    let level_of = |skill: &str| {
        operator.skills.iter().find(|(name, _)| **name == *skill).map_or(0, |(_, level)| u32::from(*level))
    };
    let of = |(skill, required): &(ringmain_routing::Name, u8)| v1::SkillMatch {
        skill: skill.to_string(),
        required: u32::from(*required),
        level: level_of(skill),
    };
    view.skills.iter().map(of).collect()
}

pub(super) fn thread(
    (operator, operator_login): (String, String),
    assignment: AssignmentEpoch,
    news: ThreadNews,
) -> v1::ThreadNotified {
    let (news, due_ms) = thread_news(news);
    let (assignment, news) = (assignment.0, news.into());
    v1::ThreadNotified { operator, operator_login, assignment, news, due_ms }
}

fn operator_thread(contact: ContactId, assignment: AssignmentEpoch, news: ThreadNews) -> v1::OperatorThread {
    let (news, due_ms) = thread_news(news);
    v1::OperatorThread { contact: contact.to_string(), assignment: assignment.0, news: news.into(), due_ms }
}

/// What happens in a thread, and when a reply is due.
fn thread_news(news: ThreadNews) -> (v1::ThreadNews, Option<u64>) {
    match news {
        ThreadNews::ReplySoon { due } => (v1::ThreadNews::ReplySoon, Some(due.0)),
        ThreadNews::ReplyOverdue => (v1::ThreadNews::ReplyOverdue, None),
        ThreadNews::Closed => (v1::ThreadNews::Closed, None),
    }
}

pub(super) fn offered(to: Treatment) -> v1::DeflectionOffered {
    v1::DeflectionOffered { to: treatment_to_message(to).into() }
}

pub(super) fn alarm(
    operator: OperatorId,
    queue: QueueId,
    (trigger, on): (Option<u32>, bool),
    router: &Router,
) -> v1::QueueAlarm {
    // A plan without it may be in force by now; without a name it would be told as the queue's alarm.
    let named = |place: u32| {
        let rule = router.plan().rules.triggers.get(place as usize);
        rule.map_or_else(|| format!("trigger {place}"), |rule| rule.name.to_string())
    };
    v1::QueueAlarm {
        trigger: trigger.map(named).unwrap_or_default(),
        operator: operator.to_string(),
        operator_login: login(operator, router).unwrap_or_default(),
        queue: moved(queue, router).queue,
        on,
    }
}

/// What is told of an invitation; for any other effect nothing.
pub(super) fn invited(effect: &Effect, router: &Router) -> v1::CompanionInvited {
    let Effect::InviteCompanion { contact, operator, assignment, channel, .. } = *effect else {
        return v1::CompanionInvited::default();
    };
    let channel = router.plan().channels.get(channel.0 as usize);
    let channel = channel.map(|channel| channel.name.to_string()).unwrap_or_default();
    let open = router.contact(contact).and_then(|call| call.invitation);
    let number = open.filter(|open| *open.channel == *channel).map(|open| open.number.to_string());
    v1::CompanionInvited {
        operator: operator.to_string(),
        operator_login: login(operator, router).unwrap_or_default(),
        assignment: assignment.0,
        number: number.unwrap_or_default(),
        channel,
    }
}

/// The contact that an effect is about.
pub(crate) fn contact_of(effect: &Effect) -> Option<ContactId> {
    match *effect {
        Effect::AnnounceQueued { contact, .. }
        | Effect::RingOperator { contact, .. }
        | Effect::AnnounceAssigned { contact, .. }
        | Effect::ConnectContact { contact, .. }
        | Effect::WithdrawAssignment { contact, .. }
        | Effect::StartWrapUp { contact, .. }
        | Effect::ReleaseOperator { contact, .. }
        | Effect::NotifyThread { contact, .. }
        | Effect::ParkContact { contact, .. }
        | Effect::HoldContact { contact, .. }
        | Effect::AnnounceMoved { contact, .. }
        | Effect::AnnounceStage { contact, .. }
        | Effect::InviteCompanion { contact, .. }
        | Effect::OfferDeflection { contact, .. }
        | Effect::CallDuty { contact, .. }
        | Effect::AnnounceEnquiry { contact, .. }
        | Effect::SuperviseContact { contact, .. }
        | Effect::AnnounceConsult { contact, .. }
        | Effect::JoinConsult { contact, .. }
        | Effect::AnnounceExpectedWait { contact, .. }
        | Effect::AnnounceEnded { contact, .. } => Some(contact),
        Effect::EscalateCase { contact, .. } | Effect::AnnounceHelp { contact, .. } => contact,
        Effect::AnnouncePresence { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::EndStream { .. }
        | Effect::WarnCase { .. }
        | Effect::AnnounceCaseClosed { .. }
        | Effect::NotifyEnquiry { .. }
        | Effect::NotifyWatcher { .. } => None,
    }
}

fn key(id: ContactId, router: &Router) -> String {
    router.key_of(id).map(|key| key.to_string()).unwrap_or_default()
}

pub(super) fn assigned(
    (operator, operator_login): (String, String),
    assignment: AssignmentEpoch,
) -> v1::ContactAssigned {
    v1::ContactAssigned { operator, operator_login, assignment: assignment.0 }
}

pub(super) fn connect(
    (operator, operator_login): (String, String),
    assignment: AssignmentEpoch,
) -> v1::ContactConnect {
    v1::ContactConnect { operator, operator_login, assignment: assignment.0 }
}

pub(super) fn parked(
    (operator, operator_login): (String, String),
    assignment: AssignmentEpoch,
    on: bool,
) -> v1::ContactParked {
    v1::ContactParked { operator, operator_login, assignment: assignment.0, on }
}

pub(super) fn held(
    (operator, operator_login): (String, String),
    assignment: AssignmentEpoch,
    on: bool,
) -> v1::ContactHeld {
    v1::ContactHeld { operator, operator_login, assignment: assignment.0, on }
}

pub(super) fn moved(queue: QueueId, router: &Router) -> v1::ContactMoved {
    let queue = router.plan().queues.get(queue.0 as usize);
    v1::ContactMoved { queue: queue.map(|queue| queue.name.to_string()).unwrap_or_default() }
}

pub(super) fn withdrawn(
    (operator, operator_login): (String, String),
    assignment: AssignmentEpoch,
    reason: WithdrawReason,
) -> v1::ContactWithdrawn {
    let reason = withdraw_reason(reason).into();
    v1::ContactWithdrawn { operator, operator_login, assignment: assignment.0, reason }
}
