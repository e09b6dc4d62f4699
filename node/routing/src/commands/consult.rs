//! The operator asks a colleague while the contact stays with it: a leg, which is offered like a contact. It may end,
//! become a conference, or the asked one goes on with the contact (in `transfer_contact.rs`).

use alloc::format;
use alloc::sync::Arc;

use super::related::MadeOf;
use crate::command::{Consult, ConsultTarget, EndConsult, JoinConsult, TransferContact};
use crate::contact::{Contact, KEPT_FOR_GOOD, Need, State, Wait};
use crate::effect::{Effect, Reply, WithdrawReason};
use crate::fields::{check_name, invalid};
use crate::ids::{AssignmentEpoch, ContactId, Millis, OperatorId, QueueId};
use crate::legs::{Asked, Leg};
use crate::limits::{CAPACITY_MAX, LEGS_MAX, TRANSFER_HOLD_MS_MAX};
use crate::operator::{Exclusion, WrapUp};
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;
use crate::why::Side;

/// What a consultation asks for, under the plan in force.
struct Meant {
    to: Asked,
    queue: QueueId,
    need: Arc<Need>,
    units: u32,
}

impl Router {
    pub(crate) fn consult(&mut self, command: &Consult) -> Result<Reply, Refusal> {
        self.admit_operator(command.answer.operator, command.answer.epoch)?;
        check_consult(command)?;
        let contact = self.answered_contact(&command.answer)?;
        self.check_matter(contact)?;
        let meant = self.meant_by(contact, command)?;
        if let Some(leg) = self.leg_to(contact, meant.to) {
            return Ok(Reply::Enqueued { contact: leg });
        }
        if self.legs.of(contact.id.slot).len() >= LEGS_MAX {
            return Err(Refusal::LimitReached { what: "legs".into(), limit: LEGS_MAX as u64 });
        }
        self.check_memory(contact.tier)?;
        let leg = self.leg_of(contact, &meant);
        if let ConsultTarget::Operator { login, .. } = &command.to
            && let Asked::Operator(asked) = meant.to
        {
            let row = self.tables.operator(asked.slot);
            let fits = row.is_available()
                && row.could_ever_take(&leg, meant.queue)
                && self.would_fit(row, &leg, meant.queue, &meant.need);
            if !fits {
                return Err(Refusal::OperatorUnavailable(login.clone()));
            }
        }
        let (of, asker) = (contact.id, command.answer.operator);
        Ok(self.begin_leg(leg, Leg { id: of, of, asker, to: meant.to, joined: false }, command))
    }

    /// What can be asked about is in its operator's hands, and no consultation itself.
    fn check_matter(&self, contact: &Contact) -> Result<(), Refusal> {
        match contact.state {
            State::Waiting(_) => return Err(super::answer_offer::stale(contact)),
            State::Offered { .. } | State::WrapUp { .. } | State::Ended { .. } => {
                return Err(super::wrong_state(contact));
            }
            State::Handling { .. } if contact.is_parked() => return Err(super::wrong_state(contact)),
            State::Handling { .. } => {}
        }
        self.check_no_leg(contact)
    }

    /// A consultation is not passed on, asks nobody itself, and no gateway moves it.
    pub(super) fn check_no_leg(&self, contact: &Contact) -> Result<(), Refusal> {
        if self.is_leg(contact.id.slot) {
            return Err(invalid("contact", "it is a consultation, which its operators complete"));
        }
        Ok(())
    }

