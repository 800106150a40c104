//! What the command line offers besides the life of a bill: questions for a first-time user, dry
//! runs, what each state says, staging and its end, several acts in one, and erasure.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use titian_contracts::ubin::identifier::check_characters;
use titian_tests::relay::Relay;

use super::etr_life::{Desk, issuance};
use super::{Ran, binary};

/// Runs a command on a terminal of its own (script(1)) and answers its questions.
fn asked(desk: &Desk, args: &[&str], answers: &[&str]) -> Ran {
    let quoted = |text: &str| format!("'{text}'");
    let devnet = desk.network.folder.display().to_string();
    let binary = binary().display().to_string();
    let words = std::iter::once(binary.as_str()).chain(args.iter().copied());
    let line: Vec<String> = words.chain(["--devnet", &devnet]).map(quoted).collect();
    let mut terminal = Command::new("script")
        .args(["-q", "-e", "-c", &line.join(" "), "/dev/null"])
        .current_dir(&desk.out)
        .env_remove("TITIAN_NODE")
        .env_remove("TITIAN_WALLET")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1) is there");
    let mut input = terminal.stdin.take().expect("a pipe");
    for answer in answers {
        writeln!(input, "{answer}").expect("it listens");
    }
    drop(input);
    terminal.wait_with_output().expect("it ends").into()
}

/// TradeTrust documents, as `tests/data/etr/README.md` says where from.
const NOTE: &str = include_str!("../../data/etr/tradetrust/promissory-note-v2.json");
const RECEIPT: &str = include_str!("../../data/etr/tradetrust/warehouse-receipt-vc2.json");

fn seq(desk: &Desk, id: &str) -> u64 {
    desk.done(&["show", id])["public"]["seq"].as_u64().expect("a number")
}

