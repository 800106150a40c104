//! `vc_verify`, `vc_verifyBatch`, `vc_verifyPresentation`: the library's verdicts on this node's
//! own finalised state.
//!
//! Invariant: the node adds nothing to a verdict and takes nothing away; what it decides is which
//! state is read, at which time, and whether a challenge still counts.

use std::collections::BTreeMap;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde_json::Value;
use titian_api::vc_verify::{
    PresentationVerdict as Answered, Verdicts, VerifyBatchParams, VerifyParams,
    VerifyPresentationParams,
};
use titian_api::{Object, Refusal};
use titian_contracts::access::is_state_code;
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_credential::anchor::Receipt;
use titian_credential::key::decode;
use titian_credential::qr;
use titian_credential::verdict::{Check, Decision, Policy, PresentationVerdict, Verdict};
use titian_credential::verify::{self, Request, Supplied, SupplyError};

use super::challenge::Taken;
use super::live;
use crate::rpc::at::At;
use crate::rpc::methods::Answer;
use crate::rpc::{State, now_ms, vc_lists};

fn invalid(field: &str, detail: &str) -> Refusal {
    Refusal::new(Code::InvalidParams, field, detail)
}

/// How to judge, as the parameters of all methods say it.
#[derive(Default)]
pub(in crate::rpc) struct Judging<'a> {
    pub(in crate::rpc) policy: Option<&'a str>,
    pub(in crate::rpc) jurisdiction: Option<&'a str>,
    pub(in crate::rpc) require: &'a [String],
    pub(in crate::rpc) receipts: &'a [Object],
    pub(in crate::rpc) max_age_s: Option<u64>,
    /// Clock skew, seconds; `None` is the default.
    pub(in crate::rpc) skew_seconds: Option<u64>,
    /// Signed status lists: objects or texts.
    pub(in crate::rpc) lists: &'a [Value],
    /// When they were fetched, ms; `None` is now.
    pub(in crate::rpc) lists_fetched_ms: Option<u64>,
    /// Bytes in base64url by URL.
    pub(in crate::rpc) resources: Option<&'a BTreeMap<String, String>>,
}

impl Judging<'_> {
    /// The request of the library; `default` is the policy where none is named.
    pub(in crate::rpc) fn request(&self, default: Policy) -> Answer<Request> {
        let policy = match self.policy {
            None => default,
            Some(name) => {
                Policy::parse(name).ok_or_else(|| invalid("/policy", "ledger, w3c or signature"))?
            }
        };
        let mut request = Request::new(policy);
        if self.jurisdiction.is_some_and(|text| !is_state_code(text)) {
            return Err(invalid("/jurisdiction", "two capital letters are expected"));
        }
        request.jurisdiction = self.jurisdiction.map(str::to_owned);
        request.max_age_ms = self.max_age_s.map(|seconds| seconds.saturating_mul(1_000));
        for name in self.require {
            let check = Check::parse(name).ok_or_else(|| invalid("/require", "unknown check"))?;
            request.require.push(check);
        }
        if let Some(seconds) = self.skew_seconds {
            let ms = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1_000));
            request.skew_ms = ms
                .filter(|ms| *ms <= limits::SKEW_MS_MAX)
                .ok_or_else(|| invalid("/skewSeconds", "0 to 300 seconds"))?;
        }
        request.supplied.receipts = read_receipts(self.receipts)?;
        self.hand_over(&mut request.supplied)?;
        Ok(request)
    }

    /// Lists and bytes that the caller holds.
    fn hand_over(&self, supplied: &mut Supplied) -> Answer<()> {
        let refused = |field: &str, error: SupplyError| {
            let code = if error.is_limit() { Code::LimitExceeded } else { Code::InvalidParams };
            Refusal::new(code, field, &error.to_string())
        };
        // too late a time is cut to the time of judgement, once that is known
        let fetched_ms = self.lists_fetched_ms.unwrap_or(u64::MAX);
        for (i, list) in self.lists.iter().enumerate() {
            let field = format!("/statusLists/{i}");
            let text = match list {
                Value::String(text) => text.clone(),
                Value::Object(_) => list.to_string(),
                _ => return Err(invalid(&field, "an object or the text of a token is expected")),
            };
            supplied.add_list(text, fetched_ms).map_err(|error| refused(&field, error))?;
        }
        for (url, encoded) in self.resources.into_iter().flatten() {
            let field = format!("/resources/{}", url.replace('~', "~0").replace('/', "~1"));
            let bytes = decode(encoded)
                .ok_or_else(|| invalid(&field, "base64url without padding is expected"))?;
            supplied.add_resource(url, bytes).map_err(|error| refused(&field, error))?;
        }
        Ok(())
    }
}

