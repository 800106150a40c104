//! T6: whatever is changed in a secured credential, it is not verified any more, unless the value
//! that a parser reads is the same.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Map, Value as Json, json};
use titian_credential::form;
use titian_credential::json::parse;
use titian_credential::jwt::issue_vc;
use titian_credential::proof::{Suite, assertion, issue};
use titian_credential::sd_jwt;
use titian_credential::verdict::Policy;
use titian_credential::verify::{Request, verify};
use titian_tests::credentials::random::{claims, credential};
use titian_tests::credentials::{Desk, METHOD, of_persons, of_the_data_model, strict};

const SEED: u64 = 61;

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

    /// SD-JWT VC with all disclosures.
    fn disclosing(&mut self) -> Vec<String> {
        let holder = json!({"crv": "Ed25519", "kty": "OKP",
            "x": "I54Ut0438xM87Q1ubLjLuam8OWTp_3tBoL1Ktcsd898"});
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
            all.push(token.expect("issued"));
        }
        all
    }

    fn verified(&self, text: &[u8]) -> bool {
        let view = self.desk.live();
        let request = Request::new(Policy::Ledger);
        verify(text, &request, Some(&view), self.desk.world.time_ms).verified()
    }

    /// A changed text is refused, or reads as the same value.
    fn refuses(&self, original: &str, changed: &[u8], what: &str) {
        if self.verified(changed) {
            let read = |text: &[u8]| form::read(text).map(|reading| reading.document);
            assert_eq!(read(changed), read(original.as_bytes()), "{what}");
        }
    }

    fn flip_every_byte(&self, text: &str) {
        assert!(self.verified(text.as_bytes()), "{text}");
        let mut bytes = text.as_bytes().to_vec();
        for at in 0..bytes.len() {
            let before = bytes[at];
            bytes[at] ^= 1 << (at % 7);
            self.refuses(text, &bytes, &format!("byte {at} of {text}"));
            bytes[at] = before;
        }
    }
}

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

#[test]
fn vc_t06_no_member_can_be_removed_emptied_retyped_or_doubled() {
    let mut bench = Bench::new();
    for suite in [Suite::Jcs, Suite::Rdfc] {
        for document in bench.embedded(suite) {
            let text = document.to_string();
            assert!(bench.verified(text.as_bytes()), "{text}");
            let mut all = Vec::new();
            members(&document, "", &mut all);
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
                    // one value or a list of it alone are one set of statements, or of proofs
                    let set = suite == Suite::Rdfc || (pointer.is_empty() && name == "proof");
                    let same = set && same_set(&document, &changed);
                    assert!(same || !bench.verified(changed.as_bytes()), "{what}: {changed}");
                }
                let twice = duplicated(&document, &pointer, &name);
                assert_eq!(parse(twice.as_bytes()).map_err(|f| f.code), Err("DUPLICATE_KEY"));
                assert!(!bench.verified(twice.as_bytes()), "{what}");
            }
        }
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
        let (ours, others) = (bench.embedded(suite), bench.embedded(suite));
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
