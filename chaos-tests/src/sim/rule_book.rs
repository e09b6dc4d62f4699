//! The rule book of a simulated centre. Whatever is drawn, the first operator can serve everybody in the end: each
//! ladder ends at every rank, and entry asks for nothing that the first operator lacks.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::command::{PutLifeSupport, Reference, life_support_hash};
use ringmain_routing::rules::{
    Applicant, Choice, DeflectWhen, Deflection, EntryRule, Facts, OperatorRules, PlanRules, QueueRules,
    Reach, Redial, Remember, SamePerson, Step, Then, Treatment, UnitRules, When,
};
use ringmain_routing::{Millis, Name};

use super::centre::{self, CHANNELS, PRINCIPALS, QUEUES, SCOPES, SKILLS, UNITS};

const TOPICS: [&str; 3] = ["outage", "outage gas", "bill"];
const REACHES: [Reach; 4] = [Reach::Own, Reach::Neighbours, Reach::Up(1), Reach::All];
const APPLICANTS: [Applicant; 3] = [Applicant::Home, Applicant::Firm, Applicant::Official];

fn some<T: Copy>(rng: &mut ChaCha8Rng, list: &[T]) -> T {
    list[rng.random_range(0..list.len())]
}

fn span(rng: &mut ChaCha8Rng, most: u64) -> Millis {
    Millis(rng.random_range(1..most))
}

fn login(rng: &mut ChaCha8Rng) -> Name {
    centre::login(rng.random_range(0..5))
}

fn reference(rng: &mut ChaCha8Rng) -> Name {
    format!("+7{}", rng.random_range(0..6)).into()
}

/// Rules of the whole centre. There is always an entry rule and a default queue, so that no queue need be named.
pub(super) fn plan_rules(rng: &mut ChaCha8Rng, has_units: bool) -> PlanRules {
    let count = rng.random_range(1..6);
    PlanRules {
        principals: PRINCIPALS.iter().map(|name| (*name).into()).collect(),
        entry: entries(rng, count, has_units),
        default_queue: Some(some(rng, &QUEUES).into()),
        redial: rng.random_bool(0.7).then(|| Redial { within: span(rng, 30_000) }),
        head_start_max: rng.random_bool(0.3).then(|| span(rng, 4_000)),
        recall_after: rng.random_bool(0.5).then(|| span(rng, 2_000)),
        remember: Remember {
            customer: rng.random_bool(0.7).then(|| span(rng, 20_000)),
            case: rng.random_bool(0.8).then(|| span(rng, 20_000)),
        },
        ..PlanRules::default()
    }
}

/// In most centres danger to life comes before everything else.
fn entries(rng: &mut ChaCha8Rng, count: u32, has_units: bool) -> Vec<EntryRule> {
    let mut rules: Vec<EntryRule> = (0..count).map(|number| entry(rng, number, has_units)).collect();
    if rng.random_bool(0.6) {
        let when = When { danger: Some(true), ..When::default() };
        let then = Then { tier: Some(0), own_unit: rng.random_bool(0.5), ..Then::default() };
        rules.insert(0, EntryRule { name: "danger".into(), when, then });
    }
    rules
}

fn entry(rng: &mut ChaCha8Rng, number: u32, has_units: bool) -> EntryRule {
    let mut when = When::default();
    match rng.random_range(0..9) {
        0 => when.queues.push(some(rng, &QUEUES).into()),
        1 => when.channels.push(some(rng, &CHANNELS).into()),
        2 => when.gateways.push("gateway-0".into()),
        3 => when.principals.push(some(rng, &PRINCIPALS).into()),
        4 if has_units => when.units.push(some(rng, &SCOPES).into()),
        4 | 5 => when.applicants.push(some(rng, &APPLICANTS)),
        6 => when.languages.push(some(rng, &SKILLS).into()),
        7 => when.registered = Some(true),
        _ => when.danger = Some(true),
    }
    if rng.random_bool(0.4) {
        when.topics.push(some(rng, &["outage*", "bill", "*"]).into());
    }
    let may_save_life =
        when.danger == Some(true) || (when.registered == Some(true) && !when.topics.is_empty());
    let lowest = if may_save_life { 0 } else { 1 };
    let then = Then {
        queue: rng.random_bool(0.5).then(|| some(rng, &QUEUES).into()),
        tier: rng.random_bool(0.6).then(|| rng.random_range(lowest..7)),
        skills: if rng.random_bool(0.2) { vec![(some(rng, &SKILLS).into(), 5)] } else { Vec::new() },
        own_unit: rng.random_bool(0.3),
        head_start: Millis(rng.random_range(0..1_500)),
        route: None,
        owner: rng.random_bool(0.4).then(|| login(rng)),
    };
    EntryRule { name: format!("rule {number}").into(), when, then }
}

