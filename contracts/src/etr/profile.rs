//! Type profiles: data that tells the one kernel which acts a type of record allows and within
//! which bounds (etr-profiles.md §1, §2).
//!
//! Invariant: a [`Profile`] satisfies the rules L1 to L10 (`rules.rs`). It holds no code. State
//! keeps its canonical JSON under `etr/profile/{id}@{version}`.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::{keys, rules};
use crate::digest::{Digest, hash};
use crate::error::{Code, Reject};
use crate::json::{self, Members, Value};
use crate::limits;
use crate::state::{Overlay, decode_content};

/// How control and title move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By offer and endorsement.
    Negotiable,
    /// Once, from the first controller to the named consignee.
    NamedOnce,
    /// No title; control moves by `assign_control`.
    RightOfControl,
    /// Not at all.
    None,
}

/// The bounds of a time to answer, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Shortest.
    pub min_s: u64,
    /// What clients propose.
    pub default_s: u64,
    /// Longest.
    pub max_s: u64,
}

/// Members of the content that repeat something the state holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// The number of the record.
    pub reference: Option<String>,
    /// The sum, as a decimal with the lot's scale.
    pub amount: Option<String>,
    /// The unit of the sum.
    pub unit: Option<String>,
    /// The due date, or `demand`.
    pub due: Option<String>,
}

/// What only instruments of payment have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneyRules {
    /// none, optional or required.
    pub acceptance: String,
    /// none, optional or required.
    pub protest: String,
    /// fixed, demand or either.
    pub due: String,
    /// Days before the due date from which it may be presented for payment.
    pub early_days: u64,
}

/// A type of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its id.
    pub id: String,
    /// Its version, ≥ 1.
    pub version: u64,
    /// Its name for people.
    pub name: String,
    /// cargo, money or insurance.
    pub family: String,
    /// The numbering space.
    pub series: String,
    /// Its class in the legal-effect register.
    pub law_class: String,
    /// Whether it is a transferable record in the sense of the model law.
    pub mletr: bool,
    /// carrier, maker, drawee, bank, warehouse or insurer.
    pub obligor: String,
    /// Whether the drawer opens the record, not the obligor.
    pub drawer_issues: bool,
    /// The scope that the issuer's key holds at issue.
    pub role: String,
    /// The kinds of title a record may start with.
    pub initial: Vec<String>,
    /// The kinds of endorsement.
    pub endorse: Vec<String>,
    /// Whether an endorser may exclude recourse.
    pub without_recourse: bool,
    /// How control moves.
    pub mode: Mode,
    /// Whether `deliver` works on a standing consent.
    pub standing_consent: bool,
    /// Time to answer an offer.
    pub offer: Span,
    /// lots of goods (`true`) or one sum.
    pub in_lots: bool,
    /// The units allowed; empty = any.
    pub units: Vec<String>,
    /// Whether `split` is allowed.
    pub divisible: bool,
    /// none, same_root or fungible.
    pub merge: String,
    /// Whether part delivery or part payment is allowed.
    pub partial: bool,
    /// The kinds of surrender.
    pub surrender_kinds: Vec<String>,
    /// Time to answer a surrender or presentment.
    pub answer: Span,
    /// What it may be exchanged into.
    pub exchange_to: Vec<String>,
    /// Whether pledges are allowed.
    pub pledge_allowed: bool,
    /// Whether a part may be pledged.
    pub pledge_partial: bool,
    /// Whether lapse counts from the due date, not from issue.
    pub lapse_from_due: bool,
    /// Days to lapse; 0 = never.
    pub lapse_days: u64,
    /// Only in family money.
    pub money: Option<MoneyRules>,
    /// Who may annotate.
    pub notes_by: Vec<String>,
    /// With which codes.
    pub note_codes: Vec<String>,
    /// Members that a content must have.
    pub required: Vec<String>,
    /// Members whose amendment needs the guarantors.
    pub essential: Vec<String>,
    /// Members outside the content root.
    pub dynamic: Vec<String>,
    /// Members bound to state.
    pub bound: Bound,
    /// Members with a fixed value.
    pub constants: Vec<(String, Value)>,
    /// Groups and acts, as the file lists them.
    pub allow: BTreeSet<String>,
    /// The acts, groups resolved.
    pub acts: BTreeSet<String>,
}

