//! Pull (R3.7): the operator asks for the next contact, the router picks the best of those that nobody is given by
//! itself. Who takes has accepted: the contact is connected at once, whatever the queue says of offers.

use crate::command::TakeNext;
use crate::effect::Reply;
use crate::fields::check_name;
use crate::refusal::Refusal;
use crate::router::Router;
use crate::why::Side;

impl Router {
    pub(crate) fn take_next(&mut self, command: &TakeNext) -> Result<Reply, Refusal> {
        self.admit_operator(command.operator, command.epoch)?;
        command.queue.as_ref().map_or(Ok(()), |queue| check_name("queue", queue))?;
        let slot = command.operator.slot;
        let row = self.tables.operator(slot);
        if command.seq <= row.session.presence_seq {
            return Ok(Reply::Done);
        }
        let directory = &self.tables.directory;
        let queue = command.queue.as_ref().map(|queue| directory.find_queue(queue)).transpose()?;
        let queue = queue.map(|found| found.0);
        if !row.is_available() {
            return Err(Refusal::OperatorUnavailable(row.login.clone()));
        }
        let taken = self.best_to_take(slot, queue).ok_or(Refusal::NothingWaits)?;
        self.tables.change_operator(slot, |row| row.session.presence_seq = command.seq);
        self.assign(taken, slot, Side::Taken);
        Ok(Reply::Taken { contact: self.tables.contact(taken).id })
    }
}
