//! A proposal from the command line: a new version of a type of record is opened, voted for by eight of
//! eleven states and in force; a record is issued under it; the version before ends; what was decided
//! is proven with every node stopped.

use serde_json::{Value, json};
use titian_tests::etr_types::profile;

use super::etr_life::{Desk, issuance};

const AGREE: [&str; 8] = ["SG", "MY", "TH", "VN", "ID", "PH", "BN", "KH"];

/// `titian gov …` that must succeed; its JSON.
fn gov(desk: &Desk, args: &[&str]) -> Value {
    desk.network.done(&[&["gov"][..], args, &["--json"]].concat()).json()
}

/// Both root keys of a state.
fn signed<'a>(args: &[&'a str], keys: &'a [String; 2]) -> Vec<&'a str> {
    [args, &["--as", &keys[0], "--as", &keys[1], "--yes"]].concat()
}

fn keys(cc: &str) -> [String; 2] {
    [format!("{cc}#k1"), format!("{cc}#k2")]
}

/// Opens a proposal of Singapore and has the states vote until it is decided; gives its number.
fn adopt(desk: &Desk, body: &Value) -> String {
    let file = desk.file("proposal.json", &json!({"kind": "profile", "body": body}).to_string());
    let open = ["proposal-open", &file, "--by", "SG", "--consultation", "0"];
    let receipt = gov(desk, &signed(&open, &keys("SG")));
    assert_eq!(receipt["ok"], true, "{receipt}");
    let listed = gov(desk, &["list", "--state", "voting"]);
    let no = listed[0]["no"].to_string();
    for (i, cc) in AGREE.into_iter().enumerate() {
        let shown = gov(desk, &["show", &no]);
        assert_eq!((&shown["state"], &shown["votes"]["yes"]), (&json!("voting"), &json!(i)));
        let vote = ["proposal-vote", &no, "yes", "--by", cc];
        assert_eq!(gov(desk, &signed(&vote, &keys(cc)))["ok"], true);
    }
    assert_eq!(gov(desk, &["show", &no])["state"], "inForce");
    no
}

#[test]
fn etr_a_record_is_issued_under_a_version_that_the_states_voted_for() {
    let desk = Desk::open(1);
    let shipper = desk.shipper.as_str();
    let old = desk.bill("TTNU7000", shipper);
    assert_eq!(desk.show(&old, shipper)["public"]["profile"], "bl-order@1");

    let mut second: Value =
        serde_json::from_str(&profile("bl-order").to_jcs()).expect("a profile is JSON");
    (second["version"], second["name"]) = (json!(2), json!("Bill of lading as of 2026"));
    let body = json!({"entry": "etrProfile", "value": second});
    // tried out first; a rule that it breaks is named before anybody signs
    let mut broken = body.clone();
    broken["value"]["surrender"]["exchange_to"] = json!(["promissory-note"]);
    let text = json!({"kind": "profile", "body": broken}).to_string();
    let file = desk.file("broken.json", &text);
    let open = ["gov", "proposal-open", &file, "--by", "SG", "--consultation", "0", "--json"];
    let ran = desk.network.run(&[&open[..], &["--dry-run"]].concat());
    let error = &ran.json()["error"];
    assert_eq!((ran.code, &error["name"]), (1, &json!("PROFILE_INVALID")), "{error}");
    assert_eq!(gov(&desk, &["list"]), json!([]), "a dry run opens nothing");

    let no = adopt(&desk, &body);
    // votes are final, and the decision stands
    let laos = keys("LA");
    let late = signed(&["gov", "proposal-vote", &no, "no", "--by", "LA", "--json"], &laos);
    let ran = desk.network.run(&late);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("PROPOSAL_STATE")));

    // the newest version is what a plain name means; a record of before keeps its own
    let new = desk.bill("TTNU7001", shipper);
    assert_eq!(desk.show(&new, shipper)["public"]["profile"], "bl-order@2");
    assert_eq!(desk.show(&old, shipper)["public"]["profile"], "bl-order@1");

    adopt(&desk, &json!({"entry": "etrWithdrawal", "value": {"profile": "bl-order@1"}}));
    let mut other = issuance();
    other["document"]["transportDocumentReference"] = json!("TTNU7002");
    let content = desk.file("other.json", &other.to_string());
    let issue = ["issue", "--content", &content, "--profile", "bl-order@1", "--to", shipper];
    let signing = ["--as", &desk.carrier, "--stage", "--yes", "--ack-all"];
    let ran = desk.run(&[&issue[..], &signing].concat());
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("UNKNOWN_PROFILE")));
    desk.act("endorse", &old, &["--kind", "blank"], shipper);

    // one that its author takes back is never voted on
    let small = json!({"kind": "parameter", "body": {"name": "smallCell", "value": 8}});
    let file = desk.file("small.json", &small.to_string());
    let open = ["proposal-open", &file, "--by", "MY", "--consultation", "0"];
    gov(&desk, &signed(&open, &keys("MY")));
    let mine = gov(&desk, &["list", "--by", "MY"]);
    let mine = mine[0]["no"].to_string();
    gov(&desk, &signed(&["proposal-withdraw", &mine], &keys("MY")));
    assert_eq!(gov(&desk, &["show", &mine])["state"], "withdrawn");

    let proof = desk.path("proposal-proof.json");
    gov(&desk, &["show", &no, "--proof", &proof]);
    desk.network.done(&["devnet", "down"]);
    let genesis = desk.network.folder.join("genesis.json").display().to_string();
    desk.network.done(&["verify", &proof, "--genesis", &genesis]);
}
