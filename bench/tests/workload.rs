//! What the generator must show: the same seed gives the same bytes, and the numbers drawn follow the profile.
//! Tolerances are five standard errors, so that a right generator fails once in millions of seeds; seeds are fixed.

use std::fs;
use std::path::PathBuf;

use ringmain_bench::profile::{Profile, Service};
use ringmain_bench::scenario::{Contact, Kind, Scenario};
use ringmain_bench::stats::mean;
use ringmain_bench::workload::{InvalidSelection, Selection, expected_contacts, generate};
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;

fn simple() -> Value {
    json!({
        "title": "plain",
        "arrivals": {"contacts_per_day": 20000, "hourly_share": vec![1; 24]},
        "service": {"call": {"mean_s": 300, "cv": 1.2}},
        "classes": [{"name": "voice", "share": 1, "queue": "line", "channel": "voice", "service": "call",
                     "skills": ["a"]}],
        "operators": [{"name": "op", "count": 3, "skills": ["a"]}],
    })
}

fn profile(value: &Value) -> Profile {
    Profile::parse(&value.to_string(), "p.json").unwrap_or_else(|invalid| panic!("{invalid}"))
}

fn drawn(value: &Value, seed: u64) -> Scenario {
    generate(&profile(value), &Selection::day(seed)).expect("a day at full size can be drawn")
}

/// Asserts that a Poisson count is within five standard deviations of its expectation.
fn assert_count(count: usize, expected: f64) {
    let deviation = (count as f64 - expected).abs();
    assert!(deviation <= 5.0 * expected.sqrt(), "{count} where {expected:.1} are expected");
}

fn within(contacts: &[Contact], from_ms: u64, to_ms: u64) -> usize {
    contacts.iter().filter(|contact| (from_ms..to_ms).contains(&contact.arrival_ms)).count()
}

#[test]
fn same_seed_gives_the_same_bytes_and_another_seed_others() {
    let bytes = |seed| {
        let folder = tempfile::tempdir().unwrap();
        drawn(&simple(), seed).write(folder.path()).unwrap();
        ["contacts.csv", "operators.json", "scenario.json"]
            .map(|file| fs::read(folder.path().join(file)).unwrap())
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1)[0], bytes(2)[0]);
}

#[test]
fn generated_scenario_is_read_back_as_it_was_written() {
    let scenario = drawn(&simple(), 3);
    let folder = tempfile::tempdir().unwrap();
    scenario.write(folder.path()).unwrap();
    assert_eq!(Scenario::read(folder.path(), None).unwrap(), scenario);
}

#[test]
fn day_without_variation_has_the_expected_count_in_every_hour() {
    let mut value = simple();
    let shares: Vec<u32> = (1..=24).collect();
    value["arrivals"]["hourly_share"] = json!(shares);
    let contacts = drawn(&value, 11).contacts;
    assert_count(contacts.len(), 20_000.0);
    for hour in 0..24u32 {
        let expected = 20_000.0 * f64::from(hour + 1) / 300.0;
        let from = u64::from(hour) * HOUR_MS;
        assert_count(within(&contacts, from, from + HOUR_MS), expected);
    }
    assert!(contacts.is_sorted_by_key(|contact| contact.arrival_ms));
}

#[test]
fn classes_share_the_day() {
    let mut value = simple();
    let class = |name: &str, share: f64| json!({"name": name, "share": share, "queue": name, "channel": "voice", "service": "call", "skills": []});
    value["classes"] = json!([class("x", 0.7), class("y", 0.3)]);
    let contacts = drawn(&value, 5).contacts;
    let of = |queue: &str| contacts.iter().filter(|contact| &*contact.queue == queue).count();
    assert_count(of("x"), 14_000.0);
    assert_count(of("y"), 6_000.0);
}

/// Volume of a day is gamma with mean 1 and cv 0.5 (on top of Poisson): over 400 days the mean's standard error is
/// 0.5 / √400 = 0.025 and the cv's about 0.5 / √800 · √(1 + 2·0.5²) ≈ 0.022.
#[test]
fn volume_of_days_varies_as_the_profile_says() {
    let mut value = simple();
    value["arrivals"]["contacts_per_day"] = json!(500);
    value["arrivals"]["day_cv"] = json!(0.5);
    let selection = Selection { days: 366, ..Selection::day(9) };
    let contacts = generate(&profile(&value), &selection).unwrap().contacts;
    let counts: Vec<f64> = (0..366)
        .map(|day| within(&contacts, day * 24 * HOUR_MS, (day + 1) * 24 * HOUR_MS) as f64 / 500.0)
        .collect();
    let centre = mean(&counts);
    let variance = mean(&counts.iter().map(|count| (count - centre).powi(2)).collect::<Vec<_>>());
    let cv = (variance - centre / 500.0).sqrt() / centre;
    assert!((centre - 1.0).abs() < 5.0 * 0.027, "mean volume {centre}");
    assert!((cv - 0.5).abs() < 5.0 * 0.024, "cv {cv}");
}

