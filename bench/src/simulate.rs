//! Runs a scenario through the routing core in virtual time: the very rules of a cluster, as fast as the machine
//! allows. The same scenario gives the same rows, commands and chain.
//!
//! At one and the same millisecond the core's timers come first, then offers are accepted, talks end, shifts begin,
//! customers leave, and contacts arrive in the order of the file. A shift ends after everything of the last
//! millisecond before its `to_ms`.

mod cases;
mod companions;
mod duty;
mod ledger;
mod parking;
mod schedule;
mod setup;

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::command::{
    AbandonContact, AnswerOffer, CaseStep, CompleteContact, ContactResult, DeclaredPresence, EnqueueContact,
    SetPresence,
};
use ringmain_routing::effect::{EndReason, WithdrawReason};
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Effect, Epoch, GatewayId, Millis, Name, Outcome, Refusal, Reply,
    Router, Timestamp,
};

use crate::result::{ResultOutcome, ResultRow};
use crate::scenario::{Contact, Scenario, Text};
use cases::CaseBook;
pub use cases::CaseFigures;
pub use companions::{CALLS, CompanionFigures, Companions};
use ledger::{Attempt, Ledger};
use parking::{End, Rests};
use schedule::{Event, Schedule};
use setup::Seat;

pub use duty::BreakFigures;
pub use setup::plan_of;

/// How to run it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Stop the clock here: what is open then is `waiting` or `in_service`. `None`: go on until everybody is
    /// served or nobody can be served any more.
    pub until_ms: Option<u64>,
    /// A share of calls gets companions.
    pub companions: Option<Companions>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// The result, ordered by time.
    pub rows: Vec<ResultRow>,
    /// Commands carried out.
    pub commands: u64,
    /// The core's hash over all commands and outcomes.
    pub chain: u128,
    /// The time of the last command.
    pub end_ms: u64,
    /// Why contacts were rejected: how many by each code of the core's refusals.
    pub rejected: BTreeMap<&'static str, u64>,
    /// How breaks were kept, by name.
    pub breaks: BTreeMap<String, BreakFigures>,
    /// Cases by route; none where the plan has no routes that anybody went.
    pub cases: BTreeMap<String, CaseFigures>,
    /// What came of invitations into a companion channel.
    pub companions: CompanionFigures,
}

/// Why a scenario cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotSimulate {
    /// The core does not take the plan, its operators or their sessions.
    #[error("{what} cannot be set up: {refusal}")]
    SetUp {
        /// What was put to the core.
        what: &'static str,
        /// Its answer.
        refusal: Refusal,
    },
    /// Nobody may be invited into that channel.
    #[error("the plan has no companion channel {channel:?}; give it `companion_ms` and that channel")]
    NoCompanions {
        /// Which channel was asked for.
        channel: String,
    },
    /// The core refused what a correct client does: a bug of ours.
    #[error("{command} at {at_ms} ms was refused: {refusal}")]
    Refused {
        /// The command's name.
        command: &'static str,
        /// When.
        at_ms: u64,
        /// The answer.
        refusal: Refusal,
    },
}

/// Runs a scenario. `progress` hears now and then how many contacts have ended.
///
/// # Errors
/// When the core does not take the plan or the operators.
pub fn simulate(
    scenario: &Scenario,
    options: Options,
    progress: &mut dyn FnMut(u64),
) -> Result<Simulated, CannotSimulate> {
    let mut run = Run::set_up(scenario)?;
    let end = Timestamp(options.until_ms.unwrap_or(u64::MAX));
    run.options = options;
    run.check_companions()?;
    while let Some(at) = run.next_time().filter(|&at| at <= end) {
        if run.router.next_deadline().is_some_and(|deadline| deadline <= at) {
            run.apply(at, &Command::Tick)?;
        } else {
            run.next_event(at)?;
        }
        if run.router.index().0.is_multiple_of(4_096) {
            progress(run.ledger.ended());
        }
    }
    progress(run.ledger.ended());
    Ok(run.finish())
}

