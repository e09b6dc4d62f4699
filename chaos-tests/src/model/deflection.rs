//! Opening hours, and what an arrival gets that cannot be served as usual (R1.3, R2.2).

use ringmain_routing::command::EnqueueContact;
use ringmain_routing::effect::EndReason;
use ringmain_routing::plan::QueuePlan;
use ringmain_routing::rules::{DeflectWhen, Treatment};
use ringmain_routing::{Millis, Refusal, Reply};

use super::Model;
use super::entry::Entrance;
use super::ladder::{Fit, last_step, queue_of};
use super::state::{Contact, Operator, SessionState};

const WEEK_MS: u64 = 7 * 86_400_000;

impl Model {
    /// Whether a calendar of the plan is open now: in a span, or behind the last one in a span of the regular week.
    pub(super) fn is_open(&self, calendar: &str) -> bool {
        let Some(calendar) = self.plan.rules.calendars.iter().find(|row| &*row.name == calendar) else {
            return false;
        };
        if self.now < calendar.until {
            return calendar.spans.iter().any(|(from, to)| (*from..*to).contains(&self.now));
        }
        let in_week = Millis((self.now.0 - calendar.until.0) % WEEK_MS);
        calendar.week.iter().any(|(from, to)| (*from..*to).contains(&in_week))
    }

    /// By hand and by its hours.
    fn is_queue_open(&self, queue: &QueuePlan) -> bool {
        queue.open && queue.rules.hours.as_ref().is_none_or(|calendar| self.is_open(calendar))
    }

    /// What the arrival gets instead of a place in line; `None` where it may enter.
    pub(super) fn deflected(&self, arrival: &Contact) -> Result<Option<Treatment>, Refusal> {
        let queue = queue_of(&self.plan, &arrival.queue);
        let rules = &queue.rules;
        let is_shut_out = self.is_shut_out(arrival);
        if arrival.tier == 0 && (rules.hours.is_some() || !rules.deflections.is_empty() || is_shut_out) {
            return Ok(None);
        }
        let is_open = self.is_queue_open(queue) && !is_shut_out;
        let first = rules.deflections.iter().find(|row| self.holds(row.when, arrival, is_open));
        let closed = || Refusal::QueueClosed(queue.name.clone());
        match first.map(|row| row.to) {
            Some(Treatment::Queue) => Ok(None),
            Some(Treatment::Refuse) if is_open => Err(Refusal::NobodyThere(queue.name.clone())),
            Some(Treatment::Refuse) => Err(closed()),
            Some(to @ (Treatment::CallBack | Treatment::Voicemail | Treatment::Message)) => Ok(Some(to)),
            None if is_open => Ok(None),
            None => Err(closed()),
        }
    }

    fn holds(&self, when: DeflectWhen, arrival: &Contact, is_open: bool) -> bool {
        match when {
            DeflectWhen::Closed => !is_open,
            DeflectWhen::NobodySignedIn => {
                !self.has_one(arrival, |operator| operator.session.state != SessionState::None)
            }
            DeflectWhen::NobodyReady => !self.has_one(arrival, Operator::is_available),
            DeflectWhen::Waiting(least) => self.waiting_in(&arrival.queue) >= u64::from(least),
            DeflectWhen::ExpectedWait(above) => {
                self.expected_wait(&arrival.queue).is_some_and(|expected| expected > above)
            }
        }
    }

    /// Whether one of these operators would fit at the last step.
    fn has_one(&self, arrival: &Contact, is_one: impl Fn(&Operator) -> bool) -> bool {
        let (plan, step) = (&self.plan, last_step(&self.plan, &arrival.queue));
        let fits = |operator: &Operator| Fit { plan, operator, contact: arrival, step }.holds();
        self.operators.iter().any(|operator| is_one(operator) && fits(operator))
    }

    /// The arrival is remembered as over.
    pub(super) fn deflect(&mut self, body: EnqueueContact, entrance: &Entrance, to: Treatment) -> Reply {
        let id = self.add_contact(body, entrance, self.granted(entrance.head_start));
        let reply = Reply::Enqueued { contact: id };
        self.contact_mut(id).first_answer = reply;
        self.totals_mut(id).entered += 1;
        self.end(id, EndReason::Deflected(to), None);
        reply
    }
}
