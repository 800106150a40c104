//! T9: edges of signatures and keys, and tokens of one kind in another's place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey};
use hmac::{Hmac, Mac as _};
use serde_json::{Value as Json, json};
use sha2::Sha256;
use titian_credential::did::method::did_key;
use titian_credential::key::{Algorithm, PublicKey, multikey, parse_multikey};
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::{Request, verify, verify_presentation};

use super::credential_fixture::{NOW_MS, code, fails_with, self_issued};
use super::credential_tokens::forge;

/// The eight points of small order, and the spellings of them that are not canonical.
const SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

fn bytes_of(text: &str) -> [u8; 32] {
    hex::decode(text).expect("hex").try_into().expect("32 bytes")
}

#[test]
fn vc_t09_weak_and_non_canonical_keys_verify_nothing() {
    for text in SMALL_ORDER {
        let key = PublicKey::new(Algorithm::Ed25519, &bytes_of(text)).expect("32 bytes");
        // R = the point itself and s = 0 would satisfy the lax equation for some messages
        for message in 0..16_u8 {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&bytes_of(text));
            assert_eq!(key.verify(&[message], &signature), Err("KEY_WEAK"), "{text}");
        }
    }
    // y = 3 + p: a point of large order in a spelling that a lax decoder takes for y = 3
    let mut found = 0;
    for low in 0xed..=0xff_u8 {
        let mut bytes = [0xff; 32];
        bytes[0] = low;
        for high in [0x7f, 0xff] {
            bytes[31] = high;
            let key = PublicKey::new(Algorithm::Ed25519, &bytes).expect("32 bytes");
            assert_eq!(key.verify(b"x", &[0; 64]), Err("KEY_WEAK"), "{}", hex::encode(bytes));
            found += 1;
        }
    }
    assert_eq!(found, 38);
    // P-256: not on the curve, and the point at infinity
    for bytes in [[2; 33], [0; 33], [0xff; 33]] {
        let key = PublicKey::new(Algorithm::P256, &bytes).expect("33 bytes");
        let refused = key.verify(b"x", &[1; 64]);
        assert!(refused.is_err(), "{bytes:?}");
    }
}

#[test]
fn vc_t09_a_signature_over_any_message_is_judged_as_the_library_does_strictly() {
    for length in (0..200_u8).step_by(7) {
        let key = SigningKey::from_bytes(&[length; 32]);
        let public = key.verifying_key();
        let ours = PublicKey::new(Algorithm::Ed25519, public.as_bytes()).expect("32 bytes");
        let mut message: Vec<u8> = (0..length).collect();
        let good = key.sign(&message).to_bytes();
        let same = |message: &[u8], signature: &[u8; 64]| {
            let strict = Signature::from_bytes(signature);
            let strict = public.verify_strict(message, &strict).map_err(|_| "SIGNATURE_INVALID");
            assert_eq!(ours.verify(message, signature), strict, "{}", hex::encode(signature));
            strict.is_ok()
        };
        assert!(same(&message, &good));
        for at in 0..64 {
            let mut bad = good;
            bad[at] ^= 1 << (length % 8);
            assert!(!same(&message, &bad));
        }
        // R of small order, in each spelling
        for text in SMALL_ORDER {
            let mut bad = good;
            bad[..32].copy_from_slice(&bytes_of(text));
            assert!(!same(&message, &bad));
        }
        message.push(0);
        assert!(!same(&message, &good));
    }
}

/// The group order ℓ, little end first.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

#[test]
fn vc_t09_a_second_spelling_of_a_signature_is_refused() {
    let key = SigningKey::from_bytes(&[5; 32]);
    let public = PublicKey::new(Algorithm::Ed25519, key.verifying_key().as_bytes());
    let public = public.expect("32 bytes");
    for message in 0..32_u8 {
        let mut signature = key.sign(&[message]).to_bytes();
        assert_eq!(public.verify(&[message], &signature), Ok(()));
        // S + ℓ
        let mut carry = 0_u16;
        for (byte, add) in signature[32..].iter_mut().zip(L) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert_eq!(public.verify(&[message], &signature), Err("SIGNATURE_INVALID"));
    }
    // R of small order
    for text in SMALL_ORDER {
        let mut signature = key.sign(b"x").to_bytes();
        signature[..32].copy_from_slice(&bytes_of(text));
        assert_eq!(public.verify(b"x", &signature), Err("SIGNATURE_INVALID"), "{text}");
    }
}

