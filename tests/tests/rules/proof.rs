//! Proof bundles of every kind: what is proven verifies with the genesis file alone, and every
//! changed byte does not.

use borsh::BorshSerialize;
use titian_contracts::access;
use titian_contracts::claim::{self, Frame};
use titian_contracts::credential::bits::{self, Chunk};
use titian_contracts::credential::{
    self, Accreditation, AccreditationStatus, Profile, Right, StatusList,
};
use titian_contracts::digest::Digest;
use titian_contracts::etr;
use titian_contracts::etr::person::Person;
use titian_contracts::etr::record::{
    Capacity, PartyPart, Public, Record, Status, Title, TitleKind,
};
use titian_contracts::json::{self, Value};
use titian_contracts::op::encode_base64;
use titian_contracts::proof::{self, VerifyError};
use titian_contracts::state::{MemoryState, Overlay, Reader as _};
use titian_contracts::transaction::TransactionId;
use titian_tests::certify;
use titian_tests::world::{World, company_body};

const UEN: &str = "199403865N";

/// A bundle of `kind` about `stated`, made as a node makes it.
pub(crate) fn bundle(world: &World, kind: &str, stated: &Value) -> Result<String, VerifyError> {
    let frame = Frame { chain: &world.genesis.chain, time_ms: world.time_ms };
    let keys = claim::question(kind, stated, &world.state, frame)?;
    let (entries, evidence) = certify::prove(world, &keys);
    let entries: Vec<_> = match kind {
        "etr-control" => entries,
        _ => entries.into_iter().map(claim::redact).collect(),
    };
    let claim = claim::rebuild(kind, stated, &entries, frame)?;
    Ok(proof::bundle(kind, world.height, claim, &evidence))
}

fn verify(world: &World, text: &[u8]) -> Result<proof::Proven, VerifyError> {
    proof::verify(text, &world.genesis.anchor(), 0)
}

fn stated(members: &[(&str, &str)]) -> Value {
    Value::object(members.iter().map(|(name, text)| (*name, Value::from(*text))))
}

/// Writes a state value, as an act would.
fn put<T: BorshSerialize>(world: &mut World, key: Vec<u8>, value: &T) {
    let changes = {
        let mut overlay = Overlay::new(&world.state);
        overlay.write(key, value);
        overlay.into_changes(world.height)
    };
    world.state.apply(&changes);
}

/// A world with a company and a key of it, two links of accreditation, and a status list with a
/// set entry.
pub(crate) fn furnished() -> (World, String) {
    let mut world = World::new();
    let ubin = world.register_company("SG:ACRA", "UEN", UEN, "EXAMPLE PTE. LTD.");
    world.bind_business_key("SG:ACRA", &ubin, &["etr.*"]);
    let link = |parent: &str, grantee: &str| Accreditation {
        parent: parent.to_owned(),
        grantor: parent.split('/').next().unwrap_or_default().to_owned(),
        grantee: grantee.to_owned(),
        rights: vec![Right::Issue, Right::Accredit],
        issuer_class: "registrar".to_owned(),
        types: vec!["BusinessRegistration".to_owned()],
        jurisdictions: vec!["SG".to_owned()],
        depth: 1,
        from_ms: 0,
        until_ms: u64::MAX >> 12,
        status: AccreditationStatus::Active,
        reason: String::new(),
        effective_ms: 0,
        suspensions: vec![(1, 2)],
        version: 1,
    };
    put(&mut world, credential::accreditation_key("SG:ACRA", 1), &link("SG", "SG:ACRA"));
    put(&mut world, credential::accreditation_key("SG:DESK", 1), &link("SG:ACRA/acc/1", "SG:DESK"));
    let list = StatusList {
        profile: Profile::Revocation,
        types: vec!["BusinessRegistration".to_owned()],
        status_size: 1,
        entries: 131_072,
        until_ms: u64::MAX >> 12,
        uri: None,
        created_height: 1,
        version: 1,
        retired: false,
    };
    put(&mut world, credential::list_key("SG:ACRA", 1), &list);
    let mut chunk = Chunk::zero();
    bits::set_value(&mut chunk.bytes, 7, 1, 1);
    put(&mut world, credential::chunk_key("SG:ACRA", 1, 1), &chunk);
    (world, ubin)
}

/// A record under the control of `holder`, written as the register writes it.
struct Scene {
    world: World,
    id: String,
    issuer: String,
    holder: String,
}

