//! Acts on status lists, single use and anchors: each precondition broken in turn, and the history
//! of entries against a plain model.

use proptest::prelude::*;
use titian_contracts::credential;
use titian_contracts::credential::bits::{self, HistoryFault, StatusAt};
use titian_contracts::error::Code;
use titian_contracts::json::{self, Value};
use titian_contracts::op::{Op, Register};
use titian_contracts::transaction::Transaction;
use titian_tests::world::World;

use super::credential_scene::{
    ACRA, CUSTOMS, ROOT, Scene, UNTIL_MS, cases, change, grant, list, object, set, texts,
};
use super::credential_types::{CONTEXT, SCHEMA, resource};

#[test]
fn each_broken_precondition_of_list_create_gives_its_error() {
    let mut scene = Scene::new();
    let act = "list_create";
    let good = || list("SG:ACRA", 3, "suspension");
    let with = |name: &str, value: Value| good().with(name, value);
    scene.refused(act, good(), &[("MY:SSM", 1)], Code::NotOwner);
    scene.refused(act, good(), CUSTOMS, Code::QuorumMissing);
    scene.refused(act, with("types", texts(&["Grade"])), ACRA, Code::RightMissing);
    scene.refused(act, list("SG:ACRA", 4, "suspension"), ACRA, Code::VersionConflict);
    scene.refused(act, list("SG:ACRA", 2, "suspension"), ACRA, Code::VersionConflict);
    scene.refused(act, with("statusSize", Value::Int(2)), ACRA, Code::StatusValue);
    scene.refused(act, with("entries", Value::Int(131_073)), ACRA, Code::StatusValue);
    scene.refused(act, with("entries", Value::Int(65_536)), ACRA, Code::StatusValue);
    scene.refused(act, with("entries", Value::Int(2_097_152)), ACRA, Code::StatusValue);
    scene.refused(act, with("uri", Value::from("http://example.org/1")), ACRA, Code::FieldLimit);
    scene.refused(act, with("untilMs", Value::Int(3_000_000_000_000)), ACRA, Code::FieldLimit);
    scene.refused(act, with("untilMs", Value::Int(1)), ACRA, Code::FieldLimit);
    scene.refused(act, with("types", texts(&[])), ACRA, Code::FieldLimit);
    scene.refused(act, with("profile", Value::from("mood")), ACRA, Code::Malformed);
    let uri = Value::from("https://example.org/lists/3");
    scene.not_replayable(act, with("uri", uri.clone()), ACRA);
    let same_uri = list("SG:ACRA", 4, "suspension").with("uri", uri);
    scene.refused(act, same_uri, ACRA, Code::FieldLimit);
    // a revoked issuer makes no more lists (I9)
    let revocation = change("SG:ACRA/acc/1", 1).with("effectiveMs", Value::Int(1));
    scene.must("accreditation_revoke", revocation, ROOT);
    scene.refused(act, list("SG:ACRA", 4, "suspension"), ACRA, Code::RightMissing);
}

