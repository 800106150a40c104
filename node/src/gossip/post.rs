//! Requests between nodes about sealed envelopes, and their answers: `/titian/envelopes/1/<chain>`, on
//! the connections of the mempool's network, whose peers are authenticated by their keys.
//!
//! Form: length of the rest, u32 big-endian, then borsh of [`Request`] or [`Response`]. Invariants: a
//! frame is at most one part of an envelope and 1 KiB; requests that wait for the disk are bounded,
//! more are dropped and made again by who made them; nobody is dialled for a request.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use borsh::{BorshDeserialize, BorshSerialize};
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::request_response::{self, Codec, OutboundRequestId, ProtocolSupport, ResponseChannel};
use libp2p::{PeerId, StreamProtocol};
use titian_contracts::digest::Digest;
use titian_contracts::limits;
use tokio::sync::{mpsc, oneshot};

/// Largest frame of a request.
pub const REQUEST_BYTES_MAX: usize = limits::ETR_DELIVERY_PART_BYTES_MAX + 1024;
/// Largest frame of an answer.
const RESPONSE_BYTES_MAX: usize = 64;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Requests and answers on one connection at a time.
const STREAMS_MAX: usize = 8;
/// What waits for the network's task.
const QUEUE_MAX: usize = 64;

/// Which envelope a request is about, and who put it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct About {
    /// The record.
    pub id: String,
    /// The version of its content.
    pub version: u64,
    /// The number of the envelope.
    pub number: u64,
    /// The UBIN of the party that put it.
    pub party: String,
    /// The digest of its text.
    pub digest: Digest,
    /// The height at which the asking node judged it; the answering one must have reached it.
    pub height: u64,
}

/// What one node asks of another.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Request {
    /// To keep an envelope: a part of it.
    Part {
        /// Which.
        about: About,
        /// Bytes of the whole.
        total: u64,
        /// Where the part begins.
        offset: u64,
        /// The part.
        bytes: Vec<u8>,
    },
    /// To erase an envelope.
    Erase {
        /// Which.
        about: About,
    },
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Response {
    /// So many bytes are there; the next part begins there.
    Has(u64),
    /// It is done, and on disk.
    Done,
    /// Not now; again after so many ms.
    Later(u32),
    /// Never, by the rule with this number.
    Refused(u16),
}

/// No answer came: the peer is not connected, or the connection broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other node does not answer")]
pub struct Unreachable;

/// A request of another node.
#[derive(Debug)]
pub struct Incoming {
    /// Who asks.
    pub peer: PeerId,
    /// What.
    pub request: Request,
    channel: ResponseChannel<Response>,
    out: mpsc::Sender<Outgoing>,
}

impl Incoming {
    /// Answers it.
    pub async fn answer(self, response: Response) {
        // a network that has stopped has closed the connection
        let _ = self.out.send(Outgoing::Answer { channel: self.channel, response }).await;
    }
}

/// What goes out through the network's task.
#[derive(Debug)]
pub(super) enum Outgoing {
    Ask {
        peer: PeerId,
        request: Box<Request>,
        answer: oneshot::Sender<Result<Response, Unreachable>>,
    },
    Answer {
        channel: ResponseChannel<Response>,
        response: Response,
    },
}

/// The way to ask other nodes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Post(mpsc::Sender<Outgoing>);

impl Post {
    /// Asks a peer and waits for its answer.
    pub async fn ask(&self, peer: PeerId, request: Request) -> Result<Response, Unreachable> {
        let (answer, answered) = oneshot::channel();
        let ask = Outgoing::Ask { peer, request: Box::new(request), answer };
        self.0.send(ask).await.map_err(|_| Unreachable)?;
        answered.await.unwrap_or(Err(Unreachable))
    }
}

/// The ends of the two queues between the network's task and the rest.
pub(super) struct Ends {
    pub(super) out: mpsc::Receiver<Outgoing>,
    own: mpsc::Sender<Outgoing>,
    incoming: mpsc::Sender<Incoming>,
    asked: std::collections::HashMap<OutboundRequestId, Answer>,
}

