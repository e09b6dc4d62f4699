//! What plans, operators, arrivals and registers may say: each one flaw, and the refusal that the rules give.

use ringmain_chaos::compare::same_outcome;
use ringmain_chaos::model::Model;
use ringmain_routing::command::{
    ApplyPlan, ContactDetails, EnqueueContact, OpenSession, OperatorPlan, PutLifeSupport, PutOperators, Role,
};
use ringmain_routing::limits::{
    CAPACITY_MAX, CAPS_MAX, CONDITION_VALUES_MAX, DEPUTIES_MAX, ENTRY_RULES_MAX, FACT_ATTRIBUTES_MAX,
    LADDER_STEPS_MAX, LEADS_MAX, NAME_BYTES_MAX, NEIGHBOURS_MAX, OPERATOR_RULES_MAX, PRINCIPALS_MAX,
    REQUIRED_SKILLS_MAX, SPAN_MS_MAX,
};
use ringmain_routing::plan::{ChannelPlan, QueuePlan, UnitPlan};
use ringmain_routing::rules::{EntryRule, Facts, OperatorRules, Reach, Redial, Step, Then, UnitRules, When};
use ringmain_routing::{
    Command, Epoch, GatewayId, Incarnation, Millis, Name, NodeId, Plan, Router, Timestamp, UnitId,
};

fn names(count: usize) -> Vec<Name> {
    (0..count).map(|number| format!("n{number}").into()).collect()
}

fn long() -> Name {
    "x".repeat(NAME_BYTES_MAX + 1).into()
}

fn good() -> Plan {
    let unit = |name: &str, parent| UnitPlan { name: name.into(), parent, rules: UnitRules::default() };
    let mut plan = Plan {
        version: 1,
        queues: vec![QueuePlan::named("calls"), QueuePlan::named("backs")],
        skills: names(20),
        channels: vec![
            ChannelPlan { name: "voice".into(), units: 1 },
            ChannelPlan { name: "chat".into(), units: 1 },
        ],
        units: vec![unit("company", None), unit("north", Some(UnitId(0))), unit("south", Some(UnitId(0)))],
        ..Plan::default()
    };
    plan.rules.principals = vec!["retail".into(), "business".into()];
    plan.rules.entry.push(rule(|_| {}, |_| {}));
    plan.queues[0].rules.ladder = vec![Step::default()];
    plan
}

fn rule(when: impl FnOnce(&mut When), then: impl FnOnce(&mut Then)) -> EntryRule {
    let mut rule = EntryRule { name: "rule".into(), when: When::default(), then: Then::default() };
    when(&mut rule.when);
    then(&mut rule.then);
    rule
}

fn many(count: usize) -> Vec<EntryRule> {
    names(count).into_iter().map(|name| EntryRule { name, ..rule(|_| {}, |_| {}) }).collect()
}

