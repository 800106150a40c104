//! Records of every type profile, and what the acts around them need: a court, successors, ops that
//! acknowledge what the law warns of.

use std::collections::BTreeSet;

use titian_contracts::digest::{Digest, hash};
use titian_contracts::error::Code;
use titian_contracts::etr::build::{self, Field};
use titian_contracts::etr::court::{self, CourtPolicy};
use titian_contracts::etr::record::Pending;
use titian_contracts::etr::{bundle, content, decimal};
use titian_contracts::execute::Receipt;
use titian_contracts::json::Value;
use titian_contracts::op::{Op, Register, digest_of};
use titian_contracts::state::Overlay;
use titian_contracts::ubin;
use titian_contracts::ubin::identifier::Ubin;
use titian_contracts::ubin::record::{Closure, Entry, record_key};
use titian_contracts::ubin::vocabulary::Status;

use crate::etr::{Traders, lots, with_ack};

/// When instruments of [`Traders::issue_op`] that have a due date are due: 2026-12-31.
pub const DUE_MS: u64 = 1_798_675_200_000;

/// A digest that stands for some document.
pub fn some_digest(what: &str) -> Digest {
    hash("titian test v1", &[what.as_bytes()])
}

/// A list of texts.
pub fn texts(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| Value::from(*item)).collect())
}

/// An object.
pub fn object(members: &[(&str, Value)]) -> Value {
    Value::object(members.iter().map(|(name, value)| (*name, value.clone())))
}

/// The shipped profile of an id, as JSON.
pub fn profile(id: &str) -> Value {
    titian_genesis::profiles::etr_profiles()
        .into_iter()
        .find(|profile| profile.get("id").and_then(Value::as_text) == Some(id))
        .unwrap_or_else(|| panic!("no profile {id}"))
}

/// A value inside a profile: `table/name`.
pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('/').fold(value, |value, name| value.get(name).unwrap_or(&Value::Null))
}

/// The texts of a list inside a profile.
pub fn list_at(value: &Value, path: &str) -> Vec<String> {
    let items = at(value, path).as_list().unwrap_or_default();
    items.iter().filter_map(Value::as_text).map(str::to_owned).collect()
}

/// The content of a test record: name, value, and the salt that follows from the name.
pub fn content_of(profile: &Value, reference: &str, lot: (&str, u64, u64)) -> Vec<(String, Value)> {
    let bound = |name: &str| at(profile, "fields/bound").get(name).and_then(Value::as_text);
    let fixed = at(profile, "fields/const").clone();
    let mut fields: Vec<(String, Value)> = list_at(profile, "fields/required")
        .into_iter()
        .map(|name| {
            let value = if let Some(value) = fixed.get(&name) {
                value.clone()
            } else if bound("ref") == Some(&name) {
                Value::from(reference)
            } else if bound("amount") == Some(&name) {
                Value::from(decimal(lot.2, lot.1))
            } else if bound("unit") == Some(&name) {
                Value::from(lot.0)
            } else if bound("due") == Some(&name) {
                Value::from("2026-12-31")
            } else {
                Value::from("synthetic")
            };
            (name, value)
        })
        .collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields
}

/// The salt of a field at a version.
pub fn salt_of(name: &str, version: u64) -> String {
    hash("titian test salt v1", &[name.as_bytes(), &version.to_be_bytes()]).to_hex()[..32]
        .to_owned()
}

/// `leaves` and `open` of a content whose fields all are of one version.
pub fn committed(profile: &Value, fields: &[(String, Value)], version: u64) -> (Value, Value) {
    let texts: Vec<(&str, String, String)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), salt_of(name, version), value.to_jcs()))
        .collect();
    let leaves: Vec<Field<'_>> =
        texts.iter().map(|(name, salt, value_jcs)| Field { name, salt, value_jcs }).collect();
    let leaves = build::leaves_value(&build::leaves(&leaves, version));
    let bound = at(profile, "fields/bound").as_object().unwrap_or_default();
    let fixed = at(profile, "fields/const").as_object().unwrap_or_default();
    let opened: BTreeSet<&str> = bound
        .iter()
        .filter_map(|(_, name)| name.as_text())
        .chain(fixed.iter().map(|(name, _)| name.as_str()))
        .collect();
    let open =
        fields.iter().filter(|(name, _)| opened.contains(name.as_str())).map(|(name, value)| {
            let salt = Value::from(salt_of(name, version));
            (name.clone(), Value::List(vec![salt, value.clone()]))
        });
    (leaves, Value::object(open))
}

