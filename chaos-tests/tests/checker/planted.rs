//! Planted breaches, one at a time.

use ringmain_chaos::checker::{ClientOpKind, HistoryEntry, OpResult, Verdict};
use ringmain_routing::effect::{EndReason, PresenceState};
use ringmain_routing::{
    AssignmentEpoch, Command, ContactId, Effect, GatewayId, Outcome, Reply, Router, Timestamp,
};

use crate::scene::{self, Scene, operator_id};

/// A clean day with one breach.
fn with(plant: impl FnOnce(&mut Scene)) -> Verdict {
    let mut scene = scene::day();
    plant(&mut scene);
    scene.judge()
}

fn assert_found(verdict: &Verdict, counter: &str) {
    let found = verdict.violations().into_iter().find(|(name, _)| *name == counter);
    let (_, count) = found.expect("a counter of that name");
    assert!(count > 0 && !verdict.is_clean(), "{counter} did not fire: {verdict:#?}");
    assert!(!verdict.details.is_empty());
}

fn connected(entry: &HistoryEntry) -> Option<(ContactId, u32, AssignmentEpoch)> {
    entry.outcome.effects.iter().find_map(|effect| {
        let Effect::ConnectContact { contact, operator, assignment, .. } = *effect else { return None };
        Some((contact, operator.slot, assignment))
    })
}

fn connect(contact: ContactId, operator: u32, assignment: AssignmentEpoch) -> Effect {
    let gateway = GatewayId { slot: 0, generation: 0 };
    Effect::ConnectContact { contact, gateway, operator: operator_id(operator), assignment }
}

/// A record whose command brings the contact that is assigned at once, to whom, and the record behind it.
fn assigned_at_once(scene: &Scene) -> (u64, ContactId, u32, AssignmentEpoch) {
    let index = scene.find(|entry| entry.command.name() == "enqueue_contact" && connected(entry).is_some());
    let (contact, operator, assignment) =
        connected(&scene.history()[index as usize - 1]).expect("just found");
    (index, contact, operator, assignment)
}

/// The states up to a log index, made by applying the commands again.
fn state_at(scene: &Scene, index: u64) -> Router {
    let mut router = Router::new();
    for entry in scene.history().iter().take(index as usize) {
        router.apply(entry.at, &entry.command);
    }
    router
}

#[test]
fn a_contact_missing_on_one_node_is_lost() {
    let verdict = with(|scene| {
        let end = scene.history().len() as u64 - 40;
        scene.scans[1].state = state_at(scene, end);
        scene.scans[1].history.truncate(end as usize);
    });
    assert_found(&verdict, "lost");
}

#[test]
fn an_accepted_contact_without_a_record_is_lost() {
    let verdict = with(|scene| {
        let (index, ..) = assigned_at_once(scene);
        scene.change(index, |entry| {
            entry.command = Command::Tick;
            entry.outcome = Outcome { reply: Ok(Reply::Done), effects: vec![] };
        });
    });
    assert_found(&verdict, "lost");
}

#[test]
fn a_contact_given_to_a_second_operator_is_double_assigned() {
    let verdict = with(|scene| {
        let (index, contact, operator, assignment) = assigned_at_once(scene);
        let other = connect(contact, (operator + 1) % 4, AssignmentEpoch(assignment.0 + 1));
        scene.change(index + 1, |entry| entry.outcome.effects.insert(0, other));
    });
    assert_found(&verdict, "double_assigned");
}

#[test]
fn an_assignment_number_used_twice_is_double_assigned() {
    let verdict = with(|scene| {
        let index =
            scene.find(|entry| {
                entry.outcome.effects.iter().any(|effect| {
                    matches!(effect, Effect::RingOperator { assignment: AssignmentEpoch(2), .. })
                })
            });
        scene.change(index, |entry| {
            for effect in &mut entry.outcome.effects {
                if let Effect::RingOperator { assignment, .. } = effect {
                    *assignment = AssignmentEpoch(1);
                }
            }
        });
    });
    assert_found(&verdict, "double_assigned");
}

#[test]
fn an_end_in_the_hands_of_an_operator_is_double_assigned() {
    let verdict = with(|scene| {
        let (index, contact, ..) = assigned_at_once(scene);
        let gateway = GatewayId { slot: 0, generation: 0 };
        let ended = Effect::AnnounceEnded { contact, gateway, reason: EndReason::Abandoned };
        scene.change(index + 1, |entry| entry.outcome.effects.insert(0, ended));
    });
    assert_found(&verdict, "double_assigned");
}

#[test]
fn work_beyond_the_capacity_is_counted() {
    let verdict = with(|scene| {
        scene.change(2, |entry| {
            if let Command::PutOperators(command) = &mut entry.command {
                command.operators.iter_mut().for_each(|operator| operator.capacity = 1);
            }
        });
    });
    assert_found(&verdict, "over_capacity");
}

