//! What the rule book of random worlds is made of.

use proptest::option;
use proptest::prelude::*;
use ringmain_chaos::steps::cases::{RouteSpec, StageSpec};
use ringmain_chaos::steps::enquiries::EnquiryRuleSpec;
use ringmain_chaos::steps::rule_book::{
    EntrySpec, FactsSpec, LadderSpec, OperatorRuleSpec, PlanRuleSpec, QueueRuleSpec, RegisterSpec,
};
use ringmain_chaos::steps::threads::ThreadSpec;
use ringmain_chaos::steps::time::{BreakSpec, OperatorTimeSpec};
use ringmain_chaos::steps::triggers::TriggerSpec;
use ringmain_chaos::steps::waiting::WaitingSpec;

pub fn queue() -> impl Strategy<Value = QueueRuleSpec> {
    let units = option::weighted(0.15, (0u8..3, 0u8..4));
    let deflection = || option::weighted(0.25, (0u8..14, 0u8..5));
    let arrivals = (option::weighted(0.2, 0u8..2), deflection(), deflection());
    let people = (prop::array::uniform3(option::weighted(0.5, 1u8..60)), prop_oneof![Just(0u8), 0u8..64]);
    let rule = || prop_oneof![2 => 0u8..3, 2 => Just(2u8), 1 => 3u8..60, 1 => 60u8..250];
    let orphans = prop::array::uniform2(option::weighted(0.5, (0u8..3, rule())));
    let passing = (any::<bool>(), option::weighted(0.4, 0u8..4), option::weighted(0.3, 0u8..100), orphans);
    let room = (option::weighted(0.3, 1u8..4), option::weighted(0.3, 1u8..60));
    let results = option::weighted(0.15, (prop_oneof![Just(0u8), 1u8..16], prop_oneof![Just(0u8), 1u8..8]));
    let results = (results, waiting(), option::weighted(0.4, 0u8..2), option::weighted(0.3, 0u8..4));
    let in_talk = (interruptible(), thread(), option::weighted(0.3, 0u8..4));
    let order = (0u8..4, option::weighted(0.6, ladder()), option::weighted(0.5, 1u8..40), units);
    (order, arrivals, people, passing, room, results, in_talk).prop_map(
        |(
            (choice, ladder, promote_after, units),
            (hours, one, other),
            (same_person, leads),
            (hard, passes_max, last_start, orphans),
            room,
            (results, waiting, people_queue, consult_units),
            (interruptible, thread, stranded_to),
        )| {
            QueueRuleSpec {
                choice,
                ladder,
                promote_after,
                units,
                hours,
                deflections: [one, other],
                same_person,
                leads,
                hard,
                passes_max,
                last_start,
                orphans,
                room,
                results,
                waiting,
                people_queue,
                consult_units,
                interruptible,
                thread,
                stranded_to,
            }
        },
    )
}

fn interruptible() -> impl Strategy<Value = Option<(u8, u8, u8)>> {
    let parks = prop_oneof![100 => 1u8..4, 1 => Just(0u8)];
    option::weighted(0.5, (0u8..10, prop_oneof![Just(0u8), 0u8..8], parks))
}

fn thread() -> impl Strategy<Value = Option<ThreadSpec>> {
    let span = |some: f64| option::weighted(some, prop_oneof![150 => 12u8..60, 1 => Just(0u8)]);
    let warning = prop_oneof![1 => Just(0u8), 80 => 1u8..12, 1 => 20u8..60];
    let around = (warning, option::weighted(0.6, 0u8..40));
    let park_after = option::weighted(0.8, prop_oneof![150 => 1u8..25, 1 => Just(0u8)]);
    let silence = (park_after, option::weighted(0.6, prop_oneof![150 => 1u8..80, 1 => Just(0u8)]));
    let keep_for = prop_oneof![1 => Just(0u8), 2 => 1u8..30];
    let spec = (prop_oneof![Just(0u8), 0u8..8], (span(0.8), span(0.8)), around, silence, keep_for).prop_map(
        |(channels, replies, around, silence, keep_for)| ThreadSpec {
            channels,
            replies: replies.into(),
            around,
            silence: silence.into(),
            keep_for,
        },
    );
    option::weighted(0.5, spec)
}

fn waiting() -> impl Strategy<Value = WaitingSpec> {
    let rule = |some: f64, leave: f64| {
        let to = prop_oneof![60 => 0u8..3, 1 => 3u8..5];
        option::weighted(some, (1u8..40, to, prop::bool::weighted(leave)))
    };
    let waits = prop_oneof![
        3 => Just([None; 3]),
        1 => (rule(0.7, 0.03), rule(0.5, 0.03), rule(0.5, 0.5)).prop_map(|(one, other, last)| [one, other, last]),
    ];
    let band = || option::weighted(0.3, prop_oneof![100 => 1u8..30, 1 => Just(0u8)]);
    (waits, option::weighted(0.25, 1u8..60), [band(), band()])
        .prop_map(|(waits, alarm_after, bands)| WaitingSpec { waits, bands, alarm_after })
}

