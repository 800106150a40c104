//! Trust bundles and evidence packs of a node (T11): the verdict from a bundle is the verdict from
//! state at its height, and nothing of a bundle counts that its proof does not hold.

use serde_json::{Value as Json, json};
use titian_api::vc::BundleParams;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_credential::bundle::make::keys_of;
use titian_credential::bundle::{Bundle, BundleError, TrustAnchor, read};
use titian_credential::json::canonical;
use titian_credential::snapshot::Snapshot as _;
use titian_credential::verdict::{Check, Decision, Policy, Verdict};
use titian_credential::verify::{Request, verify};
use titian_tests::http::request;

use super::scene::{ACRA, MALAYSIA, Scene};

/// How old a bundle may be.
const DAY_MS: u64 = 86_400_000;

fn open(scene: &Scene, bytes: &[u8], trusted_height: u64) -> Result<Bundle, BundleError> {
    let anchor = scene.served.world.genesis.anchor();
    let sandbox = scene.served.world.genesis.sandbox;
    read(bytes, TrustAnchor { anchor: &anchor, sandbox, trusted_height })
}

fn request_for(jurisdiction: Option<&str>) -> Request {
    let mut request = Request::new(Policy::Ledger);
    request.jurisdiction = jurisdiction.map(str::to_owned);
    request
}

fn judge(bundle: &Bundle, credential: &Json, jurisdiction: Option<&str>, now_ms: u64) -> Verdict {
    let text = canonical(credential);
    verify(text.as_bytes(), &request_for(jurisdiction), Some(bundle), now_ms)
}

async fn bundle_of(scene: &Scene, params: Json) -> (Json, String) {
    let answer = scene.ask("vc_bundle", params).await;
    let text = canonical(&answer["bundle"]);
    (answer["bundle"].clone(), text)
}

/// Compares the verdict from a bundle with that of the node at the bundle's height.
async fn equal(scene: &Scene, bundle: &Bundle, credential: &Json, jurisdiction: Option<&str>) {
    let height = bundle.trust().height;
    let params =
        json!({"credential": credential, "jurisdiction": jurisdiction, "atHeight": height});
    let online = scene.ask("vc_verify", params).await;
    let time_ms = scene.served.blocks.ledger.header(height).expect("kept").time_ms;
    let mut offline = judge(bundle, credential, jurisdiction, time_ms).to_value();
    let mut expected = online;
    for verdict in [&mut offline, &mut expected] {
        // what differs is where the state comes from, and the time of the header with its root
        for name in ["source", "time", "ageSeconds"] {
            verdict["trust"].as_object_mut().expect("trust").remove(name);
        }
        for check in verdict["checks"].as_array_mut().expect("checks") {
            if ["stateProof", "freshness"].contains(&check["name"].as_str().expect("text")) {
                check["code"] = Json::Null;
            }
        }
    }
    assert_eq!(canonical(&offline), canonical(&expected));
}

#[tokio::test]
async fn t11_the_verdict_from_a_bundle_is_the_verdict_from_state_at_its_height() {
    let scene = Scene::new().await;
    let credential = scene.issued();
    scene.served.blocks.commit(Vec::new());
    let scope = json!({"cc": ["SG"], "recognition": ["MY", "TH"]});
    let (_, fresh) = bundle_of(&scene, scope.clone()).await;
    let fresh = open(&scene, fresh.as_bytes(), 0).expect("a bundle");
    assert_eq!(fresh.trust().proof_code, "OK");
    let first = fresh.trust().height;
    assert!(judge(&fresh, &credential, Some("MY"), fresh.trust().time_ms).verified());
    let suspended = Value::object([
        ("id", Value::from("MY/SG/mra")),
        ("version", Value::Int(1)),
        ("reason", Value::from("review")),
    ]);
    scene.set(1, 0, 0, 1);
    scene.must(Register::Gov, "recognition_suspend", suspended, MALAYSIA);
    // the scope asks for each way to name it
    for scope in [
        scope.clone(),
        json!({"issuers": ["did:ubin:SG:ACRA"], "types": ["BusinessRegistration"],
            "recognition": ["MY", "TH"]}),
        json!({"recognition": ["MY", "TH"]}),
    ] {
        let (_, text) = bundle_of(&scene, scope).await;
        let bundle = open(&scene, text.as_bytes(), 0).expect("a bundle");
        assert_eq!(bundle.trust().proof_code, "OK");
        for jurisdiction in [None, Some("SG"), Some("MY"), Some("TH")] {
            equal(&scene, &bundle, &credential, jurisdiction).await;
            equal(&scene, &fresh, &credential, jurisdiction).await;
        }
        let now = judge(&bundle, &credential, Some("MY"), bundle.trust().time_ms);
        assert_eq!(now.check(Check::Status).map(|check| check.code), Some("REVOKED"));
    }
    // a bundle of the earlier height is made today as well, from what changed since
    let mut past = scope;
    past["height"] = json!(first);
    let (value, text) = bundle_of(&scene, past).await;
    assert!(value.get("changes").is_some() && value.get("headers").is_some());
    let past = open(&scene, text.as_bytes(), 0).expect("a bundle");
    assert_eq!((past.trust().proof_code, past.trust().height), ("OK", first));
    equal(&scene, &past, &credential, Some("MY")).await;
    assert!(judge(&past, &credential, Some("MY"), past.trust().time_ms).verified());
    scene.served.stop().await;
}

