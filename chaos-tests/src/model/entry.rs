//! What becomes of an arrival: queue, tier, requirements and head start by the first entry rule that is for it (R1.2,
//! R2.2, R2.3); and the life-support register.

use ringmain_routing::command::{EnqueueContact, PutLifeSupport, Reference, life_support_hash};
use ringmain_routing::limits::{LIFE_SUPPORT_MAX, REDIALS_MAX};
use ringmain_routing::rules::{EntryRule, Facts, When};
use ringmain_routing::{Millis, Name, Refusal, Reply, Timestamp};

use super::Model;
use super::cases::route_of;
use super::state::{Contact, is_within};

/// Where an arrival goes and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entrance {
    pub queue: Name,
    pub tier: u8,
    /// Without credit and not cut.
    pub head_start: Millis,
    /// Those of the rule.
    pub skills: Vec<(Name, u8)>,
    pub own_unit: bool,
    pub owner: Option<Name>,
    /// The way that it goes as a case.
    pub route: Option<Name>,
}

/// By what a customer is known who hung up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Customer {
    Named(Name),
    Phone(Name),
    Account(Name),
}

/// A customer who hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HungUp {
    /// Until when it is remembered.
    pub until: Timestamp,
    pub waited: Millis,
    pub tier: u8,
}

impl Model {
    pub(super) fn entrance(&self, body: &EnqueueContact) -> Result<Entrance, Refusal> {
        let entry = &self.plan.rules.entry;
        let as_brought = Entrance {
            queue: body.queue.clone(),
            tier: body.tier,
            head_start: body.head_start,
            skills: Vec::new(),
            own_unit: false,
            owner: None,
            route: None,
        };
        if entry.is_empty() {
            return Ok(as_brought);
        }
        let then = entry.iter().find(|rule| self.is_for(rule, body)).map(|rule| rule.then.clone());
        let then = then.unwrap_or_default();
        let named = Some(&body.queue).filter(|queue| !queue.is_empty());
        let route = then.route.as_ref().and_then(|name| route_of(&self.plan, name));
        let first = route.and_then(|route| route.stages.first()).map(|stage| &stage.queue);
        let queue = first.or(then.queue.as_ref()).or(named).or(self.plan.rules.default_queue.as_ref());
        let tier = then.tier.unwrap_or(body.tier.max(1));
        Ok(Entrance {
            queue: queue.ok_or(Refusal::NoQueue)?.clone(),
            tier: if self.is_registered(&body.facts) { tier.min(1) } else { tier },
            head_start: together(body.head_start, then.head_start),
            skills: then.skills,
            own_unit: then.own_unit,
            owner: then.owner,
            route: then.route,
        })
    }

    /// Every part that is given holds.
    fn is_for(&self, rule: &EntryRule, body: &EnqueueContact) -> bool {
        let When {
            queues,
            channels,
            gateways,
            principals,
            units,
            applicants,
            languages,
            topics,
            intents,
            attributes,
            registered,
            danger,
            calendar,
        } = &rule.when;
        let facts = &body.facts;
        let gateway = &self.gateways[body.gateway.slot as usize].name;
        let is_of = |unit: &Name| units.iter().any(|above| is_within(&self.plan.units, unit, above));
        is_one_of(queues, Some(&body.queue))
            && is_one_of(channels, Some(&body.channel))
            && is_one_of(gateways, Some(gateway))
            && is_one_of(principals, facts.principal.as_ref())
            && (units.is_empty() || facts.unit.as_ref().is_some_and(is_of))
            && is_one_of(applicants, facts.applicant.as_ref())
            && is_one_of(languages, facts.language.as_ref())
            && begins_as_one_of(topics, body.details.topic.as_ref())
            && begins_as_one_of(intents, facts.intent.as_ref())
            && attributes.iter().all(|wanted| facts.attributes.contains(wanted))
            && registered.is_none_or(|wanted| wanted == self.is_registered(facts))
            && danger.is_none_or(|wanted| wanted == facts.danger)
            && calendar.as_ref().is_none_or(|(name, open)| self.is_open(name) == *open)
    }

