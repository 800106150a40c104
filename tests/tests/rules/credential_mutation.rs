//! T6: whatever is changed in a secured credential, it is not verified any more, unless the value
//! that a parser reads is the same.

use ed25519_dalek::{Signer as _, SigningKey};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};
use titian_credential::did::method::did_key;
use titian_credential::form;
use titian_credential::json::parse;
use titian_credential::jwt::issue_vc;
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::proof::{Options, Purpose, Suite, assertion, issue};
use titian_credential::rdf::canonicalize;
use titian_credential::sd_jwt;
use titian_credential::verdict::Policy;
use titian_credential::verify::{Request, is_presentation, verify, verify_presentation};
use titian_tests::credentials::random::{claims, credential, uuid};
use titian_tests::credentials::{Desk, METHOD, of_persons, of_the_data_model, strict};

use super::credential_fixture::{NOW_MS, SANDBOX, sign_blindly};

const SEED: u64 = 61;
const CHALLENGE: &str = "n-7f3a91ab";
const DOMAIN: &str = "did:ubin:SG:PEB";

/// Whether a text is verified.
type Verified<'a> = dyn Fn(&[u8]) -> bool + 'a;

/// Who shows credentials: key, DID and key id.
fn holder() -> (SigningKey, PublicKey, String) {
    let key = SigningKey::from_bytes(&[66; 32]);
    let public = PublicKey::new(Algorithm::Ed25519, key.verifying_key().as_bytes());
    let public = public.expect("32 bytes");
    let method = format!("{}#{}", did_key(&public), public.multikey());
    (key, public, method)
}

/// One issuer's desk, and credentials of every type and form.
struct Bench {
    desk: Desk,
    random: StdRng,
}

impl Bench {
    fn new() -> Self {
        println!("seed {SEED}");
        Self { desk: Desk::new(), random: StdRng::seed_from_u64(SEED) }
    }

    fn embedded(&mut self, suite: Suite) -> Vec<Json> {
        let time_ms = self.desk.world.time_ms;
        let created = titian_contracts::time::rfc3339(time_ms);
        let mut all = Vec::new();
        for shipped in of_the_data_model() {
            let unsigned = credential(shipped, &mut self.random, time_ms);
            let view = self.desk.live();
            let options = assertion(suite, METHOD, &created);
            all.push(issue(&unsigned, &self.desk.key(), options, strict(&view)).expect("issued"));
        }
        all
    }

    fn tokens(&mut self) -> Vec<String> {
        let time_ms = self.desk.world.time_ms;
        let mut all = Vec::new();
        for shipped in of_the_data_model() {
            let unsigned = credential(shipped, &mut self.random, time_ms);
            let (view, key) = (self.desk.live(), self.desk.key());
            let token = issue_vc(&unsigned, &key, METHOD, time_ms / 1_000, strict(&view));
            all.push(token.expect("issued"));
        }
        all
    }

    /// SD-JWT VC with all disclosures, as their holder shows them.
    fn disclosing(&mut self) -> Vec<String> {
        let (holder_key, public, _) = holder();
        let holder = public.to_jwk().expect("Ed25519");
        let time_ms = self.desk.world.time_ms;
        let mut all = Vec::new();
        for shipped in of_persons() {
            let (claims, disclose) = claims(shipped, &mut self.random, time_ms, &holder);
            let pointers: Vec<String> = disclose.iter().map(|name| format!("/{name}")).collect();
            let pointers: Vec<&str> = pointers.iter().map(String::as_str).collect();
            let mut count = 0_u8;
            let mut salts = || {
                count += 1;
                [count; 32]
            };
            let key = self.desk.key();
            let token = sd_jwt::issue::issue(&claims, &pointers, &key, METHOD, &mut salts);
            let token = token.expect("issued");
            let now_s = time_ms / 1_000;
            let bound = sd_jwt::issue::bind(&token, &holder_key, CHALLENGE, DOMAIN, now_s);
            all.push(bound.expect("not bound before"));
        }
        all
    }

