//! Where the cluster is saturated: the rate is doubled until a step is not held, then the last distance is halved.

/// What a search asks for and what it has found.
#[derive(Clone, Debug)]
pub struct Search {
    next: f64,
    rate_max: f64,
    held: Option<f64>,
    missed: Option<f64>,
    halvings_left: u32,
}

/// Rates closer together than this are not told apart.
const RESOLUTION: f64 = 1.05;

impl Search {
    /// Begins at `first` contacts per second, goes no higher than `rate_max`, and halves so many times at most.
    #[must_use]
    pub fn new(first: f64, rate_max: f64, halvings: u32) -> Search {
        let next = first.clamp(1.0, rate_max.max(1.0));
        Search { next, rate_max, held: None, missed: None, halvings_left: halvings }
    }

    /// The rate to be tried next; `None` when the search is over.
    #[must_use]
    pub fn next_rate(&self) -> Option<f64> {
        let (held, missed) = (self.held.unwrap_or(0.0), self.missed.unwrap_or(f64::INFINITY));
        let has_room = self.next > held && self.next < missed;
        let is_over = self.missed.is_some() && (self.halvings_left == 0 || held * RESOLUTION >= missed);
        (has_room && !is_over).then_some(self.next)
    }

    /// The rate that was asked for was held, or not.
    pub fn tried(&mut self, was_held: bool) {
        if self.missed.is_some() {
            self.halvings_left = self.halvings_left.saturating_sub(1);
        }
        if was_held {
            self.held = Some(self.next);
        } else {
            self.missed = Some(self.next);
        }
        self.next = match (self.held, self.missed) {
            (held, Some(missed)) => (held.unwrap_or(0.0) + missed) / 2.0,
            (Some(held), None) => (held * 2.0).min(self.rate_max),
            (None, None) => self.next,
        };
    }

    /// The highest rate that was held.
    #[must_use]
    pub fn saturation(&self) -> Option<f64> {
        self.held
    }

    /// Whether a rate was found that was not held.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        self.missed.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rates that are tried when up to `limit` is held.
    fn run(mut search: Search, limit: f64) -> (Vec<f64>, Search) {
        let mut tried = Vec::new();
        while let Some(rate) = search.next_rate() {
            tried.push(rate);
            assert!(tried.len() < 50, "a search ends: {tried:?}");
            search.tried(rate <= limit);
        }
        (tried, search)
    }

    #[test]
    fn the_rate_is_doubled_and_then_the_distance_halved() {
        let (tried, search) = run(Search::new(250.0, 50_000.0, 3), 1_300.0);
        assert_eq!(tried, [250.0, 500.0, 1_000.0, 2_000.0, 1_500.0, 1_250.0, 1_375.0]);
        assert_eq!((search.saturation(), search.is_saturated()), (Some(1_250.0), true));
    }

    #[test]
    fn a_first_rate_that_is_too_high_is_halved_towards_nothing() {
        let (tried, search) = run(Search::new(800.0, 50_000.0, 3), 150.0);
        assert_eq!(tried, [800.0, 400.0, 200.0, 100.0]);
        assert_eq!(search.saturation(), Some(100.0));
        let (_, search) = run(Search::new(800.0, 50_000.0, 3), 0.0);
        assert_eq!((search.saturation(), search.is_saturated()), (None, true));
    }

    #[test]
    fn a_search_goes_no_higher_than_it_may_and_splits_no_hairs() {
        let (tried, search) = run(Search::new(500.0, 1_500.0, 3), 1e9);
        assert_eq!(tried, [500.0, 1_000.0, 1_500.0]);
        assert_eq!((search.saturation(), search.is_saturated()), (Some(1_500.0), false));
        let (tried, _) = run(Search::new(1_000.0, 50_000.0, 100), 1_900.0);
        assert!(tried.len() < 10, "{tried:?}");
    }
}
