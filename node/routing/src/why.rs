//! Why: what the state answers to "why this operator", "why still waiting" and "why am I not getting contacts". A
//! decision leaves a short record with its contact; what keeps the others is worked out when it is asked for.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::classes::Class;
use crate::contact::{Contact, State, Wait};
use crate::effect::PresenceState;
use crate::ids::{ContactId, LogIndex, Millis, Name, OperatorId, QueueId, SkillId, Timestamp};
use crate::ladder::{QueueRule, Want};
use crate::operator::Operator;
use crate::order::OrderKey;
use crate::router::Router;
use crate::rules::{Choice, Reach, Step};
use crate::session::SessionState;
use crate::view::ContactView;

/// How a contact came to its operator: the record of one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// The place of the command in the log that led to it.
    pub index: LogIndex,
    /// The plan in force.
    pub plan: u64,
    /// Whom it was given to.
    pub operator: OperatorId,
    /// Who chose.
    pub side: Side,
    /// The contact's tier.
    pub tier: u8,
    /// Its place in time: arrival less head start.
    pub order: Timestamp,
    /// The rank of the queue for the operator.
    pub rank: u8,
    /// The step of the ladder, counted from 0.
    pub step: u8,
    /// Since when the operator had been idle.
    pub idle_since: Timestamp,
    /// Units that it takes of the operator, as long as it is in these hands.
    pub units: u32,
    /// Operators with a profile that fitted at that step, whatever they did; `None` where more than
    /// [`crate::limits::PROFILES_COUNTED_MAX`] profiles fitted, which are not counted.
    pub fitting: Option<u32>,
    /// Those of them that were available, this one included.
    pub available: Option<u32>,
    /// Since when the work rests because another contact took its room (R3.5).
    pub parked: Option<Timestamp>,
    /// How often the contact has been parked so far, in whatever hands.
    pub parks: u16,
}

/// Who chose whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The contact came free and chose by its queue's choice.
    Contact(Choice),
    /// The operator came free and took the best contact.
    Operator,
    /// The contact was kept for this operator.
    Held,
    /// The operator asked for the next one.
    Taken,
    /// Life safety reached through: wrap-ups ended for it, or offers went back.
    LifeSafety,
    /// The companion of a call that the operator has.
    Companion,
    /// It had waited for life, and the operator was called back from a break for it.
    Recalled,
}

/// Why an operator does not take a contact at this moment, in the order in which it is looked at: first what it lacks,
/// then whether it is there, then room, then its time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WhyNot {
    /// It lacks the skill.
    Skill(Name),
    /// It has the skill at a lower level than this.
    Level(Name, u8),
    /// It does not speak the language.
    Language(Name),
    /// It does not answer for the company.
    Principal(Name),
    /// It does not serve the channel.
    Channel(Name),
    /// It is a bot, and a person was requested.
    Bot,
    /// Its org unit is out of reach at this step.
    Reach,
    /// It is the queue's backup, and the ladder does not say so yet.
    Rank(u8),
    /// It is not signed in.
    NotSignedIn,
    /// Its stream is lost and may come back.
    StreamLost,
    /// It is not ready, for this reason.
    NotReady(u16),
    /// It left an offer unanswered.
    Missed,
    /// It is on a break until then.
    OnBreak(Timestamp),
    /// It has no room for so many units.
    NoRoom(u32),
    /// It has as many contacts of the channel as it may.
    Cap(Name),
    /// It has as many contacts of the queue as it may.
    QueueCap,
    /// It is reserved for a contact that goes before this one.
    Reserved,
    /// Its break is due and can wait no longer: it is kept free for it.
    BreakDue,
    /// Its shift ends too soon, or has ended.
    ShiftEnds,
    /// It has been busy for as long as it may be, and rests until then.
    Resting(Timestamp),
    /// It declined, missed or passed on this contact.
    KeptAway,
    /// The contact is kept for somebody else.
    HeldForAnother,
    /// Nobody is given it by itself at this step: operators take it, or a lead hands it out.
    HandedOut,
    /// The contact's time has not come.
    NotDue,
    /// The contact waits for its customer to write.
    CustomerSilent,
    /// The contact does not wait.
    NotWaiting,
    /// Nothing: it fits and takes the contact next, or takes another one first.
    Nothing,
}

