//! Alerts: what a person must look at, though the node goes on. Each is logged with `alert = <name>`, counted in
//! [`crate::names::ALERTS`] and has a runbook `docs/runbooks/<name>.md`.

/// One alert.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    /// The stable name.
    pub name: &'static str,
    /// What has happened, in a sentence.
    pub text: &'static str,
}

macro_rules! alerts {
    ($($name:ident = $text:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $text;)*

        /// Every alert there is.
        pub const ALERTS: &[Alert] = &[$(Alert { name: $text, text: $meaning }),*];
    };
}

alerts! {
    CLOCK_OFF = "clock-off", "The wall clock differs from replicated time by more than a second.";
    LOG_SUSPECT = "log-suspect", "The log is shorter than its durable mark: acknowledged entries may be gone here.";
    SEARCH_INDEX_SET_ASIDE = "search-index-set-aside", "The search index did not open and is built anew.";
    DISK_FULL = "disk-full", "The disk is nearly full: the node takes no commands until there is room again.";
    FILE_SET_ASIDE = "file-set-aside", "A damaged snapshot or history segment was set aside; it is made or fetched anew.";
    NODE_LOST = "node-lost", "The leader has declared a peer lost.";
}
