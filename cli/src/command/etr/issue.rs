//! `titian etr issue`: a content that stays here, and a record that commits to it.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use titian_api::{Nothing, call, ubin};
use titian_contracts::etr::content::record_id;
use titian_contracts::json::Value;
use titian_contracts::time::Date;

use super::super::ubin::canonical;
use super::content::{self, Fields};
use crate::act::{self, Draft, FrameArgs, SigningArgs};
use crate::document;
use crate::error::{CommandError, Result};
use crate::output::Report;
use crate::session::Session;

/// Arguments of `issue`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Type of record, with @version or the first one
    #[arg(long, value_name = "ID[@V]")]
    profile: String,
    /// Number of the document, given by the issuer, used once
    #[arg(long = "ref", value_name = "REF")]
    reference: String,
    /// Content: a JSON object; stays on this machine
    #[arg(long, value_name = "FILE")]
    content: PathBuf,
    /// Where to keep content and salts [default: the working directory]
    #[arg(long, value_name = "DIR")]
    content_dir: Option<PathBuf>,
    /// Lot: number:unit:amount, for example 1:KGM:12000; repeat it
    #[arg(long, value_name = "LOT", required = true, value_parser = lot)]
    lot: Vec<Lot>,
    /// First holder
    #[arg(long, value_name = "UBIN")]
    to: String,
    /// Issuer, who is also the obligor [default: the first --as]
    #[arg(long, value_name = "UBIN")]
    obligor: Option<String>,
    /// Title: to_order, bearer, named, none [default: the first one of the type]
    #[arg(long, value_name = "KIND", value_parser = ["to_order", "bearer", "named", "none"])]
    title: Option<String>,
    /// Statute [default: that of the issuer's state]
    #[arg(long, value_name = "ID")]
    regime: Option<String>,
    /// Due date of an instrument for money
    #[arg(long, value_name = "YYYY-MM-DD")]
    due: Option<String>,
    #[command(flatten)]
    frame: FrameArgs,
    #[command(flatten)]
    signing: SigningArgs,
}

/// A lot of goods, or a sum.
#[derive(Clone, Debug)]
pub(crate) struct Lot {
    number: String,
    unit: String,
    scale: u64,
    amount: String,
}

impl Lot {
    fn to_value(&self) -> Value {
        Value::object([
            ("amount", Value::from(self.amount.as_str())),
            ("lot", Value::from(self.number.as_str())),
            ("scale", Value::from(self.scale)),
            ("unit", Value::from(self.unit.as_str())),
        ])
    }
}

/// Reads `number:unit:amount`; digits after the point become the scale.
fn lot(text: &str) -> std::result::Result<Lot, String> {
    let usage = || "a lot is number:unit:amount, for example 1:KGM:12000".to_owned();
    let mut parts = text.split(':');
    let (Some(number), Some(unit), Some(amount), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(usage());
    };
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let digits = format!("{whole}{fraction}");
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || whole.is_empty() || !plain || fraction.len() > 6 {
        return Err(usage());
    }
    let amount: u64 = digits.parse().map_err(|_| usage())?;
    Ok(Lot {
        number: number.to_owned(),
        unit: unit.to_owned(),
        scale: fraction.len() as u64,
        amount: amount.to_string(),
    })
}

/// What an issue needs to know besides its options; shared with the demo.
pub(crate) struct Issue<'a> {
    /// The profile.
    pub(crate) fields: &'a Fields,
    /// The number.
    pub(crate) reference: &'a str,
    /// The issuer and obligor.
    pub(crate) obligor: &'a str,
    /// The first holder.
    pub(crate) to: &'a str,
    /// Kind of title.
    pub(crate) title: &'a str,
    /// The statute.
    pub(crate) regime: &'a str,
    /// The lots.
    pub(crate) lots: Vec<Value>,
    /// Due, ms.
    pub(crate) due_ms: Option<u64>,
}

impl Issue<'_> {
    /// The arguments of the act.
    pub(crate) fn to_args(&self, committed: &content::Committed) -> Value {
        let mut title = vec![("kind", Value::from(self.title))];
        if matches!(self.title, "to_order" | "named") {
            title.push(("party", Value::from(self.to)));
        }
        Value::object([
            ("dueMs", Value::from(self.due_ms)),
            ("leaves", committed.leaves.clone()),
            ("lots", Value::List(self.lots.clone())),
            ("obligor", Value::from(self.obligor)),
            ("open", committed.open.clone()),
            ("profile", Value::from(self.fields.profile.as_str())),
            ("ref", Value::from(self.reference)),
            ("regime", Value::from(self.regime)),
            ("title", Value::object(title)),
            ("to", Value::from(self.to)),
        ])
    }
}