/// From 10:00 the rate grows in one hour to 11 times, stays for two and falls with a time constant of one hour.
#[test]
fn surge_ramps_holds_and_decays() {
    let mut value = simple();
    value["arrivals"]["contacts_per_day"] = json!(24_000);
    value["arrivals"]["surges"] =
        json!([{"class": "voice", "start_h": 10, "ramp_h": 1, "hold_h": 2, "factor": 11, "decay_h": 1}]);
    let contacts = drawn(&value, 21).contacts;
    let hour = |h: u64| within(&contacts, h * HOUR_MS, (h + 1) * HOUR_MS);
    let decay = |from: f64| 10.0 * ((-from).exp() - (-from - 1.0).exp());
    for (h, factor) in [
        (9, 1.0),
        (10, 6.0),
        (11, 11.0),
        (12, 11.0),
        (13, 1.0 + decay(0.0)),
        (14, 1.0 + decay(1.0)),
        (20, 1.0 + decay(7.0)),
    ] {
        assert_count(hour(h), 1_000.0 * factor);
    }
    let expected = expected_contacts(&profile(&value), &Selection::day(0));
    assert_count(contacts.len(), expected);
    assert!((expected - 24_000.0 - 1_000.0 * 35.0).abs() < 50.0, "{expected}");
}

#[test]
fn surge_of_one_class_leaves_the_others_alone() {
    let mut value = simple();
    let class = |name: &str| json!({"name": name, "share": 0.5, "queue": name, "channel": "voice", "service": "call", "skills": []});
    value["classes"] = json!([class("x"), class("y")]);
    let surge = |class: Value| json!([{"class": class, "start_h": 0, "hold_h": 24, "factor": 3}]);
    let count =
        |value: &Value, queue: &str| drawn(value, 4).contacts.iter().filter(|c| &*c.queue == queue).count();
    value["arrivals"]["surges"] = surge(json!("x"));
    assert_count(count(&value, "x"), 30_000.0);
    assert_count(count(&value, "y"), 10_000.0);
    value["arrivals"]["surges"] = surge(Value::Null);
    assert_count(count(&value, "y"), 30_000.0);
}

/// Mean and cv of a lognormal sample of about 20,000: the standard error of the mean is cv·mean/√n; that of the cv
/// is widened to 10 %, for its fourth moment is large.
#[test]
fn service_times_have_the_mean_and_variation_of_the_profile() {
    for Service { mean_s, cv } in [Service { mean_s: 300.0, cv: 1.2 }, Service { mean_s: 90.0, cv: 0.3 }] {
        let mut value = simple();
        value["service"]["call"] = json!({"mean_s": mean_s, "cv": cv, "family": "lognormal"});
        let seconds: Vec<f64> =
            drawn(&value, 8).contacts.iter().map(|contact| contact.service_ms as f64 / 1_000.0).collect();
        let centre = mean(&seconds);
        let spread = mean(&seconds.iter().map(|s| (s - centre).powi(2)).collect::<Vec<_>>()).sqrt() / centre;
        assert!((centre / mean_s - 1.0).abs() < 5.0 * cv / 20_000f64.sqrt(), "mean {centre}, not {mean_s}");
        assert!((spread / cv - 1.0).abs() < 0.1, "cv {spread}, not {cv}");
        let logs: Vec<f64> = seconds.iter().map(|s| s.ln()).collect();
        let log_mean = mean_s.ln() - (1.0 + cv * cv).ln() / 2.0;
        assert!((mean(&logs) - log_mean).abs() < 5.0 * (1.0 + cv * cv).ln().sqrt() / 20_000f64.sqrt());
    }
}

#[test]
fn service_without_variation_is_constant() {
    let mut value = simple();
    value["service"]["call"] = json!({"mean_s": 1.5});
    assert!(drawn(&value, 1).contacts.iter().all(|contact| contact.service_ms == 1_500));
}

