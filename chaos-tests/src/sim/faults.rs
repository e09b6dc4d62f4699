//! What goes wrong, and how it heals.

use super::Sim;
use super::events::{Event, Over};
use super::net::Noise;
use super::node::ENTRIES_KEPT;
use super::schedule::{Fault, What};

/// How often a flapping link changes.
const FLAP_MS: u64 = 120;
/// After what time somebody sets clocks right that were behind after a power failure.
const SET_RIGHT_MS: u64 = 3_000;

impl Sim {
    /// What the schedule says at this place happens.
    pub(super) fn planned(&mut self, place: usize) {
        let what = self.plan.events[place].what.clone();
        match what {
            What::Fault(fault) => {
                if !self.healing {
                    self.fault(&fault);
                }
            }
            What::Intent { client, intent } => {
                if let Some(client) = self.plan.client(&client) {
                    self.intend(client, &intent);
                }
            }
            What::Errand(errand, number) => self.begin_errand(errand, number),
        }
    }

    fn fault(&mut self, fault: &Fault) {
        if self.begin_fault(fault) {
            // A crash at a step counts when it comes to that.
            if !matches!(fault, Fault::CrashAt { .. }) {
                self.report.count(fault.word());
            }
        }
    }

    /// False where the fault makes no difference, or one more of its kind would be more than a cluster survives.
    fn begin_fault(&mut self, fault: &Fault) -> bool {
        let now = self.now;
        match *fault {
            Fault::Crash { node, down, salt } => {
                let was_up = self.nodes[node].is_up;
                self.crash(node, down, salt);
                was_up
            }
            Fault::CrashAt { node, step, down, salt } => {
                self.nodes[node].armed = Some((step, down, salt));
                true
            }
            Fault::CrashAll { down, salt } => {
                self.crash_all(down, salt);
                true
            }
            Fault::WallsBehind { by, down, salt } => {
                self.walls_fall_behind(by, down);
                self.crash_all(down, salt);
                true
            }
            Fault::Pause { node, span } => {
                let row = &mut self.nodes[node];
                row.paused_until = row.paused_until.max(now + span);
                row.is_up
            }
            Fault::Flip { node, salt } => self.flip(node, salt),
            Fault::SlowDisk { node, span } => {
                self.nodes[node].disk.slow = true;
                self.schedule(span, Event::Over(Over::SlowDisk(node)));
                true
            }
            Fault::FullDisk { node, span } => {
                self.nodes[node].disk.full = true;
                self.schedule(span, Event::Over(Over::FullDisk(node)));
                true
            }
            Fault::WallJump { node, by, span } => self.jump(node, by, span),
            Fault::Drift { node, ppm } => {
                self.nodes[node].clocks.drift(now, ppm);
                true
            }
            Fault::Snapshot { node } => {
                self.take_snapshot(node, ENTRIES_KEPT);
                true
            }
            Fault::Isolate { .. }
            | Fault::Behind { .. }
            | Fault::Halves { .. }
            | Fault::Ring { .. }
            | Fault::OneWay { .. }
            | Fault::Flap { .. }
            | Fault::Noise { .. }
            | Fault::CutStream { .. }
            | Fault::Mute { .. }
            | Fault::EndProgram { .. } => self.begin_net_fault(fault),
        }
    }

    fn begin_net_fault(&mut self, fault: &Fault) -> bool {
        let now = self.now;
        match fault {
            Fault::Isolate { node, span } => self.cut_between(now + span, |a, b| a == *node || b == *node),
            Fault::Behind { node, span } => {
                self.cut_between(now + span, |a, b| a == *node || b == *node);
                self.schedule(span.saturating_sub(1), Event::Over(Over::Behind(*node)));
            }
            Fault::Halves { mask, span } => {
                let side = |node: usize| mask >> node & 1;
                self.cut_between(now + span, |a, b| side(a) != side(b));
            }
            Fault::Ring { span } => {
                let size = self.nodes.len();
                self.cut_between(now + span, |a, b| (a + 1) % size != b && (b + 1) % size != a);
            }
            Fault::OneWay { from, to, span } => self.net.cut(*from, *to, now + span),
            Fault::Flap { node, span } => self.flap(*node, now + span),
            Fault::Noise { loss, twice, span } => {
                self.net.noise = Noise { until: now + span, loss: *loss, twice: *twice };
            }
            Fault::CutStream { client } => return self.with_client(client, Sim::cut_newest),
            Fault::Mute { client, up, span } => {
                return self.with_client(client, |sim, client| sim.net.cut_client(client, *up, now + span));
            }
            Fault::EndProgram { client } => return self.with_client(client, Sim::end_program),
            Fault::Crash { .. }
            | Fault::CrashAt { .. }
            | Fault::CrashAll { .. }
            | Fault::WallsBehind { .. }
            | Fault::Pause { .. }
            | Fault::SlowDisk { .. }
            | Fault::FullDisk { .. }
            | Fault::Flip { .. }
            | Fault::WallJump { .. }
            | Fault::Drift { .. }
            | Fault::Snapshot { .. } => return false,
        }
        true
    }

