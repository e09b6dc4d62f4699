//! What goes wrong, and how it heals.

use rand::RngExt;

use super::Sim;
use super::events::Event;

/// After so much silence the others take a node for lost.
const NODE_SILENCE_MS: u64 = 600;
/// After so long without the others a node lets its clients go.
const READ_ONLY_MS: u64 = 1_000;

impl Sim {
    /// One thing goes wrong, and the next one is planned.
    pub(super) fn fault(&mut self) {
        if self.healing {
            return;
        }
        let pause = self.rng.random_range(50..1_500);
        self.schedule(pause, Event::Fault);
        let node = self.random_node();
        match self.rng.random_range(0..100) {
            0..15 => self.crash(node),
            15..30 => self.cut_off(node),
            30..65 => self.cut_a_stream(),
            65..75 => self.log.leaderless_until = self.now + self.rng.random_range(50..900),
            75..85 => self.nodes[node].write_snapshot(),
            85..92 => self.install_snapshot(node),
            92..97 => self.end_a_program(),
            _ => self.crash_all(),
        }
    }

    fn crash(&mut self, node: usize) {
        if !self.nodes[node].is_up {
            return;
        }
        self.report.crashes += 1;
        let incarnation = self.nodes[node].incarnation;
        for stream in self.nodes[node].crash() {
            self.cut(stream);
        }
        let down = self.rng.random_range(20..3_000);
        self.schedule(down, Event::NodeUp(node));
        self.schedule(NODE_SILENCE_MS, Event::NodeSilent { node, incarnation });
    }

    fn crash_all(&mut self) {
        for node in 0..self.nodes.len() {
            self.crash(node);
        }
        self.log.leaderless_until = self.now + self.rng.random_range(500..2_000);
    }

    fn cut_off(&mut self, node: usize) {
        if self.nodes[node].is_cut_off {
            return;
        }
        self.report.partitions += 1;
        self.nodes[node].is_cut_off = true;
        let incarnation = self.nodes[node].incarnation;
        let span = self.rng.random_range(100..4_000);
        self.schedule(span, Event::PartitionOver(node));
        self.schedule(NODE_SILENCE_MS, Event::NodeSilent { node, incarnation });
        self.schedule(READ_ONLY_MS, Event::StepAside(node));
    }

    pub(super) fn partition_over(&mut self, node: usize) {
        self.nodes[node].is_cut_off = false;
        self.schedule(1, Event::CatchUp(node));
    }

    fn cut_a_stream(&mut self) {
        let client = self.rng.random_range(0..self.clients.len());
        let open = self.clients[client].open_links(client);
        if let Some((_, stream)) = open.last() {
            self.cut(*stream);
        }
    }

    /// A client's program ends and is started anew; its memory is gone.
    fn end_a_program(&mut self) {
        let client = self.rng.random_range(0..self.clients.len());
        for (_, stream) in self.clients[client].open_links(client) {
            self.cut(stream);
        }
        self.start_anew(client);
    }

    /// Nothing goes wrong any more: nodes come back, partitions end.
    pub(super) fn heal(&mut self) {
        self.healing = true;
        for node in 0..self.nodes.len() {
            self.schedule(1, Event::NodeUp(node));
            self.schedule(2, Event::PartitionOver(node));
        }
    }
}
