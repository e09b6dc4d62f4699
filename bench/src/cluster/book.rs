//! What the clients know of the contacts of one step: when each was due, how it was answered, who had it.
//!
//! From these records alone come counts, latencies and the verdict: nothing accepted is lost, every accepted contact
//! is completed, nobody is assigned twice.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hdrhistogram::Histogram;

use super::figures::{Class, Counts, Latency};
use super::port::ContactNumber;
use super::redial::{Call, Habit, Redials};

/// Latencies are kept to three digits, from 1 µs to ten minutes.
const LATENCY_US: (u64, u64) = (1, 600_000_000);
const DIGITS: u8 = 3;
/// Sentences about what went wrong that are kept.
const PROBLEMS_MAX: usize = 20;

/// The shared book. It has one step at a time; what still comes of an earlier one is passed over.
#[derive(Clone)]
pub(crate) struct Book {
    page: Arc<Mutex<Page>>,
}

/// An operator with an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hand {
    pub(super) operator: u32,
    pub(super) assignment: u32,
}

/// How a push was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted,
    /// By this code.
    Refused(String),
    /// The client ended first.
    Unknown,
}

/// A contact that is due.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Due {
    /// By the stage's clock.
    pub(super) at_ns: u64,
    /// How long after that it is brought to its gateway.
    pub(super) late_ns: u64,
    pub(super) call: Call,
    /// Which gateway that is.
    pub(super) gateway: u32,
}

#[derive(Debug, Default)]
struct Slot {
    due: Due,
    is_measured: bool,
    answer: Option<Answered>,
    answered_ns: u64,
    shown_to: Option<Hand>,
    /// When it was shown first, and since when both it and the room for it were there.
    shown_ns: u64,
    ready_ns: u64,
    completed_by: Option<Hand>,
    completed_ns: u64,
    has_ended: bool,
    /// Nothing more is to be heard of it.
    is_settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Accepted,
    /// By the code of this number.
    Refused(u8),
    Unknown,
}

/// What is known of one call; moments by the stage's clock, in ns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) due_ns: u64,
    pub(super) call: Call,
    pub(super) answer: Option<(u64, Answered)>,
    pub(super) shown: Option<Shown>,
    pub(super) completed_ns: Option<u64>,
}

/// When a contact was shown first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) at_ns: u64,
    /// Since when both the contact and the operator's room for it were there.
    pub(super) ready_ns: u64,
}

/// One step's records.
pub(crate) struct Page {
    step: u32,
    measured_ns: Range<u64>,
    slots: Vec<Slot>,
    tallies: BTreeMap<Class, Tally>,
    lateness: Histogram<u64>,
    /// From an operator's "complete" to its answer.
    to_done: Histogram<u64>,
    completed_in_time: u64,
    /// Contacts of which something is still to be heard.
    open: u64,
    /// Contacts whose push has no answer.
    unanswered: u64,
    /// Codes of refusals, in the order in which they came.
    codes: Vec<String>,
    redials: Option<Redials>,
    problems: Vec<String>,
    problems_count: u64,
}

/// Contacts of one class that were due while it was measured.
struct Tally {
    counts: Counts,
    to_answer: Histogram<u64>,
    to_offer: Histogram<u64>,
}

impl Book {
    pub(crate) fn new() -> Book {
        Book { page: Arc::new(Mutex::new(Page::new(0, 0..0))) }
    }

    /// Turns to a new page with room for about so many contacts. Those are measured that are due within a span of the
    /// stage's clock.
    pub(super) fn begin(&self, step: u32, measured_ns: Range<u64>, expected: usize) {
        let mut page = Page::new(step, measured_ns);
        page.slots.reserve(expected);
        *self.page() = page;
    }

    /// From here on customers of the present page who are refused dial again.
    pub(super) fn dial_again(&self, habit: Habit, seed: u64) {
        self.page().redials = Some(Redials::new(habit, seed));
    }

    /// When the next customer dials again, and how many calls have no answer.
    pub(super) fn redials(&self) -> (Option<u64>, u64) {
        let page = self.page();
        page.redials.as_ref().map_or((None, 0), |redials| (redials.next_ns(), page.unanswered))
    }

