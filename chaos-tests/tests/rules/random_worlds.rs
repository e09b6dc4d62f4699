//! The core and the naive model follow the same rules: random commands, equal outcomes and equal states after each.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::both::Both;
use crate::strategies;
use crate::strategies::rules_of_worlds;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestError, TestRunner};
use ringmain_chaos::scenario;
use ringmain_chaos::steps::rule_book::{PlanRuleSpec, QueueRuleSpec};
use ringmain_chaos::steps::world::{self, QueueSpec, SessionSpec};
use ringmain_chaos::steps::{
    ActKind, ActSpec, Action, AnswerKind, ContactFlaw, Flaw, OpenSpec, OperatorSpec, PartyPick, PlanFlaw,
    Step, Wait,
};
use ringmain_routing::command::{ApplyPlan, CaseStep};
use ringmain_routing::{Command, Timestamp};

/// A world in which everybody is signed in, so that most steps meet something.
#[derive(Clone, Debug)]
struct World {
    queues: Vec<QueueSpec>,
    sessions: SessionSpec,
    rules: Option<PlanRuleSpec>,
    operators: Vec<OperatorSpec>,
    steps: Vec<Step>,
}

fn worlds() -> impl Strategy<Value = World> {
    let queues = prop::collection::vec(strategies::queue(), 2..=4);
    let operators = prop::collection::vec(strategies::operator(), 2..10);
    let steps = prop::collection::vec(strategies::step(), 1..120);
    let rules = prop::option::weighted(0.7, rules_of_worlds::plan());
    let plain = prop_oneof![3 => Just(None), 1 => Just(Some(usize::MAX)), 1 => (0usize..60).prop_map(Some)];
    (queues, strategies::sessions(), rules, operators, steps, plain).prop_map(
        |(queues, sessions, rules, operators, steps, plain)| {
            let mut world = World { queues, sessions, rules, operators, steps };
            world.drop_unknown_time();
            if let Some(steps) = plain {
                world.make_plain(steps);
            }
            world
        },
    )
}

impl World {
    /// Operators have no breaks and shifts that the plan lacks, so that they come to be known.
    fn drop_unknown_time(&mut self) {
        let breaks = self.rules.as_ref().map_or(0, |rules| rules.breaks.len());
        for rules in self.operators.iter_mut().filter_map(|operator| operator.rules.as_mut()) {
            rules.time.breaks &= (1 << breaks) - 1;
            rules.time.shift = rules.time.shift.filter(|_| self.rules.is_some());
        }
    }

    /// Takes the rule book out of the opening and of so many steps: a log of earlier formats, to begin with.
    fn make_plain(&mut self, steps: usize) {
        self.rules = None;
        self.queues.iter_mut().for_each(|queue| queue.rules = QueueRuleSpec::default());
        self.operators.iter_mut().for_each(|operator| operator.rules = None);
        for step in self.steps.iter_mut().take(steps) {
            match &mut step.action {
                Action::Plan(change) => {
                    change.rules = None;
                    change.spec.rules = QueueRuleSpec::default();
                    if is_of_rules(change.flaw) {
                        change.flaw = PlanFlaw::No;
                    }
                }
                Action::Put(operators) => operators.iter_mut().for_each(|operator| operator.rules = None),
                Action::Enqueue(contact) => {
                    contact.facts = None;
                    contact.flaw = plain_flaw(contact.flaw);
                }
                Action::Answer { kind, .. } => *kind = plain_answer(*kind),
                Action::Register(_)
                | Action::TakeNext(_)
                | Action::HandOut(_)
                | Action::Deflect(_)
                | Action::RequestPerson(_)
                | Action::Consult(_)
                | Action::OfLeg(_)
                | Action::Invite(_)
                | Action::Note(_)
                | Action::Ask(_)
                | Action::Free(_)
                | Action::CloseEnquiry(_)
                | Action::Help(_)
                | Action::AskForBreak(_) => step.action = Action::Tick,
                Action::Act(ActSpec {
                    kind:
                        ActKind::HandOut(_)
                        | ActKind::HandOver(..)
                        | ActKind::Defer(_)
                        | ActKind::CloseEntry(..)
                        | ActKind::OpenEntry(_)
                        | ActKind::Supervise(_)
                        | ActKind::AnswerHelp
                        | ActKind::CloseEnquiry(..),
                    ..
                }) => step.action = Action::Tick,
                Action::Tick
                | Action::Open(_)
                | Action::Lose(_)
                | Action::Close(_)
                | Action::NodeStarted(..)
                | Action::NodeLost(..)
                | Action::Update(_)
                | Action::Abandon(_)
                | Action::Presence { .. }
                | Action::Act(_) => {}
            }
        }
    }
}

