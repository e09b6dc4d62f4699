//! Sessions of gateways and operators: none, live, in grace.

use ringmain_routing::command::{CloseSession, LoseSession, NodeLost, NodeStarted, OpenSession, Role};
use ringmain_routing::effect::{EndReason, PresenceState, WithdrawReason};
use ringmain_routing::limits::{GATEWAYS_MAX, TIMESTAMP_MS_MAX};
use ringmain_routing::plan::Orphan;
use ringmain_routing::rules::OrphanRule;
use ringmain_routing::{ContactId, Effect, Epoch, GatewayId, OperatorId, Party, Refusal, Reply, Timestamp};

use super::Model;
use super::ladder::queue_of;
use super::matching::Freed;
use super::state::{Contact, ContactState, Gateway, Job, Kept, Lose, Session, SessionState};
use super::threads::Rest;

impl Model {
    fn session(&self, party: Party) -> Option<&Session> {
        match party {
            Party::Gateway(id) => self.gateway_row(id).map(|row| &row.session),
            Party::Operator(id) => self.operator_row(id).map(|row| &row.session),
        }
    }

    /// The session of a party that is known to exist.
    pub(super) fn session_mut(&mut self, party: Party) -> &mut Session {
        match party {
            Party::Gateway(id) => &mut self.gateways[id.slot as usize].session,
            Party::Operator(id) => &mut self.operators[id.slot as usize].session,
        }
    }

    pub(super) fn check_gateway(&self, gateway: GatewayId, epoch: Epoch) -> Result<(), Refusal> {
        self.check_session(Party::Gateway(gateway), epoch)
    }

    pub(super) fn check_operator(&self, operator: OperatorId, epoch: Epoch) -> Result<(), Refusal> {
        self.check_session(Party::Operator(operator), epoch)
    }

    fn check_session(&self, party: Party, epoch: Epoch) -> Result<(), Refusal> {
        let session = self.session(party).ok_or(Refusal::UnknownParty)?;
        if session.epoch != epoch {
            Err(Refusal::StaleEpoch { current: session.epoch })
        } else if !session.is_live() {
            Err(Refusal::NotSignedIn)
        } else {
            Ok(())
        }
    }

    /// The party of that name; a gateway comes to exist here.
    fn party_of(&mut self, command: &OpenSession) -> Result<Party, Refusal> {
        super::bounds::check_name("name", &command.name)?;
        match command.role {
            Role::Operator => {
                let row = self.operators.iter().find(|row| row.login == command.name);
                row.map(|row| Party::Operator(row.id)).ok_or(Refusal::UnknownOperator(command.name.clone()))
            }
            Role::Gateway => match self.gateways.iter().find(|row| row.name == command.name) {
                Some(row) => Ok(Party::Gateway(row.id)),
                None if self.gateways.len() as u64 >= GATEWAYS_MAX => {
                    Err(Refusal::LimitReached { what: "gateways".into(), limit: GATEWAYS_MAX })
                }
                None => {
                    let id = GatewayId { slot: self.gateways.len() as u32, generation: 0 };
                    let name = command.name.clone();
                    self.gateways.push(Gateway { id, name, session: Session::default() });
                    Ok(Party::Gateway(id))
                }
            },
        }
    }

    pub(super) fn open_session(&mut self, command: &OpenSession) -> Result<Reply, Refusal> {
        let party = self.party_of(command)?;
        let before = *self.session_mut(party);
        let here = SessionState::Live { node: command.node, incarnation: command.incarnation };
        if before.is_live() {
            let is_same_attempt = before.nonce == command.nonce;
            if is_same_attempt && before.state == here {
                return Ok(Reply::Opened { party, epoch: before.epoch });
            }
            if !is_same_attempt && !command.takeover && command.resume != Some(before.epoch) {
                return Err(Refusal::AlreadySignedIn);
            }
            self.effects.push(Effect::EndStream { party, epoch: before.epoch });
        }
        let epoch = Epoch(before.epoch.0 + 1);
        *self.session_mut(party) = Session { epoch, nonce: command.nonce, state: here };
        if let Party::Operator(operator) = party {
            self.operator_mut(operator).presence_seq = 0;
            self.touch(operator);
            if before.state == SessionState::None {
                self.begin_clocks(operator);
                self.touch_team(operator);
                self.become_present(operator, PresenceState::NotReady(0));
            }
            self.settle(Freed::operator(operator));
        }
        Ok(Reply::Opened { party, epoch })
    }