#[test]
fn etr_a_first_time_user_is_asked_and_a_record_comes_of_it() {
    let desk = Desk::open(1);
    let file = desk.file("bill.json", &issuance().to_string());
    let shipper = desk.shipper.as_str();
    // a wrong answer is asked again, an empty one takes what is in brackets
    let answers = ["", &file, "bill-of-anything", "", "", "nobody", shipper, "y"];
    let ran = asked(&desk, &["etr", "issue"], &answers);
    let said = &ran.stdout;
    assert_eq!(ran.code, 0, "{said}");
    assert!(said.contains(&format!("[{}]", desk.carrier)), "the issuer of the wallet: {said}");
    assert!(said.contains("no such type") && said.contains("[bl-order]"), "{said}");
    assert!(said.contains("[TTNU4711]") && said.contains("example VN-MST-"), "{said}");
    // the first holder signs too: it waits for him on the ledger
    assert!(said.contains("titian etr cosign"), "{said}");
    let waiting = desk.done(&["staged", "--as", shipper]);
    let id = waiting["items"][0]["id"].as_str().expect("staged").to_owned();
    desk.cosign(&id, &[shipper]);
    assert_eq!(desk.show(&id, shipper)["party"]["ref"], "TTNU4711");

    // without a content file each member is asked for, and a sum goes to the ledger as it was typed
    let members = [
        "unconditional",
        "125,000.50",
        "125000.50",
        "SGD",
        "2031-05-10",
        "EXAMPLE",
        "EXAMPLE",
        "Singapore",
        "2026-01-05",
        "Singapore",
    ];
    let first = ["", "", "promissory-note", "PN-7"];
    let ran = asked(&desk, &["etr", "issue"], &[&first[..], &members, &[shipper, "y"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert!(ran.stdout.contains("no commas, for example 125000.50"), "{}", ran.stdout);
    let waiting = desk.done(&["staged", "--as", shipper]);
    let id = waiting["items"][0]["id"].as_str().expect("staged").to_owned();
    desk.cosign(&id, &[shipper]);
    let shown = desk.show(&id, shipper);
    let sum = &shown["party"]["lots"][0];
    assert_eq!((&sum["amount"], &sum["scale"]), (&json!("12500050"), &json!(2)), "{shown}");
    assert_eq!((&sum["unit"], &shown["party"]["ref"]), (&json!("SGD"), &json!("PN-7")));

    // who says no signs nothing; a script is told what is missing
    let mut other = issuance();
    other["document"]["transportDocumentReference"] = json!("TTNU4712");
    let file = desk.file("other.json", &other.to_string());
    let ran = asked(&desk, &["etr", "issue"], &["", &file, "", "", shipper, "n"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("not signed"), "{}", ran.stdout);
    let ran = desk.run(&["issue"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains("--content is needed"), "{}", ran.stdout);
}

#[test]
fn etr_dry_runs_write_nothing_and_staged_ops_can_be_taken_back() {
    let desk = Desk::open(1);
    let (shipper, trader) = (desk.shipper.as_str(), desk.trader.as_str());
    let id = desk.bill("TTNU5001", shipper);
    let before = seq(&desk, &id);

    let offer = ["offer", &id, "--to", trader, "--endorse", "special", "--as", shipper];
    let dry = desk.done(&[&offer[..], &["--ack-all", "--dry-run"]].concat());
    assert!(dry["opDigest"].is_string() && dry["fails"].is_null(), "{dry}");
    assert_eq!((&dry["status"], &dry["signers"][0]["party"]), (&json!("dryRun"), &json!(shipper)));
    // the law of both is asked when the record is taken, not when it is offered
    assert_eq!(dry["verdicts"], json!([]), "{dry}");
    assert_eq!(seq(&desk, &id), before, "nothing was written");
    // the first check that fails is named, by its name and in its place
    let accept = ["accept", &id, "--as", shipper, "--dry-run"];
    let ran = desk.run(&accept);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("WRONG_STATE")));
    let surrender = ["surrender", &id, "--kind", "delivery", "--as", trader, "--dry-run"];
    // who is no party to it learns nothing, not even whether the act would be refused
    let ran = desk.run(&surrender);
    assert_eq!((ran.code, &ran.json()["checked"]), (5, &json!(false)));
    assert_eq!(seq(&desk, &id), before);

    // whom no register knows cannot take it, nor any content
    let local = "0999999000099";
    let check = check_characters(&format!("THJP{local}")).expect("letters and digits");
    let nobody = format!("TH-JP-{local}-{check}");
    let ran = desk.run(&["offer", &id, "--to", &nobody, "--as", shipper, "--yes", "--ack-all"]);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("PARTY_NOT_LIVE")));

    // what lacks signatures waits on the ledger, and can be taken off it
    let terms = desk.file("loan.txt", "the loan agreement\n");
    let pledge = ["pledge", &id, "--to", &desk.bank, "--lot", "1:KGM:12000", "--terms", &terms];
    let on = ["--on", r#"{"after":{"ms":1}}"#, "--as", shipper, "--yes", "--ack-all"];
    let ran = desk.run(&[&pledge[..], &on].concat());
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("MISSING_SIGNER")));
    desk.done(&[&pledge[..], &on, &["--stage"]].concat());
    let waiting = |party: &str| {
        let staged = desk.done(&["staged", "--as", party]);
        staged["items"].as_array().expect("items").len()
    };
    assert_eq!((waiting(shipper), waiting(&desk.bank)), (1, 1));
    desk.done(&["unstage", &id, "--as", shipper, "--yes"]);
    assert_eq!((waiting(shipper), waiting(&desk.bank)), (0, 0));
    let late = desk.run(&["cosign", &id, "--as", &desk.bank, "--yes"]);
    assert_eq!((late.code, &late.json()["error"]["name"]), (1, &json!("STAGE_UNKNOWN")));

    // agreed beforehand: the receiver need not sign
    let consent = ["consent-set", "--profile", "bl-order", "--from", shipper, "--days", "30"];
    // which warnings will come is not known yet: each is named
    let given = ["--as", trader, "--yes"];
    let ran = desk.run(&[&consent[..], &given, &["--ack-all"]].concat());
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    let nosuch = ["consent-set", "--profile", "nosuch", "--from", shipper, "--as", trader, "--yes"];
    let ran = desk.run(&nosuch);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (2, &json!("UNKNOWN_PROFILE")));
    desk.done(&[&consent[..], &given, &["--ack", "TH:unknown"]].concat());
    let consents = desk.done(&["consents", "--as", trader]);
    assert!(consents.to_string().contains("bl-order"), "{consents}");
    desk.act("offer", &id, &["--to", trader, "--endorse", "special"], shipper);
    desk.done(&["consent-revoke", "--no", "1", "--as", trader, "--yes"]);

    // nobody signs the note that a time is over; here it is not yet
    for asking in [&[][..], &["--as", shipper]] {
        let ran = desk.run(&[&["expire", &id, "--yes"][..], asking].concat());
        assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("NOT_EXPIRED")));
    }
    desk.act("withdraw", &id, &[], shipper);
    // the least time to answer can be given, and what lies outside is told with the range
    desk.act("offer", &id, &["--to", trader, "--deadline", "1m"], shipper);
    desk.act("withdraw", &id, &[], shipper);
    let month = ["offer", &id, "--to", trader, "--deadline", "31d", "--as", shipper, "--yes"];
    let ran = desk.run(&month);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("BAD_DEADLINE")));
    let hints = ran.json()["error"]["hints"].to_string();
    assert!(hints.contains("--deadline is 1m to 30d"), "{hints}");
    an_agent_offers_under_a_mandate(&desk, &id);
    two_of_three_holders_give_on(&desk, &id);
}

