//! The rule book in small numbers: rules of queues, of the plan and of operators, and what gateways know.

use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::command::{ContactResult, PutLifeSupport, Reference, life_support_hash};
use ringmain_routing::rules::{
    Applicant, Choice, DeflectWhen, Deflection, EntryRule, Facts, Interruptible, OperatorRules, OrphanRule,
    PlanRules, QueueRules, Reach, Redial, Remember, ResultRule, SamePerson, Step, Then, Treatment, UnitRules,
    When,
};
use ringmain_routing::{Millis, Name, Plan, Timestamp};

use super::cases::{self, ROUTES, RouteSpec, WAYS};
use super::enquiries::{self, EnquiryRuleSpec};
use super::threads::{self, ThreadSpec};
use super::time::{self, BreakSpec, OperatorTimeSpec};
use super::triggers::{self, TriggerSpec};
use super::waiting::{self, WaitingSpec};
use super::world::{CHANNELS, GATEWAYS, OPERATORS, QUEUES, SKILLS, UNITS, pick};

/// Companies of the world.
pub const PRINCIPALS: [&str; 2] = ["retail", "business"];
const TOPICS: [&str; 4] = ["outage", "outage gas", "bill", "meter"];
const TOPIC_PATTERNS: [&str; 4] = ["outage", "outage*", "*", "bi*"];
const OUTCOMES: [&str; 3] = ["solved", "passed on", "nothing"];
const INTENTS: [&str; 2] = ["pay", "power cut"];
const INTENT_PATTERNS: [&str; 3] = ["pay", "power*", "p*"];
const APPLICANTS: [Applicant; 3] = [Applicant::Home, Applicant::Firm, Applicant::Official];
const REACHES: [Reach; 5] = [Reach::Own, Reach::Neighbours, Reach::Up(1), Reach::Up(2), Reach::All];
const RANKS: [u8; 4] = [0, 1, 2, u8::MAX];

/// Rules of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueueRuleSpec {
    /// Which choice.
    pub choice: u8,
    /// Its ladder, if any.
    pub ladder: Option<LadderSpec>,
    /// Promotion after so much waiting.
    pub promote_after: Option<u8>,
    /// Units for one channel.
    pub units: Option<(u8, u8)>,
    /// Its opening hours; only a plan with rules has calendars.
    pub hours: Option<u8>,
    /// What becomes of arrivals under which condition.
    pub deflections: [Option<(u8, u8)>; 2],
    /// How long its contacts wait for the owner, the first handler, the last operator.
    pub same_person: [Option<u8>; 3],
    /// Who hands its contacts out, by bits.
    pub leads: u8,
    /// For hard cases.
    pub hard: bool,
    /// How often contacts may be passed on.
    pub passes_max: Option<u8>,
    /// How long before the end of a shift nothing of it begins.
    pub last_start: Option<u8>,
    /// What becomes of orphans of a channel; 3 and more wait so long.
    pub orphans: [Option<(u8, u8)>; 2],
    /// So many of its contacts at most with one operator, and after so much waiting one is kept.
    pub room: (Option<u8>, Option<u8>),
    /// Topics and outcomes that a completion may say, by bits.
    pub results: Option<(u8, u8)>,
    /// What becomes of those who wait.
    pub waiting: WaitingSpec,
    /// Units of consultations.
    pub consult_units: Option<u8>,
    /// For whom its work is parked: the tier, channels by bits, and how often; unsound where that is 0.
    pub interruptible: Option<(u8, u8, u8)>,
    /// What silence means to its threads.
    pub thread: Option<ThreadSpec>,
    /// Where contacts go that want a person.
    pub people_queue: Option<u8>,
    /// Where those go whom nobody could serve.
    pub stranded_to: Option<u8>,
}

/// Calendars of the world.
pub const CALENDARS: [&str; 2] = ["day", "night"];
/// When the world begins.
const BEGIN_MS: u64 = 1_000;
const WEEK_MS: u64 = 7 * 86_400_000;