/// Rules of one queue.
pub(super) fn queue_rules(rng: &mut ChaCha8Rng) -> QueueRules {
    let choices = [Choice::LongestIdle, Choice::LeastOccupied, Choice::MostSkilled, Choice::RoundRobin];
    let promote_after = rng.random_bool(0.5).then(|| span(rng, 3_000));
    let units = if rng.random_bool(0.2) { vec![("chat".into(), rng.random_range(0..3))] } else { Vec::new() };
    let mut ladder = if rng.random_bool(0.7) { ladder(rng) } else { Vec::new() };
    if rng.random_bool(0.3) {
        take_from(rng, &mut ladder);
    }
    let deflections = match rng.random_range(0..6) {
        3 => {
            let wait = DeflectWhen::ExpectedWait(span(rng, 2_000));
            vec![Deflection { when: wait, to: Treatment::CallBack }]
        }
        2 => vec![Deflection { when: DeflectWhen::Closed, to: Treatment::Message }],
        0 => vec![Deflection { when: DeflectWhen::NobodyReady, to: Treatment::CallBack }],
        1 => {
            vec![Deflection { when: DeflectWhen::Waiting(rng.random_range(1..9)), to: Treatment::Voicemail }]
        }
        _ => Vec::new(),
    };
    QueueRules {
        choice: some(rng, &choices),
        ladder,
        promote_after,
        units,
        deflections,
        same_person: SamePerson {
            owner: rng.random_bool(0.5).then(|| span(rng, 2_500)),
            first_handler: rng.random_bool(0.5).then(|| span(rng, 2_500)),
            last_operator: rng.random_bool(0.5).then(|| span(rng, 2_500)),
        },
        leads: if rng.random_bool(0.5) { vec![login(rng)] } else { Vec::new() },
        hard: rng.random_bool(0.5),
        passes_max: rng.random_bool(0.5).then(|| rng.random_range(0..3)),
        ..QueueRules::default()
    }
}

/// The queue's contacts are taken or handed out, for a while or to the end.
fn take_from(rng: &mut ChaCha8Rng, ladder: &mut Vec<Step>) {
    let nobody = Step { reach: Reach::Nobody, rank_max: 0, ..Step::default() };
    match ladder.first_mut() {
        Some(first) if rng.random_bool(0.6) => first.reach = Reach::Nobody,
        Some(_) | None => *ladder = vec![nobody],
    }
}

fn ladder(rng: &mut ChaCha8Rng) -> Vec<Step> {
    let mut step = Step { rank_max: 0, ..Step::default() };
    let mut steps = vec![step];
    for _ in 0..rng.random_range(1..4) {
        step.after = Millis(step.after.0 + rng.random_range(100..2_000));
        match rng.random_range(0..5) {
            0 => step.reach = step.reach.max(some(rng, &REACHES)),
            1 => step.levels_lowered += 1,
            2 => step.rank_max = 1,
            3 => step.lent = true,
            _ => step.any_language = true,
        }
        steps.push(step);
    }
    if let Some(last) = steps.last_mut() {
        last.rank_max = u8::MAX;
    }
    steps
}

/// The units that help a unit first.
pub(super) fn unit_rules(rng: &mut ChaCha8Rng) -> UnitRules {
    let helps = rng.random_bool(0.4);
    let neighbours = if helps { vec![some(rng, &UNITS).0.into()] } else { Vec::new() };
    UnitRules { neighbours, head: rng.random_bool(0.5).then(|| login(rng)), calendar: None }
}

/// What an operator may be given; the first one everything.
pub(super) fn operator_rules(rng: &mut ChaCha8Rng, number: usize) -> OperatorRules {
    let mut rules = OperatorRules::default();
    if rng.random_bool(0.3) {
        rules.channels.push(some(rng, &CHANNELS).into());
    }
    if rng.random_bool(0.4) {
        rules.principals.push(some(rng, &PRINCIPALS).into());
    }
    if rng.random_bool(0.3) {
        rules.lent_principals.push(some(rng, &PRINCIPALS).into());
    }
    if rng.random_bool(0.5) {
        // What stays with an operator has room there in the end.
        rules.caps.push((some(rng, &CHANNELS).into(), rng.random_range(1..4)));
    }
    let deputies = (0..rng.random_range(0..3)).map(|_| login(rng)).collect();
    if number == 0 {
        rules = OperatorRules::default()
    }
    OperatorRules { deputies, ..rules }
}

/// What a gateway knows of an arrival.
pub(super) fn facts(rng: &mut ChaCha8Rng, has_units: bool) -> Facts {
    let facts = Facts {
        principal: rng.random_bool(0.4).then(|| some(rng, &PRINCIPALS).into()),
        unit: (rng.random_bool(0.4) && has_units).then(|| some(rng, &SCOPES).into()),
        applicant: rng.random_bool(0.5).then(|| some(rng, &APPLICANTS)),
        language: rng.random_bool(0.4).then(|| some(rng, &SKILLS).into()),
        any_language: rng.random_bool(0.5),
        phone: rng.random_bool(0.6).then(|| reference(rng)),
        account: rng.random_bool(0.2).then(|| reference(rng)),
        supply_point: rng.random_bool(0.2).then(|| reference(rng)),
        intent: None,
        danger: rng.random_bool(0.2),
        attributes: Vec::new(),
        case: rng.random_bool(0.6).then(|| format!("case-{}", rng.random_range(0..6)).into()),
        reply_by: None,
    };
    // Half of those with a phone want to be called.
    let is_called =
        facts.phone.as_ref().is_some_and(|phone| phone.bytes().last().is_some_and(|digit| digit % 2 == 0));
    Facts { reply_by: is_called.then(|| "call".into()), ..facts }
}

/// What an arrival is about.
pub(super) fn topic(rng: &mut ChaCha8Rng) -> Option<Name> {
    rng.random_bool(0.5).then(|| some(rng, &TOPICS).into())
}

/// A change of the life-support register.
pub(super) fn register(rng: &mut ChaCha8Rng) -> PutLifeSupport {
    let mut some_of = |most: usize| -> Vec<u128> {
        let count = rng.random_range(0..most);
        (0..count).map(|_| life_support_hash(Reference::Phone, &reference(rng))).collect()
    };
    PutLifeSupport { by: "olga".into(), add: some_of(4), remove: some_of(3) }
}
