//! `titian ubin`: business identifiers.
//!
//! `check`, `make`, `surrogate` and `schemes` need no node: the scheme table is built in, or proven.
//! A suggestion is shown, never applied. Acts stand in `acts`; what they quote of a record is read
//! from the node.

mod acts;
mod border;
mod challenge;
mod current;
mod edit;
mod feed;
mod feed_verify;
mod identify;
mod import;
mod kpi;
mod mark;
mod minimal;
mod page;
mod qr;
mod read;
mod scheme;
mod schemes;
mod search;
mod snapshot;
mod write;

use std::path::PathBuf;

use serde_json::Value as Json;
use titian_api::call;
use titian_api::ubin::{GetParams, HistoryParams, LinksParams, ListParams, ResolveParams};

use crate::error::Result;
use crate::output::Report;
use crate::session::Session;

pub(crate) use identify::canonical;
use schemes::TableArgs;

/// Business identifiers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check an identifier, offline; exit code 3 if it does not check
    #[command(after_help = "Examples:
  titian ubin check SG-UEN-199403865N-G7
  titian ubin check \"sg uen 1994O3865N g7\" --json
  titian ubin check SG-UEN-199403865N-G7 --schemes schemes.json --genesis genesis.json")]
    Check {
        /// The identifier, in any spelling
        input: String,
        #[command(flatten)]
        schemes: TableArgs,
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
        #[command(flatten)]
        schemes: TableArgs,
    },
    /// Draw the number of a natural person's business, offline: random, of scheme SUR
    #[command(after_help = "Examples:
  titian ubin surrogate VN")]
    Surrogate {
        /// Country
        cc: String,
        #[command(flatten)]
        schemes: TableArgs,
    },
    Commit(minimal::CommitArgs),
    /// Show the schemes of national numbers: those built in, or with --node those of the network
    #[command(after_help = "Examples:
  titian ubin schemes
  titian ubin schemes --cc BN --json
  titian ubin schemes --cc SG --node http://127.0.0.1:26650 --at 81000
  titian ubin schemes --node http://127.0.0.1:26650 --proof schemes.json   for use without a node")]
    Schemes {
        /// Only of this country
        #[arg(long, value_name = "CC")]
        cc: Option<String>,
        /// As of this height, of the network
        #[arg(long, value_name = "HEIGHT")]
        at: Option<u64>,
        /// Write all schemes of the network with their proof, for --schemes; a file that is in use is
        /// not asked
        #[arg(long, value_name = "FILE", conflicts_with = "cc")]
        proof: Option<PathBuf>,
        #[command(flatten)]
        schemes: TableArgs,
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
        /// The version in force on this legal date [default: the newest version]
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
        /// Add whether this state recognises the scheme of each match
        #[arg(long = "for", value_name = "CC")]
        recognised_by: Option<String>,
    },
    /// Find records by name, most alike first
    #[command(after_help = "Examples:
  titian ubin search \"บริษัท น้ำใส\" --cc TH
  titian ubin search \"cong ty tnhh sam\" --cc VN --prefix --limit 20 --json")]
    Search(search::SearchArgs),
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
    /// Show the records that name a record: branches, what was merged into it, what it goes on from
    #[command(after_help = "Examples:
  titian ubin links SG-UEN-199403865N-G7
  titian ubin links SG-UEN-199403865N-G7 --at 81000 --limit 500 --json")]
    Links {
        /// The identifier, in any spelling
        ubin: String,
        /// As of this height
        #[arg(long, value_name = "HEIGHT")]
        at: Option<u64>,
        /// How many
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: u32,
        /// Continue after the page before
        #[arg(long, value_name = "CURSOR")]
        cursor: Option<String>,
    },
    /// Show the versions of a record, newest first
    #[command(after_help = "Examples:
  titian ubin history SG-UEN-199403865N-G7
  titian ubin history SG-UEN-199403865N-G7 --from 12 --limit 5")]
    History {
        /// The identifier, in any spelling
        ubin: String,
        /// The newest version to show [default: the one in force]
        #[arg(long, value_name = "N")]
        from: Option<u64>,
        /// How many
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: u32,
    },
    /// Write a proof: of a record, that there is none, of all versions, or of counters
    #[command(after_help = "Examples:
  titian ubin prove SG-UEN-199403865N-G7 -o proof.json && titian verify proof.json
  titian ubin prove SG-UEN-199403865N-G7 --at 81000 -o then.json
  titian ubin prove SG-UEN-199403865N-G7 --kind history -o history.json
  titian ubin prove SG-UEN-199403865N-G7 --qr code.svg
  titian ubin prove --kind kpi --metric ubin_flow --cell SG,2026-07,new --at 81000 -o kpi.json")]
    Prove(read::ProveArgs),
    /// Show published figures
    #[command(after_help = "Examples:
  titian ubin kpi
  titian ubin kpi --at 81230 --metric ubin_stock --by ams,sizeClass --format csv
  titian ubin kpi --metric ubin_flow --by month,event --filter ams=SG")]
    Kpi(kpi::Args),
    Feed(feed::Args),
    #[command(subcommand)]
    Snapshot(snapshot::Command),
    Qr(qr::Args),
    /// Show consents to moves and mergers across a border
    #[command(after_help = "Examples:
  titian ubin consents --ubin SG-UEN-199403865N-G7
  titian ubin consents --ams MY --state OPEN --json")]
    Consents(page::ListArgs),
    /// Show challenges, with what is due
    #[command(after_help = "Examples:
  titian ubin challenges --ubin SG-UEN-199403865N-G7
  titian ubin challenges --ams SG --state OPEN")]
    Challenges(page::ListArgs),
    /// Load a whole register from NDJSON or CSV; a dry run unless --commit
    #[command(after_help = "Examples:
  titian ubin import acra.csv --map acra.toml                 reports every bad line, exit 1 if any
  titian ubin import acra.csv --map acra.toml --commit --as SG:ACRA
  titian ubin import acra.csv --map acra.toml --commit --resume --as SG:ACRA
  titian ubin import bodies.ndjson --report findings.ndjson

