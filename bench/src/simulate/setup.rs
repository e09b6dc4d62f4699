//! Puts a scenario's plan, operators and sessions to the core.

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::command::{
    ApplyPlan, CallbackOrder, ContactDetails, EnqueueContact, OpenSession, OperatorPlan, PutOperators, Role,
};
use ringmain_routing::limits::{OPERATORS_PER_COMMAND_MAX, SPAN_MS_MAX};
use ringmain_routing::plan::{ChannelPlan, QueuePlan, SessionPlan};
use ringmain_routing::rules::Facts;
use ringmain_routing::{
    Command, Epoch, GatewayId, Incarnation, Millis, Name, NodeId, OperatorId, Party, Plan, Reply, Router,
    Timestamp,
};

use super::CannotSimulate;
use super::duty::Duty;
use crate::scenario::{Contact, Kind, Operator, Scenario, Text};

/// The gateway that brings every contact.
const GATEWAY: &str = "scenario";
/// Orders of one customer are for one and the same group of principals: the format knows none.
const PRINCIPALS: &str = "all";
/// Up to so many contacts the core remembers each to the end. That saves the timers that forget them; beyond it,
/// memory counts more.
const REMEMBERED_MAX: usize = 1_000_000;
/// How long the core remembers an ended contact beyond that.
const KEY_WINDOW_MS: u64 = 60_000;
/// Where every session is held: there is only one machine.
const NODE: NodeId = NodeId(1);

/// An operator with an open session.
pub(super) struct Seat {
    pub(super) id: OperatorId,
    pub(super) epoch: Epoch,
    pub(super) login: Text,
    pub(super) presence_seq: u64,
    pub(super) duty: Duty,
}

/// The plan of a scenario: its own, or the rules of the format, by which every queue named by a contact exists, an
/// operator serves whatever it has the skills for, answers automatically and needs no wrap-up unless the contact
/// says so.
#[must_use]
pub fn plan_of(scenario: &Scenario) -> Plan {
    if let Some(plan) = &scenario.plan {
        return plan.clone();
    }
    let mut wrap_up_max: BTreeMap<&str, u64> = BTreeMap::new();
    let mut channels: BTreeSet<&str> = BTreeSet::new();
    let mut skills: BTreeSet<Text> = BTreeSet::new();
    for contact in &scenario.contacts {
        let longest = wrap_up_max.entry(&contact.queue).or_default();
        *longest = (*longest).max(contact.wrap_up_ms.unwrap_or_default());
        channels.insert(&contact.channel);
        for skill in contact.skills_needed().iter() {
            if !skills.contains(skill) {
                skills.insert(skill.clone());
            }
        }
    }
    skills.extend(
        scenario.operators.iter().flat_map(|operator| &operator.skills).map(|(skill, _)| skill.clone()),
    );
    let remembered = scenario.contacts.len() <= REMEMBERED_MAX;
    let key_window = Millis(if remembered { SPAN_MS_MAX } else { KEY_WINDOW_MS });
    Plan {
        version: 1,
        queues: wrap_up_max.into_iter().map(|(name, longest)| queue(name, longest)).collect(),
        skills: skills.into_iter().map(|skill| name(&skill)).collect(),
        channels: channels
            .into_iter()
            .map(|channel| ChannelPlan { name: channel.into(), units: 1 })
            .collect(),
        units: Vec::new(),
        sessions: SessionPlan { key_window, ..SessionPlan::default() },
        rules: Default::default(),
    }
}

fn queue(name: &str, wrap_up_longest: u64) -> QueuePlan {
    let queue = QueuePlan::named(name);
    QueuePlan { wrap_up_max: queue.wrap_up_max.max(Millis(wrap_up_longest)), ..queue }
}

fn name(text: &Text) -> Name {
    Name::from(&**text)
}

/// Puts the plan into force.
pub(super) fn put_plan(router: &mut Router, scenario: &Scenario) -> Result<(), CannotSimulate> {
    let plan = Plan { version: 1, ..plan_of(scenario) };
    put(router, "the plan", &Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }))).map(drop)
}

/// Opens the session of the one gateway.
pub(super) fn open_gateway(router: &mut Router) -> Result<(GatewayId, Epoch), CannotSimulate> {
    match open(router, Role::Gateway, GATEWAY.into())? {
        Some((Party::Gateway(id), epoch)) => Ok((id, epoch)),
        Some((Party::Operator(_), _)) | None => Ok((GatewayId { slot: 0, generation: 0 }, Epoch(0))),
    }
}

