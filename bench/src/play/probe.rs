//! The probe: a queue of its own with contacts at a constant rate, open-loop, and operators who are always free. From
//! it offer times and failover are measured.

use std::sync::Arc;
use std::time::Duration;

use ringmain_protocol::v1::GatewayPush;

use super::Stage;
use super::gateway::{Arrival, GatewaySeat};
use crate::task::Owned;

/// One push in so many is sent twice, as a gateway does that lost the answer.
const REPEAT_EACH: u64 = 50;

/// How a probe pushes.
#[derive(Clone, Debug)]
pub struct ProbeRate {
    /// Contacts per second over all gateways.
    pub per_second: u32,
    /// The probe's queue.
    pub queue: String,
    /// Its channel.
    pub channel: String,
    /// How long the operators talk.
    pub service: Duration,
}

/// A probe at work. It ends when dropped.
pub struct Probe {
    task: Owned,
}

impl Probe {
    /// Pushes until `until` since the stage was set, over all gateways in turn.
    #[must_use]
    pub fn start(stage: &Stage, gateways: Arc<[GatewaySeat]>, rate: ProbeRate, until: Duration) -> Probe {
        Probe { task: Owned::start(push_all(stage.clone(), gateways, rate, until)) }
    }

    /// Waits for the last push.
    pub async fn finish(self) {
        self.task.ended().await;
    }
}

async fn push_all(stage: Stage, gateways: Arc<[GatewaySeat]>, rate: ProbeRate, until: Duration) {
    let begin = stage.elapsed();
    let period = Duration::from_secs(1) / rate.per_second.max(1);
    let mut n = 0u32;
    loop {
        // Scheduled, not paced by answers: a slow cluster is measured from the moment the contact was due.
        let due = begin + period * n;
        if due >= until {
            break;
        }
        tokio::time::sleep(due.saturating_sub(stage.elapsed())).await;
        let push = GatewayPush {
            key: format!("probe-{n}"),
            queue: rate.queue.clone(),
            channel: rate.channel.clone(),
            tier: 2,
            ..GatewayPush::default()
        };
        let due_ns = u64::try_from(due.as_nanos()).unwrap_or(u64::MAX);
        let gateway = &gateways[n as usize % gateways.len()];
        let service = rate.service;
        gateway
            .bring(&stage, Arrival { push: push.clone(), due_ns, service, wrap_up: None, is_probe: true })
            .await;
        if u64::from(n).is_multiple_of(REPEAT_EACH) {
            gateway.push_again(&stage, push).await;
        }
        n += 1;
    }
}
