//! Acts on accreditations: each precondition broken in turn.

use titian_contracts::credential::{self, AccreditationStatus};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_credential::anchor::{Tree, commitment};
use titian_credential::form;
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::Request;

use super::credential_anchors::random;
use super::credential_fixture::{issued_by, ledger_verdict, only, verdict_of};
use super::credential_scene::{
    ACRA, CUSTOMS, REVOCATIONS, ROOT, Scene, UNTIL_MS, change, grant, list, texts,
};

#[test]
fn vc_t10_each_broken_precondition_of_a_grant_gives_its_error() {
    let mut scene = Scene::bare();
    let mut refused = |args: Value, signers: &[(&str, u64)], code| {
        scene.refused("accreditation_grant", args, signers, code);
    };
    let good = || grant("SG:ACRA", 1);
    refused(good(), &[("MY", 1), ("MY", 2)], Code::NotOwner);
    refused(good(), &[("SG", 1)], Code::QuorumMissing);
    refused(grant("SG:NOBODY", 1), ROOT, Code::NotOwner);
    refused(grant("MY:SSM", 1), ROOT, Code::NotOwner);
    refused(grant("sg:acra", 1), ROOT, Code::DidInvalid);
    refused(grant("SG:ACRA", 2), ROOT, Code::VersionConflict);
    refused(grant("SG:ACRA", 0), ROOT, Code::VersionConflict);
    let missing_parent = good().with("parent", Value::from("SG:ACRA/acc/9"));
    refused(missing_parent, ACRA, Code::ParentNotActive);
    refused(good().with("jurisdictions", texts(&["MY"])), ROOT, Code::NotNarrower);
    refused(good().with("depth", Value::Int(4)), ROOT, Code::DepthExceeded);
    refused(good().with("types", texts(&["NoSuchType"])), ROOT, Code::UnknownType);
    refused(good().with("types", texts(&[])), ROOT, Code::FieldLimit);
    refused(good().with("rights", texts(&[])), ROOT, Code::FieldLimit);
    refused(good().with("jurisdictions", texts(&[])), ROOT, Code::FieldLimit);
    refused(good().with("issuerClass", Value::from("friend")), ROOT, Code::FieldLimit);
    refused(good().with("untilMs", Value::Int(1_700_000_000_000)), ROOT, Code::FieldLimit);
    refused(good().with("rights", texts(&["issue", "issue"])), ROOT, Code::Malformed);
    refused(good().with("extra", Value::Int(1)), ROOT, Code::Malformed);
}

#[test]
fn a_grant_below_another_is_narrower_and_needs_its_active_parent() {
    let mut scene = Scene::bare();
    let top = grant("SG:ACRA", 1).with("rights", texts(&["accredit", "issue"]));
    scene.not_replayable("accreditation_grant", top, ROOT);
    let below = || {
        grant("SG:CUSTOMS", 1)
            .with("parent", Value::from("SG:ACRA/acc/1"))
            .with("rights", texts(&["issue"]))
            .with("depth", Value::Int(1))
    };
    let act = "accreditation_grant";
    scene.refused(act, below(), CUSTOMS, Code::QuorumMissing);
    scene.refused(act, below().with("rights", texts(&["use"])), ACRA, Code::NotNarrower);
    scene.refused(act, below().with("fromMs", Value::Int(1)), ACRA, Code::NotNarrower);
    scene.refused(act, below().with("untilMs", Value::Int(UNTIL_MS + 1)), ACRA, Code::NotNarrower);
    scene.refused(act, below().with("depth", Value::Int(2)), ACRA, Code::DepthExceeded);
    scene.must("accreditation_suspend", change("SG:ACRA/acc/1", 1), ROOT);
    scene.refused(act, below(), ACRA, Code::ParentNotActive);
    scene.must("accreditation_reinstate", change("SG:ACRA/acc/1", 2), ROOT);
    scene.must(act, below(), ACRA);
    // SG:CUSTOMS has no right to accredit
    let third = grant("SG:ACRA", 2)
        .with("parent", Value::from("SG:CUSTOMS/acc/1"))
        .with("rights", texts(&["issue"]))
        .with("depth", Value::Int(0));
    scene.refused(act, third.clone(), CUSTOMS, Code::ParentNotActive);
    scene.refused(act, third, &[("SG:CUSTOMS", 2)], Code::ScopeDenied);
}