    fn meant_by(&self, contact: &Contact, command: &Consult) -> Result<Meant, Refusal> {
        let directory = &self.tables.directory;
        let own = Need {
            principal: contact.need.principal,
            channel: Some(contact.channel),
            people: true,
            ..Need::default()
        };
        let (to, queue, need) = match &command.to {
            ConsultTarget::Queue(name) => {
                let (queue, plan) = directory.find_queue(name)?;
                if !plan.open {
                    return Err(Refusal::QueueClosed(plan.name.clone()));
                }
                (Asked::Queue(queue), queue, Need { follows_queue: true, ..own })
            }
            ConsultTarget::Operator { login, .. } => {
                let asked = self.tables.find_login(login);
                let asked = asked.ok_or_else(|| Refusal::UnknownOperator(login.clone()))?;
                if asked == command.answer.operator {
                    return Err(invalid("to.operator", "nobody asks itself"));
                }
                (Asked::Operator(asked), contact.queue, own)
            }
        };
        let rule = directory.rule(queue);
        let of_channel = directory.plan.channels[contact.channel.0 as usize].units;
        let units = command.units.or(directory.queue(queue).rules.consult_units);
        let units = units.or_else(|| rule.units_of(contact.channel)).unwrap_or(of_channel);
        Ok(Meant { to, queue, need: Arc::new(need), units })
    }

    /// The open leg of a contact to the same target.
    fn leg_to(&self, contact: &Contact, to: Asked) -> Option<ContactId> {
        let legs = self.legs.of(contact.id.slot).iter().filter_map(|slot| self.legs.find(*slot));
        legs.into_iter().find(|leg| leg.to == to).map(|leg| leg.id)
    }

    fn leg_of(&self, contact: &Contact, meant: &Meant) -> Contact {
        let key = &contact.text.key;
        let key = self.free_key(contact, 1, |n| format!("{key}+{n}").into());
        let Meant { queue, units, need, .. } = meant;
        let made = MadeOf { queue: *queue, channel: contact.channel, units: *units, need: need.clone(), key };
        self.made_of(contact, made)
    }

    fn begin_leg(&mut self, contact: Contact, leg: Leg, command: &Consult) -> Reply {
        let (id, gateway, slot) = (contact.id, contact.gateway, contact.id.slot);
        self.tables.add_contact(contact);
        self.legs.add(Leg { id, ..leg });
        let (of, operator) = (leg.of, leg.asker);
        self.emit(Effect::AnnounceConsult { contact: id, of, gateway, operator });
        self.keep_asker_away(operator, id);
        let wait = match (&command.to, leg.to) {
            (ConsultTarget::Operator { hold, .. }, Asked::Operator(operator)) => {
                Wait::Held { operator, until: self.now + *hold }
            }
            (ConsultTarget::Operator { .. } | ConsultTarget::Queue(_), _) => Wait::InLine,
        };
        self.wait(slot, wait);
        self.freed.contacts.insert(slot);
        self.freed.announce.insert(slot);
        Reply::Enqueued { contact: id }
    }

    /// Whoever asks is not asked, as long as the leg is open.
    fn keep_asker_away(&mut self, asker: OperatorId, leg: ContactId) {
        self.tables.change_contact(leg.slot, |row| row.excluded = true);
        self.tables.change_exclusions(asker.slot, |exclusions| {
            exclusions.push(Exclusion { contact: leg, until: KEPT_FOR_GOOD });
        });
    }

    pub(crate) fn end_consult(&mut self, command: &EndConsult) -> Result<Reply, Refusal> {
        self.admit_operator(command.answer.operator, command.answer.epoch)?;
        let contact = self.answered_contact(&command.answer)?;
        if !self.known_contact(command.leg)?.is_open() {
            return Ok(Reply::Done);
        }
        self.own_leg(contact, command.leg)?;
        self.end_leg(command.leg.slot);
        Ok(Reply::Done)
    }

    pub(crate) fn join_consult(&mut self, command: &JoinConsult) -> Result<Reply, Refusal> {
        self.admit_operator(command.answer.operator, command.answer.epoch)?;
        let contact = self.answered_contact(&command.answer)?;
        let leg = self.own_leg(contact, command.leg)?;
        let row = self.known_contact(command.leg)?;
        let State::Handling { operator, .. } = row.state else { return Err(super::wrong_state(row)) };
        if leg.joined == command.on {
            return Ok(Reply::Done);
        }
        let (of, gateway, on) = (leg.of, row.gateway, command.on);
        if let Some(leg) = self.legs.find_mut(command.leg.slot) {
            leg.joined = on;
        }
        if !is(Planted::ConferenceNotTold) {
            self.emit(Effect::JoinConsult { contact: command.leg, of, gateway, operator, on });
        }
        Ok(Reply::Done)
    }