    /// A token and an SD-JWT with key binding, each in an envelope.
    fn enveloped(&mut self) -> Vec<Json> {
        let tokens =
            [("vc+jwt", self.tokens().remove(0)), ("dc+sd-jwt", self.disclosing().remove(0))];
        let envelope = |(form, token): (&str, String)| {
            json!({"@context": "https://www.w3.org/ns/credentials/v2",
                "id": format!("data:application/{form},{token}"),
                "type": "EnvelopedVerifiableCredential"})
        };
        tokens.map(envelope).to_vec()
    }

    /// An embedded presentation of an embedded credential and one in an envelope.
    fn presentation(&mut self, suite: Suite) -> Json {
        let credentials = [self.embedded(suite).remove(0), self.enveloped().remove(0)];
        let (key, public, method) = holder();
        let unsigned = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"], "id": uuid(&mut self.random),
            "type": ["VerifiablePresentation"], "holder": did_key(&public),
            "verifiableCredential": credentials,
        });
        let (view, created) =
            (self.desk.live(), titian_contracts::time::rfc3339(self.desk.world.time_ms));
        let options = Options {
            suite,
            verification_method: &method,
            created: &created,
            purpose: Purpose::Authentication,
            challenge: Some(CHALLENGE),
            domain: Some(DOMAIN),
        };
        issue(&unsigned, &key, options, strict(&view)).expect("signed")
    }

    fn verified(&self, text: &[u8]) -> bool {
        let (view, now_ms) = (self.desk.live(), self.desk.world.time_ms);
        let mut request = Request::new(Policy::Ledger);
        if is_presentation(text) {
            request.challenge = Some(CHALLENGE.to_owned());
            request.domain = Some(DOMAIN.to_owned());
            return verify_presentation(text, &request, Some(&view), now_ms).verified();
        }
        verify(text, &request, Some(&view), now_ms).verified()
    }

    fn flip_every_byte(&self, text: &str) {
        flip_every_byte(text, &|text| self.verified(text));
    }
}

/// With every bit flipped in turn a text is refused, or reads as the same value.
fn flip_every_byte(text: &str, verified: &Verified<'_>) {
    assert!(verified(text.as_bytes()), "{text}");
    let read = |text: &[u8]| form::read(text).map(|reading| reading.document);
    let mut bytes = text.as_bytes().to_vec();
    for at in 0..bytes.len() {
        let before = bytes[at];
        bytes[at] ^= 1 << (at % 7);
        let same = || read(&bytes) == read(text.as_bytes());
        assert!(!verified(&bytes) || same(), "byte {at} of {text}");
        bytes[at] = before;
    }
}

/// A VCDM 1.1 credential under its own context, as a library of that time signs it.
fn older(suite: Suite) -> Json {
    let (key, public, method) = holder();
    let context = match suite {
        Suite::Signature2020 => "https://w3id.org/security/suites/ed25519-2020/v1",
        _ => "https://w3id.org/security/data-integrity/v2",
    };
    let document = json!({
        "@context": ["https://www.w3.org/2018/credentials/v1", context],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential"],
        "issuer": did_key(&public),
        "issuanceDate": "2026-01-01T00:00:00Z",
        "expirationDate": "2027-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:subject"},
    });
    let created = "2026-06-30T23:59:00Z";
    if suite == Suite::Jcs {
        return sign_blindly(&document, &key, &method, created);
    }
    let mut options = json!({"type": "Ed25519Signature2020", "created": created,
        "verificationMethod": method, "proofPurpose": "assertionMethod"});
    if suite == Suite::Rdfc {
        options["type"] = json!("DataIntegrityProof");
        options["cryptosuite"] = json!("eddsa-rdfc-2022");
    }
    let hash = |value: &Json| {
        let members = value.as_object().expect("an object");
        Sha256::digest(canonicalize(members, SANDBOX).expect("known terms")).to_vec()
    };
    let mut configuration = options.clone();
    configuration["@context"] = document["@context"].clone();
    let data = [hash(&configuration), hash(&document)].concat();
    let signature = bs58::encode(key.sign(&data).to_bytes()).into_string();
    options["proofValue"] = json!(format!("z{signature}"));
    let mut signed = document;
    signed["proof"] = options;
    signed
}

