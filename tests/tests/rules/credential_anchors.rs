//! Anchors: a receipt proves that a credential is older than the compromise of its key.

use proptest::prelude::*;
use titian_contracts::access::{PartyEntry, party_key};
use titian_contracts::digest::hash;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::decode_content;
use titian_credential::anchor::{Receipt, Tree, commitment};
use titian_credential::form;
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::Request;

use super::credential_fixture::{code, issued, verdict_of};
use super::credential_scene::{ACRA, ROOT, Scene, cases};

pub(crate) fn random(seed: u64) -> impl FnMut() -> [u8; 32] {
    let mut n = seed << 32;
    move || {
        n += 1;
        hash("titian test random v1", &[&n.to_be_bytes()]).0
    }
}

pub(crate) fn submit(scene: &mut Scene, n: u64, tree: &Tree) {
    let args = Value::object([
        ("issuer", Value::from("SG:ACRA")),
        ("n", Value::from(n)),
        ("root", Value::from(tree.root())),
        ("sizeLog2", Value::from(tree.size_log2())),
    ]);
    scene.must("anchor_submit", args, ACRA);
}

#[test]
pub fn vc_t08_an_anchored_credential_outlives_the_compromise_of_its_key() {
    let mut scene = Scene::new();
    let credential = issued(&scene, 2);
    let digest = commitment(&form::read_json(credential.clone()).expect("read"));
    let tree = Tree::new(&[digest], &mut random(1)).expect("a tree");
    assert_eq!(tree.size_log2(), 6);
    submit(&mut scene, 1, &tree);
    let anchored_ms = scene.world.time_ms - 1_000;
    scene.world.time_ms += 60_000;
    let version = {
        let stored = &scene.world.state.0[&party_key("SG:ACRA")];
        decode_content::<PartyEntry>(&stored.content).expect("a party").version
    };
    let args = Value::object([
        ("party", Value::from("SG:ACRA")),
        ("version", Value::from(version)),
        ("key", Value::from("k2")),
        ("reason", Value::from("compromised")),
        ("effectiveMs", Value::from(scene.world.time_ms)),
    ]);
    let done = scene.world.act(Register::Access, "key_revoke", args, ROOT);
    assert!(done.is_ok(), "{done:?}");
    let receipt = tree.receipt(0, "SG:ACRA/anchor/1").expect("a leaf");
    let judge = |receipts: Vec<Receipt>| {
        let mut request = Request::new(Policy::Ledger);
        request.supplied.receipts = receipts;
        verdict_of(&scene, &credential, &request)
    };
    assert_eq!(code(&judge(Vec::new()), Check::IssuerKey), "KEY_COMPROMISED");
    let verdict = judge(vec![receipt.clone()]);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    let (signed_ms, anchored) = verdict.signed_at.expect("known");
    assert!(anchored && signed_ms.abs_diff(anchored_ms) <= 1_000);
    assert!(verdict.warnings.is_empty());
    // a receipt of another leaf, salt, path, anchor or issuer proves nothing
    let edits: [&dyn Fn(&mut Receipt); 8] = [
        &|r| r.salt[0] ^= 1,
        &|r| r.leaf_index = 1,
        &|r| r.leaf_index = 64,
        &|r| r.path[3].0[0] ^= 1,
        &|r| {
            r.path.pop();
        },
        &|r| r.anchor = "SG:ACRA/anchor/2".to_owned(),
        &|r| r.anchor = "SG:CUSTOMS/anchor/1".to_owned(),
        &|r| r.anchor = "nonsense".to_owned(),
    ];
    for edit in edits {
        let mut changed = receipt.clone();
        edit(&mut changed);
        let verdict = judge(vec![changed.clone()]);
        assert_eq!(code(&verdict, Check::IssuerKey), "KEY_COMPROMISED");
        // and who handed it over is told so, unless another one holds
        assert!(verdict.warnings.contains(&"RECEIPT_NOT_USED"), "{}", verdict.to_jcs());
        assert!(judge(vec![changed, receipt.clone()]).warnings.is_empty());
    }
}

#[test]
pub fn the_published_receipt_has_the_members_that_are_read() {
    let text = r#"{"titianProof":1,"kind":"vc-anchor","chain":"c","height":1,"claim":{
        "anchor":"SG:CUSTOMS/anchor/5521","salt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "leafIndex":17,"anchorPath":["b3:0000000000000000000000000000000000000000000000000000000000000000"]},
        "path":null,"header":null,"certificate":null,"validators":null}"#;
    let value = serde_json::from_str(text).expect("JSON");
    let receipt = Receipt::of_value(&value).expect("a receipt");
    assert_eq!((receipt.leaf_index, receipt.path.len()), (17, 1));
    assert!(Receipt::of_value(&serde_json::json!({"kind": "vc-did"})).is_none());
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn every_leaf_of_a_tree_of_any_size_has_its_receipt(count in 1_usize..200, seed in 0_u64..1_000) {
        let mut fresh = random(seed);
        let commitments: Vec<[u8; 32]> = (0..count).map(|_| fresh()).collect();
        let tree = Tree::new(&commitments, &mut random(seed + 5_000)).expect("a tree");
        let mut scene = Scene::new();
        submit(&mut scene, 1, &tree);
        let live = super::credential_fixture::live(&scene);
        for (i, commitment) in commitments.iter().enumerate() {
            let receipt = tree.receipt(i, "SG:ACRA/anchor/1").expect("a leaf");
            prop_assert!(receipt.time_ms(*commitment, "SG:ACRA", &live).is_some());
            prop_assert!(receipt.time_ms([0; 32], "SG:ACRA", &live).is_none());
        }
        prop_assert!(tree.receipt(count, "SG:ACRA/anchor/1").is_none());
    }
}
