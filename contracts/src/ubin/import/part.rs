//! The transaction kind `import_part`: bodies of a consecutive range of a chunk, with the path that
//! leads from their hashes to the root that the chunk's registrar signed.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::access::is_state_code;
use crate::context::Event;
use crate::digest::{Digest, Tag};
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::merkle;
use crate::op::Register;
use crate::transaction::Transaction;
use crate::ubin::body::BODY_CONTEXT;

/// The name of the transaction kind.
pub const KIND: &str = "import_part";
/// Tags the inner nodes of a chunk's tree.
const NODE_CONTEXT: &str = "titian ubin chunk v1";
/// The canonical bytes of a part up to the members of its payload.
const PAYLOAD_START: &str = r#"{"kind":"import_part","payload":{"#;
/// The canonical bytes of a part up to its bodies, which are the first member of the payload.
const BODIES_START: &str = r#"{"kind":"import_part","payload":{"bodies":["#;

/// A part of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportPart {
    /// The state.
    pub cc: String,
    /// The number of the chunk.
    pub seq: u64,
    /// The place of the first body in the chunk, from 0.
    pub first: u64,
    /// The bodies.
    pub bodies: Vec<ImportBody>,
    /// The subtrees beside the range, from left to right.
    pub path: Vec<Digest>,
}

/// A body of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportBody {
    /// The body.
    pub value: Value,
    /// Its hash.
    pub hash: Digest,
    /// Where its JCS text stands in the bytes of the transaction.
    pub text: Range<usize>,
}

/// The tree over the body hashes of a chunk, for cutting it into parts.
#[derive(Clone, Debug)]
pub struct ChunkTree(merkle::Nodes);

impl ChunkTree {
    /// Hashes the tree.
    pub fn new(hashes: &[Digest]) -> Self {
        Self(merkle::Nodes::new(NODE_CONTEXT, hashes))
    }

    /// The root that `import_chunk` carries.
    pub fn root(&self) -> Digest {
        self.0.root()
    }

    /// The path of the part `first .. first + count`; empty if that lies outside the chunk.
    pub fn part_path(&self, first: usize, count: usize) -> Vec<Digest> {
        self.0.range_path(first, count)
    }
}

/// The root over the body hashes of a chunk. [`ChunkTree`] serves root and paths at once.
pub fn chunk_root(hashes: &[Digest]) -> Digest {
    ChunkTree::new(hashes).root()
}

/// The path of the part `first .. first + count` of a chunk. [`ChunkTree`] serves many parts.
pub fn part_path(hashes: &[Digest], first: usize, count: usize) -> Vec<Digest> {
    ChunkTree::new(hashes).part_path(first, count)
}

/// The canonical bytes of the transaction that carries `bodies`, which stand from `first` on in
/// chunk `seq` of state `cc`. Its payload must stay within
/// [`limits::IMPORT_PAYLOAD_BYTES_MAX`] (`LIMIT_EXCEEDED` at the door): the caller cuts.
pub fn part_transaction(
    cc: &str,
    seq: u64,
    first: u64,
    bodies: &[Value],
    path: &[Digest],
) -> Vec<u8> {
    let rest = Value::object([
        ("cc", Value::from(cc)),
        ("first", Value::from(first)),
        ("path", Value::List(path.iter().copied().map(Value::from).collect())),
        ("seq", Value::from(seq)),
    ]);
    let whole = Transaction::encode(KIND, Register::Ubin, rest);
    // the bodies are written in their place at once: they are large, and the first member
    let mut out = String::with_capacity(limits::IMPORT_PART_BYTES_MAX);
    out.push_str(BODIES_START);
    for (i, body) in bodies.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        body.write_jcs(&mut out);
    }
    out.push_str("],");
    let mut out = out.into_bytes();
    out.extend_from_slice(whole.get(PAYLOAD_START.len()..).unwrap_or_default());
    out
}

