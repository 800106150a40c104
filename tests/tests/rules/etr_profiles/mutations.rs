//! Each op changed in one place, or in two, is refused with the error of the first, and nothing
//! changes: seq, head, chain, bundle, rulebook, signer, signature, acknowledgement, deadline; at issue
//! each argument as well.

use std::collections::BTreeSet;

use titian_contracts::error::Code;
use titian_contracts::execute::{self, BlockInfo, CheckedTransaction};
use titian_contracts::json::Value;
use titian_contracts::op::{OpSignature, Register};
use titian_contracts::state::Overlay;
use titian_contracts::transaction::Transaction;
use titian_tests::etr::{DAY_MS, Traders, lots, with_ack, with_arg};
use titian_tests::etr_types::{at, list_at, lot_of, object, some_digest, texts};

use super::Table;

fn refused(t: &mut Traders, op: &Value, parties: &[&str], code: Code) {
    let before = t.world.state.0.clone();
    let found = t.run_signed(op, parties).err().map(Code::name);
    // a refusal takes no time here: what follows runs at the same moment
    t.world.time_ms -= 1000;
    assert_eq!(found, Some(code.name()), "{}", op.to_jcs());
    assert!(before == t.world.state.0, "a refused op changed state");
}

/// Refuses the mutations of an op that is sound when these parties sign it; gives the act with the role
/// of each signature that the refusal of its lack names.
pub fn check(
    t: &mut Traders,
    op: &Value,
    parties: &[&str],
    stranger: &str,
) -> BTreeSet<(String, String)> {
    let zero = Value::from(some_digest("mutation"));
    let seq = op.get("seq").and_then(Value::as_int).expect("a seq");
    let later = op.with("seq", Value::Int(seq + 1));
    let moved = op.with("head", zero.clone());
    let strange = op.with("rulebook", zero.clone());
    refused(t, &op.with("chain", Value::from("other-1")), parties, Code::Malformed);
    refused(t, &op.with("bundle", zero.clone()), parties, Code::BundleMismatch);
    refused(t, &later, parties, Code::StaleSeq);
    refused(t, &later.with("head", zero.clone()), parties, Code::StaleSeq);
    refused(t, &moved, parties, Code::StaleHead);
    refused(t, &moved.with("rulebook", zero), parties, Code::StaleHead);
    refused(t, &strange, parties, Code::RulebookUnknown);
    let acknowledged = with_ack(op, &["ZZ:unknown"]);
    refused(t, &acknowledged, parties, Code::LegalAckRequired);
    let mut more = parties.to_vec();
    more.push(stranger);
    refused(t, op, &more, Code::UnexpectedSigner);
    refused(t, &acknowledged, &more, Code::UnexpectedSigner);
    if !parties.is_empty() {
        refused(t, &strange, &[], Code::RulebookUnknown);
        let court = parties.iter().any(|party| party.contains(':'));
        let missing = if court { Code::CourtQuorum } else { Code::MissingSigner };
        refused(t, &acknowledged, &[], missing);
        // signatures over another op
        let blind = op.get("blind").cloned().expect("a blind");
        let other = t.signed(&op.with("blind", Value::from("ff".repeat(16))), parties);
        refused(t, &other.with("blind", blind), &[], Code::BadSignature);
    }
    late(t, op, parties);
    let args = op.get("args").expect("arguments");
    if args.get("deadlineMs").is_some() {
        let now = t.world.time_ms;
        for deadline in [now + 59_999, now + 30 * DAY_MS + 1] {
            let op = with_arg(op, "deadlineMs", Value::from(deadline));
            refused(t, &op, parties, Code::BadDeadline);
        }
    }
    each_role(t, &acknowledged, parties, stranger)
}

/// An answer that comes a millisecond after the deadline of what it answers is refused.
fn late(t: &mut Traders, op: &Value, parties: &[&str]) {
    let answers =
        ["accept", "refuse", "surrender_accept", "surrender_reject", "bill_accept", "dishonour"];
    if !answers.contains(&text(op, "act")) {
        return;
    }
    let pending = t.get(text(op, "id")).party.pending.expect("what is answered");
    let now = std::mem::replace(&mut t.world.time_ms, pending.deadline_ms() + 1);
    refused(t, op, parties, Code::DeadlinePassed);
    t.world.time_ms = now;
}

fn text<'a>(op: &'a Value, name: &str) -> &'a str {
    op.get(name).and_then(Value::as_text).unwrap_or_default()
}

