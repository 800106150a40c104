//! Registration of typed methods: rate limit, admin check, parameters, errors, in one place.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jsonrpsee::server::RpcModule;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use jsonrpsee::{Extensions, core::RegisterMethodError};
use titian_api::{Call, METHODS, Method, Refusal, Scope, call};
use titian_contracts::error::{Code, Reject};

use super::{Caller, State, access, admin, etr, gov, ledger, subscribe, ubin, vc, vc_issue};

/// What a method answers.
pub(super) type Answer<T> = Result<T, Refusal>;

/// All methods. The set is compared with the table: one that is missing or unknown is a bug.
pub(super) fn all(state: Arc<State>) -> Result<RpcModule<Arc<State>>, RegisterMethodError> {
    let mut module = RpcModule::new(state);
    ledger::register(&mut module)?;
    subscribe::register(&mut module)?;
    access::register(&mut module)?;
    ubin::register(&mut module)?;
    vc::register(&mut module)?;
    vc_issue::register(&mut module)?;
    gov::register(&mut module)?;
    etr::register(&mut module)?;
    admin::register(&mut module)?;
    add::<call::Discover, _, _>(&mut module, |state, _, _| async move {
        match titian_api::openrpc(&state.backend.version) {
            serde_json::Value::Object(document) => Ok(document),
            _ => Err(Refusal::from(Code::Unavailable)),
        }
    })?;
    let registered: BTreeSet<&str> = module.method_names().collect();
    for method in METHODS {
        assert!(registered.contains(method.name), "method {} is not registered", method.name);
    }
    Ok(module)
}

/// Registers method `C`.
pub(super) fn add<C, F, A>(
    module: &mut RpcModule<Arc<State>>,
    answer: F,
) -> Result<(), RegisterMethodError>
where
    C: Call + 'static,
    C::Result: Clone,
    F: Fn(Arc<State>, C::Params, Caller) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer<C::Result>> + Send,
{
    let method = row::<C>();
    module.register_async_method(C::NAME, move |params, state, extensions| {
        let answer = answer.clone();
        async move {
            let state = Arc::clone(&state);
            let caller = admit(&state, method, &extensions)?;
            let params = read::<C::Params>(&params)?;
            let result = answer(Arc::clone(&state), params, caller).await;
            if result.is_err() {
                state.counters.refused.fetch_add(1, Ordering::Relaxed);
            }
            result.map_err(|refusal| error_object(&refusal))
        }
    })?;
    Ok(())
}

/// The row of method `C` in the table.
pub(super) fn row<C: Call>() -> &'static Method {
    METHODS
        .iter()
        .find(|method| method.name == C::NAME)
        .expect("the macro that makes a call makes its row")
}

/// Counts the call, and refuses it if there are too many or the caller may not.
pub(super) fn admit(
    state: &State,
    method: &Method,
    extensions: &Extensions,
) -> Result<Caller, ErrorObjectOwned> {
    state.counters.calls.fetch_add(1, Ordering::Relaxed);
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let caller = extensions.get::<Caller>().cloned().unwrap_or(Caller::anyone(nowhere));
    if let Some(limiter) = &state.limiter
        && let Err(retry_ms) = limiter.check(caller.address)
    {
        let refusal = Refusal::new(Code::Busy, "", "too many calls from this address");
        return Err(error_object(&refusal.retry_after(retry_ms)));
    }
    let missing = match method.scope {
        Scope::Public => None,
        Scope::Admin if caller.admin => None,
        Scope::Admin => Some("needs the operator's token, from this machine".to_owned()),
        other if caller.is_granted(other.name()) => None,
        other => Some(format!("needs a token with scope {}", other.name())),
    };
    match missing {
        Some(detail) => Err(error_object(&Refusal::new(Code::Forbidden, "", &detail))),
        None => Ok(caller),
    }
}

/// Reads parameters; serde's message names members, never their values.
pub(super) fn read<P: serde::de::DeserializeOwned>(
    params: &Params<'_>,
) -> Result<P, ErrorObjectOwned> {
    let text = params.as_str().unwrap_or("{}");
    let text = if text.trim().is_empty() || text.trim() == "[]" { "{}" } else { text };
    serde_json::from_str(text).map_err(|error| {
        let detail = public_message(&error);
        error_object(&Refusal::new(Code::InvalidParams, "", &detail))
    })
}

/// The class of a serde error and where it is; the message itself may quote a value.
fn public_message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let names_only = ["missing field", "unknown field", "unknown variant", "duplicate field"];
    if names_only.iter().any(|start| message.starts_with(start)) {
        // these quote member names of the request or of our own types; keep ours only
        let own = message.split(", expected").next().unwrap_or_default();
        if message.starts_with("missing field") {
            return own.to_owned();
        }
        let what = names_only.iter().find(|start| message.starts_with(**start));
        return format!("{} at column {}", what.unwrap_or(&""), error.column());
    }
    format!("wrong type or form at column {}", error.column())
}

/// The JSON-RPC error of a refusal: its code is the number of the one table.
pub(super) fn error_object(refusal: &Refusal) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(refusal.code, refusal.message.clone(), Some(&refusal.data))
}

/// A refusal of the mempool: `BUSY` carries its hint as `retryAfterMs N` in the detail.
pub(super) fn refusal_of(reject: Reject) -> Refusal {
    let hint = reject
        .detail
        .split("retryAfterMs")
        .nth(1)
        .map(|rest| rest.trim_start_matches([' ', '=']))
        .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
        .and_then(|digits| digits.parse().ok());
    let refusal = Refusal::from(reject);
    match hint {
        Some(ms) => refusal.retry_after(ms),
        None => refusal,
    }
}

/// Runs what reads much or computes long away from the threads that serve connections.
pub(super) async fn blocking<T, F>(work: F) -> Answer<T>
where
    T: Send + 'static,
    F: FnOnce() -> Answer<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::error!(%error, "a method failed; this is a bug");
            Err(Refusal::new(Code::Unavailable, "", "the method failed"))
        }
    }
}
