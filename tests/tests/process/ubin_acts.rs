//! The acts of the UBIN register from the command line, on a devnet of one node: a relocation by two
//! registrars of two officers each, every other act once, and numbers of natural persons on every
//! path.
//!
//! The shortest consent lasts a day, so that its expiry cannot be waited for here: the command line
//! shows that one which would have ended already is refused; the tests of the rules move block time
//! to the millisecond of the end (`t06_a_consent_expires_is_withdrawn_or_voided_by_a_later_version`).

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use titian_tests::world::stated_body;

use super::{Network, Ran};

const SG1: &str = "SG:ACRA#k1";
const SG2: &str = "SG:ACRA#k2";
const MY1: &str = "MY:SSM#k1";
const MY2: &str = "MY:SSM#k2";
const NO_CONSENT: &str = "b3:0000000000000000000000000000000000000000000000000000000000000000";

/// A devnet with its folder, and where documents are written.
struct Desk {
    network: Network,
    out: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Desk {
    fn open() -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let network = Network::of_one(temporary.path().join("net"));
        Self { network, out: temporary.path().to_owned(), _temporary: temporary }
    }

    fn file(&self, name: &str, content: &Value) -> String {
        let path = self.out.join(name);
        std::fs::write(&path, content.to_string()).expect("a file");
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.out.join(name).display().to_string()
    }

    fn ubin(&self, args: &[&str]) -> Ran {
        self.network.run(&[&["ubin"][..], args, &["--json"]].concat())
    }

    /// An act that must be applied; gives the data of its last event.
    fn done(&self, args: &[&str]) -> Value {
        let ran = self.ubin(&[args, &["--yes"]].concat());
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.stdout, ran.stderr);
        let receipt = ran.json();
        assert_eq!(receipt["ok"], true, "{args:?}: {receipt}");
        receipt["events"].as_array().and_then(|events| events.last()).expect("an event")["data"]
            .clone()
    }

    /// An act that must be refused with this name.
    fn refused(&self, args: &[&str], name: &str) {
        let ran = self.ubin(&[args, &["--yes"]].concat());
        assert_eq!(ran.code, 1, "{args:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.json()["error"]["name"], name, "{args:?}: {}", ran.stdout);
    }

    /// Writes an op with the signature of `first` to a file, has `second` sign it and send it; gives
    /// its digest and the data of its last event. Between the two, `meanwhile` may look.
    fn cosigned(
        &self,
        args: &[&str],
        first: &str,
        second: &str,
        meanwhile: impl FnOnce(),
    ) -> (String, Value) {
        let op = self.path("op.json");
        let half = self.ubin(&[args, &["--as", first, "-o", &op, "--yes"]].concat());
        assert_eq!(half.code, 0, "{args:?}: {}{}", half.stdout, half.stderr);
        assert_eq!(half.json()["status"], "incomplete", "{args:?}: {}", half.stdout);
        let digest = half.json()["opDigest"].as_str().expect("a digest").to_owned();
        meanwhile();
        let ran = self.network.run(&["key", "cosign", &op, "--as", second, "--yes", "--json"]);
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.stdout, ran.stderr);
        let receipt = ran.json();
        assert_eq!(receipt["ok"], true, "{args:?}: {receipt}");
        let events = receipt["events"].as_array().expect("events");
        (digest, events.last().expect("an event")["data"].clone())
    }

    /// Shown to people, `get` holds this line.
    fn shows(&self, ubin: &str, line: &str) {
        let shown = self.network.done(&["ubin", "get", ubin]).stdout;
        assert!(shown.lines().any(|found| found.trim() == line), "{line}: {shown}");
    }

    fn record(&self, ubin: &str) -> Value {
        let ran = self.ubin(&["get", ubin]);
        assert_eq!(ran.code, 0, "{ubin}: {}{}", ran.stdout, ran.stderr);
        ran.json()
    }

    fn status(&self, ubin: &str) -> String {
        self.record(ubin)["status"].as_str().unwrap_or("not registered").to_owned()
    }

    /// How the consents about a record stand.
    fn consents(&self, ubin: &str) -> Vec<String> {
        let page = self.ubin(&["consents", "--ubin", ubin]).json();
        let items = page["items"].as_array().expect("items").clone();
        let mut states: Vec<String> =
            items.iter().map(|item| item["state"].as_str().expect("a state").to_owned()).collect();
        states.sort();
        states
    }

    /// Kills the node in the middle of whatever it does, and starts it again.
    fn kill_and_restart(&self) {
        self.network.kill(0);
        let folder = self.network.folder.display().to_string();
        self.network.done(&["devnet", "up", "--dir", &folder]);
    }

    fn register(&self, ubin: &str, name: &str) {
        let file = self.file("register.json", &stated_body(ubin, name));
        let registrar = if ubin.starts_with("SG") { SG1 } else { MY1 };
        self.done(&["register", &file, "--as", registrar]);
    }
}

