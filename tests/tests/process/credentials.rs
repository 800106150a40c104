//! Credentials from the command line on a devnet of one node: every type issued in every form it
//! travels in, verified by the node, from a bundle and by the library to the same bytes; single use
//! by two states; mandates with a key binding; recognition.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use titian_credential::bundle::{TrustAnchor, read};
use titian_credential::snapshot::Snapshot as _;
use titian_credential::status::entry::Allocator;
use titian_credential::verdict::Policy;
use titian_credential::verify::{Request, verify};
use titian_genesis::Genesis;
use titian_tests::world::company_body;

use super::vc_desk::{Desk, code};

/// Type, issuer, class: each by the registrar of a state, whose wallet keys the devnet has.
const TYPES: [(&str, &str, &str); 9] = [
    ("BusinessRegistration", "MY:SSM", "registrar"),
    ("AuthorisedRepresentative", "SG:ACRA", "registrar"),
    ("AEOAuthorisation", "SG:ACRA", "customs"),
    ("CertificateOfOrigin", "VN:NBR", "origin-authority"),
    ("PhytosanitaryCertificate", "TH:DBD", "nppo"),
    ("ProfessionalQualification", "VN:NBR", "professional-body"),
    ("MCCAdoption", "SG:ACRA", "other"),
    ("EcommerceOperator", "SG:ACRA", "other"),
    ("AccreditationOfIssuer", "SG:ACRA", "other"),
];

impl Desk {
    /// The accreditations and lists that the types ask for.
    fn prepare(&self) {
        let listed = self.done(&["vc", "types"]);
        for (name, issuer, class) in TYPES {
            let entry =
                listed.as_array().expect("a list").iter().find(|entry| entry["type"] == name);
            let entry = entry.expect("it ships");
            self.accredit(issuer, &[name], "issue,use", class);
            if entry["naturalPersonData"] == true {
                self.open_list(issuer, "token", "2", name);
                continue;
            }
            for profile in entry["status"].as_array().expect("profiles") {
                let profile = profile.as_str().expect("a name");
                self.open_list(issuer, profile, if profile == "use" { "2" } else { "1" }, name);
            }
        }
    }

    /// Asks the node whether the mandate that is shown counts: before its principal is on the
    /// register, while it may act, and while it may not.
    fn a_mandate_counts_while_its_principal_may_act(&self, shown: &str) {
        let body = company_body("SG", "UEN", "209900001K", "TITIAN DEMO LINES");
        let ubin = body.get("ubin").and_then(|ubin| ubin.as_text()).expect("set").to_owned();
        let file = self.path("principal.json");
        std::fs::write(&file, body.to_jcs()).expect("written");
        let ask = ["vc", "mandate", shown, "--principal", &ubin, "--act", "etr.offer", "--json"];
        let signed = ["--as", "SG:ACRA#k1", "--yes"];
        for (act, expected) in [
            (&[][..], (3, Some("MAY_NOT_ACT"))),
            (&["ubin", "register", &file], (0, None)),
            (&["ubin", "suspend", &ubin, "--reason", "LICENCE"], (3, Some("MAY_NOT_ACT"))),
        ] {
            if !act.is_empty() {
                self.done(&[act, &signed].concat());
            }
            let ran = self.run(&ask);
            let answer = ran.json();
            assert_eq!((ran.code, answer["code"].as_str()), expected, "{act:?}: {answer}");
            assert_eq!(answer["verdict"]["verified"], true, "{answer}");
        }
    }

    fn genesis(&self) -> Genesis {
        let bytes = std::fs::read(self.network.folder.join("genesis.json")).expect("a genesis");
        Genesis::parse(&bytes).expect("sound")
    }

    /// The verdict that was printed has the library's bytes at some moment of its second.
    fn same_as_library(&self, printed: &str, text: &str, bundle: &str) {
        let genesis = self.genesis();
        let anchor = genesis.anchor();
        let trust = TrustAnchor { anchor: &anchor, sandbox: genesis.sandbox, trusted_height: 0 };
        let bundle = read(bundle.as_bytes(), trust).expect("a bundle");
        let verdict: Value = serde_json::from_str(printed).expect("JSON");
        let now = verdict["now"].as_str().expect("a time");
        let second = titian_credential::time::parse(now).expect("RFC 3339");
        let second = u64::try_from(second).expect("after 1970");
        let same = [0, bundle.trust().time_ms % 1_000].iter().any(|ms| {
            let request = Request::new(Policy::Ledger);
            let made = verify(text.as_bytes(), &request, Some(&bundle), second + ms).to_jcs();
            made == printed.trim_end()
        });
        assert!(same, "{printed}");
    }
}

