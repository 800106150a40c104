//! One id, one credential: what was issued is not issued as something else, and is had again by who
//! lost it.

use serde_json::{Value, json};

use super::vc_desk::Desk;

impl Desk {
    /// An id, entries and a file of a credential that was issued serve for no other one: revoked by
    /// its id it must be the one that is meant.
    pub(super) fn nothing_of_an_issue_is_used_twice(&self, claims: &str, out: &str) {
        let signed = ["--as", "SG:ACRA#k1"];
        let name = "AEOAuthorisation";
        let before = self.text("aeo.json");
        let of_claims = ["vc", "issue", claims, "--type", name];
        // written over neither what is read nor what was issued
        for taken in [claims, out] {
            let ran = self.run(&[&of_claims[..], &signed, &["-o", taken]].concat());
            assert_eq!(ran.code, 2, "{taken}: {}{}", ran.stdout, ran.stderr);
        }
        assert_eq!(self.text("aeo.json"), before);
        let other = self.path("other.json");
        let write = |value: &Value| {
            let path = self.path("written.json");
            std::fs::write(&path, value.to_string()).expect("written");
            path
        };
        let issue = |value: &Value| {
            let file = write(value);
            self.run(&[&["vc", "issue", &file, "-o", &other, "--json"][..], &signed].concat())
        };
        let whole: Value = serde_json::from_str(&before).expect("JSON");
        let without = |names: &[&str]| {
            let mut value = whole.clone();
            names.iter().for_each(|name| {
                value.as_object_mut().expect("an object").remove(*name);
            });
            value
        };
        let mut own_id = without(&["proof"]);
        own_id["id"] = json!("urn:uuid:0c1f5e9a-0000-4000-8000-000000000001");
        let mut same_id = without(&["proof", "credentialStatus"]);
        same_id["credentialSubject"]["securityLevel"] = json!("security");
        for (value, expected) in [
            (without(&[]), "STATUS_MALFORMED"),
            (own_id, "STATUS_MALFORMED"),
            (without(&["credentialStatus"]), "PROOF_MALFORMED"),
            (same_id.clone(), "CREDENTIAL_EXISTS"),
        ] {
            let ran = issue(&value);
            assert!([1, 2].contains(&ran.code), "{}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.json()["error"]["name"], expected, "{}", ran.stdout);
            assert!(!self.out.join("other.json").exists(), "{expected}");
        }
        // what a schema does not allow is named where it stands
        same_id["id"] = json!("urn:uuid:0c1f5e9a-0000-4000-8000-000000000002");
        same_id["credentialSubject"]["securityLevel"] = json!("none");
        let ran = issue(&same_id);
        assert_eq!(ran.json()["error"]["name"], "SCHEMA_VIOLATION", "{}", ran.stdout);
        let told = ran.json()["error"]["message"].as_str().expect("a message").to_owned();
        assert!(told.contains("/credentialSubject/securityLevel"), "{told}");
        // nobody can be asked whether to sign the anchor: nothing was issued
        let kept = || self.done(&["vc", "privacy-report", "--exact"])["types"][0]["kept"].clone();
        let count = kept();
        let anchored = [&of_claims[..], &signed, &["--anchor", "-o", &other]].concat();
        assert_eq!(self.run(&anchored).code, 2);
        assert!(!self.out.join("other.json").exists());
        assert_eq!(kept(), count);
        // a trial of the erasure forgets nothing
        let id = whole["id"].as_str().expect("an id");
        self.done(&["vc", "erase", id, "--as", "SG:ACRA#k1", "--dry-run"]);
        assert_eq!(kept(), count);
        assert_eq!(self.verdict(&[out]).0, 0);
        // the one that was issued before is the one that its id revokes
        let third = self.path("third.json");
        self.done(&[&of_claims[..], &signed, &["-o", &third]].concat());
        let third_id: Value = serde_json::from_str(&self.text("third.json")).expect("JSON");
        let third_id = third_id["id"].as_str().expect("an id");
        self.done(&["vc", "revoke", third_id, "--as", "SG:ACRA#k1", "--yes"]);
        assert_eq!((self.verdict(&[&third]).0, self.verdict(&[out]).0), (3, 0));
        self.the_same_body_gives_the_same_credential(&without(&["proof", "credentialStatus"]));
    }

    /// Whoever lost `aeo.json` has it again from the body that was signed, to the byte; another key or
    /// form, or a credential that ended, is refused.
    fn the_same_body_gives_the_same_credential(&self, body: &Value) {
        let file = self.path("same.body.json");
        std::fs::write(&file, body.to_string()).expect("written");
        let kept = || self.done(&["vc", "privacy-report", "--exact"])["types"][0]["kept"].clone();
        let count = kept();
        let again = self.path("again.json");
        let issue = ["vc", "issue", &file, "-o", &again, "--as", "SG:ACRA#k1"];
        for _ in 0..2 {
            // the second time it is there already, and is no other one
            let report = self.done(&issue);
            assert_eq!(report["again"], true, "{report}");
            assert_eq!(self.text("again.json"), self.text("aeo.json"));
        }
        assert_eq!(kept(), count);
        let other = self.path("other.json");
        let issue = ["vc", "issue", &file, "-o", &other];
        for changed in [
            &["--as", "SG:ACRA#k2"][..],
            &["--as", "SG:ACRA#k1", "--form", "vc+jwt"],
            &["--as", "SG:ACRA#k1", "--status=refresh"],
        ] {
            self.refused(&[&issue[..], changed].concat(), "CREDENTIAL_EXISTS");
        }
        let third: Value = serde_json::from_str(&self.text("third.json")).expect("JSON");
        let mut ended = third;
        for member in ["proof", "credentialStatus"] {
            ended.as_object_mut().expect("an object").remove(member);
        }
        std::fs::write(&file, ended.to_string()).expect("written");
        self.refused(&[&issue[..], &["--as", "SG:ACRA#k1"]].concat(), "REVOKED");
        assert!(!self.out.join("other.json").exists());
    }
}
