//! Each mistake about the operators' time shows in one afternoon of a small centre. One test alone: a mistake is made in
//! the whole process.
#![cfg(feature = "planted")]

mod support;

use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::planted::{Planted, plant};
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const MINUTE: u64 = 60_000;

fn afternoon_plan() -> Plan {
    let rules = QueueRules { last_start: Some(Millis(10 * MINUTE)), ..QueueRules::default() };
    let mut plan = plan(vec![QueuePlan { rules, ..QueuePlan::named("a") }, QueuePlan::named("b")]);
    plan.rules.breaks = vec![BreakRule {
        name: "short".into(),
        reason: 11,
        every: Millis(60 * MINUTE),
        length: Millis(5 * MINUTE),
        defer_max: Millis(2 * MINUTE),
        away_percent_max: 0,
        alone: false,
        on_request: false,
        returns: true,
    }];
    plan.rules.recall_after = Some(Millis(MINUTE));
    plan.rules.rest = Some(RestRule { window: Millis(30 * MINUTE), busy_percent_max: 50 });
    let spans = vec![(Timestamp(0), Timestamp(200 * MINUTE))];
    let until = Timestamp(1_000 * MINUTE);
    plan.rules.calendars = vec![CalendarPlan { name: "day".into(), spans, until, week: vec![] }];
    plan
}

/// Two with breaks at the north, one with a shift and one who rests at the south.
fn afternoon() -> Vec<Effect> {
    let mut centre = Centre::new(afternoon_plan());
    let breaks = OperatorRules { breaks: vec!["short".into()], ..OperatorRules::default() };
    let shift = OperatorRules { shift: Some("day".into()), ..OperatorRules::default() };
    let rests = OperatorRules { rests: true, ..OperatorRules::default() };
    let people = [("anna", "north", &breaks), ("boris", "north", &breaks), ("clara", "south", &shift)];
    for (login, unit, rules) in people.into_iter().chain([("dina", "south", &rests)]) {
        centre.ready(OperatorPlan { unit: Some(unit.into()), rules: rules.clone(), ..operator(login) });
    }
    let (mut seen, scope) = (Vec::new(), |name: &str| Some(Name::from(name)));
    for minute in 1..220 {
        centre.tick(1_000 + minute * MINUTE);
        seen.append(&mut centre.effects);
        let key = format!("k{minute}");
        match minute {
            // Dina is busy for most of her first window, and rests for what is left of it.
            1 => drop(centre.push(EnqueueContact { scope: scope("south"), ..contact(&key, "b", 3) })),
            2 => drop(centre.push(EnqueueContact { scope: scope("south"), ..contact(&key, "b", 3) })),
            20 => ["k1", "k2"].iter().for_each(|key| centre.complete(key)),
            21 | 22 => drop(centre.push(EnqueueContact { scope: scope("south"), ..contact(&key, "b", 3) })),
            40 => ["k21", "k22"].iter().for_each(|key| centre.complete(key)),
            // Anna's break begins, boris may wait until its latest moment; her stream is lost meanwhile.
            61 => {
                let (party, epoch) = (Party::Operator(centre.operator("anna")), centre.epoch("anna"));
                centre.ok(Command::LoseSession(LoseSession { party, epoch }));
                seen.append(&mut centre.effects);
                let again = OpenSession { resume: Some(epoch), ..open(Role::Operator, "anna", 8) };
                centre.ok(Command::OpenSession(again));
            }
            // Both are away: life safety calls anna back, whose break begins again behind it.
            63 => drop(centre.push(EnqueueContact { scope: scope("north"), ..contact(&key, "b", 0) })),
            70 => centre.complete("k63"),
            195 => drop(centre.push(EnqueueContact { scope: scope("south"), ..contact(&key, "a", 3) })),
            _ => {}
        }
        seen.append(&mut centre.effects);
    }
    seen
}

#[test]
fn every_mistake_about_time_shows() {
    plant(None);
    let right = afternoon();
    assert_eq!(afternoon(), right);
    let mistakes = [
        Planted::TeamLimitIgnored,
        Planted::BreakCutByGrace,
        Planted::LatestIgnored,
        Planted::BreakClockRunsOn,
        Planted::RecallEndsBreak,
        Planted::ShiftEndIgnored,
        Planted::RestIgnored,
    ];
    for mistake in mistakes {
        plant(Some(mistake));
        assert_ne!(afternoon(), right, "{mistake:?}");
    }
    plant(None);
}
