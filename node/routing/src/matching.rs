//! Matching, both ways in the same entry (R2.5): a contact that comes free goes to the longest idle operator who
//! fits (R3.2), an operator who comes free takes the best waiting contact (R2.1). After each event nobody waits for
//! whom somebody is free.

use alloc::collections::BTreeSet;
use core::cmp::Reverse;

use crate::bitset::Bitset;
use crate::contact::{Contact, Need, State, Wait};
use crate::effect::{Effect, OfferMode};
use crate::ids::{AssignmentEpoch, ContactId, Millis, OperatorId, QueueId, Timestamp};
use crate::ladder::skill_sum;
use crate::operator::Operator;
use crate::order::{NOBODY, OrderKey, RankedKey};
use crate::plan::Answer;
use crate::planted::{Planted, is};
use crate::profiles::{Demand, Idle};
use crate::router::Router;
use crate::rules::Choice;
use crate::slots::Slots;
use crate::tables::Indexes;
use crate::why::Side;

impl Router {
    /// Matches what the event has freed, until nothing is free any more: what goes back for life safety is matched too.
    pub(crate) fn settle(&mut self) {
        loop {
            self.settle_freed();
            if self.freed.is_empty() && !self.follow_reservations() {
                self.follow_estimates();
                if !self.supervision.is_empty() {
                    self.follow_supervision();
                }
                return;
            }
        }
    }

    /// Contacts in their order first, then operators by slot.
    fn settle_freed(&mut self) {
        self.look_at_operators();
        if core::mem::take(&mut self.freed.exclusions) {
            self.free_excluded_contacts();
        }
        let mut announce = core::mem::take(&mut self.freed.announce);
        if let Some(contact) = self.freed.contacts.only().filter(|_| self.freed.lines.is_empty()) {
            self.freed.contacts.clear();
            let is_up_to_date = !self.climbs_are_due() && !self.is_behind();
            // Whoever was reserved until this event may have others waiting for it.
            let is_alone = self.freed.operators.is_empty() && self.reservations.is_empty();
            let alone = is_alone && is_up_to_date;
            self.settle_contact(contact, alone, &mut announce);
        } else if !self.freed.contacts.is_empty() || !self.freed.lines.is_empty() {
            self.settle_contacts(&mut announce);
        }
        while let Some(operator) = self.freed.operators.pop_first() {
            self.take_up(operator);
        }
    }

    /// Contacts that came free, in the order of their keys. Of a whole line the foremost are looked at, and who comes
    /// behind one that has gone.
    fn settle_contacts(&mut self, announce: &mut Slots) {
        let key_of = |slot| self.tables.contact(slot).order();
        let mut keys: BTreeSet<(RankedKey, bool)> =
            self.freed.contacts.iter().map(|slot| (key_of(slot).ranked(0), false)).collect();
        self.freed.contacts.clear();
        for class in core::mem::take(&mut self.freed.lines) {
            keys.extend(self.tables.ix.classes.at(class).foremost().map(|key| (key.ranked(0), true)));
        }
        while let Some((RankedKey { key, .. }, is_of_line)) = keys.pop_first() {
            let class = self.tables.contact(key.slot).class;
            if !matches!(self.tables.contact(key.slot).state, State::Waiting(_))
                || keys.contains(&(key.ranked(0), true))
            {
                // Served as somebody's best before its turn, or looked at in its line.
            } else {
                self.settle_contact(key.slot, false, announce);
            }
            if is_of_line && let Some(class) = class {
                let line = self.tables.ix.classes.at(class);
                let next = line.lead(key.tier).filter(|next| *next > key);
                keys.extend(next.map(|next| (next.ranked(0), true)));
            }
        }
    }

    /// Whether somebody has come to another step who was not looked at yet.
    fn climbs_are_due(&self) -> bool {
        let climbs = &self.tables.ix.classes.climbs;
        climbs.first_key_value().is_some_and(|(climb, _)| climb.0 <= self.now)
    }

    fn settle_contact(&mut self, slot: u32, alone: bool, announce: &mut Slots) {
        self.serve(slot, alone);
        self.reach_through(slot);
        let contact = self.tables.contact(slot);
        if announce.remove(slot) && matches!(contact.state, State::Waiting(_)) {
            let (contact, gateway, is_in_line) =
                (contact.id, contact.gateway, contact.state == State::Waiting(Wait::InLine));
            self.emit(Effect::AnnounceQueued { contact, gateway });
            if is_in_line {
                self.announce_expected_wait(slot);
            }
        }
    }