#[test]
fn vc_t10_each_broken_precondition_of_list_set_gives_its_error() {
    let mut scene = Scene::new();
    scene.must("list_create", list("SG:CUSTOMS", 1, "use"), CUSTOMS);
    let act = "list_set";
    let id = "SG:ACRA/status/1";
    scene.refused(act, set(id, 0, &[[5, 0, 1, 0]]), &[("MY:SSM", 1)], Code::NotOwner);
    scene.refused(act, set(id, 0, &[[5, 0, 1, 0]]), CUSTOMS, Code::QuorumMissing);
    let use_list = set("SG:CUSTOMS/status/1", 0, &[[5, 0, 1, 0]]);
    scene.refused(act, use_list.clone(), &[("SG:CUSTOMS", 2)], Code::ScopeDenied);
    scene.refused(act, set("SG:ACRA/status/9", 0, &[[5, 0, 1, 0]]), ACRA, Code::UnknownList);
    scene.refused(act, use_list, CUSTOMS, Code::UseList);
    scene.refused(act, set(id, 1, &[[5, 0, 1, 0]]), ACRA, Code::VersionConflict);
    scene.refused(act, set(id, 0, &[]), ACRA, Code::ChangeLimit);
    let many: Vec<[i64; 4]> = (0..2_501).map(|i| [i, 0, 1, 0]).collect();
    scene.refused(act, set(id, 0, &many), ACRA, Code::ChangeLimit);
    scene.refused(act, set(id, 0, &[[131_072, 0, 1, 0]]), ACRA, Code::StatusIndexRange);
    scene.refused(act, set(id, 0, &[[5, 0, 1, 0], [5, 1, 0, 0]]), ACRA, Code::StatusIndexRange);
    scene.refused(act, set(id, 0, &[[5, 0, 2, 0]]), ACRA, Code::StatusValue);
    scene.refused(act, set(id, 0, &[[5, 0, 0, 0]]), ACRA, Code::StatusValue);
    scene.refused(act, set(id, 0, &[[5, 1, 0, 0]]), ACRA, Code::StatusConflict);
    scene.refused(act, set(id, 0, &[[5, 0, 1, 7]]), ACRA, Code::Malformed);
    scene.not_replayable(act, set(id, 0, &many[..2_500]), ACRA);
    scene.refused(act, set(id, 1, &[[5, 0, 1, 0]]), ACRA, Code::StatusConflict);
    scene.refused(act, set(id, 1, &[[5, 1, 0, 0]]), ACRA, Code::StatusIrreversible);
    // a refresh bit may go back, and only the owner sets it
    let refresh = "SG:ACRA/status/2";
    scene.must(act, set(refresh, 0, &[[5, 0, 1, 2]]), ACRA);
    scene.must(act, set(refresh, 1, &[[5, 1, 0, 0]]), ACRA);
    scene.refused(act, set(refresh, 2, &[[5, 0, 1, 0]]), ROOT, Code::QuorumMissing);
    // the root stands above the owner and may revoke for it
    scene.must(act, set(id, 1, &[[9_000, 0, 1, 5]]), ROOT);
    assert_eq!(scene.list("SG:ACRA", 1).version, 2);
}

#[test]
fn who_stands_above_an_issuer_may_revoke_in_its_place() {
    let mut scene = Scene::new();
    scene.must("list_create", list("SG:CUSTOMS", 1, "revocation"), CUSTOMS);
    scene.must("list_set", set("SG:CUSTOMS/status/1", 0, &[[1, 0, 1, 4]]), ACRA);
    scene.refused(
        "list_set",
        set("SG:ACRA/status/1", 0, &[[1, 0, 1, 4]]),
        CUSTOMS,
        Code::QuorumMissing,
    );
}

#[test]
fn lists_of_natural_persons_carry_no_reason() {
    let mut scene = Scene::bare();
    let personal = SCHEMA.replace("public", "personal");
    scene.must("resource_publish", resource("SG", "jsonSchema", "grade", 1, &personal), ROOT);
    scene.must("resource_publish", resource("SG", "jsonldContext", "grade", 1, CONTEXT), ROOT);
    let entry = object(
        r#"{"owner":"SG","name":"Grade","schemas":["SG/schema/grade/1"],
        "contexts":["SG/context/grade/1"],"naturalPersonData":true,"singleUse":false,
        "profiles":["revocation"],"validityMaxDays":30}"#,
    );
    scene.must("type_publish", entry, ROOT);
    let types = texts(&["Grade"]);
    scene.must("accreditation_grant", grant("SG:ACRA", 1).with("types", types.clone()), ROOT);
    scene.must("list_create", list("SG:ACRA", 1, "revocation").with("types", types), ACRA);
    let id = "SG:ACRA/status/1";
    scene.refused("list_set", set(id, 0, &[[5, 0, 1, 1]]), ACRA, Code::ReasonForbidden);
    scene.must("list_set", set(id, 0, &[[5, 0, 1, 0]]), ACRA);
}

#[test]
fn each_broken_precondition_of_list_retire_gives_its_error() {
    let mut scene = Scene::new();
    let retire = |list: &str| Value::object([("list", Value::from(list))]);
    let id = "SG:ACRA/status/1";
    scene.refused("list_retire", retire(id), CUSTOMS, Code::QuorumMissing);
    scene.refused("list_retire", retire("SG:ACRA/status/9"), ACRA, Code::UnknownList);
    scene.world.time_ms = u64::try_from(UNTIL_MS).expect("positive");
    scene.refused("list_retire", retire(id), ACRA, Code::ListInUse);
    scene.not_replayable("list_retire", retire(id), ACRA);
    scene.refused("list_retire", retire(id), ACRA, Code::ListRetired);
    scene.refused("list_set", set(id, 0, &[[5, 0, 1, 0]]), ACRA, Code::ListRetired);
}

