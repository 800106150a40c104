//! Businesses as signers: what they signed counts if they could act then (vc.md §4.4, vc-api.md
//! A§8 T8), whatever became of them since.

use ed25519_dalek::SigningKey;
use serde_json::json;
use titian_contracts::access::Party;
use titian_contracts::json::Value;
use titian_contracts::limits;
use titian_contracts::op::Register;
use titian_contracts::time::rfc3339;
use titian_contracts::ubin::identifier::Ubin;
use titian_credential::did;
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::Request;
use titian_tests::world::{World, company_body};

use super::credential_fixture::{code, live, sign_blindly, vector, verdict_of};
use super::credential_scene::{ROOT, Scene, texts};
use super::ubin_border::{MY2, consent_args, consented, continue_args, continued, gaining};
use super::ubin_import::Source;
use super::ubin_scene::{
    R1, R2, body, body_args, company, moved, next, quote, quote_reason, record, run, text, ubin_of,
};

const PASSES: &str = "TIME_ASSERTED";
const REFUSED: &str = "KEY_NOT_ACTIVE";
const GONE: &str = "DID_DEACTIVATED";

/// A business that signs credentials.
struct Issuer {
    scene: Scene,
    /// Its body, as registered last.
    body: Value,
    number: Ubin,
    key: SigningKey,
}

impl Issuer {
    fn new() -> Self {
        let mut world = World::new();
        let body = body();
        run(&mut world, "register", &body, R1).expect("the registrar may register");
        let number = ubin_of(&body);
        let party = number.to_string();
        let seed = world.fresh_seed();
        let key = world.new_key(&party, seed, &["invoke", "assert"], &["vc.*"], 1);
        let args = Value::object([
            ("keys", Value::List(vec![key])),
            ("party", text(&party)),
            ("version", Value::Int(0)),
        ]);
        world.act(Register::Access, "key_bind", args, R1).expect("the registrar binds");
        let key = SigningKey::from_bytes(&seed);
        Self { scene: Scene { world }, body, number, key }
    }

    /// The business moves to a status; gives the block time.
    fn moves(&mut self, act: &str, code: &str) -> u64 {
        let at_ms = self.scene.world.time_ms;
        self.body = moved(&self.body, code);
        run(&mut self.scene.world, act, &self.body, R2).expect("the registrar may");
        at_ms
    }

    fn wait(&mut self, ms: u64) {
        self.scene.world.time_ms += ms;
    }

    fn act(&mut self, act: &str, args: Value, signers: &[(&str, u64)]) -> u64 {
        let at_ms = self.scene.world.time_ms;
        let done = self.scene.world.act(Register::Ubin, act, args, signers);
        assert!(done.is_ok(), "{act}: {done:?}");
        at_ms
    }

    /// The code of check `issuerKey`, as of now, for what the business named `number` signed at
    /// `t_ms`; the verdict agrees with it.
    fn signed_as(&self, number: &Ubin, t_ms: u64) -> &'static str {
        let did = format!("did:ubin:{number}");
        let mut credential = vector()["unsigned"].clone();
        credential["issuer"] = json!(did);
        let created = rfc3339(t_ms).replace('Z', &format!(".{:03}Z", t_ms % 1_000));
        let signed = sign_blindly(&credential, &self.key, &format!("{did}#k1"), &created);
        let verdict = verdict_of(&self.scene, &signed, &Request::new(Policy::Signature));
        let found = code(&verdict, Check::IssuerKey);
        assert_eq!(verdict.verified(), found == PASSES, "{}", verdict.to_jcs());
        found
    }

    fn signed(&self, t_ms: u64) -> &'static str {
        self.signed_as(&self.number, t_ms)
    }
}

#[test]
fn vc_t08_what_a_business_signed_while_suspended_fails_for_ever_and_nothing_else_does() {
    let mut issuer = Issuer::new();
    let suspended = issuer.moves("suspend", "SUSPENDED");
    issuer.wait(10_000);
    let edges = [(suspended - 1, PASSES), (suspended, REFUSED), (suspended + 5_000, REFUSED)];
    for (t_ms, expected) in edges {
        assert_eq!(issuer.signed(t_ms), expected, "while it is suspended");
    }
    let reinstated = issuer.moves("reinstate", "ACTIVE");
    for (t_ms, expected) in
        edges.into_iter().chain([(reinstated - 1, REFUSED), (reinstated, PASSES)])
    {
        assert_eq!(issuer.signed(t_ms), expected, "after it was reinstated");
    }
}

#[test]
fn vc_t08_a_dissolved_business_is_deactivated_from_then_on_and_until_it_is_restored() {
    let mut issuer = Issuer::new();
    let dissolved = issuer.moves("dissolve", "DISSOLVED");
    issuer.wait(10_000);
    assert_eq!(issuer.signed(dissolved - 1), PASSES, "signed before the end");
    assert_eq!(issuer.signed(dissolved), GONE);
    let restored = issuer.moves("restore", "ACTIVE");
    assert_eq!(issuer.signed(dissolved - 1), PASSES);
    assert_eq!(issuer.signed(restored - 1), GONE);
    assert_eq!(issuer.signed(restored), PASSES);
}

