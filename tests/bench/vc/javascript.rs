//! The same of the JavaScript libraries.

use std::time::Duration;

use serde_json::{Value, json};
use titian_tests::credentials::contexts;
use titian_tests::javascript::Libraries;

use super::documents::{DISCLOSED, Documents, NONCE};
use crate::report::Report;

/// Asks the libraries to do what was measured here. Without Node it leaves a note.
pub(super) fn measure(documents: &Documents, run: Duration, report: &mut Report) {
    let mut libraries = match Libraries::start() {
        Ok(libraries) => libraries,
        Err(missing) => {
            return report.note(format!("No figures of JavaScript libraries: {missing}."));
        }
    };
    libraries.must("remember", json!({"documents": contexts()}));
    let versions = libraries.must("versions", json!({}));
    for (key, work) in work(documents) {
        let request = json!({"work": work, "seconds": run.as_secs_f64()});
        let mut rates: Vec<f64> = (0..super::RUNS)
            .map(|_| {
                let done = libraries.must("bench", request.clone());
                let number = |name: &str| done[name].as_f64().expect("a number");
                number("runs") * 1e6 / number("micros")
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        report.figure(key, rates[super::RUNS / 2]);
    }
    let node = versions["node"].as_str().unwrap_or_default();
    report.note(format!(
        "JavaScript: Node {node}, versions in `tests/interop/vc/package-lock.json`."
    ));
}

fn work(documents: &Documents) -> Vec<(&'static str, Value)> {
    let seed = hex::encode(documents.key.to_bytes());
    let parsed = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let verify = |form: &str, text: &str| {
        json!({
            "do": "verifyEmbedded", "form": form, "document": parsed(text), "now": documents.now,
        })
    };
    let issue = |form: &str| {
        json!({
            "do": "issueEmbedded", "form": form, "document": documents.unsigned,
            "created": documents.now, "seed": seed, "method": documents.method,
        })
    };
    let token = json!({
        "do": "issueToken", "typ": "vc+jwt", "payload": documents.unsigned,
        "method": documents.method, "seed": seed,
    });
    let disclosing = json!({
        "do": "issueSdJwt", "payload": documents.claims, "disclose": DISCLOSED,
        "method": documents.method, "seed": seed,
    });
    let now_s = documents.desk.world.time_ms / 1_000;
    vec![
        ("npm_jcs_verify_per_s", verify("eddsa-jcs-2022", &documents.jcs)),
        ("npm_jcs_issue_per_s", issue("eddsa-jcs-2022")),
        (
            "npm_jwt_verify_per_s",
            json!({"do": "verifyToken", "typ": "vc+jwt", "token": documents.jwt}),
        ),
        ("npm_jwt_issue_per_s", token),
        (
            "npm_sd_jwt_verify_per_s",
            json!({
                "do": "verifySdJwt", "token": documents.sd_jwt, "now": now_s, "nonce": NONCE,
            }),
        ),
        ("npm_sd_jwt_issue_per_s", disclosing),
        ("npm_rdfc_verify_per_s", verify("eddsa-rdfc-2022", &documents.rdfc)),
        ("npm_rdfc_issue_per_s", issue("eddsa-rdfc-2022")),
        (
            "npm_status_decode_per_s",
            json!({"do": "bitstringValues", "encodedList": documents.list, "at": [84_213]}),
        ),
    ]
}
