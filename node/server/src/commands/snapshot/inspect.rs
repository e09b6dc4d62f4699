//! `snapshot inspect`.

use std::path::Path;

use ringmain_replication::archive::{self, ArchiveHead};
use serde_json::json;

use super::failed;
use crate::cli::InspectArgs;
use crate::exit::Failure;
use crate::output::{self, Answer, Block, Column, Rows, moment};

/// Checks all of it and says what it holds.
pub(super) fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    let head = archive::inspect(&args.file).map_err(failed)?;
    output::print(&answer(&args.file, &head), args.format, false)
}

/// A backup that was checked.
pub(super) fn answer(path: &Path, head: &ArchiveHead) -> Answer {
    let mut rows = Rows::new(&[Column::Words("field"), Column::Words("value")]);
    for (field, value) in [
        ("file", path.display().to_string()),
        ("cluster", format!("{}, generation {}", head.cluster, head.generation)),
        ("made by", format!("node {}, version {}, at {}", head.node, head.version, moment(head.made_ms))),
        ("log index", head.log_index.to_string()),
        ("replicated time", moment(head.at_ms)),
        ("raft", format!("entry {} of term {}", head.raft_index, head.raft_term)),
        ("history", history_words(head)),
        ("parts", format!("{}, {} bytes", head.parts.len(), head.content_bytes())),
        ("chain", head.chain.clone()),
    ] {
        rows.push([field.to_owned(), value]);
    }
    let json = json!({
        "file": path.display().to_string(),
        "sound": true,
        "content_bytes": head.content_bytes(),
        "archive": head,
    });
    Answer { json, text: vec![Block::Line("backup is sound".to_owned()), Block::Rows(rows)] }
}

fn history_words(head: &ArchiveHead) -> String {
    if head.history_from > head.log_index {
        "none".to_owned()
    } else {
        format!("from {} to {}", head.history_from, head.log_index)
    }
}
