//! T5: our canonical forms and theirs on random input: JSON-LD to N-Quads (`oxjsonld`, npm `jsonld`),
//! canonical datasets (`oxrdf`), canonical JSON (npm `canonicalize`), compact tokens (`jsonwebtoken`).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use oxjsonld::{JsonLdParser, JsonLdRemoteDocument};
use oxrdf::dataset::{CanonicalizationAlgorithm, CanonicalizationHashAlgorithm};
use oxrdf::{BlankNode, Dataset, GraphName, Literal, NamedNode, NamedOrBlankNode, Term};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Map, Value, json};
use titian_credential::jose::Jws;
use titian_credential::json::canonical;
use titian_credential::key::{self, PublicKey};
use titian_credential::rdf::{Object, Quad, Subject, canonical_quads, canonicalize};
use titian_tests::credentials::{Desk, contexts};

use super::documents::{directed, document};
use super::scene::Scene;

/// Documents that are compared in this process.
const DOCUMENTS: usize = 10_000;
/// Of those, documents that the JavaScript library reads too: it takes milliseconds for each.
const THROUGH_NODE: usize = 1_000;
/// Random datasets.
const DATASETS: usize = 10_000;
/// Random JSON values.
const VALUES: usize = 100_000;
/// Random tokens.
const TOKENS: usize = 20_000;

const RDFC: CanonicalizationAlgorithm =
    CanonicalizationAlgorithm::Rdfc10 { hash_algorithm: CanonicalizationHashAlgorithm::Sha256 };

fn subject(node: NamedOrBlankNode) -> Subject {
    match node {
        NamedOrBlankNode::NamedNode(node) => Subject::Iri(Arc::from(node.as_str())),
        NamedOrBlankNode::BlankNode(node) => Subject::Blank(number(&node)),
    }
}

/// `c14n7` is 7.
fn number(node: &BlankNode) -> u32 {
    node.as_str().trim_start_matches("c14n").parse().expect("a canonical label")
}

fn ours(quad: oxrdf::Quad) -> Quad {
    let object = match quad.object {
        Term::NamedNode(node) => Object::Node(subject(node.into())),
        Term::BlankNode(node) => Object::Node(subject(node.into())),
        Term::Literal(literal) => {
            let datatype = literal.datatype().as_str();
            let plain = literal.language().is_some() || datatype.ends_with("XMLSchema#string");
            Object::Literal {
                text: literal.value().to_owned(),
                datatype: (!plain).then(|| Arc::from(datatype)),
                language: literal.language().map(str::to_owned),
            }
        }
    };
    let graph = match quad.graph_name {
        GraphName::DefaultGraph => None,
        GraphName::NamedNode(node) => Some(subject(node.into())),
        GraphName::BlankNode(node) => Some(subject(node.into())),
    };
    Quad {
        subject: subject(quad.subject),
        predicate: Arc::from(quad.predicate.as_str()),
        object,
        graph,
    }
}

/// The canonical N-Quads of a dataset by `oxrdf`.
fn by_oxrdf(mut dataset: Dataset) -> String {
    dataset.canonicalize(RDFC);
    let label = |node: u32, line: &mut String| line.push_str(&format!("c14n{node}"));
    let mut lines: Vec<String> =
        dataset.iter().map(|quad| ours(quad.into_owned()).line(&label)).collect();
    lines.sort_unstable();
    lines.concat()
}

/// The canonical N-Quads of a document by `oxjsonld` and `oxrdf`.
fn by_oxjsonld(document: &Value, contexts: &Arc<Map<String, Value>>) -> String {
    let contexts = AssertUnwindSafe(Arc::clone(contexts));
    let text = document.to_string();
    let parser = JsonLdParser::new().for_slice(text.as_bytes()).with_load_document_callback(
        move |url, _| match contexts.get(url) {
            Some(context) => Ok(JsonLdRemoteDocument {
                document: context.to_string().into_bytes(),
                document_url: url.to_owned(),
            }),
            None => Err(format!("not at hand: {url}").into()),
        },
    );
    by_oxrdf(parser.map(|quad| quad.unwrap_or_else(|e| panic!("{e}: {document}"))).collect())
}