fn ladder() -> impl Strategy<Value = LadderSpec> {
    let four = || prop::array::uniform4(0u8..20);
    let nobody = prop_oneof![4 => Just(0u8), 1 => Just(1u8), 2 => 2u8..5];
    (nobody, prop::array::uniform3(0u8..40), four(), four(), four(), 0u8..5, 0u8..5).prop_map(
        |(nobody, gaps, reaches, lowered, ranks, lent_from, any_language_from)| LadderSpec {
            nobody,
            gaps,
            reaches,
            lowered,
            ranks,
            lent_from,
            any_language_from,
        },
    )
}

fn entry() -> impl Strategy<Value = EntrySpec> {
    let part = || option::weighted(0.7, (0u8..13, 0u8..12));
    let people = (option::weighted(0.4, 0u8..7), option::weighted(0.25, 0u8..2));
    let given = (
        option::weighted(0.6, 0u8..4),
        option::weighted(0.7, prop_oneof![1 => Just(0u8), 2 => 0u8..10]),
        option::weighted(0.2, (0u8..4, 0u8..4)),
    );
    (part(), part(), given, prop::bool::weighted(0.2), 0u8..30, people).prop_map(
        |(one, other, (queue, tier, skill), own_unit, head_start, (owner, route))| EntrySpec {
            parts: [one, other],
            queue,
            tier,
            skill,
            own_unit,
            head_start,
            owner,
            route,
        },
    )
}

fn enquiries() -> impl Strategy<Value = EnquiryRuleSpec> {
    let calendar = option::weighted(0.5, prop_oneof![150 => 0u8..2, 1 => Just(2u8)]);
    let addressee =
        || option::weighted(0.8, (prop_oneof![200 => 1u8..120, 1 => Just(0u8)], calendar.clone()));
    let percent = prop_oneof![4 => Just(0u8), 240 => 1u8..100, 1 => Just(100u8)];
    (prop_oneof![200 => 1u8..90, 1 => Just(0u8)], percent, [addressee(), addressee()]).prop_map(
        |(keep_for, remind_percent, addressees)| EnquiryRuleSpec { keep_for, remind_percent, addressees },
    )
}

pub fn plan() -> BoxedStrategy<PlanRuleSpec> {
    let entry = prop_oneof![1 => Just(Vec::new()), 2 => prop::collection::vec(entry(), 0..5)];
    let neighbours = prop::array::uniform4(prop_oneof![1 => Just(0u8), 1 => 0u8..16]);
    let recall = option::weighted(0.5, 1u8..40);
    let companion = option::weighted(0.7, prop_oneof![60 => 1u8..120, 1 => Just(0u8)]);
    let recall = (recall, option::weighted(0.4, 1u8..60), companion);
    let spans = (option::weighted(0.7, 1u8..200), option::weighted(0.3, 0u8..60), recall);
    let calendar = || (prop::array::uniform4(0u8..50), any::<bool>());
    let calendars = [calendar(), calendar()];
    let heads = prop::array::uniform4(option::weighted(0.4, 0u8..7));
    let remember = prop::array::uniform2(option::weighted(0.8, 0u8..250));
    let cases = (prop::collection::vec(route(), 0..3), prop::array::uniform4(option::weighted(0.3, 0u8..2)));
    let triggers = prop_oneof![1 => Just(Vec::new()), 1 => prop::collection::vec(trigger(), 1..4)];
    let triggers = (triggers.boxed(), option::weighted(0.7, enquiries()).boxed());
    let time = (
        prop::collection::vec(break_rule(), 0..4),
        option::weighted(0.4, 1u8..3),
        cases.boxed(),
        triggers.boxed(),
    )
        .boxed();
    (entry, option::weighted(0.5, 0u8..4), spans, neighbours, calendars, heads, remember, time)
        .prop_map(
            |(
                entry,
                default_queue,
                (redial, head_start_max, (recall_after, duty_after, companion)),
                neighbours,
                calendars,
                heads,
                remember,
                (breaks, rest, (routes, unit_calendars), (triggers, enquiries)),
            )| {
                PlanRuleSpec {
                    entry,
                    default_queue,
                    redial,
                    head_start_max,
                    recall_after,
                    companion,
                    calendars,
                    neighbours,
                    heads,
                    remember,
                    breaks,
                    rest,
                    duty_after,
                    routes,
                    unit_calendars,
                    triggers,
                    enquiries,
                }
            },
        )
        .boxed()
}