#[test]
fn passing_over_an_older_contact_breaks_the_order() {
    let verdict = with(|scene| {
        let waiting = |index: u64| -> Vec<ContactId> {
            let state = state_at(scene, index);
            let calls = state.contacts().filter(|view| {
                &*view.queue == "calls" && view.state == ringmain_routing::ContactState::Waiting
            });
            let mut calls: Vec<_> = calls.collect();
            calls.sort_by_key(|view| (view.tier, view.order, view.index));
            calls.iter().map(|view| view.id).collect()
        };
        let freed = scene.history().iter().find_map(|entry| {
            let (given, ..) = connected(entry)?;
            let line = waiting(entry.log_index - 1);
            let last = *line.last().filter(|last| **last != given)?;
            line.contains(&given).then_some((entry.log_index, given, last))
        });
        let (index, given, last) = freed.expect("somebody is freed while several wait");
        scene.change(index, |entry| {
            for effect in &mut entry.outcome.effects {
                if let Effect::ConnectContact { contact, .. } = effect
                    && *contact == given
                {
                    *contact = last;
                }
            }
        });
    });
    assert_found(&verdict, "order_violations");
    assert_found(&verdict, "model_differences");
}

#[test]
fn an_operator_who_is_not_ready_is_unfit() {
    let verdict = with(|scene| {
        let (index, _, operator, _) = assigned_at_once(scene);
        let presence = PresenceState::NotReady(7);
        let gone = Effect::AnnouncePresence { operator: operator_id(operator), presence };
        scene.change(index - 1, |entry| entry.outcome.effects.push(gone));
    });
    assert_found(&verdict, "unfit_assignments");
}

#[test]
fn an_operator_whose_stream_ended_is_unfit() {
    let verdict = with(|scene| {
        let (index, _, operator, _) = assigned_at_once(scene);
        let ended = Effect::EndStream { party: scene::party(operator), epoch: ringmain_routing::Epoch(1) };
        scene.change(index - 1, |entry| entry.outcome.effects.push(ended));
    });
    assert_found(&verdict, "unfit_assignments");
}

#[test]
fn an_operator_without_the_skill_is_unfit() {
    let verdict = with(|scene| {
        scene.change(1, |entry| {
            if let Command::ApplyPlan(command) = &mut entry.command {
                command.plan.queues[0].required = vec![("typing".into(), 1)];
            }
        });
    });
    assert_found(&verdict, "unfit_assignments");
}

#[test]
fn a_key_that_brings_a_second_contact_is_a_repeated_effect() {
    let verdict = with(|scene| {
        let mut keys = std::collections::BTreeMap::new();
        let repeat = scene.history().iter().find_map(|entry| {
            let Command::EnqueueContact(command) = &entry.command else { return None };
            keys.insert(command.key.clone(), entry.log_index).map(|_| entry.log_index)
        });
        let contact = ContactId { slot: 9_999, generation: 0 };
        scene.change(repeat.expect("keys repeat"), |entry| {
            entry.outcome.reply = Ok(Reply::Enqueued { contact })
        });
    });
    assert_found(&verdict, "repeated_effects");
}

#[test]
fn a_second_connection_is_a_repeated_effect() {
    let verdict = with(|scene| {
        let (index, contact, operator, assignment) = assigned_at_once(scene);
        let again = connect(contact, operator, assignment);
        scene.change(index + 1, |entry| entry.outcome.effects.insert(0, again));
    });
    assert_found(&verdict, "repeated_effects");
}

#[test]
fn an_event_told_twice_is_handled_twice() {
    let verdict = with(|scene| scene.seen.push(scene.seen[30].clone()));
    assert_found(&verdict, "handled_twice");
}

#[test]
fn a_contact_completed_by_two_is_handled_twice() {
    let verdict = with(|scene| {
        let first = scene.ops.iter().find(|op| matches!(op.op, ClientOpKind::Complete { .. }));
        let mut second = first.expect("somebody completes").clone();
        second.client = if second.client == "anna" { "boris".to_owned() } else { "anna".to_owned() };
        scene.ops.push(second);
    });
    assert_found(&verdict, "handled_twice");
}

#[test]
fn an_effect_on_an_ended_contact_reopens_it() {
    let verdict = with(|scene| {
        let index = scene.find(|entry| {
            entry.outcome.effects.iter().any(|effect| matches!(effect, Effect::AnnounceEnded { .. }))
        });
        let effects = &scene.history()[index as usize - 1].outcome.effects;
        let ended = effects.iter().find_map(|effect| {
            let Effect::AnnounceEnded { contact, .. } = *effect else { return None };
            Some(contact)
        });
        let again = connect(ended.expect("just found"), 1, AssignmentEpoch(2));
        scene.change(index + 1, |entry| entry.outcome.effects.push(again));
    });
    assert_found(&verdict, "reopened");
}

#[test]
fn a_forked_chain_is_found() {
    let verdict = with(|scene| scene.scans[2].history[70].chain ^= 1);
    assert_found(&verdict, "chain_differences");
}

#[test]
fn a_record_that_differs_on_one_node_is_found() {
    let verdict = with(|scene| {
        scene.scans[1].history[80].outcome.effects.clear();
        scene::rechain(&mut scene.scans[1].history);
    });
    assert_found(&verdict, "chain_differences");
}