/// A verdict without what differs between a node and a bundle: source and age of the state.
fn comparable(verdict: &Value) -> Value {
    let mut verdict = verdict.clone();
    for member in ["now", "trust"] {
        verdict[member] = Value::Null;
    }
    for check in verdict["checks"].as_array_mut().expect("checks") {
        if ["stateProof", "freshness"].contains(&check["name"].as_str().expect("a name")) {
            *check = json!(check["result"]);
        } else if check["name"] == "accreditation" {
            check["detail"]["height"] = Value::Null;
        }
    }
    verdict
}

/// The types that are bound to a key of their holder.
const BOUND: [&str; 2] = ["AuthorisedRepresentative", "ProfessionalQualification"];

/// The exit code for a credential of the type that `name` begins with, which nobody presents.
fn exit_of(name: &str) -> i32 {
    if BOUND.iter().any(|bound| name.starts_with(bound)) { 3 } else { 0 }
}

#[test]
fn t15_every_type_is_issued_in_every_form_and_judged_alike_by_node_bundle_and_library() {
    let desk = Desk::open();
    desk.prepare();
    desk.done(&["vc", "holder", "new", "ana"]);
    let mut issued: BTreeMap<String, String> = BTreeMap::new();
    for (name, issuer, _) in TYPES {
        let (claims, key) = (desk.claims(name), format!("{issuer}#k1"));
        let out = desk.path(&format!("{name}.json"));
        let mut args = vec!["vc", "issue", &claims, "--type", name, "--as", &key, "-o", &out];
        if BOUND.contains(&name) {
            args.extend(["--holder", "holder:ana"]);
        } else {
            args.extend([
                "--form",
                "eddsa-jcs-2022",
                "--form",
                "eddsa-rdfc-2022",
                "--form",
                "vc+jwt",
            ]);
        }
        let report = desk.done(&args);
        for entry in report["status"].as_array().expect("entries") {
            let index = entry["index"].as_u64().expect("a number");
            assert!(Allocator::Wallet.has(index), "nodes have the others: {index}");
        }
        for one in report["credentials"].as_array().expect("a list") {
            let file = one["file"].as_str().expect("a file").to_owned();
            issued.insert(format!("{name} {}", one["form"]), file);
        }
        assert_eq!(report["type"], name);
    }
    // the extract of a business travels as SD-JWT VC too
    desk.open_list("MY:SSM", "token", "2", "BusinessRegistration");
    let (claims, out) = (desk.claims("BusinessRegistration"), desk.path("extract.sdjwt"));
    let extract = ["vc", "issue", &claims, "--type", "BusinessRegistration", "--as", "MY:SSM#k1"];
    let form = ["--form", "dc+sd-jwt", "--holder", "holder:ana", "-o", &out];
    desk.done(&[&extract[..], &form].concat());
    issued.insert("BusinessRegistration \"dc+sd-jwt\"".to_owned(), out);
    assert_eq!(issued.len(), 7 * 3 + 3);
    let issuers = "SG:ACRA,MY:SSM,VN:NBR,TH:DBD";
    let bundle = desk.path("trust.ttb");
    let exported = desk.done(&["vc", "bundle", "export", "--issuer", issuers, "-o", &bundle]);
    assert_eq!(exported["proven"], true);
    let live: BTreeMap<&String, Value> = issued
        .iter()
        .map(|(name, file)| {
            let (exit, verdict) = desk.verdict(&[file]);
            assert_eq!(exit, exit_of(name), "{name}: {verdict}");
            if exit != 0 {
                assert_eq!(code(&verdict, "holder"), "KEY_BINDING_MISSING", "{name}");
                assert_eq!(desk.verdict(&[file, "--policy", "w3c"]).0, 0, "{name}");
            }
            assert_eq!(verdict["trust"]["source"], "live");
            (name, verdict)
        })
        .collect();

    // a newer extract is there: the one before still counts, and its verdict says so
    let earlier = &issued["BusinessRegistration \"eddsa-jcs-2022\""];
    let refresh =
        ["vc", "refresh", earlier, "--reason", "superseded", "--as", "MY:SSM#k1", "--yes"];
    desk.done(&refresh);
    let (exit, verdict) = desk.verdict(&[earlier]);
    assert_eq!((exit, code(&verdict, "status")), (0, "REFRESH_ADVISED".to_owned()));
    assert!(verdict["warnings"].to_string().contains("REFRESH_ADVISED"), "{verdict}");
    desk.refused(&refresh, "STATUS_CONFLICT");

    // every node stopped
    desk.network.run(&["devnet", "down"]);
    let bundle_text = desk.text("trust.ttb");
    for (name, file) in &issued {
        let ran = desk.run(&["verify", file, "--offline", &bundle, "--json"]);
        assert_eq!(ran.code, exit_of(name), "{name}: {}{}", ran.stdout, ran.stderr);
        let text = std::fs::read_to_string(file).expect("written");
        desk.same_as_library(&ran.stdout, text.trim_end(), &bundle_text);
        assert_eq!(comparable(&ran.json()), comparable(&live[name]), "{name}");
        assert_eq!(code(&ran.json(), "stateProof"), "OK");
    }
    let origin = &issued["CertificateOfOrigin \"vc+jwt\""];
    assert_eq!(desk.run(&["verify", origin]).code, 4, "no node, no bundle");
}

