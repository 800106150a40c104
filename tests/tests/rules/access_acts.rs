//! Each access act, and each of its preconditions broken in turn, in the documented order.

use p256::ecdsa::signature::Signer as _;
use titian_contracts::access::KeyState;
use titian_contracts::access::new_key::possession_digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, OpSignature, encode_base64};

use crate::access_scene::{
    Break, CLOSED, CUSTOMS, Scene, WIDE, check_act, ending, key_ids, signature_of, versioned,
    with_first, with_public_key,
};

/// The point of order 4 with y = 0: small, in canonical encoding.
const SMALL_ORDER: [u8; 32] = [0; 32];

/// A y-coordinate that belongs to no point.
fn off_curve() -> [u8; 32] {
    (2..=255u8)
        .map(|y| {
            let mut bytes = [0; 32];
            bytes[0] = y;
            bytes
        })
        .find(|bytes| ed25519_dalek::VerifyingKey::from_bytes(bytes).is_err())
        .expect("half of all numbers are off the curve")
}

const SG_ROOT: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];

/// What an op that only foreigners, nobody, or keys without the scope sign is refused with.
fn root_breaks<'a>() -> Vec<Break<'a>> {
    vec![
        Break::signers(Code::NotOwner, &[("MY", 1), ("MY", 2)]),
        Break::signers(Code::NotOwner, &[("MY", 1), ("SG", 1), ("SG", 2)]),
        Break::signers(Code::QuorumMissing, &[("SG", 1)]),
        Break::signers(Code::QuorumMissing, &[("SG:ACRA", 1), ("SG:ACRA", 2)]),
        Break::signers(Code::QuorumMissing, &[]),
    ]
}

/// What is wrong with new keys in member `list`, up to `KEY_REUSED`.
fn key_breaks<'a>(scene: &Scene, list: &'static str) -> Vec<Break<'a>> {
    let used: [u8; 32] = scene.key(CUSTOMS, 1).public_key.try_into().expect("32 bytes");
    let used_seed = scene.world.key(CUSTOMS, 1).to_bytes();
    let chain = scene.world.genesis.chain.clone();
    let reuse = move |args: &Value| {
        let party = args.get("party").and_then(Value::as_text).expect("named");
        let digest = possession_digest(&chain, party, "Ed25519", &used);
        let proof = Value::from(signature_of(used_seed, &digest.0));
        with_first(&with_public_key(args, list, used), list, "possession", proof)
    };
    let wrong_proof =
        move |args: &Value| with_first(args, list, "possession", Value::from("A".repeat(86)));
    let twice = move |args: &Value| {
        let mut items = args.get(list).and_then(Value::as_list).expect("a list").to_vec();
        items.push(items[0].clone());
        args.with(list, Value::List(items))
    };
    vec![
        Break::args(list, Code::PossessionInvalid, wrong_proof),
        Break::args(list, Code::KeyWeak, move |args| with_public_key(args, list, SMALL_ORDER)),
        Break::args(list, Code::KeyWeak, move |args| with_public_key(args, list, off_curve())),
        Break::args(list, Code::KeyReused, reuse),
        Break::args(list, Code::KeyReused, twice),
    ]
}

/// 17 keys, with proofs.
fn too_many(scene: &mut Scene, party: &str) -> Value {
    let key: (&[&str], &[&str], u64) = (&["invoke"], &["vc.list_set"], 1);
    scene.offers(party, &[key; 17])
}

fn set_scopes(args: &Value, list: &str, scopes: &[&str]) -> Value {
    let scopes = Value::List(scopes.iter().map(|scope| Value::from(*scope)).collect());
    with_first(args, list, "scopes", scopes)
}

fn service(id: &str) -> Value {
    Value::object([
        ("id", Value::from(id)),
        ("type", Value::from("LinkedDomains")),
        ("serviceEndpoint", Value::from("https://example.org/")),
    ])
}

fn nine_services() -> Value {
    Value::List((0..9).map(|i| service(&format!("s{i}"))).collect())
}

