//! Supervisors beside talks, and operators who ask for help (R3.13). Each test is named after its rule.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::*;
use support::*;

fn centre() -> Centre {
    let mut plan = plan(vec![QueuePlan::named("calls"), QueuePlan::named("other")]);
    plan.queues[0].rules.leads = vec!["lea".into(), "lew".into()];
    plan.units[0].rules.head = Some("hanna".into());
    let mut centre = Centre::new(plan);
    centre.ready(OperatorPlan { unit: Some("north".into()), ..operator("anna") });
    centre.push(contact("call", "calls", 3));
    centre
}

fn act(by: &str, key: &str, action: Action) -> Command {
    Command::Act(Box::new(Act { by: by.into(), key: key.into(), action }))
}

fn supervise(centre: &Centre, by: &str, how: Option<SupervisedBy>) -> Command {
    let contact = centre.view("call").id;
    // Each word is an action of its own.
    act(by, &centre.router.index().0.to_string(), Action::Supervise { contact, how })
}

fn help(centre: &mut Centre, login: &str, key: Option<&str>, on: bool) -> Result<Reply, Refusal> {
    let (operator, epoch) = (centre.operator(login), centre.epoch(login));
    let (seq, contact) = (centre.router.index().0, key.map(|key| centre.view(key).id));
    let command = Command::AskForHelp(AskForHelp { operator, epoch, seq, contact, on });
    assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
    centre.apply(command)
}

/// Who is told that help is asked for, or no longer is.
fn told(centre: &Centre) -> Vec<(String, bool)> {
    let login = |id| centre.router.operator(id).expect("known").login.to_string();
    let told = centre.effects.iter().filter_map(|effect| {
        let Effect::AnnounceHelp { operator, on, .. } = *effect else { return None };
        Some((login(operator), on))
    });
    told.collect()
}

fn signed_in(centre: &mut Centre, login: &str) {
    centre.put(operator(login));
    centre.ok(Command::OpenSession(open(Role::Operator, login, 7)));
}

#[test]
fn r3_13_the_gateway_hears_who_listens_and_how() {
    let mut centre = centre();
    let command = supervise(&centre, "vera", Some(SupervisedBy::Listening));
    assert_eq!(Command::decode(&command.encode()), Ok(command.clone()));
    assert_eq!(centre.ok(command.clone()), Reply::Acted { contacts: 1 });
    let (contact, gateway, assignment) = (centre.view("call").id, centre.gateway, AssignmentEpoch(1));
    let heard = |seat, how, on| Effect::SuperviseContact { contact, gateway, assignment, seat, how, on };
    assert_eq!(centre.effects, [heard(0, SupervisedBy::Listening, true)]);
    assert_eq!((centre.ok(command), centre.effects.len()), (Reply::Acted { contacts: 1 }, 0), "one action");
    let same = supervise(&centre, "vera", Some(SupervisedBy::Listening));
    assert_eq!((centre.ok(same), centre.effects.len()), (Reply::Acted { contacts: 0 }, 0));
    let other = supervise(&centre, "olga", Some(SupervisedBy::Whispering));
    centre.ok(other);
    let louder = supervise(&centre, "vera", Some(SupervisedBy::Barging));
    centre.ok(louder);
    assert_eq!(centre.effects, [heard(0, SupervisedBy::Barging, true)]);
    let off = supervise(&centre, "vera", None);
    assert_eq!(centre.ok(off), Reply::Acted { contacts: 1 });
    assert_eq!(centre.effects, [heard(0, SupervisedBy::Barging, false)]);
    let seats = centre.view("call").seats;
    assert_eq!((seats.len(), seats[0].number, &*seats[0].by), (1, 1, "olga"));
    let again = supervise(&centre, "vera", Some(SupervisedBy::Listening));
    centre.ok(again);
    assert_eq!(centre.effects, [heard(0, SupervisedBy::Listening, true)], "the lowest free seat");
}

#[test]
fn r3_13_four_supervise_a_talk_at_most_and_only_a_talk() {
    let mut centre = centre();
    for by in ["a", "b", "c", "d"] {
        let command = supervise(&centre, by, Some(SupervisedBy::Listening));
        centre.ok(command);
    }
    let fifth = supervise(&centre, "e", Some(SupervisedBy::Listening));
    let limit = Refusal::LimitReached { what: "supervisors of a contact".into(), limit: 4 };
    assert_eq!(centre.apply(fifth), Err(limit));
    let answer = centre.answer("call");
    centre.ok(Command::HoldContact(HoldContact { answer, on: true }));
    assert_eq!(centre.view("call").seats.len(), 4, "hold leaves them");
    let louder = supervise(&centre, "a", Some(SupervisedBy::Barging));
    assert!(matches!(centre.apply(louder), Err(Refusal::WrongState { .. })));
    let off = supervise(&centre, "a", None);
    assert_eq!(centre.ok(off), Reply::Acted { contacts: 1 });
    centre.complete("call");
    assert_eq!(centre.view("call").seats, []);
    let over = supervise(&centre, "b", None);
    assert_eq!((centre.ok(over), centre.effects.len()), (Reply::Acted { contacts: 0 }, 0));
}

