//! A ledger with a few traders and helpers to make ETR ops for it.

use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::etr::build::{self, Field, Frame};
use titian_contracts::etr::record::Record;
use titian_contracts::etr::{content, decimal, genesis_hash};
use titian_contracts::execute::Receipt;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_contracts::time::rfc3339;
use titian_contracts::transaction::Transaction;
use titian_contracts::ubin;

use crate::world::{World, outcome_of};

/// A minute in ms.
pub const MINUTE_MS: u64 = 60_000;
/// A day in ms.
pub const DAY_MS: u64 = 86_400_000;
/// A blind; tests need no secrecy.
pub const BLIND: &str = "00112233445566778899aabbccddeeff";

/// The world and its traders, each with key k1 for every ETR act.
#[derive(Debug)]
pub struct Traders {
    /// The ledger.
    pub world: World,
    /// Issues notes and bills of lading (Singapore: statute in force).
    pub sg: String,
    /// A trader in Viet Nam.
    pub vn: String,
    /// A trader in Thailand.
    pub th: String,
    /// A trader in Malaysia.
    pub my: String,
    /// A rulebook in force.
    pub rulebook: Digest,
}

impl Default for Traders {
    fn default() -> Self {
        Self::new()
    }
}

impl Traders {
    /// Registers the traders and binds their keys.
    pub fn new() -> Self {
        Self::on(World::new())
    }

    /// Registers the traders of a world and binds their keys.
    pub fn on(mut world: World) -> Self {
        let mut trader = |registrar: &str, scheme: &str, local: &str, name: &str| {
            let ubin = world.register_company(registrar, scheme, local, name);
            world.bind_business_key(registrar, &ubin, &["etr.*"]);
            ubin
        };
        let sg = trader("SG:ACRA", "UEN", "209900001K", "TITIAN DEMO LINES");
        let vn = trader("VN:NBR", "MST", "9900000016", "TITIAN DEMO COFFEE");
        let th = trader("TH:DBD", "JP", "0999999000012", "TITIAN DEMO FOODS");
        let my = trader("MY:SSM", "BRN", "202401000002", "TITIAN DEMO SDN BHD");
        let books = world.genesis.registers().get("rulebooks").and_then(Value::as_list);
        let rulebook = books
            .and_then(|books| books.first())
            .and_then(|book| book.get("digest"))
            .and_then(Value::as_text)
            .and_then(Digest::parse)
            .expect("the devnet has a rulebook");
        Self { world, sg, vn, th, my, rulebook }
    }

    /// The record `id` as it stands.
    pub fn record(&self, id: &str) -> Option<Record> {
        Record::load(&Overlay::new(&self.world.state), id)
    }

    /// The record, which must exist.
    pub fn get(&self, id: &str) -> Record {
        self.record(id).expect("the record exists")
    }

    /// The id of a record of the SG trader.
    pub fn id(&self, series: &str, reference: &str) -> String {
        let state = Overlay::new(&self.world.state);
        let entity = &ubin::actor(&state, &self.sg).expect("registered").entity;
        content::record_id(&self.world.genesis.chain, series, entity, reference)
    }

    /// An unsigned op at the record's current seq and head, with no acknowledgement.
    pub fn op(&self, id: &str, act: &str, args: Value) -> Value {
        let (seq, head) = self.record(id).map_or_else(
            || (0, genesis_hash(&Overlay::new(&self.world.state))),
            |record| (record.public.seq, record.public.head),
        );
        let frame = Frame {
            chain: &self.world.genesis.chain,
            id,
            seq,
            head,
            rulebook: self.rulebook,
            place: "SGSIN",
            ack: &[],
            blind: BLIND,
        };
        build::op(&frame, act, args)
    }

    /// Signs with k1 of each party and runs one block.
    pub fn run(&mut self, op: &Value, parties: &[&str]) -> Result<Receipt, Code> {
        let signers: Vec<(&str, u64)> = parties.iter().map(|party| (*party, 1)).collect();
        let op = self.world.sign(op, &signers);
        outcome_of(self.world.run(&op))
    }

    /// Signs an op with k1 of each party, runs it as a transaction of another kind.
    pub fn run_kind(&mut self, kind: &str, payload: Value) -> Result<Receipt, Code> {
        let bytes = Transaction::encode(kind, Register::Etr, payload);
        outcome_of(self.world.run_transactions(&[bytes]).remove(0))
    }

    /// An unsigned `issue` of a note over 100.00 SGD to the order of `to`, due at the end of 2026.
    pub fn note(&self, reference: &str, to: &str) -> Value {
        self.note_due(reference, to, 1_798_675_200_000)
    }

    /// The same, due on a day: its first ms.
    pub fn note_due(&self, reference: &str, to: &str, due_ms: u64) -> Value {
        let due = rfc3339(due_ms);
        let content = [
            ("amount", Value::from(decimal(10_000, 2))),
            ("currency", Value::from("SGD")),
            ("dueDate", Value::from(&due[..10])),
            ("issueDate", Value::from("2026-07-01")),
            ("maker", Value::from(self.sg.as_str())),
            ("noteNumber", Value::from(reference)),
            ("payee", Value::from(to)),
            ("placeOfIssue", Value::from("SGSIN")),
            ("placeOfPayment", Value::from("SGSIN")),
            ("promise", Value::from("We promise to pay to the order of the payee.")),
        ];
        let open = ["amount", "currency", "dueDate", "noteNumber"];
        let args = self.issue_args("promissory-note@1", reference, to, &content, &open);
        let args =
            args.with("lots", lots(&[("1", "SGD", 2, "10000")])).with("dueMs", Value::from(due_ms));
        self.op(&self.id("note", reference), "issue", args)
    }

