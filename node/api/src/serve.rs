//! The loops behind a node's ports. They are boxed here, so that the HTTP machinery is compiled once, with this crate.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use ringmain_protocol::wire::Wire;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_stream::Stream;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::{Connected, TcpIncoming};

/// Connections are looked after: a client that vanished without a word is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Streams of one connection that their client may give up before they are taken. HTTP/2 ends the connection with all its
/// streams beyond that; the library's 20 are less than what one connection's thousand sessions give up when a leader is lost
/// and the node is busy.
const GIVEN_UP_MAX: usize = 1_000;

/// Work that runs until it ends by itself.
pub type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves gRPC on a port until `closing` resolves; then no new call is taken, and those under way are finished.
#[must_use]
pub fn serve_grpc(
    listener: TcpListener,
    routes: Routes,
    closing: impl Future<Output = ()> + Send + 'static,
) -> Serving {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Box::pin(grpc(incoming, routes, Box::pin(closing)))
}

/// Serves gRPC on connections of any kind until `closing` resolves, as [`serve_grpc`] does.
#[must_use]
pub fn serve_grpc_over(
    wires: impl Stream<Item = io::Result<Wire>> + Send + 'static,
    routes: Routes,
    closing: impl Future<Output = ()> + Send + 'static,
) -> Serving {
    Box::pin(grpc(
        Box::pin(wires) as Pin<Box<dyn Stream<Item = io::Result<Wire>> + Send>>,
        routes,
        Box::pin(closing),
    ))
}

/// Serves HTTP on a port until `closing` resolves.
#[must_use]
pub fn serve_http(
    listener: TcpListener,
    router: axum::Router,
    closing: impl Future<Output = ()> + Send + 'static,
) -> Serving {
    Box::pin(http(listener, router, Box::pin(closing)))
}

async fn grpc<W>(incoming: impl Stream<Item = io::Result<W>>, routes: Routes, closing: Serving)
where
    W: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let served = Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .http2_max_pending_accept_reset_streams(Some(GIVEN_UP_MAX))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, closing)
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "server ended");
    }
}

async fn http(listener: TcpListener, router: axum::Router, closing: Serving) {
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(closing).await {
        tracing::error!(%error, "server ended");
    }
}
