//! What the body of a record may say: each rule broken in turn, limits, warnings, and personal data
//! on every path (ubin-api.md §14 T5, T8, T9).

use std::collections::BTreeMap;

use crate::ubin_scene::{
    R1, R2, body, body_args, evidence, next, record, refused, registered, run, status, text,
    ubin_of,
};
use titian_contracts::digest::Digest;
use titian_contracts::error::Code;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::Overlay;
use titian_contracts::time::DAY_MS;
use titian_contracts::ubin::body::{Draft, body_hash, name_commitment};
use titian_contracts::ubin::pattern::Pattern;
use titian_contracts::ubin::scheme::SchemeTable;
use titian_contracts::ubin::text::{Suspicion, scan};
use titian_contracts::ubin::view;
use titian_contracts::ubin::vocabulary::{Category, Status};
use titian_contracts::ubin::{self, counter};
use titian_tests::world::{START_MS, World, company_body};

#[test]
fn t05_each_broken_rule_of_a_body_gives_exactly_its_error() {
    let b = body();
    let with = |name: &str, value: Value| b.with(name, value);
    let name = |value: &str| Value::object([("value", text(value)), ("lang", text("en"))]);
    let identifier = |scheme: &str, value: &str| {
        Value::List(vec![Value::object([("scheme", text(scheme)), ("value", text(value))])])
    };
    let names =
        |count: usize| Value::List(vec![name("Other").with("type", text("TRADING")); count]);
    let lines =
        |lines: Vec<Value>| Value::object([("country", text("SG")), ("lines", Value::List(lines))]);
    let national = |code: &str, national: &str| status(code).with("national", text(national));
    let relation = |kind: &str, target: &str| {
        Value::List(vec![Value::object([
            ("type", text(kind)),
            ("target", text(target)),
            ("from", text("2020-01-01")),
        ])])
    };
    let number = |ubin: &str| with("ubin", text(ubin));
    let cases: Vec<(Value, Code)> = vec![
        (number("SG-UEN-199403865N-G8"), Code::UbinCheckFailed),
        (number("XX-UEN-199403865N-G8"), Code::UbinCountryUnknown),
        (number("SG-ABC-199403865N-G8"), Code::UbinSchemeUnknown),
        (number("SG-UEN--G8"), Code::UbinLocalLength),
        (number("SG-UEN-S0000000X-00"), Code::PersonalNumberRefused),
        (number("sg-uen-199403865n-g7"), Code::Malformed),
        (number("SG-UEN-199403865Ö-G7"), Code::UbinChar),
        (number(""), Code::UbinEmpty),
        (number(&"S".repeat(129)), Code::UbinTooLong),
        (with("version", Value::Int(2)), Code::VersionConflict),
        (with("prev", body_hash(&b).into()), Code::VersionConflict),
        (with("v", Value::Int(2)), Code::Malformed),
        (with("remark", text("x")), Code::Malformed),
        (with("entity", text("ent_x")), Code::Malformed),
        (b.without("legalName"), Code::Malformed),
        (b.without("registeredOn"), Code::Malformed),
        (b.without("corroboration"), Code::Malformed),
        (with("category", text("COMPANY")), Code::Malformed),
        (with("category", text("BRANCH")), Code::Malformed),
        (with("validFrom", text("2026-07-03")), Code::FutureEffective),
        (with("confirmedOn", text("2026-07-03")), Code::FutureEffective),
        (with("registeredOn", text("2026-07-03")), Code::FutureEffective),
        (with("registeredOn", text("2999-01-01")), Code::FutureEffective),
        (
            with("status", status("DISSOLVED")).with("endedOn", text("2026-07-03")),
            Code::FutureEffective,
        ),
        (with("status", status("DISSOLVED")).with("endedOn", text("2024-01-01")), Code::Malformed),
        (with("validFrom", text("2026-02-30")), Code::Malformed),
        (with("displayId", text("199403866N")), Code::DisplayIdMismatch),
        (with("displayId", text(&"1".repeat(41))), Code::FieldLimit),
        (with("legalName", name("")), Code::NameLength),
        (with("legalName", name(" ")), Code::NameLength),
        (with("legalName", name("\u{200B}")), Code::NameLength),
        (with("legalName", name("\u{3000}\u{FEFF}\u{AD} ")), Code::NameLength),
        (with("legalName", name(&"a".repeat(257))), Code::NameLength),
        (with("legalName", name("Cafe\u{301}")), Code::NameNotNfc),
        (with("legalName", name("a\u{202E}b")), Code::NameChar),
        (with("legalName", name("a\u{7}b")), Code::NameChar),
        (with("legalName", name("a\u{378}b")), Code::NameChar),
        (with("legalName", name("a\u{E000}b")), Code::NameChar),
        (with("legalName", name("x").with("lang", text("English!"))), Code::Malformed),
        (with("otherNames", names(17)), Code::FieldLimit),
        (with("address", lines(vec![text("x"); 4])), Code::FieldLimit),
        (with("address", lines(vec![text(&"x".repeat(121))])), Code::FieldLimit),
        (with("legalForm", Value::object([("national", text(&"x".repeat(81)))])), Code::FieldLimit),
        (with("identifiers", identifier("lei", "123")), Code::Malformed),
        (with("identifiers", identifier("tin", "123456789")), Code::Malformed),
        (
            with("status", national("DISSOLVED", "Live")).with("endedOn", text("2026-01-01")),
            Code::StatusMapMismatch,
        ),
        (with("status", national("ACTIVE", "Cancelled")), Code::StatusMapMismatch),
        (with("status", national("ACTIVE", "In Liquidation - Creditors")), Code::StatusMapMismatch),
        (with("status", status("DISSOLVED")), Code::Malformed),
        (with("endedOn", text("2026-01-01")), Code::Malformed),
        (with("status", status("MERGED")), Code::BadTransition),
        (with("relations", relation("MERGED_INTO", "SG-UEN-T08LL0003B-2Z")), Code::UbinCheckFailed),
        (with("relations", relation("BRANCH_OF", "SG-UEN-199403865N-G7")), Code::Malformed),
        (with("nameCommit", Digest::ZERO.into()), Code::Malformed),
        (with("category", text("SOLE_PROPRIETOR")), Code::MinimalRecordRequired),
        (with("legalName", name("call 9876 54321")), Code::PersonalDataSuspected),
        (with("legalName", name("mail a@b")), Code::PersonalDataSuspected),
        (with("legalName", name("Tan S0000000X Trading")), Code::PersonalDataSuspected),
        (with("legalName", name("Tan (NRIC/S0000000X)")), Code::PersonalDataSuspected),
        (with("address", lines(vec![text("c/o IC-S0000000X")])), Code::PersonalDataSuspected),
        (with("identifiers", identifier("ocid", "IC.S0000000X")), Code::PersonalDataSuspected),
        (with("address", lines(vec![text("c/o ๙๘๗๖๕๔๓๒๑")])), Code::PersonalDataSuspected),
        (with("identifiers", identifier("ocid", "S0000000X")), Code::PersonalDataSuspected),
        (with("activity", text(&"x".repeat(8_200))), Code::LimitExceeded),
    ];
    let mut world = World::new();
    for (i, (body, due)) in cases.into_iter().enumerate() {
        let code = refused(&mut world, "register", body_args(&body), R1);
        assert_eq!(code.name(), due.name(), "case {i}: {}", body.to_jcs());
    }
    run(&mut world, "register", &b, R1).expect("the unbroken body passes");
}

