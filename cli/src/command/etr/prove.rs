//! Proofs of a record, and the challenge by which its controller shows control.

use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use titian_api::etr::{Challenge, ChallengeSignature, ProveParams};
use titian_api::etr_read::ChallengeParams;
use titian_api::{Call as _, call};
use titian_contracts::digest::Digest;
use titian_contracts::etr::{CHALLENGE_MS_MAX, challenge_of};
use titian_contracts::op::encode_base64;

use super::{ask_as, show};
use crate::act::now_ms;
use crate::command::ledger::write_bundle;
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::{Report, Tone};
use crate::session::Session;
use crate::wallet::KeyRef;

/// Arguments of `prove`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The record
    #[arg(required_unless_present_any = ["absent", "number", "paper"])]
    id: Option<String>,
    /// status, control, history, singularity (with ID also the lineage), signers (of the ops at the
    /// height --at), rules, conversion or absence [default: what the rest says]
    #[arg(long, value_name = "KIND")]
    #[arg(value_parser = ["status", "control", "history", "singularity", "signers", "rules",
        "conversion", "absence"])]
    kind: Option<String>,
    /// Control: the verifier's challenge, as `titian etr challenge` writes it, or what joint holders
    /// answered, as `titian etr answer` writes it
    #[arg(long, value_name = "FILE")]
    challenge: Option<PathBuf>,
    /// Absence: series/issuer/ref or issuer/serial that does not exist
    #[arg(long, value_name = "SERIES/ISSUER/REF", conflicts_with_all = ["number", "paper"])]
    absent: Option<String>,
    /// Singularity: series/issuer/ref that one record has
    #[arg(long, value_name = "SERIES/ISSUER/REF", conflicts_with = "paper")]
    number: Option<String>,
    /// Conversion: issuer/serial of a paper
    #[arg(long, value_name = "ISSUER/SERIAL")]
    paper: Option<String>,
    /// As of this height (all kinds but absence); control is then that of the past, which a verifier
    /// who asks now may refuse
    #[arg(long, value_name = "HEIGHT")]
    at: Option<u64>,
    /// Ask as this party: history, control, signers, rules, singularity and conversion with the record;
    /// control: each holder that signs here
    #[arg(long = "as", value_name = "PARTY[#kN]")]
    party: Vec<KeyRef>,
    /// Where to write it
    #[arg(short, long = "out", value_name = "FILE")]
    out: PathBuf,
}

impl Args {
    fn kind(&self) -> &str {
        match (&self.kind, &self.absent, &self.number, &self.paper) {
            (Some(kind), ..) => kind,
            (None, Some(_), ..) => "absence",
            (None, None, Some(_), _) => "singularity",
            (None, None, None, Some(_)) => "conversion",
            _ if self.challenge.is_some() => "control",
            _ => "status",
        }
    }
}

/// Runs `titian etr prove`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let kind = args.kind();
    let subject = args.absent.as_ref().or(args.number.as_ref()).or(args.paper.as_ref());
    let id = args.id.clone();
    let challenge = match (kind, &id) {
        ("control", Some(id)) => Some(answer(session, id, args)?),
        _ => None,
    };
    // who answered before may hand the proof on to be made by anybody
    let capability = match (&id, args.party.first()) {
        (Some(id), Some(party)) => ask_as(session, Some(party), call::EtrProve::NAME, id)?,
        _ => None,
    };
    let params = ProveParams {
        kind: kind.to_owned(),
        id,
        subject: subject.cloned(),
        height: args.at,
        challenge,
        capability,
    };
    let bundle = Json::Object(session.client()?.ask::<call::EtrProve>(&params)?.bundle);
    let line = write_bundle(&args.out, bundle)?;
    let mut json = json!({ "kind": format!("etr-{kind}"), "file": args.out });
    if let Some(warning) = of_the_past(kind, args.at) {
        let mark = session.output.paint(Tone::Warn, "warning");
        session.output.note(&format!("{mark} {warning}"));
        json["warnings"] = json!([warning]);
    }
    Ok(Report::new(format!("etr-{kind}: {line}"), json))
}