fn use_args(index: i64, seq: i64) -> Value {
    Value::object([
        ("list", Value::from("SG:CUSTOMS/status/1")),
        ("index", Value::Int(index)),
        ("seq", Value::Int(seq)),
    ])
}

#[test]
fn vc_t10_each_broken_precondition_of_single_use_gives_its_error() {
    let mut scene = Scene::new();
    scene.must("list_create", list("SG:CUSTOMS", 1, "use"), CUSTOMS);
    // Malaysia's registrar holds the right to use the type
    let foreign =
        grant("MY:SSM", 1).with("parent", Value::from("MY")).with("jurisdictions", texts(&["MY"]));
    scene.must("accreditation_grant", foreign, &[("MY", 1), ("MY", 2)]);
    let ssm: &[(&str, u64)] = &[("MY:SSM", 1)];
    let (lodge, utilise, release, cancel) =
        ("use_lodge", "use_utilise", "use_release", "use_cancel");
    let other = use_args(1, 0).with("list", Value::from("SG:ACRA/status/1"));
    scene.refused(lodge, other, ssm, Code::UnknownList);
    scene.refused(lodge, use_args(131_072, 0), ssm, Code::StatusIndexRange);
    scene.refused(lodge, use_args(1, 0), &[("TH:DBD", 1)], Code::RightMissing);
    scene.refused(lodge, use_args(1, 0), &[("SG", 1), ("SG", 2)], Code::QuorumMissing);
    scene.refused(lodge, use_args(1, 1), ssm, Code::VersionConflict);
    scene.refused(utilise, use_args(1, 0), ssm, Code::StatusConflict);
    scene.not_replayable(lodge, use_args(1, 0), ssm);
    scene.refused(lodge, use_args(1, 1), ACRA, Code::StatusConflict);
    scene.refused(utilise, use_args(1, 1), ACRA, Code::NotLodger);
    scene.refused(release, use_args(1, 1), ACRA, Code::NotLodger);
    scene.refused(cancel, use_args(1, 1), CUSTOMS, Code::StatusConflict);
    scene.refused(cancel, use_args(2, 0), ssm, Code::NotOwner);
    scene.must(release, use_args(1, 1), ssm);
    // the old lodging cannot be replayed although the value is 0 again
    scene.refused(lodge, use_args(1, 0), ssm, Code::VersionConflict);
    scene.must(lodge, use_args(1, 2), ssm);
    scene.must(utilise, use_args(1, 3), ssm);
    for act in [lodge, utilise, release] {
        scene.refused(act, use_args(1, 4), ssm, Code::StatusConflict);
    }
    scene.must(cancel, use_args(2, 0), CUSTOMS);
    scene.refused(lodge, use_args(2, 1), ssm, Code::StatusConflict);
}

#[test]
fn vc_t10_of_two_states_that_lodge_one_entry_in_one_block_the_first_wins() {
    let mut scene = Scene::new();
    scene.must("list_create", list("SG:CUSTOMS", 1, "use"), CUSTOMS);
    let foreign =
        grant("MY:SSM", 1).with("parent", Value::from("MY")).with("jurisdictions", texts(&["MY"]));
    scene.must("accreditation_grant", foreign, &[("MY", 1), ("MY", 2)]);
    let world = &mut scene.world;
    let op = world.op(Register::Vc, "use_lodge", use_args(7, 0));
    let both = [("MY:SSM", 1), ("SG:ACRA", 1)]
        .map(|signer| World::transaction(&world.sign(&op, &[signer])));
    let receipts = world.run_transactions(&both);
    let codes: Vec<_> =
        receipts.iter().map(|receipt| receipt.error.as_ref().map(|e| e.0)).collect();
    assert_eq!(codes, [None, Some(Code::StatusConflict.number())]);
}

#[test]
fn each_broken_precondition_of_an_anchor_gives_its_error() {
    let mut scene = Scene::new();
    let root = format!("b3:{}", "7".repeat(64));
    let anchor = |issuer: &str, n: i64, size: i64| {
        Value::object([
            ("issuer", Value::from(issuer)),
            ("n", Value::Int(n)),
            ("root", Value::from(root.as_str())),
            ("sizeLog2", Value::Int(size)),
        ])
    };
    let act = "anchor_submit";
    scene.refused(act, anchor("SG:ACRA", 1, 6), &[("MY:SSM", 1)], Code::NotOwner);
    scene.refused(act, anchor("MY:SSM", 1, 6), &[("MY:SSM", 1)], Code::RightMissing);
    scene.refused(act, anchor("SG:ACRA", 2, 6), ACRA, Code::VersionConflict);
    scene.refused(act, anchor("SG:ACRA", 1, 5), ACRA, Code::AnchorSize);
    scene.refused(act, anchor("SG:ACRA", 1, 21), ACRA, Code::AnchorSize);
    scene.not_replayable(act, anchor("SG:ACRA", 1, 6), ACRA);
    scene.must(act, anchor("SG:ACRA", 2, 20), ACRA);
}

