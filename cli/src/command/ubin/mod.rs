//! `titian ubin`: business identifiers.
//!
//! `check`, `make` and `schemes` need no node: the scheme table is built in. A suggestion is shown,
//! never applied.

mod identify;
mod import;
mod read;
mod write;

use std::path::PathBuf;

use serde_json::Value as Json;
use titian_api::call;
use titian_api::ubin::{GetParams, HistoryParams, ListParams, ResolveParams};
use titian_contracts::json::Value;
use titian_contracts::op::Register;

use crate::act::{self, Draft, SigningArgs};
use crate::error::Result;
use crate::output::Report;
use crate::session::Session;

pub(crate) use identify::canonical;
pub(crate) use write::sha256;
use write::{BodyArgs, ChangeArgs};

/// Business identifiers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check an identifier, offline; exit code 3 if it does not check
    #[command(after_help = "Examples:
  titian ubin check SG-UEN-199403865N-G7
  titian ubin check \"sg uen 1994O3865N g7\" --json")]
    Check {
        /// The identifier, in any spelling
        input: String,
    },
    /// Make the identifier of a national number, offline
    #[command(after_help = "Examples:
  titian ubin make MY BRN \"1965 01 000279\"")]
    Make {
        /// Country
        cc: String,
        /// Scheme code
        scheme: String,
        /// National number, as the register writes it
        number: String,
    },
    /// Show the national numbers that the network knows, offline
    #[command(after_help = "Examples:
  titian ubin schemes
  titian ubin schemes --cc BN --json")]
    Schemes {
        /// Only of this country
        #[arg(long, value_name = "CC")]
        cc: Option<String>,
    },
    /// Show a record
    #[command(after_help = "Examples:
  titian ubin get SG-UEN-199403865N-G7
  titian ubin get SG-UEN-199403865N-G7 --at 81000 --proof out.json")]
    Get {
        /// The identifier, in any spelling
        ubin: String,
        /// As of this height
        #[arg(long, value_name = "HEIGHT")]
        at: Option<u64>,
        /// As of this legal date
        #[arg(long, value_name = "YYYY-MM-DD")]
        on: Option<String>,
        /// Add whether this state recognises the scheme
        #[arg(long = "for", value_name = "CC")]
        recognised_by: Option<String>,
        /// Write a proof of the answer
        #[arg(long, value_name = "FILE")]
        proof: Option<PathBuf>,
    },
    /// Find records by any rendering or a bare national number
    #[command(after_help = "Examples:
  titian ubin resolve 199403865N --cc SG
  titian ubin resolve 0195:SGUEN199403865N")]
    Resolve {
        /// What is known of the business
        input: String,
        /// Country of a bare number
        #[arg(long, value_name = "CC")]
        cc: Option<String>,
        /// Scheme of a bare number
        #[arg(long, value_name = "CODE")]
        scheme: Option<String>,
    },
    /// List records in the order of their numbers
    #[command(after_help = "Examples:
  titian ubin list SG-UEN-1994 --limit 20")]
    List {
        /// CC, CC-SCHEME, or CC-SCHEME- and the first characters of the number
        prefix: String,
        /// How many
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: u32,
        /// Continue after the page before
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// Show the versions of a record, newest first
    #[command(after_help = "Examples:
  titian ubin history SG-UEN-199403865N-G7")]
    History {
        /// The identifier, in any spelling
        ubin: String,
        /// How many
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
    },
    /// Write a proof that a record stands, or that none does
    #[command(after_help = "Examples:
  titian ubin prove SG-UEN-199403865N-G7 -o proof.json && titian verify proof.json")]
    Prove {
        /// The identifier, in any spelling
        ubin: String,
        /// Where to write it
        #[arg(short, long = "out", value_name = "FILE")]
        out: PathBuf,
    },
    /// Register a business: the first version of its record
    #[command(after_help = "Examples:
  titian ubin register body.json --as SG:ACRA
  titian ubin register body.json --dry-run")]
    Register(BodyArgs),
    /// Write the next version of a record
    #[command(after_help = "Examples:
  titian ubin update body.json --as SG:ACRA")]
    Update(BodyArgs),
    /// Confirm that a record is still right
    #[command(after_help = "Examples:
  titian ubin confirm SG-UEN-199403865N-G7 --as SG:ACRA")]
    Confirm(ChangeArgs),
    /// Suspend a business
    #[command(after_help = "Examples:
  titian ubin suspend SG-UEN-199403865N-G7 --reason FILING_DEFAULT --as SG:ACRA")]
    Suspend(ChangeArgs),
    /// End a suspension
    #[command(after_help = "Examples:
  titian ubin reinstate SG-UEN-199403865N-G7 --reason REQUEST --as SG:ACRA")]
    Reinstate(ChangeArgs),
    /// Record that a business has ended; two officers sign
    #[command(after_help = "Examples:
  titian ubin dissolve SG-UEN-199403865N-G7 --reason COURT --evidence order.pdf \\
    --as SG:ACRA#k1 --as SG:ACRA#k2")]
    Dissolve(ChangeArgs),
    /// Bring a dissolved business back; two officers sign
    #[command(after_help = "Examples:
  titian ubin restore SG-UEN-199403865N-G7 --reason COURT --evidence order.pdf -o op.json")]
    Restore(ChangeArgs),
    /// Let a further number of the same business resolve to its record
    #[command(after_help = "Examples:
  titian ubin alias-add SG-UEN-199403865N-G7 SG-UEN-53083479E-XX --as SG:ACRA")]
    AliasAdd {
        /// The record
        ubin: String,
        /// The further number
        alias: String,
        #[command(flatten)]
        signing: SigningArgs,
    },
    /// Load a whole register from NDJSON or CSV; a dry run unless --commit
    #[command(after_help = "Examples:
  titian ubin import acra.csv --map acra.toml                 reports every bad line, exit 1 if any
  titian ubin import acra.csv --map acra.toml --commit --as SG:ACRA
  titian ubin import acra.csv --map acra.toml --commit --resume --as SG:ACRA
  titian ubin import bodies.ndjson --report findings.ndjson

A small example of both forms, with its map: cli/demo/import")]
    Import(import::Args),
}