#[test]
fn vc_t09_es256_takes_either_s_and_no_zero() {
    let key = p256::ecdsa::SigningKey::from_slice(&[6; 32]).expect("a scalar");
    let point = key.verifying_key().to_encoded_point(true);
    let public = PublicKey::new(Algorithm::P256, point.as_bytes()).expect("33 bytes");
    for message in 0..8_u8 {
        let signature: p256::ecdsa::Signature = key.sign(&[message]);
        let (r, s) = signature.split_scalars();
        let other = p256::ecdsa::Signature::from_scalars(r, -s).expect("not zero");
        for signature in [signature, other] {
            let bytes: [u8; 64] = signature.to_bytes().into();
            assert_eq!(public.verify(&[message], &bytes), Ok(()));
            for half in [0..32, 32..64] {
                let mut zero = bytes;
                zero[half].fill(0);
                assert_eq!(public.verify(&[message], &zero), Err("SIGNATURE_INVALID"));
            }
        }
    }
}

fn verdict_of(token: &str) -> titian_credential::verdict::Verdict {
    verify(token.as_bytes(), &Request::new(Policy::W3c), None, NOW_MS)
}

#[test]
fn vc_t09_algorithms_are_not_confused() {
    let (credential, key, method) = self_issued(1);
    let public = key.verifying_key().to_bytes();
    for alg in ["none", "None", "", "HS256", "HS512", "RS256", "PS256", "ES256", "ES384", "EdDSA "]
    {
        let header = json!({"alg": alg, "typ": "vc+jwt", "kid": method});
        fails_with(
            &verdict_of(&forge(&header, &credential, &key)),
            Check::Proof,
            "ALG_NOT_ALLOWED",
        );
        // no signature at all
        let token = forge(&header, &credential, &key);
        let bare = format!("{}.", token.rsplit_once('.').expect("three parts").0);
        assert!(!verdict_of(&bare).verified());
    }
    // HS256 with the public key as the secret
    let header = json!({"alg": "HS256", "typ": "vc+jwt", "kid": method});
    let encode = |value: &Json| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", encode(&header), encode(&credential));
    let mut mac = Hmac::<Sha256>::new_from_slice(&public).expect("any length");
    mac.update(input.as_bytes());
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
    fails_with(&verdict_of(&token), Check::Proof, "ALG_NOT_ALLOWED");
    // a key that the header brings along counts for nothing
    let (_, other, _) = self_issued(2);
    let foreign = PublicKey::new(Algorithm::Ed25519, other.verifying_key().as_bytes());
    let jwk = foreign.and_then(|key| key.to_jwk()).expect("Ed25519");
    for (name, value) in
        [("jwk", jwk), ("jku", json!("https://x.example/")), ("x5u", json!("https://x.example/"))]
    {
        let mut header = json!({"alg": "EdDSA", "typ": "vc+jwt", "kid": method});
        header[name] = value;
        let forged = forge(&header, &credential, &other);
        fails_with(&verdict_of(&forged), Check::Proof, "SIGNATURE_INVALID");
    }
}

#[test]
fn vc_t09_a_key_signs_for_its_own_did_alone() {
    let (credential, key, method) = self_issued(1);
    let (_, other, foreign) = self_issued(2);
    // an honest signature of another issuer
    let header = json!({"alg": "EdDSA", "typ": "vc+jwt", "kid": foreign});
    let forged = verdict_of(&forge(&header, &credential, &other));
    fails_with(&forged, Check::IssuerKey, "ISSUER_MISMATCH");
    // the DID of one and the key of the other
    let mixed = format!(
        "{}#{}",
        method.split('#').next().expect("a DID"),
        &foreign[foreign.find('#').expect("a key") + 1..]
    );
    let header = json!({"alg": "EdDSA", "typ": "vc+jwt", "kid": mixed});
    fails_with(
        &verdict_of(&forge(&header, &credential, &other)),
        Check::IssuerKey,
        "KEY_NOT_FOUND",
    );
    // `iss` names another than the document
    let mut payload = credential;
    payload["iss"] = json!(foreign.split('#').next());
    let header = json!({"alg": "EdDSA", "typ": "vc+jwt", "kid": method});
    fails_with(&verdict_of(&forge(&header, &payload, &key)), Check::IssuerKey, "ISSUER_MISMATCH");
}

