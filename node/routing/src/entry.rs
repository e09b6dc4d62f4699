//! Entry (R1.2): what makes an arrival's queue, tier, requirements and head start of what its gateway says. The
//! first rule that holds applies; life safety is granted by rules, never by a gateway (R2.2).

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::command::{EnqueueContact, PutLifeSupport, Reference, life_support_hash};
use crate::contact::Contact;
use crate::effect::Reply;
use crate::fields::{check_name, invalid};
use crate::ids::{Millis, Name, QueueId, hash_parts};
use crate::limits::{LIFE_SUPPORT_MAX, LIFE_SUPPORT_PER_COMMAND_MAX, REDIALS_MAX};
use crate::memory::Redialer;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;
use crate::rules::{EntryRule, Facts, When};

/// How an arrival enters.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub queue: QueueId,
    /// The route that it goes as a case.
    pub route: Option<Name>,
    pub tier: u8,
    /// Skills that the rule requires.
    pub skills: Vec<(Name, u8)>,
    /// Only the customer's own unit and what is below.
    pub own_unit: Option<Name>,
    /// Granted by gateway and rule.
    pub head_start: Millis,
    /// The rule that applied.
    pub rule: Option<Name>,
    /// Who owns what comes in so.
    pub owner: Option<Name>,
}

impl Router {
    /// How a contact enters by the rules in force, credit aside.
    pub(crate) fn entry_of(&self, command: &EnqueueContact, gateway: &str) -> Result<Entry, Refusal> {
        let rules = &self.plan().rules;
        if rules.entry.is_empty() {
            return Ok(Entry {
                queue: self.tables.directory.find_queue(&command.queue)?.0,
                route: None,
                tier: command.tier,
                skills: Vec::new(),
                own_unit: None,
                head_start: command.head_start,
                rule: None,
                owner: None,
            });
        }
        let is_registered = self.is_registered(&command.facts);
        let asked = Some(&command.queue).filter(|queue| !queue.is_empty());
        let rule = rules.entry.iter().find(|rule| self.holds(&rule.when, command, gateway, is_registered));
        let then = rule.map(|rule| &rule.then);
        let route = then.and_then(|then| then.route.as_ref());
        let first = route.map(|route| self.tables.directory.find_route(route)).transpose()?;
        let first = first.and_then(|route| route.stages.first()).map(|stage| &stage.queue);
        let queue = first.or(then.and_then(|then| then.queue.as_ref()));
        let queue = queue.or(asked).or(rules.default_queue.as_ref());
        let granted_tier =
            then.and_then(|then| then.tier).map(|tier| if is_registered { tier.min(1) } else { tier });
        let tier = granted_tier.unwrap_or_else(|| self.tier_by_hint(command.tier, &command.facts));
        let granted = command.head_start.0.saturating_add(then.map_or(0, |then| then.head_start.0));
        Ok(Entry {
            queue: self.tables.directory.find_queue(queue.ok_or(Refusal::NoQueue)?)?.0,
            route: route.cloned(),
            tier,
            skills: then.map(|then| then.skills.clone()).unwrap_or_default(),
            own_unit: command.facts.unit.clone().filter(|_| then.is_some_and(|then| then.own_unit)),
            head_start: Millis(granted),
            rule: rule.map(|rule| rule.name.clone()),
            owner: then.and_then(|then| then.owner.clone()),
        })
    }

    /// The tier that a gateway's word about a waiting contact comes to. Life safety was granted for a reason: where
    /// gateways cannot grant it, they cannot take it away either.
    pub(crate) fn tier_by_update(&self, hint: u8, contact: &Contact) -> u8 {
        let is_granted = contact.tier == 0 && !self.plan().rules.entry.is_empty();
        if is_granted { 0 } else { self.tier_by_hint(hint, &contact.text.facts) }
    }

