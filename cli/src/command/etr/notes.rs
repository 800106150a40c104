//! The notes on a record. The record itself counts them; what they say stands in its ops.

use serde_json::Value as Json;
use titian_api::etr_read::HistoryParams;
use titian_api::{Call as _, call};

use super::ask_as;
use crate::error::Result;
use crate::review::words;
use crate::session::Session;
use crate::wallet::KeyRef;

/// Pages of the ops of a record that are read.
const PAGES_MAX: usize = 100;

/// The notes in the order of their ops, one line each, as the node shows them to a party. Where it shows
/// no ops that is said.
pub(super) fn of(session: &Session, id: &str, party: &KeyRef) -> Vec<String> {
    read(session, id, party).unwrap_or_else(|error| {
        let name = error.name.unwrap_or(error.message);
        vec![format!("note     the notes are not shown: {name}")]
    })
}

fn read(session: &Session, id: &str, party: &KeyRef) -> Result<Vec<String>> {
    let (mut lines, mut cursor) = (Vec::new(), None);
    // a node that answers with pages for ever must not keep this going
    for _ in 0..PAGES_MAX {
        let capability = ask_as(session, Some(party), call::EtrHistory::NAME, id)?;
        let params = HistoryParams { id: id.to_owned(), cursor, capability };
        let page = session.client()?.ask::<call::EtrHistory>(&params)?;
        lines.extend(page.items.into_iter().filter_map(|item| line(&Json::Object(item))));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    Ok(lines)
}

/// The line of an op that is a note.
fn line(item: &Json) -> Option<String> {
    let note = words::note(item.get("op")?)?;
    let when = item.get("time").and_then(Json::as_str).unwrap_or_default();
    Some(format!("note     {note}, {when}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn etr_notes_are_found_among_the_ops() {
        let op = json!({ "act": "annotate", "args": { "code": "clause", "digest": "b3:11" } });
        let item = json!({ "seq": 2, "act": "annotate", "time": "2026-01-01T00:00:00Z", "op": op });
        assert_eq!(line(&item).as_deref(), Some("note     clause b3:11, 2026-01-01T00:00:00Z"));
        let offer = json!({ "seq": 3, "act": "offer", "op": { "act": "offer", "args": {} } });
        assert_eq!(line(&offer), None);
        // to who is no party the node shows digests only
        assert_eq!(line(&json!({ "seq": 2, "act": "annotate", "opDigest": "b3:22" })), None);
    }
}
