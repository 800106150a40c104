//! The command line as a program, on a node of the test. The binary is the one beside this test:
//! build the workspace first, as `make test` does.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run of `titian` left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}{}", self.stdout, self.stderr))
    }
}

/// A program of the workspace in `folder`, with no terminal and no configuration of this machine.
pub(crate) fn program(name: &str, folder: &Path) -> Command {
    let own = std::env::current_exe().expect("the test knows its own path");
    let release = own.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let binary = release.join(name);
    assert!(binary.is_file(), "{} is missing: build the workspace", binary.display());
    let mut command = Command::new(binary);
    for name in ["TITIAN_NODE", "TITIAN_WALLET", "TITIAN_DEVNET", "TITIAN_CONFIG"] {
        command.env_remove(name);
    }
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// Runs `titian` in `folder`.
pub(crate) fn titian(folder: &Path, args: &[&str]) -> Ran {
    run(program("titian", folder).args(args))
}

/// Runs `titian-node` in `folder`.
pub(crate) fn titian_node(folder: &Path, args: &[&str]) -> Ran {
    run(program("titian-node", folder).args(args))
}

fn run(command: &mut Command) -> Ran {
    let output = command.output().expect("the binary runs");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
