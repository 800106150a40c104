//! `titian key cosign`: one more signature on an op that others drafted.
//!
//! Invariant: no signature is added that the op does not ask for.

use std::path::Path;

use serde_json::json;
use titian_api::Signer;
use titian_contracts::access::Party;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register};

use crate::act::{self, Draft, FrameArgs, SigningArgs, Unsigned};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::output::Report;
use crate::review;
use crate::session::Session;
use crate::wallet::KeyRef;

/// `titian key cosign`.
pub(super) fn run(session: &Session, path: &Path, signing: &SigningArgs) -> Result<Report> {
    let value = document::read_value(path)?;
    let op = Op::from_value(value).map_err(|reject| {
        let mut error = CommandError::from_reject(Kind::Usage, &reject);
        error.message = format!("{} holds no op: {}", path.display(), error.message);
        error
    })?;
    if op.chain != session.chain()? {
        return Err(CommandError::usage(format!(
            "the op is for {}, the node is of {}",
            op.chain,
            session.chain()?
        )));
    }
    let wallet = session.wallet()?;
    wallet.check_chain(session.chain()?)?;
    let id = op.value.get("id").and_then(Value::as_text);
    let draft = Draft {
        register: op.register,
        act: op.act.clone(),
        args: op.args().clone(),
        id: id.map(str::to_owned),
        frame: FrameArgs { ack_all: true, ..FrameArgs::default() },
    };
    let first: Vec<KeyRef> = op
        .signatures
        .iter()
        .map(|sig| KeyRef { party: sig.party.clone(), number: Some(sig.key) })
        .chain(signing.signers.iter().cloned())
        .collect();
    let prepared = act::prepare(session, &draft, Some(&wallet), &first)?;
    if let Some(refusal) = &prepared.fails {
        return Err(act::refused(refusal, &json!({ "file": path })));
    }
    check_states(op.register, &prepared.signers, &signing.signers)?;
    let of_record = op.register == Register::Etr;
    let record =
        of_record.then(|| review::record_of(session, &op.value, signing.signers.first())).flatten();
    let unsigned = Unsigned {
        value: op.value,
        register: op.register,
        needs: prepared.signers,
        warnings: prepared.warnings,
        record,
    };
    if signing.dry_run {
        let mut json = json!({ "opDigest": unsigned.digest().to_string() });
        review::with_review(&mut json, review::to_json(&unsigned));
        return Ok(Report::new(review::lines(&unsigned).join("\n"), json));
    }
    let out = signing.out.clone().unwrap_or_else(|| path.to_owned());
    act::finish(session, &wallet, unsigned, signing, false, Some(&out))
}

/// Refuses a key of a state that the op asks nobody of: its signature would stay in the op, complete
/// nothing, and make the ledger refuse it. Within a state a root may stand in for others, and who may
/// sign with the parties to an etr record follows from the record.
fn check_states(register: Register, needs: &[Signer], named: &[KeyRef]) -> Result<()> {
    let state = |party: &str| Party::parse(party).map(|party| party.cc().to_owned());
    let asks = |need: &Signer, key: &KeyRef| {
        let anybody = matches!(need.party.as_str(), "" | "*");
        let state = state(&key.party);
        anybody || state.is_some_and(|cc| need.party.get(..2) == Some(cc.as_str()))
    };
    let foreign = |key: &&KeyRef| !needs.iter().any(|need| asks(need, key));
    // a node that may not say who must sign says nothing
    let asked = register != Register::Etr && !needs.is_empty();
    let Some(key) = named.iter().find(foreign).filter(|_| asked) else { return Ok(()) };
    let parties: Vec<&str> = needs.iter().map(|need| need.party.as_str()).collect();
    Err(CommandError::refused(format!("the op asks for no signature of {}", key.party))
        .named("NOT_OWNER")
        .hint(format!("it asks for: {}", parties.join(", "))))
}
