//! The Markov chain of a model, solved numerically.
//!
//! A state is the idle operators in the order in which they became idle, each known by its pool, and those waiting in the
//! order in which they stand in line, each known by its class. Since service is exponential with one mean for everybody,
//! nothing else of the past matters: the busy operators of a pool are those who are not idle, and each ends its talk at
//! rate 1 whatever it serves. So the rule of the longest idle operator needs no approximation: who is idle longest stands
//! first. It is the state of I. Adan, G. Weiss, "A skill based parallel service system under FCFS-ALIS – steady state,
//! overloads, and abandonments" (Stochastic Systems 4(1), 2014), who also give its balance in closed form where all have the same tier; with tiers
//! there is none.
//!
//! The states are those reachable from the empty centre with at most so many waiting; an arrival beyond that is lost. The
//! balance is found by Gauss–Seidel sweeps (W. J. Stewart, "Introduction to the Numerical Solution of Markov Chains",
//! 1994, chapter 3). Arrivals see the centre as it is on average (R. W. Wolff, "Poisson arrivals see time averages",
//! Operations Research 30(2), 1982), and waits follow from the numbers waiting by Little's law.

use std::collections::HashMap;

use super::{ClassFigures, Exact, Model, Order};

/// Sweeps end when no probability changes by more than this part of the largest.
const SETTLED: f64 = 1e-13;
/// Most sweeps; a chain of a few thousand states settles in hundreds.
const SWEEPS_MAX: usize = 20_000;

/// Idle operators by pool and waiting contacts by class, first come first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    idle: Vec<u8>,
    line: Vec<u8>,
}

/// A chain with its balance.
struct Balance {
    states: Vec<State>,
    probability: Vec<f64>,
}

/// Works out a model with at most `waiting_max` in line.
#[must_use]
pub fn solve(model: &Model, waiting_max: usize) -> Exact {
    let balance = Balance::of(model, waiting_max);
    let classes = (0..model.classes.len()).map(|class| balance.class(model, class)).collect();
    let busy = (0..model.pools.len()).map(|pool| balance.busy(model, pool)).collect();
    let cut_off = balance.mean(|state| f64::from(u8::from(state.line.len() >= waiting_max)));
    Exact { classes, busy, cut_off }
}

impl State {
    /// Everybody is idle, nobody waits.
    fn empty(model: &Model) -> State {
        let pools = model.pools.iter().enumerate();
        let idle = pools.flat_map(|(pool, of)| (0..of.operators).map(move |_| pool as u8)).collect();
        State { idle, line: Vec::new() }
    }

    /// Where the centre may go next, and at which rate.
    fn moves(&self, model: &Model, waiting_max: usize) -> Vec<(State, f64)> {
        let arrivals = model.classes.iter().enumerate().filter_map(|(class, of)| {
            self.after_arrival(model, class, waiting_max).map(|next| (next, of.rate))
        });
        let talks = model.pools.iter().enumerate().filter_map(|(pool, of)| {
            let busy = of.operators as usize - self.idle_of(pool);
            (busy > 0).then(|| (self.after_talk(model, pool), busy as f64))
        });
        let leaving = self.line.iter().enumerate().filter_map(|(place, &class)| {
            let patience = model.classes[usize::from(class)].patience?;
            Some((self.without(place), 1.0 / patience))
        });
        arrivals.chain(talks).chain(leaving).collect()
    }

    /// The longest idle operator who has the skill takes the arrival; without one it stands in line.
    fn after_arrival(&self, model: &Model, class: usize, waiting_max: usize) -> Option<State> {
        let mut next = self.clone();
        if let Some(place) = self.longest_idle(model, class) {
            next.idle.remove(place);
            return Some(next);
        }
        if self.line.len() >= waiting_max {
            return None;
        }
        let place = match model.order {
            Order::AsTheyCame => self.line.len(),
            Order::ByTier => self.line.partition_point(|&other| usize::from(other) <= class),
        };
        next.line.insert(place, class as u8);
        Some(next)
    }

    /// An operator of the pool takes the first in line whose skill it has; without one it is idle, for the shortest time.
    fn after_talk(&self, model: &Model, pool: usize) -> State {
        let serves = |&class: &u8| model.pools[pool].serves.contains(&usize::from(class));
        match self.line.iter().position(serves) {
            Some(place) => self.without(place),
            None => {
                let mut next = self.clone();
                next.idle.push(pool as u8);
                next
            }
        }
    }

    fn without(&self, place: usize) -> State {
        let mut next = self.clone();
        next.line.remove(place);
        next
    }

    fn longest_idle(&self, model: &Model, class: usize) -> Option<usize> {
        self.idle.iter().position(|&pool| model.pools[usize::from(pool)].serves.contains(&class))
    }

    fn idle_of(&self, pool: usize) -> usize {
        self.idle.iter().filter(|&&idle| usize::from(idle) == pool).count()
    }
}

impl Balance {
    fn of(model: &Model, waiting_max: usize) -> Balance {
        let (states, into, out) = explore(model, waiting_max);
        let mut probability = vec![1.0 / states.len() as f64; states.len()];
        for _ in 0..SWEEPS_MAX {
            if sweep(&mut probability, &into, &out) < SETTLED {
                break;
            }
        }
        Balance { states, probability }
    }

    /// The mean of a figure over time.
    fn mean(&self, figure: impl Fn(&State) -> f64) -> f64 {
        self.states
            .iter()
            .zip(&self.probability)
            .map(|(state, probability)| figure(state) * probability)
            .sum()
    }

