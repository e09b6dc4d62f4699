//! Whether anybody could know what time it is, as the judge sees it: by true time, the wall clocks as they are, the
//! last committed stamp, and the words of leaders that it saw arrive. Nothing of what the nodes reckon is asked.

use std::collections::BTreeMap;

use ringmain_routing::Timestamp;

/// Words of a leader that lie within this of each other agree: less than what a node takes for agreement.
const AGREES_MS: u64 = 30;
/// Words that have agreed for so long leave no doubt: longer than what a node wants.
const SURE_MS: u64 = 200;
/// A guess that is off by less is none.
const RIGHT_MS: u64 = 100;

/// What a node has heard of replicated time since its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    /// How far ahead of true time the furthest of them was.
    ahead: i64,
    /// Since when all of them agree with that one, at most behind it.
    since: u64,
    /// Whether the node must know the time: later ones that were only late change nothing about it.
    must_know: bool,
}

impl Words {
    /// A leader says that it is `word`, when it is `now`.
    pub(super) fn hear(words: Option<Words>, word: Timestamp, now: u64) -> Words {
        let ahead = word.0.cast_signed() - now.cast_signed();
        let leap = i64::try_from(AGREES_MS).expect("a short time");
        match words {
            Some(words) if ahead <= words.ahead + leap => {
                let agrees = ahead.abs_diff(words.ahead) <= AGREES_MS;
                let must_know = words.must_know || agrees && now - words.since >= SURE_MS;
                Words { ahead: words.ahead.max(ahead), must_know, ..words }
            }
            Some(_) | None => Words { ahead, since: now, must_know: false },
        }
    }

    pub(super) fn must_know(words: Option<Words>) -> bool {
        words.is_some_and(|words| words.must_know)
    }
}

/// How far replicated time must be ahead of true time once a leader begins whom nobody could tell it: the middle wall
/// clock of those that answered counts, but nothing before the last stamp, nor before what a leader had said.
pub(super) fn guessed(walls: &BTreeMap<usize, u64>, stamp: Timestamp, words: Option<Words>, now: u64) -> i64 {
    let mut sorted: Vec<u64> = walls.values().copied().collect();
    sorted.sort_unstable();
    let middle = sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0);
    let of_clocks = middle.max(stamp.0).cast_signed() - now.cast_signed();
    let ahead = words.map_or(of_clocks, |words| words.ahead.max(of_clocks));
    if ahead.unsigned_abs() < RIGHT_MS { 0 } else { ahead }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_clocks_leave_nothing_to_guess_and_wrong_ones_as_much_as_they_are_wrong() {
        let walls = |walls: &[u64]| walls.iter().copied().enumerate().collect::<BTreeMap<_, _>>();
        let of = |all: &[u64], stamp, words| guessed(&walls(all), Timestamp(stamp), words, 50_000);
        assert_eq!(of(&[49_990, 3_600_000, 50_001], 20_000, None), 0, "however long nobody stamped");
        assert_eq!(of(&[1_000, 50_001], 20_000, None), -30_000, "of two the earlier, not before a stamp");
        assert_eq!(of(&[50_000, 50_001, 50_002], 58_000, None), 8_000, "a stamp that was ahead");
        let words = Words::hear(None, Timestamp(49_000), 40_000);
        assert_eq!(of(&[50_000, 50_001, 50_002], 20_000, Some(words)), 9_000, "a word that was ahead");
    }

    #[test]
    fn words_that_agree_are_known_and_one_that_leaps_is_not() {
        let mut words = None;
        for now in [10_000, 10_100, 10_200] {
            assert!(!Words::must_know(words));
            words = Some(Words::hear(words, Timestamp(now - 3), now));
        }
        assert!(Words::must_know(words));
        let late = Words::hear(words, Timestamp(10_200), 13_000);
        assert!(Words::must_know(Some(late)), "a word that was long on its way");
        let leaps = Words::hear(words, Timestamp(13_000), 10_300);
        assert!(!Words::must_know(Some(leaps)));
    }

    #[test]
    fn words_that_waited_make_nobody_sure() {
        let mut words = None;
        for word in [10_000, 10_100, 10_200] {
            words = Some(Words::hear(words, Timestamp(word), 13_000));
        }
        assert!(!Words::must_know(words));
    }
}
