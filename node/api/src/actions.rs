//! What supervisors and administrators do by hand. Each action is one command of the core under the caller's name
//! and key; a dry run asks the core on the state of this node, and does nothing.

use std::sync::Arc;

use ringmain_protocol::plan::trigger_to_message;
use ringmain_protocol::v1::action_service_server::ActionService;
use ringmain_protocol::v1::{self, Error};
use ringmain_routing::command::{
    Act, Action, CloseEntry, Closure, DeclaredPresence, EntryOf, HandOver, HandOverFrom, MoveFrom,
};
use ringmain_routing::limits::MOVED_PER_COMMAND_MAX;
use ringmain_routing::{Command, Millis, Name, Refusal, Reply, TriggerView};
use ringmain_telemetry::codes;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::auth::caller_name;
use crate::convert::{receipt, supervision};
use crate::shared::Shared;
use crate::validate::Problems;
use crate::{audit, error};

/// `ActionService`.
pub(crate) struct Actions {
    pub(crate) shared: Arc<Shared>,
}

/// An action as it was asked for.
struct Asked {
    by: Option<Name>,
    key: String,
    dry_run: bool,
}

/// What became of it.
struct Acted {
    receipt: Option<v1::Receipt>,
    contacts: u32,
}

/// Takes out of a request what all actions have in common.
macro_rules! asked {
    ($request:expr) => {{
        let by = caller_name(&$request);
        let request = $request.into_inner();
        (Asked { by, key: request.idempotency_key.clone(), dry_run: request.dry_run }, request)
    }};
}

#[tonic::async_trait]
impl ActionService for Actions {
    type VerifyAuditStream = ReceiverStream<Result<v1::VerifyAuditResponse, Status>>;

    async fn force_presence(
        &self,
        request: Request<v1::ForcePresenceRequest>,
    ) -> Result<Response<v1::ForcePresenceResponse>, Status> {
        let (asked, request) = asked!(request);
        let Acted { receipt, .. } = self.act(asked, force_presence(&request)).await?;
        Ok(Response::new(v1::ForcePresenceResponse { receipt }))
    }

    async fn defer_breaks(
        &self,
        request: Request<v1::DeferBreaksRequest>,
    ) -> Result<Response<v1::DeferBreaksResponse>, Status> {
        let (asked, request) = asked!(request);
        let Acted { receipt, .. } = self.act(asked, Ok(Action::DeferBreaks { on: request.on })).await?;
        Ok(Response::new(v1::DeferBreaksResponse { receipt }))
    }

    async fn hand_over(
        &self,
        request: Request<v1::HandOverRequest>,
    ) -> Result<Response<v1::HandOverResponse>, Status> {
        let (asked, request) = asked!(request);
        let Acted { receipt, contacts } = self.act(asked, hand_over(&request)).await?;
        Ok(Response::new(v1::HandOverResponse { receipt, contacts }))
    }

    async fn close_entry(
        &self,
        request: Request<v1::CloseEntryRequest>,
    ) -> Result<Response<v1::CloseEntryResponse>, Status> {
        let (asked, request) = asked!(request);
        let Acted { receipt, .. } = self.act(asked, close_entry(&request)).await?;
        Ok(Response::new(v1::CloseEntryResponse { receipt }))
    }

    async fn open_entry(
        &self,
        request: Request<v1::OpenEntryRequest>,
    ) -> Result<Response<v1::OpenEntryResponse>, Status> {
        let (asked, request) = asked!(request);
        let mut problems = Problems::default();
        let of = entry_of(&mut problems, &request.queue, &request.unit);
        let action = problems.into_result(Action::OpenEntry { of });
        let Acted { receipt, .. } = self.act(asked, action).await?;
        Ok(Response::new(v1::OpenEntryResponse { receipt }))
    }

    async fn close_enquiry(
        &self,
        request: Request<v1::CloseEnquiryRequest>,
    ) -> Result<Response<v1::CloseEnquiryResponse>, Status> {
        let (asked, request) = asked!(request);
        let mut problems = Problems::default();
        let enquiry = problems.enquiry("enquiry", &request.enquiry);
        let answer = request.answer.as_deref().map(|answer| problems.note("answer", answer));
        let action = problems.into_result(Action::CloseEnquiry { enquiry, answer });
        let Acted { receipt, contacts: calls } = self.act(asked, action).await?;
        Ok(Response::new(v1::CloseEnquiryResponse { receipt, calls }))
    }