/// Runs `titian ubin`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::Check { input } => identify::check(session, input),
        Command::Make { cc, scheme, number } => identify::make(cc, scheme, number),
        Command::Schemes { cc } => identify::schemes(cc.as_deref()),
        Command::Get { ubin, at, on, recognised_by, proof } => {
            let params = GetParams {
                ubin: ubin.clone(),
                height: *at,
                on: on.clone(),
                recognised_by: recognised_by.clone(),
                proof: false,
            };
            read::get(session, &params, proof.as_deref())
        }
        Command::Resolve { input, cc, scheme } => {
            let params =
                ResolveParams { input: input.clone(), cc: cc.clone(), scheme: scheme.clone() };
            let found = session.client()?.ask::<call::UbinResolve>(&params)?;
            Ok(read::list(Json::Object(found), "/matches"))
        }
        Command::List { prefix, limit, cursor } => {
            let params =
                ListParams { prefix: prefix.clone(), limit: Some(*limit), cursor: cursor.clone() };
            let page = session.client()?.ask::<call::UbinList>(&params)?;
            Ok(read::list(serde_json::to_value(&page).unwrap_or_default(), "/items"))
        }
        Command::History { ubin, limit } => {
            let params = HistoryParams { ubin: ubin.clone(), from: None, limit: Some(*limit) };
            let history = session.client()?.ask::<call::UbinHistory>(&params)?;
            Ok(Report::json(Json::Object(history)))
        }
        Command::Prove { ubin, out } => read::prove(session, ubin, out),
        Command::Register(args) => write::body(session, "register", args),
        Command::Update(args) => write::body(session, "update", args),
        Command::Confirm(args) => write::change(session, "confirm", args),
        Command::Suspend(args) => write::change(session, "suspend", args),
        Command::Reinstate(args) => write::change(session, "reinstate", args),
        Command::Dissolve(args) => write::change(session, "dissolve", args),
        Command::Restore(args) => write::change(session, "restore", args),
        Command::AliasAdd { ubin, alias, signing } => {
            let args = [("alias", canonical(alias)?), ("ubin", canonical(ubin)?)];
            let args = Value::object(args.map(|(name, text)| (name, Value::from(text))));
            act::perform(session, &Draft::new(Register::Ubin, "alias_add", args), signing)
        }
        Command::Import(args) => import::run(session, args),
    }
}
