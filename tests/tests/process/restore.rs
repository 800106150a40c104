//! A validator whose database is lost starts again from a snapshot, or from a backup of its own, while
//! the others go on: it catches up, agrees, and votes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use titian_tests::ports::free_forty;
use titian_tests::world::company_body;

use super::Network;

/// Place of the node that is restored: Vietnam's, the last of four.
const RESTORED: usize = 3;

/// `titian-node`, without terminal.
fn titian_node(args: &[&str]) -> Command {
    let own = std::env::current_exe().expect("the test knows its own path");
    let release = own.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let mut command = Command::new(release.join("titian-node"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs `titian-node`, which must succeed; gives what it printed.
fn operator(args: &[&str]) -> String {
    let output = titian_node(args).output().expect("the binary runs");
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

/// Starts the node that lies in `home` and lets the devnet know its process.
fn start(home: &Path, flags: &[&str]) -> Child {
    let config = home.join("config.toml").display().to_string();
    let log = File::options().append(true).open(home.join("node.log")).expect("its log");
    let node = titian_node(&[&["run", "--config", &config], flags].concat()).stderr(log).spawn();
    let node = node.expect("the binary runs");
    std::fs::write(home.join("node.pid"), format!("{}\n", node.id())).expect("written");
    node
}

/// Kills a node of [`start`] and leaves no trace of its process.
fn end(network: &Network, mut node: Child) {
    network.kill(RESTORED);
    node.wait().expect("it was started here");
}

/// Runs a node beside the one of `home`, with its files but for `changed` variables; it must refuse to
/// start. Gives what it says.
fn beside(network: &Network, home: &Path, changed: &[(&str, &Path)]) -> String {
    let config = home.join("config.toml").display().to_string();
    let mut command = titian_node(&["run", "--config", &config]);
    command.env("TITIAN_RPC_LISTEN", "127.0.0.1:0").envs(changed.iter().copied());
    let mut second = command.stderr(Stdio::piped()).spawn().expect("the binary runs");
    network.wait("the second one ends", || second.try_wait().expect("ours").is_some());
    let output = second.wait_with_output().expect("it ended");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
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

    // a copy of a validator does not vote beside it, and nobody takes the ports of another
    let first = network.folder.join("node-sg");
    let copy = temporary.path().join("copy");
    let said = beside(&network, &first, &[("TITIAN_NODE_DATA_DIR", copy.as_path())]);
    assert!(said.contains("another process of this machine votes with the key"), "{said}");
    let no_validator = first.join("network.key");
    let observer = [
        ("TITIAN_NODE_DATA_DIR", copy.as_path()),
        ("TITIAN_NODE_VALIDATOR_KEY", no_validator.as_path()),
    ];
    let said = beside(&network, &first, &observer);
    assert!(said.contains("consensus.listen: 127.0.0.1:"), "{said}");

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

    // its vote guard is lost: it follows, says why, and does not vote before its operator says so
    network.kill(RESTORED);
    std::fs::rename(home.join("data/consensus"), home.join("lost")).expect("taken away");
    let node = start(&home, &[]);
    let goal = network.height(0) + 2;
    network.wait("it follows without its guard", || network.height(RESTORED) >= goal);
    let config = home.join("config.toml").display().to_string();
    let asked = titian_node(&["status", "--config", &config]).output().expect("the binary runs");
    let said = String::from_utf8_lossy(&asked.stdout);
    assert_eq!(asked.status.code(), Some(1), "{said}");
    assert!(said.contains("does not vote") && said.contains("--new-vote-guard"), "{said}");
    end(&network, node);
    let head = network.height(0);
    network.wait("the others decide without it", || network.height(0) > head + 2);
    let node = start(&home, &["--new-vote-guard"]);
    let goal = network.height(0) + 2;
    network.wait("it follows with a new guard", || network.height(RESTORED) >= goal);
    network.kill(0);
    let reinstate = ["reinstate", &ubin, "--reason", "REQUEST", "--node", &other];
    act(&reinstate).expect("decided by three, the one with the new guard among them");
    // the flag was needed once
    end(&network, node);
    network.done(&["devnet", "up", "--dir", &folder]);
}
