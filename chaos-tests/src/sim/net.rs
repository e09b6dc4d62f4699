//! The network: a seeded delay, loss and duplication for each directed link, and what is cut.
//!
//! Between two nodes there are several streams; each keeps its order, as TCP does, and they overtake each other. A
//! message between nodes that is lost is lost to Raft's calls, and breaks the stream of forwarded commands. A client's
//! stream loses nothing: it stalls while its way is cut, and dies when one of both sides loses patience.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ringmain_routing::hash_parts;

/// Streams between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Raft,
    Control,
    Forward,
}

const LANES: usize = 3;
/// Two in a hundred messages take longer, up to this many ms.
const SPIKE_MS: u64 = 250;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Lost,
    Comes(u64),
    ComesTwice(u64, u64),
}

/// Loss and duplication for a while, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noise {
    pub until: u64,
    pub loss: u32,
    pub twice: u32,
}

#[derive(Debug)]
struct Link {
    rng: ChaCha8Rng,
    /// When the last message of each stream arrives.
    last: [u64; LANES],
    /// Nothing passes until then.
    cut_until: u64,
}

/// A client's way, up or down.
#[derive(Debug)]
struct Way {
    rng: ChaCha8Rng,
    cut_until: u64,
}

#[derive(Debug)]
pub(super) struct Net {
    size: usize,
    links: Vec<Link>,
    /// Up and down by client.
    ways: Vec<[Way; 2]>,
    pub noise: Noise,
    pub jitters: bool,
    pub calm: bool,
    pub lost: u64,
    pub doubled: u64,
    pub spikes: u64,
}

/// A generator of its own for one thing in the world, so that leaving out another changes nothing here.
pub(super) fn rng_of(seed: u64, what: &str, number: u64) -> ChaCha8Rng {
    let hash = hash_parts(&[&seed.to_le_bytes(), what.as_bytes(), &number.to_le_bytes()]);
    ChaCha8Rng::seed_from_u64(hash as u64)
}

impl Net {
    pub(super) fn new(seed: u64, size: usize, clients: usize) -> Net {
        let link =
            |number: usize| Link { rng: rng_of(seed, "link", number as u64), last: [0; LANES], cut_until: 0 };
        let way = |number: usize| Way { rng: rng_of(seed, "way", number as u64), cut_until: 0 };
        Net {
            size,
            links: (0..size * size).map(link).collect(),
            ways: (0..clients).map(|client| [way(2 * client), way(2 * client + 1)]).collect(),
            noise: Noise::default(),
            jitters: true,
            calm: false,
            lost: 0,
            doubled: 0,
            spikes: 0,
        }
    }

    /// Nothing passes from one node to the other until then.
    pub(super) fn cut(&mut self, from: usize, to: usize, until: u64) {
        let link = &mut self.links[from * self.size + to];
        link.cut_until = link.cut_until.max(until);
    }

    pub(super) fn cut_client(&mut self, client: usize, up: bool, until: u64) {
        let way = &mut self.ways[client][usize::from(!up)];
        way.cut_until = way.cut_until.max(until);
    }

    /// Everything passes again, and no message is lost.
    pub(super) fn heal(&mut self) {
        self.calm = true;
        self.links.iter_mut().for_each(|link| link.cut_until = 0);
        self.ways.iter_mut().flatten().for_each(|way| way.cut_until = 0);
    }

    /// What becomes of a message that goes from one node to another now.
    pub(super) fn send(&mut self, now: u64, from: usize, to: usize, lane: Lane) -> Fate {
        let spikes = self.jitters && !self.calm;
        let noise = if now < self.noise.until && !self.calm { self.noise } else { Noise::default() };
        let link = &mut self.links[from * self.size + to];
        if now < link.cut_until || (noise.loss > 0 && link.rng.random_range(0..100) < noise.loss) {
            self.lost += u64::from(now >= link.cut_until);
            return Fate::Lost;
        }
        let (at, spiked) = delay(&mut link.rng, now, spikes);
        self.spikes += u64::from(spiked);
        let at = at.max(link.last[lane as usize]);
        link.last[lane as usize] = at;
        if noise.twice > 0 && link.rng.random_range(0..100) < noise.twice {
            self.doubled += 1;
            // The second comes whenever it comes, behind others too.
            return Fate::ComesTwice(at, at + link.rng.random_range(1..400));
        }
        Fate::Comes(at)
    }

    /// When a message between a client and a node arrives that is sent now: later, while the way is cut.
    pub(super) fn client(&mut self, now: u64, client: usize, up: bool) -> u64 {
        let spikes = self.jitters && !self.calm;
        let way = &mut self.ways[client][usize::from(!up)];
        let (at, spiked) = delay(&mut way.rng, now.max(way.cut_until), spikes);
        self.spikes += u64::from(spiked);
        at
    }
}

fn delay(rng: &mut ChaCha8Rng, now: u64, spikes: bool) -> (u64, bool) {
    if spikes && rng.random_range(0..100) < 2 {
        return (now + rng.random_range(8..SPIKE_MS), true);
    }
    (now + rng.random_range(1..8), false)
}