    /// The tier that a gateway's word comes to (R2.2): where there are entry rules, never life safety, and a registered
    /// customer is urgent whatever the question.
    pub(crate) fn tier_by_hint(&self, hint: u8, facts: &Facts) -> u8 {
        if self.plan().rules.entry.is_empty() || is(Planted::LifeSafetyByGateway) {
            return hint;
        }
        if self.is_registered(facts) { 1 } else { hint.max(1) }
    }

    /// Head start with credit, at most what the plan allows (R2.3).
    pub(crate) fn head_start_of(&self, entry: &Entry, credit: Option<Millis>) -> Millis {
        let together = entry.head_start.0.saturating_add(credit.map_or(0, |waited| waited.0));
        Millis(self.plan().rules.head_start_max.map_or(together, |max| together.min(max.0)))
    }

    fn holds(&self, when: &When, command: &EnqueueContact, gateway: &str, is_registered: bool) -> bool {
        let facts = &command.facts;
        let attributes = when.attributes.iter();
        is_one_of(&when.queues, Some(&command.queue))
            && is_one_of(&when.channels, Some(&command.channel))
            && (when.gateways.is_empty() || when.gateways.iter().any(|name| **name == *gateway))
            && is_one_of(&when.principals, facts.principal.as_ref())
            && (when.units.is_empty()
                || facts.unit.as_ref().is_some_and(|unit| self.is_under(unit, &when.units)))
            && (when.applicants.is_empty()
                || facts.applicant.is_some_and(|kind| when.applicants.contains(&kind)))
            && is_one_of(&when.languages, facts.language.as_ref())
            && is_like_one_of(&when.topics, command.details.topic.as_ref())
            && is_like_one_of(&when.intents, facts.intent.as_ref())
            && attributes.into_iter().all(|wanted| facts.attributes.contains(wanted))
            && when.registered.is_none_or(|wanted| wanted == is_registered)
            && when.danger.is_none_or(|wanted| wanted == facts.danger)
            && when.calendar.as_ref().is_none_or(|(name, wanted)| {
                let calendar = self.tables.directory.find_calendar(name);
                calendar.is_ok_and(|calendar| calendar.is_open(self.now) == *wanted)
            })
    }

    /// Whether a unit is one of these or below one.
    fn is_under(&self, unit: &Name, units: &[Name]) -> bool {
        let directory = &self.tables.directory;
        let Ok(mut at) = directory.find_unit(unit) else { return false };
        loop {
            if units.contains(&directory.plan.units[at.0 as usize].name) {
                return true;
            }
            let Some(parent) = directory.parents[at.0 as usize] else { return false };
            at = parent;
        }
    }

    fn is_registered(&self, facts: &Facts) -> bool {
        let references = [
            (Reference::Phone, &facts.phone),
            (Reference::Account, &facts.account),
            (Reference::SupplyPoint, &facts.supply_point),
        ];
        let known = references.into_iter().filter_map(|(kind, text)| Some((kind, text.as_ref()?)));
        known.into_iter().any(|(kind, text)| self.life_support.contains(&life_support_hash(kind, text)))
    }

    /// What a customer who hung up lately has waited, if it comes back in the same tier.
    pub(crate) fn credit_of(&self, command: &EnqueueContact, tier: u8) -> Option<Millis> {
        self.plan().rules.redial?;
        let customer = customer_hash(command.details.customer.as_ref(), &command.facts)?;
        let redialer = self.redials.find(customer, self.now)?;
        (redialer.tier == tier || is(Planted::CreditAcrossTiers)).then_some(redialer.waited)
    }

    /// The credit is granted: once.
    pub(crate) fn use_up_credit(&mut self, command: &EnqueueContact, tier: u8) {
        if self.credit_of(command, tier).is_none() || is(Planted::CreditTwice) {
            return;
        }
        if let Some(customer) = customer_hash(command.details.customer.as_ref(), &command.facts) {
            self.redials.forget(customer);
        }
    }

