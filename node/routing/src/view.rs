//! What others may read of the state: views with names instead of ids, made when asked for.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::command::{CallbackOrder, ContactDetails, ContactResult, Context, Role};
use crate::companions::Invitation;
use crate::contact::{Contact, State, Wait};
use crate::effect::{EndReason, OfferMode, PresenceState};
use crate::ids::{
    AssignmentEpoch, CaseId, ContactId, EnquiryId, GatewayId, LogIndex, Millis, Name, OperatorId, Party,
    QueueId, Timestamp, hash_parts,
};
use crate::operator::Operator;
use crate::router::{QueueTotals, Router};
use crate::rules::{BreakRule, Treatment, Writer};
use crate::session::{SessionState, SessionView};
use crate::supervision::{HelpAsked, Seat};
use crate::threads::{Rest, is_asleep};
use crate::time::BreakClock;

/// A queue at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    /// Its id.
    pub id: QueueId,
    /// Its name.
    pub name: Name,
    /// Contacts that wait, those for a later time included.
    pub waiting: u32,
    /// Arrival of the one that has waited longest of those in line (by place in line within each tier).
    pub oldest_enqueued_at: Option<Timestamp>,
    /// How long who comes now is likely to wait; `None` where that is not known or the plan does not ask for it.
    pub expected_wait: Option<Millis>,
    /// The band of that, where the plan says bands.
    pub wait_band: Option<u8>,
    /// Since when somebody has waited in line for too long.
    pub alarm_since: Option<Timestamp>,
    /// Contacts offered to an operator.
    pub offered: u32,
    /// Contacts being handled.
    pub handling: u32,
    /// Of those, the ones that are parked: they take no room.
    pub parked: u32,
    /// Contacts in wrap-up.
    pub wrap_up: u32,
    /// Threads whose operator was lost and whose customer is silent. They count among those who wait nowhere.
    pub for_customer: u32,
    /// What has happened since the cluster began.
    pub totals: QueueTotals,
}

/// An operator at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorView {
    /// Its id.
    pub id: OperatorId,
    /// Its login.
    pub login: Name,
    /// Ready or not.
    pub presence: PresenceState,
    /// Its session.
    pub session: SessionState,
    /// The session's epoch.
    pub epoch: crate::ids::Epoch,
    /// Skills with levels.
    pub skills: Vec<(Name, u8)>,
    /// The org unit.
    pub unit: Option<Name>,
    /// Units of work at once.
    pub capacity: u32,
    /// Units in use.
    pub used: u32,
    /// When it last became ready, was given a contact or was freed of one.
    pub idle_since: Timestamp,
    /// Contacts in hand, by slot.
    pub contacts: Vec<ContactId>,
    /// Of those, the ones that are parked: they take no room.
    pub parked: Vec<ContactId>,
    /// Contacts it is kept away from, and until when.
    pub exclusions: Vec<(ContactId, Timestamp)>,
    /// Wrap-ups of contacts it passed on, and until when, oldest first.
    pub wrap_ups: Vec<(ContactId, AssignmentEpoch, Timestamp)>,
    /// Its breaks that the plan has, in their order.
    pub breaks: Vec<BreakView>,
    /// The break that it is on.
    pub on_break: Option<Name>,
    /// The calendar of its shifts.
    pub shift: Option<Name>,
    /// Until when it takes nothing but life safety because it was busy for long.
    pub rests_until: Option<Timestamp>,
    /// It is a program, not a person.
    pub is_bot: bool,
    /// The contact that waits, and behind which it takes nothing.
    pub reserved_for: Option<ContactId>,
    /// It asks for help.
    pub help: Option<HelpAsked>,
}

/// A break of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakView {
    /// Its name.
    pub name: Name,
    /// When it is or was due; `None` for one that nobody has asked for.
    pub due: Option<Timestamp>,
    /// When it begins at the latest.
    pub latest: Option<Timestamp>,
    /// Since when it is asked for.
    pub asked_at: Option<Timestamp>,
}