/// A scenario on its way.
struct Run<'s> {
    scenario: &'s Scenario,
    router: Router,
    gateway: (GatewayId, Epoch),
    seats: Vec<Seat>,
    /// The seat of each operator slot.
    seat_of_slot: Vec<usize>,
    schedule: Schedule,
    ledger: Ledger,
    rejected: BTreeMap<&'static str, u64>,
    breaks: BTreeMap<String, BreakFigures>,
    /// How long after somebody was freed a timer of rest matters.
    rest_matters: Millis,
    /// Contacts that the core makes: later stages of cases. They stand behind those of the scenario.
    made: Vec<Contact>,
    cases: CaseBook,
    rests: Rests,
    options: Options,
    companions: CompanionFigures,
    /// Calls whose operator was to invite.
    invited: BTreeSet<usize>,
    /// The numbers of companions to come.
    phones: BTreeMap<usize, Text>,
    /// Companions with their operators, and since when.
    linked: BTreeMap<usize, Timestamp>,
    /// The latest end of a wrap-up, hold, break or rest. The core's timers beyond it only forget what has ended.
    timers_matter_until: Timestamp,
}

impl<'s> Run<'s> {
    fn set_up(scenario: &'s Scenario) -> Result<Self, CannotSimulate> {
        let mut router = Router::new();
        setup::put_plan(&mut router, scenario)?;
        let gateway = setup::open_gateway(&mut router)?;
        let seats = setup::seat_operators(&mut router, scenario)?;
        let mut seat_of_slot = vec![0; seats.len()];
        for (i, seat) in seats.iter().enumerate() {
            let slot = seat.id.slot as usize;
            seat_of_slot.resize(seat_of_slot.len().max(slot + 1), 0);
            seat_of_slot[slot] = i;
        }
        let schedule = Schedule::of(scenario, &duty::longest_breaks(scenario, router.plan()));
        let rest_matters = duty::rest_matters(router.plan());
        let ledger = Ledger::new(scenario.contacts.len());
        Ok(Run {
            scenario,
            router,
            gateway,
            seats,
            seat_of_slot,
            schedule,
            ledger,
            rejected: BTreeMap::new(),
            breaks: BTreeMap::new(),
            rest_matters,
            made: Vec::new(),
            rests: Rests::default(),
            cases: CaseBook::default(),
            options: Options::default(),
            companions: CompanionFigures::default(),
            invited: BTreeSet::new(),
            phones: BTreeMap::new(),
            linked: BTreeMap::new(),
            timers_matter_until: Timestamp(0),
        })
    }

    /// A contact of the scenario, or one that the core made.
    fn row(&self, contact: usize) -> &Contact {
        let made = contact.checked_sub(self.scenario.contacts.len());
        made.map_or_else(|| &self.scenario.contacts[contact], |made| &self.made[made])
    }

    /// When something happens next; `None` when nothing can come any more, or nothing that matters.
    fn next_time(&self) -> Option<Timestamp> {
        if self.ledger.all_ended() {
            return None;
        }
        let deadline = self.router.next_deadline().map(|deadline| deadline.max(self.router.now()));
        match (self.schedule.next_ms().map(Timestamp), deadline) {
            (Some(scheduled), Some(deadline)) => Some(scheduled.min(deadline)),
            (Some(scheduled), None) => Some(scheduled),
            (None, deadline) => deadline.filter(|&deadline| deadline <= self.timers_matter_until),
        }
    }

    fn next_event(&mut self, at: Timestamp) -> Result<(), CannotSimulate> {
        match self.schedule.pop() {
            None => Ok(()),
            Some(Event::Arrive { contact } | Event::ArriveMade { contact }) => self.arrive(at, contact),
            Some(Event::Invite { contact }) => self.invite(at, contact),
            Some(Event::Accept { contact, assignment }) => match self.ledger.held(contact, assignment) {
                Some(attempt) if !attempt.is_connected() => {
                    let answer = self.answer(attempt);
                    self.apply(at, &Command::AcceptOffer(answer)).map(drop)
                }
                Some(_) | None => Ok(()),
            },
            Some(Event::EndTalk { contact, assignment }) => self.end_talk(at, contact, assignment),
            Some(Event::Leave { contact }) => match self.ledger.unconnected(contact) {
                Some(id) => {
                    let (gateway, epoch) = self.gateway;
                    let command = Command::AbandonContact(AbandonContact { gateway, epoch, contact: id });
                    self.apply(at, &command).map(drop)
                }
                None => Ok(()),
            },
            Some(Event::BeginShift { operator }) => self.begin_duty(at, operator),
            Some(Event::EndShift { operator }) => self.end_duty(at, operator),
            Some(Event::ComeBack { operator }) => self.come_back(at, operator),
            Some(Event::SignOut { operator }) => self.sign_out(at, operator),
        }
    }

