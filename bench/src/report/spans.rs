//! Spans of time: put together, cut, and spread over the hours of a day.

/// A span from `.0`, to `.1` not included, in ms.
pub(super) type Span = (u64, u64);

const HOUR_MS: u64 = 3_600_000;
/// Hours of a day.
pub(super) const HOURS: usize = 24;

/// The spans in order, those that touch or overlap put together, empty ones left out.
pub(super) fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| span.0 < span.1);
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.0 <= last.1 => last.1 = last.1.max(span.1),
            Some(_) | None => joined.push(span),
        }
    }
    joined
}

/// The part of a span within another.
pub(super) fn within(span: Span, window: Span) -> Span {
    (span.0.max(window.0), span.1.min(window.1))
}

/// How long the spans are together.
pub(super) fn length_ms(spans: &[Span]) -> u64 {
    spans.iter().map(|span| span.1.saturating_sub(span.0)).sum()
}

/// The hour of the day of a moment; the scenario begins `begins_at_ms` after midnight.
pub(super) fn hour_of(at_ms: u64, begins_at_ms: u64) -> usize {
    ((at_ms + begins_at_ms) / HOUR_MS) as usize % HOURS
}

/// Adds to each hour of the day what a span has of it.
pub(super) fn spread(span: Span, begins_at_ms: u64, hours: &mut [u64; HOURS]) {
    let (mut at, end) = (span.0 + begins_at_ms, span.1 + begins_at_ms);
    while at < end {
        let next = ((at / HOUR_MS + 1) * HOUR_MS).min(end);
        hours[(at / HOUR_MS) as usize % HOURS] += next - at;
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_spans_count_once() {
        let joined = union(vec![(50, 60), (0, 10), (5, 20), (20, 30), (40, 40)]);
        assert_eq!(joined, [(0, 30), (50, 60)]);
        assert_eq!(length_ms(&joined), 40);
        assert_eq!(within((5, 50), (10, 20)), (10, 20));
        assert_eq!(length_ms(&[within((5, 8), (10, 20))]), 0, "nothing in common");
    }

    #[test]
    fn a_span_over_midnight_is_spread_over_its_hours() {
        let mut hours = [0; HOURS];
        // From 23:30 to 01:15, in a scenario that begins at 09:00.
        let at = |hour: u64, minute: u64| hour * HOUR_MS + minute * 60_000;
        spread((at(14, 30), at(16, 15)), at(9, 0), &mut hours);
        assert_eq!((hours[23], hours[0], hours[1]), (at(0, 30), HOUR_MS, at(0, 15)));
        assert_eq!(hours.iter().sum::<u64>(), at(1, 45));
        assert_eq!(hour_of(at(15, 0), at(9, 0)), 0);
    }
}