#[test]
fn t05_limits_of_a_body_pass_at_n() {
    let name = Value::object([("value", text(&"a".repeat(256))), ("lang", text("zh-Hant-SG"))]);
    let line = Value::from("x".repeat(120));
    let address = Value::object([("country", text("SG")), ("lines", Value::List(vec![line; 3]))]);
    let other =
        Value::object([("value", text("A")), ("lang", text("ms")), ("type", text("PREVIOUS"))]);
    let full = body()
        .with("legalName", name)
        .with("address", address)
        .with("otherNames", Value::List(vec![other; 16]))
        .with("validFrom", text("2026-07-02"))
        .with("legalForm", Value::object([("national", Value::from("x".repeat(80)))]));
    run(&mut World::new(), "register", &full, R1).expect("every limit is inclusive");
    // local dates run a day ahead; a business may end on the day it was registered
    let day = || text("2026-07-02");
    let brief = body()
        .with("legalName", Value::object([("value", text("\u{200B}X")), ("lang", text("en"))]))
        .with("registeredOn", day())
        .with("status", status("DISSOLVED"))
        .with("endedOn", day());
    run(&mut World::new(), "register", &brief, R1).expect("one visible character, one day");
}

#[test]
fn t09_minimal_records_hold_a_commitment_and_no_name() {
    for category in ["SOLE_PROPRIETOR", "HOUSEHOLD"] {
        let mut world = World::new();
        let full = company_body("VN", "SUR", "7K3M9QX2TB4V", "X");
        let signer: &[(&str, u64)] = &[("VN:NBR", 1)];
        let minimal = ["displayId", "legalName", "legalForm", "corroboration"]
            .iter()
            .fold(full, |body, name| body.without(name))
            .with("category", text(category));
        let mut expect = |body: &Value, due: Code| {
            assert_eq!(refused(&mut world, "register", body_args(body), signer).name(), due.name());
        };
        expect(&minimal, Code::MinimalRecordRequired);
        let commit = name_commitment(&[7; 32], "a name that stays with the register");
        let minimal = minimal.with("nameCommit", commit.into());
        let region = Value::object([("region", text("VN-SG"))]);
        let trade = Value::object([("value", text("Corner Shop")), ("lang", text("en"))]);
        let trade = Value::List(vec![trade.with("type", text("TRADING"))]);
        expect(&minimal.with("displayId", text("7K3M9QX2TB4V")), Code::MinimalRecordRequired);
        expect(&minimal.with("otherNames", trade.clone()), Code::MinimalRecordRequired);
        expect(
            &minimal.with("address", region.with("city", text("Hue"))),
            Code::MinimalRecordRequired,
        );
        let public = minimal
            .with("address", region)
            .with("otherNames", trade)
            .with("tradeNamePublic", Value::from(true));
        run(&mut world, "register", &public, signer).expect("a minimal record");
    }
}

