//! Makes a step a command by looking at the model's state.

use ringmain_routing::command::{
    AbandonContact, AnswerOffer, ApplyPlan, CallbackOrder, CloseSession, CompleteContact, ContactDetails,
    DeclaredPresence, EnqueueContact, ExtendWrapUp, HoldContact, LoseSession, NodeLost, NodeStarted,
    OpenSession, OperatorPlan, PutOperators, Role, SetPresence, TransferContact, TransferTarget,
    UpdateContact,
};
use ringmain_routing::limits::{ATTRIBUTES_BYTES_MAX, KEY_BYTES_MAX};
use ringmain_routing::rules;
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Epoch, GatewayId, Incarnation, Millis, Name, NodeId, OperatorId,
    Party, Plan, Timestamp,
};

use super::rule_book;
use super::world::{self, CHANNELS, GATEWAYS, OPERATORS, QUEUES, UNITS, pick};
use super::{
    Action, AnswerKind, ContactFlaw, ContactPick, ContactSpec, Flaw, OpenSpec, OperatorSpec, PartyPick,
    PartySpec, PlanChange, PlanFlaw, TransferSpec, UpdateSpec,
};
use crate::model::{Contact, ContactState, Model};

pub(super) fn command(action: &Action, model: &Model) -> Command {
    match action {
        Action::Tick => Command::Tick,
        Action::Plan(change) => Command::ApplyPlan(Box::new(ApplyPlan {
            plan: plan(change, model.plan()),
            by: author(change.queue),
        })),
        Action::Put(specs) => Command::PutOperators(PutOperators { operators: operators(specs), by: None }),
        Action::Open(spec) => Command::OpenSession(open(spec, model)),
        Action::Lose(spec) => {
            let (party, epoch) = party(spec, model);
            Command::LoseSession(LoseSession { party, epoch })
        }
        Action::Close(spec) => {
            let (party, epoch) = party(spec, model);
            Command::CloseSession(CloseSession { party, epoch })
        }
        Action::NodeStarted(node, incarnation) => {
            let (node, incarnation) = node_run(*node, *incarnation);
            Command::NodeStarted(NodeStarted { node, incarnation })
        }
        Action::NodeLost(node, incarnation) => {
            let (node, incarnation) = node_run(*node, *incarnation);
            Command::NodeLost(NodeLost { node, incarnation })
        }
        Action::Enqueue(spec) => Command::EnqueueContact(Box::new(enqueue(spec, model))),
        Action::Update(spec) => Command::UpdateContact(Box::new(update(spec, model))),
        Action::Abandon(picked) => {
            let (contact, gateway, epoch) = contact_of_gateway(*picked, model, |row| match row.state {
                ContactState::Waiting | ContactState::Offered { .. } => true,
                ContactState::Handling { .. } | ContactState::WrapUp { .. } | ContactState::Ended { .. } => {
                    false
                }
            });
            Command::AbandonContact(AbandonContact { gateway, epoch, contact })
        }
        Action::Presence { who, presence, flaw } => {
            Command::SetPresence(presence_of(*who, *presence, *flaw, model))
        }
        Action::Answer { kind, pick } => answer(*kind, *pick, model),
        Action::Act(spec) => super::act::command(spec, model),
        Action::TakeNext(spec) => super::hand_out::take_next(spec, model),
        Action::AskForBreak(spec) => super::time::ask(spec, model),
        Action::Help(spec) => super::act::ask_for_help(spec, model),
        Action::HandOut(spec) => super::hand_out::by_lead(spec, model),
        Action::Deflect(spec) => super::waiting::deflect(spec, model),
        Action::Consult(spec) => super::together::consult(spec, model),
        Action::OfLeg(spec) => super::together::of_leg(spec, model),
        Action::Invite(spec) => super::together::invite(spec, model),
        Action::Note(spec) => super::threads::note(spec, model),
        Action::Ask(spec) => super::enquiries::begin(spec, model),
        Action::Free(spec) => super::enquiries::free(spec, model),
        Action::CloseEnquiry(spec) => super::enquiries::close(spec, model),
        Action::RequestPerson(spec) => super::together::request_person(spec, model),
        Action::Register(spec) => Command::PutLifeSupport(rule_book::register(spec)),
    }
}

