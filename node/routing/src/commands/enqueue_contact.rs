//! A contact arrives (R1.1). The same key again gets the first answer; a call-back order joins the open one of the
//! same number (R4.1); everything else takes its place in line, and an operator if one is free.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::command::{CallbackOrder, ContactDetails, EnqueueContact};
use crate::contact::{Contact, Language, Need, State, Text, Wait};
use crate::effect::{Effect, EndReason, Reply};
use crate::entry::Entry;
use crate::fields::{check_name, check_span, check_text, invalid};
use crate::ids::{AssignmentEpoch, ChannelId, ContactId, Millis, OperatorId, QueueId, Timestamp, hash_parts};
use crate::limits::{
    ATTRIBUTES_BYTES_MAX, CAPACITY_MAX, CLASSES_MAX, CONTACTS_MAX, CONTACTS_RESERVED_FOR_TIER_0,
    FACT_ATTRIBUTES_MAX, KEY_BYTES_MAX, REQUIRED_SKILLS_MAX, SOURCES_MAX, TIER_MAX, TIMESTAMP_MS_MAX,
};
use crate::planted::{Planted, is};
use crate::profiles::ProfileCounts;
use crate::refusal::Refusal;
use crate::router::Router;
use crate::rules::{DeflectWhen, Facts, Treatment};

/// What the names in the command mean under the plan in force.
struct Meant {
    queue: QueueId,
    channel: ChannelId,
    /// Shared with the class, where it is known.
    need: Arc<Need>,
    class: Option<u32>,
    units: u32,
    entry: Entry,
}

impl Router {
    pub(crate) fn enqueue_contact(&mut self, command: &EnqueueContact) -> Result<Reply, Refusal> {
        self.admit_gateway(command.gateway, command.epoch)?;
        let gateway = &self.tables.gateway(command.gateway.slot).name;
        let key = hash_parts(&[gateway.as_bytes(), command.key.as_bytes()]);
        let body = body_hash(command);
        let known = self.tables.ix.keys.get(&key).filter(|_| !is(Planted::KeyForgotten));
        if let Some(&slot) = known {
            return first_answer(self.tables.contact(slot), body);
        }
        check_fields(command)?;
        let open_order = self.open_order(command);
        let entry = self.entry_of(command, gateway)?;
        let mut meant = self.resolve(command, entry)?;
        let call = if open_order.is_none() { self.call_to_join(command, meant.channel) } else { None };
        let mut deflected = None;
        if open_order.is_none() && call.is_none() {
            deflected = self.deflection_of(&meant, self.is_shut_out(command, meant.queue))?;
            if deflected.is_none() {
                self.check_room(&meant)?;
            }
        }
        self.check_memory(meant.entry.tier)?;
        let route = meant.entry.route.take().filter(|_| open_order.is_none() && deflected.is_none());
        if route.is_some() {
            self.check_cases()?;
        }
        // An order that joins another or is deflected leaves credit to the next.
        let enters = open_order.is_none() && deflected.is_none();
        let credit = if enters { self.credit_of(command, meant.entry.tier) } else { None };
        meant.entry.head_start = self.head_start_of(&meant.entry, credit);
        let (slot, generation) = self.tables.contacts.next_id();
        let mut contact = self.new_contact(command, meant, ContactId { slot, generation }, (key, body));
        match (open_order, deflected) {
            (Some(open), _) => Ok(self.merge(contact, open)),
            (None, Some(to)) => Ok(self.deflect(contact, to)),
            (None, None) => {
                self.use_up_credit(command, contact.tier);
                if let Some(route) = route {
                    contact.case = Some(self.open_case(route, &contact, None));
                }
                Ok(match call {
                    Some((call, operator)) => self.arrive_as_companion(contact, call, operator),
                    None => self.arrive(contact),
                })
            }
        }
    }