    /// The next customer who dials again by then, and when that is due.
    pub(super) fn take_redial(&self, now_ns: u64) -> Option<(u64, Call)> {
        self.page().redials.as_mut()?.take_by(now_ns)
    }

    pub(crate) fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A contact is due.
    pub(super) fn due(&self, due: Due) -> ContactNumber {
        let mut page = self.page();
        let is_measured = page.measured_ns.contains(&due.at_ns);
        if is_measured {
            page.tally(due.call.class).counts.offered += 1;
            page.lateness.saturating_record(due.late_ns / 1_000);
        }
        let number = page.slots.len() as u32;
        page.slots.push(Slot { due, is_measured, ..Slot::default() });
        page.open += 1;
        page.unanswered += 1;
        ContactNumber { step: page.step, number }
    }

    pub(super) fn answered(&self, contact: ContactNumber, now_ns: u64, answer: Answer) {
        self.page().answered(contact, now_ns, answer);
    }

    /// A desktop shows the contact, for which it has had room since a moment.
    pub(super) fn shown(&self, contact: ContactNumber, (room_ns, now_ns): (u64, u64), hand: Hand) {
        self.page().shown(contact, (room_ns, now_ns), hand);
    }

    /// A desktop shows the contact, which may be shown once only.
    #[cfg(feature = "peers")]
    pub(super) fn shown_once(&self, contact: ContactNumber, now_ns: u64, hand: Hand) {
        let mut page = self.page();
        if let Some(before) = page.slot(contact).and_then(|slot| slot.shown_to) {
            page.problem(format!("{}: shown to {hand:?} after {before:?}", contact.key()));
        }
        page.shown(contact, (0, now_ns), hand);
    }

    /// An operator's "complete", asked for at a moment, was carried out.
    pub(super) fn completed(&self, contact: ContactNumber, (asked_ns, now_ns): (u64, u64), hand: Hand) {
        self.page().completed(contact, (asked_ns, now_ns), hand);
    }

    /// The gateway was told that the contact is over.
    pub(super) fn ended(&self, contact: ContactNumber, is_completed: bool) {
        self.page().ended(contact, is_completed);
    }

    /// A gateway was given the full list of its contacts: what was accepted and is not on it has ended.
    pub(super) fn listed(&self, gateway: u32, listed: &BTreeSet<ContactNumber>) {
        let mut page = self.page();
        let step = page.step;
        let gone = |(number, slot): (usize, &Slot)| {
            let contact = ContactNumber { step, number: number as u32 };
            let is_meant = slot.due.gateway == gateway && slot.answer == Some(Answered::Accepted);
            (is_meant && !slot.has_ended && !listed.contains(&contact)).then_some(contact)
        };
        let gone: Vec<ContactNumber> = page.slots.iter().enumerate().filter_map(gone).collect();
        gone.into_iter().for_each(|contact| page.ended(contact, true));
    }

    pub(super) fn problem(&self, words: String) {
        self.page().problem(words);
    }
}

impl Page {
    fn new(step: u32, measured_ns: Range<u64>) -> Page {
        Page {
            step,
            measured_ns,
            slots: Vec::new(),
            tallies: Class::ALL.into_iter().map(|class| (class, Tally::new())).collect(),
            lateness: histogram(),
            to_done: histogram(),
            completed_in_time: 0,
            open: 0,
            unanswered: 0,
            codes: Vec::new(),
            redials: None,
            problems: Vec::new(),
            problems_count: 0,
        }
    }

    /// Contacts that were due so far.
    pub(super) fn due_count(&self) -> u64 {
        self.slots.len() as u64
    }

    /// Contacts of which something is still to be heard.
    pub(super) fn open(&self) -> u64 {
        self.open
    }

    /// What is known of each call, in the order in which they were brought.
    pub(super) fn told(&self) -> impl Iterator<Item = Told> {
        self.slots.iter().map(Slot::told)
    }

    /// Codes of refusals, by their numbers.
    pub(super) fn codes(&self) -> &[String] {
        &self.codes
    }

    /// Customers who will dial again.
    pub(super) fn redials_waiting(&self) -> u64 {
        self.redials.as_ref().map_or(0, Redials::count)
    }

    /// Completions that were acknowledged while it was measured.
    pub(super) fn completed_in_time(&self) -> u64 {
        self.completed_in_time
    }