#[test]
fn r3_13_a_seat_belongs_to_the_assignment() {
    let mut centre = centre();
    let command = supervise(&centre, "vera", Some(SupervisedBy::Listening));
    centre.ok(command);
    let read = Router::restore(&centre.router.snapshot().encode()).expect("written just now");
    assert_eq!(read.contact(centre.view("call").id).expect("known").seats.len(), 1);
    let contact = centre.view("call").id;
    centre.ready(operator("boris"));
    centre.ok(act("vera", "back", Action::RequeueContact { contact }));
    assert_eq!(centre.with("call").as_deref(), Some("boris"));
    assert_eq!(centre.view("call").seats, []);
}

#[test]
fn r3_13_leads_who_are_there_hear_of_a_request_and_of_its_end() {
    let mut centre = centre();
    signed_in(&mut centre, "lew");
    signed_in(&mut centre, "hanna");
    help(&mut centre, "anna", Some("call"), true).expect("possible");
    assert_eq!(told(&centre), [("lew".to_owned(), true)]);
    let anna = centre.operator("anna");
    let asked = centre.router.operator(anna).expect("known").help.expect("asks");
    assert_eq!(asked.about.map(|about| about.0), Some(centre.view("call").id));
    help(&mut centre, "anna", Some("call"), true).expect("possible");
    assert_eq!(told(&centre), [], "the same request");
    help(&mut centre, "anna", None, true).expect("possible");
    assert_eq!(told(&centre), [("lew".to_owned(), false), ("hanna".to_owned(), true)], "another one");
    help(&mut centre, "anna", None, false).expect("possible");
    assert_eq!(told(&centre), [("hanna".to_owned(), false)]);
    assert_eq!(centre.router.operator(anna).expect("known").help, None);
}

#[test]
fn r3_13_a_request_ends_with_the_talk_the_session_or_an_answer() {
    let mut centre = centre();
    signed_in(&mut centre, "lea");
    help(&mut centre, "anna", Some("call"), true).expect("possible");
    centre.complete("call");
    assert_eq!(told(&centre), [("lea".to_owned(), false)]);

    centre.push(contact("next", "calls", 3));
    help(&mut centre, "anna", Some("next"), true).expect("possible");
    let reply = centre.ok(act("vera", "1", Action::AnswerHelp { login: "anna".into() }));
    assert_eq!(reply, Reply::Acted { contacts: 1 });
    assert_eq!(told(&centre), [("lea".to_owned(), false), ("anna".to_owned(), false)]);
    let reply = centre.ok(act("vera", "2", Action::AnswerHelp { login: "anna".into() }));
    assert_eq!((reply, centre.effects.len()), (Reply::Acted { contacts: 0 }, 0));

    help(&mut centre, "anna", None, true).expect("possible");
    let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
    centre.ok(Command::CloseSession(CloseSession { party, epoch }));
    let anna = centre.operator("anna");
    assert_eq!(centre.router.operator(anna).expect("known").help, None);
}

#[test]
fn r3_13_help_is_asked_for_about_the_own_talk() {
    let mut centre = centre();
    centre.push(contact("waits", "other", 3));
    assert!(matches!(help(&mut centre, "anna", Some("waits"), true), Err(Refusal::WrongState { .. })));
    let (operator, epoch) = (centre.operator("anna"), centre.epoch("anna"));
    let contact = Some(ContactId { slot: 99, generation: 0 });
    let seq = centre.router.index().0;
    let unknown = Command::AskForHelp(AskForHelp { operator, epoch, seq, contact, on: true });
    assert!(matches!(centre.apply(unknown), Err(Refusal::UnknownContact(_))));
    let stale = Command::AskForHelp(AskForHelp { operator, epoch, seq: 1, contact: None, on: true });
    assert_eq!(centre.apply(stale), Ok(Reply::Done));
    assert_eq!(centre.router.operator(operator).expect("known").help, None, "an overtaken word");
}
