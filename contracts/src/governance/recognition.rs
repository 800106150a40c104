//! Recognition between states: whose credentials, or whose UBIN schemes, a state accepts for its own
//! purposes (vc.md §5.6).
//!
//! Invariants: an entry of state X is written by the root quorum of X alone; recognition may be
//! one-sided, an agreement of two states is two entries with one reference; a withdrawn entry stays
//! withdrawn; entries are never deleted. Recognition changes no other check.

use borsh::{BorshDeserialize, BorshSerialize};

use crate::access::{authority, is_state_code};
use crate::context::Context;
use crate::credential::{ISSUER_CLASSES, is_resource_name, is_type_name};
use crate::digest::Digest;
use crate::error::{Code, Reject};
use crate::json::{Members, Value};
use crate::limits;
use crate::op::Op;
use crate::state::{KeyBuilder, Overlay};
use crate::time::Date;

/// What an entry recognises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Scope {
    /// Credentials of some types by some classes of issuers.
    Credential,
    /// Business identifiers of some schemes.
    Ubin,
}

impl Scope {
    /// The name in ops and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Ubin => "ubin",
        }
    }
}

/// The state of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Standing {
    /// In force within its period.
    Recognised,
    /// Paused.
    Suspended,
    /// Ended for good.
    Withdrawn,
}

impl Standing {
    /// The name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recognised => "RECOGNISED",
            Self::Suspended => "SUSPENDED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }
}

/// An entry: `gov/rec/{by}/{of}/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Recognition {
    /// The state that recognises.
    pub by: String,
    /// The state whose issuers or schemes are recognised.
    pub of: String,
    /// 1 to 64 of a-z 0-9 `-`.
    pub name: String,
    /// What is recognised.
    pub scope: Scope,
    /// Names of credential types or schemes, sorted; `*` alone stands for all.
    pub items: Vec<String>,
    /// Classes of issuers, sorted; empty with scope ubin.
    pub issuer_classes: Vec<String>,
    /// Title of the agreement.
    pub agreement_title: String,
    /// Its reference, the same in both entries of an agreement of two states.
    pub agreement_reference: String,
    /// SHA-256 of its text.
    pub agreement_sha256: [u8; 32],
    /// From when, ms.
    pub from_ms: u64,
    /// Until when (exclusive), ms.
    pub until_ms: Option<u64>,
    /// Its state.
    pub standing: Standing,
    /// Why it was suspended or withdrawn; empty if it was not.
    pub reason: String,
    /// When its state last changed, ms of block time.
    pub changed_ms: u64,
    /// Raised by each change; 1 at first.
    pub version: u64,
}

/// The index of a state's entries: `gov/rec/{by}`. It names them all, so absence is provable.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RecognitionIndex {
    /// `{of}/{name}` of each entry, sorted.
    pub names: Vec<String>,
}

/// State key of an entry.
pub fn recognition_key(by: &str, of: &str, name: &str) -> Vec<u8> {
    KeyBuilder::new("gov", "rec").text(by).text(of).text(name).build()
}

/// State key of the index of a state.
pub fn recognition_index_key(by: &str) -> Vec<u8> {
    KeyBuilder::new("gov", "rec").text(by).build()
}

/// How an entry answers a question about its period and state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// The entry says nothing about it.
    NotRecognised,
    /// It did, or will, but not at the times asked about.
    Expired,
    /// It is suspended.
    Suspended,
    /// It holds.
    Recognised,
}

impl Recognition {
    /// Whether `item` (a type or scheme) falls under the entry.
    pub fn covers(&self, item: &str) -> bool {
        self.items.iter().any(|known| known == item || known == "*")
    }

    /// Whether credentials of `type_name` by issuers of `class` are recognised at every one of
    /// `times_ms`.
    pub fn of_credential(&self, type_name: &str, class: &str, times_ms: &[u64]) -> Answer {
        let covered = self.scope == Scope::Credential
            && self.covers(type_name)
            && self.issuer_classes.iter().any(|known| known == class);
        if covered { self.at(times_ms) } else { Answer::NotRecognised }
    }

    /// Whether the scheme is recognised at `time_ms`.
    pub fn of_scheme(&self, scheme: &str, time_ms: u64) -> Answer {
        let covered = self.scope == Scope::Ubin && self.covers(scheme);
        if covered { self.at(&[time_ms]) } else { Answer::NotRecognised }
    }

    /// Whether any scheme is recognised at `time_ms`.
    pub fn of_any_scheme(&self, time_ms: u64) -> bool {
        self.scope == Scope::Ubin && self.at(&[time_ms]) == Answer::Recognised
    }

    fn at(&self, times_ms: &[u64]) -> Answer {
        let within = |t: &u64| self.from_ms <= *t && self.until_ms.is_none_or(|until| *t < until);
        match self.standing {
            Standing::Withdrawn => Answer::NotRecognised,
            _ if !times_ms.iter().all(within) => Answer::Expired,
            Standing::Suspended => Answer::Suspended,
            Standing::Recognised => Answer::Recognised,
        }
    }
}