#[test]
fn a_record_changed_everywhere_does_not_fit_its_chain() {
    let verdict = with(|scene| {
        for scan in &mut scene.scans {
            scan.history[90].at = Timestamp(scan.history[90].at.0 + 1);
        }
    });
    assert_found(&verdict, "chain_differences");
}

#[test]
fn states_that_differ_at_equal_index_are_found() {
    let verdict = with(|scene| {
        let last = scene.history().len() as u64;
        let mut router = state_at(scene, last - 1);
        router.apply(Timestamp(9_000_000), &Command::Tick);
        scene.scans[0].state = router;
    });
    assert_found(&verdict, "chain_differences");
    assert_found(&verdict, "state_differences");
}

#[test]
fn a_lost_release_leaves_the_state_apart_from_the_history() {
    let verdict = with(|scene| {
        let index = scene.find(|entry| {
            entry.outcome.effects.iter().any(|effect| matches!(effect, Effect::ReleaseOperator { .. }))
        });
        scene.change(index, |entry| {
            entry.outcome.effects.retain(|effect| {
                !matches!(effect, Effect::ReleaseOperator { .. } | Effect::AnnounceEnded { .. })
            });
        });
    });
    assert_found(&verdict, "state_differences");
}

#[test]
fn indexes_out_of_order_are_found() {
    assert_found(&with(|scene| scene.scans[0].history.swap(50, 51)), "index_violations");
}

#[test]
fn a_gap_is_found() {
    assert_found(&with(|scene| drop(scene.scans[0].history.remove(60))), "index_violations");
}

#[test]
fn a_history_that_ends_before_the_state_is_found() {
    assert_found(&with(|scene| drop(scene.scans[0].history.pop())), "index_violations");
}

#[test]
fn a_term_that_goes_back_is_found() {
    assert_found(&with(|scene| scene.change(150, |entry| entry.term = 1)), "index_violations");
}

#[test]
fn replicated_time_that_goes_back_is_found() {
    assert_found(&with(|scene| scene.change(150, |entry| entry.at = Timestamp(1))), "index_violations");
}

#[test]
fn an_answer_of_another_term_is_found() {
    let verdict = with(|scene| {
        if let OpResult::Done { term, .. } = &mut scene.ops[20].result {
            *term += 1;
        }
    });
    assert_found(&verdict, "receipt_violations");
}

#[test]
fn an_answer_that_names_another_place_is_found() {
    let verdict = with(|scene| {
        if let OpResult::Done { log_index, .. } = &mut scene.ops[20].result {
            *log_index += 1;
        }
    });
    assert_found(&verdict, "receipt_violations");
}

#[test]
fn an_answer_with_another_outcome_is_found() {
    let verdict = with(|scene| {
        let (log_index, term) = scene.ops[20].result.receipt().expect("answered");
        scene.ops[20].result = OpResult::Refused { log_index, term, code: "queue-full".to_owned() };
    });
    assert_found(&verdict, "receipt_violations");
}

#[test]
fn two_operations_at_one_place_are_found() {
    let verdict = with(|scene| scene.ops.push(scene.ops[20].clone()));
    assert_found(&verdict, "receipt_violations");
}

#[test]
fn an_answer_behind_what_began_after_it_is_found() {
    let verdict = with(|scene| {
        let later = (scene.ops[41].invoked_ns, scene.ops[41].returned_ns);
        let earlier = (scene.ops[40].invoked_ns, scene.ops[40].returned_ns);
        (scene.ops[40].invoked_ns, scene.ops[40].returned_ns) = later;
        (scene.ops[41].invoked_ns, scene.ops[41].returned_ns) = earlier;
    });
    assert_found(&verdict, "realtime_violations");
}

#[test]
fn replicated_time_that_stood_still_is_found() {
    let verdict = with(|scene| {
        for op in scene.ops.iter_mut().skip(41) {
            (op.invoked_ns, op.returned_ns) = (op.invoked_ns + 5_000_000_000, op.returned_ns + 5_000_000_000);
        }
    });
    assert_found(&verdict, "time_violations");
}

#[test]
fn an_event_that_nothing_led_to_is_found() {
    assert_found(&with(|scene| scene.seen[25].assignment += 1), "unfounded_events");
}

#[test]
fn a_decision_other_than_the_models_is_found() {
    let verdict = with(|scene| {
        let (index, _, given, _) = assigned_at_once(scene);
        scene.change(index, |entry| {
            for effect in &mut entry.outcome.effects {
                if let Effect::ConnectContact { operator, .. } = effect {
                    *operator = operator_id((given + 1) % 4);
                }
            }
        });
    });
    assert_found(&verdict, "model_differences");
}

#[test]
fn an_unknown_operation_breaks_nothing_and_is_looked_for() {
    let verdict = with(|scene| {
        scene.ops[20].result = OpResult::Unknown;
        let mut never = scene.ops[20].clone();
        never.op = ClientOpKind::Push { key: "never".to_owned() };
        scene.ops.push(never);
    });
    assert!(verdict.is_clean(), "{verdict:#?}");
    assert_eq!((verdict.unknown_ops, verdict.unknown_applied), (2, 1));
}