/// Adds the operators, as the plan says where it names them, and opens their sessions; nobody is ready yet.
pub(super) fn seat_operators(router: &mut Router, scenario: &Scenario) -> Result<Vec<Seat>, CannotSimulate> {
    let has_units = scenario.plan.as_ref().is_some_and(|plan| !plan.units.is_empty());
    let planned: BTreeMap<&str, &OperatorPlan> =
        scenario.planned.iter().map(|operator| (&*operator.login, operator)).collect();
    for some in scenario.operators.chunks(OPERATORS_PER_COMMAND_MAX) {
        let said = |operator: &Operator| planned.get(&*operator.operator_id).map(|&said| said.clone());
        let operators = some
            .iter()
            .map(|operator| said(operator).unwrap_or_else(|| operator_plan(operator, has_units)))
            .collect();
        put(router, "the operators", &Command::PutOperators(PutOperators { operators, by: None }))?;
    }
    let mut seats = Vec::with_capacity(scenario.operators.len());
    for operator in &scenario.operators {
        let login = operator.operator_id.clone();
        let has_breaks = planned.get(&*login).is_some_and(|said| !said.rules.breaks.is_empty());
        let duty = Duty::with(has_breaks);
        if has_breaks {
            // It signs in when its shift begins.
            if let Some(Party::Operator(id)) = router.party(Role::Operator, &login) {
                seats.push(Seat { id, epoch: Epoch(0), login, presence_seq: 0, duty });
            }
            continue;
        }
        if let Some((Party::Operator(id), epoch)) = open(router, Role::Operator, name(&operator.operator_id))?
        {
            seats.push(Seat { id, epoch, login, presence_seq: 0, duty });
        }
    }
    Ok(seats)
}

fn operator_plan(operator: &Operator, has_units: bool) -> OperatorPlan {
    OperatorPlan {
        login: name(&operator.operator_id),
        skills: operator.skills.iter().map(|(skill, level)| (name(skill), *level)).collect(),
        capacity: operator.capacity,
        unit: operator.region.as_ref().filter(|_| has_units).map(name),
        ranks: Vec::new(),
        rules: Default::default(),
    }
}

fn open(router: &mut Router, role: Role, name: Name) -> Result<Option<(Party, Epoch)>, CannotSimulate> {
    let opening = OpenSession {
        role,
        name,
        node: NODE,
        incarnation: Incarnation(1),
        nonce: 1,
        resume: None,
        takeover: false,
    };
    match put(router, "a session", &Command::OpenSession(opening))? {
        Reply::Opened { party, epoch } => Ok(Some((party, epoch))),
        Reply::Done
        | Reply::Enqueued { .. }
        | Reply::Merged { .. }
        | Reply::PlanApplied { .. }
        | Reply::Acted { .. }
        | Reply::Taken { .. }
        | Reply::Asked { .. }
        | Reply::Break(_) => Ok(None),
    }
}

fn put(router: &mut Router, what: &'static str, command: &Command) -> Result<Reply, CannotSimulate> {
    router.apply(Timestamp(0), command).reply.map_err(|refusal| CannotSimulate::SetUp { what, refusal })
}

/// The command that brings a contact; the gateway's part is the caller's. Where the plan has entry rules, tier 0 of the
/// scenario stands for danger that IVR has heard of: no gateway grants tier 0 by itself.
pub(super) fn enqueue(contact: &Contact, has_entry_rules: bool) -> EnqueueContact {
    let customer = Some(&contact.customer_id).filter(|id| !id.is_empty()).map(name);
    let number = customer.clone().filter(|_| contact.kind == Kind::Callback);
    EnqueueContact {
        gateway: GatewayId { slot: 0, generation: 0 },
        epoch: Epoch(0),
        key: name(&contact.contact_id),
        queue: name(&contact.queue),
        channel: name(&contact.channel),
        tier: contact.priority,
        head_start: Millis(0),
        skills: contact.skills_needed().iter().map(|skill| (name(skill), 1)).collect(),
        scope: None,
        units: Some(contact.weight),
        not_before: None,
        preferred: contact
            .preferred_operator
            .as_ref()
            .map(|login| (name(login), Millis(contact.sticky_ms.unwrap_or_default()))),
        callback: number.map(|number| CallbackOrder { number, principals: PRINCIPALS.into() }),
        details: ContactDetails {
            customer,
            topic: contact.topic.as_ref().map(name),
            language: contact.language.as_ref().map(name),
            attributes: Vec::new(),
        },
        facts: Facts { danger: has_entry_rules && contact.priority == 0, ..Facts::default() },
    }
}
