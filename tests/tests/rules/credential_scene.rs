//! A ledger with an accredited registrar, a customs authority below it, and status lists.

use proptest::test_runner::Config;
use titian_contracts::credential::{self, Accreditation, StatusList};
use titian_contracts::error::Code;
use titian_contracts::execute::Receipt;
use titian_contracts::json::{self, Value};
use titian_contracts::op::Register;
use titian_contracts::state::decode_content;
pub use titian_tests::credentials::acts::{UNTIL_MS, grant, list, set, texts};
use titian_tests::world::{World, outcome_of};

pub const ROOT: &[(&str, u64)] = &[("SG", 1), ("SG", 2)];
pub const ACRA: &[(&str, u64)] = &[("SG:ACRA", 1)];
pub const CUSTOMS: &[(&str, u64)] = &[("SG:CUSTOMS", 1)];

/// At most `n` cases; `PROPTEST_CASES` may ask for fewer.
pub fn cases(n: u32) -> Config {
    let config = Config::default();
    Config { cases: config.cases.min(n), ..config }
}

pub struct Scene {
    pub world: World,
}

impl Scene {
    /// The devnet with `SG:CUSTOMS` (k1 with all of `vc`, k2 with `vc.list_create` alone).
    pub fn bare() -> Self {
        let mut scene = Self { world: World::new() };
        scene.create_authority("SG:CUSTOMS");
        scene
    }

    /// Also: SG → SG:ACRA (acc/1, may accredit) → SG:CUSTOMS (acc/1), and two lists of SG:ACRA:
    /// 1 revocation, 2 refresh.
    pub fn new() -> Self {
        let mut scene = Self::bare();
        scene.must("accreditation_grant", grant("SG:ACRA", 1), ROOT);
        let below = grant("SG:CUSTOMS", 1)
            .with("parent", Value::from("SG:ACRA/acc/1"))
            .with("rights", texts(&["issue", "use"]))
            .with("depth", Value::Int(0));
        scene.must("accreditation_grant", below, ACRA);
        scene.must("list_create", list("SG:ACRA", 1, "revocation"), ACRA);
        scene.must("list_create", list("SG:ACRA", 2, "refresh"), ACRA);
        scene
    }

    /// An authority of Singapore with keys as those of `SG:CUSTOMS`.
    pub fn create_authority(&mut self, party: &str) {
        let mut keys = Vec::new();
        for (number, scopes) in [(1, &["vc.*"][..]), (2, &["vc.list_create"][..])] {
            let seed = self.world.fresh_seed();
            self.world.add_key(party, number, seed);
            keys.push(self.world.new_key(party, seed, &["invoke", "assert"], scopes, number));
        }
        let args = Value::object([
            ("party", Value::from(party)),
            ("version", Value::Int(0)),
            ("scopes", texts(&["vc.*"])),
            ("policy", Value::object([("r1", Value::Int(1)), ("r2", Value::Int(2))])),
            ("keys", Value::List(keys)),
            ("services", Value::List(Vec::new())),
            ("alsoKnownAs", Value::List(Vec::new())),
        ]);
        let done = self.world.act(Register::Access, "authority_create", args, ROOT);
        assert!(done.is_ok(), "authority_create {party}: {done:?}");
    }

    pub fn act(
        &mut self,
        act: &str,
        args: Value,
        signers: &[(&str, u64)],
    ) -> Result<Receipt, Code> {
        self.world.act(Register::Vc, act, args, signers)
    }

    pub fn must(&mut self, act: &str, args: Value, signers: &[(&str, u64)]) -> Receipt {
        self.act(act, args, signers).unwrap_or_else(|code| panic!("{act}: {}", code.name()))
    }

    /// The act is refused with `code` and changes nothing.
    pub fn refused(&mut self, act: &str, args: Value, signers: &[(&str, u64)], code: Code) {
        let before = self.world.state.0.clone();
        let got = self.act(act, args, signers).map(|_| "applied").map_err(Code::name);
        assert_eq!(got, Err(code.name()), "{act}");
        assert!(before == self.world.state.0, "{act} was refused but changed state");
    }

    /// The same signed op twice: the second is refused and changes nothing.
    pub fn not_replayable(&mut self, act: &str, args: Value, signers: &[(&str, u64)]) {
        let op = self.world.sign(&self.world.op(Register::Vc, act, args), signers);
        let first = outcome_of(self.world.run(&op)).map_err(Code::name);
        assert!(first.is_ok(), "{act}: {first:?}");
        let before = self.world.state.0.clone();
        assert!(outcome_of(self.world.run(&op)).is_err(), "{act} was replayed");
        assert!(before == self.world.state.0, "the replay of {act} changed state");
    }

    pub fn accreditation(&self, grantee: &str, n: u64) -> Accreditation {
        let key = credential::accreditation_key(grantee, n);
        decode_content(&self.world.state.0[&key].content).expect("an accreditation")
    }

    pub fn list(&self, owner: &str, n: u64) -> StatusList {
        let key = credential::list_key(owner, n);
        decode_content(&self.world.state.0[&key].content).expect("a list")
    }
}

pub fn change(id: &str, version: i64) -> Value {
    Value::object([
        ("id", Value::from(id)),
        ("version", Value::Int(version)),
        ("reason", Value::from("misconduct")),
    ])
}

pub fn object(text: &str) -> Value {
    json::parse(text.as_bytes()).expect("test JSON")
}

/// Reasons for which an accreditation is revoked, and whether what was issued before still counts.
pub const REVOCATIONS: [(&str, bool); 6] = [
    ("ceased", true),
    ("superseded", true),
    ("privilege", true),
    ("court", true),
    ("misconduct", false),
    ("compromise", false),
];
