//! HTTP/2 connections to nodes. Clients of one program may share them: many sessions run over one connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use crate::wire::Dialer;

/// Connections that a program keeps; more addresses get a connection of their own each time.
const CONNECTIONS_MAX: usize = 256;
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_000);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections to nodes, made when first used and again after a loss.
#[derive(Clone, Default)]
pub struct Connections {
    channels: Arc<Mutex<BTreeMap<String, Channel>>>,
    dialer: Option<Dialer>,
}

/// A text that is not the address of a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("addresses: {0:?} is not a node's API address, which looks like 192.0.2.7:7100")]
pub struct BadAddress(pub String);

impl Connections {
    /// Connections that are made by `dialer` and not by TCP.
    #[must_use]
    pub fn by(dialer: Dialer) -> Connections {
        Connections { dialer: Some(dialer), ..Connections::default() }
    }

    /// The connection to the node at `host:port`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`BadAddress`] when the text is no address.
    pub fn channel(&self, address: &str) -> Result<Channel, BadAddress> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(address) {
            return Ok(channel.clone());
        }
        let channel = Dialer::channel(self.dialer.as_ref(), &endpoint(address)?);
        if channels.len() < CONNECTIONS_MAX {
            channels.insert(address.to_owned(), channel.clone());
        }
        Ok(channel)
    }
}

fn endpoint(address: &str) -> Result<Endpoint, BadAddress> {
    let bad = || BadAddress(address.to_owned());
    let (host, port) = address.rsplit_once(':').ok_or_else(bad)?;
    if host.is_empty() || port.parse::<u16>().is_err() {
        return Err(bad());
    }
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|_| bad())?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_text_that_is_no_address_is_refused() {
        let connections = Connections::default();
        for bad in ["", "node", "node:", ":7100", "node:port", "node:99999", "a b:1"] {
            assert_eq!(connections.channel(bad).err(), Some(BadAddress(bad.to_owned())));
        }
        assert!(connections.channel("node-1.example:7100").is_ok());
        assert!(connections.channel("[::1]:7100").is_ok());
    }
}