/// The bank, no party to the record, offers it for the shipper, and only as far as it may.
fn an_agent_offers_under_a_mandate(desk: &Desk, id: &str) {
    let (shipper, trader, bank) = (desk.shipper.as_str(), desk.trader.as_str(), &desk.bank);
    let request = desk.path("mandate-key.json");
    let scopes = ["--scope", "etr.*", "--scope", "access.mandate_*"];
    desk.network.done(&[&["key", "new", shipper, "-o", &request][..], &scopes].concat());
    desk.network.done(&["key", "bind", &request, "--as", "VN:NBR", "--yes"]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let until_ms = u64::try_from(now.as_millis()).expect("this century") + 86_400_000;
    let mandate =
        json!({ "agent": bank, "acts": ["etr.offer"], "limits": [], "untilMs": until_ms });
    let mandate = mandate.to_string();
    let set = ["access", "mandate-set", shipper, "--args", &mandate, "--as", shipper, "--yes"];
    desk.network.done(&set);
    desk.network.settle();

    let offer = |by: &str, mandate: &str| {
        let line = ["offer", id, "--to", trader, "--endorse", "special", "--yes", "--ack-all"];
        desk.run(&[&line[..], &["--as", by, "--mandate", mandate]].concat())
    };
    let other = format!("{shipper}#2");
    for (by, mandate) in [(trader, shipper), (bank, other.as_str())] {
        let ran = offer(by, mandate);
        assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("MANDATE_LIMIT")));
    }
    let ran = offer(bank, shipper);
    assert_eq!((ran.code, &ran.json()["ok"]), (0, &json!(true)), "{}{}", ran.stdout, ran.stderr);
    desk.network.settle();
    let history = desk.done(&["history", id, "--as", shipper]);
    let items = history["items"].as_array().expect("ops").iter();
    let last = items.max_by_key(|item| item["seq"].as_u64()).expect("an op");
    let signature = &last["op"]["sigs"][0];
    let says = (&signature["party"], &signature["for"], &signature["mandate"]);
    assert_eq!(says, (&json!(bank), &json!(shipper), &json!(1)), "{last}");
    // what the mandate does not cover, the ledger refuses
    let line = ["withdraw", id, "--yes", "--as", bank, "--mandate", shipper];
    let ran = desk.run(&line);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("SCOPE_DENIED")));
    desk.act("withdraw", id, &[], shipper);
}

/// Of three joint holders two sign in one command, and the record goes on.
fn two_of_three_holders_give_on(desk: &Desk, id: &str) {
    let third = desk.business("SG:ACRA", "UEN", "201912345K", "EXAMPLE HOLDING PTE. LTD.");
    let mut of = [desk.trader.as_str(), desk.bank.as_str(), third.as_str()];
    of.sort_unstable();
    let joint = json!({ "joint": { "k": 2, "of": of } }).to_string();
    desk.act("offer", id, &["--to", &joint, "--endorse", "special"], &desk.shipper);
    let each: Vec<&str> = of.iter().flat_map(|party| ["--as", party]).collect();
    desk.done(&[&["accept", id, "--yes", "--ack-all"][..], &each].concat());
    desk.network.settle();
    let back = ["offer", id, "--to", &desk.shipper, "--endorse", "special", "--yes", "--ack-all"];
    let ran = desk.run(&[&back[..], &each[..2]].concat());
    let error = ran.json()["error"].clone();
    assert_eq!((ran.code, &error["name"]), (1, &json!("MISSING_SIGNER")), "{error}");
    let lacks = error["message"].as_str().expect("a message");
    assert!(lacks.contains(&format!("1 more of 2 of {}", of.join(", "))), "{lacks}");
    let given = desk.done(&[&back[..], &each[2..]].concat());
    assert_eq!(given["ok"], true, "{given}");
}

