//! An operator asks somebody without a seat (R3.10): the enquiry, its dates, whom it is told to and how it ends.

use ringmain_routing::command::{AnswerOffer, BeginEnquiry, CloseEnquiry, FreeCaller, PromisedCall};
use ringmain_routing::limits::{
    ADDRESSEES_MAX, ENQUIRIES_MAX, ENQUIRIES_PER_CONTACT_MAX, ENQUIRIES_PER_OPERATOR_MAX,
    ENQUIRY_KEEP_MS_MAX, NOTE_BYTES_MAX, SPAN_MS_MAX,
};
use ringmain_routing::{
    AssignmentEpoch, ContactId, Effect, EnquiryEnd, EnquiryId, EnquiryNews, GatewayId, Millis, Name,
    OperatorId, Plan, Refusal, Reply, Timestamp,
};

use super::answers::stale_assignment;
use super::bounds::{check, check_name, check_once, check_span, check_time};
use super::contacts::wrong_state;
use super::ladder::queue_of;
use super::rest::calendar_of;
use super::state::{ContactState, SessionState};
use super::{Freed, Model};

/// One enquiry.
#[derive(Clone, Debug)]
pub struct Enquiry {
    /// Its id.
    pub id: EnquiryId,
    /// What it is about.
    pub contact: ContactId,
    /// By which assignment of that it was begun.
    pub assignment: AssignmentEpoch,
    /// The gateway of that contact.
    pub gateway: GatewayId,
    /// Who asks.
    pub asker: OperatorId,
    /// The asker's unit at the beginning.
    pub unit: Option<Name>,
    /// Who is asked.
    pub to: Name,
    /// What.
    pub question: Name,
    /// Since when.
    pub begun_at: Timestamp,
    /// When an answer is due.
    pub due: Timestamp,
    /// When the asker is reminded.
    pub remind_at: Option<Timestamp>,
    /// That was told.
    pub reminded: bool,
    /// That the term is over was told.
    pub overdue: bool,
    /// For how long its call is kept for the asker.
    pub keep_for: Millis,
    /// The promised call-back.
    pub call: Option<ContactId>,
    /// How it was closed.
    pub end: Option<EnquiryEnd>,
}

impl Enquiry {
    /// When something is due for it.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        if let Some(end) = &self.end {
            return Some(end.until);
        }
        let reminder = self.remind_at.filter(|_| !self.reminded);
        let term = (!self.overdue).then_some(self.due);
        reminder.into_iter().chain(term).min()
    }
}

/// What a plan may say of enquiries.
pub(super) fn check_enquiries(plan: &Plan) -> Result<(), Refusal> {
    let Some(rule) = &plan.rules.enquiries else { return Ok(()) };
    check((1..=ENQUIRY_KEEP_MS_MAX).contains(&rule.keep_for.0), "rules.enquiries.keep_for_ms")?;
    check(rule.remind_percent <= 99, "rules.enquiries.remind_percent")?;
    check(rule.addressees.len() <= ADDRESSEES_MAX, "rules.enquiries.addressees")?;
    check_once("rules.enquiries.addressees", rule.addressees.iter().map(|addressee| &addressee.name))?;
    for addressee in &rule.addressees {
        check((1..=SPAN_MS_MAX).contains(&addressee.term.0), "rules.enquiries.term_ms")?;
        if let Some(calendar) = &addressee.calendar
            && calendar_of(plan, Some(calendar)).is_none()
        {
            return Err(Refusal::UnknownCalendar(calendar.clone()));
        }
    }
    Ok(())
}

fn check_text(field: &str, text: &str) -> Result<(), Refusal> {
    check((1..=NOTE_BYTES_MAX).contains(&text.len()), field)
}

fn check_call(call: &PromisedCall) -> Result<(), Refusal> {
    check_name("call.number", &call.order.number)?;
    check_name("call.principals", &call.order.principals)?;
    check_name("call.channel", &call.channel)?;
    check_time("call.not_before_ms", Some(call.not_before))?;
    check_span("call.wrap_up_ms", call.wrap_up)
}

fn check_begin(command: &BeginEnquiry) -> Result<(), Refusal> {
    check_name("to", &command.to)?;
    check_text("question", &command.question)?;
    check(command.term.is_none_or(|term| (1..=SPAN_MS_MAX).contains(&term.0)), "term_ms")?;
    command.call.as_ref().map_or(Ok(()), check_call)
}

impl Model {
    /// One enquiry, if it is in memory.
    #[must_use]
    pub fn enquiry(&self, id: EnquiryId) -> Option<&Enquiry> {
        self.enquiries.get(&id.slot).filter(|enquiry| enquiry.id == id)
    }

