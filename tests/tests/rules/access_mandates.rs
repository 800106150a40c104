//! Signatures of agents, what a mandate allows, and what readers are shown.

use titian_contracts::access::authority::{self, Signer};
use titian_contracts::access::{Mandate, Party, view};
use titian_contracts::context::{Authority, Context};
use titian_contracts::error::Code;
use titian_contracts::execute::{self, BlockInfo};
use titian_contracts::json::{self, Value};
use titian_contracts::op::{self, Op, Register};
use titian_contracts::state::Overlay;
use titian_contracts::transaction::TransactionId;

use crate::access_scene::{Scene, versioned};

/// A scene in which the business lets the agent make offers of notes for an hour.
fn with_mandate() -> (Scene, u64) {
    let mut scene = Scene::new();
    let until_ms = scene.world.time_ms + 3_600_000;
    let args = scene.mandate_args(&["etr.offer", "vc.list_*"]).with("untilMs", until_ms.into());
    let business = scene.business.clone();
    scene.must("mandate_set", args, &[(&business, 1)]);
    (scene, until_ms)
}

/// An op that the agent signs for the business under mandate `no`.
fn signed_for(scene: &Scene, register: Register, act: &str, args: Value, no: u64) -> Op {
    let op = scene.world.op(register, act, args);
    let digest = op::digest_of(register, &op);
    let mut signature = scene.world.signature(&digest, &scene.agent, 1);
    signature.mandate = Some((scene.business.clone(), no));
    Op::from_value(Op::with_signature(&op, &signature)).expect("canonical")
}

/// What the register makes of the agent's signature at `time_ms`.
fn judged<T>(
    scene: &Scene,
    time_ms: u64,
    no: u64,
    then: impl FnOnce(&mut Context<'_, '_>, Vec<Signer>) -> Result<T, Code>,
) -> Result<T, Code> {
    let op = signed_for(scene, Register::Vc, "list_set", Value::object::<&str, _>([]), no);
    let mut overlay = Overlay::new(&scene.world.state);
    let mut ctx = Context {
        state: &mut overlay,
        chain: &scene.world.genesis.chain,
        height: scene.world.height + 1,
        time_ms,
        transaction: TransactionId::of(b""),
        verified: &[],
        authority: Authority::Signed,
        needs: Vec::new(),
        events: Vec::new(),
        warnings: Vec::new(),
    };
    let signers = authority::signers(&ctx, &op).map_err(|reject| reject.code)?;
    then(&mut ctx, signers)
}

fn accepted(scene: &Scene, time_ms: u64, no: u64) -> Result<(), Code> {
    judged(scene, time_ms, no, |_, _| Ok(()))
}

#[test]
fn an_agent_signs_for_its_principal_until_the_mandate_ends() {
    let (mut scene, until_ms) = with_mandate();
    assert_eq!(accepted(&scene, until_ms - 1, 1), Ok(()));
    assert_eq!(accepted(&scene, until_ms, 1), Err(Code::MandateLimit));
    assert_eq!(accepted(&scene, until_ms + 1, 1), Err(Code::MandateLimit));
    assert_eq!(accepted(&scene, scene.world.time_ms, 2), Err(Code::MandateLimit));
    let business = scene.business.clone();
    let end = versioned(&business, scene.version(&business)).with("mandate", Value::Int(1));
    scene.must("mandate_end", end, &[(&business, 1)]);
    assert_eq!(accepted(&scene, scene.world.time_ms, 1), Err(Code::MandateLimit));
}

#[test]
fn a_mandate_ends_with_its_principal() {
    let (mut scene, _) = with_mandate();
    let business = scene.business.clone();
    let args = crate::access_scene::ending(&business, scene.version(&business));
    scene.must("deactivate", args, &[("SG:ACRA", 1), ("SG:ACRA", 2)]);
    assert_eq!(accepted(&scene, scene.world.time_ms, 1), Err(Code::MandateLimit));
}

