//! What happens to a packet on its way from one host to another: decided by rules, a seed and the time.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::drills::file::{Cut, Percent, Weather};

/// A host's place at the switch.
pub(in crate::drills) type Port = usize;

/// A packet that overtakes others has waited only this share of the delay.
const OVERTAKES_BY: u32 = 4;
/// A link with a limited rate keeps at most so much waiting, as a switch with a small buffer does.
const BACKLOG_MAX: Duration = Duration::from_millis(300);

/// Something done to the links.
#[derive(Clone, Debug)]
pub(in crate::drills) enum Rule {
    /// No packet passes between the ports of the two sides.
    Cut {
        /// Who is cut off.
        struck: Vec<Port>,
        /// From whom.
        others: Vec<Port>,
        /// Which ways.
        cut: Cut,
        /// The cut comes and goes, each for so long.
        flapping: Option<Duration>,
        /// When it began.
        since: Duration,
    },
    /// Links between all of these ports.
    Weather {
        /// Whose.
        ports: Vec<Port>,
        /// How they are.
        weather: Weather,
    },
}

/// A name for a rule while it is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::drills) struct RuleId(u64);

/// All links.
#[derive(Debug)]
pub(super) struct Links {
    seed: u64,
    rules: BTreeMap<RuleId, Rule>,
    made: u64,
    /// Each directed link has its own course of chance, so that traffic elsewhere changes nothing on it.
    links: BTreeMap<(Port, Port), Link>,
    /// Packets that did not arrive because of a cut.
    pub(super) cut: u64,
    /// Packets that did not arrive because of loss or a full buffer.
    pub(super) lost: u64,
}

#[derive(Debug)]
struct Link {
    chance: ChaCha8Rng,
    /// When the last packet arrives that keeps its turn.
    last: Duration,
    /// Until when the line is taken, where its rate is limited.
    busy_until: Duration,
}

impl Links {
    pub(super) fn new(seed: u64) -> Links {
        Links { seed, rules: BTreeMap::new(), made: 0, links: BTreeMap::new(), cut: 0, lost: 0 }
    }

    pub(super) fn add(&mut self, rule: Rule) -> RuleId {
        self.made += 1;
        self.rules.insert(RuleId(self.made), rule);
        RuleId(self.made)
    }

    pub(super) fn remove(&mut self, rule: RuleId) {
        self.rules.remove(&rule);
    }

    /// When copies of a packet of so many bytes arrive; none when it never does.
    pub(super) fn pass(&mut self, from: Port, to: Port, bytes: usize, now: Duration) -> Arrivals {
        if self.rules.values().any(|rule| rule.cuts(from, to, now)) {
            self.cut += 1;
            return Arrivals::default();
        }
        let weather = self.rules.values().rev().find_map(|rule| rule.weather(from, to));
        let Some(weather) = weather else { return Arrivals { first: Some(now), second: None } };
        let link = self.links.entry((from, to)).or_insert_with(|| Link::new(self.seed, from, to));
        let arrivals = link.pass(&weather, bytes, now);
        self.lost += u64::from(arrivals.first.is_none());
        arrivals
    }

    /// Whether a packet that is under way still arrives: a cut line loses what is on it.
    pub(super) fn still_open(&mut self, from: Port, to: Port, now: Duration) -> bool {
        let is_cut = self.rules.values().any(|rule| rule.cuts(from, to, now));
        self.cut += u64::from(is_cut);
        !is_cut
    }
}

/// When a packet and its double arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrivals {
    pub(super) first: Option<Duration>,
    pub(super) second: Option<Duration>,
}

