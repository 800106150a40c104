//! What the options of `titian ubin` do to acts and reads, against a served ledger.

use serde_json::{Value, json};
use titian_contracts::limits::SCHEME_TIME_LOCK_MS;
use titian_contracts::time::{DAY_MS, Date};

use super::ubin_consent::{BOTH_MY, BOTH_SG, applied, body, refused, ubin};
use super::ubin_import::fixture::Bench;
use super::{Ran, titian_in};

const ROOT_SG: [&str; 4] = ["--as", "SG#k1", "--as", "SG#k2"];

/// A body of the bench's folder with members changed; gives its path.
fn changed(bench: &Bench, file: &str, change: impl FnOnce(&mut Value)) -> String {
    let text = std::fs::read_to_string(file).expect("a body");
    let mut body: Value = serde_json::from_str(&text).expect("JSON");
    change(&mut body);
    let path = bench.folder().join("changed.json");
    std::fs::write(&path, body.to_string()).expect("a file");
    path.display().to_string()
}

/// A document that shows why.
fn paper(bench: &Bench) -> String {
    let path = bench.folder().join("order.pdf");
    std::fs::write(&path, "a document").expect("a file");
    path.display().to_string()
}

fn body_of(bench: &Bench, number: &str) -> Value {
    let ran = ubin(bench, &["get", number], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()["record"]["body"].clone()
}

#[test]
fn t08_a_suspicious_text_passes_with_two_officers_and_a_document_and_a_denied_one_never() {
    let bench = Bench::start();
    let (file, number) = body(&bench, "TITIAN FUND 2026-123-456", ("SG", "UEN", "199403865N"));
    refused(&bench, &["register", &file], &BOTH_SG, "PERSONAL_DATA_SUSPECTED");
    let pass = ["register", file.as_str(), "--pass-text", "/legalName/value"];
    refused(&bench, &pass, &BOTH_SG, "EVIDENCE_REQUIRED");
    let paper = paper(&bench);
    let shown = [&pass[..], &["--evidence", &paper, "--evidence-type", "GAZETTE"]].concat();
    refused(&bench, &shown, &BOTH_SG[..2], "QUORUM_MISSING");
    let card = changed(&bench, &file, |body| {
        body["legalName"]["value"] = "TAN S 0000000 X".into();
    });
    let mut denied = shown.clone();
    denied[1] = &card;
    let ran = ubin(&bench, &denied, &BOTH_SG);
    assert_eq!((ran.code, &ran.json()["error"]["name"]), (1, &json!("PERSONAL_DATA_SUSPECTED")));
    assert!(!format!("{ran:?}").contains("0000000"), "{ran:?}");
    applied(&bench, &shown, &BOTH_SG);
    let held = body_of(&bench, &number);
    assert_eq!(held["legalName"]["value"], "TITIAN FUND 2026-123-456");
    assert_eq!(held["evidence"][0]["type"], "GAZETTE");
}

#[test]
fn t05_a_business_that_ended_for_an_unknown_one_is_loaded_and_members_are_taken_away() {
    let bench = Bench::start();
    let (file, _) = body(&bench, "TITIAN OLD PTE LTD", ("SG", "UEN", "199403865N"));
    let ended = changed(&bench, &file, |body| {
        body["status"] = json!({"code": "MERGED", "since": "2025-01-02"});
        body["endedOn"] = "2025-01-02".into();
        body["sizeClass"] = "SMALL".into();
    });
    refused(&bench, &["register", &ended], &BOTH_SG[..2], "BAD_TRANSITION");
    let data = applied(&bench, &["register", &ended, "--successor-unknown"], &BOTH_SG[..2]);
    assert_eq!(data["status"], "MERGED");

    let (file, number) = body(&bench, "TITIAN NEW PTE LTD", ("SG", "UEN", "201912345K"));
    let sized = changed(&bench, &file, |body| body["sizeClass"] = "SMALL".into());
    applied(&bench, &["register", &sized], &BOTH_SG[..2]);
    applied(&bench, &["update", &number, "--unset", "/sizeClass"], &BOTH_SG[..2]);
    assert_eq!(body_of(&bench, &number)["sizeClass"], Value::Null);
    let ran = ubin(&bench, &["update", &number, "--unset", "/sizeClass"], &BOTH_SG[..2]);
    assert_eq!(ran.code, 2, "there is none to remove: {ran:?}");

    // the register's own code goes through the scheme's map
    applied(&bench, &["suspend", &number, "--reason", "LICENCE"], &BOTH_SG[..2]);
    let reinstate = ["reinstate", number.as_str(), "--reason", "REQUEST", "--national"];
    let unmapped = [&reinstate[..], &["Struck Off"]].concat();
    refused(&bench, &unmapped, &BOTH_SG[..2], "STATUS_MAP_MISMATCH");
    applied(&bench, &[&reinstate[..], &["Live"]].concat(), &BOTH_SG[..2]);
    assert_eq!(body_of(&bench, &number)["status"]["national"], "Live");
}

#[test]
fn a_key_that_an_op_does_not_ask_for_adds_no_signature() {
    let bench = Bench::start();
    let (file, number) = body(&bench, "TITIAN PTE LTD", ("SG", "UEN", "199403865N"));
    applied(&bench, &["register", &file], &BOTH_SG[..2]);
    let paper = paper(&bench);
    let dissolve =
        ["dissolve", &number, "--reason", "COURT", "--evidence", &paper, "-o", "half.json"];
    let half = ubin(&bench, &dissolve, &BOTH_SG[..2]);
    assert_eq!((half.code, &half.json()["status"]), (0, &json!("incomplete")), "{half:?}");
    let text = || std::fs::read_to_string(bench.folder().join("half.json")).expect("an op");
    let before = text();
    let cosign =
        |key: &str| bench.titian(&["key", "cosign", "half.json", "--as", key, "--yes", "--json"]);
    let foreign = cosign("MY:SSM#k1");
    assert_eq!(foreign.code, 1, "{foreign:?}");
    assert_eq!(foreign.json()["error"]["name"], "NOT_OWNER", "{foreign:?}");
    assert_eq!(text(), before, "nothing was written");
    // the op is as good as before
    let second = cosign("SG:ACRA#k2");
    assert_eq!((second.code, &second.json()["ok"]), (0, &json!(true)), "{second:?}");
}

/// The events that a command printed, one a line.
fn events(ran: &Ran) -> Vec<Value> {
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stdout.lines().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

#[test]
fn t16_the_feed_is_filtered_resumed_and_followed_from_the_command_line() {
    let bench = Bench::start();
    let (one, first) = body(&bench, "TITIAN ONE PTE LTD", ("SG", "UEN", "199403865N"));
    let (two, second) = body(&bench, "TITIAN TWO PTE LTD", ("SG", "UEN", "201912345K"));
    let (abroad, third) = body(&bench, "TITIAN SDN BHD", ("MY", "BRN", "202401000002"));
    applied(&bench, &["register", &one], &BOTH_SG[..2]);
    applied(&bench, &["register", &abroad], &BOTH_MY[..2]);
    applied(&bench, &["suspend", &first, "--reason", "LICENCE"], &BOTH_SG[..2]);
    let numbers = |more: &[&str]| -> Vec<(String, String)> {
        let events = events(&ubin(&bench, &[&["feed"], more].concat(), &[]));
        let text = |event: &Value, name: &str| event[name].as_str().unwrap_or("").to_owned();
        events.iter().map(|event| (text(event, "act"), text(event, "ubin"))).collect()
    };
    let pair = |act: &str, number: &str| (act.to_owned(), number.to_owned());
    let all = [pair("register", &first), pair("register", &third), pair("suspend", &first)];
    assert_eq!(numbers(&[]), all);
    assert_eq!(numbers(&["--cc", "my"]), all[1..2]);
    assert_eq!(numbers(&["--scheme", "uen,mst", "--act", "register"]), all[..1]);
    assert_eq!(numbers(&["--status", "suspended"]), all[2..]);
    assert_eq!(numbers(&["--watch", &third.to_lowercase()]), all[1..2]);
    assert_eq!(numbers(&["--count", "2"]), all[..2]);
    let full = events(&ubin(&bench, &["feed", "--full", "--count", "1"], &[]));
    assert_eq!(full[0]["lines"][0]["ubin"], first.as_str(), "{full:?}");
    let cursor = full[0]["cursor"].as_str().expect("a cursor").to_owned();
    assert_eq!(numbers(&["--cursor", &cursor]), all[1..]);

    // one that follows gets what comes later, whether it asks before or after that
    let args = ["ubin", "feed", "--follow", "--act", "register", "--count", "3", "--json"];
    let (folder, url) = (bench.folder().to_owned(), bench.variables()[0].1.to_owned());
    let follower =
        std::thread::spawn(move || titian_in(&folder, &[("TITIAN_NODE", url.as_str())], &args));
    applied(&bench, &["register", &two], &BOTH_SG[..2]);
    let followed = events(&follower.join().expect("it ends by itself"));
    let found: Vec<&Value> = followed.iter().map(|event| &event["ubin"]).collect();
    assert_eq!(found, [&json!(first), &json!(third), &json!(second)]);
}

#[test]
fn t15_filters_of_a_search_may_be_written_small() {
    let bench = Bench::start();
    let (one, first) = body(&bench, "GOLDEN HARBOUR PTE LTD", ("SG", "UEN", "199403865N"));
    let (two, second) = body(&bench, "GOLDEN HARBOUR SDN BHD", ("MY", "BRN", "202401000002"));
    applied(&bench, &["register", &one], &BOTH_SG[..2]);
    applied(&bench, &["register", &two], &BOTH_MY[..2]);
    applied(&bench, &["suspend", &first, "--reason", "LICENCE"], &BOTH_SG[..2]);
    bench.indexed();
    let hits = |more: &[&str]| -> Vec<String> {
        let ran = ubin(&bench, &[&["search", "golden harbour"], more].concat(), &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let answer = ran.json();
        let hits = answer["hits"].as_array().expect("hits").iter();
        let mut found: Vec<String> =
            hits.map(|hit| hit["ubin"].as_str().expect("a UBIN").to_owned()).collect();
        found.sort();
        found
    };
    assert_eq!(hits(&[]), [second.clone(), first.clone()]);
    assert_eq!(hits(&["--cc", "sg"]), std::slice::from_ref(&first));
    assert_eq!(hits(&["--scheme", "brn"]), std::slice::from_ref(&second));
    assert_eq!(hits(&["--status", "suspended", "--live"]), std::slice::from_ref(&first));
    assert_eq!(hits(&["--category", "branch"]), [] as [String; 0]);
    assert_eq!(hits(&["--category", "general", "--limit", "1"]).len(), 1);
    let begins = ubin(&bench, &["search", "gol", "--prefix", "--cc", "sg"], &[]).json();
    assert_eq!(begins["hits"][0]["ubin"], first.as_str(), "{begins}");
    assert!(begins["hits"][0]["score"].as_u64().is_some_and(|score| score >= 900), "{begins}");
    let alike = ubin(&bench, &["search", "golden harber", "--min-score", "1000"], &[]).json();
    assert_eq!(alike["hits"], json!([]), "nothing is the same");
    let listed = ubin(&bench, &["list", "sg-uen-1994"], &[]).json();
    assert_eq!(listed["items"][0]["ubin"], first.as_str(), "{listed}");
}

#[test]
fn t18_figures_are_filtered_and_one_counter_is_proven() {
    let bench = Bench::start();
    for (n, name) in ["ONE", "TWO", "THREE", "FOUR", "FIVE"].into_iter().enumerate() {
        let local = format!("2024010000{:02}", n + 10);
        let (file, _) = body(&bench, &format!("TITIAN {name} SDN BHD"), ("MY", "BRN", &local));
        applied(&bench, &["register", &file], &BOTH_MY[..2]);
    }
    let csv = |filter: &str| {
        let kpi = ["ubin", "kpi", "--by", "ams,status", "--filter", filter, "--format", "csv"];
        let ran = bench.titian(&kpi);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(csv("ams=MY"), ["ams,status,value", "MY,ACTIVE,5"]);
    assert_eq!(csv("ams=SG"), ["ams,status,value"]);
    // whoever asks for JSON gets it, whatever the form for people
    let both = ["ubin", "kpi", "--by", "ams", "--format", "csv", "--json"];
    assert_eq!(bench.titian(&both).json()["rows"], json!([["MY", 5]]));
    assert_eq!(bench.titian(&["ubin", "kpi", "--filter", "ams"]).code, 2);

    std::fs::write(bench.folder().join("genesis.json"), bench.genesis()).expect("a file");
    let counter = ["--metric", "ubin_stock", "--cell", "MY,BRN,GENERAL,NONE,ACTIVE"];
    let prove = [&["ubin", "prove"], &counter[..], &["-o", "kpi.json"]].concat();
    let ran = bench.titian(&prove);
    assert_eq!(ran.code, 0, "{ran:?}");
    let verify = ["verify", "kpi.json", "--genesis", "genesis.json", "--json"];
    let proven = titian_in(bench.folder(), &[], &verify);
    assert_eq!(proven.code, 0, "{proven:?}");
    let proven = proven.json();
    assert_eq!(proven["kind"], "ubin-kpi");
    assert_eq!(proven["claim"]["counters"].as_array().map(Vec::len), Some(1), "{proven}");
    assert_eq!(proven["claim"]["counters"][0]["value"], 5, "{proven}");

    // a counter that cannot exist is not proven to be 0, one that can is
    let cell = |cells: &str| {
        let counter = ["--metric", "ubin_stock", "--cell", cells, "-o", "none.json", "--json"];
        bench.titian(&[&["ubin", "prove"], &counter[..]].concat())
    };
    let none = cell("SG,UEN,GENERAL,NONE,ACTIVE");
    assert_eq!(none.code, 0, "{none:?}");
    let small = cell("sg,uen,GENERAL,NONE,ACTIVE");
    assert_eq!((small.code, &small.json()["error"]["name"]), (1, &json!("INVALID_PARAMS")));
    let which = bench.titian(&["ubin", "prove", "--kind", "kpi", "-o", "none.json"]);
    assert_eq!(which.code, 2, "{which:?}");
    assert!(which.stderr.contains("--metric"), "{which:?}");
    // quiet: what was done, and no advice
    let quiet = [&prove[..], &["-q"]].concat();
    let quiet = bench.titian(&quiet);
    assert_eq!(quiet.code, 0, "{quiet:?}");
    assert!(quiet.stdout.contains("kpi.json") && !quiet.stdout.contains("next"), "{quiet:?}");
}

#[test]
fn an_update_that_changes_nothing_writes_no_version() {
    let bench = Bench::start();
    let (file, number) = body(&bench, "TITIAN PTE LTD", ("SG", "UEN", "199403865N"));
    applied(&bench, &["register", &file], &BOTH_SG[..2]);
    let update = ["update", number.as_str(), "--set", "/sizeClass=SMALL"];
    applied(&bench, &update, &BOTH_SG[..2]);
    refused(&bench, &update, &BOTH_SG[..2], "UNCHANGED");
    assert_eq!(body_of(&bench, &number)["version"], 2);
    // a date that is named is a change, and so is a document
    let dated = [&update[..], &["--on", &Date::of_ms(titian_tests::served::now_ms()).to_string()]];
    applied(&bench, &dated.concat(), &BOTH_SG[..2]);
    let paper = paper(&bench);
    applied(&bench, &[&update[..], &["--evidence", &paper]].concat(), &BOTH_SG[..2]);
    assert_eq!(body_of(&bench, &number)["version"], 4);
    let missing = ubin(&bench, &["register", "nofile.json"], &BOTH_SG[..2]);
    assert_eq!(missing.code, 2, "{missing:?}");
    assert!(missing.stdout.contains("nofile.json"), "{missing:?}");
}

#[test]
fn t20_a_scheme_is_retired_from_a_day_on_and_figures_have_the_version_that_was_meant() {
    let bench = Bench::start();
    let now = titian_tests::served::now_ms();
    let day = |after: u64| Date::of_ms(now + SCHEME_TIME_LOCK_MS + after * DAY_MS).to_string();
    let put = ["scheme-put", "SG-UEN", "--retire-at", "1000", "--effective"];
    let early = Date::of_ms(now + DAY_MS).to_string();
    refused(&bench, &[&put[..], &[&early]].concat(), &ROOT_SG, "DELAY_RUNNING");
    applied(&bench, &[&put[..], &[&day(3)]].concat(), &ROOT_SG);
    let found = bench.titian(&["ubin", "schemes", "--cc", "SG", "--json"]).json();
    let uen = found["schemes"].as_array().expect("schemes").iter().find(|s| s["code"] == "UEN");
    assert_eq!(uen.expect("listed")["version"], 1, "it waits for its day");
    let ran = ubin(&bench, &[&put[..], &["soon"]].concat(), &ROOT_SG);
    assert_eq!(ran.code, 2, "no day: {ran:?}");

    let cells = bench.folder().join("cells.json");
    std::fs::write(&cells, json!({"UEN": {"REGISTERED": 12_345}}).to_string()).expect("a file");
    let cells = cells.display().to_string();
    let attest = ["attest-counts", cells.as_str(), "--cc", "sg", "--metric", "ubin_coverage"];
    let attest = [&attest[..], &["--period", "2026", "--version"]].concat();
    refused(&bench, &[&attest[..], &["2"]].concat(), &BOTH_SG[..2], "VERSION_CONFLICT");
    let data = applied(&bench, &[&attest[..], &["1"]].concat(), &BOTH_SG[..2]);
    assert_eq!(data["version"], 1);
}

#[test]
fn t12_a_state_shortens_its_clock_for_personal_data_alone() {
    let bench = Bench::start();
    let clock = ["challenge-clock", "sg", "--personal-data-decide"];
    let longer = [&clock[..], &["4"]].concat();
    refused(&bench, &longer, &ROOT_SG, "LIMIT_EXCEEDED");
    let shorter = [&clock[..], &["2", "--personal-data-acknowledge", "1"]].concat();
    let data = applied(&bench, &shorter, &ROOT_SG);
    let days = |name: &str| data[name].clone();
    assert_eq!(days("personalDataDecideDays"), 2, "{data}");
    assert_eq!((days("acknowledgeDays"), days("decideDays")), (json!(5), json!(30)), "{data}");
    let (file, number) = body(&bench, "TITIAN DEMO PTE LTD", ("SG", "UEN", "199403865N"));
    applied(&bench, &["register", &file], &BOTH_SG[..2]);
    let open = ["challenge-open", number.as_str(), "--ground", "personal_data"];
    let opened = applied(&bench, &[&open[..], &["--by", "MY:SSM"]].concat(), &BOTH_MY[..2]);
    let page = ubin(&bench, &["challenges", "--ubin", &number], &[]).json();
    let shown = &page["items"][0];
    assert_eq!(shown["id"], opened["id"]);
    // whole days later, at the same time of the day
    let split = |name: &str| {
        let (day, time) = shown[name].as_str().and_then(|text| text.split_once('T')).expect("both");
        (Date::parse(day).expect("a date").start_ms(), time.to_owned())
    };
    let (opened, time) = split("opened");
    assert_eq!(split("acknowledgeBy"), (opened + DAY_MS, time.clone()), "{shown}");
    assert_eq!(split("decideBy"), (opened + 2 * DAY_MS, time), "{shown}");
}

#[test]
fn a_read_for_a_state_says_whether_it_recognises_the_scheme() {
    let bench = Bench::start();
    let (file, number) = body(&bench, "TITIAN DEMO PTE LTD", ("SG", "UEN", "199403865N"));
    applied(&bench, &["register", &file], &BOTH_SG[..2]);
    let got = ubin(&bench, &["get", &number, "--for", "my"], &[]).json();
    let silent = json!({"by": "MY", "of": "SG", "state": "NOT_STATED"});
    assert_eq!(got["recognition"], silent, "{got}");
    let found = ubin(&bench, &["resolve", "199403865N", "--cc", "SG", "--for", "MY"], &[]).json();
    assert_eq!(found["matches"][0]["recognition"], silent, "{found}");
    let people = bench.titian(&["ubin", "get", &number, "--for", "MY"]);
    assert!(people.code == 0 && people.stdout.contains("in MY    NOT_STATED"), "{people:?}");
    let plain = ubin(&bench, &["get", &number], &[]).json();
    assert_eq!(plain.get("recognition"), None, "nobody asked");
    refused(&bench, &["get", &number, "--for", "Malaysia"], &[], "INVALID_PARAMS");
}