#[test]
fn an_agents_signature_counts_for_the_principal_only_and_within_the_mandate() {
    let (scene, _) = with_mandate();
    let now = scene.world.time_ms;
    let principal = Party::parse(&scene.business).expect("a party");
    let agent = Party::parse(&scene.agent).expect("a party");
    let ask = |party: &Party, scope: &str| {
        judged(&scene, now, 1, |ctx, signers| {
            assert_eq!(*signers[0].acts_for(), principal);
            authority::require_party(ctx, &signers, party, scope).map_err(|reject| reject.code)
        })
    };
    assert_eq!(ask(&principal, "etr.offer"), Ok(()));
    assert_eq!(ask(&principal, "vc.list_set:SG:CUSTOMS/status/3"), Ok(()));
    assert_eq!(ask(&principal, "etr.issue:note"), Err(Code::ScopeDenied), "not in the mandate");
    assert_eq!(ask(&principal, "vc.use_lodge"), Err(Code::ScopeDenied));
    assert_eq!(ask(&agent, "etr.offer"), Err(Code::QuorumMissing), "it signed for another");
}

#[test]
fn an_agent_never_touches_the_keys_of_its_principal() {
    let (mut scene, _) = with_mandate();
    let business = scene.business.clone();
    let version = scene.version(&business);
    let judge = |scene: &Scene, act: &str, args: Value| {
        let op = signed_for(scene, Register::Access, act, args, 1);
        scene.judge(&op.value)
    };
    let rotate = scene.rotate_args(&business, &[2], 0, &["etr.offer"], 2);
    assert_eq!(judge(&scene, "key_rotate", rotate), Err(Code::QuorumMissing));
    let revoke = scene.revoke_args(&business, 2, "retired");
    assert_eq!(judge(&scene, "key_revoke", revoke), Err(Code::QuorumMissing));
    let cancel = versioned(&business, version);
    assert_eq!(judge(&scene, "recover_cancel", cancel), Err(Code::QuorumMissing));
    let another = scene.mandate_args(&["etr.offer"]);
    assert_eq!(judge(&scene, "mandate_set", another), Err(Code::ScopeDenied));
}

#[test]
fn a_mandate_limits_objects_and_sums() {
    let mandate = |limits: &[&str], sum_limit| Mandate {
        agent: String::new(),
        acts: vec!["etr.offer".to_owned()],
        limits: limits.iter().map(|limit| (*limit).to_owned()).collect(),
        sum_limit,
        until_ms: 0,
        ended: false,
    };
    let free = mandate(&[], None);
    assert!(free.allows("etr.offer", None, None) && free.allows("etr.offer", Some("note/1"), None));
    assert!(!free.allows("etr.issue", None, None));
    let note = mandate(&["note/1"], None);
    assert!(note.allows("etr.offer", Some("note/1"), None));
    assert!(
        !note.allows("etr.offer", Some("note/2"), None) && !note.allows("etr.offer", None, None)
    );
    let hundred = mandate(&[], Some(("SGD".to_owned(), 2, 10_000)));
    let sum = |unit, scale, amount| hundred.allows("etr.offer", None, Some((unit, scale, amount)));
    assert!(sum("SGD", 2, 10_000) && sum("SGD", 0, 100) && sum("SGD", 4, 1_000_000));
    assert!(!sum("SGD", 2, 10_001) && !sum("SGD", 0, 101) && !sum("SGD", 4, 1_000_001));
    assert!(!sum("USD", 2, 1), "another unit is not covered");
    assert!(!sum("SGD", 0, u64::MAX) && !sum("SGD", 99, 1), "no sum is too large to be compared");
}

