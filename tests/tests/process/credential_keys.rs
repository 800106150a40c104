//! What an issuer signs with and what it issues, beside the types that ship: several keys, a P-256
//! key, a type of its own.

use serde_json::{Value, json};

use super::vc_desk::{Desk, code};

#[test]
fn t01_several_keys_of_an_issuer_sign_as_a_proof_set() {
    let desk = Desk::open();
    let name = "MCCAdoption";
    desk.accredit("SG:ACRA", &[name], "issue", "other");
    desk.open_list("SG:ACRA", "revocation", "1", name);
    let (claims, out) = (desk.claims(name), desk.path("adoption.json"));
    let both = ["--as", "SG:ACRA#k1", "--as", "SG:ACRA#k2"];
    let issue = [&["vc", "issue", &claims, "--type", name, "-o", &out][..], &both].concat();
    let ran = desk.run(&[&issue[..], &["--form", "vc+jwt", "--json"]].concat());
    assert_eq!(ran.code, 2, "a token carries one signature: {}", ran.stdout);
    desk.done(&issue);
    let mut signed: Value = serde_json::from_str(&desk.text("adoption.json")).expect("JSON");
    assert_eq!(signed["proof"].as_array().map(Vec::len), Some(2));
    assert_eq!(desk.verdict(&[&out]).0, 0);
    // every proof of a set counts
    let other = signed["proof"][0]["proofValue"].clone();
    signed["proof"][1]["proofValue"] = other;
    std::fs::write(&out, signed.to_string()).expect("written");
    let (exit, verdict) = desk.verdict(&[&out]);
    assert_eq!((exit, code(&verdict, "proof")), (3, "SIGNATURE_INVALID".to_owned()));
}

#[test]
fn t03_a_state_publishes_a_type_of_its_own_and_its_credentials_verify() {
    let desk = Desk::open();
    let root = ["--as", "SG#k1", "--as", "SG#k2", "--yes"];
    let write = |name: &str, value: &Value| {
        let path = desk.path(name);
        std::fs::write(&path, value.to_string()).expect("written");
        path
    };
    // the regional schema and context of a small type, under a name of the state
    let shipped = titian_credential::profiles::SHIPPED.iter().find(|s| s.slug == "mcc-adoption");
    let shipped = shipped.expect("it ships");
    let renamed = |bytes: &[u8]| {
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        let text = text.replace("MCCAdoption", "PortPermit").replace("ASEAN/", "SG/");
        serde_json::from_str::<Value>(&text.replace("mcc-adoption", "port-permit")).expect("JSON")
    };
    let (schema, context) = (
        write("schema.json", &renamed(shipped.schema)),
        write("context.json", &renamed(shipped.context)),
    );
    desk.done(&["vc", "schema", "lint", &schema]);
    for (file, id) in [(&schema, "SG/schema/port-permit/1"), (&context, "SG/context/port-permit/1")]
    {
        desk.done(&[&["vc", "resource-publish", file, "--id", id][..], &root].concat());
    }
    let entry = json!({
        "name": "PortPermit", "owner": "SG", "schemas": ["SG/schema/port-permit/1"],
        "contexts": ["SG/context/port-permit/1"], "naturalPersonData": false, "singleUse": false, "profiles": ["revocation"],
        "validityMaxDays": 30,
    });
    let args = entry.to_string();
    desk.done(&[&["vc", "type-publish", "--args", &args][..], &root].concat());
    desk.accredit("SG:ACRA", &["PortPermit"], "issue", "other");
    desk.open_list("SG:ACRA", "revocation", "1", "PortPermit");
    let (claims, out) = (desk.claims("MCCAdoption"), desk.path("permit.jwt"));
    let issue = [
        "vc",
        "issue",
        &claims,
        "--type",
        "PortPermit",
        "--form",
        "vc+jwt",
        "--as",
        "SG:ACRA#k1",
        "-o",
        &out,
    ];
    desk.refused(&[&issue[..], &["--until", "2034-01-01"]].concat(), "LIMIT_EXCEEDED");
    desk.done(&issue);
    assert_eq!(desk.verdict(&[&out]).0, 0);
    let types = desk.done(&["vc", "types", "--owner", "SG"]);
    assert_eq!(types[0]["type"], "PortPermit", "{types}");
    let did = desk.path("did.json");
    desk.done(&["vc", "did", "resolve", "SG:ACRA", "--proof", &did]);
    assert_eq!(desk.verdict(&[&did]).0, 0);
    // a claim that no schema allows
    let mut more: Value =
        serde_json::from_str(&std::fs::read_to_string(&claims).expect("written")).expect("JSON");
    more["remark"] = json!("x");
    let more = write("more.json", &more);
    desk.refused(
        &["vc", "issue", &more, "--type", "PortPermit", "--as", "SG:ACRA#k1", "-o", &out],
        "UNDEFINED_TERM",
    );
    // of a type that is out of use nothing more is issued, and what was issued stays good
    desk.done(&[&["vc", "type-deprecate", "SG/PortPermit"][..], &root].concat());
    desk.refused(&issue, "UNKNOWN_TYPE");
    let schema = ["vc", "resource-deprecate", "SG/schema/port-permit/1"];
    desk.done(&[&schema[..], &root].concat());
    assert_eq!(desk.verdict(&[&out]).0, 0);
}

