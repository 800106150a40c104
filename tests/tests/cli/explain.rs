//! `titian explain` knows every name.

use titian_contracts::access::scope;
use titian_contracts::error::Code;
use titian_contracts::ubin::challenge::{ChallengeState, Ground};
use titian_contracts::ubin::vocabulary::Status;

use super::titian;

#[test]
fn every_error_act_and_check_code_is_explained() {
    let ran = titian(&["explain", "--all", "--json"]);
    assert_eq!(ran.code, 0);
    let json = ran.json();
    let entries = json.as_array().expect("a list");
    let has = |kind: &str, name: &str| {
        entries.iter().any(|entry| {
            entry["kind"] == kind
                && entry["name"] == name
                && entry["meaning"].as_str().is_some_and(|meaning| meaning.len() > 5)
        })
    };
    for code in Code::ALL {
        assert!(has("error", code.name()), "{}", code.name());
    }
    for (register, acts) in scope::ACTS {
        for act in *acts {
            assert!(has("act", &format!("{register}.{act}")), "{register}.{act}");
        }
    }
    for (_, code, _) in titian_credential::codes::TABLE {
        assert!(has("check code", code), "{code}");
    }
    for status in ["ACTIVE", "DISSOLVED", "STALE", "dead", "verified"] {
        assert!(has("status", status), "{status}");
    }
    let qualities = ["ANNULLED", "DUPLICATE", "CHALLENGED", "STALE", "CURRENT"];
    let consents = ["OPEN", "WITHDRAWN", "USED", "EXPIRED", "VOIDED"];
    let states = ChallengeState::ALL.iter().map(|state| state.name());
    let statuses = Status::ALL.iter().map(|status| status.name());
    for status in statuses.chain(states).chain(qualities).chain(consents) {
        assert!(has("status", status), "{status}");
    }
    for ground in Ground::ALL {
        let name = ground.name();
        assert!(has("term", name) || has("status", name), "{name}");
    }
    for warning in [
        "LOCAL_SHAPE_UNUSUAL",
        "ENTITY_TYPE_UNKNOWN",
        "NAME_SCRIPT_UNUSUAL",
        "ZAWGYI_SUSPECTED",
        "LEI_CHECKSUM",
        "GLN_CHECKSUM",
        "PEPPOL_ICD_UNKNOWN",
        "NATIONAL_CHECK_FAILED",
        "BACK_DATED",
    ] {
        assert!(has("term", warning), "{warning}");
    }
    for fault in ["ISSUER_UNKNOWN", "EXPIRED", "OTHER_NAME", "NOT_SPOKEN", "FAILED"] {
        assert!(has("term", &format!("TLS_{fault}")), "{fault}");
    }
}

#[test]
fn one_name_is_explained_in_words_with_what_to_do() {
    let ran = titian(&["explain", "STALE_SEQ"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("STALE_SEQ (error)"), "{ran:?}");
    assert!(ran.stdout.contains("remedy: "), "{ran:?}");
    let ran = titian(&["explain", "surrender-accept"]);
    assert!(ran.stdout.contains("etr.surrender_accept (act)"), "{ran:?}");
}

#[test]
fn an_unknown_name_is_a_usage_error_with_the_nearest_names() {
    let ran = titian(&["explain", "STALE_SEK"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("titian explain STALE_SEQ"), "{ran:?}");
}
