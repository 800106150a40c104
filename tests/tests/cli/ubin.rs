//! Identifiers without a node.

use super::titian;

#[test]
fn a_mistyped_identifier_exits_3_and_shows_the_one_that_may_be_meant() {
    let ran = titian(&["ubin", "check", "SG-UEN-1994O3865N-G7"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("UBIN_CHECK_FAILED"), "{ran:?}");
    assert!(ran.stderr.contains("SG-UEN-199403865N-G7"), "{ran:?}");
    assert!(ran.stdout.is_empty(), "{ran:?}");
}

#[test]
fn the_suggestion_stands_in_json_too() {
    let ran = titian(&["ubin", "check", "SG-UEN-1994O3865N-G7", "--json"]);
    assert_eq!(ran.code, 3);
    let json = ran.json();
    assert_eq!(json["error"]["name"], "UBIN_CHECK_FAILED");
    assert_eq!(json["error"]["kind"], "not_proven");
    assert_eq!(json["error"]["data"]["suggestions"][0], "SG-UEN-199403865N-G7");
}

#[test]
fn every_spelling_of_a_right_identifier_checks() {
    for spelling in ["SG-UEN-199403865N-G7", "sguen199403865ng7", "SG.UEN/1994 03865N_G7"] {
        let ran = titian(&["ubin", "check", spelling, "--json"]);
        assert_eq!(ran.code, 0, "{spelling}: {ran:?}");
        assert_eq!(ran.json()["ubin"], "SG-UEN-199403865N-G7");
    }
}

#[test]
fn a_refused_personal_number_is_never_echoed() {
    for args in
        [["ubin", "check", "MY-BRN-880101000000-4H"], ["ubin", "check", "MYBRN8801010000004H"]]
    {
        let ran = titian(&args);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.stderr.contains("PERSONAL_NUMBER_REFUSED"), "{ran:?}");
        assert!(!ran.stderr.contains("880101"), "{ran:?}");
    }
}

#[test]
fn the_identifier_of_a_national_number_is_made_offline() {
    let ran = titian(&["ubin", "make", "MY", "BRN", "1965 01 000279"]);
    assert_eq!((ran.code, ran.stdout.trim()), (0, "MY-BRN-196501000279-FI"));
    let ran = titian(&["ubin", "make", "XX", "BRN", "1"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("UBIN_COUNTRY_UNKNOWN"), "{ran:?}");
}

#[test]
fn schemes_of_a_country_are_listed_and_an_unknown_country_is_a_usage_error() {
    let ran = titian(&["ubin", "schemes", "--cc", "sg", "--json"]);
    assert_eq!(ran.code, 0);
    let json = ran.json();
    let codes: Vec<&str> =
        json.as_array().expect("a list").iter().filter_map(|s| s["code"].as_str()).collect();
    assert!(codes.contains(&"UEN") && codes.contains(&"SUR"), "{codes:?}");
    assert_eq!(titian(&["ubin", "schemes", "--cc", "ZZ"]).code, 2);
}

#[test]
fn a_command_that_needs_a_node_exits_4_without_one() {
    let ran = titian(&["ubin", "get", "SG-UEN-199403865N-G7", "--node", "http://127.0.0.1:9"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("no node answers at http://127.0.0.1:9"), "{ran:?}");
}