fn issued() -> Scene {
    let mut world = World::new();
    let issuer = world.register_company("SG:ACRA", "UEN", UEN, "EXAMPLE LINE PTE. LTD.");
    let holder = world.register_company("SG:ACRA", "UEN", "201912345K", "HOLDER PTE. LTD.");
    world.bind_business_key("SG:ACRA", &issuer, &["etr.*"]);
    world.bind_business_key("SG:ACRA", &holder, &["etr.*"]);
    let id = etr::content::record_id(&world.genesis.chain, "bl", "ent_x", "SGPU4711");
    let zero = Digest::ZERO;
    let record = Record {
        public: Public {
            id: id.clone(),
            profile: "bl-order@1".to_owned(),
            regime: "SG-ETA-2A".to_owned(),
            home: "SG".to_owned(),
            status: Status::Active,
            end: None,
            generation: 0,
            seq: 1,
            head: zero,
            content_root: zero,
            content_version: 1,
            frozen: None,
            issued_ms: world.time_ms,
        },
        party: PartyPart {
            issuer: issuer.clone(),
            reference: "SGPU4711".to_owned(),
            obligor: issuer.clone(),
            controller: Person::Single(holder.clone()),
            title: Title {
                kind: TitleKind::ToOrder,
                party: Some(Person::Single(holder.clone())),
                capacity: Capacity::Owner,
                principal: None,
            },
            lots: Vec::new(),
            pending: None,
            pledges: Vec::new(),
            guarantees: Vec::new(),
            money: None,
            notice: None,
            root: id.clone(),
            from: Vec::new(),
            into: Vec::new(),
            endorsements: 0,
            blind: "00112233445566778899aabbccddeeff".to_owned(),
        },
    };
    let texts = record.to_texts();
    put(&mut world, etr::keys::record(&id), &texts);
    Scene { world, id, issuer, holder }
}

/// Every kind that needs no record, with a question that holds in [`furnished`].
pub(crate) fn questions(world: &World, ubin: &str) -> Vec<(&'static str, Value)> {
    let body = company_body("SG", "UEN", UEN, "EXAMPLE PTE. LTD.");
    let absent = company_body("SG", "UEN", "201912345K", "X");
    let absent = absent.get("ubin").and_then(Value::as_text).expect("set").to_owned();
    let did = format!("did:ubin:{ubin}");
    assert!(world.state.get(&access::ams_key("SG")).is_some());
    vec![
        ("ubin-presence", stated(&[("ubin", ubin)]).with("body", body)),
        ("ubin-presence", stated(&[("ubin", ubin)]).with("body", Value::Null)),
        ("ubin-absence", stated(&[("ubin", &absent)])),
        ("vc-did", stated(&[("did", &did)])),
        ("vc-did", stated(&[("did", "did:ubin:SG")])),
        ("vc-did", stated(&[("did", "did:ubin:SG:ACRA")])),
        ("vc-did", stated(&[("did", "did:ubin:SG:NOBODY")])),
        ("vc-accreditation", stated(&[("id", "SG:DESK/acc/1")])),
        ("vc-accreditation", stated(&[("id", "SG:ACRA/acc/99")])),
        ("vc-status", stated(&[("list", "SG:ACRA/status/1")]).with("index", Value::Int(8_199))),
        ("vc-status", stated(&[("list", "SG:ACRA/status/1")]).with("index", Value::Int(7))),
        ("vc-status", stated(&[("list", "SG:ACRA/status/99")]).with("index", Value::Int(7))),
        ("etr-absence", stated(&[("issuer", ubin), ("series", "bl"), ("ref", "SGPU4711")])),
        ("etr-absence", stated(&[("issuer", ubin), ("serial", "0001")])),
        ("etr-absence", stated(&[("issuer", &absent), ("serial", "0001")])),
        ("etr-status", stated(&[("id", "etr_none")])),
    ]
}

#[test]
fn every_kind_of_state_proof_verifies_and_says_what_was_asked() {
    let (world, ubin) = furnished();
    for (kind, question) in questions(&world, &ubin) {
        let text = bundle(&world, kind, &question).unwrap_or_else(|e| panic!("{kind}: {e}"));
        let proven = verify(&world, text.as_bytes()).unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert_eq!((proven.kind.as_str(), proven.height), (kind, world.height));
        for (name, value) in question.as_object().expect("an object") {
            assert_eq!(proven.claim.get(name), Some(value), "{kind} {name}");
        }
    }
}