#[test]
fn authority_create_checks_its_preconditions_in_order() {
    let mut scene = Scene::new();
    let many = too_many(&mut scene, "SG:PORTS");
    let assert_only = scene.offers("SG:PORTS", &[(&["assert"], &[], 1)]);
    let args = scene.create_args("SG:PORTS");
    let policy = |r2: i64| Value::object([("r1", Value::Int(1)), ("r2", Value::Int(r2))]);
    let mut breaks = vec![
        Break::set("party", Code::DidInvalid, "SG:ports"),
        Break::set("party", Code::DidInvalid, "SG"),
    ];
    breaks.extend(root_breaks());
    breaks.push(Break::set("party", Code::PartyExists, CUSTOMS));
    breaks.push(Break::set("party", Code::PartyExists, CLOSED));
    breaks.push(Break::set("version", Code::VersionConflict, 1u64));
    breaks.push(Break::set("scopes", Code::ScopeUnknown, vec![Value::from("vc.list_burn")]));
    breaks.push(Break::set("scopes", Code::ScopeUnknown, vec![Value::from("*")]));
    breaks.extend(key_breaks(&scene, "keys"));
    breaks.push(Break::set("keys", Code::KeyLimit, many));
    breaks.push(Break::set("keys", Code::KeyLimit, assert_only));
    breaks.push(Break::set("keys", Code::KeyLimit, Vec::new()));
    breaks.push(Break::set("policy", Code::FieldLimit, policy(1)));
    breaks.push(Break::set("policy", Code::FieldLimit, policy(17)));
    breaks.push(Break::set("services", Code::FieldLimit, nine_services()));
    check_act(&scene, "authority_create", &args, SG_ROOT, &breaks);
    // a service has no id that a key or an entry of a list could have
    for (id, taken) in [("k1", true), ("k", true), ("12", true), ("k1x", false), ("keys", false)] {
        let services = Value::List(vec![service(id)]);
        let args = args.clone().with("services", services);
        let judged = scene.judge(&scene.op("authority_create", args, SG_ROOT));
        assert_eq!(judged.is_err(), taken, "{id}");
    }
    let narrower = args.with("scopes", Value::List(vec![Value::from("vc.list_set")]));
    assert_eq!(
        scene.judge(&scene.op("authority_create", narrower, SG_ROOT)),
        Err(Code::ScopeUnknown),
        "k1 has scopes that the authority has not"
    );

    scene.must("authority_create", args, SG_ROOT);
    assert_eq!(scene.version("SG:PORTS"), 1);
    assert!(scene.may_sign("SG:PORTS", 1));
    assert_eq!(scene.key("SG:PORTS", 2).officer, 2);
}

#[test]
fn authority_close_checks_its_preconditions_in_order() {
    let mut scene = Scene::new();
    let args = ending(CUSTOMS, 1);
    let mut breaks = vec![Break::set("party", Code::DidInvalid, scene.business.as_str())];
    breaks.extend(root_breaks());
    breaks.push(Break::set("party", Code::PartyUnknown, "SG:NOBODY"));
    breaks.push(Break::set("party", Code::PartyClosed, CLOSED));
    breaks.push(Break::set("version", Code::VersionConflict, 0u64));
    breaks.push(Break::set("reason", Code::ReasonRequired, ""));
    breaks.push(Break::set("reason", Code::ReasonRequired, "moved to Mr X"));
    breaks.push(Break::args("reason", Code::ReasonRequired, |args| args.without("reason")));
    check_act(&scene, "authority_close", &args, SG_ROOT, &breaks);

    scene.must("authority_close", args, SG_ROOT);
    assert!(!scene.may_sign(CUSTOMS, 1));
    assert_eq!(scene.key(CUSTOMS, 2).state, KeyState::Retired);
    let again = scene.bind_args(CUSTOMS, 2, &[(&["invoke"], &["vc.list_set"], 1)]);
    assert_eq!(scene.act("key_bind", again, SG_ROOT).err(), Some(Code::PartyClosed));
}

