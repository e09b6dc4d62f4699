//! A growing set of small numbers, for "which classes fit this profile" and the like.

use alloc::vec::Vec;

/// Bits in words of 64; absent words are zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bitset {
    words: Vec<u64>,
}

impl Bitset {
    pub(crate) fn set(&mut self, bit: u32, on: bool) {
        let word = bit as usize / 64;
        if word >= self.words.len() {
            if !on {
                return;
            }
            self.words.resize(word + 1, 0);
        }
        let mask = 1u64 << (bit % 64);
        if on {
            self.words[word] |= mask;
        } else {
            self.words[word] &= !mask;
        }
    }

    pub(crate) fn has(&self, bit: u32) -> bool {
        self.words.get(bit as usize / 64).is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    /// The bits set in both, ascending.
    pub(crate) fn and<'a>(&'a self, other: &'a Bitset) -> impl Iterator<Item = u32> + 'a {
        self.words.iter().zip(&other.words).enumerate().flat_map(|(n, (a, b))| bits(n, a & b))
    }

    /// Hands over the bits set in both, ascending: for loops in which each bit costs next to nothing.
    pub(crate) fn for_each_in_both(&self, other: &Bitset, mut each: impl FnMut(u32)) {
        for (place, (a, b)) in self.words.iter().zip(&other.words).enumerate() {
            let mut word = a & b;
            while word != 0 {
                each(place as u32 * 64 + word.trailing_zeros());
                word &= word - 1;
            }
        }
    }

    /// The bits set, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(n, word)| bits(n, *word))
    }
}

fn bits(word_index: usize, mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let bit = word.trailing_zeros();
        word &= word - 1;
        Some(word_index as u32 * 64 + bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_gives_common_bits_in_order() {
        let (mut a, mut b) = (Bitset::default(), Bitset::default());
        for bit in [1, 64, 200, 300] {
            a.set(bit, true);
        }
        for bit in [0, 64, 300, 900] {
            b.set(bit, true);
        }
        assert_eq!(a.and(&b).collect::<Vec<_>>(), [64, 300]);
        let mut both = Vec::new();
        a.for_each_in_both(&b, |bit| both.push(bit));
        assert_eq!(both, [64, 300]);
        a.set(64, false);
        assert_eq!(a.iter().collect::<Vec<_>>(), [1, 200, 300]);
        assert!(!a.has(64) && a.has(300));
    }
}
