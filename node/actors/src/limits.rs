//! Every limit of a node's actors, in one place.

use std::time::Duration;

use ringmain_replication::pending::OPEN_MAX;
use ringmain_routing::Millis;

/// Recent effects that a node retains for parties that lag or come back.
pub const RING_EFFECTS_MAX: usize = 65_536;
/// Applied commands taken from the feed at once.
pub const FEED_BATCH_MAX: usize = 256;
/// Effects taken from the ring at once by one party.
pub const PULL_EFFECTS_MAX: usize = 512;
/// Effects in one session's mailbox; with more the session lags and pulls from the ring.
pub const SESSION_EFFECTS_MAX: usize = 64;
/// Events between a session's actor and its client's stream.
pub const OUTBOX_EVENTS_MAX: usize = 128;
/// Operations of a gateway that may be unanswered at once.
pub const GATEWAY_CREDITS: u32 = 512;
/// The same while the node has too much in hand.
pub const GATEWAY_CREDITS_LOW: u32 = 64;
/// Beyond its credits, for life safety and for what ends work.
pub const RESERVED_CREDITS: u32 = 32;
/// With so many commands in hand a node answers no reads for dashboards: they are the first to go.
pub const READS_SHED_OPEN: usize = OPEN_MAX / 4;
/// With so many commands in hand it lowers the credits of gateways.
pub const CREDITS_LOWERED_OPEN: usize = OPEN_MAX / 2;
/// With so few it raises them again.
pub const CREDITS_RAISED_OPEN: usize = OPEN_MAX / 8;
/// How often it looks at what it has in hand.
pub const LOAD_LOOK: Duration = Duration::from_millis(200);
/// Operations of an operator that may be unanswered at once.
pub const OPERATOR_CREDITS: u32 = 16;
/// Operations of one contact that may be unanswered at once.
pub const CONVERSATION_REQUESTS_MAX: usize = 8;
/// Conversations of one gateway that are active at once, idle ones included.
pub const CONVERSATIONS_PER_GATEWAY_MAX: usize = 4_096;
/// Beyond these, for life safety and for what ends work.
pub const CONVERSATIONS_RESERVED: usize = 128;
/// Contacts that a gateway may name in one reconciliation.
pub const RECONCILE_KEYS_MAX: usize = 1_000_000;
/// Batches of changes in the mailbox of one queue's live view.
pub const QUEUE_CHANGES_MAX: usize = 1_024;
/// Sessions of one node.
pub const SESSIONS_PER_NODE_MAX: usize = 60_000;
/// Starts and ends of sessions in the mailbox of their supervisor.
pub const SUPERVISOR_REQUESTS_MAX: usize = 1_024;
/// How often one session's actor is started again before its stream is given up.
pub const SESSION_RESTARTS_MAX: u32 = 5;
/// An actor of a conversation without work is put away after so many sweeps in a row.
pub const CONVERSATION_IDLE_SWEEPS: u32 = 2;
/// Time between sweeps.
pub const CONVERSATION_SWEEP: Duration = Duration::from_secs(1);
/// Time between refreshes of the live view of queues.
pub const BOARD_REFRESH: Duration = Duration::from_secs(1);
/// A client that takes nothing off its stream for so long is given up.
pub const CLIENT_STUCK: Duration = Duration::from_secs(10);
/// How long a node that stops waits for its sessions' actors to end.
pub const SESSIONS_END_WITHIN: Duration = Duration::from_secs(5);
/// How long one attempt of a command may take before its outcome counts as unknown.
pub const COMMAND_DEADLINE: Millis = Millis(5_000);
/// Contacts in one part of a long list, however small they are.
pub const PART_CONTACTS_MAX: usize = 64;
/// Bytes of attributes in one part of a long list (the last contact may exceed it), so that a part with all its other
/// fields stays below the 1 MiB of a message.
pub const PART_ATTRIBUTES_BYTES_MAX: usize = 128 * 1024;
