//! Erasure of a credential while the network cannot decide: what is known of it here stays until its
//! revocation stands, for it could not be revoked by its id any more.

use serde_json::json;

use super::{Network, Ran};

/// A credential of the registrar that the demonstration accredits.
pub(super) struct Extract<'a> {
    network: &'a Network,
    id: String,
}

impl<'a> Extract<'a> {
    /// The extract of a business, issued from the wallet of the devnet.
    pub(super) fn issue(network: &'a Network, ubin: &str) -> Self {
        let out = network.folder.with_file_name("extract.json").display().to_string();
        let args = ["vc", "issue", "--record", ubin, "--as", "SG:ACRA#k1", "-o", &out, "--json"];
        let id = network.done(&args).json()["id"].as_str().expect("an id").to_owned();
        Self { network, id }
    }

    fn erase(&self, flags: &[&str]) -> Ran {
        let erase = ["vc", "erase", &self.id, "--as", "SG:ACRA#k1", "--yes", "--json"];
        self.network.run(&[&erase[..], flags].concat())
    }

    /// Whether the ledger says that it is revoked; asked by its id, which only who issued it can.
    fn is_revoked(&self) -> bool {
        let status = self.network.done(&["vc", "status", &self.id, "--json"]).json();
        status["value"] == json!(1)
    }

    /// While too few nodes are up.
    pub(super) fn is_not_erased_before_it_is_revoked(&self) {
        // nobody decides, so nothing would come of waiting
        let ran = self.erase(&["--no-wait"]);
        assert_eq!(ran.code, 5, "{}{}", ran.stdout, ran.stderr);
        let error = &ran.json()["error"];
        assert_eq!(error["name"], "PENDING", "{error}");
        assert!(error["message"].to_string().contains("nothing is erased"), "{error}");
        assert!(!self.is_revoked());
    }

    /// After they came back.
    pub(super) fn is_erased_once_it_is_revoked(&self) {
        self.network.wait("what was pending is decided", || self.is_revoked());
        let ran = self.erase(&[]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.json()["erased"], true, "{}", ran.stdout);
        assert_eq!(self.erase(&[]).json()["error"]["name"], "NOT_FOUND");
    }
}