    async fn supervise(
        &self,
        request: Request<v1::SuperviseRequest>,
    ) -> Result<Response<v1::SuperviseResponse>, Status> {
        let (asked, request) = asked!(request);
        let mut problems = Problems::default();
        let contact = problems.contact("contact", &request.contact);
        let action = Action::Supervise { contact, how: supervision::how(request.how()) };
        let Acted { receipt, contacts } = self.act(asked, problems.into_result(action)).await?;
        Ok(Response::new(v1::SuperviseResponse { receipt, changed: contacts > 0 }))
    }

    async fn answer_help(
        &self,
        request: Request<v1::AnswerHelpRequest>,
    ) -> Result<Response<v1::AnswerHelpResponse>, Status> {
        let (asked, request) = asked!(request);
        let mut problems = Problems::default();
        let action = Action::AnswerHelp { login: problems.name("login", &request.login) };
        let Acted { receipt, contacts } = self.act(asked, problems.into_result(action)).await?;
        Ok(Response::new(v1::AnswerHelpResponse { receipt, asked: contacts > 0 }))
    }

    async fn list_closures(
        &self,
        _: Request<v1::ListClosuresRequest>,
    ) -> Result<Response<v1::ListClosuresResponse>, Status> {
        self.shared.admit_read().map_err(|error| error::status(&error))?;
        let closures = self.shared.replica.read(|router| router.closures().map(closure).collect());
        Ok(Response::new(v1::ListClosuresResponse { closures }))
    }

    async fn list_triggers(
        &self,
        _: Request<v1::ListTriggersRequest>,
    ) -> Result<Response<v1::ListTriggersResponse>, Status> {
        self.shared.admit_read().map_err(|error| error::status(&error))?;
        let triggers = self.shared.replica.read(|router| router.triggers().map(trigger).collect());
        Ok(Response::new(v1::ListTriggersResponse { triggers }))
    }

    async fn sign_out_operator(
        &self,
        request: Request<v1::SignOutOperatorRequest>,
    ) -> Result<Response<v1::SignOutOperatorResponse>, Status> {
        let (asked, request) = asked!(request);
        let mut problems = Problems::default();
        let action = Action::SignOut { login: problems.name("login", &request.login) };
        let Acted { receipt, contacts } = self.act(asked, problems.into_result(action)).await?;
        Ok(Response::new(v1::SignOutOperatorResponse { receipt, contacts }))
    }

    async fn requeue_contact(
        &self,
        request: Request<v1::RequeueContactRequest>,
    ) -> Result<Response<v1::RequeueContactResponse>, Status> {
        let (asked, request) = asked!(request);
        let mut problems = Problems::default();
        let action = Action::RequeueContact { contact: problems.contact("contact", &request.contact) };
        let Acted { receipt, contacts } = self.act(asked, problems.into_result(action)).await?;
        Ok(Response::new(v1::RequeueContactResponse { receipt, contacts }))
    }

    async fn close_contact(
        &self,
        request: Request<v1::CloseContactRequest>,
    ) -> Result<Response<v1::CloseContactResponse>, Status> {
        let (asked, request) = asked!(request);
        let mut problems = Problems::default();
        let action = Action::CloseContact {
            contact: problems.contact("contact", &request.contact),
            reason: problems.name("reason", &request.reason),
        };
        let Acted { receipt, contacts } = self.act(asked, problems.into_result(action)).await?;
        Ok(Response::new(v1::CloseContactResponse { receipt, contacts }))
    }

    async fn assign_contact(
        &self,
        request: Request<v1::AssignContactRequest>,
    ) -> Result<Response<v1::AssignContactResponse>, Status> {
        let (asked, request) = asked!(request);
        let mut problems = Problems::default();
        let action = Action::AssignContact {
            contact: problems.contact("contact", &request.contact),
            to: problems.name("to", &request.to),
            hold: Millis(request.hold_ms),
        };
        let Acted { receipt, contacts } = self.act(asked, problems.into_result(action)).await?;
        Ok(Response::new(v1::AssignContactResponse { receipt, contacts }))
    }