/// The groups of acts.
pub const GROUPS: &[(&str, &[&str])] = &[
    (
        "@base",
        &[
            "annotate",
            "amend",
            "cancel",
            "succeed",
            "expire",
            "freeze",
            "unfreeze",
            "court_notice",
            "court_transfer",
            "court_amend",
            "court_annul",
        ],
    ),
    ("@transfer", &["offer", "accept", "refuse", "withdraw", "deliver"]),
    ("@pledge", &["pledge", "release", "default_notice", "enforce"]),
    ("@surrender", &["surrender", "surrender_accept", "surrender_reject"]),
    (
        "@payment",
        &["present", "pay", "dishonour", "protest", "notify", "recourse", "recourse_pay", "aval"],
    ),
];

/// The acts that belong to no group.
pub const ALONE: &[&str] = &[
    "issue",
    "issue_from_paper",
    "endorse",
    "assign_control",
    "split",
    "merge",
    "deliver_part",
    "bill_accept",
    "stop",
    "lapse",
];

/// Whether there is such an act on a record.
pub fn is_record_act(act: &str) -> bool {
    ALONE.contains(&act) || GROUPS.iter().any(|(_, acts)| acts.contains(&act))
}

impl Profile {
    /// Reads a profile and checks it: `PROFILE_INVALID`, whose field is `/schema` or the rule that
    /// is broken, `/L1` to `/L10`.
    pub fn from_value(value: &Value) -> Result<Self, Reject> {
        let profile = read(value).map_err(|reject| {
            let detail = format!("{}: {}", reject.field, reject.detail);
            Reject::new(Code::ProfileInvalid, "/schema", &detail)
        })?;
        rules::check(&profile)?;
        Ok(profile)
    }

    /// `id@version`.
    pub fn key_name(&self) -> String {
        format!("{}@{}", self.id, self.version)
    }

    /// Whether the act is allowed.
    pub fn allows(&self, act: &str) -> bool {
        self.acts.contains(act)
    }
}

/// Profile hash: H("titian etr profile v1", JCS(profile)).
pub fn profile_hash(value: &Value) -> Digest {
    hash("titian etr profile v1", &[value.to_jcs().as_bytes()])
}

/// Writes a checked profile into state: at genesis and, later, by governance. `PROFILE_INVALID`
/// if it breaks a rule, `TYPE_EXISTS` if the version is there already.
pub fn install(state: &mut Overlay<'_>, value: &Value) -> Result<Profile, Reject> {
    let profile = Profile::from_value(value)?;
    let key = keys::profile(&profile.key_name());
    if state.holds(&key) {
        return Err(Reject::new(Code::TypeExists, "/version", "a version is immutable"));
    }
    state.write(key, &value.to_jcs());
    Ok(profile)
}

/// Marks a version as withdrawn: no record is issued of it any more; those that stand go on.
pub fn withdraw(state: &mut Overlay<'_>, name: &str) {
    state.write(keys::profile_withdrawn(name), &true);
}

/// Whether a version is withdrawn for issue.
pub fn is_withdrawn(state: &Overlay<'_>, name: &str) -> bool {
    state.read(&keys::profile_withdrawn(name)).unwrap_or(false)
}

/// The JSON of profile `id@version`.
pub fn value_of(state: &Overlay<'_>, name: &str) -> Option<Value> {
    let text: String = state.read(&keys::profile(name))?;
    json::parse(text.as_bytes()).ok()
}

/// The profile `id@version`.
pub fn load(state: &Overlay<'_>, name: &str) -> Option<Rc<Profile>> {
    state.derived(&keys::profile(name), |content| {
        let text: String = decode_content(content)?;
        // checked when it was installed, so only reading is left
        read(&json::parse(text.as_bytes()).ok()?).ok()
    })
}

/// Whether there is a profile of this id: every id has a first version.
pub fn is_known(state: &Overlay<'_>, id: &str) -> bool {
    state.holds(&keys::profile(&[id, "@1"].concat()))
}