    pub(super) fn lose_session_of(&mut self, command: &LoseSession) -> Reply {
        let session = self.session(command.party);
        if session.is_some_and(|session| session.epoch == command.epoch && session.is_live()) {
            let freed = self.lose_session(command.party);
            self.settle(freed);
        }
        Reply::Done
    }

    /// A live stream is gone: the grace begins.
    pub(super) fn lose_session(&mut self, party: Party) -> Freed {
        let until = self.span_after_now(self.plan.sessions.grace);
        self.end_stream(party, SessionState::Grace { until })
    }

    /// A live stream ends; offers go back to their places, without exclusion.
    fn end_stream(&mut self, party: Party, into: SessionState) -> Freed {
        let epoch = self.session_mut(party).epoch;
        let was_available = match party {
            Party::Operator(operator) => self.operators[operator.slot as usize].is_available(),
            Party::Gateway(_) => false,
        };
        self.session_mut(party).state = into;
        self.effects.push(Effect::EndStream { party, epoch });
        let Party::Operator(operator) = party else { return Freed::default() };
        self.touch(operator);
        let mut freed = self.release_holds(operator, was_available);
        if was_available {
            freed.join(Freed::exclusions());
        }
        if into != SessionState::None {
            for id in self.hands_of(operator) {
                if let ContactState::Offered { .. } = self.contact_row(id).state {
                    freed.join(self.give_up(id, operator));
                }
            }
            self.end_vain_legs(&mut freed);
        }
        freed
    }

    fn hands_of(&self, operator: OperatorId) -> Vec<ContactId> {
        self.contacts_of(operator).map(|contact| contact.id).collect()
    }

    /// Back to its place, because its operator's session is lost.
    fn give_up(&mut self, id: ContactId, operator: OperatorId) -> Freed {
        if self.contact_row(id).is_leg_to_operator() {
            return self.end_leg(id);
        }
        self.withdraw(id, operator, WithdrawReason::SessionLost);
        self.requeue(id, operator);
        Freed::queued(id)
    }

    /// Contacts that were held for the operator stand in line from here on.
    pub(super) fn release_holds(&mut self, operator: OperatorId, was_available: bool) -> Freed {
        let mut freed = Freed::default();
        for contact in self.contacts.values_mut() {
            let ends = match contact.kept {
                Kept::WhileAvailable => true,
                Kept::UntilGoneAgain => was_available,
                Kept::ForGood => false,
            };
            if ends && contact.held_for.is_some_and(|(known, _)| known == operator) {
                contact.held_for = None;
                freed.contacts.push(contact.id);
            }
        }
        freed
    }

    pub(super) fn close_session(&mut self, command: &CloseSession) -> Result<Reply, Refusal> {
        let session = *self.session(command.party).ok_or(Refusal::UnknownParty)?;
        if session.epoch != command.epoch {
            return Err(Refusal::StaleEpoch { current: session.epoch });
        }
        self.end_session(command.party);
        Ok(Reply::Done)
    }

    /// The session ends as if the grace were over, if there is one.
    pub(super) fn end_session(&mut self, party: Party) {
        let mut freed = match self.session_mut(party).state {
            SessionState::None => return,
            SessionState::Live { .. } => self.end_stream(party, SessionState::None),
            SessionState::Grace { .. } => Freed::default(),
        };
        match party {
            Party::Gateway(_) => self.session_mut(party).state = SessionState::None,
            Party::Operator(operator) => freed.join(self.sign_out(operator)),
        }
        self.settle(freed);
    }

    /// The grace of a party is over.
    pub(super) fn end_grace(&mut self, party: Party) {
        self.session_mut(party).state = SessionState::None;
    }