/// The statute of a state, or the contract under its rulebook.
pub(crate) fn default_regime(ubin: &str) -> String {
    match ubin.get(..2) {
        Some("SG") => "SG-ETA-2A".to_owned(),
        Some(cc) => format!("CONTRACT-{cc}"),
        None => String::new(),
    }
}

/// A type of record as the node shows it: `id` or `id@version`.
pub(crate) fn profile(session: &Session, name: &str) -> Result<Fields> {
    let (id, version) = name.split_once('@').unwrap_or((name, "1"));
    let answer = session.client()?.ask::<call::EtrProfiles>(&Nothing {})?;
    let found = find_profile(&Json::Object(answer), id, version).cloned();
    let found = found.ok_or_else(|| {
        CommandError::usage(format!("there is no type of record {id}@{version}"))
            .named("UNKNOWN_PROFILE")
            .hint("titian etr profiles")
    })?;
    Fields::of(&found)
}

fn find_profile<'a>(value: &'a Json, id: &str, version: &str) -> Option<&'a Json> {
    let same = document::text(value, "/id") == Some(id)
        && value.get("fields").is_some()
        && value.get("version").and_then(Json::as_u64) == version.parse().ok();
    if same {
        return Some(value);
    }
    match value {
        Json::Array(items) => items.iter().find_map(|item| find_profile(item, id, version)),
        Json::Object(members) => members.values().find_map(|item| find_profile(item, id, version)),
        _ => None,
    }
}

/// The entity of a registered business.
pub(crate) fn entity(session: &Session, ubin: &str) -> Result<String> {
    let params = ubin::GetParams { ubin: ubin.to_owned(), ..ubin::GetParams::default() };
    let answer = Json::Object(session.client()?.ask::<call::UbinGet>(&params)?);
    document::text(&answer, "/entity").map(str::to_owned).ok_or_else(|| {
        CommandError::refused(format!("{ubin} is not registered")).named("UBIN_UNKNOWN")
    })
}

/// Runs `titian etr issue`.
pub(super) fn run(session: &Session, args: &Args) -> Result<Report> {
    let fields = profile(session, &args.profile)?;
    let issuer = match (&args.obligor, args.signing.signers.first()) {
        (Some(ubin), _) => canonical(ubin)?,
        (None, Some(key)) => key.party.clone(),
        (None, None) => {
            return Err(CommandError::usage("who issues it?").hint("--as UBIN, or --obligor UBIN"));
        }
    };
    let Json::Object(content) = document::read_json(&args.content)? else {
        return Err(CommandError::usage("the content must be a JSON object"));
    };
    let id =
        record_id(session.chain()?, &fields.series, &entity(session, &issuer)?, &args.reference);
    let folder = args.content_dir.as_deref().unwrap_or(Path::new("."));
    let salts = content::earlier_salts(folder, &id, &content)?;
    let committed = fields.commit(content, &args.reference, &salts)?;
    let to = canonical(&args.to)?;
    let due_ms = match &args.due {
        None => None,
        Some(text) => Some(
            Date::parse(text)
                .ok_or_else(|| CommandError::usage("a date is written YYYY-MM-DD"))?
                .start_ms(),
        ),
    };
    let regime = args.regime.clone().unwrap_or_else(|| default_regime(&issuer));
    let first = fields.initial.first().map_or("none", String::as_str);
    let issue = Issue {
        fields: &fields,
        reference: &args.reference,
        obligor: &issuer,
        to: &to,
        title: args.title.as_deref().unwrap_or(first),
        regime: &regime,
        lots: args.lot.iter().map(Lot::to_value).collect(),
        due_ms,
    };
    let mut notes = Vec::new();
    if !args.signing.dry_run {
        let path = committed.write(folder, &id, &fields.profile)?;
        notes.push(format!("content and salts: {} (keep it)", path.display()));
    }
    let draft = Draft::on_record("issue", Some(&id), issue.to_args(&committed), args.frame.clone());
    let mut report = act::perform(session, &draft, &args.signing)?;
    notes.insert(0, report.text);
    report.text = notes.join("\n");
    Ok(report)
}