/// What is said of a proof as of a height that a verifier reads as one of now. Only control is: it
/// answers somebody, who asks who is in control (`titian_contracts::etr::challenge`).
fn of_the_past(kind: &str, at: Option<u64>) -> Option<String> {
    let height = at.filter(|_| kind == "control")?;
    let minutes = CHALLENGE_MS_MAX / 60_000;
    Some(format!(
        "as of height {height} it proves who was in control then: a verifier who asks now refuses it if the \
         record has moved on between that height and the challenge, and takes a block more than {minutes} \
         minutes old for the past; without --at it is of now"
    ))
}

/// Signs the verifier's challenge over the record, with each key that was named.
fn answer(session: &Session, id: &str, args: &Args) -> Result<Challenge> {
    let usage = || {
        CommandError::usage("a proof of control answers a challenge")
            .hint("the verifier runs: titian etr challenge ID --audience NAME -o c.json")
    };
    let asked = Asked::read(args.challenge.as_ref().ok_or_else(usage)?)?;
    if asked.id.as_ref().is_some_and(|other| other != id) {
        return Err(CommandError::usage("the challenge is about another record"));
    }
    Ok(sign(session, id, &asked, &args.party, args.at)?.challenge)
}

/// What a verifier asks, and what of it is answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    /// The record, if it is named.
    pub(super) id: Option<String>,
    /// Who asks.
    pub(super) audience: String,
    /// Its nonce, hex.
    pub(super) nonce: String,
    /// When the first holder answered, ms, over which head, and the signatures so far.
    pub(super) answered: Option<(u64, String, Vec<ChallengeSignature>)>,
    /// When it is answered, ms, where that is not now.
    pub(super) ms: Option<u64>,
}

impl Asked {
    /// Reads a challenge, or an answer that lacks signatures.
    fn read(path: &Path) -> Result<Self> {
        let asked = document::read_json(path)?;
        let text = |name: &str| document::text(&asked, &format!("/{name}")).map(str::to_owned);
        let (Some(audience), Some(nonce)) = (text("audience"), text("nonce")) else {
            return Err(CommandError::usage("a challenge has the members audience and nonce"));
        };
        let answered = match asked.get("sigs") {
            None => None,
            Some(sigs) => {
                let broken = || CommandError::usage("an answer has the members ms, head and sigs");
                let sigs = serde_json::from_value(sigs.clone()).map_err(|_| broken())?;
                let ms = asked.get("ms").and_then(Json::as_u64).ok_or_else(broken)?;
                Some((ms, text("head").ok_or_else(broken)?, sigs))
            }
        };
        Ok(Self { id: text("id"), audience, nonce, answered, ms: None })
    }
}

/// An answer with the place of the record that it was given over.
pub(super) struct Answered {
    /// The answer.
    pub(super) challenge: Challenge,
    seq: u64,
    head: Digest,
}