    fn resolve(&self, command: &EnqueueContact, entry: Entry) -> Result<Meant, Refusal> {
        let directory = &self.tables.directory;
        let (queue, plan) = (entry.queue, directory.queue(entry.queue));
        let (channel, channel_plan) = directory.find_channel(&command.channel)?;
        let need = if self.format < 3 {
            directory.need(plan, &command.skills, command.scope.as_ref())?
        } else {
            self.need_of(command, &entry, channel)?
        };
        directory.check_want(queue, &need)?;
        let of_queue = directory.rule(queue).units_of(channel);
        let units = command.units.or(of_queue).unwrap_or(channel_plan.units);
        let classes = &self.tables.ix.classes;
        let key = (queue, units, Arc::new(need));
        let class = classes.find_key(&key);
        let need = class.map_or(key.2, |class| classes.at(class).need.clone());
        Ok(Meant { queue, channel, need, class, units, entry })
    }

    /// What an arrival of format 3 asks for itself; its queue's requirements are added by the plan of each moment.
    fn need_of(&self, command: &EnqueueContact, entry: &Entry, channel: ChannelId) -> Result<Need, Refusal> {
        let directory = &self.tables.directory;
        let facts = &command.facts;
        let skills = directory.find_skills(command.skills.iter().chain(&entry.skills))?;
        let mut scopes = Vec::new();
        for name in command.scope.iter().chain(&facts.unit) {
            scopes.push((directory.find_unit(name)?, name));
        }
        let own_unit = entry.own_unit.as_ref();
        scopes.retain(|(_, name)| command.scope.as_ref() == Some(name) || own_unit == Some(name));
        let mut scopes: Vec<_> = scopes.into_iter().map(|entry| entry.0).collect();
        scopes.sort_unstable();
        scopes.dedup();
        let language = facts.language.as_ref().map(|name| directory.find_skill(name)).transpose()?;
        let principal = facts.principal.as_ref().map(|name| directory.find_principal(name)).transpose()?;
        Ok(Need {
            skills,
            scopes: scopes.into_boxed_slice(),
            language: language.map(|skill| Language { skill, any: facts.any_language }),
            principal,
            channel: Some(channel),
            follows_queue: true,
            people: false,
        })
    }

    fn check_room(&self, meant: &Meant) -> Result<(), Refusal> {
        let plan = self.tables.directory.queue(meant.queue);
        let waiting = self.waiting_in(meant.queue);
        if waiting >= plan.waiting_max && meant.entry.tier > 0 {
            return Err(Refusal::QueueFull { queue: plan.name.clone(), waiting_max: plan.waiting_max });
        }
        let classes = &self.tables.ix.classes;
        let is_new = meant.class.is_none_or(|class| classes.is_empty(class));
        if is_new && classes.live() >= CLASSES_MAX {
            return Err(Refusal::LimitReached {
                what: "distinct requirements".into(),
                limit: CLASSES_MAX as u64,
            });
        }
        Ok(())
    }

    /// What an arrival gets that cannot be served as usual; `None` for a place in line.
    fn deflection_of(&self, meant: &Meant, is_shut: bool) -> Result<Option<Treatment>, Refusal> {
        let directory = &self.tables.directory;
        let plan = directory.queue(meant.queue);
        let is_open = directory.is_open(plan, self.now) && !is_shut;
        let has_rules = is_shut || plan.rules.hours.is_some() || !plan.rules.deflections.is_empty();
        if meant.entry.tier == 0 && has_rules && !is(Planted::LifeSafetyDeflected) {
            return Ok(None);
        }
        let rule = plan.rules.deflections.iter().find(|rule| match rule.when {
            DeflectWhen::Closed => !is_open,
            DeflectWhen::NobodySignedIn => !self.has_server(meant, |counts| counts.signed_in),
            DeflectWhen::NobodyReady => !self.has_server(meant, |counts| counts.available),
            DeflectWhen::Waiting(waiting) => self.waiting_in(meant.queue) >= waiting,
            DeflectWhen::ExpectedWait(above) => {
                self.expected_wait(meant.queue).is_some_and(|wait| wait > above)
                    && !is(Planted::ExpectedWaitIgnored)
            }
        });
        match rule.map(|rule| rule.to) {
            Some(Treatment::Queue) => Ok(None),
            Some(to @ (Treatment::CallBack | Treatment::Voicemail | Treatment::Message)) => Ok(Some(to)),
            Some(Treatment::Refuse) if is_open => Err(Refusal::NobodyThere(plan.name.clone())),
            Some(Treatment::Refuse) => Err(Refusal::QueueClosed(plan.name.clone())),
            None if is_open => Ok(None),
            None => Err(Refusal::QueueClosed(plan.name.clone())),
        }
    }