#[test]
fn key_bind_checks_its_preconditions_in_order() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let args = scene.bind_args(&party, 2, &[(&["assert"], &["etr.offer"], 1)]);
    let many = too_many(&mut scene, &party);
    let fifteen = {
        let key: (&[&str], &[&str], u64) = (&["assert"], &[], 1);
        scene.offers(&party, &[key; 15])
    };
    let scopes: Vec<String> = (0..65).map(|i| format!("etr.issue:note{i}")).collect();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let mut breaks = vec![
        Break::set("party", Code::DidInvalid, "SG:acra"),
        Break::set("party", Code::DidInvalid, "S"),
        Break::signers(Code::NotOwner, &[("MY:SSM", 1)]),
        Break::signers(Code::NotOwner, &[("MY:SSM", 1), ("SG:ACRA", 1)]),
        Break::signers(Code::ScopeDenied, &[("SG:ACRA", 3)]),
        Break::signers(Code::ScopeDenied, &[(&party, 1)]),
        Break::signers(Code::QuorumMissing, &[]),
        Break::set("party", Code::PartyNotLive, "SG-UEN-209900009A-XX"),
        Break::set("party", Code::PartyClosed, scene.gone.as_str()),
        Break::set("version", Code::VersionConflict, 1u64),
    ];
    breaks.extend(key_breaks(&scene, "keys"));
    breaks.push(Break::args("keys", Code::ScopeUnknown, |args| {
        set_scopes(args, "keys", &["ubin.register"])
    }));
    breaks.push(Break::args("keys", Code::ScopeUnknown, |args| {
        set_scopes(args, "keys", &["access.authority_create"])
    }));
    breaks.push(Break::set("keys", Code::KeyLimit, many));
    breaks.push(Break::set("keys", Code::KeyLimit, fifteen));
    breaks.push(Break::set("keys", Code::KeyLimit, Vec::new()));
    breaks.push(Break::args("keys", Code::FieldLimit, |args| set_scopes(args, "keys", &scopes)));
    breaks.push(Break::set("services", Code::FieldLimit, nine_services()));
    let aliases = Value::List(vec![Value::from("did:web:demo.example"); 5]);
    breaks.push(Break::set("alsoKnownAs", Code::FieldLimit, aliases));
    check_act(&scene, "key_bind", &args, &[("SG:ACRA", 1)], &breaks);

    scene.must("key_bind", args, &[("SG:ACRA", 1)]);
    assert_eq!(scene.version(&party), 3);
    assert_eq!(scene.key(&party, 3).bound_height, scene.world.height);
    let first = scene.keyless.clone();
    let no_invoke = scene.bind_args(&first, 0, &[(&["assert"], &[], 1)]);
    assert_eq!(scene.act("key_bind", no_invoke, &[("SG:ACRA", 1)]).err(), Some(Code::KeyLimit));
}

#[test]
fn keys_of_an_authority_are_bound_by_its_root_within_its_scopes() {
    let mut scene = Scene::new();
    let args = scene.bind_args(CUSTOMS, 1, &[(&["invoke", "assert"], &["vc.list_retire"], 3)]);
    let mut breaks = root_breaks();
    breaks.push(Break::signers(Code::QuorumMissing, &[(CUSTOMS, 1)]));
    breaks.push(Break::set("party", Code::PartyNotLive, "SG:NOBODY"));
    breaks.push(Break::set("party", Code::PartyClosed, CLOSED));
    breaks
        .push(Break::args("keys", Code::ScopeUnknown, |args| set_scopes(args, "keys", &["vc.*"])));
    check_act(&scene, "key_bind", &args, SG_ROOT, &breaks);
    assert_eq!(
        scene.judge(&scene.op("key_bind", args.with("party", Value::from("SG")), SG_ROOT)),
        Err(Code::DidInvalid)
    );
}

#[test]
fn algorithms_fit_the_purposes_and_agree_keys_need_no_proof() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let args = scene.bind_args(&party, 2, &[(&["assert"], &[], 1)]);
    let judge = |alg: &str, purposes: &[&str], public_key: [u8; 32], proof: bool| {
        let purposes = Value::List(purposes.iter().map(|p| Value::from(*p)).collect());
        let mut args = with_first(&args, "keys", "alg", Value::from(alg));
        args = with_first(&args, "keys", "purposes", purposes);
        args = with_public_key(&args, "keys", public_key);
        if !proof {
            let key = args.get("keys").and_then(Value::as_list).expect("a list")[0].clone();
            args = args.with("keys", Value::List(vec![key.without("possession")]));
        }
        scene.judge(&scene.op("key_bind", args, &[("SG:ACRA", 1)]))
    };
    let sound = x25519_base_point();
    assert_eq!(judge("X25519", &["agree"], sound, false), Ok(()));
    assert_eq!(judge("X25519", &["agree"], sound, true), Err(Code::Malformed));
    assert_eq!(judge("Ed25519", &["assert"], sound, false), Err(Code::Malformed));
    assert_eq!(judge("X25519", &["agree", "assert"], sound, false), Err(Code::AlgUnsupported));
    assert_eq!(judge("X25519", &["invoke"], sound, true), Err(Code::AlgUnsupported));
    assert_eq!(judge("Ed25519", &["agree"], sound, false), Err(Code::AlgUnsupported));
    assert_eq!(judge("P-256", &["invoke"], sound, true), Err(Code::AlgUnsupported));
    assert_eq!(judge("P-256", &["assert"], sound, true), Err(Code::Malformed), "33 bytes");
    assert_eq!(judge("ML-DSA-44", &["assert"], sound, true), Err(Code::AlgUnsupported));
    for weak in x25519_low_order() {
        assert_eq!(judge("X25519", &["agree"], weak, false), Err(Code::KeyWeak));
    }
}

