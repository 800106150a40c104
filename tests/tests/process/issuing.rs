//! A real node that issues and is killed: what it acknowledged is kept, no entry of a status list
//! is handed out twice, and after erasure no file of it holds a marked value.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use titian_contracts::op::decode_fixed;
use titian_contracts::time::rfc3339;
use titian_tests::http::{request, try_call};
use titian_tests::marks::files_holding;

use super::Network;

const SEED: u64 = 2_911;
const KILLS: usize = 5;
const ISSUER: &str = "did:ubin:SG:ACRA";
const MARKER: &str = "QUOKKA-2911-MARKER";
const AEO: &str =
    include_str!("../../../contracts/profiles/credential/aeo-authorisation/1/example.json");
const MANDATE: &str =
    include_str!("../../../contracts/profiles/credential/authorised-representative/1/example.json");

/// A node of a devnet that issues for `SG:ACRA`.
struct Office {
    network: Network,
    address: SocketAddr,
    bearer: String,
    runtime: tokio::runtime::Runtime,
}

impl Office {
    fn open(folder: PathBuf) -> Self {
        let network = Network::of_one(folder);
        let types = ["--type", "AEOAuthorisation", "--type", "AuthorisedRepresentative"];
        let grant = [
            "vc",
            "accreditation-grant",
            "SG:ACRA",
            "--rights",
            "issue",
            "--class",
            "registrar",
            "--until",
            "2030-12-31",
            "--as",
            "SG#k1",
            "--as",
            "SG#k2",
            "--yes",
        ];
        network.done(&[&grant[..], &types].concat());
        for (profile, size) in [("revocation", "1"), ("suspension", "1"), ("token", "2")] {
            let create = ["vc", "list-create", "SG:ACRA", "--profile", profile, "--size", size];
            network.done(&[&create[..], &["--as", "SG:ACRA#k1", "--yes"], &types].concat());
        }
        let url = network.nodes()[0]["url"].as_str().expect("a url").to_owned();
        let address = url.trim_start_matches("http://").parse().expect("an address");
        network.done(&["devnet", "down"]);
        let bearer = configure(&network);
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let office = Self { network, address, bearer, runtime };
        office.up();
        office
    }

    fn up(&self) {
        let folder = self.network.folder.display().to_string();
        self.network.done(&["devnet", "up", "--dir", &folder]);
    }

    fn try_call(&self, method: &str, params: Value) -> Option<Value> {
        let headers = [("authorization", self.bearer.as_str())];
        self.runtime.block_on(try_call(self.address, method, params, &headers))
    }

    /// The status code of a read over REST.
    fn get(&self, path: &str) -> u16 {
        let headers = [("authorization", self.bearer.as_str())];
        self.runtime.block_on(request(self.address, "GET", path, &headers, b"")).status
    }

    fn done(&self, method: &str, params: Value) -> Value {
        let answer = self.try_call(method, params).expect("an answer");
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }
}

