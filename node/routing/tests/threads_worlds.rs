//! Random hours with threads, among calls and interruptible work: the invariants hold after each command, a state that was
//! read goes on like the one that was written, and nothing is stuck at the end (R1.4).

mod support;

use ringmain_routing::command::*;
use ringmain_routing::effect::ThreadNews;
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

    fn some(&mut self, from: u64, below: u64) -> Option<Millis> {
        (self.below(4) > 0).then(|| Millis(from + self.below(below)))
    }
}

const LOGINS: [&str; 3] = ["anna", "boris", "clara"];

fn rules(dice: &mut Dice) -> QueueRules {
    let (first_reply, next_reply) = (dice.some(10_000, 20_000), dice.some(10_000, 40_000));
    let requeue_after = dice.some(0, 20_000).filter(|_| first_reply.is_some() || next_reply.is_some());
    let times = ThreadTimes {
        first_reply,
        next_reply,
        warn_before: Millis(dice.below(2) * 5_000),
        requeue_after,
        park_after: dice.some(1_000, 20_000),
        close_after: Some(Millis(30_000 + dice.below(100_000))),
        keep_for: Millis(dice.below(3) * 10_000),
    };
    let channels = if dice.below(2) == 0 { vec![] } else { vec!["chat".into()] };
    let interruptible = (dice.below(3) == 0)
        .then(|| Interruptible { by_channels: vec!["voice".into()], ..Interruptible::default() });
    QueueRules { thread: Some(ThreadRules { channels, times }), interruptible, ..QueueRules::default() }
}

fn queues(dice: &mut Dice) -> Vec<QueuePlan> {
    let offered = Answer::Offered { within: Millis(20_000) };
    let orphans = match dice.below(3) {
        0 => vec![("chat".into(), OrphanRule::Stay)],
        1 => vec![("chat".into(), OrphanRule::Wait(Millis(20_000)))],
        _ => vec![],
    };
    let (chats, posts) = (QueueRules { orphans, ..rules(dice) }, rules(dice));
    vec![
        QueuePlan { wrap_up: Millis(5_000), ..QueuePlan::named("calls") },
        QueuePlan { wrap_up: Millis(0), rules: chats, ..QueuePlan::named("chats") },
        QueuePlan { answer: offered, wrap_up: Millis(3_000), rules: posts, ..QueuePlan::named("posts") },
    ]
}

fn arrive(centre: &mut Centre, dice: &mut Dice, key: &str) {
    let queue = ["calls", "chats", "chats", "posts"][dice.below(4) as usize];
    let channel = if queue == "calls" { "voice" } else { "chat" };
    let units = [20, 33, 50, 100][dice.below(4) as usize];
    let row = contact(key, queue, dice.below(6) as u8);
    centre.push(EnqueueContact { channel: channel.into(), units: Some(units), ..row });
}

fn write(centre: &mut Centre, dice: &mut Dice, key: &str) {
    let (gateway, view) = (centre.gateway, centre.view(key));
    let number = view.thread.map_or(0, |thread| thread.messages) + dice.below(3);
    let by = if dice.below(2) == 0 { Writer::Customer } else { Writer::Operator };
    let _ = centre.apply(Command::NoteMessage(NoteMessage {
        gateway,
        epoch: Epoch(1),
        contact: view.id,
        number,
        by,
    }));
}

/// Whoever has the contact answers it, passes it on, asks about it or is done with it.
fn go_on(centre: &mut Centre, key: &str, way: u64) {
    let state = centre.view(key).state;
    if let ContactState::Offered { .. } = state {
        let answer = centre.answer(key);
        let _ = centre.apply(Command::AcceptOffer(answer));
    } else if let ContactState::Handling { .. } = state {
        let answer = centre.answer(key);
        let _ = match way {
            0 => {
                let to = TransferTarget::Queue("posts".into());
                centre.apply(Command::TransferContact(Box::new(TransferContact {
                    answer,
                    to,
                    wrap_up: None,
                })))
            }
            1 => centre.apply(Command::HoldContact(HoldContact { answer, on: true })),
            2 => {
                let to = ConsultTarget::Queue("calls".into());
                centre.apply(Command::Consult(Consult { answer, to, units: Some(0) }))
            }
            _ => {
                let (wrap_up, step, result) = (None, CaseStep::Next, None);
                centre.apply(Command::CompleteContact(CompleteContact { answer, wrap_up, step, result }))
            }
        };
    }
}

fn supervise(centre: &mut Centre, dice: &mut Dice, key: &str) {
    let contact = centre.view(key).id;
    let to = ["calls", "chats", "posts"][dice.below(3) as usize].into();
    let action = match dice.below(4) {
        0 => Action::MoveContacts { from: MoveFrom::Contacts(vec![contact]), to },
        1 => Action::LiftContact { contact, tier: Some(dice.below(6) as u8), head_start: None },
        2 => Action::RequeueContact { contact },
        _ => {
            let from = HandOverFrom::Operator("anna".into());
            let to = Some("boris".into()).filter(|_| dice.below(2) == 0);
            Action::HandOver(Box::new(HandOver { from, to, hold: Millis(5_000), notes: vec![] }))
        }
    };
    let key = format!("{}", centre.router.index().0).as_str().into();
    let _ = centre.apply(Command::Act(Box::new(Act { by: "olga".into(), key, action })));
}