/// A P-256 key as an op brings it, with the proof of whoever holds `prover`.
fn p256_key(chain: &str, party: &str, public: &[u8], prover: &p256::ecdsa::SigningKey) -> Value {
    let digest = possession_digest(chain, party, "P-256", public);
    let proof: p256::ecdsa::Signature = prover.sign(&digest.0);
    Value::object([
        ("alg", Value::from("P-256")),
        ("officer", Value::Int(1)),
        ("possession", Value::from(encode_base64(&proof.to_bytes()))),
        ("publicKey", Value::from(encode_base64(public))),
        ("purposes", Value::List(vec![Value::from("assert"), Value::from("present")])),
        ("scopes", Value::List(Vec::new())),
    ])
}

#[test]
fn p256_keys_are_bound_with_a_proof_of_possession_and_sign_no_op() {
    let mut scene = Scene::new();
    let (party, chain) = (scene.business.clone(), scene.world.genesis.chain.clone());
    let args = scene.bind_args(&party, 2, &[(&["assert"], &[], 1)]);
    let secret = p256::ecdsa::SigningKey::from_slice(&[7; 32]).expect("a scalar");
    let other = p256::ecdsa::SigningKey::from_slice(&[8; 32]).expect("a scalar");
    let point = secret.verifying_key().to_encoded_point(true).as_bytes().to_vec();
    let with = |keys: Vec<Value>| args.with("keys", Value::List(keys));
    let judge = |scene: &Scene, keys: Vec<Value>| {
        scene.judge(&scene.op("key_bind", with(keys), &[("SG:ACRA", 1)]))
    };
    let good = p256_key(&chain, &party, &point, &secret);
    let forged = p256_key(&chain, &party, &point, &other);
    assert_eq!(judge(&scene, vec![forged]), Err(Code::PossessionInvalid));
    let elsewhere = p256_key("titian-other-1", &party, &point, &secret);
    assert_eq!(judge(&scene, vec![elsewhere]), Err(Code::PossessionInvalid));
    // half of all x belong to no point; p itself is not below p
    let off_curve = (0..=255u8).map(|x| {
        let mut bytes = vec![2; 33];
        bytes[32] = x;
        bytes
    });
    let off_curve = off_curve
        .filter(|bytes| p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).is_err())
        .take(8)
        .chain([
            [&[2][..], &[0xff; 32]].concat(),
            vec![0; 33],
            [&[4], &point[1..]].concat(),
            [&[5], &point[1..]].concat(),
        ]);
    for bytes in off_curve {
        let key = p256_key(&chain, &party, &bytes, &secret);
        assert_eq!(judge(&scene, vec![key]), Err(Code::KeyWeak), "{bytes:?}");
    }
    let uncompressed = secret.verifying_key().to_encoded_point(false).as_bytes().to_vec();
    let key = p256_key(&chain, &party, &uncompressed, &secret);
    assert_eq!(judge(&scene, vec![key]), Err(Code::Malformed));
    assert_eq!(judge(&scene, vec![good.clone(), good.clone()]), Err(Code::KeyReused));

    scene.must("key_bind", with(vec![good.clone()]), &[("SG:ACRA", 1)]);
    let bound = scene.key(&party, 3);
    assert_eq!((bound.algorithm.as_str(), bound.public_key), ("P-256", point.clone()));
    let again = with(vec![good]).with("version", Value::from(scene.version(&party)));
    let again = scene.op("key_bind", again, &[("SG:ACRA", 1)]);
    assert_eq!(scene.judge(&again), Err(Code::KeyReused));

    // it signs credentials only: its signature under an op counts for nothing
    let revoke = scene.op("key_bind", args.clone(), &[]);
    let digest = Op::from_value(revoke.clone()).expect("an op").digest;
    let signature: p256::ecdsa::Signature = secret.sign(&digest.0);
    let signature = OpSignature {
        party: party.clone(),
        key: 3,
        signature: signature.to_bytes().into(),
        mandate: None,
    };
    let refused = scene.judge(&Op::with_signature(&revoke, &signature)).expect_err("no invoke key");
    assert!([Code::KeyNotActive, Code::BadSignature].contains(&refused), "{refused:?}");
}

/// u = 9 (RFC 7748).
fn x25519_base_point() -> [u8; 32] {
    let mut u = [0; 32];
    u[0] = 9;
    u
}