/// The keys that a verdict at a height asks for.
fn asked(scene: &Scene, credential: &Json, height: u64) -> Vec<Vec<u8>> {
    let ledger = &scene.served.blocks.ledger;
    let state = ledger.state_at(height).expect("kept");
    let time_ms = ledger.header(height).expect("kept").time_ms;
    let request = request_for(Some("MY"));
    let sandbox = scene.served.world.genesis.sandbox;
    let text = canonical(credential);
    keys_of(&state, text.as_bytes(), &request, (ledger.chain(), sandbox), (height, time_ms))
}

#[tokio::test]
async fn t11_every_object_removed_and_every_byte_flipped_leaves_nothing_verified() {
    let scene = Scene::new().await;
    let credential = scene.issued();
    scene.served.blocks.commit(Vec::new());
    let made = scene.head();
    scene.must(Register::Vc, "list_create", super::scene::list("SG:ACRA", 3, "token"), ACRA);
    for height in [Json::Null, json!(made)] {
        let scope = json!({"issuers": ["SG:ACRA"], "recognition": ["MY"], "height": height});
        let (value, text) = bundle_of(&scene, scope).await;
        let now_ms = open(&scene, text.as_bytes(), 0).expect("a bundle").trust().time_ms;
        let judged = |bytes: &[u8]| {
            open(&scene, bytes, 0).ok().map(|b| judge(&b, &credential, Some("MY"), now_ms))
        };
        assert_eq!(judged(text.as_bytes()).map(|v| v.decision), Some(Decision::Verified));
        let asked = asked(&scene, &credential, value["height"].as_u64().expect("a number"));
        let objects = value["claim"]["objects"].as_array().expect("objects");
        let mut needed = 0;
        for (i, object) in objects.iter().enumerate() {
            let mut fewer = value.clone();
            fewer["claim"]["objects"].as_array_mut().expect("objects").remove(i);
            let Some(verdict) = judged(canonical(&fewer).as_bytes()) else { continue };
            let key = object["key"].as_str().and_then(titian_credential::key::decode);
            let is_asked = asked.contains(&key.expect("base64url"));
            needed += usize::from(is_asked);
            // without what no check asks for it is a smaller bundle, if its proof still holds
            let proven = verdict.check(Check::StateProof).is_some_and(|check| check.code == "OK");
            let smaller = proven && !is_asked;
            assert!(smaller || verdict.decision != Decision::Verified, "object {i}: {object}");
        }
        assert!(needed > 10, "{needed} objects only are needed");
        // a prime step visits every kind of member
        for at in (0..text.len()).step_by(61) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 0x01;
            let meant = serde_json::from_slice::<Json>(&bytes).is_ok_and(|mut changed| {
                // the scope is what its maker meant; it proves nothing and decides nothing
                changed["claim"]["scope"] = value["claim"]["scope"].clone();
                changed == value
            });
            let verdict = judged(&bytes);
            assert!(
                meant || verdict.is_none_or(|v| v.decision != Decision::Verified),
                "byte {at} of height {height}"
            );
        }
    }
    scene.served.stop().await;
}

#[tokio::test]
async fn t11_rollback_is_refused_and_an_old_bundle_is_stale() {
    let scene = Scene::new().await;
    let credential = scene.issued();
    scene.served.blocks.commit(Vec::new());
    let (_, text) = bundle_of(&scene, json!({"recognition": ["MY"]})).await;
    let bundle = open(&scene, text.as_bytes(), 0).expect("a bundle");
    let trust = bundle.trust();
    assert!(open(&scene, text.as_bytes(), trust.height).is_ok());
    let rollback = open(&scene, text.as_bytes(), trust.height + 1);
    assert_eq!(rollback.map(|_| ()), Err(BundleError::TooOld));
    let at = |ms: u64| judge(&bundle, &credential, Some("MY"), trust.time_ms + ms);
    assert!(at(DAY_MS).verified());
    let stale = at(DAY_MS + 1);
    assert_eq!(stale.decision, Decision::Indeterminate);
    assert_eq!(stale.check(Check::Freshness).map(|check| check.code), Some("TRUST_STALE"));
    let early = judge(&bundle, &credential, Some("MY"), trust.time_ms - 120_000);
    assert_eq!(early.check(Check::Freshness).map(|check| check.code), Some("TRUST_FROM_FUTURE"));
    // another network's genesis
    let mut other = scene.served.world.genesis.anchor();
    other.genesis.0[0] ^= 1;
    let sandbox = scene.served.world.genesis.sandbox;
    let foreign = read(text.as_bytes(), TrustAnchor { anchor: &other, sandbox, trusted_height: 0 });
    assert_eq!(foreign.expect("well formed").trust().proof_code, "CHAIN_MISMATCH");
    scene.served.stop().await;
}

