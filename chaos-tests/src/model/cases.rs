//! Cases go a route of stages, each the work of one contact, each with a term (R1.3, R5).

use ringmain_routing::command::{AnswerOffer, CallbackOrder, CaseStep, EnqueueContact};
use ringmain_routing::limits::{CASE_HISTORY_MAX, CASES_MAX};
use ringmain_routing::rules::{Facts, Route, Stage};
use ringmain_routing::{
    CaseEnd, CaseId, CaseState, ContactId, Effect, Epoch, GatewayId, Millis, Name, OperatorId, Plan, Refusal,
    Reply, StageDone, Timestamp,
};

use super::answers::stale_assignment;
use super::bounds;
use super::entry::Entrance;
use super::rest::calendar_of;
use super::state::{Contact, ContactState, SessionState};
use super::{Freed, Model};

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its id.
    pub id: CaseId,
    /// Whose it is.
    pub gateway: GatewayId,
    /// The key of the contact that it came with.
    pub reference: Name,
    /// The way that it goes.
    pub route: Name,
    /// Where it is on that.
    pub stage: u16,
    /// Where the customer belongs.
    pub unit: Option<Name>,
    /// How the customer wants the answer.
    pub reply_by: Option<Name>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When all of it is due.
    pub due: Option<Timestamp>,
    /// When the stage began.
    pub stage_since: Timestamp,
    /// When the stage is due.
    pub stage_due: Timestamp,
    /// When that is near.
    pub warn_at: Option<Timestamp>,
    /// That was told.
    pub warned: bool,
    /// That the stage is late was told.
    pub escalated: bool,
    /// That the whole is late was told.
    pub overdue_told: bool,
    /// A stage ended behind its deadline.
    pub late: bool,
    /// Stages begun.
    pub begun: u32,
    /// The work of the stage.
    pub contact: Option<ContactId>,
    /// What was handed over to the back office.
    pub opened_by: Option<ContactId>,
    /// Stages that are over.
    pub history: Vec<StageDone>,
    /// Open or closed.
    pub state: CaseState,
}

impl Case {
    /// When something is due for it.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        if let CaseState::Closed { until, .. } = self.state {
            return Some(until);
        }
        let warning = self.warn_at.filter(|_| !self.warned);
        let stage = (!self.escalated).then_some(self.stage_due);
        let whole = self.due.filter(|_| !self.overdue_told);
        [warning, stage, whole].into_iter().flatten().min()
    }
}

pub(super) fn route_of<'a>(plan: &'a Plan, name: &str) -> Option<&'a Route> {
    plan.rules.routes.iter().find(|route| &*route.name == name)
}

impl Model {
    /// A case in memory.
    #[must_use]
    pub fn case(&self, id: CaseId) -> Option<&Case> {
        self.cases.get(&id.slot).filter(|case| case.id == id)
    }

    /// All cases in memory.
    pub fn cases(&self) -> impl Iterator<Item = &Case> {
        self.cases.values()
    }

    fn case_mut(&mut self, id: CaseId) -> &mut Case {
        self.cases.get_mut(&id.slot).expect("the caller has just read this case")
    }

    /// What the contact's case is called among those who remember.
    pub(super) fn case_name(&self, contact: &Contact) -> Option<Name> {
        let on_route = || contact.case.and_then(|id| self.case(id)).map(|case| case.reference.clone());
        contact.body.facts.case.clone().or_else(on_route)
    }

    /// The open case whose present stage is the work of this contact.
    pub(super) fn case_of_work(&self, contact: &Contact) -> Option<CaseId> {
        let is_work = match contact.state {
            ContactState::Waiting | ContactState::Offered { .. } | ContactState::Handling { .. } => true,
            ContactState::WrapUp { .. } | ContactState::Ended { .. } => false,
        };
        let case = contact.case.and_then(|id| self.case(id)).filter(|_| is_work);
        let open = case.filter(|case| case.state == CaseState::Open && case.contact == Some(contact.id));
        open.map(|case| case.id)
    }

    fn stage_of(&self, case: &Case) -> Stage {
        let route = route_of(&self.plan, &case.route);
        let stage = route.and_then(|route| route.stages.get(usize::from(case.stage)));
        stage.expect("a plan keeps the stages that open cases are in").clone()
    }

