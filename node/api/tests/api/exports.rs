//! Full exports, from which a final scan judges what became of every contact.

use ringmain_protocol::v1;
use ringmain_protocol::v1::export_state_response::Part;
use ringmain_protocol::v1::gateway_service_session_request::Message as GatewayUp;
use ringmain_routing::{Command, Outcome, Router, Timestamp};

use crate::support::{ADMIN, Node, gateway_hello, push};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_state_is_exported_whole_at_one_log_index() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    for op in 1..=30 {
        let mut push = push(op, &format!("k{op}"));
        push.details = Some(v1::ContactDetails {
            attributes: vec![9; 16 * 1024].into(),
            ..v1::ContactDetails::default()
        });
        gateway.say(GatewayUp::Push(push)).await;
        gateway.accepted(op).await;
    }
    let wanted = node.replica.status().applied.0;
    let request = v1::ExportStateRequest { with_snapshot: true, at_least_log_index: wanted };
    let mut parts = node.admin(ADMIN).await.export_state(request).await.unwrap().into_inner();
    let (mut header, mut contacts, mut operators, mut snapshot, mut end) = (None, 0, 0, Vec::new(), None);
    while let Some(message) = parts.message().await.unwrap() {
        match message.part.unwrap() {
            Part::Header(part) => header = Some(part),
            Part::Contacts(part) => contacts += part.contacts.len() as u64,
            Part::Operators(part) => operators += part.operators.len() as u64,
            Part::Snapshot(part) => snapshot.extend_from_slice(&part),
            Part::End(part) => end = Some(part),
        }
    }
    let (header, end) = (header.unwrap(), end.unwrap());
    assert_eq!((contacts, operators), (30, 1));
    assert_eq!((end.contacts, end.operators, end.snapshot_bytes), (30, 1, snapshot.len() as u64));
    let copy = Router::restore(&snapshot).unwrap();
    assert_eq!(copy.index().0, header.stamp.unwrap().log_index);
    assert_eq!(copy.chain().to_be_bytes().as_slice(), &header.chain[..]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_replays_to_the_same_chain() {
    let node = Node::start().await;
    let (mut gateway, _) = node.gateway(gateway_hello(1)).await;
    for op in 1..=10 {
        gateway.say(GatewayUp::Push(push(op, &format!("k{op}")))).await;
        gateway.accepted(op).await;
    }
    let request = v1::ExportHistoryRequest::default();
    let mut parts = node.admin(ADMIN).await.export_history(request).await.unwrap().into_inner();
    let mut replayed = Router::new();
    while let Some(part) = parts.message().await.unwrap() {
        for record in part.records {
            let outcome = replayed.apply(Timestamp(record.at_ms), &Command::decode(&record.command).unwrap());
            assert_eq!(outcome, Outcome::decode(&record.outcome).unwrap());
            assert_eq!(replayed.index().0, record.log_index, "in order and without gaps");
            assert_eq!(replayed.chain().to_be_bytes().as_slice(), &record.chain[..]);
        }
    }
    assert!(replayed.index().0 >= 13);
    assert_eq!(replayed.contacts().count(), 10);
}