    /// Whether operators who could serve the contact at the last step of the ladder are there in some way.
    fn has_server(&self, meant: &Meant, count: impl Fn(ProfileCounts) -> u32) -> bool {
        let (directory, profiles) = (&self.tables.directory, &self.tables.ix.profiles);
        let want = directory.want(meant.queue, &meant.need);
        let widest = directory.rule(meant.queue).steps.last().copied().unwrap_or_default();
        let there = profiles.iter().filter(|(profile, _)| count(profiles.counts(*profile)) > 0);
        there.into_iter().any(|(_, key)| directory.fits(key, &want, &widest))
    }

    /// The contact is remembered as ended, with what its gateway gives it instead.
    fn deflect(&mut self, mut contact: Contact, to: Treatment) -> Reply {
        let (id, gateway, reason) = (contact.id, contact.gateway, EndReason::Deflected(to));
        contact.state = self.ended(reason);
        self.tables.add_contact(contact);
        let totals = self.totals_of(id.slot);
        totals.entered += 1;
        totals.deflected += 1;
        self.emit(Effect::AnnounceEnded { contact: id, gateway, reason });
        Reply::Enqueued { contact: id }
    }

    /// Tier 0 has room of its own (promise 6).
    pub(super) fn check_memory(&self, tier: u8) -> Result<(), Refusal> {
        let limit = if tier == 0 { CONTACTS_MAX } else { CONTACTS_MAX - CONTACTS_RESERVED_FOR_TIER_0 };
        if self.tables.contacts.len() < limit {
            return Ok(());
        }
        Err(Refusal::LimitReached { what: "contacts".into(), limit })
    }

    fn open_order(&self, command: &EnqueueContact) -> Option<u32> {
        let open = self.tables.orders_of(callback_hash(command)?).next();
        open.filter(|_| !is(Planted::MergeForgotten))
    }

    fn new_contact(
        &self,
        command: &EnqueueContact,
        meant: Meant,
        id: ContactId,
        hashes: (u128, u128),
    ) -> Contact {
        let later = command.not_before.filter(|&time| time > self.now);
        let own = self.own_need(command, &meant);
        Contact {
            id,
            gateway: command.gateway,
            key: hashes.0,
            body: hashes.1,
            queue: meant.queue,
            channel: meant.channel,
            tier: meant.entry.tier,
            enqueued_at: later.unwrap_or(self.now),
            head_start: meant.entry.head_start,
            index: self.index,
            units: meant.units,
            need: meant.need,
            class: meant.class,
            not_before: command.not_before,
            state: State::Waiting(Wait::Later),
            assignment: AssignmentEpoch(0),
            holder: None,
            excluded: false,
            callback: callback_hash(command),
            sources: 1,
            transfers: 0,
            passed: false,
            promoted: 0,
            promote_at: None,
            decision: None,
            case: None,
            text: Arc::new(Text {
                key: command.key.clone(),
                preferred: command.preferred.clone(),
                callback: command.callback.clone(),
                details: command.details.clone(),
                own,
                facts: command.facts.clone(),
                rule: meant.entry.rule,
                owner: meant.entry.owner,
                context: None,
                note: None,
                result: None,
            }),
        }
    }

