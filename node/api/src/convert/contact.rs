//! Contacts, operators, presences and reasons, as clients see them.

use ringmain_actors::StreamEnd;
use ringmain_protocol::v1;
use ringmain_routing::command::{CallbackOrder, ContactDetails, ContactResult};
use ringmain_routing::effect::{EndReason, OfferMode, PresenceState, WithdrawReason};
use ringmain_routing::rules::{Treatment, Writer};
use ringmain_routing::{
    BreakView, ContactState, ContactView, InvitationView, Name, OperatorId, OperatorView, Router,
    SessionState, ThreadView,
};

use super::skills;

/// A contact in full. Logins are looked up in the state it was read from.
pub(crate) fn contact(view: &ContactView, router: &Router) -> v1::Contact {
    let state = state_of(&view.state);
    let operator = state.operator.or(view.holder.filter(|_| state.ended.is_some()));
    let (end_reason, merged_into) = state.ended.map_or((v1::EndReason::Unspecified, None), end_reason_of);
    v1::Contact {
        contact: view.id.to_string(),
        gateway: view.gateway.to_string(),
        key: view.key.to_string(),
        queue: view.queue.to_string(),
        channel: view.channel.to_string(),
        tier: u32::from(view.tier),
        enqueued_at_ms: view.enqueued_at.0,
        order_ms: view.order.0,
        log_index: view.index.0,
        units: view.units,
        not_before_ms: view.not_before.map(|at| at.0),
        skills: skills(&view.skills),
        scope: scope(&view.scopes),
        state: state.kind.into(),
        assignment: view.assignment.0,
        operator: operator.map(|id| id.to_string()),
        operator_login: operator.and_then(|id| login(id, router)),
        state_since_ms: state.since,
        state_until_ms: state.until,
        automatic: state.mode == Some(OfferMode::Confirmed),
        preview: state.mode == Some(OfferMode::Previewed),
        end_reason: end_reason.into(),
        merged_into,
        sources: view.sources,
        callback: view.callback.as_ref().map(callback),
        details: Some(details(&view.details)),
        held_for: view.held_for.map(|(operator, _)| operator.to_string()),
        held_until_ms: view.held_for.map(|(_, until)| until.0),
        on_hold_since_ms: state.on_hold,
        transfers: view.transfers,
        case: view.case.map(|case| case.to_string()),
        wants_people: view.wants_people,
        context: view.context.as_ref().map(super::together::context_message),
        legs: view.legs.iter().map(ToString::to_string).collect(),
        leg_of: view.leg_of.map(|(of, _)| of.to_string()),
        joined: view.leg_of.is_some_and(|(_, joined)| joined),
        note: view.note.as_ref().map(ToString::to_string),
        enquiries: view.enquiries.iter().map(ToString::to_string).collect(),
        seats: view.seats.iter().map(super::supervision::seat).collect(),
        result: view.result.as_ref().map(result),
        invitation: view.invitation.as_ref().map(invitation),
        companion_of: view.companion_of.map(|call| call.to_string()),
        reserved: view.reserved.map(|operator| operator.to_string()),
        offered: view.offered.iter().map(|to| end_reason_of(EndReason::Deflected(*to)).0.into()).collect(),
        parked_since_ms: view.parked.map(|since| since.0),
        thread: view.thread.as_ref().map(thread),
    }
}

/// What came of a contact.
pub(crate) fn result(result: &ContactResult) -> v1::ContactResult {
    v1::ContactResult { topic: result.topic.to_string(), outcome: result.outcome.to_string() }
}

fn thread(view: &ThreadView) -> v1::ContactThread {
    let wrote = match view.wrote {
        Writer::Customer => v1::ThreadWriter::Customer,
        Writer::Operator => v1::ThreadWriter::Operator,
    };
    v1::ContactThread {
        messages: view.messages,
        wrote: wrote.into(),
        answered: view.answered,
        since_ms: view.since.0,
        reply_due_ms: view.reply_due.map(|due| due.0),
        rests: view.rests,
        wanted_until_ms: view.wanted_until.map(|until| until.0),
    }
}

fn invitation(view: &InvitationView) -> v1::CompanionInvitation {
    v1::CompanionInvitation {
        number: view.number.to_string(),
        channel: view.channel.to_string(),
        until_ms: view.until.map(|until| until.0),
        companion: view.companion.map(|companion| companion.to_string()),
    }
}