fn stir(centre: &mut Centre, dice: &mut Dice) {
    let login = LOGINS[dice.below(3) as usize];
    let party = Party::Operator(centre.operator(login));
    let (epoch, now) = (centre.epoch(login), centre.at);
    match dice.below(8) {
        0 => {
            let _ = centre.apply(Command::LoseSession(LoseSession { party, epoch }));
        }
        1 => {
            let _ = centre.apply(Command::CloseSession(CloseSession { party, epoch }));
        }
        2 | 3 => {
            let opening = OpenSession { takeover: true, ..open(Role::Operator, login, now) };
            let _ = centre.apply(Command::OpenSession(opening));
            let declared = [DeclaredPresence::Ready, DeclaredPresence::NotReady(1)];
            centre.presence(login, declared[dice.below(2) as usize]);
        }
        4 => centre.put(OperatorPlan { capacity: 50 + 25 * dice.below(5) as u32, ..operator(login) }),
        5 => {
            let version = centre.router.plan().version + 1;
            let next = Plan { version, ..plan(queues(dice)) };
            centre.ok(Command::ApplyPlan(Box::new(ApplyPlan { plan: next, by: None })));
        }
        _ => centre.tick(now + 1_000 * dice.below(30)),
    }
}

/// What was seen in one hour.
#[derive(Clone, Copy, Default)]
struct Seen {
    rested: usize,
    resumed: usize,
    overdue: usize,
    closed: usize,
    asleep: usize,
}

fn look(centre: &Centre, seen: &mut Seen) {
    for effect in &centre.effects {
        if let Effect::ParkContact { on, .. } = effect {
            *(if *on { &mut seen.rested } else { &mut seen.resumed }) += 1;
        }
        if let Effect::NotifyThread { news, .. } = effect {
            match news {
                ThreadNews::ReplySoon { .. } => {}
                ThreadNews::ReplyOverdue => seen.overdue += 1,
                ThreadNews::Closed => seen.closed += 1,
            }
        }
    }
    let views = centre.router.contacts().filter(|view| view.thread.is_some_and(|thread| thread.rests));
    seen.asleep += views.filter(|view| view.state == ContactState::Waiting).count();
}

fn hour(seed: u64) -> Seen {
    let mut dice = Dice(seed);
    let mut centre = Centre::new(plan(queues(&mut dice)));
    for login in LOGINS {
        centre.ready(operator(login));
    }
    let mut seen = Seen::default();
    for n in 0..200 {
        centre.at += dice.below(3_000);
        let known: Vec<String> = centre.contacts.keys().cloned().collect();
        let is_lively = dice.below(4) > 0;
        let state = |key: &String| centre.router.contact_by_key("pbx", key).map(|view| view.state);
        let is_meant = |key: &String| match state(key) {
            Some(ContactState::Ended { .. }) => !is_lively,
            Some(_) => true,
            None => false,
        };
        let known: Vec<String> = known.into_iter().filter(is_meant).collect();
        let key = (!known.is_empty()).then(|| &known[dice.below(known.len() as u64) as usize]);
        match (dice.below(9), key) {
            (0 | 1, _) | (_, None) => arrive(&mut centre, &mut dice, &n.to_string()),
            (2..=4, Some(key)) => {
                let rests = |key: &&String| centre.view(key).thread.is_some_and(|thread| thread.rests);
                let silent = known.iter().find(rests).filter(|_| dice.below(2) == 0);
                write(&mut centre, &mut dice, silent.unwrap_or(key));
            }
            (5, Some(key)) => {
                let way = dice.below(6);
                go_on(&mut centre, key, way);
            }
            (6, Some(key)) => supervise(&mut centre, &mut dice, key),
            (7, _) => {
                let bytes = centre.router.snapshot().encode();
                let read = Router::restore(&bytes).expect("it reads what it wrote");
                assert!(read.snapshot().encode() == bytes && read.check_invariants() == Ok(()));
                centre.router = read;
            }
            (_, Some(_)) => stir(&mut centre, &mut dice),
        }
        look(&centre, &mut seen);
    }
    finish(&mut centre);
    seen
}

/// Everybody is there and goes on with what there is; whose customer is silent ends by itself.
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
                go_on(centre, key, 9);
            }
        }
    }
    assert_eq!(known.iter().find(|key| is_open(centre, key)), None, "something is stuck");
}

#[test]
fn r1_4_nothing_is_stuck_in_random_hours_with_threads() {
    let mut all = Seen::default();
    for seed in 0..60 {
        let seen = hour(seed);
        all.rested += seen.rested;
        all.resumed += seen.resumed;
        all.overdue += seen.overdue;
        all.closed += seen.closed;
        all.asleep += seen.asleep;
    }
    let Seen { rested, resumed, overdue, closed, asleep } = all;
    let met = [rested, resumed, overdue, closed, asleep];
    assert!(met.iter().all(|&times| times > 8), "some rules are hardly met: {met:?}");
}
