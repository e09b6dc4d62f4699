//! The models that the core is held against. Their letters are those of O. Garnett, A. Mandelbaum, "An Introduction to
//! Skills-Based Routing and its Operational Complexities" (Technion, 2000): classes above, pools below, a stroke where a
//! pool serves a class.

use super::{Basis, Class, Model, Order, Pool};

/// All of them.
#[must_use]
pub fn all() -> Vec<Model> {
    vec![mmn(), three_tiers(), overload(), n_by_tier(), n_as_they_came(), m_by_tier(), w_by_tier()]
}

fn patient(rates: &[f64]) -> Vec<Class> {
    rates.iter().map(|&rate| Class { rate, patience: None }).collect()
}

fn impatient(classes: &[(f64, f64)]) -> Vec<Class> {
    classes.iter().map(|&(rate, patience)| Class { rate, patience: Some(patience) }).collect()
}

fn pools(pools: &[(u32, &[usize])]) -> Vec<Pool> {
    pools.iter().map(|&(operators, serves)| Pool { operators, serves: serves.to_vec() }).collect()
}

/// Five operators at 70 %.
fn mmn() -> Model {
    Model {
        name: "M/M/5, load 0.7",
        classes: patient(&[3.5]),
        pools: pools(&[(5, &[0])]),
        order: Order::ByTier,
        basis: Basis::ErlangC,
    }
}

/// Four operators at 75 %, three tiers.
fn three_tiers() -> Model {
    Model {
        name: "M/M/4, three tiers, load 0.75",
        classes: patient(&[0.6, 1.0, 1.4]),
        pools: pools(&[(4, &[0, 1, 2])]),
        order: Order::ByTier,
        basis: Basis::Priorities,
    }
}

/// Five operators with the work of seven.
fn overload() -> Model {
    Model {
        name: "M/M/5+M, load 1.4, patience 0.8",
        classes: impatient(&[(7.0, 0.8)]),
        pools: pools(&[(5, &[0])]),
        order: Order::ByTier,
        basis: Basis::ErlangA,
    }
}

/// The urgent class may go to everybody, the other to the second pool alone.
fn n_by_tier() -> Model {
    Model {
        name: "N: 2 + 3 operators, tiers, load 0.7",
        classes: patient(&[2.0, 1.5]),
        pools: pools(&[(2, &[0]), (3, &[0, 1])]),
        order: Order::ByTier,
        basis: Basis::Chain { waiting_max: 50 },
    }
}

/// The same pools for customers of one tier, who leave: one line over both classes.
fn n_as_they_came() -> Model {
    Model {
        name: "N+M: 2 + 2 operators, one tier, load 1, patience 0.7",
        classes: impatient(&[(2.2, 0.7), (1.8, 0.7)]),
        pools: pools(&[(2, &[0]), (2, &[0, 1])]),
        order: Order::AsTheyCame,
        basis: Basis::Chain { waiting_max: 12 },
    }
}

/// Two classes with a pool each and one for both.
fn m_by_tier() -> Model {
    Model {
        name: "M+M: 1 + 1 + 2 operators, tiers, load 1.1, patience 1 and 2",
        classes: impatient(&[(2.0, 1.0), (2.4, 2.0)]),
        pools: pools(&[(1, &[0]), (1, &[1]), (2, &[0, 1])]),
        order: Order::ByTier,
        basis: Basis::Chain { waiting_max: 40 },
    }
}

/// Three classes and two pools that share the middle one.
fn w_by_tier() -> Model {
    Model {
        name: "W+M: 2 + 2 operators, tiers, load 1.1, patience 1",
        classes: impatient(&[(1.2, 1.0), (1.6, 1.0), (1.6, 1.0)]),
        pools: pools(&[(2, &[0, 1]), (2, &[1, 2])]),
        order: Order::ByTier,
        basis: Basis::Chain { waiting_max: 24 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_chain_loses_arrivals_that_matter() {
        for model in all() {
            let exact = model.exact().unwrap();
            assert!(exact.cut_off < 1e-6, "{}: {}", model.name, exact.cut_off);
            assert_eq!(exact.values(&model).len(), model.quantities().len());
        }
    }

    /// What arrives is served or leaves: the busy operators are those who were not left.
    #[test]
    fn what_arrives_is_served_or_leaves() {
        for model in all() {
            let exact = model.exact().unwrap();
            let served: f64 = model
                .classes
                .iter()
                .zip(&exact.classes)
                .map(|(of, says)| of.rate * (1.0 - says.leaves))
                .sum();
            let busy: f64 =
                model.pools.iter().zip(&exact.busy).map(|(of, busy)| f64::from(of.operators) * busy).sum();
            assert!((served - busy).abs() < 1e-5, "{}: {served} served, {busy} busy", model.name);
        }
    }
}
