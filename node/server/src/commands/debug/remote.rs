//! What the bundle takes from nodes. Lists of contacts, events and operators are never asked for.

use std::time::Duration;

use ringmain_protocol::v1::{ListQueuesRequest, Operator};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cli::NodeArgs;
use crate::commands::{cluster, operator, queue};
use crate::connection::{Clients, failed};
use crate::exit::Failure;

/// How long an HTTP answer may take.
const HTTP_WITHIN: Duration = Duration::from_secs(5);
/// Longest HTTP answer.
const HTTP_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// What a node says of the cluster.
pub(super) async fn status(clients: &Clients) -> Result<Value, Failure> {
    let status = clients.admin.cluster_status().await.map_err(|error| failed(&error))?;
    Ok(cluster::status_json(&status))
}

/// The API addresses of all nodes, with their numbers.
pub(super) async fn nodes(clients: &Clients) -> Result<Vec<(u64, String)>, Failure> {
    let status = clients.admin.cluster_status().await.map_err(|error| failed(&error))?;
    let addresses = status.nodes.into_iter().filter_map(|node| node.address);
    Ok(addresses.map(|address| (address.node, address.address)).collect())
}

/// What one node says of the cluster, asked at its own address.
pub(super) async fn status_at(node: &NodeArgs, address: &str) -> Result<Value, Failure> {
    let args = NodeArgs { address: vec![address.to_owned()], ..node.clone() };
    status(&Clients::open(&args).await?).await
}

/// Where a node that was asked at `asked` has its HTTP port: on the same host, if it listens on all its addresses.
pub(super) fn http_address(status: &Value, asked: &str) -> Option<String> {
    let told = status["http_address"].as_str().filter(|told| !told.is_empty())?;
    let (host, port) = told.rsplit_once(':')?;
    let everywhere = matches!(host, "0.0.0.0" | "[::]");
    let host = if everywhere { asked.rsplit_once(':')?.0 } else { host };
    Some(format!("{host}:{port}"))
}

/// The queues with their counts.
pub(super) async fn queues(clients: &Clients) -> Result<Value, Failure> {
    let (mut queues, mut cursor) = (Vec::new(), String::new());
    loop {
        let request = ListQueuesRequest { page_size: 0, page_cursor: cursor };
        let page = clients.supervisor.list_queues(request).await.map_err(|error| failed(&error))?;
        queues.extend(page.queues);
        if page.next_page_cursor.is_empty() {
            return Ok(queue::answer(&queues, &page.stamp.unwrap_or_default()).json);
        }
        cursor = page.next_page_cursor;
    }
}

/// How many operators there are, and what they do; nobody by name.
pub(super) async fn operators(clients: &Clients) -> Result<Value, Failure> {
    let (operators, stamp) = operator::all(clients).await?;
    let count = |is: fn(&Operator) -> bool| operators.iter().filter(|operator| is(operator)).count();
    let presence = |operator: &Operator| {
        let json = operator::presence_json(&operator.presence.unwrap_or_default());
        json["kind"].as_str().unwrap_or("unknown").to_owned()
    };
    let mut by_presence = serde_json::Map::new();
    for operator in &operators {
        let kind = presence(operator);
        let before = by_presence.get(&kind).and_then(Value::as_u64).unwrap_or(0);
        by_presence.insert(kind, json!(before + 1));
    }
    Ok(json!({
        "operators": operators.len(),
        "with_contacts": count(|operator| operator.used > 0),
        "by_presence": by_presence,
        "at_ms": stamp.at_ms,
    }))
}

/// The plan in force, as the protocol says it. It names queues, skills and units, and no person.
pub(super) async fn plan(clients: &Clients) -> Result<String, Failure> {
    let plan = clients.admin.plan().await.map_err(|error| failed(&error))?.plan.unwrap_or_default();
    Ok(format!("{plan:#?}\n"))
}

/// An answer of a node's HTTP port, whatever its status: the head is in it.
///
/// # Errors
/// When there is none in time.
pub(super) async fn http(address: &str, path: &str) -> Result<Vec<u8>, String> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(HTTP_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok::<Vec<u8>, std::io::Error>(answer)
    };
    match tokio::time::timeout(HTTP_WITHIN, ask).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("{address}{path}: {error}")),
        Err(_) => Err(format!("{address}{path}: no answer within {} s", HTTP_WITHIN.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_on_all_addresses_is_asked_for_where_the_node_was_found() {
        let at = |told: &str| http_address(&json!({"http_address": told}), "10.0.0.4:7111");
        assert_eq!(at("127.0.0.1:7113").as_deref(), Some("127.0.0.1:7113"));
        assert_eq!(at("0.0.0.0:7113").as_deref(), Some("10.0.0.4:7113"));
        assert_eq!(at("[::]:7113").as_deref(), Some("10.0.0.4:7113"));
        assert_eq!(at(""), None, "a node of an earlier version does not say");
    }
}
