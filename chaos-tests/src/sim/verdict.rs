//! What must hold at the end of a run.

use std::collections::BTreeMap;

use ringmain_routing::{Effect, LogIndex, Party, Position};

use super::Sim;
use super::client::{Answered, Heard, SimClient};
use crate::model::ContactState;

impl Sim {
    /// Everybody was served, everybody knows it, and every node has applied everything.
    pub(super) fn all_is_served(&self) -> bool {
        let head = LogIndex(self.log.entries.len() as u64);
        let nodes = self.nodes.iter().all(|node| node.is_in_touch() && node.router.index() == head);
        let served = self.log.judge.model.contacts().all(|contact| contact.state.is_ended());
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
        let entries = &self.log.entries;
        let mut newest = (1..=entries.len() as u64).rev().zip(entries.iter().rev());
        newest.find_map(|(index, entry)| positions(LogIndex(index), &entry.outcome.effects, party).pop())
    }

    /// Why healing did not come to its end.
    pub(super) fn who_is_not_served(&self) -> String {
        let model = &self.log.judge.model;
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
        let nodes: Vec<String> =
            self.nodes.iter().map(|node| format!("{} at {}", node.id(), node.router.index())).collect();
        let operators: Vec<String> = model
            .operators()
            .iter()
            .map(|row| format!("{} {:?} {:?}", row.login, row.presence, row.session.state))
            .collect();
        format!(
            "healing does not end: {waiting:?} {clients:?} {nodes:?} {operators:?} of {}",
            self.log.entries.len()
        )
    }

    pub(super) fn final_verdict(&mut self) -> Result<(), String> {
        self.log.judge.compare_states()?;
        self.judge_nodes()?;
        self.judge_promises()?;
        self.judge_endings()?;
        self.judge_real_time()?;
        for client in &self.clients {
            self.judge_heard(client)?;
        }
        self.report.commands = self.log.entries.len() as u64;
        Ok(())
    }

    /// Equal chains and equal canonical bytes on all nodes (I8).
    fn judge_nodes(&self) -> Result<(), String> {
        let judge = &self.log.judge.router;
        let bytes = judge.snapshot().encode();
        for node in &self.nodes {
            if node.router.chain() != judge.chain() || node.router.snapshot().encode() != bytes {
                return Err(format!("node {} does not hold what the log leads to", node.id()));
            }
        }
        Ok(())
    }

    /// Nothing that was promised is lost, and everybody was served (I1, I11).
    fn judge_promises(&mut self) -> Result<(), String> {
        let model = &self.log.judge.model;
        let mut accepted = 0;
        for client in &self.clients {
            if let Some(broken) = &client.broken {
                return Err(format!("{}: {broken}", client.name));
            }
            for (key, promised) in &client.promised {
                accepted += 1;
                let known = model.contact(*promised).filter(|contact| contact.body.key == *key);
                match known.map(|contact| contact.state) {
                    Some(ContactState::Ended { .. }) => {}
                    other => {
                        return Err(format!(
                            "{} {key} was promised as {promised} and is {other:?}",
                            client.name
                        ));
                    }
                }
            }
        }
        self.report.accepted = accepted;
        Ok(())
    }

    /// Every contact ended exactly once (I9).
    fn judge_endings(&self) -> Result<(), String> {
        let mut endings: BTreeMap<_, u32> = BTreeMap::new();
        for effect in self.log.entries.iter().flat_map(|entry| &entry.outcome.effects) {
            if let Effect::AnnounceEnded { contact, .. } = effect {
                *endings.entry(*contact).or_default() += 1;
            }
        }
        match endings.iter().find(|(_, count)| **count > 1) {
            Some((contact, count)) => Err(format!("{contact} ended {count} times")),
            None => Ok(()),
        }
    }

    /// What was answered before something else began stands before it in the log.
    fn judge_real_time(&self) -> Result<(), String> {
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
                return Err(format!("{answer:?}, but {highest} was answered before"));
            }
        }
        Ok(())
    }

    /// Every event of its own once and in order, over all nodes; a full list stands for what it skips.
    fn judge_heard(&self, client: &SimClient) -> Result<(), String> {
        let Some(party) = client.party else { return Ok(()) };
        let indexed = (1u64..).zip(&self.log.entries);
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
                    return Err(format!("{} heard {position:?} before its first full list", client.name));
                }
                (Heard::Event(position), Some(before)) => {
                    let next = own.iter().find(|own| **own > before);
                    if next != Some(&position) {
                        let name = &client.name;
                        return Err(format!("{name} heard {position:?} after {before:?}, {next:?} was next"));
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
