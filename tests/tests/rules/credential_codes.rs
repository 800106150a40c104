//! T6: every published code is produced by a test.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use titian_contracts::credential::{Accreditation, accreditation_key};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::{decode_content, encode_content};
use titian_credential::proof::issue_jcs;
use titian_credential::sd_jwt::digest;
use titian_credential::status::encode_list;
use titian_credential::verdict::{Check, Policy};
use titian_credential::verify::{Request, SuppliedList, verify, verify_presentation};
use titian_tests::credentials::random::credential;
use titian_tests::credentials::{Desk, METHOD, shipped, strict};

use super::credential_fixture::{
    NOW_MS, SANDBOX, code, fails_with, issued, judge, ledger_verdict, live, observed, self_issued,
    sign_blindly,
};
use super::credential_scene::{CUSTOMS, ROOT, Scene};
use super::credential_tokens::forge;

/// The tests that look at verdicts. What they produce is noted by the fixture.
const TESTS: &[fn()] = &[
    each_fault_of_the_text_and_the_model_has_its_code,
    each_fault_of_a_forged_token_has_its_code,
    each_fault_of_forged_disclosures_has_its_code,
    each_fault_of_an_issuer_on_the_ledger_has_its_code,
    each_step_of_a_single_use_has_its_code,
    a_graph_made_to_cost_much_and_a_list_made_to_be_large_have_their_codes,
    super::credential_anchors::vc_t08_an_anchored_credential_outlives_the_compromise_of_its_key,
    super::credential_anchors::the_published_receipt_has_the_members_that_are_read,
    super::credential_bundle::vc_t11_the_verdict_from_a_bundle_is_the_verdict_from_state,
    super::credential_bundle::vc_t11_what_is_not_in_the_bundle_is_unknown_and_never_verified,
    super::credential_bundle::each_broken_part_of_a_bundle_has_its_code,
    super::credential_bundle::vc_t11_a_bundle_grows_stale_and_the_caller_may_say_when,
    super::credential_bundle::an_evidence_pack_holds_one_credential_and_what_it_needs,
    super::credential_guard::vc_t07_the_term_guard_refuses_what_json_ld_would_drop_at_issue_and_at_verification,
    super::credential_guard::an_inline_context_may_add_terms_under_w3c_but_not_redefine_protected_ones,
    super::credential_guard::each_rule_of_the_data_model_has_its_code,
    super::credential_guard::vc_t03_bundled_contexts_have_the_published_digests,
    super::credential_guard::the_linter_knows_every_protected_term_of_the_base_context,
    super::credential_guard::vc_t03_the_historical_base_context_satisfies_a_digest_with_a_warning_only,
    super::credential_guard::vc_t12_entries_beyond_their_limits_are_refused_and_cost_nothing_more,
    super::credential_guard::vc_t12_a_large_scoped_context_applied_at_many_nodes_is_cut_off,
    super::credential_guard::a_schema_that_the_caller_supplies_counts_under_w3c_alone,
    super::credential_methods::did_key_and_did_jwk_are_computed_and_have_one_spelling,
    super::credential_methods::did_web_counts_from_the_cache_alone_and_for_a_day,
    super::credential_methods::a_key_for_authentication_alone_signs_no_credential,
    super::credential_methods::credentials_of_the_older_model_are_read_with_a_warning_and_not_issued,
    super::credential_presentations::an_embedded_presentation_of_both_suites_verifies_with_every_check_named,
    super::credential_presentations::each_fault_of_holder_binding_has_its_code,
    super::credential_presentations::one_bad_credential_spoils_the_presentation,
    super::credential_presentations::a_token_presentation_of_enveloped_credentials_verifies,
    super::credential_presentations::a_credential_without_proof_counts_only_as_what_its_holder_says_of_itself,
    super::credential_presentations::presentations_are_bounded_and_hold_no_presentations,
    super::credential_profiles::every_shipped_type_passes_the_linter_and_stands_in_genesis,
    super::credential_profiles::every_example_is_sound_and_every_invalid_one_has_its_code,
    super::credential_profiles::a_mandate_as_sd_jwt_vc_is_verified_under_ledger_until_it_is_revoked,
    super::credential_profiles::data_of_persons_in_another_form_are_refused_under_ledger,
    super::credential_proofs::vc_t01_the_w3c_vector_of_eddsa_jcs_2022_is_reproduced_byte_for_byte,
    super::credential_proofs::a_self_issued_credential_verifies_under_w3c_and_signature_but_not_ledger,
    super::credential_proofs::the_w3c_vector_verifies_but_its_key_is_not_its_issuers,
    super::credential_proofs::every_proof_of_a_set_must_verify_and_one_must_be_the_issuers,
    super::credential_proofs::vc_t01_a_chain_with_a_missing_or_circular_link_fails,
    super::credential_proofs::each_fault_of_a_proof_has_its_code,
    super::credential_proofs::vc_t09_a_signature_with_s_above_the_group_order_is_refused,
    super::credential_rdfc::vc_t01_the_w3c_vector_of_eddsa_rdfc_2022_is_reproduced_byte_for_byte,
    super::credential_rdfc::vc_t01_the_second_w3c_document_has_its_canonical_statements,
    super::credential_rdfc::vc_t01_the_older_suite_is_read_but_not_written,
    super::credential_rdfc::vc_t01_published_proof_sets_and_chains_verify_and_fail_when_a_link_is_changed,
    super::credential_rdfc::vc_t01_the_direction_of_a_text_is_signed,
    super::credential_rdfc::vc_t07_what_json_ld_would_drop_is_refused_and_not_left_unsigned,
    super::credential_rdfc::values_become_the_literals_of_json_ld,
    super::credential_rdfc::vc_t12_poison_graphs_end_after_a_counted_number_of_steps,
    super::credential_reading::vc_t12_hostile_json_is_refused_at_its_limit_and_not_before,
    super::credential_reading::the_code_table_is_the_published_one,
    super::credential_reading::vc_t02_bitstring_lists_decode_as_the_vectors_say_and_encode_back,
    super::credential_reading::vc_t12_inflating_stops_at_the_limit,
    super::credential_reading::multikeys_have_one_spelling,
    super::credential_reading::the_shipped_example_matches_its_schema_and_small_changes_do_not,
    super::credential_reading::every_keyword_that_the_linter_allows_is_evaluated,
    super::credential_recognition::each_broken_precondition_of_a_declaration_gives_its_error,
    super::credential_recognition::each_broken_precondition_of_a_change_gives_its_error,
    super::credential_recognition::the_published_declaration_op_is_accepted_and_not_replayable,
    super::credential_recognition::a_credential_counts_abroad_while_the_other_state_recognises_its_issuers,
    super::credential_recognition::recognition_counts_at_signing_and_now,
    super::credential_sd_jwt::vc_t02_the_published_sd_jwt_cases_give_their_claims,
    super::credential_sd_jwt::vc_t02_the_published_faults_have_their_codes,
    super::credential_sd_jwt::the_published_ed25519_presentation_passes_but_for_its_list_that_is_not_at_hand,
    super::credential_sd_jwt::what_is_issued_verifies_and_shows_only_what_the_holder_chose,
    super::credential_sd_jwt::claims_that_a_verifier_needs_cannot_be_hidden,
    super::credential_sd_jwt::vc_t08_a_bound_presentation_passes_only_for_whom_it_was_made_and_not_for_long,
    super::credential_sd_jwt::a_binding_of_another_token_type_is_refused,
    super::credential_sd_jwt::vc_t12_more_disclosures_than_allowed_are_refused,
    super::credential_sd_jwt::the_parts_of_a_token_survive_its_json_serialisation,
    super::credential_signed_lists::vc_t02_token_status_lists_decode_as_the_vectors_say_and_encode_back,
    super::credential_signed_lists::a_supplied_list_answers_while_it_is_fresh_and_its_owners,
    super::credential_signed_lists::a_message_of_a_supplied_list_is_good_only_while_it_is_zero,
    super::credential_signed_lists::the_lists_of_the_ledger_are_served_in_both_signed_forms_and_read_back,
    super::credential_tokens::a_token_credential_verifies_and_its_envelope_too,
    super::credential_tokens::vc_t09_each_fault_of_a_token_has_its_code,
    super::credential_tokens::malformed_tokens_are_refused_before_anything_is_looked_up,
    super::credential_tokens::vc_t07_undefined_members_of_a_token_are_refused_at_issue_and_under_ledger_and_told_under_w3c,
    super::credential_tokens::a_registrars_token_is_verified_under_ledger,
    super::credential_tokens::vc_t09_es256_is_verified_and_only_with_a_key_of_its_kind,
    super::credential_verdicts::an_accredited_registrars_credential_is_verified_under_ledger,
    super::credential_verdicts::verdicts_have_the_members_of_the_published_examples,
    super::credential_verdicts::a_revoked_credential_is_rejected_with_height_and_reason,
    super::credential_verdicts::an_advised_refresh_passes_with_a_warning,
    super::credential_verdicts::each_fault_of_status_entries_has_its_code,
    super::credential_verdicts::vc_t10_suspension_of_the_issuer_or_of_a_link_above_it_fails_until_it_is_lifted,
    super::credential_verdicts::vc_t10_revocation_of_the_issuer_reaches_back_for_grave_reasons_only,
    super::credential_verdicts::without_accreditation_nothing_is_verified,
    super::credential_verdicts::vc_t08_expiry_and_start_count_with_the_skew_and_to_the_millisecond,
    super::credential_verdicts::a_key_that_is_not_the_issuers_is_refused,
    super::credential_verdicts::vc_t08_a_retired_key_keeps_its_past_and_a_compromised_one_loses_it,
    super::credential_verdicts::stale_or_future_state_is_never_silently_trusted,
    super::credential_verdicts::a_credential_that_breaks_its_registered_schema_is_rejected,
    super::credential_verdicts::a_did_document_shows_the_active_keys_by_purpose,
];

