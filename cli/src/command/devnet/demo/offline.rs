//! Proofs: made by a node, checked with every node switched off.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use titian_api::ledger::{ProveParams, TxParams};
use titian_api::{call, etr, ubin, vc};
use titian_contracts::ubin::identifier;
use titian_contracts::ubin::scheme::SchemeTable;

use super::{Demo, connect, credentials, unexpected};
use crate::command::devnet::{process, start_dead, wait_ready};
use crate::command::ledger::write_bundle;
use crate::document;
use crate::error::{CommandError, Result};

/// A number of the right form that no company of the demonstration has.
const UNREGISTERED: (&str, &str, &str) = ("SG", "UEN", "199403865N");
const RESTART: Duration = Duration::from_secs(60);

/// Writes proofs, stops every node, verifies the files, damages them, starts the nodes again.
pub(super) fn proofs_without_nodes(demo: &mut Demo, companies: &[String]) -> Result<()> {
    let files = write_proofs(demo, companies)?;
    verify_offline(demo, &files)?;
    judge_credentials(demo)?;
    restart(demo)
}

fn write_proofs(demo: &mut Demo, companies: &[String]) -> Result<Vec<PathBuf>> {
    let since = Instant::now();
    let client = demo.first().client()?;
    let mut bundles: Vec<(&str, Json)> = Vec::new();
    let prove = |ubin: &str| {
        let params =
            ubin::ProveParams { ubin: Some(ubin.to_owned()), ..ubin::ProveParams::default() };
        client.ask::<call::UbinProve>(&params).map(|answer| Json::Object(answer.bundle))
    };
    bundles.push(("proof-registered.json", prove(companies.first().map_or("", String::as_str))?));
    let (cc, scheme, number) = UNREGISTERED;
    let absent = identifier::make(cc, scheme, number, &SchemeTable::genesis())
        .map_err(|error| CommandError::bug(error.code.name()))?;
    bundles.push(("proof-not-registered.json", prove(&absent.ubin.to_string())?));
    let entry = document::read_json(&demo.out.join("revoked-entry.json"))?;
    let params = vc::StatusParams {
        list: document::text(&entry, "/list").unwrap_or_default().to_owned(),
        index: entry.get("index").and_then(Json::as_u64).unwrap_or(0),
        height: None,
        proof: true,
    };
    let mut status = client.ask::<call::VcStatus>(&params)?;
    let bundle = status.remove("proof").ok_or_else(|| unexpected("no proof of the status"))?;
    bundles.push(("proof-revoked.json", bundle));
    let id = document::read(&demo.out.join("bill-of-lading.id"))?;
    let id = String::from_utf8_lossy(&id).trim().to_owned();
    let params =
        etr::ProveParams { kind: "status".to_owned(), id: Some(id), ..etr::ProveParams::default() };
    let answer = client.ask::<call::EtrProve>(&params)?;
    bundles.push(("proof-surrendered.json", Json::Object(answer.bundle)));
    let last = demo.acknowledged.last().cloned();
    let params = ProveParams {
        kind: "ledger-transaction".to_owned(),
        subject: last,
        ..ProveParams::default()
    };
    let answer = client.ask::<call::LedgerProve>(&params)?;
    bundles.push(("proof-transaction.json", Json::Object(answer.bundle)));
    let mut files = Vec::new();
    let mut lines = Vec::new();
    for (name, bundle) in bundles {
        let path = demo.out.join(name);
        write_bundle(&path, bundle)?;
        let bytes = document::read(&path)?.len();
        lines.push(format!("{name}: {bytes} bytes"));
        files.push(path);
    }
    demo.step("proofs written", since, &lines);
    Ok(files)
}

