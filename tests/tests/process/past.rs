//! A real node that is killed, also in the middle of pruning: what it says and proves of earlier
//! heights stays the same, and what it dropped it says.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use titian_tests::ports::free_forty;
use titian_tests::world::company_body;

use super::Network;

/// How often pruning is killed.
const KILLS: u64 = 12;
/// Heights that are kept then.
const KEEP: &str = "10";

/// The node alone, with its folder.
struct Lone {
    network: Network,
    folder: String,
    genesis: String,
}

impl Lone {
    fn start(temporary: &Path) -> Self {
        let network = Network { folder: temporary.join("net") };
        let folder = network.folder.display().to_string();
        let port = free_forty().to_string();
        let up = ["devnet", "up", "--dir", &folder, "--validators", "1", "--base-port", &port];
        network.done(&up);
        let genesis = network.folder.join("genesis.json").display().to_string();
        Self { network, folder, genesis }
    }

    fn up(&self) {
        self.network.done(&["devnet", "up", "--dir", &self.folder]);
    }

    /// Runs an act and gives the height of its receipt.
    fn act(&self, args: &[&str]) -> u64 {
        let receipt = self.network.done(&[args, &["--yes", "--json"]].concat()).json();
        receipt["height"].as_u64().unwrap_or_else(|| panic!("no height: {receipt}"))
    }

    fn verified(&self, file: &Path) -> Value {
        let file = file.display().to_string();
        self.network.done(&["verify", &file, "--genesis", &self.genesis, "--json"]).json()
    }

    /// The operator's command on the stopped node, killed after `patience` if there is one.
    fn operate(&self, command: &str, patience: Option<Duration>) -> bool {
        let own = std::env::current_exe().expect("the test knows its own path");
        let release = own.parent().and_then(Path::parent).expect("target/<profile>/deps");
        let binary = release.join("titian-node");
        let mut run = match patience {
            None => Command::new(&binary),
            Some(patience) => {
                let mut run = Command::new("timeout");
                run.args(["-s", "KILL", &patience.as_secs_f64().to_string()]).arg(&binary);
                run
            }
        };
        let status = run
            .arg(command)
            .arg("--config")
            .arg(self.network.folder.join("node-sg/config.toml"))
            .env("TITIAN_NODE_KEEP_HEIGHTS", KEEP)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.expect("the binary runs").success()
    }
}

