//! QR payloads: every type in every form comes back as the very bytes that were signed; parts in
//! any order; what is missing, foreign or damaged is refused.

use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};
use titian_credential::contexts::Contexts;
use titian_credential::json::canonical;
use titian_credential::profiles::{SHIPPED, ShippedType};
use titian_credential::proof::{self, Suite, assertion};
use titian_credential::qr::{
    BYTES_MAX, Content, PART_CHARS_MAX, PARTS_MAX, Parts, QrError, SYMBOL_CHARS_MAX,
    is_holder_bound, nonce_text, read, read_all, read_nonce,
};
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::Request;
use titian_credential::{jwt, sd_jwt};

use super::credential_fixture::{fails_with, issued, ledger_verdict, live, verdict_of_text};
use super::credential_scene::{Scene, cases};

const CREATED: &str = "2026-07-02T00:00:00Z";
const METHOD: &str = "did:ubin:SG#k1";

/// The example of a type, signed in every form it travels in.
fn signed(scene: &Scene, shipped: &ShippedType) -> Vec<String> {
    let example: Json = serde_json::from_slice(shipped.example).expect("JSON");
    let key = scene.world.key("SG", 1);
    if shipped.vct.is_some() {
        let claims = example.as_object().expect("an object");
        let mut n = 0_u8;
        let mut random = || {
            n = n.wrapping_add(1);
            [n; 32]
        };
        let hidden = ["/given_name", "/family_name"];
        let text = sd_jwt::issue::issue(claims, &hidden, &key, METHOD, &mut random);
        let text = text.expect("the example is sound");
        let bound = sd_jwt::issue::bind(&text, &key, "nonce-1234", "did:ubin:SG", 1_782_950_400);
        return vec![text, bound.expect("bound")];
    }
    let live = live(scene);
    let contexts = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let embedded = |suite| {
        let options = assertion(suite, METHOD, CREATED);
        canonical(&proof::issue(&example, &key, options, contexts).expect("sound"))
    };
    let token = jwt::issue_vc(&example, &key, METHOD, 1_782_950_400, contexts).expect("sound");
    vec![embedded(Suite::Jcs), embedded(Suite::Rdfc), token]
}

fn content(text: &str) -> Content {
    Content::of_credential(text.as_bytes()).expect("a known form")
}

fn symbols(text: &str) -> Vec<String> {
    content(text).to_symbols().expect("it fits")
}

/// An embedded document of about `bytes` bytes that no compression makes small.
fn large(bytes: usize) -> String {
    let mut state = 7_u64;
    let noise: String = (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'0' + (state >> 58) as u8)
        })
        .collect();
    canonical(&json!({"@context": ["https://www.w3.org/ns/credentials/v2"], "noise": noise}))
}

#[test]
fn t11_every_type_in_every_form_comes_back_from_its_code_byte_by_byte() {
    let scene = Scene::bare();
    let mut forms = 0;
    for shipped in SHIPPED {
        for text in signed(&scene, shipped) {
            let symbols = symbols(&text);
            let back = read_all(symbols.iter().map(String::as_str));
            assert_eq!(back, Ok(Content::Credential(text.clone())), "{}", shipped.slug);
            for symbol in &symbols {
                let limit = if symbols.len() == 1 { SYMBOL_CHARS_MAX } else { PART_CHARS_MAX };
                assert!(symbol.len() <= limit, "{}", symbol.len());
                let alphanumeric = |b: u8| {
                    b.is_ascii_digit() || b.is_ascii_uppercase() || b" $%*+-./:".contains(&b)
                };
                assert!(symbol.bytes().all(alphanumeric), "{symbol}");
            }
            // one symbol however large, as text
            assert_eq!(read(&content(&text).to_text().expect("fits")), back);
            forms += 1;
        }
    }
    assert_eq!(forms, 7 * 3 + 2 * 2);
}