/// Anchor receipts of a request.
pub(in crate::rpc) fn read_receipts(receipts: &[Object]) -> Answer<Vec<Receipt>> {
    if receipts.len() > limits::RECEIPTS_MAX {
        return Err(Refusal::new(Code::LimitExceeded, "/receipts", "at most 32"));
    }
    let read = |(i, receipt): (usize, &Object)| {
        Receipt::of_value(&Value::Object(receipt.clone()))
            .ok_or_else(|| invalid(&format!("/receipts/{i}"), "no anchor receipt"))
    };
    receipts.iter().enumerate().map(read).collect()
}

/// The text of a credential or presentation: of a token the text itself, of an object its JSON, of a
/// QR code what it holds. A code in parts is their texts, one a line; one that does not read stays
/// as it is, and its verdict says so.
pub(in crate::rpc) fn input_of(value: &Value, field: &str) -> Answer<Vec<u8>> {
    match value {
        Value::String(text) if qr::is_payload(text) => {
            match qr::read_all(text.lines().filter(|line| !line.is_empty())) {
                Ok(qr::Content::Credential(held)) => Ok(held.into_bytes()),
                Ok(qr::Content::Evidence(_)) => {
                    Err(invalid(field, "an evidence pack verifies offline: titian verify"))
                }
                Err(_) => Ok(text.clone().into_bytes()),
            }
        }
        Value::String(text) => Ok(text.clone().into_bytes()),
        Value::Object(_) => serde_json::to_vec(value).map_err(|_| invalid(field, "not JSON")),
        _ => Err(invalid(field, "an object or the text of a token is expected")),
    }
}

/// A verdict on one credential or on a presentation.
pub(in crate::rpc) enum Judged {
    One(Verdict),
    Shown(PresentationVerdict),
}

impl Judged {
    pub(in crate::rpc) fn decision(&self) -> Decision {
        match self {
            Self::One(verdict) => verdict.decision,
            Self::Shown(shown) => decision_of(shown),
        }
    }

    pub(in crate::rpc) fn to_object(&self) -> Object {
        let value = match self {
            Self::One(verdict) => verdict.to_value(),
            Self::Shown(shown) => shown.to_value(),
        };
        match value {
            Value::Object(members) => members,
            _ => Object::new(),
        }
    }
}

/// A presentation is as good as the worst of it and its credentials.
pub(in crate::rpc) fn decision_of(shown: &PresentationVerdict) -> Decision {
    let mut all = shown.credentials.iter().chain([&shown.whole]).map(|verdict| verdict.decision);
    if all.clone().any(|decision| decision == Decision::Rejected) {
        Decision::Rejected
    } else if all.all(|decision| decision == Decision::Verified) {
        Decision::Verified
    } else {
        Decision::Indeterminate
    }
}

/// Which state a verdict rests on, and the time of judgement: as of an earlier height the question
/// is what held then, so its block time is the time.
pub(in crate::rpc) fn moment(state: &State, height: Option<u64>) -> Answer<(At, u64)> {
    let at = At::height(state, height).map_err(|mut refusal| {
        // requests call it so
        refusal.data.field = refusal.data.field.map(|_| "/atHeight".to_owned());
        refusal
    })?;
    let now = if height.is_some() { at.time_ms } else { now_ms() };
    Ok((at, now))
}

/// The verdict on a text in any form.
pub(in crate::rpc) fn judge(
    state: &State,
    input: &[u8],
    mut request: Request,
    (at, now): (&At, u64),
) -> Judged {
    let snapshot = live(state, at);
    vc_lists::supply_own(state, input, &mut request, now);
    if verify::is_presentation(input) {
        let shown = verify::verify_presentation(input, &request, Some(&snapshot), now);
        return Judged::Shown(shown);
    }
    Judged::One(verify::verify(input, &request, Some(&snapshot), now))
}

/// Puts what the holder was asked into a request. A challenge of this node is used up by it, and
/// binds the domain that it was given for.
pub(in crate::rpc) fn expect(
    state: &State,
    request: &mut Request,
    challenge: Option<&str>,
    domain: Option<&str>,
) {
    request.challenge = challenge.map(str::to_owned);
    request.domain = domain.map(str::to_owned);
    let Some(challenge) = challenge else { return };
    match state.challenges.take(challenge, now_ms()) {
        Taken::Foreign => {}
        Taken::Replayed => request.replayed = true,
        Taken::Once(given) => {
            // another domain than the one it was given for is no use of this challenge
            request.replayed = given.is_some() && domain.is_some() && given.as_deref() != domain;
            request.domain = request.domain.take().or(given);
        }
    }
}