    /// The operator does not come back: handled contacts follow their queue's orphan rule.
    pub(super) fn sign_out(&mut self, operator: OperatorId) -> Freed {
        self.operator_mut(operator).session.state = SessionState::None;
        self.touch(operator);
        self.touch_team(operator);
        let mut freed = Freed::default();
        for id in self.hands_of(operator) {
            match self.contact_row(id).state {
                ContactState::Offered { .. } => freed.join(self.give_up(id, operator)),
                ContactState::Handling { .. } => {
                    freed.join(self.orphan(id, operator));
                    freed.join(self.end_legs(id));
                }
                ContactState::WrapUp { .. } => self.finish(id, operator),
                ContactState::Waiting | ContactState::Ended { .. } => {}
            }
        }
        self.end_wrap_ups(operator, |_| true);
        self.end_vain_legs(&mut freed);
        freed.join(self.become_present(operator, PresenceState::Offline));
        freed
    }

    fn orphan(&mut self, id: ContactId, operator: OperatorId) -> Freed {
        let contact = self.contact_row(id);
        let is_work = self.case_of_work(contact).is_some();
        let is_resting = contact.rest() == Rest::Resting;
        let rule = if contact.leg.is_some() { OrphanRule::Close } else { self.orphan_rule(contact) };
        if is_resting && (rule != OrphanRule::Close || is_work) {
            self.give_up(id, operator);
            self.fall_asleep(id);
            return Freed::default();
        }
        match rule {
            OrphanRule::Requeue => self.give_up(id, operator),
            OrphanRule::Close if is_work => self.give_up(id, operator),
            OrphanRule::Close => {
                let assignment = contact.assignment;
                self.operator_mut(operator).idle_since = self.now;
                self.effects.push(Effect::ReleaseOperator { contact: id, operator, assignment });
                self.end(id, EndReason::OperatorLost(operator), Some(operator));
                Freed::default()
            }
            OrphanRule::Wait(span) => {
                let until = self.span_after_now(span);
                self.keep_for_absent(id, operator, until, Kept::UntilGoneAgain)
            }
            OrphanRule::Stay => {
                self.keep_for_absent(id, operator, Timestamp(TIMESTAMP_MS_MAX), Kept::ForGood)
            }
        }
    }

    /// Back to its place, but for this operator alone, though that one is away.
    fn keep_for_absent(
        &mut self,
        id: ContactId,
        operator: OperatorId,
        until: Timestamp,
        kept: Kept,
    ) -> Freed {
        let freed = self.give_up(id, operator);
        if !self.fit_to_keep(&self.operators[operator.slot as usize], self.contact_row(id)).holds() {
            return freed;
        }
        let contact = self.contact_mut(id);
        contact.held_for = Some((operator, until));
        contact.kept = kept;
        freed
    }

    /// What the queue says of orphans of this channel, else of all.
    fn orphan_rule(&self, contact: &Contact) -> OrphanRule {
        let queue = queue_of(&self.plan, &contact.queue);
        let of_channel = queue.rules.orphans.iter().find(|(name, _)| *name == contact.body.channel);
        of_channel.map_or_else(
            || match queue.orphan {
                Orphan::Requeue => OrphanRule::Requeue,
                Orphan::Close => OrphanRule::Close,
            },
            |(_, rule)| *rule,
        )
    }

    pub(super) fn node_started(&mut self, command: &NodeStarted) -> Reply {
        self.add_job(Lose {
            node: command.node,
            incarnation: command.incarnation,
            inclusive: false,
            next_operator: 0,
            next_gateway: 0,
        })
    }

    pub(super) fn node_lost(&mut self, command: &NodeLost) -> Reply {
        self.add_job(Lose {
            node: command.node,
            incarnation: command.incarnation,
            inclusive: true,
            next_operator: 0,
            next_gateway: 0,
        })
    }

    /// A job that waits from its start already does what this one would.
    fn add_job(&mut self, job: Lose) -> Reply {
        let takes_nothing = job.incarnation.0 == 0 && !job.inclusive;
        let job = Job::Lose(job);
        if !takes_nothing && !self.jobs.contains(&job) {
            self.jobs.push_back(job);
        }
        Reply::Done
    }
}