/// Some commands say who is behind them; the first that does makes the log one of format 2.
fn author(number: u8) -> Option<Name> {
    number.is_multiple_of(2).then(|| "olga".into())
}

fn node_run(node: u8, incarnation: u8) -> (NodeId, Incarnation) {
    (NodeId(1 + u64::from(node % 3)), Incarnation(1 + u64::from(incarnation % 3)))
}

fn plan(change: &PlanChange, now: &Plan) -> Plan {
    let mut plan = now.clone();
    if change.flaw == PlanFlaw::Same {
        return plan;
    }
    plan.version += if change.flaw == PlanFlaw::Version { 2 } else { 1 };
    let place = usize::from(change.queue) % QUEUES.len();
    let row = world::queue(QUEUES[place], change.spec);
    match plan.queues.get_mut(place) {
        Some(old) => *old = row,
        None => plan.queues.push(world::queue(QUEUES[plan.queues.len()], change.spec)),
    }
    if let Some(sessions) = change.sessions {
        plan.sessions = world::sessions(sessions);
    }
    if let Some(rules) = &change.rules {
        rule_book::put_rules(&mut plan, rules);
    }
    rule_book::drop_unknown_hours(&mut plan);
    match change.flaw {
        PlanFlaw::Conflict => {
            plan.queues.remove(0);
        }
        PlanFlaw::UnknownSkill => plan.queues[0].required.push(("chess".into(), 1)),
        PlanFlaw::UnknownQueue => plan.rules.default_queue = Some("nowhere".into()),
        PlanFlaw::NarrowStep => {
            let wide = rules::Step { rank_max: 1, ..rules::Step::default() };
            let narrow = rules::Step { after: Millis(9), rank_max: 0, ..wide };
            plan.queues[0].rules.ladder = vec![wide, narrow];
        }
        PlanFlaw::Tier0 => {
            let then = rules::Then { tier: Some(0), ..rules::Then::default() };
            let when = rules::When { registered: Some(true), ..rules::When::default() };
            plan.rules.entry.push(rules::EntryRule { name: "all".into(), when, then });
        }
        PlanFlaw::Leads => {
            plan.queues[0].rules.leads = vec!["anna".into(), "boris".into(), "anna".into()];
        }
        PlanFlaw::SamePerson => plan.queues[0].rules.same_person.owner = Some(Millis(0)),
        PlanFlaw::Hours => plan.queues[0].rules.hours = Some("never".into()),
        PlanFlaw::Principal => drop(plan.rules.principals.pop()),
        PlanFlaw::No | PlanFlaw::Same | PlanFlaw::Version => {}
    }
    plan
}

fn operators(specs: &[OperatorSpec]) -> Vec<OperatorPlan> {
    let mut rows: Vec<OperatorPlan> = Vec::new();
    for spec in specs {
        let login: Name = pick(&OPERATORS, spec.who).into();
        if rows.iter().any(|row| row.login == login) {
            continue;
        }
        let mut skills = world::skills(spec.skills);
        if spec.unknown_skill {
            skills.push(("chess".into(), 1));
        }
        let rank = |place: usize| (spec.ranks >> (2 * place)) & 3;
        let ranked = QUEUES.iter().take(2).enumerate().filter(|(place, _)| rank(*place) > 0);
        rows.push(OperatorPlan {
            login,
            skills,
            capacity: u32::from(spec.capacity),
            unit: spec.unit.map(|unit| pick(&UNITS, unit).0.into()),
            ranks: ranked.map(|(place, name)| ((*name).into(), rank(place))).collect(),
            rules: spec.rules.as_ref().map(rule_book::operator_rules).unwrap_or_default(),
        });
    }
    rows
}

fn open(spec: &OpenSpec, model: &Model) -> OpenSession {
    let (role, name) = match spec.party {
        PartyPick::Gateway(number) => (Role::Gateway, pick(&GATEWAYS, number)),
        PartyPick::Operator(number) => (Role::Operator, pick(&OPERATORS, number)),
    };
    let (node, incarnation) = node_run(spec.node, spec.incarnation);
    let (_, epoch) = party(&PartySpec { party: spec.party, flaw: Flaw::No }, model);
    let resume = match spec.resume % 4 {
        0 | 3 => None,
        1 => Some(epoch),
        _ => Some(Epoch(epoch.0 + 1)),
    };
    let nonce = u64::from(spec.nonce % 4);
    OpenSession { role, name: name.into(), node, incarnation, nonce, resume, takeover: spec.takeover }
}

