//! `snapshot restore`.

use std::sync::Arc;

use ringmain_cluster_config::NodeConfig;
use ringmain_replication::Clock;
use ringmain_replication::archive::{self, ArchiveHead, Target};
use ringmain_replication::files::SyncMeter;
use ringmain_telemetry::codes;
use serde_json::json;

use super::{bytes_bar, failed};
use crate::cli::RestoreArgs;
use crate::clock::SystemClock;
use crate::exit::{Failure, FailureKind};
use crate::output::{self, Answer, Block, moment};
use crate::running::peer;

/// Makes the data folder of the first node of a new cluster.
pub(super) async fn restore(args: RestoreArgs) -> Result<(), Failure> {
    let invalid =
        |error: &dyn std::fmt::Display| Failure::new(FailureKind::Invalid, codes::INVALID_CONFIG.code, error);
    let config = NodeConfig::load(&args.config).map_err(|error| invalid(&error))?;
    let me = config.me().ok_or_else(|| invalid(&"node: is not among the peers"))?;
    let clock = Arc::new(SystemClock::start());
    let target = Target {
        dir: config.data_dir.clone(),
        cluster: config.cluster.clone(),
        me: peer(me),
        wall_ms: clock.wall_ms(),
    };
    if args.dry_run {
        let head = archive::can_restore(&args.file, &target).map_err(failed)?;
        return output::print(&would_restore(&target, &head), args.format, false);
    }
    let bytes = std::fs::metadata(&args.file).map_or(0, |file| file.len());
    let bar = bytes_bar(bytes, "restoring");
    let shown = bar.clone();
    let meter = SyncMeter::new(clock);
    let restored =
        archive::restore(&args.file, &target, &meter, &mut move |done| shown.set_position(done)).await;
    bar.finish_and_clear();
    let restored = restored.map_err(failed)?;
    let head = &restored.head;
    let text = vec![
        Block::Line(format!(
            "restored to {}: cluster {}, generation {}, log index {}, as of {}",
            target.dir.display(),
            target.cluster,
            restored.generation,
            head.log_index,
            moment(head.at_ms),
        )),
        Block::Line(format!(
            "node {} is the only member: start it with this config, and add others with empty data folders",
            config.node
        )),
    ];
    let json = json!({
        "data_dir": target.dir.display().to_string(),
        "cluster": target.cluster,
        "node": config.node.0,
        "generation": restored.generation,
        "log_index": head.log_index,
        "at_ms": head.at_ms,
        "history_from": head.history_from,
    });
    output::print(&Answer { json, text }, args.format, false)
}

fn would_restore(target: &Target, head: &ArchiveHead) -> Answer {
    let line = format!(
        "would restore to {}: cluster {}, log index {}, as of {}; nothing was written (--dry-run)",
        target.dir.display(),
        target.cluster,
        head.log_index,
        moment(head.at_ms),
    );
    let json = json!({
        "dry_run": true,
        "data_dir": target.dir.display().to_string(),
        "cluster": target.cluster,
        "log_index": head.log_index,
        "at_ms": head.at_ms,
    });
    Answer { json, text: vec![Block::Line(line)] }
}
