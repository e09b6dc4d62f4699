//! Random hours with interruptible work: the invariants hold after each command, and nothing is stuck at the end (R3.5).

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

/// Numbers that are the same in every run (Steele and others, SplitMix64, 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

fn world(dice: &mut Dice) -> Centre {
    let mut rule = || {
        let channels = if dice.below(2) == 0 { vec!["voice".into()] } else { vec![] };
        let rule = Interruptible {
            by_tier: dice.below(4) as u8,
            by_channels: channels,
            parks_max: 1 + dice.below(3) as u16,
        };
        QueueRules { interruptible: Some(rule), ..QueueRules::default() }
    };
    let (mail, cases) = (rule(), rule());
    let offered = Answer::Offered { within: Millis(20_000) };
    Centre::new(plan(vec![
        QueuePlan { wrap_up: Millis(5_000), ..QueuePlan::named("calls") },
        QueuePlan { wrap_up: Millis(0), rules: mail, ..QueuePlan::named("mail") },
        QueuePlan { answer: offered, wrap_up: Millis(3_000), rules: cases, ..QueuePlan::named("cases") },
    ]))
}

const LOGINS: [&str; 3] = ["anna", "boris", "clara"];

fn arrive(centre: &mut Centre, dice: &mut Dice, key: &str) {
    let queue = ["calls", "mail", "cases"][dice.below(3) as usize];
    let channel = if queue == "calls" { "voice" } else { "chat" };
    let units = [20, 33, 50, 100][dice.below(4) as usize];
    let row = contact(key, queue, dice.below(6) as u8);
    centre.push(EnqueueContact { channel: channel.into(), units: Some(units), ..row });
}

/// Whoever has the contact answers it or is done with it.
fn go_on(centre: &mut Centre, key: &str) {
    let state = centre.view(key).state;
    if let ContactState::Offered { .. } = state {
        let answer = centre.answer(key);
        let _ = centre.apply(Command::AcceptOffer(answer));
    } else if let ContactState::Handling { .. } = state {
        let answer = centre.answer(key);
        let (wrap_up, step, result) = (None, CaseStep::Next, None);
        let _ = centre.apply(Command::CompleteContact(CompleteContact { answer, wrap_up, step, result }));
    }
}

fn stir(centre: &mut Centre, dice: &mut Dice) {
    let login = LOGINS[dice.below(3) as usize];
    let party = Party::Operator(centre.operator(login));
    let (epoch, now) = (centre.epoch(login), centre.at);
    match dice.below(7) {
        0 => {
            let _ = centre.apply(Command::LoseSession(LoseSession { party, epoch }));
        }
        1 => {
            let opening = OpenSession { takeover: true, ..open(Role::Operator, login, now) };
            let _ = centre.apply(Command::OpenSession(opening));
            centre.presence(login, DeclaredPresence::Ready);
        }
        2 => centre.put(OperatorPlan { capacity: 50 + 25 * dice.below(5) as u32, ..operator(login) }),
        3 => {
            let opening = OpenSession { takeover: true, ..open(Role::Operator, login, now) };
            let _ = centre.apply(Command::OpenSession(opening));
            centre.presence(login, DeclaredPresence::NotReady(1));
        }
        4 => {
            let rules = OperatorRules {
                caps: vec![("chat".into(), dice.below(3) as u16)],
                ..OperatorRules::default()
            };
            centre.put(OperatorPlan { rules, ..operator(login) });
        }
        _ => centre.tick(now + 1_000 * dice.below(30)),
    }
}

fn hour(seed: u64) -> usize {
    let mut dice = Dice(seed);
    let mut centre = world(&mut dice);
    for login in LOGINS {
        centre.ready(operator(login));
    }
    let mut parked = 0;
    for n in 0..150 {
        centre.at += dice.below(3_000);
        match dice.below(6) {
            0..=2 => arrive(&mut centre, &mut dice, &n.to_string()),
            3 | 4 => {
                let known: Vec<String> = centre.contacts.keys().cloned().collect();
                if !known.is_empty() {
                    let key = &known[dice.below(known.len() as u64) as usize];
                    if centre.router.contact_by_key("pbx", key).is_some() {
                        go_on(&mut centre, key);
                    }
                }
            }
            _ => stir(&mut centre, &mut dice),
        }
        parked += centre
            .effects
            .iter()
            .filter(|effect| matches!(effect, Effect::ParkContact { on: true, .. }))
            .count();
    }
    finish(&mut centre);
    parked
}

/// Everybody is there and goes on with what there is, until nothing is left.
fn finish(centre: &mut Centre) {
    for login in LOGINS {
        let opening = OpenSession { takeover: true, ..open(Role::Operator, login, centre.at + 1) };
        let _ = centre.apply(Command::OpenSession(opening));
        centre.put(OperatorPlan { capacity: 100, ..operator(login) });
    }
    let known: Vec<String> = centre.contacts.keys().cloned().collect();
    let is_open = |centre: &Centre, key: &String| {
        let view = centre.router.contact_by_key("pbx", key);
        view.is_some_and(|view| !matches!(view.state, ContactState::Ended { .. }))
    };
    for _ in 0..400 {
        if !known.iter().any(|key| is_open(centre, key)) {
            return;
        }
        centre.tick(centre.at + 6_000);
        for login in LOGINS {
            centre.presence(login, DeclaredPresence::Ready);
        }
        for key in &known {
            if centre.router.contact_by_key("pbx", key).is_some() {
                go_on(centre, key);
            }
        }
    }
    assert_eq!(known.iter().find(|key| is_open(centre, key)), None, "something is stuck");
}

#[test]
fn r3_5_nothing_is_stuck_in_random_hours_with_interruptible_work() {
    let parked: usize = (0..30).map(hour).sum();
    assert!(parked > 50, "work was parked {parked} times only");
}
