//! Pages of lists, each as of one height: the cursor carries the height of the first page, so that a
//! reader sees every item of that height once, while blocks go on.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use titian_api::vc::Listed;
use titian_api::{Object, Refusal};
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_contracts::state::Stored;

use super::evidence::{self, Read};
use crate::rpc::at::At;
use crate::rpc::methods::{Answer, blocking};
use crate::rpc::{State, view};

/// Items of a page if the caller does not say.
const ITEMS_DEFAULT: u32 = 100;
/// Values that one page looks at; it may be short and still name a cursor.
const SCANNED_MAX: usize = 5_000;

/// What a caller asks of a list.
pub(in crate::rpc) struct Ask {
    /// Items of a page.
    pub(in crate::rpc) limit: Option<u32>,
    /// Where to go on.
    pub(in crate::rpc) cursor: Option<String>,
    /// State as of this height.
    pub(in crate::rpc) height: Option<u64>,
    /// Whether a bundle is wanted.
    pub(in crate::rpc) proof: bool,
}

/// A page of the values under `prefix` that `show` makes items of. The state keys that it proves
/// are those of the items.
pub(in crate::rpc) async fn page(
    state: &Arc<State>,
    ask: Ask,
    prefix: Vec<u8>,
    show: impl FnMut(&At, &[u8], &Stored) -> Option<Object> + Send + 'static,
) -> Answer<Listed> {
    let (reader, proof) = (Arc::clone(state), ask.proof);
    let (mut listed, read) = blocking(move || read_page(&reader, &ask, &prefix, show)).await?;
    if proof && !read.keys.is_empty() {
        listed.proof = Some(evidence::of_keys(state, read).await?);
    }
    Ok(listed)
}

fn read_page(
    state: &State,
    ask: &Ask,
    prefix: &[u8],
    mut show: impl FnMut(&At, &[u8], &Stored) -> Option<Object>,
) -> Answer<(Listed, Read)> {
    let limit = ask.limit.unwrap_or(ITEMS_DEFAULT) as usize;
    if !(1..=limits::PAGE_ITEMS_MAX).contains(&limit) {
        return Err(Refusal::new(Code::LimitExceeded, "/limit", "1 to 200"));
    }
    let (height, after) = place(ask, prefix)?;
    let height = if ask.proof { Some(evidence::height(state, height)) } else { height };
    let at = At::height(state, height)?;
    let found = at.reader.page(prefix, after.as_deref(), SCANNED_MAX);
    let (mut items, mut keys, mut last) = (Vec::new(), Vec::new(), None);
    for (key, stored) in &found {
        if items.len() == limit {
            break;
        }
        last = Some(key);
        if let Some(item) = show(&at, key, stored) {
            items.push(item);
            keys.push(key.clone());
        }
    }
    let ended = last == found.last().map(|(key, _)| key) && found.len() < SCANNED_MAX;
    let cursor = last.filter(|_| !ended).map(|key| write_cursor(at.height, key));
    let as_of = view::as_of(at.height, at.time_ms);
    Ok((Listed { items, cursor, as_of, proof: None }, Read { height: at.height, keys }))
}

/// The height that a page is of, and the key after which it begins.
fn place(ask: &Ask, prefix: &[u8]) -> Answer<(Option<u64>, Option<Vec<u8>>)> {
    let Some(text) = &ask.cursor else { return Ok((ask.height, None)) };
    let (height, key) = read_cursor(text, prefix)?;
    if ask.height.is_some_and(|asked| asked != height) {
        let detail = "the cursor is of another height";
        return Err(Refusal::new(Code::InvalidParams, "/height", detail));
    }
    Ok((Some(height), Some(key)))
}

fn write_cursor(height: u64, key: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode([&height.to_be_bytes(), key].concat())
}

fn read_cursor(text: &str, prefix: &[u8]) -> Answer<(u64, Vec<u8>)> {
    let invalid = || Refusal::new(Code::InvalidParams, "/cursor", "no cursor of this list");
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
    let (height, key) = bytes.split_first_chunk::<8>().ok_or_else(invalid)?;
    if !key.starts_with(prefix) {
        return Err(invalid());
    }
    Ok((u64::from_be_bytes(*height), key.to_vec()))
}