#[test]
fn t17_a_node_proves_earlier_heights_over_kills_and_says_what_it_pruned() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let lone = Lone::start(temporary.path());
    let body = company_body("SG", "UEN", "199403865N", "EXAMPLE PTE. LTD.");
    let ubin = body.get("ubin").and_then(|ubin| ubin.as_text()).expect("set").to_owned();
    let file = temporary.path().join("body.json");
    std::fs::write(&file, body.to_jcs()).expect("the body is written");
    let file = file.display().to_string();
    let mut heights = vec![lone.act(&["ubin", "register", &file, "--as", "SG:ACRA"])];
    for round in 0..6 {
        let act = if round % 2 == 0 { "suspend" } else { "reinstate" };
        let args = ["ubin", act, &ubin, "--reason", "LICENCE", "--as", "SG:ACRA"];
        heights.push(lone.act(&args));
    }

    // each height says what stood then, before and after a kill; proofs are files
    let mut proofs: Vec<(PathBuf, Value)> = Vec::new();
    let mut codes: Vec<(String, &str)> = Vec::new();
    for round in ["before", "after"] {
        for (i, height) in heights.iter().enumerate() {
            let due = if i % 2 == 0 { "ACTIVE" } else { "SUSPENDED" };
            let at = height.to_string();
            let proof = temporary.path().join(format!("{round}-{i}.json"));
            let out = proof.display().to_string();
            let get = ["ubin", "get", &ubin, "--at", &at, "--proof", &out, "--json"];
            let shown = lone.network.done(&get).json();
            assert_eq!(shown["status"], due, "height {at}");
            let verified = lone.verified(&proof);
            assert_eq!(verified["claim"]["status"], due, "height {at}");
            assert_eq!(verified["height"], *height);
            proofs.push((proof, verified["claim"].clone()));
            let code = temporary.path().join(format!("{round}-{i}.svg")).display().to_string();
            let qr = ["ubin", "prove", &ubin, "--at", &at, "--qr", &code, "--json"];
            let text = lone.network.done(&qr).json()["qr"].as_str().expect("a text").to_owned();
            codes.push((text, due));
        }
        let before = (heights[0] - 1).to_string();
        let absent = temporary.path().join(format!("{round}-absent.json"));
        let out = absent.display().to_string();
        lone.network.done(&["ubin", "prove", &ubin, "--at", &before, "-o", &out]);
        assert_eq!(lone.verified(&absent)["kind"], "ubin-absence");
        let history = temporary.path().join(format!("{round}-history.json"));
        let out = history.display().to_string();
        lone.network.done(&["ubin", "prove", &ubin, "--kind", "history", "-o", &out]);
        let claim = lone.verified(&history)["claim"].clone();
        assert_eq!(claim["versions"].as_array().map(Vec::len), Some(7), "{claim}");
        let text = lone.network.done(&["verify", &out, "--genesis", &lone.genesis]).stdout;
        assert!(text.contains("all versions") && text.contains("block time"), "{text}");
        let at = heights[2].to_string();
        let kpi = temporary.path().join(format!("{round}-kpi.json"));
        let out = kpi.display().to_string();
        let metric = ["ubin", "prove", "--metric", "ubin_stock", "--at", &at, "-o", &out];
        lone.network.done(&metric);
        assert_eq!(lone.verified(&kpi)["claim"]["metric"], "ubin_stock");
        let csv = ["ubin", "kpi", "--at", &at, "--by", "ams,status", "--format", "csv"];
        let csv = lone.network.done(&csv).stdout;
        assert!(csv.starts_with("ams,status,value"), "{csv}");
        if round == "before" {
            lone.network.kill(0);
            lone.up();
        }
    }

    // pruning a stopped node, killed at any moment
    let goal = heights[0] + 12;
    lone.network.wait("more heights than are kept", || lone.network.height(0) >= goal);
    lone.network.done(&["devnet", "down"]);
    for round in 0..KILLS {
        lone.operate("prune", Some(Duration::from_millis(1 + round * round * 5)));
    }
    assert!(lone.operate("prune", None), "the next run ends it");
    assert!(lone.operate("verify-db", None), "what is left is whole");
    lone.up();
    let at = heights[0].to_string();
    let gone = lone.network.run(&["ubin", "get", &ubin, "--at", &at, "--json"]);
    assert_eq!(gone.code, 1, "{}{}", gone.stdout, gone.stderr);
    let error = gone.json();
    assert_eq!(error["error"]["name"], "HEIGHT_PRUNED", "{error}");
    let now = lone.network.done(&["ubin", "get", &ubin, "--json"]).json();
    assert_eq!(now["status"], "ACTIVE");
    lone.act(&["ubin", "suspend", &ubin, "--reason", "LICENCE", "--as", "SG:ACRA"]);
    let history = lone.network.done(&["ubin", "history", &ubin, "--json"]).json();
    assert_eq!(history["versions"].as_array().map(Vec::len), Some(8), "bodies are kept for ever");

    // proofs made before say what they said, with every node stopped
    lone.network.done(&["devnet", "down"]);
    for (proof, claim) in proofs {
        assert_eq!(lone.verified(&proof)["claim"], claim, "{}", proof.display());
    }
    for (code, due) in codes {
        let claim = lone.verified(Path::new(&code))["claim"].clone();
        assert_eq!((&claim["status"], &claim["body"]), (&due.into(), &Value::Null));
    }
}