#[test]
fn vc_t05_documents_have_the_statements_that_oxjsonld_and_jsonld_find() {
    let mut scene = Scene::new(55);
    let contexts = contexts();
    let contexts = Arc::new(contexts.as_object().cloned().expect("an object"));
    let desk = Desk::new();
    let view = desk.live();
    let known = titian_credential::contexts::Contexts {
        snapshot: Some(&view),
        sandbox: true,
        inline: false,
    };
    for number in 0..DOCUMENTS {
        let document = document(&mut scene.random);
        let read = |document: &Value| {
            let members = document.as_object().expect("an object");
            canonicalize(members, known).unwrap_or_else(|fault| panic!("{fault}: {document}"))
        };
        let ours = read(&document);
        assert_eq!(ours, by_oxjsonld(&document, &contexts), "{document}");
        if number % (DOCUMENTS / THROUGH_NODE) == 0 {
            // directions too, which oxjsonld drops
            let document = directed(&document);
            let theirs = scene.js.must("canonize", json!({"document": document}));
            assert_eq!(Some(read(&document).as_str()), theirs.as_str(), "{document}");
        }
    }
}

/// Whether a number lies halfway between two of sixteen digits: JSON-LD rounds it as `printf` does, to
/// the even one, npm `jsonld` up.
fn is_tie(number: f64) -> bool {
    let exact = format!("{number:.60e}");
    let digits: String = exact.chars().filter(char::is_ascii_digit).skip(16).take(45).collect();
    digits.starts_with('5') && digits[1..].bytes().all(|digit| digit == b'0')
}

/// Numbers of any length, which `oxjsonld` spells in its own way.
#[test]
fn vc_t05_numbers_have_the_literals_of_jsonld() {
    let mut scene = Scene::new(59);
    let known =
        titian_credential::contexts::Contexts { snapshot: None, sandbox: true, inline: false };
    for _ in 0..100 {
        let numbers: Vec<f64> = (0..100)
            .map(|_| f64::from_bits(scene.random.r#gen()))
            .filter(|number| number.is_finite() && number.fract() != 0.0 && !is_tie(*number))
            .collect();
        let document = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2",
                "https://www.w3.org/ns/credentials/examples/v2"],
            "id": "urn:x:numbers", "all": numbers,
        });
        let ours = canonicalize(document.as_object().expect("an object"), known);
        let theirs = scene.js.must("canonize", json!({"document": document}));
        assert_eq!(ours.expect("numbers").as_str(), theirs.as_str().expect("text"));
    }
}

fn dataset(random: &mut StdRng) -> (Vec<Quad>, Dataset) {
    let blanks = random.gen_range(1..8);
    let node = |random: &mut StdRng| match random.gen_bool(0.8) {
        true => Subject::Blank(random.gen_range(0..blanks)),
        false => Subject::Iri(Arc::from(format!("urn:x:{}", random.gen_range(0..3)))),
    };
    let quads: Vec<Quad> = (0..random.gen_range(1..14))
        .map(|_| Quad {
            subject: node(random),
            predicate: Arc::from(format!("urn:p:{}", random.gen_range(0..2))),
            object: match random.gen_bool(0.7) {
                true => Object::Node(node(random)),
                false => Object::Literal {
                    // beside each other these two sort by code points, not by UTF-16
                    text: ["", "a", "\u{ffee}", "\u{1f600}"][random.gen_range(0..4)].to_owned(),
                    datatype: None,
                    language: random.gen_bool(0.3).then(|| "en".to_owned()),
                },
            },
            graph: random.gen_bool(0.2).then(|| node(random)),
        })
        .collect();
    let named = |iri: &str| NamedNode::new_unchecked(iri);
    let of = |node: &Subject| match node {
        Subject::Iri(iri) => NamedOrBlankNode::from(named(iri)),
        Subject::Blank(n) => BlankNode::new_unchecked(format!("b{n}")).into(),
    };
    let mut dataset = Dataset::new();
    for quad in &quads {
        let object: Term = match &quad.object {
            Object::Node(node) => of(node).into(),
            Object::Literal { text, language: Some(tag), .. } => {
                Literal::new_language_tagged_literal_unchecked(text, tag).into()
            }
            Object::Literal { text, .. } => Literal::new_simple_literal(text).into(),
        };
        let graph: GraphName = match &quad.graph {
            None => GraphName::DefaultGraph,
            Some(node) => of(node).into(),
        };
        let theirs = oxrdf::Quad::new(of(&quad.subject), named(&quad.predicate), object, graph);
        dataset.insert(&theirs);
    }
    (quads, dataset)
}