impl ImportPart {
    /// Reads the payload of a transaction whose canonical bytes are `bytes`. The shape is
    /// `MALFORMED`, more bodies or siblings than a chunk can have is `LIMIT_EXCEEDED`. What the
    /// bodies say is not asked: a bad record must not stop the others.
    pub(crate) fn read(payload: Value, bytes: &[u8]) -> Result<Self, Reject> {
        let mut m = Members::of(&payload, "/payload")?;
        let cc = m.text("cc")?;
        if !is_state_code(cc) {
            return Err(m.malformed("cc", "an ISO 3166-1 alpha-2 code"));
        }
        let cc = cc.to_owned();
        let (seq, first) = (m.uint("seq")?, m.uint("first")?);
        let beyond =
            |name: &str| Reject::new(Code::LimitExceeded, &format!("/payload/{name}"), "too many");
        let bodies = m.list("bodies")?.len();
        if bodies == 0 {
            return Err(m.malformed("bodies", "at least one body"));
        }
        if bodies > limits::IMPORT_CHUNK_RECORDS_MAX {
            return Err(beyond("bodies"));
        }
        let path = m.list("path")?;
        if path.len() > limits::IMPORT_PATH_DIGESTS_MAX {
            return Err(beyond("path"));
        }
        let digest = |item: &Value| item.as_text().and_then(Digest::parse);
        let path = path.iter().map(digest).collect::<Option<Vec<_>>>();
        let path = path.ok_or_else(|| m.malformed("path", "b3: digests are expected"))?;
        m.finish()?;
        let bodies = read_bodies(payload, bytes)?;
        Ok(Self { cc, seq, first, bodies, path })
    }

    /// The bodies that the part wrote, by hash, as the events of its receipt tell: a body that was
    /// refused must not be kept. `bytes` are those of the transaction.
    pub fn written<'a>(
        &'a self,
        bytes: &'a [u8],
        events: &[Event],
    ) -> impl Iterator<Item = (Digest, &'a [u8])> {
        let mut written: BTreeSet<Digest> = events.iter().filter_map(body_hash_of).collect();
        self.bodies
            .iter()
            .filter(move |body| written.remove(&body.hash))
            .filter_map(|body| Some((body.hash, bytes.get(body.text.clone())?)))
    }

    /// The root that bodies and path lead to in a chunk of `count` records; `None` if they cannot
    /// stand in it.
    pub fn root(&self, count: u64) -> Option<Digest> {
        let hashes: Vec<Digest> = self.bodies.iter().map(|body| body.hash).collect();
        let (first, count) = (usize::try_from(self.first).ok()?, usize::try_from(count).ok()?);
        merkle::root_from_range(NODE_CONTEXT, &hashes, first, count, &self.path)
    }
}

/// The body hash in the event of a written record.
fn body_hash_of(event: &Event) -> Option<Digest> {
    let (_, after) = event.data.split_once(r#""bodyHash":""#)?;
    Digest::parse(after.split_once('"')?.0)
}

/// The bodies with their hashes, which are taken from the text as it stands: it is canonical.
fn read_bodies(payload: Value, bytes: &[u8]) -> Result<Vec<ImportBody>, Reject> {
    let misplaced = || Reject::new(Code::Malformed, "/payload/bodies", "not where they belong");
    let Some(Value::List(values)) = payload.take("bodies") else { return Err(misplaced()) };
    if !bytes.starts_with(BODIES_START.as_bytes()) {
        return Err(misplaced());
    }
    let tag = Tag::new(BODY_CONTEXT);
    let mut bodies = Vec::with_capacity(values.len());
    let mut at = BODIES_START.len();
    for value in values {
        let end = at + json_length(bytes.get(at..).unwrap_or_default());
        let text = bytes.get(at..end).ok_or_else(misplaced)?;
        bodies.push(ImportBody { value, hash: tag.hash(&[text]), text: at..end });
        // past the comma, or the bracket that ends the list
        at = end + 1;
    }
    Ok(bodies)
}

/// How many bytes the first item of the rest of a canonical list takes: up to the comma or bracket
/// that stands outside of its strings, lists and objects.
fn json_length(bytes: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at),
            b'{' | b'[' => depth += 1,
            b',' | b']' | b'}' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Where the string that begins at `at` has its closing quote.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at += 1;
        match bytes.get(at) {
            Some(b'\\') => at += 1,
            Some(b'"') | None => return at,
            Some(_) => {}
        }
    }
}
