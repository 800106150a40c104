//! The documents that are measured.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use serde_json::{Map, Value as Json, json};
use titian_contracts::credential::bits::{CHUNK_BITS, Chunk};
use titian_contracts::credential::{NumberedId, chunk_key};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::proof::Anchor;
use titian_contracts::state::{Stored, encode_content};
use titian_contracts::time::{DAY_MS, rfc3339};
use titian_credential::bundle::make::{Frame, Scope, bundle, keys};
use titian_credential::bundle::{TrustAnchor, read};
use titian_credential::did::method::did_key;
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::proof::{self, Suite, assertion};
use titian_credential::sd_jwt::issue::{bind, issue};
use titian_credential::snapshot::Live;
use titian_credential::status::{self, Reference, check_on_ledger};
use titian_credential::verdict::Policy;
use titian_credential::verify::Request;
use titian_credential::{jwt, snapshot};
use titian_tests::certify::prove;
use titian_tests::credentials::{
    Desk, ENTRIES, ISSUER, ISSUER_DID, METHOD, json_of, shipped, strict,
};

pub(super) const NONCE: &str = "n-7f3a91";
pub(super) const AUDIENCE: &str = "did:ubin:SG:PEB";
/// Share of set bits in the list that is decoded: one in so many.
const SET_ONE_IN: u64 = 100;
/// Lists of a million entries in the bundle, filled at random.
const FULL_LISTS: u64 = 6;
const FULL_LIST_ENTRIES: u64 = 1_048_576;

/// One issuer who is its own key, its credential in every form, and what else is measured.
pub(super) struct Documents {
    pub desk: Desk,
    pub key: SigningKey,
    pub holder: SigningKey,
    pub method: String,
    pub now: String,
    pub unsigned: Json,
    pub claims: Map<String, Json>,
    pub jcs: String,
    pub rdfc: String,
    pub jwt: String,
    pub sd_jwt: String,
    /// A `vc+jwt` of an accredited issuer, with two status entries.
    pub registered: String,
    pub list: String,
    bundle: String,
    anchor: Anchor,
    message: [u8; 64],
    signature: Signature,
    verifying: VerifyingKey,
    salts: AtomicU64,
}

/// What the holder may keep back.
pub(super) const DISCLOSED: [&str; 5] =
    ["given_name", "family_name", "registration_number", "level", "awarded_on"];

impl Documents {
    pub(super) fn new() -> Self {
        let desk = Desk::new();
        let key = SigningKey::from_bytes(&[3; 32]);
        let public = PublicKey::new(Algorithm::Ed25519, key.verifying_key().as_bytes());
        let public = public.expect("32 bytes");
        let did = did_key(&public);
        let method = format!("{did}#{}", public.multikey());
        let now = rfc3339(desk.world.time_ms);
        let mut unsigned = json_of(shipped("aeo-authorisation").example);
        let registered = registered(&desk, unsigned.clone());
        unsigned["issuer"] = json!(did);
        unsigned["validFrom"] = json!(now);
        let members = unsigned.as_object_mut().expect("an object");
        members.remove("credentialStatus");
        members.remove("credentialSchema");
        let holder = SigningKey::from_bytes(&[4; 32]);
        let claims = claims(&did, &holder, desk.world.time_ms / 1_000);
        let message = [7; 64];
        let bits: Vec<u64> = (0..ENTRIES).step_by(SET_ONE_IN as usize).collect();
        let mut list = vec![0_u8; (ENTRIES / 8) as usize];
        let mut random = StdRng::seed_from_u64(1);
        for bit in bits {
            let bit = bit + random.next_u64() % SET_ONE_IN;
            list[(bit / 8) as usize % (ENTRIES / 8) as usize] |= 0x80 >> (bit % 8);
        }
        let (bundle, anchor) = full_bundle(&mut random);
        let mut documents = Self {
            signature: key.sign(&message),
            verifying: key.verifying_key(),
            list: status::encode_list(&list),
            jcs: String::new(),
            rdfc: String::new(),
            jwt: String::new(),
            sd_jwt: String::new(),
            salts: AtomicU64::new(0),
            message,
            desk,
            key,
            holder,
            method,
            now,
            unsigned,
            claims,
            registered,
            bundle,
            anchor,
        };
        documents.jcs = documents.embedded(Suite::Jcs);
        documents.rdfc = documents.embedded(Suite::Rdfc);
        documents.jwt = documents.token();
        let (time_s, token) = (documents.desk.world.time_ms / 1_000, documents.disclosing());
        documents.sd_jwt = bind(&token, &documents.holder, NONCE, AUDIENCE, time_s).expect("bound");
        documents
    }

