//! The processes of a devnet: start, look, stop.
//!
//! Invariant: a pid file alone proves nothing, for numbers are reused; a node is alive if the
//! process with its number runs with its configuration file.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, setsid};

use super::folder::{Folder, Node};
use crate::error::{CommandError, Result};

const STOP_TIMEOUT: Duration = Duration::from_secs(15);
const LOG_LINES_SHOWN: usize = 8;

/// The process of a node, if it is alive.
pub(crate) fn alive(folder: &Folder, node: &Node) -> Option<Pid> {
    let text = fs::read_to_string(folder.file(node, "node.pid")).ok()?;
    let number: i32 = text.trim().parse().ok()?;
    let command = fs::read(format!("/proc/{number}/cmdline")).ok()?;
    let config = folder.file(node, "config.toml");
    let config = config.as_os_str().as_encoded_bytes();
    let same = command.split(|byte| *byte == 0).any(|argument| argument == config);
    if same || (command.is_empty() && is_executing(number)) { Pid::from_raw(number) } else { None }
}

/// A process shows no command line while it becomes another program, and for good once it is dead
/// and nobody asked for its exit code. Its first thread may be dead before the others, which hold its
/// ports and its database until they are.
fn is_executing(number: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    let threads = || fs::read_dir(format!("/proc/{number}/task")).map_or(0, Iterator::count);
    state.is_some_and(|state| !matches!(state, 'Z' | 'X' | 'x') || threads() > 1)
}

/// The node binary: beside this one.
pub(crate) fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()
        .map_err(|error| CommandError::bug(format!("own path unknown: {error}")))?;
    let path = own.with_file_name("titian-node");
    if path.is_file() {
        Ok(path)
    } else {
        Err(CommandError::usage(format!("{} is missing", path.display()))
            .hint("cargo build --release --workspace builds both binaries"))
    }
}

/// Refuses if a port of a node is taken.
pub(crate) fn check_ports(node: &Node) -> Result<()> {
    for (use_, address) in node.listens() {
        if let Err(error) = TcpListener::bind(address) {
            return Err(CommandError::refused(format!(
                "port {} ({use_} of {}) is taken: {error}",
                address.port(),
                node.ams
            ))
            .hint("titian devnet up --dir DIR --base-port N makes a devnet on other ports")
            .hint("titian devnet down stops a devnet that still runs"));
        }
    }
    Ok(())
}

/// Starts a node detached from this process and its terminal.
pub(crate) fn start(folder: &Folder, node: &Node, binary: &Path) -> Result<()> {
    check_ports(node)?;
    let log_path = folder.file(node, "node.log");
    let log = fs::OpenOptions::new().create(true).append(true).open(&log_path);
    let log = log.map_err(|error| CommandError::file("write", &log_path, &error))?;
    let log_copy =
        log.try_clone().map_err(|error| CommandError::file("write", &log_path, &error))?;
    let own = std::env::current_exe()
        .map_err(|error| CommandError::bug(format!("own path unknown: {error}")))?;
    // this program again, which leaves the session and then becomes the node: same process id
    let child = Command::new(own)
        .args(["devnet", "exec"])
        .arg(binary)
        .arg(folder.file(node, "config.toml"))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(log_copy)
        .current_dir(folder.path())
        .spawn()
        .map_err(|error| CommandError::bug(format!("a process cannot be started: {error}")))?;
    let pid_path = folder.file(node, "node.pid");
    fs::write(&pid_path, format!("{}\n", child.id()))
        .map_err(|error| CommandError::file("write", &pid_path, &error))
}

/// Becomes the node: leaves the session of the caller, then executes the binary.
pub(crate) fn exec(binary: &Path, config: &Path) -> CommandError {
    if let Err(error) = setsid() {
        return CommandError::bug(format!("no new session: {error}"));
    }
    let error = Command::new(binary).arg("run").arg("--config").arg(config).exec();
    CommandError::usage(format!("{} does not start: {error}", binary.display()))
}

/// Stops nodes: asks all of them to end, waits, then ends those that do not.
pub(crate) fn stop(folder: &Folder, nodes: &[Node]) -> Result<u64> {
    let running: Vec<(&Node, Pid)> =
        nodes.iter().filter_map(|node| alive(folder, node).map(|pid| (node, pid))).collect();
    for (_, pid) in &running {
        let _ = kill_process(*pid, Signal::TERM);
    }
    let deadline = Instant::now() + STOP_TIMEOUT;
    for (node, pid) in &running {
        while alive(folder, node).is_some() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        if alive(folder, node).is_some() {
            let _ = kill_process(*pid, Signal::KILL);
        }
        while alive(folder, node).is_some() && Instant::now() < deadline + STOP_TIMEOUT {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = fs::remove_file(folder.file(node, "node.pid"));
    }
    Ok(running.len() as u64)
}

/// The last lines of a node's log.
pub(crate) fn log_end(folder: &Folder, node: &Node) -> String {
    let text = fs::read_to_string(folder.file(node, "node.log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LOG_LINES_SHOWN);
    lines.get(from..).unwrap_or_default().join("\n")
}