    /// From now on in the working time of the case.
    fn in_working_time(&self, unit: Option<&Name>, route: &Name, term: Millis) -> Timestamp {
        let units = &self.plan.units;
        let mut here = unit.and_then(|unit| units.iter().find(|row| row.name == *unit));
        let mut calendar = None;
        while let Some(row) = here {
            calendar = row.rules.calendar.as_ref();
            if calendar.is_some() {
                break;
            }
            here = row.parent.and_then(|parent| units.get(parent.0 as usize));
        }
        let by_route = || route_of(&self.plan, route).and_then(|route| route.calendar.as_ref());
        let calendar = calendar_of(&self.plan, calendar.or_else(by_route));
        let by_calendar = calendar.and_then(|calendar| calendar.working_until(self.now, term));
        by_calendar.unwrap_or(self.span_after_now(term))
    }

    pub(super) fn check_room_for_case(&self) -> Result<(), Refusal> {
        let is_full = self.cases.len() as u64 >= CASES_MAX;
        let refusal = || Refusal::LimitReached { what: "cases".into(), limit: CASES_MAX };
        if is_full { Err(refusal()) } else { Ok(()) }
    }

    /// A case opens with this contact; its first stage has not begun.
    pub(super) fn open_case(&mut self, contact: ContactId, route: &Name) -> CaseId {
        let slot = self.free_case_slots.pop().unwrap_or_else(|| {
            self.case_slot_uses.push(0);
            self.case_slot_uses.len() as u32 - 1
        });
        let uses = &mut self.case_slot_uses[slot as usize];
        let id = CaseId { slot, generation: *uses };
        *uses += 1;
        let now = self.now;
        let row = self.contact_row(contact).clone();
        let unit = row.body.facts.unit.clone();
        let term = route_of(&self.plan, route).and_then(|route| route.term);
        let case = Case {
            id,
            gateway: row.gateway(),
            reference: row.body.key.clone(),
            route: route.clone(),
            stage: 0,
            due: term.map(|term| self.in_working_time(unit.as_ref(), route, term)),
            unit,
            reply_by: row.body.facts.reply_by.clone(),
            opened_at: now,
            stage_since: now,
            stage_due: now,
            warn_at: None,
            warned: false,
            escalated: false,
            overdue_told: false,
            late: false,
            begun: 0,
            contact: None,
            opened_by: None,
            history: Vec::new(),
            state: CaseState::Open,
        };
        self.cases.insert(slot, case);
        self.contact_mut(contact).case = Some(id);
        id
    }

    /// A stage begins with this contact as its work.
    pub(super) fn begin_stage(&mut self, id: CaseId, stage: u16, contact: ContactId) {
        let now = self.now;
        self.case_mut(id).stage = stage;
        let case = self.case(id).expect("it is open").clone();
        let rules = self.stage_of(&case);
        let until = |term: Millis| self.in_working_time(case.unit.as_ref(), &case.route, term);
        let due = until(rules.term);
        let warning = || until(Millis(rules.term.0.saturating_sub(rules.warn_before.0))).min(due);
        let warn_at = (rules.warn_before.0 > 0).then(warning);
        let row = self.case_mut(id);
        (row.stage_since, row.stage_due, row.warn_at) = (now, due, warn_at);
        (row.warned, row.escalated) = (false, false);
        row.begun += 1;
        row.contact = Some(contact);
        let gateway = row.gateway;
        self.effects.push(Effect::AnnounceStage { case: id, gateway, contact, stage, due });
    }

    /// What the word about a stage comes to: nothing where the contact is no stage's.
    pub(super) fn check_step(&self, contact: &Contact, step: CaseStep) -> Result<Option<CaseId>, Refusal> {
        let case = self.case_of_work(contact);
        let before = case.and_then(|id| self.case(id)).and_then(|case| self.stage_before(case));
        let makes_sense = match step {
            CaseStep::Next => true,
            CaseStep::Return => before.is_some(),
            CaseStep::Close => case.is_some(),
        };
        bounds::check(makes_sense, "step")?;
        Ok(case)
    }

    /// The stage was completed: the next one begins, or the case is closed.
    pub(super) fn go_on(&mut self, id: CaseId, of: ContactId, by: OperatorId, step: CaseStep) -> Freed {
        self.end_stage(id, Some(by));
        let case = self.case(id).expect("it is open");
        let next = match step {
            CaseStep::Next => self.stages_of(case).into_iter().find(|place| *place > case.stage),
            CaseStep::Return => self.stage_before(case),
            CaseStep::Close => {
                self.close_case(id, CaseEnd::ClosedEarly);
                return Freed::default();
            }
        };
        let Some(next) = next else {
            self.close_case(id, CaseEnd::Done);
            return Freed::default();
        };
        let first = self.case(id).expect("it is open").begun + 1;
        let channel = self.contact_row(of).body.channel.clone();
        let contact = self.make_work(id, of, next, (channel, first));
        self.begin_stage(id, next, contact);
        Freed::queued(contact)
    }