/// What state `by` says of the scheme of another at `time_ms`: of its entries that cover the scheme
/// the one that says most, the newest of several; `None` if there is none.
pub fn of_scheme(
    state: &Overlay<'_>,
    by: &str,
    of: &str,
    scheme: &str,
    time_ms: u64,
) -> Option<Recognition> {
    let index: RecognitionIndex = state.read(&recognition_index_key(by))?;
    let names = index.names.iter().filter_map(|name| name.split_once('/'));
    let entries = names
        .filter(|(whose, _)| *whose == of)
        .filter_map(|(_, name)| state.read::<Recognition>(&recognition_key(by, of, name)))
        .filter(|entry| entry.scope == Scope::Ubin && entry.covers(scheme));
    entries.max_by_key(|entry| (entry.of_scheme(scheme, time_ms), entry.changed_ms))
}

/// An entry as an answer at `time_ms` shows it.
pub fn view(entry: &Recognition, time_ms: u64) -> Value {
    let date = |ms: u64| Value::from(Date::of_ms(ms).to_string());
    let items = match entry.scope {
        Scope::Credential => "types",
        Scope::Ubin => "schemes",
    };
    let covered = entry.items.iter().map(|item| Value::from(item.as_str()));
    let in_force = entry.at(&[time_ms]) == Answer::Recognised;
    Value::object([
        ("by", Value::from(entry.by.as_str())),
        ("of", Value::from(entry.of.as_str())),
        ("name", Value::from(entry.name.as_str())),
        ("scope", Value::from(entry.scope.name())),
        (items, Value::List(covered.collect())),
        ("state", Value::from(entry.standing.name())),
        ("inForce", Value::from(in_force)),
        ("from", date(entry.from_ms)),
        ("until", entry.until_ms.map_or(Value::Null, date)),
        ("reason", Value::from(entry.reason.as_str())),
        (
            "agreement",
            Value::object([
                ("title", Value::from(entry.agreement_title.as_str())),
                ("reference", Value::from(entry.agreement_reference.as_str())),
                (
                    "documentSha256",
                    Value::from(format!("sha256:{}", hex::encode(entry.agreement_sha256))),
                ),
            ]),
        ),
        ("version", Value::from(entry.version)),
    ])
}

/// `recognition_declare`.
pub(super) fn declare(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let mut args = op.read_args()?;
    let entry = read_entry(args.object("entry")?, ctx.time_ms)?;
    args.finish()?;
    let signers = authority::signers(ctx, op)?;
    authority::require_root(ctx, &signers, &entry.by)?;
    let key = recognition_key(&entry.by, &entry.of, &entry.name);
    if entry.by == entry.of || ctx.state.holds(&key) {
        return Err(Reject::new(Code::RecognitionExists, "/args/entry/name", ""));
    }
    check_limits(&entry)?;
    let index_key = recognition_index_key(&entry.by);
    let mut index: RecognitionIndex = ctx.state.read(&index_key).unwrap_or_default();
    if index.names.len() >= limits::RECOGNITIONS_PER_STATE_MAX {
        return Err(Reject::new(Code::FieldLimit, "/args/entry", "too many entries of the state"));
    }
    index.names.push(format!("{}/{}", entry.of, entry.name));
    index.names.sort_unstable();
    ctx.state.write(index_key, &index);
    ctx.state.write(key, &entry);
    emit(ctx, op, &entry);
    Ok(())
}

/// `recognition_suspend`, `recognition_resume`, `recognition_withdraw`.
pub(super) fn change(ctx: &mut Context<'_, '_>, op: &Op) -> Result<(), Reject> {
    let resume = op.act == "recognition_resume";
    let mut args = op.read_args()?;
    let id = args.text("id")?.to_owned();
    let version = args.uint("version")?;
    let reason = args.optional_text("reason")?.unwrap_or_default().to_owned();
    if resume && !reason.is_empty() {
        return Err(args.malformed("reason", "only to suspend and withdraw"));
    }
    args.finish()?;
    let mut parts = id.split('/');
    let (by, of, name) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(by), Some(of), Some(name), None) if is_state_code(by) => (by, of, name),
        _ => return Err(Reject::new(Code::Malformed, "/args/id", "by/of/name is expected")),
    };
    let signers = authority::signers(ctx, op)?;
    authority::require_root(ctx, &signers, by)?;
    let known = is_state_code(of) && is_resource_name(name);
    let key = recognition_key(by, of, name);
    let mut entry: Recognition = Some(())
        .filter(|()| known)
        .and_then(|()| ctx.state.read(&key))
        .ok_or_else(|| Reject::new(Code::UnknownRecognition, "/args/id", ""))?;
    if entry.version != version {
        return Err(Reject::new(Code::VersionConflict, "/args/version", ""));
    }
    let next = match (op.act.as_str(), entry.standing) {
        ("recognition_suspend", Standing::Recognised) => Standing::Suspended,
        ("recognition_resume", Standing::Suspended) => Standing::Recognised,
        ("recognition_withdraw", Standing::Recognised | Standing::Suspended) => Standing::Withdrawn,
        _ => return Err(Reject::new(Code::BadTransition, "/args/id", "")),
    };
    if !resume && !is_reason(&reason) {
        return Err(Reject::new(Code::ReasonRequired, "/args/reason", ""));
    }
    entry.standing = next;
    entry.reason = reason;
    entry.changed_ms = ctx.time_ms;
    entry.version = entry.version.saturating_add(1);
    ctx.state.write(key, &entry);
    emit(ctx, op, &entry);
    Ok(())
}

