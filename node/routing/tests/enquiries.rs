//! Questions to people without a seat (R3.10). Each test is named after its rule.

mod support;

use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::command::*;
use ringmain_routing::effect::EndReason;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn rule() -> EnquiryRule {
    let addressee = |name: &str, term| Addressee { name: name.into(), term: Millis(term), calendar: None };
    EnquiryRule {
        keep_for: Millis(5 * MINUTE),
        remind_percent: 75,
        addressees: vec![addressee("dispatcher", 20 * MINUTE)],
    }
}

fn rules() -> Plan {
    let mut plan = plan(vec![QueuePlan::named("calls"), QueuePlan::named("other")]);
    plan.queues[0].rules.leads = vec!["lea".into()];
    plan.units[1].rules.head = Some("hanna".into());
    plan.rules.enquiries = Some(rule());
    plan
}

fn of_unit(login: &str, unit: &str) -> OperatorPlan {
    OperatorPlan { unit: Some(unit.into()), ..operator(login) }
}

/// Anna of the north talks to the customer of "call".
fn talking() -> Centre {
    let mut centre = Centre::new(rules());
    centre.ready(of_unit("anna", "north"));
    centre.push(contact("call", "calls", 3));
    centre
}

fn promise(at: u64) -> PromisedCall {
    PromisedCall {
        order: CallbackOrder { number: "+7900".into(), principals: "grid".into() },
        channel: "voice".into(),
        not_before: Timestamp(at),
        wrap_up: Some(Millis(0)),
    }
}

fn ask(centre: &Centre, key: &str, question: &str, call: Option<PromisedCall>) -> Command {
    let (answer, to) = (centre.answer(key), "dispatcher".into());
    Command::BeginEnquiry(Box::new(BeginEnquiry { answer, to, question: question.into(), term: None, call }))
}

fn asked(centre: &mut Centre, key: &str, question: &str, call: Option<PromisedCall>) -> EnquiryId {
    let command = ask(centre, key, question, call);
    let Reply::Asked { enquiry } = centre.ok(command) else { panic!("asked") };
    enquiry
}

fn close(centre: &Centre, login: &str, enquiry: EnquiryId, answer: Option<&str>) -> Command {
    let (operator, epoch) = (centre.operator(login), centre.epoch(login));
    let answer = answer.map(Into::into);
    Command::CloseEnquiry(Box::new(CloseEnquiry { operator, epoch, enquiry, answer }))
}

fn act(key: &str, enquiry: EnquiryId, answer: Option<&str>) -> Command {
    let action = Action::CloseEnquiry { enquiry, answer: answer.map(Into::into) };
    Command::Act(Box::new(Act { by: "outage system".into(), key: key.into(), action }))
}

fn told(centre: &Centre, news: EnquiryNews) -> Vec<String> {
    let login = |id| centre.router.operator(id).expect("known").login.to_string();
    let told = centre.effects.iter().filter_map(|effect| {
        let Effect::NotifyEnquiry { operator, news: of, .. } = effect else { return None };
        (*of == news).then(|| login(*operator))
    });
    told.collect()
}

fn field<T: std::fmt::Debug>(reply: Result<T, Refusal>) -> String {
    match reply {
        Err(Refusal::InvalidField { field, .. }) => field.to_string(),
        other => panic!("{other:?}"),
    }
}

fn enquiry(centre: &Centre, id: EnquiryId) -> EnquiryView {
    centre.router.enquiry(id).expect("is remembered")
}