/// Who counts a challenge as used up is the node: the library has no memory.
const OF_THE_NODE: &[(&str, &str)] = &[("holder", "CHALLENGE_REPLAYED")];

#[test]
fn vc_t06_every_published_code_is_produced_by_a_test() {
    TESTS.iter().for_each(|test| test());
    let text = include_str!("../../data/vc/codes.json");
    let published: Vec<Json> = serde_json::from_str(text).expect("JSON");
    let seen = observed();
    let by_any: BTreeSet<&str> = seen.iter().map(|(_, code)| *code).collect();
    let mut missing = Vec::new();
    for entry in &published {
        let (check, code) = (entry["check"].as_str(), entry["code"].as_str());
        let (check, code) = (check.expect("text"), code.expect("text"));
        let found =
            if check == "*" { by_any.contains(code) } else { seen.contains(&(check, code)) };
        if !found && !OF_THE_NODE.contains(&(check, code)) {
            missing.push(format!("{check} {code}"));
        }
    }
    assert!(missing.is_empty(), "no test produces:\n{}", missing.join("\n"));
}

const CREATED: &str = "2026-01-01T00:00:00Z";

#[test]
fn each_fault_of_the_text_and_the_model_has_its_code() {
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
    for (text, expected) in [
        ("{", "PARSE_ERROR"),
        ("{\"a\":9007199254740992}", "NUMBER_RANGE"),
        (deep.as_str(), "TOO_DEEP"),
    ] {
        let verdict = verify(text.as_bytes(), &Request::new(Policy::W3c), None, NOW_MS);
        fails_with(&verdict, Check::Syntax, expected);
    }
    let (credential, key, method) = self_issued(1);
    let base = "https://www.w3.org/ns/credentials/v2";
    for (name, value, expected) in [
        ("@context", Json::Null, "CONTEXT_MISSING"),
        ("@context", json!(["https://w3id.org/security/multikey/v1", base]), "CONTEXT_ORDER"),
        ("@context", json!([base, {"VerifiableCredential": "urn:x:y"}]), "TERM_REDEFINED"),
        ("id", json!("urn"), "ID_INVALID"),
        ("issuer", json!(7), "ISSUER_INVALID"),
        ("credentialSubject", json!([]), "SUBJECT_INVALID"),
        ("validUntil", json!("2000-01-01T00:00:00Z"), "DATE_ORDER"),
        ("name", json!({"@value": 7}), "LANGUAGE_INVALID"),
        ("credentialStatus", json!("x"), "STATUS_MALFORMED"),
        ("credentialSchema", json!("x"), "SCHEMA_MALFORMED"),
        ("relatedResource", json!([{"id": base}]), "RESOURCE_MALFORMED"),
    ] {
        let mut changed = credential.clone();
        changed["validFrom"] = json!(CREATED);
        changed[name] = value;
        let verdict = judge(&sign_blindly(&changed, &key, &method, CREATED), Policy::W3c);
        fails_with(&verdict, Check::Syntax, expected);
    }
    let mut related = credential;
    let digest = json!("sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    related["relatedResource"] = json!([{"id": "https://x.example/", "digestSRI": digest}]);
    let verdict = judge(&sign_blindly(&related, &key, &method, CREATED), Policy::W3c);
    assert_eq!(code(&verdict, Check::Resources), "RESOURCE_NOT_AVAILABLE");
}

fn verdict_of(token: &str) -> titian_credential::verdict::Verdict {
    verify(token.as_bytes(), &Request::new(Policy::W3c), None, NOW_MS)
}

#[test]
fn each_fault_of_a_forged_token_has_its_code() {
    let (credential, key, method) = self_issued(1);
    let good = json!({"alg": "EdDSA", "typ": "vc+jwt", "kid": method});
    assert!(verdict_of(&forge(&good, &credential, &key)).verified());
    for (name, value, check, expected) in [
        ("kid", json!(7), Check::Syntax, "KID_MALFORMED"),
        ("alg", json!("none"), Check::Proof, "ALG_NOT_ALLOWED"),
        ("alg", json!("HS256"), Check::Proof, "ALG_NOT_ALLOWED"),
        ("alg", json!("ES256"), Check::Proof, "ALG_NOT_ALLOWED"),
        ("crit", json!([]), Check::Proof, "HEADER_NOT_ALLOWED"),
        ("b64", json!(true), Check::Proof, "HEADER_NOT_ALLOWED"),
    ] {
        let mut header = good.clone();
        header[name] = value;
        fails_with(&verdict_of(&forge(&header, &credential, &key)), check, expected);
    }
    let mut payload = credential;
    payload["vc"] = json!({});
    fails_with(&verdict_of(&forge(&good, &payload, &key)), Check::Syntax, "VC_CLAIM_PRESENT");
}

#[test]
fn each_fault_of_forged_disclosures_has_its_code() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (credential, key, method) = self_issued(1);
    let header = json!({"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": method});
    let payload = json!({"iss": credential["issuer"], "vct": "urn:x:type", "plain": 1});
    let disclosure = |value: Json| URL_SAFE_NO_PAD.encode(value.to_string());
    let (good, other) = (disclosure(json!(["salt", "name", 1])), disclosure(json!(["s", "o", 1])));
    let verdict = |edit: &dyn Fn(&mut Json), disclosures: &[&String]| {
        let mut payload = payload.clone();
        let digests: Vec<String> = disclosures.iter().map(|text| digest(text)).collect();
        payload["_sd"] = json!(digests);
        edit(&mut payload);
        let mut token = format!("{}~", forge(&header, &payload, &key));
        disclosures.iter().for_each(|text| token.push_str(&format!("{text}~")));
        verdict_of(&token)
    };
    assert!(verdict(&|_| {}, &[&good, &other]).verified());
    let [reserved, collides, fixed, broken] = [
        disclosure(json!(["salt", "_sd", 1])),
        disclosure(json!(["salt", "plain", 2])),
        disclosure(json!(["salt", "exp", 2])),
        disclosure(json!({"salt": 1})),
    ];
    for (expected, found) in [
        ("SD_MALFORMED", verdict(&|p| p["_sd"] = json!("x"), &[])),
        ("SD_MALFORMED_DISCLOSURE", verdict(&|_| {}, &[&broken])),
        ("SD_DUPLICATE_DISCLOSURE", verdict(&|_| {}, &[&good, &good])),
        (
            "SD_DUPLICATE_DIGEST",
            verdict(&|p| p["_sd"] = json!([digest(&good), digest(&good)]), &[]),
        ),
        ("SD_UNREFERENCED_DISCLOSURE", verdict(&|p| p["_sd"] = json!([]), &[&good])),
        ("SD_CLAIM_COLLISION", verdict(&|_| {}, &[&collides])),
        ("SD_RESERVED_NAME", verdict(&|_| {}, &[&reserved])),
        ("SD_ALG_UNSUPPORTED", verdict(&|p| p["_sd_alg"] = json!("sha-512"), &[&good])),
        ("SD_NOT_DISCLOSABLE", verdict(&|_| {}, &[&fixed])),
    ] {
        fails_with(&found, Check::Proof, expected);
    }
}

