//! Effects as those who watch hear of them.

use ringmain_protocol::v1;
use ringmain_routing::effect::{OfferMode, PresenceState};
use ringmain_routing::{
    AssignmentEpoch, Effect, Epoch, LogIndex, OperatorId, Party, Position, Router, Timestamp,
};

use super::contact::{ended, login, presence};
use super::event::{
    alarm, assigned, connect, contact_of, held, invited, moved, offered, parked, thread, withdrawn,
};
use super::{Life, case, enquiry, supervision, together};

/// An effect as those who watch hear of it. Names are those of the present state; a contact that it no longer
/// remembers is named by its id alone.
pub(crate) fn for_watchers(
    index: LogIndex,
    n: u32,
    at: Timestamp,
    effect: &Effect,
    router: &Router,
    life: Life,
) -> v1::Event {
    let contact = contact_of(effect);
    let view = contact.and_then(|id| router.brief(id).zip(router.key_of(id)));
    let queue = view.as_ref().and_then(|(brief, _)| router.plan().queues.get(brief.queue.0 as usize));
    v1::Event {
        cursor: life.cursor(Position { index, n }),
        log_index: index.0,
        at_ms: at.0,
        contact: contact.map(|id| id.to_string()).unwrap_or_default(),
        gateway: gateway(effect, router),
        queue: queue.map(|queue| queue.name.to_string()).unwrap_or_default(),
        key: view.map(|(_, key)| key.to_string()).unwrap_or_default(),
        event: watched(effect, router),
    }
}

fn watched(effect: &Effect, router: &Router) -> Option<v1::event::Event> {
    use v1::event::Event;
    let name = |id: OperatorId| (id.to_string(), login(id, router).unwrap_or_default());
    Some(match *effect {
        Effect::AnnounceQueued { .. } => Event::Queued(v1::ContactQueued {}),
        Effect::RingOperator { operator, assignment, deadline, mode, .. } => {
            Event::Rung(rung(name(operator), assignment, deadline, mode))
        }
        Effect::AnnounceAssigned { operator, assignment, .. } => {
            Event::Assigned(assigned(name(operator), assignment))
        }
        Effect::ConnectContact { operator, assignment, .. } => {
            Event::Connect(connect(name(operator), assignment))
        }
        Effect::WithdrawAssignment { operator, assignment, reason, .. } => {
            Event::Withdrawn(withdrawn(name(operator), assignment, reason))
        }
        Effect::StartWrapUp { operator, assignment, until, .. } => {
            Event::WrapUpStarted(wrap_up_started(name(operator), assignment, until))
        }
        Effect::ReleaseOperator { operator, assignment, .. } => {
            let (operator, operator_login) = name(operator);
            Event::Freed(v1::OperatorFreed { operator, operator_login, assignment: assignment.0 })
        }
        Effect::AnnounceEnded { reason, .. } => Event::Ended(ended(reason)),
        Effect::HoldContact { operator, assignment, on, .. } => {
            Event::Held(held(name(operator), assignment, on))
        }
        Effect::ParkContact { operator, assignment, on, .. } => {
            Event::Parked(parked(name(operator), assignment, on))
        }
        Effect::NotifyThread { operator, assignment, news, .. } => {
            Event::Thread(thread(name(operator), assignment, news))
        }
        Effect::AnnounceMoved { queue, .. } => Event::Moved(moved(queue, router)),
        Effect::AnnouncePresence { operator, presence: is } => {
            Event::PresenceChanged(presence_changed(name(operator), is))
        }
        Effect::EndStream { party, epoch } => Event::StreamEnded(stream_ended(party, epoch, router)),
        Effect::AnnounceStage { .. }
        | Effect::WarnCase { .. }
        | Effect::EscalateCase { .. }
        | Effect::AnnounceCaseClosed { .. }
        | Effect::NotifyWatcher { .. }
        | Effect::InviteCompanion { .. }
        | Effect::OfferDeflection { .. }
        | Effect::CallDuty { .. }
        | Effect::AnnounceAlarm { .. }
        | Effect::AnnounceConsult { .. }
        | Effect::JoinConsult { .. }
        | Effect::AnnounceExpectedWait { .. }
        | Effect::SuperviseContact { .. }
        | Effect::AnnounceHelp { .. }
        | Effect::AnnounceEnquiry { .. }
        | Effect::NotifyEnquiry { .. } => return beside(effect, router),
    })
}