    /// Looks for an operator until the contact has one or nobody fits. The operator found takes its own best
    /// contact, which is another one where several came free at once (I4).
    fn serve(&mut self, contact: u32, alone: bool) {
        while let Some(operator) = self.best_operator_for(contact) {
            let best = if alone { Some(contact) } else { self.first_for(operator) };
            let Some(best) = best else { return };
            let choice = self.tables.directory.rule(self.tables.contact(best).queue).choice;
            self.assign(best, operator, Side::Contact(choice));
            if best == contact {
                return;
            }
        }
    }

    /// The operator whom the queue's choice gives; for a held contact only the one it is held for.
    fn best_operator_for(&self, slot: u32) -> Option<u32> {
        let contact = self.tables.contact(slot);
        match contact.state {
            State::Waiting(Wait::Held { operator, .. }) => {
                let row = self.tables.operator(operator.slot);
                let fits = row.is_available()
                    && self.has_room(row, contact)
                    && !self.is_kept_from(row, contact.queue, contact.tier)
                    && self.fits_now(row, contact)
                    && !self.is_excluded(row, contact);
                fits.then_some(operator.slot)
            }
            State::Waiting(Wait::InLine) => self.chosen_for(contact),
            State::Waiting(Wait::Later | Wait::ForCustomer)
            | State::Offered { .. }
            | State::Handling { .. }
            | State::WrapUp { .. }
            | State::Ended { .. } => None,
        }
    }

    /// Of several who fit, by the queue's choice (R3.2).
    fn chosen_for(&self, contact: &Contact) -> Option<u32> {
        let class = self.tables.ix.classes.at(self.tables.ix.classes.find(contact)?);
        let rule = self.tables.directory.rule(contact.queue);
        let fitting = &class.reach[rule.step_of(contact.order(), self.now)];
        match rule.choice {
            Choice::LongestIdle => self.longest_idle_for(contact, fitting),
            choice @ (Choice::LeastOccupied | Choice::RoundRobin) => {
                let profiles = self.with_room_for(contact, fitting);
                let first = |profile| {
                    let may = |slot| self.may_take(slot, contact);
                    self.tables.ix.profiles.first_by_choice_of(profile, choice, self.demand(contact), may)
                };
                profiles
                    .filter(|&profile| self.may_reach(profile, contact))
                    .filter_map(first)
                    .min()
                    .map(|place| place.1.1)
            }
            Choice::MostSkilled => {
                let profiles = self.with_room_for(contact, fitting);
                let skilled = profiles.filter_map(|profile| {
                    let sum = skill_sum(&self.tables.ix.profiles.at(profile).key, &class.want);
                    Some((Reverse(sum), self.longest_idle_in(profile, contact)?))
                });
                skilled.min().map(|first| first.1.1)
            }
        }
    }

    /// Fitting profiles in which somebody may have room.
    fn with_room_for<'a>(&'a self, contact: &Contact, fitting: &'a Bitset) -> impl Iterator<Item = u32> + 'a {
        let with_room = self.tables.ix.profiles.with_room();
        let is_costless = contact.units == 0;
        fitting.iter().filter(move |&profile| is_costless || with_room.has(profile))
    }

    fn may_take(&self, slot: u32, contact: &Contact) -> bool {
        let operator = self.tables.operator(slot);
        self.has_room(operator, contact)
            && !self.is_kept_from(operator, contact.queue, contact.tier)
            && !self.is_reserved_from(operator, contact)
            && !self.is_excluded(operator, contact)
    }

    /// Whether the operator has room for the contact, by units, channel and queue.
    pub(crate) fn has_room(&self, operator: &Operator, contact: &Contact) -> bool {
        operator.has_room_to_take(contact) && !self.tables.is_full_of_queue(operator, contact.queue)
    }

    /// Whether operators of the profile may still begin with the contact in their shift.
    fn may_reach(&self, profile: u32, contact: &Contact) -> bool {
        contact.tier == 0 || !self.shift_ends(&self.tables.ix.profiles.at(profile).key, contact.queue)
    }

    fn demand(&self, contact: &Contact) -> Demand {
        let passes_kept = contact.tier > 0 && self.tables.ix.profiles.has_kept() && !self.is_behind();
        Demand { units: contact.units, channel: contact.need.channel, passes_kept }
    }