#[test]
fn each_fault_of_an_issuer_on_the_ledger_has_its_code() {
    let mut scene = Scene::new();
    let credential = issued(&scene, 1);
    assert!(ledger_verdict(&scene, &credential).verified());
    let mut unknown = credential.clone();
    unknown["issuer"] = json!("did:ubin:SG:NOBODY");
    unknown["proof"]["verificationMethod"] = json!("did:ubin:SG:NOBODY#k1");
    fails_with(&ledger_verdict(&scene, &unknown), Check::IssuerKey, "DID_NOT_FOUND");
    // what the executor never writes, but a forged bundle may say
    let key = accreditation_key("SG:ACRA", 1);
    let good = scene.world.state.0[&key].clone();
    let entry: Accreditation = decode_content(&good.content).expect("an accreditation");
    type Damage = fn(&mut Accreditation);
    let damage: [(&str, Damage); 4] = [
        ("JURISDICTION_NOT_COVERED", |entry| entry.jurisdictions = vec!["MY".to_owned()]),
        ("ACCREDITATION_EXPIRED", |entry| entry.until_ms = entry.from_ms + 1),
        ("CHAIN_BROKEN", |entry| entry.parent = "SG:CUSTOMS/acc/9".to_owned()),
        ("CHAIN_BROKEN", |entry| entry.parent = "MY".to_owned()),
    ];
    for (expected, edit) in damage {
        let mut changed = entry.clone();
        edit(&mut changed);
        let stored = scene.world.state.0.get_mut(&key).expect("there");
        stored.content = encode_content(&changed);
        fails_with(&ledger_verdict(&scene, &credential), Check::Accreditation, expected);
    }
    scene.world.state.0.insert(key, good);
    // an authority that was closed before it signed
    let closing = Value::object([
        ("party", Value::from("SG:CUSTOMS")),
        ("version", Value::Int(1)),
        ("reason", Value::from("closed")),
    ]);
    let closed = scene.world.act(Register::Access, "authority_close", closing, ROOT);
    assert!(closed.is_ok(), "{closed:?}");
    let mut late = credential;
    late.as_object_mut().expect("an object").remove("proof");
    late["issuer"] = json!("did:ubin:SG:CUSTOMS");
    let created = titian_contracts::time::rfc3339(scene.world.time_ms);
    let (party, number) = CUSTOMS[0];
    let (key, view) = (scene.world.key(party, number), live(&scene));
    let method = format!("did:ubin:{party}#k{number}");
    let late = issue_jcs(&late, &key, &method, &created, strict(&view)).expect("issued");
    fails_with(&ledger_verdict(&scene, &late), Check::IssuerKey, "DID_DEACTIVATED");
}