    /// All enquiries in memory by slot.
    pub fn enquiries(&self) -> impl Iterator<Item = &Enquiry> {
        self.enquiries.values()
    }

    fn enquiry_mut(&mut self, id: EnquiryId) -> &mut Enquiry {
        self.enquiries.get_mut(&id.slot).expect("the caller has just read this enquiry")
    }

    pub(super) fn begin_enquiry(&mut self, command: &BeginEnquiry) -> Result<Reply, Refusal> {
        let answer = &command.answer;
        self.check_operator(answer.operator, answer.epoch)?;
        check_begin(command)?;
        check(self.plan.rules.enquiries.is_some(), "enquiries")?;
        let state = self.check_answer(answer)?;
        let again = self.enquiries().find(|known| {
            (known.contact, known.assignment) == (answer.contact, answer.assignment)
                && (&known.to, &known.question) == (&command.to, &command.question)
        });
        if let Some(known) = again {
            let (enquiry, is_freed) = (known.id, known.call.is_some());
            if let Some(call) = command.call.as_ref().filter(|_| !is_freed) {
                self.free_for(enquiry, answer, state, call)?;
            }
            return Ok(Reply::Asked { enquiry });
        }
        self.check_in_talk(answer.contact, state)?;
        check(self.contact_row(answer.contact).leg.is_none(), "contact")?;
        let addressees = self.plan.rules.enquiries.as_ref().map_or(&[][..], |rule| &rule.addressees);
        let addressee = addressees.iter().find(|addressee| addressee.name == command.to);
        let term = command.term.or(addressee.map(|addressee| addressee.term));
        check(term.is_some(), "term_ms")?;
        let calendar = addressee.and_then(|addressee| addressee.calendar.clone());
        self.check_room_for_enquiry(answer)?;
        if let Some(call) = &command.call {
            self.check_freeing(answer.contact, call)?;
        }
        let enquiry = self.add_enquiry(command, term.unwrap_or_default(), calendar.as_ref());
        self.announce_enquiry(enquiry, EnquiryNews::Begun);
        if let Some(call) = &command.call {
            self.free(enquiry, answer, call);
        }
        Ok(Reply::Asked { enquiry })
    }

    fn check_in_talk(&self, id: ContactId, state: ContactState) -> Result<(), Refusal> {
        match state {
            ContactState::Handling { .. } => Ok(()),
            ContactState::Waiting => Err(stale_assignment(self.contact_row(id))),
            ContactState::Offered { .. } | ContactState::WrapUp { .. } | ContactState::Ended { .. } => {
                Err(wrong_state(self.contact_row(id)))
            }
        }
    }

    fn check_room_for_enquiry(&self, answer: &AnswerOffer) -> Result<(), Refusal> {
        let open = || self.enquiries().filter(|enquiry| enquiry.end.is_none());
        let about = open().filter(|enquiry| enquiry.contact == answer.contact).count();
        let own = open().filter(|enquiry| enquiry.asker == answer.operator).count();
        let limits = [
            ("enquiries of a contact", about as u64, ENQUIRIES_PER_CONTACT_MAX as u64),
            ("enquiries of an operator", own as u64, ENQUIRIES_PER_OPERATOR_MAX as u64),
            ("enquiries", self.enquiries.len() as u64, ENQUIRIES_MAX),
        ];
        let full = limits.into_iter().find(|(_, count, limit)| count >= limit);
        full.map_or(Ok(()), |(what, _, limit)| Err(Refusal::LimitReached { what: what.into(), limit }))
    }

    /// The dates are those of this moment, whatever plans come.
    fn add_enquiry(&mut self, command: &BeginEnquiry, term: Millis, calendar: Option<&Name>) -> EnquiryId {
        let (percent, keep_for) = match &self.plan.rules.enquiries {
            Some(rule) => (u64::from(rule.remind_percent), rule.keep_for),
            None => (0, Millis(0)),
        };
        let first_part = Millis(term.0 * percent / 100);
        let remind_at = (first_part.0 > 0).then(|| self.working_time_over(calendar, first_part));
        let due = self.working_time_over(calendar, term);
        let slot = self.free_enquiry_slots.pop().unwrap_or_else(|| {
            self.enquiry_slot_uses.push(0);
            self.enquiry_slot_uses.len() as u32 - 1
        });
        let uses = &mut self.enquiry_slot_uses[slot as usize];
        let id = EnquiryId { slot, generation: *uses };
        *uses += 1;
        let answer = &command.answer;
        let enquiry = Enquiry {
            id,
            contact: answer.contact,
            assignment: answer.assignment,
            gateway: self.contact_row(answer.contact).gateway(),
            asker: answer.operator,
            unit: self.operators[answer.operator.slot as usize].unit.clone(),
            to: command.to.clone(),
            question: command.question.clone(),
            begun_at: self.now,
            due,
            remind_at,
            reminded: false,
            overdue: false,
            keep_for,
            call: None,
            end: None,
        };
        self.enquiries.insert(slot, enquiry);
        id
    }

