//! A node is silent or has started anew: the sessions of its earlier runs are lost, a bounded number of rows per
//! entry.

use crate::command::{NodeLost, NodeStarted};
use crate::effect::Reply;
use crate::ids::{GatewayId, Incarnation, NodeId, OperatorId, Party};
use crate::limits::JOB_ROWS_PER_ENTRY_MAX;
use crate::planted::{Planted, is};
use crate::router::{Job, LoseSessions, Router};
use crate::session::{Session, SessionState};

impl Router {
    pub(crate) fn node_started(&mut self, command: &NodeStarted) -> Reply {
        if let Some(earlier) = command.incarnation.0.checked_sub(1) {
            self.lose_sessions_of(command.node, Incarnation(earlier));
        }
        Reply::Done
    }

    pub(crate) fn node_lost(&mut self, command: &NodeLost) -> Reply {
        self.lose_sessions_of(command.node, command.incarnation);
        Reply::Done
    }

    /// One job a node and run is enough: a repeat while it is under way, from its start, changes nothing more.
    fn lose_sessions_of(&mut self, node: NodeId, incarnation: Incarnation) {
        let job = Job::LoseSessions(LoseSessions { node, incarnation, gateways: false, next_slot: 0 });
        if !self.jobs.contains(&job) {
            self.jobs.push_back(job);
        }
    }

    /// Advances the first job by a bounded number of rows. What it frees is matched when the step is over, so that
    /// nothing goes to an operator who is about to be lost.
    pub(crate) fn advance_job(&mut self) {
        let rest = match self.jobs.pop_front() {
            None => return,
            Some(Job::LoseSessions(job)) => self.lose_some(job).map(Job::LoseSessions),
            Some(Job::MoveLine(job)) => self.move_some(job).map(Job::MoveLine),
            Some(Job::MoveStranded(job)) => self.move_some_stranded(job).map(Job::MoveStranded),
        };
        self.settle();
        if let Some(job) = rest {
            self.jobs.push_front(job);
        }
    }

    /// One step; what is left of the job.
    fn lose_some(&mut self, mut job: LoseSessions) -> Option<LoseSessions> {
        for _ in 0..JOB_ROWS_PER_ENTRY_MAX {
            let slots =
                if job.gateways { self.tables.gateways.slots() } else { self.tables.operators.slots() };
            if job.next_slot < slots {
                self.lose_if_on(&job);
                job.next_slot += 1;
            } else if job.gateways {
                return None;
            } else {
                (job.gateways, job.next_slot) = (true, 0);
            }
        }
        Some(job)
    }

    fn lose_if_on(&mut self, job: &LoseSessions) {
        let slot = job.next_slot;
        let is_lost = |session: &Session| match session.state {
            SessionState::Live { node, incarnation } => {
                let is_older = incarnation <= job.incarnation && !is(Planted::OldRunAccepted);
                node == job.node && is_older
            }
            SessionState::None | SessionState::Grace { .. } => false,
        };
        let party = if job.gateways {
            let generation = self.tables.gateways.generation(slot);
            let row = self.tables.gateways.at(slot).filter(|row| is_lost(&row.session));
            row.map(|_| Party::Gateway(GatewayId { slot, generation }))
        } else {
            let generation = self.tables.operators.generation(slot);
            let row = self.tables.operators.at(slot).filter(|row| is_lost(&row.session));
            row.map(|_| Party::Operator(OperatorId { slot, generation }))
        };
        if let Some(party) = party {
            self.start_grace(party);
        }
    }
}
