//! `config schema`.

use ringmain_cluster_config::schema;
use ringmain_telemetry::codes;

use crate::cli::{FileKind, SchemaArgs};
use crate::exit::{Failure, FailureKind};
use crate::output;

/// Prints or writes the schema.
pub(super) fn run(args: &SchemaArgs) -> Result<(), Failure> {
    let schema = match args.kind {
        FileKind::Node => schema::node_config(),
        FileKind::Plan => schema::routing_plan(),
        FileKind::Tokens => schema::tokens(),
    };
    let text = format!("{schema:#}\n");
    match &args.out {
        None => output::write_out(&text),
        Some(path) => std::fs::write(path, text).map_err(|error| {
            let message = format!("--out: cannot write {}: {error}", path.display());
            Failure::new(FailureKind::Invalid, codes::STORAGE_FAILED.code, message)
        }),
    }
}
