//! Acts on accreditations: each precondition broken in turn, and the invariants of vc.md §5.7 under
//! random acts.

use proptest::prelude::*;
use std::collections::BTreeMap;
use titian_contracts::credential::bits;
use titian_contracts::credential::{
    self, Accreditation, AccreditationStatus, Resource, ResourceKind, chain,
};
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::state::{Overlay, decode_content};

use super::credential_scene::{
    ACRA, CUSTOMS, ROOT, Scene, UNTIL_MS, cases, change, grant, list, set, texts,
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

/// A random act by random keys.
#[derive(Clone, Debug)]
struct Step {
    act: usize,
    grantee: usize,
    parent: usize,
    signer: usize,
    number: i64,
    bits: u8,
    bump: i64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0_usize..7, 0_usize..3, 0_usize..5, 0_usize..6, 1_i64..4, any::<u8>(), 0_i64..2);
    let step = step.prop_map(|(act, grantee, parent, signer, number, bits, bump)| Step {
        act,
        grantee,
        parent,
        signer,
        number,
        bits,
        bump,
    });
    prop::collection::vec(step, 1..60)
}

impl Step {
    fn run(&self, scene: &mut Scene) -> bool {
        let parties = ["SG:ACRA", "SG:CUSTOMS", "MY:SSM"];
        let parents = ["SG", "SG:ACRA/acc/1", "SG:CUSTOMS/acc/1", "SG:ACRA/acc/2", "MY"];
        let signers: [&[(&str, u64)]; 6] =
            [ROOT, ACRA, CUSTOMS, &[("MY", 1), ("MY", 2)], &[("MY:SSM", 1)], &[("SG:CUSTOMS", 2)]];
        let grantee = parties[self.grantee];
        let id = format!("{grantee}/acc/{}", self.number);
        let stored = scene
            .world
            .state
            .0
            .get(&credential::accreditation_key(grantee, self.number.unsigned_abs()));
        let version = stored
            .and_then(|stored| decode_content::<Accreditation>(&stored.content))
            .map_or(1, |entry| i64::try_from(entry.version).expect("small"));
        let (act, args) = match self.act {
            0 | 1 => {
                let all = ["accredit", "issue", "use"];
                let rights: Vec<&str> =
                    (0..3).filter(|i| self.bits >> i & 1 == 1).map(|i| all[i]).collect();
                let cc = if self.bits & 8 == 0 { &parents[self.parent][..2] } else { "TH" };
                let args = grant(grantee, self.number)
                    .with("parent", Value::from(parents[self.parent]))
                    .with("rights", texts(&rights))
                    .with("jurisdictions", texts(&[cc]))
                    .with("depth", Value::Int(i64::from(self.bits >> 4) % 4))
                    .with("untilMs", Value::Int(UNTIL_MS - i64::from(self.bits)));
                ("accreditation_grant", args)
            }
            2 => ("accreditation_suspend", change(&id, version + self.bump)),
            3 => ("accreditation_reinstate", change(&id, version + self.bump)),
            4 => {
                let args = change(&id, version).with("effectiveMs", Value::Int(1_700_000_000_001));
                ("accreditation_revoke", args)
            }
            5 => ("list_create", list(grantee, self.number, "revocation")),
            _ => {
                let key = credential::list_key(grantee, 1);
                let version = scene.world.state.0.get(&key).map_or(0, |stored| {
                    let list: credential::StatusList =
                        decode_content(&stored.content).expect("a list");
                    i64::try_from(list.version).expect("small")
                });
                let index = i64::from(self.bits >> 6);
                let (old, new) = if self.bits & 1 == 0 { (0, 1) } else { (1, 0) };
                let id = format!("{grantee}/status/1");
                ("list_set", set(&id, version, &[[index, old, new, 0]]))
            }
        };
        scene.act(act, args, signers[self.signer]).is_ok()
    }
}

/// All accreditations in state.
fn accreditations(scene: &Scene) -> BTreeMap<String, Accreditation> {
    let mut found = BTreeMap::new();
    for grantee in ["SG:ACRA", "SG:CUSTOMS", "MY:SSM"] {
        for n in 1..=20 {
            let key = credential::accreditation_key(grantee, n);
            if let Some(stored) = scene.world.state.0.get(&key) {
                let entry = decode_content(&stored.content).expect("an accreditation");
                found.insert(credential::accreditation_id(grantee, n), entry);
            }
        }
    }
    found
}

/// I1 and I2, told from state alone.
fn check_narrow_and_sovereign(all: &BTreeMap<String, Accreditation>) {
    for (id, entry) in all {
        assert_eq!(entry.grantee[..2], entry.grantor[..2], "{id} crosses a border");
        let Some(parent) = all.get(&entry.parent) else {
            assert_eq!(entry.parent, entry.grantee[..2], "{id} hangs in the air");
            assert_eq!(entry.jurisdictions, std::slice::from_ref(&entry.parent));
            continue;
        };
        assert_eq!(parent.grantee, entry.grantor);
        assert!(entry.rights.iter().all(|right| parent.rights.contains(right)), "{id}");
        assert!(entry.types.iter().all(|name| parent.types.contains(name)), "{id}");
        assert!(entry.jurisdictions.iter().all(|cc| parent.jurisdictions.contains(cc)), "{id}");
        assert!(entry.from_ms >= parent.from_ms && entry.until_ms <= parent.until_ms, "{id}");
        assert!(entry.depth < parent.depth, "{id}");
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn random_acts_by_random_keys_keep_the_invariants(steps in steps()) {
        let mut scene = Scene::bare();
        let mut revoked_links: BTreeMap<String, Accreditation> = BTreeMap::new();
        let mut revoked_bits: Vec<(String, u64)> = Vec::new();
        let mut resources = None;
        for step in steps {
            step.run(&mut scene);
            let all = accreditations(&scene);
            check_narrow_and_sovereign(&all);
            // a revoked link stays as it is
            for (id, entry) in &revoked_links {
                prop_assert_eq!(all.get(id), Some(entry));
            }
            revoked_links.extend(all.iter()
                .filter(|(_, entry)| entry.status == AccreditationStatus::Revoked)
                .map(|(id, entry)| (id.clone(), entry.clone())));
            // I9: below a link that is not active nothing counts
            let overlay = Overlay::new(&scene.world.state);
            for entry in all.values() {
                let active = chain::chain_active(&overlay, entry, scene.world.time_ms);
                let mut link = Some(entry);
                let mut whole = true;
                while let Some(at) = link {
                    whole &= at.status == AccreditationStatus::Active;
                    link = all.get(&at.parent);
                }
                prop_assert_eq!(active, whole);
            }
            // I4
            for owner in ["SG:ACRA", "SG:CUSTOMS", "MY:SSM"] {
                for index in 0..4 {
                    let now = bits::status_at(
                        &scene.world.state, owner, 1, index, scene.world.height);
                    let key = (owner.to_owned(), index);
                    let set = now.is_ok_and(|status| status.value == 1);
                    prop_assert!(set || !revoked_bits.contains(&key), "{:?} came back", key);
                    if set {
                        revoked_bits.push(key);
                    }
                }
            }
            // I3
            let key = credential::resource_key(
                "ASEAN", ResourceKind::JsonSchema, "business-registration", 1);
            let bytes = decode_content::<Resource>(&scene.world.state.0[&key].content)
                .expect("a resource").bytes;
            prop_assert_eq!(resources.get_or_insert_with(|| bytes.clone()), &bytes);
        }
    }
}
