//! `did:ubin`: the document of a party as of a version, and the metadata of its versions.
//!
//! A version is a height at which something changed that the document is a view of: the party's
//! entry (every act on its keys raises it), the entry of its state or authority, and for a business
//! the record behind its number.

use serde_json::{Value, json};
use titian_api::{Object, Refusal};
use titian_contracts::access::{self, Party};
use titian_contracts::as_of::Past as _;
use titian_contracts::credential::REGION;
use titian_contracts::error::Code;
use titian_contracts::json::Value as Rule;
use titian_contracts::state::{Overlay, Reader as _};
use titian_contracts::time::rfc3339;
use titian_contracts::ubin::capacity::Capacity;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{self, Record, record_key};
use titian_credential::did::{self, Resolved};
use titian_credential::time;

use super::did::{Asked, DOCUMENT, Fault, Resolution, party};
use super::{evidence, live};
use crate::rpc::at::{self, At};
use crate::rpc::methods::Answer;
use crate::rpc::{State, prove, view};

/// The height and the time that options mean; neither where they ask for the latest.
type Moment = (Option<u64>, Option<u64>);

/// What `versionId`, `versionTime` or `height` mean.
pub(super) fn height_of(state: &State, asked: &Asked) -> Answer<Result<Moment, Fault>> {
    let versions = asked.version_id.is_some() || asked.version_time.is_some();
    if versions && asked.height.is_some() {
        return Ok(Err(Fault::InvalidOptions("height and a version exclude each other")));
    }
    if let Some(id) = &asked.version_id {
        let canonical = id == "0" || (!id.starts_with('0') && id.len() <= 16);
        let digits = canonical && id.bytes().all(|b| b.is_ascii_digit());
        let Some(height) = id.parse().ok().filter(|_| digits) else {
            return Ok(Err(Fault::InvalidOptions("versionId is a height, decimal")));
        };
        let known = height <= state.ledger().head().height;
        return Ok(if known { Ok((Some(height), None)) } else { Err(Fault::NotFound) });
    }
    if let Some(text) = &asked.version_time {
        let wanted = time::parse(text).and_then(|ms| u64::try_from(ms).ok());
        let Some(wanted_ms) = wanted else {
            return Ok(Err(Fault::InvalidOptions("versionTime is an RFC 3339 time")));
        };
        let height = at_time(state, wanted_ms)?;
        return Ok(height.map(|height| (Some(height), Some(wanted_ms))).ok_or(Fault::NotFound));
    }
    Ok(Ok((asked.height, None)))
}

/// The last height with block time ≤ `wanted_ms`; `None` before genesis. Errors: `HEIGHT_PRUNED`.
pub(in crate::rpc) fn at_time(state: &State, wanted_ms: u64) -> Answer<Option<u64>> {
    let ledger = state.ledger();
    if wanted_ms < ledger.genesis().time_ms {
        return Ok(None);
    }
    let time_of = |height: u64| ledger.header(height).map_or(u64::MAX, |header| header.time_ms);
    // the greatest height whose time is not later: times rise strictly with heights
    let (mut low, mut high) = (ledger.earliest().saturating_sub(1), ledger.head().height);
    let oldest = low;
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if time_of(middle) <= wanted_ms { low = middle } else { high = middle - 1 }
    }
    if low == oldest && low > 0 && time_of(low) > wanted_ms {
        return Err(at::refusal(state, Code::HeightPruned.into()));
    }
    Ok(Some(low))
}

/// Resolves `did:ubin:{id}`.
pub(super) async fn document(state: &State, id: &str, asked: &Asked) -> Answer<Resolution> {
    let (height, time_ms) = match height_of(state, asked)? {
        Ok(moment) => moment,
        Err(fault) => return Ok(Resolution::failed(fault)),
    };
    if id == REGION {
        return Ok(region());
    }
    let party = match party(id) {
        Ok(party) => party,
        Err(fault) => return Ok(Resolution::failed(fault)),
    };
    if matches!(&party, Party::Business { ubin } if Ubin::parse_canonical(ubin).is_none()) {
        return Ok(Resolution::failed(Fault::InvalidDid("no canonical UBIN")));
    }
    let height = asked.proof.then(|| evidence::height(state, height)).or(height);
    let did_text = did::did_of(id);
    let (mut resolution, height) = {
        let at = At::height(state, height)?;
        let exact = asked.version_id.is_some();
        let found = shown(state, &at, &did_text, &party, (exact, time_ms.unwrap_or(at.time_ms)))?;
        let as_of = serde_json::to_value(view::as_of(at.height, at.time_ms));
        (Resolution { as_of: as_of.ok(), ..found }, at.height)
    };
    if asked.proof {
        let stated = Rule::object([("did", Rule::from(did_text))]);
        let bundle = prove::bundle_at(state, "vc-did", stated, Some(height)).await?;
        resolution.proof = Some(bundle.bundle);
    }
    Ok(resolution)
}