#[test]
fn t10_two_states_lodge_one_certificate_of_origin_and_the_second_fails() {
    let desk = Desk::open();
    let name = "CertificateOfOrigin";
    desk.accredit("VN:NBR", &[name], "issue", "origin-authority");
    desk.accredit("MY:SSM", &[name], "use", "customs");
    desk.accredit("TH:DBD", &[name], "use", "customs");
    desk.open_list("VN:NBR", "revocation", "1", name);
    desk.open_list("VN:NBR", "use", "2", name);
    let (claims, out) = (desk.claims(name), desk.path("origin.jwt"));
    let issue = [
        "vc",
        "issue",
        &claims,
        "--type",
        name,
        "--form",
        "vc+jwt",
        "--as",
        "VN:NBR#k1",
        "--anchor",
        "--yes",
        "-o",
        &out,
    ];
    let report = desk.done(&issue);
    let receipt = report["receipts"][0].as_str().expect("a receipt").to_owned();
    let (exit, verdict) = desk.verdict(&[&out, "--receipt", &receipt]);
    assert_eq!((exit, &verdict["signedAt"]["source"]), (0, &json!("anchor")), "{verdict}");
    let lodge =
        |key: &str| ["vc", "use", "lodge", &out, "--as", key, "--yes"].map(str::to_owned).to_vec();
    let args =
        |owned: &[String]| owned.iter().map(String::as_str).collect::<Vec<_>>().join("\u{1f}");
    let run = |text: &str| {
        desk.run(&[&text.split('\u{1f}').collect::<Vec<_>>()[..], &["--json"]].concat())
    };
    let first = run(&args(&lodge("MY:SSM#k1")));
    assert_eq!(first.code, 0, "{}{}", first.stdout, first.stderr);
    let second = run(&args(&lodge("TH:DBD#k1")));
    assert_eq!(second.code, 1, "{}{}", second.stdout, second.stderr);
    assert_eq!(second.json()["error"]["name"], "STATUS_CONFLICT", "{}", second.stdout);
    let (exit, verdict) = desk.verdict(&[&out]);
    assert_eq!((exit, code(&verdict, "status")), (3, "USE_LODGED".to_owned()));
    // only the state that lodged it may go on; given back, another may lodge it
    desk.refused(&["vc", "use", "utilise", &out, "--as", "TH:DBD#k1", "--yes"], "NOT_LODGER");
    desk.done(&["vc", "use", "release", &out, "--as", "MY:SSM#k1", "--yes"]);
    assert_eq!(desk.verdict(&[&out]).0, 0);
    desk.done(&["vc", "use", "lodge", &out, "--as", "TH:DBD#k1", "--yes"]);
    desk.done(&["vc", "use", "utilise", &out, "--as", "TH:DBD#k1", "--yes"]);
    let (exit, verdict) = desk.verdict(&[&out]);
    assert_eq!((exit, code(&verdict, "status")), (3, "USE_UTILISED".to_owned()));
    desk.refused(&["vc", "use", "release", &out, "--as", "TH:DBD#k1", "--yes"], "STATUS_CONFLICT");
    let shown = desk.done(&["vc", "status", &out]);
    let values: Vec<&Value> =
        shown["entries"].as_array().expect("entries").iter().map(|entry| &entry["value"]).collect();
    assert_eq!(values, [&json!(0), &json!(2)]);
    // one that nobody lodged is cancelled by its issuer, and by nobody else
    let spoilt = desk.path("spoilt.jwt");
    let issue = ["vc", "issue", &claims, "--type", name, "--form", "vc+jwt", "--as", "VN:NBR#k1"];
    desk.done(&[&issue[..], &["-o", &spoilt]].concat());
    assert_ne!(desk.run(&["vc", "use", "cancel", &spoilt, "--as", "MY:SSM#k1", "--yes"]).code, 0);
    assert_eq!(desk.verdict(&[&spoilt]).0, 0);
    desk.done(&["vc", "use", "cancel", &spoilt, "--as", "VN:NBR#k1", "--yes"]);
    let (exit, verdict) = desk.verdict(&[&spoilt]);
    assert_eq!((exit, code(&verdict, "status")), (3, "USE_CANCELLED".to_owned()));
    desk.refused(&["vc", "use", "lodge", &spoilt, "--as", "MY:SSM#k1", "--yes"], "STATUS_CONFLICT");
}

