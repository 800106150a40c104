//! T4: credentials with embedded proofs, `eddsa-jcs-2022` and `eddsa-rdfc-2022`, against
//! @digitalbazaar/vc with its cryptosuites and @digitalbazaar/vc-bitstring-status-list.

use rand::seq::SliceRandom as _;
use serde_json::{Value, json};
use titian_credential::proof::{self, Suite, assertion};
use titian_tests::credentials::random::{changed, credential};
use titian_tests::credentials::{METHOD, of_the_data_model, strict};

use super::scene::{CREDENTIALS, Scene, accepted};

/// One type after the other, so that each is there.
fn unsigned(scene: &mut Scene, number: usize) -> Value {
    let types = of_the_data_model();
    credential(types[number % types.len()], &mut scene.random, scene.desk.world.time_ms)
}

fn ours(scene: &Scene, suite: Suite, unsigned: &Value) -> Value {
    let (live, now) = (scene.desk.live(), scene.now());
    let options = assertion(suite, METHOD, &now);
    proof::issue(unsigned, &scene.desk.key(), options, strict(&live))
        .unwrap_or_else(|fault| panic!("{fault}: {unsigned}"))
}

fn theirs(scene: &mut Scene, suite: Suite, unsigned: &Value) -> Value {
    let request = json!({
        "form": suite.name(), "document": unsigned, "created": scene.now(),
        "seed": scene.seed_hex(), "method": METHOD,
    });
    scene.js.must("issueEmbedded", request)
}

fn they_say(scene: &mut Scene, suite: Suite, document: &Value) -> Value {
    let request = json!({"form": suite.name(), "document": document, "now": scene.now()});
    scene.js.must("verifyEmbedded", request)
}

fn both_ways(suite: Suite, seed: u64) {
    let mut scene = Scene::new(seed);
    for number in 0..CREDENTIALS {
        let unsigned = unsigned(&mut scene, number);
        let issued = ours(&scene, suite, &unsigned);
        let answer = they_say(&mut scene, suite, &issued);
        assert!(accepted(&answer), "refused: {answer} {issued}");
        let (bad, pointer) = changed(&issued, &mut scene.random);
        let answer = they_say(&mut scene, suite, &bad);
        assert!(!accepted(&answer), "{pointer} was changed and they accept {bad}");

        let issued = theirs(&mut scene, suite, &unsigned);
        let verdict = scene.verdict(&issued.to_string());
        assert!(verdict.verified(), "{} {issued}", verdict.to_jcs());
        let (bad, pointer) = changed(&issued, &mut scene.random);
        let verdict = scene.verdict(&bad.to_string());
        assert!(!verdict.verified(), "{pointer} was changed and we accept {bad}");
    }
}

#[test]
fn vc_t04_eddsa_jcs_2022_goes_both_ways() {
    both_ways(Suite::Jcs, 41);
}

#[test]
fn vc_t04_eddsa_rdfc_2022_goes_both_ways() {
    both_ways(Suite::Rdfc, 42);
}

#[test]
fn vc_t04_a_status_bit_that_is_set_is_seen_by_both() {
    let mut scene = Scene::new(43);
    for (version, slug) in (0..).zip(["aeo-authorisation", "mcc-adoption", "business-registration"])
    {
        let shipped = titian_tests::credentials::shipped(slug);
        let unsigned = credential(shipped, &mut scene.random, scene.desk.world.time_ms);
        let entries = unsigned["credentialStatus"].as_array().expect("entries");
        let revocation = entries.iter().find(|entry| entry["statusPurpose"] == "revocation");
        let index = revocation.expect("an entry")["statusListIndex"].as_str().expect("text");
        let suite = *[Suite::Jcs, Suite::Rdfc].choose(&mut scene.random).expect("two");
        let issued = ours(&scene, suite, &unsigned);
        assert!(accepted(&they_say(&mut scene, suite, &issued)));
        assert!(scene.verdict(&issued.to_string()).verified());
        scene.desk.set(1, version, index.parse().expect("a number"), [0, 1]);
        scene.serve_lists();
        assert!(!accepted(&they_say(&mut scene, suite, &issued)), "{issued}");
        let verdict = scene.verdict(&issued.to_string());
        assert!(verdict.to_jcs().contains("\"REVOKED\""), "{}", verdict.to_jcs());
    }
}
