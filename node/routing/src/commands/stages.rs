//! Cases and their stages: how one opens, goes on, is warned of, escalates and closes. Each stage is the work of one
//! contact; terms are counted in working time, and a date that was given stays.

use alloc::format;
use alloc::sync::Arc;

use super::enqueue_contact::order_hash;
use crate::case::{Case, CaseEnd, CaseState, StageDone};
use crate::command::{CallbackOrder, CaseStep};
use crate::contact::{Contact, Text};
use crate::effect::{Effect, EndReason};
use crate::fields::invalid;
use crate::ids::{CaseId, ChannelId, Name, OperatorId, Timestamp};
use crate::limits::{CASE_HISTORY_MAX, CASES_MAX};
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::Router;
use crate::rules::{Facts, Stage};

/// Where a case goes when its stage is completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Onward {
    Stage(u16),
    Close(CaseEnd),
}

impl Router {
    pub(super) fn check_cases(&self) -> Result<(), Refusal> {
        if self.tables.cases.len() < CASES_MAX {
            return Ok(());
        }
        Err(Refusal::LimitReached { what: "cases".into(), limit: CASES_MAX })
    }

    /// Opens a case at its first stage, whose work the contact is to be.
    pub(super) fn open_case(&mut self, route: Name, work: &Contact, opened_by: Option<&Contact>) -> CaseId {
        let unit = work.text.facts.unit.as_ref();
        let unit = unit.and_then(|name| self.tables.directory.find_unit(name).ok());
        let (slot, generation) = self.tables.cases.next_id();
        let id = CaseId { slot, generation };
        let dates = self.dates_of(&route, 0, unit);
        let case = Case {
            id,
            gateway: work.gateway,
            reference: opened_by.unwrap_or(work).text.key.clone(),
            stage: 0,
            unit,
            reply_by: work.text.facts.reply_by.clone(),
            opened_at: self.now,
            due: self.due_of(&route, unit),
            stage_since: self.now,
            stage_due: dates.due,
            warn_at: dates.warn_at,
            warned: false,
            escalated: false,
            overdue_told: false,
            late: false,
            begun: 1,
            contact: Some(work.id),
            opened_by: opened_by.map(|contact| contact.id),
            history: alloc::vec::Vec::new(),
            state: CaseState::Open,
            route,
        };
        self.tables.add_case(case);
        self.announce_stage(slot);
        id
    }

    /// The case of a contact that was handed to the back office.
    pub(super) fn open_related_case(
        &mut self,
        slot: u32,
        route: &Name,
        channel: ChannelId,
        reply_by: Option<&Name>,
    ) {
        let mut call = self.tables.contact(slot).clone();
        if let Some(way) = reply_by {
            let facts = Facts { reply_by: Some(way.clone()), ..call.text.facts.clone() };
            call.text = Arc::new(Text { facts, ..Text::clone(&call.text) });
        }
        let key = self.free_key(&call, 1, |n| format!("{}/{n}", call.text.key).into());
        let mut work = self.next_work(&call, route, 0, channel, key);
        let case = self.open_case(route.clone(), &work, Some(&call));
        work.case = Some(case);
        self.tables.change_contact(slot, |row| {
            row.case = Some(case);
            row.passed = true;
            row.transfers = row.transfers.saturating_add(1);
        });
        self.arrive(work);
    }

    /// Where the case of a contact in handling goes by the operator's word; `None` for a contact without one.
    pub(super) fn judge_step(&self, contact: &Contact, step: CaseStep) -> Result<Option<Onward>, Refusal> {
        let Some(case) = self.case_of_work(contact) else {
            return match step {
                CaseStep::Next => Ok(None),
                CaseStep::Return | CaseStep::Close => {
                    Err(invalid("step", "the contact is no stage of a case; it can only be completed"))
                }
            };
        };
        let stages = &self.tables.directory.find_route(&case.route)?.stages;
        let had = (0u16..).zip(stages).filter(|(_, stage)| case.has(stage)).map(|(place, _)| place);
        let skipped = usize::from(is(Planted::StageSkipped));
        Ok(Some(match step {
            CaseStep::Next => {
                let mut next = had.skip_while(|place| *place <= case.stage).skip(skipped);
                next.next().map_or(Onward::Close(CaseEnd::Done), Onward::Stage)
            }
            CaseStep::Close => Onward::Close(CaseEnd::ClosedEarly),
            CaseStep::Return if is(Planted::ReturnIgnored) => Onward::Stage(case.stage),
            CaseStep::Return => match had.take_while(|place| *place < case.stage).last() {
                Some(before) => Onward::Stage(before),
                None => {
                    return Err(invalid("step", "the case is at its first stage; there is none before it"));
                }
            },
        }))
    }