#[test]
fn t01_an_agency_that_its_state_creates_issues_at_once() {
    let desk = Desk::open();
    let (party, name) = ("SG:CUSTOMS", "AEOAuthorisation");
    let request = desk.path("customs.json");
    let purposes = ["--purpose", "invoke", "--purpose", "assert", "--scope", "vc.*"];
    desk.done(&[&["key", "new", party, "-o", &request][..], &purposes].concat());
    let (claims, out) = (desk.claims(name), desk.path("aeo.json"));
    let ran = desk.run(&["vc", "issue", &claims, "--type", name, "--as", party, "-o", &out]);
    assert!(ran.stderr.contains("titian key status SG:CUSTOMS"), "{}", ran.stderr);
    let create = ["access", "authority-create", party, "--args", &request];
    desk.done(&[&create[..], &["--as", "SG#k1", "--as", "SG#k2", "--yes"]].concat());
    // its key has its number in the wallet without more ado
    desk.accredit(party, &[name], "issue", "customs");
    desk.open_list(party, "revocation", "1", name);
    desk.open_list(party, "suspension", "1", name);
    desk.done(&["vc", "issue", &claims, "--type", name, "--as", "SG:CUSTOMS#k1", "-o", &out]);
    assert_eq!(desk.verdict(&[&out]).0, 0);
}

#[test]
fn t01_an_issuer_signs_tokens_with_a_p256_key_and_nothing_else_with_it() {
    let desk = Desk::open();
    desk.accredit("SG:ACRA", &["AEOAuthorisation"], "issue,use", "customs");
    desk.open_list("SG:ACRA", "revocation", "1", "AEOAuthorisation");
    desk.open_list("SG:ACRA", "suspension", "1", "AEOAuthorisation");
    let request = desk.path("request.json");
    let new = ["key", "new", "SG:ACRA", "--alg", "P-256"];
    desk.refused(&new, "ALG_UNSUPPORTED");
    desk.done(&[&new[..], &["--purpose", "assert", "-o", &request]].concat());
    desk.done(&["key", "bind", &request, "--as", "SG#k1", "--as", "SG#k2", "--yes"]);
    let keys = desk.done(&["key", "status", "SG:ACRA"]);
    let keys = keys["keys"].as_array().expect("keys");
    let bound = keys.iter().find(|key| key["alg"] == "P-256").expect("it is bound");
    let key = format!("SG:ACRA#{}", bound["key"].as_str().expect("a number"));
    let document = desk.done(&["vc", "did", "resolve", "did:ubin:SG:ACRA"]).to_string();
    assert!(document.contains("\"zDn"), "a Multikey of a P-256 point: {document}");

    let (claims, token) = (desk.claims("AEOAuthorisation"), desk.path("aeo.jwt"));
    let issue = ["vc", "issue", &claims, "--type", "AEOAuthorisation", "--as", &key, "-o", &token];
    desk.refused(&[&issue[..], &["--form", "eddsa-jcs-2022"]].concat(), "ALG_UNSUPPORTED");
    // the anchor is an act, which an Ed25519 key of the issuer signs
    let report = desk.done(&[&issue[..], &["--form", "vc+jwt", "--anchor", "--yes"]].concat());
    let receipt = report["receipts"][0].as_str().expect("a receipt");
    let (_, anchored) = desk.verdict(&[&token, "--receipt", receipt]);
    assert_eq!(anchored["signedAt"]["source"], "anchor", "{anchored}");
    let (exit, verdict) = desk.verdict(&[&token]);
    assert_eq!((exit, verdict["verified"].as_bool()), (0, Some(true)), "{verdict}");
    // the same body gives the same token, by this algorithm too; what proves its time stays
    let mut body = desk.done(&["vc", "show", &token])["document"].clone();
    body.as_object_mut().expect("an object").remove("credentialStatus");
    let (file, again) = (desk.path("body.json"), desk.path("again.jwt"));
    std::fs::write(&file, body.to_string()).expect("written");
    let same = ["vc", "issue", &file, "--form", "vc+jwt", "--as", &key];
    assert_eq!(desk.done(&[&same[..], &["-o", &again]].concat())["again"], true);
    assert_eq!(desk.text("again.jwt"), desk.text("aeo.jwt"));
    let kept = std::fs::read(receipt).expect("a receipt");
    let ran = desk.run(&[&same[..], &["--anchor", "--yes", "-o", &token]].concat());
    assert!(ran.code == 2 && ran.stderr.contains("is there already"), "{}", ran.stderr);
    assert_eq!(std::fs::read(receipt).expect("a receipt"), kept);
    // an act needs an invoke key
    let revoke = ["vc", "revoke", &desk.text("aeo.jwt"), "--as", &key, "--yes"].map(str::to_owned);
    let revoke: Vec<&str> = revoke.iter().map(String::as_str).collect();
    assert_ne!(desk.run(&revoke).code, 0);

    // with the nodes stopped, whole and with one character changed
    let bundle = desk.path("trust.ttb");
    desk.done(&["vc", "bundle", "export", "--issuer", "SG:ACRA", "-o", &bundle]);
    desk.network.run(&["devnet", "down"]);
    let (exit, verdict) = desk.verdict(&[&token, "--offline", &bundle]);
    assert_eq!(exit, 0, "{verdict}");
    let text = desk.text("aeo.jwt");
    let (signed, signature) = text.rsplit_once('.').expect("three parts");
    let other = if signature.starts_with('A') { "B" } else { "A" };
    let forged = desk.path("forged.jwt");
    std::fs::write(&forged, format!("{signed}.{other}{}", &signature[1..])).expect("written");
    let (exit, verdict) = desk.verdict(&[&forged, "--offline", &bundle]);
    assert_eq!((exit, code(&verdict, "proof").as_str()), (3, "SIGNATURE_INVALID"));
}