    /// Looks at the longest idle of each fitting profile; within a profile only where that one is ahead of the best so
    /// far. In a full house no profile has one, and there is nothing to look at.
    fn longest_idle_for(&self, contact: &Contact, fitting: &Bitset) -> Option<u32> {
        let profiles = &self.tables.ix.profiles;
        if contact.units == 0 {
            return self.longest_idle_among(fitting.iter(), contact, None);
        }
        let with_room = || fitting.and(profiles.with_room());
        let first = with_room().min_by_key(|&profile| profiles.head(profile))?;
        let best = self.longest_idle_in(first, contact);
        if best == Some(profiles.head(first)) && !is(Planted::LastFoundWins) {
            return best.map(|idle| idle.1);
        }
        self.longest_idle_among(with_room().filter(|&profile| profile != first), contact, best)
    }

    /// The longest idle of these profiles and of the one that is known already.
    fn longest_idle_among(
        &self,
        mut profiles: impl Iterator<Item = u32>,
        contact: &Contact,
        known: Option<Idle>,
    ) -> Option<u32> {
        let mut best = known;
        for profile in profiles.by_ref() {
            let is_ahead = best.is_none_or(|best| self.tables.ix.profiles.head(profile) < best);
            if is_ahead || contact.units == 0 || is(Planted::LastFoundWins) {
                let idle = self.longest_idle_in(profile, contact);
                best = if is(Planted::LastFoundWins) {
                    idle.or(best)
                } else {
                    [best, idle].into_iter().flatten().min()
                };
            }
        }
        best.map(|idle| idle.1)
    }

    fn longest_idle_in(&self, profile: u32, contact: &Contact) -> Option<Idle> {
        if !self.may_reach(profile, contact) {
            return None;
        }
        let may = |slot| self.may_take(slot, contact);
        self.tables.ix.profiles.longest_idle_of(profile, self.demand(contact), may)
    }

    /// The waiting contact with the smallest key for this operator among those that fit.
    pub(crate) fn best_contact_for(&self, slot: u32) -> Option<u32> {
        let operator = self.tables.operator(slot);
        if !operator.is_available() {
            return None;
        }
        let in_line = self.best_in_lines(operator, None);
        let held = self.best_held(operator);
        [in_line, held].into_iter().flatten().min().map(|ranked| ranked.key.slot)
    }

    /// The waiting contact that an operator who asks for the next one takes, of one queue or of all (R3.7).
    pub(crate) fn best_to_take(&self, slot: u32, queue: Option<QueueId>) -> Option<u32> {
        self.best_in_lines(self.tables.operator(slot), Some(queue)).map(|ranked| ranked.key.slot)
    }

    /// Within a rank the smallest place wins, and places are numbers side by side; between ranks the key decides. Who
    /// takes says of which queue, if not of any.
    fn best_in_lines(&self, operator: &Operator, taking: Option<Option<QueueId>>) -> Option<RankedKey> {
        let classes = &self.tables.ix.classes;
        let room = operator.room()?;
        if room == 0 && self.tables.ix.costless == 0 {
            return None;
        }
        let mut best: Option<RankedKey> = None;
        let directory = &self.tables.directory;
        let own_costs = !operator.profile_key.units.is_empty();
        let before = self.reserved_key(operator);
        let time_left = operator.time.is_some().then(|| directory.time_left(operator, self.now));
        for (&rank, fits) in &self.tables.ix.profiles.at(operator.profile).fits {
            let mut first = (NOBODY, None);
            fits.for_each_in_both(classes.waiting(), |class| {
                let end = time_left.map_or(NOBODY, |left| directory.end_of(classes.at(class).queue, left));
                let end = end.min(first.0);
                if classes.head(class) < end
                    && (if own_costs { self.cost_of_class(operator, class) } else { classes.cost(class) })
                        <= room
                    && let Some(key) = self.first_to_take(operator, class, taking, (rank, before))
                    && key.place() < end
                {
                    first = (key.place(), Some(key));
                }
            });
            let first = first.1.map(|key| key.ranked(rank));
            best = [best, first].into_iter().flatten().min();
        }
        best
    }

