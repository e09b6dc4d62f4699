//! The core in virtual time against queueing theory: the mean of independent runs with fixed seeds, and Student's t at
//! 99.9 %. Each figure of each model must lie in its interval; docs/THEORY.md has the table of a longer run.

use ringmain_bench::theory::trial::Trial;
use ringmain_bench::theory::{Model, all};

/// Small, so that an unoptimised core that checks every invariant is through in seconds.
const TRIAL: Trial = Trial { replications: 16, observed: 600, warm_up: 120, behind: 60, confidence: 0.999 };

fn model(name: &str) -> Model {
    all().into_iter().find(|model| model.name.starts_with(name)).expect("a model of that name")
}

fn assert_holds(name: &str) {
    let model = model(name);
    for one in TRIAL.compare(&model, &mut |_| {}).expect("a model that can be compared") {
        let (exact, simulated) = (one.exact, one.simulated);
        assert!(simulated.covers(exact), "{}, {}: {exact} is not in {simulated:?}", model.name, one.quantity);
        assert!(
            simulated.half_width < 0.5 * exact.max(0.1),
            "{}, {}: {simulated:?} says nothing",
            model.name,
            one.quantity
        );
    }
}

#[test]
fn equal_operators_are_erlang_c() {
    assert_holds("M/M/5, ");
}

#[test]
fn tiers_wait_as_kella_and_yechiali_say() {
    assert_holds("M/M/4, three tiers");
}

#[test]
fn an_overloaded_centre_whose_customers_leave_is_erlang_a() {
    assert_holds("M/M/5+M");
}

#[test]
fn a_pool_that_helps_another_is_the_chain_of_the_n_model() {
    assert_holds("N: ");
}

#[test]
fn one_line_over_two_skills_is_the_chain_of_first_come_first_served_and_longest_idle() {
    assert_holds("N+M");
}

#[test]
fn a_shared_pool_between_two_is_the_chain_of_the_m_model() {
    assert_holds("M+M");
}

#[test]
fn two_pools_that_share_a_class_are_the_chain_of_the_w_model() {
    assert_holds("W+M");
}

/// A test that any figure passes proves nothing: the figures of another rule lie outside.
#[test]
fn figures_of_another_rule_are_found_out() {
    let model = model("M/M/4, three tiers");
    let without_tiers = Model { basis: ringmain_bench::theory::Basis::ErlangC, ..model.clone() };
    let one_line = without_tiers.exact().expect("a load below 1").classes[0].wait;
    let compared = TRIAL.compare(&model, &mut |_| {}).expect("a model that can be compared");
    let waits = compared.iter().filter(|one| one.quantity.starts_with("mean wait"));
    let found_out = waits.filter(|one| !one.simulated.covers(one_line)).count();
    assert!(found_out >= 2, "{compared:?} against {one_line}");
}
