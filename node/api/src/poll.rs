//! Events for clients that ask for them instead of holding a stream. An answer depends on the cursor alone: who asks
//! again with the same cursor is told the same again.

use std::time::Duration;

use prost::Message;
use ringmain_actors::{Polled, Resync};
use ringmain_protocol::v1::Error;
use ringmain_routing::delivery::Delivered;
use ringmain_routing::{Millis, Party, Position, Router};

use crate::auth::Caller;
use crate::convert::Life;
use crate::lease::{Held, Leases, ended_meanwhile};
use crate::leased::{Ask, problem_with};
use crate::shared::Shared;
use crate::stream::Dialect;
use crate::validate::{Problems, Seen, cursor as read_cursor};

/// Longest wait of one poll.
const WAIT_MS_MAX: u64 = 20_000;
/// Events of one poll unless the client says otherwise.
const EVENTS_USUAL: u32 = 256;
/// Most events of one poll.
const EVENTS_MAX: u32 = 512;
/// Bytes of events in one answer: below the 1 MiB of a message with the largest event on top.
const EVENTS_BYTES_MAX: usize = 768 * 1024;

/// What a client asks.
pub(crate) struct Question {
    pub(crate) session: String,
    pub(crate) cursor: String,
    pub(crate) wait_ms: u64,
    pub(crate) events_max: u32,
}

/// What it is told.
pub(crate) struct Page<E> {
    pub(crate) events: Vec<E>,
    /// What is live, when the events are not at hand.
    pub(crate) live: Option<Resync>,
    /// For the next question.
    pub(crate) cursor: String,
    /// Set while the node asks its clients to go elsewhere: how long they have.
    pub(crate) drain: Option<Millis>,
}

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It knows nothing.
    Start,
    /// Behind this event.
    Behind(Position),
    /// Within a list of what was live as of the position; the next part begins at the slot.
    Within(Position, u32),
}

impl<D: Dialect> Leases<D> {
    /// Waits for the events behind a cursor, made by `render`.
    pub(crate) async fn poll<E: Message>(
        &self,
        caller: &Caller,
        question: Question,
        render: impl Fn(&Delivered, &Router, Life) -> Option<E> + Send,
    ) -> Result<Page<E>, Box<Error>> {
        let Question { session, cursor, wait_ms, events_max } = question;
        let mut problems = Problems::default();
        if wait_ms > WAIT_MS_MAX {
            problems.add("wait_ms", format!("is {wait_ms}; it must be 0 to {WAIT_MS_MAX}"));
        }
        let max = problems.at_most("events_max", events_max, EVENTS_MAX);
        problems.into_result(())?;
        let place = read_place(&cursor, self.shared.life())?;
        let held = self.held(caller, &session).await?;
        let _polling = held.polling()?;
        held.ask(Ask::Touch).await?;
        let max = if max == 0 { EVENTS_USUAL } else { max };
        let poll = Poll { shared: &self.shared, party: self.party(&caller.name)?, max: max as usize };
        match place {
            Place::Start => Ok(poll.live(None, 0, &held)),
            Place::Within(as_of, from) => Ok(poll.live(Some(as_of), from, &held)),
            Place::Behind(position) => poll.wait(position, Millis(wait_ms), held, render).await,
        }
    }
}

/// One question, read.
struct Poll<'a> {
    shared: &'a Shared,
    party: Party,
    max: usize,
}

