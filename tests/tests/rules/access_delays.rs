//! The delays of recovery and root rotation, and what happens to keys meanwhile.

use titian_contracts::access::KeyState;
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_credential::did;
use titian_credential::snapshot::Live;
use titian_tests::world::company_body;

use crate::access_scene::{CUSTOMS, Scene, WIDE, versioned};
use crate::ubin_scene::{moved, run};

const DAY_MS: u64 = 86_400_000;
const SG_ROOT: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];
const R2: &[(&str, u64)] = &[("SG:ACRA", 1), ("SG:ACRA", 2)];

/// Announces one new wide key for the business; gives its number and when it takes over.
fn announce(scene: &mut Scene) -> (u64, u64) {
    let party = scene.business.clone();
    let no = scene.entry(&party).expect("bound").keys + 1;
    let effective_ms = scene.world.time_ms + DAY_MS;
    let args = scene.bind_args(&party, scene.version(&party), &[(&["invoke"], WIDE, 1)]);
    scene.must("recover", args, R2);
    (no, effective_ms)
}

/// Which of the business's keys may sign at `time_ms`.
fn signing_at(scene: &mut Scene, time_ms: u64) -> Vec<u64> {
    let party = scene.business.clone();
    let last = scene.entry(&party).expect("bound").keys;
    let now = std::mem::replace(&mut scene.world.time_ms, time_ms);
    let keys = (1..=last).filter(|no| scene.may_sign(&party, *no)).collect();
    scene.world.time_ms = now;
    keys
}

#[test]
fn a_recovery_takes_over_after_24_hours_to_the_millisecond() {
    let mut scene = Scene::new();
    let (no, effective_ms) = announce(&mut scene);
    assert_eq!(signing_at(&mut scene, effective_ms - 1), [1, 2]);
    assert_eq!(signing_at(&mut scene, effective_ms), [no]);
    assert_eq!(signing_at(&mut scene, effective_ms + 1), [no]);
    let party = scene.business.clone();
    let cancel = versioned(&party, scene.version(&party));
    for (time_ms, verdict) in [
        (effective_ms - 1, Ok(())),
        (effective_ms, Err(Code::RecoveryNone)),
        (effective_ms + 1, Err(Code::RecoveryNone)),
    ] {
        scene.world.time_ms = time_ms;
        assert_eq!(scene.judge(&scene.op("recover_cancel", cancel.clone(), SG_ROOT)), verdict);
    }
    let next = scene.bind_args(&party, scene.version(&party), &[(&["invoke"], WIDE, 1)]);
    scene.world.time_ms = effective_ms - 1;
    assert_eq!(scene.judge(&scene.op("recover", next.clone(), R2)), Err(Code::DelayRunning));
    scene.world.time_ms = effective_ms;
    assert_eq!(scene.judge(&scene.op("recover", next, R2)), Ok(()));
}

#[test]
fn a_cancelled_recovery_leaves_the_keys_as_they_were() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let before = [scene.key(&party, 1), scene.key(&party, 2)];
    let (no, effective_ms) = announce(&mut scene);
    assert_eq!(scene.key(&party, 1).ends_ms, effective_ms);
    scene.must("recover_cancel", versioned(&party, scene.version(&party)), &[(&party, 2)]);
    assert_eq!([scene.key(&party, 1), scene.key(&party, 2)], before);
    assert_eq!(signing_at(&mut scene, effective_ms + 1), [1, 2]);
    assert_eq!(scene.key(&party, no).state, KeyState::Retired);
    let (next, _) = announce(&mut scene);
    assert_eq!(next, no + 1, "numbers are not used again");
}

#[test]
fn a_rotation_does_not_stop_a_recovery() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let (no, effective_ms) = announce(&mut scene);
    let args = scene.rotate_args(&party, &[1], 30 * 86_400, &["etr.offer"], 1);
    scene.must("key_rotate", args, &[(&party, 1)]);
    let args = scene.bind_args(&party, scene.version(&party), &[(&["invoke"], &["etr.offer"], 1)]);
    scene.must("key_bind", args, &[("SG:ACRA", 1)]);
    assert_eq!(signing_at(&mut scene, effective_ms - 1), [1, 2, no + 1, no + 2]);
    assert_eq!(signing_at(&mut scene, effective_ms), [no]);
}

#[test]
fn a_cancellation_gives_a_rotated_key_its_own_end_and_a_revoked_key_none() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let overlap_s = 2 * 86_400;
    let (no, effective_ms) = announce(&mut scene);
    let rotated_ms = scene.world.time_ms;
    let args = scene.rotate_args(&party, &[1], overlap_s, &["etr.offer"], 1);
    scene.must("key_rotate", args, &[(&party, 1)]);
    let args = scene.revoke_args(&party, 2, "compromised");
    scene.must("key_revoke", args, &[("SG:ACRA", 1)]);
    let revoked = scene.key(&party, 2);
    scene.must("recover_cancel", versioned(&party, scene.version(&party)), &[(&party, no + 1)]);
    let own_end = rotated_ms + overlap_s * 1000;
    assert!(own_end > effective_ms, "the overlap outlasts the delay");
    assert_eq!(scene.key(&party, 1).ends_ms, own_end);
    assert_eq!(scene.key(&party, 2), revoked);
    assert_eq!(signing_at(&mut scene, own_end - 1), [1, no + 1]);
    assert_eq!(signing_at(&mut scene, own_end), [no + 1]);
}

