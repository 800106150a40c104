//! Registration of typed methods: rate limit, admin check, parameters, errors, in one place.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jsonrpsee::server::{MethodCallback, RpcModule};
use jsonrpsee::types::error::METHOD_NOT_FOUND_CODE;
use jsonrpsee::types::{ErrorObjectOwned, Params};
use jsonrpsee::{Extensions, core::RegisterMethodError};
use serde_path_to_error::Segment;
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

/// The same for calls by HTTP, where nothing can be followed: what opens or ends a subscription says
/// so.
pub(super) fn by_http(
    module: &RpcModule<Arc<State>>,
) -> Result<RpcModule<Arc<State>>, RegisterMethodError> {
    let mut module = module.clone();
    let follows = |name: &&str| {
        let method = module.method(name);
        matches!(method, Some(MethodCallback::Subscription(_) | MethodCallback::Unsubscription(_)))
    };
    let names: Vec<&'static str> = module.method_names().filter(follows).collect();
    for name in names {
        module.remove_method(name);
        module.register_method(name, |_, state, _| {
            state.counters.calls.fetch_add(1, Ordering::Relaxed);
            state.counters.refused.fetch_add(1, Ordering::Relaxed);
            let message = "subscriptions need a WebSocket: connect to ws:// or wss://";
            Err::<(), _>(ErrorObjectOwned::owned::<()>(METHOD_NOT_FOUND_CODE, message, None))
        })?;
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

/// Reads parameters, which are passed by name. A refusal names the member by a JSON pointer, never a
/// value.
pub(super) fn read<P: serde::de::DeserializeOwned>(
    params: &Params<'_>,
) -> Result<P, ErrorObjectOwned> {
    let text = params.as_str().unwrap_or("{}").trim();
    let text = if text.is_empty() || text == "[]" { "{}" } else { text };
    let refuse =
        |field: &str, detail: &str| error_object(&Refusal::new(Code::InvalidParams, field, detail));
    if text.starts_with('[') {
        return Err(refuse("", "parameters are passed by name, as an object"));
    }
    serde_json::from_str(text).map_err(|error| {
        let (field, detail) = what_is_wrong::<P>(text, &error);
        refuse(&field, &detail)
    })
}

/// Which member is wrong, and how. It is read once more for the path, which only a refusal needs. What
/// a caller wrote does not come back: neither a value nor the name of a member that we do not know.
fn what_is_wrong<P: serde::de::DeserializeOwned>(
    text: &str,
    error: &serde_json::Error,
) -> (String, String) {
    let mut steps = Vec::new();
    let reader = &mut serde_json::Deserializer::from_str(text);
    if let Err(error) = serde_path_to_error::deserialize::<_, P>(reader) {
        steps.extend(error.path().iter().filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { .. } | Segment::Unknown => None,
        }));
    }
    let message = error.to_string();
    // after the last "expected" stand names of our own types only
    let known = || {
        let own = message.rsplit_once("`, expected ").map_or("", |(_, own)| own);
        own.rsplit_once(" at line").map_or(own, |(own, _)| own).to_owned()
    };
    let detail = match message.split_once(" `") {
        Some(("missing field", rest)) => {
            steps.push(rest.split('`').next().unwrap_or_default().to_owned());
            "is missing".to_owned()
        }
        Some(("unknown field", _)) => {
            steps.pop();
            format!("has an unknown member; expected {}", known())
        }
        Some(("unknown variant", _)) => format!("expected {}", known()),
        // these also happen within a body of the caller's own, whose names are none of ours
        _ if message.starts_with("duplicate field") => {
            steps.truncate(1);
            "a member stands twice".to_owned()
        }
        _ => {
            if !message.starts_with("invalid ") {
                steps.truncate(1);
            }
            "wrong type or form".to_owned()
        }
    };
    (steps.iter().map(|step| format!("/{}", escaped(step))).collect(), detail)
}

/// A name as a step of a JSON pointer (RFC 6901 §3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
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

/// How many items a page has: as asked for, else `default`. `LIMIT_EXCEEDED` outside 1 to `max`.
pub(super) fn page_items(limit: Option<u32>, default: u32, max: u32) -> Answer<usize> {
    let limit = limit.unwrap_or(default);
    if (1..=max).contains(&limit) {
        Ok(limit as usize)
    } else {
        Err(Refusal::new(Code::LimitExceeded, "/limit", &format!("1 to {max}")))
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