fn route() -> impl Strategy<Value = RouteSpec> {
    let stage =
        (0u8..4, 0u8..80, prop_oneof![Just(0u8), 0u8..80], option::weighted(0.6, 0u8..4), 0u8..64).prop_map(
            |(queue, term, warn, escalate, watchers)| StageSpec { queue, term, warn, escalate, watchers },
        );
    let stages = prop::collection::vec(stage, 1..4);
    (stages, option::weighted(0.6, 0u8..80), option::weighted(0.4, 0u8..2))
        .prop_map(|(stages, term, calendar)| RouteSpec { stages, term, calendar })
}

fn trigger() -> impl Strategy<Value = TriggerSpec> {
    let rank = || {
        option::weighted(0.5, (0u8..4, option::weighted(0.6, 0u8..4), option::weighted(0.5, 0u8..4), 0u8..3))
    };
    let (room, times) =
        ((0u8..60, prop_oneof![2 => 0u8..4, 1 => 0u8..60]), (0u8..3, prop_oneof![Just(0u16), 0u16..4_000]));
    (0u8..4, 0u8..4, room, times, any::<u8>(), [rank(), rank()]).prop_map(
        |(queue, measure, room, times, step, ranks)| TriggerSpec { queue, measure, room, times, step, ranks },
    )
}

fn break_rule() -> impl Strategy<Value = BreakSpec> {
    let times = (1u8..120, 1u8..60, prop_oneof![Just(0u8), 0u8..60]);
    (times, 0u8..101, any::<bool>(), prop::bool::weighted(0.3), any::<bool>()).prop_map(
        |((every, length, defer), away, alone, on_request, returns)| BreakSpec {
            every,
            length,
            defer,
            away,
            alone,
            on_request,
            returns,
        },
    )
}

pub fn operator() -> impl Strategy<Value = OperatorRuleSpec> {
    let bits = |most: u8| prop_oneof![2 => Just(0u8), 1 => 0..most];
    let flaw = prop_oneof![200 => Just(0u8), 1 => Just(1u8), 1 => Just(2u8), 1 => Just(3u8), 1 => 4u8..7];
    let deputies = prop::array::uniform2(option::weighted(0.5, 0u8..7));
    let breaks = prop_oneof![1 => Just(0u8), 1 => 0u8..4, 1 => 0u8..8];
    let time = (breaks, any::<bool>(), option::weighted(0.3, 0u8..2), prop::bool::weighted(0.3))
        .prop_map(|(breaks, is_turned, shift, rests)| OperatorTimeSpec { breaks, is_turned, shift, rests });
    let cap = option::weighted(0.4, (0u8..3, 0u8..4));
    let room = (option::weighted(0.3, (0u8..3, 0u8..4)), option::weighted(0.3, (0u8..2, 0u8..4)));
    let wrap_up = option::weighted(0.3, 0u8..60);
    let of_one = (flaw, prop::bool::weighted(0.25));
    (bits(8), bits(4), bits(4), (cap, room), deputies, wrap_up, time, of_one).prop_map(
        |(channels, principals, lent, (cap, room), deputies, wrap_up, time, (flaw, bot))| OperatorRuleSpec {
            channels,
            principals,
            lent,
            cap,
            deputies,
            wrap_up,
            room,
            time,
            bot,
            flaw,
        },
    )
}

pub fn facts() -> impl Strategy<Value = FactsSpec> {
    let sometimes = |most: u8| option::weighted(0.3, 0..most);
    let who = (sometimes(2), sometimes(4), sometimes(3), option::weighted(0.3, (0u8..4, any::<bool>())));
    let references = (sometimes(4), sometimes(4), sometimes(4));
    let case = option::weighted(0.5, 0u8..3);
    (who, references, sometimes(2), prop::bool::weighted(0.2), sometimes(4), case).prop_map(
        |(
            (principal, unit, applicant, language),
            (phone, account, supply_point),
            intent,
            danger,
            attribute,
            case,
        )| {
            FactsSpec {
                principal,
                unit,
                applicant,
                language,
                phone,
                account,
                supply_point,
                intent,
                danger,
                attribute,
                case,
            }
        },
    )
}

pub fn register() -> impl Strategy<Value = RegisterSpec> {
    let some = || prop::collection::vec(0u8..12, 0..4);
    (some(), some(), prop::bool::weighted(0.02)).prop_map(|(add, remove, too_many)| RegisterSpec {
        add,
        remove,
        too_many,
    })
}