    /// The first of a line that is not kept away from the operator, and whose step reaches as far.
    fn first_to_take(
        &self,
        operator: &Operator,
        class: u32,
        taking: Option<Option<QueueId>>,
        (rank, before): (u8, Option<RankedKey>),
    ) -> Option<OrderKey> {
        let class = self.tables.ix.classes.at(class);
        if operator.is_full_of(class.need.channel)
            || self.tables.is_full_of_queue(operator, class.queue)
            || taking.flatten().is_some_and(|queue| queue != class.queue)
        {
            return None;
        }
        let rule = self.tables.directory.rule(class.queue);
        let mut needed = class.step_needed(operator.profile)?;
        if taking.is_some() && needed == rule.first_reaching {
            needed = 0;
        }
        let is_kept_away = |key: &OrderKey| {
            !operator.exclusions.is_empty() && self.is_excluded(operator, self.tables.contact(key.slot))
        };
        // Who is reserved for somebody takes what goes before that one, what is urgent, and what costs nothing.
        let passes = |key: &OrderKey| {
            before.is_none_or(|before| key.tier <= 1 || key.ranked(rank) <= before)
                || operator.profile_key.cost(class.need.channel, class.units) == 0
        };
        if needed == 0 {
            if is(Planted::OrderOffByOne) {
                return class.line.iter().nth(1).or(class.line.first()).copied();
            }
            return class.line.iter().take_while(|key| passes(key)).find(|key| !is_kept_away(key)).copied();
        }
        // Within a tier the first has waited for longest: who stands behind one that is not there yet is not either.
        let is_there = |key: &OrderKey| rule.step_of(*key, self.now) >= needed && passes(key);
        let of_tier =
            |first: OrderKey| class.in_tier(first.tier).take_while(is_there).find(|key| !is_kept_away(key));
        class.tiers().find_map(of_tier)
    }

    fn cost_of_class(&self, operator: &Operator, class: u32) -> u32 {
        let class = self.tables.ix.classes.at(class);
        operator.profile_key.cost(class.need.channel, class.units)
    }

    fn best_held(&self, operator: &Operator) -> Option<RankedKey> {
        let held = self.tables.ix.held.get(&operator.id.slot)?;
        let profile = &operator.profile_key;
        let fitting = held.iter().filter(|key| {
            let contact = self.tables.contact(key.slot);
            self.has_room(operator, contact)
                && !self.is_kept_from(operator, contact.queue, contact.tier)
                && self.fits_now(operator, contact)
                && !self.is_excluded(operator, contact)
        });
        fitting
            .map(|key| key.ranked(self.tables.directory.rank(profile, self.tables.contact(key.slot).queue)))
            .min()
    }

    /// Whether the operator fits at the contact's present step, room aside; for one to whom it is kept or handed out,
    /// where that step reaches nobody, at the first that reaches somebody.
    pub(crate) fn fits_now(&self, operator: &Operator, contact: &Contact) -> bool {
        self.would_fit(operator, contact, contact.queue, &contact.need)
    }

    /// Whether the operator would fit a contact if it stood in this queue with this need.
    pub(crate) fn would_fit(
        &self,
        operator: &Operator,
        contact: &Contact,
        queue: QueueId,
        need: &Need,
    ) -> bool {
        let directory = &self.tables.directory;
        let rule = directory.rule(queue);
        let step = &rule.steps[rule.step_by_hand(contact.order(), self.now)];
        directory.fits(&operator.profile_key, &directory.want(queue, need), step)
    }

    /// Whether the operator is kept away from the contact (R3.1). It is not while nobody else is there who fits,
    /// whatever the others' load, and who is not kept away too.
    pub(crate) fn is_excluded(&self, operator: &Operator, contact: &Contact) -> bool {
        let is_forgotten = is(Planted::ExclusionForgottenAfterTransfer) && contact.transfers > 0;
        if is_forgotten || !contact.excluded {
            return false;
        }
        if self.legs.find(contact.id.slot).is_some_and(|leg| leg.asker == operator.id) {
            return !is(Planted::AskerIsAsked);
        }
        if !operator.excludes(contact.id) {
            return false;
        }
        let other = |slot: u32| slot != operator.id.slot && !self.tables.operator(slot).excludes(contact.id);
        let Indexes { classes, profiles, .. } = &self.tables.ix;
        let directory = &self.tables.directory;
        let rule = directory.rule(contact.queue);
        let step = rule.step_of(contact.order(), self.now);
        match classes.find(contact) {
            Some(class) => {
                classes.at(class).reach[step].iter().any(|profile| profiles.has_any(profile, other))
            }
            None => {
                let want = directory.want(contact.queue, &contact.need);
                let fitting =
                    profiles.iter().filter(|(_, key)| directory.fits(key, &want, &rule.steps[step]));
                fitting.into_iter().any(|(profile, _)| profiles.has_any(profile, other))
            }
        }
    }

