//! `contact push`.

use std::sync::Arc;
use std::time::Duration;

use ringmain_protocol::client::{
    GatewayClient, GatewayNotice, Notice, OperationError, Pushed, SessionConfig, StopReason,
};
use ringmain_protocol::v1::{ContactDetails, GatewayPush, SkillLevel};
use ringmain_replication::Clock;
use ringmain_routing::Timestamp;
use ringmain_telemetry::codes;
use serde_json::json;
use tokio::sync::mpsc::Receiver;

use crate::cli::PushArgs;
use crate::clock::SystemClock;
use crate::commands::operator::skills_json;
use crate::connection::{failure, malformed, reach};
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block};

/// How long a push may take in all; then its outcome is unknown and the same key tells.
const PUSH_TIMEOUT: Duration = Duration::from_secs(15);

/// Pushes one contact in a session of its own.
pub(in crate::commands) async fn push(args: PushArgs) -> Result<(), Failure> {
    let push = request(&args);
    if args.dry_run {
        return output::print(&would_push(&push), args.node.format, false);
    }
    let (client, mut notices) = GatewayClient::connect(session(&args)).map_err(|bad| malformed(&bad))?;
    reach(&args.node.address).await?;
    let pushed = tokio::select! {
        pushed = client.push(push.clone()) => pushed,
        failure = ended(&mut notices) => return Err(failure),
        () = tokio::time::sleep(PUSH_TIMEOUT) => return Err(late()),
    };
    match pushed {
        Ok(pushed) => output::print(&accepted(&push, &pushed), args.node.format, false),
        // The last notice says more about a stop than the operation's own error.
        Err(OperationError::Stopped(_)) => Err(ended(&mut notices).await),
        Err(OperationError::Refused(refused)) => Err(failure(&refused.error)),
        Err(error @ OperationError::Mismatched) => {
            Err(Failure::new(FailureKind::Internal, "internal", error))
        }
    }
}

fn session(args: &PushArgs) -> SessionConfig {
    let clock = SystemClock::start();
    // Two runs of the program must not choose the same nonces: the process and the time tell them apart.
    let seed = clock.wall_ms().wrapping_mul(1 << 22) ^ u64::from(std::process::id());
    let monotonic =
        Arc::new(move || Timestamp(u64::try_from(clock.monotonic().as_millis()).unwrap_or(u64::MAX)));
    let token = args.node.token.as_deref().unwrap_or_default();
    SessionConfig {
        takeover: args.takeover,
        ..SessionConfig::new(args.node.address.clone(), token, &args.gateway, monotonic, seed)
    }
}

fn request(args: &PushArgs) -> GatewayPush {
    let skills = args.skills.iter().map(|(skill, level)| SkillLevel { skill: skill.clone(), level: *level });
    GatewayPush {
        op_id: 0,
        key: args.key.clone(),
        queue: args.queue.clone(),
        channel: args.channel.clone(),
        tier: args.tier,
        head_start_ms: args.head_start.map_or(0, |span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
        skills: skills.collect(),
        scope: args.scope.clone(),
        units: args.units,
        not_before_ms: None,
        preferred: None,
        callback: None,
        details: Some(ContactDetails {
            customer: args.customer.clone(),
            topic: args.topic.clone(),
            language: args.language.clone(),
            attributes: args.attributes.clone().unwrap_or_default().into(),
        }),
        facts: Default::default(),
    }
}

/// Waits for the end of the session. Everything else that it tells belongs to the gateway whose name we borrow, and
/// is told to it again when it comes back: nothing is acknowledged here.
async fn ended(notices: &mut Receiver<GatewayNotice>) -> Failure {
    while let Some(notice) = notices.recv().await {
        if let Notice::Stopped { reason, error } = notice {
            return match error {
                Some(error) => failure(&error),
                None => Failure::new(FailureKind::Unavailable, codes::UNAVAILABLE.code, stop_text(reason)),
            };
        }
    }
    Failure::new(FailureKind::Unavailable, codes::UNAVAILABLE.code, "the session ended without a word")
}

fn stop_text(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Asked => "the session was ended",
        StopReason::AlreadySignedIn => {
            "this gateway is signed in elsewhere; take its session over with --takeover"
        }
        StopReason::TakenOver => "another client of this gateway has taken the session over",
        StopReason::Refused => "the cluster refused the session",
    }
}

fn late() -> Failure {
    let message =
        format!("no answer within {} s; push again with the same key to learn more", PUSH_TIMEOUT.as_secs());
    Failure::new(FailureKind::Unknown, codes::UNKNOWN_OUTCOME.code, message)
}

fn would_push(push: &GatewayPush) -> Answer {
    let details = push.details.clone().unwrap_or_default();
    let json = json!({
        "dry_run": true,
        "key": push.key,
        "queue": push.queue,
        "channel": push.channel,
        "tier": push.tier,
        "head_start_ms": push.head_start_ms,
        "skills": skills_json(&push.skills),
        "scope": push.scope,
        "units": push.units,
        "customer": details.customer,
        "topic": details.topic,
        "language": details.language,
        "attributes_bytes": details.attributes.len(),
    });
    let text =
        format!("would push {} into {} through {}, tier {}", push.key, push.queue, push.channel, push.tier);
    Answer { json, text: vec![Block::Line(text)] }
}

fn accepted(push: &GatewayPush, pushed: &Pushed) -> Answer {
    let receipt = pushed.receipt();
    let (what, json) = match pushed {
        Pushed::Accepted(accepted) => {
            let place = match accepted.position {
                0 => "not waiting".to_owned(),
                position => format!("place {position}"),
            };
            (
                format!("in {}, {place}", accepted.queue),
                json!({"queue": accepted.queue, "position": accepted.position}),
            )
        }
        Pushed::Merged(merged) => {
            (format!("merged into {}", merged.into), json!({"merged_into": merged.into}))
        }
    };
    let mut object = json!({
        "contact": pushed.contact(),
        "key": push.key,
        "log_index": receipt.log_index,
        "at_ms": receipt.at_ms,
    });
    if let (Some(object), serde_json::Value::Object(more)) = (object.as_object_mut(), json) {
        object.extend(more);
    }
    let line = format!("{} accepted: {what} (log index {})", pushed.contact(), receipt.log_index);
    Answer { json: object, text: vec![Block::Line(line)] }
}
