//! Single calls: asked of one node after the other until one can serve.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::{BadConfig, Connections};
use crate::status;
use crate::v1::{Error, ErrorKind};

/// How a client of single calls is set up.
#[derive(Clone)]
pub struct CallConfig {
    /// API addresses (`host:port`). One address asks that node and no other.
    pub addresses: Vec<String>,
    /// Proves who asks.
    pub token: String,
    /// Longest wait for one node's answer.
    pub timeout: Duration,
    /// Connections to nodes, shared with other clients of the program or its own.
    pub connections: Connections,
}

impl CallConfig {
    /// A configuration with the usual bounds.
    #[must_use]
    pub fn new(addresses: Vec<String>, token: &str) -> CallConfig {
        CallConfig {
            addresses,
            token: token.to_owned(),
            timeout: Duration::from_secs(5),
            connections: Connections::default(),
        }
    }
}

impl fmt::Debug for CallConfig {
    /// Leaves out the token: it must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallConfig").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}: {}", .0.code, .0.message)]
pub struct CallError(pub Box<Error>);

impl From<Status> for CallError {
    fn from(status: Status) -> CallError {
        CallError::of(&status)
    }
}

impl CallError {
    pub(super) fn of(status: &Status) -> CallError {
        CallError(Box::new(status::to_error(status)))
    }

    pub(super) fn late(timeout: Duration) -> CallError {
        CallError(Box::new(Error {
            kind: ErrorKind::Unknown.into(),
            code: "unknown-outcome".to_owned(),
            message: format!("no answer within {} ms", timeout.as_millis()),
            retryable: true,
            ..Error::default()
        }))
    }
}

/// Asks nodes, beginning with the one that answered last.
#[derive(Clone)]
pub(super) struct Caller {
    nodes: Arc<[Channel]>,
    last: Arc<AtomicUsize>,
    token: MetadataValue<Ascii>,
    timeout: Duration,
}

/// Whether a call may be asked again of another node after a silence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// A read, or a change that is harmless to repeat.
    AskAnother,
    /// The caller decides.
    Report,
}

impl Caller {
    pub(super) fn new(config: &CallConfig) -> Result<Caller, BadConfig> {
        if config.addresses.is_empty() {
            return Err(BadConfig::NoAddress);
        }
        let nodes: Result<Vec<Channel>, _> =
            config.addresses.iter().map(|address| config.connections.channel(address)).collect();
        Ok(Caller {
            nodes: nodes?.into(),
            last: Arc::new(AtomicUsize::new(0)),
            token: format!("Bearer {}", config.token).parse().map_err(|_| BadConfig::BadToken)?,
            timeout: config.timeout,
        })
    }

    /// Asks each node at most once, until one answers with anything but "not now".
    pub(super) async fn call<Q, A, F>(
        &self,
        silence: Silence,
        question: Q,
        mut ask: impl FnMut(Channel, Request<Q>) -> F,
    ) -> Result<A, CallError>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let first = self.last.load(Ordering::Relaxed);
        let mut failed = CallError::late(self.timeout);
        for step in 0..self.nodes.len() {
            let at = (first + step) % self.nodes.len();
            let mut request = Request::new(question.clone());
            request.metadata_mut().insert("authorization", self.token.clone());
            failed = match tokio::time::timeout(self.timeout, ask(self.nodes[at].clone(), request)).await {
                Ok(Ok(answer)) => {
                    self.last.store(at, Ordering::Relaxed);
                    return Ok(answer.into_inner());
                }
                Ok(Err(status)) => CallError::of(&status),
                Err(_) => CallError::late(self.timeout),
            };
            match failed.0.kind() {
                ErrorKind::Unavailable => {}
                ErrorKind::Unknown if silence == Silence::AskAnother => {}
                ErrorKind::Unknown
                | ErrorKind::Refusal
                | ErrorKind::Invalid
                | ErrorKind::Unauthorized
                | ErrorKind::Unspecified => return Err(failed),
            }
        }
        Err(failed)
    }

    /// The node that answered last is not asked first again.
    pub(super) fn turn_away(&self) {
        self.last.fetch_add(1, Ordering::Relaxed);
    }
}
