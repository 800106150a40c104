//! Status lists and bytes that the user fetched: `--status-list` and `--resource`.
//!
//! Invariant: a list counts as fetched when its file was last written, so that an old copy grows
//! stale like any other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde_json::Value;
use titian_api::vc::VerifyParams;
use titian_contracts::limits;
use titian_contracts::op::encode_base64;
use titian_credential::verify::Supplied;

use crate::act::now_ms;
use crate::document;
use crate::error::{CommandError, Result};

/// Reads the files into what the library takes.
pub(super) fn read(supplied: &mut Supplied, lists: &[PathBuf], resources: &[String]) -> Result<()> {
    for path in lists {
        let bytes = bytes_of(path)?;
        let text = String::from_utf8(bytes).unwrap_or_default().trim().to_owned();
        let added = supplied.add_list(text, written_ms(path));
        added.map_err(|error| {
            CommandError::usage(format!("--status-list {}: {error}", path.display()))
        })?;
    }
    for named in resources {
        // an address may hold `=`, so the last one parts it from the file
        let (url, file) = named.rsplit_once('=').ok_or_else(|| {
            CommandError::usage("--resource: URL=FILE is expected")
                .hint("--resource https://issuer.example/terms.pdf=terms.pdf")
        })?;
        let added = supplied.add_resource(url, bytes_of(Path::new(file))?);
        added.map_err(|error| CommandError::usage(format!("--resource {url}: {error}")))?;
    }
    Ok(())
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    document::read_at_most(path, limits::SUPPLIED_BYTES_MAX as u64)
}

/// When a file was last written, ms, not later than now; of standard input it is now.
fn written_ms(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let ms = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    ms.unwrap_or(u64::MAX).min(now_ms())
}

/// The same as parameters of a node's method.
pub(super) fn into_params(supplied: &Supplied, params: &mut VerifyParams) {
    params.status_lists =
        supplied.lists.iter().map(|list| Value::from(list.text.as_str())).collect();
    params.status_lists_fetched_ms = supplied.lists.iter().map(|list| list.fetched_ms).min();
    let encoded = supplied.resources.iter();
    params.resources =
        encoded.map(|(url, bytes)| (url.clone(), encode_base64(bytes))).collect::<BTreeMap<_, _>>();
}