/// What is to be said of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactWhy {
    /// The contact.
    pub contact: ContactView,
    /// The plan in force.
    pub plan: u64,
    /// The entry rule that sent it where it is, if one did.
    pub rule: Option<Name>,
    /// How many tiers it has gone up by waiting.
    pub promoted: u8,
    /// When it goes up next.
    pub promote_at: Option<Timestamp>,
    /// Head start in all.
    pub head_start: Millis,
    /// The step of its queue's ladder, counted from 0, and of how many.
    pub step: (u8, u8),
    /// When it gets to the next one.
    pub next_step_at: Option<Timestamp>,
    /// Waiting contacts of its queue that stand before it.
    pub ahead: u32,
    /// How many operators there are for each reason why they do not take it; empty unless it waits.
    pub kept_from: Vec<(WhyNot, u32)>,
    /// Of the latest assignment.
    pub decision: Option<Decision>,
    /// Who was asked and has not answered, of a promised call that waits for its time.
    pub awaits: Vec<Name>,
}

/// What is to be said of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorWhy {
    /// Who.
    pub operator: OperatorId,
    /// What keeps it from every contact: not signed in, not ready, no room at all.
    pub at_all: Option<WhyNot>,
    /// For each queue with somebody in line what keeps the operator from the first whom it comes nearest to taking, and
    /// how many are in line.
    pub queues: Vec<(Name, u32, WhyNot)>,
}

impl Router {
    /// What is to be said of a contact; ended ones within the key window. Looks at every operator.
    #[must_use]
    pub fn why_contact(&self, id: ContactId) -> Option<ContactWhy> {
        let contact = self.tables.contacts.get(id.slot, id.generation)?;
        let rule = self.tables.directory.rule(contact.queue);
        let (step, waits) =
            (rule.step_of(contact.order(), self.now), matches!(contact.state, State::Waiting(_)));
        Some(ContactWhy {
            contact: self.contact(id)?,
            plan: self.plan().version,
            rule: contact.text.rule.clone(),
            promoted: contact.promoted,
            promote_at: contact.promote_at.filter(|_| waits && contact.tier > 0),
            head_start: contact.head_start,
            step: (step as u8, rule.steps_by_time().max(step + 1) as u8),
            next_step_at: rule.next_step_at(contact.order(), self.now).filter(|_| waits),
            ahead: if waits { self.ahead_of(contact) } else { 0 },
            kept_from: if waits { self.kept_from(contact) } else { Vec::new() },
            decision: contact.decision.as_deref().copied(),
            awaits: match contact.state {
                State::Waiting(Wait::Later) => self.answers_awaited(id),
                State::Waiting(Wait::Held { .. } | Wait::InLine | Wait::ForCustomer)
                | State::Offered { .. }
                | State::Handling { .. }
                | State::WrapUp { .. }
                | State::Ended { .. } => Vec::new(),
            },
        })
    }

    /// What is to be said of an operator.
    #[must_use]
    pub fn why_operator(&self, id: OperatorId) -> Option<OperatorWhy> {
        let operator = self.tables.operators.get(id.slot, id.generation)?;
        let mut nearest: BTreeMap<QueueId, (u32, WhyNot)> = BTreeMap::new();
        for (_, class) in self.tables.ix.classes.iter().filter(|(_, class)| !class.line.is_empty()) {
            let Some(why) = self.nearest_in(operator, class) else { continue };
            let entry = nearest.entry(class.queue).or_insert((0, why.clone()));
            entry.0 += class.line.len() as u32;
            // What comes later in the order of reasons is nearer to being taken.
            if why > entry.1 {
                entry.1 = why;
            }
        }
        let name = |queue: QueueId| self.tables.directory.queue(queue).name.clone();
        let queues = nearest.into_iter().map(|(queue, (waiting, why))| (name(queue), waiting, why));
        Some(OperatorWhy { operator: id, at_all: self.why_nothing(operator), queues: queues.collect() })
    }

    /// What keeps the operator from the foremost of a line that it comes nearest to.
    fn nearest_in(&self, operator: &Operator, class: &Class) -> Option<WhyNot> {
        let rule = self.tables.directory.rule(class.queue);
        let foremost = class.foremost().take(crate::limits::PROFILES_COUNTED_MAX);
        foremost.map(|key| self.why_not(operator, self.tables.contact(key.slot), &class.want, rule)).max()
    }

    fn why_nothing(&self, operator: &Operator) -> Option<WhyNot> {
        let has_room = operator.free() > 0 || self.tables.ix.costless > 0;
        absence(operator).or((!has_room).then_some(WhyNot::NoRoom(1))).or_else(|| self.kept_why(operator))
    }

