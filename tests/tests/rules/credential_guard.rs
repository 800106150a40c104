//! The term guard, the bundled contexts, and the rules of the data model.

use ed25519_dalek::SigningKey;
use serde_json::{Value as Json, json};
use titian_contracts::credential::linter::BASE_TERMS;
use titian_credential::contexts::{self, Contexts};
use titian_credential::json::canonical;
use titian_credential::profiles;
use titian_credential::proof::issue_jcs;
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::{Request, verify};

use super::credential_fixture::{
    NOW_MS, SANDBOX, code, fails_with, judge, live, self_issued, sign_blindly, vector,
};
use super::credential_scene::Scene;

#[test]
pub fn vc_t07_the_term_guard_refuses_what_json_ld_would_drop_at_issue_and_at_verification() {
    let scene = Scene::new();
    let example: Json = serde_json::from_slice(profiles::SHIPPED[0].example).expect("JSON");
    let live = live(&scene);
    let strict = Contexts { snapshot: Some(&live), sandbox: false, inline: false };
    let key = SigningKey::from_bytes(&[1; 32]);
    let issue = |credential: &Json| {
        issue_jcs(credential, &key, "did:ubin:MY:SSM#k1", "2026-07-02T00:00:00Z", strict)
            .map_err(|fault| fault.code)
    };
    issue(&example).expect("the shipped example is sound");
    let edits: [(&str, Json, &str); 9] = [
        ("/unheardOf", json!("x"), "UNDEFINED_TERM"),
        ("/credentialSubject/unheardOf", json!("x"), "UNDEFINED_TERM"),
        ("/credentialSubject/legalForm/unheardOf", json!("x"), "UNDEFINED_TERM"),
        // defined for the credential, but not within its subject
        ("/credentialSubject/issuer", json!("did:example:x"), "UNDEFINED_TERM"),
        ("/credentialSubject/type", json!("NoSuchType"), "UNDEFINED_TERM"),
        ("/credentialSubject/@reverse", json!({}), "UNDEFINED_TERM"),
        ("/credentialSubject/legalForm/id", json!("relative"), "RELATIVE_IRI"),
        ("/credentialStatus/0/type", json!("NoSuchEntry"), "UNDEFINED_TERM"),
        ("/credentialSubject/@context", json!({}), "CONTEXT_INLINE"),
    ];
    for (pointer, value, expected) in edits {
        let mut changed = example.clone();
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let members = changed.pointer_mut(parent).and_then(Json::as_object_mut).expect("object");
        members.insert(name.to_owned(), value);
        assert_eq!(issue(&changed), Err(expected), "{pointer}");
        // signed by somebody who has no guard
        let mut unguarded = changed.clone();
        unguarded["proof"] = issue(&example).expect("sound")["proof"].clone();
        let request = Request::new(Policy::Ledger);
        let text = canonical(&unguarded);
        let verdict = verify(text.as_bytes(), &request, Some(&live), scene.world.time_ms);
        assert_eq!(code(&verdict, Check::Syntax), expected, "{pointer}");
        assert!(!verdict.verified());
    }
    for (contexts, expected) in [
        (
            json!(["https://www.w3.org/ns/credentials/v2", "https://example.org/v1"]),
            "CONTEXT_UNKNOWN",
        ),
        (json!(["https://www.w3.org/ns/credentials/v2", {"x": "urn:x:y"}]), "CONTEXT_INLINE"),
        (
            json!([
                "https://www.w3.org/ns/credentials/v2",
                "https://www.w3.org/ns/credentials/examples/v2"
            ]),
            "CONTEXT_EXAMPLE",
        ),
        (json!(["https://www.w3.org/2018/credentials/v1"]), "CONTEXT_ORDER"),
        (json!([]), "CONTEXT_MISSING"),
        (json!(["https://www.w3.org/ns/credentials/v2"]), "UNDEFINED_TERM"),
        (json!(vec!["https://www.w3.org/ns/credentials/v2"; 9]), "TOO_MANY_NODES"),
    ] {
        let mut changed = example.clone();
        changed["@context"] = contexts;
        assert_eq!(issue(&changed), Err(expected));
    }
}

