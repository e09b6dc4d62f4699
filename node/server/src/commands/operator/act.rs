//! `operator force` and `operator sign-out`.

use ringmain_protocol::v1::{DeferBreaksRequest, ForcePresenceRequest, PresenceKind, SignOutOperatorRequest};

use crate::cli::{DeferBreaksArgs, ForceArgs, SignOutArgs, Switch};
use crate::commands::action;
use crate::connection::{Clients, failed};
use crate::exit::Failure;

/// Sets an operator's presence.
pub(in crate::commands) async fn force(args: ForceArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let presence = if args.ready { PresenceKind::Ready } else { PresenceKind::NotReady };
    let request = ForcePresenceRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        login: args.login.clone(),
        presence: presence.into(),
        not_ready_reason: args.not_ready.map_or(0, u32::from),
    };
    let done = clients.action.force_presence(request).await.map_err(|error| failed(&error))?;
    let to = args.not_ready.map_or("ready".to_owned(), |reason| format!("not ready ({reason})"));
    action::print(act, &key, &format!("{} {to}", args.login), None, done.receipt)
}

/// Lets breaks wait until their latest moment, or no longer.
pub(in crate::commands) async fn defer_breaks(args: DeferBreaksArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let on = args.to == Switch::On;
    let request = DeferBreaksRequest { idempotency_key: key.clone(), dry_run: act.dry_run, on };
    let done = clients.action.defer_breaks(request).await.map_err(|error| failed(&error))?;
    let what = if on { "defer breaks" } else { "defer breaks no longer" };
    action::print(act, &key, what, None, done.receipt)
}

/// Signs an operator out.
pub(in crate::commands) async fn sign_out(args: SignOutArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let request = SignOutOperatorRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        login: args.login.clone(),
    };
    let done = clients.action.sign_out_operator(request).await.map_err(|error| failed(&error))?;
    action::print(act, &key, &format!("sign out {}", args.login), Some(done.contacts), done.receipt)
}
