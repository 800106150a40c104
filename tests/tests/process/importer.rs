//! The importer against a real node, both killed at random moments: every record stands once.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use titian_tests::companies::companies_of;
use titian_tests::ports::free_forty;

use super::Network;

const RECORDS: usize = 1_000;
/// How often the importer is killed; every fourth time the node with it.
const KILLS: usize = 12;
const SEED: u64 = 1_301;

fn args(network: &Network) -> Vec<String> {
    let input = network.folder.join("bodies.ndjson").display().to_string();
    let args = ["ubin", "import", &input, "--commit", "--resume", "--yes", "--as", "SG:ACRA#k1"];
    let more = ["--chunk-records", "100", "--json"];
    args.iter().chain(&more).map(|text| (*text).to_owned()).collect()
}

fn start(network: &Network) -> Child {
    Command::new(super::binary())
        .args(args(network))
        .arg("--devnet")
        .arg(&network.folder)
        .env_remove("TITIAN_NODE")
        .env_remove("TITIAN_WALLET")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary runs")
}

#[test]
fn t13_importer_and_node_are_killed_and_every_record_stands_once() {
    println!("seed {SEED}");
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let network = Network { folder: temporary.path().join("net") };
    let folder = network.folder.display().to_string();
    let port = free_forty().to_string();
    network.done(&["devnet", "up", "--dir", &folder, "--validators", "1", "--base-port", &port]);
    let bodies: Vec<String> =
        companies_of("SG", SEED, RECORDS).map(|company| company.body.to_jcs() + "\n").collect();
    fs::write(network.folder.join("bodies.ndjson"), bodies.concat()).expect("the input");

    let mut state = SEED;
    for kill in 1..=KILLS {
        let mut child = start(&network);
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis((state >> 33) % 1_500);
        // nobody sends: the wait ends at the moment
        let (_silent, never) = mpsc::channel::<()>();
        let _ = never.recv_timeout(moment);
        if kill % 4 == 0 {
            network.kill(0);
        }
        child.kill().expect("the importer is ours");
        child.wait().expect("the importer is ours");
        if kill % 4 == 0 {
            network.done(&["devnet", "up", "--dir", &folder]);
        }
    }
    let last = args(&network);
    let last: Vec<&str> = last.iter().map(String::as_str).collect();
    let done = network.done(&last).json();
    assert_eq!(done["committed"]["refused"], 0, "{done}");
    assert!(!network.folder.join("bodies.ndjson.importing").exists());

    let mut found = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut list = vec!["ubin", "list", "SG-UEN", "--limit", "500", "--json"];
        if let Some(cursor) = &cursor {
            list.extend(["--cursor", cursor.as_str()]);
        }
        let page = network.done(&list).json();
        found.extend(page["items"].as_array().expect("items").clone());
        match page["cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(found.len(), RECORDS);
    assert!(found.iter().all(|record| record["version"] == 1), "no record was written twice");
    let again = network.done(&last).json();
    let unchanged = &again["committed"];
    assert_eq!(
        (&unchanged["sent"], &unchanged["unchanged"]),
        (&Value::from(0), &Value::from(RECORDS))
    );
}