/// A challenge signed by keys of the controller, over the record as it stands or stood at a height.
/// Signatures that are there already are kept; each party signs once.
pub(super) fn sign(
    session: &Session,
    id: &str,
    asked: &Asked,
    parties: &[KeyRef],
    height: Option<u64>,
) -> Result<Answered> {
    if parties.is_empty() && asked.answered.is_none() {
        return Err(CommandError::usage("who is in control?").hint("--as PARTY"));
    }
    let record = show::get(session, id, height, None)?;
    let seq = record.pointer("/public/seq").and_then(Json::as_u64);
    let head = document::text(&record, "/public/head").and_then(Digest::parse);
    let (Some(seq), Some(head)) = (seq, head) else {
        return Err(CommandError::refused("the node shows no such record").named("UNKNOWN_RECORD"));
    };
    let Asked { audience, nonce, answered, .. } = asked;
    let (ms, mut sigs) = match answered {
        None => (asked.ms.unwrap_or_else(now_ms), Vec::new()),
        Some((ms, over, sigs)) if *over == head.to_string() => (*ms, sigs.clone()),
        Some(_) => {
            return Err(CommandError::refused("the record moved on since the others answered")
                .named("STALE_HEAD")
                .hint("all holders answer the challenge anew"));
        }
    };
    let digest = challenge_of(session.chain()?, id, seq, head, audience, nonce, ms);
    if !parties.is_empty() {
        let wallet = session.wallet()?;
        wallet.check_chain(session.chain()?)?;
        for party in parties {
            let signature = wallet.find(party)?.sign(&digest)?;
            sigs.retain(|other: &ChallengeSignature| other.party != signature.party);
            sigs.push(ChallengeSignature {
                party: signature.party,
                key: format!("k{}", signature.key),
                sig: encode_base64(&signature.signature),
            });
        }
    }
    let challenge = Challenge { audience: audience.clone(), nonce: nonce.clone(), ms, sigs };
    Ok(Answered { challenge, seq, head })
}

/// Runs `titian etr answer`: one joint holder signs, and hands the file on to the next.
pub(super) fn answer_file(
    session: &Session,
    source: &Path,
    parties: &[KeyRef],
    out: &Path,
) -> Result<Report> {
    let asked = Asked::read(source)?;
    let id =
        asked.id.clone().ok_or_else(|| CommandError::usage("the challenge names no record"))?;
    let Answered { challenge, seq, head } = sign(session, &id, &asked, parties, None)?;
    let text = json!({
        "audience": challenge.audience,
        "chain": session.chain()?,
        "head": head.to_string(),
        "id": id,
        "ms": challenge.ms,
        "nonce": challenge.nonce,
        "seq": seq,
        "sigs": challenge.sigs,
    });
    document::write(out, &format!("{text}\n"))?;
    let out = out.display();
    let line = format!(
        "answer in {out}, signed by {}; next: titian etr answer {out} --as PARTY by the next holder, \
         or titian etr prove {id} --challenge {out} -o proof.json",
        challenge.sigs.iter().map(|sig| sig.party.as_str()).collect::<Vec<_>>().join(" ")
    );
    Ok(Report::new(line, text))
}

/// Writes a challenge for the controller of a record.
pub(super) fn challenge(session: &Session, id: &str, audience: &str, out: &Path) -> Result<Report> {
    let params = ChallengeParams { id: id.to_owned(), audience: audience.to_owned() };
    let mut asked = session.client()?.ask::<call::EtrChallenge>(&params)?;
    // the nonce is ours: a node that holds answers must not choose it
    asked.nonce = crate::act::random_hex::<16>();
    let text = json!({
        "audience": asked.audience,
        "chain": asked.chain,
        "head": asked.head,
        "id": asked.id,
        "nonce": asked.nonce,
        "seq": asked.seq,
    });
    document::write(out, &format!("{text}\n"))?;
    let line = format!(
        "challenge in {}; next, the controller: titian etr prove {id} --kind control --challenge {} \
         --as PARTY -o proof.json",
        out.display(),
        out.display()
    );
    Ok(Report::new(line, text))
}

#[cfg(test)]
mod tests {
    use super::of_the_past;

    #[test]
    fn etr_of_control_as_of_a_height_it_is_said_that_it_is_of_the_past() {
        let said = of_the_past("control", Some(81)).expect("a warning");
        assert!(said.contains("height 81") && said.contains("5 minutes"), "{said}");
        // control of now, and what is asked of no time, need none
        assert_eq!(of_the_past("control", None), None);
        for kind in ["status", "history", "singularity", "signers", "rules", "conversion"] {
            assert_eq!(of_the_past(kind, Some(81)), None, "{kind}");
        }
    }
}