/// Whether a text has the form `id@version`.
pub fn is_key_name(text: &str) -> bool {
    text.split_once('@').is_some_and(|(id, version)| {
        is_id(id)
            && !version.starts_with('0')
            && (1..=9).contains(&version.len())
            && version.bytes().all(|b| b.is_ascii_digit())
    })
}

/// Whether a text has the form of a profile id.
pub fn is_id(text: &str) -> bool {
    (2..=limits::ETR_PROFILE_ID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn read(value: &Value) -> Result<Profile, Reject> {
    let mut top = Members::of(value, "")?;
    one_of(&top, "schema", top_schema(value), &["1"])?;
    top.uint("schema")?;
    let id = top.text("id")?.to_owned();
    let name = top.text("name")?.to_owned();
    let version = top.uint("version")?;
    if !is_id(&id) || name.chars().count() > 64 || !(1..1_000_000_000).contains(&version) {
        return Err(top.malformed("id", "id, name or version"));
    }
    let family = word(&mut top, "family", &["cargo", "money", "insurance"])?;
    let series = word(
        &mut top,
        "series",
        &["transport", "delivery", "warehouse", "mate", "bill", "note", "cheque", "insurance"],
    )?;
    let law_class = top.text("law_class")?.to_owned();
    let mletr = top.boolean("mletr")?;

    let mut parties = top.object("parties")?;
    let obligor = parties.text("obligor")?.to_owned();
    let drawer_issues = word(&mut parties, "issuer", &["obligor", "drawer"])? == "drawer";
    let role = parties.text("role")?.to_owned();
    if !crate::access::scope::is_known(&role) {
        return Err(parties.malformed("role", "a scope is expected"));
    }
    parties.finish()?;

    let mut title = top.object("title")?;
    let initial = words(&mut title, "initial", &["none", "named", "to_order", "bearer"])?;
    let kinds = ["special", "blank", "restrictive", "collection", "pledge"];
    let endorse = words(&mut title, "endorse", &kinds)?;
    let without_recourse = title.boolean("without_recourse")?;
    title.finish()?;

    let mut transfer = top.object("transfer")?;
    let mode = match transfer.text("mode")? {
        "negotiable" => Mode::Negotiable,
        "named_once" => Mode::NamedOnce,
        "right_of_control" => Mode::RightOfControl,
        "none" => Mode::None,
        _ => return Err(transfer.malformed("mode", "unknown mode")),
    };
    let standing_consent = transfer.boolean("standing_consent")?;
    let offer = span(&mut transfer, "offer_s")?;
    transfer.finish()?;

    let mut quantity = top.object("quantity")?;
    let in_lots = word(&mut quantity, "kind", &["lots", "sum"])? == "lots";
    let units = texts(&mut quantity, "units")?;
    let divisible = quantity.boolean("divisible")?;
    let merge = word(&mut quantity, "merge", &["none", "same_root", "fungible"])?;
    let partial = quantity.boolean("partial")?;
    quantity.finish()?;

    let mut surrender = top.object("surrender")?;
    let kinds = ["delivery", "claim", "exchange", "paper"];
    let surrender_kinds = words(&mut surrender, "kinds", &kinds)?;
    let answer = span(&mut surrender, "answer_s")?;
    let exchange_to = texts(&mut surrender, "exchange_to")?;
    surrender.finish()?;

    let mut pledge = top.object("pledge")?;
    let (pledge_allowed, pledge_partial) = (pledge.boolean("allowed")?, pledge.boolean("partial")?);
    pledge.finish()?;
    let mut lapse = top.object("lapse")?;
    let lapse_from_due = word(&mut lapse, "from", &["issue", "due"])? == "due";
    let lapse_days = lapse.uint("days")?;
    lapse.finish()?;
    let money = match top.optional("money") {
        Some(value) => Some(read_money(Members::of(value, "/money")?)?),
        None => None,
    };
    let mut notes = top.object("notes")?;
    let notes_by = words(&mut notes, "by", &["controller", "obligor"])?;
    let note_codes = texts(&mut notes, "codes")?;
    notes.finish()?;

    let mut fields = top.object("fields")?;
    let required = texts(&mut fields, "required")?;
    let essential = texts(&mut fields, "essential")?;
    let dynamic = texts(&mut fields, "dynamic")?;
    let bound = read_bound(fields.object("bound")?)?;
    let constants = match fields.required("const")? {
        Value::Object(members) => members.clone(),
        _ => return Err(fields.malformed("const", "an object is expected")),
    };
    fields.finish()?;
    let mut acts_table = top.object("acts")?;
    let allow: BTreeSet<String> = texts(&mut acts_table, "allow")?.into_iter().collect();
    let acts = resolve(&allow).ok_or_else(|| acts_table.malformed("allow", "unknown act"))?;
    acts_table.finish()?;
    top.finish()?;
    Ok(Profile {
        id,
        version,
        name,
        family,
        series,
        law_class,
        mletr,
        obligor,
        drawer_issues,
        role,
        initial,
        endorse,
        without_recourse,
        mode,
        standing_consent,
        offer,
        in_lots,
        units,
        divisible,
        merge,
        partial,
        surrender_kinds,
        answer,
        exchange_to,
        pledge_allowed,
        pledge_partial,
        lapse_from_due,
        lapse_days,
        money,
        notes_by,
        note_codes,
        required,
        essential,
        dynamic,
        bound,
        constants,
        allow,
        acts,
    })
}

fn top_schema(value: &Value) -> String {
    value.get("schema").and_then(Value::as_int).map_or_else(String::new, |n| n.to_string())
}

fn read_money(mut money: Members<'_>) -> Result<MoneyRules, Reject> {
    let grades = ["none", "optional", "required"];
    let rules = MoneyRules {
        acceptance: word(&mut money, "acceptance", &grades)?,
        protest: word(&mut money, "protest", &grades)?,
        due: word(&mut money, "due", &["fixed", "demand", "either"])?,
        early_days: money.uint("early_days")?,
    };
    money.finish()?;
    Ok(rules)
}

fn read_bound(mut members: Members<'_>) -> Result<Bound, Reject> {
    let mut member =
        |name: &str| Ok::<_, Reject>(members.optional_text(name)?.map(ToOwned::to_owned));
    let bound = Bound {
        reference: member("ref")?,
        amount: member("amount")?,
        unit: member("unit")?,
        due: member("due")?,
    };
    members.finish()?;
    Ok(bound)
}

fn resolve(allow: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    let mut acts = BTreeSet::new();
    for entry in allow {
        match GROUPS.iter().find(|(group, _)| group == entry) {
            Some((_, members)) => acts.extend(members.iter().map(|act| (*act).to_owned())),
            None if ALONE.contains(&entry.as_str()) => {
                acts.insert(entry.clone());
            }
            None => return None,
        }
    }
    Some(acts)
}

fn one_of(at: &Members<'_>, name: &str, text: String, allowed: &[&str]) -> Result<String, Reject> {
    if allowed.contains(&text.as_str()) {
        Ok(text)
    } else {
        Err(at.malformed(name, "unknown word"))
    }
}

fn word(members: &mut Members<'_>, name: &str, allowed: &[&str]) -> Result<String, Reject> {
    let text = members.text(name)?.to_owned();
    one_of(members, name, text, allowed)
}

fn texts(members: &mut Members<'_>, name: &str) -> Result<Vec<String>, Reject> {
    let list: Vec<String> = members.texts(name)?.into_iter().map(ToOwned::to_owned).collect();
    let distinct: BTreeSet<&String> = list.iter().collect();
    if distinct.len() == list.len() { Ok(list) } else { Err(members.malformed(name, "repeats")) }
}

fn words(members: &mut Members<'_>, name: &str, allowed: &[&str]) -> Result<Vec<String>, Reject> {
    let list = texts(members, name)?;
    for text in &list {
        one_of(members, name, text.clone(), allowed)?;
    }
    Ok(list)
}

fn span(members: &mut Members<'_>, name: &str) -> Result<Span, Reject> {
    let number = |item: &Value| item.as_int().and_then(|int| u64::try_from(int).ok());
    match members.list(name)?.iter().map(number).collect::<Option<Vec<u64>>>().as_deref() {
        Some([min_s, default_s, max_s]) => {
            Ok(Span { min_s: *min_s, default_s: *default_s, max_s: *max_s })
        }
        _ => Err(members.malformed(name, "three numbers of seconds")),
    }
}