#[test]
fn vc_t08_a_suspension_that_ends_in_dissolution_is_told_apart() {
    let mut issuer = Issuer::new();
    let suspended = issuer.moves("suspend", "SUSPENDED");
    let dissolved = issuer.moves("dissolve", "DISSOLVED");
    let restored = issuer.moves("restore", "ACTIVE");
    // an unmapped status says nothing of what the business may do
    let unknown = issuer.moves("update", "OTHER");
    let known = issuer.moves("update", "ACTIVE");
    for (t_ms, expected) in [
        (suspended, REFUSED),
        (dissolved - 1, REFUSED),
        (dissolved, GONE),
        (restored, PASSES),
        (unknown, REFUSED),
        (known, PASSES),
    ] {
        assert_eq!(issuer.signed(t_ms), expected);
    }
}

#[test]
fn vc_t08_each_end_of_a_record_deactivates_it_and_a_correction_takes_back_what_it_clears() {
    for act in ["annul", "duplicate", "merge", "convert"] {
        let mut issuer = Issuer::new();
        let (number, first) = (issuer.number.clone(), issuer.body.clone());
        let other = ubin_of(&company(&mut issuer.scene.world, "SG:ACRA", "UEN", "201912345K"));
        let world = &issuer.scene.world;
        let date = |args: Value| args.with("date", text("2026-07-01"));
        let args = match act {
            "annul" => quote_reason(world, &number),
            "duplicate" => quote_reason(world, &number).with("canonical", text(&other.to_string())),
            "merge" => date(quote_reason(world, &other))
                .with("absorbed", Value::List(vec![quote(world, &number)])),
            _ => {
                let new = company_body("SG", "UEN", "T24LL0001A", "TITIAN DEMO LLP");
                let relation = super::ubin_scene::relation("SUCCESSOR_OF", &number.to_string());
                quote_reason(world, &number).with("body", new.with("relations", relation))
            }
        };
        let ended = issuer.act(act, args, R2);
        issuer.wait(1_000);
        assert_eq!(issuer.signed(ended - 1), PASSES, "{act}");
        assert_eq!(issuer.signed(ended), GONE, "{act}");
        if matches!(act, "annul" | "duplicate") {
            let args = body_args(&next(&first, &[]))
                .with("reason", text("ERROR"))
                .with("clear", text("MARK"));
            let cleared = issuer.act("correct", args, R2);
            assert_eq!(issuer.signed(cleared - 1), GONE, "{act}");
            assert_eq!(issuer.signed(cleared), PASSES, "{act}");
        }
    }
}

#[test]
fn vc_t08_a_business_that_moved_signs_under_its_old_number_before_and_under_the_new_one_after() {
    let mut issuer = Issuer::new();
    let suspended = issuer.moves("suspend", "SUSPENDED");
    issuer.moves("reinstate", "ACTIVE");
    let (first, begun) = (issuer.body.clone(), issuer.scene.world.time_ms);
    issuer.wait(300_000);
    let id = consented(&mut issuer.scene.world, &consent_args(&first, "RELOCATE"));
    let moved = issuer.act("continue_in", continue_args(&continued(&first), id), MY2);
    issuer.wait(1_000);
    assert_eq!(issuer.signed(begun), PASSES);
    assert_eq!(issuer.signed(suspended), REFUSED);
    assert_eq!(issuer.signed(moved - 1), PASSES);
    assert_eq!(issuer.signed(moved), GONE);
    let new = gaining();
    assert_eq!(issuer.signed_as(&new, moved), PASSES, "the keys follow");
    // but for the skew of its clock it signed nothing under a number that it had not
    assert_eq!(issuer.signed_as(&new, moved - 60_000), PASSES);
    assert_eq!(issuer.signed_as(&new, moved - 60_001), REFUSED);
    assert_eq!(issuer.signed_as(&new, suspended), REFUSED);
}

#[test]
fn vc_t08_a_renumbering_takes_the_past_along() {
    let mut issuer = Issuer::new();
    let suspended = issuer.moves("suspend", "SUSPENDED");
    let reinstated = issuer.moves("reinstate", "ACTIVE");
    let new = company_body("SG", "UEN", "201912345K", "X");
    let number = ubin_of(&new);
    let body = next(
        &issuer.body,
        &[("ubin", new.get("ubin").expect("set").clone()), ("displayId", text("201912345K"))],
    );
    let args = body_args(&body).with("ubin", text(&issuer.number.to_string()));
    issuer.act("renumber", args, R2);
    for of in [&number, &issuer.number] {
        assert_eq!(issuer.signed_as(of, suspended), REFUSED, "{of}");
        assert_eq!(issuer.signed_as(of, reinstated), PASSES, "{of}");
    }
}