/// Hazard 0.01 per second up to 60 s and 0.002 from there on; at 30 s every fifth leaves at once.
#[test]
fn patience_follows_hazard_and_spikes() {
    let mut value = simple();
    value["patience"] =
        json!({"p": {"hazard_per_s": [[0, 0.01], [60, 0.002]], "spikes": [{"at_s": 30, "prob": 0.2}]}});
    value["classes"][0]["patience"] = json!("p");
    let contacts = drawn(&value, 6).contacts;
    let n = contacts.len() as f64;
    let still = |ms: u64| contacts.iter().filter(|contact| contact.patience_ms.unwrap() > ms).count();
    assert_count(still(29_999), n * (-0.3f64).exp());
    assert_count(
        contacts.iter().filter(|c| c.patience_ms == Some(30_000)).count(),
        n * (-0.3f64).exp() * 0.2,
    );
    assert_count(still(60_000), n * 0.8 * (-0.6f64).exp());
    assert_count(still(300_000), n * 0.8 * (-0.6f64 - 0.48).exp());
}

#[test]
fn class_without_patience_never_leaves_and_hazard_may_end() {
    assert!(drawn(&simple(), 1).contacts.iter().all(|contact| contact.patience_ms.is_none()));
    let mut value = simple();
    value["patience"] = json!({"p": {"hazard_per_s": [[0, 0.1], [10, 0]]}});
    value["classes"][0]["patience"] = json!("p");
    let contacts = drawn(&value, 1).contacts;
    let patient = contacts.iter().filter(|contact| contact.patience_ms.is_none()).count();
    assert_count(patient, contacts.len() as f64 * (-1f64).exp());
}

#[test]
fn part_of_a_day_holds_the_very_contacts_of_the_whole() {
    let whole = drawn(&simple(), 2).contacts;
    let selection =
        Selection { from: "10:00".parse().unwrap(), to: "11:30".parse().unwrap(), ..Selection::day(2) };
    let part = generate(&profile(&simple()), &selection).unwrap().contacts;
    let start = 10 * HOUR_MS;
    let same: Vec<(u64, u64)> = whole
        .iter()
        .filter(|contact| (start..start + HOUR_MS * 3 / 2).contains(&contact.arrival_ms))
        .map(|contact| (contact.arrival_ms - start, contact.service_ms))
        .collect();
    let drawn: Vec<(u64, u64)> =
        part.iter().map(|contact| (contact.arrival_ms, contact.service_ms)).collect();
    assert_eq!(drawn, same);
}

#[test]
fn scale_multiplies_arrivals_and_operators_alike() {
    let selection = Selection { scale: 2.5, ..Selection::day(2) };
    let scenario = generate(&profile(&simple()), &selection).unwrap();
    assert_count(scenario.contacts.len(), 50_000.0);
    assert_eq!(scenario.operators.len(), 8);
    let tiny = Selection { scale: 0.01, ..Selection::day(2) };
    assert_eq!(generate(&profile(&simple()), &tiny).unwrap().operators.len(), 1, "no group vanishes");
}

#[test]
fn callback_channel_makes_callback_orders() {
    let mut value = simple();
    value["classes"][0]["channel"] = json!("callback");
    assert!(drawn(&value, 1).contacts.iter().all(|contact| contact.kind == Kind::Callback));
}

#[test]
fn operators_are_on_duty_in_their_hours_less_staggered_breaks() {
    let mut value = simple();
    value["operators"] = json!([
        {"name": "day", "count": 8, "skills": ["a"], "capacity": 3, "hours": [8, 20], "break_min_per_hour": 5},
        {"name": "eve", "count": 1, "skills": ["a"], "hours": [20, 6]},
        {"name": "bot", "count": 1, "skills": ["a"], "region": "r1"},
    ]);
    let operators = drawn(&value, 1).operators;
    let spans = |i: usize| -> Vec<(u64, u64)> {
        operators[i].shifts.iter().flatten().map(|shift| (shift.from_ms, shift.to_ms)).collect()
    };
    assert_eq!(spans(8), [(0, 6 * HOUR_MS), (20 * HOUR_MS, 24 * HOUR_MS)]);
    assert_eq!((operators[9].shifts.clone(), operators[9].region.as_deref()), (None, Some("r1")));
    assert_eq!((&*operators[0].operator_id, operators[0].capacity), ("day-1", 3));
    let on = |i: usize, at: u64| spans(i).iter().any(|&(from, to)| from <= at && at < to);
    for i in 0..8 {
        let worked: u64 = spans(i).iter().map(|(from, to)| to - from).sum();
        assert_eq!(worked, 12 * 55 * 60_000, "operator {i}");
        assert!(!on(i, 8 * HOUR_MS - 1) && !on(i, 20 * HOUR_MS));
    }
    for minute in 8 * 60..20 * 60 {
        let away = (0..8).filter(|&i| !on(i, minute * 60_000)).count();
        assert!(away <= 1, "{away} of 8 are away at minute {minute}");
    }
}

