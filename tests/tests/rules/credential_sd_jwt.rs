//! SD-JWT VC: the vectors, issue, selective disclosure, key binding.

use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use titian_credential::did::method::did_key;
use titian_credential::jose::Jws;
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::sd_jwt::issue::{bind, issue, prepare, select};
use titian_credential::sd_jwt::{KB_TYP, SdJwt, metadata};
use titian_credential::verdict::{Check, Policy, Verdict};
use titian_credential::verify::{Binding, Request, verify, verify_presentation};

use super::credential_fixture::{NOW_MS, code, fails_with};

const CASES: [&str; 9] = [
    include_str!("../../data/vc/sd-jwt/array_full_sd.json"),
    include_str!("../../data/vc/sd-jwt/array_in_sd.json"),
    include_str!("../../data/vc/sd-jwt/array_nested_in_plain.json"),
    include_str!("../../data/vc/sd-jwt/array_of_scalars.json"),
    include_str!("../../data/vc/sd-jwt/array_recursive_sd.json"),
    include_str!("../../data/vc/sd-jwt/json_serialization_flattened.json"),
    include_str!("../../data/vc/sd-jwt/key_binding.json"),
    include_str!("../../data/vc/sd-jwt/no_sd.json"),
    include_str!("../../data/vc/sd-jwt/object_data_types.json"),
];
const ED25519: &str = include_str!("../../data/vc/sd-jwt/ed25519_dc_sd_jwt.json");
const NEGATIVE: &str = include_str!("../../data/vc/sd-jwt/negative.json");

fn read(value: &Json) -> SdJwt {
    match value {
        Json::String(text) => SdJwt::parse(text),
        other => SdJwt::from_json(other.as_object().expect("object")),
    }
    .expect("well formed")
}

/// The signature with the key of the vector, then the claims.
fn claims(case: &Json, token: &SdJwt) -> Result<Json, &'static str> {
    let key = PublicKey::from_jwk(&case["issuerKey"]).expect("a key");
    let typ = case["typ"].as_str().expect("text");
    let (algorithm, signature) = token.issuer.check_header(typ)?;
    assert_eq!(algorithm, key.algorithm);
    key.verify(token.issuer.signing_input.as_bytes(), &signature)?;
    token.claims().map(Json::Object).map_err(|fault| fault.code)
}

#[test]
pub fn vc_t02_the_published_sd_jwt_cases_give_their_claims() {
    for text in CASES {
        let case: Json = serde_json::from_str(text).expect("JSON");
        let token = read(&case["presentation"]);
        assert_eq!(claims(&case, &token).as_ref(), Ok(&case["expected"]["claims"]));
        let all = read(&case["issuance"]);
        let full = claims(&case, &all).expect("sound");
        for (name, value) in case["userClaims"].as_object().expect("object") {
            assert_eq!(full[name], *value, "{name}");
        }
    }
}

#[test]
pub fn vc_t02_the_published_faults_have_their_codes() {
    let cases: Json = serde_json::from_str(NEGATIVE).expect("JSON");
    for case in cases["cases"].as_array().expect("a list") {
        let token = read(&case["presentation"]);
        let expected = case["expected"]["code"].as_str().expect("text");
        let got = claims(case, &token).err().or_else(|| binding_fault(case, &token));
        assert_eq!(got, Some(expected), "{}", case["name"]);
    }
}

/// What is wrong with the key binding of a vector.
fn binding_fault(case: &Json, token: &SdJwt) -> Option<&'static str> {
    let Some(binding) = &token.key_binding else { return Some("KEY_BINDING_MISSING") };
    let key = PublicKey::from_jwk(&token.issuer.payload["cnf"]["jwk"]).expect("a key");
    let (_, signature) = binding.check_header(KB_TYP).ok()?;
    key.verify(binding.signing_input.as_bytes(), &signature).err().or_else(|| {
        [
            ("sd_hash", json!(token.sd_hash()), "SD_HASH_MISMATCH"),
            ("nonce", case["nonce"].clone(), "NONCE_MISMATCH"),
            ("aud", case["audience"].clone(), "AUDIENCE_MISMATCH"),
        ]
        .into_iter()
        .find(|(name, expected, _)| binding.payload.get(*name) != Some(expected))
        .map(|(.., code)| code)
    })
}

fn ed25519() -> (Json, Request, u64) {
    let case: Json = serde_json::from_str(ED25519).expect("JSON");
    let mut request = Request::new(Policy::W3c);
    request.challenge = case["nonce"].as_str().map(str::to_owned);
    request.domain = case["audience"].as_str().map(str::to_owned);
    let now_ms = case["now"].as_u64().expect("a number") * 1_000;
    (case, request, now_ms)
}