impl Poll<'_> {
    async fn wait<D: Dialect, E: Message>(
        &self,
        mut after: Position,
        wait: Millis,
        mut held: Held<D>,
        render: impl Fn(&Delivered, &Router, Life) -> Option<E>,
    ) -> Result<Page<E>, Box<Error>> {
        // Who is to go elsewhere does not wait here.
        let wait = self.drain(&held).map_or(wait, |_| Millis(0));
        let life = self.shared.life();
        let waited = tokio::time::sleep(Duration::from_millis(wait.0));
        tokio::pin!(waited);
        loop {
            held.news.mark_unchanged();
            match self.shared.sessions.poll(self.party, after, self.max) {
                Polled::TooOld => return Ok(self.live(None, 0, &held)),
                Polled::Effects(effects) => {
                    let (events, reached) =
                        self.shared.replica.read(|router| fit(&effects, router, life, &render));
                    after = reached;
                    if !events.is_empty() {
                        return Ok(self.page(events, after, &held));
                    }
                    continue;
                }
                Polled::Nothing => {}
            }
            let goes_on = tokio::select! {
                changed = held.news.changed() => changed.is_ok(),
                changed = held.drain.changed() => match changed {
                    Ok(()) => return Ok(self.page(Vec::new(), after, &held)),
                    Err(_) => false,
                },
                () = &mut waited => return Ok(self.page(Vec::new(), after, &held)),
            };
            if !goes_on {
                return Err(Box::new(ended_meanwhile()));
            }
        }
    }

    fn page<D: Dialect, E>(&self, events: Vec<E>, reached: Position, held: &Held<D>) -> Page<E> {
        Page { events, live: None, cursor: self.shared.life().cursor(reached), drain: self.drain(held) }
    }

    fn live<D: Dialect, E>(&self, as_of: Option<Position>, from: u32, held: &Held<D>) -> Page<E> {
        let part = self.shared.sessions.live_part(self.party, as_of, from);
        let as_of = part.resync.as_of;
        let next = part.next.map_or(Place::Behind(as_of), |slot| Place::Within(as_of, slot));
        Page {
            events: Vec::new(),
            live: Some(part.resync),
            cursor: place_text(next, self.shared.life()),
            drain: self.drain(held),
        }
    }

    /// A node that had lost the majority and has it back no longer sends its clients away.
    fn drain<D: Dialect>(&self, held: &Held<D>) -> Option<Millis> {
        held.drain.borrow().filter(|_| self.shared.admit().is_err())
    }
}

/// As many events as one answer may hold, and the position that they reach.
fn fit<E: Message>(
    effects: &[Delivered],
    router: &Router,
    life: Life,
    render: impl Fn(&Delivered, &Router, Life) -> Option<E>,
) -> (Vec<E>, Position) {
    let (mut events, mut bytes, mut reached) = (Vec::new(), 0, Position::default());
    for delivered in effects {
        if let Some(event) = render(delivered, router, life) {
            bytes += event.encoded_len();
            if bytes > EVENTS_BYTES_MAX && !events.is_empty() {
                break;
            }
            events.push(event);
        }
        reached = delivered.position;
    }
    (events, reached)
}

fn read_place(text: &str, life: Life) -> Result<Place, Box<Error>> {
    let (position, slot) = match text.split_once('-') {
        Some((position, slot)) => (position, Some(slot)),
        None => (text, None),
    };
    let seen = read_cursor(position, life)?;
    let no_place = || Box::new(problem_with("cursor", "is no cursor; give back what a poll returned"));
    let Some(slot) = slot else { return Ok(seen.position().map_or(Place::Start, Place::Behind)) };
    let slot = u32::from_str_radix(slot, 16).map_err(|_| no_place())?;
    match seen {
        Seen::UpTo(as_of) => Ok(Place::Within(as_of, slot)),
        Seen::AnotherLife => Ok(Place::Start),
        Seen::Nothing => Err(no_place()),
    }
}

fn place_text(place: Place, life: Life) -> String {
    match place {
        Place::Start => String::new(),
        Place::Behind(position) => life.cursor(position),
        Place::Within(as_of, slot) => format!("{}-{slot:08x}", life.cursor(as_of)),
    }
}

#[cfg(test)]
mod tests {
    use ringmain_routing::LogIndex;

    use super::*;

    const LIFE: Life = Life { generation: 5, group: 0 };

    #[test]
    fn a_place_reads_back_as_it_was_written() {
        let position = Position { index: LogIndex(77), n: 3 };
        for place in [Place::Start, Place::Behind(position), Place::Within(position, 4_000)] {
            assert_eq!(read_place(&place_text(place, LIFE), LIFE).unwrap(), place);
        }
    }

    #[test]
    fn a_text_that_is_no_place_is_named() {
        let behind = place_text(Place::Behind(Position::default()), LIFE);
        for text in ["x", "-00000001", &format!("{behind}-zz"), &format!("{behind}-")] {
            let error = read_place(text, LIFE).unwrap_err();
            assert_eq!(error.problems[0].field, "cursor", "{text}");
        }
    }
}
