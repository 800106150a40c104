//! `ledger_*`: submitting, and reading what was decided.

use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use titian_api::ledger::{
    Block, GenesisFile, HeightParams, Status, Submission, SubmitBatchParams, SubmitParams,
    Submitted, SubmittedBatch, TransactionInput, TransactionParams,
};
use titian_api::{Refusal, call, ledger};
use titian_contracts::error::Code;
use titian_contracts::time::rfc3339;
use titian_contracts::transaction::TransactionId;
use titian_contracts::{json, limits, proof};

use super::methods::{Answer, add, blocking, refusal_of};
use super::{Caller, State, etr, prove, view};

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::LedgerSubmit, _, _>(module, |state, params, _| async move {
        let SubmitParams { transaction, wait } = params;
        let submitted = submit(&state, &transaction, wait).await;
        match submitted.error {
            Some(refusal) => Err(refusal),
            None => Ok(submitted),
        }
    })?;
    add::<call::LedgerSubmitBatch, _, _>(module, |state, params, _| submit_batch(state, params))?;
    add::<call::LedgerReceipt, _, _>(module, |state, params, _| async move {
        let id = read_id(&params.tx_id, "/txId")?;
        let receipt = state.ledger().receipt(&id).ok_or_else(|| gone(&state, &id))?;
        Ok(view::receipt(&receipt))
    })?;
    add::<call::LedgerTransaction, _, _>(module, |state, params, caller| async move {
        blocking(move || transaction(&state, &params, &caller)).await
    })?;
    add::<call::LedgerBlock, _, _>(module, |state, params, caller| async move {
        blocking(move || block(&state, params, &caller)).await
    })?;
    add::<call::LedgerHeader, _, _>(module, |state, params, _| async move {
        let height = height(&state, params)?;
        let header = state.ledger().header(height).ok_or_else(|| missing(&state, height))?;
        Ok(view::header(&header, &state.ledger().validators()))
    })?;
    add::<call::LedgerCertificate, _, _>(module, |state, params, _| async move {
        let height = height(&state, params)?;
        let certificate =
            state.ledger().certificate(height).ok_or_else(|| missing(&state, height))?;
        Ok(view::certificate(&certificate, &state.ledger().validators()))
    })?;
    add::<call::LedgerValidators, _, _>(module, |state, _, _| async move {
        Ok(view::validators(&state.ledger().validators()))
    })?;
    add::<call::LedgerStatus, _, _>(module, |state, _, _| async move { Ok(status(&state)) })?;
    add::<call::LedgerGenesis, _, _>(module, |state, _, _| async move {
        let genesis = state.ledger().genesis();
        let hash = genesis.hash.to_string();
        Ok(GenesisFile { hash, genesis: view::object(&genesis.value) })
    })?;
    add::<call::LedgerProve, _, _>(module, |state, params, _| async move {
        prove::any(&state, &params).await
    })?;
    Ok(())
}

/// The public state of the node.
pub(super) fn status(state: &State) -> Status {
    let ledger = state.ledger();
    let head = ledger.head();
    let set = ledger.validators();
    let waiting = state.backend.mempool.waiting();
    let reasons = state.reasons();
    let peers = state.backend.health.borrow().peers.iter().filter(|peer| peer.connected).count();
    Status {
        chain: ledger.chain().to_owned(),
        genesis: ledger.genesis().hash.to_string(),
        node: state.backend.node.clone(),
        height: head.height,
        block: head.block.to_string(),
        time_ms: head.time_ms,
        time: rfc3339(head.time_ms),
        state_root: head.state_root.to_string(),
        state_root_height: head.height,
        oldest: ledger.oldest(),
        transactions: head.transactions,
        peers: peers as u64,
        n: set.validators.len() as u64,
        f: set.faults_max() as u64,
        quorum: view::quorum(set.total_power()),
        mempool_transactions: waiting.transactions as u64,
        mempool_bytes: waiting.bytes as u64,
        version: state.backend.version.clone(),
        app_version: ledger.genesis().app_version,
        ready: reasons.is_empty(),
        reasons,
    }
}

/// The canonical bytes of what was submitted.
fn read_transaction(input: &TransactionInput) -> Result<Vec<u8>, Refusal> {
    match input {
        TransactionInput::Text(text) => Ok(text.clone().into_bytes()),
        TransactionInput::Object(object) => {
            let text = serde_json::to_vec(object)
                .map_err(|_| Refusal::new(Code::Malformed, "/transaction", "not JSON"))?;
            let value = json::parse(&text).map_err(Refusal::from)?;
            Ok(value.to_jcs().into_bytes())
        }
    }
}

pub(super) async fn submit(state: &State, input: &TransactionInput, wait: bool) -> Submitted {
    let bytes = match read_transaction(input) {
        Ok(bytes) => bytes,
        Err(refusal) => return refused(None, refusal),
    };
    let id = TransactionId::of(&bytes);
    // registered before it is submitted, so that no block can slip through
    let waiting = if wait { state.receipts.wait(id) } else { None };
    if let Some(receipt) = state.ledger().receipt(&id) {
        return executed(&receipt);
    }
    if state.ledger().executed_at(&id).is_some_and(|height| height < state.ledger().oldest()) {
        return refused(Some(id), gone(state, &id));
    }
    if let Err(reject) = state.backend.mempool.submit(bytes).await {
        return refused(Some(id), refusal_of(reject));
    }
    let receipt = match waiting {
        Some(waiting) => waiting.receipt(state.submit_wait()).await,
        None => None,
    };
    match receipt {
        Some(receipt) => executed(&receipt),
        None => Submitted {
            tx_id: Some(id.to_string()),
            status: Submission::Pending,
            receipt: None,
            error: None,
        },
    }
}