    /// Why an operator takes nothing but life safety.
    fn kept_why(&self, operator: &Operator) -> Option<WhyNot> {
        let (directory, time) = (&self.tables.directory, operator.time.as_deref()?);
        if directory.is_kept_free(time, self.now) {
            return Some(WhyNot::BreakDue);
        }
        let ends = directory.window_ends(time, self.now);
        ends.filter(|_| directory.is_resting(time, self.now)).map(WhyNot::Resting)
    }

    /// Waiting contacts of the queue with a smaller key.
    fn ahead_of(&self, contact: &Contact) -> u32 {
        let key = contact.order();
        let classes = self.tables.ix.classes.iter().filter(|(_, class)| class.queue == contact.queue);
        classes.map(|(_, class)| class.line.range(..key).count() as u32).sum()
    }

    fn kept_from(&self, contact: &Contact) -> Vec<(WhyNot, u32)> {
        let directory = &self.tables.directory;
        let (want, rule) = (directory.want(contact.queue, &contact.need), directory.rule(contact.queue));
        let mut counts: BTreeMap<WhyNot, u32> = BTreeMap::new();
        for (_, operator) in self.tables.operators.iter() {
            let why = self.why_not(operator, contact, &want, rule);
            *counts.entry(why).or_default() += 1;
        }
        with_first_end(counts)
    }

    fn why_not(&self, operator: &Operator, contact: &Contact, want: &Want, rule: &QueueRule) -> WhyNot {
        let is_for_nobody = rule.step_of(contact.order(), self.now) < rule.first_reaching;
        let step = &rule.steps[rule.step_by_hand(contact.order(), self.now)];
        if let Some(why) = self.lacks(operator, want, step) {
            return why;
        }
        if let Some(why) = absence(operator) {
            return why;
        }
        let full =
            self.tables.directory.channel_name(want.channel).filter(|_| operator.is_full_of(want.channel));
        match contact.state {
            State::Waiting(Wait::Later) => WhyNot::NotDue,
            State::Waiting(Wait::ForCustomer) => WhyNot::CustomerSilent,
            State::Waiting(Wait::Held { operator: other, .. }) if other != operator.id => {
                WhyNot::HeldForAnother
            }
            State::Waiting(Wait::InLine) if is_for_nobody => WhyNot::HandedOut,
            State::Waiting(Wait::InLine | Wait::Held { .. }) => {
                let cost = operator.cost_of(contact);
                if !operator.has_room_for(cost) {
                    return WhyNot::NoRoom(cost);
                }
                if let Some(channel) = full {
                    return WhyNot::Cap(channel);
                }
                if self.tables.is_full_of_queue(operator, contact.queue) {
                    return WhyNot::QueueCap;
                }
                let by_time = || {
                    let ends = self.shift_ends(&operator.profile_key, contact.queue);
                    self.kept_why(operator).or(ends.then_some(WhyNot::ShiftEnds))
                };
                if self.is_reserved_from(operator, contact) {
                    return WhyNot::Reserved;
                }
                if let Some(why) = (contact.tier > 0).then(by_time).flatten() {
                    return why;
                }
                if self.is_excluded(operator, contact) { WhyNot::KeptAway } else { WhyNot::Nothing }
            }
            State::Offered { .. } | State::Handling { .. } | State::WrapUp { .. } | State::Ended { .. } => {
                WhyNot::NotWaiting
            }
        }
    }

    /// What an operator lacks for a contact at a step.
    fn lacks(&self, operator: &Operator, want: &Want, step: &Step) -> Option<WhyNot> {
        let (directory, profile) = (&self.tables.directory, &*operator.profile_key);
        if directory.fits(profile, want, step) {
            return None;
        }
        let name = |skill: SkillId| directory.skill_name(skill);
        for &(skill, level) in &want.skills {
            let least = level.saturating_sub(step.levels_lowered).max(1);
            match profile.level(skill) {
                0 => return Some(WhyNot::Skill(name(skill))),
                has if has < least => return Some(WhyNot::Level(name(skill), least)),
                _ => {}
            }
        }
        // Each other part by itself: what still does not fit when it is left out is not to blame.
        let without = |change: fn(&mut Want, &mut Step)| {
            let (mut want, mut step) = (want.clone(), *step);
            change(&mut want, &mut step);
            directory.fits(profile, &want, &step)
        };
        let language = want.language.filter(|_| without(|want, _| want.language = None));
        if let Some(language) = language {
            return Some(WhyNot::Language(name(language.skill)));
        }
        let principal = want.principal.filter(|_| without(|want, _| want.principal = None));
        if let Some(principal) = principal {
            return Some(WhyNot::Principal(directory.plan.rules.principals[principal.0 as usize].clone()));
        }
        let channel = want.channel.filter(|_| without(|want, _| want.channel = None));
        if let Some(channel) = directory.channel_name(channel) {
            return Some(WhyNot::Channel(channel));
        }
        if without(|want, _| want.people = false) {
            return Some(WhyNot::Bot);
        }
        let is_far = without(|_, step| step.reach = Reach::All);
        Some(if is_far { WhyNot::Reach } else { WhyNot::Rank(directory.rank(profile, want.queue)) })
    }