    /// The places of those stages of its route that the case has, by the plan in force.
    fn stages_of(&self, case: &Case) -> Vec<u16> {
        let stages = route_of(&self.plan, &case.route).map_or(&[][..], |route| &route.stages);
        let is_had = |stage: &Stage| {
            stage.reply_by.is_empty()
                || case.reply_by.as_ref().is_some_and(|way| stage.reply_by.contains(way))
        };
        (0..).zip(stages).filter(|(_, stage)| is_had(stage)).map(|(place, _)| place).collect()
    }

    fn stage_before(&self, case: &Case) -> Option<u16> {
        self.stages_of(case).into_iter().rfind(|place| *place < case.stage)
    }

    fn end_stage(&mut self, id: CaseId, operator: Option<OperatorId>) {
        let now = self.now;
        let name = self.stage_of(self.case(id).expect("it is open")).name;
        let case = self.case_mut(id);
        case.history.push(StageDone {
            stage: case.stage,
            name,
            since: case.stage_since,
            due: case.stage_due,
            ended: now,
            operator,
            escalated: case.escalated,
        });
        if case.history.len() > CASE_HISTORY_MAX {
            case.history.remove(0);
        }
        case.late |= now > case.stage_due;
    }

    /// The contact that is the work of a stage, made of the one before.
    fn make_work(&mut self, id: CaseId, of: ContactId, stage: u16, (channel, n): (Name, u32)) -> ContactId {
        let before = self.contact_row(of).clone();
        let case = self.case(id).expect("it is open").clone();
        let route = route_of(&self.plan, &case.route).expect("a plan keeps routes of open cases");
        let rules = &route.stages[usize::from(stage)];
        let queue = rules.queue.clone();
        let channel = rules.channel.clone().unwrap_or(channel);
        let facts = Facts { reply_by: case.reply_by.clone(), ..before.body.facts.clone() };
        let call = rules.call_back.clone().zip(facts.phone.clone());
        let key = |n: u32| Name::from(format!("{}/{n}", case.reference));
        let is_free = |n: &u32| self.contact_by_key(case.gateway, &key(*n)).is_none();
        let n = (n..).find(is_free).expect("there are fewer contacts than numbers");
        let body = EnqueueContact {
            gateway: case.gateway,
            epoch: Epoch(0),
            key: key(n),
            queue: queue.clone(),
            channel,
            tier: before.tier_given,
            head_start: Millis(0),
            skills: Vec::new(),
            scope: None,
            units: None,
            not_before: None,
            preferred: None,
            callback: call.map(|(principals, number)| CallbackOrder { number, principals }),
            details: before.details.clone(),
            facts,
        };
        let entrance = Entrance {
            queue,
            tier: before.tier_given,
            head_start: Millis(0),
            skills: Vec::new(),
            own_unit: false,
            owner: None,
            route: None,
        };
        let own = self.asked_for_itself(&before);
        let contact = self.add_contact(body, &entrance, Millis(0));
        let row = self.contact_mut(contact);
        row.own = Some(own);
        row.wish = Some(before.wish.unwrap_or_default());
        row.case = Some(id);
        row.rule_owner = before.rule_owner;
        row.note = before.note;
        row.wants_people = before.wants_people;
        row.context = before.context;
        row.is_made = true;
        self.totals_mut(contact).entered += 1;
        contact
    }

    fn close_case(&mut self, id: CaseId, why: CaseEnd) {
        let (at, until) = (self.now, self.span_after_now(self.plan.sessions.key_window));
        let case = self.case_mut(id);
        case.contact = None;
        case.state = CaseState::Closed { at, why, until };
        let (gateway, in_term) = (case.gateway, case.due.map_or(!case.late, |due| at <= due));
        self.effects.push(Effect::AnnounceCaseClosed { case: id, gateway, end: why, in_term });
    }

    /// The contact of a stage has ended without having been completed.
    pub(super) fn end_case(&mut self, id: CaseId, operator: Option<OperatorId>, why: CaseEnd) {
        self.end_stage(id, operator);
        self.close_case(id, why);
    }

