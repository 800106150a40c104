//! Erasure: what this wallet remembers of a credential goes; and the report of what it remembers.
//!
//! Invariant: a credential that is erased is revoked first, unless told otherwise, with no reason
//! stated: until the ledger says that it is revoked, nothing is forgotten. Its index stays taken. What a node issued is erased by that node, for whoever has a token.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::vc_issue::EraseParams;
use titian_api::{Nothing, call};
use titian_contracts::credential::Profile;
use titian_credential::profiles::SHIPPED;

use super::entry::Entry;
use super::status::{self, Verb};
use crate::act::{SigningArgs, now_ms};
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::issued::{Issued, Network};
use crate::output::{Report, Tone, table};
use crate::session::Session;

/// Counts below are hidden: they could point at a person.
const CELL_MIN: u64 = 5;

/// `titian vc erase`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Id of the credential
    id: String,
    /// Leave its status as it is
    #[arg(long)]
    keep_status: bool,
    /// Bearer token with scope vc:custody: erase what the node issued and keeps
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// `titian vc privacy-report`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Exact counts, for the issuer's own eyes
    #[arg(long, conflicts_with = "token")]
    exact: bool,
    /// Bearer token with scope vc:custody: what the node keeps instead
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
}

/// Runs `titian vc erase`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    if let Some(token) = &args.token {
        return at_node(session, token, args);
    }
    let wallet = session.wallet_path()?;
    let unknown = || {
        CommandError::refused(format!("{} was not issued from this wallet", args.id))
            .named("NOT_FOUND")
            .hint("--token FILE erases what a node issued and keeps")
    };
    let record = {
        let mut issued = Issued::open(&wallet, session.chain()?)?;
        issued.network().credentials.get(&args.id).cloned().ok_or_else(unknown)?
    };
    let mut transactions = Vec::new();
    if !args.keep_status {
        // every copy has an entry of its own
        for slot in &record.status {
            let Some(profile) = Profile::parse(&slot.profile) else { continue };
            if !matches!(profile, Profile::Revocation | Profile::Token) {
                continue;
            }
            let entry = Entry { list: slot.list.clone(), index: slot.index, profile };
            match status::set(session, Verb::Revoke, &entry, None, &args.signing) {
                Ok(report) if args.signing.dry_run => return Ok(report),
                Ok(report) => transactions.push(settled(&report.json)?),
                // revoked before: that is what is wanted
                Err(error)
                    if error.name.as_deref() == Some("STATUS_CONFLICT")
                        && status::stands(session, Verb::Revoke, &entry)? => {}
                Err(error) => return Err(error),
            }
        }
    }
    let mut issued = Issued::open(&wallet, session.chain()?)?;
    let network = issued.network();
    network.credentials.remove(&args.id).ok_or_else(unknown)?;
    let count = network.erased.entry(record.type_name.clone()).or_default();
    *count = count.saturating_add(1);
    issued.save()?;
    let text = format!(
        "{} what this wallet knew of {}; files of the credential are yours to delete",
        session.output.paint(Tone::Good, "erased"),
        args.id
    );
    let json = json!({ "erased": true, "id": args.id, "statusTxs": transactions });
    Ok(Report::new(text, json))
}

/// The transaction of a revocation that the ledger has carried out. Whatever else became of it, the
/// entries must stay known.
fn settled(report: &Json) -> Result<Json> {
    if document::text(report, "/status") == Some("incomplete") {
        return Err(CommandError::refused("the revocation lacks signatures; nothing is erased")
            .named("QUORUM_MISSING"));
    }
    match (report.get("height").and_then(Json::as_u64), report.get("txId")) {
        (Some(_), Some(id)) => Ok(id.clone()),
        (_, id) => Err(CommandError::new(
            Kind::Indeterminate,
            "the revocation is sent and not in a block yet; nothing is erased",
        )
        .named("PENDING")
        .hint("once it is in a block, erase again")
        .with_data(json!({ "status": "pending", "txId": id }))),
    }
}

/// Erasure by the node that issued.
fn at_node(session: &Session, token: &Path, args: &Args) -> Result<Report> {
    let params = EraseParams { id: args.id.clone(), revoke: !args.keep_status };
    let erased = session.client_with_token(token)?.ask::<call::VcErase>(&params)?;
    let text = format!(
        "{} at the node, with {} transactions for its status",
        session.output.paint(Tone::Good, "erased"),
        erased.status_txs.len()
    );
    let json = json!({ "erased": erased.erased, "id": args.id, "statusTxs": erased.status_txs });
    Ok(Report::new(text, json))
}

