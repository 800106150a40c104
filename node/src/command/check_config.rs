//! `titian-node check-config`, also `run --check`.

use titian_genesis::Genesis;

use super::{CommandError, ConfigArgs};
use crate::config::{Config, variable_name};
use crate::issuing::Instance;
use crate::signer::keystore::NodeKey;

pub(super) fn check_config(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    for (section, key, _) in Config::keys() {
        let name = variable_name(section, key);
        if std::env::var_os(&name).is_some() {
            println!("{name} comes before {section}.{key} of the file");
        }
    }
    let mut problems = Vec::new();
    match std::fs::read(&config.node.genesis) {
        Err(fault) => {
            problems.push(format!("genesis {}: {fault}", config.node.genesis.display()));
        }
        Ok(bytes) => match Genesis::parse(&bytes) {
            Err(fault) => problems.push(fault.to_string()),
            Ok(genesis) => println!("genesis of {}, {}", genesis.chain, genesis.hash),
        },
    }
    for (what, path) in
        [("votes", &config.node.validator_key), ("network", &config.node.network_key)]
    {
        match NodeKey::load(path) {
            Ok(key) => println!("{what} key {}", hex::encode(key.public_key())),
            Err(fault) => problems.push(fault.to_string()),
        }
    }
    for settings in &config.issuer {
        match Instance::load(settings) {
            Ok(issuer) => {
                let public = hex::encode(issuer.signing_key().verifying_key().to_bytes());
                println!(
                    "issuer {} for {}, key {} {public}",
                    issuer.name, issuer.did, issuer.method
                );
            }
            Err(fault) => problems.push(fault.to_string()),
        }
    }
    if problems.is_empty() {
        println!("{} is in order", args.config.display());
        return Ok(());
    }
    Err(CommandError::refused(problems.join("; ")).hint(
        "`titian-node init` makes missing key files; the genesis file comes with the network",
    ))
}