    fn working_time_over(&self, calendar: Option<&Name>, span: Millis) -> Timestamp {
        let calendar = calendar_of(&self.plan, calendar);
        let by_calendar = calendar.and_then(|calendar| calendar.working_until(self.now, span));
        by_calendar.unwrap_or(self.span_after_now(span))
    }

    pub(super) fn free_caller(&mut self, command: &FreeCaller) -> Result<Reply, Refusal> {
        let answer = &command.answer;
        self.check_operator(answer.operator, answer.epoch)?;
        check_call(&command.call)?;
        let state = self.check_answer(answer)?;
        let known = self.enquiry(command.enquiry).ok_or(Refusal::UnknownEnquiry(command.enquiry))?;
        let is_of_this = (known.contact, known.assignment) == (answer.contact, answer.assignment);
        check(is_of_this, "enquiry")?;
        if known.call.is_none() {
            self.free_for(command.enquiry, answer, state, &command.call)?;
        }
        Ok(Reply::Done)
    }

    /// The caller of an enquiry that was begun while it stayed is freed.
    fn free_for(
        &mut self,
        enquiry: EnquiryId,
        answer: &AnswerOffer,
        state: ContactState,
        call: &PromisedCall,
    ) -> Result<(), Refusal> {
        self.check_in_talk(answer.contact, state)?;
        check(self.enquiry(enquiry).is_some_and(|known| known.end.is_none()), "enquiry")?;
        self.check_freeing(answer.contact, call)?;
        self.free(enquiry, answer, call);
        Ok(())
    }

    /// By slot: the open enquiries about a contact.
    pub(super) fn open_enquiries_about(&self, contact: ContactId) -> Vec<EnquiryId> {
        let about = self.enquiries().filter(|known| known.contact == contact && known.end.is_none());
        about.map(|known| known.id).collect()
    }

    pub(super) fn give_call(&mut self, enquiry: EnquiryId, call: ContactId) {
        let row = self.enquiry_mut(enquiry);
        row.call = row.call.or(Some(call));
    }

    fn announce_enquiry(&mut self, id: EnquiryId, news: EnquiryNews) {
        let row = self.enquiry_mut(id);
        let (contact, gateway) = (row.contact, row.gateway);
        self.effects.push(Effect::AnnounceEnquiry { enquiry: id, contact, gateway, news });
    }

    fn tell_of_enquiry(&mut self, id: EnquiryId, news: EnquiryNews, whom: Vec<OperatorId>) {
        for operator in whom {
            self.effects.push(Effect::NotifyEnquiry { operator, enquiry: id, news });
        }
    }

    pub(super) fn is_there(&self, login: &Name) -> Option<OperatorId> {
        let operator = self.called(login)?;
        let row = &self.operators[operator.slot as usize];
        (row.session.state != SessionState::None).then_some(operator)
    }

    /// The asker, else who answers for its unit, else the leads of the queue.
    fn told_of(&self, enquiry: &Enquiry) -> Vec<OperatorId> {
        let asker = &self.operators[enquiry.asker.slot as usize];
        if asker.session.state != SessionState::None {
            return vec![asker.id];
        }
        let mut here = self.plan.units.iter().find(|unit| Some(&unit.name) == enquiry.unit.as_ref());
        while let Some(unit) = here {
            if let Some(head) = unit.rules.head.as_ref().and_then(|head| self.is_there(head)) {
                return vec![head];
            }
            here = unit.parent.and_then(|parent| self.plan.units.get(parent.0 as usize));
        }
        let call = enquiry.call.and_then(|call| self.contact(call)).filter(|row| !row.state.is_ended());
        let contact = call.or_else(|| self.contact(enquiry.contact));
        let leads = contact.map_or(&[][..], |row| &queue_of(&self.plan, &row.queue).rules.leads);
        leads.iter().filter_map(|lead| self.is_there(lead)).collect()
    }

    pub(super) fn fire_enquiry(&mut self, id: EnquiryId, due: Timestamp) {
        let Some(enquiry) = self.enquiry(id).cloned() else { return };
        if enquiry.end.is_some() {
            self.enquiries.remove(&id.slot);
            self.free_enquiry_slots.push(id.slot);
            return;
        }
        if !enquiry.reminded && enquiry.remind_at.is_some_and(|at| at <= due) {
            self.enquiry_mut(id).reminded = true;
            self.announce_enquiry(id, EnquiryNews::Reminded);
            self.tell_of_enquiry(id, EnquiryNews::Reminded, self.told_of(&enquiry));
        }
        if !enquiry.overdue && enquiry.due <= due {
            self.enquiry_mut(id).overdue = true;
            self.announce_enquiry(id, EnquiryNews::Overdue);
            self.tell_of_enquiry(id, EnquiryNews::Overdue, self.told_of(&enquiry));
        }
    }

