//! What the records of all calls say together: second by second, and phase by phase.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::book::{Answered, Page, Told, histogram};
use super::figures::{Class, Latency};

const SECOND_NS: u64 = 1_000_000_000;
/// Seconds that are told one by one; what comes later is counted in the last.
const SECONDS_MAX: usize = 7_200;

/// What happened in a second.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Second {
    /// Since the beginning, s.
    pub at_s: u64,
    /// Calls that were due.
    pub calls: u64,
    /// Of those, by customers who had been refused before.
    pub redials: u64,
    /// Pushes that were accepted.
    pub accepted: u64,
    /// Calls that were refused, by the cluster or by the gateway itself.
    pub refused: u64,
    /// Contacts that a desktop showed for the first time.
    pub offered: u64,
    /// Completions that were acknowledged.
    pub completed: u64,
    /// Contacts in line at its end: accepted and not shown.
    pub waiting: u64,
    /// Of the contacts shown in it: from the moment when contact and room for it were there, 99th percentile, ms.
    pub ready_to_offer_p99_ms: BTreeMap<Class, f64>,
}

/// Calls of one class that were due in a span of time.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Calls {
    /// Calls that were due.
    pub calls: u64,
    /// Of those, by customers who had been refused before.
    pub redials: u64,
    /// Of those, in the cluster's care.
    pub accepted: u64,
    /// Of those, refused, by code; `window-full` by the gateway itself.
    pub refused: BTreeMap<String, u64>,
    /// Of those, with an answer that nobody knows.
    pub unknown: u64,
    /// Of those accepted, completed.
    pub completed: u64,
    /// From the moment a call was due to its gateway's answer.
    pub push_to_ack: Latency,
    /// From the moment a call was due until an operator's desktop showed it: the time in line included.
    pub push_to_offer: Latency,
    /// From the moment when both the contact was due and an operator asked to complete what took the room for it, until a
    /// desktop showed it: the cluster's own part. Of contacts for which that moment was in the span, whenever they were due.
    pub ready_to_offer: Latency,
}

/// What became of customers whose first call was refused by one code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// So many.
    pub customers: u64,
    /// Of those, accepted when they dialled again.
    pub got_in_later: u64,
    /// Of those, refused as often as they dialled.
    pub gave_up: u64,
}

/// Histograms of one class.
struct Times {
    to_answer: Histogram<u64>,
    to_offer: Histogram<u64>,
    ready_to_offer: Histogram<u64>,
}

impl Calls {
    /// Those of a class that were due in a span of the stage's clock, in ns.
    pub(super) fn of(page: &Page, class: Class, is_within: impl Fn(u64) -> bool) -> Calls {
        let mut calls = Calls::default();
        let mut times = Times { to_answer: histogram(), to_offer: histogram(), ready_to_offer: histogram() };
        for told in page.told().filter(|told| told.call.class == class) {
            if is_within(told.due_ns) {
                calls.count(&told, page.codes());
                times.record(&told);
            }
            if let Some(shown) = told.shown.filter(|shown| is_within(shown.ready_ns)) {
                let us = shown.at_ns.saturating_sub(shown.ready_ns) / 1_000;
                times.ready_to_offer.saturating_record(us);
            }
        }
        calls.push_to_ack = Latency::of(&times.to_answer);
        calls.push_to_offer = Latency::of(&times.to_offer);
        calls.ready_to_offer = Latency::of(&times.ready_to_offer);
        calls
    }

    /// Refused, whatever the code.
    #[must_use]
    pub fn refused_in_all(&self) -> u64 {
        self.refused.values().sum()
    }

    fn count(&mut self, told: &Told, codes: &[String]) {
        self.calls += 1;
        self.redials += u64::from(told.call.refused > 0);
        self.completed += u64::from(told.completed_ns.is_some());
        match told.answer {
            Some((_, Answered::Accepted)) => self.accepted += 1,
            Some((_, Answered::Refused(code))) => {
                *self.refused.entry(word_of(codes, code)).or_default() += 1;
            }
            Some((_, Answered::Unknown)) => self.unknown += 1,
            None => {}
        }
    }
}

impl Times {
    fn record(&mut self, told: &Told) {
        if let Some((at_ns, Answered::Accepted)) = told.answer {
            self.to_answer.saturating_record(at_ns.saturating_sub(told.due_ns) / 1_000);
        }
        if let Some(shown) = told.shown {
            self.to_offer.saturating_record(shown.at_ns.saturating_sub(told.due_ns) / 1_000);
        }
    }
}