/// The points that TLS implementations refuse (RFC 7748 §6.1), with their other encodings.
fn x25519_low_order() -> Vec<[u8; 32]> {
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0900000000000000000000000000000000000000000000000000000000000080",
    ]
    .iter()
    .map(|digits| hex::decode(digits).expect("hex").try_into().expect("32 bytes"))
    .collect()
}

#[test]
fn key_rotate_checks_its_preconditions_in_order() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let args = scene.rotate_args(&party, &[1], 60, &["etr.offer"], 1);
    let many = too_many(&mut scene, &party);
    let mut breaks = vec![
        Break::signers(Code::NotOwner, &[("MY:SSM", 1)]),
        Break::signers(Code::ScopeDenied, &[("SG:ACRA", 3)]),
        Break::signers(Code::QuorumMissing, &[("SG", 1)]),
        Break::signers(Code::QuorumMissing, &[]),
        Break::set("party", Code::PartyUnknown, scene.keyless.as_str()),
        Break::set("party", Code::PartyClosed, scene.gone.as_str()),
        Break::set("version", Code::VersionConflict, 1u64),
    ];
    breaks.extend(key_breaks(&scene, "add"));
    breaks.push(Break::args("add", Code::ScopeDenied, |args| set_scopes(args, "add", &["etr.*"])));
    breaks.push(Break::set("retire", Code::ScopeDenied, key_ids(&[])));
    breaks.push(Break::set("retire", Code::KeyState, key_ids(&[1, 9])));
    breaks.push(Break::set("add", Code::KeyLimit, many));
    breaks.push(Break::set("overlapS", Code::FieldLimit, 2_592_001u64));
    breaks.push(Break::set("services", Code::FieldLimit, nine_services()));
    check_act(&scene, "key_rotate", &args, &[("SG:ACRA", 1)], &breaks);

    let by_narrow = scene.judge(&scene.op("key_rotate", args.clone(), &[(&party, 2)]));
    assert_eq!(by_narrow, Err(Code::ScopeDenied), "k2 may end only itself");
    let longest = args.with("overlapS", Value::from(2_592_000u64));
    assert_eq!(scene.judge(&scene.op("key_rotate", longest, &[("SG:ACRA", 1)])), Ok(()));
    scene.must("key_rotate", args, &[(&party, 1)]);
    assert_eq!(scene.key(&party, 3).scopes, ["etr.offer"]);
}

#[test]
fn the_party_itself_cannot_widen_purposes_or_officers_by_rotation() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let args = scene.rotate_args(&party, &[2], 0, &["etr.offer"], 2);
    let wider = |name: &str, value: Value| {
        let args = with_first(&args, "add", name, value);
        let by_itself = scene.judge(&scene.op("key_rotate", args.clone(), &[(&party, 1)]));
        (by_itself, scene.judge(&scene.op("key_rotate", args, &[("SG:ACRA", 1)])))
    };
    let purposes = Value::List(vec![Value::from("invoke"), Value::from("assert")]);
    assert_eq!(wider("purposes", purposes), (Err(Code::ScopeDenied), Ok(())));
    assert_eq!(wider("officer", Value::from(7u64)), (Err(Code::ScopeDenied), Ok(())));
}

#[test]
fn an_officer_of_an_authority_cannot_take_over_the_key_of_another() {
    let mut scene = Scene::new();
    let args = scene.rotate_args(CUSTOMS, &[2], 0, &["vc.list_set"], 2);
    let judge =
        |signers: &[(&str, u64)]| scene.judge(&scene.op("key_rotate", args.clone(), signers));
    assert_eq!(judge(&[(CUSTOMS, 1)]), Err(Code::ScopeDenied));
    assert_eq!(judge(&[(CUSTOMS, 2)]), Ok(()));
    assert_eq!(judge(&[(CUSTOMS, 1), (CUSTOMS, 2)]), Ok(()));
    assert_eq!(judge(SG_ROOT), Ok(()));
}