    /// The case whose present work the contact is.
    pub(super) fn case_of_work(&self, contact: &Contact) -> Option<&Case> {
        let case = self.tables.find_case(contact.case?)?;
        (case.contact == Some(contact.id)).then_some(case)
    }

    /// The stage's contact was completed: the next stage begins, or the case is over.
    pub(super) fn go_on(&mut self, contact: u32, operator: OperatorId, onward: Onward) {
        let before = self.tables.contact(contact).clone();
        let Some(case) = self.case_of_work(&before).map(|case| case.id.slot) else { return };
        self.end_stage(case, Some(operator));
        match onward {
            Onward::Stage(stage) => self.begin_stage(case, stage, &before),
            Onward::Close(why) => self.close_case(case, why),
        }
    }

    /// A contact ended. If it was the work of a case and not completed, the case is over with it.
    pub(crate) fn leave_case(&mut self, contact: u32, reason: EndReason) {
        let row = self.tables.contact(contact);
        let Some(case) = self.case_of_work(row).map(|case| case.id.slot) else { return };
        let (why, operator) = match reason {
            EndReason::Abandoned => (CaseEnd::Withdrawn, None),
            EndReason::Closed(operator) => (CaseEnd::ClosedEarly, operator),
            // Where the case goes then is the operator's word; the others do not end the work of a case.
            EndReason::Completed(_)
            | EndReason::Merged(_)
            | EndReason::OperatorLost(_)
            | EndReason::ConsultOver(_)
            | EndReason::Deflected(_) => return,
        };
        self.end_stage(case, operator);
        self.close_case(case, why);
    }

    fn end_stage(&mut self, slot: u32, operator: Option<OperatorId>) {
        let case = self.tables.case(slot);
        let done = StageDone {
            stage: case.stage,
            name: self.stage_of(&case.route, case.stage).map(|stage| stage.name.clone()).unwrap_or_default(),
            since: case.stage_since,
            due: case.stage_due,
            ended: self.now,
            operator,
            escalated: case.escalated,
        };
        self.tables.change_case(slot, |row| {
            row.late |= done.ended > done.due;
            if row.history.len() == CASE_HISTORY_MAX {
                row.history.remove(0);
            }
            row.history.push(done);
        });
    }

    fn begin_stage(&mut self, slot: u32, stage: u16, before: &Contact) {
        let case = self.tables.case(slot);
        let (id, unit, route, begun) = (case.id, case.unit, case.route.clone(), case.begun + 1);
        let key = self.free_key(before, begun, |n| format!("{}/{n}", case.reference).into());
        let mut work = self.next_work(before, &route, stage, before.channel, key);
        work.case = Some(id);
        let (now, dates, contact) = (self.now, self.dates_of(&route, stage, unit), work.id);
        self.tables.change_case(slot, |row| {
            row.stage = stage;
            row.stage_since = now;
            row.stage_due = dates.due;
            row.warn_at = dates.warn_at;
            row.warned = false;
            row.escalated = false;
            row.begun = begun;
            row.contact = Some(contact);
        });
        self.announce_stage(slot);
        self.arrive(work);
    }

    fn close_case(&mut self, slot: u32, why: CaseEnd) {
        let at = self.now;
        let until = at + self.tables.directory.plan.sessions.key_window;
        self.tables.change_case(slot, |row| {
            row.contact = None;
            row.state = CaseState::Closed { at, why, until };
        });
        let row = self.tables.case(slot);
        let (case, gateway, in_term) = (row.id, row.gateway, row.is_in_term(at));
        if !is(Planted::CaseEndNotTold) {
            self.emit(Effect::AnnounceCaseClosed { case, gateway, end: why, in_term });
        }
    }