#[test]
fn r3_10_an_operator_asks_and_the_caller_stays() {
    let mut centre = talking();
    let command = ask(&centre, "call", "When is the line up?", None);
    assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
    let reply = centre.ok(command.clone());
    let (contact, gateway) = (centre.view("call").id, centre.gateway);
    let Reply::Asked { enquiry: id } = reply else { panic!("{reply:?}") };
    let begun = Effect::AnnounceEnquiry { enquiry: id, contact, gateway, news: EnquiryNews::Begun };
    assert_eq!(centre.effects, [begun]);
    assert_eq!((centre.ok(command), centre.effects.len()), (reply, 0), "a second delivery asks once");
    let shown = enquiry(&centre, id);
    assert_eq!(
        (&*shown.asker_login, &*shown.to, shown.unit.as_deref()),
        ("anna", "dispatcher", Some("north"))
    );
    let (begun, due) = (centre.at, centre.at + 20 * MINUTE);
    assert_eq!((shown.begun_at, shown.due), (Timestamp(begun), Timestamp(due)));
    assert_eq!(shown.remind_at, Some(Timestamp(begun + 15 * MINUTE)));
    assert_eq!((centre.with("call").as_deref(), centre.view("call").enquiries), (Some("anna"), vec![id]));
}

#[test]
fn r3_10_who_is_no_addressee_needs_a_term() {
    let mut centre = talking();
    let begin = |centre: &Centre, term| {
        let (answer, to, question) = (centre.answer("call"), "foreman".into(), "how long".into());
        Command::BeginEnquiry(Box::new(BeginEnquiry { answer, to, question, term, call: None }))
    };
    let command = begin(&centre, None);
    assert_eq!(field(centre.apply(command)), "term_ms");
    let command = begin(&centre, Some(Millis(MINUTE)));
    let Reply::Asked { enquiry: id } = centre.ok(command) else { panic!("asked") };
    assert_eq!(enquiry(&centre, id).due, Timestamp(centre.at + MINUTE));
}

#[test]
fn r3_10_the_caller_is_freed_with_a_promise() {
    let mut centre = talking();
    let at = centre.at + HOUR;
    let id = asked(&mut centre, "call", "when", Some(promise(at)));
    let ended = centre
        .effects
        .iter()
        .any(|effect| matches!(effect, Effect::AnnounceEnded { reason: EndReason::Completed(_), .. }));
    assert!(ended, "{:?}", centre.effects);
    let call = centre.view("call~1");
    assert_eq!((call.state, call.enqueued_at), (ContactState::Waiting, Timestamp(at)));
    assert_eq!(call.callback, Some(promise(at).order));
    assert_eq!((enquiry(&centre, id).call, call.enquiries), (Some(call.id), vec![id]));
    let why = centre.router.why_contact(call.id).expect("known");
    assert_eq!(why.awaits, ["dispatcher".into()]);
    let again = ask(&centre, "call", "when", Some(promise(at)));
    assert_eq!((centre.ok(again), centre.effects.len()), (Reply::Asked { enquiry: id }, 0));
}

#[test]
fn r3_10_who_stayed_is_freed_later() {
    let mut centre = talking();
    let at = centre.at + HOUR;
    let id = asked(&mut centre, "call", "when", None);
    let free = FreeCaller { answer: centre.answer("call"), enquiry: id, call: promise(at) };
    let command = Command::FreeCaller(Box::new(free));
    assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
    assert_eq!(centre.ok(command.clone()), Reply::Done);
    assert_eq!(enquiry(&centre, id).call, Some(centre.view("call~1").id));
    assert_eq!((centre.ok(command), centre.effects.len()), (Reply::Done, 0), "a second delivery is one");
    let early = ask(&centre, "call", "other", Some(promise(centre.at)));
    assert!(matches!(centre.apply(early), Err(Refusal::WrongState { .. })), "the talk is over");
}

#[test]
fn r3_10_an_answer_calls_at_once_and_is_the_note() {
    let mut centre = talking();
    let at = centre.at + HOUR;
    let id = asked(&mut centre, "call", "when", Some(promise(at)));
    centre.at += MINUTE;
    centre.ready(of_unit("boris", "north"));
    let command = close(&centre, "boris", id, Some("at six"));
    assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
    centre.ok(command.clone());
    assert_eq!(told(&centre, EnquiryNews::Answered), ["anna"], "not who closes it");
    assert_eq!(centre.with("call~1").as_deref(), Some("anna"), "although Boris is idle for longer");
    let call = centre.view("call~1");
    assert_eq!((call.note.as_deref(), call.enqueued_at), (Some("at six"), Timestamp(centre.at)));
    let end = enquiry(&centre, id).end.expect("closed");
    assert_eq!((&*end.by, end.answer.as_deref()), ("boris", Some("at six")));
    assert_eq!((centre.ok(command), centre.effects.len()), (Reply::Done, 0), "a second delivery is one");
    let other = close(&centre, "boris", id, Some("at seven"));
    assert_eq!(field(centre.apply(other)), "enquiry");
}