#[test]
fn t08_every_deny_pattern_is_refused_on_every_path() {
    let table = SchemeTable::genesis();
    let mut world = World::new();
    let registrars: BTreeMap<String, String> = titian_genesis::devnet::STATES
        .iter()
        .map(|(cc, _, office)| ((*cc).to_owned(), format!("{cc}:{office}")))
        .collect();
    let mut tried = 0;
    for scheme in table.iter() {
        let entry = &scheme.entry;
        let registrar = registrars.get(&entry.cc).expect("a registrar per state");
        let personal = entry.reject.iter().filter(|(_, error)| error == "PERSONAL_NUMBER_REFUSED");
        for (raw, _) in personal {
            let squeezed = titian_contracts::ubin::identifier::squeeze(raw).expect("plain");
            let local = scheme.normalise(&squeezed);
            let body = company_body(&entry.cc, &entry.code, &local, "X").without("displayId");
            let number = body.get("ubin").and_then(Value::as_text).expect("set");
            let parsed = titian_contracts::ubin::identifier::parse(number, &table);
            assert_eq!(parsed.map_err(|e| e.code), Err(Code::PersonalNumberRefused));
            let signer: &[(&str, u64)] = &[(registrar, 1)];
            let code = refused(&mut world, "register", body_args(&body), signer);
            assert_eq!(code, Code::PersonalNumberRefused, "{}-{}", entry.cc, entry.code);
            // the same number in the texts of a company of that state, R2 and override in vain
            let company =
                company_body(&entry.cc, "SUR", "7K3M9QX2TB4V", "X").with("evidence", evidence());
            let named = |shown: String| {
                let name = [("value", Value::from(shown)), ("lang", text("en"))];
                company.with("legalName", Value::object(name))
            };
            let lived = |shown: String| {
                let lines = Value::List(vec![Value::from(shown)]);
                let country = ("country", Value::from(entry.cc.as_str()));
                company.with("address", Value::object([country, ("lines", lines)]))
            };
            let identified = |shown: String| {
                let members = [("scheme", text("ocid")), ("value", Value::from(shown))];
                company.with("identifiers", Value::List(vec![Value::object(members)]))
            };
            let bodies = [
                named(format!("Shop {local}")),
                named(format!("Shop (IC:{local})")),
                named(format!("NRIC/{local}")),
                lived(format!("c/o {local}")),
                lived(format!("c/o No.{local}")),
                lived(format!("NRIC#{local}, A/1")),
                identified(local.clone()),
                identified(format!("IC-{local}")),
            ];
            for body in bodies {
                let pointers = ["/legalName/value", "/address/lines/0", "/identifiers/0/value"];
                let overrides = Value::List(pointers.iter().map(|p| text(p)).collect());
                let args = body_args(&body).with("textOverrides", overrides);
                let signers: &[(&str, u64)] = &[(registrar, 1), (registrar, 2)];
                let code = refused(&mut world, "register", args, signers);
                assert_eq!(code, Code::PersonalDataSuspected, "{}-{}", entry.cc, entry.code);
            }
            tried += 1;
        }
    }
    assert!(tried >= 10, "examples of personal numbers were tried: {tried}");
}