#[test]
fn every_changed_byte_of_a_bundle_is_refused() {
    let (world, ubin) = furnished();
    let mut kinds: Vec<&str> = Vec::new();
    for (kind, question) in questions(&world, &ubin) {
        if kinds.contains(&kind) {
            continue;
        }
        kinds.push(kind);
        let text = bundle(&world, kind, &question).expect("the question holds");
        every_byte_matters(&world, kind, &text);
    }
}

/// The claim is flipped byte by byte; of the rest, whose signatures are dear, every 7th byte.
fn every_byte_matters(world: &World, kind: &str, text: &str) {
    let claim = text.find("\"claim\":").expect("a claim");
    let claim_end = text.find(",\"header\":").expect("members are in order");
    for i in 0..text.len() {
        if !(claim..claim_end).contains(&i) && i % 7 != 0 {
            continue;
        }
        let mut bytes = text.as_bytes().to_vec();
        bytes[i] ^= if i % 2 == 0 { 0x01 } else { 0x20 };
        assert!(verify(world, &bytes).is_err(), "{kind}: byte {i} of {}", text.len());
    }
}

#[test]
fn a_claim_that_is_more_or_less_than_its_entries_is_refused() {
    let (world, ubin) = furnished();
    let question = stated(&[("ubin", &ubin)]).with("body", Value::Null);
    let text = bundle(&world, "ubin-presence", &question).expect("it holds");
    let whole = json::parse(text.as_bytes()).expect("JSON");
    let claim = whole.get("claim").expect("a claim").clone();
    let more = claim.with("note", Value::from("added"));
    let other = claim.with("live", Value::from(false));
    let less = claim.without("meta");
    for changed in [more, other, less, Value::Null] {
        let text = whole.with("claim", changed).to_jcs();
        assert!(verify(&world, text.as_bytes()).is_err());
    }
    for (member, value) in [
        ("height", Value::from(world.height + 1)),
        ("chain", Value::from("titian-devnet-2")),
        ("kind", Value::from("ubin-absence")),
        ("kind", Value::from("no-such-kind")),
        ("titianProof", Value::Int(2)),
        ("more", Value::Null),
    ] {
        let text = whole.with(member, value).to_jcs();
        assert!(verify(&world, text.as_bytes()).is_err(), "{member}");
    }
    assert_eq!(
        proof::verify(text.as_bytes(), &world.genesis.anchor(), world.height + 1),
        Err(VerifyError::TooOld)
    );
}

#[test]
fn what_does_not_hold_cannot_be_proven() {
    let (world, ubin) = furnished();
    let absent = company_body("SG", "UEN", "201912345K", "X");
    let absent = absent.get("ubin").and_then(Value::as_text).expect("set");
    let other_body = company_body("SG", "UEN", UEN, "ANOTHER NAME");
    let forged = stated(&[("ubin", &ubin)]).with("body", other_body);
    for (kind, question) in [
        ("ubin-presence", stated(&[("ubin", absent)]).with("body", Value::Null)),
        ("ubin-absence", stated(&[("ubin", &ubin)])),
        ("ubin-presence", forged),
    ] {
        assert!(matches!(bundle(&world, kind, &question), Err(VerifyError::ClaimDiffers(_))));
    }
}

#[test]
fn a_certificate_without_more_than_two_thirds_proves_nothing() {
    let (world, ubin) = furnished();
    let question = stated(&[("ubin", &ubin)]).with("body", Value::Null);
    let frame = Frame { chain: &world.genesis.chain, time_ms: world.time_ms };
    let keys = claim::question("ubin-presence", &question, &world.state, frame).expect("holds");
    let (entries, mut evidence) = certify::prove(&world, &keys);
    let claim = claim::rebuild("ubin-presence", &question, &entries, frame).expect("holds");
    for (signatures, good) in [(4, true), (3, true), (2, false), (0, false)] {
        evidence.certificate.signatures.truncate(signatures);
        let text = proof::bundle("ubin-presence", world.height, claim.clone(), &evidence);
        assert_eq!(verify(&world, text.as_bytes()).is_ok(), good, "{signatures} signatures");
    }
}

#[test]
fn raw_state_values_are_proven_present_and_absent() {
    let (world, _) = furnished();
    let mut keys = vec![access::ams_key("SG"), b"access/ams/XX".to_vec()];
    keys.sort();
    let (entries, evidence) = certify::prove(&world, &keys);
    let frame = Frame { chain: &world.genesis.chain, time_ms: world.time_ms };
    let claim = claim::rebuild("ledger-state", &Value::Null, &entries, frame).expect("any keys");
    let text = proof::bundle("ledger-state", world.height, claim, &evidence);
    let proven = verify(&world, text.as_bytes()).expect("it verifies");
    let shown = proven.claim.get("entries").and_then(Value::as_list).expect("a list");
    assert_eq!(shown.len(), 2);
    every_byte_matters(&world, "ledger-state", &text);
}