#[test]
fn etr_cosign_signs_nothing_that_was_not_asked_for() {
    let desk = Desk::open(1);
    let (shipper, bank) = (desk.shipper.as_str(), desk.bank.as_str());
    let terms = desk.file("loan.txt", "the loan agreement\n");
    let staged = |number: &str| {
        let id = desk.bill(number, shipper);
        let pledge = ["pledge", &id, "--to", bank, "--lot", "1:KGM:12000", "--terms", &terms];
        let on =
            ["--on", r#"{"after":{"ms":1}}"#, "--as", shipper, "--yes", "--ack-all", "--stage"];
        desk.done(&[&pledge[..], &on].concat());
        id
    };
    let (asked, other) = (staged("TTNU6001"), staged("TTNU6002"));
    let waiting = || desk.done(&["staged", "--as", bank])["items"].clone();
    let before = waiting();
    let items = before.as_array().expect("items");
    let foreign = items.iter().find(|item| item["id"] == other.as_str()).expect("it waits").clone();
    let mine =
        items.iter().find(|item| item["id"] == asked.as_str()).expect("it waits")["op"].clone();

    let node = desk.network.nodes()[0]["url"].as_str().expect("a url").to_owned();
    let address = node.trim_start_matches("http://").parse().expect("an address");
    // cosigns at a node that answers with these items in the place of those that wait
    let cosign = |items: Option<Value>| {
        let relay = Relay::to(address, move |method, result| {
            if let (true, Some(items)) = (method == "etr_staged", &items) {
                result["items"] = items.clone();
            }
        });
        let args = ["etr", "cosign", &asked, "--as", bank, "--yes", "--json", "--node", &relay.url];
        let ran = desk.network.run(&args);
        (ran, relay.called())
    };
    let item = |op: &Value| {
        let mut item = foreign.clone();
        (item["id"], item["op"]) = (json!(asked), op.clone());
        item
    };
    let changed = |name: &str, value: Value| {
        let mut op = mine.clone();
        op[name] = value;
        op
    };
    let lies = [
        ("the op of another record", json!([item(&foreign["op"])])),
        ("one more than was asked for", json!([item(&mine), foreign.clone()])),
        ("another network", json!([item(&changed("chain", json!("titian-devnet-0")))])),
        ("another register", json!([item(&changed("register", json!("access")))])),
    ];
    for (what, items) in lies {
        let (ran, called) = cosign(Some(items));
        assert!([2, 3].contains(&ran.code), "{what}: {}", ran.stdout);
        assert!(called.iter().any(|method| method == "etr_staged"), "{what}: {called:?}");
        assert!(!called.iter().any(|method| method == "ledger_submit"), "{what}: {called:?}");
        assert_eq!(waiting(), before, "{what}");
    }
    // the same way without a lie
    let (ran, called) = cosign(None);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(called.iter().any(|method| method == "ledger_submit"), "{called:?}");
    desk.network.settle();
    let left = waiting();
    let ids: Vec<&Value> = left.as_array().expect("items").iter().map(|item| &item["id"]).collect();
    assert_eq!(ids, [other.as_str()]);
}

#[test]
fn etr_what_each_state_says_is_shown_as_a_matrix_and_in_words() {
    let desk = Desk::open(1);
    let entries = desk.done(&["law", "matrix"])["entries"].as_array().expect("a list").clone();
    let singapore = entries.iter().find(|entry| {
        entry["ams"] == "SG" && (entry["class"] == "bill_of_lading" || entry["class"] == "*")
    });
    assert_eq!(singapore.expect("an entry of Singapore")["verdict"], "full");
    let matrix = desk.network.done(&["etr", "law", "matrix"]).stdout;
    let lines: Vec<Vec<&str>> =
        matrix.lines().map(|line| line.split_whitespace().collect()).collect();
    let head = lines.first().expect("a heading");
    assert_eq!(head.first(), Some(&"CLASS"));
    let column = head.iter().position(|state| *state == "SG").expect("a column for Singapore");
    let row = lines.iter().find(|line| line.starts_with(&["bill", "of", "lading"]));
    // the class takes three words
    assert_eq!(row.expect("a row for bills").get(column + 2), Some(&"full"), "{matrix}");
    let words = desk.network.done(&["etr", "law", "SG"]).stdout;
    assert!(words.starts_with("Singapore: in force: "), "{words}");
    let words = desk.network.done(&["etr", "law"]).stdout;
    let thailand = "Thailand: no enabling statute recorded; effect is contractual only";
    assert!(words.lines().any(|line| line == thailand), "{words}");
    let court = desk.network.done(&["etr", "law", "court", "SG"]).stdout;
    assert!(court.contains("every court act is refused"), "{court}");
    // what is no question, no country that is recorded or no class is refused, not answered
    for wrong in [&["court"][..], &["foo", "bar"], &["ZZ"], &["court", "ZZ"]] {
        let ran = desk.run(&[&["law"][..], wrong].concat());
        assert_eq!(ran.code, 2, "{wrong:?}: {}", ran.stdout);
    }
    for about in [&["law"][..], &["law", "SG"], &["law", "matrix"]] {
        let ran = desk.run(&[about, &["--class", "nosuch"]].concat());
        assert_eq!(ran.code, 2, "{about:?}: {}", ran.stdout);
    }
}

#[test]
fn etr_two_bills_change_hands_in_one_bundle_or_not_at_all() {
    let desk = Desk::open(1);
    let (shipper, trader) = (desk.shipper.as_str(), desk.trader.as_str());
    let (first, second) = (desk.bill("TTNU6001", shipper), desk.bill("TTNU6002", trader));
    let draft = |name: &str, args: &[&str]| -> String {
        let out = desk.path(name);
        desk.done(&[args, &["--draft", &out]].concat());
        out
    };
    // each offers its own; neither accepts before the other
    desk.act("offer", &first, &["--to", trader, "--endorse", "special"], shipper);
    desk.act("offer", &second, &["--to", shipper, "--endorse", "special"], trader);
    let files = [draft("1.json", &["accept", &first]), draft("2.json", &["accept", &second])];
    let stranger = [&["bundle", &files[0], &files[1]][..], &["--as", &desk.bank, "--yes"]].concat();
    let told = desk.run(&stranger);
    assert_eq!((told.code, &told.json()["error"]["name"]), (1, &json!("FORBIDDEN")));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    // what is not whole is not begun; a stranger is not told what fails
    let bundle = [&["bundle"][..], &files, &["--as", trader, "--yes", "--ack-all"]].concat();
    let alone = desk.run(&bundle);
    assert_eq!((alone.code, &alone.json()["error"]["name"]), (1, &json!("MISSING_SIGNER")));
    let holder = |id: &str, asks: &str| desk.show(id, asks)["party"]["controller"]["party"].clone();
    assert_eq!(
        (holder(&first, shipper), holder(&second, shipper)),
        (json!(shipper), json!(trader))
    );
    // what is signed of it goes into a file, and to the ledger when somebody brings it there
    let half = desk.path("half.json");
    let kept = desk.done(&[&bundle[..], &["-o", &half]].concat());
    assert_eq!((&kept["status"], &kept["file"]), (&json!("incomplete"), &json!(half)), "{kept}");
    assert_eq!(kept["missing"].as_array().map(Vec::len), Some(1), "{kept}");
    let text = std::fs::read_to_string(&half).expect("a file");
    let ops: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let signatures = |op: usize| ops["ops"][op]["sigs"].as_array().map(Vec::len);
    assert_eq!([signatures(0), signatures(1), signatures(2)], [Some(1), Some(0), None]);
    desk.network.settle();
    assert_eq!(desk.done(&["staged", "--as", shipper])["items"], json!([]));
    desk.done(&["stage", &half, "--yes"]);
    desk.network.settle();
    desk.cosign(&second, &[shipper]);
    assert_eq!(holder(&first, trader), trader);
    assert_eq!(holder(&second, shipper), shipper);
}

#[test]
fn etr_what_is_erased_cannot_be_opened_and_its_file_is_gone() {
    let desk = Desk::open(1);
    let (carrier, shipper) = (desk.carrier.as_str(), desk.shipper.as_str());
    let id = desk.bill("TTNU7001", shipper);
    let content = desk.path(&format!("{id}.content.json"));
    desk.done(&["seal", &id, "--content", &content, "--as", carrier]);
    let opened = desk.out.join("opened");
    std::fs::create_dir(&opened).expect("a folder");
    let open = ["open", &id, "--as", shipper, "--content-dir", &opened.display().to_string()]
        .map(str::to_owned);
    let open: Vec<&str> = open.iter().map(String::as_str).collect();
    desk.done(&open);
    // only who put it there
    desk.run(&["erase", &id, "--as", shipper]);
    desk.done(&open);
    desk.done(&["erase", &id, "--as", carrier, "--content", &content]);
    assert!(!std::path::Path::new(&content).exists(), "the carrier's own file");
    assert_ne!(desk.run(&open).code, 0);
    // the record stands, and says nothing of the content
    assert_eq!(desk.show(&id, shipper)["public"]["status"], "active");
}

#[test]
fn etr_tradetrust_documents_become_a_note_and_a_receipt_on_the_ledger() {
    let desk = Desk::open(1);
    let (carrier, shipper) = (desk.carrier.as_str(), desk.shipper.as_str());
    let folder = desk.out.display().to_string();
    let signing = ["--to", shipper, "--as", carrier, "--stage", "--yes", "--ack-all"];
    let issue = |file: &str, more: &[&str]| {
        let content = ["issue", "--content", file, "--content-dir", &folder];
        desk.run(&[&content[..], more, &signing].concat())
    };
    let issued = |file: &str, more: &[&str]| {
        let ran = issue(file, more);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let id = ran.json()["id"].as_str().expect("an id").to_owned();
        desk.cosign(&id, &[shipper]);
        desk.show(&id, shipper)
    };

    // its number has lower case, and it lacks what the law wants of a note: each is told by name
    let mut note: serde_json::Value = serde_json::from_str(NOTE).expect("JSON");
    note["dueDate"] = json!("2031-05-10T00:00:00.000Z");
    let file = desk.file("note.json", &note.to_string());
    let ran = issue(&file, &[]);
    assert_eq!((ran.code, &ran.json()["error"]["message"]), (2, &json!("--ref is needed")));
    let ran = issue(&file, &["--ref", "PN-1"]);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (2, &json!("FIELD_MISSING")));
    assert!(ran.stdout.contains("promise, placeOfPayment"), "{}", ran.stdout);
    let lacking = ["--set", "promise=unconditional", "--set", "placeOfPayment=Singapore"];
    let shown = issued(&file, &[&["--ref", "PN-1"][..], &lacking].concat());
    assert_eq!(shown["public"]["profile"], "promissory-note@1");
    let sum = &shown["party"]["lots"][0];
    assert_eq!((&sum["unit"], &sum["amount"]), (&json!("EUR"), &json!("7894523")));
    assert_eq!((&sum["scale"], &shown["party"]["ref"]), (&json!(2), &json!("PN-1")));

    // a malformed one is refused before anything is written or sent
    note["dueDate"] = json!("10 May 2031");
    let file = desk.file("wrong.json", &note.to_string());
    let ran = issue(&file, &[&["--ref", "PN-2"][..], &lacking].concat());
    assert_eq!((ran.code, &ran.json()["error"]["data"]["places"]), (2, &json!(["/dueDate"])));

    let mut receipt: serde_json::Value = serde_json::from_str(RECEIPT).expect("JSON");
    let file = desk.file("receipt.json", &receipt.to_string());
    let ran = issue(&file, &[]);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (2, &json!("FIELD_MISSING")));
    let lacking = ["goods=copper", "charges=none", "depositor=EXAMPLE", "issueDate=2026-01-05"]
        .map(|member| ["--set", member])
        .concat();
    let lacking = [&lacking[..], &["--set", "warehouse=EXAMPLE LINES"]].concat();
    let shown = issued(&file, &lacking);
    assert_eq!(shown["public"]["profile"], "warehouse-receipt@1");
    let lot = &shown["party"]["lots"][0];
    assert_eq!((&lot["unit"], &lot["amount"]), (&json!("KGM"), &json!("50")));
    assert_eq!(shown["party"]["ref"], "12345");
    let first = shown["public"]["id"].as_str().expect("an id").to_owned();
    // a weight that cannot be read stands in nobody's way who names the lots
    receipt["credentialSubject"]["warehouseReceipt"] = json!("12346");
    receipt["credentialSubject"]["totalNetWeight"] = json!("50 MT");
    let file = desk.file("tonnes.json", &receipt.to_string());
    let ran = issue(&file, &lacking);
    assert_eq!(
        (ran.code, &ran.json()["error"]["data"]["places"]),
        (2, &json!(["/totalNetWeight"]))
    );
    let shown = issued(&file, &[&lacking[..], &["--lot", "1:KGM:50000"]].concat());
    assert_eq!(shown["party"]["lots"][0]["amount"], "50000");
    merged_under_a_new_content(&desk, &first, shown["public"]["id"].as_str().expect("an id"));
}

