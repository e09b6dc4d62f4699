//! Actions by hand: the key, and how their answers are shown.

use ringmain_protocol::v1::Receipt;
use ringmain_replication::Clock;
use serde_json::json;

use crate::cli::ActionArgs;
use crate::clock::SystemClock;
use crate::exit::Failure;
use crate::output::{self, Answer, Block};

/// The key that was given, or a new one: time and process tell two runs apart.
pub(super) fn key(args: &ActionArgs) -> String {
    let made = || format!("cli-{:x}-{:x}", SystemClock::start().wall_ms(), std::process::id());
    args.key.clone().unwrap_or_else(made)
}

/// Says what was done, or would be. `contacts` is `None` for what is not about contacts.
pub(super) fn print(
    args: &ActionArgs,
    key: &str,
    what: &str,
    contacts: Option<u32>,
    receipt: Option<Receipt>,
) -> Result<(), Failure> {
    let log_index = receipt.map(|receipt| receipt.log_index);
    let json = json!({
        "dry_run": args.dry_run, "key": key, "what": what, "contacts": contacts, "log_index": log_index,
    });
    let count = contacts.map(|contacts| format!(": {contacts} contacts")).unwrap_or_default();
    let line = match log_index {
        Some(index) => format!("{what}{count}; log index {index}, key {key}"),
        None => format!("{what}{count}; nothing was done (--dry-run)"),
    };
    output::print(&Answer { json, text: vec![Block::Line(line)] }, args.node.format, false)
}