fn word_of(codes: &[String], code: u8) -> String {
    codes.get(usize::from(code)).cloned().unwrap_or_else(|| "other".to_owned())
}

/// What became of customers whose first call was refused, by the code of that refusal.
pub(super) fn fates(page: &Page) -> BTreeMap<String, Fate> {
    let mut fates: BTreeMap<String, Fate> = BTreeMap::new();
    for told in page.told() {
        match (told.answer, told.call.refused) {
            (Some((_, Answered::Refused(code))), 0) => {
                fates.entry(word_of(page.codes(), code)).or_default().customers += 1;
            }
            (Some((_, Answered::Accepted)), 1..) => {
                fates.entry(word_of(page.codes(), told.call.first_code)).or_default().got_in_later += 1;
            }
            (Some((_, Answered::Refused(_) | Answered::Accepted | Answered::Unknown)) | None, _) => {}
        }
    }
    for fate in fates.values_mut() {
        fate.gave_up = fate.customers.saturating_sub(fate.got_in_later);
    }
    fates
}

/// What happened second by second from a moment of the stage's clock on, and how many stood in line at most.
pub(super) fn seconds(page: &Page, begin_ns: u64) -> (Vec<Second>, u64) {
    let mut seconds: Vec<Second> = Vec::new();
    let mut offers: Vec<BTreeMap<Class, Vec<u64>>> = Vec::new();
    let mut line: Vec<(u64, i64)> = Vec::new();
    for told in page.told() {
        second(&mut seconds, begin_ns, told.due_ns).calls += 1;
        second(&mut seconds, begin_ns, told.due_ns).redials += u64::from(told.call.refused > 0);
        match told.answer {
            Some((at_ns, Answered::Accepted)) => {
                second(&mut seconds, begin_ns, at_ns).accepted += 1;
                line.push((at_ns, 1));
            }
            Some((at_ns, Answered::Refused(_))) => second(&mut seconds, begin_ns, at_ns).refused += 1,
            Some((_, Answered::Unknown)) | None => {}
        }
        if let Some(shown) = told.shown {
            let place = second_of(begin_ns, shown.at_ns);
            second(&mut seconds, begin_ns, shown.at_ns).offered += 1;
            offers.resize_with(offers.len().max(place + 1), BTreeMap::new);
            let us = shown.at_ns.saturating_sub(shown.ready_ns) / 1_000;
            offers[place].entry(told.call.class).or_default().push(us);
            line.push((shown.at_ns, -1));
        }
        if let Some(at_ns) = told.completed_ns {
            second(&mut seconds, begin_ns, at_ns).completed += 1;
        }
    }
    for (second, offers) in seconds.iter_mut().zip(offers) {
        second.ready_to_offer_p99_ms = offers.into_iter().map(|(class, us)| (class, p99_ms(us))).collect();
    }
    let longest = fill_line(&mut seconds, line, begin_ns);
    (seconds, longest)
}

fn second_of(begin_ns: u64, at_ns: u64) -> usize {
    ((at_ns.saturating_sub(begin_ns) / SECOND_NS) as usize).min(SECONDS_MAX - 1)
}

fn second(seconds: &mut Vec<Second>, begin_ns: u64, at_ns: u64) -> &mut Second {
    let place = second_of(begin_ns, at_ns);
    while seconds.len() <= place {
        seconds.push(Second { at_s: seconds.len() as u64, ..Second::default() });
    }
    &mut seconds[place]
}

/// Nearest rank.
fn p99_ms(mut us: Vec<u64>) -> f64 {
    us.sort_unstable();
    let rank = (us.len() * 99).div_ceil(100).saturating_sub(1);
    us.get(rank).map_or(0.0, |us| *us as f64 / 1e3)
}

