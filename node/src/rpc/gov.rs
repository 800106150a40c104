//! `gov_proposals`, `gov_proposal`, `gov_prepare`: proposals and votes, and dry runs of all acts of
//! governance. `gov_recognitions` is read with the credentials, in `vc/`.

use std::sync::Arc;

use jsonrpsee::core::RegisterMethodError;
use jsonrpsee::server::RpcModule;
use serde_json::json;
use titian_api::gov::{ProposalParams, ProposalsParams};
use titian_api::vc::Listed;
use titian_api::{Object, Refusal, call};
use titian_contracts::access;
use titian_contracts::error::Code;
use titian_contracts::governance::proposal::{self, Phase, Proposal, Vote};
use titian_contracts::json;
use titian_contracts::op::Register;
use titian_contracts::state::{Overlay, decode_content};

use super::methods::{Answer, add, blocking};
use super::vc::evidence;
use super::vc::page::{Ask, page};
use super::{State, prepare, view};

pub(super) fn register(module: &mut RpcModule<Arc<State>>) -> Result<(), RegisterMethodError> {
    add::<call::GovProposals, _, _>(module, |state, params, _| async move {
        proposals(&state, params).await
    })?;
    add::<call::GovProposal, _, _>(
        module,
        |state, params, _| async move { one(&state, params).await },
    )?;
    add::<call::GovPrepare, _, _>(module, |state, params, _| async move {
        blocking(move || prepare::common(&state, Register::Gov, params)).await
    })?;
    Ok(())
}

async fn proposals(state: &Arc<State>, params: ProposalsParams) -> Answer<Listed> {
    let known = |named: &String| Phase::ALL.iter().any(|phase| phase.name() == named);
    if params.state.as_ref().is_some_and(|named| !known(named)) {
        return Err(Refusal::new(Code::InvalidParams, "/state", "no state of a proposal"));
    }
    let (wanted, author) = (params.state, params.author);
    let ask = Ask {
        limit: params.limit,
        cursor: params.cursor,
        height: params.height,
        proof: params.proof,
    };
    page(state, ask, b"gov/proposal/".to_vec(), move |at, _, stored| {
        let proposal: Proposal = decode_content(&stored.content)?;
        let phase = proposal.phase(at.time_ms).name();
        let fits = wanted.as_ref().is_none_or(|wanted| wanted == phase)
            && author.as_ref().is_none_or(|author| *author == proposal.author);
        fits.then(|| {
            let mut item = view::object(&proposal::view(&proposal, at.time_ms));
            item.insert("height".to_owned(), json!(stored.last_changed));
            item
        })
    })
    .await
}

async fn one(state: &Arc<State>, params: ProposalParams) -> Answer<Object> {
    let no = params.no;
    evidence::answer(state, (params.height, params.proof), move |_, at, noted| {
        shown(&Overlay::new(noted), no, at.time_ms)
    })
    .await
}

/// A proposal with its body and what each state voted; a state that did not vote stands nowhere.
fn shown(overlay: &Overlay<'_>, no: u64, time_ms: u64) -> Answer<Object> {
    let found: Option<Proposal> = overlay.read(&proposal::proposal_key(no));
    let found = found.ok_or_else(|| Refusal::new(Code::UnknownProposal, "/no", ""))?;
    let text: String = overlay.read(&proposal::body_key(no)).unwrap_or_default();
    let body = json::parse(text.as_bytes()).map_err(Refusal::from)?;
    let votes: Vec<_> = access::members(overlay)
        .into_iter()
        .filter_map(|cc| {
            let vote: Vote = overlay.read(&proposal::vote_key(no, &cc))?;
            Some(json!({
                "by": cc, "vote": vote.choice.name(), "height": vote.height, "ms": vote.ms,
            }))
        })
        .collect();
    let mut answer = view::object(&proposal::view(&found, time_ms));
    answer.insert("body".to_owned(), view::json(&body));
    answer.insert("votesCast".to_owned(), json!(votes));
    Ok(answer)
}