#[tokio::test]
async fn t11_an_evidence_pack_holds_one_credential_and_all_that_its_verdict_needs() {
    let scene = Scene::new().await;
    let credential = scene.issued();
    scene.served.blocks.commit(Vec::new());
    let (value, text) =
        bundle_of(&scene, json!({"credential": credential, "jurisdiction": "MY"})).await;
    assert_eq!(value["kind"], "vc-evidence");
    let pack = open(&scene, text.as_bytes(), 0).expect("a pack");
    assert_eq!(pack.trust().proof_code, "OK");
    let held: Json = serde_json::from_str(pack.credential().expect("held")).expect("JSON");
    assert_eq!(held, credential);
    equal(&scene, &pack, &held, Some("MY")).await;
    let token = scene.token(&scene.unsigned());
    let (_, text) = bundle_of(&scene, json!({"credential": token})).await;
    let pack = open(&scene, text.as_bytes(), 0).expect("a pack");
    assert_eq!(pack.credential(), Some(token.as_str()));
    // a member that stands twice is seen, also in an object, and nothing is packed
    let doubled = credential.to_string().replacen('{', "{\"type\": \"A\", ", 1);
    let params = format!(r#"{{"credential": {doubled}}}"#);
    let params: BundleParams = serde_json::from_str(&params).expect("read");
    assert_eq!(params.credential, Some(json!(doubled)));
    for (bad, name) in [
        (json!({"credential": doubled}), "INVALID_PARAMS"),
        (json!({"credential": credential, "cc": ["SG"]}), "INVALID_PARAMS"),
        (json!({"jurisdiction": "MY"}), "INVALID_PARAMS"),
        (json!({"credential": "no credential at all"}), "INVALID_PARAMS"),
        (json!({"cc": ["sg"]}), "INVALID_PARAMS"),
        (json!({"types": ["no type"]}), "INVALID_PARAMS"),
        (json!({"issuers": ["acra"]}), "DID_INVALID"),
        (json!({"anchors": ["SG:ACRA/status/1"]}), "INVALID_PARAMS"),
        (json!({"credential": credential, "anchors": ["SG:ACRA"]}), "INVALID_PARAMS"),
        (json!({"height": 1_000_000}), "HEIGHT_UNKNOWN"),
        (
            json!({"types": (0..1_025).map(|n| format!("T{n}")).collect::<Vec<_>>()}),
            "LIMIT_EXCEEDED",
        ),
    ] {
        scene.fails("vc_bundle", bad, name).await;
    }
    scene.served.stop().await;
}

#[tokio::test]
async fn t14_a_bundle_is_fetched_plain_or_compressed() {
    let scene = Scene::new().await;
    let credential = scene.issued();
    scene.served.blocks.commit(Vec::new());
    let get = |path: &'static str| request(scene.served.address, "GET", path, &[], b"");
    let plain = get("/trust-bundle?cc=SG&recognition=MY,TH&types=BusinessRegistration").await;
    assert_eq!((plain.status, plain.header("content-type")), (200, Some("application/json")));
    assert!(plain.header("content-disposition").expect("set").ends_with(".ttb\""));
    let packed =
        get("/trust-bundle?issuers=did:ubin:SG:ACRA&recognition=MY&anchors=SG:ACRA&gzip=true")
            .await;
    assert_eq!(packed.header("content-type"), Some("application/gzip"));
    assert!(packed.body.starts_with(&[0x1f, 0x8b]) && packed.body.len() < plain.body.len());
    for (answer, anchors) in [(plain, None), (packed, Some(1))] {
        let bundle = open(&scene, &answer.body, 0).expect("a bundle");
        // there is no first anchor, and that is proven
        assert_eq!(bundle.kinds().get("anchor").copied(), anchors);
        let verdict = judge(&bundle, &credential, Some("MY"), bundle.trust().time_ms);
        assert!(verdict.verified(), "{}", verdict.to_jcs());
    }
    for (path, status) in [
        ("/trust-bundle?height=x", 400),
        ("/trust-bundle?lists=maybe", 400),
        ("/trust-bundle?size=big", 400),
        ("/trust-bundle?cc=sg", 400),
        ("/trust-bundle?cc=XX", 404),
        ("/trust-bundle?anchors=sg", 400),
        ("/trust-bundle?height=1000000", 404),
    ] {
        let refused = get(path).await;
        assert_eq!(refused.status, status, "{path}");
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    }
    scene.served.stop().await;
}
