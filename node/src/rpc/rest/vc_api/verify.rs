//! `POST /credentials/verify`, `POST /presentations/verify`, `POST /challenges`.
//!
//! "Not verified" is 400, so that nobody who reads the status alone is deceived; `Prefer:
//! handling=lenient` makes it 200. What cannot be told counts as not verified.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as AxumState};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, routing::post};
use serde_json::{Map, Value, json};
use titian_credential::codes::Outcome;
use titian_credential::model::items;
use titian_credential::problem;
use titian_credential::verdict::{Check, Decision, Policy, Verdict};
use titian_credential::verify::{Request, verify, verify_presentation};

use super::{Options, PREFERENCE_APPLIED, Problem, is_lenient, members};
use crate::rpc::methods::blocking;
use crate::rpc::vc::live;
use crate::rpc::vc::verify::{Judging, decision_of, expect, input_of, moment};
use crate::rpc::{State, Verifier, now_ms, vc_lists};

pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/credentials/verify", post(credential))
        .route("/verifiers/{instance}/credentials/verify", post(credential))
        .route("/presentations/verify", post(presentation))
        .route("/verifiers/{instance}/presentations/verify", post(presentation))
        .route("/challenges", post(challenge))
        .route("/verifiers/{instance}/challenges", post(challenge))
}

/// The instance of a path; a name that is not configured is 404.
fn instance(state: &State, path: Option<Path<String>>) -> Result<Option<Verifier>, Problem> {
    let Some(Path(name)) = path else { return Ok(None) };
    let known = state.config.verifiers.iter().find(|verifier| verifier.name == name);
    known.cloned().map(Some).ok_or_else(|| Problem::not_found("no verifier of this name"))
}

/// Names that the older list of checks has besides those of verdicts.
const OLDER_CHECKS: [&str; 2] = ["credentialStatus", "credentialSchema"];

/// What a request asks for.
struct Asked {
    document: Value,
    request: Request,
    challenge: Option<String>,
    domain: Option<String>,
    returned: Returned,
}

/// What the answer shall hold.
#[derive(Clone, Copy)]
struct Returned {
    results: bool,
    problems: bool,
    input: bool,
}

fn read(
    body: Map<String, Value>,
    name: &str,
    returned: &str,
    instance: Option<&Verifier>,
) -> Result<Asked, Problem> {
    let mut body = body;
    let options = Options::take(&mut body)?;
    let document = match body.remove(name) {
        Some(document @ Value::Object(_)) => document,
        Some(_) => return Err(Problem::malformed(&format!("{name}: an object is expected"))),
        None => return Err(Problem::malformed(&format!("{name} is absent"))),
    };
    // the older list of checks: the proof alone is policy `signature`
    let checks = options.texts("checks")?;
    if checks.iter().any(|name| Check::parse(name).is_none() && !OLDER_CHECKS.contains(&&**name)) {
        return Err(Problem::malformed("options.checks: names of checks are expected"));
    }
    let older = (checks == ["proof"]).then_some("signature");
    let named = options.text("policy")?.or(older);
    let (policy, jurisdiction) = match instance {
        Some(fixed) => {
            let jurisdiction = fixed.jurisdiction.as_deref();
            (Some(fixed.policy.name()), jurisdiction.or(options.text("jurisdiction")?))
        }
        None => (named, options.text("jurisdiction")?),
    };
    let judging = Judging {
        policy,
        jurisdiction,
        require: &options.texts("require")?,
        receipts: &options.objects("receipts")?,
        // an instance keeps its clock: a client must not loosen it
        skew_seconds: options.count("skewSeconds")?.filter(|_| instance.is_none()),
        lists: options.array("statusLists")?,
        lists_fetched_ms: options.count("statusListsFetchedMs")?,
        resources: Some(&options.texts_by_name("resources")?),
        ..Judging::default()
    };
    let mut request = judging.request(Policy::W3c)?;
    request.subject_is_holder = options.flag("subjectIsHolder", false)?;
    Ok(Asked {
        document,
        request,
        challenge: options.text("challenge")?.map(str::to_owned),
        domain: options.text("domain")?.map(str::to_owned),
        returned: Returned {
            results: options.flag("returnResults", false)?,
            problems: options.flag("returnProblemDetails", true)?,
            input: options.flag(returned, false)?,
        },
    })
}