    pub(super) fn close_enquiry(&mut self, command: &CloseEnquiry) -> Result<Reply, Refusal> {
        self.check_operator(command.operator, command.epoch)?;
        command.answer.as_ref().map_or(Ok(()), |answer| check_text("answer", answer))?;
        let known = self.enquiry(command.enquiry).ok_or(Refusal::UnknownEnquiry(command.enquiry))?;
        let row = &self.operators[command.operator.slot as usize];
        check(known.asker == row.id || known.unit == row.unit, "operator")?;
        let by = row.login.clone();
        self.close_once(command.enquiry, command.answer.as_ref(), (&by, Some(command.operator)))?;
        Ok(Reply::Done)
    }

    /// The same by whoever acts, who is no operator here.
    pub(super) fn close_enquiry_by(
        &mut self,
        by: &Name,
        enquiry: EnquiryId,
        answer: Option<&Name>,
    ) -> Result<u32, Refusal> {
        answer.map_or(Ok(()), |answer| check_text("answer", answer))?;
        self.close_once(enquiry, answer, (by, None))
    }

    fn close_once(
        &mut self,
        id: EnquiryId,
        answer: Option<&Name>,
        (by, operator): (&Name, Option<OperatorId>),
    ) -> Result<u32, Refusal> {
        let enquiry = self.enquiry(id).ok_or(Refusal::UnknownEnquiry(id))?.clone();
        if let Some(end) = &enquiry.end {
            return check(end.answer.as_ref() == answer, "enquiry").map(|()| 0);
        }
        let (at, until) = (self.now, self.span_after_now(self.plan.sessions.key_window));
        let news = if answer.is_some() { EnquiryNews::Answered } else { EnquiryNews::Withdrawn };
        self.enquiry_mut(id).end = Some(EnquiryEnd { at, by: by.clone(), answer: answer.cloned(), until });
        self.announce_enquiry(id, news);
        let in_hand = [Some(enquiry.contact), enquiry.call].into_iter().flatten();
        let in_hand = in_hand.filter_map(|contact| self.contact(contact)?.state.holder());
        let mut whom: Vec<OperatorId> = Vec::new();
        for one in self.told_of(&enquiry).into_iter().chain(in_hand) {
            if Some(one) != operator && !whom.contains(&one) {
                whom.push(one);
            }
        }
        self.tell_of_enquiry(id, news, whom);
        if let Some(answer) = answer {
            let noted = enquiry.call.unwrap_or(enquiry.contact);
            if let Some(row) = self.contacts.get_mut(&noted.slot).filter(|row| row.id == noted) {
                row.note = Some(answer.clone());
            }
        }
        Ok(u32::from(enquiry.call.is_some_and(|call| self.release(call))))
    }

    /// Nobody is asked any more, and somebody has answered: the customer is called now.
    fn release(&mut self, call: ContactId) -> bool {
        let waits_for_later =
            self.contact(call).is_some_and(|row| row.state == ContactState::Waiting && !row.due);
        let of_call = || self.enquiries().filter(|known| known.call == Some(call));
        let is_open = of_call().any(|known| known.end.is_none());
        let is_answered = of_call().any(|known| known.end.as_ref().is_some_and(|end| end.answer.is_some()));
        if !waits_for_later || is_open || !is_answered {
            return false;
        }
        self.move_to(call, self.now);
        self.settle(Freed::contact(call));
        true
    }

    /// Open enquiries of those who hand over go to who takes their work.
    pub(super) fn hand_enquiries_over(&mut self, from: &[OperatorId], to: OperatorId) {
        let login = self.operators[to.slot as usize].login.clone();
        for operator in from {
            let own = self.enquiries().filter(|known| known.asker == *operator && known.end.is_none());
            let own: Vec<EnquiryId> = own.map(|known| known.id).collect();
            let before = self.operators[operator.slot as usize].login.clone();
            for id in own {
                let row = self.enquiry_mut(id);
                row.asker = to;
                let (call, keep_for) = (row.call, row.keep_for);
                self.tell_of_enquiry(id, EnquiryNews::Yours, vec![to]);
                let call =
                    call.and_then(|call| self.contacts.get_mut(&call.slot).filter(|row| row.id == call));
                let call = call.filter(|row| row.state == ContactState::Waiting && !row.due);
                if let Some(row) = call
                    && row.preferred.as_ref().is_some_and(|(login, _)| *login == before)
                {
                    row.preferred = Some((login.clone(), keep_for));
                }
            }
        }
    }
}