/// The region owns types and resources; it has no keys and changes by proposals alone.
fn region() -> Resolution {
    let id = did::did_of(REGION);
    let document = json!({"@context": ["https://www.w3.org/ns/did/v1"], "id": id});
    let mut resolution = Resolution::of(document, DOCUMENT);
    resolution.metadata.insert("deactivated".to_owned(), json!(false));
    resolution.metadata.insert("canonicalId".to_owned(), json!(id));
    resolution
}

fn shown(
    state: &State,
    at: &At,
    did_text: &str,
    party: &Party,
    (exact, time_ms): (bool, u64),
) -> Answer<Resolution> {
    let mut resolved = match did::resolve(&live(state, at), party) {
        Ok(resolved) => resolved,
        Err("DID_NOT_FOUND") => return Ok(Resolution::failed(Fault::NotFound)),
        Err(_) => return Err(Refusal::new(Code::Unavailable, "", "the party cannot be read")),
    };
    let behind = behind(at, party);
    let changed = behind.keys.iter().filter_map(|key| at.reader.get(key));
    let version = changed.map(|stored| stored.last_changed).max().unwrap_or_default();
    if exact && version != at.height {
        return Ok(Resolution::failed(Fault::NotFound));
    }
    let closed =
        behind.record.as_ref().is_some_and(|(_, record)| record.capacity() == Capacity::Closed);
    resolved.entry.closed |= closed;
    let document = did::did_document(did_text, &resolved, time_ms);
    let mut resolution = Resolution::of(document, DOCUMENT);
    let next = behind.keys.iter().filter_map(|key| state.ledger().store().next(key, at.height));
    let next = next.map(|stored| stored.last_changed).min();
    resolution.metadata = metadata(state, did_text, &resolved, &behind, (version, next));
    Ok(resolution)
}

/// What a document is a view of.
struct Behind {
    keys: Vec<Vec<u8>>,
    /// The number in force and the record, of a business.
    record: Option<(Ubin, Record)>,
}

fn behind(at: &At, party: &Party) -> Behind {
    let overlay = Overlay::new(&at.reader);
    let mut keys: Vec<Vec<u8>> = access::store_name(&overlay, party)
        .map(|name| access::party_key(&name))
        .into_iter()
        .collect();
    let mut record = None;
    match party {
        Party::Root(cc) => keys.push(access::ams_key(cc)),
        Party::Authority { cc, name } => keys.push(access::authority_key(cc, name)),
        Party::Business { ubin } => {
            if let Some(number) = Ubin::parse_canonical(ubin) {
                keys.push(record_key(&number));
                record = record::find(&overlay, &number);
            }
            if let Some((number, _)) = &record {
                keys.push(record_key(number));
            }
        }
    }
    Behind { keys, record }
}

fn metadata(
    state: &State,
    did_text: &str,
    resolved: &Resolved,
    behind: &Behind,
    (version, next): (u64, Option<u64>),
) -> Object {
    let ledger = state.ledger();
    let time_of = |height: u64| match height {
        0 => Some(ledger.genesis().time_ms),
        height => ledger.header(height).map(|header| header.time_ms),
    };
    let first = resolved.keys.first().map(|(_, key)| key);
    let created = first.and_then(|key| time_of(key.bound_height).or(Some(key.active_from_ms)));
    let canonical = match &behind.record {
        Some((number, _)) => did::did_of(&number.to_string()),
        None => did_text.to_owned(),
    };
    let successor = behind.record.as_ref().and_then(|(_, record)| record.successor());
    let members = [
        ("created", json!(created.map(rfc3339))),
        ("updated", json!(time_of(version).map(rfc3339))),
        ("versionId", json!(version.to_string())),
        ("nextVersionId", json!(next.map(|height| height.to_string()))),
        ("deactivated", json!(resolved.entry.closed)),
        ("canonicalId", json!(canonical)),
        ("successor", json!(successor.map(did::did_of))),
        ("threshold", json!((resolved.threshold > 1).then_some(resolved.threshold))),
        ("keyHistory", did::key_history(did_text, resolved)),
    ];
    let stated = members.into_iter().filter(|(_, value)| *value != Value::Null);
    stated.map(|(name, value)| (name.to_owned(), value)).collect()
}