#[test]
pub fn an_inline_context_may_add_terms_under_w3c_but_not_redefine_protected_ones() {
    let (mut credential, key, method) = self_issued(1);
    let inline = Contexts { snapshot: None, sandbox: true, inline: true };
    let created = "2026-01-01T00:00:00Z";
    credential["credentialSubject"]["grade"] = json!("A");
    let base = "https://www.w3.org/ns/credentials/v2";
    let mut with = |context: Json| {
        credential["@context"] = json!([base, context]);
        credential["type"] = json!(["VerifiableCredential"]);
        credential["credentialSubject"].as_object_mut().expect("object").remove("alumniOf");
        issue_jcs(&credential, &key, &method, created, inline).map_err(|fault| fault.code)
    };
    let signed = with(json!({"grade": "https://example.org/#grade"})).expect("issued");
    assert!(judge(&signed, Policy::W3c).verified());
    assert_eq!(code(&judge(&signed, Policy::Ledger), Check::Syntax), "CONTEXT_INLINE");
    assert_eq!(with(json!({"name": "https://example.org/#name"})), Err("TERM_REDEFINED"));
    for keyword in ["@import", "@base", "@vocab", "@propagate"] {
        assert_eq!(with(json!({keyword: "https://example.org/"})), Err("CONTEXT_INLINE"));
    }
}

#[test]
pub fn vc_t07_an_inline_context_holds_no_contexts_of_its_own() {
    let (mut credential, key, method) = self_issued(1);
    credential["type"] = json!(["VerifiableCredential"]);
    credential["credentialSubject"] = json!({"type": "Thing", "unheardOf": "x"});
    for nested in [json!({"@vocab": "https://example.org/#"}), json!({}), Json::Null] {
        let thing = json!({"@id": "https://example.org/#Thing", "@context": nested});
        credential["@context"] = json!([contexts::BASE_V2, {"Thing": thing}]);
        let signed = sign_blindly(&credential, &key, &method, "2026-01-01T00:00:00Z");
        let verdict = judge(&signed, Policy::W3c);
        assert_eq!(code(&verdict, Check::Proof), "OK");
        fails_with(&verdict, Check::Syntax, "CONTEXT_INLINE");
    }
}

/// Every name in a context and the contexts within it, with what it stands for.
fn names(context: &Json, found: &mut Vec<(String, String)>) {
    for (name, definition) in context.as_object().into_iter().flatten() {
        let id = definition.as_str().or_else(|| definition["@id"].as_str()).unwrap_or_default();
        let id = id
            .replace("cred:", "https://www.w3.org/2018/credentials#")
            .replace("sec:", "https://w3id.org/security#");
        found.push((name.clone(), id));
        names(&definition["@context"], found);
    }
}

#[test]
pub fn the_names_by_which_verdicts_read_are_those_of_all_bundled_contexts() {
    let mut found = Vec::new();
    for bundled in contexts::BUNDLED {
        let document: Json = serde_json::from_slice(bundled.bytes).expect("JSON");
        names(&document["@context"], &mut found);
    }
    let mut checked = 0;
    for (name, id) in &found {
        let ends =
            ["https://www.w3.org/2018/credentials#", "https://www.w3.org/ns/credentials/status#"]
                .iter()
                .filter_map(|space| id.strip_prefix(space))
                .filter(|end| !end.is_empty());
        let own = match id.as_str() {
            "http://purl.org/dc/terms/created" => Some("created"),
            "https://w3id.org/security#expiration" => Some("expires"),
            "https://w3id.org/security#digestMultibase" => Some("digestMultibase"),
            _ => None,
        };
        for expected in ends.chain(own) {
            assert_eq!(name, expected, "{id}");
            checked += 1;
        }
    }
    assert!(checked > 40, "{checked}");
}

#[test]
pub fn each_rule_of_the_data_model_has_its_code() {
    let good = vector()["unsigned"].clone();
    let text = "2026-01-01T00:00:00Z";
    let (_, key, method) = self_issued(1);
    for (name, value, expected) in [
        ("type", Json::Null, "TYPE_MISSING"),
        ("type", json!("AlumniCredential"), "TYPE_MISSING"),
        ("id", json!("not a url"), "ID_INVALID"),
        ("id", json!(["urn:a:b", "urn:a:c"]), "ID_INVALID"),
        ("issuer", Json::Null, "ISSUER_INVALID"),
        ("issuer", json!({"name": "x"}), "ISSUER_INVALID"),
        ("credentialSubject", json!([]), "SUBJECT_INVALID"),
        ("credentialSubject", json!({}), "SUBJECT_INVALID"),
        ("credentialSubject", json!("did:example:x"), "SUBJECT_INVALID"),
        ("validFrom", json!("2026-01-01"), "DATE_INVALID"),
        ("validFrom", json!("2026-02-30T00:00:00Z"), "DATE_INVALID"),
        ("validFrom", json!("2026-01-01T00:00:00"), "DATE_INVALID"),
        ("validUntil", json!("2022-01-01T00:00:00Z"), "DATE_ORDER"),
        ("name", json!(7), "LANGUAGE_INVALID"),
        ("name", json!({"@value": "x", "other": "y"}), "LANGUAGE_INVALID"),
        ("credentialStatus", json!("x"), "STATUS_MALFORMED"),
        ("credentialStatus", json!({"id": "urn:a:b"}), "TYPE_MISSING"),
        ("credentialStatus", json!({"type": "BitstringStatusListEntry"}), "STATUS_MALFORMED"),
        ("credentialSchema", json!("x"), "SCHEMA_MALFORMED"),
        ("credentialSchema", json!({"type": "JsonSchema"}), "SCHEMA_MALFORMED"),
        ("credentialSchema", json!({"id": "urn:a:b"}), "TYPE_MISSING"),
        ("evidence", json!([{"id": "urn:a:b"}]), "TYPE_MISSING"),
        ("relatedResource", json!([{"id": "urn:a:b"}]), "RESOURCE_MALFORMED"),
    ] {
        let mut changed = good.clone();
        changed[name] = value;
        let got = issue_jcs(&changed, &key, &method, text, SANDBOX).map_err(|fault| fault.code);
        assert_eq!(got, Err(expected), "{name}");
    }
}