#[test]
fn r3_10_the_asker_is_waited_for_as_long_as_the_plan_says() {
    let mut centre = talking();
    let at = centre.at + HOUR;
    let id = asked(&mut centre, "call", "when", Some(promise(at)));
    centre.push(contact("second", "calls", 3));
    assert_eq!(centre.with("second").as_deref(), Some("anna"));
    centre.ok(act("1", id, Some("at six")));
    let until = centre.at + 5 * MINUTE;
    let anna = centre.operator("anna");
    assert_eq!(centre.view("call~1").held_for, Some((anna, Timestamp(until))));
    centre.ready(of_unit("boris", "north"));
    assert_eq!(centre.with("call~1"), None, "kept for Anna");
    centre.tick(until);
    assert_eq!(centre.with("call~1").as_deref(), Some("boris"));
}

#[test]
fn r3_10_the_promise_is_kept_without_an_answer() {
    let mut centre = talking();
    let at = centre.at + HOUR;
    let id = asked(&mut centre, "call", "when", Some(promise(at)));
    centre.tick(at);
    assert_eq!(centre.with("call~1").as_deref(), Some("anna"));
    assert_eq!(enquiry(&centre, id).end, None);
    assert_eq!(centre.ok(act("1", id, Some("at six"))), Reply::Acted { contacts: 0 });
    assert_eq!(told(&centre, EnquiryNews::Answered), ["anna"]);
    assert_eq!(centre.view("call~1").note.as_deref(), Some("at six"));
}

#[test]
fn r3_10_a_call_waits_for_all_answers_and_for_one_at_least() {
    let mut centre = talking();
    let at = centre.at + HOUR;
    let first = asked(&mut centre, "call", "when", None);
    let second = asked(&mut centre, "call", "why", Some(promise(at)));
    assert_eq!(enquiry(&centre, first).call, enquiry(&centre, second).call, "one promise for both");
    assert_eq!(centre.ok(act("1", first, Some("at six"))), Reply::Acted { contacts: 0 });
    assert_eq!(centre.with("call~1"), None);
    assert_eq!(centre.ok(act("2", second, None)), Reply::Acted { contacts: 1 });
    assert_eq!(centre.with("call~1").as_deref(), Some("anna"));

    let mut centre = talking();
    let only = asked(&mut centre, "call", "when", Some(promise(at)));
    assert_eq!(centre.ok(act("1", only, None)), Reply::Acted { contacts: 0 });
    assert_eq!(centre.view("call~1").enqueued_at, Timestamp(at), "nothing was answered");
}

#[test]
fn r3_10_asker_and_colleagues_close_and_nobody_else() {
    let mut centre = talking();
    let id = asked(&mut centre, "call", "when", None);
    centre.ready(of_unit("sven", "south"));
    let command = close(&centre, "sven", id, Some("at six"));
    assert_eq!(field(centre.apply(command)), "operator");
    let command = close(&centre, "anna", id, Some("at six"));
    centre.ok(command);
    assert_eq!(told(&centre, EnquiryNews::Answered), [""; 0], "Anna knows");
    assert_eq!(centre.view("call").note.as_deref(), Some("at six"));
    let unknown = EnquiryId { slot: 7, generation: 0 };
    let command = close(&centre, "anna", unknown, None);
    assert_eq!(centre.apply(command), Err(Refusal::UnknownEnquiry(unknown)));
}

