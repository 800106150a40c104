//! The issuing side of a node: an authority of the ledger and an issuer that is not on it, both
//! served over real sockets with real databases.

mod custody;
mod forms;
mod ledger;
mod rest;
mod tls;
mod tokens;

use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value as Json, json};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::time::rfc3339;
use titian_credential::did::method::did_key;
use titian_credential::key::{Algorithm, PublicKey};
use titian_node::issuing::Issuing;
use titian_node::issuing::settings::{IssuerSettings, TypeSettings};
use titian_node::ledger::Ledger;
use titian_node::rpc::Config;
use titian_node::rpc::auth::{AccessClaims, access_token};
use titian_node::signer::keystore::NodeKey;
use titian_tests::http::{Answer, call_with, request};
use titian_tests::served::{Served, TOKEN_SEED, now_ms};
use titian_tests::world::World;

pub const CUSTOMS: &str = "did:ubin:SG:CUSTOMS";
const DAY_MS: u64 = 86_400_000;
const LAB_SEED: [u8; 32] = [31; 32];
const AEO: &str =
    include_str!("../../../../contracts/profiles/credential/aeo-authorisation/1/example.json");
const ORIGIN: &str =
    include_str!("../../../../contracts/profiles/credential/certificate-of-origin/1/example.json");
const MANDATE: &str = include_str!(
    "../../../../contracts/profiles/credential/authorised-representative/1/example.json"
);

/// A node that issues for `SG:CUSTOMS` (instance `customs`) and for a did:key (`lab`).
pub struct Office {
    pub served: Served,
}

fn key_file(folder: &Path, name: &str, seed: &[u8; 32]) -> PathBuf {
    use std::io::Write as _;
    let path = folder.join(name);
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
    let file = file.as_mut().expect("the key file opens");
    file.write_all(hex::encode(seed).as_bytes()).expect("it is written");
    path
}

pub fn lab_did() -> String {
    let key = ed25519_dalek::SigningKey::from_bytes(&LAB_SEED).verifying_key().to_bytes();
    did_key(&PublicKey::new(Algorithm::Ed25519, &key).expect("a key"))
}

fn kind(name: &str) -> TypeSettings {
    TypeSettings {
        name: name.to_owned(),
        purpose: "trade facilitation".to_owned(),
        legal_basis: "Customs Act".to_owned(),
        retention_days: 30,
    }
}

fn texts(list: &[&str]) -> Value {
    Value::List(list.iter().map(|text| Value::from(*text)).collect())
}

/// Signs an act and commits it as a block.
pub fn act(served: &Served, register: Register, name: &str, args: Value, signers: &[(&str, u64)]) {
    let op = served.world.sign(&served.world.op(register, name, args), signers);
    let bytes = World::transaction(&op);
    let id = titian_contracts::transaction::TransactionId::of(&bytes);
    served.blocks.commit(vec![bytes]);
    let receipt = served.blocks.ledger.receipt(&id).expect("it is in the block");
    assert_eq!(receipt.error, None, "{name}");
}

fn list(n: u64, profile: &str, types: &[&str]) -> Value {
    let size = if ["use", "token"].contains(&profile) { 2u64 } else { 1 };
    Value::object([
        ("owner", Value::from("SG:CUSTOMS")),
        ("n", Value::from(n)),
        ("profile", Value::from(profile)),
        ("types", texts(types)),
        ("statusSize", Value::from(size)),
        ("entries", Value::from(131_072u64)),
        ("untilMs", Value::from(now_ms() + 1_000 * DAY_MS)),
    ])
}

/// `SG:CUSTOMS` with key k1, accredited for three types, with lists 1 revocation, 2 suspension,
/// 3 token, 4 use.
fn authority(served: &mut Served, seed: [u8; 32]) {
    served.world.add_key("SG:CUSTOMS", 1, seed);
    let key = served.world.new_key("SG:CUSTOMS", seed, &["invoke", "assert"], &["vc.*"], 1);
    let root: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];
    let create = Value::object([
        ("party", Value::from("SG:CUSTOMS")),
        ("version", Value::Int(0)),
        ("scopes", texts(&["vc.*"])),
        ("policy", Value::object([("r1", Value::Int(1)), ("r2", Value::Int(2))])),
        ("keys", Value::List(vec![key])),
        ("services", Value::List(Vec::new())),
        ("alsoKnownAs", Value::List(Vec::new())),
    ]);
    act(served, Register::Access, "authority_create", create, root);
    let types = ["AEOAuthorisation", "AuthorisedRepresentative", "CertificateOfOrigin"];
    let grant = Value::object([
        ("grantee", Value::from("SG:CUSTOMS")),
        ("n", Value::Int(1)),
        ("parent", Value::from("SG")),
        ("rights", texts(&["issue", "use"])),
        ("issuerClass", Value::from("customs")),
        ("types", texts(&types)),
        ("jurisdictions", texts(&["SG"])),
        ("depth", Value::Int(0)),
        ("fromMs", Value::Int(1_700_000_000_000)),
        ("untilMs", Value::from(now_ms() + 3_000 * DAY_MS)),
    ]);
    act(served, Register::Vc, "accreditation_grant", grant, root);
    let profiles = [(1, "revocation"), (2, "suspension"), (3, "token"), (4, "use")];
    for (n, profile) in profiles {
        act(served, Register::Vc, "list_create", list(n, profile, &types), &[("SG:CUSTOMS", 1)]);
    }
}

