//! Small worlds with shifts, breaks and rest, driven by chance: the core checks its invariants after each command, a
//! state that was read goes on as the one it was written from, and breaks keep what they promise.

mod support;

use ringmain_routing::calendar::{CalendarPlan, WEEK_MS};
use ringmain_routing::command::*;
use ringmain_routing::effect::PresenceState;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const LOGINS: [&str; 5] = ["anna", "boris", "clara", "dina", "egor"];
const BREAKS: [&str; 3] = ["short", "lunch", "smoke"];

/// Numbers by chance, the same for each seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn one_in(&mut self, most: u64) -> bool {
        self.below(most) == 0
    }
}

fn world_plan(chance: &mut Chance, version: u64) -> Plan {
    let queue = |name: &str, chance: &mut Chance| {
        let last_start = chance.one_in(2).then(|| Millis(chance.below(3_000)));
        let choices = [Choice::LongestIdle, Choice::LeastOccupied, Choice::MostSkilled, Choice::RoundRobin];
        let choice = choices[chance.below(4) as usize];
        let wrap_up = Millis(chance.below(2) * 400);
        QueuePlan {
            wrap_up,
            rules: QueueRules { last_start, choice, ..QueueRules::default() },
            ..QueuePlan::named(name)
        }
    };
    let mut plan = plan(vec![queue("a", chance), queue("b", chance)]);
    plan.version = version;
    plan.rules.breaks = BREAKS.iter().map(|name| break_rule(name, chance)).collect();
    plan.rules.breaks.truncate(3 - usize::from(version > 1 && chance.one_in(4)));
    plan.rules.rest = chance
        .one_in(2)
        .then(|| RestRule { window: Millis(60_000), busy_percent_max: 1 + chance.below(20) as u8 });
    let (mut at, mut spans) = (Timestamp(1_000), Vec::new());
    for _ in 0..40 {
        let open = at + Millis(1 + chance.below(5_000));
        at = open + Millis(1 + chance.below(9_000));
        spans.push((open, at));
    }
    let week = vec![(Millis(0), Millis(WEEK_MS))];
    plan.rules.calendars = vec![CalendarPlan { name: "day".into(), spans, until: at, week }];
    plan
}

fn break_rule(name: &str, chance: &mut Chance) -> BreakRule {
    BreakRule {
        name: name.into(),
        reason: 11,
        every: Millis(500 + chance.below(9_000)),
        length: Millis(100 + chance.below(3_000)),
        defer_max: Millis(chance.below(6_000)),
        away_percent_max: chance.below(101) as u8,
        alone: chance.one_in(2),
        on_request: name == "smoke",
        returns: chance.one_in(2),
    }
}

fn world_operator(login: &str, chance: &mut Chance, plan: &Plan) -> OperatorPlan {
    let known = plan.rules.breaks.iter().filter(|_| chance.one_in(2)).map(|rule| rule.name.clone()).collect();
    let rules = OperatorRules {
        breaks: known,
        shift: chance.one_in(3).then(|| "day".into()),
        rests: chance.one_in(2),
        ..OperatorRules::default()
    };
    let unit = [None, Some("north".into()), Some("south".into())][chance.below(3) as usize].clone();
    OperatorPlan { rules, unit, capacity: 100 + 33 * chance.below(3) as u32, ..operator(login) }
}

