//! What a seed means to do: who takes part, what they mean to do and when, and what goes wrong. An explicit list, so
//! that parts can be left out and a run with the rest be looked at.
//!
//! Everything else (delays, what people answer) comes from generators that each thing in the world has for itself, so
//! that leaving out one part changes little about the others.

mod generate;
mod text;

use ringmain_routing::Name;
use ringmain_routing::command::Role;

pub use text::{read, write};

/// The list of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// What all generators of the run are made from.
    pub seed: u64,
    /// Nodes of the cluster: 3 or 5.
    pub nodes: usize,
    /// How long things go wrong, in ms.
    pub span: u64,
    /// Who takes part.
    pub clients: Vec<Client>,
    /// Small things that go wrong now and then.
    pub habits: Vec<Habit>,
    /// What happens, in the order of time.
    pub events: Vec<Planned>,
}

/// A gateway or operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Which of both.
    pub role: Role,
    /// By this name.
    pub name: Name,
}

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Milliseconds after the start.
    pub at: u64,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Something goes wrong.
    Fault(Fault),
    /// A client does something on its own account.
    Intent {
        /// Who.
        client: Name,
        /// What.
        intent: Intent,
    },
    /// A supervisor acts; the number says what she does.
    Errand(Errand, u64),
}

/// What goes wrong. Nodes are counted from 0; `salt` decides what is left to chance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the line above each fault says what its fields are")]
pub enum Fault {
    /// A node's power fails; it is down for a while.
    Crash { node: usize, down: u64, salt: u64 },
    /// A node's power fails when it next comes to this step.
    CrashAt { node: usize, step: Step, down: u64, salt: u64 },
    /// The power of all nodes fails.
    CrashAll { down: u64, salt: u64 },
    /// The power of all nodes fails, and most of their wall clocks come back behind by so much.
    WallsBehind { by: u64, down: u64, salt: u64 },
    /// A node stands still.
    Pause { node: usize, span: u64 },
    /// A node hears no other and none hears it.
    Isolate { node: usize, span: u64 },
    /// The nodes of the mask and the others do not hear each other.
    Halves { mask: u64, span: u64 },
    /// Each node hears only its two neighbours.
    Ring { span: u64 },
    /// One node does not hear another, which hears it.
    OneWay { from: usize, to: usize, span: u64 },
    /// A node is cut off and heard again, over and over.
    Flap { node: usize, span: u64 },
    /// Messages between nodes are lost and come twice.
    Noise { loss: u32, twice: u32, span: u64 },
    /// A disk is slow.
    SlowDisk { node: usize, span: u64 },
    /// A disk is full.
    FullDisk { node: usize, span: u64 },
    /// A bit flips on a disk; it shows at the next start.
    Flip { node: usize, salt: u64 },
    /// A wall clock jumps, and is put right after a while.
    WallJump { node: usize, by: i64, span: u64 },
    /// A monotonic clock goes wrong by so many parts per million.
    Drift { node: usize, ppm: i64 },
    /// A node takes a snapshot and purges its log.
    Snapshot { node: usize },
    /// A node is cut off, too short for its clients to be let go; meanwhile the others purge what it misses.
    Behind { node: usize, span: u64 },
    /// A client's stream breaks.
    CutStream { client: Name },
    /// A client is not heard (`up`), or hears nothing.
    Mute { client: Name, up: bool, span: u64 },
    /// A client's program ends and is started anew without its memory.
    EndProgram { client: Name },
}

/// A step at which a node may crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The log is synced, nobody knows yet.
    Synced,
    /// A command is applied, nobody was answered yet.
    Applied,
    /// It has just begun to lead.
    Elected,
    /// Work that goes on over several commands is unfinished, and a snapshot holds it.
    AtWork,
}

/// What a client does on its own account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// A gateway brings its contact of this number.
    Bring(u64),
    /// A gateway brings a contact again that it was promised.
    BringAgain,
    /// A gateway uses a key again for something else.
    ReuseKey,
    /// A customer of a gateway leaves.
    Leave,
    /// An operator takes a break.
    Pause,
    /// A lead, or who would like to be one, hands a contact out.
    HandOut,
    /// An operator signs out in the middle of work.
    SignOut,
    /// Commands that make no sense at this moment; the number says which.
    Garbage(u64),
}

/// What a supervisor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// An action about contacts or operators.
    Act,
    /// A new plan.
    Plan,
    /// Other skills, ranks and capacities.
    Staff,
    /// Customers enter or leave the life-support register.
    Register,
}

/// Small things that go wrong now and then, not worth a line each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Habit {
    /// Messages take long now and then.
    Jitter,
    /// A proposal enters the log twice.
    Doubled,
    /// A leader loses a proposal that it took.
    Dropped,
    /// A stream breaks instead of bringing an answer.
    LostAnswers,
    /// A receiver has no room.
    FullReceivers,
    /// A node refuses for a moment.
    Refusals,
    /// People do what no longer makes sense.
    Confusion,
}

/// All habits with their names.
pub const HABITS: [(Habit, &str); 7] = [
    (Habit::Jitter, "jitter"),
    (Habit::Doubled, "doubled"),
    (Habit::Dropped, "dropped"),
    (Habit::LostAnswers, "lost-answers"),
    (Habit::FullReceivers, "full-receivers"),
    (Habit::Refusals, "refusals"),
    (Habit::Confusion, "confusion"),
];

impl Schedule {
    /// The schedule of a seed, with 3 or 5 nodes by the seed unless it is said.
    #[must_use]
    pub fn of(seed: u64, nodes: Option<usize>) -> Schedule {
        generate::schedule(seed, nodes)
    }

    /// Whether this goes wrong now and then.
    #[must_use]
    pub fn has(&self, habit: Habit) -> bool {
        self.habits.contains(&habit)
    }

    /// The place of a client in the list.
    #[must_use]
    pub fn client(&self, name: &str) -> Option<usize> {
        self.clients.iter().position(|client| &*client.name == name)
    }
}

impl Fault {
    /// The fault in a word, as it is counted.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Fault::Crash { .. } => "crash",
            Fault::CrashAt { step: Step::Synced, .. } => "crash-after-sync",
            Fault::CrashAt { step: Step::Applied, .. } => "crash-after-apply",
            Fault::CrashAt { step: Step::Elected, .. } => "crash-when-elected",
            Fault::CrashAt { step: Step::AtWork, .. } => "crash-at-work",
            Fault::CrashAll { .. } => "crash-all",
            Fault::WallsBehind { .. } => "walls-behind",
            Fault::Pause { .. } => "pause",
            Fault::Isolate { .. } => "isolate",
            Fault::Behind { .. } => "behind",
            Fault::Halves { .. } => "halves",
            Fault::Ring { .. } => "ring",
            Fault::OneWay { .. } => "one-way",
            Fault::Flap { .. } => "flap",
            Fault::Noise { .. } => "noise",
            Fault::SlowDisk { .. } => "slow-disk",
            Fault::FullDisk { .. } => "full-disk",
            Fault::Flip { .. } => "flip",
            Fault::WallJump { .. } => "wall-jump",
            Fault::Drift { .. } => "drift",
            Fault::Snapshot { .. } => "snapshot",
            Fault::CutStream { .. } => "cut-stream",
            Fault::Mute { .. } => "mute",
            Fault::EndProgram { .. } => "end-program",
        }
    }
}
