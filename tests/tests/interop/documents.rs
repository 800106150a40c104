//! Random JSON-LD documents over all contexts that the program knows, each free of what our expander
//! refuses: nothing undefined, nothing null, nothing empty.

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde_json::{Map, Value, json};
use titian_contracts::time::rfc3339;
use titian_credential::contexts::{BASE_V1, BASE_V2};
use titian_tests::credentials::of_the_data_model;
use titian_tests::credentials::random::{credential, uuid};

const EXAMPLES: &str = "https://www.w3.org/ns/credentials/examples/v2";
const NOW_MS: u64 = 1_782_864_000_000;
/// How deep free-form members nest.
const DEPTH: usize = 4;

/// A document, and whether it holds a direction.
pub fn document(random: &mut StdRng) -> Value {
    match random.gen_range(0..6) {
        0 | 1 => of_a_type(random),
        2 | 3 => free_form(random),
        4 => older(random),
        _ => identifiers(random),
    }
}

fn of_a_type(random: &mut StdRng) -> Value {
    let types = of_the_data_model();
    let mut one = credential(types.choose(random).expect("types"), random, NOW_MS);
    embellish(&mut one, random);
    if random.gen_bool(0.4) {
        one["proof"] = proof(random);
    }
    one
}

/// Members of the base context that few credentials have.
fn embellish(one: &mut Value, random: &mut StdRng) {
    let typed = |name: &str, random: &mut StdRng| json!({"id": uuid(random), "type": name});
    if random.gen_bool(0.3) {
        one["name"] = spoken(random);
    }
    if random.gen_bool(0.3) {
        one["description"] = json!([spoken(random), spoken(random)]);
    }
    if random.gen_bool(0.2) {
        let digest = "sha384-AAAA";
        one["relatedResource"] =
            json!([{"id": uuid(random), "digestSRI": digest, "mediaType": text(random)}]);
    }
    if random.gen_bool(0.2) {
        one["refreshService"] = json!({"id": uuid(random), "type": "urn:x:refresh"});
    }
    if random.gen_bool(0.2) {
        one["evidence"] = json!([{"type": ["urn:x:evidence"]}, typed("urn:x:evidence", random)]);
    }
    if random.gen_bool(0.2) {
        one["termsOfUse"] = json!({"type": ["urn:x:terms", "urn:x:more"]});
    }
}

fn proof(random: &mut StdRng) -> Value {
    let mut one = json!({
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-rdfc-2022",
        "created": rfc3339(random.gen_range(0..2_000_000_000_000)),
        "verificationMethod": "did:example:issuer#k1", "proofPurpose": "assertionMethod",
        "proofValue": "z3FXQ",
    });
    if random.gen_bool(0.3) {
        one["id"] = json!(uuid(random));
        one["expires"] = json!(rfc3339(random.gen_range(0..2_000_000_000_000)));
        one["domain"] = json!(text(random));
        one["challenge"] = json!(text(random));
    }
    if random.gen_bool(0.2) {
        one["previousProof"] = json!(uuid(random));
    }
    if random.gen_bool(0.3) { json!([one, one]) } else { one }
}

fn text(random: &mut StdRng) -> String {
    const CHARACTERS: &[char] = &[
        'a',
        'b',
        'Z',
        '9',
        ' ',
        '"',
        '\\',
        '\n',
        '\t',
        '\u{7f}',
        '\u{e9}',
        '\u{6f22}',
        '\u{1f600}',
    ];
    (0..random.gen_range(0..12)).map(|_| *CHARACTERS.choose(random).expect("not empty")).collect()
}

/// A text, plain or in a language.
fn spoken(random: &mut StdRng) -> Value {
    const TAGS: [&str; 5] = ["en", "ms", "zh-hant", "th", "vi"];
    match random.gen_range(0..3) {
        0 => json!(text(random)),
        1 => json!({"@value": text(random)}),
        _ => json!({"@value": text(random), "@language": TAGS.choose(random)}),
    }
}

/// A credential under the example context, where any member is defined.
fn free_form(random: &mut StdRng) -> Value {
    let mut subject = members(random, DEPTH);
    subject.insert("id".to_owned(), json!(uuid(random)));
    let mut one = json!({
        "@context": [BASE_V2, EXAMPLES], "id": uuid(random),
        "type": ["VerifiableCredential", "ExampleCredential"],
        "issuer": "did:example:issuer", "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": subject,
    });
    embellish(&mut one, random);
    if random.gen_bool(0.3) {
        one["proof"] = proof(random);
    }
    one
}

