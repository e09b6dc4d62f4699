//! `demo`.

use crate::clock;
use crate::demo::{self, DemoArgs};
use crate::exit::{Failure, FailureKind};

/// Plays the demo; a broken promise is a failure.
pub(super) fn run(args: DemoArgs) -> Result<(), Failure> {
    let internal = |error: &dyn std::fmt::Display| Failure::new(FailureKind::Internal, "internal", error);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| internal(&error))?;
    match runtime.block_on(demo::run(args, clock::salt())) {
        Ok(true) => Ok(()),
        Ok(false) => Err(internal(&"the demo broke a promise; its report names it")),
        Err(error) => Err(internal(&format!("{error:#}"))),
    }
}