/// The party and its present epoch, or one with a flaw.
fn party(spec: &PartySpec, model: &Model) -> (Party, Epoch) {
    let (party, epoch) = match spec.party {
        PartyPick::Gateway(number) => {
            let name = pick(&GATEWAYS, number);
            let row = model.gateways().iter().find(|row| &*row.name == name);
            let unknown = GatewayId { slot: 70, generation: 0 };
            row.map_or((Party::Gateway(unknown), Epoch(0)), |row| (Party::Gateway(row.id), row.session.epoch))
        }
        PartyPick::Operator(number) => {
            let login = pick(&OPERATORS, number);
            let row = model.operators().iter().find(|row| &*row.login == login);
            let unknown = OperatorId { slot: 70, generation: 0 };
            row.map_or((Party::Operator(unknown), Epoch(0)), |row| {
                (Party::Operator(row.id), row.session.epoch)
            })
        }
    };
    match spec.flaw {
        Flaw::Epoch => (party, Epoch(epoch.0.wrapping_sub(1))),
        Flaw::Unknown => (Party::Operator(OperatorId { slot: 0, generation: 7 }), epoch),
        Flaw::No | Flaw::Assignment | Flaw::Party => (party, epoch),
    }
}

fn gateway(number: u8, flaw: Flaw, model: &Model) -> (GatewayId, Epoch) {
    match party(&PartySpec { party: PartyPick::Gateway(number), flaw: Flaw::No }, model) {
        (Party::Gateway(id), epoch) => match flaw {
            Flaw::Epoch => (id, Epoch(epoch.0 + 1)),
            Flaw::Unknown => (GatewayId { slot: id.slot, generation: 9 }, epoch),
            Flaw::No | Flaw::Assignment | Flaw::Party => (id, epoch),
        },
        (Party::Operator(_), epoch) => (GatewayId { slot: 71, generation: 0 }, epoch),
    }
}

fn relative(now: Timestamp, number: u8) -> Timestamp {
    Timestamp((now.0 + u64::from(number)).saturating_sub(50))
}

fn enqueue(spec: &ContactSpec, model: &Model) -> EnqueueContact {
    let flaw = if spec.flaw == ContactFlaw::Epoch { Flaw::Epoch } else { Flaw::No };
    let (gateway, epoch) = gateway(spec.gateway, flaw, model);
    if spec.flaw == ContactFlaw::Repeat {
        let known: Vec<&Contact> = model.contacts().filter(|row| row.gateway() == gateway).collect();
        if !known.is_empty() {
            let body = known[usize::from(spec.key) % known.len()].body.clone();
            return EnqueueContact { epoch, ..body };
        }
    }
    let mut skills = world::skills(spec.skills);
    let mut queue: Name = pick(&QUEUES, spec.queue).into();
    let mut key: Name = format!("k{}", spec.key).into();
    let mut details = ContactDetails {
        customer: spec.customer.map(rule_book::reference),
        topic: spec.topic.map(rule_book::topic),
        ..ContactDetails::default()
    };
    let mut facts = spec.facts.as_ref().map(rule_book::facts).unwrap_or_default();
    match spec.flaw {
        ContactFlaw::Queue => queue = "nowhere".into(),
        ContactFlaw::Skill => skills.push(("chess".into(), 1)),
        ContactFlaw::Key => key = "k".repeat(KEY_BYTES_MAX + 1).into(),
        ContactFlaw::Attributes => details.attributes = vec![7; ATTRIBUTES_BYTES_MAX + 1],
        ContactFlaw::NoQueue => queue = "".into(),
        ContactFlaw::Unit => facts.unit = Some("nowhere".into()),
        ContactFlaw::Language => facts.language = Some("chess".into()),
        ContactFlaw::Principal => facts.principal = Some("nobody".into()),
        ContactFlaw::Phone => facts.phone = Some("".into()),
        ContactFlaw::Case => facts.case = Some("".into()),
        ContactFlaw::No | ContactFlaw::Repeat | ContactFlaw::Epoch => {}
    }
    let number =
        |number: u8| CallbackOrder { number: format!("+7{}", number % 3).into(), principals: "all".into() };
    EnqueueContact {
        gateway,
        epoch,
        key,
        queue,
        channel: pick(&CHANNELS, spec.channel).0.into(),
        tier: spec.tier,
        head_start: Millis(u64::from(spec.head_start)),
        skills,
        scope: spec.scope.map(|unit| pick(&UNITS, unit).0.into()),
        units: spec.units.map(u32::from),
        not_before: spec.not_before.map(|ms| relative(model.now(), ms)),
        preferred: spec.preferred.map(|(who, hold)| (pick(&OPERATORS, who).into(), Millis(u64::from(hold)))),
        callback: spec.callback.map(number),
        details,
        facts,
    }
}