async fn credential(
    AxumState(state): AxumState<Arc<State>>,
    path: Option<Path<String>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    answer(&state, path, &headers, body, Kind::Credential).await
}

async fn presentation(
    AxumState(state): AxumState<Arc<State>>,
    path: Option<Path<String>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    answer(&state, path, &headers, body, Kind::Presentation).await
}

#[derive(Clone, Copy)]
enum Kind {
    Credential,
    Presentation,
}

async fn answer(
    state: &Arc<State>,
    path: Option<Path<String>>,
    headers: &HeaderMap,
    body: Body,
    kind: Kind,
) -> Response {
    let (name, returned) = match kind {
        Kind::Credential => ("verifiableCredential", "returnCredential"),
        Kind::Presentation => ("verifiablePresentation", "returnPresentation"),
    };
    let asked = match instance(state, path) {
        Ok(instance) => {
            members(body).await.and_then(|body| read(body, name, returned, instance.as_ref()))
        }
        Err(problem) => Err(problem),
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(problem) => return problem.answer(state),
    };
    let reader = Arc::clone(state);
    let judged = blocking(move || match kind {
        Kind::Credential => judge_credential(&reader, asked),
        Kind::Presentation => judge_presentation(&reader, asked),
    });
    match judged.await {
        Ok((verified, shown)) => under_status(verified, is_lenient(headers), shown),
        Err(refusal) => Problem::from(refusal).answer(state),
    }
}