#[test]
fn t08_a_number_is_found_in_whatever_it_is_glued_to_and_nowhere_else() {
    let table = SchemeTable::genesis();
    let found = |cc: &str, shown: &str| {
        let schemes = table.iter().filter(|scheme| scheme.entry.cc == cc);
        let deny: Vec<Pattern> = schemes
            .flat_map(|scheme| &scheme.entry.personal_deny)
            .map(|pattern| Pattern::parse(pattern).expect("of the genesis table"))
            .collect();
        let personal = |number: &str| deny.iter().any(|pattern| pattern.matches(number));
        scan(shown, personal) == Suspicion::Denied
    };
    let many = format!("{}S0000000X", "A.1/".repeat(60));
    for (cc, shown) in [
        ("SG", "NRIC/S0000000X"),
        ("SG", "No.S0000000X"),
        ("SG", "IC-S0000000X"),
        ("SG", "NRIC_s0000000x/TAN"),
        ("SG", "TAN(S0000000X)"),
        ("SG", "ＮＲＩＣ（Ｓ０００００００Ｘ）"),
        ("SG", "IC\u{200B}S000\u{200B}0000X"),
        ("SG", "1/S000-0000-X"),
        ("SG", &many),
        ("MM", "12/LAKANA(N)123456"),
        ("MM", "No.5/9/MAYAKA(N)012345"),
        ("MY", "IC:880101-00-0000"),
        ("MY", "12(880101000000)"),
        ("VN", "CCCD#000000000000"),
        // as they are printed: broken by spaces, or by spaces and hyphens
        ("SG", "TAN( S 0000000 X )"),
        ("SG", "c/o S0000000 X"),
        ("SG", "IC S 000 0000X, Tan"),
        ("SG", "Ｓ　０００００００　Ｘ"),
        ("MM", "12/LAKANA (N) 123456"),
        ("MM", "No. 12/ LAKANA(N) 012345"),
        ("MM", "၁၂/လကန(နိုင်)၁၂၃၄၅၆"),
        ("MM", "ဦး ၅/မရန (ဧည့်) ၀၁၂၃၄၅"),
        ("MY", "IC 880101 00 0000 Jalan 1"),
        ("MY", "880101 00-0000"),
        ("TH", "1 0000 00000 00 0"),
        ("TH", "๑-๐๐๐๐ ๐๐๐๐๐-๐๐-๐"),
        ("TH", "เลข 1-0000-00000-00-0"),
        ("VN", "CCCD 000 000 000 000"),
        ("VN", "CMND: 000 000 000"),
        ("VN", "8000 000 000"),
        ("ID", "NIK 3171 0000 0000 0000"),
        ("ID", "317100 000000 0000"),
        ("PH", "PCN 0000 0000 0000 0000"),
        ("KH", "000 000 000 (01)"),
    ] {
        assert!(found(cc, shown), "{cc} {shown}");
    }
    for (cc, shown) in [
        ("SG", "S0000000X1"),
        ("SG", "#12-34, 1 Demo Road (North)"),
        ("MM", "No.12/14, Lakana (North) Road, 123456"),
        ("MY", "Lot 12-34/56, Jalan 7/8A"),
        // parts of longer numbers are no numbers
        ("KH", "12/345/6789/1"),
        ("VN", "0-10-5-539-13697-6"),
        ("TH", "0-10-5-539-13697-6"),
        // numbers of companies as they are printed
        ("SG", "1994 03865 N"),
        ("SG", "T 08 LL 0001 A"),
        ("TH", "0 1055 36112 01 4"),
        ("VN", "MST 0100 233 488"),
        ("VN", "0100 233 488 - 001"),
        ("ID", "NIB 8120 0012 34567"),
        ("ID", "01.312.166.0 091 000"),
        ("KH", "00 01 23 45"),
        ("MM", "100 123 456"),
        ("PH", "CS 200 707 711"),
        // streets and postal codes
        ("KH", "No. 12, St. 271 120101 Phnom Penh"),
        ("MM", "80 Robinson 068898"),
        ("MM", "12 Robinson (N) 068898"),
        ("MM", "12-Yangon 123456"),
        ("MM", "၁၂-ရန်ကုန် ၁၂၃၄၅၆"),
        ("MM", "အမှတ် ၁၂၊ ကမ်းနားလမ်း (မြောက်) ၁၁၁၈၁၁"),
        ("MM", "ကုမ္ပဏီ ၁၂၃ (၁၂၃၄၅၆) နေဝန်း"),
        ("SG", "Block S 1234567 Demo Road"),
    ] {
        assert!(!found(cc, shown), "{cc} {shown}");
    }
}

