//! The figures: a Markdown table for people, flat keys for programs.

use std::collections::BTreeMap;

use anyhow::Result;

/// Key, what it is, unit, digits after the point.
const ROWS: [(&str, &str, &str, usize); 65] = [
    ("ops_per_s_4v", "Operations, four validators", "1/s", 0),
    (
        "baseline_malachite_ops_per_s_4v",
        "Malachite alone, four validators, 300-byte payloads, nothing executed or stored",
        "1/s",
        0,
    ),
    ("ops_per_s_1v", "Operations, one validator", "1/s", 0),
    ("submit_p50_ms_idle", "Submit to receipt, idle, p50 (4 validators)", "ms", 0),
    ("submit_p99_ms_idle", "Submit to receipt, idle, p99", "ms", 0),
    ("submit_p50_ms_70", "Submit to receipt at 70 % load, p50", "ms", 0),
    ("submit_p99_ms_70", "Submit to receipt at 70 % load, p99", "ms", 0),
    ("bytes_per_op", "Bytes on disk per operation and node", "B", 0),
    ("cpu_ms_per_op", "CPU per operation, all four nodes", "ms", 3),
    ("cpu_ms_per_op_1v", "CPU per operation, one node alone", "ms", 3),
    ("rss_mib", "Memory of a node, peak (4 validators)", "MiB", 0),
    ("rss_mib_1v", "Memory of a node, peak (1 validator)", "MiB", 0),
    ("reads_per_s", "Reads (`ubin_get`) at one node", "1/s", 0),
    (
        "rules_check_us",
        "Rules alone, one core: parse and verify signatures, per operation",
        "µs",
        0,
    ),
    ("rules_execute_us", "Rules alone, one core: execute, per operation", "µs", 0),
    ("proof_make_us", "Make a proof of one record", "µs", 0),
    ("proof_verify_us", "Verify it, certificate included", "µs", 0),
    ("validate_records_per_s", "Import: parse, hash and check records, all cores", "1/s", 0),
    ("import_records_per_s", "Import of companies through one validator", "1/s", 0),
    ("import_rss_mib", "Memory of the node, peak, at the end of it", "MiB", 0),
    ("import_bytes_per_record", "Bytes on disk per imported record", "B", 0),
    ("ops_per_s_1v_1m", "Operations, one validator, with what was imported", "1/s", 0),
    ("ops_per_s_1v_beside", "The same on an empty ledger, in turns with it", "1/s", 0),
    ("throughput_share_1m", "The first as a share of the second", "", 2),
    ("search_index_build_s", "Make the index of names anew", "s", 1),
    ("search_p50_ms", "Search for a name with a mistake, p50", "ms", 2),
    ("search_p99_ms", "Search for a name with a mistake, p99", "ms", 2),
    ("search_bytes_per_name", "Bytes of the index per name", "B", 0),
    ("ubin_get_p99_ms", "Read of a record by its number, in the node, p99", "ms", 3),
    ("ubin_get_rpc_p99_ms", "Read of a record by its number, over JSON-RPC, p99", "ms", 3),
    ("proof_asof_make_us", "Make a proof of a counter at an earlier height", "µs", 0),
    ("proof_asof_verify_us", "Verify it, with the certificates of four headers", "µs", 0),
    ("proof_history_make_us", "Make a proof of all versions of a record", "µs", 0),
    ("vc_verify_strict_per_s", "Ed25519, strict, per core", "1/s", 0),
    ("vc_jcs_verify_per_s", "Credential, eddsa-jcs-2022: verify, per core", "1/s", 0),
    ("npm_jcs_verify_per_s", "The same by @digitalbazaar/vc", "1/s", 0),
    ("vc_jcs_issue_per_s", "Credential, eddsa-jcs-2022: issue, per core", "1/s", 0),
    ("npm_jcs_issue_per_s", "The same by @digitalbazaar/vc", "1/s", 0),
    ("vc_rdfc_verify_per_s", "Credential, eddsa-rdfc-2022: verify, per core", "1/s", 0),
    ("npm_rdfc_verify_per_s", "The same by @digitalbazaar/vc", "1/s", 0),
    ("vc_rdfc_issue_per_s", "Credential, eddsa-rdfc-2022: issue, per core", "1/s", 0),
    ("npm_rdfc_issue_per_s", "The same by @digitalbazaar/vc", "1/s", 0),
    ("vc_jwt_verify_per_s", "Credential, vc+jwt: verify, per core", "1/s", 0),
    ("npm_jwt_verify_per_s", "The same by jose (signature only)", "1/s", 0),
    ("vc_jwt_issue_per_s", "Credential, vc+jwt: issue, per core", "1/s", 0),
    ("npm_jwt_issue_per_s", "The same by jose (signature only)", "1/s", 0),
    ("vc_sd_jwt_verify_per_s", "SD-JWT VC with key binding: verify, per core", "1/s", 0),
    ("npm_sd_jwt_verify_per_s", "The same by @sd-jwt/sd-jwt-vc", "1/s", 0),
    ("vc_sd_jwt_issue_per_s", "SD-JWT VC, five disclosures: issue, per core", "1/s", 0),
    ("npm_sd_jwt_issue_per_s", "The same by @sd-jwt/sd-jwt-vc", "1/s", 0),
    ("vc_status_decode_per_s", "Status list of 131,072: unpack and read one, per core", "1/s", 0),
    ("npm_status_decode_per_s", "The same by vc-bitstring-status-list", "1/s", 0),
    ("vc_status_chunk_per_s", "Status from state in memory, per core", "1/s", 0),
    ("vc_ledger_verdict_per_s", "Whole verdict, policy ledger, vc+jwt, per core", "1/s", 0),
    ("vc_bundle_ms", "Read and verify a trust bundle of 1 MiB", "ms", 1),
    ("vc_cli_start_ms", "`titian verify --offline`, start to end, p50 (aim 50)", "ms", 1),
    ("vc_jcs_verify_share", "eddsa-jcs-2022 verify, as a share of strict Ed25519", "", 2),
    ("etr_transfers_per_s_4v", "Completed transfers of records, four validators", "1/s", 0),
    ("etr_transfers_per_s_1v", "Completed transfers of records, one validator", "1/s", 0),
    (
        "etr_kernel_acts_per_s",
        "Acts on records, rules alone, one core, signatures included",
        "1/s",
        0,
    ),
    ("etr_kernel_share", "The same, as a share of strict Ed25519 verifications", "", 2),
    ("etr_control_make_us", "Make a proof of control", "µs", 0),
    ("etr_control_verify_us", "Verify it, certificate included", "µs", 0),
    ("etr_history_make_ms", "Make a proof of a record with 100 transfers", "ms", 2),
    ("etr_history_verify_ms", "Verify it", "ms", 2),
];

