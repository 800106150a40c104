//! Both sides with the same documents at hand.

use ed25519_dalek::{Signer as _, SigningKey};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use titian_contracts::time::rfc3339;
use titian_credential::did::method::did_key;
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::proof::{self, Suite, assertion};
use titian_credential::status::{signed, whole_list};
use titian_credential::verdict::{Policy, Verdict};
use titian_credential::verify::{Request, verify};
use titian_tests::credentials::{Desk, ISSUER, ISSUER_DID, LISTS, METHOD, contexts, strict};
use titian_tests::javascript::Libraries;

/// Credentials of each form that each side issues.
pub const CREDENTIALS: usize = 200;
/// Presentations of each form that each side makes.
pub const PRESENTATIONS: usize = 40;

pub struct Scene {
    pub desk: Desk,
    pub js: Libraries,
    pub random: StdRng,
}

impl Scene {
    /// The issuer's desk, and Node with its contexts, DID document and signed lists.
    pub fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let js = Libraries::start().unwrap_or_else(|missing| panic!("{missing}"));
        let mut scene = Self { desk: Desk::new(), js, random: StdRng::seed_from_u64(seed) };
        let time = scene.now();
        scene.js.must("clock", json!({"time": time}));
        scene.js.must("remember", json!({"documents": contexts()}));
        let documents = json!({ISSUER_DID: scene.desk.did_document()});
        scene.js.must("remember", json!({"documents": documents}));
        scene.serve_lists();
        scene
    }

    /// Gives the other side the lists as they now are, signed.
    pub fn serve_lists(&mut self) {
        let mut documents = json!({});
        for number in 1..=LISTS.len() {
            let id = format!("did:ubin:{ISSUER}/status/{number}");
            documents[id] = self.signed_list(number);
        }
        self.js.must("remember", json!({"documents": documents}));
    }

    /// A list of the issuer in the form its owner serves: a credential, or a token as text.
    pub fn signed_list(&self, number: usize) -> Value {
        let live = self.desk.live();
        let (list, bits) = whole_list(&live, ISSUER, number as u64).expect("a list");
        let id = format!("{ISSUER}/status/{number}");
        let time_ms = self.desk.world.time_ms;
        if LISTS[number - 1].0 == "token" {
            let key = (Algorithm::Ed25519, METHOD);
            let unsigned = signed::token_list(ISSUER, &id, &list, &bits, time_ms, key);
            let unsigned = unsigned.expect("a list of profile token");
            let signature = self.desk.key().sign(unsigned.signing_input.as_bytes()).to_bytes();
            return json!(unsigned.finish(&signature));
        }
        let unsigned = signed::bitstring_credential(ISSUER, &id, &list, &bits, time_ms);
        let options = assertion(Suite::Rdfc, METHOD, "2026-07-01T00:00:00Z");
        proof::issue(&unsigned, &self.desk.key(), options, strict(&live)).expect("issued")
    }

    pub fn now(&self) -> String {
        rfc3339(self.desk.world.time_ms)
    }

    pub fn now_s(&self) -> u64 {
        self.desk.world.time_ms / 1_000
    }

    pub fn seed_hex(&self) -> String {
        hex::encode(self.desk.key().to_bytes())
    }

    /// Our verdict under policy `ledger`.
    pub fn verdict(&self, text: &str) -> Verdict {
        let live = self.desk.live();
        let request = Request::new(Policy::Ledger);
        verify(text.as_bytes(), &request, Some(&live), self.desk.world.time_ms)
    }
}

/// What the other side says to a verification.
pub fn accepted(answer: &Value) -> bool {
    answer["verified"].as_bool().expect("a verdict")
}

/// A holder: key, DID, key id, public JWK.
pub struct Holder {
    pub key: SigningKey,
    pub did: String,
    pub method: String,
    pub jwk: Value,
}

impl Holder {
    pub fn new(seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let public = PublicKey::new(Algorithm::Ed25519, key.verifying_key().as_bytes());
        let public = public.expect("32 bytes");
        let did = did_key(&public);
        let method = format!("{did}#{}", public.multikey());
        Self { jwk: public.to_jwk().expect("Ed25519"), key, did, method }
    }

    pub fn seed_hex(&self) -> String {
        hex::encode(self.key.to_bytes())
    }
}
