//! `contact requeue`, `close`, `assign`, `move` and `lift`.

use ringmain_protocol::v1::{
    AssignContactRequest, CloseContactRequest, LiftContactRequest, MoveContactsRequest, RequeueContactRequest,
};

use crate::cli::{AssignArgs, CloseArgs, LiftArgs, MoveArgs, RequeueArgs};
use crate::commands::action;
use crate::connection::{Clients, failed};
use crate::exit::Failure;

/// Takes a contact out of its operator's hands.
pub(in crate::commands) async fn requeue(args: RequeueArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let request = RequeueContactRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        contact: args.contact.clone(),
    };
    let done = clients.action.requeue_contact(request).await.map_err(|error| failed(&error))?;
    action::print(act, &key, &format!("requeue {}", args.contact), Some(done.contacts), done.receipt)
}

/// Ends a contact.
pub(in crate::commands) async fn close(args: CloseArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let request = CloseContactRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        contact: args.contact.clone(),
        reason: args.reason.clone(),
    };
    let done = clients.action.close_contact(request).await.map_err(|error| failed(&error))?;
    action::print(act, &key, &format!("close {}", args.contact), Some(done.contacts), done.receipt)
}

/// Hands a waiting contact out.
pub(in crate::commands) async fn assign(args: AssignArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let request = AssignContactRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        contact: args.contact.clone(),
        to: args.to.clone(),
        hold_ms: u64::try_from(args.hold.as_millis()).unwrap_or(u64::MAX),
    };
    let done = clients.action.assign_contact(request).await.map_err(|error| failed(&error))?;
    let what = format!("assign {} to {}", args.contact, args.to);
    action::print(act, &key, &what, Some(done.contacts), done.receipt)
}

/// Moves waiting contacts into another queue.
pub(in crate::commands) async fn move_to(args: MoveArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let request = MoveContactsRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        contacts: args.contacts.clone(),
        from_queue: args.from.clone().unwrap_or_default(),
        count_max: args.count,
        to_queue: args.to.clone(),
    };
    let done = clients.action.move_contacts(request).await.map_err(|error| failed(&error))?;
    action::print(act, &key, &format!("move to {}", args.to), Some(done.contacts), done.receipt)
}

/// Changes the place of a waiting contact.
pub(in crate::commands) async fn lift(args: LiftArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let ms = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let request = LiftContactRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        contact: args.contact.clone(),
        tier: args.tier,
        head_start_ms: args.head_start.map(ms),
    };
    let done = clients.action.lift_contact(request).await.map_err(|error| failed(&error))?;
    action::print(act, &key, &format!("lift {}", args.contact), Some(done.contacts), done.receipt)
}