    fn end_talk(
        &mut self,
        at: Timestamp,
        contact: usize,
        assignment: AssignmentEpoch,
    ) -> Result<(), CannotSimulate> {
        if self.ledger.held(contact, assignment).is_none() || self.is_put_off(at, contact, assignment) {
            return Ok(());
        }
        let Some(attempt) = self.ledger.held(contact, assignment) else { return Ok(()) };
        let wrap_up = self.row(contact).wrap_up_ms.map(Millis);
        let answer = self.answer(attempt);
        let (result, step) = (self.result_of(answer.contact), CaseStep::Next);
        self.apply(at, &Command::CompleteContact(CompleteContact { answer, wrap_up, step, result })).map(drop)
    }

    /// The first result that the contact's queue allows, where it asks for one.
    fn result_of(&self, contact: ContactId) -> Option<ContactResult> {
        let view = self.router.contact(contact)?;
        let queue = self.router.plan().queues.iter().find(|queue| queue.name == view.queue)?;
        let rule = queue.rules.results.as_ref()?;
        let first = |names: &[Name]| names.first().cloned().unwrap_or_else(|| "simulated".into());
        Some(ContactResult { topic: first(&rule.topics), outcome: first(&rule.outcomes) })
    }

    fn answer(&self, attempt: &Attempt) -> AnswerOffer {
        let seat = &self.seats[attempt.seat];
        AnswerOffer {
            operator: seat.id,
            epoch: seat.epoch,
            contact: attempt.contact,
            assignment: attempt.assignment,
        }
    }

    fn set_presence(
        &mut self,
        at: Timestamp,
        operator: usize,
        presence: DeclaredPresence,
    ) -> Result<(), CannotSimulate> {
        let seat = &mut self.seats[operator];
        seat.presence_seq += 1;
        let (operator, epoch, seq) = (seat.id, seat.epoch, seat.presence_seq);
        self.apply(at, &Command::SetPresence(SetPresence { operator, epoch, seq, presence })).map(drop)
    }

    /// The one command whose refusal is a result and no error: a full queue rejects.
    fn arrive(&mut self, at: Timestamp, contact: usize) -> Result<(), CannotSimulate> {
        let (gateway, epoch) = self.gateway;
        let row = &self.row(contact).clone();
        let has_entry_rules = !self.router.plan().rules.entry.is_empty();
        let mut command = EnqueueContact { gateway, epoch, ..setup::enqueue(row, has_entry_rules) };
        command.facts = self.facts_of(contact, command.facts);
        let Outcome { reply, effects } = self.router.apply(at, &Command::EnqueueContact(Box::new(command)));
        match reply {
            Ok(Reply::Enqueued { contact: id }) => {
                self.ledger.enqueued(contact, id);
                self.count_companion(at, contact, id);
                let hold =
                    if row.preferred_operator.is_some() { row.sticky_ms.unwrap_or_default() } else { 0 };
                self.timers_matter_until = self.timers_matter_until.max(at + Millis(hold));
                if let Some(patience) = row.patience_ms {
                    self.schedule.push(at.0.saturating_add(patience), Event::Leave { contact });
                }
            }
            Ok(Reply::Merged { contact: id, .. }) => self.ledger.enqueued(contact, id),
            Ok(
                Reply::Done
                | Reply::Opened { .. }
                | Reply::PlanApplied { .. }
                | Reply::Acted { .. }
                | Reply::Taken { .. }
                | Reply::Asked { .. }
                | Reply::Break(_),
            ) => {}
            Err(refusal) => {
                *self.rejected.entry(refusal.code()).or_default() += 1;
                let log_index = self.router.index().0;
                self.ledger.end_unassigned(contact, row, ResultOutcome::Rejected, at.0, log_index, None);
            }
        }
        effects.iter().for_each(|effect| self.take(at, effect));
        Ok(())
    }

