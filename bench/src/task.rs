//! The one place of this crate that starts tasks.

use std::future::Future;

use tokio::task::JoinHandle;

/// A task that ends when its owner is dropped.
#[derive(Debug)]
pub(crate) struct Owned(JoinHandle<()>);

impl Owned {
    #[expect(
        clippy::disallowed_methods,
        reason = "every task of a client is started here and ended by its owner"
    )]
    pub(crate) fn start(task: impl Future<Output = ()> + Send + 'static) -> Owned {
        Owned(tokio::spawn(task))
    }

    /// Waits for its own end.
    pub(crate) async fn ended(mut self) {
        // A task that panicked has said so on standard error; its owner goes on.
        let _end = (&mut self.0).await;
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}