#[test]
fn r3_10_reminder_and_term_are_told_once() {
    let mut centre = talking();
    let begun = centre.at;
    let id = asked(&mut centre, "call", "when", None);
    centre.tick(begun + 15 * MINUTE);
    assert_eq!(told(&centre, EnquiryNews::Reminded), ["anna"]);
    centre.tick(begun + 20 * MINUTE);
    assert_eq!(told(&centre, EnquiryNews::Overdue), ["anna"]);
    let shown = enquiry(&centre, id);
    assert!(shown.reminded && shown.overdue);
    centre.tick(begun + 20 * HOUR);
    assert_eq!(centre.effects, [], "an open enquiry stays open");
    assert_eq!(enquiry(&centre, id).end, None);
}

#[test]
fn r3_10_while_the_asker_is_away_head_or_leads_hear() {
    let mut centre = talking();
    let begun = centre.at;
    asked(&mut centre, "call", "when", None);
    let (operator, epoch) = (centre.operator("anna"), centre.epoch("anna"));
    centre.ok(Command::CloseSession(CloseSession { party: Party::Operator(operator), epoch }));
    centre.ready(of_unit("lea", "south"));
    centre.tick(begun + 15 * MINUTE);
    assert_eq!(told(&centre, EnquiryNews::Reminded), ["lea"], "lead of the queue");
    centre.ready(of_unit("hanna", "south"));
    centre.tick(begun + 20 * MINUTE);
    assert_eq!(told(&centre, EnquiryNews::Overdue), ["hanna"], "head of the unit");
}

#[test]
fn r3_10_terms_count_in_working_time_and_stay_as_they_were_given() {
    let mut plan = rules();
    let spans = vec![(Timestamp(0), Timestamp(HOUR)), (Timestamp(24 * HOUR), Timestamp(48 * HOUR))];
    let calendar = CalendarPlan { name: "day".into(), spans, until: Timestamp(48 * HOUR), week: vec![] };
    plan.rules.calendars = vec![calendar];
    let addressee = |rule: &mut EnquiryRule| rule.addressees[0].calendar = Some("day".into());
    addressee(plan.rules.enquiries.as_mut().expect("set above"));
    let mut centre = Centre::new(plan.clone());
    centre.ready(of_unit("anna", "north"));
    centre.push(contact("call", "calls", 3));
    centre.at = 50 * MINUTE;
    let id = asked(&mut centre, "call", "when", None);
    let due = enquiry(&centre, id).due;
    assert_eq!(due, Timestamp(24 * HOUR + 10 * MINUTE), "ten minutes are left today");
    plan.version += 1;
    plan.rules.enquiries = None;
    centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None })));
    assert_eq!(enquiry(&centre, id).due, due);
    let again = ask(&centre, "call", "why", None);
    assert_eq!(field(centre.apply(again)), "enquiries");
    let command = close(&centre, "anna", id, Some("at six"));
    centre.ok(command);
}

#[test]
fn r3_10_a_contact_has_four_open_enquiries_at_most() {
    let mut centre = talking();
    let questions = ["a", "b", "c", "d", "e"];
    let ids: Vec<_> = questions[..4].iter().map(|text| asked(&mut centre, "call", text, None)).collect();
    let fifth = ask(&centre, "call", "e", None);
    let limit = Refusal::LimitReached { what: "enquiries of a contact".into(), limit: 4 };
    assert_eq!(centre.apply(fifth.clone()), Err(limit));
    let command = close(&centre, "anna", ids[0], None);
    centre.ok(command);
    centre.ok(fifth);
}

#[test]
fn r3_10_one_call_is_enough_for_two_callers_of_a_number() {
    let mut centre = talking();
    let (first_at, later) = (centre.at + HOUR, centre.at + 2 * HOUR);
    let first = asked(&mut centre, "call", "when", Some(promise(first_at)));
    centre.push(contact("second", "calls", 3));
    let second = asked(&mut centre, "second", "when", Some(promise(later)));
    let call = centre.view("call~1");
    assert_eq!((call.sources, call.enqueued_at), (2, Timestamp(later)));
    assert_eq!(enquiry(&centre, first).call, enquiry(&centre, second).call);
}