#[test]
pub fn the_published_ed25519_presentation_passes_but_for_its_list_that_is_not_at_hand() {
    let (case, mut request, now_ms) = ed25519();
    let text = case["presentation"].as_str().expect("text");
    let verdict = verify(text.as_bytes(), &request, None, now_ms);
    assert_eq!(verdict.form, Some("dc+sd-jwt"));
    for check in [Check::Syntax, Check::Proof, Check::Validity, Check::Holder] {
        assert_eq!(code(&verdict, check), "OK", "{}", verdict.to_jcs());
    }
    assert_eq!(code(&verdict, Check::IssuerKey), "KEY_SELF_CERTIFYING");
    assert_eq!(code(&verdict, Check::Status), "STATUS_LIST_NOT_AVAILABLE");
    assert!(!verdict.verified());
    request.return_credential = true;
    let verdict = verify(text.as_bytes(), &request, None, now_ms);
    assert_eq!(verdict.credential.as_ref(), Some(&case["expected"]["claims"]));
}

fn key(seed: u8) -> (SigningKey, PublicKey) {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let public = PublicKey::new(Algorithm::Ed25519, &key.verifying_key().to_bytes());
    (key, public.expect("32 bytes"))
}

/// Fresh-looking bytes, the same at each run.
fn counter() -> impl FnMut() -> [u8; 32] {
    let mut n = 0_u64;
    move || {
        n += 1;
        titian_contracts::digest::hash("titian test random v1", &[&n.to_be_bytes()]).0
    }
}

const NOW_S: u64 = NOW_MS / 1_000;

fn qualification() -> Json {
    let (_, issuer) = key(1);
    let (_, holder) = key(2);
    json!({
        "iss": did_key(&issuer), "vct": "did:ubin:ASEAN/vct/professional-qualification/1",
        "iat": NOW_S - 100, "nbf": NOW_S - 100, "exp": NOW_S + 10_000,
        "cnf": {"jwk": holder.to_jwk()},
        "profession": "engineer", "level": "Professional Engineer",
        "registration_number": "ENG-1", "given_name": "Ana",
        "specialisations": ["civil", "marine"],
        "address": {"country": "SG", "street": "1 Example Road"},
    })
}

const HIDDEN: [&str; 6] = [
    "/registration_number",
    "/given_name",
    "/level",
    "/specialisations/1",
    "/address",
    "/address/street",
];

fn issued() -> String {
    let (issuer, public) = key(1);
    let kid = format!("{}#{}", did_key(&public), public.multikey());
    let claims = qualification();
    let mut random = counter();
    issue(claims.as_object().expect("object"), &HIDDEN, &issuer, &kid, &mut random).expect("issued")
}

fn judge(text: &str, edit: impl Fn(&mut Request)) -> Verdict {
    let mut request = Request::new(Policy::W3c);
    edit(&mut request);
    verify(text.as_bytes(), &request, None, NOW_MS)
}

#[test]
pub fn what_is_issued_verifies_and_shows_only_what_the_holder_chose() {
    let text = issued();
    let shown = |text: &str| {
        let verdict = judge(text, |request| request.return_credential = true);
        assert!(verdict.verified(), "{}", verdict.to_jcs());
        verdict.credential.expect("returned")
    };
    assert_eq!(shown(&text), qualification());
    let token = SdJwt::parse(&text).expect("well formed");
    assert_eq!(token.disclosures.len(), HIDDEN.len());
    let digests = token.issuer.payload["_sd"].as_array().expect("a list");
    // four members are hidden at the top; one to eight more digests tell nothing
    assert!((5..=12).contains(&digests.len()));
    let texts: Vec<&str> = digests.iter().filter_map(Json::as_str).collect();
    assert!(texts.is_sorted());

    let some = select(&text, &["level"]).expect("known");
    let claims = shown(&some);
    assert_eq!(claims["level"], "Professional Engineer");
    assert_eq!(claims["specialisations"], json!(["civil"]));
    for hidden in ["registration_number", "given_name", "address"] {
        assert!(claims.get(hidden).is_none(), "{hidden}");
    }
    // a nested one brings its parent with it
    let street = shown(&select(&text, &["street"]).expect("known"));
    assert_eq!(street["address"], json!({"country": "SG", "street": "1 Example Road"}));
    assert!(select(&text, &["unheard_of"]).is_err());
}

