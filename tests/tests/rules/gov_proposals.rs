//! Proposals and votes (ledger.md §8): thresholds at their boundary, clocks to the millisecond, each
//! broken precondition in turn, and a random walk against a plain model.

use proptest::prelude::*;
use titian_contracts::error::Code;
use titian_contracts::execute::Receipt;
use titian_contracts::governance::parameter::{parameter_key, small_cell};
use titian_contracts::governance::proposal::{
    Choice, Kind, Phase, Proposal, Proposals, Vote, digest_of, proposal_key, proposals_key,
    suffices, vote_key,
};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::{MemoryState, Overlay, decode_content};
use titian_contracts::ubin::unicode::UNICODE_VERSION;
use titian_contracts::{access, limits};
use titian_genesis::Genesis;
use titian_genesis::devnet::STATES;
use titian_genesis::template::Template;
use titian_tests::world::{World, outcome_of};

use super::credential_scene::cases;

/// The time to vote of these tests, seconds.
pub const VOTING_S: u64 = 86_400;

/// A devnet of the first `count` states; each consultation lasts at least so long.
pub fn world_of(count: usize, consultation_s: u64) -> World {
    let mut world = World::new();
    let codes: Vec<String> = STATES.iter().take(count).map(|(cc, ..)| (*cc).to_owned()).collect();
    let members: Vec<_> =
        world.genesis.members.iter().filter(|member| codes.contains(&member.cc)).cloned().collect();
    let template = Template {
        chain: world.genesis.chain.clone(),
        time_ms: world.genesis.time_ms,
        app_version: 1,
        unicode_version: UNICODE_VERSION.to_owned(),
        sandbox: true,
        consultation_s,
        members: codes,
    };
    world.genesis = Genesis::assemble(&template, &members).expect("a sound genesis");
    let mut state = MemoryState::default();
    state.apply(&world.genesis.initial_state().expect("sound"));
    world.state = state;
    world
}

/// `proposal_open` of a state under a number, without consultation.
pub fn opening(author: &str, no: u64, kind: &str, body: Value) -> Value {
    Value::object([
        ("author", Value::from(author)),
        ("no", Value::from(no)),
        ("kind", Value::from(kind)),
        ("body", body),
        ("consultationS", Value::Int(0)),
        ("votingS", Value::from(VOTING_S)),
    ])
}

/// The body that sets k of small cells.
pub fn floor(value: u64) -> Value {
    Value::object([("name", Value::from("smallCell")), ("value", Value::from(value))])
}

/// Runs an act signed by both root keys of a state.
pub fn by_root(world: &mut World, act: &str, args: Value, cc: &str) -> Result<Receipt, Code> {
    world.act(Register::Gov, act, args, &[(cc, 1), (cc, 2)])
}

/// The act is refused with `code` and changes nothing.
pub fn refused(world: &mut World, act: &str, args: Value, cc: &str, code: Code) -> String {
    let before = world.state.0.clone();
    let op = world.sign(&world.op(Register::Gov, act, args), &[(cc, 1), (cc, 2)]);
    let receipt = world.run(&op);
    let field = receipt.error.as_ref().map(|(_, field)| field.clone()).unwrap_or_default();
    assert_eq!(outcome_of(receipt).map(|_| "applied").map_err(Code::name), Err(code.name()));
    assert!(before == world.state.0, "{act} was refused but changed state");
    field
}

/// Opens a proposal of Singapore under the next number; gives it.
pub fn open(world: &mut World, kind: &str, body: Value) -> u64 {
    let no = proposals(world).last + 1;
    by_root(world, "proposal_open", opening("SG", no, kind, body), "SG")
        .unwrap_or_else(|code| panic!("proposal {no}: {}", code.name()));
    no
}

/// `proposal_vote` on a proposal as it stands.
pub fn voting(world: &World, no: u64, by: &str, vote: &str) -> Value {
    Value::object([
        ("by", Value::from(by)),
        ("no", Value::from(no)),
        ("digest", Value::from(stored(world, no).digest)),
        ("vote", Value::from(vote)),
    ])
}