    /// The record of an assignment that is made now.
    pub(crate) fn decision(&self, contact: &Contact, operator: &Operator, side: Side) -> Box<Decision> {
        let key: OrderKey = contact.order();
        let rule = self.tables.directory.rule(contact.queue);
        let step = match side {
            Side::Contact(_) | Side::Operator | Side::LifeSafety | Side::Companion | Side::Recalled => {
                rule.step_of(key, self.now)
            }
            Side::Held | Side::Taken => rule.step_by_hand(key, self.now),
        };
        let counted = self.count_fitting(contact, step);
        Box::new(Decision {
            at: self.now,
            index: self.index,
            plan: self.plan().version,
            operator: operator.id,
            side,
            tier: key.tier,
            order: key.order,
            rank: self.tables.directory.rank(&operator.profile_key, contact.queue),
            step: step as u8,
            idle_since: operator.idle_since,
            units: if side == Side::Companion { 0 } else { operator.cost_of(contact) },
            fitting: counted.map(|counted| counted.0),
            available: counted.map(|counted| counted.1),
            parked: None,
            parks: contact.decision.as_deref().map_or(0, |decision| decision.parks),
        })
    }

    /// Operators whose profiles fit at a step, and those of them that are available. The record is replicated, and
    /// which classes are known is not: the count is the same with and without the contact's class.
    fn count_fitting(&self, contact: &Contact, step: usize) -> Option<(u32, u32)> {
        let (classes, profiles) = (&self.tables.ix.classes, &self.tables.ix.profiles);
        match classes.find(contact) {
            Some(class) => self.count_profiles(classes.at(class).reach.get(step)?.iter()),
            None => {
                let directory = &self.tables.directory;
                let want = directory.want(contact.queue, &contact.need);
                let step = directory.rule(contact.queue).steps.get(step)?;
                let fitting = profiles.iter().filter(|(_, key)| directory.fits(key, &want, step));
                self.count_profiles(fitting.map(|(profile, _)| profile))
            }
        }
    }

    /// `None` for more profiles than are counted.
    fn count_profiles(&self, fitting: impl Iterator<Item = u32>) -> Option<(u32, u32)> {
        let mut counted = (0, 0);
        for (n, profile) in fitting.enumerate() {
            if n >= crate::limits::PROFILES_COUNTED_MAX {
                return None;
            }
            let counts = self.tables.ix.profiles.counts(profile);
            counted = (counted.0 + counts.operators, counted.1 + counts.available);
        }
        Some(counted)
    }
}

/// Counts of those on a break, and of those who rest, are one each, with the first end.
fn with_first_end(counts: BTreeMap<WhyNot, u32>) -> Vec<(WhyNot, u32)> {
    let mut list: Vec<(WhyNot, u32)> = Vec::with_capacity(counts.len());
    for (why, count) in counts {
        let is_alike = |other: &WhyNot| {
            matches!(
                (other, &why),
                (WhyNot::OnBreak(_), WhyNot::OnBreak(_)) | (WhyNot::Resting(_), WhyNot::Resting(_))
            )
        };
        match list.last_mut() {
            Some(last) if is_alike(&last.0) => last.1 += count,
            Some(_) | None => list.push((why, count)),
        }
    }
    list
}

/// Why an operator takes nothing at all, room aside.
fn absence(operator: &Operator) -> Option<WhyNot> {
    match (operator.session.state, operator.presence) {
        (SessionState::None, _) | (_, PresenceState::Offline) => Some(WhyNot::NotSignedIn),
        (SessionState::Grace { .. }, _) => Some(WhyNot::StreamLost),
        (SessionState::Live { .. }, PresenceState::NotReady(reason)) => Some(WhyNot::NotReady(reason)),
        (SessionState::Live { .. }, PresenceState::Missed { .. }) => Some(WhyNot::Missed),
        (SessionState::Live { .. }, PresenceState::Break { until, .. }) => Some(WhyNot::OnBreak(until)),
        (SessionState::Live { .. }, PresenceState::Ready) => None,
    }
}