/// A ladder of up to four steps, none narrower than the one before.
#[derive(Clone, Copy, Debug)]
pub struct LadderSpec {
    /// So many steps, from the first on, reach nobody.
    pub nobody: u8,
    /// Time from step to step; the ladder ends at the first 0.
    pub gaps: [u8; 3],
    /// Reaches, to be sorted.
    pub reaches: [u8; 4],
    /// Levels, to be sorted.
    pub lowered: [u8; 4],
    /// Ranks, to be sorted.
    pub ranks: [u8; 4],
    /// From which step on lent operators help.
    pub lent_from: u8,
    /// From which step on other languages will do.
    pub any_language_from: u8,
}

/// Rules of the plan.
#[derive(Clone, Debug, Default)]
pub struct PlanRuleSpec {
    /// Entry rules.
    pub entry: Vec<EntrySpec>,
    /// The default queue.
    pub default_queue: Option<u8>,
    /// Credit for those who call again.
    pub redial: Option<u8>,
    /// Most head start.
    pub head_start_max: Option<u8>,
    /// Life safety calls back from breaks.
    pub recall_after: Option<u8>,
    /// Companions may come for so long after the call.
    pub companion: Option<u8>,
    /// For each calendar how long it is shut and open in turns, and whether it is open behind that.
    pub calendars: [([u8; 4], bool); 2],
    /// For each unit its neighbours by bits.
    pub neighbours: [u8; 4],
    /// For each unit its head; beyond the operators nobody whom anybody knows.
    pub heads: [Option<u8>; 4],
    /// For how long a customer's last operator and the people of a case are remembered.
    pub remember: [Option<u8>; 2],
    /// The routes of the world.
    pub routes: Vec<RouteSpec>,
    /// For each unit the calendar of its customers.
    pub unit_calendars: [Option<u8>; 4],
    /// The first breaks of the world.
    pub breaks: Vec<BreakSpec>,
    /// How busy operators may be.
    pub rest: Option<u8>,
    /// The duty number is called after so long.
    pub duty_after: Option<u8>,
    /// Triggers.
    pub triggers: Vec<TriggerSpec>,
    /// Questions to people without a seat.
    pub enquiries: Option<EnquiryRuleSpec>,
}

/// An entry rule.
#[derive(Clone, Copy, Debug)]
pub struct EntrySpec {
    /// Which parts its condition has, and with what value.
    pub parts: [Option<(u8, u8)>; 2],
    /// Where to.
    pub queue: Option<u8>,
    /// The tier; for 0 the condition asks for danger or the register as well.
    pub tier: Option<u8>,
    /// A skill with its level.
    pub skill: Option<(u8, u8)>,
    /// Only operators of the own unit.
    pub own_unit: bool,
    /// Head start.
    pub head_start: u8,
    /// Who owns what comes in so.
    pub owner: Option<u8>,
    /// The way that it goes, where the plan has it.
    pub route: Option<u8>,
}

/// What a channel costs an operator, and its cap for a queue, by their numbers.
pub type RoomSpec = (Option<(u8, u8)>, Option<(u8, u8)>);

/// Rules of an operator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OperatorRuleSpec {
    /// Channels by bits.
    pub channels: u8,
    /// Companies by bits.
    pub principals: u8,
    /// Companies to which it is lent, by bits.
    pub lent: u8,
    /// A cap for one channel.
    pub cap: Option<(u8, u8)>,
    /// Who stands in.
    pub deputies: [Option<u8>; 2],
    /// Its own wrap-up.
    pub wrap_up: Option<u8>,
    /// Breaks, shifts and rest.
    pub time: OperatorTimeSpec,
    /// What a channel costs it, and a cap of its own for a queue.
    pub room: RoomSpec,
    /// It is a program.
    pub bot: bool,
    /// Names a channel (1), a company (2), a queue (4) that the plan lacks, has too many deputies (3), or a channel that
    /// costs nothing (5), or is a bot that rests (6).
    pub flaw: u8,
}