pub(super) fn choose(
    picked: ContactPick,
    model: &Model,
    suits: impl Fn(&Contact) -> bool,
) -> Option<&Contact> {
    let all: Vec<&Contact> = model.contacts().collect();
    let fitting: Vec<&Contact> = all.iter().copied().filter(|row| suits(row)).collect();
    let list = if picked.any || fitting.is_empty() { all } else { fitting };
    list.get(usize::from(picked.which) % list.len().max(1)).copied()
}

pub(super) fn contact_of_gateway(
    picked: ContactPick,
    model: &Model,
    suits: impl Fn(&Contact) -> bool,
) -> (ContactId, GatewayId, Epoch) {
    let nobody = (ContactId { slot: 0, generation: 99 }, GatewayId { slot: 0, generation: 0 }, Epoch(1));
    let Some(contact) = choose(picked, model, suits) else { return nobody };
    let owner = model.gateways().iter().position(|row| row.id == contact.gateway()).unwrap_or(0);
    let owner = if picked.flaw == Flaw::Party { owner + 1 } else { owner };
    let row = &model.gateways()[owner % model.gateways().len()];
    let epoch = if picked.flaw == Flaw::Epoch { Epoch(row.session.epoch.0 + 1) } else { row.session.epoch };
    let generation = contact.id.generation + u32::from(picked.flaw == Flaw::Unknown);
    (ContactId { generation, ..contact.id }, row.id, epoch)
}

fn update(spec: &UpdateSpec, model: &Model) -> UpdateContact {
    let (contact, gateway, epoch) =
        contact_of_gateway(spec.pick, model, |row| row.state == ContactState::Waiting);
    let details = spec.details.map(|text| ContactDetails {
        customer: text.is_multiple_of(2).then(|| rule_book::reference(text / 2)),
        topic: Some(format!("topic {text}").into()),
        ..ContactDetails::default()
    });
    let not_before = spec.not_before.map(|ms| relative(model.now(), ms));
    UpdateContact { gateway, epoch, contact, details, tier: spec.tier, not_before }
}

fn presence_of(who: u8, presence: Option<u8>, flaw: Flaw, model: &Model) -> SetPresence {
    let (operator, epoch) = match party(&PartySpec { party: PartyPick::Operator(who), flaw }, model) {
        (Party::Operator(id), epoch) => (id, epoch),
        (Party::Gateway(_), epoch) => (OperatorId { slot: 0, generation: 0 }, epoch),
    };
    let seq = model.operators().iter().find(|row| row.id == operator).map_or(0, |row| row.presence_seq);
    let seq = if flaw == Flaw::Assignment { seq } else { seq + 1 };
    let presence = match presence {
        None => DeclaredPresence::Ready,
        Some(reason) => DeclaredPresence::NotReady(u16::from(reason % 2)),
    };
    SetPresence { operator, epoch, seq, presence }
}