/// Each of these parties signs: with one signature less, or that of somebody else in its place, the op
/// is refused. It has another fault that is found later.
fn each_role(
    t: &mut Traders,
    op: &Value,
    parties: &[&str],
    stranger: &str,
) -> BTreeSet<(String, String)> {
    let court = parties.iter().any(|party| party.contains(':'));
    let act = text(op, "act");
    let to = op.get("args").map(|args| text(args, "to"));
    let mut roles = BTreeSet::new();
    for (i, party) in parties.iter().enumerate() {
        // a receiver may have given standing consent, so its signature is asked for with the act
        let may_consent = ["issue", "deliver"].contains(&act) && to == Some(*party);
        let (lacks, strange) = match (court, may_consent) {
            (true, _) => (Code::CourtQuorum, Code::UnexpectedSigner),
            (_, true) => (Code::ReceiverConsentMissing, Code::UnexpectedSigner),
            _ => (Code::MissingSigner, Code::MissingSigner),
        };
        let mut fewer = parties.to_vec();
        fewer.remove(i);
        refused(t, op, &fewer, lacks);
        if lacks == Code::MissingSigner {
            let signed = t.signed(op, &fewer);
            let (_, field) = t.world.run(&signed).error.expect("refused above");
            t.world.time_ms -= 1000;
            let role = field.strip_prefix("/sigs/").expect("a role");
            roles.insert((act.to_owned(), role.to_owned()));
        }
        let mut replaced = parties.to_vec();
        replaced[i] = stranger;
        refused(t, op, &replaced, strange);
    }
    roles
}

/// No signature of an op counts with one bit changed: every bit of it, or one bit of every byte.
pub fn bits(t: &Traders, op: &Value, parties: &[&str], every_bit: bool) {
    let signed = t.signed(op, parties);
    let signatures = signed.get("sigs").and_then(Value::as_list).expect("signatures");
    for (i, good) in signatures.iter().enumerate() {
        let good = OpSignature::from_value(good, "").expect("a signature");
        for bit in (0..512).filter(|bit| every_bit || bit % 8 == (bit / 8) % 8) {
            let mut bad = good.clone();
            bad.signature[bit / 8] ^= 1 << (bit % 8);
            let mut all = signatures.to_vec();
            all[i] = bad.to_value();
            let changed = signed.with("sigs", Value::List(all));
            let bytes = Transaction::encode("op", Register::Etr, changed);
            let world = &t.world;
            let head = Overlay::new(&world.state);
            let checked = CheckedTransaction::check(&bytes, &head, world.time_ms);
            let chain = &world.genesis.chain;
            let info = BlockInfo { chain, height: world.height + 1, time_ms: world.time_ms };
            let outcome = execute::execute(info, &[checked], &world.state);
            let found = outcome.receipts[0].error.as_ref().map(|(code, _)| *code);
            let act = op.get("act");
            assert_eq!(found, Some(Code::BadSignature.number()), "{act:?}, {i}, bit {bit}");
            assert!(outcome.changes.is_empty(), "a refused op changed state");
        }
    }
}

/// Refuses the mutations of an `issue` of the table's profile, which is sound itself.
pub fn check_issue(table: &mut Table) {
    let profile = table.profile.clone();
    let reference = format!("M-{}", table.name.to_uppercase());
    let op = table.t.issue_op(&profile, &reference);
    let (issuer, vn) = (table.t.issuer_of(&profile), table.t.vn.clone());
    let (parties, stranger) = ([issuer.as_str(), vn.as_str()], table.stranger.clone());
    table.roles.extend(check(&mut table.t, &op, &parties, &stranger));
    if table.accepted.is_empty() {
        bits(&table.t, &op, &parties, true);
    }
    for (argument, value, code) in wrong_arguments(&profile, &op) {
        let changed = with_arg(&op, argument, value);
        refused(&mut table.t, &changed, &parties, code);
    }
    let args = op.get("args").expect("arguments");
    let names: Vec<String> =
        args.as_object().expect("arguments").iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        let changed = op.with("args", args.without(&name));
        refused(&mut table.t, &changed, &parties, Code::Malformed);
    }
    refused(&mut table.t, &with_arg(&op, "colour", Value::Null), &parties, Code::Malformed);
    let found = table.t.run_signed(&op, &parties).err().map(Code::name);
    assert_eq!(found, None, "{}: what was changed is sound", table.name);
}