#[test]
fn shifts_count_from_the_scenarios_start() {
    let mut value = simple();
    value["operators"] = json!([{"name": "day", "count": 1, "skills": [], "hours": [8, 20]}]);
    let selection = Selection { days: 2, from: "10:00".parse().unwrap(), ..Selection::day(2) };
    let operators = generate(&profile(&value), &selection).unwrap().operators;
    let spans: Vec<(u64, u64)> =
        operators[0].shifts.iter().flatten().map(|shift| (shift.from_ms, shift.to_ms)).collect();
    assert_eq!(spans, [(0, 10 * HOUR_MS), (22 * HOUR_MS, 34 * HOUR_MS)]);
}

#[test]
fn absurd_selections_are_refused() {
    let generate = |selection| generate(&profile(&simple()), &selection).map(|_| ());
    let day = Selection::day(1);
    assert_eq!(generate(Selection { days: 0, ..day }), Err(InvalidSelection::Days(0)));
    assert!(matches!(generate(Selection { to: day.from, ..day }), Err(InvalidSelection::Window { .. })));
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(generate(Selection { scale, ..day }), Err(InvalidSelection::Scale(_))));
    }
    assert!(matches!(generate(Selection { scale: 10_000.0, ..day }), Err(InvalidSelection::TooLarge { .. })));
    for text in ["24:01", "1:00", "10:60", "noon", "+1:00", "10:0", "99:00"] {
        assert!(text.parse::<ringmain_bench::workload::DayTime>().is_err(), "{text}");
    }
}

#[test]
fn every_wrong_field_of_a_profile_is_named() {
    let value = json!({
        "arrivals": {"contacts_per_day": -1, "hourly_share": [1, 2], "day_cv": "x", "process": "hawkes",
                     "surges": [{"class": "nobody", "start_h": 1, "factor": -2, "peak": 1}]},
        "service": {"call": {"mean_s": 0, "cv": 1, "family": "weibull"}},
        "patience": {"p": {"hazard_per_s": [[0, 1], [0, 1], [5]], "spikes": [{"at_s": 5, "prob": 2}]}},
        "classes": [{"name": "v", "share": 2, "queue": "", "channel": "voice", "service": "none", "patience": "none",
                     "skills": ["a", "a"], "weight": -1, "priority": 10}],
        "operators": [{"name": "op", "count": 1.5, "skills": "a", "hours": [8], "break_min_per_hour": 60}],
        "weather": "fine",
    });
    let invalid = Profile::parse(&value.to_string(), "p.json").unwrap_err();
    let fields: Vec<&str> = invalid.problems.iter().filter_map(|problem| problem.field.as_deref()).collect();
    let expected = [
        "service.call.mean_s",
        "service.call.family",
        "patience.p.hazard_per_s[1]",
        "patience.p.hazard_per_s[2]",
        "patience.p.spikes[0].prob",
        "classes[0].share",
        "classes[0].queue",
        "classes[0].priority",
        "classes[0].service",
        "classes[0].patience",
        "classes[0].skills[1]",
        "classes[0].weight",
        "arrivals.contacts_per_day",
        "arrivals.hourly_share",
        "arrivals.day_cv",
        "arrivals.surges[0].class",
        "arrivals.surges[0].factor",
        "arrivals.surges[0].peak",
        "arrivals.process",
        "operators[0].count",
        "operators[0].skills",
        "operators[0].hours",
        "operators[0].break_min_per_hour",
        "weather",
    ];
    assert_eq!(fields, expected, "{invalid}");
    assert!(Profile::parse("{", "p.json").is_err());
    assert!(Profile::read(&PathBuf::from("/nonexistent.json")).is_err());
}

#[test]
fn profiles_that_we_ship_are_drawn_with_the_expected_counts() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../cluster-config/profiles");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert_eq!(files.len(), 5);
    for file in files {
        let mut profile = Profile::read(&file).unwrap_or_else(|invalid| panic!("{invalid}"));
        // Without the day's own variation the count is Poisson.
        profile.day_cv = 0.0;
        let selection = Selection { scale: 0.1, ..Selection::day(1) };
        let contacts = generate(&profile, &selection).unwrap().contacts;
        assert_count(contacts.len(), expected_contacts(&profile, &selection));
    }
}