/// Two receipts whose contents differ become one: its content is new, and goes to both parties.
fn merged_under_a_new_content(desk: &Desk, first: &str, second: &str) {
    let (carrier, shipper) = (desk.carrier.as_str(), desk.shipper.as_str());
    let line = ["merge", first, "--with", second, "--as", shipper, "--as", carrier];
    let merge = |more: &[&str]| desk.run(&[&line[..], &["--yes", "--ack-all"], more].concat());
    let ran = merge(&[]);
    let error = &ran.json()["error"];
    assert_eq!((ran.code, &error["name"]), (1, &json!("CONTENT_MISMATCH")));
    assert!(error["hints"].to_string().contains("--merged FILE"), "{error}");

    let file = std::fs::read(desk.path(&format!("{first}.content.json"))).expect("its content");
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    let mut content = file["content"].clone();
    content["goods"] = json!("copper, two lots");
    let new = desk.file("merged.json", &content.to_string());
    content.as_object_mut().expect("an object").remove("charges");
    let short = desk.file("short.json", &content.to_string());
    let ran = merge(&["--merged", &short]);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (2, &json!("FIELD_MISSING")));
    let ran = merge(&["--merged", &new]);
    assert_eq!((ran.code, &ran.json()["ok"]), (0, &json!(true)), "{}{}", ran.stdout, ran.stderr);
    desk.network.settle();

    let children = desk.children(first, shipper);
    assert_eq!(children, desk.children(second, shipper));
    let [merged] = children.as_slice() else { panic!("one record: {children:?}") };
    let shown = desk.show(merged, shipper);
    assert_eq!(
        (&shown["party"]["lots"][0]["amount"], &shown["party"]["ref"]),
        (&json!("50050"), &json!("12345"))
    );
    // what it commits to is kept under its own id, and nothing waits
    let kept = desk.path(&format!("{merged}.content.json"));
    let shown = desk.done(&["show", merged, "--content", &kept]);
    assert_eq!(shown["content"]["goods"], "copper, two lots");
    assert!(!std::path::Path::new(&desk.path(&format!("{first}.content.merged.json"))).exists());
    let sealed = &ran.json()["sealed"][0];
    assert_eq!((&sealed["id"], sealed["to"].as_array().map(Vec::len)), (&json!(merged), Some(2)));
    let opened = desk.out.join("opened");
    std::fs::create_dir(&opened).expect("a folder");
    for party in [carrier, shipper] {
        let open = ["open", merged, "--as", party, "--content-dir", &opened.display().to_string()]
            .map(str::to_owned);
        let ran = desk.done(&open.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(ran["content"]["goods"], "copper, two lots", "{party}");
    }
}