    /// What the contact asks for itself; where its queue asks for nothing, that is what it needs. Not kept while the log is of format 1: a state that was restored from a
    /// snapshot of that format would not know it either, and replicas must agree.
    fn own_need(&self, command: &EnqueueContact, meant: &Meant) -> Option<Arc<Need>> {
        if self.format < 2 || meant.need.follows_queue {
            return None;
        }
        let directory = &self.tables.directory;
        let queue = directory.queue(meant.queue);
        if queue.required.is_empty() && queue.scope.is_none() {
            return Some(meant.need.clone());
        }
        directory.own_need(&command.skills, command.scope.as_ref()).ok().map(Arc::new)
    }

    pub(super) fn arrive(&mut self, contact: Contact) -> Reply {
        let (id, gateway) = (contact.id, contact.gateway);
        let is_due = contact.not_before.is_none_or(|time| time <= self.now);
        self.tables.add_contact(contact);
        self.totals_of(id.slot).entered += 1;
        if is_due {
            self.become_eligible(id.slot);
            self.freed.announce.insert(id.slot);
        } else {
            self.emit(Effect::AnnounceQueued { contact: id, gateway });
        }
        Reply::Enqueued { contact: id }
    }

    /// The companion of a call: straight to its operator.
    fn arrive_as_companion(&mut self, contact: Contact, call: ContactId, operator: OperatorId) -> Reply {
        let id = contact.id;
        self.tables.add_contact(contact);
        self.totals_of(id.slot).entered += 1;
        self.join_call(id.slot, call, operator);
        Reply::Enqueued { contact: id }
    }

    /// The order joins the open one; the earliest place counts, an explicit time replaces (R4.1).
    fn merge(&mut self, mut contact: Contact, open: u32) -> Reply {
        let (not_before, head_start) = (contact.not_before, contact.head_start);
        let into = self.tables.contact(open).id;
        let reason = EndReason::Merged(into);
        let (id, gateway) = (contact.id, contact.gateway);
        contact.state = self.ended(reason);
        self.tables.add_contact(contact);
        self.totals_of(id.slot).merged += 1;
        self.add_source(open, not_before, head_start);
        self.emit(Effect::AnnounceEnded { contact: id, gateway, reason });
        Reply::Merged { contact: id, into }
    }

    /// An open order stands for one more; the earliest place counts, an explicit time replaces.
    pub(super) fn add_source(&mut self, open: u32, not_before: Option<Timestamp>, head_start: Millis) {
        let more = u32::from(!is(Planted::MergeLosesSource));
        self.tables.change_contact(open, |row| row.sources = (row.sources + more).min(SOURCES_MAX));
        match (self.tables.contact(open).state, not_before) {
            (State::Waiting(Wait::Later), Some(not_before)) => self.reschedule(open, not_before),
            (State::Waiting(_), _) => self.tables.change_contact(open, |row| {
                row.head_start = row.head_start.max(head_start);
            }),
            (
                State::Offered { .. } | State::Handling { .. } | State::WrapUp { .. } | State::Ended { .. },
                _,
            ) => {}
        }
        self.look_again(open);
    }
}

/// The same body gets the first answer, another body is refused (promise 3).
fn first_answer(contact: &Contact, body: u128) -> Result<Reply, Refusal> {
    if contact.body != body {
        return Err(Refusal::KeyReused { contact: contact.id });
    }
    Ok(match contact.state {
        State::Ended { reason: EndReason::Merged(into), .. } => Reply::Merged { contact: contact.id, into },
        State::Ended { .. }
        | State::Waiting(_)
        | State::Offered { .. }
        | State::Handling { .. }
        | State::WrapUp { .. } => Reply::Enqueued { contact: contact.id },
    })
}

