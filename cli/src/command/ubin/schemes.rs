//! The scheme tables that commands read numbers by: those built in, those of a file with its proof, or
//! those of a node (ubin.md §1.4).

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::call;
use titian_api::ubin::SchemesParams;
use titian_contracts::proof::{self, VerifyError};
use titian_contracts::time::rfc3339;
use titian_contracts::ubin::scheme::SchemeTable;

use crate::act::now_ms;
use crate::client::Client;
use crate::command::verify::{self, offline::OLDER};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::session::Session;
use crate::trusted;

/// Where the schemes come from when no node is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct TableArgs {
    /// Schemes with their proof, from `titian ubin schemes --proof` [default: those built in]
    #[arg(long, value_name = "FILE", env = "TITIAN_SCHEMES", hide_env_values = true)]
    schemes: Option<PathBuf>,
    /// Genesis file that the proof is checked against [default: the devnet's in ./net]
    #[arg(long, value_name = "FILE", requires = "schemes")]
    genesis: Option<PathBuf>,
    /// Take schemes that are older than those accepted before
    #[arg(long, requires = "schemes")]
    allow_older: bool,
}

impl TableArgs {
    /// Whether a file was named.
    pub(super) const fn is_given(&self) -> bool {
        self.schemes.is_some()
    }

    /// The file, if one was named.
    pub(super) fn file(&self) -> Option<&Path> {
        self.schemes.as_deref()
    }

    /// The table. Versions that were announced for a time that has come are in force. An older file
    /// than one accepted before is a step back, which only `--allow-older` takes.
    pub(super) fn table(&self, session: &Session) -> Result<SchemeTable> {
        let Some(path) = &self.schemes else { return Ok(SchemeTable::genesis()) };
        let genesis = verify::read_genesis(&session.genesis_path(self.genesis.as_ref())?)?;
        let accepted = trusted::schemes_of(genesis.hash)?;
        let least = if self.allow_older { 0 } else { accepted };
        let proven =
            proof::verify(&document::read(path)?, &genesis.anchor(), least).map_err(|error| {
                match error {
                    VerifyError::TooOld => too_old(accepted),
                    other => verify::not_proven(&other),
                }
            })?;
        let time_ms = now_ms().max(proven.time_ms);
        let table = SchemeTable::of_proven(&proven, time_ms).ok_or_else(|| {
            CommandError::new(Kind::NotProven, format!("{} proves no schemes", path.display()))
                .named("NOT_PROVEN")
                .hint("titian ubin schemes --proof FILE writes a file that does")
        })?;
        trusted::raise_schemes(genesis.hash, proven.height)?;
        let time = rfc3339(proven.time_ms);
        let older =
            if proven.height < accepted { ", older than those accepted before" } else { "" };
        session.output.note(&format!("schemes as of height {}, {time}{older}", proven.height));
        Ok(table)
    }
}

fn too_old(accepted: u64) -> CommandError {
    let told = format!("these schemes are older than those accepted before, of height {accepted}");
    CommandError::new(Kind::NotProven, told)
        .named(OLDER)
        .hint("fetch newer ones: titian ubin schemes --proof FILE")
        .hint("--allow-older reads numbers by the older ones all the same")
}

/// The scheme table that a node has in force.
pub(super) fn of_node(client: &Client) -> Result<SchemeTable> {
    let answer = client.ask::<call::UbinSchemes>(&SchemesParams::default())?;
    let schemes = answer.get("schemes").and_then(Json::as_array).cloned().unwrap_or_default();
    let mut countries: Vec<&str> =
        schemes.iter().filter_map(|scheme| document::text(scheme, "/cc")).collect();
    countries.dedup();
    let table = json!({
        "format": "titian ubin schemes 1",
        "countries": countries,
        "checkAlgorithms": [],
        "legalForms": {},
        "schemes": schemes,
    });
    SchemeTable::read(table.to_string().as_bytes()).map_err(|reject| {
        CommandError::refused(format!("the schemes of the node cannot be used: {reject}"))
            .named(reject.code.name())
    })
}
