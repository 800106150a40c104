//! T16: the functions of the fuzz targets over a seeded corpus: published vectors, shipped examples
//! and issued credentials, each as it is and changed at random. The nightly run goes further
//! (`fuzz/README.md`).

#[path = "../../../fuzz/src/vc.rs"]
mod vc;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use titian_credential::jwt::issue_vc;
use titian_credential::profiles::SHIPPED;
use titian_credential::status;

use super::credential_fixture::{NOW_MS, SANDBOX, self_issued, vector};

/// Changed inputs of each target.
const CASES: usize = 3_000;
/// Longest input.
const BYTES_MAX: usize = 16 * 1_024;

/// What the targets start from.
fn corpus() -> Vec<Vec<u8>> {
    let (credential, key, method) = self_issued(1);
    let token = issue_vc(&credential, &key, &method, NOW_MS / 1_000, SANDBOX).expect("issued");
    let disclosing = include_str!("../../data/vc/sd-jwt/ed25519_dc_sd_jwt.json");
    let disclosing: serde_json::Value = serde_json::from_str(disclosing).expect("JSON");
    let did = method.split('#').next().expect("a DID").to_owned();
    let mut all: Vec<String> = vec![
        String::new(),
        vector()["signed"].to_string(),
        format!("TT1:{}", &token[..64]),
        disclosing["presentation"].as_str().expect("text").to_owned(),
        include_str!("../../data/vc/sd-jwt/json_serialization_flattened.json").to_owned(),
        include_str!("../../data/vc/eddsa/eddsa-rdfc-2022.json").to_owned(),
        status::encode_list(&[0; 16_384]),
        status::token::encode_list(&[7; 1_024]),
        "did:ubin:SG-UEN-199403865N-G7#k1".to_owned(),
        "did:jwk:eyJrdHkiOiJPS1AifQ#0".to_owned(),
        did,
        method,
        token,
        // what coverage-guided runs found
        r#"{"@context":{},"urn:member":{}}"#.to_owned(),
        r#"{"@context":"https://www.w3.org/ns/credentials/v2","urn:member":{}}"#.to_owned(),
        r#"{"@context":{"who":"https://www.w3.org/2018/credentials#issuer"},"who":{}}"#.to_owned(),
    ];
    for shipped in SHIPPED {
        for bytes in [shipped.schema, shipped.context, shipped.example, shipped.definition] {
            all.push(String::from_utf8(bytes.to_vec()).expect("UTF-8"));
        }
    }
    all.into_iter().map(String::into_bytes).collect()
}

/// An input of the corpus, changed at random.
pub(crate) fn changed(corpus: &[Vec<u8>], random: &mut StdRng) -> Vec<u8> {
    const TOKENS: [&[u8]; 12] = [
        b"{",
        b"[",
        b"\"",
        b"\\ud800",
        b"9007199254740993",
        b"1e999",
        b"null",
        b"@context",
        b"~",
        b".",
        b"\xff",
        b"_:",
    ];
    let mut data = corpus.choose(random).expect("not empty").clone();
    for _ in 0..random.gen_range(1..6) {
        let at = random.gen_range(0..=data.len());
        match random.gen_range(0..6) {
            0 if at < data.len() => data[at] ^= 1 << random.gen_range(0..8),
            1 => data.truncate(at),
            2 => {
                drop(data.splice(at..at, TOKENS.choose(random).expect("not empty").iter().copied()))
            }
            3 => {
                let end = random.gen_range(at..=data.len());
                data.drain(at..end);
            }
            4 => {
                let other = corpus.choose(random).expect("not empty");
                let from = random.gen_range(0..=other.len());
                data.extend_from_slice(&other[from..]);
            }
            _ => {
                let end = random.gen_range(at..=data.len());
                let again = data[at..end].to_vec();
                drop(data.splice(at..at, again));
            }
        }
    }
    data.truncate(BYTES_MAX);
    data
}

#[test]
fn vc_t16_no_reader_of_foreign_bytes_panics() {
    const SEED: u64 = 616;
    println!("seed {SEED}");
    let corpus = corpus();
    for (name, target) in vc::TARGETS {
        println!("{name}");
        corpus.iter().for_each(|data| target(data));
        let mut random = StdRng::seed_from_u64(SEED);
        for _ in 0..CASES {
            target(&changed(&corpus, &mut random));
        }
    }
}