    /// Contacts that somebody is kept away from are looked at again when exclusions may have become void. While the
    /// event has freed nobody who has room, only those whom one who is kept away has room for can come to anything;
    /// unless somebody has come to another step or back to work meanwhile, which a timer that fires before does not wait
    /// for, or hands may be cleared for who is urgent.
    fn free_excluded_contacts(&mut self) {
        let has_room = |slot| {
            let operator = self.tables.operator(slot);
            operator.is_available() && operator.has_room_for(0)
        };
        let waits =
            |contact: &Contact| matches!(contact.state, State::Waiting(Wait::InLine | Wait::Held { .. }));
        let Indexes { kept_away, excluding, costless, .. } = &self.tables.ix;
        let may_be_cleared = self.life_safety_waits() || self.tables.directory.interrupts;
        let is_behind = self.climbs_are_due() || self.is_behind();
        if is_behind || may_be_cleared || self.freed.operators.iter().any(has_room) {
            for &(slot, _) in kept_away {
                if waits(self.tables.contact(slot)) {
                    self.freed.contacts.insert(slot);
                }
            }
            return;
        }
        for &(_, operator) in excluding.range((false, 0)..=(*costless > 0, u32::MAX)) {
            for exclusion in &self.tables.operator(operator).exclusions {
                let ContactId { slot, generation } = exclusion.contact;
                if self.tables.contacts.get(slot, generation).is_some_and(waits) {
                    self.freed.contacts.insert(slot);
                }
            }
        }
    }

    /// Gives a waiting contact to an operator who fits.
    pub(crate) fn assign(&mut self, contact: u32, operator: u32, side: Side) {
        let now = self.now;
        let (row, operator_row) = (self.tables.contact(contact), self.tables.operator(operator));
        let (operator_id, idle_before) = (operator_row.id, operator_row.idle_since);
        let is_held = matches!(row.state, State::Waiting(Wait::Held { .. }));
        let side = if is_held && side != Side::Companion { Side::Held } else { side };
        let is_taken = matches!(side, Side::Taken | Side::Companion);
        let decision = (self.format >= 3).then(|| self.decision(row, operator_row, side));
        let answer = self.tables.directory.queue(self.tables.contact(contact).queue).answer;
        let state = match if is_taken { Answer::Automatic } else { answer } {
            Answer::Automatic => State::Handling { operator: operator_id, since: now, on_hold: None },
            Answer::Confirmed { within } => {
                offered(operator_id, now, within, OfferMode::Confirmed, idle_before)
            }
            Answer::Offered { within } => offered(operator_id, now, within, OfferMode::Offered, idle_before),
            Answer::Previewed { within } => {
                offered(operator_id, now, within, OfferMode::Previewed, idle_before)
            }
        };
        if self.format >= 3 {
            self.turns += 1;
            let turn = self.turns;
            self.tables.change_operator(operator, |row| row.turn = turn);
        }
        self.tables.change_contact_since(contact, Some(now), |row| {
            row.assignment = if is(Planted::AssignmentNotRaised) && row.assignment.0 > 0 {
                row.assignment
            } else {
                AssignmentEpoch(row.assignment.0 + 1)
            };
            row.holder = Some(operator_id);
            row.decision = decision;
            row.promote_at = None;
            row.passed = false;
            row.state = state;
        });
        self.begin_busy_time(operator);
        self.announce_assignment(contact);
    }

    fn announce_assignment(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        match row.state {
            State::Offered { operator, deadline, mode, .. } => {
                self.emit(Effect::RingOperator { contact, operator, assignment, deadline, mode });
                self.emit(Effect::AnnounceAssigned { contact, gateway, operator, assignment });
            }
            State::Handling { .. } => self.connect(slot),
            State::Waiting(_) | State::WrapUp { .. } | State::Ended { .. } => {}
        }
    }

    /// Tells gateway and operator to connect, and counts the answer.
    pub(crate) fn connect(&mut self, slot: u32) {
        let row = self.tables.contact(slot);
        let State::Handling { operator, since, .. } = row.state else { return };
        let (contact, gateway, assignment) = (row.id, row.gateway, row.assignment);
        let waited = since.since(row.enqueued_at);
        let in_target = waited <= self.tables.directory.queue(row.queue).target.within;
        if !self.is_leg(slot) || is(Planted::LegCountsAsCustomer) {
            let totals = self.totals_of(slot);
            totals.connected += 1;
            totals.connected_in_target += u64::from(in_target);
            totals.waited_ms += waited.0;
        }
        self.emit(Effect::ConnectContact { contact, gateway, operator, assignment });
        self.remember_service(slot, operator);
        if self.tables.directory.threads {
            self.begin_thread(slot);
        }
        if !self.companions.is_empty() {
            self.look_for_companion(contact);
        }
    }
}

fn offered(
    operator: OperatorId,
    now: Timestamp,
    within: Millis,
    mode: OfferMode,
    idle_before: Timestamp,
) -> State {
    State::Offered { operator, at: now, deadline: now + within, mode, idle_before }
}