#[test]
fn a_key_of_a_waiting_recovery_that_is_revoked_never_acts() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let (no, effective_ms) = announce(&mut scene);
    let args = scene.revoke_args(&party, no, "compromised");
    scene.must("key_revoke", args, &[("SG:ACRA", 1)]);
    assert!(signing_at(&mut scene, effective_ms).is_empty());
    scene.world.time_ms = effective_ms;
    let (next, effective_ms) = announce(&mut scene);
    assert_eq!(signing_at(&mut scene, effective_ms), [next], "the way back stays open");
}

#[test]
fn a_rotated_key_ends_after_its_overlap_to_the_millisecond() {
    for overlap_s in [0, 1, 2_592_000] {
        let mut scene = Scene::new();
        let party = scene.business.clone();
        let rotated_ms = scene.world.time_ms;
        let args = scene.rotate_args(&party, &[1], overlap_s, WIDE, 1);
        scene.must("key_rotate", args, &[(&party, 1)]);
        let end = rotated_ms + overlap_s * 1000;
        if overlap_s > 1 {
            assert_eq!(signing_at(&mut scene, end - 1), [1, 2, 3]);
        }
        assert_eq!(signing_at(&mut scene, end), [2, 3]);
        assert_eq!(signing_at(&mut scene, end + 1), [2, 3]);
    }
}

#[test]
fn an_overlap_is_never_made_longer() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let first_ms = scene.world.time_ms;
    let args = scene.rotate_args(&party, &[1], 60, WIDE, 1);
    scene.must("key_rotate", args, &[(&party, 1)]);
    let args = scene.rotate_args(&party, &[1], 600, WIDE, 1);
    scene.must("key_rotate", args, &[(&party, 1)]);
    assert_eq!(scene.key(&party, 1).ends_ms, first_ms + 60_000);
}

#[test]
fn a_party_cannot_revoke_its_last_lasting_key_while_another_runs_out() {
    let mut scene = Scene::new();
    let args = scene.rotate_args(CUSTOMS, &[1, 2], 600, WIDE, 1);
    scene.must("key_rotate", args, &[(CUSTOMS, 1), (CUSTOMS, 2)]);
    let args = scene.revoke_args(CUSTOMS, 3, "retired");
    let judge =
        |signers: &[(&str, u64)]| scene.judge(&scene.op("key_revoke", args.clone(), signers));
    assert_eq!(judge(&[(CUSTOMS, 3)]), Err(Code::LastKey));
    assert_eq!(judge(SG_ROOT), Ok(()));
}

/// Announces three root keys with a quorum of two; gives when they take over.
fn announce_root(scene: &mut Scene, k: i64, count: usize) -> Result<u64, Code> {
    let effective_ms = scene.world.time_ms + 3 * DAY_MS;
    let key: (&[&str], &[&str], u64) = (&["invoke"], &[], 1);
    let args = scene.bind_args("SG", scene.version("SG"), &vec![key; count]);
    let args = args.with("k", Value::Int(k));
    scene.act("root_rotate", args, SG_ROOT).map(|_| effective_ms)
}

/// Whether these root keys are a root quorum at `time_ms`: they may close [`CUSTOMS`].
fn is_quorum(scene: &mut Scene, time_ms: u64, keys: &[u64]) -> Result<(), Code> {
    let now = std::mem::replace(&mut scene.world.time_ms, time_ms);
    let args = versioned(CUSTOMS, 1).with("reason", Value::from("closed"));
    let signers: Vec<(&str, u64)> = keys.iter().map(|no| ("SG", *no)).collect();
    let verdict = scene.judge(&scene.op("authority_close", args, &signers));
    scene.world.time_ms = now;
    verdict
}

#[test]
fn a_root_rotation_takes_over_after_72_hours_to_the_millisecond() {
    let mut scene = Scene::new();
    let at = announce_root(&mut scene, 2, 3).expect("sound");
    assert_eq!(announce_root(&mut scene, 2, 3), Err(Code::DelayRunning));
    assert_eq!(is_quorum(&mut scene, at - 1, &[1, 2]), Ok(()));
    assert_eq!(is_quorum(&mut scene, at - 1, &[3, 4]), Err(Code::KeyNotActive));
    for time_ms in [at, at + 1] {
        assert_eq!(is_quorum(&mut scene, time_ms, &[1, 2]), Err(Code::KeyNotActive));
        assert_eq!(is_quorum(&mut scene, time_ms, &[3, 4]), Ok(()));
        assert_eq!(is_quorum(&mut scene, time_ms, &[3]), Err(Code::QuorumMissing));
    }
    let cancel = versioned("SG", scene.version("SG"));
    scene.world.time_ms = at - 1;
    assert_eq!(scene.judge(&scene.op("root_rotate_cancel", cancel.clone(), SG_ROOT)), Ok(()));
    scene.world.time_ms = at;
    let new: &[(&str, u64)] = &[("SG", 3), ("SG", 4)];
    assert_eq!(scene.judge(&scene.op("root_rotate_cancel", cancel, new)), Err(Code::RecoveryNone));
}