/// What is known of one type.
#[derive(Default)]
struct Count {
    issued: u64,
    expired: u64,
    erased: u64,
    personal: bool,
    purposes: Vec<String>,
}

/// Runs `titian vc privacy-report`.
pub(super) fn report(session: &Session, args: &ReportArgs) -> Result<Report> {
    if let Some(token) = &args.token {
        let answer = session.client_with_token(token)?.ask::<call::VcPrivacyReport>(&Nothing {})?;
        return Ok(Report::json(Json::Object(answer)));
    }
    let mut issued = Issued::open(&session.wallet_path()?, session.chain()?)?;
    let counts = counts(issued.network());
    let shown = |count: u64| match count {
        0 => json!(0),
        count if count < CELL_MIN && !args.exact => json!("<5"),
        count => json!(count),
    };
    let mut rows = vec![
        ["TYPE", "DATA OF PERSONS", "KEPT", "EXPIRED", "ERASED", "PURPOSE"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let mut types = Vec::new();
    for (name, count) in &counts {
        let cells = [count.issued, count.expired, count.erased].map(shown);
        let text = |cell: &Json| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned);
        let purposes = count.purposes.join(", ");
        let personal = if count.personal { "yes" } else { "no" };
        let mut row = vec![name.clone(), personal.to_owned()];
        row.extend(cells.iter().map(text));
        row.push(if purposes.is_empty() { "(none stated)".to_owned() } else { purposes });
        rows.push(row);
        let [kept, expired, erased] = cells;
        types.push(json!({
            "type": name, "naturalPersonData": count.personal, "classes": classes(name),
            "kept": kept, "expired": expired, "erased": erased, "purposes": count.purposes,
        }));
    }
    let note = "kept: id, type, status entries, dates, digests; no claim, no holder, no body";
    let json = json!({ "chain": session.chain()?, "kept": note, "types": types });
    Ok(Report::new(format!("{}\n{note}", table(&rows)), json))
}

fn counts(network: &Network) -> BTreeMap<String, Count> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    let now = now_ms();
    for record in network.credentials.values() {
        let count = counts.entry(record.type_name.clone()).or_default();
        count.issued += 1;
        count.expired += u64::from(record.until_ms < now);
        count.personal |= record.personal;
        if let Some(purpose) = record.purpose.as_ref().filter(|p| !count.purposes.contains(p)) {
            count.purposes.push(purpose.clone());
        }
    }
    for (name, erased) in &network.erased {
        counts.entry(name.clone()).or_default().erased = *erased;
    }
    counts
}

/// How many fields of each class a shipped type has.
fn classes(name: &str) -> Json {
    let shipped = SHIPPED.iter().find(|shipped| {
        let definition: Json = serde_json::from_slice(shipped.definition).unwrap_or_default();
        definition.get("name").and_then(Json::as_str) == Some(name)
    });
    let Some(shipped) = shipped else { return Json::Null };
    let schema = String::from_utf8_lossy(shipped.schema).replace(' ', "");
    let of = |class: &str| schema.matches(&format!("\"x-titian-class\":\"{class}\"")).count();
    json!({ "public": of("public"), "registry": of("registry"), "personal": of("personal") })
}

#[cfg(test)]
mod tests {
    use titian_api::ledger::{Submission, Submitted};

    use super::*;
    use crate::act::receipt_report;
    use crate::output::Output;

    #[test]
    fn nothing_is_forgotten_before_the_revocation_stands() {
        let id = Some("tx:1".to_owned());
        let sent = Submitted { tx_id: id, status: Submission::Pending, receipt: None, error: None };
        let report = receipt_report(Output::plain(), &sent).expect("a report");
        assert_eq!(report.exit, 5, "a script must not take it for done");
        let pending = settled(&report.json).expect_err("it is not in a block");
        assert_eq!((pending.name.as_deref(), pending.kind.exit_code()), (Some("PENDING"), 5));
        let half = settled(&json!({ "status": "incomplete", "file": "op.json" }));
        assert_eq!(half.expect_err("it lacks a key").name.as_deref(), Some("QUORUM_MISSING"));
        let stands = json!({ "height": 9, "txId": "tx:1", "ok": true });
        assert_eq!(settled(&stands).expect("it stands"), "tx:1");
    }
}
