//! `titian-node backup`: a copy of what the node holds, made while it runs.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use titian_api::node::Backup;

use super::ask::ask;
use super::output::say;
use super::{CommandError, ConfigArgs, Kind, open_ledger};
use crate::backup::{Sources, Written};
use crate::config::Config;
use crate::custody::Custody;
use crate::envelopes::{Bounds, Envelopes};
use crate::node;
use crate::rpc::auth;
use crate::telemetry::EnvelopeMetrics;

/// Asks the running node to make a backup; where none runs, makes it here.
pub(super) fn backup(args: &ConfigArgs) -> Result<(), CommandError> {
    let config = args.load()?;
    match begin(&config) {
        Ok(begun) => follow(&config, begun),
        Err(error) if error.kind == Kind::NoNode => stopped(&config),
        Err(error) => Err(error),
    }
}

fn begin(config: &Config) -> Result<Backup, CommandError> {
    call(config, &json!({}))
}

/// Waits until a running node is done.
fn follow(config: &Config, mut backup: Backup) -> Result<(), CommandError> {
    // an answer takes its time while the backup is being made
    while !backup.done {
        backup = call(config, &json!({"name": backup.name}))?;
    }
    let folder = backup.folder.unwrap_or(backup.name);
    print(Path::new(&folder), backup.height.unwrap_or(0), &backup.removed, &backup.expired);
    Ok(())
}

/// `node_backup`, with a token of the operator.
fn call(config: &Config, params: &Json) -> Result<Backup, CommandError> {
    let secret = &config.admin.secret;
    let refused = |fault: String| CommandError::refused(format!("{}: {fault}", secret.display()));
    let token = auth::load_or_create_secret(secret)
        .map_err(|fault| refused(fault.to_string()))
        .and_then(|secret| {
            let now_s = crate::application::now_ms() / 1_000;
            auth::admin_token(&secret, now_s).map_err(|fault| refused(fault.to_string()))
        })?;
    let question = json!({"jsonrpc": "2.0", "id": 1, "method": "node_backup", "params": params});
    let (code, answer) = ask(config, "POST", "/", &question.to_string(), Some(&token))?;
    let answer: Json = serde_json::from_str(&answer)
        .map_err(|_| CommandError::refused(format!("the node answers {code}: {answer}")))?;
    if let Some(error) = answer.get("error") {
        let message = error.get("message").and_then(Json::as_str).unwrap_or("refused");
        return Err(CommandError::refused(message));
    }
    let result = answer.get("result").cloned().unwrap_or_default();
    serde_json::from_value(result).map_err(CommandError::refused)
}

/// Makes the backup of a stopped node.
fn stopped(config: &Config) -> Result<(), CommandError> {
    let ledger = open_ledger(config, "is the node just starting? try again when it answers")?;
    let custody = open_custody(config, ledger.chain())?;
    let envelopes =
        Envelopes::open(&config.node.data_dir, Bounds::default(), EnvelopeMetrics::default());
    let envelopes = Arc::new(envelopes.map_err(CommandError::refused)?);
    let sources = Sources { ledger, custody, envelopes };
    let made = node::backups_of(config).make(&sources, crate::application::now_ms());
    if let Some(custody) = &sources.custody {
        custody.finish();
    }
    sources.ledger.finish();
    let Written { folder, height, removed, expired } = made.map_err(CommandError::refused)?;
    print(&folder, height, &removed, &expired);
    Ok(())
}

fn open_custody(config: &Config, chain: &str) -> Result<Option<Custody>, CommandError> {
    if config.issuer.is_empty() {
        return Ok(None);
    }
    let secret = auth::load_or_create_secret(&config.custody.secret).map_err(|fault| {
        CommandError::refused(format!("{}: {fault}", config.custody.secret.display()))
    })?;
    let custody = Custody::open(&config.node.data_dir, &secret, chain);
    custody.map(Some).map_err(CommandError::refused)
}

fn print(folder: &Path, height: u64, removed: &[String], expired: &[String]) {
    say!("backup of height {height} in {}", folder.display());
    for name in removed {
        say!("removed {name}: backup.keep are there");
    }
    for name in expired {
        say!("removed custody and envelopes of {name}: older than 30 days");
    }
}