#[test]
fn t08_two_officers_may_pass_a_companys_number_in_a_name_and_never_one_of_a_person() {
    let mut world = World::new();
    let signers: &[(&str, u64)] = &[("MY:SSM", 1), ("MY:SSM", 2)];
    let mut register = |scheme: &str, local: &str, shown: &str| {
        let name = Value::object([("value", text(shown)), ("lang", text("ms"))]);
        let body = company_body("MY", scheme, local, "X").with("evidence", evidence());
        let args = body_args(&body.with("legalName", name))
            .with("textOverrides", Value::List(vec![text("/legalName/value")]));
        world.act(Register::Ubin, "register", args, signers)
    };
    let suspected = Err(Code::PersonalDataSuspected);
    for (scheme, local) in [("BRN", "202401000002"), ("SUR", "7K3M9QX2TB4V")] {
        for shown in ["DEMO (880101000000)", "DEMO (880101-00-0000)", "DEMO 880101 00 0000"] {
            let found = register(scheme, local, shown).map(|_| ());
            assert_eq!(found, suspected, "{scheme} {shown}");
        }
    }
    // a register that numbers companies alike tells them apart, another does not
    for shown in ["DEMO (202301000005)", "DEMO (2023 01 000005)"] {
        assert_eq!(register("SUR", "7K3M9QX2TB4V", shown).map(|_| ()), suspected, "{shown}");
    }
    for (local, shown) in
        [("202401000002", "DEMO (202301000005)"), ("202401000003", "DEMO (2023 01 000005)")]
    {
        register("BRN", local, shown).expect("two officers, with evidence");
    }
}

#[test]
fn t08_an_override_needs_two_officers_and_evidence() {
    let name = Value::object([("value", text("Fund 2026-123-456")), ("lang", text("en"))]);
    let suspect = body().with("legalName", name);
    let mut world = World::new();
    assert_eq!(
        refused(&mut world, "register", body_args(&suspect), R2),
        Code::PersonalDataSuspected
    );
    let overrides = Value::List(vec![text("/legalName/value")]);
    let args = body_args(&suspect).with("textOverrides", overrides.clone());
    assert_eq!(refused(&mut world, "register", args.clone(), R1), Code::QuorumMissing);
    assert_eq!(refused(&mut world, "register", args, R2), Code::EvidenceRequired);
    let args = body_args(&suspect.with("evidence", evidence())).with("textOverrides", overrides);
    world.act(Register::Ubin, "register", args, R2).expect("two officers with evidence");
}