type Answer = oneshot::Sender<Result<Response, Unreachable>>;

/// Both ends: those of the network's task, and those of the rest of the node.
pub(super) fn ends() -> (Ends, Post, mpsc::Receiver<Incoming>) {
    let (own, out) = mpsc::channel(QUEUE_MAX);
    let (incoming, received) = mpsc::channel(limits::ETR_DELIVERY_QUEUE_MAX);
    let post = Post(own.clone());
    (Ends { out, own, incoming, asked: std::collections::HashMap::new() }, post, received)
}

/// The behaviour of the swarm.
pub(super) type Behaviour = request_response::Behaviour<Frames>;
type Event = request_response::Event<Request, Response>;

pub(super) fn behaviour(chain: &str) -> Result<Behaviour, libp2p::swarm::InvalidProtocol> {
    let protocol = StreamProtocol::try_from_owned(format!("/titian/envelopes/1/{chain}"))?;
    let config = request_response::Config::default()
        .with_request_timeout(PATIENCE)
        .with_max_concurrent_streams(STREAMS_MAX);
    Ok(request_response::Behaviour::new([(protocol, ProtocolSupport::Full)], config))
}

impl Ends {
    /// Sends what the rest of the node wants to send; `connected` tells whether a peer is there.
    pub(super) fn send(
        &mut self,
        behaviour: &mut Behaviour,
        what: Outgoing,
        connected: impl FnOnce(&PeerId) -> bool,
    ) {
        match what {
            Outgoing::Ask { peer, request, answer } if connected(&peer) => {
                let id = behaviour.send_request(&peer, *request);
                self.asked.insert(id, answer);
            }
            // whoever asked may have gone meanwhile
            Outgoing::Ask { answer, .. } => {
                let _ = answer.send(Err(Unreachable));
            }
            Outgoing::Answer { channel, response } => {
                // the other side asks again if it got no answer
                let _ = behaviour.send_response(channel, response);
            }
        }
    }

    pub(super) fn on_event(&mut self, event: Event) {
        match event {
            Event::Message { peer, message, .. } => match message {
                request_response::Message::Request { request, channel, .. } => {
                    let out = self.own.clone();
                    let incoming = Incoming { peer, request, channel, out };
                    if self.incoming.try_send(incoming).is_err() {
                        tracing::debug!(%peer, "a request about an envelope was dropped: too many wait");
                    }
                }
                request_response::Message::Response { request_id, response } => {
                    self.answered(&request_id, Ok(response));
                }
            },
            Event::OutboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(%peer, %error, "no answer about an envelope");
                self.answered(&request_id, Err(Unreachable));
            }
            Event::InboundFailure { peer, error, .. } => {
                tracing::debug!(%peer, %error, "a request about an envelope failed");
            }
            Event::ResponseSent { .. } => {}
        }
    }

    fn answered(&mut self, id: &OutboundRequestId, result: Result<Response, Unreachable>) {
        if let Some(answer) = self.asked.remove(id) {
            // whoever asked may have gone meanwhile
            let _ = answer.send(result);
        }
    }
}

/// Reads and writes frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frames;

#[async_trait]
impl Codec for Frames {
    type Protocol = StreamProtocol;
    type Request = Request;
    type Response = Response;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, REQUEST_BYTES_MAX).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Response>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, RESPONSE_BYTES_MAX).await
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Request,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &request).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        response: Response,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &response).await
    }
}

async fn read<T, V>(io: &mut T, max: usize) -> io::Result<V>
where
    T: AsyncRead + Unpin + Send,
    V: BorshDeserialize,
{
    let mut length = [0; 4];
    io.read_exact(&mut length).await?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the frame is too long"));
    }
    let mut bytes = vec![0; length];
    io.read_exact(&mut bytes).await?;
    borsh::from_slice(&bytes)
}

async fn write<T, V>(io: &mut T, value: &V) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
    V: BorshSerialize + Sync,
{
    let bytes = borsh::to_vec(value)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    io.write_all(&length.to_be_bytes()).await?;
    io.write_all(&bytes).await
}