/// A vote that is taken.
pub fn cast(world: &mut World, no: u64, by: &str, vote: &str) {
    let args = voting(world, no, by, vote);
    by_root(world, "proposal_vote", args, by)
        .unwrap_or_else(|code| panic!("{by} votes {vote} on {no}: {}", code.name()));
}

/// Votes for a proposal until it is decided; where it stands then.
pub fn pass(world: &mut World, no: u64) -> Phase {
    for cc in access::members(&Overlay::new(&world.state)) {
        cast(world, no, &cc, "yes");
        let phase = stored(world, no).phase(world.time_ms);
        if phase != Phase::Voting {
            return phase;
        }
    }
    Phase::Voting
}

/// A proposal as it stands.
pub fn stored(world: &World, no: u64) -> Proposal {
    decode_content(&world.state.0[&proposal_key(no)].content).expect("a proposal")
}

fn proposals(world: &World) -> Proposals {
    let stored = world.state.0.get(&proposals_key());
    stored.map_or_else(Proposals::default, |stored| {
        decode_content(&stored.content).expect("the list of proposals")
    })
}

fn phase(world: &World, no: u64) -> Phase {
    stored(world, no).phase(world.time_ms)
}

fn k(world: &World) -> u64 {
    small_cell(&Overlay::new(&world.state))
}

fn withdrawal(author: &str, no: u64) -> Value {
    Value::object([("author", Value::from(author)), ("no", Value::from(no))])
}

#[test]
fn more_than_two_thirds_of_all_states_decide_and_not_one_less() {
    for (count, needed) in [(4, 3), (10, 7), (11, 8)] {
        assert!(suffices(needed, count) && !suffices(needed - 1, count), "{needed} of {count}");
        let names: Vec<&str> = STATES.iter().take(count as usize).map(|(cc, ..)| *cc).collect();
        let mut world = world_of(count as usize, 0);
        let no = open(&mut world, "parameter", floor(8));
        assert_eq!(stored(&world, no).members, count);
        for cc in &names[..needed as usize - 1] {
            cast(&mut world, no, cc, "yes");
        }
        assert_eq!((phase(&world, no), k(&world)), (Phase::Voting, 5), "{count}: one is missing");
        assert!(!world.state.0.contains_key(&parameter_key("smallCell")), "nothing was written");
        cast(&mut world, no, names[needed as usize - 1], "yes");
        assert_eq!((phase(&world, no), k(&world)), (Phase::InForce, 8), "{needed} of {count}");
        let ended = stored(&world, no).ended.expect("decided");
        assert_eq!((ended.height, ended.ms), (world.height, world.time_ms - 1000));

        // so many that the others are no two thirds any more; neither is no consent
        let mut world = world_of(count as usize, 0);
        let no = open(&mut world, "parameter", floor(8));
        let spare = (count - needed) as usize;
        for (i, cc) in names[..spare].iter().enumerate() {
            cast(&mut world, no, cc, if i % 2 == 0 { "no" } else { "abstain" });
        }
        assert_eq!(phase(&world, no), Phase::Voting, "{spare} of {count} stop nothing");
        cast(&mut world, no, names[spare], "abstain");
        assert_eq!((phase(&world, no), k(&world)), (Phase::Rejected, 5));
        let late = voting(&world, no, names[count as usize - 1], "yes");
        let last = names[count as usize - 1];
        refused(&mut world, "proposal_vote", late, last, Code::ProposalState);
        assert!(proposals(&world).open.is_empty());
    }
}