/// As a verifier that takes the older model says.
fn older_verified(text: &[u8]) -> bool {
    verify(text, &Request::new(Policy::W3c), None, NOW_MS).verified()
}

const SUITES: [Suite; 3] = [Suite::Jcs, Suite::Rdfc, Suite::Signature2020];

#[test]
fn vc_t06_flipping_any_byte_of_an_embedded_credential_of_any_type_never_verifies() {
    let mut bench = Bench::new();
    for suite in [Suite::Jcs, Suite::Rdfc] {
        for document in bench.embedded(suite) {
            bench.flip_every_byte(&document.to_string());
        }
    }
}

#[test]
fn vc_t06_flipping_any_byte_of_a_token_of_any_type_never_verifies() {
    let mut bench = Bench::new();
    let all: Vec<String> = bench.tokens().into_iter().chain(bench.disclosing()).collect();
    all.iter().for_each(|token| bench.flip_every_byte(token));
}

#[test]
fn vc_t06_flipping_any_byte_of_a_presentation_or_an_envelope_never_verifies() {
    let mut bench = Bench::new();
    for suite in [Suite::Jcs, Suite::Rdfc] {
        let document = bench.presentation(suite);
        bench.flip_every_byte(&document.to_string());
    }
    for envelope in bench.enveloped() {
        bench.flip_every_byte(&envelope.to_string());
    }
}

#[test]
fn vc_t06_flipping_any_byte_of_a_credential_of_the_older_model_never_verifies() {
    for suite in SUITES {
        flip_every_byte(&older(suite).to_string(), &older_verified);
    }
}

/// Every member of every object: the pointer of the object and the name.
fn members(value: &Json, pointer: &str, all: &mut Vec<(String, String)>) {
    match value {
        Json::Object(object) => {
            for (name, member) in object {
                all.push((pointer.to_owned(), name.clone()));
                let name = name.replace('~', "~0").replace('/', "~1");
                members(member, &format!("{pointer}/{name}"), all);
            }
        }
        Json::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                members(item, &format!("{pointer}/{i}"), all);
            }
        }
        _ => {}
    }
}

fn object<'a>(document: &'a mut Json, pointer: &str) -> &'a mut Map<String, Json> {
    document.pointer_mut(pointer).and_then(Json::as_object_mut).expect("an object")
}

/// The same content as another type of JSON.
fn retyped(value: &Json) -> Json {
    match value {
        Json::String(text) => json!([text]),
        Json::Number(number) => json!(number.to_string()),
        Json::Bool(truth) => json!(truth.to_string()),
        Json::Array(items) => items.first().cloned().unwrap_or_default(),
        Json::Object(_) => json!([value]),
        Json::Null => json!(""),
    }
}

/// The text with the member `name` of the object at `pointer` written twice.
fn duplicated(document: &Json, pointer: &str, name: &str) -> String {
    const MARK: &str = "twice";
    let mut marked = document.clone();
    let again = object(&mut marked, pointer)[name].clone();
    object(&mut marked, pointer).insert(MARK.to_owned(), again);
    marked.to_string().replacen(&format!("\"{MARK}\":"), &format!("{}:", json!(name)), 1)
}

/// No member of a document can be removed, emptied, given another type, copied or doubled. Where
/// `sets`, one value and a list of it alone are one set of statements, as proofs always are.
fn change_every_member(document: &Json, sets: bool, verified: &Verified<'_>) {
    let text = document.to_string();
    assert!(verified(text.as_bytes()), "{text}");
    let mut all = Vec::new();
    members(document, "", &mut all);
    for (pointer, name) in all {
        let what = format!("{pointer} {name} of {text}");
        let edit = |edit: &dyn Fn(&mut Map<String, Json>)| {
            let mut changed = document.clone();
            edit(object(&mut changed, &pointer));
            changed.to_string()
        };
        for changed in [
            edit(&|object| drop(object.remove(&name))),
            edit(&|object| object[&name] = Json::Null),
            edit(&|object| object[&name] = retyped(&object[&name])),
            edit(&|object| {
                let value = object[&name].clone();
                object.insert("unheardOf".to_owned(), value);
            }),
        ] {
            // a proof brings its own copy of the contexts, which takes the place of the document's
            let alone = matches!(name.as_str(), "proof" | "@context");
            let set = sets || (pointer.is_empty() && alone);
            let same = set && same_set(document, &changed);
            assert!(same || !verified(changed.as_bytes()), "{what}: {changed}");
        }
        let twice = duplicated(document, &pointer, &name);
        assert_eq!(parse(twice.as_bytes()).map_err(|f| f.code), Err("DUPLICATE_KEY"));
        assert!(!verified(twice.as_bytes()), "{what}");
    }
}