async fn submit_batch(state: Arc<State>, params: SubmitBatchParams) -> Answer<SubmittedBatch> {
    if params.transactions.len() > limits::SUBMIT_BATCH_MAX {
        let detail = "more than 500 transactions";
        return Err(Refusal::new(Code::LimitExceeded, "/transactions", detail));
    }
    let wait = params.wait;
    let all = params.transactions.iter().map(|input| submit(&state, input, wait));
    Ok(SubmittedBatch { results: futures::future::join_all(all).await })
}

fn executed(receipt: &titian_contracts::execute::Receipt) -> Submitted {
    Submitted {
        tx_id: Some(receipt.id.to_string()),
        status: Submission::Executed,
        receipt: Some(view::receipt(receipt)),
        error: None,
    }
}

fn refused(id: Option<TransactionId>, refusal: Refusal) -> Submitted {
    Submitted {
        tx_id: id.map(|id| id.to_string()),
        status: Submission::Refused,
        receipt: None,
        error: Some(refusal),
    }
}

fn transaction(
    state: &State,
    params: &TransactionParams,
    caller: &Caller,
) -> Answer<ledger::Transaction> {
    let id = read_id(&params.tx_id, "/txId")?;
    let (height, index, bytes) = state.ledger().transaction(&id).ok_or_else(|| gone(state, &id))?;
    let mut shown = view::transaction(&bytes, height, index, &shows(state, caller));
    if params.proof {
        shown.proof = Some(transaction_proof(state, height, index)?);
    }
    Ok(shown)
}

/// Whether the caller sees ops on these records of a height.
fn shows<'a>(state: &'a State, caller: &'a Caller) -> impl Fn(&[String], u64) -> bool + 'a {
    move |ids, height| etr::shows_ops(state, caller, ids, height)
}

/// A bundle of kind `ledger-transaction`.
pub(super) fn transaction_proof(
    state: &State,
    height: u64,
    index: u32,
) -> Answer<titian_api::Object> {
    let block = state.ledger().block(height).ok_or_else(|| missing(state, height))?;
    let certificate = state.ledger().certificate(height).ok_or_else(|| missing(state, height))?;
    let ids: Vec<TransactionId> =
        block.transactions.iter().map(|bytes| TransactionId::of(bytes)).collect();
    let index = index as usize;
    let id = ids.get(index).ok_or_else(|| not_found("/txId"))?;
    let claim = json::Value::object([
        ("id", json::Value::from(id.to_string())),
        ("index", json::Value::from(index as u64)),
        ("count", json::Value::from(ids.len() as u64)),
    ]);
    let evidence = proof::Evidence {
        path: proof::transaction_path(&ids, index),
        header: block.header,
        certificate,
        as_of: None,
    };
    let text = proof::bundle("ledger-transaction", height, claim, &evidence);
    Ok(view::object_text(text.as_bytes()))
}

fn block(state: &State, params: HeightParams, caller: &Caller) -> Answer<Block> {
    let height = height(state, params)?;
    let block = state.ledger().block(height).ok_or_else(|| missing(state, height))?;
    let shows = shows(state, caller);
    let transactions = (0u32..)
        .zip(&block.transactions)
        .map(|(index, bytes)| view::transaction(bytes, height, index, &shows));
    Ok(Block {
        transactions: transactions.collect(),
        header: view::header(&block.header, &state.ledger().validators()),
    })
}

/// The height asked for, else the head; above the head is `HEIGHT_UNKNOWN`.
fn height(state: &State, params: HeightParams) -> Answer<u64> {
    let head = state.ledger().head().height;
    match params.height {
        None => Ok(head),
        Some(height) if height <= head => Ok(height),
        Some(height) => Err(missing(state, height)),
    }
}

/// Reads a transaction id, the member `field` of the parameters.
pub(super) fn read_id(text: &str, field: &str) -> Answer<TransactionId> {
    TransactionId::parse(text)
        .ok_or_else(|| Refusal::new(Code::InvalidParams, field, "tx: and 64 lower-case hex digits"))
}

/// Why there is no block of this height here.
fn missing(state: &State, height: u64) -> Refusal {
    let oldest = state.ledger().oldest();
    if (1..oldest).contains(&height) {
        return Refusal::new(Code::HeightPruned, "/height", "").oldest(oldest);
    }
    let detail =
        if height == 0 { "height 0 is the genesis and has no block" } else { "no such block here" };
    Refusal::new(Code::HeightUnknown, "/height", detail)
}

/// Why a transaction cannot be shown: not executed, or so long ago that its block is not kept.
fn gone(state: &State, id: &TransactionId) -> Refusal {
    match state.ledger().executed_at(id) {
        Some(height) => missing(state, height),
        None => not_found("/txId"),
    }
}

fn not_found(field: &str) -> Refusal {
    Refusal::new(Code::NotFound, field, "")
}