#[test]
fn key_revoke_checks_its_preconditions_in_order() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let args = scene.revoke_args(&party, 1, "compromised");
    let later = Value::from(scene.world.time_ms + 1);
    let breaks = vec![
        Break::signers(Code::NotOwner, &[("MY:SSM", 1)]),
        Break::signers(Code::NotOwner, &[("MY", 1), ("MY", 2)]),
        Break::signers(Code::ScopeDenied, &[("SG:ACRA", 3)]),
        Break::signers(Code::QuorumMissing, &[("SG", 1)]),
        Break::set("party", Code::PartyUnknown, scene.keyless.as_str()),
        Break::set("version", Code::VersionConflict, 1u64),
        Break::set("key", Code::KeyState, "k9"),
        Break::set("effectiveMs", Code::FutureEffective, later),
    ];
    check_act(&scene, "key_revoke", &args, &[("SG:ACRA", 1)], &breaks);
    check_act(&scene, "key_revoke", &args, SG_ROOT, &breaks);
    let by_narrow = scene.judge(&scene.op("key_revoke", args.clone(), &[(&party, 2)]));
    assert_eq!(by_narrow, Err(Code::ScopeDenied), "k2 may end only itself");

    scene.must("key_revoke", args, &[(&party, 1)]);
    assert!(!scene.may_sign(&party, 1), "I-A2");
    let last = scene.revoke_args(&party, 2, "retired");
    let judge =
        |signers: &[(&str, u64)]| scene.judge(&scene.op("key_revoke", last.clone(), signers));
    assert_eq!(judge(&[(&party, 2)]), Err(Code::LastKey));
    assert_eq!(judge(&[("SG:ACRA", 1)]), Ok(()));
    assert_eq!(judge(SG_ROOT), Ok(()));
}

#[test]
fn the_state_of_a_key_only_moves_forward() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let registrar: &[(&str, u64)] = &[("SG:ACRA", 1)];
    let retire = scene.revoke_args(&party, 2, "retired");
    scene.must("key_revoke", retire, registrar);
    let ended = scene.key(&party, 2);
    let again = scene.revoke_args(&party, 2, "retired");
    assert_eq!(scene.act("key_revoke", again, registrar).err(), Some(Code::KeyState));
    let stolen = scene.revoke_args(&party, 2, "compromised").with("effectiveMs", Value::Int(5));
    scene.must("key_revoke", stolen, registrar);
    let key = scene.key(&party, 2);
    assert_eq!((key.state, key.compromised_ms), (KeyState::Compromised, 5));
    assert_eq!((key.ends_ms, key.ended_height), (ended.ends_ms, ended.ended_height));
    for reason in ["retired", "compromised"] {
        let back = scene.revoke_args(&party, 2, reason);
        assert_eq!(scene.act("key_revoke", back, registrar).err(), Some(Code::KeyState));
    }
}

#[test]
fn recover_and_recover_cancel_check_their_preconditions_in_order() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let r2: &[(&str, u64)] = &[("SG:ACRA", 1), ("SG:ACRA", 2)];
    let pending = scene.agent.clone();
    let args = scene.bind_args(&pending, 1, &[(&["invoke"], WIDE, 1)]);
    scene.must("recover", args, r2);
    let args = scene.bind_args(&party, 2, &[(&["invoke"], &["etr.offer"], 1)]);
    let many = too_many(&mut scene, &party);
    let assert_only = scene.offers(&party, &[(&["assert"], &[], 1)]);
    let mut breaks = vec![
        Break::signers(Code::NotOwner, &[("MY:SSM", 1), ("MY:SSM", 2)]),
        Break::signers(Code::ScopeDenied, &[("SG:ACRA", 3)]),
        Break::signers(Code::QuorumMissing, &[("SG:ACRA", 1)]),
        Break::signers(Code::QuorumMissing, &[("SG:ACRA", 1), ("SG:ACRA", 3)]),
        Break::set("party", Code::PartyUnknown, scene.keyless.as_str()),
        Break::set("party", Code::PartyClosed, scene.gone.as_str()),
        Break::set("version", Code::VersionConflict, 1u64),
    ];
    breaks.extend(key_breaks(&scene, "keys"));
    breaks.push(Break::args("keys", Code::ScopeUnknown, |args| {
        set_scopes(args, "keys", &["ubin.register"])
    }));
    breaks.push(Break::set("keys", Code::FieldLimit, many));
    breaks.push(Break::set("keys", Code::KeyLimit, assert_only));
    check_act(&scene, "recover", &args, r2, &breaks);
    let running = scene.bind_args(&pending, 2, &[(&["invoke"], &["etr.offer"], 1)]);
    assert_eq!(scene.judge(&scene.op("recover", running, r2)), Err(Code::DelayRunning));

    let cancel = versioned(&pending, 2);
    let breaks = vec![
        Break::signers(Code::NotOwner, &[("MY", 1), ("MY", 2)]),
        Break::signers(Code::QuorumMissing, &[("SG:ACRA", 1), ("SG:ACRA", 2)]),
        Break::signers(Code::QuorumMissing, &[("SG", 1)]),
        Break::set("party", Code::PartyUnknown, scene.keyless.as_str()),
        Break::set("version", Code::VersionConflict, 1u64),
    ];
    check_act(&scene, "recover_cancel", &cancel, SG_ROOT, &breaks);
    check_act(&scene, "recover_cancel", &cancel, &[(&pending, 1)], &[]);
    let none = versioned(&party, 2);
    assert_eq!(scene.judge(&scene.op("recover_cancel", none, SG_ROOT)), Err(Code::RecoveryNone));
}