/// Logs of earlier formats know no cases.
fn plain_answer(kind: AnswerKind) -> AnswerKind {
    match kind {
        AnswerKind::Complete(wrap_up, ..) => AnswerKind::Complete(wrap_up, CaseStep::Next, None),
        AnswerKind::BackOffice(..) => AnswerKind::Complete(None, CaseStep::Next, None),
        AnswerKind::Accept
        | AnswerKind::Decline
        | AnswerKind::Extend(_)
        | AnswerKind::EndWrapUp
        | AnswerKind::Transfer(_)
        | AnswerKind::Hold(_) => kind,
    }
}

fn is_of_rules(flaw: PlanFlaw) -> bool {
    match flaw {
        PlanFlaw::UnknownQueue
        | PlanFlaw::NarrowStep
        | PlanFlaw::Tier0
        | PlanFlaw::Principal
        | PlanFlaw::Leads
        | PlanFlaw::SamePerson
        | PlanFlaw::Hours => true,
        PlanFlaw::No | PlanFlaw::Same | PlanFlaw::Version | PlanFlaw::Conflict | PlanFlaw::UnknownSkill => {
            false
        }
    }
}

fn plain_flaw(flaw: ContactFlaw) -> ContactFlaw {
    match flaw {
        ContactFlaw::Unit
        | ContactFlaw::Language
        | ContactFlaw::Principal
        | ContactFlaw::Phone
        | ContactFlaw::Case => ContactFlaw::No,
        ContactFlaw::No
        | ContactFlaw::Repeat
        | ContactFlaw::Queue
        | ContactFlaw::Skill
        | ContactFlaw::Key
        | ContactFlaw::Attributes
        | ContactFlaw::Epoch
        | ContactFlaw::NoQueue => flaw,
    }
}

impl World {
    fn opening(&self) -> Vec<Step> {
        let step = |action| Step { wait: Wait::No, action, restore: false };
        let open =
            |party, node| OpenSpec { party, node, incarnation: 0, nonce: 0, resume: 0, takeover: false };
        let mut steps = vec![step(Action::Put(self.operators.clone()))];
        steps.extend((0..3).map(|n| step(Action::Open(open(PartyPick::Gateway(n), n)))));
        for who in 0..6 {
            steps.push(step(Action::Open(open(PartyPick::Operator(who), who))));
            steps.push(step(Action::Presence { who, presence: None, flaw: Flaw::No }));
        }
        steps
    }

    /// Plays the world.
    ///
    /// # Errors
    /// The first difference, with everything that led to it.
    fn play(&self) -> Result<Both, Box<(Both, String)>> {
        let mut both = Both::new();
        let plan = world::plan(&self.queues, self.sessions, self.rules.as_ref());
        let first = Command::ApplyPlan(Box::new(ApplyPlan { plan, by: None }));
        if let Err(difference) = both.apply(Timestamp(1_000), &first) {
            return Err(Box::new((both, difference)));
        }
        for step in self.opening().iter().chain(&self.steps) {
            let (at, command) = step.resolve(&both.model);
            let restored = if step.restore { both.restore() } else { Ok(()) };
            if let Err(difference) = restored.and_then(|()| both.apply(at, &command)) {
                return Err(Box::new((both, difference)));
            }
        }
        Ok(both)
    }
}

/// A failing world is shrunk and written to `scenarios/`, where it stays as a test.
#[test]
fn core_and_model_agree_after_each_command() {
    let mut runner =
        TestRunner::new(ProptestConfig { max_shrink_iters: 20_000, ..strategies::fixed_worlds() });
    let outcome = runner.run(&worlds(), |world| match world.play() {
        Ok(_) => Ok(()),
        Err(failure) => Err(TestCaseError::fail(failure.1)),
    });
    let (reason, world) = match outcome {
        Ok(()) => return,
        Err(TestError::Fail(reason, world)) => (reason, world),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    };
    let Err(failure) = world.play() else { panic!("does not fail a second time: {reason}") };
    keep(*failure);
}