/// Every `typ` in the place of every form: none but its own is accepted.
#[test]
fn vc_t09_no_token_counts_in_the_place_of_another_kind() {
    let typs = [
        "vc+jwt",
        "vp+jwt",
        "dc+sd-jwt",
        "vc+sd-jwt",
        "vp+sd-jwt",
        "kb+jwt",
        "statuslist+jwt",
        "at+jwt",
        "JWT",
        "jwt",
        "vc+ld+jwt",
        "VC+JWT",
        "application/vc+jwt",
        "",
    ];
    let (credential, key, method) = self_issued(1);
    let claims = json!({"iss": credential["issuer"], "vct": "urn:x:type"});
    let presentation = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiablePresentation"],
        "holder": credential["issuer"],
    });
    let media = |typ: &str, token: &str| {
        json!({"@context": "https://www.w3.org/ns/credentials/v2",
            "type": "EnvelopedVerifiableCredential", "id": format!("data:application/{typ},{token}")})
        .to_string()
    };
    for typ in typs {
        let header = json!({"alg": "EdDSA", "typ": typ, "kid": method});
        let token = forge(&header, &credential, &key);
        assert_eq!(verdict_of(&token).verified(), typ == "vc+jwt", "{typ} alone");
        assert_eq!(
            verdict_of(&media("vc+jwt", &token)).verified(),
            typ == "vc+jwt",
            "{typ} as vc+jwt"
        );
        let disclosing = format!("{}~", forge(&header, &claims, &key));
        // without `@context`, `vc+sd-jwt` with a `vct` is the older name of `dc+sd-jwt`
        let reads = ["dc+sd-jwt", "vc+sd-jwt"].contains(&typ);
        assert_eq!(verdict_of(&disclosing).verified(), reads, "{typ}~");
        let enveloped = verdict_of(&media("dc+sd-jwt", &disclosing));
        assert_eq!(enveloped.verified(), typ == "dc+sd-jwt", "{typ}~ as dc+sd-jwt");
        let shown = forge(&header, &presentation, &key);
        let request = Request::new(Policy::W3c);
        let verdict = verify_presentation(shown.as_bytes(), &request, None, NOW_MS);
        assert_eq!(verdict.verified(), typ == "vp+jwt", "{typ} as vp+jwt");
    }
    // an access token of the interface, honestly signed, is no credential
    let access = json!({"iss": credential["issuer"], "sub": "bank", "scope": "vc:issue", "iat": 1});
    let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": method});
    let verdict = verdict_of(&forge(&header, &access, &key));
    fails_with(&verdict, Check::Proof, "TYP_MISMATCH");
    assert_eq!(code(&verdict, Check::Syntax), "CONTEXT_MISSING");
}

#[test]
fn vc_t09_a_multikey_has_one_spelling_leading_zeros_included() {
    let (_, key, _) = self_issued(1);
    let good = multikey(Algorithm::Ed25519, key.verifying_key().as_bytes());
    assert!(parse_multikey(&good).is_some());
    for bad in [
        format!("z1{}", &good[1..]),
        format!("z11{}", &good[1..]),
        good.replacen('z', "Z", 1),
        good[1..].to_owned(),
        format!("{good}1"),
        format!("{good} "),
        good.replacen('6', "0", 1),
    ] {
        assert!(parse_multikey(&bad).is_none(), "{bad}");
        let (mut credential, key, _) = self_issued(1);
        credential["issuer"] = json!(format!("did:key:{bad}"));
        let method = format!("did:key:{bad}#{bad}");
        let header = json!({"alg": "EdDSA", "typ": "vc+jwt", "kid": method});
        assert!(!verdict_of(&forge(&header, &credential, &key)).verified(), "{bad}");
    }
    // a key whose first byte is zero keeps it
    let zero = PublicKey::new(Algorithm::Ed25519, &[0; 32]).expect("32 bytes");
    let read = PublicKey::from_multikey(did_key(&zero).trim_start_matches("did:key:"));
    assert_eq!(read, Some(zero));
}
