//! What queueing theory says of small centres, and what the core does with them in virtual time.
//!
//! Each [`Model`] has Poisson arrivals, exponential service with one and the same mean for everybody, exponential
//! patience or none, and the core's own rule: an arrival takes the longest idle operator who has its skill, an operator
//! who becomes free takes the contact that stands first by (tier, arrival). Where a formula is known it is used; where
//! none is, the Markov chain of the model is solved ([`chain`]). [`trial`] draws the same model as scenarios and gives
//! the simulated means with an interval by independent replications.
//!
//! Times are in mean service times, rates in contacts per mean service time.

pub mod chain;
mod formulas;
mod models;
pub mod trial;

pub use formulas::NoBalance;
pub use models::all;

/// A centre small enough to be worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// What it is called.
    pub name: &'static str,
    /// Classes of contacts; by tier, the first is the most urgent.
    pub classes: Vec<Class>,
    /// Pools of equal operators.
    pub pools: Vec<Pool>,
    /// Who is served first.
    pub order: Order,
    /// How its figures are worked out.
    pub basis: Basis,
}

/// Contacts of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    /// Arrivals per mean service time.
    pub rate: f64,
    /// Mean patience in mean service times; `None` for those who never leave.
    pub patience: Option<f64>,
}

/// Equal operators.
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    /// How many.
    pub operators: u32,
    /// The classes whose skill they have, by their places.
    pub serves: Vec<usize>,
}

/// Who of those waiting goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Each class has a tier of its own; within one, first come, first served.
    ByTier,
    /// All have the same tier: first come, first served over all classes.
    AsTheyCame,
}

/// How the figures of a model are worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Erlang C: M/M/n.
    ErlangC,
    /// Kella and Yechiali: M/M/n with tiers.
    Priorities,
    /// Erlang A: M/M/n+M.
    ErlangA,
    /// The model's Markov chain, solved numerically, with at most so many waiting.
    Chain {
        /// Contacts beyond these are lost to the chain; [`Exact::cut_off`] says how likely that is.
        waiting_max: usize,
    },
}

/// What theory says.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    /// Of each class.
    pub classes: Vec<ClassFigures>,
    /// Of each pool: the share of its operators' time in which they serve.
    pub busy: Vec<f64>,
    /// The probability of the states in which the chain loses arrivals; 0 for formulas.
    pub cut_off: f64,
}

/// What theory says of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassFigures {
    /// Mean time in line of all arrivals, those who leave included.
    pub wait: f64,
    /// The share of arrivals that find nobody free.
    pub waits: f64,
    /// The share of arrivals that leave before being served.
    pub leaves: f64,
}

impl Model {
    /// Works it out.
    ///
    /// # Errors
    /// When the centre cannot carry the load, or the model is none that its basis knows.
    pub fn exact(&self) -> Result<Exact, NoBalance> {
        match self.basis {
            Basis::ErlangC => formulas::erlang_c(self),
            Basis::Priorities => formulas::priorities(self),
            Basis::ErlangA => formulas::erlang_a(self),
            Basis::Chain { waiting_max } => Ok(chain::solve(self, waiting_max)),
        }
    }

    /// What is compared, in the order of [`Exact::values`] and of what a trial observes.
    #[must_use]
    pub fn quantities(&self) -> Vec<String> {
        let of = |what: &str, of: &str, place: usize, many: usize| match many {
            1 => what.to_owned(),
            _ => format!("{what}, {of} {}", place + 1),
        };
        let (classes, pools) = (self.classes.len(), self.pools.len());
        let class = |(place, class): (usize, &Class)| {
            let leaves = class.patience.map(|_| of("share that leaves", "class", place, classes));
            let named = ["mean wait", "share that waits"].map(|what| of(what, "class", place, classes));
            named.into_iter().chain(leaves).collect::<Vec<_>>()
        };
        let names = self.classes.iter().enumerate().flat_map(class);
        names.chain((0..pools).map(|place| of("share of time busy", "pool", place, pools))).collect()
    }

    /// Arrivals of all classes per mean service time.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.classes.iter().map(|class| class.rate).sum()
    }

    /// Operators of all pools.
    #[must_use]
    pub fn operators(&self) -> u32 {
        self.pools.iter().map(|pool| pool.operators).sum()
    }
}

impl Exact {
    /// The figures in the order of [`Model::quantities`].
    #[must_use]
    pub fn values(&self, model: &Model) -> Vec<f64> {
        let class = |(class, figures): (&Class, &ClassFigures)| {
            let leaves = class.patience.map(|_| figures.leaves);
            [figures.wait, figures.waits].into_iter().chain(leaves).collect::<Vec<_>>()
        };
        model.classes.iter().zip(&self.classes).flat_map(class).chain(self.busy.iter().copied()).collect()
    }
}