/// Stands for all of the command but its epoch.
fn body_hash(command: &EnqueueContact) -> u128 {
    let mut body = Vec::with_capacity(128);
    crate::codec::append(&mut body, &(&command.queue, &command.channel, command.tier, command.head_start));
    crate::codec::append(&mut body, &(&command.skills, &command.scope, command.units, command.not_before));
    crate::codec::append(&mut body, &(&command.preferred, &command.callback, &command.details));
    if command.facts != Facts::default() {
        crate::codec::append(&mut body, &command.facts);
    }
    hash_parts(&[&body])
}

fn callback_hash(command: &EnqueueContact) -> Option<u128> {
    command.callback.as_ref().map(order_hash)
}

/// Stands for number and principals.
pub(super) fn order_hash(order: &CallbackOrder) -> u128 {
    if is(Planted::PrincipalsIgnored) {
        return hash_parts(&[order.number.as_bytes()]);
    }
    hash_parts(&[order.number.as_bytes(), order.principals.as_bytes()])
}

fn check_fields(command: &EnqueueContact) -> Result<(), Refusal> {
    check_text("key", &command.key, KEY_BYTES_MAX)?;
    if command.tier > TIER_MAX {
        return Err(invalid("tier", "tiers are 0 to 9"));
    }
    check_span("head_start_ms", command.head_start)?;
    if command.skills.len() > REQUIRED_SKILLS_MAX {
        return Err(invalid("skills", "at most 16 skills"));
    }
    if command.units.is_some_and(|units| units > CAPACITY_MAX) {
        return Err(invalid("units", "at most 1000000 units"));
    }
    if let Some(not_before) = command.not_before {
        check_time("not_before_ms", not_before)?;
    }
    if let Some((login, hold)) = &command.preferred {
        check_name("preferred.operator", login)?;
        check_span("preferred.hold_ms", *hold)?;
    }
    if let Some(order) = &command.callback {
        check_name("callback.number", &order.number)?;
        check_name("callback.principals", &order.principals)?;
    }
    check_facts(&command.facts)?;
    check_details(&command.details)
}

fn check_facts(facts: &Facts) -> Result<(), Refusal> {
    let texts = [
        ("facts.principal", &facts.principal),
        ("facts.unit", &facts.unit),
        ("facts.language", &facts.language),
        ("facts.phone", &facts.phone),
        ("facts.account", &facts.account),
        ("facts.supply_point", &facts.supply_point),
        ("facts.intent", &facts.intent),
        ("facts.case", &facts.case),
        ("facts.reply_by", &facts.reply_by),
    ];
    for (field, text) in texts {
        if let Some(text) = text {
            check_name(field, text)?;
        }
    }
    if facts.attributes.len() > FACT_ATTRIBUTES_MAX {
        return Err(invalid("facts.attributes", "at most 16 attributes"));
    }
    facts.attributes.iter().try_for_each(|(key, value)| {
        check_name("facts.attributes", key)?;
        check_name("facts.attributes", value)
    })
}

/// A time that somebody could mean: up to the year 2200.
pub(crate) fn check_time(field: &str, time: Timestamp) -> Result<(), Refusal> {
    if time.0 <= TIMESTAMP_MS_MAX {
        return Ok(());
    }
    Err(invalid(field, &alloc::format!("{} is after the year 2200; times are ms since 1970", time.0)))
}

pub(crate) fn check_details(details: &ContactDetails) -> Result<(), Refusal> {
    let texts = [("customer", &details.customer), ("topic", &details.topic), ("language", &details.language)];
    for (field, text) in texts {
        if let Some(text) = text {
            check_name(field, text)?;
        }
    }
    let bytes = details.attributes.len();
    if bytes > ATTRIBUTES_BYTES_MAX {
        return Err(invalid(
            "attributes",
            &alloc::format!("{bytes} bytes; at most {ATTRIBUTES_BYTES_MAX} are allowed"),
        ));
    }
    Ok(())
}