/// For each argument values that it may not have, and the error of each.
fn wrong_arguments(profile: &Value, op: &Value) -> Vec<(&'static str, Value, Code)> {
    let text = |text: &str| Value::from(text);
    let args = op.get("args").expect("arguments");
    let drawer = at(profile, "parties/issuer") == &text("drawer");
    let bound = |name: &str| at(profile, "fields/bound").get(name).is_some();
    // a drawer is known by the signature that gives the id; an obligor gives it by its name
    let of_id = if drawer { Code::MissingSigner } else { Code::Malformed };
    let unknown_obligor = if drawer { Code::PartyNotLive } else { Code::MissingSigner };
    let in_lots =
        |name: &str| if bound(name) { Code::BoundFieldMismatch } else { Code::LotsInvalid };
    let nobody = text("SG-UEN-200000000Z-XX");
    let joint = object(&[("k", Value::Int(3)), ("of", texts(&["SG-A", "SG-B"]))]);
    let titled = |kind: &str| object(&[("kind", Value::from(kind))]);
    let other = ["none", "bearer"]
        .into_iter()
        .find(|kind| !list_at(profile, "title/initial").iter().any(|initial| initial == kind));
    let (unit, scale, amount) = lot_of(profile);
    let sum = amount.to_string();
    let lot = |unit: &str, scale: u64, amount: &str| lots(&[("1", unit, scale, amount)]);
    let due = args.get("dueMs").and_then(Value::as_int).unwrap_or_default() + 1;
    let mut wrong = vec![
        ("profile", text("Nothing"), Code::Malformed),
        ("profile", text("nothing@1"), Code::UnknownProfile),
        ("ref", Value::Int(1), Code::Malformed),
        ("ref", text("ANOTHER"), of_id),
        ("regime", Value::Null, Code::Malformed),
        ("regime", text("XX-NONE"), Code::RegimeUnknown),
        ("obligor", text("nobody"), Code::Malformed),
        ("obligor", nobody.clone(), unknown_obligor),
        ("to", Value::Int(1), Code::Malformed),
        ("to", text("nobody"), Code::Malformed),
        ("to", nobody, Code::UnexpectedSigner),
        ("to", object(&[("joint", joint)]), Code::LimitExceeded),
        ("title", titled("crown"), Code::Malformed),
        ("title", titled("to_order"), Code::Malformed),
        ("title", titled(other.expect("one of both")), Code::TitleForbidden),
        ("lots", Value::Null, Code::Malformed),
        ("lots", lot(unit, scale, "012"), Code::Malformed),
        ("lots", lot(unit, 7, &sum), Code::LimitExceeded),
        ("lots", lot("kg", scale, &sum), Code::Malformed),
        ("lots", lot(unit, scale, "0"), in_lots("amount")),
        ("lots", Value::List(Vec::new()), Code::LotsInvalid),
        ("lots", lots(&[("1", unit, scale, &sum), ("1", unit, scale, &sum)]), Code::LotsInvalid),
        ("dueMs", text("soon"), Code::Malformed),
        ("dueMs", Value::Int(due), Code::BoundFieldMismatch),
        ("attesters", Value::Int(5), Code::Malformed),
        ("attesters", texts(&["nobody"]), Code::Malformed),
    ];
    // without a list and without a field to compare, any unit will do
    if bound("unit") || !list_at(profile, "quantity/units").is_empty() {
        wrong.push(("lots", lot("XXX", scale, &sum), in_lots("unit")));
    }
    wrong.extend(wrong_content(args));
    wrong
}

/// The same of what is said of the content. Leaves that are not opened may be any.
fn wrong_content(args: &Value) -> Vec<(&'static str, Value, Code)> {
    let leaves = args.get("leaves").and_then(Value::as_list).expect("leaves").to_vec();
    let open = args.get("open").expect("opened");
    let (name, pair) = open.as_object().and_then(<[_]>::first).cloned().expect("one is opened");
    let pair = pair.as_list().expect("salt and value").to_vec();
    let is_it = |leaf: &Value| leaf.get("name").and_then(Value::as_text) == Some(name.as_str());
    let mut another = leaves.clone();
    let leaf = another.iter_mut().find(|leaf| is_it(leaf)).expect("a leaf of it");
    *leaf = leaf.with("hash", Value::from(some_digest("another content")));
    let mut swapped = leaves.clone();
    swapped.swap(0, 1);
    let mut twice = leaves.clone();
    twice.insert(0, leaves[0].clone());
    let closed = leaves.iter().find(|leaf| {
        let name = leaf.get("name").and_then(Value::as_text).expect("a name");
        open.get(name).is_none()
    });
    let closed = closed.and_then(|leaf| leaf.get("name")).and_then(Value::as_text);
    let with = |salt: Value, value: Value| open.with(&name, Value::List(vec![salt, value]));
    let salt = Value::from("f".repeat(32));
    vec![
        ("leaves", Value::Null, Code::Malformed),
        ("leaves", Value::List(leaves[1..].to_vec()), Code::FieldMissing),
        ("leaves", Value::List(swapped), Code::ContentMismatch),
        ("leaves", Value::List(twice), Code::ContentMismatch),
        ("leaves", Value::List(another), Code::BoundFieldMismatch),
        ("open", Value::Null, Code::Malformed),
        ("open", open.with(&name, pair[1].clone()), Code::Malformed),
        ("open", with(Value::from("salt"), pair[1].clone()), Code::Malformed),
        ("open", with(salt.clone(), pair[1].clone()), Code::BoundFieldMismatch),
        ("open", with(pair[0].clone(), Value::from("another")), Code::BoundFieldMismatch),
        ("open", open.without(&name), Code::BoundFieldMismatch),
        (
            "open",
            open.with(closed.expect("one is not opened"), Value::List(vec![salt, Value::Null])),
            Code::BoundFieldMismatch,
        ),
    ]
}