    async fn move_contacts(
        &self,
        request: Request<v1::MoveContactsRequest>,
    ) -> Result<Response<v1::MoveContactsResponse>, Status> {
        let (asked, request) = asked!(request);
        let Acted { receipt, contacts } = self.act(asked, move_contacts(&request)).await?;
        Ok(Response::new(v1::MoveContactsResponse { receipt, contacts }))
    }

    async fn lift_contact(
        &self,
        request: Request<v1::LiftContactRequest>,
    ) -> Result<Response<v1::LiftContactResponse>, Status> {
        let (asked, request) = asked!(request);
        let mut problems = Problems::default();
        let action = Action::LiftContact {
            contact: problems.contact("contact", &request.contact),
            tier: request.tier.map(|tier| problems.tier("tier", tier)),
            head_start: request.head_start_ms.map(|ms| problems.span("head_start_ms", ms)),
        };
        let Acted { receipt, contacts } = self.act(asked, problems.into_result(action)).await?;
        Ok(Response::new(v1::LiftContactResponse { receipt, contacts }))
    }

    async fn list_audit(
        &self,
        request: Request<v1::ListAuditRequest>,
    ) -> Result<Response<v1::ListAuditResponse>, Status> {
        let listed = audit::list(&self.shared, &request.into_inner()).await;
        listed.map(Response::new).map_err(|error| error::status(&error))
    }

    async fn verify_audit(
        &self,
        _: Request<v1::VerifyAuditRequest>,
    ) -> Result<Response<Self::VerifyAuditStream>, Status> {
        let started = audit::verify(Arc::clone(&self.shared));
        started.map(Response::new).map_err(|error| error::status(&error))
    }
}

impl Actions {
    async fn act(&self, asked: Asked, action: Result<Action, Error>) -> Result<Acted, Status> {
        let acted = match command(&asked, action) {
            Ok(command) if asked.dry_run => self.preview(&command),
            Ok(command) => self.carry_out(command).await,
            Err(error) => Err(error),
        };
        acted.map_err(|error| error::status(&error))
    }

    fn preview(&self, command: &Act) -> Result<Acted, Error> {
        let reply = self.shared.replica.read(|router| router.preview(command));
        Ok(Acted { receipt: None, contacts: contacts(&reply)? })
    }

    async fn carry_out(&self, command: Act) -> Result<Acted, Error> {
        self.shared.admit()?;
        let command = Command::Act(Box::new(command));
        let answer = ringmain_actors::propose(&self.shared.replica, command).await;
        let answer = answer.map_err(|failed| error::not_proposed(&failed, &self.shared.nodes))?;
        let contacts = contacts(&answer.reply)?;
        Ok(Acted { receipt: Some(receipt(0, &answer)), contacts })
    }
}

fn contacts(reply: &Result<Reply, Refusal>) -> Result<u32, Error> {
    match reply {
        Ok(Reply::Acted { contacts }) => Ok(*contacts),
        Ok(
            Reply::Done
            | Reply::Enqueued { .. }
            | Reply::Merged { .. }
            | Reply::Opened { .. }
            | Reply::PlanApplied { .. }
            | Reply::Taken { .. }
            | Reply::Asked { .. }
            | Reply::Break(_),
        ) => Err(error::of_code(&codes::FATAL, "an action got another command's reply")),
        Err(refusal) => Err(error::refused(refusal)),
    }
}

fn command(asked: &Asked, action: Result<Action, Error>) -> Result<Act, Error> {
    let mut problems = Problems::default();
    let key = problems.key("idempotency_key", &asked.key);
    problems.into_result(())?;
    let Some(by) = asked.by.clone() else {
        return Err(error::of_code(&codes::FATAL, "a call was let in without a name"));
    };
    Ok(Act { by, key, action: action? })
}

fn force_presence(request: &v1::ForcePresenceRequest) -> Result<Action, Error> {
    let mut problems = Problems::default();
    let login = problems.name("login", &request.login);
    let reason = u16::try_from(request.not_ready_reason).unwrap_or_else(|_| {
        problems.add("not_ready_reason", format!("is {}; it must be 0 to 65535", request.not_ready_reason));
        0
    });
    let presence = match request.presence() {
        v1::PresenceKind::Ready => DeclaredPresence::Ready,
        v1::PresenceKind::NotReady => DeclaredPresence::NotReady(reason),
        v1::PresenceKind::Unspecified
        | v1::PresenceKind::Offline
        | v1::PresenceKind::Missed
        | v1::PresenceKind::Break => {
            problems.add("presence", "READY or NOT_READY can be forced");
            DeclaredPresence::NotReady(reason)
        }
    };
    problems.into_result(Action::ForcePresence { login, presence })
}