impl Office {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut world = World::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ledger = Ledger::open(&folder.path().join("ledger"), world.genesis.clone());
        let ledger = ledger.expect("a fresh ledger");
        let seed = world.fresh_seed();
        let settings = vec![
            IssuerSettings {
                name: "customs".to_owned(),
                did: CUSTOMS.to_owned(),
                key: "k1".to_owned(),
                key_file: key_file(folder.path(), "customs.key", &seed),
                form: "eddsa-jcs-2022".to_owned(),
                policy: "ledger".to_owned(),
                types: vec![
                    kind("AEOAuthorisation"),
                    kind("AuthorisedRepresentative"),
                    kind("CertificateOfOrigin"),
                ],
                ..IssuerSettings::default()
            },
            IssuerSettings {
                name: "lab".to_owned(),
                did: lab_did(),
                key_file: key_file(folder.path(), "lab.key", &LAB_SEED),
                form: "vc+jwt".to_owned(),
                policy: "w3c".to_owned(),
                types: vec![kind("*")],
                ..IssuerSettings::default()
            },
        ];
        assert_eq!(titian_node::issuing::settings::problems(&settings), Vec::<String>::new());
        let chain = world.genesis.chain.clone();
        let issuing = Issuing::open(&settings, folder.path(), &[5; 32], &chain, "");
        let issuing = Some(Arc::new(issuing.expect("keys and databases open")));
        let mut served = Served::issuing_over(world, ledger, folder, issuing, change).await;
        authority(&mut served, seed);
        served.blocks.commit(Vec::new());
        Self { served }
    }

    pub fn address(&self) -> SocketAddr {
        self.served.address
    }

    /// `Bearer …` for scopes and issuers, good now.
    pub fn bearer(&self, scopes: &[&str], issuers: &[&str]) -> String {
        let now_s = now_ms() / 1_000;
        let claims = AccessClaims {
            aud: self.served.world.genesis.chain.clone(),
            iat: now_s,
            exp: now_s + 600,
            scope: scopes.join(" "),
            issuers: issuers.iter().map(|did| (*did).to_owned()).collect(),
            parties: Vec::new(),
            sub: "gateway".to_owned(),
        };
        let key = NodeKey::from_seed(&TOKEN_SEED);
        format!("Bearer {}", access_token(&key, &claims).expect("a token"))
    }

    /// A token for everything.
    pub fn officer(&self) -> String {
        let scopes = ["vc:issue", "vc:status", "vc:use", "vc:custody"];
        self.bearer(&scopes, &[CUSTOMS, &lab_did()])
    }

    /// Calls a method with a token; the whole answer.
    pub async fn call(&self, bearer: &str, method: &str, params: Json) -> Json {
        call_with(self.address(), method, params, &[("authorization", bearer)]).await
    }

    /// The result of a method that must succeed.
    pub async fn done(&self, method: &str, params: Json) -> Json {
        let answer = self.call(&self.officer(), method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The name of the error of a method that must fail.
    pub async fn refused(&self, method: &str, params: Json) -> String {
        let answer = self.call(&self.officer(), method, params).await;
        answer["error"]["data"]["name"].as_str().unwrap_or("no error").to_owned()
    }

    /// An HTTP request; `bearer` may be empty.
    pub async fn http(&self, bearer: &str, method: &str, path: &str, body: &Json) -> Answer {
        let mut headers = vec![("content-type", "application/json")];
        if !bearer.is_empty() {
            headers.push(("authorization", bearer));
        }
        let text = if body.is_null() { String::new() } else { body.to_string() };
        request(self.address(), method, path, &headers, text.as_bytes()).await
    }
}

/// An AEO credential of today, without status, under `id`.
pub fn aeo(id: &str) -> Json {
    dated(AEO, id, 300)
}

/// A certificate of origin of today by SG:CUSTOMS.
pub fn origin(id: &str) -> Json {
    let mut credential = dated(ORIGIN, id, 300);
    credential["issuer"] = json!(CUSTOMS);
    credential
}

fn dated(example: &str, id: &str, days: u64) -> Json {
    let mut credential: Json = serde_json::from_str(example).expect("JSON");
    let now = now_ms();
    credential["id"] = json!(id);
    credential["validFrom"] = json!(rfc3339(now - 1_000));
    credential["validUntil"] = json!(rfc3339(now + days * DAY_MS));
    credential.as_object_mut().expect("an object").remove("credentialStatus");
    credential
}

/// Claims of a mandate by SG:CUSTOMS, without holder key and status.
pub fn mandate() -> Json {
    let mut claims: Json = serde_json::from_str(MANDATE).expect("JSON");
    let now_s = now_ms() / 1_000;
    claims["iss"] = json!(CUSTOMS);
    claims["nbf"] = json!(now_s - 1);
    claims["exp"] = json!(now_s + 300 * 86_400);
    let members = claims.as_object_mut().expect("an object");
    for name in ["iat", "cnf", "status"] {
        members.remove(name);
    }
    claims
}

/// A public JWK.
pub fn holder_key(seed: u8) -> Json {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes();
    let x = titian_contracts::op::encode_base64(&key);
    json!({"kty": "OKP", "crv": "Ed25519", "x": x})
}
