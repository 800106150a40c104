//! What `titian etr issue` asks a person who did not say it, with defaults and examples.
//!
//! It asks only on a terminal, and only for what is missing; a script gets an error that names the
//! option instead.

use std::path::PathBuf;

use serde_json::Value as Json;
use titian_api::{Nothing, call};

use super::content::Fields;
use super::issue::{Args, lot};
use super::{canonical, known, typed};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Output;
use crate::session::Session;
use crate::wallet::KeyRef;

/// Wrong answers to one question.
const ATTEMPTS: usize = 3;

/// The options with what was missing, as far as somebody can be asked.
pub(super) fn complete(session: &Session, given: &Args) -> Result<Args> {
    let whole = given.content.is_some() || !given.set.is_empty();
    if (whole && given.to.is_some()) || session.output.is_json() || !Output::can_ask() {
        return Ok(given.clone());
    }
    let ask = Questions { output: session.output };
    let mut args = given.clone();
    ask.output.note("Issuing a record. An empty answer takes the value in brackets; Ctrl-C stops.");
    if args.signing.signers.is_empty() {
        let default = issuer_in_wallet(session).unwrap_or_default();
        let text = ask.until("Issuer: a UBIN whose key is in the wallet", &default, |text| {
            let key = text.parse::<KeyRef>()?;
            canonical(&key.party).map(|_| ()).map_err(|error| error.message)
        })?;
        args.signing.signers = text.parse::<KeyRef>().into_iter().collect();
    }
    if args.content.is_none() {
        let example = "Content: a JSON file, for example a DCSA transport document (bl.json); \
                       empty to answer member by member";
        let path = ask.until(example, "", |text| {
            if text.is_empty() {
                return Ok(());
            }
            document::read_json(text.as_ref()).map(|_| ()).map_err(|error| error.message)
        })?;
        args.content = (!path.is_empty()).then(|| PathBuf::from(path));
    }
    let known = match &args.content {
        Some(path) => known::recognise(document::read_json(path)?, args.unchecked)?,
        None => known::Known::default(),
    };
    for note in &known.notes {
        ask.output.note(note);
    }
    if args.profile.is_none() {
        let names = profiles(session)?;
        ask.output.note(&format!("Types: {}", names.join(", ")));
        let default = known.profile.unwrap_or("bl-order");
        let profile = ask.until("Type of record", default, |text| {
            let bare = text.split('@').next().unwrap_or_default();
            if names.iter().any(|name| name == bare) { Ok(()) } else { Err("no such type".into()) }
        })?;
        args.profile = Some(profile);
    }
    let fields = super::issue::profile(session, args.profile.as_deref().unwrap_or_default())?;
    if args.reference.is_none() {
        let stated = || fields.stated("ref", &known.content).map(str::to_owned);
        let default = known.reference.clone().or_else(stated).unwrap_or_default();
        let question = "Number of the document: A-Z, 0-9, - / . (example SGPU4711)";
        args.reference = Some(ask.until(question, &default, |text| {
            let fits = titian_contracts::etr::request::is_reference(text);
            if fits { Ok(()) } else { Err("1 to 40 of A-Z, 0-9, - / .".into()) }
        })?);
    }
    members(&fields, &ask, &mut args, &known)?;
    let content = typed::with(&fields, known.content.clone(), &args.set)?;
    let stated =
        known.unclear.is_none() && !super::issue::stated_sum(&fields, &content)?.is_empty();
    if args.lot.is_empty() && known.lots.is_empty() && !stated {
        if let Some(unclear) = &known.unclear {
            ask.output.note(&unclear.message);
        }
        let question = "Lot: number:unit:amount (example 1:KGM:12000, or 1:SGD:1000.50)";
        let text = ask.until(question, "", |text| lot(text).map(|_| ()))?;
        args.lot = lot(&text).into_iter().collect();
    }
    if args.to.is_none() {
        let question = "First holder: a UBIN (example VN-MST-0100233488-43)";
        args.to = Some(ask.until(question, "", |text| {
            canonical(text).map(|_| ()).map_err(|error| error.message)
        })?);
    }
    args.frame.ack_all = true;
    // the first holder signs too, and somebody who is asked cannot know how
    args.frame.stage = true;
    Ok(args)
}

/// Asks for each member that the type requires and the content lacks.
fn members(fields: &Fields, ask: &Questions, args: &mut Args, known: &known::Known) -> Result<()> {
    for name in &fields.required {
        let given = known.content.contains_key(name) || args.set.iter().any(|(set, _)| set == name);
        // the number was asked for
        if given || fields.bound_by(name) == Some("ref") {
            continue;
        }
        let default = fields.fixed(name).map(Json::to_string).unwrap_or_default();
        let text = ask.until(&typed::question(fields, name), &default, |text| {
            let lacks = || Err("the type requires it".to_owned());
            if text.is_empty() { lacks() } else { typed::value(fields, name, text).map(|_| ()) }
        })?;
        args.set.push((name.clone(), text));
    }
    Ok(())
}

struct Questions {
    output: Output,
}

impl Questions {
    /// Asks until the answer fits.
    fn until(
        &self,
        question: &str,
        default: &str,
        fits: impl Fn(&str) -> std::result::Result<(), String>,
    ) -> Result<String> {
        for _ in 0..ATTEMPTS {
            let Some(answer) = self.output.ask(question, default) else { break };
            match fits(&answer) {
                Ok(()) => return Ok(answer),
                Err(reason) => self.output.note(&format!("  {reason}")),
            }
        }
        Err(CommandError::usage(format!("no answer to: {question}")))
    }
}

/// The first business in the wallet with a key that may issue.
fn issuer_in_wallet(session: &Session) -> Option<String> {
    let wallet = session.wallet().ok()?;
    let may_issue = |scopes: &[String]| {
        let covers = titian_contracts::access::scope::covers;
        scopes.iter().any(|scope| covers(scope, "etr.issue:transport"))
    };
    let key = wallet.keys.iter().find(|key| {
        key.number.is_some() && canonical(&key.party).is_ok() && may_issue(&key.scopes)
    });
    key.map(|key| key.party.clone())
}

fn profiles(session: &Session) -> Result<Vec<String>> {
    let answer = Json::Object(session.client()?.ask::<call::EtrProfiles>(&Nothing {})?);
    let items = answer.get("profiles").and_then(Json::as_array).cloned().unwrap_or_default();
    let id = |item: &Json| document::text(item, "/profile/id").map(str::to_owned);
    let mut ids: Vec<String> = items.iter().filter_map(id).collect();
    ids.dedup();
    Ok(ids)
}