/// What a gateway knows.
#[derive(Clone, Copy, Debug, Default)]
pub struct FactsSpec {
    /// The company.
    pub principal: Option<u8>,
    /// The org unit.
    pub unit: Option<u8>,
    /// Who asks.
    pub applicant: Option<u8>,
    /// A language, and whether another one will do.
    pub language: Option<(u8, bool)>,
    /// Few of them, so that they repeat and meet the register.
    pub phone: Option<u8>,
    /// The account.
    pub account: Option<u8>,
    /// The supply point.
    pub supply_point: Option<u8>,
    /// The intent.
    pub intent: Option<u8>,
    /// Danger to life.
    pub danger: bool,
    /// An attribute.
    pub attribute: Option<u8>,
    /// The case: few of them.
    pub case: Option<u8>,
}

/// The register changes.
#[derive(Clone, Debug)]
pub struct RegisterSpec {
    /// References that enter.
    pub add: Vec<u8>,
    /// References that leave.
    pub remove: Vec<u8>,
    /// More than one command may name.
    pub too_many: bool,
}

/// The rules of a queue.
#[must_use]
pub fn queue_rules(spec: &QueueRuleSpec) -> QueueRules {
    let choices = [Choice::LongestIdle, Choice::LeastOccupied, Choice::MostSkilled, Choice::RoundRobin];
    let mut rules = QueueRules {
        choice: pick(&choices, spec.choice),
        ladder: spec.ladder.as_ref().map_or(Vec::new(), ladder),
        promote_after: spec.promote_after.map(|ms| Millis(u64::from(ms))),
        units: spec
            .units
            .iter()
            .map(|(channel, units)| (pick(&CHANNELS, *channel).0.into(), u32::from(*units)))
            .collect(),
        hours: spec.hours.map(|number| pick(&CALENDARS, number).into()),
        deflections: spec.deflections.into_iter().flatten().map(deflection).collect(),
        last_start: spec.last_start.map(|ms| Millis(u64::from(ms))),
        same_person: same_person(spec.same_person),
        leads: chosen(OPERATORS.into_iter(), spec.leads),
        hard: spec.hard,
        passes_max: spec.passes_max.map(u32::from),
        orphans: orphans(spec.orphans),
        cap: spec.room.0.map(u16::from),
        reserve_after: spec.room.1.map(|ms| Millis(u64::from(ms))),
        results: spec.results.map(results),
        consult_units: spec.consult_units.map(u32::from),
        interruptible: spec.interruptible.map(interruptible),
        thread: spec.thread.map(threads::rules),
        people_queue: spec.people_queue.map(|queue| pick(&QUEUES, queue).into()),
        stranded_to: spec.stranded_to.map(|queue| pick(&QUEUES, queue).into()),
        ..QueueRules::default()
    };
    waiting::put_into(&mut rules, spec.waiting);
    rules
}

fn interruptible((by_tier, channels, parks_max): (u8, u8, u8)) -> Interruptible {
    let channels = chosen(CHANNELS.into_iter().map(|(name, _)| name), channels);
    Interruptible { by_tier, by_channels: channels, parks_max: u16::from(parks_max) }
}

fn results((topics, outcomes): (u8, u8)) -> ResultRule {
    ResultRule {
        topics: chosen(TOPICS.into_iter(), topics),
        outcomes: chosen(OUTCOMES.into_iter(), outcomes),
    }
}

/// What it was about, and what came of it.
pub(super) fn result((topic, outcome): (u8, u8)) -> ContactResult {
    let outcome = OUTCOMES.get(usize::from(outcome)).copied().unwrap_or_default();
    ContactResult { topic: pick(&TOPICS, topic).into(), outcome: outcome.into() }
}

