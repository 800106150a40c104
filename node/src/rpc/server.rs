//! The listener: bounded connections, a deadline for request heads, and a clean stop.
//!
//! axum's own `serve` has neither a bound on connections nor a deadline for slow heads, so the
//! accept loop is here. A connection's place is held by its stream, WebSockets included.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jsonrpsee::server::ws::is_upgrade_request;
use jsonrpsee::server::{
    BatchRequestConfig, Methods, PingConfig, Server, ServerConfig, StopHandle, stop_channel,
};
use titian_contracts::limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::Sleep;
use tower::ServiceExt as _;

use super::http::{PeerAddress, internal_error, router};
use super::limit::{CallLimiter, Connections, Place};
use super::submit::Receipts;
use super::tls::Tls;
use super::{Backend, Config, Counters, State, large, methods, vc_anchors};

/// How often addresses that no longer call are forgotten.
const SHRINK_EVERY: Duration = Duration::from_secs(30);
/// Answers of a call or batch.
const RESPONSE_BYTES_MAX: u32 = 16 * 1024 * 1024;
/// Subscriptions of one WebSocket.
const SUBSCRIPTIONS_PER_CONNECTION_MAX: u32 = 16;
/// How long requests under way may take when the interface stops.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How long a peer may take nothing of what is written to it.
const STALL_MAX: Duration = Duration::from_secs(60);
/// Pause after the system refused to accept (no file handles left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A running interface.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    rpc: jsonrpsee::server::ServerHandle,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Stops: no new connections, open ones are closed, tasks end.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // refused only if it is stopping already
        let _ = self.rpc.stop();
        for task in self.tasks {
            // a task that panicked has said so in the log
            let _ = task.await;
        }
    }
}

/// Starts the interface.
pub async fn start(config: Config, backend: Backend) -> io::Result<Running> {
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let receipts = Receipts::default();
    let ledger = backend.ledger.clone();
    let follow = tokio::spawn(receipts.clone().follow(ledger.clone(), ledger.committed()));
    if let Some(issuing) = &backend.issuing {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        issuing.listens_at(&format!("{scheme}://{address}"));
    }
    let state = Arc::new(State {
        limiter: config.calls_per_second_max.map(CallLimiter::new),
        receipts,
        tables: super::ubin::Tables::default(),
        figures: super::ubin::Figures::default(),
        challenges: super::vc::challenge::Challenges::default(),
        bundles: Semaphore::new(limits::BUNDLES_AT_A_TIME),
        large_bodies: Semaphore::new(limits::VERIFY_BATCHES_AT_A_TIME),
        counters: Counters::default(),
        started: Instant::now(),
        config,
        backend,
    });
    let (stop_handle, rpc) = stop_channel();
    let methods = methods::all(Arc::clone(&state)).map_err(io::Error::other)?;
    let by_http = methods::by_http(&methods).map_err(io::Error::other)?;
    let methods = Served { by_socket: methods.into(), by_http: by_http.into() };
    let app = router(&state, by_size(&state, methods, stop_handle));
    let (stop, stopped) = watch::channel(false);
    let accept = tokio::spawn(accept(Arc::clone(&state), listener, app, stopped.clone()));
    let shrink = tokio::spawn(shrink(Arc::clone(&state), stopped.clone()));
    let anchors = tokio::spawn(vc_anchors::follow(Arc::clone(&state), stopped.clone()));
    let follow = tokio::spawn(until_stopped(stopped, follow));
    tracing::info!(%address, tls = state.config.tls.is_some(), "interface open");
    Ok(Running { address, stop, rpc, tasks: vec![accept, shrink, anchors, follow] })
}

/// Aborts `task` when the interface stops.
async fn until_stopped(mut stopped: watch::Receiver<bool>, task: tokio::task::JoinHandle<()>) {
    stop_asked(&mut stopped).await;
    task.abort();
}

async fn shrink(state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(SHRINK_EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                if let Some(limiter) = &state.limiter {
                    limiter.shrink();
                }
            }
            () = stop_asked(&mut stopped) => return,
        }
    }
}

/// The methods over a WebSocket, and those of single requests.
#[derive(Clone)]
struct Served {
    by_socket: Methods,
    by_http: Methods,
}