#[test]
pub fn vc_t03_bundled_contexts_have_the_published_digests() {
    use sha2::{Digest as _, Sha256, Sha384, Sha512};
    let index: Json = serde_json::from_slice(contexts::INDEX).expect("JSON");
    let entries = index.as_array().expect("a list");
    assert_eq!(entries.len(), contexts::BUNDLED.len());
    let fits = |bytes: &[u8], digests: &Json| {
        assert_eq!(digests["sha256"], hex::encode(Sha256::digest(bytes)));
        assert_eq!(digests["sha384"], hex::encode(Sha384::digest(bytes)));
        assert_eq!(digests["sha512"], hex::encode(Sha512::digest(bytes)));
    };
    for entry in entries {
        let url = entry["url"].as_str().expect("text");
        let bundled = contexts::BUNDLED.iter().find(|b| b.url == url).expect("bundled");
        fits(bundled.bytes, &entry["digests"]);
        assert_eq!(bundled.sandbox_only, entry["use"] == "sandbox", "{url}");
        let only = json!([url]);
        Contexts { snapshot: None, sandbox: true, inline: false }
            .activate(&only)
            .unwrap_or_else(|fault| panic!("{url}: {fault}"));
    }
    fits(contexts::HISTORICAL_V2, &entries[0]["otherForms"][0]["digests"]);
}

#[test]
pub fn the_linter_knows_every_protected_term_of_the_base_context() {
    let base: Json = serde_json::from_slice(contexts::BUNDLED[0].bytes).expect("JSON");
    let mut terms: Vec<&str> = base["@context"]
        .as_object()
        .expect("object")
        .keys()
        .map(String::as_str)
        .filter(|name| !["id", "type", "@protected"].contains(name))
        .collect();
    terms.sort_unstable();
    let mut known = BASE_TERMS.to_vec();
    known.sort_unstable();
    assert_eq!(terms, known);
}

#[test]
pub fn vc_t03_the_historical_base_context_satisfies_a_digest_with_a_warning_only() {
    let (mut credential, key, method) = self_issued(1);
    use sha2::Digest as _;
    let sri = |bytes: &[u8]| {
        let hash = sha2::Sha256::digest(bytes);
        format!("sha256-{}", data_encoding::BASE64.encode(&hash))
    };
    for (bytes, expected) in [
        (contexts::BUNDLED[0].bytes, "OK"),
        (contexts::HISTORICAL_V2, "HISTORICAL_RESOURCE"),
        (&b"other"[..], "RESOURCE_DIGEST_MISMATCH"),
    ] {
        credential["relatedResource"] = json!([{"id": contexts::BASE_V2, "digestSRI": sri(bytes)}]);
        let signed = issue_jcs(&credential, &key, &method, "2026-01-01T00:00:00Z", SANDBOX);
        let verdict = judge(&signed.expect("issued"), Policy::W3c);
        assert_eq!(code(&verdict, Check::Resources), expected);
    }
}

#[test]
pub fn vc_t12_entries_beyond_their_limits_are_refused_and_cost_nothing_more() {
    let (credential, key, method) = self_issued(1);
    let created = "2026-01-01T00:00:00Z";
    let entry = json!({"type": "BitstringStatusListEntry", "statusPurpose": "revocation",
        "statusListIndex": "1", "statusListCredential": "https://example.org/1"});
    for (count, expected) in [(16, Ok(())), (17, Err("TOO_MANY_NODES"))] {
        let mut many = credential.clone();
        many["credentialStatus"] = json!(vec![entry.clone(); count]);
        let issued = issue_jcs(&many, &key, &method, created, SANDBOX);
        assert_eq!(issued.map(|_| ()).map_err(|fault| fault.code), expected);
    }
    let mut many = issue_jcs(&credential, &key, &method, created, SANDBOX).expect("issued");
    many["proof"] = json!(vec![many["proof"].clone(); 9]);
    let verdict = judge(&many, Policy::W3c);
    assert_eq!(code(&verdict, Check::Syntax), "TOO_MANY_NODES");
    assert_eq!(code(&verdict, Check::Proof), "PROOF_MALFORMED");
    assert_eq!(code(&verdict, Check::Status), "NOT_REACHED");
}

