//! A bill of lading from the command line (issue text: "It must show"): issued from a real DCSA file,
//! endorsed in blank, pledged to a bank, split in two, one half surrendered for delivery, the other
//! put on paper and back; sealed contents; every kind of proof and a dossier that verify with all
//! nodes stopped. Four nodes, and each party at the one of its own state.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use titian_tests::codes;
use titian_tests::world::company_body;

use super::{Network, Ran};

/// The DCSA issuance request; its texts marked PLACEHOLDER are filled below.
const ISSUANCE: &str = include_str!("../../data/etr/dcsa/eblissuance-v3.0.0-request.json");

/// Places of nodes on a devnet of four.
const SINGAPORE: usize = 0;
const VIETNAM: usize = 3;

/// Businesses of four states on a devnet, with keys in one wallet.
pub(super) struct Desk {
    pub(super) network: Network,
    /// State and address of each node.
    nodes: Vec<(String, String)>,
    pub(super) out: PathBuf,
    pub(super) carrier: String,
    pub(super) shipper: String,
    pub(super) trader: String,
    pub(super) bank: String,
    _temporary: tempfile::TempDir,
}

impl Desk {
    /// With so many nodes, each party at the node of its own state if there is one.
    pub(super) fn open(validators: usize) -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let network = Network::of(temporary.path().join("net"), validators);
        let text = |node: &Value, name: &str| node[name].as_str().expect("a text").to_owned();
        let nodes = network.nodes();
        let nodes = nodes.iter().map(|node| (text(node, "ams"), text(node, "url"))).collect();
        let out = temporary.path().to_owned();
        let business = |registrar: &str, scheme: &str, local: &str, name: &str| {
            register(&network, &out, registrar, scheme, local, name)
        };
        Self {
            carrier: business("SG:ACRA", "UEN", "199403865N", "EXAMPLE LINES PTE. LTD."),
            shipper: business("VN:NBR", "MST", "9900000016", "EXAMPLE COFFEE"),
            trader: business("TH:DBD", "JP", "0999999000012", "EXAMPLE FOODS"),
            bank: business("MY:SSM", "BRN", "202401000002", "EXAMPLE BANK"),
            network,
            nodes,
            out,
            _temporary: temporary,
        }
    }

    /// One more business, with keys as the others have.
    pub(super) fn business(
        &self,
        registrar: &str,
        scheme: &str,
        local: &str,
        name: &str,
    ) -> String {
        register(&self.network, &self.out, registrar, scheme, local, name)
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.out.join(name).display().to_string()
    }

    pub(super) fn file(&self, name: &str, content: &str) -> String {
        std::fs::write(self.out.join(name), content).expect("a file");
        self.path(name)
    }

    /// The node of the state whose party is the first to sign or ask; Singapore's for the public.
    fn home(&self, args: &[&str]) -> &str {
        let by = args.iter().position(|arg| *arg == "--as").and_then(|at| args.get(at + 1));
        let cc = by.and_then(|party| party.get(..2)).unwrap_or("SG");
        let home = self.nodes.iter().find(|(ams, _)| ams == cc).or(self.nodes.first());
        &home.expect("there is a node").1
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        let home = self.home(args);
        self.network.run(&[&["etr"][..], args, &["--json", "--node", home]].concat())
    }

    pub(super) fn done(&self, args: &[&str]) -> Value {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "etr {args:?}: {}{}", ran.stdout, ran.stderr);
        ran.json()
    }

    /// An act by one signer that is carried out.
    pub(super) fn act(&self, act: &str, id: &str, args: &[&str], by: &str) -> Value {
        let line = [&[act, id][..], args, &["--as", by, "--yes", "--ack-all"]].concat();
        let receipt = self.done(&line);
        assert_eq!(receipt["ok"], true, "{line:?}: {receipt}");
        self.network.settle();
        receipt
    }

    /// An act that the first signer stages and the others complete.
    pub(super) fn staged(&self, act: &str, id: &str, args: &[&str], by: &[&str]) {
        let first = by.first().copied().expect("a signer");
        let line =
            [&[act, id][..], args, &["--as", first, "--yes", "--ack-all", "--stage"]].concat();
        self.done(&line);
        self.network.settle();
        self.cosign(id, &by[1..]);
    }

    pub(super) fn cosign(&self, id: &str, by: &[&str]) {
        for party in by {
            let waiting = self.done(&["staged", "--as", party]);
            let found = waiting["items"].as_array().expect("items");
            assert!(found.iter().any(|item| item["id"] == id), "{party}: {waiting}");
            self.done(&["cosign", id, "--as", party, "--yes"]);
            self.network.settle();
        }
    }

    /// A bill of lading of the carrier with this number, held by `to`; gives its id.
    pub(super) fn bill(&self, number: &str, to: &str) -> String {
        let mut issuance = issuance();
        issuance["document"]["transportDocumentReference"] = json!(number);
        let file = self.file(&format!("{number}.json"), &issuance.to_string());
        let folder = self.out.display().to_string();
        let issue = ["issue", "--content", &file, "--content-dir", &folder, "--to", to];
        let signing = ["--as", &self.carrier, "--stage", "--yes", "--ack-all"];
        let issued = self.done(&[&issue[..], &signing].concat());
        let id = issued["id"].as_str().expect("an id").to_owned();
        self.network.settle();
        self.cosign(&id, &[to]);
        id
    }

    pub(super) fn show(&self, id: &str, party: &str) -> Value {
        self.done(&["show", id, "--as", party])
    }

    fn status(&self, id: &str) -> (String, String) {
        let shown = self.done(&["show", id]);
        let text = |name: &str| shown["public"][name].as_str().unwrap_or_default().to_owned();
        (text("status"), text("end"))
    }

    pub(super) fn children(&self, id: &str, party: &str) -> Vec<String> {
        let shown = self.show(id, party);
        let into = shown["party"]["lineage"]["into"].as_array().expect("a list").clone();
        into.iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
    }

    /// Writes a proof; gives its file.
    fn prove(&self, name: &str, args: &[&str]) -> String {
        let out = self.path(name);
        self.done(&[&["prove"][..], args, &["-o", &out]].concat());
        out
    }
}