/// A contact's state as others may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContactState {
    /// Waits.
    Waiting,
    /// Offered to an operator.
    Offered {
        /// Whom.
        operator: OperatorId,
        /// Since when.
        at: Timestamp,
        /// When silence becomes RONA; of a preview, when they are connected.
        deadline: Timestamp,
        /// What may be answered.
        mode: OfferMode,
    },
    /// Customer and operator talk.
    Handling {
        /// Who.
        operator: OperatorId,
        /// Since when.
        since: Timestamp,
        /// Since when the customer is on hold, if it is.
        on_hold: Option<Timestamp>,
    },
    /// The talk is over, the operator writes it up.
    WrapUp {
        /// Who.
        operator: OperatorId,
        /// When it ends by itself.
        until: Timestamp,
    },
    /// Over.
    Ended {
        /// Since when.
        at: Timestamp,
        /// Why.
        reason: EndReason,
    },
}

/// An invitation into a companion channel (R3.9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationView {
    /// The customer's number there.
    pub number: Name,
    /// Into which channel.
    pub channel: Name,
    /// When it lapses; `None` while the call goes on.
    pub until: Option<Timestamp>,
    /// Who came.
    pub companion: Option<ContactId>,
}

/// What is noted of a thread (R1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadView {
    /// The last message, by the gateway's count; 0 before the first.
    pub messages: u64,
    /// Who wrote last.
    pub wrote: Writer,
    /// Whether an operator has ever written.
    pub answered: bool,
    /// From when on the present silence counts.
    pub since: Timestamp,
    /// When the operator who has it in hand owes a reply; `None` where none is owed, or no target counts.
    pub reply_due: Option<Timestamp>,
    /// It rests, or waits, for its customer to write.
    pub rests: bool,
    /// The customer of a thread that rested has written: its operator goes on with it until then, or it goes back.
    pub wanted_until: Option<Timestamp>,
}

/// A contact at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactView {
    /// Its id.
    pub id: ContactId,
    /// In handling: since when it rests because somebody more urgent took its room, or its customer is silent.
    pub parked: Option<Timestamp>,
    /// What is noted of it, where it is a thread that has been in somebody's hands or in which somebody wrote.
    pub thread: Option<ThreadView>,
    /// The gateway that brought it.
    pub gateway: Name,
    /// That gateway's id.
    pub gateway_id: GatewayId,
    /// The gateway's key.
    pub key: Name,
    /// Its queue.
    pub queue: Name,
    /// Its channel.
    pub channel: Name,
    /// 0 (life safety) to 9.
    pub tier: u8,
    /// When it arrived (or was due).
    pub enqueued_at: Timestamp,
    /// Its place in time: arrival less head start.
    pub order: Timestamp,
    /// The log index of its arrival.
    pub index: LogIndex,
    /// Capacity it takes: while somebody has it, of that operator.
    pub units: u32,
    /// Not to be routed before.
    pub not_before: Option<Timestamp>,
    /// Required skills, its queue's included.
    pub skills: Vec<(Name, u8)>,
    /// Units within which it must be served.
    pub scopes: Vec<Name>,
    /// Its state.
    pub state: ContactState,
    /// How often it was assigned.
    pub assignment: AssignmentEpoch,
    /// The operator of the latest assignment.
    pub holder: Option<OperatorId>,
    /// Waits for this operator alone, until then.
    pub held_for: Option<(OperatorId, Timestamp)>,
    /// Set for a call-back order.
    pub callback: Option<CallbackOrder>,
    /// Orders it stands for.
    pub sources: u32,
    /// How often an operator passed it on.
    pub transfers: u32,
    /// The case whose work it is or was, or that opened when it was handed to the back office.
    pub case: Option<CaseId>,
    /// What came of it, as its operator said.
    pub result: Option<ContactResult>,
    /// Whom its operator has invited into another channel.
    pub invitation: Option<InvitationView>,
    /// The call whose companion it is or was.
    pub companion_of: Option<ContactId>,
    /// Who takes nothing behind it while it waits.
    pub reserved: Option<OperatorId>,
    /// What was offered to it while it waited, until it ended.
    pub offered: Vec<Treatment>,
    /// What is kept for others.
    pub details: ContactDetails,
    /// A person was requested: it goes to no bot any more.
    pub wants_people: bool,
    /// What a bot or the gateway has learned.
    pub context: Option<Context>,
    /// What whoever had it wants the next one to know.
    pub note: Option<Name>,
    /// Its open consultations.
    pub legs: Vec<ContactId>,
    /// The contact that this open consultation is about, and whether the customer is in it.
    pub leg_of: Option<(ContactId, bool)>,
    /// Enquiries about it, and those that promised it as a call: open ones first.
    pub enquiries: Vec<EnquiryId>,
    /// Supervisors beside the talk, by number.
    pub seats: Vec<Seat>,
}