#[test]
fn deactivate_checks_its_preconditions_in_order() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let args = ending(&party, 2);
    let r2: &[(&str, u64)] = &[("SG:ACRA", 1), ("SG:ACRA", 2)];
    let breaks = vec![
        Break::set("party", Code::DidInvalid, CUSTOMS),
        Break::signers(Code::NotOwner, &[("MY:SSM", 1), ("MY:SSM", 2)]),
        Break::signers(Code::ScopeDenied, &[("SG:ACRA", 3)]),
        Break::signers(Code::QuorumMissing, &[("SG:ACRA", 1)]),
        Break::set("party", Code::PartyUnknown, scene.keyless.as_str()),
        Break::set("party", Code::PartyClosed, scene.gone.as_str()),
        Break::set("version", Code::VersionConflict, 0u64),
        Break::args("reason", Code::ReasonRequired, |args| args.without("reason")),
    ];
    check_act(&scene, "deactivate", &args, r2, &breaks);
    scene.must("deactivate", args, r2);
    assert!(!scene.may_sign(&party, 1) && !scene.may_sign(&party, 2));
}

#[test]
fn mandate_set_and_mandate_end_check_their_preconditions_in_order() {
    let mut scene = Scene::new();
    let (party, agent) = (scene.business.clone(), scene.agent.clone());
    let args = scene.mandate_args(&["etr.offer"]);
    let now = scene.world.time_ms;
    let year = 366 * 86_400_000;
    let breaks = vec![
        Break::signers(Code::NotOwner, &[("MY:SSM", 1)]),
        Break::signers(Code::ScopeDenied, &[(&party, 2)]),
        Break::signers(Code::QuorumMissing, &[(&agent, 1)]),
        Break::set("acts", Code::ScopeDenied, vec![Value::from("etr.issue:transport")]),
        Break::set("version", Code::VersionConflict, 1u64),
        Break::set("agent", Code::MandateLimit, party.as_str()),
        Break::set("agent", Code::MandateLimit, "SG:ACRA"),
        Break::set("agent", Code::MandateLimit, "SG-UEN-209900009A-XX"),
        Break::set("acts", Code::MandateLimit, Vec::new()),
        Break::set("acts", Code::MandateLimit, vec![Value::from("access.key_rotate")]),
        Break::set("acts", Code::MandateLimit, vec![Value::from("etr.offer"); 33]),
        Break::set("limits", Code::MandateLimit, vec![Value::from("note/1"); 33]),
        Break::set("untilMs", Code::MandateLimit, now),
        Break::set("untilMs", Code::MandateLimit, now + year + 1),
    ];
    check_act(&scene, "mandate_set", &args, &[(&party, 1)], &breaks);
    let longest = args.with("untilMs", Value::from(now + year));
    scene.must("mandate_set", longest, &[(&party, 1)]);

    let end = versioned(&party, 3).with("mandate", Value::Int(1));
    let breaks = vec![
        Break::signers(Code::NotOwner, &[("MY:SSM", 1)]),
        Break::signers(Code::ScopeDenied, &[(&party, 2)]),
        Break::signers(Code::QuorumMissing, &[("SG:ACRA", 1)]),
        Break::set("version", Code::VersionConflict, 2u64),
        Break::set("mandate", Code::MandateLimit, 2u64),
    ];
    check_act(&scene, "mandate_end", &end, &[(&party, 1)], &breaks);
    check_act(&scene, "mandate_end", &end, &[(&agent, 1)], &[]);
    scene.must("mandate_end", end.clone(), &[(&agent, 1)]);
    let again = end.with("version", Value::Int(4));
    assert_eq!(scene.act("mandate_end", again, &[(&party, 1)]).err(), Some(Code::MandateLimit));
}

#[test]
fn no_more_than_64_mandates_are_in_force() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let set = |scene: &mut Scene, for_ms: u64| {
        let until = Value::from(scene.world.time_ms + for_ms);
        let args = scene.mandate_args(&["etr.offer"]).with("untilMs", until);
        scene.act("mandate_set", args, &[(&party, 1)]).map(|_| ())
    };
    for _ in 0..64 {
        assert_eq!(set(&mut scene, 3_600_000), Ok(()));
    }
    assert_eq!(set(&mut scene, 3_600_000), Err(Code::MandateLimit));
    scene.world.time_ms += 3_600_000;
    assert_eq!(set(&mut scene, 1000), Ok(()), "ended mandates make room");
}