#[test]
fn a_dry_run_names_the_signers_and_the_first_failing_check() {
    let mut scene = Scene::new();
    let business = scene.business.clone();
    let block = BlockInfo {
        chain: "titian-devnet-1",
        height: scene.world.height + 1,
        time_ms: scene.world.time_ms,
    };
    let needs = |scene: &Scene, act: &str, args: Value| {
        let op = Op::from_value(scene.world.op(Register::Access, act, args)).expect("an op");
        let run = execute::dry_run(block, op, &scene.world.state);
        let needs = run.needs.into_iter().map(|need| (need.role, need.party, need.count));
        (needs.collect::<Vec<_>>(), run.fails.map(|reject| reject.code))
    };
    let need = |role: &str, party: &str, count| vec![(role.to_owned(), party.to_owned(), count)];
    let args = scene.bind_args(&business, 2, &[(&["assert"], &[], 1)]);
    assert_eq!(needs(&scene, "key_bind", args.clone()), (need("R1", "SG:*", 1), None));
    let stale = args.with("version", Value::Int(0));
    let expected = (need("R1", "SG:*", 1), Some(Code::VersionConflict));
    assert_eq!(needs(&scene, "key_bind", stale), expected);
    let args = scene.create_args("SG:PORTS");
    assert_eq!(needs(&scene, "authority_create", args), (need("root", "SG", 2), None));
    let args = scene.rotate_args(&business, &[1], 0, &["etr.offer"], 1);
    assert_eq!(needs(&scene, "key_rotate", args), (need("party", &business, 1), None));
    let args = scene.bind_args(&business, 2, &[(&["invoke"], &[], 1)]);
    assert_eq!(needs(&scene, "recover", args), (need("R2", "SG:*", 2), None));
}

/// A view as text without the members that hold fresh keys.
fn shown(value: Option<Value>) -> serde_json::Value {
    let text = value.expect("a party of the register").to_jcs();
    assert!(json::parse_canonical(text.as_bytes()).is_ok());
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn readers_see_parties_keys_and_mandates() {
    let (mut scene, until_ms) = with_mandate();
    let business = scene.business.clone();
    let args = scene.bind_args(&business, scene.version(&business), &[(&["invoke"], &[], 1)]);
    scene.must("recover", args, &[("SG:ACRA", 1), ("SG:ACRA", 2)]);
    let now = scene.world.time_ms;
    let state = Overlay::new(&scene.world.state);
    let party = shown(view::party(&state, &business, now));
    assert_eq!(party["version"], 4);
    assert_eq!(party["pendingRecovery"]["keys"], serde_json::json!(["k3"]));
    let later = shown(view::party(&state, &business, now + 86_400_000));
    assert!(later["pendingRecovery"].is_null());
    let root = shown(view::party(&state, "SG", now));
    assert_eq!((&root["rootQuorum"], &root["status"]), (&2.into(), &"validator".into()));
    assert_eq!(shown(view::party(&state, "SG:CUSTOMS", now))["policy"]["r2"], 2);
    assert_eq!(view::party(&state, "SG:NOBODY", now), None);
    assert_eq!(view::party(&state, &scene.keyless, now), None);

    let keys = shown(view::keys(&state, &business, now, 1, 2));
    assert_eq!(keys["keys"].as_array().map(Vec::len), Some(2));
    assert_eq!(keys["next"], 3);
    let states = |time_ms| {
        let keys = shown(view::keys(&state, &business, time_ms, 0, 100));
        assert!(keys["next"].is_null());
        let keys = keys["keys"].as_array().expect("a list").clone();
        keys.iter().map(|key| key["state"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(states(now), ["active", "active", "announced"]);
    assert_eq!(states(now + 86_400_000), ["retired", "retired", "active"]);

    let mandates = |time_ms| shown(view::mandates(&state, &business, time_ms, 1, 10));
    assert_eq!(mandates(until_ms - 1)["mandates"][0]["status"], "in force");
    assert_eq!(mandates(until_ms)["mandates"][0]["status"], "expired");
    assert_eq!(mandates(now)["mandates"][0]["agent"], scene.agent);
}
