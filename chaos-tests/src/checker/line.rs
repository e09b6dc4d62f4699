//! The checker's own lines of waiting contacts, one for each kind of requirement.

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::command::EnqueueContact;
use ringmain_routing::{ContactId, Name, OperatorId, Plan, Timestamp};

use super::book::Row;
use super::roster::Profile;

/// What contacts of one line require.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Requirement {
    queue: Name,
    skills: Vec<(Name, u8)>,
    scopes: Vec<Name>,
    units: u32,
}

/// One line.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) queue: Name,
    pub(super) skills: Vec<(Name, u8)>,
    pub(super) scopes: Vec<Name>,
    pub(super) units: u32,
    line: BTreeSet<(Place, ContactId)>,
}

/// A contact's place within its queue: tier, order, log index of its arrival.
pub(super) type Place = (u8, Timestamp, u64);

/// The key R2.1 of a contact for an operator.
pub(super) type Key = (u8, u8, Place);

/// All lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) classes: Vec<Class>,
    places: BTreeMap<Requirement, usize>,
}

/// The key R2.1: tier class, rank, then the place.
pub(super) fn key(profile: &Profile, queue: &str, place: Place) -> Key {
    let tier_class = if place.0 <= 1 { place.0 } else { 2 };
    (tier_class, profile.rank(queue), place)
}

impl Lines {
    /// The line of a new contact, by its own requirements and its queue's.
    pub(super) fn class_of(&mut self, command: &EnqueueContact, plan: &Plan) -> usize {
        let queue = plan.queues.iter().find(|queue| queue.name == command.queue);
        let mut skills: BTreeMap<Name, u8> = BTreeMap::new();
        for (skill, level) in command.skills.iter().chain(queue.iter().flat_map(|queue| &queue.required)) {
            let known = skills.entry(skill.clone()).or_default();
            *known = (*known).max(*level);
        }
        let scopes: BTreeSet<Name> =
            command.scope.iter().chain(queue.iter().flat_map(|queue| &queue.scope)).cloned().collect();
        let channel = plan.channels.iter().find(|channel| channel.name == command.channel);
        let units = command.units.or(channel.map(|channel| channel.units)).unwrap_or(0);
        let requirement = Requirement {
            queue: command.queue.clone(),
            skills: skills.into_iter().collect(),
            scopes: scopes.into_iter().collect(),
            units,
        };
        let classes = &mut self.classes;
        *self.places.entry(requirement).or_insert_with_key(|requirement| {
            let Requirement { queue, skills, scopes, units } = requirement.clone();
            classes.push(Class { queue, skills, scopes, units, line: BTreeSet::new() });
            classes.len() - 1
        })
    }

    pub(super) fn join(&mut self, row: &Row) {
        self.classes[row.class].line.insert((row.place(), row.id));
    }

    pub(super) fn leave(&mut self, row: &Row) {
        self.classes[row.class].line.remove(&(row.place(), row.id));
    }

    /// A contact of these classes that the operator had to be given before the one with `key`, if there is one.
    /// `may_be_kept_away` says which contacts this operator perhaps could not take.
    pub(super) fn passed_over(
        &self,
        fitting: &[usize],
        free: u64,
        profile: &Profile,
        given: (Key, ContactId),
        may_be_kept_away: impl Fn(ContactId) -> bool,
    ) -> Option<ContactId> {
        let classes = fitting.iter().map(|place| &self.classes[*place]);
        classes.filter(|class| u64::from(class.units) <= free).find_map(|class| {
            let before = |place: Place| key(profile, &class.queue, place) < given.0;
            let ahead = class.line.iter().take_while(|(place, _)| before(*place));
            ahead.map(|(_, id)| *id).find(|id| *id != given.1 && !may_be_kept_away(*id))
        })
    }
}

/// An operator who may be kept away from a contact until a time.
pub(super) type KeptAway = (OperatorId, Timestamp);