    /// Transfer with consultation: the asked one goes on with the contact, from this moment on.
    pub(super) fn hand_to_asked(
        &mut self,
        command: &TransferContact,
        leg: ContactId,
    ) -> Result<Reply, Refusal> {
        let contact = self.known_contact(command.answer.contact)?;
        self.check_matter(contact)?;
        self.check_passes(contact)?;
        self.own_leg(contact, leg)?;
        let row = self.known_contact(leg)?;
        let State::Handling { operator: asked, .. } = row.state else { return Err(super::wrong_state(row)) };
        let operator = self.tables.operator(asked.slot);
        if operator.used - row.taken() + operator.cost_of(contact) > operator.capacity {
            return Err(Refusal::OperatorUnavailable(operator.login.clone()));
        }
        let kept = self.kept_after(contact, command.wrap_up);
        self.pass_to_asked(command.answer.operator, asked, kept);
        Ok(Reply::Done)
    }

    fn pass_to_asked(&mut self, asker: OperatorId, asked: OperatorId, kept: WrapUp) {
        let (contact, slot, now) = (kept.contact, kept.contact.slot, self.now);
        self.totals_of(slot).transferred += 1;
        let (gateway, assignment) = (self.tables.contact(slot).gateway, kept.assignment);
        let reason = WithdrawReason::Transferred;
        self.emit(Effect::WithdrawAssignment { contact, gateway, operator: asker, assignment, reason });
        self.end_legs_of(slot);
        self.turns += 1;
        let turn = self.turns;
        self.tables.change_operator(asked.slot, |row| row.turn = turn);
        let assignment = AssignmentEpoch(assignment.0 + 1);
        let (row, operator) = (self.tables.contact(slot), self.tables.operator(asked.slot));
        let decision = self.decision(row, operator, Side::Held);
        self.tables.change_contact_since(slot, Some(now), |row| {
            row.transfers = row.transfers.saturating_add(1);
            row.assignment = assignment;
            row.holder = Some(asked);
            row.decision = Some(decision);
            row.promote_at = None;
            row.state = State::Handling { operator: asked, since: now, on_hold: None };
        });
        self.end_talk_of(asker, kept);
        self.begin_busy_time(asked.slot);
        if self.tables.directory.interrupts {
            self.freed.operators.insert(asked.slot);
        }
        self.emit(Effect::ConnectContact { contact, gateway, operator: asked, assignment });
        self.remember_service(slot, asked);
        if self.tables.directory.threads {
            self.begin_thread(slot);
        }
        if !self.companions.is_empty() {
            self.look_for_companion(contact);
        }
    }

    /// An open leg, if it is one of this contact's.
    pub(super) fn own_leg(&self, contact: &Contact, leg: ContactId) -> Result<Leg, Refusal> {
        self.known_contact(leg)?;
        let found = self.legs.find(leg.slot).filter(|found| found.id == leg && found.of == contact.id);
        found.copied().ok_or_else(|| invalid("leg", "it is no open consultation about this contact"))
    }
}

fn check_consult(command: &Consult) -> Result<(), Refusal> {
    if command.units.is_some_and(|units| units > CAPACITY_MAX) {
        return Err(invalid("units", "at most 1000000 units"));
    }
    match &command.to {
        ConsultTarget::Queue(queue) => check_name("to.queue", queue),
        ConsultTarget::Operator { login, hold: Millis(hold) } => {
            check_name("to.operator", login)?;
            if *hold == 0 || *hold > TRANSFER_HOLD_MS_MAX {
                return Err(invalid("to.hold_ms", "1 to 600000 ms"));
            }
            Ok(())
        }
    }
}
