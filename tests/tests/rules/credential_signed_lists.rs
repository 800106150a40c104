//! Token Status List, and signed status lists for readers without ledger.

use ed25519_dalek::Signer as _;
use serde_json::{Value as Json, json};
use titian_contracts::credential::Profile;
use titian_contracts::time::rfc3339;
use titian_credential::jwt::issue_vc;
use titian_credential::key::Algorithm;
use titian_credential::proof::issue_jcs;
use titian_credential::status::signed::{TTL_MS, bitstring_credential, token_list};
use titian_credential::status::{self, token};
use titian_credential::verdict::{Check, Policy, Verdict};
use titian_credential::verify::{Request, Supplied, SuppliedList, SupplyError, verify};

use super::credential_fixture::{NOW_MS, SANDBOX, code, fails_with, live, self_issued};
use super::credential_scene::{ACRA, Scene, list, set};

#[test]
pub fn vc_t02_token_status_lists_decode_as_the_vectors_say_and_encode_back() {
    let data: Json =
        serde_json::from_str(include_str!("../../data/vc/token-status-list.json")).expect("JSON");
    let vectors = data["vectors"].as_array().expect("a list");
    assert_eq!(vectors.len(), 4);
    for vector in vectors {
        let size = vector["bits"].as_u64().expect("a number");
        let entries = vector["entries"].as_u64().expect("a number");
        let lst = vector["status_list"]["lst"].as_str().expect("text");
        let bytes = token::decode_list(lst).expect("zlib");
        assert_eq!(bytes.len() as u64 * 8, entries * size);
        let statuses = vector["statuses"].as_object().expect("object");
        for (index, value) in statuses {
            let index: u64 = index.parse().expect("a number");
            let got = token::entry_of(&bytes, size, index).map(u64::from);
            assert_eq!(got, Ok(value.as_u64().expect("a number")), "{size} bits, {index}");
        }
        let set: u64 =
            (0..entries).filter(|i| token::entry_of(&bytes, size, *i) != Ok(0)).count() as u64;
        let stated = statuses.values().filter(|v| v.as_u64() != Some(0)).count() as u64;
        assert_eq!(set, stated);
        assert_eq!(token::entry_of(&bytes, size, entries), Err("STATUS_INDEX_RANGE"));
        assert_eq!(token::decode_list(&token::encode_list(&bytes)).as_ref(), Ok(&bytes));
        // both orders, there and back
        let state = token::reorder(&bytes, size);
        assert_eq!(token::reorder(&state, size), bytes);
        for index in statuses.keys() {
            let index: u64 = index.parse().expect("a number");
            assert_eq!(status::entry_of(&state, size, index), token::entry_of(&bytes, size, index));
        }
    }
    for broken in ["", "=", "AAAA", "eNr"] {
        assert!(token::decode_list(broken).is_err(), "{broken}");
    }
    let limit = usize::try_from(status::LIST_BYTES_MAX).expect("small");
    let beyond = token::encode_list(&vec![0; limit + 1]);
    assert_eq!(token::decode_list(&beyond), Err("STATUS_LIST_BOMB"));
}

const URL: &str = "https://issuer.example/status/1";

/// A credential of issuer 1 with entry 5 of a list that is served at [`URL`].
fn credential() -> Json {
    let (mut credential, key, method) = self_issued(1);
    credential["credentialStatus"] = json!({"type": "BitstringStatusListEntry",
        "statusPurpose": "revocation", "statusListIndex": "5", "statusListCredential": URL});
    issue_jcs(&credential, &key, &method, "2026-01-01T00:00:00Z", SANDBOX).expect("issued")
}

fn unsigned_list(revoked: &[u64]) -> Json {
    let mut bits = vec![0; 16_384];
    for index in revoked {
        titian_contracts::credential::bits::set_value(&mut bits, *index, 1, 1);
    }
    let (credential, ..) = self_issued(1);
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "id": URL,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": credential["issuer"],
        "validFrom": rfc3339(NOW_MS - 1_000), "validUntil": rfc3339(NOW_MS + 600_000),
        "credentialSubject": {"id": format!("{URL}#list"), "type": "BitstringStatusList",
            "statusPurpose": "revocation", "encodedList": status::encode_list(&bits),
            "ttl": TTL_MS},
    })
}