impl Rule {
    fn cuts(&self, from: Port, to: Port, now: Duration) -> bool {
        let Rule::Cut { struck, others, cut, flapping, since } = self else { return false };
        let is_up = flapping.is_some_and(|every| {
            let passed = now.saturating_sub(*since).as_nanos();
            (passed / every.as_nanos().max(1)) % 2 == 1
        });
        if is_up {
            return false;
        }
        let out = struck.contains(&from) && others.contains(&to);
        let inward = others.contains(&from) && struck.contains(&to);
        match cut {
            Cut::Both => out || inward,
            Cut::Outbound => out,
            Cut::Inbound => inward,
            Cut::Ring => !are_neighbours(struck, from, to),
        }
    }

    fn weather(&self, from: Port, to: Port) -> Option<Weather> {
        let Rule::Weather { ports, weather } = self else { return None };
        (ports.contains(&from) && ports.contains(&to)).then_some(*weather)
    }
}

/// Whether both are beside each other in the ring, or not both are in it.
fn are_neighbours(ring: &[Port], from: Port, to: Port) -> bool {
    let place = |port| ring.iter().position(|other| *other == port);
    let (Some(a), Some(b)) = (place(from), place(to)) else { return true };
    let apart = a.abs_diff(b);
    apart <= 1 || apart == ring.len() - 1
}

impl Link {
    fn new(seed: u64, from: Port, to: Port) -> Link {
        let own = seed ^ ((from as u64) << 32) ^ ((to as u64) << 48);
        let (last, busy_until) = (Duration::ZERO, Duration::ZERO);
        Link { chance: ChaCha8Rng::seed_from_u64(own), last, busy_until }
    }

    fn pass(&mut self, weather: &Weather, bytes: usize, now: Duration) -> Arrivals {
        // Always the same number of draws, so that one packet's fate does not move the next one's.
        let [lost, doubled, overtakes, jitter] = std::array::from_fn(|_| self.chance.random::<f64>());
        let happens = |draw: f64, share: Percent| draw * 100.0 < share.0;
        let Some(sent) = self.send(weather.bytes_per_s, bytes, now) else { return Arrivals::default() };
        if happens(lost, weather.loss) {
            return Arrivals::default();
        }
        let delay = weather.delay.0 + weather.jitter.0.mul_f64(jitter);
        let arrives = if happens(overtakes, weather.reorder) {
            sent + delay / OVERTAKES_BY
        } else {
            self.last = (sent + delay).max(self.last);
            self.last
        };
        let second = happens(doubled, weather.duplicate).then_some(arrives + delay / OVERTAKES_BY);
        Arrivals { first: Some(arrives), second }
    }