fn hand_over(request: &v1::HandOverRequest) -> Result<Action, Error> {
    let mut problems = Problems::default();
    if request.login.is_empty() == request.unit.is_empty() {
        problems.add("login", "name either a login or a unit");
    }
    let from = if request.unit.is_empty() {
        HandOverFrom::Operator(problems.name("login", &request.login))
    } else {
        HandOverFrom::Unit(problems.name("unit", &request.unit))
    };
    let to = (!request.to.is_empty()).then(|| problems.name("to", &request.to));
    if to.is_none() && request.hold_ms > 0 {
        problems.add("hold_ms", "goes with to");
    }
    if request.notes.len() > MOVED_PER_COMMAND_MAX {
        problems.add("notes", format!("has {} entries; at most 500", request.notes.len()));
    }
    let notes = request.notes.iter().take(MOVED_PER_COMMAND_MAX).enumerate().map(|(n, note)| {
        let contact = problems.contact(&format!("notes[{n}].contact"), &note.contact);
        (contact, note.text.as_str().into())
    });
    let notes = notes.collect();
    let hold = Millis(request.hold_ms);
    problems.into_result(Action::HandOver(Box::new(HandOver { from, to, hold, notes })))
}

fn entry_of(problems: &mut Problems, queue: &str, unit: &str) -> EntryOf {
    if queue.is_empty() == unit.is_empty() {
        problems.add("queue", "name either a queue or a unit");
    }
    if unit.is_empty() {
        EntryOf::Queue(problems.name("queue", queue))
    } else {
        EntryOf::Unit(problems.name("unit", unit))
    }
}

fn close_entry(request: &v1::CloseEntryRequest) -> Result<Action, Error> {
    let mut problems = Problems::default();
    let of = entry_of(&mut problems, &request.queue, &request.unit);
    let why = problems.name("why", &request.why);
    let until = request.until_ms.map(|ms| problems.moment("until_ms", ms));
    problems.into_result(Action::CloseEntry(Box::new(CloseEntry { of, why, until })))
}

fn trigger(trigger: TriggerView<'_>) -> v1::TriggerState {
    v1::TriggerState {
        rule: Some(trigger_to_message(trigger.rule)),
        on_since_ms: trigger.on_since.map(|since| since.0),
        figure: trigger.figure,
    }
}

fn closure(closure: &Closure) -> v1::Closure {
    let (queue, unit) = match &closure.of {
        EntryOf::Queue(name) => (name.to_string(), String::new()),
        EntryOf::Unit(name) => (String::new(), name.to_string()),
    };
    v1::Closure {
        queue,
        unit,
        by: closure.by.to_string(),
        why: closure.why.to_string(),
        since_ms: closure.since.0,
        until_ms: closure.until.map(|until| until.0),
    }
}

fn move_contacts(request: &v1::MoveContactsRequest) -> Result<Action, Error> {
    let mut problems = Problems::default();
    let to = problems.name("to_queue", &request.to_queue);
    let from = if request.from_queue.is_empty() {
        if request.contacts.is_empty() || request.contacts.len() > MOVED_PER_COMMAND_MAX {
            let count = request.contacts.len();
            problems.add("contacts", format!("has {count} entries; name 1 to 500, or from_queue"));
        }
        if request.count_max.is_some() {
            problems.add("count_max", "goes with from_queue");
        }
        let ids = request.contacts.iter().take(MOVED_PER_COMMAND_MAX).enumerate();
        MoveFrom::Contacts(ids.map(|(n, id)| problems.contact(&format!("contacts[{n}]"), id)).collect())
    } else {
        if !request.contacts.is_empty() {
            problems.add("contacts", "name contacts or from_queue, not both");
        }
        MoveFrom::Queue {
            name: problems.name("from_queue", &request.from_queue),
            count_max: request.count_max,
        }
    };
    problems.into_result(Action::MoveContacts { from, to })
}