#[test]
fn each_broken_precondition_of_opening_gives_its_error() {
    let mut world = World::new();
    let good = || opening("SG", 1, "parameter", floor(8));
    let act = "proposal_open";
    let one = world.act(Register::Gov, act, good(), &[("SG", 1)]).map(|_| ());
    assert_eq!(one, Err(Code::QuorumMissing), "k of the root keys");
    let officer = world.act(Register::Gov, act, good(), &[("SG:ACRA", 1)]).map(|_| ());
    assert_eq!(officer, Err(Code::QuorumMissing), "no office opens one");
    let mut no = |args: Value, code: Code| refused(&mut world, act, args, "SG", code);
    no(good().with("author", Value::from("MY")), Code::NotOwner);
    for number in [0, 2] {
        assert_eq!(no(good().with("no", Value::Int(number)), Code::VersionConflict), "/args/no");
    }
    for kind in ["validator_set", "ams_admit", "ams_status", "upgrade", "emergency_freeze"] {
        assert_eq!(no(good().with("kind", Value::from(kind)), Code::NotBuilt), "/args/kind");
    }
    no(good().with("kind", Value::from("tax")), Code::Malformed);
    no(good().with("unheardOf", Value::Int(1)), Code::Malformed);
    let days = |days: u64| Value::from(days * 86_400);
    let longest = days(90).as_int().expect("a number");
    no(good().with("consultationS", Value::Int(longest + 1)), Code::LimitExceeded);
    for voting_s in [0, 59, 30 * 86_400 + 1] {
        let args = good().with("votingS", Value::Int(voting_s));
        assert_eq!(no(args, Code::LimitExceeded), "/args/votingS");
    }
    let body = |body: Value| opening("SG", 1, "parameter", body);
    for (value, code) in
        [(4, Code::LimitExceeded), (101, Code::LimitExceeded), (5, Code::Unchanged)]
    {
        assert_eq!(no(body(floor(value)), code), "/args/body/value");
    }
    no(body(floor(8).with("name", Value::from("consultationS"))), Code::Malformed);
    no(body(floor(8).with("more", Value::Int(1))), Code::Malformed);
    no(body(Value::Null), Code::Malformed);
    let filler = "x".repeat(limits::PROPOSAL_BODY_BYTES_MAX);
    let long = floor(8).with("name", Value::from(filler));
    assert_eq!(no(body(long), Code::LimitExceeded), "/args/body");

    let op = world.sign(&world.op(Register::Gov, act, good()), &[("SG", 1), ("SG", 2)]);
    outcome_of(world.run(&op)).expect("opened");
    let before = world.state.0.clone();
    assert_eq!(outcome_of(world.run(&op)).map(|_| ()), Err(Code::VersionConflict), "replay");
    assert!(before == world.state.0);
    assert_eq!(k(&world), 5, "trying a body out leaves nothing");
}

#[test]
fn a_state_and_all_states_have_room_for_so_many_proposals() {
    let mut world = World::new();
    for _ in 0..limits::PROPOSALS_PER_AUTHOR_MAX {
        open(&mut world, "parameter", floor(8));
    }
    let next =
        |world: &World, cc: &str| opening(cc, proposals(world).last + 1, "parameter", floor(9));
    let args = next(&world, "SG");
    refused(&mut world, "proposal_open", args, "SG", Code::ProposalLimit);
    // one that is withdrawn gives its place back, and so do those that lapse
    by_root(&mut world, "proposal_withdraw", withdrawal("SG", 2), "SG").expect("withdrawn");
    let args = next(&world, "SG");
    by_root(&mut world, "proposal_open", args, "SG").expect("there is room again");
    let args = next(&world, "SG");
    refused(&mut world, "proposal_open", args, "SG", Code::ProposalLimit);
    world.time_ms += VOTING_S * 1000 + 10_000;
    let no = open(&mut world, "parameter", floor(9));
    assert_eq!(proposals(&world).open.iter().map(|(no, ..)| *no).collect::<Vec<_>>(), [no]);
    // of all states together
    let states: Vec<&str> = STATES.iter().map(|(cc, ..)| *cc).collect();
    let room = states.len() * limits::PROPOSALS_PER_AUTHOR_MAX;
    assert!(room < limits::PROPOSALS_OPEN_MAX, "no member is shut out by the others: {room}");
}