    /// An unsigned `issue` of a bill of lading over 12,000 kg to the order of `to`.
    pub fn bill(&self, reference: &str, to: &str) -> Value {
        let text = Value::from("synthetic");
        let content = [
            ("carrierCode", text.clone()),
            ("carrierCodeListProvider", text.clone()),
            ("consignmentItems", text.clone()),
            ("documentParties", text.clone()),
            ("isElectronic", Value::Bool(true)),
            ("isToOrder", Value::Bool(true)),
            ("issueDate", text.clone()),
            ("placeOfIssue", text.clone()),
            ("termsAndConditions", text.clone()),
            ("transportDocumentReference", Value::from(reference)),
            ("transportDocumentTypeCode", Value::from("BOL")),
            ("transports", text),
        ];
        let open = [
            "isElectronic",
            "isToOrder",
            "transportDocumentReference",
            "transportDocumentTypeCode",
        ];
        let args = self.issue_args("bl-order@1", reference, to, &content, &open);
        let args = args.with("lots", lots(&[("1", "KGM", 0, "12000")]));
        self.op(&self.id("transport", reference), "issue", args)
    }

    fn issue_args(
        &self,
        profile: &str,
        reference: &str,
        to: &str,
        content: &[(&str, Value)],
        open: &[&str],
    ) -> Value {
        let texts: Vec<(&str, String, String)> = (1u64..)
            .zip(content)
            .map(|(i, (name, value))| (*name, format!("{i:032x}"), value.to_jcs()))
            .collect();
        let fields: Vec<Field<'_>> =
            texts.iter().map(|(name, salt, value_jcs)| Field { name, salt, value_jcs }).collect();
        let leaves = build::leaves_value(&build::leaves(&fields, 1));
        let opened = texts.iter().zip(content).filter(|((name, _, _), _)| open.contains(name)).map(
            |((name, salt, _), (_, value))| {
                (*name, Value::List(vec![Value::from(salt.as_str()), value.clone()]))
            },
        );
        let title = [("kind", Value::from("to_order")), ("party", Value::from(to))];
        Value::object([
            ("profile", Value::from(profile)),
            ("ref", Value::from(reference)),
            ("regime", Value::from("SG-ETA-2A")),
            ("obligor", Value::from(self.sg.as_str())),
            ("to", Value::from(to)),
            ("title", Value::object(title)),
            ("dueMs", Value::Null),
            ("leaves", leaves),
            ("open", Value::object(opened)),
        ])
    }

    /// Issues a note to the VN trader; gives its id.
    pub fn issued_note(&mut self, reference: &str) -> String {
        let op = with_ack(&self.note(reference, &self.vn), &["VN:unknown"]);
        let (sg, vn) = (self.sg.clone(), self.vn.clone());
        self.run(&op, &[&sg, &vn]).unwrap_or_else(|code| panic!("issue: {}", code.name()));
        self.id("note", reference)
    }

    /// Issues a bill of lading to the VN trader; gives its id.
    pub fn issued_bill(&mut self, reference: &str) -> String {
        let op = with_ack(&self.bill(reference, &self.vn), &["VN:unknown"]);
        let (sg, vn) = (self.sg.clone(), self.vn.clone());
        self.run(&op, &[&sg, &vn]).unwrap_or_else(|code| panic!("issue: {}", code.name()));
        self.id("transport", reference)
    }

    /// Arguments of an `offer` for a day from the next block.
    pub fn offer_args(&self, to: &str, endorse: Option<&str>) -> Value {
        Value::object([
            ("to", Value::from(to)),
            ("endorse", Value::from(endorse)),
            ("conditions", Value::Null),
            ("irrevocable", Value::Bool(false)),
            ("deadlineMs", Value::from(self.world.time_ms + DAY_MS)),
        ])
    }

    /// Arguments of a `surrender` for a day from the next block.
    pub fn surrender_args(&self, kind: &str) -> Value {
        Value::object([
            ("kind", Value::from(kind)),
            ("reason", Value::Null),
            ("deadlineMs", Value::from(self.world.time_ms + DAY_MS)),
        ])
    }
}

/// An `accept` without evidence.
pub fn accept_args() -> Value {
    Value::object([("evidence", Value::List(Vec::new()))])
}

/// A list of lots: code, unit, scale, amount.
pub fn lots(items: &[(&str, &str, u64, &str)]) -> Value {
    let lot = |(lot, unit, scale, amount): &(&str, &str, u64, &str)| {
        Value::object([
            ("lot", Value::from(*lot)),
            ("unit", Value::from(*unit)),
            ("scale", Value::from(*scale)),
            ("amount", Value::from(*amount)),
        ])
    };
    Value::List(items.iter().map(lot).collect())
}

/// The op with other acknowledgements.
pub fn with_ack(op: &Value, ack: &[&str]) -> Value {
    op.with("ack", Value::List(ack.iter().map(|text| Value::from(*text)).collect()))
}

/// The op with one argument set.
pub fn with_arg(op: &Value, name: &str, value: Value) -> Value {
    let args = op.get("args").cloned().unwrap_or(Value::Null);
    op.with("args", args.with(name, value))
}
