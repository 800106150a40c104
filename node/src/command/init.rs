//! `titian-node init`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::CommandError;
use super::output::{self, say};
use crate::config::Config;
use crate::signer::keystore::NodeKey;

const CONFIG_FILE: &str = "titian-node.toml";

/// Make key files and a configuration in a folder; what is there is left alone
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Folder
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    dir: PathBuf,
    /// Only print the configuration with every key, its help and its default
    #[arg(long)]
    print_config: bool,
}

pub(super) fn init(args: &InitArgs) -> Result<(), CommandError> {
    let config = Config::default();
    if args.print_config {
        output::text(&config.annotated());
        return Ok(());
    }
    std::fs::create_dir_all(&args.dir)
        .map_err(|fault| CommandError::refused(format!("{}: {fault}", args.dir.display())))?;
    for (what, file) in
        [("votes", &config.node.validator_key), ("network", &config.node.network_key)]
    {
        let path = args.dir.join(file);
        let key = if path.exists() {
            NodeKey::load(&path).map_err(CommandError::refused)?
        } else {
            let key = NodeKey::generate();
            key.store_new(&path).map_err(CommandError::refused)?;
            key
        };
        say!("{}  key for {what}, public {}", path.display(), hex::encode(key.public_key()));
        if what == "network" {
            say!("peer id {}", key.peer_id());
        }
    }
    let path = args.dir.join(CONFIG_FILE);
    if path.exists() {
        say!("{}  was there", path.display());
        return Ok(());
    }
    let written =
        OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
            file.write_all(config.annotated().as_bytes()).and(file.sync_all())
        });
    written.map_err(|fault| CommandError::refused(format!("{}: {fault}", path.display())))?;
    say!("{}  configuration", path.display());
    say!("Next: put the network's genesis.json beside it, then `titian-node run`");
    Ok(())
}
