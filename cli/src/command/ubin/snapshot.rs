//! `titian ubin snapshot`: the snapshots of the register that a node keeps.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::call;
use titian_api::ubin_feed::{SnapshotParams, Snapshots};
use titian_contracts::snapshot::UbinManifest;

use crate::document;
use crate::download;
use crate::error::{CommandError, Kind, Result};
use crate::output::{Report, table};
use crate::session::Session;

/// Snapshots of the register
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the snapshots that the node keeps, newest first
    #[command(after_help = "Examples:
  titian ubin snapshot list")]
    List,
    /// Fetch a snapshot: its manifest and its file
    #[command(after_help = "Examples:
  titian ubin snapshot get
  titian ubin snapshot get 80000 --dir snapshots")]
    Get {
        /// The height [default: the newest]
        height: Option<u64>,
        /// Where to put it
        #[arg(long, value_name = "DIR", default_value = ".")]
        dir: PathBuf,
    },
}

/// Runs `titian ubin snapshot`.
pub(super) fn run(session: &Session, command: &Command) -> Result<Report> {
    match command {
        Command::List => Ok(list(&ask(session, None)?)),
        Command::Get { height, dir } => get(session, *height, dir),
    }
}

fn ask(session: &Session, height: Option<u64>) -> Result<Snapshots> {
    session.client()?.ask::<call::UbinSnapshot>(&SnapshotParams { height })
}

fn list(found: &Snapshots) -> Report {
    if found.snapshots.is_empty() {
        return Report::new("the node keeps no snapshot yet", json!([]));
    }
    let heading = ["HEIGHT", "NUMBERS", "BYTES", "GO ON FROM", "SHA-256 OF THE LINES"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(found.snapshots.iter().map(|manifest| {
        let cell = |name: &str| match manifest.get(name) {
            Some(Json::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => String::new(),
        };
        ["height", "count", "bytes", "cursor", "sha256"].map(cell).to_vec()
    }));
    Report::new(table(&rows), json!(found.snapshots))
}

fn get(session: &Session, height: Option<u64>, dir: &Path) -> Result<Report> {
    let found = ask(session, height)?;
    let mut manifest = found.snapshots.into_iter().next().ok_or_else(|| {
        CommandError::refused("the node keeps no snapshot yet").hint("titian ubin snapshot list")
    })?;
    let path = manifest.remove("path").unwrap_or_default();
    let path = path.as_str().unwrap_or_default().to_owned();
    let manifest = Json::Object(manifest);
    let value = document::from_json(&manifest)?;
    let read = UbinManifest::parse(&value)
        .map_err(|reject| CommandError::from_reject(Kind::Refused, &reject))?;
    let height = read.seal.height();
    let described = dir.join(format!("{height}.json"));
    let file = described.with_extension("ndjson.zst");
    let spinner = session.output.spinner(&format!("fetching {} bytes", read.bytes));
    std::fs::create_dir_all(dir).map_err(|error| CommandError::file("make", dir, &error))?;
    let out = File::create(&file).map_err(|error| CommandError::file("write", &file, &error))?;
    download::get(session.client()?.url(), &path, read.bytes, &mut BufWriter::new(out))?;
    document::write(&described, &format!("{}\n", value.to_jcs()))?;
    spinner.finish_and_clear();
    let text = format!(
        "{} numbers as of height {height} in {}, manifest in {}\ngo on with: titian ubin feed \
         --cursor {}",
        read.count,
        file.display(),
        described.display(),
        document::text(&manifest, "/cursor").unwrap_or_default()
    );
    let json = json!({ "height": height, "file": file, "manifest": described });
    Ok(Report::new(text, json))
}