#[test]
fn vc_t06_no_member_can_be_removed_emptied_retyped_or_doubled() {
    let mut bench = Bench::new();
    for suite in [Suite::Jcs, Suite::Rdfc] {
        for document in bench.embedded(suite) {
            change_every_member(&document, suite == Suite::Rdfc, &|text| bench.verified(text));
        }
    }
}

#[test]
fn vc_t06_no_member_of_a_presentation_an_envelope_or_an_older_credential_can_be_changed() {
    let mut bench = Bench::new();
    for suite in [Suite::Jcs, Suite::Rdfc] {
        let document = bench.presentation(suite);
        change_every_member(&document, suite == Suite::Rdfc, &|text| bench.verified(text));
    }
    // context and type of an envelope may be a list of one
    for envelope in bench.enveloped() {
        change_every_member(&envelope, true, &|text| bench.verified(text));
    }
    for suite in SUITES {
        change_every_member(&older(suite), suite != Suite::Jcs, &older_verified);
    }
}

/// Whether two documents differ in lists of one item alone.
fn same_set(document: &Json, changed: &str) -> bool {
    fn flat(value: &Json) -> Json {
        match value {
            Json::Array(items) if items.len() == 1 => flat(&items[0]),
            Json::Array(items) => items.iter().map(flat).collect(),
            Json::Object(members) => {
                members.iter().map(|(name, value)| (name.clone(), flat(value))).collect()
            }
            other => other.clone(),
        }
    }
    let changed: Json = serde_json::from_str(changed).expect("JSON");
    flat(document) == flat(&changed)
}

#[test]
fn vc_t06_no_member_can_be_taken_from_another_valid_credential() {
    let mut bench = Bench::new();
    for suite in [Suite::Jcs, Suite::Rdfc] {
        let (mut ours, mut others) = (bench.embedded(suite), bench.embedded(suite));
        ours.push(bench.presentation(suite));
        others.push(bench.presentation(suite));
        for (one, other) in ours.iter().zip(&others) {
            for (name, value) in other.as_object().expect("an object") {
                let mut swapped = one.clone();
                // the issuer as text or as an object with its id makes one statement
                let id = |value: &Json| value.get("id").cloned().unwrap_or_else(|| value.clone());
                let same = one.get(name).map(id) == Some(id(value)) && suite == Suite::Rdfc;
                if same || one.get(name) == Some(value) {
                    continue;
                }
                swapped[name] = value.clone();
                let text = swapped.to_string();
                assert!(!bench.verified(text.as_bytes()), "{name}: {text}");
            }
        }
    }
}

#[test]
fn vc_t06_no_part_can_be_taken_from_another_valid_token() {
    let mut bench = Bench::new();
    for (ours, others) in
        [(bench.tokens(), bench.tokens()), (bench.disclosing(), bench.disclosing())]
    {
        for (one, other) in ours.iter().zip(&others) {
            let separators: Vec<char> = one.chars().filter(|c| ['.', '~'].contains(c)).collect();
            let segments: Vec<&str> = one.split(['.', '~']).collect();
            let foreign: Vec<&str> = other.split(['.', '~']).collect();
            for (i, segment) in foreign.iter().enumerate().take(segments.len()) {
                if segments[i] == *segment {
                    continue;
                }
                let mut swapped = segments.clone();
                swapped[i] = segment;
                let mut text = String::new();
                for (part, separator) in swapped.iter().zip(separators.iter().chain([&' '])) {
                    text.push_str(part);
                    text.push(*separator);
                }
                assert!(!bench.verified(text.trim_end().as_bytes()), "segment {i}: {text}");
            }
        }
    }
}
