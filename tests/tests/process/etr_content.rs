//! The content goes along with a record, from the command line (etr-api.md §3): with the issuance, an
//! amendment, a return from paper, and acts in bundles; what is left where an act is staged or the
//! node takes no more; and acceptance without having seen it.

use serde_json::{Value, json};
use titian_contracts::limits::ETR_ENVELOPES_PER_RECORD_AND_PARTY_MAX as PER_PARTY;

use super::Ran;
use super::etr_life::{Desk, issuance};

/// The options that issue a bill of the carrier with this number to `to`.
fn bill<'a>(desk: &'a Desk, file: &'a str, to: &'a str) -> Vec<&'a str> {
    vec!["issue", "--content", file, "--to", to, "--as", &desk.carrier]
}

fn content(desk: &Desk, number: &str) -> String {
    let mut issuance = issuance();
    issuance["document"]["transportDocumentReference"] = json!(number);
    desk.file(&format!("{number}.json"), &issuance.to_string())
}

/// A bill that carrier and first holder sign in one step; gives its id and the receipt.
fn issued(desk: &Desk, number: &str, to: &str, more: &[&str]) -> (String, Value) {
    let file = content(desk, number);
    let signing = ["--as", to, "--yes", "--ack-all"];
    let receipt = desk.done(&[&bill(desk, &file, to)[..], &signing, more].concat());
    assert_eq!(receipt["ok"], true, "{receipt}");
    (receipt["id"].as_str().expect("an id").to_owned(), receipt)
}

fn open(desk: &Desk, id: &str, party: &str) -> Ran {
    let folder = desk.out.join("opened").display().to_string();
    desk.run(&["open", id, "--as", party, "--content-dir", &folder])
}

/// The content that a party opens, and its version.
fn opened(desk: &Desk, id: &str, party: &str) -> (Value, Value) {
    let ran = open(desk, id, party);
    assert_eq!(ran.code, 0, "{party}: {}{}", ran.stdout, ran.stderr);
    (ran.json()["content"].clone(), ran.json()["version"].clone())
}

fn is_not_held(desk: &Desk, id: &str, party: &str) {
    let ran = open(desk, id, party);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("NOT_FOUND")), "{party}");
}

/// The envelopes that wait in files.
fn waiting(desk: &Desk) -> Vec<String> {
    let files = std::fs::read_dir(&desk.out).expect("a folder");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("text"));
    let mut names: Vec<String> = names.filter(|name| name.contains(".envelope-")).collect();
    names.sort();
    names
}

/// The parties that an entry of `sealed` names, by their keys.
fn sealed_to(entry: &Value) -> Vec<String> {
    let keys = entry["to"].as_array().unwrap_or_else(|| panic!("sealed to nobody: {entry}"));
    let party =
        |key: &Value| key.as_str().and_then(|key| key.split_once('#')).map(|key| key.0.to_owned());
    keys.iter().map(|key| party(key).expect("PARTY#kN")).collect()
}

/// Does these drafts as one.
fn bundle(desk: &Desk, files: &[String], args: &[&str]) -> Ran {
    let files = files.iter().map(String::as_str);
    let line = std::iter::once("bundle").chain(files).chain(args.iter().copied());
    desk.run(&line.chain(["--yes", "--ack-all"]).collect::<Vec<_>>())
}

fn draft(desk: &Desk, name: &str, args: &[&str]) -> String {
    let out = desk.path(name);
    desk.done(&[args, &["--draft", &out]].concat());
    out
}

