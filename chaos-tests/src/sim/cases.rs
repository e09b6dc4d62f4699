//! Cases of a simulated centre: routes of its plan, and what operators do beside finishing a stage. Drawn only where the
//! model that judges a run carries cases out too.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ringmain_routing::calendar::CalendarPlan;
use ringmain_routing::command::{
    AnswerOffer, CaseStep, CompleteContact, ContactResult, TransferContact, TransferTarget,
};
use ringmain_routing::rules::{PlanRules, Route, Stage};
use ringmain_routing::{Command, Millis, Name, Timestamp};

use super::EPOCH_MS;
use super::centre::QUEUES;

const ROUTES: [&str; 2] = ["claim", "complaint"];
const CHANNELS: [&str; 2] = ["voice", "chat"];
/// Of a calendar: open for a part of each so many ms.
const PERIOD_MS: u64 = 5_000;
const PERIODS: u64 = 200;

/// What an operator says of a stage instead of being done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Return,
    Close,
    /// To the back office, by this route and channel.
    HandOver(usize, usize),
}

impl Word {
    pub(super) fn some(rng: &mut ChaCha8Rng) -> Word {
        match rng.random_range(0..4) {
            0 => Word::Return,
            1 => Word::Close,
            _ => Word::HandOver(rng.random_range(0..ROUTES.len()), rng.random_range(0..CHANNELS.len())),
        }
    }

    /// The step of a completion; `None` for a hand-over.
    /// What is said, of the leg of this answer.
    pub(super) fn command(self, answer: AnswerOffer, result: Option<ContactResult>) -> Command {
        let wrap_up = None;
        match self.target() {
            Some(to) => Command::TransferContact(Box::new(TransferContact { answer, to, wrap_up })),
            None => {
                let step = self.step().unwrap_or_default();
                Command::CompleteContact(CompleteContact { answer, wrap_up, step, result })
            }
        }
    }

    fn step(self) -> Option<CaseStep> {
        match self {
            Word::Return => Some(CaseStep::Return),
            Word::Close => Some(CaseStep::Close),
            Word::HandOver(..) => None,
        }
    }

    /// Where it is handed over to, if it is.
    fn target(self) -> Option<TransferTarget> {
        match self {
            Word::Return | Word::Close => None,
            Word::HandOver(route, channel) => Some(TransferTarget::BackOffice {
                route: ROUTES[route].into(),
                channel: CHANNELS[channel].into(),
                reply_by: (route == 0).then(|| "call".into()),
            }),
        }
    }
}

/// Puts routes into a plan, and lets some entry rules lead there. Now and then a plan leaves stages out that cases are
/// in, and is refused.
pub(super) fn put_routes(rng: &mut ChaCha8Rng, rules: &mut PlanRules) {
    rules.calendars.push(calendar(rng, "office"));
    rules.calendars.push(calendar(rng, "late office"));
    rules.routes = ROUTES.iter().map(|name| route(rng, name)).collect();
    for rule in &mut rules.entry {
        if rng.random_bool(0.5) {
            rule.then.queue = None;
            rule.then.route = Some(ROUTES[rng.random_range(0..ROUTES.len())].into());
        }
    }
}

/// What counts as working time for a unit's customers.
pub(super) fn unit_calendar(rng: &mut ChaCha8Rng) -> Option<Name> {
    match rng.random_range(0..4) {
        0 => Some("office".into()),
        1 => Some("late office".into()),
        _ => None,
    }
}

fn calendar(rng: &mut ChaCha8Rng, name: &str) -> CalendarPlan {
    let from = rng.random_range(0..2_000);
    let open = rng.random_range(500..3_000);
    let span = |period: u64| {
        let from = period * PERIOD_MS + from;
        (Millis(from), Millis(from + open))
    };
    let week = (0..PERIODS).map(span).collect();
    CalendarPlan { name: name.into(), spans: Vec::new(), until: Timestamp(EPOCH_MS), week }
}

fn route(rng: &mut ChaCha8Rng, name: &str) -> Route {
    let stages = if rng.random_bool(0.2) { rng.random_range(1..3) } else { 3 };
    Route {
        name: name.into(),
        stages: (0..stages).map(|number| stage(rng, number)).collect(),
        term: rng.random_bool(0.6).then(|| Millis(rng.random_range(2_000..30_000))),
        calendar: rng.random_bool(0.3).then(|| "office".into()),
    }
}

fn stage(rng: &mut ChaCha8Rng, number: usize) -> Stage {
    let term = rng.random_range(300..12_000);
    let queue = |rng: &mut ChaCha8Rng| Name::from(QUEUES[rng.random_range(0..QUEUES.len())]);
    let watchers = (0..rng.random_range(0..3)).map(|number| format!("operator-{}", number * 2).into());
    Stage {
        name: format!("stage {number}").into(),
        queue: queue(rng),
        term: Millis(term),
        warn_before: Millis(if rng.random_bool(0.3) { 0 } else { rng.random_range(1..term) }),
        escalate_to: rng.random_bool(0.6).then(|| queue(rng)),
        watchers: watchers.collect(),
        reply_by: (number > 0 && term % 3 == 0).then(|| "call".into()).into_iter().collect(),
        channel: None,
        call_back: (term % 2 == 0).then(|| "all".into()),
    }
}
