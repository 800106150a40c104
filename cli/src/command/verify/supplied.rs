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

/// How far ahead of this machine's clock the date of a file may lie, ms: another machine wrote it.
const AHEAD_MS_MAX: u64 = 60_000;

/// When a file was last written, ms, not later than now; of standard input it is now. A date far ahead
/// tells nothing of its age, and it counts as old.
fn written_ms(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|file| file.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let ms = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    age_safe(ms, now_ms())
}

fn age_safe(written_ms: Option<u64>, now_ms: u64) -> u64 {
    match written_ms {
        Some(ms) if ms > now_ms.saturating_add(AHEAD_MS_MAX) => 0,
        ms => ms.unwrap_or(now_ms).min(now_ms),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_dated_ahead_is_not_fresh() {
        let now = 1_800_000_000_000;
        assert_eq!(age_safe(Some(now - 5), now), now - 5);
        assert_eq!(age_safe(Some(now + AHEAD_MS_MAX), now), now);
        assert_eq!(age_safe(Some(now + AHEAD_MS_MAX + 1), now), 0);
        assert_eq!(age_safe(None, now), now, "standard input is of now");
    }
}