#[test]
fn r3_10_a_freed_order_is_not_its_own_promise() {
    let mut centre = Centre::new(rules());
    centre.ready(of_unit("anna", "north"));
    let order = promise(1).order;
    centre.push(EnqueueContact { callback: Some(order.clone()), ..contact("order", "calls", 3) });
    let at = centre.at + HOUR;
    let call = PromisedCall { wrap_up: Some(Millis(10_000)), ..promise(at) };
    let id = asked(&mut centre, "order", "when", Some(call));
    let promised = centre.view("order~1");
    assert_eq!(enquiry(&centre, id).call, Some(promised.id));
    let again = EnqueueContact { callback: Some(order), ..contact("again", "calls", 3) };
    let reply = centre.ok(Command::EnqueueContact(Box::new(again)));
    let Reply::Merged { into, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(into, promised.id, "the order that came last is joined, not the one in wrap-up");
    goes_on_alike(&centre, &[centre.at + 20_000, at, at + 2 * HOUR]);
}

#[test]
fn r3_10_work_of_cases_and_bad_promises_are_refused() {
    let mut centre = talking();
    let past = ask(&centre, "call", "when", Some(promise(centre.at)));
    assert_eq!(field(centre.apply(past)), "call.not_before_ms");
    let late = centre.at + HOUR;
    let nowhere = PromisedCall { channel: "pigeon".into(), ..promise(late) };
    let nowhere = ask(&centre, "call", "when", Some(nowhere));
    assert_eq!(centre.apply(nowhere), Err(Refusal::UnknownChannel("pigeon".into())));
    assert_eq!(centre.view("call").enquiries, [], "nothing was begun");
    let empty = ask(&centre, "call", "", None);
    assert_eq!(field(centre.apply(empty)), "question");
}

#[test]
fn r3_10_enquiries_are_handed_over_with_the_shift() {
    let mut centre = talking();
    let at = centre.at + HOUR;
    let id = asked(&mut centre, "call", "when", Some(promise(at)));
    centre.ready(of_unit("boris", "south"));
    let from = HandOverFrom::Operator("anna".into());
    let over = HandOver { from, to: Some("boris".into()), hold: Millis(MINUTE), notes: vec![] };
    let action = Action::HandOver(Box::new(over));
    centre.ok(Command::Act(Box::new(Act { by: "lead".into(), key: "1".into(), action })));
    assert_eq!(told(&centre, EnquiryNews::Yours), ["boris"]);
    let command = close(&centre, "boris", id, Some("at six"));
    centre.ok(command);
    assert_eq!(centre.with("call~1").as_deref(), Some("boris"));
}

/// The state is read from its snapshot and goes on alike.
fn goes_on_alike(centre: &Centre, moments: &[u64]) {
    let mut read = Router::restore(&centre.router.snapshot().encode()).expect("written just now");
    let mut same = Router::restore(&centre.router.snapshot().encode()).expect("written just now");
    assert_eq!(read.snapshot().encode(), centre.router.snapshot().encode());
    for &at in moments {
        let order = EnqueueContact {
            gateway: centre.gateway,
            callback: Some(promise(1).order),
            ..contact(&format!("at {at}"), "calls", 3)
        };
        let command = Command::EnqueueContact(Box::new(order));
        assert_eq!(read.apply(Timestamp(at), &command), same.apply(Timestamp(at), &command));
        same = Router::restore(&same.snapshot().encode()).expect("written just now");
    }
    assert_eq!(read.chain(), same.chain());
}

#[test]
fn r3_10_snapshots_have_enquiries_and_closed_ones_are_forgotten() {
    let mut centre = talking();
    let at = centre.at + HOUR;
    let first = asked(&mut centre, "call", "when", None);
    let second = asked(&mut centre, "call", "why", Some(promise(at)));
    centre.ok(act("1", first, Some("at six")));
    goes_on_alike(&centre, &[centre.at + 15 * MINUTE, centre.at + 20 * MINUTE, at, at + 3 * HOUR]);
    let end = enquiry(&centre, first).end.expect("closed");
    centre.tick(end.until.0);
    assert_eq!(centre.router.enquiry(first), None);
    assert!(centre.router.enquiry(second).is_some());
}
