//! A node whose database is lost starts again from a snapshot and catches up with the others.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Network;

/// With every node stopped: writes a snapshot of one node, takes its database away, restores it,
/// and starts the network, which must go on with equal roots.
pub(super) fn a_node_comes_back_from_a_snapshot(network: &Network) {
    let home = network.folder.join("node-vn");
    let config = home.join("config.toml").display().to_string();
    operator(&["snapshot", "--config", &config]);
    let data = home.join("data");
    let newest = std::fs::read_dir(data.join("snapshots"))
        .expect("snapshots")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok())
        .max()
        .expect("a snapshot");
    let source = data.join("snapshots").join(newest.to_string()).display().to_string();
    std::fs::rename(data.join("ledger"), home.join("lost")).expect("taken away");
    operator(&["restore", "--config", &config, &source]);
    network.done(&["devnet", "up", "--dir", &network.folder.display().to_string()]);
    let goal = network.height(0) + 2;
    network.wait("the restored node goes on with the others", || network.height(3) >= goal);
    let status = network.done(&["ledger", "status", "--json"]).json();
    assert_eq!(status["roots"]["equal"], true, "{status}");
    let nodes = network.nodes();
    let url = nodes[3]["url"].as_str().expect("an address");
    let ran = network.run(&["ubin", "feed", "--cursor", "1:0", "--json", "--node", url]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("CURSOR_TOO_OLD"), "{}", ran.stdout);
    network.done(&["devnet", "down"]);
}

/// Runs `titian-node`, which must succeed.
fn operator(args: &[&str]) {
    let own = std::env::current_exe().expect("the test knows its own path");
    let release = own.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let output = Command::new(release.join("titian-node"))
        .args(args)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "titian-node {args:?}: {said}");
}