#[test]
fn etr_the_content_goes_along_with_issuance_amendment_and_return_from_paper() {
    let desk = Desk::open(1);
    let (carrier, shipper) = (desk.carrier.as_str(), desk.shipper.as_str());
    let (trader, bank) = (desk.trader.as_str(), desk.bank.as_str());
    std::fs::create_dir(desk.out.join("opened")).expect("a folder");

    // the first holder gets it, the issuer has it
    let (id, receipt) = issued(&desk, "TTNU8001", shipper, &[]);
    assert_eq!(sealed_to(&receipt["sealed"]), [shipper]);
    assert_eq!(waiting(&desk), [""; 0]);
    let (content, version) = opened(&desk, &id, shipper);
    assert_eq!(content["transportDocumentReference"], "TTNU8001");
    assert_eq!(version, 1);
    is_not_held(&desk, &id, carrier);

    // a new content goes to every party
    let mut changed = content.clone();
    changed["shippingInstructionsReference"] = json!("SI-4712");
    let amend = |from: &str, to: &Value, by: &[&str], more: &[&str]| {
        let (from, to) = (desk.path(from), desk.file("changed.json", &to.to_string()));
        let text = desk.file("note.txt", "what changed\n");
        let line = ["amend", &id, "--envelope", &from, "--content", &to, "--text", &text];
        let receipt = desk.done(&[&line[..], by, &["--yes", "--ack-all"], more].concat());
        assert_eq!(receipt["ok"], true, "{receipt}");
        receipt
    };
    let first = format!("{id}.content.json");
    let receipt = amend(&first, &changed, &["--as", shipper, "--as", carrier], &[]);
    assert_eq!(sealed_to(&receipt["sealed"]), [carrier, shipper]);
    for party in [carrier, shipper] {
        assert_eq!(opened(&desk, &id, party), (changed.clone(), json!(2)), "{party}");
    }
    // each version has its own file: what was opened before is still there with its salts
    let held = |name: String| {
        let text = std::fs::read_to_string(desk.out.join("opened").join(name)).expect("a file");
        serde_json::from_str::<Value>(&text).expect("JSON")["content"].clone()
    };
    let versions = [held(format!("{id}.content.json")), held(format!("{id}.content.v2.json"))];
    assert_eq!(versions, [content.clone(), changed.clone()]);
    // a second try from the version before is refused, and takes no salt of the one in force
    let v2 = desk.path(&format!("{id}.content.v2.json"));
    let kept = std::fs::read(&v2).expect("a file");
    let (from, to) = (desk.path(&first), desk.path("changed.json"));
    let again = ["amend", &id, "--envelope", &from, "--content", &to, "--text", &to, "--no-seal"];
    let ran =
        desk.run(&[&again[..], &["--as", shipper, "--as", carrier, "--yes", "--ack-all"]].concat());
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("CONTENT_MISMATCH")));
    assert_eq!(std::fs::read(&v2).expect("a file"), kept);

    // who gives the record on has the new content at hand; who accepts it checks it
    let offer = |to: &str, by: &str, more: &[&str]| {
        let args = [&["--to", to, "--endorse", "special"][..], more].concat();
        desk.act("offer", &id, &args, by)
    };
    let folder = desk.out.join("opened").display().to_string();
    assert_eq!(sealed_to(&offer(trader, shipper, &[])["sealed"]), [trader]);
    desk.act("accept", &id, &["--content-dir", &folder], trader);

    // an amendment that nobody gets: what is sealed is not what the record commits to
    changed["shippingInstructionsReference"] = json!("SI-4713");
    let second = format!("{id}.content.v2.json");
    let receipt = amend(&second, &changed, &["--as", trader, "--as", carrier], &["--no-seal"]);
    assert!(receipt.get("sealed").is_none(), "{receipt}");
    assert!(offer(shipper, trader, &["--no-seal"]).get("sealed").is_none());
    let accept = ["accept", &id, "--as", shipper, "--yes", "--ack-all"];
    let ran = desk.run(&[&accept[..], &["--content-dir", &folder]].concat());
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (3, &json!("CONTENT_MISMATCH")));
    let ran = desk.run(&[&accept[..], &["--unseen"]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("you accept unseen"), "{}", ran.stderr);
    assert_eq!(desk.show(&id, shipper)["party"]["controller"]["party"], shipper);

    // where none came, that is said
    let (bare, receipt) = issued(&desk, "TTNU8002", shipper, &["--no-seal"]);
    assert!(receipt.get("sealed").is_none(), "{receipt}");
    is_not_held(&desk, &bare, shipper);
    desk.act("offer", &bare, &["--to", bank, "--endorse", "special", "--no-seal"], shipper);
    let ran = desk.run(&["accept", &bare, "--unseen", "--as", bank, "--yes", "--ack-all"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("without having seen it"), "{}", ran.stderr);
    assert_eq!(waiting(&desk), [""; 0]);

    // back from paper under an id that nobody knows before
    desk.act("surrender", &bare, &["--kind", "paper"], bank);
    let statement = desk.file("statement.txt", "replaced by paper\n");
    let (replaced, back) = (format!("replaced={statement}"), format!("returned={statement}"));
    let paper = ["--serial", "P-1", "--print", &statement, "--statement", &replaced];
    desk.act("surrender-accept", &bare, &paper, carrier);
    let file = desk.path("TTNU8002.json");
    let issue = ["issue-from-paper", "--content", &file, "--to", trader, "--serial", "P-1"];
    let paper = ["--custodian", bank, "--inoperative", &statement, "--statement", &back];
    let signing = ["--as", carrier, "--as", trader, "--as", bank, "--yes", "--ack-all"];
    let receipt = desk.done(&[&issue[..], &paper, &signing].concat());
    let returned = receipt["sealed"]["id"].as_str().expect("an id").to_owned();
    assert_ne!(returned, bare);
    assert_eq!(sealed_to(&receipt["sealed"]), [trader]);
    assert_eq!(opened(&desk, &returned, trader).0["transportDocumentReference"], "TTNU8002");
    assert_eq!(waiting(&desk), [""; 0]);
}

#[test]
fn etr_the_contents_of_a_bundle_go_to_whom_each_act_brings_in() {
    let desk = Desk::open(1);
    let (carrier, shipper) = (desk.carrier.as_str(), desk.shipper.as_str());
    let (trader, bank) = (desk.trader.as_str(), desk.bank.as_str());
    std::fs::create_dir(desk.out.join("opened")).expect("a folder");
    let (first, _) = issued(&desk, "TTNU8101", shipper, &[]);
    let (second, _) = issued(&desk, "TTNU8102", shipper, &["--no-seal"]);
    // the content of the second is where nobody looks for it
    let away = desk.path("away.json");
    std::fs::rename(desk.path(&format!("{second}.content.json")), &away).expect("moved");
    let give = |id: &str, name: &str, to: &str| {
        draft(&desk, name, &["offer", id, "--to", to, "--endorse", "special"])
    };

    // both stand at once: each receiver opens its own, and nobody the other's
    let offers = [give(&first, "1.json", trader), give(&second, "2.json", bank)];
    let ran = bundle(&desk, &offers, &["--as", shipper, "--content", &away]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let sealed = ran.json()["sealed"].as_array().expect("a list").clone();
    let told: Vec<_> = sealed.iter().map(|entry| (entry["id"].clone(), sealed_to(entry))).collect();
    let each = |id: &str, party: &str| (json!(id), vec![party.to_owned()]);
    assert_eq!(told, [each(&first, trader), each(&second, bank)]);
    assert_eq!(opened(&desk, &first, trader).0["transportDocumentReference"], "TTNU8101");
    assert_eq!(opened(&desk, &second, bank).0["transportDocumentReference"], "TTNU8102");
    assert_ne!(open(&desk, &first, bank).code, 0);
    assert_eq!(waiting(&desk), [""; 0]);

    // who accepts opens each before it signs; nobody else comes, nothing is sealed
    desk.act("refuse", &second, &[], bank);
    let again = ["--to", trader, "--endorse", "special", "--content", &away];
    desk.act("offer", &second, &again, shipper);
    let accept = |id: &str, name: &str| draft(&desk, name, &["accept", id]);
    let folder = desk.out.join("opened").display().to_string();
    let accepts = [accept(&first, "1.json"), accept(&second, "2.json")];
    let ran = bundle(&desk, &accepts, &["--as", trader, "--content-dir", &folder]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stderr.matches("content matches the record:").count(), 2, "{}", ran.stderr);
    assert!(ran.json().get("sealed").is_none(), "{}", ran.stdout);

    let back = [give(&first, "1.json", shipper), give(&second, "2.json", shipper)];
    let ran = bundle(&desk, &back, &["--as", trader, "--no-seal"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.json().get("sealed").is_none(), "{}", ran.stdout);
    is_not_held(&desk, &second, shipper);

    // what is not whole leaves nothing
    let issue = |number: &str, to: &str| {
        let file = content(&desk, number);
        draft(&desk, &format!("{number}.draft"), &bill(&desk, &file, to))
    };
    let issues = [issue("TTNU8103", trader), issue("TTNU8104", bank)];
    let ran = bundle(&desk, &issues, &["--as", carrier]);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("MISSING_SIGNER")));
    assert_eq!(waiting(&desk), [""; 0]);
}

#[test]
fn etr_the_content_goes_along_when_a_bill_is_split_and_merged() {
    let desk = Desk::open(1);
    let (carrier, shipper) = (desk.carrier.as_str(), desk.shipper.as_str());
    std::fs::create_dir(desk.out.join("opened")).expect("a folder");
    let (id, _) = issued(&desk, "TTNU8301", shipper, &[]);
    let by = ["--as", shipper, "--as", carrier, "--yes", "--ack-all"];
    let parts = |id: &str, more: &[&str]| {
        let split = ["split", id, "--part", "1:KGM:5000", "--part", "1:KGM:7000"];
        let receipt = desk.done(&[&split[..], more, &by].concat());
        assert_eq!(receipt["ok"], true, "{receipt}");
        desk.network.settle();
        receipt
    };
    // each part has the content of the whole, and both parties to it open that of each
    let receipt = parts(&id, &[]);
    let sealed = receipt["sealed"].as_array().expect("one entry for each part").clone();
    let children = desk.children(&id, shipper);
    let told: Vec<&Value> = sealed.iter().map(|entry| &entry["id"]).collect();
    assert_eq!(told, children.iter().collect::<Vec<_>>());
    for (entry, child) in sealed.iter().zip(&children) {
        assert_eq!(sealed_to(entry), [carrier, shipper]);
        for party in [carrier, shipper] {
            let (content, version) = opened(&desk, child, party);
            assert_eq!(content["transportDocumentReference"], "TTNU8301", "{party}");
            assert_eq!(version, 1);
        }
    }
    assert_eq!(waiting(&desk), [""; 0]);

    // so has what they are merged into, whose content the node holds under the ids of the parts
    let [first, second] = children.as_slice() else { panic!("two parts: {children:?}") };
    let receipt = desk.done(&[&["merge", first, "--with", second][..], &by].concat());
    assert_eq!(receipt["ok"], true, "{receipt}");
    desk.network.settle();
    let merged = desk.children(first, shipper);
    assert_eq!(merged, desk.children(second, shipper));
    let [merged] = merged.as_slice() else { panic!("one record: {merged:?}") };
    let sealed = receipt["sealed"].as_array().expect("one entry").clone();
    assert_eq!((sealed.len(), &sealed[0]["id"]), (1, &json!(merged)));
    assert_eq!(sealed_to(&sealed[0]), [carrier, shipper]);
    assert_eq!(opened(&desk, merged, carrier).0["transportDocumentReference"], "TTNU8301");

    // --no-seal leaves it; what is only staged says what is left to do
    let receipt = parts(merged, &["--no-seal"]);
    assert!(receipt.get("sealed").is_none(), "{receipt}");
    let children = desk.children(merged, shipper);
    for child in &children {
        is_not_held(&desk, child, shipper);
    }
    let (first, second) = (children[0].as_str(), children[1].as_str());
    let staging = ["--as", shipper, "--stage", "--yes", "--ack-all"];
    let staged = desk.done(&[&["merge", first, "--with", second][..], &staging].concat());
    let reason = staged["sealed"][0]["reason"].as_str().expect("its id is not known yet");
    assert!(reason.contains("titian etr seal"), "{reason}");
    assert_eq!(waiting(&desk), [""; 0]);

    // a pledge on a part is enforced: two records as well, of which the bank gets the pledged one
    let bank = desk.bank.as_str();
    let (id, _) = issued(&desk, "TTNU8302", shipper, &[]);
    let terms = desk.file("loan.txt", "the loan agreement\n");
    let pledge = ["pledge", &id, "--to", bank, "--lot", "1:KGM:5000", "--terms", &terms];
    let on = ["--on", r#"{"after":{"ms":1}}"#, "--cure", "0m", "--as", shipper, "--as", bank];
    let receipt = desk.done(&[&pledge[..], &on, &by[2..]].concat());
    assert_eq!(receipt["ok"], true, "{receipt}");
    desk.network.settle();
    desk.act("default-notice", &id, &["--no", "1", "--document", &terms], bank);
    let receipt = desk.act("enforce", &id, &["--no", "1", "--to", bank], bank);
    let children = desk.children(&id, shipper);
    let [given, kept] = children.as_slice() else { panic!("two records: {children:?}") };
    let sealed = receipt["sealed"].as_array().expect("one entry for each record").clone();
    assert_eq!((&sealed[0]["id"], &sealed[1]["id"]), (&json!(given), &json!(kept)));
    assert_eq!(sealed_to(&sealed[0]), [bank, carrier]);
    for party in [bank, carrier] {
        assert_eq!(opened(&desk, given, party).0["transportDocumentReference"], "TTNU8302");
    }
    // of the rest the bank is no party: who is one seals it
    let reason = sealed[1]["reason"].as_str().expect("it is not the bank's to seal");
    assert!(reason.contains("a party runs titian etr seal"), "{reason}");
    let content = desk.path(&format!("{id}.content.json"));
    desk.done(&["seal", kept, "--content", &content, "--as", carrier]);
    assert_eq!(opened(&desk, kept, shipper).0["transportDocumentReference"], "TTNU8302");
    assert_eq!(waiting(&desk), [""; 0]);
}

#[test]
fn etr_a_sealed_content_that_waits_in_a_file_is_handed_over_later() {
    let desk = Desk::open(1);
    let (carrier, shipper) = (desk.carrier.as_str(), desk.shipper.as_str());
    let (trader, bank) = (desk.trader.as_str(), desk.bank.as_str());
    std::fs::create_dir(desk.out.join("opened")).expect("a folder");

    // a staged bundle says what to do for each record once it stands
    let issue = |number: &str, to: &str| {
        let file = content(&desk, number);
        draft(&desk, &format!("{number}.draft"), &bill(&desk, &file, to))
    };
    let issues = [issue("TTNU8201", shipper), issue("TTNU8202", trader)];
    let files: Vec<&str> = issues.iter().map(String::as_str).collect();
    let staging = ["--as", carrier, "--stage", "--yes", "--ack-all"];
    let said = desk.network.done(&[&["etr", "bundle"][..], &files, &staging].concat()).stdout;
    let later: Vec<&str> =
        said.lines().filter_map(|line| line.strip_prefix("when the act stands: titian ")).collect();
    assert_eq!((later.len(), waiting(&desk).len()), (2, 2), "{said}");
    let run_later = |line: &str| desk.network.run(&line.split(' ').collect::<Vec<_>>());
    let ids = later.iter().map(|line| line.split(' ').nth(2).expect("an id").to_owned());
    let ids: Vec<String> = ids.collect();
    let [first, second] = ids.as_slice() else { panic!("two records: {ids:?}") };
    assert_ne!(run_later(later[0]).code, 0, "there is no such record yet");
    desk.cosign(first, &[shipper]);
    desk.cosign(second, &[trader]);
    is_not_held(&desk, first, shipper);
    for line in &later {
        assert_eq!(run_later(line).code, 0, "{line}");
    }
    assert_eq!(opened(&desk, first, shipper).0["transportDocumentReference"], "TTNU8201");
    assert_eq!(opened(&desk, second, trader).0["transportDocumentReference"], "TTNU8202");

    // the node takes no more of this party: the act stands, and its envelope waits
    let content = desk.path(&format!("{first}.content.json"));
    for _ in 0..PER_PARTY {
        desk.done(&["seal", first, "--content", &content, "--as", shipper]);
    }
    let receipt = desk.act("offer", first, &["--to", bank, "--endorse", "special"], shipper);
    let envelope = receipt["sealed"]["envelope"].as_str().expect("a file").to_owned();
    is_not_held(&desk, first, bank);
    let seal = ["seal", first, "--envelope", &envelope, "--as", shipper];
    assert_eq!(desk.run(&seal).json()["error"]["name"], "LIMIT_EXCEEDED");
    desk.done(&["erase", first, "--as", shipper]);
    desk.done(&seal);
    assert_eq!(opened(&desk, first, bank).0["transportDocumentReference"], "TTNU8201");
}

#[test]
fn etr_the_content_goes_to_who_takes_the_place_of_a_merged_business() {
    let desk = Desk::open(1);
    let (carrier, bank) = (desk.carrier.as_str(), desk.bank.as_str());
    std::fs::create_dir(desk.out.join("opened")).expect("a folder");
    let (first, _) = issued(&desk, "TTNU8501", bank, &[]);
    let (second, _) = issued(&desk, "TTNU8502", bank, &["--no-seal"]);
    let away = desk.path("away.json");
    std::fs::rename(desk.path(&format!("{second}.content.json")), &away).expect("moved");
    let heir = desk.business("MY:SSM", "BRN", "202401000010", "EXAMPLE HOLDING");
    desk.network.settle();
    let place = ["--role", "controller", "--of", bank, "--successor", &heir];
    let by = ["--as", heir.as_str(), "--yes", "--ack-all"];
    let succeed =
        |id: &str, more: &[&str]| desk.run(&[&["succeed", id][..], &place, &by, more].concat());
    // nobody takes a place that the register does not show as its own; nothing is left of it
    let ran = succeed(&first, &[]);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("NO_SUCCESSION")));
    assert_eq!(waiting(&desk), [""; 0]);

    let officers = ["--as", "MY:SSM#k1", "--as", "MY:SSM#k2", "--yes"];
    desk.network.done(&[&["ubin", "merge", &heir, "--absorb", bank][..], &officers].concat());
    desk.network.settle();
    // it is no party yet: the node tells it nothing, and what it signs is tried on the ledger
    let dry = succeed(&first, &["--dry-run"]);
    assert_eq!((dry.code, &dry.json()["checked"]), (5, &json!(false)), "{}", dry.stdout);
    assert_ne!(open(&desk, &first, &heir).code, 0);
    let ran = succeed(&first, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let receipt = ran.json();
    assert_eq!((&receipt["ok"], sealed_to(&receipt["sealed"])), (&json!(true), vec![heir.clone()]));
    desk.network.settle();
    assert_eq!(opened(&desk, &first, &heir).0["transportDocumentReference"], "TTNU8501");
    let shown = desk.show(&first, &heir);
    assert_eq!(shown["party"]["controller"]["party"], heir.as_str());
    assert_eq!(shown["party"]["title"]["party"], heir.as_str());
    assert_eq!(waiting(&desk), [""; 0]);

    // without the content the act stands all the same, and who has it seals it
    let ran = succeed(&second, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let reason = ran.json()["sealed"]["reason"].as_str().expect("a reason").to_owned();
    assert!(reason.contains("not at hand"), "{reason}");
    desk.network.settle();
    is_not_held(&desk, &second, &heir);
    desk.done(&["seal", &second, "--content", &away, "--as", carrier]);
    assert_eq!(opened(&desk, &second, &heir).0["transportDocumentReference"], "TTNU8502");
}

#[test]
fn etr_the_content_goes_to_who_pays_on_recourse() {
    let desk = Desk::open(1);
    let (carrier, shipper) = (desk.carrier.as_str(), desk.shipper.as_str());
    let trader = desk.trader.as_str();
    std::fs::create_dir(desk.out.join("opened")).expect("a folder");
    let note = json!({
        "noteNumber": "PN-8401", "promise": "unconditional", "amount": "100.00", "currency": "SGD",
        "dueDate": "demand", "payee": "EXAMPLE COFFEE", "maker": "EXAMPLE LINES",
        "placeOfPayment": "Singapore", "issueDate": "2026-01-05", "placeOfIssue": "Singapore",
    });
    let file = desk.file("note.json", &note.to_string());
    let issue = ["issue", "--profile", "promissory-note", "--content", &file, "--to", shipper];
    let sum = ["--ref", "PN-8401", "--lot", "1:SGD:100.00", "--no-seal"];
    let signing = ["--as", carrier, "--as", shipper, "--yes", "--ack-all"];
    let receipt = desk.done(&[&issue[..], &sum, &signing].concat());
    let id = receipt["id"].as_str().expect("an id").to_owned();
    desk.network.settle();
    let offer = ["--to", trader, "--endorse", "special", "--no-seal"];
    desk.act("offer", &id, &offer, shipper);
    desk.act("accept", &id, &["--unseen"], trader);
    desk.act("present", &id, &["--for", "payment"], trader);
    desk.act("dishonour", &id, &["--reason", "no_funds"], carrier);
    desk.act("recourse", &id, &["--against", shipper], trader);
    is_not_held(&desk, &id, shipper);
    let pay = ["recourse-pay", &id, "--payer", shipper, "--as", shipper, "--as", trader];
    let receipt = desk.done(&[&pay[..], &["--yes", "--ack-all"]].concat());
    assert_eq!(receipt["ok"], true, "{receipt}");
    assert_eq!(sealed_to(&receipt["sealed"]), [shipper]);
    desk.network.settle();
    assert_eq!(opened(&desk, &id, shipper).0["noteNumber"], "PN-8401");
    assert_eq!(desk.show(&id, shipper)["party"]["controller"]["party"], shipper);
    assert_eq!(waiting(&desk), [""; 0]);
}