fn random_command(centre: &mut Centre, chance: &mut Chance, number: u64) -> Command {
    let login = LOGINS[chance.below(5) as usize];
    let view = centre.router.operator(centre.operator(login)).expect("known");
    let (operator, epoch, seq) = (view.id, view.epoch, number);
    match chance.below(16) {
        0 | 1 => Command::OpenSession(OpenSession { takeover: true, ..open(Role::Operator, login, number) }),
        2 if chance.one_in(2) => {
            Command::CloseSession(CloseSession { party: Party::Operator(operator), epoch })
        }
        2 | 3 => Command::LoseSession(LoseSession { party: Party::Operator(operator), epoch }),
        4 | 5 => {
            let presence = DeclaredPresence::Ready;
            Command::SetPresence(SetPresence { operator, epoch, seq, presence })
        }
        6 if chance.one_in(2) => {
            let presence = DeclaredPresence::NotReady(3);
            Command::SetPresence(SetPresence { operator, epoch, seq, presence })
        }
        6 | 7 => {
            let name = BREAKS[chance.below(3) as usize].into();
            Command::AskForBreak(AskForBreak { operator, epoch, seq, name })
        }
        8 if chance.one_in(3) => {
            let plan = world_plan(chance, centre.router.plan().version + 1);
            Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }))
        }
        8 => {
            let operators = vec![world_operator(login, chance, &centre.router.plan().clone())];
            Command::PutOperators(PutOperators { operators, by: None })
        }
        9 => {
            let key = format!("k{number}").as_str().into();
            let action = Action::DeferBreaks { on: chance.one_in(2) };
            Command::Act(Box::new(Act { by: "olga".into(), key, action }))
        }
        10 | 11 => match view.contacts.first().and_then(|id| centre.router.contact(*id)) {
            Some(contact) => Command::CompleteContact(CompleteContact {
                answer: AnswerOffer { operator, epoch, contact: contact.id, assignment: contact.assignment },
                wrap_up: None,
                step: CaseStep::Next,
                result: None,
            }),
            None => Command::Tick,
        },
        _ => {
            let channel = if chance.one_in(2) { "voice" } else { "chat" }.into();
            let queue = if chance.one_in(2) { "a" } else { "b" };
            let preferred = chance.one_in(4).then(|| (login.into(), Millis(1_500)));
            let key = format!("c{number}");
            let tier = 1 + chance.below(5) as u8;
            let tier = if chance.one_in(12) { 0 } else { tier };
            Command::EnqueueContact(Box::new(EnqueueContact {
                channel,
                preferred,
                ..contact(&key, queue, tier)
            }))
        }
    }
}

/// What holds of everybody's time at each moment at which nothing is overdue.
fn check(centre: &Centre) {
    let (router, now) = (&centre.router, centre.router.now());
    if router.next_deadline().is_some_and(|deadline| deadline <= now) {
        return;
    }
    for view in router.operators() {
        let is_free = view.contacts.is_empty() && view.wrap_ups.is_empty();
        let is_ready = matches!(view.presence, PresenceState::Ready | PresenceState::Missed { .. });
        let is_live = matches!(view.session, SessionState::Live { .. });
        if let PresenceState::Break { until, .. } = view.presence {
            assert!(until > now && is_free, "{}: a break ends, and nobody works in it", view.login);
        }
        let overdue = view.breaks.iter().any(|of| of.latest.is_some_and(|latest| latest <= now));
        assert!(!(overdue && is_free && is_ready && is_live), "{}: it can wait no longer", view.login);
    }
}

#[test]
fn r3_11_worlds_by_chance_keep_their_invariants_and_outlive_a_snapshot() {
    let mut begun = 0;
    for seed in 1..=40u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let first = world_plan(&mut chance, 1);
        let mut centre = Centre::new(first.clone());
        for login in LOGINS {
            let operator = world_operator(login, &mut chance, &first);
            centre.ready(operator);
        }
        let mut copy: Option<Router> = None;
        for number in 1..400u64 {
            centre.at += [0, 1, 50, 700, 4_000][chance.below(5) as usize];
            let command = random_command(&mut centre, &mut chance, 1_000 + number);
            if number.is_multiple_of(50) {
                let bytes = centre.router.snapshot().encode();
                let read = Router::restore(&bytes).expect("a snapshot is read");
                assert_eq!(read.snapshot().encode(), bytes);
                copy = Some(read);
            }
            let outcome = centre.router.apply(Timestamp(centre.at), &command);
            if let Some(copy) = &mut copy {
                assert_eq!(copy.apply(Timestamp(centre.at), &command), outcome, "seed {seed}, {command:?}");
                assert_eq!(copy.next_deadline(), centre.router.next_deadline());
            }
            let begins = |effect: &&Effect| {
                matches!(effect, Effect::AnnouncePresence { presence: PresenceState::Break { .. }, .. })
            };
            begun += outcome.effects.iter().filter(begins).count();
            check(&centre);
        }
    }
    assert!(begun > 500, "{begun} breaks are too few to say anything");
}