/// One rule a channel.
fn orphans(specs: [Option<(u8, u8)>; 2]) -> Vec<(Name, OrphanRule)> {
    let mut rules: Vec<(Name, OrphanRule)> = specs.into_iter().flatten().map(orphan).collect();
    rules.dedup_by(|one, other| one.0 == other.0);
    rules
}

fn orphan((channel, rule): (u8, u8)) -> (Name, OrphanRule) {
    let rule = match rule {
        0 => OrphanRule::Close,
        1 => OrphanRule::Requeue,
        2 => OrphanRule::Stay,
        more => OrphanRule::Wait(Millis(u64::from(more - 2))),
    };
    (pick(&CHANNELS, channel).0.into(), rule)
}

fn same_person(times: [Option<u8>; 3]) -> SamePerson {
    let [owner, first_handler, last_operator] = times.map(|ms| ms.map(|ms| Millis(u64::from(ms))));
    SamePerson { owner, first_handler, last_operator }
}

/// An operator's login, or one that nobody has.
fn login(number: u8) -> Name {
    OPERATORS.get(usize::from(number)).copied().unwrap_or("nobody").into()
}

fn deflection((when, to): (u8, u8)) -> Deflection {
    let treatments =
        [Treatment::Queue, Treatment::CallBack, Treatment::Voicemail, Treatment::Message, Treatment::Refuse];
    let when = match when {
        0 => DeflectWhen::Closed,
        1 => DeflectWhen::NobodySignedIn,
        2 => DeflectWhen::NobodyReady,
        more @ 3..8 => DeflectWhen::Waiting(u32::from(more - 3)),
        more => DeflectWhen::ExpectedWait(Millis(3 * u64::from(more - 8))),
    };
    Deflection { when, to: pick(&treatments, to) }
}

fn calendar(name: &str, (lengths, open_behind): ([u8; 4], bool)) -> CalendarPlan {
    let mut at = BEGIN_MS;
    let mut spans = Vec::new();
    for pair in lengths.chunks(2) {
        let from = at + 1 + u64::from(pair[0]);
        at = from + 1 + 4 * u64::from(pair[1]);
        spans.push((Timestamp(from), Timestamp(at)));
    }
    let week = if open_behind { vec![(Millis(0), Millis(WEEK_MS))] } else { Vec::new() };
    CalendarPlan { name: name.into(), spans, until: Timestamp(at), week }
}

fn ladder(spec: &LadderSpec) -> Vec<Step> {
    let sorted = |mut numbers: [u8; 4], most: usize| {
        numbers = numbers.map(|number| number % most as u8);
        numbers.sort_unstable();
        numbers
    };
    let reaches = sorted(spec.reaches, REACHES.len());
    let (lowered, ranks) = (sorted(spec.lowered, 4), sorted(spec.ranks, RANKS.len()));
    let mut after = 0;
    let mut steps = Vec::new();
    for place in 0..4u8 {
        let at = usize::from(place);
        if at > 0 {
            let gap = spec.gaps[at - 1];
            if gap == 0 {
                break;
            }
            after += u64::from(gap);
        }
        steps.push(Step {
            after: Millis(after),
            reach: if place < spec.nobody { Reach::Nobody } else { pick(&REACHES, reaches[at]) },
            levels_lowered: lowered[at],
            rank_max: pick(&RANKS, ranks[at]),
            lent: place >= spec.lent_from,
            any_language: place >= spec.any_language_from,
        });
    }
    steps
}

