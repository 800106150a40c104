//! `titian devnet`: a throw-away network of real nodes on this machine.
//!
//! Every key lies in the clear in its folder; it is for development, demonstration and tests.

pub(crate) mod demo;
pub(crate) mod folder;
pub(crate) mod process;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use titian_api::ledger::Status;
use titian_api::{Nothing, call};

use crate::client::{Client, probe};
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, Tone, table};
use crate::session::Session;
use folder::{Folder, Node};

const BASE_PORT: u16 = 26_700;
const POLL: Duration = Duration::from_millis(100);

/// A throw-away network on this machine.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make and start a network; on an existing one start the nodes that are dead
    #[command(after_help = "Examples:
  titian devnet up
  titian devnet up --validators 7 --dir /tmp/net7 --base-port 27000")]
    Up {
        #[command(flatten)]
        place: Place,
        /// Number of validators: SG, MY, TH, VN first, then ID, PH, BN, KH, LA, MM, TL [default: 4]
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..=11), value_name = "N")]
        validators: Option<u16>,
        /// First of ten ports for each node [default: 26700, or that of the existing network]
        #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..))]
        base_port: Option<u16>,
        /// How long to wait until all nodes are ready, in seconds
        #[arg(long, default_value_t = 60, value_name = "SECONDS")]
        timeout: u64,
    },
    /// Stop all nodes; their data stay
    #[command(after_help = "Examples:
  titian devnet down
  titian devnet down --dir /tmp/net7")]
    Down {
        #[command(flatten)]
        place: Place,
    },
    /// Show which nodes run, and how far they are
    #[command(after_help = "Examples:
  titian devnet status
  titian devnet status --json")]
    Status {
        #[command(flatten)]
        place: Place,
    },
    /// Run the main job on a running network: register, accredit, issue, transfer, prove
    #[command(after_help = "Examples:
  titian devnet up && titian devnet demo
  titian devnet demo --dir /tmp/net7 --out /tmp/proofs")]
    Demo {
        #[command(flatten)]
        place: Place,
        /// Where to write proofs [default: demo-<n> in the devnet's folder]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    #[command(hide = true)]
    Exec { binary: PathBuf, config: PathBuf },
}

/// Where the devnet is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Place {
    /// Folder of the devnet [default: that of --devnet, else ./net]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Place {
    fn path(&self, session: &Session) -> PathBuf {
        let named = self.dir.as_deref().or(session.devnet());
        named.unwrap_or(Path::new("net")).to_owned()
    }
}

/// Runs `titian devnet`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::Up { place, validators, base_port, timeout } => {
            up(session, &place.path(session), *validators, *base_port, *timeout)
        }
        Command::Down { place } => down(session, &Folder::open(&place.path(session))?),
        Command::Status { place } => status(session, &Folder::open(&place.path(session))?),
        Command::Demo { place, out } => {
            let folder = Folder::open(&place.path(session))?;
            demo::run(session.output, folder, out.as_deref())
        }
        Command::Exec { binary, config } => Err(process::exec(binary, config)),
    }
}

fn up(
    session: &Session,
    path: &Path,
    validators: Option<u16>,
    base_port: Option<u16>,
    timeout_s: u64,
) -> Result<Report> {
    let folder = match Folder::find(path)? {
        Some(folder) => {
            let count = folder.nodes().len();
            if validators.is_some_and(|wanted| usize::from(wanted) != count) {
                return Err(CommandError::usage(format!(
                    "the devnet in {} has {count} validators",
                    path.display()
                ))
                .hint("--dir DIR makes another devnet"));
            }
            if base_port.is_some_and(|wanted| wanted != folder.base_port()) {
                return Err(CommandError::usage(format!(
                    "the devnet in {} has its ports from {} on",
                    path.display(),
                    folder.base_port()
                ))
                .hint("--dir DIR makes another devnet"));
            }
            folder
        }
        None => {
            Folder::check_vacant(path)?;
            process::binary()?;
            Folder::create(path, validators.unwrap_or(4), base_port.unwrap_or(BASE_PORT))?
        }
    };
    let started = start_dead(&folder)?;
    let statuses = wait_ready(session, &folder, Duration::from_secs(timeout_s))?;
    let mut lines = vec![format!(
        "{} {} with {} validators ({started} started) in {}",
        session.output.paint(Tone::Good, "up:"),
        folder.chain(),
        folder.nodes().len(),
        folder.path().display()
    )];
    lines.extend(
        folder.nodes().iter().zip(&statuses).map(|(node, status)| {
            format!("  {}  {}  height {}", node.ams, node.url(), status.height)
        }),
    );
    lines.push("next: titian devnet demo, titian ledger status, titian devnet down".to_owned());
    let json = json!({
        "chain": folder.chain(),
        "dir": folder.path(),
        "genesis": folder.genesis(),
        "started": started,
        "nodes": nodes_json(&folder, &statuses),
    });
    Ok(Report::new(lines.join("\n"), json))
}

fn nodes_json(folder: &Folder, statuses: &[Status]) -> serde_json::Value {
    let nodes = folder.nodes().iter().zip(statuses);
    nodes
        .map(
            |(node, status)| json!({ "ams": node.ams, "url": node.url(), "height": status.height }),
        )
        .collect()
}