type Flaw = (&'static str, Box<dyn Fn(&mut Plan)>);

fn when(what: &'static str, change: impl Fn(&mut When) + 'static) -> Flaw {
    (what, Box::new(move |plan| change(&mut plan.rules.entry[0].when)))
}

fn then(what: &'static str, change: impl Fn(&mut Then) + 'static) -> Flaw {
    (what, Box::new(move |plan| change(&mut plan.rules.entry[0].then)))
}

fn plan(what: &'static str, change: impl Fn(&mut Plan) + 'static) -> Flaw {
    (what, Box::new(change))
}

fn ladder(what: &'static str, steps: Vec<Step>) -> Flaw {
    (what, Box::new(move |plan| plan.queues[0].rules.ladder.clone_from(&steps)))
}

fn step(after: u64) -> Step {
    Step { after: Millis(after), rank_max: 3, ..Step::default() }
}

fn plan_flaws() -> Vec<Flaw> {
    let far = Millis(SPAN_MS_MAX + 1);
    vec![
        plan("nothing", |_| {}),
        plan("principal twice", |plan| plan.rules.principals.push("retail".into())),
        plan("principal empty", |plan| plan.rules.principals.push("".into())),
        plan("principal long", |plan| plan.rules.principals.push(long())),
        plan("principals many", |plan| plan.rules.principals.extend(names(PRINCIPALS_MAX))),
        plan("entry many", |plan| plan.rules.entry = many(ENTRY_RULES_MAX + 1)),
        plan("entry most", |plan| plan.rules.entry = many(ENTRY_RULES_MAX)),
        plan("entry twice", |plan| plan.rules.entry.push(rule(|_| {}, |_| {}))),
        plan("entry name empty", |plan| plan.rules.entry[0].name = "".into()),
        plan("entry name long", |plan| plan.rules.entry[0].name = long()),
        plan("default queue", |plan| plan.rules.default_queue = Some("nowhere".into())),
        plan("default queue empty", |plan| plan.rules.default_queue = Some("".into())),
        plan("redial far", move |plan| plan.rules.redial = Some(Redial { within: far })),
        plan("redial 0", |plan| plan.rules.redial = Some(Redial { within: Millis(0) })),
        plan("head start max far", move |plan| plan.rules.head_start_max = Some(far)),
        plan("head start max 0", |plan| plan.rules.head_start_max = Some(Millis(0))),
        plan("promote far", move |plan| plan.queues[0].rules.promote_after = Some(far)),
        plan("promote 0", |plan| plan.queues[0].rules.promote_after = Some(Millis(0))),
        plan("remember far", move |plan| plan.rules.remember.customer = Some(far)),
        plan("remember case far", move |plan| plan.rules.remember.case = Some(far)),
        plan("remember 0", |plan| plan.rules.remember.case = Some(Millis(0))),
        plan("owner 0", |plan| plan.queues[0].rules.same_person.owner = Some(Millis(0))),
        plan("first handler 0", |plan| plan.queues[0].rules.same_person.first_handler = Some(Millis(0))),
        plan("last operator far", move |plan| plan.queues[0].rules.same_person.last_operator = Some(far)),
        plan("lead twice", |plan| plan.queues[0].rules.leads = vec!["anna".into(), "anna".into()]),
        plan("lead empty", |plan| plan.queues[0].rules.leads = vec!["".into()]),
        plan("lead long", |plan| plan.queues[0].rules.leads = vec![long()]),
        plan("leads many", |plan| plan.queues[0].rules.leads = names(LEADS_MAX + 1)),
        plan("leads most", |plan| plan.queues[0].rules.leads = names(LEADS_MAX)),
        plan("head unknown", |plan| plan.units[0].rules.head = Some("nobody".into())),
        plan("head empty", |plan| plan.units[0].rules.head = Some("".into())),
        plan("head long", |plan| plan.units[0].rules.head = Some(long())),
        plan("passes 0", |plan| plan.queues[0].rules.passes_max = Some(0)),
        plan("units unknown", |plan| plan.queues[0].rules.units = vec![("pigeon".into(), 1)]),
        plan("units twice", |plan| {
            plan.queues[0].rules.units = vec![("voice".into(), 1), ("voice".into(), 2)]
        }),
        plan("units much", |plan| plan.queues[0].rules.units = vec![("voice".into(), CAPACITY_MAX + 1)]),
        plan("units most", |plan| plan.queues[0].rules.units = vec![("voice".into(), CAPACITY_MAX)]),
        plan("neighbour unknown", |plan| plan.units[0].rules.neighbours = vec!["nowhere".into()]),
        plan("neighbour twice", |plan| plan.units[1].rules.neighbours = vec!["south".into(), "south".into()]),
        plan("neighbour itself", |plan| plan.units[1].rules.neighbours = vec!["north".into()]),
        plan("neighbours many", |plan| {
            let more = names(NEIGHBOURS_MAX + 1);
            let unit =
                |name: &Name| UnitPlan { name: name.clone(), parent: None, rules: UnitRules::default() };
            plan.units.extend(more.iter().map(unit));
            plan.units[0].rules.neighbours = more;
        }),
    ]
}

fn entry_flaws() -> Vec<Flaw> {
    let far = Millis(SPAN_MS_MAX + 1);
    vec![
        when("queue unknown", |when| when.queues = vec!["nowhere".into()]),
        when("queue empty", |when| when.queues = vec!["".into()]),
        when("channel unknown", |when| when.channels = vec!["pigeon".into()]),
        when("gateway unknown", |when| when.gateways = vec!["nobody".into()]),
        when("gateway empty", |when| when.gateways = vec!["".into()]),
        when("gateway long", |when| when.gateways = vec![long()]),
        when("principal unknown", |when| when.principals = vec!["nobody".into()]),
        when("unit unknown", |when| when.units = vec!["nowhere".into()]),
        when("language unknown", |when| when.languages = vec!["chess".into()]),
        when("topic empty", |when| when.topics = vec!["".into()]),
        when("topic long", |when| when.topics = vec![long()]),
        when("topic star", |when| when.topics = vec!["*".into()]),
        when("intent long", |when| when.intents = vec![long()]),
        when("attribute empty", |when| when.attributes = vec![("".into(), "v".into())]),
        when("attribute value empty", |when| when.attributes = vec![("k".into(), "".into())]),
        when("attribute long", |when| when.attributes = vec![("k".into(), long())]),
        when("topics many", |when| when.topics = names(CONDITION_VALUES_MAX + 1)),
        when("topics most", |when| when.topics = names(CONDITION_VALUES_MAX)),
        when("gateways many", |when| when.gateways = names(CONDITION_VALUES_MAX + 1)),
        when("attributes many", |when| {
            when.attributes =
                names(CONDITION_VALUES_MAX + 1).into_iter().map(|name| (name, "v".into())).collect();
        }),
        then("queue unknown", |then| then.queue = Some("nowhere".into())),
        then("tier 10", |then| then.tier = Some(10)),
        then("tier 0", |then| then.tier = Some(0)),
        then("skill unknown", |then| then.skills = vec![("chess".into(), 1)]),
        then("level 0", |then| then.skills = vec![("n1".into(), 0)]),
        then("level 11", |then| then.skills = vec![("n1".into(), 11)]),
        then("skills many", |then| {
            then.skills = names(REQUIRED_SKILLS_MAX + 1).into_iter().map(|name| (name, 1)).collect();
        }),
        then("skill twice", |then| then.skills = vec![("n1".into(), 1), ("n1".into(), 2)]),
        then("owner unknown", |then| then.owner = Some("nobody".into())),
        then("owner empty", |then| then.owner = Some("".into())),
        then("owner long", |then| then.owner = Some(long())),
        then("head start far", move |then| then.head_start = far),
        plan("tier 0 of the registered without topics", |plan| {
            plan.rules.entry = vec![rule(|when| when.registered = Some(true), |then| then.tier = Some(0))];
        }),
        plan("tier 0 of the registered with topics", |plan| {
            let of = |when: &mut When| (when.registered, when.topics) = (Some(true), vec!["power*".into()]);
            plan.rules.entry = vec![rule(of, |then| then.tier = Some(0))];
        }),
        plan("tier 0 without danger", |plan| {
            plan.rules.entry = vec![rule(|when| when.danger = Some(false), |then| then.tier = Some(0))];
        }),
        plan("tier 0 in danger", |plan| {
            plan.rules.entry = vec![rule(|when| when.danger = Some(true), |then| then.tier = Some(0))];
        }),
    ]
}

fn ladder_flaws() -> Vec<Flaw> {
    vec![
        ladder("first step later", vec![step(1)]),
        ladder("same time", vec![step(0), step(5), step(5)]),
        ladder("earlier", vec![step(0), step(5), step(4)]),
        ladder("rank narrower", vec![step(0), Step { rank_max: 2, ..step(5) }]),
        ladder("reach narrower", vec![Step { reach: Reach::All, ..step(0) }, step(5)]),
        ladder(
            "up narrower",
            vec![Step { reach: Reach::Up(2), ..step(0) }, Step { reach: Reach::Up(1), ..step(5) }],
        ),
        ladder(
            "up 0 behind neighbours",
            vec![Step { reach: Reach::Neighbours, ..step(0) }, Step { reach: Reach::Up(0), ..step(5) }],
        ),
        ladder("nobody alone", vec![Step { reach: Reach::Nobody, ..step(0) }]),
        ladder("nobody first", vec![Step { reach: Reach::Nobody, ..step(0) }, step(5)]),
        ladder("nobody later", vec![step(0), Step { reach: Reach::Nobody, ..step(5) }]),
        ladder("levels narrower", vec![Step { levels_lowered: 2, ..step(0) }, step(5)]),
        ladder("levels much", vec![Step { levels_lowered: 200, ..step(0) }]),
        ladder("lent narrower", vec![Step { lent: true, ..step(0) }, step(5)]),
        ladder("language narrower", vec![Step { any_language: true, ..step(0) }, step(5)]),
        ladder("steps many", (0..=LADDER_STEPS_MAX as u64).map(step).collect()),
        ladder("steps most", (0..LADDER_STEPS_MAX as u64).map(step).collect()),
        ladder("step far", vec![step(0), step(SPAN_MS_MAX + 1)]),
    ]
}

fn operator_flaws() -> Vec<(&'static str, OperatorRules)> {
    let plain = OperatorRules::default;
    let caps = |count: usize| names(count).into_iter().map(|name| (name, 1)).collect();
    vec![
        ("nothing", plain()),
        ("channel unknown", OperatorRules { channels: vec!["pigeon".into()], ..plain() }),
        ("channel twice", OperatorRules { channels: vec!["voice".into(), "voice".into()], ..plain() }),
        ("channels many", OperatorRules { channels: names(OPERATOR_RULES_MAX + 1), ..plain() }),
        ("principal unknown", OperatorRules { principals: vec!["nobody".into()], ..plain() }),
        ("principal twice", OperatorRules { principals: vec!["retail".into(), "retail".into()], ..plain() }),
        ("principals many", OperatorRules { principals: names(OPERATOR_RULES_MAX + 1), ..plain() }),
        ("lent unknown", OperatorRules { lent_principals: vec!["nobody".into()], ..plain() }),
        ("lent many", OperatorRules { lent_principals: names(OPERATOR_RULES_MAX + 1), ..plain() }),
        ("cap unknown", OperatorRules { caps: vec![("pigeon".into(), 1)], ..plain() }),
        ("cap twice", OperatorRules { caps: vec![("voice".into(), 1), ("voice".into(), 2)], ..plain() }),
        ("deputies most", OperatorRules { deputies: names(DEPUTIES_MAX), ..plain() }),
        ("deputies many", OperatorRules { deputies: names(DEPUTIES_MAX + 1), ..plain() }),
        ("deputy twice", OperatorRules { deputies: vec!["anna".into(), "anna".into()], ..plain() }),
        ("deputy empty", OperatorRules { deputies: vec!["".into()], ..plain() }),
        ("deputy long", OperatorRules { deputies: vec![long()], ..plain() }),
        ("caps many", OperatorRules { caps: caps(CAPS_MAX + 1), ..plain() }),
    ]
}

fn arrivals() -> Vec<(&'static str, EnqueueContact)> {
    let brought = |facts| EnqueueContact {
        gateway: GatewayId { slot: 0, generation: 0 },
        epoch: Epoch(1),
        key: "k".into(),
        queue: "calls".into(),
        channel: "voice".into(),
        tier: 5,
        head_start: Millis(0),
        skills: Vec::new(),
        scope: None,
        units: None,
        not_before: None,
        preferred: None,
        callback: None,
        details: ContactDetails::default(),
        facts,
    };
    let plain = Facts::default;
    let some = |text: &str| Some(Name::from(text));
    let attributes = |count: usize| names(count).into_iter().map(|name| (name, "v".into())).collect();
    let mut all = vec![
        ("principal unknown", Facts { principal: some("nobody"), ..plain() }),
        ("principal empty", Facts { principal: some(""), ..plain() }),
        ("principal long", Facts { principal: Some(long()), ..plain() }),
        ("unit unknown", Facts { unit: some("nowhere"), ..plain() }),
        ("unit empty", Facts { unit: some(""), ..plain() }),
        ("language unknown", Facts { language: some("chess"), ..plain() }),
        ("language long", Facts { language: Some(long()), ..plain() }),
        ("phone empty", Facts { phone: some(""), ..plain() }),
        ("phone long", Facts { phone: Some(long()), ..plain() }),
        ("account empty", Facts { account: some(""), ..plain() }),
        ("supply point empty", Facts { supply_point: some(""), ..plain() }),
        ("intent empty", Facts { intent: some(""), ..plain() }),
        ("intent long", Facts { intent: Some(long()), ..plain() }),
        ("case empty", Facts { case: some(""), ..plain() }),
        ("case long", Facts { case: Some(long()), ..plain() }),
        ("attribute empty", Facts { attributes: vec![("".into(), "v".into())], ..plain() }),
        ("attribute value empty", Facts { attributes: vec![("k".into(), "".into())], ..plain() }),
        ("attribute value long", Facts { attributes: vec![("k".into(), long())], ..plain() }),
        (
            "attribute twice",
            Facts { attributes: vec![("k".into(), "a".into()), ("k".into(), "b".into())], ..plain() },
        ),
        ("attributes many", Facts { attributes: attributes(FACT_ATTRIBUTES_MAX + 1), ..plain() }),
        ("attributes most", Facts { attributes: attributes(FACT_ATTRIBUTES_MAX), ..plain() }),
        (
            "unknown language and principal",
            Facts { language: some("chess"), principal: some("nobody"), ..plain() },
        ),
        ("unknown unit and language", Facts { language: some("chess"), unit: some("nowhere"), ..plain() }),
    ]
    .into_iter()
    .map(|(what, facts)| (what, brought(facts)))
    .collect::<Vec<_>>();
    let seventeen = names(REQUIRED_SKILLS_MAX).into_iter().map(|name| (name, 1)).collect();
    all.push(("skills most", EnqueueContact { skills: seventeen, ..brought(plain()) }));
    all
}

/// Applies the commands to both.
///
/// # Errors
/// What the rules give and what the core gave, where they differ.
fn ask(commands: &[Command]) -> Result<(), String> {
    let (mut model, mut router) = (Model::new(), Router::new());
    for command in commands {
        let (expected, got) = (model.apply(Timestamp(1), command), router.apply(Timestamp(1), command));
        if !same_outcome(&expected, &got) {
            return Err(format!("{:?} / {:?}", expected.reply, got.reply));
        }
    }
    Ok(())
}

fn apply(plan: Plan) -> Command {
    Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }))
}