#[test]
pub fn claims_that_a_verifier_needs_cannot_be_hidden() {
    let (_, public) = key(1);
    let kid = format!("{}#{}", did_key(&public), public.multikey());
    let claims = qualification();
    for pointer in ["/iss", "/vct", "/exp", "/nbf", "/cnf"] {
        let mut random = counter();
        let members = claims.as_object().expect("object");
        let refused = prepare(members, &[pointer], Algorithm::Ed25519, &kid, &mut random);
        assert_eq!(refused.map_err(|fault| fault.code), Err("SD_NOT_DISCLOSABLE"), "{pointer}");
    }
}

#[test]
pub fn vc_t08_a_bound_presentation_passes_only_for_whom_it_was_made_and_not_for_long() {
    let (holder, _) = key(2);
    let shown = select(&issued(), &["level"]).expect("known");
    let bound = bind(&shown, &holder, "n-1", "did:ubin:SG:PEB", NOW_S).expect("bound");
    let asks = |request: &mut Request| {
        request.challenge = Some("n-1".to_owned());
        request.domain = Some("did:ubin:SG:PEB".to_owned());
    };
    let verdict = judge(&bound, asks);
    assert!(verdict.verified(), "{}", verdict.to_jcs());
    assert_eq!(code(&verdict, Check::Holder), "OK");
    let holder_fault = |text: &str, edit: &dyn Fn(&mut Request), expected: &str| {
        let verdict = judge(text, |request| {
            asks(request);
            edit(request);
        });
        fails_with(&verdict, Check::Holder, expected);
    };
    holder_fault(&bound, &|r| r.challenge = Some("n-2".to_owned()), "NONCE_MISMATCH");
    holder_fault(&bound, &|r| r.domain = Some("did:ubin:SG".to_owned()), "AUDIENCE_MISMATCH");
    holder_fault(&shown, &|_| {}, "KEY_BINDING_MISSING");
    // more or less than the holder signed for
    let other = bind(&issued(), &holder, "n-1", "did:ubin:SG:PEB", NOW_S).expect("bound");
    let binding = other.rsplit_once('~').expect("bound").1;
    holder_fault(&format!("{shown}{binding}"), &|_| {}, "SD_HASH_MISMATCH");
    // another's key
    let (thief, _) = key(3);
    let stolen = bind(&shown, &thief, "n-1", "did:ubin:SG:PEB", NOW_S).expect("bound");
    holder_fault(&stolen, &|_| {}, "SIGNATURE_INVALID");
    // age, to the second
    for (iat_s, expected) in [
        (NOW_S + 60, None),
        (NOW_S + 61, Some("KB_IAT_FUTURE")),
        (NOW_S - 360, None),
        (NOW_S - 361, Some("KB_IAT_STALE")),
    ] {
        let text = bind(&shown, &holder, "n-1", "did:ubin:SG:PEB", iat_s).expect("bound");
        match expected {
            None => assert!(judge(&text, asks).verified(), "{iat_s}"),
            Some(expected) => holder_fault(&text, &|_| {}, expected),
        }
    }
    let mut request = Request::new(Policy::W3c);
    asks(&mut request);
    let whole = verify_presentation(bound.as_bytes(), &request, None, NOW_MS);
    assert!(whole.verified(), "{}", whole.to_jcs());
    assert!(!verify_presentation(shown.as_bytes(), &request, None, NOW_MS).verified());
}

/// A presentation whose key binding states more than it must.
fn bound_with(members: &Json) -> String {
    use ed25519_dalek::Signer as _;
    let (holder, _) = key(2);
    let shown = select(&issued(), &["level"]).expect("known");
    let token = SdJwt::parse(&shown).expect("well formed");
    let mut payload = json!({"aud": "did:ubin:SG:PEB", "iat": NOW_S, "nonce": "n-1",
        "sd_hash": token.sd_hash()});
    for (name, value) in members.as_object().expect("object") {
        payload[name] = value.clone();
    }
    let payload = payload.as_object().expect("object");
    let unsigned =
        titian_credential::jose::Unsigned::new(KB_TYP, Algorithm::Ed25519, None, payload);
    let unsigned = unsigned.expect("signs");
    let signature = holder.sign(unsigned.signing_input.as_bytes()).to_bytes();
    format!("{shown}{}", unsigned.finish(&signature))
}

