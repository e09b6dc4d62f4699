//! What random worlds and steps are made of.

#[path = "rules_of_worlds.rs"]
pub mod rules_of_worlds;

use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use ringmain_chaos::steps::enquiries::{AskSpec, CallSpec, CloseSpec, FreeSpec};
use ringmain_chaos::steps::threads::NoteSpec;
use ringmain_chaos::steps::together::{ConsultSpec, InviteSpec, LegKind, LegSpec, RequestSpec};
use ringmain_chaos::steps::waiting::DeflectSpec;
use ringmain_chaos::steps::world::{QueueSpec, SessionSpec};
use ringmain_chaos::steps::{
    ActKind, ActSpec, Action, AnswerKind, BreakAskSpec, ContactFlaw, ContactPick, ContactSpec, Flaw,
    HandOutSpec, HelpSpec, OpenSpec, OperatorSpec, PartyPick, PartySpec, PlanChange, PlanFlaw, Step,
    TakeSpec, TransferSpec, UpdateSpec, Wait,
};
use ringmain_routing::command::CaseStep;
use rules_of_worlds as rules;

/// The same worlds each time, so that a test's result says something of the code alone. Others by `PROPTEST_RNG_SEED`,
/// more of them by `PROPTEST_CASES`.
pub fn fixed_worlds() -> ProptestConfig {
    let given = ProptestConfig::default();
    let rng_seed = match given.rng_seed {
        RngSeed::Random => RngSeed::Fixed(1),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    ProptestConfig { rng_seed, failure_persistence: None, ..given }
}

pub fn queue() -> impl Strategy<Value = QueueSpec> {
    let times = (1u8..80, prop_oneof![Just(0u8), 1u8..60], 0u8..120);
    let rest = (
        0u8..3,
        any::<bool>(),
        prop_oneof![1 => 0u8..6, 3 => 0u8..40],
        option::weighted(0.2, (0u8..4, 0u8..3)),
    );
    let scope = option::weighted(0.2, 0u8..4);
    (times, rest, scope, prop::bool::weighted(0.93), rules::queue()).prop_map(
        |((within, wrap_up, wrap_up_max), (answer, close, waiting_max, required), scope, open, rules)| {
            QueueSpec {
                answer,
                within,
                wrap_up,
                wrap_up_max,
                close,
                waiting_max: waiting_max.max(3),
                required,
                scope,
                open,
                rules,
            }
        },
    )
}

pub fn sessions() -> impl Strategy<Value = SessionSpec> {
    let span = || prop_oneof![Just(0u8), 1u8..100, Just(40u8)];
    (span(), span(), span(), 0u8..100).prop_map(|(grace, missed, exclusion, key_window)| SessionSpec {
        grace,
        missed,
        exclusion,
        key_window,
    })
}

pub fn wait() -> impl Strategy<Value = Wait> {
    prop_oneof![
        4 => Just(Wait::No),
        6 => (1u16..30).prop_map(Wait::Ms),
        2 => Just(Wait::ToDeadline),
        1 => Just(Wait::JustBefore),
        1 => (1u16..120).prop_map(Wait::Beyond),
        1 => (100u16..1_000).prop_map(Wait::Ms),
        1 => (1u16..50).prop_map(Wait::Back),
    ]
}

fn flaw() -> impl Strategy<Value = Flaw> {
    prop_oneof![
        30 => Just(Flaw::No),
        1 => Just(Flaw::Epoch),
        1 => Just(Flaw::Assignment),
        1 => Just(Flaw::Party),
        1 => Just(Flaw::Unknown),
    ]
}

fn party() -> impl Strategy<Value = PartyPick> {
    prop_oneof![1 => (0u8..3).prop_map(PartyPick::Gateway), 2 => (0u8..6).prop_map(PartyPick::Operator)]
}

fn party_spec() -> impl Strategy<Value = PartySpec> {
    (party(), flaw()).prop_map(|(party, flaw)| PartySpec { party, flaw })
}

fn pick() -> impl Strategy<Value = ContactPick> {
    (any::<u8>(), prop::bool::weighted(0.12), flaw()).prop_map(|(which, any, flaw)| ContactPick {
        which,
        any,
        flaw,
    })
}

pub fn operator() -> impl Strategy<Value = OperatorSpec> {
    let place = (0u8..6, prop_oneof![any::<u8>(), Just(0x3f), Just(0x3f)], 0u8..8);
    let ranks = prop_oneof![2 => Just(0u8), 3 => any::<u8>()];
    let rules = option::weighted(0.5, rules::operator());
    (place, option::weighted(0.7, 0u8..4), ranks, prop::bool::weighted(0.01), rules).prop_map(
        |((who, skills, capacity), unit, ranks, unknown_skill, rules)| OperatorSpec {
            who,
            skills,
            capacity,
            unit,
            ranks,
            rules,
            unknown_skill,
        },
    )
}

pub fn open() -> impl Strategy<Value = OpenSpec> {
    let run = (0u8..3, 0u8..3, 0u8..4);
    (party(), run, 0u8..4, prop::bool::weighted(0.4)).prop_map(
        |(party, (node, incarnation, nonce), resume, takeover)| OpenSpec {
            party,
            node,
            incarnation,
            nonce,
            resume,
            takeover,
        },
    )
}

fn contact_flaw() -> impl Strategy<Value = ContactFlaw> {
    prop_oneof![
        40 => Just(ContactFlaw::No),
        4 => Just(ContactFlaw::Repeat),
        1 => Just(ContactFlaw::Queue),
        1 => Just(ContactFlaw::Skill),
        1 => Just(ContactFlaw::Key),
        1 => Just(ContactFlaw::Attributes),
        1 => Just(ContactFlaw::Epoch),
        2 => Just(ContactFlaw::NoQueue),
        1 => Just(ContactFlaw::Unit),
        1 => Just(ContactFlaw::Language),
        1 => Just(ContactFlaw::Principal),
        1 => Just(ContactFlaw::Phone),
        1 => Just(ContactFlaw::Case),
    ]
}

fn contact() -> impl Strategy<Value = ContactSpec> {
    let place = (0u8..3, any::<u8>(), 0u8..4, 0u8..3);
    let order =
        (prop_oneof![20 => 0u8..4, 4 => 4u8..10, 1 => Just(10u8)], prop_oneof![2 => Just(0u8), 1 => 0u8..50]);
    let needs = (
        prop_oneof![3 => Just(0u8), 1 => Just(1u8), 1 => 0u8..64],
        option::weighted(0.15, 0u8..4),
        option::weighted(0.2, 0u8..6),
    );
    let times = (option::weighted(0.2, 0u8..120), option::weighted(0.3, (0u8..8, 0u8..60)));
    let known =
        (option::weighted(0.3, 0u8..4), option::weighted(0.4, 0u8..4), option::weighted(0.6, rules::facts()));
    (place, order, needs, times, option::weighted(0.2, 0u8..3), contact_flaw(), known).prop_map(
        |(place, order, needs, times, callback, flaw, known)| ContactSpec {
            gateway: place.0,
            key: place.1,
            queue: place.2,
            channel: place.3,
            tier: order.0,
            head_start: order.1,
            skills: needs.0,
            scope: needs.1,
            units: needs.2,
            not_before: times.0,
            preferred: times.1,
            callback,
            customer: known.0,
            topic: known.1,
            facts: known.2,
            flaw,
        },
    )
}

fn plan_change() -> impl Strategy<Value = PlanChange> {
    let flaw = prop_oneof![
        8 => Just(PlanFlaw::No),
        1 => Just(PlanFlaw::Same),
        1 => Just(PlanFlaw::Version),
        1 => Just(PlanFlaw::Conflict),
        1 => Just(PlanFlaw::UnknownSkill),
        1 => Just(PlanFlaw::UnknownQueue),
        1 => Just(PlanFlaw::NarrowStep),
        1 => Just(PlanFlaw::Tier0),
        1 => Just(PlanFlaw::Principal),
        1 => Just(PlanFlaw::Hours),
        1 => Just(PlanFlaw::Leads),
        1 => Just(PlanFlaw::SamePerson),
    ];
    (0u8..4, queue(), option::weighted(0.3, sessions()), option::weighted(0.5, rules::plan()), flaw)
        .prop_map(|(queue, spec, sessions, rules, flaw)| PlanChange { queue, spec, sessions, rules, flaw })
}

fn answer() -> impl Strategy<Value = AnswerKind> {
    prop_oneof![
        5 => Just(AnswerKind::Accept),
        3 => Just(AnswerKind::Decline),
        6 => (option::weighted(0.3, 0u8..80), step_of_case(), option::weighted(0.6, (0u8..4, 0u8..4)))
            .prop_map(|(wrap_up, step, result)| AnswerKind::Complete(wrap_up, step, result)),
        2 => (0u8..9, 0u8..3).prop_map(|(route, channel)| AnswerKind::BackOffice(route / 4, channel)),
        2 => (0u8..60).prop_map(AnswerKind::Extend),
        3 => Just(AnswerKind::EndWrapUp),
        6 => transfer().prop_map(AnswerKind::Transfer),
        3 => any::<bool>().prop_map(AnswerKind::Hold),
    ]
}

fn step_of_case() -> impl Strategy<Value = CaseStep> {
    prop_oneof![12 => Just(CaseStep::Next), 1 => Just(CaseStep::Return), 1 => Just(CaseStep::Close)]
}

fn transfer() -> impl Strategy<Value = TransferSpec> {
    (0u8..5, option::weighted(0.4, (0u8..6, 0u8..80)), option::weighted(0.3, 0u8..60))
        .prop_map(|(queue, to, wrap_up)| TransferSpec { queue, to, wrap_up })
}

fn act() -> impl Strategy<Value = ActSpec> {
    let kind = prop_oneof![
        2 => option::of(0u8..3).prop_map(ActKind::Force),
        1 => Just(ActKind::SignOut),
        3 => Just(ActKind::Requeue),
        2 => Just(ActKind::Close),
        3 => (0u8..5, 0u8..4).prop_map(|(count, to)| ActKind::Move(count, to)),
        3 => (0u8..4, 0u8..4, option::of(0u8..4)).prop_map(|(from, to, max)| ActKind::MoveLine(from, to, max)),
        2 => (option::of(0u8..11), option::of(0u8..60)).prop_map(|(tier, head)| ActKind::Lift(tier, head)),
        2 => (0u8..80).prop_map(ActKind::HandOut),
        3 => (option::weighted(0.4, 0u8..5), option::weighted(0.7, 0u8..6), 0u8..80, prop_oneof![3 => Just(0u8), 1 => 1u8..4])
            .prop_map(|(unit, to, hold, notes)| ActKind::HandOver(unit, to, hold, notes)),
        2 => any::<bool>().prop_map(ActKind::Defer),
        2 => (0u8..10, option::of(0u8..200)).prop_map(|(of, until)| ActKind::CloseEntry(of, until)),
        2 => (0u8..10).prop_map(ActKind::OpenEntry),
        4 => (enquiry(), option::weighted(0.8, text())).prop_map(|(which, answer)| ActKind::CloseEnquiry(which, answer)),
        3 => (0u8..4).prop_map(ActKind::Supervise),
        1 => Just(ActKind::AnswerHelp),
        1 => Just(ActKind::Note),
    ];
    (0u8..16, kind, pick(), 0u8..6).prop_map(|(key, kind, pick, who)| ActSpec { key, kind, pick, who })
}

fn leg_kind() -> impl Strategy<Value = LegKind> {
    prop_oneof![
        2 => Just(LegKind::End),
        6 => any::<bool>().prop_map(LegKind::Join),
        2 => option::weighted(0.3, 0u8..60).prop_map(LegKind::Transfer),
    ]
}

fn text() -> impl Strategy<Value = u8> {
    prop_oneof![40 => 0u8..3, 1 => Just(3u8)]
}

fn enquiry() -> impl Strategy<Value = u8> {
    prop_oneof![6 => 0u8..24, 1 => 25u8..60]
}

fn call() -> impl Strategy<Value = CallSpec> {
    let channel = prop_oneof![20 => 0u8..3, 1 => Just(3u8)];
    (0u8..3, channel, prop_oneof![20 => 6u8..200, 1 => 0u8..6], option::weighted(0.3, 0u8..60))
        .prop_map(|(number, channel, not_before, wrap_up)| CallSpec { number, channel, not_before, wrap_up })
}

fn ask() -> impl Strategy<Value = AskSpec> {
    let whom = prop_oneof![40 => 0u8..3, 1 => Just(3u8)];
    let term = option::weighted(0.6, prop_oneof![30 => 1u8..150, 1 => Just(0u8)]);
    (pick(), whom, text(), term, option::weighted(0.5, call()))
        .prop_map(|(pick, to, question, term, call)| AskSpec { pick, to, question, term, call })
}

pub fn action() -> impl Strategy<Value = Action> {
    let presence = prop_oneof![3 => Just(None), 1 => (0u8..2).prop_map(Some)];
    let update = (
        pick(),
        option::weighted(0.3, 0u8..5),
        option::weighted(0.4, 0u8..10),
        option::weighted(0.4, 0u8..120),
    )
        .prop_map(|(pick, details, tier, not_before)| UpdateSpec { pick, details, tier, not_before });
    prop_oneof![
        4 => Just(Action::Tick),
        5 => plan_change().prop_map(|change| Action::Plan(Box::new(change))),
        2 => rules::register().prop_map(Action::Register),
        2 => prop::collection::vec(operator(), 0..4).prop_map(Action::Put),
        5 => open().prop_map(Action::Open),
        2 => party_spec().prop_map(Action::Lose),
        1 => party_spec().prop_map(Action::Close),
        1 => (0u8..3, 0u8..3).prop_map(|(node, run)| Action::NodeStarted(node, run)),
        1 => (0u8..3, 0u8..3).prop_map(|(node, run)| Action::NodeLost(node, run)),
        22 => contact().prop_map(|spec| Action::Enqueue(Box::new(spec))),
        3 => update.prop_map(Action::Update),
        3 => pick().prop_map(Action::Abandon),
        9 => (0u8..6, presence, flaw()).prop_map(|(who, presence, flaw)| Action::Presence { who, presence, flaw }),
        6 => act().prop_map(Action::Act),
        8 => (0u8..6, option::weighted(0.3, 0u8..5), flaw())
            .prop_map(|(who, queue, flaw)| Action::TakeNext(TakeSpec { who, queue, flaw })),
        3 => (pick(), any::<bool>(), prop_oneof![3 => Just(true), 1 => Just(false)])
            .prop_map(|(pick, about, on)| Action::Help(HelpSpec { pick, about, on })),
        3 => (0u8..6, 0u8..3, flaw())
            .prop_map(|(who, name, flaw)| Action::AskForBreak(BreakAskSpec { who, name, flaw })),
        3 => (pick(), 0u8..6, 0u8..7, 0u8..80)
            .prop_map(|(pick, lead, to, hold)| Action::HandOut(HandOutSpec { pick, lead, to, hold })),
        4 => (pick(), 0u8..4).prop_map(|(pick, to)| Action::Deflect(DeflectSpec { pick, to })),
        6 => (pick(), any::<bool>(), option::weighted(0.4, 0u8..5), prop::bool::weighted(0.15)).prop_map(
            |(pick, by_gateway, context, danger)| {
                Action::RequestPerson(RequestSpec { pick, by_gateway, context, danger })
            },
        ),
        11 => (pick(), 0u8..5, option::weighted(0.5, (0u8..7, 0u8..60)), option::weighted(0.3, 0u8..3))
            .prop_map(|(pick, queue, to, units)| Action::Consult(ConsultSpec { pick, queue, to, units })),
        12 => (pick(), prop_oneof![8 => 0u8..4, 1 => 4u8..16], leg_kind())
            .prop_map(|(pick, leg, kind)| Action::OfLeg(LegSpec { pick, leg, kind })),
        7 => (pick(), prop_oneof![40 => 0u8..4, 1 => Just(4u8)], prop_oneof![20 => 0u8..3, 1 => Just(3u8)])
            .prop_map(|(pick, number, channel)| Action::Invite(InviteSpec { pick, number, channel })),
        14 => (pick(), prop_oneof![20 => Just(1u8), 2 => Just(0u8), 3 => 2u8..4], prop::bool::weighted(0.6))
            .prop_map(|(pick, above, by_operator)| Action::Note(NoteSpec { pick, above, by_operator })),
        9 => ask().prop_map(Action::Ask),
        5 => (pick(), 0u8..10, call()).prop_map(|(pick, which, call)| Action::Free(FreeSpec { pick, which, call })),
        8 => (enquiry(), option::weighted(0.3, 0u8..6), option::weighted(0.7, text()), flaw())
            .prop_map(|(which, who, answer, flaw)| Action::CloseEnquiry(CloseSpec { which, who, answer, flaw })),
        20 => (answer(), pick()).prop_map(|(kind, pick)| Action::Answer { kind, pick }),
    ]
}

pub fn step() -> impl Strategy<Value = Step> {
    (wait(), action(), prop::bool::weighted(0.05)).prop_map(|(wait, action, restore)| Step {
        wait,
        action,
        restore,
    })
}