#[test]
fn etr_a_bank_attests_a_payment_and_the_buyer_takes_control() {
    const UETR: &str = "00000000-0000-4000-8000-000000000001";
    let desk = Desk::open(1);
    let (carrier, shipper) = (desk.carrier.as_str(), desk.shipper.as_str());
    let (trader, bank) = (desk.trader.as_str(), desk.bank.as_str());
    let (id, other) = (desk.bill("TTNU8001", shipper), desk.bill("TTNU8002", shipper));
    let history = |id: &str| desk.done(&["history", id, "--as", shipper])["items"].clone();
    let issue = &history(&id)[0]["op"]["sigs"];
    let sigs = issue.as_array().expect("signatures");
    let key = &sigs.iter().find(|sig| sig["party"] == carrier).expect("the carrier signed")["key"];
    let inspector = format!("{carrier}#{}", key.as_str().expect("a key"));

    // the offer waits for a payment, which a bank attests, and for the word of the carrier's key
    let now = desk.show(&id, shipper)["asOf"]["timeMs"].as_u64().expect("a time");
    let payment = json!({ "payment_attested": { "uetr": UETR, "unit": "USD", "amount": "2500000",
        "settleByMs": now + 3_600_000, "attesters": [bank], "k": 1 } });
    let approved = json!({ "k_of_n": { "k": 1, "keys": [inspector] } });
    let tree = json!({ "all": [payment, approved] }).to_string();
    let offer = |id: &str, tree: &str| {
        let terms = ["--to", trader, "--endorse", "special", "--irrevocable", "--when", tree];
        desk.act("offer", id, &terms, shipper);
        let shown = desk.show(id, shipper);
        shown["party"]["pending"]["op"].as_str().expect("a digest").to_owned()
    };
    let op = offer(&id, &tree);
    let accept = |id: &str, evidence: &str| {
        let line = ["accept", id, "--evidence", evidence, "--as", trader, "--yes", "--ack-all"];
        let ran = desk.run(&line);
        (ran.code, ran.json()["error"]["name"].clone())
    };
    assert_eq!(accept(&id, "[]"), (1, json!("CONDITION_UNMET")));

    let message = desk.file("pacs002.xml", "<Document>a settled payment</Document>\n");
    let attest = |id: &str, op: &str, settled: &str, out: &str, sure: &[&str]| {
        let paid = ["--uetr", UETR, "--unit", "USD", "--amount", "2500000", "--settled", settled];
        let of = ["--message", &message, "--op", op, "--as", bank, "-o", out];
        desk.run(&[&["attest", id][..], &paid, &of, sure].concat())
    };
    let (paid, both) = (desk.path("paid.json"), desk.path("both.json"));
    let (settled, ahead) = (now.to_string(), (now + 86_400_000).to_string());
    // nobody can be asked here, and nothing was settled tomorrow
    assert_eq!(attest(&id, &op, &settled, &paid, &[]).code, 2);
    assert_eq!(attest(&id, &op, &ahead, &paid, &["--yes"]).code, 2);
    assert!(!std::path::Path::new(&paid).exists(), "nothing was signed");
    let made = attest(&id, &op, &settled, &paid, &["--yes"]);
    assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    assert!(made.stderr.contains(UETR), "it is shown before it is signed: {}", made.stderr);
    let statement = made.json()["evidence"][0]["statement"].clone();
    assert_eq!((&statement["opDigest"], &statement["record"]), (&json!(op), &json!(id)));
    assert_eq!(accept(&id, &paid), (1, json!("CONDITION_UNMET")));

    // who is not named has nothing to approve, and the op of another record is another's
    let ops = history(&id);
    let offered = &ops.as_array().expect("ops").last().expect("the offer")["op"];
    let file = desk.file("offer.json", &offered.to_string());
    let approve = |id: &str, by: &str| {
        let of = ["attest", id, "--approve", &file, "--add", &paid];
        desk.run(&[&of[..], &["--as", by, "--yes", "-o", &both]].concat())
    };
    assert_eq!(approve(&id, trader).code, 2);
    assert_eq!(approve(&other, carrier).code, 2);
    assert!(!std::path::Path::new(&both).exists(), "nothing was signed");
    let ran = approve(&id, carrier);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.json()["evidence"].as_array().map(Vec::len), Some(2));
    desk.act("accept", &id, &["--evidence", &both], trader);
    assert_eq!(desk.show(&id, trader)["party"]["controller"]["party"], trader);

    // the payment has served: for the next record it is none
    let tree = json!({ "all": [payment] }).to_string();
    let op = offer(&other, &tree);
    let again = desk.path("again.json");
    assert_eq!(attest(&other, &op, &settled, &again, &["--yes"]).code, 0);
    assert_eq!(accept(&other, &again), (1, json!("EVIDENCE_REUSED")));
}