#[test]
fn a_transaction_is_proven_to_stand_in_its_block() {
    let (world, _) = furnished();
    let transactions: Vec<Vec<u8>> = (0..5u8).map(|i| vec![i; 10]).collect();
    let ids: Vec<TransactionId> = transactions.iter().map(|tx| TransactionId::of(tx)).collect();
    let (_, mut evidence) = certify::prove(&world, &[b"x".to_vec()]);
    evidence.header.tx_root = titian_contracts::block::transaction_root(&transactions);
    evidence.certificate = certify::certificate(&world.nodes, &evidence.header);
    for (index, id) in ids.iter().enumerate() {
        evidence.path = proof::transaction_path(&ids, index);
        let claim = Value::object([
            ("count", Value::Int(5)),
            ("id", Value::from(id.to_string())),
            ("index", Value::from(index as u64)),
        ]);
        let height = evidence.header.height;
        let text = proof::bundle("ledger-transaction", height, claim, &evidence);
        assert_eq!(verify(&world, text.as_bytes()).map(|p| p.height), Ok(height));
        every_byte_matters(&world, "ledger-transaction", &text);
    }
}

/// A header over `transactions` and the bundle that claims `id` at `index` of `count` along `path`.
fn transaction_bundle(
    world: &World,
    transactions: &[Vec<u8>],
    (id, index, count): (TransactionId, u64, u64),
    path: Vec<u8>,
) -> String {
    let (_, mut evidence) = certify::prove(world, &[b"x".to_vec()]);
    evidence.header.tx_root = titian_contracts::block::transaction_root(transactions);
    evidence.certificate = certify::certificate(&world.nodes, &evidence.header);
    evidence.path = path;
    let claim = Value::object([
        ("count", Value::from(count)),
        ("id", Value::from(id.to_string())),
        ("index", Value::from(index)),
    ]);
    proof::bundle("ledger-transaction", evidence.header.height, claim, &evidence)
}

#[test]
fn a_transaction_is_proven_at_its_place_of_its_count_and_at_no_other() {
    let world = World::new();
    for count in 1..=9_u64 {
        let transactions: Vec<Vec<u8>> = (0..count).map(|i| i.to_be_bytes().to_vec()).collect();
        let ids: Vec<TransactionId> = transactions.iter().map(|tx| TransactionId::of(tx)).collect();
        for (index, id) in (0..).zip(&ids) {
            let path = proof::transaction_path(&ids, index as usize);
            for (place, size) in (0..=count + 1).flat_map(|p| (0..=2 * count).map(move |s| (p, s)))
            {
                let claim = (*id, place, size);
                let text = transaction_bundle(&world, &transactions, claim, path.clone());
                let holds = (place, size) == (index, count);
                let said = format!("{place} of {size}, in truth {index} of {count}");
                assert_eq!(verify(&world, text.as_bytes()).is_ok(), holds, "{said}");
            }
        }
    }
}

#[test]
fn an_inner_node_is_no_transaction() {
    // two nodes taken for the only two transactions of a block of four
    let world = World::new();
    let transactions: Vec<Vec<u8>> = (0..4u8).map(|i| vec![i; 10]).collect();
    let ids: Vec<TransactionId> = transactions.iter().map(|tx| TransactionId::of(tx)).collect();
    let leaves: Vec<Digest> = ids.iter().map(|id| id.0).collect();
    let node = |pair: &[Digest]| titian_contracts::merkle::root_of("titian tx node v1", pair);
    let (left, right) = (node(&leaves[..2]), node(&leaves[2..]));
    let claim = (TransactionId(left), 0, 2);
    let text = transaction_bundle(&world, &transactions, claim, right.0.to_vec());
    assert!(verify(&world, text.as_bytes()).is_err());
}

#[test]
fn the_redacted_content_of_a_record_has_the_same_value_hash() {
    // a record of the register, written as the register writes it
    let public = r#"{"id":"etr_x"}"#.to_owned();
    let party = r#"{"blind":"00"}"#.to_owned();
    let key = etr::keys::record("etr_x");
    let content = titian_contracts::state::encode_content(&(public.clone(), party.clone()));
    let redacted = etr::redact(&key, &content).expect("a record");
    let hash = |content: &[u8]| titian_contracts::state::content_hash(&key, content);
    assert_eq!(hash(&content), hash(&redacted));
    assert!(!redacted.windows(5).any(|window| window == b"blind"));
    assert_eq!(etr::redact(b"etr/index/x", &content), None);
    assert_eq!(etr::redact(&key, &redacted), None);
}