    fn apply(&mut self, at: Timestamp, command: &Command) -> Result<Reply, CannotSimulate> {
        let Outcome { reply, effects } = self.router.apply(at, command);
        effects.iter().for_each(|effect| self.take(at, effect));
        reply.map_err(|refusal| CannotSimulate::Refused { command: command.name(), at_ms: at.0, refusal })
    }

    /// Does what the gateway, the operators' desktops and the customers do on hearing of an effect.
    fn take(&mut self, at: Timestamp, effect: &Effect) {
        let log_index = self.router.index().0;
        match *effect {
            Effect::RingOperator { contact, operator, assignment, .. } => {
                let seat = self.seat_of_slot[operator.slot as usize];
                let contact = self.ledger.offered(Attempt::new(contact, seat, assignment, at.0, log_index));
                self.schedule.push(at.0, Event::Accept { contact, assignment });
            }
            Effect::ConnectContact { contact, operator, assignment, .. } => {
                let seat = self.seat_of_slot[operator.slot as usize];
                let attempt = Attempt::new(contact, seat, assignment, at.0, log_index);
                let attempt_contact = contact;
                let contact = self.ledger.connected(attempt, at.0);
                let talk_ms = self.row(contact).service_ms / self.stages_of(attempt_contact);
                self.schedule.push(at.0.saturating_add(talk_ms), Event::EndTalk { contact, assignment });
                self.plan_invitation(at, contact, talk_ms);
            }
            // A customer who leaves is one final row, not an attempt more.
            Effect::WithdrawAssignment { reason: WithdrawReason::Abandoned, operator, .. } => {
                self.hands_changed(at, operator);
            }
            Effect::WithdrawAssignment { contact, operator, .. } => {
                self.hands_changed(at, operator);
                let contact = self.ledger.row_of(contact);
                let row = self.row(contact).clone();
                self.ledger.withdrawn(contact, &row, &self.seats, at.0);
            }
            Effect::StartWrapUp { contact, until, .. } => {
                self.timers_matter_until = self.timers_matter_until.max(until);
                self.ledger.talk_ended(contact, at.0);
            }
            Effect::AnnounceEnded { contact, reason, .. } => {
                let contact = self.ledger.row_of(contact);
                self.ended(at, contact, reason, log_index);
            }
            Effect::ReleaseOperator { operator, .. } => self.hands_changed(at, operator),
            Effect::ParkContact { contact, assignment, on, .. } => self.park(at, contact, assignment, on),
            Effect::AnnouncePresence { operator, presence } => self.presence_changed(at, operator, presence),
            Effect::AnnounceStage { contact, due, .. } => {
                // Late work may be moved to where somebody serves it.
                self.timers_matter_until = self.timers_matter_until.max(due);
                self.cases.take(effect, &self.router);
                self.begin_stage(at, contact);
            }
            Effect::WarnCase { .. } | Effect::EscalateCase { .. } | Effect::AnnounceCaseClosed { .. } => {
                self.cases.take(effect, &self.router);
            }
            Effect::AnnounceQueued { .. }
            | Effect::AnnounceAssigned { .. }
            | Effect::HoldContact { .. }
            | Effect::NotifyWatcher { .. }
            | Effect::InviteCompanion { .. }
            | Effect::OfferDeflection { .. }
            | Effect::CallDuty { .. }
            | Effect::AnnounceEnquiry { .. }
            | Effect::NotifyEnquiry { .. }
            | Effect::SuperviseContact { .. }
            | Effect::AnnounceHelp { .. }
            | Effect::NotifyThread { .. }
            | Effect::AnnounceAlarm { .. }
            | Effect::AnnounceConsult { .. }
            | Effect::JoinConsult { .. }
            | Effect::AnnounceExpectedWait { .. }
            | Effect::AnnounceMoved { .. }
            | Effect::EndStream { .. } => {}
        }
    }