#[test]
pub fn a_key_binding_counts_only_within_the_period_that_it_states() {
    for (members, expected) in [
        (json!({}), None),
        (json!({"nbf": NOW_S + 60, "exp": NOW_S - 60}), None),
        (json!({"exp": NOW_S - 61}), Some("PROOF_EXPIRED")),
        (json!({"exp": 1}), Some("PROOF_EXPIRED")),
        (json!({"nbf": NOW_S + 61}), Some("PROOF_EXPIRED")),
        (json!({"nbf": 4_000_000_000_u64}), Some("PROOF_EXPIRED")),
        (json!({"exp": "x"}), Some("PROOF_MALFORMED")),
        (json!({"exp": null}), Some("PROOF_MALFORMED")),
        (json!({"nbf": -1}), Some("PROOF_MALFORMED")),
    ] {
        let verdict = judge(&bound_with(&members), |request| {
            request.challenge = Some("n-1".to_owned());
        });
        match expected {
            None => assert!(verdict.verified(), "{members}: {}", verdict.to_jcs()),
            Some(expected) => fails_with(&verdict, Check::Holder, expected),
        }
    }
}

#[test]
pub fn who_compares_no_nonce_is_warned_that_it_may_be_a_copy() {
    let bound = bound_with(&json!({}));
    let warned = |text: &str, edit: &dyn Fn(&mut Request)| {
        let verdict = judge(text, edit);
        assert!(verdict.verified(), "{}", verdict.to_jcs());
        verdict.warnings.contains(&"NONCE_NOT_COMPARED")
    };
    assert!(warned(&bound, &|_| {}));
    assert!(warned(&bound, &|request| request.domain = Some("did:ubin:SG:PEB".to_owned())));
    assert!(!warned(&bound, &|request| request.challenge = Some("n-1".to_owned())));
    // nobody shows it, or nobody asks who does
    assert!(!warned(&select(&issued(), &["level"]).expect("known"), &|_| {}));
    assert!(!warned(&bound, &|request| request.policy = Policy::Signature));
}

#[test]
pub fn a_false_key_binding_fails_where_the_holder_is_left_out() {
    let (holder, _) = key(2);
    let (thief, _) = key(3);
    let shown = select(&issued(), &["level"]).expect("known");
    let made = |text: &str, key: &SigningKey| bind(text, key, "n-1", "did:ubin:SG:PEB", NOW_S);
    let signature = |text: &str| {
        let request = Request::new(Policy::Signature);
        verify(text.as_bytes(), &request, None, NOW_MS)
    };
    let good = made(&shown, &holder).expect("bound");
    for text in [&shown, &good] {
        let verdict = signature(text);
        assert!(verdict.verified(), "{}", verdict.to_jcs());
    }
    fails_with(
        &signature(&made(&shown, &thief).expect("bound")),
        Check::Proof,
        "SIGNATURE_INVALID",
    );
    // the holder's own, for more claims than these
    let other = made(&issued(), &holder).expect("bound");
    let binding = other.rsplit_once('~').expect("bound").1;
    fails_with(&signature(&format!("{shown}{binding}")), Check::Proof, "SIGNATURE_INVALID");
    let request = Request::new(Policy::Signature);
    let stolen = made(&shown, &thief).expect("bound");
    let whole = verify_presentation(stolen.as_bytes(), &request, None, NOW_MS);
    fails_with(&whole.whole, Check::Proof, "SIGNATURE_INVALID");
}

#[test]
pub fn a_binding_of_another_token_type_is_refused() {
    let (holder, _) = key(2);
    let shown = select(&issued(), &[]).expect("known");
    let token = SdJwt::parse(&shown).expect("well formed");
    let payload = json!({"aud": "a", "iat": NOW_S, "nonce": "n", "sd_hash": token.sd_hash()});
    for typ in ["vp+jwt", "vc+jwt", "dc+sd-jwt", "JWT"] {
        use ed25519_dalek::Signer as _;
        let members = payload.as_object().expect("object");
        let unsigned =
            titian_credential::jose::Unsigned::new(typ, Algorithm::Ed25519, None, members);
        let unsigned = unsigned.expect("signs");
        let signature = holder.sign(unsigned.signing_input.as_bytes()).to_bytes();
        let text = format!("{shown}{}", unsigned.finish(&signature));
        let verdict = judge(&text, |request| request.binding = Binding::Required);
        fails_with(&verdict, Check::Holder, "TYP_MISMATCH");
    }
}

#[test]
pub fn vc_t06_flipping_any_byte_of_a_bound_presentation_never_verifies() {
    let (holder, _) = key(2);
    let shown = select(&issued(), &["level"]).expect("known");
    let bound = bind(&shown, &holder, "n", "a", NOW_S).expect("bound");
    let mut request = Request::new(Policy::W3c);
    request.binding = Binding::Required;
    assert!(verify(bound.as_bytes(), &request, None, NOW_MS).verified());
    for at in 0..bound.len() {
        let mut bytes = bound.clone().into_bytes();
        bytes[at] ^= 0x01;
        let verdict = verify(&bytes, &request, None, NOW_MS);
        assert!(!verdict.verified(), "byte {at}");
    }
}

