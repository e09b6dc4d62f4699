//! The list of all metrics: each line makes a constant and a row of [`METRICS`].

use crate::labels;
use crate::metric::Buckets::{Fast, Human};
use crate::metric::Kind::{Counter, Gauge, Histogram};
use crate::metric::Metric;
use crate::metric::Unit::{Bytes, Count, Seconds};

macro_rules! metrics_list {
    ($($name:ident = $kind:expr, $unit:ident, $text:literal, [$($label:ident),*], $help:literal;)*) => {
        $(#[doc = $help] pub const $name: &str = $text;)*

        /// Every metric of a node, in the order of the reference page.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $text,
            kind: $kind,
            unit: $unit,
            labels: &[$(labels::label(labels::$label)),*],
            help: $help,
        }),*];
    };
}

metrics_list! {
    // Contacts, counted where the log is applied.
    CONTACTS_ENQUEUED = Counter, Count, "ringmain_contacts_enqueued_total", [QUEUE],
        "Contacts taken into the cluster's care.";
    CONTACTS_REQUEUED = Counter, Count, "ringmain_contacts_requeued_total", [QUEUE],
        "Contacts that went back to their old place in the queue.";
    CONTACTS_ENDED = Counter, Count, "ringmain_contacts_ended_total", [QUEUE, REASON],
        "Contacts that ended, by reason: `completed`, `abandoned`, `merged`, `operator-lost`.";
    CONTACTS_WAITING = Gauge, Count, "ringmain_contacts_waiting", [QUEUE],
        "Contacts that wait for an operator.";
    CONTACTS_OPEN = Gauge, Count, "ringmain_contacts_open", [],
        "Contacts that have not ended.";
    OLDEST_WAITING = Gauge, Seconds, "ringmain_oldest_waiting_seconds", [QUEUE],
        "How long the longest waiting contact has waited; 0 when none waits.";
    QUEUE_ALARM = Gauge, Seconds, "ringmain_queue_alarm_seconds", [QUEUE],
        "For how long the alarm of the queue's leads has been on (`alarm_after_ms`); 0 when it is off.";
    QUEUE_TARGET = Gauge, Seconds, "ringmain_queue_target_seconds", [QUEUE],
        "Within which time the plan promises an answer.";
    CONTACT_WAIT = Histogram(Human), Seconds, "ringmain_contact_wait_seconds", [QUEUE],
        "Replicated time from a contact's arrival to its connection with an operator.";

    // Offers and operators, counted where the log is applied.
    OFFERS = Counter, Count, "ringmain_offers_total", [ANSWER],
        "Assignments of a contact to an operator, by how the operator answers.";
    OFFERS_WITHDRAWN = Counter, Count, "ringmain_offers_withdrawn_total", [REASON],
        "Assignments taken back: `abandoned`, `unanswered`, `declined`, `session-lost`.";
    OPERATORS = Gauge, Count, "ringmain_operators", [PRESENCE],
        "Operators by presence.";

    // Commands.
    COMMANDS_APPLIED = Counter, Count, "ringmain_commands_applied_total", [COMMAND],
        "Commands of the log that were applied, refused ones included.";
    COMMANDS_REFUSED = Counter, Count, "ringmain_commands_refused_total", [CODE],
        "Commands that the core refused, by error code.";

    // Proposals: from a client's command to its answer.
    ENTRIES_PROPOSED = Counter, Count, "ringmain_entries_proposed_total", [],
        "Entries that this node wrote as leader.";
    COMMANDS_PROPOSED = Counter, Count, "ringmain_commands_proposed_total", [],
        "Commands in them; divided by the entries: how well they batch.";
    PROPOSALS_PENDING = Gauge, Count, "ringmain_proposals_pending", [],
        "Commands proposed on this node and not answered yet.";

    // Raft.
    RAFT_TERM = Gauge, Count, "ringmain_raft_term", [],
        "The Raft term.";
    RAFT_IS_LEADER = Gauge, Count, "ringmain_raft_is_leader", [],
        "1 on the leader, 0 elsewhere.";
    RAFT_LAST_INDEX = Gauge, Count, "ringmain_raft_last_index", [],
        "Raft index of the last entry in this node's log.";
    RAFT_COMMITTED_INDEX = Gauge, Count, "ringmain_raft_committed_index", [],
        "Raft index up to which this node knows the log to be committed.";
    APPLY_SECONDS = Histogram(Fast), Seconds, "ringmain_apply_seconds", [],
        "Time to apply an entry, with the wait for whoever looks at the state; the next entry waits as long.";
    APPLY_LONGEST = Gauge, Seconds, "ringmain_apply_longest_seconds", [],
        "The longest of these since the process started.";
    RAFT_APPLIED_INDEX = Gauge, Count, "ringmain_raft_applied_index", [],
        "Raft index of the last applied entry.";
    APPLIED_INDEX = Gauge, Count, "ringmain_applied_index", [],
        "Log index of the last applied command.";
    PEER_LAG = Gauge, Count, "ringmain_peer_lag_entries", [PEER],
        "Entries by which a peer's log is behind the leader's; on the leader only.";
    LEADER_SILENCE = Gauge, Seconds, "ringmain_leader_silence_seconds", [],
        "Time since this node last heard of a working leader; 0 on the leader.";
    READ_ONLY = Gauge, Count, "ringmain_read_only", [],
        "1 while the node serves reads only because it has lost the leader or the majority.";
    NODES_LOST = Counter, Count, "ringmain_nodes_lost_total", [],
        "Peers that this node, as leader, has declared lost.";

    // Storage.
    LOG_SYNCS = Counter, Count, "ringmain_log_syncs_total", [],
        "Syncs of the Raft log to disk.";
    LOG_SYNC_MEAN = Gauge, Seconds, "ringmain_log_sync_mean_seconds", [],
        "Mean time of a sync of the Raft log since the node started.";
    LOG_SYNC_SECONDS = Gauge, Seconds, "ringmain_log_sync_seconds", [],
        "Time spent in syncs of the Raft log; only grows while the process runs. Its rate by that of the syncs is their mean time.";
    START_READ = Gauge, Seconds, "ringmain_start_read_seconds", [],
        "Time to read the last snapshot and the history when the process started; the log behind them is applied after that.";
    LOG_SUSPECT = Gauge, Count, "ringmain_log_suspect", [],
        "1 while the node grants no vote because its log was shorter than the durable mark.";
    DISK_BYTES = Gauge, Bytes, "ringmain_disk_bytes", [],
        "What is used and what is free on the disk of the data folder, together.";
    LOG_WRITTEN = Counter, Bytes, "ringmain_log_written_bytes_total", [],
        "Bytes appended to the Raft log.";
    SNAPSHOTS = Counter, Count, "ringmain_snapshots_total", [SOURCE],
        "Snapshots of the core's state.";
    SNAPSHOTS_FAILED = Counter, Count, "ringmain_snapshots_failed_total", [],
        "Snapshots that could not be written.";
    SNAPSHOT_BYTES = Gauge, Bytes, "ringmain_snapshot_bytes", [],
        "Size of the last snapshot.";
    SNAPSHOT_WRITE = Gauge, Seconds, "ringmain_snapshot_write_seconds", [],
        "Time that writing the last snapshot took here, beside the work.";
    SNAPSHOT_PAUSE = Gauge, Seconds, "ringmain_snapshot_pause_seconds", [],
        "How long nothing was applied while the view for the last snapshot was taken.";
    SNAPSHOT_INDEX = Gauge, Count, "ringmain_snapshot_index", [],
        "Raft index of the last snapshot.";
    SEGMENTS_FETCHED = Counter, Count, "ringmain_segments_fetched_total", [],
        "History segments fetched from a peer because this node lacked them.";
    TRANSFER_BYTES = Counter, Bytes, "ringmain_transfer_bytes_total", [FREIGHT],
        "Bytes of snapshots and history sent to nodes that lag.";
    DISK_FREE = Gauge, Bytes, "ringmain_disk_free_bytes", [],
        "Bytes free on the disk of the data folder, beside the reserve.";
    DISK_FULL = Gauge, Count, "ringmain_disk_full", [],
        "1 while the node takes no commands because its disk is nearly full.";
    SEARCH_INDEX_REBUILDS = Counter, Count, "ringmain_search_index_rebuilds_total", [],
        "Times the search index was set aside and built anew.";
    SEARCH_INDEX_BEHIND = Gauge, Count, "ringmain_search_index_behind", [],
        "Records of the history that the search index has not taken in yet.";

    // Sessions, actors, delivery.
    SESSIONS_LIVE = Gauge, Count, "ringmain_sessions_live", [ROLE],
        "Sessions whose stream this node holds.";
    SESSIONS_OPENED = Counter, Count, "ringmain_sessions_opened_total", [ROLE],
        "Sessions opened or resumed on this node.";
    RESYNCS = Counter, Count, "ringmain_resyncs_total", [ROLE],
        "Sessions that got their full list because their cursor was older than what is retained.";
    EFFECTS_DELIVERED = Counter, Count, "ringmain_effects_delivered_total", [ROLE],
        "Effects handed to this node's streams, repeats after a resume included.";
    FEED_LAG = Gauge, Count, "ringmain_feed_lag_commands", [],
        "Applied commands whose effects this node has not handed out yet.";
    OFFER_SECONDS = Histogram(Fast), Seconds, "ringmain_offer_seconds", [],
        "Time from proposing, on this node, the command that led to an offer until the offer was in the operator's stream here.";
    ACTORS_LIVE = Gauge, Count, "ringmain_actors_live", [ACTOR],
        "Actors alive on this node.";
    ACTOR_RESTARTS = Counter, Count, "ringmain_actor_restarts_total", [ACTOR],
        "Actors that failed and were started again from replicated state.";
    MAILBOX_PERMITS_EXHAUSTED = Counter, Count, "ringmain_mailbox_permits_exhausted_total", [ACTOR],
        "Messages turned away because the actor's mailbox was full.";
    TASKS_PANICKED = Counter, Count, "ringmain_tasks_panicked_total", [],
        "Background tasks that ended by a panic.";

    // The API.
    REQUESTS = Counter, Count, "ringmain_requests_total", [METHOD, CODE],
        "Requests and session commands, by outcome.";
    REQUEST_SECONDS = Histogram(Fast), Seconds, "ringmain_request_seconds", [METHOD],
        "Time to answer a unary request.";

    // Time and the process.
    CLOCK_OFFSET = Gauge, Seconds, "ringmain_clock_offset_seconds", [],
        "How far this node's wall clock and replicated time, extrapolated by its monotonic clock, are apart.";
    ALERTS = Counter, Count, "ringmain_alerts_total", [ALERT],
        "Alerts raised, each with a log line of the same name and a runbook.";
    BUILD = Gauge, Count, "ringmain_build_info", [VERSION],
        "Always 1.";
}