/// What happens beside the way of a contact through its queue and hands.
fn beside(effect: &Effect, router: &Router) -> Option<v1::event::Event> {
    use v1::event::Event;
    let consult = |change, of, by| Event::Consult(together::consult_changed(change, of, by, router));
    let asked = |enquiry, news| Event::Enquiry(enquiry::changed(enquiry, news, router));
    Some(match *effect {
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
        Effect::NotifyWatcher { operator, case, escalated } => {
            Event::CaseWatched(case::watched(case, operator, escalated, router))
        }
        Effect::InviteCompanion { .. } => Event::CompanionInvited(invited(effect, router)),
        Effect::OfferDeflection { to, .. } => Event::DeflectionOffered(offered(to)),
        Effect::CallDuty { .. } => Event::DutyCalled(v1::DutyCalled {}),
        Effect::AnnounceAlarm { operator, queue, trigger, on } => {
            Event::QueueAlarm(alarm(operator, queue, (trigger, on), router))
        }
        Effect::AnnounceConsult { of, operator, .. } => consult(v1::ConsultChange::Begun, of, operator),
        Effect::JoinConsult { of, operator, on, .. } => consult(together::joined(on), of, operator),
        Effect::AnnounceExpectedWait { band, .. } => {
            Event::ExpectedWait(v1::ExpectedWaitAnnounced { band: u32::from(band) })
        }
        Effect::SuperviseContact { contact, assignment, seat, how, on, .. } => {
            Event::Supervised(supervision::supervised(contact, assignment, (seat, how, on), router))
        }
        Effect::AnnounceHelp { operator, of, contact, on } => {
            Event::Help(supervision::help(operator, of, (contact, on), router))
        }
        Effect::AnnounceEnquiry { enquiry, news, .. } => asked(enquiry, news),
        Effect::NotifyEnquiry { operator, enquiry, news } => {
            Event::EnquiryTold(enquiry::told(operator, enquiry, news, router))
        }
        Effect::AnnounceQueued { .. }
        | Effect::RingOperator { .. }
        | Effect::AnnounceAssigned { .. }
        | Effect::ConnectContact { .. }
        | Effect::WithdrawAssignment { .. }
        | Effect::StartWrapUp { .. }
        | Effect::ReleaseOperator { .. }
        | Effect::AnnounceEnded { .. }
        | Effect::HoldContact { .. }
        | Effect::ParkContact { .. }
        | Effect::NotifyThread { .. }
        | Effect::AnnounceMoved { .. }
        | Effect::AnnouncePresence { .. }
        | Effect::EndStream { .. } => return None,
    })
}

fn rung(
    (operator, operator_login): (String, String),
    assignment: AssignmentEpoch,
    deadline: Timestamp,
    mode: OfferMode,
) -> v1::OperatorRung {
    v1::OperatorRung {
        operator,
        operator_login,
        assignment: assignment.0,
        deadline_ms: deadline.0,
        automatic: mode == OfferMode::Confirmed,
        preview: mode == OfferMode::Previewed,
    }
}

fn stream_ended(party: Party, epoch: Epoch, router: &Router) -> v1::StreamEnded {
    let name = router.session(party).map(|session| session.name.to_string()).unwrap_or_default();
    v1::StreamEnded { party: party.to_string(), name, epoch: epoch.0 }
}

fn wrap_up_started(
    (operator, operator_login): (String, String),
    assignment: AssignmentEpoch,
    until: Timestamp,
) -> v1::WrapUpStarted {
    let (assignment, until_ms) = (assignment.0, until.0);
    v1::WrapUpStarted { operator, operator_login, assignment, until_ms }
}

fn presence_changed((operator, operator_login): (String, String), is: PresenceState) -> v1::PresenceChanged {
    v1::PresenceChanged { operator, operator_login, presence: Some(presence(is)) }
}

fn gateway(effect: &Effect, router: &Router) -> String {
    let party = effect.gateway().map(Party::Gateway);
    party.and_then(|party| router.session(party)).map(|session| session.name.to_string()).unwrap_or_default()
}
