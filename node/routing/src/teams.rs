//! Teams: the operators of one unit who have a session, who of them is on a break and whose break is due (R3.11).

use alloc::collections::{BTreeMap, BTreeSet};

use crate::ids::{Timestamp, UnitId};

/// One org unit's operators who have a session.
#[derive(Clone, Debug, Default)]
pub(crate) struct Team {
    pub size: u32,
    /// On a break.
    pub away: u32,
    /// When the first break of each of the others is due.
    due: BTreeSet<(Timestamp, u32)>,
}

/// What an operator with a session shows to its team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TeamFacet {
    pub unit: Option<UnitId>,
    /// When its break began.
    pub away_since: Option<Timestamp>,
    pub due: Option<Timestamp>,
}

/// All teams in which somebody has a session; those without a unit are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Teams {
    by_unit: BTreeMap<Option<UnitId>, Team>,
    /// Who is on a break, by when it began.
    away: BTreeSet<(Timestamp, u32)>,
}

impl Teams {
    pub(crate) fn set(&mut self, slot: u32, facet: TeamFacet, on: bool) {
        let team = self.by_unit.entry(facet.unit).or_default();
        let due = facet.due.map(|due| (due, slot));
        let away = facet.away_since.map(|since| (since, slot));
        if on {
            self.away.extend(away);
            team.size += 1;
            team.away += u32::from(away.is_some());
            team.due.extend(due);
            return;
        }
        away.iter().for_each(|away| {
            self.away.remove(away);
        });
        team.size -= 1;
        team.away -= u32::from(away.is_some());
        due.iter().for_each(|due| {
            team.due.remove(due);
        });
        if team.size == 0 {
            self.by_unit.remove(&facet.unit);
        }
    }

    pub(crate) fn units(&self) -> impl Iterator<Item = Option<UnitId>> {
        self.by_unit.keys().copied()
    }

    /// Operators on a break, whose began first first.
    pub(crate) fn away(&self) -> impl Iterator<Item = u32> {
        self.away.iter().map(|&(_, slot)| slot)
    }

    /// How many of a unit have a session, and how many of these are away.
    pub(crate) fn counts(&self, unit: Option<UnitId>) -> (u32, u32) {
        self.by_unit.get(&unit).map_or((0, 0), |team| (team.size, team.away))
    }

    /// Whose break is due by then, first due first.
    pub(crate) fn due_in(
        &self,
        unit: Option<UnitId>,
        by: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, u32)> {
        self.by_unit.get(&unit).into_iter().flat_map(move |team| team.due.range(..=(by, u32::MAX)).copied())
    }
}
