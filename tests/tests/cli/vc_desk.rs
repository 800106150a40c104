//! A ledger in memory with an accredited registrar, and files as users have them: genesis, trust
//! bundle, credentials.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};
use titian_contracts::json::{Value, parse};
use titian_contracts::op::Register;
use titian_contracts::proof::{Entry, Evidence};
use titian_contracts::time::rfc3339;
use titian_credential::anchor::{Receipt, Tree, commitment};
use titian_credential::bundle::make::{Frame, Scope, bundle, evidence_pack, keys, keys_of};
use titian_credential::contexts::Contexts;
use titian_credential::json::canonical;
use titian_credential::key::{Algorithm, PublicKey};
use titian_credential::proof::issue_jcs;
use titian_credential::registration::{self, StatusSlot, business_registration};
use titian_credential::snapshot::Live;
use titian_credential::verdict::Policy;
use titian_credential::verify::Request;
use titian_credential::{form, jwt, sd_jwt};
use titian_genesis::devnet::Plan;
use titian_tests::certify;
use titian_tests::world::{World, company_body};

use super::{Ran, titian_in};

pub const ISSUER: &str = "SG:ACRA";
pub const KID: &str = "did:ubin:SG:ACRA#k1";
const TYPES: [&str; 2] = ["AuthorisedRepresentative", "BusinessRegistration"];
const DAY_MS: u64 = 86_400_000;

pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("a while yet")
}

/// The ledger and the folder of a user.
pub struct Desk {
    pub world: World,
    folder: tempfile::TempDir,
}

impl Desk {
    /// A ledger whose head is `age_ms` old.
    pub fn aged(age_ms: u64) -> Self {
        let mut world = World::on(&Plan {
            chain: "titian-devnet-cli".to_owned(),
            time_ms: now_ms() - age_ms - 60_000,
            validators: 4,
            host: "127.0.0.1".to_owned(),
            base_port: 26_600,
        });
        world.time_ms = now_ms() - age_ms;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut desk = Self { world, folder };
        let texts =
            |items: &[&str]| Value::List(items.iter().map(|item| Value::from(*item)).collect());
        let grant = Value::object([
            ("depth", Value::Int(0)),
            ("fromMs", Value::from(desk.world.time_ms - 1_000)),
            ("grantee", Value::from(ISSUER)),
            ("issuerClass", Value::from("registrar")),
            ("jurisdictions", texts(&["SG"])),
            ("n", Value::Int(1)),
            ("parent", Value::from("SG")),
            ("rights", texts(&["issue"])),
            ("types", texts(&TYPES)),
            ("untilMs", Value::from(now_ms() + 900 * DAY_MS)),
        ]);
        desk.act("accreditation_grant", grant, &[("SG", 1), ("SG", 2)]);
        for (n, profile, bits, name) in
            [(1, "revocation", 1, TYPES[1]), (2, "refresh", 1, TYPES[1]), (3, "token", 2, TYPES[0])]
        {
            let list = Value::object([
                ("entries", Value::Int(131_072)),
                ("n", Value::Int(n)),
                ("owner", Value::from(ISSUER)),
                ("profile", Value::from(profile)),
                ("statusSize", Value::Int(bits)),
                ("types", texts(&[name])),
                ("untilMs", Value::from(now_ms() + 800 * DAY_MS)),
            ]);
            desk.act("list_create", list, &[(ISSUER, 1)]);
        }
        let genesis = [desk.world.genesis.to_bytes(), b"\n".to_vec()].concat();
        fs::write(desk.path("genesis.json"), genesis).expect("written");
        desk
    }

    /// A ledger whose head is a minute old.
    pub fn new() -> Self {
        Self::aged(60_000)
    }

    pub fn act(&mut self, act: &str, args: Value, signers: &[(&str, u64)]) {
        let done = self.world.act(Register::Vc, act, args, signers);
        assert!(done.is_ok(), "{act}: {done:?}");
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("written");
    }

    pub fn titian(&self, args: &[&str]) -> Ran {
        titian_in(self.folder.path(), &[], args)
    }

    /// `titian verify FILE --offline BUNDLE --genesis genesis.json MORE`.
    pub fn verify(&self, file: &str, bundle: &str, more: &[&str]) -> Ran {
        let args = ["verify", file, "--offline", bundle, "--genesis", "genesis.json"];
        self.titian(&[&args[..], more].concat())
    }