/// How many stand in line at the end of each second, and at most. A desktop may show a contact before its gateway has the
/// answer, so that the sum may be below 0 for a moment.
fn fill_line(seconds: &mut [Second], mut line: Vec<(u64, i64)>, begin_ns: u64) -> u64 {
    line.sort_unstable();
    let (mut waiting, mut longest, mut changes) = (0_i64, 0_i64, line.into_iter().peekable());
    for (place, second) in seconds.iter_mut().enumerate() {
        while let Some((_, change)) = changes.next_if(|(at_ns, _)| second_of(begin_ns, *at_ns) <= place) {
            waiting += change;
            longest = longest.max(waiting);
        }
        second.waiting = waiting.max(0).unsigned_abs();
    }
    longest.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::book::{Answer, Book, Due, Hand};
    use crate::cluster::port::ContactNumber;
    use crate::cluster::redial::{Call, Habit};

    const MS: u64 = 1_000_000;

    /// A call that is due so many ms after the beginning, which is at 1 s.
    fn call(book: &Book, ms: u64, call: Call) -> ContactNumber {
        book.due(Due { at_ns: SECOND_NS + ms * MS, call, ..Due::default() })
    }

    fn accepted(book: &Book, contact: ContactNumber, ms: u64) {
        book.answered(contact, SECOND_NS + ms * MS, Answer::Accepted);
    }

    /// The contact is shown where there has been room since a moment, and completed half a second later.
    fn served(book: &Book, contact: ContactNumber, room_ms: u64, ms: u64) {
        let (hand, at_ns) = (Hand { operator: 1, assignment: 1 }, SECOND_NS + ms * MS);
        book.shown(contact, (SECOND_NS + room_ms * MS, at_ns), hand);
        book.completed(contact, (at_ns, at_ns + 500 * MS), hand);
    }

    fn book() -> Book {
        let book = Book::new();
        book.begin(1, 0..u64::MAX, 10);
        book.dial_again(Habit { times_max: 1, pause_s: 2.0 }, 1);
        book
    }

    #[test]
    fn a_second_has_what_happened_in_it_and_who_stood_in_line_at_its_end() {
        let book = book();
        let contacts = [100, 200, 300].map(|ms| call(&book, ms, Call::default()));
        contacts.iter().for_each(|contact| accepted(&book, *contact, 400));
        served(&book, contacts[0], 0, 700);
        served(&book, contacts[1], 1_200, 1_250);
        let (seconds, longest) = seconds(&book.page(), SECOND_NS);
        let of = |second: &Second| (second.calls, second.accepted, second.offered, second.completed);
        assert_eq!(seconds.iter().map(of).collect::<Vec<_>>(), [(3, 3, 1, 0), (0, 0, 1, 2)]);
        assert_eq!(seconds.iter().map(|second| second.waiting).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(longest, 3);
        // The first was due after there was room for it, the second long before.
        assert_eq!(seconds[0].ready_to_offer_p99_ms, BTreeMap::from([(Class::Others, 600.0)]));
        assert_eq!(seconds[1].ready_to_offer_p99_ms, BTreeMap::from([(Class::Others, 50.0)]));
        let calls = Calls::of(&book.page(), Class::Others, |_| true);
        assert_eq!((calls.calls, calls.accepted, calls.completed), (3, 3, 2));
        assert!((calls.push_to_offer.max_ms - 1_050.0).abs() < 1.0, "{:?}", calls.push_to_offer);
        assert_eq!(Calls::of(&book.page(), Class::Tier0, |_| true).calls, 0);
    }

    #[test]
    fn who_was_refused_first_gets_in_later_or_gives_up() {
        let book = book();
        let codes = ["queue-full", "window-full", "queue-full"];
        for code in codes {
            let contact = call(&book, 10, Call { tier: 2, ..Call::default() });
            book.answered(contact, SECOND_NS, Answer::Refused(code.to_owned()));
        }
        assert_eq!(fates(&book.page())["queue-full"], Fate { customers: 2, got_in_later: 0, gave_up: 2 });
        // All three dial again; the last of those whom the queue had no room for is refused once more.
        let mut again: Vec<Call> =
            std::iter::from_fn(|| book.take_redial(u64::MAX)).map(|(_, call)| call).collect();
        again.sort_unstable();
        let [first, second, third] = [0, 1, 2].map(|place| call(&book, 3_000, again[place]));
        accepted(&book, first, 3_001);
        book.answered(second, 4 * SECOND_NS, Answer::Refused("window-full".to_owned()));
        accepted(&book, third, 3_001);
        let fates = fates(&book.page());
        assert_eq!(fates["queue-full"], Fate { customers: 2, got_in_later: 1, gave_up: 1 });
        assert_eq!(fates["window-full"], Fate { customers: 1, got_in_later: 1, gave_up: 0 });
        assert_eq!(book.take_redial(u64::MAX), None, "once is enough for them");
        assert_eq!(Calls::of(&book.page(), Class::Others, |_| true).redials, 3);
    }
}