#[test]
fn vc_t05_datasets_have_the_canonical_form_of_oxrdf() {
    const SEED: u64 = 56;
    println!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    for _ in 0..DATASETS {
        let (quads, theirs) = dataset(&mut random);
        let ours = canonical_quads(&quads).expect("few nodes cost little");
        assert_eq!(ours, by_oxrdf(theirs), "{quads:?}");
    }
}

fn json_value(random: &mut StdRng, depth: usize) -> Value {
    const CHARACTERS: &[char] = &[
        'a',
        'A',
        '0',
        '"',
        '\\',
        '/',
        '\u{0}',
        '\u{7}',
        '\u{8}',
        '\t',
        '\n',
        '\u{b}',
        '\u{c}',
        '\r',
        '\u{1f}',
        ' ',
        '\u{7f}',
        '\u{80}',
        '\u{e9}',
        '\u{2028}',
        '\u{2029}',
        '\u{d7ff}',
        '\u{e000}',
        '\u{fb33}',
        '\u{ffff}',
        '\u{10000}',
        '\u{1f600}',
        '\u{10ffff}',
    ];
    let text = |random: &mut StdRng| -> String {
        let length = random.gen_range(0..5);
        (0..length).map(|_| *CHARACTERS.choose(random).expect("not empty")).collect()
    };
    match random.gen_range(0..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(random.r#gen::<bool>()),
        2 => json!(text(random)),
        3 => json!(random.gen_range(-(1_i64 << 53) + 1..1 << 53)),
        4 => double(f64::from_bits(random.r#gen())),
        5 => {
            let near =
                *[1e21, 1e-6, 1e20, 1e-7, 5e-324, 1.7976931348623157e308, 0.1, 2_f64.powi(53)]
                    .choose(random)
                    .expect("not empty");
            let steps = random.gen_range(0..3);
            double(
                (0..steps).fold(near, |n: f64, _| n.next_down())
                    * [1.0, -1.0][random.gen_range(0..2)],
            )
        }
        6 => (0..random.gen_range(0..4)).map(|_| json_value(random, depth - 1)).collect(),
        _ => {
            let count = random.gen_range(0..5);
            (0..count).map(|_| (text(random), json_value(random, depth - 1))).collect()
        }
    }
}

fn double(number: f64) -> Value {
    if number.is_finite() { json!(number) } else { json!(0) }
}

#[test]
fn vc_t05_canonical_json_is_that_of_canonicalize() {
    let mut scene = Scene::new(57);
    const BATCH: usize = 2_000;
    for _ in 0..VALUES / BATCH {
        let values: Vec<Value> = (0..BATCH).map(|_| json_value(&mut scene.random, 3)).collect();
        let texts: Vec<String> = values.iter().map(Value::to_string).collect();
        let theirs = scene.js.must("jcs", json!({"texts": texts}));
        for (value, theirs) in values.iter().zip(theirs.as_array().expect("a list")) {
            assert_eq!(Some(canonical(value).as_str()), theirs.as_str());
        }
    }
}

/// A token, sometimes as no good writer spells it.
fn token(random: &mut StdRng, key: &SigningKey) -> String {
    let header = ["EdDSA", "EdDSA", "EdDSA", "Ed25519", "none", "HS256", "ES256"].choose(random);
    let mut header = json!({"alg": header, "typ": "JWT"}).to_string();
    let mut payload = json!({"a": random.gen_range(0..9), "b": [true, "x"]}).to_string();
    match random.gen_range(0..12) {
        0 => payload = payload.replacen('{', "{\"a\":0,", 1),
        1 => header = header.replacen('{', "{\"typ\":\"JWT\",", 1),
        2 => payload = "[1]".to_owned(),
        3 => payload = payload.replacen("\"a\"", "\"n\":9007199254740993,\"a\"", 1),
        4 => header = header.replacen('{', "{\"crit\":[\"exp\"],", 1),
        5 => payload = format!(" {payload}\n"),
        6 => payload.push('x'),
        _ => {}
    }
    let spelled = |bytes: &[u8], random: &mut StdRng| match random.gen_range(0..24) {
        0 => URL_SAFE.encode(bytes),
        1 => STANDARD.encode(bytes),
        2 => spare(&URL_SAFE_NO_PAD.encode(bytes)),
        _ => URL_SAFE_NO_PAD.encode(bytes),
    };
    let input =
        format!("{}.{}", spelled(header.as_bytes(), random), spelled(payload.as_bytes(), random));
    let mut signature = key.sign(input.as_bytes()).to_bytes().to_vec();
    match random.gen_range(0..16) {
        0 => signature[random.gen_range(0..64)] ^= 1,
        1 => drop(signature.pop()),
        2 => signature.clear(),
        _ => {}
    }
    let mut token = format!("{input}.{}", spelled(&signature, random));
    match random.gen_range(0..24) {
        0 => token.push('.'),
        1 => token.insert(0, ' '),
        2 => token.push('='),
        _ => {}
    }
    token
}

/// The last character with a bit set that stands for nothing.
fn spare(text: &str) -> String {
    let Some(last) = text.chars().last().filter(|_| !text.len().is_multiple_of(4)) else {
        return text.to_owned();
    };
    let next = char::from_u32(u32::from(last) + 1).expect("ASCII");
    format!("{}{next}", &text[..text.len() - 1])
}

/// Where we are stricter on purpose: RFC 7515 §4.1.11, vc.md S6, S11.
const STRICTER: [&str; 5] =
    ["DUPLICATE_KEY", "NUMBER_RANGE", "HEADER_NOT_ALLOWED", "MALFORMED_TOKEN", "ALG_NOT_ALLOWED"];

#[test]
fn vc_t05_tokens_are_those_that_jsonwebtoken_accepts_but_for_listed_rules() {
    const SEED: u64 = 58;
    println!("seed {SEED}");
    titian_node::rpc::auth::install();
    let mut random = StdRng::seed_from_u64(SEED);
    let signing = SigningKey::from_bytes(&[8; 32]);
    let public = signing.verifying_key().to_bytes();
    let ours = PublicKey::new(key::Algorithm::Ed25519, &public).expect("32 bytes");
    let theirs = DecodingKey::from_ed_der(&public);
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_aud = false;
    let (mut both, mut neither, mut stricter) = (0, 0, 0);
    for _ in 0..TOKENS {
        let token = token(&mut random, &signing);
        let accept = || -> Result<(), &'static str> {
            let read = Jws::parse(&token).map_err(|fault| fault.code)?;
            let (algorithm, signature) = read.check_header("JWT")?;
            if algorithm != ours.algorithm {
                return Err("ALG_NOT_ALLOWED");
            }
            ours.verify(read.signing_input.as_bytes(), &signature)
        };
        let lax = jsonwebtoken::decode::<Value>(&token, &theirs, &rules).is_ok();
        match (accept(), lax) {
            (Ok(()), true) => both += 1,
            (Err(_), false) => neither += 1,
            (Err(code), true) => {
                assert!(STRICTER.contains(&code), "{code}: {token}");
                stricter += 1;
            }
            // RFC 9864 names Ed25519; jsonwebtoken 11 does not know it
            (Ok(()), false) => {
                let read = Jws::parse(&token).expect("we accepted it");
                assert_eq!(read.header["alg"], "Ed25519", "we alone accept {token}");
            }
        }
    }
    println!("both {both}, neither {neither}, stricter {stricter}");
    assert!(both > TOKENS / 10 && neither > TOKENS / 10 && stricter > 0);
}