/// Starts every node that is not alive; answers how many.
pub(crate) fn start_dead(folder: &Folder) -> Result<u64> {
    let binary = process::binary()?;
    let mut started = 0;
    for node in folder.nodes() {
        if process::alive(folder, node).is_none() {
            process::start(folder, node, &binary)?;
            started += 1;
        }
    }
    Ok(started)
}

/// Waits until every node is ready and has decided a block since; answers their statuses.
pub(crate) fn wait_ready(
    session: &Session,
    folder: &Folder,
    timeout: Duration,
) -> Result<Vec<Status>> {
    let deadline = Instant::now() + timeout;
    let spinner = session.output.spinner("waiting for the nodes");
    let mut first: Option<u64> = None;
    loop {
        if let Some(dead) =
            folder.nodes().iter().find(|node| process::alive(folder, node).is_none())
        {
            spinner.finish_and_clear();
            return Err(CommandError::refused(format!(
                "the node of {} ended; its log says:\n{}",
                dead.ams,
                process::log_end(folder, dead)
            ))
            .hint(format!("the whole log: {}", folder.file(dead, "node.log").display())));
        }
        let statuses: Vec<Option<Status>> = folder.nodes().iter().map(ready_status).collect();
        let ready: Vec<Status> = statuses.iter().flatten().cloned().collect();
        if ready.len() == folder.nodes().len() {
            let lowest = ready.iter().map(|status| status.height).min().unwrap_or(0);
            let highest = ready.iter().map(|status| status.height).max().unwrap_or(0);
            let start = *first.get_or_insert(highest);
            if lowest > start {
                spinner.finish_and_clear();
                return Ok(ready);
            }
        }
        let words: Vec<String> = folder
            .nodes()
            .iter()
            .zip(&statuses)
            .map(|(node, status)| match status {
                Some(status) => format!("{} {}", node.ams, status.height),
                None => format!("{} …", node.ams),
            })
            .collect();
        spinner.set_message(words.join("  "));
        if Instant::now() > deadline {
            spinner.finish_and_clear();
            return Err(CommandError::new(
                Kind::NoNode,
                format!(
                    "not all nodes are ready after {} s: {}",
                    timeout.as_secs(),
                    words.join(", ")
                ),
            )
            .hint(format!("logs: {}/node-*/node.log", folder.path().display()))
            .hint("titian devnet status; --timeout waits longer"));
        }
        std::thread::sleep(POLL);
    }
}

/// The status of a node that says it is ready.
fn ready_status(node: &Node) -> Option<Status> {
    match probe(node.rpc(), "/readyz") {
        Some((200, _)) => node_status(node),
        _ => None,
    }
}

/// The status of a node, if it answers.
pub(crate) fn node_status(node: &Node) -> Option<Status> {
    Client::new(&node.url()).ok()?.ask::<call::LedgerStatus>(&Nothing {}).ok()
}

fn down(session: &Session, folder: &Folder) -> Result<Report> {
    let spinner = session.output.spinner("stopping the nodes");
    let stopped = process::stop(folder, folder.nodes())?;
    spinner.finish_and_clear();
    let text = format!("down: {stopped} nodes stopped; titian devnet up starts them again");
    Ok(Report::new(text, json!({ "stopped": stopped, "dir": folder.path() })))
}

fn status(session: &Session, folder: &Folder) -> Result<Report> {
    let heading = ["AMS", "STATE", "PID", "HEIGHT", "PEERS", "URL", "STATE ROOT"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut list = Vec::new();
    for node in folder.nodes() {
        let pid = process::alive(folder, node).map(|pid| pid.as_raw_nonzero().get());
        let answer = pid.and_then(|_| node_status(node));
        let state = match (&pid, &answer) {
            (None, _) => "stopped",
            (Some(_), None) => "starting",
            (Some(_), Some(status)) if status.ready => "ready",
            (Some(_), Some(_)) => "not ready",
        };
        let tone = if state == "ready" { Tone::Good } else { Tone::Bad };
        let root = answer.as_ref().map(|status| {
            format!("{} after {}", short(&status.state_root), status.state_root_height)
        });
        let number = |value: Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
        rows.push(vec![
            node.ams.clone(),
            session.output.paint(tone, state),
            pid.map_or("-".to_owned(), |pid| pid.to_string()),
            number(answer.as_ref().map(|status| status.height)),
            number(answer.as_ref().map(|status| status.peers)),
            node.url(),
            root.unwrap_or_else(|| "-".to_owned()),
        ]);
        list.push(json!({
            "ams": node.ams,
            "state": state,
            "pid": pid,
            "url": node.url(),
            "status": answer,
            "log": folder.file(node, "node.log"),
        }));
    }
    let text = format!("{} in {}\n{}", folder.chain(), folder.path().display(), table(&rows));
    let json = json!({
        "chain": folder.chain(),
        "dir": folder.path(),
        "genesis": folder.genesis(),
        "wallet": folder.wallet(),
        "nodes": list,
    });
    Ok(Report::new(text, json))
}

/// The first characters of a digest.
fn short(digest: &str) -> &str {
    digest.get(..15).unwrap_or(digest)
}