/// Puts rules into a plan; companies that the plan has stay.
pub fn put_rules(plan: &mut Plan, spec: &PlanRuleSpec) {
    let queues = plan.queues.len().max(1) as u8;
    let span = |ms: Option<u8>| ms.map(|ms| Millis(u64::from(ms)));
    plan.rules = PlanRules {
        principals: PRINCIPALS.iter().map(|name| (*name).into()).collect(),
        entry: (0..).zip(&spec.entry).map(|(number, entry)| rule(number, entry, queues)).collect(),
        default_queue: spec.default_queue.map(|queue| pick(&QUEUES, queue % queues).into()),
        redial: span(spec.redial).map(|within| Redial { within }),
        head_start_max: span(spec.head_start_max),
        recall_after: span(spec.recall_after),
        companion: span(spec.companion),
        duty_after: span(spec.duty_after),
        calendars: CALENDARS.iter().zip(spec.calendars).map(|(name, spec)| calendar(name, spec)).collect(),
        remember: Remember { customer: span(spec.remember[0]), case: span(spec.remember[1]) },
        enquiries: spec.enquiries.as_ref().map(enquiries::rule),
        ..PlanRules::default()
    };
    time::put_into(&mut plan.rules, &spec.breaks, spec.rest);
    triggers::put_into(plan, &spec.triggers);
    cases::put_into(&mut plan.rules, &spec.routes, queues);
    let people = spec.heads.into_iter().zip(spec.unit_calendars);
    for ((unit, bits), (head, calendar)) in plan.units.iter_mut().zip(spec.neighbours).zip(people) {
        let calendar = calendar.map(|number| pick(&CALENDARS, number).into());
        let names = UNITS.iter().map(|(name, _)| *name);
        unit.rules = UnitRules { neighbours: chosen(names, bits), head: head.map(login), calendar };
    }
}

/// A plan without calendars has no opening hours.
pub fn drop_unknown_hours(plan: &mut Plan) {
    if plan.rules.calendars.is_empty() {
        plan.queues.iter_mut().for_each(|queue| queue.rules.hours = None);
    }
}

/// Those of a list whose bits are set.
pub(super) fn chosen<'a>(names: impl Iterator<Item = &'a str>, bits: u8) -> Vec<Name> {
    let chosen = names.enumerate().filter(|(place, _)| bits & (1 << place) != 0);
    chosen.map(|(_, name)| name.into()).collect()
}

fn rule(number: u8, spec: &EntrySpec, queues: u8) -> EntryRule {
    let mut when = When::default();
    for (part, value) in spec.parts.into_iter().flatten() {
        add_part(&mut when, part, value, queues);
    }
    if spec.tier == Some(0) && when.danger != Some(true) {
        if number.is_multiple_of(2) {
            when.danger = Some(true);
        } else {
            when.registered = Some(true);
            when.topics.push("outage*".into());
        }
    }
    let then = Then {
        queue: spec.queue.map(|queue| pick(&QUEUES, queue % queues).into()),
        tier: spec.tier,
        skills: spec
            .skill
            .iter()
            .map(|(skill, level)| (pick(&SKILLS, *skill).into(), 1 + level % 4))
            .collect(),
        own_unit: spec.own_unit,
        head_start: Millis(u64::from(spec.head_start)),
        route: spec.route.map(|number| pick(&ROUTES, number).into()),
        owner: spec.owner.map(login),
    };
    EntryRule { name: format!("rule {number}").into(), when, then }
}

fn add_part(when: &mut When, part: u8, value: u8, queues: u8) {
    let holds = value.is_multiple_of(2);
    match part % 13 {
        0 => when.queues.push(pick(&QUEUES, value % queues).into()),
        1 => when.channels.push(pick(&CHANNELS, value).0.into()),
        2 => when.gateways.push(pick(&GATEWAYS, value).into()),
        3 => when.principals.push(pick(&PRINCIPALS, value).into()),
        4 => when.units.push(pick(&UNITS, value).0.into()),
        5 => when.applicants.push(pick(&APPLICANTS, value)),
        6 => when.languages.push(pick(&SKILLS, value).into()),
        7 => when.topics.push(pick(&TOPIC_PATTERNS, value).into()),
        8 => when.intents.push(pick(&INTENT_PATTERNS, value).into()),
        9 => when.attributes.push(attribute(value)),
        10 => when.registered = Some(holds),
        11 => when.calendar = Some((pick(&CALENDARS, value / 2).into(), holds)),
        _ => when.danger = Some(holds),
    }
}

