//! As much of etcd's API (version 3, gRPC) as a life cycle needs. Numbers and names are those of its `rpc.proto`.

use anyhow::Context as _;
use futures::StreamExt as _;
use futures::stream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct KeyValue {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(int64, tag = "2")]
    pub(super) create_revision: i64,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Put {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Delete {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Operation {
    #[prost(oneof = "Change", tags = "2, 3")]
    pub(super) change: Option<Change>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Change {
    #[prost(message, tag = "2")]
    Put(Put),
    #[prost(message, tag = "3")]
    Delete(Delete),
}

/// That a key was created by the transaction of a revision; 0: that there is none.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Compare {
    /// 0: equal.
    #[prost(int32, tag = "1")]
    result: i32,
    /// 1: the revision in which it was created.
    #[prost(int32, tag = "2")]
    target: i32,
    #[prost(bytes = "vec", tag = "3")]
    key: Vec<u8>,
    // Of a oneof, whose member is written even if it is 0.
    #[prost(int64, optional, tag = "5")]
    create_revision: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Transaction {
    #[prost(message, repeated, tag = "1")]
    pub(super) compare: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    pub(super) success: Vec<Operation>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Header {
    #[prost(int64, tag = "3")]
    revision: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TransactionAnswer {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(bool, tag = "2")]
    succeeded: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WatchRequest {
    #[prost(message, optional, tag = "1")]
    create: Option<WatchCreate>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WatchCreate {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    range_end: Vec<u8>,
    #[prost(int64, tag = "3")]
    start_revision: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WatchAnswer {
    #[prost(bool, tag = "4")]
    canceled: bool,
    #[prost(string, tag = "6")]
    cancel_reason: String,
    #[prost(message, repeated, tag = "11")]
    events: Vec<Event>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Event {
    /// 0: put, 1: deleted.
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) kv: Option<KeyValue>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Done, in this revision.
    Done(i64),
    /// Something was not as it was compared with.
    NotSo,
    /// The server has too much to do.
    TooMuch,
}

/// A connection to one member.
#[derive(Clone)]
pub(super) struct Member {
    grpc: Grpc<Channel>,
}

/// Changes of all keys with a prefix, in the order of their revisions.
pub(super) struct Watch {
    answers: Streaming<WatchAnswer>,
}

impl Compare {
    pub(super) fn created(key: &[u8], revision: i64) -> Compare {
        Compare { result: 0, target: 1, key: key.to_vec(), create_revision: Some(revision) }
    }
}

impl Operation {
    pub(super) fn put(key: Vec<u8>, value: Vec<u8>) -> Operation {
        Operation { change: Some(Change::Put(Put { key, value })) }
    }

    pub(super) fn delete(key: Vec<u8>) -> Operation {
        Operation { change: Some(Change::Delete(Delete { key })) }
    }
}

impl Event {
    pub(super) fn is_put(&self) -> bool {
        self.kind == 0
    }
}

impl Member {
    pub(super) async fn open(address: &str) -> anyhow::Result<Member> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?.tcp_nodelay(true);
        let channel = endpoint.connect().await.with_context(|| format!("connecting to {address}"))?;
        Ok(Member { grpc: Grpc::new(channel) })
    }

    /// Does all of it or nothing.
    pub(super) async fn transact(&self, transaction: Transaction) -> anyhow::Result<Outcome> {
        let mut grpc = self.grpc.clone();
        grpc.ready().await?;
        let path = PathAndQuery::from_static("/etcdserverpb.KV/Txn");
        let codec = ProstCodec::<Transaction, TransactionAnswer>::default();
        match grpc.unary(Request::new(transaction), path, codec).await {
            Ok(answer) => {
                let TransactionAnswer { header, succeeded } = answer.into_inner();
                let revision = header.context("an answer without a header")?.revision;
                Ok(if succeeded { Outcome::Done(revision) } else { Outcome::NotSo })
            }
            Err(status) if status.code() == Code::ResourceExhausted => Ok(Outcome::TooMuch),
            Err(status) => Err(told(&status)),
        }
    }

    /// From a revision on.
    pub(super) async fn watch(&self, prefix: &str, start_revision: i64) -> anyhow::Result<Watch> {
        let mut range_end = prefix.as_bytes().to_vec();
        // Keys with a prefix lie before the prefix whose last byte is one more; ours end in a slash.
        *range_end.last_mut().context("a prefix is not empty")? += 1;
        let create = WatchCreate { key: prefix.as_bytes().to_vec(), range_end, start_revision };
        let request = WatchRequest { create: Some(create) };
        // The watch ends when its requests do.
        let requests = stream::once(async { request }).chain(stream::pending());
        let mut grpc = self.grpc.clone();
        grpc.ready().await?;
        let path = PathAndQuery::from_static("/etcdserverpb.Watch/Watch");
        let codec = ProstCodec::<WatchRequest, WatchAnswer>::default();
        let answers =
            grpc.streaming(Request::new(requests), path, codec).await.map_err(|status| told(&status))?;
        Ok(Watch { answers: answers.into_inner() })
    }
}

impl Watch {
    /// Waits for the next changes.
    pub(super) async fn next(&mut self) -> anyhow::Result<Vec<Event>> {
        loop {
            let answer = self.answers.message().await.map_err(|status| told(&status))?;
            let answer = answer.context("a watch has ended")?;
            anyhow::ensure!(!answer.canceled, "a watch was cancelled: {}", answer.cancel_reason);
            if !answer.events.is_empty() {
                return Ok(answer.events);
            }
        }
    }
}

fn told(status: &Status) -> anyhow::Error {
    anyhow::anyhow!("the server says: {} ({:?})", status.message(), status.code())
}
