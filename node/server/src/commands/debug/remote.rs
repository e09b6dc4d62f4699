//! What the bundle takes from nodes. Lists of contacts, events and operators are never asked for.

use std::net::IpAddr;
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
///
/// # Errors
/// It does not say, or listens where only its own machine reaches it, which is another one as far as can be told.
pub(super) fn http_address(status: &Value, asked: &str) -> Result<String, String> {
    let told = status["http_address"].as_str().unwrap_or_default();
    let (Some((host, port)), Some((asked_at, _))) = (told.rsplit_once(':'), asked.rsplit_once(':')) else {
        return Err("the node does not say where it listens for HTTP".to_owned());
    };
    if matches!(host, "0.0.0.0" | "[::]") {
        return Ok(format!("{asked_at}:{port}"));
    }
    if is_loopback(host) && !is_loopback(asked_at) {
        return Err(format!(
            "the node listens for HTTP on the loopback of its machine only ({told}); run this there with --config"
        ));
    }
    Ok(told.to_owned())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
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
        assert_eq!(at("0.0.0.0:7113").as_deref(), Ok("10.0.0.4:7113"));
        assert_eq!(at("[::]:7113").as_deref(), Ok("10.0.0.4:7113"));
        assert_eq!(at("10.0.0.9:7113").as_deref(), Ok("10.0.0.9:7113"));
        at("").expect_err("a node of an earlier version does not say");
    }

    #[test]
    fn the_loopback_of_another_machine_is_not_taken_for_the_own_one() {
        let at = |told: &str, asked: &str| http_address(&json!({"http_address": told}), asked);
        for told in ["127.0.0.1:7113", "[::1]:7113", "localhost:7113"] {
            assert!(at(told, "10.0.0.4:7111").unwrap_err().contains("its machine only"), "{told}");
            assert_eq!(at(told, "localhost:7111").as_deref(), Ok(told));
            assert_eq!(at(told, "127.0.0.1:7111").as_deref(), Ok(told));
        }
    }
}
