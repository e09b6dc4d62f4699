use alloc::vec;

use super::*;
use crate::command::{Action, TransferTarget};
use crate::effect::{Effect, EndReason, Reply};
use crate::ids::{AssignmentEpoch, ContactId, Epoch, GatewayId, OperatorId};
use crate::refusal::Refusal;

const CONTACT: ContactId = ContactId { slot: 1, generation: 2 };
const OPERATOR: OperatorId = OperatorId { slot: 3, generation: 0 };

fn answer() -> AnswerOffer {
    AnswerOffer { operator: OPERATOR, epoch: Epoch(4), contact: CONTACT, assignment: AssignmentEpoch(5) }
}

#[test]
fn golden_frames() {
    assert_eq!(Command::Tick.encode(), [1, 0, 1]);
    assert_eq!(Command::AcceptOffer(answer()).encode(), [13, 0, 1, 3, 0, 4, 1, 2, 5]);
    assert_eq!(Command::DeclineOffer(answer()).encode(), [14, 0, 1, 3, 0, 4, 1, 2, 5]);
    assert_eq!(Command::EndWrapUp(answer()).encode(), [17, 0, 1, 3, 0, 4, 1, 2, 5]);
    let hold = HoldContact { answer: answer(), on: true };
    assert_eq!(Command::HoldContact(hold).encode(), [19, 0, 1, 3, 0, 4, 1, 2, 5, 1]);
    let to = TransferTarget::Queue("b".into());
    let transfer = TransferContact { answer: answer(), to, wrap_up: None };
    let frame = [18, 0, 1, 3, 0, 4, 1, 2, 5, 0, 1, b'b', 0];
    assert_eq!(Command::TransferContact(Box::new(transfer)).encode(), frame);
    let action = Action::RequeueContact { contact: CONTACT };
    let act = Act { by: "o".into(), key: "k".into(), action };
    assert_eq!(Command::Act(Box::new(act)).encode(), [20, 0, 1, 1, b'o', 1, b'k', 2, 1, 2]);
    let gateway = GatewayId { slot: 6, generation: 0 };
    let effect = Effect::AnnounceEnded { contact: CONTACT, gateway, reason: EndReason::Completed(OPERATOR) };
    let outcome = Outcome { reply: Ok(Reply::Enqueued { contact: CONTACT }), effects: vec![effect] };
    assert_eq!(outcome.encode(), [100, 0, 1, 0, 1, 1, 2, 1, 7, 1, 2, 6, 0, 0, 3, 0]);
    let refused = Outcome { reply: Err(Refusal::ForeignContact(CONTACT)), effects: vec![] };
    assert_eq!(refused.encode(), [100, 0, 1, 1, 20, 1, 2, 0]);
}

#[test]
fn a_frame_is_read_back() {
    let command = Command::CompleteContact(CompleteContact {
        answer: answer(),
        wrap_up: None,
        step: CaseStep::Next,
        result: None,
    });
    assert_eq!(Command::decode(&command.encode()), Ok(command));
}

#[test]
fn damaged_and_newer_frames_are_told_apart() {
    let mut frame = Command::AcceptOffer(answer()).encode();
    assert_eq!(Command::decode(&frame[..2]), Err(DecodeError::Short(2)));
    assert_eq!(Command::decode(&frame[..6]), Err(DecodeError::Damaged(13)));
    frame.push(0);
    assert_eq!(Command::decode(&frame), Err(DecodeError::Damaged(13)));
    frame[2] = 9;
    assert_eq!(Command::decode(&frame), Err(DecodeError::UnknownVersion { tag: 13, version: 9, known: 1 }));
    assert_eq!(Command::decode(&[0xff, 0xff, 1]), Err(DecodeError::UnknownTag(0xffff)));
}