/// A contact that the state no longer remembers: all that is known is its id.
pub(crate) fn forgotten(contact: ringmain_routing::ContactId) -> v1::Contact {
    v1::Contact { contact: contact.to_string(), ..v1::Contact::default() }
}

/// The units within which a contact must be served, all of them.
fn scope(scopes: &[Name]) -> Option<String> {
    if scopes.is_empty() {
        return None;
    }
    Some(scopes.join(" & "))
}

struct StateFields {
    kind: v1::ContactState,
    operator: Option<OperatorId>,
    since: Option<u64>,
    until: Option<u64>,
    mode: Option<OfferMode>,
    on_hold: Option<u64>,
    ended: Option<EndReason>,
}

fn state_of(state: &ContactState) -> StateFields {
    let mut fields = StateFields {
        kind: state_kind(state),
        operator: None,
        since: None,
        until: None,
        mode: None,
        on_hold: None,
        ended: None,
    };
    match *state {
        ContactState::Waiting => {}
        ContactState::Offered { operator, at, deadline, mode } => {
            fields.operator = Some(operator);
            fields.since = Some(at.0);
            fields.until = Some(deadline.0);
            fields.mode = Some(mode);
        }
        ContactState::Handling { operator, since, on_hold } => {
            fields.operator = Some(operator);
            fields.since = Some(since.0);
            fields.on_hold = on_hold.map(|since| since.0);
        }
        ContactState::WrapUp { operator, until } => {
            fields.operator = Some(operator);
            fields.until = Some(until.0);
        }
        ContactState::Ended { at, reason } => {
            fields.since = Some(at.0);
            fields.ended = Some(reason);
        }
    }
    fields
}

/// The state's kind.
pub(crate) fn state_kind(state: &ContactState) -> v1::ContactState {
    match state {
        ContactState::Waiting => v1::ContactState::Waiting,
        ContactState::Offered { .. } => v1::ContactState::Offered,
        ContactState::Handling { .. } => v1::ContactState::Handling,
        ContactState::WrapUp { .. } => v1::ContactState::WrapUp,
        ContactState::Ended { .. } => v1::ContactState::Ended,
    }
}

/// Why a contact ended, and what it joined.
pub(crate) fn end_reason_of(reason: EndReason) -> (v1::EndReason, Option<String>) {
    match reason {
        EndReason::Completed(_) => (v1::EndReason::Completed, None),
        EndReason::Abandoned => (v1::EndReason::Abandoned, None),
        EndReason::Merged(into) => (v1::EndReason::Merged, Some(into.to_string())),
        EndReason::OperatorLost(_) => (v1::EndReason::OperatorLost, None),
        EndReason::Closed(_) => (v1::EndReason::Closed, None),
        EndReason::ConsultOver(_) => (v1::EndReason::ConsultOver, None),
        EndReason::Deflected(Treatment::CallBack) => (v1::EndReason::CallBack, None),
        EndReason::Deflected(Treatment::Voicemail) => (v1::EndReason::Voicemail, None),
        // Who is let in or refused does not end by it.
        EndReason::Deflected(Treatment::Message | Treatment::Queue | Treatment::Refuse) => {
            (v1::EndReason::Message, None)
        }
    }
}

/// The end of a contact as an event.
pub(crate) fn ended(reason: EndReason) -> v1::ContactEnded {
    let operator = match reason {
        EndReason::Completed(operator) | EndReason::OperatorLost(operator) => Some(operator.to_string()),
        EndReason::Closed(operator) | EndReason::ConsultOver(operator) => {
            operator.map(|operator| operator.to_string())
        }
        EndReason::Abandoned | EndReason::Merged(_) | EndReason::Deflected(_) => None,
    };
    let (reason, merged_into) = end_reason_of(reason);
    v1::ContactEnded { reason: reason.into(), operator, merged_into }
}