#[test]
fn t08_a_mandate_is_presented_suspended_reinstated_revoked_and_erased() {
    let desk = Desk::open();
    let name = "AuthorisedRepresentative";
    desk.accredit("SG:ACRA", &[name], "issue", "registrar");
    let claims = desk.claims(name);
    desk.done(&["vc", "holder", "new", "ana", "--count", "3", "-o", &desk.path("keys.json")]);
    let key = "SG:ACRA#k1";
    let out = desk.path("mandate.sdjwt");
    let issue =
        ["vc", "issue", &claims, "--type", name, "--as", key, "--holder", "holder:ana", "-o", &out];
    desk.refused(&issue, "UNKNOWN_LIST");
    // two bits an entry, and longer than any credential of today, if nothing else is said
    let list = ["vc", "list-create", "SG:ACRA", "--profile", "token", "--type", name];
    desk.done(&[&list[..], &["--as", key, "--yes"]].concat());
    // data of persons in another form, without a holder key, valid for too long
    desk.refused(&[&issue[..], &["--form", "vc+jwt"]].concat(), "TYPE_NOT_COVERED");
    desk.refused(&[&issue[..7], &["-o", &out]].concat(), "SCHEMA_VIOLATION");
    desk.refused(&[&issue[..], &["--until", "2034-01-01"]].concat(), "LIMIT_EXCEEDED");
    desk.refused(&[&issue[..], &["--days", "5000"]].concat(), "LIMIT_EXCEEDED");
    // another issuer, a type it is not accredited for
    let other = ["vc", "issue", &claims, "--type", name, "--as", "MY:SSM#k1", "-o", &out];
    desk.refused(&other, "UNKNOWN_LIST");
    assert!(!desk.out.join("mandate.sdjwt").exists(), "what is refused is not written");

    let report = desk.done(&issue);
    let id = report["id"].as_str().expect("an id").to_owned();
    let pres = desk.path("pres.txt");
    let present = [
        "vc",
        "present",
        &out,
        "--disclose",
        "given_name",
        "--nonce",
        "n-7f3a91ab",
        "--audience",
        "did:ubin:SG:PEB",
        "-o",
        &pres,
    ];
    desk.done(&present);
    let asked = [pres.as_str(), "--nonce", "n-7f3a91ab", "--audience", "did:ubin:SG:PEB"];
    assert_eq!(desk.verdict(&asked).0, 0);
    let (exit, verdict) = desk.verdict(&[&pres, "--nonce", "n-another", "--audience", asked[4]]);
    assert_eq!((exit, code(&verdict, "holder")), (3, "NONCE_MISMATCH".to_owned()));
    let (exit, verdict) = desk.verdict(&[&out, "--nonce", "n-7f3a91ab"]);
    assert_eq!((exit, code(&verdict, "holder")), (3, "KEY_BINDING_MISSING".to_owned()));

    desk.a_mandate_counts_while_its_principal_may_act(&pres);

    // a copy that nobody shows counts under a policy that asks for less
    let (exit, verdict) = desk.verdict(&[&out]);
    assert_eq!((exit, code(&verdict, "holder")), (3, "KEY_BINDING_MISSING".to_owned()));

    for (verb, status) in [("suspend", "SUSPENDED"), ("reinstate", "OK"), ("revoke", "REVOKED")] {
        desk.done(&["vc", verb, &id, "--as", key, "--yes"]);
        let (exit, verdict) = desk.verdict(&[&out, "--policy", "w3c"]);
        let found = code(&verdict, "status");
        assert_eq!((exit, found.as_str()), (if status == "OK" { 0 } else { 3 }, status), "{verb}");
    }
    desk.refused(&["vc", "revoke", &out, "--as", key, "--yes"], "STATUS_CONFLICT");
    let height = desk.done(&["vc", "status", &id])["since"].as_u64().expect("a height");
    let before = desk.done(&["vc", "status", &id, "--at", &(height - 1).to_string()]);
    assert_eq!(before["value"], 0, "history answers for every height: {before}");

    let twice = ["--copies", "2", "--holder", "holder:ana", "-o", &desk.path("twice.sdjwt")];
    let ran = desk.run(&[&issue[..issue.len() - 2], &twice].concat());
    assert_eq!(ran.code, 2, "copies of one key could be linked: {}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("named twice"), "{}", ran.stderr);
    // three copies, unlinkable: keys, salts and entries differ
    let batch = desk.path("batch.sdjwt");
    let copies = [
        "vc",
        "issue",
        &claims,
        "--type",
        name,
        "--as",
        key,
        "--copies",
        "3",
        "--holder",
        &desk.path("keys.json"),
        "--purpose",
        "mandates, act 7",
        "-o",
        &batch,
    ]
    .map(str::to_owned);
    let copies: Vec<&str> = copies.iter().map(String::as_str).collect();
    let report = desk.done(&copies);
    let texts: Vec<String> = (1..=3).map(|i| desk.text(&format!("batch.{i}.sdjwt"))).collect();
    let parts: Vec<&str> = texts
        .iter()
        .flat_map(|text| text.trim_end_matches('~').split(['~', '.']).skip(1))
        .collect();
    let distinct: std::collections::BTreeSet<&&str> = parts.iter().collect();
    assert_eq!(distinct.len(), parts.len(), "the copies share nothing but the header");
    assert_eq!(report["status"].as_array().map(Vec::len), Some(3));

    let batch_id = report["id"].as_str().expect("an id");
    let counts = desk.done(&["vc", "privacy-report", "--exact"]);
    assert_eq!(counts["types"][0]["kept"], 2, "{counts}");
    assert_eq!(desk.done(&["vc", "privacy-report"])["types"][0]["kept"], "<5");
    let erased = desk.done(&["vc", "erase", batch_id, "--as", key, "--yes"]);
    assert_eq!(erased["statusTxs"].as_array().map(Vec::len), Some(3), "{erased}");
    for i in 1..=3 {
        let (exit, verdict) = desk.verdict(&[&desk.path(&format!("batch.{i}.sdjwt"))]);
        assert_eq!((exit, code(&verdict, "status")), (3, "REVOKED".to_owned()));
    }
    desk.refused(&["vc", "erase", batch_id, "--as", key, "--yes"], "NOT_FOUND");
    // a node erases for nobody without a token of its own
    let token = desk.path("token.jwt");
    std::fs::write(&token, "e30.e30.AAAA").expect("written");
    for args in [
        &["vc", "erase", batch_id, "--token", &token][..],
        &["vc", "privacy-report", "--token", &token],
    ] {
        desk.refused(args, "FORBIDDEN");
    }
    let counts = desk.done(&["vc", "privacy-report", "--exact"]);
    assert_eq!(
        (&counts["types"][0]["kept"], &counts["types"][0]["erased"]),
        (&json!(1), &json!(1))
    );
    let kept = std::fs::read_dir(&desk.network.folder).expect("a folder").filter_map(|entry| {
        let path = entry.ok()?.path();
        path.file_name()?.to_str()?.contains(".issued.json").then_some(path)
    });
    for path in kept {
        let text = std::fs::read_to_string(path).expect("JSON");
        assert!(!text.contains(batch_id) && !text.contains("Example"), "{text}");
    }
}

#[test]
fn t11_recognition_presentations_and_evidence_through_the_command_line() {
    let desk = Desk::open();
    let name = "AEOAuthorisation";
    desk.accredit("SG:ACRA", &[name], "issue", "customs");
    desk.open_list("SG:ACRA", "revocation", "1", name);
    desk.open_list("SG:ACRA", "suspension", "1", name);
    let (claims, out) = (desk.claims(name), desk.path("aeo.json"));
    desk.done(&["vc", "holder", "new", "ana"]);
    desk.done(&["vc", "issue", &claims, "--type", name, "--as", "SG:ACRA#k1", "-o", &out]);
    desk.nothing_of_an_issue_is_used_twice(&claims, &out);
    let (exit, verdict) = desk.verdict(&[&out, "--jurisdiction", "MY"]);
    assert_eq!((exit, code(&verdict, "recognition")), (3, "NOT_RECOGNISED".to_owned()));
    let entry = json!({
        "by": "MY", "of": "SG", "name": "aeo-2024", "scope": "credential", "types": [name],
        "issuerClasses": ["customs"], "from": "2025-01-01",
        "agreement": {"title": "AEO mutual recognition", "reference": "example",
            "documentSha256": format!("sha256:{}", "1".repeat(64))},
    });
    let file = desk.path("mra.json");
    std::fs::write(&file, entry.to_string()).expect("written");
    // one root key is not enough; the other cosigns
    let op = desk.path("op.json");
    let half =
        desk.done(&["gov", "recognition-declare", &file, "--as", "MY#k1", "-o", &op, "--yes"]);
    assert_eq!(half["status"], "incomplete", "{half}");
    desk.done(&["gov", "recognition-declare", &file, "--as", "MY#k1", "--as", "MY#k2", "--yes"]);
    let (exit, verdict) = desk.verdict(&[&out, "--jurisdiction", "MY"]);
    assert_eq!((exit, code(&verdict, "recognition")), (0, "RECOGNISED".to_owned()));
    let listed = desk.done(&["gov", "recognitions", "--by", "MY"]);
    assert_eq!(listed[0]["name"], "aeo-2024", "{listed}");

    // an evidence pack for a court
    let pack = desk.path("aeo.evidence.json");
    desk.done(&["vc", "bundle", "export", "--evidence", &out, "--jurisdiction", "MY", "-o", &pack]);
    let (exit, verdict) = desk.verdict(&[&pack, "--jurisdiction", "MY"]);
    assert_eq!((exit, &verdict["trust"]["source"]), (0, &json!("bundle")), "{verdict}");
    // presented by a holder, in both forms; judged by the node and from a bundle
    let bundle = desk.path("trust.ttb");
    desk.done(&[
        "vc",
        "bundle",
        "export",
        "--cc",
        "SG",
        "--recognition",
        "MY",
        "--gzip",
        "-o",
        &bundle,
    ]);
    for form in ["vp+jwt", "eddsa-jcs-2022"] {
        let pres = desk.path(&format!("pres.{form}"));
        desk.done(&[
            "vc",
            "present",
            &out,
            "--nonce",
            "n-7f3a91ab",
            "--audience",
            "did:ubin:MY:SSM",
            "--as",
            "holder:ana",
            "--form",
            form,
            "-o",
            &pres,
        ]);
        let asked =
            ["--nonce", "n-7f3a91ab", "--audience", "did:ubin:MY:SSM", "--jurisdiction", "MY"];
        let live = desk.verdict(&[&[pres.as_str()][..], &asked].concat());
        let offline = desk.verdict(&[&[pres.as_str(), "--offline", &bundle][..], &asked].concat());
        assert_eq!((live.0, offline.0), (0, 0), "{form}: {} {}", live.1, offline.1);
        let replayed = desk.verdict(&[&pres, "--nonce", "n-another", "--audience", asked[3]]);
        assert_eq!(replayed.0, 3, "{form}: {}", replayed.1);
    }
    let unexplained = ["gov", "recognition-suspend", "MY/SG/aeo-2024", "--as", "MY#k1", "--yes"];
    assert_eq!(desk.run(&unexplained).code, 2);
    let suspend = [
        "gov",
        "recognition-suspend",
        "MY/SG/aeo-2024",
        "--reason",
        "review",
        "--as",
        "MY#k1",
        "--as",
        "MY#k2",
        "--yes",
    ];
    desk.done(&suspend);
    let (exit, verdict) = desk.verdict(&[&out, "--jurisdiction", "MY"]);
    assert_eq!((exit, code(&verdict, "recognition")), (3, "RECOGNITION_SUSPENDED".to_owned()));
}
