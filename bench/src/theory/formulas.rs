//! Models for which there is a formula. One pool that serves all classes; the mean service time is 1.

use super::{Class, ClassFigures, Exact, Model};
use crate::erlang::{ErlangC, Overloaded};

/// A model that has no figures.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NoBalance {
    /// The load is too much where nobody leaves.
    #[error(transparent)]
    Overloaded(#[from] Overloaded),
    /// The formula is for another kind of centre.
    #[error("{0}: the formula knows one pool only, and patience for everybody or for nobody")]
    Unknown(&'static str),
}

/// Terms of a sum below this part of it are left out.
const NEGLIGIBLE: f64 = 1e-17;

/// M/M/n. Source: see [`crate::erlang`].
pub(super) fn erlang_c(model: &Model) -> Result<Exact, NoBalance> {
    let (queue, utilisation) = patient_pool(model)?;
    let one = ClassFigures { wait: queue.mean_wait(), waits: queue.wait_probability(), leaves: 0.0 };
    Ok(Exact { classes: vec![one], busy: vec![utilisation], cut_off: 0.0 })
}

/// M/M/n with tiers, nobody interrupted. With σ(k) the utilisation by the classes up to k,
/// `W(k) = C / (n·µ·(1 − σ(k−1))·(1 − σ(k)))`, where C is the probability of waiting of Erlang C, the same for each class.
///
/// Source: O. Kella, U. Yechiali, "Waiting times in the non-preemptive priority M/M/c queue" (Communications in
/// Statistics. Stochastic Models 1(2), 1985), for equal mean service times; for one server A. Cobham, "Priority
/// assignment in waiting line problems" (Operations Research 2, 1954).
pub(super) fn priorities(model: &Model) -> Result<Exact, NoBalance> {
    let (queue, utilisation) = patient_pool(model)?;
    let servers = f64::from(model.operators());
    let waits = queue.wait_probability();
    let mut above = 0.0;
    let classes = model.classes.iter().map(|class| {
        let with = above + class.rate / servers;
        let wait = waits / (servers * (1.0 - above) * (1.0 - with));
        above = with;
        ClassFigures { wait, waits, leaves: 0.0 }
    });
    Ok(Exact { classes: classes.collect(), busy: vec![utilisation], cut_off: 0.0 })
}

/// M/M/n+M: who waits leaves after an exponential time, so that any load has a balance. The number in the centre is a birth
/// and death process with births λ and deaths min(j, n)·µ + max(j − n, 0)·θ; by Little's law the mean wait of all arrivals
/// is the mean number waiting ÷ λ, and the share that leaves is θ times that.
///
/// Sources: C. Palm, "Research on telephone traffic carried by full availability groups" (Tele 1, 1957); O. Garnett,
/// A. Mandelbaum, M. Reiman, "Designing a Call Center with Impatient Customers" (Manufacturing & Service Operations
/// Management 4(3), 2002); J. D. C. Little, "A proof for the queuing formula L = λW" (Operations Research 9(3), 1961).
pub(super) fn erlang_a(model: &Model) -> Result<Exact, NoBalance> {
    let [Class { rate, patience: Some(patience) }] = model.classes[..] else {
        return Err(NoBalance::Unknown(model.name));
    };
    let servers = one_pool(model)?;
    let leaving = 1.0 / patience;
    let (mut term, mut sum, mut waiting, mut all_busy, mut busy) = (1.0, 0.0, 0.0, 0.0, 0.0);
    for number in 0u32.. {
        let in_line = f64::from(number.saturating_sub(servers));
        sum += term;
        waiting += term * in_line;
        busy += term * f64::from(number.min(servers));
        all_busy += if number >= servers { term } else { 0.0 };
        let deaths = f64::from((number + 1).min(servers))
            + (f64::from(number + 1) - f64::from(servers)).max(0.0) * leaving;
        term *= rate / deaths;
        if rate < deaths && term < NEGLIGIBLE * sum {
            break;
        }
    }
    let wait = waiting / sum / rate;
    let one = ClassFigures { wait, waits: all_busy / sum, leaves: wait * leaving };
    Ok(Exact { classes: vec![one], busy: vec![busy / sum / f64::from(servers)], cut_off: 0.0 })
}

/// The one pool of patient customers, with its utilisation.
fn patient_pool(model: &Model) -> Result<(ErlangC, f64), NoBalance> {
    let servers = one_pool(model)?;
    if model.classes.iter().any(|class| class.patience.is_some()) {
        return Err(NoBalance::Unknown(model.name));
    }
    Ok((ErlangC::new(servers, model.rate())?, model.rate() / f64::from(servers)))
}

fn one_pool(model: &Model) -> Result<u32, NoBalance> {
    match &model.pools[..] {
        [pool] if pool.serves.len() == model.classes.len() => Ok(pool.operators),
        [] | [_, ..] => Err(NoBalance::Unknown(model.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::{Basis, Order, Pool};

    fn model(operators: u32, classes: Vec<Class>) -> Model {
        let pools = vec![Pool { operators, serves: (0..classes.len()).collect() }];
        Model { name: "a test", classes, pools, order: Order::ByTier, basis: Basis::ErlangC }
    }

    fn near(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected} ± {tolerance}");
    }

    /// Cobham's formula for one server: W(k) = ρ / ((1 − σ(k−1))·(1 − σ(k))) with exponential service of mean 1.
    #[test]
    fn one_server_with_tiers_is_cobhams() {
        let class = |rate| Class { rate, patience: None };
        let exact = priorities(&model(1, vec![class(0.3), class(0.2), class(0.25)])).unwrap();
        for (figures, wait) in exact.classes.iter().zip([0.75 / 0.7, 0.75 / (0.7 * 0.5), 0.75 / (0.5 * 0.25)])
        {
            near(figures.wait, wait, 1e-12);
        }
    }

    /// Kleinrock's conservation law: tiers only pass waiting time on; weighted by the rates it is that of one class.
    #[test]
    fn tiers_keep_the_mean_wait_of_all() {
        let class = |rate| Class { rate, patience: None };
        let exact = priorities(&model(4, vec![class(1.0), class(0.5), class(1.5)])).unwrap();
        let one = erlang_c(&model(4, vec![class(3.0)])).unwrap();
        let sum: f64 =
            exact.classes.iter().zip([1.0, 0.5, 1.5]).map(|(figures, rate)| figures.wait * rate).sum();
        near(sum / 3.0, one.classes[0].wait, 1e-12);
    }

    /// With patience as long as service (θ = µ) each of those in the centre ends at rate 1, so their number is Poisson:
    /// an M/M/∞ system.
    #[test]
    fn patience_as_long_as_service_makes_the_number_poisson() {
        let exact = erlang_a(&model(3, vec![Class { rate: 4.0, patience: Some(1.0) }])).unwrap();
        let term = |n: u32| (1..=n).fold((-4.0f64).exp(), |term, k| term * 4.0 / f64::from(k));
        near(exact.classes[0].waits, 1.0 - (0..3).map(term).sum::<f64>(), 1e-12);
        let waiting: f64 = (4..60).map(|n| f64::from(n - 3) * term(n)).sum();
        near(exact.classes[0].wait, waiting / 4.0, 1e-12);
        near(exact.classes[0].leaves, waiting / 4.0, 1e-12);
        near(exact.busy[0] * 3.0, 4.0 * (1.0 - exact.classes[0].leaves), 1e-12);
    }

    #[test]
    fn endless_patience_is_erlang_c() {
        let exact = erlang_a(&model(5, vec![Class { rate: 4.0, patience: Some(1e9) }])).unwrap();
        let patient = erlang_c(&model(5, vec![Class { rate: 4.0, patience: None }])).unwrap();
        near(exact.classes[0].wait, patient.classes[0].wait, 1e-6);
        near(exact.classes[0].waits, patient.classes[0].waits, 1e-6);
    }

    #[test]
    fn what_a_formula_does_not_know_has_no_figures() {
        let class = Class { rate: 4.0, patience: None };
        assert!(matches!(erlang_c(&model(4, vec![class])), Err(NoBalance::Overloaded(_))));
        assert!(matches!(erlang_a(&model(5, vec![class])), Err(NoBalance::Unknown(_))));
    }
}
