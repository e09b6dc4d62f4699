//! Gives a plan file's plan the version and the places that a running cluster goes on with: queues, skills,
//! channels and units keep their place for ever, so an id means one thing in the whole history.

use std::collections::BTreeMap;

use ringmain_routing::plan::{ChannelPlan, Plan, QueuePlan, UnitPlan};
use ringmain_routing::rules::{PlanRules, QueueRules};
use ringmain_routing::{Name, UnitId};

/// A plan that cannot follow the one in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// A known unit would get another parent.
    #[error(
        "unit {unit:?} cannot move to another parent; add a new unit there and move operators and queues to it"
    )]
    UnitMoved {
        /// Which.
        unit: Name,
    },
}

/// The plan that follows `current` so that everything is as `wanted` says. What `wanted` leaves out keeps its
/// place: a queue is closed, a skill, channel or unit stays known.
///
/// # Errors
/// When a known unit would get another parent.
pub fn place_onto(current: &Plan, wanted: &Plan) -> Result<Plan, PlaceError> {
    Ok(Plan {
        version: current.version + 1,
        queues: placed(&current.queues, &wanted.queues, |queue| &queue.name, closed),
        skills: placed(&current.skills, &wanted.skills, |skill| skill, Name::clone),
        channels: placed(&current.channels, &wanted.channels, |channel| &channel.name, ChannelPlan::clone),
        units: place_units(&current.units, &wanted.units)?,
        sessions: wanted.sessions,
        rules: PlanRules {
            principals: placed(&current.rules.principals, &wanted.rules.principals, |name| name, Name::clone),
            ..wanted.rules.clone()
        },
    })
}

/// A queue that the file leaves out. Its calendar may be left out too, and a closed queue needs no hours.
fn closed(gone: &QueuePlan) -> QueuePlan {
    QueuePlan { open: false, rules: QueueRules { hours: None, ..gone.rules.clone() }, ..gone.clone() }
}

fn placed<T: Clone>(
    current: &[T],
    wanted: &[T],
    name: impl Fn(&T) -> &Name,
    gone: impl Fn(&T) -> T,
) -> Vec<T> {
    let by_name: BTreeMap<&Name, &T> = wanted.iter().map(|one| (name(one), one)).collect();
    let known: BTreeMap<&Name, ()> = current.iter().map(|one| (name(one), ())).collect();
    let kept =
        current.iter().map(|one| by_name.get(name(one)).map_or_else(|| gone(one), |new| (*new).clone()));
    let added = wanted.iter().filter(|one| !known.contains_key(name(one))).cloned();
    kept.chain(added).collect()
}

/// Known units stay as they are; new ones come behind them, in the order of the file, so each after its parent.
fn place_units(current: &[UnitPlan], wanted: &[UnitPlan]) -> Result<Vec<UnitPlan>, PlaceError> {
    let mut units = current.to_vec();
    let mut places: BTreeMap<Name, UnitId> =
        current.iter().zip(0..).map(|(unit, place)| (unit.name.clone(), UnitId(place))).collect();
    for unit in wanted {
        let parent_name =
            unit.parent.and_then(|parent| wanted.get(parent.0 as usize)).map(|parent| &parent.name);
        let parent = parent_name.and_then(|name| places.get(name).copied());
        match places.get(&unit.name) {
            None => {
                places.insert(unit.name.clone(), UnitId(super::read::small(units.len() as u64)));
                units.push(UnitPlan { name: unit.name.clone(), parent, rules: unit.rules.clone() });
            }
            Some(place) if units[place.0 as usize].parent == parent => {
                units[place.0 as usize].rules = unit.rules.clone();
            }
            Some(_) => return Err(PlaceError::UnitMoved { unit: unit.name.clone() }),
        }
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str, parent: Option<u32>) -> UnitPlan {
        UnitPlan { name: name.into(), parent: parent.map(UnitId), rules: Default::default() }
    }

    fn plan(queues: &[&str], units: Vec<UnitPlan>) -> Plan {
        Plan {
            version: 4,
            queues: queues.iter().map(|name| QueuePlan::named(name)).collect(),
            units,
            ..Plan::default()
        }
    }

    #[test]
    fn queues_keep_their_place_and_left_out_ones_are_closed() {
        let placed = place_onto(&plan(&["a", "b"], vec![]), &plan(&["c", "b"], vec![])).unwrap();
        let queues: Vec<(&str, bool)> =
            placed.queues.iter().map(|queue| (&*queue.name, queue.open)).collect();
        assert_eq!(queues, [("a", false), ("b", true), ("c", true)]);
        assert_eq!(placed.version, 5);
    }

    #[test]
    fn a_queue_that_is_left_out_does_not_hold_on_to_a_calendar_that_is_left_out_too() {
        let mut current = plan(&["a"], vec![]);
        current.queues[0].rules.hours = Some("office".into());
        let placed = place_onto(&current, &plan(&["b"], vec![])).unwrap();
        assert_eq!((placed.queues[0].open, placed.queues[0].rules.hours.as_deref()), (false, None));
    }

    #[test]
    fn a_units_parent_is_found_by_name_not_by_place() {
        let current = plan(&[], vec![unit("company", None), unit("east", Some(0))]);
        let wanted = plan(&[], vec![unit("company", None), unit("south", Some(0)), unit("east", Some(0))]);
        let placed = place_onto(&current, &wanted).unwrap();
        assert_eq!(placed.units, [unit("company", None), unit("east", Some(0)), unit("south", Some(0))]);
    }

    #[test]
    fn a_known_unit_does_not_move() {
        let current = plan(&[], vec![unit("east", None)]);
        let wanted = plan(&[], vec![unit("company", None), unit("east", Some(0))]);
        let error = place_onto(&current, &wanted).unwrap_err();
        assert_eq!(error, PlaceError::UnitMoved { unit: "east".into() });
    }
}