/// The UBIN of a national number, by the program itself.
fn number(desk: &Desk, cc: &str, scheme: &str, local: &str) -> String {
    let ran = desk.ubin(&["make", cc, scheme, local]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran.json()["ubin"].as_str().expect("a UBIN").to_owned()
}

/// A business of Singapore, the number that Malaysia gives it, and the file with its record there.
fn moving(desk: &Desk) -> (String, String, String) {
    let old = number(desk, "SG", "UEN", "199403865N");
    let new = number(desk, "MY", "BRN", "202401000002");
    desk.register(&old, "TITIAN DEMO PTE LTD");
    let mut incoming = stated_body(&new, "TITIAN DEMO SDN BHD");
    // status, entity, version and relation come from the record that moves
    incoming.as_object_mut().expect("an object").remove("status");
    let incoming = desk.file("incoming.json", &incoming);
    (old, new, incoming)
}

#[test]
fn t06_a_business_moves_from_singapore_to_malaysia_by_two_registrars() {
    let desk = Desk::open();
    let (old, new, incoming) = moving(&desk);
    let unmoved = || {
        assert_eq!(desk.status(&old), "ACTIVE");
        assert_eq!(desk.status(&new), "not registered");
    };
    let enter = |consent: &str| -> Vec<String> {
        ["continue-in", incoming.as_str(), "--consent", consent].map(str::to_owned).to_vec()
    };
    let refused_entry = |consent: &str, name: &str| {
        let args = enter(consent);
        let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
        args.extend(["--as", MY1, "--as", MY2]);
        desk.refused(&args, name);
        unmoved();
    };
    // the gaining side alone, first
    refused_entry(NO_CONSENT, "CONSENT_MISSING");
    // the losing side alone, half signed; other states; a consent that has ended already
    let out = ["consent-out", old.as_str(), "--to", "MY"];
    desk.refused(&[&out[..], &["--as", SG1]].concat(), "QUORUM_MISSING");
    desk.refused(&[&out[..], &["--as", MY1, "--as", MY2]].concat(), "QUORUM_MISSING");
    let ended = [&out[..], &["--expires-ms", "1700000000000", "--as", SG1, "--as", SG2]].concat();
    desk.refused(&ended, "LIMIT_EXCEEDED");
    assert_eq!(desk.consents(&old), [] as [&str; 0]);

    // withdrawn
    let (first, data) = desk.cosigned(&out, SG1, SG2, unmoved);
    assert_eq!(data["id"], first.as_str(), "a consent has the digest of its op as id");
    unmoved();
    desk.refused(
        &[&out[..], &["--expires", "30d", "--as", SG1, "--as", SG2]].concat(),
        "CONSENT_EXISTS",
    );
    desk.refused(&["consent-withdraw", &first, "--as", MY1], "QUORUM_MISSING");
    desk.done(&["consent-withdraw", &first, "--as", SG1]);
    assert_eq!(desk.consents(&old), ["WITHDRAWN"]);
    refused_entry(&first, "CONSENT_MISSING");

    // voided by a later version; the officers sign in the other order
    let (second, _) = desk.cosigned(&[&out[..], &["--expires", "1d"]].concat(), SG2, SG1, unmoved);
    desk.done(&["update", &old, "--set", "/sizeClass=SMALL", "--as", SG1]);
    assert_eq!(desk.record(&old)["record"]["body"]["sizeClass"], "SMALL");
    assert_eq!(desk.consents(&old), ["VOIDED", "WITHDRAWN"]);
    refused_entry(&second, "CONSENT_MISMATCH");

    // used: both sides flip at once, whichever officer of the gaining side signs first
    let (third, _) = desk.cosigned(&[&out[..], &["--expires", "180d"]].concat(), SG1, SG2, unmoved);
    let args = enter(&third);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    desk.cosigned(&args, MY2, MY1, unmoved);
    let (closed, begun) = (desk.record(&old), desk.record(&new));
    assert_eq!(closed["status"], "RELOCATED", "{closed}");
    assert_eq!(closed["successor"], new.as_str());
    assert_eq!(begun["status"], "ACTIVE", "{begun}");
    assert_eq!(begun["entity"], closed["entity"]);
    assert_eq!(desk.consents(&old), ["USED", "VOIDED", "WITHDRAWN"]);

    // a used consent serves nobody again, and its op can be carried again without effect
    let other = number(&desk, "MY", "BRN", "202501000007");
    let again = desk.file("again.json", &stated_body(&other, "TITIAN DEMO SDN BHD"));
    let twice = ["continue-in", &again, "--consent", &third, "--as", MY1, "--as", MY2];
    desk.refused(&twice, "CONSENT_USED");
    let replay =
        desk.network.run(&["key", "cosign", &desk.path("op.json"), "--as", MY1, "--yes", "--json"]);
    assert_eq!(replay.code, 1, "{}", replay.stdout);
    assert_eq!(desk.status(&other), "not registered");
    desk.refused(&["update", &old, "--set", "/sizeClass=LARGE", "--as", SG1], "TERMINAL_STATUS");
}

#[test]
fn t06_a_node_killed_between_the_two_signatures_has_flipped_no_side_and_after_them_both() {
    let desk = Desk::open();
    let (old, new, incoming) = moving(&desk);
    let unmoved = || {
        assert_eq!(desk.status(&old), "ACTIVE");
        assert_eq!(desk.status(&new), "not registered");
    };

    let out = ["consent-out", old.as_str(), "--to", "MY"];
    let (consent, _) = desk.cosigned(&out, SG1, SG2, unmoved);
    desk.kill_and_restart();
    unmoved();
    assert_eq!(desk.consents(&old), ["OPEN"], "what was acknowledged is kept");

    // also with one of the two officers of the gaining side
    let enter = ["continue-in", &incoming, "--consent", &consent];
    desk.cosigned(&enter, MY1, MY2, || {
        desk.kill_and_restart();
        unmoved();
    });
    desk.kill_and_restart();
    let (closed, begun) = (desk.record(&old), desk.record(&new));
    assert_eq!(closed["status"], "RELOCATED", "{closed}");
    assert_eq!(closed["successor"], new.as_str());
    assert_eq!(begun["status"], "ACTIVE", "{begun}");
    assert_eq!(begun["entity"], closed["entity"]);
    assert_eq!(desk.consents(&old), ["USED"]);
    let other = number(&desk, "MY", "BRN", "202501000007");
    let again = desk.file("again.json", &stated_body(&other, "TITIAN DEMO SDN BHD"));
    let twice = ["continue-in", &again, "--consent", &consent, "--as", MY1, "--as", MY2];
    desk.refused(&twice, "CONSENT_USED");
}

#[test]
fn t06_a_merger_across_the_border_survives_a_kill_between_its_signatures() {
    let desk = Desk::open();
    let leaving = number(&desk, "SG", "UEN", "199403865N");
    let survivor = number(&desk, "MY", "BRN", "202401000002");
    desk.register(&leaving, "TITIAN DEMO PTE LTD");
    desk.register(&survivor, "TITIAN DEMO SDN BHD");
    let apart = || {
        assert_eq!([&leaving, &survivor].map(|ubin| desk.status(ubin)), ["ACTIVE", "ACTIVE"]);
    };
    let out = ["consent-out", leaving.as_str(), "--to", "MY", "--merge-into", &survivor];
    let (consent, _) = desk.cosigned(&out, SG1, SG2, || {
        desk.kill_and_restart();
        apart();
    });
    desk.kill_and_restart();
    apart();
    assert_eq!(desk.consents(&leaving), ["OPEN"], "what was acknowledged is kept");
    let merge = ["merge-in", &survivor, "--consent", &consent, "--reason", "REQUEST"];
    desk.cosigned(&merge, MY1, MY2, || {
        desk.kill_and_restart();
        apart();
    });
    desk.kill_and_restart();
    assert_eq!([&leaving, &survivor].map(|ubin| desk.status(ubin)), ["MERGED", "ACTIVE"]);
    assert_eq!(desk.record(&leaving)["successor"], survivor.as_str());
    let named = &desk.record(&survivor)["namedBy"][0];
    assert_eq!((&named["type"], &named["ubin"]), (&json!("MERGED_INTO"), &json!(leaving)));
    let links = desk.ubin(&["links", &survivor]).json();
    assert_eq!((&links["items"][0], &links["cursor"]), (named, &Value::Null), "{links}");
    let date = named["from"].as_str().expect("a date");
    desk.shows(&survivor, &format!("named by {leaving} as MERGED_INTO, {date}, not live"));
    assert_eq!(desk.consents(&leaving), ["USED"]);
    desk.refused(&[&merge[..], &["--as", MY1, "--as", MY2]].concat(), "CONSENT_USED");
}

#[test]
fn t05_every_act_of_the_register_runs_from_the_command_line() {
    let desk = Desk::open();
    let sg = |local: &str| number(&desk, "SG", "UEN", local);
    let (one, two, three) = (sg("199403865N"), sg("201912345K"), sg("202012345A"));
    for (ubin, name) in [(&one, "ONE PTE LTD"), (&two, "TWO PTE LTD"), (&three, "THREE PTE LTD")] {
        desk.register(ubin, name);
    }
    let abroad = number(&desk, "MY", "BRN", "202401000002");
    desk.register(&abroad, "ABROAD SDN BHD");
    let both = ["--as", SG1, "--as", SG2];
    let by_two = |args: &[&str]| desk.done(&[args, &both].concat());
    let paper = desk.file("order.pdf", &json!("a document"));

    let dry = desk.ubin(&["annul", &one, "--dry-run"]);
    assert_eq!((dry.code, dry.json()["status"].as_str()), (0, Some("dryRun")), "{}", dry.stdout);
    assert_eq!(dry.json()["signers"][0]["role"], "R2");

    // body acts
    desk.done(&["confirm", &one, "--as", SG1]);
    desk.done(&["suspend", &one, "--reason", "LICENCE", "--as", SG1]);
    desk.done(&["reinstate", &one, "--reason", "REQUEST", "--as", SG1]);
    by_two(&["dissolve", &one, "--reason", "COURT", "--evidence", &paper]);
    assert_eq!(desk.status(&one), "DISSOLVED");
    by_two(&["restore", &one, "--reason", "COURT", "--evidence", &paper]);
    by_two(&["correct", &one, "--set", "/registeredOn=2020-01-02", "--reason", "ERROR"]);
    assert_eq!(desk.record(&one)["record"]["body"]["registeredOn"], "2020-01-02");
    let refused = desk.ubin(&["update", &one]);
    assert_eq!(refused.code, 2, "an update without a change: {}", refused.stdout);

    // numbers
    desk.done(&["alias-add", &one, &sg("202112345A"), "--as", SG1]);
    let renumbered = sg("202212345A");
    by_two(&["renumber", &one, &renumbered]);
    assert_eq!(desk.record(&one)["ubin"], renumbered.as_str(), "the old number forwards");

    // a shorter clock, by the root
    let root = ["--as", "SG#k1", "--as", "SG#k2"];
    desk.done(&[&["challenge-clock", "SG", "--acknowledge", "2"][..], &root].concat());
    let longer = ["challenge-clock", "SG", "--decide", "31"];
    desk.refused(&[&longer[..], &root].concat(), "LIMIT_EXCEEDED");

    // marks
    by_two(&["duplicate", &two, "--of", &three]);
    assert_eq!(desk.record(&two)["quality"], "DUPLICATE");
    desk.shows(&two, &format!("same as  {three}"));
    by_two(&["correct", &two, "--on", "2026-02-01", "--clear", "mark", "--reason", "ERROR"]);
    by_two(&["annul", &two]);
    assert_eq!(desk.record(&two)["quality"], "ANNULLED");
    by_two(&["correct", &two, "--on", "2026-02-01", "--clear", "mark", "--reason", "ERROR"]);
    assert_eq!(desk.record(&two)["quality"], "CURRENT");

    // successions
    by_two(&["merge", &three, "--absorb", &two]);
    assert_eq!(desk.status(&two), "MERGED");
    let date = desk.record(&two)["record"]["meta"]["closure"]["date"].clone();
    desk.shows(&two, &format!("goes on  {three}, {}", date.as_str().expect("a date")));
    let converted = number(&desk, "SG", "UEN", "T24LL0001A");
    let llp = desk.file("llp.json", &stated_body(&converted, "THREE LLP"));
    by_two(&["convert", &three, &llp, "--reason", "REQUEST"]);
    assert_eq!(desk.status(&three), "CONVERTED");
    let consent = by_two(&["consent-out", &converted, "--to", "MY", "--merge-into", &abroad]);
    let consent = consent["id"].as_str().expect("an id").to_owned();
    let merge = ["merge-in", &abroad, "--consent", &consent, "--reason", "REQUEST"];
    desk.done(&[&merge[..], &["--as", MY1, "--as", MY2]].concat());
    assert_eq!(desk.status(&converted), "MERGED");
    versions(&desk, &renumbered);
    challenges(&desk, &abroad, &renumbered, &paper);
    schemes_and_figures(&desk);
}

/// The versions of a record in pages, each of which says how to ask for the next.
fn versions(desk: &Desk, ubin: &str) {
    let newest = desk.record(ubin)["version"].as_u64().expect("a version");
    let page = desk.network.done(&["ubin", "history", ubin, "--limit", "2"]).stdout;
    let next = newest - 2;
    assert!(page.ends_with(&format!("more: --from {next}\n")), "{page}");
    let older = desk.ubin(&["history", ubin, "--from", &next.to_string()]).json();
    let found = older["versions"].as_array().expect("versions");
    let found: Vec<u64> = found.iter().filter_map(|v| v["version"].as_u64()).collect();
    assert_eq!(found, (1..=next).rev().collect::<Vec<u64>>());
}

/// Challenges from opening to decision, and what the lists show.
fn challenges(desk: &Desk, abroad: &str, ubin: &str, paper: &str) {
    let ask = ["challenge-open", abroad, "--ground", "name", "--field", "/legalName/value"];
    let opened = desk.done(&[&ask[..], &["--evidence", paper, "--as", SG1]].concat());
    let id = opened["id"].as_str().expect("an id").to_owned();
    assert_eq!(desk.record(abroad)["quality"], "CHALLENGED");
    desk.shows(abroad, "open     challenges: 1");
    desk.shows(ubin, "open     challenges: 0");
    let shown = |filter: &[&str]| {
        let page = desk.ubin(&[&["challenges"][..], filter].concat()).json();
        let items = page["items"].as_array().expect("items").clone();
        let states = items.iter().map(|item| item["state"].as_str().expect("a state").to_owned());
        states.collect::<Vec<String>>()
    };
    assert_eq!(shown(&["--ubin", abroad]), ["OPEN"]);
    assert_eq!(shown(&["--ubin", abroad, "--state", "open"]), ["OPEN"]);
    assert_eq!(shown(&["--ams", "SG"]), [] as [&str; 0]);
    desk.done(&["challenge-ack", &id, "--as", MY1]);
    let decide = ["challenge-decide", id.as_str()];
    let signers = ["--as", MY1, "--as", MY2];
    desk.refused(&[&decide[..], &["--uphold"], &signers].concat(), "CHALLENGE_NO_CORRECTION");
    desk.done(&[&decide[..], &["--reject", "--reason", "OTHER"], &signers].concat());
    assert_eq!(shown(&["--ams", "my"]), ["REJECTED"]);
    let by_abroad = ["challenge-open", ubin, "--ground", "STATUS", "--as", MY1];
    let opened = desk.done(&by_abroad);
    desk.done(&["challenge-withdraw", opened["id"].as_str().expect("an id"), "--as", MY1]);
    assert_eq!(shown(&["--ubin", ubin, "--state", "WITHDRAWN"]), ["WITHDRAWN"]);
    let ran = desk.ubin(&["challenges", "--state", "SLEEPING"]);
    assert_eq!((ran.code, ran.json()["error"]["name"].as_str()), (1, Some("INVALID_PARAMS")));
}

/// Acts of a root quorum and of attested figures.
fn schemes_and_figures(desk: &Desk) {
    let put = ["scheme-put", "SG-UEN", "--set", "/refreshDays=200"];
    desk.cosigned(&put, "SG#k1", "SG#k2", || {});
    let shown = desk.ubin(&["schemes", "--cc", "SG"]).json();
    let uen = shown["schemes"]
        .as_array()
        .and_then(|schemes| schemes.iter().find(|scheme| scheme["code"] == "UEN").cloned());
    assert_eq!(uen.expect("on the network")["version"], 1, "the change waits for its time");
    let early = ["--effective-ms", "1700000000000", "--as", "SG#k1", "--as", "SG#k2"];
    desk.refused(&[&put[..], &early].concat(), "DELAY_RUNNING");
    desk.done(&["scheme-suspend", "SG-VCSF", "--as", "SG#k1", "--as", "SG#k2"]);
    let cells = desk.file("cells.json", &json!({"UEN": {"REGISTERED": 12_345}}));
    let attest = ["attest-counts", &cells, "--cc", "sg", "--metric", "ubin_coverage"];
    for version in [1, 2] {
        let done = desk.done(&[&attest[..], &["--period", "2026", "--as", SG1]].concat());
        assert_eq!(done["version"], version, "the next version is found by itself");
    }
}

/// Numbers of the shape of identity cards; no such cards exist.
const CARDS: &[(&str, &str, &str)] = &[("SG", "UEN", "S0000000X"), ("MY", "BRN", "880101000000")];

#[test]
fn t08_no_number_of_a_person_comes_back_from_command_line_node_or_log() {
    let desk = Desk::open();
    let company = number(&desk, "SG", "UEN", "199403865N");
    desk.register(&company, "TITIAN DEMO PTE LTD");
    for (cc, scheme, card) in CARDS {
        let check =
            titian_contracts::ubin::identifier::check_characters(&format!("{cc}{scheme}{card}"));
        let ubin = format!("{cc}-{scheme}-{card}-{}", check.expect("letters and digits"));
        let digits: String = card.chars().filter(char::is_ascii_digit).collect();
        let silent = |args: &[&str], code: Option<i32>| {
            let ran = desk.ubin(args);
            let place = format!("{}: {}{}", args[0], ran.stdout, ran.stderr);
            assert!(!ran.stdout.contains(&digits) && !ran.stderr.contains(&digits), "{place}");
            if let Some(code) = code {
                assert_eq!(ran.code, code, "{place}");
            }
        };
        silent(&["check", &ubin], Some(3));
        silent(&["make", cc, scheme, card], Some(3));
        silent(&["get", &ubin], Some(1));
        silent(&["resolve", &ubin], Some(0));
        silent(&["resolve", card, "--cc", cc, "--scheme", scheme], Some(0));
        silent(&["list", &format!("{cc}-{scheme}-{card}")], Some(0));
        silent(&["history", &ubin], Some(1));
        silent(&["challenges", "--ubin", &ubin], Some(1));
        silent(&["consents", "--ubin", &ubin], Some(1));
        for act in ["confirm", "suspend", "annul"] {
            silent(&[act, &ubin, "--yes"], Some(2));
        }
        silent(&["alias-add", &company, &ubin, "--yes"], Some(2));
        silent(&["renumber", &company, &ubin, "--yes"], Some(2));
        silent(&["duplicate", &company, "--of", &ubin, "--yes"], Some(2));
        silent(&["merge", &company, "--absorb", &ubin, "--yes"], Some(2));
        silent(&["consent-out", &company, "--to", "MY", "--successor", &ubin, "--yes"], Some(2));
        silent(&["challenge-open", &ubin, "--ground", "NAME", "--as", SG1, "--yes"], Some(2));
        silent(&["update", &ubin, "--set", "/sizeClass=SMALL", "--yes"], Some(2));
        let file = desk.file("person.json", &stated_body(&ubin, "X"));
        silent(&["register", &file, "--yes"], Some(1));
        silent(&["register", &file, "--dry-run"], Some(1));
        if *cc == "SG" {
            let set = |change: &str| {
                let change = change.replace("CARD", card);
                silent(&["update", &company, "--set", &change, "--as", SG1, "--yes"], Some(1));
            };
            set("/legalName/value=TAN CARD TRADING");
            set("/legalName/value=TAN (NRIC/CARD) TRADING");
            set("/address={\"country\":\"SG\",\"lines\":[\"c/o CARD\"]}");
            set("/address={\"country\":\"SG\",\"lines\":[\"c/o No.CARD\"]}");
            set("/identifiers=[{\"scheme\":\"ocid\",\"value\":\"CARD\"}]");
            set("/otherNames=[{\"type\":\"TRADING\",\"lang\":\"en\",\"value\":\"CARD\"}]");
            set("/CARD=x");
        }
        let log = logs(&desk.network.folder);
        assert!(log.contains("INFO"), "the log of the node is read: {log}");
        assert!(!log.contains(&digits), "the log of the node holds a refused number");
    }
}

/// Everything that the nodes of a devnet wrote.
fn logs(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("the folder of the devnet");
    let files = entries.filter_map(|entry| Some(entry.ok()?.path().join("node.log")));
    files.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}
