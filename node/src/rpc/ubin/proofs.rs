//! Proofs about records.

use titian_api::{Bundle, Refusal};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::state::Reader;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::record_key;

use crate::rpc::methods::Answer;
use crate::rpc::{State, prove};

/// A proof of the kind asked for, or of the kind that holds.
pub(super) async fn one(state: &State, ubin: &Ubin, kind: Option<&str>) -> Answer<Bundle> {
    let holds = state.ledger().reader().get(&record_key(ubin)).is_some();
    let kind = match kind {
        Some("ubin-presence" | "presence") => "ubin-presence",
        Some("ubin-absence" | "absence") => "ubin-absence",
        None if holds => "ubin-presence",
        None => "ubin-absence",
        Some(_) => {
            let detail = "ubin-presence or ubin-absence";
            return Err(Refusal::new(Code::InvalidParams, "/kind", detail));
        }
    };
    let stated = Value::object([("ubin", Value::from(ubin.to_string()))]);
    prove::bundle(state, kind, stated).await
}