#[test]
fn the_published_list_set_op_has_its_digest_and_transaction_id() {
    let file = include_str!("../../data/vc/list_set_op.json");
    let data: serde_json::Value = serde_json::from_str(file).expect("JSON");
    let text = data["op"].as_str().expect("the op's text");
    let value = json::parse_canonical(text.as_bytes()).expect("canonical");
    let op = Op::from_value(value.clone()).expect("an op");
    assert_eq!(op.digest.to_string(), data["opDigest"].as_str().expect("text"));
    let bytes = Transaction::encode("op", Register::Vc, value);
    let id = Transaction::parse(&bytes).expect("a transaction").id;
    assert_eq!(id.to_string(), data["transaction"].as_str().expect("text"));
}

/// What a list must tell, written down plainly: (height, index) of each change.
#[derive(Default)]
struct Model {
    changes: Vec<(u64, u64, u8)>,
}

impl Model {
    fn at(&self, index: u64, height: u64) -> (u8, Option<u64>) {
        self.changes
            .iter()
            .rfind(|(h, i, _)| *h <= height && *i == index)
            .map_or((0, None), |(h, _, value)| (*value, Some(*h)))
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn status_at_every_height_equals_a_plain_model(
        blocks in prop::collection::vec(prop::collection::vec((0_u64..6, 0_u8..4), 1..4), 1..12),
    ) {
        // few indices, on both sides of a chunk border, so that they collide often
        let indices = [0_u64, 1, 4_095, 4_096, 8_191, 131_071];
        let mut scene = Scene::new();
        scene.must("list_create", list("SG:ACRA", 3, "message"), ACRA);
        let (mut model, mut version) = (Model::default(), 0);
        let first = scene.world.height;
        for block in &blocks {
            let height = scene.world.height + 1;
            let mut transactions = Vec::new();
            for (pick, new) in block {
                let index = indices[usize::try_from(*pick).expect("small")];
                let (old, _) = model.at(index, height);
                if old == *new {
                    continue;
                }
                let numbers = [i64::try_from(index).expect("small"), i64::from(old), i64::from(*new), 0];
                let op = scene.world.op(
                    Register::Vc, "list_set", set("SG:ACRA/status/3", version, &[numbers]));
                transactions.push(World::transaction(&scene.world.sign(&op, ACRA)));
                model.changes.push((height, index, *new));
                version += 1;
            }
            let receipts = scene.world.run_transactions(&transactions);
            prop_assert!(receipts.iter().all(|receipt| receipt.error.is_none()));
        }
        for height in first..=scene.world.height {
            for index in indices {
                let got = bits::status_at(&scene.world.state, "SG:ACRA", 3, index, height)
                    .expect("history is whole");
                let (value, since) = model.at(index, height);
                prop_assert_eq!(got, StatusAt { value, since, reason: 0 });
            }
        }
        let before = bits::status_at(&scene.world.state, "SG:ACRA", 3, 0, first - 1);
        prop_assert_eq!(before, Err(HistoryFault::NoList));
    }

    #[test]
    fn a_damaged_delta_is_noticed(flip in 0_usize..30) {
        let mut scene = Scene::new();
        for version in 0..3 {
            let change = [version, 0, 1, 0];
            scene.must("list_set", set("SG:ACRA/status/1", version, &[change]), ACRA);
        }
        let height = scene.world.height;
        let key = credential::delta_key("SG:ACRA", 1, 0, height - 1);
        let stored = scene.world.state.0.get_mut(&key).expect("the delta before the last");
        let at = 1 + flip % (stored.content.len() - 1);
        stored.content[at] ^= 1;
        let got = bits::status_at(&scene.world.state, "SG:ACRA", 1, 0, height - 2);
        prop_assert_eq!(got, Err(HistoryFault::Broken));
    }
}
