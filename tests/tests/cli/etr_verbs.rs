//! Every verb of records (etr-api.md A§4): an act of the ledger each, with examples that are
//! understood, refusals that name what is wrong, and a row in the integrators' guide.

use std::collections::BTreeSet;

use serde_json::Value;
use titian_contracts::access::scope;

use super::help::commands_of;
use super::{Ran, titian};

const GUIDE: &str = include_str!("../../../docs/integrators.md");

/// Nobody listens here: what is wrong must be told without a node.
const NOBODY: &[&str] = &["--json", "--node", "http://127.0.0.1:9"];

/// A record, a party, and a digest, all well formed.
const ID: &str = "etr_5c0a8f3e7d6b4c2918a7f6e5d4c3b2a1";
const PARTY: &str = "VN-MST-0100233488-43";
const DIGEST: &str = "b3:0000000000000000000000000000000000000000000000000000000000000000";

/// A verb, arguments of which one is wrong or missing, and that one.
type Wrong = (&'static str, &'static [&'static str], &'static str);
const WRONG: &[Wrong] = &[
    ("issue", &["--lot", "1:KGM"], "--lot"),
    ("issue", &["--title", "ours"], "--title"),
    ("issue", &["--set", "amount"], "--set"),
    ("issue", &[], "--content"),
    ("issue-from-paper", &["--custodian", PARTY], "--serial"),
    ("offer", &[ID], "--to"),
    ("offer", &[ID, "--to", "VN-MST-0100233488-44"], "--to"),
    ("offer", &[ID, "--to", PARTY, "--deadline", "soon"], "--deadline"),
    ("offer", &[ID, "--to", PARTY, "--endorse", "twice"], "--endorse"),
    ("accept", &[], "RECORD"),
    ("accept", &[ID, "--evidence", "nowhere.json"], "--evidence"),
    ("refuse", &[], "RECORD"),
    ("withdraw", &[], "RECORD"),
    ("expire", &[], "RECORD"),
    ("deliver", &[ID, "--to", PARTY, "--consent-no", "first"], "--consent-no"),
    ("assign-control", &[ID, "--to", "nobody"], "--to"),
    ("succeed", &[ID, "--role", "king", "--of", PARTY, "--successor", PARTY], "--role"),
    ("endorse", &[ID, "--kind", "special"], "--kind"),
    ("annotate", &[ID, "--code", "on_board"], "--document"),
    ("annotate", &[ID, "--code", "on_board", "--document", "b3:00"], "--document"),
    ("split", &[ID, "--part", "1:KGM"], "--part"),
    ("merge", &[ID], "--with"),
    ("merge", &[ID, "--with", ID, "--merged", "m.json", "--leaves", "[]"], "--merged"),
    ("pledge", &[ID, "--to", PARTY, "--lot", "1:KGM:1", "--on", "{}"], "--terms"),
    ("pledge", &[ID, "--to", PARTY, "--lot", "1:KGM", "--on", "{}", "--terms", DIGEST], "--lot"),
    ("pledge", &[ID, "--to", PARTY, "--lot", "1:KGM:1", "--on", "{", "--terms", DIGEST], "--on"),
    ("release", &[ID, "--no", "first"], "--no"),
    ("default-notice", &[ID, "--no", "1"], "--document"),
    ("enforce", &[ID, "--to", PARTY], "--no"),
    ("surrender", &[ID, "--kind", "sale"], "--kind"),
    ("surrender-accept", &[ID, "--statement", DIGEST], "--statement"),
    ("surrender-reject", &[], "RECORD"),
    ("deliver-part", &[ID], "--lot"),
    ("present", &[ID, "--for", "money"], "--for"),
    ("bill-accept", &[ID, "--amount", "1.5"], "--amount"),
    ("dishonour", &[], "RECORD"),
    ("pay", &[ID, "--amount", "1e3"], "--amount"),
    ("protest", &[ID, "--document", "nowhere.pdf"], "--document"),
    ("notify", &[ID, "--to", "nobody"], "--to"),
    ("recourse", &[ID], "--against"),
    ("recourse-pay", &[ID], "--payer"),
    ("aval", &[ID, "--guarantor", PARTY, "--for", PARTY, "--amount", "much"], "--amount"),
    ("stop", &[], "RECORD"),
    ("cancel", &[], "RECORD"),
    ("lapse", &[], "RECORD"),
    ("freeze", &[ID, "--order", DIGEST, "--until", "later"], "--until"),
    ("unfreeze", &[ID, "--order", "b3:0"], "--order"),
    ("court-notice", &[ID, "--order", DIGEST, "--act", "court_sell"], "--act"),
    ("court-transfer", &[ID, "--order", DIGEST, "--to", PARTY, "--title", "named:me"], "--title"),
    ("court-amend", &[ID, "--order", DIGEST, "--text", DIGEST, "--changes", "[]"], "--leaves"),
    ("court-annul", &[ID], "--order"),
    ("amend", &[ID], "--content"),
    ("bundle", &[], "FILE"),
    ("stage", &[], "OP"),
    ("staged", &[], "--as"),
    ("cosign", &[], "OP"),
    ("unstage", &[], "OP"),
    ("consent-set", &["--profile", "bl-order", "--from", "any", "--days", "400"], "--days"),
    ("consent-revoke", &["--no", "first"], "--no"),
    ("consents", &[], "--as"),
    ("show", &[], "ID"),
    ("list", &[], "--as"),
    ("inbox", &[], "--as"),
    ("history", &[], "ID"),
    ("prove", &[ID], "--out"),
    ("attest", &[ID, "--approve", "offer.json", "--as", PARTY], "--out"),
    ("attest", &[ID, "--as", PARTY, "-o", "e.json"], "--approve"),
    (
        "attest",
        &[ID, "--uetr", "1", "--settled", "soon", "--as", PARTY, "-o", "e.json"],
        "--settled",
    ),
    ("challenge", &[ID, "-o", "c.json"], "--audience"),
    ("answer", &["c.json", "-o", "a.json"], "--as"),
    ("evidence", &[ID], "--out"),
    ("seal", &[], "ID"),
    ("open", &[ID], "--as"),
    ("erase", &[ID], "--as"),
    ("print", &[ID, "-o", "print.html"], "--content"),
    ("profiles", &["bl-order", "2"], "2"),
    ("law", &["matrix", "SG", "MY"], "MY"),
];

/// What the specification names besides acts.
const BESIDES: [&str; 13] = [
    "show", "list", "inbox", "history", "prove", "evidence", "seal", "open", "law", "bundle",
    "stage", "cosign", "unstage",
];

fn verbs() -> BTreeSet<String> {
    commands_of(&["etr"]).into_iter().collect()
}

fn etr(verb: &str, args: &[&str]) -> Ran {
    titian(&[&["etr", verb][..], args, NOBODY].concat())
}

/// Exit code 2 and, for programs, an error whose message names `what`.
fn names(ran: &Ran, what: &str) {
    assert_eq!(ran.code, 2, "{what}: {ran:?}");
    let error = ran.json()["error"].clone();
    assert_eq!((&error["kind"], &error["exit"]), (&Value::from("usage"), &Value::from(2)));
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains(what), "{what} is not named: {message}");
}