fn members(random: &mut StdRng, depth: usize) -> Map<String, Value> {
    const NAMES: [&str; 6] = ["alpha", "beta", "gamma", "delta", "urn:x:full", "epsilon"];
    let count = random.gen_range(1..=3);
    let mut all = Map::new();
    for name in NAMES.choose_multiple(random, count) {
        all.insert((*name).to_owned(), value(random, depth));
    }
    if random.gen_bool(0.3) {
        all.insert("type".to_owned(), json!(["Thing", "urn:x:thing"]));
    }
    if random.gen_bool(0.3) {
        all.insert("id".to_owned(), json!(uuid(random)));
    }
    all
}

fn value(random: &mut StdRng, depth: usize) -> Value {
    let nested = if depth == 0 { 6 } else { 9 };
    match random.gen_range(0..nested) {
        0 => json!(text(random)),
        1 => json!(random.gen_range(-(1_i64 << 53) + 1..1 << 53)),
        2 => json!(random.r#gen::<bool>()),
        3 => json!(fraction(random)),
        4 => spoken(random),
        5 => json!({"@value": text(random), "@type": "urn:x:datatype"}),
        6 => Value::Object(members(random, depth - 1)),
        // arrays in lists are refused: processors read them in two ways
        7 => {
            json!({"@list": [value(random, 0), members(random, depth - 1), {"@list": [value(random, 0)]}]})
        }
        _ => Value::Array((0..random.gen_range(1..4)).map(|_| value(random, depth - 1)).collect()),
    }
}

/// A number that is not whole and has few digits: of longer ones `oxjsonld` writes as many as it takes
/// to read them back, the canonical form sixteen.
fn fraction(random: &mut StdRng) -> f64 {
    f64::from(random.gen_range(-100_000..100_000) * 2 + 1) / 64.0
}

/// A credential of the older model, with a proof of the older suite.
fn older(random: &mut StdRng) -> Value {
    let suite = "https://w3id.org/security/suites/ed25519-2020/v1";
    let mut one = json!({
        "@context": [BASE_V1, suite], "id": uuid(random), "type": ["VerifiableCredential"],
        "issuer": {"id": "did:example:issuer"}, "issuanceDate": "2026-01-01T00:00:00Z",
        "credentialSubject": [{"id": uuid(random)}, {"id": uuid(random)}],
    });
    if random.gen_bool(0.5) {
        one["proof"] = json!({
            "type": "Ed25519Signature2020", "created": "2026-01-01T00:00:00Z",
            "verificationMethod": "did:example:issuer#k1", "proofPurpose": "assertionMethod",
            "proofValue": "z3FXQ",
        });
    }
    if random.gen_bool(0.5) {
        one["expirationDate"] = json!("2027-01-01T00:00:00Z");
        one["credentialSchema"] = json!({"id": uuid(random), "type": "JsonSchemaValidator2018"});
    }
    one
}

/// A controlled identifier document.
fn identifiers(random: &mut StdRng) -> Value {
    let did = "did:example:subject";
    let multikey = json!({
        "id": format!("{did}#k1"), "type": "Multikey", "controller": did,
        "publicKeyMultibase": "z6MkmNL6xksdEJENGk9Z1qqGsY5njKQdjU1UhnUEUvWyQUVX",
    });
    let jwk = json!({
        "id": format!("{did}#k2"), "type": "JsonWebKey", "controller": did,
        "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": text(random)},
    });
    match random.gen_range(0..3) {
        0 => {
            let mut one = multikey;
            one["@context"] = json!("https://w3id.org/security/multikey/v1");
            one
        }
        1 => {
            let mut one = jwk;
            one["@context"] = json!("https://w3id.org/security/jwk/v1");
            one
        }
        _ => json!({
            "@context": ["https://www.w3.org/ns/cid/v1"], "id": did, "controller": [did, uuid(random)],
            "verificationMethod": [multikey, jwk],
            "assertionMethod": [format!("{did}#k1"), format!("{did}#k2")],
            "authentication": format!("{did}#k1"),
            "alsoKnownAs": [uuid(random)],
        }),
    }
}

/// The same document with a direction on each text that has a language.
pub fn directed(document: &Value) -> Value {
    match document {
        Value::Object(members) if members.contains_key("@language") => {
            let mut members = members.clone();
            members.insert("@direction".to_owned(), json!("rtl"));
            Value::Object(members)
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), directed(value))).collect()
        }
        Value::Array(items) => items.iter().map(directed).collect(),
        other => other.clone(),
    }
}
