//! What must hold at the end of a run.

use ringmain_routing::{Effect, LogIndex, Party, Position};

use super::Sim;
use super::client::{Answered, Heard, SimClient};
use super::node::SimNode;
use super::rules::{Breach, Rule};
use crate::compare::same_state;
use crate::model::ContactState;

impl Sim {
    /// Everybody was served, everybody knows it, and every node has applied everything.
    pub(super) fn all_is_served(&self) -> bool {
        let head = LogIndex(self.official.decided.len() as u64);
        let is_level = |node: &SimNode| node.is_up && !node.disk.suspect && node.router.index() == head;
        let nodes = self.nodes.iter().all(is_level);
        let served = self.official.model.contacts().all(|contact| contact.state.is_ended());
        nodes
            && served
            && self.clients.iter().all(|row| row.orders.is_empty() && row.open.is_empty())
            && self.clients.iter().all(|row| self.has_heard_all(row))
    }

    fn has_heard_all(&self, client: &SimClient) -> bool {
        let Some(party) = client.party else { return true };
        self.last_for(party).is_none_or(|last| last <= client.client.cursor())
    }

    /// The party's last event in the log.
    fn last_for(&self, party: Party) -> Option<Position> {
        let entries = &self.official.decided;
        let mut newest = (1..=entries.len() as u64).rev().zip(entries.iter().rev());
        newest.find_map(|(index, entry)| positions(LogIndex(index), &entry.outcome.effects, party).pop())
    }

    /// Why healing did not come to its end.
    pub(super) fn who_is_not_served(&self) -> String {
        let model = &self.official.model;
        let waiting: Vec<String> = model
            .contacts()
            .filter(|contact| !contact.state.is_ended())
            .map(|contact| format!("{} {:?}", contact.id, contact.state))
            .collect();
        let clients: Vec<String> = self
            .clients
            .iter()
            .filter(|row| !row.open.is_empty() || !row.orders.is_empty() || !self.has_heard_all(row))
            .map(|row| {
                format!("{}: {} unanswered, cursor {:?}", row.name, row.open.len(), row.client.cursor())
            })
            .collect();
        let nodes: Vec<String> = self.nodes.iter().map(SimNode::describe).collect();
        let operators: Vec<String> = model
            .operators()
            .iter()
            .map(|row| format!("{} {:?} {:?}", row.login, row.presence, row.session.state))
            .collect();
        format!(
            "healing does not end: {waiting:?} {clients:?} {nodes:?} {operators:?} of {}",
            self.official.decided.len()
        )
    }

    pub(super) fn final_verdict(&mut self) -> Result<(), Breach> {
        self.official.compare_states()?;
        self.judge_nodes()?;
        self.judge_promises()?;
        self.judge_real_time()?;
        for client in &self.clients {
            self.judge_heard(client)?;
        }
        self.report.commands = self.official.decided.len() as u64;
        Ok(())
    }

    /// Equal chains and equal canonical bytes on all nodes (I8).
    fn judge_nodes(&self) -> Result<(), Breach> {
        let judge = &self.official.router;
        let bytes = judge.snapshot().encode();
        for node in &self.nodes {
            if node.router.chain() != judge.chain() || node.router.snapshot().encode() != bytes {
                let difference = same_state(&self.official.model, &node.router).err();
                let place = if node.router.chain() == judge.chain() { "its snapshot" } else { "its chain" };
                let what = format!(
                    "node {} does not hold what the log leads to: {}",
                    node.id(),
                    difference.unwrap_or_else(|| place.to_owned())
                );
                return Err(Breach::new(Rule::I8, what));
            }
        }
        Ok(())
    }

    /// Nothing that was promised is lost, and everybody was served (I1, I11).
    fn judge_promises(&mut self) -> Result<(), Breach> {
        let model = &self.official.model;
        let mut accepted = 0;
        for client in &self.clients {
            for (key, (promised, _)) in &client.promised {
                accepted += 1;
                let known = model.contact(*promised).filter(|contact| contact.body.key == *key);
                match known.map(|contact| contact.state) {
                    Some(ContactState::Ended { .. }) => {}
                    None if self.official.was_forgotten(*promised, model.now()) => {}
                    other => {
                        let what =
                            format!("{} {key} was promised as {promised} and is {other:?}", client.name);
                        return Err(Breach::new(Rule::I1, what));
                    }
                }
            }
        }
        self.report.accepted = accepted;
        Ok(())
    }

    /// What was answered before something else began stands before it in the log.
    fn judge_real_time(&self) -> Result<(), Breach> {
        let mut all: Vec<Answered> =
            self.clients.iter().flat_map(|row| row.answered.iter().copied()).collect();
        all.sort_by_key(|answer| answer.invoked);
        let mut by_return = all.clone();
        by_return.sort_by_key(|answer| answer.returned);
        let mut returned = by_return.into_iter().peekable();
        let mut highest = LogIndex(0);
        for answer in all {
            while let Some(before) = returned.next_if(|before| before.returned < answer.invoked) {
                highest = highest.max(before.index);
            }
            if answer.index <= highest {
                let what = format!("{answer:?}, but {highest} was answered before");
                return Err(Breach::new(Rule::I5, what));
            }
        }
        Ok(())
    }

    /// Every event of its own once and in order, over all nodes; a full list stands for what it skips.
    fn judge_heard(&self, client: &SimClient) -> Result<(), Breach> {
        let Some(party) = client.party else { return Ok(()) };
        let indexed = (1u64..).zip(&self.official.decided);
        let own: Vec<Position> = indexed
            .flat_map(|(index, entry)| positions(LogIndex(index), &entry.outcome.effects, party))
            .collect();
        let mut at = None;
        for heard in &client.heard {
            match (*heard, at) {
                (Heard::Born, _) => at = None,
                (Heard::Resync(as_of), before) => {
                    at = Some(before.map_or(as_of, |before: Position| before.max(as_of)))
                }
                (Heard::Event(position), None) => {
                    let what = format!("{} heard {position:?} before its first full list", client.name);
                    return Err(Breach::new(Rule::I11, what));
                }
                (Heard::Event(position), Some(before)) => {
                    let next = own.iter().find(|own| **own > before);
                    if next != Some(&position) {
                        let name = &client.name;
                        let what = format!("{name} heard {position:?} after {before:?}, {next:?} was next");
                        return Err(Breach::new(Rule::I11, what));
                    }
                    at = Some(position);
                }
            }
        }
        Ok(())
    }
}

fn positions(index: LogIndex, effects: &[Effect], party: Party) -> Vec<Position> {
    let is_own = |effect: &Effect| match party {
        Party::Gateway(id) => effect.gateway() == Some(id),
        Party::Operator(id) => effect.operator() == Some(id),
    };
    let numbered = (0u32..).zip(effects).filter(|(_, effect)| is_own(effect));
    numbered.map(|(n, _)| Position { index, n }).collect()
}
