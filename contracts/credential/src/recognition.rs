//! Lookup in the one registry of recognition between states (vc.md §5.6).
//!
//! Invariant: an index that is proven absent means that nothing is recognised; an entry that the
//! index names and that is not at hand leaves the answer unknown, unless another one recognises.

use titian_contracts::governance::recognition::{
    Answer, Recognition, RecognitionIndex, recognition_index_key, recognition_key,
};

use crate::snapshot::{Known, Snapshot, read};

/// Whether state `by` recognises credentials of a type by issuers of a class of state `of` at every
/// one of `times_ms`: a code of check `recognition`, and the entry that says so.
pub fn lookup(
    snapshot: &dyn Snapshot,
    (by, of): (&str, &str),
    (type_name, class): (&str, &str),
    times_ms: &[u64],
) -> (&'static str, Option<Recognition>) {
    let index = match read::<RecognitionIndex>(snapshot, &recognition_index_key(by)) {
        Known::Unknown => return ("RECOGNITION_NOT_AVAILABLE", None),
        Known::Known(index) => index.unwrap_or_default(),
    };
    let mut best = (Answer::NotRecognised, None);
    let mut missing = false;
    for name in &index.names {
        let Some(name) = name.strip_prefix(of).and_then(|rest| rest.strip_prefix('/')) else {
            continue;
        };
        match read::<Recognition>(snapshot, &recognition_key(by, of, name)) {
            Known::Known(Some(entry)) => {
                let answer = entry.of_credential(type_name, class, times_ms);
                if answer > best.0 {
                    best = (answer, Some(entry));
                }
            }
            // the index names it, so it exists
            Known::Known(None) | Known::Unknown => missing = true,
        }
    }
    let code = match best.0 {
        Answer::Recognised => "RECOGNISED",
        _ if missing => "RECOGNITION_NOT_AVAILABLE",
        Answer::Suspended => "RECOGNITION_SUSPENDED",
        Answer::Expired => "RECOGNITION_EXPIRED",
        Answer::NotRecognised => "NOT_RECOGNISED",
    };
    (code, best.1)
}
