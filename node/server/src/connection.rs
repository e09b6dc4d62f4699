//! The command line as a client: which nodes, as whom, and what an error means.

use std::time::Duration;

use ringmain_protocol::client::{
    ActionClient, AdminClient, BadConfig, CallConfig, CallError, ClusterClient, LifeSupportClient,
    SupervisorClient,
};
use ringmain_protocol::v1::{Error, ErrorKind};
use ringmain_telemetry::codes;
use tokio::net::TcpStream;

use crate::cli::NodeArgs;
use crate::exit::{Failure, FailureKind};

/// How long one node may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Clients of nodes of which one was reached.
#[derive(Clone)]
pub struct Clients {
    /// Reads.
    pub supervisor: SupervisorClient,
    /// The cluster and its plan.
    pub admin: AdminClient,
    /// Actions by hand, and the audit.
    pub action: ActionClient,
    /// Its members.
    pub cluster: ClusterClient,
    /// The life-support register.
    pub life_support: LifeSupportClient,
}

impl Clients {
    /// Clients of the nodes named.
    ///
    /// # Errors
    /// When no node is to be reached, or an address or the token is malformed.
    pub async fn open(args: &NodeArgs) -> Result<Clients, Failure> {
        let config = CallConfig::new(args.address.clone(), args.token.as_deref().unwrap_or_default());
        let clients = Clients {
            supervisor: SupervisorClient::new(&config).map_err(|bad| malformed(&bad))?,
            admin: AdminClient::new(&config).map_err(|bad| malformed(&bad))?,
            action: ActionClient::new(&config).map_err(|bad| malformed(&bad))?,
            cluster: ClusterClient::new(&config).map_err(|bad| malformed(&bad))?,
            life_support: LifeSupportClient::new(&config).map_err(|bad| malformed(&bad))?,
        };
        reach(&args.address).await?;
        Ok(clients)
    }
}

/// A client of one node, which has so long to answer; nothing is connected yet.
///
/// # Errors
/// When the address or the token is malformed.
pub fn admin_of(address: &str, args: &NodeArgs, timeout: Duration) -> Result<AdminClient, Failure> {
    let token = args.token.as_deref().unwrap_or_default();
    let config = CallConfig { timeout, ..CallConfig::new(vec![address.to_owned()], token) };
    AdminClient::new(&config).map_err(|bad| malformed(&bad))
}

/// Makes sure that a node listens at one of the addresses, so that a wrong address is told from a cluster in trouble.
///
/// # Errors
/// When none does.
pub async fn reach(addresses: &[String]) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for address in addresses {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => failed.push(format!("{address}: {error}")),
            Err(_) => failed.push(format!("{address}: no answer within {} s", CONNECT_TIMEOUT.as_secs())),
        }
    }
    let message = format!(
        "no node can be reached ({}); name one with --address HOST:PORT or RINGMAIN_ADDR",
        failed.join("; ")
    );
    Err(Failure::new(FailureKind::Unavailable, codes::UNREACHABLE.code, message))
}

/// What a failed call means for the one at the command line.
#[must_use]
pub fn failed(error: &CallError) -> Failure {
    failure(&error.0)
}

/// What a node's error means for the one at the command line.
#[must_use]
pub fn failure(error: &Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::Refusal => FailureKind::Refused,
        ErrorKind::Unavailable => FailureKind::Unavailable,
        ErrorKind::Unknown => FailureKind::Unknown,
        ErrorKind::Invalid => FailureKind::Invalid,
        ErrorKind::Unauthorized => FailureKind::Unauthorized,
        ErrorKind::Unspecified => FailureKind::Internal,
    };
    let mut message = error.message.clone();
    for problem in &error.problems {
        message.push_str(&format!("\n  {}: {}", problem.field, problem.problem));
    }
    if error.code == codes::UNAUTHENTICATED.code {
        message.push_str(" (--token or RINGMAIN_TOKEN)");
    }
    if error.retry_after_ms > 0 {
        message.push_str(&format!("; try again after {} ms", error.retry_after_ms));
    }
    Failure::new(kind, &error.code, message)
}

/// What a malformed address or token means.
#[must_use]
pub fn malformed(bad: &BadConfig) -> Failure {
    Failure::new(FailureKind::Invalid, codes::INVALID_REQUEST.code, format!("--{bad}"))
}
