//! `operator force`, `sign-out`, `defer-breaks` and `hand-over`.

use ringmain_protocol::v1::{
    DeferBreaksRequest, ForcePresenceRequest, HandOverNote, HandOverRequest, PresenceKind,
    SignOutOperatorRequest,
};

use crate::cli::{DeferBreaksArgs, ForceArgs, HandOverArgs, SignOutArgs, Switch};
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

/// Hands everything open over.
pub(in crate::commands) async fn hand_over(args: HandOverArgs) -> Result<(), Failure> {
    let (act, key) = (&args.action, action::key(&args.action));
    let clients = Clients::open(&act.node).await?;
    let hold_ms = args.to.as_ref().map(|_| u64::try_from(args.hold.as_millis()).unwrap_or(u64::MAX));
    let note =
        |(contact, text): &(String, String)| HandOverNote { contact: contact.clone(), text: text.clone() };
    let request = HandOverRequest {
        idempotency_key: key.clone(),
        dry_run: act.dry_run,
        login: args.login.clone().unwrap_or_default(),
        unit: args.unit.clone().unwrap_or_default(),
        to: args.to.clone().unwrap_or_default(),
        hold_ms: hold_ms.unwrap_or(0),
        notes: args.notes.iter().map(note).collect(),
    };
    let done = clients.action.hand_over(request).await.map_err(|error| failed(&error))?;
    let from = args.unit.map(|unit| format!("unit {unit}")).or(args.login).unwrap_or_default();
    let to = args.to.unwrap_or("the line".to_owned());
    action::print(act, &key, &format!("hand {from} over to {to}"), Some(done.contacts), done.receipt)
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