#[test]
fn the_same_lei_on_another_live_record_is_flagged_and_only_flagged() {
    let (mut world, first) = registered();
    let lei = Value::object([("scheme", text("lei")), ("value", text("TITIAN00DEMO00000125"))]);
    let lei = Value::List(vec![lei]);
    let second = next(&first, &[("identifiers", lei.clone())]);
    run(&mut world, "update", &second, R1).expect("a first holder");
    let other = company_body("MY", "BRN", "202401000002", "OTHER").with("identifiers", lei);
    let receipt = run(&mut world, "register", &other, &[("MY:SSM", 1)]).expect("only a flag");
    assert!(receipt.events[0].data.contains("\"possibleDuplicateOf\":[\"SG-UEN-199403865N-G7\"]"));
    let third = next(&second, &[]).without("identifiers");
    run(&mut world, "update", &third, R1).expect("the first holder drops it");
    let holders = counter::holders(&Overlay::new(&world.state), "lei", "TITIAN00DEMO00000125");
    assert_eq!(holders, ["MY-BRN-202401000002-NV"]);
}

#[test]
fn warnings_reach_receipt_and_record_and_stop_nothing() {
    let mut world = World::new();
    let lei = Value::object([("scheme", text("lei")), ("value", text("TITIAN00DEMO00000126"))]);
    let gln = Value::object([("scheme", text("gln")), ("value", text("8851234567890"))]);
    let name = Value::object([("value", text("Кофе")), ("lang", text("ru"))]);
    let odd = company_body("SG", "UEN", "199403865A", "X")
        .with("identifiers", Value::List(vec![lei, gln]))
        .with("legalName", name);
    let receipt = run(&mut world, "register", &odd, R1).expect("warnings refuse nothing");
    let due = ["GLN_CHECKSUM", "LEI_CHECKSUM", "NAME_SCRIPT_UNUSUAL", "NATIONAL_CHECK_FAILED"];
    assert_eq!(receipt.warnings, due);
    assert_eq!(record(&world, &ubin_of(&odd)).meta.warnings, due);
}

#[test]
fn burmese_in_zawgyi_order_is_suspected_and_in_unicode_order_is_not() {
    let warned = |name: &str| !titian_contracts::ubin::text::name_warnings(name).is_empty();
    assert!(!warned("မြန်မာ့စီးပွားရေးဦးပိုင်လီမိတက်"));
    assert!(!warned("ကုမ္ပဏီ နေဝန်း"));
    assert!(warned("\u{1031}\u{1014}\u{101D}"));
    assert!(warned("\u{103B}\u{1019}\u{1014}\u{1039}\u{1019}\u{102C}"));
}

#[test]
fn quality_follows_the_block_date_and_is_never_stored() {
    let (world, first) = registered();
    let number = ubin_of(&first);
    let record = record(&world, &number);
    let days = ubin::refresh_days(&Overlay::new(&world.state), &number, 1);
    assert_eq!(days, 400);
    // confirmed on 2026-06-30, one day before START_MS
    assert_eq!(view::quality(&record, &[], days, START_MS + 399 * DAY_MS), "CURRENT");
    assert_eq!(view::quality(&record, &[], days, START_MS + 400 * DAY_MS), "STALE");
}

#[test]
fn a_draft_makes_a_body_that_registers() {
    let date = |text| titian_contracts::time::Date::parse(text).expect("a date");
    let draft = Draft {
        ubin: ubin_of(&body()),
        legal_name: ("DRAFT PTE LTD".to_owned(), "en".to_owned()),
        legal_form: Some("Private Limited".to_owned()),
        category: Category::General,
        size_class: Some(titian_contracts::ubin::vocabulary::SizeClass::Small),
        status: Status::Active,
        status_national: Some("Live Company".to_owned()),
        registered_on: date("1994-06-01"),
        as_of: date("2026-06-30"),
        valid_from: date("2026-07-01"),
        lei: Some("TITIAN00DEMO00000125".to_owned()),
    };
    let receipt = run(&mut World::new(), "register", &draft.to_body(), R1).expect("applies");
    assert_eq!(receipt.warnings, Vec::<String>::new());
}