#[test]
fn vc_t08_an_import_suspends_as_an_update_does() {
    let mut issuer = Issuer::new();
    let suspended = moved(&issuer.body, "SUSPENDED");
    let world = &mut issuer.scene.world;
    let part_at = world.time_ms + 1_000;
    let tally = Source::new("SG", 1, vec![suspended]).import(world, R1, 1);
    assert_eq!(tally.applied, 1);
    assert_eq!(record(world, &issuer.number).meta.registrar, "SG:ACRA");
    issuer.wait(1_000);
    assert_eq!(issuer.signed(part_at - 1), PASSES);
    assert_eq!(issuer.signed(part_at), REFUSED);
}

#[test]
fn vc_t08_a_suspension_that_ends_in_its_block_leaves_nothing() {
    let mut issuer = Issuer::new();
    let suspended = moved(&issuer.body, "SUSPENDED");
    let active = moved(&suspended, "ACTIVE");
    let world = &mut issuer.scene.world;
    let at_ms = world.time_ms;
    let block: Vec<Vec<u8>> = [("suspend", &suspended), ("reinstate", &active)]
        .into_iter()
        .map(|(act, body)| {
            let args = body_args(body).with("reason", text("REQUEST"));
            World::transaction(&world.sign(&world.op(Register::Ubin, act, args), R1))
        })
        .collect();
    for receipt in world.run_transactions(&block) {
        assert!(receipt.error.is_none(), "{receipt:?}");
    }
    assert!(record(world, &issuer.number).meta.life.spells.is_empty());
    assert_eq!(issuer.signed(at_ms), PASSES);
}

#[test]
fn vc_t08_spells_beyond_the_limit_become_one_that_spans_both() {
    let mut issuer = Issuer::new();
    // the first is a dissolution: the time up to the end of the second will count as closed
    let mut begins = vec![issuer.moves("dissolve", "DISSOLVED")];
    let mut ends = vec![issuer.moves("restore", "ACTIVE")];
    let kept = |issuer: &Issuer| record(&issuer.scene.world, &issuer.number).meta.life.spells.len();
    while ends.len() <= limits::CAPACITY_SPELLS_MAX {
        if ends.len() == limits::CAPACITY_SPELLS_MAX {
            assert_eq!(kept(&issuer), limits::CAPACITY_SPELLS_MAX);
            assert_eq!(issuer.signed(ends[0]), PASSES, "at the limit all are told apart");
        }
        begins.push(issuer.moves("suspend", "SUSPENDED"));
        ends.push(issuer.moves("reinstate", "ACTIVE"));
    }
    assert_eq!(kept(&issuer), limits::CAPACITY_SPELLS_MAX);
    assert_eq!(issuer.signed(begins[0] - 1), PASSES);
    for t_ms in [begins[0], ends[0], begins[1], ends[1] - 1] {
        assert_eq!(issuer.signed(t_ms), GONE);
    }
    assert_eq!(issuer.signed(ends[1]), PASSES);
    assert_eq!(issuer.signed(begins[2]), REFUSED);
    // one that lasts is kept beside those that ended
    let last = issuer.moves("suspend", "SUSPENDED");
    assert_eq!(kept(&issuer), limits::CAPACITY_SPELLS_MAX + 1);
    assert_eq!((issuer.signed(last - 1), issuer.signed(last)), (PASSES, REFUSED));
}

#[test]
fn the_controller_of_a_business_is_the_authority_that_signed_its_record_last() {
    let mut issuer = Issuer::new();
    let controller = |issuer: &Issuer| {
        let party = Party::parse(&issuer.number.to_string()).expect("a party");
        let resolved = did::resolve(&live(&issuer.scene), &party).expect("registered");
        let did = format!("did:ubin:{}", issuer.number);
        did::did_document(&did, &resolved, issuer.scene.world.time_ms)["controller"].clone()
    };
    assert_eq!(controller(&issuer), "did:ubin:SG:ACRA");
    let world = &mut issuer.scene.world;
    let seed = world.fresh_seed();
    let key = world.new_key("SG:REGISTRY", seed, &["invoke"], &["ubin.*"], 1);
    let args = Value::object([
        ("party", text("SG:REGISTRY")),
        ("version", Value::Int(0)),
        ("scopes", texts(&["ubin.*"])),
        ("policy", Value::object([("r1", Value::Int(1)), ("r2", Value::Int(2))])),
        ("keys", Value::List(vec![key])),
        ("services", Value::List(Vec::new())),
        ("alsoKnownAs", Value::List(Vec::new())),
    ]);
    world.act(Register::Access, "authority_create", args, ROOT).expect("the roots create it");
    world.add_key("SG:REGISTRY", 1, seed);
    let second = next(&issuer.body, &[("sizeClass", text("SMALL"))]);
    issuer.act("update", body_args(&second), &[("SG:REGISTRY", 1)]);
    assert_eq!(controller(&issuer), "did:ubin:SG:REGISTRY");
}
