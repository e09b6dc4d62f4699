//! Which profiles fit which classes, worked out when a class, a profile or the plan changes and not for each contact.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::directory::Directory;
use crate::ids::QueueId;
use crate::operator::Operator;
use crate::planted::{Planted, is};
use crate::profiles::{ProfileKey, Standing};
use crate::tables::Tables;

impl Tables {
    /// The contact's class, made when it is new. The row remembers it, and shares what it needs with the class.
    pub(crate) fn class_of(&mut self, slot: u32) -> u32 {
        let contact = self.contact(slot);
        if let Some(class) = self.ix.classes.find(contact) {
            if contact.class != Some(class) || !Arc::ptr_eq(&contact.need, &self.ix.classes.at(class).need) {
                self.remember_class(slot, class);
            }
            return class;
        }
        let key = (contact.queue, contact.units, contact.need.clone());
        let want = self.directory.want(key.0, &key.2);
        let class = match self.ix.classes.give_up() {
            Some(class) => {
                self.take_down_class(class);
                self.ix.classes.replace(class, key, want);
                class
            }
            None => self.ix.classes.add(key, want),
        };
        self.work_out_class(class);
        self.remember_class(slot, class);
        class
    }

    fn remember_class(&mut self, slot: u32, class: u32) {
        let need = self.ix.classes.at(class).need.clone();
        let row = self.contacts.at_mut(slot).expect("indexes name only contacts that exist");
        row.class = Some(class);
        if row.text.own.as_ref().is_some_and(|own| **own == *need && !Arc::ptr_eq(own, &need)) {
            Arc::make_mut(&mut row.text).own = Some(need.clone());
        }
        row.need = need;
    }

    fn take_down_class(&mut self, class: u32) {
        let profiles: Vec<u32> = self.ix.profiles.iter().map(|(profile, _)| profile).collect();
        for profile in profiles {
            self.ix.profiles.set_fit(profile, class, None);
        }
    }

    pub(crate) fn class_ids(&self) -> Vec<u32> {
        self.ix.classes.iter().map(|(class, _)| class).collect()
    }

    fn work_out_class(&mut self, class: u32) {
        let profiles: Vec<_> = self.ix.profiles.iter().map(|(id, key)| (id, key.clone())).collect();
        let steps = self.directory.rule(self.ix.classes.at(class).queue).steps.len();
        self.ix.classes.set_steps(class, steps);
        for (profile, key) in profiles {
            self.work_out_fit(profile, &key, class);
        }
    }

    fn work_out_profile(&mut self, profile: u32) {
        let key = self.ix.profiles.at(profile).key.clone();
        for class in self.class_ids() {
            self.work_out_fit(profile, &key, class);
        }
    }

    /// From which step of the class's ladder on the profile fits.
    fn work_out_fit(&mut self, profile: u32, key: &ProfileKey, class: u32) {
        let row = self.ix.classes.at(class);
        let (queue, directory) = (row.queue, &self.directory);
        let from = directory.rule(queue).steps.iter().position(|step| directory.fits(key, &row.want, step));
        let rank = from.map(|_| directory.rank(key, queue));
        self.ix.profiles.set_fit(profile, class, rank);
        self.ix.classes.set_fit(class, profile, from);
    }

    /// Goes on under another plan; the classes whose contacts may be matched by other operators from here on.
    pub(crate) fn replace_directory(&mut self, directory: Arc<Directory>) -> Vec<u32> {
        let before = self.directory.clone();
        let changed = self.refit(directory);
        self.follow_choices();
        if before.reserves() || self.directory.reserves() {
            self.derive_asking();
        }
        self.derive_lines();
        if before.watches_waiting || self.directory.watches_waiting {
            self.derive_waiting();
        }
        if before.invites() != self.directory.invites() {
            self.derive_phones();
        }
        changed
    }

    /// Other rules of fit are in force: the classes whose contacts may be matched by other operators from here on.
    pub(crate) fn refit(&mut self, directory: Arc<Directory>) -> Vec<u32> {
        let before = core::mem::replace(&mut self.directory, directory);
        let mut changed = Vec::new();
        for class in self.class_ids() {
            let row = self.ix.classes.at(class);
            let (queue, need) = (row.queue, row.need.clone());
            if before.routes_alike(&self.directory, queue) {
                continue;
            }
            self.ix.classes.set_want(class, self.directory.want(queue, &need));
            self.work_out_class(class);
            self.ix.classes.follow_ladder(class, self.directory.rule(queue));
            changed.push(class);
        }
        changed
    }

    /// Contacts held for one operator whom they may fit from here on: their queue's rule is another one.
    pub(crate) fn held_unlike(&self, before: &Directory) -> Vec<u32> {
        let held = self.ix.held.values().flatten().map(|key| key.slot);
        held.filter(|&slot| !before.routes_alike(&self.directory, self.contact(slot).queue)).collect()
    }

    /// Joins the profile of the operator's skills, unit and ranks.
    pub(crate) fn join_profile(&mut self, operator: &mut Operator) {
        let (profile, is_new) = self.ix.profiles.join(&mut operator.profile_key);
        operator.profile = profile;
        self.ix.own_wrap_ups |= operator.profile_key.bot || operator.wrap_up.is_some();
        if is_new {
            self.work_out_profile(profile);
        }
    }

    /// Leaves the profile; classes forget one that is gone.
    pub(crate) fn leave_profile(&mut self, profile: u32) {
        if self.ix.profiles.leave(profile) {
            self.ix.classes.forget_profile(profile);
        }
    }

    /// Whether the operator has as many contacts of the queue in hand as it may (R3.5).
    pub(crate) fn is_full_of_queue(&self, operator: &Operator, queue: QueueId) -> bool {
        self.is_full_of_queue_without(operator, queue, 0)
    }

    /// The same when so many contacts of the queue have left its hands.
    pub(crate) fn is_full_of_queue_without(&self, operator: &Operator, queue: QueueId, left: usize) -> bool {
        let own = operator.profile_key.queue_cap(queue);
        let Some(cap) = own.or(self.directory.rule(queue).cap) else { return false };
        let slot = operator.id.slot;
        let in_hand = self.ix.in_hand.range((slot, 0)..=(slot, u32::MAX));
        let rows = in_hand.map(|entry| self.contact(entry.1));
        let of_queue = rows.filter(|row| row.queue == queue && !row.is_parked()).count();
        of_queue.saturating_sub(left) >= usize::from(cap) && !is(Planted::QueueCapIgnored)
    }

    /// Makes the orders of the choices that the plan makes.
    pub(crate) fn follow_choices(&mut self) {
        let choices = self.directory.choices();
        if !self.ix.profiles.set_choices(choices) {
            return;
        }
        for (_, operator) in self.operators.iter().filter(|(_, operator)| operator.is_available()) {
            self.ix.profiles.set_chosen(operator.profile, Standing::of(operator));
        }
    }
}