#[test]
pub fn vc_t12_more_disclosures_than_allowed_are_refused() {
    let text = issued();
    let issuer = text.split('~').next().expect("a token").to_owned();
    let many = |n: usize| format!("{issuer}~{}", "WyJhIiwiYiIsMV0~".repeat(n));
    let verdict = judge(&many(513), |_| {});
    assert_eq!(code(&verdict, Check::Syntax), "TOO_MANY_NODES");
    let verdict = judge(&many(512), |_| {});
    assert_eq!(code(&verdict, Check::Proof), "SD_DUPLICATE_DISCLOSURE");
}

#[test]
pub fn the_parts_of_a_token_survive_its_json_serialisation() {
    let (holder, _) = key(2);
    let bound = bind(&issued(), &holder, "n", "a", NOW_S).expect("bound");
    let token = SdJwt::parse(&bound).expect("well formed");
    let compact: Vec<&str> = bound.split('~').collect();
    let segments: Vec<&str> = compact[0].split('.').collect();
    let header = json!({"disclosures": compact[1..compact.len() - 1],
        "kb_jwt": compact[compact.len() - 1]});
    let flat = json!({"payload": segments[1], "protected": segments[0],
        "signature": segments[2], "header": header});
    let general = json!({"payload": segments[1], "signatures": [
        {"protected": segments[0], "signature": segments[2], "header": header}]});
    for value in [flat, general] {
        assert_eq!(read(&value), token);
        let verdict = judge(&value.to_string(), |request| request.binding = Binding::Required);
        assert!(verdict.verified(), "{}", verdict.to_jcs());
    }
    assert!(Jws::parse(compact[0]).is_ok());
}

#[test]
pub fn a_json_serialisation_of_two_minds_is_refused() {
    let text = issued();
    let compact: Vec<&str> = text.split('~').collect();
    let segments: Vec<&str> = compact[0].split('.').collect();
    let hidden = &compact[1..compact.len() - 1];
    let flat = |more: &Json| {
        let mut header = json!({"disclosures": hidden});
        for (name, value) in more.as_object().expect("object") {
            header[name] = value.clone();
        }
        json!({"payload": segments[1], "protected": segments[0], "signature": segments[2],
            "header": header})
    };
    let code_of = |value: &Json| code(&judge(&value.to_string(), |_| {}), Check::Syntax);
    assert!(judge(&flat(&json!({})).to_string(), |_| {}).verified());
    // a name that the protected header does not have says nothing
    assert!(judge(&flat(&json!({"note": 1})).to_string(), |_| {}).verified());
    for more in [
        json!({"alg": "EdDSA"}),
        json!({"alg": "none"}),
        json!({"typ": "dc+sd-jwt"}),
        json!({"kid": "did:key:z6Mk"}),
        json!({"crit": ["exp"]}),
        json!({"b64": false}),
    ] {
        assert_eq!(code_of(&flat(&more)), "MALFORMED_TOKEN", "{more}");
    }
    let general = json!({"payload": segments[1], "signatures": [{"protected": segments[0],
        "signature": segments[2], "header": {"disclosures": hidden}}]});
    assert!(judge(&general.to_string(), |_| {}).verified());
    for name in ["protected", "signature", "header"] {
        let mut mixed = general.clone();
        mixed[name] = flat(&json!({}))[name].clone();
        assert_eq!(code_of(&mixed), "MALFORMED_TOKEN", "{name}");
    }
}

#[test]
pub fn what_a_schema_calls_personal_is_found_behind_references_and_combinators() {
    let personal = json!({"type": "string", "x-titian-class": "personal"});
    let public = json!({"type": "string", "x-titian-class": "public"});
    let schema = json!({
        "$defs": {
            "name": personal,
            "address": {"type": "object", "properties": {"street": personal, "country": public}},
        },
        "properties": {
            "given/name": {"$ref": "#/$defs/name"},
            "address": {"$ref": "#/$defs/address"},
            "nickname": {"allOf": [{"$ref": "#/$defs/name"}, {"maxLength": 9}]},
            "aliases": {"type": "array", "items": {"oneOf": [personal, public]}},
            "level": public,
        },
        "anyOf": [{"properties": {"role": personal}}],
    });
    let mut found = metadata::personal(&schema);
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, ["/address/street", "/aliases", "/given~1name", "/nickname", "/role"]);
}
