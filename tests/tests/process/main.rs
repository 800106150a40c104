//! Real processes: a network of four nodes that is killed in every order comes back by itself and
//! has lost nothing that it acknowledged.
//!
//! One test function, because one network serves all of it; each phase names what it shows. The
//! binaries are those beside this test: build the workspace first, as `make test` does.

mod bulk;
mod credential_keys;
mod credentials;
mod etr_content;
mod etr_desk;
mod etr_evidence;
mod etr_life;
mod import;
mod importer;
mod issuing;
mod past;
mod proposals;
mod pruning;
mod restore;
mod ubin_acts;
mod vc_agency;
mod vc_desk;
mod vc_erase;
mod vc_once;

use std::io::{BufRead as _, BufReader, Lines};
use std::iter;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use titian_tests::ports::free_forty;
use vc_erase::Extract;

/// Blocks must flow again within this, whatever was killed (architecture.md §1). The second factor
/// pays for a machine that runs other things.
const RESUME: Duration = Duration::from_secs(10 * 3);

struct Network {
    folder: PathBuf,
}

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        command.output().expect("the binary runs").into()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}{}", self.stdout, self.stderr))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The binary beside the test.
fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("the test knows its own path");
    let release = own.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let binary = release.join("titian");
    assert!(binary.is_file(), "{} is missing: build the workspace", binary.display());
    binary
}

impl Network {
    /// A devnet of one node, up.
    fn of_one(folder: PathBuf) -> Self {
        Self::of(folder, 1)
    }

    /// A devnet of so many nodes, up: of Singapore, Malaysia, Thailand, Vietnam.
    fn of(folder: PathBuf, validators: usize) -> Self {
        let network = Self { folder };
        let (folder, port) = (network.folder.display().to_string(), free_forty().to_string());
        let validators = validators.to_string();
        let up = ["devnet", "up", "--dir", &folder, "--validators", &validators];
        network.done(&[&up[..], &["--base-port", &port]].concat());
        network
    }

    /// A command on this network, with no terminal and no configuration of this machine.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args).arg("--devnet").arg(&self.folder).stdin(Stdio::null());
        command.current_dir(self.folder.parent().expect("a folder above"));
        command.env_remove("TITIAN_NODE").env_remove("TITIAN_WALLET");
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&mut self.command(args))
    }

    /// Runs a command that must succeed.
    fn done(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "titian {args:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// The nodes as `devnet status` shows them.
    fn nodes(&self) -> Vec<Value> {
        let json = self.done(&["devnet", "status", "--json"]).json();
        json["nodes"].as_array().expect("nodes").clone()
    }

    /// Waits until every node has what any of them has now.
    fn settle(&self) {
        let heights = || -> Vec<u64> {
            let height = |node: &Value| node["status"]["height"].as_u64().unwrap_or(0);
            self.nodes().iter().map(height).collect()
        };
        let goal = heights().into_iter().max().unwrap_or(0);
        self.wait("all nodes have it", || heights().into_iter().all(|height| height >= goal));
    }

    /// Height of a node; 0 if it does not answer.
    fn height(&self, place: usize) -> u64 {
        self.nodes()[place]["status"]["height"].as_u64().unwrap_or(0)
    }

    fn kill(&self, place: usize) {
        let pid = self.nodes()[place]["pid"].as_u64().expect("the node runs").to_string();
        let status = Command::new("kill").args(["-9", &pid]).status().expect("kill runs");
        assert!(status.success());
        self.wait("the killed node is gone", || self.nodes()[place]["pid"].is_null());
    }

    fn wait(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + RESUME;
        while !condition() {
            assert!(Instant::now() < deadline, "{what}: not within {RESUME:?}\n{}", self.logs());
        }
    }

    fn logs(&self) -> String {
        let mut text = String::new();
        for ams in ["sg", "my", "th", "vn"] {
            let path = self.folder.join(format!("node-{ams}/node.log"));
            let log = std::fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = log.lines().rev().take(15).collect();
            text.push_str(&format!("--- {ams}\n"));
            text.extend(lines.iter().rev().flat_map(|line| [line, "\n"]));
        }
        text
    }

    /// The state root in the header of `height`, as the node at `url` has it.
    fn root(&self, url: &str, height: u64) -> String {
        let height = height.to_string();
        let block = self.done(&["ledger", "block", &height, "--json", "--node", url]).json();
        block["header"]["stateRoot"].as_str().expect("a root").to_owned()
    }
}

/// `titian ledger watch` on the first node.
struct Watch {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    first: String,
}