/// The lot of a test record: unit, scale, amount.
pub fn lot_of(profile: &Value) -> (&'static str, u64, u64) {
    if at(profile, "quantity/kind").as_text() == Some("lots") {
        ("KGM", 0, 12_000)
    } else {
        ("SGD", 2, 10_000)
    }
}

impl Traders {
    /// Who opens a record of a profile: the Malaysian trader draws, the Singaporean owes.
    pub fn issuer_of(&self, profile: &Value) -> String {
        if at(profile, "parties/issuer").as_text() == Some("drawer") {
            self.my.clone()
        } else {
            self.sg.clone()
        }
    }

    /// The id of a record of a profile.
    pub fn id_of(&self, profile: &Value, reference: &str) -> String {
        let state = Overlay::new(&self.world.state);
        let issuer = ubin::actor(&state, &self.issuer_of(profile)).expect("registered");
        let series = at(profile, "series").as_text().expect("a series");
        content::record_id(&self.world.genesis.chain, series, &issuer.entity, reference)
    }

    /// An unsigned `issue` to the Vietnamese trader, titled to it (a straight record: to the Thai),
    /// with the acknowledgements that it needs.
    pub fn issue_op(&self, profile: &Value, reference: &str) -> Value {
        let lot = lot_of(profile);
        let amount = lot.2.to_string();
        let (leaves, open) = committed(profile, &content_of(profile, reference, lot), 1);
        let kind = list_at(profile, "title/initial")[0].clone();
        let mut title = vec![("kind", Value::from(kind.as_str()))];
        match kind.as_str() {
            "to_order" => title.push(("party", Value::from(self.vn.as_str()))),
            "named" => title.push(("party", Value::from(self.th.as_str()))),
            _ => {}
        }
        let dated = at(profile, "fields/bound/due") != &Value::Null;
        let id = at(profile, "id").as_text().expect("an id");
        let args = object(&[
            ("profile", Value::from(format!("{id}@1"))),
            ("ref", Value::from(reference)),
            ("regime", Value::from("SG-ETA-2A")),
            ("obligor", Value::from(self.sg.as_str())),
            ("to", Value::from(self.vn.as_str())),
            ("title", Value::object(title)),
            ("lots", lots(&[("1", lot.0, lot.1, &amount)])),
            ("dueMs", if dated { Value::from(DUE_MS) } else { Value::Null }),
            ("leaves", leaves),
            ("open", open),
        ]);
        let op = self.op(&self.id_of(profile, reference), "issue", args);
        let issuer = self.issuer_of(profile);
        let ack = warnings(profile, &[&issuer, &self.vn]);
        with_ack(&op, &ack.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Issues a record of a profile to the Vietnamese trader; gives its id.
    pub fn issue(&mut self, profile: &Value, reference: &str) -> String {
        let op = self.issue_op(profile, reference);
        let (issuer, vn) = (self.issuer_of(profile), self.vn.clone());
        if let Err(code) = self.run(&op, &[&issuer, &vn]) {
            panic!("issue {reference}: {}", code.name());
        }
        self.id_of(profile, reference)
    }

    /// An op on a record that acknowledges what the law warns of at `accept` and `deliver`.
    pub fn act_op(&self, id: &str, act: &str, args: Value) -> Value {
        let op = self.op(id, act, args);
        let record = self.get(id);
        let receiver = match (&record.party.pending, act) {
            (Some(Pending::Offer { to, .. }), "accept") => to.members().to_vec(),
            (_, "deliver") => match op.get("args").and_then(|args| args.get("to")) {
                Some(Value::Text(ubin)) => vec![ubin.clone()],
                Some(joint) => list_at(joint, "joint/of"),
                None => Vec::new(),
            },
            _ => return op,
        };
        let name = record.public.profile.split('@').next().unwrap_or_default();
        let mut parties: Vec<&str> = receiver.iter().map(String::as_str).collect();
        parties.extend(record.party.controller.members().iter().map(String::as_str));
        parties.push(&record.party.obligor);
        let ack = warnings(&profile(name), &parties);
        with_ack(&op, &ack.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Runs an op on a record, signed with k1 of each party (`PARTY#kN` for another key).
    pub fn act(
        &mut self,
        id: &str,
        act: &str,
        args: Value,
        parties: &[&str],
    ) -> Result<Receipt, Code> {
        let op = self.act_op(id, act, args);
        self.run_signed(&op, parties)
    }

    /// Signs with k1 of each party (`PARTY#kN` for another key) and runs one block.
    pub fn run_signed(&mut self, op: &Value, parties: &[&str]) -> Result<Receipt, Code> {
        let op = self.signed(op, parties);
        crate::world::outcome_of(self.world.run(&op))
    }

    /// The op signed with k1 of each party (`PARTY#kN` for another key).
    pub fn signed(&self, op: &Value, parties: &[&str]) -> Value {
        let signers: Vec<(&str, u64)> = parties
            .iter()
            .map(|party| match party.split_once("#k") {
                Some((party, key)) => (party, key.parse().expect("a key number")),
                None => (*party, 1),
            })
            .collect();
        self.world.sign(op, &signers)
    }

    /// The ops, each naming the bundle of all, signed by the parties beside it. One that follows
    /// another on the same record is moved on to the place that the other leads to.
    pub fn bundle(&self, ops: &[(Value, &[&str])]) -> Vec<Value> {
        let id = |op: &Value| op.get("id").and_then(Value::as_text).map(str::to_owned);
        let int = |op: &Value, name: &str| op.get(name).and_then(Value::as_int).expect("a number");
        let mut placed: Vec<Value> = Vec::new();
        for (op, _) in ops {
            let before = placed.iter().rev().find(|before| id(before) == id(op));
            let seq = before.map_or_else(|| int(op, "seq"), |before| int(before, "seq") + 1);
            placed.push(op.with("seq", Value::Int(seq)));
        }
        let bare: Vec<Op> =
            placed.iter().map(|op| Op::from_value(op.clone()).expect("an op reads")).collect();
        let digest = Value::from(bundle::digest_of(&bare));
        let mut done: Vec<Value> = Vec::new();
        for op in placed {
            let op = op.with("bundle", digest.clone());
            let before = done.iter().rev().find(|before| id(before) == id(&op));
            let head = before.map(|before| {
                let head = before.get("head").and_then(Value::as_text).and_then(Digest::parse);
                content::next_head(head.expect("a head"), op_digest(before))
            });
            done.push(head.map_or(op.clone(), |head| op.with("head", Value::from(head))));
        }
        done.iter().zip(ops).map(|(op, (_, parties))| self.signed(op, parties)).collect()
    }

    /// Runs ops as one bundle.
    pub fn run_bundle(&mut self, ops: &[(Value, &[&str])]) -> Result<Receipt, Code> {
        let ops = self.bundle(ops);
        self.run_kind("bundle", Value::object([("ops", Value::List(ops))]))
    }

    /// Opens a court of Singapore with three keys, and a policy in force that allows `acts`.
    pub fn court(&mut self, acts: &[&str]) {
        let scopes = ["etr.court_*", "etr.freeze", "etr.unfreeze"];
        let party = "SG:COURT";
        let mut keys = Vec::new();
        for no in 1..=3 {
            let seed = self.world.fresh_seed();
            self.world.add_key(party, no, seed);
            keys.push(self.world.new_key(party, seed, &["invoke"], &scopes, no));
        }
        let args = object(&[
            ("party", Value::from(party)),
            ("version", Value::Int(0)),
            ("scopes", texts(&scopes)),
            ("policy", object(&[("r1", Value::Int(1)), ("r2", Value::Int(2))])),
            ("services", Value::List(Vec::new())),
            ("alsoKnownAs", Value::List(Vec::new())),
            ("keys", Value::List(keys)),
        ]);
        self.world
            .act(Register::Access, "authority_create", args, &[("SG", 1), ("SG", 2)])
            .unwrap_or_else(|code| panic!("authority_create: {}", code.name()));
        self.court_policy(acts, 0, false);
    }

    /// Writes a court policy of Singapore that is in force now: two court and two registrar keys.
    pub fn court_policy(&mut self, acts: &[&str], from_height: u64, reach_all: bool) {
        let policy = CourtPolicy {
            ams: "SG".to_owned(),
            acts: acts.iter().map(|act| (*act).to_owned()).collect(),
            basis: "invented".to_owned(),
            court_keys: (1..=3).map(|no| ("SG:COURT".to_owned(), no)).collect(),
            court_k: 2,
            registry_k: 2,
            notice_s: 259_200,
            ex_parte: false,
            freeze_max_s: 7_776_000,
            reach_all,
            from_height,
            effective_ms: self.world.time_ms,
            version: 1,
        };
        let t = self.world.time_ms;
        self.write(|state| court::put_policy(state, policy, t));
    }

    /// Writes state as an act of another register would.
    pub fn write(&mut self, change: impl FnOnce(&mut Overlay<'_>)) {
        self.world.height += 1;
        let changes = {
            let mut overlay = Overlay::new(&self.world.state);
            change(&mut overlay);
            overlay.into_changes(self.world.height)
        };
        self.world.state.apply(&changes);
    }

    /// Closes a business in favour of another, as `ubin.merge` and `ubin.convert` do.
    pub fn close_into(&mut self, of: &str, successor: &str, status: Status) {
        let ubin = Ubin::parse_canonical(of).expect("a UBIN");
        let successor = successor.to_owned();
        self.write(|state| {
            let entry: Entry = state.read(&record_key(&ubin)).expect("registered");
            let Entry::Record(mut record) = entry else { panic!("{ubin} is an alias") };
            record.meta.closure =
                Some(Closure { status, successor, date: "2026-07-01".to_owned(), recorded_at: 1 });
            state.write(record_key(&ubin), &Entry::Record(record));
        });
    }

    /// A signed attestation of a payment for a record, for `evidence`.
    pub fn attestation(
        &self,
        attester: &str,
        uetr: &str,
        amount: u64,
        record: &str,
        op: Digest,
    ) -> Value {
        let statement = object(&[
            ("type", Value::from("payment")),
            ("uetr", Value::from(uetr)),
            ("unit", Value::from("SGD")),
            ("amount", Value::from(amount.to_string())),
            ("status", Value::from("ACSC")),
            ("settledMs", Value::from(self.world.time_ms)),
            ("messageDigest", Value::from(format!("sha256:{}", "ab".repeat(32)))),
            ("record", Value::from(record)),
            ("opDigest", Value::from(op)),
        ]);
        let digest = titian_contracts::etr::attestation::statement_digest(&statement);
        self.world.signature(&digest, attester, 1).to_value().with("statement", statement)
    }
}

/// The digest of an op, as signers and evidence name it.
pub fn op_digest(op: &Value) -> Digest {
    digest_of(Register::Etr, op)
}

/// What the law warns of: Singapore's statute is in force, the other states say nothing.
pub fn warnings(profile: &Value, parties: &[&str]) -> Vec<String> {
    if at(profile, "mletr") != &Value::Bool(true) {
        return Vec::new();
    }
    let countries: BTreeSet<&str> = parties.iter().map(|party| &party[..2]).collect();
    countries.into_iter().filter(|cc| *cc != "SG").map(|cc| format!("{cc}:unknown")).collect()
}