fn answer(kind: AnswerKind, picked: ContactPick, model: &Model) -> Command {
    let suits = |row: &Contact| match (kind, row.state) {
        (AnswerKind::Accept | AnswerKind::Decline, ContactState::Offered { .. })
        | (
            AnswerKind::Complete(..)
            | AnswerKind::BackOffice(..)
            | AnswerKind::Transfer(_)
            | AnswerKind::Hold(_),
            ContactState::Handling { .. },
        )
        | (AnswerKind::Extend(_) | AnswerKind::EndWrapUp, ContactState::WrapUp { .. }) => true,
        (
            AnswerKind::Accept
            | AnswerKind::Decline
            | AnswerKind::Complete(..)
            | AnswerKind::BackOffice(..)
            | AnswerKind::Extend(_)
            | AnswerKind::EndWrapUp
            | AnswerKind::Transfer(_)
            | AnswerKind::Hold(_),
            ContactState::Waiting
            | ContactState::Offered { .. }
            | ContactState::Handling { .. }
            | ContactState::WrapUp { .. }
            | ContactState::Ended { .. },
        ) => false,
    };
    let answer = kept_wrap_up(kind, picked, model)
        .unwrap_or_else(|| answer_offer(picked, model, choose(picked, model, suits)));
    match kind {
        AnswerKind::Accept => Command::AcceptOffer(answer),
        AnswerKind::Decline => Command::DeclineOffer(answer),
        AnswerKind::BackOffice(route, channel) => {
            let to = super::cases::back_office(route, channel);
            Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None }))
        }
        AnswerKind::Complete(wrap_up, step, result) => {
            let wrap_up = wrap_up.map(|ms| Millis(u64::from(ms)));
            let result = result.map(rule_book::result);
            Command::CompleteContact(CompleteContact { answer, wrap_up, step, result })
        }
        AnswerKind::Extend(ms) => {
            let until = relative(model.now(), ms);
            Command::ExtendWrapUp(ExtendWrapUp { answer, until })
        }
        AnswerKind::EndWrapUp => Command::EndWrapUp(answer),
        AnswerKind::Transfer(spec) => {
            let wrap_up = spec.wrap_up.map(|ms| Millis(u64::from(ms)));
            Command::TransferContact(Box::new(TransferContact { answer, to: target(spec), wrap_up }))
        }
        AnswerKind::Hold(on) => Command::HoldContact(HoldContact { answer, on }),
    }
}

/// The wrap-up of a contact that was passed on, when the answer is about a wrap-up and there is one.
fn kept_wrap_up(kind: AnswerKind, picked: ContactPick, model: &Model) -> Option<AnswerOffer> {
    if !matches!(kind, AnswerKind::Extend(_) | AnswerKind::EndWrapUp) || picked.any {
        return None;
    }
    let rows = model.operators().iter();
    let kept: Vec<_> = rows.flat_map(|row| row.wrap_ups.iter().map(move |kept| (row, kept))).collect();
    let (row, kept) = kept.get(usize::from(picked.which) % kept.len().max(1))?;
    let epoch = Epoch(row.session.epoch.0 + u32::from(picked.flaw == Flaw::Epoch));
    Some(AnswerOffer { operator: row.id, epoch, contact: kept.contact, assignment: kept.assignment })
}

fn target(spec: TransferSpec) -> TransferTarget {
    let queue: Name = match spec.queue {
        4 => "nowhere".into(),
        number => pick(&QUEUES, number).into(),
    };
    match spec.to {
        None => TransferTarget::Queue(queue),
        Some((who, hold)) => TransferTarget::Operator {
            login: pick(&OPERATORS, who).into(),
            hold: Millis(u64::from(hold)),
            queue: (spec.queue < 4).then_some(queue),
        },
    }
}

pub(super) fn answer_offer(picked: ContactPick, model: &Model, contact: Option<&Contact>) -> AnswerOffer {
    let holder = contact.and_then(|row| row.last_holder).unwrap_or(OperatorId { slot: 0, generation: 0 });
    let shift = usize::from(picked.flaw == Flaw::Party);
    let rows = model.operators();
    let row = rows.get((holder.slot as usize + shift) % rows.len().max(1));
    let epoch = row.map_or(Epoch(0), |row| row.session.epoch);
    let assignment = contact.map_or(AssignmentEpoch(1), |row| row.assignment);
    let id = contact.map_or(ContactId { slot: 0, generation: 99 }, |row| row.id);
    AnswerOffer {
        operator: row.map_or(holder, |row| row.id),
        epoch: if picked.flaw == Flaw::Epoch { Epoch(epoch.0 + 1) } else { epoch },
        contact: ContactId { generation: id.generation + u32::from(picked.flaw == Flaw::Unknown), ..id },
        assignment: match picked.flaw {
            Flaw::Assignment => AssignmentEpoch(assignment.0.wrapping_sub(1)),
            Flaw::No | Flaw::Epoch | Flaw::Party | Flaw::Unknown => assignment,
        },
    }
}
