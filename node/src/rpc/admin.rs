//! `node_*`: for the operator.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::node::{Backup, EnvelopeStatus, LogLevel, NodeStatus, Peers};
use titian_api::{Refusal, call};
use titian_contracts::error::Code;

use super::methods::{Answer, add, blocking};
use super::{State, ledger, now_ms};
use crate::backup::{BackupError, Progress};

/// How long an answer waits for a backup to be done.
const BACKUP_PATIENCE: Duration = Duration::from_secs(3);

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::NodeStatus, _, _>(module, |state, _, _| async move {
        let envelopes = state.backend.envelopes.figures();
        Ok(NodeStatus {
            envelopes: EnvelopeStatus {
                kept: envelopes.kept,
                bytes: envelopes.bytes,
                queued: envelopes.queued,
            },
            public: ledger::status(&state),
            uptime_s: state.started.elapsed().as_secs(),
            data_dir: state.backend.data_dir.clone(),
            connections: state.counters.connections.load(Ordering::Relaxed),
            subscriptions: state.counters.subscriptions.load(Ordering::Relaxed),
        })
    })?;
    add::<call::NodePeers, _, _>(module, |state, _, _| async move {
        Ok(Peers { peers: state.backend.health.borrow().peers.clone() })
    })?;
    add::<call::NodeLogLevel, _, _>(module, |state, params, _| async move {
        (state.backend.set_log_filter)(&params.filter)
            .map_err(|error| Refusal::new(Code::InvalidParams, "/filter", &error))?;
        tracing::info!(filter = %params.filter, "log filter set");
        Ok(LogLevel { filter: params.filter })
    })?;
    add::<call::NodeBackup, _, _>(module, |state, params, _| async move {
        blocking(move || backup(&state, params.name)).await
    })?;
    Ok(())
}

/// Begins a backup, or says how the one of a name stands.
fn backup(state: &State, name: Option<String>) -> Answer<Backup> {
    let backups = &state.backend.backups;
    let Some(name) = name else {
        let custody = state.backend.issuing.as_ref().map(|issuing| &issuing.custody);
        let name = backups.begin(state.ledger(), custody, now_ms()).map_err(|error| {
            let code = match error {
                BackupError::Busy => Code::Busy,
                _ => Code::Unavailable,
            };
            Refusal::new(code, "", &error.to_string())
        })?;
        return Ok(running(name));
    };
    match backups.progress(&name, BACKUP_PATIENCE) {
        None => Err(Refusal::new(Code::NotFound, "/name", "not the last one of this node")),
        Some(Progress::Running) => Ok(running(name)),
        Some(Progress::Failed(reason)) => Err(Refusal::new(Code::Unavailable, "", &reason)),
        Some(Progress::Done(written)) => Ok(Backup {
            name,
            done: true,
            folder: Some(written.folder.display().to_string()),
            height: Some(written.height),
            removed: written.removed,
            expired: written.expired,
        }),
    }
}

fn running(name: String) -> Backup {
    let (removed, expired) = (Vec::new(), Vec::new());
    Backup { name, done: false, folder: None, height: None, removed, expired }
}
