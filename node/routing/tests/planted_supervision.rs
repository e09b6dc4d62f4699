//! Each mistake about seats and requests for help shows. One test alone: a mistake is made in the whole process.
#![cfg(feature = "planted")]

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::*;
use support::*;

fn talk() -> Vec<String> {
    let mut plan = plan(vec![QueuePlan::named("calls")]);
    plan.queues[0].rules.leads = vec!["lea".into()];
    let mut centre = Centre::new(plan);
    centre.ready(operator("anna"));
    centre.push(contact("call", "calls", 3));
    centre.put(operator("lea"));
    centre.ok(Command::OpenSession(open(Role::Operator, "lea", 7)));
    let contact = centre.view("call").id;
    let action = Action::Supervise { contact, how: Some(SupervisedBy::Listening) };
    centre.ok(Command::Act(Box::new(Act { by: "vera".into(), key: "1".into(), action })));
    let (operator, epoch, seq) = (centre.operator("anna"), centre.epoch("anna"), centre.router.index().0);
    let ask = AskForHelp { operator, epoch, seq, contact: Some(contact), on: true };
    centre.ok(Command::AskForHelp(ask));
    centre.router = Router::restore(&centre.router.snapshot().encode()).expect("it reads what it wrote");
    let mut seen = vec![format!("{:?}", centre.view("call").seats)];
    centre.complete("call");
    seen.push(format!("{:?} {:?}", centre.effects, centre.view("call").seats));
    seen
}

#[test]
fn each_mistake_about_supervision_shows() {
    let sound = talk();
    for mistake in [Planted::SeatOutlivesTalk, Planted::HelpOutlivesTalk, Planted::SupervisionLeftOut] {
        plant(Some(mistake));
        let made = std::panic::catch_unwind(talk);
        plant(None);
        assert!(made.is_err() || made.is_ok_and(|seen| seen != sound), "{mistake:?} does not show");
    }
}