#[test]
fn unknown_members_and_wrong_types_are_malformed() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let bind = scene.bind_args(&party, 2, &[(&["assert"], &["etr.offer"], 1)]);
    let judge = |args: Value| scene.judge(&scene.op("key_bind", args, &[("SG:ACRA", 1)]));
    for (name, value) in [
        ("extra", Value::Null),
        ("version", Value::from("2")),
        ("version", Value::Int(-1)),
        ("keys", Value::Null),
        ("party", Value::Int(1)),
        ("services", Value::Null),
    ] {
        assert_eq!(judge(bind.with(name, value)), Err(Code::Malformed), "{name}");
    }
    for (name, value) in [
        ("extra", Value::Null),
        ("purposes", Value::List(Vec::new())),
        ("purposes", Value::List(vec![Value::from("assert"), Value::from("assert")])),
        ("purposes", Value::List(vec![Value::from("sign")])),
        ("scopes", Value::List(vec![Value::from("etr.offer"), Value::from("etr.offer")])),
        ("publicKey", Value::from("AAAA")),
        ("possession", Value::from("AAAA")),
        ("officer", Value::Int(-1)),
    ] {
        assert_eq!(judge(with_first(&bind, "keys", name, value)), Err(Code::Malformed), "{name}");
    }
    assert_eq!(judge(bind.without("version")), Err(Code::Malformed));
}

#[test]
fn every_act_is_refused_when_it_comes_again() {
    let mut scene = Scene::new();
    let party = scene.business.clone();
    let registrar: &[(&str, u64)] = &[("SG:ACRA", 1)];
    let r2: &[(&str, u64)] = &[("SG:ACRA", 1), ("SG:ACRA", 2)];
    let own: &[(&str, u64)] = &[(&party, 1)];
    let replay = |scene: &mut Scene, act: &str, args: Value, signers: &[(&str, u64)]| {
        let op = scene.op(act, args, signers);
        let receipt = scene.world.run(&op);
        assert_eq!(receipt.error, None, "{act}");
        let before = scene.world.state.0.clone();
        assert!(scene.world.run(&op).error.is_some(), "{act} ran twice");
        assert_eq!(before, scene.world.state.0, "{act} changed state when it came again");
    };
    let args = scene.create_args("SG:PORTS");
    replay(&mut scene, "authority_create", args, SG_ROOT);
    replay(&mut scene, "authority_close", ending("SG:PORTS", 1), SG_ROOT);
    let args = scene.bind_args(&party, 2, &[(&["invoke"], &["etr.offer"], 3)]);
    replay(&mut scene, "key_bind", args, registrar);
    let args = scene.rotate_args(&party, &[3], 0, &["etr.offer"], 3);
    replay(&mut scene, "key_rotate", args, registrar);
    let args = scene.revoke_args(&party, 4, "retired");
    replay(&mut scene, "key_revoke", args, registrar);
    let args = scene.mandate_args(&["etr.offer"]);
    replay(&mut scene, "mandate_set", args, own);
    let args = versioned(&party, scene.version(&party)).with("mandate", Value::Int(1));
    // one second is over: give it again, for longer
    assert_eq!(scene.act("mandate_end", args, own).err(), Some(Code::MandateLimit));
    let until = Value::from(scene.world.time_ms + 3_600_000);
    let args = scene.mandate_args(&["etr.offer"]).with("untilMs", until);
    scene.must("mandate_set", args, own);
    let args = versioned(&party, scene.version(&party)).with("mandate", Value::Int(2));
    replay(&mut scene, "mandate_end", args, own);
    let args = scene.bind_args(&party, scene.version(&party), &[(&["invoke"], WIDE, 1)]);
    replay(&mut scene, "recover", args, r2);
    let args = versioned(&party, scene.version(&party));
    replay(&mut scene, "recover_cancel", args, own);
    let args = ending(&party, scene.version(&party));
    replay(&mut scene, "deactivate", args, r2);
    let args = scene.bind_args("SG", 1, &[(&["invoke"], &[], 1)]).with("k", Value::Int(1));
    replay(&mut scene, "root_rotate", args, SG_ROOT);
    replay(&mut scene, "root_rotate_cancel", versioned("SG", 2), SG_ROOT);
}