fn emit(ctx: &mut Context<'_, '_>, op: &Op, entry: &Recognition) {
    let id = format!("{}/{}/{}", entry.by, entry.of, entry.name);
    let data =
        [("state", Value::from(entry.standing.name())), ("version", Value::from(entry.version))];
    ctx.emit(&op.name(), &id, data);
}

fn read_entry(mut entry: Members<'_>, time_ms: u64) -> Result<Recognition, Reject> {
    let (by, of) = (entry.text("by")?.to_owned(), entry.text("of")?.to_owned());
    if !is_state_code(&by) || !is_state_code(&of) {
        return Err(entry.malformed("of", "by and of are state codes"));
    }
    let name = entry.text("name")?.to_owned();
    let scope = match entry.text("scope")? {
        "credential" => Scope::Credential,
        "ubin" => Scope::Ubin,
        _ => return Err(entry.malformed("scope", "credential or ubin is expected")),
    };
    let (items, issuer_classes) = match scope {
        Scope::Credential => (sorted(&mut entry, "types")?, sorted(&mut entry, "issuerClasses")?),
        Scope::Ubin => (sorted(&mut entry, "schemes")?, Vec::new()),
    };
    let date = |text: &str, entry: &Members<'_>, name: &str| {
        Date::parse(text)
            .map(Date::start_ms)
            .ok_or_else(|| entry.malformed(name, "a date is expected"))
    };
    let from_ms = date(entry.text("from")?, &entry, "from")?;
    let until_ms = match entry.optional_text("until")? {
        None => None,
        Some(text) => Some(date(text, &entry, "until")?),
    };
    let mut agreement = entry.object("agreement")?;
    let agreement_title = agreement.text("title")?.to_owned();
    let agreement_reference = agreement.text("reference")?.to_owned();
    let agreement_sha256 = Digest::parse_with("sha256:", agreement.text("documentSha256")?)
        .map(|digest| digest.0)
        .ok_or_else(|| agreement.malformed("documentSha256", "a sha256: digest"))?;
    agreement.finish()?;
    entry.finish()?;
    Ok(Recognition {
        by,
        of,
        name,
        scope,
        items,
        issuer_classes,
        agreement_title,
        agreement_reference,
        agreement_sha256,
        from_ms,
        until_ms,
        standing: Standing::Recognised,
        reason: String::new(),
        changed_ms: time_ms,
        version: 1,
    })
}

/// The texts of a list without order: sorted, none twice.
fn sorted(members: &mut Members<'_>, name: &str) -> Result<Vec<String>, Reject> {
    let mut texts: Vec<String> = members.texts(name)?.into_iter().map(str::to_owned).collect();
    let count = texts.len();
    texts.sort_unstable();
    texts.dedup();
    if texts.len() == count {
        Ok(texts)
    } else {
        Err(members.malformed(name, "an item stands twice"))
    }
}

fn check_limits(entry: &Recognition) -> Result<(), Reject> {
    let limit = |name: &str| Err(Reject::new(Code::FieldLimit, &format!("/args/entry/{name}"), ""));
    let count = 1..=limits::RECOGNITION_ITEMS_MAX;
    let (items_name, valid_item): (&str, fn(&str) -> bool) = match entry.scope {
        Scope::Credential => ("types", is_type_name),
        Scope::Ubin => ("schemes", is_scheme_name),
    };
    let all = entry.items.iter().all(|item| item == "*");
    let listed = entry.items.iter().all(|item| valid_item(item));
    if !is_resource_name(&entry.name) {
        return limit("name");
    }
    if !count.contains(&entry.items.len()) || !(all || listed) {
        return limit(items_name);
    }
    if entry.scope == Scope::Credential {
        let known = entry.issuer_classes.iter().all(|c| ISSUER_CLASSES.contains(&c.as_str()));
        if !count.contains(&entry.issuer_classes.len()) || !known {
            return limit("issuerClasses");
        }
    }
    for (name, text) in
        [("title", &entry.agreement_title), ("reference", &entry.agreement_reference)]
    {
        let plain = !text.chars().any(char::is_control) && !text.contains('@');
        if text.is_empty() || text.len() > limits::RECOGNITION_TEXT_BYTES_MAX || !plain {
            return limit(&format!("agreement/{name}"));
        }
    }
    if entry.until_ms.is_some_and(|until| until <= entry.from_ms) {
        return limit("until");
    }
    Ok(())
}

/// A scheme code: 1 to 12 of A-Z 0-9.
fn is_scheme_name(text: &str) -> bool {
    (1..=12).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// A reason code: 1 to 32 of a-z and `_`.
fn is_reason(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}