/// Verifies each file as a stranger would: another process, the genesis file, no node.
fn verify_offline(demo: &mut Demo, files: &[PathBuf]) -> Result<()> {
    let since = Instant::now();
    process::stop(&demo.folder, demo.folder.nodes())?;
    let running = demo.folder.nodes().iter().filter(|n| process::alive(&demo.folder, n).is_some());
    if running.count() != 0 {
        return Err(unexpected("a node does not stop"));
    }
    let genesis = demo.folder.genesis();
    let damaged = demo.out.join("damaged.json");
    let mut lines = vec![format!("all {} nodes stopped", demo.folder.nodes().len())];
    for file in files {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let code = verify_as_stranger(file, &genesis)?;
        if code != 0 {
            return Err(unexpected(format!("{name} does not verify: exit code {code}")));
        }
        let mut bytes = document::read(file)?;
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 1;
        }
        std::fs::write(&damaged, &bytes)
            .map_err(|error| CommandError::file("write", &damaged, &error))?;
        let flipped = verify_as_stranger(&damaged, &genesis)?;
        if flipped != 3 {
            return Err(unexpected(format!(
                "{name} with one bit flipped: exit code {flipped}, not 3"
            )));
        }
        lines.push(format!("{name}: proven (exit 0); one bit flipped: not proven (exit 3)"));
    }
    let _ = std::fs::remove_file(&damaged);
    demo.step(
        "proofs verified with every node stopped, from the genesis file alone",
        since,
        &lines,
    );
    Ok(())
}

/// Credentials by the trust bundles, with every node stopped: verified before the revocation,
/// rejected after it, and the older bundle is not taken any more.
fn judge_credentials(demo: &mut Demo) -> Result<()> {
    let since = Instant::now();
    let config = demo.out.join("config");
    let mut lines = Vec::new();
    for (name, bundle, expected, says) in [
        (credentials::TOKEN, credentials::BUNDLE, 0, "verified"),
        (credentials::PRESENTATION, credentials::BUNDLE, 0, "verified"),
        (credentials::TOKEN, credentials::BUNDLE_AFTER, 3, "rejected: REVOKED"),
        (credentials::PRESENTATION, credentials::BUNDLE_AFTER, 0, "verified"),
        (credentials::TOKEN, credentials::BUNDLE, 3, "refused: older than the one before"),
    ] {
        let offline = demo.out.join(bundle).display().to_string();
        let more = ["--offline", offline.as_str()];
        let code = run_verify(&demo.out.join(name), &demo.folder.genesis(), &more, &config)?;
        if code != expected {
            return Err(unexpected(format!(
                "{name} by {bundle}: exit code {code}, not {expected}"
            )));
        }
        lines.push(format!("{name} by {bundle}: {says} (exit {code})"));
    }
    demo.step("credentials judged with every node stopped, from trust bundles", since, &lines);
    Ok(())
}

fn verify_as_stranger(file: &Path, genesis: &Path) -> Result<i32> {
    run_verify(file, genesis, &[], Path::new(""))
}

/// `titian verify` in a process of its own, with its own memory of what it trusts.
fn run_verify(file: &Path, genesis: &Path, more: &[&str], config: &Path) -> Result<i32> {
    let own = std::env::current_exe()
        .map_err(|error| CommandError::bug(format!("own path unknown: {error}")))?;
    let status = Command::new(own)
        .args(["verify", "--json"])
        .arg(file)
        .arg("--genesis")
        .arg(genesis)
        .args(more)
        .env("XDG_CONFIG_HOME", config)
        .env_remove("TITIAN_NODE")
        .env_remove("TITIAN_DEVNET")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| CommandError::bug(format!("a process cannot be started: {error}")))?;
    Ok(status.code().unwrap_or(-1))
}

/// Starts the nodes again: nothing that was acknowledged is lost, all roots agree, blocks flow.
fn restart(demo: &mut Demo) -> Result<()> {
    let since = Instant::now();
    let started = start_dead(&demo.folder)?;
    let statuses = wait_ready(demo.first(), &demo.folder, RESTART)?;
    // the old connections lead to processes that are gone
    demo.sessions = connect(demo.output, &demo.folder)?;
    demo.catch_up(demo.first())?;
    let client = demo.first().client()?;
    for tx_id in &demo.acknowledged {
        let receipt = client.ask::<call::LedgerReceipt>(&TxParams { tx_id: tx_id.clone() })?;
        if !receipt.ok {
            return Err(unexpected(format!("{tx_id} was acknowledged and is now refused")));
        }
    }
    let heights: Vec<String> = demo
        .folder
        .nodes()
        .iter()
        .zip(&statuses)
        .map(|(node, status)| format!("{} {}", node.ams, status.height))
        .collect();
    let lines = [
        format!("{started} nodes started; blocks flow: {}", heights.join(", ")),
        format!("all {} acknowledged transactions are there", demo.acknowledged.len()),
    ];
    demo.height = statuses.iter().map(|status| status.height).max().unwrap_or(demo.height);
    demo.step("the network resumes by itself", since, &lines);
    Ok(())
}