A small example of both forms, with its map: cli/demo/import")]
    Import(import::Args),
    #[command(flatten)]
    Act(acts::Act),
}

/// Runs `titian ubin`.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::Check { input, schemes } => identify::check(session, input, schemes),
        Command::Make { cc, scheme, number, schemes } => {
            identify::make(cc, scheme, number, &schemes.table(session)?)
        }
        Command::Surrogate { cc, schemes } => minimal::surrogate(cc, &schemes.table(session)?),
        Command::Commit(args) => minimal::commit(session, args),
        Command::Schemes { proof: Some(path), at, .. } => read::prove_schemes(session, *at, path),
        Command::Schemes { cc, at, schemes, .. }
            if !schemes.is_given() && (at.is_some() || session.names_network()) =>
        {
            scheme::of_network(session, cc.as_deref(), *at)
        }
        Command::Schemes { cc, schemes, .. } => {
            identify::schemes(cc.as_deref(), &schemes.table(session)?)
        }
        Command::Get { ubin, at, on, recognised_by, proof } => {
            let params = GetParams {
                ubin: ubin.clone(),
                height: *at,
                on: on.clone(),
                recognised_by: recognised_by.as_deref().map(str::to_uppercase),
                proof: proof.is_some(),
            };
            read::get(session, &params, proof.as_deref())
        }
        Command::Resolve { input, cc, scheme, recognised_by } => {
            let params = ResolveParams {
                input: input.clone(),
                cc: cc.clone(),
                scheme: scheme.clone(),
                recognised_by: recognised_by.as_deref().map(str::to_uppercase),
            };
            let found = session.client()?.ask::<call::UbinResolve>(&params)?;
            Ok(read::list(Json::Object(found), "/matches"))
        }
        Command::Search(args) => search::search(session, args),
        Command::List { prefix, limit, cursor } => {
            let (prefix, cursor) = (prefix.to_uppercase(), cursor.clone());
            let params = ListParams { prefix, limit: Some(*limit), cursor };
            let page = session.client()?.ask::<call::UbinList>(&params)?;
            Ok(read::list(serde_json::to_value(&page).unwrap_or_default(), "/items"))
        }
        Command::Links { ubin, at, limit, cursor } => {
            let params = LinksParams {
                ubin: ubin.clone(),
                height: *at,
                limit: Some(*limit),
                cursor: cursor.clone(),
            };
            Ok(read::links(&session.client()?.ask::<call::UbinLinks>(&params)?))
        }
        Command::History { ubin, from, limit } => {
            let params = HistoryParams { ubin: ubin.clone(), from: *from, limit: Some(*limit) };
            let history = session.client()?.ask::<call::UbinHistory>(&params)?;
            Ok(read::history(Json::Object(history)))
        }
        Command::Feed(args) => feed::run(session, args),
        Command::Snapshot(command) => snapshot::run(session, command),
        Command::Qr(args) => qr::run(session, args),
        Command::Prove(args) => read::prove(session, args),
        Command::Kpi(args) => kpi::run(session, args),
        Command::Consents(args) => border::consents(session, args),
        Command::Challenges(args) => challenge::list(session, args),
        Command::Import(args) => import::run(session, args),
        Command::Act(act) => acts::run(session, act),
    }
}