#[test]
fn each_broken_precondition_of_suspension_and_revocation_gives_its_error() {
    let mut scene = Scene::new();
    let id = "SG:CUSTOMS/acc/1";
    let (suspend, reinstate, revoke) =
        ("accreditation_suspend", "accreditation_reinstate", "accreditation_revoke");
    let revocation =
        |version| change(id, version).with("effectiveMs", Value::Int(1_750_000_000_000));
    scene.refused(suspend, change(id, 1), &[("MY:SSM", 1)], Code::NotOwner);
    scene.refused(suspend, change(id, 1), &[("SG:CUSTOMS", 2)], Code::ScopeDenied);
    scene.refused(suspend, change(id, 1), &[("SG", 1)], Code::QuorumMissing);
    scene.refused(suspend, change("SG:CUSTOMS/acc/2", 1), ACRA, Code::UnknownAccreditation);
    scene.refused(suspend, change(id, 2), ACRA, Code::VersionConflict);
    scene.refused(suspend, change(id, 1), CUSTOMS, Code::NotAncestor);
    scene.refused(reinstate, change(id, 1), ACRA, Code::BadTransition);
    scene.refused(suspend, change(id, 1).without("reason"), ACRA, Code::ReasonRequired);
    let odd = change(id, 1).with("reason", Value::from("weather"));
    scene.refused(suspend, odd, ACRA, Code::Malformed);
    scene.not_replayable(suspend, change(id, 1), ACRA);
    scene.refused(suspend, change(id, 2), ACRA, Code::BadTransition);
    // the root stands above every link
    scene.not_replayable(reinstate, change(id, 2).without("reason"), ROOT);
    assert_eq!(scene.accreditation("SG:CUSTOMS", 1).suspensions.len(), 1);
    let future = revocation(3).with("effectiveMs", Value::Int(1_800_000_000_000));
    scene.refused(revoke, future, ACRA, Code::FutureEffective);
    scene.refused(revoke, revocation(3).without("reason"), ACRA, Code::ReasonRequired);
    scene.refused(revoke, revocation(3).without("effectiveMs"), ACRA, Code::Malformed);
    scene.not_replayable(revoke, revocation(3), ACRA);
    for act in [suspend, reinstate] {
        scene.refused(act, change(id, 4), ROOT, Code::BadTransition);
    }
    scene.refused(revoke, revocation(4), ROOT, Code::BadTransition);
    let entry = scene.accreditation("SG:CUSTOMS", 1);
    assert_eq!(entry.status, AccreditationStatus::Revoked);
    assert_eq!(entry.effective_ms, 1_750_000_000_000);
}

#[test]
fn suspensions_beyond_the_limit_become_one_that_spans_both() {
    let mut scene = Scene::new();
    let id = "SG:CUSTOMS/acc/1";
    let kept = i64::try_from(credential::SUSPENSIONS_KEPT_MAX).expect("small");
    for round in 0..=kept {
        scene.must("accreditation_suspend", change(id, 1 + 2 * round), ROOT);
        if round == 0 {
            scene.world.time_ms += 5_000;
        }
        scene.must("accreditation_reinstate", change(id, 2 + 2 * round), ROOT);
    }
    let entry = scene.accreditation("SG:CUSTOMS", 1);
    assert_eq!(entry.suspensions.len(), credential::SUSPENSIONS_KEPT_MAX);
    let (from, until) = entry.suspensions[0];
    assert_eq!(until - from, 8_000, "two suspensions of 6 s and 1 s with 1 s between them");
}

/// SG:CUSTOMS issues; its accreditation stands below that of SG:ACRA.
fn customs() -> Scene {
    let mut scene = Scene::new();
    scene.must("list_create", list("SG:CUSTOMS", 1, "revocation"), CUSTOMS);
    scene.must("list_create", list("SG:CUSTOMS", 2, "refresh"), CUSTOMS);
    scene
}

#[test]
fn vc_t10_the_suspension_of_a_link_above_reaches_its_issuers_until_it_is_lifted() {
    let mut scene = customs();
    let credential = issued_by(&scene, "SG:CUSTOMS", 1);
    assert!(ledger_verdict(&scene, &credential).verified());
    scene.world.time_ms += 60_000;
    scene.must("accreditation_suspend", change("SG:ACRA/acc/1", 1), ROOT);
    let verdict = ledger_verdict(&scene, &credential);
    only(&verdict, Check::Accreditation, "ACCREDITATION_SUSPENDED");
    let during = issued_by(&scene, "SG:CUSTOMS", 1);
    scene.world.time_ms += 60_000;
    let lifted = change("SG:ACRA/acc/1", 2).without("reason");
    scene.must("accreditation_reinstate", lifted, ROOT);
    assert!(ledger_verdict(&scene, &credential).verified());
    only(&ledger_verdict(&scene, &during), Check::Accreditation, "ACCREDITATION_SUSPENDED");
}