    /// The text of a trust bundle of the head.
    pub fn bundle(&self, issuers: &[&str]) -> String {
        self.bundle_with(issuers, &[])
    }

    /// The same, with anchors.
    pub fn bundle_with(&self, issuers: &[&str], anchors: &[&str]) -> String {
        let scope = Scope {
            issuers: issuers.iter().map(|issuer| (*issuer).to_owned()).collect(),
            types: TYPES.map(str::to_owned).to_vec(),
            jurisdictions: vec!["MY".to_owned()],
            lists: true,
            anchors: anchors.iter().map(|anchor| (*anchor).to_owned()).collect(),
        };
        let keys = keys(&self.world.state, &scope);
        let (entries, evidence) = self.prove(&keys);
        bundle(self.frame(&scope), &entries, &evidence)
    }

    fn frame<'a>(&self, scope: &'a Scope) -> Frame<'a> {
        let (genesis, sandbox) = (self.world.genesis.hash, self.world.genesis.sandbox);
        Frame { height: self.world.height, genesis, sandbox, scope }
    }

    /// The head's proof of `keys`. A block is told by its parent's id in the next header: other states
    /// at one height stand for other blocks.
    fn prove(&self, keys: &[Vec<u8>]) -> (Vec<Entry>, Evidence) {
        let (entries, mut evidence) = certify::prove(&self.world, keys);
        evidence.header.parent = evidence.header.state_root;
        evidence.certificate = certify::certificate(&self.world.nodes, &evidence.header);
        (entries, evidence)
    }

    /// Anchors a credential, as the issuer's first; gives the receipt.
    pub fn anchored(&mut self, credential: &str) -> String {
        let reading = form::read(credential.as_bytes()).expect("a credential");
        let mut n = 0_u8;
        let mut random = || {
            n = n.wrapping_add(1);
            [n; 32]
        };
        let tree = Tree::new(&[commitment(&reading)], &mut random).expect("a tree");
        let args = Value::object([
            ("issuer", Value::from(ISSUER)),
            ("n", Value::Int(1)),
            ("root", Value::from(tree.root())),
            ("sizeLog2", Value::from(tree.size_log2())),
        ]);
        self.act("anchor_submit", args, &[(ISSUER, 1)]);
        let receipt = tree.receipt(0, "SG:ACRA/anchor/1").expect("a leaf");
        let path: Vec<String> = receipt.path.iter().map(ToString::to_string).collect();
        json!({"titianProof": 1, "kind": "vc-anchor", "chain": self.world.genesis.chain,
            "height": self.world.height, "claim": {"anchor": receipt.anchor,
                "salt": titian_contracts::op::encode_base64(&receipt.salt),
                "leafIndex": 0, "anchorPath": path},
            "path": null, "header": null, "certificate": null, "validators": null})
        .to_string()
    }

    /// The text of an evidence pack.
    pub fn evidence(&self, credential: &str) -> String {
        self.evidence_with(credential, None)
    }

    /// The same, with a receipt.
    pub fn evidence_with(&self, credential: &str, receipt: Option<&str>) -> String {
        let (chain, sandbox) = (&self.world.genesis.chain, self.world.genesis.sandbox);
        let at = (self.world.height, self.world.time_ms);
        let mut request = Request::new(Policy::Ledger);
        let values = receipt.map(|text| serde_json::from_str::<Json>(text).expect("JSON"));
        request.supplied.receipts = values.iter().filter_map(Receipt::of_value).collect();
        let of = (chain.as_str(), sandbox);
        let keys = keys_of(&self.world.state, credential.as_bytes(), &request, of, at);
        let (entries, evidence) = self.prove(&keys);
        let scope = Scope::default();
        let receipts = receipt.map(|text| parse(text.as_bytes()).expect("JSON"));
        let receipts = receipts.into_iter().collect();
        evidence_pack(self.frame(&scope), &entries, &evidence, credential, receipts)
    }

    fn live(&self) -> Live<'_> {
        let block = titian_contracts::digest::Digest::ZERO;
        let (world, genesis) = (&self.world, &self.world.genesis);
        let sandbox = genesis.sandbox;
        Live::new(&world.state, &genesis.chain, sandbox, world.height, block, world.time_ms)
    }

    fn extract(&self, index: u64) -> Json {
        let body = company_body("SG", "UEN", "202412345K", "TITIAN DEMO PTE LTD");
        let body: Json = serde_json::from_str(&body.to_jcs()).expect("JSON");
        let (from, until) = (rfc3339(self.world.time_ms), rfc3339(now_ms() + 30 * DAY_MS));
        let frame = registration::Frame {
            id: "urn:uuid:6f1c1f0e-2f4b-4f0c-9c7e-4d1a8f0b7a21",
            issuer: ISSUER,
            valid_from: &from,
            valid_until: &until,
            status: &[
                StatusSlot { list: "SG:ACRA/status/1", purpose: "revocation", index },
                StatusSlot { list: "SG:ACRA/status/2", purpose: "refresh", index },
            ],
            record_height: self.world.height,
        };
        business_registration(&body, frame).expect("a company")
    }

    /// An extract with an embedded proof.
    pub fn embedded(&self, index: u64) -> String {
        let (live, key) = (self.live(), self.world.key(ISSUER, 1));
        let contexts = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
        let created = rfc3339(self.world.time_ms);
        canonical(&issue_jcs(&self.extract(index), &key, KID, &created, contexts).expect("sound"))
    }

    /// An extract as a token.
    pub fn token(&self, index: u64) -> String {
        let (live, key) = (self.live(), self.world.key(ISSUER, 1));
        let contexts = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
        let iat_s = self.world.time_ms / 1_000;
        jwt::issue_vc(&self.extract(index), &key, KID, iat_s, contexts).expect("sound")
    }

    /// A mandate for the holder of `jwk`.
    pub fn mandate(&self, index: u64, jwk: &Json) -> String {
        self.mandate_with(index, jwk, |_| ())
    }

    /// The same with other claims.
    pub fn mandate_with(&self, index: u64, jwk: &Json, edit: impl Fn(&mut Json)) -> String {
        let now_s = self.world.time_ms / 1_000;
        let mut claims = json!({
            "iss": "did:ubin:SG:ACRA", "iat": now_s, "nbf": now_s, "exp": now_ms() / 1_000 + 86_400 * 30,
            "vct": "did:ubin:ASEAN/vct/authorised-representative/1", "cnf": {"jwk": jwk},
            "status": {"status_list": {"idx": index, "uri": "did:ubin:SG:ACRA/status/3"}},
            "principal": "SG-UEN-209900001K-SU", "given_name": "Ana", "family_name": "Example",
            "role": "director", "powers": ["etr.endorse", "etr.offer"], "delegable": false,
            "assurance": "high",
        });
        edit(&mut claims);
        let key = self.world.key(ISSUER, 1);
        let mut n = 0_u8;
        let mut random = || {
            n = n.wrapping_add(1);
            [n; 32]
        };
        let hidden = ["/given_name", "/family_name"];
        let members = claims.as_object().expect("an object");
        sd_jwt::issue::issue(members, &hidden, &key, KID, &mut random).expect("sound")
    }

    /// A mandate for the holder of [`Self::some_jwk`], as that holder shows it now.
    pub fn shown_mandate(&self, index: u64) -> String {
        self.shown(&self.mandate(index, &self.some_jwk()))
    }

    /// A mandate of that holder, bound now.
    pub fn shown(&self, mandate: &str) -> String {
        let (key, now_s) = (self.world.key("MY", 1), now_ms() / 1_000);
        sd_jwt::issue::bind(mandate, &key, "n-7f3a91ab", "did:ubin:SG:PEB", now_s).expect("sound")
    }

    /// The public JWK of a fixed key.
    pub fn some_jwk(&self) -> Json {
        let bytes = self.world.key("MY", 1).verifying_key().to_bytes();
        PublicKey::new(Algorithm::Ed25519, &bytes).and_then(|key| key.to_jwk()).expect("a key")
    }

    /// Sets an entry of a list from 0 to `value`.
    pub fn set(&mut self, list: &str, version: i64, index: u64, value: i64) {
        let change = vec![Value::from(index), Value::Int(0), Value::Int(value), Value::Int(0)];
        let args = Value::object([
            ("changes", Value::List(vec![Value::List(change)])),
            ("list", Value::from(list)),
            ("version", Value::Int(version)),
        ]);
        self.act("list_set", args, &[(ISSUER, 1)]);
    }
}
