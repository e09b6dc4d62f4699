//! Enquiries, as clients see them and as operators ask.

use ringmain_protocol::v1::{self, Error};
use ringmain_routing::command::{
    AnswerOffer, BeginEnquiry, CallbackOrder, CloseEnquiry, FreeCaller, PromisedCall,
};
use ringmain_routing::{
    AssignmentEpoch, Command, EnquiryId, EnquiryNews, EnquiryView, Epoch, OperatorId, Router,
};

use super::contact::login;
use crate::validate::Problems;

/// An enquiry in full.
pub(crate) fn enquiry(view: &EnquiryView) -> v1::Enquiry {
    let end = view.end.as_ref();
    v1::Enquiry {
        enquiry: view.id.to_string(),
        contact: view.contact.to_string(),
        gateway: view.gateway.to_string(),
        asker: view.asker.to_string(),
        asker_login: view.asker_login.to_string(),
        unit: view.unit.as_ref().map(ToString::to_string),
        to: view.to.to_string(),
        question: view.question.to_string(),
        begun_at_ms: view.begun_at.0,
        due_ms: view.due.0,
        remind_at_ms: view.remind_at.map(|at| at.0),
        reminded: view.reminded,
        overdue: view.overdue,
        call: view.call.map(|call| call.to_string()),
        closed_at_ms: end.map(|end| end.at.0),
        closed_by: end.map(|end| end.by.to_string()).unwrap_or_default(),
        answer: end.and_then(|end| end.answer.as_ref()).map(ToString::to_string),
    }
}

/// What happened to an enquiry, as far as the state remembers it.
pub(crate) fn changed(id: EnquiryId, news: EnquiryNews, router: &Router) -> v1::EnquiryChanged {
    let known = router.enquiry(id).map(|view| enquiry(&view));
    let known = known.unwrap_or_else(|| v1::Enquiry { enquiry: id.to_string(), ..v1::Enquiry::default() });
    let news = match news {
        EnquiryNews::Begun => v1::EnquiryNews::Begun,
        EnquiryNews::Reminded => v1::EnquiryNews::Reminded,
        EnquiryNews::Overdue => v1::EnquiryNews::Overdue,
        EnquiryNews::Answered => v1::EnquiryNews::Answered,
        EnquiryNews::Withdrawn => v1::EnquiryNews::Withdrawn,
        EnquiryNews::Yours => v1::EnquiryNews::Yours,
    };
    v1::EnquiryChanged { news: news.into(), enquiry: Some(known) }
}

/// Who hears of it.
pub(crate) fn told(
    operator: OperatorId,
    id: EnquiryId,
    news: EnquiryNews,
    router: &Router,
) -> v1::EnquiryTold {
    v1::EnquiryTold {
        operator: operator.to_string(),
        operator_login: login(operator, router).unwrap_or_default(),
        changed: Some(changed(id, news, router)),
    }
}

/// Somebody without a seat is asked.
pub(crate) fn begin(
    begin: v1::OperatorBeginEnquiry,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(begin.op_id);
    let contact = problems.contact("contact", &begin.contact);
    let answer = AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(begin.assignment) };
    let (to, question) = (problems.name("to", &begin.to), problems.note("question", &begin.question));
    let term = begin.term_ms.map(|ms| problems.span("term_ms", ms));
    let call = begin.call.map(|call| promised(call, &mut problems));
    problems.into_result(Command::BeginEnquiry(Box::new(BeginEnquiry { answer, to, question, term, call })))
}

/// The caller is freed.
pub(crate) fn free_caller(
    free: v1::OperatorFreeCaller,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(free.op_id);
    let contact = problems.contact("contact", &free.contact);
    let answer = AnswerOffer { operator, epoch, contact, assignment: AssignmentEpoch(free.assignment) };
    let enquiry = problems.enquiry("enquiry", &free.enquiry);
    let call = promised(free.call.unwrap_or_default(), &mut problems);
    problems.into_result(Command::FreeCaller(Box::new(FreeCaller { answer, enquiry, call })))
}

/// An enquiry is closed.
pub(crate) fn close(
    close: &v1::OperatorCloseEnquiry,
    operator: OperatorId,
    epoch: Epoch,
) -> Result<Command, Error> {
    let mut problems = Problems::default();
    problems.op_id(close.op_id);
    let enquiry = problems.enquiry("enquiry", &close.enquiry);
    let answer = close.answer.as_deref().map(|answer| problems.note("answer", answer));
    problems.into_result(Command::CloseEnquiry(Box::new(CloseEnquiry { operator, epoch, enquiry, answer })))
}

fn promised(call: v1::PromisedCall, problems: &mut Problems) -> PromisedCall {
    let order = call.order.unwrap_or_default();
    PromisedCall {
        order: CallbackOrder {
            number: problems.name("call.number", &order.number),
            principals: problems.name("call.principals", &order.principals),
        },
        channel: problems.name("call.channel", &call.channel),
        not_before: problems.moment("call.not_before_ms", call.not_before_ms),
        wrap_up: call.wrap_up_ms.map(|ms| problems.span("call.wrap_up_ms", ms)),
    }
}
