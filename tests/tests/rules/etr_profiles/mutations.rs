//! Each op changed in one place, or in two, is refused with the error of the first, and nothing
//! changes: seq, head, chain, bundle, rulebook, signer, signature, acknowledgement, deadline.

use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_tests::etr::{DAY_MS, Traders, with_ack, with_arg};
use titian_tests::etr_types::some_digest;

fn refused(t: &mut Traders, op: &Value, parties: &[&str], code: Code) {
    let before = t.world.state.0.clone();
    let found = t.run_signed(op, parties).err().map(Code::name);
    // a refusal takes no time here: what follows runs at the same moment
    t.world.time_ms -= 1000;
    assert_eq!(found, Some(code.name()), "{}", op.to_jcs());
    assert!(before == t.world.state.0, "a refused op changed state");
}

/// Refuses the mutations of an op that is sound when these parties sign it.
pub fn check(t: &mut Traders, op: &Value, parties: &[&str], stranger: &str) {
    let zero = Value::from(some_digest("mutation"));
    let seq = op.get("seq").and_then(Value::as_int).expect("a seq");
    let later = op.with("seq", Value::Int(seq + 1));
    let moved = op.with("head", zero.clone());
    let strange = op.with("rulebook", zero.clone());
    refused(t, &op.with("chain", Value::from("other-1")), parties, Code::Malformed);
    refused(t, &op.with("bundle", zero.clone()), parties, Code::BundleMismatch);
    refused(t, &later, parties, Code::StaleSeq);
    refused(t, &later.with("head", zero.clone()), parties, Code::StaleSeq);
    refused(t, &moved, parties, Code::StaleHead);
    refused(t, &moved.with("rulebook", zero), parties, Code::StaleHead);
    refused(t, &strange, parties, Code::RulebookUnknown);
    let acknowledged = with_ack(op, &["ZZ:unknown"]);
    refused(t, &acknowledged, parties, Code::LegalAckRequired);
    let mut more = parties.to_vec();
    more.push(stranger);
    refused(t, op, &more, Code::UnexpectedSigner);
    refused(t, &acknowledged, &more, Code::UnexpectedSigner);
    if !parties.is_empty() {
        refused(t, &strange, &[], Code::RulebookUnknown);
        let court = parties.iter().any(|party| party.contains(':'));
        let missing = if court { Code::CourtQuorum } else { Code::MissingSigner };
        refused(t, &acknowledged, &[], missing);
        // signatures over another op
        let blind = op.get("blind").cloned().expect("a blind");
        let other = t.signed(&op.with("blind", Value::from("ff".repeat(16))), parties);
        refused(t, &other.with("blind", blind), &[], Code::BadSignature);
    }
    let args = op.get("args").expect("arguments");
    if args.get("deadlineMs").is_some() {
        let now = t.world.time_ms;
        for deadline in [now + 59_999, now + 30 * DAY_MS + 1] {
            let op = with_arg(op, "deadlineMs", Value::from(deadline));
            refused(t, &op, parties, Code::BadDeadline);
        }
    }
}