impl Watch {
    /// Starts it and waits for its first block.
    fn follow(network: &Network) -> Self {
        let mut command = network.command(&["ledger", "watch", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the binary runs");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let first = lines.next().expect("a block").expect("text");
        Self { process, lines, first }
    }

    /// Its node was killed: it ends, and its last line says from which cursor another one goes on.
    fn names_the_last_cursor(self) {
        let texts = iter::once(self.first).chain(self.lines.map(|line| line.expect("text")));
        let lines: Vec<Value> =
            texts.map(|text| serde_json::from_str(&text).expect("JSON")).collect();
        let [.., last, error] = lines.as_slice() else { panic!("a block, an error: {lines:?}") };
        let ran = Ran::from(self.process.wait_with_output().expect("it ends"));
        assert_eq!(ran.code, 4, "{error}");
        let hint = format!("resume with --cursor {}", last["cursor"].as_str().expect("a cursor"));
        let hints = error["error"]["hints"].as_array().expect("hints");
        assert!(hints.iter().any(|found| *found == hint.as_str()), "{hint}: {error}");
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.run(&["devnet", "down"]);
    }
}

#[test]
fn four_nodes_run_the_main_job_and_survive_being_killed_one_and_all() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let network = Network { folder: temporary.path().join("net") };
    let folder = network.folder.display().to_string();
    let port = free_forty().to_string();
    network.done(&["devnet", "up", "--dir", &folder, "--validators", "4", "--base-port", &port]);

    // the main job; it stops and restarts the nodes itself and checks its proofs offline
    let demo = network.done(&["devnet", "demo", "--json"]).json();
    let transactions: Vec<String> = demo["transactions"]
        .as_array()
        .expect("transactions")
        .iter()
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    assert!(transactions.len() >= 30, "{}", transactions.len());

    // one of four may fail: the others go on, also with acts
    let list = network.done(&["ubin", "list", "SG-UEN", "--json"]).json();
    let ubin = list["items"][0]["ubin"].as_str().expect("a company").to_owned();
    let extract = Extract::issue(&network, &ubin);
    network.kill(3);
    let before = network.height(0);
    network.wait("blocks flow with three of four", || network.height(0) > before + 2);
    let act =
        network.done(&["ubin", "suspend", &ubin, "--reason", "LICENCE", "--yes", "--json"]).json();
    let while_one_was_down = act["txId"].as_str().expect("a receipt").to_owned();

    // two of four cannot decide; what is pending then is decided when the others are back
    network.kill(2);
    extract.is_not_erased_before_it_is_revoked();
    network.done(&["devnet", "up", "--dir", &folder]);
    extract.is_erased_once_it_is_revoked();
    let goal = network.height(0);
    network.wait("the killed node catches up", || network.height(3) >= goal);

    // all of them at once; who follows the blocks is told where to go on
    let watch = Watch::follow(&network);
    for place in 0..4 {
        network.kill(place);
    }
    watch.names_the_last_cursor();
    network.done(&["devnet", "up", "--dir", &folder]);
    let before: Vec<u64> = (0..4).map(|place| network.height(place)).collect();
    network.wait("blocks flow on all four", || {
        (0..4).all(|place| network.height(place) > before[place])
    });

    // nothing acknowledged is lost, on any node, and all agree
    let nodes = network.nodes();
    let urls: Vec<&str> = nodes.iter().filter_map(|node| node["url"].as_str()).collect();
    let status = network.done(&["ledger", "status", "--json"]).json();
    assert_eq!(status["roots"]["equal"], true, "{status}");
    assert_eq!(status["roots"]["nodes"].as_array().map(Vec::len), Some(4), "{status}");
    let height = before.iter().copied().min().expect("four nodes");
    let roots: Vec<String> = urls.iter().map(|url| network.root(url, height)).collect();
    assert!(roots.windows(2).all(|pair| pair[0] == pair[1]), "{roots:?} at {height}");
    for (i, id) in transactions.iter().chain([&while_one_was_down]).enumerate() {
        let url = urls[i % urls.len()];
        let receipt = network.done(&["ledger", "receipt", id, "--json", "--node", url]).json();
        assert_eq!(receipt["ok"], true, "{id} at {url}");
    }
    let shown = network.done(&["ubin", "get", &ubin, "--json", "--node", urls[3]]).json();
    assert_eq!(shown["status"], "SUSPENDED");

    // every node finds it by its name; the index came back with the node
    let name = shown["record"]["body"]["legalName"]["value"].as_str().expect("a name");
    for url in &urls {
        let indexed = || {
            let ran = network.run(&["ubin", "search", name, "--json", "--node", url]);
            ran.code == 0 && ran.json()["indexedHeight"].as_u64() >= Some(height)
        };
        network.wait("the names are indexed", indexed);
        let search = ["ubin", "search", name, "--cc", "SG", "--limit", "50", "--node", url];
        let table = network.done(&search).stdout;
        let row = table.lines().find(|line| line.contains(&ubin)).unwrap_or_default();
        assert!(row.contains("1000") && row.contains("SUSPENDED"), "{table}");
    }

    // proofs of before still verify with everything stopped
    network.done(&["devnet", "down"]);
    assert!(network.nodes().iter().all(|node| node["pid"].is_null()));
    let proofs: Vec<PathBuf> = std::fs::read_dir(demo["out"].as_str().expect("a folder"))
        .expect("the folder of the demonstration")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("proof-")))
        .collect();
    assert_eq!(proofs.len(), 5, "{proofs:?}");
    let genesis = network.folder.join("genesis.json").display().to_string();
    for proof in proofs {
        let file = proof.display().to_string();
        let ran = network.run(&["verify", &file, "--genesis", &genesis, "--json"]);
        assert_eq!(ran.code, 0, "{file}: {}{}", ran.stdout, ran.stderr);
    }
}
