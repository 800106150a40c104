//! What the register holds under the numbers of an import.
//!
//! Invariant: it is read once, before the first chunk; numbers stand once in a file, so chunks of
//! this import do not change each other's answers. Who writes at the same time is found out by the
//! ledger: it refuses what follows another version.

use std::collections::HashMap;

use serde_json::Value as Json;
use titian_api::ubin::{GetParams, ListParams};
use titian_api::{Nothing, call};
use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::entity_id;

use super::numbers::{NumberKey, key_of};
use crate::client::Client;
use crate::document;
use crate::error::{CommandError, Result};

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
pub(super) struct Register(HashMap<NumberKey, Standing>);

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
                return Ok(Self(found));
            }
        }
    }

    /// What stands under a number.
    pub(super) fn find(&self, ubin: &Ubin) -> Option<&Standing> {
        self.0.get(&key_of(ubin))
    }
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

/// The bodies in force under numbers that hold records, in their order.
pub(super) fn bodies(client: &Client, numbers: &[&Ubin]) -> Result<Vec<Value>> {
    let mut bodies = Vec::with_capacity(numbers.len());
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
            bodies.push(document::from_json(body)?);
        }
    }
    Ok(bodies)
}

/// Whether a node answers; one that was named must.
pub(super) fn is_reachable(client: &Client) -> bool {
    client.ask::<call::LedgerStatus>(&Nothing {}).is_ok()
}
