//! `titian key`: keys in the wallet, and their binding on the ledger.
//!
//! A key is born here, bound by an authority (which sees the public part and a proof of
//! possession only), and signs from here. Its number N in `PARTY#kN` is the ledger's.
//!
//! - this file: the subcommands; `held`: in the wallet; `bound`: on the ledger; `cosign`: ops of others.

mod bound;
mod cosign;
mod held;

use std::path::PathBuf;

use crate::act::SigningArgs;
use crate::error::Result;
use crate::output::Report;
use crate::session::Session;
use crate::wallet::{Algorithm, KeyRef};
pub(super) use bound::learn;
pub(crate) use bound::{learn_numbers, party_version};

/// Keys of the wallet and on the ledger.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a key; writes the request by which its authority binds it
    #[command(after_help = "Examples:
  titian key new SG-UEN-199403865N-G7 -o request.json
  titian key new SG:CUSTOMS --purpose invoke --purpose assert --scope vc.list_set
  titian key new SG:CUSTOMS --alg P-256 --purpose assert -o request.json
  titian key new SG-UEN-199403865N-G7 --insecure-devnet --wallet ./dev.json")]
    New(NewArgs),
    /// List the keys of the wallet
    #[command(after_help = "Examples:
  titian key list
  titian key list --json")]
    List,
    /// Write a key to a file: its public part, or with --secret the key itself, encrypted
    #[command(after_help = "Examples:
  titian key export SG-UEN-199403865N-G7#k1 -o request.json
  titian key export SG-UEN-199403865N-G7#k1 --secret -o backup.age
  titian key export SG:CUSTOMS#k1 --for-node -o customs-k1.key")]
    Export {
        /// The key
        key: KeyRef,
        /// The private key too; the file is encrypted with a passphrase
        #[arg(long)]
        secret: bool,
        /// The private key in the clear, as the key file of a node that issues with it
        #[arg(long, conflicts_with = "secret")]
        for_node: bool,
        /// Where to write it
        #[arg(short, long = "out", value_name = "FILE")]
        out: PathBuf,
    },
    /// Take the keys of another wallet or of an exported file into this wallet
    #[command(after_help = "Examples:
  titian key import backup.age")]
    Import {
        /// A wallet or an exported key
        file: PathBuf,
    },
    /// Show the keys of a party on the ledger, and which of them this wallet holds
    #[command(after_help = "Examples:
  titian key status SG:ACRA")]
    Status {
        /// The party
        party: KeyRef,
    },
    /// Bind new keys to a party: by the registrar of a business, by the root of an authority
    #[command(after_help = "Examples:
  titian key bind request.json --as SG:ACRA
  titian key bind request.json --dry-run")]
    Bind {
        /// Request made by `titian key new`
        request: PathBuf,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Replace keys of a party by new ones
    #[command(after_help = "Examples:
  titian key rotate SG-UEN-199403865N-G7 --retire k1
  titian key rotate SG:CUSTOMS --retire k1 --overlap-days 7 --as SG:CUSTOMS#k2")]
    Rotate {
        /// The party
        party: KeyRef,
        /// Key that ends; repeat it for several
        #[arg(long, value_name = "kN", required = true)]
        retire: Vec<String>,
        /// How long the old keys stay usable, in days
        #[arg(long, default_value_t = 0, value_name = "DAYS")]
        #[arg(value_parser = clap::value_parser!(u64).range(0..=30))]
        overlap_days: u64,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// End a key at once
    #[command(after_help = "Examples:
  titian key revoke SG-UEN-199403865N-G7#k1 --reason compromised")]
    Revoke {
        /// The key, PARTY#kN
        key: KeyRef,
        /// retired or compromised
        #[arg(long, default_value = "retired", value_parser = ["retired", "compromised"])]
        reason: String,
        /// From when it counts, ms since 1970 [default: now]
        #[arg(long, value_name = "MS")]
        effective_ms: Option<u64>,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Add a signature to an op that still lacks some; submits it when complete
    #[command(after_help = "Examples:
  titian key cosign op.json
  titian key cosign op.json --as SG:ACRA#k2")]
    Cosign {
        /// The op
        op: PathBuf,
        #[command(flatten)]
        signing: SigningArgs,
    },
}

/// A new key.
#[derive(Debug, clap::Args)]
pub(crate) struct NewArgs {
    /// The party it is for
    party: KeyRef,
    /// What it is for: invoke (ops), assert (credentials), present, or agree alone (receives sealed
    /// contents); repeat it [default: invoke]
    #[arg(long, value_name = "PURPOSE", value_parser = ["invoke", "assert", "present", "agree"])]
    purpose: Vec<String>,
    /// How it signs; P-256 is for assert and present only
    #[arg(long, value_name = "ALG", default_value = "Ed25519")]
    alg: Algorithm,
    /// What it may sign; repeat it [default for a business: access.key_* and etr.*]
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
    /// Number of the officer who holds it; quorums count different officers
    #[arg(long, default_value_t = 1, value_name = "N")]
    officer: u64,
    /// Where to write the request for the authority
    #[arg(short, long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep the wallet in the clear; for throw-away networks only
    #[arg(long)]
    insecure_devnet: bool,
    /// Chain id that the proof of possession names [default: that of the node]
    #[arg(long, value_name = "CHAIN")]
    chain: Option<String>,
}

/// Runs `titian key`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::New(args) => held::new(session, args),
        Command::List => held::list(session),
        Command::Export { key, for_node: true, out, .. } => {
            held::export_for_node(session, key, out)
        }
        Command::Export { key, secret, out, .. } => held::export(session, key, *secret, out),
        Command::Import { file } => held::import(session, file),
        Command::Status { party } => bound::status(session, &party.party),
        Command::Bind { request, signing } => bound::bind(session, request, signing),
        Command::Rotate { party, retire, overlap_days, signing } => {
            bound::rotate(session, &party.party, retire, *overlap_days, signing)
        }
        Command::Revoke { key, reason, effective_ms, signing } => {
            bound::revoke(session, key, reason, *effective_ms, signing)
        }
        Command::Cosign { op, signing } => cosign::run(session, op, signing),
    }
}