    fn crash_all(&mut self, down: u64, salt: u64) {
        for node in 0..self.nodes.len() {
            self.crash(node, down + node as u64, salt >> node);
        }
    }

    /// Most of the clocks that were right are behind, until somebody has seen to them.
    fn walls_fall_behind(&mut self, by: u64, down: u64) {
        let right = |node: &usize| self.nodes[*node].clocks.wall_off == 0;
        let most = self.nodes.len() / 2 + 1;
        let nodes: Vec<usize> = (0..self.nodes.len()).filter(right).take(most).collect();
        for node in nodes {
            self.nodes[node].clocks.wall_off = -by.cast_signed();
            self.schedule(down + SET_RIGHT_MS, Event::Over(Over::WallJump(node, -by.cast_signed())));
        }
    }

    fn with_client(&mut self, name: &str, act: impl FnOnce(&mut Sim, usize)) -> bool {
        let Some(client) = self.plan.client(name) else { return false };
        act(self, client);
        true
    }

    fn cut_between(&mut self, until: u64, is_cut: impl Fn(usize, usize) -> bool) {
        let size = self.nodes.len();
        for from in 0..size {
            for to in (0..size).filter(|to| *to != from && is_cut(from, *to)) {
                self.net.cut(from, to, until);
            }
        }
    }

    fn flap(&mut self, node: usize, until: u64) {
        let cut = self.now + FLAP_MS;
        self.cut_between(cut, |a, b| a == node || b == node);
        if cut < until {
            self.schedule(2 * FLAP_MS, Event::Over(Over::Flap { node, until }));
        }
    }

    /// Only one disk at a time loses what it had synced: more than that no majority survives.
    fn flip(&mut self, node: usize, salt: u64) -> bool {
        let is_sound = |place: usize| !self.nodes[place].disk.suspect && !self.flipped.contains(&place);
        if !(0..self.nodes.len()).all(is_sound) || !self.nodes[node].disk.flip(salt) {
            return false;
        }
        self.flipped.insert(node);
        true
    }

    /// Most wall clocks are right.
    fn jump(&mut self, node: usize, by: i64, span: u64) -> bool {
        let off = self.nodes.iter().filter(|row| row.clocks.wall_off != 0).count();
        if self.nodes[node].clocks.wall_off != 0 || 2 * (off + 1) >= self.nodes.len() {
            return false;
        }
        self.nodes[node].clocks.wall_off = by;
        self.schedule(span, Event::Over(Over::WallJump(node, by)));
        true
    }

    fn cut_newest(&mut self, client: usize) {
        let open = self.clients[client].open_links(client);
        if let Some((_, stream)) = open.last() {
            self.cut(*stream);
        }
    }

    /// A client's program ends and is started anew; its memory is gone.
    fn end_program(&mut self, client: usize) {
        for (_, stream) in self.clients[client].open_links(client) {
            self.cut(stream);
        }
        self.start_anew(client);
    }

    pub(super) fn over(&mut self, over: Over) {
        match over {
            Over::SlowDisk(node) => self.nodes[node].disk.slow = false,
            Over::FullDisk(node) => self.nodes[node].disk.full = false,
            Over::WallJump(node, by) => self.nodes[node].clocks.wall_off -= by,
            Over::Behind(node) => {
                for other in self.others(node) {
                    self.take_snapshot(other, 0);
                }
            }
            Over::Flap { node, until } => {
                if !self.healing {
                    self.flap(node, until);
                }
            }
        }
    }

    /// Nothing goes wrong any more: nodes come back, everything passes, disks have room. One that stands still goes on
    /// when it would have, with what has waited for it in its order.
    pub(super) fn heal(&mut self) {
        self.healing = true;
        self.net.heal();
        for node in 0..self.nodes.len() {
            let row = &mut self.nodes[node];
            row.disk.slow = false;
            row.disk.full = false;
            row.armed = None;
            self.schedule(1, Event::NodeUp(node));
        }
    }
}