/// `vc_verify`.
pub(super) fn one(state: &State, params: &VerifyParams) -> Answer<Object> {
    let judging = Judging {
        policy: params.policy.as_deref(),
        jurisdiction: params.jurisdiction.as_deref(),
        require: &params.require,
        receipts: &params.receipts,
        max_age_s: params.max_age,
        skew_seconds: params.skew_seconds,
        lists: &params.status_lists,
        lists_fetched_ms: params.status_lists_fetched_ms,
        resources: Some(&params.resources),
    };
    let mut request = judging.request(Policy::Ledger)?;
    let input = input_of(&params.credential, "/credential")?;
    let (at, now) = moment(state, params.at_height)?;
    expect(state, &mut request, params.challenge.as_deref(), params.domain.as_deref());
    Ok(judge(state, &input, request, (&at, now)).to_object())
}

/// `vc_verifyBatch`.
pub(super) fn batch(state: &State, params: &VerifyBatchParams) -> Answer<Verdicts> {
    if params.items.len() > limits::VERIFY_BATCH_MAX {
        return Err(Refusal::new(Code::LimitExceeded, "/items", "at most 1,000"));
    }
    let judging = Judging {
        policy: params.policy.as_deref(),
        jurisdiction: params.jurisdiction.as_deref(),
        require: &params.require,
        receipts: &[],
        max_age_s: params.max_age,
        skew_seconds: params.skew_seconds,
        lists: &params.status_lists,
        lists_fetched_ms: params.status_lists_fetched_ms,
        resources: Some(&params.resources),
    };
    let common = judging.request(Policy::Ledger)?;
    let at_item = |i: usize, refusal: Refusal| {
        let field = refusal.data.field.clone().unwrap_or_default();
        let detail = refusal.data.detail.clone().unwrap_or_default();
        let rule = refusal.rule().unwrap_or(Code::InvalidParams);
        Refusal::new(rule, &format!("/items/{i}{field}"), &detail)
    };
    let mut items = Vec::with_capacity(params.items.len());
    for (i, item) in params.items.iter().enumerate() {
        let receipts = read_receipts(&item.receipts).map_err(|refusal| at_item(i, refusal))?;
        let input = input_of(&item.credential, "/credential");
        items.push((input.map_err(|refusal| at_item(i, refusal))?, receipts));
    }
    let (at, now) = moment(state, params.at_height)?;
    let judge_item = |(input, receipts): &(Vec<u8>, Vec<Receipt>)| {
        // the lists and resources are copied for the items in work, not for all that wait
        let mut request = common.clone();
        request.supplied.receipts.clone_from(receipts);
        judge(state, input, request, (&at, now))
    };
    let judged: Vec<Judged> = items.par_iter().map(judge_item).collect();
    let count =
        |wanted: Decision| judged.iter().filter(|one| one.decision() == wanted).count() as u64;
    Ok(Verdicts {
        verified: count(Decision::Verified),
        rejected: count(Decision::Rejected),
        indeterminate: count(Decision::Indeterminate),
        verdicts: judged.iter().map(Judged::to_object).collect(),
    })
}

/// `vc_verifyPresentation`.
pub(super) fn presentation(state: &State, params: &VerifyPresentationParams) -> Answer<Answered> {
    let judging = Judging {
        policy: params.policy.as_deref(),
        jurisdiction: params.jurisdiction.as_deref(),
        require: &params.require,
        receipts: &params.receipts,
        max_age_s: params.max_age,
        skew_seconds: params.skew_seconds,
        lists: &params.status_lists,
        lists_fetched_ms: params.status_lists_fetched_ms,
        resources: Some(&params.resources),
    };
    let mut request = judging.request(Policy::Ledger)?;
    request.subject_is_holder = params.subject_is_holder;
    let challenge = either(&params.challenge, &params.nonce, "/nonce")?;
    let domain = either(&params.domain, &params.audience, "/audience")?;
    let input = input_of(&params.presentation, "/presentation")?;
    let (at, now) = moment(state, params.at_height)?;
    expect(state, &mut request, challenge, domain);
    vc_lists::supply_own(state, &input, &mut request, now);
    let shown = verify::verify_presentation(&input, &request, Some(&live(state, &at)), now);
    let members = |verdict: &Verdict| verdict.to_value().as_object().cloned().unwrap_or_default();
    let decision = decision_of(&shown);
    Ok(Answered {
        verified: decision == Decision::Verified,
        outcome: decision.name().to_owned(),
        presentation: members(&shown.whole),
        credentials: shown.credentials.iter().map(members).collect(),
    })
}

/// One expectation under its two names.
fn either<'a>(
    a: &'a Option<String>,
    b: &'a Option<String>,
    field: &str,
) -> Answer<Option<&'a str>> {
    match (a, b) {
        (Some(a), Some(b)) if a != b => Err(invalid(field, "differs from its other name")),
        (Some(one), _) | (None, Some(one)) => Ok(Some(one)),
        (None, None) => Ok(None),
    }
}