/// The JSON-RPC service, mounted in the router: with the limit of all, and for what [`large`] admits
/// with that of a batch.
fn by_size(
    state: &Arc<State>,
    methods: Served,
    stop: StopHandle,
) -> impl tower::Service<
    Request,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future = impl Send + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    let small = rpc_service(methods.clone(), stop.clone(), limits::RPC_BODY_BYTES_MAX);
    let batch = rpc_service(methods, stop, limits::VERIFY_BATCH_BYTES_MAX);
    let state = Arc::clone(state);
    tower::service_fn(move |request: Request| {
        let (state, small, batch) = (Arc::clone(&state), small.clone(), batch.clone());
        async move {
            if !large::is_announced(&request) {
                return small.oneshot(request).await;
            }
            // held until the call is answered: so long the body is in memory
            let Ok(_place) = state.large_bodies.try_acquire() else { return Ok(large::busy()) };
            match large::admit(request).await {
                Ok(request) => batch.oneshot(request).await,
                Err(refused) => Ok(refused),
            }
        }
    })
}

fn rpc_service(
    methods: Served,
    stop: StopHandle,
    body_bytes_max: usize,
) -> impl tower::Service<
    Request,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future = impl Send + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    let batch = u32::try_from(limits::RPC_BATCH_MAX).unwrap_or(u32::MAX);
    let body = u32::try_from(body_bytes_max).unwrap_or(u32::MAX);
    let queue = u32::try_from(limits::SUBSCRIPTION_QUEUE_MAX).unwrap_or(u32::MAX);
    let config = ServerConfig::builder()
        .max_request_body_size(body)
        .max_response_body_size(RESPONSE_BYTES_MAX)
        // connections are bounded by the accept loop; this bound counts requests under way
        .max_connections(u32::MAX / 2)
        .max_subscriptions_per_connection(SUBSCRIPTIONS_PER_CONNECTION_MAX)
        .set_batch_request_config(BatchRequestConfig::Limit(batch))
        .set_message_buffer_capacity(queue)
        .enable_ws_ping(PingConfig::new().ping_interval(Duration::from_secs(20)))
        .build();
    let builder = Server::builder().set_config(config).to_service_builder();
    tower::service_fn(move |request: Request| {
        let methods =
            if is_upgrade_request(&request) { &methods.by_socket } else { &methods.by_http };
        let service = builder.clone().build(methods.clone(), stop.clone());
        async move {
            let response = match service.oneshot(request).await {
                Ok(response) => response.map(Body::new),
                Err(error) => {
                    tracing::debug!(%error, "a request failed");
                    internal_error()
                }
            };
            Ok(response)
        }
    })
}

async fn accept(
    state: Arc<State>,
    listener: TcpListener,
    app: Router,
    mut stopped: watch::Receiver<bool>,
) {
    let connections =
        Connections::new(state.config.connections_max, state.config.connections_per_address_max);
    let acceptor = state.config.tls.as_ref().map(Tls::acceptor);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop_asked(&mut stopped) => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; raise the limit of open files");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = connections.take(peer.ip()) else {
            state.counters.connections_refused.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        state.counters.connections.fetch_add(1, Ordering::Relaxed);
        let stream = Counted { stream, _place: place, state: Arc::clone(&state), stalled: None };
        let _ = stream.stream.set_nodelay(true);
        let app = app.clone();
        let stopped = stopped.clone();
        let head = Duration::from_millis(state.config.header_timeout_ms);
        match acceptor.clone() {
            None => tokio::spawn(serve(stream, peer, app, head, stopped)),
            Some(acceptor) => tokio::spawn(async move {
                // errors are the peer's: no TLS, an older version, too slow
                if let Ok(Ok(stream)) = tokio::time::timeout(head, acceptor.accept(stream)).await {
                    serve(stream, peer, app, head, stopped).await;
                }
            }),
        };
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    app: Router,
    head_deadline: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    let service = tower::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(PeerAddress(peer));
        app.clone().oneshot(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_deadline)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // errors are the peer's: a reset, a slow head, no HTTP
        _ = connection.as_mut() => return,
        () = stop_asked(&mut stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    // what is not answered by then is cut off
    let _ = tokio::time::timeout(STOP_PATIENCE, connection).await;
}

/// Returns when the interface stops; that the sender is gone means the same.
async fn stop_asked(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// A stream that holds its place among the connections, also after an upgrade to WebSocket.
struct Counted {
    stream: TcpStream,
    _place: Place,
    state: Arc<State>,
    /// Runs while the peer takes nothing: who stands still must not hold a place.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Counted {
    /// Passes the outcome of a write on; an error if the peer stood still for too long.
    fn bounded<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.stalled = None;
            return write;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL_MAX)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.state.counters.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.bounded(cx, write)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
