//! Which state a verifier needs, and the container that carries it with its proof.
//!
//! Invariant: the keys of a scope are found by asking what a verifier asks, so that a verdict from
//! the bundle is the verdict from state.

use std::cell::RefCell;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use titian_contracts::access::Party;
use titian_contracts::block::encode;
use titian_contracts::credential::bits::{CHUNK_BITS, Chunk, Delta};
use titian_contracts::credential::{
    Accreditation, AccreditationIndex, CredentialType, NumberedId, REGION, ResourceId, StatusList,
    accreditation_index_key, accreditation_key, anchor_key, chunk_key, delta_key, list_key,
    type_key, uri_key,
};
use titian_contracts::digest::Digest;
use titian_contracts::governance::recognition::{
    RecognitionIndex, recognition_index_key, recognition_key,
};
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::proof::{self, Entry, Evidence};
use titian_contracts::state::{Reader, Stored};

use super::{BUNDLE, EVIDENCE, OBJECTS_MAX};
use crate::did;
use crate::pack::{Frame as Pack, deflate};
use crate::snapshot::{Known, Snapshot, Source, Trust, read};
use crate::verify::{Request, verify, verify_presentation};

/// The kind of objects whose values are packed.
pub(super) const CHUNK: &str = "statusChunk";
/// Lists of one issuer that are looked for.
const LISTS_MAX: u64 = 4_096;

/// What a bundle is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Issuers, as parties.
    pub issuers: Vec<String>,
    /// Credential types; empty = all that the issuers are accredited for.
    pub types: Vec<String>,
    /// States whose recognition entries are wanted, all of them.
    pub jurisdictions: Vec<String>,
    /// Whether the issuers' status lists are wanted, whole and with their history.
    pub lists: bool,
    /// Anchors that receipts name: an id, or a party for all of an issuer's.
    pub anchors: Vec<String>,
}

/// Notes every key that is asked for.
struct Recorder<'a> {
    reader: &'a dyn Reader,
    keys: RefCell<BTreeSet<Vec<u8>>>,
    trust: Trust,
}

impl<'a> Recorder<'a> {
    fn new(reader: &'a dyn Reader, chain: &str, sandbox: bool, height: u64, time_ms: u64) -> Self {
        let trust = Trust {
            chain: chain.to_owned(),
            sandbox,
            height,
            block_id: Digest::ZERO,
            time_ms,
            source: Source::Live,
            proof_code: "LOCAL_STATE",
        };
        Self { reader, keys: RefCell::new(BTreeSet::new()), trust }
    }

    fn finish(self) -> Vec<Vec<u8>> {
        self.keys.into_inner().into_iter().collect()
    }
}

impl Snapshot for Recorder<'_> {
    fn get(&self, key: &[u8]) -> Known<Option<Stored>> {
        let mut keys = self.keys.borrow_mut();
        // beyond the limit there will be no bundle; what walks on ends at the first unknown
        if keys.len() > OBJECTS_MAX {
            return Known::Unknown;
        }
        keys.insert(key.to_vec());
        Known::Known(self.reader.get(key))
    }

    fn trust(&self) -> &Trust {
        &self.trust
    }
}

/// The keys of a scope, ascending; more than [`OBJECTS_MAX`] mean that the scope is too wide.
pub fn keys(reader: &dyn Reader, scope: &Scope) -> Vec<Vec<u8>> {
    let recorder = Recorder::new(reader, "", false, 0, 0);
    let mut types: BTreeSet<String> = scope.types.iter().cloned().collect();
    let mut owners = BTreeSet::from([REGION.to_owned()]);
    for issuer in &scope.issuers {
        let Some(party) = Party::parse(issuer) else { continue };
        owners.insert(party.cc().to_owned());
        // an issuer that is unknown is an answer too: its keys are then proven absent
        let _ = did::resolve(&recorder, &party);
        let named = accreditations(&recorder, issuer);
        if scope.types.is_empty() {
            types.extend(named);
        }
        if scope.lists {
            lists(&recorder, issuer);
        }
    }
    for name in &types {
        for owner in &owners {
            registered(&recorder, owner, name);
        }
    }
    for jurisdiction in &scope.jurisdictions {
        recognitions(&recorder, jurisdiction);
    }
    for named in &scope.anchors {
        anchors(&recorder, named);
    }
    recorder.finish()
}