#[test]
fn votes_count_from_the_end_of_consultation_to_the_end_of_voting() {
    let mut world = world_of(11, 86_400);
    let short = opening("SG", 1, "parameter", floor(8)).with("consultationS", Value::Int(86_399));
    let field = refused(&mut world, "proposal_open", short, "SG", Code::LimitExceeded);
    assert_eq!(field, "/args/consultationS");
    let args = opening("SG", 1, "parameter", floor(8)).with("consultationS", Value::Int(86_400));
    by_root(&mut world, "proposal_open", args, "SG").expect("opened");
    let Proposal { opened_ms, voting_from_ms, voting_until_ms, .. } = stored(&world, 1);
    assert_eq!(voting_from_ms, opened_ms + 86_400_000);
    assert_eq!(voting_until_ms, voting_from_ms + VOTING_S * 1000);

    world.time_ms = voting_from_ms - 1;
    let early = voting(&world, 1, "MY", "yes");
    refused(&mut world, "proposal_vote", early.clone(), "MY", Code::DelayRunning);
    world.time_ms = voting_from_ms;
    by_root(&mut world, "proposal_vote", early.clone(), "MY").expect("the first millisecond");
    refused(&mut world, "proposal_vote", early, "MY", Code::VoteCast);
    // final: no other vote takes its place
    let changed = voting(&world, 1, "MY", "no");
    refused(&mut world, "proposal_vote", changed, "MY", Code::VoteCast);
    let vote: Vote = decode_content(&world.state.0[&vote_key(1, "MY")].content).expect("the vote");
    assert_eq!((vote.choice, vote.ms), (Choice::Yes, voting_from_ms));

    world.time_ms = voting_until_ms - 1;
    cast(&mut world, 1, "TH", "yes");
    world.time_ms = voting_until_ms;
    assert_eq!(phase(&world, 1), Phase::Lapsed);
    let late = voting(&world, 1, "VN", "yes");
    refused(&mut world, "proposal_vote", late, "VN", Code::ProposalState);
    refused(&mut world, "proposal_withdraw", withdrawal("SG", 1), "SG", Code::ProposalState);
    assert_eq!(k(&world), 5);
}

#[test]
fn each_broken_precondition_of_a_vote_and_of_a_withdrawal_gives_its_error() {
    let mut world = World::new();
    let no = open(&mut world, "parameter", floor(8));
    let good = voting(&world, no, "MY", "yes");
    let act = "proposal_vote";
    let one = world.act(Register::Gov, act, good.clone(), &[("MY", 1)]).map(|_| ());
    assert_eq!(one, Err(Code::QuorumMissing));
    refused(&mut world, act, good.clone(), "TH", Code::NotOwner);
    let other = good.with("no", Value::Int(7));
    refused(&mut world, act, other, "MY", Code::UnknownProposal);
    refused(&mut world, act, good.with("vote", Value::from("maybe")), "MY", Code::Malformed);
    let elsewhere = digest_of(Kind::Parameter, &floor(9));
    assert_ne!(elsewhere, stored(&world, no).digest);
    let misled = good.with("digest", Value::from(elsewhere));
    refused(&mut world, act, misled, "MY", Code::VersionConflict);
    // the same body as another kind is another thing to vote on
    assert_ne!(digest_of(Kind::Profile, &floor(8)), stored(&world, no).digest);

    let act = "proposal_withdraw";
    refused(&mut world, act, withdrawal("MY", no), "MY", Code::NotOwner);
    refused(&mut world, act, withdrawal("SG", no), "MY", Code::NotOwner);
    refused(&mut world, act, withdrawal("SG", 7), "SG", Code::UnknownProposal);
    by_root(&mut world, act, withdrawal("SG", no), "SG").expect("withdrawn");
    assert_eq!(phase(&world, no), Phase::Withdrawn);
    refused(&mut world, act, withdrawal("SG", no), "SG", Code::ProposalState);
    refused(&mut world, "proposal_vote", good, "MY", Code::ProposalState);
    // what is in force cannot be withdrawn
    let no = open(&mut world, "parameter", floor(8));
    assert_eq!(pass(&mut world, no), Phase::InForce);
    refused(&mut world, act, withdrawal("SG", no), "SG", Code::ProposalState);
}

