//! How a session is opened in the log and handed to its actor, with a stream or without one.

use std::sync::Arc;
use std::time::Duration;

use ringmain_actors::task::spawn_named;
use ringmain_actors::{Manner, Outbox, SessionEvent, SessionSeed, propose};
use ringmain_protocol::v1::Error;
use ringmain_replication::{Answer, ProposeError};
use ringmain_routing::client::UNANSWERED_MAX;
use ringmain_routing::command::{LoseSession, OpenSession};
use ringmain_routing::{Command, Epoch, Millis, Name, Party, Position, Refusal, Reply};
use ringmain_telemetry::codes;
use tokio::sync::mpsc;

use crate::auth::Caller;
use crate::convert::Life;
use crate::error;
use crate::shared::Shared;
use crate::stream::Dialect;
use crate::validate::{Problems, cursor};

/// What a session is opened with, whoever asked.
pub(crate) struct Hello {
    pub(crate) name: String,
    pub(crate) cursor: String,
    pub(crate) nonce: u64,
    pub(crate) resume_epoch: Option<u32>,
    pub(crate) takeover: bool,
    pub(crate) unanswered_nonces: Vec<u64>,
}

/// Opens a session in the log and starts its actor.
pub(crate) async fn open<D: Dialect>(
    shared: &Arc<Shared>,
    hello: &Hello,
    caller: Option<&Caller>,
    manner: Manner,
) -> Result<(D, mpsc::Receiver<SessionEvent>), Box<Error>> {
    shared.admit()?;
    let (name, seen) = check_hello::<D>(hello, caller, shared.life())?;
    let (opened, party, epoch) = enter::<D>(shared, hello, name.clone()).await?;
    let cursor = match &manner {
        Manner::Streamed => seen,
        // Who asks brings a cursor with each question.
        Manner::Polled { .. } => Some(Position::end_of(opened.index)),
    };
    let (outbox, events) = Outbox::new();
    let seed = SessionSeed { party, name, epoch, opened: opened.index, cursor, outbox, manner };
    let started = D::start(Arc::clone(shared), seed, opened).await;
    let session = started.map_err(|full| {
        let hint = &shared.nodes.other_than_me();
        Box::new(error::come_back(&codes::OVERLOADED, full.to_string(), Millis(1_000), hint))
    })?;
    Ok((session, events))
}

/// Puts the opening into the log.
async fn enter<D: Dialect>(
    shared: &Arc<Shared>,
    hello: &Hello,
    name: Name,
) -> Result<(Answer, Party, Epoch), Box<Error>> {
    let status = shared.replica.status();
    let open = OpenSession {
        role: D::ROLE,
        name,
        node: status.node,
        incarnation: status.incarnation,
        nonce: hello.nonce,
        resume: hello.resume_epoch.map(Epoch),
        takeover: hello.takeover,
    };
    let mut opened = put(shared, open.clone()).await?;
    if matches!(opened.reply, Err(Refusal::AlreadySignedIn))
        && let Some(own) = epoch_of_own::<D>(shared, hello)
    {
        opened = put(shared, OpenSession { resume: Some(own), ..open }).await?;
    }
    match &opened.reply {
        Ok(Reply::Opened { party, epoch }) => {
            let (party, epoch) = (*party, *epoch);
            Ok((opened, party, epoch))
        }
        Ok(
            Reply::Done
            | Reply::Enqueued { .. }
            | Reply::Merged { .. }
            | Reply::PlanApplied { .. }
            | Reply::Acted { .. }
            | Reply::Taken { .. }
            | Reply::Break(_)
            | Reply::Asked { .. },
        ) => Err(Box::new(error::of_code(&codes::FATAL, "an opening got another command's reply"))),
        Err(refusal) => Err(Box::new(error::refused(refusal))),
    }
}

async fn put(shared: &Arc<Shared>, open: OpenSession) -> Result<Answer, Box<Error>> {
    propose(&shared.replica, Command::OpenSession(open.clone())).await.map_err(|failed| {
        if failed == ProposeError::Unknown {
            spawn_named("settle-opening", settle_opening(Arc::clone(shared), open));
        }
        Box::new(error::not_proposed(&failed, &shared.nodes))
    })
}

/// The epoch of the session, if an earlier attempt of the same client has opened it that nobody answered: its stream is
/// gone, or has nobody at its other end, but the log may hear of that much later. What this node has applied includes
/// the refusal of the present attempt.
fn epoch_of_own<D: Dialect>(shared: &Shared, hello: &Hello) -> Option<Epoch> {
    let session = shared.replica.read(|router| router.session(router.party(D::ROLE, &hello.name)?))?;
    hello.unanswered_nonces.contains(&session.nonce).then_some(session.epoch)
}

/// What may be in a hello, and whether this caller may say it.
fn check_hello<D: Dialect>(
    hello: &Hello,
    caller: Option<&Caller>,
    life: Life,
) -> Result<(Name, Option<Position>), Box<Error>> {
    let mut problems = Problems::default();
    let name = problems.name(D::FIELD, &hello.name);
    let attempts = hello.unanswered_nonces.len();
    if attempts > UNANSWERED_MAX {
        let problem = format!("has {attempts} numbers; give the last {UNANSWERED_MAX} at most");
        problems.add("hello.unanswered_nonces", problem);
    }
    problems.into_result(())?;
    if caller.is_none_or(|caller| caller.name != hello.name) {
        let message = format!("{}: the token speaks for another name", D::FIELD);
        return Err(Box::new(error::of_code(&codes::PERMISSION_DENIED, message)));
    }
    Ok((name, cursor(&hello.cursor, life)?.position()))
}

/// An opening whose outcome is unknown may yet enter the log and leave a session that looks live and has no stream.
/// The same nonce asks for its epoch; then the session is lost, unless a stream has taken it up.
async fn settle_opening(shared: Arc<Shared>, open: OpenSession) {
    let again = OpenSession { resume: None, takeover: false, ..open };
    loop {
        match propose(&shared.replica, Command::OpenSession(again.clone())).await {
            Ok(Answer { reply: Ok(Reply::Opened { party, epoch }), .. }) => {
                return lose(&shared, party, epoch).await;
            }
            Ok(_) | Err(ProposeError::Fatal(_)) => return,
            Err(
                ProposeError::Unavailable { retry_after, .. }
                | ProposeError::Overloaded { retry_after }
                | ProposeError::DiskFull { retry_after },
            ) => {
                tokio::time::sleep(Duration::from_millis(retry_after.0.max(50))).await;
            }
            Err(ProposeError::Unknown) => {}
        }
    }
}

async fn lose(shared: &Shared, party: Party, epoch: Epoch) {
    let command = Command::LoseSession(LoseSession { party, epoch });
    if let Err(error) = propose(&shared.replica, command).await {
        tracing::warn!(error = %error, "an opening without a stream could not be settled");
    }
}
