//! A scenario played in compressed time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use ringmain_protocol::v1::{
    CallbackOrder, ContactDetails, ContactFacts, GatewayPush, PreferredOperator, SkillLevel,
};

use super::Stage;
use super::gateway::{Arrival, GatewaySeat};
use crate::scenario::{Contact, Kind, Scenario};
use crate::task::Owned;

/// A scenario being played. It ends when dropped.
pub struct Playing {
    task: Owned,
}

impl Playing {
    /// Waits until the last contact has been pushed and the last patience has ended.
    pub async fn finish(self) {
        self.task.ended().await;
    }
}

/// Plays the scenario's contacts over the gateways by turns, `speed` times as fast as they are written, until `until`
/// since the stage was set.
#[must_use]
pub fn play(
    stage: &Stage,
    gateways: Arc<[GatewaySeat]>,
    scenario: Arc<Scenario>,
    speed: f64,
    until: Duration,
) -> Playing {
    Playing { task: Owned::start(run(stage.clone(), gateways, scenario, speed, until)) }
}

async fn run(
    stage: Stage,
    gateways: Arc<[GatewaySeat]>,
    scenario: Arc<Scenario>,
    speed: f64,
    until: Duration,
) {
    let begin = stage.elapsed();
    let real = |ms: u64| Duration::from_secs_f64(ms as f64 / 1000.0 / speed);
    let mut leaving: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
    for (place, contact) in scenario.contacts.iter().enumerate() {
        let due = begin + real(contact.arrival_ms);
        if due >= until {
            break;
        }
        give_up_before(&stage, &gateways, &scenario, &mut leaving, due).await;
        tokio::time::sleep(due.saturating_sub(stage.elapsed())).await;
        let arrival = Arrival {
            push: push_of(contact, speed),
            due_ns: u64::try_from(due.as_nanos()).unwrap_or(u64::MAX),
            service: real(contact.service_ms),
            wrap_up: contact.wrap_up_ms.map(real),
            is_probe: false,
        };
        gateways[place % gateways.len()].bring(&stage, arrival).await;
        if let Some(patience) = contact.patience_ms {
            leaving.push(Reverse((due + real(patience), place)));
        }
    }
    give_up_before(&stage, &gateways, &scenario, &mut leaving, until).await;
}

/// Lets the customers leave whose patience ends before `until`, each at its time.
async fn give_up_before(
    stage: &Stage,
    gateways: &[GatewaySeat],
    scenario: &Scenario,
    leaving: &mut BinaryHeap<Reverse<(Duration, usize)>>,
    until: Duration,
) {
    while let Some(&Reverse((at, place))) = leaving.peek() {
        if at > until {
            return;
        }
        leaving.pop();
        tokio::time::sleep(at.saturating_sub(stage.elapsed())).await;
        gateways[place % gateways.len()].give_up(stage, &scenario.contacts[place].contact_id).await;
    }
}

fn push_of(contact: &Contact, speed: f64) -> GatewayPush {
    let hold = |ms: u64| (ms as f64 / speed) as u64;
    let is_callback = contact.kind == Kind::Callback;
    GatewayPush {
        op_id: 0,
        key: contact.contact_id.to_string(),
        queue: contact.queue.to_string(),
        channel: contact.channel.to_string(),
        tier: u32::from(contact.priority),
        head_start_ms: 0,
        skills: contact
            .skills_needed()
            .iter()
            .map(|skill| SkillLevel { skill: skill.to_string(), level: 1 })
            .collect(),
        scope: None,
        units: Some(contact.weight),
        not_before_ms: None,
        preferred: contact.preferred_operator.as_ref().map(|login| PreferredOperator {
            login: login.to_string(),
            hold_ms: hold(contact.sticky_ms.unwrap_or(0)),
        }),
        callback: is_callback
            .then(|| CallbackOrder { number: contact.customer_id.to_string(), principals: "all".to_owned() }),
        details: Some(ContactDetails {
            customer: Some(contact.customer_id.to_string()),
            topic: contact.topic.as_ref().map(ToString::to_string),
            language: contact.language.as_ref().map(ToString::to_string),
            attributes: Default::default(),
        }),
        // No gateway grants tier 0 by itself where the plan has entry rules; there it stands for danger heard by IVR.
        facts: (contact.priority == 0).then(|| ContactFacts { danger: true, ..ContactFacts::default() }),
    }
}
