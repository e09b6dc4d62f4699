//! The checker's own book of operators: what each may take, what each has in hand.

use std::collections::{BTreeMap, BTreeSet};

use ringmain_routing::command::OperatorPlan;
use ringmain_routing::effect::PresenceState;
use ringmain_routing::{Epoch, Name, Plan};

use super::line::Class;

/// What the plan says of an operator.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    skills: BTreeMap<Name, u8>,
    ranks: BTreeMap<Name, u8>,
    unit: Option<Name>,
    pub(super) capacity: u32,
    /// The unit and those above it.
    within: BTreeSet<Name>,
}

impl Profile {
    fn new(plan: &OperatorPlan, units: &Plan) -> Profile {
        let mut profile = Profile {
            skills: plan.skills.iter().cloned().collect(),
            ranks: plan.ranks.iter().cloned().collect(),
            unit: plan.unit.clone(),
            capacity: plan.capacity,
            within: BTreeSet::new(),
        };
        profile.place(units);
        profile
    }

    fn place(&mut self, plan: &Plan) {
        self.within.clear();
        let mut unit = plan.units.iter().find(|row| Some(&row.name) == self.unit.as_ref());
        while let Some(row) = unit {
            self.within.insert(row.name.clone());
            unit = row.parent.and_then(|parent| plan.units.get(parent.0 as usize));
        }
    }

    /// Whether the skills and the unit are those that the class requires.
    pub(super) fn fits(&self, class: &Class) -> bool {
        let skilled =
            class.skills.iter().all(|(skill, level)| self.skills.get(skill).is_some_and(|own| own >= level));
        skilled && class.scopes.iter().all(|scope| self.within.contains(scope))
    }

    /// The queue's rank for this operator.
    pub(super) fn rank(&self, queue: &str) -> u8 {
        self.ranks.get(queue).copied().unwrap_or(0)
    }
}

/// One operator.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    pub(super) profile: Profile,
    /// What held until the command that is being walked over changed it.
    pub(super) profile_before: Option<Profile>,
    pub(super) used: u64,
    /// Epoch of the live session.
    pub(super) live: Option<Epoch>,
    pub(super) presence: PresenceState,
    /// Classes that this one fits, among the first so many.
    fitting: Vec<usize>,
    classes_judged: usize,
}

impl Operator {
    /// Every profile that may be in force while the present command is walked over.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.profile_before.iter().chain([&self.profile])
    }

    /// The largest capacity in force while the present command is walked over.
    pub(super) fn capacity(&self) -> u64 {
        self.profiles().map(|profile| u64::from(profile.capacity)).max().unwrap_or(0)
    }

    /// Units that are certainly free. Less than nothing in hand is none free.
    pub(super) fn free(&self) -> Option<u64> {
        let least = self.profiles().map(|profile| u64::from(profile.capacity)).min()?;
        least.checked_sub(self.used)
    }

    /// Classes of contacts that this one may serve under every profile in force.
    pub(super) fn fitting(&mut self, classes: &[Class]) -> &[usize] {
        if self.profile_before.is_some() {
            self.forget_fitting();
        }
        for (place, class) in classes.iter().enumerate().skip(self.classes_judged) {
            if self.profiles().all(|profile| profile.fits(class)) {
                self.fitting.push(place);
            }
        }
        self.classes_judged = classes.len();
        &self.fitting
    }

    fn forget_fitting(&mut self) {
        self.fitting.clear();
        self.classes_judged = 0;
    }
}

/// All operators by login.
#[derive(Debug, Default)]
pub(super) struct Roster {
    operators: BTreeMap<Name, Operator>,
    changed: Vec<Name>,
}

impl Roster {
    pub(super) fn get_mut(&mut self, login: &str) -> Option<&mut Operator> {
        self.operators.get_mut(login)
    }

    pub(super) fn get(&self, login: &str) -> Option<&Operator> {
        self.operators.get(login)
    }

    /// Adds or changes operators; until [`Roster::settle`] both the old and the new profile may be in force.
    pub(super) fn put(&mut self, plans: &[OperatorPlan], units: &Plan) {
        for plan in plans {
            let profile = Profile::new(plan, units);
            match self.operators.get_mut(&plan.login) {
                Some(row) => {
                    row.profile_before = Some(std::mem::replace(&mut row.profile, profile));
                    self.changed.push(plan.login.clone());
                }
                None => {
                    let row = Operator {
                        profile,
                        profile_before: None,
                        used: 0,
                        live: None,
                        presence: PresenceState::Offline,
                        fitting: Vec::new(),
                        classes_judged: 0,
                    };
                    self.operators.insert(plan.login.clone(), row);
                }
            }
        }
    }

    /// The command is walked over: only the new profiles hold.
    pub(super) fn settle(&mut self) {
        for login in self.changed.drain(..) {
            if let Some(row) = self.operators.get_mut(&login) {
                row.profile_before = None;
                row.forget_fitting();
            }
        }
    }

    /// A new plan: units may stand under others.
    pub(super) fn place_all(&mut self, plan: &Plan) {
        for row in self.operators.values_mut() {
            row.profile.place(plan);
            row.forget_fitting();
        }
    }
}
