//! What queueing theory says about M/M/c: Poisson arrivals, exponential service, `servers` equal servers, first
//! come first served, nobody leaves.
//!
//! Source: A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in automatic
//! telephone exchanges" (1917); in today's notation D. Gross, C. M. Harris, "Fundamentals of Queueing Theory",
//! the section on multiserver queues (M/M/c).

/// An M/M/c queue in balance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErlangC {
    servers: u32,
    /// Offered load in Erlang: arrival rate × mean service time.
    offered: f64,
}

/// A queue that has no balance.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "{servers} servers and {offered} Erlang: the load must be at least 0 and below the number of servers"
)]
pub struct Overloaded {
    servers: u32,
    offered: f64,
}

impl ErlangC {
    /// The queue with this many servers and this load in Erlang.
    ///
    /// # Errors
    /// When the servers cannot carry the load.
    pub fn new(servers: u32, offered: f64) -> Result<ErlangC, Overloaded> {
        if (0.0..f64::from(servers)).contains(&offered) {
            Ok(ErlangC { servers, offered })
        } else {
            Err(Overloaded { servers, offered })
        }
    }

    /// The probability that an arrival has to wait,
    /// `C = (a^c / c!) · c/(c − a) / (Σ_{k<c} a^k / k! + (a^c / c!) · c/(c − a))`,
    /// by the Erlang B recursion `B(0) = 1, B(n) = a·B(n−1) / (n + a·B(n−1))` and
    /// `C = B / (1 − (a/c)·(1 − B))`, which overflow no number.
    #[must_use]
    pub fn wait_probability(&self) -> f64 {
        let blocking = (1..=self.servers).fold(1.0, |blocking, n| {
            let carried = self.offered * blocking;
            carried / (f64::from(n) + carried)
        });
        let utilisation = self.offered / f64::from(self.servers);
        blocking / (1.0 - utilisation * (1.0 - blocking))
    }

    /// Mean wait of all arrivals, those that do not wait included, in mean service times:
    /// `Wq = C / (c·µ − λ)` with `µ = 1`.
    #[must_use]
    pub fn mean_wait(&self) -> f64 {
        self.wait_probability() / (f64::from(self.servers) - self.offered)
    }

    /// Share of arrivals that wait at most `within` mean service times: `1 − C·exp(−(c − a)·within)`.
    #[must_use]
    pub fn served_within(&self, within: f64) -> f64 {
        1.0 - self.wait_probability() * (-(f64::from(self.servers) - self.offered) * within).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::ErlangC;

    fn assert_near(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected} ± {tolerance}");
    }

    /// Closed forms: C(1, a) = a; C(2, a) = a² / (2 + a); C(3, 2) = 4/9.
    #[test]
    fn wait_probability_of_few_servers_is_the_closed_form() {
        for tenths in 1..10 {
            let load = f64::from(tenths) / 10.0;
            assert_near(ErlangC::new(1, load).unwrap().wait_probability(), load, 1e-12);
            let two = ErlangC::new(2, 2.0 * load).unwrap().wait_probability();
            assert_near(two, (2.0 * load).powi(2) / (2.0 + 2.0 * load), 1e-12);
        }
        assert_near(ErlangC::new(3, 2.0).unwrap().wait_probability(), 4.0 / 9.0, 1e-12);
    }

    /// Values that published tables and textbook exercises print: 10 Erlang on 11 to 14 servers (68.2 %, 44.9 %,
    /// 28.5 %, 17.4 %), 6 Erlang on 10 servers (about 0.10).
    #[test]
    fn wait_probability_agrees_with_published_tables() {
        for (servers, percent) in [(11, 68.2), (12, 44.9), (13, 28.5), (14, 17.4)] {
            assert_near(ErlangC::new(servers, 10.0).unwrap().wait_probability() * 100.0, percent, 0.05);
        }
        assert_near(ErlangC::new(10, 6.0).unwrap().wait_probability(), 0.10, 0.005);
    }

    /// The formula written out, term by term.
    #[test]
    fn recursion_agrees_with_the_formula_as_erlang_wrote_it() {
        let (servers, load) = (10u32, 9.0f64);
        let mut term = 1.0;
        let mut sum = 0.0;
        for k in 0..servers {
            sum += term;
            term *= load / f64::from(k + 1);
        }
        let last = term * f64::from(servers) / (f64::from(servers) - load);
        let queue = ErlangC::new(servers, load).unwrap();
        assert_near(queue.wait_probability(), last / (sum + last), 1e-12);
        assert_near(queue.mean_wait(), 0.668_732, 5e-7);
        assert_near(queue.served_within(0.0), 1.0 - queue.wait_probability(), 1e-12);
    }

    #[test]
    fn overload_has_no_balance() {
        assert!(ErlangC::new(10, 10.0).is_err());
        assert!(ErlangC::new(10, -1.0).is_err());
        assert!(ErlangC::new(0, 0.0).is_err());
    }
}