    fn class(&self, model: &Model, class: usize) -> ClassFigures {
        let of = &model.classes[class];
        let in_line = |state: &State| state.line.iter().filter(|&&other| usize::from(other) == class).count();
        let waiting = self.mean(|state| in_line(state) as f64);
        let waits = self.mean(|state| f64::from(u8::from(state.longest_idle(model, class).is_none())));
        let wait = waiting / of.rate;
        ClassFigures { wait, waits, leaves: of.patience.map_or(0.0, |patience| wait / patience) }
    }

    fn busy(&self, model: &Model, pool: usize) -> f64 {
        let operators = f64::from(model.pools[pool].operators);
        1.0 - self.mean(|state| state.idle_of(pool) as f64) / operators
    }
}

/// All states that can be reached, the moves into each, and the rate at which each is left.
#[expect(clippy::type_complexity, reason = "three lists that belong together for the length of one function")]
fn explore(model: &Model, waiting_max: usize) -> (Vec<State>, Vec<Vec<(usize, f64)>>, Vec<f64>) {
    let mut states = vec![State::empty(model)];
    let mut places: HashMap<State, usize> = HashMap::from([(states[0].clone(), 0)]);
    let mut into: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    let mut out = Vec::new();
    let mut from = 0;
    while from < states.len() {
        let moves = states[from].moves(model, waiting_max);
        out.push(moves.iter().map(|(_, rate)| rate).sum());
        for (state, rate) in moves {
            let place = *places.entry(state.clone()).or_insert_with(|| {
                states.push(state);
                into.push(Vec::new());
                states.len() - 1
            });
            into[place].push((from, rate));
        }
        from += 1;
    }
    (states, into, out)
}

/// One sweep of Gauss–Seidel over the balance equations; the largest change, as a part of the largest probability.
fn sweep(probability: &mut [f64], into: &[Vec<(usize, f64)>], out: &[f64]) -> f64 {
    let mut change: f64 = 0.0;
    for place in 0..probability.len() {
        let flow: f64 = into[place].iter().map(|&(from, rate)| probability[from] * rate).sum();
        let new = flow / out[place];
        change = change.max((new - probability[place]).abs());
        probability[place] = new;
    }
    let sum: f64 = probability.iter().sum();
    let largest = probability.iter().copied().fold(0.0, f64::max);
    probability.iter_mut().for_each(|one| *one /= sum);
    change / largest
}

#[cfg(test)]
mod tests {
    use super::super::{Basis, Class, Pool};
    use super::*;

    fn model(order: Order, classes: &[(f64, Option<f64>)], pools: &[(u32, &[usize])], basis: Basis) -> Model {
        let class = |&(rate, patience): &(f64, Option<f64>)| Class { rate, patience };
        let pool = |&(operators, serves): &(u32, &[usize])| Pool { operators, serves: serves.to_vec() };
        Model {
            name: "a test",
            classes: classes.iter().map(class).collect(),
            pools: pools.iter().map(pool).collect(),
            order,
            basis,
        }
    }

    fn assert_same(chain: &Exact, formula: &Exact, model: &Model) {
        assert!(chain.cut_off < 1e-9, "{}", chain.cut_off);
        for ((name, chain), formula) in
            model.quantities().iter().zip(chain.values(model)).zip(formula.values(model))
        {
            assert!((chain - formula).abs() < 1e-7, "{name}: {chain} is not {formula}");
        }
    }

    /// Where there is a formula, the chain says the same.
    #[test]
    fn the_chain_agrees_with_the_formulas() {
        let one = model(Order::ByTier, &[(2.4, None)], &[(4, &[0])], Basis::ErlangC);
        let tiers = model(Order::ByTier, &[(0.8, None), (1.0, None)], &[(3, &[0, 1])], Basis::Priorities);
        let leaving = model(Order::ByTier, &[(4.0, Some(0.5))], &[(3, &[0])], Basis::ErlangA);
        for (model, waiting_max) in [(one, 50), (tiers, 50), (leaving, 40)] {
            assert_same(&solve(&model, waiting_max), &model.exact().unwrap(), &model);
        }
    }

    /// The closed form of Adan and Weiss for the N-model with one operator in each pool: class 1 may go to both, class 2 to
    /// the second alone. A state lists the busy operators by the age of what they serve, the numbers waiting behind each,
    /// and the idle ones; its weight is a product over them. What is summed up here are all numbers waiting.
    #[test]
    fn the_chain_agrees_with_the_product_form_where_all_have_one_tier() {
        let (first, second) = (0.4, 0.3);
        let all = first + second;
        let classes = [(first, None), (second, None)];
        let n = model(Order::AsTheyCame, &classes, &[(1, &[0]), (1, &[0, 1])], Basis::ErlangC);
        let chain = solve(&n, 12);
        let nobody_busy = 1.0 / (first * all) + 1.0 / (all * all);
        let first_busy = 1.0 / all;
        let second_busy = 1.0 / ((1.0 - second) * first);
        let behind_both = 1.0 / (2.0 - all);
        let both_busy = behind_both * (1.0 + 1.0 / (1.0 - second));
        let whole = nobody_busy + first_busy + second_busy + both_busy;
        // Of those behind both operators a part is of class 2; all who wait for the second alone are.
        let (alone, behind) = (second / (1.0 - second).powi(2), second / (2.0 - all).powi(2));
        let waiting = alone / first + behind + alone * behind_both + behind / (1.0 - second);
        for (chain, closed) in [
            (chain.classes[0].waits, both_busy / whole),
            (chain.classes[1].waits, (second_busy + both_busy) / whole),
            (chain.classes[1].wait, waiting / whole / second),
            (chain.busy[0], (first_busy + both_busy) / whole),
        ] {
            assert!((chain - closed).abs() < 1e-4, "{chain} is not {closed}");
        }
    }
}