fn under_status(verified: bool, lenient: bool, shown: Map<String, Value>) -> Response {
    let status = if verified || lenient { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let mut response = (status, Json(Value::Object(shown))).into_response();
    if lenient {
        let applied = HeaderValue::from_static("handling=lenient");
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    response
}

type Judged = crate::rpc::methods::Answer<(bool, Map<String, Value>)>;

fn judge_credential(state: &State, asked: Asked) -> Judged {
    let Asked { document, mut request, challenge, domain, returned } = asked;
    let input = input_of(&document, "/verifiableCredential")?;
    let (at, now) = moment(state, None)?;
    expect(state, &mut request, challenge.as_deref(), domain.as_deref());
    // the results quote members of what an envelope holds
    request.return_credential = returned.results || returned.input;
    vc_lists::supply_own(state, &input, &mut request, now);
    let verdict = verify(&input, &request, Some(&live(state, &at)), now);
    let verified = verdict.decision == Decision::Verified;
    Ok((verified, of_credential(verdict, &document, returned)))
}

/// The answer about one credential.
fn of_credential(mut verdict: Verdict, document: &Value, returned: Returned) -> Map<String, Value> {
    let opened = verdict.credential.take();
    let mut shown = Map::new();
    shown.insert("verified".to_owned(), json!(verdict.verified()));
    if returned.problems {
        shown.insert("problemDetails".to_owned(), json!(problem::details(&verdict)));
    }
    shown.insert("verdict".to_owned(), verdict.to_value());
    if returned.results {
        let results = results(&verdict, opened.as_ref().unwrap_or(document), document);
        shown.insert("results".to_owned(), Value::Object(results));
    }
    if returned.input {
        shown.insert("credential".to_owned(), document.clone());
    }
    shown
}

/// What each member of a credential came to.
fn results(verdict: &Verdict, opened: &Value, document: &Value) -> Map<String, Value> {
    let passed = |check: Check| {
        verdict
            .check(check)
            .is_some_and(|result| matches!(result.outcome, Outcome::Pass | Outcome::NotApplicable))
    };
    let each = |name: &str, good: bool| -> Vec<Value> {
        let listed = opened.get(name).map(items).unwrap_or_default();
        listed.iter().map(|input| json!({"verified": good, "input": input})).collect()
    };
    let proven = passed(Check::Proof) && passed(Check::IssuerKey);
    let mut results = Map::new();
    let proofs = match each("proof", proven) {
        // a token is its own proof
        none if none.is_empty() => vec![json!({"verified": proven, "input": document})],
        proofs => proofs,
    };
    results.insert("proof".to_owned(), json!(proofs));
    let code = verdict.check(Check::Validity).map_or("", |result| result.code);
    for (name, fault) in [("validFrom", "NOT_YET_VALID"), ("validUntil", "EXPIRED")] {
        if let Some(input) = opened.get(name) {
            let good = code != fault && passed(Check::Syntax);
            results.insert(name.to_owned(), json!({"verified": good, "input": input}));
        }
    }
    for (name, check) in [("credentialStatus", Check::Status), ("credentialSchema", Check::Schema)]
    {
        let each = each(name, passed(check));
        if !each.is_empty() {
            results.insert(name.to_owned(), json!(each));
        }
    }
    results
}

fn judge_presentation(state: &State, asked: Asked) -> Judged {
    let Asked { document, mut request, challenge, domain, returned } = asked;
    let input = input_of(&document, "/verifiablePresentation")?;
    let (at, now) = moment(state, None)?;
    expect(state, &mut request, challenge.as_deref(), domain.as_deref());
    request.return_credential = returned.results;
    vc_lists::supply_own(state, &input, &mut request, now);
    let mut shown = verify_presentation(&input, &request, Some(&live(state, &at)), now);
    let decision = decision_of(&shown);
    let opened = shown.whole.credential.take();
    let presented = opened.as_ref().unwrap_or(&document);
    let verified = decision == Decision::Verified;
    let each: Vec<Map<String, Value>> = shown
        .credentials
        .into_iter()
        .map(|verdict| of_credential(verdict, &Value::Null, Returned { input: false, ..returned }))
        .collect();
    let mut answer = Map::new();
    answer.insert("verified".to_owned(), json!(verified));
    answer.insert("outcome".to_owned(), json!(decision.name()));
    let whole = &shown.whole;
    answer.insert("presentationResult".to_owned(), json!({"verified": whole.verified()}));
    answer.insert("verdict".to_owned(), whole.to_value());
    if returned.problems {
        answer.insert("problemDetails".to_owned(), json!(problem::details(whole)));
    }
    if returned.results {
        let own = of_presentation(whole, presented, &document, &request);
        answer.insert("results".to_owned(), json!({"presentation": own, "credentials": each}));
    }
    answer.insert("credentialResults".to_owned(), json!(each));
    if returned.input {
        answer.insert("verifiablePresentation".to_owned(), document);
    }
    Ok((verified, answer))
}

/// What the members of a presentation came to.
fn of_presentation(
    whole: &Verdict,
    presented: &Value,
    document: &Value,
    request: &Request,
) -> Map<String, Value> {
    let holder = whole.check(Check::Holder);
    let code = holder.map_or("", |result| result.code);
    let good = holder.is_some_and(|result| result.outcome == Outcome::Pass);
    let mut own = Map::new();
    let proofs = presented.get("proof").map(items).unwrap_or_default();
    let proofs = if proofs.is_empty() { std::slice::from_ref(document) } else { proofs };
    let proofs: Vec<Value> =
        proofs.iter().map(|input| json!({"verified": good, "input": input})).collect();
    own.insert("proof".to_owned(), json!(proofs));
    let of_challenge = ["CHALLENGE_MISMATCH", "NONCE_MISMATCH", "CHALLENGE_REPLAYED"];
    let of_domain = ["DOMAIN_MISMATCH", "AUDIENCE_MISMATCH"];
    for (name, input, faults) in [
        ("challenge", &request.challenge, &of_challenge[..]),
        ("domain", &request.domain, &of_domain[..]),
    ] {
        if let Some(input) = input {
            let met = good || (holder.is_some() && !faults.contains(&code) && reached(code));
            own.insert(name.to_owned(), json!({"verified": met, "input": input}));
        }
    }
    if let Some(holder) = presented.get("holder") {
        own.insert("holder".to_owned(), json!({"verified": good, "input": holder}));
    }
    own
}

/// Whether the holder check went as far as what was expected of its proof.
fn reached(code: &str) -> bool {
    matches!(code, "HOLDER_MISMATCH" | "SUBJECT_NOT_HOLDER")
}

async fn challenge(
    AxumState(state): AxumState<Arc<State>>,
    path: Option<Path<String>>,
    body: Body,
) -> Response {
    let given = match instance(&state, path) {
        Err(problem) => Err(problem),
        Ok(_) => members(body).await.and_then(|members| {
            let domain = match members.get("domain") {
                None | Some(Value::Null) => None,
                Some(Value::String(domain)) => Some(domain.as_str()),
                Some(_) => return Err(Problem::malformed("domain: a text is expected")),
            };
            state.challenges.give(domain, now_ms()).map_err(Problem::from)
        }),
    };
    match given {
        Ok(given) => Json(given).into_response(),
        Err(problem) => problem.answer(&state),
    }
}