    /// What a gateway's word about the tier comes to when the contact is here already.
    pub(super) fn tier_of_hint(&self, hint: u8, facts: &Facts) -> u8 {
        match (self.plan.rules.entry.is_empty(), self.is_registered(facts)) {
            (true, _) => hint,
            (false, true) => 1,
            (false, false) => hint.max(1),
        }
    }

    fn is_registered(&self, facts: &Facts) -> bool {
        let references = [
            (Reference::Phone, &facts.phone),
            (Reference::Account, &facts.account),
            (Reference::SupplyPoint, &facts.supply_point),
        ];
        references.into_iter().any(|(kind, text)| {
            text.as_ref().is_some_and(|text| self.register.contains(&life_support_hash(kind, text)))
        })
    }

    pub(super) fn put_life_support(&mut self, command: &PutLifeSupport) -> Result<Reply, Refusal> {
        super::bounds::check_life_support(command)?;
        let mut register = self.register.clone();
        register.extend(&command.add);
        if register.len() > LIFE_SUPPORT_MAX {
            return Err(Refusal::LimitReached {
                what: "life_support".into(),
                limit: LIFE_SUPPORT_MAX as u64,
            });
        }
        for hash in &command.remove {
            register.remove(hash);
        }
        self.register = register;
        Ok(Reply::Done)
    }

    /// A customer has left who had waited: remembered for a while, so that the next call goes on where this one ended.
    pub(super) fn remember(&mut self, contact: &Contact) {
        let Some(redial) = self.plan.rules.redial else { return };
        let customer = customer_of(contact.details.customer.as_ref(), &contact.body.facts);
        let Some(customer) = customer else { return };
        let waited = Millis(self.now.0.saturating_sub(contact.enqueued_at.0));
        let hung_up = HungUp { until: self.span_after_now(redial.within), waited, tier: contact.tier_given };
        self.hung_up.insert(customer, hung_up);
        let now = self.now;
        self.hung_up.retain(|_, known| known.until > now);
        if self.hung_up.len() > REDIALS_MAX {
            let first = self.hung_up.iter().min_by_key(|(_, known)| known.until);
            let first = first.map(|(customer, _)| customer.clone());
            first.and_then(|customer| self.hung_up.remove(&customer));
        }
    }

    /// What the customer of an arrival had waited before it hung up; the memory is used up.
    pub(super) fn credit(&mut self, body: &EnqueueContact, tier: u8) -> Millis {
        let customer = customer_of(body.details.customer.as_ref(), &body.facts);
        let Some(customer) = customer.filter(|_| self.plan.rules.redial.is_some()) else { return Millis(0) };
        let now = self.now;
        match self.hung_up.get(&customer) {
            Some(known) if known.until > now && known.tier == tier => {
                let waited = known.waited;
                self.hung_up.remove(&customer);
                waited
            }
            Some(_) | None => Millis(0),
        }
    }

    /// Head starts together, as far as the plan grants them.
    pub(super) fn granted(&self, head_start: Millis) -> Millis {
        self.plan.rules.head_start_max.map_or(head_start, |most| head_start.min(most))
    }
}

pub(super) fn together(one: Millis, other: Millis) -> Millis {
    Millis(one.0.saturating_add(other.0))
}

fn is_one_of<T: PartialEq>(wanted: &[T], said: Option<&T>) -> bool {
    wanted.is_empty() || said.is_some_and(|said| wanted.contains(said))
}

/// Equal, or begins with what stands before a `*`.
fn begins_as_one_of(wanted: &[Name], said: Option<&Name>) -> bool {
    let matches = |pattern: &Name, said: &Name| match pattern.strip_suffix('*') {
        Some(beginning) => said.starts_with(beginning),
        None => pattern == said,
    };
    wanted.is_empty() || said.is_some_and(|said| wanted.iter().any(|pattern| matches(pattern, said)))
}

/// The first of name, phone and account that is known.
pub(super) fn customer_of(named: Option<&Name>, facts: &Facts) -> Option<Customer> {
    let named = named.cloned().map(Customer::Named);
    let phone = facts.phone.clone().map(Customer::Phone);
    named.or(phone).or_else(|| facts.account.clone().map(Customer::Account))
}