    /// Counts and latencies of those due while it was measured.
    pub(super) fn class(&self, class: Class) -> (Counts, Latency, Latency) {
        self.tallies.get(&class).map_or_else(Default::default, |tally| {
            (tally.counts.clone(), Latency::of(&tally.to_answer), Latency::of(&tally.to_offer))
        })
    }

    /// How late contacts were brought to their gateways.
    pub(super) fn lateness(&self) -> Latency {
        Latency::of(&self.lateness)
    }

    /// From an operator's "complete" to its answer.
    pub(super) fn to_done(&self) -> Latency {
        Latency::of(&self.to_done)
    }

    /// What went wrong, once nothing more is to be expected; how often, and the first sentences about it.
    pub(super) fn judge(&mut self) -> (u64, Vec<String>) {
        let (step, mut found) = (self.step, Vec::new());
        for (number, slot) in self.slots.iter().enumerate() {
            if let Some(words) = slot.problem() {
                found.push(format!("{}: {words}", ContactNumber { step, number: number as u32 }.key()));
            }
        }
        found.into_iter().for_each(|words| self.problem(words));
        (self.problems_count, self.problems.clone())
    }

    fn tally(&mut self, class: Class) -> &mut Tally {
        self.tallies.entry(class).or_insert_with(Tally::new)
    }

    fn problem(&mut self, words: String) {
        self.problems_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(words);
        }
    }

    /// Changes a contact of this step, and counts it as settled when nothing more is to be heard of it.
    fn change(&mut self, contact: ContactNumber, change: impl FnOnce(&mut Slot)) {
        if contact.step != self.step {
            return;
        }
        let Some(slot) = self.slots.get_mut(contact.number as usize) else { return };
        change(slot);
        if !slot.is_settled && slot.has_settled() {
            slot.is_settled = true;
            self.open -= 1;
        }
    }

    fn slot(&self, contact: ContactNumber) -> Option<&Slot> {
        self.slots.get(contact.number as usize).filter(|_| contact.step == self.step)
    }

    fn answered(&mut self, contact: ContactNumber, now_ns: u64, answer: Answer) {
        let Some(slot) = self.slot(contact).filter(|slot| slot.answer.is_none()) else { return };
        let (Due { at_ns, call, .. }, is_measured) = (slot.due, slot.is_measured);
        let answered = match &answer {
            Answer::Accepted => Answered::Accepted,
            Answer::Refused(code) => Answered::Refused(self.refused(now_ns, call, code)),
            Answer::Unknown => Answered::Unknown,
        };
        self.unanswered -= 1;
        self.change(contact, |slot| (slot.answer, slot.answered_ns) = (Some(answered), now_ns));
        if !is_measured {
            return;
        }
        let tally = self.tally(call.class);
        match answer {
            Answer::Accepted => {
                tally.counts.accepted += 1;
                tally.to_answer.saturating_record(now_ns.saturating_sub(at_ns) / 1_000);
            }
            Answer::Refused(code) => *tally.counts.refused.entry(code).or_default() += 1,
            Answer::Unknown => tally.counts.unknown += 1,
        }
    }

    /// The number of a code, and the customer may dial again.
    fn refused(&mut self, now_ns: u64, call: Call, code: &str) -> u8 {
        let place = self.codes.iter().position(|known| known == code).unwrap_or_else(|| {
            self.codes.push(code.to_owned());
            self.codes.len() - 1
        });
        let number = u8::try_from(place).unwrap_or(u8::MAX);
        if let Some(redials) = &mut self.redials {
            redials.refused(now_ns, call, number);
        }
        number
    }

    fn shown(&mut self, contact: ContactNumber, (room_ns, now_ns): (u64, u64), hand: Hand) {
        let Some(slot) = self.slot(contact) else { return };
        let (Due { at_ns, call, .. }, is_measured, before) = (slot.due, slot.is_measured, slot.shown_to);
        match before {
            None => {
                if is_measured {
                    let us = now_ns.saturating_sub(at_ns) / 1_000;
                    self.tally(call.class).to_offer.saturating_record(us);
                }
                self.change(contact, |slot| (slot.shown_ns, slot.ready_ns) = (now_ns, at_ns.max(room_ns)));
            }
            Some(other) if other.assignment == hand.assignment && other.operator != hand.operator => {
                self.problem(format!(
                    "{}: one assignment with two operators: {other:?} and {hand:?}",
                    contact.key()
                ));
            }
            Some(_) => {}
        }
        self.change(contact, |slot| slot.shown_to = Some(hand));
    }

    fn completed(&mut self, contact: ContactNumber, (asked_ns, now_ns): (u64, u64), hand: Hand) {
        let Some(slot) = self.slot(contact) else { return };
        let (class, is_measured, before) = (slot.due.call.class, slot.is_measured, slot.completed_by);
        match before {
            Some(other) if other != hand => {
                self.problem(format!("{}: completed by {other:?} and by {hand:?}", contact.key()));
            }
            Some(_) => {}
            None => {
                self.completed_in_time += u64::from(self.measured_ns.contains(&now_ns));
                if is_measured {
                    self.tally(class).counts.completed += 1;
                    self.to_done.saturating_record(now_ns.saturating_sub(asked_ns) / 1_000);
                }
                self.change(contact, |slot| {
                    (slot.completed_by, slot.completed_ns) = (Some(hand), now_ns);
                });
            }
        }
    }

    fn ended(&mut self, contact: ContactNumber, is_completed: bool) {
        if !is_completed && self.slot(contact).is_some() {
            self.problem(format!("{}: ended without having been served", contact.key()));
        }
        self.change(contact, |slot| slot.has_ended = true);
    }
}

