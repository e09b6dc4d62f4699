//! Contacts whom nobody at all could serve: a plan that makes such is refused, unless the queue says where they go; then
//! a job takes them there, a bounded number of rows per entry.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::contact::{Contact, Need, State, Wait};
use crate::directory::Directory;
use crate::ids::{LogIndex, QueueId};
use crate::limits::JOB_ROWS_PER_ENTRY_MAX;
use crate::planted::{Planted, is};
use crate::refusal::Refusal;
use crate::router::{Job, Router};

/// Those who are stranded go where their queues say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoveStranded {
    /// Only contacts that had arrived by the command that stranded them.
    pub arrived_by: LogIndex,
    pub next_slot: u32,
}

impl Router {
    /// A plan under which nobody at all could serve those who wait is refused: they would wait for ever.
    pub(crate) fn check_nobody_stranded(&self, next: &Directory) -> Result<(), Refusal> {
        let (present, mut stranded) = (&self.tables.directory, BTreeMap::<QueueId, u32>::new());
        for ((queue, need), contacts) in self.waiting() {
            if contacts == 0 || present.routes_alike(next, queue) || is(Planted::StrandedByPlan) {
                continue;
            }
            let had_somebody = self.has_somebody_for(present, queue, need);
            if had_somebody
                && !self.has_somebody_for(next, queue, need)
                && self.elsewhere(next, queue, need).is_none()
            {
                *stranded.entry(queue).or_default() += contacts;
            }
        }
        match stranded.first_key_value() {
            Some((&queue, &contacts)) => {
                Err(Refusal::WouldStrand { queue: present.queue(queue).name.clone(), contacts })
            }
            None => Ok(()),
        }
    }

    /// Begins to take away those who are stranded now, if there are any. A job that is under way begins anew.
    pub(crate) fn follow_stranded(&mut self) {
        let directory = &self.tables.directory;
        if !directory.moves_stranded || is(Planted::StrandedStay) {
            return;
        }
        let is_stranded = |((queue, need), contacts): ((QueueId, &Need), u32)| {
            contacts > 0 && self.way_out(queue, need).is_some()
        };
        if self.waiting().any(is_stranded) {
            self.jobs.retain(|job| !matches!(job, Job::MoveStranded(_)));
            self.jobs.push_back(Job::MoveStranded(MoveStranded { arrived_by: self.index, next_slot: 0 }));
        }
    }

    /// One step of the job; what is left of it.
    pub(crate) fn move_some_stranded(&mut self, mut job: MoveStranded) -> Option<MoveStranded> {
        let slots = self.tables.contacts.slots();
        let end = slots.min(job.next_slot.saturating_add(JOB_ROWS_PER_ENTRY_MAX as u32));
        let mut ways = BTreeMap::<(QueueId, Arc<Need>), Option<QueueId>>::new();
        let mut moves = Vec::new();
        for slot in job.next_slot..end {
            let Some(row) = self.tables.contacts.at(slot) else { continue };
            if !is_nobodys(row) || row.index > job.arrived_by {
                continue;
            }
            let way = ways.entry((row.queue, row.need.clone()));
            let to = *way.or_insert_with(|| self.way_out(row.queue, &row.need));
            moves.extend(to.map(|to| (slot, to)));
        }
        for (slot, to) in moves {
            self.move_contact(slot, to);
        }
        job.next_slot = end;
        (end < slots).then_some(job)
    }

    /// Where contacts of the queue go whom nobody could serve here.
    fn way_out(&self, queue: QueueId, need: &Need) -> Option<QueueId> {
        let directory = &self.tables.directory;
        let to = self.elsewhere(directory, queue, need)?;
        (!self.has_somebody_for(directory, queue, need)).then_some(to)
    }

    /// Where a plan takes the stranded contacts of a queue, if somebody could serve these there.
    fn elsewhere(&self, plan: &Directory, queue: QueueId, need: &Need) -> Option<QueueId> {
        let to = plan.rule(queue).stranded_to.filter(|_| need.follows_queue)?;
        plan.check_want(to, need).ok()?;
        self.has_somebody_for(plan, to, need).then_some(to)
    }

    /// Those who wait, in line or not, by what they need: with how many they are.
    fn waiting(&self) -> impl Iterator<Item = ((QueueId, &Need), u32)> {
        let classes = self.tables.ix.classes.iter().map(|(_, class)| class);
        let lines = classes.map(|class| ((class.queue, &*class.need), class.line.len() as u32));
        lines.chain(self.waiting_out_of_line())
    }

    /// Those who wait for a later time or for one operator alone.
    fn waiting_out_of_line(&self) -> BTreeMap<(QueueId, &Need), u32> {
        let mut waiting = BTreeMap::new();
        let in_line: usize = self.tables.ix.classes.iter().map(|(_, class)| class.line.len()).sum();
        let all: usize = self.tables.ix.gauges.iter().map(|gauges| gauges.waiting as usize).sum();
        if all > in_line {
            let rows = self.tables.contacts.iter().map(|(_, row)| row);
            for row in rows.filter(|row| is_nobodys(row) && row.state != State::Waiting(Wait::InLine)) {
                *waiting.entry((row.queue, &*row.need)).or_default() += 1;
            }
        }
        waiting
    }

    /// Whether anybody, whatever the presence, could serve such a contact at the last step of a plan's ladder.
    fn has_somebody_for(&self, plan: &Directory, queue: QueueId, need: &Need) -> bool {
        let want = plan.want(queue, need);
        let widest = plan.rule(queue).steps.last();
        widest.is_some_and(|step| self.tables.ix.profiles.iter().any(|(_, key)| plan.fits(key, &want, step)))
    }
}

/// Whether the contact waits for an operator; a thread that waits for its customer does not.
fn is_nobodys(row: &Contact) -> bool {
    match row.state {
        State::Waiting(Wait::InLine | Wait::Later | Wait::Held { .. }) => true,
        State::Waiting(Wait::ForCustomer)
        | State::Offered { .. }
        | State::Handling { .. }
        | State::WrapUp { .. }
        | State::Ended { .. } => false,
    }
}
