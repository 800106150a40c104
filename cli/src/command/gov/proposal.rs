//! `titian gov proposal-open`, `proposal-vote`, `proposal-withdraw`, `list`, `show`.
//!
//! Invariant: a vote names the digest of the body that was shown before it was signed; the digest is
//! computed here.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use titian_api::call;
use titian_api::gov::{ProposalParams, ProposalsParams};
use titian_contracts::governance::proposal::{Kind, digest_of};
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::{limits, time};

use crate::act::{self, Draft, SigningArgs};
use crate::command::ledger::write_bundle;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, table};
use crate::session::Session;

/// Time to vote unless the author says otherwise: 7 days.
const VOTING_S: u64 = 7 * 86_400;

/// A proposal to open.
#[derive(Debug, clap::Args)]
pub(crate) struct OpenArgs {
    /// The proposal, JSON: kind and body
    file: PathBuf,
    /// The state that opens it
    #[arg(long, value_name = "CC")]
    by: String,
    /// Consultation, in seconds; the genesis says how short it may be
    #[arg(long, value_name = "S", default_value_t = limits::CONSULTATION_S_MIN)]
    consultation: u64,
    /// Time to vote, in seconds
    #[arg(long, value_name = "S", default_value_t = VOTING_S)]
    voting: u64,
    #[command(flatten)]
    signing: SigningArgs,
}

/// A vote.
#[derive(Debug, clap::Args)]
pub(crate) struct VoteArgs {
    /// The number of the proposal
    no: u64,
    /// yes, no or abstain
    #[arg(value_parser = ["yes", "no", "abstain"])]
    vote: String,
    /// The state that votes
    #[arg(long, value_name = "CC")]
    by: String,
    #[command(flatten)]
    signing: SigningArgs,
}

/// A withdrawal.
#[derive(Debug, clap::Args)]
pub(crate) struct WithdrawArgs {
    /// The number of the proposal
    no: u64,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Opens a proposal under the next number.
pub(super) fn open(session: &Session, args: &OpenArgs) -> Result<Report> {
    let file = document::read_value(&args.file)?;
    let member = |name: &str| {
        file.get(name).cloned().ok_or_else(|| {
            CommandError::usage(format!("{} has no {name}", args.file.display()))
                .hint("a proposal is {\"kind\": …, \"body\": …}")
        })
    };
    let last = all(session, &ProposalsParams::default())?.last().and_then(number).unwrap_or(0);
    let members = Value::object([
        ("author", Value::from(args.by.as_str())),
        ("no", Value::from(last.saturating_add(1))),
        ("kind", member("kind")?),
        ("body", member("body")?),
        ("consultationS", Value::from(args.consultation)),
        ("votingS", Value::from(args.voting)),
    ]);
    act::perform(session, &Draft::new(Register::Gov, "proposal_open", members), &args.signing)
}

/// Votes on what was shown.
pub(super) fn vote(session: &Session, args: &VoteArgs) -> Result<Report> {
    let proposal = one(session, args.no, false)?;
    let body = document::from_json(proposal.get("body").unwrap_or(&Json::Null))?;
    let kind = document::text(&proposal, "/kind").and_then(Kind::parse);
    let kind = kind.ok_or_else(|| CommandError::refused("this program does not know the kind"))?;
    let members = Value::object([
        ("by", Value::from(args.by.as_str())),
        ("no", Value::from(args.no)),
        ("digest", Value::from(digest_of(kind, &body))),
        ("vote", Value::from(args.vote.as_str())),
    ]);
    let draft = Draft::new(Register::Gov, "proposal_vote", members);
    act::perform_on(session, &draft, &args.signing, Some(proposal))
}

/// Withdraws a proposal of the signing state.
pub(super) fn withdraw(session: &Session, args: &WithdrawArgs) -> Result<Report> {
    let proposal = one(session, args.no, false)?;
    let members = Value::object([
        ("author", Value::from(document::text(&proposal, "/author").unwrap_or_default())),
        ("no", Value::from(args.no)),
    ]);
    let draft = Draft::new(Register::Gov, "proposal_withdraw", members);
    act::perform_on(session, &draft, &args.signing, Some(proposal))
}

/// All proposals, or those in a state or of an author.
pub(super) fn list(
    session: &Session,
    state: Option<String>,
    author: Option<String>,
) -> Result<Report> {
    let params = ProposalsParams { state, author, ..ProposalsParams::default() };
    let found = all(session, &params)?;
    let heads =
        ["NO", "KIND", "SUBJECT", "BY", "STATE", "YES", "NO", "ABSTAIN", "OF", "VOTING UNTIL"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for proposal in &found {
        let text = |name: &str| document::text(proposal, name).unwrap_or_default().to_owned();
        let count = |name: &str| proposal.pointer(name).map(Json::to_string).unwrap_or_default();
        let until = proposal.get("votingUntilMs").and_then(Json::as_u64);
        rows.push(vec![
            count("/no"),
            text("/kind"),
            text("/subject"),
            text("/author"),
            text("/state"),
            count("/votes/yes"),
            count("/votes/no"),
            count("/votes/abstain"),
            count("/members"),
            until.map(time::rfc3339).unwrap_or_default(),
        ]);
    }
    Ok(Report::new(table(&rows), Json::Array(found)))
}

/// One proposal with its body and votes, and on request its proof in a file.
pub(super) fn show(session: &Session, no: u64, proof: Option<&Path>) -> Result<Report> {
    let mut proposal = one(session, no, proof.is_some())?;
    let bundle = proposal.as_object_mut().and_then(|members| members.remove("proof"));
    let mut report = Report::json(proposal);
    if let Some(path) = proof {
        let bundle = bundle.ok_or_else(|| CommandError::refused("the node gave no proof"))?;
        report.text = format!("{}\n{}", report.text, write_bundle(path, bundle)?);
    }
    Ok(report)
}

fn one(session: &Session, no: u64, proof: bool) -> Result<Json> {
    let params = ProposalParams { no, height: None, proof };
    session.client()?.ask::<call::GovProposal>(&params).map(Json::Object)
}

fn all(session: &Session, params: &ProposalsParams) -> Result<Vec<Json>> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let params = ProposalsParams { cursor, ..params.clone() };
        let page = session.client()?.ask::<call::GovProposals>(&params)?;
        found.extend(page.items.into_iter().map(Json::Object));
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(found);
        }
    }
}

fn number(proposal: &Json) -> Option<u64> {
    proposal.get("no").and_then(Json::as_u64)
}