#[test]
fn t11_a_code_is_judged_as_what_it_holds() {
    let scene = Scene::new();
    let credential = issued(&scene, 1);
    let direct = ledger_verdict(&scene, &credential);
    let payload = content(&canonical(&credential)).to_text().expect("fits");
    let request = Request::new(Policy::Ledger);
    let scanned = verdict_of_text(&scene, &payload, &request);
    assert!(direct.verified(), "{}", direct.to_jcs());
    assert_eq!(scanned.to_jcs(), direct.to_jcs());
    for broken in ["TT1:", "TT1:::", "TT1:abc", "TTP1:00000000/1/2:AB"] {
        let verdict = verdict_of_text(&scene, broken, &request);
        fails_with(&verdict, Check::Syntax, "MALFORMED_TOKEN");
    }
}

#[test]
fn t11_an_envelope_and_other_spacing_come_back_as_what_was_signed() {
    let scene = Scene::bare();
    let [jcs, _, token] = &signed(&scene, &SHIPPED[2])[..] else { panic!("three forms") };
    let spaced = serde_json::to_string_pretty(&serde_json::from_str::<Json>(jcs).expect("JSON"));
    assert_eq!(content(&spaced.expect("JSON")), Content::Credential(jcs.clone()));
    let envelope = json!({
        "@context": "https://www.w3.org/ns/credentials/v2",
        "id": format!("data:application/vc+jwt,{token}"), "type": "EnvelopedVerifiableCredential",
    });
    assert_eq!(content(&envelope.to_string()), Content::Credential(token.clone()));
    assert_eq!(
        Content::of_credential(b"[]").map(|_| ()).map_err(|e| e.code()),
        Err("MALFORMED_TOKEN")
    );
}

#[test]
fn t11_parts_come_in_any_order_and_none_may_miss_or_be_foreign() {
    let text = large(6_000);
    let parts = symbols(&text);
    assert!(parts.len() > 3, "{}", parts.len());
    let whole = Ok(Content::Credential(text));
    let shown = |order: &[usize]| read_all(order.iter().map(|i| parts[*i].as_str()));
    let mut order: Vec<usize> = (0..parts.len()).collect();
    assert_eq!(shown(&order), whole);
    order.reverse();
    assert_eq!(shown(&order), whole);
    order.swap(0, 2);
    order.push(order[1]);
    assert_eq!(shown(&order), whole, "shuffled, one twice");
    for left_out in 0..parts.len() {
        let fewer: Vec<usize> = (0..parts.len()).filter(|i| *i != left_out).collect();
        assert_eq!(shown(&fewer), Err(QrError::Missing(vec![left_out + 1])));
    }
    assert_eq!(read_all([]), Err(QrError::Missing(vec![1])));
    // of another credential with as many parts: the gathered ones stay as they are
    let other = symbols(&large(6_001));
    assert_eq!(other.len(), parts.len());
    let mut gathered = Parts::default();
    gathered.add(&parts[0]).expect("the first");
    assert_eq!(gathered.add(&other[1]), Err(QrError::Foreign));
    for part in parts.iter().skip(1) {
        gathered.add(part).expect("the others");
    }
    assert_eq!(gathered.finish(), whole);
    // one that claims to belong
    let head = |text: &str| text.splitn(3, ':').take(2).collect::<Vec<_>>().join(":");
    let forged = format!("{}:{}", head(&parts[1]), other[1].splitn(3, ':').nth(2).expect("a body"));
    let mixed: Vec<&str> = parts
        .iter()
        .enumerate()
        .map(|(i, part)| if i == 1 { &forged } else { part }.as_str())
        .collect();
    assert_eq!(read_all(mixed), Err(QrError::IdMismatch));
}

