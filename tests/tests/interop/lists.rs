//! T4: status lists of both kinds, against @digitalbazaar/vc-bitstring-status-list and
//! @sd-jwt/jwt-status-list: what one side packs the other unpacks, and signed lists count.

use std::collections::BTreeSet;

use rand::Rng as _;
use serde_json::{Value, json};
use titian_credential::proof::{self, Suite, assertion};
use titian_credential::status::{self, token};
use titian_credential::verdict::Policy;
use titian_credential::verify::{Request, SuppliedList, verify};
use titian_tests::credentials::random::{changed, credential};
use titian_tests::credentials::{ENTRIES, ISSUER_DID, METHOD, shipped, strict};

use super::scene::{Scene, accepted};

#[test]
fn vc_t04_bitstring_lists_are_packed_and_unpacked_alike() {
    let mut scene = Scene::new(51);
    for _ in 0..20 {
        let set: BTreeSet<u64> = (0..scene.random.gen_range(0..500))
            .map(|_| scene.random.gen_range(0..ENTRIES))
            .collect();
        let request =
            json!({"id": "urn:x:list", "length": ENTRIES, "set": set, "purpose": "revocation"});
        let made = scene.js.must("bitstringCredential", request);
        let encoded = made["credentialSubject"]["encodedList"].as_str().expect("text");
        let bits = status::decode_list(encoded).expect("a list");
        let ours: BTreeSet<u64> =
            (0..ENTRIES).filter(|i| status::entry_of(&bits, 1, *i) == Ok(1)).collect();
        assert_eq!(ours, set);

        let at: Vec<u64> = (0..200)
            .map(|_| scene.random.gen_range(0..ENTRIES))
            .chain(set.iter().copied().take(200))
            .collect();
        let encoded = status::encode_list(&bits);
        let read = scene.js.must("bitstringValues", json!({"encodedList": encoded, "at": at}));
        assert_eq!(read["length"], ENTRIES);
        let expected: Vec<bool> = at.iter().map(|i| set.contains(i)).collect();
        assert_eq!(read["values"], json!(expected));
    }
}

#[test]
fn vc_t04_token_lists_are_packed_and_unpacked_alike() {
    let mut scene = Scene::new(52);
    for size in [1_u64, 2, 4, 8] {
        let most = if size == 8 { 255 } else { (1_u8 << size) - 1 };
        let values: Vec<u8> = (0..4_096).map(|_| scene.random.gen_range(0..=most)).collect();
        let made = scene.js.must("tokenList", json!({"values": values, "bits": size}));
        let list = token::decode_list(made.as_str().expect("text")).expect("a list");
        for (i, value) in (0..).zip(&values) {
            assert_eq!(token::entry_of(&list, size, i), Ok(*value), "{size} bits, entry {i}");
        }
        let at: Vec<usize> = (0..values.len()).collect();
        let request = json!({"lst": token::encode_list(&list), "bits": size, "at": at});
        assert_eq!(scene.js.must("tokenValues", request)["values"], json!(values));
    }
}

/// A list that the other side made and signed, at an address of its own.
#[test]
fn vc_t04_a_list_that_they_signed_counts_for_us() {
    let mut scene = Scene::new(53);
    let url = "https://lists.example/7";
    let request = json!({"id": url, "length": ENTRIES, "set": [17], "purpose": "revocation"});
    let mut unsigned = scene.js.must("bitstringCredential", request);
    unsigned["issuer"] = json!(ISSUER_DID);
    let now = scene.now();
    let issuing = json!({
        "form": "eddsa-rdfc-2022", "document": unsigned, "created": now,
        "seed": scene.seed_hex(), "method": METHOD,
    });
    let list = scene.js.must("issueEmbedded", issuing);
    scene.js.must("remember", json!({"documents": {url: list}}));
    for (index, revoked) in [(16, false), (17, true)] {
        let mut one =
            credential(shipped("mcc-adoption"), &mut scene.random, scene.desk.world.time_ms);
        one["credentialStatus"] = json!([{
            "id": format!("{url}#{index}"), "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation", "statusListIndex": index.to_string(),
            "statusListCredential": url,
        }]);
        let live = scene.desk.live();
        let options = assertion(Suite::Rdfc, METHOD, &now);
        let issued = proof::issue(&one, &scene.desk.key(), options, strict(&live)).expect("issued");
        assert_eq!(code_with(&scene, &issued, url, &list), if revoked { "REVOKED" } else { "OK" });
        let request = json!({"form": "eddsa-rdfc-2022", "document": issued, "now": scene.now()});
        assert_eq!(accepted(&scene.js.must("verifyEmbedded", request)), !revoked);
        let (bad, _) = changed(&list, &mut scene.random);
        assert_eq!(code_with(&scene, &issued, url, &bad), "STATUS_LIST_INVALID");
    }
}

/// The code of check `status` with a list that the caller supplies.
fn code_with(scene: &Scene, issued: &Value, url: &str, list: &Value) -> &'static str {
    let mut request = Request::new(Policy::W3c);
    request.supplied.lists = vec![SuppliedList {
        url: url.to_owned(),
        text: list.to_string(),
        fetched_ms: scene.desk.world.time_ms,
    }];
    let live = scene.desk.live();
    let text = issued.to_string();
    let verdict = verify(text.as_bytes(), &request, Some(&live), scene.desk.world.time_ms);
    let status = verdict.checks.iter().find(|result| result.check.name() == "status");
    status.expect("all twelve are there").code
}