/// Why an assignment is void.
pub(crate) fn withdraw_reason(reason: WithdrawReason) -> v1::WithdrawReason {
    match reason {
        WithdrawReason::Abandoned => v1::WithdrawReason::Abandoned,
        WithdrawReason::Unanswered => v1::WithdrawReason::Unanswered,
        WithdrawReason::Declined => v1::WithdrawReason::Declined,
        WithdrawReason::SessionLost => v1::WithdrawReason::SessionLost,
        WithdrawReason::Transferred => v1::WithdrawReason::Transferred,
        WithdrawReason::Supervisor => v1::WithdrawReason::Supervisor,
        WithdrawReason::LifeSafety => v1::WithdrawReason::LifeSafety,
        WithdrawReason::PersonRequested => v1::WithdrawReason::PersonRequested,
        WithdrawReason::ConsultOver => v1::WithdrawReason::ConsultOver,
        WithdrawReason::HandedOver => v1::WithdrawReason::HandedOver,
        WithdrawReason::ParkedOften => v1::WithdrawReason::ParkedOften,
        WithdrawReason::ReplyOverdue => v1::WithdrawReason::ReplyOverdue,
        WithdrawReason::NotResumed => v1::WithdrawReason::NotResumed,
    }
}

/// An operator's presence.
pub(crate) fn presence(presence: PresenceState) -> v1::Presence {
    let (kind, not_ready_reason, until_ms) = match presence {
        PresenceState::Offline => (v1::PresenceKind::Offline, 0, 0),
        PresenceState::Ready => (v1::PresenceKind::Ready, 0, 0),
        PresenceState::NotReady(reason) => (v1::PresenceKind::NotReady, u32::from(reason), 0),
        PresenceState::Missed { until } => (v1::PresenceKind::Missed, 0, until.0),
        PresenceState::Break { reason, until } => (v1::PresenceKind::Break, u32::from(reason), until.0),
    };
    v1::Presence { kind: kind.into(), not_ready_reason, until_ms }
}

/// An operator's login.
pub(crate) fn login(operator: OperatorId, router: &Router) -> Option<String> {
    router.login_of(operator).map(|login| login.to_string())
}

/// An operator, live.
pub(crate) fn operator(view: &OperatorView) -> v1::Operator {
    let (session, node) = session(view.session);
    v1::Operator {
        operator: view.id.to_string(),
        login: view.login.to_string(),
        presence: Some(presence(view.presence)),
        session: session.into(),
        node,
        epoch: view.epoch.0,
        capacity: view.capacity,
        used: view.used,
        contacts: view.contacts.iter().map(ToString::to_string).collect(),
        parked: view.parked.iter().map(ToString::to_string).collect(),
        skills: skills(&view.skills),
        unit: view.unit.as_ref().map(ToString::to_string),
        breaks: view.breaks.iter().map(operator_break).collect(),
        on_break: view.on_break.as_ref().map(ToString::to_string),
        shift: view.shift.as_ref().map(ToString::to_string),
        rests_until_ms: view.rests_until.map(|until| until.0),
        bot: view.is_bot,
        help_since_ms: view.help.map(|asked| asked.since.0),
        help_contact: view.help.and_then(|asked| asked.about).map(|about| about.0.to_string()),
    }
}

fn operator_break(view: &BreakView) -> v1::OperatorBreak {
    v1::OperatorBreak {
        name: view.name.to_string(),
        due_ms: view.due.map(|due| due.0),
        latest_ms: view.latest.map(|latest| latest.0),
        asked_at_ms: view.asked_at.map(|asked_at| asked_at.0),
    }
}

/// Why a stream has ended.
pub(crate) fn stream_end(reason: StreamEnd) -> v1::StreamEndReason {
    match reason {
        StreamEnd::TakenOver => v1::StreamEndReason::TakenOver,
        StreamEnd::Lost => v1::StreamEndReason::Lost,
        StreamEnd::SignedOut => v1::StreamEndReason::SignedOut,
    }
}

fn session(state: SessionState) -> (v1::SessionState, u64) {
    match state {
        SessionState::None => (v1::SessionState::None, 0),
        SessionState::Live { node, .. } => (v1::SessionState::Live, node.0),
        SessionState::Grace { .. } => (v1::SessionState::Grace, 0),
    }
}

fn callback(order: &CallbackOrder) -> v1::CallbackOrder {
    v1::CallbackOrder { number: order.number.to_string(), principals: order.principals.to_string() }
}

fn details(details: &ContactDetails) -> v1::ContactDetails {
    v1::ContactDetails {
        customer: details.customer.as_ref().map(ToString::to_string),
        topic: details.topic.as_ref().map(ToString::to_string),
        language: details.language.as_ref().map(ToString::to_string),
        attributes: details.attributes.clone().into(),
    }
}