/// Registers a business and binds a key for acts and one for sealed contents.
fn register(
    network: &Network,
    out: &Path,
    registrar: &str,
    scheme: &str,
    local: &str,
    name: &str,
) -> String {
    let body = company_body(&registrar[..2], scheme, local, name);
    let ubin = body.get("ubin").and_then(|ubin| ubin.as_text()).expect("set").to_owned();
    let file = out.join("body.json").display().to_string();
    std::fs::write(&file, body.to_jcs()).expect("a file");
    network.done(&["ubin", "register", &file, "--as", registrar, "--yes"]);
    for purpose in ["invoke", "agree"] {
        let request = out.join("request.json").display().to_string();
        network.done(&["key", "new", &ubin, "--purpose", purpose, "-o", &request]);
        network.done(&["key", "bind", &request, "--as", registrar, "--yes"]);
    }
    ubin
}

/// The DCSA document as a carrier issues it: marks filled, to order.
pub(super) fn issuance() -> Value {
    let mut request: Value = serde_json::from_str(ISSUANCE).expect("JSON");
    let document = &mut request["document"];
    document["transportDocumentReference"] = json!("TTNU4711");
    document["shippingInstructionsReference"] = json!("SI-4711");
    document["consignmentItems"][0]["carrierBookingReference"] = json!("CBR4711");
    document["isToOrder"] = json!(true);
    for party in ["shipper", "consignee", "issuingParty"] {
        document["documentParties"][party]["partyName"] = json!("EXAMPLE");
    }
    request
}