#[test]
fn the_quorum_of_a_new_root_counts_from_the_time_it_takes_over() {
    let mut scene = Scene::new();
    let at = announce_root(&mut scene, 3, 5).expect("sound");
    assert_eq!(is_quorum(&mut scene, at - 1, &[1, 2]), Ok(()));
    assert_eq!(is_quorum(&mut scene, at, &[3, 4]), Err(Code::QuorumMissing));
    assert_eq!(is_quorum(&mut scene, at, &[3, 4, 5]), Ok(()));
    // its DID needs as many keys for a credential, from the same moment on
    let threshold = |time_ms: u64| {
        let world = &scene.world;
        let live = Live::new(&world.state, "titian", false, world.height, Digest::ZERO, time_ms);
        let root = did::party_of("did:ubin:SG").expect("grammar");
        did::resolve(&live, &root).expect("known").threshold
    };
    assert_eq!([at - 1, at, at + 1].map(threshold), [2, 3, 3]);
}

#[test]
fn a_cancelled_root_rotation_leaves_the_old_root() {
    let mut scene = Scene::new();
    let at = announce_root(&mut scene, 2, 3).expect("sound");
    let cancel = versioned("SG", scene.version("SG"));
    assert_eq!(
        scene.judge(&scene.op("root_rotate_cancel", cancel.clone(), &[("SG", 1)])),
        Err(Code::QuorumMissing)
    );
    assert_eq!(
        scene.judge(&scene.op("root_rotate_cancel", cancel.clone(), &[("MY", 1), ("MY", 2)])),
        Err(Code::NotOwner)
    );
    scene.must("root_rotate_cancel", cancel, SG_ROOT);
    assert_eq!(is_quorum(&mut scene, at, &[1, 2]), Ok(()));
    assert_eq!(is_quorum(&mut scene, at, &[3, 4]), Err(Code::KeyNotActive));
}

#[test]
fn a_root_quorum_is_a_majority_of_at_most_15_keys_and_at_most_8() {
    for (k, count, verdict) in [
        (1, 1, true),
        (1, 2, false),
        (2, 2, true),
        (2, 3, true),
        (1, 3, false),
        (4, 3, false),
        (8, 15, true),
        (7, 15, false),
        (9, 15, false),
        (8, 16, false),
        (0, 0, false),
    ] {
        let mut scene = Scene::new();
        let result = announce_root(&mut scene, k, count).map(|_| ());
        let expected = if verdict { Ok(()) } else { Err(Code::KeyLimit) };
        assert_eq!(result, expected, "{k} of {count}");
    }
}

#[test]
fn a_root_keeps_its_quorum_whatever_is_revoked() {
    let mut scene = Scene::new();
    let args = scene.revoke_args("SG", 1, "compromised");
    assert_eq!(scene.judge(&scene.op("key_revoke", args, SG_ROOT)), Err(Code::LastKey));
    let at = announce_root(&mut scene, 2, 3).expect("sound");
    let early = scene.revoke_args("SG", 4, "compromised");
    scene.must("key_revoke", early, SG_ROOT);
    let too_many = scene.revoke_args("SG", 5, "compromised");
    assert_eq!(scene.judge(&scene.op("key_revoke", too_many, SG_ROOT)), Err(Code::LastKey));
    assert_eq!(is_quorum(&mut scene, at, &[3, 5]), Ok(()));
}

#[test]
fn the_keys_of_a_dissolved_business_sign_nothing_but_can_still_be_marked() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let body = company_body("SG", "UEN", "209900001K", "TITIAN DEMO");
    run(&mut scene.world, "dissolve", &moved(&body, "DISSOLVED"), R2).expect("from live");
    assert!(!scene.may_sign(&party, 1));
    let bind = scene.bind_args(&party, 2, &[(&["invoke"], WIDE, 1)]);
    for (act, args) in [("key_bind", bind.clone()), ("recover", bind)] {
        assert_eq!(scene.act(act, args, R2).err(), Some(Code::PartyNotLive), "{act}");
    }
    let stolen = scene.revoke_args(&party, 1, "compromised");
    scene.must("key_revoke", stolen, &[("SG:ACRA", 1)]);
    assert_eq!(scene.key(&party, 1).state, KeyState::Compromised);
}
