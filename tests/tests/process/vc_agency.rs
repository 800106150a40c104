//! An issuing agency at the command line: the extract of a record, a rotation of its key, and what
//! its state may do to its accreditation.

use std::path::PathBuf;

use serde_json::{Value, json};
use titian_tests::world::company_body;

use super::{Network, Ran};

const TYPE: &str = "BusinessRegistration";
const ROOT: [&str; 5] = ["--as", "SG#k1", "--as", "SG#k2", "--yes"];
const ACCREDITATION: &str = "SG:ACRA/acc/1";

struct Agency {
    network: Network,
    out: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Agency {
    /// SG:ACRA, accredited for extracts, with the lists that they need.
    fn open() -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let network = Network::of_one(temporary.path().join("net"));
        let agency = Self { network, out: temporary.path().to_owned(), _temporary: temporary };
        let grant = ["vc", "accreditation-grant", "SG:ACRA", "--type", TYPE, "--rights", "issue"];
        let more = ["--class", "registrar", "--until", "2035-12-31"];
        agency.done(&[&grant[..], &more, &ROOT].concat());
        for profile in ["revocation", "refresh"] {
            let list = ["vc", "list-create", "SG:ACRA", "--profile", profile, "--size", "1"];
            let more = ["--type", TYPE, "--days", "3000", "--as", "SG:ACRA#k1", "--yes"];
            agency.done(&[&list[..], &more].concat());
        }
        agency
    }

    fn path(&self, name: &str) -> String {
        self.out.join(name).display().to_string()
    }

    /// Runs a command with a home of its own.
    fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.network.command(&[args, &["--json"]].concat());
        Ran::of(command.env("XDG_CONFIG_HOME", self.out.join("config")))
    }

    /// A command that must succeed; its JSON.
    fn done(&self, args: &[&str]) -> Value {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "titian {args:?}: {}{}", ran.stdout, ran.stderr);
        ran.json()
    }

    /// A command that must be refused with this name.
    fn refused(&self, args: &[&str], name: &str) {
        let ran = self.run(args);
        assert!([1, 2].contains(&ran.code), "titian {args:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.json()["error"]["name"], name, "titian {args:?}: {}", ran.stdout);
    }

    /// The exit code of a verdict, and the code of its check `accreditation`.
    fn verdict(&self, file: &str) -> (i32, String) {
        let ran = self.run(&["verify", file]);
        let verdict = ran.json();
        let checks = verdict["checks"].as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == "accreditation").expect("there");
        (ran.code, check["code"].as_str().expect("a code").to_owned())
    }
}

#[test]
fn t08_an_extract_outlives_the_key_that_signed_it_and_falls_with_the_accreditation() {
    let agency = Agency::open();
    let body = company_body("SG", "UEN", "209900001K", "TITIAN DEMO LINES");
    let ubin = body.get("ubin").and_then(|ubin| ubin.as_text()).expect("set").to_owned();
    let file = agency.path("body.json");
    std::fs::write(&file, body.to_jcs()).expect("written");
    let (first, second) = (agency.path("first.json"), agency.path("second.json"));
    let issue = ["vc", "issue", "--record", &ubin, "--as", "SG:ACRA#k1", "-o", &first];
    assert_ne!(agency.run(&issue).code, 0, "there is no record yet");
    agency.done(&["ubin", "register", &file, "--as", "SG:ACRA#k1", "--yes"]);
    assert_eq!(agency.done(&issue)["type"], TYPE);
    let text = std::fs::read_to_string(&first).expect("written");
    let extract: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(extract["credentialSubject"]["ubin"], ubin.as_str());
    assert_eq!(extract["credentialSubject"]["legalName"], "TITIAN DEMO LINES");
    let good = (0, "OK".to_owned());
    assert_eq!(agency.verdict(&first), good);

    // the key goes, what it signed stays; the next one signs
    agency.done(&["key", "rotate", "SG:ACRA", "--retire", "k1", "--yes"]);
    assert_eq!(agency.verdict(&first), good);
    let resolved = agency.done(&["vc", "did", "resolve", "SG:ACRA"]);
    let signing = &resolved["didDocument"]["assertionMethod"];
    assert_eq!(*signing, json!(["did:ubin:SG:ACRA#k2", "did:ubin:SG:ACRA#k3"]), "{resolved}");
    agency.done(&["vc", "issue", "--record", &ubin, "--as", "SG:ACRA#k3", "-o", &second]);
    assert_eq!(agency.verdict(&second), good);

    // suspended, reinstated, ended
    let suspend = ["vc", "accreditation-suspend", ACCREDITATION, "--reason", "misconduct"];
    agency.done(&[&suspend[..], &ROOT].concat());
    let suspended = (3, "ACCREDITATION_SUSPENDED".to_owned());
    assert_eq!([agency.verdict(&first), agency.verdict(&second)], [suspended.clone(), suspended]);
    let third = agency.path("third.json");
    let refused =
        agency.run(&["vc", "issue", "--record", &ubin, "--as", "SG:ACRA#k3", "-o", &third]);
    assert_eq!(refused.json()["error"]["name"], "ACCREDITATION_SUSPENDED", "{}", refused.stdout);
    assert!(!agency.out.join("third.json").exists(), "what is refused is not written");
    let reinstate = ["vc", "accreditation-reinstate", ACCREDITATION];
    agency.done(&[&reinstate[..], &ROOT].concat());
    assert_eq!([agency.verdict(&first), agency.verdict(&second)], [good.clone(), good]);
    let revoke = ["vc", "accreditation-revoke", ACCREDITATION, "--reason", "misconduct"];
    let ahead = ["--effective-ms", "4102444800000"];
    agency.refused(&[&revoke[..], &ahead, &ROOT].concat(), "FUTURE_EFFECTIVE");
    let since = ["--effective-ms", "1700000000000"];
    agency.done(&[&revoke[..], &since, &ROOT].concat());
    let revoked = (3, "ACCREDITATION_REVOKED".to_owned());
    assert_eq!([agency.verdict(&first), agency.verdict(&second)], [revoked.clone(), revoked]);
    let issuer = agency.done(&["vc", "issuer", "SG:ACRA"]);
    assert_eq!(issuer["accreditations"][0]["status"], "revoked", "{issuer}");
    // a list lives as long as the credentials that may name it
    let retire = ["vc", "list-retire", "SG:ACRA/status/1", "--as", "SG:ACRA#k3", "--yes"];
    agency.refused(&retire, "LIST_IN_USE");
}