#[test]
fn t12_payloads_stop_at_their_limits() {
    // sixteen parts hold what is left of about ten kilobytes of noise
    let parts = symbols(&large(13_000));
    assert!((14..=PARTS_MAX).contains(&parts.len()), "{}", parts.len());
    assert_eq!(content(&large(20_000)).to_symbols(), Err(QrError::TooLarge));
    // inflated: at the limit and one beyond
    let document = |bytes: usize| {
        let frame = r#"{"a":""}"#.len();
        Content::Credential(format!(r#"{{"a":"{}"}}"#, "x".repeat(bytes - frame)))
    };
    // form byte and three bytes of length stand before the document
    let fitting = document(BYTES_MAX - 4);
    assert_eq!(read(&fitting.to_text().expect("fits")), Ok(fitting.clone()));
    assert_eq!(fitting.to_symbols().expect("fits").len(), 1);
    assert_eq!(document(BYTES_MAX - 3).to_text(), Err(QrError::TooLarge));
    // a bomb: a megabyte of zeros in one symbol
    let bomb = titian_bomb(1_000_000);
    assert!(bomb.len() < SYMBOL_CHARS_MAX * 2, "{}", bomb.len());
    assert_eq!(read(&bomb), Err(QrError::TooLarge));
    assert_eq!(read(&format!("TT1:{}", "0".repeat(200_000))), Err(QrError::TooLarge));
    let mut parts = Parts::default();
    let long = format!("TTP1:00000000/1/2:{}", "0".repeat(PART_CHARS_MAX));
    assert_eq!(parts.add(&long), Err(QrError::TooLarge));
    for head in [
        "0000000/1/2",
        "0000000g/1/2",
        "abcdef00/1/2",
        "00000000/0/2",
        "00000000/3/2",
        "00000000/1/17",
        "00000000/01/2",
        "00000000/1/2/3",
        "00000000/1",
    ] {
        let refused = parts.add(&format!("TTP1:{head}:AB"));
        assert!(matches!(refused, Err(QrError::Malformed(_))), "{head}: {refused:?}");
    }
    assert_eq!(parts, Parts::default());
}

fn titian_bomb(zeros: usize) -> String {
    use std::io::Write as _;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; zeros]).expect("memory");
    format!("TT1:{}", base45(&encoder.finish().expect("memory")))
}

/// RFC 9285, written again for the test.
fn base45(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    let mut out = String::new();
    for pair in bytes.chunks(2) {
        let mut value = pair.iter().fold(0, |sum, byte| sum * 256 + usize::from(*byte));
        for _ in 0..=pair.len() {
            out.push(char::from(DIGITS[value % 45]));
            value /= 45;
        }
    }
    out
}