#[test]
fn etr_a_bill_of_lading_lives_from_a_dcsa_file_to_a_dossier() {
    let desk = Desk::open(4);
    desk.network.settle();
    let (carrier, shipper) = (desk.carrier.as_str(), desk.shipper.as_str());
    let (trader, bank) = (desk.trader.as_str(), desk.bank.as_str());
    let issuance = desk.file("issuance.json", &issuance().to_string());

    // type, number and lots come from the document; the shipper signs what the node shows it
    let folder = desk.out.display().to_string();
    let signing = ["--as", carrier, "--stage", "--yes", "--ack-all"];
    let id = desk.bill("TTNU4711", shipper);
    let shown = desk.show(&id, shipper);
    assert_eq!(shown["public"]["profile"], "bl-order@1");
    assert_eq!(shown["party"]["ref"], "TTNU4711");
    assert_eq!(shown["party"]["lots"][0]["amount"], "12000");
    assert!(desk.done(&["show", &id])["party"].is_null(), "the party part is for parties");

    // the content travels sealed, to the receiver's own node; it is checked against the record
    let content = desk.path(&format!("{id}.content.json"));
    // the receiver's node is down, and the giver's dies as soon as it has acknowledged
    desk.network.kill(VIETNAM);
    desk.done(&["seal", &id, "--content", &content, "--as", carrier]);
    desk.network.kill(SINGAPORE);
    let devnet = desk.network.folder.display().to_string();
    desk.network.done(&["devnet", "up", "--dir", &devnet]);
    desk.network.settle();
    let opened = desk.out.join("opened");
    std::fs::create_dir(&opened).expect("a folder");
    let opened = opened.display().to_string();
    let open = ["open", &id, "--as", shipper, "--content-dir", &opened];
    desk.network.wait("the envelope comes to Vietnam's node", || desk.run(&open).code == 0);
    let read = desk.done(&open);
    assert_eq!(read["content"]["transportDocumentReference"], "TTNU4711");
    assert_ne!(desk.run(&["open", &id, "--as", bank, "--content-dir", &opened]).code, 0);

    // endorsed in blank, then handed on without endorsement
    desk.act("endorse", &id, &["--kind", "blank"], shipper);
    let challenge = desk.path("challenge.json");
    desk.done(&["challenge", &id, "--audience", "EXAMPLE BANK", "-o", &challenge]);
    let then = desk.network.done(&["ledger", "status", "--json"]).json()["height"].to_string();
    desk.act("offer", &id, &["--to", trader, "--endorse", "none"], shipper);
    let inbox = desk.done(&["inbox", "--as", trader]);
    assert_eq!(inbox["items"][0]["id"], id.as_str(), "{inbox}");
    desk.act("accept", &id, &[], trader);
    assert_eq!(desk.done(&["inbox", "--as", trader])["items"], json!([]));
    let shown = desk.show(&id, trader);
    assert_eq!(shown["party"]["title"]["kind"], "bearer");
    assert_eq!(shown["party"]["controller"]["party"], trader);

    // who gave it away cannot show control any more
    let out = desk.path("control.json");
    let control =
        ["prove", &id, "--kind", "control", "--challenge", &challenge, "-o", &out, "--as"];
    assert_ne!(desk.run(&[&control[..], &[shipper]].concat()).code, 0);
    // nor by the state of before, to who asks now
    let (after, former) = (desk.path("after.json"), desk.path("former.json"));
    desk.done(&["challenge", &id, "--audience", "EXAMPLE BANK", "-o", &after]);
    let answer = ["prove", &id, "--kind", "control", "--challenge", &after, "-o", &former];
    let ran = desk.run(&[&answer[..], &["--at", &then, "--as", shipper]].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let warning = ran.json()["warnings"][0].as_str().expect("a warning").to_owned();
    assert!(warning.contains(&format!("height {then}")), "{warning}");
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    let genesis = desk.network.folder.join("genesis.json").display().to_string();
    let line = ["verify", &former, "--genesis", &genesis, "--json"];
    desk.network.done(&line);
    let ran = desk.network.run(&[&line[..], &["--challenge", &after]].concat());
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("earlier place"), "{}", ran.stdout);

    // pledged to the bank, then split with its consent
    let terms = desk.file("loan.txt", "the loan agreement\n");
    let on = r#"{"after":{"ms":1}}"#;
    let pledge = ["--to", bank, "--lot", "1:KGM:12000", "--terms", &terms, "--on", on];
    desk.staged("pledge", &id, &pledge, &[trader, bank]);
    let parts = ["--part", "1:KGM:5000@1=1:KGM:5000", "--part", "1:KGM:7000@1=1:KGM:7000"];
    desk.staged("split", &id, &parts, &[trader, carrier, bank]);
    assert_eq!(desk.status(&id), ("dead".to_owned(), "split".to_owned()));
    let halves = desk.children(&id, trader);
    let [first, second] = halves.as_slice() else { panic!("two halves: {halves:?}") };
    for half in [first, second] {
        desk.act("release", half, &["--no", "1"], bank);
    }

    // one half for the goods
    desk.act("surrender", first, &["--kind", "delivery"], trader);
    let inbox = desk.done(&["inbox", "--as", carrier]);
    assert_eq!(inbox["items"][0]["id"], first.as_str(), "{inbox}");
    desk.act("surrender-accept", first, &[], carrier);
    assert_eq!(desk.status(first), ("dead".to_owned(), "delivered".to_owned()));

    // the other on paper, with the address of its status as a code, and back
    desk.act("surrender", second, &["--kind", "paper"], trader);
    let print = desk.path("print.html");
    let image = desk.path("code.png");
    let line = ["print", second, "--content", &content, "--serial", "P-0001", "-o", &print];
    let printed = desk.done(&[&line[..], &["--code", &image]].concat());
    let page = std::fs::read_to_string(&print).expect("a page");
    let address = format!("{}/etr/{second}", desk.home(&["--as", carrier]));
    assert_eq!((codes::read_svg(&page), &printed["address"]), (address.clone(), &json!(address)));
    assert_eq!(codes::read_png(Path::new(&image)), address, "the same code alone");
    let odd = desk.run(&[&line[..], &["--code", &desk.path("code.gif")]].concat());
    assert_ne!(odd.code, 0, "a form that is not made");
    let statement = desk.file("statement.txt", "replaced by paper\n");
    let (replaced, returned) = (format!("replaced={statement}"), format!("returned={statement}"));
    let paper = ["--serial", "P-0001", "--print", &print, "--statement", &replaced];
    desk.act("surrender-accept", second, &paper, carrier);
    assert_eq!(desk.status(second), ("dead".to_owned(), "paper".to_owned()));
    let attestation = desk.file("attestation.txt", "the paper is inoperative\n");
    let back = [
        &["issue-from-paper", "--content", &issuance, "--content-dir", &folder, "--to", trader][..],
        &["--lot", "1:KGM:7000", "--serial", "P-0001", "--custodian", bank],
        &["--inoperative", &attestation, "--statement", &returned],
        &signing,
    ]
    .concat();
    let staged = desk.done(&back);
    let reason = staged["sealed"]["reason"].as_str().expect("its id is not known yet");
    assert!(reason.contains("titian etr seal"), "{reason}");
    desk.network.settle();
    desk.cosign(&id, &[trader, bank]);
    let returned = desk.children(second, trader);
    let [returned] = returned.as_slice() else { panic!("one record: {returned:?}") };
    let shown = desk.show(returned, trader);
    assert_eq!(shown["public"]["generation"], 1);
    assert_eq!(shown["party"]["lots"][0]["amount"], "7000");

    // every kind of proof, and a dossier
    desk.done(&["challenge", returned, "--audience", "EXAMPLE BANK", "-o", &challenge]);
    let number = format!("transport/{carrier}/TTNU4711");
    let serial = format!("{carrier}/P-0001");
    let absent = format!("transport/{carrier}/TTNU9999");
    let history =
        |name: &str, id: &str| desk.prove(name, &[id, "--kind", "history", "--as", trader]);
    let mut proofs = vec![
        desk.prove("status.json", &[first]),
        desk.prove("singularity.json", &["--number", &number]),
        desk.prove("absence.json", &["--absent", &absent]),
        desk.prove("conversion.json", &["--paper", &serial]),
        desk.prove("conversion-whole.json", &[second, "--paper", &serial, "--as", trader]),
        history("history-root.json", &id),
        history("history-first.json", first),
        history("history-second.json", second),
        history("history-returned.json", returned),
    ];
    let control = [returned.as_str(), "--challenge", &challenge, "--as", trader];
    let control = desk.prove("control.json", &control);
    proofs.push(control.clone());
    let dossier = desk.path("dossier.zip");
    let evidence = desk.done(&["evidence", returned, "--as", trader, "-o", &dossier]);
    assert_eq!(evidence["sections"].as_array().map(Vec::len), Some(9), "{evidence}");

    desk.network.done(&["devnet", "down"]);
    assert!(desk.network.nodes().iter().all(|node| node["pid"].is_null()));
    let verify = |file: &str, more: &[&str]| {
        let line = [&["verify", file, "--genesis", &genesis, "--json"][..], more].concat();
        desk.network.run(&line)
    };
    for proof in &proofs {
        let ran = verify(proof, &[]);
        assert_eq!(ran.code, 0, "{proof}: {}{}", ran.stdout, ran.stderr);
    }
    let shown = verify(&control, &["--challenge", &challenge]);
    assert_eq!(shown.code, 0, "{}{}", shown.stdout, shown.stderr);
    assert_eq!(shown.json()["control"], "is");
    let asked = std::fs::read_to_string(&challenge).expect("it is there");
    let asked: Value = serde_json::from_str(&asked).expect("JSON");
    for (name, value) in [("nonce", json!("00".repeat(16))), ("id", json!(first))] {
        let mut other = asked.clone();
        other[name] = value;
        let other = desk.file("other.json", &other.to_string());
        assert_eq!(verify(&control, &["--challenge", &other]).code, 3, "{name}");
    }
    let other = desk.file("other.json", &json!({"audience": "EXAMPLE BANK"}).to_string());
    assert_eq!(verify(&control, &["--challenge", &other]).code, 2, "no challenge");
    assert_eq!(verify(&control, &["--audience", "EXAMPLE BANK"]).code, 0);
    assert_eq!(verify(&control, &["--audience", "ANOTHER BANK"]).code, 3);
    // what answers nobody: a proof that is there for everybody, and a dossier
    for file in [&proofs[0], &dossier] {
        for asked in [["--challenge", &challenge], ["--audience", "EXAMPLE BANK"]] {
            assert_eq!(verify(file, &asked).code, 3, "{file} {asked:?}");
        }
    }
    let ran = verify(&dossier, &["--max-age", "100000"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let height = ran.json()["height"].as_u64().expect("a height");
    assert!(ran.json()["ageSeconds"].is_u64() && height > 0);
    for (trusted, code) in [(height, 0), (height + 1, 3)] {
        assert_eq!(verify(&dossier, &["--trusted-height", &trusted.to_string()]).code, code);
    }
    let ran = verify(&dossier, &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let sections = ran.json()["sections"].as_array().expect("sections").clone();
    let status = |name: &str| {
        let of = sections.iter().find(|section| section["name"] == name).expect("every section");
        of["status"].as_str().expect("a status").to_owned()
    };
    assert_eq!((status("11-integrity"), status("14-audit")), ("present".into(), "absent".into()));
    // the record came back from paper, which a part became, which was split off
    let transcript = ran.json()["transcript"].as_str().expect("text").to_owned();
    for parent in [second, &id] {
        let line = format!("PROVEN 11-integrity/parents/{parent}.history.proof.json");
        assert!(transcript.contains(&line), "{transcript}");
    }
    let offline = ["etr", "show", "--offline", &dossier, "--genesis", &genesis, "--json"];
    let shown = desk.network.done(&offline).json();
    assert_eq!(shown["party"]["controller"]["party"], trader);
    assert_eq!(shown["id"], returned.as_str(), "not a record that it was made of");

    // nothing that was touched verifies
    let touched = desk.path("touched");
    let samples = proofs.iter().map(|proof| (proof, 5)).chain([(&dossier, 40)]);
    for (file, places) in samples {
        let bytes = std::fs::read(file).expect("it is there");
        for at in (0..bytes.len()).step_by(bytes.len() / places) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x01;
            std::fs::write(&touched, &changed).expect("a file");
            let ran = verify(&touched, &[]);
            assert_eq!(ran.code, 3, "{file}, byte {at}: {}{}", ran.stdout, ran.stderr);
        }
    }
}