impl Slot {
    fn told(&self) -> Told {
        Told {
            due_ns: self.due.at_ns,
            call: self.due.call,
            answer: self.answer.map(|answer| (self.answered_ns, answer)),
            shown: self.shown_to.map(|_| Shown { at_ns: self.shown_ns, ready_ns: self.ready_ns }),
            completed_ns: self.completed_by.map(|_| self.completed_ns),
        }
    }

    /// What is wrong with it, once nothing more is to be expected.
    fn problem(&self) -> Option<String> {
        match (self.answer, self.completed_by) {
            (None, _) => Some("its push was not answered".to_owned()),
            (Some(Answered::Refused(_)), _) if self.shown_to.is_some() => {
                Some("refused, and yet shown to an operator".to_owned())
            }
            (Some(Answered::Accepted), None) => {
                Some(format!("accepted and not completed (shown to {:?})", self.shown_to))
            }
            (Some(Answered::Accepted), Some(_)) if !self.has_ended => {
                Some("completed, and its gateway was not told".to_owned())
            }
            (Some(Answered::Accepted | Answered::Refused(_) | Answered::Unknown), _) => None,
        }
    }

    fn has_settled(&self) -> bool {
        let is_over = self.completed_by.is_some() && self.has_ended;
        match self.answer {
            None => false,
            Some(Answered::Refused(_)) => true,
            Some(Answered::Accepted) => is_over,
            // Nobody knows whether it was taken; if a desktop showed it, it was.
            Some(Answered::Unknown) => self.shown_to.is_none() || is_over,
        }
    }
}

impl Tally {
    fn new() -> Tally {
        Tally { counts: Counts::default(), to_answer: histogram(), to_offer: histogram() }
    }
}