    pub(super) fn fire_case(&mut self, id: CaseId, due: Timestamp) {
        let Some(case) = self.case(id).cloned() else { return };
        if case.state != CaseState::Open {
            self.cases.remove(&id.slot);
            self.free_case_slots.push(id.slot);
            return;
        }
        let is_over = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= due);
        let gateway = case.gateway;
        if !case.warned && is_over(case.warn_at) {
            self.case_mut(id).warned = true;
            self.effects.push(Effect::WarnCase { case: id, gateway, due: case.stage_due });
            self.notify_watchers(&case, false);
        }
        let mut freed = Freed::default();
        if !case.escalated && is_over(Some(case.stage_due)) {
            self.case_mut(id).escalated = true;
            self.effects.push(Effect::EscalateCase { case: id, gateway, contact: case.contact });
            self.notify_watchers(&case, true);
            let to = self.stage_of(&case).escalate_to;
            let contact = case.contact.map(|contact| self.contact_row(contact));
            let waiting = contact.filter(|row| row.state == ContactState::Waiting).map(|row| row.id);
            if let (Some(contact), Some(to)) = (waiting, to) {
                freed.join(self.move_to_queue(contact, &to));
            }
        }
        if !case.overdue_told && is_over(case.due) {
            self.case_mut(id).overdue_told = true;
            self.effects.push(Effect::EscalateCase { case: id, gateway, contact: None });
            self.notify_watchers(&case, true);
        }
        self.settle(freed);
    }

    fn notify_watchers(&mut self, case: &Case, escalated: bool) {
        for login in self.stage_of(case).watchers {
            let row = self.operators.iter().find(|row| row.login == login);
            let here = row.filter(|row| row.session.state != SessionState::None).map(|row| row.id);
            if let Some(operator) = here {
                self.effects.push(Effect::NotifyWatcher { operator, case: case.id, escalated });
            }
        }
    }

    /// A talk is over, and the rest of it is a case.
    pub(super) fn hand_to_back_office(
        &mut self,
        answer: &AnswerOffer,
        (route, channel, reply_by): (&Name, &Name, Option<&Name>),
        wrap_up: Option<Millis>,
    ) -> Result<Reply, Refusal> {
        let state = self.check_answer(answer)?;
        let id = answer.contact;
        let contact = self.contact_row(id);
        let operator = match state {
            ContactState::Handling { operator, .. } => operator,
            ContactState::Waiting => return Err(stale_assignment(contact)),
            ContactState::WrapUp { .. } | ContactState::Ended { .. } if contact.handed_over => {
                return Ok(Reply::Done);
            }
            ContactState::Offered { .. } | ContactState::WrapUp { .. } | ContactState::Ended { .. } => {
                return self.wrong_state_of(id);
            }
        };
        bounds::check(contact.leg.is_none(), "contact")?;
        if route_of(&self.plan, route).is_none() {
            return Err(Refusal::UnknownRoute(route.clone()));
        }
        if !self.plan.channels.iter().any(|row| row.name == *channel) {
            return Err(Refusal::UnknownChannel(channel.clone()));
        }
        bounds::check(contact.case.is_none(), "to.route")?;
        self.check_room_for_case()?;
        self.totals_mut(id).transferred += 1;
        let row = self.contact_mut(id);
        row.transfers += 1;
        row.handed_over = true;
        let case = self.open_case(id, route);
        let row = self.case_mut(case);
        row.opened_by = Some(id);
        row.reply_by = reply_by.cloned().or(row.reply_by.take());
        let mut freed = self.end_talk(id, operator, wrap_up);
        freed.join(self.end_legs(id));
        let work = self.make_work(case, id, 0, (channel.clone(), 1));
        self.begin_stage(case, 0, work);
        freed.join(Freed::queued(work));
        self.settle(freed);
        Ok(Reply::Done)
    }

    /// A plan keeps the stages that open cases are in.
    pub(super) fn check_routes_in_use(&self, plan: &Plan) -> Result<(), Refusal> {
        let is_lost = |case: &&Case| {
            let stages = route_of(plan, &case.route).map_or(0, |route| route.stages.len());
            case.state == CaseState::Open && usize::from(case.stage) >= stages
        };
        let lost: Vec<&Case> = self.cases.values().filter(is_lost).collect();
        let first = lost.iter().map(|case| &case.route).min();
        first.map_or(Ok(()), |route| {
            let cases = lost.iter().filter(|case| case.route == *route).count() as u32;
            Err(Refusal::RouteInUse { route: route.clone(), cases })
        })
    }
}
