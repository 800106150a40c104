//! What the register holds under the numbers of an import.
//!
//! Invariant: it is read once, before the first new chunk; numbers stand once in a file, so chunks of
//! this import do not change each other's answers. Who writes at the same time is found out by the
//! ledger: it refuses what follows another version.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value as Json;
use titian_api::ubin::{GetParams, ListParams, SchemeParams, SchemesParams};
use titian_api::{Nothing, Object, call};
use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::entity_id;
use titian_contracts::ubin::vocabulary::Status;

use super::numbers::{NumberKey, key_of};
use crate::client::Client;
use crate::document;
use crate::error::{CommandError, Kind, Result};

/// Items of a page of `ubin_list`.
const PAGE_ITEMS: u32 = 500;

/// What stands under a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A record.
    Record {
        /// Its version.
        version: u64,
        /// The hash of its body.
        hash: Digest,
        /// Its entity, where that is not the one of the number.
        entity: Option<String>,
    },
    /// A number that forwards to a record.
    Alias,
}

/// The numbers of a state, or of one scheme of it, that are taken.
#[derive(Debug, Default)]
pub(super) struct Register {
    taken: HashMap<NumberKey, Standing>,
    /// Schemes of the state that take no new numbers now.
    suspended: BTreeSet<String>,
}

/// A record as it stands.
#[derive(Clone, Debug)]
pub(super) struct Current {
    /// The body in force.
    pub(super) body: Value,
    /// Whether nothing but a correction may change it: ended in favour of another, or annulled.
    pub(super) is_final: bool,
}

impl Register {
    /// Reads the numbers of a state; with a scheme, only those.
    pub(super) fn load(client: &Client, cc: &str, scheme: Option<&str>) -> Result<Self> {
        let prefix = scheme.map_or_else(|| cc.to_owned(), |scheme| format!("{cc}-{scheme}"));
        let mut found = HashMap::new();
        let mut cursor = None;
        loop {
            let params = ListParams { prefix: prefix.clone(), limit: Some(PAGE_ITEMS), cursor };
            let page = client.ask::<call::UbinList>(&params)?;
            for item in page.items {
                let (ubin, standing) = read_item(&Json::Object(item)).ok_or_else(|| {
                    CommandError::refused("the node lists a record without version or bodyHash")
                        .hint("update the node")
                })?;
                found.insert(key_of(&ubin), standing);
            }
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(Self { taken: found, suspended: suspended(client, cc)? });
            }
        }
    }

    /// What stands under a number.
    pub(super) fn find(&self, ubin: &Ubin) -> Option<&Standing> {
        self.taken.get(&key_of(ubin))
    }

    /// Whether a scheme takes no new numbers now.
    pub(super) fn is_suspended(&self, scheme: &str) -> bool {
        self.suspended.contains(scheme)
    }
}

/// The schemes of a state that are suspended or retired.
fn suspended(client: &Client, cc: &str) -> Result<BTreeSet<String>> {
    let params = SchemesParams { cc: Some(cc.to_owned()), ..SchemesParams::default() };
    let answer = Json::Object(client.ask::<call::UbinSchemes>(&params)?);
    let schemes = answer.get("schemes").and_then(Json::as_array).into_iter().flatten();
    let codes: Vec<String> =
        schemes.filter_map(|scheme| document::text(scheme, "/code").map(str::to_owned)).collect();
    let params: Vec<SchemeParams> = codes
        .iter()
        .map(|code| SchemeParams {
            cc: cc.to_owned(),
            scheme: code.clone(),
            version: None,
            height: None,
        })
        .collect();
    let standings = client.ask_each::<call::UbinScheme>(&params)?;
    let closed = |answer: &Object| {
        let answer = Json::Object(answer.clone());
        let height = |pointer: &str| answer.pointer(pointer).and_then(Json::as_u64);
        let retired = height("/standing/retiredAtHeight")
            .is_some_and(|retired| height("/asOf/height").is_some_and(|now| retired <= now));
        retired || answer.pointer("/standing/suspended") == Some(&Json::Bool(true))
    };
    let schemes = codes.into_iter().zip(&standings);
    Ok(schemes.filter(|(_, standing)| closed(standing)).map(|(code, _)| code).collect())
}

fn read_item(item: &Json) -> Option<(Ubin, Standing)> {
    let ubin = Ubin::parse_canonical(document::text(item, "/ubin")?)?;
    if item.get("aliasOf").is_some() {
        return Some((ubin, Standing::Alias));
    }
    let entity = document::text(item, "/entity")?;
    let own = entity_id(&ubin.cc, &ubin.scheme, &ubin.local);
    let standing = Standing::Record {
        version: item.get("version")?.as_u64()?,
        hash: Digest::parse(document::text(item, "/bodyHash")?)?,
        entity: (entity != own).then(|| entity.to_owned()),
    };
    Some((ubin, standing))
}

/// The records under numbers that hold some, in their order.
pub(super) fn records(client: &Client, numbers: &[&Ubin]) -> Result<Vec<Current>> {
    let mut found = Vec::with_capacity(numbers.len());
    for some in numbers.chunks(limits::RPC_BATCH_MAX) {
        let params: Vec<GetParams> = some
            .iter()
            .map(|ubin| GetParams { ubin: ubin.to_string(), ..GetParams::default() })
            .collect();
        for answer in client.ask_each::<call::UbinGet>(&params)? {
            let body = answer.get("record").and_then(|record| record.get("body"));
            let body = body.filter(|body| body.is_object()).ok_or_else(|| {
                CommandError::refused("this node does not keep the bodies of records")
                    .hint("--node URL names another one")
            })?;
            let is_final = is_final(&Json::Object(answer.clone()));
            found.push(Current { body: document::from_json(body)?, is_final });
        }
    }
    Ok(found)
}

/// Whether a record as `ubin_get` shows it is closed, of a terminal status or annulled.
fn is_final(answer: &Json) -> bool {
    let is = |pointer: &str| answer.pointer(pointer).is_some_and(|value| !value.is_null());
    let status = document::text(answer, "/record/body/status/code").and_then(Status::parse);
    let annulled = is("/record/meta/mark") && !is("/record/meta/mark/canonical");
    is("/record/meta/closure") || status.is_some_and(Status::is_terminal) || annulled
}

/// Whether a node answers. Errors: one that no secure connection can be made to; who names it does not
/// want to be told that it is not there.
pub(super) fn is_reachable(client: &Client) -> Result<bool> {
    match client.ask::<call::LedgerStatus>(&Nothing {}) {
        Err(error) if error.kind == Kind::NoNode && error.name.is_some() => Err(error),
        answer => Ok(answer.is_ok()),
    }
}