/// The keys that a verdict on one credential or presentation asks for, ascending: those of an
/// evidence pack.
pub fn keys_of(
    reader: &dyn Reader,
    input: &[u8],
    request: &Request,
    (chain, sandbox): (&str, bool),
    (height, time_ms): (u64, u64),
) -> Vec<Vec<u8>> {
    let recorder = Recorder::new(reader, chain, sandbox, height, time_ms);
    if crate::verify::is_presentation(input) {
        verify_presentation(input, request, Some(&recorder), time_ms);
    } else {
        verify(input, request, Some(&recorder), time_ms);
    }
    recorder.finish()
}

/// Every accreditation of a party with its chain; gives the types it names.
fn accreditations(recorder: &Recorder<'_>, issuer: &str) -> Vec<String> {
    let index = read::<AccreditationIndex>(recorder, &accreditation_index_key(issuer));
    let Known::Known(Some(index)) = index else { return Vec::new() };
    let mut types = Vec::new();
    for n in 1..=index.count.min(limits::ACCREDITATIONS_PER_PARTY_MAX) {
        let mut next = Some((issuer.to_owned(), n));
        let mut links = 0;
        while let Some((owner, n)) = next.take().filter(|_| links < 8) {
            links += 1;
            let key = accreditation_key(&owner, n);
            if let Known::Known(Some(link)) = read::<Accreditation>(recorder, &key) {
                types.extend(link.types);
                next = NumberedId::parse(&link.parent, "acc").map(|id| (id.owner, id.number));
            }
        }
    }
    types
}

fn registered(recorder: &Recorder<'_>, owner: &str, name: &str) {
    let entry = read::<CredentialType>(recorder, &type_key(owner, name));
    let Known::Known(Some(entry)) = entry else { return };
    for id in entry.schemas.iter().chain(&entry.contexts).filter_map(|id| ResourceId::parse(id)) {
        recorder.get(&id.key());
    }
}

/// Every list of a party, whole, with the deltas that tell its history.
fn lists(recorder: &Recorder<'_>, owner: &str) {
    for n in 1..=LISTS_MAX {
        let list = read::<StatusList>(recorder, &list_key(owner, n));
        let Known::Known(Some(list)) = list else { return };
        if let Some(uri) = &list.uri {
            recorder.get(&uri_key(uri));
        }
        let chunks = list.entries.saturating_mul(list.status_size) / CHUNK_BITS;
        for c in 0..chunks {
            let chunk = read::<Chunk>(recorder, &chunk_key(owner, n, c));
            let Known::Known(Some(chunk)) = chunk else { continue };
            let mut at = chunk.last_height;
            while at > 0 {
                match read::<Delta>(recorder, &delta_key(owner, n, c, at)) {
                    Known::Known(Some(delta)) if delta.prev_height < at => at = delta.prev_height,
                    _ => break,
                }
            }
        }
    }
}

/// One anchor by its id, or all of an issuer up to the first number that is not given.
fn anchors(recorder: &Recorder<'_>, named: &str) {
    if let Some(id) = NumberedId::parse(named, "anchor") {
        recorder.get(&anchor_key(&id.owner, id.number));
        return;
    }
    let mut n = 1;
    while let Known::Known(Some(_)) = recorder.get(&anchor_key(named, n)) {
        n += 1;
    }
}

