//! A validator whose database is lost starts again from a snapshot, or from a backup of its own, while
//! the others go on: it catches up, agrees, and votes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use titian_tests::ports::free_forty;
use titian_tests::world::company_body;

use super::Network;

/// Place of the node that is restored: Vietnam's, the last of four.
const RESTORED: usize = 3;

/// Runs `titian-node`, which must succeed; gives what it printed.
fn operator(args: &[&str]) -> String {
    let own = std::env::current_exe().expect("the test knows its own path");
    let release = own.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let output = Command::new(release.join("titian-node"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "titian-node {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Takes the database of a stopped node away and makes it anew from a snapshot or a backup.
fn lose_and_restore(home: &Path, source: &Path) {
    let config = home.join("config.toml").display().to_string();
    std::fs::rename(home.join("data/ledger"), home.join("lost")).expect("taken away");
    operator(&["restore", "--config", &config, &source.display().to_string()]);
    std::fs::remove_dir_all(home.join("lost")).expect("it is not needed");
}

/// Has a node, running or not, make a backup; gives its folder and the height that it names.
fn back_up(home: &Path) -> (PathBuf, u64) {
    let config = home.join("config.toml").display().to_string();
    let said = operator(&["backup", "--config", &config]);
    let words = said.trim().strip_prefix("backup of height ");
    let (height, folder) = words.and_then(|words| words.split_once(" in ")).expect("it says so");
    (PathBuf::from(folder), height.parse().expect("a height"))
}

fn newest_snapshot(home: &Path) -> u64 {
    std::fs::read_dir(home.join("data/snapshots"))
        .expect("snapshots")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .max()
        .expect("a snapshot")
}

#[test]
fn a_validator_restored_from_a_snapshot_catches_up_with_the_running_network_and_votes() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let network = Network { folder: temporary.path().join("net") };
    let folder = network.folder.display().to_string();
    let port = free_forty().to_string();
    network.done(&["devnet", "up", "--dir", &folder, "--validators", "4", "--base-port", &port]);
    let body = company_body("SG", "UEN", "199403865N", "EXAMPLE PTE. LTD.");
    let ubin = body.get("ubin").and_then(|ubin| ubin.as_text()).expect("set").to_owned();
    let file = temporary.path().join("body.json");
    std::fs::write(&file, body.to_jcs()).expect("the body is written");
    let file = file.display().to_string();
    let act = |args: &[&str]| {
        let signed = ["--as", "SG:ACRA", "--yes", "--json"];
        network.done(&[&["ubin"], args, &signed].concat()).json()["height"].as_u64()
    };
    act(&["register", &file]);

    // the node is killed; its snapshot is of then, and the others go on without it
    network.wait("all four are there", || network.height(RESTORED) >= network.height(0));
    network.kill(RESTORED);
    let home = network.folder.join("node-vn");
    operator(&["snapshot", "--config", &home.join("config.toml").display().to_string()]);
    let snapshot = newest_snapshot(&home);
    let missed = act(&["suspend", &ubin, "--reason", "LICENCE"]).expect("a height");
    assert!(missed > snapshot);
    lose_and_restore(&home, &home.join("data/snapshots").join(snapshot.to_string()));

    // it catches up with the running network
    network.done(&["devnet", "up", "--dir", &folder]);
    let goal = network.height(0) + 2;
    network.wait("the restored node goes on with the others", || network.height(RESTORED) >= goal);
    let status = network.done(&["ledger", "status", "--json"]).json();
    assert_eq!(status["roots"]["equal"], true, "{status}");
    assert_eq!(status["roots"]["nodes"].as_array().map(Vec::len), Some(4), "{status}");
    let nodes = network.nodes();
    let restored = nodes[RESTORED]["url"].as_str().expect("an address").to_owned();
    let shown = network.done(&["ubin", "get", &ubin, "--json", "--node", &restored]).json();
    assert_eq!(shown["status"], "SUSPENDED", "what it missed");

    // what is not in a snapshot it says, and what is older it proves to nobody
    let feed = ["ubin", "feed", "--cursor", "1:0", "--json", "--node", &restored];
    let old = network.run(&feed);
    assert_eq!(old.code, 1, "{}", old.stdout);
    assert!(old.stdout.contains("CURSOR_TOO_OLD"), "{}", old.stdout);

    // three of four are needed: with another one away, blocks flow only if the restored one votes
    network.kill(0);
    let other = nodes[1]["url"].as_str().expect("an address").to_owned();
    let reinstate = ["reinstate", &ubin, "--reason", "REQUEST", "--node", &other];
    let height = act(&reinstate).expect("decided by three, the restored one among them");
    network.wait("the restored node has it", || network.height(RESTORED) >= height);

    // it survives what every node survives, and the one that was away comes back
    network.kill(RESTORED);
    network.done(&["devnet", "up", "--dir", &folder]);
    let before: Vec<u64> = (0..4).map(|place| network.height(place)).collect();
    network.wait("blocks flow on all four", || {
        (0..4).all(|place| network.height(place) > before[place])
    });
    let status = network.done(&["ledger", "status", "--json"]).json();
    assert_eq!(status["roots"]["equal"], true, "{status}");

    // a backup is made while it runs, and another when it stands; it comes back from the first
    let (folder_of_first, first) = back_up(&home);
    let later = act(&["suspend", &ubin, "--reason", "LICENCE"]).expect("a height");
    assert!(later > first);
    network.wait("the node has it", || network.height(RESTORED) >= later);
    network.kill(RESTORED);
    let (folder_of_second, second) = back_up(&home);
    assert!(second >= later && folder_of_second != folder_of_first);
    lose_and_restore(&home, &folder_of_first);
    network.done(&["devnet", "up", "--dir", &folder]);
    let goal = network.height(0) + 2;
    network.wait("it goes on with the others", || network.height(RESTORED) >= goal);
    let status = network.done(&["ledger", "status", "--json"]).json();
    assert_eq!(status["roots"]["equal"], true, "{status}");
}
