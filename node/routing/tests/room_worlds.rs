//! Small worlds with units and caps of operators and queues, reservations and companions, driven by chance: the core checks
//! its invariants after each command, a state that was read goes on as the one it was written from, and what a
//! reservation and an invitation promise holds at each moment.

mod support;

use ringmain_routing::command::*;
use ringmain_routing::plan::*;
use ringmain_routing::rules::*;
use ringmain_routing::*;
use support::*;

const LOGINS: [&str; 5] = ["anna", "boris", "clara", "dina", "egor"];
const PHONES: [&str; 4] = ["+1", "+2", "+3", "+4"];

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
        let choices = [Choice::LongestIdle, Choice::LeastOccupied, Choice::MostSkilled, Choice::RoundRobin];
        let rules = QueueRules {
            choice: choices[chance.below(4) as usize],
            cap: chance.one_in(2).then(|| 1 + chance.below(3) as u16),
            reserve_after: chance.one_in(2).then(|| Millis(1 + chance.below(3_000))),
            ..QueueRules::default()
        };
        let answers = [Answer::Automatic, Answer::Offered { within: Millis(900) }];
        let (wrap_up, answer) = (Millis(chance.below(2) * 400), answers[chance.below(2) as usize]);
        QueuePlan { wrap_up, answer, rules, ..QueuePlan::named(name) }
    };
    let mut plan = plan(vec![queue("a", chance), queue("b", chance)]);
    plan.version = version;
    plan.rules.companion = (!chance.one_in(4)).then(|| Millis(1 + chance.below(4_000)));
    plan
}

fn world_operator(login: &str, chance: &mut Chance) -> OperatorPlan {
    let units = chance.one_in(2).then(|| ("chat".into(), 1 + chance.below(60) as u32));
    let voice = chance.one_in(3).then(|| ("voice".into(), 34 + chance.below(40) as u32));
    let rules = OperatorRules {
        units: units.into_iter().chain(voice).collect(),
        queue_caps: chance.one_in(4).then(|| ("a".into(), chance.below(3) as u16)).into_iter().collect(),
        wrap_up: chance.one_in(3).then(|| Millis(chance.below(900))),
        caps: chance.one_in(4).then(|| ("chat".into(), 1 + chance.below(3) as u16)).into_iter().collect(),
        bot: login == "egor" && chance.one_in(2),
        ..OperatorRules::default()
    };
    let ranks = vec![("b".into(), chance.below(2) as u8)];
    OperatorPlan { rules, ranks, capacity: 50 + 50 * chance.below(3) as u32, ..operator(login) }
}

fn arrival(chance: &mut Chance, number: u64) -> Command {
    let channel = if chance.one_in(2) { "voice" } else { "chat" }.into();
    let queue = if chance.one_in(2) { "a" } else { "b" };
    let key = format!("c{number}");
    let tier = if chance.one_in(12) { 0 } else { 1 + chance.below(5) as u8 };
    let phone = chance.one_in(2).then(|| PHONES[chance.below(4) as usize].into());
    let units = chance.one_in(8).then(|| chance.below(2) as u32 * 70);
    let facts = Facts { phone, ..Facts::default() };
    Command::EnqueueContact(Box::new(EnqueueContact { channel, units, facts, ..contact(&key, queue, tier) }))
}

fn answered(centre: &Centre, view: &OperatorView, chance: &mut Chance) -> Command {
    let place = chance.below(view.contacts.len().max(1) as u64) as usize;
    let Some(row) = view.contacts.get(place).and_then(|id| centre.router.contact(*id)) else {
        return Command::Tick;
    };
    let answer =
        AnswerOffer { operator: view.id, epoch: view.epoch, contact: row.id, assignment: row.assignment };
    match chance.below(8) {
        0 => Command::AcceptOffer(answer),
        1 => Command::DeclineOffer(answer),
        2 => Command::EndWrapUp(answer),
        3 => {
            let to = TransferTarget::Queue(if chance.one_in(2) { "a" } else { "b" }.into());
            Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up: None }))
        }
        4 | 5 => {
            let (number, channel) = (PHONES[chance.below(4) as usize].into(), "chat".into());
            Command::InviteCompanion(Box::new(InviteCompanion { answer, number, channel }))
        }
        _ => {
            let step = CaseStep::Next;
            Command::CompleteContact(CompleteContact { answer, wrap_up: None, step, result: None })
        }
    }
}

fn random_command(centre: &Centre, chance: &mut Chance, number: u64) -> Command {
    let login = LOGINS[chance.below(5) as usize];
    let view = centre.router.operator(centre.operator(login)).expect("known");
    let (operator, epoch, seq) = (view.id, view.epoch, number);
    match chance.below(16) {
        0 => Command::OpenSession(OpenSession { takeover: true, ..open(Role::Operator, login, number) }),
        1 if chance.one_in(2) => {
            Command::LoseSession(LoseSession { party: Party::Operator(operator), epoch })
        }
        1..=3 => {
            let is_ready = !chance.one_in(4);
            let presence = if is_ready { DeclaredPresence::Ready } else { DeclaredPresence::NotReady(3) };
            Command::SetPresence(SetPresence { operator, epoch, seq, presence })
        }
        4 if chance.one_in(3) => {
            let plan = world_plan(chance, centre.router.plan().version + 1);
            Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }))
        }
        4 => {
            let operators = vec![world_operator(login, chance)];
            Command::PutOperators(PutOperators { operators, by: None })
        }
        5 => Command::TakeNext(TakeNext { operator, epoch, seq, queue: None }),
        6..11 => answered(centre, &view, chance),
        _ => arrival(chance, number),
    }
}

/// What was seen in all worlds, so that they say something.
#[derive(Default, Debug)]
struct Seen {
    reserved: u64,
    invited: u64,
    companions: u64,
}

fn check(centre: &Centre, seen: &mut Seen) {
    let router = &centre.router;
    for view in router.operators() {
        let Some(contact) = view.reserved_for else { continue };
        let contact = router.contact(contact).expect("it waits");
        assert_eq!(contact.reserved, Some(view.id));
        assert_eq!((contact.state, contact.held_for), (ContactState::Waiting, None));
        assert!(view.presence == effect::PresenceState::Ready, "who is not there is not reserved");
        seen.reserved += 1;
    }
    for call in router.contacts() {
        let Some(invitation) = call.invitation else { continue };
        seen.invited += 1;
        if let Some(companion) = invitation.companion.and_then(|id| router.contact(id)) {
            assert_eq!(companion.companion_of, Some(call.id));
            seen.companions += 1;
        }
    }
}

#[test]
fn r3_5_and_r3_9_worlds_by_chance_keep_their_invariants_and_outlive_a_snapshot() {
    let mut seen = Seen::default();
    for seed in 1..=60u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut centre = Centre::new(world_plan(&mut chance, 1));
        for login in LOGINS {
            let operator = world_operator(login, &mut chance);
            centre.ready(operator);
        }
        let mut copy: Option<Router> = None;
        for number in 1..400u64 {
            centre.at += [0, 1, 50, 300, 900][chance.below(5) as usize];
            let command = random_command(&centre, &mut chance, 1_000 + number);
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
            check(&centre, &mut seen);
        }
    }
    assert!(seen.reserved > 1_000 && seen.invited > 1_000 && seen.companions > 200, "{seen:?}");
}