    /// What the figures hold for.
    pub(super) fn note(&self) -> String {
        format!(
            "Credentials: eddsa-jcs-2022 {} bytes, vc+jwt {}, SD-JWT with key binding {} ({} \
             disclosures), status list of {ENTRIES} entries, one in {SET_ONE_IN} set, {} bytes; trust \
             bundle {} bytes.",
            self.jcs.len(),
            self.jwt.len(),
            self.sd_jwt.len(),
            DISCLOSED.len(),
            self.list.len(),
            self.bundle.len(),
        )
    }

    fn embedded(&self, suite: Suite) -> String {
        let live = self.desk.live();
        let options = assertion(suite, &self.method, &self.now);
        let issued = proof::issue(&self.unsigned, &self.key, options, strict(&live));
        issued.expect("issued").to_string()
    }

    fn token(&self) -> String {
        let live = self.desk.live();
        let time_s = self.desk.world.time_ms / 1_000;
        jwt::issue_vc(&self.unsigned, &self.key, &self.method, time_s, strict(&live))
            .expect("issued")
    }

    fn disclosing(&self) -> String {
        let pointers = DISCLOSED.map(|name| format!("/{name}"));
        let pointers = pointers.each_ref().map(String::as_str);
        // fresh, and cheap: the source of randomness is not what is measured
        let mut random = || {
            let mut bytes = [0_u8; 32];
            let count = self.salts.fetch_add(1, Ordering::Relaxed);
            bytes[..8].copy_from_slice(&count.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
            bytes
        };
        issue(&self.claims, &pointers, &self.key, &self.method, &mut random).expect("issued")
    }

    pub(super) fn binding_request(&self) -> Request {
        Request {
            challenge: Some(NONCE.to_owned()),
            domain: Some(AUDIENCE.to_owned()),
            ..Request::new(Policy::W3c)
        }
    }

    pub(super) fn verify_signature(&self) {
        self.verifying.verify_strict(&self.message, &self.signature).expect("a signature");
    }

    pub(super) fn issue_jcs(&self) {
        std::hint::black_box(self.embedded(Suite::Jcs));
    }

    pub(super) fn issue_rdfc(&self) {
        std::hint::black_box(self.embedded(Suite::Rdfc));
    }

    pub(super) fn issue_jwt(&self) {
        std::hint::black_box(self.token());
    }

    pub(super) fn issue_sd_jwt(&self) {
        std::hint::black_box(self.disclosing());
    }

    pub(super) fn decode_list(&self) {
        let list = status::decode_list(&self.list).expect("a list");
        std::hint::black_box(status::entry_of(&list, 1, 84_213).expect("in range"));
    }

    pub(super) fn status_of_chunk(&self, live: &Live<'_>) {
        let reference = Reference {
            token: false,
            list: format!("{ISSUER_DID}/status/1"),
            index: 84_213,
            purpose: "revocation".to_owned(),
            size: Some(1),
        };
        let id = NumberedId::parse(&format!("{ISSUER}/status/1"), "status").expect("an id");
        assert_eq!(check_on_ledger(&reference, &id, ISSUER_DID, live), None);
    }

    /// Writes what a verdict without a node needs into a folder; gives the arguments of `titian`.
    pub(super) fn offline_files(&self, folder: &Path) -> std::io::Result<Vec<String>> {
        let write = |name: &str, bytes: &[u8]| -> std::io::Result<String> {
            let path = folder.join(name);
            std::fs::write(&path, bytes)?;
            Ok(path.display().to_string())
        };
        let credential = write("aeo.jwt", self.registered.as_bytes())?;
        let bundle = write("trust.ttb", bundle_of(&self.desk).0.as_bytes())?;
        let genesis = write("genesis.json", &self.desk.world.genesis.to_bytes())?;
        // the world of the bench stands at a fixed date
        let age = ["--max-age", "3153600000", "--json"].map(str::to_owned);
        let named = ["verify", &credential, "--offline", &bundle, "--genesis", &genesis];
        Ok(named.map(str::to_owned).into_iter().chain(age).collect())
    }

    pub(super) fn read_bundle(&self) {
        let trust = TrustAnchor {
            anchor: &self.anchor,
            sandbox: self.desk.world.genesis.sandbox,
            trusted_height: 0,
        };
        let bundle = read(self.bundle.as_bytes(), trust).expect("a bundle");
        assert_eq!(snapshot::Snapshot::trust(&bundle).proof_code, "OK");
    }
}

/// The example as a `vc+jwt` of the accredited issuer.
fn registered(desk: &Desk, mut credential: Json) -> String {
    credential["issuer"] = json!(ISSUER_DID);
    credential["validFrom"] = json!(rfc3339(desk.world.time_ms));
    // long enough for the clock of the command line
    credential["validUntil"] = json!(rfc3339(desk.world.time_ms + 1_000 * DAY_MS));
    for (number, entry) in (1..).zip(credential["credentialStatus"].as_array_mut().expect("a list"))
    {
        let list = format!("{ISSUER_DID}/status/{number}");
        entry["id"] = json!(format!("{list}#84213"));
        entry["statusListCredential"] = json!(list);
    }
    let live = desk.live();
    let time_s = desk.world.time_ms / 1_000;
    jwt::issue_vc(&credential, &desk.key(), METHOD, time_s, strict(&live)).expect("issued")
}

/// The example qualification, self-issued and without status.
fn claims(did: &str, holder: &SigningKey, now_s: u64) -> Map<String, Json> {
    let public = PublicKey::new(Algorithm::Ed25519, holder.verifying_key().as_bytes());
    let jwk = public.and_then(|key| key.to_jwk()).expect("Ed25519");
    let mut claims = json_of(shipped("professional-qualification").example);
    claims["iss"] = json!(did);
    claims["iat"] = json!(now_s);
    claims["nbf"] = json!(now_s);
    claims["exp"] = json!(now_s + 86_400);
    claims["cnf"] = json!({"jwk": jwk});
    let mut claims = claims.as_object().cloned().expect("an object");
    claims.remove("status");
    claims
}

/// A bundle of about a mebibyte: large lists whose chunks cannot be compressed.
fn full_bundle(random: &mut StdRng) -> (String, Anchor) {
    let mut desk = Desk::new();
    let first = titian_tests::credentials::LISTS.len() as u64 + 1;
    for number in first..first + FULL_LISTS {
        let args = Value::object([
            ("owner", Value::from(ISSUER)),
            ("n", Value::from(number)),
            ("profile", Value::from("revocation")),
            ("types", Value::List(vec![Value::from("MCCAdoption")])),
            ("statusSize", Value::Int(1)),
            ("entries", Value::from(FULL_LIST_ENTRIES)),
            ("untilMs", Value::Int(1_900_000_000_000)),
        ]);
        let made = desk.world.act(Register::Vc, "list_create", args, &[(ISSUER, 1)]);
        assert!(made.is_ok(), "{made:?}");
        for c in 0..FULL_LIST_ENTRIES / CHUNK_BITS {
            let mut chunk = Chunk::zero();
            random.fill_bytes(&mut chunk.bytes);
            let content = encode_content(&chunk);
            let stored = Stored { content, ..sample(&desk) };
            desk.world.state.0.insert(chunk_key(ISSUER, number, c), stored);
        }
    }
    bundle_of(&desk)
}

/// The bundle of the issuer with all its lists, and what it is judged against.
fn bundle_of(desk: &Desk) -> (String, Anchor) {
    let scope = Scope {
        issuers: vec![ISSUER.to_owned()],
        types: Vec::new(),
        jurisdictions: Vec::new(),
        lists: true,
        anchors: Vec::new(),
    };
    let world = &desk.world;
    let (entries, evidence) = prove(world, &keys(&world.state, &scope));
    let frame = Frame {
        height: world.height,
        genesis: world.genesis.hash,
        sandbox: world.genesis.sandbox,
        scope: &scope,
    };
    let anchor = Anchor {
        chain: world.genesis.chain.clone(),
        genesis: world.genesis.hash,
        validators: world.genesis.validators.clone(),
    };
    (bundle(frame, &entries, &evidence), anchor)
}

/// A stored value of the present height.
fn sample(desk: &Desk) -> Stored {
    let key = titian_contracts::credential::list_key(ISSUER, 1);
    desk.world.state.0.get(&key).cloned().expect("the first list")
}
