//! "Did you mean": the nearest of the words that would have been right.

/// The candidate nearest to `word`, if one is near enough to be meant.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let reach = ((word.chars().count() + 1) / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= reach)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A hint with the nearest candidate, else with the list of all when it is short.
pub(crate) fn hint<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(nearest) = nearest(word, candidates.iter().copied()) {
        return Some(format!("did you mean {nearest:?}?"));
    }
    match candidates.len() {
        0 => None,
        1..=12 => Some(format!("there are: {}", candidates.join(", "))),
        many => Some(format!("none of the {many} there are is near")),
    }
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_the_word_that_was_meant() {
        assert_eq!(
            nearest("wrap_pu_ms", ["waiting_max", "wrap_up_ms", "wrap_up_max_ms"]),
            Some("wrap_up_ms")
        );
        assert_eq!(nearest("Voice", ["chat", "voice"]), Some("voice"));
        assert_eq!(nearest("colour", ["name", "units"]), None);
    }

    #[test]
    fn without_a_near_word_a_short_list_is_shown() {
        assert_eq!(hint("colour", ["name", "units"]).as_deref(), Some("there are: name, units"));
    }
}