    /// Whether the work rests, or has rested and ends later.
    fn is_put_off(&mut self, at: Timestamp, contact: usize, assignment: AssignmentEpoch) -> bool {
        match self.rests.planned_end((contact, assignment), at.0) {
            End::Now => return false,
            End::At(later) => self.schedule.push(later, Event::EndTalk { contact, assignment }),
            End::WhenResumed => {}
        }
        true
    }

    /// The work rests, or goes on.
    fn park(&mut self, at: Timestamp, contact: ContactId, assignment: AssignmentEpoch, on: bool) {
        let contact = self.ledger.row_of(contact);
        if on {
            self.rests.begin((contact, assignment), at.0);
        } else if let Some(end) = self.rests.end((contact, assignment), at.0) {
            self.schedule.push(end, Event::EndTalk { contact, assignment });
        }
    }

    /// How many stages share the service time of a contact: those that its case has, or one.
    fn stages_of(&self, contact: ContactId) -> u64 {
        let routes = &self.router.plan().rules.routes;
        if routes.is_empty() {
            return 1;
        }
        let case = self.router.contact(contact).and_then(|contact| self.router.case(contact.case?));
        case.and_then(|case| Some(case.stages_in(routes.iter().find(|route| route.name == case.route)?)))
            .unwrap_or(1)
    }

    /// The work of a later stage is made by the core. Nobody hangs up in it.
    fn begin_stage(&mut self, at: Timestamp, id: ContactId) {
        let Some(view) = self.router.contact(id) else { return };
        let Some(case) = view.case.and_then(|case| self.router.case(case)) else { return };
        if case.begun == 1 && case.opened_by.is_none() {
            return;
        }
        let Some(first) = self.cases.first_of(&case.reference, self.scenario) else { return };
        self.made.push(Contact {
            contact_id: (&*view.key).into(),
            queue: (&*view.queue).into(),
            arrival_ms: at.0,
            patience_ms: None,
            ..self.scenario.contacts[first].clone()
        });
        self.ledger.made(id);
    }

    fn ended(&mut self, at: Timestamp, contact: usize, reason: EndReason, log_index: u64) {
        let row = &self.row(contact).clone();
        match reason {
            EndReason::Completed(_) => {
                self.end_companion(at, contact);
                self.ledger.end_served(contact, row, &self.seats, ResultOutcome::Served, at.0);
            }
            // No session is lost in virtual time; were one, the attempt would have ended without service.
            EndReason::OperatorLost(_) => {
                self.ledger.end_served(contact, row, &self.seats, ResultOutcome::Abandoned, at.0);
            }
            // Nobody consults and no supervisor acts in virtual time; a contact closed by one would count as not served.
            EndReason::Abandoned | EndReason::Closed(_) | EndReason::ConsultOver(_) => {
                self.ledger.end_unassigned(contact, row, ResultOutcome::Abandoned, at.0, log_index, None);
            }
            EndReason::Deflected(_) => {
                *self.rejected.entry("deflected").or_default() += 1;
                self.ledger.end_unassigned(contact, row, ResultOutcome::Rejected, at.0, log_index, None);
            }
            EndReason::Merged(into) => {
                let into = self.row(self.ledger.row_of(into)).contact_id.clone();
                self.ledger.end_unassigned(contact, row, ResultOutcome::Merged, at.0, log_index, Some(into));
            }
        }
    }

    fn finish(mut self) -> Simulated {
        for (i, row) in self.scenario.contacts.iter().chain(&self.made).enumerate() {
            self.ledger.end_open(i, row, &self.seats);
        }
        Simulated {
            rows: self.ledger.into_rows(),
            commands: self.router.index().0,
            chain: self.router.chain(),
            end_ms: self.router.now().0,
            rejected: self.rejected,
            breaks: self.breaks,
            cases: self.cases.figures(&self.router),
            companions: self.companions,
        }
    }
}
