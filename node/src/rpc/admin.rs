//! `node_*`: for the operator.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::node::{EnvelopeStatus, LogLevel, NodeStatus, Peers};
use titian_api::{Refusal, call};
use titian_contracts::error::Code;

use super::methods::add;
use super::{State, ledger};

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
    Ok(())
}