#[test]
fn t11_the_layout_of_a_payload_is_the_documented_one() {
    use std::io::Read as _;
    let body = |text: &str| -> Vec<u8> {
        // decoding by trial: the writer above is the oracle
        let symbol = content(text).to_text().expect("fits");
        let encoded = symbol.strip_prefix("TT1:").expect("whole").as_bytes();
        let digit = |b: u8| {
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
                .iter()
                .position(|d| *d == b)
                .expect("base45")
        };
        let bytes: Vec<u8> = encoded
            .chunks(3)
            .flat_map(|group| {
                let value = group.iter().rev().fold(0, |sum, b| sum * 45 + digit(*b));
                if group.len() == 3 {
                    vec![(value / 256) as u8, (value % 256) as u8]
                } else {
                    vec![value as u8]
                }
            })
            .collect();
        assert_eq!(base45(&bytes).as_bytes(), encoded);
        let mut out = Vec::new();
        flate2::read::DeflateDecoder::new(&bytes[..]).read_to_end(&mut out).expect("DEFLATE");
        out
    };
    let document = r#"{"a":1}"#;
    assert_eq!(body(document), [&[3, 7][..], document.as_bytes()].concat());
    let token = "eyJhbGciOiJFZERTQSJ9.eyJhIjoxfQ.AAEC";
    let expected =
        [&[1, 15][..], br#"{"alg":"EdDSA"}"#, &[7], br#"{"a":1}"#, &[3, 0, 1, 2]].concat();
    assert_eq!(body(token), expected);
    let disclosing = format!("{token}~WyJzIiwxXQ~{token}");
    let mut expected = expected;
    expected[0] = 2;
    let tail: Vec<u8> = expected[1..].to_vec();
    let whole = [&expected[..], &[1, 7], br#"["s",1]"#, &tail].concat();
    assert_eq!(body(&disclosing), whole);
}

#[test]
fn t11_a_code_says_whether_it_is_bound_to_its_holder() {
    let scene = Scene::bare();
    let mandate = SHIPPED.iter().find(|s| s.slug == "authorised-representative").expect("there");
    let [bare, bound] = &signed(&scene, mandate)[..] else { panic!("two") };
    assert!(!is_holder_bound(bare) && is_holder_bound(bound));
    assert!(!is_holder_bound(&signed(&scene, &SHIPPED[2])[0]));
    let presentation = json!({"@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"], "verifiableCredential": []});
    assert!(is_holder_bound(&presentation.to_string()));
    assert!(!is_holder_bound("nonsense"));
}

#[test]
fn t11_a_verifier_shows_its_nonce_as_a_code() {
    let text = nonce_text("n-7f3a91ab", "did:ubin:SG:PEB").expect("sound");
    assert_eq!(text, "TTN1:n-7f3a91ab:did:ubin:SG:PEB");
    assert_eq!(read_nonce(&text), Some(("n-7f3a91ab", "did:ubin:SG:PEB")));
    for (nonce, audience) in [
        ("short", "a"),
        ("n 7f3a91ab", "a"),
        ("n:7f3a91ab", "a"),
        ("n-7f3a91ab", ""),
        ("n-7f3a91ab", "a b"),
        (&"n".repeat(129), "a"),
        ("n-7f3a91ab", &"a".repeat(513)),
    ] {
        // a colon in the nonce would move the audience
        let read = nonce_text(nonce, audience)
            .and_then(|t| read_nonce(&t).map(|(n, a)| (n.to_owned(), a.to_owned())));
        assert!(read.is_none(), "{nonce} {audience}");
    }
    assert_eq!(read_nonce("TT1:abc"), None);
}

#[test]
fn t11_evidence_packs_travel_as_gzip() {
    let pack = br#"{"titianProof":1,"kind":"vc-evidence"}"#;
    let content = Content::of_evidence(pack);
    let symbols = content.to_symbols().expect("small");
    let Ok(Content::Evidence(bytes)) = read(&symbols[0]) else { panic!("a pack") };
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut plain)
        .expect("gzip");
    assert_eq!(plain, pack);
    assert_eq!(Content::of_evidence(&bytes), content, "gzip stays as it is");
}

proptest! {
    #![proptest_config(cases(256))]

    /// What is read back is what was written; what is read from a damaged symbol has a payload of
    /// its own, which reads as the same.
    #[test]
    fn t11_a_payload_reads_as_what_was_written_and_a_damaged_one_as_itself(
        claims in prop::collection::vec(("[a-z]{1,8}", "[ -~]{0,40}"), 0..8),
        at in any::<prop::sample::Index>(),
        with in "[0-9A-Z $%*+./:-]",
    ) {
        let members: Map<String, Json> =
            claims.into_iter().map(|(name, value)| (name, json!(value))).collect();
        let text = canonical(&Json::Object(members));
        let symbol = content(&text).to_text().expect("fits");
        prop_assert_eq!(read(&symbol), Ok(Content::Credential(text)));
        let mut bytes = symbol.into_bytes();
        let at = 4 + at.index(bytes.len() - 4);
        bytes[at] = with.as_bytes()[0];
        let changed = String::from_utf8(bytes).expect("ASCII");
        if let Ok(found) = read(&changed) {
            prop_assert_eq!(read(&found.to_text().expect("fits")), Ok(found));
        }
    }

    #[test]
    fn t16_any_text_is_read_or_refused(body in "[ -~]{0,400}", part in "[0-9A-F]{8}/[0-9]{1,2}/[0-9]{1,2}:[ -~]{0,90}") {
        let _ = read(&body);
        let _ = read(&format!("TT1:{body}"));
        let _ = read_all([format!("TTP1:{part}").as_str()]);
        let _ = read_nonce(&format!("TTN1:{body}"));
    }
}