#[test]
fn vc_t10_the_revocation_of_a_link_above_reaches_its_issuers_as_each_reason_says() {
    for (reason, earlier_passes) in REVOCATIONS {
        let mut scene = customs();
        let credential = issued_by(&scene, "SG:CUSTOMS", 1);
        let digest = commitment(&form::read_json(credential.clone()).expect("read"));
        let tree = Tree::new(&[digest], &mut random(1)).expect("a tree");
        let anchor = Value::object([
            ("issuer", Value::from("SG:CUSTOMS")),
            ("n", Value::Int(1)),
            ("root", Value::from(tree.root())),
            ("sizeLog2", Value::from(tree.size_log2())),
        ]);
        scene.must("anchor_submit", anchor, CUSTOMS);
        scene.world.time_ms += 60_000;
        let effective = i64::try_from(scene.world.time_ms).expect("small");
        let args = change("SG:ACRA/acc/1", 1)
            .with("reason", Value::from(reason))
            .with("effectiveMs", Value::Int(effective));
        scene.must("accreditation_revoke", args, ROOT);
        let later = issued_by(&scene, "SG:CUSTOMS", 1);
        only(&ledger_verdict(&scene, &later), Check::Accreditation, "ACCREDITATION_REVOKED");
        let verdict = ledger_verdict(&scene, &credential);
        assert_eq!(verdict.verified(), earlier_passes, "{reason}: {}", verdict.to_jcs());
        // what an anchor shows to be older passes after misconduct too
        let mut request = Request::new(Policy::Ledger);
        request.supplied.receipts = vec![tree.receipt(0, "SG:CUSTOMS/anchor/1").expect("a leaf")];
        let anchored = verdict_of(&scene, &credential, &request);
        assert!(anchored.verified(), "{reason}: {}", anchored.to_jcs());
    }
}

#[test]
fn vc_t10_a_chain_of_four_links_counts_and_a_fifth_is_refused() {
    let mut scene = Scene::bare();
    let chain = ["SG:ACRA", "SG:CUSTOMS", "SG:PORTS", "SG:HEALTH"];
    scene.create_authority("SG:PORTS");
    scene.create_authority("SG:HEALTH");
    let below = |grantee: &str, n: i64, above: &str, depth: i64| {
        grant(grantee, n)
            .with("parent", Value::from(format!("{above}/acc/1")))
            .with("depth", Value::Int(depth))
    };
    let act = "accreditation_grant";
    scene.must(act, grant(chain[0], 1).with("depth", Value::Int(3)), ROOT);
    for (depth, pair) in [2, 1, 0].into_iter().zip(chain.windows(2)) {
        let (above, grantee) = (pair[0], pair[1]);
        scene.must(act, below(grantee, 1, above, depth), &[(above, 1)]);
    }
    let fifth = below("SG:ACRA", 2, "SG:HEALTH", 0);
    scene.refused(act, fifth, &[("SG:HEALTH", 1)], Code::DepthExceeded);
    let issuer: &[(&str, u64)] = &[("SG:HEALTH", 1)];
    scene.must("list_create", list("SG:HEALTH", 1, "revocation"), issuer);
    scene.must("list_create", list("SG:HEALTH", 2, "refresh"), issuer);
    let credential = issued_by(&scene, "SG:HEALTH", 1);
    let verdict = ledger_verdict(&scene, &credential);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    let found = verdict.check(Check::Accreditation).expect("there");
    let expected = ["SG", "SG:ACRA", "SG:CUSTOMS", "SG:PORTS", "SG:HEALTH"];
    assert_eq!(found.detail["chain"], serde_json::json!(expected));
    // the second link of four
    scene.must("accreditation_suspend", change("SG:CUSTOMS/acc/1", 1), ROOT);
    let verdict = ledger_verdict(&scene, &credential);
    only(&verdict, Check::Accreditation, "ACCREDITATION_SUSPENDED");
}