/// For latencies in µs.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LATENCY_US.0, LATENCY_US.1, DIGITS).expect("the bounds are constants that fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const ANNA: Hand = Hand { operator: 1, assignment: 1 };
    const BORIS: Hand = Hand { operator: 2, assignment: 1 };

    fn book() -> Book {
        let book = Book::new();
        book.begin(3, 100 * MS..200 * MS, 1);
        book
    }

    fn due(book: &Book, at_ms: u64) -> ContactNumber {
        book.due(Due { at_ns: at_ms * MS, ..Due::default() })
    }

    fn life_cycle(book: &Book, due_ms: u64) -> ContactNumber {
        let contact = due(book, due_ms);
        book.answered(contact, (due_ms + 5) * MS, Answer::Accepted);
        book.shown(contact, (0, (due_ms + 7) * MS), ANNA);
        book.completed(contact, ((due_ms + 8) * MS, (due_ms + 9) * MS), ANNA);
        book.ended(contact, true);
        contact
    }

    /// Completed in time, still open, problems.
    fn state(book: &Book) -> (u64, u64, u64) {
        let mut page = book.page();
        (page.completed_in_time(), page.open(), page.judge().0)
    }

    #[test]
    fn latencies_count_from_when_a_contact_was_due_and_only_within_the_measured_span() {
        let book = book();
        life_cycle(&book, 50);
        life_cycle(&book, 150);
        let (counts, to_answer, to_offer) = book.page().class(Class::Others);
        assert_eq!((counts.offered, counts.accepted, counts.completed), (1, 1, 1));
        assert_eq!((to_answer.count, to_offer.count), (1, 1));
        assert!((to_answer.max_ms - 5.0).abs() < 0.01 && (to_offer.max_ms - 7.0).abs() < 0.01);
        assert!((book.page().to_done().max_ms - 1.0).abs() < 0.01);
        assert_eq!(state(&book), (1, 0, 0));
    }

    #[test]
    fn a_key_names_step_and_number() {
        let contact = ContactNumber { step: 12, number: 345 };
        assert_eq!(contact.key(), "s12-345");
        assert_eq!(ContactNumber::of_key("s12-345"), Some(contact));
        assert_eq!(ContactNumber::of_key("probe-7"), None);
    }

    #[test]
    fn what_was_accepted_and_not_completed_is_found() {
        let book = book();
        let contact = due(&book, 150);
        book.answered(contact, 151 * MS, Answer::Accepted);
        assert_eq!(book.page().open(), 1);
        let (count, problems) = book.page().judge();
        assert_eq!(count, 1);
        assert!(problems[0].starts_with("s3-0: accepted and not completed"), "{problems:?}");
    }

    #[test]
    fn one_assignment_with_two_operators_is_found_and_a_later_assignment_is_none() {
        let book = book();
        let contact = life_cycle(&book, 150);
        book.shown(contact, (0, 160 * MS), BORIS);
        assert_eq!(book.page().judge().0, 1);
        book.begin(4, 0..0, 1);
        let contact = due(&book, 0);
        book.answered(contact, MS, Answer::Accepted);
        book.shown(contact, (0, MS), ANNA);
        book.shown(contact, (0, MS), Hand { assignment: 2, ..BORIS });
        book.completed(contact, (MS, MS), Hand { assignment: 2, ..BORIS });
        book.ended(contact, true);
        assert_eq!(book.page().judge(), (0, Vec::new()));
        book.completed(contact, (MS, MS), ANNA);
        assert_eq!(book.page().judge().0, 1, "two may not have completed it");
    }

    #[test]
    fn refusals_are_counted_by_code_and_may_not_be_shown() {
        let book = book();
        let contact = book.due(Due { at_ns: 150 * MS, late_ns: 2 * MS, ..Due::default() });
        book.answered(contact, 150 * MS, Answer::Refused("queue-full".to_owned()));
        let (counts, ..) = book.page().class(Class::Others);
        assert_eq!(counts.refused, BTreeMap::from([("queue-full".to_owned(), 1)]));
        assert!((book.page().lateness().max_ms - 2.0).abs() < 0.01);
        assert_eq!(state(&book), (0, 0, 0));
        book.shown(contact, (0, 151 * MS), ANNA);
        assert_eq!(book.page().judge().0, 1);
    }

    #[test]
    fn a_full_list_stands_for_the_ends_of_what_was_accepted_and_is_not_on_it() {
        let book = book();
        let contacts = [1, 1, 2].map(|gateway| book.due(Due { at_ns: 150 * MS, gateway, ..Due::default() }));
        for contact in contacts {
            book.answered(contact, 151 * MS, Answer::Accepted);
            book.shown(contact, (0, 151 * MS), ANNA);
            book.completed(contact, (151 * MS, 152 * MS), ANNA);
        }
        book.listed(1, &BTreeSet::from([contacts[1]]));
        assert_eq!(book.page().open(), 2);
        assert_eq!(book.page().judge().0, 2, "those of the other gateway and on the list are to be told of");
    }

    #[test]
    fn what_comes_of_an_earlier_step_is_passed_over() {
        let book = book();
        let contact = due(&book, 150);
        book.begin(4, 0..0, 1);
        book.answered(contact, 151 * MS, Answer::Accepted);
        book.ended(contact, false);
        assert_eq!(state(&book), (0, 0, 0));
    }
}
