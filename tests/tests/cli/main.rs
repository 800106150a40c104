//! The command line as a program: what it prints, and how it exits. No node runs; imports talk to a
//! ledger that is served in this process.
//!
//! The binary is the one beside this test: build the workspace first, as `make test` does.

mod devnet;
mod etr_verbs;
mod explain;
mod help;
mod key;
mod language;
mod node_tls;
mod proof_qr;
mod qr;
mod ubin;
mod ubin_consent;
mod ubin_import;
mod ubin_minimal;
mod ubin_options;
mod ubin_schemes;
mod vc;
mod vc_codes;
mod vc_desk;
mod vc_mandate;
mod vc_many;
mod vc_offline;
mod vc_supplied;
mod verify;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run of `titian` left.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// Standard output as one JSON document.
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}{}", self.stdout, self.stderr))
    }

    /// The last line of standard output as a JSON document.
    fn json_of_last_line(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}{}", self.stdout, self.stderr))
    }
}

/// The binary beside the test: `target/release/titian`.
fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("the test knows its own path");
    let folder = own.parent().and_then(Path::parent).expect("tests lie in target/<profile>/deps");
    let path = folder.join("titian");
    assert!(path.is_file(), "{} is missing: cargo build --release --workspace", path.display());
    path
}

/// Runs `titian` in `folder`, with no terminal and no configuration of this machine.
fn titian_in(folder: &Path, variables: &[(&str, &str)], args: &[&str]) -> Ran {
    let mut command = Command::new(binary());
    command.args(args).current_dir(folder).stdin(Stdio::null());
    for name in [
        "TITIAN_NODE",
        "TITIAN_WALLET",
        "TITIAN_DEVNET",
        "TITIAN_PASSPHRASE",
        "NO_COLOR",
        "TITIAN_LANG",
    ] {
        command.env_remove(name);
    }
    // a cheap key derivation: these wallets protect nothing
    command.env("TITIAN_WALLET_WORK_FACTOR", "4").env("HOME", folder).env_remove("XDG_DATA_HOME");
    command.env_remove("XDG_CONFIG_HOME");
    for (name, value) in variables {
        command.env(name, value);
    }
    let output = command.output().expect("the binary runs");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("output is UTF-8"),
    }
}

fn titian(args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().expect("a temporary folder");
    titian_in(folder.path(), &[], args)
}