fn recognitions(recorder: &Recorder<'_>, by: &str) {
    let index = read::<RecognitionIndex>(recorder, &recognition_index_key(by));
    let Known::Known(Some(index)) = index else { return };
    for (of, name) in index.names.iter().filter_map(|name| name.split_once('/')) {
        recorder.get(&recognition_key(by, of, name));
    }
}

/// What stands around the objects of a bundle.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The height the objects hold for; the header is that of the next one.
    pub height: u64,
    /// Genesis hash.
    pub genesis: Digest,
    /// Whether genesis marks the network as a sandbox.
    pub sandbox: bool,
    /// What was asked for.
    pub scope: &'a Scope,
}

/// The JCS text of a trust bundle over `entries`, ascending by key.
pub fn bundle(frame: Frame<'_>, entries: &[Entry], evidence: &Evidence) -> String {
    container(BUNDLE, frame, entries, evidence, None)
}

/// The JCS text of an evidence pack for `credential`, with the JCS texts of its receipts.
pub fn evidence_pack(
    frame: Frame<'_>,
    entries: &[Entry],
    evidence: &Evidence,
    credential: &str,
    receipts: Vec<Value>,
) -> String {
    container(EVIDENCE, frame, entries, evidence, Some((credential, receipts)))
}

/// The bytes of a compressed file; [`super::read`] takes them as well.
pub fn compress(text: &str) -> Vec<u8> {
    deflate(Pack::Gzip, text.as_bytes())
}

fn container(
    kind: &str,
    frame: Frame<'_>,
    entries: &[Entry],
    evidence: &Evidence,
    credential: Option<(&str, Vec<Value>)>,
) -> String {
    let texts =
        |list: &[String]| Value::List(list.iter().map(|text| Value::from(text.as_str())).collect());
    let complete: Vec<String> =
        frame.scope.jurisdictions.iter().map(|cc| format!("recognition:{cc}")).collect();
    let scope = Value::object([
        ("anchors", texts(&frame.scope.anchors)),
        ("issuers", texts(&frame.scope.issuers)),
        ("types", texts(&frame.scope.types)),
        ("jurisdictions", texts(&frame.scope.jurisdictions)),
        ("lists", Value::from(frame.scope.lists)),
        ("complete", texts(&complete)),
    ]);
    let mut claim = Value::object([
        ("genesis", Value::from(frame.genesis)),
        ("sandbox", Value::from(frame.sandbox)),
        ("scope", scope),
        ("objects", Value::List(entries.iter().map(object).collect())),
    ]);
    if let Some((credential, receipts)) = credential {
        claim = claim
            .with("credential", Value::from(credential))
            .with("receipts", Value::List(receipts));
    }
    proof::bundle(kind, frame.height, claim, evidence)
}

fn object(entry: &Entry) -> Value {
    let kind = kind_of(&entry.key);
    let value = match &entry.stored {
        None => Value::Null,
        Some(stored) => {
            let bytes = encode(stored);
            let bytes = if kind == CHUNK { deflate(Pack::Raw, &bytes) } else { bytes };
            Value::Text(URL_SAFE_NO_PAD.encode(bytes))
        }
    };
    Value::object([
        ("kind", Value::from(kind)),
        ("key", Value::Text(URL_SAFE_NO_PAD.encode(&entry.key))),
        ("value", value),
    ])
}

/// The kind of an object, told by its key.
pub(super) fn kind_of(key: &[u8]) -> &'static str {
    const KINDS: [(&[u8], &str); 10] = [
        (b"access/party/", "party"),
        (b"access/key/", "key"),
        (b"vc/acc/", "accreditation"),
        (b"vc/type/", "type"),
        (b"vc/res/", "resource"),
        (b"vc/list/", "statusList"),
        (b"vc/chunk/", CHUNK),
        (b"vc/delta/", "statusDelta"),
        (b"vc/anchor/", "anchor"),
        (b"gov/rec/", "recognition"),
    ];
    KINDS.iter().find(|(prefix, _)| key.starts_with(prefix)).map_or("state", |(_, kind)| kind)
}