fn gateway() -> Command {
    Command::OpenSession(OpenSession {
        role: Role::Gateway,
        name: "pbx".into(),
        node: NodeId(1),
        incarnation: Incarnation(1),
        nonce: 1,
        resume: None,
        takeover: false,
    })
}

#[test]
fn each_flaw_is_refused_alike() {
    let mut different = Vec::new();
    let mut note = |what: String, outcome: Result<(), String>| {
        different.extend(outcome.err().map(|said| format!("{what}: {said}")));
    };
    for (what, change) in plan_flaws().into_iter().chain(entry_flaws()).chain(ladder_flaws()) {
        let mut plan = good();
        change(&mut plan);
        note(format!("plan, {what}"), ask(&[apply(plan)]));
    }
    for (what, rules) in operator_flaws() {
        let row = OperatorPlan {
            login: "anna".into(),
            skills: Vec::new(),
            capacity: 1,
            unit: None,
            ranks: Vec::new(),
            rules,
        };
        let put = Command::PutOperators(PutOperators { operators: vec![row], by: None });
        note(format!("operator, {what}"), ask(&[apply(good()), put]));
    }
    for (what, body) in arrivals() {
        let mut plan = good();
        plan.queues[0].required = vec![("n19".into(), 1)];
        let body = Command::EnqueueContact(Box::new(body));
        note(format!("arrival, {what}"), ask(&[apply(plan), gateway(), body]));
    }
    let registers = [("nobody", "", 1), ("most", "olga", 2_000), ("many", "olga", 2_001)];
    for (what, by, count) in registers {
        let put = PutLifeSupport { by: by.into(), add: (1..=count).collect(), remove: Vec::new() };
        note(format!("register, {what}"), ask(&[Command::PutLifeSupport(put)]));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}