impl Router {
    /// All queues of the plan, in its order.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueView> {
        let mut queues: Vec<QueueView> = (0u32..)
            .zip(&self.plan().queues)
            .map(|(place, queue)| self.queue_view(place, &queue.name))
            .collect();
        for &(_, contact) in &self.tables.ix.parked {
            queues[self.tables.contact(contact).queue.0 as usize].parked += 1;
        }
        for (_, class) in self.tables.ix.classes.iter() {
            let oldest = &mut queues[class.queue.0 as usize].oldest_enqueued_at;
            for tier in 0..=crate::limits::TIER_MAX {
                let from = crate::order::OrderKey { tier, order: Timestamp(0), index: LogIndex(0), slot: 0 };
                let first = class.line.range(from..).next().filter(|key| key.tier == tier);
                let arrived = first.map(|key| self.tables.contact(key.slot).enqueued_at);
                *oldest = [*oldest, arrived].into_iter().flatten().min();
            }
        }
        queues
    }

    fn queue_view(&self, place: u32, name: &Name) -> QueueView {
        let gauges = self.tables.ix.gauges.get(place as usize).copied().unwrap_or_default();
        QueueView {
            id: QueueId(place),
            name: name.clone(),
            waiting: gauges.waiting,
            oldest_enqueued_at: None,
            expected_wait: self.expected_wait(QueueId(place)),
            wait_band: self.wait_band(QueueId(place)),
            alarm_since: self.tables.waits.alarm_of(QueueId(place)),
            offered: gauges.offered,
            handling: gauges.handling,
            parked: 0,
            wrap_up: gauges.wrap_up,
            for_customer: gauges.for_customer,
            totals: self.totals.get(place as usize).copied().unwrap_or_default(),
        }
    }

    /// All operators, by slot.
    pub fn operators(&self) -> impl Iterator<Item = OperatorView> + '_ {
        self.tables.operators.iter().map(|(_, row)| self.view_operator(row))
    }

    /// One operator.
    #[must_use]
    pub fn operator(&self, id: OperatorId) -> Option<OperatorView> {
        self.tables.operators.get(id.slot, id.generation).map(|row| self.view_operator(row))
    }

    fn view_operator(&self, row: &Operator) -> OperatorView {
        let directory = &self.tables.directory;
        let skills = &row.profile_key.skills;
        OperatorView {
            id: row.id,
            login: row.login.clone(),
            presence: row.presence,
            session: row.session.state,
            epoch: row.session.epoch,
            skills: skills.iter().map(|&(skill, level)| (directory.skill_name(skill), level)).collect(),
            unit: row.profile_key.unit.map(|unit| directory.unit_name(unit)),
            capacity: row.capacity,
            used: row.used,
            idle_since: row.idle_since,
            contacts: self
                .tables
                .in_hand(row.id.slot)
                .into_iter()
                .map(|slot| self.tables.contact(slot).id)
                .collect(),
            parked: {
                let parked = self.tables.ix.parked.range((row.id.slot, 0)..=(row.id.slot, u32::MAX));
                parked.map(|entry| self.tables.contact(entry.1).id).collect()
            },
            exclusions: row.exclusions.iter().map(|exclusion| (exclusion.contact, exclusion.until)).collect(),
            wrap_ups: row.wrap_ups.iter().map(|kept| (kept.contact, kept.assignment, kept.until)).collect(),
            breaks: self.view_breaks(row),
            on_break: row.time.as_deref().and_then(|time| Some(time.on.as_ref()?.name.clone())),
            shift: row.profile_key.shift.clone(),
            rests_until: row.time.as_deref().and_then(|time| {
                directory.window_ends(time, self.now).filter(|_| directory.is_resting(time, self.now))
            }),
            is_bot: row.profile_key.bot,
            reserved_for: self.reservations.of_operator(row.id.slot),
            help: self.supervision.help_of(row.id.slot),
        }
    }

    fn view_breaks(&self, row: &Operator) -> Vec<BreakView> {
        let time = row.time.as_deref().filter(|_| row.session.is_open());
        let clocks = time.into_iter().flat_map(|time| self.tables.directory.break_clocks(time));
        let view = |(_, clock, rule): (usize, &BreakClock, &BreakRule)| {
            let due = clock.due(rule);
            let latest = due.map(|due| due + rule.defer_max);
            BreakView { name: clock.name.clone(), due, latest, asked_at: clock.asked_at }
        };
        clocks.map(view).collect()
    }

    /// Whether breaks wait until their latest moment.
    #[must_use]
    pub fn breaks_are_deferred(&self) -> bool {
        self.breaks_deferred
    }

    /// One contact; ended ones within the key window.
    #[must_use]
    pub fn contact(&self, id: ContactId) -> Option<ContactView> {
        self.tables.contacts.get(id.slot, id.generation).map(|row| self.view_contact(row))
    }

    /// All contacts in memory, by slot.
    pub fn contacts(&self) -> impl Iterator<Item = ContactView> + '_ {
        self.tables.contacts.iter().map(|(_, row)| self.view_contact(row))
    }

    /// The contact that a gateway brought under a key.
    #[must_use]
    pub fn contact_by_key(&self, gateway: &str, key: &str) -> Option<ContactView> {
        let key = hash_parts(&[gateway.as_bytes(), key.as_bytes()]);
        let slot = *self.tables.ix.keys.get(&key)?;
        Some(self.view_contact(self.tables.contact(slot)))
    }

    fn view_contact(&self, row: &Contact) -> ContactView {
        let directory = &self.tables.directory;
        let plan = &directory.plan;
        let (state, held_for) = view_state(&row.state);
        let want = directory.want(row.queue, &row.need);
        ContactView {
            parked: row.decision.as_deref().and_then(|decision| decision.parked).filter(|_| row.is_parked()),
            thread: self.view_thread(row),
            id: row.id,
            gateway: self.tables.gateway(row.gateway.slot).name.clone(),
            gateway_id: row.gateway,
            key: row.text.key.clone(),
            queue: plan.queues[row.queue.0 as usize].name.clone(),
            channel: plan.channels[row.channel.0 as usize].name.clone(),
            tier: row.tier,
            enqueued_at: row.enqueued_at,
            order: row.order().order,
            index: row.index,
            units: if row.operator().is_some() { row.taken() } else { row.units },
            not_before: row.not_before,
            skills: want.skills.iter().map(|&(skill, level)| (directory.skill_name(skill), level)).collect(),
            scopes: want.scopes.iter().map(|&unit| directory.unit_name(unit)).collect(),
            state,
            assignment: row.assignment,
            holder: row.holder,
            held_for,
            callback: row.text.callback.clone(),
            sources: row.sources,
            transfers: row.transfers,
            case: row.case,
            result: row.text.result.clone(),
            invitation: self.view_invitation(row.id),
            companion_of: self.companions.call_of(row.id),
            reserved: self.reservations.of_contact(row.id.slot),
            offered: self
                .tables
                .waits
                .mark(row.id.slot)
                .map_or_else(Vec::new, |mark| mark.offered.iter().copied().collect()),
            details: row.text.details.clone(),
            wants_people: row.need.people,
            context: row.text.context.as_deref().cloned(),
            note: row.text.note.clone(),
            legs: self.legs.of(row.id.slot).iter().map(|slot| self.tables.contact(*slot).id).collect(),
            leg_of: self.legs.find(row.id.slot).map(|leg| (leg.of, leg.joined)),
            enquiries: self.enquiries_of(row.id),
            seats: self.supervision.seats_at(row.id).to_vec(),
        }
    }

    fn view_thread(&self, row: &Contact) -> Option<ThreadView> {
        let (times, thread) = (self.thread_times(row)?, self.tables.threads.of(row.id.slot)?);
        let is_in_hand = matches!(row.state, State::Handling { .. });
        let rest = self.rest_of(row);
        let owes = is_in_hand && (!row.is_parked() || matches!(rest, Rest::Wanted { .. }));
        Some(ThreadView {
            messages: thread.number,
            wrote: thread.wrote,
            answered: thread.answered,
            since: thread.since,
            reply_due: thread.reply_due(times).filter(|_| owes),
            rests: rest == Rest::Resting || is_asleep(row),
            wanted_until: match rest {
                Rest::Wanted { until } => Some(until),
                Rest::No | Rest::Resting => None,
            },
        })
    }

    fn view_invitation(&self, call: ContactId) -> Option<InvitationView> {
        let Invitation { number, channel, until, companion } = self.companions.of_call(call)?.clone();
        let channel = self.tables.directory.plan.channels[channel.0 as usize].name.clone();
        Some(InvitationView { number, channel, until, companion })
    }

    /// Who is known in a role under a name.
    #[must_use]
    pub fn party(&self, role: Role, name: &str) -> Option<Party> {
        match role {
            Role::Gateway => {
                let slot = *self.tables.ix.gateway_names.get(name)?;
                let generation = self.tables.gateways.generation(slot);
                Some(Party::Gateway(GatewayId { slot, generation }))
            }
            Role::Operator => {
                let slot = *self.tables.ix.logins.get(name)?;
                Some(Party::Operator(self.tables.operator(slot).id))
            }
        }
    }

    /// A party's session.
    #[must_use]
    pub fn session(&self, party: Party) -> Option<SessionView> {
        let (name, session) = match party {
            Party::Gateway(id) => {
                self.tables.gateways.get(id.slot, id.generation).map(|row| (row.name.clone(), row.session))?
            }
            Party::Operator(id) => self
                .tables
                .operators
                .get(id.slot, id.generation)
                .map(|row| (row.login.clone(), row.session))?,
        };
        Some(session.view(party, name))
    }

    /// The sessions of all gateways, then all operators.
    pub fn sessions(&self) -> impl Iterator<Item = SessionView> + '_ {
        let gateways = self.tables.gateways.iter().map(|(slot, row)| {
            let generation = self.tables.gateways.generation(slot);
            let party = Party::Gateway(GatewayId { slot, generation });
            row.session.view(party, row.name.clone())
        });
        let operators = self.tables.operators.iter().map(|(_, row)| {
            let party = Party::Operator(row.id);
            row.session.view(party, row.login.clone())
        });
        gateways.chain(operators)
    }

    /// What a party must know after a gap: a gateway's contacts that have not ended, or an operator's in hand.
    #[must_use]
    pub fn live_contacts(&self, party: Party) -> Vec<ContactView> {
        let slots: Vec<u32> = match party {
            Party::Gateway(id) => self
                .tables
                .ix
                .brought
                .range((id.slot, 0)..=(id.slot, u32::MAX))
                .map(|entry| entry.1)
                .collect(),
            Party::Operator(id) => self.tables.in_hand(id.slot),
        };
        slots.into_iter().map(|slot| self.view_contact(self.tables.contact(slot))).collect()
    }
}

fn view_state(state: &State) -> (ContactState, Option<(OperatorId, Timestamp)>) {
    match *state {
        State::Waiting(Wait::Held { operator, until }) => (ContactState::Waiting, Some((operator, until))),
        State::Waiting(Wait::Later | Wait::InLine | Wait::ForCustomer) => (ContactState::Waiting, None),
        State::Offered { operator, at, deadline, mode, .. } => {
            (ContactState::Offered { operator, at, deadline, mode }, None)
        }
        State::Handling { operator, since, on_hold } => {
            (ContactState::Handling { operator, since, on_hold }, None)
        }
        State::WrapUp { operator, until, .. } => (ContactState::WrapUp { operator, until }, None),
        State::Ended { at, reason, .. } => (ContactState::Ended { at, reason }, None),
    }
}