fn attribute(value: u8) -> (Name, Name) {
    (if value & 1 == 0 { "vip" } else { "tariff" }.into(), if value & 2 == 0 { "yes" } else { "no" }.into())
}

/// The rules of an operator.
#[must_use]
pub fn operator_rules(spec: &OperatorRuleSpec) -> OperatorRules {
    let mut rules = OperatorRules {
        channels: chosen(CHANNELS.iter().map(|(name, _)| *name), spec.channels),
        principals: chosen(PRINCIPALS.into_iter(), spec.principals),
        lent_principals: chosen(PRINCIPALS.into_iter(), spec.lent),
        caps: spec
            .cap
            .iter()
            .map(|(channel, most)| (pick(&CHANNELS, *channel).0.into(), u16::from(*most)))
            .collect(),
        deputies: spec.deputies.into_iter().flatten().map(login).collect(),
        wrap_up: spec.wrap_up.map(|ms| Millis(u64::from(ms))),
        units: spec
            .room
            .0
            .iter()
            .map(|(channel, units)| (pick(&CHANNELS, *channel).0.into(), 1 + u32::from(*units)))
            .collect(),
        queue_caps: spec
            .room
            .1
            .iter()
            .map(|(queue, most)| (pick(&QUEUES, queue % 2).into(), u16::from(*most)))
            .collect(),
        ..OperatorRules::default()
    };
    time::put_into_operator(&mut rules, &spec.time);
    if spec.bot {
        (rules.bot, rules.breaks, rules.rests) = (true, Vec::new(), false);
    }
    match spec.flaw {
        1 => rules.channels.push("pigeon".into()),
        2 => rules.principals.push("nobody".into()),
        3 => rules.deputies.extend(OPERATORS.iter().cycle().take(9).map(|login| Name::from(*login))),
        4 => rules.queue_caps.push(("nowhere".into(), 1)),
        6 => (rules.bot, rules.rests) = (true, true),
        5 => rules.units = vec![(CHANNELS[0].0.into(), 0)],
        _ => {}
    }
    rules
}

/// A topic of the world.
#[must_use]
pub fn topic(number: u8) -> Name {
    pick(&TOPICS, number).into()
}

/// A customer, phone or account of the world: few, and some of the same text.
#[must_use]
pub fn reference(number: u8) -> Name {
    format!("ref {}", number % 4).into()
}

/// What the gateway knows.
#[must_use]
pub fn facts(spec: &FactsSpec) -> Facts {
    Facts {
        principal: spec.principal.map(|number| pick(&PRINCIPALS, number).into()),
        unit: spec.unit.map(|unit| pick(&UNITS, unit).0.into()),
        applicant: spec.applicant.map(|number| pick(&APPLICANTS, number)),
        language: spec.language.map(|(skill, _)| pick(&SKILLS, skill).into()),
        any_language: spec.language.is_some_and(|(_, any)| any),
        phone: spec.phone.map(reference),
        account: spec.account.map(reference),
        supply_point: spec.supply_point.map(reference),
        intent: spec.intent.map(|number| pick(&INTENTS, number).into()),
        danger: spec.danger,
        attributes: spec.attribute.into_iter().map(attribute).collect(),
        case: spec.case.map(|number| format!("case {number}").into()),
        reply_by: spec.supply_point.and_then(|number| WAYS.get(usize::from(number))).map(|way| (*way).into()),
    }
}

/// The command that changes the register.
#[must_use]
pub fn register(spec: &RegisterSpec) -> PutLifeSupport {
    let kinds = [Reference::Phone, Reference::Account, Reference::SupplyPoint];
    let hash = |number: &u8| life_support_hash(pick(&kinds, number / 4), &reference(*number));
    let mut add: Vec<u128> = spec.add.iter().map(hash).collect();
    if spec.too_many {
        add.extend(0..=2_000);
    }
    PutLifeSupport { by: "olga".into(), add, remove: spec.remove.iter().map(hash).collect() }
}