fn signed_list(unsigned: &Json, seed: u8) -> String {
    let (_, key, method) = self_issued(seed);
    let created = rfc3339(NOW_MS - 1_000);
    issue_jcs(unsigned, &key, &method, &created, SANDBOX).expect("issued").to_string()
}

fn judge(list: Option<String>, fetched_ms: u64) -> Verdict {
    let mut request = Request::new(Policy::W3c);
    request.supplied.lists = list
        .into_iter()
        .map(|text| SuppliedList { url: URL.to_owned(), text, fetched_ms })
        .collect();
    verify(credential().to_string().as_bytes(), &request, None, NOW_MS)
}

#[test]
pub fn a_supplied_list_answers_while_it_is_fresh_and_its_owners() {
    assert_eq!(code(&judge(None, NOW_MS), Check::Status), "STATUS_LIST_NOT_AVAILABLE");
    assert!(!judge(None, NOW_MS).verified());
    let good = signed_list(&unsigned_list(&[4, 6]), 1);
    let verdict = judge(Some(good.clone()), NOW_MS);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    let revoked = judge(Some(signed_list(&unsigned_list(&[5]), 1)), NOW_MS);
    fails_with(&revoked, Check::Status, "REVOKED");
    // as a token too
    let (_, key, method) = self_issued(1);
    let token = issue_vc(&unsigned_list(&[5]), &key, &method, NOW_MS / 1_000, SANDBOX);
    let revoked = judge(Some(token.expect("issued")), NOW_MS);
    fails_with(&revoked, Check::Status, "REVOKED");
    // age, to the millisecond
    assert!(judge(Some(good.clone()), NOW_MS - TTL_MS).verified());
    let stale = judge(Some(good.clone()), NOW_MS - TTL_MS - 1);
    assert_eq!(code(&stale, Check::Status), "STATUS_LIST_STALE");
    assert!(!stale.verified());
    assert_eq!(code(&judge(Some(good), NOW_MS + 1), Check::Status), "STATUS_LIST_STALE");
    let edited = |pointer: &str, value: Json| {
        let mut list = unsigned_list(&[]);
        *list.pointer_mut(pointer).expect("there") = value;
        judge(Some(signed_list(&list, 1)), NOW_MS)
    };
    let until = json!(rfc3339(NOW_MS - 60_001));
    let mut old = unsigned_list(&[]);
    old["validFrom"] = json!(rfc3339(NOW_MS - 120_000));
    old["validUntil"] = until;
    let verdict = judge(Some(signed_list(&old, 1)), NOW_MS);
    assert_eq!(code(&verdict, Check::Status), "STATUS_LIST_STALE");
    // dated ahead, beyond what clocks may differ
    assert!(edited("/validFrom", json!(rfc3339(NOW_MS + 60_000))).verified());
    let ahead = edited("/validFrom", json!(rfc3339(NOW_MS + 61_000)));
    assert_eq!(code(&ahead, Check::Status), "STATUS_LIST_STALE");
    assert!(!ahead.verified());
    for (pointer, value, expected) in [
        ("/id", json!("https://issuer.example/status/2"), "STATUS_LIST_INVALID"),
        ("/type/1", json!("JsonSchemaCredential"), "STATUS_LIST_INVALID"),
        ("/credentialSubject/statusPurpose", json!("suspension"), "STATUS_PURPOSE_MISMATCH"),
        ("/credentialSubject/encodedList", json!("uAAAA"), "STATUS_LIST_INVALID"),
        (
            "/credentialSubject/encodedList",
            json!(status::encode_list(&[0; 16_383])),
            "STATUS_LIST_TOO_SHORT",
        ),
    ] {
        fails_with(&edited(pointer, value), Check::Status, expected);
    }
    // signed by another, or altered
    let mut foreign = unsigned_list(&[]);
    let (other, ..) = self_issued(2);
    foreign["issuer"] = other["issuer"].clone();
    let foreign = judge(Some(signed_list(&foreign, 2)), NOW_MS);
    fails_with(&foreign, Check::Status, "STATUS_LIST_INVALID");
    let forged = signed_list(&unsigned_list(&[]), 2);
    fails_with(&judge(Some(forged), NOW_MS), Check::Status, "STATUS_LIST_INVALID");
}

