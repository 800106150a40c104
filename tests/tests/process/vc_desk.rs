//! The desk of an issuing agency, and of who verifies what it issued: a devnet of one node and a
//! folder for its files.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Network, Ran};

pub(super) struct Desk {
    pub(super) network: Network,
    pub(super) out: PathBuf,
    _temporary: tempfile::TempDir,
}

impl Desk {
    pub(super) fn open() -> Self {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let network = Network::of_one(temporary.path().join("net"));
        Self { network, out: temporary.path().to_owned(), _temporary: temporary }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.out.join(name).display().to_string()
    }

    pub(super) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.out.join(name)).expect("a file").trim_end().to_owned()
    }

    /// Runs a command with a home of its own.
    pub(super) fn run(&self, args: &[&str]) -> Ran {
        let mut command = self.network.command(args);
        Ran::of(command.env("XDG_CONFIG_HOME", self.out.join("config")))
    }

    /// A command that must succeed; its JSON.
    pub(super) fn done(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.code, 0, "titian {args:?}: {}{}", ran.stdout, ran.stderr);
        ran.json()
    }

    /// A command that must be refused with this name.
    pub(super) fn refused(&self, args: &[&str], name: &str) {
        let ran = self.run(&[args, &["--json"]].concat());
        assert!([1, 2].contains(&ran.code), "titian {args:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.json()["error"]["name"], name, "titian {args:?}: {}", ran.stdout);
    }

    /// A verdict and its exit code.
    pub(super) fn verdict(&self, args: &[&str]) -> (i32, Value) {
        let ran = self.run(&[&["verify"][..], args, &["--json"]].concat());
        assert!([0, 3, 5].contains(&ran.code), "{args:?}: {}{}", ran.stdout, ran.stderr);
        (ran.code, ran.json())
    }

    /// Accredits an issuer for types, by the root of its state.
    pub(super) fn accredit(&self, issuer: &str, types: &[&str], rights: &str, class: &str) {
        let cc = &issuer[..2];
        let (first, second) = (format!("{cc}#k1"), format!("{cc}#k2"));
        let mut args = vec!["vc", "accreditation-grant", issuer];
        for name in types {
            args.extend(["--type", name]);
        }
        args.extend(["--rights", rights, "--class", class, "--until", "2035-12-31"]);
        args.extend(["--as", &first, "--as", &second, "--yes"]);
        self.done(&args);
    }

    pub(super) fn open_list(&self, owner: &str, profile: &str, bits: &str, name: &str) {
        let key = format!("{owner}#k1");
        self.done(&[
            "vc",
            "list-create",
            owner,
            "--profile",
            profile,
            "--size",
            bits,
            "--type",
            name,
            "--days",
            "3000",
            "--as",
            &key,
            "--yes",
        ]);
    }

    /// The claims of the example of a type, in a file.
    pub(super) fn claims(&self, name: &str) -> String {
        let mut claims = self.done(&["vc", "example", name]);
        if name == "ProfessionalQualification" {
            claims["awarding_body"] = json!("did:ubin:VN:NBR");
        }
        let file = self.path(&format!("{name}.claims.json"));
        std::fs::write(&file, claims.to_string()).expect("written");
        file
    }
}

/// The code of a check of a verdict.
pub(super) fn code(verdict: &Value, check: &str) -> String {
    let checks = verdict["checks"].as_array().expect("checks");
    let found = checks.iter().find(|found| found["name"] == check).expect("all twelve");
    found["code"].as_str().expect("a code").to_owned()
}
