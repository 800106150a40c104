//! The condition `credential_active` of an offer: met only while the entry is plainly good and its
//! issuer is accredited (vc.md §5.4).

use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_tests::etr::{Traders, accept_args, with_ack};

use super::credential_scene::{ACRA, ROOT, change, grant, list, set};

const ENTRY: &str = "SG:ACRA/status/1#7";

/// Traders beside an accredited `SG:ACRA` with list 1.
fn accredited() -> Traders {
    let mut t = Traders::new();
    act(&mut t, "accreditation_grant", grant("SG:ACRA", 1), ROOT);
    act(&mut t, "list_create", list("SG:ACRA", 1, "revocation"), ACRA);
    t
}

fn act(t: &mut Traders, act: &str, args: Value, signers: &[(&str, u64)]) {
    let done = t.world.act(Register::Vc, act, args, signers).map_err(Code::name);
    assert!(done.is_ok(), "{act}: {done:?}");
}

/// Offers a new note under the condition that `entry` of `issuer` is good; the note.
fn offered(t: &mut Traders, reference: &str, entry: &str, issuer: &str) -> Result<String, Code> {
    let id = t.issued_note(reference);
    let (vn, th) = (t.vn.clone(), t.th.clone());
    let leaf = Value::object([("id", Value::from(entry)), ("issuer", Value::from(issuer))]);
    let tree = Value::object([("credential_active", leaf)]);
    let offer = t.op(&id, "offer", t.offer_args(&th, None).with("conditions", tree));
    t.run(&offer, &[&vn]).map(|_| id)
}

/// The error of accepting a note; `None` if it was accepted.
fn accepted(t: &mut Traders, id: &str) -> Option<&'static str> {
    let th = t.th.clone();
    let accept = with_ack(&t.op(id, "accept", accept_args()), &["TH:unknown", "VN:unknown"]);
    t.run(&accept, &[&th]).err().map(Code::name)
}

#[test]
fn a_good_entry_of_an_accredited_issuer_meets_it_however_it_is_spelled() {
    let mut t = accredited();
    let did = format!("did:ubin:{ENTRY}");
    let spelled =
        [(ENTRY, "SG:ACRA"), (did.as_str(), "SG:ACRA"), (did.as_str(), "did:ubin:SG:ACRA")];
    for (n, (entry, issuer)) in spelled.into_iter().enumerate() {
        let id = offered(&mut t, &format!("PN-{n}"), entry, issuer).map_err(Code::name);
        assert_eq!(accepted(&mut t, &id.expect("offered")), None, "{entry}");
    }
    let wrong = [
        (ENTRY, "SG:CUSTOMS"),
        ("did:web:SG:ACRA/status/1#7", "SG:ACRA"),
        ("did:ubin:did:ubin:SG:ACRA/status/1#7", "SG:ACRA"),
        ("SG:ACRA/status/1", "SG:ACRA"),
        ("SG:ACRA/status/1#07", "SG:ACRA"),
    ];
    for (n, (entry, issuer)) in wrong.into_iter().enumerate() {
        let refused = offered(&mut t, &format!("PN-W{n}"), entry, issuer).map_err(Code::name);
        assert_eq!(refused, Err(Code::ConditionInvalid.name()), "{entry}");
    }
}

#[test]
fn a_revoked_entry_and_one_of_no_list_do_not_meet_it() {
    let mut t = accredited();
    let id = offered(&mut t, "PN-1", ENTRY, "SG:ACRA").expect("offered");
    act(&mut t, "list_set", set("SG:ACRA/status/1", 0, &[[7, 0, 1, 0]]), ACRA);
    assert_eq!(accepted(&mut t, &id), Some("CONDITION_UNMET"));
    for (n, entry) in ["SG:ACRA/status/2#7", "SG:ACRA/status/1#131072"].into_iter().enumerate() {
        let id = offered(&mut t, &format!("PN-N{n}"), entry, "SG:ACRA").expect("offered");
        assert_eq!(accepted(&mut t, &id), Some("CONDITION_UNMET"), "{entry}");
    }
    // its neighbour is as good as before
    let id = offered(&mut t, "PN-2", "SG:ACRA/status/1#8", "SG:ACRA").expect("offered");
    assert_eq!(accepted(&mut t, &id), None);
}

#[test]
fn an_issuer_that_is_suspended_or_revoked_meets_it_no_more() {
    let mut t = accredited();
    let id = offered(&mut t, "PN-1", ENTRY, "SG:ACRA").expect("offered");
    act(&mut t, "accreditation_suspend", change("SG:ACRA/acc/1", 1), ROOT);
    assert_eq!(accepted(&mut t, &id), Some("CONDITION_UNMET"));
    act(&mut t, "accreditation_reinstate", change("SG:ACRA/acc/1", 2), ROOT);
    assert_eq!(accepted(&mut t, &id), None);
    let id = offered(&mut t, "PN-2", ENTRY, "SG:ACRA").expect("offered");
    let now = Value::from(t.world.time_ms);
    let revoke = change("SG:ACRA/acc/1", 3).with("effectiveMs", now);
    act(&mut t, "accreditation_revoke", revoke, ROOT);
    assert_eq!(accepted(&mut t, &id), Some("CONDITION_UNMET"));
}