/// What was measured.
#[derive(Debug)]
pub(crate) struct Report {
    machine: String,
    block_time_ms: u64,
    figures: BTreeMap<String, f64>,
    acts: BTreeMap<String, u64>,
    notes: Vec<String>,
}

impl Report {
    /// Nothing measured yet.
    pub(crate) const fn new(machine: String, block_time_ms: u64) -> Self {
        Self {
            machine,
            block_time_ms,
            figures: BTreeMap::new(),
            acts: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    /// Takes in a figure.
    pub(crate) fn figure(&mut self, key: &str, value: f64) {
        eprintln!("  {key} {value:.3}");
        self.figures.insert(key.to_owned(), value);
    }

    /// Takes in what was executed.
    pub(crate) fn mix(&mut self, acts: &BTreeMap<String, u64>) {
        for (act, count) in acts {
            *self.acts.entry(act.clone()).or_insert(0) += count;
        }
    }

    /// Takes in a remark.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The figures with flat keys.
    pub(crate) fn json(&self) -> Result<String> {
        let rounded: BTreeMap<&str, f64> = self
            .figures
            .iter()
            .map(|(key, value)| (key.as_str(), (value * 1000.0).round() / 1000.0))
            .collect();
        Ok(serde_json::to_string_pretty(&rounded)? + "\n")
    }

    /// The table, with its set-up.
    pub(crate) fn markdown(&self) -> String {
        let acts: Vec<String> =
            self.acts.iter().map(|(act, count)| format!("{act} {count}")).collect();
        let mut text = format!(
            "Titian {}, Malachite 0.8.2, RocksDB 11; {}. Nodes and clients share the machine; blocks \
             at least {} ms apart; every height synced to disk. Executed in all: {}.\n\n\
             | What | Figure | Unit |\n|---|---:|---|\n",
            env!("CARGO_PKG_VERSION"),
            self.machine,
            self.block_time_ms,
            acts.join(", "),
        );
        for (key, what, unit, digits) in ROWS {
            if let Some(value) = self.figures.get(key) {
                text.push_str(&format!("| {what} | {value:.digits$} | {unit} |\n"));
            }
        }
        for note in &self.notes {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }
}
