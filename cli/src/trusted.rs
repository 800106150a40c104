//! The highest state that this user's tools have accepted, for each network: what makes an older
//! bundle a step back (vc-api.md A§1 rule 4), or an older scheme table (ubin.md §1.4).
//!
//! Invariant: a height only rises and keeps its block; the file is replaced as a whole, under a lock,
//! and is on disk before a command that raised it ends.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use titian_contracts::digest::Digest;

use crate::error::{CommandError, Kind, Result};
use crate::wallet::write_private;

/// A state that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Point {
    /// The chain id, for people.
    pub(crate) chain: String,
    /// The height.
    pub(crate) height: u64,
    /// The block of that height.
    pub(crate) block_id: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    /// By genesis hash.
    networks: BTreeMap<String, Point>,
    /// Heights of scheme tables, by genesis hash. They are apart: states change their schemes seldom,
    /// and a file of them stays good while bundles are fetched every day.
    #[serde(default)]
    schemes: BTreeMap<String, u64>,
}

/// The state trusted so far on the network of a genesis; `None` on first use.
pub(crate) fn of(genesis: Digest) -> Result<Option<Point>> {
    Ok(read(&path()?)?.networks.remove(&genesis.to_string()))
}

/// The height of the newest scheme table accepted so far on the network of a genesis; 0 on first use.
pub(crate) fn schemes_of(genesis: Digest) -> Result<u64> {
    Ok(read(&path()?)?.schemes.remove(&genesis.to_string()).unwrap_or(0))
}

/// Notes that a scheme table was accepted. A lower height than before changes nothing.
pub(crate) fn raise_schemes(genesis: Digest, height: u64) -> Result<()> {
    change(|file| {
        let known = file.schemes.entry(genesis.to_string()).or_default();
        let raises = height > *known;
        *known = height.max(*known);
        Ok(raises)
    })
}

/// Notes that a state was accepted. A lower one than before changes nothing; another block at the
/// height accepted last is refused, as only one of the two is the network's.
pub(crate) fn raise(genesis: Digest, point: Point) -> Result<()> {
    change(|file| match file.networks.get(&genesis.to_string()) {
        Some(known) if known.height == point.height && known.block_id != point.block_id => {
            let told = "not usable: another block was accepted at this height";
            Err(CommandError::new(Kind::NotProven, told)
                .named("STATE_PROOF_INVALID")
                .hint("validators signed two blocks of one height: keep both files and report it"))
        }
        Some(known) if known.height >= point.height => Ok(false),
        _ => {
            file.networks.insert(genesis.to_string(), point);
            Ok(true)
        }
    })
}

/// Changes the file under its lock; `change` says whether there is something to write.
fn change(change: impl FnOnce(&mut File) -> Result<bool>) -> Result<()> {
    let path = path()?;
    let failed = |error: &std::io::Error| {
        CommandError::file("write", &path, error)
            .hint("without it an older bundle could not be told from a newer one")
            .hint("XDG_CONFIG_HOME names the folder for settings")
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    let lock = fs::File::create(path.with_extension("lock")).map_err(|error| failed(&error))?;
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
        .map_err(|error| failed(&error.into()))?;
    let mut file = read(&path)?;
    if !change(&mut file)? {
        return Ok(());
    }
    let text = serde_json::to_string_pretty(&file)
        .map_err(|_| CommandError::bug("the trusted heights cannot be written as JSON"))?;
    write_private(&path, text.as_bytes()).map_err(|error| failed(&error))
}

fn read(path: &std::path::Path) -> Result<File> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| {
            CommandError::usage(format!("{} is damaged", path.display()))
                .hint("it holds the heights you trust; restore it, or delete it to start anew")
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(File::default()),
        Err(error) => Err(CommandError::file("read", path, &error)),
    }
}

/// `$XDG_CONFIG_HOME/titian/trusted.json`, else under `~/.config`.
fn path() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .filter(|base| !base.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    base.map(|base| base.join("titian/trusted.json")).ok_or_else(|| {
        CommandError::usage("there is no folder for settings")
            .hint("HOME or XDG_CONFIG_HOME names one")
    })
}