/// Writes what led to a difference to `scenarios/` and panics with it.
fn keep((mut both, difference): (Both, String)) -> ! {
    both.scenario.about = difference.lines().map(str::to_owned).collect();
    let text = scenario::write(&both.scenario);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(format!("found-{}.txt", name_of(&text)));
    std::fs::write(&path, &text).expect("the folder of scenarios can be written");
    panic!("{difference}\nwritten to {}\n{text}", path.display());
}

/// A short name from the content, so that the same case is written once.
fn name_of(text: &str) -> String {
    let hash = ringmain_routing::hash_parts(&[text.as_bytes()]);
    format!("{:08x}", hash as u32)
}

/// What some of the random worlds must lead to.
const WORDS: &[&str] = &[
    "enqueued",
    "merged",
    "opened",
    "applied",
    "queued",
    "ring",
    "confirm",
    "offer",
    "assigned",
    "connect",
    "withdraw",
    "abandoned",
    "unanswered",
    "declined",
    "session-lost",
    "wrap-up",
    "release",
    "completed",
    "operator-lost",
    "presence",
    "offline",
    "ready",
    "not-ready",
    "missed",
    "end-stream",
    "invalid-field",
    "unknown-queue",
    "unknown-skill",
    "unknown-operator",
    "unknown-contact",
    "unknown-party",
    "stale-epoch",
    "already-signed-in",
    "not-signed-in",
    "key-reused",
    "queue-closed",
    "queue-full",
    "wrong-state",
    "stale-assignment",
    "cannot-decline",
    "plan-version",
    "plan-conflict",
    "foreign-contact",
    "acted",
    "hold",
    "moved",
    "transferred",
    "supervisor",
    "closed",
    "action-key-reused",
    "operator-unavailable",
    "unknown-unit",
    "unknown-principal",
    "no-queue",
    "would-strand",
    "unknown-calendar",
    "nobody-there",
    "deflected",
    "taken",
    "nothing-waits",
    "not-a-lead",
    "handed-over",
    "passed-often",
    "life-safety",
    "unknown-break",
    "stage",
    "warn-case",
    "escalate-case",
    "case-closed",
    "notify-watcher",
    "unknown-route",
    "break",
    "offer-deflection",
    "call-duty",
    "alarm",
    "person-requested",
    "expected-wait",
    "trigger",
    "consult",
    "consult-over",
    "join-consult",
    "leave-consult",
    "invite",
    "park",
    "parked-often",
    "reply-soon",
    "reply-is-overdue",
    "reply-overdue",
    "not-resumed",
    "silent-customer",
    "companion",
    "asked",
    "notify-enquiry",
    "begun",
    "reminded",
    "overdue",
    "answered",
    "withdrawn",
    "yours",
    "unknown-enquiry",
    "supervise",
    "listen",
    "whisper",
    "barge",
    "help",
];

/// So many worlds are looked at, at most, until all words were seen; the rarest come once in some thousands.
const WORLDS_MAX: usize = 6_000;

/// Random tests that never reach a rule prove nothing about it.
#[test]
fn random_worlds_reach_every_effect_and_every_reachable_refusal() {
    let is_seen = |seen: &BTreeMap<String, u32>| {
        WORDS.iter().all(|word| seen.get(*word).is_some_and(|times| *times > 0))
    };
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..WORLDS_MAX {
        if is_seen(&seen) {
            return;
        }
        let world = worlds().new_tree(&mut runner).expect("worlds can be made").current();
        let both = match world.play() {
            Ok(both) => both,
            Err(failure) => keep(*failure),
        };
        let is_companion = both.model.contacts().any(|row| both.model.companion_of(row.id).is_some());
        *seen.entry("companion".to_owned()).or_default() += u32::from(is_companion);
        for line in both.scenario.entries.iter().flat_map(|entry| &entry.trace) {
            for word in
                line.split([' ', '=']).filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
            {
                *seen.entry(word.to_owned()).or_default() += 1;
            }
        }
    }
    let missing: Vec<&str> =
        WORDS.iter().copied().filter(|word| seen.get(*word).is_none_or(|times| *times == 0)).collect();
    assert!(missing.is_empty(), "never reached: {missing:?} in {seen:?}");
}
