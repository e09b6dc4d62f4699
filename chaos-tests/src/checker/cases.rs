//! Contacts that no command brought: the work of a case's later stages, and of a case that a call is handed over to; and
//! consultations, and promised calls.

use std::collections::BTreeMap;

use ringmain_routing::{CaseId, ContactId, Name};

use super::book::{Phase, Row};
use super::walk::Walk;

/// What the walk knows of cases.
#[derive(Debug, Default)]
pub(super) struct Cases {
    known: BTreeMap<CaseId, Case>,
    /// The call that the present command hands to the back office.
    pub(super) handed_over: Option<ContactId>,
    /// The caller whom the present command frees with a promise.
    pub(super) freed: Option<ContactId>,
}

#[derive(Clone, Debug)]
struct Case {
    reference: Name,
    /// Stages begun so far.
    begun: u32,
    /// The work of the last of them.
    work: ContactId,
}

impl Walk<'_> {
    /// A stage begins. Its work is a contact that a command has just brought, or one that is known from here on.
    pub(super) fn begin_stage(&mut self, id: CaseId, work: ContactId) {
        if let Some(row) = self.rows.get(&work).filter(|row| !row.is_ended()) {
            let case = Case { reference: row.key.clone(), begun: 1, work };
            self.cases.known.insert(id, case);
            return;
        }
        let handed_over = self.cases.handed_over.take();
        let case = match (handed_over, self.cases.known.get(&id)) {
            (Some(call), _) => {
                let Some(row) = self.rows.get(&call) else { return };
                Case { reference: row.key.clone(), begun: 1, work: call }
            }
            (None, Some(case)) => Case { begun: case.begun + 1, ..case.clone() },
            (None, None) => return,
        };
        let Some(before) = self.rows.get(&case.work).cloned() else { return };
        // What it takes is the new queue's, which the effects do not say.
        self.loads_are_known = false;
        let key = self.free_key(&before.gateway, &format!("{}/", case.reference), case.begun);
        self.keys.insert((before.gateway.clone(), key.clone()), work);
        self.rows.insert(work, self.made_of(before, work, key));
        self.cases.known.insert(id, Case { work, ..case });
    }

    /// An operator asks a colleague about a contact: the consultation is known from here on.
    pub(super) fn begin_consult(&mut self, leg: ContactId, of: ContactId) {
        let Some(matter) = self.rows.get(&of).cloned() else { return };
        // What it takes is what the command, the queue asked or the channel says.
        self.loads_are_known = false;
        let key = self.free_key(&matter.gateway, &format!("{}+", matter.key), 1);
        self.keys.insert((matter.gateway.clone(), key.clone()), leg);
        self.rows.insert(leg, self.made_of(matter, leg, key));
    }

    /// A caller was promised to be called: where the call is a new contact, it is known from here on.
    pub(super) fn begin_call(&mut self, call: ContactId) {
        if self.rows.contains_key(&call) {
            return;
        }
        let freed = self.cases.freed.take().and_then(|freed| self.rows.get(&freed).cloned());
        let Some(freed) = freed else { return };
        // What it takes is what the queue or the channel says.
        self.loads_are_known = false;
        let key = self.free_key(&freed.gateway, &format!("{}~", freed.key), 1);
        self.keys.insert((freed.gateway.clone(), key.clone()), call);
        self.rows.insert(call, self.made_of(freed, call, key));
    }

    /// A promise gives an order that waits another time, and an answer lets a call go before its own; which of them it is
    /// the effects do not say.
    pub(super) fn forget_later_times(&mut self) {
        for row in self.rows.values_mut().filter(|row| row.phase == Phase::Waiting && !row.is_due) {
            (row.not_before, row.order_is_known) = (None, false);
        }
    }

    fn made_of(&self, before: Row, id: ContactId, key: Name) -> Row {
        Row {
            id,
            key,
            enqueued_at: self.now,
            index: self.index,
            not_before: None,
            preferred: None,
            held_until: None,
            exclusions: Vec::new(),
            assignment: 0,
            holder: None,
            phase: Phase::Waiting,
            is_due: true,
            in_line: false,
            order_is_known: false,
            was_served: false,
            class_is_known: false,
            wrap_ups: Vec::new(),
            ..before
        }
    }

    /// The first key of the case's that no contact has which is remembered.
    fn free_key(&self, gateway: &Name, begin: &str, from: u32) -> Name {
        let keys = (from..=u32::MAX).map(|n| Name::from(format!("{begin}{n}")));
        let is_free = |key: &Name| {
            let holder = self.keys.get(&(gateway.clone(), key.clone()));
            holder.and_then(|id| self.rows.get(id)).is_none_or(|row| match row.phase {
                Phase::Ended { forget_at } => forget_at <= self.now,
                Phase::Waiting | Phase::Offered | Phase::Handling | Phase::WrapUp | Phase::Released => false,
            })
        };
        keys.into_iter().find(is_free).expect("there are fewer contacts than numbers")
    }
}