    /// What time does to a case up to `due`: the warning, the stage's deadline, that of the whole, in this order; a
    /// closed one is forgotten.
    pub(crate) fn case_timer(&mut self, slot: u32, due: Timestamp) {
        let case = self.tables.case(slot);
        if !case.is_open() {
            return self.tables.remove_case(slot);
        }
        let warns = !case.warned && case.warn_at.is_some_and(|at| at <= due);
        let escalates = !case.escalated && case.stage_due <= due;
        let is_overdue = !case.overdue_told && case.due.is_some_and(|at| at <= due);
        self.tables.change_case(slot, |row| {
            row.warned |= warns;
            row.escalated |= escalates;
            row.overdue_told |= is_overdue;
        });
        let row = self.tables.case(slot);
        let (case, gateway, contact, due) = (row.id, row.gateway, row.contact, row.stage_due);
        if warns {
            self.emit(Effect::WarnCase { case, gateway, due });
            self.notify_watchers(slot, false);
        }
        if escalates {
            for _ in 0..if is(Planted::EscalatedTwice) { 2 } else { 1 } {
                self.emit(Effect::EscalateCase { case, gateway, contact });
            }
            self.notify_watchers(slot, true);
            self.move_late_work(slot);
        }
        if is_overdue {
            self.emit(Effect::EscalateCase { case, gateway, contact: None });
            self.notify_watchers(slot, true);
        }
    }

    /// Tells those who watch the stage and have a session.
    fn notify_watchers(&mut self, slot: u32, escalated: bool) {
        let row = self.tables.case(slot);
        let case = row.id;
        let watchers = self.stage_of(&row.route, row.stage).map(|stage| stage.watchers.clone());
        for login in watchers.unwrap_or_default() {
            let operator = self.tables.find_login(&login);
            let there = operator.filter(|id| self.tables.operator(id.slot).session.is_open());
            if let Some(operator) = there {
                self.emit(Effect::NotifyWatcher { operator, case, escalated });
            }
        }
    }

    /// Work that nobody has in hand at its deadline goes where the stage says.
    fn move_late_work(&mut self, slot: u32) {
        let row = self.tables.case(slot);
        let Some(contact) = row.contact else { return };
        let stage = self.stage_of(&row.route, row.stage);
        let to = stage.and_then(|stage| stage.escalate_to.as_ref());
        let to = to.and_then(|name| self.tables.directory.find_queue(name).ok()).map(|found| found.0);
        if let Some(to) = to.filter(|_| !is(Planted::EscalationNotMoved)) {
            self.move_contact(contact.slot, to);
        }
    }

    fn announce_stage(&mut self, slot: u32) {
        let row = self.tables.case(slot);
        let (case, gateway, stage, due) = (row.id, row.gateway, row.stage, row.stage_due);
        if let Some(contact) = row.contact {
            self.emit(Effect::AnnounceStage { case, gateway, contact, stage, due });
        }
    }

    fn stage_of(&self, route: &Name, stage: u16) -> Option<&Stage> {
        self.tables.directory.find_route(route).ok()?.stages.get(usize::from(stage))
    }

    /// The contact of a stage that begins now, made of the one before it.
    fn next_work(
        &self,
        before: &Contact,
        route: &Name,
        stage: u16,
        channel: ChannelId,
        key: (Name, u128),
    ) -> Contact {
        let (directory, rules) = (&self.tables.directory, self.stage_of(route, stage));
        let queue = rules.and_then(|stage| directory.find_queue(&stage.queue).ok());
        let queue = queue.map_or(before.queue, |found| found.0);
        let own = rules.and_then(|stage| directory.find_channel(stage.channel.as_ref()?).ok());
        let channel = own.map_or(channel, |found| found.0);
        let mut work = self.work_in(queue, before, channel, key);
        let order = rules.and_then(|stage| {
            let principals = stage.call_back.clone()?;
            Some(CallbackOrder { number: before.text.facts.phone.clone()?, principals })
        });
        if let Some(order) = order {
            work.callback = Some(order_hash(&order));
            work.text = Arc::new(Text { callback: Some(order), ..Text::clone(&work.text) });
        }
        work
    }
}