#[test]
fn each_step_of_a_single_use_has_its_code() {
    use rand::SeedableRng as _;
    let mut desk = Desk::new();
    let mut random = rand::rngs::StdRng::seed_from_u64(7);
    let time_ms = desk.world.time_ms;
    let unsigned = credential(shipped("certificate-of-origin"), &mut random, time_ms);
    let created = titian_contracts::time::rfc3339(time_ms);
    let signed = {
        let view = desk.live();
        issue_jcs(&unsigned, &desk.key(), METHOD, &created, strict(&view)).expect("issued")
    };
    let entries = unsigned["credentialStatus"].as_array().expect("a list");
    let of_use = entries.iter().find(|entry| entry["statusPurpose"] == "message");
    let index = of_use.and_then(|entry| entry["statusListIndex"].as_str()).expect("text");
    let index: i64 = index.parse().expect("a number");
    for (seq, act, expected) in [
        (0, "use_lodge", "USE_LODGED"),
        (1, "use_release", "OK"),
        (2, "use_lodge", "USE_LODGED"),
        (3, "use_utilise", "USE_UTILISED"),
    ] {
        let args = Value::object([
            ("list", Value::from("SG:ACRA/status/4")),
            ("index", Value::Int(index)),
            ("seq", Value::Int(seq)),
        ]);
        let done = desk.world.act(Register::Vc, act, args, &[("SG:ACRA", 1)]);
        assert!(done.is_ok(), "{act}: {done:?}");
        assert_eq!(status_of(&desk, &signed), expected);
    }
    let mut other = Desk::new();
    let args = Value::object([
        ("list", Value::from("SG:ACRA/status/4")),
        ("index", Value::Int(index)),
        ("seq", Value::Int(0)),
    ]);
    let done = other.world.act(Register::Vc, "use_cancel", args, &[("SG:ACRA", 1)]);
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(status_of(&other, &signed), "USE_CANCELLED");
}

