//! An issuing agency at the command line: the extract of a record, a rotation of its key, and what
//! its state may do to its accreditation.

use serde_json::{Value, json};
use titian_tests::world::company_body;

use super::vc_desk::{Desk, code};

const TYPE: &str = "BusinessRegistration";
const ROOT: [&str; 5] = ["--as", "SG#k1", "--as", "SG#k2", "--yes"];
const ACCREDITATION: &str = "SG:ACRA/acc/1";

/// SG:ACRA, accredited for extracts, with the lists that they need.
fn agency() -> Desk {
    let desk = Desk::open();
    desk.accredit("SG:ACRA", &[TYPE], "issue", "registrar");
    for profile in ["revocation", "refresh"] {
        desk.open_list("SG:ACRA", profile, "1", TYPE);
    }
    desk
}

/// The exit code of a verdict, and the code of its check `accreditation`.
fn verdict(agency: &Desk, file: &str) -> (i32, String) {
    let (exit, verdict) = agency.verdict(&[file]);
    (exit, code(&verdict, "accreditation"))
}

#[test]
fn t08_an_extract_outlives_the_key_that_signed_it_and_falls_with_the_accreditation() {
    let agency = agency();
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
    assert_eq!(verdict(&agency, &first), good);

    // the key goes, what it signed stays; the next one signs
    agency.done(&["key", "rotate", "SG:ACRA", "--retire", "k1", "--yes"]);
    assert_eq!(verdict(&agency, &first), good);
    let resolved = agency.done(&["vc", "did", "resolve", "SG:ACRA"]);
    let signing = &resolved["didDocument"]["assertionMethod"];
    assert_eq!(*signing, json!(["did:ubin:SG:ACRA#k2", "did:ubin:SG:ACRA#k3"]), "{resolved}");
    agency.done(&["vc", "issue", "--record", &ubin, "--as", "SG:ACRA#k3", "-o", &second]);
    assert_eq!(verdict(&agency, &second), good);

    // suspended, reinstated, ended
    let unexplained = ["vc", "accreditation-suspend", ACCREDITATION];
    let ran = agency.run(&[&unexplained[..], &ROOT].concat());
    assert!(ran.code == 2 && ran.stderr.contains("misconduct"), "{}", ran.stderr);
    let suspend = ["vc", "accreditation-suspend", ACCREDITATION, "--reason", "misconduct"];
    agency.done(&[&suspend[..], &ROOT].concat());
    let suspended = (3, "ACCREDITATION_SUSPENDED".to_owned());
    assert_eq!(
        [verdict(&agency, &first), verdict(&agency, &second)],
        [suspended.clone(), suspended]
    );
    let third = agency.path("third.json");
    let issue = ["vc", "issue", "--record", &ubin, "--as", "SG:ACRA#k3", "-o", &third];
    agency.refused(&issue, "ACCREDITATION_SUSPENDED");
    assert!(!agency.out.join("third.json").exists(), "what is refused is not written");
    let reinstate = ["vc", "accreditation-reinstate", ACCREDITATION];
    agency.done(&[&reinstate[..], &ROOT].concat());
    assert_eq!([verdict(&agency, &first), verdict(&agency, &second)], [good.clone(), good]);
    let revoke = ["vc", "accreditation-revoke", ACCREDITATION, "--reason", "misconduct"];
    let ahead = ["--effective-ms", "4102444800000"];
    agency.refused(&[&revoke[..], &ahead, &ROOT].concat(), "FUTURE_EFFECTIVE");
    let since = ["--effective-ms", "1700000000000"];
    agency.done(&[&revoke[..], &since, &ROOT].concat());
    let revoked = (3, "ACCREDITATION_REVOKED".to_owned());
    assert_eq!([verdict(&agency, &first), verdict(&agency, &second)], [revoked.clone(), revoked]);
    let issuer = agency.done(&["vc", "issuer", "SG:ACRA"]);
    assert_eq!(issuer["accreditations"][0]["status"], "revoked", "{issuer}");
    // a list lives as long as the credentials that may name it
    let retire = ["vc", "list-retire", "SG:ACRA/status/1", "--as", "SG:ACRA#k3", "--yes"];
    agency.refused(&retire, "LIST_IN_USE");
}