#[test]
fn of_two_proposals_for_one_thing_the_second_is_rejected_by_its_rule() {
    let mut world = World::new();
    let (first, second) =
        (open(&mut world, "parameter", floor(8)), open(&mut world, "parameter", floor(8)));
    assert_eq!(pass(&mut world, first), Phase::InForce);
    assert_eq!(pass(&mut world, second), Phase::Rejected);
    let rule = stored(&world, second).ended.expect("ended").decision;
    let due = titian_contracts::governance::proposal::Decision::Rejected;
    assert_eq!(rule, due(Some(Code::Unchanged.number())));
    // the vote that would have decided stands, and the first proposal too
    assert_eq!((stored(&world, second).yes, k(&world)), (8, 8));
}

#[test]
fn a_genesis_says_how_short_a_consultation_may_be() {
    let text = |sandbox: bool, line: &str| {
        let frame = "chain = \"ceremony-1\"\ntime-ms = 1\napp-version = 1\n";
        format!(
            "{frame}unicode-version = \"14.0.0\"\nsandbox = {sandbox}\n{line}members = [\"SG\"]\n"
        )
    };
    let read = |sandbox: bool, line: &str| Template::parse(&text(sandbox, line));
    let seconds = |line: &str| read(false, line).map(|template| template.consultation_s).ok();
    assert_eq!(seconds(""), Some(86_400), "24 hours, unless it says more");
    assert_eq!(seconds("consultation-s = 172800\n"), Some(172_800));
    assert_eq!(seconds("consultation-s = 86399\n"), None, "less is for tests");
    assert_eq!(seconds("consultation-s = 7776001\n"), None);
    assert!(read(true, "consultation-s = 0\n").is_ok());
    // the file of a real network cannot be talked into less either
    let genesis = World::new().genesis;
    let real = genesis.value.with("sandbox", Value::Bool(false));
    assert!(Genesis::parse(real.to_jcs().as_bytes()).is_err());
    let real = real.with("consultationS", Value::Int(86_400));
    assert_eq!(
        Genesis::parse(real.to_jcs().as_bytes()).map(|g| g.consultation_s).ok(),
        Some(86_400)
    );
}

proptest! {
    #![proptest_config(cases(24))]

    /// Whatever is voted in which order and when: at most one vote a state, none outside its time, a
    /// decision just when two thirds agree or no longer can, and nothing written but by a decision.
    #[test]
    fn random_votes_follow_a_plain_model(
        steps in prop::collection::vec((0_usize..11, 0_usize..4, 0_u64..20_000), 1..30)
    ) {
        let mut world = World::new();
        let no = open(&mut world, "parameter", floor(8));
        let until_ms = stored(&world, no).voting_until_ms;
        let mut voted = std::collections::BTreeMap::new();
        let mut ended = None;
        for (state, choice, wait_s) in steps {
            world.time_ms += wait_s * 1000;
            let is_open = ended.is_none() && world.time_ms < until_ms;
            let cc = STATES[state].0;
            let done = if choice == 3 {
                let done = by_root(&mut world, "proposal_withdraw", withdrawal(cc, no), cc);
                prop_assert_eq!(done.is_ok(), is_open && cc == "SG");
                if done.is_ok() {
                    ended = Some(Phase::Withdrawn);
                }
                done
            } else {
                let vote = ["yes", "no", "abstain"][choice];
                let args = voting(&world, no, cc, vote);
                let done = by_root(&mut world, "proposal_vote", args, cc);
                prop_assert_eq!(done.is_ok(), is_open && !voted.contains_key(cc));
                if done.is_ok() {
                    voted.insert(cc, vote);
                }
                done
            };
            let yes = voted.values().filter(|vote| **vote == "yes").count();
            if done.is_ok() && ended.is_none() {
                // 8 of 11 are more than two thirds; 4 who do not agree leave 7
                ended = match (yes, voted.len() - yes) {
                    (8.., _) => Some(Phase::InForce),
                    (_, 4..) => Some(Phase::Rejected),
                    _ => None,
                };
            }
            let open_now = if world.time_ms < until_ms { Phase::Voting } else { Phase::Lapsed };
            prop_assert_eq!(phase(&world, no), ended.unwrap_or(open_now));
            prop_assert_eq!(k(&world), if ended == Some(Phase::InForce) { 8 } else { 5 });
            let now = stored(&world, no);
            prop_assert_eq!(now.yes + now.no_votes + now.abstain, voted.len() as u64);
        }
    }
}