#[test]
pub fn vc_t12_a_large_scoped_context_applied_at_many_nodes_is_cut_off() {
    let (mut credential, ..) = self_issued(1);
    let mut terms = serde_json::Map::new();
    for i in 0..2_000 {
        terms.insert(format!("t{i}"), json!("urn:x:y"));
    }
    terms.insert("list".to_owned(), json!("urn:x:list"));
    // a type of the base context has a context of its own, applied to all terms each time
    credential["@context"] = json!(["https://www.w3.org/ns/credentials/v2", terms]);
    credential["type"] = json!(["VerifiableCredential"]);
    credential["credentialSubject"] = json!({"list": vec![json!({"type": "JsonSchema"}); 1_000]});
    let verdict = judge(&credential, Policy::W3c);
    assert_eq!(code(&verdict, Check::Syntax), "TOO_MANY_NODES");
}

#[test]
pub fn a_schema_that_the_caller_supplies_counts_under_w3c_alone() {
    let (mut credential, key, method) = self_issued(1);
    let id = "https://schemas.example/alumni";
    let created = "2026-01-01T00:00:00Z";
    let schema = json!({"properties": {"credentialSubject": {"required": ["alumniOf"]}}});
    let (mut carrier, ..) = self_issued(2);
    let (_, other, other_method) = self_issued(2);
    carrier["id"] = json!(id);
    carrier["type"] = json!(["VerifiableCredential", "JsonSchemaCredential"]);
    carrier["credentialSubject"] =
        json!({"id": "urn:x:schema", "type": "JsonSchema", "jsonSchema": schema});
    let carrier = issue_jcs(&carrier, &other, &other_method, created, SANDBOX).expect("issued");
    let mut forged = carrier.clone();
    forged["credentialSubject"]["jsonSchema"] = json!({});
    for (kind, bytes, policy, expected) in [
        ("JsonSchema", Some(schema.to_string()), Policy::W3c, "OK"),
        (
            "JsonSchema",
            Some(json!({"required": ["x"]}).to_string()),
            Policy::W3c,
            "SCHEMA_VIOLATION",
        ),
        ("JsonSchema", Some("[".to_owned()), Policy::W3c, "SCHEMA_LIMIT"),
        ("JsonSchema", None, Policy::W3c, "SCHEMA_UNKNOWN"),
        ("JsonSchema", Some(schema.to_string()), Policy::Ledger, "SCHEMA_UNKNOWN"),
        ("JsonSchemaCredential", Some(carrier.to_string()), Policy::W3c, "OK"),
        ("JsonSchemaCredential", Some(forged.to_string()), Policy::W3c, "SCHEMA_LIMIT"),
        ("JsonSchemaCredential", Some(schema.to_string()), Policy::W3c, "SCHEMA_LIMIT"),
        ("1EdTechJsonSchemaValidator2019", None, Policy::W3c, "SCHEMA_TYPE_UNSUPPORTED"),
    ] {
        credential["credentialSchema"] = json!({"id": id, "type": kind});
        let mut text = credential.clone();
        if expected != "SCHEMA_TYPE_UNSUPPORTED" {
            text = issue_jcs(&credential, &key, &method, created, SANDBOX).expect("issued");
        }
        let mut request = Request::new(policy);
        request.supplied.resources =
            bytes.map(|bytes| (id.to_owned(), bytes.into_bytes())).into_iter().collect();
        let verdict = verify(canonical(&text).as_bytes(), &request, None, NOW_MS);
        assert_eq!(code(&verdict, Check::Schema), expected, "{kind}");
    }
}

#[test]
pub fn vc_t12_a_document_names_eight_contexts_at_most() {
    let (mut credential, key, method) = self_issued(1);
    for (count, expected) in [(8, Ok(())), (9, Err("TOO_MANY_NODES"))] {
        let mut contexts = vec![json!("https://www.w3.org/ns/credentials/v2")];
        contexts.resize(count, json!("https://www.w3.org/ns/credentials/examples/v2"));
        credential["@context"] = json!(contexts);
        let issued = issue_jcs(&credential, &key, &method, "2026-01-01T00:00:00Z", SANDBOX);
        assert_eq!(issued.map(|_| ()).map_err(|fault| fault.code), expected, "{count}");
    }
}
