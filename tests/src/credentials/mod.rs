//! A ledger on which one authority may issue every shipped credential type, and random credentials
//! of those types: for interop, mutation and speed.

pub mod acts;
pub mod foreign;
pub mod random;

use ed25519_dalek::SigningKey;
use serde_json::Value as Json;
use titian_contracts::access::Party;
use titian_contracts::digest::Digest;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_credential::contexts::Contexts;
use titian_credential::did;
use titian_credential::profiles::{SHIPPED, ShippedType};
use titian_credential::snapshot::{Live, Snapshot};

use self::acts::texts;
use crate::world::World;

/// Who issues.
pub const ISSUER: &str = "SG:ACRA";
/// The issuer's DID.
pub const ISSUER_DID: &str = "did:ubin:SG:ACRA";
/// The issuer's key.
pub const METHOD: &str = "did:ubin:SG:ACRA#k1";

/// Profile, bits of an entry and types of the lists 1, 2, … of the issuer.
pub const LISTS: [(&str, i64, &[&str]); 5] = [
    (
        "revocation",
        1,
        &[
            "AEOAuthorisation",
            "AccreditationOfIssuer",
            "BusinessRegistration",
            "CertificateOfOrigin",
            "EcommerceOperator",
            "MCCAdoption",
            "PhytosanitaryCertificate",
        ],
    ),
    ("suspension", 1, &["AEOAuthorisation", "AccreditationOfIssuer", "EcommerceOperator"]),
    ("refresh", 1, &["BusinessRegistration"]),
    ("use", 2, &["CertificateOfOrigin", "PhytosanitaryCertificate"]),
    (
        "token",
        2,
        &["AuthorisedRepresentative", "BusinessRegistration", "ProfessionalQualification"],
    ),
];
/// Entries of each of those lists.
pub const ENTRIES: u64 = 131_072;

/// The issuer's desk.
#[derive(Debug)]
pub struct Desk {
    /// The ledger.
    pub world: World,
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

impl Desk {
    /// A devnet on which `SG` accredits the issuer for all shipped types, and the issuer has
    /// [`LISTS`].
    pub fn new() -> Self {
        let mut desk = Self { world: World::new() };
        let mut types: Vec<&str> = LISTS.iter().flat_map(|(_, _, types)| *types).copied().collect();
        types.sort_unstable();
        types.dedup();
        let until = Value::Int(1_900_000_000_000);
        let grant = Value::object([
            ("grantee", Value::from(ISSUER)),
            ("n", Value::Int(1)),
            ("parent", Value::from("SG")),
            ("rights", texts(&["accredit", "issue", "use"])),
            ("issuerClass", Value::from("registrar")),
            ("types", texts(&types)),
            ("jurisdictions", texts(&["SG"])),
            ("depth", Value::Int(2)),
            ("fromMs", Value::Int(1_700_000_000_000)),
            ("untilMs", until.clone()),
        ]);
        desk.must("accreditation_grant", grant, &[("SG", 1), ("SG", 2)]);
        for (n, (profile, size, types)) in (1..).zip(LISTS) {
            let list = Value::object([
                ("owner", Value::from(ISSUER)),
                ("n", Value::Int(n)),
                ("profile", Value::from(profile)),
                ("types", texts(types)),
                ("statusSize", Value::Int(size)),
                ("entries", Value::from(ENTRIES)),
                ("untilMs", until.clone()),
            ]);
            desk.must("list_create", list, &[(ISSUER, 1)]);
        }
        desk
    }

    fn must(&mut self, act: &str, args: Value, signers: &[(&str, u64)]) {
        let done = self.world.act(Register::Vc, act, args, signers);
        assert!(done.is_ok(), "{act}: {done:?}");
    }

    /// Sets the entry `index` of the list `number`, whose version is `version`.
    pub fn set(&mut self, number: usize, version: i64, index: u64, values: [i64; 2]) {
        let index = i64::try_from(index).expect("an index is small");
        let change = [index, values[0], values[1], 0].map(Value::Int).to_vec();
        let args = Value::object([
            ("list", Value::from(format!("{ISSUER}/status/{number}"))),
            ("version", Value::Int(version)),
            ("changes", Value::List(vec![Value::List(change)])),
        ]);
        self.must("list_set", args, &[(ISSUER, 1)]);
    }

    /// The state as a node reads it, a second old.
    pub fn live(&self) -> Live<'_> {
        let world = &self.world;
        let chain = &world.genesis.chain;
        let time_ms = world.time_ms - 1_000;
        Live::new(&world.state, chain, false, world.height, Digest::ZERO, time_ms)
    }

    /// The issuer's key.
    pub fn key(&self) -> SigningKey {
        self.world.key(ISSUER, 1)
    }

    /// The issuer's DID document.
    pub fn did_document(&self) -> Json {
        let party = Party::parse(ISSUER).expect("a party");
        let resolved = did::resolve(&self.live(), &party).expect("the issuer is registered");
        did::did_document(ISSUER_DID, &resolved, self.world.time_ms)
    }
}

/// The strict contexts of a state.
pub const fn strict(snapshot: &dyn Snapshot) -> Contexts<'_> {
    Contexts { snapshot: Some(snapshot), sandbox: false, inline: false }
}

/// The shipped type of a slug.
pub fn shipped(slug: &str) -> &'static ShippedType {
    SHIPPED.iter().find(|shipped| shipped.slug == slug).expect("a shipped type")
}

/// The shipped types that travel as credentials of the W3C data model.
pub fn of_the_data_model() -> Vec<&'static ShippedType> {
    SHIPPED.iter().filter(|shipped| shipped.vct.is_none()).collect()
}

/// The shipped types that travel as SD-JWT VC.
pub fn of_persons() -> Vec<&'static ShippedType> {
    SHIPPED.iter().filter(|shipped| shipped.vct.is_some()).collect()
}

/// JSON that ships with the program.
pub fn json_of(bytes: &[u8]) -> Json {
    serde_json::from_slice(bytes).expect("shipped JSON")
}

/// The contexts that JSON-LD libraries need, by URL: the bundled and the shipped ones.
pub fn contexts() -> Json {
    let bundled = titian_credential::contexts::BUNDLED.iter();
    let mut all: serde_json::Map<String, Json> =
        bundled.map(|context| (context.url.to_owned(), json_of(context.bytes))).collect();
    for shipped in SHIPPED {
        let url = format!("did:ubin:ASEAN/context/{}/1", shipped.slug);
        all.insert(url, json_of(shipped.context));
    }
    Json::Object(all)
}