    /// When the last bit has left; nothing when there is no room for it.
    fn send(&mut self, bytes_per_s: Option<u64>, bytes: usize, now: Duration) -> Option<Duration> {
        let Some(rate) = bytes_per_s.filter(|rate| *rate > 0) else { return Some(now) };
        let begin = self.busy_until.max(now);
        if begin - now > BACKLOG_MAX {
            return None;
        }
        self.busy_until = begin + Duration::from_secs_f64(bytes as f64 / rate as f64);
        Some(self.busy_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drills::file::{Bytes, Span};

    const NOW: Duration = Duration::from_secs(5);

    fn cut(cut: Cut, flapping: Option<Duration>) -> Rule {
        Rule::Cut { struck: vec![0], others: vec![1, 2], cut, flapping, since: Duration::ZERO }
    }

    fn passes(links: &mut Links, from: Port, to: Port) -> bool {
        links.pass(from, to, 100, NOW).first.is_some()
    }

    #[test]
    fn a_cut_closes_the_ways_it_names_and_no_others() {
        for (ways, out, inward) in
            [(Cut::Both, false, false), (Cut::Outbound, false, true), (Cut::Inbound, true, false)]
        {
            let mut links = Links::new(1);
            let rule = links.add(cut(ways, None));
            assert_eq!((passes(&mut links, 0, 1), passes(&mut links, 2, 0)), (out, inward), "{ways:?}");
            assert!(passes(&mut links, 1, 2));
            assert!(passes(&mut links, 0, 3), "a host that is on no side");
            links.remove(rule);
            assert!(passes(&mut links, 0, 1));
        }
    }

    #[test]
    fn in_a_ring_each_reaches_its_two_neighbours() {
        let mut links = Links::new(1);
        let ring: Vec<Port> = (0..5).collect();
        links.add(Rule::Cut {
            struck: ring.clone(),
            others: ring,
            cut: Cut::Ring,
            flapping: None,
            since: NOW,
        });
        let reached: Vec<Port> = (1..5).filter(|to| passes(&mut links, 0, *to)).collect();
        assert_eq!(reached, [1, 4]);
    }

    #[test]
    fn a_flapping_cut_comes_and_goes() {
        let mut links = Links::new(1);
        links.add(cut(Cut::Both, Some(Duration::from_secs(1))));
        let open: Vec<bool> =
            (0..4).map(|s| links.pass(0, 1, 100, Duration::from_secs(s)).first.is_some()).collect();
        assert_eq!(open, [false, true, false, true]);
    }

    fn bad() -> Weather {
        Weather {
            delay: Span(Duration::from_millis(20)),
            jitter: Span(Duration::from_millis(5)),
            loss: Percent(10.0),
            duplicate: Percent(10.0),
            reorder: Percent(10.0),
            bytes_per_s: None,
        }
    }

    fn course(seed: u64, packets: usize) -> Vec<Arrivals> {
        let mut links = Links::new(seed);
        links.add(Rule::Weather { ports: vec![0, 1], weather: bad() });
        (0..packets).map(|n| links.pass(0, 1, 100, NOW + Duration::from_millis(n as u64))).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_course() {
        assert_eq!(course(7, 1_000), course(7, 1_000));
        assert_ne!(course(7, 1_000), course(8, 1_000));
    }

    #[test]
    fn loss_doubles_and_overtaking_come_as_often_as_told() {
        let course = course(7, 10_000);
        let share = |count: usize| count as f64 / course.len() as f64;
        let lost = share(course.iter().filter(|one| one.first.is_none()).count());
        let doubled = share(course.iter().filter(|one| one.second.is_some()).count());
        assert!((0.08..0.12).contains(&lost), "{lost}");
        assert!((0.07..0.11).contains(&doubled), "{doubled}");
        let arrivals: Vec<Duration> = course.iter().filter_map(|one| one.first).collect();
        let overtaken = arrivals.windows(2).filter(|pair| pair[1] < pair[0]).count();
        assert!(overtaken > 300, "{overtaken}");
    }

    #[test]
    fn jitter_alone_does_not_change_the_order() {
        let mut links = Links::new(3);
        let weather = Weather { loss: Percent(0.0), reorder: Percent(0.0), ..bad() };
        links.add(Rule::Weather { ports: vec![0, 1], weather });
        let arrivals: Vec<Duration> =
            (0..1_000).filter_map(|n| links.pass(0, 1, 100, NOW + Duration::from_micros(n)).first).collect();
        assert_eq!(arrivals.len(), 1_000);
        assert!(arrivals.is_sorted());
        assert!(arrivals.iter().all(|at| *at >= NOW + Duration::from_millis(20)));
    }

    #[test]
    fn a_limited_rate_spreads_packets_and_drops_what_finds_no_room() {
        let mut links = Links::new(3);
        let slow = Weather { bytes_per_s: Some(Bytes(10_000).0), ..Weather::default() };
        links.add(Rule::Weather { ports: vec![0, 1], weather: slow });
        let arrivals: Vec<Option<Duration>> = (0..10).map(|_| links.pass(0, 1, 1_000, NOW).first).collect();
        assert_eq!(arrivals[0], Some(NOW + Duration::from_millis(100)));
        assert_eq!(arrivals[1], Some(NOW + Duration::from_millis(200)));
        assert_eq!(arrivals.iter().flatten().count(), 4);
        assert_eq!(links.lost, 6);
    }
}
