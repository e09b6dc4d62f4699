//! The way of a node's commands to the leader, over one stream at a time. Which commands go out, and which of them a
//! leader takes, decides the nodes' own code.

use ringmain_routing::Incarnation;
use ringmain_routing::shell::forwarding::Numbered;

use rand::RngExt;

use super::Sim;
use super::events::{Event, PeerMessage};
use super::net::{Fate, Lane};

/// Commands that came before the leader could take them: from whom, (term, run, stream, place), and what.
pub(super) type Early = (usize, (u64, u64, u64, u64), Vec<Numbered>);

/// Commands in one message.
const COMMANDS_MAX: usize = 64;
const BYTES_MAX: usize = 1 << 20;

/// Where a node's commands go.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Way {
    /// The last term in which something was sent.
    sent_in: u64,
    /// Term and leader of the open stream.
    to: Option<(u64, usize)>,
    stream: u64,
    /// Messages sent on the stream.
    place: u64,
}

impl Sim {
    /// Brings what is open to whoever leads.
    pub(super) fn deliver_commands(&mut self, node: usize) {
        let row = &mut self.nodes[node];
        if !row.is_up {
            return;
        }
        let (term, Some(leader)) = (row.disk.term, row.raft.leader) else { return };
        if row.way.to != Some((term, leader)) {
            let is_settled = row.applied.term >= term;
            if row.way.sent_in < term && row.open.any_sent() && !is_settled {
                return;
            }
            row.open.rewind();
            let stream = row.way.stream + 1;
            row.way = Way { sent_in: term, to: Some((term, leader)), stream, place: 0 };
        }
        if leader == node {
            return self.deliver_here(node, term);
        }
        loop {
            let row = &mut self.nodes[node];
            let commands = row.open.next_to_send(COMMANDS_MAX, BYTES_MAX);
            if commands.is_empty() {
                return;
            }
            row.way.place += 1;
            let (run, stream, place) = (row.run, row.way.stream, row.way.place);
            self.send_forward(
                node,
                leader,
                PeerMessage::Forward { term, run, stream, place, commands },
                stream,
            );
        }
    }

    fn deliver_here(&mut self, node: usize, term: u64) {
        let row = &mut self.nodes[node];
        let Some(reign) = row.reign.as_mut().filter(|reign| reign.term == term) else { return };
        let commands = row.open.next_to_send(usize::MAX, usize::MAX);
        let (id, run) = (ringmain_routing::NodeId(node as u64 + 1), Incarnation(row.run));
        reign.take(id, run, commands);
        self.write_entries(node);
    }

    /// A lost message breaks the stream; the sender notices after a while.
    fn send_forward(&mut self, from: usize, to: usize, message: PeerMessage, stream: u64) {
        let run = self.nodes[from].run;
        let fate = self.net.send(self.now, from, to, Lane::Forward);
        if fate == Fate::Lost {
            let notices = self.nodes[from].rng.random_range(5..300);
            self.schedule(notices, Event::ForwardBroken { node: from, run, stream });
        }
        self.arrive(fate, from, to, message);
    }

    pub(super) fn forward_broken(&mut self, node: usize, stream: u64) {
        if self.nodes[node].way.stream == stream {
            self.nodes[node].way.to = None;
            self.deliver_commands(node);
        }
    }

    /// Commands of another node's clients have come.
    pub(super) fn hear_forward(
        &mut self,
        node: usize,
        from: usize,
        (term, run, stream, place): (u64, u64, u64, u64),
        commands: Vec<Numbered>,
    ) {
        let row = &mut self.nodes[node];
        if !row.raft.is_leader() || row.disk.term != term {
            self.send_peer(node, from, Lane::Forward, PeerMessage::Refused { run, stream });
            return;
        }
        let Some(reign) = row.reign.as_mut().filter(|reign| reign.term == term) else {
            // It leads, and will take commands in a moment.
            return row.early.push((from, (term, run, stream, place), commands));
        };
        // Behind a gap nothing more of the stream is taken.
        let next = reign.expected.entry((from, run, stream)).or_insert(1);
        if place > *next {
            return;
        }
        *next = (*next).max(place + 1);
        reign.take(ringmain_routing::NodeId(from as u64 + 1), Incarnation(run), commands);
        self.write_entries(node);
    }
}
