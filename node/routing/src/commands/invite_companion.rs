//! The operator invites the customer of its call into another channel (R3.9).

use crate::command::InviteCompanion;
use crate::companions::Invitation;
use crate::contact::State;
use crate::effect::{Effect, Reply};
use crate::fields::{check_name, invalid};
use crate::limits::INVITATIONS_MAX;
use crate::refusal::Refusal;
use crate::router::Router;

impl Router {
    pub(crate) fn invite_companion(&mut self, command: &InviteCompanion) -> Result<Reply, Refusal> {
        let answer = &command.answer;
        self.admit_operator(answer.operator, answer.epoch)?;
        check_name("number", &command.number)?;
        check_name("channel", &command.channel)?;
        if !self.tables.directory.invites() {
            return Err(invalid("companion", "the plan lets nobody be invited; give it `companion_ms`"));
        }
        let channel = self.tables.directory.find_channel(&command.channel)?.0;
        let contact = self.answered_contact(answer)?;
        match contact.state {
            State::Waiting(_) => return Err(super::answer_offer::stale(contact)),
            State::Offered { .. } | State::Ended { .. } => return Err(super::wrong_state(contact)),
            State::Handling { .. } if contact.is_parked() => return Err(super::wrong_state(contact)),
            State::Handling { .. } | State::WrapUp { .. } => {}
        }
        let (call, gateway) = (contact.id, contact.gateway);
        if let Some(known) = self.companions.of_call(call) {
            if known.number == command.number && known.channel == channel {
                return Ok(Reply::Done);
            }
            if known.companion.is_some() {
                return Err(Refusal::LimitReached { what: "companions".into(), limit: 1 });
            }
        }
        self.companions.forget_lapsed(self.now);
        let is_new = self.companions.of_call(call).is_none();
        if is_new && self.companions.len() >= INVITATIONS_MAX {
            return Err(Refusal::LimitReached { what: "invitations".into(), limit: INVITATIONS_MAX as u64 });
        }
        let number = command.number.clone();
        self.companions.invite(call, Invitation { number, channel, until: None, companion: None });
        let (operator, assignment) = (answer.operator, answer.assignment);
        self.emit(Effect::InviteCompanion { contact: call, gateway, operator, assignment, channel });
        self.look_for_companion(call);
        Ok(Reply::Done)
    }
}