fn status_of(desk: &Desk, signed: &Json) -> &'static str {
    let (view, text) = (desk.live(), signed.to_string());
    let request = Request::new(Policy::Ledger);
    let verdict = verify(text.as_bytes(), &request, Some(&view), desk.world.time_ms);
    code(&verdict, Check::Status)
}

#[test]
fn a_graph_made_to_cost_much_and_a_list_made_to_be_large_have_their_codes() {
    let (mut document, key, method) = self_issued(1);
    // nine nodes alike below each of two alike: 9! orders to try
    let alike = json!({"each": vec![json!({"alike": "x"}); 9]});
    document["credentialSubject"] = json!({"id": "did:example:s", "holds": [alike, alike]});
    let mut signed = sign_blindly(&document, &key, &method, CREATED);
    signed["proof"]["cryptosuite"] = json!("eddsa-rdfc-2022");
    signed["proof"].as_object_mut().expect("an object").remove("@context");
    fails_with(&judge(&signed, Policy::W3c), Check::Proof, "DATASET_POISONED");

    // five of them are within what one verdict may cost, with any number of proofs over them
    let alike = json!({"each": vec![json!({"alike": "x"}); 5]});
    signed["credentialSubject"]["holds"] = json!([alike, alike]);
    fails_with(&judge(&signed, Policy::W3c), Check::Proof, "SIGNATURE_INVALID");
    let first = signed["proof"].clone();
    signed["proof"] = json!(vec![first; 8]);
    fails_with(&judge(&signed, Policy::W3c), Check::Proof, "SIGNATURE_INVALID");
    // but not thirty-two documents in one presentation: the count is that of the verdict
    let shown = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiablePresentation"],
        "verifiableCredential": vec![signed; 32],
    });
    let request = Request::new(Policy::W3c);
    let verdict = verify_presentation(shown.to_string().as_bytes(), &request, None, NOW_MS);
    let codes: Vec<&str> = verdict.credentials.iter().map(|one| code(one, Check::Proof)).collect();
    assert_eq!(codes.first(), Some(&"SIGNATURE_INVALID"));
    assert_eq!(codes.last(), Some(&"DATASET_POISONED"), "{codes:?}");

    let url = "https://lists.example/1";
    let (mut one, key, method) = self_issued(1);
    one["credentialStatus"] = json!({"type": "BitstringStatusListEntry",
        "statusPurpose": "revocation", "statusListIndex": "5", "statusListCredential": url});
    let one = issue_jcs(&one, &key, &method, CREATED, SANDBOX).expect("issued");
    let list = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"], "id": url,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"], "issuer": one["issuer"],
        "credentialSubject": {"id": format!("{url}#list"), "type": "BitstringStatusList",
            "statusPurpose": "revocation", "encodedList": encode_list(&vec![0; 9 << 20])},
    });
    let list = issue_jcs(&list, &key, &method, CREATED, SANDBOX).expect("issued");
    let mut request = Request::new(Policy::W3c);
    request.supplied.lists =
        vec![SuppliedList { url: url.to_owned(), text: list.to_string(), fetched_ms: NOW_MS }];
    let verdict = verify(one.to_string().as_bytes(), &request, None, NOW_MS);
    fails_with(&verdict, Check::Status, "STATUS_LIST_BOMB");
}
