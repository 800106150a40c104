//! `titian-node check-config`, also `run --check`: what `run` would refuse, without starting.

use std::path::Path;

use titian_contracts::block::validator_address;
use titian_genesis::Genesis;

use super::output::say;
use super::{CommandError, ConfigArgs};
use crate::config::{Config, variable_name};
use crate::consensus::guard::Guard;
use crate::issuing::Instance;
use crate::node;
use crate::rpc::auth::load_or_create_secret;
use crate::rpc::tls::Tls;
use crate::signer::keystore::NodeKey;
use crate::store;

pub(super) fn check_config(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    for (section, key, _) in Config::keys() {
        let name = variable_name(section, key);
        if std::env::var_os(&name).is_some() {
            say!("{name} comes before {section}.{key} of the file");
        }
    }
    let mut problems = Vec::new();
    let genesis = check_genesis(&config, &mut problems);
    let height = check_database(&config, genesis.as_ref(), &mut problems);
    check_keys(&config, genesis.as_ref(), height, &mut problems);
    check_interface(&config, &mut problems);
    check_issuers(&config, &mut problems);
    if problems.is_empty() {
        say!("{} is in order", args.config.display());
        return Ok(());
    }
    Err(CommandError::refused(problems.join("; ")).hint(
        "`titian-node init` makes missing key files; the genesis file comes with the network",
    ))
}

/// The genesis file, of which the state of height 0 must come.
fn check_genesis(config: &Config, problems: &mut Vec<String>) -> Option<Genesis> {
    let path = &config.node.genesis;
    let read = std::fs::read(path)
        .map_err(|fault| format!("genesis {}: {fault}", path.display()))
        .and_then(|bytes| Genesis::parse(&bytes).map_err(|fault| fault.to_string()))
        .and_then(|genesis| match genesis.initial_state() {
            Ok(_) => Ok(genesis),
            Err(fault) => Err(fault.to_string()),
        });
    match read {
        Ok(genesis) => {
            say!("genesis of {}, {}", genesis.chain, genesis.hash);
            Some(genesis)
        }
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// The database, if there is one already: of this network. Gives its height.
fn check_database(
    config: &Config,
    genesis: Option<&Genesis>,
    problems: &mut Vec<String>,
) -> Option<u64> {
    match store::peek(&node::database_folder(config)) {
        Ok(None) => None,
        Ok(Some(found)) => {
            if genesis.is_some_and(|genesis| genesis.to_bytes() != found.genesis) {
                problems.push("the database belongs to another genesis".to_owned());
            }
            say!("database of height {}", found.height);
            Some(found.height)
        }
        Err(fault) => {
            problems.push(fault.to_string());
            None
        }
    }
}

/// Both keys of the node, and what the one for votes is good for.
fn check_keys(
    config: &Config,
    genesis: Option<&Genesis>,
    height: Option<u64>,
    problems: &mut Vec<String>,
) {
    match NodeKey::load(&config.node.network_key) {
        Ok(key) => say!("network key {}", hex::encode(key.public_key())),
        Err(fault) => problems.push(fault.to_string()),
    }
    let key = match NodeKey::load(&config.node.validator_key) {
        Ok(key) => key.public_key(),
        Err(fault) => return problems.push(fault.to_string()),
    };
    say!("votes key {}", hex::encode(key));
    let Some(genesis) = genesis else { return };
    match genesis.validators.by_address(&validator_address(&key)) {
        Some(validator) => {
            say!("votes as {}", validator.ams);
            let decided = height.unwrap_or(0);
            if decided > 0 && Guard::is_missing(&node::guard_file(config)) {
                say!("but not without its vote guard, which is lost: it will follow");
            }
        }
        None => say!("observes: no validator of the genesis has this key"),
    }
}

/// What the interface reads at start; what is not there yet is made then.
fn check_interface(config: &Config, problems: &mut Vec<String>) {
    let mut check = |path: &Path, fault: Option<String>| {
        problems.extend(fault.map(|fault| format!("{}: {fault}", path.display())));
    };
    let secret = |path: &Path| {
        let there = path.exists();
        there.then(|| load_or_create_secret(path).err().map(|fault| fault.to_string())).flatten()
    };
    check(&config.admin.secret, secret(&config.admin.secret));
    if !config.issuer.is_empty() {
        check(&config.custody.secret, secret(&config.custody.secret));
    }
    if config.admin.token_key.exists() {
        problems
            .extend(NodeKey::load(&config.admin.token_key).err().map(|fault| fault.to_string()));
    }
    let (certificate, key) = (&config.rpc.tls_certificate, &config.rpc.tls_key);
    if config.needs_tls() && (certificate.exists() || key.exists()) {
        match Tls::load(certificate, key) {
            Ok(tls) => {
                if let Some(warning) = tls.expired(crate::application::now_ms() / 1_000) {
                    say!("{warning}");
                }
            }
            Err(fault) => problems.push(fault.to_string()),
        }
    }
}

fn check_issuers(config: &Config, problems: &mut Vec<String>) {
    for settings in &config.issuer {
        match Instance::load(settings) {
            Ok(issuer) => {
                let public = hex::encode(issuer.signing_key().verifying_key().to_bytes());
                say!("issuer {} for {}, key {} {public}", issuer.name, issuer.did, issuer.method);
            }
            Err(fault) => problems.push(fault.to_string()),
        }
    }
}
