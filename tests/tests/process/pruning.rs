//! A running node drops old heights in the background while it answers: what it keeps it says as
//! before, what it dropped it says, and nothing comes back.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use titian_tests::ports::free_forty;
use titian_tests::world::company_body;

use super::{Network, binary};

/// Heights that the node keeps.
const KEEP: u64 = 48;
/// How long it may take until the node has dropped something: it looks every ten seconds.
const PATIENCE: Duration = Duration::from_secs(180);

/// Starts the devnet; its node takes the setting from the surroundings.
fn up(network: &Network, more: &[&str]) {
    let folder = network.folder.display().to_string();
    let status = Command::new(binary())
        .args(["devnet", "up", "--dir", &folder])
        .args(more)
        .env("TITIAN_NODE_KEEP_HEIGHTS", KEEP.to_string())
        .env_remove("TITIAN_NODE")
        .env_remove("TITIAN_WALLET")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("the binary runs").success());
}

/// What the node says of the record at a height: its status, or the oldest height that it keeps.
fn at(network: &Network, ubin: &str, height: u64) -> Result<String, u64> {
    let height = height.to_string();
    let ran = network.run(&["ubin", "get", ubin, "--at", &height, "--json"]);
    let answer = ran.json();
    if ran.code == 0 {
        return Ok(answer["status"].as_str().expect("registered").to_owned());
    }
    assert_eq!(answer["error"]["name"], "HEIGHT_PRUNED", "at {height}: {answer}");
    Err(answer["error"]["data"]["oldest"].as_u64().expect("the oldest height"))
}

fn proven(network: &Network, ubin: &str, height: u64, folder: &Path) -> Value {
    let (file, genesis) = (folder.join("proof.json"), network.folder.join("genesis.json"));
    let (file, genesis) = (file.display().to_string(), genesis.display().to_string());
    network.done(&["ubin", "prove", ubin, "--at", &height.to_string(), "-o", &file]);
    network.done(&["verify", &file, "--genesis", &genesis, "--json"]).json()["claim"].clone()
}

#[test]
fn a_running_node_drops_old_heights_while_it_serves_and_says_which() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let network = Network { folder: temporary.path().join("net") };
    let port = free_forty().to_string();
    up(&network, &["--validators", "1", "--base-port", &port]);
    let body = company_body("SG", "UEN", "199403865N", "EXAMPLE PTE. LTD.");
    let ubin = body.get("ubin").and_then(|ubin| ubin.as_text()).expect("set").to_owned();
    let file = temporary.path().join("body.json");
    std::fs::write(&file, body.to_jcs()).expect("the body is written");
    let file = file.display().to_string();
    let act = |args: &[&str]| {
        let signed = ["--as", "SG:ACRA", "--yes", "--json"];
        let receipt = network.done(&[&["ubin"], args, &signed].concat()).json();
        receipt["height"].as_u64().expect("a height")
    };
    let mut history = vec![(act(&["register", &file]), "ACTIVE")];

    // acts and reads until the first height is gone, and some more
    let deadline = Instant::now() + PATIENCE;
    let mut oldest = 0;
    let mut rounds_after = 0;
    while rounds_after < 12 {
        assert!(Instant::now() < deadline, "nothing was dropped\n{}", network.logs());
        let (verb, status) = match history.last() {
            Some((_, "ACTIVE")) => ("suspend", "SUSPENDED"),
            _ => ("reinstate", "ACTIVE"),
        };
        history.push((act(&[verb, &ubin, "--reason", "LICENCE"]), status));
        let head = network.height(0);
        for (height, status) in &history {
            match at(&network, &ubin, *height) {
                Ok(said) => {
                    assert_eq!(said, *status, "at {height}");
                    assert!(*height >= oldest, "{height} is answered for again, below {oldest}");
                }
                Err(kept) => {
                    // blocks go on meanwhile: asked for after the answer, the head is not older
                    let now = network.height(0);
                    assert!(*height < kept && kept + KEEP <= now + 1, "{height}: {kept} of {now}");
                    oldest = oldest.max(kept);
                }
            }
        }
        rounds_after += u64::from(oldest > 0);
        // what was answered for stays bounded, so that a round does
        history.retain(|(height, _)| *height + 2 * KEEP > head);
    }

    // what is kept is proven, now and after a kill; what is gone stays gone
    for round in 0..2 {
        let (height, status) = history[history.len() - 3];
        assert_eq!(proven(&network, &ubin, height, temporary.path())["status"], status);
        assert!(at(&network, &ubin, 1).is_err_and(|kept| kept >= oldest));
        let whole = network.done(&["ubin", "history", &ubin, "--json"]).json();
        assert!(whole["versions"].as_array().is_some_and(|v| v.len() >= 12), "bodies are kept");
        if round == 0 {
            network.kill(0);
            up(&network, &[]);
        }
    }
}