#[test]
fn etr_each_act_has_a_verb_and_each_verb_a_row_in_the_guide() {
    let verbs = verbs();
    let (_, acts) = scope::ACTS.iter().find(|(register, _)| *register == "etr").expect("of etr");
    // scopes of keys that sign evidence, not ops
    for act in acts.iter().filter(|act| !["attest", "custody"].contains(act)) {
        assert!(verbs.contains(&act.replace('_', "-")), "no verb for {act}");
    }
    for verb in BESIDES {
        assert!(verbs.contains(verb), "no verb {verb}");
    }
    let (_, table) = GUIDE.split_once("| Verb of `titian etr` |").expect("the table of verbs");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let first = rows.filter_map(|row| row.split('|').nth(1));
    let told: Vec<&str> = first.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let known: BTreeSet<String> = told.iter().map(|verb| (*verb).to_owned()).collect();
    assert_eq!(known, verbs, "docs/integrators.md against titian etr --help");
    assert_eq!(told.len(), verbs.len(), "a verb has one row");
}

/// The words of a command line as a shell takes them apart.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, piece) in line.split('\'').enumerate() {
        match index % 2 {
            0 => words.extend(piece.split_whitespace().map(str::to_owned)),
            _ => words.push(piece.to_owned()),
        }
    }
    words
}

#[test]
fn etr_the_examples_of_each_verb_are_understood() {
    let mut seen = 0;
    for verb in verbs() {
        let help = titian(&["etr", &verb, "--help"]).stdout;
        let (_, examples) = help.split_once("Examples:\n").expect("examples");
        // a long line goes on below, with or without a mark
        let examples = examples.split_whitespace().filter(|word| *word != "\\");
        let text = examples.collect::<Vec<_>>().join(" ").replace("titian ", "\ntitian ");
        let lines = text.lines().map(|line| line.trim_end().trim_end_matches("&&"));
        for line in lines.filter(|line| line.starts_with("titian etr ")) {
            let line = words(line.trim_start_matches("titian etr "));
            let args: Vec<&str> =
                line.iter().map(String::as_str).filter(|arg| *arg != "--json").collect();
            let ran = etr(args[0], &args[1..]);
            // files, keys and nodes are not there; the command line itself is right
            let error = &ran.json()["error"];
            assert!(error["data"].get("arguments").is_none(), "{args:?}: {ran:?}");
            assert!([0, 1, 2, 4].contains(&ran.code), "{args:?}: {ran:?}");
            seen += 1;
        }
    }
    assert!(seen >= verbs().len(), "only {seen} examples");
}

#[test]
fn etr_a_wrong_line_names_what_is_wrong_to_people_and_to_programs() {
    let mut told = BTreeSet::new();
    for (verb, args, what) in WRONG {
        names(&etr(verb, args), what);
        let plain = titian(&[&["etr", verb][..], args, &["--node", "http://127.0.0.1:9"]].concat());
        assert_eq!(plain.code, 2, "{verb} {args:?}: {plain:?}");
        assert!(plain.stderr.contains(what), "{verb} {args:?}: {plain:?}");
        told.insert((*verb).to_owned());
    }
    assert_eq!(told, verbs(), "each verb has a wrong line");
    for verb in verbs() {
        names(&etr(&verb, &["--nonsense"]), "--nonsense");
    }
    // what may be meant is a hint
    let near = etr("offer", &[ID, "--endorze", "blank", "--to", PARTY]).json();
    assert!(near["error"]["hints"].to_string().contains("--endorse"), "{near}");
    let near = titian(&["etr", "ofer", "--json"]).json();
    assert!(near["error"]["hints"].to_string().contains("offer"), "{near}");
    assert_eq!(titian(&["--json"]).json()["error"]["exit"], 2);
}

#[test]
fn etr_verbs_are_completed_by_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = titian(&["completions", shell]).stdout;
        for verb in verbs() {
            assert!(script.contains(&verb), "{shell} does not complete etr {verb}");
        }
    }
}