#[test]
fn an_empty_state_proves_absence() {
    let mut world = World::new();
    world.state = MemoryState::default();
    let text = bundle(&world, "vc-did", &stated(&[("did", "did:ubin:SG")])).expect("it holds");
    let proven = verify(&world, text.as_bytes()).expect("it verifies");
    assert_eq!(proven.claim.get("found"), Some(&Value::Bool(false)));
}

#[test]
fn a_number_has_one_record_and_paper_leads_to_the_record_that_it_replaced() {
    let mut scene = issued();
    let issuer = scene.issuer.clone();
    let entity = etr::person::identity(&Overlay::new(&scene.world.state), &issuer);
    put(&mut scene.world, etr::keys::index("bl", &entity, "SGPU4711"), &scene.id);
    let paper = etr::surrender::PaperSerial {
        record: scene.id.clone(),
        serials: vec!["0001".to_owned()],
        outward: Some(etr::surrender::ToPaper {
            print: Digest::ZERO,
            statement: ("change_of_medium".to_owned(), Digest::ZERO),
        }),
        inward: None,
    };
    put(&mut scene.world, etr::keys::paper(&entity, "0001"), &paper);
    let number = stated(&[("issuer", &issuer), ("series", "bl"), ("ref", "SGPU4711")]);
    let serial = stated(&[("issuer", &issuer), ("serial", "0001")]);
    for (kind, question) in [("etr-singularity", number), ("etr-conversion", serial)] {
        let text = bundle(&scene.world, kind, &question).expect("it holds");
        let proven = verify(&scene.world, text.as_bytes()).expect("it verifies");
        assert_eq!(proven.claim.get("id"), Some(&Value::from(scene.id.as_str())));
        assert!(proven.claim.get("party").is_none(), "the party part stays with the parties");
        every_byte_matters(&scene.world, kind, &text);
    }
    let other = stated(&[("issuer", &issuer), ("series", "bl"), ("ref", "OTHER")]);
    assert!(bundle(&scene.world, "etr-singularity", &other).is_err());
}

#[test]
fn control_is_proven_by_the_controllers_signature_and_by_no_other() {
    let scene = issued();
    let (world, id) = (&scene.world, scene.id.as_str());
    let record = world.state.get(&etr::keys::record(id)).expect("issued");
    let public = etr::view::public_part(&record.content).expect("a record");
    let seq = public.get("seq").and_then(Value::as_int).expect("set") as u64;
    let head = public.get("head").and_then(Value::as_text).expect("set");
    let head = Digest::parse(head).expect("a digest");
    let nonce = "00112233445566778899aabbccddeeff";
    let challenge = |party: &str, ms: u64, signed_ms: u64| {
        let digest =
            etr::challenge_of(&world.genesis.chain, id, seq, head, "bank", nonce, signed_ms);
        let signature = world.signature(&digest, party, 1);
        let sig = Value::object([
            ("party", Value::from(party)),
            ("key", Value::from("k1")),
            ("sig", Value::from(encode_base64(&signature.signature))),
        ]);
        stated(&[("audience", "bank"), ("nonce", nonce)])
            .with("ms", Value::from(ms))
            .with("sigs", Value::List(vec![sig]))
    };
    let question = |challenge| stated(&[("id", id)]).with("challenge", challenge);
    let holder = scene.holder.as_str();
    let good = question(challenge(holder, world.time_ms, world.time_ms));
    let text = bundle(world, "etr-control", &good).expect("the holder signed");
    let proven = verify(world, text.as_bytes()).expect("it verifies");
    assert!(proven.claim.get("party").is_some());
    every_byte_matters(world, "etr-control", &text);
    let issuer = scene.issuer.as_str();
    for bad in [
        challenge(issuer, world.time_ms, world.time_ms),
        challenge(holder, world.time_ms, world.time_ms - 1),
    ] {
        assert!(bundle(world, "etr-control", &question(bad)).is_err());
    }
    let status = bundle(world, "etr-status", &stated(&[("id", id)])).expect("it holds");
    verify(world, status.as_bytes()).expect("it verifies");
    every_byte_matters(world, "etr-status", &status);
}