#[test]
pub fn a_message_of_a_supplied_list_is_good_only_while_it_is_zero() {
    // it may tell that a certificate was used up
    let (mut credential, key, method) = self_issued(1);
    credential["credentialStatus"] = json!({"type": "BitstringStatusListEntry",
        "statusPurpose": "message", "statusSize": 2, "statusListIndex": "5",
        "statusListCredential": URL, "statusMessage": [{"status": "0x0", "message": "issued"}]});
    let signed = issue_jcs(&credential, &key, &method, "2026-01-01T00:00:00Z", SANDBOX);
    let text = signed.expect("issued").to_string();
    for (value, expected) in [(0, "OK"), (1, "STATUS_TYPE_UNSUPPORTED")] {
        let mut bits = vec![0; 32_768];
        titian_contracts::credential::bits::set_value(&mut bits, 5, 2, value);
        let mut list = unsigned_list(&[]);
        list["credentialSubject"]["statusPurpose"] = json!("message");
        list["credentialSubject"]["encodedList"] = json!(status::encode_list(&bits));
        let mut request = Request::new(Policy::W3c);
        request.supplied.lists = vec![SuppliedList {
            url: URL.to_owned(),
            text: signed_list(&list, 1),
            fetched_ms: NOW_MS,
        }];
        let verdict = verify(text.as_bytes(), &request, None, NOW_MS);
        assert_eq!(code(&verdict, Check::Status), expected, "{}", verdict.to_jcs());
        assert_eq!(verdict.verified(), value == 0);
    }
}

#[test]
pub fn the_lists_of_the_ledger_are_served_in_both_signed_forms_and_read_back() {
    let mut scene = Scene::new();
    scene.must("list_create", list("SG:ACRA", 3, "token"), ACRA);
    scene.must("list_set", set("SG:ACRA/status/3", 0, &[[7, 0, 1, 0], [9, 0, 2, 0]]), ACRA);
    let live = live(&scene);
    let (entry, bits) = status::whole_list(&live, "SG:ACRA", 3).expect("known");
    assert_eq!(entry.profile, Profile::Token);
    let now_ms = scene.world.time_ms;
    let kid = "did:ubin:SG:ACRA#k1";
    let unsigned =
        token_list("SG:ACRA", "SG:ACRA/status/3", &entry, &bits, now_ms, (Algorithm::Ed25519, kid))
            .expect("a token list");
    let key = scene.world.key("SG:ACRA", 1);
    let signature = key.sign(unsigned.signing_input.as_bytes()).to_bytes();
    let text = unsigned.finish(&signature);
    // it names itself to whoever hands it over, as a credential of a list does; another token does not
    let mut supplied = Supplied::default();
    supplied.add_list(text.clone(), now_ms).expect("a list");
    assert_eq!(supplied.lists[0].url, "did:ubin:SG:ACRA/status/3");
    assert_eq!(supplied.add_list(text.clone(), now_ms), Err(SupplyError::Twice));
    let (own, own_key, own_method) = self_issued(1);
    let other = issue_vc(&own, &own_key, &own_method, now_ms / 1_000, SANDBOX).expect("issued");
    assert_eq!(supplied.add_list(other, now_ms), Err(SupplyError::NoList));
    assert_eq!(supplied.lists.len(), 1);
    let jws = titian_credential::jose::Jws::parse(&text).expect("a token");
    let contents = status::signed::token_contents(&jws.payload).expect("a list");
    assert_eq!(contents.id, "did:ubin:SG:ACRA/status/3");
    assert_eq!(contents.size, Some(2));
    for (index, expected) in [(6, 0), (7, 1), (8, 0), (9, 2)] {
        assert_eq!(token::entry_of(&contents.bytes, 2, index), Ok(expected));
    }
    let (entry, bits) = status::whole_list(&live, "SG:ACRA", 1).expect("known");
    let refused =
        token_list("SG:ACRA", "SG:ACRA/status/1", &entry, &bits, now_ms, (Algorithm::Ed25519, kid));
    assert!(refused.is_err());
    let credential = bitstring_credential("SG:ACRA", "SG:ACRA/status/1", &entry, &bits, now_ms);
    let signed = issue_jcs(&credential, &key, kid, &rfc3339(now_ms), SANDBOX).expect("sound");
    let contents =
        status::signed::bitstring_contents(signed.as_object().expect("object")).expect("a list");
    assert_eq!(contents.bytes, bits);
    assert_eq!(contents.purposes, ["revocation"]);
}