    /// The customer hung up before being served: it is remembered for credit.
    pub(crate) fn remember_redialer(&mut self, contact: &Contact) {
        let Some(redial) = self.plan().rules.redial else { return };
        let details = &contact.text.details;
        let Some(customer) = customer_hash(details.customer.as_ref(), &contact.text.facts) else { return };
        let redialer = Redialer {
            waited: self.now.since(contact.enqueued_at),
            tier: contact.tier + contact.promoted,
            until: self.now + redial.within,
        };
        self.redials.remember(customer, redialer, self.now);
        self.redials.keep_at_most(REDIALS_MAX);
    }

    pub(crate) fn put_life_support(&mut self, command: &PutLifeSupport) -> Result<Reply, Refusal> {
        let added = self.entering_life_support(command)?;
        let register = Arc::make_mut(&mut self.life_support);
        register.extend(added);
        for entry in &command.remove {
            register.remove(entry);
        }
        Ok(Reply::Done)
    }

    /// Who enters the register and is not in it yet, each once.
    fn entering_life_support(&self, command: &PutLifeSupport) -> Result<BTreeSet<u128>, Refusal> {
        check_name("by", &command.by)?;
        if command.add.len() + command.remove.len() > LIFE_SUPPORT_PER_COMMAND_MAX {
            return Err(invalid("add", "at most 2000 references in one command"));
        }
        let register = &self.life_support;
        let added: BTreeSet<u128> =
            command.add.iter().filter(|entry| !register.contains(entry)).copied().collect();
        if register.len() + added.len() > LIFE_SUPPORT_MAX {
            let (what, limit) = ("life-support register".into(), LIFE_SUPPORT_MAX as u64);
            return Err(Refusal::LimitReached { what, limit });
        }
        Ok(added)
    }

    /// How many references the register would hold after a command.
    ///
    /// # Errors
    /// What the command would be refused with.
    pub fn preview_life_support(&self, command: &PutLifeSupport) -> Result<usize, Refusal> {
        let added = self.entering_life_support(command)?;
        let removed: BTreeSet<&u128> = command.remove.iter().collect();
        let leaves = |entry: &&&u128| self.life_support.contains(*entry) || added.contains(*entry);
        Ok(self.life_support.len() + added.len() - removed.iter().filter(leaves).count())
    }

    /// How many references the life-support register holds.
    #[must_use]
    pub fn life_support_size(&self) -> usize {
        self.life_support.len()
    }

    /// Whether a reference is in the life-support register, by its hash
    /// ([`life_support_hash`](crate::command::life_support_hash)).
    #[must_use]
    pub fn is_on_life_support(&self, hash: u128) -> bool {
        self.life_support.contains(&hash)
    }
}

/// Whether a rule grants life safety for a reason that may (R2.2).
pub(crate) fn may_grant_tier_0(rule: &EntryRule) -> bool {
    let when = &rule.when;
    when.danger == Some(true) || (when.registered == Some(true) && !when.topics.is_empty())
}

fn is_one_of(wanted: &[Name], given: Option<&Name>) -> bool {
    wanted.is_empty() || given.is_some_and(|given| wanted.contains(given))
}

fn is_like_one_of(wanted: &[Name], given: Option<&Name>) -> bool {
    let is_like = |pattern: &Name, given: &Name| match pattern.strip_suffix('*') {
        Some(beginning) => given.starts_with(beginning),
        None => pattern == given,
    };
    wanted.is_empty() || given.is_some_and(|given| wanted.iter().any(|pattern| is_like(pattern, given)))
}

/// What stands for the customer, if the gateway says who it is.
pub(crate) fn customer_hash(customer: Option<&Name>, facts: &Facts) -> Option<u128> {
    let by = |kind: &[u8], name: &Name| hash_parts(&[kind, name.as_bytes()]);
    let customer = customer.map(|name| by(b"customer", name));
    let phone = facts.phone.as_ref().map(|name| by(b"phone", name));
    let account = facts.account.as_ref().map(|name| by(b"account", name));
    customer.or(phone).or(account)
}