fn operator(network: &Network, args: &[&str]) -> String {
    let own = std::env::current_exe().expect("the test knows its own path");
    let release = own.parent().and_then(std::path::Path::parent).expect("target/<profile>/deps");
    let output = Command::new(release.join("titian-node"))
        .args(args)
        .arg("--config")
        .arg(network.folder.join("node-sg/config.toml"))
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Adds the issuer to the configuration; gives the bearer of a token for it.
fn configure(network: &Network) -> String {
    let node = network.folder.join("node-sg");
    let wallet = fs::read(network.folder.join("wallet.json")).expect("the wallet");
    let wallet: Value = serde_json::from_slice(&wallet).expect("JSON");
    let keys = wallet["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["party"] == "SG:ACRA" && key["number"] == 1);
    let secret = key.and_then(|key| key["secret"].as_str()).expect("the key of SG:ACRA");
    let seed: [u8; 32] = decode_fixed(secret).expect("32 bytes");
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(node.join("acra.key"));
    file.expect("a new file").write_all(hex::encode(seed).as_bytes()).expect("written");
    let path = node.join("config.toml");
    let config = fs::read_to_string(&path).expect("the configuration");
    let config = config.replace("interval_heights = 1000", "interval_heights = 10");
    let issuer = format!(
        "\n[log]\nlevel = \"info,titian_node=trace,custody=trace\"\n\n[[issuer]]\nname = \"acra\"\n\
         did = \"{ISSUER}\"\nkey = \"k1\"\nkey_file = \"acra.key\"\n\n[[issuer.type]]\n\
         name = \"AEOAuthorisation\"\npurpose = \"trade\"\nlegal_basis = \"Act 1\"\n\n\
         [[issuer.type]]\nname = \"AuthorisedRepresentative\"\npurpose = \"mandates\"\n\
         legal_basis = \"Act 2\"\n"
    );
    fs::write(&path, config + &issuer).expect("written");
    assert!(operator(network, &["check-config"]).contains("issuer acra for did:ubin:SG:ACRA"));
    let mut args = vec!["token", "--name", "gate", "--issuer", ISSUER, "--days", "1"];
    for scope in ["vc:issue", "vc:status", "vc:custody"] {
        args.extend(["--scope", scope]);
    }
    format!("Bearer {}", operator(network, &args).trim())
}

fn now_ms() -> u64 {
    let age = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    u64::try_from(age.as_millis()).expect("ms since 1970 fit")
}

fn aeo(id: &str) -> Value {
    let mut credential: Value = serde_json::from_str(AEO).expect("JSON");
    let now = now_ms();
    credential["id"] = json!(id);
    credential["issuer"] = json!(ISSUER);
    credential["validFrom"] = json!(rfc3339(now - 5_000));
    credential["validUntil"] = json!(rfc3339(now + 300 * 86_400_000));
    credential.as_object_mut().expect("an object").remove("credentialStatus");
    credential
}

fn mandate() -> Value {
    let mut claims: Value = serde_json::from_str(MANDATE).expect("JSON");
    let now_s = now_ms() / 1_000;
    claims["iss"] = json!(ISSUER);
    claims["iat"] = json!(now_s - 5);
    claims["nbf"] = json!(now_s - 5);
    claims["exp"] = json!(now_s + 300 * 86_400);
    claims["given_name"] = json!(MARKER);
    claims.as_object_mut().expect("an object").remove("status");
    claims
}

#[test]
fn t13_what_is_issued_survives_kill_9_and_what_is_erased_is_in_no_file() {
    println!("seed {SEED}");
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let office = Office::open(temporary.path().join("net"));
    let mut state = SEED;
    // id -> request, and what was acknowledged for it
    let mut asked: Vec<(String, Value)> = Vec::new();
    let mut acknowledged: BTreeMap<String, Value> = BTreeMap::new();
    for kill in 0..KILLS {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment = Duration::from_millis(100 + (state >> 33) % 900);
        let log = Mutex::new((&mut asked, &mut acknowledged));
        std::thread::scope(|scope| {
            let (office, log) = (&office, &log);
            scope.spawn(move || {
                for i in 0..10_000 {
                    let id = format!("urn:test:{kill}:{i}");
                    let params = json!({"credential": aeo(&id), "form": "vc+jwt"});
                    log.lock().expect("no panic").0.push((id.clone(), params.clone()));
                    match office.try_call("vc_issue", params) {
                        Some(answer) if answer["result"].is_object() => {
                            log.lock().expect("no panic").1.insert(id, answer["result"].clone());
                        }
                        Some(answer) => panic!("{answer}"),
                        None => return,
                    }
                }
            });
            // nobody sends: the wait ends at the moment
            let (_silent, never) = mpsc::channel::<()>();
            let _ = never.recv_timeout(moment);
            office.network.kill(0);
        });
        office.up();
    }
    assert!(acknowledged.len() > KILLS, "{} were acknowledged", acknowledged.len());
    // what was acknowledged is there as it was; what was not can be asked for again
    let mut entries: BTreeMap<String, String> = BTreeMap::new();
    for (id, params) in &asked {
        let issued = office.done("vc_issue", params.clone());
        if let Some(before) = acknowledged.get(id) {
            assert_eq!(&issued, before, "{id}");
            let kept = office.done("vc_credential", json!({"id": id}));
            assert_eq!(kept["credential"], before["credential"]);
        }
        for entry in issued["status"].as_array().expect("entries") {
            let place = format!("{}#{}", entry["list"], entry["index"]);
            if let Some(other) = entries.insert(place.clone(), id.clone()) {
                panic!("{place} was handed out to {other} and to {id}");
            }
        }
    }
    println!("{} asked for, {} acknowledged", asked.len(), acknowledged.len());
    erase_and_search(&office);
}

/// Marked values through a whole life, then a look into every file.
fn erase_and_search(office: &Office) {
    let mut credential = aeo(&format!("urn:example:{MARKER}"));
    credential["credentialSubject"]["programme"] = json!(MARKER);
    let aeo = office.done("vc_issue", json!({"credential": credential}));
    let id = format!("urn:mandate:{MARKER}");
    let mandate = office.done("vc_issue", json!({"claims": mandate(), "credentialId": id}));
    // the one is erased from the command line, the other over the interface
    let token = office.network.folder.join("gate.token").display().to_string();
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(&token);
    let text = office.bearer.trim_start_matches("Bearer ");
    file.expect("a new file").write_all(text.as_bytes()).expect("written");
    for issued in [&aeo, &mandate] {
        // a mandate without its holder is not verified under `ledger`
        let ask = json!({"credential": issued["credential"], "policy": "w3c"});
        let verdict = office.done("vc_verify", ask);
        assert_eq!(verdict["verified"], true, "{verdict}");
        office.done("vc_credential", json!({"id": issued["id"]}));
        let path = format!("/credentials/{}", issued["id"].as_str().expect("an id"));
        assert_eq!(office.get(&path), 200);
        if issued["id"] == aeo["id"] {
            let id = issued["id"].as_str().expect("an id");
            let erase = ["vc", "erase", id, "--token", &token, "--json"];
            let erased = office.network.done(&erase).json();
            assert_eq!(erased["erased"], true, "{erased}");
            assert!(erased["statusTxs"].as_array().is_some_and(|all| !all.is_empty()), "{erased}");
        } else {
            let erased = office.done("vc_erase", json!({"id": issued["id"]}));
            assert!(erased["statusTx"].is_string(), "{erased}");
        }
        let verdict = office.done("vc_verify", json!({"credential": issued["credential"]}));
        assert_eq!(verdict["checks"][5]["code"], "REVOKED", "{verdict}");
        // a request that is refused is not written down either
        let mut bad = credential.clone();
        bad["credentialSubject"][MARKER] = json!(MARKER);
        let refused = office.try_call("vc_issue", json!({"credential": bad})).expect("an answer");
        assert!(refused["error"].is_object() && !refused.to_string().contains(MARKER));
    }
    let report = office.network.done(&["vc", "privacy-report", "--token", &token, "--json"]);
    let report = report.json().to_string();
    assert!(report.contains("AEOAuthorisation") && report.contains("mandates"), "{report}");
    assert!(!report.contains(MARKER));
    let goal = office.network.height(0) + 12;
    office.network.wait("a snapshot is due", || office.network.height(0) > goal);
    office.network.done(&["devnet", "down"]);
    let node = office.network.folder.join("node-sg");
    assert!(node.join("data/snapshots").read_dir().is_ok_and(|mut all| all.next().is_some()));
    let log = fs::read_to_string(node.join("node.log")).expect("the log");
    // read over JSON-RPC and over REST, then erased: who, why and which record
    let of_aeo = custody_acts(&log, "trade");
    let of_mandate = custody_acts(&log, "mandates");
    assert_eq!(of_aeo.0, ["issue", "read", "read", "erase"]);
    assert_eq!(of_mandate.0, ["issue", "read", "read", "erase"]);
    assert_ne!(of_aeo.1, of_mandate.1, "each record has its own id");
    assert!(!log.contains("eyJ"), "no token is logged");
    assert_eq!(files_holding(&node, MARKER), Vec::<String>::new());
}

/// What was done to the record that custody's log names last for a purpose, and its id. Each line
/// says who did it, through which issuer, and nothing else.
fn custody_acts(log: &str, purpose: &str) -> (Vec<String>, String) {
    let entries = log.lines().filter_map(|line| {
        let (_, fields) = line.split_once(" custody: who=gate act=\"")?;
        let (act, fields) = fields.split_once("\" issuer=acra purpose=\"")?;
        let (why, record) = fields.split_once("\" record=")?;
        (why == purpose).then(|| (act.to_owned(), record.to_owned()))
    });
    let entries: Vec<(String, String)> = entries.collect();
    let (_, record) = entries.last().expect("custody logs").clone();
    assert!(record.len() == 64 && hex::decode(&record).is_ok(), "a record id ends it: {record}");
    let acts = entries.into_iter().filter(|(_, named)| *named == record);
    (acts.map(|(act, _)| act).collect(), record)
}
